//! Two seats of one owner say the same, and nobody who was bought contradicts them.

use super::{ask, pairs, run, CHECKING, LIMITS};
use millrace_court::case::Kind;
use millrace_primitives::{outcome, Balance};
use millrace_tests::{
	court::verdicts,
	key,
	ledger::{bond, enacted, events_since, Ledger},
	liar::{self, Plan},
	programs::{outcomes, save, save_lines, swap_case},
	provider::{Provider, BOND},
	text, Node,
};

const LIARS: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 4] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash"];
const SHARDS: usize = 8;
/// So many jobs without a shard that is drawn are less likely than one in ten thousand.
const JOBS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_seats_of_one_owner_are_caught_by_an_audit() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", SHARDS);
	let (_checkers, _one, _other) = tokio::join!(
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, LIARS[0], Plan::default()),
		liar::start(&node, LIARS[1], Plan::default())
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let terms = pairs(1).terms();

	for job in 0..JOBS {
		let before = Ledger::read(&node, &chain).await;
		let folder = home.join(job.to_string());
		let output = run(&node.url(), &program, &inputs, pairs(1), &folder).await;
		enacted(&chain).await;
		let events = events_since(&node, &chain, before.block).await;
		let after = Ledger::read(&node, &chain).await;
		let verdicts = verdicts(&events, job as u64);
		assert_eq!(verdicts.len(), SHARDS);
		let audited = verdicts.values().filter(|verdict| verdict.audited).count();
		// Outputs that all who were bought forged, nobody has.
		let code = if audited == 0 { 0 } else { 5 };
		assert_eq!(output.status.code(), Some(code), "{}", text(&output));
		for (index, verdict) in verdicts.iter().filter(|(_, verdict)| verdict.audited) {
			let truth = outcome::report(&right[*index as usize..=*index as usize]);
			assert!(verdict.is_accepted(), "{verdict:?}");
			assert_eq!(verdict.report, truth, "no lie is accepted");
			let mut guilty = verdict.guilty.clone();
			guilty.sort();
			let mut liars = LIARS.map(|uri| key(uri).account());
			liars.sort();
			assert_eq!(guilty, liars);
			assert!(verdict.payments.iter().all(|(account, _)| !liars.contains(account)));
			// Whoever caught them has a quarter of what they lost, but for the recomputation.
			let audits = verdict.drawn(Kind::Audit);
			assert!(!audits.is_empty() && audits.len() <= 2, "{verdict:?}");
		}
		for uri in LIARS {
			let lost = audited as Balance * terms.at_seal();
			assert_eq!(
				bond(&chain, uri).await,
				BOND - lost,
				"{uri} lost all that it had at stake"
			);
		}
		let gained: i128 = CHECKERS.iter().map(|uri| after.gain(&before, uri)).sum();
		let largest = |verdict: &millrace_tests::court::Verdict| verdict.largest(&terms, ask(&LIARS));
		let least: Balance = verdicts
			.values()
			.filter(|verdict| verdict.audited)
			.map(|verdict| 2 * (terms.at_seal() - 3 * (largest(verdict) + terms.seat_fee)) / 4 - 2)
			.sum();
		assert!(gained >= least as i128, "{gained} and not {least}");
		if audited > 0 {
			return;
		}
	}
	panic!("{JOBS} jobs, and none of their shards was drawn");
}
