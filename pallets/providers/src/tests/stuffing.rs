//! Entries that can take no work do not take the looks of a draw from those that can, however many there are.

use crate::mock::*;
use frame_support::{assert_ok, traits::fungible::Mutate};
use millrace_primitives::{
	provider::{DrawRequest, ProviderInfo, MAX_DRAWS},
	traits::ProviderRegistry,
	Balance, Hash, MILL,
};

/// Who works, and how many entries there are for each of them that do not.
const HONEST: u32 = 10;
const STUFFED: u32 = 99;
/// What the job asks for: an honest provider has just that.
const ASK: Balance = MILL / 100;
const PAGES: u32 = 512;

fn honest() -> ProviderInfo {
	ProviderInfo {
		ask: ASK,
		memory_pages: PAGES,
		..info()
	}
}

fn wanted() -> DrawRequest {
	DrawRequest {
		price_cap: ASK,
		memory_pages: PAGES,
		..request()
	}
}

/// What a thousand draws of two seats look at, each of which must find two.
fn looks(request: &DrawRequest) -> u32 {
	(0..1_000)
		.map(|n| {
			let drawn = <Providers as ProviderRegistry>::draw(request, Hash::from_low_u64_be(n), MAX_DRAWS, 2);
			assert_eq!(drawn.candidates.len(), 2);
			drawn.looked
		})
		.sum()
}

/// Honest providers alone, and then with so many stuffed ones for each that a draw must not see.
fn stuff(request: DrawRequest, stuffed: ProviderInfo, then: impl Fn(u32)) {
	build_and_execute(|| {
		(0..HONEST).for_each(|n| register(n, honest()));
		pass(10);
		let before = looks(&request);
		for n in HONEST..HONEST * (1 + STUFFED) {
			Balances::set_balance(&provider(n), WEALTH);
			register(n, stuffed.clone());
		}
		pass(10);
		(HONEST..HONEST * (1 + STUFFED)).for_each(then);
		move_pools();
		let after = looks(&request);
		assert!(
			after <= 2 * before,
			"{before} looks alone, {after} among stuffed entries"
		);
	});
}

#[test]
fn memory_of_one_page() {
	let stuffed = ProviderInfo {
		memory_pages: 1,
		..honest()
	};
	stuff(wanted(), stuffed, |_| {});
}

#[test]
fn memory_of_one_page_too_few() {
	let stuffed = ProviderInfo {
		memory_pages: PAGES - 1,
		..honest()
	};
	stuff(wanted(), stuffed, |_| {});
	// Of a job that needs less than the level has.
	let stuffed = ProviderInfo {
		memory_pages: PAGES - 101,
		..honest()
	};
	let memory_pages = PAGES - 100;
	stuff(
		DrawRequest {
			memory_pages,
			..wanted()
		},
		stuffed,
		|_| {},
	);
}

#[test]
fn an_ask_just_above_the_cap() {
	let of = |ask| ProviderInfo { ask, ..honest() };
	stuff(wanted(), of(ASK + 1), |_| {});
	// Of a job whose cap lies within a bucket.
	for (price_cap, ask) in [
		(ASK + 1, ASK + 2),
		(ASK * 11 / 10, ASK * 11 / 10 + 1),
		(ASK * 12 / 10 - 1, ASK * 12 / 10),
	] {
		stuff(DrawRequest { price_cap, ..wanted() }, of(ask), |_| {});
	}
}

#[test]
fn bonds_that_are_reserved() {
	let least = Parameters::get().least_liability;
	for free in [0, least - 1] {
		stuff(wanted(), honest(), |n| {
			assert_ok!(Providers::reserve(&provider(n), BOND - free));
		});
	}
}

#[test]
fn who_has_bond_again_is_drawn_again() {
	build_and_execute(|| {
		let least = Parameters::get().least_liability;
		register(0, honest());
		pass(10);
		let finds = || draw(&wanted(), Hash::zero(), 1, 1).len();
		assert_ok!(Providers::reserve(&provider(0), BOND - least));
		move_pools();
		assert_eq!(finds(), 1, "it can take the least work");
		assert_ok!(Providers::unbond(RuntimeOrigin::signed(provider(0)), 1));
		assert_eq!(finds(), 0, "at once");
		move_pools();
		assert!(!record(0).pooled());
		// No delay: it was never out of standing.
		Providers::free_liability(&provider(0), 1);
		assert_eq!(finds(), 0);
		move_pools();
		assert_eq!(finds(), 1);
	});
}
