//! Weights of `pallet_jobs`, measured by its benchmarks. Written by `scripts/weights.sh`; changes are lost.
//!
//! frame-benchmarking-cli 64.0.0, 2026-11-21, 20 steps, 10 repeats, AMD EPYC. By hand since: sizes of
//! programs, specifications, jobs and shards; 5 us for the hash of a program's id at publication, 1 us for each longer
//! record that is written or read there, at withdrawal and at submission. What the court changed says so where it stands;
//! `end_shard` is still what it was when the seats were paid there, which is more than they cost now.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

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
	fn visit_nothing() -> Weight;
	fn draw_seat() -> Weight;
	fn start_shard() -> Weight;
	fn draw_nobody() -> Weight;
	fn drop_stale() -> Weight;
	fn end_shard() -> Weight;
	fn timer_stale() -> Weight;
	fn timer_again() -> Weight;
	fn timer_accept() -> Weight;
	fn timer_execute() -> Weight;
	fn timer_fill() -> Weight;
	fn timer_back_off() -> Weight;
	fn timer_expire() -> Weight;
	fn timer_custody() -> Weight;
	fn demand() -> Weight;
	fn answer(n: u32, ) -> Weight;
	fn timer_demand() -> Weight;
}

/// Weights of `pallet_jobs` on the runtime's database.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Jobs::Programs` (r:1 w:1)
	/// Proof: `Jobs::Programs` (`max_values`: None, `max_size`: Some(313), added: 2788, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	fn publish_program() -> Weight {
		// Minimum execution time: 65_928_000 picoseconds.
		Weight::from_parts(115_184_000, 3778)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Jobs::Programs` (r:1 w:1)
	/// Proof: `Jobs::Programs` (`max_values`: None, `max_size`: Some(313), added: 2788, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	fn withdraw_program() -> Weight {
		// Minimum execution time: 53_740_000 picoseconds.
		Weight::from_parts(90_523_000, 3778)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Programs` (r:1 w:1)
	/// Proof: `Jobs::Programs` (`max_values`: None, `max_size`: Some(313), added: 2788, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::NextJob` (r:1 w:1)
	/// Proof: `Jobs::NextJob` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:0 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:0 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn submit() -> Weight {
		// Minimum execution time: 129_723_000 picoseconds.
		Weight::from_parts(184_941_000, 3778)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(9_u64))
	}
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:0 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn top_up() -> Weight {
		// Minimum execution time: 98_346_000 picoseconds.
		Weight::from_parts(156_052_000, 4384)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:0 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn cancel() -> Weight {
		// Minimum execution time: 101_391_000 picoseconds.
		Weight::from_parts(168_320_000, 4384)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `Providers::Operators` (r:1 w:0)
	/// Proof: `Providers::Operators` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// By hand: a job that was suspended is queued; an operator that is not that of the draw any more; one page of timers for all
	/// seats.
	fn accept() -> Weight {
		// Minimum execution time: 108_612_000 picoseconds.
		Weight::from_parts(223_547_000, 9978)
			.saturating_add(T::DbWeight::get().reads(14_u64))
			.saturating_add(T::DbWeight::get().writes(14_u64))
	}
	/// Storage: `Providers::Operators` (r:1 w:0)
	/// Proof: `Providers::Operators` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:1 w:1)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:0 w:3)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:1)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:0 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// By hand: the clock of the job's work; an operator that is not that of the draw any more.
	fn decline() -> Weight {
		// Minimum execution time: 132_988_000 picoseconds.
		Weight::from_parts(183_052_000, 9978)
			.saturating_add(T::DbWeight::get().reads(15_u64))
			.saturating_add(T::DbWeight::get().writes(13_u64))
	}
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:64 w:64)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:449 w:449)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:448)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// The range of component `n` is `[1, 64]`.
	fn acknowledge(n: u32, ) -> Weight {
		// Minimum execution time: 399_222_000 picoseconds.
		Weight::from_parts(453_237_877, 4384)
			// Standard error: 6_470_552.
			.saturating_add(Weight::from_parts(526_172_362, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().reads((8_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(5_u64))
			.saturating_add(T::DbWeight::get().writes((15_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 18221).saturating_mul(n.into()))
			// By hand: the records of seven providers, whose bonds are free again, and the parameters.
			.saturating_add(Weight::from_parts(70_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().reads((7_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes((7_u64).saturating_mul(n.into())))
	}
	/// Storage: `Jobs::Owed` (r:1 w:1)
	/// Proof: `Jobs::Owed` (`max_values`: None, `max_size`: Some(112), added: 2587, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:2 w:2)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	fn claim_owed() -> Weight {
		// Minimum execution time: 73_569_000 picoseconds.
		Weight::from_parts(113_428_000, 6196)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:1)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Babe::AuthorVrfRandomness` (r:1 w:0)
	/// Proof: `Babe::AuthorVrfRandomness` (`max_values`: Some(1), `max_size`: Some(33), added: 528, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:0)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:1)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::ReadyFirst` (r:1 w:0)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// By hand: the output that the verifier is told of.
	fn tick() -> Weight {
		// Minimum execution time: 27_641_000 picoseconds.
		Weight::from_parts(38_170_000, 3585)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:1 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:1 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:0)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	fn visit_nothing() -> Weight {
		// Minimum execution time: 58_366_000 picoseconds.
		Weight::from_parts(100_749_000, 4662)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(6_u64))
	}
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:1 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:1 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:18 w:6)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:10 w:4)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:1)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:2)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// By hand: what each candidate has at stake.
	fn draw_seat() -> Weight {
		// Minimum execution time: 448_186_000 picoseconds.
		// By hand: 30 us for more counters of pools.
		Weight::from_parts(768_592_000, 47070)
			.saturating_add(T::DbWeight::get().reads(42_u64))
			.saturating_add(T::DbWeight::get().writes(22_u64))
	}
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:1 w:2)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:1 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:18 w:6)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:11 w:4)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Attestations::Evidence` (r:1 w:1)
	/// Proof: `Attestations::Evidence` (`max_values`: None, `max_size`: Some(776), added: 3251, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:1)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// By hand: what each candidate has at stake, and what the verifier is told.
	fn start_shard() -> Weight {
		// Minimum execution time: 498_691_000 picoseconds.
		// By hand: 30 us for more counters of pools.
		Weight::from_parts(828_281_000, 47070)
			.saturating_add(T::DbWeight::get().reads(45_u64))
			.saturating_add(T::DbWeight::get().writes(24_u64))
	}
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:1 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:1 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:0)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:1 w:0)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:15 w:0)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:8 w:0)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// By hand: what each candidate has at stake.
	fn draw_nobody() -> Weight {
		// Minimum execution time: 350_220_000 picoseconds.
		// By hand: 30 us for more counters of pools.
		Weight::from_parts(645_950_000, 39390)
			.saturating_add(T::DbWeight::get().reads(35_u64))
			.saturating_add(T::DbWeight::get().writes(6_u64))
	}
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	fn drop_stale() -> Weight {
		// Minimum execution time: 92_467_000 picoseconds.
		Weight::from_parts(127_178_000, 12226)
			.saturating_add(T::DbWeight::get().reads(12_u64))
			.saturating_add(T::DbWeight::get().writes(13_u64))
	}
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:1 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Attestations::Evidence` (r:1 w:1)
	/// Proof: `Attestations::Evidence` (`max_values`: None, `max_size`: Some(776), added: 3251, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:1 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:7 w:7)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:8 w:8)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:0 w:21)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:7)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:0 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	fn end_shard() -> Weight {
		// Minimum execution time: 683_815_000 picoseconds.
		Weight::from_parts(977_801_000, 21814)
			.saturating_add(T::DbWeight::get().reads(29_u64))
			.saturating_add(T::DbWeight::get().writes(55_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:2 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:0)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	fn timer_stale() -> Weight {
		// Minimum execution time: 32_618_000 picoseconds.
		Weight::from_parts(48_762_000, 6012)
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	/// By hand: `timer_stale`, the shard's record, and two pages on which it may be armed anew.
	fn timer_again() -> Weight {
		Weight::from_parts(68_762_000, 6012)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:2 w:2)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:1)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:0 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// By hand: the page on which the shard's timer is armed anew.
	fn timer_accept() -> Weight {
		// Minimum execution time: 181_469_000 picoseconds.
		Weight::from_parts(304_182_000, 12226)
			.saturating_add(T::DbWeight::get().reads(20_u64))
			.saturating_add(T::DbWeight::get().writes(21_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:2 w:2)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Providers::Providers` (r:4 w:4)
	/// Proof: `Providers::Providers` (`max_values`: None, `max_size`: Some(350), added: 2825, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolSizes` (r:3 w:3)
	/// Proof: `Providers::PoolSizes` (`max_values`: None, `max_size`: Some(521), added: 2996, mode: `MaxEncodedLen`)
	/// Storage: `Providers::PoolMembers` (r:3 w:6)
	/// Proof: `Providers::PoolMembers` (`max_values`: None, `max_size`: Some(85), added: 2560, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:1)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Backlog` (r:0 w:1)
	/// Proof: `Jobs::Backlog` (`max_values`: None, `max_size`: Some(38), added: 2513, mode: `MaxEncodedLen`)
	/// By hand: the page on which the shard's timer is armed anew.
	fn timer_execute() -> Weight {
		// Minimum execution time: 216_702_000 picoseconds.
		Weight::from_parts(337_762_000, 12226)
			.saturating_add(T::DbWeight::get().reads(22_u64))
			.saturating_add(T::DbWeight::get().writes(23_u64))
	}
	/// By hand: `timer_stale`, and all of `end_shard`.
	fn timer_fill() -> Weight {
		Weight::from_parts(1_026_563_000, 21814)
			.saturating_add(T::DbWeight::get().reads(35_u64))
			.saturating_add(T::DbWeight::get().writes(57_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:2 w:2)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	fn timer_back_off() -> Weight {
		// Minimum execution time: 39_028_000 picoseconds.
		Weight::from_parts(61_572_000, 6012)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:2 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Seeds` (r:1 w:0)
	/// Proof: `Jobs::Seeds` (`max_values`: Some(1), `max_size`: Some(261), added: 756, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::ReadyFirst` (r:1 w:1)
	/// Proof: `Jobs::ReadyFirst` (`max_values`: Some(1), `max_size`: Some(401), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Ready` (r:0 w:1)
	/// Proof: `Jobs::Ready` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn timer_expire() -> Weight {
		// Minimum execution time: 113_298_000 picoseconds.
		Weight::from_parts(175_240_000, 6012)
			.saturating_add(T::DbWeight::get().reads(10_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// Storage: `Jobs::Clock` (r:1 w:0)
	/// Proof: `Jobs::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::TimerClasses` (r:1 w:1)
	/// Proof: `Jobs::TimerClasses` (`max_values`: Some(1), `max_size`: Some(672), added: 1167, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Timers` (r:2 w:1)
	/// Proof: `Jobs::Timers` (`max_values`: None, `max_size`: Some(39), added: 2514, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Shards` (r:1 w:1)
	/// Proof: `Jobs::Shards` (`max_values`: None, `max_size`: Some(1527), added: 4002, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Jobs` (r:1 w:1)
	/// Proof: `Jobs::Jobs` (`max_values`: None, `max_size`: Some(1652), added: 4127, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:8 w:8)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::Programs` (r:1 w:1)
	/// Proof: `Jobs::Programs` (`max_values`: None, `max_size`: Some(313), added: 2788, mode: `MaxEncodedLen`)
	/// Storage: `Jobs::AssignmentsOf` (r:0 w:7)
	/// Proof: `Jobs::AssignmentsOf` (`max_values`: None, `max_size`: Some(70), added: 2545, mode: `MaxEncodedLen`)
	fn timer_custody() -> Weight {
		// Minimum execution time: 449_878_000 picoseconds.
		Weight::from_parts(720_750_000, 21814)
			.saturating_add(T::DbWeight::get().reads(16_u64))
			.saturating_add(T::DbWeight::get().writes(21_u64))
			// By hand: the records of seven providers, whose bonds are free again, and the parameters.
			.saturating_add(Weight::from_parts(70_000_000, 0))
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// By hand: job, shard, the demand, their number, parameters, the client's account and holds, two pages of
	/// timers, and the pace of frozen work; the hashes of an outcome and of its path.
	fn demand() -> Weight {
		Weight::from_parts(150_000_000, 6000)
			.saturating_add(T::DbWeight::get().reads(13_u64))
			.saturating_add(T::DbWeight::get().writes(9_u64))
	}
	/// By hand: operator, job, shard, the demand, their number, the accounts and holds of client and operator, the
	/// pace of frozen work;
	/// two hashes for 32 bytes, each a microsecond and a half, and those of the way up.
	fn answer(n: u32, ) -> Weight {
		Weight::from_parts(250_000_000, 6000)
			.saturating_add(Weight::from_parts(94_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(11_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// By hand: as `timer_custody`, with a slash and a note of each provider, and 64 demands.
	fn timer_demand() -> Weight {
		Self::timer_custody()
			.saturating_add(Weight::from_parts(900_000_000, 0))
			.saturating_add(T::DbWeight::get().reads(90_u64))
			.saturating_add(T::DbWeight::get().writes(100_u64))
	}
}
