//! What must not go wrong, seen with real processes: crashes, dishonest providers, bad input.

mod cheats;
mod crashes;
mod refusals;

use millrace_tests::{document, run_cli, text, Node};
use serde_json::{json, Value};
use std::{path::Path, process::Output};

/// Submits a job that the test looks at while it runs; the options that all jobs here share come first.
async fn submit(url: &str, client: &str, program: &str, inputs: &str, more: &[&str]) -> Output {
	let mut args = vec![
		"--json",
		"submit",
		"--program",
		program,
		"--inputs",
		inputs,
		"--lines",
		"--max-price",
		"0.01",
	];
	args.extend(["--memory", "1M", "--output-limit", "64K", "--deadline", "30m"]);
	args.extend(more);
	run_cli(&["--url", url, "--key", client], &args).await
}

/// Publishes a program.
async fn publish(node: &Node, program: &str) {
	node.cli_json("//Alice", &["program", "publish", program]).await;
}

/// A path as an argument.
fn arg(path: &Path) -> &str {
	path.to_str().expect("temporary paths are text")
}

/// What `submit --fetch` printed of a job that gave every output.
fn assert_complete(output: &Output) {
	assert!(output.status.success(), "{}", text(output));
	let fetched = document(output);
	assert_eq!(
		(fetched["failed"].clone(), fetched["missing"].clone()),
		(json!([]), json!([]))
	);
}

/// True while shards of a job run.
fn runs(job: &Value) -> bool {
	job["running"].as_u64().is_some_and(|running| running > 0)
}
