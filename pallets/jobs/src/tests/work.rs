//! Accept, decline, and every way to fail.

use super::*;
use crate::{Cause, Event, Exclusion, Failure, Jobs as JobsMap, WeightInfo};
use frame_support::{assert_noop, dispatch::Pays};
use millrace_primitives::{
	job::{DeclineReason, SeatState},
	traits::Conduct,
	MILL,
};

#[test]
fn a_decline_is_free_and_the_seat_goes_to_somebody_else() {
	run(3, || {
		let id = assigned(1, 2);
		let out = holder(id, 0);
		let post = Jobs::decline(signed(&operator(out)), id, DeclineReason::NoCapacity).unwrap();
		assert_eq!(post.pays_fee, Pays::No);
		let before = Registry::get(out);
		assert_eq!((before.used, before.liability, before.slashed), (0, 0, 0));
		assert!(before.conduct.contains(&Conduct::Alive));
		assert_eq!(seats(id)[0], None);
		blocks(3);
		let next = holder(id, 0);
		assert_ne!(next, out);
		assert_eq!(Jobs::seat(id, &account(next)).unwrap().round, 1);
		assert!(Jobs::assignments_of(&account(out)).is_empty());
	});
}

#[test]
fn a_redrawn_seat_needs_newer_randomness() {
	run(3, || {
		let id = assigned(1, 2);
		Jobs::decline(signed(&operator(holder(id, 0))), id, DeclineReason::NoCapacity).unwrap();
		blocks(2);
		assert_eq!(seats(id)[0], None);
		next_block();
		assert!(seats(id)[0].is_some());
	});
}

#[test]
fn a_missed_accept_costs_the_seat() {
	run(3, || {
		let id = assigned(1, 2);
		let (slow, quick) = (holder(id, 0), holder(id, 1));
		Jobs::accept(signed(&operator(quick)), id).unwrap();
		// Seat 0 was drawn in block 3 and has 10 blocks.
		blocks(8);
		assert_eq!(holder(id, 0), slow);
		next_block();
		assert_eq!(seats(id)[0], None);
		let record = Registry::get(slow);
		assert_eq!((record.used, record.liability, record.slashed), (0, 0, 0));
		assert_eq!(record.conduct, vec![Conduct::MissedAccept]);
		blocks(3);
		assert_ne!(holder(id, 0), slow);
		assert_eq!(seats(id)[1], Some((quick, SeatState::Accepted)));
	});
}

#[test]
fn a_late_report_costs_exactly_what_was_at_stake_for_it() {
	run(3, || {
		let id = assigned(1, 2);
		let (late, lost) = (holder(id, 0), CAP / 7 + 1);
		accept_all(id);
		// 20 blocks, 1 Ggas at 0.25 Ggas a block, 2,000 bytes.
		assert_eq!(Jobs::shard_views(id.job, 0, 1)[0].seats[0].due, Some(4 + 20 + 4 + 1));
		Evidence::seal(id, 1).unwrap();
		blocks(24);
		assert_eq!(holder(id, 0), late);
		next_block();
		assert_eq!(seats(id)[0], None);
		let record = Registry::get(late);
		assert_eq!((record.used, record.liability, record.slashed), (0, 0, lost));
		assert_eq!(record.bond, 1_000_000 * MILL - lost);
		assert!(record.conduct.contains(&Conduct::Late));
		let provider = account(late);
		assert!(seen(Event::SeatVacated {
			shard: id,
			seat: 0,
			provider,
			cause: Cause::Late,
			slashed: lost
		}));
		blocks(3);
		assert_ne!(holder(id, 0), late);
		finish(id, 1_000_000_000);
		assert_eq!(Registry::get(late).slashed, lost);
		assert!(Registry::idle());
	});
}

#[test]
fn whoever_has_nothing_at_stake_loses_nothing_by_being_late() {
	run(2, || {
		STAKES.with_borrow_mut(|all| all.insert(account(PROVIDER), Some(Default::default())));
		let id = assigned(1, 2);
		accept_all(id);
		blocks(26);
		assert_eq!(Registry::get(PROVIDER).slashed, 0);
		assert!(Registry::get(PROVIDER).conduct.contains(&Conduct::Late));
		assert!(Registry::idle());
	});
}

#[test]
fn deadlines_stand_still_with_the_clock() {
	run(2, || {
		let id = assigned(1, 2);
		// Blocks without a tick: a migration, or full blocks.
		System::set_block_number(System::block_number() + 1_000);
		next_block();
		assert_eq!(seats(id).iter().flatten().count(), 2);
	});
}

#[test]
fn who_failed_stays_excluded() {
	run(2, || {
		let id = assigned(1, 2);
		let mut record = crate::Shards::<Test>::get(id.job, id.index).unwrap();
		let of = |n: u8, declined| Exclusion {
			provider: account(n),
			declined,
		};
		record.excluded = vec![of(1, None), of(2, Some(0)), of(3, Some(1))].try_into().unwrap();
		record.readmit(0);
		assert_eq!(record.excluded.to_vec(), [of(1, None), of(2, Some(0))]);
		record.readmit(1);
		assert_eq!(record.excluded.to_vec(), [of(1, None)]);
		assert!(record.excludes(&account(1)) && !record.excludes(&account(2)));
	});
}

#[test]
fn a_shard_that_too_many_failed_ends_and_is_refunded_whole() {
	run(30, || {
		let before = free(ALICE);
		let id = assigned(1, 2);
		let waiting = holder(id, 1);
		Jobs::accept(signed(&operator(waiting)), id).unwrap();
		for _ in 0..16 {
			Jobs::decline(signed(&operator(holder(id, 0))), id, DeclineReason::NoCapacity).unwrap();
			blocks(4);
		}
		assert!(exists(id));
		let post = Jobs::decline(signed(&operator(holder(id, 0))), id, DeclineReason::NoCapacity).unwrap();
		assert_eq!(post.actual_weight, Some(W::decline() + W::end_shard()));
		assert!(!exists(id));
		assert_eq!(free(waiting), MILL);
		assert_eq!(free(ALICE), before - 2 * SEAT_FEE);
		assert!(Registry::idle());
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Exhausted,
			paid: 0,
			refunded: 2 * (CAP + CAP / 20),
			payments: vec![]
		}));
		assert!(JobsMap::<Test>::get(id.job).is_none());
	});
}

#[test]
fn only_the_operator_acts_and_only_in_the_right_state() {
	run(3, || {
		let id = assigned(1, 2);
		let (first, second) = (holder(id, 0), holder(id, 1));
		let outsider = (PROVIDER..PROVIDER + 3).find(|p| *p != first && *p != second).unwrap();
		let reason = DeclineReason::NoCapacity;
		type E = crate::Error<Test>;
		assert_noop!(Jobs::accept(signed(&account(first)), id), E::NotProvider);
		assert_noop!(Jobs::decline(alice(), id, reason), E::NotProvider);
		assert_noop!(Jobs::accept(signed(&operator(outsider)), id), E::NotAssigned);
		assert_noop!(Jobs::decline(signed(&operator(outsider)), id, reason), E::NotAssigned);
		assert_noop!(
			Jobs::accept(signed(&operator(first)), shard(id.job, 1)),
			E::UnknownShard
		);
		assert_noop!(Jobs::on_sealed(shard(id.job, 1), 0), E::UnknownShard);
		assert_noop!(Jobs::on_sealed(id, 0), E::WrongState);
		assert_noop!(Jobs::on_sealed(id, 2), E::NotAssigned);
		Jobs::accept(signed(&operator(first)), id).unwrap();
		assert_noop!(Jobs::accept(signed(&operator(first)), id), E::WrongState);
		assert_noop!(Jobs::on_sealed(id, 0), E::WrongState);
		Jobs::accept(signed(&operator(second)), id).unwrap();
		// Its time runs.
		assert_noop!(Jobs::decline(signed(&operator(first)), id, reason), E::WrongState);
		seal_all(id);
		assert_noop!(Jobs::on_sealed(id, 0), E::WrongState);
		assert_noop!(Jobs::accept(signed(&operator(first)), id), E::WrongState);
		assert_noop!(Jobs::decline(signed(&operator(first)), id, reason), E::WrongState);
		reveal_all(id);
		finish(id, 1);
		// In custody.
		assert_noop!(Jobs::accept(signed(&operator(first)), id), E::WrongState);
		assert_noop!(Jobs::decline(signed(&operator(first)), id, reason), E::WrongState);
		assert_noop!(Jobs::on_sealed(id, 0), E::UnknownShard);
		assert_eq!(Jobs::seat(id, &account(first)), None);
	});
}
