//! Jobs of whose shards each is computed by one provider, and whose client does not look: other providers do.

use super::{arg, ask, done, pairs, run_with, Done, Shape, LIMITS};
use millrace_client::{
	events::{Author, Court},
	At, Chain, Event,
};
use millrace_court::case::{End, How, Kind};
use millrace_primitives::{job::SeatState, outcome, AccountId, Balance, JobId, ShardId};
use millrace_tests::{
	court::verdicts,
	key,
	ledger::{accusations, enacted, events_since, fees_of, Ledger},
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Provider, ASK},
	wait_for, wait_within, Node, DEADLINE,
};
use std::time::Duration;

/// A shard of two tasks, computed by one.
const ALONE: Shape = Shape {
	replicas: 1,
	..pairs(2)
};
/// In blocks of 0.4 s: enough to fetch, to compute, and to attack, on a machine that does other things.
const WINDOW: &str = "250";
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};
/// Who watches, and its operator, who accuses.
const WATCHER: &str = "//Dave";
const OPERATOR: &str = "//Dave//operator";
/// Who watches and may put up nothing that would do.
const POOR: &str = "//Eve";

/// Who opened boards.
fn authors(events: &[Event]) -> Vec<Author> {
	let court = events.iter().filter_map(|event| event.court().expect("understood"));
	let opened = court.filter_map(|(_, court)| match court {
		Court::BoardOpened { by, .. } => Some(by),
		_ => None,
	});
	opened.collect()
}

/// What an account has of what others lost.
fn won(events: &[Event], account: &AccountId) -> Balance {
	let court = events.iter().filter_map(|event| event.court().expect("understood"));
	let paid = court.flat_map(|(_, court)| match court {
		Court::Enacted(_, paid) => paid,
		_ => Vec::new(),
	});
	paid.filter(|(to, _)| to.as_ref() == Some(account))
		.map(|(_, amount)| amount)
		.sum()
}

/// How often a provider's operator said that it is there.
fn signs_of_life(events: &[Event], owner: &str) -> usize {
	let provider = key(owner).account();
	let signs = events.iter().filter(|event| event.is("Providers", "HeartbeatReceived"));
	signs
		.filter(|event| event.decode::<AccountId>().expect("understood") == provider)
		.count()
}

/// Waits until nothing of the shard's case is left.
async fn decided(chain: &Chain) {
	wait_within(5 * DEADLINE, "the case to be over", || async {
		let case = chain.market(At::Finalized).case(SHARD).await.ok()?;
		case.is_none().then_some(())
	})
	.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lies_to_a_client_that_has_gone_is_accused_by_who_watches() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, _) = save_lines(&home, "lines", 2);
	// Slow enough for a crash between two moves.
	let slow = Plan {
		pace: Duration::from_secs(1),
		..Plan::default()
	};
	let (mut watcher, poor, _liar) = tokio::join!(
		Provider::watching(&node, WATCHER, 100),
		Provider::watching(&node, POOR, 1),
		liar::start(&node, "//Charlie", slow)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;

	let before = Ledger::read(&node, &chain).await;
	let url = node.url();
	let liar = key("//Charlie").account();
	let folder = home.join("outputs");
	let more = ["--window", WINDOW, "--fetch", arg(&folder)];
	let client = run_with(&url, &program, &inputs, ALONE, &more);
	// As soon as the liar has all that it takes, the client serves nobody any more: what it was computed from is had of the liar.
	let sealed = wait_within(3 * DEADLINE, "the report to be sealed", || async {
		let seats = chain.market(At::Best).assignments(&liar).await.ok()?;
		let state = seats.first()?.state?;
		matches!(state, SeatState::Sealed | SeatState::Revealed).then_some(())
	});
	tokio::select! {
		output = client => panic!("the client ended first: {output:?}"),
		() = sealed => {}
	}
	let operator = key(OPERATOR).account();
	let played = || async {
		let case = chain.market(At::Best).case(SHARD).await.ok()??;
		let board = case.boards.into_iter().find(|board| board.by == operator)?;
		board.task.map(|_| board)
	};
	// The task is known: from here on moves are about its states.
	let board = wait_within(3 * DEADLINE, "a board about a task", played).await;
	watcher.kill();
	wait_for("another move", || async {
		(played().await?.board != board.board).then_some(())
	})
	.await;
	watcher.restart();
	decided(&chain).await;
	enacted(&chain).await;

	let after = Ledger::read(&node, &chain).await;
	let events = events_since(&node, &chain, before.block).await;
	let verdict = verdicts(&events, 0).remove(&0).expect("it was decided");
	assert_eq!(
		authors(&events),
		[Author::Outsider(operator.clone())],
		"it says so once"
	);
	assert_eq!(verdict.lost, [(liar.clone(), None, How::Step)]);
	assert_eq!(verdict.guilty, [liar]);
	// Nobody else computes for what this job pays.
	assert_eq!((verdict.end, verdict.report), (Some(End::Unresolved), None));
	let terms = ALONE.terms();
	let largest = verdict.largest(&terms, ask(&["//Charlie"]));
	assert_eq!(board.bond, terms.after(largest));
	assert_eq!(accusations(&chain, OPERATOR).await, 0, "its bond is back");
	let lost = terms.slash(Kind::Primary, verdict.audited, largest);
	assert_eq!(after.gain(&before, "//Charlie"), -(lost as i128));
	let replay = 7 * largest;
	let share = replay.max(lost / 4);
	assert_eq!(won(&events, &operator), share);
	let fees: Balance = fees_of(&events, OPERATOR).iter().sum();
	assert!(fees > 0, "to accuse has a fee");
	assert_eq!(after.gain(&before, OPERATOR), share as i128 - fees as i128);
	assert_eq!(after.gain(&before, WATCHER), 0, "the operator's money, not the owner's");

	// The other one has seen it as well, and says why it did nothing.
	let log = poor.log();
	assert!(
		log.contains("a report is wrong, and is not accused: watch_budget leaves less than its bond"),
		"{log}"
	);
	assert_eq!(fees_of(&events, "//Eve//operator").len(), signs_of_life(&events, POOR));
}

#[tokio::test(flavor = "multi_thread")]
async fn about_an_honest_report_who_watches_says_nothing() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let (_honest, watcher) = tokio::join!(Provider::start(&node, "//Bob"), Provider::watching(&node, WATCHER, 100));
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let gas = right.iter().map(|outcome| outcome.gas_used).sum();

	let before = Ledger::read(&node, &chain).await;
	let start = before.block;
	let folder = home.join("outputs");
	let url = node.url();
	let more = ["--window", WINDOW, "--fetch", arg(&folder)];
	let output = run_with(&url, &program, &inputs, ALONE, &more).await;
	let job: Done = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let verdict = &job.verdicts[&0];
	assert!(verdict.is_accepted(), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	assert_eq!(job.gain("//Bob"), ALONE.terms().pay(ASK, gas).0 as i128);
	let log = watcher.log();
	assert!(
		log.contains("watching it") && log.contains("it comes to what was reported"),
		"{log}"
	);
	let events = events_since(&node, &chain, start).await;
	assert_eq!(authors(&events), []);
	let fees = fees_of(&events, OPERATOR);
	assert_eq!(fees.len(), signs_of_life(&events, WATCHER), "no other transaction");
	assert_eq!(job.gain(OPERATOR), -(fees.iter().sum::<Balance>() as i128));
	assert_eq!(job.gain(WATCHER), 0);
}
