//! Building the index of an archive that has none.
//!
//! Each path is followed in a tree of records that are found by a hash table. Then the tree is laid in a row, level by
//! level, the children of each directory sorted.

use crate::{
	alloc::class,
	blocks::{LEN, SHIFT},
	errno::Result,
	host::{scratch, Host, Memory, Region},
	index::NAME,
	layers::{Layer, RECORD},
	node::Node,
	sort::item,
	tar::{Archive, Header, Kind},
	text::Name,
	wasi::Wasi,
};

/// Nodes of an archive without an index, the directories that its paths imply included.
const NODES: u32 = 65_536;
/// Blocks of buckets, at most: a power of two, and as many buckets as an archive of so many entries needs at least.
const BUCKETS: u32 = 16;

/// Where a record of the tree keeps what, beside what it is sorted by.
mod leaf {
	/// A byte: its kind, by the numbers of an index.
	pub const KIND: u32 = 10;
	/// A byte: whether it may be executed.
	pub const EXECUTABLE: u32 = 11;
	/// Where its content is; of a directory, its first child, or 0.
	pub const DATA: u32 = 12;
	/// Bytes; of a directory, its children.
	pub const SIZE: u32 = 16;
	/// When it was written to, in seconds.
	pub const MTIME: u32 = 20;
	/// The next in its chain of the hash table.
	pub const CHAIN: u32 = 24;
	/// The directory that it is in.
	pub const PARENT: u32 = 28;
	/// Bytes of a record.
	pub const LEN: u32 = 32;
}

/// The kinds of an index.
mod kind {
	pub const DIRECTORY: u32 = 0;
	pub const FILE: u32 = 1;
	pub const LINK: u32 = 2;
}

/// The tree that is being built. What holds its parts does so as a file holds bytes.
struct Tree {
	region: Region,
	records: Node,
	buckets: Node,
	names: Node,
	/// Records.
	count: u32,
	/// Bytes of names, gaps at the ends of blocks included.
	names_len: u32,
	/// Blocks of buckets, a power of two.
	blocks: u32,
	root: u32,
}

impl<H: Host> Wasi<H> {
	/// Builds the index of an archive. Fails for want of memory; ends the run if the archive is malformed.
	#[inline(never)]
	pub(crate) fn build_index(&mut self, region: Region, len: u64) -> Result<Layer> {
		let parts = self.allocate(class(192))?;
		let mut tree = Tree {
			region,
			records: Node(parts),
			buckets: Node(parts + 64),
			names: Node(parts + 128),
			count: 0,
			names_len: 0,
			blocks: ((len >> 21) as u32).clamp(1, BUCKETS).next_power_of_two(),
			root: 0,
		};
		let row = self.grow_tree(&mut tree, len).and_then(|()| self.lay(&tree));
		let records = (tree.count * leaf::LEN).div_ceil(LEN);
		self.free_blocks(tree.records, 0, records + 1);
		self.free_blocks(tree.buckets, 0, tree.blocks);
		if row.is_err() {
			self.free_blocks(tree.names, 0, (tree.names_len >> SHIFT) + 1);
		}
		self.free(parts, class(192));
		Ok(Layer {
			own: true,
			nodes: tree.count,
			table: row?,
			names: 0,
			names_len: u32::MAX,
			len,
		})
	}

	/// Reads all entries.
	fn grow_tree(&mut self, tree: &mut Tree, len: u64) -> Result<()> {
		for block in 0..tree.blocks {
			self.block_for(tree.buckets, block, LEN, true, true)?;
		}
		tree.root = self.leaf(tree, 0, Name { at: 0, len: 0 }, kind::DIRECTORY)?;
		let mut archive = Archive {
			region: tree.region,
			at: 0,
			len,
		};
		let mut first = true;
		while let Some(header) = self.header(&mut archive) {
			let index = first && self.is_index(&header);
			first = false;
			if !index {
				self.add(tree, header)?;
			}
		}
		Ok(())
	}

	/// Whether an entry is an index, of another version.
	fn is_index(&self, header: &Header) -> bool {
		let len = NAME.len() as u32 - 1;
		header.path.len == len
			&& NAME
				.iter()
				.zip(header.path.at..header.path.at + len)
				.all(|(byte, at)| self.host.load8(at, 0) == u32::from(*byte))
	}

	/// Adds an entry of the archive. The last of a name counts.
	#[inline(never)]
	fn add(&mut self, tree: &mut Tree, header: Header) -> Result<()> {
		let region = tree.region;
		let found = self.follow(tree, header.path, true)?;
		let of = match header.kind {
			Kind::Directory => kind::DIRECTORY,
			Kind::Link => kind::LINK,
			Kind::File | Kind::Same => kind::FILE,
		};
		let leaf = match found {
			Err(parent_and_name) => {
				let (parent, name) = parent_and_name;
				self.leaf(tree, parent, name, of)?
			}
			Ok(leaf) => leaf,
		};
		let was = self.host.load8(leaf, leaf::KIND);
		if (was == kind::DIRECTORY) != (of == kind::DIRECTORY) {
			self.bad_archive(region, "an archive with a file that is a folder, too");
		}
		self.host.store32(leaf, leaf::MTIME, header.mtime);
		if of == kind::DIRECTORY {
			return Ok(());
		}
		self.host.store8(leaf, leaf::KIND, of);
		self.host
			.store8(leaf, leaf::EXECUTABLE, (of == kind::FILE && header.executable).into());
		self.host.store32(leaf, leaf::DATA, header.data.at);
		self.host.store32(leaf, leaf::SIZE, header.data.len);
		if header.kind == Kind::Same {
			// The path is done with.
			let path = Name {
				at: self.scratch(scratch::PATH),
				len: header.data.len,
			};
			self.host.read(region, Memory::Own, header.data.at, path.at, path.len);
			match self.follow(tree, path, false)? {
				Ok(same) if same != leaf && self.host.load8(same, leaf::KIND) != kind::DIRECTORY => {
					for at in (leaf::DATA..leaf::CHAIN).step_by(4) {
						let word = self.host.load32(same, at);
						self.host.store32(leaf, at, word);
					}
					let kinds = self.host.load16(same, leaf::KIND);
					self.host.store16(leaf, leaf::KIND, kinds);
				}
				_ => self.bad_archive(region, "an archive with a link to what is not there"),
			}
		}
		Ok(())
	}

	/// Where a path leads: a record, or the directory and the name that it would have. Makes directories on the way, if
	/// asked to.
	#[allow(clippy::type_complexity)]
	#[inline(never)]
	fn follow(&mut self, tree: &mut Tree, path: Name, make: bool) -> Result<core::result::Result<u32, (u32, Name)>> {
		let region = tree.region;
		let slash = |wasi: &Self, at: u32| wasi.host.load8(at, 0) == u32::from(b'/');
		let dot = |wasi: &Self, at: u32| wasi.host.load8(at, 0) == u32::from(b'.');
		let (mut at, mut end) = (path.at, path.at + path.len);
		while at < end {
			if slash(self, at) {
				at += 1;
			} else if at + 1 < end && dot(self, at) && slash(self, at + 1) {
				at += 2;
			} else {
				break;
			}
		}
		while end > at && slash(self, end - 1) {
			end -= 1;
		}
		let mut directory = tree.root;
		while at < end {
			let start = at;
			while at < end && !slash(self, at) {
				at += 1;
			}
			let name = Name {
				at: start,
				len: at - start,
			};
			at += 1;
			let dots = name.len <= 2 && (name.at..name.at + name.len).all(|at| dot(self, at));
			match name.len {
				1 if dots => continue,
				0 => self.bad_archive(region, "an archive with a path that has an empty part"),
				2 if dots => self.bad_archive(region, "an archive with a path that leads upwards"),
				256.. => self.bad_archive(region, "an archive with a name of more than 255 bytes"),
				_ => {}
			}
			if self.host.load8(directory, leaf::KIND) != kind::DIRECTORY {
				self.bad_archive(region, "an archive with a file that is a folder, too");
			}
			directory = match self.leaf_of(tree, directory, name) {
				0 if at >= end || !make => return Ok(Err((directory, name))),
				0 => self.leaf(tree, directory, name, kind::DIRECTORY)?,
				leaf => leaf,
			};
		}
		Ok(Ok(directory))
	}

	/// Where the first record of a chain is kept.
	#[inline(never)]
	fn leaf_bucket(&self, tree: &Tree, directory: u32, name: Name) -> u32 {
		let bucket = (self.name_hash(Node(directory), name) >> 1) & (tree.blocks * (LEN / 4) - 1);
		self.block(tree.buckets, bucket / (LEN / 4)).0 + 4 * (bucket % (LEN / 4))
	}

	/// The record of a name in a directory, or 0.
	fn leaf_of(&self, tree: &Tree, directory: u32, name: Name) -> u32 {
		let mut leaf = self.host.load32(self.leaf_bucket(tree, directory, name), 0);
		while leaf != 0 {
			if self.host.load32(leaf, leaf::PARENT) == directory && self.same(self.record_name(leaf), name) {
				return leaf;
			}
			leaf = self.host.load32(leaf, leaf::CHAIN);
		}
		0
	}

	/// Makes a record in a directory, which is 0 for the root.
	#[inline(never)]
	fn leaf(&mut self, tree: &mut Tree, directory: u32, name: Name, kind: u32) -> Result<u32> {
		if tree.count == NODES {
			self.bad_archive(tree.region, "an archive of more than 65,536 entries without an index");
		}
		let at = tree.count * leaf::LEN;
		let (block, _) = self.block_for(tree.records, at >> SHIFT, LEN, true, true)?;
		let leaf = block + (at & (LEN - 1));
		// A name does not cross the end of a block.
		if (tree.names_len & (LEN - 1)) + name.len > LEN {
			tree.names_len = tree.names_len.next_multiple_of(LEN);
		}
		let (block, _) = self.block_for(tree.names, tree.names_len >> SHIFT, LEN, true, true)?;
		let to = block + (tree.names_len & (LEN - 1));
		self.host.copy(to, name.at, name.len);
		tree.names_len += name.len;
		tree.count += 1;
		self.host.store32(leaf, item::NAME, to);
		self.host.store16(leaf, item::LEN, name.len);
		self.host.store8(leaf, leaf::KIND, kind);
		self.host.store32(leaf, leaf::PARENT, directory);
		if directory != 0 {
			let bucket = self.leaf_bucket(tree, directory, name);
			let chain = self.host.load32(bucket, 0);
			self.host.store32(leaf, leaf::CHAIN, chain);
			self.host.store32(bucket, 0, leaf);
			let sibling = self.host.load32(directory, leaf::DATA);
			self.host.store32(leaf, item::NEXT, sibling);
			self.host.store32(directory, leaf::DATA, leaf);
			let children = self.host.load32(directory, leaf::SIZE);
			self.host.store32(directory, leaf::SIZE, children + 1);
		}
		Ok(leaf)
	}

	/// Lays the tree in a row: where it is.
	#[inline(never)]
	fn lay(&mut self, tree: &Tree) -> Result<u32> {
		let row = self.row(tree.count * RECORD)?;
		self.lay_one(row, tree.root, 0);
		let mut laid = 1;
		for index in 0..tree.count {
			let at = row + RECORD * index;
			if self.host.load8(at, 22) != kind::DIRECTORY {
				continue;
			}
			// Until now, where its first child is, is an address.
			let first = self.host.load32(at, 0);
			let mut child = self.sort(first);
			self.host.store64(at, 0, laid.into());
			while child != 0 && laid < tree.count {
				self.lay_one(row + RECORD * laid, child, index);
				laid += 1;
				child = self.host.load32(child, item::NEXT);
			}
		}
		Ok(row)
	}

	#[inline(never)]
	fn lay_one(&mut self, at: u32, leaf: u32, parent: u32) {
		let name = self.record_name(leaf);
		self.host.store64(at, 0, self.host.load32(leaf, leaf::DATA).into());
		self.host.store64(at, 8, self.host.load32(leaf, leaf::SIZE).into());
		self.host.store32(at, 16, name.at);
		self.host.store16(at, 20, name.len);
		self.host.store8(at, 22, self.host.load8(leaf, leaf::KIND));
		self.host.store8(at, 23, self.host.load8(leaf, leaf::EXECUTABLE));
		self.host.store32(at, 24, self.host.load32(leaf, leaf::MTIME));
		self.host.store32(at, 28, parent);
	}
}

const _: () = assert!(LEN.is_multiple_of(leaf::LEN));
