//! What has happened in a case that the operator must know.

use super::view::{is_standing, parts, Part, Party};
use millrace_primitives::{
	api::{CaseSeat, CaseSeatState, CaseView},
	Balance,
};
use std::collections::BTreeMap;

/// A piece of news.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
	/// A board was opened.
	Opened {
		/// Its number.
		board: u32,
		/// Whether it is against the party, and not its own.
		attacked: bool,
		/// What the party has at stake, in plancks: its seat's stake, or the bond of this board.
		stake: Balance,
		/// Whether it is the first that the agent sees of the case.
		first: bool,
	},
	/// A board ended, and the party's seat stands, or whom it accused does not.
	Won(u32),
	/// A board ended otherwise.
	Lost(u32),
	/// The party's seat was put out.
	Out {
		/// Whether by a step, and not by its clock.
		by_step: bool,
		/// What it had at stake, in plancks.
		stake: Balance,
	},
}

/// What is new in a case for somebody since it was read before; `before` is none if it never was.
pub fn news(before: Option<&CaseView>, after: &CaseView, party: Party) -> Vec<News> {
	let mut news = Vec::new();
	let seat = seat(after, party);
	if let (Party::Seat(_), None) = (party, seat) {
		return news;
	}
	let known: BTreeMap<u32, u8> = before.map(|case| targets(case, party)).unwrap_or_default();
	for Part { board, .. } in parts(after, party).filter(|part| !known.contains_key(&part.board.number)) {
		news.push(News::Opened {
			board: board.number,
			attacked: party.is_target(board),
			stake: seat.map_or(board.bond, |seat| seat.stake),
			first: known.is_empty() && news.is_empty(),
		});
	}
	let open = targets(after, party);
	let ended = known.into_iter().filter(|(board, _)| !open.contains_key(board));
	news.extend(ended.map(|(board, target)| {
		let won = match party {
			Party::Seat(seat) => is_standing(after, seat),
			Party::Outsider(_) => !is_standing(after, target),
		};
		match won {
			true => News::Won(board),
			false => News::Lost(board),
		}
	}));
	let out = |state| matches!(state, CaseSeatState::OutByClock | CaseSeatState::OutByStep);
	let stood = before.and_then(|case| self::seat(case, party)).map(|seat| seat.state);
	if let Some(seat) = seat.filter(|seat| out(seat.state) && !stood.is_some_and(out)) {
		news.push(News::Out {
			by_step: seat.state == CaseSeatState::OutByStep,
			stake: seat.stake,
		});
	}
	news
}

/// A party's seat, if it has one.
fn seat<'a>(case: &'a CaseView, party: Party) -> Option<&'a CaseSeat> {
	let number = match party {
		Party::Seat(number) => number,
		Party::Outsider(_) => return None,
	};
	case.seats.iter().find(|seat| seat.number == number)
}

/// Whom each open board of a party is against.
fn targets(case: &CaseView, party: Party) -> BTreeMap<u32, u8> {
	parts(case, party)
		.map(|part| (part.board.number, part.board.target))
		.collect()
}
