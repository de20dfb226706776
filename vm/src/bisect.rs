//! What a party to a dispute computes: roots between two steps, the first difference, the witness of the one step that
//! decides.
//!
//! ```text
//!  both agree on root(0), differ on root(end)
//!  defender: root at 15 points between          challenger: the first point with another root
//!  └─ the range shrinks 16-fold each round, until it is one step: prove, verify
//! ```
//!
//! A halted machine stays where it is, so `end` may be any number of steps that surely suffices, such as the bound that
//! the gas limit sets; nobody has to claim how many there were.

use crate::{
	hash::Hash,
	machine::{Machine, Snapshot, Unfit},
	program::{Input, Program},
	state::{Limits, Outcome},
	witness::prove,
};
use std::{collections::BTreeMap, sync::Arc};

/// Into how many parts a round divides a range.
pub const ARITY: u64 = 16;
/// How many snapshots are kept; every second one is dropped when there are more.
const SNAPSHOTS: usize = 64;
/// Steps between the first snapshots.
const FIRST_INTERVAL: u64 = 1 << 20;

/// A run that can be looked at anywhere. Looking replays from the nearest snapshot before.
pub struct Trace {
	program: Arc<Program>,
	input: Arc<Input>,
	snapshots: BTreeMap<u64, Snapshot>,
	interval: u64,
	/// The machine, somewhere on its way.
	machine: Machine,
	/// The farthest that it came.
	reached: u64,
}

impl Trace {
	/// A run before its first step.
	pub fn new(program: Arc<Program>, input: Arc<Input>, limits: &Limits) -> Result<Self, Unfit> {
		let mut machine = Machine::new(program.clone(), input.clone(), limits)?;
		let snapshots = BTreeMap::from([(0, machine.snapshot())]);
		Ok(Self {
			program,
			input,
			snapshots,
			interval: FIRST_INTERVAL,
			machine,
			reached: 0,
		})
	}

	/// Brings the machine to a step, or to the end if that comes before.
	fn seek(&mut self, step: u64) {
		let at = self.machine.steps();
		let nearest = self.snapshots.range(..=step).next_back().map(|(at, _)| *at);
		if at > step || nearest.is_some_and(|nearest| nearest > at) {
			// There is always the one of step 0.
			if let Some((_, snapshot)) = self.snapshots.range(..=step).next_back() {
				self.machine = Machine::restore(self.program.clone(), self.input.clone(), snapshot);
			}
		}
		while self.machine.steps() < step && self.machine.halt().is_none() {
			let next = (self.machine.steps() / self.interval + 1) * self.interval;
			self.machine.run(step.min(next) - self.machine.steps());
			if self.machine.steps() == next && next > self.reached && self.machine.halt().is_none() {
				self.snapshots.insert(next, self.machine.snapshot());
				self.thin();
			}
			self.reached = self.reached.max(self.machine.steps());
		}
	}

	/// Keeps the number of snapshots within its bound.
	fn thin(&mut self) {
		if self.snapshots.len() > SNAPSHOTS {
			self.interval = self.interval.saturating_mul(2);
			let interval = self.interval;
			self.snapshots.retain(|at, _| at % interval == 0);
		}
	}

	/// Runs to the end. What it came to, and after how many steps.
	pub fn finish(&mut self) -> (Outcome, u64) {
		loop {
			self.seek(u64::MAX);
			if let Some(outcome) = self.machine.outcome() {
				return (outcome, self.machine.steps());
			}
		}
	}

	/// The output of a run that was brought to its end and succeeded.
	pub fn output(&self) -> Vec<u8> {
		self.machine.output()
	}

	/// The root of the state after so many steps, or of the halted state.
	pub fn root(&mut self, step: u64) -> Hash {
		self.seek(step);
		self.machine.state_root()
	}

	/// The roots at the points of a range.
	pub fn roots(&mut self, from: u64, to: u64) -> Vec<Hash> {
		points(from, to).into_iter().map(|step| self.root(step)).collect()
	}

	/// The witness of the step after `step`.
	pub fn witness(&mut self, step: u64) -> Vec<u8> {
		self.seek(step);
		prove(&mut self.machine)
	}

	/// The part of a range in which another's claims first go wrong. `claims` are its roots at the points of the range
	/// and at its end. `None` if all of them are right.
	pub fn narrow(&mut self, from: u64, to: u64, claims: &[Hash]) -> Option<(u64, u64)> {
		let mut start = from;
		for (step, claim) in points(from, to).into_iter().chain([to]).zip(claims) {
			if self.root(step) != *claim {
				return Some((start, step));
			}
			start = step;
		}
		None
	}
}

/// The points inside a range that divide it into [`ARITY`] parts, each longer than none; fewer if it is short.
pub fn points(from: u64, to: u64) -> Vec<u64> {
	let length = to.saturating_sub(from);
	let parts = length.min(ARITY);
	(1..parts)
		.map(|part| from + (u128::from(length) * u128::from(part) / u128::from(parts)) as u64)
		.collect()
}

/// The first place where two lists differ.
pub fn first_difference(mine: &[Hash], theirs: &[Hash]) -> Option<usize> {
	let different = mine.iter().zip(theirs).position(|(mine, theirs)| mine != theirs);
	different.or_else(|| (mine.len() != theirs.len()).then(|| mine.len().min(theirs.len())))
}
