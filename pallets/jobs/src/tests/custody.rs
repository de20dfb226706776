//! Custody: acknowledged, or over by itself.

use super::*;
use crate::{Event, Jobs as JobsMap};
use frame_support::{assert_noop, weights::Weight};
use millrace_primitives::MILL;

#[test]
fn the_withheld_part_is_paid_when_custody_ends_by_itself() {
	run(2, || {
		let id = assigned(1, 2);
		let provider = holder(id, 0);
		let holders = [provider, holder(id, 1)];
		finish(id, 1_000_000_000);
		let until = Jobs::shard_views(id.job, 0, 1)[0].custody_until.unwrap();
		assert_eq!(until, 4 + 50);
		assert_eq!(free(provider), MILL + ASK * 9 / 10);
		blocks(49);
		assert!(exists(id));
		next_block();
		assert!(!exists(id));
		assert_eq!(free(provider), MILL + ASK);
		assert!(seen(Event::CustodyEnded {
			shard: id,
			paid: 2 * (ASK / 10),
			storage: [0, 1].map(|seat| (account(holders[seat]), 0)).to_vec(),
			refunded: 0,
		}));
		assert!(JobsMap::<Test>::get(id.job).is_none());
	});
}

#[test]
fn a_range_is_acknowledged_at_once_and_running_shards_are_passed_over() {
	run(4, || {
		for id in PROVIDER..PROVIDER + 4 {
			Registry::edit(id, |p| p.slots = 10);
		}
		let job = submit(spec(4, 2));
		blocks(8);
		for index in [0, 2] {
			finish(shard(job, index), 1_000);
		}
		type E = crate::Error<Test>;
		assert_noop!(Jobs::acknowledge(alice(), job, 1, 1), E::NothingInCustody);
		assert_noop!(Jobs::acknowledge(alice(), job, 0, 0), E::NothingInCustody);
		assert_noop!(Jobs::acknowledge(alice(), job, u32::MAX, 64), E::NothingInCustody);
		assert_noop!(Jobs::acknowledge(alice(), job, 0, 65), E::TooManyShards);
		assert_noop!(Jobs::acknowledge(signed(&account(BOB)), job, 0, 1), E::NotClient);
		assert_noop!(Jobs::acknowledge(alice(), JobId(77), 0, 1), E::UnknownJob);
		let post = Jobs::acknowledge(alice(), job, 0, 64).unwrap();
		let declared = <W as crate::WeightInfo>::acknowledge(64);
		assert!(post.actual_weight.unwrap().all_lt(declared));
		assert!(post.actual_weight.unwrap().any_gt(Weight::zero()));
		assert!(!exists(shard(job, 0)) && exists(shard(job, 1)) && !exists(shard(job, 2)));
		for index in [1, 3] {
			finish(shard(job, index), 1_000);
			Jobs::acknowledge(alice(), job, index, 1).unwrap();
		}
		assert!(JobsMap::<Test>::get(job).is_none());
	});
}

#[test]
fn terms_are_those_of_the_assignment_whatever_governance_does() {
	run(2, || {
		let id = assigned(1, 2);
		let provider = holder(id, 0);
		let mut changed = params();
		changed.fee_share = sp_runtime::Permill::from_percent(90);
		changed.custody_share = sp_runtime::Permill::from_percent(100);
		changed.custody_period = 1;
		Params::set(changed);
		let before = issuance();
		finish(id, 1_000_000_000);
		assert_eq!(free(provider), MILL + ASK * 9 / 10);
		assert_eq!(before - issuance(), 2 * ASK / 20 * 4 / 5);
		assert_eq!(Jobs::shard_views(id.job, 0, 1)[0].custody_until, Some(54));
	});
}
