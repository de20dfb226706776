//! What to do about a shard that is watched: a pure function of what the chain shows of it and what the agent has.

use super::{boards_of, choose::has_seat, Watched};
use crate::{decide::Progress, market::Purse, seat::TxKind};
use millrace_primitives::{
	api::{CaseStage, CaseView, MAX_PAGE},
	AccountId, Balance, BlockNumber, MarketBlock, Report, MILL,
};

/// So many market blocks before a report cannot be attacked any more it is accused, though somebody else is playing about it: one
/// proof is enough, and the other may play badly on purpose.
pub const LAST_CALL: MarketBlock = 60;
/// What an accusation leaves free of the operator's money, for the fees of its other calls: a MILL.
pub const KEPT: Balance = MILL;

/// A shard's case at some block.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
	/// The case; none if the shard has none any more.
	pub case: Option<&'a CaseView>,
	/// The block.
	pub number: BlockNumber,
	/// The market's clock in it.
	pub now: MarketBlock,
}

/// All that is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
	/// What is watched.
	pub watched: &'a Watched,
	/// At the best block.
	pub best: Seen<'a>,
	/// At the last finalized block, if it was looked at: only needed where the best one shows that nothing is to be done, and until
	/// an accusation is final.
	pub finalized: Option<Seen<'a>>,
	/// How far the work is.
	pub progress: Progress,
	/// What it came to.
	pub computed: Option<Report>,
	/// Whether a slot is free that no seat needs.
	pub is_free: bool,
	/// Whether others' reports are watched at all. If not, only what was accused goes on.
	pub watches: bool,
	/// Who accuses.
	pub account: &'a AccountId,
	/// The provider, whose seats speak for themselves.
	pub provider: Option<&'a AccountId>,
	/// Whether its program or its version of the machine is frozen: then nothing is heard.
	pub is_frozen: bool,
	/// The accuser's money, if it was looked at.
	pub purse: Option<Purse>,
	/// What it may put up at once, in plancks.
	pub budget: Balance,
	/// What it has put up, whether the chain shows that already or not, in plancks.
	pub committed: Balance,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
	/// Fetch what it is computed from.
	Fetch,
	/// Compute it.
	Execute,
	/// Stop what is under way, for a seat's sake or since it is of no use any more.
	Yield,
	/// Accuse the seat by the report that was computed, for a bond of at most so much.
	Accuse(Balance),
	/// Do not, though it is wrong.
	Refuse(Refusal),
	/// The accusation is in a finalized block.
	Confirm,
	/// The accusation was never included, and never will be.
	Retract,
	/// Settle the bond of a board.
	Pull(u32),
	/// Forget it.
	Forget(Why),
}

/// Why a wrong report is not accused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
	/// What may be put up at once is not enough.
	Budget {
		/// The bond.
		bond: Balance,
		/// What is left of the budget.
		left: Balance,
	},
	/// The operator has not enough.
	Money {
		/// The bond.
		bond: Balance,
		/// What it has free, less [`KEPT`].
		free: Balance,
	},
	/// A board is opened against it by somebody else, and is played; there is time to see what comes of it.
	Played,
}

/// Why a shard is forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
	/// It comes to what was reported.
	Same,
	/// It cannot be had or run here.
	Unfit,
	/// It cannot be attacked any more.
	Closed,
	/// What it was accused of is settled.
	Over,
	/// The agent does not watch any more.
	Off,
}

/// Decides what to do; none is to wait. `may` says of a call whether it may be submitted (again).
pub fn decide(sight: &Sight, may: impl Fn(TxKind) -> bool) -> Option<Step> {
	match sight.watched.accused {
		Some(accused) => {
			let over = |seen: Seen| match seen.case {
				None => true,
				Some(case) => case.stage == CaseStage::Ended && !is_author(case, sight.account),
			};
			if sight.finalized.is_some_and(over) {
				return Some(Step::Forget(Why::Over));
			}
			let shown = |seen: Seen| seen.case.is_some_and(|case| is_author(case, sight.account));
			if !accused.included && sight.finalized.is_some_and(shown) {
				return Some(Step::Confirm);
			}
			let case = sight.best.case?;
			if case.stage == CaseStage::Ended {
				let mut own = boards_of(case, sight.account).map(|board| board.number);
				let due = own.find(|board| may(TxKind::Pull(*board)) && !sight.is_frozen);
				return due.map(Step::Pull);
			}
			let never = |seen: Seen| {
				let hidden = |case: &CaseView| case.boards.len() as u64 >= u64::from(MAX_PAGE);
				seen.number > accused.until && !seen.case.is_some_and(hidden)
			};
			if !accused.included && sight.finalized.is_some_and(never) {
				return Some(Step::Retract);
			}
			// What it plays by may be lost, and is had again whatever else is at work: a bond is at stake.
			let played = boards_of(case, sight.account).any(|board| board.targets_turn.is_some());
			go_on(sight, played)
		}
		None => watch(sight, may),
	}
}

fn is_author(case: &CaseView, account: &AccountId) -> bool {
	boards_of(case, account).next().is_some()
}

fn watch(sight: &Sight, may: impl Fn(TxKind) -> bool) -> Option<Step> {
	let busy = matches!(sight.progress, Progress::Fetching | Progress::Executing);
	let closed = |seen: Seen| {
		let open = |case: &CaseView| sight.watched.is_open(case, seen.now) && !has_seat(case, sight.provider);
		!seen.case.is_some_and(open)
	};
	if !sight.watches {
		return Some(Step::Forget(Why::Off));
	}
	if closed(sight.best) {
		return match sight.finalized.is_some_and(closed) {
			true => Some(Step::Forget(Why::Closed)),
			false => busy.then_some(Step::Yield),
		};
	}
	match (sight.progress, sight.computed) {
		(Progress::Executed, Some(report)) if report == sight.watched.claimed => Some(Step::Forget(Why::Same)),
		(Progress::Executed, Some(_)) => sight.best.case.and_then(|case| accuse(sight, case, may)),
		(Progress::FetchFailed { hopeless: true, .. }, _) => Some(Step::Forget(Why::Unfit)),
		_ if busy && !sight.is_free => Some(Step::Yield),
		_ => go_on(sight, sight.is_free),
	}
}

/// Does what leads to a report, in its order, if there is room.
fn go_on(sight: &Sight, room: bool) -> Option<Step> {
	let step = match sight.progress {
		Progress::New => Step::Fetch,
		Progress::FetchFailed { retry_at, .. } if sight.best.now >= retry_at => Step::Fetch,
		Progress::Fetched => Step::Execute,
		Progress::Troubled { retry_at } if sight.best.now >= retry_at => Step::Execute,
		_ => return None,
	};
	room.then_some(step)
}

/// It is wrong, and can be attacked.
fn accuse(sight: &Sight, case: &CaseView, may: impl Fn(TxKind) -> bool) -> Option<Step> {
	if !may(TxKind::Accuse) || sight.is_frozen {
		return None;
	}
	let purse = sight.purse?;
	// What somebody puts up by hand with the same key counts as well.
	let bond = case.bond;
	let left = sight.budget.saturating_sub(sight.committed.max(purse.accused));
	if bond > left {
		return Some(Step::Refuse(Refusal::Budget { bond, left }));
	}
	let free = purse.free.saturating_sub(KEPT);
	if bond > free {
		return Some(Step::Refuse(Refusal::Money { bond, free }));
	}
	let played = case
		.boards
		.iter()
		.any(|board| board.target == sight.watched.target && board.targets_turn.is_some());
	let left = sight.watched.until.saturating_sub(sight.best.now);
	Some(match played && left > LAST_CALL {
		true => Step::Refuse(Refusal::Played),
		false => Step::Accuse(bond),
	})
}
