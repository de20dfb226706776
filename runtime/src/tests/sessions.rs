//! Epochs, session keys and their proofs.

use super::chain::{genesis, state, Chain};
use crate::{
	configs::HISTORY_SESSIONS, Babe, Balances, Grandpa, Historical, Runtime, RuntimeHoldReason, Session, SessionKeys,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_keyring::Sr25519Keyring::{AliceStash, Bob};

#[test]
fn an_epoch_ends_a_session_and_keeps_the_authorities() {
	let mut chain = Chain::development();
	let authorities = chain.query(|| Babe::authorities().into_inner());
	chain.blocks(45);
	chain.query(|| {
		assert_eq!(Babe::epoch_index(), 2);
		assert_eq!(Session::current_index(), 2);
		assert_eq!(Babe::authorities().into_inner(), authorities);
		// The same set all along: GRANDPA is not made to start a new one each session.
		assert_eq!(Grandpa::current_set_id(), 0);
		assert!(Historical::historical_root(3).is_some());
	});
}

#[test]
fn a_chain_that_slept_through_epochs_goes_on() {
	let mut chain = Chain::development();
	chain.blocks(5);
	chain.skip_slots(1_000);
	chain.blocks(5);
	assert!(chain.query(Babe::epoch_index) >= 50);
}

#[test]
fn every_block_has_randomness() {
	let mut chain = Chain::development();
	let mut seen = Vec::new();
	for _ in 0..25 {
		chain.blocks(1);
		let randomness = chain.query(Babe::author_vrf_randomness).unwrap();
		assert!(!seen.contains(&randomness));
		seen.push(randomness);
	}
}

#[test]
fn old_session_roots_are_pruned() {
	let mut chain = Chain::development();
	chain.blocks(1);
	// One block an epoch.
	for _ in 0..HISTORY_SESSIONS + 10 {
		chain.skip_slots(19);
		chain.blocks(1);
	}
	chain.query(|| {
		let current = Session::current_index();
		assert!(current > HISTORY_SESSIONS);
		assert!(Historical::historical_root(current - HISTORY_SESSIONS - 1).is_none());
		assert!(Historical::historical_root(current - HISTORY_SESSIONS + 1).is_some());
	});
}

#[test]
fn session_keys_need_proof_of_possession_and_a_deposit() {
	let mut chain = state(&genesis("development"));
	chain.execute_with(|| {
		let owner = AliceStash.to_account_id();
		let generated = SessionKeys::generate(&owner.encode(), None);
		let (keys, proof) = (generated.keys, generated.proof.encode());
		let set = |who: &sp_keyring::Sr25519Keyring, proof: &[u8]| {
			Session::set_keys(
				frame_system::RawOrigin::Signed(who.to_account_id()).into(),
				keys.clone(),
				proof.to_vec(),
			)
		};
		assert_noop!(set(&AliceStash, &[]), pallet_session::Error::<Runtime>::InvalidProof);
		// A proof made for one account does not serve another.
		assert_noop!(set(&Bob, &proof), pallet_session::Error::<Runtime>::InvalidProof);
		assert_ok!(set(&AliceStash, &proof));
		assert_eq!(Session::load_keys(&owner), Some(keys.clone()));

		let generated = SessionKeys::generate(&Bob.to_account_id().encode(), None);
		assert_ok!(Session::set_keys(
			frame_system::RawOrigin::Signed(Bob.to_account_id()).into(),
			generated.keys,
			generated.proof.encode(),
		));
		assert_eq!(
			Balances::balance_on_hold(
				&RuntimeHoldReason::Session(pallet_session::HoldReason::Keys),
				&Bob.to_account_id()
			),
			<Runtime as pallet_session::Config>::KeyDeposit::get()
		);
	});
}

#[test]
fn keys_of_newcomers_do_not_make_them_authorities() {
	let mut chain = Chain::development();
	chain.blocks(1);
	let (keys, proof) = chain.query(|| {
		let generated = SessionKeys::generate(&Bob.to_account_id().encode(), None);
		(generated.keys, generated.proof.encode())
	});
	assert_ok!(chain.call(Bob, pallet_session::Call::set_keys { keys, proof }));
	chain.blocks(60);
	chain.query(|| {
		assert_eq!(Session::current_index(), 3);
		assert_eq!(Session::validators(), [AliceStash.to_account_id()]);
	});
	chain.check();
}
