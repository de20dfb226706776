//! How shards end, and that nothing but what the verifier says moves, to the last planck.

use super::*;
use crate::{AssignmentsOf, Event, Failure, Jobs as JobsMap, Owed};
use millrace_primitives::{job::DeclineReason, traits::Payment, MILL};

/// What one shard of three seats holds.
const RESERVE: u128 = 3 * (CAP + CAP / 20);

fn earned(seat: u8, amount: u128, fee: u128) -> Earned {
	Earned {
		seat,
		amount,
		fee,
		bound: 0,
	}
}

fn ending(report: Option<Report>, transfers: Vec<(Payee, u128)>, earned: Vec<Earned>) -> Ending {
	Ending {
		report,
		counted: true,
		transfers,
		earned,
	}
}

/// A shard whose seats have all sealed.
fn sealed(tasks: u32, replicas: u8) -> ShardId {
	let id = assigned(tasks, replicas);
	accept_all(id);
	seal_all(id);
	id
}

#[test]
fn every_kind_of_transfer_arrives_exactly() {
	run(3, || {
		Budget::set(Some(MILL));
		publish();
		let before = free(ALICE);
		let id = sealed(1, 3);
		reveal_all(id);
		let (supply, author) = (issuance(), free(VALIDATOR));
		let (first, none, last) = (holder(id, 0), holder(id, 1), holder(id, 2));
		// An auditor that can be paid, and one without an account, of whom the second payment can be received.
		let (auditor, poor) = (account(60), account(61));
		fund(&auditor, MILL);
		let supply = supply + MILL;
		// 90 % of 1,000,001 are 900,000 now: withheld parts are rounded up.
		let spent = 1_000_001 + 7 + 2_000_000 + 11 + 30 + ED - 1 + ED + 13 + 17 + 400;
		let rest = RESERVE + MILL - spent;
		Evidence::end(
			id,
			ending(
				Some(report(12)),
				vec![
					(Payee::Provider(auditor.clone()), 30),
					(Payee::Client, 400),
					(Payee::Fee, 13),
					(Payee::Provider(poor.clone()), ED - 1),
					(Payee::Burn, 17),
					(Payee::Provider(poor.clone()), ED),
					(Payee::Client, rest),
				],
				vec![earned(2, 2_000_000, 11), earned(0, 1_000_001, 7)],
			),
		);
		Jobs::do_try_state().unwrap();
		assert_eq!(free(first), MILL + 900_000);
		assert_eq!(free(none), MILL);
		assert_eq!(free(last), MILL + 1_800_000);
		assert_eq!(free(60), MILL + 30);
		assert_eq!((free(61), Owed::<Test>::get(account(ALICE), &poor)), (ED, ED - 1));
		// Each fee's burned part is rounded up: 5.6, 8.8, 10.4; and all of 17.
		let burned = 6 + 9 + 11 + 17;
		let fees = 7 + 11 + 13 + 17;
		assert_eq!(supply - issuance(), burned);
		assert_eq!(free(VALIDATOR), author + 1 + 2 + 2);
		let withheld = 100_001 + 200_000;
		assert_eq!(held(ALICE), withheld + ED - 1);
		let refunded = 400 + rest;
		assert_eq!(free(ALICE), before - (RESERVE + MILL) - 3 * SEAT_FEE + refunded);
		let paid = 1_000_001 + 2_000_000 + 30 + 2 * ED - 1;
		assert_eq!(paid + fees + refunded, RESERVE + MILL);
		assert!(seen(Event::ShardSettled {
			shard: id,
			report: report(12),
			counted: true,
			paid,
			fees,
			burned,
			refunded,
			withheld,
			storage: 0,
			payments: vec![
				(account(first), 1_000_001),
				(account(last), 2_000_000),
				(auditor, 30),
				(poor.clone(), ED - 1),
				(poor.clone(), ED),
			],
		}));
		let record = JobsMap::<Test>::get(id.job).unwrap();
		assert_eq!((record.paid, record.fees), (paid, fees));
		assert_eq!(
			(record.accepted, record.failed, record.custody, record.running),
			(1, 0, 1, 0)
		);
		// Only what bought seats earned counts for history and rewards.
		let payment = |provider, amount, burned| Payment {
			provider: account(provider),
			amount,
			gas: 12,
			burned,
		};
		let settled = SETTLED.take();
		assert_eq!(settled.len(), 1);
		assert!(settled[0].counted);
		assert_eq!(
			settled[0].payments,
			[payment(first, 1_000_001, 6), payment(last, 2_000_000, 9)]
		);
		// Who earned nothing keeps nothing.
		assert_eq!(seats(id)[1], None);
		assert_eq!(AssignmentsOf::<Test>::iter_prefix(account(none)).count(), 0);
		assert_eq!(
			AssignmentsOf::<Test>::iter_values().filter(|place| place.kept).count(),
			2
		);
		assert_eq!(AssignmentsOf::<Test>::iter().count(), 2);
		assert!(Registry::idle());

		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert_eq!(free(first), MILL + 1_000_001);
		assert_eq!(free(last), MILL + 2_000_000);
		Jobs::claim_owed(signed(&poor), account(ALICE)).unwrap();
		assert_eq!((free(61), held(ALICE)), (2 * ED - 1, 0));
		assert!(JobsMap::<Test>::get(id.job).is_none());
	});
}

#[test]
fn a_shard_without_a_report_pays_whom_the_verifier_says_and_is_gone() {
	run(3, || {
		publish();
		let before = free(ALICE);
		let id = sealed(1, 3);
		let supply = issuance();
		let (one, auditor) = (holder(id, 1), account(60));
		fund(&auditor, ED);
		let refunded = RESERVE - 1_000 - 50 - 5 - 10;
		Evidence::end(
			id,
			ending(
				None,
				vec![
					(Payee::Provider(auditor.clone()), 50),
					(Payee::Burn, 5),
					(Payee::Client, refunded),
				],
				vec![earned(1, 1_000, 10)],
			),
		);
		// Nothing is withheld where nothing is kept.
		assert_eq!(free(one), MILL + 1_000);
		assert_eq!(free(60), ED + 50);
		assert_eq!(supply + ED - issuance(), 8 + 5);
		assert_eq!(held(ALICE), 0);
		assert_eq!(free(ALICE), before - RESERVE - 3 * SEAT_FEE + refunded);
		assert!(!exists(id));
		assert!(Registry::idle());
		assert!(SETTLED.with_borrow(|all| all.is_empty()));
		assert_eq!(AssignmentsOf::<Test>::iter().count(), 0);
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Unresolved,
			paid: 1_050,
			refunded,
			payments: vec![(account(one), 1_000), (auditor, 50)],
		}));
		assert!(seen(Event::JobSettled {
			job: id.job,
			status: millrace_primitives::job::JobStatus::Done,
			accepted: 0,
			failed: 1,
			paid: 1_050,
			fees: 15,
		}));
		assert!(JobsMap::<Test>::get(id.job).is_none());
	});
}

#[test]
fn what_is_merely_left_is_paid_and_does_not_count() {
	run(2, || {
		let id = sealed(1, 2);
		let one = holder(id, 0);
		let mut left = accepted(id, 1_000_000_000);
		left.counted = false;
		Evidence::end(id, left);
		assert_eq!(free(one), MILL + ASK * 9 / 10);
		assert!(SETTLED.with_borrow(|all| all.len() == 1 && !all[0].counted));
		assert!(System::events().iter().any(|record| matches!(
			&record.event,
			RuntimeEvent::Jobs(Event::ShardSettled { counted: false, .. })
		)));
	});
}

#[test]
fn what_is_not_spoken_of_is_refunded_and_nobody_gets_more_than_there_is() {
	run(3, || {
		publish();
		let before = free(ALICE);
		for id in PROVIDER..PROVIDER + 3 {
			Registry::edit(id, |p| p.slots = 10);
		}
		let job = submit(spec(2, 3));
		blocks(9);
		let (id, other) = (shard(job, 0), shard(job, 1));
		for id in [id, other] {
			accept_all(id);
			seal_all(id);
		}
		let (one, two) = (holder(id, 0), holder(id, 1));
		// A seat that there is not, and of all others too much.
		let too_much = ending(
			Some(report(1)),
			vec![
				(Payee::Provider(account(ALICE)), u128::MAX),
				(Payee::Burn, 1),
				(Payee::Client, u128::MAX),
			],
			vec![earned(9, 5, 5), earned(0, CAP, u128::MAX), earned(1, 1, 1)],
		);
		Evidence::end(id, too_much);
		Jobs::do_try_state().unwrap();
		assert_eq!(free(one), MILL + CAP * 9 / 10);
		assert_eq!(free(two), MILL);
		assert_eq!(
			held(ALICE),
			RESERVE + CAP / 10,
			"the other shard's reserve is untouched"
		);
		assert_eq!(JobsMap::<Test>::get(job).unwrap().fees, RESERVE - CAP);

		// Nothing is said at all.
		Evidence::end(other, ending(None, vec![], vec![]));
		Jobs::acknowledge(alice(), job, 0, 2).unwrap();
		assert_eq!(held(ALICE), 0);
		assert_eq!(free(ALICE), before - RESERVE - 6 * SEAT_FEE);
	});
}

#[test]
fn who_earned_nothing_of_a_report_that_is_paid_keeps_outputs_if_it_is_named() {
	run(2, || {
		let id = sealed(1, 2);
		let (named, other) = (holder(id, 0), holder(id, 1));
		Evidence::end(id, ending(Some(report(0)), vec![], vec![earned(0, 0, 0)]));
		assert_eq!(Jobs::custody_of(&account(named), None, 1).len(), 1);
		assert!(Jobs::custody_of(&account(other), None, 1).is_empty());
		assert_eq!(held(ALICE), 0);
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
	});
}

#[test]
fn what_is_not_under_way_cannot_end() {
	run(2, || {
		let id = assigned(1, 2);
		finish(id, 1_000);
		let state = (held(ALICE), free(ALICE), issuance());
		let events = System::events().len();
		for id in [id, shard(id.job, 5), shard(JobId(99), 0)] {
			let everything = ending(Some(report(1)), vec![(Payee::Burn, u128::MAX)], vec![earned(0, 1, 1)]);
			Jobs::on_ended(id, everything);
		}
		assert_eq!((held(ALICE), free(ALICE), issuance()), state);
		assert_eq!(System::events().len(), events);
	});
}

#[test]
fn an_early_end_lets_go_who_has_not_sealed() {
	run(4, || {
		let id = assigned(1, 3);
		accept_all(id);
		Evidence::seal(id, 0).unwrap();
		let paid = holder(id, 0);
		blocks(25);
		blocks(3);
		assert!(seats(id)[1..]
			.iter()
			.flatten()
			.all(|(_, state)| *state == SeatState::Assigned));
		Evidence::end(id, accepted(id, 1_000_000_000));
		assert!(Registry::idle());
		assert_eq!(free(paid), MILL + ASK * 9 / 10);
		assert_eq!(seats(id).iter().flatten().count(), 1);
	});
}

#[test]
fn a_vacancy_of_an_ended_shard_is_forgotten() {
	run(4, || {
		let id = assigned(1, 3);
		accept_all(id);
		Evidence::seal(id, 0).unwrap();
		blocks(25);
		assert_eq!(JobsMap::<Test>::get(id.job).unwrap().vacancies.len(), 2);
		Evidence::end(id, accepted(id, 1));
		assert!(JobsMap::<Test>::get(id.job).unwrap().vacancies.is_empty());
		blocks(5);
		assert_eq!(seats(id).iter().flatten().count(), 1);
		assert_eq!(
			Jobs::explain(id.job).unwrap().reason,
			millrace_primitives::api::Reason::NothingWaits
		);
	});
}

#[test]
fn a_declined_seat_is_vacant_and_does_not_earn() {
	run(3, || {
		let id = assigned(1, 2);
		Jobs::decline(signed(&operator(holder(id, 1))), id, DeclineReason::NoCapacity).unwrap();
		Evidence::end(id, ending(None, vec![], vec![earned(1, CAP, 1)]));
		assert_eq!(held(ALICE), 0);
		assert!(Registry::idle());
	});
}
