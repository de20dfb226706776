//! What a party to a dispute computes: roots between two steps, the first difference, the witness of the one step that
//! decides. The rules are in [`crate::game`].

mod shelf;

use crate::{
	game::{narrow, Game, Illegal, Range},
	hash::Hash,
	machine::{Machine, Snapshot},
	outcome::{Outcome, Tail},
	program::Program,
	prove::prove_until,
	state::Halt,
	stop::{Progress, Stop, Stopped},
	supply::Hashed,
	task::{Limits, Unfit},
};
use shelf::Shelf;
use std::sync::Arc;

/// Steps between two looks whether to stop: some milliseconds, a second if every one of them waits for memory.
const SLICE: u64 = 1 << 22;

/// What a party may use beside the memory of the task itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
	/// Bytes of snapshots. With less there are fewer, and looking back takes longer.
	pub bytes: u64,
	/// Threads that compute roots.
	pub threads: usize,
}

impl Default for Budget {
	/// 512 MiB, and all cores.
	fn default() -> Self {
		Self {
			bytes: 512 << 20,
			threads: std::thread::available_parallelism().map_or(1, usize::from),
		}
	}
}

/// Why there is no answer to a move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAnswer {
	/// It was stopped.
	#[error(transparent)]
	Stopped(#[from] Stopped),
	/// What the other party claims is not of the range.
	#[error(transparent)]
	Illegal(#[from] Illegal),
}

/// The move of a party whose turn it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
	/// To divide a part: [`Game::divide`].
	Divide {
		/// The part.
		part: u8,
		/// The roots at its points.
		claims: Vec<Hash>,
	},
	/// To prove a part of one step: [`Game::prove`].
	Prove {
		/// The part.
		part: u8,
		/// The witness.
		witness: Vec<u8>,
	},
}

/// A run that can be looked at anywhere. Looking replays from the nearest snapshot before. Whatever is asked of it can be
/// stopped, and asked again.
pub struct Trace {
	start: Snapshot,
	shelf: Shelf,
	/// The machine, somewhere on its way.
	machine: Machine,
	/// The farthest that it came.
	reached: u64,
	stop: Stop,
	progress: Progress,
}

impl Trace {
	/// A run before its first step.
	///
	/// # Errors
	/// See [`Unfit`].
	pub fn new(
		program: Arc<Program>,
		supply: Arc<Hashed>,
		limits: &Limits,
		budget: Budget,
		stop: Stop,
	) -> Result<Self, Unfit> {
		let mut machine = Machine::new(program, supply, limits)?;
		machine.use_threads(budget.threads);
		Ok(Self {
			// Of the program's own pages: takes nothing.
			start: machine.snapshot(),
			shelf: Shelf::new(budget.bytes),
			machine,
			reached: 0,
			stop,
			progress: Progress::default(),
		})
	}

	/// Where the machine is, for other threads.
	pub fn progress(&self) -> Progress {
		self.progress.clone()
	}

	/// Looks at another request from now on; what a stopped one left undone can be asked for again.
	pub fn stop_by(&mut self, stop: Stop) {
		self.stop = stop;
	}

	/// The bytes that its snapshots take.
	pub fn kept(&self) -> u64 {
		self.machine.kept()
	}

	/// Brings the machine to a step, or to the end if that comes before.
	///
	/// # Errors
	/// If it was stopped.
	pub fn seek(&mut self, step: u64) -> Result<(), Stopped> {
		let at = self.machine.steps();
		let nearest = self.shelf.nearest(step).unwrap_or(&self.start);
		if at > step || nearest.steps() > at {
			self.machine.go_to(nearest);
		}
		while self.machine.steps() < step && self.machine.halt().is_none() {
			self.stop.check()?;
			let at = self.machine.steps();
			let next = self.shelf.next(at);
			self.machine.run(step.min(next).min(at.saturating_add(SLICE)) - at);
			let at = self.machine.steps();
			self.progress.set(at);
			if at == next && at > self.reached && self.machine.halt().is_none() {
				self.shelf.offer(&mut self.machine);
			}
			self.reached = self.reached.max(at);
		}
		self.progress.set(self.machine.steps());
		Ok(())
	}

	/// Runs to the end. What it came to, and after how many steps.
	///
	/// # Errors
	/// If it was stopped.
	pub fn finish(&mut self) -> Result<(Outcome, u64), Stopped> {
		loop {
			self.seek(u64::MAX)?;
			if let Some(outcome) = self.machine.outcome_until(&self.stop)? {
				return Ok((outcome, self.machine.steps()));
			}
		}
	}

	/// The output of a run that was brought to its end, if its outcome keeps it.
	pub fn output(&self) -> Vec<u8> {
		self.machine.output()
	}

	/// How the run ended, if it was brought to its end.
	pub fn halt(&self) -> Option<Halt> {
		self.machine.halt()
	}

	/// The last that it wrote to standard error.
	pub fn tail(&self) -> Tail {
		self.machine.tail()
	}

	/// The root of the state after so many steps, or of the halted state.
	///
	/// # Errors
	/// If it was stopped.
	pub fn root(&mut self, step: u64) -> Result<Hash, Stopped> {
		self.seek(step)?;
		self.machine.state_root_until(&self.stop)
	}

	/// The root at a step near which others will be asked for.
	fn root_near(&mut self, step: u64) -> Result<Hash, Stopped> {
		let root = self.root(step)?;
		if self.machine.halt().is_none() {
			self.shelf.offer_near(&mut self.machine);
		}
		Ok(root)
	}

	/// The roots at the points of a range.
	///
	/// # Errors
	/// If it was stopped.
	pub fn roots(&mut self, range: &Range) -> Result<Vec<Hash>, Stopped> {
		self.shelf.focus(range);
		range.points().map(|step| self.root_near(step)).collect()
	}

	/// The witness of the step after so many.
	///
	/// # Errors
	/// If it was stopped.
	pub fn prove(&mut self, step: u64) -> Result<Vec<u8>, Stopped> {
		self.seek(step)?;
		prove_until(&mut self.machine, &self.stop)
	}

	/// The first part of a range at whose end another party has another root; the last one if its claims, which are of the
	/// points, are all right.
	///
	/// # Errors
	/// If it was stopped, or the claims are not as many as the points.
	pub fn narrow(&mut self, range: &Range, claims: &[Hash]) -> Result<u8, NoAnswer> {
		self.shelf.focus(range);
		narrow(range, claims, |step| Ok(self.root_near(step)?))
	}

	/// The move of the party whose turn it is, if this is what it ran.
	///
	/// # Errors
	/// If it was stopped.
	pub fn answer(&mut self, game: &Game) -> Result<Move, NoAnswer> {
		self.shelf.focus(&game.range());
		let (part, claims) = game.answer(|step| Ok::<_, NoAnswer>(self.root_near(step)?))?;
		let range = game.picked(part)?;
		Ok(match range.is_step() {
			true => Move::Prove {
				part,
				witness: self.prove(range.from)?,
			},
			false => Move::Divide { part, claims },
		})
	}
}
