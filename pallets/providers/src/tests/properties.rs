//! Random lives of several providers: money is conserved, the invariants hold after every step.

use crate::mock::*;
use millrace_primitives::{
	provider::{ClassSet, HardwareClass, ProviderInfo, ProviderStatus, Region, RegionSet, MAX_DRAWS},
	traits::{Conduct, MarketClock, OnSettled, Payment, ProviderRegistry, Settlement},
	Balance, Hash, JobId, Report, ShardId, MILL,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// How many providers take part.
const PROVIDERS: u32 = 5;

#[derive(Clone, Debug)]
enum Step {
	Register {
		bond: Balance,
	},
	Update {
		info: ProviderInfo,
	},
	SetOperator {
		operator: u32,
	},
	BondMore {
		amount: Balance,
	},
	Unbond {
		amount: Balance,
	},
	Withdraw,
	Heartbeat,
	Drain,
	Resume,
	Reserve {
		liability: Balance,
	},
	FreeSlot,
	FreeLiability,
	/// Takes this percentage of the oldest open liability, for somebody or for nobody, and frees it.
	Fail {
		percent: u32,
		to: Option<u32>,
		conduct: Conduct,
	},
	Alive,
	Settle {
		burned: Balance,
		counted: bool,
	},
	Pass {
		blocks: u32,
	},
}

fn any_info() -> impl Strategy<Value = ProviderInfo> {
	(
		1u8..8,
		0usize..3,
		0u16..4,
		prop_oneof![Just(1_024u32), Just(262_144)],
		1u128..200,
	)
		.prop_map(|(classes, region, slots, memory_pages, ask)| ProviderInfo {
			classes: ClassSet(classes),
			region: Region::ALL[region],
			slots,
			memory_pages,
			ask: ask * MILL / 10_000,
			..info()
		})
}

fn any_step() -> impl Strategy<Value = Step> {
	let amount = || (1u128..150).prop_map(|amount| amount * MILL);
	prop_oneof![
		3 => (50u128..400).prop_map(|bond| Step::Register { bond: bond * MILL }),
		3 => any_info().prop_map(|info| Step::Update { info }),
		1 => (0u32..8).prop_map(|operator| Step::SetOperator { operator }),
		2 => amount().prop_map(|amount| Step::BondMore { amount }),
		3 => amount().prop_map(|amount| Step::Unbond { amount }),
		3 => Just(Step::Withdraw),
		2 => Just(Step::Heartbeat),
		2 => Just(Step::Drain),
		2 => Just(Step::Resume),
		6 => amount().prop_map(|liability| Step::Reserve { liability }),
		4 => Just(Step::FreeSlot),
		4 => Just(Step::FreeLiability),
		2 => (0u32..=100, prop::option::of(0..PROVIDERS + 1), prop_oneof![
			Just(Conduct::MissedAccept), Just(Conduct::Late), Just(Conduct::MissedReveal), Just(Conduct::NotShown), Just(Conduct::Guilty)
		]).prop_map(|(percent, to, conduct)| Step::Fail { percent, to, conduct }),
		1 => Just(Step::Alive),
		2 => (0u128..5_000, any::<bool>()).prop_map(|(burned, counted)| Step::Settle { burned, counted }),
		3 => (1u32..60).prop_map(|blocks| Step::Pass { blocks }),
	]
}

/// What the jobs pallet would remember.
#[derive(Default)]
struct Open {
	slots: u32,
	liabilities: Vec<Balance>,
	burned: Balance,
}

fn apply(n: u32, step: Step, open: &mut BTreeMap<u32, Open>) -> Balance {
	let who = provider(n);
	let signed = || RuntimeOrigin::signed(provider(n));
	let open = open.entry(n).or_default();
	let mut burned = 0;
	// A refused step is a step too: it must change nothing, which the invariants show.
	let _refused = match step {
		Step::Register { bond } => Providers::register(signed(), operator(n), info(), bond, MILL).is_err(),
		Step::Update { info } => Providers::update_info(signed(), info).is_err(),
		Step::SetOperator { operator: other } => Providers::set_operator(signed(), operator(other), 0).is_err(),
		Step::BondMore { amount } => Providers::bond_more(signed(), amount).is_err(),
		Step::Unbond { amount } => Providers::unbond(signed(), amount).is_err(),
		Step::Withdraw => Providers::withdraw(signed()).is_err(),
		Step::Heartbeat => Providers::heartbeat(RuntimeOrigin::signed(operator(n))).is_err(),
		Step::Drain => Providers::drain(signed()).is_err(),
		Step::Resume => Providers::resume(signed()).is_err(),
		Step::Reserve { liability } => {
			let reserved = Providers::reserve(&who, liability).is_ok();
			if reserved {
				open.slots += 1;
				open.liabilities.push(liability);
			}
			!reserved
		}
		Step::FreeSlot if open.slots > 0 => {
			open.slots -= 1;
			Providers::free_slot(&who);
			false
		}
		Step::FreeLiability if !open.liabilities.is_empty() => {
			Providers::free_liability(&who, open.liabilities.remove(0));
			false
		}
		Step::Fail { percent, to, conduct } if !open.liabilities.is_empty() => {
			let liability = open.liabilities.remove(0);
			let issuance = Balances::total_issuance();
			let to = to.map(provider);
			let taken = Providers::take(&who, to.as_ref(), liability * Balance::from(percent) / 100);
			burned = if to.is_some() { 0 } else { taken };
			assert_eq!(taken, liability * Balance::from(percent) / 100);
			assert_eq!(Balances::total_issuance(), issuance - burned);
			Providers::free_liability(&who, liability);
			Providers::note(&who, conduct);
			false
		}
		Step::Alive => {
			Providers::note(&who, Conduct::Alive);
			false
		}
		Step::Settle { burned, counted } => {
			if counted && crate::Providers::<Test>::contains_key(&who) {
				open.burned += burned;
			}
			Providers::on_settled(&Settlement {
				shard: ShardId {
					job: JobId(0),
					index: 0,
				},
				report: Report {
					root: Hash::zero(),
					gas_used: 1,
				},
				payments: vec![Payment {
					provider: who,
					amount: 1,
					gas: 1,
					burned,
				}],
				counted,
			});
			false
		}
		Step::Pass { blocks } => {
			pass(blocks);
			false
		}
		Step::FreeSlot | Step::FreeLiability | Step::Fail { .. } => true,
	};
	burned
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(256))]

	#[test]
	fn every_life_keeps_the_books(steps in prop::collection::vec((0..PROVIDERS, any_step()), 1..120)) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			let mut open = BTreeMap::new();
			let mut burned = 0;
			(0..PROVIDERS).for_each(|n| register(n, info()));
			for (n, step) in steps {
				burned += apply(n, step, &mut open);
				check();
				assert_eq!(Balances::total_issuance(), issuance - burned, "a slash for nobody burns, nothing else does");
				for (n, open) in &mut open {
					let Some(record) = crate::Providers::<Test>::get(provider(*n)) else {
						assert!(open.slots == 0 && open.liabilities.is_empty(), "nobody goes while it works");
						// Whoever comes back is a newcomer.
						open.burned = 0;
						continue
					};
					assert_eq!(u32::from(record.used_slots), open.slots);
					assert_eq!(record.liability, open.liabilities.iter().sum::<Balance>());
					assert_eq!(record.burned, open.burned);
					assert!(record.liability <= record.bond, "each slash is within its own liability");
				}
			}
			// Whoever can be drawn can be reserved, as far as its bond goes.
			pass(10);
			for class in HardwareClass::ALL {
				let request = millrace_primitives::provider::DrawRequest { class, regions: RegionSet::ANY, ..request() };
				for candidate in draw(&request, Hash::zero(), MAX_DRAWS, usize::MAX) {
					let record = crate::Providers::<Test>::get(&candidate.provider).unwrap();
					assert!(record.info.classes.contains(class) && record.status == ProviderStatus::Active);
					if !record.silent(Clock::now(), Parameters::get().heartbeat_period) {
						Providers::reserve(&candidate.provider, 0).unwrap();
						Providers::free_slot(&candidate.provider);
					}
				}
			}
			check();
		});
	}
}
