//! Verdicts other than plain acceptance.

use super::*;
use crate::{Cause, Event, Failure};
use frame_support::assert_ok;
use millrace_primitives::{job::DeclineReason, outcome::SeatGas, MILL};

fn revealed(id: ShardId) {
	accept_all(id);
	seal_all(id);
	reveal_all(id);
}

#[test]
fn an_unresolved_shard_pays_half_burns_nothing_and_refunds_the_rest() {
	run(3, || {
		publish();
		let (before, providers) = (free(ALICE), 3);
		let id = assigned(1, providers);
		let supply = issuance();
		revealed(id);
		let claims = SeatGas::truncate_from(vec![(0, 1_000_000_000), (2, 500_000_001)]);
		let (full, none, half) = (holder(id, 0), holder(id, 1), holder(id, 2));
		Jobs::on_verdict(id, Verdict::Unresolved { revealed: claims });
		// The least claim counts for both.
		assert_eq!(free(full), free(half));
		assert_eq!(free(none), MILL);
		assert_eq!(free(half), MILL + (ASK / 2 + ASK / 1_000_000_000) / 2);
		assert_eq!(issuance(), supply);
		assert_eq!(held(ALICE), 0);
		let paid = free(full) + free(half) - 2 * MILL;
		assert_eq!(free(ALICE), before - paid - 3 * Params::get().shard_fee);
		assert!(!exists(id));
		assert!(Registry::idle());
		assert_eq!(Registry::get(full).slashed, 0);
		assert!(SETTLED.with_borrow(|all| all.is_empty()));
		let refunded = 3 * (CAP + CAP / 20) - paid;
		assert!(seen(Event::ShardFailed {
			shard: id,
			failure: Failure::Unresolved,
			paid,
			refunded,
			payments: vec![(account(full), free(full) - MILL), (account(half), free(half) - MILL)],
		}));
		assert!(crate::Jobs::<Test>::get(id.job).is_none());
	});
}

#[test]
fn a_rejected_seat_is_slashed_and_the_shard_computed_again() {
	run(4, || {
		let id = assigned(1, 2);
		revealed(id);
		let (liar, honest) = (holder(id, 0), holder(id, 1));
		OPENED.with_borrow_mut(|all| all.clear());
		Jobs::on_verdict(id, Verdict::Rejected { at_fault: vec![0] });
		assert_eq!(Registry::get(liar).slashed, 3 * CAP);
		assert_eq!(Registry::get(honest).slashed, 0);
		let provider = account(liar);
		let cause = Cause::Rejected;
		assert!(seen(Event::SeatVacated {
			shard: id,
			seat: 0,
			provider,
			cause,
			slashed: 3 * CAP
		}));
		assert!(OPENED.with_borrow(|all| all.contains(&(id.job, 0))));
		blocks(3);
		assert_ne!(holder(id, 0), liar);
		assert_eq!(holder(id, 1), honest);
		assert_eq!(Jobs::seat(id, &account(honest)).unwrap().round, 1);
		finish(id, 1_000_000_000);
		assert!(Registry::idle());
		assert_eq!(free(honest), MILL + ASK * 9 / 10);
	});
}

#[test]
fn a_rejected_shard_that_cannot_be_opened_again_ends() {
	run(4, || {
		let id = assigned(1, 2);
		revealed(id);
		MayOpen::set(false);
		Jobs::on_verdict(id, Verdict::Rejected { at_fault: vec![0, 9] });
		assert!(!exists(id));
		assert!(Registry::idle());
	});
}

#[test]
fn an_honest_seat_that_does_not_report_again_is_late() {
	run(4, || {
		let id = assigned(1, 2);
		revealed(id);
		let honest = holder(id, 1);
		Jobs::on_verdict(id, Verdict::Rejected { at_fault: vec![0] });
		blocks(25);
		assert_eq!(Registry::get(honest).slashed, 3 * CAP / 10);
		assert_eq!(Registry::get(honest).used, 0);
	});
}

#[test]
fn verdicts_about_what_is_not_under_way_change_nothing() {
	run(2, || {
		let id = assigned(1, 2);
		finish(id, 1_000);
		let (escrow, alice) = (held(ALICE), free(ALICE));
		Jobs::on_verdict(id, Verdict::Accepted { report: report(1_000) });
		Jobs::on_verdict(id, Verdict::Rejected { at_fault: vec![0] });
		Jobs::on_verdict(shard(id.job, 5), Verdict::Accepted { report: report(1_000) });
		Jobs::on_verdict(shard(JobId(99), 0), Verdict::Accepted { report: report(1_000) });
		assert_eq!((held(ALICE), free(ALICE)), (escrow, alice));
		assert_eq!(Registry::get(PROVIDER).slashed, 0);
	});
}

#[test]
fn an_early_verdict_pays_only_who_revealed() {
	run(3, || {
		let id = assigned(1, 3);
		accept_all(id);
		Jobs::on_sealed(id, 0).unwrap();
		Jobs::on_revealed(id, 0).unwrap();
		let (paid, unpaid) = (holder(id, 0), holder(id, 1));
		Jobs::on_verdict(
			id,
			Verdict::Accepted {
				report: report(1_000_000_000),
			},
		);
		assert!(Registry::idle());
		assert_eq!(free(paid), MILL + ASK * 9 / 10);
		assert_eq!(free(unpaid), MILL);
		assert_ok!(Jobs::acknowledge(alice(), id.job, 0, 1));
	});
}

#[test]
fn a_vacancy_of_a_settled_shard_is_forgotten() {
	run(3, || {
		let id = assigned(1, 2);
		Jobs::accept(signed(&operator(holder(id, 0))), id).unwrap();
		Jobs::on_sealed(id, 0).unwrap();
		Jobs::on_revealed(id, 0).unwrap();
		Jobs::decline(signed(&operator(holder(id, 1))), id, DeclineReason::NoCapacity).unwrap();
		Jobs::on_verdict(id, Verdict::Accepted { report: report(1) });
		blocks(5);
		assert_eq!(seats(id).iter().flatten().count(), 1);
	});
}
