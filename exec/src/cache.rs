//! Compiled code on disk.
//!
//! What is read here is executed, so it must be what this machine wrote. Each file begins with a keyed hash of the rest;
//! the key is made once, at random, and lies beside the files, readable by the owner alone. Whoever can read it can run
//! code as the owner anyway. A file whose hash is wrong is deleted and compiled again. Nothing here ever comes from a
//! network.
//!
//! A file's name is `H(program | version | compiler and processor | interruptible)`: the program's id commits to its
//! module and to the code that a court would judge.

use crate::{HostError, Named};
use millrace_primitives::ENGINE_VERSION;
use millrace_vm::fast::{FastEngine, FastProgram, Shape};
use rand::TryRngCore;
use std::{
	fs::{self, OpenOptions},
	hash::Hash as _,
	io::{self, Write},
	os::unix::fs::{DirBuilderExt, OpenOptionsExt},
	path::{Path, PathBuf},
	time::SystemTime,
};
use wasmtime::Module;

/// Bytes of a shape in a file.
const SHAPE: usize = 16;
/// Bytes of a hash.
const HASH: usize = 32;

/// A compiled program as bytes: its shape and its machine code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Artifact(Vec<u8>);

impl Artifact {
	/// From a program that was just compiled.
	pub fn new(shape: Shape, code: &[u8]) -> Self {
		let mut bytes = Vec::with_capacity(SHAPE + code.len());
		bytes.extend_from_slice(&shape.initial_pages.to_le_bytes());
		bytes.extend_from_slice(&shape.system_pages.to_le_bytes());
		bytes.extend_from_slice(&shape.start_cost.to_le_bytes());
		bytes.extend_from_slice(code);
		Self(bytes)
	}

	/// From bytes that this process or another one of the same binary wrote.
	pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
		(bytes.len() > SHAPE).then_some(Self(bytes))
	}

	/// The bytes.
	pub fn bytes(&self) -> &[u8] {
		&self.0
	}

	/// Makes the program ready to run. The artifact must be one that this binary made, on this machine.
	///
	/// # Errors
	/// It is of another compiler or another processor.
	pub fn load(&self, engine: &FastEngine) -> Result<FastProgram, HostError> {
		let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| self.0[at + n]));
		let shape = Shape {
			initial_pages: word(0),
			system_pages: word(4),
			start_cost: u64::from_le_bytes(std::array::from_fn(|n| self.0[8 + n])),
		};
		// SAFETY: the bytes come from `FastEngine::precompile`, in this process, in a process of the same binary that this
		// one started, or in a file whose keyed hash was checked over these very bytes.
		#[allow(unsafe_code)]
		let module = unsafe { Module::deserialize(engine.engine(), &self.0[SHAPE..]) };
		let module = module.map_err(|error| HostError::Engine(format!("compiled code cannot be loaded: {error:#}")))?;
		Ok(engine.adopt(&module, shape)?)
	}
}

/// A folder of compiled programs.
#[derive(Debug)]
pub struct Cache {
	folder: PathBuf,
	key: [u8; HASH],
	/// The most bytes of all files together.
	most: u64,
}

impl Cache {
	/// Opens a folder, which is made if it is not there. `most` bounds its bytes: the files used longest ago go first.
	///
	/// # Errors
	/// The folder or its key cannot be made or read.
	pub fn open(folder: &Path, most: u64) -> io::Result<Self> {
		fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
		let path = folder.join("key");
		let key = match fs::read(&path) {
			Ok(bytes) => <[u8; HASH]>::try_from(bytes).ok(),
			Err(error) if error.kind() == io::ErrorKind::NotFound => None,
			Err(error) => return Err(error),
		};
		let key = match key {
			Some(key) => key,
			None => {
				let mut key = [0; HASH];
				rand::rngs::OsRng.try_fill_bytes(&mut key).map_err(io::Error::other)?;
				replace(&path, &[&key])?;
				key
			}
		};
		Ok(Self {
			folder: folder.into(),
			key,
			most,
		})
	}

	/// A program that was compiled before. Anything that is not as it was written is removed.
	pub fn get(&self, program: &Named, engine: &FastEngine) -> Option<FastProgram> {
		let path = self.path(program, engine);
		let bytes = fs::read(&path).ok()?;
		let found = bytes.split_first_chunk::<HASH>().and_then(|(hash, rest)| {
			// In a time that does not tell how much of it was right.
			(self.hash(rest) == hash[..]).then(|| Artifact::from_bytes(rest.to_vec()))?
		});
		match found.map(|artifact| artifact.load(engine)) {
			Some(Ok(program)) => {
				// The time of its last use; it may stay in use if that cannot be written.
				let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
				Some(program)
			}
			_ => {
				tracing::warn!(path = %path.display(), "compiled code is damaged and is compiled again");
				let _ = fs::remove_file(&path);
				None
			}
		}
	}

	/// Keeps a compiled program.
	///
	/// # Errors
	/// It cannot be written. It will be compiled again then.
	pub fn put(&self, program: &Named, engine: &FastEngine, artifact: &Artifact) -> io::Result<()> {
		self.make_room(artifact.bytes().len() as u64)?;
		let hash = self.hash(artifact.bytes());
		replace(&self.path(program, engine), &[hash.as_bytes(), artifact.bytes()])
	}

	/// Removes the files used longest ago until there is room for so many bytes.
	fn make_room(&self, len: u64) -> io::Result<()> {
		let mut files = Vec::new();
		for entry in fs::read_dir(&self.folder)? {
			let entry = entry?;
			let metadata = entry.metadata()?;
			if entry.file_name().to_string_lossy().ends_with(".code") {
				files.push((metadata.modified()?, metadata.len(), entry.path()));
			}
		}
		files.sort();
		let mut total = files.iter().map(|(_, len, _)| len).sum::<u64>().saturating_add(len);
		for (_, len, path) in files {
			if total <= self.most {
				break;
			}
			fs::remove_file(path)?;
			total = total.saturating_sub(len);
		}
		Ok(())
	}

	fn hash(&self, bytes: &[u8]) -> blake2b_simd::Hash {
		let mut params = blake2b_simd::Params::new();
		params.hash_length(HASH).key(&self.key).hash(bytes)
	}

	fn path(&self, program: &Named, engine: &FastEngine) -> PathBuf {
		let mut fingerprint = Fingerprint::default();
		engine.engine().precompile_compatibility_hash().hash(&mut fingerprint);
		let mut state = blake2b_simd::Params::new().hash_length(HASH).to_state();
		state.update(program.id.as_bytes()).update(&[ENGINE_VERSION]);
		state.update(&fingerprint.0);
		self.folder
			.join(format!("{}.code", hex::encode(state.finalize().as_bytes())))
	}
}

/// Takes what is hashed as it is.
#[derive(Default)]
struct Fingerprint(Vec<u8>);

impl std::hash::Hasher for Fingerprint {
	fn finish(&self) -> u64 {
		0
	}

	fn write(&mut self, bytes: &[u8]) {
		self.0.extend_from_slice(bytes);
	}
}

/// Writes a file for its owner alone; a crash leaves the old one or the new one.
fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
	let partial = path.with_extension("new");
	let mut file = OpenOptions::new()
		.write(true)
		.create(true)
		.truncate(true)
		.mode(0o600)
		.open(&partial)?;
	for part in parts {
		file.write_all(part)?;
	}
	file.sync_all()?;
	fs::rename(partial, path)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::engine::engine;
	use millrace_vm::normalise::normalise;
	use std::os::unix::fs::PermissionsExt;

	fn program(pages: u32) -> (Named, Artifact, FastEngine) {
		let wasm = wat::parse_str(format!(r#"(module (memory {pages}) (func (export "_start")))"#)).unwrap();
		let engine = engine(false).unwrap();
		let module = normalise(&wasm).unwrap();
		let artifact = Artifact::new(Shape::of(&module), &engine.precompile(&module).unwrap());
		(Named::of(&wasm).unwrap(), artifact, engine)
	}

	#[test]
	fn what_was_kept_comes_back_in_another_process_too() {
		let folder = tempfile::tempdir().unwrap();
		let (named, artifact, engine) = program(3);
		let cache = Cache::open(folder.path(), 1 << 30).unwrap();
		assert!(cache.get(&named, &engine).is_none());
		cache.put(&named, &engine, &artifact).unwrap();
		let again = Cache::open(folder.path(), 1 << 30).unwrap();
		assert_eq!(again.get(&named, &engine).unwrap().needs(), 3);
		for entry in fs::read_dir(folder.path()).unwrap() {
			assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
		}
		// Of another engine, there is none.
		assert!(cache.get(&named, &crate::engine::engine(true).unwrap()).is_some() == false);
	}

	#[test]
	fn what_was_tampered_with_is_compiled_again() {
		let folder = tempfile::tempdir().unwrap();
		let (named, artifact, engine) = program(1);
		let cache = Cache::open(folder.path(), 1 << 30).unwrap();
		let path = cache.path(&named, &engine);
		cache.put(&named, &engine, &artifact).unwrap();
		let right = fs::read(&path).unwrap();
		for at in [0, 31, 32, 40, right.len() / 2, right.len() - 1] {
			let mut wrong = right.clone();
			wrong[at] ^= 1;
			fs::write(&path, &wrong).unwrap();
			assert!(cache.get(&named, &engine).is_none(), "byte {at}");
			assert!(!path.exists(), "byte {at}");
		}
		for len in [0, 10, 32, 47, right.len() - 1] {
			fs::write(&path, &right[..len]).unwrap();
			assert!(cache.get(&named, &engine).is_none(), "{len} bytes");
		}
		// With another key everything is wrong.
		fs::write(&path, &right).unwrap();
		fs::remove_file(folder.path().join("key")).unwrap();
		assert!(Cache::open(folder.path(), 1 << 30)
			.unwrap()
			.get(&named, &engine)
			.is_none());
	}

	#[test]
	fn what_was_used_longest_ago_gives_way() {
		let folder = tempfile::tempdir().unwrap();
		let (first, artifact, engine) = program(1);
		let (second, ..) = program(2);
		let (third, ..) = program(3);
		let room = artifact.bytes().len() as u64 * 5 / 2;
		let cache = Cache::open(folder.path(), room).unwrap();
		let at = |named: &Named, seconds| {
			let file = fs::File::open(cache.path(named, &engine)).unwrap();
			file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
				.unwrap();
		};
		cache.put(&first, &engine, &artifact).unwrap();
		at(&first, 100);
		cache.put(&second, &engine, &artifact).unwrap();
		at(&second, 50);
		cache.put(&third, &engine, &artifact).unwrap();
		assert!(cache.get(&first, &engine).is_some() && cache.get(&third, &engine).is_some());
		assert!(cache.get(&second, &engine).is_none());
	}
}
