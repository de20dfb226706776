//! Long work that can be stopped and watched from another thread.

use std::sync::{
	atomic::{AtomicBool, AtomicU64, Ordering},
	Arc,
};

/// Asks work to end soon: a running program at its next loop or call, the step machine after some milliseconds. Clones
/// are the same request.
#[derive(Clone, Default, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
	/// A request that was not made yet.
	pub fn new() -> Self {
		Self::default()
	}

	/// Makes the request.
	pub fn request(&self) {
		self.0.store(true, Ordering::Relaxed);
	}

	/// True once it was made.
	pub fn is_requested(&self) -> bool {
		self.0.load(Ordering::Relaxed)
	}

	/// An error once it was made.
	///
	/// # Errors
	/// [`Stopped`].
	pub fn check(&self) -> Result<(), Stopped> {
		match self.is_requested() {
			true => Err(Stopped),
			false => Ok(()),
		}
	}
}

/// The work ended before it was done, because somebody asked for it. Nothing is lost: it can be asked for again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("stopped before it ended")]
pub struct Stopped;

/// Does what nobody can stop.
pub(crate) fn unstopped<T>(mut work: impl FnMut(&Stop) -> Result<T, Stopped>) -> T {
	let never = Stop::new();
	loop {
		if let Ok(done) = work(&never) {
			return done;
		}
	}
}

/// How many steps a machine has made, for those who wait for it. Clones watch the same machine.
#[derive(Clone, Default, Debug)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
	/// The step at which the machine is. It goes back when the machine does.
	pub fn steps(&self) -> u64 {
		self.0.load(Ordering::Relaxed)
	}

	pub(crate) fn set(&self, steps: u64) {
		self.0.store(steps, Ordering::Relaxed);
	}
}
