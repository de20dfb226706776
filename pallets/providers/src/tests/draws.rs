//! Draws and the census.

use crate::mock::*;
use frame_support::assert_ok;
use millrace_primitives::{
	provider::Candidate,
	provider::{Census, ClassSet, DrawRequest, HardwareClass, ProviderInfo, Region, RegionSet, MAX_DRAWS},
	traits::ProviderRegistry,
	AccountId, Hash, MILL,
};
use sp_runtime::Permill;
use std::collections::BTreeMap;

/// Everybody that some draw of the request finds.
fn reachable(request: &DrawRequest) -> Vec<AccountId> {
	let mut found: Vec<_> = (0..32)
		.flat_map(|n| draw(request, Hash::repeat_byte(n), MAX_DRAWS, usize::MAX))
		.map(|candidate| candidate.provider)
		.collect();
	found.sort();
	found.dedup();
	found
}

fn providers(numbers: &[u32]) -> Vec<AccountId> {
	numbers.iter().map(|n| provider(*n)).collect()
}

#[test]
fn empty_pools_yield_nobody() {
	build_and_execute(|| {
		assert_eq!(draw(&request(), Hash::zero(), MAX_DRAWS, usize::MAX), vec![]);
		register(0, info());
		pass(10);
		assert_eq!(draw(&request(), Hash::zero(), 0, usize::MAX), vec![]);
		let elsewhere = DrawRequest {
			regions: RegionSet::of(&[Region::Africa]),
			..request()
		};
		assert_eq!(draw(&elsewhere, Hash::zero(), MAX_DRAWS, usize::MAX), vec![]);
	});
}

#[test]
fn a_candidate_shows_what_a_policy_weighs() {
	build_and_execute(|| {
		register(0, info());
		pass(10);
		let found = draw(&request(), Hash::zero(), MAX_DRAWS, usize::MAX);
		assert_eq!(found.len(), 1, "each once, however often it is drawn");
		assert_eq!(found[0].provider, provider(0));
		assert_eq!(found[0].ask, info().ask);
		assert_eq!(found[0].reputation, Permill::from_percent(50));
		assert_ok!(Providers::reserve(&provider(0), 0));
		// It has another slot.
		assert_eq!(draw(&request(), Hash::zero(), 1, usize::MAX), found);
	});
}

#[test]
fn a_draw_depends_on_its_seed_alone_and_its_order_is_that_of_the_draws() {
	build_and_execute(|| {
		(0..10).for_each(|n| register(n, info()));
		pass(10);
		let seed = Hash::repeat_byte(7);
		let all = draw(&request(), seed, MAX_DRAWS, usize::MAX);
		assert_eq!(all, draw(&request(), seed, MAX_DRAWS, usize::MAX));
		assert_eq!(
			all,
			draw(&request(), seed, u32::MAX, usize::MAX),
			"no more draws than the cap"
		);
		let few = draw(&request(), seed, 4, usize::MAX);
		assert_eq!(few[..], all[..few.len()], "fewer draws are the first ones");
		assert_ne!(all, draw(&request(), Hash::repeat_byte(8), MAX_DRAWS, usize::MAX));
	});
}

#[test]
fn each_filter_keeps_out_who_does_not_meet_it() {
	build_and_execute(|| {
		register(0, info());
		register(
			1,
			ProviderInfo {
				region: Region::Asia,
				..info()
			},
		);
		register(
			2,
			ProviderInfo {
				ask: info().ask * 8,
				..info()
			},
		);
		register(
			3,
			ProviderInfo {
				ask: info().ask + 1,
				..info()
			},
		);
		register(
			4,
			ProviderInfo {
				memory_pages: 4_096,
				..info()
			},
		);
		register(
			5,
			ProviderInfo {
				classes: ClassSet::of(&[HardwareClass::HighCompute]),
				..info()
			},
		);
		pass(10);
		assert_eq!(reachable(&request()), providers(&[0, 1, 2, 3, 4]));
		let class = HardwareClass::HighCompute;
		assert_eq!(reachable(&DrawRequest { class, ..request() }), providers(&[5]));
		let regions = RegionSet::of(&[Region::Asia, Region::Africa]);
		assert_eq!(reachable(&DrawRequest { regions, ..request() }), providers(&[1]));
		let price_cap = info().ask;
		assert_eq!(
			reachable(&DrawRequest { price_cap, ..request() }),
			providers(&[0, 1, 4])
		);
		// An ask counts as the next price of a bucket.
		for (price_cap, found) in [
			(price_cap * 12 / 10 - 1, &[0, 1, 4][..]),
			(price_cap * 12 / 10, &[0, 1, 3, 4]),
		] {
			assert_eq!(reachable(&DrawRequest { price_cap, ..request() }), providers(found));
		}
		// A slot's memory counts as the level below.
		for (memory_pages, found) in [(512, &[0, 1, 2, 3, 4][..]), (513, &[4]), (4_096, &[4]), (4_097, &[])] {
			assert_eq!(
				reachable(&DrawRequest {
					memory_pages,
					..request()
				}),
				providers(found)
			);
		}
		let min_reputation = Permill::from_percent(51);
		assert_eq!(
			reachable(&DrawRequest {
				min_reputation,
				..request()
			}),
			vec![]
		);
	});
}

#[test]
fn the_membership_delay_keeps_newcomers_and_changes_out_of_draws() {
	build_and_execute(|| {
		register(0, info());
		pass(9);
		assert_eq!(reachable(&request()), vec![]);
		pass(1);
		assert_eq!(reachable(&request()), providers(&[0]));

		let changes: [fn(&mut ProviderInfo); 4] = [
			|info| info.region = Region::Oceania,
			|info| info.ask += 1,
			|info| info.memory_pages += 1,
			|info| info.classes = ClassSet::of(&[HardwareClass::General, HardwareClass::HighCompute]),
		];
		let mut declared = info();
		for change in changes {
			change(&mut declared);
			assert_ok!(Providers::update_info(
				RuntimeOrigin::signed(provider(0)),
				declared.clone()
			));
			check();
			pass(9);
			assert_eq!(reachable(&request()), vec![]);
			pass(1);
			assert_eq!(reachable(&request()), providers(&[0]));
		}

		// What no draw filters on does not matter.
		declared.endpoint = b"https://elsewhere.example".to_vec().try_into().unwrap();
		declared.slots = 5;
		assert_ok!(Providers::update_info(RuntimeOrigin::signed(provider(0)), declared));
		assert_eq!(reachable(&request()), providers(&[0]));
	});
}

#[test]
fn running_out_of_slots_restarts_no_delay() {
	build_and_execute(|| {
		register(0, ProviderInfo { slots: 1, ..info() });
		pass(10);
		assert_ok!(Providers::reserve(&provider(0), 0));
		assert_eq!(reachable(&request()), vec![]);
		Providers::free_slot(&provider(0));
		assert_eq!(reachable(&request()), providers(&[0]));
	});
}

#[test]
fn whoever_comes_back_into_standing_waits_for_the_delay() {
	build_and_execute(|| {
		register(0, info());
		pass(10);
		let origin = RuntimeOrigin::signed(provider(0));
		assert_ok!(Providers::drain(origin.clone()));
		assert_eq!(reachable(&request()), vec![], "leaving is immediate");
		assert_ok!(Providers::resume(origin.clone()));
		pass(9);
		assert_eq!(reachable(&request()), vec![]);
		pass(1);
		assert_eq!(reachable(&request()), providers(&[0]));

		assert_eq!(Providers::take(&provider(0), None, BOND), BOND);
		assert_ok!(Providers::bond_more(origin, BOND));
		pass(9);
		assert_eq!(reachable(&request()), vec![]);
		pass(1);
		assert_eq!(reachable(&request()), providers(&[0]));
	});
}

#[test]
fn a_draw_knows_how_many_it_could_have_found() {
	build_and_execute(|| {
		populate(40);
		let elsewhere = |n| {
			let info = ProviderInfo {
				region: Region::Africa,
				..info()
			};
			assert_ok!(Providers::update_info(RuntimeOrigin::signed(provider(n)), info));
		};
		(0..2).for_each(elsewhere);
		pass(20);
		let could = |request: &DrawRequest, seed: u8| {
			<Providers as ProviderRegistry>::draw(request, Hash::repeat_byte(seed), MAX_DRAWS, 2).could_find(8)
		};
		// Two in an empty region, whatever is drawn.
		let empty = DrawRequest {
			regions: RegionSet::of(&[Region::Africa]),
			..request()
		};
		assert!((0..200).all(|seed| !could(&empty, seed)));
		assert!((0..200).all(|seed| could(&request(), seed)));
		// Two who alone have the reputation that is asked for.
		for n in 0..2 {
			assert_ok!(Providers::update_info(RuntimeOrigin::signed(provider(n)), info()));
			Providers::try_change(&provider(n), |provider, _| {
				provider.reputation.good = 10 * crate::reputation::UNIT;
				Ok(())
			})
			.unwrap();
		}
		pass(20);
		let known = DrawRequest {
			min_reputation: Permill::from_percent(60),
			..request()
		};
		let counted = (0..=255).filter(|seed| could(&known, *seed)).count();
		assert!(counted <= 20, "{counted} of 256 seeds");
	});
}

#[test]
fn draws_are_uniform_over_pools_of_different_sizes() {
	build_and_execute(|| {
		// Seven in one pool, three alone in theirs.
		for n in 0..10 {
			let (region, ask) = match n {
				7 => (Region::Asia, info().ask),
				8 => (Region::Europe, info().ask * 2),
				9 => (Region::SouthAmerica, info().ask * 4),
				_ => (Region::Europe, info().ask),
			};
			register(n, ProviderInfo { region, ask, ..info() });
		}
		pass(10);
		let mut counts = BTreeMap::<AccountId, u32>::new();
		for n in 0..10_000u64 {
			for candidate in draw(&request(), Hash::from_low_u64_be(n), 1, usize::MAX) {
				*counts.entry(candidate.provider).or_default() += 1;
			}
		}
		// Six standard deviations around 1,000.
		assert_eq!(counts.len(), 10);
		assert!(counts.values().all(|count| count.abs_diff(1_000) < 180), "{counts:?}");
	});
}

#[test]
fn the_census_counts_by_class_region_and_price() {
	build_and_execute(|| {
		assert_eq!(Providers::census(&request()), Census::default());
		register(0, info());
		register(
			1,
			ProviderInfo {
				region: Region::Asia,
				..info()
			},
		);
		register(
			2,
			ProviderInfo {
				ask: info().ask * 64,
				..info()
			},
		);
		register(
			3,
			ProviderInfo {
				classes: ClassSet::of(&[HardwareClass::HighCompute]),
				..info()
			},
		);
		move_pools();
		let request = DrawRequest {
			regions: RegionSet::of(&[Region::Europe]),
			price_cap: info().ask,
			..request()
		};
		assert_eq!(
			Providers::census(&request),
			Census {
				in_class: 3,
				in_region: 2,
				affordable: 1
			}
		);
		let dear = DrawRequest {
			price_cap: MILL,
			..request.clone()
		};
		assert_eq!(
			Providers::census(&dear),
			Census {
				in_class: 3,
				in_region: 2,
				affordable: 2
			}
		);
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(0))));
		move_pools();
		assert_eq!(
			Providers::census(&request),
			Census {
				in_class: 2,
				in_region: 1,
				affordable: 0
			}
		);
	});
}

#[test]
fn leaving_keeps_the_others_in_their_pools() {
	build_and_execute(|| {
		let classes = ClassSet::of(&[HardwareClass::General, HardwareClass::HighCompute]);
		for n in 0..6 {
			let classes = if n % 2 == 0 { classes } else { info().classes };
			register(n, ProviderInfo { classes, ..info() });
		}
		pass(10);
		for (gone, rest) in [(0, vec![1, 2, 3, 4, 5]), (5, vec![1, 2, 3, 4]), (2, vec![1, 3, 4])] {
			assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(gone))));
			check();
			assert_eq!(reachable(&request()), providers(&rest));
		}
		let request = DrawRequest {
			class: HardwareClass::HighCompute,
			..request()
		};
		assert_eq!(reachable(&request), providers(&[4]));
	});
}

#[test]
fn what_a_block_changes_shifts_no_draw_of_the_next() {
	build_and_execute(|| {
		populate(20);
		pass(20);
		let draws = |seed: u8| draw(&request(), Hash::repeat_byte(seed), 8, usize::MAX);
		let names = |found: Vec<Candidate>| found.into_iter().map(|found| found.provider).collect::<Vec<_>>();
		let before: Vec<_> = (0..50).map(|seed| names(draws(seed))).collect();
		// Whoever knows the seed lets its own come and go.
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(3))));
		assert_ok!(Providers::drain(RuntimeOrigin::signed(provider(7))));
		let moved = ProviderInfo {
			region: Region::Asia,
			..info()
		};
		assert_ok!(Providers::update_info(RuntimeOrigin::signed(provider(9)), moved));
		register(20_000, info());
		let gone = [3, 7, 9].map(provider);
		for (seed, before) in (0..50).zip(&before) {
			let mut left = before.clone();
			left.retain(|who| !gone.contains(who));
			assert_eq!(
				names(draws(seed)),
				left,
				"nobody else is found, and nobody of the others is missed"
			);
		}
		// After the draws they move.
		move_pools();
		pass(20);
		let after: Vec<_> = (0..50).map(|seed| names(draws(seed))).collect();
		assert_ne!(before, after);
		assert!(after.iter().flatten().any(|who| *who == provider(9)));
		assert!(after.iter().flatten().any(|who| *who == provider(20_000)));
	});
}
