//! What a chain is born with: the length of its slots and epochs, and the first values of its parameters.
//!
//! One wasm blob serves every network. A production chain makes a block every three seconds, a
//! development chain several a second, and both run the same code: the two numbers come from the
//! genesis configuration, are written into storage once and never again. `pallet-timestamp` and
//! `pallet-babe` read them through [`MinimumPeriod`], [`SlotDuration`] and [`EpochDuration`].
//!
//! There is no call that changes them, because BABE cannot follow such a change: nodes compute the
//! slot number from the slot duration, so a chain whose value changed would stop. A referendum that
//! writes this storage item with `system.set_storage` bricks the chain.
//!
//! The values are constants of the *chain*, not of the code. In the metadata that a node serves,
//! `babe.epochDuration`, `babe.expectedBlockTime` and `timestamp.minimumPeriod` are those of the
//! chain, since the node evaluates them over the chain's state. Metadata generated without any state
//! (the metadata hash, the client's committed copy) shows the defaults, which are those of
//! production; neither the hash nor typed clients look at the values of constants.
//!
//! `pallet-parameters` has no genesis of its own, so this pallet writes the market's first parameters into it. Those
//! may change later, by Root.

use crate::configs::{GenesisParameters, RuntimeParameters};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::fmt;
use frame_support::traits::Get;
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

pub use pallet::*;

/// Slot duration of production chains, milliseconds.
pub const PRODUCTION_SLOT_MS: u64 = 3_000;
/// Epoch length of production chains, slots: one hour.
pub const PRODUCTION_EPOCH_SLOTS: u64 = 1_200;
/// Shortest slot in which a block can still be made, sent and imported, milliseconds.
pub const MIN_SLOT_MS: u64 = 200;
/// Longest slot, milliseconds.
pub const MAX_SLOT_MS: u64 = 60_000;
/// Shortest epoch, slots. Below, secondary authors and GRANDPA would spend their time on epoch changes.
pub const MIN_EPOCH_SLOTS: u64 = 10;
/// Longest epoch, slots. Key changes and the randomness of an epoch must not wait for ever.
pub const MAX_EPOCH_SLOTS: u64 = 100_000;

/// Slot and epoch length of a chain.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timing {
	/// Length of a BABE slot in milliseconds, even, within `MIN_SLOT_MS..=MAX_SLOT_MS`.
	pub slot_duration_ms: u64,
	/// Length of an epoch, and of a session, in slots, within `MIN_EPOCH_SLOTS..=MAX_EPOCH_SLOTS`.
	pub epoch_slots: u64,
}

impl Timing {
	/// The timing of production chains.
	pub const PRODUCTION: Self = Self {
		slot_duration_ms: PRODUCTION_SLOT_MS,
		epoch_slots: PRODUCTION_EPOCH_SLOTS,
	};

	/// Checks both lengths against their ranges.
	pub fn validate(&self) -> Result<(), InvalidTiming> {
		if !(MIN_SLOT_MS..=MAX_SLOT_MS).contains(&self.slot_duration_ms) {
			return Err(InvalidTiming::SlotOutOfRange(self.slot_duration_ms));
		}
		// Timestamps must advance by at least half a slot, see `MinimumPeriod`.
		if self.slot_duration_ms % 2 != 0 {
			return Err(InvalidTiming::SlotIsOdd(self.slot_duration_ms));
		}
		if !(MIN_EPOCH_SLOTS..=MAX_EPOCH_SLOTS).contains(&self.epoch_slots) {
			return Err(InvalidTiming::EpochOutOfRange(self.epoch_slots));
		}
		Ok(())
	}
}

impl Default for Timing {
	fn default() -> Self {
		Self::PRODUCTION
	}
}

/// Why a [`Timing`] is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTiming {
	/// The slot duration, in milliseconds, is outside its range.
	SlotOutOfRange(u64),
	/// The slot duration, in milliseconds, cannot be halved.
	SlotIsOdd(u64),
	/// The epoch length, in slots, is outside its range.
	EpochOutOfRange(u64),
}

impl fmt::Display for InvalidTiming {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::SlotOutOfRange(ms) => {
				write!(f, "slotDurationMs is {ms}, allowed are {MIN_SLOT_MS} to {MAX_SLOT_MS}")
			}
			Self::SlotIsOdd(ms) => write!(f, "slotDurationMs is {ms}, it must be even"),
			Self::EpochOutOfRange(slots) => {
				write!(
					f,
					"epochSlots is {slots}, allowed are {MIN_EPOCH_SLOTS} to {MAX_EPOCH_SLOTS}"
				)
			}
		}
	}
}

#[frame_support::pallet]
pub mod pallet {
	use super::{GenesisParameters, RuntimeParameters, Timing};
	use frame_support::{pallet_prelude::*, traits::dynamic_params::AggregatedKeyValue};
	use frame_system::pallet_prelude::*;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// Nothing to configure: everything comes from genesis.
	#[pallet::config]
	pub trait Config: frame_system::Config + pallet_parameters::Config<RuntimeParameters = RuntimeParameters> {}

	/// The chain's slot and epoch length. Written at genesis only.
	#[pallet::storage]
	pub type ChainTiming<T> = StorageValue<_, Timing, ValueQuery>;

	/// The lengths that a new chain starts with.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Slot and epoch length. Production values unless given.
		pub timing: Timing,
		/// The market's parameters. Production values unless given.
		pub parameters: GenesisParameters,
		/// The runtime.
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			// `build` cannot return an error. A genesis that comes as JSON was refused before, by the genesis builder
			// API, with a message instead of a panic.
			if let Err(error) = self.timing.validate() {
				panic!("invalid genesis: {error}");
			}
			if let Err((pallet, parameter)) = self.parameters.validate() {
				panic!("invalid genesis: {pallet}.{parameter} is outside its limits");
			}
			ChainTiming::<T>::put(self.timing);
			for parameter in self.parameters.clone().into_parameters() {
				let (key, value) = parameter.into_parts();
				pallet_parameters::Parameters::<T>::set(key, value);
			}
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			// The one read that timestamp and BABE cause in each block; later ones hit the overlay.
			T::DbWeight::get().reads(1)
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			ChainTiming::<T>::get()
				.validate()
				.map_err(|_| sp_runtime::TryRuntimeError::Other("the chain's timing is invalid"))
		}
	}
}

/// Length of a slot, milliseconds.
pub struct SlotDuration<T>(core::marker::PhantomData<T>);

impl<T: Config> Get<u64> for SlotDuration<T> {
	fn get() -> u64 {
		ChainTiming::<T>::get().slot_duration_ms
	}
}

/// Shortest time between two blocks' timestamps, milliseconds: half a slot, from which BABE derives
/// the slot duration by doubling.
pub struct MinimumPeriod<T>(core::marker::PhantomData<T>);

impl<T: Config> Get<u64> for MinimumPeriod<T> {
	fn get() -> u64 {
		ChainTiming::<T>::get().slot_duration_ms / 2
	}
}

/// Length of an epoch, slots.
pub struct EpochDuration<T>(core::marker::PhantomData<T>);

impl<T: Config> Get<u64> for EpochDuration<T> {
	fn get() -> u64 {
		ChainTiming::<T>::get().epoch_slots
	}
}
