//! Two seats of one owner say the same, and nobody who was bought contradicts them.

use super::{ask, over, pairs, run, CHECKING, LIMITS};
use millrace_court::case::{How, Kind};
use millrace_primitives::{outcome, Balance};
use millrace_tests::{
	fees_in, key,
	ledger::{bond, Ledger},
	liar::{self, Plan},
	programs::{outcomes, save, save_lines, swap_case},
	provider::{Provider, BOND},
	submission, text, Node,
};
use std::collections::BTreeMap;

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
		// Of the shards that nobody audited.
		let acknowledged = node.cli_json("//Alice", &["acknowledge", &job.to_string()]).await;
		let submitted = submission(&output);
		let spent = fees_in(&submitted) + fees_in(&acknowledged);
		let job = over(&node, &chain, before, &submitted, spent).await;
		let audited = job.verdicts.values().filter(|verdict| verdict.audited).count();
		assert_eq!((job.verdicts.len(), job.failed as usize), (SHARDS, audited));
		// Outputs that all who were bought forged, nobody has.
		let code = if audited == 0 { 0 } else { 5 };
		assert_eq!(output.status.code(), Some(code), "{}", text(&output));
		for (index, verdict) in &job.verdicts {
			assert!(verdict.is_accepted(), "{verdict:?}");
			if !verdict.audited {
				assert!(verdict.guilty.is_empty() && verdict.lost.is_empty(), "{verdict:?}");
				let earned = verdict.earned(&terms, ask(&LIARS));
				assert_eq!(verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(), earned);
				continue;
			}
			let truth = outcome::report(&right[*index as usize..=*index as usize]);
			assert_eq!(verdict.report, truth, "no lie is accepted");
			let mut guilty = verdict.guilty.clone();
			guilty.sort();
			let mut liars = LIARS.map(|uri| key(uri).account());
			liars.sort();
			assert_eq!(guilty, liars);
			// One of them is found out by a step, and then nobody defends the other.
			let [(loser, Some(player), How::Step)] = &verdict.lost[..] else {
				panic!("one board: {verdict:?}");
			};
			let audits = verdict.drawn(Kind::Audit);
			assert!(liars.contains(loser) && audits.contains(&player), "{verdict:?}");
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
		// Whoever caught them has a quarter of what they lost, but for the recomputation, and of who was found out by a step the client
		// has another.
		job.assert_gains(&terms, ask(&LIARS), &[&LIARS[..], &CHECKERS].concat());
		if audited > 0 {
			return;
		}
	}
	panic!("{JOBS} jobs, and none of their shards was drawn");
}
