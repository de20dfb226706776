//! The fast engine: a normalised module at native speed under wasmtime.
//!
//! The engine gives the module the four intrinsics and a memory limit, and reads the gas counter at the end; gas and
//! stack are counted by the module itself, so nothing of wasmtime's own accounting is used. Whatever a program does, the
//! outcome is the step machine's. What is not the program's doing (no memory, a request to stop) is a [`HostError`] and
//! no outcome.

use crate::{
	data::data_root,
	normalise::{Normalised, MODULE},
	state::{Limits, Outcome, Status},
	MAX_GAS, MAX_INPUT,
};
use std::{
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	time::Duration,
};
use wasmtime::{
	Caller, Config, Engine, Instance, InstancePre, Linker, Module, OptLevel, ResourceLimiter, Store, Trap,
	UpdateDeadline, Val,
};

/// The native stack that a program's calls may use: 1 KiB for each cell that the module counts, and the frame of one
/// function that calls nothing, which it does not count.
const WASM_STACK: usize = 320 * 1024 * 1024;
/// The stack of a thread that runs a program: the program's and the host's beyond it. Taken from the machine only as
/// far as it is used.
const THREAD_STACK: usize = WASM_STACK + 4 * 1024 * 1024;
/// How often running programs look whether they should stop.
const EPOCH: Duration = Duration::from_millis(100);
/// The size of a page of memory in bytes.
const PAGE: usize = 64 * 1024;
/// Words of the input from this one on are the seed.
const SEED_WORD: u32 = 0xffff_fffc;

/// How the engine compiles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FastConfig {
	/// Whether running programs can be stopped. Costs a load and a branch in each turn of a loop.
	pub interruptible: bool,
	/// Whether functions are compiled on all cores.
	pub parallel: bool,
}

impl Default for FastConfig {
	fn default() -> Self {
		Self {
			interruptible: true,
			parallel: true,
		}
	}
}

/// Asks a running program to end at its next loop or call.
#[derive(Clone, Default, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
	/// A request that was not made yet.
	pub fn new() -> Self {
		Self::default()
	}

	/// Makes the request.
	pub fn request(&self) {
		self.0.store(true, Ordering::Relaxed);
	}

	/// True once it was made.
	pub fn is_requested(&self) -> bool {
		self.0.load(Ordering::Relaxed)
	}
}

/// How a run ended, in words for logs. No part of the outcome.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
	/// The program called `exit` with this code.
	#[error("it exited with code {0}")]
	Exit(i32),
	/// It wrote more than its limit.
	#[error("it wrote more than the {0} bytes of output that it may")]
	Output(u32),
	/// It used up its gas.
	#[error("it ran out of gas or stack")]
	Exhausted,
	/// It trapped.
	#[error("{0}")]
	Trap(String),
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
	/// How it ended.
	pub status: Status,
	/// What it wrote; empty if it failed.
	pub output: Vec<u8>,
	/// What it cost; at most the limit.
	pub gas_used: u64,
	/// Why it failed, for logs.
	pub fault: Option<Fault>,
}

impl Run {
	/// The outcome: what is reported, and what the step machine comes to as well.
	pub fn outcome(&self) -> Outcome {
		Outcome {
			status: self.status,
			output_root: data_root(&self.output),
			// An output is below its limit, which has 32 bits.
			output_len: self.output.len() as u32,
			gas_used: self.gas_used,
		}
	}
}

/// Trouble of the machine that runs a program, which has no outcome then.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
	/// It was asked for.
	#[error("stopped before it ended")]
	Stopped,
	/// The host could not give memory that the limit allows.
	#[error("the machine cannot give the memory that the task may use: {0}")]
	Memory(String),
	/// The native stack was too short, which the module's own count prevents.
	#[error("the machine's stack ended before the program's")]
	Stack,
	/// The task asks for what no machine gives.
	#[error("no such task: {0}")]
	Task(&'static str),
	/// Anything else.
	#[error("the execution engine failed: {0}")]
	Engine(String),
}

/// Compiles programs.
#[derive(Clone)]
pub struct FastEngine {
	engine: Engine,
	linker: Linker<World>,
	interruptible: bool,
}

/// A compiled program; cheap to clone.
#[derive(Clone)]
pub struct FastProgram {
	instance: InstancePre<World>,
	entry: Option<&'static str>,
	gas: &'static str,
	initial_pages: u32,
	start_cost: u64,
	interruptible: bool,
}

impl FastEngine {
	/// An engine. Fails if this machine cannot run wasmtime.
	pub fn new(config: FastConfig) -> Result<Self, HostError> {
		let engine = Engine::new(&settings(config)).map_err(failure)?;
		let mut linker = Linker::new(&engine);
		link(&mut linker).map_err(failure)?;
		if config.interruptible {
			let weak = engine.weak();
			std::thread::Builder::new()
				.name("epochs".into())
				.spawn(move || loop {
					std::thread::sleep(EPOCH);
					let Some(engine) = weak.upgrade() else { break };
					engine.increment_epoch();
				})
				.map_err(failure)?;
		}
		Ok(Self {
			engine,
			linker,
			interruptible: config.interruptible,
		})
	}

	/// Compiles a program.
	pub fn compile(&self, program: &Normalised) -> Result<FastProgram, HostError> {
		let module = Module::from_binary(&self.engine, program.bytes()).map_err(failure)?;
		Ok(FastProgram {
			instance: self.linker.instantiate_pre(&module).map_err(failure)?,
			entry: program.entry(),
			gas: program.gas_export(),
			initial_pages: program.initial_pages(),
			start_cost: program.start_cost(),
			interruptible: self.interruptible,
		})
	}
}

impl FastProgram {
	/// Whether the program's memory fits into a task's at the start. One that does not is refused, it does not fail.
	pub fn fits(&self, memory_pages: u32) -> bool {
		self.initial_pages <= memory_pages
	}

	/// Runs a task. Blocks, on a thread of its own with the stack that programs may use.
	pub fn run(&self, limits: &Limits, input: Vec<u8>, stop: &Stop) -> Result<Run, HostError> {
		on_long_stack(|| self.run_here(limits, input, stop))?
	}

	/// Runs a task on this thread, which [`on_long_stack`] made.
	pub fn run_here(&self, limits: &Limits, input: Vec<u8>, stop: &Stop) -> Result<Run, HostError> {
		let entry = self.entry.ok_or(HostError::Task("the module has no entry"))?;
		self.check(limits, &input)?;
		if limits.gas < self.start_cost {
			// What the first charge would come to, without making what cannot be paid.
			return Ok(Run {
				status: Status::Failed,
				output: Vec::new(),
				gas_used: limits.gas,
				fault: Some(Fault::Exhausted),
			});
		}
		let mut session = self.session(limits, input, stop)?;
		let run = session
			.instance
			.get_typed_func::<(), ()>(&mut session.store, entry)
			.map_err(failure)?;
		let ended = run.call(&mut session.store, ());
		session.conclude(ended, limits)
	}

	fn check(&self, limits: &Limits, input: &[u8]) -> Result<(), HostError> {
		if limits.gas == 0 || limits.gas > MAX_GAS {
			return Err(HostError::Task("the gas limit is 0 or too large"));
		}
		if input.len() as u64 > MAX_INPUT.into() {
			return Err(HostError::Task("the input is longer than 4 GiB less 64 KiB"));
		}
		if !self.fits(limits.memory_pages) {
			return Err(HostError::Task(
				"the program needs more memory at its start than the task gives",
			));
		}
		Ok(())
	}

	/// An instance whose exports can be called one by one, with the task's gas in the counter: for test suites. Calls
	/// belong on a long stack, see [`on_long_stack`].
	pub fn session(&self, limits: &Limits, input: Vec<u8>, stop: &Stop) -> Result<Session, HostError> {
		self.check(limits, &input)?;
		let world = World {
			memory: Memory {
				limit: (limits.memory_pages as usize).saturating_mul(PAGE),
				trouble: None,
			},
			input,
			seed: limits.seed,
			output: Vec::new(),
			output_max: limits.output,
		};
		let mut store = Store::new(self.instance.module().engine(), world);
		store.limiter(|world| &mut world.memory);
		if self.interruptible {
			store.set_epoch_deadline(1);
			let stop = stop.clone();
			store.epoch_deadline_callback(move |_| {
				if stop.is_requested() {
					return Err(HostError::Stopped.into());
				}
				Ok(UpdateDeadline::Continue(1))
			});
		}
		let instance = self
			.instance
			.instantiate(&mut store)
			.map_err(|error| HostError::Memory(format!("{error:#}")))?;
		let mut session = Session {
			store,
			instance,
			gas: self.gas,
		};
		session.set_gas(limits.gas as i64)?;
		Ok(session)
	}
}

/// A program in the middle of a task.
pub struct Session {
	store: Store<World>,
	instance: Instance,
	gas: &'static str,
}

impl Session {
	/// The gas counter; -1 after a trap.
	pub fn gas(&mut self) -> Result<i64, HostError> {
		let global = self.instance.get_global(&mut self.store, self.gas);
		match global.map(|global| global.get(&mut self.store)) {
			Some(Val::I64(gas)) => Ok(gas),
			_ => Err(HostError::Engine("the module has no gas counter".into())),
		}
	}

	/// Sets the gas counter.
	pub fn set_gas(&mut self, gas: i64) -> Result<(), HostError> {
		let global = self.instance.get_global(&mut self.store, self.gas);
		let global = global.ok_or_else(|| HostError::Engine("the module has no gas counter".into()))?;
		global.set(&mut self.store, Val::I64(gas)).map_err(failure)
	}

	/// Calls an exported function.
	pub fn call(&mut self, name: &str, args: &[Val]) -> Result<Result<Vec<Val>, Fault>, HostError> {
		let function = self
			.instance
			.get_func(&mut self.store, name)
			.ok_or(HostError::Task("the module exports no such function"))?;
		let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
		match function.call(&mut self.store, args, &mut results) {
			Ok(()) => Ok(Ok(results)),
			Err(error) => fault(error, self.store.data()).map(|(fault, _)| Err(fault)),
		}
	}

	/// The value of an exported global.
	pub fn global(&mut self, name: &str) -> Option<Val> {
		let global = self.instance.get_global(&mut self.store, name)?;
		Some(global.get(&mut self.store))
	}

	/// An exported memory's bytes.
	pub fn memory(&mut self, name: &str) -> Option<&[u8]> {
		let memory = self.instance.get_memory(&mut self.store, name)?;
		Some(memory.data(&self.store))
	}

	fn conclude(mut self, ended: wasmtime::Result<()>, limits: &Limits) -> Result<Run, HostError> {
		let gas_used = match u64::try_from(self.gas()?) {
			Ok(left) => limits.gas.saturating_sub(left),
			Err(_) => limits.gas,
		};
		let Err(error) = ended else {
			return Err(HostError::Engine("the program returned".into()));
		};
		let world = self.store.into_data();
		let (fault, success) = fault(error, &world)?;
		let mut run = Run {
			status: Status::Failed,
			output: Vec::new(),
			gas_used,
			fault: Some(fault),
		};
		if let Some(len) = success {
			run.status = Status::Success;
			run.output = world.output;
			run.output.truncate(len as usize);
			run.fault = None;
		} else if run.fault == Some(Fault::Trap(Trap::UnreachableCodeReached.to_string())) && gas_used == limits.gas {
			run.fault = Some(Fault::Exhausted);
		}
		Ok(run)
	}
}

/// Tells the program's end from the host's trouble: why it failed, or how long its output is.
fn fault(error: wasmtime::Error, world: &World) -> Result<(Fault, Option<u32>), HostError> {
	if let Some(trouble) = &world.memory.trouble {
		return Err(HostError::Memory(trouble.clone()));
	}
	if let Some(end) = error.downcast_ref::<End>() {
		return Ok(match *end {
			End::Success(len) => (Fault::Exit(0), Some(len)),
			End::Exit(code) => (Fault::Exit(code), None),
			End::OutputLimit(limit) => (Fault::Output(limit), None),
		});
	}
	match error.downcast_ref::<Trap>() {
		Some(Trap::StackOverflow) => Err(HostError::Stack),
		Some(Trap::Interrupt) => Err(HostError::Stopped),
		Some(trap) => Ok((Fault::Trap(trap.to_string()), None)),
		None => match error.downcast::<HostError>() {
			Ok(error) => Err(error),
			Err(error) => Err(failure(error)),
		},
	}
}

/// Runs a closure on a thread with the native stack that programs may use.
pub fn on_long_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, HostError> {
	std::thread::scope(|scope| {
		std::thread::Builder::new()
			.name("task".into())
			.stack_size(THREAD_STACK)
			.spawn_scoped(scope, work)
			.map_err(failure)?
			.join()
			.map_err(|_| HostError::Engine("the task's thread panicked".into()))
	})
}

/// The settings that are part of the machine's version, and the two that are not.
pub(crate) fn settings(config: FastConfig) -> Config {
	let mut settings = Config::new();
	settings.epoch_interruption(config.interruptible);
	settings.parallel_compilation(config.parallel);
	settings.consume_fuel(false);
	settings.cranelift_opt_level(OptLevel::Speed);
	// The module makes NaNs canonical itself, where it matters.
	settings.cranelift_nan_canonicalization(false);
	settings.max_wasm_stack(WASM_STACK);
	settings.wasm_backtrace(false);
	settings.memory_init_cow(true);
	settings.wasm_multi_value(true);
	settings.wasm_bulk_memory(true);
	settings.wasm_reference_types(true);
	settings.wasm_function_references(false);
	settings.wasm_gc(false);
	settings.wasm_simd(false);
	settings.wasm_relaxed_simd(false);
	settings.wasm_threads(false);
	settings.wasm_shared_everything_threads(false);
	settings.wasm_multi_memory(false);
	settings.wasm_memory64(false);
	settings.wasm_custom_page_sizes(false);
	settings.wasm_wide_arithmetic(false);
	settings.wasm_tail_call(false);
	settings.wasm_extended_const(false);
	settings.wasm_stack_switching(false);
	settings.wasm_exceptions(false);
	settings
}

/// All that a task can see and change.
struct World {
	memory: Memory,
	input: Vec<u8>,
	seed: [u8; 32],
	output: Vec<u8>,
	output_max: u32,
}

/// How the program ended itself.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum End {
	#[error("it succeeded with {0} bytes of output")]
	Success(u32),
	#[error("it exited with code {0}")]
	Exit(i32),
	#[error("it wrote more than {0} bytes of output")]
	OutputLimit(u32),
}

impl World {
	fn load(&self, word: u32) -> u64 {
		let (bytes, at) = match word.checked_sub(SEED_WORD) {
			Some(word) => (&self.seed[..], word as usize * 8),
			None => (&self.input[..], word as usize * 8),
		};
		let mut loaded = [0; 8];
		let there = bytes.get(at..).unwrap_or_default();
		let len = there.len().min(8);
		loaded[..len].copy_from_slice(&there[..len]);
		u64::from_le_bytes(loaded)
	}

	fn store(&mut self, word: u64) -> Result<(), End> {
		if self.output.len() as u64 >= u64::from(self.output_max) {
			return Err(End::OutputLimit(self.output_max));
		}
		self.output.extend_from_slice(&word.to_le_bytes());
		Ok(())
	}

	fn exit(&self, code: i32, len: u32) -> End {
		let stored = (self.output.len() / 8) as u64;
		match code {
			0 if len > self.output_max => End::OutputLimit(self.output_max),
			0 if u64::from(len).div_ceil(8) == stored => End::Success(len),
			// A length that does not fit what was stored.
			code => End::Exit(code),
		}
	}
}

fn link(linker: &mut Linker<World>) -> wasmtime::Result<()> {
	type Host<'a> = Caller<'a, World>;
	linker
		// The input's length was checked.
		.func_wrap(MODULE, "in_len", |host: Host| host.data().input.len() as u32)?
		.func_wrap(MODULE, "in_load64", |host: Host, word: u32| host.data().load(word))?
		.func_wrap(
			MODULE,
			"out_store64",
			|mut host: Host, word: u64| -> wasmtime::Result<()> { Ok(host.data_mut().store(word)?) },
		)?
		.func_wrap(
			MODULE,
			"exit",
			|host: Host, code: i32, len: u32| -> wasmtime::Result<()> { Err(host.data().exit(code, len).into()) },
		)?;
	Ok(())
}

/// Bounds a task's memory, and remembers if the host could not keep what it promises.
struct Memory {
	limit: usize,
	trouble: Option<String>,
}

impl ResourceLimiter for Memory {
	fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
		Ok(desired <= self.limit && maximum.is_none_or(|maximum| desired <= maximum))
	}

	fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
		// The growth was allowed, so the program must not see it fail.
		self.trouble = Some(format!("{error:#}"));
		Err(HostError::Memory(format!("{error:#}")).into())
	}

	fn table_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
		// Tables have their size from the start.
		Ok(current == 0)
	}
}

fn failure(error: impl std::fmt::Display) -> HostError {
	HostError::Engine(format!("{error:#}"))
}
