//! The two archives under what the program makes: the input's files over the job's image.
//!
//! Both are read by an index, 32 bytes a node, that is in the archive or was built from it in memory (`tar.rs`). Nothing
//! is unpacked. What an index says is checked when it is used, and what cannot be is an error of the call.
//!
//! ```text
//! u64 data (offset of the content in the region, or first child) | u64 size (bytes, or children) | u32 name offset
//! | u16 name length | u8 kind (0 directory, 1 file, 2 symbolic link) | u8 executable | u32 mtime | u32 parent
//! ```
//!
//! Node 0 is the root. The children of a directory are in a row, after it, sorted by the bytes of their names.

use crate::{
	alloc::class,
	entry::Entry,
	errno::{Errno, Result},
	host::{scratch, Host, Memory, Region},
	node::{field, flag, inode, kind, node_class, Node, INPUT, NONE},
	setup::PATH,
	text::Name,
	wasi::Wasi,
};

/// Bytes of a node in an index.
pub(crate) const RECORD: u32 = 32;
/// Directories above one in an archive, at most.
const DEPTH: u32 = 256;
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// An archive's index.
#[derive(Clone, Copy)]
pub(crate) struct Layer {
	/// Whether it lies in our own memory, not in the region.
	pub own: bool,
	/// Nodes; 0 if there is no archive.
	pub nodes: u32,
	/// Where the nodes are.
	pub table: u32,
	/// Where the names are.
	pub names: u32,
	/// Bytes of all names.
	pub names_len: u32,
	/// Bytes of the region.
	pub len: u64,
}

impl Layer {
	/// No archive.
	pub const NONE: Self = Self {
		own: false,
		nodes: 0,
		table: 0,
		names: 0,
		names_len: 0,
		len: 0,
	};
}

/// A node of an index.
#[derive(Clone, Copy)]
pub(crate) struct Record {
	/// The kind, by the numbers of WASI.
	pub kind: u32,
	/// Where the content is in the region, or the first child.
	pub data: u32,
	/// Bytes, or children.
	pub size: u32,
	pub executable: bool,
	/// Seconds.
	pub mtime: u32,
}

/// What a name stands for.
#[derive(Clone, Copy)]
pub(crate) struct Found {
	/// Its node, if it has one; else its place in the archives counts.
	pub node: Option<Node>,
	/// The entry that names it, if it is not an archive that does.
	pub entry: Option<Entry>,
	pub kind: u32,
	/// Its index in each archive, or [`NONE`]. Only a directory may have both.
	pub indices: [u32; 2],
}

impl Found {
	/// The region and the index that count, of what an archive names.
	fn place(&self) -> (Region, u32) {
		match self.indices {
			[NONE, index] => (Region::Image, index),
			[index, _] => (Region::Input, index),
		}
	}

	/// What it is found by once it has a node.
	pub fn origin(&self) -> u32 {
		match self.place() {
			(Region::Input, index) => INPUT | index,
			(_, index) => index,
		}
	}
}

impl<H: Host> Wasi<H> {
	/// The archive of a region.
	fn layer(&self, region: Region) -> Layer {
		let [input, image] = self.layers;
		match region {
			Region::Input => input,
			_ => image,
		}
	}

	/// Where a node of an index is in our own memory, until another is read.
	fn node_record(&mut self, region: Region, index: u32) -> Result<u32> {
		let layer = self.layer(region);
		if index >= layer.nodes {
			return Err(Errno::Io);
		}
		let at = layer.table + RECORD * index;
		if layer.own {
			return Ok(at);
		}
		let to = self.scratch(scratch::RECORD);
		self.host.read(region, Memory::Own, at, to, RECORD);
		Ok(to)
	}

	/// Reads a node of an index.
	#[inline(never)]
	pub(crate) fn record(&mut self, region: Region, index: u32) -> Result<Record> {
		let at = self.node_record(region, index)?;
		self.checked(region, index, at)
	}

	/// What the record of a node says, all but its name, as far as that can be.
	fn checked(&self, region: Region, index: u32, at: u32) -> Result<Record> {
		let layer = self.layer(region);
		let (data, size) = (self.host.load64(at, 0), self.host.load64(at, 8));
		// The last of children or of bytes.
		let end = data.checked_add(size).ok_or(Errno::Io)?;
		let (kind, limit) = match self.host.load8(at, 22) {
			0 => (kind::DIRECTORY, layer.nodes.into()),
			1 => (kind::FILE, layer.len),
			2 => (kind::LINK, layer.len),
			_ => return Err(Errno::Io),
		};
		if end > limit || size > u32::MAX.into() || (kind == kind::LINK && !(1..=PATH.into()).contains(&size)) {
			return Err(Errno::Io);
		}
		if kind == kind::DIRECTORY && size > 0 && data <= index.into() {
			return Err(Errno::Io);
		}
		Ok(Record {
			kind,
			data: data as u32,
			size: size as u32,
			executable: self.host.load8(at, 23) != 0,
			mtime: self.host.load32(at, 24),
		})
	}

	/// Sets where the children of a directory are in an archive, which has it.
	pub(crate) fn set_children(&mut self, node: Node, region: Region, index: u32) -> Result<()> {
		let (at, place) = match region {
			Region::Input => (field::CHILDREN, field::IN_INPUT),
			_ => (field::CHILDREN + 8, field::IN_IMAGE),
		};
		let record = self.record(region, index)?;
		if record.kind != kind::DIRECTORY {
			return Err(Errno::Io);
		}
		self.set(node, place, index);
		self.set(node, at, record.data);
		self.set(node, at + 4, record.size);
		Ok(())
	}

	/// A directory's index in an archive, its first child there, and how many there are. None if it is not there.
	pub(crate) fn children(&self, directory: Node, region: Region) -> (u32, u32, u32) {
		let (at, place) = match region {
			Region::Input => (field::CHILDREN, field::IN_INPUT),
			_ => (field::CHILDREN + 8, field::IN_IMAGE),
		};
		(
			self.get(directory, place),
			self.get(directory, at),
			self.get(directory, at + 4),
		)
	}

	/// The record of a directory's child and its name, until another node is read.
	#[inline(never)]
	fn child_name(&mut self, region: Region, parent: u32, index: u32) -> Result<(u32, Name)> {
		let at = self.node_record(region, index)?;
		let (from, len) = (self.host.load32(at, 16), self.host.load16(at, 20));
		let layer = self.layer(region);
		let end = u64::from(from) + u64::from(len);
		if self.host.load32(at, 28) != parent || !(1..=255).contains(&len) || end > layer.names_len.into() {
			return Err(Errno::Io);
		}
		let mut name = Name {
			at: layer.names + from,
			len,
		};
		if !layer.own {
			let from = name.at;
			name.at = at + RECORD;
			self.host.read(region, Memory::Own, from, name.at, len);
		}
		Ok((at, name))
	}

	/// The kind of a directory's child and its name, which stays where it is until another node is read.
	pub(crate) fn child(&mut self, region: Region, parent: u32, index: u32) -> Result<(u32, Name)> {
		let (at, name) = self.child_name(region, parent, index)?;
		Ok((self.checked(region, index, at)?.kind, name))
	}

	/// The index and the kind of a child by its name.
	#[inline(never)]
	pub(crate) fn find(&mut self, region: Region, directory: Node, name: Name) -> Result<Option<(u32, u32)>> {
		let (parent, mut low, count) = self.children(directory, region);
		let mut high = low + count;
		while low < high {
			let middle = low + (high - low) / 2;
			let (at, found) = self.child_name(region, parent, middle)?;
			match self.compare(found, name) {
				core::cmp::Ordering::Less => low = middle + 1,
				core::cmp::Ordering::Equal => return Ok(Some((middle, self.checked(region, middle, at)?.kind))),
				core::cmp::Ordering::Greater => high = middle,
			}
		}
		Ok(None)
	}

	/// What a name in a directory stands for: what the program made of it, else what the input has, else the image.
	/// Directories of both are one.
	#[inline(never)]
	pub(crate) fn look_up(&mut self, directory: Node, name: Name) -> Result<Option<Found>> {
		if let Some(entry) = self.known(directory, name) {
			let named = (!self.is_known(entry)).then_some(entry);
			return Ok(self.entry_node(entry).map(|node| self.found(node, named)));
		}
		let input = self.find(Region::Input, directory, name)?;
		let image = match input {
			Some((_, kind)) if kind != kind::DIRECTORY => None,
			_ => self.find(Region::Image, directory, name)?,
		};
		let (kind, indices) = match (input, image) {
			(None, None) => return Ok(None),
			(Some((input, kind::DIRECTORY)), Some((image, kind::DIRECTORY))) => (kind::DIRECTORY, [input, image]),
			(Some((input, kind)), _) => (kind, [input, NONE]),
			(None, Some((image, kind))) => (kind, [NONE, image]),
		};
		let mut found = Found {
			node: None,
			entry: None,
			kind,
			indices,
		};
		if kind != kind::DIRECTORY {
			found.node = self.node_of(found.origin());
		}
		Ok(Some(found))
	}

	/// A node as what was found.
	pub(crate) fn found(&self, node: Node, entry: Option<Entry>) -> Found {
		Found {
			node: Some(node),
			entry,
			kind: self.kind(node),
			indices: [NONE, NONE],
		}
	}

	/// Reads the node of an index that something found without a node has.
	pub(crate) fn found_record(&mut self, found: Found) -> Result<(Region, Record)> {
		let (region, index) = found.place();
		Ok((region, self.record(region, index)?))
	}

	/// The node of what was found in a directory under a name; makes one if it has none yet.
	#[inline(never)]
	pub(crate) fn node(&mut self, directory: Node, name: Name, found: Found) -> Result<Node> {
		if let Some(node) = found.node {
			return Ok(node);
		}
		let (region, record) = self.found_record(found)?;
		let class = node_class(record.kind);
		let node = Node(self.allocate(class)?);
		self.host.store8(node.0, field::KIND, record.kind);
		self.set(node, field::LINKS, 1);
		self.set(node, field::ORIGIN, found.origin());
		let time = u64::from(record.mtime) * SECOND;
		self.host.store64(node.0, field::MTIME, time);
		self.host.store64(node.0, field::ATIME, time);
		let filled = match record.kind {
			kind::DIRECTORY => self.fill_directory(node, directory, name, found),
			kind::LINK => self.fill_link(node, region, record),
			_ => {
				self.set(node, field::SIZE, record.size);
				self.set(node, field::BASE, record.data);
				self.set(node, field::BASE_LEN, record.size);
				self.set(node, field::REGION, region as u32);
				if record.executable {
					self.flag(node, flag::EXECUTABLE);
				}
				Ok(())
			}
		};
		match filled {
			Ok(()) => {
				if record.kind != kind::DIRECTORY {
					self.insert_node(node);
				}
				Ok(node)
			}
			Err(error) => {
				self.free(node.0, class);
				Err(error)
			}
		}
	}

	/// Sets what the node of a directory of archives has beside other nodes.
	fn fill_directory(&mut self, node: Node, directory: Node, name: Name, found: Found) -> Result<()> {
		let depth = self.host.load16(directory.0, field::DEPTH) + 1;
		if depth > DEPTH {
			return Err(Errno::Io);
		}
		self.host.store16(node.0, field::DEPTH, depth);
		self.set(node, field::PARENT, directory.0);
		for (region, index, place) in [
			(Region::Input, found.indices[0], field::IN_INPUT),
			(Region::Image, found.indices[1], field::IN_IMAGE),
		] {
			if index == NONE {
				self.set(node, place, NONE);
			} else {
				self.set_children(node, region, index)?;
			}
		}
		self.know(directory, name, node)
	}

	/// Takes the text of a symbolic link from an archive.
	fn fill_link(&mut self, node: Node, region: Region, record: Record) -> Result<()> {
		let class = class(record.size);
		let text = self.allocate(class)?;
		self.host.read(region, Memory::Own, record.data, text, record.size);
		if self.check_text(text, record.size).is_err() {
			self.free(text, class);
			return Err(Errno::Io);
		}
		self.set(node, field::TABLE, text);
		self.set(node, field::SIZE, record.size);
		self.host.store8(node.0, field::CLASS, class);
		Ok(())
	}

	/// The inode of what was found.
	pub(crate) fn found_inode(&self, found: Found) -> u64 {
		match found.node {
			Some(node) => self.node_inode(node),
			None => inode(found.origin()),
		}
	}
}
