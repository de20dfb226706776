//! Programs, images, setups and inputs: fetched from the client, verified against the chain's roots, kept until they were
//! used.

use crate::{
	exec::{
		image::{self, Identity},
		Bytes,
	},
	seat::{tasks, SeatKey},
	store,
};
use codec::{DecodeAll, Encode};
use futures::{StreamExt, TryStreamExt};
use millrace_client::blobs::{self, Client, FetchError, Limits, Reason};
use millrace_primitives::{
	api::AssignmentView,
	job::DeclineReason,
	machine::{address, Blob},
	merkle, Hash,
};
use std::{
	collections::{HashMap, HashSet},
	fs,
	io::{self, Read},
	os::unix::fs::{DirBuilderExt, PermissionsExt},
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex, MutexGuard, PoisonError,
	},
};

/// So many inputs of a shard are fetched at the same time.
const PARALLEL: usize = 4;
/// So many programs and images are kept that no present work uses, as long as nobody needs the room.
pub const SPARE_BLOBS: usize = 32;

/// Why the work cannot begin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Unavailable {
	/// The reason in the chain's words.
	pub reason: DeclineReason,
	/// True if trying again is useless.
	pub hopeless: bool,
	/// The reason in full.
	pub text: String,
}

/// Fetches and keeps programs and inputs.
pub struct Fetcher {
	client: Client,
	/// Programs, images and setups, by their addresses.
	shared: PathBuf,
	work: PathBuf,
	used: AtomicU64,
	/// Images whose bytes were compared with their address, and what tells that they are still the same.
	verified: Mutex<HashMap<Hash, Identity>>,
	/// What those may have who check a seat.
	given: Mutex<HashMap<SeatKey, Given>>,
	/// What of programs, images and setups is being fetched.
	coming: Mutex<HashMap<Hash, Arc<tokio::sync::Mutex<()>>>>,
}

/// What a report was computed from.
struct Given {
	input_root: Hash,
	first: u32,
	/// The addresses of the shard's inputs with the proof of their place, as they were fetched.
	list: (Vec<Hash>, Vec<Hash>),
	/// Where programs, images, setups and inputs are.
	blobs: HashMap<Hash, PathBuf>,
}

/// The right to fetch what is shared, one holder at a time; nobody keeps it whose seat is given up.
struct Turn<'f> {
	fetcher: &'f Fetcher,
	address: Hash,
	lock: Arc<tokio::sync::Mutex<()>>,
}

impl<'f> Turn<'f> {
	fn of(fetcher: &'f Fetcher, address: Hash) -> Self {
		Self {
			fetcher,
			address,
			lock: lock(&fetcher.coming).entry(address).or_default().clone(),
		}
	}
}

impl Drop for Turn<'_> {
	fn drop(&mut self) {
		let mut coming = lock(&self.fetcher.coming);
		// This one's and the list's own.
		if Arc::strong_count(&self.lock) <= 2 {
			coming.remove(&self.address);
		}
	}
}

impl Fetcher {
	/// Uses the folders `shared` and `work` of the data directory. Folders of seats that `is_wanted` denies are
	/// removed. Without `allow_private` only public addresses are asked.
	pub fn open(data: &Path, allow_private: bool, is_wanted: impl Fn(&str) -> bool) -> io::Result<Self> {
		let (shared, work) = (data.join("shared"), data.join("work"));
		let limits = Limits {
			allow_private,
			..Limits::default()
		};
		let client = Client::new(limits).map_err(io::Error::other)?;
		for folder in [&shared, &work] {
			// For the agent alone: images are mapped, and a mapped file that is cut would end it.
			fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
		}
		for entry in fs::read_dir(&shared)? {
			remove_partial(&entry?.path())?;
		}
		let mut used = 0u64;
		for entry in fs::read_dir(&work)? {
			let entry = entry?;
			if !entry.file_name().to_str().is_some_and(&is_wanted) {
				fs::remove_dir_all(entry.path())?;
				continue;
			}
			for file in fs::read_dir(entry.path())? {
				let file = file?;
				if !remove_partial(&file.path())? && file.file_name() != "list" {
					used = used.saturating_add(file.metadata()?.len());
				}
			}
		}
		Ok(Self {
			client,
			shared,
			work,
			used: AtomicU64::new(used),
			verified: Mutex::default(),
			given: Mutex::default(),
			coming: Mutex::default(),
		})
	}

	/// Bytes of inputs on disk.
	pub fn bytes(&self) -> u64 {
		self.used.load(Ordering::Relaxed)
	}

	/// The programs and images on disk, with their lengths.
	pub fn shared(&self) -> io::Result<HashMap<Hash, u64>> {
		let mut there = HashMap::new();
		for entry in fs::read_dir(&self.shared)? {
			let entry = entry?;
			let name = entry.file_name();
			let id = name.to_str().and_then(|name| hex::decode(name).ok());
			if let Some(id) = id.and_then(|id| <[u8; 32]>::try_from(id).ok()) {
				there.insert(id.into(), entry.metadata()?.len());
			}
		}
		Ok(there)
	}

	/// Where programs and images are stored.
	pub fn folder_of_shared(&self) -> &Path {
		&self.shared
	}

	/// How many inputs of a seat are on disk.
	pub fn inputs_there(&self, key: SeatKey) -> io::Result<u32> {
		let entries = match fs::read_dir(self.folder(key)) {
			Ok(entries) => entries,
			Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
			Err(error) => return Err(error),
		};
		let mut count = 0u32;
		for entry in entries {
			if entry?
				.file_name()
				.to_str()
				.is_some_and(|name| name.parse::<u32>().is_ok())
			{
				count = count.saturating_add(1);
			}
		}
		Ok(count)
	}

	/// Makes the program available; returns its bytes.
	pub async fn program(&self, seat: &AssignmentView) -> Result<Vec<u8>, Unavailable> {
		let reason = DeclineReason::ProgramUnavailable;
		let path = self.bring(seat, &seat.module, reason).await?;
		match self.read_program(seat) {
			Ok(Some(bytes)) => Ok(bytes),
			Ok(None) => Err(damaged(&path, reason)),
			Err(error) => Err(unavailable(reason, FetchError::Disk { path, source: error })),
		}
	}

	/// A stored program's bytes; none if they are not what they should be.
	pub fn read_program(&self, seat: &AssignmentView) -> io::Result<Option<Vec<u8>>> {
		let bytes = fs::read(self.path(&seat.module))?;
		Ok((merkle::data_root(&bytes) == address(&seat.module)).then_some(bytes))
	}

	/// Makes the job's image and its setup available, as far as it has any.
	pub async fn image_and_setup(&self, seat: &AssignmentView) -> Result<(), Unavailable> {
		let reason = DeclineReason::ImageUnavailable;
		for blob in [Some(seat.setup).filter(|setup| setup.len > 0), seat.image]
			.iter()
			.flatten()
		{
			let path = self.bring(seat, blob, reason).await?;
			match self.identity(blob) {
				Ok(Some(_)) => {}
				Ok(None) => return Err(damaged(&path, reason)),
				Err(error) => return Err(unavailable(reason, FetchError::Disk { path, source: error })),
			}
		}
		Ok(())
	}

	/// The job's image, mapped, and its setup; no bytes for what it has not.
	pub fn read_image_and_setup(&self, seat: &AssignmentView) -> io::Result<(Bytes, Bytes)> {
		let map = |blob: Option<Blob>| -> io::Result<Bytes> {
			let Some(blob) = blob else { return Ok(Arc::new([0; 0])) };
			let path = self.path(&blob);
			let identity = self
				.identity(&blob)?
				.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display())))?;
			image::map(&path, &identity)
		};
		Ok((map(seat.image)?, map(Some(seat.setup).filter(|setup| setup.len > 0))?))
	}

	/// Has image and setup read and hashed again before they are used next: a replay did not begin with them as it must.
	pub fn doubt(&self, seat: &AssignmentView) {
		let mut verified = lock(&self.verified);
		for blob in [Some(seat.setup), seat.image].iter().flatten() {
			verified.remove(&address(blob));
		}
	}

	/// Whether a seat's tasks can be run again: its program is right, image and setup can be read, and its inputs are there.
	///
	/// # Errors
	/// What is missing.
	pub fn check(&self, key: SeatKey, seat: &AssignmentView) -> io::Result<()> {
		self.read_program(seat)?
			.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the stored program is damaged"))?;
		self.read_image_and_setup(seat)?;
		self.read_list(key, seat)?;
		tasks(seat)
			.into_iter()
			.try_for_each(|task| fs::File::open(self.input_path(key, task)).map(drop))
	}

	/// Fetches a blob unless it is there. Where it is.
	async fn bring(&self, seat: &AssignmentView, blob: &Blob, reason: DeclineReason) -> Result<PathBuf, Unavailable> {
		let path = self.path(blob);
		// Seats of one job want the same, once.
		let turn = Turn::of(self, address(blob));
		let _turn = turn.lock.lock().await;
		if !path.exists() {
			blobs::fetch_blob(&self.client, &seat.endpoints, address(blob), blob.len.into(), &path)
				.await
				.map_err(|error| unavailable(reason, error))?;
			let protected = fs::set_permissions(&path, fs::Permissions::from_mode(0o400));
			protected.map_err(|source| {
				let path = path.clone();
				unavailable(reason, FetchError::Disk { path, source })
			})?;
		}
		Ok(path)
	}

	/// The identity of a stored blob whose bytes are right; none if they are not, and then it is removed. Only what
	/// changed since the last time is read.
	fn identity(&self, blob: &Blob) -> io::Result<Option<Identity>> {
		let (address, path) = (address(blob), self.path(blob));
		let mut file = fs::File::open(&path)?;
		let found = Identity::of(&file)?;
		if lock(&self.verified).get(&address) == Some(&found) {
			return Ok(Some(found));
		}
		let mut hasher = merkle::DataHasher::new();
		let mut buffer = vec![0; 1 << 20];
		loop {
			match file.read(&mut buffer)? {
				0 => break,
				read => hasher.update(&buffer[..read]),
			}
		}
		if Hash::from(hasher.finish()) != address || Identity::of(&file)? != found {
			// The next try fetches it again.
			fs::remove_file(&path)?;
			return Ok(None);
		}
		lock(&self.verified).insert(address, found);
		Ok(Some(found))
	}

	fn path(&self, blob: &Blob) -> PathBuf {
		self.shared.join(hex::encode(address(blob)))
	}

	/// Makes the inputs of a seat's tasks available, also of those that are done: who contradicts their outcomes may ask for
	/// them. Room for them must be reserved.
	pub async fn inputs(&self, key: SeatKey, seat: &AssignmentView) -> Result<(), Unavailable> {
		let folder = self.folder(key);
		let disk = |source| {
			unavailable(
				DeclineReason::InputsUnavailable,
				FetchError::Disk {
					path: folder.clone(),
					source,
				},
			)
		};
		fs::create_dir_all(&folder).map_err(disk)?;
		let roots = match self.read_list(key, seat).ok() {
			Some((roots, _)) => roots,
			None => {
				let (root, total) = (seat.input_root, seat.job_tasks);
				let range = blobs::fetch_range(&self.client, &seat.endpoints, root, total, seat.first_task, seat.tasks)
					.await
					.map_err(|error| unavailable(DeclineReason::InputsUnavailable, error))?;
				store::replace(&folder.join("list"), &range.encode()).map_err(disk)?;
				range.0
			}
		};
		let wanted: HashSet<u32> = tasks(seat).into_iter().collect();
		let wanted = (seat.first_task..)
			.zip(roots)
			.filter(|(task, _)| wanted.contains(task) && !self.input_path(key, *task).exists());
		futures::stream::iter(wanted)
			.map(|(task, root)| async move {
				let path = self.input_path(key, task);
				let len = blobs::fetch_blob(&self.client, &seat.endpoints, root, seat.input_limit.into(), &path)
					.await
					.map_err(|error| unavailable(DeclineReason::InputsUnavailable, error))?;
				self.used.fetch_add(len, Ordering::Relaxed);
				Ok(())
			})
			.buffer_unordered(PARALLEL)
			.try_collect()
			.await
	}

	/// The addresses of the shard's inputs, and the proof of their place among the job's.
	fn read_list(&self, key: SeatKey, seat: &AssignmentView) -> io::Result<(Vec<Hash>, Vec<Hash>)> {
		let bytes = fs::read(self.folder(key).join("list"))?;
		<(Vec<Hash>, Vec<Hash>)>::decode_all(&mut &bytes[..])
			.ok()
			.filter(|(roots, _)| roots.len() as u64 == u64::from(seat.tasks))
			.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the list of inputs is damaged"))
	}

	/// The proof that a task's input is its own, as a court asks for it.
	pub fn read_proof(&self, key: SeatKey, seat: &AssignmentView, task: u32) -> io::Result<Vec<Hash>> {
		let (roots, proof) = self.read_list(key, seat)?;
		merkle::prove_within(seat.job_tasks, seat.first_task, &roots, &proof, task).ok_or_else(|| {
			io::Error::new(
				io::ErrorKind::InvalidData,
				"the list of inputs proves nothing of the task",
			)
		})
	}

	/// A task's input.
	pub fn read_input(&self, key: SeatKey, task: u32) -> io::Result<Vec<u8>> {
		fs::read(self.input_path(key, task))
	}

	/// From now on, until it is cleared, gives away what a seat's report was computed from: who is drawn to check it may not get it
	/// of the client, and then it would be unpaid.
	pub fn give(&self, key: SeatKey, seat: &AssignmentView) -> io::Result<()> {
		if lock(&self.given).contains_key(&key) {
			return Ok(());
		}
		let list = self.read_list(key, seat)?;
		let inputs = (seat.first_task..).zip(&list.0);
		let inputs = inputs.map(|(task, root)| (*root, self.input_path(key, task)));
		let shared = addresses(seat).into_iter().map(|address| {
			let path = self.shared.join(hex::encode(address));
			(address, path)
		});
		let given = Given {
			input_root: seat.input_root,
			first: seat.first_task,
			blobs: inputs.chain(shared).collect(),
			list,
		};
		lock(&self.given).insert(key, given);
		Ok(())
	}

	/// Where something is that is given away.
	pub fn given(&self, root: Hash) -> Option<PathBuf> {
		// Nobody waits for a disk that is slow.
		let paths: Vec<PathBuf> = lock(&self.given)
			.values()
			.filter_map(|given| given.blobs.get(&root).cloned())
			.collect();
		paths.into_iter().find(|path| path.exists())
	}

	/// The same of addresses of inputs, with the proof of their place: those of a whole shard.
	pub fn given_range(&self, root: Hash, first: u32, count: u32) -> Option<Vec<u8>> {
		let given = lock(&self.given);
		let of_shard = given.values().find(|given| {
			(given.input_root, given.first, given.list.0.len() as u64) == (root, first, u64::from(count))
		});
		of_shard.map(|given| given.list.encode())
	}

	/// Removes a seat's inputs.
	pub fn clear(&self, key: SeatKey) -> io::Result<()> {
		lock(&self.given).remove(&key);
		let folder = self.folder(key);
		let entries = match fs::read_dir(&folder) {
			Ok(entries) => entries,
			Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
			Err(error) => return Err(error),
		};
		let mut freed = 0u64;
		for entry in entries {
			let entry = entry?;
			if entry.file_name() != "list" {
				freed = freed.saturating_add(entry.metadata().map_or(0, |metadata| metadata.len()));
			}
		}
		fs::remove_dir_all(&folder)?;
		let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
			Some(used.saturating_sub(freed))
		});
		Ok(())
	}

	/// Removes the programs, images and setups that were fetched first, as long as there are more than `spare` that nothing
	/// uses.
	pub fn prune(&self, used: &HashSet<Hash>, spare: usize) -> io::Result<()> {
		let used: HashSet<String> = used.iter().map(hex::encode).collect();
		let mut unused = Vec::new();
		for entry in fs::read_dir(&self.shared)? {
			let entry = entry?;
			let name = entry.file_name();
			if !name
				.to_str()
				.is_some_and(|name| used.contains(name) || name.starts_with('.'))
			{
				unused.push((entry.metadata()?.modified()?, entry.path()));
			}
		}
		unused.sort();
		let excess = unused.len().saturating_sub(spare);
		unused
			.iter()
			.take(excess)
			.try_for_each(|(_, path)| fs::remove_file(path))
	}

	fn folder(&self, key: SeatKey) -> PathBuf {
		self.work.join(key.to_string())
	}

	fn input_path(&self, key: SeatKey, task: u32) -> PathBuf {
		self.folder(key).join(task.to_string())
	}
}

/// Downloads that a crash cut off have names that begin with a dot or end in `.new`.
fn remove_partial(path: &Path) -> io::Result<bool> {
	let name = path.file_name().unwrap_or_default().to_string_lossy();
	let partial = name.starts_with('.') || name.ends_with(".new");
	if partial {
		fs::remove_file(path)?;
	}
	Ok(partial)
}

/// The addresses of what all tasks of a seat share.
pub fn addresses(seat: &AssignmentView) -> Vec<Hash> {
	let blobs = [Some(seat.module), Some(seat.setup), seat.image];
	blobs.iter().flatten().map(address).collect()
}

/// What is spoiled on disk was removed, so that the next try fetches it again.
fn damaged(path: &Path, reason: DeclineReason) -> Unavailable {
	// It may be gone already.
	let _ = fs::remove_file(path);
	Unavailable {
		reason,
		hopeless: false,
		text: format!("{} was damaged on disk and is removed", path.display()),
	}
}

/// A lock whose data is valid at every moment, so that a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(reason: DeclineReason, error: FetchError) -> Unavailable {
	let reason = match error {
		FetchError::Disk { .. } => DeclineReason::NoCapacity,
		_ => reason,
	};
	// Nobody else was named, and those who were will not become public in time.
	let hopeless = matches!(
		&error,
		FetchError::Refused { reasons, .. }
			if !reasons.is_empty() && reasons.iter().all(|refusal| matches!(refusal.reason, Reason::NotPublic(_)))
	);
	let text = match error.is_disk_full() {
		true => format!("the disk is full: {error}"),
		false => error.to_string(),
	};
	Unavailable { reason, hopeless, text }
}
