//! Submitting calls, once each, and what became of them.

use super::{Agent, Event, LastTransaction};
use crate::{
	decide::{may_submit, Attempt, Local, TxId},
	market::{Market, SubmitError, Tx},
	metrics::Kind,
	seat::{SeatKey, TxKind},
};
use millrace_primitives::BlockNumber;
use std::time::Duration;

/// How long a shutdown waits for transactions that were submitted.
const FAREWELL: Duration = Duration::from_secs(30);
/// A transaction of a process that ended, or whose outcome cannot be read, is submitted again so many blocks after it was
/// first: pools include within a few. If both are included the chain refuses the second.
const UNKNOWN_FATE: BlockNumber = 8;
/// The most blocks between two tries of a call that fails.
const LONGEST_BACKOFF: BlockNumber = 64;
/// The most blocks between two tries of a call that did not reach a block: the next may, and deadlines are near.
const LONGEST_RETRY: BlockNumber = 8;

impl<M: Market> Agent<M> {
	/// Submits a call, unless one of its kind is under way.
	pub(super) fn submit(&mut self, id: TxId, tx: Tx) {
		if !may_submit(&self.view, &self.local, id) {
			return;
		}
		self.under_way(id);
		let shared = self.shared.clone();
		tokio::spawn(async move {
			let result = shared.market.submit(tx).await;
			let _ = shared.sender.send(Event::Submitted(id, result));
		});
	}

	/// Notes that a call is being submitted.
	pub(super) fn under_way(&mut self, id: TxId) {
		if let TxId::Seat(key, kind) = id {
			let until = self.view.best.number.saturating_add(UNKNOWN_FATE);
			if let Err(error) = self.shared.db.submitting(key, kind, until) {
				// Without the note a restart may submit it twice, which costs a fee. What is not submitted costs bond.
				self.shared.metrics.trouble.inc();
				tracing::error!(seat = %key, call = kind.name(), %error, "cannot note a transaction, submitting it anyway");
			}
		}
		// As long as this process lives it knows what became of it.
		let until = BlockNumber::MAX;
		self.local.attempts.insert(id, Attempt::InFlight { until });
	}

	pub(super) fn on_submitted(&mut self, id: TxId, result: Result<BlockNumber, SubmitError>) {
		let kind = match id {
			TxId::Seat(_, kind) => kind.name(),
			TxId::Heartbeat => "heartbeat",
		};
		let seat = match id {
			TxId::Seat(key, _) => Some(key),
			TxId::Heartbeat => None,
		};
		let best = self.view.best.number;
		let attempt = match &result {
			Ok(block) => {
				self.rejections.remove(&id);
				self.shared.metrics.transactions.get_or_create(&Kind { kind }).inc();
				tracing::info!(call = kind, seat = seat.map(|key| key.to_string()), block, "finalized");
				self.local.fresh = false;
				Attempt::Included { at: *block }
			}
			Err(error) => {
				let rejections = self.rejections.entry(id).or_default();
				*rejections = rejections.saturating_add(1);
				let rejections = (*rejections).min(6);
				self.shared
					.metrics
					.transaction_failures
					.get_or_create(&Kind { kind })
					.inc();
				let seat = seat.map(|key| key.to_string());
				tracing::warn!(call = kind, seat, %error, "not done");
				match error {
					SubmitError::Unknown(_) => Attempt::InFlight {
						until: best.saturating_add(UNKNOWN_FATE),
					},
					SubmitError::NotIncluded(_) => Attempt::Backoff {
						until: best
							.saturating_add(2u32.saturating_pow(rejections.saturating_sub(1)).min(LONGEST_RETRY)),
					},
					SubmitError::CannotPay(_) | SubmitError::Failed(_) => Attempt::Backoff {
						until: best.saturating_add(2u32.saturating_pow(rejections).min(LONGEST_BACKOFF)),
					},
				}
			}
		};
		self.local.attempts.insert(id, attempt);
		if let (TxId::Seat(key, kind), false) = (id, matches!(result, Err(SubmitError::Unknown(_)))) {
			if let Err(error) = self.shared.db.settled(key, kind) {
				tracing::error!(%error, "cannot note what became of a transaction");
			}
		}
		match (id, &result) {
			(TxId::Seat(key, TxKind::Unavailable), Ok(_)) => self.note_called(key),
			// It was not heard, or a second time: it is given back, which the chain takes of the first only.
			(TxId::Seat(key, TxKind::Unavailable), Err(SubmitError::Failed(_))) => {
				self.local.unheard.insert(key);
			}
			(TxId::Seat(key, TxKind::Decline), Err(SubmitError::Failed(_))) => {
				if self.local.unheard.remove(&key) {
					self.note_called(key);
				}
			}
			_ => {}
		}
		if let (TxId::Seat(_, TxKind::Play(..)), Ok(_)) = (id, &result) {
			self.shared.metrics.moves.inc();
		}
		self.last_transaction = Some(LastTransaction::new(kind, seat, &result));
	}

	/// The chain has heard that what a seat needs cannot be fetched, and is not told again.
	fn note_called(&mut self, key: SeatKey) {
		if let Some(work) = self.local.seats.get_mut(&key) {
			work.called = true;
		}
		if let Err(error) = self.shared.db.called(key) {
			tracing::error!(seat = %key, %error, "cannot note what the chain was told");
		}
	}

	/// Ends all work between tasks and waits for what was submitted.
	pub(super) async fn farewell(&mut self) {
		self.running.clear();
		self.rooms.clear();
		self.runs.clear();
		let in_flight = |local: &Local| {
			local.attempts.values().any(|attempt| {
				matches!(
					attempt,
					Attempt::InFlight {
						until: BlockNumber::MAX
					}
				)
			})
		};
		let wait = async {
			while in_flight(&self.local) {
				match self.events.recv().await {
					Some(Event::Submitted(id, result)) => self.on_submitted(id, result),
					Some(Event::Work(..) | Event::Thought(_)) => {}
					None => break,
				}
			}
		};
		if tokio::time::timeout(FAREWELL, wait).await.is_err() {
			tracing::warn!("transactions are still under way; the next start looks what became of them");
		}
		self.write_status();
		tracing::info!("stopped");
	}
}
