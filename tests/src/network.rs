//! A chain like a development chain that three validators make.

use crate::{bin, turn, wait_for, Node};
use serde_json::{json, Value};
use std::{fs, process::Command};
use tempfile::TempDir;

/// Three validators. Two of them can be stopped: the first goes on with blocks, and nothing is finalized.
pub struct Network {
	/// The first, which is never stopped.
	pub node: Node,
	others: Vec<Node>,
	_dir: TempDir,
}

/// The chain's specification as the node exports it.
fn exported(chain: &str) -> Value {
	let output = Command::new(bin("millrace-node"))
		.args(["export-chain-spec", "--chain", chain])
		.output()
		.expect("the node can be started");
	serde_json::from_slice(&output.stdout).expect("a specification is JSON")
}

impl Network {
	/// Starts them, and waits until blocks are finalized. Waits for its turn before.
	pub async fn start() -> Self {
		let turn = turn().await;
		let dir = TempDir::new().expect("a temporary directory can be made");
		// The timing of a development chain, and the validators of a local one.
		let (mut spec, local) = (exported("dev"), exported("local"));
		let genesis = |spec: &Value| spec["genesis"]["runtimeGenesis"]["patch"]["session"]["keys"].clone();
		spec["genesis"]["runtimeGenesis"]["patch"]["session"]["keys"] = genesis(&local);
		spec["id"] = json!("millrace_three");
		let path = dir.path().join("three.json");
		fs::write(&path, spec.to_string()).expect("the specification can be written");
		let path = path.to_str().expect("temporary paths are text").to_string();
		let role = |who: &str, more: &[&str]| {
			let mut role: Vec<String> = vec!["--chain".into(), path.clone(), who.into()];
			role.extend(more.iter().map(|option| option.to_string()));
			role
		};
		let keys = [1, 2, 3].map(|number| format!("{number:064x}"));
		let first = ["--force-authoring", "--node-key", &keys[0]];
		let node = Node::begin(role("--alice", &first), Some(turn)).await;
		let boot = wait_for("the first to say where it listens", || async {
			let addresses = node.rpc("system_localListenAddresses", json!([])).await.ok()?;
			addresses[0].as_str().map(String::from)
		})
		.await;
		let mut others = Vec::new();
		for (who, key) in [("--bob", &keys[1]), ("--charlie", &keys[2])] {
			let more = ["--node-key", key, "--bootnodes", &boot];
			others.push(Node::begin(role(who, &more), None).await);
		}
		node.finalizes(3).await;
		Self {
			node,
			others,
			_dir: dir,
		}
	}

	/// kill -9 of the other two.
	pub fn stop_others(&mut self) {
		self.others.iter_mut().for_each(Node::kill);
	}

	/// Starts the other two again.
	pub async fn start_others(&mut self) {
		for node in &mut self.others {
			node.restart().await;
		}
	}
}
