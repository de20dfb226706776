//! Snapshots of a run, within a number of bytes.

use crate::{
	game::Range,
	machine::{Machine, Snapshot},
};
use std::collections::BTreeMap;

/// Steps between the first snapshots.
const FIRST_INTERVAL: u64 = 1 << 20;
/// Steps in which a page is copied, many times over: so many steps must lie behind a machine for each page that a
/// snapshot copies, so that snapshots take a small part of its time.
const STEPS_A_PAGE: u64 = 2_000;

/// Snapshots of a run. Those all over it are equally far apart; when there is no room for another one, every second is
/// dropped. A quarter of the room is left for those near a place where two parties differ.
pub(super) struct Shelf {
	/// The most bytes that they take.
	bytes: u64,
	even: BTreeMap<u64, Snapshot>,
	/// Steps from one of them to the next.
	interval: u64,
	near: BTreeMap<u64, Snapshot>,
}

impl Shelf {
	/// Room for so many bytes.
	pub fn new(bytes: u64) -> Self {
		Self {
			bytes,
			even: BTreeMap::new(),
			interval: FIRST_INTERVAL,
			near: BTreeMap::new(),
		}
	}

	/// The last snapshot at or before a step.
	pub fn nearest(&self, step: u64) -> Option<&Snapshot> {
		let last = |shelf: &'_ BTreeMap<u64, Snapshot>| shelf.range(..=step).next_back().map(|(at, _)| *at);
		match (last(&self.even), last(&self.near)) {
			(even, near) if even > near => self.even.get(&even?),
			(_, near) => self.near.get(&near?),
		}
	}

	/// The next step behind this one at which a snapshot belongs.
	pub fn next(&self, step: u64) -> u64 {
		(step / self.interval).saturating_add(1).saturating_mul(self.interval)
	}

	/// Keeps the machine's state if it is worth it, where [`Shelf::next`] says that it belongs.
	pub fn offer(&mut self, machine: &mut Machine) {
		let at = machine.steps();
		let (bytes, pages) = machine.snapshot_cost();
		let before = self.nearest(at).map_or(0, Snapshot::steps);
		if at - before < pages.saturating_mul(STEPS_A_PAGE) {
			return;
		}
		let most = self.bytes - self.bytes / 4;
		while machine.kept().saturating_add(bytes) > most {
			self.near.clear();
			if self.even.is_empty() {
				// What it would share pages with is gone.
				machine.forget();
				if machine.kept().saturating_add(machine.snapshot_cost().0) > most {
					return;
				}
				break;
			}
			self.interval = self.interval.saturating_mul(2);
			let interval = self.interval;
			self.even.retain(|at, _| at % interval == 0);
		}
		if at % self.interval == 0 {
			self.even.insert(at, machine.snapshot());
		}
	}

	/// Keeps the state of a machine near the place that is looked for, if there is room.
	pub fn offer_near(&mut self, machine: &mut Machine) {
		let at = machine.steps();
		let known = self.nearest(at).is_some_and(|nearest| nearest.steps() == at);
		if !known && machine.kept().saturating_add(machine.snapshot_cost().0) <= self.bytes {
			self.near.insert(at, machine.snapshot());
		}
	}

	/// Drops what is no help inside a range.
	pub fn focus(&mut self, range: &Range) {
		let first = self.near.range(..=range.from).next_back().map(|(at, _)| *at);
		self.near
			.retain(|at, _| Some(*at) == first || (range.from..range.to).contains(at));
	}
}
