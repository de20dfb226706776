//! What the jobs pallet does: reserve, free, note, settle.

use crate::{mock::*, reputation::UNIT};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{
	merkle,
	provider::{DrawRequest, ProviderInfo, ProviderStatus, MAX_DRAWS},
	traits::{Conduct, OnSettled, OpenPoints, Payment, ProviderRecord, ProviderRegistry, Settlement},
	Balance, Hash, JobId, Report, ShardId, MILL,
};
use sp_runtime::{ArithmeticError, Permill};

fn settled(burned: &[(u32, Balance)]) {
	settled_and(true, burned);
}

fn settled_and(counted: bool, burned: &[(u32, Balance)]) {
	let payments = burned
		.iter()
		.map(|(n, burned)| Payment {
			provider: provider(*n),
			amount: MILL,
			gas: 1,
			burned: *burned,
		})
		.collect();
	Providers::on_settled(&Settlement {
		shard: ShardId {
			job: JobId(0),
			index: 0,
		},
		report: Report {
			root: merkle::hash(b"report"),
			gas_used: 1,
		},
		payments,
		counted,
	});
}

#[test]
fn reserving_takes_a_slot_and_a_liability() {
	build_and_execute(|| {
		assert_noop!(Providers::reserve(&provider(0), 1), Error::UnknownProvider);
		register(0, info());
		assert_ok!(Providers::reserve(&provider(0), 100 * MILL));
		assert_eq!((record(0).used_slots, record(0).liability), (1, 100 * MILL));
		assert!(record(0).pooled());
		assert_noop!(Providers::reserve(&provider(0), 200 * MILL + 1), Error::BondReserved);
		assert_noop!(
			Providers::reserve(&provider(0), Balance::MAX),
			ArithmeticError::Overflow
		);
		assert_ok!(Providers::reserve(&provider(0), 200 * MILL));
		assert!(!record(0).pooled());
		assert_noop!(Providers::reserve(&provider(0), 0), Error::NoFreeSlot);

		Providers::free_slot(&provider(0));
		assert!(!record(0).pooled(), "its bond is reserved");
		assert_eq!((record(0).used_slots, record(0).liability), (1, 300 * MILL));
		Providers::free_liability(&provider(0), 100 * MILL);
		assert!(record(0).pooled());
		Providers::free_slot(&provider(0));
		Providers::free_liability(&provider(0), 200 * MILL);
		assert_eq!((record(0).used_slots, record(0).liability), (0, 0));
	});
}

#[test]
fn a_silent_provider_is_found_out_when_it_is_tried() {
	build_and_execute(|| {
		register(0, info());
		pass(160);
		assert_ok!(Providers::reserve(&provider(0), MILL));
		pass(1);
		events();
		assert_noop!(Providers::reserve(&provider(0), MILL), Error::Silent);
		assert!(Providers::drop_stale(&provider(0)));
		assert_eq!((record(0).used_slots, record(0).liability), (1, MILL));
		assert_eq!(record(0).status, ProviderStatus::Unresponsive);
		assert!(!record(0).pooled());
		assert_eq!(events(), vec![Event::BecameUnresponsive { provider: provider(0) }]);
		assert_noop!(Providers::reserve(&provider(0), MILL), Error::NotActive);
		// Once is enough, and nobody else is concerned.
		register(1, info());
		for n in 0..3 {
			assert!(!Providers::drop_stale(&provider(n)));
		}
		assert!(record(1).pooled());
	});
}

#[test]
fn a_missed_deadline_costs_standing_and_reputation_until_a_sign_of_life() {
	for (conduct, score) in [
		(Conduct::MissedAccept, 333_333),
		(Conduct::Late, 166_666),
		(Conduct::MissedReveal, 100_000),
		(Conduct::NotShown, 100_000),
		(Conduct::Guilty, 55_555),
	] {
		build_and_execute(|| {
			register(0, info());
			events();
			Providers::note(&provider(0), conduct);
			assert_eq!(record(0).status, ProviderStatus::Unresponsive);
			assert_eq!(record(0).reputation.score(), Permill::from_parts(score));
			assert!(!record(0).pooled());
			// Told once.
			Providers::note(&provider(0), conduct);
			Providers::note(&provider(0), Conduct::Alive);
			assert_eq!(record(0).status, ProviderStatus::Active);
			assert!(record(0).pooled());
			assert_eq!(
				events(),
				vec![
					Event::BecameUnresponsive { provider: provider(0) },
					Event::Revived { provider: provider(0) }
				]
			);
		});
	}
}

#[test]
fn a_draining_provider_that_fails_stays_draining() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(0))));
		events();
		Providers::note(&provider(0), Conduct::Late);
		Providers::note(&provider(0), Conduct::Alive);
		assert_eq!(record(0).status, ProviderStatus::Draining);
		assert_eq!(record(0).reputation.bad, 4 * UNIT);
		assert_eq!(events(), vec![]);
	});
}

#[test]
fn a_sign_of_life_is_written_down_when_the_last_one_is_old() {
	build_and_execute(|| {
		register(0, info());
		pass(10);
		Providers::note(&provider(0), Conduct::Alive);
		assert_eq!(record(0).last_seen, 1, "within a sixteenth of the period");
		pass(1);
		Providers::note(&provider(0), Conduct::Alive);
		assert_eq!(record(0).last_seen, 12);
		// Nobody there: nothing happens.
		Providers::note(&provider(1), Conduct::Alive);
	});
}

#[test]
fn burned_fees_raise_the_reputation_and_draws_see_it_to_a_64th() {
	build_and_execute(|| {
		register(0, info());
		register(1, info());
		pass(10);
		settled(&[(0, 1_000), (1, 0)]);
		assert_eq!(record(0).reputation.good, UNIT);
		assert_eq!(record(0).reputation.score(), Permill::from_parts(666_666));
		assert_eq!(record(1).reputation.score(), Permill::from_percent(50));
		let request = DrawRequest {
			min_reputation: Permill::from_percent(60),
			..request()
		};
		let found = draw(&request, Hash::zero(), MAX_DRAWS, usize::MAX);
		assert_eq!(
			found.iter().map(|found| &found.provider).collect::<Vec<_>>(),
			[&provider(0)]
		);
		// Less than a 64th is written when the entry is written next.
		let seen = |who: u32| {
			let all = draw(&crate::mock::request(), Hash::zero(), MAX_DRAWS, usize::MAX);
			all.into_iter()
				.find(|found| found.provider == provider(who))
				.map(|found| found.reputation)
		};
		settled(&[(0, 10)]);
		let better = record(0).reputation.score();
		assert!(better > Permill::from_parts(666_666) && seen(0) == Some(Permill::from_parts(666_666)));
		settled(&[(0, 200)]);
		assert!(record(0).reputation.score() > better && seen(0) == Some(record(0).reputation.score()));
	});
}

#[test]
fn a_providers_record_is_what_was_burned_for_verified_work_and_its_free_bond() {
	build_and_execute(|| {
		let of = |n| Providers::record(&provider(n));
		assert_eq!(of(0), ProviderRecord::default());
		register(0, info());
		register(1, info());
		settled(&[(0, 700), (1, 0)]);
		settled(&[(0, 300)]);
		// Merely left: neither history nor reputation.
		settled_and(false, &[(0, 5_000), (1, 5_000)]);
		assert_eq!((record(0).reputation.good, record(1).reputation.good), (UNIT, 0));
		assert_ok!(Providers::reserve(&provider(0), 120 * MILL));
		assert_ok!(Providers::unbond(RuntimeOrigin::signed(provider(1)), 50 * MILL));
		let expected = |burned, free_bond| ProviderRecord { burned, free_bond };
		assert_eq!(of(0), expected(1_000, 180 * MILL));
		assert_eq!(of(1), expected(0, 250 * MILL));
		// More was taken than is left beside the liability.
		assert_eq!(Providers::take(&provider(0), None, 200 * MILL), 200 * MILL);
		assert_eq!(of(0), expected(1_000, 0));
		settled(&[(0, Balance::MAX)]);
		assert_eq!(of(0).burned, Balance::MAX);
	});
}

#[test]
fn work_that_ends_after_a_provider_filled_up_still_counts() {
	build_and_execute(|| {
		register(0, ProviderInfo { slots: 1, ..info() });
		assert_ok!(Providers::reserve(&provider(0), MILL));
		settled(&[(0, 500)]);
		assert_eq!(record(0).reputation.good, UNIT / 2);
		Providers::free_slot(&provider(0));
		pass(10);
		let found = draw(&request(), Hash::zero(), 1, usize::MAX);
		assert_eq!(found[0].reputation, record(0).reputation.score());
	});
}

// With debug assertions such a mistake panics instead.
#[cfg(not(debug_assertions))]
#[test]
fn freeing_what_nobody_reserved_changes_nothing() {
	build_and_execute(|| {
		register(0, info());
		let before = record(0);
		Providers::free_slot(&provider(0));
		Providers::free_liability(&provider(0), 1);
		Providers::free_slot(&provider(1));
		Providers::free_liability(&provider(1), 1);
		settled(&[(1, 1_000)]);
		assert_eq!(record(0), before);
	});
}

#[cfg(feature = "runtime-benchmarks")]
#[test]
fn a_benchmarks_provider_has_the_standing_that_was_asked_for() {
	use millrace_primitives::traits::BenchmarkStanding::*;
	build_and_execute(|| {
		pass(1_000);
		let make = |standing| Providers::benchmark_provider(&provider(0), &operator(0), standing);
		for used in 0..3 {
			make(OneSlot);
			assert_eq!(draw(&request(), Hash::zero(), 1, usize::MAX).len(), 1);
			assert_ok!(Providers::reserve(&provider(0), 1_000_000_000 * MILL));
			assert_eq!((record(0).used_slots, record(0).pooled()), (used + 1, false));
		}
		make(Spare);
		assert_ok!(Providers::reserve(&provider(0), MILL));
		assert!(record(0).pooled());
		make(Unresponsive);
		assert!(!record(0).pooled() && record(0).free_slots() > 0);
		make(Silent);
		assert!(record(0).pooled() && Providers::drop_stale(&provider(0)));
		make(Bound);
		assert!(record(0).pooled());
		let least = Parameters::get().least_liability;
		assert_noop!(Providers::reserve(&provider(0), least + 1), Error::BondReserved);
	});
}

#[test]
fn points_of_one_era_stand_in_the_record_and_go_with_it() {
	build_and_execute(|| {
		let who = provider(0);
		// Who is no provider keeps nothing.
		assert_eq!(Providers::add_points(&who, 3, 5), Some((3, 5)));
		register(0, info());
		assert_eq!(Providers::add_points(&who, 3, 5), None);
		assert_eq!(Providers::add_points(&who, 3, 6), None);
		assert_eq!((Providers::points(&who, 3), Providers::points(&who, 2)), (11, 0));
		assert_eq!(Providers::all_points(), vec![(who.clone(), 3, 11)]);
		// Those of the next era take their place.
		assert_eq!(Providers::add_points(&who, 4, 7), Some((3, 11)));
		assert_eq!((Providers::points(&who, 3), Providers::points(&who, 4)), (0, 7));
		assert_eq!(
			(Providers::take_points(&who, 3), Providers::take_points(&who, 4)),
			(0, 7)
		);
		assert_eq!((Providers::take_points(&who, 4), record(0).points), (0, None));

		assert_eq!(Providers::add_points(&who, 5, 8), None);
		Kept::set(Vec::new());
		assert_ok!(Providers::drain(RuntimeOrigin::signed(who.clone())));
		assert_ok!(Providers::unbond(RuntimeOrigin::signed(who.clone()), BOND));
		pass(50);
		assert_ok!(Providers::withdraw(RuntimeOrigin::signed(who.clone())));
		assert_eq!(Providers::all_points(), vec![]);
		assert_eq!(Kept::get(), vec![(who, 5, 8)]);
	});
}
