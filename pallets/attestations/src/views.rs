//! What the runtime API shows. Run off chain only: some of it iterates, each within a bound.

use crate::{
	boards::{Author, BoardState, FIRST_ACCUSATION},
	evidence::Judged,
	*,
};
use alloc::{collections::btree_map::BTreeMap, string::String};
use millrace_court::{
	board::Side,
	case::{Attacker, Kind, Seat, Stage, State},
};
use millrace_primitives::{
	api::{BoardView, CaseSeat, CaseSeatKind, CaseSeatState, CaseStage, CaseView, MAX_PAGE},
	job::SeatState,
	traits::{Called, DrawnSeat},
};

/// So many of outsiders' boards are looked at, the newest: each has cost its author a bond.
const MAX_ACCUSATIONS: u32 = 16_384;

impl<T: Config> Pallet<T> {
	pub(crate) fn called_view(shard: ShardId, provider: &AccountId) -> Option<Called> {
		let evidence = Evidence::<T>::get(shard)?;
		let number = evidence.number_of(provider)?;
		let judged = evidence.judged.as_ref()?;
		let seat = judged.case.seats().get(usize::from(number))?;
		let reveal_by = match (judged.case.stage(), &seat.state) {
			(Stage::Opening { until }, State::Sealed) => Some(*until),
			// What was sealed when others had opened is to be opened at once; what opens late may still heal.
			(Stage::Judging | Stage::Recomputing { .. }, State::Sealed) if !seat.blind => Some(seat.window),
			(Stage::Judging, State::Silent) if seat.opened.is_none() => Some(MarketBlock::MAX),
			_ => None,
		};
		let reveal_by = reveal_by.map(|by| Self::pace(&evidence).market(by));
		Some(Called {
			reveal_by,
			tasks: (seat.kind == Kind::Audit).then(|| judged.sample.to_vec()),
			shown: evidence.shown_by(seat.kind),
			disputed: judged.case.is_disputed(),
			revealed: seat.opened.is_some(),
		})
	}

	pub(crate) fn drawn_seats_view(provider: &AccountId) -> Vec<DrawnSeat> {
		DrawnSeats::<T>::iter_prefix(provider)
			.filter_map(|(shard, number)| {
				let evidence = Evidence::<T>::get(shard)?;
				let entry = evidence.entry(number)?;
				let seat = evidence.judged.as_ref()?.case.seats().get(usize::from(number))?;
				let state = match seat.state {
					State::Working | State::Calling => SeatState::Accepted,
					_ if seat.opened.is_none() => SeatState::Sealed,
					_ => SeatState::Revealed,
				};
				Some(DrawnSeat {
					shard,
					index: entry.index,
					state,
					due: Self::pace(&evidence).market(entry.due),
				})
			})
			.collect()
	}

	/// The numbers of boards that somebody may have to move on: those between seats, then those of outsiders.
	fn numbers(judged: &Judged) -> impl Iterator<Item = u32> {
		let newest = judged.accusations.saturating_sub(MAX_ACCUSATIONS)..judged.accusations;
		(0..judged.case.duels().len() as u32).chain(newest.map(|number| FIRST_ACCUSATION.saturating_add(number)))
	}

	/// A shard's case.
	pub fn case_view(shard: ShardId) -> Option<CaseView> {
		let evidence = Evidence::<T>::get(shard)?;
		let pace = Self::pace(&evidence);
		let now = pace.at(T::Clock::now());
		let Some(judged) = &evidence.judged else {
			return Some(CaseView {
				shard,
				stage: CaseStage::Sealing,
				next: pace.market(now),
				drawn: None,
				seats: Vec::new(),
				attacks: Vec::new(),
				bond: 0,
				boards: Vec::new(),
			});
		};
		let rules = evidence.agreed.rules;
		let seats: Vec<CaseSeat> = judged.case.seats().iter().zip(0..).map(Self::seat_view).collect();
		let numbers = || 0..seats.len() as u8;
		let attacks = numbers()
			.flat_map(|by| numbers().map(move |target| (by, target)))
			.filter(|(by, target)| {
				let mut tried = judged.case.clone();
				by != target && tried.attack(&rules, Attacker::Seat(*by), *target, now).is_ok()
			})
			.collect();
		let bond = rules
			.stakes
			.liability_for(judged.case.largest_claim(&rules), rules.cap, rules.seat_fee)
			.unwrap_or(Balance::MAX);
		let mut boards: Vec<BoardView> = Self::numbers(judged)
			.filter_map(|number| {
				let record = Boards::<T>::get(shard, number)?;
				let provider = evidence.entry(record.target)?.provider.clone();
				let (by, by_seat) = match &record.by {
					Author::Seat(seat) => (evidence.entry(*seat)?.provider.clone(), Some(*seat)),
					Author::Outsider(account) => (account.clone(), None),
				};
				let (board, due) = match &record.state {
					BoardState::Played { board, clocks } => (Some(board), clocks.due()),
					BoardState::Over(_) => (None, now),
				};
				Some(BoardView {
					number,
					by,
					by_seat,
					target: record.target,
					provider,
					targets_turn: board.map(|board| record.is_target(board.turn())),
					target_first: record.is_target(Side::First),
					due: pace.market(due),
					bond: record.bond,
					task: board.and_then(|board| board.task()),
					board: board.map(Encode::encode).unwrap_or_default(),
				})
			})
			.collect();
		// Nobody's boards hide another's: of each party those that end first, in turns.
		boards.sort_by_key(|board| (board.targets_turn.is_none(), board.due, board.number));
		let mut turns: BTreeMap<(u8, AccountId), u32> = BTreeMap::new();
		boards.sort_by_cached_key(|board| {
			let mut turn = |party: (u8, AccountId)| {
				let count = turns.entry(party).or_default();
				*count = count.saturating_add(1);
				*count
			};
			// The first against each provider and the first of each author come before anybody's second.
			let (of_target, of_author) = (turn((0, board.provider.clone())), turn((1, board.by.clone())));
			of_target.min(of_author)
		});
		boards.truncate(MAX_PAGE as usize);
		Some(CaseView {
			shard,
			stage: stage_of(judged.case.stage()),
			next: pace.market(Self::next(&evidence, now)),
			drawn: (!matches!(judged.case.stage(), Stage::Drawing)).then(|| judged.case.is_drawn()),
			seats,
			attacks,
			bond,
			boards,
		})
	}

	fn seat_view((seat, number): (&Seat, u8)) -> CaseSeat {
		let endpoint = T::Registry::endpoint(&seat.provider);
		CaseSeat {
			number,
			kind: match seat.kind {
				Kind::Primary => CaseSeatKind::Primary,
				Kind::Audit => CaseSeatKind::Audit,
				Kind::Fresh => CaseSeatKind::Fresh,
			},
			provider: seat.provider.clone(),
			endpoint: endpoint.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
			state: match &seat.state {
				State::Working => CaseSeatState::Working,
				State::Calling => CaseSeatState::Calling,
				State::Away => CaseSeatState::Away,
				State::Sealed => CaseSeatState::Sealed,
				State::Standing => CaseSeatState::Standing,
				State::Silent => CaseSeatState::Silent,
				State::Out {
					how: millrace_court::case::How::Clock,
					..
				} => CaseSeatState::OutByClock,
				State::Out { .. } => CaseSeatState::OutByStep,
			},
			report: seat.report(),
			stake: seat.reserve.total(),
		}
	}
}

fn stage_of(stage: &Stage) -> CaseStage {
	match stage {
		Stage::Drawing => CaseStage::Drawing,
		Stage::Auditing { .. } => CaseStage::Auditing,
		Stage::Opening { .. } => CaseStage::Opening,
		Stage::Judging => CaseStage::Judging,
		Stage::Recomputing { .. } => CaseStage::Recomputing,
		Stage::Ended(_) => CaseStage::Ended,
	}
}
