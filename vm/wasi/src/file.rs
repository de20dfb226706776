//! What files contain: a base in the input or the image, and blocks of what was written over it.

use crate::{
	blocks::{LEN, SHIFT},
	errno::{Errno, Result},
	host::{scratch, Host, Memory},
	node::{field, Node},
	wasi::Wasi,
};

/// Bytes of a file.
pub(crate) const SIZE: u32 = u32::MAX;

/// Where bytes of a file are that lie in a row.
#[derive(Clone, Copy)]
pub(crate) enum Run {
	/// In our own memory.
	Own(u32),
	/// In the region of the base.
	Base(u32),
	/// Nowhere: they are zero.
	Zeros,
}

impl<H: Host> Wasi<H> {
	/// Where a file's bytes from a place on are, up to `want` of them, and how many of them are in a row there. `want` is
	/// not zero, and all of it is inside the file.
	pub(crate) fn run(&self, node: Node, at: u32, want: u32) -> (Run, u32) {
		if self.get(node, field::TABLE) == 0 {
			return self.beneath(node, at, want);
		}
		let (mut index, within) = (at >> SHIFT, at & (LEN - 1));
		let (first, room) = self.block(node, index);
		// A small only block may end before the file does.
		if room <= within {
			return self.beneath(node, at, want);
		}
		let mut len = room - within;
		// Blocks after it are taken along, if they are in a row as well.
		let mut last = first;
		while len < want && room == LEN {
			index += 1;
			let (block, _) = self.block(node, index);
			let expected = if first == 0 { 0 } else { last + LEN };
			if block != expected {
				break;
			}
			last = block;
			len = len.saturating_add(LEN);
		}
		let len = len.min(want);
		match first {
			0 => self.beneath(node, at, len),
			block => (Run::Own(block + within), len),
		}
	}

	/// The same of what has no block.
	fn beneath(&self, node: Node, at: u32, len: u32) -> (Run, u32) {
		let base = self.get(node, field::BASE_LEN);
		if at < base {
			(Run::Base(self.get(node, field::BASE) + at), len.min(base - at))
		} else {
			(Run::Zeros, len)
		}
	}

	/// Copies bytes of a file, which it has, to the program's memory.
	#[inline(never)]
	pub(crate) fn read_file(&mut self, node: Node, at: u32, to: u32, len: u32) {
		let (mut at, mut to, mut len) = (at, to, len);
		while len > 0 {
			let (run, some) = self.run(node, at, len);
			match run {
				Run::Own(from) => self.host.copy_out(to, from, some),
				Run::Base(from) => self.host.read(self.base_region(node), Memory::Program, from, to, some),
				Run::Zeros => self.store_zeros(to, some),
			}
			at += some;
			to += some;
			len -= some;
		}
	}

	/// Stores zeros in the program's memory.
	fn store_zeros(&mut self, to: u32, len: u32) {
		let (mut to, mut len) = (to, len);
		while len > 0 {
			let some = len.min(scratch::ZEROS_LEN);
			self.host.copy_out(to, self.scratch(scratch::ZEROS), some);
			to += some;
			len -= some;
		}
	}

	/// Copies bytes of the program's memory to a file, and tells how many: less than all if memory or the greatest size
	/// ends before.
	#[inline(never)]
	pub(crate) fn write_file(&mut self, node: Node, at: u64, from: u32, len: u32) -> Result<u32> {
		if len == 0 {
			return Ok(0);
		}
		let mut at = match u32::try_from(at) {
			Ok(at) if at < SIZE => at,
			_ => return Err(Errno::FBig),
		};
		let len = len.min(SIZE - at);
		let mut done = 0;
		while done < len {
			let within = at & (LEN - 1);
			let some = (len - done).min(LEN - within);
			match self.block_to_write(node, at >> SHIFT, within, some) {
				Ok(block) => self.host.copy_in(block + within, from + done, some),
				Err(error) if done == 0 => return Err(error),
				Err(_) => break,
			}
			at += some;
			done += some;
			if at > self.get(node, field::SIZE) {
				self.set(node, field::SIZE, at);
			}
		}
		self.touch(node);
		Ok(done)
	}

	/// The block of a file that so many bytes are about to be written to; what is not written holds what it should.
	fn block_to_write(&mut self, node: Node, index: u32, within: u32, len: u32) -> Result<u32> {
		let base = self.get(node, field::BASE_LEN);
		let partly = len < LEN;
		let (block, new) = self.block_for(node, index, within + len, base > 0, partly)?;
		let start = index << SHIFT;
		if new && partly && start < base {
			let from = self.get(node, field::BASE) + start;
			self.host
				.read(self.base_region(node), Memory::Own, from, block, LEN.min(base - start));
		}
		Ok(block)
	}

	/// Cuts a file off or has it grow by zeros.
	#[inline(never)]
	pub(crate) fn resize(&mut self, node: Node, size: u64) -> Result<()> {
		let size = u32::try_from(size).map_err(|_| Errno::FBig)?;
		let old = self.get(node, field::SIZE);
		if size < old {
			self.free_blocks(node, size.div_ceil(LEN), old.div_ceil(LEN));
			let within = size & (LEN - 1);
			if within > 0 {
				let (block, len) = self.block(node, size >> SHIFT);
				if block != 0 && len > within {
					self.host.clear(block + within, len - within);
				}
			}
			let base = self.get(node, field::BASE_LEN);
			self.set(node, field::BASE_LEN, base.min(size));
		}
		self.set(node, field::SIZE, size);
		self.touch(node);
		Ok(())
	}
}
