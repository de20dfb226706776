//! Who never computes, and says what others opened.

use super::{ask, done, pairs, run, CHECKING, LIMITS};
use millrace_client::{calls, At, Error};
use millrace_court::case::Kind;
use millrace_primitives::{
	api::CaseSeatState, job::SeatState, outcome, AccountId, Balance, Hash, JobId, Report, ShardId,
};
use millrace_tests::{
	accuser::case,
	key,
	ledger::{events_since, operator_of, vacated, Cause, Ledger},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{silent, Provider, ASK},
	wait_within, Node, DEADLINE,
};

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const COPIER: &str = "//Charlie";
const CHECKERS: [&str; 4] = ["//Dave", "//Eve", "//Ferdie", "//Bob//stash"];

fn shard(index: u32) -> ShardId {
	ShardId { job: JobId(0), index }
}

/// No pool takes a call that is not its signer's to make: none of these comes into a block. By which names the chain refuses them,
/// the pallet's tests say.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) {
	assert!(matches!(&result, Err(Error::NotDue { .. })), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_copies_what_others_opened_gains_nothing() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 2);
	let (_honest, _checkers, _copier) = tokio::join!(
		Provider::start(&node, BOUGHT[0]),
		Provider::all_asking(&node, &CHECKERS, CHECKING),
		silent(&node, COPIER)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (bob, copier) = (key(BOUGHT[0]).account(), key(COPIER).account());
	let operator = key(&operator_of(COPIER));
	// What Bob opened of a shard, as soon as it did.
	let opened = |index: u32| {
		let (chain, bob) = (&chain, &bob);
		wait_within(3 * DEADLINE, "the honest report to be open", move || async move {
			let seats = case(chain, shard(index)).await?.seats;
			let seat = seats.into_iter().find(|seat| seat.provider == *bob)?;
			seat.report.filter(|_| seat.state == CaseSeatState::Standing)
		})
	};
	let reveal = |index: u32, report: Report| {
		calls::reveal(&calls::RevealItem {
			shard: shard(index),
			report,
			salt: [7; 32],
			shown: Vec::new(),
		})
	};
	// Of the first shard it seals something in time, of the second nothing before it knows what to seal.
	let early = async {
		wait_within(DEADLINE, "all seats to be held", || async {
			let seats = chain.market(At::Best).assignments(&copier).await.ok()?;
			let seat = seats.iter().find(|seat| seat.shard == shard(0))?;
			(seat.held && seat.state == Some(SeatState::Accepted)).then_some(())
		})
		.await;
		let seal = calls::seal(shard(0), Hash::repeat_byte(7));
		chain.submit(&operator, seal).await.expect("it has a seat");
		let report = opened(0).await;
		refused(chain.submit(&operator, reveal(0, report)).await);
		refused(
			chain
				.submit(&operator, calls::seal(shard(0), Hash::repeat_byte(8)))
				.await,
		);
	};
	let late = async {
		let report = opened(1).await;
		refused(
			chain
				.submit(&operator, calls::seal(shard(1), Hash::repeat_byte(7)))
				.await,
		);
		refused(chain.submit(&operator, reveal(1, report)).await);
	};
	let (output, (), ()) = tokio::join!(run(&url, &program, &inputs, pairs(1), &folder), early, late);

	let events = events_since(&node, &chain, before.block).await;
	let job = done(&node, &chain, before, &output).await;
	check_swapped(&lines, &folder);
	let terms = pairs(1).terms();
	let left: Vec<(ShardId, AccountId, Cause, Balance)> = vacated(&events);
	assert!(
		left.iter().all(|(of, who, ..)| *of == shard(1) && *who == copier) && !left.is_empty(),
		"{left:?}"
	);
	let mut lost: Balance = left.iter().map(|(.., slashed)| slashed).sum();
	assert!(
		lost > 0,
		"who accepts and does not seal loses a part of its bond: {left:?}"
	);
	let mut honest: Balance = 0;
	let mut checking: Balance = 0;
	let mut advanced: Balance = 0;
	for (index, verdict) in &job.verdicts {
		let right = &right[*index as usize..=*index as usize];
		assert!(verdict.is_accepted(), "{verdict:?}");
		assert_eq!(verdict.report, outcome::report(right));
		let guilty: &[AccountId] = if *index == 0 { &[copier.clone()] } else { &[] };
		assert_eq!(verdict.guilty, guilty, "{verdict:?}");
		let largest = verdict.largest(&terms, ask(&BOUGHT));
		let (fresh, audits) = (verdict.drawn(Kind::Fresh), verdict.drawn(Kind::Audit));
		let claims = verdict.earned(&terms, ask(&BOUGHT));
		let drawn = fresh.iter().chain(&audits).map(|account| claims[*account]);
		checking += drawn.sum::<Balance>();
		if *index == 0 {
			let slash = terms.slash(Kind::Primary, verdict.audited, largest);
			assert_eq!(fresh.len(), (CHECKERS.len() - audits.len()).min(3), "{verdict:?}");
			lost += slash;
			let work: Balance = fresh.iter().map(|account| claims[*account] + terms.seat_fee).sum();
			// The client paid for it first, and has it back of who made it necessary.
			advanced += work;
			// Nobody was on a board with it: but for audits, nobody has a part of it.
			let count = audits.len() as Balance;
			checking += if count > 0 {
				(slash - work) / 4 / count * count
			} else {
				0
			};
		} else {
			assert_eq!(fresh.len(), 0, "{verdict:?}");
		}
		honest += terms.pay(ASK, right[0].gas_used).0;
	}
	assert_eq!(
		job.gain(COPIER),
		-(lost as i128),
		"it lost what it had at stake, and earned nothing"
	);
	assert_eq!(job.gain("//Bob"), honest as i128);
	let checkers: i128 = CHECKERS.iter().map(|uri| job.gain(uri)).sum();
	assert_eq!(checkers, checking as i128);
	assert_eq!(job.gain("//Alice"), advanced as i128 - job.cost as i128);
}
