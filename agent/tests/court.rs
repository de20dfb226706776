//! What is done about a case: single decisions by example, and by property what must never happen, whatever the chain shows.

use millrace_agent::{
	court::{
		decide::{decide, Room, Step},
		news::{news, News},
		view::{is_disputed, parts, Party, Turn},
	},
	exec::Side,
	seat::TxKind,
};
use millrace_primitives::{
	api::{BoardView, CaseSeat, CaseSeatKind, CaseSeatState, CaseStage, CaseView},
	AccountId, Hash, JobId, Report, ShardId,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The market block and the best block of all examples.
const NOW: u32 = 100;

fn account(number: u8) -> AccountId {
	AccountId::from([number; 32])
}

/// The provider holds seat 1.
const ME: Party = Party::Seat(1);

fn seat(number: u8, state: CaseSeatState, report: Option<u8>) -> CaseSeat {
	CaseSeat {
		number,
		kind: CaseSeatKind::Primary,
		provider: account(number),
		endpoint: None,
		state,
		report: report.map(|byte| Report {
			root: Hash::repeat_byte(byte),
			gas_used: byte.into(),
		}),
		stake: 1_000,
	}
}

/// About task 7 + `number`.
fn board(number: u32, by: u8, target: u8, targets_turn: bool, due: u32) -> BoardView {
	BoardView {
		number,
		by: account(by),
		by_seat: Some(by),
		target,
		provider: account(target),
		targets_turn: Some(targets_turn),
		target_first: true,
		due,
		bond: 0,
		task: Some(7 + number),
		board: vec![number as u8, 7],
	}
}

fn case(attacks: &[(u8, u8)], boards: Vec<BoardView>) -> CaseView {
	CaseView {
		shard: ShardId {
			job: JobId(1),
			index: 2,
		},
		stage: CaseStage::Judging,
		next: 0,
		drawn: Some(false),
		seats: (0..4)
			.map(|number| seat(number, CaseSeatState::Standing, Some(number / 2)))
			.collect(),
		attacks: attacks.to_vec(),
		bond: 0,
		boards,
	}
}

fn turn(case: &CaseView, number: u32) -> Turn {
	parts(case, ME)
		.find(|part| part.board.number == number)
		.map(|part| part.turn())
		.expect("it is open")
}

/// What is decided with nothing under way.
fn decided(case: &CaseView, ready: bool, answers: &[Turn]) -> Vec<Step> {
	let room = Room {
		case,
		party: Some(ME),
		now: NOW,
		best: NOW,
		ready,
		thinking: &BTreeMap::new(),
		answers: &answers.iter().copied().collect(),
		stuck: &BTreeMap::new(),
	};
	decide(&room, |_| true)
}

#[test]
fn who_may_attack_does_so_once_for_each_side() {
	// Seats 2 and 3 say the same, 0 says what the provider says.
	let both = case(&[(0, 2), (1, 3), (1, 2)], vec![]);
	assert!(is_disputed(&both, ME));
	assert_eq!(decided(&both, true, &[]), [Step::Attack(3)]);
	assert_eq!(decided(&both, false, &[]), [], "with nothing to play by");
	let room = |may: fn(TxKind) -> bool| {
		let (answers, stuck) = (BTreeSet::new(), BTreeMap::new());
		decide(
			&Room {
				case: &both,
				party: Some(ME),
				now: NOW,
				best: NOW,
				ready: true,
				thinking: &BTreeMap::new(),
				answers: &answers,
				stuck: &stuck,
			},
			may,
		)
	};
	assert_eq!(room(|kind| kind != TxKind::Attack(2)), [], "the other is on its way");
	let mut audits = both.clone();
	audits.seats[2].report = None;
	audits.seats[3].report = None;
	assert_eq!(decided(&audits, true, &[]), [Step::Attack(2), Step::Attack(3)]);
	assert!(!is_disputed(&case(&[(0, 2)], vec![]), ME));
	assert!(!is_disputed(&both, Party::Seat(9)));
}

#[test]
fn a_move_is_looked_for_and_then_made_the_most_urgent_first() {
	let two = case(&[], vec![board(4, 1, 2, false, 130), board(5, 3, 1, true, 120)]);
	let (later, sooner) = (turn(&two, 4), turn(&two, 5));
	assert_eq!(decided(&two, true, &[]), [Step::Think(sooner), Step::Think(later)]);
	assert_eq!(decided(&two, true, &[sooner]), [Step::Play(sooner), Step::Think(later)]);
	assert_eq!(
		decided(&two, true, &[sooner, later]),
		[Step::Play(sooner), Step::Play(later)]
	);
	assert_eq!(decided(&two, false, &[sooner]), []);
	// The other's turn, or too late.
	assert_eq!(decided(&case(&[], vec![board(5, 3, 1, false, 120)]), true, &[]), []);
	assert_eq!(decided(&case(&[], vec![board(5, 3, 1, true, NOW - 1)]), true, &[]), []);
	let last = case(&[], vec![board(5, 3, 1, true, NOW)]);
	assert_eq!(decided(&last, true, &[]), [Step::Think(turn(&last, 5))]);
	// Somebody else's.
	assert_eq!(decided(&case(&[], vec![board(5, 3, 2, true, 120)]), true, &[]), []);
}

#[test]
fn a_board_is_over_with_its_target_and_goes_on_without_its_author() {
	let mut mine = case(&[], vec![board(4, 1, 2, false, 130)]);
	mine.seats[1].state = CaseSeatState::OutByClock;
	assert_eq!(decided(&mine, true, &[]), [Step::Think(turn(&mine, 4))]);
	mine.seats[2].state = CaseSeatState::OutByStep;
	assert_eq!(decided(&mine, true, &[]), []);
	let mut over = case(&[], vec![board(4, 1, 2, false, 130)]);
	over.boards[0].targets_turn = None;
	assert_eq!(decided(&over, true, &[]), []);
}

#[test]
fn the_other_s_time_is_claimed_after_its_last_block() {
	for (due, expected) in [(NOW, vec![]), (NOW - 1, vec![Step::Time(4)])] {
		let waits = case(&[], vec![board(4, 1, 2, true, due)]);
		assert_eq!(decided(&waits, true, &[]), expected);
		assert_eq!(decided(&waits, false, &[]), expected, "that needs no outcomes");
	}
}

#[test]
fn the_parties_of_a_board_are_told_apart() {
	for (target_first, is_target, side) in [
		(true, true, Side::First),
		(true, false, Side::Second),
		(false, true, Side::Second),
		(false, false, Side::First),
	] {
		let mut board = match is_target {
			true => board(4, 3, 1, true, 120),
			false => board(4, 1, 3, true, 120),
		};
		board.target_first = target_first;
		let case = case(&[], vec![board]);
		let part = parts(&case, ME).next().expect("it is open");
		assert_eq!((part.side, part.moves), (side, is_target));
	}
	// An outsider's.
	let mut accused = case(&[], vec![board(1_000, 8, 1, true, 120)]);
	accused.boards[0].by_seat = None;
	assert_eq!(decided(&accused, true, &[]), [Step::Think(turn(&accused, 1_000))]);
}

#[test]
fn what_is_thought_about_is_given_up_when_it_is_gone() {
	let now = case(&[], vec![board(4, 1, 2, false, 130)]);
	let here = turn(&now, 4);
	let gone = Turn {
		position: Hash::repeat_byte(1),
		..here
	};
	let with = |thinking: Option<Turn>, stuck: &[(Turn, u32)]| {
		let thinking = thinking.map(|turn| (turn, 11)).into_iter().collect();
		let (answers, stuck) = (BTreeSet::new(), stuck.iter().copied().collect());
		let room = Room {
			case: &now,
			party: Some(ME),
			now: NOW,
			best: NOW,
			ready: true,
			thinking: &thinking,
			answers: &answers,
			stuck: &stuck,
		};
		decide(&room, |_| true)
	};
	assert_eq!(with(Some(here), &[]), []);
	assert_eq!(with(Some(gone), &[]), [Step::Stop(gone)], "it has the run of the task");
	assert_eq!(with(None, &[(here, NOW + 1)]), [], "it was in vain");
	assert_eq!(with(None, &[(here, NOW)]), [Step::Think(here)]);
	assert_eq!(with(None, &[(gone, NOW + 1)]), [Step::Think(here)]);
}

#[test]
fn trees_are_opened_at_once_and_a_task_is_replayed_once_for_all_its_boards() {
	let about = |number, due, task| BoardView {
		task,
		..board(number, 3, 1, true, due)
	};
	let case = case(
		&[],
		vec![
			about(1, 120, Some(4)),
			about(2, 110, Some(4)),
			about(3, 130, Some(5)),
			about(4, 140, None),
		],
	);
	let of = |number| turn(&case, number);
	let with = |thinking: &[(Turn, u32)], answers: &[Turn]| {
		let room = Room {
			case: &case,
			party: Some(ME),
			now: NOW,
			best: NOW,
			ready: true,
			thinking: &thinking.iter().copied().collect(),
			answers: &answers.iter().copied().collect(),
			stuck: &BTreeMap::new(),
		};
		decide(&room, |_| true)
	};
	let open = Step::Open(of(4));
	assert_eq!(with(&[], &[]), [Step::Think(of(2)), Step::Think(of(3)), open]);
	assert_eq!(with(&[(of(3), 5)], &[]), [Step::Think(of(2)), open]);
	assert_eq!(with(&[(of(2), 4), (of(3), 5)], &[]), [open]);
	assert_eq!(
		with(&[(of(3), 5)], &[of(2)]),
		[Step::Play(of(2)), Step::Think(of(1)), open]
	);
}

#[test]
fn the_operator_hears_of_boards_once_and_how_they_ended() {
	let none = case(&[], vec![]);
	let two = case(&[], vec![board(4, 1, 2, false, 130), board(5, 3, 1, true, 120)]);
	let opened = |board, attacked, first| News::Opened {
		board,
		attacked,
		stake: 1_000,
		first,
	};
	let both = [opened(4, false, true), opened(5, true, false)];
	assert_eq!(news(None, &two, ME), both);
	assert_eq!(news(Some(&none), &two, ME), both);
	assert_eq!(news(Some(&two), &two, ME), []);
	let one = case(&[], vec![board(5, 3, 1, true, 120)]);
	assert_eq!(news(Some(&two), &one, ME), [News::Won(4)]);
	assert_eq!(news(Some(&one), &two, ME), [opened(4, false, false)]);
	for (state, by_step) in [(CaseSeatState::OutByClock, false), (CaseSeatState::OutByStep, true)] {
		let mut out = none.clone();
		out.seats[1].state = state;
		let fall = News::Out { by_step, stake: 1_000 };
		assert_eq!(news(Some(&one), &out, ME), [News::Lost(5), fall]);
		assert_eq!(news(Some(&out), &out, ME), []);
	}
	assert_eq!(news(None, &two, Party::Seat(9)), []);
}

fn any_seat_state() -> impl Strategy<Value = CaseSeatState> {
	prop_oneof![
		5 => Just(CaseSeatState::Standing),
		1 => Just(CaseSeatState::Sealed),
		1 => Just(CaseSeatState::Silent),
		1 => Just(CaseSeatState::OutByClock),
		1 => Just(CaseSeatState::OutByStep),
	]
}

prop_compose! {
	fn any_board(number: u32)(
		by in 0u8..5,
		target in 0u8..4,
		targets_turn in prop::option::weighted(0.8, any::<bool>()),
		target_first: bool,
		due in 90u32..110,
		position in 0u8..3,
		task in prop::option::weighted(0.8, 0u32..2),
	) -> BoardView {
		BoardView {
			task,
			by_seat: Some(by).filter(|by| *by < 4),
			targets_turn,
			target_first,
			board: vec![position],
			..board(number, by, target, true, due)
		}
	}
}

prop_compose! {
	fn any_case()(
		states in prop::array::uniform4(any_seat_state()),
		reports in prop::array::uniform4(prop::option::weighted(0.8, 0u8..3)),
		attacks in proptest::collection::vec((0u8..4, 0u8..4), 0..8),
		boards in (any_board(0), any_board(1), any_board(2), any_board(1_000)),
		there in 0usize..5,
	) -> CaseView {
		let mut case = case(&attacks, vec![boards.0, boards.1, boards.2, boards.3]);
		case.boards.truncate(there);
		case.boards.retain(|board| board.by_seat != Some(board.target));
		case.seats = (0..4).map(|n| seat(n, states[usize::from(n)], reports[usize::from(n)])).collect();
		case
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(20_000))]

	/// Whatever the chain shows and whatever is under way.
	#[test]
	fn what_must_never_happen_never_does(
		case in any_case(),
		before in prop::option::of(any_case()),
		ready: bool,
		thinking in proptest::collection::vec((0u32..3, 0u8..3, 0u32..2), 0..3),
		answers in proptest::collection::vec((0u32..3, 0u8..3), 0..4),
		stuck in proptest::collection::vec((0u32..3, 0u8..3, 95u32..105), 0..3),
		refused in 0u64..u64::MAX,
	) {
		let named = |board, position| Turn { board, position: millrace_primitives::merkle::hash(&[position]) };
		let thinking: BTreeMap<_, _> =
			thinking.into_iter().map(|(board, position, task)| (named(board, position), task)).collect();
		let answers: BTreeSet<_> = answers.into_iter().map(|(board, position)| named(board, position)).collect();
		let stuck: BTreeMap<_, _> = stuck.into_iter().map(|(board, position, until)| (named(board, position), until)).collect();
		// Some calls are under way.
		let may = |kind: TxKind| {
			let bit = match kind {
				TxKind::Play(board, position) => u64::from(position.0[0] % 8) + u64::from(board % 3) * 8,
				TxKind::Attack(target) => 32 + u64::from(target),
				TxKind::Time(board) => 48 + u64::from(board % 8),
				_ => return false,
			};
			refused >> bit & 1 == 0
		};
		let room = Room { case: &case, party: Some(ME), now: NOW, best: NOW, ready, thinking: &thinking, answers: &answers, stuck: &stuck };
		let steps = decide(&room, may);
		let mine = |turn: &Turn| {
			parts(&case, ME).any(|part| part.turn() == *turn && part.moves && part.board.due >= NOW)
		};
		let mut played = BTreeSet::new();
		let mut sides = BTreeSet::new();
		let task = |turn: &Turn| case.boards.iter().find(|board| board.number == turn.board).and_then(|board| board.task);
		let mut replayed: BTreeSet<u32> = thinking.values().copied().collect();
		for step in &steps {
			match step {
				Step::Play(turn) => {
					prop_assert!(ready && mine(turn) && answers.contains(turn));
					prop_assert!(may(TxKind::Play(turn.board, turn.position)), "it may still be included");
					prop_assert!(played.insert(turn.board), "two moves on one board");
				}
				Step::Think(turn) | Step::Open(turn) => {
					prop_assert!(ready && mine(turn) && !answers.contains(turn));
					prop_assert!(stuck.get(turn).is_none_or(|until| *until <= NOW));
					let task = task(turn);
					prop_assert_eq!(task.is_none(), *step == Step::Open(*turn));
					prop_assert!(task.is_none_or(|task| replayed.insert(task)), "replayed twice at once");
				}
				Step::Stop(turn) => prop_assert!(thinking.contains_key(turn) && (!ready || !mine(turn))),
				Step::Time(number) => {
					let late = |part: &millrace_agent::court::view::Part| !part.moves && part.board.due < NOW;
					prop_assert!(parts(&case, ME).any(|part| part.board.number == *number && late(&part)));
					prop_assert!(may(TxKind::Time(*number)));
				}
				Step::Attack(target) => {
					prop_assert!(ready && case.attacks.contains(&(1, *target)) && may(TxKind::Attack(*target)));
					let report = case.seats[usize::from(*target)].report;
					prop_assert!(report.is_none_or(|report| sides.insert(report.root)), "two boards with one side");
				}
			}
		}
		// Nothing gets stuck: where it is the provider's turn, something is done, under way, or tried again later.
		for part in parts(&case, ME).filter(|part| part.moves && part.board.due >= NOW && ready) {
			let turn = part.turn();
			let on_its_way = !may(TxKind::Play(turn.board, turn.position));
			let later = stuck.get(&turn).is_some_and(|until| *until > NOW);
			let done = steps.contains(&Step::Play(turn));
			let looked = match task(&turn) {
				Some(task) => replayed.contains(&task),
				None => steps.contains(&Step::Open(turn)),
			};
			prop_assert!(done || on_its_way || later || looked);
		}
		// News are of boards that are open now or were.
		for news in news(before.as_ref(), &case, ME) {
			let open = |case: &CaseView, board: u32| parts(case, ME).any(|part| part.board.number == board);
			match news {
				News::Opened { board, .. } => prop_assert!(open(&case, board)),
				News::Won(board) | News::Lost(board) => {
					prop_assert!(!open(&case, board) && before.as_ref().is_some_and(|before| open(before, board)));
				}
				News::Out { .. } => prop_assert!(matches!(
					case.seats[1].state,
					CaseSeatState::OutByClock | CaseSeatState::OutByStep
				)),
			}
		}
	}
}
