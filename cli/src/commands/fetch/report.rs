//! What is said of what was fetched.

use super::{manifest::TaskEntry, ranges, Fetched};
use crate::{failure::Result, output::Output};
use millrace_client::words;
use millrace_primitives::machine::{Status, Trap};
use serde_json::json;

/// So many tasks that did not succeed are described to people.
const MAX_TASKS: usize = 10;
/// So many of them are in the document.
const MAX_DOCUMENTED: usize = 1_000;
/// So many lines of a task's standard error are shown.
const MAX_LINES: usize = 12;

/// Prints what was fetched.
pub fn report(fetched: &Fetched, output: &mut Output) -> Result<()> {
	output.result(&document(fetched), text(fetched))
}

fn text(fetched: &Fetched) -> String {
	let manifest = &fetched.manifest;
	let mut text = format!(
		"{} of {} outputs are in {}, verified against the chain.",
		manifest.files(),
		manifest.tasks,
		fetched.folder.display(),
	);
	let backing = fetched.backing.text();
	if !backing.is_empty() {
		text += &format!("\n{backing}");
	}
	let unsuccessful: Vec<_> = manifest.unsuccessful().collect();
	for task in unsuccessful.iter().take(MAX_TASKS) {
		text += &describe(task);
	}
	if !unsuccessful.is_empty() {
		text += &summary(fetched, &unsuccessful);
	}
	let missing = manifest.missing();
	if !missing.is_empty() {
		let shard_of = |task: &u32| task / fetched.job.shard_size.max(1);
		let (unserved, unknown): (Vec<u32>, Vec<u32>) = missing
			.iter()
			.copied()
			.partition(|task| fetched.failures.iter().any(|(shard, _)| *shard == shard_of(task)));
		if !unserved.is_empty() {
			text += &format!("\nNot fetched: tasks {}.", ranges(&unserved));
		}
		if !unknown.is_empty() {
			let yet = if fetched.goes_on { " yet" } else { "" };
			text += &format!("\nNo accepted result{yet} for tasks {}.", ranges(&unknown));
		}
	}
	for (shard, failure) in &fetched.failures {
		text += &format!("\nShard {shard}: {failure}");
	}
	for note in &fetched.notes {
		text += &format!("\n{note}");
	}
	text
}

/// How a task ended, and the last of its standard error.
fn describe(task: &TaskEntry) -> String {
	let input = match &task.input {
		Some(input) => format!(" ({})", words::line(input)),
		None => String::new(),
	};
	let mut text = format!("\nTask {}{input}: {}", task.task, task.words());
	let errors = task.errors.as_deref().unwrap_or_default();
	let lines: Vec<_> = errors.lines().collect();
	let before = lines.len().saturating_sub(MAX_LINES);
	if before > 0 {
		text += &format!("\n    ({before} lines before)");
	}
	for line in lines.iter().skip(before) {
		text += &format!("\n    {line}");
	}
	text
}

/// All that did not succeed, by how they ended, and what the limits had to do with it.
fn summary(fetched: &Fetched, tasks: &[&TaskEntry]) -> String {
	let mut text = String::new();
	for status in Status::ALL {
		let of: Vec<_> = tasks
			.iter()
			.filter(|task| task.status == status)
			.map(|task| task.task)
			.collect();
		if !of.is_empty() {
			text += &format!("\n{}: {}.", kind(status), counted(&of));
		}
	}
	let limits = &fetched.job.limits;
	let whole = tasks.iter().filter(|task| took_all(task)).count();
	if whole > 0 {
		text += &format!(
			"\n{whole} of them cost the whole gas limit of {}, whatever they had used by then.",
			limits.gas
		);
	}
	text
}

fn took_all(task: &TaskEntry) -> bool {
	match task.status {
		Status::Trap => task.code != Trap::Unreachable as u32,
		Status::OutOfGas | Status::OutOfStack => true,
		_ => false,
	}
}

fn counted(tasks: &[u32]) -> String {
	let list = ranges(tasks);
	match (tasks.len(), list.len()) {
		(1, _) => format!("task {list}"),
		(count, 0..=200) => format!("{count} tasks, {list}"),
		(count, _) => format!("{count} tasks"),
	}
}

/// A status without its code, as the beginning of a line.
pub fn kind(status: Status) -> &'static str {
	match status {
		Status::Success => "Success",
		Status::Exit => "Exit code other than 0 (outputs are kept)",
		Status::Trap => "Trap",
		Status::OutOfGas => "Out of gas",
		Status::OutOfStack => "Out of stack",
		Status::OutputTooLong => "Output too long",
		Status::NoOutput => "No output",
		Status::Malformed => "Malformed input, image or setup",
	}
}

fn document(fetched: &Fetched) -> serde_json::Value {
	let manifest = &fetched.manifest;
	let unsuccessful = manifest.unsuccessful().take(MAX_DOCUMENTED).map(|task| {
		json!({
			"task": task.task,
			"input": task.input,
			"file": task.file,
			"status": task.status,
			"code": task.code,
			"words": task.words(),
			"errors": task.errors,
		})
	});
	json!({
		"job": manifest.job,
		"folder": fetched.folder.display().to_string(),
		"tasks": manifest.tasks,
		"fetched": manifest.files(),
		"shards": fetched.verified,
		"backing": fetched.backing,
		"acknowledged": fetched.acknowledged,
		"goesOn": fetched.goes_on,
		"failed": manifest.unsuccessful().map(|task| task.task).collect::<Vec<_>>(),
		"unsuccessful": unsuccessful.collect::<Vec<_>>(),
		"missing": manifest.missing(),
		"notes": fetched.notes,
		"errors": fetched.failures.iter()
			.map(|(shard, failure)| json!({ "shard": shard, "error": failure.to_string() }))
			.collect::<Vec<_>>(),
	})
}
