//! The court, seen with a real node and real agents: whoever reports what its machine did not compute loses, in every way
//! that it can be caught, and what is right is accepted and paid. Money is checked to the last planck.

mod absent;
mod accusation;
mod audits;
mod both_silent;
mod copies;
mod crowd;
mod cut_off;
mod full;
mod lies;
mod long;
mod majority;
mod restart;
mod silence;
mod single;
mod stall;
mod upgrade;
mod victim;
mod watched;
mod withheld;

use millrace_client::Chain;
use millrace_court::case::How;
use millrace_primitives::{job::JobStatus, outcome, AccountId, Balance, JobId, Limits, Outcome, MILL};
use millrace_tests::{
	amount,
	court::{kept, verdicts, Terms, Verdict},
	document, fees_in, key,
	ledger::{enacted, events_since, Ledger},
	provider::ASK,
	run_cli, submission, text, Node,
};
use serde_json::{json, Value};
use std::{collections::BTreeMap, path::Path, process::Output};

/// The most that jobs here pay for 10^9 gas: enough for stakes above what is the least.
const PRICE: Balance = MILL;
/// What providers ask that are never bought, and only check others.
const CHECKING: Balance = 3 * MILL / 2;
/// What a task may use.
const LIMITS: Limits = Limits {
	gas: 100_000_000,
	memory_pages: 16,
	output: 65_536,
};

/// A path as an argument.
fn arg(path: &Path) -> &str {
	path.to_str().expect("temporary paths are text")
}

/// What a job's shards are like.
#[derive(Clone, Copy)]
struct Shape {
	/// The most that is paid for 10^9 gas.
	price: Balance,
	replicas: u32,
	tasks: u32,
	limits: Limits,
}

/// Shards of so many tasks, each computed by two.
const fn pairs(tasks: u32) -> Shape {
	Shape {
		price: PRICE,
		replicas: 2,
		tasks,
		limits: LIMITS,
	}
}

impl Shape {
	/// What those ask who check such jobs and are never bought.
	const fn checking(&self) -> Balance {
		3 * self.price / 2
	}

	fn terms(&self) -> Terms {
		Terms::new(self.price, self.limits.gas, self.limits.output, self.tasks)
	}
}

/// Runs a job to its end, whose inputs are a file's lines.
async fn run(url: &str, program: &str, inputs: &str, shape: Shape, folder: &Path) -> Output {
	run_with(url, program, inputs, shape, &["--fetch", arg(folder)]).await
}

async fn run_with(url: &str, program: &str, inputs: &str, shape: Shape, more: &[&str]) -> Output {
	let Limits { gas, output, .. } = shape.limits;
	let [replicas, size] = [shape.replicas, shape.tasks].map(|number| number.to_string());
	let (gas, output) = (gas.to_string(), output.to_string());
	let price = format!("{}.{:012}", shape.price / MILL, shape.price % MILL);
	let mut args = vec!["--json", "submit", "--program", program, "--inputs", inputs, "--lines"];
	args.extend(["--max-price", &price, "--gas-limit", &gas, "--memory", "1M"]);
	args.extend([
		"--output-limit",
		&output,
		"--replicas",
		&replicas,
		"--shard-size",
		&size,
	]);
	if !more.contains(&"--deadline") {
		args.extend(["--deadline", "30m"]);
	}
	args.extend(more);
	run_cli(&["--url", url, "--key", "//Alice"], &args).await
}

/// What the providers in a test ask: those of these owners can be bought.
fn ask<'a>(bought: &'a [&str]) -> impl Fn(&AccountId) -> Balance + 'a {
	asks(bought, CHECKING)
}

/// The same, where those who are never bought ask this.
fn asks<'a>(bought: &'a [&str], checking: Balance) -> impl Fn(&AccountId) -> Balance + 'a {
	move |account| match bought.iter().any(|uri| key(uri).account() == *account) {
		true => ASK,
		false => checking,
	}
}

/// A job that is over, and the ledgers before and after it.
struct Done {
	before: Ledger,
	after: Ledger,
	verdicts: BTreeMap<u32, Verdict>,
	/// The shards of which nothing was to be had.
	failed: u32,
	/// What the client paid for, but for what it has back of others.
	cost: Balance,
	/// Of that: who had how much for keeping outputs.
	kept: BTreeMap<AccountId, Balance>,
}

/// Acknowledges a job's outputs, of which all are there, and waits until nothing is left of it.
async fn done(node: &Node, chain: &Chain, before: Ledger, output: &Output) -> Done {
	assert!(output.status.success(), "{}", text(output));
	let fetched = document(output);
	assert_eq!((&fetched["failed"], &fetched["missing"]), (&json!([]), &json!([])));
	let submitted = submission(output);
	let job = submitted["job"].as_u64().expect("a number");
	let acknowledged = node.cli_json("//Alice", &["acknowledge", &job.to_string()]).await;
	let fees = fees_in(&submitted) + fees_in(&acknowledged);
	let done = over(node, chain, before, &submitted, fees).await;
	assert_eq!(done.failed, 0);
	done
}

/// Waits until nothing is left of a job, for which its client spent so much on transactions.
async fn over(node: &Node, chain: &Chain, before: Ledger, submitted: &Value, spent: Balance) -> Done {
	let job = submitted["job"].as_u64().expect("a number");
	node.finalized_without(job).await;
	enacted(chain).await;
	let after = Ledger::read(node, chain).await;
	let events = events_since(node, chain, before.block).await;
	type Settled = (JobId, JobStatus, u32, u32, Balance, Balance);
	let settled = events.iter().filter(|event| event.is("Jobs", "JobSettled"));
	let settled = settled.map(|event| event.decode::<Settled>().expect("understood"));
	let settled: Vec<Settled> = settled.filter(|(id, ..)| id.0 == job).collect();
	let [(_, _, _, failed, paid, fees)] = settled[..] else {
		panic!("one job was settled: {settled:?}");
	};
	let kept = kept(&events, job);
	Done {
		before,
		after,
		verdicts: verdicts(&events, job),
		failed,
		cost: paid + fees + amount(&submitted["submissionFee"]) + spent + kept.values().sum::<Balance>(),
		kept,
	}
}

impl Done {
	/// What an account gained, beside what it had for keeping outputs.
	fn gain(&self, uri: &str) -> i128 {
		let kept = self.kept.get(&key(uri).account()).copied().unwrap_or_default();
		self.after.gain(&self.before, uri) - kept as i128
	}

	/// Checks everybody's money as the rules have it for what happened: [`Verdict::gains`].
	fn assert_gains(&self, terms: &Terms, ask: impl Fn(&AccountId) -> Balance, everybody: &[&str]) {
		let (mut gains, mut back) = (BTreeMap::<AccountId, i128>::new(), 0);
		for verdict in self.verdicts.values() {
			let (of_shard, client) = verdict.gains(terms, &ask);
			for (account, amount) in of_shard {
				*gains.entry(account).or_default() += amount;
			}
			back += client;
		}
		for uri in everybody {
			let gained = gains.remove(&key(uri).account()).unwrap_or_default();
			assert_eq!(self.gain(uri), gained, "{uri}: {:?}", self.verdicts);
		}
		assert!(gains.is_empty(), "everybody is looked at: {gains:?}");
		assert_eq!(
			self.gain("//Alice"),
			back as i128 - self.cost as i128,
			"{:?}",
			self.verdicts
		);
	}

	/// Checks the verdicts and everybody's money where every lie was proven by a step, and everybody else was there.
	fn assert_proven(&self, trial: &Trial) {
		let tasks = trial.shape.tasks as usize;
		let ask = asks(trial.bought, trial.shape.checking());
		// What everybody may have gained: where audits may have seen the lie or not, there are two ways.
		let mut ways = vec![BTreeMap::<AccountId, i128>::new()];
		let mut client = 0;
		assert_eq!(self.verdicts.len(), trial.right.len().div_ceil(tasks));
		for ((index, verdict), right) in self.verdicts.iter().zip(trial.right.chunks(tasks)) {
			let tasks = right.len() as u32;
			let terms = Shape { tasks, ..trial.shape }.terms();
			let mut liars: Vec<_> = (trial.liars)(*index).iter().map(|uri| key(uri).account()).collect();
			liars.sort();
			assert!(verdict.is_accepted(), "{verdict:?}");
			assert_eq!(verdict.report, outcome::report(right), "what is right is accepted");
			let mut guilty = verdict.guilty.clone();
			guilty.sort();
			assert_eq!(guilty, liars, "{verdict:?}");
			let mut losers: Vec<_> = verdict.lost.iter().map(|(loser, ..)| loser.clone()).collect();
			losers.sort();
			assert_eq!(losers, liars, "{verdict:?}");
			for (_, winner, how) in &verdict.lost {
				let winner = winner.as_ref().expect("seats play here");
				assert!(*how == How::Step && !liars.contains(winner), "{verdict:?}");
			}
			let earned = verdict.earned(&terms, &ask);
			assert_eq!(verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(), earned);
			let seen = match trial.sampled {
				true => vec![true],
				false => vec![true, false],
			};
			let mut next = Vec::new();
			for (way, seen) in ways.iter().flat_map(|way| seen.iter().map(move |seen| (way, seen))) {
				let mut way = way.clone();
				let mut gain = |account: &AccountId, amount: i128| *way.entry(account.clone()).or_default() += amount;
				earned
					.iter()
					.for_each(|(account, amount)| gain(account, *amount as i128));
				for shares in verdict.shares(&terms, &ask, *seen) {
					gain(&shares.player.0, shares.player.1 as i128);
					gain(&shares.loser, -(shares.slash as i128));
					shares.audits.iter().for_each(|audit| gain(audit, shares.audit as i128));
				}
				next.push(way);
			}
			ways = next;
			client += verdict
				.shares(&terms, &ask, true)
				.iter()
				.map(|shares| shares.client)
				.sum::<Balance>();
		}
		assert_eq!(
			self.gain("//Alice"),
			client as i128 - self.cost as i128,
			"the client was compensated"
		);
		let gains: Vec<i128> = trial.everybody.iter().map(|uri| self.gain(uri)).collect();
		let expected = ways.iter().map(|way| {
			let of = |uri: &&str| way.get(&key(uri).account()).copied().unwrap_or_default();
			trial.everybody.iter().map(of).collect::<Vec<i128>>()
		});
		let expected: Vec<Vec<i128>> = expected.collect();
		assert!(
			expected.contains(&gains),
			"{:?} gained {gains:?}, and not {expected:?}",
			trial.everybody
		);
	}
}

/// A job in which some lie, and all of them are found.
struct Trial<'a> {
	shape: Shape,
	/// Who can be bought.
	bought: &'a [&'a str],
	/// All providers.
	everybody: &'a [&'a str],
	/// What is right of all tasks.
	right: &'a [Outcome],
	/// Who lies in which shard.
	liars: fn(u32) -> &'static [&'static str],
	/// Whether every sample has a forged task in it.
	sampled: bool,
}
