//! The WebAssembly executor over wasmtime.

use super::{
	bulk, check, limits, trial::Trial, wasi, Execute, Execution, HostError, LoadError, Program, Refused, Stop, Task,
};
use millrace_primitives::{Gas, ProgramId};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};
use wasmtime::{Config, Engine, InstancePre, Linker, Module, OptLevel, ResourceLimiter, Store, Trap, UpdateDeadline};

/// The native stack that a program's calls may use. Part of the machine's version.
const WASM_STACK: usize = 1024 * 1024;
/// The stack of a thread that runs a program: the program's and the host's beyond it.
const THREAD_STACK: usize = WASM_STACK + 2 * 1024 * 1024;
/// How often running programs look whether they should stop.
const EPOCH: Duration = Duration::from_millis(100);
/// The size of a page of memory in bytes.
const PAGE: usize = 64 * 1024;

/// What a new page of memory costs: sixteen pages of the host to be found and cleared once they are touched. On a virtual
/// machine that takes some microseconds each.
pub const PAGE_GAS: Gas = 100_000;
/// Pages of memory that a program starts with for nothing; more cost what new ones do.
const FREE_PAGES: usize = 32;

/// The stack of a thread that compiles as a trial. In this process it is twice as long: what passes the trial does not
/// overflow it.
const TRIAL_STACK: usize = 4 * 1024 * 1024;
/// How many refusals and failures are remembered.
const REMEMBERED: usize = 256;
/// A program that is promised may take so many times as long to compile as others.
const PATIENCE: u32 = 5;

/// What an executor spends on compiling.
#[derive(Clone, Debug)]
pub struct WasmLimits {
	/// How many compiled programs are kept.
	pub cached_programs: usize,
	/// How programs are tried before they are compiled in this process; without it they are not.
	pub trial: Option<Trial>,
	/// A program that took too long or too much to compile is not tried again for so long.
	pub pause: Duration,
}

impl Default for WasmLimits {
	fn default() -> Self {
		Self {
			cached_programs: 16,
			trial: None,
			pause: Duration::from_secs(600),
		}
	}
}

/// Runs WebAssembly programs under wasmtime, as version 1 of the machine demands.
pub struct Wasm {
	engine: Engine,
	linker: Linker<wasi::World>,
	limits: WasmLimits,
	/// Compiled programs and when each was used last, counted in loads.
	cache: Mutex<Cache>,
	/// Held while compiling: one program at a time, each on one core.
	compiling: Mutex<()>,
}

#[derive(Default)]
struct Cache {
	loads: u64,
	programs: HashMap<ProgramId, (u64, Cached)>,
}

/// What is known of a program. The host's own trouble is not, but for what was too much for it: that counts for a while,
/// so that nobody can keep the compiler busy with it.
#[derive(Clone)]
enum Cached {
	Ready(Arc<WasmProgram>),
	Refused(Refused),
	TooMuch(String, Instant),
}

struct WasmProgram {
	module: Module,
	instance: InstancePre<wasi::World>,
}

impl Wasm {
	/// An executor. Fails if this machine cannot run wasmtime.
	pub fn new(limits: WasmLimits) -> Result<Self, HostError> {
		let engine = Engine::new(&config()).map_err(engine_failure)?;
		let mut linker = Linker::new(&engine);
		wasi::link(&mut linker).map_err(engine_failure)?;
		let weak = engine.weak();
		std::thread::Builder::new()
			.name("epochs".into())
			.spawn(move || loop {
				std::thread::sleep(EPOCH);
				let Some(engine) = weak.upgrade() else { break };
				engine.increment_epoch();
			})
			.map_err(engine_failure)?;
		Ok(Self {
			engine,
			linker,
			limits,
			cache: Mutex::default(),
			compiling: Mutex::default(),
		})
	}

	fn cached(&self, id: &ProgramId, promised: bool) -> Option<Result<Arc<WasmProgram>, LoadError>> {
		let mut cache = lock(&self.cache);
		cache.loads += 1;
		let now = cache.loads;
		let (used, known) = cache.programs.get_mut(id)?;
		*used = now;
		match known {
			Cached::Ready(program) => Some(Ok(program.clone())),
			Cached::Refused(refused) => Some(Err(refused.clone().into())),
			Cached::TooMuch(why, at) if !promised && at.elapsed() < self.limits.pause => {
				Some(Err(HostError::Compile(why.clone()).into()))
			}
			Cached::TooMuch(..) => None,
		}
	}

	fn keep(&self, id: ProgramId, known: Cached) {
		let mut cache = lock(&self.cache);
		let now = cache.loads;
		cache.programs.remove(&id);
		// What is known of bad programs does not drive out good ones.
		let ready = |known: &Cached| matches!(known, Cached::Ready(_));
		let most = match ready(&known) {
			true => self.limits.cached_programs.max(1),
			false => REMEMBERED,
		};
		let alike = cache
			.programs
			.iter()
			.filter(|(_, (_, other))| ready(other) == ready(&known));
		if alike.clone().count() >= most {
			let oldest = alike.min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
			oldest.and_then(|oldest| cache.programs.remove(&oldest));
		}
		cache.programs.insert(id, (now, known));
	}

	fn compile(&self, wasm: &[u8], promised: bool) -> Result<WasmProgram, LoadError> {
		check::size(wasm)?;
		// Before anything whose time depends on more than the module's size.
		limits::check(wasm)?;
		// What a validator finds is the same everywhere.
		Module::validate(&self.engine, wasm).map_err(|error| Refused::Invalid(format!("{error:#}")))?;
		let wasm = bulk::rewrite(wasm)?;
		if let Some(trial) = &self.limits.trial {
			let patience = if promised { PATIENCE } else { 1 };
			let time = trial.time.saturating_mul(patience);
			Trial { time, ..trial.clone() }.run(&wasm)?;
		}
		let module = compile_with(&self.engine, &wasm, 2 * TRIAL_STACK)?;
		check::module(&module)?;
		let instance = self.linker.instantiate_pre(&module).map_err(engine_failure)?;
		Ok(WasmProgram { module, instance })
	}
}

/// Compiles what [`Trial::run`] sends.
///
/// # Errors
/// As for loading it.
pub fn compile_only(wasm: &[u8]) -> Result<(), LoadError> {
	let engine = Engine::new(&config()).map_err(engine_failure)?;
	compile_with(&engine, wasm, TRIAL_STACK).map(drop)
}

/// Compiles on a thread with a stack of a known length.
fn compile_with(engine: &Engine, wasm: &[u8], stack: usize) -> Result<Module, LoadError> {
	std::thread::scope(|scope| {
		let compiled = std::thread::Builder::new()
			.name("compile".into())
			.stack_size(stack)
			.spawn_scoped(scope, || Module::from_binary(engine, wasm))
			.map_err(engine_failure)?
			.join()
			.map_err(|_| HostError::Engine("the compiler panicked".into()))?;
		compiled.map_err(compile_failure)
	})
}

/// Why a valid module was not compiled. The compiler's own limits are the same everywhere; anything else is put down to
/// the host.
fn compile_failure(error: wasmtime::Error) -> LoadError {
	let text = format!("{error:#}");
	let limits = [
		"Implementation limit exceeded",
		"Code for function is too large",
		"Unsupported feature",
	];
	if limits.iter().any(|limit| text.contains(limit)) {
		return Refused::Invalid(text).into();
	}
	engine_failure(text).into()
}

impl Execute for Wasm {
	fn load(&self, id: ProgramId, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		self.find_or_compile(id, wasm, memory_pages, false)
	}

	fn load_promised(&self, id: ProgramId, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		self.find_or_compile(id, wasm, memory_pages, true)
	}
}

impl Wasm {
	fn find_or_compile(
		&self,
		id: ProgramId,
		wasm: &[u8],
		memory_pages: u32,
		promised: bool,
	) -> Result<Arc<dyn Program>, LoadError> {
		let program = match self.cached(&id, promised) {
			Some(known) => known?,
			None => {
				let _one_at_a_time = lock(&self.compiling);
				match self.cached(&id, promised) {
					Some(known) => known?,
					None => match self.compile(wasm, promised) {
						Ok(program) => {
							let program = Arc::new(program);
							self.keep(id, Cached::Ready(program.clone()));
							program
						}
						Err(error) => {
							match &error {
								LoadError::Refused(refused) => self.keep(id, Cached::Refused(refused.clone())),
								LoadError::Host(HostError::Compile(why)) => {
									self.keep(id, Cached::TooMuch(why.clone(), Instant::now()))
								}
								LoadError::Host(_) => {}
							}
							return Err(error);
						}
					},
				}
			}
		};
		check::memory(&program.module, memory_pages)?;
		Ok(program)
	}
}

impl Program for WasmProgram {
	fn run(&self, task: &Task, input: Vec<u8>, stop: &Stop) -> Result<Execution, HostError> {
		// A thread of its own, since the caller's stack may be shorter than what a program may use.
		std::thread::scope(|scope| {
			std::thread::Builder::new()
				.name("task".into())
				.stack_size(THREAD_STACK)
				.spawn_scoped(scope, || self.execute(task, input, stop))
				.map_err(engine_failure)?
				.join()
				.map_err(|_| HostError::Engine("the task's thread panicked".into()))?
		})
	}
}

impl WasmProgram {
	fn execute(&self, task: &Task, input: Vec<u8>, stop: &Stop) -> Result<Execution, HostError> {
		let world = wasi::World::new(task, input);
		let mut store = Store::new(self.module.engine(), world);
		store.limiter(|world| &mut world.memory);
		store.set_fuel(task.gas_limit).map_err(engine_failure)?;
		store.set_epoch_deadline(1);
		let stop = stop.clone();
		store.epoch_deadline_callback(move |_| {
			if stop.is_requested() {
				return Err(HostError::Stopped.into());
			}
			Ok(UpdateDeadline::Continue(1))
		});
		let result = self
			.instance
			.instantiate(&mut store)
			.and_then(|instance| instance.get_typed_func::<(), ()>(&mut store, "_start"))
			.and_then(|start| start.call(&mut store, ()));
		let used = task.gas_limit.saturating_sub(store.get_fuel().map_err(engine_failure)?);
		let world = store.into_data();
		let used = used.saturating_add(world.memory.owed);
		conclude(result, task.gas_limit, used, world)
	}
}

/// Tells the program's faults from the host's. `used` is exact unless the program trapped; it may be above the limit, since
/// new memory is paid for after it was taken. That it is only found out here changes no outcome.
fn conclude(result: wasmtime::Result<()>, limit: Gas, used: Gas, world: wasi::World) -> Result<Execution, HostError> {
	let (output, stderr, trouble) = world.into_parts();
	if let Some(trouble) = trouble {
		return Err(HostError::Memory(trouble));
	}
	let end = match &result {
		Ok(()) => Some(wasi::End::Exit(0)),
		Err(error) => error.downcast_ref::<wasi::End>().copied(),
	};
	match end {
		Some(_) if used > limit => {
			let fault = "its memory costs more gas than it had left".into();
			return Ok(Execution::failure(fault, limit, stderr));
		}
		Some(wasi::End::Exit(0)) => return Ok(Execution::success(output, used, stderr)),
		Some(end) => return Ok(Execution::failure(end.to_string(), used, stderr)),
		None => {}
	}
	let Err(error) = result else {
		return Ok(Execution::success(output, used, stderr));
	};
	if let Some(trap) = error.downcast_ref::<Trap>() {
		return Ok(Execution::failure(trap.to_string(), limit, stderr));
	}
	match error.downcast::<HostError>() {
		Ok(error) => Err(error),
		Err(error) => Err(HostError::Engine(format!("{error:#}"))),
	}
}

/// The settings that are part of the machine's version.
fn config() -> Config {
	let mut config = Config::new();
	config.consume_fuel(true);
	config.epoch_interruption(true);
	config.cranelift_opt_level(OptLevel::Speed);
	config.cranelift_nan_canonicalization(true);
	config.max_wasm_stack(WASM_STACK);
	config.wasm_backtrace(false);
	config.wasm_multi_value(true);
	// Compilers emit `memory.copy`, `memory.fill` and the longer form of `call_indirect`; `bulk` refuses the rest of
	// these two proposals.
	config.wasm_bulk_memory(true);
	config.wasm_reference_types(true);
	config.wasm_function_references(false);
	config.wasm_gc(false);
	config.wasm_simd(false);
	config.wasm_relaxed_simd(false);
	config.wasm_threads(false);
	config.wasm_shared_everything_threads(false);
	config.wasm_multi_memory(false);
	config.wasm_memory64(false);
	config.wasm_custom_page_sizes(false);
	config.wasm_wide_arithmetic(false);
	config.wasm_tail_call(false);
	config.wasm_extended_const(false);
	config.wasm_stack_switching(false);
	config.wasm_exceptions(false);
	// No part of the version: the code is the same, but memory grows with the threads that compile at once.
	config.parallel_compilation(false);
	config
}

/// Bounds a task's memory, and remembers if the host could not keep what it promises.
pub struct Memory {
	limit: usize,
	/// What it may cost.
	gas_limit: Gas,
	/// What it costs until now.
	cost: Gas,
	/// How much of that was not paid for yet.
	pub owed: Gas,
	/// What went wrong, if a growth within the limit failed.
	pub trouble: Option<String>,
}

impl Memory {
	/// What a task may use.
	pub fn new(task: &Task) -> Self {
		Self {
			limit: (task.memory_pages as usize).saturating_mul(PAGE),
			gas_limit: task.gas_limit,
			cost: 0,
			owed: 0,
			trouble: None,
		}
	}
}

impl ResourceLimiter for Memory {
	fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
		let allowed = desired <= self.limit && maximum.is_none_or(|maximum| desired <= maximum);
		if allowed {
			let before = if current == 0 { FREE_PAGES } else { current / PAGE };
			let new = (desired / PAGE).saturating_sub(before) as u64;
			let cost = new.saturating_mul(PAGE_GAS);
			self.owed = self.owed.saturating_add(cost);
			self.cost = self.cost.saturating_add(cost);
			// The rest is settled with the next call of the host or at the end, but more than all is never lent.
			if self.cost > self.gas_limit {
				return Err(Trap::OutOfFuel.into());
			}
		}
		Ok(allowed)
	}

	fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
		// The growth was allowed, so the program must not see it fail.
		self.trouble = Some(format!("{error:#}"));
		Err(HostError::Memory(format!("{error:#}")).into())
	}

	fn table_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
		// Sizes at the start were checked with the module; `table.grow` is refused.
		Ok(current == 0)
	}
}

fn engine_failure(error: impl std::fmt::Display) -> HostError {
	HostError::Engine(format!("{error:#}"))
}

/// A lock whose data is valid at every moment, so that a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::merkle;

	#[test]
	fn only_the_compilers_own_limits_are_the_programs_fault() {
		for (text, refused) in [
			("Compilation error: Implementation limit exceeded", true),
			("Compilation error: Code for function is too large", true),
			("Unsupported feature: `br_table` has too many targets", true),
			("Cannot allocate memory (os error 12)", false),
			("unable to make memory executable", false),
			("Compilation error: Verifier errors", false),
		] {
			let error = std::io::Error::other(text);
			let failure = compile_failure(wasmtime::Error::from(error).context("failed to compile"));
			assert_eq!(matches!(failure, LoadError::Refused(_)), refused, "{text}");
		}
	}

	#[test]
	fn the_hosts_trouble_is_not_remembered_and_what_was_too_much_is_for_a_while() {
		let wasm = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
		let id = merkle::data_root(&wasm);
		let trial = |binary: &str, time| {
			Some(Trial {
				time,
				..Trial::new(binary.into())
			})
		};
		let patient = Duration::from_secs(60);
		let mut executor = Wasm::new(WasmLimits {
			trial: trial("/nonexistent/agent", patient),
			..WasmLimits::default()
		})
		.unwrap();
		assert!(matches!(
			executor.load(id, &wasm, 1),
			Err(LoadError::Host(HostError::Engine(_)))
		));
		// No trial, no trouble: nothing was remembered.
		executor.limits.trial = None;
		assert!(executor.load(id, &wasm, 1).is_ok());

		let other = wat::parse_str(r#"(module (memory (export "memory") 2) (func (export "_start")))"#).unwrap();
		let other_id = merkle::data_root(&other);
		// `yes compile` never ends.
		executor.limits.trial = trial("/usr/bin/yes", Duration::from_millis(200));
		let started = Instant::now();
		for _ in 0..5 {
			assert!(matches!(
				executor.load(other_id, &other, 2),
				Err(LoadError::Host(HostError::Compile(_)))
			));
		}
		assert!(started.elapsed() < Duration::from_millis(900), "tried once");
		// What is promised is tried again, and for longer.
		let started = Instant::now();
		assert!(executor.load_promised(other_id, &other, 2).is_err());
		assert!(started.elapsed() >= Duration::from_millis(200) * PATIENCE);
		executor.limits.trial = None;
		assert!(executor.load(other_id, &other, 2).is_err(), "still remembered");
		let mut patient = executor;
		assert!(patient.load_promised(other_id, &other, 2).is_ok());
		lock(&patient.cache).programs.clear();
		patient.keep(other_id, Cached::TooMuch("slow".into(), Instant::now()));
		patient.limits.pause = Duration::ZERO;
		assert!(patient.load(other_id, &other, 2).is_ok());
	}

	#[test]
	fn bad_programs_do_not_drive_out_good_ones() {
		let executor = Wasm::new(WasmLimits {
			cached_programs: 2,
			..WasmLimits::default()
		})
		.unwrap();
		let good = |pages: u32| {
			wat::parse_str(format!(
				r#"(module (memory (export "memory") {pages}) (func (export "_start")))"#
			))
			.unwrap()
		};
		let known = |executor: &Wasm, pages| {
			lock(&executor.cache)
				.programs
				.contains_key(&merkle::data_root(&good(pages)))
		};
		for pages in 1..=3 {
			let wasm = good(pages);
			assert!(executor.load(merkle::data_root(&wasm), &wasm, pages).is_ok());
		}
		assert!(!known(&executor, 1), "the oldest gives way");
		for number in 0..2 * REMEMBERED {
			let wasm = [&b"\0asm"[..], &number.to_le_bytes()[..]].concat();
			assert!(executor.load(merkle::data_root(&wasm), &wasm, 1).is_err());
		}
		assert!(known(&executor, 2) && known(&executor, 3));
		assert_eq!(lock(&executor.cache).programs.len(), 2 + REMEMBERED);
	}
}
