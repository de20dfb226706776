//! Which calls have room in every block, and for whom.

use super::*;
use crate::Call;
use frame_support::{
	assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo},
	traits::UnfilteredDispatchable,
	weights::Weight,
};
use millrace_court::demand::{Answer, ShownChunk, CHUNK};
use millrace_primitives::job::DeclineReason;

fn accept(shard: ShardId) -> Call<Test> {
	Call::accept { shard }
}

fn decline(shard: ShardId) -> Call<Test> {
	let reason = DeclineReason::NoCapacity;
	Call::decline { shard, reason }
}

#[test]
fn it_is_the_holders_and_nobody_elses() {
	run(3, || {
		let id = assigned(1, 2);
		let (first, second) = (holder(id, 0), holder(id, 1));
		let other = (PROVIDER..PROVIDER + 3)
			.find(|id| ![first, second].contains(id))
			.unwrap();
		for call in [accept(id), decline(id)] {
			for who in [first, second] {
				assert!(Jobs::is_due(&operator(who), &call));
				assert!(
					!Jobs::is_due(&account(who), &call),
					"its provider's own key is not its operator's"
				);
			}
			assert!(!Jobs::is_due(&operator(other), &call));
			assert!(!Jobs::is_due(&account(ALICE), &call));
		}
		assert!(!Jobs::is_due(&operator(first), &accept(shard(JobId(7), 0))));
	});
}

#[test]
fn what_is_due_succeeds_and_what_is_not_fails() {
	run(3, || {
		let id = assigned(1, 2);
		let (first, second) = (holder(id, 0), holder(id, 1));
		let agree = |who: u8, call: Call<Test>| {
			let due = Jobs::is_due(&operator(who), &call);
			let result = frame_support::storage::with_storage_layer(|| {
				assert_ok!(call.clone().dispatch_bypass_filter(signed(&operator(who))));
				Err::<(), _>(sp_runtime::DispatchError::Other("undone"))
			});
			assert!(due && result.is_err());
		};
		let refuse = |who: u8, call: Call<Test>| {
			assert!(!Jobs::is_due(&operator(who), &call));
			assert!(call.dispatch_bypass_filter(signed(&operator(who))).is_err());
		};
		agree(first, accept(id));
		assert_ok!(Jobs::accept(signed(&operator(first)), id));
		// It waits for the other: it may leave, and not accept twice.
		refuse(first, accept(id));
		agree(first, decline(id));
		agree(second, accept(id));
		assert_ok!(Jobs::accept(signed(&operator(second)), id));
		for who in [first, second] {
			refuse(who, accept(id));
			refuse(who, decline(id));
		}
	});
}

#[test]
fn calls_of_others_are_ordinary() {
	let id = shard(JobId(0), 0);
	let answer = Call::answer {
		shard: id,
		task: 0,
		answer: Answer::Chunk(ShownChunk::of(&[7; CHUNK as usize], 0).unwrap()),
	};
	for call in [accept(id), decline(id), answer] {
		assert_eq!(call.get_dispatch_info().class, DispatchClass::Operational);
		assert!(Jobs::lane(&call).is_some_and(|weight| weight.any_gt(Weight::zero())));
		assert!(call.get_dispatch_info().call_weight.all_lte(Jobs::dearest_of_lane()));
	}
	let others: [Call<Test>; 3] = [
		Call::poke {},
		Call::cancel { job: JobId(0) },
		Call::acknowledge {
			job: JobId(0),
			first: 0,
			count: 1,
		},
	];
	for call in others {
		assert_eq!(call.get_dispatch_info().class, DispatchClass::Normal);
		assert!(Jobs::lane(&call).is_none());
		assert!(!Jobs::is_due(&account(ALICE), &call));
	}
}
