//! A file system of standard collections, as POSIX and WASI describe one, to compare with.

use crate::common::*;
use std::collections::BTreeMap;

pub type Id = usize;

#[derive(Clone, Debug)]
pub enum Kind {
	Directory {
		entries: BTreeMap<String, Id>,
		parent: Option<Id>,
	},
	File(Vec<u8>),
	Link(String),
	Null,
}

#[derive(Clone, Debug)]
pub struct Node {
	pub kind: Kind,
	pub links: u64,
}

#[derive(Clone, Debug)]
pub struct Open {
	pub node: Id,
	pub read: bool,
	pub write: bool,
	pub append: bool,
	pub at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Last {
	Follow,
	Keep,
	Name,
}

pub struct Place {
	pub directory: Id,
	/// None for the directory itself.
	pub name: Option<String>,
	pub slash: bool,
	pub found: Option<Id>,
}

pub const TOP: Id = 0;

pub struct Model {
	pub nodes: Vec<Node>,
	pub fds: BTreeMap<u32, Open>,
}

impl Model {
	pub fn new() -> Self {
		let mut model = Self {
			nodes: Vec::new(),
			fds: BTreeMap::new(),
		};
		model.nodes.push(Node {
			kind: Kind::Directory {
				entries: BTreeMap::new(),
				parent: None,
			},
			links: 1,
		});
		let root = Open {
			node: TOP,
			read: false,
			write: false,
			append: false,
			at: 0,
		};
		model.fds.insert(ROOT, root);
		model
	}

	/// What is there before the program starts, over what archives have.
	pub fn prepare(&mut self) {
		let _ = self.mkdir(ROOT, "tmp");
		let _ = self.mkdir(ROOT, "dev");
		let null = self.add(Kind::Null);
		self.enter(self.entry(TOP, "dev").unwrap(), "null", null);
	}

	/// As in a folder of a computer, where there is no such device.
	pub fn without_null(&mut self) {
		let dev = self.entry(TOP, "dev").expect("it is prepared");
		let Kind::Directory { entries, .. } = &mut self.nodes[dev].kind else {
			panic!("it is a folder")
		};
		entries.remove("null");
	}

	/// Puts an entry of an archive where it belongs.
	pub fn unpack(&mut self, path: &str, kind: Kind) {
		let mut at = TOP;
		let components: Vec<&str> = path.split('/').collect();
		for (i, component) in components.iter().enumerate() {
			let last = i + 1 == components.len();
			let is_directory = matches!(kind, Kind::Directory { .. }) || !last;
			at = match self.entry(at, component) {
				Some(found) if is_directory && self.is_directory(found) => found,
				_ => {
					let kind = if last && !is_directory {
						kind.clone()
					} else {
						Kind::Directory {
							entries: BTreeMap::new(),
							parent: Some(at),
						}
					};
					let new = self.add(kind);
					self.enter(at, component, new);
					new
				}
			};
		}
	}

	fn add(&mut self, kind: Kind) -> Id {
		self.nodes.push(Node { kind, links: 1 });
		self.nodes.len() - 1
	}

	pub fn is_directory(&self, id: Id) -> bool {
		matches!(self.nodes[id].kind, Kind::Directory { .. })
	}

	pub fn entry(&self, directory: Id, name: &str) -> Option<Id> {
		match &self.nodes[directory].kind {
			Kind::Directory { entries, .. } => entries.get(name).copied(),
			_ => None,
		}
	}

	pub fn entries(&self, directory: Id) -> &BTreeMap<String, Id> {
		match &self.nodes[directory].kind {
			Kind::Directory { entries, .. } => entries,
			_ => panic!("no directory"),
		}
	}

	fn enter(&mut self, directory: Id, name: &str, id: Id) {
		if let Kind::Directory { entries, .. } = &mut self.nodes[directory].kind {
			entries.insert(name.into(), id);
		}
		if let Kind::Directory { parent, .. } = &mut self.nodes[id].kind {
			*parent = Some(directory);
		}
	}

	/// Takes a name away; the node has one less.
	fn leave(&mut self, directory: Id, name: &str) {
		if let Kind::Directory { entries, .. } = &mut self.nodes[directory].kind {
			if let Some(id) = entries.remove(name) {
				self.unname(id);
			}
		}
	}

	fn unname(&mut self, id: Id) {
		self.nodes[id].links -= 1;
		if let Kind::Directory { parent, .. } = &mut self.nodes[id].kind {
			*parent = None;
		}
	}

	fn removed(&self, directory: Id) -> bool {
		self.nodes[directory].links == 0
	}

	fn directory(&self, fd: u32) -> Result<Id, u32> {
		let node = match fd {
			0..=2 => return Err(NOTDIR),
			_ => self.fds.get(&fd).ok_or(BADF)?.node,
		};
		if self.is_directory(node) {
			Ok(node)
		} else {
			Err(NOTDIR)
		}
	}

	pub fn walk(&self, fd: u32, path: &str, last: Last) -> Result<Place, u32> {
		let directory = self.directory(fd)?;
		if path.is_empty() {
			return Err(NOENT);
		}
		if path.starts_with('/') {
			return Err(PERM);
		}
		self.resolve(directory, path, last, &mut 0)
	}

	fn resolve(&self, from: Id, path: &str, last: Last, links: &mut u32) -> Result<Place, u32> {
		let mut directory = from;
		let mut slash = path.ends_with('/');
		let components: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
		let here = |directory| Place {
			directory,
			name: None,
			slash: false,
			found: Some(directory),
		};
		if components.is_empty() {
			return Ok(here(directory));
		}
		let end = components.len() - 1;
		for (i, component) in components.iter().enumerate() {
			let is_last = i == end;
			match *component {
				"." if is_last => return Ok(here(directory)),
				"." => continue,
				".." => {
					let Kind::Directory { parent, .. } = self.nodes[directory].kind else {
						panic!("no directory")
					};
					directory = parent.ok_or(if directory == TOP { PERM } else { NOENT })?;
					if is_last {
						return Ok(here(directory));
					}
					continue;
				}
				_ => {}
			}
			let found = self.entry(directory, component);
			let place = Place {
				directory,
				name: Some((*component).into()),
				slash,
				found,
			};
			let followed = match last {
				Last::Follow => true,
				Last::Keep => slash,
				Last::Name => false,
			};
			if let Some(Kind::Link(text)) = found.map(|found| &self.nodes[found].kind) {
				if !is_last || followed {
					*links += 1;
					if *links > 40 {
						return Err(LOOP);
					}
					let start = if text.starts_with('/') { TOP } else { directory };
					if is_last {
						let mut place = self.resolve(start, text, if slash { Last::Follow } else { last }, links)?;
						place.slash |= slash;
						return Ok(place);
					}
					let place = self.resolve(start, text, Last::Follow, links)?;
					directory = place.found.ok_or(NOENT)?;
					if !self.is_directory(directory) {
						return Err(NOTDIR);
					}
					continue;
				}
			}
			if is_last {
				return Ok(place);
			}
			directory = found.ok_or(NOENT)?;
			if !self.is_directory(directory) {
				return Err(NOTDIR);
			}
			slash |= false;
		}
		unreachable!("the last component returns");
	}

	fn existing(&self, place: &Place) -> Result<Id, u32> {
		let found = place.found.ok_or(NOENT)?;
		if place.slash && !self.is_directory(found) {
			return Err(NOTDIR);
		}
		Ok(found)
	}

	pub fn open(&mut self, fd: u32, path: &str, follow: bool, ask: u64, rights: u64, flags: u64) -> Result<u32, u32> {
		let (read, write) = (rights & READ != 0, rights & WRITE != 0);
		if ask & (CREATE | DIRECTORY) == CREATE | DIRECTORY || (ask & TRUNCATE != 0 && !write) {
			return Err(INVAL);
		}
		let new = ask & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE;
		let last = match (new, follow) {
			(true, _) => Last::Name,
			(_, true) => Last::Follow,
			_ => Last::Keep,
		};
		let place = self.walk(fd, path, last)?;
		let node = match place.found {
			None => {
				if ask & CREATE == 0 {
					return Err(NOENT);
				}
				if place.slash {
					return Err(ISDIR);
				}
				if self.removed(place.directory) {
					return Err(NOENT);
				}
				let file = self.add(Kind::File(Vec::new()));
				self.enter(place.directory, &place.name.unwrap(), file);
				file
			}
			Some(_) if new => return Err(EXIST),
			Some(found) => {
				match self.nodes[found].kind {
					Kind::Directory { .. } if write || ask & CREATE != 0 => return Err(ISDIR),
					Kind::Link(_) => return Err(LOOP),
					Kind::File(_) | Kind::Null if place.slash || ask & DIRECTORY != 0 => return Err(NOTDIR),
					_ => {}
				}
				if let (Kind::File(content), true) = (&mut self.nodes[found].kind, ask & TRUNCATE != 0) {
					content.clear();
				}
				found
			}
		};
		let fd = (3..).find(|fd| !self.fds.contains_key(fd)).unwrap();
		self.fds.insert(
			fd,
			Open {
				node,
				read,
				write,
				append: flags & APPEND != 0,
				at: 0,
			},
		);
		Ok(fd)
	}

	pub fn close(&mut self, fd: u32) -> Result<(), u32> {
		self.fds.remove(&fd).map(|_| ()).ok_or(BADF)
	}

	pub fn renumber(&mut self, fd: u32, to: u32) -> Result<(), u32> {
		if !self.fds.contains_key(&fd) || !self.fds.contains_key(&to) {
			return Err(BADF);
		}
		if fd != to {
			let open = self.fds.remove(&fd).unwrap();
			self.fds.insert(to, open);
		}
		Ok(())
	}

	fn file(&self, fd: u32) -> Result<Open, u32> {
		let open = self.fds.get(&fd).ok_or(BADF)?;
		if self.is_directory(open.node) {
			return Err(BADF);
		}
		Ok(open.clone())
	}

	fn size(&self, node: Id) -> u64 {
		match &self.nodes[node].kind {
			Kind::File(content) => content.len() as u64,
			_ => 0,
		}
	}

	pub fn read(&mut self, fd: u32, len: usize, offset: Option<u64>) -> Result<Vec<u8>, u32> {
		let open = self.file(fd)?;
		if !open.read {
			return Err(BADF);
		}
		let at = offset.unwrap_or(open.at);
		let bytes = match &self.nodes[open.node].kind {
			Kind::File(content) => {
				let from = (at as usize).min(content.len());
				content[from..(from + len).min(content.len())].to_vec()
			}
			_ => Vec::new(),
		};
		if offset.is_none() {
			self.fds.get_mut(&fd).unwrap().at += bytes.len() as u64;
		}
		Ok(bytes)
	}

	pub fn write(&mut self, fd: u32, bytes: &[u8], offset: Option<u64>) -> Result<u32, u32> {
		let open = self.file(fd)?;
		if !open.write {
			return Err(BADF);
		}
		let at = match offset {
			Some(offset) => offset,
			None if open.append => self.size(open.node),
			None => open.at,
		};
		let end = at as usize + bytes.len();
		let mut moved = 0;
		if let Kind::File(content) = &mut self.nodes[open.node].kind {
			if !bytes.is_empty() {
				if content.len() < end {
					content.resize(end, 0);
				}
				content[at as usize..end].copy_from_slice(bytes);
			}
			moved = end as u64;
		}
		if offset.is_none() {
			self.fds.get_mut(&fd).unwrap().at = moved;
		}
		Ok(bytes.len() as u32)
	}

	pub fn seek(&mut self, fd: u32, offset: i64, whence: u64) -> Result<u64, u32> {
		let open = self.file(fd)?;
		let from = [0, open.at, self.size(open.node)][whence as usize];
		let to = from as i64 + offset;
		if to < 0 {
			return Err(INVAL);
		}
		let to = if matches!(self.nodes[open.node].kind, Kind::Null) {
			0
		} else {
			to as u64
		};
		self.fds.get_mut(&fd).unwrap().at = to;
		Ok(to)
	}

	pub fn set_size(&mut self, fd: u32, size: u64) -> Result<(), u32> {
		let open = self.file(fd)?;
		match &mut self.nodes[open.node].kind {
			Kind::File(content) if open.write => {
				content.resize(size as usize, 0);
				Ok(())
			}
			_ => Err(INVAL),
		}
	}

	pub fn set_flags(&mut self, fd: u32, flags: u64) -> Result<(), u32> {
		self.fds.get_mut(&fd).ok_or(BADF)?.append = flags & APPEND != 0;
		Ok(())
	}

	pub fn mkdir(&mut self, fd: u32, path: &str) -> Result<(), u32> {
		let place = self.walk(fd, path, Last::Name)?;
		if place.found.is_some() {
			return Err(EXIST);
		}
		if self.removed(place.directory) {
			return Err(NOENT);
		}
		let new = self.add(Kind::Directory {
			entries: BTreeMap::new(),
			parent: None,
		});
		self.enter(place.directory, &place.name.unwrap(), new);
		Ok(())
	}

	pub fn unlink(&mut self, fd: u32, path: &str) -> Result<(), u32> {
		let place = self.walk(fd, path, Last::Name)?;
		let found = self.existing(&place)?;
		if self.is_directory(found) {
			return Err(ISDIR);
		}
		self.leave(place.directory, &place.name.unwrap());
		Ok(())
	}

	pub fn rmdir(&mut self, fd: u32, path: &str) -> Result<(), u32> {
		let place = self.walk(fd, path, Last::Name)?;
		let found = self.existing(&place)?;
		if !self.is_directory(found) {
			return Err(NOTDIR);
		}
		let Some(name) = place.name else {
			return Err(if found == TOP { BUSY } else { INVAL });
		};
		if !self.entries(found).is_empty() {
			return Err(NOTEMPTY);
		}
		self.leave(place.directory, &name);
		Ok(())
	}

	/// A name that is to be made.
	fn free(&self, fd: u32, path: &str) -> Result<(Id, String), u32> {
		let place = self.walk(fd, path, Last::Name)?;
		match place.found {
			Some(found) if place.slash && !self.is_directory(found) => Err(NOTDIR),
			Some(_) => Err(EXIST),
			None if place.slash || self.removed(place.directory) => Err(NOENT),
			None => Ok((place.directory, place.name.unwrap())),
		}
	}

	pub fn symlink(&mut self, text: &str, fd: u32, path: &str) -> Result<(), u32> {
		self.directory(fd)?;
		if text.is_empty() {
			return Err(NOENT);
		}
		let (directory, name) = self.free(fd, path)?;
		let link = self.add(Kind::Link(text.into()));
		self.enter(directory, &name, link);
		Ok(())
	}

	pub fn link(&mut self, fd: u32, follow: bool, path: &str, new_fd: u32, new: &str) -> Result<(), u32> {
		let place = self.walk(fd, path, if follow { Last::Follow } else { Last::Keep })?;
		let found = self.existing(&place)?;
		if self.is_directory(found) {
			return Err(PERM);
		}
		let (directory, name) = self.free(new_fd, new)?;
		self.enter(directory, &name, found);
		self.nodes[found].links += 1;
		Ok(())
	}

	pub fn readlink(&self, fd: u32, path: &str) -> Result<Vec<u8>, u32> {
		let place = self.walk(fd, path, Last::Keep)?;
		match &self.nodes[self.existing(&place)?].kind {
			Kind::Link(text) => Ok(text.clone().into_bytes()),
			_ => Err(INVAL),
		}
	}

	pub fn rename(&mut self, fd: u32, path: &str, new_fd: u32, new_path: &str) -> Result<(), u32> {
		let old = self.walk(fd, path, Last::Name)?;
		let node = self.existing(&old)?;
		let old_name = old.name.clone().ok_or(BUSY)?;
		let new = self.walk(new_fd, new_path, Last::Name)?;
		let directory = self.is_directory(node);
		let new_name = new.name.clone().ok_or(BUSY)?;
		if new.slash && !directory {
			return Err(NOTDIR);
		}
		if self.removed(new.directory) {
			return Err(NOENT);
		}
		let mut above = Some(new.directory);
		while let Some(at) = above {
			if at == node {
				return Err(INVAL);
			}
			above = match self.nodes[at].kind {
				Kind::Directory { parent, .. } => parent,
				_ => None,
			};
		}
		if let Some(over) = new.found {
			if over == node {
				return Ok(());
			}
			match (directory, self.is_directory(over)) {
				(true, false) => return Err(NOTDIR),
				(false, true) => return Err(ISDIR),
				(true, true) if !self.entries(over).is_empty() => return Err(NOTEMPTY),
				_ => {}
			}
			self.leave(new.directory, &new_name);
		}
		if let Kind::Directory { entries, .. } = &mut self.nodes[old.directory].kind {
			entries.remove(&old_name);
		}
		self.enter(new.directory, &new_name, node);
		Ok(())
	}

	/// Kind, names, size.
	pub fn stat(&self, fd: u32, path: &str, follow: bool) -> Result<(u8, u64, u64), u32> {
		let place = self.walk(fd, path, if follow { Last::Follow } else { Last::Keep })?;
		Ok(self.describe(self.existing(&place)?))
	}

	pub fn describe(&self, id: Id) -> (u8, u64, u64) {
		let node = &self.nodes[id];
		match &node.kind {
			Kind::Directory { .. } => (3, node.links, 0),
			Kind::File(content) => (4, node.links, content.len() as u64),
			Kind::Link(text) => (7, node.links, text.len() as u64),
			Kind::Null => (2, node.links, 0),
		}
	}
}
