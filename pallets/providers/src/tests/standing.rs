//! Heartbeats, draining, resuming.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{
	provider::ProviderStatus,
	traits::{Conduct, ProviderRegistry},
	MILL,
};

#[test]
fn a_heartbeat_is_the_operators() {
	build_and_execute(|| {
		register(0, info());
		assert_noop!(
			Providers::heartbeat(RuntimeOrigin::signed(provider(0))),
			Error::UnknownOperator
		);
		pass(5);
		events();
		assert_ok!(Providers::heartbeat(RuntimeOrigin::signed(operator(0))));
		assert_eq!(record(0).last_seen, 6);
		assert_eq!(events(), vec![Event::HeartbeatReceived { provider: provider(0) }]);
	});
}

#[test]
fn a_heartbeat_revives_an_unresponsive_provider() {
	build_and_execute(|| {
		register(0, info());
		Providers::note(&provider(0), Conduct::MissedAccept);
		pass(5);
		events();
		assert_ok!(Providers::heartbeat(RuntimeOrigin::signed(operator(0))));
		assert_eq!(record(0).status, ProviderStatus::Active);
		assert!(record(0).pooled());
		assert_eq!(record(0).drawable_from, 16, "whoever comes back waits for the delay");
		assert_eq!(
			events(),
			vec![
				Event::Revived { provider: provider(0) },
				Event::HeartbeatReceived { provider: provider(0) }
			]
		);
	});
}

#[test]
fn provider_and_operator_may_drain_and_resume() {
	for account in [provider(0), operator(0)] {
		build_and_execute(|| {
			let origin = RuntimeOrigin::signed(account.clone());
			assert_noop!(Providers::drain(origin.clone()), Error::UnknownProvider);
			assert_noop!(Providers::resume(origin.clone()), Error::UnknownProvider);
			register(0, info());
			events();
			assert_noop!(Providers::resume(origin.clone()), Error::NotDraining);
			assert_ok!(Providers::drain(origin.clone()));
			assert_eq!(record(0).status, ProviderStatus::Draining);
			assert!(!record(0).pooled());
			assert_noop!(Providers::drain(origin.clone()), Error::AlreadyDraining);
			assert_noop!(Providers::reserve(&provider(0), 0), Error::NotActive);
			assert_ok!(Providers::resume(origin.clone()));
			assert_eq!(record(0).status, ProviderStatus::Active);
			assert!(record(0).pooled());
			assert_eq!(
				events(),
				vec![
					Event::DrainStarted { provider: provider(0) },
					Event::Resumed { provider: provider(0) }
				]
			);
		});
	}
}

#[test]
fn resuming_needs_the_least_bond() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(0))));
		assert_eq!(Providers::take(&provider(0), None, 201 * MILL), 201 * MILL);
		assert_noop!(
			Providers::resume(RuntimeOrigin::signed(provider(0))),
			Error::BondTooSmall
		);
		assert_ok!(Providers::bond_more(RuntimeOrigin::signed(provider(0)), MILL));
		assert_ok!(Providers::resume(RuntimeOrigin::signed(provider(0))));
	});
}

#[test]
fn whoever_resumes_after_long_silence_waits_for_a_sign_of_life() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(0))));
		pass(161);
		assert_ok!(Providers::resume(RuntimeOrigin::signed(provider(0))));
		assert_eq!(record(0).status, ProviderStatus::Unresponsive);
		assert!(!record(0).pooled());
		assert_ok!(Providers::heartbeat(RuntimeOrigin::signed(operator(0))));
		assert!(record(0).pooled());
	});
}

#[test]
fn draining_lets_work_under_way_end() {
	build_and_execute(|| {
		register(0, info());
		assert_ok!(Providers::reserve(&provider(0), MILL));
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(0))));
		Providers::free_slot(&provider(0));
		assert!(!record(0).pooled());
		Providers::free_liability(&provider(0), MILL);
		assert_eq!((record(0).used_slots, record(0).liability), (0, 0));
	});
}
