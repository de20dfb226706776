//! Packing files into an image: a ustar that begins with the index by which it is read (see `layers.rs`).
//!
//! A [`Plan`] knows where everything will be before any content is read, so that an image is written in one go, whatever
//! its size, and the same entries give the same bytes.

use super::headers::{header, pad, pax, split, BLOCK};
use std::{
	collections::BTreeMap,
	error, fmt,
	io::{self, Write},
	string::String,
	vec::Vec,
};

/// What an entry is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
	/// A directory.
	Directory,
	/// A file of so many bytes.
	File(u64),
	/// A symbolic link with its text.
	Link(Vec<u8>),
	/// Another name of a file; the path is one of the other entries.
	Same(Vec<u8>),
}

/// An entry of an image.
#[derive(Clone, Debug)]
pub struct Entry {
	/// Its path from the root, without a slash at either end; empty for the root itself.
	pub path: Vec<u8>,
	/// What it is.
	pub kind: Kind,
	/// Whether it may be executed.
	pub executable: bool,
	/// When it was last written to, in seconds since 1970.
	pub mtime: u32,
}

/// Why entries are no image.
#[derive(Debug)]
pub enum Error {
	/// A path is empty, too long, not UTF-8, or has a component that is empty, `.`, `..`, too long or has a NUL.
	Path(Vec<u8>),
	/// There are more than 256 directories above it.
	Depth(Vec<u8>),
	/// It is a directory and something else at once, or lies in what is no directory.
	Conflict(Vec<u8>),
	/// It has the content of what is not there or is no file.
	Same(Vec<u8>),
	/// A symbolic link without a text, or with one of more than 4,096 bytes.
	Link(Vec<u8>),
	/// It is larger than 2^32 - 1 bytes, or the image is.
	Size(Vec<u8>),
	/// What it contains is not of the length that was stated.
	Changed(Vec<u8>),
	/// Writing failed.
	Io(io::Error),
}

impl fmt::Display for Error {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (path, what) = match self {
			Self::Path(path) => (
				path,
				"is no path of an image: names are UTF-8 of at most 255 bytes, paths of at most 4,096",
			),
			Self::Depth(path) => (path, "has more than 256 directories above it"),
			Self::Conflict(path) => (path, "is a directory and something else at once"),
			Self::Same(path) => (path, "has the content of a file that is not there"),
			Self::Link(path) => (path, "is a symbolic link without a text, or with a long one"),
			Self::Size(path) => (path, "is too large"),
			Self::Changed(path) => (path, "changed its size meanwhile"),
			Self::Io(error) => return error.fmt(f),
		};
		write!(f, "`{}` {what}", String::from_utf8_lossy(path))
	}
}

impl error::Error for Error {
	fn source(&self) -> Option<&(dyn error::Error + 'static)> {
		match self {
			Self::Io(error) => Some(error),
			_ => None,
		}
	}
}

impl From<io::Error> for Error {
	fn from(error: io::Error) -> Self {
		Self::Io(error)
	}
}

/// Bytes of an index before its nodes, and of a node.
const RECORD: u64 = 32;
const NONE: usize = usize::MAX;

/// A node of the index.
struct Node {
	name: Vec<u8>,
	path: Vec<u8>,
	parent: usize,
	/// Which entry it is; none for a directory that is only implied.
	entry: usize,
	kind: Kind,
	executable: bool,
	mtime: u32,
	children: BTreeMap<Vec<u8>, usize>,
	/// Where its headers begin, where its content is, and its place in the index.
	header: u64,
	data: u64,
	index: u32,
}

/// Where everything in an image will be.
pub struct Plan {
	nodes: Vec<Node>,
	/// Nodes in the order of the index: level by level, the children of each directory sorted.
	levels: Vec<usize>,
	/// Nodes in the order of the archive: by path.
	order: Vec<usize>,
	names_len: u64,
	len: u64,
}

impl Plan {
	/// Lays out entries. Of several with one path the last counts; directories that are not named are added.
	pub fn new(entries: Vec<Entry>) -> Result<Self, Error> {
		let mut plan = Self {
			nodes: Vec::new(),
			levels: Vec::new(),
			order: Vec::new(),
			names_len: 0,
			len: 0,
		};
		plan.nodes.push(Node::directory(Vec::new(), Vec::new(), NONE));
		for (number, entry) in entries.into_iter().enumerate() {
			plan.add(number, entry)?;
		}
		plan.number();
		plan.resolve()?;
		plan.place()?;
		Ok(plan)
	}

	/// Bytes of the image.
	#[allow(clippy::len_without_is_empty)]
	pub fn len(&self) -> u64 {
		self.len
	}

	fn add(&mut self, number: usize, entry: Entry) -> Result<(), Error> {
		let path = &entry.path;
		if path.len() > 4_096 || core::str::from_utf8(path).is_err() {
			return Err(Error::Path(entry.path));
		}
		let mut at = 0;
		let mut depth = 0;
		let mut end = 0;
		for component in path.split(|byte| *byte == b'/').filter(|_| !path.is_empty()) {
			if matches!(component, b"" | b"." | b"..") || component.len() > 255 || component.contains(&0) {
				return Err(Error::Path(entry.path));
			}
			depth += 1;
			if depth > 256 {
				return Err(Error::Depth(entry.path));
			}
			if self.nodes[at].kind != Kind::Directory {
				return Err(Error::Conflict(entry.path));
			}
			end += component.len() + usize::from(end > 0);
			let new = self.nodes.len();
			let child = *self.nodes[at].children.entry(component.to_vec()).or_insert(new);
			if child == new {
				self.nodes
					.push(Node::directory(component.to_vec(), path[..end].to_vec(), at));
			}
			at = child;
		}
		match &entry.kind {
			Kind::File(size) if *size > u32::MAX.into() => return Err(Error::Size(entry.path)),
			Kind::Link(text) if text.is_empty() || text.len() > 4_096 => return Err(Error::Link(entry.path)),
			_ => {}
		}
		let node = &mut self.nodes[at];
		let implied = node.entry == NONE && node.children.is_empty() && at != 0;
		if !implied && (node.kind == Kind::Directory) != (entry.kind == Kind::Directory) {
			return Err(Error::Conflict(entry.path));
		}
		node.entry = number;
		node.executable = entry.executable;
		node.mtime = entry.mtime;
		node.kind = entry.kind;
		Ok(())
	}

	/// Orders nodes for the index and for the archive.
	fn number(&mut self) {
		self.levels.push(0);
		let mut at = 0;
		while at < self.levels.len() {
			let node = self.levels[at];
			self.nodes[node].index = at as u32;
			self.levels.extend(self.nodes[node].children.values());
			at += 1;
		}
		self.order = (1..self.nodes.len()).collect();
		self.order.sort_by_key(|node| self.nodes[*node].full_path());
		self.names_len = self.nodes.iter().map(|node| node.name.len() as u64).sum();
	}

	/// Finds where everything goes.
	fn place(&mut self) -> Result<(), Error> {
		let mut at = BLOCK + self.index_len().next_multiple_of(BLOCK);
		for node in self.order.clone() {
			let node = &mut self.nodes[node];
			node.header = at;
			at += node.headers().len() as u64;
			node.data = match &node.kind {
				Kind::Link(text) if text.len() <= 100 => at - BLOCK + 157,
				// At the end of what pax says, before the end of the line.
				Kind::Link(text) => node.header + BLOCK + (node.pax().len() - 1 - text.len()) as u64,
				_ => at,
			};
			if let Kind::File(size) = node.kind {
				at += size.next_multiple_of(BLOCK);
			}
			if at > u32::MAX.into() {
				return Err(Error::Size(node.path.clone()));
			}
		}
		self.len = at + 2 * BLOCK;
		for node in self.order.clone() {
			if let Some(same) = self.same(node) {
				self.nodes[node].data = self.nodes[same].data;
			}
		}
		Ok(())
	}

	/// Of all names of a file, has the first in the archive's order be the one with the content.
	fn resolve(&mut self) -> Result<(), Error> {
		let mut names: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
		for node in &self.order {
			let mut file = *node;
			let mut steps = 0;
			while let Some(same) = self.same(file) {
				file = same;
				steps += 1;
				if steps > self.nodes.len() {
					return Err(Error::Same(self.nodes[*node].path.clone()));
				}
			}
			match self.nodes[file].kind {
				Kind::File(_) => names.entry(file).or_default().push(*node),
				Kind::Same(_) => return Err(Error::Same(self.nodes[*node].path.clone())),
				_ if file != *node => return Err(Error::Same(self.nodes[*node].path.clone())),
				_ => {}
			}
		}
		for (file, names) in names {
			let (entry, kind) = (self.nodes[file].entry, self.nodes[file].kind.clone());
			let path = self.nodes[names[0]].path.clone();
			for name in &names {
				self.nodes[*name].kind = Kind::Same(path.clone());
			}
			let first = &mut self.nodes[names[0]];
			(first.entry, first.kind) = (entry, kind);
		}
		Ok(())
	}

	/// The node whose other name a node is.
	fn same(&self, node: usize) -> Option<usize> {
		match &self.nodes[node].kind {
			Kind::Same(path) => self.find(path),
			_ => None,
		}
	}

	fn find(&self, path: &[u8]) -> Option<usize> {
		let mut at = 0;
		for component in path.split(|byte| *byte == b'/') {
			at = *self.nodes[at].children.get(component)?;
		}
		Some(at)
	}

	fn index_len(&self) -> u64 {
		RECORD + RECORD * self.nodes.len() as u64 + self.names_len
	}

	/// Writes the image. `contents` is asked for what each file contains, by the number of its entry, in the order in
	/// which files come.
	pub fn write<W: Write>(
		&self,
		out: &mut W,
		mut contents: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
	) -> Result<(), Error> {
		let index = self.index();
		out.write_all(&header(
			b".millrace-index",
			b"",
			b"",
			b'0',
			false,
			index.len() as u64,
			0,
		))?;
		out.write_all(&index)?;
		pad(out, index.len() as u64)?;
		for node in &self.order {
			let node = &self.nodes[*node];
			out.write_all(&node.headers())?;
			if let Kind::File(size) = node.kind {
				let mut counted = Counted {
					out,
					left: size,
					over: false,
				};
				contents(node.entry, &mut counted)?;
				if counted.over || counted.left > 0 {
					return Err(Error::Changed(node.path.clone()));
				}
				pad(out, size)?;
			}
		}
		out.write_all(&[0; 2 * BLOCK as usize])?;
		Ok(())
	}

	fn index(&self) -> Vec<u8> {
		let mut index = b"MRINDEX1".to_vec();
		index.extend((self.nodes.len() as u32).to_le_bytes());
		index.extend((self.names_len as u32).to_le_bytes());
		index.extend([0; 16]);
		let mut names = Vec::new();
		for node in &self.levels {
			let node = &self.nodes[*node];
			let (data, size, kind) = match &node.kind {
				Kind::Directory => {
					let first = node.children.values().next();
					let first = first.map_or(node.index + 1, |first| self.nodes[*first].index);
					(first.into(), node.children.len() as u64, 0)
				}
				Kind::File(size) => (node.data, *size, 1),
				Kind::Link(text) => (node.data, text.len() as u64, 2),
				Kind::Same(path) => match self.find(path).map(|same| &self.nodes[same].kind) {
					Some(Kind::File(size)) => (node.data, *size, 1),
					_ => (node.data, 0, 1),
				},
			};
			index.extend(data.to_le_bytes());
			index.extend(size.to_le_bytes());
			index.extend((names.len() as u32).to_le_bytes());
			index.extend((node.name.len() as u16).to_le_bytes());
			index.extend([kind, u8::from(node.executable && kind == 1)]);
			index.extend(node.mtime.to_le_bytes());
			let parent = self.nodes.get(node.parent).map_or(0, |parent| parent.index);
			index.extend(parent.to_le_bytes());
			names.extend_from_slice(&node.name);
		}
		index.extend(names);
		index
	}
}

impl Node {
	fn directory(name: Vec<u8>, path: Vec<u8>, parent: usize) -> Self {
		Self {
			name,
			path,
			parent,
			entry: NONE,
			kind: Kind::Directory,
			executable: false,
			mtime: 0,
			children: BTreeMap::new(),
			header: 0,
			data: 0,
			index: 0,
		}
	}

	/// The path as an archive has it: with a slash at the end of a directory's.
	fn full_path(&self) -> Vec<u8> {
		let mut path = self.path.clone();
		if self.kind == Kind::Directory {
			path.push(b'/');
		}
		path
	}

	fn link(&self) -> &[u8] {
		match &self.kind {
			Kind::Link(text) | Kind::Same(text) => text,
			_ => b"",
		}
	}

	/// What pax says before the header, a link's text last.
	fn pax(&self) -> Vec<u8> {
		let mut records = Vec::new();
		if split(&self.full_path()).is_none() {
			records.extend(pax(b"path", &self.full_path()));
		}
		if self.link().len() > 100 {
			records.extend(pax(b"linkpath", self.link()));
		}
		records
	}

	/// All headers.
	fn headers(&self) -> Vec<u8> {
		let mut headers = Vec::new();
		let records = self.pax();
		if !records.is_empty() {
			headers.extend(header(b"pax", b"", b"", b'x', false, records.len() as u64, 0));
			headers.extend(&records);
			headers.resize(headers.len().next_multiple_of(512), 0);
		}
		let path = self.full_path();
		let (prefix, name) = match split(&path) {
			Some(0) | None => (&b""[..], &path[..path.len().min(100)]),
			Some(at) => (&path[..at], &path[at + 1..]),
		};
		let link = &self.link()[..self.link().len().min(100)];
		let (kind, size) = match self.kind {
			Kind::Directory => (b'5', 0),
			Kind::File(size) => (b'0', size),
			Kind::Link(_) => (b'2', 0),
			Kind::Same(_) => (b'1', 0),
		};
		let executable = self.executable || kind == b'5';
		headers.extend(header(name, prefix, link, kind, executable, size, self.mtime));
		headers
	}
}

/// Takes as many bytes as were stated.
struct Counted<'a, W> {
	out: &'a mut W,
	left: u64,
	over: bool,
}

impl<W: Write> Write for Counted<'_, W> {
	fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
		let some = (bytes.len() as u64).min(self.left) as usize;
		self.over |= some < bytes.len();
		self.out.write_all(&bytes[..some])?;
		self.left -= some as u64;
		Ok(bytes.len())
	}

	fn flush(&mut self) -> io::Result<()> {
		self.out.flush()
	}
}
