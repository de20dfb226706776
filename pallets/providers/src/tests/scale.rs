//! What entering, leaving and drawing cost does not depend on how many providers there are.
//!
//! Counted are writes (keys in the overlay) and trie nodes in the recorded proof. The latter grow with the depth of the
//! trie, that is with the logarithm of the number of providers, and with nothing else.

use crate::mock::*;
use frame_support::assert_ok;
use millrace_primitives::{
	provider::{ProviderInfo, MAX_DRAWS},
	traits::ProviderRegistry,
	Hash,
};

const FEW: u32 = 10;
const MANY: u32 = 10_000;

/// What an operation costs with so many providers: trie nodes read and keys written.
fn cost(providers: u32, operation: fn()) -> (usize, usize) {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		populate(providers);
		pass(10);
		// Events would count as writes.
		System::reset_events();
	});
	ext.commit_all().unwrap();
	let (_, proof) = ext.execute_and_prove(operation);
	let writes = ext
		.overlayed_changes()
		.changes()
		.filter(|(key, _)| !key.starts_with(&system()))
		.count();
	ext.execute_with(check);
	(proof.into_nodes().len(), writes)
}

/// The prefix of the system pallet's keys: events and account data are its own business.
fn system() -> [u8; 16] {
	frame_support::storage::storage_prefix(b"System", b"Events")[..16]
		.try_into()
		.expect("16 of 32 bytes")
}

#[test]
fn a_draw_reads_a_bounded_number_of_entries_and_writes_nothing() {
	let draw = || {
		assert!(!draw(&request(), Hash::repeat_byte(3), MAX_DRAWS, usize::MAX).is_empty());
	};
	let ((few, none), (many, nothing)) = (cost(FEW, draw), cost(MANY, draw));
	assert_eq!((none, nothing), (0, 0));
	// Each draw's path is at most four nodes longer in a trie of 1,000 times the leaves.
	assert!(
		many <= few + 5 * MAX_DRAWS as usize,
		"{few} nodes with {FEW}, {many} with {MANY}"
	);
}

#[test]
fn reserving_and_freeing_the_last_slot_write_the_same_at_any_scale() {
	// The last slot: leaves the pool after the draws, and another member moves.
	let leave = || {
		assert_ok!(Providers::reserve(&provider(2), 1));
		move_pools();
	};
	let ((few, writes), (many, same)) = (cost(FEW, leave), cost(MANY, leave));
	// Two records, the gap and the last entry, one size, the ends of the queue and its entry, which is gone again.
	assert_eq!((writes, same), (7, 7));
	assert!(many <= few + 5 * 8, "{few} nodes with {FEW}, {many} with {MANY}");

	let full = || {
		assert_ok!(Providers::reserve(&provider(2), 1));
		move_pools();
		Providers::free_slot(&provider(2));
		move_pools();
	};
	let ((few, writes), (many, same)) = (cost(FEW, full), cost(MANY, full));
	assert_eq!(writes, same);
	assert!(many <= few + 5 * 8, "{few} nodes with {FEW}, {many} with {MANY}");
}

#[test]
fn entering_writes_the_same_at_any_scale() {
	let enter = || {
		let info = ProviderInfo {
			endpoint: b"http://late.example".to_vec().try_into().unwrap(),
			..info()
		};
		register(20_000, info);
		move_pools();
	};
	let (few, many) = (cost(FEW, enter), cost(MANY, enter));
	assert_eq!(few.1, many.1);
	assert!(many.0 <= few.0 + 5 * 10, "{few:?} with {FEW}, {many:?} with {MANY}");
}
