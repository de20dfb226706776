//! `millrace fetch`: downloads a job's outputs and verifies them against the reports on chain.
//!
//! ```text
//! report on chain ─► outcomes (from any provider, checked) ─► output roots ─► outputs (from any provider, checked)
//! ```

mod manifest;

use crate::{
	context,
	failure::{Failure, Result},
	options::{FetchOptions, Global},
	output::{is_interactive, note, Output},
	units::mill,
};
use futures::{future::try_join_all, stream, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use manifest::{Manifest, ShardEntry, TaskEntry};
use millrace_client::{
	blobs::{fetch_blob, fetch_outcomes, verify_file, Client, FetchError, Limits, Reason},
	calls, At, Chain, Keypair,
};
use millrace_primitives::{
	api::{JobView, ShardView},
	job::ShardState,
	outcome::Status,
	JobId, Outcome, Report, ShardId,
};
use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
	time::{Duration, Instant},
};

/// So many shards are downloaded at once.
const CONCURRENT: usize = 8;
/// For so long outputs are asked for that nobody serves yet: providers give them out when they see for themselves that
/// their acceptance is final, which may be a moment after the job's end.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first pause before they are asked for again; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Runs the command.
pub async fn run(global: &Global, options: FetchOptions, output: &mut Output) -> Result<()> {
	let folder = options
		.to
		.or(options.folder)
		.ok_or_else(|| Failure::Input("name a folder for the outputs".into()))?;
	let signer = if options.acknowledge {
		Some(global.signer()?)
	} else {
		None
	};
	let chain = global.connect().await?;
	let mut fetched = fetch(&chain, options.job, &folder, options.allow_private, output).await?;
	if let Some(signer) = signer.filter(|_| fetched.is_verified()) {
		acknowledge(&chain, &signer, options.job, &mut fetched, output).await?;
	}
	report(&fetched, output)?;
	fetched.verdict()
}

/// What was fetched, and what was not.
pub struct Fetched {
	manifest: Manifest,
	folder: PathBuf,
	/// The shards in custody whose outputs are all here.
	verified: Vec<u32>,
	failures: Vec<(u32, Failure)>,
	/// True if the job may still bring results.
	goes_on: bool,
	/// The job as it was when the outputs were fetched.
	job: JobView,
	/// The transactions that ended custody.
	acknowledged: Vec<serde_json::Value>,
}

impl Fetched {
	/// True if all outputs that providers keep are here.
	pub fn is_verified(&self) -> bool {
		self.failures.is_empty()
	}

	/// An error if something is missing.
	pub fn verdict(mut self) -> Result<()> {
		if !self.failures.is_empty() {
			let count = self.failures.len();
			// The worst decides: wrong data, then the disk, then the network.
			self.failures.sort_by_key(|(shard, failure)| match failure.exit_code() {
				6 => (0, *shard),
				1 => (1, *shard),
				_ => (2, *shard),
			});
			let (shard, failure) = self.failures.swap_remove(0);
			let text = format!("{count} shards could not be fetched; shard {shard}: {failure}");
			return Err(match failure.exit_code() {
				6 => Failure::Unverified(text),
				1 => failure,
				_ if is_private(&failure) => Failure::Unreachable(format!(
					"{text}; on a public chain only public addresses are asked, unless you add --allow-private"
				)),
				_ => Failure::Unreachable(format!(
					"{text}; run it again later: what is here is not downloaded again"
				)),
			});
		}
		let (failed, missing) = (self.manifest.failed().len(), self.manifest.missing().len());
		if failed + missing == 0 {
			return Ok(());
		}
		let job = self.manifest.job.0;
		let more = if self.goes_on && missing > 0 {
			format!(" yet: job {job} goes on, follow it with `millrace watch {job}` and fetch again at its end")
		} else {
			String::new()
		};
		Err(Failure::Incomplete(format!(
			"{failed} tasks failed in the program, {missing} tasks have no accepted result{more}",
		)))
	}
}

fn is_private(failure: &Failure) -> bool {
	matches!(failure, Failure::Fetch(error) if error.is_private())
}

/// True if what could not be fetched may be served a moment later.
fn may_come(failure: &Failure) -> bool {
	let Failure::Fetch(FetchError::Refused { reasons, .. }) = failure else {
		return false;
	};
	reasons.iter().any(|refusal| match &refusal.reason {
		Reason::Status(status) => *status == 404 || *status == 429 || *status >= 500,
		Reason::Unreachable(_) | Reason::Stalled | Reason::Broken(_) => true,
		_ => false,
	})
}

/// Refuses a folder that cannot take the outputs of a new job, before anything is paid for.
pub fn ensure_new(folder: &Path) -> Result<()> {
	let refused = |why: &str| {
		Err(Failure::Input(format!(
			"{}: {why}; name another folder",
			folder.display()
		)))
	};
	if folder.exists() && !folder.is_dir() {
		return refused("it is no folder");
	}
	if folder.join(manifest::NAME).exists() {
		return refused("it holds the outputs of another job");
	}
	Ok(())
}

/// What the gas of failed tasks says about the reason, and how to see it oneself.
fn explain_failures(fetched: &Fetched, failed: &[u32]) -> String {
	let job = &fetched.job;
	let outputs = fetched.manifest.outputs.iter();
	let used = outputs.filter(|task| failed.contains(&task.index)).map(|task| task.gas);
	let whole = used.clone().filter(|gas| *gas == job.gas_limit).count();
	let mut text = String::new();
	if whole > 0 {
		text += &format!(
			"\n{whole} of them used their whole gas: they ran out of it, trapped, or wrote more than they may."
		);
	}
	if whole < failed.len() {
		text += &format!(
			"\n{} of them gave up: an exit code that is not 0, or a panic.",
			failed.len() - whole
		);
	}
	text + &format!(
		"\nTry one: millrace-vm run PROGRAM --input INPUT --gas {} --pages {} --output-limit {}",
		job.gas_limit, job.memory_pages, job.output_limit
	)
}

/// Prints what was fetched.
pub fn report(fetched: &Fetched, output: &mut Output) -> Result<()> {
	let manifest = &fetched.manifest;
	let (failed, missing) = (manifest.failed(), manifest.missing());
	let mut text = format!(
		"{} of {} outputs are in {}, verified against the chain.",
		manifest.outputs.len() - failed.len(),
		manifest.tasks,
		fetched.folder.display(),
	);
	if !failed.is_empty() {
		text += &format!("\nThe program failed in tasks {}.", ranges(&failed));
		text += &explain_failures(fetched, &failed);
	}
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
	let document = serde_json::json!({
		"job": manifest.job,
		"folder": fetched.folder.display().to_string(),
		"tasks": manifest.tasks,
		"fetched": manifest.outputs.len() - failed.len(),
		"shards": fetched.verified,
		"acknowledged": fetched.acknowledged,
		"goesOn": fetched.goes_on,
		"failed": failed,
		"missing": missing,
		"errors": fetched.failures.iter()
			.map(|(shard, failure)| serde_json::json!({ "shard": shard, "error": failure.to_string() }))
			.collect::<Vec<_>>(),
	});
	output.result(&document, text)
}

/// `1-3, 7` for the numbers 1, 2, 3 and 7.
fn ranges(numbers: &[u32]) -> String {
	let mut ranges: Vec<(u32, u32)> = Vec::new();
	for number in numbers {
		match ranges.last_mut() {
			Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
			_ => ranges.push((*number, *number)),
		}
	}
	let word = |(first, last): &(u32, u32)| {
		if first == last {
			first.to_string()
		} else {
			format!("{first}-{last}")
		}
	};
	ranges.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Downloads what providers keep of a job into a folder, and waits a while for what nobody serves yet. What the folder
/// holds already is not downloaded again.
pub async fn fetch(
	chain: &Chain,
	id: JobId,
	folder: &Path,
	allow_private: bool,
	output: &mut Output,
) -> Result<Fetched> {
	let head = chain.finalized_head().await?;
	let at = At::Hash(head.hash);
	let job = context::job(chain, id, at).await?;
	let shards = chain.market(at).all_shards(id).await?;
	let disk = |source| FetchError::Disk {
		path: folder.into(),
		source,
	};
	std::fs::create_dir_all(folder).map_err(disk)?;
	let manifest = Manifest::open(folder, chain.genesis_hash(), &job)?;
	// Providers name their endpoints themselves: on a public chain these must not lead into this machine's network.
	let client = Client::new(Limits {
		allow_private: allow_private || !chain.is_live().await?,
		..Limits::default()
	})?;
	let progress = if is_interactive() && !output.is_json() {
		progress(&job)
	} else {
		ProgressBar::hidden()
	};
	let fetched = collect(&client, &job, shards, folder, manifest, &progress, PATIENCE).await?;
	progress.finish_and_clear();
	Ok(fetched)
}

fn progress(job: &JobView) -> ProgressBar {
	let style = ProgressStyle::with_template("{prefix:>9} {bar:40} {pos}/{len} {msg}");
	let style = style
		.unwrap_or_else(|_| ProgressStyle::default_bar())
		.progress_chars("=> ");
	ProgressBar::new(job.tasks.into())
		.with_style(style)
		.with_prefix("fetched")
}

/// Downloads the shards in custody and writes the manifest. What nobody serves is asked for again until `patience` is
/// over.
async fn collect(
	client: &Client,
	job: &JobView,
	shards: Vec<ShardView>,
	folder: &Path,
	mut manifest: Manifest,
	progress: &ProgressBar,
	patience: Duration,
) -> Result<Fetched> {
	let deadline = Instant::now() + patience;
	let kept = shards.into_iter().filter(|shard| shard.state == ShardState::Custody);
	let mut wanted: Vec<_> = kept.filter_map(|shard| Some((shard.report?, shard))).collect();
	let mut verified = Vec::new();
	let mut pause = PAUSE;
	let mut told = false;
	let failures = loop {
		let downloads = wanted.iter().map(|(report, shard)| async move {
			let index = shard.id.index;
			(index, fetch_shard(client, job, shard, *report, folder, progress).await)
		});
		let mut downloads = stream::iter(downloads).buffer_unordered(CONCURRENT);
		let mut failures = Vec::new();
		while let Some((index, result)) = downloads.next().await {
			match result {
				Ok((entry, outputs)) => {
					manifest.insert(entry, outputs);
					verified.push(index);
				}
				Err(failure) => failures.push((index, failure)),
			}
		}
		drop(downloads);
		manifest.write(folder)?;
		let late: BTreeSet<u32> = failures
			.iter()
			.filter(|(_, failure)| may_come(failure))
			.map(|(shard, _)| *shard)
			.collect();
		let left = deadline.saturating_duration_since(Instant::now());
		if late.is_empty() || left.is_zero() {
			break failures;
		}
		if !told {
			let late: Vec<_> = late.iter().copied().collect();
			let text = format!(
				"No provider serves the outputs of shards {} yet; asking for them for up to {} s.",
				ranges(&late),
				left.as_secs().max(1)
			);
			progress.suspend(|| note(text));
			told = true;
		}
		tokio::time::sleep(pause.min(left)).await;
		pause = (pause * 2).min(LONGEST_PAUSE);
		wanted.retain(|(_, shard)| failures.iter().any(|(failed, _)| *failed == shard.id.index));
		progress.set_position(manifest.outputs.len() as u64);
	};
	verified.sort_unstable();
	Ok(Fetched {
		manifest,
		folder: folder.into(),
		verified,
		failures,
		goes_on: !super::watch::is_over(job),
		job: job.clone(),
		acknowledged: Vec::new(),
	})
}

async fn fetch_shard(
	client: &Client,
	job: &JobView,
	shard: &ShardView,
	report: Report,
	folder: &Path,
	progress: &ProgressBar,
) -> Result<(ShardEntry, Vec<TaskEntry>)> {
	let endpoints: BTreeSet<_> = shard.seats.iter().filter_map(|seat| seat.endpoint.clone()).collect();
	let endpoints: Vec<_> = endpoints.into_iter().collect();
	let outcomes = fetch_outcomes(client, &endpoints, shard.id, shard.tasks, &report).await?;
	let mut entries = Vec::with_capacity(outcomes.len());
	for (index, outcome) in (shard.first_task..).zip(outcomes) {
		let file = match outcome.status {
			Status::Success => Some(fetch_output(client, job, shard.id, &endpoints, index, &outcome, folder).await?),
			Status::Failed => None,
		};
		entries.push(TaskEntry::new(index, &outcome, file));
		progress.inc(1);
	}
	let entry = ShardEntry {
		index: shard.id.index,
		first_task: shard.first_task,
		tasks: shard.tasks,
		report,
		endpoints,
	};
	Ok((entry, entries))
}

/// Downloads one output unless it is here; the file's name.
async fn fetch_output(
	client: &Client,
	job: &JobView,
	shard: ShardId,
	endpoints: &[String],
	index: u32,
	outcome: &Outcome,
	folder: &Path,
) -> Result<String> {
	if outcome.output_len > u64::from(job.output_limit) {
		return Err(Failure::Unverified(format!(
			"task {index} of shard {} claims an output of {} bytes, the job's limit is {}",
			shard.index, outcome.output_len, job.output_limit
		)));
	}
	let file = file_name(index, job.tasks);
	let path = folder.join(&file);
	let (there, root) = (path.clone(), outcome.output_root);
	let present = tokio::task::spawn_blocking(move || verify_file(&there, &root))
		.await
		.map_err(|error| Failure::Other(error.to_string()))?
		.map_err(|source| FetchError::Disk {
			path: path.clone(),
			source,
		})?;
	if present.is_none() {
		fetch_blob(client, endpoints, outcome.output_root, outcome.output_len, &path).await?;
	}
	Ok(file)
}

/// A task's index with as many digits as the largest one has, and at least five.
fn file_name(index: u32, tasks: u32) -> String {
	let width = (tasks.saturating_sub(1).checked_ilog10().unwrap_or_default() as usize + 1).max(5);
	format!("{index:0width$}")
}

/// Ends the custody of the shards that were verified.
pub async fn acknowledge(
	chain: &Chain,
	signer: &Keypair,
	id: JobId,
	fetched: &mut Fetched,
	output: &mut Output,
) -> Result<()> {
	if fetched.verified.is_empty() {
		return Ok(());
	}
	fetched.acknowledged = acknowledge_shards(chain, signer, id, &fetched.verified).await?;
	let shards = fetched.verified.len();
	output.note(format!(
		"The custody of {shards} shards is over; their providers get what was withheld."
	));
	let balance = chain.balances(&signer.account(), At::Finalized).await?;
	output.note(format!("{} has {} free.", signer.address(), mill(balance.free)));
	Ok(())
}

/// Ends the custody of shards, in as few transactions as the chain allows; describes them.
pub async fn acknowledge_shards(
	chain: &Chain,
	signer: &Keypair,
	id: JobId,
	shards: &[u32],
) -> Result<Vec<serde_json::Value>> {
	let submissions = windows(shards, calls::MAX_ACKNOWLEDGE)
		.into_iter()
		.map(|(first, count)| context::submit(chain, signer, calls::acknowledge(id, first, count)));
	let finalized = try_join_all(submissions).await?;
	Ok(finalized.into_iter().map(|(_, document)| document).collect())
}

/// Covers ascending numbers, and none between them, by ranges (first, count) of at most `max` numbers each.
fn windows(numbers: &[u32], max: u32) -> Vec<(u32, u32)> {
	let mut windows: Vec<(u32, u32)> = Vec::new();
	for number in numbers {
		match windows.last_mut() {
			Some((first, count)) if *count < max && number - *first == *count => *count += 1,
			_ => windows.push((*number, 1)),
		}
	}
	windows
}

#[cfg(test)]
mod tests;
