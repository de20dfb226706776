//! Programs made to keep a compiler busy: refused, or compiled in time.

use super::*;
use std::time::{Duration, Instant};

/// Far more than is needed on a slow and busy machine.
const TIME: Duration = Duration::from_secs(60);

fn repeat(times: usize, part: impl Fn(usize) -> String) -> String {
	(0..times).map(part).collect()
}

/// The largest modules of their kinds that are accepted.
fn bombs() -> Vec<(&'static str, String)> {
	let locals = repeat(990, |_| "i64 ".into());
	vec![
		(
			"many loops that change nothing, many locals",
			format!(
				"(func (local {locals}) {} (drop (local.get 5)))",
				repeat(690, |_| "(loop) ".into())
			),
		),
		(
			"loops inside loops, every local changed in each",
			format!(
				"(func (local {}) {} {} {})",
				repeat(100, |_| "i64 ".into()),
				repeat(128, |n| format!(
					"loop (local.set {} (i64.load (i32.const 0))) ",
					n % 100
				)),
				repeat(100, |n| format!("(i64.store (i32.const 8) (local.get {n}))")),
				repeat(128, |_| "(br_if 0 (i32.load (i32.const 4))) end ".into()),
			),
		),
		(
			"large br_tables",
			format!(
				"(func {} {} {})",
				repeat(2000, |_| "(block ".into()),
				repeat(30, |_| format!(
					"(block (br_table {} (i32.load (i32.const 0))))",
					repeat(4000, |n| format!("{} ", n % 2000))
				)),
				repeat(2000, |_| ")".into()),
			),
		),
		(
			"one long expression",
			format!(
				"(func (drop (i32.const 1) {}))",
				repeat(60_000, |n| format!("(i32.const {}) (i32.mul) ", n % 60))
			),
		),
		(
			"many functions",
			repeat(19_990, |n| {
				format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))")
			}),
		),
		(
			"many calls",
			format!("(func $f {})", repeat(40_000, |_| "(call $f)".into())),
		),
		(
			"many values alive over many blocks",
			format!(
				"(func (local {locals}) {} {} {})",
				repeat(990, |n| format!("(local.set {n} (i64.load (i32.const {})))", 8 * n)),
				repeat(400, |_| "(if (i32.load (i32.const 0)) (then))".into()),
				repeat(990, |n| format!("(i64.store (i32.const {}) (local.get {n}))", 8 * n)),
			),
		),
	]
}

#[test]
fn the_worst_programs_compile_in_time() {
	for (name, parts) in bombs() {
		let wasm = bytes(&format!("(module (memory 1) {parts} (func (export \"_start\")))"));
		let started = Instant::now();
		let module = normalise(&wasm).unwrap_or_else(|refused| panic!("{name}: {refused}"));
		let normalised = started.elapsed();
		ENGINE.compile(&module).unwrap();
		println!(
			"{name}: {} bytes, normalised in {normalised:?}, compiled in {:?}",
			wasm.len(),
			started.elapsed()
		);
		assert!(started.elapsed() < TIME, "{name}: {:?}", started.elapsed());
	}
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
