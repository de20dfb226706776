//! The module's own count always ends a recursion before the machine's stack would: otherwise there would be no outcome,
//! and which depth is too deep would depend on the machine.

use super::*;
use millrace_vm::{fast::on_long_stack, normalise::limits};

fn repeat(times: usize, part: impl Fn(usize) -> String) -> String {
	(0..times).map(part).collect()
}

static STOPPABLE: LazyLock<FastEngine> = LazyLock::new(|| FastEngine::new(FastConfig::default()).unwrap());

/// Recurses for ever, in many shapes of frame.
fn shapes() -> Vec<(String, String)> {
	let mut shapes = Vec::new();
	let mut shape = |name: &str, text: String| shapes.push((name.to_owned(), format!("(module (memory 1) {text})")));
	shape("plain", "(func $f (export \"_start\") (call $f))".into());
	shape(
		"no tail",
		"(func $f (param i32) (result i32) (i32.add (i32.const 1) (call $f (i32.add (local.get 0) (i32.const 1)))))
		(func (export \"_start\") (drop (call $f (i32.const 0))))"
			.into(),
	);
	for (ty, constant) in [
		("i32", "i32.const 1"),
		("i64", "i64.const 1"),
		("f32", "f32.const 1"),
		("f64", "f64.const 1"),
	] {
		for count in [1, 7, 64] {
			// Parameters that are all used after the call.
			shape(
				&format!("{count} parameters of {ty}"),
				format!(
					"(func $f (param {}) (call $f {}) {})
					(func (export \"_start\") (call $f {}))",
					repeat(count, |_| format!("{ty} ")),
					repeat(count, |n| format!("({ty}.add (local.get {n}) ({constant}))")),
					repeat(count, |n| format!("({ty}.store (i32.const {}) (local.get {n}))", 8 * n)),
					repeat(count, |_| format!("({constant})")),
				),
			);
		}
		// Locals with different values that are all used after the call.
		for count in [100, 990] {
			shape(
				&format!("{count} locals of {ty}"),
				format!(
					"(func $f (export \"_start\") (local {}) {} (call $f) {})",
					repeat(count, |_| format!("{ty} ")),
					repeat(count, |n| format!("(local.set {n} ({ty}.load (i32.const {})))", 8 * n)),
					repeat(count, |n| format!("({ty}.store (i32.const {}) (local.get {n}))", 8 * n)),
				),
			);
		}
		// Operands below the call.
		for count in [10, 1000] {
			shape(
				&format!("{count} operands of {ty}"),
				format!(
					"(func $f (export \"_start\") {} (call $f) {})",
					repeat(count, |n| format!("({ty}.load (i32.const {}))", 8 * n)),
					repeat(count - 1, |_| format!("({ty}.add)")) + "drop",
				),
			);
		}
		// As many results as there may be.
		let results = repeat(16, |_| format!("{ty} "));
		shape(
			&format!("results of {ty}"),
			format!(
				"(func $f (result {results}) (call $f) {} {})
				(func (export \"_start\") (call $f) {})",
				repeat(16, |_| "drop ".into()),
				repeat(16, |_| format!("({constant})")),
				repeat(16, |_| "drop ".into()),
			),
		);
	}
	// Vectors that are all used after the call, and as many parameters as there may be, with results.
	shape(
		"1000 vectors",
		format!(
			"(func $f (export \"_start\") (local {}) {} (call $f) {})",
			repeat(1000, |_| "v128 ".into()),
			repeat(1000, |n| format!("(local.set {n} (v128.load (i32.const {})))", 16 * n)),
			repeat(1000, |n| format!("(v128.store (i32.const {}) (local.get {n}))", 16 * n)),
		),
	);
	for (ty, count) in [("i64", 128), ("f64", 128), ("v128", 64)] {
		let results = if ty == "v128" { 8 } else { 16 };
		shape(
			&format!("{count} parameters of {ty}, passed on, with results"),
			format!(
				"(func $f (param {}) (result {}) {} (call $f) {} {})
				(func (export \"_start\") {} (call $f) {})",
				repeat(count, |_| format!("{ty} ")),
				repeat(results, |_| format!("{ty} ")),
				repeat(count, |n| format!("(local.get {n})")),
				repeat(results, |_| "drop ".into()),
				repeat(results, |n| format!("(local.get {n})")),
				repeat(count, |n| format!("({ty}.load (i32.const {}))", 16 * n)),
				repeat(results, |_| "drop ".into()),
			),
		);
	}
	// Values that no local holds, but that a compiler keeps: the same expressions before and after the call.
	for count in [50, 1500] {
		let expressions = |first: usize| {
			repeat(count, |n| {
				format!(
					"(i64.store (i32.const {}) (i64.mul (local.get 0) (i64.const {})))",
					first + 8 * n,
					2 * n + 3
				)
			})
		};
		shape(
			&format!("{count} common expressions"),
			format!(
				"(func $f (param i64) {} (call $f (i64.add (local.get 0) (i64.const 1))) {})
				(func (export \"_start\") (call $f (i64.const 1)))",
				expressions(0),
				expressions(16_384),
			),
		);
	}
	shape(
		"mutual",
		"(func $f (param f64) (result f64) (f64.add (local.get 0) (call $g (local.get 0) (f64.const 2))))
		(func $g (param f64 f64) (result f64) (f64.mul (local.get 1) (call $f (local.get 0))))
		(func (export \"_start\") (drop (call $f (f64.const 0))))"
			.into(),
	);
	shape(
		"indirect",
		"(table 1 funcref) (elem (i32.const 0) $f) (type $t (func (param i32) (result i64)))
		(func $f (type $t) (i64.add (i64.const 1) (call_indirect (type $t) (local.get 0) (i32.const 0))))
		(func (export \"_start\") (drop (call $f (i32.const 0))))"
			.into(),
	);
	shape(
		"a br_table around the call",
		format!(
			"(func $f (param i32) {} (br_table {} (local.get 0)) {} (call $f (i32.const 7)))
			(func (export \"_start\") (call $f (i32.const 7)))",
			repeat(200, |_| "(block ".into()),
			repeat(200, |n| format!("{n} ")),
			repeat(200, |n| format!(") (i32.store (i32.const 0) (i32.const {n}))")),
		),
	);
	shape(
		"a large leaf at the end",
		format!(
			"(func $leaf (param i32) (local {}) {} {})
			(func $f (param i32) (call $leaf (local.get 0)) (call $f (i32.add (local.get 0) (i32.const 1))))
			(func (export \"_start\") (call $f (i32.const 0)))",
			repeat(990, |_| "f64 ".into()),
			repeat(990, |n| format!(
				"(local.set {} (f64.load (i32.const {})))",
				n + 1,
				8 * n
			)),
			repeat(990, |n| format!(
				"(f64.store (i32.const {}) (local.get {}))",
				8 * n,
				n + 1
			)),
		),
	);
	shape(
		"in the start function",
		"(func $s (param i32) (call $s (local.get 0))) (func $t (call $s (i32.const 0))) (start $t) (func (export \"_start\"))"
			.into(),
	);
	shapes
}

#[test]
fn recursion_without_end_fails_in_every_shape() {
	let limits = Limits { gas: 1 << 36, ..LIMITS };
	for (name, text) in shapes() {
		let wasm = bytes(&text);
		let module = normalise(&wasm).unwrap_or_else(|refused| panic!("{name}: {refused}"));
		for engine in [&*ENGINE, &*STOPPABLE] {
			let program = engine.compile(&module).unwrap();
			let run = program.run(&limits, supply(b""), &Stop::new());
			let run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
			assert_eq!((run.halt, run.gas_used), (Halt::OutOfStack, limits.gas), "{name}");
		}
	}
}

#[test]
fn a_quarter_of_the_native_stack_would_do() {
	// The same code under an engine with less stack: the count still trips first, so the margin is at least fourfold.
	let mut config = wasmtime::Config::new();
	config.max_wasm_stack(144 << 20);
	config.wasm_backtrace(false);
	let engine = wasmtime::Engine::new(&config).unwrap();
	for (name, text) in shapes() {
		let module = normalise(&bytes(&text)).unwrap();
		let compiled = wasmtime::Module::new(&engine, module.bytes()).unwrap();
		let trap = on_long_stack(|| {
			let mut store = wasmtime::Store::new(&engine, ());
			let mut linker = wasmtime::Linker::new(&engine);
			linker.define_unknown_imports_as_traps(&compiled).unwrap();
			let instance = linker.instantiate(&mut store, &compiled).unwrap();
			let gas = instance.get_global(&mut store, module.gas_export()).unwrap();
			gas.set(&mut store, wasmtime::Val::I64(1 << 36)).unwrap();
			let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
			let error = run.call(&mut store, ()).unwrap_err();
			error.downcast_ref::<wasmtime::Trap>().copied()
		});
		// What ends it is the call of the host, which is none here.
		assert_eq!(trap.unwrap(), None, "{name}");
	}
}

#[test]
fn the_depth_is_that_of_the_count() {
	// A counter in memory tells how deep it was; the frame of $f is 16 cells, its parameter, operands, and little more.
	let text = text(
		"(local.set 0 (call $f (i32.const 1))) (call $word (local.get 0))",
		"(func $f (param i32) (result i32)
			(if (i32.eq (local.get 0) (i32.const DEPTH)) (then (return (local.get 0))))
			(call $f (i32.add (local.get 0) (i32.const 1))))",
	);
	let run = |depth: u32| run_wasm(&bytes(&text.replace("DEPTH", &depth.to_string())), b"", &LIMITS).status();
	let (mut less, mut more) = (1, limits::STACK);
	while more - less > 1 {
		let middle = less + (more - less) / 2;
		match run(middle) {
			Status::Success => less = middle,
			_ => more = middle,
		}
	}
	assert!((limits::STACK / 24..limits::STACK / 16).contains(&less), "{less}");
}

#[test]
fn returning_gives_the_stack_back() {
	let body = "
		(local.set 0 (i32.const 1000))
		(loop (call $f (i32.const 10000)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
	let parts = "(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))";
	let run = run_wasm(&bytes(&text(body, parts)), b"", &LIMITS);
	assert_eq!(run.halt, Halt::Ended(Status::Success, 0));
}
