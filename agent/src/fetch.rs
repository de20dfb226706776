//! Programs and inputs: fetched from the client, verified against the chain's roots, kept until they were used.

use crate::{seat::SeatKey, store};
use codec::{DecodeAll, Encode};
use futures::{StreamExt, TryStreamExt};
use millrace_client::blobs::{self, Client, FetchError, Limits, Reason};
use millrace_primitives::{
	api::AssignmentView,
	job::{DeclineReason, MAX_PROGRAM_SIZE},
	merkle, Hash, ProgramId,
};
use std::{
	collections::{HashMap, HashSet},
	fs, io,
	path::{Path, PathBuf},
	sync::atomic::{AtomicU64, Ordering},
};

/// So many inputs of a shard are fetched at the same time.
const PARALLEL: usize = 4;
/// So many programs are kept that no present work uses, as long as nobody needs the room.
pub const SPARE_PROGRAMS: usize = 32;

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
	programs: PathBuf,
	work: PathBuf,
	used: AtomicU64,
}

impl Fetcher {
	/// Uses the folders `programs` and `work` of the data directory. Folders of seats that `is_wanted` denies are
	/// removed. Without `allow_private` only public addresses are asked.
	pub fn open(data: &Path, allow_private: bool, is_wanted: impl Fn(&str) -> bool) -> io::Result<Self> {
		let (programs, work) = (data.join("programs"), data.join("work"));
		let limits = Limits {
			allow_private,
			..Limits::default()
		};
		let client = Client::new(limits).map_err(io::Error::other)?;
		for folder in [&programs, &work] {
			fs::create_dir_all(folder)?;
		}
		for entry in fs::read_dir(&programs)? {
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
			programs,
			work,
			used: AtomicU64::new(used),
		})
	}

	/// Bytes of inputs on disk.
	pub fn bytes(&self) -> u64 {
		self.used.load(Ordering::Relaxed)
	}

	/// The programs on disk, with their lengths.
	pub fn programs(&self) -> io::Result<HashMap<ProgramId, u64>> {
		let mut programs = HashMap::new();
		for entry in fs::read_dir(&self.programs)? {
			let entry = entry?;
			let name = entry.file_name();
			let id = name.to_str().and_then(|name| hex::decode(name).ok());
			if let Some(id) = id.and_then(|id| <[u8; 32]>::try_from(id).ok()) {
				programs.insert(id.into(), entry.metadata()?.len());
			}
		}
		Ok(programs)
	}

	/// Where programs are stored.
	pub fn folder_of_programs(&self) -> &Path {
		&self.programs
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
		let path = self.programs.join(hex::encode(seat.program));
		if !path.exists() {
			let max = u64::from(MAX_PROGRAM_SIZE);
			blobs::fetch_blob(&self.client, &seat.endpoints, seat.program, max, &path)
				.await
				.map_err(|error| unavailable(DeclineReason::ProgramUnavailable, error))?;
		}
		match self.read_program(seat.program) {
			Ok(Some(bytes)) => Ok(bytes),
			Ok(None) => {
				// Spoiled on disk: the next try fetches it again.
				let removed = fs::remove_file(&path);
				Err(Unavailable {
					reason: DeclineReason::ProgramUnavailable,
					hopeless: false,
					text: format!(
						"the stored program {} is damaged (removed: {})",
						path.display(),
						removed.is_ok()
					),
				})
			}
			Err(error) => Err(unavailable(
				DeclineReason::ProgramUnavailable,
				FetchError::Disk { path, source: error },
			)),
		}
	}

	/// A stored program's bytes; none if they are not what they should be.
	pub fn read_program(&self, program: ProgramId) -> io::Result<Option<Vec<u8>>> {
		let bytes = fs::read(self.programs.join(hex::encode(program)))?;
		Ok((merkle::data_root(&bytes) == program).then_some(bytes))
	}

	/// Makes the inputs of a shard available, but those of the tasks in `done`. Room for them must be reserved.
	pub async fn inputs(&self, key: SeatKey, seat: &AssignmentView, done: &HashSet<u32>) -> Result<(), Unavailable> {
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
		let list = folder.join("list");
		let known = fs::read(&list)
			.ok()
			.and_then(|bytes| Vec::<Hash>::decode_all(&mut &bytes[..]).ok());
		let roots = match known.filter(|roots| roots.len() as u64 == u64::from(seat.tasks)) {
			Some(roots) => roots,
			None => {
				let (root, total) = (seat.input_root, seat.job_tasks);
				let roots = blobs::fetch_list(&self.client, &seat.endpoints, root, total, seat.first_task, seat.tasks)
					.await
					.map_err(|error| unavailable(DeclineReason::InputsUnavailable, error))?;
				store::replace(&list, &roots.encode()).map_err(disk)?;
				roots
			}
		};
		let wanted = (seat.first_task..)
			.zip(roots)
			.filter(|(task, _)| !done.contains(task) && !self.input_path(key, *task).exists());
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

	/// A task's input.
	pub fn read_input(&self, key: SeatKey, task: u32) -> io::Result<Vec<u8>> {
		fs::read(self.input_path(key, task))
	}

	/// Removes a seat's inputs.
	pub fn clear(&self, key: SeatKey) -> io::Result<()> {
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

	/// Removes the programs that were fetched first, as long as there are more than `spare` that nothing uses.
	pub fn prune(&self, used: &HashSet<ProgramId>, spare: usize) -> io::Result<()> {
		let used: HashSet<String> = used.iter().map(hex::encode).collect();
		let mut unused = Vec::new();
		for entry in fs::read_dir(&self.programs)? {
			let entry = entry?;
			if !entry
				.file_name()
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
