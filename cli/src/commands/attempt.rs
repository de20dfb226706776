//! `millrace try`: runs one task of a job here, exactly as a provider would. Needs no node.

use crate::{
	context,
	failure::{Failure, Result},
	job::Loaded,
	options::TryOptions,
	output::Output,
	units::mill,
};
use millrace_client::words;
use millrace_exec::{
	image::{map, Identity},
	Bytes, Execute, Execution, LoadError, Named, Stop, Supply, Wasm, WasmLimits,
};
use millrace_primitives::{
	job::{MAX_TASK_DATA, MAX_TASK_GAS},
	machine::{address, task_seed, Limits, Outcome, Status},
	money, Balance, Gas,
};
use serde_json::json;
use std::{
	fs::{self, File},
	io::{self, IsTerminal, Write},
	path::Path,
	sync::Arc,
	time::{Duration, Instant},
};

/// The least output limit that is advised, in bytes.
const LEAST_OUTPUT: u64 = 64 * 1024;
/// So much more than was used is advised as a limit, in percent.
const MARGIN: u64 = 25;

/// What came of a task.
struct Attempt {
	execution: Execution,
	/// Without compiling.
	time: Duration,
	compiling: Duration,
	limits: Limits,
}

/// Runs the command.
pub async fn run(options: TryOptions, output: &mut Output) -> Result<()> {
	let task = options.task;
	let save = options.save;
	let checked = options.job.resolve()?.check()?;
	if checked.program.is_none() {
		return Err(Failure::Input(
			"to try a program, its module is needed: name the file with --program".into(),
		));
	}
	let stop = Stop::new();
	let stopped = stop.clone();
	let work = tokio::task::spawn_blocking(move || {
		let loaded = checked.load()?;
		let attempt = attempt(&loaded, task, &stopped)?;
		Ok::<_, Failure>((loaded, attempt))
	});
	let done = tokio::select! {
		done = work => done,
		_ = context::interrupted() => {
			stop.request();
			return Err(Failure::Other("interrupted".into()));
		}
	};
	let (loaded, attempt) = done.map_err(|error| Failure::Other(error.to_string()))??;
	report(&loaded, task, &attempt, save.as_deref(), output)?;
	match attempt.execution.outcome.status {
		Status::Success => Ok(()),
		status => {
			let ended = words::outcome(status, attempt.execution.outcome.code);
			Err(Failure::Incomplete(format!("task {task} did not succeed: {ended}")))
		}
	}
}

fn attempt(loaded: &Loaded, task: u32, stop: &Stop) -> Result<Attempt> {
	let tasks = loaded.inputs.tasks();
	let input = loaded.inputs.pieces.get(task as usize).ok_or_else(|| {
		Failure::Input(format!(
			"--task: the job has the tasks 0 to {}",
			tasks.saturating_sub(1)
		))
	})?;
	let failed = |error: io::Error| Failure::Input(format!("cannot read what the task is given: {error}"));
	let checked = &loaded.checked;
	let program = checked
		.program
		.as_ref()
		.ok_or_else(|| Failure::Other("no module".into()))?;
	let named = Named {
		id: program.id,
		roots: program.roots,
		module: program.blob(),
	};
	let limits = checked.job.terms.limits;
	let begun = Instant::now();
	let executor = Wasm::new(WasmLimits::default()).map_err(|error| Failure::Other(error.to_string()))?;
	let ready = {
		let wasm = fs::read(program.module.path()).map_err(failed)?;
		executor
			.load(&named, &wasm, limits.memory_pages)
			.map_err(|error| match error {
				LoadError::Refused(refused) => Failure::Input(refused.to_string()),
				LoadError::Host(host) => Failure::Other(host.to_string()),
			})?
	};
	let compiling = begun.elapsed();
	let nothing: Bytes = Arc::new([0; 0]);
	let supply = Supply {
		input: Arc::new(input.read().map_err(failed)?),
		image: match &loaded.image {
			Some(image) => mapped(image.path()).map_err(failed)?,
			None => nothing.clone(),
		},
		setup: match &checked.setup {
			Some(setup) => Arc::new(fs::read(setup.path()).map_err(failed)?),
			None => nothing,
		},
		seed: task_seed(&loaded.inputs.root(), task),
	};
	let begun = Instant::now();
	let execution = ready
		.run(&limits, supply, stop)
		.map_err(|error| Failure::Other(error.to_string()))?;
	Ok(Attempt {
		execution,
		time: begun.elapsed(),
		compiling,
		limits,
	})
}

/// A file of this process's own, which nobody changes.
fn mapped(path: &Path) -> io::Result<Bytes> {
	map(path, &Identity::of(&File::open(path)?)?)
}

fn report(loaded: &Loaded, task: u32, attempt: &Attempt, save: Option<&Path>, output: &mut Output) -> Result<()> {
	let outcome = &attempt.execution.outcome;
	let kept = outcome.status.keeps_output();
	if let Some(path) = save.filter(|_| kept) {
		fs::write(path, &attempt.execution.output)
			.map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))?;
	}
	let terms = &loaded.checked.job.terms;
	let cost = cost(terms.price, outcome.gas_used, terms.replicas, 1);
	let all = cost.and_then(|cost| cost.checked_mul(loaded.inputs.tasks().into()));
	let advised = advised(outcome).unzip();
	let input = loaded.inputs.pieces.get(task as usize);
	let name = input
		.and_then(|input| input.name.as_ref())
		.map(|name| name.to_string_lossy().into_owned());
	let tail = words::tail(&attempt.execution.tail);
	let absent = loaded.checked.job.setup.output.absent();
	let absent = absent.filter(|_| outcome.status == Status::NoOutput);
	if output.is_json() {
		let document = json!({
			"task": task,
			"input": name,
			"status": outcome.status,
			"code": outcome.code,
			"words": words::outcome(outcome.status, outcome.code),
			"gas": outcome.gas_used,
			"bytes": outcome.output.len,
			"root": address(&outcome.output),
			"errors": tail,
			"milliseconds": attempt.time.as_millis() as u64,
			"compilingMilliseconds": attempt.compiling.as_millis() as u64,
			"costOfTask": cost.map(|cost| cost.to_string()),
			"costOfJob": all.map(|cost| cost.to_string()),
			"advisedGasLimit": advised.0,
			"advisedOutputLimit": advised.1,
		});
		return output.result(&document, "");
	}
	let mut row = |name: &str, value: String| output.note(format!("{name:<14}{value}"));
	let input = name.map_or_else(String::new, |name| format!(" ({})", words::line(&name)));
	row("task", format!("{task} of {}{input}", loaded.inputs.tasks()));
	row("status", words::outcome(outcome.status, outcome.code));
	if let Some(absent) = absent {
		row("", words::line(&absent));
	}
	row("gas", format!("{} of {}", outcome.gas_used, attempt.limits.gas));
	row("output", format!("{} bytes", outcome.output.len));
	row(
		"time",
		format!(
			"{:.3} s, and {:.3} s for compiling the program, once",
			attempt.time.as_secs_f64(),
			attempt.compiling.as_secs_f64()
		),
	);
	if let (Some(cost), Some(all)) = (cost, all) {
		let (replicas, price) = (terms.replicas, mill(terms.price));
		row(
			"cost",
			format!(
				"at most {} at {price} per Ggas and provider, {replicas} in all",
				mill(cost)
			),
		);
		row(
			"",
			format!(
				"at most {} for all tasks, if they are alike; the protocol's fee, and what is burned for each seat of a shard at \
				 submission, come on top (`millrace estimate`)",
				mill(all)
			),
		);
	}
	if let Some(advice) = advice(outcome, &attempt.limits) {
		row("limits", advice);
	}
	if !tail.is_empty() {
		row("", "standard error:".into());
		tail.lines().for_each(|line| output.note(format!("    {line}")));
	}
	match save {
		_ if !kept => Ok(()),
		Some(_) => Ok(()),
		None => show(&attempt.execution.output),
	}
}

/// The output itself, but not what would spoil a terminal.
fn show(bytes: &[u8]) -> Result<()> {
	let mut out = io::stdout();
	let is_text = !bytes
		.iter()
		.any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
	if out.is_terminal() && !is_text {
		crate::output::note("The output is not text: save it with --save FILE.");
		return Ok(());
	}
	match out.write_all(bytes).and_then(|()| out.flush()) {
		Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
			Err(Failure::Other(format!("cannot write: {error}")))
		}
		_ => Ok(()),
	}
}

/// The most that so many tasks of this gas cost; none if that is more than any balance.
fn cost(price: Balance, gas: Gas, replicas: u8, tasks: u32) -> Option<Balance> {
	money::seat_cap(price, gas, tasks)?.checked_mul(replicas.into())
}

/// What is to be said of the limits.
fn advice(outcome: &Outcome, limits: &Limits) -> Option<String> {
	match outcome.status {
		Status::OutOfGas if limits.gas >= MAX_TASK_GAS => {
			Some("no task may have more gas: give each task less to do".into())
		}
		Status::OutOfGas => Some(format!(
			"raise --gas-limit: {} is not enough, what is cannot be told",
			limits.gas
		)),
		Status::OutputTooLong if limits.output >= MAX_TASK_DATA => {
			Some("no task may have more output: give each task less to do".into())
		}
		Status::OutputTooLong => Some(format!("raise --output-limit: {} bytes are not enough", limits.output)),
		_ => advised(outcome).map(|(gas, output)| format!("--gas-limit {gas} --output-limit {output} would do")),
	}
}

/// Limits that leave some room, of gas and of bytes of output; none after a task whose need is not known.
fn advised(outcome: &Outcome) -> Option<(String, String)> {
	if !outcome.status.keeps_output() {
		return None;
	}
	let more = |used: u64| used.saturating_add(used / 100 * MARGIN);
	let gas = more(outcome.gas_used).clamp(1, MAX_TASK_GAS);
	let (unit, suffix) = match gas {
		0..1_000_000 => (1_000, "K"),
		1_000_000..10_000_000_000 => (1_000_000, "M"),
		_ => (1_000_000_000, "G"),
	};
	let rounded = gas.div_ceil(unit);
	let gas = match rounded * unit > MAX_TASK_GAS {
		true => MAX_TASK_GAS.to_string(),
		false => format!("{rounded}{suffix}"),
	};
	let output = more(outcome.output.len.into()).clamp(LEAST_OUTPUT, MAX_TASK_DATA.into());
	Some((gas, format!("{}K", output.div_ceil(1_024))))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::job::options::{TermOptions, WorkOptions};
	use millrace_primitives::{machine::Blob, MILLI};

	/// A program that writes its input and ends with the code that is its first byte, less `0`.
	const ECHO: &str = r#"(module
		(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
		(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
		(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "\40\00\00\00\40\00\00\00")
		(func (export "_start")
			(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
			(i32.store (i32.const 4) (i32.load (i32.const 8)))
			(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
			(drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
			(call $exit (i32.sub (i32.load8_u (i32.const 64)) (i32.const 48)))))"#;

	fn loaded(folder: &Path) -> Loaded {
		fs::write(folder.join("echo.wasm"), wat::parse_str(ECHO).unwrap()).unwrap();
		fs::write(folder.join("lines"), "0 fine\n3 not\n").unwrap();
		fs::create_dir_all(folder.join("files")).unwrap();
		let work = WorkOptions {
			program: Some(folder.join("echo.wasm").display().to_string()),
			image: Some(folder.join("files")),
			arg: vec!["x".into()],
			inputs: Some(folder.join("lines")),
			lines: true,
			..WorkOptions::default()
		};
		let job = work.resolve(TermOptions::default().resolve()).unwrap();
		job.check().unwrap().load().unwrap()
	}

	#[test]
	fn a_task_runs_as_a_provider_runs_it() {
		let folder = tempfile::tempdir().unwrap();
		let loaded = loaded(folder.path());
		let of = |task| attempt(&loaded, task, &Stop::new());
		let (first, second) = (of(0).unwrap().execution, of(1).unwrap().execution);
		assert_eq!(
			(first.outcome.status, first.output.as_slice()),
			(Status::Success, &b"0 fine"[..])
		);
		assert_eq!((second.outcome.status, second.outcome.code), (Status::Exit, 3));
		assert_eq!(second.output, b"3 not", "what exits keeps its output");
		assert_eq!(words::tail(&second.tail), "3 not");
		assert!(first.outcome.gas_used > 0);
		assert_eq!(of(2).err().unwrap().exit_code(), 2);
	}

	fn outcome(status: Status, gas_used: Gas, len: u32) -> Outcome {
		Outcome {
			status,
			code: 0,
			output: Blob { tree: [0; 32], len },
			errors: [0; 32],
			gas_used,
		}
	}

	#[test]
	fn what_was_not_enough_is_not_advised() {
		let limits = |gas, output| Limits {
			gas,
			memory_pages: 1,
			output,
		};
		let advice = |status, limits: Limits| advice(&outcome(status, 100, 0), &limits);
		let text = advice(Status::OutOfGas, limits(100, 5)).unwrap();
		assert!(text.starts_with("raise --gas-limit: 100 "), "{text}");
		let text = advice(Status::OutputTooLong, limits(100, 5)).unwrap();
		assert!(text.starts_with("raise --output-limit: 5 bytes"), "{text}");
		for status in [Status::OutOfGas, Status::OutputTooLong] {
			let text = advice(status, limits(MAX_TASK_GAS, MAX_TASK_DATA)).unwrap();
			assert!(text.starts_with("no task may have more"), "{text}");
		}
		for status in Status::ALL {
			assert_eq!(advised(&outcome(status, 1, 0)).is_some(), status.keeps_output());
		}
		assert_eq!(advice(Status::Trap, limits(100, 5)), None);
	}

	#[test]
	fn limits_and_costs_leave_some_room() {
		let advised = |gas, len| advised(&outcome(Status::Exit, gas, len)).unwrap();
		assert_eq!(advised(1_000, 0), ("2K".into(), "64K".into()));
		assert_eq!(advised(8_000_000, 1 << 20), ("10M".into(), "1280K".into()));
		assert_eq!(advised(80_000_000_000, 1), ("100G".into(), "64K".into()));
		// Not more than any task may have.
		let (gas, output) = advised(MAX_TASK_GAS, MAX_TASK_DATA);
		assert_eq!(crate::units::parse_gas(&gas), Ok(MAX_TASK_GAS));
		assert_eq!(crate::job::options::parse_output(&output), Ok(MAX_TASK_DATA));
		assert_eq!(cost(MILLI, money::GGAS, 2, 1), Some(2 * MILLI));
		assert_eq!(cost(Balance::MAX, money::GGAS, 2, 1), None);
	}
}
