//! Cases as the chain shows them.

use super::*;
use crate::compute::tests::{job_view, shard_view};
use millrace_primitives::{api::CaseSeatKind, AccountId, Report, MILL};

/// A seat that opened a report of this kind.
pub fn seat(number: u8, root: u8) -> CaseSeat {
	CaseSeat {
		number,
		kind: CaseSeatKind::Primary,
		provider: AccountId::from([number; 32]),
		endpoint: Some(format!("http://{number}")),
		state: CaseSeatState::Standing,
		report: Some(Report {
			root: Hash::repeat_byte(root),
			gas_used: 9,
		}),
		stake: 28 * MILL,
	}
}

/// One about which nobody disagrees.
pub fn case() -> CaseView {
	CaseView {
		shard: ShardId {
			job: JobId(7),
			index: 3,
		},
		stage: CaseStage::Judging,
		next: 700,
		drawn: Some(false),
		seats: vec![seat(0, 1), seat(1, 1)],
		attacks: Vec::new(),
		bond: 21 * MILL,
		boards: Vec::new(),
	}
}

/// A board against seat 1.
pub fn board(number: u32, by_seat: Option<u8>) -> BoardView {
	BoardView {
		number,
		by: AccountId::from([0; 32]),
		by_seat,
		target: 1,
		provider: AccountId::from([1; 32]),
		targets_turn: Some(by_seat.is_some()),
		target_first: true,
		due: if by_seat.is_some() { 140 } else { 99 },
		bond: if by_seat.is_some() { 0 } else { 20 * MILL },
		task: by_seat.map(|_| 7),
		board: vec![1],
	}
}

/// One with two boards.
pub fn disputed() -> CaseView {
	let mut seats = vec![seat(0, 1), seat(1, 2), seat(2, 1)];
	seats[2].state = CaseSeatState::OutByStep;
	CaseView {
		drawn: Some(true),
		seats,
		attacks: vec![(2, 1)],
		boards: vec![board(0, Some(0)), board(1_000, None)],
		..case()
	}
}

#[test]
fn who_agrees_is_not_disputed() {
	assert!(!is_disputed(&case()));
	let different = CaseView {
		seats: vec![seat(0, 1), seat(1, 2)],
		..case()
	};
	let recomputing = CaseView {
		stage: CaseStage::Recomputing,
		..case()
	};
	let mut out = case();
	out.seats[0].state = CaseSeatState::OutByClock;
	let attackable = CaseView {
		attacks: vec![(0, 1)],
		..case()
	};
	for case in [different, recomputing, out, attackable, disputed()] {
		assert!(is_disputed(&case), "{case:?}");
	}
	let sealing = CaseView {
		stage: CaseStage::Sealing,
		seats: Vec::new(),
		..case()
	};
	assert!(!is_disputed(&sealing));
}

#[test]
fn a_board_is_open_until_it_or_its_target_is_over() {
	let case = disputed();
	assert!(case.boards.iter().all(|board| is_open(&case, board)));
	let mut over = case.clone();
	over.boards[1].targets_turn = None;
	assert!(!is_open(&over, &over.boards[1]));
	let mut gone = case.clone();
	gone.seats[1].state = CaseSeatState::OutByClock;
	assert!(!gone.boards.iter().any(|board| is_open(&gone, board)));
}

#[test]
fn why_nothing_can_be_disputed_is_said() {
	let mut job = job_view(40, 10);
	let case = case();
	let running = shard_view(&job, 3, ShardState::Reported);
	assert_eq!(closed(&job, 3, Some(&running), Some(&case)), None);
	let why = |shard: Option<&ShardView>, case: Option<&CaseView>, job: &JobView| closed(job, 3, shard, case).unwrap();
	assert!(why(Some(&running), None, &job).contains("have not sealed"));
	let kept = shard_view(&job, 3, ShardState::Custody);
	assert!(why(Some(&kept), None, &job).contains("accepted"));
	assert!(why(Some(&kept), Some(&case), &job).contains("accepted"));
	assert!(why(None, None, &job).contains("is over"));
	job.waiting = 1;
	assert!(why(None, None, &job).contains("not handed out yet"));
}
