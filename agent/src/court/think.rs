//! The moves themselves: from the outcomes that are stored, and from running a task again.

use super::view::Turn;
use crate::{
	exec::{
		play::{open, Player, Trouble},
		replay::{matter_of_seat, Input, Inputs, NoRun, Replay, Replayer},
		Budget, Bytes, Side, Stop,
	},
	seat::task_count,
};
use codec::DecodeAll;
use millrace_court::board::{Board, Move};
use millrace_primitives::{api::AssignmentView, Outcome};
use std::collections::BTreeMap;

/// Bytes of a page of memory.
pub const PAGE: u64 = 64 << 10;

/// The least that there is for a run's snapshots, in bytes.
const LEAST_SNAPSHOTS: u64 = 256 << 20;

/// What a run that is looked at takes, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
	/// The task's own memory.
	pub memory: u64,
	/// Snapshots of it: with room for two a look back begins close by, with less it is replayed from far away.
	pub snapshots: u64,
}

impl Room {
	/// What a seat's task takes where all runs that are kept may take `allowance` bytes.
	pub fn of(seat: &AssignmentView, allowance: u64) -> Self {
		let memory = u64::from(seat.limits.memory_pages).saturating_mul(PAGE);
		let snapshots = memory.saturating_mul(2).min(allowance.saturating_sub(memory));
		Self {
			memory,
			snapshots: snapshots.max(LEAST_SNAPSHOTS),
		}
	}

	/// All of it.
	pub const fn bytes(self) -> u64 {
		self.memory.saturating_add(self.snapshots)
	}
}

/// What is to be found.
pub struct Question {
	/// The turn.
	pub turn: Turn,
	/// The board, as the chain encodes it.
	pub board: Vec<u8>,
	/// The party that is to move.
	pub side: Side,
}

/// Why no move was found.
#[derive(Debug, thiserror::Error)]
pub enum NoMove {
	/// It was stopped.
	#[error("stopped before it was found")]
	Stopped,
	/// Something that is needed is not on disk: it must be had and computed again.
	#[error("what it was computed from is not here any more: {0}")]
	Lost(String),
	/// What is on disk is not what it must be: the same.
	#[error("what it was computed from is spoiled: {0}")]
	Spoiled(String),
	/// What was computed cannot be defended, or the machine cannot play.
	#[error("{0}")]
	Wrong(String),
}

impl From<Trouble> for NoMove {
	fn from(trouble: Trouble) -> Self {
		let text = trouble.to_string();
		match trouble {
			Trouble::Stopped(_) | Trouble::NoRun(NoRun::Stopped(_)) => Self::Stopped,
			Trouble::NotComputed(_) | Trouble::NoRun(NoRun::Disk { .. }) => Self::Lost(text),
			Trouble::NoRun(NoRun::Input(_) | NoRun::Start | NoRun::Refused(_)) => Self::Spoiled(text),
			_ => Self::Wrong(text),
		}
	}
}

/// What a seat was computed from.
pub struct Sources {
	/// The program's module.
	pub module: Vec<u8>,
	/// The job's image.
	pub image: Bytes,
	/// The job's setup.
	pub setup: Bytes,
	/// The outcomes, by tasks counted from the job's first.
	pub outcomes: Vec<(u32, Outcome)>,
}

/// Who plays for a seat, with so many bytes for snapshots. `inputs` are by tasks counted from the job's first.
///
/// # Errors
/// [`NoMove::Lost`] if outcomes are missing, else what making the program ready came to.
pub fn player(
	seat: &AssignmentView,
	sources: Sources,
	snapshots: u64,
	mut inputs: impl FnMut(u32) -> std::io::Result<Input> + Send + 'static,
) -> Result<Player, NoMove> {
	let outcomes = within(seat, &sources.outcomes)?;
	let first = seat.first_task;
	let inputs: Inputs = Box::new(move |task| inputs(first.saturating_add(task)));
	let budget = Budget {
		bytes: snapshots,
		..Budget::default()
	};
	let Sources {
		module, image, setup, ..
	} = sources;
	let replayer = Replayer::new(matter_of_seat(seat), &module, image, setup, inputs, budget).map_err(Trouble::from)?;
	Ok(Player::new(replayer, outcomes))
}

/// A seat's outcomes, by tasks counted from the shard's first.
fn within(seat: &AssignmentView, outcomes: &[(u32, Outcome)]) -> Result<BTreeMap<u32, Outcome>, NoMove> {
	let found = outcomes.len();
	if u32::try_from(found) != Ok(task_count(seat)) {
		return Err(NoMove::Lost(format!("{found} of {} outcomes", task_count(seat))));
	}
	let counted = |(task, outcome): &(u32, Outcome)| (task.saturating_sub(seat.first_task), *outcome);
	Ok(outcomes.iter().map(counted).collect())
}

/// The move of a party that is to open a node of its tree, from the outcomes alone, by tasks counted from the job's first.
///
/// # Errors
/// See [`NoMove`].
pub fn opening(seat: &AssignmentView, outcomes: &[(u32, Outcome)], question: &Question) -> Result<Move, NoMove> {
	let outcomes = within(seat, outcomes)?;
	open(&matter_of_seat(seat), &outcomes, &decoded(question)?, question.side)?.ok_or_else(none)
}

/// The move of the party that is to make one. Blocks as long as a task is replayed.
///
/// # Errors
/// See [`NoMove`].
pub fn answer<R: Replay>(player: &mut Player<R>, question: &Question, stop: &Stop) -> Result<Move, NoMove> {
	player
		.answer(&decoded(question)?, question.side, stop)?
		.ok_or_else(none)
}

fn decoded(question: &Question) -> Result<Board, NoMove> {
	Board::decode_all(&mut &question.board[..])
		.map_err(|_| NoMove::Wrong("the board is of a form that this agent does not know".into()))
}

fn none() -> NoMove {
	NoMove::Wrong("the board asks for no such move of this party".into())
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::exec::Refused;
	use std::io;

	#[test]
	fn what_is_missing_is_had_again_and_what_is_wrong_is_not() {
		let disk = |source| NoRun::Disk { task: 3, source };
		let of = |error: NoRun| NoMove::from(Trouble::from(error));
		assert!(matches!(of(disk(io::Error::other("gone"))), NoMove::Lost(_)));
		assert!(matches!(NoMove::from(Trouble::NotComputed(3)), NoMove::Lost(_)));
		for spoiled in [NoRun::Input(3), NoRun::Start, NoRun::Refused(Refused::Roots)] {
			assert!(matches!(of(spoiled), NoMove::Spoiled(_)));
		}
		assert!(matches!(of(NoRun::Engine(9)), NoMove::Wrong(_)));
		assert!(matches!(NoMove::from(Trouble::Subject), NoMove::Wrong(_)));
		assert!(matches!(NoMove::from(Trouble::Sum), NoMove::Wrong(_)));
	}
}
