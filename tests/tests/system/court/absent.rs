//! A client that serves its inputs to those who were bought and to nobody who checks them.

use super::{over, pairs, run_with, CHECKING, PRICE};
use millrace_client::Chain;
use millrace_court::case::Kind;
use millrace_primitives::{AccountId, Balance};
use millrace_tests::{
	document, fees_in, key,
	ledger::{provider, Ledger},
	programs::{save, save_lines, swap_case},
	provider::Provider,
	served::serve_job_to,
	wait_for, wait_within, Node, DEADLINE,
};
use std::collections::BTreeMap;

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 5] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash", "//Charlie//stash"];

async fn all_are_free(node: &Node) {
	wait_for("all liabilities to be free", || async {
		for uri in BOUGHT.iter().chain(&CHECKERS) {
			if provider(node, uri).await["liability"] != "0" {
				return None;
			}
		}
		Some(())
	})
	.await;
}

/// Each shard of a newcomer is drawn one time in four.
const SHARDS: usize = 8;
/// So many jobs without a shard that is drawn are less likely than one in ten thousand.
const JOBS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_serves_nobody_who_checks_they_have_of_the_seats() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", SHARDS);
	let (_bought, _checkers) = tokio::join!(
		Provider::all_asking(&node, &BOUGHT, PRICE / 2),
		Provider::all_asking(&node, &CHECKERS, CHECKING)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	for job in 0..JOBS {
		if served_to_seats(&node, &chain, job, (&module, &program), (&inputs, &lines)).await > 0 {
			return;
		}
	}
	panic!("{JOBS} jobs, and none of their shards was drawn");
}

/// Runs a job whose inputs are served to those who are bought and nobody else; how many of its shards were drawn.
async fn served_to_seats(
	node: &Node,
	chain: &Chain,
	job: u64,
	(module, program): (&[u8], &str),
	(inputs, lines): (&str, &[Vec<u8>]),
) -> usize {
	let (_server, endpoint) = serve_job_to(BOUGHT.len(), module, lines).await;
	let before = Ledger::read(node, chain).await;
	let served = ["--endpoint", endpoint.as_str()];
	let output = run_with(&node.url(), program, inputs, pairs(1), &served).await;
	assert!(output.status.success(), "{}", millrace_tests::text(&output));
	let submitted = document(&output);
	let decided = wait_within(5 * DEADLINE, "all shards to be decided", || async {
		let view = node.job(job).await?;
		let over = view["accepted"].as_u64()? + view["failed"].as_u64()?;
		(over == SHARDS as u64).then_some(())
	});
	decided.await;
	node.finalizes(node.best().await.expect("there is a best block")).await;
	let spent = fees_in(&submitted) + fees_in(&node.cli_json("//Alice", &["acknowledge", &job.to_string()]).await);
	let job = over(node, chain, before, &submitted, spent).await;
	all_are_free(node).await;
	let terms = pairs(1).terms();
	let is_bought = |account: &AccountId| BOUGHT.iter().any(|uri| key(uri).account() == *account);
	let ask = |account: &AccountId| if is_bought(account) { PRICE / 2 } else { CHECKING };
	let mut earned = BTreeMap::<AccountId, Balance>::new();
	let drawn = job.verdicts.values().filter(|verdict| verdict.audited).count();
	assert_eq!((job.verdicts.len(), job.failed), (SHARDS, 0));
	for verdict in job.verdicts.values() {
		assert!(verdict.guilty.is_empty() && verdict.lost.is_empty(), "{verdict:?}");
		assert!(verdict.is_accepted() && verdict.left.is_empty(), "{verdict:?}");
		assert_eq!(!verdict.drawn(Kind::Audit).is_empty(), verdict.audited, "{verdict:?}");
		let paid = verdict.earned(&terms, ask);
		assert_eq!(verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(), paid);
		paid.into_iter()
			.for_each(|(account, amount)| *earned.entry(account).or_default() += amount);
	}
	for uri in BOUGHT.iter().chain(&CHECKERS) {
		let earned = earned.get(&key(uri).account()).copied().unwrap_or_default();
		assert_eq!(job.gain(uri), earned as i128, "{uri}: {drawn} drawn");
	}
	assert_eq!(job.gain("//Alice"), -(job.cost as i128));
	drawn
}
