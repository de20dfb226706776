//! Registration, changes of what is declared, operators.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use millrace_primitives::{
	params::ProvidersParams,
	provider::{ClassSet, HardwareClass, ProviderInfo, ProviderStatus, Region, HIGH_MEMORY_PAGES},
	traits::ProviderRegistry,
	MICRO, MILL,
};
use sp_runtime::TokenError;

fn register_with(info: ProviderInfo) -> frame_support::dispatch::DispatchResult {
	Providers::register(RuntimeOrigin::signed(provider(0)), operator(0), info, BOND, MILL)
}

#[test]
fn registering_holds_the_bond_and_funds_the_operator() {
	build_and_execute(|| {
		assert_ok!(Providers::register(
			RuntimeOrigin::signed(provider(0)),
			operator(0),
			info(),
			BOND,
			2 * MILL
		));
		assert_eq!(
			Balances::balance_on_hold(&crate::HoldReason::Bond.into(), &provider(0)),
			BOND
		);
		assert_eq!(Balances::free_balance(provider(0)), WEALTH - BOND - 2 * MILL);
		assert_eq!(Balances::free_balance(operator(0)), 2 * MILL);
		assert_eq!(Providers::provider_of(&operator(0)), Some(provider(0)));
		assert_eq!(Providers::provider_of(&provider(0)), None);
		let record = record(0);
		assert_eq!(record.info, info());
		assert_eq!(record.status, ProviderStatus::Active);
		assert_eq!((record.bond, record.liability, record.used_slots), (BOND, 0, 0));
		assert_eq!((record.last_seen, record.drawable_from), (1, 11));
		assert_eq!(
			events(),
			vec![Event::Registered {
				provider: provider(0),
				operator: operator(0),
				bond: BOND
			}]
		);
	});
}

#[test]
fn nobody_registers_twice() {
	build_and_execute(|| {
		register(0, info());
		assert_noop!(
			Providers::register(RuntimeOrigin::signed(provider(0)), operator(1), info(), BOND, MILL),
			Error::AlreadyRegistered
		);
	});
}

#[test]
fn an_operator_serves_one_provider_and_is_none() {
	build_and_execute(|| {
		register(0, info());
		let origin = RuntimeOrigin::signed(provider(1));
		for (operator, error) in [
			(operator(0), Error::OperatorInUse),
			(provider(0), Error::OperatorIsProvider),
			(provider(1), Error::OperatorIsProvider),
		] {
			assert_noop!(Providers::register(origin.clone(), operator, info(), BOND, MILL), error);
		}
	});
}

#[test]
fn bond_and_funding_have_a_minimum() {
	build_and_execute(|| {
		let origin = RuntimeOrigin::signed(provider(0));
		assert_noop!(
			Providers::register(origin.clone(), operator(0), info(), 100 * MILL - 1, MILL),
			Error::BondTooSmall
		);
		assert_noop!(
			Providers::register(origin.clone(), operator(0), info(), BOND, MILL - 1),
			Error::FundingTooSmall
		);
		assert_noop!(
			Providers::register(origin.clone(), operator(0), info(), WEALTH, MILL),
			TokenError::FundsUnavailable
		);
		assert_ok!(Providers::register(origin, operator(0), info(), 100 * MILL, MILL));
	});
}

#[test]
fn what_is_declared_must_make_sense() {
	build_and_execute(|| {
		let refused = |change: fn(&mut ProviderInfo), error: Error| {
			let mut info = info();
			change(&mut info);
			assert_noop!(register_with(info), error);
		};
		refused(|info| info.classes = ClassSet(0), Error::NoClass);
		refused(|info| info.classes = ClassSet(0b1_0001), Error::UnknownClass);
		refused(
			|info| info.classes = ClassSet::of(&[HardwareClass::General, HardwareClass::Tee]),
			Error::TeeNotYetSupported,
		);
		refused(|info| info.slots = 0, Error::NoSlots);
		refused(|info| info.memory_pages = 0, Error::TooLittleMemory);
		refused(
			|info| {
				info.classes = ClassSet::of(&[HardwareClass::HighMemory]);
				info.memory_pages = HIGH_MEMORY_PAGES - 1;
			},
			Error::TooLittleMemory,
		);
		refused(|info| info.ask = 100 * MICRO - 1, Error::AskTooLow);
		refused(|info| info.endpoint = Default::default(), Error::BadEndpoint);
		refused(
			|info| info.endpoint = b"ftp://provider.example".to_vec().try_into().unwrap(),
			Error::BadEndpoint,
		);
		refused(
			|info| info.endpoint = b"http://two words".to_vec().try_into().unwrap(),
			Error::BadEndpoint,
		);
	});
}

#[test]
fn an_update_replaces_what_was_declared_and_is_checked_alike() {
	build_and_execute(|| {
		let origin = RuntimeOrigin::signed(provider(0));
		assert_noop!(Providers::update_info(origin.clone(), info()), Error::UnknownProvider);
		register(0, info());
		events();
		assert_noop!(
			Providers::update_info(origin.clone(), ProviderInfo { slots: 0, ..info() }),
			Error::NoSlots
		);
		let other = ProviderInfo {
			classes: ClassSet::of(&[HardwareClass::General, HardwareClass::HighCompute]),
			region: Region::Asia,
			slots: 7,
			..info()
		};
		assert_ok!(Providers::update_info(origin, other.clone()));
		assert_eq!(record(0).info, other);
		assert_eq!(events(), vec![Event::InfoUpdated { provider: provider(0) }]);
	});
}

#[test]
fn fewer_slots_than_are_in_use_leave_the_work_alone() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(<Providers as ProviderRegistry>::reserve(&provider(0), 1));
		assert_ok!(<Providers as ProviderRegistry>::reserve(&provider(0), 1));
		let origin = RuntimeOrigin::signed(provider(0));
		assert_ok!(Providers::update_info(origin, ProviderInfo { slots: 1, ..info() }));
		assert_eq!((record(0).used_slots, record(0).free_slots()), (2, 0));
		Providers::free_slot(&provider(0));
		assert!(!record(0).pooled());
		Providers::free_slot(&provider(0));
		assert!(record(0).pooled());
	});
}

#[test]
fn a_new_operator_takes_over_at_once() {
	build_and_execute(|| {
		let origin = RuntimeOrigin::signed(provider(0));
		assert_noop!(
			Providers::set_operator(origin.clone(), operator(5), 0),
			Error::UnknownProvider
		);
		register(0, info());
		register(1, info());
		events();
		for (operator, error) in [
			(operator(0), Error::OperatorInUse),
			(operator(1), Error::OperatorInUse),
			(provider(0), Error::OperatorIsProvider),
			(provider(1), Error::OperatorIsProvider),
		] {
			assert_noop!(Providers::set_operator(origin.clone(), operator, 0), error);
		}
		assert_noop!(
			Providers::set_operator(origin.clone(), operator(5), WEALTH),
			TokenError::FundsUnavailable
		);
		assert_ok!(Providers::set_operator(origin.clone(), operator(5), 3 * MILL));
		assert_eq!(Balances::free_balance(operator(5)), 3 * MILL);
		assert_eq!(Providers::provider_of(&operator(5)), Some(provider(0)));
		assert_eq!(Providers::provider_of(&operator(0)), None);
		assert_noop!(
			Providers::heartbeat(RuntimeOrigin::signed(operator(0))),
			Error::UnknownOperator
		);
		assert_ok!(Providers::heartbeat(RuntimeOrigin::signed(operator(5))));
		assert_eq!(
			events(),
			vec![
				Event::OperatorChanged {
					provider: provider(0),
					operator: operator(5)
				},
				Event::HeartbeatReceived { provider: provider(0) },
			]
		);
		// The first one is free to serve somebody again, and needs no money for it.
		assert_ok!(Providers::set_operator(origin, operator(0), 0));
	});
}

#[test]
fn unsigned_calls_are_refused() {
	build_and_execute(|| {
		register(0, info());
		let bad = sp_runtime::DispatchError::BadOrigin;
		assert_noop!(
			Providers::register(RuntimeOrigin::none(), operator(1), info(), BOND, MILL),
			bad
		);
		assert_noop!(Providers::update_info(RuntimeOrigin::root(), info()), bad);
		assert_noop!(Providers::heartbeat(RuntimeOrigin::none()), bad);
		assert_noop!(Providers::withdraw(RuntimeOrigin::root()), bad);
	});
}

#[test]
fn governed_minima_bind_what_is_declared_from_now_on() {
	build_and_execute(|| {
		register(0, info());
		Parameters::set(ProvidersParams {
			min_ask: MILL,
			..default_params()
		});
		assert_noop!(
			Providers::update_info(RuntimeOrigin::signed(provider(0)), info()),
			Error::AskTooLow
		);
		assert!(record(0).pooled());
	});
}
