//! A client that serves its inputs no more once those who were bought have them, where one of these is silent on its board.

use super::{over, pairs, run_with, CHECKING};
use millrace_court::case::{End, How, Kind};
use millrace_primitives::{api::CaseStage, JobId, ShardId};
use millrace_tests::{
	accuser::case,
	document, fees_in, key,
	ledger::{provider, Ledger},
	liar::{self, Plan},
	programs::{save, save_lines, swap_case},
	provider::Provider,
	served::serve_job,
	wait_for, wait_within, Node, DEADLINE,
};

const CHECKERS: [&str; 5] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash", "//Charlie//stash"];
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

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
	wait_for("all liabilities to be free", || async {
		for uri in ["//Bob", "//Charlie"].iter().chain(&CHECKERS) {
			if provider(&node, uri).await["liability"] != "0" {
				return None;
			}
		}
		Some(())
	})
	.await;
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
	for uri in ["//Bob", "//Charlie"] {
		assert_eq!(job.gain(uri), -(lost as i128), "{uri}: {verdict:?}");
	}
	for uri in CHECKERS {
		assert_eq!(job.gain(uri), 0, "{uri}: {verdict:?}");
	}
	assert_eq!(job.gain("//Alice"), -(job.cost as i128));
}
