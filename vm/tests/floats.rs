//! Floating point against LLVM's software implementation, `rustc_apfloat`: in the step machine and in the fast engine,
//! on all pairs of values that are special in some way and on random bits.

mod common;

use common::{bits, cases, engine, in_parallel, limits, machine_of, supply, value, wasm_of, Rng};
use millrace_vm::{
	fast::{on_long_stack, Session, Stop},
	flatten::flatten,
	machine::Machine,
	normalise::instrument_for_tests,
	program::Export,
};
use rustc_apfloat::{
	ieee::{Double, Single},
	Float, FloatConvert, Round, Status,
};
use std::{cmp::Ordering, collections::HashMap, sync::Arc};
use wasmtime::Val;

/// What an operation gives; nothing if it traps.
type Expected = Option<u64>;

/// An operation: its name, its parameters, what is right.
struct Op {
	name: String,
	params: Vec<&'static str>,
	result: &'static str,
	expected: Box<dyn Fn(&[u64]) -> Expected + Send + Sync>,
}

/// A float's width as bits, with the only NaN that arithmetic yields.
trait Width: Float + Send + Sync {
	const NAME: &'static str;
	const CANONICAL: u64;
	const SIGN: u64;

	fn of(bits: u64) -> Self {
		Self::from_bits(bits.into())
	}

	/// The bits of a result of arithmetic.
	fn bits(self) -> u64 {
		match self.is_nan() {
			true => Self::CANONICAL,
			false => self.to_bits() as u64,
		}
	}
}

impl Width for Single {
	const NAME: &'static str = "f32";
	const CANONICAL: u64 = 0x7fc0_0000;
	const SIGN: u64 = 1 << 31;
}

impl Width for Double {
	const NAME: &'static str = "f64";
	const CANONICAL: u64 = 0x7ff8 << 48;
	const SIGN: u64 = 1 << 63;
}

/// The square root, rounded once, by integers.
fn sqrt<F: Width>(bits: u64) -> u64 {
	let value = F::of(bits);
	if value.is_nan() || (value.is_negative() && !value.is_zero()) {
		return F::CANONICAL;
	}
	if value.is_zero() || value.is_infinite() {
		return bits;
	}
	// value = significand * 2^exponent, both integers, the significand as long as it can be.
	let mut exponent = value.ilogb() - 62;
	let mut significand = value.scalbn(-exponent).to_u128(128).value << 63;
	exponent -= 63;
	if exponent % 2 != 0 {
		significand <<= 1;
		exponent -= 1;
	}
	let root = significand.isqrt();
	// What is cut off only matters by being there.
	let sticky = u128::from(root * root != significand);
	F::from_u128(root << 1 | sticky).value.scalbn(exponent / 2 - 1).bits()
}

fn order<F: Width>(a: u64, b: u64) -> Option<Ordering> {
	F::of(a).partial_cmp(&F::of(b))
}

fn arithmetic<F: Width>(ops: &mut Vec<Op>) {
	let ty = F::NAME;
	let mut unary = |name: &str, f: fn(u64) -> u64| {
		ops.push(Op {
			name: format!("{ty}.{name}"),
			params: vec![ty],
			result: ty,
			expected: Box::new(move |args| Some(f(args[0]))),
		});
	};
	unary("sqrt", sqrt::<F>);
	unary("ceil", |a| {
		F::of(a).round_to_integral(Round::TowardPositive).value.bits()
	});
	unary("floor", |a| {
		F::of(a).round_to_integral(Round::TowardNegative).value.bits()
	});
	unary("trunc", |a| F::of(a).round_to_integral(Round::TowardZero).value.bits());
	unary("nearest", |a| {
		F::of(a).round_to_integral(Round::NearestTiesToEven).value.bits()
	});
	unary("abs", |a| a & !F::SIGN);
	unary("neg", |a| a ^ F::SIGN);
	let mut binary = |name: &str, result: &'static str, f: fn(u64, u64) -> u64| {
		ops.push(Op {
			name: format!("{ty}.{name}"),
			params: vec![ty, ty],
			result,
			expected: Box::new(move |args| Some(f(args[0], args[1]))),
		});
	};
	binary("add", ty, |a, b| {
		F::of(a).add_r(F::of(b), Round::NearestTiesToEven).value.bits()
	});
	binary("sub", ty, |a, b| {
		F::of(a).sub_r(F::of(b), Round::NearestTiesToEven).value.bits()
	});
	binary("mul", ty, |a, b| {
		F::of(a).mul_r(F::of(b), Round::NearestTiesToEven).value.bits()
	});
	binary("div", ty, |a, b| {
		F::of(a).div_r(F::of(b), Round::NearestTiesToEven).value.bits()
	});
	binary("min", ty, |a, b| F::of(a).minimum(F::of(b)).bits());
	binary("max", ty, |a, b| F::of(a).maximum(F::of(b)).bits());
	binary("copysign", ty, |a, b| (a & !F::SIGN) | (b & F::SIGN));
	binary("eq", "i32", |a, b| (order::<F>(a, b) == Some(Ordering::Equal)).into());
	binary("ne", "i32", |a, b| (order::<F>(a, b) != Some(Ordering::Equal)).into());
	binary("lt", "i32", |a, b| (order::<F>(a, b) == Some(Ordering::Less)).into());
	binary("gt", "i32", |a, b| (order::<F>(a, b) == Some(Ordering::Greater)).into());
	binary("le", "i32", |a, b| order::<F>(a, b).is_some_and(Ordering::is_le).into());
	binary("ge", "i32", |a, b| order::<F>(a, b).is_some_and(Ordering::is_ge).into());
}

/// To integers and back.
fn conversions<F: Width>(ops: &mut Vec<Op>) {
	let float = F::NAME;
	for (int, width) in [("i32", 32), ("i64", 64)] {
		let mask = u64::MAX >> (64 - width);
		for signed in [true, false] {
			let sign = if signed { "s" } else { "u" };
			let convert = move |a: u64| match signed {
				true => F::of(a).to_i128(width).map(|value| value as u64 & mask),
				false => F::of(a).to_u128(width).map(|value| value as u64),
			};
			ops.push(Op {
				name: format!("{int}.trunc_{float}_{sign}"),
				params: vec![float],
				result: int,
				expected: Box::new(move |args| {
					let value = convert(args[0]);
					(!value.status.contains(Status::INVALID_OP)).then_some(value.value)
				}),
			});
			ops.push(Op {
				name: format!("{int}.trunc_sat_{float}_{sign}"),
				params: vec![float],
				result: int,
				expected: Box::new(move |args| Some(convert(args[0]).value)),
			});
			ops.push(Op {
				name: format!("{float}.convert_{int}_{sign}"),
				params: vec![int],
				result: float,
				expected: Box::new(move |args| {
					let value = match (signed, width) {
						(true, 32) => F::from_i128((args[0] as i32).into()),
						(true, _) => F::from_i128((args[0] as i64).into()),
						(false, _) => F::from_u128(args[0].into()),
					};
					Some(value.value.bits())
				}),
			});
		}
	}
}

fn ops() -> Vec<Op> {
	let mut ops = Vec::new();
	arithmetic::<Single>(&mut ops);
	arithmetic::<Double>(&mut ops);
	conversions::<Single>(&mut ops);
	conversions::<Double>(&mut ops);
	ops.push(Op {
		name: "f64.promote_f32".into(),
		params: vec!["f32"],
		result: "f64",
		expected: Box::new(|args| {
			let wide: Double = Single::of(args[0]).convert(&mut false).value;
			Some(wide.bits())
		}),
	});
	ops.push(Op {
		name: "f32.demote_f64".into(),
		params: vec!["f64"],
		result: "f32",
		expected: Box::new(|args| {
			let narrow: Single = Double::of(args[0]).convert(&mut false).value;
			Some(narrow.bits())
		}),
	});
	ops
}

/// Values at which something changes: zeros, subnormals, powers and halves around the limits of integers and of both
/// widths, infinities, NaNs of all kinds.
fn specials(ty: &str) -> Vec<u64> {
	match ty {
		"i32" => specials("i64").into_iter().map(|value| value & 0xffff_ffff).collect(),
		"i64" => {
			let powers = [0, 7, 15, 16, 23, 24, 25, 30, 31, 32, 52, 53, 54, 62, 63].map(|n| 1_u64 << n);
			let around = |value: u64| [value.wrapping_sub(1), value, value.wrapping_add(1)];
			let mut all: Vec<u64> = powers
				.into_iter()
				.flat_map(around)
				.flat_map(|value| [value, value.wrapping_neg()])
				.collect();
			// Halfway between two floats, and a little more or less.
			for precision in [24, 53] {
				for even in [0_u64, 2] {
					let half = ((1_u64 << (precision - 1)) + even / 2) << (64 - precision) | 1 << (63 - precision);
					all.extend(around(half));
				}
			}
			all
		}
		_ => {
			let single = [
				0.0,
				1.0,
				0.5,
				1.5,
				2.5,
				0.75,
				3.0,
				f32::MIN_POSITIVE,
				f32::MAX,
				f32::EPSILON,
				1e-40,
				8388607.5,
				8388608.0,
				16777215.0,
				16777216.0,
				2147483520.0,
				2147483648.0,
				4294967040.0,
				4294967296.0,
				9.2233715e18,
				9.223372e18,
				1.8446743e19,
				1.8446744e19,
			];
			let mut bits: Vec<u64> = match ty {
				"f32" => single.iter().map(|value| value.to_bits().into()).collect(),
				_ => {
					let more = [
						f64::MIN_POSITIVE,
						f64::MAX,
						f64::EPSILON,
						5e-320,
						2147483647.5,
						2147483648.5,
						4294967295.5,
						4503599627370495.5,
						9007199254740993.0,
						9223372036854774784.0,
						18446744073709549568.0,
						3.4028235677973366e38,
						3.4028235677973362e38,
						1.401298464324817e-45,
						7.006492321624085e-46,
						1.1754943508222874e-38,
						0.9999999999999999,
					];
					single
						.iter()
						.map(|value| f64::from(*value).to_bits())
						.chain(more.map(f64::to_bits))
						.collect()
				}
			};
			let (sign, infinity, quiet): (u64, u64, u64) = match ty {
				"f32" => (1 << 31, 0x7f80_0000, 1 << 22),
				_ => (1 << 63, 0x7ff0 << 48, 1 << 51),
			};
			bits.extend([
				1,
				2,
				infinity,
				infinity | quiet,
				infinity | quiet | 1,
				infinity | 1,
				infinity | (quiet - 1),
			]);
			bits.extend(bits.clone().iter().map(|bits| bits | sign));
			bits
		}
	}
}

/// Random bits of a type; exponents near each other more often than chance has it.
fn random(ty: &str, rng: &mut Rng) -> u64 {
	let wide = matches!(ty, "i64" | "f64");
	let bits = match (rng.below(4), ty) {
		(0, "f32") => (rng.next() & !(0xf0 << 23)) | 0x70 << 23,
		(0, "f64") => (rng.next() & !(0x7f0 << 52)) | 0x3f0 << 52,
		(0, _) => rng.any_size(),
		(1, _) => *rng.pick(&specials(ty)),
		_ => rng.next(),
	};
	bits & if wide { u64::MAX } else { 0xffff_ffff }
}

/// All operations as functions of one module, in both engines.
struct Engines {
	machine: Machine,
	exports: HashMap<String, Export>,
	session: Session,
}

const GAS: u64 = 1_000_000;

impl Engines {
	fn new(ops: &[Op]) -> Self {
		let mut text = String::from("(module");
		for op in ops {
			let gets: String = (0..op.params.len()).map(|n| format!("(local.get {n})")).collect();
			let params = op.params.join(" ");
			text += &format!(
				"(func (export \"{0}\") (param {params}) (result {1}) ({0} {gets}))",
				op.name, op.result
			);
		}
		let module = instrument_for_tests(&wasm_of(&(text + ")"))).unwrap();
		let program = Arc::new(flatten(&module).unwrap());
		let exports = program
			.exports()
			.iter()
			.map(|export| (export.name.clone(), export.clone()))
			.collect();
		Self {
			machine: machine_of(&program, &[], &limits(GAS)),
			exports,
			session: engine()
				.compile(&module)
				.unwrap()
				.session(&limits(GAS), supply(&[]), &Stop::new())
				.unwrap(),
		}
	}

	fn check(&mut self, op: &Op, args: &[u64]) {
		let expected = (op.expected)(args);
		let stepped = self
			.machine
			.invoke(&self.exports[&op.name], args, GAS)
			.ok()
			.map(|results| results[0]);
		let hex = |values: &[u64]| {
			values
				.iter()
				.map(|value| format!("{value:#x}"))
				.collect::<Vec<_>>()
				.join(", ")
		};
		assert_eq!(stepped, expected, "step machine: {}({})", op.name, hex(args));
		let values: Vec<Val> = args.iter().zip(&op.params).map(|(bits, ty)| value(ty, *bits)).collect();
		self.session.set_gas(GAS as i64).unwrap();
		let fast = self
			.session
			.call(&op.name, &values)
			.unwrap()
			.ok()
			.map(|results| bits(&results[0]));
		assert_eq!(fast, expected, "fast engine: {}({})", op.name, hex(args));
	}
}

/// Calls `check` for each operation, in parallel; how many calls there were.
fn all_ops(check: impl Fn(&mut Engines, &Op, u64) -> u64 + Sync) -> u64 {
	let ops = ops();
	let counts = in_parallel(ops.len() as u64, |number| {
		on_long_stack(|| check(&mut Engines::new(&ops), &ops[number as usize], number)).unwrap()
	});
	counts.iter().sum()
}

#[test]
fn special_values_are_right_in_all_pairs() {
	let checked = all_ops(|engines, op, _| {
		let mut checked = 0;
		for a in specials(op.params[0]) {
			match op.params.get(1) {
				None => {
					engines.check(op, &[a]);
					checked += 1;
				}
				Some(ty) => {
					for b in specials(ty) {
						engines.check(op, &[a, b]);
						checked += 1;
					}
				}
			}
		}
		checked
	});
	println!("{checked} results on special values");
	assert!(checked > 100_000);
}

#[test]
fn random_values_are_right() {
	let each = cases(20_000);
	let checked = all_ops(|engines, op, number| {
		let mut rng = Rng(0xf10a + number);
		for _ in 0..each {
			let args: Vec<u64> = op.params.iter().map(|ty| random(ty, &mut rng)).collect();
			engines.check(op, &args);
		}
		each
	});
	println!("{checked} results on random values");
}

#[test]
fn a_square_root_by_integers_is_one() {
	for n in 0..1_000_u32 {
		let square = f64::from(n * n).to_bits();
		assert_eq!(sqrt::<Double>(square), f64::from(n).to_bits());
	}
	assert_eq!(sqrt::<Single>(2.0_f32.to_bits().into()), 0x3fb5_04f3);
	assert_eq!(sqrt::<Double>(2.0_f64.to_bits()), 0x3ff6_a09e_667f_3bcd);
	assert_eq!(sqrt::<Double>(5e-324_f64.to_bits()), 0x1e60_0000_0000_0000);
}
