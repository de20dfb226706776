//! Random functions over a few locals that are vectors, with all kinds of control flow: bits are the same as if each
//! operation made its NaNs canonical.

use super::{val, vector, Three};
use crate::common::{cases, in_parallel, Rng};
use millrace_vm::fast::on_long_stack;
use std::fmt::Write;
use wasmtime::Val;

const LOCALS: u64 = 4;
/// Turns of all loops together.
const TURNS: u32 = 60;

struct Text<'r> {
	rng: &'r mut Rng,
	out: String,
	/// The open labels: whether each carries a vector.
	labels: Vec<bool>,
	left: u32,
}

impl Text<'_> {
	/// A bit of the number that decides about branches, another one each time.
	fn condition(&mut self) -> String {
		let bit = self.rng.below(32);
		format!("(i32.and (i32.shr_u (local.tee $r (i32.mul (local.get $r) (i32.const 0x2c9277b5))) (i32.const {bit})) (i32.const 1))")
	}

	fn local(&mut self) -> u64 {
		self.rng.below(LOCALS)
	}

	/// An expression that gives a vector.
	fn value(&mut self, depth: u32) -> String {
		if depth == 0 || self.left == 0 {
			return match self.rng.below(6) {
				0 => format!(
					"(v128.load offset={} (i32.and (local.get $r) (i32.const 0xff)))",
					self.rng.below(16)
				),
				1 => "(v128.const i32x4 0x7fc00000 0 0x7ff80000 0xffc00001)".into(),
				2 => "(v128.const f32x4 0 1 -2 inf)".into(),
				_ => format!("(local.get $v{})", self.local()),
			};
		}
		self.left -= 1;
		let depth = depth - 1;
		match self.rng.below(20) {
			0..=5 => {
				let op = *self.rng.pick(&[
					"f32x4.add",
					"f32x4.sub",
					"f32x4.mul",
					"f32x4.div",
					"f32x4.min",
					"f32x4.max",
					"f64x2.add",
					"f64x2.sub",
					"f64x2.mul",
					"f64x2.div",
					"f64x2.min",
					"f64x2.max",
					"f32x4.pmin",
					"f32x4.pmax",
					"f64x2.pmin",
					"f64x2.pmax",
				]);
				format!("({op} {} {})", self.value(depth), self.value(depth))
			}
			6..=8 => {
				let op = *self.rng.pick(&[
					"f32x4.sqrt",
					"f64x2.sqrt",
					"f32x4.abs",
					"f64x2.abs",
					"f32x4.neg",
					"f64x2.neg",
					"f32x4.ceil",
					"f64x2.nearest",
					"f32x4.demote_f64x2_zero",
					"f64x2.promote_low_f32x4",
					"f32x4.convert_i32x4_s",
					"f64x2.convert_low_i32x4_u",
					"i32x4.trunc_sat_f32x4_s",
					"i32x4.abs",
					"v128.not",
				]);
				format!("({op} {})", self.value(depth))
			}
			9 | 10 => {
				let op = *self.rng.pick(&[
					"i32x4.add",
					"i64x2.sub",
					"v128.xor",
					"v128.and",
					"i8x16.add",
					"f32x4.lt",
					"f64x2.ge",
				]);
				format!("({op} {} {})", self.value(depth), self.value(depth))
			}
			11 | 12 => {
				let condition = self.condition();
				format!("(select {} {} {condition})", self.value(depth), self.value(depth))
			}
			13 => {
				let mask = *self.rng.pick(&["f32x4.lt", "f64x2.ne", "i16x8.gt_s"]);
				let mask = format!("({mask} {} {})", self.value(depth), self.value(depth));
				format!("(v128.bitselect {} {} {mask})", self.value(depth), self.value(depth))
			}
			14 => {
				let indices = *self.rng.pick(&[
					"4 5 6 7 16 17 18 19 0 1 2 3 28 29 30 31",
					"8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
					"1 0 3 2 5 4 7 6 9 8 11 10 13 12 15 14",
				]);
				format!("(i8x16.shuffle {indices} {} {})", self.value(depth), self.value(depth))
			}
			15 => format!("(local.tee $v{} {})", self.local(), self.value(depth)),
			16 => {
				let (shape, ty, lanes) = *self.rng.pick(&[("f32x4", "f32", 4), ("f64x2", "f64", 2)]);
				let (from, to) = (self.rng.below(lanes), self.rng.below(lanes));
				let lane = format!("({shape}.extract_lane {from} {})", self.value(depth));
				let lane = match self.rng.below(3) {
					0 => lane,
					1 => format!("({ty}.add {lane} ({ty}.const 1))"),
					_ => format!("({ty}.abs {lane})"),
				};
				match self.rng.chance(50) {
					true => format!("({shape}.splat {lane})"),
					false => format!("({shape}.replace_lane {to} {} {lane})", self.value(depth)),
				}
			}
			17 => format!("(call $id {})", self.value(depth)),
			18 => "(global.get $g)".into(),
			_ => {
				self.labels.push(true);
				let mut block = String::from("(block (result v128) ");
				std::mem::swap(&mut block, &mut self.out);
				self.statements(2);
				std::mem::swap(&mut block, &mut self.out);
				let value = self.value(depth);
				self.labels.pop();
				format!("{block} {value})")
			}
		}
	}

	/// A branch out, without or with a condition, or several.
	fn branch(&mut self) {
		let open = self.labels.len();
		let depth = self.rng.below(open as u64) as usize;
		let carries = self.labels[open - 1 - depth];
		let condition = self.condition();
		let kind = self.rng.below(3);
		// All but the conditional branch are in an arm of their own.
		if kind != 1 {
			self.labels.push(false);
		}
		let value = if carries { self.value(2) } else { String::new() };
		self.labels.truncate(open);
		let text = match kind {
			0 => {
				let same: Vec<usize> = (0..open)
					.filter(|depth| self.labels[open - 1 - depth] == carries)
					.collect();
				let targets: Vec<String> = (0..3).map(|_| (self.rng.pick(&same) + 1).to_string()).collect();
				let targets = targets.join(" ");
				format!("(if {condition} (then (br_table {targets} {value} (i32.and (local.get $r) (i32.const 3)))))")
			}
			1 if !carries => format!("(br_if {depth} {condition})"),
			1 => format!("(drop (br_if {depth} {value} {condition}))"),
			_ => format!("(if {condition} (then (br {} {value})))", depth + 1),
		};
		self.out += &text;
		self.out.push('\n');
	}

	fn statements(&mut self, most: u64) {
		for _ in 0..1 + self.rng.below(most) {
			if self.left == 0 {
				return;
			}
			self.left -= 1;
			match self.rng.below(11) {
				0..=3 => {
					let (local, value) = (self.local(), self.value(3));
					write!(self.out, "(local.set $v{local} {value})\n").unwrap();
				}
				4 => {
					let (at, value) = (self.rng.below(16), self.value(2));
					write!(
						self.out,
						"(v128.store offset={at} (i32.and (local.get $r) (i32.const 0xff)) {value})\n"
					)
					.unwrap();
				}
				5 => {
					let condition = self.condition();
					write!(self.out, "(if {condition} (then ").unwrap();
					self.labels.push(false);
					self.statements(3);
					if self.rng.chance(50) {
						self.out += ") (else ";
						self.statements(3);
					}
					self.labels.pop();
					self.out += "))\n";
				}
				6 => {
					self.out += "(block ";
					self.labels.push(false);
					self.statements(4);
					self.labels.pop();
					self.out += ")\n";
				}
				7 => {
					// The loop's own label is out of the others' reach: only the counted turn goes back.
					self.out += "(block $out (loop $again (br_if $out (i32.eqz (local.get $turns))) (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))";
					self.labels.extend([false, false]);
					self.statements(4);
					let condition = self.condition();
					if self.rng.chance(40) {
						self.out += "(br $again)";
					} else {
						write!(self.out, "(br_if $again {condition})").unwrap();
					}
					self.labels.truncate(self.labels.len() - 2);
					self.out += "))\n";
				}
				8 => {
					let value = self.value(2);
					write!(self.out, "(global.set $g {value})\n").unwrap();
				}
				_ => self.branch(),
			}
		}
	}
}

fn function(rng: &mut Rng) -> String {
	let left = 20 + rng.below(60) as u32;
	let mut text = Text {
		rng,
		out: String::new(),
		labels: vec![true],
		left,
	};
	text.statements(8);
	let last = text.value(2);
	let body = text.out;
	format!(
		"(module (memory (export \"m\") 1) (global $g (mut v128) (v128.const i64x2 -1 1))
		(func $id (param v128) (result v128) (local.get 0))
		(func $f (param $v0 v128) (param $v1 v128) (param $r i32) (result v128) (local $v2 v128) (local $v3 v128) (local $turns i32)
			(local.set $turns (i32.const {TURNS}))
			{body} {last})
		(func (export \"f\") (param v128 v128 i32) (result v128 v128 v128)
			(local $a v128) (local $i i32)
			(call $f (local.get 0) (local.get 1) (local.get 2))
			(loop $sum
				(local.set $a (i64x2.add (i64x2.mul (local.get $a) (v128.const i64x2 31 37)) (v128.load (local.get $i))))
				(br_if $sum (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))
			(local.get $a) (global.get $g)))"
	)
}

#[test]
fn random_flows_give_the_bits_of_the_deterministic_profile() {
	let calls = in_parallel(cases(1_000), |number| {
		let mut rng = Rng(0xf10e_0000 + number);
		let text = function(&mut rng);
		on_long_stack(|| {
			let mut three = Three::new(&text);
			for _ in 0..12 {
				let args = [
					val(vector(&mut rng)),
					val(vector(&mut rng)),
					Val::I32(rng.next() as i32 | 1),
				];
				let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| three.call("f", &args)));
				if result.is_err() {
					panic!("case {number}:\n{text}");
				}
			}
			12
		})
		.unwrap()
	});
	println!("{} calls", calls.iter().sum::<u64>());
}
