//! The regions as a step finds them in a running machine.

use super::store::{copy_padded, Store, WRITTEN};
use crate::{
	op::Instr,
	program::CELL_PAGE,
	state::Region,
	step::{inside, Env, Fault, BROKEN},
	supply::Hashed,
};

/// The regions as the running machine sees them.
pub(super) struct Live<'a> {
	pub(super) code: &'a [Instr],
	pub(super) table: &'a [u64],
	pub(super) supply: &'a Hashed,
	pub(super) stack: &'a mut [u64],
	pub(super) stack_marks: &'a mut [u8],
	pub(super) frames: &'a mut Store<u64>,
	pub(super) globals: &'a mut Store<u64>,
	pub(super) memory: &'a mut Store<u8>,
	pub(super) system: &'a mut Store<u8>,
	pub(super) output: &'a mut Store<u8>,
	pub(super) errors: &'a mut Store<u8>,
}

impl Env for Live<'_> {
	#[inline(always)]
	fn code(&mut self, pc: u32) -> Result<Instr, Fault> {
		// What is not code reads as zeros, which trap: inside the region and outside alike.
		self.code.get(pc as usize).copied().ok_or(BROKEN)
	}

	#[inline(always)]
	fn stack(&mut self, at: u32) -> Result<u64, Fault> {
		self.stack.get(at as usize).copied().ok_or(BROKEN)
	}

	#[inline(always)]
	fn set_stack(&mut self, at: u32, value: u64) -> Result<(), Fault> {
		*self.stack.get_mut(at as usize).ok_or(BROKEN)? = value;
		if let Some(mark) = self.stack_marks.get_mut(at as usize / CELL_PAGE) {
			*mark = WRITTEN;
		}
		Ok(())
	}

	#[inline(always)]
	fn frame(&mut self, at: u32) -> Result<u64, Fault> {
		self.frames.cells.get(at as usize).copied().ok_or(BROKEN)
	}

	#[inline(always)]
	fn set_frame(&mut self, at: u32, value: u64) -> Result<(), Fault> {
		*self.frames.cells.get_mut(at as usize).ok_or(BROKEN)? = value;
		self.frames.mark(at as usize);
		Ok(())
	}

	#[inline(always)]
	fn global(&mut self, at: u64) -> Result<u64, Fault> {
		self.globals.cells.get(at as usize).copied().ok_or(BROKEN)
	}

	#[inline(always)]
	fn set_global(&mut self, at: u64, value: u64) -> Result<(), Fault> {
		*self.globals.cells.get_mut(at as usize).ok_or(BROKEN)? = value;
		self.globals.mark(at as usize);
		Ok(())
	}

	#[inline(always)]
	fn table(&mut self, at: u64) -> Result<u64, Fault> {
		let at = inside(Region::Table, at)?;
		Ok(self.table.get(at as usize).copied().unwrap_or(0))
	}

	#[inline(always)]
	fn load<const SYSTEM: bool, const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault> {
		let store = if SYSTEM { &mut *self.system } else { &mut *self.memory };
		let at = at as usize;
		let found = store.cells.get(at..at.wrapping_add(N));
		match found.and_then(|bytes| bytes.try_into().ok()) {
			Some(bytes) => Ok(bytes),
			None => {
				let mut bytes = [0; N];
				store.read_beyond(at, &mut bytes);
				Ok(bytes)
			}
		}
	}

	#[inline(always)]
	fn store<const SYSTEM: bool, const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Fault> {
		let store = if SYSTEM { &mut *self.system } else { &mut *self.memory };
		let at = at as usize;
		match store.cells.get_mut(at..at.wrapping_add(N)) {
			Some(place) => place.copy_from_slice(&bytes),
			None => {
				store.write_beyond(at, &bytes);
				return Ok(());
			}
		}
		store.mark(at);
		store.mark(at.wrapping_add(N - 1));
		Ok(())
	}

	fn read(&mut self, region: Region, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
		let Some(last) = (bytes.len() as u64).checked_sub(1) else {
			return Ok(());
		};
		inside(region, at / 8)?;
		inside(region, at.saturating_add(last) / 8)?;
		let at = at as usize;
		match region {
			Region::Memory => self.memory.read_beyond(at, bytes),
			Region::System => self.system.read_beyond(at, bytes),
			Region::Output => self.output.read_beyond(at, bytes),
			Region::Errors => self.errors.read_beyond(at, bytes),
			_ => copy_padded(self.supply.supply().region(region), at, bytes),
		}
		Ok(())
	}

	fn write(&mut self, region: Region, at: u64, bytes: &[u8]) -> Result<(), Fault> {
		let Some(last) = (bytes.len() as u64).checked_sub(1) else {
			return Ok(());
		};
		inside(region, at / 8)?;
		inside(region, at.saturating_add(last) / 8)?;
		let store = match region {
			Region::Memory => &mut *self.memory,
			Region::System => &mut *self.system,
			Region::Output => &mut *self.output,
			Region::Errors => &mut *self.errors,
			// A step writes nowhere else.
			_ => return Err(BROKEN),
		};
		store.write_beyond(at as usize, bytes);
		Ok(())
	}
}
