//! What keeping outputs costs: to whom it is paid, for how long, and what is at stake for it.

use super::*;
use crate::{Event, Forfeit, Jobs as JobsMap};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{job::MAX_TASK_DATA, params::JobsParams, MarketBlock};

/// The custody period.
const PERIOD: u32 = 50;
/// So much output of a task that keeping it all the time counts as a Ggas.
const OUTPUT: u32 = 1 << 20;
const RATE: u64 = 1_000_000_000 / PERIOD as u64;

fn price(storage_rate: u64, custody_period: MarketBlock) {
	Params::set(JobsParams {
		storage_rate,
		custody_period,
		..params()
	});
}

/// A job of so many tasks in one shard of two seats, of a Ggas and a MiB each.
fn large(tasks: u32) -> millrace_primitives::JobSpec {
	let mut spec = spec(tasks, 2);
	spec.shard_size = tasks;
	spec.limits.output = OUTPUT;
	spec
}

/// Its shard, drawn.
fn drawn(tasks: u32) -> ShardId {
	let id = shard(submit(large(tasks)), 0);
	blocks(4);
	id
}

/// When nobody could seal it any more.
fn closed_at(id: ShardId) -> MarketBlock {
	let record = crate::Shards::<Test>::get(id.job, id.index).unwrap();
	record.closed.expect("all have sealed")
}

/// Two providers that ask differently.
fn two() {
	Registry::edit(PROVIDER, |provider| provider.ask = ASK);
	Registry::edit(PROVIDER + 1, |provider| provider.ask = CAP);
}

fn ask(provider: u8) -> u128 {
	if provider == PROVIDER {
		ASK
	} else {
		CAP
	}
}

#[test]
fn each_seat_is_paid_at_its_own_ask_for_as_long_as_it_kept_them() {
	for (before, after, acknowledged) in [
		(0, 0, true),
		(9, 0, true),
		(0, 7, true),
		(3, 48, true),
		(0, PERIOD, false),
	] {
		run(2, || {
			two();
			price(RATE, PERIOD);
			let id = drawn(2);
			let holders = [holder(id, 0), holder(id, 1)];
			accept_all(id);
			seal_all(id);
			let since = closed_at(id);
			// They have them while the court decides.
			blocks(before);
			finish(id, 1_000_000_000);
			let earned = holders.map(ask);
			let (mut free_before, on_hold) = (holders.map(free), held(ALICE));
			// Two tasks: keeping counts as 2 Ggas, computing took one. A tenth of the pay is withheld.
			assert_eq!(
				on_hold,
				earned.iter().map(|pay| 2 * pay + pay / 10).sum::<u128>(),
				"what is held on"
			);
			blocks(after);
			let now = Jobs::now_block();
			if acknowledged {
				assert_ok!(Jobs::acknowledge(alice(), id.job, 0, 1));
			}
			assert!(!exists(id));
			let mut paid = Vec::new();
			for (seat, provider) in holders.iter().enumerate() {
				let kept = u128::from((now - since).min(PERIOD));
				let due = 2 * ask(*provider) * kept / u128::from(PERIOD);
				assert_eq!(due > 0, before + after > 0);
				free_before[seat] += ask(*provider) / 10 + due;
				assert_eq!(free(*provider), free_before[seat]);
				paid.push((account(*provider), due));
			}
			let whole: u128 = earned.iter().map(|pay| 2 * pay).sum();
			let cost: u128 = paid.iter().map(|(_, due)| due).sum();
			assert!(acknowledged || cost == whole, "whoever waits pays for all of it");
			assert!(seen(Event::CustodyEnded {
				shard: id,
				paid: earned.iter().map(|pay| pay / 10).sum(),
				storage: paid,
				refunded: whole - cost,
			}));
			assert_eq!(held(ALICE), 0);
			assert!(JobsMap::<Test>::get(id.job).is_none());
		});
	}
}

#[test]
fn what_is_held_and_at_stake_has_it_in_it() {
	run(2, || {
		price(RATE, PERIOD);
		let cost = |spec: &millrace_primitives::JobSpec| {
			let quote = Jobs::quote(spec).unwrap();
			(quote.escrow, quote.payments, quote.storage, quote.liability)
		};
		let spec = large(3);
		let mut without = spec.clone();
		without.limits.output = 0;
		let fee = |amount: u128| amount / 20;
		// Three tasks of a Ggas for each of two seats, and 5 % for the protocol. The mock's verifier has thrice the cap at stake.
		let pay = 6 * CAP;
		assert_eq!(cost(&without), (pay + fee(pay), pay, 0, 9 * CAP));
		// As much again for keeping, and what a seat can earn is twice as much in the eyes of the verifier.
		assert_eq!(cost(&spec), (2 * (pay + fee(pay)) + pay, pay, pay, 18 * CAP));
		let id = drawn(3);
		assert_eq!(held(ALICE), 2 * (pay + fee(pay)) + pay);
		let record = Jobs::running(id).unwrap();
		assert_eq!((record.storage, record.terms.seat_cap), (pay, 6 * CAP));
		assert_eq!(Jobs::escrow(id), 2 * (pay + fee(pay)), "the verifier has no part in it");
		assert_eq!(Registry::get(holder(id, 0)).liability, 18 * CAP);
	});
}

#[test]
fn it_comes_back_where_nobody_keeps_anything() {
	// Nobody ever accepts, so the shard is given up.
	run(2, || {
		price(RATE, PERIOD);
		let before = free(ALICE);
		let id = drawn(1);
		let spent = before - held(ALICE) - free(ALICE);
		Jobs::cancel(alice(), id.job).unwrap();
		blocks(200);
		assert!(!exists(id));
		assert_eq!((held(ALICE), free(ALICE)), (0, before - spent));
	});
	// Nothing was accepted, and one of two was paid all the same.
	run(2, || {
		price(RATE, PERIOD);
		let id = drawn(1);
		accept_all(id);
		seal_all(id);
		let mut ending = accepted(id, 1_000_000_000);
		ending.report = None;
		ending.earned.truncate(1);
		Evidence::end(id, ending);
		assert!(!exists(id));
		assert_eq!(held(ALICE), 0);
		Jobs::do_try_state().unwrap();
	});
	// Only one of two has sealed: the other keeps nothing.
	run(2, || {
		price(RATE, PERIOD);
		let id = drawn(1);
		accept_all(id);
		Evidence::seal(id, 0).unwrap();
		let keeper = holder(id, 0);
		blocks(60);
		let at = closed_at(id);
		blocks(PERIOD + 1);
		reveal_all(id);
		Evidence::end(id, accepted(id, 1_000_000_000));
		Jobs::do_try_state().unwrap();
		let before = free(keeper);
		assert!(Jobs::now_block() - at > PERIOD);
		assert_ok!(Jobs::acknowledge(alice(), id.job, 0, 1));
		// The longest time that counts is the custody period, though it had them for longer.
		assert_eq!(free(keeper), before + ASK + ASK / 10);
		assert!(seen(Event::CustodyEnded {
			shard: id,
			paid: ASK / 10,
			storage: vec![(account(keeper), ASK)],
			refunded: 0
		}));
	});
}

#[test]
fn who_does_not_show_what_is_demanded_is_not_paid_for_keeping_it() {
	run(2, || {
		price(RATE, PERIOD);
		let id = drawn(1);
		let holders = [holder(id, 0), holder(id, 1)];
		finish(id, 1_000_000_000);
		let since = closed_at(id);
		blocks(2);
		assert_ok!(Jobs::demand_outcome(alice(), id, 0));
		let deposit = held(ALICE) - 2 * (ASK + ASK / 10);
		let before = holders.map(free);
		let supply = issuance();
		blocks(21);
		assert!(!exists(id));
		assert_eq!(holders.map(free), before);
		let now = Jobs::now_block();
		let kept = ASK * u128::from(now - since) / u128::from(PERIOD);
		let lost: Vec<_> = (0..2)
			.map(|seat| Forfeit {
				provider: account(holders[seat]),
				withheld: ASK / 10,
				storage: kept,
				bound: ASK,
			})
			.collect();
		let burned: u128 = lost.iter().map(|lost| lost.withheld + lost.storage).sum();
		assert!(seen(Event::CustodyFailed {
			shard: id,
			deposits: deposit,
			refunded: 2 * ASK - 2 * kept,
			lost,
		}));
		assert_eq!(supply - issuance(), burned);
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_job_is_promised_its_price_and_its_time_at_submission() {
	run(2, || {
		price(RATE, PERIOD);
		let job = submit(large(1));
		price(1_000 * RATE, 4);
		blocks(4);
		let id = shard(job, 0);
		let provider = holder(id, 0);
		finish(id, 1_000_000_000);
		assert_eq!(
			Jobs::shard_views(job, 0, 1)[0].custody_until,
			Some(Jobs::now_block() + PERIOD)
		);
		let before = free(provider);
		blocks(PERIOD);
		assert_eq!(free(provider), before + ASK + ASK / 10);
		// And what comes later has what holds then.
		assert!(Jobs::quote(&large(1)).unwrap().storage > 70 * 2 * CAP);
	});
}

#[test]
fn shards_that_start_after_a_top_up_have_the_higher_price_in_both() {
	run(4, || {
		price(RATE, PERIOD);
		let mut spec = large(1);
		spec.tasks = 8;
		let job = submit(spec);
		blocks(3);
		let before = held(ALICE);
		let started = JobsMap::<Test>::get(job).unwrap().cursor;
		assert!(started > 0 && started < 8);
		assert_ok!(Jobs::top_up(alice(), job, 2 * CAP, 0));
		// Each waiting shard: two seats of computing and keeping with 5 % on both, and keeping once more.
		let more = 2 * (2 * CAP * 21 / 20 + CAP);
		assert_eq!(held(ALICE), before + u128::from(8 - started) * more);
		blocks(6);
		let cursor = JobsMap::<Test>::get(job).unwrap().cursor;
		assert!(cursor > started);
		let storage = |index| Jobs::running(shard(job, index)).unwrap().storage;
		assert_eq!((storage(0), storage(cursor - 1)), (2 * CAP, 4 * CAP));
	});
}

#[test]
fn the_largest_outputs_for_the_longest_time_are_refused_for_money_not_for_arithmetic() {
	run(2, || {
		// What the runtime's limits allow: a year, 200 times the rate of today.
		price(1_000_000, 10_519_200);
		publish();
		let mut spec = large(4_096);
		spec.limits.output = MAX_TASK_DATA;
		assert_noop!(
			Jobs::submit(alice(), spec.clone()),
			crate::Error::<Test>::InsufficientFunds
		);
		// Computing costs next to nothing, keeping is what no number holds.
		spec.limits.gas = 1;
		spec.price_cap = u128::MAX / 1_000_000_000_000_000_000;
		assert_noop!(Jobs::submit(alice(), spec), crate::Error::<Test>::TooExpensive);
	});
}
