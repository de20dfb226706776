//! A chain like a development chain that three validators make.

use crate::{bin, folder, free_port, turn, Node};
use serde_json::{json, Value};
use std::{fs, process::Command};
use tempfile::TempDir;

/// How others know who has the network keys 1 and 2.
const PEERS: [&str; 2] = [
	"12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp",
	"12D3KooWHdiAxVd8uMQR1hGWXccidmfCwLqcMpGwR6QcTP6QRMuD",
];

/// Three validators. Where one of them is stopped the others go on with blocks, and nothing is finalized.
pub struct Network {
	/// The first.
	pub node: Node,
	others: Vec<Node>,
	_dir: TempDir,
}

/// A chain's specification as the node exports it.
pub(crate) fn exported(options: &[&str]) -> Value {
	let output = Command::new(bin("millrace-node"))
		.arg("export-chain-spec")
		.args(options)
		.output()
		.expect("the node can be started");
	serde_json::from_slice(&output.stdout).expect("a specification is JSON")
}

impl Network {
	/// Starts them, and waits until blocks are finalized. Waits for its turn before.
	pub async fn start() -> Self {
		let turn = turn().await;
		let dir = folder();
		// The timing of a development chain, and the validators of a local one.
		let (mut spec, local) = (exported(&["--chain", "dev"]), exported(&["--chain", "local"]));
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
		let addresses = [(); 3].map(|()| format!("/ip4/127.0.0.1/tcp/{}", free_port()));
		let boot: Vec<_> = addresses
			.iter()
			.zip(PEERS)
			.map(|(at, peer)| format!("{at}/p2p/{peer}"))
			.collect();
		let mut nodes = Vec::new();
		let mut turn = Some(turn);
		for (number, who) in (1..).zip(["--alice", "--bob", "--charlie"]) {
			let (key, at) = (format!("{number:064x}"), &addresses[number - 1]);
			let mut more = vec!["--force-authoring", "--node-key", &key, "--listen-addr", at];
			let others = boot.iter().enumerate().filter(|(place, _)| place + 1 != number);
			more.extend(others.flat_map(|(_, other)| ["--bootnodes", other]));
			nodes.push(Node::begin(folder(), role(who, &more), turn.take()).await);
		}
		let others = nodes.split_off(1);
		let node = nodes.remove(0);
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

	/// The last block of the other two.
	pub async fn best_of_others(&self) -> Option<u64> {
		self.others[0].best().await
	}
}
