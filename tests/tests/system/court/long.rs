//! A dispute about a long run: 2^31 steps, or two to the power of MILLRACE_STEPS (scripts/long-dispute.sh), with its time against
//! the clocks.

use super::{done, pairs, run, Shape, Trial};
use millrace_client::At;
use millrace_court::clock::at_leaf;
use millrace_primitives::{
	params::{CourtParams, JobsParams},
	window::run_rate,
	Gas, JobId, Limits, MarketBlock, ShardId, MILLI,
};
use millrace_tests::{
	accuser::case,
	ledger::Ledger,
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	wait_within, Node, DEADLINE,
};
use std::time::{Duration, Instant};

const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};
/// What [`swap_case`] does for each turn.
const STEPS_A_TURN: u64 = 15;
const GAS_A_TURN: Gas = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_in_a_run_of_two_billion_steps_is_found_within_the_clocks() {
	let power = std::env::var("MILLRACE_STEPS").map_or(31, |power| power.parse().expect("a power of two"));
	let turns = (1u64 << power) / STEPS_A_TURN + 1;
	let limits = Limits {
		gas: turns * GAS_A_TURN + 1_000_000,
		..pairs(1).limits
	};
	let shape = Shape {
		price: 10 * MILLI,
		limits,
		..pairs(1)
	};
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(turns);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 1);
	let (_honest, _liar, _checker) = tokio::join!(
		Provider::start(&node, "//Bob"),
		// Right for most of the run, so that both replay it to near its end.
		liar::start(&node, "//Charlie", Plan::default()),
		Provider::asking(&node, "//Dave", shape.checking())
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &limits);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let patience = DEADLINE * 3 + Duration::from_secs(turns / 1_000_000);
	let (output, (took, blocks)) = tokio::join!(run(&url, &program, &inputs, shape, &folder), async {
		let now = || async { chain.market(At::Best).now().await.expect("told") };
		wait_within(patience, "the board to be about the task", || async {
			let case = case(&chain, SHARD).await?;
			case.boards.iter().any(|board| board.task.is_some()).then_some(())
		})
		.await;
		let (began, from) = (Instant::now(), now().await);
		wait_within(patience, "the board to be decided", || async {
			let open = |board: &millrace_primitives::api::BoardView| board.targets_turn.is_some();
			let case = case(&chain, SHARD).await;
			case.is_none_or(|case| !case.boards.iter().any(open)).then_some(())
		})
		.await;
		(began.elapsed(), now().await - from)
	});
	let clock: MarketBlock = CourtParams::fast().clock
		+ at_leaf(
			limits.gas,
			limits.memory_pages,
			run_rate(limits.memory_pages, &JobsParams::fast()),
		);
	println!(
		"a dispute of 2^{power} steps took {:.1} s in {blocks} blocks; each party had {clock}, which are {} s on a chain of \
		 blocks of 3 s",
		took.as_secs_f64(),
		3 * clock
	);
	assert!(
		blocks <= 2 * clock,
		"{blocks} blocks: the two had {clock} each to begin with, and needed what moves add"
	);
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	job.assert_proven(&Trial {
		shape,
		bought: &["//Bob", "//Charlie"],
		everybody: &["//Bob", "//Charlie", "//Dave"],
		right: &right,
		liars: |_| &["//Charlie"],
		sampled: true,
	});
}
