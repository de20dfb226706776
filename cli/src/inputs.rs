//! A job's inputs: one a task, pieces of files or archives.

use crate::{
	failure::{Failure, Result},
	job::{setup::InputAs, words::split as split_words},
	pack::{is_tar, Package, Stamp},
	stored::Stored,
};
use millrace_client::{
	blobs::{root_of, Blob},
	words,
};
use millrace_primitives::{
	job::{MAX_TASKS, MAX_TASK_DATA},
	merkle, Hash,
};
use std::{
	fs::{self, File, Metadata},
	io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
	path::{Path, PathBuf},
	sync::Arc,
};

/// The longest list of arguments that a task adds, in bytes.
const MAX_WORDS: u64 = 64 * 1024;
/// What is longer is not read as a whole to be hashed.
const SMALL: u64 = 1 << 20;
/// Folders in folders, so deep.
const MAX_DEPTH: usize = 64;

/// How a file becomes tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
	/// It is one task.
	Whole,
	/// Each line is a task, without its end of line.
	Lines,
	/// Pieces of so many bytes, the last one shorter.
	Bytes(u64),
}

/// The input of a task.
#[derive(Clone, Debug)]
pub struct Piece {
	source: Source,
	/// Its length in bytes.
	pub len: u64,
	/// What it is called, relative to the folder of inputs; none for a part of a file.
	pub name: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Source {
	/// A file.
	File(Arc<Origin>),
	/// So many bytes of a file.
	Part { origin: Arc<Origin>, at: u64, len: u64 },
	/// A line of a file as a list of arguments.
	Words { origin: Arc<Origin>, at: u64, len: u64 },
	/// An archive that was made of a folder or a tar.
	Packed(Stored),
}

/// A file of the user's, which is read whenever it is asked for.
#[derive(Debug)]
struct Origin {
	path: PathBuf,
	/// What tells that it is as it was when it was found, before it was hashed.
	stamp: Stamp,
}

impl Origin {
	fn new(path: &Path, metadata: &Metadata) -> Self {
		Self {
			path: path.into(),
			stamp: Stamp::of(metadata),
		}
	}

	/// The file, opened, unless it was changed.
	fn open(&self) -> io::Result<File> {
		let file = File::open(&self.path)?;
		match self.stamp.has_same_content(&Stamp::of(&file.metadata()?)) {
			true => Ok(file),
			false => Err(io::Error::other("it changed since this job was made of it")),
		}
	}

	fn part(&self, at: u64, len: u64) -> io::Result<Vec<u8>> {
		let mut file = self.open()?;
		file.seek(SeekFrom::Start(at))?;
		let mut bytes = Vec::new();
		file.take(len).read_to_end(&mut bytes)?;
		Ok(bytes)
	}
}

impl Piece {
	/// As it is served.
	///
	/// # Errors
	/// If it cannot be read, or its file was changed.
	pub fn blob(&self) -> io::Result<Blob> {
		Ok(match &self.source {
			Source::File(origin) => origin.open().map(|_| Blob::File(origin.path.clone()))?,
			Source::Packed(stored) => Blob::File(stored.path().into()),
			_ => Blob::Bytes(self.read()?.into()),
		})
	}

	/// Reads it.
	pub fn read(&self) -> io::Result<Vec<u8>> {
		match &self.source {
			Source::File(origin) => origin.part(0, origin.stamp.len()),
			Source::Packed(stored) => fs::read(stored.path()),
			Source::Part { origin, at, len } => origin.part(*at, *len),
			Source::Words { origin, at, len } => {
				arguments(&origin.part(*at, *len)?).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
			}
		}
	}

	/// The file that it is in.
	pub fn path(&self) -> &Path {
		match &self.source {
			Source::File(origin) | Source::Part { origin, .. } | Source::Words { origin, .. } => &origin.path,
			Source::Packed(stored) => stored.path(),
		}
	}

	fn root(&self) -> io::Result<Hash> {
		let (root, len) = match &self.source {
			Source::Packed(stored) => (stored.address(), self.len),
			Source::File(origin) if self.len > SMALL => root_of(origin.open()?)?,
			_ if self.len > SMALL => {
				let bytes = self.read()?;
				root_of(&bytes[..])?
			}
			_ => {
				let bytes = self.read()?;
				(merkle::data_root(&bytes), bytes.len() as u64)
			}
		};
		match len == self.len {
			true => Ok(root),
			false => Err(io::Error::other("it changed while it was read")),
		}
	}
}

/// A line's words as a program's arguments: each with a NUL after it.
fn arguments(line: &[u8]) -> Result<Vec<u8>, &'static str> {
	let mut bytes = Vec::new();
	for word in split_words(line)? {
		bytes.extend(word);
		bytes.push(0);
	}
	match bytes.len() as u64 > MAX_WORDS {
		true => Err("more than 65,536 bytes of arguments"),
		false => Ok(bytes),
	}
}

/// The inputs of all tasks, in their order.
#[derive(Clone, Debug)]
pub struct Inputs {
	/// What they are.
	pub pieces: Vec<Piece>,
	/// Their data roots.
	pub roots: Arc<Vec<Hash>>,
}

/// Names in folders may have any characters.
fn failed(path: &Path, reason: impl std::fmt::Display) -> Failure {
	Failure::Input(words::line(&format!("{}: {reason}", path.display())))
}

impl Inputs {
	/// Finds and hashes the inputs: what a folder holds, in the order of the names, or a file that is cut.
	pub fn read(path: &Path, input: InputAs, cut: Cut) -> Result<Self> {
		crate::job::exists(path)?;
		let metadata = fs::metadata(path).map_err(|error| failed(path, error))?;
		if !metadata.is_dir() && !metadata.is_file() {
			return Err(failed(
				path,
				"neither a folder nor a file, but a pipe, a device or the like: name a file with the same content",
			));
		}
		if cut != Cut::Whole && (metadata.is_dir() || input == InputAs::Files) {
			return Err(failed(
				path,
				"lines and pieces are of a file; a folder, and an archive, are not cut",
			));
		}
		let pieces = match input {
			InputAs::Stdin if metadata.is_dir() => folder(path),
			InputAs::Stdin => file(path, &metadata, cut),
			InputAs::Args if metadata.is_dir() || matches!(cut, Cut::Bytes(_)) => Err(failed(
				path,
				"with arguments as input each line of a file is a task; name such a file",
			)),
			InputAs::Args => argument_lists(path, &metadata),
			InputAs::Files => archives(path, metadata.is_dir()),
		}?;
		if pieces.is_empty() {
			let what = match metadata.is_dir() && fs::read_dir(path).is_ok_and(|mut all| all.next().is_some()) {
				true => "no inputs: no file in it that is not hidden",
				false => "no inputs: it is empty",
			};
			return Err(failed(path, what));
		}
		if pieces.len() > MAX_TASKS as usize {
			return Err(failed(
				path,
				format!("{} tasks or more, a job may have {MAX_TASKS}", pieces.len()),
			));
		}
		let mut roots = Vec::with_capacity(pieces.len());
		for piece in &pieces {
			if piece.len > u64::from(MAX_TASK_DATA) {
				let reason = format!("an input of {} bytes, the limit is {MAX_TASK_DATA}", piece.len);
				return Err(failed(piece.path(), reason));
			}
			roots.push(piece.root().map_err(|error| failed(piece.path(), error))?);
		}
		Ok(Self {
			pieces,
			roots: Arc::new(roots),
		})
	}

	/// The number of tasks, at most [`MAX_TASKS`].
	pub fn tasks(&self) -> u32 {
		self.pieces.len() as u32
	}

	/// The root over all inputs.
	pub fn root(&self) -> Hash {
		merkle::list_root(&self.roots)
	}

	/// The length of the largest input in bytes, at most [`MAX_TASK_DATA`].
	pub fn largest(&self) -> u32 {
		self.pieces.iter().map(|piece| piece.len).max().unwrap_or_default() as u32
	}

	/// What inputs are called, those of all tasks in their order.
	pub fn names(&self) -> Vec<Option<&Path>> {
		self.pieces.iter().map(|piece| piece.name.as_deref()).collect()
	}
}

fn file(path: &Path, metadata: &Metadata, cut: Cut) -> Result<Vec<Piece>> {
	let shared = Arc::new(Origin::new(path, metadata));
	let pieces = match cut {
		Cut::Whole => vec![whole(Origin::new(path, metadata), path.file_name().map(PathBuf::from))],
		Cut::Lines => lines(path)
			.map_err(|error| failed(path, error))?
			.into_iter()
			.map(|(at, len)| piece(&shared, at, len))
			.collect(),
		Cut::Bytes(size) => split(&shared, metadata.len(), size),
	};
	Ok(pieces)
}

fn whole(origin: Origin, name: Option<PathBuf>) -> Piece {
	Piece {
		len: origin.stamp.len(),
		source: Source::File(Arc::new(origin)),
		name,
	}
}

fn piece(origin: &Arc<Origin>, at: u64, len: u64) -> Piece {
	Piece {
		source: Source::Part {
			origin: origin.clone(),
			at,
			len,
		},
		len,
		name: None,
	}
}

/// The files of a folder and the folders in it, by path. Hidden ones are left out; links to files are followed.
fn folder(path: &Path) -> Result<Vec<Piece>> {
	let mut files = Vec::new();
	let mut open = vec![(path.to_path_buf(), PathBuf::new(), 0)];
	while let Some((folder, below, depth)) = open.pop() {
		for (name, path) in children(&folder)? {
			let inside = below.join(&name);
			let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
			// Follows links, as reading does.
			let metadata = fs::metadata(&path).map_err(|error| failed(&path, error))?;
			if metadata.is_file() {
				files.push((inside, Origin::new(&path, &metadata)));
			} else if metadata.is_dir() {
				if is_link {
					return Err(failed(
						&path,
						"a link to a folder; inputs are files and folders themselves",
					));
				}
				if depth >= MAX_DEPTH {
					return Err(failed(&path, format!("more than {MAX_DEPTH} folders deep")));
				}
				open.push((path, inside, depth + 1));
			} else {
				return Err(failed(
					&path,
					"neither a file nor a folder, but a pipe, a device or the like: move it away, or put a file in its place",
				));
			}
		}
		if files.len() > MAX_TASKS as usize {
			break;
		}
	}
	files.sort_by(|(one, _), (other, _)| one.cmp(other));
	Ok(files
		.into_iter()
		.map(|(name, origin)| whole(origin, Some(name)))
		.collect())
}

/// What is in a folder and not hidden.
fn children(folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
	let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
	let mut children: Vec<_> = entries
		.map_err(|error| failed(folder, error))?
		.into_iter()
		.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
		.map(|entry| (PathBuf::from(entry.file_name()), entry.path()))
		.collect();
	children.sort();
	Ok(children)
}

/// Each folder in a folder, and each tar, as an archive; or one tar.
fn archives(path: &Path, is_folder: bool) -> Result<Vec<Piece>> {
	let found = match is_folder {
		true => children(path)?,
		false => vec![(path.file_name().map(PathBuf::from).unwrap_or_default(), path.into())],
	};
	if found.len() > MAX_TASKS as usize {
		return Err(failed(
			path,
			format!("{} tasks, a job may have {MAX_TASKS}", found.len()),
		));
	}
	let archive = |(name, path): (PathBuf, PathBuf)| {
		if !path.is_dir() && is_folder && !is_tar(name.as_os_str()) {
			return Err(failed(
				&path,
				"neither a folder nor a .tar: with files as input each task is one",
			));
		}
		let stored = Package::new(&path, None)?.store_one_of_many(MAX_TASK_DATA)?;
		let name = match is_tar(name.as_os_str()) && !path.is_dir() {
			true => name.with_extension(""),
			false => name,
		};
		Ok(Piece {
			len: stored.blob().len.into(),
			source: Source::Packed(stored),
			name: Some(name),
		})
	};
	found.into_iter().map(archive).collect()
}

/// The lines of a file as lists of arguments.
fn argument_lists(path: &Path, metadata: &Metadata) -> Result<Vec<Piece>> {
	let shared = Arc::new(Origin::new(path, metadata));
	let lines = lines(path).map_err(|error| failed(path, error))?;
	let list = |(number, (at, len)): (usize, (u64, u64))| {
		let wrong = |why: &dyn std::fmt::Display| Failure::Input(format!("{}:{}: {why}", path.display(), number + 1));
		if len > 2 * MAX_WORDS {
			return Err(wrong(&"more than 65,536 bytes of arguments"));
		}
		let line = shared.part(at, len).map_err(|error| wrong(&error))?;
		let words = arguments(&line).map_err(|why| wrong(&why))?;
		Ok(Piece {
			source: Source::Words {
				origin: shared.clone(),
				at,
				len,
			},
			len: words.len() as u64,
			name: None,
		})
	};
	lines.into_iter().enumerate().map(list).collect()
}

/// Where the lines of a file are, and how long, without their ends.
fn lines(path: &Path) -> io::Result<Vec<(u64, u64)>> {
	let mut reader = BufReader::new(File::open(path)?);
	let mut lines = Vec::new();
	let mut offset = 0;
	loop {
		let mut len = 0u64;
		// Only the line's end is looked at, wherever the reader's buffer cuts it.
		let mut tail = Vec::new();
		loop {
			let chunk = reader.fill_buf()?;
			if chunk.is_empty() {
				break;
			}
			let end = chunk.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
			let taken = end.unwrap_or(chunk.len());
			tail.extend_from_slice(chunk.get(taken.saturating_sub(2)..taken).unwrap_or_default());
			tail.drain(..tail.len().saturating_sub(2));
			reader.consume(taken);
			len += taken as u64;
			if end.is_some() {
				break;
			}
		}
		if len == 0 {
			return Ok(lines);
		}
		let ending = match tail.as_slice() {
			[b'\r', b'\n'] => 2,
			[.., b'\n'] => 1,
			_ => 0,
		};
		lines.push((offset, len - ending));
		if lines.len() > MAX_TASKS as usize {
			return Ok(lines);
		}
		offset += len;
	}
}

fn split(origin: &Arc<Origin>, len: u64, size: u64) -> Vec<Piece> {
	let size = size.max(1);
	// One more than allowed is enough to refuse it.
	let count = len.div_ceil(size).min(u64::from(MAX_TASKS) + 1);
	(0..count)
		.map(|index| piece(origin, index * size, size.min(len - index * size)))
		.collect()
}

#[cfg(test)]
mod tests;
