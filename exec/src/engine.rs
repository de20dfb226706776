//! The executor that providers run: the verifiable machine's fast engine, with programs kept compiled and bounds on
//! compiling.

use crate::{
	cache::{Artifact, Cache},
	trial::Trial,
	Execute, Execution, HostError, LoadError, Named, Program, Refused, Stop, Supply,
};
use millrace_primitives::{
	machine::{Limits, ProgramRoots},
	ProgramId,
};
use millrace_vm::{
	fast::{self, FastConfig, FastEngine, FastProgram, Shape},
	flatten::flatten,
	normalise::normalise,
};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

/// The stack of a thread that compiles.
const COMPILE_STACK: usize = 8 * 1024 * 1024;
/// How many refusals and failures are remembered.
const REMEMBERED: usize = 256;
/// A program that is promised may take so many times as long to compile as others.
const PATIENCE: u32 = 5;

/// What an executor spends on compiling.
#[derive(Debug)]
pub struct WasmLimits {
	/// How many compiled programs are kept in memory.
	pub cached_programs: usize,
	/// How programs are compiled in a process of their own; without it they are compiled in this one, without bounds.
	pub trial: Option<Trial>,
	/// Where compiled programs are kept on disk; without it they are compiled anew each time.
	pub disk: Option<Cache>,
	/// A program that took too long or too much to compile is not tried again for so long.
	pub pause: Duration,
}

impl Default for WasmLimits {
	fn default() -> Self {
		Self {
			cached_programs: 16,
			trial: None,
			disk: None,
			pause: Duration::from_secs(600),
		}
	}
}

/// Runs WebAssembly programs on the verifiable machine.
pub struct Wasm {
	engine: FastEngine,
	limits: WasmLimits,
	/// Compiled programs and when each was used last, counted in loads.
	known: Mutex<Known>,
	/// Held while compiling: one program at a time.
	compiling: Mutex<()>,
}

#[derive(Default)]
struct Known {
	loads: u64,
	programs: HashMap<ProgramId, (u64, Kept)>,
}

/// What is known of a program. The host's own trouble is not, but for what was too much for it: that counts for a while,
/// so that nobody can keep the compiler busy with it.
#[derive(Clone)]
enum Kept {
	Ready(Arc<WasmProgram>),
	Refused(Refused),
	TooMuch(String, Instant),
}

struct WasmProgram(FastProgram);

/// An engine whose programs can be stopped, or cannot. Both come to the same outcomes.
pub(crate) fn engine(interruptible: bool) -> Result<FastEngine, HostError> {
	Ok(FastEngine::new(FastConfig {
		interruptible,
		parallel: true,
	})?)
}

/// Compiles a module in this process, if its code has these roots.
///
/// # Errors
/// As for loading it.
pub fn compile(roots: &[u8; ProgramRoots::SIZE], wasm: &[u8]) -> Result<Artifact, LoadError> {
	compile_with(&engine(true)?, roots, wasm)
}

/// Compiles on a thread with a stack of a known length.
fn compile_with(engine: &FastEngine, roots: &[u8; ProgramRoots::SIZE], wasm: &[u8]) -> Result<Artifact, LoadError> {
	let work = || {
		let module = normalise(wasm).map_err(|refused| Refused::Module(refused.to_string()))?;
		let flat = flatten(&module).map_err(|error| Refused::Module(error.to_string()))?;
		if flat.roots().encoded() != *roots {
			return Err(Refused::Roots.into());
		}
		drop(flat);
		let code = engine.precompile(&module).map_err(compile_failure)?;
		Ok(Artifact::new(Shape::of(&module), &code))
	};
	std::thread::scope(|scope| {
		std::thread::Builder::new()
			.name("compile".into())
			.stack_size(COMPILE_STACK)
			.spawn_scoped(scope, work)
			.map_err(|error| HostError::Engine(format!("no thread to compile on: {error}")))?
			.join()
			.map_err(|_| HostError::Engine("the compiler panicked".into()))?
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

impl Wasm {
	/// An executor. Fails if this machine cannot run wasmtime.
	pub fn new(limits: WasmLimits) -> Result<Self, HostError> {
		Ok(Self {
			engine: engine(true)?,
			limits,
			known: Mutex::default(),
			compiling: Mutex::default(),
		})
	}

	fn find(&self, id: &ProgramId, promised: bool) -> Option<Result<Arc<WasmProgram>, LoadError>> {
		let mut known = lock(&self.known);
		known.loads += 1;
		let now = known.loads;
		let (used, kept) = known.programs.get_mut(id)?;
		*used = now;
		match kept {
			Kept::Ready(program) => Some(Ok(program.clone())),
			Kept::Refused(refused) => Some(Err(refused.clone().into())),
			Kept::TooMuch(why, at) if !promised && at.elapsed() < self.limits.pause => {
				Some(Err(HostError::Compile(why.clone()).into()))
			}
			Kept::TooMuch(..) => None,
		}
	}

	fn keep(&self, id: ProgramId, kept: Kept) {
		let mut known = lock(&self.known);
		let now = known.loads;
		known.programs.remove(&id);
		// What is known of bad programs does not drive out good ones.
		let ready = |kept: &Kept| matches!(kept, Kept::Ready(_));
		let most = match ready(&kept) {
			true => self.limits.cached_programs.max(1),
			false => REMEMBERED,
		};
		let alike = known
			.programs
			.iter()
			.filter(|(_, (_, other))| ready(other) == ready(&kept));
		if alike.clone().count() >= most {
			let oldest = alike.min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
			oldest.and_then(|oldest| known.programs.remove(&oldest));
		}
		known.programs.insert(id, (now, kept));
	}

	/// Compiles a program and checks that its code is what its id names, or takes what was compiled and checked before.
	fn make(&self, program: &Named, wasm: &[u8], promised: bool) -> Result<WasmProgram, LoadError> {
		let disk = self.limits.disk.as_ref();
		if let Some(ready) = disk.and_then(|disk| disk.get(program, &self.engine)) {
			return Ok(WasmProgram(ready));
		}
		let artifact = match &self.limits.trial {
			Some(trial) => {
				let patience = if promised { PATIENCE } else { 1 };
				let time = trial.time.saturating_mul(patience);
				Trial { time, ..trial.clone() }.run(&program.roots, wasm)?
			}
			None => compile_with(&self.engine, &program.roots.encoded(), wasm)?,
		};
		let ready = artifact.load(&self.engine)?;
		if let Some(Err(error)) = disk.map(|disk| disk.put(program, &self.engine, &artifact)) {
			tracing::warn!(%error, "compiled code could not be kept");
		}
		Ok(WasmProgram(ready))
	}

	fn find_or_make(
		&self,
		program: &Named,
		wasm: &[u8],
		memory_pages: u32,
		promised: bool,
	) -> Result<Arc<dyn Program>, LoadError> {
		let ready = match self.find(&program.id, promised) {
			Some(known) => known?,
			None => {
				let _one_at_a_time = lock(&self.compiling);
				match self.find(&program.id, promised) {
					Some(known) => known?,
					None => match self.make(program, wasm, promised) {
						Ok(ready) => {
							let ready = Arc::new(ready);
							self.keep(program.id, Kept::Ready(ready.clone()));
							ready
						}
						Err(error) => {
							match &error {
								LoadError::Refused(refused) => self.keep(program.id, Kept::Refused(refused.clone())),
								LoadError::Host(HostError::Compile(why)) => {
									self.keep(program.id, Kept::TooMuch(why.clone(), Instant::now()))
								}
								LoadError::Host(_) => {}
							}
							return Err(error);
						}
					},
				}
			}
		};
		if !ready.0.fits(memory_pages) {
			let (needs, limit) = (ready.0.needs(), memory_pages);
			return Err(Refused::Memory { needs, limit }.into());
		}
		Ok(ready)
	}
}

impl Execute for Wasm {
	fn load(&self, program: &Named, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		self.find_or_make(program, wasm, memory_pages, false)
	}

	fn load_promised(&self, program: &Named, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		self.find_or_make(program, wasm, memory_pages, true)
	}
}

impl Program for WasmProgram {
	fn run(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Execution, HostError> {
		if stop.is_requested() {
			return Err(HostError::Stopped);
		}
		let run = self.0.run(limits, supply, stop)?;
		let outcome = run.outcome();
		let success = outcome.status == millrace_primitives::Status::Success;
		Ok(Execution {
			outcome,
			fault: (!success).then(|| run.halt.to_string()),
			output: run.output,
			tail: run.tail,
		})
	}
}

/// A lock whose data is valid at every moment, so that a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
	use super::*;

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
		let named = Named::of(&wasm).unwrap();
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
			executor.load(&named, &wasm, 1),
			Err(LoadError::Host(HostError::Engine(_)))
		));
		// No trial, no trouble: nothing was remembered.
		executor.limits.trial = None;
		assert!(executor.load(&named, &wasm, 1).is_ok());

		let other = wat::parse_str(r#"(module (memory (export "memory") 2) (func (export "_start")))"#).unwrap();
		let other_named = Named::of(&other).unwrap();
		// `yes compile` never ends.
		executor.limits.trial = trial("/usr/bin/yes", Duration::from_millis(200));
		let started = Instant::now();
		for _ in 0..5 {
			assert!(matches!(
				executor.load(&other_named, &other, 2),
				Err(LoadError::Host(HostError::Compile(_)))
			));
		}
		assert!(started.elapsed() < Duration::from_millis(900), "tried once");
		// What is promised is tried again, and for longer.
		let started = Instant::now();
		assert!(executor.load_promised(&other_named, &other, 2).is_err());
		assert!(started.elapsed() >= Duration::from_millis(200) * PATIENCE);
		executor.limits.trial = None;
		assert!(executor.load(&other_named, &other, 2).is_err(), "still remembered");
		let mut patient = executor;
		assert!(patient.load_promised(&other_named, &other, 2).is_ok());
		lock(&patient.known).programs.clear();
		patient.keep(other_named.id, Kept::TooMuch("slow".into(), Instant::now()));
		patient.limits.pause = Duration::ZERO;
		assert!(patient.load(&other_named, &other, 2).is_ok());
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
			lock(&executor.known)
				.programs
				.contains_key(&Named::of(&good(pages)).unwrap().id)
		};
		for pages in 1..=3 {
			let wasm = good(pages);
			assert!(executor.load(&Named::of(&wasm).unwrap(), &wasm, pages).is_ok());
		}
		assert!(!known(&executor, 1), "the oldest gives way");
		for number in 0..2 * REMEMBERED {
			let wasm = [&b"\0asm"[..], &number.to_le_bytes()[..]].concat();
			let named = Named {
				id: millrace_primitives::Hash::from_low_u64_be(number as u64),
				..Named::of(&good(1)).unwrap()
			};
			assert!(executor.load(&named, &wasm, 1).is_err());
		}
		assert!(known(&executor, 2) && known(&executor, 3));
		assert_eq!(lock(&executor.known).programs.len(), 2 + REMEMBERED);
	}
}
