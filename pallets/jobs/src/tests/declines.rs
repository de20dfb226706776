//! Declines: whom they can harm, how often, and what it costs to have the same providers drawn again.

use super::*;
use crate::{Cause, Event, Failure, Jobs as JobsMap};
use millrace_primitives::{
	job::{DeclineReason, JobStatus},
	traits::Conduct,
	MILL,
};

/// What a saboteur says.
const LIE: DeclineReason = DeclineReason::ProgramUnavailable;

fn decline(provider: u8, id: ShardId) {
	Jobs::decline(signed(&operator(provider)), id, LIE).unwrap();
}

fn status(job: JobId) -> JobStatus {
	JobsMap::<Test>::get(job).expect("the job exists").status
}

/// A job with so many shards of two seats, all drawn; providers have slots for all of it.
fn large(tasks: u32) -> JobId {
	REGISTRY.with_borrow_mut(|all| all.values_mut().for_each(|provider| provider.slots = 1_000));
	Params::mutate(|params| params.accept_window = 100);
	let job = submit(spec(tasks, 2));
	blocks(15);
	assert_eq!(Jobs::job_view(job).unwrap().running, tasks);
	job
}

/// The shards of a job of which a provider has not accepted its seat.
fn assigned_to(job: JobId, provider: u8) -> Vec<ShardId> {
	(0..JobsMap::<Test>::get(job).unwrap().cursor)
		.map(|index| shard(job, index))
		.filter(|id| exists(*id) && seats(*id).contains(&Some((provider, SeatState::Assigned))))
		.collect()
}

#[test]
fn two_accounts_cannot_suspend_a_job_however_many_seats_they_decline() {
	run(6, || {
		Params::mutate(|params| params.execution_base = 1_000);
		let job = large(60);
		let mut declined = 0;
		for saboteur in [PROVIDER, PROVIDER + 1] {
			for id in assigned_to(job, saboteur) {
				decline(saboteur, id);
				declined += 1;
			}
		}
		assert!(declined > 20, "{declined} declines");
		assert_eq!(status(job), JobStatus::Open);
		assert_eq!(JobsMap::<Test>::get(job).unwrap().decliners.len(), 2);
		// The others take all of it, also what was declined and what they go on declining.
		for _ in 0..30 {
			blocks(3);
			for saboteur in [PROVIDER, PROVIDER + 1] {
				assigned_to(job, saboteur)
					.into_iter()
					.for_each(|id| decline(saboteur, id));
			}
			for provider in PROVIDER + 2..PROVIDER + 6 {
				for id in assigned_to(job, provider) {
					Jobs::accept(signed(&operator(provider)), id).unwrap();
				}
			}
		}
		assert_eq!(status(job), JobStatus::Open);
		let full = |index| {
			seats(shard(job, index))
				.iter()
				.all(|seat| seat.is_some_and(|(_, state)| state == SeatState::Accepted))
		};
		assert!((0..60).all(full));
	});
}

#[test]
fn as_many_as_the_limit_suspend_a_job_that_nobody_takes() {
	run(9, || {
		let before = free(ALICE);
		let job = large(40);
		for saboteur in PROVIDER..PROVIDER + 5 {
			assert_eq!(status(job), JobStatus::Open);
			let id = assigned_to(job, saboteur)[0];
			decline(saboteur, id);
		}
		assert_eq!(status(job), JobStatus::Suspended(LIE));
		assert!(seen(Event::JobSuspended { job, reason: LIE }));
		assert_eq!(
			Jobs::explain(job).unwrap().reason,
			millrace_primitives::api::Reason::Suspended
		);
		let vacant = JobsMap::<Test>::get(job).unwrap().vacant();
		blocks(5);
		assert_eq!(JobsMap::<Test>::get(job).unwrap().vacant(), vacant, "nobody is drawn");
		assert_eq!(vacant, 5);
		// The client mends it: each vacant seat costs its fee again.
		assert_eq!(free(ALICE), before - 80 * SEAT_FEE - held(ALICE));
		Jobs::top_up(alice(), job, CAP, 0).unwrap();
		assert_eq!(free(ALICE), before - 85 * SEAT_FEE - held(ALICE));
		assert!(seen(Event::JobResumed { job }));
		blocks(8);
		assert_eq!(JobsMap::<Test>::get(job).unwrap().vacant(), 0);
	});
}

#[test]
fn governance_cannot_let_one_provider_suspend_a_job_nor_ask_for_more_than_are_remembered() {
	for (limit, needed) in [(0, 2), (1, 2), (2, 2), (8, 8), (255, 8)] {
		run(12, || {
			Params::mutate(|params| params.decline_limit = limit);
			let job = large(60);
			for saboteur in PROVIDER..PROVIDER + needed {
				assert_eq!(status(job), JobStatus::Open);
				decline(saboteur, assigned_to(job, saboteur)[0]);
			}
			assert_eq!(status(job), JobStatus::Suspended(LIE));
		});
	}
}

#[test]
fn nothing_is_suspended_while_somebody_is_at_work() {
	run(12, || {
		let job = large(40);
		let honest = PROVIDER + 11;
		let id = assigned_to(job, honest)[0];
		Jobs::accept(signed(&operator(honest)), id).unwrap();
		for saboteur in PROVIDER..PROVIDER + 10 {
			for id in assigned_to(job, saboteur) {
				decline(saboteur, id);
			}
		}
		let record = JobsMap::<Test>::get(job).unwrap();
		assert_eq!((record.status, record.decliners.len()), (JobStatus::Open, 0));
	});
}

#[test]
fn who_waits_for_a_seat_keeps_its_shard_from_suspending_the_job() {
	run(12, || {
		Params::mutate(|params| (params.accept_window, params.execution_base) = (400, 0));
		let id = assigned(1, 2);
		Jobs::accept(signed(&operator(holder(id, 1))), id).unwrap();
		// It was taken long ago, but it is.
		JobsMap::<Test>::mutate(id.job, |job| job.as_mut().unwrap().taken = None);
		for _ in 0..8 {
			decline(holder(id, 0), id);
			blocks(6);
		}
		assert_eq!(status(id.job), JobStatus::Open);
	});
}

#[test]
fn an_acceptance_forgets_who_declined_and_lifts_a_suspension() {
	run(12, || {
		let job = large(40);
		for saboteur in PROVIDER..PROVIDER + 5 {
			decline(saboteur, assigned_to(job, saboteur)[0]);
		}
		assert_eq!(status(job), JobStatus::Suspended(LIE));
		let honest = PROVIDER + 11;
		let id = assigned_to(job, honest)[0];
		Jobs::accept(signed(&operator(honest)), id).unwrap();
		assert_eq!(status(job), JobStatus::Open);
		assert!(seen(Event::JobResumed { job }));
		assert!(JobsMap::<Test>::get(job).unwrap().decliners.is_empty());
		blocks(8);
		assert_eq!(
			JobsMap::<Test>::get(job).unwrap().vacant(),
			0,
			"its vacant seats are drawn"
		);
		for saboteur in PROVIDER..PROVIDER + 5 {
			assigned_to(job, saboteur)
				.into_iter()
				.for_each(|id| decline(saboteur, id));
		}
		assert_eq!(status(job), JobStatus::Open);
	});
}

#[test]
fn a_job_that_nobody_takes_any_more_is_suspended_all_the_same() {
	run(12, || {
		let job = large(40);
		let honest = PROVIDER + 11;
		Jobs::accept(signed(&operator(honest)), assigned_to(job, honest)[0]).unwrap();
		let terms = Shards::<Test>::get(job, 0).unwrap().terms;
		// All miss their time, others are drawn, and nobody accepts.
		blocks(2 * terms.accept_window + terms.execution_window + 1);
		for provider in PROVIDER..PROVIDER + 12 {
			let mut held = assigned_to(job, provider);
			held.retain(|id| {
				!seats(*id)
					.iter()
					.flatten()
					.any(|(_, state)| *state == SeatState::Accepted)
			});
			if let Some(id) = held.first() {
				decline(provider, *id);
			}
		}
		assert_eq!(status(job), JobStatus::Suspended(LIE));
	});
}

#[test]
fn a_decline_after_half_of_the_time_is_a_missed_acceptance() {
	for (held, cause, conduct) in [
		(5, Cause::Declined(LIE), Conduct::Alive),
		(6, Cause::MissedAccept, Conduct::MissedAccept),
	] {
		run(3, || {
			let id = shard(submit(spec(1, 2)), 0);
			blocks(3);
			let out = holder(id, 0);
			// 10 blocks to accept, from the third on.
			let view = &Jobs::assignments_of(&account(out))[0];
			assert_eq!((view.due, view.decline_by), (13, 8));
			blocks(held);
			Jobs::decline(signed(&operator(out)), id, LIE).unwrap();
			assert_eq!(Registry::get(out).conduct, vec![conduct]);
			assert!(seen(Event::SeatVacated {
				shard: id,
				seat: 0,
				provider: account(out),
				cause,
				slashed: 0,
			}));
			assert!(Registry::get(out).used == 0 && Registry::get(out).liability == 0);
			// A top-up readmits who left in time only.
			Jobs::top_up(alice(), id.job, CAP, 0).unwrap();
			let mut record = Shards::<Test>::get(id.job, 0).unwrap();
			record.readmit(1);
			assert_eq!(record.excludes(&account(out)), cause == Cause::MissedAccept);
		});
	}
}

#[test]
fn who_accepted_leaves_freely_once_the_others_had_their_time() {
	// Of 10 blocks.
	for (waited, conduct) in [
		(5, Conduct::Alive),
		(6, Conduct::MissedAccept),
		(19, Conduct::MissedAccept),
		(20, Conduct::Alive),
	] {
		run(3, || {
			let id = shard(submit(spec(1, 2)), 0);
			blocks(3);
			let out = holder(id, 0);
			Jobs::accept(signed(&operator(out)), id).unwrap();
			blocks(waited);
			Jobs::decline(signed(&operator(out)), id, LIE).unwrap();
			assert_eq!(Registry::get(out).conduct.last(), Some(&conduct));
			assert_eq!(seats(id)[0], None);
		});
	}
}

#[test]
fn a_top_up_pays_for_each_vacant_seat_and_who_declined_is_drawn_again() {
	run(2, || {
		let id = assigned(1, 2);
		for seat in 0..2 {
			decline(holder(id, seat), id);
		}
		blocks(12);
		assert_eq!(seats(id), [None, None], "nobody is left");
		let before = free(ALICE);
		Jobs::top_up(alice(), id.job, CAP, 0).unwrap();
		assert_eq!(free(ALICE), before - 2 * SEAT_FEE);
		assert!(seen(Event::JobToppedUp {
			job: id.job,
			price_cap: CAP,
			expires_at: 500,
			added: 0,
			burned: 2 * SEAT_FEE,
		}));
		// Nothing changes, and it costs the same again.
		Jobs::top_up(alice(), id.job, CAP, 0).unwrap();
		assert_eq!(free(ALICE), before - 4 * SEAT_FEE);
		blocks(8);
		assert!(seats(id).iter().all(Option::is_some), "{:?}", seats(id));
		// Nobody can be drawn by it.
		Jobs::top_up(alice(), id.job, CAP, 0).unwrap();
		assert_eq!(free(ALICE), before - 4 * SEAT_FEE);
	});
}

#[test]
fn a_client_that_cannot_pay_for_its_vacant_seats_readmits_nobody() {
	run(2, || {
		let id = assigned(1, 2);
		decline(holder(id, 0), id);
		let record = JobsMap::<Test>::get(id.job);
		let spare = free(ALICE) - ED;
		Balances::transfer_keep_alive(alice(), account(BOB), spare).unwrap();
		frame_support::assert_noop!(
			Jobs::top_up(alice(), id.job, CAP, 0),
			crate::Error::<Test>::InsufficientFunds
		);
		assert_eq!(JobsMap::<Test>::get(id.job), record);
	});
}

#[test]
fn vacancies_of_a_shard_are_bounded_in_all_whatever_is_topped_up() {
	run(3, || {
		for id in PROVIDER..PROVIDER + 3 {
			Registry::edit(id, |p| p.slots = 100);
		}
		Params::mutate(|params| params.accept_window = 1_000);
		let before = free(ALICE);
		let id = assigned(1, 2);
		let honest = holder(id, 1);
		let mut fees = 2;
		for declined in 1..=17 {
			assert!(exists(id), "after {declined} declines");
			decline(holder(id, 0), id);
			if declined == 17 {
				break;
			}
			// Its own providers are drawn again and again.
			Jobs::top_up(alice(), id.job, CAP, 0).unwrap();
			fees += 1;
			blocks(8);
		}
		assert!(!exists(id));
		assert!(Registry::idle());
		assert_eq!(Registry::get(honest).slashed, 0);
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Exhausted,
			paid: 0,
			refunded: 2 * (CAP + CAP / 20),
			payments: vec![],
		}));
		assert_eq!(free(ALICE), before - fees * SEAT_FEE);
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn who_sealed_goes_on_when_others_leave_too_often() {
	run(30, || {
		Params::mutate(|params| params.execution_base = 20);
		let id = assigned(1, 2);
		let honest = holder(id, 1);
		accept_all(id);
		Evidence::seal(id, 1).unwrap();
		// The other one is late, and so are all who follow, or they decline.
		let mut vacated = 0;
		while Shards::<Test>::get(id.job, 0).unwrap().closed.is_none() {
			if let Some((saboteur, SeatState::Assigned)) = seats(id)[0] {
				decline(saboteur, id);
				vacated += 1;
			}
			next_block();
		}
		assert!(vacated <= 16, "{vacated}");
		assert_eq!(seats(id), [None, Some((honest, SeatState::Sealed))]);
		reveal_all(id);
		Evidence::end(id, accepted(id, 1_000_000_000));
		assert_eq!(Registry::get(honest).slashed, 0);
		assert_eq!(free(honest), MILL + ASK - ASK / 10);
	});
}

#[test]
fn a_suspended_job_goes_on_by_a_seal_too() {
	run(12, || {
		let job = large(40);
		let honest = PROVIDER + 11;
		let id = assigned_to(job, honest)[0];
		accept_all(id);
		JobsMap::<Test>::mutate(job, |job| job.as_mut().unwrap().status = JobStatus::Suspended(LIE));
		Evidence::seal(id, 0).unwrap();
		assert_eq!(status(job), JobStatus::Open);
		JobsMap::<Test>::mutate(job, |job| job.as_mut().unwrap().status = JobStatus::Suspended(LIE));
		Evidence::seal(id, 1).unwrap();
		JobsMap::<Test>::mutate(job, |job| job.as_mut().unwrap().status = JobStatus::Suspended(LIE));
		reveal_all(id);
		Evidence::end(id, accepted(id, 1));
		assert_eq!(status(job), JobStatus::Open, "an accepted report does it as well");
	});
}

/// A job of one shard of so many tasks of so many bytes in and out.
fn heavy(tasks: u32, bytes: u32) -> millrace_primitives::JobSpec {
	let mut wanted = spec(tasks, 2);
	wanted.shard_size = tasks;
	wanted.limits.gas = 1_000;
	(wanted.input_limit, wanted.limits.output) = (bytes, bytes);
	wanted
}

#[test]
fn a_seat_pays_for_the_time_that_its_data_take() {
	run(2, || {
		let price = 250 * millrace_primitives::MICRO;
		assert_eq!(Params::get().slot_price, price);
		let burned = |wanted: millrace_primitives::JobSpec| {
			publish();
			let quoted = Jobs::quote(&wanted).unwrap().submission_fee;
			let before = free(ALICE) + held(ALICE);
			submit(wanted);
			assert_eq!(before - free(ALICE) - held(ALICE), quoted);
			quoted
		};
		// A megabyte in and out costs what nothing does: the windows of 10 and 20 blocks leave three for that.
		assert_eq!(burned(heavy(1, 1_000_000)), 2 * SEAT_FEE);
		// 100 blocks in, twice, 4.4 of checking, twice, and 100 out.
		let hour = 2 * (SEAT_FEE + (308 - 3) * price);
		assert_eq!(burned(heavy(100, 3_000_000)), hour);
		// Each shard pays for what is in it.
		let mut two = heavy(100, 3_000_000);
		(two.tasks, two.limits.gas) = (101, 1_000);
		assert_eq!(burned(two), hour + 2 * SEAT_FEE);
		// Who declined is readmitted for as much.
		REGISTRY.with_borrow_mut(|all| all.values_mut().for_each(|provider| provider.slots = 100));
		let id = shard(submit(heavy(100, 3_000_000)), 0);
		blocks(5);
		decline(holder(id, 0), id);
		let before = free(ALICE);
		Jobs::top_up(alice(), id.job, CAP, 0).unwrap();
		assert_eq!(before - free(ALICE), hour / 2);
	});
}

#[test]
fn a_shard_has_a_longest_time() {
	run(0, || {
		publish();
		let mut wanted = spec(1, 2);
		// 20 blocks, 1 for the data, and 0.25 Ggas in a block.
		wanted.limits.gas = 4 * 250_000_000;
		Params::mutate(|params| params.max_execution = 25);
		assert!(Jobs::quote(&wanted).is_some());
		Jobs::submit(alice(), wanted.clone()).unwrap();
		wanted.limits.gas += 1;
		assert!(Jobs::quote(&wanted).is_none());
		frame_support::assert_noop!(
			Jobs::submit(alice(), wanted.clone()),
			crate::Error::<Test>::ShardTooLong
		);
		// Where a shard holds fewer tasks than it might, these count.
		wanted.shard_size = 100;
		wanted.limits.gas -= 1;
		Jobs::submit(alice(), wanted).unwrap();
	});
}
