//! One step: the meaning of every instruction, written once.
//!
//! The machine that runs, the recorder that notes what a step touches, and the verifier that knows nothing but a witness
//! are three [`Env`]s under the same [`step`]. They cannot disagree about semantics, because there is only one.
//!
//! A step reads before it writes, touches at most eight leaves, and is total: whatever the code, registers and cells
//! hold, it continues or halts.

use crate::{
	float::{self, f32, f64, trunc},
	op::{Instr, Op},
	state::{Halt, Region, Registers},
};

/// Why a step could not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
	/// The program trapped.
	Trap,
	/// The witness does not hold what the step reads. Machines that have the whole state never say so.
	Missing,
}

/// What a step came to.
pub type Step = Result<Option<Halt>, Fault>;

/// Where a step finds the regions. Places outside a region are [`Fault::Trap`]; places inside that were never written
/// are 0.
pub trait Env {
	/// The instruction at a place.
	fn code(&mut self, pc: u32) -> Result<Instr, Fault>;
	/// A cell of the stack.
	fn stack(&mut self, at: u32) -> Result<u64, Fault>;
	/// Changes a cell of the stack.
	fn set_stack(&mut self, at: u32, value: u64) -> Result<(), Fault>;
	/// A call under way.
	fn frame(&mut self, at: u32) -> Result<u64, Fault>;
	/// Changes a call under way.
	fn set_frame(&mut self, at: u32, value: u64) -> Result<(), Fault>;
	/// A global.
	fn global(&mut self, at: u64) -> Result<u64, Fault>;
	/// Changes a global.
	fn set_global(&mut self, at: u64, value: u64) -> Result<(), Fault>;
	/// An entry of a table.
	fn table(&mut self, at: u64) -> Result<u64, Fault>;
	/// `N` bytes of memory; the caller has seen that they are inside.
	fn load<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault>;
	/// Changes `N` bytes of memory; the caller has seen that they are inside.
	fn store<const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Fault>;
	/// Up to 32 bytes of memory, all inside.
	fn load_bytes(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Fault>;
	/// Changes up to 32 bytes of memory, all inside.
	fn store_bytes(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault>;
	/// A word of the input, zero-padded.
	fn input(&mut self, word: u32) -> Result<u64, Fault>;
	/// A word of the output.
	fn output(&mut self, word: u32) -> Result<u64, Fault>;
	/// Changes a word of the output.
	fn set_output(&mut self, word: u32, value: u64) -> Result<(), Fault>;
}

/// A page of memory in bytes.
pub const PAGE: u64 = 64 * 1024;
/// How many bytes a step of a bulk operation moves at most.
const BULK: u64 = 32;
/// Words of input from here on are the seed.
const SEED_WORD: u32 = u32::MAX - 3;

#[inline(always)]
fn pop<E: Env>(r: &mut Registers, env: &mut E) -> Result<u64, Fault> {
	r.sp = r.sp.wrapping_sub(1);
	env.stack(r.sp)
}

#[inline(always)]
fn push<E: Env>(r: &mut Registers, env: &mut E, value: u64) -> Result<(), Fault> {
	env.set_stack(r.sp, value)?;
	r.sp = r.sp.wrapping_add(1);
	Ok(())
}

/// Replaces the top.
#[inline(always)]
fn unary<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(u64) -> Result<u64, Fault>) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(1);
	let value = f(env.stack(top)?)?;
	env.set_stack(top, value)
}

/// Replaces the two top cells by one.
#[inline(always)]
fn binary<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(u64, u64) -> Result<u64, Fault>) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(1);
	let below = r.sp.wrapping_sub(2);
	let (a, b) = (env.stack(below)?, env.stack(top)?);
	env.set_stack(below, f(a, b)?)?;
	r.sp = top;
	Ok(())
}

/// The place of `n` bytes at a base and an offset, if they are inside the memory.
#[inline(always)]
fn address(r: &Registers, base: u64, offset: u64, n: u64) -> Result<u64, Fault> {
	// The base is 32 bits; offsets of valid code are, too.
	let at = (base & 0xffff_ffff).saturating_add(offset);
	if at.saturating_add(n) > u64::from(r.pages) * PAGE {
		return Err(Fault::Trap);
	}
	Ok(at)
}

#[inline(always)]
fn load<E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce([u8; N]) -> u64,
) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(1);
	let at = address(r, env.stack(top)?, offset, N as u64)?;
	let value = f(env.load::<N>(at)?);
	env.set_stack(top, value)
}

#[inline(always)]
fn store<E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce(u64) -> [u8; N],
) -> Result<(), Fault> {
	let value = pop(r, env)?;
	let base = pop(r, env)?;
	let at = address(r, base, offset, N as u64)?;
	env.store(at, f(value))
}

#[inline(always)]
fn enter<E: Env>(r: &mut Registers, env: &mut E, params: u32, target: u32) -> Result<(), Fault> {
	let caller = u64::from(r.pc.wrapping_add(1)) << 32 | u64::from(r.fp);
	env.set_frame(r.depth, caller)?;
	r.depth = r.depth.wrapping_add(1);
	r.fp = r.sp.wrapping_sub(params);
	r.pc = target;
	Ok(())
}

#[inline(always)]
fn leave<E: Env>(r: &mut Registers, env: &mut E, results: u32) -> Result<(), Fault> {
	r.depth = r.depth.wrapping_sub(1);
	let caller = env.frame(r.depth)?;
	r.sp = r.fp.wrapping_add(results);
	r.fp = caller as u32;
	r.pc = (caller >> 32) as u32;
	Ok(())
}

/// Whether the bytes of the last word beyond the output's end are zero, so that words and bytes have the same root.
fn output_ends_clean<E: Env>(env: &mut E, len: u32) -> Result<bool, Fault> {
	match len % 8 {
		0 => Ok(true),
		bytes => Ok(env.output(len / 8)? >> (8 * bytes) == 0),
	}
}

/// Executes the next instruction. The registers are not to be used after a fault or a halt, but for the outcome.
#[inline(always)]
pub fn step<E: Env>(r: &mut Registers, env: &mut E) -> Step {
	let instr = env.code(r.pc)?;
	let (a, imm) = (instr.a(), instr.imm);
	let next = r.pc.wrapping_add(1);
	let Some(op) = Op::from_u16(instr.op()) else {
		return Err(Fault::Trap);
	};

	macro_rules! un {
		($f:expr) => {
			unary(r, env, |x| Ok($f(x)))?
		};
	}
	macro_rules! bin {
		($f:expr) => {
			binary(r, env, |x, y| Ok($f(x, y)))?
		};
	}
	// On the bits of one width; comparisons yield 0 or 1.
	macro_rules! bin32 {
		($f:expr) => {
			binary(r, env, |x, y| Ok(u64::from($f(x as u32, y as u32))))?
		};
	}
	macro_rules! un32 {
		($f:expr) => {
			unary(r, env, |x| Ok(u64::from($f(x as u32))))?
		};
	}
	macro_rules! cmp {
		($int:ty, $op:tt) => {
			binary(r, env, |x, y| Ok(u64::from((x as $int) $op (y as $int))))?
		};
	}
	macro_rules! fcmp32 {
		($op:tt) => {
			binary(r, env, |x, y| {
				let float = |bits| core::primitive::f32::from_bits(bits as u32);
				Ok(u64::from(float(x) $op float(y)))
			})?
		};
	}
	macro_rules! fcmp64 {
		($op:tt) => {
			binary(r, env, |x, y| {
				let float = core::primitive::f64::from_bits;
				Ok(u64::from(float(x) $op float(y)))
			})?
		};
	}
	macro_rules! checked32 {
		($int:ty, $f:ident) => {
			binary(r, env, |x, y| {
				let value = (x as $int).$f(y as $int).ok_or(Fault::Trap)?;
				Ok(u64::from(value as u32))
			})?
		};
	}
	macro_rules! checked64 {
		($int:ty, $f:ident) => {
			binary(r, env, |x, y| {
				let value = (x as $int).$f(y as $int).ok_or(Fault::Trap)?;
				Ok(value as u64)
			})?
		};
	}

	match op {
		Op::Trap => return Err(Fault::Trap),
		Op::Unreachable => return Ok(Some(Halt::Failed)),
		Op::Nop => {}
		Op::Const => push(r, env, imm)?,
		Op::Zeros => {
			for _ in 0..a.min(8) {
				push(r, env, 0)?;
			}
		}
		Op::Drop => r.sp = r.sp.wrapping_sub(a as u32),
		Op::Select => {
			let condition = pop(r, env)?;
			let y = pop(r, env)?;
			if condition as u32 == 0 {
				env.set_stack(r.sp.wrapping_sub(1), y)?;
			}
		}
		Op::Move => {
			let value = env.stack(r.sp.wrapping_sub(imm as u32))?;
			env.set_stack(r.sp.wrapping_sub(a as u32), value)?;
		}
		Op::LocalGet => {
			let value = env.stack(r.fp.wrapping_add(a as u32))?;
			push(r, env, value)?;
		}
		Op::LocalSet => {
			let value = pop(r, env)?;
			env.set_stack(r.fp.wrapping_add(a as u32), value)?;
		}
		Op::LocalTee => {
			let value = env.stack(r.sp.wrapping_sub(1))?;
			env.set_stack(r.fp.wrapping_add(a as u32), value)?;
		}
		Op::GlobalGet => {
			let value = env.global(a)?;
			push(r, env, value)?;
		}
		Op::GlobalSet => {
			let value = pop(r, env)?;
			env.set_global(a, value)?;
		}
		Op::GasGet => push(r, env, r.gas as u64)?,
		Op::GasSet => r.gas = pop(r, env)? as i64,

		Op::Br => {
			r.pc = imm as u32;
			return Ok(None);
		}
		Op::BrIf => {
			if pop(r, env)? as u32 != 0 {
				r.pc = imm as u32;
				return Ok(None);
			}
		}
		Op::BrIfZ => {
			if pop(r, env)? as u32 == 0 {
				r.pc = imm as u32;
				return Ok(None);
			}
		}
		Op::BrDrop => {
			r.sp = r.sp.wrapping_sub(a as u32);
			r.pc = imm as u32;
			return Ok(None);
		}
		Op::BrKeep => {
			let value = env.stack(r.sp.wrapping_sub(1))?;
			r.sp = r.sp.wrapping_sub(a as u32);
			env.set_stack(r.sp.wrapping_sub(1), value)?;
			r.pc = imm as u32;
			return Ok(None);
		}
		Op::BrTable => {
			let index = pop(r, env)? & 0xffff_ffff;
			r.pc = next.wrapping_add(index.min(a) as u32);
			return Ok(None);
		}
		Op::Call => {
			enter(r, env, a as u32, imm as u32)?;
			return Ok(None);
		}
		Op::CallIndirect => {
			let index = pop(r, env)? & 0xffff_ffff;
			if index >= imm & 0xffff_ffff {
				return Err(Fault::Trap);
			}
			let entry = env.table((imm >> 32).wrapping_add(index))?;
			if entry & 0xffff_ffff != (a & 0xffff_ffff) + 1 {
				return Err(Fault::Trap);
			}
			enter(r, env, (a >> 32) as u32, (entry >> 32) as u32)?;
			return Ok(None);
		}
		Op::Return0 => {
			leave(r, env, 0)?;
			return Ok(None);
		}
		Op::Return1 => {
			let value = env.stack(r.sp.wrapping_sub(1))?;
			env.set_stack(r.fp, value)?;
			leave(r, env, 1)?;
			return Ok(None);
		}
		Op::ReturnN => {
			leave(r, env, a as u32)?;
			return Ok(None);
		}

		Op::MemorySize => push(r, env, r.pages.into())?,
		Op::MemoryGrow => {
			let top = r.sp.wrapping_sub(1);
			let delta = env.stack(top)? as u32;
			let pages = r.pages.checked_add(delta).filter(|pages| *pages <= r.max_pages);
			let old = pages.map_or(u32::MAX, |_| r.pages);
			env.set_stack(top, old.into())?;
			r.pages = pages.unwrap_or(r.pages);
		}
		Op::MemoryCopy => {
			let (n_at, from_at, to_at) = (r.sp.wrapping_sub(1), r.sp.wrapping_sub(2), r.sp.wrapping_sub(3));
			let n = env.stack(n_at)? & 0xffff_ffff;
			let from = address(r, env.stack(from_at)?, 0, n)?;
			let to = address(r, env.stack(to_at)?, 0, n)?;
			let part = n.min(BULK);
			let mut bytes = [0; BULK as usize];
			let bytes = &mut bytes[..part as usize];
			// What overlaps is moved from the far end.
			let backward = to > from;
			let skip = if backward { n - part } else { 0 };
			env.load_bytes(from + skip, bytes)?;
			env.store_bytes(to + skip, bytes)?;
			if n > part {
				if !backward {
					env.set_stack(from_at, from + part)?;
					env.set_stack(to_at, to + part)?;
				}
				env.set_stack(n_at, n - part)?;
				return Ok(None);
			}
			r.sp = to_at;
		}
		Op::MemoryFill => {
			let (n_at, byte_at, to_at) = (r.sp.wrapping_sub(1), r.sp.wrapping_sub(2), r.sp.wrapping_sub(3));
			let n = env.stack(n_at)? & 0xffff_ffff;
			let byte = env.stack(byte_at)? as u8;
			let to = address(r, env.stack(to_at)?, 0, n)?;
			let part = n.min(BULK);
			env.store_bytes(to, &[byte; BULK as usize][..part as usize])?;
			if n > part {
				env.set_stack(to_at, to + part)?;
				env.set_stack(n_at, n - part)?;
				return Ok(None);
			}
			r.sp = to_at;
		}
		Op::Load8U => load(r, env, imm, |[x]: [u8; 1]| x.into())?,
		Op::Load8S32 => load(r, env, imm, |[x]: [u8; 1]| u64::from(x as i8 as u32))?,
		Op::Load8S64 => load(r, env, imm, |[x]: [u8; 1]| x as i8 as u64)?,
		Op::Load16U => load(r, env, imm, |x| u16::from_le_bytes(x).into())?,
		Op::Load16S32 => load(r, env, imm, |x| u64::from(i16::from_le_bytes(x) as u32))?,
		Op::Load16S64 => load(r, env, imm, |x| i16::from_le_bytes(x) as u64)?,
		Op::Load32U => load(r, env, imm, |x| u32::from_le_bytes(x).into())?,
		Op::Load32S64 => load(r, env, imm, |x| i32::from_le_bytes(x) as u64)?,
		Op::Load64 => load(r, env, imm, u64::from_le_bytes)?,
		Op::Store8 => store(r, env, imm, |x| [x as u8])?,
		Op::Store16 => store(r, env, imm, |x| (x as u16).to_le_bytes())?,
		Op::Store32 => store(r, env, imm, |x| (x as u32).to_le_bytes())?,
		Op::Store64 => store(r, env, imm, |x| x.to_le_bytes())?,

		Op::InLen => push(r, env, r.input_len.into())?,
		Op::InLoad64 => {
			let top = r.sp.wrapping_sub(1);
			let word = env.stack(top)? as u32;
			let value = match word.checked_sub(SEED_WORD) {
				Some(n) => {
					let at = 8 * n as usize;
					u64::from_le_bytes(core::array::from_fn(|n| r.seed[at + n]))
				}
				None if u64::from(word) * 8 < u64::from(r.input_len) => env.input(word)?,
				None => 0,
			};
			env.set_stack(top, value)?;
		}
		Op::OutStore64 => {
			let value = pop(r, env)?;
			if r.output_words >= r.output_max.div_ceil(8) {
				return Ok(Some(Halt::Failed));
			}
			env.set_output(r.output_words, value)?;
			r.output_words = r.output_words.wrapping_add(1);
		}
		Op::Exit => {
			let len = pop(r, env)? as u32;
			let code = pop(r, env)? as u32;
			let whole = len.div_ceil(8) == r.output_words && len <= r.output_max;
			let success = code == 0 && whole && output_ends_clean(env, len)?;
			return Ok(Some(if success { Halt::Success(len) } else { Halt::Failed }));
		}

		Op::I32Eqz => un!(|x| u64::from(x as u32 == 0)),
		Op::I32Eq => cmp!(u32, ==),
		Op::I32Ne => cmp!(u32, !=),
		Op::I32LtS => cmp!(i32, <),
		Op::I32LtU => cmp!(u32, <),
		Op::I32GtS => cmp!(i32, >),
		Op::I32GtU => cmp!(u32, >),
		Op::I32LeS => cmp!(i32, <=),
		Op::I32LeU => cmp!(u32, <=),
		Op::I32GeS => cmp!(i32, >=),
		Op::I32GeU => cmp!(u32, >=),
		Op::I64Eqz => un!(|x| u64::from(x == 0u64)),
		Op::I64Eq => cmp!(u64, ==),
		Op::I64Ne => cmp!(u64, !=),
		Op::I64LtS => cmp!(i64, <),
		Op::I64LtU => cmp!(u64, <),
		Op::I64GtS => cmp!(i64, >),
		Op::I64GtU => cmp!(u64, >),
		Op::I64LeS => cmp!(i64, <=),
		Op::I64LeU => cmp!(u64, <=),
		Op::I64GeS => cmp!(i64, >=),
		Op::I64GeU => cmp!(u64, >=),
		Op::F32Eq => fcmp32!(==),
		Op::F32Ne => fcmp32!(!=),
		Op::F32Lt => fcmp32!(<),
		Op::F32Gt => fcmp32!(>),
		Op::F32Le => fcmp32!(<=),
		Op::F32Ge => fcmp32!(>=),
		Op::F64Eq => fcmp64!(==),
		Op::F64Ne => fcmp64!(!=),
		Op::F64Lt => fcmp64!(<),
		Op::F64Gt => fcmp64!(>),
		Op::F64Le => fcmp64!(<=),
		Op::F64Ge => fcmp64!(>=),

		Op::I32Clz => un32!(u32::leading_zeros),
		Op::I32Ctz => un32!(u32::trailing_zeros),
		Op::I32Popcnt => un32!(u32::count_ones),
		Op::I32Add => bin32!(u32::wrapping_add),
		Op::I32Sub => bin32!(u32::wrapping_sub),
		Op::I32Mul => bin32!(u32::wrapping_mul),
		Op::I32DivS => checked32!(i32, checked_div),
		Op::I32DivU => checked32!(u32, checked_div),
		// The remainder of the least number by -1 is 0, not an overflow.
		Op::I32RemS => binary(r, env, |x, y| {
			let (x, y) = (x as i32, y as i32);
			if y == 0 {
				return Err(Fault::Trap);
			}
			Ok(u64::from(x.wrapping_rem(y) as u32))
		})?,
		Op::I32RemU => checked32!(u32, checked_rem),
		Op::I32And => bin32!(|x, y| x & y),
		Op::I32Or => bin32!(|x, y| x | y),
		Op::I32Xor => bin32!(|x, y| x ^ y),
		// Wrapping shifts take the amount modulo the width.
		Op::I32Shl => bin32!(u32::wrapping_shl),
		Op::I32ShrS => bin32!(|x, y| (x as i32).wrapping_shr(y) as u32),
		Op::I32ShrU => bin32!(u32::wrapping_shr),
		Op::I32Rotl => bin32!(|x: u32, y| x.rotate_left(y & 31)),
		Op::I32Rotr => bin32!(|x: u32, y| x.rotate_right(y & 31)),
		Op::I64Clz => un!(|x: u64| x.leading_zeros().into()),
		Op::I64Ctz => un!(|x: u64| x.trailing_zeros().into()),
		Op::I64Popcnt => un!(|x: u64| x.count_ones().into()),
		Op::I64Add => bin!(u64::wrapping_add),
		Op::I64Sub => bin!(u64::wrapping_sub),
		Op::I64Mul => bin!(u64::wrapping_mul),
		Op::I64DivS => checked64!(i64, checked_div),
		Op::I64DivU => checked64!(u64, checked_div),
		Op::I64RemS => binary(r, env, |x, y| {
			let (x, y) = (x as i64, y as i64);
			if y == 0 {
				return Err(Fault::Trap);
			}
			Ok(x.wrapping_rem(y) as u64)
		})?,
		Op::I64RemU => checked64!(u64, checked_rem),
		Op::I64And => bin!(|x, y| x & y),
		Op::I64Or => bin!(|x, y| x | y),
		Op::I64Xor => bin!(|x, y| x ^ y),
		Op::I64Shl => bin!(|x: u64, y| x.wrapping_shl(y as u32)),
		Op::I64ShrS => bin!(|x, y| (x as i64).wrapping_shr(y as u32) as u64),
		Op::I64ShrU => bin!(|x: u64, y| x.wrapping_shr(y as u32)),
		Op::I64Rotl => bin!(|x: u64, y| x.rotate_left((y & 63) as u32)),
		Op::I64Rotr => bin!(|x: u64, y| x.rotate_right((y & 63) as u32)),

		Op::F32Abs => un32!(f32::abs),
		Op::F32Neg => un32!(f32::neg),
		Op::F32Ceil => un32!(f32::ceil),
		Op::F32Floor => un32!(f32::floor),
		Op::F32Trunc => un32!(f32::trunc),
		Op::F32Nearest => un32!(f32::nearest),
		Op::F32Sqrt => un32!(f32::sqrt),
		Op::F32Add => bin32!(f32::add),
		Op::F32Sub => bin32!(f32::sub),
		Op::F32Mul => bin32!(f32::mul),
		Op::F32Div => bin32!(f32::div),
		Op::F32Min => bin32!(f32::min),
		Op::F32Max => bin32!(f32::max),
		Op::F32Copysign => bin32!(f32::copysign),
		Op::F64Abs => un!(f64::abs),
		Op::F64Neg => un!(f64::neg),
		Op::F64Ceil => un!(f64::ceil),
		Op::F64Floor => un!(f64::floor),
		Op::F64Trunc => un!(f64::trunc),
		Op::F64Nearest => un!(f64::nearest),
		Op::F64Sqrt => un!(f64::sqrt),
		Op::F64Add => bin!(f64::add),
		Op::F64Sub => bin!(f64::sub),
		Op::F64Mul => bin!(f64::mul),
		Op::F64Div => bin!(f64::div),
		Op::F64Min => bin!(f64::min),
		Op::F64Max => bin!(f64::max),
		Op::F64Copysign => bin!(f64::copysign),

		Op::I32WrapI64 => un!(|x| x & 0xffff_ffff),
		Op::I32TruncF32S => convert(r, env, |x| trunc::f32_i32(x as u32).map(|x| u64::from(x as u32)))?,
		Op::I32TruncF32U => convert(r, env, |x| trunc::f32_u32(x as u32).map(u64::from))?,
		Op::I32TruncF64S => convert(r, env, |x| trunc::f64_i32(x).map(|x| u64::from(x as u32)))?,
		Op::I32TruncF64U => convert(r, env, |x| trunc::f64_u32(x).map(u64::from))?,
		Op::I64Extend32S => un!(|x| x as i32 as u64),
		Op::I64TruncF32S => convert(r, env, |x| trunc::f32_i64(x as u32).map(|x| x as u64))?,
		Op::I64TruncF32U => convert(r, env, |x| trunc::f32_u64(x as u32))?,
		Op::I64TruncF64S => convert(r, env, |x| trunc::f64_i64(x).map(|x| x as u64))?,
		Op::I64TruncF64U => convert(r, env, trunc::f64_u64)?,
		Op::F32ConvertI32S => un!(|x| from32(x as i32 as F32)),
		Op::F32ConvertI32U => un!(|x| from32(x as u32 as F32)),
		Op::F32ConvertI64S => un!(|x| from32(x as i64 as F32)),
		Op::F32ConvertI64U => un!(|x| from32(x as F32)),
		Op::F32DemoteF64 => un!(|x| float::demote(x).into()),
		Op::F64ConvertI32S => un!(|x| (x as i32 as F64).to_bits()),
		Op::F64ConvertI32U => un!(|x| (x as u32 as F64).to_bits()),
		Op::F64ConvertI64S => un!(|x| (x as i64 as F64).to_bits()),
		Op::F64ConvertI64U => un!(|x| (x as F64).to_bits()),
		Op::F64PromoteF32 => un!(|x| float::promote(x as u32)),
		Op::I32Extend8S => un!(|x| u64::from(x as i8 as u32)),
		Op::I32Extend16S => un!(|x| u64::from(x as i16 as u32)),
		Op::I64Extend8S => un!(|x| x as i8 as u64),
		Op::I64Extend16S => un!(|x| x as i16 as u64),
		// Rust's conversions saturate and make 0 of NaN, as WebAssembly's do.
		Op::I32TruncSatF32S => un!(|x| u64::from(to32(x) as i32 as u32)),
		Op::I32TruncSatF32U => un!(|x| u64::from(to32(x) as u32)),
		Op::I32TruncSatF64S => un!(|x| u64::from(F64::from_bits(x) as i32 as u32)),
		Op::I32TruncSatF64U => un!(|x| u64::from(F64::from_bits(x) as u32)),
		Op::I64TruncSatF32S => un!(|x| to32(x) as i64 as u64),
		Op::I64TruncSatF32U => un!(|x| to32(x) as u64),
		Op::I64TruncSatF64S => un!(|x| F64::from_bits(x) as i64 as u64),
		Op::I64TruncSatF64U => un!(|x| F64::from_bits(x) as u64),
	}
	r.pc = next;
	Ok(None)
}

type F32 = core::primitive::f32;
type F64 = core::primitive::f64;

#[inline(always)]
fn to32(bits: u64) -> F32 {
	F32::from_bits(bits as u32)
}

#[inline(always)]
fn from32(value: F32) -> u64 {
	value.to_bits().into()
}

#[inline(always)]
fn convert<E: Env>(r: &mut Registers, env: &mut E, f: impl FnOnce(u64) -> Option<u64>) -> Result<(), Fault> {
	unary(r, env, |x| f(x).ok_or(Fault::Trap))
}

/// The place of a cell, if it is inside its region.
#[inline(always)]
pub(crate) fn inside(region: Region, at: u64) -> Result<u64, Fault> {
	if at < region.cells() {
		Ok(at)
	} else {
		Err(Fault::Trap)
	}
}
