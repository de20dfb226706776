//! Somebody's part in a case: a provider's by its seat, or an outsider's by the boards that it opened.

use crate::exec::Side;
use millrace_primitives::{
	api::{BoardView, CaseSeat, CaseSeatState, CaseView},
	merkle, AccountId, Hash,
};

/// A move that is to be made: on this board, in this position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Turn {
	/// The board's number.
	pub board: u32,
	/// What tells the position from all others: the hash of the encoded board.
	pub position: Hash,
}

/// Who takes part in a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party<'a> {
	/// A seat, by its number.
	Seat(u8),
	/// Somebody without a seat, who accuses for a bond.
	Outsider(&'a AccountId),
}

impl Party<'_> {
	/// Whether it opened this board.
	pub fn is_author(self, board: &BoardView) -> bool {
		match self {
			Self::Seat(seat) => board.by_seat == Some(seat),
			Self::Outsider(account) => board.by_seat.is_none() && board.by == *account,
		}
	}

	/// Whether this board is against it.
	pub fn is_target(self, board: &BoardView) -> bool {
		self == Self::Seat(board.target)
	}
}

/// A board that somebody is a party of and that is not over.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
	/// The board.
	pub board: &'a BoardView,
	/// Which party it is.
	pub side: Side,
	/// Whether it is to move.
	pub moves: bool,
}

impl Part<'_> {
	/// Which move is to be made next, by whichever party.
	pub fn turn(&self) -> Turn {
		Turn {
			board: self.board.number,
			position: merkle::hash(&self.board.board),
		}
	}
}

/// The provider's seat in a case.
pub fn seat_of<'a>(case: &'a CaseView, provider: &AccountId) -> Option<&'a CaseSeat> {
	case.seats.iter().find(|seat| seat.provider == *provider)
}

/// The boards that somebody is a party of and that are not over: one is when its target went out by another, though the chain
/// may show it a while longer.
pub fn parts<'a>(case: &'a CaseView, party: Party<'a>) -> impl Iterator<Item = Part<'a>> {
	case.boards.iter().filter_map(move |board| {
		let targets_turn = board.targets_turn.filter(|_| is_standing(case, board.target))?;
		let is_target = party.is_target(board);
		if !is_target && !party.is_author(board) {
			return None;
		}
		Some(Part {
			board,
			side: match board.target_first == is_target {
				true => Side::First,
				false => Side::Second,
			},
			moves: targets_turn == is_target,
		})
	})
}

/// Whether there is anything in a case that somebody must see at once: a board of its own, or somebody to attack.
pub fn is_disputed(case: &CaseView, party: Party) -> bool {
	let attacks = case.attacks.iter().any(|(by, _)| Party::Seat(*by) == party);
	attacks || parts(case, party).next().is_some()
}

/// Whether a seat's report is neither silent nor put out.
pub fn is_standing(case: &CaseView, seat: u8) -> bool {
	let state = case
		.seats
		.iter()
		.find(|known| known.number == seat)
		.map(|seat| seat.state);
	state == Some(CaseSeatState::Standing)
}
