//! Nothing is finalized for a while in the middle of a game, and seals are lost with a fork.

use super::{done, over, pairs, run, run_with, Trial, CHECKING, LIMITS};
use millrace_client::Chain;
use millrace_primitives::{api::CaseStage, JobId, Outcome, ShardId};
use millrace_tests::{
	accuser::case,
	document, fees_in,
	ledger::{events_since, Ledger},
	liar::{self, Plan},
	network::Network,
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	served::serve_job,
	text, wait_for, wait_within, Node, DEADLINE,
};
use serde_json::{json, Value};
use std::time::Duration;

const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_on_when_finality_does_and_what_a_fork_lost_is_done_again() {
	let mut network = Network::start().await;
	let home = network.node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	// Slow enough for the stall to come between two moves.
	let slow = Plan {
		pace: Duration::from_secs(1),
		..Plan::default()
	};
	let (_honest, _checker, _liar) = tokio::join!(
		Provider::start(&network.node, "//Bob"),
		Provider::asking(&network.node, "//Dave", CHECKING),
		liar::start(&network.node, "//Charlie", slow)
	);
	let chain = network.node.chain().await;
	network
		.node
		.cli_json("//Alice", &["program", "publish", &program])
		.await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&network.node, &chain).await;
	let folder = home.join("outputs");
	let url = network.node.url();
	let (output, ()) = tokio::join!(run(&url, &program, &inputs, pairs(2), &folder), async {
		wait_within(3 * DEADLINE, "a board about a task", || async {
			let case = case(&chain, SHARD).await?;
			case.boards.iter().any(|board| board.task.is_some()).then_some(())
		})
		.await;
		network.stop_others();
		let stalled = network.node.finalized().await.expect("there is a finalized block");
		let from = network.node.best().await.expect("there is a best block");
		// As long as a liar may think about a third of its moves.
		wait_for("twenty blocks that are not finalized", || async {
			network.node.best().await.filter(|best| *best >= from + 20)
		})
		.await;
		let finalized = network.node.finalized().await.expect("there is a finalized block");
		assert!(
			finalized <= stalled + 2,
			"{finalized} is finalized, and was {stalled} before"
		);
		network.start_others().await;
		network.node.finalizes(from + 20).await;
	});
	let events = events_since(&network.node, &chain, before.block).await;
	let job = done(&network.node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let refused = events.iter().filter(|event| event.is("System", "ExtrinsicFailed"));
	assert_eq!(refused.count(), 0, "nobody moved twice, and no move came too late");
	job.assert_proven(&trial(&right));
	seals_are_lost(&mut network, &chain, (&module, &program), (&inputs, &lines), &right).await;
}

/// Both seats seal in blocks of the first validator alone, which the others never see.
async fn seals_are_lost(
	network: &mut Network,
	chain: &Chain,
	(module, program): (&[u8], &str),
	(inputs, lines): (&str, &[Vec<u8>]),
	right: &[Outcome],
) {
	let before = Ledger::read(&network.node, chain).await;
	let (_server, endpoint) = serve_job(module, lines, <[u8]>::to_vec).await;
	let served = ["--endpoint", endpoint.as_str()];
	let output = run_with(&network.node.url(), program, inputs, pairs(2), &served).await;
	assert!(output.status.success(), "{}", text(&output));
	let submitted = document(&output);
	network.stop_others();
	let shard = ShardId {
		job: JobId(1),
		index: 0,
	};
	wait_for("both to have sealed", || async {
		let case = case(chain, shard).await?;
		(case.stage != CaseStage::Sealing).then_some(())
	})
	.await;
	let last = network.node.best().await.expect("there is a best block");
	let lost = hash(&network.node, last).await;
	network.node.kill();
	network.start_others().await;
	// So many that theirs is the better chain, whoever drew the better slots.
	wait_for("the others' chain to be longer", || async {
		network.best_of_others().await.filter(|best| *best >= last + 35)
	})
	.await;
	network.node.restart().await;
	network.node.finalizes(last + 35).await;
	assert_ne!(hash(&network.node, last).await, lost, "the seals' blocks are gone");
	wait_within(3 * DEADLINE, "the job to be computed all the same", || async {
		network.node.job(1).await.filter(|job| job["accepted"] == 1)
	})
	.await;
	let accepted = network.node.best().await.expect("there is a best block");
	network.node.finalizes(accepted).await;
	let acknowledged = network.node.cli_json("//Alice", &["acknowledge", "1"]).await;
	let fees = fees_in(&submitted) + fees_in(&acknowledged);
	let job = over(&network.node, chain, before, &submitted, fees).await;
	assert_eq!(job.failed, 0);
	job.assert_proven(&trial(right));
}

async fn hash(node: &Node, block: u64) -> Value {
	node.rpc("chain_getBlockHash", json!([block]))
		.await
		.expect("it is told")
}

fn trial(right: &[Outcome]) -> Trial<'_> {
	Trial {
		shape: pairs(2),
		bought: &["//Bob", "//Charlie"],
		everybody: &["//Bob", "//Charlie", "//Dave"],
		right,
		liars: |_| &["//Charlie"],
		sampled: true,
	}
}
