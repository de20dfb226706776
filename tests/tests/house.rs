//! Who may import what (ARCHITECTURE.md), read from the manifests that cargo resolves.

use serde_json::Value;
use std::{
	collections::{BTreeMap, BTreeSet},
	process::Command,
};

/// Our crates and what each of them may depend on among ours; everything else is forbidden.
const ALLOWED: &[(&str, &[&str])] = &[
	("millrace-judge", &[]),
	("millrace-vm", &["millrace-judge"]),
	("millrace-primitives", &["millrace-judge"]),
	("millrace-court", &["millrace-judge", "millrace-primitives"]),
	("pallet-providers", &["millrace-primitives"]),
	("pallet-jobs", &["millrace-court", "millrace-primitives"]),
	("pallet-attestations", &["millrace-court", "millrace-primitives"]),
	("pallet-emission", &["millrace-primitives"]),
	(
		"millrace-runtime",
		&[
			"millrace-court",
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
	(
		"millrace-client",
		&["millrace-court", "millrace-judge", "millrace-primitives"],
	),
	(
		"millrace-exec",
		&["millrace-court", "millrace-primitives", "millrace-vm"],
	),
	(
		"millrace-agent",
		&[
			"millrace-client",
			"millrace-court",
			"millrace-exec",
			"millrace-primitives",
			"millrace-vm",
		],
	),
	(
		"millrace-cli",
		&[
			"millrace-client",
			"millrace-court",
			"millrace-exec",
			"millrace-primitives",
			"millrace-vm",
		],
	),
	(
		"millrace-tests",
		&[
			"millrace-client",
			"millrace-agent",
			"millrace-court",
			"millrace-exec",
			"millrace-primitives",
			"millrace-runtime",
			"millrace-vm",
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
			// The court is tried on real runs; what a runtime links of the machine is the judge.
			let tested = dependency["kind"] == "dev" && ["millrace-court", "pallet-attestations"].contains(name);
			let dependency = dependency["name"].as_str().expect("a name");
			assert!(
				!ours.contains_key(dependency)
					// Its own tests ask for a feature of it.
					|| dependency == *name
					|| allowed[name].contains(&dependency)
					|| (tested && dependency == "millrace-vm"),
				"{name} must not import {dependency}"
			);
		}
	}
}

/// A feature that only tests ask for would have cargo compile everything above it twice.
#[test]
fn building_and_testing_select_the_same_features() {
	/// What nothing but our own tests depends on.
	const TESTS_ONLY: &[&str] = &["wast"];
	let selected = |edges: &str| {
		let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
			.args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none"])
			.args(["--format", "{p}|{f}", "--edges", edges])
			.output()
			.expect("cargo runs");
		assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
		let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
		for line in String::from_utf8_lossy(&output.stdout).lines() {
			if let Some((package, features)) = line.trim_end_matches(" (*)").split_once('|') {
				let all = packages.entry(package.into()).or_default();
				all.extend(features.split(',').map(String::from));
			}
		}
		packages
	};
	let (built, tested) = (selected("normal,build"), selected("normal,build,dev"));
	assert!(built.len() > 500, "{} packages", built.len());
	for (package, features) in built {
		if !TESTS_ONLY.iter().any(|name| package.starts_with(&format!("{name} "))) {
			let more: Vec<_> = tested[&package].difference(&features).collect();
			assert!(more.is_empty(), "{package}: only tests ask for {more:?}");
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
