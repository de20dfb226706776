//! Showing what clients demand of outputs in custody: whoever keeps them and is silent loses what is withheld of its pay and
//! as much of its bond as it was paid.

use super::{Agent, Event, Shared};
use crate::{
	decide::{may_submit, Attempt, TxId, View},
	market::{Heads, Market, SubmitError, Tx},
	seat::{SeatKey, TxKind},
	tip::Time,
};
use millrace_court::demand::{Answer, Part, Wanted};
use millrace_primitives::{api::DemandView, BlockNumber, MarketBlock};
use std::{collections::BTreeMap, sync::Arc};

/// Demands are looked for after so many blocks; while there are some, in each block.
const INTERVAL: BlockNumber = 10;
/// So many answers are on their way into a block at once: some of those that a client may demand of all shards together, each
/// block, and two megabytes.
const AT_ONCE: usize = 64;
/// For each seat before it a provider waits so many market blocks, so that two do not pay for the same answer; at most half of
/// the time that there is.
const STAGGER: MarketBlock = 20;

/// What is demanded, as the best block has it.
#[derive(Default)]
pub(super) struct Demanded {
	asked: BlockNumber,
	demands: Vec<DemandView>,
	/// From when on each is answered by this provider, and by when it must be.
	turns: BTreeMap<(SeatKey, Wanted), Turn>,
}

#[derive(Clone, Copy)]
struct Turn {
	from: MarketBlock,
	due: MarketBlock,
}

impl Demanded {
	/// The times that run for answers.
	pub(super) fn times(&self) -> impl Iterator<Item = (Time, MarketBlock)> + '_ {
		let time = |key: SeatKey, wanted| Time::of(id(key, wanted));
		self.turns
			.iter()
			.filter_map(move |((key, wanted), turn)| Some((time(*key, *wanted)?, turn.due)))
	}
}

fn wanted(demand: &DemandView) -> Wanted {
	Wanted {
		task: demand.task,
		part: demand.chunk.map_or(Part::Outcome, Part::Chunk),
	}
}

/// When a seat answers that sees a demand now.
fn turn(seat: u8, now: MarketBlock, due: MarketBlock) -> MarketBlock {
	let wait = STAGGER.saturating_mul(seat.into());
	now.saturating_add(wait.min(due.saturating_sub(now) / 2))
}

impl<M: Market> Agent<M> {
	/// Reads what is demanded, as far as that is due. Without it work goes on.
	pub(super) async fn look_at_demands(&mut self, view: &View, heads: Heads) {
		let keeps = view.custody.as_ref().is_some_and(|custody| !custody.seats.is_empty());
		let (number, asked) = (heads.best.number, self.demanded.asked);
		let due = number < asked || number - asked >= INTERVAL || !self.demanded.demands.is_empty();
		if !keeps || !due {
			return;
		}
		match self.shared.market.demands(heads.best).await {
			Ok(demands) => self.note_demands(demands, view, number),
			Err(error) => tracing::warn!(%error, "cannot see what is demanded of outputs, trying again"),
		}
	}

	fn note_demands(&mut self, demands: Vec<DemandView>, view: &View, number: BlockNumber) {
		let custody = view.custody.iter().flat_map(|custody| custody.seats.keys());
		let seats: BTreeMap<_, _> = custody.map(|key| (key.shard, *key)).collect();
		let mut turns = BTreeMap::new();
		for demand in &demands {
			let Some(key) = seats.get(&demand.shard) else { continue };
			let wanted = wanted(demand);
			let known = self.demanded.turns.get(&(*key, wanted));
			let from = known.map(|turn| turn.from).unwrap_or_else(|| {
				tracing::warn!(
					seat = %key,
					task = wanted.task,
					chunk = demand.chunk,
					due = demand.due,
					"a part of its outputs is demanded on chain: do clients reach this endpoint?"
				);
				turn(key.seat, view.best.now, demand.due)
			});
			let due = demand.due;
			turns.insert((*key, wanted), Turn { from, due });
		}
		let before = std::mem::replace(
			&mut self.demanded,
			Demanded {
				asked: number,
				demands,
				turns,
			},
		);
		// What was shown may be demanded again, before the answer is final.
		for (key, wanted) in before.turns.into_keys() {
			if !self.demanded.turns.contains_key(&(key, wanted)) {
				self.local.attempts.remove(&id(key, wanted));
			}
		}
	}

	/// Answers what is demanded, what is due first before others.
	pub(super) fn answer_demands(&mut self) {
		let now = self.view.best.now;
		// What is in a block already is demanded no more, and may wait long for finality.
		let under_way = |(key, wanted): &&(SeatKey, Wanted)| {
			let attempt = self.local.attempts.get(&id(*key, *wanted));
			matches!(attempt, Some(Attempt::InFlight { .. }))
		};
		let busy = self.demanded.turns.keys().filter(under_way).count();
		let mut ready: Vec<_> = self
			.demanded
			.turns
			.iter()
			.filter(|(_, turn)| turn.from <= now)
			.collect();
		ready.sort_by_key(|(_, turn)| (turn.due, turn.from));
		let ready: Vec<_> = ready
			.into_iter()
			.map(|((key, wanted), _)| (*key, *wanted))
			.filter(|(key, wanted)| may_submit(&self.view, &self.local, id(*key, *wanted)))
			.take(AT_ONCE.saturating_sub(busy))
			.collect();
		for (key, wanted) in ready {
			self.answer(key, wanted);
		}
	}

	fn answer(&mut self, key: SeatKey, wanted: Wanted) {
		let until = BlockNumber::MAX;
		self.local.attempts.insert(id(key, wanted), Attempt::InFlight { until });
		let shared = self.shared.clone();
		tokio::spawn(async move {
			let shown = show(&shared, key, wanted).await.map(Box::new);
			let _ = shared.sender.send(Event::Shown(key, wanted, shown));
		});
	}

	pub(super) fn on_shown(&mut self, key: SeatKey, wanted: Wanted, shown: Result<Box<Answer>, String>) {
		match shown {
			Ok(answer) => self.send(vec![id(key, wanted)], Tx::Answer(key.shard, wanted.task, answer)),
			Err(why) => self.on_done(id(key, wanted), Err(SubmitError::NotIncluded(why))),
		}
	}
}

fn id(key: SeatKey, wanted: Wanted) -> TxId {
	let chunk = match wanted.part {
		Part::Outcome => None,
		Part::Chunk(chunk) => Some(chunk),
	};
	TxId::Seat(key, TxKind::Answer(wanted.task, chunk))
}

/// What is stored of it, and what proves it; hashing a large output takes a while.
async fn show<M: Market>(shared: &Arc<Shared<M>>, key: SeatKey, wanted: Wanted) -> Result<Answer, String> {
	let shared = shared.clone();
	let found = tokio::task::spawn_blocking(move || shared.outputs.answer(key, wanted)).await;
	match found {
		Ok(Ok(Some(answer))) => Ok(answer),
		Ok(Ok(None)) => Err("what is demanded is not among its outputs".into()),
		Ok(Err(error)) => Err(error.to_string()),
		Err(error) => Err(error.to_string()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn seats_take_turns_and_all_of_them_come_in_time() {
		assert_eq!(turn(0, 100, 250), 100);
		assert_eq!(turn(1, 100, 250), 120);
		// With half of the time left for it.
		assert_eq!(turn(6, 100, 250), 175);
		assert_eq!(turn(3, 100, 101), 100);
		assert_eq!(turn(3, 100, 90), 100);
		assert_eq!(
			turn(u8::MAX, MarketBlock::MAX - 1, MarketBlock::MAX),
			MarketBlock::MAX - 1
		);
	}
}
