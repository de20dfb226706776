//! The hash table.
//!
//! It holds two kinds of records: entries, found by directory and name, and nodes of files that were in an archive,
//! found by their origin. It grows by one bucket at a time (linear hashing, Litwin 1980), so no call pays for all of it.

use crate::{
	alloc::class,
	blocks,
	errno::Result,
	host::Host,
	node::{field, Node},
	text::Name,
	wasi::Wasi,
};

/// log2 of the words of a block.
pub(crate) const WORDS: u32 = blocks::SHIFT - 2;
/// Buckets of the hash table at first, and at most.
const BUCKETS: (u32, u32) = (8, 1 << 30);
/// What marks the hash of an entry. Those of nodes are even.
const ENTRY: u32 = 1;

/// The hash table.
pub(crate) struct Table {
	/// What holds the buckets, as a file holds bytes; 0 before the first use.
	buckets: Node,
	count: u32,
	records: u32,
}

impl Table {
	/// Not used yet.
	pub const UNUSED: Self = Self {
		buckets: Node(0),
		count: 0,
		records: 0,
	};

	/// The bucket of a hash.
	fn bucket(&self, hash: u32) -> u32 {
		// The greatest power of two that is not above the number of buckets.
		let half = 1 << (31 - (self.count | 1).leading_zeros());
		let mixed = hash >> 1;
		let bucket = mixed & (2 * half - 1);
		if bucket < self.count {
			bucket
		} else {
			mixed & (half - 1)
		}
	}
}

/// Spreads all bits over all.
fn mix(hash: u32) -> u32 {
	let hash = (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d);
	hash ^ hash >> 13
}

impl<H: Host> Wasi<H> {
	/// The hash of a name in a directory.
	#[inline(never)]
	pub(crate) fn name_hash(&self, directory: Node, name: Name) -> u32 {
		let mut hash = directory.0;
		let mut add = |word: u32| hash = (hash.rotate_left(7) ^ word).wrapping_mul(0x9e37_79b1);
		let (mut at, end) = (name.at, name.at + name.len);
		while end - at >= 4 {
			add(self.host.load32(at, 0));
			at += 4;
		}
		while at < end {
			add(self.host.load8(at, 0));
			at += 1;
		}
		mix(hash) | ENTRY
	}

	/// Makes the hash table, if it is not there yet.
	pub(crate) fn make_table(&mut self) -> Result<()> {
		if self.table.count == 0 {
			let buckets = match self.table.buckets.0 {
				0 => Node(self.allocate(class(64))?),
				_ => self.table.buckets,
			};
			self.table.buckets = buckets;
			self.block_for(buckets, 0, 4 * BUCKETS.0, false, true)?;
			self.table.count = BUCKETS.0;
		}
		Ok(())
	}

	/// Where the address of a bucket's first record is.
	fn bucket_place(&self, bucket: u32) -> u32 {
		self.block(self.table.buckets, bucket >> WORDS).0 + 4 * (bucket & ((1 << WORDS) - 1))
	}

	/// The first record of a hash's chain, or 0.
	pub(crate) fn chain(&self, hash: u32) -> u32 {
		if self.table.records == 0 {
			return 0;
		}
		self.host.load32(self.bucket_place(self.table.bucket(hash)), 0)
	}

	/// Puts a record into the table.
	pub(crate) fn insert_record(&mut self, record: u32, hash: u32) {
		let place = self.bucket_place(self.table.bucket(hash));
		let first = self.host.load32(place, 0);
		self.host.store32(record, field::NEXT, first);
		self.host.store32(record, field::HASH, hash);
		self.host.store32(place, 0, record);
		self.table.records += 1;
		if self.table.records > self.table.count && self.table.count < BUCKETS.1 {
			self.add_bucket();
		}
	}

	/// Adds a bucket, and moves what belongs there. Without memory the chains are longer, that is all.
	#[inline(never)]
	fn add_bucket(&mut self) {
		let new = self.table.count;
		let bytes = 4 * ((new & ((1 << WORDS) - 1)) + 1);
		if self
			.block_for(self.table.buckets, new >> WORDS, bytes, false, true)
			.is_err()
		{
			return;
		}
		let half = 1 << (31 - new.leading_zeros());
		self.table.count += 1;
		let mut from = self.bucket_place(new - half);
		let to = self.bucket_place(new);
		loop {
			let record = self.host.load32(from, 0);
			if record == 0 {
				return;
			}
			if self.table.bucket(self.host.load32(record, field::HASH)) == new {
				let next = self.host.load32(record, field::NEXT);
				self.host.store32(from, 0, next);
				let first = self.host.load32(to, 0);
				self.host.store32(record, field::NEXT, first);
				self.host.store32(to, 0, record);
			} else {
				from = record + field::NEXT;
			}
		}
	}

	/// Takes a record, which is there, out of the table.
	#[inline(never)]
	pub(crate) fn remove_record(&mut self, record: u32) {
		let mut place = self.bucket_place(self.table.bucket(self.host.load32(record, field::HASH)));
		loop {
			match self.host.load32(place, 0) {
				0 => return,
				found if found == record => break,
				other => place = other + field::NEXT,
			}
		}
		let next = self.host.load32(record, field::NEXT);
		self.host.store32(place, 0, next);
		self.table.records -= 1;
	}

	/// The node of what was in an archive, if it has one.
	pub(crate) fn node_of(&self, origin: u32) -> Option<Node> {
		let hash = mix(origin.wrapping_mul(0x9e37_79b1)) & !ENTRY;
		let mut record = self.chain(hash);
		while record != 0 {
			if self.host.load32(record, field::HASH) == hash && self.host.load32(record, field::ORIGIN) == origin {
				return Some(Node(record));
			}
			record = self.host.load32(record, field::NEXT);
		}
		None
	}

	/// Has a node found by its origin, which it has.
	pub(crate) fn insert_node(&mut self, node: Node) {
		let hash = mix(self.get(node, field::ORIGIN).wrapping_mul(0x9e37_79b1)) & !ENTRY;
		self.insert_record(node.0, hash);
	}
}
