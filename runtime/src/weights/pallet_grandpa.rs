//! Weights of GRANDPA's calls, composed as those of BABE are; `note_stalled` is as measured.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight functions for `pallet_grandpa`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_grandpa::WeightInfo for WeightInfo<T> {
	fn report_equivocation(validator_count: u32, max_nominators_per_validator: u32) -> Weight {
		// Check of the equivocation proof: two signatures.
		Weight::from_parts(95_000_000, 0)
			.saturating_add(report_offence::<T>(validator_count, max_nominators_per_validator))
			// From the set's number to its sessions.
			.saturating_add(T::DbWeight::get().reads(2))
	}

	fn note_stalled() -> Weight {
		Weight::from_parts(5_200_000, 0).saturating_add(T::DbWeight::get().writes(1))
	}
}

/// What every report costs beyond the check of the equivocation itself.
pub(super) fn report_offence<T: frame_system::Config>(validators: u32, nominators: u32) -> Weight {
	// The number comes from the reporter's proof, hence the floor.
	let validators = u64::from(validators.max(100));
	let nominators = u64::from(nominators);
	// Membership proof.
	Weight::from_parts(35_000_000, 0)
		.saturating_add(Weight::from_parts(175_000, 0).saturating_mul(validators))
		.saturating_add(T::DbWeight::get().reads(5))
		// The offence.
		.saturating_add(Weight::from_parts(110_000_000, 0))
		.saturating_add(Weight::from_parts(25_000_000, 0).saturating_mul(nominators))
		.saturating_add(
			T::DbWeight::get()
				.reads_writes(14, 10)
				.saturating_add(T::DbWeight::get().reads_writes(3, 3).saturating_mul(nominators)),
		)
}
