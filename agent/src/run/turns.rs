//! Who may fetch now: nobody waits for another job's server.

use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many shards' data is fetched at the same time from the same endpoints.
const PER_JOB: usize = 4;

/// Turns at fetching. The chain assigns at most as many seats as there are slots, so the turns of one job are all that is
/// counted; what they may put on disk is bounded by their reservations.
#[derive(Default)]
pub(super) struct Turns {
	/// By the endpoints that a job names, all of them: whoever names somebody else's beside its own waits alone.
	jobs: Mutex<HashMap<Vec<String>, Arc<Semaphore>>>,
}

/// A turn, until it is dropped.
pub(super) struct Turn<'a> {
	turns: &'a Turns,
	endpoints: &'a [String],
	permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
	/// Waits for a turn at these endpoints.
	pub(super) async fn take<'a>(&'a self, endpoints: &'a [String]) -> Turn<'a> {
		let semaphore = {
			let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
			jobs.entry(endpoints.to_vec())
				.or_insert_with(|| Arc::new(Semaphore::new(PER_JOB)))
				.clone()
		};
		// Made before the wait, so that whoever gives up waiting tidies up as well.
		let mut turn = Turn {
			turns: self,
			endpoints,
			permit: None,
		};
		// The semaphore is never closed.
		turn.permit = semaphore.acquire_owned().await.ok();
		turn
	}
}

impl Drop for Turn<'_> {
	fn drop(&mut self) {
		drop(self.permit.take());
		let mut jobs = self.turns.jobs.lock().unwrap_or_else(PoisonError::into_inner);
		let unused =
			|semaphore: &Arc<Semaphore>| Arc::strong_count(semaphore) == 1 && semaphore.available_permits() == PER_JOB;
		if jobs.get(self.endpoints).is_some_and(unused) {
			jobs.remove(self.endpoints);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use futures::FutureExt;

	#[tokio::test]
	async fn a_job_waits_for_itself_only_and_nothing_is_left_behind() {
		let turns = Turns::default();
		let (slow, other) = (vec!["http://slow".to_string()], vec!["http://other".to_string()]);
		let both = [slow.clone(), other.clone()].concat();
		let mut taken = Vec::new();
		for _ in 0..PER_JOB {
			taken.push(turns.take(&slow).await);
		}
		assert!(turns.take(&slow).now_or_never().is_none());
		assert!(turns.take(&other).now_or_never().is_some());
		assert!(turns.take(&both).now_or_never().is_some());
		taken.pop();
		assert!(turns.take(&slow).now_or_never().is_some());
		drop(taken);
		assert_eq!(turns.jobs.lock().unwrap().len(), 0);
	}
}
