//! What has happened in a case that the operator must know.

use super::view::{is_standing, parts, seat_of};
use millrace_primitives::{
	api::{CaseSeatState, CaseView},
	AccountId, Balance,
};

/// A piece of news.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
	/// A board was opened.
	Opened {
		/// Its number.
		board: u32,
		/// Whether the provider is attacked.
		attacked: bool,
		/// What the provider has at stake, in plancks.
		stake: Balance,
		/// Whether it is the first that the agent sees of the case.
		first: bool,
	},
	/// A board ended, and the provider stands.
	Won(u32),
	/// A board ended, and the provider is out.
	Lost(u32),
	/// The provider was put out.
	Out {
		/// Whether by a step, and not by its clock.
		by_step: bool,
		/// What it had at stake, in plancks.
		stake: Balance,
	},
}

/// What is new in a case since it was read before; `before` is none if it never was.
pub fn news(before: Option<&CaseView>, after: &CaseView, provider: &AccountId) -> Vec<News> {
	let mut news = Vec::new();
	let Some(seat) = seat_of(after, provider) else {
		return news;
	};
	let numbers = |case: &CaseView| -> Vec<u32> { parts(case, seat.number).map(|part| part.board.number).collect() };
	let known = before.map(numbers).unwrap_or_default();
	let open = numbers(after);
	for part in parts(after, seat.number).filter(|part| !known.contains(&part.board.number)) {
		news.push(News::Opened {
			board: part.board.number,
			attacked: part.board.target == seat.number,
			stake: seat.stake,
			first: known.is_empty() && news.is_empty(),
		});
	}
	let stands = is_standing(after, seat.number);
	let ended = known.into_iter().filter(|board| !open.contains(board));
	news.extend(ended.map(|board| match stands {
		true => News::Won(board),
		false => News::Lost(board),
	}));
	let out = |state| matches!(state, CaseSeatState::OutByClock | CaseSeatState::OutByStep);
	let stood = before.and_then(|case| seat_of(case, provider)).map(|seat| seat.state);
	if out(seat.state) && !stood.is_some_and(out) {
		news.push(News::Out {
			by_step: seat.state == CaseSeatState::OutByStep,
			stake: seat.stake,
		});
	}
	news
}
