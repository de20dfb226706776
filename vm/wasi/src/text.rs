//! Texts in our own memory: names, paths and what symbolic links say.
//!
//! They are read eight bytes at a time where that is safe: in the scratch room, and in pieces of the heap, behind which
//! some bytes are always left (`alloc.rs`).

use crate::{
	errno::{Errno, Result},
	host::Host,
	wasi::Wasi,
};
use core::cmp::Ordering;

/// Each byte's highest bit, and its lowest.
const HIGH: u64 = 0x8080_8080_8080_8080;
const LOW: u64 = 0x0101_0101_0101_0101;

/// A name or another text: where it is in our own memory, and its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Name {
	pub at: u32,
	pub len: u32,
}

impl<H: Host> Wasi<H> {
	/// Whether two names are the same.
	pub(crate) fn same(&self, one: Name, other: Name) -> bool {
		one.len == other.len && self.compare(one, other).is_eq()
	}

	/// The order of two names by their bytes.
	#[inline(never)]
	pub(crate) fn compare(&self, one: Name, other: Name) -> Ordering {
		let len = one.len.min(other.len);
		let mut i = 0;
		while i + 8 <= len {
			let (a, b) = (self.host.load64(one.at + i, 0), self.host.load64(other.at + i, 0));
			if a != b {
				return a.swap_bytes().cmp(&b.swap_bytes());
			}
			i += 8;
		}
		while i < len {
			let (a, b) = (self.host.load8(one.at + i, 0), self.host.load8(other.at + i, 0));
			if a != b {
				return a.cmp(&b);
			}
			i += 1;
		}
		one.len.cmp(&other.len)
	}

	/// The first place from one on that has no slash.
	pub(crate) fn skip_slashes(&self, mut at: u32, end: u32) -> u32 {
		while at < end && self.host.load8(at, 0) == u32::from(b'/') {
			at += 1;
		}
		at
	}

	/// How many bytes come before the first of this value; all of them if there is none. Up to seven bytes after the text
	/// are read.
	#[inline(never)]
	pub(crate) fn find_byte(&self, at: u32, len: u32, byte: u32) -> u32 {
		let pattern = u64::from(byte) * LOW;
		let mut i = 0;
		while i < len {
			let word = self.host.load64(at + i, 0) ^ pattern;
			// The lowest bit that is set belongs to the first byte that is zero.
			let zero = word.wrapping_sub(LOW) & !word & HIGH;
			if zero != 0 {
				return len.min(i + zero.trailing_zeros() / 8);
			}
			i += 8;
		}
		len
	}

	/// Whether a name is this one, of one or two bytes.
	pub(crate) fn is(&self, name: Name, text: &[u8]) -> bool {
		name.len as usize == text.len()
			&& text
				.iter()
				.zip(name.at..)
				.all(|(byte, at)| self.host.load8(at, 0) == u32::from(*byte))
	}

	/// Whether a text is UTF-8 without NUL. Up to seven bytes after it are read.
	#[inline(never)]
	pub(crate) fn check_text(&self, at: u32, len: u32) -> Result<()> {
		let (mut at, end) = (at, at + len);
		while at < end {
			let mut word = self.host.load64(at, 0);
			if end - at < 8 {
				// In place of what is not its own.
				let bits = 8 * (end - at);
				word = word & !(u64::MAX << bits) | LOW << bits;
			}
			// Neither a byte from 128 on nor one that is zero.
			if (word | word.wrapping_sub(LOW)) & HIGH == 0 {
				at = end.min(at + 8);
			} else {
				at = self.check_character(at, end)?;
			}
		}
		Ok(())
	}

	/// Where the character after that at a place begins.
	#[inline(never)]
	fn check_character(&self, at: u32, end: u32) -> Result<u32> {
		let first = self.host.load8(at, 0);
		// How many bytes follow, and the least and greatest of them that may come first.
		let (more, mut least, mut most) = match first {
			0 => return Err(Errno::Inval),
			0x01..=0x7f => (0, 0, 0),
			0xc2..=0xdf => (1, 0x80, 0xbf),
			0xe0 => (2, 0xa0, 0xbf),
			0xed => (2, 0x80, 0x9f),
			0xe1..=0xef => (2, 0x80, 0xbf),
			0xf0 => (3, 0x90, 0xbf),
			0xf1..=0xf3 => (3, 0x80, 0xbf),
			0xf4 => (3, 0x80, 0x8f),
			_ => return Err(Errno::IlSeq),
		};
		let mut at = at + 1;
		for _ in 0..more {
			if at == end || !(least..=most).contains(&self.host.load8(at, 0)) {
				return Err(Errno::IlSeq);
			}
			(least, most) = (0x80, 0xbf);
			at += 1;
		}
		Ok(at)
	}
}
