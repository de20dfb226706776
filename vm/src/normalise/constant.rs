//! Constant expressions, folded: the first values of globals and the places of segments.

use super::{refused::feature, Reason};
use wasmparser::{ConstExpr, Operator};

/// A number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Number {
	I32(i32),
	I64(i64),
	/// By its bits.
	F32(u32),
	/// By its bits.
	F64(u64),
	/// By its bits.
	V128(i128),
}

impl Number {
	/// The expression that is this number.
	pub fn expression(self) -> wasm_encoder::ConstExpr {
		use wasm_encoder::{ConstExpr, Ieee32, Ieee64};
		match self {
			Self::I32(value) => ConstExpr::i32_const(value),
			Self::I64(value) => ConstExpr::i64_const(value),
			Self::F32(bits) => ConstExpr::f32_const(Ieee32::new(bits)),
			Self::F64(bits) => ConstExpr::f64_const(Ieee64::new(bits)),
			Self::V128(bits) => ConstExpr::v128_const(bits),
		}
	}
}

/// What a valid expression comes to.
pub(super) fn fold(expression: &ConstExpr<'_>, offset: u64) -> Result<Number, Reason> {
	use Operator as O;
	let mut stack: Vec<Number> = Vec::new();
	for op in expression.get_operators_reader() {
		let op = op?;
		let value = match op {
			O::I32Const { value } => Some(Number::I32(value)),
			O::I64Const { value } => Some(Number::I64(value)),
			O::F32Const { value } => Some(Number::F32(value.bits())),
			O::F64Const { value } => Some(Number::F64(value.bits())),
			O::V128Const { value } => Some(Number::V128(value.i128())),
			O::End => break,
			_ => match (stack.pop(), stack.pop()) {
				(Some(Number::I32(right)), Some(Number::I32(left))) => narrow(&op, left, right).map(Number::I32),
				(Some(Number::I64(right)), Some(Number::I64(left))) => wide(&op, left, right).map(Number::I64),
				_ => None,
			},
		};
		stack.push(value.ok_or_else(|| feature("a constant that is not made of numbers alone", offset))?);
	}
	let value = stack.pop();
	value.ok_or_else(|| feature("a constant that is not made of numbers alone", offset))
}

fn narrow(op: &Operator<'_>, left: i32, right: i32) -> Option<i32> {
	match op {
		Operator::I32Add => Some(left.wrapping_add(right)),
		Operator::I32Sub => Some(left.wrapping_sub(right)),
		Operator::I32Mul => Some(left.wrapping_mul(right)),
		_ => None,
	}
}

fn wide(op: &Operator<'_>, left: i64, right: i64) -> Option<i64> {
	match op {
		Operator::I64Add => Some(left.wrapping_add(right)),
		Operator::I64Sub => Some(left.wrapping_sub(right)),
		Operator::I64Mul => Some(left.wrapping_mul(right)),
		_ => None,
	}
}
