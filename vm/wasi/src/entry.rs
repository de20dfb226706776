//! The entries of directories that the program has made or removed.
//!
//! An entry without a node stands for a name of an archive that was removed. A directory lists its entries in the order
//! in which they were made; one that is removed leaves a hole, so that a place in the list means the same for ever.
//! A directory of an archive that has a node has an entry as well, only so that it is found again: it is listed by the
//! archive.

use crate::{
	alloc::class,
	errno::{Errno, Result},
	host::Host,
	node::{field, flag, kind, Node},
	table::WORDS,
	text::Name,
	wasi::Wasi,
};

/// Where an entry keeps what.
mod part {
	/// The next in its chain of the hash table.
	pub const NEXT: u32 = 0;
	/// Its hash.
	pub const HASH: u32 = 4;
	/// The directory that it is in.
	pub const DIRECTORY: u32 = 8;
	/// The node, or 0.
	pub const NODE: u32 = 12;
	/// Its place in the directory's list.
	pub const SLOT: u32 = 16;
	/// A byte: bytes of the name.
	pub const LEN: u32 = 20;
	/// A byte: what archives have to do with it, see [`covers`](super::covers).
	pub const COVERS: u32 = 21;
	/// The name.
	pub const NAME: u32 = 22;
}

/// What archives have to do with an entry.
mod covers {
	/// Nothing: they do not have the name.
	pub const NOTHING: u32 = 0;
	/// They have the name, too.
	pub const NAME: u32 = 1;
	/// It is theirs.
	pub const KNOWN: u32 = 2;
}

/// The address of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(pub u32);

/// Slots of a directory's list.
const SLOTS: u32 = 1 << 30;

impl<H: Host> Wasi<H> {
	/// The entry of a name, if the program made it or removed it.
	pub(crate) fn entry(&self, directory: Node, name: Name) -> Option<Entry> {
		self.known(directory, name).filter(|entry| !self.is_known(*entry))
	}

	/// Whether an entry is an archive's directory, not the program's.
	pub(crate) fn is_known(&self, entry: Entry) -> bool {
		self.host.load8(entry.0, part::COVERS) == covers::KNOWN
	}

	/// What the table has of a name.
	#[inline(never)]
	pub(crate) fn known(&self, directory: Node, name: Name) -> Option<Entry> {
		if !self.has(directory, flag::NAMES) {
			return None;
		}
		let hash = self.name_hash(directory, name);
		let mut record = self.chain(hash);
		while record != 0 {
			if self.host.load32(record, field::HASH) == hash
				&& self.host.load32(record, part::DIRECTORY) == directory.0
				&& self.same(self.entry_name(Entry(record)), name)
			{
				return Some(Entry(record));
			}
			record = self.host.load32(record, field::NEXT);
		}
		None
	}

	/// The name of an entry.
	pub(crate) fn entry_name(&self, entry: Entry) -> Name {
		Name {
			at: entry.0 + part::NAME,
			len: self.host.load8(entry.0, part::LEN),
		}
	}

	/// The node of an entry.
	pub(crate) fn entry_node(&self, entry: Entry) -> Option<Node> {
		match self.host.load32(entry.0, part::NODE) {
			0 => None,
			node => Some(Node(node)),
		}
	}

	/// The entry in a slot of a directory's list, if one is there and it was not removed.
	pub(crate) fn listed(&self, directory: Node, slot: u32) -> Option<Entry> {
		let block = self.block(directory, slot >> WORDS).0;
		if block == 0 {
			return None;
		}
		match self.host.load32(block + 4 * (slot & ((1 << WORDS) - 1)), 0) {
			0 => None,
			entry => Some(Entry(entry)),
		}
	}

	/// Makes place for one more in a directory's list: the place, and its number.
	fn new_slot(&mut self, directory: Node) -> Result<(u32, u32)> {
		let slot = self.get(directory, field::SIZE);
		if slot >= SLOTS {
			return Err(Errno::NoSpc);
		}
		let within = 4 * (slot & ((1 << WORDS) - 1));
		let (block, _) = self.block_for(directory, slot >> WORDS, within + 4, false, true)?;
		self.set(directory, field::SIZE, slot + 1);
		Ok((block + within, slot))
	}

	/// Sets a slot of a directory's list, which has it.
	fn set_slot(&mut self, directory: Node, slot: u32, entry: u32) {
		let block = self.block(directory, slot >> WORDS).0;
		self.host.store32(block + 4 * (slot & ((1 << WORDS) - 1)), 0, entry);
	}

	/// Makes an entry that is not listed.
	#[inline(never)]
	fn unlisted(&mut self, directory: Node, name: Name, node: u32, covers: u32) -> Result<Entry> {
		let made = self.allocate(class(part::NAME + name.len))?;
		self.host.store32(made, part::DIRECTORY, directory.0);
		self.host.store32(made, part::NODE, node);
		self.host.store8(made, part::LEN, name.len);
		self.host.store8(made, part::COVERS, covers);
		self.host.copy(made + part::NAME, name.at, name.len);
		self.insert_record(made, self.name_hash(directory, name));
		self.flag(directory, flag::NAMES);
		Ok(Entry(made))
	}

	/// Has a directory of an archive be found again.
	pub(crate) fn know(&mut self, directory: Node, name: Name, node: Node) -> Result<()> {
		self.unlisted(directory, name, node.0, covers::KNOWN).map(|_| ())
	}

	/// Makes an entry; without a node, one that hides a name of an archive.
	fn new_entry(&mut self, directory: Node, name: Name, node: u32, covers: u32) -> Result<Entry> {
		let known = self.known(directory, name);
		let made = self.unlisted(directory, name, node, covers)?;
		match self.new_slot(directory) {
			Ok((place, slot)) => {
				self.host.store32(place, 0, made.0);
				self.host.store32(made.0, part::SLOT, slot);
			}
			Err(error) => {
				self.free_entry(made);
				return Err(error);
			}
		}
		// It is not an archive's any more.
		if let Some(known) = known {
			self.free_entry(known);
		}
		Ok(made)
	}

	/// Names a node in a directory that does not show the name, or shows it from an archive: then it `covers` that.
	#[inline(never)]
	pub(crate) fn name(&mut self, directory: Node, name: Name, node: Node, covers: bool) -> Result<Entry> {
		let entry = match self.entry(directory, name) {
			// At the end of the list, where those who read it now will find it.
			Some(entry) => {
				let (place, slot) = self.new_slot(directory)?;
				let old = self.host.load32(entry.0, part::SLOT);
				self.set_slot(directory, old, 0);
				self.host.store32(place, 0, entry.0);
				self.host.store32(entry.0, part::SLOT, slot);
				self.host.store32(entry.0, part::NODE, node.0);
				entry
			}
			None => {
				let covers = if covers { covers::NAME } else { covers::NOTHING };
				self.new_entry(directory, name, node.0, covers)?
			}
		};
		let live = self.get(directory, field::LIVE);
		self.set(directory, field::LIVE, live + 1);
		if self.kind(node) == kind::DIRECTORY {
			self.set(node, field::PARENT, directory.0);
		}
		self.flag(node, flag::KEEP);
		self.touch(directory);
		Ok(entry)
	}

	/// Has an entry name another node. What it named before is not told.
	pub(crate) fn rename_to(&mut self, directory: Node, entry: Entry, node: Node) {
		self.host.store32(entry.0, part::NODE, node.0);
		if self.kind(node) == kind::DIRECTORY {
			self.set(node, field::PARENT, directory.0);
		}
		self.flag(node, flag::KEEP);
		self.touch(directory);
	}

	/// Removes a name, which is there, by its entry or from an archive. What it named is not told. Fails only if it is
	/// from an archive.
	#[inline(never)]
	pub(crate) fn remove_name(&mut self, directory: Node, name: Name, entry: Option<Entry>) -> Result<()> {
		match entry {
			None => {
				self.new_entry(directory, name, 0, covers::NAME)?;
			}
			Some(entry) => {
				let live = self.get(directory, field::LIVE);
				self.set(directory, field::LIVE, live - 1);
				if self.host.load8(entry.0, part::COVERS) == covers::NAME {
					self.host.store32(entry.0, part::NODE, 0);
				} else {
					let slot = self.host.load32(entry.0, part::SLOT);
					self.set_slot(directory, slot, 0);
					self.free_entry(entry);
				}
			}
		}
		self.touch(directory);
		Ok(())
	}

	fn free_entry(&mut self, entry: Entry) {
		self.remove_record(entry.0);
		let len = self.host.load8(entry.0, part::LEN);
		self.free(entry.0, class(part::NAME + len));
	}

	/// Frees all that a directory has of entries; none of them has a node any more.
	#[inline(never)]
	pub(crate) fn free_entries(&mut self, directory: Node) {
		let slots = self.get(directory, field::SIZE);
		for slot in 0..slots {
			if let Some(entry) = self.listed(directory, slot) {
				self.free_entry(entry);
			}
		}
		self.free_blocks(directory, 0, slots.div_ceil(1 << WORDS));
	}
}

const _: () = assert!(part::NEXT == field::NEXT && part::HASH == field::HASH);
