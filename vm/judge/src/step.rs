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
	outcome::{Trap, TAIL},
	simd,
	state::{Halt, Region, Registers},
	MAX_PAGES,
};

/// Why a step could not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
	/// The program trapped.
	Trap(Trap),
	/// The witness does not hold what the step reads. Machines that have the whole state never say so.
	Missing,
}

/// A state that no program reaches.
pub const BROKEN: Fault = Fault::Trap(Trap::Broken);

/// What a step came to.
pub type Step = Result<Option<Halt>, Fault>;

/// Where a step finds the regions. Places outside a region are [`BROKEN`]; places inside that were never written are 0.
/// `SYSTEM` is the memory of the system functions, else it is the program's.
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
	/// `N` bytes of a memory; the caller has seen that they are inside.
	fn load<const SYSTEM: bool, const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault>;
	/// Changes `N` bytes of a memory; the caller has seen that they are inside.
	fn store<const SYSTEM: bool, const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Fault>;
	/// Up to 32 bytes of a region of bytes, all inside.
	fn read(&mut self, region: Region, at: u64, bytes: &mut [u8]) -> Result<(), Fault>;
	/// Changes up to 32 bytes of a region of bytes, all inside.
	fn write(&mut self, region: Region, at: u64, bytes: &[u8]) -> Result<(), Fault>;
}

/// A page of memory in bytes.
pub const PAGE: u64 = 64 * 1024;
/// How many bytes a step of a bulk operation moves at most.
const BULK: u64 = 32;

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

/// The place of `n` bytes at a base and an offset, if they are inside a memory of so many pages.
#[inline(always)]
pub(crate) fn address(pages: u32, base: u64, offset: u64, n: u64) -> Result<u64, Fault> {
	// The base is 32 bits; offsets of valid code are, too.
	let at = (base & 0xffff_ffff).saturating_add(offset);
	if at.saturating_add(n) > u64::from(pages.min(MAX_PAGES)) * PAGE {
		return Err(Fault::Trap(Trap::Memory));
	}
	Ok(at)
}

#[inline(always)]
fn pages<const SYSTEM: bool>(r: &Registers) -> u32 {
	if SYSTEM {
		r.system_pages
	} else {
		r.pages
	}
}

/// A memory by its number, as the operands of bulk operations name it, and its pages.
#[inline(always)]
fn memory(r: &Registers, number: u64) -> Result<(Region, u32), Fault> {
	match number {
		0 => Ok((Region::Memory, r.pages)),
		1 => Ok((Region::System, r.system_pages)),
		_ => Err(Fault::Trap(Trap::Memory)),
	}
}

#[inline(always)]
fn load<const SYSTEM: bool, E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce([u8; N]) -> u64,
) -> Result<(), Fault> {
	let top = r.sp.wrapping_sub(1);
	let at = address(pages::<SYSTEM>(r), env.stack(top)?, offset, N as u64)?;
	let value = f(env.load::<SYSTEM, N>(at)?);
	env.set_stack(top, value)
}

#[inline(always)]
fn store<const SYSTEM: bool, E: Env, const N: usize>(
	r: &mut Registers,
	env: &mut E,
	offset: u64,
	f: impl FnOnce(u64) -> [u8; N],
) -> Result<(), Fault> {
	let value = pop(r, env)?;
	let base = pop(r, env)?;
	let at = address(pages::<SYSTEM>(r), base, offset, N as u64)?;
	env.store::<SYSTEM, N>(at, f(value))
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

/// A part of `Output` or `Error`: moves the next bytes of a memory to a place of a region, unless there are none.
/// Whether that was the last part.
fn part<E: Env>(r: &mut Registers, env: &mut E, region: Region, place: u64, most: u64) -> Result<(u64, bool), Fault> {
	let (n_at, from_at, memory_at) = (r.sp.wrapping_sub(1), r.sp.wrapping_sub(2), r.sp.wrapping_sub(3));
	let n = env.stack(n_at)? & 0xffff_ffff;
	let (memory, pages) = memory(r, env.stack(memory_at)? & 0xffff_ffff)?;
	let from = address(pages, env.stack(from_at)?, 0, n)?;
	let part = n.min(BULK).min(most);
	let mut bytes = [0; BULK as usize];
	let bytes = &mut bytes[..part as usize];
	env.read(memory, from, bytes)?;
	env.write(region, place, bytes)?;
	if n > part {
		env.set_stack(from_at, from + part)?;
		env.set_stack(n_at, n - part)?;
		return Ok((part, false));
	}
	r.sp = memory_at;
	Ok((part, true))
}

/// Executes the next instruction. The registers are not to be used after a fault or a halt, but for the outcome.
#[inline(always)]
pub fn step<E: Env>(r: &mut Registers, env: &mut E) -> Step {
	let instr = env.code(r.pc)?;
	let (a, imm) = (instr.a(), instr.imm);
	let next = r.pc.wrapping_add(1);
	let Some(op) = Op::from_u16(instr.op()) else {
		return simd::step(r, env, instr);
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
			binary(r, env, |x: u64, y: u64| {
				let (x, y) = (x as $int, y as $int);
				let value = x
					.$f(y)
					.ok_or(Fault::Trap(if y == 0 { Trap::Division } else { Trap::Overflow }))?;
				Ok(u64::from(value as u32))
			})?
		};
	}
	macro_rules! checked64 {
		($int:ty, $f:ident) => {
			binary(r, env, |x: u64, y: u64| {
				let (x, y) = (x as $int, y as $int);
				let value = x
					.$f(y)
					.ok_or(Fault::Trap(if y == 0 { Trap::Division } else { Trap::Overflow }))?;
				Ok(value as u64)
			})?
		};
	}

	match op {
		Op::Trap => return Err(BROKEN),
		Op::Unreachable => return Ok(Some(Halt::GaveUp)),
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
				return Err(Fault::Trap(Trap::Table));
			}
			let entry = env.table((imm >> 32).wrapping_add(index))?;
			if entry == 0 {
				return Err(Fault::Trap(Trap::Null));
			}
			if entry & 0xffff_ffff != (a & 0xffff_ffff) + 1 {
				return Err(Fault::Trap(Trap::Signature));
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

		Op::MemorySize => {
			let (_, pages) = memory(r, a)?;
			push(r, env, pages.into())?
		}
		Op::MemoryGrow => {
			let (region, old) = memory(r, a)?;
			let top = r.sp.wrapping_sub(1);
			let delta = env.stack(top)? as u32;
			let (other, most) = match region {
				Region::System => (r.pages, MAX_PAGES),
				_ => (r.system_pages, r.max_pages.min(MAX_PAGES)),
			};
			let fits =
				|pages: &u32| *pages <= most && pages.checked_add(other).is_some_and(|both| both <= r.memory_pages);
			let new = old.checked_add(delta).filter(fits);
			env.set_stack(top, new.map_or(u32::MAX, |_| old).into())?;
			match region {
				Region::System => r.system_pages = new.unwrap_or(old),
				_ => r.pages = new.unwrap_or(old),
			}
		}
		Op::MemoryCopy => {
			let (n_at, from_at, to_at) = (r.sp.wrapping_sub(1), r.sp.wrapping_sub(2), r.sp.wrapping_sub(3));
			let (to_memory, to_pages) = memory(r, a & 1)?;
			let (from_memory, from_pages) = memory(r, a >> 1)?;
			let n = env.stack(n_at)? & 0xffff_ffff;
			let from = address(from_pages, env.stack(from_at)?, 0, n)?;
			let to = address(to_pages, env.stack(to_at)?, 0, n)?;
			let part = n.min(BULK);
			let mut bytes = [0; BULK as usize];
			let bytes = &mut bytes[..part as usize];
			// What overlaps is moved from the far end.
			let backward = to > from;
			let skip = if backward { n - part } else { 0 };
			env.read(from_memory, from + skip, bytes)?;
			env.write(to_memory, to + skip, bytes)?;
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
			let (region, pages) = memory(r, a)?;
			let n = env.stack(n_at)? & 0xffff_ffff;
			let byte = env.stack(byte_at)? as u8;
			let to = address(pages, env.stack(to_at)?, 0, n)?;
			let part = n.min(BULK);
			env.write(region, to, &[byte; BULK as usize][..part as usize])?;
			if n > part {
				env.set_stack(to_at, to + part)?;
				env.set_stack(n_at, n - part)?;
				return Ok(None);
			}
			r.sp = to_at;
		}
		Op::Load8U => load::<false, _, _>(r, env, imm, |[x]: [u8; 1]| x.into())?,
		Op::Load8S32 => load::<false, _, _>(r, env, imm, |[x]: [u8; 1]| u64::from(x as i8 as u32))?,
		Op::Load8S64 => load::<false, _, _>(r, env, imm, |[x]: [u8; 1]| x as i8 as u64)?,
		Op::Load16U => load::<false, _, _>(r, env, imm, |x| u16::from_le_bytes(x).into())?,
		Op::Load16S32 => load::<false, _, _>(r, env, imm, |x| u64::from(i16::from_le_bytes(x) as u32))?,
		Op::Load16S64 => load::<false, _, _>(r, env, imm, |x| i16::from_le_bytes(x) as u64)?,
		Op::Load32U => load::<false, _, _>(r, env, imm, |x| u32::from_le_bytes(x).into())?,
		Op::Load32S64 => load::<false, _, _>(r, env, imm, |x| i32::from_le_bytes(x) as u64)?,
		Op::Load64 => load::<false, _, _>(r, env, imm, u64::from_le_bytes)?,
		Op::Store8 => store::<false, _, _>(r, env, imm, |x| [x as u8])?,
		Op::Store16 => store::<false, _, _>(r, env, imm, |x| (x as u16).to_le_bytes())?,
		Op::Store32 => store::<false, _, _>(r, env, imm, |x| (x as u32).to_le_bytes())?,
		Op::Store64 => store::<false, _, _>(r, env, imm, |x| x.to_le_bytes())?,
		Op::SystemLoad8U => load::<true, _, _>(r, env, imm, |[x]: [u8; 1]| x.into())?,
		Op::SystemLoad8S32 => load::<true, _, _>(r, env, imm, |[x]: [u8; 1]| u64::from(x as i8 as u32))?,
		Op::SystemLoad8S64 => load::<true, _, _>(r, env, imm, |[x]: [u8; 1]| x as i8 as u64)?,
		Op::SystemLoad16U => load::<true, _, _>(r, env, imm, |x| u16::from_le_bytes(x).into())?,
		Op::SystemLoad16S32 => load::<true, _, _>(r, env, imm, |x| u64::from(i16::from_le_bytes(x) as u32))?,
		Op::SystemLoad16S64 => load::<true, _, _>(r, env, imm, |x| i16::from_le_bytes(x) as u64)?,
		Op::SystemLoad32U => load::<true, _, _>(r, env, imm, |x| u32::from_le_bytes(x).into())?,
		Op::SystemLoad32S64 => load::<true, _, _>(r, env, imm, |x| i32::from_le_bytes(x) as u64)?,
		Op::SystemLoad64 => load::<true, _, _>(r, env, imm, u64::from_le_bytes)?,
		Op::SystemStore8 => store::<true, _, _>(r, env, imm, |x| [x as u8])?,
		Op::SystemStore16 => store::<true, _, _>(r, env, imm, |x| (x as u16).to_le_bytes())?,
		Op::SystemStore32 => store::<true, _, _>(r, env, imm, |x| (x as u32).to_le_bytes())?,
		Op::SystemStore64 => store::<true, _, _>(r, env, imm, |x| x.to_le_bytes())?,

		Op::Size => {
			let top = r.sp.wrapping_sub(1);
			let size = match env.stack(top)? as u32 {
				0 => r.input_len,
				1 => r.image_len,
				2 => r.setup_len,
				3 => r.output_max,
				_ => return Err(Fault::Trap(Trap::Memory)),
			};
			env.set_stack(top, size.into())?;
		}
		Op::Read => {
			let (n_at, to_at) = (r.sp.wrapping_sub(1), r.sp.wrapping_sub(2));
			let (from_at, what_at) = (r.sp.wrapping_sub(3), r.sp.wrapping_sub(4));
			let what = env.stack(what_at)? & 0xffff_ffff;
			let (memory, pages) = memory(r, what >> 8)?;
			let (region, len) = match what & 0xff {
				0 => (Region::Input, r.input_len),
				1 => (Region::Image, r.image_len),
				2 => (Region::Setup, r.setup_len),
				_ => return Err(Fault::Trap(Trap::Memory)),
			};
			let n = env.stack(n_at)? & 0xffff_ffff;
			let to = address(pages, env.stack(to_at)?, 0, n)?;
			let from = env.stack(from_at)? & 0xffff_ffff;
			if from + n > len.into() {
				return Err(Fault::Trap(Trap::Memory));
			}
			let part = n.min(BULK);
			let mut bytes = [0; BULK as usize];
			let bytes = &mut bytes[..part as usize];
			env.read(region, from, bytes)?;
			env.write(memory, to, bytes)?;
			if n > part {
				env.set_stack(from_at, from + part)?;
				env.set_stack(to_at, to + part)?;
				env.set_stack(n_at, n - part)?;
				return Ok(None);
			}
			r.sp = what_at;
		}
		Op::Output => {
			let n = env.stack(r.sp.wrapping_sub(1))? & 0xffff_ffff;
			if u64::from(r.output_len) + n > r.output_max.into() {
				return Err(Fault::Trap(Trap::Memory));
			}
			let place = r.output_len.into();
			let (moved, last) = part(r, env, Region::Output, place, BULK)?;
			r.output_len = r.output_len.wrapping_add(moved as u32);
			if !last {
				return Ok(None);
			}
		}
		Op::Error => {
			let (n_at, from_at, memory_at) = (r.sp.wrapping_sub(1), r.sp.wrapping_sub(2), r.sp.wrapping_sub(3));
			let n = env.stack(n_at)? & 0xffff_ffff;
			// Only the last bytes can stay, so those before are counted at once.
			let skipped = n.saturating_sub(TAIL as u64);
			if skipped > 0 {
				let (_, pages) = memory(r, env.stack(memory_at)? & 0xffff_ffff)?;
				let from = address(pages, env.stack(from_at)?, 0, n)?;
				env.set_stack(from_at, from + skipped)?;
				env.set_stack(n_at, n - skipped)?;
				r.error_count = r.error_count.wrapping_add(skipped);
				return Ok(None);
			}
			let place = r.error_count % TAIL as u64;
			// A part ends where the ring does.
			let (moved, last) = part(r, env, Region::Errors, place, TAIL as u64 - place)?;
			r.error_count = r.error_count.wrapping_add(moved);
			if !last {
				return Ok(None);
			}
		}
		Op::Seed => {
			let seed = r.seed;
			unary(r, env, |i| {
				let at = 8 * (i % 4) as usize;
				Ok(u64::from_le_bytes(core::array::from_fn(|n| seed[at + n])))
			})?
		}
		Op::Halt => {
			let code = pop(r, env)? as u32;
			let status = pop(r, env)? as u32;
			return Ok(Some(Halt::of_call(status, code)));
		}
		Op::Exhausted => return Ok(Some(Halt::of_exhaustion(pop(r, env)? as i64))),

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
				return Err(Fault::Trap(Trap::Division));
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
				return Err(Fault::Trap(Trap::Division));
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
		Op::I32TruncF32S => convert(
			r,
			env,
			|x| to32(x).is_nan(),
			|x| trunc::f32_i32(x as u32).map(|x| u64::from(x as u32)),
		)?,
		Op::I32TruncF32U => convert(
			r,
			env,
			|x| to32(x).is_nan(),
			|x| trunc::f32_u32(x as u32).map(u64::from),
		)?,
		Op::I32TruncF64S => convert(
			r,
			env,
			|x| F64::from_bits(x).is_nan(),
			|x| trunc::f64_i32(x).map(|x| u64::from(x as u32)),
		)?,
		Op::I32TruncF64U => convert(
			r,
			env,
			|x| F64::from_bits(x).is_nan(),
			|x| trunc::f64_u32(x).map(u64::from),
		)?,
		Op::I64Extend32S => un!(|x| x as i32 as u64),
		Op::I64TruncF32S => convert(
			r,
			env,
			|x| to32(x).is_nan(),
			|x| trunc::f32_i64(x as u32).map(|x| x as u64),
		)?,
		Op::I64TruncF32U => convert(r, env, |x| to32(x).is_nan(), |x| trunc::f32_u64(x as u32))?,
		Op::I64TruncF64S => convert(
			r,
			env,
			|x| F64::from_bits(x).is_nan(),
			|x| trunc::f64_i64(x).map(|x| x as u64),
		)?,
		Op::I64TruncF64U => convert(r, env, |x| F64::from_bits(x).is_nan(), trunc::f64_u64)?,
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
fn convert<E: Env>(
	r: &mut Registers,
	env: &mut E,
	is_nan: impl FnOnce(u64) -> bool,
	f: impl FnOnce(u64) -> Option<u64>,
) -> Result<(), Fault> {
	unary(r, env, |x| {
		f(x).ok_or_else(|| Fault::Trap(if is_nan(x) { Trap::Conversion } else { Trap::Overflow }))
	})
}

/// The place of a cell, if it is inside its region.
#[inline(always)]
pub fn inside(region: Region, at: u64) -> Result<u64, Fault> {
	if at < region.cells() {
		Ok(at)
	} else {
		Err(BROKEN)
	}
}
