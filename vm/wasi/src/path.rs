//! Paths: component by component from an open directory, by nodes and not by text.
//!
//! `..` above the root and absolute paths are refused. The text of a symbolic link may be absolute and starts at the root
//! then; 40 are followed. A slash at the end demands a directory.

use crate::{
	errno::{Errno, Result},
	host::{scratch, Host},
	layers::Found,
	node::{field, kind, Node},
	setup,
	text::Name,
	wasi::{slot, Wasi},
};

/// Symbolic links that one path may lead through.
const LINKS: usize = 40;
/// Bytes of a component.
const COMPONENT: u32 = 255;
/// The bit of a program's flags that a symbolic link at the end is followed, too.
pub(crate) const FOLLOW: u32 = 1;

/// What happens to a symbolic link at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
	/// It is followed.
	Follow,
	/// It is what the path means, unless a slash comes after it.
	Keep,
	/// It is what the path means: it will be made, renamed or removed.
	Name,
}

impl Last {
	/// What a program's flags ask for.
	pub fn of(flags: u32) -> Self {
		match flags & FOLLOW {
			0 => Self::Keep,
			_ => Self::Follow,
		}
	}
}

/// Where a path leads.
#[derive(Clone, Copy)]
pub(crate) struct Place {
	/// The directory that the last component is in.
	pub directory: Node,
	/// The last component; empty for `.`, `..` and the root, whose node is `found`.
	pub name: Name,
	/// Whether a slash came at the end.
	pub slash: bool,
	/// What is there.
	pub found: Option<Found>,
}

impl Place {
	/// What is there. What is no directory must not have a slash behind it.
	pub fn existing(&self) -> Result<Found> {
		let found = self.found.ok_or(Errno::NoEnt)?;
		if self.slash && found.kind != kind::DIRECTORY {
			return Err(Errno::NotDir);
		}
		Ok(found)
	}

	/// Whether it is `.`, `..` or the root, not a name.
	pub fn unnamed(&self) -> bool {
		self.name.len == 0
	}
}

impl<H: Host> Wasi<H> {
	/// The directory that a file descriptor is.
	pub(crate) fn directory(&mut self, fd: u32) -> Result<Node> {
		let slot = self.slot(fd)?;
		if slot < slot::ROOT {
			return Err(Errno::NotDir);
		}
		self.files()?;
		let node = self.slot_node(slot);
		if self.kind(node) != kind::DIRECTORY {
			return Err(Errno::NotDir);
		}
		Ok(node)
	}

	/// Where a path of the program's leads, from an open directory.
	#[inline(never)]
	pub(crate) fn walk(&mut self, fd: u32, path: u32, len: u32, last: Last) -> Result<Place> {
		let directory = self.directory(fd)?;
		let text = self.path_text(path, len)?;
		if self.host.load8(text.at, 0) == u32::from(b'/') {
			return Err(Errno::Perm);
		}
		self.walk_text(directory, text, last)
	}

	/// Takes a path of the program's to the scratch room.
	fn path_text(&mut self, path: u32, len: u32) -> Result<Name> {
		self.inside(path, len.into())?;
		if len > setup::PATH {
			return Err(Errno::NameTooLong);
		}
		if len == 0 {
			return Err(Errno::NoEnt);
		}
		let at = self.scratch(scratch::PATH);
		self.host.copy_in(at, path, len);
		self.check_text(at, len)?;
		Ok(Name { at, len })
	}

	/// Where a text leads from a directory. The text is not empty and was checked.
	#[inline(never)]
	pub(crate) fn walk_text(&mut self, from: Node, text: Name, last: Last) -> Result<Place> {
		// What comes after links that are being followed; none of them is empty.
		let mut rests = [(0, 0); LINKS];
		let mut deep = 0_usize;
		let mut links = 0;
		let mut directory = from;
		let (mut at, mut end) = (text.at, text.at + text.len);
		let mut slash = false;
		at = self.skip_slashes(at, end);
		loop {
			let start = at;
			at += self.find_byte(at, end - at, u32::from(b'/'));
			let name = Name {
				at: start,
				len: at - start,
			};
			let cut = at < end;
			at = self.skip_slashes(at, end);
			if at == end {
				if let Some(rest) = deep.checked_sub(1).and_then(|above| rests.get(above)) {
					(at, end) = *rest;
					deep -= 1;
				}
			}
			// A text of slashes has an empty component, which is the directory itself.
			let is_last = at == end;
			slash |= is_last && cut;
			let here = if name.len == 0 || self.is(name, b".") {
				Some(directory)
			} else if self.is(name, b"..") {
				Some(self.parent(directory)?)
			} else {
				None
			};
			if let Some(here) = here {
				if is_last {
					let found = Some(self.found(here, None));
					return Ok(Place {
						directory: here,
						name: Name { at: start, len: 0 },
						slash,
						found,
					});
				}
				directory = here;
				continue;
			}
			if name.len > COMPONENT {
				return Err(Errno::NameTooLong);
			}
			let found = self.look_up(directory, name)?;
			let keep = match last {
				Last::Follow => false,
				Last::Keep => is_last && !slash,
				Last::Name => is_last,
			};
			match found {
				Some(found) if found.kind == kind::LINK && !keep => {
					links += 1;
					if links > LINKS {
						return Err(Errno::Loop);
					}
					let link = self.node(directory, name, found)?;
					if !is_last {
						if let Some(rest) = rests.get_mut(deep) {
							*rest = (at, end);
							deep += 1;
						}
					}
					at = self.get(link, field::TABLE);
					end = at + self.get(link, field::SIZE);
					if self.host.load8(at, 0) == u32::from(b'/') {
						directory = self.root;
					}
					at = self.skip_slashes(at, end);
				}
				_ if is_last => {
					return Ok(Place {
						directory,
						name,
						slash,
						found,
					})
				}
				None => return Err(Errno::NoEnt),
				Some(found) if found.kind == kind::DIRECTORY => directory = self.node(directory, name, found)?,
				Some(_) => return Err(Errno::NotDir),
			}
		}
	}

	/// The directory that a directory is in.
	fn parent(&self, directory: Node) -> Result<Node> {
		match self.get(directory, field::PARENT) {
			0 if directory == self.root => Err(Errno::Perm),
			0 => Err(Errno::NoEnt),
			parent => Ok(Node(parent)),
		}
	}
}
