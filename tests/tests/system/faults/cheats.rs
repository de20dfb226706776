//! Providers that do not do what they promised.

use super::{arg, assert_complete, publish, submit};
use millrace_client::Chain;
use millrace_court::case::How;
use millrace_primitives::{outcome, AccountId, Balance, Limits, MILLI};
use millrace_tests::{
	court::{kept, losses, verdicts, Terms},
	document, key,
	ledger::{self, bond, enacted, escrow, events_since, vacated, Cause, Ledger},
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{silent, Provider, ASK, BOND},
	Node,
};
use serde_json::json;
use std::{collections::BTreeMap, path::Path};

const LIMITS: Limits = Limits {
	gas: 100_000_000,
	memory_pages: 16,
	output: 65_536,
};

/// The options of the jobs here: shards of two tasks.
fn options<'a>(replicas: &'a str, folder: &'a Path) -> [&'a str; 8] {
	[
		"--replicas",
		replicas,
		"--shard-size",
		"2",
		"--gas-limit",
		"100M",
		"--fetch",
		arg(folder),
	]
}

/// The terms of their shards.
fn terms() -> Terms {
	Terms::new(10 * MILLI, LIMITS.gas, LIMITS.output, 2)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_silent_is_penalised_and_who_lies_is_never_accepted() {
	let node = Node::start().await;
	let chain = node.chain().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (_honest, silent) = tokio::join!(
		Provider::start_all(&node, &["//Bob", "//Charlie"]),
		silent(&node, "//Dave")
	);
	publish(&node, &program).await;
	who_never_reports(&node, &chain, &program).await;
	drop(silent);
	let _liar = liar::start(&node, "//Eve", Plan::default()).await;
	who_lies(&node, &chain, &program, &module).await;
}

/// One of three accepts and never reports. The work is done by the other two.
async fn who_never_reports(node: &Node, chain: &Chain, program: &str) {
	let home = node.dir.path();
	let (inputs, lines) = save_lines(home, "lines", 16);
	let from = chain.finalized_head().await.expect("a head").number;
	let folder = home.join("silent");
	let output = submit(&node.url(), "//Alice", program, &inputs, &options("2", &folder)).await;
	assert_complete(&output);
	check_swapped(&lines, &folder);
	let events = events_since(node, chain, from).await;
	let left = vacated(&events);
	assert!(!left.is_empty(), "of eight shards it was drawn for one at least");
	let dave = key("//Dave").account();
	for (shard, who, cause, slashed) in &left {
		assert!(
			*who == dave && *cause == Cause::Late && *slashed == terms().late(),
			"{who} lost {shard:?}: {cause:?}, {slashed}"
		);
	}
	// It may also have been drawn to check others.
	let checking = losses(&verdicts(&events, 0), &terms(), |_| ASK);
	assert!(checking.keys().all(|who| *who == dave), "{checking:?}");
	let lost = left.len() as Balance * terms().late() + checking.values().sum::<Balance>();
	assert_eq!(bond(chain, "//Dave").await, BOND - lost);
	let record = ledger::provider(node, "//Dave").await;
	assert_eq!(
		(record["status"].as_str(), record["liability"].as_str()),
		(Some("unresponsive"), Some("0"))
	);
	// Keeping its outputs is not free, and what follows reckons with everybody's money.
	node.cli_json("//Alice", &["acknowledge", "0"]).await;
	node.finalized_without(0).await;
}

/// One of three forges every output. All three have seats in one job, and two of them in another: in both what is right is
/// accepted, and those who are right are paid in full.
async fn who_lies(node: &Node, chain: &Chain, program: &str, module: &[u8]) {
	let (home, url) = (node.dir.path(), node.url());
	let (few, four) = save_lines(home, "few", 4);
	let (many, sixteen) = save_lines(home, "many", 16);
	let (by_three, by_two) = (home.join("three"), home.join("two"));
	let (all, two) = (options("3", &by_three), options("2", &by_two));
	let before = Ledger::read(node, chain).await;
	let (three, two) = tokio::join!(
		submit(&url, "//Ferdie", program, &few, &all),
		submit(&url, "//Alice", program, &many, &two)
	);
	let mut gains: BTreeMap<AccountId, i128> = BTreeMap::new();
	let events = events_since(node, chain, before.block).await;
	let eve = key("//Eve").account();
	let mut proven = 0;
	for (client, output, folder, lines) in [
		("//Ferdie", &three, &by_three, &four),
		("//Alice", &two, &by_two, &sixteen),
	] {
		assert_complete(output);
		check_swapped(lines, folder);
		let job = document(output)["job"].as_u64().expect("a number");
		let right = outcomes(module, lines, &LIMITS);
		for (index, verdict) in verdicts(&events, job) {
			assert!(verdict.is_accepted(), "{verdict:?}");
			let first = 2 * index as usize;
			assert_eq!(
				verdict.report,
				outcome::report(&right[first..first + 2]),
				"no lie is accepted"
			);
			let lies = verdict.seats.iter().any(|(_, account)| *account == eve);
			assert_eq!(
				verdict.guilty,
				if lies { vec![eve.clone()] } else { Vec::new() },
				"{verdict:?}"
			);
			assert!(verdict
				.lost
				.iter()
				.all(|(who, _, how)| *who == eve && *how == How::Step));
			let earned = verdict.earned(&terms(), |_| ASK);
			assert_eq!(verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(), earned);
			for (account, amount) in earned {
				*gains.entry(account).or_default() += amount as i128;
			}
			for shares in verdict.shares(&terms(), |_| ASK, true) {
				proven += 1;
				let audits = shares.audits.iter().map(|audit| (audit.clone(), shares.audit));
				for (account, amount) in audits.chain([shares.player]) {
					*gains.entry(account).or_default() += amount as i128;
				}
				*gains.entry(eve.clone()).or_default() -= shares.slash as i128;
			}
		}
		node.cli_json(client, &["acknowledge", &job.to_string()]).await;
		node.finalized_without(job).await;
		assert_eq!(escrow(chain, client).await, 0, "the client has the rest back");
		for (account, amount) in kept(&events_since(node, chain, before.block).await, job) {
			*gains.entry(account).or_default() += amount as i128;
		}
	}
	assert!(proven >= 2, "it had a seat in both shards of one job");
	enacted(chain).await;
	let after = Ledger::read(node, chain).await;
	for uri in ["//Bob", "//Charlie", "//Eve"] {
		assert_eq!(after.gain(&before, uri), gains[&key(uri).account()], "{uri}");
		let record = ledger::provider(node, uri).await;
		assert_eq!(record["liability"], json!("0"));
	}
	let lost = gains[&eve].unsigned_abs();
	assert_eq!(bond(chain, "//Eve").await, BOND - lost, "it earned nothing");
	for uri in ["//Bob", "//Charlie"] {
		assert_eq!(bond(chain, uri).await, BOND);
	}
}
