//! Subscriptions to one job, and to the case of one shard.
//!
//! ```text
//! new head ──► its state there ──► same as last sent? ──yes──► wait for the next head
//!                                    │no
//!                                    └──► send ──► gone, and gone in the finalized chain too? ──► end
//! ```

use crate::components::FullClient;
use futures::{
	future::{self, Either},
	stream::{BoxStream, StreamExt},
};
use jsonrpsee::{types::ErrorObjectOwned, PendingSubscriptionSink, SubscriptionMessage, SubscriptionSink};
use millrace_primitives::{
	api::{CaseView, JobView},
	Hash,
};
use sc_client_api::BlockchainEvents;
use serde::{Deserialize, Serialize};
use sp_blockchain::HeaderBackend;
use std::{pin::pin, sync::Arc};

/// Which end of the chain to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum View {
	/// The best block: newest, but may be reorganised away.
	#[default]
	Best,
	/// The last finalized block: a few blocks older, and final.
	Finalized,
}

/// Where the chain is and how it moves.
pub trait Heads {
	/// The present head.
	fn head(&self, view: View) -> Hash;
	/// Every head from now on, except those skipped while the node catches up.
	fn heads(&self, view: View) -> BoxStream<'static, Hash>;
}

impl Heads for FullClient {
	fn head(&self, view: View) -> Hash {
		let info = self.info();
		match view {
			View::Best => info.best_hash,
			View::Finalized => info.finalized_hash,
		}
	}

	fn heads(&self, view: View) -> BoxStream<'static, Hash> {
		match view {
			View::Best => self
				.import_notification_stream()
				.filter_map(|block| future::ready(block.is_new_best.then_some(block.hash)))
				.boxed(),
			View::Finalized => self.finality_notification_stream().map(|block| block.hash).boxed(),
		}
	}
}

/// One notice of a subscription to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobNotice {
	/// The block whose state this is.
	pub block: Hash,
	/// The job there; `null` once it is gone.
	pub job: Option<JobView>,
}

/// One notice of a subscription to a shard's case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseNotice {
	/// The block whose state this is.
	pub block: Hash,
	/// The case there; `null` before the shard starts and once it is settled.
	pub case: Option<CaseView>,
}

/// Feeds one subscription.
pub(super) struct Follower<Chain, Look, Notice> {
	pub chain: Arc<Chain>,
	pub view: View,
	/// What is followed, at a block; none if it is not there.
	pub look: Look,
	/// What is sent of it.
	pub notice: Notice,
}

impl<Chain, Look, Notice> Follower<Chain, Look, Notice>
where
	Chain: Heads,
{
	/// Accepts the subscription, or refuses it as `check` says of the present head, then serves it until what was there is gone
	/// or the subscriber leaves.
	pub(super) async fn run<T, N>(
		self,
		pending: PendingSubscriptionSink,
		check: impl FnOnce(Hash) -> Result<(), ErrorObjectOwned>,
	) where
		T: PartialEq + Clone,
		N: Serialize,
		Look: Fn(Hash) -> Result<Option<T>, ErrorObjectOwned>,
		Notice: Fn(Hash, Option<T>) -> N,
	{
		// Subscribed before the first look: no head falls in between.
		let heads = self.chain.heads(self.view);
		let block = self.chain.head(self.view);
		let first = match check(block).and_then(|()| (self.look)(block)) {
			Ok(first) => first,
			Err(error) => return pending.reject(error).await,
		};
		// The subscriber may be gone by now; then there is nobody to serve.
		if let Ok(sink) = pending.accept().await {
			self.serve(sink, heads, block, first).await;
		}
	}

	async fn serve<T, N>(
		&self,
		sink: SubscriptionSink,
		mut heads: BoxStream<'static, Hash>,
		block: Hash,
		first: Option<T>,
	) where
		T: PartialEq + Clone,
		N: Serialize,
		Look: Fn(Hash) -> Result<Option<T>, ErrorObjectOwned>,
		Notice: Fn(Hash, Option<T>) -> N,
	{
		let mut last = first.clone();
		let mut begun = first.is_some();
		if !send(&sink, &(self.notice)(block, first)).await {
			return;
		}
		loop {
			let next = match future::select(heads.next(), pin!(sink.closed())).await {
				Either::Left((Some(block), _)) => block,
				Either::Left((None, _)) | Either::Right(_) => return,
			};
			match (self.look)(next) {
				Ok(state) => {
					begun |= state.is_some();
					let gone = begun && state.is_none();
					if state != last {
						last.clone_from(&state);
						if !send(&sink, &(self.notice)(next, state)).await {
							return;
						}
					}
					if gone && self.is_gone_for_good() {
						return;
					}
				}
				// A reorganisation can prune a head's state before we look; the next head tells.
				Err(error) => log::debug!(target: "rpc", "a subscription at {next:?}: {error}"),
			}
		}
	}

	/// On the best chain a job can vanish with the block that submitted it and come back in another.
	fn is_gone_for_good<T>(&self) -> bool
	where
		Look: Fn(Hash) -> Result<Option<T>, ErrorObjectOwned>,
	{
		matches!((self.look)(self.chain.head(View::Finalized)), Ok(None))
	}
}

/// False if the subscriber left.
async fn send(sink: &SubscriptionSink, notice: &impl Serialize) -> bool {
	match SubscriptionMessage::from_json(notice) {
		Ok(message) => sink.send(message).await.is_ok(),
		Err(error) => {
			log::warn!(target: "rpc", "cannot write a notice as JSON: {error}");
			false
		}
	}
}
