//! Both who were bought fall silent in turn: who is right in the middle of its board, and then the liar on the next one, when who was
//! right is back, and too late. Nothing is proven by a step: others compute it again.

use super::{over, pairs, run, CHECKING, LIMITS, PRICE};
use millrace_court::case::{How, Kind};
use millrace_primitives::{api::CaseSeatState, outcome, AccountId, Balance, JobId, ShardId};
use millrace_tests::{
	accuser::case,
	fees_in, key,
	ledger::Ledger,
	liar::{self, Plan},
	programs::{outcomes, save, save_lines, swap_case},
	provider::{Provider, ASK},
	submission, text, wait_within, Node, DEADLINE,
};
use std::time::Duration;

const HONEST: &str = "//Bob";
/// What it asks: so much that a newcomer's premium would leave something of its pay.
const DEAR: Balance = PRICE / 2;
const LIAR: &str = "//Charlie";
/// Enough for two audits and three who compute it again.
const CHECKERS: [&str; 5] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash", "//Charlie//stash"];
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};

fn ask(account: &AccountId) -> Balance {
	if *account == key(HONEST).account() {
		DEAR
	} else if *account == key(LIAR).account() {
		ASK
	} else {
		CHECKING
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_right_is_accepted_though_first_one_party_and_then_the_other_falls_silent() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	// Slow enough for both to be silenced between two moves.
	let slow = Plan {
		pace: Duration::from_secs(1),
		..Plan::default()
	};
	let (mut honest, _checkers, liar) = tokio::join!(
		Provider::asking(&node, HONEST, DEAR),
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, LIAR, slow)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let (bob, charlie) = (key(HONEST).account(), key(LIAR).account());

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
		wait_within(3 * DEADLINE, "the clock of who is right to run out", || async {
			let seats = case(&chain, SHARD).await?.seats;
			let seat = seats.iter().find(|seat| seat.provider == bob)?;
			(seat.state == CaseSeatState::OutByClock).then_some(())
		})
		.await;
		drop(liar);
		honest.restart();
	});
	// Nobody who was bought is there and right, so nobody has to keep the outputs.
	assert_eq!(output.status.code(), Some(5), "{}", text(&output));
	let submitted = submission(&output);
	let job = over(&node, &chain, before, &submitted, fees_in(&submitted)).await;
	assert_eq!(job.failed, 1);
	let (verdict, terms) = (&job.verdicts[&0], pairs(2).terms());
	assert!(verdict.is_accepted(), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	assert_eq!(verdict.guilty, [charlie.clone()]);
	let [(first, Some(silencer), How::Clock), (second, Some(winner), How::Clock)] = &verdict.lost[..] else {
		panic!("one is silent, and then the other: {verdict:?}");
	};
	assert_eq!((first, silencer, second), (&bob, &charlie, &charlie));
	assert_eq!(verdict.drawn(Kind::Fresh).len(), 3, "{verdict:?}");
	// If the shard was drawn, the audit took over from who was right; else one who computed it again found the lie.
	let kind = if verdict.audited { Kind::Audit } else { Kind::Fresh };
	assert!(verdict.drawn(kind).contains(&winner), "{verdict:?}");

	// Who is right and was silent is not paid, and pays nothing, since the liar's stake is enough for the recomputation; the client
	// has nothing of it but that.
	let everybody = [&[HONEST, LIAR][..], &CHECKERS].concat();
	job.assert_gains(&terms, ask, &everybody);
	assert!(verdict.earned(&terms, ask)[&bob] > 0);
	assert_eq!(job.gain(HONEST), 0);
	let lost = terms.slash(Kind::Primary, verdict.audited, verdict.largest(&terms, ask));
	assert_eq!(job.gain(LIAR), -(lost as i128));
	assert!(honest.is_running());
}
