//! Instrumented modules do what they did before: modules of `wasm-smith` under wasmtime as they are and normalised.

use super::*;
use arbitrary::Unstructured;
use millrace_vm::{
	fast::on_long_stack,
	normalise::{instrument_for_tests, Reason},
	outcome::Trap as MillraceTrap,
};
use wasm_smith::{Config, Module};
use wasmtime::{Engine, ExternType, Instance, Store, Trap, Val};

const MODULES: u64 = 500;
/// Turns and calls that a module may make before it traps by itself.
const TURNS: u32 = 1_000;

fn config(number: u64) -> Config {
	Config {
		bulk_memory_enabled: number % 3 == 0,
		reference_types_enabled: false,
		allow_floats: number % 5 != 0,
		disallow_traps: number % 4 != 0,
		allow_start_export: number % 8 == 0,
		max_data_segments: 10,
		max_element_segments: 10,
		min_funcs: 6,
		max_funcs: 12,
		max_instructions: 150,
		max_imports: 0,
		min_memories: 1,
		max_memories: 1,
		max_tables: 2,
		max_memory32_bytes: 8 * 65_536,
		memory_max_size_required: true,
		max_table_elements: 50,
		export_everything: true,
		compact_imports_enabled: false,
		custom_descriptors_enabled: false,
		exceptions_enabled: false,
		extended_const_enabled: false,
		gc_enabled: false,
		memory64_enabled: false,
		relaxed_simd_enabled: false,
		simd_enabled: false,
		tail_call_enabled: false,
		threads_enabled: false,
		wide_arithmetic_enabled: false,
		..Config::default()
	}
}

fn module(number: u64) -> Vec<u8> {
	let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
	let seed: Vec<u8> = (0..16_384)
		.map(|_| {
			state = state
				.wrapping_mul(6_364_136_223_846_793_005)
				.wrapping_add(1_442_695_040_888_963_407);
			(state >> 56) as u8
		})
		.collect();
	let mut module = Module::new(config(number), &mut Unstructured::new(&seed)).expect("there are bytes enough");
	module.ensure_termination(TURNS).expect("no function was left invalid");
	module.to_bytes()
}

/// The bits of a value.
fn bits(value: &Val) -> u64 {
	match value {
		Val::I32(value) => *value as u32 as u64,
		Val::I64(value) => *value as u64,
		Val::F32(value) => (*value).into(),
		Val::F64(value) => *value,
		other => panic!("no such values are accepted: {other:?}"),
	}
}

fn argument(ty: &wasmtime::ValType, n: usize) -> Val {
	match ty {
		wasmtime::ValType::I32 => Val::I32(n as i32 * 37 - 1),
		wasmtime::ValType::I64 => Val::I64(n as i64 * -1_000_003 + 2),
		wasmtime::ValType::F32 => Val::F32((n as f32 * 1.5 - 2.0).to_bits()),
		wasmtime::ValType::F64 => Val::F64((n as f64 * -0.3 + 1e9).to_bits()),
		other => panic!("no such values are accepted: {other}"),
	}
}

/// What can be seen of calling an export of a fresh instance: results or the trap's name, globals, memory.
#[derive(PartialEq)]
struct Seen {
	answer: Result<Vec<u64>, MillraceTrap>,
	globals: Vec<u64>,
	memory: Vec<u8>,
}

/// The exports of a module: functions with arguments, globals, memories.
fn exports(module: &wasmtime::Module) -> (Vec<(String, Vec<Val>)>, Vec<String>, Vec<String>) {
	let (mut calls, mut globals, mut memories) = (vec![], vec![], vec![]);
	for export in module.exports() {
		let name = export.name().to_owned();
		match export.ty() {
			ExternType::Func(ty) => {
				calls.push((name, ty.params().enumerate().map(|(n, ty)| argument(&ty, n)).collect()))
			}
			ExternType::Global(_) => globals.push(name),
			ExternType::Memory(_) => memories.push(name),
			_ => {}
		}
	}
	(calls, globals, memories)
}

/// The module as it is; `None` if it has no instance, or if its end depends on the machine's stack.
fn plain(
	module: &wasmtime::Module,
	call: &(String, Vec<Val>),
	globals: &[String],
	memories: &[String],
) -> Option<Seen> {
	let mut store = Store::new(module.engine(), ());
	// Segments and start functions may trap.
	let instance = Instance::new(&mut store, module, &[]).ok()?;
	let function = instance.get_func(&mut store, &call.0)?;
	let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
	let answer = match function.call(&mut store, &call.1, &mut results) {
		Ok(()) => Ok(results.iter().map(bits).collect()),
		Err(error) => match error.downcast_ref::<Trap>().expect("only traps") {
			Trap::StackOverflow => return None,
			Trap::UnreachableCodeReached => Err(MillraceTrap::Unreachable),
			Trap::MemoryOutOfBounds => Err(MillraceTrap::Memory),
			Trap::TableOutOfBounds => Err(MillraceTrap::Table),
			Trap::IndirectCallToNull => Err(MillraceTrap::Null),
			Trap::BadSignature => Err(MillraceTrap::Signature),
			Trap::IntegerDivisionByZero => Err(MillraceTrap::Division),
			Trap::IntegerOverflow => Err(MillraceTrap::Overflow),
			Trap::BadConversionToInteger => Err(MillraceTrap::Conversion),
			trap => panic!("{trap}"),
		},
	};
	Some(Seen {
		answer,
		globals: globals
			.iter()
			.map(|name| bits(&instance.get_global(&mut store, name).unwrap().get(&mut store)))
			.collect(),
		memory: memories
			.iter()
			.flat_map(|name| instance.get_memory(&mut store, name).unwrap().data(&store).to_vec())
			.collect(),
	})
}

/// The module normalised.
fn instrumented(
	program: &FastProgram,
	entry: Option<&str>,
	call: &(String, Vec<Val>),
	globals: &[String],
	memories: &[String],
) -> Seen {
	let mut session = program.session(&LIMITS, supply(b""), &Stop::new()).unwrap();
	if let Some(entry) = entry {
		session
			.call(entry, &[])
			.unwrap()
			.expect("the start function returned before");
	}
	let answer = match session.call(&call.0, &call.1).unwrap() {
		Ok(results) => Ok(results.iter().map(bits).collect()),
		Err(Halt::GaveUp) => Err(MillraceTrap::Unreachable),
		Err(Halt::Trapped(trap)) => Err(trap),
		Err(halt) => panic!("{halt}"),
	};
	let gas = session.gas().unwrap();
	assert!(if answer.is_ok() {
		(0..LIMITS.gas as i64).contains(&gas)
	} else {
		gas < LIMITS.gas as i64
	});
	Seen {
		answer,
		globals: globals
			.iter()
			.map(|name| bits(&session.global(name).unwrap()))
			.collect(),
		memory: memories
			.iter()
			.flat_map(|name| session.memory(name).unwrap().to_vec())
			.collect(),
	}
}

#[test]
fn what_wasm_smith_makes_normalises_and_does_the_same() {
	let mut config = wasmtime::Config::new();
	// The deterministic profile.
	config.cranelift_nan_canonicalization(true);
	config.max_wasm_stack(200 << 20);
	config.wasm_backtrace(false);
	let engine = Engine::new(&config).unwrap();
	let (mut compared, mut calls_compared, mut traps) = (0, 0, 0);
	for number in 0..MODULES {
		let wasm = module(number);
		let compiled = wasmtime::Module::new(&engine, &wasm).unwrap();
		let normalised = match instrument_for_tests(&wasm) {
			Ok(module) => module,
			// Segments that do not fit; such a module would trap at its start.
			Err(refused) if matches!(refused.reasons(), [Reason::Segment { .. }]) => {
				assert!(
					Instance::new(&mut Store::new(&engine, ()), &compiled, &[]).is_err(),
					"{number}"
				);
				continue;
			}
			Err(refused) => panic!("{number}: {refused}"),
		};
		wasmparser::Validator::new_with_features(
			wasmparser::WasmFeatures::WASM2 | wasmparser::WasmFeatures::MULTI_MEMORY,
		)
		.validate_all(normalised.bytes())
		.unwrap_or_else(|error| panic!("{number}: {error}"));
		let program = ENGINE.compile(&normalised).unwrap();
		let (calls, globals, memories) = exports(&compiled);
		let same = on_long_stack(|| {
			for call in &calls {
				let Some(before) = plain(&compiled, call, &globals, &memories) else {
					continue;
				};
				let after = instrumented(&program, normalised.entry(), call, &globals, &memories);
				calls_compared += 1;
				traps += u64::from(before.answer.is_err());
				assert_eq!(after.answer, before.answer, "{number}: {call:?}");
				assert_eq!(after.globals, before.globals, "{number}: {call:?}");
				assert!(after.memory == before.memory, "{number}: {call:?}: memory differs");
			}
		});
		same.unwrap_or_else(|error| panic!("{number}: {error}"));
		compared += 1;
	}
	println!("{compared} modules, {calls_compared} calls, {traps} of them traps");
	assert!(compared > MODULES * 6 / 10, "{compared}");
	assert!(calls_compared > 1200 && traps > 50, "{calls_compared} {traps}");
}
