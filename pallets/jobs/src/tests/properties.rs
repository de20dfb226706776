//! Whatever anybody does in whatever order: every invariant holds after each step, and no planck appears or vanishes
//! but by the fees that are burned.

use super::*;
use crate::{AssignmentsOf, Demands, Jobs as JobsMap, NextJob, Owed, Place, Shards};
use millrace_court::demand::{Answer, Part, ShownChunk, ShownOutcome};
use millrace_primitives::{
	job::DeclineReason,
	machine::blob,
	outcome,
	params::JobsParams,
	traits::{Alarm, Stake},
	Blob, Outcome, Status,
};
use proptest::prelude::*;
use sp_runtime::Perbill;
use std::{collections::BTreeMap, sync::LazyLock};

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
	/// All seats of a shard that are assigned.
	AcceptAll(u8),
	Decline(u8),
	Seal(u8),
	Reveal(u8),
	/// A report of a shard that is closed is accepted, of so much gas.
	Accepted(u8, u64),
	/// A shard ends as the verifier likes: with a report or without, parts of its reserve to all kinds of payees.
	Ended(u8, bool, bool, [u8; 7]),
	/// What a provider has at stake from now on.
	Stake(u8, u128, u128),
	Remind(u8, u32),
	Cancel(u8),
	TopUp(u8, u128, u32),
	Acknowledge(u8, u8),
	/// An outcome or a chunk of a shard in custody.
	Demand(u8, u8, Option<u8>),
	/// Something that is demanded, by the seat of this number if it can be shown at all.
	Answer(u8, u8),
	/// Another price of keeping outputs, and another time for it, from now on.
	Govern(u64, u32),
	Starve(bool),
	Drain(u8),
	Claim(u8),
	Poke,
}

fn step() -> impl Strategy<Value = Step> {
	let index = any::<u8>;
	prop_oneof![
		2 => (1u32..40, 1u32..10, 1u8..=7, 1u32..120, 1u64..3_000_000_000, ASK / 2..2 * CAP)
			.prop_map(|(tasks, size, replicas, deadline, gas, cap)| Step::Submit { tasks, size, replicas, deadline, gas, cap }),
		8 => (1u8..6).prop_map(Step::Tick),
		2 => (20u8..60).prop_map(Step::Tick),
		1 => (1u8..5).prop_map(Step::Dark),
		3 => index().prop_map(Step::Accept),
		6 => index().prop_map(Step::AcceptAll),
		2 => index().prop_map(Step::Decline),
		8 => index().prop_map(Step::Seal),
		6 => index().prop_map(Step::Reveal),
		3 => (index(), 0u64..30_000_000_000).prop_map(|(pick, gas)| Step::Accepted(pick, gas)),
		1 => (index(), any::<bool>(), any::<bool>(), any::<[u8; 7]>())
			.prop_map(|(pick, report, counted, parts)| Step::Ended(pick, report, counted, parts)),
		1 => (index(), 0..10 * CAP, 0..CAP).prop_map(|(pick, liability, late)| Step::Stake(pick, liability, late)),
		1 => (index(), 0u32..200).prop_map(|(pick, at)| Step::Remind(pick, at)),
		1 => index().prop_map(Step::Cancel),
		1 => (index(), 0..CAP, 0u32..60).prop_map(|(pick, more, extra)| Step::TopUp(pick, more, extra)),
		2 => (index(), index()).prop_map(|(pick, count)| Step::Acknowledge(pick, count)),
		4 => (index(), index(), proptest::option::of(index())).prop_map(|(pick, task, chunk)| Step::Demand(pick, task, chunk)),
		4 => (index(), index()).prop_map(|(pick, seat)| Step::Answer(pick, seat)),
		1 => (0u64..60_000_000_000, 1u32..90).prop_map(|(rate, period)| Step::Govern(rate, period)),
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

fn under_way(by: u8, closed: bool) -> Option<ShardId> {
	let mut all: Vec<_> = Shards::<Test>::iter()
		.filter(|(_, _, record)| record.custody.is_none() && (record.closed.is_some() || !closed))
		.map(|(job, index, _)| shard(job, index))
		.collect();
	all.sort();
	pick(all, by)
}

fn held_seats() -> Vec<(ShardId, u8, u8)> {
	let mut all: Vec<_> = AssignmentsOf::<Test>::iter()
		.filter(|(_, _, place)| !place.kept)
		.map(|(provider, id, Place { seat, .. })| {
			let bytes: &[u8; 32] = provider.as_ref();
			(id, seat, bytes[0])
		})
		.collect();
	all.sort();
	all
}

fn held_seat(by: u8) -> Option<(ShardId, u8, u8)> {
	pick(held_seats(), by)
}

fn job(by: u8) -> JobId {
	JobId(u64::from(by) % NextJob::<Test>::get().0.max(1))
}

/// Parts of what is held for a shard, in sum up to a third more than there is, to payees of all kinds.
fn any_ending(id: ShardId, with_report: bool, counted: bool, parts: [u8; 7]) -> Ending {
	let reserve = Jobs::escrow(id);
	let [amount, fee, provider, more, burn, client, which] = parts;
	let part = |of: u8| reserve * u128::from(of) / 1_275;
	let payee = |n: u8| match n % 3 {
		0 => account(PROVIDER + n % 9),
		// Somebody without an account.
		_ => account(240 + n % 2),
	};
	Ending {
		report: with_report.then(|| report(u64::from(amount))),
		counted,
		transfers: vec![
			(Payee::Provider(payee(which)), part(provider)),
			(Payee::Fee, part(more)),
			(Payee::Burn, part(burn)),
			(Payee::Provider(payee(which / 2)), u128::from(more)),
			(Payee::Client, part(client)),
		],
		earned: (0..=which % 8)
			.map(|seat| {
				let record = Jobs::running(id);
				let holder = record.as_ref().and_then(|record| record.holder(seat));
				let sealed = holder.filter(|holder| holder.state >= SeatState::Sealed);
				let amount = part(amount) / 3;
				Earned {
					seat,
					amount,
					fee: part(fee) / 3,
					bound: sealed.map_or(0, |holder| amount.min(holder.stake.liability)),
				}
			})
			.collect(),
	}
}

/// The output of a task of any shard.
fn output(task: u32) -> Vec<u8> {
	super::demands::bytes(task as usize % 8 * 11_000)
}

/// The outcomes of a shard's tasks, of so much gas together, all of it the first one's.
fn outcomes(id: ShardId, gas: u64) -> Vec<Outcome> {
	let spec = JobsMap::<Test>::get(id.job).unwrap().spec;
	static BLOBS: LazyLock<Vec<Blob>> = LazyLock::new(|| (0..8).map(|task| blob(&output(task)).unwrap()).collect());
	let outcome = |task: u32| Outcome {
		status: Status::Success,
		code: 0,
		output: BLOBS[task as usize % 8],
		errors: [0; 32],
		gas_used: if task == 0 { gas } else { 0 },
	};
	(0..spec.tasks_in(id.index)).map(outcome).collect()
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
		Step::AcceptAll(by) => {
			if let Some(id) = under_way(by, false) {
				accept_all(id);
			}
		}
		Step::Decline(by) => {
			if let Some((id, _, provider)) = held_seat(by) {
				let _ = Jobs::decline(signed(&operator(provider)), id, DeclineReason::NoCapacity);
			}
		}
		Step::Seal(by) => {
			let may_seal = |(id, seat, _): &(ShardId, u8, u8)| {
				let record = Jobs::running(*id);
				let holder = record.as_ref().and_then(|record| record.holder(*seat));
				holder.is_some_and(|holder| holder.state == SeatState::Accepted && holder.may_compute())
			};
			// Mostly one that may, or nothing would ever come of it.
			let (may, any): (Vec<_>, Vec<_>) = held_seats().into_iter().partition(may_seal);
			if let Some((id, seat, _)) = pick(if by % 8 == 0 { any } else { may }, by) {
				let _ = Evidence::seal(id, seat);
			}
		}
		Step::Reveal(by) => {
			if let Some((id, seat, _)) = held_seat(by) {
				if SEALED.with_borrow(|all| all.contains(&(id, seat))) {
					Evidence::reveal(id, seat);
				}
			}
		}
		Step::Accepted(by, gas) => {
			if let Some(id) = under_way(by, true) {
				let report = outcome::report(&outcomes(id, gas));
				Evidence::end(
					id,
					Ending {
						report,
						..accepted(id, gas)
					},
				);
			}
		}
		Step::Ended(by, with_report, counted, parts) => {
			if let Some(id) = under_way(by, false) {
				Evidence::end(id, any_ending(id, with_report, counted, parts));
			}
		}
		Step::Stake(by, liability, late) => {
			let p = Perbill::one();
			let stake = (liability > 0).then_some(Stake { p, liability, late });
			STAKES.with_borrow_mut(|all| all.insert(account(PROVIDER + by % 9), stake));
		}
		Step::Remind(by, at) => Jobs::remind(Alarm::Shard(shard(job(by), 0)), at),
		Step::Cancel(by) => drop(Jobs::cancel(alice(), job(by))),
		Step::TopUp(by, more, extra) => {
			let cap = JobsMap::<Test>::get(job(by)).map_or(0, |record| record.price_cap);
			let _ = Jobs::top_up(alice(), job(by), cap + more, extra);
		}
		Step::Demand(by, task, chunk) => {
			let mut all: Vec<_> = Shards::<Test>::iter()
				.filter(|(_, _, record)| record.custody.is_some())
				.map(|(job, index, _)| shard(job, index))
				.collect();
			all.sort();
			let Some(id) = pick(all, by) else { return };
			let gas = Jobs::kept(id)
				.and_then(|kept| kept.custody)
				.map_or(0, |custody| custody.report.gas_used);
			let _ = match chunk {
				None => Jobs::demand_outcome(alice(), id, u32::from(task) % 11),
				Some(chunk) => {
					let outcomes = outcomes(id, gas);
					let task = u32::from(task) % outcomes.len() as u32;
					let shown = ShownOutcome::of(&outcomes, task).unwrap();
					Jobs::demand_chunk(alice(), id, task, u32::from(chunk) % 4, shown)
				}
			};
		}
		Step::Answer(by, seat) => {
			let mut all: Vec<_> = Demands::<Test>::iter_keys().collect();
			all.sort();
			let Some((id, wanted)) = pick(all, by) else { return };
			let kept = Jobs::kept(id).unwrap();
			let outcomes = outcomes(id, kept.custody.as_ref().unwrap().report.gas_used);
			let answer = match wanted.part {
				Part::Outcome => Answer::Outcome(ShownOutcome::of(&outcomes, wanted.task).unwrap()),
				Part::Chunk(chunk) => Answer::Chunk(ShownChunk::of(&output(wanted.task), chunk).unwrap()),
			};
			if let Some(holder) = kept.holder(seat % kept.seats.len() as u8) {
				let bytes: &[u8; 32] = holder.provider.as_ref();
				let _ = Jobs::answer(signed(&operator(bytes[0])), id, wanted.task, answer);
			}
		}
		Step::Acknowledge(by, count) => drop(Jobs::acknowledge(alice(), job(by), 0, count.into())),
		Step::Govern(storage_rate, custody_period) => Params::set(JobsParams {
			storage_rate,
			custody_period,
			..params()
		}),
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

/// What each provider has reserved is what its seats have at stake, and its slots those of seats that have not sealed. What
/// it lost is what it was late for, and what it did not show.
fn check_registry() {
	let mut expected: BTreeMap<u8, (u128, u16)> = BTreeMap::new();
	for record in Shards::<Test>::iter_values() {
		for holder in record.seats.iter().filter_map(|seat| seat.holder.as_ref()) {
			let bytes: &[u8; 32] = holder.provider.as_ref();
			let (liability, used) = expected.entry(bytes[0]).or_default();
			*liability += holder.stake.liability;
			*used += u16::from(record.custody.is_none() && holder.state < SeatState::Sealed);
		}
	}
	let mut lost: BTreeMap<u8, u128> = BTreeMap::new();
	let mut lose = |provider: millrace_primitives::AccountId, amount| {
		let bytes: &[u8; 32] = provider.as_ref();
		*lost.entry(bytes[0]).or_default() += amount;
	};
	for record in System::events() {
		let RuntimeEvent::Jobs(event) = record.event else {
			continue;
		};
		match event {
			crate::Event::CustodyFailed { lost, .. } => {
				lost.into_iter().for_each(|lost| lose(lost.provider, lost.bound))
			}
			crate::Event::SeatVacated {
				provider,
				cause,
				slashed,
				..
			} => {
				assert!(slashed == 0 || cause == crate::Cause::Late);
				lose(provider, slashed);
			}
			_ => {}
		}
	}
	for id in PROVIDER..PROVIDER + 9 {
		let provider = Registry::get(id);
		let (liability, used) = expected.remove(&id).unwrap_or_default();
		assert_eq!((provider.liability, provider.used), (liability, used));
		assert_eq!(provider.slashed, lost.remove(&id).unwrap_or_default());
	}
	assert!(expected.is_empty());
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
				check_registry();
			}
			// However it went: left alone, everything ends, and nothing but what is owed stays on hold.
			TickWeight::set(frame_support::weights::Weight::MAX);
			let client = account(ALICE);
			for _ in 0..4 {
				blocks(400);
				check_registry();
				// Whoever sealed left the others behind long ago.
				for (job, index, record) in Shards::<Test>::iter().collect::<Vec<_>>() {
					assert!(record.closed.is_some() || record.custody.is_some() || !record.any_reached(SeatState::Sealed));
					if record.closed.is_some() && record.custody.is_none() {
						Evidence::end(shard(job, index), any_ending(shard(job, index), false, false, [0; 7]));
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
