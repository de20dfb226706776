//! A liar that lets its clock run out: nothing is proven, so others compute it again. Its client serves them nothing, so they have
//! of the seats what was computed.

use super::{arg, ask, done, pairs, run_with, CHECKING, LIMITS};
use millrace_court::case::{How, Kind};
use millrace_primitives::{api::CaseStage, outcome, Balance, Gas, JobId, ShardId};
use millrace_tests::{
	accuser::case,
	key,
	ledger::Ledger,
	liar::{self, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Provider, ASK},
	served::serve_job,
	wait_within, Node, DEADLINE,
};

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 4] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash"];

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_on_its_board_is_out_and_others_confirm_what_is_right_without_the_client() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let silent = Plan {
		plays: false,
		..Plan::default()
	};
	let (_honest, _checkers, _liar, (server, endpoint)) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, "//Charlie", silent),
		serve_job(&module, &lines, <[u8]>::to_vec)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let gas: Gas = right.iter().map(|outcome| outcome.gas_used).sum();

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let served = ["--endpoint", endpoint.as_str(), "--fetch", arg(&folder)];
	let (output, ()) = tokio::join!(run_with(&url, &program, &inputs, pairs(2), &served), async {
		wait_within(3 * DEADLINE, "both to have sealed", || async {
			let shard = ShardId {
				job: JobId(0),
				index: 0,
			};
			let case = case(&chain, shard).await?;
			(case.stage != CaseStage::Sealing).then_some(())
		})
		.await;
		drop(server);
	});
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let (verdict, terms) = (&job.verdicts[&0], pairs(2).terms());
	let (bob, liar) = (key("//Bob").account(), key("//Charlie").account());
	assert!(verdict.is_accepted(), "{verdict:?}");
	assert_eq!(verdict.report, outcome::report(&right));
	assert_eq!(verdict.guilty, [liar.clone()]);
	assert_eq!(verdict.lost, [(liar.clone(), Some(bob.clone()), How::Clock)]);
	let (fresh, audits) = (verdict.drawn(Kind::Fresh), verdict.drawn(Kind::Audit));
	let room = CHECKERS.len() - audits.len();
	assert_eq!(
		fresh.len(),
		room.min(3),
		"three compute it again, if there are so many: {verdict:?}"
	);

	// The liar pays for the recomputation and the replay, and nothing of it goes to the client.
	let largest = verdict.largest(&terms, ask(&BOUGHT));
	let lost = terms.slash(Kind::Primary, verdict.audited, largest);
	assert_eq!(job.gain("//Charlie"), -(lost as i128));
	let (pay, _) = terms.pay(ASK, gas);
	assert_eq!(job.gain("//Bob"), (pay + 7 * largest) as i128);
	let claims = verdict.earned(&terms, ask(&BOUGHT));
	let work: Balance = fresh.iter().map(|account| claims[*account] + terms.seat_fee).sum();
	// It paid for that at once, and has it back.
	assert_eq!(job.gain("//Alice"), work as i128 - job.cost as i128);
	for uri in CHECKERS {
		let account = key(uri).account();
		let quarter = match audits.contains(&&account) {
			true => (lost - work) / 4 / audits.len() as Balance,
			false => 0,
		};
		let claim = claims.get(&account).copied().unwrap_or_default();
		assert_eq!(job.gain(uri), (claim + quarter) as i128, "{uri}: {verdict:?}");
	}
}
