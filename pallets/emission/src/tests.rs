mod histories;

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::MILL;
use sp_runtime::TokenError;

fn balance(provider: u8) -> Balance {
	pallet_balances::Pallet::<Test>::free_balance(account(provider))
}

fn last_event() -> RuntimeEvent {
	System::events().pop().expect("something happened").event
}

#[test]
fn a_provider_is_minted_the_brake_times_the_fees_that_its_work_burned() {
	run(|| {
		settle(CLIENT, &[(1, 3 * MILL), (2, MILL)]);
		settle(CLIENT, &[(1, MILL)]);
		assert_eq!(Emission::points_of(&account(1), 0), 4 * MILL);
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 0,
				start: 0,
				burned: 5 * MILL
			}
		);

		poll_at(10);
		System::assert_last_event(
			Event::EraClosed {
				era: 0,
				burned: 5 * MILL,
				budget: 4 * MILL,
			}
			.into(),
		);
		assert_eq!(totals().emitted, 4 * MILL);

		assert_eq!(Emission::claimable(account(1), 0), 4 * MILL * 4 / 5);
		assert_ok!(claim(1, 0));
		System::assert_last_event(
			Event::RewardClaimed {
				era: 0,
				provider: account(1),
				amount: 4 * MILL * 4 / 5,
			}
			.into(),
		);
		assert_eq!(balance(1), 4 * MILL * 4 / 5);
		assert_eq!(Emission::claimable(account(1), 0), 0);
		assert_eq!(Budgets::<Test>::get(0).map(|budget| budget.left), Some(MILL));

		assert_ok!(claim(2, 0));
		assert_eq!(balance(2), 4 * MILL / 5);
		// Nothing is left of the era.
		assert_eq!(Budgets::<Test>::iter().count() + all_points().len(), 0);
		assert_eq!(
			totals(),
			Totals {
				emitted: 4 * MILL,
				minted: 4 * MILL,
				forfeited: 0
			}
		);
	});
}

#[test]
fn the_ceiling_bounds_a_budget_and_falls_with_what_was_emitted() {
	run(|| {
		Parameters::set(EmissionParams {
			initial: 1_000_000,
			halving: 1_000_000,
			..params()
		});
		settle(CLIENT, &[(1, MILL)]);
		poll_at(10);
		assert_eq!(Budgets::<Test>::get(0).map(|budget| budget.budget), Some(1_000_000));
		settle(CLIENT, &[(1, MILL)]);
		poll_at(20);
		assert_eq!(Budgets::<Test>::get(1).map(|budget| budget.budget), Some(500_000));
		assert_eq!(totals().emitted, 1_500_000);
	});
}

#[test]
fn the_cap_holds_whatever_the_parameters_say() {
	run(|| {
		Cap::set(MILL);
		settle(CLIENT, &[(1, MILL)]);
		poll_at(10);
		settle(CLIENT, &[(1, 10 * MILL)]);
		poll_at(20);
		assert_eq!(totals().emitted, MILL);
		settle(CLIENT, &[(1, 10 * MILL)]);
		poll_at(30);
		assert_eq!(totals().emitted, MILL);
		assert_ok!(claim(1, 0));
		assert_ok!(claim(1, 1));
		assert_noop!(claim(1, 2), Error::<Test>::NothingToClaim);
		assert_eq!(balance(1), MILL);
	});
}

#[test]
fn a_brake_above_nine_tenths_counts_as_nine_tenths() {
	run(|| {
		Parameters::set(EmissionParams {
			brake: Permill::one(),
			..params()
		});
		settle(CLIENT, &[(1, MILL)]);
		Now::set(10);
		assert_eq!(Emission::claimable(account(1), 0), MILL / 10 * 9);
		assert_ok!(claim(1, 0));
		assert_eq!(balance(1), MILL / 10 * 9);
	});
}

#[test]
fn an_era_is_closed_by_a_settlement_a_claim_or_a_poll_whichever_comes_first() {
	run(|| {
		settle(CLIENT, &[(1, MILL)]);
		Now::set(9);
		settle(CLIENT, &[(1, MILL)]);
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 0,
				start: 0,
				burned: 2 * MILL
			}
		);
		Now::set(10);
		settle(CLIENT, &[(1, MILL)]);
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 1,
				start: 10,
				burned: MILL
			}
		);
		Now::set(25);
		assert_eq!(Emission::claimable(account(1), 1), MILL / 10 * 8);
		assert_ok!(claim(1, 1));
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 2,
				start: 20,
				burned: 0
			}
		);
		settle(CLIENT, &[(1, MILL)]);
		poll_at(30);
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 3,
				start: 30,
				burned: 0
			}
		);
	});
}

#[test]
fn empty_eras_are_skipped_at_once_and_leave_nothing() {
	run(|| {
		settle(CLIENT, &[(1, MILL)]);
		poll_at(4_000_000_007);
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 400_000_000,
				start: 4_000_000_000,
				burned: 0
			}
		);
		assert_eq!(Budgets::<Test>::iter().count(), 1);
		poll_at(u32::MAX);
		assert_eq!(Budgets::<Test>::iter().count(), 1);
		System::assert_last_event(
			Event::EraClosed {
				era: 400_000_000,
				burned: 0,
				budget: 0,
			}
			.into(),
		);
	});
}

#[test]
fn an_era_length_of_zero_counts_as_one_block() {
	run(|| {
		Parameters::set(EmissionParams { era: 0, ..params() });
		settle(CLIENT, &[(1, MILL)]);
		poll_at(1);
		assert_eq!(
			Era::<Test>::get(),
			EraInfo {
				index: 1,
				start: 1,
				burned: 0
			}
		);
	});
}

#[test]
fn a_poll_without_room_does_nothing_and_an_idle_one_costs_little() {
	run(|| {
		settle(CLIENT, &[(1, MILL)]);
		Now::set(10);
		let idle = <Test as Config>::WeightInfo::poll_idle();
		let close = <Test as Config>::WeightInfo::close_era();
		let mut short = WeightMeter::with_limit(close);
		Emission::on_poll(1, &mut short);
		assert_eq!(short.consumed(), Weight::zero());
		assert_eq!(Era::<Test>::get().index, 0);

		let mut enough = WeightMeter::with_limit(close + idle);
		Emission::on_poll(1, &mut enough);
		assert_eq!(enough.consumed(), close + idle);
		assert_eq!(Era::<Test>::get().index, 1);

		let mut next = WeightMeter::new();
		Emission::on_poll(1, &mut next);
		assert_eq!(next.consumed(), idle);
	});
}

#[test]
fn only_closed_eras_can_be_claimed_and_only_once_and_by_those_with_points() {
	run(|| {
		settle(CLIENT, &[(1, MILL)]);
		assert_noop!(claim(1, 0), Error::<Test>::EraNotOver);
		assert_noop!(claim(1, 7), Error::<Test>::EraNotOver);
		assert_eq!(Emission::claimable(account(1), 0), 0);
		poll_at(10);
		assert_noop!(claim(2, 0), Error::<Test>::NothingToClaim);
		assert_ok!(claim(1, 0));
		assert_noop!(claim(1, 0), Error::<Test>::NothingToClaim);
	});
}

#[test]
fn rewards_expire_and_are_then_pruned_for_free() {
	run(|| {
		settle(CLIENT, &[(1, MILL), (2, MILL)]);
		assert_noop!(prune(1, 0), Error::<Test>::EraNotOver);
		poll_at(30);
		// Three eras after its own it can still be claimed.
		assert_eq!(Era::<Test>::get().index, 3);
		assert_noop!(prune(1, 0), Error::<Test>::NotExpired);
		assert_ok!(claim(1, 0));
		poll_at(40);
		assert_eq!(Emission::claimable(account(2), 0), 0);
		assert_noop!(claim(2, 0), Error::<Test>::Expired);
		assert_noop!(prune(1, 0), Error::<Test>::NothingToPrune);
		assert_eq!(prune(2, 0).map(|info| info.pays_fee), Ok(Pays::No));
		assert_eq!(
			last_event(),
			Event::Pruned {
				era: 0,
				provider: account(2)
			}
			.into()
		);
		assert_noop!(prune(2, 0), Error::<Test>::NothingToPrune);
		assert_eq!(Budgets::<Test>::iter().count() + all_points().len(), 0);
		assert_eq!(
			totals(),
			Totals {
				emitted: MILL / 10 * 16,
				minted: MILL / 10 * 8,
				forfeited: MILL / 10 * 8
			}
		);
	});
}

#[test]
fn what_an_account_cannot_receive_stays_claimable() {
	run(|| {
		settle(CLIENT, &[(1, 100)]);
		poll_at(10);
		// 80 plancks are below the existential deposit of a new account.
		assert_noop!(claim(1, 0), TokenError::BelowMinimum);
		assert_eq!(Emission::claimable(account(1), 0), 80);
		settle(CLIENT, &[(1, MILL)]);
		poll_at(20);
		assert_ok!(claim(1, 1));
		assert_ok!(claim(1, 0));
		assert_eq!(balance(1), MILL / 10 * 8 + 80);
	});
}

#[test]
fn a_part_below_a_planck_is_nothing() {
	run(|| {
		settle(CLIENT, &[(1, 1)]);
		poll_at(10);
		assert_eq!(
			Budgets::<Test>::get(0),
			Some(EraBudget {
				budget: 0,
				burned: 1,
				left: 1,
				claimed: 0
			})
		);
		assert_noop!(claim(1, 0), Error::<Test>::NothingToClaim);
		poll_at(40);
		assert_ok!(prune(1, 0));
	});
}

#[test]
fn fees_that_were_not_burned_earn_nothing() {
	run(|| {
		settle(CLIENT, &[(1, 0)]);
		assert_eq!(all_points().len(), 0);
		assert_eq!(Era::<Test>::get().burned, 0);
	});
}

#[test]
fn impossible_amounts_do_not_break_the_sums() {
	new_ext().execute_with(|| {
		Emission::on_settled(&settlement(&[(1, Balance::MAX), (2, 1), (1, 1)]));
		assert_eq!(Era::<Test>::get().burned, Balance::MAX);
		assert_ok!(Emission::do_try_state());
		poll_at(10);
		assert_ok!(Emission::do_try_state());
		assert_eq!(Emission::claimable(account(1), 0), params().initial);
	});
}

#[test]
fn a_claim_is_charged_for_closing_only_if_it_closed() {
	run(|| {
		settle(CLIENT, &[(1, MILL)]);
		settle(CLIENT, &[(2, MILL)]);
		Now::set(10);
		let (call, close) = (
			<Test as Config>::WeightInfo::claim(),
			<Test as Config>::WeightInfo::close_era(),
		);
		assert_eq!(claim(1, 0).map(|info| info.actual_weight), Ok(Some(call + close)));
		assert_eq!(claim(2, 0).map(|info| info.actual_weight), Ok(Some(call)));
	});
}

#[test]
fn what_nobody_verified_earns_no_points() {
	run(|| {
		let thin = Settlement {
			counted: false,
			..settlement(&[(1, 1_000)])
		};
		Emission::on_settled(&thin);
		assert_eq!(Era::<Test>::get().burned, 0);
		Emission::on_settled(&settlement(&[(1, 1_000)]));
		assert_eq!(Era::<Test>::get().burned, 1_000);
	});
}

#[test]
fn nobody_calls_without_a_signature() {
	run(|| {
		let none = RuntimeOrigin::none;
		assert_noop!(
			Emission::claim(none(), account(1), 0),
			sp_runtime::DispatchError::BadOrigin
		);
		assert_noop!(
			Emission::prune(none(), 0, account(1)),
			sp_runtime::DispatchError::BadOrigin
		);
	});
}

#[test]
fn points_of_an_era_are_kept_when_those_of_a_later_one_take_their_place() {
	run(|| {
		// The sixth has no record of its own.
		settle(CLIENT, &[(1, MILL), (6, 2 * MILL)]);
		assert_eq!(
			(Points::<Test>::get(0, account(1)), Points::<Test>::get(0, account(6))),
			(0, 2 * MILL)
		);
		assert_eq!(Records::get(account(1)), Some((0, MILL)));
		poll_at(10);
		settle(CLIENT, &[(1, 3 * MILL)]);
		assert_eq!(
			(Points::<Test>::get(0, account(1)), Records::get(account(1))),
			(MILL, Some((1, 3 * MILL)))
		);
		poll_at(20);
		Emission::do_try_state().unwrap();
		// Its record goes, and nothing of what it can claim.
		let left = Records::take(account(1)).unwrap();
		Emission::keep(&account(1), left.0, left.1);
		for (era, provider, points) in [(0, 1, MILL), (0, 6, 2 * MILL), (1, 1, 3 * MILL)] {
			assert_eq!(Emission::points_of(&account(provider), era), points);
			assert_ok!(claim(provider, era));
			assert_eq!(Emission::points_of(&account(provider), era), 0);
		}
		assert_eq!(all_points(), vec![]);
	});
}
