//! The lookout: what a provider does about shards in which it has no seat and nobody else was bought to contradict.
//!
//! ```text
//!  reveals in finalized blocks ──► found ──► choose ──► fetch, execute ──► the same: forgotten
//!                                                                   └────► another: accuse ──► board (court) ──► pull
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`found`] | the shards whose reports were opened lately, in an order of this agent's own |
//! | [`choose`] | which of them can be watched, by this machine |
//! | [`decide`] | what to do about one that is watched |
//!
//! A seat's own work comes first: a shard is fetched and computed only while a slot is free that no seat has, one at a time, and
//! given up at once for a seat. Its outputs are not kept. What it came to is in the database like a seat's, under a key of its
//! own ([`SeatKey::watching`](crate::seat::SeatKey::watching)), with what was said about it: so a board is played on after a
//! crash, and nothing is said twice. It is forgotten when the finalized chain has nothing of the case in which the agent has a part.
//!
//! An accusation is the operator's, who signs it: the bond is held on its account, and what a verdict gives goes there.

pub mod choose;
pub mod decide;
pub mod found;

use codec::{Decode, Encode};
use millrace_primitives::{
	api::{AssignmentView, BoardView, CaseSeat, CaseSeatState, CaseStage, CaseView},
	AccountId, Balance, BlockNumber, MarketBlock, Report,
};

/// So many accusations are under way at once, whatever the budget: each may keep a task's memory in use.
pub const MAX_ACCUSED: usize = 8;

/// A shard that is watched.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Watched {
	/// What is computed, as if it were a seat.
	pub seat: AssignmentView,
	/// The seat whose report is compared, by its number in the case.
	pub target: u8,
	/// Who holds that seat.
	pub provider: AccountId,
	/// What it reported.
	pub claimed: Report,
	/// The last market block in which it can be attacked, as far as is known.
	pub until: MarketBlock,
	/// What was said about it.
	pub accused: Option<Accused>,
}

/// An accusation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Accused {
	/// The most that was put up, in plancks.
	pub bond: Balance,
	/// The last block that may include it.
	pub until: BlockNumber,
	/// Whether a finalized block did.
	pub included: bool,
}

impl Watched {
	/// The watched seat in a case, if it says what it said.
	pub fn target<'a>(&self, case: &'a CaseView) -> Option<&'a CaseSeat> {
		let same = |seat: &&CaseSeat| {
			(seat.number, &seat.provider, seat.report) == (self.target, &self.provider, Some(self.claimed))
		};
		case.seats.iter().find(same)
	}

	/// Whether its report can be attacked.
	pub fn is_open(&self, case: &CaseView, now: MarketBlock) -> bool {
		let stands = self.target(case).map(|seat| seat.state) == Some(CaseSeatState::Standing);
		stands && case.stage == CaseStage::Judging && now <= self.until
	}
}

/// The boards that an account opened without a seat, also those that are over and whose bond is not settled.
pub fn boards_of<'a>(case: &'a CaseView, account: &'a AccountId) -> impl Iterator<Item = &'a BoardView> {
	let party = crate::court::view::Party::Outsider(account);
	case.boards.iter().filter(move |board| party.is_author(board))
}
