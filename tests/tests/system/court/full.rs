//! Somebody fills all ordinary room of blocks while parties accept, seal, open and play: nobody loses by it.

use super::{done, pairs, run, Trial, CHECKING, LIMITS};
use codec::{Compact, Decode};
use millrace_client::{calls, Chain};
use millrace_primitives::{Hash, JobId, ShardId, MILL};
use millrace_tests::{
	hex0x, key,
	ledger::{events_since, vacated, Ledger},
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	wait_for, Node,
};
use serde_json::json;
use sp_crypto_hashing::twox_128;
use tokio::task::JoinHandle;

/// Who fills blocks: nobody else in the market.
const FLOODERS: [&str; 4] = ["//Ferdie", "//Ferdie//stash", "//Eve//stash", "//Dave//stash"];
/// So many transactions of each are on their way: several blocks full of them always wait.
const WAITING: usize = 24;
/// So many calls are in each: a tenth of a block by their weights, and hardly any work, so that slow machines keep up.
const CALLS: usize = 90;
/// Ten times what agents offer when their time runs short.
const TIP: u128 = MILL / 10;
/// What ordinary transactions may weigh in a block, in picoseconds.
const ROOM: u64 = 750_000_000_000;
/// Where a block has no more room than this for them, another of the flood finds none.
const ONE: u64 = 90_000_000_000;

/// Fills blocks until it is dropped.
struct Flood(Vec<JoinHandle<()>>);

impl Drop for Flood {
	fn drop(&mut self) {
		self.0.iter().for_each(JoinHandle::abort);
	}
}

impl Flood {
	/// Begins, and waits until it is seen in blocks.
	async fn start(node: &Node) -> Self {
		let chain = node.chain().await;
		let nowhere = ShardId {
			job: JobId(u64::MAX),
			index: 0,
		};
		let tasks = FLOODERS.iter().flat_map(|uri| [*uri; WAITING]).map(|uri| {
			let (chain, signer) = (chain.clone(), key(uri));
			tokio::spawn(async move {
				loop {
					let call = calls::force_batch(vec![calls::time(nowhere, 0); CALLS]);
					// What the pool had no place for is tried again.
					drop(chain.submit_with(&signer, call, TIP).await);
				}
			})
		});
		let flood = Self(tasks.collect());
		wait_for("full blocks", || async {
			let head = chain.best_head().await.ok()?;
			is_full(node, head.hash).await.then_some(())
		})
		.await;
		flood
	}
}

/// Whether an ordinary transaction of the flood would not have found room in this block.
async fn is_full(node: &Node, block: Hash) -> bool {
	let item = [twox_128(b"System"), twox_128(b"BlockWeight")].concat();
	let weight = node
		.rpc("state_getStorage", json!([hex0x(&item), block]))
		.await
		.expect("weights are told");
	let bytes = hex::decode(weight.as_str().unwrap_or("0x").trim_start_matches("0x")).expect("hex");
	// Nothing is there of the first block.
	let normal = Compact::<u64>::decode(&mut &bytes[..]).map_or(0, |time| time.0);
	normal > ROOM - ONE
}

/// What happened in blocks while the flood lasted.
#[derive(Debug, Default)]
struct Seen {
	blocks: usize,
	full: usize,
	/// By what parties did: in how many blocks, and how many of them were full.
	steps: Vec<(&'static str, usize, usize)>,
}

/// Looks at the blocks from the first seat that was accepted to the verdict.
async fn seen(node: &Node, chain: &Chain, from: u32, to: u32) -> Seen {
	let names = ["ShardAccepted", "Sealed", "Revealed", "BoardOpened", "Moved"];
	let mut seen = Seen {
		steps: names.map(|name| (name, 0, 0)).into(),
		..Seen::default()
	};
	for number in from + 1..=to {
		let hash = chain.block_hash(number).await.expect("told").expect("it is there");
		let events = chain.events(hash).await.expect("events can be read");
		let is_full = is_full(node, hash).await;
		let mut is_step = false;
		for (name, blocks, full) in &mut seen.steps {
			let pallet = if *name == "ShardAccepted" {
				"Jobs"
			} else {
				"Attestations"
			};
			if events.iter().any(|event| event.is(pallet, name)) {
				is_step = true;
				*blocks += 1;
				*full += usize::from(is_full);
			}
		}
		// It begins with the first step.
		if is_step || seen.blocks > 0 {
			seen.blocks += 1;
			seen.full += usize::from(is_full);
		}
		if events.iter().any(|event| event.is("Attestations", "Decided")) {
			break;
		}
	}
	seen
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fills_blocks_makes_nobody_late_that_is_party_to_something() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let plan = Plan {
		attacks: true,
		..Plan::default()
	};
	let (_honest, _checkers, _liar) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &["//Dave", "//Eve"], CHECKING),
		liar::start(&node, "//Charlie", plan)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (output, flood) = tokio::join!(run(&url, &program, &inputs, pairs(2), &folder), async {
		wait_for("the job", || node.job(0)).await;
		Flood::start(&node).await
	});
	drop(flood);
	let from = before.block;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);

	let seen = seen(&node, &chain, from, job.after.block).await;
	println!("{seen:?}");
	assert!(4 * seen.full >= 3 * seen.blocks, "blocks were full: {seen:?}");
	for (step, blocks, full) in &seen.steps {
		assert!(*blocks > 0 && *full > 0, "{step} was in full blocks: {seen:?}");
	}
	let events = events_since(&node, &chain, from).await;
	assert_eq!(vacated(&events), [], "nobody lost a seat");
	job.assert_proven(&Trial {
		shape: pairs(2),
		bought: &["//Bob", "//Charlie"],
		everybody: &["//Bob", "//Charlie", "//Dave", "//Eve"],
		right: &right,
		liars: |_| &["//Charlie"],
		sampled: true,
	});
}
