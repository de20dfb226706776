//! Whatever anybody does in whatever order: every invariant holds after each step, and no planck appears or vanishes
//! but by the fees that are burned.

use super::*;
use crate::{AssignmentsOf, Jobs as JobsMap, NextJob, Owed, Shards};
use millrace_primitives::{job::DeclineReason, outcome::SeatGas};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
	Submit {
		tasks: u32,
		size: u32,
		replicas: u8,
		deadline: u32,
		gas: u64,
		cap: u128,
	},
	Tick(u8),
	Dark(u8),
	Accept(u8),
	Decline(u8),
	Seal(u8),
	Reveal(u8),
	MissReveal(u8),
	Accepted(u8, u64),
	Unresolved(u8, u64),
	Rejected(u8, u8),
	Cancel(u8),
	TopUp(u8, u128, u32),
	Acknowledge(u8, u8),
	Starve(bool),
	Drain(u8),
	Claim(u8),
	Poke,
}

fn step() -> impl Strategy<Value = Step> {
	let index = any::<u8>;
	prop_oneof![
		2 => (1u32..40, 1u32..10, 2u8..=7, 1u32..120, 1u64..3_000_000_000, ASK / 2..2 * CAP)
			.prop_map(|(tasks, size, replicas, deadline, gas, cap)| Step::Submit { tasks, size, replicas, deadline, gas, cap }),
		8 => (1u8..6).prop_map(Step::Tick),
		1 => (20u8..90).prop_map(Step::Tick),
		1 => (1u8..5).prop_map(Step::Dark),
		6 => index().prop_map(Step::Accept),
		2 => index().prop_map(Step::Decline),
		6 => index().prop_map(Step::Seal),
		6 => index().prop_map(Step::Reveal),
		1 => index().prop_map(Step::MissReveal),
		4 => (index(), 0u64..30_000_000_000).prop_map(|(pick, gas)| Step::Accepted(pick, gas)),
		1 => (index(), any::<u64>()).prop_map(|(pick, gas)| Step::Unresolved(pick, gas)),
		1 => (index(), index()).prop_map(|(pick, seat)| Step::Rejected(pick, seat)),
		1 => index().prop_map(Step::Cancel),
		1 => (index(), 0..CAP, 0u32..60).prop_map(|(pick, more, extra)| Step::TopUp(pick, more, extra)),
		2 => (index(), index()).prop_map(|(pick, count)| Step::Acknowledge(pick, count)),
		1 => any::<bool>().prop_map(Step::Starve),
		1 => index().prop_map(Step::Drain),
		1 => index().prop_map(Step::Claim),
		1 => Just(Step::Poke),
	]
}

fn pick<I>(all: Vec<I>, by: u8) -> Option<I> {
	let length = all.len();
	all.into_iter().nth(usize::from(by) % length.max(1))
}

fn under_way(by: u8) -> Option<ShardId> {
	let mut all: Vec<_> = Shards::<Test>::iter()
		.filter(|(_, _, record)| record.custody.is_none())
		.map(|(job, index, _)| shard(job, index))
		.collect();
	all.sort();
	pick(all, by)
}

fn held_seat(by: u8) -> Option<(ShardId, u8, u8)> {
	let mut all: Vec<_> = AssignmentsOf::<Test>::iter()
		.map(|(provider, id, seat)| {
			let bytes: &[u8; 32] = provider.as_ref();
			(id, seat, bytes[0])
		})
		.collect();
	all.sort();
	pick(all, by)
}

fn job(by: u8) -> JobId {
	JobId(u64::from(by) % NextJob::<Test>::get().0.max(1))
}

/// Calls may be refused; what matters is what they leave behind.
fn apply(step: Step) {
	match step {
		Step::Submit {
			tasks,
			size,
			replicas,
			deadline,
			gas,
			cap,
		} => {
			let mut wanted = spec(tasks, replicas);
			wanted.shard_size = size;
			wanted.deadline = deadline;
			wanted.limits.gas = gas;
			wanted.price_cap = cap;
			publish();
			let _ = Jobs::submit(alice(), wanted);
		}
		Step::Tick(count) => blocks(count.into()),
		Step::Dark(count) => {
			Vrf::set(false);
			blocks(count.into());
			Vrf::set(true);
		}
		Step::Accept(by) => {
			if let Some((id, _, provider)) = held_seat(by) {
				let _ = Jobs::accept(signed(&operator(provider)), id);
			}
		}
		Step::Decline(by) => {
			if let Some((id, _, provider)) = held_seat(by) {
				let _ = Jobs::decline(signed(&operator(provider)), id, DeclineReason::NoCapacity);
			}
		}
		Step::Seal(by) => {
			if let Some((id, seat, _)) = held_seat(by) {
				let _ = Jobs::on_sealed(id, seat);
			}
		}
		Step::Reveal(by) => {
			if let Some((id, seat, _)) = held_seat(by) {
				let _ = Jobs::on_revealed(id, seat);
			}
		}
		Step::MissReveal(by) => {
			if let Some((id, seat, _)) = held_seat(by) {
				Jobs::on_missed_reveals(id, &[seat]);
			}
		}
		Step::Accepted(by, gas) => {
			if let Some(id) = under_way(by) {
				Jobs::on_verdict(id, Verdict::Accepted { report: report(gas) });
			}
		}
		Step::Unresolved(by, gas) => {
			if let Some(id) = under_way(by) {
				let revealed = SeatGas::truncate_from(vec![(0, gas), (1, gas / 2), (9, gas)]);
				Jobs::on_verdict(id, Verdict::Unresolved { revealed });
			}
		}
		Step::Rejected(by, seat) => {
			if let Some(id) = under_way(by) {
				Jobs::on_verdict(
					id,
					Verdict::Rejected {
						at_fault: vec![seat % 8, seat % 3],
					},
				);
			}
		}
		Step::Cancel(by) => drop(Jobs::cancel(alice(), job(by))),
		Step::TopUp(by, more, extra) => {
			let cap = JobsMap::<Test>::get(job(by)).map_or(0, |record| record.price_cap);
			let _ = Jobs::top_up(alice(), job(by), cap + more, extra);
		}
		Step::Acknowledge(by, count) => drop(Jobs::acknowledge(alice(), job(by), 0, count.into())),
		Step::Starve(starve) => {
			let step = <W as crate::WeightInfo>::end_shard();
			let little = <W as crate::WeightInfo>::tick() + step * 2;
			TickWeight::set(if starve {
				little
			} else {
				frame_support::weights::Weight::MAX
			});
		}
		// A provider spends all it has; the account goes.
		Step::Drain(by) => {
			use frame_support::traits::{fungible::Mutate, tokens::Preservation};
			let from = account(PROVIDER + by % 9);
			let all = Balances::free_balance(&from);
			if all > 0 {
				Balances::transfer(&from, &account(BOB), all, Preservation::Expendable).unwrap();
			}
		}
		Step::Claim(by) => {
			if let Some((client, payee, _)) = pick(Owed::<Test>::iter().collect(), by) {
				let _ = Jobs::claim_owed(signed(&payee), client);
			}
		}
		Step::Poke => drop(Jobs::poke(alice())),
	}
}

/// The sum of all accounts, which must be what was issued.
fn accounts() -> u128 {
	frame_system::Account::<Test>::iter_values()
		.map(|info| info.data.free + info.data.reserved)
		.sum()
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

	#[test]
	fn invariants_hold_in_every_history(steps in prop::collection::vec(step(), 1..120)) {
		new_test_ext().execute_with(|| {
			for id in PROVIDER..PROVIDER + 9 {
				Registry::add(id, ASK / 2 + u128::from(id) * (ASK / 10), 3);
				fund(&account(id), ED);
			}
			let mut supply = issuance();
			for step in steps {
				let before = System::events().len();
				apply(step.clone());
				let burned: u128 = System::events()[before..]
					.iter()
					.map(|record| match &record.event {
						RuntimeEvent::Balances(pallet_balances::Event::Burned { amount, .. }) => *amount,
						RuntimeEvent::Balances(pallet_balances::Event::BurnedHeld { amount, .. }) => *amount,
						RuntimeEvent::Balances(pallet_balances::Event::DustLost { amount, .. }) => *amount,
						_ => 0,
					})
					.sum();
				supply -= burned;
				assert_eq!(issuance(), supply, "after {step:?}");
				assert_eq!(accounts(), supply, "after {step:?}");
				if let Err(error) = Jobs::do_try_state() {
					panic!("{error:?} after {step:?}");
				}
			}
			// However it went: left alone, everything ends, and nothing but what is owed stays on hold.
			TickWeight::set(frame_support::weights::Weight::MAX);
			let client = account(ALICE);
			for _ in 0..4 {
				blocks(400);
				let sealed: Vec<_> = AssignmentsOf::<Test>::iter().map(|(_, id, seat)| (id, seat)).collect();
				for (id, seat) in sealed {
					Jobs::on_missed_reveals(id, &[seat]);
				}
				let stuck: Vec<_> = Shards::<Test>::iter_keys().collect();
				for (job, index) in stuck {
					if Shards::<Test>::get(job, index).is_some_and(|record| record.custody.is_none()) {
						Jobs::on_verdict(shard(job, index), Verdict::Unresolved { revealed: Default::default() });
					}
				}
			}
			blocks(400);
			assert_eq!(JobsMap::<Test>::iter().count(), 0);
			assert_eq!(Shards::<Test>::iter().count(), 0);
			assert!(Registry::idle());
			assert_eq!(held(ALICE), Owed::<Test>::iter_prefix_values(&client).sum::<u128>());
		});
	}
}
