//! Nodes: files, directories and symbolic links that the program has touched. 64 bytes each, 128 for directories.
//!
//! What lies in an archive and was not touched has no node. A directory gets one when a path leads through it, a file
//! when it is opened or changed; the file's goes again when it was closed unchanged.

use crate::{
	alloc::class,
	blocks,
	errno::Result,
	host::{Host, Region},
	wasi::Wasi,
};

/// The address of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node(pub u32);

/// What is no index and no origin.
pub(crate) const NONE: u32 = u32::MAX;

/// The kinds of nodes, by the numbers of WASI.
pub(crate) mod kind {
	/// `/dev/null`.
	pub const DEVICE: u32 = 2;
	/// A directory.
	pub const DIRECTORY: u32 = 3;
	/// A file.
	pub const FILE: u32 = 4;
	/// A symbolic link.
	pub const LINK: u32 = 7;
}

/// Where a node keeps what. The first two are shared with entries, see `table.rs`.
pub(crate) mod field {
	/// The next in its chain of the hash table.
	pub const NEXT: u32 = 0;
	/// Its hash.
	pub const HASH: u32 = 4;
	/// A byte: its kind.
	pub const KIND: u32 = 8;
	/// A byte: the levels of its block table.
	pub const LEVELS: u32 = 9;
	/// A byte: the class of its only block, while there are no levels.
	pub const CLASS: u32 = 10;
	/// A byte: flags.
	pub const FLAGS: u32 = 11;
	/// Names that it has.
	pub const LINKS: u32 = 12;
	/// Two bytes: file descriptors that it has.
	pub const OPENS: u32 = 16;
	/// Two bytes, of a directory of an archive: how many directories are above it.
	pub const DEPTH: u32 = 18;
	/// Its block table, or its only block, or 0.
	pub const TABLE: u32 = 20;
	/// Bytes of a file or a symbolic link; slots of a directory's list of entries.
	pub const SIZE: u32 = 24;
	/// Which node of an archive it was: an index, with [`INPUT`](super::INPUT) if it is one of the input's.
	pub const ORIGIN: u32 = 28;
	/// Of a file: where its base is in a region, the bytes that are there while no block has others.
	pub const BASE: u32 = 32;
	/// Of a file: bytes of its base.
	pub const BASE_LEN: u32 = 36;
	/// Of a file: the base's region.
	pub const REGION: u32 = 40;
	/// Of a directory: the directory that it is in; 0 for the root and after its removal.
	pub const PARENT: u32 = 32;
	/// Of a directory: its index in the input's archive, or [`NONE`](super::NONE).
	pub const IN_INPUT: u32 = 36;
	/// Of a directory: its index in the image, or [`NONE`](super::NONE).
	pub const IN_IMAGE: u32 = 40;
	/// Of a directory: entries of its list that are not removed.
	pub const LIVE: u32 = 44;
	/// Eight bytes: when it was last written to, in nanoseconds.
	pub const MTIME: u32 = 48;
	/// Eight bytes: when it was last read, as far as anybody said so.
	pub const ATIME: u32 = 56;
	/// Of a directory: its first child in the input's archive and how many there are; the same for the image.
	pub const CHILDREN: u32 = 64;
}

/// What the flags of a node mean.
pub(crate) mod flag {
	/// It differs from what the archive says, or has no archive: it must stay as long as it has a name.
	pub const KEEP: u32 = 1;
	/// It may be executed.
	pub const EXECUTABLE: u32 = 2;
	/// It is in the archive of the output already; where its first path is, is kept instead of when it was last read.
	pub const LISTED: u32 = 4;
	/// A directory of which the hash table knows names.
	pub const NAMES: u32 = 8;
}

/// In an origin: a node of the input's archive, not of the image.
pub(crate) const INPUT: u32 = 1 << 31;
/// The inode of the first created node is above.
const CREATED: u64 = 1 << 32;

/// The class of a node of a kind.
pub(crate) const fn node_class(kind: u32) -> u32 {
	class(if kind == kind::DIRECTORY { 128 } else { 64 })
}

/// The inode of what lies in an archive.
pub(crate) fn inode(origin: u32) -> u64 {
	u64::from(origin) + 2
}

impl<H: Host> Wasi<H> {
	/// A field of four bytes.
	pub(crate) fn get(&self, node: Node, field: u32) -> u32 {
		self.host.load32(node.0, field)
	}

	/// Sets a field of four bytes.
	pub(crate) fn set(&mut self, node: Node, field: u32, value: u32) {
		self.host.store32(node.0, field, value);
	}

	/// Its kind.
	pub(crate) fn kind(&self, node: Node) -> u32 {
		self.host.load8(node.0, field::KIND)
	}

	/// Whether a flag is set.
	pub(crate) fn has(&self, node: Node, flag: u32) -> bool {
		self.host.load8(node.0, field::FLAGS) & flag != 0
	}

	/// Sets a flag.
	pub(crate) fn flag(&mut self, node: Node, flag: u32) {
		let flags = self.host.load8(node.0, field::FLAGS);
		self.host.store8(node.0, field::FLAGS, flags | flag);
	}

	/// Its inode.
	pub(crate) fn node_inode(&self, node: Node) -> u64 {
		match self.get(node, field::ORIGIN) {
			NONE => CREATED + u64::from(node.0),
			origin => inode(origin),
		}
	}

	/// A new node with one name, not of any archive. A directory's parent is set by who names it.
	#[inline(never)]
	pub(crate) fn create(&mut self, kind: u32) -> Result<Node> {
		let node = Node(self.allocate(node_class(kind))?);
		self.host.store8(node.0, field::KIND, kind);
		self.host.store8(node.0, field::FLAGS, flag::KEEP);
		self.set(node, field::LINKS, 1);
		self.set(node, field::ORIGIN, NONE);
		if kind == kind::DIRECTORY {
			self.set(node, field::IN_INPUT, NONE);
			self.set(node, field::IN_IMAGE, NONE);
		}
		let now = self.real_time();
		self.host.store64(node.0, field::MTIME, now);
		self.host.store64(node.0, field::ATIME, now);
		Ok(node)
	}

	/// Notes that it was written to.
	#[inline(never)]
	pub(crate) fn touch(&mut self, node: Node) {
		let now = self.real_time();
		self.host.store64(node.0, field::MTIME, now);
		self.flag(node, flag::KEEP);
	}

	/// Whether a directory was removed, so that nothing can be made in it.
	pub(crate) fn removed(&self, node: Node) -> bool {
		self.get(node, field::LINKS) == 0
	}

	/// The region of a file's base.
	pub(crate) fn base_region(&self, node: Node) -> Region {
		match self.get(node, field::REGION) {
			0 => Region::Input,
			_ => Region::Image,
		}
	}

	/// Takes a name away, of whichever directory.
	pub(crate) fn unname(&mut self, node: Node) {
		let links = self.get(node, field::LINKS);
		self.set(node, field::LINKS, links - 1);
		if self.kind(node) == kind::DIRECTORY {
			// Its parent may be gone before it.
			self.set(node, field::PARENT, 0);
		}
		self.release(node);
	}

	/// Frees a node if nothing needs it any more.
	#[inline(never)]
	pub(crate) fn release(&mut self, node: Node) {
		if self.host.load16(node.0, field::OPENS) > 0 {
			return;
		}
		let kind = self.kind(node);
		if self.get(node, field::LINKS) > 0 && (kind != kind::FILE || self.has(node, flag::KEEP)) {
			return;
		}
		if kind != kind::DIRECTORY && self.get(node, field::ORIGIN) != NONE {
			self.remove_record(node.0);
		}
		match kind {
			kind::DIRECTORY => self.free_entries(node),
			kind::LINK => {
				let text = self.get(node, field::TABLE);
				if text != 0 {
					self.free(text, self.host.load8(node.0, field::CLASS));
				}
			}
			_ => self.free_blocks(node, 0, self.get(node, field::SIZE).div_ceil(blocks::LEN)),
		}
		self.free(node.0, node_class(kind));
	}
}
