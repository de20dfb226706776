//! Programs in WebAssembly text that together execute every instruction of the machine.

// Each test uses a part of this.
#![allow(dead_code)]

use crate::common::{limits, program_of, simd::shape, test_program_of, wasm_of, Rng};
use millrace_vm::{
	outcome::{Status, Trap},
	program::Program,
	simd::op::VectorOp,
	state::Halt,
	task::Limits,
};
use std::{fmt::Write, sync::Arc};

/// A program and a task for it.
pub struct Case {
	pub name: String,
	pub text: String,
	pub program: Arc<Program>,
	pub input: Vec<u8>,
	pub limits: Limits,
	pub halt: Halt,
}

const PRELUDE: &str = r#"
	(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
	(memory (export "memory") 2 8)
	(func $write (param $at i32) (param $len i32)
		(i32.store (i32.const 0) (local.get $at))
		(i32.store (i32.const 4) (local.get $len))
		(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
"#;

fn case(name: &str, declarations: &str, body: &str) -> Case {
	let text = format!("(module {PRELUDE} {declarations} (func $main (export \"_start\") {body}))");
	Case {
		name: name.into(),
		program: program_of(&wasm_of(&text)),
		text,
		input: (0..99_u8).map(|n| n.wrapping_mul(5).wrapping_add(3)).collect(),
		limits: limits(10_000_000),
		halt: Halt::Ended(Status::Success, 0),
	}
}

/// The same with another end.
fn failing(name: &str, declarations: &str, body: &str, halt: Halt) -> Case {
	Case {
		halt,
		..case(name, declarations, body)
	}
}

/// The texts of every case.
pub fn texts() -> Vec<String> {
	all().into_iter().map(|case| case.text).collect()
}

/// Every case.
pub fn all() -> Vec<Case> {
	let mut cases = vec![
		case("numbers", "", &numbers()),
		case("memory", "", &memory()),
		case("bulk", "", &bulk()),
		case("vectors", VECTORS, &vectors()),
		case("control", CONTROL, CONTROL_BODY),
		case("calls", CALLS, CALLS_BODY),
		failing("input and output", "", IO, Halt::Ended(Status::Exit, 9)),
		case("grow", "", GROW),
		hosted(),
	];
	let traps = [
		(
			"division by zero",
			"(drop (i32.div_s (i32.const 1) (i32.const 0)))",
			Halt::Trapped(Trap::Division),
		),
		(
			"overflow",
			"(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
			Halt::Trapped(Trap::Overflow),
		),
		(
			"remainder by zero",
			"(drop (i64.rem_u (i64.const 5) (i64.const 0)))",
			Halt::Trapped(Trap::Division),
		),
		(
			"long overflow",
			"(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))",
			Halt::Trapped(Trap::Overflow),
		),
		(
			"not a number",
			"(drop (i32.trunc_f32_s (f32.const nan)))",
			Halt::Trapped(Trap::Conversion),
		),
		(
			"too large a number",
			"(drop (i64.trunc_f64_u (f64.const 1e300)))",
			Halt::Trapped(Trap::Overflow),
		),
		(
			"load outside",
			"(drop (i64.load (i32.const 131065)))",
			Halt::Trapped(Trap::Memory),
		),
		(
			"load far outside",
			"(drop (i32.load8_u offset=4294967295 (i32.const -1)))",
			Halt::Trapped(Trap::Memory),
		),
		(
			"store outside",
			"(i32.store16 (i32.const 131071) (i32.const 1))",
			Halt::Trapped(Trap::Memory),
		),
		(
			"copy outside",
			"(memory.copy (i32.const 0) (i32.const 131000) (i32.const 73))",
			Halt::Trapped(Trap::Memory),
		),
		(
			"fill outside",
			"(memory.fill (i32.const 131072) (i32.const 0) (i32.const 1))",
			Halt::Trapped(Trap::Memory),
		),
		(
			"no function",
			"(call_indirect (i32.const 1))",
			Halt::Trapped(Trap::Null),
		),
		(
			"beyond the table",
			"(call_indirect (i32.const 3))",
			Halt::Trapped(Trap::Table),
		),
		(
			"far beyond the table",
			"(call_indirect (i32.const -1))",
			Halt::Trapped(Trap::Table),
		),
		(
			"function of another type",
			"(drop (call_indirect (param i64) (result i64) (i64.const 1) (i32.const 0)))",
			Halt::Trapped(Trap::Signature),
		),
		(
			"unreachable",
			"(call $write (i32.const 0) (i32.const 9)) unreachable",
			Halt::GaveUp,
		),
		(
			"exit code",
			"(call $proc_exit (i32.const 3))",
			Halt::Ended(Status::Exit, 3),
		),
		("endless recursion", "(call $deeper (i32.const 7))", Halt::OutOfGas),
		("endless loop", "(loop $again (br $again))", Halt::OutOfGas),
	];
	let declarations = r#"
		(table 3 funcref) (elem (i32.const 0) $write) (elem (i32.const 2) $main)
		(func $deeper (param i32) (call $deeper (i32.add (local.get 0) (i32.const 1))))
	"#;
	for (name, body, halt) in traps {
		let mut case = failing(name, declarations, body, halt);
		if name.starts_with("endless") {
			case.limits.gas = 400_000;
		}
		cases.push(case);
	}
	let mut output = failing(
		"too much output",
		"",
		"(loop $more (call $write (i32.const 0) (i32.const 24)) (br $more))",
		Halt::Ended(Status::OutputTooLong, 0),
	);
	output.limits.output = 100;
	cases.push(output);
	let mut short = failing("no gas to begin with", "", "", Halt::OutOfGas);
	short.limits.gas = 1;
	cases.push(short);
	cases
}

/// A module for test suites: what its start function calls returns to nobody.
fn hosted() -> Case {
	let text = "(module (func $start nop) (start $start) (func (export \"f\") (result i32) (i32.const 1)))";
	Case {
		name: "a return to nobody".into(),
		text: text.into(),
		program: test_program_of(&wasm_of(text)),
		input: vec![],
		limits: limits(1_000_000),
		halt: Halt::Trapped(Trap::Broken),
	}
}

/// Where results go: an odd place, so that they cross leaves.
struct Results {
	body: String,
	at: u32,
}

impl Results {
	fn store(&mut self, ty: &str, value: &str) {
		let at = self.at;
		writeln!(self.body, "({ty}.store (i32.const {at}) {value})").unwrap();
		self.at += 9;
	}

	fn finish(self) -> String {
		format!(
			"{} (call $write (i32.const 1001) (i32.const {}))",
			self.body,
			self.at - 1001
		)
	}
}

fn results() -> Results {
	Results {
		body: String::new(),
		at: 1001,
	}
}

/// All instructions on numbers.
fn numbers() -> String {
	let mut results = results();
	let values = |ty: &str| match ty {
		"i32" => ["77", "-5", "0x80000000"],
		"i64" => ["77", "-5", "0x8000000000000000"],
		_ => ["77.75", "-5.5", "inf"],
	};
	for ty in ["i32", "i64", "f32", "f64"] {
		let int = ty.starts_with('i');
		let value = |n: usize| format!("({ty}.const {})", values(ty)[n]);
		let unary: &[&str] = match (ty, int) {
			("i32", _) => &["clz", "ctz", "popcnt", "extend8_s", "extend16_s"],
			("i64", _) => &["clz", "ctz", "popcnt", "extend8_s", "extend16_s", "extend32_s"],
			_ => &["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"],
		};
		for op in unary {
			(0..3).for_each(|n| results.store(ty, &format!("({ty}.{op} {})", value(n))));
		}
		let binary: &[&str] = match int {
			true => &[
				"add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s", "shr_u",
				"rotl", "rotr",
			],
			false => &["add", "sub", "mul", "div", "min", "max", "copysign"],
		};
		for op in binary {
			for (a, b) in [(0, 1), (2, 0), (2, 2)] {
				results.store(ty, &format!("({ty}.{op} {} {})", value(a), value(b)));
			}
		}
		let compare: &[&str] = match int {
			true => &[
				"eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
			],
			false => &["eq", "ne", "lt", "gt", "le", "ge"],
		};
		for op in compare {
			for (a, b) in [(0, 1), (1, 1)] {
				results.store("i32", &format!("({ty}.{op} {} {})", value(a), value(b)));
			}
		}
		if int {
			results.store("i32", &format!("({ty}.eqz {})", value(0)));
		}
	}
	let conversions = [
		("i64", "i32", "i32.wrap_i64"),
		("i32", "i64", "i64.extend_i32_s"),
		("i32", "i64", "i64.extend_i32_u"),
		("i32", "f32", "f32.convert_i32_s"),
		("i32", "f32", "f32.convert_i32_u"),
		("i64", "f32", "f32.convert_i64_s"),
		("i64", "f32", "f32.convert_i64_u"),
		("i32", "f64", "f64.convert_i32_s"),
		("i32", "f64", "f64.convert_i32_u"),
		("i64", "f64", "f64.convert_i64_s"),
		("i64", "f64", "f64.convert_i64_u"),
		("f64", "f32", "f32.demote_f64"),
		("f32", "f64", "f64.promote_f32"),
		("f32", "i32", "i32.reinterpret_f32"),
		("f64", "i64", "i64.reinterpret_f64"),
		("i32", "f32", "f32.reinterpret_i32"),
		("i64", "f64", "f64.reinterpret_i64"),
	];
	for (from, to, op) in conversions {
		(0..3).for_each(|n| results.store(to, &format!("({op} ({from}.const {}))", values(from)[n])));
	}
	for to in ["i32", "i64"] {
		for from in ["f32", "f64"] {
			for sign in ["s", "u"] {
				results.store(to, &format!("({to}.trunc_{from}_{sign} ({from}.const 77.75))"));
				(0..3).for_each(|n| {
					results.store(
						to,
						&format!("({to}.trunc_sat_{from}_{sign} ({from}.const {}))", values(from)[n]),
					);
				});
			}
		}
	}
	results.finish()
}

/// All loads and stores, at places that cross leaves, pages of hashing and pages of memory.
fn memory() -> String {
	let mut results = results();
	for place in [4000, 4091, 65_531, 131_064] {
		for (op, value) in [
			("i32.store", "(i32.const 0x81c2a3f4)"),
			("i64.store", "(i64.const 0x8192a3b4c5d6e7f8)"),
			("f32.store", "(f32.const -1.5)"),
			("f64.store", "(f64.const nan:0x4000000000001)"),
			("i32.store8", "(i32.const 0x1fe)"),
			("i32.store16", "(i32.const 0x1fffe)"),
			("i64.store8", "(i64.const -3)"),
			("i64.store16", "(i64.const -3)"),
			("i64.store32", "(i64.const -3)"),
		] {
			writeln!(results.body, "({op} offset=1 (i32.const {}) {value})", place - 1).unwrap();
			for ty in ["i32", "i64"] {
				for load in ["load", "load8_s", "load8_u", "load16_s", "load16_u"] {
					results.store(ty, &format!("({ty}.{load} (i32.const {place}))"));
				}
			}
		}
		for load in ["i64.load32_s", "i64.load32_u", "f32.load", "f64.load"] {
			results.store(&load[..3], &format!("({load} (i32.const {place}))"));
		}
	}
	results.finish()
}

const VECTORS: &str = "(global $v (mut v128) (v128.const i64x2 5 -7))
	(func $swap (param v128 i32 v128) (result v128 i32 v128) (local v128)
		(local.set 3 (local.get 0)) (local.get 2) (local.get 1) (local.tee 3 (local.get 3)))
	(func $out (param i32) (result v128)
		(block $out (result v128)
			(i32.const 5) (br_if $out (global.get $v) (local.get 0)) (drop) (drop) (v128.const i64x2 1 2)))";

/// All instructions on vectors, at places that cross leaves.
fn vectors() -> String {
	let mut rng = Rng(0x51d);
	let mut results = results();
	for op in VectorOp::ALL {
		let (params, result, immediate) = shape(op.name(), &mut rng);
		let operands: Vec<String> = params
			.iter()
			.map(|ty| match *ty {
				"v128" => format!("(v128.const i64x2 {} {})", rng.next() as i64, rng.any_size() as i64),
				"i32" => format!("(i32.const {})", 2992 + rng.below(80)),
				ty => format!("({ty}.const {})", rng.below(1000)),
			})
			.collect();
		let text = format!("({} {immediate} {})", op.name(), operands.join(" "));
		match result {
			"" => results.body += &text,
			ty => results.store(ty, &text),
		}
		results.at += 8;
	}
	results.body += "
		(v128.store (i32.const 3000) (call $out (i32.const 0))) (v128.store (i32.const 3016) (call $out (i32.const 1)))
		(call $swap (v128.const i64x2 1 2) (i32.const 3) (global.get $v)) (global.set $v) (drop) (drop)
		(v128.store offset=5 (i32.const 3027) (global.get $v))
		(call $write (i32.const 2990) (i32.const 100))";
	results.finish()
}

/// Copies and fills of all lengths around what one step moves, over each other in both directions.
fn bulk() -> String {
	let mut body = String::new();
	for n in 0..64 {
		writeln!(
			body,
			"(i64.store (i32.const {}) (i64.const {}))",
			3000 + 8 * n,
			0x0102_0304_0506_0708_u64 * (n + 1) >> 1
		)
		.unwrap();
	}
	for len in [0, 1, 31, 32, 33, 64, 100, 333] {
		for (from, to) in [
			(3001, 3001),
			(3001, 3008),
			(3008, 3001),
			(3000, 3032),
			(3100, 3000),
			(3000, 5017),
		] {
			writeln!(
				body,
				"(memory.copy (i32.const {to}) (i32.const {from}) (i32.const {len}))"
			)
			.unwrap();
		}
		writeln!(
			body,
			"(memory.fill (i32.const {}) (i32.const {len}) (i32.const {len}))",
			6001 + 400 * (len % 7)
		)
		.unwrap();
	}
	body.push_str(
		"(memory.copy (i32.const 131072) (i32.const 131072) (i32.const 0)) (memory.fill (i32.const 131000) (i32.const 255) (i32.const 72)) (call $write (i32.const 2990) (i32.const 700))",
	);
	body
}

const CONTROL: &str = r#"
	(global $g (mut i64) (i64.const 5)) (global $f (mut f32) (f32.const 2.5)) (global $c f64 (f64.const 7))
	(func $table (param i32) (result i32 i64)
		(block $a (result i32 i64)
			(block $b (result i32 i64)
				(block $c (result i32 i64)
					(f32.const 9) (i32.const 100) (i64.const 200)
					(br_table $c $b $a $b $c (local.get 0)))
				(drop) (i64.const 3) (br $a))
			(i64.add (i64.const 1)) (return)))
	(func $plain (param i32) (result i32)
		(block $a (block $b (block $c (br_table $a $b $c $b (local.get 0))) (return (i32.const 1))) (return (i32.const 2)))
		(i32.const 3))
	(func $keep (param i32) (result i32)
		(block $out (result i32)
			(i64.const 1) (i64.const 2)
			(br_if $out (i32.const 44) (local.get 0))
			(drop) (drop) (drop) (i32.const 55)))
	(func $surplus (param i32) (result i32)
		(i32.const 12)
		(block $out
			(i64.const 1) (i64.const 2) (i64.const 3)
			(br_if $out (local.get 0))
			(br $out)))
	(func $turns (param i32) (result i64) (local i64)
		(i64.const 1)
		(loop $again (param i64) (result i64)
			(i64.mul (i64.const 3))
			(local.set 0 (i32.sub (local.get 0) (i32.const 1)))
			(br_if $again (local.get 0)))
		(local.tee 1) (local.get 1) (i64.xor (global.get $g)) (i64.add))
	(func $arms (param i32) (result i32)
		(if (result i32) (local.get 0)
			(then (if (i32.eq (local.get 0) (i32.const 2)) (then (return (i32.const 9)))) (i32.const 1))
			(else (select (i32.const 5) (i32.const 6) (i32.eqz (local.get 0))))))
"#;
const CONTROL_BODY: &str = r#"
	(local $n i32) (local $x i64)
	(loop $more
		(call $table (local.get $n)) (local.set $x)
		(i32.store offset=2000 (i32.mul (local.get $n) (i32.const 8)))
		(i64.store offset=2100 (i32.mul (local.get $n) (i32.const 8)) (local.get $x))
		(i32.store offset=2200 (i32.mul (local.get $n) (i32.const 8)) (call $plain (local.get $n)))
		(i32.store offset=2300 (i32.mul (local.get $n) (i32.const 8)) (call $keep (i32.and (local.get $n) (i32.const 1))))
		(i32.store offset=2400 (i32.mul (local.get $n) (i32.const 8)) (call $surplus (i32.and (local.get $n) (i32.const 1))))
		(i32.store offset=2500 (i32.mul (local.get $n) (i32.const 8)) (call $arms (local.get $n)))
		(global.set $g (i64.add (global.get $g) (call $turns (i32.add (local.get $n) (i32.const 1)))))
		(global.set $f (f32.mul (global.get $f) (f32.demote_f64 (global.get $c))))
		(local.set $n (i32.add (local.get $n) (i32.const 1)))
		(br_if $more (i32.lt_u (local.get $n) (i32.const 7))))
	(i64.store (i32.const 2600) (global.get $g))
	(f32.store (i32.const 2608) (global.get $f))
	(drop (select (result i64) (i64.const 1) (i64.const 2) (i32.const 1)))
	(nop)
	(call $write (i32.const 2000) (i32.const 612))
"#;

const CALLS: &str = r#"
	(type $two (func (param i32 i64) (result i64 i32)))
	(table $t 5 funcref) (table $u 3 funcref)
	(elem (table $t) (i32.const 1) func $swap $other)
	(elem (table $u) (i32.const 0) func $none $none $swap)
	(func $swap (type $two) (local.get 1) (local.get 0))
	(func $other (type $two) (i64.const 8) (i32.const 9))
	(func $none)
	(func $many (param i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64)
		(local i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64)
		(i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8)
		(i32.const 9) (i32.const 10) (i32.const 11) (i32.const 12) (i32.const 13) (i32.const 14) (local.get 1) (i64.const 16))
	(func $fib (param i32) (result i64)
		(if (result i64) (i32.lt_u (local.get 0) (i32.const 2))
			(then (i64.extend_i32_u (local.get 0)))
			(else (i64.add
				(call $fib (i32.sub (local.get 0) (i32.const 1)))
				(call $fib (i32.sub (local.get 0) (i32.const 2)))))))
"#;
const CALLS_BODY: &str = r#"
	(local i32)
	(i64.store (i32.const 2000) (call $fib (i32.const 9)))
	(call_indirect $t (type $two) (i32.const 5) (i64.const 6) (i32.const 1)) (local.set 0) (drop)
	(i32.store (i32.const 2008) (local.get 0))
	(call_indirect $t (type $two) (i32.const 5) (i64.const 6) (i32.const 2)) (local.set 0) (drop)
	(i32.store (i32.const 2012) (local.get 0))
	(call_indirect $u (type $two) (i32.const 5) (i64.const 6) (i32.const 2)) (local.set 0) (drop)
	(call_indirect $u (i32.const 1))
	(call $many (i32.const 3)) (drop)
	(drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (local.set 0) (drop)
	(i32.store (i32.const 2016) (local.get 0))
	(call $write (i32.const 2000) (i32.const 20))
"#;

const IO: &str = r#"
	(local $n i32)
	(i32.store (i32.const 16) (i32.const 2003)) (i32.store (i32.const 20) (i32.const 21))
	(i32.store (i32.const 24) (i32.const 3000)) (i32.store (i32.const 28) (i32.const 50))
	(drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 2) (i32.const 40)))
	(call $write (i32.const 2003) (i32.const 21))
	(call $write (i32.const 3000) (i32.const 50))
	(drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 2) (i32.const 40)))
	(call $write (i32.const 2003) (i32.load (i32.const 40)))
	(drop (call $random_get (i32.const 5000) (i32.const 37)))
	(call $write (i32.const 5000) (i32.const 37))
	(call $write (i32.const 40) (i32.const 4))
	(i32.store (i32.const 24) (i32.const 1)) (i32.store (i32.const 28) (i32.const 5000))
	(drop (call $fd_write (i32.const 2) (i32.const 24) (i32.const 1) (i32.const 40)))
	(call $proc_exit (i32.const 9))
"#;

const GROW: &str = r#"
	(i32.store (i32.const 2000) (memory.size))
	(i32.store (i32.const 2004) (memory.grow (i32.const 3)))
	(i32.store (i32.const 2008) (memory.grow (i32.const 1000)))
	(i32.store (i32.const 2012) (memory.grow (i32.const -1)))
	(i32.store (i32.const 2016) (memory.grow (i32.const 0)))
	(i64.store (i32.const 327671) (i64.const -2))
	(i64.store (i32.const 2020) (i64.load (i32.const 327672)))
	(i64.store (i32.const 2028) (i64.load (i32.const 300001)))
	(memory.copy (i32.const 200000) (i32.const 327600) (i32.const 80))
	(i32.store (i32.const 2036) (memory.size))
	(call $write (i32.const 2000) (i32.const 40))
	(call $write (i32.const 200000) (i32.const 80))
"#;
