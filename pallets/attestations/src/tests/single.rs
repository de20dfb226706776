//! Shards of one seat, which only an audit and whoever attacks it check.

use super::{disputes::with_honest_help, lives::pay, *};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{api::CaseSeatState, job::Verification, money::payment};

#[test]
fn what_is_not_drawn_is_accepted_after_its_client_s_window_and_not_counted() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0)], false);
		// L1 of a newcomer: 8 caps / (1/4).
		assert_eq!(Providers::get(1).liability, 32 * CAP);
		assert_ok!(reveal(shard, 1, 0));
		// Nobody is left to open, so the window begins: the client's, and a run of a task.
		assert_eq!(Providers::get(1).liability, least_stake());
		let passed = run_until(100, || Endings::get(shard).is_some());
		assert_eq!(passed, 30 + 1 + 1);
		let (amount, fee) = pay(0);
		let report = outcome::report(&outcomes(0));
		assert_eq!(Endings::get(shard), Some((report, false, vec![(0, amount, fee)])));
		let provider = Providers::get(1);
		assert_eq!((provider.liability, provider.used, provider.bond), (0, 0, BOND));
		assert_eq!(Balances::free_balance(account(1)), amount);
		let spent = amount + fee + params().seat_fee;
		assert_eq!(Balances::free_balance(account(CLIENT)), RICH - spent);
		assert_eq!(Burned::get(), fee + params().seat_fee);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_window_is_the_court_s_at_least_whatever_it_was_when_the_job_was_submitted() {
	for (asked, passes) in [(1, 12), (12, 12), (13, 13)] {
		new_test_ext().execute_with(|| {
			Window::set(asked);
			let shard = opened(&[(1, 0)]);
			assert_eq!(run_until(100, || Endings::get(shard).is_some()), passes + 1 + 1);
		});
	}
	assert_eq!(
		new_test_ext().execute_with(<Attestations as Verifier>::least_window),
		12
	);
}

#[test]
fn what_is_drawn_and_audited_is_bound_to_the_end_and_counted() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0)], true);
		run_until(10, || !drawn(shard).is_empty());
		let audits = drawn(shard);
		for audit in &audits {
			assert_noop!(reveal(shard, 1, 0), Error::<Test>::NotNow);
			assert_ok!(seal(shard, *audit, 0));
		}
		run_until(10, || drawn(shard).is_empty());
		for id in [1].iter().chain(&audits) {
			assert_ok!(reveal(shard, *id, 0));
		}
		// It is drawn, so it stays bound with all that it sealed with, as long as it can be attacked.
		assert_eq!(Providers::get(1).liability, 32 * CAP);
		let passed = run_until(100, || Endings::get(shard).is_some());
		assert_eq!(passed, 30 + 1 + 1);
		let (amount, fee) = pay(0);
		let report = outcome::report(&outcomes(0));
		assert_eq!(Endings::get(shard), Some((report, true, vec![(0, amount, fee)])));
		let whole = payment(ASK, report.unwrap().gas_used).unwrap();
		let audited = audits.len() as Balance;
		let spent = amount + fee + params().seat_fee + audited * (whole + params().seat_fee);
		assert_eq!(Balances::free_balance(account(CLIENT)), RICH - spent);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn an_audit_that_contradicts_it_takes_what_it_sealed_with() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 1)], true);
		run_until(10, || !drawn(shard).is_empty());
		let audits = drawn(shard);
		for audit in &audits {
			assert_ok!(seal(shard, *audit, 0));
		}
		run_until(10, || drawn(shard).is_empty());
		assert_ok!(reveal(shard, 1, 1));
		for audit in &audits {
			assert_ok!(reveal(shard, *audit, 0));
		}
		assert_ok!(call(operator(audits[0]), Call::attack { shard, target: 0 }));
		with_honest_help(shard);
		assert_eq!(decided_for(shard), outcome::report(&outcomes(0)));
		assert_eq!(Providers::get(1).bond, BOND - 32 * CAP);
		assert!(Providers::get(1).conduct.contains(&(Conduct::Guilty as u8)));
		assert!(Providers::wealth(audits[0]) > BOND + 2 * CAP);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn one_that_is_accused_and_says_nothing_is_replaced_by_fresh_seats() {
	for version in [0, 1] {
		new_test_ext().execute_with(|| {
			let before = all_money();
			let shard = sealed(&[(1, version)], false);
			assert_ok!(reveal(shard, 1, version));
			let report = outcome::report(&outcomes(1 - version)).unwrap();
			assert_ok!(call(
				account(WATCHER),
				Call::accuse {
					shard,
					target: 0,
					accusation: Box::new(Accusation::Report(report)),
					max_bond: least_stake(),
				}
			));
			let number = boards::FIRST_ACCUSATION;
			let due = view(shard).boards[0].due;
			run_to(due + 1);
			assert_eq!(view(shard).seats[0].state, CaseSeatState::OutByClock);
			assert_eq!(Boards::<Test>::get(shard, number), None, "the bond is inside the case");
			with_honest_help(shard);
			assert_eq!(decided_for(shard), outcome::report(&outcomes(0)));
			let worth = payment(ASK, outcome::report(&outcomes(0)).unwrap().gas_used).unwrap();
			if version == 1 {
				// A liar loses L2, of which the recomputation is paid. Silence proves nothing, so the accuser has its bond back.
				assert_eq!(Providers::get(1).bond, BOND - least_stake());
				assert_eq!(Balances::free_balance(account(WATCHER)), RICH);
			} else {
				// Who is right and silent is not paid; who accused it pays for the recomputation, and pays it for its fright.
				let bond = least_stake();
				let replay = (7 * worth).min(bond / 4);
				assert_eq!(Balances::free_balance(account(WATCHER)), RICH - bond);
				assert_eq!(Providers::wealth(1), BOND + replay);
			}
			assert_eq!(all_money(), before);
		});
	}
}

#[test]
fn there_is_one_seat_or_two_to_seven() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0)], false);
		let agreed = |verification| millrace_primitives::traits::Agreed {
			client: account(CLIENT),
			program: Work::get().program,
			engine: Work::get().engine,
			tasks: Work::get().tasks,
			limits: Work::get().limits,
			verification,
			cap: CAP,
			fee_share: FEE,
			request: Evidence::<Test>::get(shard).unwrap().agreed.request,
			working: 15,
			run_rate: 1,
			reserve: RICH,
		};
		let other = crate::mock::shard(1_000);
		for replicas in [0, 1, 8] {
			assert_noop!(
				Attestations::open(other, &agreed(Verification::Replicated { replicas })),
				Error::<Test>::UnsupportedSeats
			);
		}
		assert_ok!(Attestations::open(
			other,
			&agreed(Verification::Optimistic { window: u32::MAX })
		));
		assert_noop!(
			Attestations::open(other, &agreed(Verification::Replicated { replicas: 2 })),
			Error::<Test>::AlreadyOpen
		);
		Evidence::<Test>::remove(other);
	});
}
