//! Somebody without a seat says that a right report is wrong.

use super::{ask, done, pairs, run, LIMITS};
use millrace_client::{calls, Error};
use millrace_primitives::{outcome, Gas, JobId, ShardId};
use millrace_tests::{
	accuser::{accuse, Accusation},
	key,
	ledger::{accusations, Ledger},
	liar::Forgery,
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Provider, ASK},
	wait_for, Node,
};

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};
/// The task that is accused.
const TASK: u32 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn a_false_accuser_loses_its_bond() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 3);
	let (_honest, _checkers) = tokio::join!(
		Provider::start_all(&node, &BOUGHT),
		Provider::all_asking(&node, &["//Dave", "//Eve"], super::CHECKING)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let gas: Gas = right.iter().map(|outcome| outcome.gas_used).sum();
	let accusation = Accusation {
		by: "//Ferdie".into(),
		of: key(BOUGHT[0]).account(),
		task: TASK,
		outcome: Forgery::MoreGas.of(&right[TASK as usize], &LIMITS),
		truth: 1_000,
		plays: true,
	};

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (output, accused) = tokio::join!(run(&url, &program, &inputs, pairs(3), &folder), async {
		wait_for("the job", || node.job(SHARD.job.0)).await;
		let accused = accuse(&chain, SHARD, &module, &lines, &accusation).await;
		assert_eq!(
			accusations(&chain, "//Ferdie").await,
			accused.bond,
			"its bond waits for the end of the case"
		);
		accused
	});
	let pull = || calls::pull(SHARD, accused.board);
	let pulled = chain.submit(&key("//Ferdie"), pull()).await;
	let fees = accused.fees + pulled.expect("the case is over").fee().expect("it has a fee");
	assert_eq!(accusations(&chain, "//Ferdie").await, 0);
	let again = chain.submit(&key("//Ferdie"), pull()).await;
	assert!(
		matches!(&again, Err(Error::Dispatch { error, .. }) if error == "UnknownShard"),
		"{again:?}"
	);
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let (verdict, terms) = (&job.verdicts[&0], pairs(3).terms());
	assert!(verdict.is_accepted(), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	assert!(
		verdict.guilty.is_empty() && verdict.lost.is_empty(),
		"no seat lost anything: {verdict:?}"
	);
	let bond = accused.bond;
	assert_eq!(bond, terms.after(verdict.largest(&terms, ask(&BOUGHT))));
	let (pay, _) = terms.pay(ASK, gas);
	let quarter = (bond / 4) as i128;
	assert_eq!(
		job.gain(BOUGHT[0]),
		pay as i128 + quarter,
		"who was accused was paid for it"
	);
	assert_eq!(job.gain(BOUGHT[1]), pay as i128);
	assert_eq!(job.gain("//Alice"), quarter - job.cost as i128);
	// A call that fails costs its fee all the same; how much, the ledger knows.
	let failed = -job.gain("//Ferdie") - (bond + fees) as i128;
	assert!(
		(0..=fees as i128).contains(&failed),
		"the accuser lost its bond and fees: {failed}"
	);
	wait_for("all liabilities to be free", || async {
		for uri in BOUGHT {
			let record = millrace_tests::ledger::provider(&node, uri).await;
			if record["liability"] != "0" {
				return None;
			}
		}
		Some(())
	})
	.await;
}
