//! The challenger's machine fails in the middle of a game.

use super::{done, pairs, run, Trial, CHECKING, LIMITS};
use millrace_client::At;
use millrace_court::case::How;
use millrace_primitives::{JobId, ShardId};
use millrace_tests::{
	key,
	ledger::Ledger,
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	wait_for, wait_within, Node, DEADLINE,
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_challenger_that_is_killed_goes_on_where_it_was_and_wins() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	// Slow enough for a crash between two moves.
	let slow = Plan {
		pace: Duration::from_secs(1),
		..Plan::default()
	};
	let (mut honest, _checker, _liar) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::asking(&node, "//Dave", CHECKING),
		liar::start(&node, "//Charlie", slow)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (output, ()) = tokio::join!(run(&url, &program, &inputs, pairs(2), &folder), async {
		let shard = ShardId {
			job: JobId(0),
			index: 0,
		};
		// The task is known: from here on moves are about its states.
		let played = || async {
			let case = chain.market(At::Best).case(shard).await.ok()??;
			let board = case.boards.iter().find(|board| board.task.is_some())?;
			Some(board.board.clone())
		};
		let position = wait_within(3 * DEADLINE, "a board about a task", played).await;
		honest.kill();
		wait_for("another move", || async { (played().await? != position).then_some(()) }).await;
		tokio::time::sleep(Duration::from_secs(3)).await;
		let left = played().await;
		honest.restart();
		wait_for("the board to go on", || async {
			(played().await != left).then_some(())
		})
		.await;
	});
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let verdict = &job.verdicts[&0];
	let (bob, liar) = (key("//Bob").account(), key("//Charlie").account());
	assert_eq!(verdict.lost, [(liar, Some(bob), How::Step)]);
	assert!(honest.is_running());
	job.assert_proven(&Trial {
		shape: pairs(2),
		bought: &["//Bob", "//Charlie"],
		everybody: &["//Bob", "//Charlie", "//Dave"],
		right: &right,
		liars: |_| &["//Charlie"],
		sampled: true,
	});
}
