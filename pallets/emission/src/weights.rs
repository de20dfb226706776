//! Weights of `pallet_emission`, measured by its benchmarks. Written by `scripts/weights.sh`; changes are lost.
//!
//! frame-benchmarking-cli 64.0.0, 2026-11-21, 20 steps, 10 repeats, AMD EPYC.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight functions needed for `pallet_emission`.
pub trait WeightInfo {
	fn claim() -> Weight;
	fn prune() -> Weight;
	fn poll_idle() -> Weight;
	fn close_era() -> Weight;
}

/// Weights of `pallet_emission` on the runtime's database.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Era` (r:1 w:0)
	/// Proof: `Emission::Era` (`max_values`: Some(1), `max_size`: Some(24), added: 519, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Budgets` (r:1 w:1)
	/// Proof: `Emission::Budgets` (`max_values`: None, `max_size`: Some(76), added: 2551, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Points` (r:1 w:1)
	/// Proof: `Emission::Points` (`max_values`: None, `max_size`: Some(76), added: 2551, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Emitted` (r:1 w:1)
	/// Proof: `Emission::Emitted` (`max_values`: Some(1), `max_size`: Some(48), added: 543, mode: `MaxEncodedLen`)
	/// By hand: the provider's record.
	fn claim() -> Weight {
		// Minimum execution time: 60_029_000 picoseconds.
		Weight::from_parts(113_707_000, 3593)
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Era` (r:1 w:0)
	/// Proof: `Emission::Era` (`max_values`: Some(1), `max_size`: Some(24), added: 519, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Budgets` (r:1 w:1)
	/// Proof: `Emission::Budgets` (`max_values`: None, `max_size`: Some(76), added: 2551, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Points` (r:1 w:1)
	/// Proof: `Emission::Points` (`max_values`: None, `max_size`: Some(76), added: 2551, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Emitted` (r:1 w:1)
	/// Proof: `Emission::Emitted` (`max_values`: Some(1), `max_size`: Some(48), added: 543, mode: `MaxEncodedLen`)
	/// By hand: the provider's record.
	fn prune() -> Weight {
		// Minimum execution time: 34_341_000 picoseconds.
		Weight::from_parts(62_020_000, 3585)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Era` (r:1 w:0)
	/// Proof: `Emission::Era` (`max_values`: Some(1), `max_size`: Some(24), added: 519, mode: `MaxEncodedLen`)
	fn poll_idle() -> Weight {
		// Minimum execution time: 11_868_000 picoseconds.
		Weight::from_parts(13_690_000, 3585)
			.saturating_add(T::DbWeight::get().reads(3_u64))
	}
	/// Storage: `Emission::Era` (r:1 w:1)
	/// Proof: `Emission::Era` (`max_values`: Some(1), `max_size`: Some(24), added: 519, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Emitted` (r:1 w:1)
	/// Proof: `Emission::Emitted` (`max_values`: Some(1), `max_size`: Some(48), added: 543, mode: `MaxEncodedLen`)
	/// Storage: `Emission::Budgets` (r:0 w:1)
	/// Proof: `Emission::Budgets` (`max_values`: None, `max_size`: Some(76), added: 2551, mode: `MaxEncodedLen`)
	fn close_era() -> Weight {
		// Minimum execution time: 15_373_000 picoseconds.
		Weight::from_parts(17_246_000, 1533)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
}
