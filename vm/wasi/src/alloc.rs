//! The heap: sizes of 32 to 4,096 bytes with a free list each, cut off the end of what is in use.
//!
//! Nothing of it is touched before a program uses files.

use crate::{
	errno::{Errno, Result},
	host::Host,
	wasi::Wasi,
};

/// Sizes.
const CLASSES: usize = 8;
/// The class of blocks.
pub(crate) const BLOCK: u32 = 7;
/// Pages that the heap grows by at most, so that a small program pays for little that it does not use.
const GROWTH: u32 = 16;
/// Bytes at the end of the memory that stay unused, since texts are read eight bytes at a time.
const SLACK: u32 = 32;
/// One page less than 32 bits address, so that no sum of an address and a size is zero.
const PAGES: u32 = 65_535;

/// Where free memory is.
pub(crate) struct Heap {
	/// Free from here on, 0 before the first use.
	next: u32,
	/// The end of what may be used.
	end: u32,
	/// The first free piece of each class, whose first word is the address of the next one.
	free: [u32; CLASSES],
}

impl Heap {
	/// Not used yet.
	pub const UNUSED: Self = Self {
		next: 0,
		end: 0,
		free: [0; CLASSES],
	};
}

/// Bytes of a class.
pub(crate) const fn size(class: u32) -> u32 {
	32 << class
}

/// The class of the smallest pieces with so many bytes, which are 1 to 4,096.
pub(crate) const fn class(bytes: u32) -> u32 {
	27 - ((bytes - 1) | 31).leading_zeros()
}

impl<H: Host> Wasi<H> {
	/// A piece of a class, all zero.
	pub(crate) fn allocate(&mut self, class: u32) -> Result<u32> {
		self.piece(class, true)
	}

	/// A piece of a class; `clear` if it is to be zero.
	#[inline(never)]
	pub(crate) fn piece(&mut self, class: u32, clear: bool) -> Result<u32> {
		let at = match self.pop(class) {
			0 => {
				if let Some(at) = self.cut(size(class)) {
					// New memory is zero.
					return Ok(at);
				}
				match self.split(class) {
					0 => return self.grown(size(class)),
					at => at,
				}
			}
			at => at,
		};
		if clear {
			self.host.clear(at, size(class));
		}
		Ok(at)
	}

	/// Gives a piece back.
	#[inline(never)]
	pub(crate) fn free(&mut self, at: u32, class: u32) {
		if let Some(first) = self.heap.free.get_mut(class as usize) {
			self.host.store32(at, 0, *first);
			*first = at;
		}
	}

	/// So many bytes in a row, all zero, which are never given back.
	pub(crate) fn row(&mut self, bytes: u32) -> Result<u32> {
		let bytes = bytes.checked_next_multiple_of(32).ok_or(Errno::NoSpc)?;
		match self.cut(bytes) {
			Some(at) => Ok(at),
			None => self.grown(bytes),
		}
	}

	/// Bytes of the heap that are in use.
	#[cfg(any(feature = "std", test))]
	pub fn in_use(&self) -> u32 {
		let mut bytes = self.heap.next
			- if self.heap.next == 0 {
				0
			} else {
				(self.host.heap() + 31) & !31
			};
		for (class, first) in self.heap.free.iter().enumerate() {
			let mut piece = *first;
			while piece != 0 {
				bytes -= size(class as u32);
				piece = self.host.load32(piece, 0);
			}
		}
		bytes
	}

	fn pop(&mut self, class: u32) -> u32 {
		match self.heap.free.get_mut(class as usize) {
			None | Some(0) => 0,
			Some(first) => {
				let at = *first;
				*first = self.host.load32(at, 0);
				at
			}
		}
	}

	/// Cuts bytes, a multiple of 32, off what was never used.
	fn cut(&mut self, bytes: u32) -> Option<u32> {
		if self.heap.next == 0 {
			self.heap.next = (self.host.heap() + 31) & !31;
			// The last page of what is linked here; what the memory has beyond that is somebody else's.
			let end = self.heap.next.next_multiple_of(1 << 16);
			self.heap.end = (end - SLACK).max(self.heap.next);
		}
		if self.heap.end - self.heap.next < bytes {
			return None;
		}
		let at = self.heap.next;
		self.heap.next += bytes;
		Some(at)
	}

	/// Takes a piece of the smallest larger class that has any apart; 0 if none has.
	#[inline(never)]
	fn split(&mut self, class: u32) -> u32 {
		for larger in class + 1..CLASSES as u32 {
			let at = self.pop(larger);
			if at != 0 {
				for rest in class..larger {
					self.free(at + size(rest), rest);
				}
				return at;
			}
		}
		0
	}

	/// Grows the memory and cuts bytes off it.
	#[inline(never)]
	fn grown(&mut self, bytes: u32) -> Result<u32> {
		let pages = self.host.pages();
		let missing = match self.heap.end == (pages << 16) - SLACK {
			true => bytes - (self.heap.end - self.heap.next),
			// Something lies between. What is added begins behind it.
			false => {
				self.heap.next = pages << 16;
				self.heap.end = self.heap.next;
				bytes.saturating_add(SLACK)
			}
		};
		let least = missing.div_ceil(1 << 16);
		let most = least.max(pages.min(GROWTH));
		for more in [most, least] {
			if pages + more <= PAGES && self.host.grow(more) {
				self.heap.end = ((pages + more) << 16) - SLACK;
				return self.cut(bytes).ok_or(Errno::NoSpc);
			}
		}
		Err(Errno::NoSpc)
	}
}
