//! A client that serves its inputs no more once those who were bought have them: where one of these is silent on its board, and
//! where others are drawn to check them.

use super::{over, pairs, run_with, CHECKING, PRICE};
use millrace_client::Chain;
use millrace_court::case::{End, How, Kind};
use millrace_primitives::{api::CaseStage, Balance, JobId, ShardId};
use millrace_tests::{
	accuser::case,
	document, fees_in, key,
	ledger::{provider, Ledger},
	liar::{self, Plan},
	programs::{save, save_lines, swap_case},
	provider::Provider,
	served::{serve_job, serve_job_to},
	wait_for, wait_within, Node, DEADLINE,
};

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 5] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash", "//Charlie//stash"];
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_fetch_is_paid_to_nobody_and_costs_only_who_was_found_out() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let silent = Plan {
		plays: false,
		..Plan::default()
	};
	let (_honest, _checkers, _liar, (server, endpoint)) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, "//Charlie", silent),
		serve_job(&module, &lines, <[u8]>::to_vec)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;

	let before = Ledger::read(&node, &chain).await;
	let url = node.url();
	let served = ["--endpoint", endpoint.as_str()];
	let output = run_with(&url, &program, &inputs, pairs(2), &served).await;
	assert!(output.status.success(), "{}", millrace_tests::text(&output));
	wait_within(3 * DEADLINE, "both to have sealed", || async {
		let case = case(&chain, SHARD).await?;
		(case.stage != CaseStage::Sealing).then_some(())
	})
	.await;
	drop(server);
	wait_within(5 * DEADLINE, "the job to be over", || async {
		node.job(0).await.is_none().then_some(())
	})
	.await;
	let submitted = document(&output);
	let job = over(&node, &chain, before, &submitted, fees_in(&submitted)).await;
	assert_eq!(job.failed, 1);
	all_are_free(&node).await;
	let (verdict, terms) = (&job.verdicts[&0], pairs(2).terms());
	assert_eq!(verdict.end, Some(End::NoData), "{verdict:?}");
	assert!(
		verdict.report.is_none() && verdict.guilty.is_empty() && verdict.payments.is_empty(),
		"{verdict:?}"
	);
	assert_eq!(
		verdict.drawn(Kind::Fresh).len() + verdict.drawn(Kind::Audit).len(),
		CHECKERS.len(),
		"one after the other says that it cannot fetch: {verdict:?}"
	);
	let (bob, liar) = (key("//Bob").account(), key("//Charlie").account());
	// Who is drawn to be audited must not gain by hiding what would be seen: nobody can tell whether the client does it for a seat.
	let lost = match verdict.audited {
		true => 4 * terms.cap,
		false => {
			assert_eq!(verdict.lost, [(liar, Some(bob), How::Clock)]);
			0
		}
	};
	for uri in BOUGHT {
		assert_eq!(job.gain(uri), -(lost as i128), "{uri}: {verdict:?}");
	}
	for uri in CHECKERS {
		assert_eq!(job.gain(uri), 0, "{uri}: {verdict:?}");
	}
	assert_eq!(job.gain("//Alice"), -(job.cost as i128));
}

/// Each shard of a newcomer is drawn one time in four.
const SHARDS: usize = 8;
/// So many jobs without a shard that is drawn are less likely than one in ten thousand.
const JOBS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_those_who_check_cannot_fetch_is_paid_to_nobody_and_costs_who_was_to_be_checked() {
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
		if withheld(&node, &chain, job, (&module, &program), (&inputs, &lines)).await > 0 {
			return;
		}
	}
	panic!("{JOBS} jobs, and none of their shards was drawn");
}

/// Runs a job whose inputs are served to those who are bought and nobody else; how many of its shards were drawn.
async fn withheld(
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
	let mut spent = fees_in(&submitted);
	// Of whom nobody was drawn, the outputs are there; what is lost leaves nothing.
	let decided = wait_within(5 * DEADLINE, "all shards to be decided", || async {
		let Some(view) = node.job(job).await else {
			return Some(None);
		};
		let over = view["accepted"].as_u64()? + view["failed"].as_u64()?;
		(over == SHARDS as u64).then_some(Some(view))
	})
	.await;
	if decided.is_some() {
		node.finalizes(node.best().await.expect("there is a best block")).await;
		spent += fees_in(&node.cli_json("//Alice", &["acknowledge", &job.to_string()]).await);
	}
	let job = over(node, chain, before, &submitted, spent).await;
	all_are_free(node).await;
	let terms = pairs(1).terms();
	let ask = |_: &_| PRICE / 2;
	let mut earned = [0; 2];
	let drawn = job.verdicts.values().filter(|verdict| verdict.audited).count();
	assert_eq!((job.verdicts.len(), job.failed as usize), (SHARDS, drawn));
	for verdict in job.verdicts.values() {
		assert!(verdict.guilty.is_empty() && verdict.lost.is_empty(), "{verdict:?}");
		if verdict.audited {
			assert_eq!(verdict.end, Some(End::NoData), "{verdict:?}");
			assert!(verdict.report.is_none() && verdict.payments.is_empty(), "{verdict:?}");
			let tried = verdict.drawn(Kind::Audit).len();
			assert_eq!(tried, CHECKERS.len(), "one after the other says so: {verdict:?}");
			continue;
		}
		assert!(verdict.is_accepted(), "{verdict:?}");
		let paid = verdict.earned(&terms, ask);
		for (uri, earned) in BOUGHT.iter().zip(&mut earned) {
			*earned += paid[&key(uri).account()];
		}
	}
	// A price of the rule that nobody gains by hiding what would be seen, and the least at which that holds: C / p.
	let lost = 4 * terms.cap * drawn as Balance;
	for (uri, earned) in BOUGHT.iter().zip(earned) {
		assert_eq!(job.gain(uri), earned as i128 - lost as i128, "{uri}: {drawn} drawn");
	}
	for uri in CHECKERS {
		assert_eq!(job.gain(uri), 0, "{uri} had nothing to check");
	}
	assert_eq!(job.gain("//Alice"), -(job.cost as i128));
	drawn
}
