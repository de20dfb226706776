//! A job's inputs: pieces of files, one a task.

use crate::failure::{Failure, Result};
use millrace_client::blobs::root_of;
use millrace_primitives::{
	job::{MAX_TASKS, MAX_TASK_DATA},
	merkle, Hash,
};
use std::{
	fs::{self, File},
	io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
	path::{Path, PathBuf},
	sync::Arc,
};

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

/// A piece of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
	/// The file.
	pub path: Arc<PathBuf>,
	/// Where it begins.
	pub offset: u64,
	/// Its length in bytes.
	pub len: u64,
	/// True if it is the whole file.
	pub whole: bool,
}

impl Piece {
	/// Reads it.
	pub fn read(&self) -> io::Result<Vec<u8>> {
		let mut bytes = Vec::new();
		self.open()?.read_to_end(&mut bytes)?;
		Ok(bytes)
	}

	fn open(&self) -> io::Result<impl Read> {
		let mut file = File::open(&*self.path)?;
		file.seek(SeekFrom::Start(self.offset))?;
		Ok(file.take(self.len))
	}
}

/// The inputs of all tasks, in their order.
#[derive(Clone, Debug)]
pub struct Inputs {
	/// Where they are.
	pub pieces: Vec<Piece>,
	/// Their data roots.
	pub roots: Arc<Vec<Hash>>,
}

impl Inputs {
	/// Finds and hashes the inputs: the files of a folder in the order of their names, or a file that is cut.
	pub fn read(path: &Path, cut: Cut) -> Result<Self> {
		let failed =
			|path: &Path, reason: &dyn std::fmt::Display| Failure::Input(format!("{}: {reason}", path.display()));
		crate::job::exists(path)?;
		let metadata = fs::metadata(path).map_err(|error| failed(path, &error))?;
		let pieces = if metadata.is_dir() {
			if cut != Cut::Whole {
				return Err(failed(path, &"--lines and --split are for a file, this is a folder"));
			}
			folder(path).map_err(|error| failed(path, &error))?
		} else {
			let file = Arc::new(path.to_path_buf());
			match cut {
				Cut::Whole => vec![Piece {
					path: file,
					offset: 0,
					len: metadata.len(),
					whole: true,
				}],
				Cut::Lines => lines(&file).map_err(|error| failed(path, &error))?,
				Cut::Bytes(size) => split(&file, metadata.len(), size),
			}
		};
		if pieces.is_empty() {
			return Err(failed(path, &"no inputs: it is empty"));
		}
		if pieces.len() > MAX_TASKS as usize {
			return Err(failed(
				path,
				&format!("{} tasks or more, a job may have {MAX_TASKS}", pieces.len()),
			));
		}
		let mut roots = Vec::with_capacity(pieces.len());
		for piece in &pieces {
			if piece.len > u64::from(MAX_TASK_DATA) {
				let reason = format!(
					"an input of {} bytes, the limit is {MAX_TASK_DATA}; cut it with --split or --lines",
					piece.len
				);
				return Err(failed(&piece.path, &reason));
			}
			let (root, len) = piece
				.open()
				.and_then(root_of)
				.map_err(|error| failed(&piece.path, &error))?;
			if len != piece.len {
				return Err(failed(&piece.path, &"it changed while it was read"));
			}
			roots.push(root);
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
}

/// The files of a folder by name. Hidden files and folders are left out.
fn folder(path: &Path) -> io::Result<Vec<Piece>> {
	let mut files = Vec::new();
	for entry in fs::read_dir(path)? {
		let entry = entry?;
		let name = entry.file_name();
		// Follows links, as reading does.
		let metadata = fs::metadata(entry.path())?;
		if metadata.is_file() && !name.as_encoded_bytes().starts_with(b".") {
			files.push((name, entry.path(), metadata.len()));
		}
		if files.len() > MAX_TASKS as usize {
			break;
		}
	}
	files.sort();
	let piece = |(_, path, len)| Piece {
		path: Arc::new(path),
		offset: 0,
		len,
		whole: true,
	};
	Ok(files.into_iter().map(piece).collect())
}

fn lines(path: &Arc<PathBuf>) -> io::Result<Vec<Piece>> {
	let mut reader = BufReader::new(File::open(&**path)?);
	let mut pieces = Vec::new();
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
			return Ok(pieces);
		}
		let ending = match tail.as_slice() {
			[b'\r', b'\n'] => 2,
			[.., b'\n'] => 1,
			_ => 0,
		};
		pieces.push(Piece {
			path: path.clone(),
			offset,
			len: len - ending,
			whole: false,
		});
		if pieces.len() > MAX_TASKS as usize {
			return Ok(pieces);
		}
		offset += len;
	}
}

fn split(path: &Arc<PathBuf>, len: u64, size: u64) -> Vec<Piece> {
	let size = size.max(1);
	// One more than allowed is enough to refuse it.
	let count = len.div_ceil(size).min(u64::from(MAX_TASKS) + 1);
	(0..count)
		.map(|index| {
			let offset = index * size;
			Piece {
				path: path.clone(),
				offset,
				len: size.min(len - offset),
				whole: count == 1,
			}
		})
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn contents(inputs: &Inputs) -> Vec<Vec<u8>> {
		for (piece, root) in inputs.pieces.iter().zip(inputs.roots.iter()) {
			assert_eq!(merkle::data_root(&piece.read().unwrap()), *root);
		}
		inputs.pieces.iter().map(|piece| piece.read().unwrap()).collect()
	}

	fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("input");
		fs::write(&path, bytes).unwrap();
		(folder, path)
	}

	#[test]
	fn a_folder_is_one_task_a_file_in_the_order_of_names() {
		let folder = tempfile::tempdir().unwrap();
		for (name, content) in [("10", "ten"), ("02", "two"), ("01", "one"), (".hidden", "x"), ("a", "")] {
			fs::write(folder.path().join(name), content).unwrap();
		}
		fs::create_dir(folder.path().join("03")).unwrap();
		let inputs = Inputs::read(folder.path(), Cut::Whole).unwrap();
		assert_eq!(contents(&inputs), [&b"one"[..], b"two", b"ten", b""]);
		assert_eq!((inputs.tasks(), inputs.largest()), (4, 3));
		assert_eq!(inputs.root(), merkle::list_root(&inputs.roots));
		assert!(Inputs::read(folder.path(), Cut::Lines).is_err());
	}

	#[test]
	fn lines_lose_their_ends_and_nothing_else() {
		let (_folder, path) = file(b"one\ntwo\r\n\n  four\r\n\r\nsix\rsix");
		let inputs = Inputs::read(&path, Cut::Lines).unwrap();
		assert_eq!(
			contents(&inputs),
			[&b"one"[..], b"two", b"", b"  four", b"", b"six\rsix"]
		);
		let (_folder, path) = file(b"one\n");
		assert_eq!(contents(&Inputs::read(&path, Cut::Lines).unwrap()), [b"one"]);
	}

	#[test]
	fn long_lines_across_buffers_are_measured() {
		// Buffers of the standard library end at multiples of 8192: one falls between \r and \n.
		for first in 8_180..8_200 {
			let long = [
				vec![b'x'; first],
				b"\r\n".to_vec(),
				vec![b'y'; 20_000],
				b"\r\n".to_vec(),
				b"z".to_vec(),
			]
			.concat();
			let (_folder, path) = file(&long);
			let inputs = Inputs::read(&path, Cut::Lines).unwrap();
			let lens: Vec<_> = inputs.pieces.iter().map(|piece| piece.len).collect();
			assert_eq!(lens, [first as u64, 20_000, 1]);
			assert_eq!(contents(&inputs)[1], vec![b'y'; 20_000]);
		}
	}

	#[test]
	fn a_file_is_split_into_pieces() {
		let (_folder, path) = file(b"abcdefgh");
		assert_eq!(
			contents(&Inputs::read(&path, Cut::Bytes(3)).unwrap()),
			[&b"abc"[..], b"def", b"gh"]
		);
		assert_eq!(contents(&Inputs::read(&path, Cut::Bytes(8)).unwrap()), [b"abcdefgh"]);
		assert_eq!(contents(&Inputs::read(&path, Cut::Whole).unwrap()), [b"abcdefgh"]);
	}

	#[test]
	fn nothing_too_much_and_too_many_are_refused() {
		let folder = tempfile::tempdir().unwrap();
		assert!(Inputs::read(folder.path(), Cut::Whole)
			.unwrap_err()
			.to_string()
			.contains("empty"));
		assert!(Inputs::read(&folder.path().join("none"), Cut::Whole)
			.unwrap_err()
			.to_string()
			.contains("none"));
		let (_folder, path) = file(b"");
		assert!(Inputs::read(&path, Cut::Lines).is_err());
		File::options()
			.write(true)
			.open(&path)
			.unwrap()
			.set_len(u64::from(MAX_TASK_DATA) + 1)
			.unwrap();
		assert!(Inputs::read(&path, Cut::Whole)
			.unwrap_err()
			.to_string()
			.contains("limit"));
		assert!(Inputs::read(&path, Cut::Bytes(1))
			.unwrap_err()
			.to_string()
			.contains("tasks"));
	}
}
