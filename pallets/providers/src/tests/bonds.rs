//! Bonding, unbonding, withdrawing, slashing.

use crate::{mock::*, types::Unbonding};
use frame_support::{assert_noop, assert_ok, storage::unhashed, traits::fungible::InspectHold};
use millrace_primitives::{
	params::ProvidersParams,
	traits::{Conduct, ProviderRegistry},
	AccountId, Balance, MILL,
};
use sp_runtime::{DispatchError, TokenError};

fn held(who: &AccountId) -> Balance {
	Balances::balance_on_hold(&crate::HoldReason::Bond.into(), who)
}

fn signed(n: u32) -> RuntimeOrigin {
	RuntimeOrigin::signed(provider(n))
}

#[test]
fn more_bond_is_held() {
	build_and_execute(|| {
		assert_noop!(Providers::bond_more(signed(0), MILL), Error::UnknownProvider);
		register(0, info());
		events();
		assert_noop!(Providers::bond_more(signed(0), 0), Error::ZeroAmount);
		assert_noop!(Providers::bond_more(signed(0), WEALTH), TokenError::FundsUnavailable);
		assert_ok!(Providers::bond_more(signed(0), 50 * MILL));
		assert_eq!(record(0).bond, BOND + 50 * MILL);
		assert_eq!(held(&provider(0)), BOND + 50 * MILL);
		assert_eq!(
			events(),
			vec![Event::Bonded {
				provider: provider(0),
				amount: 50 * MILL
			}]
		);
	});
}

#[test]
fn only_bond_that_no_work_reserves_is_unbonded() {
	build_and_execute(|| {
		assert_noop!(Providers::unbond(signed(0), MILL), Error::UnknownProvider);
		register(0, info());
		assert_ok!(Providers::reserve(&provider(0), 150 * MILL));
		assert_noop!(Providers::unbond(signed(0), 0), Error::ZeroAmount);
		assert_noop!(Providers::unbond(signed(0), 150 * MILL + 1), Error::BondReserved);
		assert_noop!(Providers::unbond(signed(0), Balance::MAX), Error::BondReserved);
		assert_ok!(Providers::unbond(signed(0), 150 * MILL));
		assert_eq!(record(0).bond, 150 * MILL);
		assert_eq!(held(&provider(0)), BOND);
		assert_noop!(Providers::unbond(signed(0), 1), Error::BondReserved);
	});
}

#[test]
fn the_least_bond_stays_until_the_provider_drains() {
	build_and_execute(|| {
		register(0, info());
		assert_noop!(Providers::unbond(signed(0), 200 * MILL + 1), Error::BondTooSmall);
		assert_ok!(Providers::unbond(signed(0), 200 * MILL));
		assert!(record(0).pooled());
		assert_ok!(Providers::drain(signed(0)));
		assert_ok!(Providers::unbond(signed(0), 100 * MILL));
		assert_eq!(record(0).bond, 0);
		assert_noop!(Providers::resume(signed(0)), Error::BondTooSmall);
	});
}

#[test]
fn a_second_unbonding_adds_and_restarts_the_period() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::unbond(signed(0), 10 * MILL));
		assert_eq!(
			record(0).unbonding,
			Some(Unbonding {
				amount: 10 * MILL,
				at: 51
			})
		);
		pass(49);
		assert_noop!(Providers::withdraw(signed(0)), Error::StillUnbonding);
		events();
		assert_ok!(Providers::unbond(signed(0), 5 * MILL));
		assert_eq!(
			record(0).unbonding,
			Some(Unbonding {
				amount: 15 * MILL,
				at: 100
			})
		);
		assert_eq!(
			events(),
			vec![Event::Unbonded {
				provider: provider(0),
				amount: 5 * MILL,
				at: 100
			}]
		);
		pass(49);
		assert_noop!(Providers::withdraw(signed(0)), Error::StillUnbonding);
		pass(1);
		let free = Balances::free_balance(provider(0));
		assert_ok!(Providers::withdraw(signed(0)));
		assert_eq!(Balances::free_balance(provider(0)), free + 15 * MILL);
		assert_eq!(held(&provider(0)), BOND - 15 * MILL);
		assert_eq!(
			events(),
			vec![Event::Withdrawn {
				provider: provider(0),
				amount: 15 * MILL
			}]
		);
		assert_noop!(Providers::withdraw(signed(0)), Error::NothingToWithdraw);
	});
}

#[test]
fn once_everything_is_withdrawn_nothing_remains() {
	build_and_execute(|| {
		assert_noop!(Providers::withdraw(signed(0)), Error::UnknownProvider);
		register(0, info());
		assert_ok!(Providers::drain(signed(0)));
		assert_noop!(Providers::withdraw(signed(0)), Error::NothingToWithdraw);
		assert_ok!(Providers::unbond(signed(0), BOND));
		pass(50);
		events();
		assert_ok!(Providers::withdraw(signed(0)));
		assert_eq!(
			events(),
			vec![
				Event::Withdrawn {
					provider: provider(0),
					amount: BOND
				},
				Event::Removed { provider: provider(0) }
			]
		);
		assert_eq!(Balances::free_balance(provider(0)), WEALTH - MILL);
		assert_eq!(held(&provider(0)), 0);
		assert!(!crate::Providers::<Test>::contains_key(provider(0)));
		assert!(!crate::Operators::<Test>::contains_key(operator(0)));
		assert_eq!(crate::PoolMembers::<Test>::iter().count(), 0);
		// A newcomer again.
		register(0, info());
	});
}

#[test]
fn a_provider_that_still_works_is_not_removed() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::reserve(&provider(0), 0));
		assert_ok!(Providers::drain(signed(0)));
		assert_ok!(Providers::unbond(signed(0), BOND));
		pass(50);
		assert_ok!(Providers::withdraw(signed(0)));
		assert_noop!(Providers::withdraw(signed(0)), Error::NothingToWithdraw);
		Providers::free_slot(&provider(0));
		assert_ok!(Providers::withdraw(signed(0)));
		assert!(!crate::Providers::<Test>::contains_key(provider(0)));
	});
}

#[test]
fn a_slash_burns_the_bond_and_takes_who_has_too_little_out_of_the_pools() {
	build_and_execute(|| {
		register(0, info());
		events();
		let issuance = Balances::total_issuance();
		assert_eq!(Providers::take(&provider(0), None, 200 * MILL), 200 * MILL);
		assert_eq!(Balances::total_issuance(), issuance - 200 * MILL);
		assert_eq!(record(0).bond, 100 * MILL);
		assert!(record(0).pooled());
		assert_eq!(Providers::take(&provider(0), None, 1), 1);
		assert!(!record(0).pooled());
		assert_eq!(
			events(),
			vec![
				Event::Slashed {
					provider: provider(0),
					to: None,
					amount: 200 * MILL
				},
				Event::Slashed {
					provider: provider(0),
					to: None,
					amount: 1
				},
			]
		);
		// What is missing, bonded again, brings it back.
		assert_ok!(Providers::bond_more(signed(0), 1));
		assert!(record(0).pooled());
	});
}

#[test]
fn what_is_held_for_a_verdict_leaves_the_bond_and_who_has_too_little_the_pools() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::unbond(signed(0), 50 * MILL));
		events();
		let held = || held(&provider(0));
		// The other hold has it before the bond has not.
		let ceded = Providers::cede(&provider(0), 150 * MILL, |amount| {
			assert_eq!((amount, held()), (150 * MILL, BOND));
			Ok(())
		});
		assert_eq!((ceded, held()), (150 * MILL, BOND - 150 * MILL));
		assert_eq!(record(0).bond, 100 * MILL);
		assert!(record(0).pooled());
		assert_eq!(Providers::cede(&provider(0), 1, |_| Ok(())), 1);
		assert!(!record(0).pooled(), "at once, whatever becomes of the verdict");
		assert_eq!(
			events(),
			vec![
				Event::Ceded {
					provider: provider(0),
					amount: 150 * MILL
				},
				Event::Ceded {
					provider: provider(0),
					amount: 1
				},
			]
		);
		// What cannot be held stays, and there is no more than there is: what is unbonding last.
		let before = record(0);
		let refused = Providers::cede(&provider(0), 1, |_| Err(DispatchError::Exhausted));
		assert_eq!((refused, record(0) == before), (0, true));
		assert_eq!(
			Providers::cede(&provider(0), Balance::MAX, |_| Ok(())),
			BOND - 150 * MILL - 1
		);
		assert_eq!((record(0).bond, record(0).unbonding), (0, None));
		assert_eq!(Providers::cede(&provider(0), 1, |_| Ok(())), 0);
		assert_eq!(Providers::cede(&provider(1), 1, |_| Ok(())), 0);
	});
}

#[test]
fn a_slash_takes_no_more_than_there_is_and_what_is_unbonding_last() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::drain(signed(0)));
		assert_ok!(Providers::unbond(signed(0), 100 * MILL));
		assert_eq!(Providers::take(&provider(0), None, 150 * MILL), 150 * MILL);
		assert_eq!(record(0).bond, 50 * MILL);
		assert_eq!(record(0).unbonding.map(|unbonding| unbonding.amount), Some(100 * MILL));
		assert_eq!(Providers::take(&provider(0), None, 70 * MILL), 70 * MILL);
		assert_eq!(record(0).bond, 0);
		assert_eq!(record(0).unbonding.map(|unbonding| unbonding.amount), Some(80 * MILL));
		assert_eq!(Providers::take(&provider(0), None, Balance::MAX), 80 * MILL);
		assert_eq!(record(0).unbonding, None);
		assert_eq!(Providers::take(&provider(0), None, MILL), 0);
		assert_eq!(Providers::take(&provider(1), None, MILL), 0);
		// Nothing is left to wait for.
		assert_ok!(Providers::withdraw(signed(0)));
		assert_eq!(events().last(), Some(&Event::Removed { provider: provider(0) }));
	});
}

#[test]
fn what_is_taken_for_somebody_is_free_in_its_account() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::drain(signed(0)));
		assert_ok!(Providers::unbond(signed(0), 100 * MILL));
		events();
		let (issuance, own) = (Balances::total_issuance(), Balances::free_balance(provider(0)));
		let (winner, before) = (provider(1), Balances::free_balance(provider(1)));
		// Of the bond, then over its end: 200 are bond, 100 unbonding.
		for (amount, taken) in [(150, 150), (70, 70), (500, 80), (1, 0)] {
			let amount = Providers::take(&provider(0), Some(&winner), amount * MILL);
			assert_eq!(amount, taken * MILL);
			check();
		}
		assert_eq!(Balances::free_balance(&winner), before + 300 * MILL);
		assert_eq!((record(0).bond, record(0).unbonding), (0, None));
		assert_eq!(Balances::free_balance(provider(0)), own);
		assert_eq!(Balances::total_issuance(), issuance);
		let slashed = |amount| Event::Slashed {
			provider: provider(0),
			to: Some(winner.clone()),
			amount: amount * MILL,
		};
		assert_eq!(events(), vec![slashed(150), slashed(70), slashed(80)]);
	});
}

#[test]
fn what_nobody_can_receive_is_burned() {
	build_and_execute(|| {
		register(0, info());
		events();
		let issuance = Balances::total_issuance();
		// Below the existential deposit of 1,000, an account that has nothing cannot get it; above, it comes to be.
		let nobody = provider(50);
		assert_eq!(Providers::take(&provider(0), Some(&nobody), 999), 999);
		assert_eq!(Providers::take(&provider(0), Some(&nobody), 1_000), 1_000);
		assert_eq!(Balances::free_balance(&nobody), 1_000);
		assert_eq!(Balances::total_issuance(), issuance - 999);
		assert_eq!(record(0).bond, BOND - 1_999);
		let slashed = |to, amount| Event::Slashed {
			provider: provider(0),
			to,
			amount,
		};
		assert_eq!(events(), vec![slashed(None, 999), slashed(Some(nobody), 1_000)]);
	});
}

#[test]
fn a_provider_that_spent_all_else_can_lose_all_of_its_bond() {
	build_and_execute(|| {
		register(0, info());
		let all = Balances::free_balance(provider(0));
		// All but what keeps the account.
		Balances::transfer_keep_alive(signed(0), provider(1), all - 1_000).unwrap();
		assert_eq!(Balances::free_balance(provider(0)), 1_000);
		let before = Balances::free_balance(provider(1));
		assert_eq!(Providers::take(&provider(0), Some(&provider(1)), BOND / 2), BOND / 2);
		assert_eq!(Providers::take(&provider(0), None, BOND), BOND / 2);
		assert_eq!(Balances::free_balance(provider(1)), before + BOND / 2);
		assert_eq!(record(0).bond, 0);
	});
}

#[test]
fn a_slash_leaves_liabilities_reserved() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::reserve(&provider(0), 200 * MILL));
		assert_eq!(Providers::take(&provider(0), None, 200 * MILL), 200 * MILL);
		assert_eq!((record(0).bond, record(0).liability), (100 * MILL, 200 * MILL));
		assert_noop!(Providers::unbond(signed(0), 1), Error::BondReserved);
		assert_noop!(Providers::reserve(&provider(0), 1), Error::BondReserved);
		Providers::free_liability(&provider(0), 200 * MILL);
		assert_eq!(record(0).liability, 0);
	});
}

#[test]
fn what_is_unbonding_answers_for_no_later_work() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::unbond(signed(0), 200 * MILL));
		assert_noop!(Providers::reserve(&provider(0), 100 * MILL + 1), Error::BondReserved);
		assert_ok!(Providers::reserve(&provider(0), 100 * MILL));
		assert_eq!(Providers::take(&provider(0), None, 100 * MILL), 100 * MILL);
		assert_eq!(record(0).unbonding.map(|unbonding| unbonding.amount), Some(200 * MILL));
	});
}

#[test]
fn a_raised_minimum_takes_effect_when_a_provider_is_tried() {
	build_and_execute(|| {
		register(0, info());
		move_pools();
		Parameters::set(ProvidersParams {
			min_bond: BOND + 1,
			..default_params()
		});
		assert!(record(0).pooled());
		assert_noop!(Providers::reserve(&provider(0), 0), Error::BondTooSmall);
		assert!(Providers::drop_stale(&provider(0)));
		assert!(!record(0).pooled());
		assert_eq!((record(0).used_slots, record(0).liability), (0, 0));
		assert_ok!(Providers::bond_more(signed(0), 1));
		assert!(record(0).pooled());
	});
}

#[test]
fn the_chain_forgets_a_provider_to_the_last_byte() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::drain(signed(0)));
		Providers::note(&provider(0), Conduct::Late);
		assert_ok!(Providers::unbond(signed(0), BOND));
		pass(50);
		assert_ok!(Providers::withdraw(signed(0)));
		let record = crate::Providers::<Test>::hashed_key_for(provider(0));
		let operator = crate::Operators::<Test>::hashed_key_for(operator(0));
		assert!(!unhashed::exists(&record) && !unhashed::exists(&operator));
		assert_eq!(crate::PoolMembers::<Test>::iter_keys().count(), 0);
		let sizes = crate::PoolSizes::<Test>::iter_values();
		assert_eq!(sizes.flat_map(|sizes| sizes.concat().concat()).sum::<u32>(), 0);
	});
}
