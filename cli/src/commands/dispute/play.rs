//! `millrace dispute play`: a board of somebody without a seat, to its end.
//!
//! ```text
//!  each finalized block ─► what it decided (read beside all else)
//!       best state      ─► its turn: play · the target's time is over: time · the case is over: pull · else wait
//! ```
//! What goes wrong is tried again: who stops moving loses. Only another chain, the user and the end of the case end it.

use super::{
	closed,
	desk::{pause, Desk, Task, PAUSE},
	find, is_open, job_now, name,
	open::document,
	party::Party,
	reader::{lock, total, Reader},
	seen::Seen,
};
use crate::{
	compute::Workshop,
	context,
	failure::{Failure, Result},
	options::{Global, PlayOptions},
	output::{note, Output},
	units::mill,
};
use millrace_client::{calls, keys::address, At, Chain, Error, Heads, Keypair};
use millrace_primitives::{
	api::{BoardView, CaseStage, CaseView, MAX_PAGE},
	Balance, BlockNumber, MarketBlock, ShardId,
};
use serde_json::json;
use std::{
	collections::BTreeMap,
	sync::{Mutex, PoisonError},
	time::Duration,
};
use tokio::time::{sleep, timeout};

/// No more failures in a row make the pause between two looks longer.
const MAX_FAILURES: u32 = 4;
/// For so long the last blocks are waited for when all is over.
const CATCH_UP: Duration = Duration::from_secs(60);

const PULLED: &str = "the case is over: the bond is settled";

/// Runs the command.
pub async fn run(global: &Global, options: PlayOptions, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let chain = global.connect().await?;
	let mut said = false;
	let (job, at, shard, case) = loop {
		let (job, at) = job_now(&chain, options.job).await?;
		let (shard, case) = find(&chain.market(at), &job, options.shard).await?;
		match &case {
			Some(case) if is_hidden(case, options.board) => {
				if !std::mem::replace(&mut said, true) {
					note(hidden(options.board));
				}
				sleep(PAUSE).await;
			}
			_ => break (job, at, shard, case),
		}
	};
	let id = ShardId {
		job: options.job,
		index: options.shard,
	};
	let Some(case) = case else {
		let why = closed(&job, options.shard, shard.as_ref(), None);
		return Err(Failure::Input(format!(
			"there is no board {}: {}",
			options.board,
			why.unwrap_or_else(|| "the court has no case of the shard".into())
		)));
	};
	let board = own(&case, options.board, &signer)?;
	let party = match (&shard, is_open(&case, board)) {
		(Some(shard), true) => {
			let others = shard.seats.iter().filter_map(|seat| seat.endpoint.clone());
			let workshop = Workshop::open(&chain, &job, at, &options.data, others).await?;
			let places = workshop.places(shard).await?;
			Party::new(workshop, shard.clone(), places, BTreeMap::new())
		}
		// Nothing is left to be played.
		_ => Party::idle(),
	};
	let mut table = Table {
		chain: &chain,
		signer: &signer,
		shard: id,
		board: options.board,
		target: board.target,
		bond: board.bond,
		party,
	};
	let mut heads = chain.finalized_heads();
	table.conclude(&mut heads, None, output).await
}

/// Whether a board may be there although it is not shown: a page of boards is full.
fn is_hidden(case: &CaseView, number: u32) -> bool {
	case.boards.len() as u64 >= u64::from(MAX_PAGE) && !case.boards.iter().any(|board| board.number == number)
}

fn hidden(board: u32) -> String {
	format!(
		"The node shows {MAX_PAGE} boards of this shard, and board {board} is not among them. It is looked for again and again; \
		 until it is there, no move is made."
	)
}

/// A board of the signer's.
fn own<'a>(case: &'a CaseView, number: u32, signer: &Keypair) -> Result<&'a BoardView> {
	let shard = name(case.shard.job, case.shard.index);
	let board = case.boards.iter().find(|board| board.number == number).ok_or_else(|| {
		Failure::Input(format!(
			"there is no board {number}; `millrace dispute show {shard}` lists those that there are. One that put its target \
			 out is gone: what becomes of its bond and its share, the end of the case decides, and nothing is to be done"
		))
	})?;
	match board.by_seat {
		Some(seat) => Err(Failure::Input(format!(
			"board {number} is seat {seat}'s, and its provider's agent plays it"
		))),
		None if board.by != signer.account() => Err(Failure::Input(format!(
			"board {number} was opened by {}: sign with its key, --key (or MILLRACE_KEY)",
			address(&board.by)
		))),
		None => Ok(board),
	}
}

/// What is to be done about a board.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
	/// Nothing now.
	Wait,
	/// A move.
	Play(&'a BoardView),
	/// End it: the target's time is over.
	Time,
	/// Settle the bond.
	Pull,
	/// It may be among those that the chain does not show.
	Hidden,
	/// It is gone.
	Over,
}

/// What is to be done in a market block; `settled` if it is known that nothing of the board is left to be done.
fn step(case: Option<&CaseView>, number: u32, now: MarketBlock, settled: bool) -> Step<'_> {
	let Some(case) = case else { return Step::Over };
	let board = case.boards.iter().find(|board| board.number == number);
	let hidden = !settled && is_hidden(case, number);
	match (board, case.stage) {
		// The chain says if there is none.
		(None, CaseStage::Ended) if hidden => Step::Pull,
		(None, CaseStage::Ended) => Step::Over,
		(None, _) if hidden => Step::Hidden,
		(Some(_), CaseStage::Ended) => Step::Pull,
		// Before it is opened, or after it put its target out.
		(None, _) => Step::Wait,
		(Some(board), _) if !is_open(case, board) => Step::Wait,
		(Some(board), _) => match (board.targets_turn, now > board.due) {
			(Some(true), true) => Step::Time,
			(Some(false), false) => Step::Play(board),
			_ => Step::Wait,
		},
	}
}

/// A board that is played.
pub(super) struct Table<'a> {
	pub(super) chain: &'a Chain,
	pub(super) signer: &'a Keypair,
	pub(super) shard: ShardId,
	pub(super) board: u32,
	/// The seat that is attacked.
	pub(super) target: u8,
	/// What was put up.
	pub(super) bond: Balance,
	pub(super) party: Party,
}

impl Table<'_> {
	/// Plays it to its end and says how that was. If it is interrupted, it says how to go on.
	pub(super) async fn conclude(
		&mut self,
		heads: &mut Heads,
		transaction: Option<serde_json::Value>,
		output: &mut Output,
	) -> Result<()> {
		let (shard, board, bond) = (self.shard, self.board, self.bond);
		let played = tokio::select! {
			played = self.play(heads) => played,
			_ = context::interrupted() => Err(Failure::Other("interrupted".into())),
		};
		let seen = match played {
			Ok(seen) => seen,
			Err(failure) => {
				output.note(format!(
					"Board {board} is not over. Go on with `millrace dispute play {} {board}`, and soon: if its time is over, it \
					 is lost, and {} may be with it.",
					name(shard.job, shard.index),
					mill(bond)
				));
				return Err(failure);
			}
		};
		let mut document = document(self, transaction);
		if let Some(document) = document.as_object_mut() {
			document.insert("targetLost".into(), json!(seen.decided.map(|(target, _)| target)));
			document.insert("lost".into(), json!(seen.lost(bond).map(|lost| lost.to_string())));
			document.insert("won".into(), json!(seen.won.map(|won| won.to_string())));
		}
		output.result(&document, seen.text(self.target, bond))?;
		seen.verdict(bond)
	}

	async fn play(&mut self, heads: &mut Heads) -> Result<Seen> {
		let seen = Mutex::new(Seen::default());
		// Blocks are read while moves are looked for, before the node forgets what happened in them.
		let reader = Reader {
			chain: self.chain,
			account: self.signer.account(),
			shard: self.shard,
			board: self.board,
			target: self.target,
			seen: &seen,
		};
		tokio::select! {
			failure = reader.run(heads) => return Err(failure),
			acted = self.act(&seen) => acted?,
		}
		Ok(seen.into_inner().unwrap_or_else(PoisonError::into_inner))
	}

	/// Does what is to be done until the case is over. What goes wrong meanwhile is tried again: there is a clock.
	async fn act(&mut self, seen: &Mutex<Seen>) -> Result<()> {
		let account = self.signer.account();
		lock(seen).held.0 = total(self.chain, &account, At::Best).await.ok();
		let mut desk = Desk::default();
		let mut said = String::new();
		let mut failed = 0;
		loop {
			match self.turn(seen, &mut desk).await {
				Ok(true) => break,
				Ok(false) => {
					said.clear();
					failed = 0;
				}
				Err(failure) if is_mismatch(&failure) => return Err(failure),
				Err(failure) => {
					let text = failure.text();
					if text != said {
						note(format!("{text}. It is tried again; the board's clock runs."));
						said = text;
					}
					failed = MAX_FAILURES.min(failed + 1);
				}
			}
			sleep(pause(failed)).await;
		}
		lock(seen).held.1 = total(self.chain, &account, At::Best).await.ok();
		Ok(())
	}

	/// Looks once and does what is to be done; true once it is over.
	async fn turn(&mut self, seen: &Mutex<Seen>, desk: &mut Desk) -> Result<bool> {
		let mut trouble = None;
		for (what, result) in desk.arrived().await {
			match result {
				Ok(finalized) => {
					// What happened is told by the block; here it is only kept, should that not be readable.
					drop(lock(seen).take(self.shard, self.board, self.target, &finalized.events));
					note(format!("Block {}: {what}.", finalized.block.number));
				}
				Err(error) if error.dispatch() == Some(("Attestations", "UnknownBoard")) => {
					lock(seen).gone |= what == PULLED;
				}
				Err(error) => trouble = Some(error),
			}
		}
		if let Some(error) = trouble {
			return Err(error.into());
		}
		let settled = || lock(seen).is_settled();
		let since = match desk.since {
			Some(since) => since,
			None => self.chain.best_head().await?.number,
		};
		desk.since = Some(since);
		let last = self.chain.finalized_head().await?;
		// Before the block in which the board was found there is none, and that means nothing.
		if last.number >= since {
			let case = self.chain.market(At::Hash(last.hash)).case(self.shard).await?;
			if step(case.as_ref(), self.board, 0, settled()) == Step::Over {
				return self.caught_up(seen, last.number).await;
			}
		}
		// The other party goes on by the best block, whether or not blocks become final.
		let market = self.chain.market(At::Best);
		let (case, now) = (market.case(self.shard).await?, market.now().await?);
		if let Some(case) = &case {
			lock(seen).look(case, self.target);
		}
		let (task, call, what) = match step(case.as_ref(), self.board, now, settled()) {
			Step::Wait | Step::Over => return Ok(false),
			Step::Hidden => {
				if !std::mem::replace(&mut desk.hidden, true) {
					note(hidden(self.board));
				}
				return Ok(false);
			}
			Step::Time => (
				Task::Time,
				calls::time(self.shard, self.board),
				"the seat's time is over: the board is ended",
			),
			Step::Pull => (Task::Pull, calls::pull(self.shard, self.board), PULLED),
			Step::Play(view) => {
				let task = Task::Play(view.board.clone());
				if !desk.is_free_for(&task) || desk.hopeless.as_ref() == Some(&view.board) {
					return Ok(false);
				}
				let answered = tokio::select! {
					answered = self.party.answer(view) => answered,
					() = ended(seen) => return Ok(false),
				};
				match answered {
					Ok(Some(action)) => (task, calls::play(self.shard, self.board, &action), "a move is made"),
					Ok(None) => return Ok(false),
					Err(Failure::Differs(why)) => {
						note(format!("{why}. What becomes of the bond is awaited."));
						desk.hopeless = Some(view.board.clone());
						return Ok(false);
					}
					Err(failure) => return Err(failure),
				}
			}
		};
		desk.hidden = false;
		if desk.is_free_for(&task) {
			desk.send(self.chain, self.signer, task, call, what);
		}
		Ok(false)
	}

	/// Waits until what happened up to a block is read, but not for ever.
	async fn caught_up(&self, seen: &Mutex<Seen>, number: BlockNumber) -> Result<bool> {
		let read = async {
			while lock(seen).read < number {
				sleep(PAUSE).await;
			}
		};
		drop(timeout(CATCH_UP, read).await);
		Ok(true)
	}
}

/// Waits until the board or its case is over, as far as finalized blocks say.
async fn ended(seen: &Mutex<Seen>) {
	while lock(seen).decided.is_none() && !lock(seen).is_over() {
		sleep(PAUSE).await;
	}
}

/// Whether trying again is no use: the node is another chain's, or one that this release does not know.
fn is_mismatch(failure: &Failure) -> bool {
	matches!(
		failure,
		Failure::Chain(Error::WrongNetwork { .. } | Error::IncompatibleChain { .. })
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::commands::dispute::tests::{case, disputed};
	use millrace_primitives::api::CaseSeatState;

	const BOARD: u32 = 1_000;

	/// With the attacker's or the target's turn, until block 99.
	fn turn(targets: bool) -> CaseView {
		let mut case = disputed();
		case.boards[1].targets_turn = Some(targets);
		case
	}

	#[test]
	fn what_is_to_be_done_follows_from_turn_and_clock() {
		assert!(matches!(step(Some(&turn(false)), BOARD, 99, false), Step::Play(board) if board.number == BOARD));
		assert_eq!(
			step(Some(&turn(false)), BOARD, 100, false),
			Step::Wait,
			"its own time is over"
		);
		assert_eq!(step(Some(&turn(true)), BOARD, 99, false), Step::Wait);
		assert_eq!(step(Some(&turn(true)), BOARD, 100, false), Step::Time);
		let mut out = turn(true);
		out.seats[1].state = CaseSeatState::OutByClock;
		assert_eq!(
			step(Some(&out), BOARD, 100, false),
			Step::Wait,
			"another board put it out"
		);
		assert_eq!(step(Some(&case()), BOARD, 100, false), Step::Wait);
	}

	#[test]
	fn after_the_case_the_bond_is_settled_and_then_it_is_over() {
		let ended = |case: CaseView| CaseView {
			stage: CaseStage::Ended,
			..case
		};
		assert_eq!(step(Some(&ended(turn(true))), BOARD, 0, false), Step::Pull);
		assert_eq!(step(Some(&ended(case())), BOARD, 0, false), Step::Over);
		assert_eq!(step(None, BOARD, 0, false), Step::Over);
	}

	#[test]
	fn a_board_that_is_not_shown_is_not_believed_to_be_over() {
		let mut full = case();
		full.boards = (0..MAX_PAGE)
			.map(|number| crate::commands::dispute::tests::board(number, Some(0)))
			.collect();
		let ended = CaseView {
			stage: CaseStage::Ended,
			..full.clone()
		};
		assert_eq!(step(Some(&full), BOARD, 0, false), Step::Hidden);
		assert_eq!(
			step(Some(&ended), BOARD, 0, false),
			Step::Pull,
			"the chain says if there is none"
		);
		// It put its target out, or its bond was settled.
		assert_eq!(step(Some(&full), BOARD, 0, true), Step::Wait);
		assert_eq!(step(Some(&ended), BOARD, 0, true), Step::Over);
		assert!(is_hidden(&full, BOARD) && !is_hidden(&full, 7));
		full.boards.pop();
		assert_eq!(step(Some(&full), BOARD, 0, false), Step::Wait);
	}

	#[test]
	fn what_passes_is_tried_again_and_another_chain_is_not() {
		let (url, hash) = (String::new, millrace_primitives::Hash::zero());
		let lost = || Error::Connection {
			url: url(),
			reason: String::new(),
		};
		let passing = [
			lost(),
			Error::NotSent(Box::new(lost())),
			Error::Refused { reason: String::new() },
			Error::Dropped { hash },
			Error::OutcomeUnknown {
				hash,
				block: hash,
				reason: String::new(),
			},
		];
		for error in passing {
			assert!(!is_mismatch(&error.into()));
		}
		let other = Error::WrongNetwork {
			url: url(),
			found: String::new(),
		};
		assert!(is_mismatch(&Error::NotSent(Box::new(other)).into()));
		assert!(is_mismatch(&Error::IncompatibleChain { differs: Vec::new() }.into()));
	}

	#[test]
	fn only_ones_own_boards_are_played() {
		let attacker = Keypair::load("//Alice").unwrap();
		let mut case = disputed();
		case.boards[1].by = attacker.account();
		assert_eq!(own(&case, BOARD, &attacker).unwrap().number, BOARD);
		for (number, part) in [(0, "agent plays it"), (7, "there is no board 7")] {
			let refused = own(&case, number, &attacker).unwrap_err().to_string();
			assert!(refused.contains(part), "{refused}");
		}
		let other = Keypair::load("//Bob").unwrap();
		assert!(own(&case, BOARD, &other).unwrap_err().to_string().contains("--key"));
	}
}
