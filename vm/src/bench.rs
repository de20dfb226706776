//! What the instrumentation costs: a program as it was against the same program normalised, both under wasmtime.
//!
//! All are compiled with the same settings and run on the same thread in turns: plain, normalised, normalised so that it
//! can be stopped, plain. So whatever else the machine does hits all of them alike. The ratios are medians over the rounds,
//! each to the plain run before it; the control, plain to plain, tells how far to trust them.

use crate::{
	fast::{on_long_stack, settings, FastConfig, FastEngine, FastProgram, HostError, Stop},
	normalise::{normalise, Refused},
	outcome::Status,
	supply::Supply,
	task::Limits,
	MAX_GAS,
};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Engine, Linker, Memory, Module, Store};

/// What was measured of one program.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
	/// The program's name.
	pub name: String,
	/// The median time of the plain program.
	pub plain: Duration,
	/// The median time of the normalised program.
	pub normalised: Duration,
	/// The median of the ratios of the latter to the former.
	pub ratio: f64,
	/// The same for the normalised program compiled to be stopped, as agents run it.
	pub interruptible: f64,
	/// The median of the ratios of the plain program to itself.
	pub control: f64,
	/// What the program costs.
	pub gas: u64,
}

impl Measured {
	/// Nanoseconds for a gas.
	pub fn nanoseconds_per_gas(&self) -> f64 {
		self.normalised.as_secs_f64() * 1e9 / self.gas.max(1) as f64
	}
}

/// Why a program could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
	/// It is not accepted.
	#[error(transparent)]
	Refused(#[from] Refused),
	/// This machine is in trouble.
	#[error(transparent)]
	Host(#[from] HostError),
	/// The two runs of it came to different ends.
	#[error("the program failed, or wrote something else once it was normalised")]
	Different,
	/// The plain program failed.
	#[error("the plain program failed: {0}")]
	Plain(String),
}

/// Measures a program that reads nothing and writes a little, over so many rounds (at least one).
pub fn measure(name: &str, wasm: &[u8], rounds: usize) -> Result<Measured, BenchError> {
	on_long_stack(|| measure_here(name, wasm, rounds.max(1)))?
}

fn measure_here(name: &str, wasm: &[u8], rounds: usize) -> Result<Measured, BenchError> {
	let config = FastConfig {
		interruptible: false,
		parallel: true,
	};
	let module = normalise(wasm)?;
	let program = FastEngine::new(config)?.compile(&module)?;
	let interruptible = FastEngine::new(FastConfig::default())?.compile(&module)?;
	let plain = Plain::new(wasm, config).map_err(|error| BenchError::Plain(format!("{error:#}")))?;
	let limits = Limits {
		gas: MAX_GAS,
		memory_pages: crate::MAX_PAGES,
		output: 1 << 20,
	};
	let (mut before, mut after, mut gas) = (vec![], vec![], 0);
	let (mut ratios, mut stoppable, mut controls) = (vec![], vec![], vec![]);
	// One round more than is counted: the first also warms the machine.
	for round in 0..=rounds {
		let (first, output) = timed(|| plain.run())?;
		let normalised = |program: &FastProgram| {
			let run = || program.run_here(&limits, Supply::of_input(Vec::new(), [0; 32]), &Stop::new());
			timed(|| run().map_err(BenchError::from))
		};
		let (second, run) = normalised(&program)?;
		let (third, _) = normalised(&interruptible)?;
		let (fourth, _) = timed(|| plain.run())?;
		if run.status() != Status::Success || run.output != output {
			return Err(BenchError::Different);
		}
		gas = run.gas_used;
		if round > 0 {
			before.push(first);
			after.push(second);
			ratios.push(second.as_secs_f64() / first.as_secs_f64());
			stoppable.push(third.as_secs_f64() / first.as_secs_f64());
			controls.push(fourth.as_secs_f64() / first.as_secs_f64());
		}
	}
	before.sort_unstable();
	after.sort_unstable();
	for ratios in [&mut ratios, &mut stoppable, &mut controls] {
		ratios.sort_unstable_by(f64::total_cmp);
	}
	Ok(Measured {
		name: name.into(),
		plain: before[rounds / 2],
		normalised: after[rounds / 2],
		ratio: ratios[rounds / 2],
		interruptible: stoppable[rounds / 2],
		control: controls[rounds / 2],
		gas,
	})
}

/// The median time in which a task of a program that does nothing starts and ends, its module compiled before: thread,
/// instance and end.
pub fn start_time(rounds: usize) -> Result<Duration, BenchError> {
	// (module (func (export "_start")))
	const EMPTY: &[u8] =
		b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\x0a\x04\x01\x02\0\x0b";
	let program = FastEngine::new(FastConfig::default())?.compile(&normalise(EMPTY)?)?;
	let limits = Limits {
		gas: MAX_GAS,
		memory_pages: 1,
		output: 0,
	};
	let run = || {
		program
			.run(&limits, Supply::of_input(Vec::new(), [0; 32]), &Stop::new())
			.map_err(BenchError::from)
	};
	let times: Result<Vec<_>, _> = (0..=rounds).map(|_| timed(run).map(|(time, _)| time)).collect();
	let mut times = times?;
	times.sort_unstable();
	Ok(times[rounds / 2])
}

fn timed<T>(work: impl FnOnce() -> Result<T, BenchError>) -> Result<(Duration, T), BenchError> {
	let started = Instant::now();
	let result = work()?;
	Ok((started.elapsed(), result))
}

/// A program as it is.
struct Plain {
	engine: Engine,
	module: Module,
	linker: Linker<Vec<u8>>,
}

impl Plain {
	fn new(wasm: &[u8], config: FastConfig) -> wasmtime::Result<Self> {
		let engine = Engine::new(&settings(config))?;
		let mut linker = Linker::new(&engine);
		linker.func_wrap("wasi_snapshot_preview1", "fd_write", write)?;
		Ok(Self {
			module: Module::from_binary(&engine, wasm)?,
			engine,
			linker,
		})
	}

	fn run(&self) -> Result<Vec<u8>, BenchError> {
		let run = || {
			let mut store = Store::new(&self.engine, Vec::new());
			let instance = self.linker.instantiate(&mut store, &self.module)?;
			instance
				.get_typed_func::<(), ()>(&mut store, "_start")?
				.call(&mut store, ())?;
			Ok(store.into_data())
		};
		run().map_err(|error: wasmtime::Error| BenchError::Plain(format!("{error:#}")))
	}
}

/// `fd_write` of one buffer.
fn write(mut caller: Caller<'_, Vec<u8>>, _: i32, list: i32, _: i32, _: i32) -> wasmtime::Result<i32> {
	let memory: Option<Memory> = caller.get_export("memory").and_then(|export| export.into_memory());
	let (bytes, output) = match &memory {
		Some(memory) => memory.data_and_store_mut(&mut caller),
		None => return Ok(8),
	};
	let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
	let written = || {
		let (at, len) = (word(list as usize)?, word(list as usize + 4)?);
		bytes.get(at..at.checked_add(len)?)
	};
	output.extend_from_slice(written().unwrap_or_default());
	Ok(0)
}
