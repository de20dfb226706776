//! The instruction set of the flat machine.
//!
//! An instruction is 16 bytes, little endian: the operation (`u16`), a short operand `a` (48 bits) and a long one, `imm`
//! (64 bits). Values are cells of 64 bits: an `i32` or `f32` is its bits, zero-extended. A vector is two cells, its low
//! half below; the operations on them have numbers from 256 on and are in [`crate::simd`].
//!
//! In the column *stack*, the top is on the right.

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Instr {
	/// The operation in the low 16 bits, the short operand above.
	word: u64,
	/// The long operand.
	pub imm: u64,
}

impl Instr {
	/// The size of an encoded instruction in bytes.
	pub const SIZE: usize = 16;
	/// The largest short operand.
	pub const MAX_A: u64 = (1 << 48) - 1;

	/// An instruction. Bits of `a` above the 48th are lost.
	pub fn new(op: impl Into<u16>, a: u64, imm: u64) -> Self {
		Self {
			word: u64::from(op.into()) | a << 16,
			imm,
		}
	}

	/// The operation's number, which may be none.
	#[inline(always)]
	pub const fn op(&self) -> u16 {
		self.word as u16
	}

	/// The short operand.
	#[inline(always)]
	pub const fn a(&self) -> u64 {
		self.word >> 16
	}

	/// The instruction with another long operand.
	pub const fn with_imm(self, imm: u64) -> Self {
		Self { imm, ..self }
	}

	/// The two cells of an instruction.
	pub const fn to_cells(self) -> [u64; 2] {
		[self.word, self.imm]
	}

	/// The instruction in two cells.
	pub const fn from_cells(cells: [u64; 2]) -> Self {
		Self {
			word: cells[0],
			imm: cells[1],
		}
	}
}

impl From<Op> for u16 {
	fn from(op: Op) -> Self {
		op as u16
	}
}

macro_rules! ops {
	($($(#[doc = $doc:literal])* $name:ident = $number:literal,)*) => {
		/// An operation. Those on vectors are in [`crate::simd`].
		#[derive(Clone, Copy, PartialEq, Eq, Debug)]
		#[repr(u16)]
		pub enum Op {
			$($(#[doc = $doc])* $name = $number,)*
		}

		impl Op {
			/// Every operation.
			pub const ALL: &'static [Op] = &[$(Op::$name),*];

			/// The operation with a number.
			#[inline(always)]
			pub const fn from_u16(number: u16) -> Option<Self> {
				match number {
					$($number => Some(Op::$name),)*
					_ => None,
				}
			}
		}
	};
}

ops! {
	/// Traps: the state is broken. What is not code reads as this.
	Trap = 0,
	/// Traps; the gas is what is left in the counter.
	Unreachable = 1,
	/// Nothing.
	Nop = 2,

	/// `-> imm`
	Const = 3,
	/// `-> 0 * a`; a is at most 8.
	Zeros = 4,
	/// `x * a ->`
	Drop = 5,
	/// `x y c -> c ? x : y`
	Select = 6,
	/// The cell `imm` below the stack's end becomes the cell `a` below it.
	Move = 7,
	/// `-> local a`
	LocalGet = 8,
	/// `x ->`, local a becomes x.
	LocalSet = 9,
	/// `x -> x`, local a becomes x.
	LocalTee = 10,
	/// `-> global a`
	GlobalGet = 11,
	/// `x ->`, global a becomes x.
	GlobalSet = 12,
	/// `-> gas`
	GasGet = 13,
	/// `x ->`, gas becomes x.
	GasSet = 14,

	/// Goes to imm.
	Br = 16,
	/// `c ->`, goes to imm if c is not 0.
	BrIf = 17,
	/// `c ->`, goes to imm if c is 0.
	BrIfZ = 18,
	/// `x * a ->`, goes to imm.
	BrDrop = 19,
	/// `x * a, y -> y`, goes to imm.
	BrKeep = 20,
	/// `i ->`, goes `1 + min(i, a)` instructions on.
	BrTable = 21,
	/// Calls imm; the top a cells are its parameters.
	Call = 22,
	/// `i ->`, calls entry i of the table at cell `imm >> 32` with `imm & 0xffff_ffff` entries, if it is of the type
	/// `a & 0xffff_ffff`; the next `a >> 32` cells are its parameters.
	CallIndirect = 23,
	/// Returns without a result.
	Return0 = 24,
	/// Returns with the top cell as result.
	Return1 = 25,
	/// Returns with a results that are in place already.
	ReturnN = 26,

	/// `-> pages` of memory a: 0 the program's, 1 that of the system functions.
	MemorySize = 32,
	/// `pages -> old pages or -1`, of memory a.
	MemoryGrow = 33,
	/// `to from n ->`, up to 32 bytes a step; to memory `a & 1`, from memory `a >> 1`.
	MemoryCopy = 34,
	/// `to byte n ->`, up to 32 bytes a step, in memory a.
	MemoryFill = 35,
	/// `address -> 8 bits, zero-extended`; the offset of all loads and stores is imm.
	Load8U = 36,
	/// `address -> 8 bits, sign-extended to 32`
	Load8S32 = 37,
	/// `address -> 8 bits, sign-extended to 64`
	Load8S64 = 38,
	/// `address -> 16 bits, zero-extended`
	Load16U = 39,
	/// `address -> 16 bits, sign-extended to 32`
	Load16S32 = 40,
	/// `address -> 16 bits, sign-extended to 64`
	Load16S64 = 41,
	/// `address -> 32 bits, zero-extended`
	Load32U = 42,
	/// `address -> 32 bits, sign-extended to 64`
	Load32S64 = 43,
	/// `address -> 64 bits`
	Load64 = 44,
	/// `address x ->`
	Store8 = 45,
	/// `address x ->`
	Store16 = 46,
	/// `address x ->`
	Store32 = 47,
	/// `address x ->`
	Store64 = 48,

	/// `what -> length`: 0 the input's, 1 the image's, 2 the setup's, 3 the output's limit.
	Size = 52,
	/// `what at to n ->`, copies from what the task was given, up to 32 bytes a step. The low byte of `what` is 0 for the
	/// input, 1 for the image, 2 for the setup; the rest is the memory.
	Read = 53,
	/// `memory from n ->`, appends to the output, up to 32 bytes a step.
	Output = 54,
	/// `memory from n ->`, appends to the errors, up to 32 bytes a step.
	Error = 55,
	/// `i -> 8 bytes of the seed`; i modulo 4.
	Seed = 56,
	/// `status code ->`, ends.
	Halt = 57,
	/// `gas ->`, ends: out of gas if it is below zero, else out of stack.
	Exhausted = 58,

	/// `i32.eqz`; these and the following are WebAssembly's instructions.
	I32Eqz = 64,
	/// `i32.eq`
	I32Eq = 65,
	/// `i32.ne`
	I32Ne = 66,
	/// `i32.lt_s`
	I32LtS = 67,
	/// `i32.lt_u`
	I32LtU = 68,
	/// `i32.gt_s`
	I32GtS = 69,
	/// `i32.gt_u`
	I32GtU = 70,
	/// `i32.le_s`
	I32LeS = 71,
	/// `i32.le_u`
	I32LeU = 72,
	/// `i32.ge_s`
	I32GeS = 73,
	/// `i32.ge_u`
	I32GeU = 74,
	/// `i64.eqz`
	I64Eqz = 75,
	/// `i64.eq`
	I64Eq = 76,
	/// `i64.ne`
	I64Ne = 77,
	/// `i64.lt_s`
	I64LtS = 78,
	/// `i64.lt_u`
	I64LtU = 79,
	/// `i64.gt_s`
	I64GtS = 80,
	/// `i64.gt_u`
	I64GtU = 81,
	/// `i64.le_s`
	I64LeS = 82,
	/// `i64.le_u`
	I64LeU = 83,
	/// `i64.ge_s`
	I64GeS = 84,
	/// `i64.ge_u`
	I64GeU = 85,
	/// `f32.eq`
	F32Eq = 86,
	/// `f32.ne`
	F32Ne = 87,
	/// `f32.lt`
	F32Lt = 88,
	/// `f32.gt`
	F32Gt = 89,
	/// `f32.le`
	F32Le = 90,
	/// `f32.ge`
	F32Ge = 91,
	/// `f64.eq`
	F64Eq = 92,
	/// `f64.ne`
	F64Ne = 93,
	/// `f64.lt`
	F64Lt = 94,
	/// `f64.gt`
	F64Gt = 95,
	/// `f64.le`
	F64Le = 96,
	/// `f64.ge`
	F64Ge = 97,
	/// `i32.clz`
	I32Clz = 98,
	/// `i32.ctz`
	I32Ctz = 99,
	/// `i32.popcnt`
	I32Popcnt = 100,
	/// `i32.add`
	I32Add = 101,
	/// `i32.sub`
	I32Sub = 102,
	/// `i32.mul`
	I32Mul = 103,
	/// `i32.div_s`
	I32DivS = 104,
	/// `i32.div_u`
	I32DivU = 105,
	/// `i32.rem_s`
	I32RemS = 106,
	/// `i32.rem_u`
	I32RemU = 107,
	/// `i32.and`
	I32And = 108,
	/// `i32.or`
	I32Or = 109,
	/// `i32.xor`
	I32Xor = 110,
	/// `i32.shl`
	I32Shl = 111,
	/// `i32.shr_s`
	I32ShrS = 112,
	/// `i32.shr_u`
	I32ShrU = 113,
	/// `i32.rotl`
	I32Rotl = 114,
	/// `i32.rotr`
	I32Rotr = 115,
	/// `i64.clz`
	I64Clz = 116,
	/// `i64.ctz`
	I64Ctz = 117,
	/// `i64.popcnt`
	I64Popcnt = 118,
	/// `i64.add`
	I64Add = 119,
	/// `i64.sub`
	I64Sub = 120,
	/// `i64.mul`
	I64Mul = 121,
	/// `i64.div_s`
	I64DivS = 122,
	/// `i64.div_u`
	I64DivU = 123,
	/// `i64.rem_s`
	I64RemS = 124,
	/// `i64.rem_u`
	I64RemU = 125,
	/// `i64.and`
	I64And = 126,
	/// `i64.or`
	I64Or = 127,
	/// `i64.xor`
	I64Xor = 128,
	/// `i64.shl`
	I64Shl = 129,
	/// `i64.shr_s`
	I64ShrS = 130,
	/// `i64.shr_u`
	I64ShrU = 131,
	/// `i64.rotl`
	I64Rotl = 132,
	/// `i64.rotr`
	I64Rotr = 133,
	/// `f32.abs`
	F32Abs = 134,
	/// `f32.neg`
	F32Neg = 135,
	/// `f32.ceil`
	F32Ceil = 136,
	/// `f32.floor`
	F32Floor = 137,
	/// `f32.trunc`
	F32Trunc = 138,
	/// `f32.nearest`
	F32Nearest = 139,
	/// `f32.sqrt`
	F32Sqrt = 140,
	/// `f32.add`
	F32Add = 141,
	/// `f32.sub`
	F32Sub = 142,
	/// `f32.mul`
	F32Mul = 143,
	/// `f32.div`
	F32Div = 144,
	/// `f32.min`
	F32Min = 145,
	/// `f32.max`
	F32Max = 146,
	/// `f32.copysign`
	F32Copysign = 147,
	/// `f64.abs`
	F64Abs = 148,
	/// `f64.neg`
	F64Neg = 149,
	/// `f64.ceil`
	F64Ceil = 150,
	/// `f64.floor`
	F64Floor = 151,
	/// `f64.trunc`
	F64Trunc = 152,
	/// `f64.nearest`
	F64Nearest = 153,
	/// `f64.sqrt`
	F64Sqrt = 154,
	/// `f64.add`
	F64Add = 155,
	/// `f64.sub`
	F64Sub = 156,
	/// `f64.mul`
	F64Mul = 157,
	/// `f64.div`
	F64Div = 158,
	/// `f64.min`
	F64Min = 159,
	/// `f64.max`
	F64Max = 160,
	/// `f64.copysign`
	F64Copysign = 161,
	/// `i32.wrap_i64`
	I32WrapI64 = 162,
	/// `i32.trunc_f32_s`
	I32TruncF32S = 163,
	/// `i32.trunc_f32_u`
	I32TruncF32U = 164,
	/// `i32.trunc_f64_s`
	I32TruncF64S = 165,
	/// `i32.trunc_f64_u`
	I32TruncF64U = 166,
	/// `i64.extend_i32_s`, `i64.extend32_s`
	I64Extend32S = 167,
	/// `i64.trunc_f32_s`
	I64TruncF32S = 168,
	/// `i64.trunc_f32_u`
	I64TruncF32U = 169,
	/// `i64.trunc_f64_s`
	I64TruncF64S = 170,
	/// `i64.trunc_f64_u`
	I64TruncF64U = 171,
	/// `f32.convert_i32_s`
	F32ConvertI32S = 172,
	/// `f32.convert_i32_u`
	F32ConvertI32U = 173,
	/// `f32.convert_i64_s`
	F32ConvertI64S = 174,
	/// `f32.convert_i64_u`
	F32ConvertI64U = 175,
	/// `f32.demote_f64`
	F32DemoteF64 = 176,
	/// `f64.convert_i32_s`
	F64ConvertI32S = 177,
	/// `f64.convert_i32_u`
	F64ConvertI32U = 178,
	/// `f64.convert_i64_s`
	F64ConvertI64S = 179,
	/// `f64.convert_i64_u`
	F64ConvertI64U = 180,
	/// `f64.promote_f32`
	F64PromoteF32 = 181,
	/// `i32.extend8_s`
	I32Extend8S = 182,
	/// `i32.extend16_s`
	I32Extend16S = 183,
	/// `i64.extend8_s`
	I64Extend8S = 184,
	/// `i64.extend16_s`
	I64Extend16S = 185,
	/// `i32.trunc_sat_f32_s`
	I32TruncSatF32S = 186,
	/// `i32.trunc_sat_f32_u`
	I32TruncSatF32U = 187,
	/// `i32.trunc_sat_f64_s`
	I32TruncSatF64S = 188,
	/// `i32.trunc_sat_f64_u`
	I32TruncSatF64U = 189,
	/// `i64.trunc_sat_f32_s`
	I64TruncSatF32S = 190,
	/// `i64.trunc_sat_f32_u`
	I64TruncSatF32U = 191,
	/// `i64.trunc_sat_f64_s`
	I64TruncSatF64S = 192,
	/// `i64.trunc_sat_f64_u`
	I64TruncSatF64U = 193,

	/// Loads and stores of the system functions' memory.
	SystemLoad8U = 200,
	/// See [`Op::Load8S32`].
	SystemLoad8S32 = 201,
	/// See [`Op::Load8S64`].
	SystemLoad8S64 = 202,
	/// See [`Op::Load16U`].
	SystemLoad16U = 203,
	/// See [`Op::Load16S32`].
	SystemLoad16S32 = 204,
	/// See [`Op::Load16S64`].
	SystemLoad16S64 = 205,
	/// See [`Op::Load32U`].
	SystemLoad32U = 206,
	/// See [`Op::Load32S64`].
	SystemLoad32S64 = 207,
	/// See [`Op::Load64`].
	SystemLoad64 = 208,
	/// See [`Op::Store8`].
	SystemStore8 = 209,
	/// See [`Op::Store16`].
	SystemStore16 = 210,
	/// See [`Op::Store32`].
	SystemStore32 = 211,
	/// See [`Op::Store64`].
	SystemStore64 = 212,
}

#[cfg(test)]
mod tests {
	use super::*;
	use alloc::vec::Vec;

	#[test]
	fn an_instruction_survives_its_cells() {
		for &op in Op::ALL {
			let instr = Instr::new(op, Instr::MAX_A, u64::MAX);
			assert_eq!(Instr::from_cells(instr.to_cells()), instr);
			assert_eq!((Op::from_u16(instr.op()), instr.a()), (Some(op), Instr::MAX_A));
		}
	}

	#[test]
	fn no_two_operations_share_a_number_and_zero_is_the_trap() {
		let mut numbers: Vec<u16> = Op::ALL.iter().map(|op| *op as u16).collect();
		numbers.sort_unstable();
		numbers.dedup();
		assert_eq!(numbers.len(), Op::ALL.len());
		assert_eq!(Instr::default(), Instr::new(Op::Trap, 0, 0));
	}
}
