//! Draws: when, of whom, and what happens when there is nobody.

use super::*;
use crate::{Jobs as JobsMap, Ready, ReadyFirst, Seeds, WeightInfo};
use frame_support::weights::{Weight, WeightMeter};
use millrace_primitives::{
	api::Reason,
	job::DeclineReason,
	traits::{MarketClock, Stake},
};
use sp_runtime::Perbill;

#[test]
fn nobody_is_drawn_while_blocks_have_no_vrf_output() {
	run(3, || {
		Vrf::set(false);
		let job = submit(spec(1, 2));
		blocks(30);
		assert!(!exists(shard(job, 0)));
		assert_eq!(Jobs::now(), 30);
		assert_eq!(Seeds::<Test>::get().count, 0);
		// Two outputs are not enough, three are; outputs need not be of consecutive blocks.
		Vrf::set(true);
		blocks(2);
		Vrf::set(false);
		blocks(5);
		assert!(!exists(shard(job, 0)));
		Vrf::set(true);
		next_block();
		assert!(exists(shard(job, 0)));
	});
}

#[test]
fn replicas_are_drawn_in_different_blocks_and_for_different_providers() {
	run(30, || {
		let job = submit(spec(1, 7));
		blocks(2);
		for drawn in 1..=7 {
			next_block();
			assert_eq!(seats(shard(job, 0)).iter().flatten().count(), drawn);
		}
		let mut providers: Vec<u8> = seats(shard(job, 0)).into_iter().flatten().map(|(p, _)| p).collect();
		providers.sort_unstable();
		providers.dedup();
		assert_eq!(providers.len(), 7);
	});
}

#[test]
fn different_seeds_choose_different_providers() {
	run(20, || {
		let mut first = std::collections::BTreeSet::new();
		for _ in 0..8 {
			let job = submit(spec(1, 2));
			blocks(5);
			first.insert(holder(shard(job, 0), 0));
		}
		assert!(first.len() > 3, "eight draws among twenty: {first:?}");
	});
}

#[test]
fn whoever_asks_more_than_the_cap_is_not_drawn() {
	run(3, || {
		Registry::edit(PROVIDER, |p| p.ask = CAP + 1);
		let id = assigned(1, 2);
		assert!(seats(id).into_iter().flatten().all(|(p, _)| p != PROVIDER));
	});
}

#[test]
fn a_job_without_candidates_backs_off_says_why_and_recovers() {
	run(0, || {
		let job = submit(spec(1, 2));
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::DrawPending);
		blocks(3);
		let told = Jobs::explain(job).unwrap();
		assert_eq!(told.reason, Reason::NoneInClass);
		assert_eq!(told.next_try, Some(5));
		// Tries at 3, 5, 9, 17.
		blocks(6);
		let record = JobsMap::<Test>::get(job).unwrap();
		assert_eq!((record.fresh.tries, record.queued, record.retry), (3, true, None));
		assert_eq!(Jobs::explain(job).unwrap().next_try, Some(17));
		blocks(8);
		let record = JobsMap::<Test>::get(job).unwrap();
		assert_eq!((record.fresh.tries, record.queued, record.retry), (4, false, Some(33)));
		assert_eq!(Jobs::explain(job).unwrap().next_try, Some(33));

		Registry::add(PROVIDER, CAP + 1, 2);
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::PriceTooLow);
		Registry::add(PROVIDER + 1, ASK, 2);
		Registry::add(PROVIDER + 2, ASK, 2);
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::NoneEligible);
		blocks(15);
		assert!(!exists(shard(job, 0)));
		blocks(2);
		assert_eq!(seats(shard(job, 0)).iter().flatten().count(), 2);
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::NothingWaits);
	});
}

#[test]
fn a_region_without_providers_is_named() {
	run(3, || {
		let mut wanted = spec(1, 2);
		wanted.constraints.regions = millrace_primitives::provider::RegionSet(1);
		wanted.price_cap = ASK - 1;
		let job = submit(wanted);
		blocks(3);
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::NoneInRegion);
	});
}

#[test]
fn a_freed_slot_ends_the_back_off() {
	run(2, || {
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.slots = 1);
		}
		let job = submit(spec(2, 2));
		blocks(20);
		assert!(!exists(shard(job, 1)));
		assert!(JobsMap::<Test>::get(job).unwrap().fresh.tries >= 3);
		finish(shard(job, 0), 1);
		blocks(2);
		assert!(exists(shard(job, 1)));
	});
}

#[test]
fn a_freed_slot_wakes_a_few_vacancies_and_each_for_one_draw() {
	run(2, || {
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.slots = 100);
		}
		Params::mutate(|params| params.execution_base = 1_000);
		let job = submit(spec(20, 2));
		blocks(8);
		assert_eq!(Jobs::job_view(job).unwrap().running, 20);
		// Both decline ten shards each of both, so that these find nobody any more.
		for index in 0..10 {
			let id = shard(job, index);
			for seat in 0..2 {
				Jobs::decline(signed(&operator(holder(id, seat))), id, DeclineReason::NoCapacity).unwrap();
			}
		}
		(10..20).for_each(|index| accept_all(shard(job, index)));
		blocks(200);
		let waiting = |job| -> Vec<crate::Readiness> {
			let record = JobsMap::<Test>::get(job).unwrap();
			record.vacancies.iter().map(|vacancy| vacancy.readiness).collect()
		};
		let before = waiting(job);
		assert_eq!(before.len(), 20);
		assert!(before.iter().all(|readiness| readiness.tries >= 4));

		Evidence::seal(shard(job, 15), 0).unwrap();
		// None of the outputs that decide was known when the seal was made.
		let ready = Jobs::seed_ready(&Params::get());
		let woken = waiting(job).iter().filter(|readiness| readiness.ready == ready).count();
		assert_eq!(woken as u32, crate::WOKEN);
		// A block draws for a job in vain only once.
		blocks(8);
		let after = waiting(job);
		// Those that failed again wait longer than before.
		let tries = |all: &[crate::Readiness]| all.iter().map(|readiness| u32::from(readiness.tries)).sum::<u32>();
		assert!(tries(&after) >= tries(&before) + crate::WOKEN);
	});
}

#[test]
fn a_top_up_is_charged_for_the_draws_that_it_causes() {
	run(0, || {
		let job = submit(spec(1, 2));
		let weight = || Jobs::top_up(alice(), job, CAP, 0).unwrap().actual_weight.unwrap();
		assert_eq!(weight(), W::top_up(), "the first draw comes anyway");
		blocks(20);
		assert_eq!(weight(), W::top_up() + W::draw_nobody());
		let record = JobsMap::<Test>::get(job).unwrap();
		assert_eq!(record.fresh.ready, Seeds::<Test>::get().count + 3);
		assert!(record.fresh.tries > 0, "another failure goes on doubling");
	});
}

#[test]
fn nobody_is_drawn_for_a_shard_that_cannot_fill() {
	run(2, || {
		// Of three seats, two could be held.
		let job = submit(spec(1, 3));
		blocks(40);
		assert!(!exists(shard(job, 0)));
		assert!(Registry::idle() && OPENED.with_borrow(|all| all.is_empty()));
		assert_eq!(held(ALICE), 3 * (CAP + CAP / 20));
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::NoneEligible);
		// A third one that is too dear does not help, one that is not does.
		Registry::add(PROVIDER + 2, CAP + 1, 2);
		Jobs::top_up(alice(), job, CAP, 0).unwrap();
		blocks(8);
		assert!(!exists(shard(job, 0)));
		Registry::edit(PROVIDER + 2, |p| p.ask = CAP);
		Jobs::top_up(alice(), job, CAP, 0).unwrap();
		blocks(8);
		assert!(seats(shard(job, 0)).iter().all(Option::is_some));
	});
}

#[test]
fn a_seat_of_a_shard_under_way_is_filled_by_whoever_there_is() {
	run(3, || {
		let id = assigned(1, 3);
		let out = holder(id, 2);
		Jobs::decline(signed(&operator(out)), id, DeclineReason::NoCapacity).unwrap();
		Registry::add(PROVIDER + 3, ASK, 1);
		blocks(12);
		assert_eq!(holder(id, 2), PROVIDER + 3);
	});
}

#[test]
fn a_provider_whose_stake_nobody_can_name_is_passed_over() {
	run(3, || {
		STAKES.with_borrow_mut(|all| all.insert(account(PROVIDER), None));
		let id = assigned(1, 2);
		assert!(seats(id).into_iter().flatten().all(|(p, _)| p != PROVIDER));
		assert_eq!(Registry::get(PROVIDER).used, 0);
	});
}

#[test]
fn each_seat_has_at_stake_what_the_verifier_says_of_its_provider() {
	run(2, || {
		let stake = |liability, late| Stake {
			p: Perbill::from_percent(1),
			liability,
			late,
		};
		STAKES.with_borrow_mut(|all| {
			all.insert(account(PROVIDER), Some(stake(17 * CAP, 3)));
			all.insert(account(PROVIDER + 1), Some(stake(5, 0)));
		});
		let id = assigned(1, 2);
		assert_eq!(Registry::get(PROVIDER).liability, 17 * CAP);
		assert_eq!(Registry::get(PROVIDER + 1).liability, 5);
		// What it was when it was drawn counts.
		STAKES.with_borrow_mut(|all| all.clear());
		assert_eq!(Jobs::seat(id, &account(PROVIDER)).unwrap().stake, stake(17 * CAP, 3));
		finish(id, 1);
		assert!(Registry::idle());
	});
}

#[test]
fn a_stale_candidate_leaves_the_pools_and_the_next_one_gets_the_seat() {
	run(3, || {
		for id in PROVIDER..PROVIDER + 3 {
			Registry::edit(id, |p| p.slots = 10);
		}
		STALE.with_borrow_mut(|all| all.insert(account(PROVIDER)));
		// Among the first who are tried for one of these seats it is, sooner or later.
		for _ in 0..8 {
			let job = submit(spec(1, 2));
			blocks(6);
			assert!(seats(shard(job, 0)).into_iter().flatten().all(|(p, _)| p != PROVIDER));
			assert_eq!(seats(shard(job, 0)).iter().flatten().count(), 2);
		}
		assert!(STALE.with_borrow(|all| all.is_empty()));
		assert_eq!(Registry::get(PROVIDER).slots, 0);
	});
}

#[test]
fn a_hopeless_seat_is_drawn_a_bounded_number_of_times_until_the_longest_deadline() {
	let deadline = millrace_primitives::params::JobsParams::default().max_deadline;
	let mut readiness = crate::Readiness::default();
	let mut draws = 0;
	while readiness.ready < deadline {
		readiness.back_off(readiness.ready);
		draws += 1;
	}
	assert!(draws <= 30, "{draws} draws");
}

#[test]
fn a_shard_that_finds_nobody_does_not_stop_the_others() {
	run(2, || {
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.slots = 10);
		}
		// The first shard excludes one of the two.
		let job = submit(spec(3, 2));
		blocks(4);
		let id = shard(job, 0);
		let out = holder(id, 0);
		Jobs::decline(signed(&operator(out)), id, DeclineReason::NoCapacity).unwrap();
		blocks(3);
		finish(shard(job, 1), 1);
		finish(shard(job, 2), 1);
		blocks(3);
		assert_eq!(seats(id)[0], None);
		assert_eq!(Jobs::job_view(job).unwrap().accepted, 2);
		assert_eq!(Jobs::explain(job).unwrap().reason, Reason::NoneEligible);
	});
}

#[test]
fn a_job_does_not_bind_every_bond_with_shards_that_cannot_be_completed() {
	run(2, || {
		// Each bond covers three seats.
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| (p.slots, p.bond) = (100, 9 * CAP));
		}
		let job = submit(spec(12, 2));
		for _ in 0..200 {
			next_block();
			let full = |index: &u32| {
				let id = shard(job, *index);
				exists(id)
					&& Shards::<Test>::get(job, *index).unwrap().custody.is_none()
					&& seats(id).iter().all(Option::is_some)
			};
			if let Some(index) = (0..12).find(full) {
				finish(shard(job, index), 1);
			}
		}
		assert_eq!(Jobs::job_view(job).map_or(12, |view| view.accepted), 12);
	});
}

#[test]
fn a_verifier_that_refuses_to_open_costs_nobody_a_slot() {
	run(3, || {
		MayOpen::set(false);
		let job = submit(spec(1, 2));
		blocks(5);
		assert!(!exists(shard(job, 0)));
		assert!(Registry::idle());
		MayOpen::set(true);
		blocks(20);
		assert!(exists(shard(job, 0)));
	});
}

#[test]
fn the_bond_must_cover_the_liability() {
	run(3, || {
		Registry::edit(PROVIDER, |p| p.bond = 3 * CAP - 1);
		let job = submit(spec(1, 2));
		blocks(10);
		assert!(seats(shard(job, 0)).into_iter().flatten().all(|(p, _)| p != PROVIDER));
		assert_eq!(seats(shard(job, 0)).iter().flatten().count(), 2);
	});
}

#[test]
fn jobs_are_served_in_turn() {
	run(8, || {
		for id in PROVIDER..PROVIDER + 8 {
			Registry::edit(id, |p| p.slots = 100);
		}
		let large = submit(spec(1_000, 2));
		let small: Vec<_> = (0..5).map(|_| submit(spec(1, 2))).collect();
		// One block's tick has room for twelve seats.
		let room = W::tick() + W::draw_seat() * 12;
		TickWeight::set(room);
		blocks(3);
		for job in &small {
			assert!(exists(shard(*job, 0)), "the large job does not hold up the small ones");
		}
		assert!(exists(shard(large, 0)));
		blocks(2);
		for job in &small {
			assert_eq!(seats(shard(*job, 0)).iter().flatten().count(), 2);
		}
		TickWeight::set(Weight::MAX);
	});
}

#[test]
fn a_job_grows_as_fast_as_its_shards_fill() {
	run(8, || {
		for id in PROVIDER..PROVIDER + 8 {
			Registry::edit(id, |p| p.slots = 100);
		}
		let job = submit(spec(31, 2));
		blocks(2);
		for running in [1, 3, 7, 15, 31] {
			next_block();
			assert_eq!(Jobs::job_view(job).unwrap().running, running);
		}
		next_block();
		for index in 0..31 {
			assert_eq!(seats(shard(job, index)).iter().flatten().count(), 2);
		}
		assert_eq!(
			(Ready::<Test>::iter().count(), ReadyFirst::<Test>::get().first.len()),
			(0, 0)
		);
	});
}

#[test]
fn the_tick_respects_its_own_cap_and_the_blocks() {
	run(8, || {
		for id in PROVIDER..PROVIDER + 8 {
			Registry::edit(id, |p| p.slots = 1_000);
		}
		(0..10).for_each(|_| _ = submit(spec(100, 3)));
		let weigh = |cap: Weight, block: Weight| {
			TickWeight::set(cap);
			System::set_block_number(System::block_number() + 1);
			let mut meter = WeightMeter::with_limit(block);
			<Jobs as frame_support::traits::OnPoll<u64>>::on_poll(System::block_number(), &mut meter);
			Jobs::do_try_state().unwrap();
			assert!(meter.consumed().all_lte(cap) && meter.consumed().all_lte(block));
			meter.consumed()
		};
		let step = W::draw_seat();
		blocks(2);
		for factor in [1, 3, 10, 30] {
			let cap = W::tick() + step * factor;
			assert!(weigh(cap, Weight::MAX).any_gt(Weight::zero()));
			weigh(Weight::MAX, cap);
		}
		// Not even the clock moves where there is no room.
		let now = Jobs::now();
		assert_eq!(weigh(Weight::MAX, Weight::from_parts(1, 1)), Weight::zero());
		assert_eq!(Jobs::now(), now);
		TickWeight::set(Weight::MAX);
	});
}
