//! Jobs of whose shards each is computed by one provider: the client checks what it gets while it can still attack it.

use super::{arg, ask, done, pairs, run_with, Shape, CHECKING, LIMITS};
use millrace_client::{At, Chain};
use millrace_court::case::{End, How, Kind};
use millrace_primitives::{
	api::{CaseSeatState, CaseStage, CaseView},
	outcome, JobId, ShardId,
};
use millrace_tests::{
	court::verdicts,
	key,
	ledger::{accusations, enacted, events_since, Ledger},
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Provider, ASK},
	text, wait_within, Node, DEADLINE,
};
use serde_json::{json, Value};

const CHECKERS: [&str; 4] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash"];
/// Shards of two tasks, computed by one.
const ALONE: Shape = Shape {
	replicas: 1,
	..pairs(2)
};
/// In blocks of 0.4 s: enough to fetch, to check, and to attack, on a machine that does other things.
const WINDOW: &str = "250";
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

/// The case, once the one report is open and final, and can be attacked.
async fn opened(chain: &Chain) -> CaseView {
	let is_open = |case: &CaseView| {
		let standing = case
			.seats
			.first()
			.is_some_and(|seat| seat.state == CaseSeatState::Standing);
		standing && case.stage == CaseStage::Judging
	};
	wait_within(3 * DEADLINE, "the report to be open", || async {
		let case = chain.market(At::Finalized).case(SHARD).await.ok()?;
		case.filter(is_open)
	})
	.await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_provider_says_is_fetched_and_checked_before_it_is_accepted() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let (_honest, _checkers) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &CHECKERS[..2], CHECKING)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let gas = right.iter().map(|outcome| outcome.gas_used).sum();

	let before = Ledger::read(&node, &chain).await;
	let (folder, early) = (home.join("outputs"), home.join("early"));
	let check = async {
		let case = opened(&chain).await;
		let fetched = node.cli("//Alice", &["fetch", "0", arg(&early)]).await;
		let verified = node
			.cli("//Alice", &["--json", "job", "verify", "0", "--sample", "all"])
			.await;
		(case, fetched, verified)
	};
	let url = node.url();
	let more = ["--window", WINDOW, "--fetch", arg(&folder)];
	let (output, (case, fetched, verified)) = tokio::join!(run_with(&url, &program, &inputs, ALONE, &more), check);
	// The outputs are there and right, and it is said that they are not accepted, and what stands behind them.
	assert_eq!(fetched.status.code(), Some(5), "{}", text(&fetched));
	check_swapped(&lines, &early);
	let said = text(&fetched);
	for part in [
		"Not accepted yet: shards 0",
		"one provider's bond of",
		"until market block",
		"job verify 0",
	] {
		assert!(said.contains(part), "{part} is missing in {said}");
	}
	assert!(verified.status.success(), "{}", text(&verified));
	let compared: Value = serde_json::from_slice(&verified.stdout).expect("a document");
	assert_eq!((&compared["same"], &compared["differences"]), (&json!(2), &json!([])));

	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let (verdict, terms) = (&job.verdicts[&0], ALONE.terms());
	assert_eq!(verdict.end, Some(End::Accepted(0)), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	let stake = match verdict.audited {
		true => terms.at_seal(),
		false => terms.after(verdict.largest(&terms, ask(&["//Bob"]))),
	};
	assert_eq!(case.seats[0].stake, stake);
	assert_eq!(job.gain("//Bob"), terms.pay(ASK, gas).0 as i128);
	assert_eq!(job.gain("//Alice"), -(job.cost as i128));
	let audits = verdict.drawn(Kind::Audit).len();
	assert_eq!(audits > 0, verdict.audited);
	assert_eq!(verdict.payments.len(), 1 + audits);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_checks_catches_one_that_lies_to_it() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let (_checkers, _liar) = tokio::join!(
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, "//Charlie", Plan::default())
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let check = async {
		let case = opened(&chain).await;
		let verified = node.cli("//Alice", &["job", "verify", "0", "--sample", "all"]).await;
		assert_eq!(verified.status.code(), Some(7), "{}", text(&verified));
		assert!(
			text(&verified).contains("millrace dispute open 0 0 --seat 0"),
			"{}",
			text(&verified)
		);
		if case.drawn == Some(true) {
			// The audit says so, and plays.
			return None;
		}
		// It need not say which task it is.
		let opens = ["--json", "dispute", "open", "0", "0", "--seat", "0", "--yes"];
		Some(node.cli("//Dave//stash", &opens).await)
	};
	let url = node.url();
	let more = ["--window", WINDOW, "--fetch", arg(&folder)];
	let (output, disputed) = tokio::join!(run_with(&url, &program, &inputs, ALONE, &more), check);
	// Nobody who was bought has the right outputs, so there are none; the client is not charged for them.
	assert_eq!(output.status.code(), Some(5), "{}", text(&output));
	enacted(&chain).await;
	let after = Ledger::read(&node, &chain).await;
	let events = events_since(&node, &chain, before.block).await;
	let verdict = verdicts(&events, 0).remove(&0).expect("it was decided");
	let terms = ALONE.terms();
	let liar = key("//Charlie").account();
	assert!(verdict.is_accepted(), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	assert_eq!(verdict.guilty, [liar.clone()]);
	let largest = verdict.largest(&terms, ask(&["//Charlie"]));
	let lost = terms.slash(Kind::Primary, verdict.audited, largest);
	assert_eq!(after.gain(&before, "//Charlie"), -(lost as i128));
	if let Some(disputed) = disputed {
		assert!(disputed.status.success(), "{}", text(&disputed));
		assert_eq!(verdict.lost, [(liar, None, How::Step)]);
		assert_eq!(accusations(&chain, "//Dave//stash").await, 0);
		// The bond is back, and a replay was paid; the fees of the moves are what is missing.
		let gain = after.gain(&before, "//Dave//stash");
		let replay = 7 * largest as i128;
		assert!(
			gain <= replay && gain > replay - (millrace_primitives::MILL as i128),
			"{gain} of {replay}"
		);
	}
}
