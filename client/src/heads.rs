//! Finalized heads, each once, over lost connections.

use crate::{chain::Head, rpc::Rpc, Error, Result};
use futures::{stream::BoxStream, Stream, StreamExt};
use millrace_primitives::{BlockNumber, Hash};
use std::{
	collections::VecDeque,
	pin::Pin,
	sync::Arc,
	task::{Context, Poll},
	time::Duration,
};
use subxt::rpcs::client::RpcSubscription;

/// The pause before the node is asked again after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// So many missed heads are asked for at a time.
const GAP_STEP: u32 = 64;

/// The finalized heads from the present one on, without gaps or repetitions. The stream waits while the node is away
/// and ends only after an error: [`Error::WrongNetwork`], if the node comes back with another chain.
pub struct Heads(BoxStream<'static, Result<Head>>);

impl Stream for Heads {
	type Item = Result<Head>;

	fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
		self.0.poll_next_unpin(context)
	}
}

/// Where a stream of heads stands.
struct State {
	rpc: Arc<Rpc>,
	genesis: Hash,
	subscription: Option<RpcSubscription<crate::rpc::HeaderJson>>,
	/// The last head that was queued.
	last: Option<Head>,
	/// Heads that are known and not yet handed out.
	queue: VecDeque<Head>,
	/// The newest finalized number that the node named.
	target: BlockNumber,
	/// True after a reconnect: the node may have begun another chain of the same genesis.
	doubtful: bool,
	/// True while the node cannot be asked: that is said once.
	away: bool,
	failed: bool,
}

impl Heads {
	pub(crate) fn new(rpc: Arc<Rpc>, genesis: Hash) -> Self {
		let state = State {
			rpc,
			genesis,
			subscription: None,
			last: None,
			queue: VecDeque::new(),
			target: 0,
			doubtful: false,
			away: false,
			failed: false,
		};
		Self(futures::stream::unfold(state, next).boxed())
	}
}

async fn next(mut state: State) -> Option<(Result<Head>, State)> {
	if state.failed {
		return None;
	}
	loop {
		if let Some(head) = state.queue.pop_front() {
			return Some((Ok(head), state));
		}
		match state.advance().await {
			Ok(()) => {}
			Err(error @ Error::WrongNetwork { .. }) => {
				state.failed = true;
				return Some((Err(error), state));
			}
			Err(error) => {
				state.lost(&error);
				state.subscription = None;
				tokio::time::sleep(PAUSE).await;
			}
		}
	}
}

impl State {
	/// Says that the node is away, once until it is back.
	fn lost(&mut self, reason: &dyn std::fmt::Display) {
		if self.away {
			tracing::debug!(%reason, "still cannot follow finalized heads");
		} else {
			tracing::warn!(url = self.rpc.url, %reason, "lost the node, waiting for it");
		}
		self.away = true;
	}

	/// Queues the next heads, or waits for the node to name one.
	async fn advance(&mut self) -> Result<()> {
		if let Some(last) = self.last {
			if self.target > last.number {
				return self.fill(last).await;
			}
		}
		let rpc = self.rpc.clone();
		let lost = |error: subxt::rpcs::Error| Error::Connection {
			url: rpc.url.clone(),
			reason: error.to_string(),
		};
		let subscription = match &mut self.subscription {
			Some(subscription) => subscription,
			none => {
				let subscription = self.rpc.subscribe_finalized_heads().await.map_err(lost)?;
				// After a reconnect it may be another node, even of another chain.
				let genesis = self.rpc.block_hash(0).await?;
				if genesis != Some(self.genesis) {
					return Err(Error::WrongNetwork {
						url: self.rpc.url.clone(),
						found: format!("genesis {genesis:?}, expected {:?}", self.genesis),
					});
				}
				self.doubtful = self.last.is_some();
				none.insert(subscription)
			}
		};
		match subscription.next().await {
			// What was named before a reconnect counts no more.
			Some(Ok(header)) if self.doubtful => self.target = header.number,
			Some(Ok(header)) => self.target = self.target.max(header.number),
			Some(Err(error)) => {
				self.subscription = None;
				self.lost(&error);
				return Ok(());
			}
			None => {
				self.subscription = None;
				self.lost(&"the subscription ended");
				return Ok(());
			}
		}
		if std::mem::take(&mut self.away) {
			tracing::warn!(url = self.rpc.url, "the node is back");
		}
		if self.last.is_none() {
			let hash = self.rpc.finalized_hash().await?;
			let header = self.rpc.header(Some(hash)).await?;
			let number = header
				.ok_or_else(|| Error::decode("finalized header", "the node does not know it"))?
				.number;
			let head = Head { number, hash };
			self.last = Some(head);
			self.target = self.target.max(number);
			self.queue.push_back(head);
		}
		Ok(())
	}

	/// Queues heads after the last one up to the target. Finalized blocks of a height never change, so asking by
	/// number is safe up to the finalized head.
	async fn fill(&mut self, last: Head) -> Result<()> {
		if self.doubtful {
			let hash = self.rpc.block_hash(last.number).await?;
			if hash.is_some_and(|hash| hash != last.hash) {
				return Err(Error::WrongNetwork {
					url: self.rpc.url.clone(),
					found: format!(
						"another finalized block {} than before; the chain was begun anew",
						last.number
					),
				});
			}
			self.doubtful = false;
		}
		let end = self.target.min(last.number.saturating_add(GAP_STEP));
		for number in last.number.saturating_add(1)..=end {
			let hash = self.rpc.block_hash(number).await?;
			let hash =
				hash.ok_or_else(|| Error::decode("finalized block", format!("the node lacks block {number}")))?;
			let head = Head { number, hash };
			self.queue.push_back(head);
			self.last = Some(head);
		}
		Ok(())
	}
}
