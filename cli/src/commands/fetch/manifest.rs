//! `manifest.json`: what a folder of outputs holds.

use crate::failure::{Failure, Result};
use millrace_client::blobs::FetchError;
use millrace_primitives::{api::JobView, outcome::Status, Gas, Hash, JobId, Outcome, Report};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

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
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskEntry {
	/// Its place in the job.
	pub index: u32,
	/// How it ended.
	pub status: Status,
	/// Its output's length in bytes.
	pub len: u64,
	/// The gas it used.
	pub gas: Gas,
	/// Its output's root.
	pub root: Hash,
	/// The file with its output; none if it failed.
	pub file: Option<String>,
}

impl TaskEntry {
	/// What is known of a task.
	pub fn new(index: u32, outcome: &Outcome, file: Option<String>) -> Self {
		Self {
			index,
			status: outcome.status,
			len: outcome.output_len,
			gas: outcome.gas_used,
			root: outcome.output_root,
			file,
		}
	}
}

impl Manifest {
	/// The folder's manifest, or a new one.
	///
	/// # Errors
	/// If the folder holds another job's outputs, or what stands there is no manifest.
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
			Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new),
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
		Ok(old)
	}

	/// Enters a shard, in place of what was known of it.
	pub fn insert(&mut self, shard: ShardEntry, outputs: Vec<TaskEntry>) {
		let tasks = shard.first_task..shard.first_task.saturating_add(shard.tasks);
		self.shards.retain(|known| known.index != shard.index);
		self.outputs.retain(|known| !tasks.contains(&known.index));
		self.shards.push(shard);
		self.outputs.extend(outputs);
		self.shards.sort_by_key(|shard| shard.index);
		self.outputs.sort_by_key(|output| output.index);
	}

	/// Tasks whose program failed.
	pub fn failed(&self) -> Vec<u32> {
		self.outputs
			.iter()
			.filter(|output| output.status == Status::Failed)
			.map(|output| output.index)
			.collect()
	}

	/// Tasks of which nothing is known.
	pub fn missing(&self) -> Vec<u32> {
		let mut known = self.outputs.iter().map(|output| output.index).peekable();
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
		let temporary = folder.join(format!(".{NAME}.part"));
		fs::write(&temporary, bytes).map_err(disk)?;
		fs::rename(&temporary, &path).map_err(disk)?;
		Ok(())
	}
}
