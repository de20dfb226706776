//! `millrace fetch`: downloads a job's outputs and verifies them against the reports on chain.
//!
//! ```text
//! report on chain ─► outcomes (from any provider, checked) ─┬► outputs (from any provider, checked) ─► unpacked
//!                                                           └► standard error of what did not succeed (checked)
//! ```

mod backing;
mod demand;
mod leftover;
mod manifest;
mod report;
mod tally;
mod unpack;

pub use demand::CustodyFailed;
pub use report::report;
pub use tally::tally;

use crate::{
	context,
	failure::{Failure, Result},
	inputs::{Cut, Inputs},
	options::{FetchOptions, Global},
	output::{is_interactive, note, Output},
	record::{is_inside, Record},
	units::mill,
};
use backing::Backing;
use futures::{future::try_join_all, stream, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use manifest::{Manifest, ShardEntry, TaskEntry};
use millrace_client::{
	blobs::{fetch_blob, fetch_errors, fetch_outcomes, verify_file, Client, FetchError, Limits, Reason},
	calls, words, At, Chain, Keypair,
};
use millrace_primitives::{
	api::{JobView, ShardView},
	job::{ShardState, Verification},
	machine::{address, Outcome, Status},
	Hash, JobId, Report,
};
use std::{
	collections::BTreeSet,
	io,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU32, Ordering},
		Mutex, PoisonError,
	},
	time::{Duration, Instant},
};

/// Of so many tasks that did not succeed, standard error is fetched.
const MAX_TAILS: u32 = 1_000;
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
	let signer = if options.acknowledge || options.demand.is_some() {
		Some(global.signer()?)
	} else {
		None
	};
	let chain = global.connect().await?;
	let names = match options.inputs.inputs {
		Some(path) => {
			let input = options.inputs.input_as.unwrap_or_default();
			let read = move || Inputs::read(&path, input, Cut::Whole);
			let inputs = tokio::task::spawn_blocking(read).await;
			let inputs = inputs.map_err(|error| Failure::Other(error.to_string()))??;
			Some(Record::new(inputs.root(), &inputs.names(), options.unpack))
		}
		None => None,
	};
	let naming = Naming {
		names,
		unpack: options.unpack,
	};
	let mut fetched = tokio::select! {
		fetched = fetch(&chain, options.job, &folder, naming, options.allow_private, output) => fetched?,
		_ = context::interrupted() => {
			return Err(Failure::Other(
				"interrupted; run it again: what is here is not downloaded again".into(),
			));
		}
	};
	if !fetched.has_unserved() {
		if options.demand.is_some() && !fetched.is_verified() {
			let text =
				"--demand: nothing was demanded, since what is missing is not for want of somebody who serves it";
			fetched.notes.push(text.into());
		}
	} else if let (Some(signer), Some(most)) = (&signer, options.demand) {
		demand::ensure_client(&fetched.job.client, signer, options.job)?;
		let purse = demand::Purse { signer, most };
		fetched = demand::demand(&chain, purse, fetched, &folder, options.allow_private, output).await?;
	} else {
		fetched.price = demand::Price::ask(&chain).await.ok();
	}
	if let Some(signer) = signer.filter(|_| options.acknowledge && fetched.is_verified()) {
		acknowledge(&chain, &signer, options.job, &mut fetched, output).await?;
	}
	if fetched.is_verified() {
		demand::clear(&folder)?;
	}
	report(&fetched, output)?;
	fetched.verdict()
}

/// What outputs are called, as far as the command knows.
#[derive(Default)]
pub struct Naming {
	/// Their names; without them those that are known from the submission.
	pub names: Option<Record>,
	/// Outputs are archives of directories, whatever is known.
	pub unpack: bool,
}

impl Naming {
	fn record(self, genesis: Hash, job: &JobView) -> Result<Record> {
		let record = match self.names {
			Some(record) if record.input_root != job.input_root => {
				return Err(Failure::Input(format!(
					"--inputs: these are not the inputs of job {}, or they are cut otherwise",
					job.id.0
				)));
			}
			Some(record) => record,
			None => Record::find(genesis, job.id, job.input_root, job.tasks).unwrap_or_default(),
		};
		Ok(Record {
			directory: record.directory || self.unpack,
			..record
		})
	}
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
	/// What outputs are called.
	record: Record,
	/// What it costs to have shown on chain what nobody serves, if there is such a thing.
	price: Option<demand::Price>,
	/// The transactions that ended custody.
	acknowledged: Vec<serde_json::Value>,
	/// What else is to be said.
	notes: Vec<String>,
	/// What stands behind the results.
	backing: Backing,
}

impl Fetched {
	/// True if all outputs that providers keep are here.
	pub fn is_verified(&self) -> bool {
		self.failures.is_empty()
	}

	/// The shards of which something is missing that nobody serves, wherever its providers say that they are.
	fn unserved(&self) -> impl Iterator<Item = u32> + '_ {
		let unserved = |failure: &Failure| matches!(failure, Failure::Fetch(FetchError::Refused { .. }));
		let of_these = self.failures.iter().filter(move |(_, failure)| unserved(failure));
		of_these.map(|(shard, _)| *shard)
	}

	fn has_unserved(&self) -> bool {
		self.unserved().next().is_some()
	}

	/// An error if something is missing.
	pub fn verdict(mut self) -> Result<()> {
		if !self.failures.is_empty() {
			let count = self.failures.len();
			// The worst decides: wrong data, then the disk, then the network.
			self.failures.sort_by_key(|(shard, failure)| match failure.exit_code() {
				6 => (0, *shard),
				1 | 2 => (1, *shard),
				_ => (2, *shard),
			});
			let (shard, failure) = self.failures.swap_remove(0);
			let text = format!("{count} shards could not be fetched; shard {shard}: {failure}");
			let more = self.price.map(|price| demand::advice(self.job.id, &price));
			let more = more.map_or_else(String::new, |more| format!("; {more}"));
			return Err(match failure.exit_code() {
				6 => Failure::Unverified(text),
				// It says itself what to do.
				1 | 2 => failure,
				_ if is_private(&failure) => Failure::Unreachable(format!(
					"{text}; on a public chain only public addresses are asked, unless you add --allow-private{more}"
				)),
				_ => Failure::Unreachable(format!(
					"{text}; run it again later: what is here is not downloaded again{more}"
				)),
			});
		}
		let (failed, missing) = (self.manifest.unsuccessful().count(), self.manifest.missing().len());
		if failed + missing == 0 {
			let known = self.manifest.shards.iter().filter(|shard| shard.accepted);
			let known: BTreeSet<u32> = known.map(|shard| shard.index).collect();
			let all = self.manifest.shards.iter().map(|shard| shard.index);
			return self
				.backing
				.verdict(self.manifest.job, all.filter(|index| !known.contains(index)));
		}
		let job = self.manifest.job.0;
		let more = if self.goes_on && missing > 0 {
			format!(" yet: job {job} goes on, follow it with `millrace watch {job}` and fetch again at its end")
		} else {
			String::new()
		};
		Err(Failure::Incomplete(format!(
			"{failed} tasks did not succeed, {missing} tasks have no accepted result{more}",
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
	manifest::ensure_empty(folder)
}

/// `1-3, 7` for the numbers 1, 2, 3 and 7.
pub fn ranges(numbers: &[u32]) -> String {
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
	naming: Naming,
	allow_private: bool,
	output: &mut Output,
) -> Result<Fetched> {
	let head = chain.finalized_head().await?;
	let at = At::Hash(head.hash);
	let job = context::job(chain, id, at).await?;
	let mut shards = chain.market(at).all_shards(id).await?;
	let mut backing = Backing::of(&shards);
	if let Verification::Optimistic { .. } = job.verification {
		backing.look_ahead(&chain.market(at), &mut shards).await?;
	}
	let disk = |source| FetchError::Disk {
		path: folder.into(),
		source,
	};
	let record = naming.record(chain.genesis_hash(), &job)?;
	std::fs::create_dir_all(folder).map_err(disk)?;
	let manifest = Manifest::open(folder, chain.genesis_hash(), &job)?;
	// From now on the folder is this job's, even if this is interrupted.
	manifest.write(folder)?;
	leftover::sweep(folder, (0..job.tasks).map(|task| record.output(task, job.tasks)));
	let client = client(chain, allow_private).await?;
	let progress = if is_interactive() && !output.is_json() {
		progress(&job)
	} else {
		ProgressBar::hidden()
	};
	let (fetched, ()) = futures::join!(
		collect(&client, &job, shards, folder, &record, manifest, &progress, PATIENCE),
		backing.look_back(chain, id, head),
	);
	let mut fetched = fetched?;
	fetched.backing = backing;
	progress.finish_and_clear();
	Ok(fetched)
}

/// Who asks providers. They name their endpoints themselves: on a public chain these must not lead into this machine's
/// network.
pub async fn client(chain: &Chain, allow_private: bool) -> Result<Client> {
	Ok(Client::new(Limits {
		allow_private: allow_private || !chain.is_live().await?,
		..Limits::default()
	})?)
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

/// Downloads the shards of which there is a report and writes the manifest. What nobody serves is asked for again until `patience` is
/// over.
async fn collect(
	client: &Client,
	job: &JobView,
	shards: Vec<ShardView>,
	folder: &Path,
	record: &Record,
	mut manifest: Manifest,
	progress: &ProgressBar,
	patience: Duration,
) -> Result<Fetched> {
	let deadline = Instant::now() + patience;
	let kept = |shard: &ShardView| shard.state == ShardState::Custody;
	let accepted: BTreeSet<u32> = shards
		.iter()
		.filter(|shard| kept(shard))
		.map(|shard| shard.id.index)
		.collect();
	let mut wanted: Vec<_> = shards
		.into_iter()
		.filter_map(|shard| Some((shard.report?, shard)))
		.collect();
	let mut verified = Vec::new();
	let mut pause = PAUSE;
	let mut told = false;
	let (tails, notes) = (AtomicU32::new(0), Mutex::<Vec<String>>::default());
	let failures = loop {
		let known = manifest.clone();
		let place = Place {
			client,
			job,
			folder,
			record,
			known: &known,
			tails: &tails,
			notes: &notes,
		};
		let place = &place;
		let downloads = wanted.iter().map(|(report, shard)| async move {
			let index = shard.id.index;
			(index, place.shard(shard, *report, progress).await)
		});
		let mut downloads = stream::iter(downloads).buffer_unordered(CONCURRENT);
		let mut failures = Vec::new();
		while let Some((index, result)) = downloads.next().await {
			match result {
				Ok((entry, outputs)) => {
					manifest.insert(entry, outputs);
					verified.extend(Some(index).filter(|index| accepted.contains(index)));
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
	let mut notes = notes.into_inner().unwrap_or_else(PoisonError::into_inner);
	let none = manifest.unsuccessful().any(|task| task.status == Status::NoOutput);
	notes.extend(record.absent.clone().filter(|_| none));
	Ok(Fetched {
		manifest,
		folder: folder.into(),
		verified,
		failures,
		goes_on: !super::watch::is_over(job),
		job: job.clone(),
		record: record.clone(),
		price: None,
		acknowledged: Vec::new(),
		notes,
		backing: Backing::default(),
	})
}

/// Where outputs come from and go to.
struct Place<'a> {
	client: &'a Client,
	job: &'a JobView,
	folder: &'a Path,
	record: &'a Record,
	/// What was here before.
	known: &'a Manifest,
	/// How many tails were fetched.
	tails: &'a AtomicU32,
	notes: &'a Mutex<Vec<String>>,
}

impl Place<'_> {
	async fn shard(
		&self,
		shard: &ShardView,
		report: Report,
		progress: &ProgressBar,
	) -> Result<(ShardEntry, Vec<TaskEntry>)> {
		let endpoints: BTreeSet<_> = shard.seats.iter().filter_map(|seat| seat.endpoint.clone()).collect();
		let endpoints: Vec<_> = endpoints.into_iter().collect();
		let outcomes = fetch_outcomes(self.client, &endpoints, shard.id, shard.tasks, &report).await?;
		let mut entries = Vec::with_capacity(outcomes.len());
		for (index, outcome) in (shard.first_task..).zip(outcomes) {
			entries.push(self.task(&endpoints, index, &outcome).await?);
			progress.inc(1);
		}
		let entry = ShardEntry {
			index: shard.id.index,
			first_task: shard.first_task,
			tasks: shard.tasks,
			report,
			endpoints,
			accepted: shard.state == ShardState::Custody,
		};
		Ok((entry, entries))
	}

	/// All of a task that is to be had.
	async fn task(&self, endpoints: &[String], index: u32, outcome: &Outcome) -> Result<TaskEntry> {
		let mut entry = TaskEntry::new(index, outcome);
		entry.input = self.record.input(index);
		let known = self.known.task(index);
		if outcome.status.keeps_output() {
			let name = self.record.output(index, self.job.tasks);
			let file = match known.and_then(|known| known.file.clone()) {
				Some(file) => file,
				None if self.record.directory => format!("{name}.tar"),
				None => name,
			};
			let root = known.filter(|known| known.file.is_some()).map(|known| known.root);
			self.output(endpoints, index, outcome, &file, root).await?;
			let name = file.strip_suffix(".tar").filter(|name| is_inside(name));
			entry.folder = match name.filter(|_| self.record.directory) {
				Some(name) => {
					let is_known = known.is_some_and(|known| known.folder.as_deref() == Some(name));
					self.unpacked(&file, name, is_known).await?
				}
				None => None,
			};
			entry.file = Some(file);
		}
		if outcome.status != Status::Success {
			entry.errors = known.and_then(|known| known.errors.clone());
			if entry.errors.is_none() && self.tails.fetch_add(1, Ordering::Relaxed) < MAX_TAILS {
				entry.errors = self.errors(endpoints, index, outcome).await;
			}
		}
		Ok(entry)
	}

	/// Downloads one output unless it is here. What is in its place is replaced only if it was fetched before, with the
	/// root `known`, and is still the same or empty.
	async fn output(
		&self,
		endpoints: &[String],
		index: u32,
		outcome: &Outcome,
		file: &str,
		known: Option<Hash>,
	) -> Result<()> {
		let (len, limit) = (outcome.output.len, self.job.limits.output);
		if len > limit {
			return Err(Failure::Unverified(format!(
				"task {index} claims an output of {len} bytes, the job's limit is {limit}"
			)));
		}
		let path = self.folder.join(file);
		let disk = |source| FetchError::Disk {
			path: path.clone(),
			source,
		};
		let root = address(&outcome.output);
		let (folder, name) = (self.folder.to_path_buf(), file.to_string());
		let there = tokio::task::spawn_blocking(move || there(&folder, &name, &root, known))
			.await
			.map_err(|error| Failure::Other(error.to_string()))?
			.map_err(disk)?;
		match there {
			There::Output => {}
			There::Nothing => {
				fetch_blob(self.client, endpoints, root, len.into(), &path).await?;
			}
			There::Other => {
				return Err(Failure::Input(words::line(&format!(
					"{}: what is there is not what was fetched, and is left alone; remove it, or name another folder",
					path.display()
				))))
			}
		}
		Ok(())
	}

	/// Unpacks an archive next to it; the folder's name, none if it is no archive. What has that name already stays as it
	/// is.
	async fn unpacked(&self, file: &str, name: &str, is_known: bool) -> Result<Option<String>> {
		let (archive, to) = (self.folder.join(file), self.folder.join(name));
		if let Ok(found) = std::fs::symlink_metadata(&to) {
			if is_known && found.is_dir() {
				return Ok(Some(name.into()));
			}
			self.note(format!(
				"{file} is here and was not unpacked: {name} is there already, and is left alone; remove it and fetch again"
			));
			return Ok(None);
		}
		let unpacked = tokio::task::spawn_blocking(move || unpack::unpack(&archive, &to))
			.await
			.map_err(|error| Failure::Other(error.to_string()))?;
		Ok(match unpacked {
			Ok(left_out) => {
				if !left_out.is_empty() {
					let links = left_out.join(", ");
					self.note(format!(
						"{name}: links are left out that lead out of it, or have `..` after a name: {links}"
					));
				}
				Some(name.into())
			}
			Err(error) => {
				self.note(format!("{file} is here and cannot be unpacked: {error}"));
				None
			}
		})
	}

	/// The last of a task's standard error, as text.
	async fn errors(&self, endpoints: &[String], index: u32, outcome: &Outcome) -> Option<String> {
		match fetch_errors(self.client, endpoints, self.job.id, index, &outcome.errors).await {
			Ok(tail) => Some(words::tail(&tail)),
			Err(error) => {
				self.note(format!("The standard error of task {index} is not to be had: {error}"));
				None
			}
		}
	}

	/// Names in it were not chosen here.
	fn note(&self, text: String) {
		let text = words::line(&text);
		let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
		// Of many, the first tell enough.
		if notes.len() < 10 && !notes.contains(&text) {
			notes.push(text);
		}
	}
}

/// What is where an output belongs.
enum There {
	/// The output.
	Output,
	/// Nothing, or what may be replaced.
	Nothing,
	/// What is not ours.
	Other,
}

/// Looks at a place in the folder, whose folders are made. `known` is the root of what was written there before.
fn there(folder: &Path, file: &str, root: &Hash, known: Option<Hash>) -> io::Result<There> {
	let path = folder.join(file);
	for (at, _) in file.match_indices('/') {
		let above = folder.join(file.get(..at).unwrap_or_default());
		if std::fs::symlink_metadata(&above).is_ok_and(|found| found.is_symlink()) {
			return Ok(There::Other);
		}
	}
	std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
	let found = match std::fs::symlink_metadata(&path) {
		Ok(found) => found,
		Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
		Err(error) => return Err(error),
	};
	if !found.is_file() {
		return Ok(There::Other);
	}
	if verify_file(&path, root)?.is_some() {
		return Ok(There::Output);
	}
	let ours = match known {
		Some(known) => found.len() == 0 || verify_file(&path, &known)?.is_some(),
		None => false,
	};
	Ok(if ours { There::Nothing } else { There::Other })
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
