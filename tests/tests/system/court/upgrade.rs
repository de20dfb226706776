//! A new runtime takes over in the middle of a game: the clock stands until all have it, and the game goes on.

use super::{arg, over, pairs, run_with, Trial, CHECKING, LIMITS};
use codec::{Decode, Encode};
use millrace_client::{At, Chain};
use millrace_primitives::{BlockNumber, JobId, MarketBlock, ShardId};
use millrace_runtime::{RuntimeCall, UncheckedExtrinsic, VERSION};
use millrace_tests::{
	accuser::case,
	document, fees_in, hex0x,
	ledger::{events_since, vacated, Ledger},
	liar::{self, Plan},
	next_runtime,
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	served::serve_job,
	text, wait_for, wait_within, Node, DEADLINE,
};
use serde_json::json;
use sp_crypto_hashing::{blake2_256, twox_128};
use std::time::Duration;

const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};
/// For so many blocks the clock stands.
const STANDS: BlockNumber = 20;

/// The call `System.apply_authorized_upgrade`, which anybody may make without signing it.
fn upgrade(code: &[u8]) -> String {
	let call = RuntimeCall::decode(&mut &[&[0, 11][..], &code.encode()].concat()[..]).expect("there is such a call");
	hex0x(&UncheckedExtrinsic::new_bare(call).encode())
}

/// The runtime's version at a block.
async fn version(node: &Node, chain: &Chain, block: BlockNumber) -> u64 {
	let hash = chain.block_hash(block).await.expect("told").expect("it is there");
	let version = node.rpc("state_getRuntimeVersion", json!([hash])).await.expect("told");
	version["specVersion"].as_u64().expect("a number")
}

/// The market's clock at a block.
async fn clock(chain: &Chain, block: BlockNumber) -> MarketBlock {
	let hash = chain.block_hash(block).await.expect("told").expect("it is there");
	chain.market(At::Hash(hash)).now().await.expect("told")
}

/// The blocks after this one with an event of this name.
async fn blocks_with(chain: &Chain, from: BlockNumber, (pallet, name): (&str, &str)) -> Vec<BlockNumber> {
	let last = chain.finalized_head().await.expect("there is a finalized block").number;
	let mut found = Vec::new();
	for number in from + 1..=last {
		let hash = chain.block_hash(number).await.expect("told").expect("it is there");
		let events = chain.events(hash).await.expect("events can be read");
		if events.iter().any(|event| event.is(pallet, name)) {
			found.push(number);
		}
	}
	found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_on_under_a_new_runtime() {
	let code = next_runtime();
	// No account can decide on an upgrade before there is governance: this chain was begun with one that is decided on, if it
	// has a later version.
	let authorized = [twox_128(b"System"), twox_128(b"AuthorizedUpgrade")].concat();
	let node = Node::start_with(&authorized, &(blake2_256(&code), true).encode()).await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	// Slow enough for the upgrade to come between two moves.
	let slow = Plan {
		pace: Duration::from_secs(1),
		..Plan::default()
	};
	let (_honest, _checker, _liar, (_server, endpoint)) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::asking(&node, "//Dave", CHECKING),
		liar::start(&node, "//Charlie", slow),
		serve_job(&module, &lines, <[u8]>::to_vec)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let from = before.block;
	let folder = home.join("outputs");
	let url = node.url();
	let output = run_with(&url, &program, &inputs, pairs(2), &["--endpoint", &endpoint]).await;
	assert!(output.status.success(), "{}", text(&output));
	let submitted = document(&output);
	wait_within(3 * DEADLINE, "a board about a task", || async {
		let case = case(&chain, SHARD).await?;
		case.boards.iter().any(|board| board.task.is_some()).then_some(())
	})
	.await;
	// While the node compiles it nobody has an answer.
	node.rpc("author_submitExtrinsic", json!([upgrade(&code)]))
		.await
		.expect("it is authorized");
	wait_for("the new runtime", || async {
		let version = node.rpc("state_getRuntimeVersion", json!([])).await.ok()?;
		(version["specVersion"] == json!(1_000_000)).then_some(())
	})
	.await;
	wait_within(3 * DEADLINE, "what is right to be accepted", || async {
		node.job(0).await.filter(|job| job["accepted"] == 1)
	})
	.await;
	node.finalizes(node.best().await.expect("there is a best block")).await;
	node.cli_json("//Alice", &["fetch", "0", arg(&folder)]).await;
	check_swapped(&lines, &folder);
	let acknowledged = node.cli_json("//Alice", &["acknowledge", "0"]).await;
	let fees = fees_in(&submitted) + fees_in(&acknowledged);
	let job = over(&node, &chain, before, &submitted, fees).await;
	assert_eq!(job.failed, 0);

	// The block in which the code changed is the old runtime's last.
	let changed = blocks_with(&chain, from, ("System", "CodeUpdated")).await;
	let [changed] = changed[..] else {
		panic!("one upgrade: {changed:?}");
	};
	let versions = (
		version(&node, &chain, changed - 1).await,
		version(&node, &chain, changed + 1).await,
	);
	assert_eq!(versions, (u64::from(VERSION.spec_version), 1_000_000));
	// The block with which an epoch begins is none of the market's, so that one may come between.
	let mut clocks = Vec::new();
	for block in changed..=changed + STANDS + 2 {
		clocks.push(clock(&chain, block).await);
	}
	let stood = clocks.iter().take_while(|now| **now == clocks[0]).count();
	let whole = STANDS as usize + 1;
	assert!(
		(whole..=whole + 1).contains(&stood),
		"the clock stands for so long, and goes on: {clocks:?}"
	);
	let moves = blocks_with(&chain, from, ("Attestations", "Moved")).await;
	assert!(
		moves.iter().any(|block| *block <= changed) && moves.iter().any(|block| *block > changed),
		"moves under both runtimes: {moves:?}, and {changed}"
	);
	let events = events_since(&node, &chain, from).await;
	assert_eq!(vacated(&events), [], "nobody lost a seat");
	job.assert_proven(&Trial {
		shape: pairs(2),
		bought: &["//Bob", "//Charlie"],
		everybody: &["//Bob", "//Charlie", "//Dave"],
		right: &right,
		liars: |_| &["//Charlie"],
		sampled: true,
	});
}
