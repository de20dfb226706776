//! What the verifier is told, what it can ask, and how it is woken.

use super::*;
use crate::{Timers, WeightInfo, NEVER};
use frame_support::{
	traits::Hooks,
	weights::{Weight, WeightMeter},
};
use millrace_primitives::{
	matter::Matter,
	provider::{DrawRequest, HardwareClass, RegionSet},
	traits::{Agreed, Alarm, Pace},
	Blob, ENGINE_VERSION,
};
use sp_runtime::Permill;

#[test]
fn a_shard_that_starts_is_opened_with_all_that_was_agreed() {
	run(2, || {
		let mut wanted = spec(5, 2);
		wanted.shard_size = 2;
		wanted.image = Some(Blob { tree: [7; 32], len: 9 });
		wanted.constraints.regions = RegionSet(1);
		wanted.constraints.min_reputation = Permill::from_percent(20);
		Params::mutate(|params| params.run_rate[0] = 1_000_000_000);
		for id in PROVIDER..PROVIDER + 2 {
			Registry::edit(id, |p| p.slots = 10);
		}
		let id = shard(submit(wanted.clone()), 2);
		blocks(8);
		// Started with the rates of its time; ten blocks to accept, 20 + 1 + 1 to execute.
		let agreed = OPENED.with_borrow(|all| all[&id].clone());
		let matter = Matter {
			engine: ENGINE_VERSION,
			program: program(),
			roots: roots(),
			image: wanted.image,
			setup: wanted.setup,
			input_root: wanted.input_root,
			job_tasks: 5,
			first_task: 4,
			tasks: 1,
			limits: wanted.limits,
		};
		let request = DrawRequest {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			price_cap: 2 * CAP,
			memory_pages: 16,
			min_reputation: Permill::zero(),
		};
		assert_eq!(
			agreed,
			Agreed {
				client: account(ALICE),
				program: matter.program,
				engine: matter.engine,
				tasks: matter.tasks,
				limits: matter.limits,
				verification: by(2),
				cap: CAP,
				fee_share: Permill::from_percent(5),
				request,
				working: 10 + 22,
				run_rate: 1_000_000_000,
				reserve: Jobs::escrow(id),
			}
		);
		assert_eq!(Jobs::matter(id), Some(matter));
		assert_eq!(OPENED.with_borrow(|all| all[&shard(id.job, 0)].cap), 2 * CAP);
	});
}

#[test]
fn what_is_asked_of_a_shard_is_answered_while_it_is_under_way() {
	run(2, || {
		Budget::set(Some(77));
		let id = assigned(1, 2);
		assert_eq!(Jobs::client(id), Some(account(ALICE)));
		assert_eq!(Jobs::escrow(id), 2 * (CAP + CAP / 20) + 77);
		assert!(Jobs::matter(id).is_some());
		let holder = account(holder(id, 1));
		let seat = Jobs::seat(id, &holder).unwrap();
		assert_eq!((seat.index, seat.round, seat.state), (1, 0, SeatState::Assigned));
		assert_eq!(
			(seat.ask, seat.stake.liability, seat.stake.late),
			(ASK, 3 * CAP, CAP / 7 + 1)
		);
		assert_eq!(Jobs::seat(id, &account(ALICE)), None);
		finish(id, 1);
		assert_eq!(
			(Jobs::escrow(id), Jobs::matter(id), Jobs::seat(id, &holder)),
			(0, None, None)
		);
		for nothing in [shard(id.job, 1), shard(JobId(9), 0)] {
			assert_eq!((Jobs::escrow(nothing), Jobs::matter(nothing)), (0, None));
		}
		assert_eq!(Jobs::client(shard(JobId(9), 0)), None);
	});
}

#[test]
fn each_output_is_passed_on_once_and_in_order() {
	run(0, || {
		blocks(3);
		Vrf::set(false);
		blocks(2);
		Vrf::set(true);
		blocks(2);
		let outputs = OUTPUTS.with_borrow(|all| all.clone());
		assert_eq!(outputs.len(), 5);
		assert_eq!(outputs, crate::Seeds::<Test>::get().outputs.to_vec());
	});
}

#[test]
fn alarms_ring_once_and_exactly_then() {
	run(0, || {
		let some = |n| Alarm::Shard(shard(JobId(7), n));
		let board = Alarm::Board(shard(JobId(7), 3), 5);
		blocks(10);
		// In the past, now, soon, later, and twice the same.
		for (alarm, at) in [
			(some(0), 2),
			(some(1), 10),
			(board, 11),
			(some(2), 12),
			(some(3), 700),
			(some(2), 12),
		] {
			Jobs::remind(alarm, at);
		}
		assert!(SERVED.with_borrow(|all| all.is_empty()));
		let served = || {
			let mut all = SERVED.take();
			all.sort();
			all
		};
		next_block();
		assert_eq!(served(), [(some(0), 11), (some(1), 11), (board, 11)]);
		next_block();
		assert_eq!(served(), [(some(2), 12), (some(2), 12)]);
		blocks(1_000);
		assert_eq!(served(), [(some(3), 700)]);
		assert_eq!(Timers::<Test>::iter().count(), 0);
	});
}

#[test]
fn an_alarm_is_served_when_there_is_room_for_the_most_and_charged_for_what_it_took() {
	run(0, || {
		let (most, took) = (Weight::from_parts(1 << 50, 0), Weight::from_parts(12_345, 0));
		ServeWeight::set((most, took));
		assert_eq!(Jobs::timer_weight().ref_time(), (W::timer_again() + most).ref_time());
		Jobs::remind(Alarm::Shard(shard(JobId(0), 0)), 1);
		let poll = |room| {
			System::set_block_number(System::block_number() + 1);
			let mut meter = WeightMeter::with_limit(room);
			<Jobs as frame_support::traits::OnPoll<u64>>::on_poll(System::block_number(), &mut meter);
			meter.consumed()
		};
		Vrf::set(false);
		let room = W::tick() + Jobs::timer_weight();
		assert_eq!(poll(room - Weight::from_parts(1, 0)), W::tick());
		assert!(SERVED.with_borrow(|all| all.is_empty()));
		assert_eq!(poll(room), W::tick() + W::timer_stale() + took);
		assert_eq!(SERVED.with_borrow(|all| all.len()), 1);
	});
}

#[test]
#[should_panic(expected = "the tick's weight cap must admit one timer and one draw")]
fn the_ticks_cap_must_admit_an_alarm() {
	run(0, || {
		let cap = W::tick() + Jobs::timer_weight() + Jobs::visit_weight();
		TickWeight::set(cap);
		<Jobs as Hooks<u64>>::integrity_test();
		ServeWeight::set((cap, Weight::zero()));
		<Jobs as Hooks<u64>>::integrity_test();
	});
}

#[test]
fn a_shards_own_timer_wakes_the_verifier_for_alarms_that_are_not_before_it() {
	run(2, || {
		let id = assigned(1, 2);
		accept_all(id);
		seal_all(id);
		let alarm = || Shards::<Test>::get(id.job, id.index).unwrap().alarm;
		let (now, rings) = (Jobs::now_block(), alarm());
		assert!(now + 1 < rings && rings < NEVER);
		for at in [rings - 1, rings, rings + 50] {
			Jobs::remind(Alarm::Shard(id), at);
		}
		// Of a board it knows nothing.
		Jobs::remind(Alarm::Board(id, 0), rings);
		blocks(rings - now);
		assert_eq!(
			SERVED.take(),
			[(Alarm::Shard(id), rings - 1), (Alarm::Board(id, 0), rings)]
		);
		assert_eq!(WOKEN.take(), [(id, rings)]);

		// It has none any more, until custody begins.
		assert_eq!(alarm(), NEVER);
		Jobs::remind(Alarm::Shard(id), rings + 20);
		blocks(20);
		assert_eq!(SERVED.take(), [(Alarm::Shard(id), rings + 20)]);
		assert!(WOKEN.take().is_empty());
		finish(id, 1);
		assert_eq!(alarm(), rings + 20 + 50);
		Jobs::remind(Alarm::Shard(id), rings + 20 + 60);
		blocks(60);
		assert_eq!(SERVED.take(), [(Alarm::Shard(id), rings + 20 + 60)]);
		assert!(WOKEN.take().is_empty() && !exists(id));
	});
}

#[test]
fn where_clocks_differ_an_alarm_rings_by_itself() {
	run(2, || {
		let id = assigned(1, 2);
		accept_all(id);
		seal_all(id);
		let rings = Shards::<Test>::get(id.job, id.index).unwrap().alarm;
		PACES.with_borrow_mut(|all| {
			all.insert(
				program(),
				Pace {
					behind: 1,
					frozen: false,
				},
			)
		});
		Jobs::remind(Alarm::Shard(id), rings);
		blocks(rings - Jobs::now_block());
		assert_eq!(SERVED.take(), [(Alarm::Shard(id), rings)]);
	});
}
