//! A provider's part in a case.

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

/// A board that the provider is a party of and that is not over.
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

/// The boards that a seat is a party of and that are not over: one is when its target went out by another, though the chain
/// may show it a while longer.
pub fn parts<'a>(case: &'a CaseView, seat: u8) -> impl Iterator<Item = Part<'a>> {
	case.boards.iter().filter_map(move |board| {
		let targets_turn = board.targets_turn.filter(|_| is_standing(case, board.target))?;
		let is_target = board.target == seat;
		if !is_target && board.by_seat != Some(seat) {
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

/// Whether there is anything in a case that the provider must see at once: a board of its own, or somebody to attack.
pub fn is_disputed(case: &CaseView, provider: &AccountId) -> bool {
	seat_of(case, provider).is_some_and(|seat| {
		parts(case, seat.number).next().is_some() || case.attacks.iter().any(|(by, _)| *by == seat.number)
	})
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
