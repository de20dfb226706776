//! The executor that providers run: the verifiable machine's fast engine, with a cache of compiled programs and bounds on
//! compiling.

use super::{trial::Trial, Execute, Execution, HostError, LoadError, Program, Refused, Stop, Task};
use codec::Encode;
use millrace_primitives::{job::MAX_PROGRAM_SIZE, merkle, Gas, ProgramId};
use millrace_vm::{
	fast::{self, FastConfig, FastEngine, FastProgram},
	normalise::{limits::MODULE_BYTES, normalise, Normalised},
	state::Limits,
};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
	time::{Duration, Instant},
};

// What the chain lets be published is what the machine takes.
const _: () = assert!(MAX_PROGRAM_SIZE as usize == MODULE_BYTES);

/// The stack of a thread that compiles as a trial. In this process it is twice as long: what passes the trial does not
/// overflow it.
const TRIAL_STACK: usize = 4 * 1024 * 1024;
/// How many refusals and failures are remembered.
const REMEMBERED: usize = 256;
/// Tasks of at most so much gas are not stopped in their middle: they end within seconds, and code that can be stopped
/// takes up to three quarters longer (docs/benchmarks.md).
const SHORT: Gas = 10_000_000_000;
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

/// Runs WebAssembly programs on the verifiable machine.
pub struct Wasm {
	engines: Arc<Engines>,
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
	/// For short tasks.
	short: FastProgram,
	/// For longer ones, compiled when the first comes.
	long: OnceLock<FastProgram>,
	module: Normalised,
	engines: Arc<Engines>,
}

/// Engines whose programs cannot be stopped, and can. Both come to the same outcomes.
struct Engines {
	short: FastEngine,
	long: FastEngine,
	/// Held while compiling for long tasks.
	compiling: Mutex<()>,
}

impl Engines {
	fn new() -> Result<Self, HostError> {
		Ok(Self {
			short: FastEngine::new(config(false))?,
			long: FastEngine::new(config(true))?,
			compiling: Mutex::default(),
		})
	}
}

/// One core at a time: memory grows with the threads that compile.
fn config(interruptible: bool) -> FastConfig {
	FastConfig {
		interruptible,
		parallel: false,
	}
}

impl Wasm {
	/// An executor. Fails if this machine cannot run wasmtime.
	pub fn new(limits: WasmLimits) -> Result<Self, HostError> {
		Ok(Self {
			engines: Arc::new(Engines::new()?),
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
		let mut refusal = None;
		// What is longer is refused for that alone.
		if let Some(trial) = self.limits.trial.as_ref().filter(|_| wasm.len() <= MODULE_BYTES) {
			let patience = if promised { PATIENCE } else { 1 };
			let time = trial.time.saturating_mul(patience);
			match (Trial { time, ..trial.clone() }).run(wasm) {
				Err(LoadError::Refused(refused)) => refusal = Some(refused),
				other => other?,
			}
		}
		// What the normaliser says is more precise than what is left of it after the trial.
		let module = normalise(wasm).map_err(Refused::from)?;
		if let Some(refused) = refusal {
			return Err(refused.into());
		}
		Ok(WasmProgram {
			short: compile_with(&self.engines.short, &module, 2 * TRIAL_STACK)?,
			long: OnceLock::new(),
			module,
			engines: self.engines.clone(),
		})
	}
}

/// Compiles what [`Trial::run`] sends.
///
/// # Errors
/// As for loading it.
pub fn compile_only(wasm: &[u8]) -> Result<(), LoadError> {
	let module = normalise(wasm).map_err(Refused::from)?;
	// What can be stopped is the larger code.
	let engine = FastEngine::new(config(true)).map_err(HostError::from)?;
	compile_with(&engine, &module, TRIAL_STACK).map(drop)
}

/// Compiles on a thread with a stack of a known length.
fn compile_with(engine: &FastEngine, module: &Normalised, stack: usize) -> Result<FastProgram, LoadError> {
	std::thread::scope(|scope| {
		let compiled = std::thread::Builder::new()
			.name("compile".into())
			.stack_size(stack)
			.spawn_scoped(scope, || engine.compile(module))
			.map_err(|error| HostError::Engine(format!("no thread to compile on: {error}")))?
			.join()
			.map_err(|_| HostError::Engine("the compiler panicked".into()))?;
		compiled.map_err(compile_failure)
	})
}

/// Why a normalised program was not compiled. The compiler's own limits are the same everywhere; anything else is put
/// down to the host.
fn compile_failure(error: fast::HostError) -> LoadError {
	let text = error.to_string();
	let limits = [
		"Implementation limit exceeded",
		"Code for function is too large",
		"Unsupported feature",
	];
	if limits.iter().any(|limit| text.contains(limit)) {
		return Refused::Compiler(text).into();
	}
	HostError::from(error).into()
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
		if !program.short.fits(memory_pages) {
			let (needs, limit) = (program.module.initial_pages(), memory_pages);
			return Err(Refused::Memory { needs, limit }.into());
		}
		Ok(program)
	}
}

impl WasmProgram {
	fn long(&self) -> Result<&FastProgram, HostError> {
		if let Some(program) = self.long.get() {
			return Ok(program);
		}
		let _one_at_a_time = lock(&self.engines.compiling);
		if let Some(program) = self.long.get() {
			return Ok(program);
		}
		// The trial did the same, so a refusal is no answer to expect.
		let program = compile_with(&self.engines.long, &self.module, 2 * TRIAL_STACK)
			.map_err(|error| HostError::Engine(error.to_string()))?;
		Ok(self.long.get_or_init(|| program))
	}
}

impl Program for WasmProgram {
	fn run(&self, task: &Task, input: Vec<u8>, stop: &Stop) -> Result<Execution, HostError> {
		let limits = Limits {
			gas: task.gas_limit,
			memory_pages: task.memory_pages,
			output: task.output_limit,
			seed: seed(task),
		};
		if stop.is_requested() {
			return Err(HostError::Stopped);
		}
		let program = if task.gas_limit <= SHORT {
			&self.short
		} else {
			self.long()?
		};
		let run = program.run(&limits, input, stop)?;
		Ok(match run.fault {
			None => Execution::success(run.output, run.gas_used),
			Some(fault) => Execution::failure(fault.to_string(), run.gas_used),
		})
	}
}

/// What a task's random numbers come from: `H("millrace:random" | input root | index as u32)`.
fn seed(task: &Task) -> [u8; 32] {
	merkle::hash(&(b"millrace:random", task.input_root, task.index).encode()).0
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
			let failure = compile_failure(fast::HostError::Engine(format!("failed to compile: {text}")));
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
