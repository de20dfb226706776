//! A run whose states are shown wrong from a step on: what a liar plays a board with. For tests, behind a feature.

use crate::{replay::Run, Stop};
use millrace_primitives::{machine::Blake2, Outcome};
use millrace_vm::{
	bisect::{Move, NoAnswer, Trace},
	game::{Game, Range},
	stop::Stopped,
};

/// A run of somebody who says that it ended otherwise.
pub struct LyingRun {
	trace: Trace,
	fault: u64,
	end: Outcome,
}

impl LyingRun {
	/// The last step after which the state is shown as it is, and how the run is said to have ended.
	pub const fn new(trace: Trace, fault: u64, end: Outcome) -> Self {
		Self { trace, fault, end }
	}

	fn root(&mut self, step: u64) -> Result<[u8; 32], Stopped> {
		let mut root = self.trace.root(step)?;
		if step > self.fault {
			root[7] ^= 0x55;
			if self.trace.halt().is_some() {
				root = self.end.root::<Blake2>();
			}
		}
		Ok(root)
	}
}

impl Run for LyingRun {
	fn roots(&mut self, range: &Range, _: &Stop) -> Result<Vec<[u8; 32]>, Stopped> {
		range.points().map(|step| self.root(step)).collect()
	}

	fn answer(&mut self, game: &Game, _: &Stop) -> Result<Move, NoAnswer> {
		let (part, claims) = game.answer(|step| Ok::<_, NoAnswer>(self.root(step)?))?;
		let range = game.picked(part)?;
		Ok(match range.is_step() {
			true => Move::Prove {
				part,
				witness: self.trace.prove(range.from)?,
			},
			false => Move::Divide { part, claims },
		})
	}

	fn outcome(&mut self, _: &Stop) -> Result<Outcome, Stopped> {
		Ok(self.end)
	}
}
