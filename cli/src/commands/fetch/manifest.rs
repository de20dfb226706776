//! `manifest.json`: what a folder of outputs holds.

use crate::{
	failure::{Failure, Result},
	record::is_inside,
};
use millrace_client::blobs::FetchError;
use millrace_primitives::{
	api::JobView,
	machine::{address, Outcome, Status},
	Gas, Hash, JobId, Report,
};
use serde::{Deserialize, Serialize};
use std::{
	fs,
	io::{self, Write},
	os::unix::fs::PermissionsExt,
	path::Path,
};

/// The file's name.
pub const NAME: &str = "manifest.json";

/// The outputs in a folder, each verified when it was entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
	/// The chain, by its first block.
	pub genesis: Hash,
	/// The job.
	pub job: JobId,
	/// Its program.
	pub program: Hash,
	/// The root over its inputs.
	pub input_root: Hash,
	/// Its number of tasks.
	pub tasks: u32,
	/// The shards that were fetched.
	pub shards: Vec<ShardEntry>,
	/// Their tasks.
	pub outputs: Vec<TaskEntry>,
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardEntry {
	/// Its place in the job.
	pub index: u32,
	/// Its first task.
	pub first_task: u32,
	/// Its number of tasks.
	pub tasks: u32,
	/// Its report on chain.
	pub report: Report,
	/// Who keeps its outputs.
	pub endpoints: Vec<String>,
	/// Whether the report was accepted when they were fetched.
	#[serde(default = "accepted")]
	pub accepted: bool,
}

/// Of folders from before other reports were fetched.
fn accepted() -> bool {
	true
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskEntry {
	/// Its place in the job.
	pub task: u32,
	/// Its input's name; none if it has none, or if it is not known here.
	pub input: Option<String>,
	/// The file with its output; none if there is no output.
	pub file: Option<String>,
	/// The folder that the output was unpacked into, if it is an archive of a directory.
	pub folder: Option<String>,
	/// How it ended.
	pub status: Status,
	/// The exit code, or the trap's number.
	pub code: u32,
	/// Its output's length in bytes.
	pub bytes: u32,
	/// The gas it used.
	pub gas: Gas,
	/// The address of its output.
	pub root: Hash,
	/// The last of its standard error if it did not succeed, as far as it was fetched; control characters are escaped.
	pub errors: Option<String>,
}

impl TaskEntry {
	/// What an outcome says of a task.
	pub fn new(task: u32, outcome: &Outcome) -> Self {
		Self {
			task,
			input: None,
			file: None,
			folder: None,
			status: outcome.status,
			code: outcome.code,
			bytes: outcome.output.len,
			gas: outcome.gas_used,
			root: address(&outcome.output),
			errors: None,
		}
	}

	/// How it ended, in words.
	pub fn words(&self) -> String {
		millrace_client::words::outcome(self.status, self.code)
	}
}

impl Manifest {
	/// The folder's manifest, or a new one of a folder that is new or empty.
	///
	/// # Errors
	/// If the folder holds another job's outputs, or files that nobody fetched; if what stands there is no manifest, or
	/// one that names what is not in the folder.
	pub fn open(folder: &Path, genesis: Hash, job: &JobView) -> Result<Self> {
		let path = folder.join(NAME);
		let new = Self {
			genesis,
			job: job.id,
			program: job.program,
			input_root: job.input_root,
			tasks: job.tasks,
			shards: Vec::new(),
			outputs: Vec::new(),
		};
		let bytes = match fs::read(&path) {
			Ok(bytes) => bytes,
			Err(error) if error.kind() == io::ErrorKind::NotFound => {
				ensure_empty(folder)?;
				return Ok(new);
			}
			Err(source) => return Err(FetchError::Disk { path, source }.into()),
		};
		let old: Self = serde_json::from_slice(&bytes)
			.map_err(|error| Failure::Input(format!("{}: not a manifest of outputs: {error}", path.display())))?;
		let same = Self {
			shards: Vec::new(),
			outputs: Vec::new(),
			..old.clone()
		} == new;
		if !same {
			return Err(Failure::Input(format!(
				"{} holds the outputs of another job ({}); name another folder",
				folder.display(),
				old.job.0
			)));
		}
		let names = old.outputs.iter().flat_map(|output| [&output.file, &output.folder]);
		if let Some(name) = names.flatten().find(|name| !is_inside(name) || *name == NAME) {
			return Err(Failure::Input(format!(
				"{}: `{}` is no name of an output in this folder: nobody fetched that; name another folder",
				path.display(),
				millrace_client::words::line(name)
			)));
		}
		Ok(old)
	}

	/// What is known of a task.
	pub fn task(&self, task: u32) -> Option<&TaskEntry> {
		let place = self.outputs.binary_search_by_key(&task, |entry| entry.task).ok()?;
		self.outputs.get(place)
	}

	/// Enters a shard, in place of what was known of it.
	pub fn insert(&mut self, shard: ShardEntry, outputs: Vec<TaskEntry>) {
		let tasks = shard.first_task..shard.first_task.saturating_add(shard.tasks);
		self.shards.retain(|known| known.index != shard.index);
		self.outputs.retain(|known| !tasks.contains(&known.task));
		self.shards.push(shard);
		self.outputs.extend(outputs);
		self.shards.sort_by_key(|shard| shard.index);
		self.outputs.sort_by_key(|output| output.task);
	}

	/// Tasks that did not succeed.
	pub fn unsuccessful(&self) -> impl Iterator<Item = &TaskEntry> {
		self.outputs.iter().filter(|output| output.status != Status::Success)
	}

	/// The number of outputs that are here.
	pub fn files(&self) -> usize {
		self.outputs.iter().filter(|output| output.file.is_some()).count()
	}

	/// Tasks of which nothing is known.
	pub fn missing(&self) -> Vec<u32> {
		let mut known = self.outputs.iter().map(|output| output.task).peekable();
		(0..self.tasks)
			.filter(|index| known.next_if_eq(index).is_none())
			.collect()
	}

	/// Writes it, whole or not at all.
	pub fn write(&self, folder: &Path) -> Result<()> {
		let path = folder.join(NAME);
		let disk = |source| FetchError::Disk {
			path: path.clone(),
			source,
		};
		let bytes = serde_json::to_vec_pretty(self).map_err(|error| Failure::Other(error.to_string()))?;
		let new = tempfile::Builder::new().prefix(".millrace-").tempfile_in(folder);
		let mut new = new.map_err(disk)?;
		new.write_all(&bytes).map_err(disk)?;
		// Temporary files are their owner's alone, other new ones are not.
		let mode = fs::Permissions::from_mode(0o644);
		new.as_file().set_permissions(mode).map_err(disk)?;
		new.persist(&path).map_err(|error| disk(error.error))?;
		Ok(())
	}
}

/// Refuses a folder that holds anything, which may be what somebody needs.
pub fn ensure_empty(folder: &Path) -> Result<()> {
	let first = match fs::read_dir(folder) {
		Ok(mut entries) => entries.next().transpose(),
		Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
		Err(error) => Err(error),
	};
	let first = first.map_err(|error| Failure::Input(format!("{}: {error}", folder.display())))?;
	match first {
		None => Ok(()),
		Some(entry) => Err(Failure::Input(format!(
			"{}: it is not empty (`{}`), and no {NAME} says that outputs of this job are in it; name another folder",
			folder.display(),
			millrace_client::words::line(&entry.file_name().to_string_lossy())
		))),
	}
}
