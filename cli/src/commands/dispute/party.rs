//! Who plays a board: computes the task, replays it, finds moves.

use crate::{
	compute::{blocking, Places, Workshop},
	failure::{Failure, Result},
};
use codec::DecodeAll;
use millrace_court::board::{Board, Move};
use millrace_exec::{
	play::{open, Player, Trouble},
	Side, Stop,
};
use millrace_primitives::{
	api::{BoardView, ShardView},
	Outcome,
};
use std::collections::BTreeMap;

/// Who plays: what it computes by, unless nothing is left to be played.
pub(super) struct Party(Option<Seated>);

struct Seated {
	workshop: Workshop,
	shard: ShardView,
	places: Places,
	/// Tasks that were computed, by their numbers in the job.
	known: BTreeMap<u32, Outcome>,
	player: Option<(u32, Player)>,
}

impl Party {
	/// One for whom nothing is left to be played.
	pub(super) fn idle() -> Self {
		Self(None)
	}

	pub(super) fn new(workshop: Workshop, shard: ShardView, places: Places, known: BTreeMap<u32, Outcome>) -> Self {
		Self(Some(Seated {
			workshop,
			shard,
			places,
			known,
			player: None,
		}))
	}

	/// The attacker's move; none if it has none to make. Takes as long as the task does on the step machine, once, and before
	/// it is known which it is, as long as the shard's tasks that were not computed yet.
	pub(super) async fn answer(&mut self, view: &BoardView) -> Result<Option<Move>> {
		let Some(seated) = &mut self.0 else { return Ok(None) };
		let board = Board::decode_all(&mut &view.board[..])
			.map_err(|_| Failure::Refused("the chain's board is of a form that this release does not know".into()))?;
		// The attacker is the party that the target is not.
		let side = match view.target_first {
			true => Side::Second,
			false => Side::First,
		};
		let Some(below) = view.task else {
			return seated.open(&board, side).await;
		};
		let task = seated.shard.first_task.saturating_add(below);
		let mut player = match seated.player.take() {
			Some((of, player)) if of == task => player,
			_ => {
				let outcome = seated.compute(task).await?;
				seated
					.workshop
					.player(&seated.shard, &seated.places, task, outcome)
					.await?
			}
		};
		let stop = Stop::new();
		let stopped = Stopper(stop.clone());
		let looking = blocking(move || {
			let found = player.answer(&board, side, &stop);
			Ok((player, found))
		});
		let (player, found) = looking.await?;
		drop(stopped);
		seated.player = Some((task, player));
		found.map_err(|trouble| hopeless(&trouble))
	}
}

impl Seated {
	async fn compute(&mut self, task: u32) -> Result<Outcome> {
		if let Some(outcome) = self.known.get(&task) {
			return Ok(*outcome);
		}
		let outcome = self.workshop.compute(&self.places, task).await?;
		self.known.insert(task, outcome);
		Ok(outcome)
	}

	/// The move of who accuses by a whole report, as long as the two parts of it are looked for that differ.
	async fn open(&mut self, board: &Board, side: Side) -> Result<Option<Move>> {
		if board.turn() != side || board.to_open().is_none() {
			return Ok(None);
		}
		let mut outcomes = BTreeMap::new();
		for below in 0..self.shard.tasks {
			let task = self.shard.first_task.saturating_add(below);
			outcomes.insert(below, self.compute(task).await?);
		}
		open(&self.workshop.matter(&self.shard), &outcomes, board, side).map_err(|trouble| hopeless(&trouble))
	}
}

/// Stops what is looked for when nobody waits for it any more.
struct Stopper(Stop);

impl Drop for Stopper {
	fn drop(&mut self) {
		self.0.request();
	}
}

fn hopeless(trouble: &Trouble) -> Failure {
	match trouble {
		Trouble::Losing(_) | Trouble::Differs { .. } => Failure::Differs(format!(
			"there is no move that does not lose: {trouble}. Either the seat is right, or this machine computes wrongly"
		)),
		other => Failure::Other(format!("no move was found: {other}")),
	}
}
