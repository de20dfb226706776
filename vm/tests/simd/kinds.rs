//! One local, first integers that look like NaNs, then floats: integers stay what they are, and what need not be made
//! canonical is not.

use super::{val, vector, Three};
use crate::common::{wasm_of, Rng};
use millrace_vm::{
	fast::on_long_stack,
	normalise::{instrument_for_tests, limits, Reason},
};
use std::time::Instant;
use wasmparser::{Operator, Parser, Payload};
use wasmtime::Val;

/// How many selections of a whole vector a module has.
fn selections(three: &Three) -> usize {
	let mut count = 0;
	for payload in Parser::new(0).parse_all(three.module.bytes()) {
		if let Payload::CodeSectionEntry(body) = payload.unwrap() {
			let ops = body.get_operators_reader().unwrap();
			count += ops
				.into_iter()
				.filter(|op| matches!(op, Ok(Operator::V128Bitselect)))
				.count();
		}
	}
	count
}

/// Calls `f` of a function body with random vectors and numbers of turns.
fn check(body: &str, expected: Option<usize>) {
	let text = format!(
		"(module (memory (export \"m\") 1) (global $g (mut v128) (v128.const i64x2 0 0))
		(func $id (param v128) (result v128) (local.get 0))
		(func (export \"f\") (param $a v128) (param $b v128) (param $n i32) (result v128 v128) (local $v v128) (local $w v128) (local $i i32)
		{body}))"
	);
	on_long_stack(|| {
		let mut three = Three::new(&text);
		if let Some(expected) = expected {
			assert_eq!(selections(&three), expected, "{text}");
		}
		let mut rng = Rng(0x23);
		for _ in 0..200 {
			let args = [
				val(vector(&mut rng)),
				val(vector(&mut rng)),
				Val::I32(rng.below(5) as i32),
			];
			three.call("f", &args).expect("it returns");
		}
	})
	.unwrap();
}

#[test]
fn integers_in_a_local_that_holds_floats_later_stay() {
	check(
		"(local.set $v (local.get $a))
		(loop $ints
			(local.set $v (i32x4.add (local.get $v) (local.get $b)))
			(br_if $ints (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
		(v128.store (i32.const 0) (local.get $v))
		(local.set $i (i32.const 0))
		(local.set $v (v128.const f32x4 0 0 0 0))
		(loop $floats
			(local.set $v (f32x4.add (local.get $v) (local.get $a)))
			(br_if $floats (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
		(v128.load (i32.const 0)) (local.get $v)",
		// The result of the function, once.
		Some(1),
	);
}

#[test]
fn integers_that_meet_floats_stay() {
	// Integers or floats, as it comes, in one value.
	check(
		"(local.set $v (local.get $a))
		(if (local.get $n) (then (local.set $v (f32x4.mul (local.get $a) (local.get $b)))))
		(global.set $g (local.get $v))
		(local.get $v) (global.get $g)",
		Some(1),
	);
	// A loop that multiplies only sometimes what may be integers.
	check(
		"(local.set $v (local.get $a))
		(loop $more
			(if (i32.and (local.get $n) (i32.const 1))
				(then (local.set $v (f32x4.mul (local.get $v) (local.get $b)))))
			(local.set $i (i32.add (local.get $i) (i32.const 1)))
			(br_if $more (i32.lt_u (local.get $i) (local.get $n))))
		(local.get $v) (call $id (local.get $v))",
		None,
	);
	// Of one width, then of the other.
	check(
		"(if (result v128) (local.get $n)
			(then (f32x4.mul (local.get $a) (local.get $b)))
			(else (f64x2.mul (local.get $a) (local.get $b))))
		(local.tee $v) (local.get $v)",
		Some(2),
	);
}

#[test]
fn locals_are_followed_through_all_branches() {
	check(
		"(local.set $v (local.get $a)) (local.set $w (f64x2.sub (local.get $a) (local.get $b)))
		(block $out
			(block $one (block $two (block $three
				(br_table $one $two $three $out (local.get $n)))
				(local.set $v (f32x4.div (local.get $a) (local.get $b)))
				(br $out))
				(local.set $v (f64x2.div (local.get $b) (local.get $a)))
				(br_if $one (local.get $n))
				(local.set $v (local.get $w)))
			(local.set $w (f32x4.sqrt (local.get $v)))
			(br_if $out (i32.eqz (local.get $n)))
			(local.set $v (f32x4.max (local.get $v) (local.get $w))))
		(local.get $v) (local.get $w)",
		None,
	);
	// The value of the top of a loop is seen after it.
	check(
		"(local.set $v (local.get $a))
		(block $out (loop $more
			(br_if $out (i32.ge_u (local.get $i) (local.get $n)))
			(local.set $i (i32.add (local.get $i) (i32.const 1)))
			(local.set $w (local.get $v))
			(local.set $v (f32x4.add (local.get $v) (local.get $b)))
			(br $more)))
		(local.get $v) (local.get $w)",
		None,
	);
	// Parameters of loops and results of branches.
	check(
		"(local.get $a)
		(loop $more (param v128) (result v128)
			(f32x4.add (local.get $b))
			(br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
		(block $out (param v128) (result v128)
			(local.tee $v)
			(br_if $out (local.get $n))
			(f64x2.add (local.get $v)))
		(local.get $v)",
		None,
	);
	// A missing `else`, with a parameter.
	check(
		"(f32x4.add (local.get $a) (local.get $b)) (local.get $n)
		(if (param v128) (result v128) (then (drop) (local.get $b)))
		(local.get $a)",
		Some(1),
	);
}

#[test]
fn what_only_computes_is_left_alone() {
	// Sums from zero, a minimum, a lane-wise choice, halves swapped: all of one width, seen once at the end.
	check(
		"(loop $more
			(local.set $v (f32x4.add (local.get $v) (f32x4.mul (local.get $a) (local.get $b))))
			(local.set $w (f32x4.pmin (local.get $v) (f32x4.abs (local.get $v))))
			(local.set $w (v128.bitselect (local.get $v) (local.get $w) (f32x4.lt (local.get $v) (local.get $b))))
			(local.set $w (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $w) (local.get $w)))
			(local.set $v (f32x4.replace_lane 1 (local.get $v) (f32.mul (f32x4.extract_lane 2 (local.get $w)) (f32.const 2))))
			(br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
		(local.get $v) (v128.const i64x2 0 0)",
		// The program's own, and one where the function returns.
		Some(2),
	);
	// Nothing is seen at all.
	check(
		"(local.set $v (f64x2.mul (local.get $a) (local.get $b)))
		(f64x2.lt (f64x2.sqrt (local.get $v)) (f64x2.promote_low_f32x4 (f32x4.demote_f64x2_zero (local.get $v))))
		(i32x4.trunc_sat_f64x2_s_zero (local.get $v))",
		Some(0),
	);
}

/// Nested blocks, branches to all of them, and as many vectors as there may be that are set inside.
fn hostile(blocks: usize) -> Vec<u8> {
	let vectors = limits::LOCALS as usize / 2 - 1;
	let sets: String = (0..vectors)
		.map(|n| format!("(local.set {n} (f32x4.add (local.get {n}) (local.get 0)))"))
		.collect();
	let branches: String = (0..blocks).map(|n| format!("(br_if {n} (i32.const 0))")).collect();
	let (open, close) = ("(block ".repeat(blocks), ")".repeat(blocks));
	wasm_of(&format!(
		"(module (func (local {}) {sets} {open} (loop {sets} {branches} {sets}) {close}))",
		"v128 ".repeat(vectors)
	))
}

#[test]
fn the_work_of_following_vectors_is_bounded() {
	// A block, its end, the branch to it and what follows that each count.
	let most = (limits::VECTOR_WORK / (limits::LOCALS + 8 + 16) / 5) as usize;
	for (blocks, accepted) in [(most - 10, true), (2 * most, false), (20 * most, false)] {
		let wasm = hostile(blocks);
		let started = Instant::now();
		let result = instrument_for_tests(&wasm);
		println!("{blocks} blocks: {:?}", started.elapsed());
		assert!(started.elapsed().as_secs() < 10);
		match result {
			Ok(_) => assert!(accepted, "{blocks} blocks"),
			Err(refused) => match refused.reasons() {
				[Reason::Limit { what, .. }] => {
					assert_eq!((*what, accepted), ("blocks times vectors in a function", false));
				}
				_ => panic!("{refused}"),
			},
		}
	}
}
