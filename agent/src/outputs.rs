//! Outcomes and outputs: stored together, dropped together, and given out from the reveal to the end of custody.
//!
//! Nothing is served before: an output that could be had before the reveal could be copied instead of computed. From then on
//! whoever is to rely on a report can check it while it can be attacked.

use crate::{
	db::{names, Database, DbError},
	exec::Execution,
	seat::SeatKey,
	store::Blobs,
};
use codec::{DecodeAll, Encode};
use millrace_client::blobs::{Blob, BlobStore};
use millrace_court::demand::{chunk_len, leaves, Answer, Part, ShownChunk, ShownOutcome, Wanted, CHUNK};
use millrace_primitives::{
	machine::{address, Blob as Output, DataTree, Tail},
	merkle, Hash, JobId, Outcome, ShardId,
};
use std::{
	collections::{HashMap, HashSet},
	fs::File,
	io::{self, Read, Seek, SeekFrom},
	path::{Path, PathBuf},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Why outcomes or outputs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
	/// The database failed.
	#[error(transparent)]
	Database(#[from] DbError),
	/// An output could not be written, read or removed.
	#[error("outputs on disk: {0}")]
	Disk(#[from] io::Error),
	/// There is no room for an output. What was stored before is safe; the task is computed again once there is room.
	#[error("the disk is full: no room for an output of {len} bytes in {folder}: {source}")]
	Full {
		/// Where it was to be written.
		folder: PathBuf,
		/// Its length.
		len: usize,
		/// What the system said.
		source: io::Error,
	},
}

/// The outcomes and outputs of all seats.
pub struct Outputs {
	db: Arc<Database>,
	blobs: Blobs,
	served: Mutex<Served>,
	/// The tree of the output of which a part was shown last.
	last: Mutex<Option<Arc<DataTree>>>,
	/// Held while a blob and what names it change, so that none is removed between being found and being named.
	order: Mutex<()>,
}

/// What may be given out.
#[derive(Default)]
struct Served {
	seats: HashMap<ShardId, (SeatKey, Vec<Outcome>)>,
	/// How many outcomes in `seats` name an output.
	roots: HashMap<Hash, u32>,
	/// The last of standard error of tasks that did not succeed.
	errors: HashMap<(JobId, u32), (ShardId, Hash)>,
}

impl Outputs {
	/// Opens the folder of outputs; removes those that nothing names.
	pub fn open(db: Arc<Database>, folder: &Path) -> Result<Self, StoreError> {
		let blobs = Blobs::open(folder, |root| Ok::<_, StoreError>(db.is_referenced(root)?))?;
		let this = Self {
			db,
			blobs,
			served: Mutex::default(),
			last: Mutex::default(),
			order: Mutex::default(),
		};
		for (key, record) in this.db.seats()? {
			if record.serving {
				this.load(key)?;
			}
		}
		Ok(this)
	}

	/// All bytes of outputs on disk.
	pub fn bytes(&self) -> u64 {
		self.blobs.bytes()
	}

	/// Stores what a task yielded; see [`Database::outcome`] for `last`. Of a shard that is watched only the outcome.
	pub fn store(&self, key: SeatKey, task: u32, execution: &Execution, last: bool) -> Result<(), StoreError> {
		let _order = lock(&self.order);
		let outcome = &execution.outcome;
		if outcome.output.len > 0 && !key.is_watched() {
			self.put(address(&outcome.output), &execution.output)?;
		}
		if outcome.errors != [0; 32] && !key.is_watched() {
			self.put(outcome.errors.into(), &execution.tail.encode())?;
		}
		let stored = self.db.outcome(key, task, outcome, last)?;
		// A seat that was forgotten while its task ran names nothing, and perhaps nobody else does.
		for name in names(outcome) {
			if !stored && !self.db.is_referenced(name)? {
				self.blobs.remove(name)?;
			}
		}
		Ok(())
	}

	fn put(&self, name: Hash, bytes: &[u8]) -> Result<(), StoreError> {
		self.blobs.put(name, bytes).map_err(|source| match is_full(&source) {
			true => StoreError::Full {
				folder: self.blobs.folder().into(),
				len: bytes.len(),
				source,
			},
			false => source.into(),
		})
	}

	/// The outcomes of a seat by task, but those whose output or tail is to be on disk and is not.
	pub fn done(&self, key: SeatKey) -> Result<Vec<(u32, Outcome)>, StoreError> {
		let mut outcomes = self.db.outcomes(key)?;
		let there = |outcome: &Outcome| names(outcome).iter().all(|name| self.blobs.path(*name).exists());
		outcomes.retain(|(_, outcome)| key.is_watched() || there(outcome));
		Ok(outcomes)
	}

	/// The tasks of a seat that are done.
	pub fn done_tasks(&self, key: SeatKey) -> Result<HashSet<u32>, StoreError> {
		Ok(self.done(key)?.into_iter().map(|(task, _)| task).collect())
	}

	/// Gives the seat's outputs out from now on, until it is forgotten or this ends.
	pub fn show(&self, key: SeatKey) -> Result<(), StoreError> {
		self.load(key)
	}

	/// Gives the seat's outputs out from now on, also after a restart.
	pub fn serve(&self, key: SeatKey) -> Result<(), StoreError> {
		self.db.serve(key)?;
		self.load(key)
	}

	/// Drops a seat with all that only it names.
	pub fn forget(&self, key: SeatKey) -> Result<(), StoreError> {
		self.unload(key);
		let _order = lock(&self.order);
		for root in self.db.forget(key)? {
			self.blobs.remove(root)?;
		}
		Ok(())
	}

	/// What is demanded of a seat whose outputs are given out, with its proof; none if there is no such thing.
	pub fn answer(&self, key: SeatKey, wanted: Wanted) -> Result<Option<Answer>, StoreError> {
		let outcomes = match lock(&self.served).seats.get(&key.shard) {
			Some((served, outcomes)) if *served == key => outcomes.clone(),
			_ => return Ok(None),
		};
		let Some(outcome) = outcomes.get(wanted.task as usize) else {
			return Ok(None);
		};
		let chunk = match wanted.part {
			Part::Outcome => return Ok(ShownOutcome::of(&outcomes, wanted.task).map(Answer::Outcome)),
			Part::Chunk(chunk) => chunk,
		};
		let Some(len) = chunk_len(outcome.output.len, chunk) else {
			return Ok(None);
		};
		let mut file = File::open(self.blobs.path(address(&outcome.output)))?;
		let tree = self.tree(&outcome.output, &mut file)?;
		let (first, leaves) = leaves(len, chunk);
		let Some(proof) = tree.prove_range_from(&mut file, first, leaves)? else {
			return Ok(None);
		};
		file.seek(SeekFrom::Start(u64::from(chunk) * u64::from(CHUNK)))?;
		let mut bytes = vec![0; len as usize];
		file.read_exact(&mut bytes)?;
		Ok(ShownChunk::new(chunk, bytes, proof).map(Answer::Chunk))
	}

	/// The tree of an output, of which several chunks are usually shown one after the other.
	fn tree(&self, output: &Output, file: &mut File) -> io::Result<Arc<DataTree>> {
		let mut last = lock(&self.last);
		if let Some(tree) = last.as_ref().filter(|tree| tree.blob() == *output) {
			return Ok(tree.clone());
		}
		let tree = Arc::new(DataTree::read(file)?);
		*last = Some(tree.clone());
		Ok(tree)
	}

	fn load(&self, key: SeatKey) -> Result<(), StoreError> {
		let rows = self.db.outcomes(key)?;
		let mut served = lock(&self.served);
		// Of this seat or of one before it in the shard.
		served.remove(key.shard);
		for (task, outcome) in rows.iter().filter(|(_, outcome)| outcome.errors != [0; 32]) {
			served
				.errors
				.insert((key.shard.job, *task), (key.shard, outcome.errors.into()));
		}
		let outcomes: Vec<_> = rows.into_iter().map(|(_, outcome)| outcome).collect();
		for outcome in &outcomes {
			*served.roots.entry(address(&outcome.output)).or_default() += 1;
		}
		served.seats.insert(key.shard, (key, outcomes));
		Ok(())
	}

	fn unload(&self, key: SeatKey) {
		let mut served = lock(&self.served);
		if served.seats.get(&key.shard).is_some_and(|(served, _)| *served == key) {
			served.remove(key.shard);
		}
	}
}

impl Served {
	fn remove(&mut self, shard: ShardId) {
		let Some((_, outcomes)) = self.seats.remove(&shard) else {
			return;
		};
		self.errors.retain(|_, (of, _)| *of != shard);
		for outcome in outcomes {
			let root = address(&outcome.output);
			if let Some(count) = self.roots.get_mut(&root) {
				*count -= 1;
				if *count == 0 {
					self.roots.remove(&root);
				}
			}
		}
	}
}

impl BlobStore for Outputs {
	fn open(&self, root: Hash) -> Option<Blob> {
		if !lock(&self.served).roots.contains_key(&root) {
			return None;
		}
		if root == merkle::data_root(&[]) {
			return Some(Blob::Bytes(Vec::new().into()));
		}
		let path = self.blobs.path(root);
		path.exists().then_some(Blob::File(path))
	}

	fn errors(&self, job: JobId, task: u32) -> Option<Tail> {
		let (_, name) = lock(&self.served).errors.get(&(job, task)).copied()?;
		let bytes = std::fs::read(self.blobs.path(name)).ok()?;
		Tail::decode_all(&mut &bytes[..]).ok()
	}

	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		lock(&self.served)
			.seats
			.get(&shard)
			.map(|(_, outcomes)| outcomes.encode())
	}
}

/// True if an error says that there is no room.
fn is_full(error: &io::Error) -> bool {
	use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
	matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// A lock whose data is valid at every moment, so that a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
