//! Chess clocks: each of two parties has its own time, and only the one whose turn it is spends it.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_judge::game::Side;
use millrace_primitives::{job::Verification, params::CourtParams, Gas, MarketBlock};
use scale_info::TypeInfo;

/// What each move adds to the time of the *other* party, in market blocks: whoever waits to the last moment leaves it
/// enough to answer.
pub const INCREMENT: MarketBlock = 10;

/// The clocks of a board.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Clocks {
	/// Market blocks that each party has left, the one that moves first before the other.
	left: [MarketBlock; 2],
	/// Whose turn it is.
	turn: Side,
	/// Since which market block.
	since: MarketBlock,
}

impl Clocks {
	/// Both have the same time, and the first party's runs from now on.
	pub const fn new(each: MarketBlock, now: MarketBlock) -> Self {
		Self {
			left: [each; 2],
			turn: Side::First,
			since: now,
		}
	}

	/// Whose clock runs.
	pub const fn turn(&self) -> Side {
		self.turn
	}

	/// The last market block in which a move counts.
	pub const fn due(&self) -> MarketBlock {
		self.since.saturating_add(self.left[self.turn as usize])
	}

	/// Whether the time of the party whose turn it is has ended: it is out, and no move of the same block comes before.
	pub const fn is_over(&self, now: MarketBlock) -> bool {
		now > self.due()
	}

	/// After a move: the clock of whoever moved stops and that of `next` runs, with more time for the party that did not move.
	/// `None` if the time was over.
	pub fn moved(&self, next: Side, now: MarketBlock) -> Option<Self> {
		if self.is_over(now) {
			return None;
		}
		let mut left = self.left;
		let mover = self.turn as usize;
		left[mover] -= now.saturating_sub(self.since);
		let other = self.turn.other() as usize;
		left[other] = left[other].saturating_add(INCREMENT);
		Some(Self {
			left,
			turn: next,
			since: now,
		})
	}

	/// More time for both: to replay a task once it is known which.
	pub fn extended(self, both: MarketBlock) -> Self {
		Self {
			left: self.left.map(|left| left.saturating_add(both)),
			..self
		}
	}
}

/// Steps that any agent replays in a market block of three seconds: 10^8 a second, a fifth of what was measured.
pub const REPLAY_RATE: Gas = 300_000_000;

/// What both have more once the task is known: two replays of the larger claim of its gas, as slow as the slowest machine runs it at
/// all with so much memory, and hashing the memory again at each level at which all of it may have changed, 4 MiB a block.
pub fn at_leaf(gas: Gas, memory_pages: u32, run_rate: Gas) -> MarketBlock {
	let replay = gas.div_ceil(REPLAY_RATE.min(run_rate).max(1)).saturating_mul(2);
	let hashing = u64::from(memory_pages).div_ceil(64);
	blocks(replay.saturating_add(hashing))
}

/// How long reports may be attacked after they were to be opened, beside what the parameters say, by what a task may use and by
/// the gas that a slow machine runs in a block: three runs at 10^9 gas a second where several opened the same, so that whoever
/// asked for it can compute it again, and a run of a slow machine else. A single seat's report is checked by nobody but who does
/// that, unless it is drawn: it can be attacked as long as its client wants, never shorter than others that nobody backs.
pub fn windows(gas: Gas, run_rate: Gas, verification: &Verification, params: &CourtParams) -> Windows {
	let slow = blocks(gas.div_ceil(run_rate.max(1)));
	Windows {
		equal: match verification {
			Verification::Replicated { .. } => blocks(gas.div_ceil(1_000_000_000)).saturating_add(params.equal_window),
			Verification::Optimistic { window } => slow.saturating_add(*window.max(&params.window)),
		},
		other: slow.saturating_add(params.window),
	}
}

/// How long reports may be attacked, in market blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Windows {
	/// If all opened the same: several, or the one that there was to be.
	pub equal: MarketBlock,
	/// Else.
	pub other: MarketBlock,
}

fn blocks(number: u64) -> MarketBlock {
	MarketBlock::try_from(number).unwrap_or(MarketBlock::MAX)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_replay_and_its_hashing_fit_twice() {
		let fast = Gas::MAX;
		assert_eq!(at_leaf(0, 0, fast), 0);
		assert_eq!(at_leaf(1, 1, fast), 3);
		assert_eq!(at_leaf(REPLAY_RATE, 64, fast), 3);
		assert_eq!(at_leaf(REPLAY_RATE + 1, 65, fast), 6);
		// A program that reads all over 1 GiB is no faster to replay than to run.
		assert_eq!(at_leaf(30_000_000_000, 16_384, 24_000_000), 2 * 1_250 + 256);
		// The largest task in the largest memory: 7,332 blocks of replays, 1,024 of hashing.
		assert_eq!(at_leaf(1 << 40, 65_535, fast), 2 * 3_666 + 1_024);
		assert_eq!(at_leaf(Gas::MAX, u32::MAX, 0), MarketBlock::MAX);
	}

	#[test]
	fn windows_grow_with_the_gas_of_a_task() {
		let of = |gas, rate| {
			let several = Verification::Replicated { replicas: 2 };
			let Windows { equal, other } = windows(gas, rate, &several, &CourtParams::default());
			(equal, other)
		};
		assert_eq!(of(0, 1), (100, 600));
		assert_eq!(of(600_000_000_000, 250_000_000), (700, 600 + 2_400));
		assert_eq!(of(1, 18_000_000), (101, 601));
		assert_eq!(of(Gas::MAX, 0), (MarketBlock::MAX, MarketBlock::MAX));
	}

	#[test]
	fn a_single_seat_can_be_attacked_as_long_as_its_client_wants_and_never_shorter_than_others() {
		let params = CourtParams::default();
		let of = |window, gas, rate| {
			let Windows { equal, other } = windows(gas, rate, &Verification::Optimistic { window }, &params);
			(equal, other)
		};
		assert_eq!(of(600, 0, 1), (600, 600));
		assert_eq!(of(28_800, 600_000_000_000, 250_000_000), (28_800 + 2_400, 600 + 2_400));
		// The chain's window was raised after the job was submitted.
		assert_eq!(of(599, 1, 18_000_000), (601, 601));
		assert_eq!(of(MarketBlock::MAX, Gas::MAX, 0), (MarketBlock::MAX, MarketBlock::MAX));
	}

	#[test]
	fn a_move_counts_until_the_last_block_and_not_after_it() {
		let clocks = Clocks::new(600, 1_000);
		assert_eq!((clocks.turn(), clocks.due()), (Side::First, 1_600));
		assert!(!clocks.is_over(1_600) && clocks.is_over(1_601));
		assert_eq!(clocks.moved(Side::Second, 1_601), None);
		let clocks = clocks.moved(Side::Second, 1_600).unwrap();
		// The second has its own time and ten blocks; the first has spent all of its.
		assert_eq!((clocks.turn(), clocks.due()), (Side::Second, 1_600 + 610));
		let clocks = clocks.moved(Side::First, 1_605).unwrap();
		assert_eq!(clocks.due(), 1_605 + INCREMENT);
		assert_eq!(clocks.extended(7).due(), 1_605 + INCREMENT + 7);
	}

	#[test]
	fn the_same_party_may_have_to_move_again() {
		let clocks = Clocks::new(20, 0).moved(Side::First, 5).unwrap();
		assert_eq!((clocks.turn(), clocks.due()), (Side::First, 5 + 15));
		let clocks = clocks.moved(Side::Second, 20).unwrap();
		assert_eq!(clocks.due(), 20 + 20 + 2 * INCREMENT);
	}

	#[test]
	fn no_number_of_blocks_is_too_large() {
		let clocks = Clocks::new(MarketBlock::MAX, MarketBlock::MAX).extended(MarketBlock::MAX);
		assert!(!clocks.is_over(MarketBlock::MAX));
		assert!(clocks.moved(Side::Second, 0).is_some());
	}
}
