//! WebAssembly's SIMD instructions, as the normaliser and the flattener know them.

use crate::op::Instr;
use millrace_judge::simd::op::{indices_to_operands, VectorOp};
use wasmparser::{MemArgTarget, Operator};

macro_rules! named {
	// A constant is two operations on cells.
	(simd V128Const) => {
		None
	};
	(simd $op:ident) => {
		Some(VectorOp::$op)
	};
	(relaxed_simd $op:ident) => {
		None
	};
}

macro_rules! taken {
	(arity $(memarg)? $taken:literal -> $given:literal) => {
		$taken
	};
}

macro_rules! describe {
	($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
		/// What an instruction is on flat vectors, if it works on vectors and is accepted.
		pub(crate) fn operation(op: &Operator<'_>) -> Option<VectorOp> {
			match op {
				$(Operator::$op { .. } => named!($proposal $op),)*
				_ => None,
			}
		}

		/// How many operands such an instruction takes.
		pub(crate) fn operands(op: &Operator<'_>) -> usize {
			match op {
				$(Operator::$op { .. } => taken!($($arity)*),)*
				_ => 0,
			}
		}
	};
}

wasmparser::for_each_visit_simd_operator!(describe);

/// What such an instruction gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gives {
	Nothing,
	/// A number.
	Scalar,
	Vector,
}

/// What such an instruction gives.
pub(crate) fn gives(op: VectorOp) -> Gives {
	use VectorOp as O;
	match op {
		O::V128Store | O::V128Store8Lane | O::V128Store16Lane | O::V128Store32Lane | O::V128Store64Lane => {
			Gives::Nothing
		}
		O::I8x16ExtractLaneS
		| O::I8x16ExtractLaneU
		| O::I16x8ExtractLaneS
		| O::I16x8ExtractLaneU
		| O::I32x4ExtractLane
		| O::I64x2ExtractLane
		| O::F32x4ExtractLane
		| O::F64x2ExtractLane
		| O::V128AnyTrue
		| O::I8x16AllTrue
		| O::I16x8AllTrue
		| O::I32x4AllTrue
		| O::I64x2AllTrue
		| O::I8x16Bitmask
		| O::I16x8Bitmask
		| O::I32x4Bitmask
		| O::I64x2Bitmask => Gives::Scalar,
		_ => Gives::Vector,
	}
}

/// The flat instruction, if it is one on vectors and, as all are, on the program's memory.
pub(crate) fn instruction(op: &Operator<'_>) -> Option<Instr> {
	use Operator as O;
	let vector = operation(op)?;
	let (a, imm) = match op {
		O::I8x16Shuffle { lanes } => indices_to_operands(*lanes),
		O::V128Load { memarg }
		| O::V128Load8x8S { memarg }
		| O::V128Load8x8U { memarg }
		| O::V128Load16x4S { memarg }
		| O::V128Load16x4U { memarg }
		| O::V128Load32x2S { memarg }
		| O::V128Load32x2U { memarg }
		| O::V128Load8Splat { memarg }
		| O::V128Load16Splat { memarg }
		| O::V128Load32Splat { memarg }
		| O::V128Load64Splat { memarg }
		| O::V128Load32Zero { memarg }
		| O::V128Load64Zero { memarg }
		| O::V128Store { memarg } => (memarg.target == MemArgTarget::Memory(0)).then_some((0, memarg.offset))?,
		O::V128Load8Lane { memarg, lane }
		| O::V128Load16Lane { memarg, lane }
		| O::V128Load32Lane { memarg, lane }
		| O::V128Load64Lane { memarg, lane }
		| O::V128Store8Lane { memarg, lane }
		| O::V128Store16Lane { memarg, lane }
		| O::V128Store32Lane { memarg, lane }
		| O::V128Store64Lane { memarg, lane } => {
			(memarg.target == MemArgTarget::Memory(0)).then_some(((*lane).into(), memarg.offset))?
		}
		O::I8x16ExtractLaneS { lane }
		| O::I8x16ExtractLaneU { lane }
		| O::I8x16ReplaceLane { lane }
		| O::I16x8ExtractLaneS { lane }
		| O::I16x8ExtractLaneU { lane }
		| O::I16x8ReplaceLane { lane }
		| O::I32x4ExtractLane { lane }
		| O::I32x4ReplaceLane { lane }
		| O::I64x2ExtractLane { lane }
		| O::I64x2ReplaceLane { lane }
		| O::F32x4ExtractLane { lane }
		| O::F32x4ReplaceLane { lane }
		| O::F64x2ExtractLane { lane }
		| O::F64x2ReplaceLane { lane } => ((*lane).into(), 0),
		_ => (0, 0),
	};
	Some(Instr::new(vector, a, imm))
}
