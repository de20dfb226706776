//! Images of files that tasks share.
//!
//! An image is mapped, so that a task of a job with an image of a gigabyte starts as fast as one without and all tasks
//! together hold it once. A mapped file that somebody cuts short would end the whole process, so only files in the
//! agent's own folder are mapped, which it wrote itself, verified, and made read-only; and the file must still be the one
//! that was verified.

use crate::Bytes;
use memmap2::Mmap;
use std::{fs::File, io, os::unix::fs::MetadataExt, path::Path, sync::Arc};

/// What tells a file that was verified from any other, and from itself once it was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
	device: u64,
	inode: u64,
	len: u64,
	changed: (i64, i64),
}

impl Identity {
	/// The identity of an open file.
	pub fn of(file: &File) -> io::Result<Self> {
		let metadata = file.metadata()?;
		Ok(Self {
			device: metadata.dev(),
			inode: metadata.ino(),
			len: metadata.size(),
			changed: (metadata.ctime(), metadata.ctime_nsec()),
		})
	}
}

/// Maps a file of the caller's own folder, which nobody else writes to.
///
/// # Errors
/// The file cannot be opened or mapped, or is not the one that was `verified` any more.
pub fn map(path: &Path, verified: &Identity) -> io::Result<Bytes> {
	let file = File::open(path)?;
	if Identity::of(&file)? != *verified {
		return Err(io::Error::new(
			io::ErrorKind::InvalidData,
			format!("{} was changed after it was verified", path.display()),
		));
	}
	// SAFETY: the file is in a folder of the caller's own (0700) and read-only; whoever may change it there may change the
	// process as well. Nothing in this project writes to a file after it was verified.
	#[allow(unsafe_code)]
	let map = unsafe { Mmap::map(&file)? };
	Ok(Arc::new(map))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_file_is_mapped_as_long_as_it_is_the_same() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("image");
		std::fs::write(&path, b"some bytes").unwrap();
		let identity = Identity::of(&File::open(&path).unwrap()).unwrap();
		let bytes = map(&path, &identity).unwrap();
		assert_eq!((*bytes).as_ref(), b"some bytes");
		std::fs::write(folder.path().join("other"), b"more bytes").unwrap();
		std::fs::rename(folder.path().join("other"), &path).unwrap();
		assert_eq!(map(&path, &identity).err().unwrap().kind(), io::ErrorKind::InvalidData);
		// What was mapped stays what it was.
		assert_eq!((*bytes).as_ref(), b"some bytes");
	}
}
