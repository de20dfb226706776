//! Somebody without a seat says that a right report is wrong.

use super::{ask, done, run, terms, CHECKING, LIMITS};
use codec::DecodeAll;
use millrace_agent::exec::{
	replay::{matter_of_shard, Input, Replayer},
	Budget, Side,
};
use millrace_client::{calls, At, Chain, Error};
use millrace_court::board::Board;
use millrace_primitives::{
	api::{BoardView, CaseSeatState, CaseView},
	merkle, outcome, Balance, Gas, JobId, Outcome, ShardId,
};
use millrace_tests::{
	key,
	ledger::{accusations, Ledger},
	liar::{say, Forgery, Lie},
	programs::{check_swapped, outcomes, save, save_lines, swap_case},
	provider::{Provider, ASK},
	wait_for, wait_within, Node, DEADLINE,
};
use std::{collections::HashMap, sync::Arc};

const BOUGHT: [&str; 2] = ["//Bob", "//Charlie"];
const SHARD: ShardId = ShardId {
	job: JobId(0),
	index: 0,
};
/// The task that is accused, and the board's number.
const TASK: u32 = 1;
const BOARD: u32 = 1_000;

async fn case(chain: &Chain) -> Option<CaseView> {
	chain.market(At::Best).case(SHARD).await.ok()?
}

fn board(case: &CaseView) -> Option<&BoardView> {
	case.boards.iter().find(|board| board.number == BOARD)
}

/// A run of the accused task that comes to something else in the end.
async fn replayer(chain: &Chain, module: &[u8], inputs: &[Vec<u8>]) -> Replayer {
	let market = chain.market(At::Best);
	let job = market.job(SHARD.job).await.expect("told").expect("it is there");
	let shard = market.all_shards(SHARD.job).await.expect("told").remove(0);
	let program = market.program(job.program).await.expect("told").expect("published");
	let roots: Vec<_> = inputs.iter().map(|input| merkle::data_root(input)).collect();
	let inputs = inputs.to_vec();
	let input = move |task: u32| Input {
		bytes: Arc::new(inputs[task as usize].clone()),
		proof: merkle::prove_range(&roots, task, 1).expect("it is one of them"),
	};
	let matter = matter_of_shard(&shard, &job, &program);
	let nothing = || Arc::new([0; 0]);
	let budget = Budget::default();
	Replayer::new(
		matter,
		module,
		nothing(),
		nothing(),
		Box::new(move |task| Ok(input(task))),
		budget,
	)
	.expect("what is published can be run")
}

/// Accuses the first seat of the job, once all have opened, and plays to the end. Returns the bond, whose provider is accused,
/// and the fees.
async fn accuse(chain: &Chain, module: &[u8], inputs: &[Vec<u8>], forged: Outcome) -> (Balance, usize, Balance) {
	let ferdie = key("//Ferdie");
	let opened =
		|case: &CaseView| case.seats.len() >= 2 && case.seats.iter().all(|seat| seat.state == CaseSeatState::Standing);
	let seen = wait_within(3 * DEADLINE, "all reports to be open", || async {
		case(chain).await.filter(opened)
	})
	.await;
	let accused = BOUGHT
		.iter()
		.position(|uri| key(uri).account() == seen.seats[0].provider);
	let call = |task, outcome| calls::accuse(SHARD, 0, task, outcome);
	let accusation = chain.submit(&ferdie, call(TASK, &forged)).await.expect("anybody may");
	let fee = accusation.fee().expect("it has a fee");
	let replayer = replayer(chain, module, inputs).await;
	let mut player = Some(Lie::player(replayer, HashMap::from([(TASK, forged)]), 1_000));
	let mut bond = 0;
	// It is over when the chain shows it to nobody's turn, or no more.
	while let Some(now) = case(chain).await {
		let Some(board) = board(&now).filter(|board| board.targets_turn.is_some()) else {
			break;
		};
		bond = board.bond;
		if board.targets_turn == Some(false) {
			let position = Board::decode_all(&mut &board.board[..]).expect("boards are understood");
			let side = if board.target_first { Side::Second } else { Side::First };
			let mut thinking = player.take().expect("one thought at a time");
			let thought = tokio::task::spawn_blocking(move || {
				let action = say(&mut thinking, &position, side);
				(thinking, action)
			});
			let (back, action) = thought.await.expect("it has something to say");
			player = Some(back);
			chain
				.submit(&ferdie, calls::play(SHARD, BOARD, &action))
				.await
				.expect("it is a move");
		} else {
			tokio::time::sleep(std::time::Duration::from_millis(200)).await;
		}
	}
	assert_eq!(
		accusations(chain, "//Ferdie").await,
		bond,
		"its bond waits for the end of the case"
	);
	(bond, accused.expect("one of the two"), fee)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_accuser_loses_its_bond() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let module = swap_case(1_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 3);
	let (_honest, _checkers) = tokio::join!(
		Provider::start_all(&node, &BOUGHT),
		Provider::all_asking(&node, &["//Dave", "//Eve"], CHECKING)
	);
	let chain = node.chain().await;
	node.cli_json("//Alice", &["program", "publish", &program]).await;
	let right = outcomes(&module, &lines, &LIMITS);
	let gas: Gas = right.iter().map(|outcome| outcome.gas_used).sum();
	let forged = Forgery::MoreGas.of(&right[TASK as usize], &LIMITS);

	let before = Ledger::read(&node, &chain).await;
	let folder = home.join("outputs");
	let url = node.url();
	let (output, (bond, accused, mut fees)) = tokio::join!(
		run(&url, &program, &inputs, 3, &folder),
		accuse(&chain, &module, &lines, forged)
	);
	let pull = chain.submit(&key("//Ferdie"), calls::pull(SHARD, BOARD)).await;
	fees += pull.expect("the case is over").fee().expect("it has a fee");
	assert_eq!(accusations(&chain, "//Ferdie").await, 0);
	let again = chain.submit(&key("//Ferdie"), calls::pull(SHARD, BOARD)).await;
	assert!(
		matches!(&again, Err(Error::Dispatch { error, .. }) if error == "UnknownShard"),
		"{again:?}"
	);
	let failed = {
		// A call that fails costs its fee all the same; how much, the ledger knows.
		let job = done(&node, &chain, before, &output).await;
		check_swapped(&lines, &folder);
		let (verdict, terms) = (&job.verdicts[&0], terms(3));
		assert!(verdict.is_accepted(), "{verdict:?}");
		assert_eq!(verdict.report, outcome::report(&right));
		assert!(
			verdict.guilty.is_empty() && verdict.lost.is_empty(),
			"no seat lost anything: {verdict:?}"
		);
		assert_eq!(bond, terms.after(verdict.largest(&terms, ask(&BOUGHT))));
		let (pay, _) = terms.pay(ASK, gas);
		let quarter = (bond / 4) as i128;
		for (place, uri) in BOUGHT.iter().enumerate() {
			let more = if place == accused { quarter } else { 0 };
			assert_eq!(job.gain(uri), pay as i128 + more, "{uri} was paid");
		}
		assert_eq!(job.gain("//Alice"), quarter - job.cost as i128);
		-job.gain("//Ferdie") - (bond + fees) as i128
	};
	assert!(
		(0..=fees as i128).contains(&failed),
		"the accuser lost its bond and fees: {failed}"
	);
	wait_for("all liabilities to be free", || async {
		for uri in BOUGHT {
			let record = millrace_tests::ledger::provider(&node, uri).await;
			if record["liability"] != "0" {
				return None;
			}
		}
		Some(())
	})
	.await;
}
