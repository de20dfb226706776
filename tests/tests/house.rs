//! Who may import what (ARCHITECTURE.md), read from the manifests that cargo resolves.

use serde_json::Value;
use std::{collections::BTreeMap, process::Command};

/// Our crates and what each of them may depend on among ours; everything else is forbidden.
const ALLOWED: &[(&str, &[&str])] = &[
	("millrace-vm", &[]),
	("millrace-primitives", &[]),
	("pallet-providers", &["millrace-primitives"]),
	("pallet-jobs", &["millrace-primitives"]),
	("pallet-attestations", &["millrace-primitives"]),
	("pallet-emission", &["millrace-primitives"]),
	(
		"millrace-runtime",
		&[
			"millrace-primitives",
			"pallet-providers",
			"pallet-jobs",
			"pallet-attestations",
			"pallet-emission",
		],
	),
	("millrace-node-service", &["millrace-primitives"]),
	(
		"millrace-node",
		&["millrace-node-service", "millrace-runtime", "millrace-primitives"],
	),
	("millrace-client", &["millrace-primitives"]),
	("millrace-agent", &["millrace-client", "millrace-primitives"]),
	("millrace-cli", &["millrace-client", "millrace-primitives"]),
	(
		"millrace-tests",
		&[
			"millrace-client",
			"millrace-agent",
			"millrace-primitives",
			"millrace-runtime",
		],
	),
];

/// What would drag in another database, another chain's stack, or C sources of a TLS library.
const BANNED: &[&str] = &[
	"rocksdb",
	"librocksdb-sys",
	"cumulus-",
	"xcm",
	"staging-xcm",
	"polkadot-runtime-parachains",
	"aws-lc-sys",
];

fn metadata() -> Value {
	let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
		.args(["metadata", "--format-version", "1", "--locked", "--offline"])
		.current_dir(env!("CARGO_MANIFEST_DIR"))
		.output()
		.expect("cargo runs");
	assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
	serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

#[test]
fn imports_go_one_way() {
	let metadata = metadata();
	let members = metadata["workspace_members"].as_array().expect("members");
	let packages = metadata["packages"].as_array().expect("packages");
	let ours: BTreeMap<&str, &Value> = packages
		.iter()
		.filter(|package| members.contains(&package["id"]))
		.map(|package| (package["name"].as_str().expect("a name"), package))
		.collect();
	let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
	assert_eq!(
		ours.keys().collect::<Vec<_>>(),
		allowed.keys().collect::<Vec<_>>(),
		"a crate joined or left the house"
	);
	for (name, package) in &ours {
		for dependency in package["dependencies"].as_array().expect("dependencies") {
			let dependency = dependency["name"].as_str().expect("a name");
			assert!(
				!ours.contains_key(dependency) || allowed[name].contains(&dependency),
				"{name} must not import {dependency}"
			);
		}
	}
}

#[test]
fn nothing_banned_is_in_the_lock() {
	let metadata = metadata();
	for package in metadata["packages"].as_array().expect("packages") {
		let name = package["name"].as_str().expect("a name");
		assert!(
			!BANNED.iter().any(|banned| name.starts_with(banned)),
			"{name} must not be built"
		);
	}
}

#[test]
fn the_client_s_metadata_is_the_runtime_s() {
	use millrace_runtime::metadata::{encoded, LATEST_VERSION};
	let runtime = encoded(LATEST_VERSION).expect("the runtime has metadata");
	assert!(
		millrace_client::metadata::EMBEDDED == runtime,
		"client/metadata.scale is not what the runtime says; run scripts/metadata.sh and look at the difference"
	);
}
