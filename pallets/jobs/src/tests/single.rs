//! Jobs of whose shards each is computed by one provider.

use super::*;
use crate::{Error, Event, Jobs as JobsMap, NEVER};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{
	job::{DeclineReason, Verification, MAX_WINDOW},
	MILL,
};

/// 1 Ggas at the cap and its fee of 5 %, once.
const RESERVE: u128 = CAP + CAP / 20;

fn is_filling() -> bool {
	Shards::<Test>::iter_values().any(|shard| shard.fill < NEVER)
}

#[test]
fn one_seat_is_drawn_and_closes_its_shard_when_it_seals() {
	run(1, || {
		publish();
		let before = free(ALICE);
		let job = submit(spec(1, 1));
		let fee = SEAT_FEE;
		assert_eq!((free(ALICE), held(ALICE)), (before - RESERVE - fee, RESERVE));

		// One provider is enough, and no seat waits for another.
		let id = shard(job, 0);
		blocks(3);
		let provider = holder(id, 0);
		assert_eq!(seats(id).len(), 1);
		assert!(JobsMap::<Test>::get(job).unwrap().vacancies.is_empty());
		let agreed = OPENED.with_borrow(|all| all[&id].clone());
		assert_eq!(agreed.verification, by(1));
		assert_eq!(agreed.reserve, RESERVE);

		// Its time begins with its acceptance, which binds it.
		assert_ok!(Jobs::accept(signed(&operator(provider)), id));
		assert!(Jobs::assignments_of(&operator(provider))[0].held);
		assert_noop!(
			Jobs::decline(signed(&operator(provider)), id, DeclineReason::NoCapacity),
			Error::<Test>::WrongState
		);
		seal_all(id);
		assert!(Jobs::running(id).unwrap().closed.is_some());
		assert!(!is_filling(), "there is nobody to wait for");
		reveal_all(id);

		// Half the gas: 1 mMILL, a tenth of it withheld.
		Evidence::end(id, accepted(id, 500_000_000));
		let (earned, fees) = (MILL / 1_000, MILL / 20_000);
		assert_eq!(free(provider), MILL + earned * 9 / 10);
		assert_eq!(free(ALICE), before - fee - earned - fees);
		assert_eq!(Jobs::custody_of(&operator(provider), None, 2).len(), 1);
		assert_ok!(Jobs::acknowledge(alice(), job, 0, 1));
		assert_eq!((free(provider), held(ALICE)), (MILL + earned, 0));
		assert!(Registry::idle() && !exists(id));
	});
}

#[test]
fn who_does_not_seal_in_time_is_replaced_and_pays() {
	run(2, || {
		let id = assigned(1, 1);
		let first = holder(id, 0);
		accept_all(id);
		let late = Jobs::running(id).unwrap().holder(0).unwrap().stake.late;
		let another = || seats(id)[0].is_some_and(|(provider, _)| provider != first);
		for _ in 0..200 {
			if another() {
				break;
			}
			next_block();
		}
		assert!(another(), "somebody else was drawn");
		assert_eq!(Registry::get(first).slashed, late);
		finish(id, 1);
		assert!(seen(Event::SeatVacated {
			shard: id,
			seat: 0,
			provider: account(first),
			cause: crate::Cause::Late,
			slashed: late,
		}));
	});
}

#[test]
fn a_closed_job_lets_a_sealed_shard_end_and_refunds_one_that_is_not() {
	run(2, || {
		let job = submit(spec(2, 1));
		blocks(4);
		let (sealed, other) = (shard(job, 0), shard(job, 1));
		accept_all(sealed);
		seal_all(sealed);
		let before = free(ALICE);
		assert_ok!(Jobs::cancel(alice(), job));
		let running = exists(other);
		if running {
			Jobs::decline(signed(&operator(holder(other, 0))), other, DeclineReason::NoCapacity).unwrap();
			blocks(Params::get().execution_base * 4);
		}
		assert!(!exists(other));
		assert_eq!(free(ALICE), before + RESERVE);
		reveal_all(sealed);
		Evidence::end(sealed, accepted(sealed, 1_000_000_000));
		assert_eq!(Jobs::job_view(job).unwrap().accepted, 1);
	});
}

#[test]
fn a_window_is_at_least_the_court_s_and_at_most_a_day() {
	run(1, || {
		publish();
		let of = |window| {
			let mut wanted = spec(1, 1);
			wanted.verification = Verification::Optimistic { window };
			wanted
		};
		for window in [LEAST_WINDOW, MAX_WINDOW] {
			assert!(Jobs::quote(&of(window)).is_some());
			assert_ok!(Jobs::submit(alice(), of(window)));
		}
		for window in [0, LEAST_WINDOW - 1, MAX_WINDOW + 1] {
			assert_eq!(Jobs::quote(&of(window)), None);
			assert_noop!(Jobs::submit(alice(), of(window)), Error::<Test>::BadWindow);
		}
	});
}

#[test]
fn half_as_much_is_held_and_burned_as_for_two() {
	run(1, || {
		publish();
		let (one, two) = (Jobs::quote(&spec(8, 1)).unwrap(), Jobs::quote(&spec(8, 2)).unwrap());
		assert_eq!(one.payments * 2, two.payments);
		assert_eq!(one.fees * 2, two.fees);
		assert_eq!(one.submission_fee * 2, two.submission_fee);
		assert_eq!(one.liability, two.liability);
	});
}
