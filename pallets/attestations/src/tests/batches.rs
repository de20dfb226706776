//! Batches of seals and reveals.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};

fn failures() -> Vec<(u32, DispatchError)> {
	let failed = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Attestations(Event::ItemFailed { index, error }) => Some((index, error)),
		_ => None,
	};
	System::events().into_iter().filter_map(failed).collect()
}

fn seal_item(n: u8, shard: ShardId) -> SealItem {
	SealItem {
		shard,
		seal: sealed(shard, 0, n, report(1, 5)),
	}
}

fn reveal_item(shard: ShardId) -> RevealItem {
	RevealItem {
		shard,
		report: report(1, 5),
		salt: SALT,
	}
}

fn seal_many(n: u8, items: Vec<SealItem>) -> DispatchResultWithPostInfo {
	dispatch(
		n,
		Call::seal_many {
			items: items.try_into().expect("at most 32"),
		},
	)
}

fn reveal_many(n: u8, items: Vec<RevealItem>) -> DispatchResultWithPostInfo {
	dispatch(
		n,
		Call::reveal_many {
			items: items.try_into().expect("at most 32"),
		},
	)
}

#[test]
fn a_full_batch_does_as_many_single_calls_would_and_is_free() {
	run(|| {
		let shards: Vec<_> = (0..MAX_BATCH).map(|index| open(index, &[1, 2])).collect();
		for n in [1, 2] {
			let info = seal_many(n, shards.iter().map(|shard| seal_item(n, *shard)).collect()).expect("accepted");
			assert_eq!(info.pays_fee, Pays::No);
		}
		for n in [1, 2] {
			let info = reveal_many(n, shards.iter().map(|shard| reveal_item(*shard)).collect()).expect("accepted");
			assert_eq!(info.pays_fee, Pays::No);
			assert!(info
				.actual_weight
				.expect("measured")
				.all_lte(weights::SubstrateWeight::<Test>::reveal_many(MAX_BATCH)));
		}
		assert_eq!(Verdicts::get().len(), shards.len());
		assert_eq!(failures(), vec![]);
		assert_eq!(Alive::get(provider(1)), 2);
	});
}

#[test]
fn an_item_that_fails_is_reported_and_harms_no_other_but_the_fee_is_due() {
	run(|| {
		let (first, second) = (open(0, &[1, 2]), open(1, &[3, 2]));
		let items = vec![
			seal_item(1, first),
			seal_item(1, first),
			seal_item(1, second),
			seal_item(1, shard(9)),
		];
		assert_eq!(seal_many(1, items).map(|info| info.pays_fee), Ok(Pays::Yes));
		assert_eq!(
			failures(),
			vec![
				(1, Error::<Test>::AlreadySealed.into()),
				(2, Error::<Test>::NotAssigned.into()),
				(3, Error::<Test>::UnknownShard.into()),
			]
		);
		assert_eq!(
			Evidence::<Test>::get(first).map(|evidence| evidence.entries.len()),
			Some(1)
		);
		System::reset_events();

		assert_ok!(seal_many(2, vec![seal_item(2, first), seal_item(2, second)]));
		assert_ok!(seal_many(3, vec![seal_item(3, second)]));
		let wrong = RevealItem {
			salt: [0; 32],
			..reveal_item(first)
		};
		let info = reveal_many(2, vec![wrong, reveal_item(second)]).expect("accepted");
		assert_eq!(info.pays_fee, Pays::Yes);
		assert_eq!(failures(), vec![(0, Error::<Test>::SealMismatch.into())]);
		assert_ok!(reveal(3, second, report(1, 5)));
		assert_eq!(Verdicts::get().len(), 1);
	});
}

#[test]
fn what_jobs_refuse_is_rolled_back_item_by_item() {
	run(|| {
		let (first, second) = (open(0, &[1, 2]), open(1, &[2, 1]));
		Refused::set(Some(1));
		assert_ok!(seal_many(1, vec![seal_item(1, first), seal_item(1, second)]));
		assert_eq!(failures(), vec![(1, DispatchError::Other(""))]);
		assert_eq!(
			Evidence::<Test>::get(first).map(|evidence| evidence.entries.len()),
			Some(1)
		);
		assert_eq!(
			Evidence::<Test>::get(second).map(|evidence| evidence.entries.len()),
			Some(0)
		);
	});
}

#[test]
fn a_batch_of_failures_is_no_sign_of_life() {
	run(|| {
		assert_ok!(seal_many(1, vec![seal_item(1, shard(9))]));
		assert_eq!(Alive::get(provider(1)), 0);
	});
}

#[test]
fn an_empty_batch_is_refused_since_it_would_be_free() {
	run(|| {
		assert_noop!(seal_many(1, vec![]), Error::<Test>::EmptyBatch);
		assert_noop!(reveal_many(1, vec![]), Error::<Test>::EmptyBatch);
	});
}
