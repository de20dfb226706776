//! A provider that forges what it reports and defends that before the court, for demonstrations: scripts/demo.sh --liar.
//!
//! `lying-provider NODE OWNER FOLDER` registers the provider of a development account such as `//Ferdie` at the node with
//! this WebSocket address, prints a line once it can be drawn, and works until it is ended.

use millrace_tests::liar::{run, Plan};
use std::{path::PathBuf, process::ExitCode, time::Duration};

#[tokio::main]
async fn main() -> ExitCode {
	let args: Vec<String> = std::env::args().skip(1).collect();
	let [node, owner, folder] = args.as_slice() else {
		eprintln!("usage: lying-provider NODE OWNER FOLDER");
		return ExitCode::from(2);
	};
	let folder = PathBuf::from(folder);
	if let Err(error) = std::fs::create_dir_all(&folder) {
		eprintln!("{}: {error}", folder.display());
		return ExitCode::FAILURE;
	}
	// Slow enough to be looked at.
	let plan = Plan {
		pace: Duration::from_millis(600),
		..Plan::default()
	};
	run(node, owner, &folder, plan, || {
		println!("{owner} can be drawn, and lies")
	})
	.await;
	ExitCode::FAILURE
}
