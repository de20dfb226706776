//! Blobs of a job as files of this process's own: written once, hashed while they are written. What is served from them
//! cannot change under way, whatever becomes of the files that they were made of. But for those of which there are many, they
//! have no name, so they are gone when the process ends, however it does.

use crate::failure::{Failure, Result};
use millrace_client::blobs::{ChunkHasher, Chunks};
use millrace_primitives::{
	machine::{address, Blob, EMPTY_BLOB},
	Hash,
};
use std::{
	fs::File,
	io::{self, BufWriter, Write},
	os::fd::AsRawFd,
	path::{Path, PathBuf},
	sync::Arc,
};
use tempfile::TempPath;

/// A blob in a file.
#[derive(Clone, Debug)]
pub struct Stored {
	/// Keeps it.
	_kept: Arc<Kept>,
	path: PathBuf,
	chunks: Chunks,
	blob: Blob,
}

/// What keeps a file.
#[derive(Debug)]
enum Kept {
	/// It has no name, and is gone with this, whatever becomes of the process.
	Open { _file: File },
	/// It has one, and is removed with this.
	Named { _path: TempPath },
}

impl Stored {
	/// Writes a blob of at most `most` bytes, one of so many that a process could not have all of them open.
	pub fn write_one_of_many(what: &str, most: u32, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Self> {
		let file = tempfile::Builder::new().prefix("millrace-").tempfile().map_err(disk)?;
		let (chunks, blob) = write(file.as_file(), what, most, fill)?;
		let path = file.into_temp_path();
		Ok(Self {
			path: path.to_path_buf(),
			_kept: Arc::new(Kept::Named { _path: path }),
			chunks,
			blob,
		})
	}

	/// Writes a blob of at most `most` bytes; `what` names it where it is refused.
	pub fn write(what: &str, most: u32, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Self> {
		let file = tempfile::tempfile().map_err(disk)?;
		let (chunks, blob) = write(&file, what, most, fill)?;
		Ok(Self {
			path: format!("/proc/self/fd/{}", file.as_raw_fd()).into(),
			_kept: Arc::new(Kept::Open { _file: file }),
			chunks,
			blob,
		})
	}

	/// What the chain calls it.
	pub fn blob(&self) -> Blob {
		self.blob
	}

	/// The address under which it is served.
	pub fn address(&self) -> Hash {
		address(&self.blob)
	}

	/// The hashes of its chunks.
	pub fn chunks(&self) -> &Chunks {
		&self.chunks
	}

	/// Where this process finds it.
	pub fn path(&self) -> &Path {
		&self.path
	}
}

fn disk(error: io::Error) -> Failure {
	let folder = std::env::temp_dir();
	Failure::Other(format!(
		"cannot write to {} (TMPDIR names another folder): {error}",
		folder.display()
	))
}

fn write(
	file: &File,
	what: &str,
	most: u32,
	fill: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<(Chunks, Blob)> {
	let mut writer = Hashing {
		out: BufWriter::with_capacity(1 << 18, file),
		hasher: ChunkHasher::default(),
		most: most.into(),
	};
	let filled = fill(&mut writer);
	let (flushed, chunks) = (writer.out.flush(), writer.hasher.finish());
	if chunks.len() > u64::from(most) {
		return Err(Failure::Input(format!("{what}: more than the limit of {most} bytes")));
	}
	filled?;
	flushed.map_err(disk)?;
	let blob = chunks.blob().unwrap_or(EMPTY_BLOB);
	Ok((chunks, blob))
}

/// Hashes what is written; fails beyond a limit.
struct Hashing<W> {
	out: W,
	hasher: ChunkHasher,
	most: u64,
}

impl<W: Write> Write for Hashing<W> {
	fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
		let written = self.out.write(bytes)?;
		self.hasher.update(bytes.get(..written).unwrap_or_default());
		if self.hasher.len() > self.most {
			return Err(io::ErrorKind::FileTooLarge.into());
		}
		Ok(written)
	}

	fn flush(&mut self) -> io::Result<()> {
		self.out.flush()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::machine;

	#[test]
	fn what_is_written_is_hashed_and_bounded_and_goes_away() {
		let write = |bytes: &'static [u8], most| {
			Stored::write("x", most, |out| {
				out.write_all(bytes).map_err(|error| Failure::Other(error.to_string()))
			})
		};
		let stored = write(b"hello", 5).unwrap();
		assert_eq!(Some(stored.blob()), machine::blob(b"hello"));
		assert_eq!(std::fs::read(stored.path()).unwrap(), b"hello");
		let named = std::fs::read_link(stored.path()).unwrap();
		assert!(named.to_string_lossy().ends_with(" (deleted)"), "{}", named.display());
		let many = Stored::write_one_of_many("x", 5, |out| Ok(out.write_all(b"hello").unwrap())).unwrap();
		assert_eq!(std::fs::read(many.path()).unwrap(), b"hello");
		let path = many.path().to_path_buf();
		drop(many);
		assert!(!path.exists());
		let error = write(b"hello", 4).unwrap_err();
		assert_eq!(error.exit_code(), 2);
		assert!(error.to_string().contains("limit of 4"), "{error}");
	}
}
