//! What `millrace-vm` is asked for.

mod bench;
mod check;
mod run;
mod task;
mod text;
mod trace;
mod verify;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::{
	fmt::Arguments,
	io::{self, Write},
	path::PathBuf,
	process::ExitCode,
};
use task::Task;

/// Checks, runs, traces and proves programs as the market's court would.
#[derive(Parser)]
#[command(version, about)]
pub struct Options {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand)]
enum Command {
	/// Says whether a program is accepted, and what it is on chain.
	Check {
		/// The program, a WebAssembly module.
		program: PathBuf,
		/// The exported function that is run, of a module that is no command.
		#[arg(long, value_name = "NAME")]
		entry: Option<String>,
		/// Writes the normalised module here.
		#[arg(long)]
		output: Option<PathBuf>,
	},
	/// Runs a program at native speed, or on the step machine, and writes its output to standard output. What else there
	/// is to say goes to standard error. The exit code is 5 if the program ended in any way but success.
	Run {
		#[command(flatten)]
		task: Task,
		/// Runs it on the step machine instead.
		#[arg(long)]
		steps: bool,
	},
	/// Runs a program step by step and shows roots of states.
	Trace {
		#[command(flatten)]
		task: Task,
		/// The first step to show.
		#[arg(long, default_value_t = 0)]
		from: u64,
		/// How many states to show.
		#[arg(long, default_value_t = 16)]
		count: u64,
		/// Steps from one to the next.
		#[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
		every: u64,
	},
	/// Writes the witness of one step and shows the roots before and after it.
	Prove {
		#[command(flatten)]
		task: Task,
		/// The step.
		#[arg(long)]
		step: u64,
		/// Where to write the witness.
		#[arg(long)]
		output: PathBuf,
	},
	/// Measures programs that read nothing: what the normaliser's additions cost, and the speed of the step machine.
	Bench {
		/// A folder of WebAssembly modules, such as vm/kernels/build.sh makes.
		folder: PathBuf,
		/// Pairs of runs of each.
		#[arg(long, default_value_t = 31)]
		rounds: usize,
	},
	/// Executes one step from a witness: the root before it in, the root after it out, and the outcome if it is the last.
	Verify {
		/// The root of the state before the step, 64 hexadecimal digits.
		root: String,
		/// The witness.
		witness: PathBuf,
	},
}

/// Does what it is asked for. Results go to `output`.
pub fn execute(options: Options, output: &mut dyn Write) -> Result<ExitCode> {
	let done = match options.command {
		Command::Run { task, steps } => return run::run(&task, steps, output),
		Command::Check {
			program,
			entry,
			output: file,
		} => check::check(&program, entry.as_deref(), file.as_deref(), output),
		Command::Trace {
			task,
			from,
			count,
			every,
		} => trace::trace(&task, from, count, every, output),
		Command::Prove {
			task,
			step,
			output: file,
		} => trace::prove(&task, step, &file, output),
		Command::Bench { folder, rounds } => bench::bench(&folder, rounds, output),
		Command::Verify { root, witness } => verify::verify(&root, &witness, output),
	};
	done.map(|()| ExitCode::SUCCESS)
}

/// Says something to whoever watches; nobody needs to.
pub fn say(line: Arguments<'_>) {
	let _ = writeln!(io::stderr(), "{line}");
}
