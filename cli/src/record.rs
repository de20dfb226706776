//! What this account of the machine knows of jobs that it submitted: what their outputs are called. The chain has no
//! names.

use crate::{names, output::note};
use millrace_primitives::{Hash, JobId};
use serde::{Deserialize, Serialize};
use std::{
	env, fs, io,
	path::{Path, PathBuf},
};

/// What outputs are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
	/// The root over the job's inputs, by which it is known again.
	pub input_root: Hash,
	/// True if outputs are archives of directories.
	pub directory: bool,
	/// The outputs' names by task; numbers if there are none.
	pub outputs: Vec<String>,
	/// The inputs' names by task, as they are shown; none where they have none.
	pub inputs: Vec<Option<String>>,
	/// What it means if a task has no output: where the job looks for it.
	#[serde(default)]
	pub absent: Option<String>,
}

impl Record {
	/// That of a job with these inputs; says which names had to be changed.
	pub fn new(input_root: Hash, inputs: &[Option<&Path>], directory: bool) -> Self {
		let mut record = Self {
			input_root,
			directory,
			..Self::default()
		};
		if inputs.iter().any(Option::is_some) {
			let names = names::outputs(inputs, directory);
			say(&names.changed);
			let shown = |input: &Option<&Path>| input.map(|input| input.to_string_lossy().into_owned());
			record.inputs = inputs.iter().map(shown).collect();
			record.outputs = names.names;
		}
		record
	}

	/// What a task's output is called.
	pub fn output(&self, task: u32, tasks: u32) -> String {
		let name = self.outputs.get(task as usize);
		name.cloned()
			.unwrap_or_else(|| names::number(task as usize, tasks as usize))
	}

	/// What a task's input is called.
	pub fn input(&self, task: u32) -> Option<String> {
		self.inputs.get(task as usize).cloned().flatten()
	}

	/// Keeps it for `millrace fetch`.
	pub fn keep(&self, genesis: Hash, job: JobId) {
		let kept = path(genesis, job).map_or(Ok(()), |path| {
			fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
			fs::write(path, serde_json::to_vec(self).map_err(io::Error::other)?)
		});
		if let Err(error) = kept {
			note(format!(
				"warning: cannot keep what outputs will be called ({error}); name the inputs to `millrace fetch` with --inputs"
			));
		}
	}

	/// What is known of a job; only that outputs have numbers if nothing is.
	pub fn find(genesis: Hash, job: JobId, input_root: Hash, tasks: u32) -> Option<Self> {
		let bytes = fs::read(path(genesis, job)?).ok()?;
		let record: Self = serde_json::from_slice(&bytes).ok()?;
		let fits = |len: usize| len == 0 || len == tasks as usize;
		let same = record.input_root == input_root && fits(record.outputs.len()) && fits(record.inputs.len());
		// Nobody else writes there, but a name that led out would be written to.
		let safe = record.outputs.iter().all(|name| is_inside(name));
		(same && safe).then_some(record)
	}
}

/// True if a name leads to a place in the folder that it is joined to.
pub fn is_inside(name: &str) -> bool {
	name.split('/').all(|component| !matches!(component, "" | "." | ".."))
}

fn say(changed: &[(String, String)]) {
	for (from, to) in changed.iter().take(5) {
		note(format!(
			"The output of `{}` will be called {to}: another one has that name, or not every file system would take it.",
			shown(from)
		));
	}
	if changed.len() > 5 {
		note(format!(
			"So will {} more; the manifest has them all.",
			changed.len() - 5
		));
	}
}

fn shown(name: &str) -> String {
	millrace_client::words::line(name)
}

/// Where a job's record is: in `MILLRACE_STATE`, else where the system keeps a user's state.
fn path(genesis: Hash, job: JobId) -> Option<PathBuf> {
	let state = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
	let folder = state("MILLRACE_STATE")
		.or_else(|| Some(state("XDG_STATE_HOME")?.join("millrace")))
		.or_else(|| Some(state("HOME")?.join(".local/state/millrace")))?;
	let chain = genesis.as_bytes().get(..8).map(hex::encode).unwrap_or_default();
	Some(folder.join("jobs").join(format!("{chain}-{}.json", job.0)))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn names_are_those_of_inputs_or_numbers() {
		let root = Hash::repeat_byte(1);
		let named = Record::new(root, &[Some(Path::new("a.txt")), Some(Path::new("b:c"))], false);
		assert_eq!(named.output(1, 2), "b%3Ac");
		assert_eq!((named.input(1), named.input(7)), (Some("b:c".into()), None));
		let numbers = Record::new(root, &[None, None], true);
		assert_eq!((numbers.output(1, 2).as_str(), numbers.input(1)), ("00001", None));
		assert!(numbers.outputs.is_empty() && numbers.directory);
	}

	#[test]
	fn names_that_lead_out_are_no_names() {
		for (name, ok) in [
			("a", true),
			("a/b", true),
			("../a", false),
			("/a", false),
			("a/../b", false),
			("a/.", false),
			("a/", false),
			("..", false),
			("", false),
		] {
			assert_eq!(is_inside(name), ok, "{name}");
		}
	}
}
