//! Chain specifications: the built-in ones from the runtime's genesis presets, others from files.

use millrace_node_service::chain_spec::{ChainSpec, Extensions};
use millrace_primitives::{SS58_PREFIX, TOKEN_DECIMALS, TOKEN_SYMBOL};
use sc_service::{ChainType, Properties};
use std::path::Path;

/// Loads the specification that `--chain` names: `dev`, `local` (also without a name) or the path of
/// a JSON file.
pub fn load(id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
	Ok(Box::new(match id {
		"dev" => development()?,
		"local" | "" => local_testnet()?,
		path if Path::new(path).is_file() => ChainSpec::from_json_file(path.into())?,
		other => {
			return Err(format!(
				"unknown chain {other:?}: neither `dev` nor `local`, and no such file"
			))
		}
	}))
}

/// One authority (Alice), short slots, funded development accounts.
fn development() -> Result<ChainSpec, String> {
	built_in(
		"Millrace Development",
		"millrace_dev",
		ChainType::Development,
		"development",
	)
}

/// Three authorities (Alice, Bob, Charlie) on one machine or in one private network.
fn local_testnet() -> Result<ChainSpec, String> {
	built_in(
		"Millrace Local Testnet",
		"millrace_local",
		ChainType::Local,
		"local_testnet",
	)
}

fn built_in(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
	let wasm = millrace_runtime::WASM_BINARY.ok_or(
		"this binary was built without the runtime's WebAssembly (SKIP_WASM_BUILD); \
         build it again without that, or give the path of a chain specification to --chain",
	)?;
	Ok(ChainSpec::builder(wasm, Extensions::default())
		.with_name(name)
		.with_id(id)
		.with_chain_type(chain_type)
		.with_protocol_id("millrace")
		.with_properties(properties())
		.with_genesis_config_preset_name(preset)
		.build())
}

/// What wallets show amounts and addresses with.
fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), TOKEN_SYMBOL.into());
	properties.insert("tokenDecimals".into(), TOKEN_DECIMALS.into());
	properties.insert("ss58Format".into(), SS58_PREFIX.into());
	properties
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::{json, Value};
	use std::sync::OnceLock;

	/// The genesis state; building it executes the runtime, which is compiled for that, so once a chain.
	fn raw(id: &str) -> &'static Value {
		static RAW: [OnceLock<Value>; 2] = [OnceLock::new(), OnceLock::new()];
		RAW[usize::from(id == "dev")].get_or_init(|| json_of(id, true))
	}

	fn json_of(id: &str, raw: bool) -> Value {
		let spec = load(id).unwrap();
		serde_json::from_str(&spec.as_json(raw).unwrap()).unwrap()
	}

	#[test]
	fn built_in_chains_name_token_decimals_and_prefix() {
		for id in ["dev", "local"] {
			let expected = json!({ "tokenSymbol": "MILL", "tokenDecimals": 12, "ss58Format": 42 });
			assert_eq!(json_of(id, false)["properties"], expected, "{id}");
		}
	}

	#[test]
	fn both_presets_build_a_genesis_state_with_the_runtime_in_it() {
		// `:code`, where every runtime's WebAssembly is stored.
		const CODE: &str = "0x3a636f6465";
		for id in ["dev", "local"] {
			let state = &raw(id)["genesis"]["raw"]["top"];
			assert!(state[CODE].as_str().is_some_and(|code| code.len() > 1000), "{id}");
		}
	}

	#[test]
	fn the_two_chains_do_not_share_databases_or_peers() {
		let (dev, local) = (load("dev").unwrap(), load("local").unwrap());
		assert_ne!(dev.id(), local.id());
		assert_ne!(raw("dev")["genesis"], raw("local")["genesis"]);
	}

	#[test]
	fn light_clients_find_room_for_their_checkpoint() {
		let spec = load("local").unwrap();
		let extension = sc_chain_spec::get_extension::<Option<Value>>(spec.extensions());
		assert_eq!(extension, Some(&None));
	}

	#[test]
	fn an_exported_specification_loads_again() {
		let file = std::env::temp_dir().join(format!("millrace-spec-{}.json", std::process::id()));
		std::fs::write(&file, raw("local").to_string()).unwrap();
		let path = file.to_str().unwrap();
		let loaded = load(path).map(|spec| spec.id().to_owned());
		let unknown = load("nowhere").map(|spec| spec.id().to_owned());
		std::fs::remove_file(&file).unwrap();
		assert_eq!(loaded.as_deref(), Ok("millrace_local"));
		assert!(unknown.unwrap_err().contains("nowhere"));
	}
}
