//! Who is right is cut off in the middle of its board, and the liar is there: others compute it again and prove the lie.

use super::{ask, over, pairs, run, CHECKING, LIMITS};
use millrace_court::case::{How, Kind};
use millrace_primitives::{outcome, Balance, JobId, ShardId};
use millrace_tests::{
	accuser::case,
	fees_in, key,
	ledger::Ledger,
	liar::{self, Plan},
	programs::{outcomes, save, save_lines, swap_case},
	provider::Provider,
	submission, text, wait_within, Node, DEADLINE,
};

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
/// Enough for two audits and three who compute it again.
const CHECKERS: [&str; 5] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash", "//Charlie//stash"];
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_does_not_win_by_silencing_who_is_right() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let (mut honest, _checkers, _liar) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, "//Charlie", Plan::default())
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (output, ()) = tokio::join!(run(&url, &program, &inputs, pairs(2), &folder), async {
		wait_within(3 * DEADLINE, "a board about a task", || async {
			let case = case(&chain, SHARD).await?;
			case.boards.iter().any(|board| board.task.is_some()).then_some(())
		})
		.await;
		honest.kill();
	});
	// What is right is accepted. But nobody who was bought is there and right, so nobody has to keep the outputs.
	assert_eq!(output.status.code(), Some(5), "{}", text(&output));
	let submitted = submission(&output);
	let job = over(&node, &chain, before, &submitted, fees_in(&submitted)).await;
	assert_eq!(job.failed, 1);
	let (verdict, terms) = (&job.verdicts[&0], pairs(2).terms());
	let (bob, liar) = (key("//Bob").account(), key("//Charlie").account());
	assert!(verdict.is_accepted(), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	assert_eq!(verdict.guilty, [liar.clone()]);
	let [(first, by, How::Clock), (second, Some(prover), How::Step)] = &verdict.lost[..] else {
		panic!("one is silent, then one is found out: {verdict:?}");
	};
	assert_eq!((first, by.as_ref(), second), (&bob, Some(&liar), &liar));
	let (fresh, audits) = (verdict.drawn(Kind::Fresh), verdict.drawn(Kind::Audit));
	assert_eq!(fresh.len(), 3, "{verdict:?}");

	// The liar pays for all of it. Who was silent is not paid, and pays nothing, since that is enough.
	let claims = verdict.earned(&terms, ask(&BOUGHT));
	let largest = verdict.largest(&terms, ask(&BOUGHT));
	let slash = terms.slash(Kind::Primary, verdict.audited, largest);
	let work: Balance = fresh.iter().map(|account| claims[*account] + terms.seat_fee).sum();
	let (quarter, replay) = ((slash - work) / 4, 7 * largest);
	assert_eq!(job.gain("//Charlie"), -(slash as i128));
	assert_eq!(job.gain("//Bob"), 0);
	for uri in CHECKERS {
		let account = key(uri).account();
		let mut gain = claims.get(&account).copied().unwrap_or_default();
		gain += match (audits.contains(&&account), account == *prover) {
			(true, proved) => {
				let each = quarter / audits.len() as Balance;
				if proved {
					each.max(replay)
				} else {
					each
				}
			}
			(false, true) if audits.is_empty() => quarter.max(replay),
			(false, true) => replay,
			(false, false) => 0,
		};
		assert_eq!(job.gain(uri), gain as i128, "{uri}: {verdict:?}");
	}
	// It paid the fresh seats at once, and has that back.
	assert_eq!(job.gain("//Alice"), (quarter + work) as i128 - job.cost as i128);
}
