//! Outputs on disk: one file each, named by its root.

use millrace_primitives::Hash;
use std::{
	fs::{self, File},
	io::{self, Write},
	path::{Path, PathBuf},
	sync::atomic::{AtomicU64, Ordering},
};

/// A folder of blobs.
pub struct Blobs {
	folder: PathBuf,
	bytes: AtomicU64,
	next: AtomicU64,
}

impl Blobs {
	/// Opens or creates the folder. What was left half-written is removed, as is what `is_wanted` denies.
	pub fn open<E: From<io::Error>>(folder: &Path, is_wanted: impl Fn(Hash) -> Result<bool, E>) -> Result<Self, E> {
		fs::create_dir_all(folder)?;
		let mut bytes = 0u64;
		for entry in fs::read_dir(folder)? {
			let entry = entry?;
			let wanted = match entry.file_name().to_str().and_then(parse) {
				Some(root) => is_wanted(root)?,
				None => false,
			};
			match wanted {
				true => bytes = bytes.saturating_add(entry.metadata()?.len()),
				false => fs::remove_file(entry.path())?,
			}
		}
		Ok(Self {
			folder: folder.into(),
			bytes: AtomicU64::new(bytes),
			next: AtomicU64::new(0),
		})
	}

	/// Where the blobs are.
	pub fn folder(&self) -> &Path {
		&self.folder
	}

	/// Where a blob is, if it is there.
	pub fn path(&self, root: Hash) -> PathBuf {
		self.folder.join(hex::encode(root.as_bytes()))
	}

	/// All bytes in the folder.
	pub fn bytes(&self) -> u64 {
		self.bytes.load(Ordering::Relaxed)
	}

	/// Stores a blob so that it is whole or absent, whatever happens.
	pub fn put(&self, root: Hash, bytes: &[u8]) -> io::Result<()> {
		let path = self.path(root);
		if path.exists() {
			return Ok(());
		}
		let number = self.next.fetch_add(1, Ordering::Relaxed);
		let temporary = self.folder.join(format!("{number}.new"));
		let written = write_durably(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
		if let Err(error) = written {
			// Best effort: the next start removes it otherwise.
			let _ = fs::remove_file(&temporary);
			return Err(error);
		}
		File::open(&self.folder)?.sync_all()?;
		self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
		Ok(())
	}

	/// Removes a blob, if it is there.
	pub fn remove(&self, root: Hash) -> io::Result<()> {
		let path = self.path(root);
		let len = match fs::metadata(&path) {
			Ok(metadata) => metadata.len(),
			Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
			Err(error) => return Err(error),
		};
		fs::remove_file(&path)?;
		let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
			Some(bytes.saturating_sub(len))
		});
		Ok(())
	}
}

/// Writes a new file and waits until the disk has it.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
	let mut file = File::create(path)?;
	file.write_all(bytes)?;
	file.sync_all()
}

/// Writes a file that is whole at every moment.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
	let mut temporary = path.as_os_str().to_owned();
	temporary.push(".new");
	write_durably(Path::new(&temporary), bytes)?;
	fs::rename(&temporary, path)
}

fn parse(name: &str) -> Option<Hash> {
	let bytes: [u8; 32] = hex::decode(name).ok()?.try_into().ok()?;
	Some(bytes.into())
}
