//! Three seats: one that lies about one task of a thousand, and two that say the same lie.

use super::{done, run, Shape, Trial, CHECKING, PRICE};
use millrace_primitives::Limits;
use millrace_tests::{
	ledger::Ledger,
	liar::{self, Forgery, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	Node,
};

const TASKS: u32 = 1_000;
/// Tasks of the second shard.
const FEW: u32 = 8;
/// The task that is forged, of each shard's.
const FORGED: u32 = FEW - 1;
const SHAPE: Shape = Shape {
	price: PRICE,
	replicas: 3,
	tasks: TASKS,
	limits: Limits {
		gas: 1_000_000,
		memory_pages: 16,
		output: 1_024,
	},
};

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_task_of_a_thousand_is_found_though_two_of_three_say_it() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(10);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", (TASKS + FEW) as usize);
	// In the first shard Charlie is alone, in the second the two of them stand against Bob.
	let plan = |forgeries| Plan {
		forgeries,
		tasks: FORGED..FORGED + 1,
		attacks: true,
		..Plan::default()
	};
	let (_honest, _checkers, _one, _other) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &["//Eve", "//Ferdie"], CHECKING),
		liar::start(&node, "//Charlie", plan(vec![Some(Forgery::Output)])),
		liar::start(&node, "//Dave", plan(vec![None, Some(Forgery::Output)])),
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &SHAPE.limits);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let output = run(&node.url(), &program, &inputs, SHAPE, &folder).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	job.assert_proven(&Trial {
		shape: SHAPE,
		bought: &["//Bob", "//Charlie", "//Dave"],
		everybody: &["//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"],
		right: &right,
		liars: |shard| {
			if shard == 0 {
				&["//Charlie"]
			} else {
				&["//Charlie", "//Dave"]
			}
		},
		// Four of the tasks.
		sampled: false,
	});
}
