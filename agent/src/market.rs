//! The chain as the agent uses it: [`Market`] is the seam, [`Connection`] the real one.

use crate::decide::{Snapshot, Standing, View};
use futures::{stream::BoxStream, StreamExt};
use millrace_client::{calls, At, Call, Chain, Error, Head, Keypair};
use millrace_primitives::{
	api::{ProviderView, MAX_PAGE},
	job::DeclineReason,
	AccountId, BlockNumber, Hash, Report, ShardId,
};
use std::future::Future;

/// The best and the last finalized block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heads {
	/// The best block.
	pub best: Head,
	/// The last finalized block.
	pub finalized: Head,
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
	Reveal(ShardId, Report, [u8; 32]),
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
	/// It may have been included or may still be.
	#[error("{0}")]
	Unknown(String),
}

/// The chain as the agent uses it.
pub trait Market: Send + Sync + 'static {
	/// The present heads.
	fn heads(&self) -> impl Future<Output = Result<Heads, Error>> + Send;
	/// All that the chain says at these heads, and the provider's record at the best one.
	fn view(&self, heads: Heads) -> impl Future<Output = Result<(View, Option<ProviderView>), Error>> + Send;
	/// Submits and waits until it is finalized; returns the block that it is in.
	fn submit(&self, tx: Tx) -> impl Future<Output = Result<BlockNumber, SubmitError>> + Send;
	/// Finalized heads as they come. An error is final.
	fn finalized(&self) -> BoxStream<'static, Result<Head, Error>>;
}

/// A node, and the key that works for the provider.
pub struct Connection {
	chain: Chain,
	operator: Keypair,
	account: AccountId,
}

impl Connection {
	/// Works through this connection with this key.
	pub fn new(chain: Chain, operator: Keypair) -> Self {
		let account = operator.account();
		Self {
			chain,
			operator,
			account,
		}
	}

	async fn snapshot(&self, head: Head) -> Result<Snapshot, Error> {
		let market = self.chain.market(At::Hash(head.hash));
		let now = market.now().await?;
		let seats = market.assignments(&self.account).await?;
		let complete = (seats.len() as u64) < u64::from(MAX_PAGE);
		let seats = seats.into_iter().map(|seat| ((&seat).into(), seat)).collect();
		Ok(Snapshot {
			number: head.number,
			now,
			seats,
			complete,
		})
	}
}

impl Market for Connection {
	async fn heads(&self) -> Result<Heads, Error> {
		// In this order, so that the best block is never older than the finalized one.
		let finalized = self.chain.finalized_head().await?;
		let best = self.chain.best_head().await?;
		Ok(Heads { best, finalized })
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
				standing,
			},
			provider,
		))
	}

	async fn submit(&self, tx: Tx) -> Result<BlockNumber, SubmitError> {
		match self.chain.submit(&self.operator, call(&tx)).await {
			Ok(done) => Ok(done.block.number),
			Err(error @ (Error::Dropped { .. } | Error::Refused { .. })) => {
				Err(SubmitError::NotIncluded(error.to_string()))
			}
			Err(error @ Error::CannotPay { .. }) => Err(SubmitError::CannotPay(error.to_string())),
			Err(error @ Error::Dispatch { .. }) => Err(SubmitError::Failed(error.to_string())),
			Err(error) => Err(SubmitError::Unknown(error.to_string())),
		}
	}

	fn finalized(&self) -> BoxStream<'static, Result<Head, Error>> {
		self.chain.finalized_heads().boxed()
	}
}

fn call(tx: &Tx) -> Call {
	match tx {
		Tx::Accept(shard) => calls::accept(*shard),
		Tx::Decline(shard, reason) => calls::decline(*shard, *reason),
		Tx::Seal(shard, seal) => calls::seal(*shard, *seal),
		Tx::Reveal(shard, report, salt) => calls::reveal(*shard, report, salt),
		Tx::Heartbeat => calls::heartbeat(),
	}
}
