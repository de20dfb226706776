//! Listing directories.
//!
//! A place in a list is a number that stays true whatever happens to other entries: first what the input has, by index,
//! then what the image has, then what the program made, in that order. What is hidden or removed is passed over.

use crate::{
	errno::{Errno, Result},
	host::{scratch, Host, Region},
	node::{field, inode, kind, Node, INPUT},
	text::Name,
	wasi::Wasi,
};

/// Bytes of an entry before its name, as a program gets it.
const HEADER: u32 = 24;
/// Places before those of a directory's list: those of `.` and `..`.
const DOTS: u64 = 2;

/// An entry of a list. Its name is in the scratch room until the next one is read.
pub(crate) struct Item {
	/// The place after it.
	pub next: u64,
	pub inode: u64,
	pub kind: u32,
	pub name: Name,
}

impl<H: Host> Wasi<H> {
	/// Where an item's name is.
	fn item_name(&self) -> u32 {
		self.scratch(scratch::LISTED) + HEADER
	}

	/// The first entry of a directory's list from a place on.
	#[inline(never)]
	pub(crate) fn item(&mut self, directory: Node, from: u64) -> Result<Option<Item>> {
		let mut at = from;
		let (_, _, input) = self.children(directory, Region::Input);
		let (_, _, image) = self.children(directory, Region::Image);
		let lower = u64::from(input) + u64::from(image);
		while at < lower {
			let item = self.lower_item(directory, input, at)?;
			at += 1;
			if item.is_some() {
				return Ok(item);
			}
		}
		let slots = self.get(directory, field::SIZE);
		while at - lower < slots.into() {
			let entry = self.listed(directory, (at - lower) as u32);
			at += 1;
			let Some((entry, node)) = entry.and_then(|entry| Some((entry, self.entry_node(entry)?))) else {
				continue;
			};
			let (to, name) = (self.item_name(), self.entry_name(entry));
			self.host.copy(to, name.at, name.len);
			return Ok(Some(Item {
				next: at,
				inode: self.node_inode(node),
				kind: self.kind(node),
				name: Name { at: to, len: name.len },
			}));
		}
		Ok(None)
	}

	/// What an archive has at a place, unless it is hidden. So many places are the input's.
	fn lower_item(&mut self, directory: Node, input: u32, at: u64) -> Result<Option<Item>> {
		let (region, mark, place) = match at.checked_sub(input.into()) {
			None => (Region::Input, INPUT, at as u32),
			Some(at) => (Region::Image, 0, at as u32),
		};
		let (parent, first, _) = self.children(directory, region);
		let index = first + place;
		let (kind, read) = self.child(region, parent, index)?;
		let name = Name {
			at: self.item_name(),
			len: read.len,
		};
		self.host.copy(name.at, read.at, read.len);
		self.check_name(name)?;
		if self.entry(directory, name).is_some() {
			return Ok(None);
		}
		if region == Region::Image && input > 0 && self.find(Region::Input, directory, name)?.is_some() {
			return Ok(None);
		}
		Ok(Some(Item {
			next: at + 1,
			inode: inode(mark | index),
			kind,
			name,
		}))
	}

	/// Refuses a name of an archive that no path could mean.
	fn check_name(&self, name: Name) -> Result<()> {
		let slash = u32::from(b'/');
		let bad = self.is(name, b".") || self.is(name, b"..") || self.find_byte(name.at, name.len, slash) < name.len;
		if bad || self.check_text(name.at, name.len).is_err() {
			return Err(Errno::Io);
		}
		Ok(())
	}

	/// Whether a directory has no entries.
	pub(crate) fn is_empty(&mut self, directory: Node) -> Result<bool> {
		if self.get(directory, field::LIVE) > 0 {
			return Ok(false);
		}
		Ok(self.item(directory, 0)?.is_none())
	}

	/// Stores entries of a directory from a place on, as many as there is room for, the last one cut off.
	pub fn fd_readdir(&mut self, fd: u32, at: u32, len: u32, cookie: u64, done_at: u32) -> Result<()> {
		let directory = self.directory(fd)?;
		self.inside(at, len.into())?;
		self.inside(done_at, 4)?;
		let (mut done, mut cookie) = (0, cookie);
		while done < len {
			let item = match cookie.checked_sub(DOTS) {
				None => self.dots(directory, cookie),
				Some(from) => match self.item(directory, from)? {
					Some(item) => Item {
						next: item.next + DOTS,
						..item
					},
					None => break,
				},
			};
			let header = self.scratch(scratch::LISTED);
			self.host.store64(header, 0, item.next);
			self.host.store64(header, 8, item.inode);
			self.host.store32(header, 16, item.name.len);
			self.host.store32(header, 20, item.kind);
			let some = (HEADER + item.name.len).min(len - done);
			self.host.copy_out(at + done, header, some);
			done += some;
			cookie = item.next;
		}
		self.host.program_store32(done_at, done);
		Ok(())
	}

	/// `.` at place 0, `..` at place 1. The root and what was removed are their own parents.
	fn dots(&mut self, directory: Node, cookie: u64) -> Item {
		let at = self.item_name();
		self.host.store16(at, 0, u32::from(u16::from_le_bytes(*b"..")));
		let node = match (cookie, self.get(directory, field::PARENT)) {
			(0, _) | (_, 0) => directory,
			(_, parent) => Node(parent),
		};
		Item {
			next: cookie + 1,
			inode: self.node_inode(node),
			kind: kind::DIRECTORY,
			name: Name {
				at,
				len: cookie as u32 + 1,
			},
		}
	}
}
