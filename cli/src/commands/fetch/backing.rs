//! By what results are backed: how many seats agree on them, whether they were audited, whether they count as verified.

use super::ranges;
use futures::{stream, StreamExt};
use millrace_client::{events::Court, Chain, Event, Head};
use millrace_primitives::{api::ShardView, job::ShardState, BlockNumber, JobId, Report, ShardId};
use serde::Serialize;
use std::collections::BTreeMap;

/// So many blocks are looked through: a node that is no archive has no older ones.
const BLOCKS: BlockNumber = 256;
/// So many blocks are asked for at once.
const CONCURRENT: usize = 16;

/// What stands behind a job's accepted results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backing {
	shards: BTreeMap<u32, Behind>,
}

/// What stands behind one shard's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Behind {
	/// The seats that the client bought and that reported this.
	seats: u32,
	/// Whether seats that nobody foresaw computed some of it, too; none if the node has forgotten it.
	audited: Option<bool>,
	/// Whether it was verified, and not merely left; none if the node has forgotten it.
	counted: Option<bool>,
}

impl Backing {
	/// That of the shards in custody, as far as one can see without history.
	pub fn of(shards: &[ShardView]) -> Self {
		let kept = shards.iter().filter(|shard| shard.state == ShardState::Custody);
		let behind = |shard: &ShardView| {
			let seats = shard.seats.iter().filter(|seat| seat.provider.is_some()).count() as u32;
			let behind = Behind {
				seats,
				..Behind::default()
			};
			(shard.id.index, behind)
		};
		Self {
			shards: kept.map(behind).collect(),
		}
	}

	/// Looks through the last blocks for what their events say, as far as the node has them.
	pub async fn look_back(&mut self, chain: &Chain, job: JobId, head: Head) {
		let oldest = head.number.saturating_sub(BLOCKS).max(1);
		let blocks = stream::iter((oldest..=head.number).rev()).map(|number| async move {
			let hash = chain.block_hash(number).await.ok()??;
			chain.events(hash).await.ok()
		});
		let mut blocks = blocks.buffered(CONCURRENT);
		while !self.is_complete() {
			// What a node has forgotten, it has forgotten of all blocks before, too.
			let Some(Some(events)) = blocks.next().await else {
				return;
			};
			if !self.take(job, &events) {
				return;
			}
		}
	}

	fn is_complete(&self) -> bool {
		self.shards
			.values()
			.all(|behind| behind.audited.is_some() && behind.counted.is_some())
	}

	/// Takes notice of events; false if they cannot be read.
	fn take(&mut self, job: JobId, events: &[Event]) -> bool {
		for event in events {
			let read = match event.is("Jobs", "ShardSettled") {
				true => event
					.decode::<(ShardId, Report, bool)>()
					.map(|(shard, _, counted)| Some((shard, None, Some(counted)))),
				false => event.court().map(|court| match court {
					Some((shard, Court::Drawn(audited))) => Some((shard, Some(audited), None)),
					_ => None,
				}),
			};
			let Ok(read) = read else { return false };
			let Some((shard, audited, counted)) = read.filter(|(shard, ..)| shard.job == job) else {
				continue;
			};
			if let Some(behind) = self.shards.get_mut(&shard.index) {
				behind.audited = behind.audited.or(audited);
				behind.counted = behind.counted.or(counted);
			}
		}
		true
	}

	/// In one line; nothing if there are no results.
	pub fn text(&self) -> String {
		if self.shards.is_empty() {
			return String::new();
		}
		let (least, most) = (
			self.shards
				.values()
				.map(|behind| behind.seats)
				.min()
				.unwrap_or_default(),
			self.shards
				.values()
				.map(|behind| behind.seats)
				.max()
				.unwrap_or_default(),
		);
		let mut text = match (least, most) {
			(1, 1) => "Backed by 1 seat for each shard".into(),
			(least, most) if least == most => format!("Backed by {most} seats that agree on each shard"),
			(least, most) => format!("Backed by {least} to {most} seats that agree on each shard"),
		};
		let those = |is: &dyn Fn(&Behind) -> bool| -> Vec<u32> {
			let found = self.shards.iter().filter(|(_, behind)| is(behind));
			found.map(|(index, _)| *index).collect()
		};
		let audited = those(&|behind| behind.audited == Some(true)).len();
		let known = those(&|behind| behind.audited.is_some()).len();
		text += &match (known, audited) {
			(0, _) => String::new(),
			(known, audited) => format!("; {audited} of {known} audited"),
		};
		let thin = those(&|behind| behind.counted == Some(false));
		if !thin.is_empty() {
			text += &format!("; accepted, unverified (thin): shards {}", ranges(&thin));
		}
		let forgotten = those(&|behind| behind.audited.is_none() || behind.counted.is_none()).len();
		if forgotten > 0 {
			text += &format!("; of {forgotten} the node has no history any more");
		} else if thin.is_empty() {
			text += "; all verified";
		}
		text + "."
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::compute::tests::{job_view, shard_view};
	use codec::Encode;
	use millrace_primitives::{api::SeatSummary, AccountId, Hash};

	fn shards(count: u32) -> Vec<ShardView> {
		let seat = |index: u8| SeatSummary {
			index,
			provider: (index != 2).then(|| AccountId::from([index; 32])),
			endpoint: None,
			state: None,
			round: 0,
			ask: 1,
			due: None,
		};
		let view = |index| ShardView {
			seats: (0..3).map(seat).collect(),
			..shard_view(&job_view(count, 1), index, ShardState::Custody)
		};
		(0..count).map(view).collect()
	}

	fn event(pallet: &str, name: &str, fields: impl Encode) -> Event {
		Event {
			pallet: pallet.into(),
			name: name.into(),
			extrinsic: None,
			fields: fields.encode(),
		}
	}

	fn drawn(job: JobId, index: u32, audited: bool) -> Event {
		event("Attestations", "Drawn", (ShardId { job, index }, audited))
	}

	fn settled(job: JobId, index: u32, counted: bool) -> Event {
		let report = Report {
			root: Hash::zero(),
			gas_used: 1,
		};
		event("Jobs", "ShardSettled", (ShardId { job, index }, report, counted))
	}

	#[test]
	fn one_line_says_what_stands_behind_results() {
		let (job, other) = (JobId(7), JobId(8));
		let mut running = shards(3);
		running[2].state = ShardState::Reported;
		let mut backing = Backing::of(&running);
		assert_eq!(
			backing.text(),
			"Backed by 2 seats that agree on each shard; of 2 the node has no history any more."
		);
		assert!(backing.take(
			job,
			&[settled(job, 0, true), settled(other, 1, false), drawn(job, 0, true)]
		));
		assert!(!backing.is_complete());
		assert_eq!(
			backing.text(),
			"Backed by 2 seats that agree on each shard; 1 of 1 audited; of 1 the node has no history any more."
		);
		assert!(backing.take(job, &[settled(job, 1, true), drawn(job, 1, false), drawn(job, 2, true)]));
		assert!(backing.is_complete());
		assert_eq!(
			backing.text(),
			"Backed by 2 seats that agree on each shard; 1 of 2 audited; all verified."
		);
	}

	#[test]
	fn what_was_merely_left_is_named() {
		let job = JobId(7);
		let mut backing = Backing::of(&shards(3));
		let events: Vec<_> = (0..3)
			.flat_map(|index| [drawn(job, index, false), settled(job, index, index == 1)])
			.collect();
		assert!(backing.take(job, &events));
		assert_eq!(
			backing.text(),
			"Backed by 2 seats that agree on each shard; 0 of 3 audited; accepted, unverified (thin): shards 0, 2."
		);
		assert!(
			!backing.take(job, &[event("Attestations", "Drawn", 1_u8)]),
			"not readable"
		);
		assert_eq!(Backing::default().text(), "");
	}
}
