//! The chains that can be started without writing a genesis by hand.
//!
//! | preset | authorities | slots | epochs | market's periods | for |
//! |---|---|---|---|---|---|
//! | `development` | Alice | 400 ms | 20 slots | short | one node on one machine; whole-system tests |
//! | `local_testnet` | Alice, Bob, Charlie | 3 s | 100 slots | production | several nodes on one machine |
//!
//! Both fund the six well-known development accounts, who act as clients and as providers'
//! operators, and their stashes, with a million MILL each. An authority's session keys belong to its stash,
//! where the fees of its blocks go too, so that the balances of the six change by what they do themselves.
//! Everyone knows these accounts' secret keys: neither preset is for a network that strangers can reach.

use crate::{
	chain_constants::Timing, configs::GenesisParameters, AccountId, Balance, BalancesConfig, ChainConstantsConfig,
	RuntimeGenesisConfig, SessionConfig, SessionKeys,
};
use alloc::{format, string::String, vec, vec::Vec};
use frame_support::{build_struct_json_patch, genesis_builder_helper, traits::BuildGenesisConfig};
use millrace_primitives::MILL;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// What each development account starts with: a million MILL.
pub const ENDOWMENT: Balance = 1_000_000 * MILL;

/// Timing of the `development` preset.
pub const DEVELOPMENT_TIMING: Timing = Timing {
	slot_duration_ms: 400,
	epoch_slots: 20,
};
/// Timing of the `local_testnet` preset: production slots, epochs of five minutes.
pub const LOCAL_TESTNET_TIMING: Timing = Timing {
	slot_duration_ms: 3_000,
	epoch_slots: 100,
};

/// The accounts who act as clients and as providers' operators in the presets.
pub fn operators() -> Vec<AccountId> {
	Sr25519Keyring::invulnerable()
		.map(Sr25519Keyring::to_account_id)
		.collect()
}

/// An initial authority: the account that owns its session keys, and the keys.
type Authority = (AccountId, AccountId, SessionKeys);

fn authority(stash: Sr25519Keyring, sr25519: Sr25519Keyring, ed25519: Ed25519Keyring) -> Authority {
	let keys = SessionKeys {
		babe: sr25519.public().into(),
		grandpa: ed25519.public().into(),
		authority_discovery: sr25519.public().into(),
	};
	(stash.to_account_id(), stash.to_account_id(), keys)
}

fn alice() -> Authority {
	authority(Sr25519Keyring::AliceStash, Sr25519Keyring::Alice, Ed25519Keyring::Alice)
}

fn bob() -> Authority {
	authority(Sr25519Keyring::BobStash, Sr25519Keyring::Bob, Ed25519Keyring::Bob)
}

fn charlie() -> Authority {
	authority(
		Sr25519Keyring::CharlieStash,
		Sr25519Keyring::Charlie,
		Ed25519Keyring::Charlie,
	)
}

fn genesis(authorities: Vec<Authority>, timing: Timing, parameters: GenesisParameters) -> serde_json::Value {
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig {
			balances: Sr25519Keyring::well_known()
				.map(|key| (key.to_account_id(), ENDOWMENT))
				.collect(),
		},
		chain_constants: ChainConstantsConfig { timing, parameters },
		session: SessionConfig { keys: authorities },
	})
}

/// The named presets.
pub fn preset_names() -> Vec<PresetId> {
	vec![
		PresetId::from(DEV_RUNTIME_PRESET),
		PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
	]
}

/// The genesis of a preset as a JSON patch over the default, or the default itself for `None`.
/// Nothing for an unknown name.
pub fn get_preset(id: &Option<PresetId>) -> Option<Vec<u8>> {
	genesis_builder_helper::get_preset::<RuntimeGenesisConfig>(id, |id| {
		let patch = match id.as_str() {
			DEV_RUNTIME_PRESET => genesis(vec![alice()], DEVELOPMENT_TIMING, GenesisParameters::fast()),
			LOCAL_TESTNET_RUNTIME_PRESET => genesis(
				vec![alice(), bob(), charlie()],
				LOCAL_TESTNET_TIMING,
				GenesisParameters::default(),
			),
			_ => return None,
		};
		Some(format!("{patch}").into_bytes())
	})
}

/// Writes the state of a complete genesis, after checking what pallets could only refuse by a panic.
///
/// # Errors
/// What is wrong with the JSON or with the values in it.
pub fn build_state(json: &[u8]) -> Result<(), String> {
	let config: RuntimeGenesisConfig =
		serde_json::from_slice(json).map_err(|error| format!("invalid genesis: {error}"))?;
	validate(&config).map_err(|error| format!("invalid genesis: {error}"))?;
	config.build();
	Ok(())
}

fn validate(config: &RuntimeGenesisConfig) -> Result<(), String> {
	config
		.chain_constants
		.timing
		.validate()
		.map_err(|error| format!("{error}"))?;
	config
		.chain_constants
		.parameters
		.validate()
		.map_err(|(pallet, parameter)| format!("{pallet}.{parameter} is outside its limits"))?;

	let mut owners: Vec<_> = config.session.keys.iter().map(|(owner, _, _)| owner).collect();
	let authorities = owners.len();
	if authorities > crate::configs::MAX_AUTHORITIES as usize {
		return Err(format!(
			"{authorities} authorities, allowed are {}",
			crate::configs::MAX_AUTHORITIES
		));
	}
	owners.sort();
	owners.dedup();
	if owners.len() != authorities {
		return Err("an account is named twice among the authorities".into());
	}
	Ok(())
}
