//! The chain as the agent uses it: [`Market`] is the seam, [`Connection`] the real one.

use crate::{
	decide::{terms, Custody, Snapshot, Standing, View},
	seat::{SeatKey, WATCHED},
};
use futures::{stream::BoxStream, StreamExt};
use millrace_client::{
	calls::{self, RevealItem},
	At, Call, Chain, Error, Head, Keypair,
};
use millrace_court::{
	board::{Accusation, Move},
	demand::Answer,
};
use millrace_primitives::{
	api::{AssignmentView, CaseView, DemandView, JobView, ProgramView, ProviderView, ShardView, MAX_PAGE},
	job::{Constraints, DeclineReason, Preferences, SeatState, Verification, MIN_REPLICAS},
	provider::{HardwareClass, RegionSet},
	traits::Freezable,
	AccountId, Balance, BlockNumber, Hash, JobSpec, MarketBlock, Report, ShardId,
};
use std::{future::Future, time::Duration};
use tokio::sync::OnceCell;

/// The best and the last finalized block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heads {
	/// The best block.
	pub best: Head,
	/// The last finalized block.
	pub finalized: Head,
}

/// What a chain is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nature {
	/// False for a development or local chain: its deadlines are short for the sake of those who wait, and whoever uses it
	/// may be on the same machine.
	pub live: bool,
	/// The time between two blocks, as it is meant to be.
	pub block_time: Duration,
}

/// What the operator has to accuse others with, in plancks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Purse {
	/// What it may put up.
	pub free: Balance,
	/// What it has put up.
	pub accused: Balance,
}

/// What an operator submits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tx {
	/// Commits to report in time.
	Accept(ShardId),
	/// Gives a seat back.
	Decline(ShardId, DeclineReason),
	/// Commits to a report.
	Seal(ShardId, Hash),
	/// Opens a report.
	Reveal(RevealItem),
	/// Commits to several reports at once, each of another shard.
	SealMany(Vec<(ShardId, Hash)>),
	/// Opens several reports at once, each of another shard.
	RevealMany(Vec<RevealItem>),
	/// Gives a seat back that the court drew the provider for.
	DeclineDrawn(ShardId),
	/// Says that what such a seat needs cannot be fetched.
	Unavailable(ShardId),
	/// Attacks another seat, by its number in the case.
	Attack(ShardId, u8),
	/// Makes a move on a board.
	Play(ShardId, u32, Box<Move>),
	/// Ends a board on which the other's time is over.
	Time(ShardId, u32),
	/// Shows what is demanded of a task, counted from the shard's first.
	Answer(ShardId, u32, Box<Answer>),
	/// Says that a seat's report is wrong, by its number in the case, and that this is right, for a bond of at most so much.
	Accuse(ShardId, u8, Report, Balance),
	/// Settles the bond of a board of the operator's.
	Pull(ShardId, u32),
	/// A sign of life.
	Heartbeat,
}

/// Why a submission came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmitError {
	/// It was never included and never will be.
	#[error("{0}")]
	NotIncluded(String),
	/// The operator cannot pay the fee.
	#[error("{0}")]
	CannotPay(String),
	/// It was included and failed.
	#[error("{0}")]
	Failed(String),
	/// The chain has no room for it: it is not the operator's to do, as things are. It was never included.
	#[error("{0}")]
	NotDue(String),
	/// It may have been included or may still be.
	#[error("{0}")]
	Unknown(String),
}

/// The chain as the agent uses it.
pub trait Market: Send + Sync + 'static {
	/// The chain's first block.
	fn genesis(&self) -> Hash;
	/// A number that only the operator's key yields, always the same for the same bytes.
	fn secret(&self, what: &[u8]) -> [u8; 32];
	/// The present heads.
	fn heads(&self) -> impl Future<Output = Result<Heads, Error>> + Send;
	/// What the chain is.
	fn nature(&self) -> impl Future<Output = Result<Nature, Error>> + Send;
	/// How many market blocks a seat may take from its acceptance to its seal, under the chain's present rules; none if it
	/// does not say.
	fn execution_window(
		&self,
		seat: &AssignmentView,
	) -> impl Future<Output = Result<Option<MarketBlock>, Error>> + Send;
	/// A shard's case at a block; none if there is none.
	fn case(&self, head: Head, shard: ShardId) -> impl Future<Output = Result<Option<CaseView>, Error>> + Send;
	/// The operator's account.
	fn account(&self) -> AccountId;
	/// What is frozen at a block.
	fn frozen(&self, head: Head) -> impl Future<Output = Result<Vec<Freezable>, Error>> + Send;
	/// What the operator has to accuse others with at a block.
	fn purse(&self, head: Head) -> impl Future<Output = Result<Purse, Error>> + Send;
	/// The shards of which reports were opened in a finalized block; none if the node does not know the block.
	fn revealed(&self, number: BlockNumber) -> impl Future<Output = Result<Vec<ShardId>, Error>> + Send;
	/// A shard whose client bought one seat, at a block, as who watches it computes it; none if there is no such one under way.
	fn single(&self, head: Head, shard: ShardId) -> impl Future<Output = Result<Option<AssignmentView>, Error>> + Send;
	/// All that is in custody at a block. May be long.
	fn custody(&self, head: Head) -> impl Future<Output = Result<Custody, Error>> + Send;
	/// What clients demand of outputs in custody at a block; what is due first before others, a page of it.
	fn demands(&self, head: Head) -> impl Future<Output = Result<Vec<DemandView>, Error>> + Send;
	/// All else that the chain says at these heads, and the provider's record at the best one. The view's custody is none.
	fn view(&self, heads: Heads) -> impl Future<Output = Result<(View, Option<ProviderView>), Error>> + Send;
	/// Submits with a tip, in plancks, and waits until it is finalized; returns the block that it is in. The same with a larger
	/// tip takes the place of what is under way.
	fn submit(&self, tx: Tx, tip: Balance) -> impl Future<Output = Result<BlockNumber, SubmitError>> + Send;
	/// Finalized heads as they come. An error is final.
	fn finalized(&self) -> BoxStream<'static, Result<Head, Error>>;
}

/// A node, and the key that works for the provider.
pub struct Connection {
	chain: Chain,
	operator: Keypair,
	account: AccountId,
	nature: OnceCell<Nature>,
}

impl Connection {
	/// Works through this connection with this key.
	pub fn new(chain: Chain, operator: Keypair) -> Self {
		let account = operator.account();
		Self {
			chain,
			operator,
			account,
			nature: OnceCell::new(),
		}
	}

	async fn snapshot(&self, head: Head) -> Result<Snapshot, Error> {
		let market = self.chain.market(At::Hash(head.hash));
		let now = market.now().await?;
		let seats = market.assignments(&self.account).await?;
		let complete = (seats.len() as u64) < u64::from(MAX_PAGE);
		let seats = seats
			.into_iter()
			.filter(|seat| seat.state.is_some())
			.map(|seat| ((&seat).into(), seat))
			.collect();
		Ok(Snapshot {
			number: head.number,
			now,
			seats,
			complete,
		})
	}
}

impl Market for Connection {
	fn genesis(&self) -> Hash {
		self.chain.genesis_hash()
	}

	fn secret(&self, what: &[u8]) -> [u8; 32] {
		self.operator.secret(what)
	}

	async fn heads(&self) -> Result<Heads, Error> {
		// In this order, so that the best block is never older than the finalized one.
		let finalized = self.chain.finalized_head().await?;
		let best = self.chain.best_head().await?;
		Ok(Heads { best, finalized })
	}

	async fn nature(&self) -> Result<Nature, Error> {
		let ask = || async {
			let live = self.chain.is_live().await?;
			let milliseconds: u64 = self.chain.constant("Babe", "ExpectedBlockTime").await?;
			Ok(Nature {
				live,
				block_time: Duration::from_millis(milliseconds),
			})
		};
		self.nature.get_or_try_init(ask).await.copied()
	}

	async fn execution_window(&self, seat: &AssignmentView) -> Result<Option<MarketBlock>, Error> {
		let quote = self.chain.market(At::Best).quote(&like(seat)).await?;
		Ok(quote.map(|quote| quote.execution_window))
	}

	async fn case(&self, head: Head, shard: ShardId) -> Result<Option<CaseView>, Error> {
		self.chain.market(At::Hash(head.hash)).case(shard).await
	}

	fn account(&self) -> AccountId {
		self.account.clone()
	}

	async fn frozen(&self, head: Head) -> Result<Vec<Freezable>, Error> {
		let freezes = self.chain.market(At::Hash(head.hash)).freezes().await?;
		Ok(freezes.into_iter().map(|freeze| freeze.subject).collect())
	}

	async fn purse(&self, head: Head) -> Result<Purse, Error> {
		let balances = self.chain.balances(&self.account, At::Hash(head.hash)).await?;
		let put_up = balances
			.held
			.iter()
			.filter(|hold| hold.pallet == "Attestations" && hold.reason == "Accusation");
		Ok(Purse {
			free: balances
				.free
				.saturating_sub(balances.frozen.saturating_sub(balances.reserved)),
			accused: put_up.fold(0, |sum: Balance, hold| sum.saturating_add(hold.amount)),
		})
	}

	async fn revealed(&self, number: BlockNumber) -> Result<Vec<ShardId>, Error> {
		let Some(hash) = self.chain.block_hash(number).await? else {
			return Ok(Vec::new());
		};
		let events = self.chain.events(hash).await?;
		let opened = events.iter().filter(|event| event.is("Attestations", "Revealed"));
		opened.map(|event| event.decode()).collect()
	}

	async fn single(&self, head: Head, shard: ShardId) -> Result<Option<AssignmentView>, Error> {
		let market = self.chain.market(At::Hash(head.hash));
		let job = market.job(shard.job).await?;
		let single = |job: &JobView| matches!(job.verification, Verification::Optimistic { .. });
		let Some(job) = job.filter(single) else { return Ok(None) };
		let page = market.shards(shard.job, shard.index, 1).await?;
		let Some(view) = page.into_iter().find(|view| view.id == shard) else {
			return Ok(None);
		};
		let program = market.program(job.program).await?;
		Ok(program.map(|program| as_seat(&job, &view, &program)))
	}

	async fn custody(&self, head: Head) -> Result<Custody, Error> {
		let kept = self
			.chain
			.market(At::Hash(head.hash))
			.all_custody(&self.account)
			.await?;
		let seats = kept.iter().map(|seat| (SeatKey::from(seat), terms(seat))).collect();
		Ok(Custody {
			number: head.number,
			seats,
		})
	}

	async fn demands(&self, head: Head) -> Result<Vec<DemandView>, Error> {
		self.chain.market(At::Hash(head.hash)).demands(&self.account).await
	}

	async fn view(&self, heads: Heads) -> Result<(View, Option<ProviderView>), Error> {
		let best = self.snapshot(heads.best).await?;
		let finalized = self.snapshot(heads.finalized).await?;
		let provider = self
			.chain
			.market(At::Hash(heads.best.hash))
			.provider(&self.account)
			.await?;
		let standing = provider.as_ref().map(|view| Standing {
			status: view.status,
			last_seen: view.last_seen,
		});
		Ok((
			View {
				best,
				finalized,
				custody: None,
				standing,
			},
			provider,
		))
	}

	async fn submit(&self, tx: Tx, tip: Balance) -> Result<BlockNumber, SubmitError> {
		match self.chain.submit_with(&self.operator, call(&tx), tip).await {
			Ok(done) => Ok(done.block.number),
			Err(error) => Err(fate(&error)),
		}
	}

	fn finalized(&self) -> BoxStream<'static, Result<Head, Error>> {
		self.chain.finalized_heads().boxed()
	}
}

/// What an error of a submission says about it. Unless the client says that it was not sent, or what became of it, it may
/// be included.
fn fate(error: &Error) -> SubmitError {
	let text = error.to_string();
	match error {
		Error::CannotPay { .. } => SubmitError::CannotPay(text),
		Error::Dispatch { .. } => SubmitError::Failed(text),
		Error::NotDue { .. } => SubmitError::NotDue(text),
		Error::NotSent(_) | Error::Dropped { .. } | Error::Refused { .. } => SubmitError::NotIncluded(text),
		_ => SubmitError::Unknown(text),
	}
}

/// A shard of a job as if it were a seat that nobody has accepted.
fn as_seat(job: &JobView, shard: &ShardView, program: &ProgramView) -> AssignmentView {
	AssignmentView {
		shard: shard.id,
		seat: WATCHED,
		round: 0,
		state: Some(SeatState::Assigned),
		held: true,
		reveal_open: false,
		due: MarketBlock::MAX,
		decline_by: MarketBlock::MAX,
		leave_from: MarketBlock::MAX,
		sample: None,
		shown: Vec::new(),
		engine: shard.engine,
		program: program.id,
		roots: program.roots,
		module: program.module,
		image: job.image,
		setup: job.setup,
		input_root: job.input_root,
		job_tasks: job.tasks,
		first_task: shard.first_task,
		tasks: shard.tasks,
		limits: job.limits,
		input_limit: job.input_limit,
		endpoints: job.endpoints.clone(),
	}
}

/// A job of one shard that has as long to execute as this seat.
fn like(seat: &AssignmentView) -> JobSpec {
	let endpoints = seat
		.endpoints
		.iter()
		.filter_map(|url| url.clone().into_bytes().try_into().ok());
	JobSpec {
		program: seat.program,
		input_root: seat.input_root,
		tasks: seat.tasks,
		shard_size: seat.tasks,
		image: seat.image,
		setup: seat.setup,
		limits: seat.limits,
		input_limit: seat.input_limit,
		price_cap: 1,
		verification: Verification::Replicated { replicas: MIN_REPLICAS },
		constraints: Constraints {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			min_reputation: Default::default(),
		},
		preferences: Preferences::default(),
		deadline: 1,
		endpoints: endpoints.collect::<Vec<_>>().try_into().unwrap_or_default(),
	}
}

fn call(tx: &Tx) -> Call {
	match tx {
		Tx::Accept(shard) => calls::accept(*shard),
		Tx::Decline(shard, reason) => calls::decline(*shard, *reason),
		Tx::Seal(shard, seal) => calls::seal(*shard, *seal),
		Tx::Reveal(item) => calls::reveal(item),
		Tx::SealMany(items) => calls::seal_many(items),
		Tx::RevealMany(items) => calls::reveal_many(items),
		Tx::DeclineDrawn(shard) => calls::decline_drawn(*shard),
		Tx::Unavailable(shard) => calls::unavailable(*shard),
		Tx::Attack(shard, target) => calls::attack(*shard, *target),
		Tx::Play(shard, board, action) => calls::play(*shard, *board, action),
		Tx::Time(shard, board) => calls::time(*shard, *board),
		Tx::Answer(shard, task, answer) => calls::answer(*shard, *task, answer),
		Tx::Accuse(shard, target, report, bond) => calls::accuse(*shard, *target, &Accusation::Report(*report), *bond),
		Tx::Pull(shard, board) => calls::pull(*shard, *board),
		Tx::Heartbeat => calls::heartbeat(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_was_never_sent_is_tried_again_at_once() {
		let (reason, method) = (String::from("away"), String::from("system_accountNextIndex"));
		let connection = Error::Connection {
			url: "ws://node".into(),
			reason: reason.clone(),
		};
		let unreadable = Error::Decode {
			what: "a header".into(),
			reason: reason.clone(),
		};
		let refused = Error::Rpc {
			method,
			reason: reason.clone(),
		};
		for error in [connection, unreadable, refused] {
			assert!(matches!(fate(&error), SubmitError::Unknown(_)), "{error}");
			let not_sent = Error::NotSent(Box::new(error));
			assert!(matches!(fate(&not_sent), SubmitError::NotIncluded(_)), "{not_sent}");
		}
		let unknown = Error::OutcomeUnknown {
			hash: Hash::zero(),
			block: Hash::zero(),
			reason,
		};
		assert!(matches!(fate(&unknown), SubmitError::Unknown(_)));
	}
}
