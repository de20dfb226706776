//! Which shards can be watched.

use super::Watched;
use millrace_primitives::{
	api::{AssignmentView, CaseSeat, CaseSeatKind, CaseSeatState, CaseStage, CaseView},
	AccountId, Gas, MarketBlock, Report, ENGINE_VERSION,
};
use std::time::Duration;

/// The end of a window that is further away than so many market blocks is not known: the chain says when something happens next,
/// and nothing may. No window is longer.
const FARTHEST: MarketBlock = 1_000_000;

/// A report that can be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
	/// The seat, by its number in the case.
	pub target: u8,
	/// Who holds it.
	pub provider: AccountId,
	/// What it reported.
	pub claimed: Report,
	/// The last market block in which it can be attacked, as far as is known.
	pub until: MarketBlock,
}

/// What is to be done about a shard whose report was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
	/// It can be watched.
	Watch(Mark),
	/// Perhaps later.
	Later,
	/// It cannot.
	Never,
}

/// Looks at the case of a shard whose client bought one seat; none if it is over. `provider` is the agent's own: whose seat is in
/// the case defends that.
pub fn look(case: Option<&CaseView>, provider: Option<&AccountId>, now: MarketBlock) -> Look {
	let Some(case) = case else { return Look::Never };
	if has_seat(case, provider) {
		return Look::Never;
	}
	match case.stage {
		CaseStage::Sealing | CaseStage::Drawing | CaseStage::Auditing | CaseStage::Opening => Look::Later,
		CaseStage::Recomputing | CaseStage::Ended => Look::Never,
		CaseStage::Judging => {
			let mut bought = case.seats.iter().filter(|seat| seat.kind == CaseSeatKind::Primary);
			let (only, more) = (bought.next(), bought.next());
			let standing = only.filter(|seat| seat.state == CaseSeatState::Standing && more.is_none());
			let found = standing.and_then(|seat| Some((seat, seat.report?)));
			match (found, window(case, now)) {
				(Some((CaseSeat { number, provider, .. }, claimed)), Some(until)) => Look::Watch(Mark {
					target: *number,
					provider: provider.clone(),
					claimed,
					until,
				}),
				_ => Look::Never,
			}
		}
	}
}

/// Whether a provider has a seat in a case.
pub fn has_seat(case: &CaseView, provider: Option<&AccountId>) -> bool {
	provider.is_some_and(|provider| case.seats.iter().any(|seat| seat.provider == *provider))
}

/// The last market block of the time to attack that runs at present, if the chain says so.
pub fn window(case: &CaseView, now: MarketBlock) -> Option<MarketBlock> {
	let until = case.next.checked_sub(1)?;
	(until >= now && until - now <= FARTHEST).then_some(until)
}

/// What a machine has for watching.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
	/// The memory of a slot, in pages of 64 KiB.
	pub memory_pages: u32,
	/// What a slot makes as it was measured, in millions of gas a second; none if it was not, or does not matter.
	pub mgas: Option<u64>,
	/// The time between two blocks.
	pub block_time: Duration,
}

/// Why a machine does not watch a shard.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unfit {
	/// Another version of the machine computes it.
	#[error("it is computed by version {0} of the machine")]
	Engine(u8),
	/// It needs more memory than a slot has.
	#[error("it needs {0} pages of memory")]
	Memory(u32),
	/// It would not be computed in time to act.
	#[error("computing it may take {needed:?}, and half of {left:?} is left for that")]
	Time {
		/// What it may take.
		needed: Duration,
		/// What is left until it cannot be attacked any more.
		left: Duration,
	},
}

/// Whether a machine may compute a shard of so much claimed gas in half of what is left of the time to attack it; the other half is
/// for fetching, and for acting. At its best, unlike a seat that promises something: what is not done in time costs nobody, and who
/// claims more than its tasks take should not go unwatched for that.
///
/// # Errors
/// Why not.
pub fn fits(seat: &AssignmentView, claimed: Gas, left: MarketBlock, machine: &Machine) -> Result<(), Unfit> {
	if seat.engine != ENGINE_VERSION {
		return Err(Unfit::Engine(seat.engine));
	}
	if seat.limits.memory_pages > machine.memory_pages {
		return Err(Unfit::Memory(seat.limits.memory_pages));
	}
	let Some(mgas) = machine.mgas else { return Ok(()) };
	let needed = Duration::from_millis(claimed.div_ceil(mgas.max(1).saturating_mul(1_000)));
	let left = machine.block_time.saturating_mul(left);
	match needed <= left / 2 {
		true => Ok(()),
		false => Err(Unfit::Time { needed, left }),
	}
}

/// A shard that is watched from now on. What it is computed as has the end of the window as its deadline.
pub fn watched(seat: AssignmentView, mark: Mark) -> Watched {
	let Mark {
		target,
		provider,
		claimed,
		until,
	} = mark;
	Watched {
		seat: AssignmentView { due: until, ..seat },
		target,
		provider,
		claimed,
		until,
		accused: None,
	}
}
