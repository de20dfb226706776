//! Every operation, over lanes of all kinds, its operands as they are or fresh from arithmetic.

use super::{lane, val, vector, Three};
use crate::common::{cases, in_parallel, simd::shape, Rng};
use millrace_vm::{fast::on_long_stack, simd::op::VectorOp};
use wasmtime::Val;

/// An operand that is what parameter `n` is, or comes of arithmetic with it.
fn operand(ty: &str, n: usize, variant: u64) -> String {
	let get = format!("(local.get {n})");
	match (ty, variant % 6) {
		("v128", 1) => format!("(f32x4.mul {get} (v128.const f32x4 1 1 1 1))"),
		("v128", 2) => format!("(f64x2.mul {get} (v128.const f64x2 1 1))"),
		("v128", 3) => format!(
			"(if (result v128) (local.get $c) (then {get}) (else (f32x4.mul {get} (v128.const f32x4 1 1 1 1))))"
		),
		("v128", 4) => format!("(f32x4.lt {get} (v128.const f32x4 1 2 3 4))"),
		("v128", 5) => format!("(f64x2.lt {get} (v128.const f64x2 1 2))"),
		("f32" | "f64", 1) => format!("({ty}.mul {get} ({ty}.const 1))"),
		("f32" | "f64", 2) => format!("(local.tee $s{ty} ({ty}.mul {get} ({ty}.const 1)))"),
		_ => get,
	}
}

/// The text of functions that do an operation on operands of every kind, and their names.
fn functions(op: VectorOp, rng: &mut Rng) -> (String, Vec<String>, Vec<&'static str>) {
	let (params, result, immediate) = shape(op.name(), rng);
	let mut text = String::new();
	let mut names = Vec::new();
	for variant in 0..6_u64.pow(params.len() as u32) {
		let operands: Vec<String> = params
			.iter()
			.enumerate()
			.map(|(n, ty)| operand(ty, n, variant / 6_u64.pow(n as u32)))
			.collect();
		let scalars = params.iter().enumerate().any(|(n, ty)| {
			let variant = variant / 6_u64.pow(n as u32) % 6;
			let different = match *ty {
				"v128" => 6,
				"f32" | "f64" => 3,
				_ => 1,
			};
			variant >= different
		});
		if scalars {
			// The same as another one.
			continue;
		}
		let value = format!("({} {immediate} {})", op.name(), operands.join(" "));
		let body = match result {
			"" => format!("{value} (v128.load (i32.const 64))"),
			"v128" => format!("(v128.store (i32.const 160) {value}) (v128.load (i32.const 160)) {value}"),
			ty => format!(
				"({ty}.store (i32.const 160) {value}) ({ty}.store (i32.const 168) {value}) (v128.load (i32.const 160))"
			),
		};
		let results = if result == "v128" { "v128 v128" } else { "v128" };
		let params: String = params.iter().map(|ty| format!("(param {ty})")).collect();
		text += &format!(
			"(func (export \"{variant}\") {params} (param $c i32) (result {results}) (local $sf32 f32) (local $sf64 f64) {body})\n"
		);
		names.push(variant.to_string());
	}
	(text, names, params)
}

#[test]
fn every_operation_is_right_on_lanes_of_all_kinds() {
	let all = VectorOp::ALL;
	let each = cases(12);
	let calls = in_parallel(all.len() as u64, |number| {
		let op = all[number as usize];
		let mut rng = Rng(0x51d0 + number);
		let (text, names, params) = functions(op, &mut rng);
		let data: String = (0..200).map(|_| format!("\\{:02x}", rng.next() as u8)).collect();
		let text = format!("(module (memory (export \"m\") 1) (data (i32.const 0) \"{data}\") {text})");
		on_long_stack(|| {
			let mut three = Three::new(&text);
			let mut calls = 0;
			for name in &names {
				for _ in 0..each {
					let mut args: Vec<Val> = params
						.iter()
						.map(|ty| match *ty {
							"v128" => val(vector(&mut rng)),
							"i64" => Val::I64(rng.next() as i64),
							"f32" => Val::F32(lane(32, &mut rng) as u32),
							"f64" => Val::F64(lane(64, &mut rng)),
							// An address, an amount or a condition.
							_ => Val::I32(rng.below(80) as i32),
						})
						.collect();
					args.push(Val::I32(rng.below(2) as i32));
					three.call(name, &args).unwrap_or_else(|| panic!("{} traps", op.name()));
					calls += 1;
				}
			}
			calls
		})
		.unwrap()
	});
	println!("{} operations, {} calls", all.len(), calls.iter().sum::<u64>());
}

/// Where the operation's memory ends, so do both engines.
#[test]
fn accesses_end_where_the_memory_does() {
	for (load, len) in [
		("v128.load", 16),
		("v128.load8x8_s", 8),
		("v128.load8x8_u", 8),
		("v128.load16x4_s", 8),
		("v128.load16x4_u", 8),
		("v128.load32x2_s", 8),
		("v128.load32x2_u", 8),
		("v128.load8_splat", 1),
		("v128.load16_splat", 2),
		("v128.load32_splat", 4),
		("v128.load64_splat", 8),
		("v128.load32_zero", 4),
		("v128.load64_zero", 8),
		("v128.load8_lane", 1),
		("v128.load16_lane", 2),
		("v128.load32_lane", 4),
		("v128.load64_lane", 8),
		("v128.store", 16),
		("v128.store8_lane", 1),
		("v128.store16_lane", 2),
		("v128.store32_lane", 4),
		("v128.store64_lane", 8),
	] {
		let lane = if load.ends_with("lane") { "1" } else { "" };
		let vector = if load.ends_with("lane") || load == "v128.store" {
			"(local.get 1)"
		} else {
			""
		};
		let access = format!("({load} offset=3 {lane} (local.get 0) {vector})");
		let body = match load.starts_with("v128.store") {
			true => format!("{access} (v128.load (i32.const 65520))"),
			false => access,
		};
		let text =
			format!("(module (memory (export \"m\") 1) (func (export \"f\") (param i32 v128) (result v128) {body}))");
		on_long_stack(|| {
			let mut three = Three::new(&text);
			let end = 65_536 - 3 - len;
			let mut call = |at: i32| three.call("f", &[Val::I32(at), val(u128::MAX / 3)]).is_some();
			assert_eq!(
				[call(end), call(end + 1), call(65_535), call(-1), call(0)],
				[true, false, false, false, true],
				"{load}"
			);
		})
		.unwrap();
	}
}
