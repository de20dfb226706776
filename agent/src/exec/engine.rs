//! The WebAssembly executor over wasmtime.

use super::{bulk, check, wasi, Execute, Execution, HostError, LoadError, Program, Refused, Stop, Task};
use millrace_primitives::{Gas, ProgramId};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
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

/// What an executor spends on compiling.
#[derive(Clone, Copy, Debug)]
pub struct WasmLimits {
	/// How many compiled programs are kept.
	pub cached_programs: usize,
}

impl Default for WasmLimits {
	fn default() -> Self {
		Self { cached_programs: 16 }
	}
}

/// Runs WebAssembly programs under wasmtime, as version 1 of the machine demands.
pub struct Wasm {
	engine: Engine,
	linker: Linker<wasi::World>,
	limits: WasmLimits,
	/// Compiled programs and when each was used last, counted in loads.
	cache: Mutex<Cache>,
	/// Held while compiling: one program at a time, each on all cores.
	compiling: Mutex<()>,
}

#[derive(Default)]
struct Cache {
	loads: u64,
	programs: HashMap<ProgramId, (u64, Result<Arc<WasmProgram>, Refused>)>,
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

	fn cached(&self, id: &ProgramId) -> Option<Result<Arc<WasmProgram>, Refused>> {
		let mut cache = lock(&self.cache);
		cache.loads += 1;
		let now = cache.loads;
		let (used, program) = cache.programs.get_mut(id)?;
		*used = now;
		Some(program.clone())
	}

	fn compile(&self, wasm: &[u8]) -> Result<Result<Arc<WasmProgram>, Refused>, HostError> {
		if let Err(refused) = check::size(wasm) {
			return Ok(Err(refused));
		}
		let invalid = |error: wasmtime::Error| Refused::Invalid(format!("{error:#}"));
		let rewritten = Module::validate(&self.engine, wasm)
			.map_err(invalid)
			.and_then(|()| bulk::rewrite(wasm));
		let module = match rewritten.and_then(|wasm| Module::from_binary(&self.engine, &wasm).map_err(invalid)) {
			Ok(module) => module,
			Err(refused) => return Ok(Err(refused)),
		};
		if let Err(refused) = check::module(&module) {
			return Ok(Err(refused));
		}
		let instance = self.linker.instantiate_pre(&module).map_err(engine_failure)?;
		Ok(Ok(Arc::new(WasmProgram { module, instance })))
	}
}

impl Execute for Wasm {
	fn load(&self, id: ProgramId, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		let program = match self.cached(&id) {
			Some(program) => program,
			None => {
				let _one_at_a_time = lock(&self.compiling);
				match self.cached(&id) {
					Some(program) => program,
					None => {
						let program = self.compile(wasm)?;
						let mut cache = lock(&self.cache);
						let now = cache.loads;
						while cache.programs.len() >= self.limits.cached_programs.max(1) {
							let oldest = cache
								.programs
								.iter()
								.min_by_key(|(_, (used, _))| *used)
								.map(|(id, _)| *id);
							oldest.and_then(|oldest| cache.programs.remove(&oldest));
						}
						cache.programs.insert(id, (now, program.clone()));
						program
					}
				}
			}
		}?;
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
		conclude(result, task.gas_limit, used, world)
	}
}

/// Tells the program's faults from the host's. `used` is exact unless the program trapped.
fn conclude(result: wasmtime::Result<()>, limit: Gas, used: Gas, world: wasi::World) -> Result<Execution, HostError> {
	let (output, stderr, trouble) = world.into_parts();
	if let Some(trouble) = trouble {
		return Err(HostError::Memory(trouble));
	}
	let error = match result {
		Ok(()) => return Ok(Execution::success(output, used, stderr)),
		Err(error) => error,
	};
	match error.downcast_ref::<wasi::End>() {
		Some(wasi::End::Exit(0)) => return Ok(Execution::success(output, used, stderr)),
		Some(end) => return Ok(Execution::failure(end.to_string(), used, stderr)),
		None => {}
	}
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
	config
}

/// Bounds a task's memory, and remembers if the host could not keep what it promises.
pub struct Memory {
	limit: usize,
	/// What went wrong, if a growth within the limit failed.
	pub trouble: Option<String>,
}

impl Memory {
	/// At most so many pages of 64 KiB.
	pub fn new(pages: u32) -> Self {
		Self {
			limit: (pages as usize).saturating_mul(PAGE),
			trouble: None,
		}
	}
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
