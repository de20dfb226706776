//! kill -9 of agents and of the node in the middle of jobs.

use super::{arg, assert_complete, publish, runs, submit};
use millrace_client::Chain;
use millrace_primitives::{job::SeatState, Balance, ShardId, MILLI};
use millrace_tests::{
	court::{losses, verdicts, Terms},
	key,
	ledger::{self, bond, events_since, vacated, Cause},
	programs::{check_swapped, save, save_lines, swap_case},
	provider::{first_to_hold, Provider, ASK, BOND},
	wait_for, Node,
};
use std::path::Path;

/// Makes a task take some hundred million gas: time enough to be killed.
const TURNS: u64 = 30_000_000;
const WORKING: [SeatState; 1] = [SeatState::Accepted];

/// The options of the jobs here: 24 tasks in 8 shards.
fn options(folder: &Path) -> [&str; 8] {
	[
		"--replicas",
		"2",
		"--shard-size",
		"3",
		"--gas-limit",
		"2G",
		"--fetch",
		arg(folder),
	]
}

/// The terms of their shards.
fn terms() -> Terms {
	Terms::new(10 * MILLI, 2_000_000_000, 65_536, 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_kill_9() {
	let mut node = Node::start().await;
	let (chain, url) = (node.chain().await, node.url());
	// Enough for three who compute again what one who is gone never opens.
	let owners = ["//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"];
	let mut providers = Provider::start_all(&node, &owners).await;
	let home = node.dir.path().to_path_buf();
	let program = save(&home, "slow.wasm", &swap_case(TURNS));
	let (inputs, lines) = save_lines(&home, "lines", 24);
	publish(&node, &program).await;

	// An agent dies for good: its shards are computed elsewhere.
	let from = chain.finalized_head().await.expect("a head").number;
	let folder = home.join("elsewhere");
	let more = options(&folder);
	let (output, dead) = tokio::join!(submit(&url, "//Alice", &program, &inputs, &more), async {
		let place = first_to_hold(&providers, &chain, 0, &WORKING).await;
		providers[place].kill();
		place
	});
	assert_complete(&output);
	check_swapped(&lines, &folder);
	let owner = providers[dead].owner.clone();
	let killed = key(&owner).account();
	let events = events_since(&node, &chain, from).await;
	// It loses a part of its bond for each seat that it accepted and did not seal, and its stake for each that it sealed and
	// did not open.
	let left: Vec<_> = vacated(&events)
		.into_iter()
		.filter(|(_, who, ..)| *who == killed)
		.collect();
	let (terms, late) = (terms(), |cause: &Cause| *cause == Cause::Late);
	for (shard, _, cause, slashed) in &left {
		let due = if late(cause) { terms.late() } else { 0 };
		assert_eq!(*slashed, due, "{shard:?}: {cause:?}");
	}
	let verdicts = verdicts(&events, 0);
	assert!(verdicts.values().all(|verdict| verdict.is_accepted()), "{verdicts:?}");
	let mut lost = losses(&verdicts, &terms, |_| ASK);
	let judged = lost.remove(&killed).unwrap_or_default();
	assert!(lost.is_empty(), "who was never killed loses nothing: {lost:?}");
	let late = left.iter().map(|(.., slashed)| slashed).sum::<Balance>();
	assert!(
		late + judged > 0,
		"who accepts and does not report loses a part of its bond: {left:?}"
	);
	assert_eq!(bond(&chain, &owner).await, BOND - late - judged, "and nothing else");
	let record = ledger::provider(&node, &owner).await;
	assert_eq!(
		(record["status"].as_str(), record["drawable"].as_bool()),
		(Some("unresponsive"), Some(false))
	);
	for (shard, who, cause, _) in vacated(&events) {
		assert!(who == killed, "{who} lost {shard:?} by {cause:?}, and was never killed");
	}

	// It comes back and is drawn again.
	providers[dead].restart();
	providers[dead].is_drawable(&node).await;

	// An agent dies and is started again: it goes on where it was and reports nothing twice.
	let from = chain.finalized_head().await.expect("a head").number;
	let folder = home.join("restarted");
	let more = options(&folder);
	let (output, ()) = tokio::join!(submit(&url, "//Alice", &program, &inputs, &more), async {
		let place = first_to_hold(&providers, &chain, 1, &WORKING).await;
		providers[place].restart();
	});
	assert_complete(&output);
	check_swapped(&lines, &folder);
	assert_nothing_twice(&node, &chain, from, true).await;

	// The node dies and is started again: agents and client go on when it is back.
	let from = chain.finalized_head().await.expect("a head").number;
	let folder = home.join("resumed");
	let more = options(&folder);
	let (output, ()) = tokio::join!(submit(&url, "//Alice", &program, &inputs, &more), async {
		node.job_is(2, "running", runs).await;
		first_to_hold(&providers, &chain, 2, &WORKING).await;
		node.restart().await;
	});
	assert_complete(&output);
	check_swapped(&lines, &folder);
	assert_nothing_twice(&node, &chain, from, false).await;
	for provider in &mut providers {
		assert!(provider.is_running(), "{}'s agent outlives the node", provider.owner);
	}
	// Who keeps outputs is bound by what it was paid for them.
	for job in ["0", "1", "2"] {
		node.cli_json("//Alice", &["acknowledge", job]).await;
	}
	wait_for("all slots and bonds to be free", || async {
		for provider in &providers {
			let record = ledger::provider(&node, &provider.owner).await;
			if (record["usedSlots"].as_u64(), record["liability"].as_str()) != (Some(0), Some("0")) {
				return None;
			}
		}
		Some(())
	})
	.await;
}

/// No seat changed hands, none was sealed or revealed twice; in `strict` mode the chain even had nothing to refuse.
async fn assert_nothing_twice(node: &Node, chain: &Chain, from: u32, strict: bool) {
	let events = events_since(node, chain, from).await;
	assert_eq!(vacated(&events), [], "nobody lost a seat");
	for name in ["Sealed", "Revealed"] {
		let reports = events.iter().filter(|event| event.is("Attestations", name));
		let mut seats: Vec<_> = reports
			.map(|event| event.decode::<(ShardId, u8)>().expect("the event is understood"))
			.collect();
		assert!(seats.len() >= 16, "16 seats reported, {} events {name}", seats.len());
		let all = seats.len();
		seats.sort();
		seats.dedup();
		assert_eq!(seats.len(), all, "no seat reports twice ({name})");
	}
	let refused = events
		.iter()
		.filter(|event| event.is("System", "ExtrinsicFailed"))
		.count();
	assert!(!strict || refused == 0, "{refused} transactions were refused");
}
