//! When the market's clock stands, and for how long at most.

use super::*;
use crate::{
	clock::{AFTER_UPGRADE, MOST_STOPS, RATION},
	Clock, Error, NextStop, Seeds, Stops,
};
use frame_support::{
	assert_noop, assert_ok,
	traits::{Hooks, OnFinalize, OnPoll},
	weights::WeightMeter,
};
use millrace_primitives::traits::{MarketClock, Stop};
use proptest::prelude::*;
use std::collections::VecDeque;

/// So many blocks end, each followed by the tick of the next one; how many of them counted.
fn pass(count: u32) -> u32 {
	let before = Jobs::now();
	for _ in 0..count {
		<Jobs as OnFinalize<u64>>::on_finalize(System::block_number());
		System::set_block_number(System::block_number() + 1);
		<Jobs as OnPoll<u64>>::on_poll(System::block_number(), &mut WeightMeter::new());
	}
	Jobs::now() - before
}

#[test]
fn while_it_stands_nothing_is_drawn_and_no_time_ends() {
	run(3, || {
		let job = submit(spec(1, 2));
		let id = shard(job, 0);
		blocks(3);
		let first = holder(id, 0);
		let (now, outputs) = (Jobs::now(), OUTPUTS.with_borrow(|all| all.len()));
		let kept = Seeds::<Test>::get().count;

		// The block that ends was full: the next one does not count, and so on.
		StopAfter::set(Stop::Rationed);
		blocks(40);
		assert_eq!(Jobs::now(), now);
		assert!(Jobs::stands());
		assert_eq!(seats(id)[1], None, "nobody is drawn");
		assert_eq!(holder(id, 0), first, "its 10 blocks to accept are not over after 40");
		assert_eq!(
			Seeds::<Test>::get().count,
			kept + 40,
			"outputs are kept for later draws"
		);
		assert_eq!(
			OUTPUTS.with_borrow(|all| all.len()),
			outputs,
			"none decides about a case"
		);
		assert_noop!(Jobs::poke(alice()), Error::<Test>::ClockStands);

		// Parties act all the same, and what they do keeps its due time.
		assert_ok!(Jobs::accept(signed(&operator(first)), id));

		StopAfter::set(Stop::None);
		next_block();
		assert_eq!(Jobs::now(), now + 1, "it goes on where it stood");
		assert!(!Jobs::stands());
		assert!(seats(id)[1].is_some(), "what waited is drawn at once");
		assert_eq!(OUTPUTS.with_borrow(|all| all.len()), outputs + 1);
		let second = holder(id, 1);
		assert_ok!(Jobs::poke(alice()));

		// And a time that ends is over in market blocks only.
		blocks(5);
		StopAfter::set(Stop::Rationed);
		blocks(100);
		StopAfter::set(Stop::None);
		blocks(4);
		assert_eq!(holder(id, 1), second);
		next_block();
		assert_ne!(
			seats(id)[1],
			Some((second, SeatState::Assigned)),
			"it has had its 10 blocks"
		);
	});
}

#[test]
fn an_hour_a_day_and_not_a_block_more() {
	run(0, || {
		StopAfter::set(Stop::Rationed);
		assert_eq!(pass(MOST_STOPS), 0, "the last of them is stopped too");
		assert_eq!(pass(1), 1, "one more is not");
		// The place of the first is free again a day after it.
		assert_eq!(pass(RATION - MOST_STOPS - 1), RATION - MOST_STOPS - 1);
		assert_eq!(pass(MOST_STOPS), 0);
		assert_eq!(pass(1), 1);
		assert_eq!(
			Stops::<Test>::iter().count() as u32,
			MOST_STOPS,
			"no more is kept than needed"
		);
		assert_eq!(NextStop::<Test>::get(), 0);
	});
}

#[test]
fn what_nobody_causes_is_not_rationed() {
	run(0, || {
		StopAfter::set(Stop::Firm);
		assert_eq!(pass(MOST_STOPS + 100), 0);
		assert_eq!(Stops::<Test>::iter().count(), 0);
		StopAfter::set(Stop::Rationed);
		assert_eq!(pass(MOST_STOPS), 0);
		assert_eq!(pass(1), 1);
		StopAfter::set(Stop::Firm);
		assert_eq!(pass(1), 0, "a ration that is used up does not bind it");
	});
}

#[test]
fn it_stands_for_a_while_after_an_upgrade() {
	run(0, || {
		StopAfter::set(Stop::None);
		pass(3);
		let now = Jobs::now();
		<Jobs as Hooks<u64>>::on_runtime_upgrade();
		System::set_block_number(System::block_number() + 1);
		<Jobs as OnPoll<u64>>::on_poll(System::block_number(), &mut WeightMeter::new());
		assert_eq!(pass(AFTER_UPGRADE - 1), 0, "the block of the upgrade is one of them");
		assert_eq!(Jobs::now(), now);
		// Full blocks cost nothing of the ration while it stands anyway.
		assert_eq!(Stops::<Test>::iter().count(), 0);
		assert_eq!(pass(1), 1);
	});
}

#[test]
fn full_blocks_while_it_stands_anyway_are_not_counted() {
	run(0, || {
		<Jobs as Hooks<u64>>::on_runtime_upgrade();
		StopAfter::set(Stop::Rationed);
		assert_eq!(pass(AFTER_UPGRADE), 0);
		assert_eq!(Stops::<Test>::iter().count(), 0);
		assert_eq!(pass(3), 0);
		assert_eq!(Stops::<Test>::iter().count(), 3);
	});
}

#[test]
fn a_block_without_a_stop_touches_nothing_but_the_clock() {
	run(0, || {
		let before = Clock::<Test>::get();
		<Jobs as OnFinalize<u64>>::on_finalize(System::block_number());
		assert_eq!(Clock::<Test>::get(), before);
		assert_eq!((Stops::<Test>::iter().count(), NextStop::<Test>::get()), (0, 0));
		assert_eq!(
			System::block_weight().total(),
			frame_support::weights::Weight::zero(),
			"and weighs nothing at its end"
		);
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(8))]

	/// Whoever fills blocks in whatever pattern: the clock stands in at most so many of any day's, and in each that was full
	/// while there was one left.
	#[test]
	fn it_never_stands_longer_than_the_cap(
		steps in prop::collection::vec((any::<bool>(), prop_oneof![1u32..50, 50u32..2_000, 2_000u32..30_000]), 1..12),
	) {
		new_test_ext().execute_with(|| {
			let mut stood: VecDeque<u64> = VecDeque::new();
			for (full, length) in steps {
				StopAfter::set(if full { Stop::Rationed } else { Stop::None });
				if !full {
					// Blocks in which nothing happens need not be made.
					System::set_block_number(System::block_number() + u64::from(length));
					continue;
				}
				for _ in 0..length {
					let next = System::block_number() + 1;
					while stood.front().is_some_and(|first| *first + u64::from(RATION) <= next) {
						stood.pop_front();
					}
					let due = stood.len() < MOST_STOPS as usize;
					<Jobs as OnFinalize<u64>>::on_finalize(System::block_number());
					System::set_block_number(next);
					assert_eq!(Jobs::stands(), due);
					if due {
						stood.push_back(next);
					}
					assert!(stood.len() <= MOST_STOPS as usize);
				}
			}
		});
	}
}
