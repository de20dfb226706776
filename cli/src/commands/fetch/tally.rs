//! How a job's tasks ended, without their outputs.

use super::{client, may_come, report::kind, LONGEST_PAUSE, PATIENCE, PAUSE};
use crate::{
	failure::{Failure, Result},
	job::name,
};
use futures::{stream, StreamExt};
use millrace_client::{
	blobs::{fetch_outcomes, Client, FetchError},
	At, Chain,
};
use millrace_primitives::{
	api::{JobView, ShardView},
	job::ShardState,
	machine::Status,
};
use std::{collections::BTreeMap, time::Instant};

/// So many shards are asked for at once.
const CONCURRENT: usize = 8;

/// How many tasks ended in which way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
	statuses: BTreeMap<Status, u32>,
	/// Tasks of accepted shards whose outcomes nobody told.
	pub unknown: u32,
	/// Why.
	why: Option<String>,
}

/// Asks the providers that keep a job's outputs how its tasks ended. Waits a while for those who do not tell yet.
pub async fn tally(chain: &Chain, job: &JobView, allow_private: bool) -> Result<Tally> {
	if job.accepted == 0 {
		return Ok(Tally::default());
	}
	let shards = chain.market(At::Finalized).all_shards(job.id).await?;
	let client = client(chain, allow_private).await?;
	let kept = shards.into_iter().filter(|shard| shard.state == ShardState::Custody);
	let shards = stream::iter(kept).map(|shard| {
		let client = &client;
		async move { (shard.tasks, of_shard(client, &shard).await) }
	});
	let mut shards = shards.buffer_unordered(CONCURRENT);
	let mut tally = Tally::default();
	while let Some((tasks, statuses)) = shards.next().await {
		match statuses {
			Ok(statuses) => statuses.into_iter().for_each(|status| tally.add(status)),
			Err(error) => {
				tally.unknown += tasks;
				tally.why.get_or_insert(error.to_string());
			}
		}
	}
	Ok(tally)
}

async fn of_shard(client: &Client, shard: &ShardView) -> Result<Vec<Status>> {
	let endpoints: Vec<_> = shard.seats.iter().filter_map(|seat| seat.endpoint.clone()).collect();
	let Some(report) = shard.report else {
		return Ok(Vec::new());
	};
	let (begun, mut pause) = (Instant::now(), PAUSE);
	loop {
		let outcomes: Result<_, FetchError> = fetch_outcomes(client, &endpoints, shard.id, shard.tasks, &report).await;
		match outcomes.map_err(Failure::from) {
			Ok(outcomes) => return Ok(outcomes.iter().map(|outcome| outcome.status).collect()),
			Err(failure) if may_come(&failure) && begun.elapsed() < PATIENCE => {
				tokio::time::sleep(pause).await;
				pause = (pause * 2).min(LONGEST_PAUSE);
			}
			Err(failure) => return Err(failure),
		}
	}
}

impl Tally {
	fn add(&mut self, status: Status) {
		*self.statuses.entry(status).or_default() += 1;
	}

	fn unsuccessful(&self) -> u32 {
		let others = self.statuses.iter().filter(|(status, _)| **status != Status::Success);
		others.map(|(_, count)| count).sum()
	}

	/// The numbers by status, as they stand in documents.
	pub fn counts(&self) -> BTreeMap<String, u32> {
		self.statuses
			.iter()
			.map(|(status, count)| (name(status), *count))
			.collect()
	}

	/// The numbers in words.
	pub fn text(&self) -> String {
		let mut parts: Vec<_> = self
			.statuses
			.iter()
			.map(|(status, count)| format!("{}: {count}", kind(*status)))
			.collect();
		if self.unknown > 0 {
			parts.push(format!("unknown: {}", self.unknown));
		}
		match parts.is_empty() {
			true => String::new(),
			false => format!("Tasks: {}.", parts.join("; ")),
		}
	}

	/// An error if a task did not succeed, or if that is not known.
	pub fn verdict(&self) -> Result<()> {
		let count = self.unsuccessful();
		if count > 0 {
			return Err(Failure::Incomplete(format!(
				"{count} tasks did not succeed; `millrace fetch` has what they wrote to standard error"
			)));
		}
		match (&self.why, self.unknown) {
			(Some(why), unknown) if unknown > 0 => Err(Failure::Unreachable(format!(
				"how {unknown} tasks ended is not known: {why}"
			))),
			_ => Ok(()),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn anything_but_success_ends_with_exit_code_5_and_its_count() {
		let mut tally = Tally::default();
		assert!(tally.verdict().is_ok() && tally.text().is_empty());
		tally.add(Status::Success);
		assert!(tally.verdict().is_ok());
		tally.add(Status::Exit);
		tally.add(Status::Exit);
		tally.add(Status::Trap);
		let failure = tally.verdict().unwrap_err();
		assert_eq!(failure.exit_code(), 5);
		assert!(failure.to_string().contains("3 tasks"), "{failure}");
		assert_eq!(tally.counts()["exit"], 2);
		assert!(tally.text().contains("Trap: 1"), "{}", tally.text());
	}

	#[test]
	fn what_nobody_tells_is_not_taken_for_success() {
		let tally = Tally {
			unknown: 4,
			why: Some("asleep".into()),
			..Tally::default()
		};
		let failure = tally.verdict().unwrap_err();
		assert_eq!(failure.exit_code(), 4);
		assert!(failure.to_string().contains("asleep"));
	}
}
