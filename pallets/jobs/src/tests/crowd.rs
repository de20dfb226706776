//! Points and reputation follow from draws alone whose outcome nobody can be sure of.

use super::*;
use crate::Event;

/// What a job's only shard came to: whether it counts, and what its seats were paid.
fn settled(job: JobId) -> (bool, u128) {
	let id = shard(job, 0);
	finish(id, 1_000_000_000);
	let settlement = SETTLED.with_borrow_mut(|all| all.pop()).expect("it was told");
	let paid: u128 = settlement.payments.iter().map(|payment| payment.amount).sum();
	let counted = System::events().into_iter().find_map(|record| match record.event {
		RuntimeEvent::Jobs(Event::ShardSettled { shard, counted, .. }) if shard == id => Some(counted),
		_ => None,
	});
	assert_eq!(counted, Some(settlement.counted), "the event says what is told");
	(settlement.counted, paid)
}

#[test]
fn two_accounts_that_are_sure_of_each_other_earn_no_reputation() {
	for (providers, counts) in [(2, false), (7, false), (8, true), (20, true)] {
		run(providers, || {
			Params::mutate(|params| params.least_crowd = 8);
			let job = submit(spec(1, 2));
			blocks(5);
			// They are paid all the same.
			assert_eq!(settled(job), (counts, 2 * ASK), "{providers} providers");
		});
	}
}

#[test]
fn those_who_ask_too_much_are_no_crowd() {
	// They stand in the pool from which the mock draws; all looks but a few are in vain.
	run(40, || {
		for id in PROVIDER + 2..PROVIDER + 40 {
			Registry::edit(id, |provider| provider.ask = CAP + 1);
		}
		for id in [PROVIDER, PROVIDER + 1] {
			Registry::edit(id, |provider| provider.slots = 100);
		}
		Params::mutate(|params| params.least_crowd = 8);
		let mut counted = 0;
		for _ in 0..20 {
			let job = submit(spec(1, 2));
			while !exists(shard(job, 0)) {
				Jobs::top_up(alice(), job, CAP, 0).unwrap();
				blocks(4);
			}
			counted += u32::from(Shards::<Test>::get(job, 0).unwrap().terms.crowded);
			Jobs::cancel(alice(), job).unwrap();
		}
		assert!(counted <= 5, "{counted} of 20");
	});
}

#[test]
fn what_counts_is_fixed_when_a_shard_starts() {
	run(2, || {
		Params::mutate(|params| params.least_crowd = 2);
		let job = submit(spec(1, 2));
		blocks(5);
		Params::mutate(|params| params.least_crowd = 255);
		assert!(settled(job).0);
	});
}
