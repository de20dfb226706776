//! The queue of reveal deadlines.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// When a shard's seats must be revealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Deadline {
	/// The shard.
	pub shard: ShardId,
	/// The last market block in which they may be. The entry is stale unless the shard's evidence names the same.
	pub due: MarketBlock,
}

/// The numbers `head..tail` of the queue's entries.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct QueueRange {
	/// The oldest entry's number.
	pub head: u64,
	/// The number that the next entry gets.
	pub tail: u64,
}

impl<T: Config> Pallet<T> {
	/// Opens a shard's reveal window; returns its last block.
	pub(crate) fn enqueue(shard: ShardId) -> MarketBlock {
		let due = T::Clock::now().saturating_add(T::Parameters::get().reveal_window);
		Queue::<T>::mutate(|queue| {
			Deadlines::<T>::insert(queue.tail, Deadline { shard, due });
			queue.tail = queue.tail.saturating_add(1);
		});
		due
	}

	/// The weight of the deadline that costs most.
	pub(crate) fn dearest_deadline() -> Weight {
		T::WeightInfo::serve_missed(MAX_REPLICAS.into()).max(T::WeightInfo::serve_stale())
	}

	/// Serves at most `max` deadlines that have passed at `now`, as long as the meter can pay for the dearest; returns
	/// how many.
	pub(crate) fn serve(now: MarketBlock, max: u32, meter: &mut WeightMeter) -> u32 {
		if meter.try_consume(T::WeightInfo::serve_base()).is_err() {
			return 0;
		}
		let mut queue = Queue::<T>::get();
		let mut served = 0;
		while queue.head < queue.tail && served < max && meter.can_consume(Self::dearest_deadline()) {
			let deadline = Deadlines::<T>::get(queue.head);
			if deadline.is_some_and(|deadline| deadline.due >= now) {
				break;
			}
			Deadlines::<T>::remove(queue.head);
			queue.head += 1;
			// Before anybody is told, so that nobody finds the queue half changed.
			Queue::<T>::put(queue);
			let missed = deadline.map_or(0, Self::expire);
			meter.consume(if missed == 0 {
				T::WeightInfo::serve_stale()
			} else {
				T::WeightInfo::serve_missed(missed)
			});
			served += 1;
		}
		served
	}

	/// Removes the seats that did not reveal and reports them, all at once; returns how many.
	fn expire(deadline: Deadline) -> u32 {
		let Deadline { shard, due } = deadline;
		let Some(mut evidence) = Evidence::<T>::get(shard).filter(|evidence| evidence.reveal_due == Some(due)) else {
			return 0;
		};
		let missed: Vec<_> = evidence
			.entries
			.iter()
			.filter(|entry| entry.report.is_none())
			.map(|e| (e.seat, e.provider.clone()))
			.collect();
		evidence.entries.retain(|entry| entry.report.is_some());
		evidence.reveal_due = None;
		Evidence::<T>::insert(shard, evidence);
		let seats: Vec<u8> = missed.iter().map(|(seat, _)| *seat).collect();
		for (seat, provider) in missed {
			Self::deposit_event(Event::RevealMissed { shard, seat, provider });
		}
		T::Assignments::on_missed_reveals(shard, &seats);
		seats.len() as u32
	}
}
