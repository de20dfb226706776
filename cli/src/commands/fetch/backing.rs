//! By what results are backed: how many seats agree on them, whether they were audited, whether they count as verified.

use super::ranges;
use crate::{
	failure::{Failure, Result},
	units::mill,
};
use futures::{stream, StreamExt};
use millrace_client::{events::Court, Chain, Event, Head, Market};
use millrace_primitives::{
	api::{CaseSeatKind, CaseSeatState, CaseStage, CaseView, ShardView},
	job::ShardState,
	money::as_decimal,
	Balance, BlockNumber, JobId, MarketBlock, Report, ShardId,
};
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
	/// Shards of which there is a report that is not accepted yet.
	open: BTreeMap<u32, Open>,
}

/// What stands behind a report of one provider that can still be attacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Open {
	/// What the provider has at stake.
	#[serde(with = "as_decimal")]
	bond: Balance,
	/// The seats that nobody foresaw and that say the same.
	audits: u32,
	/// The last market block in which it can be attacked.
	until: MarketBlock,
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
			open: BTreeMap::new(),
		}
	}

	/// Looks for reports of single providers that nobody contradicts and that can still be attacked, and enters them among the
	/// shards as if they were accepted: their outputs are to be had already.
	pub async fn look_ahead(&mut self, market: &Market<'_>, shards: &mut [ShardView]) -> Result<()> {
		for shard in shards.iter_mut() {
			if shard.state != ShardState::Reported {
				continue;
			}
			let Some(case) = market.case(shard.id).await? else {
				continue;
			};
			if let Some((report, open)) = opened(&case) {
				shard.report = Some(report);
				self.open.insert(shard.id.index, open);
			}
		}
		Ok(())
	}

	/// Refuses to take what is not accepted for what is: the outputs here of these shards were not when they were fetched.
	pub fn verdict(&self, job: JobId, unaccepted: impl Iterator<Item = u32>) -> Result<()> {
		let doubtful: Vec<u32> = unaccepted.filter(|index| !self.open.contains_key(index)).collect();
		if !doubtful.is_empty() {
			return Err(Failure::Incomplete(format!(
				"the outputs here of shards {} were fetched before they were accepted, and are disputed, rejected, or gone from the \
				 chain: see `millrace dispute list {} --all`, and check them with `millrace job verify {1}`",
				ranges(&doubtful),
				job.0
			)));
		}
		if self.open.is_empty() {
			return Ok(());
		}
		let shards: Vec<u32> = self.open.keys().copied().collect();
		Err(Failure::Incomplete(format!(
			"all outputs are here, and of shards {} they are not accepted yet: check them with `millrace job verify {}`, or fetch \
			 again once they are",
			ranges(&shards),
			job.0
		)))
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
		let open = self.open_text();
		if self.shards.is_empty() {
			return open;
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
			(1, 1) => "Backed by one provider for each shard".into(),
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
		let uncounted = those(&|behind| behind.counted == Some(false));
		let is_alone = |index: &u32| {
			let behind = self.shards.get(index);
			behind.is_some_and(|behind| behind.seats == 1 && behind.audited == Some(false))
		};
		let (alone, thin): (Vec<u32>, Vec<u32>) = uncounted.iter().copied().partition(is_alone);
		for (shards, how) in [
			(alone, "accepted on one provider's word"),
			(thin, "accepted, unverified (thin)"),
		] {
			if !shards.is_empty() {
				text += &format!("; {how}: shards {}", ranges(&shards));
			}
		}
		let forgotten = those(&|behind| behind.audited.is_none() || behind.counted.is_none()).len();
		if forgotten > 0 {
			text += &format!("; of {forgotten} the node has no history any more");
		} else if uncounted.is_empty() {
			text += "; all verified";
		}
		text += ".";
		if !open.is_empty() {
			text += &format!("\n{open}");
		}
		text
	}

	/// What is not accepted yet, in one line; nothing if there is none.
	fn open_text(&self) -> String {
		let shards: Vec<u32> = self.open.keys().copied().collect();
		let bond = self.open.values().map(|open| open.bond).min();
		let until = self.open.values().map(|open| open.until).min();
		let (Some(bond), Some(until)) = (bond, until) else {
			return String::new();
		};
		let audited = self.open.values().filter(|open| open.audits > 0).count();
		format!(
			"Not accepted yet: shards {}, each backed by one provider's bond of {} at least; {audited} of {} were drawn and audited, \
			 and all can be attacked until market block {until} at least.",
			ranges(&shards),
			mill(bond),
			shards.len()
		)
	}
}

/// The one report of a case, if nobody contradicts it and nobody plays about it.
fn opened(case: &CaseView) -> Option<(Report, Open)> {
	if case.stage != CaseStage::Judging || !case.boards.is_empty() {
		return None;
	}
	let [seat] = case
		.seats
		.iter()
		.filter(|seat| seat.kind == CaseSeatKind::Primary)
		.collect::<Vec<_>>()[..]
	else {
		return None;
	};
	let standing = case.seats.iter().all(|seat| seat.state == CaseSeatState::Standing);
	// Seats that contradict each other may attack.
	if !standing || !case.attacks.is_empty() {
		return None;
	}
	let open = Open {
		bond: seat.stake,
		audits: case
			.seats
			.iter()
			.filter(|seat| seat.kind == CaseSeatKind::Audit)
			.count() as u32,
		until: case.next.saturating_sub(1),
	};
	Some((seat.report?, open))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::commands::dispute::tests::disputed as dispute;
	use crate::compute::tests::{job_view, shard_view};
	use codec::Encode;
	use millrace_primitives::{
		api::{CaseSeat, SeatSummary},
		AccountId, Hash, MILL,
	};

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
	fn what_one_provider_says_is_told_from_what_was_left() {
		let job = JobId(7);
		let single: Vec<_> = shards(3)
			.into_iter()
			.map(|mut shard| {
				shard.seats.truncate(1);
				shard
			})
			.collect();
		let mut backing = Backing::of(&single);
		let events = [
			drawn(job, 0, false),
			settled(job, 0, false),
			drawn(job, 1, true),
			settled(job, 1, true),
			drawn(job, 2, true),
			settled(job, 2, false),
		];
		assert!(backing.take(job, &events));
		assert_eq!(
			backing.text(),
			"Backed by one provider for each shard; 2 of 3 audited; accepted on one provider's word: shards 0; accepted, \
			 unverified (thin): shards 2."
		);
		assert!(backing.verdict(job, [].into_iter()).is_ok());
		// What was fetched early, and is not open any more.
		let doubtful = backing.verdict(job, [3].into_iter()).unwrap_err();
		assert_eq!(doubtful.exit_code(), 5);
		assert!(
			doubtful.to_string().contains("shards 3 were fetched before"),
			"{doubtful}"
		);
	}

	#[test]
	fn what_can_be_attacked_is_no_result_yet() {
		let seat = |kind, stake| CaseSeat {
			number: 0,
			kind,
			provider: AccountId::from([1; 32]),
			endpoint: None,
			state: CaseSeatState::Standing,
			report: (kind == CaseSeatKind::Primary).then_some(Report {
				root: Hash::zero(),
				gas_used: 1,
			}),
			stake,
		};
		let mut case = CaseView {
			stage: CaseStage::Judging,
			next: 901,
			seats: vec![seat(CaseSeatKind::Primary, 21 * MILL), seat(CaseSeatKind::Audit, MILL)],
			attacks: Vec::new(),
			boards: Vec::new(),
			..dispute()
		};
		let (report, open) = opened(&case).unwrap();
		assert_eq!((report.gas_used, open.audits, open.until), (1, 1, 900));
		let mut backing = Backing::default();
		backing.open.insert(3, open);
		assert_eq!(
			backing.text(),
			"Not accepted yet: shards 3, each backed by one provider's bond of 21 MILL at least; 1 of 1 were drawn and audited, \
			 and all can be attacked until market block 900 at least."
		);
		let open: Vec<u32> = backing.open.keys().copied().collect();
		let refused = backing.verdict(JobId(7), open.into_iter()).unwrap_err();
		assert!(refused.to_string().contains("millrace job verify 7"), "{refused}");
		case.attacks = vec![(1, 0)];
		assert!(opened(&case).is_none(), "it is contradicted");
		case.attacks.clear();
		case.seats.push(seat(CaseSeatKind::Primary, MILL));
		assert!(opened(&case).is_none(), "two make no single one");
		case.seats.truncate(1);
		case.seats[0].state = CaseSeatState::Silent;
		assert!(opened(&case).is_none());
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
