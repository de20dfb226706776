//! Weights of `pallet_attestations`.
//!
//! Database accesses, those of the assignments and the registry included, are counted from the code and rounded up;
//! times are set from calls of other pallets with like accesses, above them. Measured weights of a runtime replace these.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]
#![allow(dead_code)]

use frame_support::{traits::Get, weights::Weight};
use core::marker::PhantomData;

/// Weight functions needed for `pallet_attestations`.
pub trait WeightInfo {
	fn seal() -> Weight;
	fn reveal() -> Weight;
	fn reveal_last(s: u32, ) -> Weight;
	fn seal_many(n: u32, ) -> Weight;
	fn reveal_many(n: u32, ) -> Weight;
	fn poke(n: u32, ) -> Weight;
	fn serve_base() -> Weight;
	fn serve_stale() -> Weight;
	fn serve_missed(s: u32, ) -> Weight;
}

/// Weights for `pallet_attestations`.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Attestations::Evidence` (r:1 w:1)
	/// Storage: `Attestations::Queue` (r:1 w:1)
	/// Storage: `Attestations::Deadlines` (r:0 w:1)
	/// Storage: the clock (r:1 w:0), the parameters (r:1 w:0)
	/// Storage: the operator's and the provider's records, its pool entries, the job and the shard (r:8 w:7)
	fn seal() -> Weight {
		Weight::from_parts(90_000_000, 8_000)
			.saturating_add(T::DbWeight::get().reads(12_u64))
			.saturating_add(T::DbWeight::get().writes(10_u64))
	}
	/// Storage: `Attestations::Evidence` (r:1 w:1)
	/// Storage: the operator's and the provider's records, the job and the shard (r:5 w:3)
	fn reveal() -> Weight {
		Weight::from_parts(65_000_000, 6_500)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `Attestations::Evidence` (r:1 w:1)
	/// Storage: the job, the shard, the client's escrow, the era, the parameters (r:13 w:9)
	/// Storage: for each seat the provider's records, account, points and liability (r:8 w:7)
	/// The range of component `s` is `[2, 7]`.
	fn reveal_last(s: u32, ) -> Weight {
		Weight::from_parts(180_000_000, 12_000)
			.saturating_add(Weight::from_parts(140_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(14_u64))
			.saturating_add(T::DbWeight::get().reads((8_u64).saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(10_u64))
			.saturating_add(T::DbWeight::get().writes((7_u64).saturating_mul(s.into())))
			.saturating_add(Weight::from_parts(0, 20_000).saturating_mul(s.into()))
	}
	/// Storage: as of `seal`, for each item the evidence, deadline, job, shard and provider.
	/// The range of component `n` is `[1, 32]`.
	fn seal_many(n: u32, ) -> Weight {
		Weight::from_parts(30_000_000, 8_000)
			.saturating_add(Weight::from_parts(75_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().reads((5_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(6_u64))
			.saturating_add(T::DbWeight::get().writes((5_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 6_000).saturating_mul(n.into()))
	}
	/// Storage: as of `reveal_last` with seven seats for each item.
	/// The range of component `n` is `[1, 32]`.
	fn reveal_many(n: u32, ) -> Weight {
		Weight::from_parts(50_000_000, 12_000)
			.saturating_add(Weight::from_parts(1_160_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(14_u64))
			.saturating_add(T::DbWeight::get().reads((64_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(10_u64))
			.saturating_add(T::DbWeight::get().writes((55_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 145_000).saturating_mul(n.into()))
	}
	/// Storage: as of `serve_base`, and of `serve_missed` with seven seats for each deadline.
	/// The range of component `n` is `[1, 32]`.
	fn poke(n: u32, ) -> Weight {
		Weight::from_parts(20_000_000, 5_000)
			.saturating_add(Weight::from_parts(810_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().reads((62_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(3_u64))
			.saturating_add(T::DbWeight::get().writes((54_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 145_000).saturating_mul(n.into()))
	}
	/// Storage: `Attestations::Queue` (r:1 w:0)
	/// Storage: `Attestations::Deadlines` (r:1 w:0)
	/// Storage: the clock (r:1 w:0)
	fn serve_base() -> Weight {
		Weight::from_parts(9_000_000, 3_500)
			.saturating_add(T::DbWeight::get().reads(3_u64))
	}
	/// Storage: `Attestations::Queue` (r:0 w:1)
	/// Storage: `Attestations::Deadlines` (r:1 w:1)
	/// Storage: `Attestations::Evidence` (r:1 w:0)
	fn serve_stale() -> Weight {
		Weight::from_parts(18_000_000, 4_500)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	/// Storage: `Attestations::Queue` (r:0 w:1)
	/// Storage: `Attestations::Deadlines` (r:1 w:1)
	/// Storage: `Attestations::Evidence` (r:1 w:1)
	/// Storage: the job, the shard, the queue of draws (r:4 w:4)
	/// Storage: for each seat the provider's records, account and pool entries (r:8 w:7)
	/// The range of component `s` is `[1, 7]`.
	fn serve_missed(s: u32, ) -> Weight {
		Weight::from_parts(40_000_000, 8_000)
			.saturating_add(Weight::from_parts(110_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(38_u64))
			.saturating_add(T::DbWeight::get().reads((22_u64).saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(39_u64))
			.saturating_add(T::DbWeight::get().writes((20_u64).saturating_mul(s.into())))
			.saturating_add(Weight::from_parts(0, 20_000).saturating_mul(s.into()))
	}
}
