//! Making, linking, renaming and removing.

use crate::{
	alloc::class,
	errno::{Errno, Result},
	host::{scratch, Host},
	node::{field, kind, Node},
	path::{Last, Place},
	setup,
	wasi::Wasi,
};

impl<H: Host> Wasi<H> {
	/// Makes a directory.
	pub fn path_create_directory(&mut self, fd: u32, path: u32, len: u32) -> Result<()> {
		let place = self.walk(fd, path, len, Last::Name)?;
		if place.found.is_some() {
			return Err(Errno::Exist);
		}
		self.make(place.directory, place.name, kind::DIRECTORY).map(|_| ())
	}

	/// A path of something that is about to be made and is not there yet; no slash may come after it.
	fn free_place(&mut self, fd: u32, path: u32, len: u32) -> Result<Place> {
		let place = self.walk(fd, path, len, Last::Name)?;
		match place.found {
			Some(found) if place.slash && found.kind != kind::DIRECTORY => Err(Errno::NotDir),
			Some(_) => Err(Errno::Exist),
			None if place.slash || self.removed(place.directory) => Err(Errno::NoEnt),
			None => Ok(place),
		}
	}

	/// Makes a symbolic link with a text, which may be absolute.
	pub fn path_symlink(&mut self, text: u32, text_len: u32, fd: u32, path: u32, len: u32) -> Result<()> {
		self.directory(fd)?;
		self.inside(text, text_len.into())?;
		if text_len == 0 {
			return Err(Errno::NoEnt);
		}
		if text_len > setup::PATH {
			return Err(Errno::NameTooLong);
		}
		let place = self.free_place(fd, path, len)?;
		let node = self.create(kind::LINK)?;
		let named = self.set_text(node, text, text_len);
		let named = named.and_then(|()| self.name(place.directory, place.name, node, false));
		if let Err(error) = named {
			self.unname(node);
			return Err(error);
		}
		Ok(())
	}

	/// Takes the text of a new symbolic link from the program's memory.
	fn set_text(&mut self, node: Node, text: u32, len: u32) -> Result<()> {
		let class = class(len);
		let at = self.allocate(class)?;
		self.set(node, field::TABLE, at);
		self.set(node, field::SIZE, len);
		self.host.store8(node.0, field::CLASS, class);
		self.host.copy_in(at, text, len);
		self.check_text(at, len)
	}

	/// Stores the text of a symbolic link, as much of it as there is room for.
	pub fn path_readlink(&mut self, fd: u32, path: u32, len: u32, at: u32, room: u32, done_at: u32) -> Result<()> {
		let place = self.walk(fd, path, len, Last::Keep)?;
		let found = place.existing()?;
		self.inside(at, room.into())?;
		self.inside(done_at, 4)?;
		if found.kind != kind::LINK {
			return Err(Errno::Inval);
		}
		let link = self.node(place.directory, place.name, found)?;
		let len = self.get(link, field::SIZE).min(room);
		self.host.copy_out(at, self.get(link, field::TABLE), len);
		self.host.program_store32(done_at, len);
		Ok(())
	}

	/// Gives a file or a symbolic link another name.
	#[allow(clippy::too_many_arguments)]
	pub fn path_link(
		&mut self,
		fd: u32,
		follow: u32,
		path: u32,
		len: u32,
		new_fd: u32,
		new_path: u32,
		new_len: u32,
	) -> Result<()> {
		let place = self.walk(fd, path, len, Last::of(follow))?;
		let found = place.existing()?;
		if found.kind == kind::DIRECTORY {
			return Err(Errno::Perm);
		}
		let node = self.node(place.directory, place.name, found)?;
		let named = self.free_place(new_fd, new_path, new_len);
		let named = named.and_then(|place| self.name(place.directory, place.name, node, false));
		if named.is_ok() {
			let links = self.get(node, field::LINKS);
			self.set(node, field::LINKS, links + 1);
		}
		self.release(node);
		named.map(|_| ())
	}

	/// Removes the name of anything but a directory.
	pub fn path_unlink_file(&mut self, fd: u32, path: u32, len: u32) -> Result<()> {
		let place = self.walk(fd, path, len, Last::Name)?;
		let found = place.existing()?;
		if found.kind == kind::DIRECTORY {
			return Err(Errno::IsDir);
		}
		self.remove_name(place.directory, place.name, found.entry)?;
		if let Some(node) = found.node {
			self.unname(node);
		}
		Ok(())
	}

	/// Removes an empty directory.
	pub fn path_remove_directory(&mut self, fd: u32, path: u32, len: u32) -> Result<()> {
		let place = self.walk(fd, path, len, Last::Name)?;
		let found = place.existing()?;
		if found.kind != kind::DIRECTORY {
			return Err(Errno::NotDir);
		}
		let node = self.node(place.directory, place.name, found)?;
		if place.unnamed() {
			return Err(if node == self.root { Errno::Busy } else { Errno::Inval });
		}
		if !self.is_empty(node)? {
			return Err(Errno::NotEmpty);
		}
		self.remove_name(place.directory, place.name, found.entry)?;
		self.unname(node);
		Ok(())
	}

	/// Renames anything, in place of what has the new name, if that is of its kind and no directory with entries.
	pub fn path_rename(
		&mut self,
		fd: u32,
		path: u32,
		len: u32,
		new_fd: u32,
		new_path: u32,
		new_len: u32,
	) -> Result<()> {
		let mut old = self.walk(fd, path, len, Last::Name)?;
		let found = old.existing()?;
		if old.unnamed() {
			return Err(Errno::Busy);
		}
		// Out of the way of the second path.
		let name = self.scratch(scratch::NAME);
		self.host.copy(name, old.name.at, old.name.len);
		old.name.at = name;
		let node = self.node(old.directory, old.name, found)?;
		let renamed = self
			.walk(new_fd, new_path, new_len, Last::Name)
			.and_then(|new| self.rename(node, old, new));
		self.release(node);
		renamed
	}

	fn rename(&mut self, node: Node, old: Place, new: Place) -> Result<()> {
		let directory = self.kind(node) == kind::DIRECTORY;
		if new.unnamed() {
			return Err(Errno::Busy);
		}
		if new.slash && !directory {
			return Err(Errno::NotDir);
		}
		if self.removed(new.directory) {
			return Err(Errno::NoEnt);
		}
		if directory && self.is_within(new.directory, node) {
			return Err(Errno::Inval);
		}
		let over = match new.found {
			Some(found) => Some(self.node(new.directory, new.name, found)?),
			None => None,
		};
		let Some(over) = over else {
			return self.move_name(node, old, new, None);
		};
		if over == node {
			return Ok(());
		}
		let replaced = self
			.may_replace(over, directory)
			.and_then(|()| self.move_name(node, old, new, Some(over)));
		match replaced {
			Ok(()) => self.unname(over),
			Err(_) => self.release(over),
		}
		replaced
	}

	/// Names a node anew, `over` what has the name now, and takes the old name away.
	fn move_name(&mut self, node: Node, old: Place, new: Place, over: Option<Node>) -> Result<()> {
		// First what can fail for want of memory; nothing is seen of it if the second step does.
		let made = match new.found.and_then(|found| found.entry) {
			Some(entry) => {
				self.rename_to(new.directory, entry, node);
				entry
			}
			None => self.name(new.directory, new.name, node, over.is_some())?,
		};
		let removed = self.remove_name(old.directory, old.name, old.found.and_then(|found| found.entry));
		if removed.is_err() {
			match over {
				Some(over) => self.rename_to(new.directory, made, over),
				None => self.remove_name(new.directory, new.name, Some(made))?,
			}
			if self.kind(node) == kind::DIRECTORY {
				self.set(node, field::PARENT, old.directory.0);
			}
		}
		removed
	}

	/// Whether something may be renamed to what is there already.
	fn may_replace(&mut self, over: Node, directory: bool) -> Result<()> {
		match (directory, self.kind(over) == kind::DIRECTORY) {
			(true, false) => Err(Errno::NotDir),
			(false, true) => Err(Errno::IsDir),
			(true, true) if !self.is_empty(over)? => Err(Errno::NotEmpty),
			_ => Ok(()),
		}
	}

	/// Whether a directory is another or below it.
	fn is_within(&self, directory: Node, other: Node) -> bool {
		let mut at = directory;
		while at != other {
			at = Node(self.get(at, field::PARENT));
			if at == Node(0) {
				return false;
			}
		}
		true
	}
}
