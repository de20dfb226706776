//! Submitting calls, once each, and what became of them.

use super::{Agent, Event, LastTransaction};
use crate::{
	decide::{may_submit, Attempt, Local, TxId},
	market::{Market, SubmitError, Tx},
	metrics::Kind,
	seat::{SeatKey, TxKind},
	tip::Time,
};
use millrace_client::calls::{RevealItem, MAX_BATCH};
use millrace_primitives::{Balance, BlockNumber, Hash};
use std::{collections::BTreeSet, time::Duration};

/// How long a shutdown waits for transactions that were submitted.
const FAREWELL: Duration = Duration::from_secs(30);
/// A transaction of a process that ended, or whose outcome cannot be read, is submitted again so many blocks after it was
/// first: pools include within a few. If both are included the chain refuses the second.
const UNKNOWN_FATE: BlockNumber = 8;
/// The most blocks between two tries of a call that fails.
const LONGEST_BACKOFF: BlockNumber = 64;
/// The most blocks between two tries of a call that did not reach a block: the next may, and deadlines are near.
const LONGEST_RETRY: BlockNumber = 8;
/// So many blocks no tip is offered after the operator could not pay one.
const UNTIPPED: BlockNumber = 20;

/// A transaction that was submitted.
pub(super) struct Pending {
	/// What it does.
	calls: Vec<TxId>,
	tx: Tx,
	tip: Balance,
	/// The block from which a tip may be offered. One that is refused is offered again by another block and not at once: as long
	/// as a copy is in a block that is not final, a pool refuses all others as soon as it sees them.
	tip_from: BlockNumber,
	/// How often it is under way, with different tips. One of them at most is included.
	copies: u32,
	/// What became of a copy that is under way no more; of two, what leaves more open.
	failed: Option<SubmitError>,
}

/// Seals and reveals of one round.
#[derive(Default)]
pub(super) struct Batches {
	pub seals: Vec<(SeatKey, Hash)>,
	pub reveals: Vec<(SeatKey, RevealItem)>,
}

/// How much an error leaves open about a call of which there were several copies.
fn openness(error: &SubmitError) -> u8 {
	match error {
		SubmitError::CannotPay(_) => 0,
		SubmitError::NotIncluded(_) => 1,
		SubmitError::NotDue(_) => 2,
		SubmitError::Failed(_) => 3,
		SubmitError::Unknown(_) => 4,
	}
}

fn ids<I>(kind: TxKind, batch: &[(SeatKey, I)]) -> Vec<TxId> {
	batch.iter().map(|(key, _)| TxId::Seat(*key, kind)).collect()
}

impl<M: Market> Agent<M> {
	/// Submits a call, unless one of its kind is under way.
	pub(super) fn submit(&mut self, id: TxId, tx: Tx) {
		if may_submit(&self.view, &self.local, id) {
			self.send(vec![id], tx);
		}
	}

	/// Submits the seals and the reveals of this round, each kind at once. What the chain did not take before goes alone, so
	/// that it holds up no other.
	pub(super) fn submit_batches(&mut self) {
		let Batches { seals, reveals } = std::mem::take(&mut self.batches);
		let (together, alone) = self.sort(TxKind::Seal, seals);
		for (key, seal) in alone {
			self.send(vec![TxId::Seat(key, TxKind::Seal)], Tx::Seal(key.shard, seal));
		}
		for batch in together.chunks(MAX_BATCH as usize) {
			let items = batch.iter().map(|(key, seal)| (key.shard, *seal)).collect();
			self.send(ids(TxKind::Seal, batch), Tx::SealMany(items));
		}
		let (together, alone) = self.sort(TxKind::Reveal, reveals);
		for (key, item) in alone {
			self.send(vec![TxId::Seat(key, TxKind::Reveal)], Tx::Reveal(item));
		}
		for batch in together.chunks(MAX_BATCH as usize) {
			let items = batch.iter().map(|(_, item)| item.clone()).collect();
			self.send(ids(TxKind::Reveal, batch), Tx::RevealMany(items));
		}
	}

	/// Which of these go together, and which alone: a single one, what was rejected, and another seat in the same shard.
	fn sort<I>(&self, kind: TxKind, items: Vec<(SeatKey, I)>) -> (Vec<(SeatKey, I)>, Vec<(SeatKey, I)>) {
		let id = |key: SeatKey| TxId::Seat(key, kind);
		let may = |(key, _): &(SeatKey, I)| may_submit(&self.view, &self.local, id(*key));
		let mut shards = BTreeSet::new();
		let (mut together, mut alone): (Vec<_>, Vec<_>) = items
			.into_iter()
			.filter(may)
			.partition(|(key, _)| !self.rejections.contains_key(&id(*key)) && shards.insert(key.shard));
		if together.len() == 1 {
			alone.append(&mut together);
		}
		(together, alone)
	}

	pub(super) fn send(&mut self, calls: Vec<TxId>, tx: Tx) {
		for id in &calls {
			self.note_submitted(*id);
		}
		let now = self.view.best.now;
		let tip = match self.is_poor() {
			true => 0,
			false => self.times.tip(&calls, self.shared.config.tip, now),
		};
		self.next_pending += 1;
		let pending = Pending {
			calls,
			tx: tx.clone(),
			tip,
			tip_from: 0,
			copies: 1,
			failed: None,
		};
		self.pending.insert(self.next_pending, pending);
		self.spawn(self.next_pending, tx, tip);
	}

	fn spawn(&self, number: u64, tx: Tx, tip: Balance) {
		let shared = self.shared.clone();
		tokio::spawn(async move {
			let result = shared.market.submit(tx, tip).await;
			let _ = shared.sender.send(Event::Submitted(number, tip, result));
		});
	}

	/// Takes notice of the times that run.
	pub(super) fn note_times(&mut self) {
		let best = &self.view.best;
		let seats = best.seats.iter().map(|(key, seat)| (Time::Seat(*key), seat.due));
		let cases = self.rooms.iter().filter_map(|(key, room)| Some((*key, room.case()?)));
		let cases = cases.flat_map(|(key, case)| {
			let boards = case.boards.iter();
			let boards = boards.map(move |board| (Time::Board(key, board.number), board.due));
			boards.chain([(Time::Case(key), case.next)])
		});
		self.times
			.note(seats.chain(cases).chain(self.demanded.times()), best.now);
	}

	/// Offers a tip for what is under way and whose time has become short: it takes its own place.
	pub(super) fn hurry(&mut self) {
		if self.is_poor() {
			return;
		}
		let (now, each, best) = (self.view.best.now, self.shared.config.tip, self.view.best.number);
		let mut hurried = Vec::new();
		for (number, pending) in &mut self.pending {
			let tip = self.times.tip(&pending.calls, each, now);
			if pending.tip == 0 && tip > 0 && best >= pending.tip_from {
				(pending.tip, pending.copies) = (tip, pending.copies.saturating_add(1));
				hurried.push((*number, pending.tx.clone(), tip));
			}
		}
		for (number, tx, tip) in hurried {
			tracing::warn!(transaction = number, tip, "time is short: offering a tip");
			self.spawn(number, tx, tip);
		}
	}

	/// True for a while after the operator could not pay a tip.
	fn is_poor(&self) -> bool {
		self.poor_until.is_some_and(|until| self.view.best.number < until)
	}

	/// Keeps that a call is under way.
	fn note_submitted(&mut self, id: TxId) {
		if let TxId::Seat(key, kind) = id {
			let until = self.view.best.number.saturating_add(UNKNOWN_FATE);
			if let Err(error) = self.shared.db.submitting(key, kind, until) {
				// Without the note a restart may submit it twice, which costs a fee. What is not submitted costs bond.
				self.shared.metrics.trouble.inc();
				tracing::error!(seat = %key, call = kind.name(), %error, "cannot note a transaction, submitting it anyway");
			}
		}
		let until = match id {
			// What was shown may be demanded again while finality stands, and the chain takes no answer twice.
			TxId::Seat(_, TxKind::Answer(..)) => self.view.best.number.saturating_add(UNKNOWN_FATE),
			// As long as this process lives it knows what became of it.
			_ => BlockNumber::MAX,
		};
		self.local.attempts.insert(id, Attempt::InFlight { until });
	}

	/// Takes notice of what became of a copy with this tip.
	pub(super) fn on_submitted(&mut self, number: u64, tip: Balance, result: Result<BlockNumber, SubmitError>) {
		let Some(pending) = self.pending.get_mut(&number) else {
			// Another copy of it is in a block.
			return;
		};
		pending.copies = pending.copies.saturating_sub(1);
		if let Err(error) = &result {
			let poor = tip > 0 && matches!(error, SubmitError::CannotPay(_));
			if tip == pending.tip {
				// It can be offered again.
				(pending.tip, pending.tip_from) = (0, self.view.best.number.saturating_add(1));
			}
			if poor {
				tracing::warn!(%error, "the operator cannot pay a tip; going on without");
				self.poor_until = Some(self.view.best.number.saturating_add(UNTIPPED));
			} else {
				let errors = pending.failed.take().into_iter().chain([error.clone()]);
				pending.failed = errors.max_by_key(openness);
			}
			if pending.copies > 0 {
				// A copy is still under way, and may do it.
				return;
			}
			if poor && pending.failed.is_none() {
				pending.copies = 1;
				let tx = pending.tx.clone();
				return self.spawn(number, tx, 0);
			}
		}
		let Some(pending) = self.pending.remove(&number) else {
			return;
		};
		let result = match pending.failed {
			Some(error) if result.is_err() => Err(error),
			_ => result,
		};
		for id in pending.calls {
			self.on_done(id, result.clone());
		}
	}

	pub(super) fn on_done(&mut self, id: TxId, result: Result<BlockNumber, SubmitError>) {
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
					// What is not due costs nothing, and its time may come soon.
					SubmitError::NotIncluded(_) | SubmitError::NotDue(_) => Attempt::Backoff {
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
			(TxId::Seat(key, TxKind::Accuse), result) => self.on_accused(key, result),
			(TxId::Seat(key, TxKind::Unavailable), Ok(_)) => self.note_called(key),
			// It was not heard, or a second time: it is given back, which the chain takes of the first only.
			(TxId::Seat(key, TxKind::Unavailable), Err(SubmitError::Failed(_) | SubmitError::NotDue(_))) => {
				self.local.unheard.insert(key);
			}
			(TxId::Seat(key, TxKind::Decline), Err(SubmitError::Failed(_))) => {
				if self.local.unheard.remove(&key) {
					self.note_called(key);
				}
			}
			// The chain hears neither now, as while the case is frozen: it is told again.
			(TxId::Seat(key, TxKind::Decline), Err(SubmitError::NotDue(_))) => {
				self.local.unheard.remove(&key);
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
					Some(Event::Submitted(number, tip, result)) => self.on_submitted(number, tip, result),
					Some(Event::Shown(key, wanted, shown)) => self.on_shown(key, wanted, shown),
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
