//! Nothing is finalized for a while in the middle of a game.

use super::{done, pairs, run, Trial, CHECKING, LIMITS};
use millrace_primitives::{JobId, ShardId};
use millrace_tests::{
	accuser::case,
	ledger::{events_since, Ledger},
	liar::{self, Plan},
	network::Network,
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	wait_for, wait_within, DEADLINE,
};
use std::time::Duration;

const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_on_when_finality_does_and_nobody_moves_twice() {
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
		let best = || async { chain.best_head().await.ok().map(|head| u64::from(head.number)) };
		let from = best().await.expect("there is a best block");
		// As long as a liar may think about a third of its moves.
		wait_for("twenty blocks that are not finalized", || async {
			best().await.filter(|best| *best >= from + 20)
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
	job.assert_proven(&Trial {
		shape: pairs(2),
		bought: &["//Bob", "//Charlie"],
		everybody: &["//Bob", "//Charlie", "//Dave"],
		right: &right,
		liars: |_| &["//Charlie"],
		sampled: true,
	});
}
