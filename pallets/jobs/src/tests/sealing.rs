//! When a shard's seats may compute and seal, and when nobody may seal it any more.

use super::*;
use crate::{AssignmentsOf, Backlog, Cause, Event, Failure, Jobs as JobsMap, WeightInfo, NEVER};
use frame_support::assert_noop;
use millrace_primitives::{
	job::DeclineReason,
	traits::{Conduct, ProviderRegistry},
	MILL,
};

type E = crate::Error<Test>;

/// The execution window of the tests' shards, and what a fill timer takes.
const WINDOW: u32 = 25;
const FILL: u32 = 10 + WINDOW;

fn accept(id: ShardId, seat: u8) {
	Jobs::accept(signed(&operator(holder(id, seat))), id).unwrap();
}

fn due(id: ShardId, seat: u8) -> u32 {
	Shards::<Test>::get(id.job, id.index).unwrap().holder(seat).unwrap().due
}

fn closed(id: ShardId) -> bool {
	Shards::<Test>::get(id.job, id.index).unwrap().closed.is_some()
}

/// Strangers have failed the shard so often that the next failure is one too many.
fn exhaust(id: ShardId) {
	Shards::<Test>::mutate(id.job, id.index, |shard| {
		let seats = &mut shard.as_mut().unwrap().seats;
		let vacated: u32 = seats.iter().map(|seat| seat.round).sum();
		let sealed = |seat: &&mut crate::Seat| seat.holder.as_ref().is_some_and(|h| h.state == SeatState::Sealed);
		seats.iter_mut().find(sealed).unwrap().round += crate::MAX_VACATED - vacated;
	});
}

#[test]
fn nobody_seals_before_all_are_accepted() {
	run(3, || {
		let id = assigned(1, 3);
		accept(id, 0);
		accept(id, 2);
		for seat in 0..3 {
			assert_noop!(Jobs::on_sealed(id, seat), E::WrongState);
		}
		accept(id, 1);
		for seat in 0..3 {
			Evidence::seal(id, seat).unwrap();
		}
		assert!(closed(id));
		finish(id, 5);
	});
}

#[test]
fn the_time_of_all_counts_from_the_last_acceptance() {
	run(2, || {
		Params::mutate(|params| params.accept_window = 50);
		let id = assigned(1, 2);
		let (first, last) = (holder(id, 0), holder(id, 1));
		accept(id, 0);
		assert_eq!(due(id, 0), NEVER);
		blocks(40);
		assert_eq!(
			seats(id)[0],
			Some((first, SeatState::Accepted)),
			"it waits without a deadline"
		);
		accept(id, 1);
		let both = 4 + 40 + WINDOW;
		assert_eq!((due(id, 0), due(id, 1)), (both, both));
		for (seat, provider, due) in [(0, first, NEVER), (1, last, both)] {
			assert!(seen(Event::ShardAccepted {
				shard: id,
				seat,
				provider: account(provider),
				due
			}));
		}
		blocks(WINDOW - 1);
		assert_eq!(seats(id).iter().flatten().count(), 2);
		next_block();
		assert_eq!(seats(id), [None, None]);
		for provider in [first, last] {
			assert_eq!(Registry::get(provider).slashed, CAP / 7 + 1);
		}
	});
}

#[test]
fn after_a_vacancy_only_those_who_waited_get_a_new_deadline() {
	run(6, || {
		let id = assigned(1, 3);
		let start = 5;
		(0..3).for_each(|seat| accept(id, seat));
		Evidence::seal(id, 2).unwrap();
		blocks(WINDOW);
		assert_eq!(seats(id)[..2], [None, None], "two are late");
		blocks(5);
		// The first of those who took their place waits for the second.
		accept(id, 0);
		assert_eq!(due(id, 0), NEVER);
		assert_noop!(Jobs::on_sealed(id, 0), E::WrongState);
		next_block();
		accept(id, 1);
		let both = start + WINDOW + 5 + 1 + WINDOW;
		assert_eq!((due(id, 0), due(id, 1), due(id, 2)), (both, both, NEVER));
		assert_eq!(seats(id)[2].unwrap().1, SeatState::Sealed);
	});
}

#[test]
fn a_window_as_long_as_time_is_still_a_window() {
	run(2, || {
		Params::mutate(|params| (params.execution_base, params.max_execution) = (u32::MAX, u32::MAX));
		let id = assigned(1, 2);
		accept_all(id);
		assert_eq!(due(id, 0), NEVER - 1);
		finish(id, 1);
	});
}

#[test]
fn who_waits_for_others_may_leave_and_who_does_not_may_not() {
	run(3, || {
		let id = assigned(1, 2);
		let waiting = holder(id, 0);
		accept(id, 0);
		let reason = DeclineReason::NoCapacity;
		Jobs::decline(signed(&operator(waiting)), id, reason).unwrap();
		let record = Registry::get(waiting);
		assert_eq!((record.used, record.liability, record.slashed), (0, 0, 0));
		assert_eq!(record.conduct, [Conduct::Alive, Conduct::Alive]);
		blocks(3);
		assert_ne!(holder(id, 0), waiting);
		accept_all(id);
		for seat in 0..2 {
			assert_noop!(
				Jobs::decline(signed(&operator(holder(id, seat))), id, reason),
				E::WrongState
			);
		}
		finish(id, 1);
	});
}

#[test]
fn all_seals_close_a_shard_and_nothing_else_does_before_the_fill_timer() {
	run(2, || {
		let id = assigned(1, 2);
		accept_all(id);
		Evidence::seal(id, 0).unwrap();
		assert!(!closed(id));
		blocks(WINDOW - 1);
		Evidence::seal(id, 1).unwrap();
		assert!(closed(id));
		// The timer finds nothing to do, and a sealed seat has no deadline here.
		blocks(3 * FILL);
		assert!(CLOSED.with_borrow(|all| all.is_empty()));
		assert_eq!(seats(id).iter().flatten().count(), 2);
		finish(id, 1);
	});
}

#[test]
fn when_time_is_up_a_shard_goes_on_with_those_who_have_sealed() {
	run(12, || {
		let id = assigned(1, 4);
		let start = 6;
		accept_all(id);
		let honest = holder(id, 2);
		Evidence::seal(id, 2).unwrap();
		// The other three are late; two are replaced, of whom one accepts.
		blocks(WINDOW);
		for seat in [0, 1, 3] {
			assert_eq!(seats(id)[seat], None);
		}
		blocks(3);
		for id in PROVIDER..PROVIDER + 12 {
			Registry::edit(id, |p| p.slots = p.used);
		}
		blocks(1);
		let drawn = seats(id).iter().flatten().count();
		assert!(drawn > 1, "{:?}", seats(id));
		let (taken, replaced): (u8, u8) = [0u8, 1, 3]
			.into_iter()
			.find_map(|seat| seats(id)[usize::from(seat)].map(|(provider, _)| (seat, provider)))
			.unwrap();
		accept(id, taken);
		blocks(FILL - WINDOW - 3 - 1 - 1);
		assert!(CLOSED.with_borrow(|all| all.is_empty()) && !closed(id));
		assert!(!JobsMap::<Test>::get(id.job).unwrap().vacancies.is_empty());
		next_block();
		assert_eq!(Jobs::now_block(), start + FILL);

		assert_eq!(CLOSED.with_borrow(|all| all.clone()), [id]);
		assert!(closed(id));
		assert_eq!(seats(id), [None, None, Some((honest, SeatState::Sealed)), None]);
		assert!(JobsMap::<Test>::get(id.job).unwrap().vacancies.is_empty());
		let record = Registry::get(replaced);
		assert_eq!((record.used, record.liability, record.slashed), (0, 0, 0));
		assert_eq!(record.conduct, [Conduct::Alive]);
		assert!(seen(Event::SeatVacated {
			shard: id,
			seat: taken,
			provider: account(replaced),
			cause: Cause::Closed,
			slashed: 0
		}));
		assert_eq!(AssignmentsOf::<Test>::iter_prefix(account(replaced)).count(), 0);
		// Whoever has sealed still answers for it.
		assert_eq!(Registry::get(honest).liability, 3 * CAP);
		// Nobody comes any more.
		for id in PROVIDER..PROVIDER + 12 {
			Registry::edit(id, |p| p.slots = 5);
		}
		blocks(40);
		assert_eq!(seats(id).iter().flatten().count(), 1);
		assert_noop!(Jobs::accept(signed(&operator(replaced)), id), E::NotAssigned);
		Evidence::end(id, accepted(id, 1_000_000_000));
		assert_eq!(free(honest), MILL + ASK * 9 / 10);
		assert!(Registry::idle());
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_vacancy_of_a_closed_shard_in_the_backlog_is_dropped() {
	run(2, || {
		let id = assigned(1, 2);
		accept_all(id);
		Evidence::seal(id, 1).unwrap();
		blocks(FILL - 1);
		JobsMap::<Test>::mutate(id.job, |job| {
			let job = job.as_mut().unwrap();
			Backlog::<Test>::insert(id.job, 0, job.vacancies.remove(0));
			job.backlog_tail = 1;
			Jobs::schedule(id.job, job);
		});
		next_block();
		assert!(closed(id));
		blocks(10);
		assert_eq!(Backlog::<Test>::iter().count(), 0);
		let job = JobsMap::<Test>::get(id.job).unwrap();
		assert!(job.vacancies.is_empty() && !job.has_backlog());
		Evidence::end(id, accepted(id, 1));
	});
}

#[test]
fn a_shard_that_too_many_failed_goes_on_with_those_who_have_sealed() {
	run(4, || {
		let id = assigned(1, 2);
		accept_all(id);
		let (late, honest) = (holder(id, 0), holder(id, 1));
		Evidence::seal(id, 1).unwrap();
		exhaust(id);
		blocks(WINDOW);
		assert_eq!(CLOSED.with_borrow(|all| all.clone()), [id]);
		assert!(closed(id));
		assert_eq!(seats(id), [None, Some((honest, SeatState::Sealed))]);
		let record = Registry::get(late);
		assert_eq!((record.slashed, record.liability, record.used), (CAP / 7 + 1, 0, 0));
		// Once.
		blocks(FILL);
		assert_eq!(CLOSED.with_borrow(|all| all.len()), 1);
		Evidence::end(id, accepted(id, 1_000_000_000));
		assert_eq!(free(honest), MILL + ASK * 9 / 10);
		assert!(Registry::idle());
	});
}

#[test]
fn a_decline_that_closes_a_shard_is_charged_for_that() {
	run(5, || {
		let id = assigned(1, 3);
		accept_all(id);
		Evidence::seal(id, 2).unwrap();
		blocks(WINDOW + 5);
		accept(id, 0);
		let (waiting, last) = (holder(id, 0), holder(id, 1));
		exhaust(id);
		let post = Jobs::decline(signed(&operator(last)), id, DeclineReason::NoCapacity).unwrap();
		assert_eq!(post.actual_weight, Some(W::decline() + W::end_shard()));
		assert!(closed(id));
		assert_eq!(Registry::get(waiting).liability, 0);
		Evidence::end(id, accepted(id, 1));
		assert!(Registry::idle());
	});
}

#[test]
fn a_fill_timer_without_a_seal_that_the_verifier_knows_of_ends_the_shard() {
	run(2, || {
		let before = free(ALICE);
		let id = assigned(1, 2);
		accept_all(id);
		// What the verifier never does.
		Jobs::on_sealed(id, 0).unwrap();
		let sealed = account(holder(id, 0));
		blocks(FILL);
		assert!(!exists(id));
		Registry::free_liability(&sealed, 3 * CAP);
		assert!(Registry::idle());
		assert_eq!(held(ALICE), 0);
		assert_eq!(free(ALICE), before - 2 * SEAT_FEE);
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Closed,
			paid: 0,
			refunded: 2 * (CAP + CAP / 20),
			payments: vec![]
		}));
	});
}
