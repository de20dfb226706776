//! The fast engine: a normalised module at native speed under wasmtime.
//!
//! The engine gives the module the intrinsics and a memory limit, and reads the gas counter at the end; gas and
//! stack are counted by the module itself, so nothing of wasmtime's own accounting is used. Whatever a program does, the
//! outcome is the step machine's. What is not the program's doing (no memory, a request to stop) is a [`HostError`] and
//! no outcome.

pub use crate::stop::Stop;
use crate::{
	data::blob,
	hash::Blake2,
	normalise::{Normalised, ENTRY, GAS_EXPORT, MEMORY_EXPORT, MODULE, SYSTEM_EXPORT},
	outcome::{Outcome, Status, Tail, Trap},
	state::{Halt, Region},
	step::PAGE,
	stop::Stopped,
	supply::Supply,
	task::{Blob, Limits},
	MAX_GAS, MAX_IMAGE, MAX_PAGES, MAX_SETUP,
};
use std::time::Duration;
use wasmtime::{
	Caller, Config, Engine, Instance, InstancePre, Linker, Memory, Module, OptLevel, ResourceLimiter, Store,
	UpdateDeadline, Val,
};

/// The native stack that a program's calls may use: 256 bytes for each cell that the module counts, which is the most
/// that a compiler takes that keeps every value of a function (`normalise::limits::frame`: an instruction counts for a
/// sixteenth of a cell), and the frame of one function that calls nothing, which is not counted.
const WASM_STACK: usize = crate::normalise::limits::STACK as usize * 256 + 64 * 1024 * 1024;
/// The stack of a thread that runs a program: the program's and the host's beyond it. Taken from the machine only as
/// far as it is used.
const THREAD_STACK: usize = WASM_STACK + 4 * 1024 * 1024;
/// How often running programs look whether they should stop.
const EPOCH: Duration = Duration::from_millis(100);
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

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
	/// How it ended.
	pub halt: Halt,
	/// What it wrote, if its outcome keeps it; else nothing.
	pub output: Vec<u8>,
	/// What it wrote to standard error last.
	pub tail: Tail,
	/// What it cost; at most the limit.
	pub gas_used: u64,
}

impl Run {
	/// How it ended, in one word.
	pub fn status(&self) -> Status {
		self.halt.status().0
	}

	/// The outcome: what is reported, and what the step machine comes to as well.
	pub fn outcome(&self) -> Outcome {
		let (status, code) = self.halt.status();
		Outcome {
			status,
			code,
			// An output is below its limit, which has 32 bits.
			output: blob(&self.output).unwrap_or_else(Blob::empty::<Blake2>),
			errors: match status {
				Status::Success => [0; 32],
				_ => self.tail.root::<Blake2>(),
			},
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

impl From<Stopped> for HostError {
	fn from(_: Stopped) -> Self {
		Self::Stopped
	}
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
	shape: Shape,
	interruptible: bool,
}

/// What an engine must know of a program beside its code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
	/// Pages of the program's memory at the start.
	pub initial_pages: u32,
	/// Pages of its system functions' memory at the start.
	pub system_pages: u32,
	/// What the first charge takes.
	pub start_cost: u64,
}

impl Shape {
	/// The shape of a program.
	pub fn of(program: &Normalised) -> Self {
		Self {
			initial_pages: program.initial_pages(),
			system_pages: program.system_pages(),
			start_cost: program.start_cost(),
		}
	}

	/// Pages of memory that a task has at the start.
	pub fn needs(&self) -> u64 {
		u64::from(self.initial_pages) + u64::from(self.system_pages)
	}
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
		let compiled = self.adopt(&module, Shape::of(program))?;
		Ok(FastProgram {
			entry: program.entry(),
			gas: program.gas_export(),
			..compiled
		})
	}

	/// The machine code of a program, for an engine of the same kind elsewhere.
	pub fn precompile(&self, program: &Normalised) -> Result<Vec<u8>, HostError> {
		self.engine.precompile_module(program.bytes()).map_err(failure)
	}

	/// A program whose module is there already: what [`Self::precompile`] gave, read in again by [`Self::engine`].
	pub fn adopt(&self, module: &Module, shape: Shape) -> Result<FastProgram, HostError> {
		Ok(FastProgram {
			instance: self.linker.instantiate_pre(module).map_err(failure)?,
			entry: Some(ENTRY),
			gas: GAS_EXPORT,
			shape,
			interruptible: self.interruptible,
		})
	}

	/// The engine itself.
	pub fn engine(&self) -> &Engine {
		&self.engine
	}
}

impl FastProgram {
	/// Pages of memory that a task has at the start, those of its system functions included.
	pub fn needs(&self) -> u64 {
		self.shape.needs()
	}

	/// Whether the program's memory fits into a task's at the start. One that does not is refused, it does not fail.
	pub fn fits(&self, memory_pages: u32) -> bool {
		self.needs() <= memory_pages.min(MAX_PAGES).into()
	}

	/// Runs a task. Blocks, on a thread of its own with the stack that programs may use.
	pub fn run(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Run, HostError> {
		on_long_stack(|| self.run_here(limits, supply, stop))?
	}

	/// Runs a task on this thread, which [`on_long_stack`] made.
	pub fn run_here(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Run, HostError> {
		let entry = self.entry.ok_or(HostError::Task("the module has no entry"))?;
		self.check(limits, &supply)?;
		if limits.gas < self.shape.start_cost {
			// What the first charge would come to, without making what cannot be paid.
			return Ok(Run {
				halt: Halt::OutOfGas,
				output: Vec::new(),
				tail: Tail::new(),
				gas_used: limits.gas,
			});
		}
		let mut session = self.session(limits, supply, stop)?;
		let run = session
			.instance
			.get_typed_func::<(), ()>(&mut session.store, entry)
			.map_err(failure)?;
		let ended = run.call(&mut session.store, ());
		session.conclude(ended, limits)
	}

	fn check(&self, limits: &Limits, supply: &Supply) -> Result<(), HostError> {
		let longer = |region, most: u32| supply.region(region).len() as u64 > most.into();
		for (wrong, why) in [
			(
				limits.gas == 0 || limits.gas > MAX_GAS,
				"the gas limit is 0 or too large",
			),
			(longer(Region::Input, u32::MAX), "the input is longer than 4 GiB"),
			(longer(Region::Image, MAX_IMAGE), "the image is larger than 1 GiB"),
			(longer(Region::Setup, MAX_SETUP), "the setup is longer than 64 KiB"),
			(
				!self.fits(limits.memory_pages),
				"the program needs more memory at its start than the task gives",
			),
		] {
			if wrong {
				return Err(HostError::Task(why));
			}
		}
		Ok(())
	}

	/// An instance whose exports can be called one by one, with the task's gas in the counter: for test suites. Calls
	/// belong on a long stack, see [`on_long_stack`].
	pub fn session(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Session, HostError> {
		self.check(limits, &supply)?;
		let world = World {
			budget: Budget {
				left: u64::from(limits.memory_pages.min(MAX_PAGES)) * PAGE,
				trouble: None,
			},
			memories: [None; 2],
			supply,
			output: Vec::new(),
			output_max: limits.output,
			tail: Tail::new(),
		};
		let mut store = Store::new(self.instance.module().engine(), world);
		store.limiter(|world| &mut world.budget);
		if self.interruptible {
			store.set_epoch_deadline(1);
			let stop = stop.clone();
			store.epoch_deadline_callback(move |_| {
				stop.check().map_err(HostError::from)?;
				Ok(UpdateDeadline::Continue(1))
			});
		}
		let instance = self
			.instance
			.instantiate(&mut store)
			.map_err(|error| HostError::Memory(format!("{error:#}")))?;
		let memories = [MEMORY_EXPORT, SYSTEM_EXPORT].map(|name| instance.get_memory(&mut store, name));
		store.data_mut().memories = memories;
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
	pub fn call(&mut self, name: &str, args: &[Val]) -> Result<Result<Vec<Val>, Halt>, HostError> {
		let function = self
			.instance
			.get_func(&mut self.store, name)
			.ok_or(HostError::Task("the module exports no such function"))?;
		let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
		match function.call(&mut self.store, args, &mut results) {
			Ok(()) => Ok(Ok(results)),
			Err(error) => halt(error, self.store.data()).map(Err),
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
		let gas_left = self.gas()?;
		let Err(error) = ended else {
			return Err(HostError::Engine("the program returned".into()));
		};
		let mut world = self.store.into_data();
		let halt = halt(error, &world)?;
		let gas_used = match u64::try_from(gas_left) {
			Ok(left) if halt.counts_gas() => limits.gas.saturating_sub(left),
			_ => limits.gas,
		};
		if !halt.status().0.keeps_output() {
			world.output = Vec::new();
		}
		Ok(Run {
			halt,
			output: world.output,
			tail: world.tail,
			gas_used,
		})
	}
}

/// Tells the program's end from the host's trouble.
fn halt(error: wasmtime::Error, world: &World) -> Result<Halt, HostError> {
	use wasmtime::Trap as Native;
	if let Some(trouble) = &world.budget.trouble {
		return Err(HostError::Memory(trouble.clone()));
	}
	if let Some(End(halt)) = error.downcast_ref::<End>() {
		return Ok(*halt);
	}
	let Some(trap) = error.downcast_ref::<Native>() else {
		return match error.downcast::<HostError>() {
			Ok(error) => Err(error),
			Err(error) => Err(failure(error)),
		};
	};
	Ok(Halt::Trapped(match trap {
		Native::StackOverflow => return Err(HostError::Stack),
		Native::Interrupt => return Err(HostError::Stopped),
		Native::UnreachableCodeReached => return Ok(Halt::GaveUp),
		Native::MemoryOutOfBounds => Trap::Memory,
		Native::TableOutOfBounds => Trap::Table,
		Native::IndirectCallToNull => Trap::Null,
		Native::BadSignature => Trap::Signature,
		Native::IntegerDivisionByZero => Trap::Division,
		Native::IntegerOverflow => Trap::Overflow,
		Native::BadConversionToInteger => Trap::Conversion,
		// Nothing else can come of what the normaliser makes.
		trap => return Err(failure(trap)),
	}))
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
	settings.wasm_simd(true);
	settings.wasm_relaxed_simd(false);
	settings.wasm_threads(false);
	settings.wasm_shared_everything_threads(false);
	// The second memory is that of the system functions.
	settings.wasm_multi_memory(true);
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
	budget: Budget,
	/// The program's and the system functions'.
	memories: [Option<Memory>; 2],
	supply: Supply,
	output: Vec<u8>,
	output_max: u32,
	tail: Tail,
}

/// How a call of the host ended the run.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the run ended: {0:?}")]
struct End(Halt);

type Host<'a> = Caller<'a, World>;

/// What a call that reaches outside comes to, as an access of memory does.
const OUTSIDE: End = End(Halt::Trapped(Trap::Memory));

/// The bytes of a memory from a place on, and the world.
fn part<'a>(host: &'a mut Host<'_>, memory: u32, at: u32, n: u32) -> Result<(&'a mut [u8], &'a mut World), End> {
	let memory = host.data().memories.get(memory as usize).copied().flatten();
	let (bytes, world) = memory.ok_or(OUTSIDE)?.data_and_store_mut(host);
	let (at, n) = (at as usize, n as usize);
	let end = at.checked_add(n).ok_or(OUTSIDE)?;
	Ok((bytes.get_mut(at..end).ok_or(OUTSIDE)?, world))
}

fn size(host: Host<'_>, what: u32) -> wasmtime::Result<u64> {
	let supply = &host.data().supply;
	Ok(match what {
		0 => supply.region(Region::Input).len() as u64,
		1 => supply.region(Region::Image).len() as u64,
		2 => supply.region(Region::Setup).len() as u64,
		3 => host.data().output_max.into(),
		_ => return Err(OUTSIDE.into()),
	})
}

fn read(mut host: Host<'_>, what: u32, at: u32, to: u32, n: u32) -> wasmtime::Result<()> {
	let region = match what & 0xff {
		0 => Region::Input,
		1 => Region::Image,
		2 => Region::Setup,
		_ => return Err(OUTSIDE.into()),
	};
	let (bytes, world) = part(&mut host, what >> 8, to, n)?;
	let from = world.supply.region(region).get(at as usize..).unwrap_or_default();
	let there = u64::from(at) <= world.supply.region(region).len() as u64;
	let from = from.get(..n as usize).filter(|_| there).ok_or(OUTSIDE)?;
	bytes.copy_from_slice(from);
	Ok(())
}

fn output(mut host: Host<'_>, memory: u32, from: u32, n: u32) -> wasmtime::Result<()> {
	let (bytes, world) = part(&mut host, memory, from, n)?;
	if world.output.len() as u64 + u64::from(n) > world.output_max.into() {
		return Err(OUTSIDE.into());
	}
	world.output.extend_from_slice(bytes);
	Ok(())
}

fn error(mut host: Host<'_>, memory: u32, from: u32, n: u32) -> wasmtime::Result<()> {
	let (bytes, world) = part(&mut host, memory, from, n)?;
	world.tail.push(bytes);
	Ok(())
}

fn seed(host: Host<'_>, i: u32) -> u64 {
	let at = 8 * (i % 4) as usize;
	let seed = &host.data().supply.seed;
	u64::from_le_bytes(std::array::from_fn(|n| seed[at + n]))
}

fn link(linker: &mut Linker<World>) -> wasmtime::Result<()> {
	let end = |halt: Halt| -> wasmtime::Result<()> { Err(End(halt).into()) };
	linker
		.func_wrap(MODULE, "size", size)?
		.func_wrap(MODULE, "read", read)?
		.func_wrap(MODULE, "output", output)?
		.func_wrap(MODULE, "error", error)?
		.func_wrap(MODULE, "seed", seed)?
		.func_wrap(MODULE, "halt", move |status: u32, code: u32| {
			end(Halt::of_call(status, code))
		})?
		.func_wrap(MODULE, "exhausted", move |gas: i64| end(Halt::of_exhaustion(gas)))?;
	Ok(())
}

/// Bounds the memories of a task together, and remembers if the host could not keep what it promises.
struct Budget {
	/// Bytes that are not given away yet.
	left: u64,
	trouble: Option<String>,
}

impl ResourceLimiter for Budget {
	fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
		// The growth is a part of what is left, and within what the memory itself may have.
		let more = desired.saturating_sub(current) as u64;
		let most = maximum
			.map_or(u64::MAX, |maximum| maximum as u64)
			.min(u64::from(MAX_PAGES) * PAGE);
		if more > self.left || desired as u64 > most {
			return Ok(false);
		}
		self.left -= more;
		Ok(true)
	}

	fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
		// What is beyond the memory's own maximum fails by right; what was allowed above must not fail.
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
