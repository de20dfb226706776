//! Random histories of clients and providers under changing parameters.

use super::*;
use millrace_primitives::MarketBlock;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PROVIDERS: u8 = 5;
const CLIENTS: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
	/// A client's shard is settled: who caused which fees.
	Settle { client: u8, fees: Vec<(u8, Balance)> },
	/// The clock moves on, with or without a poll.
	Wait { blocks: MarketBlock, poll: bool },
	/// Somebody claims an era so many eras ago.
	Claim { provider: u8, ago: u32 },
	/// Somebody prunes an era so many eras ago.
	Prune { provider: u8, ago: u32 },
	/// Governance changes everything.
	Govern(EmissionParams),
}

fn fee() -> impl Strategy<Value = Balance> {
	prop_oneof![0u128..10, 0u128..1_000_000, 0u128..1_000 * MILL]
}

fn parameters() -> impl Strategy<Value = EmissionParams> {
	let initial = prop_oneof![0u128..10_000, 0u128..100_000 * MILL, Just(Balance::MAX)];
	let halving = prop_oneof![0u128..10_000, 0u128..100_000_000 * MILL];
	(initial, halving, 0u32..=100, 0u32..30, 0u32..6).prop_map(|(initial, halving, brake, era, claim_eras)| {
		EmissionParams {
			initial,
			halving,
			brake: Permill::from_percent(brake),
			era,
			claim_eras,
		}
	})
}

fn step() -> impl Strategy<Value = Step> {
	let fees = proptest::collection::vec((0..PROVIDERS, fee()), 0..7);
	prop_oneof![
		6 => (0..CLIENTS, fees).prop_map(|(client, fees)| Step::Settle { client, fees }),
		4 => (0u32..40, any::<bool>()).prop_map(|(blocks, poll)| Step::Wait { blocks, poll }),
		6 => (0..PROVIDERS, 0u32..6).prop_map(|(provider, ago)| Step::Claim { provider, ago }),
		2 => (0..PROVIDERS, 0u32..12).prop_map(|(provider, ago)| Step::Prune { provider, ago }),
		1 => parameters().prop_map(Step::Govern),
	]
}

/// What each pair of client and provider burned in all.
type Ledger = BTreeMap<(u8, u8), Balance>;

fn play(steps: Vec<Step>) -> Ledger {
	let mut ledger = Ledger::new();
	for step in steps {
		match step {
			Step::Settle { client, fees } => {
				settle(CLIENT + client, &fees);
				for (provider, burned) in fees {
					*ledger.entry((client, provider)).or_default() += burned;
				}
			}
			Step::Wait { blocks, poll: true } => poll_at(Now::get() + blocks),
			Step::Wait { blocks, poll: false } => Now::set(Now::get() + blocks),
			Step::Claim { provider, ago } => {
				let era = Era::<Test>::get().index.saturating_sub(ago);
				let (worth, before) = (Emission::claimable(account(provider), era), balance(provider));
				match claim(provider, era) {
					Ok(_) => assert_eq!(balance(provider) - before, worth),
					Err(error) => assert!(worth == 0 || error.error == TokenError::BelowMinimum.into()),
				}
			}
			Step::Prune { provider, ago } => {
				let era = Era::<Test>::get().index.saturating_sub(ago);
				if prune(provider, era).is_ok() {
					assert_eq!(Emission::points_of(&account(provider), era), 0);
				}
			}
			Step::Govern(params) => Parameters::set(params),
		}
		check();
	}
	ledger
}

/// Everybody claims what there is to claim, under parameters that let them.
fn claim_all() {
	Parameters::set(EmissionParams {
		claim_eras: u32::MAX,
		..Parameters::get()
	});
	poll_at(Now::get() + Parameters::get().era.max(1));
	for (era, provider) in all_points() {
		let _: DispatchResultWithPostInfo = Emission::claim(RuntimeOrigin::signed(account(99)), provider, era);
	}
	check();
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(150))]

	/// For every set of providers: what was minted to it is at most nine tenths of what its own work burned. So if that
	/// work was ordered by its own clients, the coalition of both has lost at least a tenth of what it burned.
	#[test]
	fn no_coalition_is_minted_more_than_the_brake_times_what_it_burned(steps in proptest::collection::vec(step(), 1..80)) {
		new_ext().execute_with(|| {
			let ledger = play(steps);
			claim_all();
			for coalition in 1u8..1 << PROVIDERS {
				let member = |provider: &u8| coalition >> provider & 1 == 1;
				let minted: Balance = (0..PROVIDERS).filter(member).map(balance).sum();
				let burned: Balance = ledger.iter().filter(|((_, provider), _)| member(provider)).map(|(_, sum)| sum).sum();
				assert!(minted <= MAX_BRAKE.mul_floor(burned), "{minted} minted for {burned}");
			}
		});
	}

	/// The same history with and without the jobs of one coalition, under parameters that stay: these jobs bring it at
	/// most the brake times what they burned, and a planck for each part that was rounded.
	#[test]
	fn work_given_to_oneself_never_pays(
		initial in prop_oneof![1u128..10_000, 1u128..1_000 * MILL],
		mut steps in proptest::collection::vec(step(), 1..60),
		clients in 1u8..1 << CLIENTS,
		providers in 1u8..1 << PROVIDERS,
	) {
		steps.retain(|step| matches!(step, Step::Settle { .. } | Step::Wait { .. }));
		let own = |step: &Step| matches!(step, Step::Settle { client, fees }
			if clients >> client & 1 == 1 && fees.iter().all(|(provider, _)| providers >> provider & 1 == 1));
		let fixed = EmissionParams { initial, claim_eras: u32::MAX, ..params() };
		let income = |steps: Vec<Step>| {
			new_ext().execute_with(|| {
				Parameters::set(fixed);
				// Accounts that exist receive any amount.
				for provider in 0..PROVIDERS {
					pallet_balances::Pallet::<Test>::mint_into(&account(provider), MILL).expect("above the minimum");
				}
				for step in steps {
					match step {
						Step::Settle { fees, .. } => Emission::on_settled(&settlement(&fees)),
						Step::Wait { blocks, .. } => poll_at(Now::get() + blocks),
						_ => (),
					}
				}
				poll_at(Now::get() + fixed.era);
				let eras = Budgets::<Test>::iter().count() as Balance;
				for (era, provider) in all_points() {
					let _: DispatchResultWithPostInfo = Emission::claim(RuntimeOrigin::signed(account(99)), provider, era);
				}
				let sum: Balance = (0..PROVIDERS).filter(|p| providers >> p & 1 == 1).map(|p| balance(p) - MILL).sum();
				(sum, eras)
			})
		};
		let burned: Balance = steps
			.iter()
			.filter(|step| own(step))
			.map(|step| match step {
				Step::Settle { fees, .. } => fees.iter().map(|(_, burned)| burned).sum(),
				_ => 0,
			})
			.sum();
		let (with, eras) = income(steps.clone());
		let (without, _) = income(steps.into_iter().filter(|step| !own(step)).collect());
		let rounding = (eras + 1) * (Balance::from(PROVIDERS) + 2);
		prop_assert!(with <= without + fixed.brake.mul_floor(burned) + rounding, "{with} {without} {burned}");
	}
}
