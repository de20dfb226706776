//! What the tests share: random numbers from a seed, programs, and both engines under one roof.
//!
//! How many random cases a test tries is a small number in CI; `MILLRACE_FUZZ_CASES` sets another one for recorded runs.

// Each test uses a part of this.
#![allow(dead_code)]

pub mod simd;
pub mod smith;

use millrace_vm::{
	fast::{on_long_stack, FastConfig, FastEngine, FastProgram, Run, Stop},
	flatten::flatten,
	hash::{Blake2, Hash},
	machine::Machine,
	max_steps,
	normalise::{instrument_for_tests, normalise, Normalised},
	outcome::{Outcome, Tail, Trap},
	program::Program,
	state::Halt,
	supply::{Hashed, Supply},
	task::Limits,
	witness::{verify, WitnessError},
	UNPAID, VERSION,
};
use std::sync::Arc;
use wasmtime::Val;

/// splitmix64: the same numbers for the same seed, everywhere.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
	pub fn next(&mut self) -> u64 {
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut z = self.0;
		z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		z ^ (z >> 31)
	}

	/// A number below another one, which is not 0.
	pub fn below(&mut self, end: u64) -> u64 {
		(u128::from(self.next()) * u128::from(end) >> 64) as u64
	}

	pub fn chance(&mut self, percent: u64) -> bool {
		self.below(100) < percent
	}

	pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
		&all[self.below(all.len() as u64) as usize]
	}

	pub fn bytes(&mut self, len: usize) -> Vec<u8> {
		let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
		bytes.truncate(len);
		bytes
	}

	/// A number whose size in bits is as random as its value.
	pub fn any_size(&mut self) -> u64 {
		self.next() >> self.below(64)
	}
}

/// How many random cases a test tries.
pub fn cases(in_ci: u64) -> u64 {
	match std::env::var("MILLRACE_FUZZ_CASES") {
		Ok(number) => number.parse().expect("MILLRACE_FUZZ_CASES is a number"),
		Err(_) => in_ci,
	}
}

/// Runs cases on as many threads as there are cores; each case is known by its number alone.
pub fn in_parallel<T: Send>(cases: u64, case: impl Fn(u64) -> T + Sync) -> Vec<T> {
	let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
	let next = std::sync::atomic::AtomicU64::new(0);
	let mut all: Vec<(u64, T)> = std::thread::scope(|scope| {
		let threads: Vec<_> = (0..threads)
			.map(|_| {
				scope.spawn(|| {
					let mut done = Vec::new();
					loop {
						let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
						if number >= cases {
							return done;
						}
						done.push((number, case(number)));
					}
				})
			})
			.collect();
		threads
			.into_iter()
			.flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
			.collect()
	});
	all.sort_by_key(|(number, _)| *number);
	all.into_iter().map(|(_, result)| result).collect()
}

pub fn limits(gas: u64) -> Limits {
	Limits {
		gas,
		memory_pages: 64,
		output: 1 << 20,
	}
}

/// The seed of every task.
pub const SEED: [u8; 32] = *b"the same seed for all test tasks";

/// An input, and nothing else.
pub fn supply(input: &[u8]) -> Supply {
	Supply::of_input(input.to_vec(), SEED)
}

pub fn wasm_of(text: &str) -> Vec<u8> {
	wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The flat code of a program.
pub fn program_of(wasm: &[u8]) -> Arc<Program> {
	Arc::new(flatten(&normalise(wasm).expect("the program is accepted")).expect("it has flat code"))
}

/// What a program costs before it does anything.
pub fn start_of(wasm: &[u8]) -> u64 {
	normalise(wasm).expect("the program is accepted").start_cost()
}

/// The flat code of a module that is no program.
pub fn test_program_of(wasm: &[u8]) -> Arc<Program> {
	Arc::new(flatten(&instrument_for_tests(wasm).expect("the module is accepted")).expect("it has flat code"))
}

pub fn hashed(input: &[u8]) -> Arc<Hashed> {
	hashed_supply(supply(input))
}

pub fn hashed_supply(supply: Supply) -> Arc<Hashed> {
	Arc::new(Hashed::new(supply).expect("the supply is short enough"))
}

pub fn machine_of(program: &Arc<Program>, input: &[u8], limits: &Limits) -> Machine {
	Machine::new(program.clone(), hashed(input), limits).expect("the program fits the task")
}

/// The root of the next state, as a judge finds it.
pub fn judged(root: &Hash, witness: &[u8]) -> Result<Hash, WitnessError> {
	verify::<Blake2>(VERSION, root, witness).map(|next| next.root::<Blake2>())
}

pub fn engine() -> FastEngine {
	FastEngine::new(FastConfig {
		interruptible: false,
		parallel: false,
	})
	.expect("wasmtime runs here")
}

/// One program in both engines.
pub struct Both {
	pub fast: FastProgram,
	pub flat: Arc<Program>,
}

/// What both engines said of a task, once they agreed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
	pub outcome: Outcome,
	pub output: Vec<u8>,
	pub tail: Tail,
	pub gas_used: u64,
	pub steps: u64,
	pub halt: Halt,
}

impl Both {
	pub fn new(engine: &FastEngine, module: &Normalised) -> Self {
		Self {
			fast: engine
				.compile(module)
				.expect("wasmtime compiles what the normaliser makes"),
			flat: Arc::new(flatten(module).expect("what the normaliser makes has flat code")),
		}
	}

	/// Runs a task in both engines and compares everything that can be seen of it, and the steps with the gas.
	pub fn run(&self, input: &[u8], limits: &Limits) -> Result<Agreed, String> {
		self.run_with(supply(input), limits)
	}

	/// The same with everything that a task may be given.
	pub fn run_with(&self, supply: Supply, limits: &Limits) -> Result<Agreed, String> {
		let fast: Run = on_long_stack(|| self.fast.run_here(limits, supply.clone(), &Stop::new()))
			.and_then(|run| run)
			.map_err(|error| format!("the fast engine has no outcome: {error}"))?;
		let machine = Machine::new(self.flat.clone(), hashed_supply(supply), limits);
		let mut machine = machine.map_err(|unfit| unfit.to_string())?;
		let bound = max_steps(limits.gas);
		let steps = machine.run(bound);
		let Some((halt, outcome)) = machine.halt().zip(machine.outcome()) else {
			return Err(format!("still running after {bound} steps with {} gas", limits.gas));
		};
		let agreed = Agreed {
			outcome,
			output: machine.output(),
			tail: machine.tail(),
			gas_used: outcome.gas_used,
			steps,
			halt,
		};
		if halt == Halt::Trapped(Trap::Broken) {
			return Err(format!("a state that no program reaches after {steps} steps"));
		}
		let seen = |halt, output: &Vec<u8>, tail: &Tail, gas| {
			format!(
				"{halt:?}, {gas} gas, {} bytes of output, {} of errors",
				output.len(),
				tail.count
			)
		};
		if (fast.halt, &fast.output, &fast.tail, fast.gas_used) != (halt, &agreed.output, &agreed.tail, agreed.gas_used)
		{
			return Err(format!(
				"fast engine: {}; step machine after {steps} steps: {}",
				seen(fast.halt, &fast.output, &fast.tail, fast.gas_used),
				seen(halt, &agreed.output, &agreed.tail, agreed.gas_used),
			));
		}
		// The root of an outcome is the same whoever computes it.
		if fast.outcome() != outcome || outcome.root::<Blake2>() != machine.state_root() {
			return Err("the outcome is another one than the halted state's".into());
		}
		if steps > agreed.gas_used + UNPAID {
			return Err(format!("{steps} steps for {} gas", agreed.gas_used));
		}
		Ok(agreed)
	}
}

/// A number of a type by its bits.
pub fn value(ty: &str, bits: u64) -> Val {
	match ty {
		"i32" => Val::I32(bits as i32),
		"i64" => Val::I64(bits as i64),
		"f32" => Val::F32(bits as u32),
		_ => Val::F64(bits),
	}
}

/// The cells of a value.
pub fn cells(value: &Val) -> Vec<u64> {
	match value {
		Val::V128(value) => {
			let value = value.as_u128();
			vec![value as u64, (value >> 64) as u64]
		}
		number => vec![bits(number)],
	}
}

/// The bits of a number.
pub fn bits(value: &Val) -> u64 {
	match value {
		Val::I32(value) => u64::from(*value as u32),
		Val::I64(value) => *value as u64,
		Val::F32(bits) => (*bits).into(),
		Val::F64(bits) => *bits,
		other => panic!("{other:?} is no number"),
	}
}
