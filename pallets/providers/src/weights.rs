//! Weights of `pallet_providers`, computed from the storage that each function touches in its worst state, at what the
//! configured database charges for it, plus an estimate of its own work. The file has the layout of a
//! generated one, so that a benchmark run replaces it.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight functions needed for `pallet_providers`.
pub trait WeightInfo {
	fn register() -> Weight;
	fn update_info() -> Weight;
	fn set_operator() -> Weight;
	fn bond_more() -> Weight;
	fn heartbeat() -> Weight;
	fn drain() -> Weight;
	fn resume() -> Weight;
	fn unbond() -> Weight;
	fn withdraw() -> Weight;
	fn draw(d: u32, ) -> Weight;
	fn reserve() -> Weight;
	fn free_slot() -> Weight;
	fn free_liability() -> Weight;
	fn slash() -> Weight;
	fn note() -> Weight;
	fn on_settled(p: u32, ) -> Weight;
}

/// Weights for `pallet_providers` on the runtime's database.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Providers::Providers` (r:2 w:1)
	/// Storage: `Providers::Operators` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `System::Account` (r:1 w:1)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	fn register() -> Weight {
		Weight::from_parts(110_000_000, 25414)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(10_u64))
	}
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:3 w:9)
	fn update_info() -> Weight {
		Weight::from_parts(150_000_000, 31271)
			.saturating_add(T::DbWeight::get().reads(11_u64))
			.saturating_add(T::DbWeight::get().writes(16_u64))
	}
	/// Storage: `Providers::Providers` (r:2 w:1)
	/// Storage: `Providers::Operators` (r:1 w:2)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `System::Account` (r:1 w:1)
	fn set_operator() -> Weight {
		Weight::from_parts(95_000_000, 13779)
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	fn bond_more() -> Weight {
		Weight::from_parts(85_000_000, 17283)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(8_u64))
	}
	/// Storage: `Providers::Operators` (r:1 w:0)
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	fn heartbeat() -> Weight {
		Weight::from_parts(60_000_000, 17228)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// Storage: `Providers::Operators` (r:1 w:0)
	/// Storage: `Providers::Providers` (r:5 w:4)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	fn drain() -> Weight {
		Weight::from_parts(90_000_000, 36799)
			.saturating_add(T::DbWeight::get().reads(13_u64))
			.saturating_add(T::DbWeight::get().writes(13_u64))
	}
	/// Storage: `Providers::Operators` (r:1 w:0)
	/// Storage: `Providers::Providers` (r:2 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	fn resume() -> Weight {
		Weight::from_parts(60_000_000, 20185)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	fn unbond() -> Weight {
		Weight::from_parts(30_000_000, 5648)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Storage: `Providers::Operators` (r:0 w:1)
	/// Storage: `Balances::Holds` (r:1 w:1)
	fn withdraw() -> Weight {
		Weight::from_parts(70_000_000, 6573)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Providers::PoolSizes` (r:1 w:0)
	/// Storage: `Providers::PoolMembers` (r:16 w:0)
	/// The range of component `d` is `[1, 16]`.
	fn draw(d: u32, ) -> Weight {
		Weight::from_parts(8_000_000, 3993)
			.saturating_add(Weight::from_parts(2_500_000, 0).saturating_mul(d.into()))
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(d.into())))
			.saturating_add(Weight::from_parts(0, 2581).saturating_mul(d.into()))
	}
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	fn reserve() -> Weight {
		Weight::from_parts(80_000_000, 31271)
			.saturating_add(T::DbWeight::get().reads(11_u64))
			.saturating_add(T::DbWeight::get().writes(13_u64))
	}
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	fn free_slot() -> Weight {
		Weight::from_parts(45_000_000, 14657)
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	fn free_liability() -> Weight {
		Weight::from_parts(18_000_000, 5648)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Storage: `System::Account` (r:1 w:1)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	fn slash() -> Weight {
		Weight::from_parts(125_000_000, 36500)
			.saturating_add(T::DbWeight::get().reads(13_u64))
			.saturating_add(T::DbWeight::get().writes(15_u64))
	}
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	fn note() -> Weight {
		Weight::from_parts(80_000_000, 31271)
			.saturating_add(T::DbWeight::get().reads(11_u64))
			.saturating_add(T::DbWeight::get().writes(13_u64))
	}
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Storage: `Providers::Providers` (r:7 w:7)
	/// The range of component `p` is `[1, 7]`.
	fn on_settled(p: u32, ) -> Weight {
		Weight::from_parts(6_000_000, 2691)
			.saturating_add(Weight::from_parts(9_000_000, 0).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(p.into())))
			.saturating_add(Weight::from_parts(0, 2957).saturating_mul(p.into()))
	}
}
