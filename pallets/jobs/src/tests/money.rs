//! Settlement cannot fail, whoever pays and whoever is paid.

use super::*;
use crate::Owed;
use frame_support::{
	assert_noop,
	traits::{
		fungible::{Mutate, MutateFreeze},
		tokens::{Fortitude, Precision, Preservation},
	},
};
use millrace_primitives::MILL;

fn empty(who: u8) {
	let all = free(who);
	Balances::burn_from(
		&account(who),
		all,
		Preservation::Expendable,
		Precision::Exact,
		Fortitude::Force,
	)
	.unwrap();
	assert_eq!(free(who), 0);
}

#[test]
fn what_a_payee_cannot_receive_is_owed_and_claimable() {
	run(2, || {
		let id = assigned(1, 2);
		let (reaped, other) = (holder(id, 0), holder(id, 1));
		empty(reaped);
		// 90 % of 1 million plancks are below the existential deposit.
		finish(id, 500_000);
		let earned = ASK / 2_000;
		let paid_now = earned - earned / 10;
		assert_eq!(free(reaped), 0);
		assert_eq!(free(other), MILL + paid_now);
		assert_eq!(Owed::<Test>::get(account(ALICE), account(reaped)), paid_now);
		assert!(seen(crate::Event::PaymentOwed {
			client: account(ALICE),
			payee: account(reaped),
			amount: paid_now
		}));
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert_eq!(Owed::<Test>::get(account(ALICE), account(reaped)), earned);
		assert_eq!(held(ALICE), earned);

		let claim = || Jobs::claim_owed(signed(&account(reaped)), account(ALICE));
		assert_noop!(claim(), sp_runtime::TokenError::CannotCreate);
		assert_noop!(
			Jobs::claim_owed(signed(&account(other)), account(ALICE)),
			crate::Error::<Test>::NothingOwed
		);
		fund(&account(reaped), ED);
		claim().unwrap();
		assert_eq!(free(reaped), ED + earned);
		assert_eq!(held(ALICE), 0);
		assert_noop!(claim(), crate::Error::<Test>::NothingOwed);
	});
}

#[test]
fn a_frozen_client_still_pays() {
	run(2, || {
		let id = assigned(1, 2);
		Balances::set_freeze(&[1; 8], &account(ALICE), u128::MAX / 4).unwrap();
		let provider = holder(id, 0);
		finish(id, 1_000_000_000);
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert_eq!(free(provider), MILL + ASK);
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_client_with_nothing_but_its_escrow_is_refunded() {
	run(2, || {
		let id = assigned(1, 2);
		// Another pallet keeps the account alive, so even the existential deposit could be spent.
		System::inc_providers(&account(ALICE));
		let all = free(ALICE);
		Balances::burn_from(
			&account(ALICE),
			all,
			Preservation::Expendable,
			Precision::Exact,
			Fortitude::Force,
		)
		.unwrap();
		assert_eq!(free(ALICE), 0);
		// The refund is dust: one gas unit is left over.
		Registry::edit(holder(id, 0), |p| p.ask = ASK);
		finish(id, 1_000_000_000);
		let refund = 2 * (CAP + CAP / 20) - 2 * (ASK + ASK / 20);
		assert_eq!(free(ALICE), refund);
	});
}

#[test]
fn a_refund_that_cannot_be_received_is_owed_to_the_client() {
	run(2, || {
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.ask = CAP);
		}
		let id = assigned(1, 2);
		System::inc_providers(&account(ALICE));
		let all = free(ALICE);
		Balances::burn_from(
			&account(ALICE),
			all,
			Preservation::Expendable,
			Precision::Exact,
			Fortitude::Force,
		)
		.unwrap();
		finish(id, 999_999_990);
		let owed = Owed::<Test>::get(account(ALICE), account(ALICE));
		assert!(owed > 0 && owed < ED);
		fund(&account(ALICE), ED);
		Jobs::claim_owed(alice(), account(ALICE)).unwrap();
		assert_eq!(free(ALICE), ED + owed);
	});
}

#[test]
fn a_client_may_be_its_own_provider_and_loses_by_it() {
	run(1, || {
		Registry::add(ALICE, ASK, 1);
		publish();
		let before = free(ALICE);
		let id = assigned(1, 2);
		let other = free(PROVIDER);
		finish(id, 1_000_000_000);
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert_eq!(free(PROVIDER), other + ASK);
		assert_eq!(free(ALICE), before - ASK - 2 * ASK / 20 - 2 * SEAT_FEE);
	});
}

#[test]
fn without_an_author_that_can_receive_the_whole_fee_is_burned() {
	for author in [None, Some(account(77))] {
		run(2, || {
			BlockAuthor::set(author.clone());
			let id = assigned(1, 2);
			let before = issuance();
			finish(id, 1_000_000);
			let fees = 2 * (ASK / 1_000 / 20);
			assert_eq!(before - issuance(), fees);
			assert_eq!(free(77), 0);
			// What counts for emission is only the part that is burned by the rules.
			assert_eq!(SETTLED.with_borrow(|all| all[0].payments[0].burned), fees / 2 * 4 / 5);
		});
	}
}

#[test]
fn every_rounding_is_against_the_one_who_gains() {
	run(2, || {
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |p| p.ask = 1_999_999_999);
		}
		let id = assigned(1, 2);
		let (before, supply, provider) = (free(ALICE), issuance(), holder(id, 0));
		// 1.99... plancks.
		finish(id, 1);
		assert_eq!(held(ALICE), 2);
		assert_eq!(free(provider), MILL);
		assert_eq!(supply - issuance(), 2);
		Jobs::acknowledge(alice(), id.job, 0, 1).unwrap();
		assert_eq!(free(provider), MILL + 1);
		assert_eq!(free(ALICE), before + 2 * (CAP + CAP / 20) - 4);
	});
}

#[test]
fn the_verifiers_budget_is_held_and_comes_back() {
	run(2, || {
		Budget::set(Some(MILL));
		publish();
		let before = free(ALICE);
		let id = assigned(2, 2);
		assert_eq!(held(ALICE), 2 * (2 * (CAP + CAP / 20) + MILL));
		next_block();
		finish(id, 1_000_000_000);
		finish(shard(id.job, 1), 1_000_000_000);
		Jobs::acknowledge(alice(), id.job, 0, 2).unwrap();
		assert_eq!(held(ALICE), 0);
		assert_eq!(free(ALICE), before - 4 * (ASK + ASK / 20) - 4 * SEAT_FEE);
	});
}
