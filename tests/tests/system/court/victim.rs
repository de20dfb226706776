//! A client whose price fits one honest provider and one of its own: whatever the two do, the honest one never works for
//! nothing, loses nothing, and is free again in the end.

use super::{over, pairs, run_with, CHECKING, LIMITS, PRICE};
use millrace_client::{calls, Chain, Event};
use millrace_primitives::{
	job::{DeclineReason, JobStatus},
	outcome, Balance, BlockNumber, JobId, MILL,
};
use millrace_tests::{
	amount, document, fees_in, free_port, key,
	ledger::{bond, events_since, operator_of, provider, vacated, Cause, Ledger},
	programs::{outcomes, save, save_lines, swap_case},
	provider::{puppet, Provider, BOND},
	served::serve_job,
	text, wait_for, wait_within, Node, DEADLINE,
};
use std::collections::BTreeMap;

const VICTIM: &str = "//Bob";
/// What it asks: so much that a newcomer's premium leaves something of what the job earns.
const TAILORED: Balance = PRICE / 2;
const SYBIL: &str = "//Charlie";
/// Works for more than twice what the client pays, so that nobody asks it to check either.
const DEAR: &str = "//Dave";

/// The jobs, in the order in which they are submitted. Of the first the other seat is declined.
const DECLINED: u64 = 0;
/// Its other seat is accepted and never sealed.
const DESERTED: u64 = 1;
/// Its client serves nobody.
const UNSERVED: u64 = 2;

/// How long the jobs may take that nobody can do: 75 blocks.
const SHORT: &str = "30s";
/// In so many blocks such a job is over, and whoever waits for its other seats is free: its deadline, the window of execution
/// of a shard, and what it takes to look.
const OVER: BlockNumber = 75 + 60 + 30;

/// The block after this one in which something happened.
async fn block_of(chain: &Chain, from: BlockNumber, what: impl Fn(&Event) -> bool) -> BlockNumber {
	let last = chain.finalized_head().await.expect("there is a finalized block").number;
	for number in from + 1..=last {
		let hash = chain.block_hash(number).await.expect("told").expect("it is there");
		if chain.events(hash).await.expect("events can be read").iter().any(&what) {
			return number;
		}
	}
	panic!("it did not happen in blocks {from} to {last}");
}

/// How many blocks a job took from its submission to its end.
async fn lasted(chain: &Chain, from: BlockNumber, job: u64) -> BlockNumber {
	let of = |event: &Event, name: &str| event.is("Jobs", name) && event.decode::<JobId>().is_ok_and(|id| id.0 == job);
	let begun = block_of(chain, from, |event| of(event, "JobSubmitted")).await;
	block_of(chain, from, |event| of(event, "JobSettled")).await - begun
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_drawn_alone_with_a_clients_own_provider_loses_nothing() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let (victim, _dear, _sybil, (_server, endpoint)) = tokio::join!(
		Provider::asking(&node, VICTIM, TAILORED),
		Provider::asking(&node, DEAR, 2 * CHECKING),
		puppet(&node, SYBIL, |shard| match shard.job.0 {
			DECLINED => calls::decline(shard, DeclineReason::NoCapacity),
			_ => calls::accept(shard),
		}),
		serve_job(&module, &lines, <[u8]>::to_vec)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let gas = right.iter().map(|outcome| outcome.gas_used).sum();

	let before = Ledger::read(&node, &chain).await;
	let from = before.block;
	let nobody = format!("http://127.0.0.1:{}", free_port());
	let mut jobs = Vec::new();
	for (job, endpoint, deadline) in [
		(DECLINED, &endpoint, SHORT),
		(DESERTED, &endpoint, "30m"),
		(UNSERVED, &nobody, SHORT),
	] {
		let more = ["--endpoint", endpoint, "--deadline", deadline];
		let output = run_with(&node.url(), &program, &inputs, pairs(2), &more).await;
		assert!(output.status.success(), "{}", text(&output));
		let submitted = document(&output);
		assert_eq!(submitted["job"], job);
		jobs.push(submitted);
	}
	for job in [DECLINED, UNSERVED] {
		wait_within(2 * DEADLINE, "what nobody can do to be over", || async {
			node.job(job).await.is_none().then_some(())
		})
		.await;
		node.finalized_without(job).await;
		let blocks = lasted(&chain, from, job).await;
		assert!(blocks <= OVER, "job {job} took {blocks} blocks");
	}
	wait_within(3 * DEADLINE, "what was sealed to be paid", || async {
		node.job(DESERTED).await.filter(|job| job["accepted"] == 1)
	})
	.await;
	node.finalizes(node.best().await.expect("there is a best block")).await;
	let acknowledged = node.cli_json("//Alice", &["acknowledge", &DESERTED.to_string()]).await;
	let lost = [&jobs[0], &jobs[2]].map(|submitted| amount(&submitted["submissionFee"]) + fees_in(submitted));
	let spent = fees_in(&jobs[1]) + fees_in(&acknowledged) + lost.iter().sum::<Balance>();
	let job = over(&node, &chain, before, &jobs[1], spent).await;
	wait_for("the victim to be free", || async {
		let record = provider(&node, VICTIM).await;
		(record["usedSlots"] == 0 && record["liability"] == "0").then_some(())
	})
	.await;

	// It was in all three, computed what all seats were held of, and was paid for that in full.
	let (events, terms) = (events_since(&node, &chain, from).await, pairs(2).terms());
	let me = key(VICTIM).account();
	let computed = victim.log().matches("computed").count();
	assert_eq!(computed, 1, "{}", victim.log());
	let (verdict, (pay, _)) = (&job.verdicts[&0], terms.pay(TAILORED, gas));
	assert!(pay > 0);
	assert_eq!(verdict.report, outcome::report(&right), "{verdict:?}");
	assert_eq!(
		verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(),
		BTreeMap::from([(me.clone(), pay)]),
		"{verdict:?}"
	);
	assert_eq!(job.gain(VICTIM), pay as i128);
	assert_eq!(bond(&chain, VICTIM).await, BOND);
	let fees = -job.after.gain(&job.before, &operator_of(VICTIM));
	assert!(fees < MILL as i128 / 10, "its operator spent {fees}");
	let mut left = vacated(&events);
	left.sort_by_key(|(shard, ..)| *shard);
	let left: Vec<_> = left
		.into_iter()
		.map(|(shard, who, cause, lost)| (shard.job.0, who == me, cause, lost))
		.collect();
	let declined = [DeclineReason::NoCapacity, DeclineReason::InputsUnavailable].map(|reason| reason as u8);
	assert_eq!(
		left,
		[
			(DECLINED, false, Cause::Declined(declined[0]), 0),
			(DESERTED, false, Cause::Late, terms.late()),
			(UNSERVED, true, Cause::Declined(declined[1]), 0)
		]
	);
	// What it came to cost those who tried it.
	assert_eq!(job.gain(SYBIL), -(terms.late() as i128));
	assert_eq!(job.gain("//Alice"), -(job.cost as i128));
	assert_eq!(job.gain(DEAR), 0);
	let closed = events.iter().filter(|event| event.is("Jobs", "JobClosed"));
	let closed: Vec<_> = closed
		.map(|event| event.decode::<(JobId, JobStatus)>().expect("understood"))
		.collect();
	assert_eq!(
		closed,
		[DECLINED, UNSERVED].map(|job| (JobId(job), JobStatus::Expired)),
		"nobody could have them suspended"
	);
}
