//! Providers that do not serve what they were paid to keep: the client demands it on chain, and has it, or they lose.

use super::{arg, pairs, PRICE};
use millrace_client::{calls, Event};
use millrace_court::demand::Wanted;
use millrace_primitives::{
	provider::{ClassSet, HardwareClass, ProviderInfo, Region},
	AccountId, Balance, JobId, Report, ShardId,
};
use millrace_tests::{
	document, key,
	ledger::{bond, escrow, events_between, events_since, operator_of, Ledger},
	programs::{check_swapped, save, swap_case},
	provider::{Provider, SLOTS},
	run_cli, submission, text, Node,
};
use serde_json::json;
use std::{fs, path::Path};

const KEEPERS: [&str; 2] = ["//Bob", "//Charlie"];
/// What they ask: so much that a newcomer's premium leaves something of what the jobs earn.
const DEAR: Balance = PRICE / 2;

/// Runs a job on these lines to its end, and fetches nothing; its number.
async fn run(node: &Node, program: &str, lines: &str) -> u64 {
	let mut args = vec!["--json", "submit", "--program", program, "--inputs", lines, "--lines"];
	args.extend(["--max-price", "1", "--gas-limit", "100M", "--memory", "1M"]);
	args.extend(["--output-limit", "64K", "--deadline", "30m", "--replicas", "2"]);
	args.extend(["--shard-size", "2", "--watch"]);
	let output = run_cli(&["--url", &node.url(), "--key", "//Alice"], &args).await;
	assert!(output.status.success(), "{}", text(&output));
	submission(&output)["job"].as_u64().expect("a number")
}

/// Fetches a job's outputs, demanding what nobody serves for so much.
async fn fetch(node: &Node, job: u64, folder: &Path, demand: Option<&str>) -> std::process::Output {
	let job = job.to_string();
	let mut args = vec!["--json", "fetch", &job, arg(folder)];
	args.extend(demand.iter().flat_map(|most| ["--demand", most]));
	run_cli(&["--url", &node.url(), "--key", "//Alice"], &args).await
}

/// What the providers of a job were paid, withheld parts included, and what is held for keeping its outputs.
fn paid(events: &[Event], job: u64) -> (Vec<(AccountId, Balance)>, Balance) {
	let shard = ShardId {
		job: JobId(job),
		index: 0,
	};
	let settled = events.iter().filter(|event| event.is("Jobs", "ShardSettled"));
	settled
		.map(|event| {
			type Settled = (ShardId, Report, bool, [Balance; 6], Vec<(AccountId, Balance)>);
			let (of, _, _, sums, paid) = event.decode::<Settled>().expect("the event is as it was");
			(of, (paid, sums[5]))
		})
		.find(|(of, _)| *of == shard)
		.expect("the job is settled")
		.1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_serves_is_shown_on_chain_or_costs_who_keeps_it() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let program = save(&home, "program.wasm", &swap_case(100_000));
	// More than a chunk, and less.
	let lines: Vec<Vec<u8>> = vec![b"Grist for the Mill, ".repeat(1_700), b"one sack".to_vec()];
	let file = home.join("lines");
	fs::write(&file, lines.join(&b'\n')).expect("the inputs can be written");
	let mut keepers = Provider::all_asking(&node, &KEEPERS, DEAR).await;
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let from = chain.finalized_head().await.expect("there is a finalized block").number;
	let (shown, lost) = tokio::join!(run(&node, &program, arg(&file)), run(&node, &program, arg(&file)));
	let settled = events_since(&node, &chain, from).await;

	// From now on nobody reaches them but the chain.
	for owner in KEEPERS {
		let info = ProviderInfo {
			classes: ClassSet::of(&[HardwareClass::General]),
			region: Region::Europe,
			slots: SLOTS,
			memory_pages: 8_192,
			ask: DEAR,
			endpoint: b"http://127.0.0.1:9".to_vec().try_into().expect("it is short"),
		};
		chain
			.submit(&key(owner), calls::update_info(&info))
			.await
			.expect("it is its own");
	}
	let folder = home.join("shown");
	let (aside, more) = (home.join("aside"), home.join("more"));
	let before = Ledger::read(&node, &chain).await;
	// Each asks them for half a minute first.
	let (unasked, cheap, answered) = tokio::join!(
		fetch(&node, shown, &aside, None),
		fetch(&node, shown, &more, Some("0.0001")),
		fetch(&node, shown, &folder, Some("2"))
	);
	assert!(
		!unasked.status.success() && text(&unasked).contains("--demand MILL"),
		"{}",
		text(&unasked)
	);
	assert!(text(&cheap).contains("give 0."), "{}", text(&cheap));
	assert!(answered.status.success(), "{}", text(&answered));
	assert_eq!(document(&answered)["missing"], json!([]));
	check_swapped(&lines, &folder);
	// Two outcomes, and three chunks, each paid for once; the operators have more than their fees back.
	let events = events_since(&node, &chain, from).await;
	let answers = events.iter().filter(|event| event.is("Jobs", "Answered"));
	let answers: Vec<_> = answers
		.map(|event| event.decode::<(ShardId, Wanted, AccountId, Balance)>())
		.map(|answer| answer.expect("Answered is understood"))
		.collect();
	assert_eq!(answers.len(), 5);
	let after = Ledger::read(&node, &chain).await;
	let gains: i128 = KEEPERS
		.iter()
		.map(|owner| after.gain(&before, &operator_of(owner)))
		.sum();
	assert!(gains > 0, "{gains}");
	// What answers are paid the client loses, and nobody has or loses anything else.
	let mut moved = Vec::new();
	for (_, _, provider, paid) in &answers {
		let keeper = KEEPERS.iter().find(|owner| key(owner).account() == *provider);
		let operator = operator_of(keeper.expect("who keeps them answers"));
		moved.extend([(operator, *paid as i128), ("//Alice".into(), -(*paid as i128))]);
	}
	after.assert_gains(&node, &chain, &before, &moved).await;

	// With their machines off they lose of their bonds what they were paid, and what is withheld of it and what they had earned
	// by keeping the outputs. All of it burns: the client has back only what was for keeping them longer.
	let bonds = [bond(&chain, KEEPERS[0]).await, bond(&chain, KEEPERS[1]).await];
	let held = escrow(&chain, "//Alice").await;
	keepers.iter_mut().for_each(Provider::kill);
	let before = Ledger::read(&node, &chain).await;
	let silent = fetch(&node, lost, &home.join("lost"), Some("2")).await;
	assert!(
		!silent.status.success() && text(&silent).contains("nobody showed"),
		"{}",
		text(&silent)
	);
	let (paid, storage) = paid(&settled, lost);
	let cap = pairs(2).terms().cap;
	assert!(paid.iter().all(|(_, amount)| (1..=cap).contains(amount)), "{paid:?}");
	let mut withheld = 0;
	for (owner, bond_before) in KEEPERS.iter().zip(bonds) {
		let (_, amount) = paid
			.iter()
			.find(|(who, _)| *who == key(owner).account())
			.expect("both are paid");
		assert_eq!(bond(&chain, owner).await, bond_before - amount, "{owner}");
		withheld += amount.div_ceil(10);
	}
	assert_eq!(escrow(&chain, "//Alice").await, held - withheld - storage);
	node.finalized_without(lost).await;
	let after = Ledger::read(&node, &chain).await;
	let events = events_between(&node, &chain, before.block, after.block).await;
	// Of which shard, what is the client's again, and of each keeper what was withheld, what it had for keeping, and of its bond.
	type Failed = (ShardId, Balance, Balance, Vec<(AccountId, Balance, Balance, Balance)>);
	let failed = events.iter().find(|event| event.is("Jobs", "CustodyFailed"));
	let failed = failed.expect("they were not shown").decode::<Failed>();
	let (of, _, _, mut losers) = failed.expect("CustodyFailed is understood");
	assert_eq!(of.job, JobId(lost));
	losers.sort();
	let mut expected = paid.clone();
	expected.sort();
	let known: Vec<_> = losers
		.iter()
		.map(|(who, held, _, bound)| (who, *held, *bound))
		.collect();
	let expected: Vec<_> = expected
		.iter()
		.map(|(who, amount)| (who, amount.div_ceil(10), *amount))
		.collect();
	assert_eq!(known, expected);
	let mut moved = Vec::new();
	for owner in KEEPERS {
		let loser = losers.iter().find(|(who, ..)| *who == key(owner).account());
		let (_, held, stored, bound) = loser.expect("both lose");
		assert!(*stored > 0, "both had earned something by keeping them");
		moved.extend([(owner, -(*bound as i128)), ("//Alice", -((held + stored) as i128))]);
	}
	after.assert_gains(&node, &chain, &before, &moved).await;
}
