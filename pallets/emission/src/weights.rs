//! Weights of `pallet_emission`.
//!
//! Database accesses are counted from the code; times are set from calls of `pallet_balances` with like accesses, above
//! them. Measured weights of a runtime replace these.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]
#![allow(dead_code)]

use frame_support::{traits::Get, weights::Weight};
use core::marker::PhantomData;

/// Weight functions needed for `pallet_emission`.
pub trait WeightInfo {
	fn claim() -> Weight;
	fn prune() -> Weight;
	fn poll_idle() -> Weight;
	fn close_era() -> Weight;
	fn on_settled(n: u32, ) -> Weight;
}

/// Weights for `pallet_emission`.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Emission::Era` (r:1 w:0)
	/// Storage: `Emission::Budgets` (r:1 w:1)
	/// Storage: `Emission::Points` (r:1 w:1)
	/// Storage: `Emission::Emitted` (r:1 w:1)
	/// Storage: `System::Account` (r:1 w:1)
	/// Storage: the clock (r:1 w:0), the parameters (r:1 w:0), `Balances::TotalIssuance` (r:1 w:1)
	fn claim() -> Weight {
		Weight::from_parts(95_000_000, 3_667)
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `Emission::Era` (r:1 w:0)
	/// Storage: `Emission::Budgets` (r:1 w:1)
	/// Storage: `Emission::Points` (r:1 w:1)
	/// Storage: `Emission::Emitted` (r:1 w:1)
	/// Storage: the clock (r:1 w:0), the parameters (r:1 w:0)
	fn prune() -> Weight {
		Weight::from_parts(50_000_000, 3_667)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Emission::Era` (r:1 w:0)
	/// Storage: the clock (r:1 w:0), the parameters (r:1 w:0)
	fn poll_idle() -> Weight {
		Weight::from_parts(8_000_000, 1_700)
			.saturating_add(T::DbWeight::get().reads(3_u64))
	}
	/// Storage: `Emission::Era` (r:1 w:1)
	/// Storage: `Emission::Emitted` (r:1 w:1)
	/// Storage: `Emission::Budgets` (r:0 w:1)
	fn close_era() -> Weight {
		Weight::from_parts(60_000_000, 1_700)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Emission::Era` (r:1 w:1)
	/// Storage: `Emission::Points` (r:7 w:7)
	/// Storage: the clock (r:1 w:0), the parameters (r:1 w:0)
	/// The range of component `n` is `[1, 7]`.
	fn on_settled(n: u32, ) -> Weight {
		Weight::from_parts(15_000_000, 1_700)
			.saturating_add(Weight::from_parts(9_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(1_u64))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 2_571).saturating_mul(n.into()))
	}
}
