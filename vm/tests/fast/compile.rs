//! Programs made to keep a compiler busy: refused, or compiled in proportion.

use super::{hostile, *};
use hostile::{module, SHAPES};
use millrace_vm::normalise::{limits, Normalised, Reason};
use std::time::{Duration, Instant};

/// The size in which each shape is compiled here, and how many times as long as other code its instructions may take.
/// Time grows with the square of the size in most of them, so the sizes are a part of what is accepted;
/// `examples/compile.rs` compiles the largest.
const COMPILED: &[(&str, usize, u32)] = &[
	("ifs, 16 locals", 2_000, 60),
	("ifs, 500 locals", 500, 120),
	("arms that set all, 16 locals", 1_000, 40),
	("empty loops in a row", 2_048, 40),
	("loops in a row, 500 locals", 500, 120),
	("nests of 128 loops, 100 locals", 1_024, 60),
	("a loop around a switch, 16 locals", 500, 150),
	("blocks in blocks", 5_000, 40),
	("br_tables to 500 labels, 16 operands", 4, 60),
	("br_ifs with 16 operands", 1_000, 100),
	("selects", 20_000, 20),
	("quotients, 1000 locals", 10_000, 20),
	("copies of memory words", 20_000, 10),
	("constants of vectors", 5_000, 20),
	("tees that overlap, 2000 locals", 1_500, 120),
	("calls, 16 to 16", 2_000, 60),
	("calls, 128 to 16", 200, 20),
	("calls of nothing, 100 locals", 1_000, 150),
	("calls of nothing, 1000 vectors", 1_000, 40),
	("memory.grow", 3_000, 40),
	("sums of vectors, stored", 4_000, 20),
];

fn shape(name: &str, size: usize) -> hostile::Function {
	let shape = SHAPES.iter().find(|shape| shape.name == name);
	(shape.unwrap_or_else(|| panic!("{name}")).function)(size)
}

/// How long a compilation takes, the shorter of two.
fn compiled(module: &Normalised) -> Duration {
	let time = || {
		let started = Instant::now();
		ENGINE.compile(module).unwrap();
		started.elapsed()
	};
	time().min(time())
}

#[test]
fn hostile_programs_compile_in_proportion() {
	// Many small functions, such as compilers make.
	let usual = normalise(&module(&shape("copies of memory words", 20), 1_000, 0)).unwrap();
	let usual = compiled(&usual).as_nanos() as u64 / usual.work().instructions;
	for (name, size, times) in COMPILED {
		let normalised = normalise(&module(&shape(name, *size), 1, 0));
		let normalised = normalised.unwrap_or_else(|refused| panic!("{name}: {refused}"));
		let time = compiled(&normalised);
		// Where nearly nothing is compiled, there is still an engine's work for a module.
		let budget = Duration::from_nanos(usual * u64::from(*times) * normalised.work().instructions)
			+ Duration::from_millis(200);
		println!("{name}: {time:?} of {budget:?}, {usual} ns an instruction are usual");
		assert!(time < budget, "{name}: {time:?} of {budget:?}");
	}
}

/// Shapes that are refused in this size, and why.
const REFUSED: &[(&str, usize, &str)] = &[
	("ifs, 2000 locals", 9_000, "blocks times values in a function"),
	("empty loops in a row", 2_049, "loops in a function"),
	("nests of 128 loops, 16 locals", 2_049, "loops in a function"),
	(
		"a loop around a switch, 200 locals",
		2_000,
		"squares of branches to a label, times values, in a function",
	),
	(
		"br_ifs with 16 operands",
		5_000,
		"squares of branches to a label, times values, in a function",
	),
	("calls of nothing", 24_576, "calls in a function"),
	("calls of nothing, 100 locals", 24_576, "calls in a function"),
	("ifs, 500 vectors", 18_000, "blocks times vectors in a function"),
	(
		"tees that overlap, 2000 locals",
		20_000,
		"instructions times values in a function",
	),
	(
		"nops",
		760_000,
		"instructions in a function (one on vectors counts as seven)",
	),
];

#[test]
fn what_would_take_too_long_is_refused() {
	for (name, size, expected) in REFUSED {
		let refused = normalise(&module(&shape(name, *size), 1, 0));
		let refused = refused.err().unwrap_or_else(|| panic!("{name} is accepted"));
		let found = refused
			.reasons()
			.iter()
			.any(|reason| matches!(reason, Reason::Limit { what, .. } if what == expected));
		assert!(found, "{name}: {refused}");
	}
	// Each is accepted alone, not many in a short module.
	let two = |name: &str, size: usize, copies: usize| normalise(&module(&shape(name, size), copies, 0));
	assert!(two("a loop around a switch, 200 locals", 900, 1).is_ok());
	assert!(two("a loop around a switch, 200 locals", 900, 2).is_err());
}

/// A module whose imported functions are replaced by functions that trap, so that all kinds of modules can be measured.
fn without_imports(wasm: &[u8]) -> Vec<u8> {
	use wasm_encoder::{CodeSection, Function, FunctionSection, MemorySection, MemoryType, Module, RawSection};
	use wasmparser::{Parser, Payload, TypeRef};
	let (mut imported, mut own, mut memory, mut bodies) = (Vec::new(), Vec::new(), None, Vec::new());
	for payload in Parser::new(0).parse_all(wasm) {
		match payload.unwrap() {
			Payload::ImportSection(section) => {
				for import in section.into_imports() {
					match import.unwrap().ty {
						TypeRef::Func(ty) => imported.push(ty),
						TypeRef::Memory(ty) => memory = Some(ty),
						other => panic!("{other:?}"),
					}
				}
			}
			Payload::FunctionSection(section) => own.extend(section.into_iter().map(|ty| ty.unwrap())),
			Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes().to_vec()),
			_ => {}
		}
	}
	let mut functions = FunctionSection::new();
	imported.iter().chain(&own).for_each(|ty| {
		functions.function(*ty);
	});
	let mut code = CodeSection::new();
	for _ in &imported {
		let mut function = Function::new([]);
		function.instructions().unreachable().end();
		code.function(&function);
	}
	bodies.iter().for_each(|body| {
		code.raw(body);
	});
	let mut module = Module::new();
	for payload in Parser::new(0).parse_all(wasm) {
		let payload = payload.unwrap();
		match (&payload, payload.as_section()) {
			(Payload::ImportSection(_) | Payload::CustomSection(_) | Payload::CodeSectionEntry(_), _) => {}
			(Payload::CodeSectionStart { .. }, _) => {
				module.section(&code);
			}
			(Payload::FunctionSection(_), _) => {
				module.section(&functions);
			}
			(_, Some((id, range))) => {
				// The memory's place is before the globals.
				if let (6, Some(ty)) = (id, memory) {
					let mut section = MemorySection::new();
					section.memory(MemoryType {
						minimum: ty.initial,
						maximum: ty.maximum,
						memory64: false,
						shared: false,
						page_size_log2: None,
					});
					module.section(&section);
				}
				let data = &wasm[range.start as usize..range.end as usize];
				module.section(&RawSection { id, data });
			}
			_ => {}
		}
	}
	module.finish()
}

/// Large modules as they are found, if `MILLRACE_LARGE` names one.
#[test]
fn large_modules_are_accepted() {
	let Some(path) = std::env::var_os("MILLRACE_LARGE") else {
		println!("skipped: MILLRACE_LARGE is not set");
		return;
	};
	let wasm = without_imports(&std::fs::read(path).unwrap());
	let started = Instant::now();
	let module = millrace_vm::normalise::instrument_for_tests(&wasm).unwrap_or_else(|refused| panic!("{refused}"));
	let normalised = started.elapsed();
	ENGINE.compile(&module).unwrap();
	println!(
		"{} bytes became {}, normalised in {normalised:?}, compiled in {:?}",
		wasm.len(),
		module.bytes().len(),
		started.elapsed() - normalised
	);
}

#[test]
fn the_longest_functions_on_vectors_have_registers_enough() {
	// Of all instructions, those of which the compiler makes most.
	for (name, instruction) in [
		("i16x8.extadd_pairwise_i8x16_s", &[0xfd, 0x7c][..]),
		("i8x16.popcnt", &[0xfd, 0x62]),
		("i32x4.trunc_sat_f32x4_s", &[0xfd, 0xf8, 1]),
		("i32x4.trunc_sat_f32x4_u", &[0xfd, 0xf9, 1]),
		("i32x4.trunc_sat_f64x2_u_zero", &[0xfd, 0xfd, 1]),
	] {
		let most = (limits::INSTRUCTIONS / (1 + limits::VECTOR_MORE)) as usize;
		let chain = |n| normalise(&module(&hostile::chain(instruction, n), 1, 0));
		let longest = chain(most - 30).unwrap_or_else(|refused| panic!("{name}: {refused}"));
		assert!(ENGINE.compile(&longest).is_ok(), "{name}");
		assert!(chain(most).is_err(), "{name}");
	}
}
