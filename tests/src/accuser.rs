//! Whoever has no seat and says that a report is wrong.

use crate::{
	key,
	liar::{say, Lie},
	wait_for, wait_within, DEADLINE,
};
use codec::DecodeAll;
use millrace_agent::{
	court::view::is_standing,
	exec::{
		replay::{matter_of_shard, Input, Replayer},
		Budget, Side,
	},
};
use millrace_client::{calls, At, Chain};
use millrace_court::board::{self, Board};
use millrace_primitives::{
	api::{BoardView, CaseSeatState, CaseView},
	merkle, AccountId, Balance, Outcome, ShardId,
};
use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
	time::Duration,
};

/// What is said of a report.
#[derive(Clone, Debug)]
pub struct Accusation {
	/// Who says it: a secret URI.
	pub by: String,
	/// The provider whose report it is.
	pub of: AccountId,
	/// The task, counted from the shard's first.
	pub task: u32,
	/// Its outcome as it is said to be.
	pub outcome: Outcome,
	/// What part of a run is shown as it is, in thousandths. Of the right outcome all is.
	pub truth: u64,
	/// Whether the accuser plays its board, or is silent on it.
	pub plays: bool,
}

/// A board that is over, or whose target is out by another.
#[derive(Clone, Copy, Debug)]
pub struct Accused {
	/// Its number.
	pub board: u32,
	/// What the accuser put up.
	pub bond: Balance,
	/// The transaction fees of the calls that succeeded.
	pub fees: Balance,
}

/// A shard's case at the best block.
pub async fn case(chain: &Chain, shard: ShardId) -> Option<CaseView> {
	chain.market(At::Best).case(shard).await.expect("cases are told")
}

/// A replayer of a shard of the job that has these inputs.
async fn replayer(chain: &Chain, shard: ShardId, module: &[u8], inputs: &[Vec<u8>]) -> Replayer {
	let market = chain.market(At::Best);
	let job = market.job(shard.job).await.expect("told").expect("it is there");
	let shards = market.all_shards(shard.job).await.expect("told");
	let view = shards
		.into_iter()
		.find(|view| view.id == shard)
		.expect("it is under way");
	let program = market.program(job.program).await.expect("told").expect("published");
	let roots: Vec<_> = inputs.iter().map(|input| merkle::data_root(input)).collect();
	let (inputs, first) = (inputs.to_vec(), view.first_task);
	let input = move |task: u32| Input {
		bytes: Arc::new(inputs[(first + task) as usize].clone()),
		proof: merkle::prove_range(&roots, first + task, 1).expect("it is one of them"),
	};
	let nothing = || Arc::new([0; 0]);
	Replayer::new(
		matter_of_shard(&view, &job, &program),
		module,
		nothing(),
		nothing(),
		Box::new(move |task| Ok(input(task))),
		Budget::default(),
	)
	.expect("what is published can be run")
}

/// Accuses a report as soon as it is open, and plays until the board is over. The job's program and all its inputs must be
/// known.
pub async fn accuse(
	chain: &Chain,
	shard: ShardId,
	module: &[u8],
	inputs: &[Vec<u8>],
	accusation: &Accusation,
) -> Accused {
	let market = chain.market(At::Best);
	wait_for("the shard to be handed out", || async {
		let shards = market.all_shards(shard.job).await.ok()?;
		shards.iter().find(|view| view.id == shard).map(|_| ())
	})
	.await;
	let replayer = replayer(chain, shard, module, inputs).await;
	let (signer, task) = (key(&accusation.by), accusation.task);
	let target = wait_within(3 * DEADLINE, "the report to be open", || async {
		let seats = case(chain, shard).await?.seats;
		let seat = seats.into_iter().find(|seat| seat.provider == accusation.of)?;
		(seat.state == CaseSeatState::Standing).then_some(seat.number)
	})
	.await;
	let says = board::Accusation::Outcome {
		task,
		outcome: accusation.outcome,
	};
	let call = calls::accuse(shard, target, &says, Balance::MAX);
	let accused = chain.submit(&signer, call).await;
	let accused = accused.unwrap_or_else(|error| panic!("{}: {error}", accusation.by));
	let mut fees = accused.fee().expect("it has a fee");
	let says = HashMap::from([(task, accusation.outcome)]);
	let mut player = Some(Lie::player(replayer, says, accusation.truth));
	let mut said = HashSet::new();
	let mut known: Option<(u32, Balance)> = None;
	let me = signer.account();
	// It is over when the chain shows it to nobody's turn, or no more.
	while let Some(now) = case(chain, shard).await {
		let own = |board: &&BoardView| board.by == me && board.target == target && board.by_seat.is_none();
		let Some(board) = now.boards.iter().find(own) else {
			break;
		};
		known = Some((board.number, board.bond));
		if board.targets_turn.is_none() || !is_standing(&now, target) {
			break;
		}
		if board.targets_turn == Some(false) && accusation.plays && said.insert(board.board.clone()) {
			let position = Board::decode_all(&mut &board.board[..]).expect("boards are understood");
			let side = if board.target_first { Side::Second } else { Side::First };
			let mut thinking = player.take().expect("one thought at a time");
			let thought = tokio::task::spawn_blocking(move || {
				let action = say(&mut thinking, &position, side);
				(thinking, action)
			});
			let (back, action) = thought.await.expect("it has something to say");
			player = Some(back);
			match chain.submit(&signer, calls::play(shard, board.number, &action)).await {
				Ok(moved) => fees += moved.fee().expect("it has a fee"),
				// The target may be out meanwhile.
				Err(_) => drop(said.remove(&board.board)),
			}
		} else {
			tokio::time::sleep(Duration::from_millis(200)).await;
		}
	}
	let (board, bond) = known.expect("its board was there");
	Accused { board, bond, fees }
}
