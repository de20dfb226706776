//! The court, seen with a real node and real agents: whoever reports what its machine did not compute loses, in every way
//! that it can be caught, and what is right is accepted and paid. Money is checked to the last planck.

mod accusation;
mod audits;
mod lies;
mod restart;
mod silence;

use millrace_client::Chain;
use millrace_primitives::{job::JobStatus, AccountId, Balance, JobId, Limits, MILL};
use millrace_tests::{
	amount,
	court::{verdicts, Terms, Verdict},
	document, fees_in, key,
	ledger::{events_since, Ledger},
	provider::ASK,
	run_cli, submission, text, Node,
};
use serde_json::json;
use std::{collections::BTreeMap, path::Path, process::Output};

/// The most that jobs here pay for 10^9 gas: enough for stakes above what is the least.
const PRICE: Balance = MILL;
/// What providers ask that are never bought, and only check others.
const CHECKING: Balance = 3 * MILL / 2;
/// What a task may use.
const LIMITS: Limits = Limits {
	gas: 100_000_000,
	memory_pages: 16,
	output: 65_536,
};

/// A path as an argument.
fn arg(path: &Path) -> &str {
	path.to_str().expect("temporary paths are text")
}

/// Runs a job of shards of so many tasks, each computed by two, to its end.
async fn run(url: &str, program: &str, inputs: &str, shard_size: u32, folder: &Path) -> Output {
	let size = shard_size.to_string();
	let mut args = vec!["--json", "submit", "--program", program, "--inputs", inputs, "--lines"];
	args.extend(["--max-price", "1", "--gas-limit", "100M", "--memory", "1M"]);
	args.extend(["--output-limit", "64K", "--deadline", "30m", "--replicas", "2"]);
	args.extend(["--shard-size", &size, "--fetch", arg(folder)]);
	run_cli(&["--url", url, "--key", "//Alice"], &args).await
}

/// The terms of such a shard.
fn terms(tasks: u32) -> Terms {
	Terms::new(PRICE, LIMITS.gas, tasks)
}

/// What the providers in a test ask: those of these owners can be bought.
fn ask<'a>(bought: &'a [&str]) -> impl Fn(&AccountId) -> Balance + 'a {
	move |account| match bought.iter().any(|uri| key(uri).account() == *account) {
		true => ASK,
		false => CHECKING,
	}
}

/// A job that ended well, acknowledged, and the ledgers before and after it.
struct Done {
	before: Ledger,
	after: Ledger,
	verdicts: BTreeMap<u32, Verdict>,
	/// What the client paid for, but for what was taken of others for it.
	cost: Balance,
}

/// Acknowledges a job's outputs and waits until nothing is left of it.
async fn done(node: &Node, chain: &Chain, before: Ledger, output: &Output) -> Done {
	assert!(output.status.success(), "{}", text(output));
	let fetched = document(output);
	assert_eq!((&fetched["failed"], &fetched["missing"]), (&json!([]), &json!([])));
	let submitted = submission(output);
	let job = submitted["job"].as_u64().expect("a number");
	let acknowledged = node.cli_json("//Alice", &["acknowledge", &job.to_string()]).await;
	node.finalized_without(job).await;
	let after = Ledger::read(node, chain).await;
	let events = events_since(node, chain, before.block).await;
	type Settled = (JobId, JobStatus, u32, u32, Balance, Balance);
	let settled = events.iter().filter(|event| event.is("Jobs", "JobSettled"));
	let settled: Vec<Settled> = settled.map(|event| event.decode().expect("understood")).collect();
	let [(_, _, _, failed, paid, fees)] = settled[..] else {
		panic!("one job was settled: {settled:?}");
	};
	assert_eq!(failed, 0);
	let cost = paid + fees + amount(&submitted["submissionFee"]) + fees_in(&submitted) + fees_in(&acknowledged);
	Done {
		before,
		after,
		verdicts: verdicts(&events, job),
		cost,
	}
}

impl Done {
	fn gain(&self, uri: &str) -> i128 {
		self.after.gain(&self.before, uri)
	}
}
