//! The market's clock, and when it stands: nobody's time may run in blocks in which it could not act.
//!
//! Whether a block counts is known at its end, and the next tick acts on it, by the value that it reads anyway. While the
//! clock stands nothing is drawn and no timer fires; the outputs of the VRF are kept for later draws, but those that decide
//! about cases are appended in market blocks only, so that a case never outlives them.

use crate::{Clock, Config, NextStop, Pallet, Stops};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	dispatch::DispatchClass,
	traits::Get,
	weights::{RuntimeDbWeight, Weight},
};
use frame_system::pallet_prelude::BlockNumberFor;
use millrace_primitives::{
	traits::{ClockStops, MarketClock, Stop},
	MarketBlock,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::One, Saturating};

/// In so many blocks, at most, of any [`RATION`] the clock stands for a reason that somebody may cause: an hour a day. Who
/// fills blocks for longer does not stop the market.
pub const MOST_STOPS: u32 = 1_200;
/// See [`MOST_STOPS`]: a day of blocks of three seconds.
pub const RATION: u32 = 28_800;
/// For so many blocks the clock stands when a new runtime takes over, so that all have it before their time runs.
pub const AFTER_UPGRADE: u32 = 20;

/// The market's clock.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ClockRecord<BlockNumber> {
	/// The present market block.
	pub now: MarketBlock,
	/// It stands in blocks before this one.
	pub resumes: BlockNumber,
}

impl<T: Config> MarketClock for Pallet<T> {
	fn now() -> MarketBlock {
		Self::now_block()
	}
}

impl<T: Config> Pallet<T> {
	/// The present market block.
	pub(crate) fn now_block() -> MarketBlock {
		Clock::<T>::get().now
	}

	/// Whether the clock stands in the present block.
	pub fn stands() -> bool {
		frame_system::Pallet::<T>::block_number() < Clock::<T>::get().resumes
	}

	/// Begins a block. False if the clock stands in it.
	pub(crate) fn advance_clock() -> bool {
		let block = frame_system::Pallet::<T>::block_number();
		Clock::<T>::mutate(|clock| {
			let goes = block >= clock.resumes;
			if goes {
				clock.now = clock.now.saturating_add(1);
			}
			goes
		})
	}

	/// Ends a block: sees whether it counts. What that takes beside a look at what every block has in memory is paid for by the
	/// blocks that do not.
	pub(crate) fn end_of_block(block: BlockNumberFor<T>) {
		let stop = T::ClockStops::stop();
		if stop == Stop::None {
			return;
		}
		frame_system::Pallet::<T>::register_extra_weight_unchecked(stop_weight::<T>(), DispatchClass::Mandatory);
		let next = block.saturating_add(One::one());
		let stands_anyway = next < Clock::<T>::get().resumes;
		if !stands_anyway && (stop == Stop::Firm || Self::ration(next)) {
			Self::stand_until(next.saturating_add(One::one()));
		}
	}

	/// The clock stands in blocks before this one.
	pub(crate) fn stand_until(block: BlockNumberFor<T>) {
		Clock::<T>::mutate(|clock| clock.resumes = clock.resumes.max(block));
	}

	/// Takes one of the blocks in which the clock may stand; false if there were [`MOST_STOPS`] of them in the [`RATION`] that
	/// ends with this one. They are kept in a ring, each until its place is needed again.
	fn ration(block: BlockNumberFor<T>) -> bool {
		let place = NextStop::<T>::get();
		let is_full = Stops::<T>::get(place).is_some_and(|oldest| block < oldest.saturating_add(RATION.into()));
		if !is_full {
			Stops::<T>::insert(place, block);
			NextStop::<T>::put(place.saturating_add(1) % MOST_STOPS);
		}
		!is_full
	}
}

/// What the end of a block that may not count weighs.
fn stop_weight<T: Config>() -> Weight {
	let db: RuntimeDbWeight = T::DbWeight::get();
	Weight::from_parts(20_000_000, 0).saturating_add(db.reads_writes(3, 3))
}

/// What the look at every block's end weighs: nothing of it is read from the database.
pub(crate) const LOOK: Weight = Weight::from_parts(5_000_000, 0);
