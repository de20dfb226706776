//! NaNs: the deterministic profile, at the cost of making them canonical only where they are seen.

use super::*;

/// What a program writes that computes these floats (of 64 bits) and stores them.
fn stored(values: &[&str], parts: &str) -> Vec<u64> {
	let body: String = (0..)
		.zip(values)
		.map(|(n, value)| format!("(f64.store (i32.const {}) {value})", 8 * n))
		.collect();
	let wasm = bytes(&text(
		&format!("{body} (call $out (i32.const 0) (i32.const {}))", 8 * values.len()),
		parts,
	));
	let run = run_wasm(&wasm, b"", &LIMITS);
	assert_eq!(run.halt, Halt::Ended(Status::Success, 0));
	run.output
		.chunks(8)
		.map(|word| u64::from_le_bytes(word.try_into().unwrap()))
		.collect()
}

const CANONICAL: u64 = 0x7ff8_0000_0000_0000;
const NEGATIVE: u64 = 0xfff8_0000_0000_0000;

#[test]
fn arithmetic_gives_the_canonical_nan_wherever_it_goes() {
	// A processor's own is negative.
	let nan = "(f64.div (f64.const 0) (call $zero))";
	let parts = "
		(global $g (mut f64) (f64.const 0)) (global $z (mut f64) (f64.const 0))
		(func $zero (result f64) (global.get $z))
		(func $nan (result f64) (f64.div (f64.const 0) (global.get $z)))
		(func $same (param f64) (result f64) (local.get 0))
		(func $second (param i32 f64 f32 f64 i64) (result f64) (local.get 1))
		(func $two (result f64 f64) (f64.const nan:0x4000000000001) (f64.sqrt (f64.const -1)))
		(func $set (global.set $g (f64.div (f64.const 0) (global.get $z))))
		(func $local (result i64) (local f64)
			(local.set 0 (f64.const 1))
			(loop (local.set 0 (f64.sub (f64.mul (local.get 0) (f64.const inf)) (f64.const inf))) (br_if 0 (f64.eq (local.get 0) (local.get 0))))
			(i64.reinterpret_f64 (local.get 0)))
		(func $blocks (param i32) (result f64)
			(block (result f64)
				(if (result f64) (local.get 0) (then (f64.sqrt (f64.const -1))) (else (br 1 (f64.const nan:0x4000000000002))))))";
	let cases = [
		(nan.to_owned(), CANONICAL),
		(format!("(f64.neg {nan})"), NEGATIVE),
		(format!("(f64.abs (f64.neg {nan}))"), CANONICAL),
		(format!("(f64.neg (f64.abs {nan}))"), NEGATIVE),
		(format!("(f64.copysign {nan} (f64.const -1))"), NEGATIVE),
		(format!("(f64.copysign (f64.const 1) {nan})"), 1f64.to_bits()),
		(format!("(f64.reinterpret_i64 (i64.reinterpret_f64 {nan}))"), CANONICAL),
		(format!("(select {nan} (f64.const 1) (i32.const 1))"), CANONICAL),
		(format!("(call $same {nan})"), CANONICAL),
		(
			format!("(call $second (i32.const 1) {nan} (f32.const 0) {nan} (i64.const 3))"),
			CANONICAL,
		),
		("(call $nan)".into(), CANONICAL),
		("(call $two) (f64.add)".into(), CANONICAL),
		("(call $set) (global.get $g)".into(), CANONICAL),
		("(f64.reinterpret_i64 (call $local))".into(), CANONICAL),
		("(call $blocks (i32.const 1))".into(), CANONICAL),
		// A NaN with other bits loses them where it meets results of arithmetic: what came from where is not known.
		("(call $blocks (i32.const 0))".into(), CANONICAL),
		(
			"(f64.promote_f32 (f32.div (f32.const 0) (f32.const 0)))".into(),
			CANONICAL,
		),
		("(f64.const nan:0x4000000000001)".into(), 0x7ff4_0000_0000_0001),
		(
			"(f64.neg (f64.const nan:0x4000000000001))".into(),
			0xfff4_0000_0000_0001,
		),
		(
			"(call $same (f64.const nan:0x4000000000001))".into(),
			0x7ff4_0000_0000_0001,
		),
		(
			"(select (f64.const nan:0x4000000000001) (f64.const 1) (i32.const 1))".into(),
			0x7ff4_0000_0000_0001,
		),
		(
			"(f64.add (f64.const nan:0x4000000000001) (f64.const 1))".into(),
			CANONICAL,
		),
		("(f64.add (f64.const 1) (f64.const 2))".into(), 3f64.to_bits()),
	];
	for (value, expected) in &cases {
		assert_eq!(stored(&[value], parts), [*expected], "{value}");
	}
}

#[test]
fn floats_of_32_bits_too() {
	for (value, expected) in [
		(
			"(f32.div (f32.load (i32.const 0)) (f32.load (i32.const 0)))",
			0x7fc0_0000_u32,
		),
		("(f32.neg (f32.sqrt (f32.const -1)))", 0xffc0_0000),
		("(f32.demote_f64 (f64.sqrt (f64.const -1)))", 0x7fc0_0000),
		("(f32.load (i32.const 4))", 0xffa0_0001),
		("(f32.reinterpret_i32 (i32.const 0xffa00001))", 0xffa0_0001),
	] {
		let body = format!(
			"(i32.store (i32.const 4) (i32.const 0xffa00001)) (f32.store offset=60 align=1 (i32.const 3) {value}) (call $out (i32.const 63) (i32.const 4))"
		);
		assert_eq!(words(&body, b""), [expected], "{value}");
	}
}

#[test]
fn what_is_not_seen_is_not_made_canonical() {
	let wasm = bytes(
		"(module (func (param f64 f64) (result i32)
			(local.set 0 (f64.mul (f64.add (local.get 0) (local.get 1)) (f64.sub (local.get 0) (local.get 1))))
			(f64.lt (f64.sqrt (local.get 0)) (f64.const 2))) (func (export \"_start\")))",
	);
	let module = normalise(&wasm).unwrap();
	let mut selects = 0;
	for payload in wasmparser::Parser::new(0).parse_all(module.bytes()) {
		if let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() {
			let ops = body.get_operators_reader().unwrap();
			selects += ops
				.into_iter()
				.filter(|op| matches!(op, Ok(wasmparser::Operator::Select)))
				.count();
		}
	}
	assert_eq!(selects, 0);
}
