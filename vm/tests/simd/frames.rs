//! Wide frames: vectors as parameters, results and operands of branches and selections, and calls to the last cell.

use super::{val, vector, Three};
use crate::common::{engine, limits, machine_of, program_of, supply, wasm_of, Rng};
use millrace_vm::{
	fast::{on_long_stack, Stop},
	normalise::{limits as bounds, normalise, Reason},
	outcome::Status,
};
use wasmtime::Val;

const TEXT: &str = r#"(module (memory (export "m") 1)
	(type $mix (func (param i32 v128 f32 v128 i64) (result v128 i64 v128)))
	(table funcref (elem $mixed $other))
	(global $a i32 (i32.const 3)) (global $b (mut v128) (v128.const i32x4 1 2 3 4)) (global $c (mut i64) (i64.const 5))
	(func $mixed (type $mix) (local i32 v128 i64)
		(local.set 6 (local.get 1)) (local.set 7 (i64.const 9))
		(local.get 3) (i64.add (local.get 4) (local.get 7)) (local.get 6))
	(func $other (type $mix) (local.tee 3 (i8x16.splat (local.get 0))) (local.get 4) (local.get 1))
	(func (export "table") (param i32 v128 v128) (result v128 i32)
		(block $x (result v128 i32) (block $y (result v128 i32) (block $z (result v128 i32)
			(i64.const 1) (local.get 1) (i32.const 7)
			(br_table $x $y $z $x $y (local.get 0)))
			(i32.add (i32.const 1)) (br $x))
			(drop) (i32.const 9) (return)))
	(func (export "keep") (param i32 v128 v128) (result v128)
		(block $out (result v128)
			(i32.const 5) (v128.const i64x2 7 8)
			(br_if $out (local.get 1) (local.get 0))
			(drop) (drop) (drop) (v128.const i64x2 1 2)))
	(func (export "drops") (param i32 v128 v128) (result i32)
		(block $out
			(v128.const i64x2 7 8) (i32.const 1) (local.get 1)
			(br_if $out (local.get 0))
			(drop) (drop) (drop) (return (i32.const 3)))
		(i32.const 4))
	(func (export "arms") (param i32 v128 v128) (result i32 v128)
		(i32.const 1)
		(if (param i32) (result i32 v128) (i32.and (local.get 0) (i32.const 1))
			(then (i32.add (i32.const 4)) (local.get 1))
			(else (i32x4.add (local.get 1) (local.get 2)))))
	(func (export "no else") (param i32 v128 v128) (result i32 v128)
		(i32.const 8) (local.get 2)
		(if (param i32 v128) (result i32 v128) (i32.and (local.get 0) (i32.const 1))
			(then (i32x4.add (local.get 1)))))
	(func (export "turns") (param i32 v128 v128) (result v128)
		(i64.const 9) (local.get 1)
		(loop $more (param i64 v128) (result i64 v128)
			(i32x4.add (local.get 2))
			(br_if $more (i32.lt_s (i32.const 0) (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
		(return))
	(func (export "indirect") (param i32 v128 v128) (result v128 i64 v128)
		(call_indirect (type $mix) (local.get 0) (local.get 1) (f32.const 1) (local.get 2) (i64.const 4)
			(i32.and (local.get 0) (i32.const 1))))
	(func (export "select") (param i32 v128 v128) (result v128 i32 v128)
		(i32.const 1)
		(select (local.get 1) (local.get 2) (local.get 0))
		(drop) (drop)
		(select (result v128) (local.get 2) (local.get 1) (i32.eqz (local.get 0)))
		(local.get 0)
		(select (local.get 1) (local.get 2) (i32.and (local.get 0) (i32.const 2))))
	(func (export "globals") (param i32 v128 v128) (result v128 i64 i32)
		(global.get $b) (global.get $c) (global.get $a)
		(global.set $b (local.get 1)) (global.set $c (i64.add (global.get $c) (i64.const 1)))))"#;

#[test]
fn vectors_go_through_calls_branches_and_selections() {
	on_long_stack(|| {
		let mut three = Three::new(TEXT);
		let mut rng = Rng(24);
		for n in 0..200 {
			let args = [Val::I32(n % 6), val(vector(&mut rng)), val(vector(&mut rng))];
			for name in [
				"table", "keep", "drops", "arms", "no else", "turns", "indirect", "select", "globals",
			] {
				three.call(name, &args).expect("it returns");
			}
		}
	})
	.unwrap();
}

/// A program that calls itself so many times, with a frame of vectors.
fn recursion(vectors: usize) -> String {
	let params = vec!["v128"; vectors].join(" ");
	let gets: String = (0..vectors).map(|n| format!("(local.get {n})")).collect();
	let firsts = vec!["(v128.const i64x2 1 2)"; vectors].join(" ");
	format!(
		"(module (memory (export \"memory\") 1) (global $depth (mut i32) (i32.const 0))
		(func $f (param {params}) (param i32) (local v128 v128)
			(global.set $depth (i32.add (global.get $depth) (i32.const 1)))
			(if (local.get {vectors}) (then (call $f {gets} (i32.sub (local.get {vectors}) (i32.const 1)))))
			(drop (v128.and (local.get 0) (local.get {}))))
		(func (export \"_start\") (call $f {firsts} (i32.const DEPTH))))",
		vectors + 1
	)
}

#[test]
fn the_stack_ends_at_the_same_call_in_both_engines() {
	for vectors in [1, 7, 60] {
		let ends = |depth: u64| {
			let wasm = wasm_of(&recursion(vectors).replace("DEPTH", &depth.to_string()));
			let fast = engine().compile(&normalise(&wasm).unwrap()).unwrap();
			let task = limits(2_000_000_000);
			let run = fast.run(&task, supply(&[]), &Stop::new()).unwrap();
			let mut machine = machine_of(&program_of(&wasm), &[], &task);
			machine.run(u64::MAX);
			let outcome = machine.outcome().unwrap();
			assert_eq!(run.outcome(), outcome, "{vectors} vectors, depth {depth}");
			match outcome.status {
				Status::Success => false,
				Status::OutOfStack => true,
				status => panic!("{status:?}"),
			}
		};
		// At least four cells a call: its two locals.
		let (mut low, mut high) = (0, u64::from(bounds::STACK) / 4);
		while high - low > 1 {
			let middle = (low + high) / 2;
			match ends(middle) {
				true => high = middle,
				false => low = middle,
			}
		}
		assert!(!ends(low) && ends(high));
		// Cells are what is counted, not values.
		let cells = u64::from(bounds::STACK) / high;
		let least = 2 * vectors as u64 + 1 + 2 + 4 + 2 * vectors as u64 + 1;
		assert!(
			(least..least + 40).contains(&cells),
			"{cells} cells a call, {vectors} vectors"
		);
	}
}

#[test]
fn limits_count_cells() {
	let refused = |text: &str| match normalise(&wasm_of(text)) {
		Err(refused) => match refused.reasons() {
			[Reason::Limit { what, found, .. }] => Some((*what, *found)),
			_ => panic!("{refused}"),
		},
		Ok(_) => None,
	};
	let module = |inside: &str| format!("(module (memory (export \"memory\") 1) (func (export \"_start\")) {inside})");
	let many = |n: u64| vec!["v128"; n as usize].join(" ");
	for (what, at, text) in [
		("parameters of a function", bounds::PARAMS, "(func (param V))"),
		(
			"results of a function",
			bounds::RESULTS,
			"(func (result V) unreachable)",
		),
		("cells of locals in a function", bounds::LOCALS, "(func (local V))"),
	] {
		assert_eq!(refused(&module(&text.replace('V', &many(at / 2)))), None, "{what}");
		let beyond = refused(&module(&text.replace('V', &many(at / 2 + 1))));
		assert_eq!(beyond, Some((what, at + 2)));
	}
	let operands = |n: u64| {
		let gets = "(local.get 0)".repeat(n as usize);
		module(&format!("(func (param v128) {gets} {})", "drop ".repeat(n as usize)))
	};
	assert_eq!(refused(&operands(bounds::OPERANDS / 2)), None);
	assert_eq!(
		refused(&operands(bounds::OPERANDS / 2 + 1)),
		Some(("cells of operands on a function's stack", bounds::OPERANDS + 2))
	);
	let globals = |n: u64| module(&"(global v128 (v128.const i64x2 1 2))".repeat(n as usize));
	assert_eq!(refused(&globals(bounds::GLOBALS / 2)), None);
	assert_eq!(
		refused(&globals(bounds::GLOBALS / 2 + 1)),
		Some(("cells of globals", bounds::GLOBALS + 2))
	);
}
