//! Providers as users see them.

use crate::mock::*;
use frame_support::assert_ok;
use millrace_primitives::{
	api::MAX_PAGE,
	params::ProvidersParams,
	provider::{ProviderInfo, ProviderStatus},
	traits::{Conduct, ProviderRegistry},
};
use sp_runtime::Permill;

fn reason(n: u32) -> String {
	let view = Providers::provider_view(provider(n)).expect("the test registered it");
	assert_eq!(view.drawable, view.reason.is_none());
	view.reason.unwrap_or_default()
}

#[test]
fn a_provider_is_found_by_both_its_accounts() {
	build_and_execute(|| {
		assert_eq!(Providers::provider_view(provider(0)), None);
		register(0, info());
		let view = Providers::provider_view(provider(0)).unwrap();
		assert_eq!(Providers::provider_view(operator(0)), Some(view.clone()));
		assert_eq!((view.id, view.operator), (provider(0), operator(0)));
		assert_eq!(view.status, ProviderStatus::Active);
		assert_eq!((view.slots, view.used_slots), (2, 0));
		assert_eq!((view.bond, view.liability), (BOND, 0));
		assert_eq!((view.ask, view.memory_pages), (info().ask, 1_024));
		assert_eq!(view.endpoint, "http://provider.example:8080");
		assert_eq!(view.reputation, Permill::from_percent(50));
		assert_eq!(view.last_seen, 1);
	});
}

#[test]
fn the_reason_says_why_no_draw_finds_it() {
	build_and_execute(|| {
		let origin = RuntimeOrigin::signed(provider(0));
		register(0, ProviderInfo { slots: 1, ..info() });
		assert_eq!(reason(0), "it is new or changed, and can be drawn from market block 11");
		pass(10);
		assert_eq!(reason(0), "");
		assert_ok!(Providers::reserve(&provider(0), BOND));
		assert_eq!(reason(0), "all its slots are in use");
		Providers::free_slot(&provider(0));
		assert_eq!(
			reason(0),
			"open work reserves all of its bond but 0 plancks, and the least work takes 2000000000000"
		);
		Providers::free_liability(&provider(0), BOND);
		Parameters::set(ProvidersParams {
			min_bond: BOND + 1,
			..default_params()
		});
		assert_eq!(
			reason(0),
			"its bond of 300000000000000 is below the least one of 300000000000001 plancks"
		);
		Parameters::set(default_params());
		pass(160);
		assert_eq!(
			reason(0),
			"its last sign of life was in market block 1, more than 160 blocks ago"
		);
		Providers::note(&provider(0), Conduct::Late);
		assert_eq!(
			reason(0),
			"it missed a deadline or its heartbeats; its next sign of life makes it active"
		);
		assert_ok!(Providers::drain(origin));
		assert_eq!(reason(0), "it asked for no more work");
	});
}

#[test]
fn pages_follow_each_other_and_show_everybody_once() {
	build_and_execute(|| {
		(0..10).for_each(|n| register(n, info()));
		let mut seen = Vec::new();
		let mut after = None;
		loop {
			let page = Providers::providers_page(after.clone(), 3);
			assert!(page.len() <= 3);
			let Some(last) = page.last() else { break };
			after = Some(last.id.clone());
			seen.extend(page.into_iter().map(|view| view.id));
		}
		seen.sort();
		assert_eq!(seen, (0..10).map(provider).collect::<Vec<_>>());
		assert_eq!(Providers::providers_page(None, 0), vec![]);
		assert_eq!(Providers::providers_page(None, u32::MAX).len(), 10);
	});
}

#[test]
fn a_page_has_a_largest_size() {
	build_and_execute(|| {
		populate(MAX_PAGE + 1);
		assert_eq!(Providers::providers_page(None, u32::MAX).len(), MAX_PAGE as usize);
	});
}
