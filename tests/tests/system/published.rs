//! Programs that others published, as jobs: with their arguments and files, computed twice, and equal to what they give elsewhere.

use millrace_tests::{
	provider::Provider,
	published::{digest, small, Published},
	text, Node,
};
use serde_json::{json, Value};
use std::{fs, path::Path};

/// Runs a program as a job of one task and compares what comes back with the reference engine's run.
async fn run(node: &Node, program: &Published) {
	let folder = node.dir.path().join(&program.name);
	let folder = folder.to_str().expect("temporary paths are text");
	let terms = "--replicas 2 --max-price 0.01 --gas-limit 8G --memory 512M --output-limit 8M --deadline 10m";
	let mut args = vec!["--json", "submit", "--publish"];
	args.extend(terms.split(' '));
	args.extend(["--fetch", folder]);
	args.extend(program.options.iter().map(String::as_str));
	let output = node.cli("//Alice", &args).await;
	// 5 says that a program ended with another code than 0, which is a result like any other.
	let expected = if program.code == 0 { 0 } else { 5 };
	assert_eq!(
		output.status.code(),
		Some(expected),
		"{}: {}",
		program.name,
		text(&output)
	);
	let manifest = fs::read(Path::new(folder).join("manifest.json")).expect("a manifest was written");
	let manifest: Value = serde_json::from_slice(&manifest).expect("the manifest is JSON");
	let task = &manifest["outputs"][0];
	let status = if program.code == 0 { "success" } else { "exit" };
	assert_eq!(
		(&task["status"], &task["code"]),
		(&json!(status), &json!(program.code)),
		"{}: {task}",
		program.name
	);
	let file = task["file"].as_str().expect("the task has an output");
	let found = fs::read(Path::new(folder).join(file)).expect("the output was fetched");
	assert_eq!(
		digest(&found),
		program.output,
		"{}: the output differs from the reference",
		program.name
	);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_programs_give_what_they_give_elsewhere() {
	let programs = small();
	assert_eq!(programs.len(), 3);
	let node = Node::start().await;
	let _providers = Provider::start_all(&node, &["//Bob", "//Charlie", "//Dave"]).await;
	// One after the other: a development chain leaves providers seconds to compile a program.
	for program in &programs {
		run(&node, program).await;
	}
}
