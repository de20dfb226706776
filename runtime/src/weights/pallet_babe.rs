//! Weights of BABE's calls.
//!
//! Composed by hand: the pallet benchmarks only the check of an equivocation proof. That is as measured; the rest of a
//! report (membership proof, offence) is bounded by the figures that the pallet itself uses, over this chain's database.

use super::pallet_grandpa::report_offence;
use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight functions for `pallet_babe`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_babe::WeightInfo for WeightInfo<T> {
	fn plan_config_change() -> Weight {
		T::DbWeight::get().writes(1)
	}

	fn report_equivocation(validator_count: u32, max_nominators_per_validator: u32) -> Weight {
		// Check of the equivocation proof: two signatures.
		Weight::from_parts(125_000_000, 0)
			.saturating_add(report_offence::<T>(validator_count, max_nominators_per_validator))
	}
}
