//! The node from outside.

use millrace_tests::Node;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn finalizes_answers_and_survives_kill_9() {
	let mut node = Node::start().await;
	node.finalizes(3).await;
	let name = node.rpc("system_chain", json!([])).await.expect("system_chain answers");
	assert_eq!(name, "Millrace Development");
	let properties = node
		.rpc("system_properties", json!([]))
		.await
		.expect("system_properties answers");
	assert_eq!(properties["tokenSymbol"], "MILL");
	assert_eq!(properties["tokenDecimals"], 12);
	assert_eq!(properties["ss58Format"], 42);

	let methods = node.rpc("rpc_methods", json!([])).await.expect("rpc_methods answers");
	let methods: Vec<_> = methods["methods"]
		.as_array()
		.expect("a list")
		.iter()
		.filter_map(|m| m.as_str())
		.collect();
	for expected in [
		"system_health",
		"chain_getBlock",
		"state_call",
		"author_rotateKeys",
		"payment_queryInfo",
		"childstate_getStorage",
		"babe_epochAuthorship",
		"grandpa_roundState",
		"sync_state_genSyncSpec",
		"chainHead_v1_follow",
		"chainSpec_v1_properties",
		"transaction_v1_broadcast",
		"transactionWatch_v1_submitAndWatch",
		"market_job",
		"market_explain",
		"market_subscribeJob",
	] {
		assert!(methods.contains(&expected), "{expected} is missing from {methods:?}");
	}

	let before = node.finalized().await.expect("there is a finalized block");
	node.kill();
	node.restart().await;
	node.finalizes(before + 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_a_clear_error() {
	let held = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
	let port = held.local_addr().expect("bound").port().to_string();
	let output = std::process::Command::new(millrace_tests::bin("millrace-node"))
		.args(["--dev", "--tmp", "--rpc-port", &port, "--no-prometheus", "--no-mdns"])
		.output()
		.expect("the node can be started");
	assert!(!output.status.success(), "the node must not run without its RPC");
	let text = String::from_utf8_lossy(&output.stderr);
	assert!(text.to_lowercase().contains("in use"), "no word about the port: {text}");
}
