//! A liar is played down to the step that its machine does not make.

use super::{done, pairs, run, Trial, CHECKING, LIMITS};
use millrace_client::Chain;
use millrace_primitives::Outcome;
use millrace_tests::{
	ledger::Ledger,
	liar::{self, Forgery, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Inside, Provider},
	Node,
};

/// Who can be bought: one honest provider, and the liar.
const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 2] = ["//Dave", "//Eve"];

/// A job in which the liar has a seat in every shard.
fn trial(tasks: u32, right: &[Outcome]) -> Trial<'_> {
	Trial {
		shape: pairs(tasks),
		bought: &BOUGHT,
		everybody: &["//Bob", "//Charlie", "//Dave", "//Eve"],
		right,
		liars: |_| &["//Charlie"],
		sampled: true,
	}
}

async fn market(node: &Node, plan: Plan) -> (Chain, Vec<Provider>, Inside) {
	let (honest, mut checkers, liar) = tokio::join!(
		Provider::start(node, "//Bob"),
		Provider::all_asking(node, &CHECKERS, CHECKING),
		liar::start(node, "//Charlie", plan)
	);
	checkers.push(honest);
	(node.chain().await, checkers, liar)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_step_late_in_a_long_run_is_found() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(3_000_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 3);
	// The last task of three, and it is right for 99 of 100 steps.
	let plan = Plan {
		tasks: 2..3,
		truth: 990,
		..Plan::default()
	};
	let (chain, _honest, _liar) = market(&node, plan).await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	assert!(right[2].gas_used > 10_000_000, "{:?}", right[2]);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let output = run(&node.url(), &program, &inputs, pairs(3), &folder).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	job.assert_proven(&trial(3, &right));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_claims_no_gas_or_all_of_it_or_a_little_too_much_is_found() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 6);
	let plan = Plan {
		forgeries: vec![Some(Forgery::NoGas), Some(Forgery::AllGas), Some(Forgery::MoreGas)],
		tasks: 1..2,
		truth: 1_000,
		attacks: true,
		..Plan::default()
	};
	let (chain, _honest, _liar) = market(&node, plan).await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let output = run(&node.url(), &program, &inputs, pairs(2), &folder).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	assert_eq!(job.verdicts.len(), 3);
	job.assert_proven(&trial(2, &right));
}
