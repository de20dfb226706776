//! The output that is a file or a directory of the program's, at its end.

use crate::{
	alloc::{class, size},
	errno::{Errno, Result},
	file::Run,
	host::{scratch, Host, Memory, Region, Status},
	layers::Found,
	node::{field, flag, kind, Node},
	path::{Last, Place},
	sort::item,
	text::Name,
	ustar::Head,
	wasi::Wasi,
};

/// Where what is about to be listed keeps what, beside what it is sorted by.
mod pending {
	/// A byte: the class of the record.
	pub const CLASS: u32 = 10;
	/// Bytes of the path of its directory.
	pub const PREFIX: u32 = 12;
	/// Its directory.
	pub const DIRECTORY: u32 = 16;
	/// Its name; of a directory, a slash is its last byte, so that paths are in the order of their bytes.
	pub const NAME: u32 = 20;
}

/// Bytes of a piece of a base on its way to the output.
const PIECE: u32 = 4_096;

/// The path of what is listed, with room to grow.
struct Path {
	at: u32,
	len: u32,
	room: u32,
}

impl<H: Host> Wasi<H> {
	/// Writes the output's file. Returns if it was there.
	pub(crate) fn output_file(&mut self, code: u32) -> bool {
		match self.output_found() {
			Ok((_, found)) if found.kind == kind::FILE => match self.put_file(found, code) {
				Ok(()) => true,
				Err(error) => self.no_output(error, code),
			},
			Ok(_) => {
				self.host.reason("output: what is at its path is no file");
				false
			}
			Err(error) => self.no_output(error, code),
		}
	}

	/// Writes the output's directory as an archive. Returns if it was there.
	pub(crate) fn output_directory(&mut self, code: u32) -> bool {
		let written = match self.output_found() {
			Ok((place, found)) if found.kind == kind::DIRECTORY => self
				.node(place.directory, place.name, found)
				.and_then(|node| self.put_directory(node, code)),
			Ok(_) => {
				self.host.reason("output: what is at its path is no folder");
				return false;
			}
			Err(error) => Err(error),
		};
		match written {
			Ok(()) => true,
			Err(error) => self.no_output(error, code),
		}
	}

	/// What is at the output's path, and where that is.
	fn output_found(&mut self) -> Result<(Place, Found)> {
		self.files()?;
		let path = self.output_path();
		let place = self.walk_text(self.root, path, Last::Follow)?;
		Ok((place, place.existing()?))
	}

	/// Ends the run if the output cannot be written for a reason that is not the program's. Else it is not there.
	fn no_output(&mut self, error: Errno, code: u32) -> bool {
		match error {
			Errno::Io => self.malformed("output: an index that is wrong"),
			Errno::NoSpc => {
				self.host.reason("output: no memory is left to write it");
				self.host.halt(Status::NoOutput, code)
			}
			_ => {
				self.host.reason("output: there is nothing at its path");
				false
			}
		}
	}

	/// Appends what a file contains to the output.
	fn put_file(&mut self, found: Found, code: u32) -> Result<()> {
		match found.node {
			Some(node) => {
				let len = self.get(node, field::SIZE);
				self.check_room(len, code);
				let mut at = 0;
				while at < len {
					let (run, some) = self.run(node, at, len - at);
					match run {
						Run::Own(from) => self.put(from, some, code),
						Run::Base(from) => self.put_base(self.base_region(node), from, some, code),
						Run::Zeros => self.put_zeros(some, code),
					}
					at += some;
				}
			}
			None => {
				let (region, record) = self.found_record(found)?;
				self.check_room(record.size, code);
				self.put_base(region, record.data, record.size, code);
			}
		}
		Ok(())
	}

	/// Ends the run before the first byte of what is too long for the output.
	fn check_room(&mut self, len: u32, code: u32) {
		self.reserve(len, code);
		self.written -= u64::from(len);
	}

	/// Appends bytes of a region to the output.
	#[inline(never)]
	fn put_base(&mut self, region: Region, from: u32, len: u32, code: u32) {
		let piece = self.scratch(scratch::PATH);
		let (mut from, mut left) = (from, len);
		while left > 0 {
			let some = left.min(PIECE);
			self.host.read(region, Memory::Own, from, piece, some);
			self.put(piece, some, code);
			from += some;
			left -= some;
		}
	}

	/// Appends an archive of all that is below a directory, sorted by path.
	fn put_directory(&mut self, directory: Node, code: u32) -> Result<()> {
		let mut path = Path { at: 0, len: 0, room: 0 };
		let mut first = self.pending(directory, 0, 0)?;
		while first != 0 {
			let record = first;
			first = self.host.load32(record, item::NEXT);
			path.len = self.host.load32(record, pending::PREFIX);
			self.append(&mut path, self.record_name(record))?;
			let parent = Node(self.host.load32(record, pending::DIRECTORY));
			let mut name = self.record_name(record);
			if self.host.load8(name.at + name.len - 1, 0) == u32::from(b'/') {
				name.len -= 1;
			}
			// It was listed, so it is there, unless an index is not sorted.
			let found = self.look_up(parent, name)?.ok_or(Errno::Io)?;
			self.put_entry(parent, name, found, &path, code)?;
			if found.kind == kind::DIRECTORY {
				let node = self.node(parent, name, found)?;
				first = self.pending(node, path.len, first)?;
			}
			self.free(record, self.host.load8(record, pending::CLASS));
		}
		self.put_zeros(1_024, code);
		Ok(())
	}

	/// Lists a directory before what is pending: the new first record.
	fn pending(&mut self, directory: Node, prefix: u32, before: u32) -> Result<u32> {
		let (mut first, mut last) = (0, 0);
		let mut at = 0;
		while let Some(item) = self.item(directory, at)? {
			at = item.next;
			let slash = u32::from(item.kind == kind::DIRECTORY);
			let class = class(pending::NAME + item.name.len + slash);
			let record = self.allocate(class)?;
			let name = record + pending::NAME;
			self.host.store32(record, item::NAME, name);
			self.host.store16(record, item::LEN, item.name.len + slash);
			self.host.store8(record, pending::CLASS, class);
			self.host.store32(record, pending::PREFIX, prefix);
			self.host.store32(record, pending::DIRECTORY, directory.0);
			self.host.copy(name, item.name.at, item.name.len);
			if slash > 0 {
				self.host.store8(name + item.name.len, 0, u32::from(b'/'));
			}
			self.host.store32(record, item::NEXT, first);
			first = record;
		}
		if first == 0 {
			return Ok(before);
		}
		first = self.sort(first);
		let mut next = first;
		while next != 0 {
			last = next;
			next = self.host.load32(last, item::NEXT);
		}
		self.host.store32(last, item::NEXT, before);
		Ok(first)
	}

	/// Appends a name to a path.
	#[inline(never)]
	fn append(&mut self, path: &mut Path, name: Name) -> Result<()> {
		if path.len + name.len > path.room {
			let room = (2 * path.room).max(PIECE);
			let at = self.row(room)?;
			if path.len > 0 {
				self.host.copy(at, path.at, path.len);
			}
			(path.at, path.room) = (at, room);
		}
		self.host.copy(path.at + path.len, name.at, name.len);
		path.len += name.len;
		Ok(())
	}

	/// Appends an entry, with its content, to the output. There are no devices in archives.
	#[inline(never)]
	fn put_entry(&mut self, parent: Node, name: Name, found: Found, path: &Path, code: u32) -> Result<()> {
		let path = Name {
			at: path.at,
			len: path.len,
		};
		let mut head = Head {
			kind: b'5',
			executable: false,
			size: 0,
			path,
			link: Name { at: path.at, len: 0 },
		};
		match found.kind {
			kind::DIRECTORY => self.put_head(head, code),
			kind::DEVICE => {}
			_ => {
				if let Some(first) = self.first_path(found, path)? {
					head.kind = b'1';
					head.link = first;
					self.put_head(head, code);
				} else if found.kind == kind::LINK {
					let link = self.node(parent, name, found)?;
					head.kind = b'2';
					head.link = Name {
						at: self.get(link, field::TABLE),
						len: self.get(link, field::SIZE),
					};
					self.put_head(head, code);
				} else {
					head.kind = b'0';
					(head.size, head.executable) = match found.node {
						Some(node) => (self.get(node, field::SIZE), self.has(node, flag::EXECUTABLE)),
						None => {
							let (_, record) = self.found_record(found)?;
							(record.size, record.executable)
						}
					};
					self.put_head(head, code);
					self.put_file(found, code)?;
					self.put_padding(head.size, code);
				}
			}
		}
		Ok(())
	}

	/// The path under which a file of several names was listed first; notes it if this is the first.
	#[inline(never)]
	fn first_path(&mut self, found: Found, path: Name) -> Result<Option<Name>> {
		let Some(node) = found.node.filter(|node| self.get(*node, field::LINKS) > 1) else {
			return Ok(None);
		};
		if self.has(node, flag::LISTED) {
			let at = self.get(node, field::ATIME);
			return Ok(Some(Name {
				at,
				len: self.get(node, field::ATIME + 4),
			}));
		}
		let bytes = path.len.max(1);
		let at = if bytes <= size(7) {
			self.allocate(class(bytes))?
		} else {
			self.row(bytes)?
		};
		self.host.copy(at, path.at, path.len);
		self.set(node, field::ATIME, at);
		self.set(node, field::ATIME + 4, path.len);
		self.flag(node, flag::LISTED);
		Ok(None)
	}
}
