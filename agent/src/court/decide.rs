//! What to do about a case: a pure function of what the chain shows of it and what the agent has.

use super::view::{parts, Party, Turn};
use crate::seat::TxKind;
use millrace_primitives::{api::CaseView, BlockNumber, MarketBlock, Report};
use std::collections::{BTreeMap, BTreeSet};

/// All that is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
	/// The case, at the best block.
	pub case: &'a CaseView,
	/// As whom the agent takes part in it; none if the case has no seat of its provider.
	pub party: Option<Party<'a>>,
	/// The market's clock in the best block.
	pub now: MarketBlock,
	/// That block's number.
	pub best: BlockNumber,
	/// Whether the agent has what it computed, and that is what the chain has of it.
	pub ready: bool,
	/// The turns that are being thought about, with the tasks that are replayed for them: each once at a time.
	pub thinking: &'a BTreeMap<Turn, u32>,
	/// The turns for which a move was found.
	pub answers: &'a BTreeSet<Turn>,
	/// The turns for which none was found, and the block at which it is tried again.
	pub stuck: &'a BTreeMap<Turn, BlockNumber>,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
	/// Submit the move that was found.
	Play(Turn),
	/// End a board on which the other's time is over.
	Time(u32),
	/// Attack a seat, by its number.
	Attack(u8),
	/// Stop thinking about a turn: it is not there any more.
	Stop(Turn),
	/// Open a node of the tree, which takes outcomes only.
	Open(Turn),
	/// Find a move by replaying a task.
	Think(Turn),
}

/// Decides what to do, the most urgent first. `may` says of a call whether it may be submitted (again).
pub fn decide(room: &Room, may: impl Fn(TxKind) -> bool) -> Vec<Step> {
	let Some(party) = room.party else {
		return room.thinking.keys().copied().map(Step::Stop).collect();
	};
	let mut boards: Vec<_> = parts(room.case, party).collect();
	boards.sort_by_key(|part| (part.board.due, part.board.number));
	let mut steps = Vec::new();
	let mut open = BTreeSet::new();
	let mut wanted = Vec::new();
	for part in boards {
		let (number, over) = (part.board.number, room.now > part.board.due);
		match part.moves {
			false if over && may(TxKind::Time(number)) => steps.push(Step::Time(number)),
			// Whoever is late has lost: no move counts any more.
			true if !over && room.ready => {
				let turn = part.turn();
				open.insert(turn);
				if !may(TxKind::Play(turn.board, turn.position)) {
					continue;
				}
				if room.answers.contains(&turn) {
					steps.push(Step::Play(turn));
				} else if room.stuck.get(&turn).is_none_or(|until| room.best >= *until) {
					wanted.push((turn, part.board.task));
				}
			}
			_ => {}
		}
	}
	if let (Party::Seat(seat), true) = (party, room.ready) {
		attacks(room, seat, &may, &mut steps);
	}
	let gone = room.thinking.keys().filter(|turn| !open.contains(turn));
	steps.extend(gone.map(|turn| Step::Stop(*turn)));
	let mut replayed: BTreeSet<u32> = room.thinking.values().copied().collect();
	for (turn, task) in wanted {
		match task {
			None => steps.push(Step::Open(turn)),
			// The other boards about it wait for its run, and are quick then.
			Some(task) if replayed.insert(task) => steps.push(Step::Think(turn)),
			Some(_) => {}
		}
	}
	steps
}

/// One of each side at a time: a board with it is enough.
fn attacks(room: &Room, seat: u8, may: &impl Fn(TxKind) -> bool, steps: &mut Vec<Step>) {
	let targets = room.case.attacks.iter().filter(|(by, _)| *by == seat);
	let report = |target: u8| {
		let seat = room.case.seats.iter().find(|seat| seat.number == target);
		seat.and_then(|seat| seat.report)
	};
	let mut sides: BTreeMap<(bool, Vec<u8>), Vec<u8>> = BTreeMap::new();
	for (_, target) in targets {
		// Audits have no report to tell their sides by.
		let side = match report(*target) {
			Some(Report { root, gas_used }) => (true, [root.as_bytes(), &gas_used.to_le_bytes()].concat()),
			None => (false, vec![*target]),
		};
		sides.entry(side).or_default().push(*target);
	}
	for targets in sides.into_values() {
		if targets.iter().all(|target| may(TxKind::Attack(*target))) {
			steps.extend(targets.first().map(|target| Step::Attack(*target)));
		}
	}
}
