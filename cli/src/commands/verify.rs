//! `millrace job verify`: computes tasks of a job here and compares them with what was reported.
//!
//! ```text
//!  accepted report, or each opened one ─► outcomes (from its providers, checked) ─┐
//!  program, image, inputs (checked against the chain) ─► outcomes ────────────────┴─► the same?
//! ```
//! Before acceptance nobody needs to serve outcomes. Then only a shard that is computed whole can be compared, by its report.

use super::fetch::client;
use crate::{
	compute::Workshop,
	context,
	failure::{Failure, Result},
	options::{Global, VerifyOptions},
	output::{is_interactive, Output},
};
use indicatif::{ProgressBar, ProgressStyle};
use millrace_client::{
	blobs::{fetch_outcomes, Client},
	keys::address,
	words, At, Chain, Market,
};
use millrace_primitives::{
	api::{CaseSeatState, CaseStage, CaseView, JobView, ShardView},
	job::ShardState,
	outcome, AccountId, JobId, Outcome, Report,
};
use rand::seq::index;
use serde::Serialize;
use std::collections::BTreeMap;

/// So many differences are described to people.
const MAX_ROWS: usize = 10;

/// Runs the command.
pub async fn run(global: &Global, options: VerifyOptions, output: &mut Output) -> Result<()> {
	let chain = global.connect().await?;
	tokio::select! {
		done = verify(&chain, options, output) => done,
		_ = context::interrupted() => Err(Failure::Other("interrupted".into())),
	}
}

async fn verify(chain: &Chain, options: VerifyOptions, output: &mut Output) -> Result<()> {
	let at = At::Hash(chain.finalized_head().await?.hash);
	let job = context::job(chain, options.job, at).await?;
	let market = chain.market(at);
	let subjects = subjects(&market, &job, options.shard).await?;
	let all: Vec<(usize, u32)> = subjects
		.iter()
		.enumerate()
		.flat_map(|(of, subject)| (0..subject.shard.tasks).map(move |task| (of, task)))
		.collect();
	if all.is_empty() {
		return Err(Failure::Incomplete(match options.shard {
			Some(shard) => format!("no report on shard {shard} of job {} is open", job.id.0),
			None => format!("no report on a shard of job {} is open", job.id.0),
		}));
	}
	let mut chosen: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
	for place in index::sample(&mut rand::rng(), all.len(), options.sample.of(all.len())) {
		if let Some((of, task)) = all.get(place) {
			chosen.entry(*of).or_default().push(*task);
		}
	}
	let asker = client(chain, options.data.allow_private).await?;
	let others = subjects.iter().flat_map(|subject| &subject.claims);
	let others: Vec<_> = others.flat_map(|claim| claim.endpoints.clone()).collect();
	let workshop = Workshop::open(chain, &job, at, &options.data, others).await?;
	let count = chosen.values().map(Vec::len).sum::<usize>();
	let progress = progress(count as u64, output);
	let mut found = Found::new(job.id, all.len() as u32);
	for (of, mut tasks) in chosen {
		tasks.sort_unstable();
		if let Some(subject) = subjects.get(of) {
			check(&asker, &workshop, subject, &tasks, &mut found, &progress).await?;
		}
	}
	progress.finish_and_clear();
	output.result(&found, found.text())?;
	found.verdict()
}

fn progress(tasks: u64, output: &Output) -> ProgressBar {
	if !is_interactive() || output.is_json() {
		return ProgressBar::hidden();
	}
	let style = ProgressStyle::with_template("{prefix:>9} {bar:40} {pos}/{len}");
	let style = style
		.unwrap_or_else(|_| ProgressStyle::default_bar())
		.progress_chars("=> ");
	ProgressBar::new(tasks).with_style(style).with_prefix("computed")
}

/// A shard on which there are reports.
struct Subject {
	shard: ShardView,
	claims: Vec<Claim>,
}

/// A report, and who made it.
struct Claim {
	report: Report,
	/// The seats by their numbers in the case, and whether each can be attacked; none of an accepted report.
	seats: Vec<(u8, AccountId, bool)>,
	endpoints: Vec<String>,
}

/// The shards that have reports: accepted ones, and those whose reports are open.
async fn subjects(market: &Market<'_>, job: &JobView, only: Option<u32>) -> Result<Vec<Subject>> {
	let shards = match only {
		Some(index) if index >= job.shards => {
			return Err(Failure::Input(format!(
				"--shard: job {} has the shards 0 to {}",
				job.id.0,
				job.shards.saturating_sub(1)
			)));
		}
		Some(index) => market.shards(job.id, index, 1).await?,
		None => market.all_shards(job.id).await?,
	};
	let mut found = Vec::new();
	for shard in shards {
		if only.is_some_and(|index| index != shard.id.index) {
			continue;
		}
		let claims = match shard.state {
			ShardState::Custody => accepted(&shard).into_iter().collect(),
			// No seat has opened anything in the other states.
			ShardState::Sealed | ShardState::Reported => match market.case(shard.id).await? {
				Some(case) => opened(&case),
				None => Vec::new(),
			},
			_ => Vec::new(),
		};
		if !claims.is_empty() {
			found.push(Subject { shard, claims });
		}
	}
	Ok(found)
}

fn accepted(shard: &ShardView) -> Option<Claim> {
	Some(Claim {
		report: shard.report?,
		seats: Vec::new(),
		endpoints: shard.seats.iter().filter_map(|seat| seat.endpoint.clone()).collect(),
	})
}

/// The different reports that seats of a case have opened.
fn opened(case: &CaseView) -> Vec<Claim> {
	let mut claims: Vec<Claim> = Vec::new();
	for seat in &case.seats {
		let Some(report) = seat.report else { continue };
		let attackable = seat.state == CaseSeatState::Standing && case.stage != CaseStage::Ended;
		let place = match claims.iter().position(|claim| claim.report == report) {
			Some(place) => place,
			None => {
				claims.push(Claim {
					report,
					seats: Vec::new(),
					endpoints: Vec::new(),
				});
				claims.len() - 1
			}
		};
		if let Some(claim) = claims.get_mut(place) {
			claim.seats.push((seat.number, seat.provider.clone(), attackable));
			claim.endpoints.extend(seat.endpoint.clone());
		}
	}
	claims
}

/// Compares tasks of one shard, counted from its first, with all that was reported on it.
async fn check(
	asker: &Client,
	workshop: &Workshop,
	subject: &Subject,
	tasks: &[u32],
	found: &mut Found,
	progress: &ProgressBar,
) -> Result<()> {
	let shard = &subject.shard;
	let whole = tasks.len() as u64 == u64::from(shard.tasks);
	let mut reported = Vec::new();
	for claim in &subject.claims {
		let outcomes = fetch_outcomes(asker, &claim.endpoints, shard.id, shard.tasks, &claim.report).await;
		reported.push(outcomes.map_err(|error| error.to_string()));
	}
	if !whole && reported.iter().all(Result::is_err) {
		for (claim, outcomes) in subject.claims.iter().zip(&reported) {
			found.unknown(shard, claim, tasks.len() as u32, outcomes.as_ref().err());
		}
		progress.inc(tasks.len() as u64);
		return Ok(());
	}
	let places = workshop.places(shard).await?;
	let mut computed = Vec::with_capacity(tasks.len());
	for task in tasks {
		let number = shard.first_task.saturating_add(*task);
		computed.push((*task, workshop.compute(&places, number).await?));
		progress.inc(1);
	}
	for (claim, outcomes) in subject.claims.iter().zip(reported) {
		match outcomes {
			Ok(outcomes) => found.compare(shard, claim, &computed, &outcomes),
			Err(_) if whole => found.compare_report(shard, claim, &computed),
			Err(why) => found.unknown(shard, claim, tasks.len() as u32, Some(&why)),
		}
	}
	found.computed += tasks.len() as u32;
	Ok(())
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
	job: JobId,
	/// The tasks of which there are reports.
	tasks: u32,
	/// So many of them were computed here.
	computed: u32,
	/// So many comparisons found the same.
	same: u32,
	differences: Vec<Difference>,
	/// What could not be compared.
	unknown: Vec<Unknown>,
}

/// A task that comes to something else than was reported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Difference {
	shard: u32,
	/// The task by its number in the job; none if only the whole report is known to differ.
	task: Option<u32>,
	/// Who reported it, as the case numbers them; nobody of an accepted report.
	seats: Vec<u8>,
	/// Their accounts.
	providers: Vec<String>,
	computed: Option<Outcome>,
	reported: Option<Outcome>,
	accepted: bool,
	/// What differs: what it is here, what was reported.
	what: Vec<(&'static str, String, String)>,
	/// What can be done about it.
	next: String,
}

/// Tasks that could not be compared.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unknown {
	shard: u32,
	tasks: u32,
	seats: Vec<u8>,
	why: String,
}

impl Found {
	fn new(job: JobId, tasks: u32) -> Self {
		Self {
			job,
			tasks,
			computed: 0,
			same: 0,
			differences: Vec::new(),
			unknown: Vec::new(),
		}
	}

	fn unknown(&mut self, shard: &ShardView, claim: &Claim, tasks: u32, why: Option<&String>) {
		self.unknown.push(Unknown {
			shard: shard.id.index,
			tasks,
			seats: claim.numbers(),
			why: why.cloned().unwrap_or_else(|| "nobody serves its outcomes".into()),
		});
	}

	fn compare(&mut self, shard: &ShardView, claim: &Claim, computed: &[(u32, Outcome)], reported: &[Outcome]) {
		for (task, here) in computed {
			match reported.get(*task as usize) {
				Some(there) if there == here => self.same += 1,
				there => {
					let there = there.copied();
					let what = there.map_or_else(Vec::new, |there| words::differences(here, &there));
					self.differs(shard, claim, Some((*task, *here)), there, what);
				}
			}
		}
	}

	/// Compares a shard that was computed whole by its report alone.
	fn compare_report(&mut self, shard: &ShardView, claim: &Claim, computed: &[(u32, Outcome)]) {
		let outcomes: Vec<_> = computed.iter().map(|(_, outcome)| *outcome).collect();
		match outcome::report(&outcomes) {
			Some(here) if here == claim.report => self.same += shard.tasks,
			here => {
				let gas = |report: &Report| report.gas_used.to_string();
				let mut what = Vec::new();
				if let Some(here) = here {
					if here.gas_used != claim.report.gas_used {
						what.push(("gas of the shard", gas(&here), gas(&claim.report)));
					}
					what.push(("report", format!("{:?}", here.root), format!("{:?}", claim.report.root)));
				}
				// Of a single task it is known that it is this one.
				let only = computed.first().filter(|_| shard.tasks == 1).copied();
				self.differs(shard, claim, only, None, what);
			}
		}
	}

	fn differs(
		&mut self,
		shard: &ShardView,
		claim: &Claim,
		computed: Option<(u32, Outcome)>,
		reported: Option<Outcome>,
		what: Vec<(&'static str, String, String)>,
	) {
		let task = computed.map(|(task, _)| shard.first_task.saturating_add(task));
		self.differences.push(Difference {
			shard: shard.id.index,
			task,
			seats: claim.numbers(),
			providers: claim.seats.iter().map(|(_, provider, _)| address(provider)).collect(),
			computed: computed.map(|(_, outcome)| outcome),
			reported,
			accepted: claim.seats.is_empty(),
			what,
			next: next(shard, claim, task),
		});
	}

	fn text(&self) -> String {
		let mut text = format!(
			"Computed {} of {} tasks of job {} here that are reported: {} comparisons found the same, {} did not.",
			self.computed,
			self.tasks,
			self.job.0,
			self.same,
			self.differences.len()
		);
		for difference in self.differences.iter().take(MAX_ROWS) {
			text += &format!("\n{}", difference.text());
		}
		let more = self.differences.len().saturating_sub(MAX_ROWS);
		if more > 0 {
			text += &format!("\nand {more} more differences");
		}
		for unknown in self.unknown.iter().take(MAX_ROWS) {
			text += &format!("\n{}", unknown.text());
		}
		let more = self.unknown.len().saturating_sub(MAX_ROWS);
		if more > 0 {
			text += &format!("\nand {more} more that were not compared");
		}
		text
	}

	fn verdict(&self) -> Result<()> {
		if let Some(first) = self.differences.first() {
			return Err(Failure::Differs(format!(
				"{} of job {} differ from what was computed here; {}",
				match self.differences.len() {
					1 => "one result".into(),
					count => format!("{count} results"),
				},
				self.job.0,
				first.next
			)));
		}
		match self.unknown.first() {
			Some(first) => Err(Failure::Unreachable(format!(
				"not all could be compared: {}; what the whole report says can be: `millrace job verify {} --sample all --shard {}` \
				 computes all of a shard",
				first.why, self.job.0, first.shard
			))),
			None => Ok(()),
		}
	}
}

impl Claim {
	fn numbers(&self) -> Vec<u8> {
		self.seats.iter().map(|(number, ..)| *number).collect()
	}
}

/// Who made a report, in words.
fn who(seats: &[u8]) -> String {
	let numbers: Vec<_> = seats.iter().map(u8::to_string).collect();
	match seats.len() {
		0 => "the accepted report".into(),
		1 => format!("seat {}", numbers.join("")),
		_ => format!("seats {}", numbers.join(", ")),
	}
}

impl Difference {
	fn text(&self) -> String {
		let task = match self.task {
			Some(task) => format!("task {task}"),
			None => "some task".into(),
		};
		let mut text = format!("Shard {}, {task}, {}: ", self.shard, who(&self.seats));
		let what: Vec<_> = self
			.what
			.iter()
			.map(|(what, here, there)| format!("{what}: {here} here, {there} reported"))
			.collect();
		text += &what.join("; ");
		text += &format!("\n  {}", self.next);
		text
	}
}

impl Unknown {
	fn text(&self) -> String {
		format!(
			"Shard {}, {}: {} tasks not compared: {}",
			self.shard,
			who(&self.seats),
			self.tasks,
			self.why
		)
	}
}

/// What can be done about a difference.
fn next(shard: &ShardView, claim: &Claim, task: Option<u32>) -> String {
	let (job, index) = (shard.id.job.0, shard.id.index);
	if claim.seats.is_empty() {
		return "it was accepted, and cannot be attacked any more".into();
	}
	let attacked = claim.seats.iter().find(|(_, _, attackable)| *attackable);
	match (attacked, task) {
		(Some((seat, ..)), Some(task)) => {
			format!("say so: `millrace dispute open {job} {index} --seat {seat} --task {task}`")
		}
		(Some((seat, ..)), None) => {
			format!(
				"nobody says which task it is, and nobody has to: `millrace dispute open {job} {index} --seat {seat}`"
			)
		}
		(None, _) => {
			format!("no seat that said so stands; `millrace dispute show {job} {index}` says what became of them")
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		commands::dispute::tests::{case, disputed},
		compute::tests::{job_view, shard_view},
	};
	use millrace_primitives::machine::{Status, EMPTY_BLOB};
	use serde_json::json;

	fn outcome_of(gas_used: u64) -> Outcome {
		Outcome {
			status: Status::Success,
			code: 0,
			output: EMPTY_BLOB,
			errors: [0; 32],
			gas_used,
		}
	}

	fn shard(tasks: u32) -> ShardView {
		shard_view(&job_view(4 * tasks, tasks), 3, ShardState::Reported)
	}

	fn claim(outcomes: &[Outcome], attackable: Option<bool>) -> Claim {
		let seat = |attackable| (1, AccountId::from([1; 32]), attackable);
		Claim {
			report: outcome::report(outcomes).unwrap(),
			seats: attackable.map(seat).into_iter().collect(),
			endpoints: Vec::new(),
		}
	}

	fn right() -> Vec<Outcome> {
		(0..3).map(outcome_of).collect()
	}

	fn wrong() -> Vec<Outcome> {
		vec![outcome_of(0), outcome_of(7), outcome_of(2)]
	}

	fn numbered(outcomes: &[Outcome]) -> Vec<(u32, Outcome)> {
		(0..).zip(outcomes.iter().copied()).collect()
	}

	#[test]
	fn a_difference_names_shard_task_seat_and_the_next_command() {
		let mut found = Found::new(JobId(7), 12);
		let shard = shard(3);
		found.compare(&shard, &claim(&right(), Some(true)), &numbered(&right()), &right());
		assert!(found.verdict().is_ok() && found.same == 3);
		found.compare(&shard, &claim(&wrong(), Some(true)), &numbered(&right())[1..], &wrong());
		assert_eq!((found.same, found.differences.len()), (4, 1));
		let text = found.text();
		for part in [
			"Shard 3, task 10, seat 1: gas: 1 here, 7 reported",
			"millrace dispute open 7 3 --seat 1 --task 10",
		] {
			assert!(text.contains(part), "{part} is missing in {text}");
		}
		let failure = found.verdict().unwrap_err();
		assert_eq!(failure.exit_code(), 7);
		assert!(failure.to_string().contains("dispute open"), "{failure}");
	}

	#[test]
	fn what_was_accepted_cannot_be_attacked_and_who_is_out_need_not_be() {
		let mut found = Found::new(JobId(7), 12);
		found.compare(&shard(3), &claim(&wrong(), None), &numbered(&right()), &wrong());
		assert!(found.differences[0].accepted);
		assert!(found.differences[0].next.contains("it was accepted"));
		found.compare(&shard(3), &claim(&wrong(), Some(false)), &numbered(&right()), &wrong());
		assert!(found.differences[1].next.contains("dispute show 7 3"));
		let document = serde_json::to_value(&found).unwrap();
		assert_eq!(document["differences"][0]["task"], json!(10));
		assert_eq!(document["differences"][1]["seats"], json!([1]));
	}

	#[test]
	fn a_whole_shard_is_compared_by_its_report() {
		let mut found = Found::new(JobId(7), 12);
		found.compare_report(&shard(3), &claim(&right(), Some(true)), &numbered(&right()));
		assert_eq!(found.same, 3);
		found.compare_report(&shard(3), &claim(&wrong(), Some(true)), &numbered(&right()));
		let difference = &found.differences[0];
		assert_eq!(difference.task, None);
		assert_eq!(difference.what[0], ("gas of the shard", "3".into(), "9".into()));
		assert!(
			difference.next.ends_with("`millrace dispute open 7 3 --seat 1`"),
			"{}",
			difference.next
		);
		// Of one task it is that one.
		let mut found = Found::new(JobId(7), 4);
		found.compare_report(&shard(1), &claim(&wrong()[1..2], Some(true)), &numbered(&right()[..1]));
		assert_eq!(found.differences[0].task, Some(3));
	}

	#[test]
	fn what_was_not_compared_is_not_taken_for_the_same() {
		let mut found = Found::new(JobId(7), 12);
		let why = "asleep".to_string();
		found.unknown(&shard(3), &claim(&right(), Some(true)), 2, Some(&why));
		let failure = found.verdict().unwrap_err();
		assert_eq!(failure.exit_code(), 4);
		for part in ["asleep", "--sample all --shard 3"] {
			assert!(failure.to_string().contains(part), "{failure}");
		}
		assert!(found.text().contains("Shard 3, seat 1: 2 tasks not compared: asleep"));
		found.compare(&shard(3), &claim(&wrong(), Some(true)), &numbered(&right()), &wrong());
		assert_eq!(found.verdict().unwrap_err().exit_code(), 7, "the worse comes first");
	}

	#[test]
	fn equal_reports_are_one_claim() {
		let claims = opened(&disputed());
		let numbers: Vec<_> = claims.iter().map(Claim::numbers).collect();
		assert_eq!(numbers, [vec![0, 2], vec![1]]);
		assert!(claims[0].seats[0].2 && !claims[0].seats[1].2, "seat 2 is out");
		assert_eq!(claims[0].endpoints, ["http://0", "http://2"]);
		let ended = CaseView {
			stage: CaseStage::Ended,
			..case()
		};
		assert!(opened(&ended)[0].seats.iter().all(|(_, _, attackable)| !attackable));
		assert!(accepted(&shard(3)).is_none());
		let kept = ShardView {
			report: Some(claims[0].report),
			..shard_view(&job_view(12, 3), 3, ShardState::Custody)
		};
		assert_eq!(accepted(&kept).unwrap().report, claims[0].report);
	}
}
