//! A liar is played down to the step that its machine does not make.

use super::{ask, done, run, terms, Done, CHECKING, LIMITS};
use millrace_client::Chain;
use millrace_court::case::How;
use millrace_primitives::{outcome, AccountId, Balance, Outcome};
use millrace_tests::{
	key,
	ledger::Ledger,
	liar::{self, Forgery, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Inside, Provider},
	Node,
};
use std::collections::BTreeMap;

/// Who can be bought: one honest provider, and the liar.
const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 2] = ["//Dave", "//Eve"];

async fn market(node: &Node, plan: Plan) -> (Chain, Vec<Provider>, Inside) {
	let (honest, mut checkers, liar) = tokio::join!(
		Provider::start(node, "//Bob"),
		Provider::all_asking(node, &CHECKERS, CHECKING),
		liar::start(node, "//Charlie", plan)
	);
	checkers.push(honest);
	(node.chain().await, checkers, liar)
}

/// Checks the end of a job in which the liar had a seat in every shard, and lost it by a step.
fn assert_proven(job: &Done, right: &[Outcome], tasks: usize) {
	let terms = terms(tasks as u32);
	let (bob, liar) = (key("//Bob").account(), key("//Charlie").account());
	let (mut gains, mut lost, mut client) = (BTreeMap::<AccountId, Balance>::new(), 0, 0);
	assert_eq!(job.verdicts.len() * tasks, right.len());
	for (verdict, right) in job.verdicts.values().zip(right.chunks(tasks)) {
		assert!(verdict.is_accepted(), "{verdict:?}");
		assert_eq!(verdict.report, outcome::report(right), "what is right is accepted");
		assert_eq!(verdict.guilty, [liar.clone()]);
		assert_eq!(verdict.lost, [(liar.clone(), Some(bob.clone()), How::Step)]);
		let earned = verdict.earned(&terms, ask(&BOUGHT));
		assert_eq!(verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(), earned);
		let shares = verdict.shares(&terms, ask(&BOUGHT)).remove(0);
		let audits = shares.audits.iter().map(|audit| (audit.clone(), shares.audit));
		for (account, amount) in earned.into_iter().chain(audits).chain([shares.player]) {
			*gains.entry(account).or_default() += amount;
		}
		lost += shares.slash;
		client += shares.client;
	}
	assert!(gains[&bob] > 0);
	assert_eq!(
		job.gain("//Charlie"),
		-(lost as i128),
		"the liar lost its stake and earned nothing"
	);
	assert_eq!(
		job.gain("//Alice"),
		client as i128 - job.cost as i128,
		"the client was compensated"
	);
	for uri in ["//Bob"].iter().chain(&CHECKERS) {
		let gain = gains.get(&key(uri).account()).copied().unwrap_or_default();
		assert_eq!(
			job.gain(uri),
			gain as i128,
			"{uri} was paid for work, replay and audits"
		);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_step_late_in_a_long_run_is_found() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(3_000_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 3);
	// The last task of three, and it is right for 99 of 100 steps.
	let plan = Plan {
		from: 2,
		truth: 990,
		..Plan::default()
	};
	let (chain, _honest, _liar) = market(&node, plan).await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	assert!(right[2].gas_used > 10_000_000, "{:?}", right[2]);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let output = run(&node.url(), &program, &inputs, 3, &folder).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	assert_proven(&job, &right, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_claims_no_gas_or_all_of_it_is_found() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 4);
	let plan = Plan {
		forgeries: vec![Forgery::NoGas, Forgery::AllGas],
		from: 1,
		truth: 1_000,
		attacks: true,
		..Plan::default()
	};
	let (chain, _honest, _liar) = market(&node, plan).await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let output = run(&node.url(), &program, &inputs, 2, &folder).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	assert_eq!(job.verdicts.len(), 2);
	assert_proven(&job, &right, 2);
}
