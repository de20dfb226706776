//! The presets.

use super::chain::{free, genesis, merge, state};
use crate::{
	chain_constants::{ChainTiming, InvalidTiming, Timing},
	configs::{CurrentEmissionParams, CurrentJobsParams, MAX_AUTHORITIES},
	genesis_config_presets::{
		build_state, get_preset, operators, preset_names, DEVELOPMENT_TIMING, ENDOWMENT, LOCAL_TESTNET_TIMING,
	},
	AuthorityDiscovery, Babe, Grandpa, Historical, Runtime, Session, System,
};
use frame_support::traits::{Get, KeyOwnerProofSystem};
use millrace_primitives::params::{EmissionParams, JobsParams};
use serde_json::json;
use sp_keyring::Sr25519Keyring::{AliceStash, BobStash, CharlieStash};

/// Why a changed development genesis is refused.
fn refusal(patch: serde_json::Value) -> String {
	let mut document = genesis("development");
	merge(&mut document, patch);
	sp_io::TestExternalities::new_empty()
		.execute_with(|| build_state(document.to_string().as_bytes()))
		.unwrap_err()
}

#[test]
fn presets_are_named_and_unknown_ones_are_nothing() {
	assert_eq!(preset_names(), ["development", "local_testnet"]);
	assert!(get_preset(&Some("mainnet".into())).is_none());
	assert!(get_preset(&None).is_some());
}

#[test]
fn development_has_one_fast_authority() {
	state(&genesis("development")).execute_with(|| {
		assert_eq!(ChainTiming::<Runtime>::get(), DEVELOPMENT_TIMING);
		assert_eq!(Babe::slot_duration(), 400);
		assert_eq!(Session::validators(), [AliceStash.to_account_id()]);
		assert_eq!(Babe::authorities().len(), 1);
		assert_eq!(Grandpa::grandpa_authorities().len(), 1);
		assert_eq!(AuthorityDiscovery::authorities().len(), 1);
		assert_eq!(CurrentJobsParams::get(), JobsParams::fast());
		assert_eq!(CurrentEmissionParams::get(), EmissionParams::fast());
	});
}

#[test]
fn local_testnet_has_three_authorities_at_production_pace() {
	state(&genesis("local_testnet")).execute_with(|| {
		assert_eq!(ChainTiming::<Runtime>::get(), LOCAL_TESTNET_TIMING);
		assert_eq!(Babe::slot_duration(), 3_000);
		let mut expected = [AliceStash, BobStash, CharlieStash].map(|key| key.to_account_id());
		expected.sort();
		assert_eq!(Session::validators(), expected);
		assert_eq!(Babe::authorities().len(), 3);
		assert_eq!(Grandpa::grandpa_authorities().len(), 3);
		assert_eq!(CurrentJobsParams::get(), JobsParams::default());
	});
}

#[test]
fn six_operators_are_funded() {
	for preset in ["development", "local_testnet"] {
		state(&genesis(preset)).execute_with(|| {
			assert_eq!(operators().len(), 6);
			for operator in operators() {
				assert_eq!(free(&operator), ENDOWMENT);
				assert_eq!(System::consumers(&operator), 0);
			}
		});
	}
}

#[test]
fn equivocations_of_the_first_sessions_can_be_proved() {
	state(&genesis("local_testnet")).execute_with(|| {
		let (babe, _) = Babe::authorities()[1].clone();
		let key = (sp_consensus_babe::KEY_TYPE, babe);
		let proof = Historical::prove(key.clone()).unwrap();
		let (owner, ()) = Historical::check_proof(key, proof).unwrap();
		assert!(Session::validators().contains(&owner));
		assert!(Historical::historical_root(0).is_some());
		assert!(Historical::historical_root(1).is_some());
	});
}

#[test]
fn a_genesis_with_bad_values_is_refused_with_a_reason() {
	assert!(refusal(json!({"chainConstants": {"timing": {"slotDurationMs": 0}}})).contains("slotDurationMs is 0"));
	assert!(refusal(json!({"chainConstants": {"timing": {"slotDurationMs": 401}}})).contains("must be even"));
	assert!(refusal(json!({"chainConstants": {"timing": {"epochSlots": 1}}})).contains("epochSlots is 1"));
	assert!(refusal(json!({"chainConstants": {"timing": {"epoch": 1}}})).contains("unknown field"));
	assert!(
		refusal(json!({"chainConstants": {"parameters": {"jobs": {"seedBlocks": 9}}}}))
			.contains("jobs.seedBlocks is outside its limits")
	);
	assert!(
		refusal(json!({"chainConstants": {"parameters": {"emission": {"brake": 900_001}}}}))
			.contains("emission.brake is outside its limits")
	);
	assert!(refusal(json!({"nonsense": 1})).contains("unknown field"));

	let keys = genesis("development")["session"]["keys"][0].clone();
	assert!(refusal(json!({"session": {"keys": [keys, keys]}})).contains("named twice"));
	let many = vec![keys; MAX_AUTHORITIES as usize + 1];
	assert!(refusal(json!({"session": {"keys": many}})).contains("101 authorities"));
}

#[test]
fn timings_have_limits() {
	assert_eq!(Timing::PRODUCTION.validate(), Ok(()));
	let with_slot = |slot_duration_ms| {
		Timing {
			slot_duration_ms,
			..Timing::PRODUCTION
		}
		.validate()
	};
	assert_eq!(with_slot(198), Err(InvalidTiming::SlotOutOfRange(198)));
	assert_eq!(with_slot(200), Ok(()));
	assert_eq!(with_slot(60_000), Ok(()));
	assert_eq!(with_slot(60_002), Err(InvalidTiming::SlotOutOfRange(60_002)));
	assert_eq!(with_slot(3_001), Err(InvalidTiming::SlotIsOdd(3_001)));
	let with_epoch = |epoch_slots| {
		Timing {
			epoch_slots,
			..Timing::PRODUCTION
		}
		.validate()
	};
	assert_eq!(with_epoch(9), Err(InvalidTiming::EpochOutOfRange(9)));
	assert_eq!(with_epoch(10), Ok(()));
	assert_eq!(with_epoch(100_001), Err(InvalidTiming::EpochOutOfRange(100_001)));
}
