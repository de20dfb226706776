//! Top-up, cancellation and expiry, from every state.

use super::*;
use crate::{Event, Failure, Jobs as JobsMap};
use millrace_primitives::{
	job::{DeclineReason, JobStatus, SeatState},
	traits::Conduct,
	MILL,
};

fn gone(job: JobId) -> bool {
	JobsMap::<Test>::get(job).is_none()
}

/// What one shard of two seats holds.
const RESERVE: u128 = 2 * (CAP + CAP / 20);

#[test]
fn a_job_cancelled_before_it_starts_is_refunded_at_once() {
	run(0, || {
		publish();
		let before = free(ALICE);
		let job = submit(spec(10, 2));
		Jobs::cancel(alice(), job).unwrap();
		assert_eq!(free(ALICE), before - 20 * SEAT_FEE);
		assert_eq!(held(ALICE), 0);
		assert!(gone(job));
		assert!(seen(Event::JobClosed {
			job,
			status: JobStatus::Cancelled,
			refunded: 10 * RESERVE
		}));
		blocks(5);
	});
}

#[test]
fn a_cancelled_job_still_settles_what_runs() {
	run(2, || {
		let job = submit(spec(100, 2));
		blocks(3);
		Jobs::cancel(alice(), job).unwrap();
		assert_eq!(held(ALICE), RESERVE);
		let view = Jobs::job_view(job).unwrap();
		assert_eq!((view.status, view.waiting, view.running), (JobStatus::Cancelled, 99, 1));
		blocks(1);
		assert_eq!(Jobs::job_view(job).unwrap().running, 1);
		finish(shard(job, 0), 1_000_000_000);
		assert!(seen(Event::JobSettled {
			job,
			status: JobStatus::Cancelled,
			accepted: 1,
			failed: 0,
			paid: 2 * ASK,
			fees: 2 * ASK / 20
		}));
		Jobs::acknowledge(alice(), job, 0, 64).unwrap();
		assert!(gone(job));
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_cancelled_jobs_open_seat_is_still_filled_for_a_while() {
	run(3, || {
		let id = assigned(1, 2);
		accept_all(id);
		Jobs::cancel(alice(), id.job).unwrap();
		assert_eq!(Jobs::job_view(id.job).unwrap().status, JobStatus::Cancelled);
		Evidence::seal(id, 1).unwrap();
		// Late, after the execution window of 25 blocks.
		blocks(25);
		assert_eq!(seats(id)[0], None);
		assert!(CLOSED.with_borrow(|all| all.is_empty()));
		blocks(3);
		// The grace period is the execution window, which has passed too: it goes on with who has sealed.
		assert_eq!(CLOSED.with_borrow(|all| all.clone()), [id]);
		assert!(Shards::<Test>::get(id.job, 0).unwrap().closed.is_some());
		assert_eq!(seats(id)[1].unwrap().1, SeatState::Sealed);
		let honest = holder(id, 1);
		Evidence::end(id, accepted(id, 1_000_000_000));
		assert_eq!(free(honest), MILL + ASK * 9 / 10);
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert!(gone(id.job));
		assert!(Registry::idle());
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_seat_declined_after_cancellation_is_drawn_again() {
	run(3, || {
		let id = assigned(1, 2);
		Jobs::cancel(alice(), id.job).unwrap();
		Jobs::accept(signed(&operator(holder(id, 0))), id).unwrap();
		Jobs::decline(signed(&operator(holder(id, 1))), id, DeclineReason::NoCapacity).unwrap();
		blocks(3);
		finish(id, 1_000_000_000);
		assert_eq!(Jobs::job_view(id.job).unwrap().accepted, 1);
	});
}

#[test]
fn a_shard_that_everybody_left_ends_with_its_job() {
	run(2, || {
		publish();
		let before = free(ALICE);
		let id = assigned(1, 2);
		Jobs::cancel(alice(), id.job).unwrap();
		for seat in 0..2 {
			Jobs::decline(signed(&operator(holder(id, seat))), id, DeclineReason::NoCapacity).unwrap();
		}
		blocks(3);
		assert!(gone(id.job));
		assert_eq!(free(ALICE), before - 2 * SEAT_FEE);
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Closed,
			paid: 0,
			refunded: RESERVE,
			payments: vec![]
		}));
	});
}

#[test]
fn a_closed_job_that_cannot_be_completed_lets_who_waited_go() {
	run(2, || {
		publish();
		let before = free(ALICE);
		let id = assigned(1, 2);
		let (waiting, out) = (holder(id, 0), holder(id, 1));
		Jobs::accept(signed(&operator(waiting)), id).unwrap();
		Jobs::decline(signed(&operator(out)), id, DeclineReason::NoCapacity).unwrap();
		Jobs::cancel(alice(), id.job).unwrap();
		// Nobody is left to draw; back-offs double until the grace period is over.
		blocks(25 + 32);
		assert!(gone(id.job));
		assert_eq!((free(waiting), free(out)), (MILL, MILL));
		assert_eq!(Registry::get(waiting).slashed, 0);
		assert_eq!(Registry::get(waiting).conduct, [Conduct::Alive]);
		assert_eq!(free(ALICE), before - 2 * SEAT_FEE);
		assert!(Registry::idle());
		assert!(OPENED.with_borrow(|all| all.is_empty()));
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Closed,
			paid: 0,
			refunded: RESERVE,
			payments: vec![]
		}));
	});
}

#[test]
fn the_end_of_a_closed_jobs_shard_does_not_wait_for_a_long_back_off() {
	run(2, || {
		let id = assigned(1, 2);
		Jobs::accept(signed(&operator(holder(id, 0))), id).unwrap();
		Jobs::decline(signed(&operator(holder(id, 1))), id, DeclineReason::NoCapacity).unwrap();
		// Nobody is left to draw: the wait has grown far beyond the execution window of 25 blocks.
		blocks(300);
		assert!(JobsMap::<Test>::get(id.job).unwrap().vacancies[0].readiness.tries > 6);
		Jobs::cancel(alice(), id.job).unwrap();
		blocks(30);
		assert!(gone(id.job));
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_job_expires_exactly_at_its_deadline() {
	run(0, || {
		let mut wanted = spec(10, 2);
		wanted.deadline = 77;
		let job = submit(wanted);
		blocks(76);
		assert_eq!(Jobs::job_view(job).unwrap().status, JobStatus::Open);
		next_block();
		assert!(gone(job));
		assert!(seen(Event::JobClosed {
			job,
			status: JobStatus::Expired,
			refunded: 10 * RESERVE
		}));
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn an_expired_job_settles_what_runs() {
	run(2, || {
		let mut wanted = spec(10, 2);
		wanted.deadline = 8;
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.slots = 1);
		}
		let job = submit(wanted);
		blocks(4);
		accept_all(shard(job, 0));
		blocks(4);
		assert_eq!(Jobs::job_view(job).unwrap().status, JobStatus::Expired);
		assert_eq!(held(ALICE), RESERVE);
		finish(shard(job, 0), 7);
		blocks(60);
		assert!(gone(job));
	});
}

#[test]
fn a_suspended_job_does_not_hold_who_has_sealed() {
	run(8, || {
		let mut wanted = spec(1, 2);
		wanted.deadline = 200;
		let id = shard(submit(wanted), 0);
		blocks(4);
		accept_all(id);
		// Suspended while one computes, one is late, and nobody is drawn for its seat.
		blocks(20);
		Evidence::seal(id, 1).unwrap();
		JobsMap::<Test>::mutate(id.job, |job| {
			job.as_mut().unwrap().status = JobStatus::Suspended(DeclineReason::ProgramRefused);
		});
		Shards::<Test>::mutate(id.job, id.index, |shard| shard.as_mut().unwrap().tells = true);
		blocks(34);
		assert_eq!(seats(id)[0], None);
		assert!(CLOSED.with_borrow(|all| all.is_empty()));
		// Ten blocks to accept and 25 to execute after the first seal.
		blocks(1);
		assert_eq!(CLOSED.with_borrow(|all| all.clone()), [id]);
		Evidence::end(id, accepted(id, 1));
		assert!(Registry::idle());
		blocks(200);
		assert!(gone(id.job));
	});
}

#[test]
fn a_cancelled_suspended_job_is_refunded() {
	run(8, || {
		let id = assigned(4, 2);
		for _ in 0..5 {
			let held = seats(id).iter().position(Option::is_some).unwrap() as u8;
			Jobs::decline(signed(&operator(holder(id, held))), id, DeclineReason::ProgramRefused).unwrap();
			if !matches!(Jobs::job_view(id.job).unwrap().status, JobStatus::Suspended(_)) {
				blocks(3);
			}
		}
		assert!(matches!(
			Jobs::job_view(id.job).unwrap().status,
			JobStatus::Suspended(_)
		));
		Jobs::cancel(alice(), id.job).unwrap();
		blocks(100);
		assert!(gone(id.job));
		assert!(Registry::idle());
	});
}

#[test]
fn a_top_up_pays_more_for_what_has_not_started_only() {
	run(2, || {
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.slots = 1);
		}
		Params::mutate(|params| params.accept_window = 200);
		let id = assigned(10, 2);
		let job = id.job;
		assert_eq!(Jobs::job_view(job).unwrap().running, 1);
		let before = held(ALICE);
		Jobs::top_up(alice(), job, 2 * CAP, 0).unwrap();
		assert_eq!(held(ALICE), before + 9 * RESERVE);
		assert!(seen(Event::JobToppedUp {
			job,
			price_cap: 2 * CAP,
			expires_at: 500,
			added: 9 * RESERVE,
			burned: 0,
		}));
		assert_eq!(crate::Shards::<Test>::get(job, 0).unwrap().terms.price_cap, CAP);
		Jobs::decline(signed(&operator(holder(id, 1))), id, DeclineReason::NoCapacity).unwrap();
		for id in 2..9 {
			Registry::add(PROVIDER + id, CAP + 1, 2);
		}
		blocks(60);
		assert_eq!(seats(id)[1], None, "a started shard keeps its price");
		assert_eq!(seats(shard(job, 1)).iter().flatten().count(), 2);
		Jobs::cancel(alice(), job).unwrap();
		blocks(400);
		assert!(gone(job));
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn an_extended_job_expires_later() {
	run(0, || {
		let mut wanted = spec(3, 2);
		wanted.deadline = 10;
		let job = submit(wanted);
		blocks(5);
		Jobs::top_up(alice(), job, CAP, 20).unwrap();
		blocks(24);
		assert_eq!(Jobs::job_view(job).unwrap().status, JobStatus::Open);
		next_block();
		assert!(gone(job));
	});
}

#[test]
fn a_sealed_seat_survives_the_deadline() {
	run(2, || {
		let mut wanted = spec(1, 2);
		wanted.deadline = 6;
		let id = shard(submit(wanted), 0);
		blocks(4);
		accept_all(id);
		seal_all(id);
		blocks(200);
		assert_eq!(seats(id)[0].unwrap().1, SeatState::Sealed);
		finish(id, 1);
	});
}
