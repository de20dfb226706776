//! A million tasks cost what one costs; lists stay bounded.

use super::*;
use crate::{timers::TimerAction, Backlog, Jobs as JobsMap, NextTimers, Timers, MAX_VACANCIES};
use millrace_primitives::job::MAX_TASKS;

#[test]
fn the_last_shard_may_be_shorter_and_reserves_less() {
	run(4, || {
		publish();
		let mut wanted = spec(10, 2);
		wanted.shard_size = 4;
		let job = submit(wanted);
		let reserve = |tasks: u128| 2 * (tasks * CAP + tasks * CAP / 20);
		assert_eq!(held(ALICE), reserve(10));
		blocks(5);
		let views = Jobs::shard_views(job, 0, 10);
		assert_eq!(
			views
				.iter()
				.map(|view| (view.first_task, view.tasks))
				.collect::<Vec<_>>(),
			[(0, 4), (4, 4), (8, 2)]
		);
		assert_eq!(crate::Shards::<Test>::get(job, 2).unwrap().reserve, reserve(2));
		// More gas than the shard may use is never counted.
		finish(shard(job, 2), u64::MAX);
		assert_eq!(JobsMap::<Test>::get(job).unwrap().paid, 2 * 2 * ASK);
		assert_eq!(SETTLED.with_borrow(|all| all[0].payments[0].gas), 2_000_000_000);
		finish(shard(job, 0), 4_000_000_000);
		finish(shard(job, 1), 4_000_000_000);
		Jobs::acknowledge(alice(), job, 0, 3).unwrap();
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_million_tasks_are_submitted_and_cancelled_in_constant_space() {
	run(0, || {
		publish();
		let mut wanted = spec(MAX_TASKS, 7);
		wanted.limits.gas = 1_000_000;
		let before = free(ALICE);
		let job = submit(wanted);
		assert_eq!(JobsMap::<Test>::get(job).unwrap().shards, MAX_TASKS);
		assert_eq!(crate::Shards::<Test>::iter().count(), 0);
		blocks(3);
		Jobs::cancel(alice(), job).unwrap();
		assert_eq!(before - free(ALICE), 7 * u128::from(MAX_TASKS) * SEAT_FEE);
		assert_eq!(held(ALICE), 0);
		assert!(JobsMap::<Test>::get(job).is_none());
	});
}

#[test]
fn a_million_tasks_expire_in_constant_space() {
	run(0, || {
		let mut wanted = spec(MAX_TASKS, 2);
		wanted.limits.gas = 1_000_000;
		wanted.deadline = 40;
		let job = submit(wanted);
		blocks(40);
		assert!(JobsMap::<Test>::get(job).is_none());
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn more_vacancies_than_the_record_lists_wait_in_the_backlog() {
	run(4, || {
		for id in PROVIDER..PROVIDER + 4 {
			Registry::edit(id, |p| p.slots = 1_000);
		}
		let job = submit(spec(100, 2));
		blocks(10);
		assert_eq!(Jobs::job_view(job).unwrap().running, 100);
		// All 200 seats miss their acceptance.
		for id in PROVIDER..PROVIDER + 4 {
			Registry::edit(id, |p| p.slots = 0);
		}
		blocks(11);
		let record = JobsMap::<Test>::get(job).unwrap();
		assert_eq!(record.vacancies.len(), MAX_VACANCIES as usize);
		assert!(Backlog::<Test>::iter().count() > 0);
		assert!(Registry::idle());
		// New ones come and take them all.
		for id in PROVIDER + 10..PROVIDER + 14 {
			Registry::add(id, ASK, 1_000);
		}
		Jobs::top_up(alice(), job, CAP, 0).unwrap();
		blocks(9);
		assert_eq!(Backlog::<Test>::iter().count(), 0);
		for index in 0..100 {
			assert_eq!(seats(shard(job, index)).iter().flatten().count(), 2);
			finish(shard(job, index), 1);
		}
		Jobs::acknowledge(alice(), job, 0, 64).unwrap();
		Jobs::acknowledge(alice(), job, 64, 64).unwrap();
		assert!(JobsMap::<Test>::get(job).is_none());
	});
}

#[test]
fn a_cancelled_job_with_a_backlog_leaves_nothing() {
	run(4, || {
		for id in PROVIDER..PROVIDER + 4 {
			Registry::edit(id, |p| p.slots = 1_000);
		}
		let job = submit(spec(100, 2));
		blocks(10);
		for id in PROVIDER..PROVIDER + 4 {
			Registry::edit(id, |p| p.slots = 0);
		}
		blocks(11);
		assert!(Backlog::<Test>::iter().count() > 0);
		Jobs::cancel(alice(), job).unwrap();
		blocks(30);
		assert_eq!(Backlog::<Test>::iter().count(), 0);
		assert!(JobsMap::<Test>::get(job).is_none());
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn timers_are_exact_over_any_delay() {
	run(0, || {
		for delay in [1u32, 2, 3, 7, 8, 9, 63, 64, 100, 255, 256, 511, 512, 777, 1_000] {
			let mut wanted = spec(1, 2);
			wanted.deadline = delay;
			let job = submit(wanted);
			blocks(delay - 1);
			assert!(JobsMap::<Test>::get(job).is_some(), "delay {delay}");
			next_block();
			assert!(JobsMap::<Test>::get(job).is_none(), "delay {delay}");
		}
	});
}

#[test]
fn anyone_may_serve_timers_that_the_tick_had_no_room_for() {
	run(2, || {
		let id = assigned(1, 2);
		TickWeight::set(<W as crate::WeightInfo>::tick());
		blocks(30);
		assert_eq!(seats(id).iter().flatten().count(), 2);
		TickWeight::set(frame_support::weights::Weight::MAX);
		let post = Jobs::poke(signed(&account(BOB))).unwrap();
		assert!(post.actual_weight.unwrap().ref_time() > 0);
		assert_eq!(seats(id).iter().flatten().count(), 0);
		blocks(1);
	});
}

#[test]
fn providers_move_in_the_pools_after_the_draws_of_each_tick() {
	run(2, || {
		publish();
		submit(spec(1, 2));
		MOVED.with_borrow_mut(|moved| moved.clear());
		let mut used = Vec::new();
		for _ in 0..8 {
			next_block();
			used.push(REGISTRY.with_borrow(|all| all.values().map(|p| p.used).sum::<u16>()));
		}
		assert_eq!(used.last(), Some(&2), "both seats are drawn");
		let moved = MOVED.with_borrow(|moved| moved.clone());
		let after: Vec<u16> = moved.iter().map(|(_, used)| *used).collect();
		assert_eq!(after, used, "once a tick, when nobody is drawn any more");
		assert!(moved.iter().all(|(limit, _)| limit.ref_time() > 0));
	});
}

#[test]
fn a_shard_has_one_timer_for_all_its_seats() {
	run(12, || {
		let timers = |id| {
			let near = NextTimers::<Test>::get().near.into_iter().map(|(_, timer)| timer);
			let listed = Timers::<Test>::iter_values().flat_map(|page| page.entries).chain(near);
			listed
				.filter(|timer| timer.action == TimerAction::Shard { shard: id })
				.count()
		};
		let id = assigned(1, 4);
		assert_eq!(timers(id), 1);
		accept_all(id);
		assert_eq!(timers(id), 1);
		// The first seat should have been accepted by now: it is armed for the next deadline.
		blocks(10);
		assert_eq!(timers(id), 1);
		Evidence::seal(id, 3).unwrap();
		assert_eq!(timers(id), 1);
		// All others are late in one block, and are drawn again.
		blocks(30);
		assert_eq!(
			seats(id)
				.iter()
				.flatten()
				.filter(|(_, state)| *state == SeatState::Sealed)
				.count(),
			1
		);
		let is_late = |event: &RuntimeEvent| {
			matches!(
				event,
				RuntimeEvent::Jobs(crate::Event::SeatVacated {
					cause: crate::Cause::Late,
					..
				})
			)
		};
		assert_eq!(
			System::events().iter().filter(|record| is_late(&record.event)).count(),
			3
		);
	});
}
