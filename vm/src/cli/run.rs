//! `run`.

use super::{
	say,
	task::Task,
	text::{hex, lines},
};
use anyhow::{bail, Context, Result};
use millrace_vm::{
	data::data_root,
	fast::{FastConfig, FastEngine},
	outcome::{Status, Tail},
	state::Halt,
	stop::Stop,
};
use std::{io::Write, process::ExitCode};

/// The exit code of whatever ran and did not succeed.
const UNSUCCESSFUL: u8 = 5;

pub fn run(task: &Task, steps: bool, out: &mut dyn Write) -> Result<ExitCode> {
	match steps {
		true => run_steps(task, out),
		false => run_fast(task, out),
	}
}

fn run_fast(task: &Task, out: &mut dyn Write) -> Result<ExitCode> {
	let program = FastEngine::new(FastConfig::default())?.compile(&task.normalised()?)?;
	if !program.fits(task.pages) {
		bail!(
			"the program starts with {} pages of memory: give it more than {} with --pages",
			program.needs(),
			task.pages
		);
	}
	let run = program.run(&task.limits(), task.supply()?, &Stop::new())?;
	show(run.halt, &run.output, &run.tail, run.gas_used, out)
}

fn run_steps(task: &Task, out: &mut dyn Write) -> Result<ExitCode> {
	let mut trace = task.trace()?;
	let (outcome, steps) = trace.finish()?;
	let halt = trace.halt().context("it has not ended")?;
	say(format_args!("steps           {steps}"));
	show(halt, &trace.output(), &trace.tail(), outcome.gas_used, out)
}

/// The output alone to where outputs go, all else beside it.
fn show(halt: Halt, output: &[u8], tail: &Tail, gas: u64, out: &mut dyn Write) -> Result<ExitCode> {
	let (status, code) = halt.status();
	say(format_args!("status          {status:?}, code {code}: {halt}"));
	say(format_args!("gas used        {gas}"));
	let root = hex(&data_root(output));
	say(format_args!("output          {} bytes, root {root}", output.len()));
	if tail.count > 0 {
		let bytes = tail.bytes();
		say(format_args!(
			"standard error  {} bytes, the last {}:",
			tail.count,
			bytes.len()
		));
		lines(&bytes).iter().for_each(|line| say(format_args!("    {line}")));
	}
	out.write_all(output).context("cannot write the output")?;
	out.flush().context("cannot write the output")?;
	Ok(match status {
		Status::Success => ExitCode::SUCCESS,
		_ => ExitCode::from(UNSUCCESSFUL),
	})
}
