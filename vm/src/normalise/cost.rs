//! What instructions cost.
//!
//! The unit, one gas, is one step of the step machine, or less: an instruction costs at least the number of flat
//! instructions that it becomes there. So is everything the normaliser adds: charges, checks, entry and return pay for
//! themselves. *Steps ≤ gas charged* then follows from every instruction being charged before it runs:
//!
//! - Let a run take n steps. Each belongs to an instruction of the module, whose cost was added to one region (see
//!   `gas.rs`) or to a region merged into it.
//! - A region's head comes before each of its instructions on every path, and lies on every cycle through them. Between
//!   two passes of the head each instruction runs at most once, so the amount charged at the head pays for all of them.
//! - Bulk operations, whose steps depend on an operand, are charged by that operand before they run.
//! - The charge that finds the counter below zero ends the run. Its own steps, at most [`CHARGE`], may be unpaid, and so
//!   may be the few steps of `run` before its first charge.
//!
//! Hence steps ≤ gas used + [`UNPAID`], and the gas used is never more than the limit.

use crate::simd::op::VectorOp;
use wasmparser::Operator;

pub use crate::UNPAID;
/// A charge: taking it, comparing, the branch.
pub const CHARGE: u64 = 8;
/// Regions that cost at most this are paid with the region around them, whether they run or not.
pub const MERGE: u64 = 24;
/// A stack check.
pub const STACK_CHECK: u64 = 8;
/// Storing the counter where the host finds it.
pub const STORE_GAS: u64 = 2;
/// `memory.grow`, before its pages.
pub const GROW: u64 = 1_024 + 24;
/// log2 of the gas for a page that `memory.grow` adds, or that is there at the start: sixteen pages of a host to be found
/// and cleared once they are touched.
pub const PAGE_SHIFT: i64 = 16;
/// A page of 4 KiB with data, which is laid and hashed before anything runs.
pub const DATA_PAGE: u64 = 4_096;
/// An entry of an element segment.
pub const ENTRY: u64 = 2;
/// log2 of the gas for a byte of output, which is hashed and stored.
pub const OUTPUT_SHIFT: i64 = 5;
/// A bulk operation, before its bytes: a call of the host. All take at most n / 32 + 4 steps for n bytes.
pub const BULK: u64 = 160;
/// log2 of the bytes that a bulk operation moves for one gas.
pub const BULK_SHIFT: i64 = 2;
/// Entering and leaving `run`, and the end.
pub const RUN: u64 = 64;

/// Entering a function (a frame, zeros for its cells of locals) and leaving it by its only `return`.
pub fn function(locals: u64, results: u64) -> u64 {
	6 + locals / 8 + 4 + 2 * results
}

/// A branch that takes so many cells of operands along.
pub fn branch(operands: u64) -> u64 {
	3 + operands
}

/// A call; `own` ones also carry gas and stack.
pub fn call(operands: u64, own: bool) -> u64 {
	5 + operands + if own { 4 } else { 0 }
}

/// What an intrinsic costs beside being called, by its number; bulk operations are charged apart.
pub fn intrinsic(number: u32) -> u64 {
	match number {
		super::HALT => 16 + STORE_GAS,
		_ => 2,
	}
}

/// Whether a plain instruction names a memory.
pub(super) fn accesses_memory(op: &Operator<'_>) -> bool {
	use Operator as O;
	matches!(
		op,
		O::MemorySize { .. }
			| O::I32Load { .. }
			| O::I64Load { .. }
			| O::F32Load { .. }
			| O::F64Load { .. }
			| O::I32Load8S { .. }
			| O::I32Load8U { .. }
			| O::I32Load16S { .. }
			| O::I32Load16U { .. }
			| O::I64Load8S { .. }
			| O::I64Load8U { .. }
			| O::I64Load16S { .. }
			| O::I64Load16U { .. }
			| O::I64Load32S { .. }
			| O::I64Load32U { .. }
			| O::I32Store { .. }
			| O::I64Store { .. }
			| O::F32Store { .. }
			| O::F64Store { .. }
			| O::I32Store8 { .. }
			| O::I32Store16 { .. }
			| O::I64Store8 { .. }
			| O::I64Store16 { .. }
			| O::I64Store32 { .. }
	)
}

/// The cost of an instruction that depends on nothing but itself; `None` for those that have their own rule and for
/// those that are not accepted.
pub fn plain(op: &Operator<'_>) -> Option<u64> {
	use Operator as O;
	Some(match op {
		O::Nop
		| O::Drop
		| O::Select
		| O::LocalGet { .. }
		| O::LocalSet { .. }
		| O::LocalTee { .. }
		| O::GlobalGet { .. }
		| O::GlobalSet { .. }
		| O::MemorySize { .. }
		| O::I32Const { .. }
		| O::I64Const { .. }
		| O::F32Const { .. }
		| O::F64Const { .. } => 1,

		O::I32Load { .. }
		| O::I64Load { .. }
		| O::F32Load { .. }
		| O::F64Load { .. }
		| O::I32Load8S { .. }
		| O::I32Load8U { .. }
		| O::I32Load16S { .. }
		| O::I32Load16U { .. }
		| O::I64Load8S { .. }
		| O::I64Load8U { .. }
		| O::I64Load16S { .. }
		| O::I64Load16U { .. }
		| O::I64Load32S { .. }
		| O::I64Load32U { .. }
		| O::I32Store { .. }
		| O::I64Store { .. }
		| O::F32Store { .. }
		| O::F64Store { .. }
		| O::I32Store8 { .. }
		| O::I32Store16 { .. }
		| O::I64Store8 { .. }
		| O::I64Store16 { .. }
		| O::I64Store32 { .. } => 2,

		O::I32Eqz
		| O::I32Eq
		| O::I32Ne
		| O::I32LtS
		| O::I32LtU
		| O::I32GtS
		| O::I32GtU
		| O::I32LeS
		| O::I32LeU
		| O::I32GeS
		| O::I32GeU
		| O::I64Eqz
		| O::I64Eq
		| O::I64Ne
		| O::I64LtS
		| O::I64LtU
		| O::I64GtS
		| O::I64GtU
		| O::I64LeS
		| O::I64LeU
		| O::I64GeS
		| O::I64GeU
		| O::F32Eq
		| O::F32Ne
		| O::F32Lt
		| O::F32Gt
		| O::F32Le
		| O::F32Ge
		| O::F64Eq
		| O::F64Ne
		| O::F64Lt
		| O::F64Gt
		| O::F64Le
		| O::F64Ge
		| O::I32Clz
		| O::I32Ctz
		| O::I32Popcnt
		| O::I32Add
		| O::I32Sub
		| O::I32And
		| O::I32Or
		| O::I32Xor
		| O::I32Shl
		| O::I32ShrS
		| O::I32ShrU
		| O::I32Rotl
		| O::I32Rotr
		| O::I64Clz
		| O::I64Ctz
		| O::I64Popcnt
		| O::I64Add
		| O::I64Sub
		| O::I64And
		| O::I64Or
		| O::I64Xor
		| O::I64Shl
		| O::I64ShrS
		| O::I64ShrU
		| O::I64Rotl
		| O::I64Rotr
		| O::I32WrapI64
		| O::I64ExtendI32S
		| O::I64ExtendI32U
		| O::I32ReinterpretF32
		| O::I64ReinterpretF64
		| O::F32ReinterpretI32
		| O::F64ReinterpretI64
		| O::I32Extend8S
		| O::I32Extend16S
		| O::I64Extend8S
		| O::I64Extend16S
		| O::I64Extend32S
		| O::F32Abs
		| O::F32Neg
		| O::F32Copysign
		| O::F64Abs
		| O::F64Neg
		| O::F64Copysign => 1,

		O::I32Mul
		| O::I64Mul
		| O::F32Add
		| O::F32Sub
		| O::F32Mul
		| O::F32Min
		| O::F32Max
		| O::F32Ceil
		| O::F32Floor
		| O::F32Trunc
		| O::F32Nearest
		| O::F64Add
		| O::F64Sub
		| O::F64Mul
		| O::F64Min
		| O::F64Max
		| O::F64Ceil
		| O::F64Floor
		| O::F64Trunc
		| O::F64Nearest
		| O::F32ConvertI32S
		| O::F32ConvertI32U
		| O::F32ConvertI64S
		| O::F32ConvertI64U
		| O::F32DemoteF64
		| O::F64ConvertI32S
		| O::F64ConvertI32U
		| O::F64ConvertI64S
		| O::F64ConvertI64U
		| O::F64PromoteF32 => 3,

		O::I32TruncF32S
		| O::I32TruncF32U
		| O::I32TruncF64S
		| O::I32TruncF64U
		| O::I64TruncF32S
		| O::I64TruncF32U
		| O::I64TruncF64S
		| O::I64TruncF64U
		| O::I32TruncSatF32S
		| O::I32TruncSatF32U
		| O::I32TruncSatF64S
		| O::I32TruncSatF64U
		| O::I64TruncSatF32S
		| O::I64TruncSatF32U
		| O::I64TruncSatF64S
		| O::I64TruncSatF64U => 5,

		O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU => 8,
		O::F32Div | O::F64Div | O::F32Sqrt | O::F64Sqrt => 12,
		O::I64DivS | O::I64DivU | O::I64RemS | O::I64RemU => 16,
		O::V128Const { .. } => 2,
		op => return crate::vector::operation(op).map(vector),
	})
}

/// The cost of an instruction on vectors, about what a processor takes.
fn vector(op: VectorOp) -> u64 {
	use VectorOp as O;
	match op {
		O::V128Load
		| O::V128Load32Zero
		| O::V128Load64Zero
		| O::V128Load32Splat
		| O::V128Load64Splat
		| O::V128Store
		| O::V128Store32Lane
		| O::V128Store64Lane
		| O::I8x16Splat
		| O::I8x16Swizzle
		| O::I8x16ReplaceLane
		| O::I16x8ReplaceLane
		| O::I64x2Abs
		| O::I64x2ExtMulLowI32x4S
		| O::I64x2ExtMulHighI32x4S
		| O::I64x2ExtMulLowI32x4U
		| O::I64x2ExtMulHighI32x4U
		| O::I8x16Bitmask
		| O::I16x8Bitmask
		| O::V128AnyTrue
		| O::I8x16AllTrue
		| O::I16x8AllTrue
		| O::I32x4AllTrue
		| O::I64x2AllTrue
		| O::V128Bitselect
		| O::F32x4PMin
		| O::F32x4PMax
		| O::F64x2PMin
		| O::F64x2PMax => 2,

		O::V128Load8x8S
		| O::V128Load8x8U
		| O::V128Load16x4S
		| O::V128Load16x4U
		| O::V128Load32x2S
		| O::V128Load32x2U
		| O::V128Load8Splat
		| O::V128Load16Splat
		| O::V128Load8Lane
		| O::V128Load16Lane
		| O::V128Load32Lane
		| O::V128Load64Lane
		| O::V128Store8Lane
		| O::V128Store16Lane
		| O::I8x16Shuffle
		| O::I16x8Mul
		| O::I32x4Mul
		| O::I32x4DotI16x8S
		| O::I16x8ExtMulLowI8x16S
		| O::I16x8ExtMulHighI8x16S
		| O::I16x8ExtMulLowI8x16U
		| O::I16x8ExtMulHighI8x16U
		| O::I32x4ExtMulLowI16x8S
		| O::I32x4ExtMulHighI16x8S
		| O::I32x4ExtMulLowI16x8U
		| O::I32x4ExtMulHighI16x8U
		| O::I16x8ExtAddPairwiseI8x16S
		| O::I16x8ExtAddPairwiseI8x16U
		| O::I32x4ExtAddPairwiseI16x8S
		| O::I32x4ExtAddPairwiseI16x8U
		| O::I16x8Q15MulrSatS
		| O::I64x2LtS
		| O::I64x2GtS
		| O::I64x2LeS
		| O::I64x2GeS
		| O::F32x4Add
		| O::F32x4Sub
		| O::F32x4Mul
		| O::F64x2Add
		| O::F64x2Sub
		| O::F64x2Mul
		| O::F32x4Ceil
		| O::F32x4Floor
		| O::F32x4Trunc
		| O::F32x4Nearest
		| O::F64x2Ceil
		| O::F64x2Floor
		| O::F64x2Trunc
		| O::F64x2Nearest
		| O::F32x4ConvertI32x4S
		| O::F64x2ConvertLowI32x4S
		| O::F64x2ConvertLowI32x4U
		| O::F32x4DemoteF64x2Zero
		| O::F64x2PromoteLowF32x4 => 3,

		O::I8x16Shl
		| O::I8x16ShrS
		| O::I8x16ShrU
		| O::I64x2ShrS
		| O::I8x16Popcnt
		| O::F32x4Min
		| O::F32x4Max
		| O::F64x2Min
		| O::F64x2Max => 4,

		O::I64x2Mul
		| O::F32x4ConvertI32x4U
		| O::I32x4TruncSatF32x4S
		| O::I32x4TruncSatF32x4U
		| O::I32x4TruncSatF64x2SZero
		| O::I32x4TruncSatF64x2UZero => 6,

		O::F32x4Div | O::F64x2Div | O::F32x4Sqrt | O::F64x2Sqrt => 12,
		_ => 1,
	}
}
