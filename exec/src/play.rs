//! Playing a board of the court by what was computed: for agents, and for whoever accuses somebody.
//!
//! ```text
//!  outcomes of the shard ──► trees: the nodes that are to be opened
//!  replay of one task    ──► its run's roots, the parts where the other has other ones, the proof of the step
//! ```
//!
//! A [`Player`] says nothing that it did not compute: the roots are those of its replay, a replay begins where the chain says
//! that it does, and must come to the outcome that is defended. Each move is tried before it is given out. So a machine whose
//! data or memory is spoiled says nothing rather than something wrong: who lets its clock run out loses less than who shows a
//! step that the machine does not make.

use crate::replay::{Begun, NoRun, Replay, Replayer, Run};
use millrace_court::{
	board::{Board, Claims, Illegal, InputProof, Move, Next, Nodes, Opening, Witness},
	sums::show,
};
use millrace_primitives::{outcome, Hash, Matter, Outcome, Report};
use millrace_vm::{
	bisect::{Move as Step, NoAnswer},
	game::Side,
	stop::{Stop, Stopped},
};
use std::collections::BTreeMap;

/// Why a player has no move. The board is where it was.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
	/// It was stopped. Ask again, and it goes on where it was.
	#[error(transparent)]
	Stopped(#[from] Stopped),
	/// The task at which the two part cannot be replayed.
	#[error(transparent)]
	NoRun(NoRun),
	/// The board is about another shard.
	#[error("the board is about another shard")]
	Subject,
	/// It never computed a task whose outcome it would have to know.
	#[error("task {0} was not computed here")]
	NotComputed(u32),
	/// The gas of its outcomes adds up to no number.
	#[error("the gas of the outcomes adds up to no number")]
	Sum,
	/// Replaying a task does not come to the outcome that was computed before: one of the two is wrong, and is not defended.
	#[error("task {task} comes to {replayed:?} when it is replayed, and came to {computed:?} before")]
	Differs {
		/// Which, counted from the shard's first.
		task: u32,
		/// What is to be defended.
		computed: Box<Outcome>,
		/// What the step machine came to.
		replayed: Box<Outcome>,
	},
	/// The move would be refused: what was computed is not what was reported, or the other's claims are of another game.
	#[error("the move is none: {0:?}")]
	Illegal(Illegal),
	/// The only move puts the party itself out: it is wrong, or its machine is. The chain would take it.
	#[error("the only move loses")]
	Losing(Box<Move>),
	/// What is to be shown does not fit into a move.
	#[error("what is to be shown does not fit into a move")]
	Oversized,
}

impl From<NoRun> for Trouble {
	fn from(error: NoRun) -> Self {
		match error {
			NoRun::Stopped(stopped) => Self::Stopped(stopped),
			error => Self::NoRun(error),
		}
	}
}

impl From<NoAnswer> for Trouble {
	fn from(error: NoAnswer) -> Self {
		match error {
			NoAnswer::Stopped(stopped) => Self::Stopped(stopped),
			NoAnswer::Illegal(illegal) => Self::Illegal(illegal.into()),
		}
	}
}

/// The move of a party that is to open a node of its tree, from its tasks' outcomes alone; `None` if it is not its turn, or
/// another kind of move is to be made. Nothing is replayed. `outcomes` are by tasks counted from the shard's first.
///
/// # Errors
/// [`Trouble::Subject`], [`Trouble::NotComputed`], [`Trouble::Sum`], [`Trouble::Illegal`], [`Trouble::Losing`].
pub fn open(
	matter: &Matter,
	outcomes: &BTreeMap<u32, Outcome>,
	board: &Board,
	side: Side,
) -> Result<Option<Move>, Trouble> {
	let Some(span) = board.to_open().filter(|_| board.turn() == side) else {
		return Ok(None);
	};
	same_subject(matter, board)?;
	let nodes = show(&all(matter, outcomes)?, span).ok_or(Trouble::Sum)?;
	let action = Move::Open(Nodes::try_from(nodes).map_err(|_| Trouble::Oversized)?);
	tried(matter, board, side, action).map(Some)
}

fn same_subject(matter: &Matter, board: &Board) -> Result<(), Trouble> {
	let subject = board.subject();
	match (subject.engine, subject.tasks, subject.limits) == (matter.engine, matter.tasks, matter.limits) {
		true => Ok(()),
		false => Err(Trouble::Subject),
	}
}

/// The move, if the chain takes it and it does not lose.
fn tried(matter: &Matter, board: &Board, side: Side, action: Move) -> Result<Move, Trouble> {
	match board.play(&action, |task, input, proof| matter.start(task, input, proof)) {
		Ok(Next::Out(out)) if out == side => Err(Trouble::Losing(Box::new(action))),
		Ok(_) => Ok(action),
		Err(illegal) => Err(Trouble::Illegal(illegal)),
	}
}

fn all(matter: &Matter, outcomes: &BTreeMap<u32, Outcome>) -> Result<Vec<Outcome>, Trouble> {
	let outcome = |task| outcomes.get(&task).copied().ok_or(Trouble::NotComputed(task));
	(0..matter.tasks).map(outcome).collect()
}

/// Plays boards about a shard. It keeps the run of the task that it looked at last, so that moves after the first are quick:
/// have one for each task that is played about, for all boards about it.
pub struct Player<R: Replay = Replayer> {
	replay: R,
	/// By tasks counted from the shard's first.
	outcomes: BTreeMap<u32, Outcome>,
	run: Option<(u32, Begun<R::Run>)>,
}

impl<R: Replay> Player<R> {
	/// Of somebody who computed these tasks, counted from the shard's first: all of them if its report is attacked or it attacks
	/// by its report; some of them if it computed a sample or accuses somebody of one.
	pub fn new(replay: R, outcomes: impl IntoIterator<Item = (u32, Outcome)>) -> Self {
		Self {
			replay,
			outcomes: outcomes.into_iter().collect(),
			run: None,
		}
	}

	/// The report over all that the shard's tasks came to.
	///
	/// # Errors
	/// [`Trouble::NotComputed`], [`Trouble::Sum`].
	pub fn report(&self) -> Result<Report, Trouble> {
		outcome::report(&all(self.replay.matter(), &self.outcomes)?).ok_or(Trouble::Sum)
	}

	/// The move of a party to a board; `None` if it is not its turn. Blocks, for as long as a task takes to be replayed if it
	/// has to be, which is its steps at some 10^8 a second: at its first move after the task is known, and the first of a new
	/// player. It needs the task's memory, and the replay's budget beside it.
	///
	/// # Errors
	/// See [`Trouble`].
	pub fn answer(&mut self, board: &Board, side: Side, stop: &Stop) -> Result<Option<Move>, Trouble> {
		if board.turn() != side {
			return Ok(None);
		}
		if board.to_open().is_some() {
			return open(self.replay.matter(), &self.outcomes, board, side);
		}
		same_subject(self.replay.matter(), board)?;
		let action = self.look(board, board.task().ok_or(Trouble::Subject)?, stop)?;
		tried(self.replay.matter(), board, side, action).map(Some)
	}

	fn outcome(&self, task: u32) -> Result<Outcome, Trouble> {
		self.outcomes.get(&task).copied().ok_or(Trouble::NotComputed(task))
	}

	/// The moves for which a task is replayed.
	fn look(&mut self, board: &Board, task: u32, stop: &Stop) -> Result<Move, Trouble> {
		let computed = self.outcome(task)?;
		// Another task's memory is given back before this one's is taken.
		let kept = self.run.take().filter(|(of, _)| *of == task);
		let begun = match kept {
			Some((_, begun)) => begun,
			None => self.replay.begin(task, stop)?,
		};
		let (_, Begun { run, input, proof }) = self.run.insert((task, begun));
		let action = match board.game() {
			None => Move::Leaf(Opening {
				outcome: computed,
				claims: claims(run.roots(&board.run(), stop)?)?,
				input: *input,
				proof: InputProof::try_from(proof.clone()).map_err(|_| Trouble::Oversized)?,
			}),
			Some(game) => match run.answer(game, stop)? {
				Step::Divide { part, claims: roots } => Move::Divide(part, claims(roots)?),
				Step::Prove { part, witness } => {
					Move::Prove(part, Witness::try_from(witness).map_err(|_| Trouble::Oversized)?)
				}
			},
		};
		// A party's first move about the run. Later ones stand by what it said then.
		if board.game().is_none_or(|game| game.range() == board.run()) {
			let replayed = run.outcome(stop)?;
			if replayed != computed {
				let (computed, replayed) = (Box::new(computed), Box::new(replayed));
				return Err(Trouble::Differs {
					task,
					computed,
					replayed,
				});
			}
		}
		Ok(action)
	}
}

fn claims(roots: Vec<[u8; 32]>) -> Result<Claims, Trouble> {
	let roots: Vec<Hash> = roots.into_iter().map(Hash::from).collect();
	Claims::try_from(roots).map_err(|_| Trouble::Oversized)
}
