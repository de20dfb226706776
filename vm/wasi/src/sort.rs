//! Sorting lists of records by name.

use crate::{host::Host, text::Name, wasi::Wasi};

/// Where a record that can be sorted keeps what.
pub(crate) mod item {
	/// The next record's address, or 0.
	pub const NEXT: u32 = 0;
	/// Where its name is in our own memory.
	pub const NAME: u32 = 4;
	/// Two bytes: bytes of the name.
	pub const LEN: u32 = 8;
}

/// Lists of 1, 2, 4, ... records that wait for another of their length: enough for 2^32.
const BINS: usize = 32;

impl<H: Host> Wasi<H> {
	/// The name of a record.
	pub(crate) fn record_name(&self, record: u32) -> Name {
		Name {
			at: self.host.load32(record, item::NAME),
			len: self.host.load16(record, item::LEN),
		}
	}

	/// Sorts a list by the bytes of the names: the new first record. The names are different.
	#[inline(never)]
	pub(crate) fn sort(&mut self, first: u32) -> u32 {
		let mut bins = [0; BINS];
		let mut rest = first;
		while rest != 0 {
			let mut list = rest;
			rest = self.host.load32(list, item::NEXT);
			self.host.store32(list, item::NEXT, 0);
			for bin in &mut bins {
				if *bin == 0 {
					*bin = list;
					break;
				}
				list = self.merge(*bin, list);
				*bin = 0;
			}
		}
		let mut all = 0;
		for bin in bins {
			if bin != 0 {
				all = self.merge(bin, all);
			}
		}
		all
	}

	/// Merges two sorted lists, the first of which is not empty.
	#[inline(never)]
	fn merge(&mut self, mut one: u32, mut other: u32) -> u32 {
		let (mut first, mut last) = (0, 0);
		while one != 0 && other != 0 {
			let least = match self.compare(self.record_name(one), self.record_name(other)).is_le() {
				true => &mut one,
				false => &mut other,
			};
			if last == 0 {
				first = *least;
			} else {
				self.host.store32(last, item::NEXT, *least);
			}
			last = *least;
			*least = self.host.load32(last, item::NEXT);
		}
		let rest = if one != 0 { one } else { other };
		if last == 0 {
			return rest;
		}
		self.host.store32(last, item::NEXT, rest);
		first
	}
}
