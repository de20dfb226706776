//! A state that is kept.

use crate::{
	pages::Pages,
	state::{Halt, Registers},
};

/// A state between two steps, kept to go back to. Pages that did not change are shared with other snapshots of the same
/// machine; nothing is hashed.
#[derive(Clone)]
pub struct Snapshot {
	pub(super) registers: Registers,
	pub(super) halt: Option<Halt>,
	pub(super) steps: u64,
	pub(super) stack: Pages,
	pub(super) frames: Pages,
	pub(super) globals: Pages,
	pub(super) memory: Pages,
	pub(super) system: Pages,
	pub(super) output: Pages,
	pub(super) errors: Pages,
}

impl Snapshot {
	/// How many steps led to it.
	pub fn steps(&self) -> u64 {
		self.steps
	}
}
