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
	output::{is_interactive, Output},
	units::mill,
};
use futures::{future::try_join_all, stream, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use manifest::{Manifest, ShardEntry, TaskEntry};
use millrace_client::{
	blobs::{fetch_blob, fetch_outcomes, verify_file, Client, FetchError, Limits},
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
/// For so long the outputs of a job that has just ended are asked for.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause before they are asked for again.
const PAUSE: Duration = Duration::from_millis(500);

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
	let fetched = fetch(&chain, options.job, &folder, output).await?;
	if let Some(signer) = signer.filter(|_| fetched.is_verified()) {
		acknowledge(&chain, &signer, options.job, &fetched, output).await?;
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
				_ => Failure::Unreachable(format!(
					"{text}; run it again later: what is here is not downloaded again"
				)),
			});
		}
		let (failed, missing) = (self.manifest.failed().len(), self.manifest.missing().len());
		if failed + missing == 0 {
			return Ok(());
		}
		Err(Failure::Incomplete(format!(
			"{failed} tasks failed in the program, {missing} tasks have no accepted result",
		)))
	}
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
	}
	if !missing.is_empty() {
		text += &format!("\nNo accepted result for tasks {}.", ranges(&missing));
	}
	for (shard, failure) in &fetched.failures {
		text += &format!("\nShard {shard}: {failure}");
	}
	let document = serde_json::json!({
		"job": manifest.job,
		"folder": fetched.folder.display().to_string(),
		"tasks": manifest.tasks,
		"fetched": manifest.outputs.len() - failed.len(),
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

/// Like [`fetch`], of a job that has just ended. Providers give outputs out when they see for themselves that their
/// acceptance is final, which for the last shards may be a moment later: what is not served is asked for again.
pub async fn fetch_fresh(chain: &Chain, id: JobId, folder: &Path, output: &mut Output) -> Result<Fetched> {
	let deadline = Instant::now() + PATIENCE;
	loop {
		let fetched = fetch(chain, id, folder, output).await?;
		let may_come = fetched.failures.iter().any(|(_, failure)| failure.exit_code() == 4);
		if !may_come || Instant::now() >= deadline {
			return Ok(fetched);
		}
		tokio::time::sleep(PAUSE).await;
	}
}

/// Downloads what providers keep of a job into a folder. What the folder holds already is not downloaded again.
pub async fn fetch(chain: &Chain, id: JobId, folder: &Path, output: &mut Output) -> Result<Fetched> {
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
	let client = Client::new(Limits::default())?;
	let progress = if is_interactive() && !output.is_json() {
		progress(&job)
	} else {
		ProgressBar::hidden()
	};
	let fetched = collect(&client, &job, shards, folder, manifest, &progress).await?;
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

/// Downloads the shards in custody and writes the manifest.
async fn collect(
	client: &Client,
	job: &JobView,
	shards: Vec<ShardView>,
	folder: &Path,
	mut manifest: Manifest,
	progress: &ProgressBar,
) -> Result<Fetched> {
	let kept = shards.into_iter().filter(|shard| shard.state == ShardState::Custody);
	let downloads = kept
		.filter_map(|shard| Some((shard.report?, shard)))
		.map(|(report, shard)| async move {
			let index = shard.id.index;
			(index, fetch_shard(client, job, &shard, report, folder, progress).await)
		});
	let mut downloads = stream::iter(downloads).buffer_unordered(CONCURRENT);
	let (mut verified, mut failures) = (Vec::new(), Vec::new());
	while let Some((index, result)) = downloads.next().await {
		match result {
			Ok((entry, outputs)) => {
				manifest.insert(entry, outputs);
				verified.push(index);
			}
			Err(failure) => failures.push((index, failure)),
		}
	}
	verified.sort_unstable();
	manifest.write(folder)?;
	Ok(Fetched {
		manifest,
		folder: folder.into(),
		verified,
		failures,
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
	fetched: &Fetched,
	output: &mut Output,
) -> Result<()> {
	if fetched.verified.is_empty() {
		return Ok(());
	}
	acknowledge_shards(chain, signer, id, &fetched.verified).await?;
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
