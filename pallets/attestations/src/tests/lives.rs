//! Lives of shards about which nobody argues.

use super::*;
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{
	money::{fee, payment},
	traits::Alarm,
};

/// What a seat is paid for the truth, less the premium of a newcomer, and the fee on it.
pub fn pay(version: u8) -> (Balance, Balance) {
	let gas = outcome::report(&outcomes(version)).unwrap().gas_used;
	let whole = payment(ASK, gas).unwrap();
	let stakes = millrace_court::stakes::Params::from(&params());
	let premium = stakes.premium(params().most, whole, params().seat_fee).unwrap();
	(whole - premium, fee(whole, FEE))
}

#[test]
fn equal_reports_are_accepted_after_their_window() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0), (2, 0)], false);
		// It is known: all may open, to the end of the tenth block from then on.
		assert_ok!(reveal(shard, 1, 0));
		assert_ok!(reveal(shard, 2, 0));
		assert_eq!(Endings::get(shard), None);
		// Nobody is left to open, so the window begins: of equal reports, with three runs of a task of 10^9 gas, and a block.
		let passed = run_until(100, || Endings::get(shard).is_some());
		assert_eq!(passed, 5 + 1 + 1);
		let (amount, fee) = pay(0);
		let report = outcome::report(&outcomes(0));
		assert_eq!(
			Endings::get(shard),
			Some((report, true, vec![(0, amount, fee), (1, amount, fee)]))
		);
		for id in [1, 2] {
			let provider = Providers::get(id);
			assert_eq!((provider.liability, provider.used, provider.bond), (0, 0, BOND));
			assert_eq!(Balances::free_balance(account(id)), amount);
			assert!(!provider.conduct.contains(&(Conduct::Guilty as u8)));
		}
		// The client paid for that, the seats' fees and the fee on it, and for nothing else.
		let spent = 2 * (amount + fee + params().seat_fee);
		assert_eq!(Balances::free_balance(account(CLIENT)), RICH - spent);
		assert_eq!(Burned::get(), 2 * (fee + params().seat_fee));
		assert_eq!(all_money(), before);
		assert!(!Evidence::<Test>::contains_key(shard));
	});
}

#[test]
fn nobody_opens_before_it_is_known_whether_there_is_an_audit() {
	new_test_ext().execute_with(|| {
		let shard = shard(0);
		Jobs::start(shard, &[1, 2]);
		assert_ok!(seal(shard, 1, 0));
		assert_noop!(reveal(shard, 1, 0), Error::<Test>::NotNow);
		assert_ok!(seal(shard, 2, 0));
		assert_noop!(reveal(shard, 1, 0), Error::<Test>::NotNow);
	});
}

#[test]
fn what_is_at_stake_shrinks_once_it_is_known_that_nobody_audits() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 0)], false);
		// L1 of a newcomer: 8 caps / (1/4).
		assert_eq!(Providers::get(1).liability, 32 * CAP);
		assert_ok!(reveal(shard, 1, 0));
		assert_eq!(Providers::get(1).liability, 32 * CAP);
		assert_ok!(reveal(shard, 2, 0));
		// 28 of 3/8 C: little was claimed.
		assert_eq!(Providers::get(1).liability, least_stake());
	});
}

#[test]
fn an_audit_seals_before_anybody_opens_and_is_paid_by_the_advance() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0), (2, 0)], true);
		assert_noop!(reveal(shard, 1, 0), Error::<Test>::NotNow);
		run_until(10, || !drawn(shard).is_empty());
		let audits = drawn(shard);
		assert!(!audits.contains(&1) && !audits.contains(&2));
		for audit in &audits {
			// It reserves 28 caps and a slot, and computes at most four of the tasks.
			let provider = Providers::get(*audit);
			assert_eq!((provider.liability, provider.used), (28 * CAP, 1));
			assert_noop!(reveal(shard, 1, 0), Error::<Test>::NotNow);
			assert_ok!(seal(shard, *audit, 0));
			assert_eq!(Providers::get(*audit).used, 0);
			assert_noop!(seal(shard, *audit, 0), Error::<Test>::WrongSeat);
		}
		run_until(10, || drawn(shard).is_empty());
		for id in [1, 2].iter().chain(&audits) {
			assert_ok!(reveal(shard, *id, 0));
		}
		run_until(100, || Endings::get(shard).is_some());
		let (amount, fee) = pay(0);
		let report = outcome::report(&outcomes(0));
		assert_eq!(
			Endings::get(shard),
			Some((report, true, vec![(0, amount, fee), (1, amount, fee)]))
		);
		// All three tasks were its sample, so it earns what a seat earns, without a premium.
		let whole = payment(ASK, report.unwrap().gas_used).unwrap();
		let audited = audits.len() as Balance;
		for audit in &audits {
			assert_eq!(Balances::free_balance(account(*audit)), whole);
			assert_eq!(Providers::get(*audit).liability, 0);
		}
		let spent = 2 * (amount + fee + params().seat_fee) + audited * (whole + params().seat_fee);
		assert_eq!(Balances::free_balance(account(CLIENT)), RICH - spent);
		assert_eq!(all_money(), before);
		assert_eq!(DrawnSeats::<Test>::iter().count(), 0);
	});
}

#[test]
fn an_audit_that_never_seals_loses_a_part_and_is_replaced() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0), (2, 0)], true);
		run_until(10, || !drawn(shard).is_empty());
		let late = drawn(shard)[0];
		run_until(40, || !drawn(shard).contains(&late));
		// 5 % of 28 caps.
		let lost = 28 * CAP / 20;
		let provider = Providers::get(late);
		assert_eq!((provider.bond, provider.liability, provider.used), (BOND - lost, 0, 0));
		assert!(provider.conduct.contains(&(Conduct::Late as u8)));
		run_until(40, || !drawn(shard).is_empty());
		assert!(!drawn(shard).contains(&late));
		assert_eq!(all_money(), before);
	});
}

#[test]
fn an_audit_that_declines_pays_a_fee_and_one_that_cannot_fetch_has_another_beside_it() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 0)], true);
		run_until(10, || !drawn(shard).is_empty());
		let first = drawn(shard)[0];
		assert_ok!(call(operator(first), Call::decline { shard }));
		let provider = Providers::get(first);
		assert_eq!(
			(provider.bond, provider.liability, provider.used),
			(BOND - params().seat_fee, 0, 0)
		);
		assert_noop!(call(operator(first), Call::decline { shard }), Error::<Test>::WrongSeat);
		run_until(60, || !drawn(shard).is_empty());
		let second = drawn(shard)[0];
		assert_ok!(call(operator(second), Call::unavailable { shard }));
		assert_noop!(
			call(operator(second), Call::unavailable { shard }),
			Error::<Test>::WrongSeat
		);
		run_until(60, || !drawn(shard).is_empty());
		// The client has no reason to end a wait that there is not yet, and nobody else may.
		assert_noop!(call(account(WATCHER), Call::served { shard }), Error::<Test>::NotClient);
		// It can be fetched after all.
		assert_ok!(seal(shard, second, 0));
	});
}

#[test]
fn who_sealed_goes_on_without_those_who_did_not() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = shard(1);
		assert!(!Attestations::close(shard), "there is nothing to go on with");
		Jobs::start(shard, &[3, 4]);
		assert_ok!(seal(shard, 3, 0));
		assert!(Attestations::close(shard));
		assert!(Attestations::close(shard), "it goes on already");
		assert_noop!(seal(shard, 4, 0), Error::<Test>::NotAssigned);
		run_until(10, || !matches!(judged(shard).case.stage(), Stage::Drawing));
		let judged_audited = judged(shard).case.is_drawn();
		if judged_audited {
			run_until(20, || !drawn(shard).is_empty());
			for audit in drawn(shard) {
				assert_ok!(seal(shard, audit, 0));
			}
		}
		run_until(20, || reveal(shard, 3, 0).is_ok());
		for seat in view(shard).seats.iter().skip(1) {
			let id = AsRef::<[u8; 32]>::as_ref(&seat.provider)[0];
			assert_ok!(reveal(shard, id, 0));
		}
		run_until(100, || Endings::get(shard).is_some());
		let (amount, fee) = pay(0);
		let (report, counted, earned) = Endings::get(shard).unwrap();
		assert_eq!(report, outcome::report(&outcomes(0)));
		// Paid all the same; but nobody else said it, unless it was audited.
		assert_eq!(counted, judged_audited);
		assert_eq!(earned, vec![(0, amount, fee)]);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_case_that_is_woken_before_something_is_due_asks_to_be_reminded_again() {
	new_test_ext().execute_with(|| {
		let shard = crate::mock::shard(0);
		Jobs::start(shard, &[1, 2]);
		// Nothing is known of it yet.
		Attestations::wake(shard, true);
		assert_eq!(Alarms::iter().count(), 0);
		assert_ok!(seal(shard, 1, 0));
		assert_ok!(seal(shard, 2, 0));
		let at = judged(shard).alarm;
		assert_eq!(Alarms::take(at), [Alarm::Shard(shard)]);

		Attestations::wake(shard, true);
		assert_eq!((Alarms::take(at), judged(shard).alarm), (vec![Alarm::Shard(shard)], at));
		// An alarm that rings early has another one after it.
		Attestations::serve(Alarm::Shard(shard), true);
		assert_eq!(Alarms::iter().count(), 0);
	});
}
