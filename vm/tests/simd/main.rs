//! SIMD in both engines, against wasmtime with its option that makes NaNs canonical after each operation: that is what
//! WebAssembly's deterministic profile says, at the price that the normaliser avoids.

#[path = "../common/mod.rs"]
mod common;

mod flows;
mod frames;
mod kinds;
mod ops;

use common::{cells, engine, limits, machine_of, supply, wasm_of, Rng};
use millrace_vm::{
	fast::{Session, Stop},
	flatten::flatten,
	machine::Machine,
	normalise::{instrument_for_tests, Normalised},
	program::Export,
};
use std::{collections::HashMap, sync::Arc};
use wasmtime::{Config, Engine, Instance, Module, Store, Val};

const GAS: u64 = 100_000_000;

/// A module in both engines, and as it is under wasmtime with canonical NaNs.
struct Three {
	machine: Machine,
	exports: HashMap<String, Export>,
	session: Session,
	store: Store<()>,
	plain: Instance,
	module: Normalised,
}

impl Three {
	/// The module exports its memory as `m`.
	fn new(text: &str) -> Self {
		let wasm = wasm_of(text);
		let module = instrument_for_tests(&wasm).unwrap_or_else(|why| panic!("{why}\n{text}"));
		let program = Arc::new(flatten(&module).unwrap());
		let exports = program
			.exports()
			.iter()
			.map(|export| (export.name.clone(), export.clone()));
		let mut config = Config::new();
		config
			.cranelift_nan_canonicalization(true)
			.wasm_simd(true)
			.wasm_relaxed_simd(false);
		let plain = Engine::new(&config).unwrap();
		let mut store = Store::new(&plain, ());
		let compiled = Module::from_binary(&plain, &wasm).unwrap();
		Self {
			exports: exports.collect(),
			machine: machine_of(&program, &[], &limits(GAS)),
			session: engine()
				.compile(&module)
				.unwrap()
				.session(&limits(GAS), supply(&[]), &Stop::new())
				.unwrap(),
			plain: Instance::new(&mut store, &compiled, &[]).unwrap(),
			store,
			module,
		}
	}

	/// Calls a function in all three; what they give must be the same, cell by cell, and the gas must pay for the steps.
	fn call(&mut self, name: &str, args: &[Val]) -> Option<Vec<u64>> {
		let arguments: Vec<u64> = args.iter().flat_map(cells).collect();
		let before = self.machine.steps();
		let stepped = self.machine.invoke(&self.exports[name], &arguments, GAS);
		let steps = self.machine.steps() - before;
		self.session.set_gas(GAS as i64).unwrap();
		let fast = self.session.call(name, args).unwrap();
		let left = self.session.gas().unwrap();
		assert_eq!(left, self.machine.registers().gas, "{name}: gas");
		if let Ok(left) = u64::try_from(left) {
			assert!(steps <= GAS - left + 64, "{name}: {steps} steps for {} gas", GAS - left);
		}
		let function = self.plain.get_func(&mut self.store, name).unwrap();
		let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
		let plain = function.call(&mut self.store, args, &mut results);
		let hex = |values: &[u64]| values.iter().map(|value| format!("{value:#018x} ")).collect::<String>();
		match (stepped, fast, plain) {
			(Ok(stepped), Ok(fast), Ok(())) => {
				let fast: Vec<u64> = fast.iter().flat_map(cells).collect();
				let plain: Vec<u64> = results.iter().flat_map(cells).collect();
				let args = hex(&arguments);
				assert_eq!(hex(&stepped), hex(&plain), "{name}({args}): step machine, wasmtime");
				assert_eq!(hex(&fast), hex(&plain), "{name}({args}): fast engine, wasmtime");
				Some(stepped)
			}
			(Err(stepped), Err(fast), Err(_)) => {
				assert_eq!(stepped, fast, "{name}");
				None
			}
			(stepped, fast, plain) => panic!("{name}: {stepped:?}, {fast:?}, {plain:?}"),
		}
	}
}

/// A vector of lanes of one width, each of them special in some way or random.
fn vector(rng: &mut Rng) -> u128 {
	let bits = *rng.pick(&[8, 16, 32, 32, 64, 64]);
	(0..128 / bits).fold(0, |all, _| all << bits | u128::from(lane(bits, rng)))
}

fn lane(bits: u32, rng: &mut Rng) -> u64 {
	let mask = u64::MAX >> (64 - bits);
	let (sign, infinity, quiet): (u64, u64, u64) = match bits {
		64 => (1 << 63, 0x7ff0 << 48, 1 << 51),
		_ => (1 << 31, 0x7f80_0000, 1 << 22),
	};
	let float = |value: f64| match bits {
		64 => value.to_bits(),
		_ => (value as f32).to_bits().into(),
	};
	let value = match rng.below(if bits < 32 { 2 } else { 6 }) {
		0 => rng.next(),
		1 => *rng.pick(&[0, 1, 2, mask, mask >> 1, (mask >> 1) + 1, mask - 1, 127, 128]),
		2 => *rng.pick(&[
			infinity,
			infinity | quiet,
			infinity | quiet | 5,
			infinity | 1,
			infinity | (quiet - 1),
		]),
		3 => float(*rng.pick(&[
			0.0,
			1.0,
			0.5,
			1.5,
			2.5,
			3.0,
			1e-40,
			2147483648.0,
			4294967295.5,
			1e30,
			2147483647.4,
		])),
		4 => float(rng.below(1000) as f64 / 8.0 - 60.0),
		_ => infinity | quiet | rng.below(1 << 20),
	};
	(value ^ if rng.chance(40) && bits >= 32 { sign } else { 0 }) & mask
}

fn val(vector: u128) -> Val {
	Val::V128(vector.into())
}
