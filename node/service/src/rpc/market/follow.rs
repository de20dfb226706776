//! The subscription to one job.
//!
//! ```text
//! new head ──► state of the job there ──► same as last sent? ──yes──► wait for the next head
//!                                           │no
//!                                           └──► send ──► gone, and gone in the finalized chain too? ──► end
//! ```

use super::{api_error, unknown_job};
use crate::components::FullClient;
use futures::{
	future::{self, Either},
	stream::{BoxStream, StreamExt},
};
use jsonrpsee::{types::ErrorObjectOwned, PendingSubscriptionSink, SubscriptionMessage, SubscriptionSink};
use millrace_primitives::{
	api::{JobView, MarketApi as MarketRuntimeApi},
	Hash, JobId, OpaqueBlock as Block,
};
use sc_client_api::BlockchainEvents;
use serde::{Deserialize, Serialize};
use sp_api::ProvideRuntimeApi;
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

/// One notice of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobNotice {
	/// The block whose state this is.
	pub block: Hash,
	/// The job there; `null` once it is gone.
	pub job: Option<JobView>,
}

/// Feeds one subscription.
pub(super) struct Follower<Client, Chain> {
	client: Arc<Client>,
	chain: Arc<Chain>,
	id: JobId,
	view: View,
}

impl<Client, Chain> Follower<Client, Chain>
where
	Client: ProvideRuntimeApi<Block>,
	Client::Api: MarketRuntimeApi<Block>,
	Chain: Heads,
{
	pub(super) fn new(client: Arc<Client>, chain: Arc<Chain>, id: JobId, view: View) -> Self {
		Self {
			client,
			chain,
			id,
			view,
		}
	}

	/// Accepts or refuses the subscription, then serves it until the job is gone or the subscriber leaves.
	pub(super) async fn run(self, pending: PendingSubscriptionSink) {
		// Subscribed before the first look: no head falls in between.
		let heads = self.chain.heads(self.view);
		let block = self.chain.head(self.view);
		let first = match self.job(block) {
			Ok(Some(job)) => JobNotice { block, job: Some(job) },
			Ok(None) => return pending.reject(unknown_job(self.id)).await,
			Err(error) => return pending.reject(error).await,
		};
		// The subscriber may be gone by now; then there is nobody to serve.
		if let Ok(sink) = pending.accept().await {
			self.serve(sink, heads, first).await;
		}
	}

	async fn serve(&self, sink: SubscriptionSink, mut heads: BoxStream<'static, Hash>, first: JobNotice) {
		let mut last = first.job.clone();
		if !send(&sink, &first).await {
			return;
		}
		loop {
			let next = match future::select(heads.next(), pin!(sink.closed())).await {
				Either::Left((Some(block), _)) => block,
				Either::Left((None, _)) | Either::Right(_) => return,
			};
			match self.job(next) {
				Ok(job) => {
					let gone = job.is_none();
					if job != last {
						last.clone_from(&job);
						if !send(&sink, &JobNotice { block: next, job }).await {
							return;
						}
					}
					if gone && self.is_gone_for_good() {
						return;
					}
				}
				// A reorganisation can prune a head's state before we look; the next head tells.
				Err(error) => log::debug!(target: "rpc", "job {} at {next:?}: {error}", self.id.0),
			}
		}
	}

	fn job(&self, block: Hash) -> Result<Option<JobView>, ErrorObjectOwned> {
		self.client
			.runtime_api()
			.job(block, self.id)
			.map_err(|error| api_error(block, error))
	}

	/// On the best chain a job can vanish with the block that submitted it and come back in another.
	fn is_gone_for_good(&self) -> bool {
		matches!(self.job(self.chain.head(View::Finalized)), Ok(None))
	}
}

/// False if the subscriber left.
async fn send(sink: &SubscriptionSink, notice: &JobNotice) -> bool {
	match SubscriptionMessage::from_json(notice) {
		Ok(message) => sink.send(message).await.is_ok(),
		Err(error) => {
			log::warn!(target: "rpc", "cannot write a job as JSON: {error}");
			false
		}
	}
}
