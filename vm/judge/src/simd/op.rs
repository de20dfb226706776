//! The operations on vectors of 128 bits.

use crate::op::Instr;

macro_rules! ops {
	($($name:ident = $code:literal $text:literal,)*) => {
		/// An operation on vectors: WebAssembly's instructions, whose numbers here are [`FIRST`] more than the ones after
		/// their prefix there, and what becomes of `select`. A constant and what moves values between the stack, locals
		/// and globals are two operations on cells and have none here.
		#[derive(Clone, Copy, PartialEq, Eq, Debug)]
		#[repr(u16)]
		pub enum VectorOp {
			$(#[doc = concat!("`", $text, "`")] $name = FIRST + $code,)*
			/// `x x' y y' c -> c ? x x' : y y'`
			Select = FIRST + 0x100,
		}

		impl VectorOp {
			/// Every operation.
			pub const ALL: &'static [VectorOp] = &[$(VectorOp::$name,)* VectorOp::Select];

			/// The operation with a number.
			pub const fn from_u16(number: u16) -> Option<Self> {
				// What is below FIRST becomes a number beyond all.
				match number.wrapping_sub(FIRST) {
					$($code => Some(VectorOp::$name),)*
					0x100 => Some(VectorOp::Select),
					_ => None,
				}
			}

			/// Its name in WebAssembly.
			pub const fn name(self) -> &'static str {
				match self {
					$(VectorOp::$name => $text,)*
					VectorOp::Select => "select",
				}
			}
		}
	};
}

impl From<VectorOp> for u16 {
	fn from(op: VectorOp) -> Self {
		op as u16
	}
}

/// The least number of an operation on vectors.
pub const FIRST: u16 = 256;

ops! {
	V128Load = 0x00 "v128.load",
	V128Load8x8S = 0x01 "v128.load8x8_s",
	V128Load8x8U = 0x02 "v128.load8x8_u",
	V128Load16x4S = 0x03 "v128.load16x4_s",
	V128Load16x4U = 0x04 "v128.load16x4_u",
	V128Load32x2S = 0x05 "v128.load32x2_s",
	V128Load32x2U = 0x06 "v128.load32x2_u",
	V128Load8Splat = 0x07 "v128.load8_splat",
	V128Load16Splat = 0x08 "v128.load16_splat",
	V128Load32Splat = 0x09 "v128.load32_splat",
	V128Load64Splat = 0x0a "v128.load64_splat",
	V128Store = 0x0b "v128.store",
	I8x16Shuffle = 0x0d "i8x16.shuffle",
	I8x16Swizzle = 0x0e "i8x16.swizzle",
	I8x16Splat = 0x0f "i8x16.splat",
	I16x8Splat = 0x10 "i16x8.splat",
	I32x4Splat = 0x11 "i32x4.splat",
	I64x2Splat = 0x12 "i64x2.splat",
	F32x4Splat = 0x13 "f32x4.splat",
	F64x2Splat = 0x14 "f64x2.splat",
	I8x16ExtractLaneS = 0x15 "i8x16.extract_lane_s",
	I8x16ExtractLaneU = 0x16 "i8x16.extract_lane_u",
	I8x16ReplaceLane = 0x17 "i8x16.replace_lane",
	I16x8ExtractLaneS = 0x18 "i16x8.extract_lane_s",
	I16x8ExtractLaneU = 0x19 "i16x8.extract_lane_u",
	I16x8ReplaceLane = 0x1a "i16x8.replace_lane",
	I32x4ExtractLane = 0x1b "i32x4.extract_lane",
	I32x4ReplaceLane = 0x1c "i32x4.replace_lane",
	I64x2ExtractLane = 0x1d "i64x2.extract_lane",
	I64x2ReplaceLane = 0x1e "i64x2.replace_lane",
	F32x4ExtractLane = 0x1f "f32x4.extract_lane",
	F32x4ReplaceLane = 0x20 "f32x4.replace_lane",
	F64x2ExtractLane = 0x21 "f64x2.extract_lane",
	F64x2ReplaceLane = 0x22 "f64x2.replace_lane",
	I8x16Eq = 0x23 "i8x16.eq",
	I8x16Ne = 0x24 "i8x16.ne",
	I8x16LtS = 0x25 "i8x16.lt_s",
	I8x16LtU = 0x26 "i8x16.lt_u",
	I8x16GtS = 0x27 "i8x16.gt_s",
	I8x16GtU = 0x28 "i8x16.gt_u",
	I8x16LeS = 0x29 "i8x16.le_s",
	I8x16LeU = 0x2a "i8x16.le_u",
	I8x16GeS = 0x2b "i8x16.ge_s",
	I8x16GeU = 0x2c "i8x16.ge_u",
	I16x8Eq = 0x2d "i16x8.eq",
	I16x8Ne = 0x2e "i16x8.ne",
	I16x8LtS = 0x2f "i16x8.lt_s",
	I16x8LtU = 0x30 "i16x8.lt_u",
	I16x8GtS = 0x31 "i16x8.gt_s",
	I16x8GtU = 0x32 "i16x8.gt_u",
	I16x8LeS = 0x33 "i16x8.le_s",
	I16x8LeU = 0x34 "i16x8.le_u",
	I16x8GeS = 0x35 "i16x8.ge_s",
	I16x8GeU = 0x36 "i16x8.ge_u",
	I32x4Eq = 0x37 "i32x4.eq",
	I32x4Ne = 0x38 "i32x4.ne",
	I32x4LtS = 0x39 "i32x4.lt_s",
	I32x4LtU = 0x3a "i32x4.lt_u",
	I32x4GtS = 0x3b "i32x4.gt_s",
	I32x4GtU = 0x3c "i32x4.gt_u",
	I32x4LeS = 0x3d "i32x4.le_s",
	I32x4LeU = 0x3e "i32x4.le_u",
	I32x4GeS = 0x3f "i32x4.ge_s",
	I32x4GeU = 0x40 "i32x4.ge_u",
	F32x4Eq = 0x41 "f32x4.eq",
	F32x4Ne = 0x42 "f32x4.ne",
	F32x4Lt = 0x43 "f32x4.lt",
	F32x4Gt = 0x44 "f32x4.gt",
	F32x4Le = 0x45 "f32x4.le",
	F32x4Ge = 0x46 "f32x4.ge",
	F64x2Eq = 0x47 "f64x2.eq",
	F64x2Ne = 0x48 "f64x2.ne",
	F64x2Lt = 0x49 "f64x2.lt",
	F64x2Gt = 0x4a "f64x2.gt",
	F64x2Le = 0x4b "f64x2.le",
	F64x2Ge = 0x4c "f64x2.ge",
	V128Not = 0x4d "v128.not",
	V128And = 0x4e "v128.and",
	V128AndNot = 0x4f "v128.andnot",
	V128Or = 0x50 "v128.or",
	V128Xor = 0x51 "v128.xor",
	V128Bitselect = 0x52 "v128.bitselect",
	V128AnyTrue = 0x53 "v128.any_true",
	V128Load8Lane = 0x54 "v128.load8_lane",
	V128Load16Lane = 0x55 "v128.load16_lane",
	V128Load32Lane = 0x56 "v128.load32_lane",
	V128Load64Lane = 0x57 "v128.load64_lane",
	V128Store8Lane = 0x58 "v128.store8_lane",
	V128Store16Lane = 0x59 "v128.store16_lane",
	V128Store32Lane = 0x5a "v128.store32_lane",
	V128Store64Lane = 0x5b "v128.store64_lane",
	V128Load32Zero = 0x5c "v128.load32_zero",
	V128Load64Zero = 0x5d "v128.load64_zero",
	F32x4DemoteF64x2Zero = 0x5e "f32x4.demote_f64x2_zero",
	F64x2PromoteLowF32x4 = 0x5f "f64x2.promote_low_f32x4",
	I8x16Abs = 0x60 "i8x16.abs",
	I8x16Neg = 0x61 "i8x16.neg",
	I8x16Popcnt = 0x62 "i8x16.popcnt",
	I8x16AllTrue = 0x63 "i8x16.all_true",
	I8x16Bitmask = 0x64 "i8x16.bitmask",
	I8x16NarrowI16x8S = 0x65 "i8x16.narrow_i16x8_s",
	I8x16NarrowI16x8U = 0x66 "i8x16.narrow_i16x8_u",
	F32x4Ceil = 0x67 "f32x4.ceil",
	F32x4Floor = 0x68 "f32x4.floor",
	F32x4Trunc = 0x69 "f32x4.trunc",
	F32x4Nearest = 0x6a "f32x4.nearest",
	I8x16Shl = 0x6b "i8x16.shl",
	I8x16ShrS = 0x6c "i8x16.shr_s",
	I8x16ShrU = 0x6d "i8x16.shr_u",
	I8x16Add = 0x6e "i8x16.add",
	I8x16AddSatS = 0x6f "i8x16.add_sat_s",
	I8x16AddSatU = 0x70 "i8x16.add_sat_u",
	I8x16Sub = 0x71 "i8x16.sub",
	I8x16SubSatS = 0x72 "i8x16.sub_sat_s",
	I8x16SubSatU = 0x73 "i8x16.sub_sat_u",
	F64x2Ceil = 0x74 "f64x2.ceil",
	F64x2Floor = 0x75 "f64x2.floor",
	I8x16MinS = 0x76 "i8x16.min_s",
	I8x16MinU = 0x77 "i8x16.min_u",
	I8x16MaxS = 0x78 "i8x16.max_s",
	I8x16MaxU = 0x79 "i8x16.max_u",
	F64x2Trunc = 0x7a "f64x2.trunc",
	I8x16AvgrU = 0x7b "i8x16.avgr_u",
	I16x8ExtAddPairwiseI8x16S = 0x7c "i16x8.extadd_pairwise_i8x16_s",
	I16x8ExtAddPairwiseI8x16U = 0x7d "i16x8.extadd_pairwise_i8x16_u",
	I32x4ExtAddPairwiseI16x8S = 0x7e "i32x4.extadd_pairwise_i16x8_s",
	I32x4ExtAddPairwiseI16x8U = 0x7f "i32x4.extadd_pairwise_i16x8_u",
	I16x8Abs = 0x80 "i16x8.abs",
	I16x8Neg = 0x81 "i16x8.neg",
	I16x8Q15MulrSatS = 0x82 "i16x8.q15mulr_sat_s",
	I16x8AllTrue = 0x83 "i16x8.all_true",
	I16x8Bitmask = 0x84 "i16x8.bitmask",
	I16x8NarrowI32x4S = 0x85 "i16x8.narrow_i32x4_s",
	I16x8NarrowI32x4U = 0x86 "i16x8.narrow_i32x4_u",
	I16x8ExtendLowI8x16S = 0x87 "i16x8.extend_low_i8x16_s",
	I16x8ExtendHighI8x16S = 0x88 "i16x8.extend_high_i8x16_s",
	I16x8ExtendLowI8x16U = 0x89 "i16x8.extend_low_i8x16_u",
	I16x8ExtendHighI8x16U = 0x8a "i16x8.extend_high_i8x16_u",
	I16x8Shl = 0x8b "i16x8.shl",
	I16x8ShrS = 0x8c "i16x8.shr_s",
	I16x8ShrU = 0x8d "i16x8.shr_u",
	I16x8Add = 0x8e "i16x8.add",
	I16x8AddSatS = 0x8f "i16x8.add_sat_s",
	I16x8AddSatU = 0x90 "i16x8.add_sat_u",
	I16x8Sub = 0x91 "i16x8.sub",
	I16x8SubSatS = 0x92 "i16x8.sub_sat_s",
	I16x8SubSatU = 0x93 "i16x8.sub_sat_u",
	F64x2Nearest = 0x94 "f64x2.nearest",
	I16x8Mul = 0x95 "i16x8.mul",
	I16x8MinS = 0x96 "i16x8.min_s",
	I16x8MinU = 0x97 "i16x8.min_u",
	I16x8MaxS = 0x98 "i16x8.max_s",
	I16x8MaxU = 0x99 "i16x8.max_u",
	I16x8AvgrU = 0x9b "i16x8.avgr_u",
	I16x8ExtMulLowI8x16S = 0x9c "i16x8.extmul_low_i8x16_s",
	I16x8ExtMulHighI8x16S = 0x9d "i16x8.extmul_high_i8x16_s",
	I16x8ExtMulLowI8x16U = 0x9e "i16x8.extmul_low_i8x16_u",
	I16x8ExtMulHighI8x16U = 0x9f "i16x8.extmul_high_i8x16_u",
	I32x4Abs = 0xa0 "i32x4.abs",
	I32x4Neg = 0xa1 "i32x4.neg",
	I32x4AllTrue = 0xa3 "i32x4.all_true",
	I32x4Bitmask = 0xa4 "i32x4.bitmask",
	I32x4ExtendLowI16x8S = 0xa7 "i32x4.extend_low_i16x8_s",
	I32x4ExtendHighI16x8S = 0xa8 "i32x4.extend_high_i16x8_s",
	I32x4ExtendLowI16x8U = 0xa9 "i32x4.extend_low_i16x8_u",
	I32x4ExtendHighI16x8U = 0xaa "i32x4.extend_high_i16x8_u",
	I32x4Shl = 0xab "i32x4.shl",
	I32x4ShrS = 0xac "i32x4.shr_s",
	I32x4ShrU = 0xad "i32x4.shr_u",
	I32x4Add = 0xae "i32x4.add",
	I32x4Sub = 0xb1 "i32x4.sub",
	I32x4Mul = 0xb5 "i32x4.mul",
	I32x4MinS = 0xb6 "i32x4.min_s",
	I32x4MinU = 0xb7 "i32x4.min_u",
	I32x4MaxS = 0xb8 "i32x4.max_s",
	I32x4MaxU = 0xb9 "i32x4.max_u",
	I32x4DotI16x8S = 0xba "i32x4.dot_i16x8_s",
	I32x4ExtMulLowI16x8S = 0xbc "i32x4.extmul_low_i16x8_s",
	I32x4ExtMulHighI16x8S = 0xbd "i32x4.extmul_high_i16x8_s",
	I32x4ExtMulLowI16x8U = 0xbe "i32x4.extmul_low_i16x8_u",
	I32x4ExtMulHighI16x8U = 0xbf "i32x4.extmul_high_i16x8_u",
	I64x2Abs = 0xc0 "i64x2.abs",
	I64x2Neg = 0xc1 "i64x2.neg",
	I64x2AllTrue = 0xc3 "i64x2.all_true",
	I64x2Bitmask = 0xc4 "i64x2.bitmask",
	I64x2ExtendLowI32x4S = 0xc7 "i64x2.extend_low_i32x4_s",
	I64x2ExtendHighI32x4S = 0xc8 "i64x2.extend_high_i32x4_s",
	I64x2ExtendLowI32x4U = 0xc9 "i64x2.extend_low_i32x4_u",
	I64x2ExtendHighI32x4U = 0xca "i64x2.extend_high_i32x4_u",
	I64x2Shl = 0xcb "i64x2.shl",
	I64x2ShrS = 0xcc "i64x2.shr_s",
	I64x2ShrU = 0xcd "i64x2.shr_u",
	I64x2Add = 0xce "i64x2.add",
	I64x2Sub = 0xd1 "i64x2.sub",
	I64x2Mul = 0xd5 "i64x2.mul",
	I64x2Eq = 0xd6 "i64x2.eq",
	I64x2Ne = 0xd7 "i64x2.ne",
	I64x2LtS = 0xd8 "i64x2.lt_s",
	I64x2GtS = 0xd9 "i64x2.gt_s",
	I64x2LeS = 0xda "i64x2.le_s",
	I64x2GeS = 0xdb "i64x2.ge_s",
	I64x2ExtMulLowI32x4S = 0xdc "i64x2.extmul_low_i32x4_s",
	I64x2ExtMulHighI32x4S = 0xdd "i64x2.extmul_high_i32x4_s",
	I64x2ExtMulLowI32x4U = 0xde "i64x2.extmul_low_i32x4_u",
	I64x2ExtMulHighI32x4U = 0xdf "i64x2.extmul_high_i32x4_u",
	F32x4Abs = 0xe0 "f32x4.abs",
	F32x4Neg = 0xe1 "f32x4.neg",
	F32x4Sqrt = 0xe3 "f32x4.sqrt",
	F32x4Add = 0xe4 "f32x4.add",
	F32x4Sub = 0xe5 "f32x4.sub",
	F32x4Mul = 0xe6 "f32x4.mul",
	F32x4Div = 0xe7 "f32x4.div",
	F32x4Min = 0xe8 "f32x4.min",
	F32x4Max = 0xe9 "f32x4.max",
	F32x4PMin = 0xea "f32x4.pmin",
	F32x4PMax = 0xeb "f32x4.pmax",
	F64x2Abs = 0xec "f64x2.abs",
	F64x2Neg = 0xed "f64x2.neg",
	F64x2Sqrt = 0xef "f64x2.sqrt",
	F64x2Add = 0xf0 "f64x2.add",
	F64x2Sub = 0xf1 "f64x2.sub",
	F64x2Mul = 0xf2 "f64x2.mul",
	F64x2Div = 0xf3 "f64x2.div",
	F64x2Min = 0xf4 "f64x2.min",
	F64x2Max = 0xf5 "f64x2.max",
	F64x2PMin = 0xf6 "f64x2.pmin",
	F64x2PMax = 0xf7 "f64x2.pmax",
	I32x4TruncSatF32x4S = 0xf8 "i32x4.trunc_sat_f32x4_s",
	I32x4TruncSatF32x4U = 0xf9 "i32x4.trunc_sat_f32x4_u",
	F32x4ConvertI32x4S = 0xfa "f32x4.convert_i32x4_s",
	F32x4ConvertI32x4U = 0xfb "f32x4.convert_i32x4_u",
	I32x4TruncSatF64x2SZero = 0xfc "i32x4.trunc_sat_f64x2_s_zero",
	I32x4TruncSatF64x2UZero = 0xfd "i32x4.trunc_sat_f64x2_u_zero",
	F64x2ConvertLowI32x4S = 0xfe "f64x2.convert_low_i32x4_s",
	F64x2ConvertLowI32x4U = 0xff "f64x2.convert_low_i32x4_u",
}

/// The operands `a` and `imm` of a shuffle with these indices, of which the low five bits count: eight in each.
pub fn indices_to_operands(indices: [u8; 16]) -> (u64, u64) {
	let pack = |half: &[u8]| {
		(0..)
			.zip(half)
			.fold(0, |all, (n, index)| all | u64::from(index & 31) << (5 * n))
	};
	let (low, high) = indices.split_at(8);
	(pack(low), pack(high))
}

/// The indices of a shuffle.
pub fn operands_to_indices(instr: &Instr) -> [u8; 16] {
	core::array::from_fn(|n| {
		let half = if n < 8 { instr.a() } else { instr.imm };
		(half >> (5 * (n % 8))) as u8 & 31
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::op::Op;
	use alloc::vec::Vec;

	#[test]
	fn no_two_operations_share_a_number() {
		let mut numbers: Vec<u16> = VectorOp::ALL.iter().map(|op| *op as u16).collect();
		assert_eq!(numbers.len(), 236);
		numbers.extend(Op::ALL.iter().map(|op| *op as u16));
		let all = numbers.len();
		numbers.sort_unstable();
		numbers.dedup();
		assert_eq!(numbers.len(), all);
		for op in VectorOp::ALL {
			assert_eq!(VectorOp::from_u16(*op as u16), Some(*op));
		}
		assert!(Op::ALL.iter().all(|op| (*op as u16) < FIRST));
	}

	#[test]
	fn sixteen_indices_fit_an_instruction() {
		let indices = core::array::from_fn(|n| (n as u8 * 7 + 3) % 32);
		let (a, imm) = indices_to_operands(indices);
		let instr = Instr::new(VectorOp::I8x16Shuffle, a, imm);
		assert_eq!(operands_to_indices(&instr), indices);
		assert_eq!(operands_to_indices(&Instr::from_cells([u64::MAX; 2])), [31; 16]);
	}
}
