//! The file system as a whole: what is there before the program starts.
//!
//! The root, `/tmp`, `/dev/null`, the output's folder or the folder that it is to lie in, and the input as a file if the
//! job wants that. All of it is made at the first call that has to do with files.

use crate::{
	errno::{Errno, Result},
	host::{scratch, Host, Memory, Region},
	node::{field, kind, Node, INPUT},
	path::Last,
	setup::{Input, Output},
	text::Name,
	wasi::Wasi,
};

/// What every program finds, as a number: the path of the null device.
const NULL: u64 = u64::from_le_bytes(*b"dev/null");
/// The folder for what is temporary.
const TMP: u32 = u32::from_le_bytes(*b"tmp\0");

impl<H: Host> Wasi<H> {
	/// Comes before every use of files. Fails if there is no memory for them; ends the run if an archive is malformed.
	#[inline]
	pub(crate) fn files(&mut self) -> Result<()> {
		if self.ready {
			return Ok(());
		}
		self.make_files()
	}

	#[cold]
	#[inline(never)]
	fn make_files(&mut self) -> Result<()> {
		self.make_table()?;
		if self.root == Node(0) {
			let image = self.open_layer(Region::Image)?;
			let input = self.setup.input == Input::Files && self.open_layer(Region::Input)?;
			self.root = self.create(kind::DIRECTORY)?;
			for (there, region, origin) in [(image, Region::Image, 0), (input, Region::Input, INPUT)] {
				if there {
					self.set_children(self.root, region, 0)?;
					self.set(self.root, field::ORIGIN, origin);
				}
			}
		}
		// Whatever is there already is left alone, also when this starts again after it ran out of memory.
		let text = self.scratch(scratch::PATH);
		self.host.store32(text, 0, TMP);
		self.make_directories(Name { at: text, len: 3 }, 3)?;
		self.host.store64(text, 0, NULL);
		self.make_directories(Name { at: text, len: 8 }, 3)?;
		self.make_at(Name { at: text, len: 8 }, kind::DEVICE)?;
		self.make_output()?;
		self.make_input()?;
		self.ready = true;
		Ok(())
	}

	/// Makes the folder of the output, or the folders that it is to lie in.
	fn make_output(&mut self) -> Result<()> {
		let text = self.output_path();
		match self.setup.output {
			Output::Stdout => Ok(()),
			Output::File => self.make_directories(text, self.parent_len(text)),
			Output::Directory => self.make_directories(text, text.len),
		}
	}

	/// Takes the output's path to the scratch room.
	pub(crate) fn output_path(&mut self) -> Name {
		let (at, len) = (self.scratch(scratch::PATH), self.setup.output_path_len);
		if len > 0 {
			self.host
				.read(Region::Setup, Memory::Own, self.setup.output_path(), at, len);
		}
		Name { at, len }
	}

	/// Makes the input a file, if the job wants that, in place of any other of its name.
	fn make_input(&mut self) -> Result<()> {
		let len = self.setup.input_path_len;
		if len == 0 {
			return Ok(());
		}
		let text = Name {
			at: self.scratch(scratch::PATH),
			len,
		};
		self.host
			.read(Region::Setup, Memory::Own, self.setup.input_path(), text.at, len);
		self.make_directories(text, self.parent_len(text))?;
		match self.walk_text(self.root, text, Last::Name) {
			Err(Errno::NoSpc) => return Err(Errno::NoSpc),
			Ok(place) if !place.unnamed() && !place.slash => match place.found {
				Some(found) if found.kind == kind::DIRECTORY => {}
				found => {
					let node = self.make_input_file()?;
					let named = match found.and_then(|found| found.entry) {
						Some(entry) => {
							self.rename_to(place.directory, entry, node);
							Ok(())
						}
						None => self
							.name(place.directory, place.name, node, found.is_some())
							.map(|_| ()),
					};
					if named.is_err() {
						self.unname(node);
					}
					return named;
				}
			},
			_ => {}
		}
		self.malformed("setup: the input's path cannot be a file's")
	}

	fn make_input_file(&mut self) -> Result<Node> {
		let node = self.create(kind::FILE)?;
		// At most 2^32 - 1 bytes of a file.
		let len = self.host.size(Region::Input).min(u32::MAX.into()) as u32;
		self.set(node, field::SIZE, len);
		self.set(node, field::BASE_LEN, len);
		self.set(node, field::REGION, Region::Input as u32);
		Ok(node)
	}

	/// The bytes of a path that come before its last component.
	fn parent_len(&self, text: Name) -> u32 {
		let mut len = text.len;
		while len > 0 && self.host.load8(text.at + len - 1, 0) != u32::from(b'/') {
			len -= 1;
		}
		len
	}

	/// Makes the directories of the first so many bytes of a path, as far as that is possible.
	#[inline(never)]
	fn make_directories(&mut self, text: Name, len: u32) -> Result<()> {
		for end in 1..=len {
			if end < len && self.host.load8(text.at + end, 0) != u32::from(b'/') {
				continue;
			}
			self.make_at(Name { at: text.at, len: end }, kind::DIRECTORY)?;
		}
		Ok(())
	}

	/// Makes a node at a path from the root, unless something is there or its parent is not. Fails for want of memory.
	#[inline(never)]
	fn make_at(&mut self, text: Name, kind: u32) -> Result<()> {
		match self.walk_text(self.root, text, Last::Follow) {
			Ok(place) if place.found.is_none() => self.make(place.directory, place.name, kind).map(|_| ()),
			Err(Errno::NoSpc) => Err(Errno::NoSpc),
			_ => Ok(()),
		}
	}

	/// Makes a node of a name that is free in a directory.
	pub(crate) fn make(&mut self, directory: Node, name: Name, kind: u32) -> Result<Node> {
		if self.removed(directory) {
			return Err(Errno::NoEnt);
		}
		let node = self.create(kind)?;
		if let Err(error) = self.name(directory, name, node, false) {
			self.unname(node);
			return Err(error);
		}
		Ok(node)
	}
}
