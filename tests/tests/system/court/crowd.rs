//! Ten who say at the same time that a report is wrong, nine of whom are saboteurs: against one lie, and against one right
//! report. And a liar that accuses itself, before anybody else does.

use super::{ask, done, pairs, run, Done, CHECKING, LIMITS};
use millrace_client::{
	calls,
	events::{Author, Court},
	Error, Event,
};
use millrace_court::case::{How, Kind};
use millrace_primitives::{outcome, AccountId, Balance, JobId, Outcome, ShardId, MILL};
use millrace_tests::{
	accuser::{accuse, Accusation, Accused},
	key,
	ledger::{events_since, Ledger},
	liar::{self, Forgery, Plan},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::Provider,
	wait_for, Node,
};
use std::collections::BTreeMap;

/// Who can be bought: one honest provider, and one that lies in the first and in the last shard.
const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const CHECKERS: [&str; 2] = ["//Dave", "//Eve"];
const SABOTEURS: [&str; 9] = [
	"//Bob//stash",
	"//Dave//stash",
	"//Eve//stash",
	"//Ferdie//stash",
	"//Ferdie//operator",
	"//Bob//stash//operator",
	"//Dave//stash//operator",
	"//Eve//stash//operator",
	"//Ferdie//stash//operator",
];
/// Who says of a lie what is right.
const WATCHER: &str = "//Ferdie";
/// Another account of the liar.
const ACCOMPLICE: &str = "//Charlie//stash";
const LIE: u32 = 0;
const RIGHT: u32 = 1;
const SELF: u32 = 2;

fn shard(index: u32) -> ShardId {
	ShardId { job: JobId(0), index }
}

/// All who accuse, and of what.
fn accusations(right: &[Outcome]) -> Vec<(u32, Accusation)> {
	let (bob, liar) = (key("//Bob").account(), key("//Charlie").account());
	let of = |by: &str, of: &AccountId, outcome: Outcome| Accusation {
		by: by.into(),
		of: of.clone(),
		task: 0,
		outcome,
		truth: 1_000,
		plays: true,
	};
	let mut all = Vec::new();
	for (place, by) in SABOTEURS.iter().enumerate() {
		let wrong = |index: u32| Forgery::MoreGas.of(&right[index as usize], &LIMITS);
		// Against the lie, each as badly as it can: one after the other errs earlier, and every third is silent.
		let against_the_lie = Accusation {
			truth: 100 * place as u64,
			plays: place % 3 != 0,
			..of(by, &liar, wrong(LIE))
		};
		let against_the_truth = Accusation {
			plays: place % 3 != 0,
			..of(by, &bob, wrong(RIGHT))
		};
		all.extend([(LIE, against_the_lie), (RIGHT, against_the_truth)]);
	}
	all.push((LIE, of(WATCHER, &liar, right[LIE as usize])));
	all.push((SELF, of(ACCOMPLICE, &liar, right[SELF as usize])));
	all
}

/// What was said of the boards of a shard.
#[derive(Default)]
struct Boards {
	/// By numbers: who opened it, and the seat that it attacks.
	opened: BTreeMap<u32, (Author, u8)>,
	/// Whether the target is out, and how.
	decided: BTreeMap<u32, (bool, How)>,
	/// The board that put a target out first.
	first: Option<u32>,
	/// What outsiders lost of their bonds.
	settled: BTreeMap<u32, Balance>,
}

fn boards(events: &[Event], index: u32) -> Boards {
	let mut boards = Boards::default();
	for event in events {
		let Some((of, court)) = event.court().expect("understood") else {
			continue;
		};
		if of != shard(index) {
			continue;
		}
		match court {
			Court::BoardOpened { board, by, target } => drop(boards.opened.insert(board, (by, target))),
			Court::BoardDecided {
				board,
				target_lost,
				how,
			} => {
				boards.decided.insert(board, (target_lost, how));
				if target_lost {
					boards.first.get_or_insert(board);
				}
			}
			Court::BondSettled { board, lost, .. } => drop(boards.settled.insert(board, lost)),
			_ => {}
		}
	}
	boards
}

/// Everybody's gains, by accounts.
#[derive(Default)]
struct Gains(BTreeMap<AccountId, i128>);

impl Gains {
	fn add(&mut self, account: &AccountId, amount: Balance) {
		*self.0.entry(account.clone()).or_default() += amount as i128;
	}

	fn take(&mut self, account: &AccountId, amount: Balance) {
		*self.0.entry(account.clone()).or_default() -= amount as i128;
	}

	fn of(&self, uri: &str) -> i128 {
		self.0.get(&key(uri).account()).copied().unwrap_or_default()
	}
}

/// What becomes of the stake of the liar in a shard in which a step was proven. Returns what it lost.
fn share_out(job: &Done, index: u32, boards: &Boards, gains: &mut Gains) -> Balance {
	let (verdict, terms) = (&job.verdicts[&index], pairs(1).terms());
	let (alice, bob, liar) = (
		key("//Alice").account(),
		key("//Bob").account(),
		key("//Charlie").account(),
	);
	let largest = verdict.largest(&terms, ask(&BOUGHT));
	let slash = terms.slash(Kind::Primary, verdict.audited, largest);
	let (quarter, replay) = (slash / 4, 7 * largest);
	let first = boards.first.expect("the liar is out");
	assert_eq!(boards.decided[&first].1, How::Step);
	let mut paid: BTreeMap<AccountId, Balance> = BTreeMap::new();
	// Bob won, or was playing it when it went out.
	let seat = |number: u8| &verdict.seats[usize::from(number)].1;
	let played = boards
		.opened
		.values()
		.any(|(by, _)| matches!(by, Author::Seat(by) if *seat(*by) == bob));
	if played {
		paid.insert(bob, replay);
	}
	if let Author::Outsider(account) = &boards.opened[&first].0 {
		paid.insert(account.clone(), replay);
	}
	let audits = verdict.drawn(Kind::Audit);
	match audits.len() as Balance {
		0 => {
			// A seat's before an outsider's.
			let bob = key("//Bob").account();
			let prover = if played {
				bob
			} else {
				paid.keys().next().expect("somebody proved it").clone()
			};
			let share = paid.entry(prover).or_default();
			*share = quarter.max(*share);
		}
		count => audits
			.into_iter()
			.for_each(|audit| *paid.entry(audit.clone()).or_default() += quarter / count),
	}
	paid.iter().for_each(|(account, amount)| gains.add(account, *amount));
	gains.add(&alice, quarter);
	gains.take(&liar, slash);
	slash
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_saboteurs_of_ten_save_no_lie_and_hurt_no_right_report_and_who_accuses_itself_gains_nothing() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 3);
	// Found out at the first step that it shows, so that its other account is soon done.
	let plan = Plan {
		forgeries: vec![Some(Forgery::Output), None, Some(Forgery::Output)],
		truth: 0,
		..Plan::default()
	};
	let chain = node.chain().await;
	let fund = async {
		let operators = SABOTEURS.iter().filter(|uri| uri.ends_with("//operator"));
		let transfers = operators
			.map(|uri| calls::transfer(&key(uri).account(), 100 * MILL))
			.collect();
		chain
			.submit(&key("//Ferdie"), calls::batch_all(transfers))
			.await
			.expect("it has money");
	};
	let (_honest, _checkers, _liar, ()) = tokio::join!(
		Provider::start(&node, "//Bob"),
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		liar::start(&node, "//Charlie", plan),
		fund
	);
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let accusations = accusations(&right);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (output, accused) = tokio::join!(run(&url, &program, &inputs, pairs(1), &folder), async {
		wait_for("the job", || node.job(0)).await;
		let all = accusations
			.iter()
			.map(|(index, accusation)| accuse(&chain, shard(*index), &module, &lines, accusation));
		futures::future::join_all(all).await
	});
	// Boards that put nobody out are settled when somebody asks for it.
	let so_far = events_since(&node, &chain, before.block).await;
	let outsiders: Vec<_> = accusations.iter().zip(&accused).collect();
	let pulls = outsiders.iter().map(|((index, accusation), accused)| {
		let (chain, call) = (&chain, calls::pull(shard(*index), accused.board));
		let settled = boards(&so_far, *index).first == Some(accused.board);
		async move {
			let pulled = chain.submit(&key(&accusation.by), call).await;
			match pulled {
				Ok(pulled) if !settled => pulled.fee().expect("it has a fee"),
				Err(Error::Dispatch { .. }) if settled => 0,
				other => panic!("{accusation:?}, {settled}: {other:?}"),
			}
		}
	});
	let pulls = futures::future::join_all(pulls).await;
	let events = events_since(&node, &chain, before.block).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);

	let (mut gains, mut spent) = (Gains::default(), Gains::default());
	let terms = pairs(1).terms();
	let (alice, bob, liar) = (
		key("//Alice").account(),
		key("//Bob").account(),
		key("//Charlie").account(),
	);
	for (index, verdict) in &job.verdicts {
		let lies = *index != RIGHT;
		assert!(verdict.is_accepted(), "{verdict:?}");
		assert_eq!(
			verdict.report,
			outcome::report(&right[*index as usize..=*index as usize])
		);
		assert_eq!(
			verdict.guilty,
			if lies { vec![liar.clone()] } else { Vec::new() },
			"{verdict:?}"
		);
		let earned = verdict.earned(&terms, ask(&BOUGHT));
		earned.iter().for_each(|(account, amount)| gains.add(account, *amount));
		let boards = boards(&events, *index);
		let lost_by_the_liar = if lies {
			share_out(&job, *index, &boards, &mut gains)
		} else {
			0
		};
		let replay = 7 * verdict.largest(&terms, ask(&BOUGHT));
		for ((_, accusation), Accused { board, bond, .. }) in outsiders.iter().filter(|((of, _), _)| of == index) {
			let by = &accusation.by;
			let decided = boards.decided.get(board).copied();
			let lost = match decided {
				// Who attacks a lie loses nothing but by a step that is wrong.
				None | Some((_, How::Clock)) if lies => 0,
				Some((true, _)) if lies => 0,
				_ => *bond,
			};
			let settled = boards.settled.get(board).copied();
			let expected = Some(lost).filter(|_| boards.first != Some(*board));
			assert_eq!(settled, expected, "{by} in {index}: {decided:?}");
			let by = key(by).account();
			gains.take(&by, lost);
			if lost > 0 {
				let step = decided.expect("it was played").1 == How::Step;
				// A quarter each, without a step no more than what a replay costs.
				let quarter = if step {
					bond / 4
				} else {
					(bond / 4).min(replay.min(bond / 4))
				};
				gains.add(&alice, quarter);
				if !lies {
					gains.add(&bob, quarter.max(replay.min(bond / 4)));
				}
			}
		}
		if *index == SELF {
			let won = gains.of(ACCOMPLICE);
			assert!(
				2 * won < lost_by_the_liar as i128,
				"accusing itself brought {won} of {lost_by_the_liar}"
			);
		}
	}
	for (((_, accusation), accused), pulled) in outsiders.iter().zip(pulls) {
		spent.add(&key(&accusation.by).account(), accused.fees + pulled);
	}
	for uri in BOUGHT.iter().chain(&CHECKERS) {
		assert_eq!(job.gain(uri), gains.of(uri), "{uri}");
	}
	assert_eq!(job.gain("//Alice"), gains.of("//Alice") - job.cost as i128);
	for uri in SABOTEURS.iter().chain(&[WATCHER, ACCOMPLICE]) {
		// Calls that failed cost their fee all the same; how much, the ledger knows.
		let (fees, paid) = (spent.of(uri), gains.of(uri) - job.gain(uri));
		assert!(
			(fees..=3 * fees).contains(&paid),
			"{uri} paid {paid}, of which {fees} are known"
		);
	}
	let lost: i128 = SABOTEURS.iter().map(|uri| job.gain(uri)).sum();
	assert!(lost < 0, "sabotage costs: {lost}");
}
