//! When time is short, and what is then offered to be in the next block.

use crate::{
	decide::TxId,
	seat::{SeatKey, TxKind},
};
use millrace_primitives::{Balance, MarketBlock};
use std::collections::BTreeMap;

/// The last market blocks of any time are short.
pub const LAST: MarketBlock = 10;
/// So is the last of so many parts of what was left when the agent first saw it.
pub const PART: MarketBlock = 10;

/// What has an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Time {
	/// The time to bring a seat into its next state.
	Seat(SeatKey),
	/// The time to move on a board.
	Board(SeatKey, u32),
	/// The time to attack.
	Case(SeatKey),
	/// The time to show a part of a task's output, or its outcome.
	Demand(SeatKey, u32, Option<u32>),
}

impl Time {
	/// By when a call counts; none of those that others may make as well.
	pub fn of(id: TxId) -> Option<Self> {
		let TxId::Seat(key, kind) = id else { return None };
		match kind {
			TxKind::Accept | TxKind::Decline | TxKind::Seal | TxKind::Reveal | TxKind::Unavailable => {
				Some(Self::Seat(key))
			}
			TxKind::Attack(_) | TxKind::Accuse => Some(Self::Case(key)),
			TxKind::Play(board, _) => Some(Self::Board(key, board)),
			TxKind::Answer(task, chunk) => Some(Self::Demand(key, task, chunk)),
			TxKind::Time(_) | TxKind::Pull(_) => None,
		}
	}
}

/// The times that run, by when they end and since when the agent has known that.
#[derive(Clone, Default, Debug)]
pub struct Times(BTreeMap<Time, (MarketBlock, MarketBlock)>);

impl Times {
	/// Takes notice of all times that run at present.
	pub fn note(&mut self, times: impl Iterator<Item = (Time, MarketBlock)>, now: MarketBlock) {
		let known = std::mem::take(&mut self.0);
		self.0 = times
			.map(|(time, due)| {
				let since = known.get(&time).filter(|(same, _)| *same == due);
				(time, (due, since.map_or(now, |(_, since)| *since)))
			})
			.collect();
	}

	/// Whether a time is about to end: a tenth of it is left, or a few blocks.
	pub fn is_short(&self, time: Time, now: MarketBlock) -> bool {
		self.0.get(&time).is_some_and(|(due, since)| {
			let left = due.saturating_sub(now);
			left <= LAST.max(due.saturating_sub(*since) / PART)
		})
	}

	/// What is offered for calls in one transaction: so much for each whose time is short.
	pub fn tip(&self, calls: &[TxId], each: Balance, now: MarketBlock) -> Balance {
		let short = |id: &&TxId| Time::of(**id).is_some_and(|time| self.is_short(time, now));
		let count = calls.iter().filter(short).count();
		each.saturating_mul(count as Balance)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::{JobId, ShardId};

	fn key(index: u32) -> SeatKey {
		SeatKey {
			shard: ShardId { job: JobId(1), index },
			seat: 0,
			round: 0,
		}
	}

	#[test]
	fn the_last_tenth_and_the_last_blocks_are_short() {
		let (long, brief) = (Time::Seat(key(0)), Time::Board(key(0), 3));
		let mut times = Times::default();
		let all = [(long, 1_600), (brief, 1_050)];
		times.note(all.into_iter(), 1_000);
		for (now, expected) in [
			(1_000, false),
			(1_539, false),
			(1_540, true),
			(1_600, true),
			(2_000, true),
		] {
			// Looking again changes nothing.
			times.note(all.into_iter(), now);
			assert_eq!(times.is_short(long, now), expected, "{now}");
		}
		assert!(!times.is_short(brief, 1_039) && times.is_short(brief, 1_040));
		// What has another end is another time.
		times.note([(long, 1_700)].into_iter(), 1_590);
		assert!(!times.is_short(long, 1_600) && times.is_short(long, 1_690));
		assert!(!times.is_short(brief, 1_049), "it is not there any more");
	}

	#[test]
	fn each_call_whose_time_is_short_is_paid_for() {
		let mut times = Times::default();
		let running = [
			(Time::Seat(key(0)), 100),
			(Time::Seat(key(1)), 500),
			(Time::Case(key(0)), 100),
		];
		times.note(running.into_iter(), 0);
		let seal = |index| TxId::Seat(key(index), TxKind::Seal);
		assert_eq!(times.tip(&[seal(0), seal(1)], 7, 95), 7);
		assert_eq!(times.tip(&[seal(0), seal(1)], 7, 495), 14);
		assert_eq!(times.tip(&[seal(2)], 7, 495), 0, "nothing is known of it");
		assert_eq!(times.tip(&[TxId::Seat(key(0), TxKind::Attack(1))], 7, 95), 7);
		// What anybody may do is not the lane's.
		assert_eq!(
			times.tip(&[TxId::Heartbeat, TxId::Seat(key(0), TxKind::Time(1))], 7, 95),
			0
		);
	}
}
