//! `millrace-vm`: the verifiable machine for people who write programs.

use anyhow::{bail, Context, Result};
use clap::{Args, Parser, Subcommand};
use millrace_vm::{
	bench::{measure, start_time},
	bisect::Trace,
	data::data_root,
	fast::{FastConfig, FastEngine, Stop},
	flatten::flatten,
	hash::{Blake2, Hash},
	machine::Machine,
	normalise::{normalise, Normalised},
	program::{Input, Program},
	state::{Limits, Status},
	witness::verify,
	MAX_GAS, MAX_PAGES,
};
use std::{
	fs,
	io::{Read, Write},
	path::{Path, PathBuf},
	process::ExitCode,
	sync::Arc,
	time::Instant,
};

/// Checks, runs, traces and proves programs as the market's court would.
#[derive(Parser)]
#[command(version, about)]
struct Options {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand)]
enum Command {
	/// Says whether a program is accepted, and what it is on chain.
	Check {
		/// The program, a WebAssembly module.
		program: PathBuf,
		/// Writes the normalised module here.
		#[arg(long)]
		output: Option<PathBuf>,
	},
	/// Runs a program at native speed and writes its output to standard output.
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
	/// Executes one step from a witness: the root before it in, the root after it out.
	Verify {
		/// The root of the state before the step, 64 hexadecimal digits.
		root: String,
		/// The witness.
		witness: PathBuf,
	},
}

/// A program, its input, its limits.
#[derive(Args)]
struct Task {
	/// The program, a WebAssembly module.
	program: PathBuf,
	/// The input; `-` for standard input, nothing for none.
	#[arg(long)]
	input: Option<PathBuf>,
	/// Gas limit, such as 500000, 200M or 10G.
	#[arg(long, default_value = "10G", value_parser = parse_gas)]
	gas: u64,
	/// Memory limit in pages of 64 KiB.
	#[arg(long, default_value_t = 1024)]
	pages: u32,
	/// Output limit in bytes.
	#[arg(long, default_value_t = 1024 * 1024)]
	output_limit: u32,
	/// Seed of random numbers, 64 hexadecimal digits.
	#[arg(long)]
	seed: Option<String>,
}

impl Task {
	fn normalised(&self) -> Result<Normalised> {
		load(&self.program)
	}

	fn flat(&self) -> Result<Arc<Program>> {
		Ok(Arc::new(flatten(&self.normalised()?)?))
	}

	fn bytes(&self) -> Result<Vec<u8>> {
		let Some(path) = &self.input else {
			return Ok(Vec::new());
		};
		if path.as_os_str() == "-" {
			let mut bytes = Vec::new();
			std::io::stdin()
				.read_to_end(&mut bytes)
				.context("cannot read standard input")?;
			return Ok(bytes);
		}
		fs::read(path).with_context(|| format!("cannot read the input {}", path.display()))
	}

	fn limits(&self) -> Result<Limits> {
		Ok(Limits {
			gas: self.gas,
			memory_pages: self.pages,
			output: self.output_limit,
			seed: match &self.seed {
				Some(seed) => unhex(seed).context("the seed is not 64 hexadecimal digits")?,
				None => [0; 32],
			},
		})
	}

	fn trace(&self) -> Result<Trace> {
		let input = Input::new(self.bytes()?).context("the input is too long")?;
		Ok(Trace::new(self.flat()?, Arc::new(input), &self.limits()?)?)
	}
}

fn load(path: &Path) -> Result<Normalised> {
	let wasm = fs::read(path).with_context(|| format!("cannot read the program {}", path.display()))?;
	normalise(&wasm).with_context(|| format!("{} is not accepted", path.display()))
}

/// Reads an amount of gas, with K, M, G or T for powers of 1000.
fn parse_gas(text: &str) -> Result<u64, String> {
	let (number, factor) = match text.find(['K', 'M', 'G', 'T']) {
		Some(at) if at + 1 == text.len() => (
			&text[..at],
			1000u64.pow("KMGT".find(&text[at..]).unwrap_or(0) as u32 + 1),
		),
		_ => (text, 1),
	};
	let gas = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
	gas.filter(|gas| (1..=MAX_GAS).contains(gas))
		.ok_or_else(|| format!("expected 1 to {MAX_GAS} gas, such as 10G"))
}

fn hex(hash: &[u8]) -> String {
	hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Hash> {
	let text = text.strip_prefix("0x").unwrap_or(text);
	if text.len() != 64 || !text.is_ascii() {
		return None;
	}
	let mut hash = [0; 32];
	for (n, byte) in hash.iter_mut().enumerate() {
		*byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
	}
	Some(hash)
}

fn main() -> ExitCode {
	match execute(Options::parse().command) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("millrace-vm: {error:#}");
			ExitCode::FAILURE
		}
	}
}

fn execute(command: Command) -> Result<()> {
	match command {
		Command::Check { program, output } => check(&program, output.as_deref()),
		Command::Run { task, steps: false } => run(&task),
		Command::Run { task, steps: true } => run_steps(&task),
		Command::Trace {
			task,
			from,
			count,
			every,
		} => trace(&task, from, count, every),
		Command::Prove { task, step, output } => prove(&task, step, &output),
		Command::Bench { folder, rounds } => bench(&folder, rounds),
		Command::Verify { root, witness } => judge(&root, &witness),
	}
}

fn check(path: &Path, output: Option<&Path>) -> Result<()> {
	let normalised = load(path)?;
	let program = flatten(&normalised)?;
	let wasm = fs::read(path).with_context(|| format!("cannot read the program {}", path.display()))?;
	println!("program         0x{}", hex(&data_root(&wasm)));
	println!("flat code       0x{}", hex(&program.root()));
	println!("instructions    {}", program.code().len());
	println!("normalised      {} bytes", normalised.bytes().len());
	println!(
		"memory          {} pages of 64 KiB at the start, at most {}",
		normalised.initial_pages(),
		normalised.max_pages()
	);
	if let Some(output) = output {
		fs::write(output, normalised.bytes()).with_context(|| format!("cannot write {}", output.display()))?;
	}
	Ok(())
}

fn summary(status: Status, output: &[u8], gas: u64, reason: Option<String>) -> Result<()> {
	std::io::stdout().write_all(output).context("cannot write the output")?;
	eprintln!("gas used        {gas}");
	eprintln!(
		"output          {} bytes, root {}",
		output.len(),
		hex(&data_root(output))
	);
	match (status, reason) {
		(Status::Success, _) => Ok(()),
		(Status::Failed, Some(reason)) => bail!("the program failed: {reason}"),
		(Status::Failed, None) => bail!("the program failed"),
	}
}

fn run(task: &Task) -> Result<()> {
	let engine = FastEngine::new(FastConfig::default())?;
	let normalised = task.normalised()?;
	if normalised.initial_pages() > task.pages {
		bail!(
			"the program starts with {} pages of memory: give it more than {} with --pages",
			normalised.initial_pages(),
			task.pages
		);
	}
	let program = engine.compile(&normalised)?;
	let run = program.run(&task.limits()?, task.bytes()?, &Stop::new())?;
	summary(
		run.status,
		&run.output,
		run.gas_used,
		run.fault.map(|fault| fault.to_string()),
	)
}

fn run_steps(task: &Task) -> Result<()> {
	let mut trace = task.trace()?;
	let (outcome, steps) = trace.finish();
	eprintln!("steps           {steps}");
	summary(outcome.status, &trace.output(), outcome.gas_used, None)
}

fn trace(task: &Task, from: u64, count: u64, every: u64) -> Result<()> {
	let mut trace = task.trace()?;
	let mut last = None;
	for n in 0..count {
		let step = from.saturating_add(n.saturating_mul(every));
		let root = trace.root(step);
		if last == Some(root) {
			println!("the program has ended");
			break;
		}
		println!("{step:>16} {}", hex(&root));
		last = Some(root);
	}
	Ok(())
}

fn prove(task: &Task, step: u64, output: &Path) -> Result<()> {
	let mut trace = task.trace()?;
	let witness = trace.witness(step);
	if trace.root(step) == trace.root(step.saturating_add(1)) {
		bail!("the program ends before step {step}");
	}
	fs::write(output, &witness).with_context(|| format!("cannot write {}", output.display()))?;
	println!("before {}", hex(&trace.root(step)));
	println!("after  {}", hex(&trace.root(step.saturating_add(1))));
	println!("{} bytes", witness.len());
	Ok(())
}

/// Steps for which the step machine is timed.
const TIMED_STEPS: u64 = 200_000_000;

fn bench(folder: &Path, rounds: usize) -> Result<()> {
	let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
	let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
	paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
	paths.sort();
	if paths.is_empty() {
		bail!("there is no .wasm in {}", folder.display());
	}
	println!("a task of an empty program takes {:?}", start_time(100)?);
	println!("program            ratio  stoppable  A/A    ns/gas  steps/gas  M steps/s");
	for path in paths {
		let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
		let wasm = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
		let measured = measure(&name, &wasm, rounds).with_context(|| format!("cannot measure {name}"))?;
		let program = Arc::new(flatten(&normalise(&wasm)?)?);
		let limits = Limits {
			gas: MAX_GAS,
			memory_pages: MAX_PAGES,
			output: 1 << 20,
			seed: [0; 32],
		};
		let input = Arc::new(Input::new(Vec::new()).context("no input")?);
		let mut machine = Machine::new(program, input, &limits)?;
		let started = Instant::now();
		let steps = machine.run(TIMED_STEPS);
		let rate = steps as f64 / started.elapsed().as_secs_f64() / 1e6;
		let per_gas = match machine.halt() {
			Some(_) => format!("{:.2}", steps as f64 / measured.gas.max(1) as f64),
			None => "-".into(),
		};
		println!(
			"{name:<18} {:.3}  {:>9.3}  {:.3}  {:.4}  {per_gas:>9}  {rate:>9.0}",
			measured.ratio,
			measured.interruptible,
			measured.control,
			measured.nanoseconds_per_gas(),
		);
	}
	Ok(())
}

fn judge(root: &str, path: &Path) -> Result<()> {
	let root = unhex(root).context("the root is not 64 hexadecimal digits")?;
	let witness = fs::read(path).with_context(|| format!("cannot read the witness {}", path.display()))?;
	println!("{}", hex(&verify::<Blake2>(&root, &witness)?));
	Ok(())
}
