//! Weights of `pallet_attestations`.

#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight functions needed for `pallet_attestations`.
pub trait WeightInfo {
	fn seal() -> Weight;
	fn reveal() -> Weight;
	fn advance() -> Weight;
	fn staff() -> Weight;
	fn settle(s: u32) -> Weight;
	fn attack() -> Weight;
	fn accuse() -> Weight;
	fn play() -> Weight;
	fn prove() -> Weight;
	fn time() -> Weight;
	fn decline() -> Weight;
	fn pull() -> Weight;
	fn verdict() -> Weight;
	fn enact(s: u32) -> Weight;
	fn void() -> Weight;
	fn freeze() -> Weight;
}

/// Weights of `pallet_attestations` on the runtime's database.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn seal() -> Weight {
		Weight::from_parts(220_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(18))
			.saturating_add(T::DbWeight::get().writes(15))
	}
	fn reveal() -> Weight {
		Weight::from_parts(200_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(15))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	fn advance() -> Weight {
		Weight::from_parts(120_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	fn staff() -> Weight {
		Weight::from_parts(600_000_000, 60_000)
			.saturating_add(T::DbWeight::get().reads(60))
			.saturating_add(T::DbWeight::get().writes(12))
	}
	fn settle(s: u32) -> Weight {
		Weight::from_parts(250_000_000, 12_000)
			.saturating_add(Weight::from_parts(120_000_000, 4_000).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(12_u64.saturating_add(8_u64.saturating_mul(s.into()))))
			.saturating_add(T::DbWeight::get().writes(8_u64.saturating_add(8_u64.saturating_mul(s.into()))))
	}
	fn attack() -> Weight {
		Weight::from_parts(200_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(11))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn accuse() -> Weight {
		Weight::from_parts(220_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	fn play() -> Weight {
		Weight::from_parts(250_000_000, 16_000)
			.saturating_add(T::DbWeight::get().reads(15))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn prove() -> Weight {
		Weight::from_parts(1_500_000_000, 16_000)
			.saturating_add(T::DbWeight::get().reads(12))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	fn time() -> Weight {
		Weight::from_parts(220_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(11))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	fn decline() -> Weight {
		Weight::from_parts(180_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(15))
			.saturating_add(T::DbWeight::get().writes(12))
	}
	fn pull() -> Weight {
		Weight::from_parts(200_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn verdict() -> Weight {
		Weight::from_parts(150_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn enact(s: u32) -> Weight {
		Weight::from_parts(100_000_000, 12_000)
			.saturating_add(Weight::from_parts(60_000_000, 3_000).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64.saturating_add(2_u64.saturating_mul(s.into()))))
			.saturating_add(T::DbWeight::get().writes(4_u64.saturating_add(s.into())))
	}
	fn void() -> Weight {
		Weight::from_parts(120_000_000, 12_000)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	fn freeze() -> Weight {
		Weight::from_parts(60_000_000, 8_000)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
}
