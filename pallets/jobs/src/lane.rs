//! Which calls have room in every block, and for whom: those of whoever holds the seat or keeps the outputs that they name,
//! when it can make them.

use crate::{Call, Config, Pallet, WeightInfo};
use frame_support::{traits::Get, weights::Weight};
use millrace_court::demand::{Wanted, CHUNK};
use millrace_primitives::{
	job::{SeatEvent, SeatState},
	AccountId, ShardId,
};

impl<T: Config> Pallet<T> {
	/// What it weighs to find out whether a call of the lane is due; none of other calls.
	pub fn lane(call: &Call<T>) -> Option<Weight> {
		match call {
			Call::accept { .. } | Call::decline { .. } => Some(Self::looked(3)),
			Call::answer { .. } => Some(Self::lane_of_answer()),
			_ => None,
		}
	}

	fn looked(reads: u64) -> Weight {
		Weight::from_parts(40_000_000, 8_000).saturating_add(T::DbWeight::get().reads(reads))
	}

	/// The same of an answer: operator, demand and custody.
	pub(crate) fn lane_of_answer() -> Weight {
		Self::looked(3).saturating_add(Self::pace_weight())
	}

	/// Whether a call of the lane is its signer's to make now. What is due may still fail, and costs its fee then.
	pub fn is_due(who: &AccountId, call: &Call<T>) -> bool {
		match call {
			Call::accept { shard } => Self::may_accept(who, *shard),
			Call::decline { shard, .. } => {
				Self::seat_of_operator(who, *shard).is_ok_and(|(shard, seat)| shard.may_decline(seat))
			}
			Call::answer { shard, task, answer } => {
				let (task, part) = (*task, answer.part());
				Self::may_answer(who, *shard, Wanted { task, part })
			}
			_ => false,
		}
	}

	fn may_accept(who: &AccountId, shard: ShardId) -> bool {
		let Ok((shard, seat)) = Self::seat_of_operator(who, shard) else {
			return false;
		};
		let next = shard.holder(seat).map(|holder| holder.state.on(SeatEvent::Accept));
		next == Some(Ok(Some(SeatState::Accepted)))
	}

	/// What the dearest call of the lane weighs.
	pub fn dearest_of_lane() -> Weight {
		T::WeightInfo::accept()
			.max(T::WeightInfo::decline().saturating_add(T::WeightInfo::end_shard()))
			.max(T::WeightInfo::answer(CHUNK).saturating_add(Self::pace_weight()))
	}
}
