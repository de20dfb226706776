//! Vectors of 128 bits: WebAssembly's SIMD instructions.
//!
//! A vector is two cells, its low half below. [`step`] is apart from the one of all other operations, so that these stay
//! what they are for a compiler; what it says about leaves holds here too, and seven are the most: a store's code, two of
//! the stack and two of the memory; a shuffle's or a selection's code and three of the stack.

pub mod lanes;
pub mod op;

use crate::{
	float::{f32, f64},
	op::Instr,
	state::Registers,
	step::{address, Env, Fault, Step, BROKEN},
};
use lanes::{
	average16, average8, dot,
	floats::{demote, narrow, pmax32, pmax64, pmin32, pmin64, promote, test32, test64, widen},
	from_x16, from_x4, from_x8, q15mulr, shuffle, swizzle, x16, x2, x4, x8, Vector,
};
use op::VectorOp;

type F32 = core::primitive::f32;
type F64 = core::primitive::f64;

/// The vector whose low half is at a place of the stack.
fn get<E: Env>(env: &mut E, at: u32) -> Result<Vector, Fault> {
	let (low, high) = (env.stack(at)?, env.stack(at.wrapping_add(1))?);
	Ok(Vector::from(low) | Vector::from(high) << 64)
}

fn set<E: Env>(env: &mut E, at: u32, x: Vector) -> Result<(), Fault> {
	env.set_stack(at, x as u64)?;
	env.set_stack(at.wrapping_add(1), (x >> 64) as u64)
}

/// `x -> f(x)`
#[inline(always)]
fn unary<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(Vector) -> Vector) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(2);
	let x = get(env, top)?;
	set(env, top, f(x))
}

/// `x y -> f(x, y)`
#[inline(always)]
fn binary<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(Vector, Vector) -> Vector) -> Result<(), Fault> {
	let (below, top) = (r.sp.wrapping_sub(4), r.sp.wrapping_sub(2));
	let (x, y) = (get(env, below)?, get(env, top)?);
	set(env, below, f(x, y))?;
	r.sp = top;
	Ok(())
}

/// `x cell -> f(x, cell)`
#[inline(always)]
fn with_cell<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(Vector, u64) -> Vector) -> Result<(), Fault> {
	let (below, top) = (r.sp.wrapping_sub(3), r.sp.wrapping_sub(1));
	let (x, cell) = (get(env, below)?, env.stack(top)?);
	set(env, below, f(x, cell))?;
	r.sp = top;
	Ok(())
}

/// `cell -> f(cell)`
#[inline(always)]
fn splat<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(u64) -> Vector) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(1);
	let x = f(env.stack(top)?);
	set(env, top, x)?;
	r.sp = r.sp.wrapping_add(1);
	Ok(())
}

/// `x -> f(x)`, one cell.
#[inline(always)]
fn extract<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(Vector) -> u64) -> Result<(), Fault> {
	let below = r.sp.wrapping_sub(2);
	let cell = f(get(env, below)?);
	env.set_stack(below, cell)?;
	r.sp = r.sp.wrapping_sub(1);
	Ok(())
}

/// `address -> f(bytes)`
#[inline(always)]
fn load<E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce([u8; N]) -> Vector,
) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(1);
	let at = address(r.pages, env.stack(top)?, offset, N as u64)?;
	let x = f(env.load::<false, N>(at)?);
	set(env, top, x)?;
	r.sp = r.sp.wrapping_add(1);
	Ok(())
}

/// `address x -> f(x, bytes)`
#[inline(always)]
fn load_lane<E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce(Vector, [u8; N]) -> Vector,
) -> Result<(), Fault> {
	let (below, top) = (r.sp.wrapping_sub(3), r.sp.wrapping_sub(2));
	let x = get(env, top)?;
	let at = address(r.pages, env.stack(below)?, offset, N as u64)?;
	let x = f(x, env.load::<false, N>(at)?);
	set(env, below, x)?;
	r.sp = r.sp.wrapping_sub(1);
	Ok(())
}

/// `address x ->`
#[inline(always)]
fn store<E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce(Vector) -> [u8; N],
) -> Result<(), Fault> {
	let (below, top) = (r.sp.wrapping_sub(3), r.sp.wrapping_sub(2));
	let x = get(env, top)?;
	let at = address(r.pages, env.stack(below)?, offset, N as u64)?;
	env.store::<false, N>(at, f(x))?;
	r.sp = below;
	Ok(())
}

fn zero_extended<const N: usize>(bytes: [u8; N]) -> Vector {
	bytes.iter().rev().fold(0, |all, byte| all << 8 | Vector::from(*byte))
}

/// Executes an instruction whose operation is on vectors. A number of no operation is a broken state.
#[cold]
#[inline(never)]
pub fn step<E: Env>(r: &mut Registers, env: &mut E, instr: Instr) -> Step {
	use VectorOp as O;
	let (a, imm) = (instr.a(), instr.imm);
	let Some(op) = VectorOp::from_u16(instr.op()) else {
		return Err(BROKEN);
	};
	macro_rules! un {
		($f:expr) => {
			unary(r, env, $f)
		};
	}
	macro_rules! bin {
		($f:expr) => {
			binary(r, env, $f)
		};
		// Lane by lane, the lanes' bits.
		($shape:ident $f:expr) => {
			binary(r, env, |x, y| $shape::zip(x, y, $f))
		};
	}
	macro_rules! signed {
		($shape:ident $f:expr) => {
			binary(r, env, |x, y| $shape::zip_signed(x, y, $f))
		};
	}
	macro_rules! cmp {
		($shape:ident $op:tt) => {
			binary(r, env, |x, y| $shape::test(x, y, |x, y| x $op y))
		};
		($shape:ident signed $op:tt) => {
			binary(r, env, |x, y| $shape::test_signed(x, y, |x, y| x $op y))
		};
	}
	macro_rules! shift {
		($shape:ident $f:ident) => {
			with_cell(r, env, |x, by| $shape::$f(x, by as u32))
		};
	}
	match op {
		O::V128Load => load(r, env, imm, Vector::from_le_bytes),
		O::V128Load8x8S => load::<_, 8>(r, env, imm, |bytes| from_x16::extend_s(zero_extended(bytes), false)),
		O::V128Load8x8U => load::<_, 8>(r, env, imm, |bytes| from_x16::extend_u(zero_extended(bytes), false)),
		O::V128Load16x4S => load::<_, 8>(r, env, imm, |bytes| from_x8::extend_s(zero_extended(bytes), false)),
		O::V128Load16x4U => load::<_, 8>(r, env, imm, |bytes| from_x8::extend_u(zero_extended(bytes), false)),
		O::V128Load32x2S => load::<_, 8>(r, env, imm, |bytes| from_x4::extend_s(zero_extended(bytes), false)),
		O::V128Load32x2U => load::<_, 8>(r, env, imm, |bytes| from_x4::extend_u(zero_extended(bytes), false)),
		O::V128Load8Splat => load(r, env, imm, |bytes| x16::splat(u8::from_le_bytes(bytes))),
		O::V128Load16Splat => load(r, env, imm, |bytes| x8::splat(u16::from_le_bytes(bytes))),
		O::V128Load32Splat => load(r, env, imm, |bytes| x4::splat(u32::from_le_bytes(bytes))),
		O::V128Load64Splat => load(r, env, imm, |bytes| x2::splat(u64::from_le_bytes(bytes))),
		O::V128Load32Zero => load::<_, 4>(r, env, imm, zero_extended),
		O::V128Load64Zero => load::<_, 8>(r, env, imm, zero_extended),
		O::V128Store => store(r, env, imm, Vector::to_le_bytes),
		O::V128Load8Lane => load_lane(r, env, imm, |x, bytes| x16::set(x, a, u8::from_le_bytes(bytes))),
		O::V128Load16Lane => load_lane(r, env, imm, |x, bytes| x8::set(x, a, u16::from_le_bytes(bytes))),
		O::V128Load32Lane => load_lane(r, env, imm, |x, bytes| x4::set(x, a, u32::from_le_bytes(bytes))),
		O::V128Load64Lane => load_lane(r, env, imm, |x, bytes| x2::set(x, a, u64::from_le_bytes(bytes))),
		O::V128Store8Lane => store(r, env, imm, |x| x16::get(x, a).to_le_bytes()),
		O::V128Store16Lane => store(r, env, imm, |x| x8::get(x, a).to_le_bytes()),
		O::V128Store32Lane => store(r, env, imm, |x| x4::get(x, a).to_le_bytes()),
		O::V128Store64Lane => store(r, env, imm, |x| x2::get(x, a).to_le_bytes()),

		O::I8x16Shuffle => bin!(|x, y| shuffle(x, y, op::operands_to_indices(&instr))),
		O::I8x16Swizzle => bin!(swizzle),
		O::I8x16ExtractLaneS => extract(r, env, |x| u64::from(x16::get(x, a) as i8 as u32)),
		O::I8x16ExtractLaneU => extract(r, env, |x| x16::get(x, a).into()),
		O::I8x16ReplaceLane => with_cell(r, env, |x, cell| x16::set(x, a, cell as u8)),
		O::I16x8ExtractLaneS => extract(r, env, |x| u64::from(x8::get(x, a) as i16 as u32)),
		O::I16x8ExtractLaneU => extract(r, env, |x| x8::get(x, a).into()),
		O::I16x8ReplaceLane => with_cell(r, env, |x, cell| x8::set(x, a, cell as u16)),
		O::I32x4ExtractLane | O::F32x4ExtractLane => extract(r, env, |x| x4::get(x, a).into()),
		O::I32x4ReplaceLane | O::F32x4ReplaceLane => with_cell(r, env, |x, cell| x4::set(x, a, cell as u32)),
		O::I64x2ExtractLane | O::F64x2ExtractLane => extract(r, env, |x| x2::get(x, a)),
		O::I64x2ReplaceLane | O::F64x2ReplaceLane => with_cell(r, env, |x, cell| x2::set(x, a, cell)),
		O::I8x16Splat => splat(r, env, |cell| x16::splat(cell as u8)),
		O::I16x8Splat => splat(r, env, |cell| x8::splat(cell as u16)),
		O::I32x4Splat | O::F32x4Splat => splat(r, env, |cell| x4::splat(cell as u32)),
		O::I64x2Splat | O::F64x2Splat => splat(r, env, x2::splat),

		O::I8x16Eq => cmp!(x16 ==),
		O::I8x16Ne => cmp!(x16 !=),
		O::I8x16LtS => cmp!(x16 signed <),
		O::I8x16LtU => cmp!(x16 <),
		O::I8x16GtS => cmp!(x16 signed >),
		O::I8x16GtU => cmp!(x16 >),
		O::I8x16LeS => cmp!(x16 signed <=),
		O::I8x16LeU => cmp!(x16 <=),
		O::I8x16GeS => cmp!(x16 signed >=),
		O::I8x16GeU => cmp!(x16 >=),
		O::I16x8Eq => cmp!(x8 ==),
		O::I16x8Ne => cmp!(x8 !=),
		O::I16x8LtS => cmp!(x8 signed <),
		O::I16x8LtU => cmp!(x8 <),
		O::I16x8GtS => cmp!(x8 signed >),
		O::I16x8GtU => cmp!(x8 >),
		O::I16x8LeS => cmp!(x8 signed <=),
		O::I16x8LeU => cmp!(x8 <=),
		O::I16x8GeS => cmp!(x8 signed >=),
		O::I16x8GeU => cmp!(x8 >=),
		O::I32x4Eq => cmp!(x4 ==),
		O::I32x4Ne => cmp!(x4 !=),
		O::I32x4LtS => cmp!(x4 signed <),
		O::I32x4LtU => cmp!(x4 <),
		O::I32x4GtS => cmp!(x4 signed >),
		O::I32x4GtU => cmp!(x4 >),
		O::I32x4LeS => cmp!(x4 signed <=),
		O::I32x4LeU => cmp!(x4 <=),
		O::I32x4GeS => cmp!(x4 signed >=),
		O::I32x4GeU => cmp!(x4 >=),
		O::I64x2Eq => cmp!(x2 ==),
		O::I64x2Ne => cmp!(x2 !=),
		O::I64x2LtS => cmp!(x2 signed <),
		O::I64x2GtS => cmp!(x2 signed >),
		O::I64x2LeS => cmp!(x2 signed <=),
		O::I64x2GeS => cmp!(x2 signed >=),
		O::F32x4Eq => bin!(|x, y| test32(x, y, F32::eq)),
		O::F32x4Ne => bin!(|x, y| test32(x, y, F32::ne)),
		O::F32x4Lt => bin!(|x, y| test32(x, y, F32::lt)),
		O::F32x4Gt => bin!(|x, y| test32(x, y, F32::gt)),
		O::F32x4Le => bin!(|x, y| test32(x, y, F32::le)),
		O::F32x4Ge => bin!(|x, y| test32(x, y, F32::ge)),
		O::F64x2Eq => bin!(|x, y| test64(x, y, F64::eq)),
		O::F64x2Ne => bin!(|x, y| test64(x, y, F64::ne)),
		O::F64x2Lt => bin!(|x, y| test64(x, y, F64::lt)),
		O::F64x2Gt => bin!(|x, y| test64(x, y, F64::gt)),
		O::F64x2Le => bin!(|x, y| test64(x, y, F64::le)),
		O::F64x2Ge => bin!(|x, y| test64(x, y, F64::ge)),

		O::V128Not => un!(|x| !x),
		O::V128And => bin!(|x, y| x & y),
		O::V128AndNot => bin!(|x, y| x & !y),
		O::V128Or => bin!(|x, y| x | y),
		O::V128Xor => bin!(|x, y| x ^ y),
		O::V128Bitselect => {
			let at = [6, 4, 2].map(|below| r.sp.wrapping_sub(below));
			let [x, y, mask] = [get(env, at[0])?, get(env, at[1])?, get(env, at[2])?];
			r.sp = at[1];
			set(env, at[0], x & mask | y & !mask)
		}
		O::Select => {
			let [x_at, y_at, condition_at] = [5, 3, 1].map(|below| r.sp.wrapping_sub(below));
			let (y, condition) = (get(env, y_at)?, env.stack(condition_at)?);
			r.sp = y_at;
			match condition as u32 {
				0 => set(env, x_at, y),
				_ => Ok(()),
			}
		}
		O::V128AnyTrue => extract(r, env, |x| u64::from(x != 0)),

		O::I8x16Abs => un!(x16::abs),
		O::I8x16Neg => un!(x16::neg),
		O::I8x16Popcnt => un!(|x| x16::map(x, |lane| lane.count_ones() as u8)),
		O::I8x16AllTrue => extract(r, env, x16::all_true),
		O::I8x16Bitmask => extract(r, env, x16::bitmask),
		O::I8x16NarrowI16x8S => bin!(from_x16::narrow_s),
		O::I8x16NarrowI16x8U => bin!(from_x16::narrow_u),
		O::I8x16Shl => shift!(x16 shl),
		O::I8x16ShrS => shift!(x16 shr_s),
		O::I8x16ShrU => shift!(x16 shr_u),
		O::I8x16Add => bin!(x16 u8::wrapping_add),
		O::I8x16AddSatS => signed!(x16 i8::saturating_add),
		O::I8x16AddSatU => bin!(x16 u8::saturating_add),
		O::I8x16Sub => bin!(x16 u8::wrapping_sub),
		O::I8x16SubSatS => signed!(x16 i8::saturating_sub),
		O::I8x16SubSatU => bin!(x16 u8::saturating_sub),
		O::I8x16MinS => signed!(x16 i8::min),
		O::I8x16MinU => bin!(x16 u8::min),
		O::I8x16MaxS => signed!(x16 i8::max),
		O::I8x16MaxU => bin!(x16 u8::max),
		O::I8x16AvgrU => bin!(average8),

		O::I16x8ExtAddPairwiseI8x16S => un!(from_x16::pairwise_s),
		O::I16x8ExtAddPairwiseI8x16U => un!(from_x16::pairwise_u),
		O::I16x8Abs => un!(x8::abs),
		O::I16x8Neg => un!(x8::neg),
		O::I16x8Q15MulrSatS => bin!(q15mulr),
		O::I16x8AllTrue => extract(r, env, x8::all_true),
		O::I16x8Bitmask => extract(r, env, x8::bitmask),
		O::I16x8NarrowI32x4S => bin!(from_x8::narrow_s),
		O::I16x8NarrowI32x4U => bin!(from_x8::narrow_u),
		O::I16x8ExtendLowI8x16S => un!(|x| from_x16::extend_s(x, false)),
		O::I16x8ExtendHighI8x16S => un!(|x| from_x16::extend_s(x, true)),
		O::I16x8ExtendLowI8x16U => un!(|x| from_x16::extend_u(x, false)),
		O::I16x8ExtendHighI8x16U => un!(|x| from_x16::extend_u(x, true)),
		O::I16x8Shl => shift!(x8 shl),
		O::I16x8ShrS => shift!(x8 shr_s),
		O::I16x8ShrU => shift!(x8 shr_u),
		O::I16x8Add => bin!(x8 u16::wrapping_add),
		O::I16x8AddSatS => signed!(x8 i16::saturating_add),
		O::I16x8AddSatU => bin!(x8 u16::saturating_add),
		O::I16x8Sub => bin!(x8 u16::wrapping_sub),
		O::I16x8SubSatS => signed!(x8 i16::saturating_sub),
		O::I16x8SubSatU => bin!(x8 u16::saturating_sub),
		O::I16x8Mul => bin!(x8 u16::wrapping_mul),
		O::I16x8MinS => signed!(x8 i16::min),
		O::I16x8MinU => bin!(x8 u16::min),
		O::I16x8MaxS => signed!(x8 i16::max),
		O::I16x8MaxU => bin!(x8 u16::max),
		O::I16x8AvgrU => bin!(average16),
		O::I16x8ExtMulLowI8x16S => bin!(|x, y| from_x16::mul_s(x, y, false)),
		O::I16x8ExtMulHighI8x16S => bin!(|x, y| from_x16::mul_s(x, y, true)),
		O::I16x8ExtMulLowI8x16U => bin!(|x, y| from_x16::mul_u(x, y, false)),
		O::I16x8ExtMulHighI8x16U => bin!(|x, y| from_x16::mul_u(x, y, true)),

		O::I32x4ExtAddPairwiseI16x8S => un!(from_x8::pairwise_s),
		O::I32x4ExtAddPairwiseI16x8U => un!(from_x8::pairwise_u),
		O::I32x4Abs => un!(x4::abs),
		O::I32x4Neg => un!(x4::neg),
		O::I32x4AllTrue => extract(r, env, x4::all_true),
		O::I32x4Bitmask => extract(r, env, x4::bitmask),
		O::I32x4ExtendLowI16x8S => un!(|x| from_x8::extend_s(x, false)),
		O::I32x4ExtendHighI16x8S => un!(|x| from_x8::extend_s(x, true)),
		O::I32x4ExtendLowI16x8U => un!(|x| from_x8::extend_u(x, false)),
		O::I32x4ExtendHighI16x8U => un!(|x| from_x8::extend_u(x, true)),
		O::I32x4Shl => shift!(x4 shl),
		O::I32x4ShrS => shift!(x4 shr_s),
		O::I32x4ShrU => shift!(x4 shr_u),
		O::I32x4Add => bin!(x4 u32::wrapping_add),
		O::I32x4Sub => bin!(x4 u32::wrapping_sub),
		O::I32x4Mul => bin!(x4 u32::wrapping_mul),
		O::I32x4MinS => signed!(x4 i32::min),
		O::I32x4MinU => bin!(x4 u32::min),
		O::I32x4MaxS => signed!(x4 i32::max),
		O::I32x4MaxU => bin!(x4 u32::max),
		O::I32x4DotI16x8S => bin!(dot),
		O::I32x4ExtMulLowI16x8S => bin!(|x, y| from_x8::mul_s(x, y, false)),
		O::I32x4ExtMulHighI16x8S => bin!(|x, y| from_x8::mul_s(x, y, true)),
		O::I32x4ExtMulLowI16x8U => bin!(|x, y| from_x8::mul_u(x, y, false)),
		O::I32x4ExtMulHighI16x8U => bin!(|x, y| from_x8::mul_u(x, y, true)),

		O::I64x2Abs => un!(x2::abs),
		O::I64x2Neg => un!(x2::neg),
		O::I64x2AllTrue => extract(r, env, x2::all_true),
		O::I64x2Bitmask => extract(r, env, x2::bitmask),
		O::I64x2ExtendLowI32x4S => un!(|x| from_x4::extend_s(x, false)),
		O::I64x2ExtendHighI32x4S => un!(|x| from_x4::extend_s(x, true)),
		O::I64x2ExtendLowI32x4U => un!(|x| from_x4::extend_u(x, false)),
		O::I64x2ExtendHighI32x4U => un!(|x| from_x4::extend_u(x, true)),
		O::I64x2Shl => shift!(x2 shl),
		O::I64x2ShrS => shift!(x2 shr_s),
		O::I64x2ShrU => shift!(x2 shr_u),
		O::I64x2Add => bin!(x2 u64::wrapping_add),
		O::I64x2Sub => bin!(x2 u64::wrapping_sub),
		O::I64x2Mul => bin!(x2 u64::wrapping_mul),
		O::I64x2ExtMulLowI32x4S => bin!(|x, y| from_x4::mul_s(x, y, false)),
		O::I64x2ExtMulHighI32x4S => bin!(|x, y| from_x4::mul_s(x, y, true)),
		O::I64x2ExtMulLowI32x4U => bin!(|x, y| from_x4::mul_u(x, y, false)),
		O::I64x2ExtMulHighI32x4U => bin!(|x, y| from_x4::mul_u(x, y, true)),

		O::F32x4Ceil => un!(|x| x4::map(x, f32::ceil)),
		O::F32x4Floor => un!(|x| x4::map(x, f32::floor)),
		O::F32x4Trunc => un!(|x| x4::map(x, f32::trunc)),
		O::F32x4Nearest => un!(|x| x4::map(x, f32::nearest)),
		O::F32x4Abs => un!(|x| x4::map(x, f32::abs)),
		O::F32x4Neg => un!(|x| x4::map(x, f32::neg)),
		O::F32x4Sqrt => un!(|x| x4::map(x, f32::sqrt)),
		O::F32x4Add => bin!(x4 f32::add),
		O::F32x4Sub => bin!(x4 f32::sub),
		O::F32x4Mul => bin!(x4 f32::mul),
		O::F32x4Div => bin!(x4 f32::div),
		O::F32x4Min => bin!(x4 f32::min),
		O::F32x4Max => bin!(x4 f32::max),
		O::F32x4PMin => bin!(pmin32),
		O::F32x4PMax => bin!(pmax32),
		O::F64x2Ceil => un!(|x| x2::map(x, f64::ceil)),
		O::F64x2Floor => un!(|x| x2::map(x, f64::floor)),
		O::F64x2Trunc => un!(|x| x2::map(x, f64::trunc)),
		O::F64x2Nearest => un!(|x| x2::map(x, f64::nearest)),
		O::F64x2Abs => un!(|x| x2::map(x, f64::abs)),
		O::F64x2Neg => un!(|x| x2::map(x, f64::neg)),
		O::F64x2Sqrt => un!(|x| x2::map(x, f64::sqrt)),
		O::F64x2Add => bin!(x2 f64::add),
		O::F64x2Sub => bin!(x2 f64::sub),
		O::F64x2Mul => bin!(x2 f64::mul),
		O::F64x2Div => bin!(x2 f64::div),
		O::F64x2Min => bin!(x2 f64::min),
		O::F64x2Max => bin!(x2 f64::max),
		O::F64x2PMin => bin!(pmin64),
		O::F64x2PMax => bin!(pmax64),

		// Rust's conversions saturate and make 0 of NaN, as WebAssembly's do.
		O::I32x4TruncSatF32x4S => un!(|x| x4::map(x, |lane| F32::from_bits(lane) as i32 as u32)),
		O::I32x4TruncSatF32x4U => un!(|x| x4::map(x, |lane| F32::from_bits(lane) as u32)),
		O::I32x4TruncSatF64x2SZero => un!(|x| narrow(x, |lane| F64::from_bits(lane) as i32 as u32)),
		O::I32x4TruncSatF64x2UZero => un!(|x| narrow(x, |lane| F64::from_bits(lane) as u32)),
		O::F32x4ConvertI32x4S => un!(|x| x4::map(x, |lane| (lane as i32 as F32).to_bits())),
		O::F32x4ConvertI32x4U => un!(|x| x4::map(x, |lane| (lane as F32).to_bits())),
		O::F64x2ConvertLowI32x4S => un!(|x| widen(x, |lane| F64::from(lane as i32).to_bits())),
		O::F64x2ConvertLowI32x4U => un!(|x| widen(x, |lane| F64::from(lane).to_bits())),
		O::F32x4DemoteF64x2Zero => un!(demote),
		O::F64x2PromoteLowF32x4 => un!(promote),
	}?;
	r.pc = r.pc.wrapping_add(1);
	Ok(None)
}
