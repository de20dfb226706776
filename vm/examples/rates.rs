//! How long gas takes at worst: shapes that make a processor slow, by how much memory they use.
//!
//!     cargo run --release -p millrace-vm --example rates -- [--steps] [SHAPE ...]
//!
//! Each program turns around a loop twice as often in a second run; time and gas are the difference of the two, so that
//! neither starting nor preparing memory counts. With `--steps` the step machine runs them, which replays for disputes.

use millrace_vm::{
	bisect::{Budget, Trace},
	fast::{FastConfig, FastEngine},
	flatten::flatten,
	normalise::normalise,
	stop::Stop,
	supply::{Hashed, Supply},
	task::Limits,
};
use std::{sync::Arc, time::Instant};

/// A loop's body, repeated so often.
struct Shape {
	name: &'static str,
	body: &'static str,
	repeated: usize,
	/// Turns of the first run.
	turns: u64,
	/// Declarations beside the usual ones.
	beside: String,
}

fn shapes() -> Vec<Shape> {
	let shape = |name, body, repeated, turns| Shape {
		name,
		body,
		repeated,
		turns,
		beside: String::new(),
	};
	let mut all = vec![
		shape("add", "(local.set $x (i64.add (local.get $x) (local.get $y)))", 100, 2_000_000),
		shape(
			"i64.div",
			"(local.set $x (i64.div_u (i64.const -1) (i64.or (local.get $x) (i64.const 3))))",
			100,
			30_000,
		),
		shape("f64.sqrt", "(local.set $f (f64.sqrt (local.get $f)))", 100, 200_000),
		shape(
			"f64.div denormal",
			"(local.set $f (f64.div (f64.const 0x1p-1060) (local.get $f)))",
			100,
			100_000,
		),
		shape(
			"f64.mul denormal",
			"(local.set $f (f64.mul (f64.const 0x1p-1060) (f64.add (local.get $f) (f64.const 1))))",
			100,
			100_000,
		),
		shape(
			"f32x4.div",
			"(local.set $v (f32x4.div (v128.const f32x4 1 2 3 4) (local.get $v)))",
			100,
			100_000,
		),
		shape(
			"store, wider load",
			"(i32.store8 (i32.const 64) (local.get $n)) (local.set $n (i32.add (local.get $n) (i32.load (i32.const 61))))",
			100,
			100_000,
		),
		shape(
			"store over two pages",
			"(i64.store (i32.const 4093) (local.get $x)) (local.set $x (i64.load (i32.const 4093)))",
			100,
			100_000,
		),
		shape(
			"branch that is guessed wrong",
			"(local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
			(if (i32.wrap_i64 (i64.and (i64.shr_u (local.get $x) (i64.const 60)) (i64.const 1))) (then (local.set $n (i32.mul (local.get $n) (i32.const 7)))))",
			20,
			200_000,
		),
		shape(
			"memory.fill of nothing",
			"(memory.fill (i32.const 64) (i32.const 0) (local.get $none))",
			20,
			50_000,
		),
		shape(
			"memory.copy of a byte",
			"(memory.copy (i32.const 64) (i32.const 4095) (i32.const 1))",
			20,
			50_000,
		),
		shape(
			"memory.grow by nothing",
			"(drop (memory.grow (local.get $none)))",
			20,
			50_000,
		),
	];
	let functions: String = (0..64)
		.map(|n| {
			format!(
				"(func $f{n} (type $t) (i32.add (local.get 0) (i32.const {})))",
				n * 77 + 1
			)
		})
		.collect();
	let names: String = (0..64).map(|n| format!("$f{n} ")).collect();
	all.push(Shape {
		name: "call_indirect at random",
		body: "(local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
			(local.set $n (call_indirect (type $t) (local.get $n) (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 58)))))",
		repeated: 20,
		turns: 100_000,
		beside: format!("(type $t (func (param i32) (result i32))) (table funcref (elem {names})) {functions}"),
	});
	all
}

/// A program: prepares so many bytes of memory as a cycle of addresses of cache lines, then turns around the body.
fn program(shape: &Shape, lines: u32, turns: u64) -> Vec<u8> {
	let body = shape.body.repeat(shape.repeated);
	let pages = (u64::from(lines) * 64).div_ceil(65_536).max(1);
	// All numbers below a power of two, in an order in which none tells the next: a generator of full period.
	let text = format!(
		"(module {} (memory (export \"memory\") {pages} {pages})
		(func (export \"_start\") (local $n i32) (local $x i64) (local $y i64) (local $f f64) (local $v v128) (local $none i32)
			(local $turns i64) (local $line i32) (local $next i32)
			(local.set $x (i64.const 88172645463325252)) (local.set $y (i64.const 3)) (local.set $f (f64.const 3))
			(local.set $v (v128.const f32x4 3 5 7 9))
			(loop $prepare
				(local.set $next (i32.and (i32.add (i32.mul (local.get $line) (i32.const 1664525)) (i32.const 1013904223)) (i32.const {mask})))
				(i32.store (i32.shl (local.get $line) (i32.const 6)) (i32.shl (local.get $next) (i32.const 6)))
				(br_if $prepare (local.tee $line (local.get $next))))
			(local.set $turns (i64.const {turns}))
			(loop $turn
				{body}
				(local.set $turns (i64.sub (local.get $turns) (i64.const 1)))
				(br_if $turn (i64.ne (local.get $turns) (i64.const 0))))
			(i32.store (i32.const 0) (i32.add (local.get $n) (i32.wrap_i64 (local.get $x))))
			(f64.store (i32.const 8) (local.get $f)) (v128.store (i32.const 16) (local.get $v))))",
		shape.beside,
		mask = lines - 1,
	);
	wat::parse_str(text).expect("the shape is a module")
}

fn limits(lines: u32) -> Limits {
	Limits {
		gas: 1 << 38,
		memory_pages: (lines / 1_024).max(1) + 64,
		output: 0,
	}
}

fn fast(engine: &FastEngine, wasm: &[u8], lines: u32) -> (f64, u64) {
	let module = normalise(wasm).expect("it is accepted");
	let program = engine.compile(&module).expect("it compiles");
	let begin = Instant::now();
	let run = program
		.run(&limits(lines), Supply::of_input(Vec::new(), [0; 32]), &Stop::new())
		.expect("it runs");
	assert!(
		run.halt.status().0 == millrace_vm::outcome::Status::Success,
		"{:?}",
		run.halt
	);
	(begin.elapsed().as_secs_f64(), run.gas_used)
}

fn steps(wasm: &[u8], lines: u32) -> (f64, u64) {
	let flat = flatten(&normalise(wasm).expect("it is accepted")).expect("it is accepted");
	let supply = Hashed::new(Supply::of_input(Vec::new(), [0; 32])).expect("it is short");
	let budget = Budget {
		bytes: 64 << 20,
		threads: 1,
	};
	let mut trace = Trace::new(Arc::new(flat), Arc::new(supply), &limits(lines), budget, Stop::new()).expect("it fits");
	let begin = Instant::now();
	let (outcome, _) = trace.finish().expect("nobody stops it");
	(begin.elapsed().as_secs_f64(), outcome.gas_used)
}

fn main() {
	let args: Vec<String> = std::env::args().skip(1).collect();
	let slow = args.iter().any(|arg| arg == "--steps");
	let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
	let engine = FastEngine::new(FastConfig::default()).expect("this machine runs programs");
	let chase = |turns| Shape {
		name: "load where the last one says",
		body: "(local.set $n (i32.load (local.get $n)))",
		repeated: 1_000,
		turns,
		beside: String::new(),
	};
	let mut all: Vec<(Shape, u32)> = shapes().into_iter().map(|shape| (shape, 1_024)).collect();
	// 1, 32 MiB, 1 and 2 GiB.
	for (lines, turns) in [(1 << 14, 20_000), (1 << 19, 5_000), (1 << 24, 3_000), (1 << 25, 3_000)] {
		all.push((chase(turns), lines));
	}
	println!("{:32} {:>9} {:>14} {:>9}", "shape", "MiB", "gas", "ns/gas");
	for (shape, lines) in all {
		if !names.is_empty() && !names.iter().any(|name| shape.name.contains(name.as_str())) {
			continue;
		}
		let turns = if slow { shape.turns / 20 } else { shape.turns };
		let [one, two] = [turns, 2 * turns].map(|turns| {
			let wasm = program(&shape, lines, turns);
			match slow {
				true => steps(&wasm, lines),
				false => fast(&engine, &wasm, lines),
			}
		});
		let gas = two.1 - one.1;
		println!(
			"{:32} {:>9.2} {:>14} {:>9.3}",
			shape.name,
			f64::from(lines) / 16_384.0,
			gas,
			(two.0 - one.0) * 1e9 / gas as f64
		);
	}
}
