//! `millrace watch`: follows a job until it ends.

mod display;
mod story;

use super::fetch::tally;
use crate::{
	context,
	failure::{Failure, Result},
	job::name,
	options::{Global, WatchOptions},
	output::Output,
	units::mill,
};
use display::Display;
use futures::StreamExt;
use millrace_client::{At, Chain, Event, Head, Market};
use millrace_primitives::{
	api::{Explanation, JobView, Reason, ShardView, MAX_PAGE, SHARD_WINDOW},
	job::{DeclineReason, JobStatus, ShardState},
	provider::Census,
	Balance, JobId,
};
use serde::Serialize;
use serde_json::json;
use story::{News, Story};

/// The states of the last shards that were started are looked at, so many pages of them; the rest counts as running.
const MAX_PAGES: u32 = 4;

/// Runs the command.
pub async fn run(global: &Global, options: WatchOptions, output: &mut Output) -> Result<()> {
	let chain = global.connect().await?;
	let mut display = if output.is_json() {
		Display::Json
	} else {
		Display::for_people()
	};
	let ended = observe(&chain, options.job, output, &mut display).await?;
	conclude(&chain, &ended, options.allow_private, output).await
}

/// Prints how a job ended and how its tasks did; an error if one of them did not succeed.
pub async fn conclude(chain: &Chain, ended: &Ended, allow_private: bool, output: &mut Output) -> Result<()> {
	let tally = tally(chain, &ended.job, allow_private).await?;
	let document = json!({ "job": ended.job, "statuses": tally.counts(), "unknown": tally.unknown });
	output.result(&document, format!("{}\n{}", ended.text(), tally.text()))?;
	ended.verdict().and(tally.verdict())
}

/// Follows a job whose end somebody else prints: progress goes to standard error.
pub async fn follow(chain: &Chain, id: JobId, output: &mut Output) -> Result<Ended> {
	observe(chain, id, output, &mut Display::for_people()).await
}

/// A job that is over.
pub struct Ended {
	/// Its last state.
	pub job: JobView,
}

impl Ended {
	/// How it ended, in words.
	pub fn text(&self) -> String {
		let job = &self.job;
		format!(
			"Job {} is {}: {} of {} shards accepted, {} without a result; {} paid, {} fees.",
			job.id.0,
			status(&job.status),
			job.accepted,
			job.shards,
			job.shards.saturating_sub(job.accepted),
			mill(job.paid),
			mill(job.fees),
		)
	}

	/// An error if a shard has no accepted result.
	pub fn verdict(&self) -> Result<()> {
		if self.job.accepted >= self.job.shards {
			return Ok(());
		}
		Err(Failure::Incomplete(format!(
			"job {} ended with {} of {} shards accepted",
			self.job.id.0, self.job.accepted, self.job.shards
		)))
	}
}

async fn observe(chain: &Chain, id: JobId, output: &mut Output, display: &mut Display) -> Result<Ended> {
	let mut heads = chain.finalized_heads();
	let mut last: Option<Snapshot> = None;
	let mut story = Story::default();
	while let Some(head) = heads.next().await {
		let head = head?;
		let events = chain.events(head.hash).await?;
		let court = story.take(id, &events)?;
		let Some(snapshot) = Snapshot::take(chain, id, head, court.clone()).await? else {
			let Some(last) = last else { break };
			let job = settled(&events, last.job)?;
			let end = Snapshot {
				block: head.number,
				stages: Stages::of(&job, &[]),
				job,
				explanation: None,
				court,
			};
			display.show(&end, output)?;
			display.finish();
			return Ok(Ended { job: end.job });
		};
		if last.as_ref() != Some(&snapshot) || !snapshot.court.is_empty() {
			display.show(&snapshot, output)?;
		}
		if is_over(&snapshot.job) {
			display.finish();
			return Ok(Ended { job: snapshot.job });
		}
		last = Some(snapshot);
	}
	context::job(chain, id, At::Finalized).await.map(|job| Ended { job })
}

/// A job whose state is gone after this block, though it was not over after the one before: it ended in it, as its event
/// says, and nothing of it was left in custody.
fn settled(events: &[Event], job: JobView) -> Result<JobView> {
	// Job, status, shards accepted and failed, payments, fees.
	type Settled = (JobId, JobStatus, u32, u32, Balance, Balance);
	for event in events {
		if event.is("Jobs", "JobSettled") {
			let (id, status, accepted, failed, paid, fees) = event.decode::<Settled>()?;
			if id == job.id {
				return Ok(JobView {
					status,
					accepted,
					failed,
					paid,
					fees,
					waiting: 0,
					running: 0,
					escrow: 0,
					..job
				});
			}
		}
	}
	Ok(job)
}

/// True if nothing of a job is still to come.
pub fn is_over(job: &JobView) -> bool {
	!matches!(job.status, JobStatus::Open | JobStatus::Suspended(_)) && job.running == 0
}

/// How many shards are in which state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stages {
	queued: u32,
	assigned: u32,
	running: u32,
	reported: u32,
	accepted: u32,
	failed: u32,
}

impl Stages {
	/// Those of a job with these shards.
	pub fn of(job: &JobView, shards: &[ShardView]) -> Self {
		let count = |states: &[ShardState]| shards.iter().filter(|shard| states.contains(&shard.state)).count() as u32;
		let (queued, assigned) = (count(&[ShardState::Queued]), count(&[ShardState::Assigned]));
		let reported = count(&[ShardState::Sealed, ShardState::Reported]);
		Self {
			queued: job.waiting.saturating_add(queued),
			assigned,
			running: job
				.running
				.saturating_sub(queued)
				.saturating_sub(assigned)
				.saturating_sub(reported),
			reported,
			accepted: job.accepted,
			failed: job.failed,
		}
	}

	/// True if somebody works on a shard.
	fn moves(&self) -> bool {
		self.assigned + self.running + self.reported > 0
	}

	/// Their names and numbers.
	pub fn rows(&self) -> [(&'static str, u32); 6] {
		[
			("queued", self.queued),
			("assigned", self.assigned),
			("running", self.running),
			("reported", self.reported),
			("accepted", self.accepted),
			("failed", self.failed),
		]
	}
}

/// The last shards of a job that were started, in custody or under way, as far as a few requests show them.
pub async fn under_way(market: &Market<'_>, job: &JobView) -> Result<Vec<ShardView>> {
	let started = job.shards.saturating_sub(job.waiting);
	let mut first = started.saturating_sub(MAX_PAGES.saturating_mul(MAX_PAGE));
	let mut shards = Vec::new();
	while first < started {
		let page = market.shards(job.id, first, MAX_PAGE).await?;
		let next = match page.last() {
			Some(last) if page.len() as u64 >= u64::from(MAX_PAGE) => last.id.index.saturating_add(1),
			_ => first.saturating_add(SHARD_WINDOW),
		};
		shards.extend(page);
		// A page must make progress, whatever the node answers.
		if next <= first {
			break;
		}
		first = next;
	}
	Ok(shards)
}

/// A job after a finalized block.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
	block: u32,
	job: JobView,
	stages: Stages,
	explanation: Option<Explanation>,
	/// What the block did to its shards in the court.
	court: Vec<News>,
}

impl PartialEq for Snapshot {
	fn eq(&self, other: &Self) -> bool {
		let reason = |snapshot: &Self| {
			snapshot
				.explanation
				.as_ref()
				.map(|explanation| (explanation.reason, explanation.census))
		};
		(&self.job, self.stages, reason(self)) == (&other.job, other.stages, reason(other))
	}
}

impl Snapshot {
	async fn take(chain: &Chain, id: JobId, head: Head, court: Vec<News>) -> Result<Option<Self>> {
		let market = chain.market(At::Hash(head.hash));
		let Some(job) = market.job(id).await? else {
			return Ok(None);
		};
		let shards = if job.running > 0 {
			under_way(&market, &job).await?
		} else {
			Vec::new()
		};
		let stages = Stages::of(&job, &shards);
		let waits = stages.queued > 0 || matches!(job.status, JobStatus::Suspended(_));
		let explanation = if waits { market.explain(id).await? } else { None };
		Ok(Some(Self {
			block: head.number,
			job,
			stages,
			explanation,
			court,
		}))
	}

	/// One line. Why the rest waits is said only while nothing moves: otherwise it changes with every block.
	fn line(&self) -> String {
		let mut stages: Vec<_> = self
			.stages
			.rows()
			.iter()
			.filter(|(_, count)| *count > 0)
			.map(|(name, count)| format!("{count} {name}"))
			.collect();
		if stages.is_empty() {
			stages.push(format!("{}, none", status(&self.job.status)));
		}
		let mut line = format!(
			"{} of {} shards; {} paid",
			stages.join(", "),
			self.job.shards,
			mill(self.job.paid)
		);
		if !self.stages.moves() {
			if let Some(explanation) = self.explanation() {
				line += &format!("; {explanation}");
			}
		}
		line
	}

	/// Why what waits does not run, and who could do it.
	fn explanation(&self) -> Option<String> {
		explain(&self.job, self.explanation.as_ref()?)
	}
}

/// Why what waits of a job does not run, and who could do it; none if nothing waits.
pub fn explain(job: &JobView, explanation: &Explanation) -> Option<String> {
	let why = match &job.status {
		JobStatus::Suspended(reason) => suspended(*reason, job.id),
		_ => words(explanation.reason)?.to_string(),
	};
	Some(format!("{why} ({})", eligible(&explanation.census)))
}

/// A job's status in words.
pub fn status(status: &JobStatus) -> String {
	match status {
		JobStatus::Suspended(reason) => format!("suspended ({})", name(reason)),
		status => name(status),
	}
}

fn suspended(reason: DeclineReason, job: JobId) -> String {
	let why = match reason {
		DeclineReason::ProgramUnavailable => "several providers could not fetch the program",
		DeclineReason::ProgramRefused => "several providers refused the program: it is no WebAssembly that they run",
		DeclineReason::InputsUnavailable => "several providers could not fetch the inputs",
		DeclineReason::NoCapacity => "several providers had no room",
		DeclineReason::ImageUnavailable => "several providers could not fetch the image or the setup",
		DeclineReason::TooLarge => {
			"several providers found the program too large to compile, or the image too large to keep"
		}
	};
	format!(
		"suspended: {why}; mend it and run `millrace top-up {0}`, or `millrace cancel {0}`",
		job.0
	)
}

fn words(reason: Reason) -> Option<&'static str> {
	Some(match reason {
		Reason::NothingWaits => return None,
		Reason::DrawPending => "waiting for the next draw",
		Reason::NoneInClass => "no provider with such hardware has a free slot; see `millrace provider list`",
		Reason::NoneInRegion => "no such provider is in the allowed regions",
		Reason::PriceTooLow => "no provider asks as little as the job pays; raise the price with `millrace top-up`",
		Reason::NoneEligible => {
			"the providers that are left lack memory, reputation or bond, or failed or declined this work before; check \
			 that program and inputs can be fetched"
		}
		Reason::Suspended => "suspended",
		Reason::Frozen => {
			"its program or its version of the machine is frozen, since verdicts about it may be wrong; it goes on by itself"
		}
	})
}

fn eligible(census: &Census) -> String {
	format!(
		"providers: {} with a free slot, {} in region, {} affordable",
		census.in_class, census.in_region, census.affordable
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::{
		job::{Constraints, Verification},
		machine::EMPTY_BLOB,
		provider::{HardwareClass, RegionSet},
		AccountId, Hash, Limits, ShardId, MILL,
	};
	use sp_runtime::Permill;

	fn job(status: JobStatus, waiting: u32, running: u32, accepted: u32, failed: u32) -> JobView {
		JobView {
			id: JobId(7),
			client: AccountId::from([0; 32]),
			status,
			program: Hash::zero(),
			image: None,
			setup: EMPTY_BLOB,
			input_root: Hash::zero(),
			tasks: 16,
			shard_size: 1,
			limits: Limits {
				gas: 1,
				memory_pages: 1,
				output: 1,
			},
			input_limit: 1,
			price_cap: 1,
			verification: Verification::Replicated { replicas: 2 },
			constraints: Constraints {
				class: HardwareClass::General,
				regions: RegionSet::ANY,
				min_reputation: Permill::zero(),
			},
			preferences: Default::default(),
			endpoints: Vec::new(),
			submitted_at: 0,
			expires_at: 0,
			escrow: 0,
			paid: MILL,
			fees: 0,
			shards: 16,
			waiting,
			running,
			accepted,
			failed,
		}
	}

	fn shard(index: u32, state: ShardState) -> ShardView {
		ShardView {
			id: ShardId { job: JobId(7), index },
			first_task: index,
			tasks: 1,
			state,
			engine: 1,
			seats: Vec::new(),
			report: None,
			custody_until: None,
		}
	}

	#[test]
	fn every_shard_is_in_one_stage() {
		use ShardState::*;
		let states = [Queued, Assigned, Assigned, Accepted, Sealed, Reported, Custody, Custody];
		let shards: Vec<_> = states
			.iter()
			.enumerate()
			.map(|(index, state)| shard(index as u32, *state))
			.collect();
		let stages = Stages::of(&job(JobStatus::Open, 7, 6, 2, 1), &shards);
		let expected = Stages {
			queued: 8,
			assigned: 2,
			running: 1,
			reported: 2,
			accepted: 2,
			failed: 1,
		};
		assert_eq!(stages, expected);
		assert_eq!(stages.rows().iter().map(|(_, count)| count).sum::<u32>(), 16);
	}

	#[test]
	fn a_job_is_over_when_nothing_runs_any_more() {
		assert!(!is_over(&job(JobStatus::Open, 1, 0, 0, 0)));
		assert!(!is_over(&job(JobStatus::Cancelled, 0, 1, 0, 0)));
		assert!(!is_over(&job(
			JobStatus::Suspended(DeclineReason::NoCapacity),
			1,
			0,
			0,
			0
		)));
		assert!(is_over(&job(JobStatus::Cancelled, 0, 0, 3, 13)));
		assert!(is_over(&job(JobStatus::Done, 0, 0, 16, 0)));
	}

	#[test]
	fn a_job_without_all_results_ends_with_exit_code_5() {
		let ended = |accepted| Ended {
			job: job(JobStatus::Done, 0, 0, accepted, 16 - accepted),
		};
		assert!(ended(16).verdict().is_ok());
		assert_eq!(ended(15).verdict().unwrap_err().exit_code(), 5);
		assert!(ended(15)
			.text()
			.contains("15 of 16 shards accepted, 1 without a result"));
	}

	#[test]
	fn lines_say_why_nothing_moves() {
		let census = Census {
			in_class: 3,
			in_region: 2,
			affordable: 0,
		};
		let explanation = Some(Explanation {
			reason: Reason::PriceTooLow,
			census,
			next_try: None,
		});
		let snapshot = |status| {
			let job = job(status, 16, 0, 0, 0);
			Snapshot {
				block: 5,
				stages: Stages::of(&job, &[]),
				job,
				explanation: explanation.clone(),
				court: Vec::new(),
			}
		};
		let line = snapshot(JobStatus::Open).line();
		for part in [
			"16 queued of 16 shards",
			"1 MILL paid",
			"top-up",
			"3 with a free slot",
			"0 affordable",
		] {
			assert!(line.contains(part), "{part} is missing in {line}");
		}
		let moving = Snapshot {
			stages: Stages {
				running: 1,
				..Default::default()
			},
			..snapshot(JobStatus::Open)
		};
		assert!(!moving.line().contains("top-up"));
		let line = snapshot(JobStatus::Suspended(DeclineReason::InputsUnavailable)).line();
		assert!(
			line.contains("could not fetch the inputs") && line.contains("millrace top-up 7"),
			"{line}"
		);
	}
}
