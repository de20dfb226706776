//! Weights of `pallet_parameters`, which keeps its benchmarked ones private.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight functions for `pallet_parameters`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_parameters::WeightInfo for WeightInfo<T> {
	fn set_parameter() -> Weight {
		Weight::from_parts(6_204_000, 0).saturating_add(T::DbWeight::get().reads_writes(1, 1))
	}
}
