//! Weights for `pallet_jobs`.
//!
//! Provisional figures with the reads and writes of each step's worst state, in the layout that
//! `frame-omni-bencher v1 benchmark pallet` generates.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]
#![allow(dead_code)]

use frame_support::{traits::Get, weights::{Weight, constants::RocksDbWeight}};
use core::marker::PhantomData;

/// Weight functions needed for `pallet_jobs`.
pub trait WeightInfo {
	fn publish_program() -> Weight;
	fn withdraw_program() -> Weight;
	fn submit() -> Weight;
	fn top_up() -> Weight;
	fn cancel() -> Weight;
	fn accept() -> Weight;
	fn decline() -> Weight;
	fn acknowledge(n: u32, ) -> Weight;
	fn claim_owed() -> Weight;
	fn tick() -> Weight;
	fn skip_entry() -> Weight;
	fn visit_nothing() -> Weight;
	fn draw_seat() -> Weight;
	fn start_shard() -> Weight;
	fn draw_nobody() -> Weight;
	fn end_shard() -> Weight;
	fn timer_stale() -> Weight;
	fn timer_again() -> Weight;
	fn timer_accept() -> Weight;
	fn timer_execute() -> Weight;
	fn timer_back_off() -> Weight;
	fn timer_expire() -> Weight;
	fn timer_custody() -> Weight;
	fn on_sealed() -> Weight;
	fn on_missed_reveal() -> Weight;
	fn on_verdict() -> Weight;
}

/// Weights for `pallet_jobs` with the runtime's database weights.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn publish_program() -> Weight {
		Weight::from_parts(52_000_000, 3800)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	fn withdraw_program() -> Weight {
		Weight::from_parts(50_000_000, 3800)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	fn submit() -> Weight {
		Weight::from_parts(115_000_000, 7000)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(11_u64))
	}
	fn top_up() -> Weight {
		Weight::from_parts(95_000_000, 7000)
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	fn cancel() -> Weight {
		Weight::from_parts(90_000_000, 7000)
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	fn accept() -> Weight {
		Weight::from_parts(48_000_000, 6000)
			.saturating_add(T::DbWeight::get().reads(18_u64))
			.saturating_add(T::DbWeight::get().writes(18_u64))
	}
	fn decline() -> Weight {
		Weight::from_parts(75_000_000, 7000)
			.saturating_add(T::DbWeight::get().reads(22_u64))
			.saturating_add(T::DbWeight::get().writes(22_u64))
	}
	/// The range of component `n` is `[0, 64]`.
	fn acknowledge(n: u32, ) -> Weight {
		Weight::from_parts(45_000_000, 7000)
			.saturating_add(Weight::from_parts(210_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().reads((11_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(4_u64))
			.saturating_add(T::DbWeight::get().writes((11_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 19000).saturating_mul(n.into()))
	}
	fn claim_owed() -> Weight {
		Weight::from_parts(60_000_000, 6200)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	fn tick() -> Weight {
		Weight::from_parts(14_000_000, 1800)
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	fn skip_entry() -> Weight {
		Weight::from_parts(5_000_000, 3600)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	fn visit_nothing() -> Weight {
		Weight::from_parts(14_000_000, 4500)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	fn draw_seat() -> Weight {
		Weight::from_parts(190_000_000, 60000)
			.saturating_add(T::DbWeight::get().reads(68_u64))
			.saturating_add(T::DbWeight::get().writes(36_u64))
	}
	fn start_shard() -> Weight {
		Weight::from_parts(205_000_000, 62000)
			.saturating_add(T::DbWeight::get().reads(69_u64))
			.saturating_add(T::DbWeight::get().writes(38_u64))
	}
	fn draw_nobody() -> Weight {
		Weight::from_parts(150_000_000, 55000)
			.saturating_add(T::DbWeight::get().reads(64_u64))
			.saturating_add(T::DbWeight::get().writes(29_u64))
	}
	fn end_shard() -> Weight {
		Weight::from_parts(330_000_000, 30000)
			.saturating_add(T::DbWeight::get().reads(32_u64))
			.saturating_add(T::DbWeight::get().writes(32_u64))
	}
	fn timer_stale() -> Weight {
		Weight::from_parts(13_000_000, 4500)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	fn timer_again() -> Weight {
		Weight::from_parts(17_000_000, 4500)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	fn timer_accept() -> Weight {
		Weight::from_parts(85_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(24_u64))
			.saturating_add(T::DbWeight::get().writes(24_u64))
	}
	fn timer_execute() -> Weight {
		Weight::from_parts(120_000_000, 9000)
			.saturating_add(T::DbWeight::get().reads(29_u64))
			.saturating_add(T::DbWeight::get().writes(28_u64))
	}
	fn timer_back_off() -> Weight {
		Weight::from_parts(24_000_000, 5500)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(6_u64))
	}
	fn timer_expire() -> Weight {
		Weight::from_parts(100_000_000, 7500)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(9_u64))
	}
	fn timer_custody() -> Weight {
		Weight::from_parts(280_000_000, 24000)
			.saturating_add(T::DbWeight::get().reads(26_u64))
			.saturating_add(T::DbWeight::get().writes(26_u64))
	}
	fn on_sealed() -> Weight {
		Weight::from_parts(40_000_000, 6000)
			.saturating_add(T::DbWeight::get().reads(17_u64))
			.saturating_add(T::DbWeight::get().writes(16_u64))
	}
	fn on_missed_reveal() -> Weight {
		Weight::from_parts(115_000_000, 9000)
			.saturating_add(T::DbWeight::get().reads(28_u64))
			.saturating_add(T::DbWeight::get().writes(28_u64))
	}
	fn on_verdict() -> Weight {
		Weight::from_parts(430_000_000, 34000)
			.saturating_add(T::DbWeight::get().reads(36_u64))
			.saturating_add(T::DbWeight::get().writes(44_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn publish_program() -> Weight {
		Weight::from_parts(52_000_000, 3800)
			.saturating_add(RocksDbWeight::get().reads(3_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
	fn withdraw_program() -> Weight {
		Weight::from_parts(50_000_000, 3800)
			.saturating_add(RocksDbWeight::get().reads(3_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
	fn submit() -> Weight {
		Weight::from_parts(115_000_000, 7000)
			.saturating_add(RocksDbWeight::get().reads(9_u64))
			.saturating_add(RocksDbWeight::get().writes(11_u64))
	}
	fn top_up() -> Weight {
		Weight::from_parts(95_000_000, 7000)
			.saturating_add(RocksDbWeight::get().reads(8_u64))
			.saturating_add(RocksDbWeight::get().writes(7_u64))
	}
	fn cancel() -> Weight {
		Weight::from_parts(90_000_000, 7000)
			.saturating_add(RocksDbWeight::get().reads(8_u64))
			.saturating_add(RocksDbWeight::get().writes(7_u64))
	}
	fn accept() -> Weight {
		Weight::from_parts(48_000_000, 6000)
			.saturating_add(RocksDbWeight::get().reads(18_u64))
			.saturating_add(RocksDbWeight::get().writes(18_u64))
	}
	fn decline() -> Weight {
		Weight::from_parts(75_000_000, 7000)
			.saturating_add(RocksDbWeight::get().reads(22_u64))
			.saturating_add(RocksDbWeight::get().writes(22_u64))
	}
	/// The range of component `n` is `[0, 64]`.
	fn acknowledge(n: u32, ) -> Weight {
		Weight::from_parts(45_000_000, 7000)
			.saturating_add(Weight::from_parts(210_000_000, 0).saturating_mul(n.into()))
			.saturating_add(RocksDbWeight::get().reads(3_u64))
			.saturating_add(RocksDbWeight::get().reads((11_u64).saturating_mul(n.into())))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
			.saturating_add(RocksDbWeight::get().writes((11_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 19000).saturating_mul(n.into()))
	}
	fn claim_owed() -> Weight {
		Weight::from_parts(60_000_000, 6200)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
	}
	fn tick() -> Weight {
		Weight::from_parts(14_000_000, 1800)
			.saturating_add(RocksDbWeight::get().reads(5_u64))
			.saturating_add(RocksDbWeight::get().writes(2_u64))
	}
	fn skip_entry() -> Weight {
		Weight::from_parts(5_000_000, 3600)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
	fn visit_nothing() -> Weight {
		Weight::from_parts(14_000_000, 4500)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
	}
	fn draw_seat() -> Weight {
		Weight::from_parts(190_000_000, 60000)
			.saturating_add(RocksDbWeight::get().reads(68_u64))
			.saturating_add(RocksDbWeight::get().writes(36_u64))
	}
	fn start_shard() -> Weight {
		Weight::from_parts(205_000_000, 62000)
			.saturating_add(RocksDbWeight::get().reads(69_u64))
			.saturating_add(RocksDbWeight::get().writes(38_u64))
	}
	fn draw_nobody() -> Weight {
		Weight::from_parts(150_000_000, 55000)
			.saturating_add(RocksDbWeight::get().reads(64_u64))
			.saturating_add(RocksDbWeight::get().writes(29_u64))
	}
	fn end_shard() -> Weight {
		Weight::from_parts(330_000_000, 30000)
			.saturating_add(RocksDbWeight::get().reads(32_u64))
			.saturating_add(RocksDbWeight::get().writes(32_u64))
	}
	fn timer_stale() -> Weight {
		Weight::from_parts(13_000_000, 4500)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(2_u64))
	}
	fn timer_again() -> Weight {
		Weight::from_parts(17_000_000, 4500)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
	fn timer_accept() -> Weight {
		Weight::from_parts(85_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(24_u64))
			.saturating_add(RocksDbWeight::get().writes(24_u64))
	}
	fn timer_execute() -> Weight {
		Weight::from_parts(120_000_000, 9000)
			.saturating_add(RocksDbWeight::get().reads(29_u64))
			.saturating_add(RocksDbWeight::get().writes(28_u64))
	}
	fn timer_back_off() -> Weight {
		Weight::from_parts(24_000_000, 5500)
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().writes(6_u64))
	}
	fn timer_expire() -> Weight {
		Weight::from_parts(100_000_000, 7500)
			.saturating_add(RocksDbWeight::get().reads(9_u64))
			.saturating_add(RocksDbWeight::get().writes(9_u64))
	}
	fn timer_custody() -> Weight {
		Weight::from_parts(280_000_000, 24000)
			.saturating_add(RocksDbWeight::get().reads(26_u64))
			.saturating_add(RocksDbWeight::get().writes(26_u64))
	}
	fn on_sealed() -> Weight {
		Weight::from_parts(40_000_000, 6000)
			.saturating_add(RocksDbWeight::get().reads(17_u64))
			.saturating_add(RocksDbWeight::get().writes(16_u64))
	}
	fn on_missed_reveal() -> Weight {
		Weight::from_parts(115_000_000, 9000)
			.saturating_add(RocksDbWeight::get().reads(28_u64))
			.saturating_add(RocksDbWeight::get().writes(28_u64))
	}
	fn on_verdict() -> Weight {
		Weight::from_parts(430_000_000, 34000)
			.saturating_add(RocksDbWeight::get().reads(36_u64))
			.saturating_add(RocksDbWeight::get().writes(44_u64))
	}
}
