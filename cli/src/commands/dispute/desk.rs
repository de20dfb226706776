//! Transactions about a board that are under way.

use millrace_client::{Call, Chain, Error, Finalized, Keypair};
use millrace_primitives::BlockNumber;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The pause between two looks at the chain, and the first one after something went wrong.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause after a transaction that came to nothing.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The pause after so many failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
	PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(MAX_PAUSE)
}

/// What a transaction is about; of a move, the board that it answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
	Play(Vec<u8>),
	Time,
	Pull,
}

/// Transactions that are under way. A move does not wait for the last one to be final.
#[derive(Default)]
pub(super) struct Desk {
	/// The best block when this began: the case is over once a finalized one of this height or above has no board.
	pub(super) since: Option<BlockNumber>,
	sent: Vec<(Task, &'static str, JoinHandle<Result<Finalized, Error>>)>,
	/// So many in a row came to nothing.
	refusals: u32,
	/// Nothing is sent before.
	not_before: Option<Instant>,
	/// A board to which there is no answer.
	pub(super) hopeless: Option<Vec<u8>>,
	/// Whether it was said that the board is not shown.
	pub(super) hidden: bool,
}

impl Desk {
	/// Whether something may be sent now.
	pub(super) fn is_free_for(&self, task: &Task) -> bool {
		let paused = self.not_before.is_some_and(|until| Instant::now() < until);
		!paused && !self.sent.iter().any(|(of, ..)| of == task)
	}

	pub(super) fn send(&mut self, chain: &Chain, signer: &Keypair, task: Task, call: Call, what: &'static str) {
		let (chain, signer) = (chain.clone(), signer.clone());
		let sending = tokio::spawn(async move { chain.submit(&signer, call).await });
		self.sent.push((task, what, sending));
	}

	/// What came of those that are not under way any more.
	pub(super) async fn arrived(&mut self) -> Vec<(&'static str, Result<Finalized, Error>)> {
		let mut arrived = Vec::new();
		let (done, sent) = std::mem::take(&mut self.sent)
			.into_iter()
			.partition(|(_, _, sending)| sending.is_finished());
		self.sent = sent;
		let done: Vec<_> = done;
		for (_, what, sending) in done {
			// One that was cut off is sent again, if it is still to be.
			let Ok(result) = sending.await else { continue };
			match &result {
				Ok(_) => {
					self.refusals = 0;
					self.not_before = None;
				}
				// Somebody else did it, or the chain went on: each costs a fee.
				Err(_) => {
					self.refusals = self.refusals.saturating_add(1);
					self.not_before = Instant::now().checked_add(pause(self.refusals));
				}
			}
			arrived.push((what, result));
		}
		arrived
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn pauses_grow_to_a_bound() {
		assert_eq!((pause(0), pause(3)), (PAUSE, PAUSE * 8));
		assert_eq!(pause(u32::MAX), MAX_PAUSE);
	}

	#[tokio::test]
	async fn what_came_to_nothing_is_sent_again_after_a_pause() {
		let task = || Task::Play(vec![1]);
		let mut desk = Desk::default();
		let (answer, waits) = tokio::sync::oneshot::channel::<Result<Finalized, Error>>();
		desk.sent
			.push((task(), "a move is made", tokio::spawn(async { waits.await.unwrap() })));
		assert!(!desk.is_free_for(&task()), "it is under way");
		assert!(
			desk.is_free_for(&Task::Play(vec![2])),
			"the next move does not wait for it to be final"
		);
		assert!(desk.arrived().await.is_empty());
		assert!(answer.send(Err(Error::Refused { reason: String::new() })).is_ok());
		while !desk.sent[0].2.is_finished() {
			tokio::task::yield_now().await;
		}
		assert!(matches!(desk.arrived().await[..], [(_, Err(_))]));
		assert!(
			desk.sent.is_empty() && !desk.is_free_for(&task()),
			"a refusal costs a fee"
		);
		desk.not_before = Some(Instant::now());
		assert!(desk.is_free_for(&task()));
	}
}
