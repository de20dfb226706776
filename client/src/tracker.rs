//! Finds submitted transactions in finalized blocks, and sends again those that got lost.

use crate::{
	chain::{Chain, Head, Inner},
	heads::Heads,
	rpc::Rpc,
	Error, Result,
};
use codec::{Decode, Encode};
use futures::StreamExt;
use millrace_primitives::{merkle, AccountId, BlockNumber, Hash};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError, Weak},
	time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// After so many finalized blocks without it, a transaction is looked after.
const PATIENCE: BlockNumber = 4;
/// The pause before a block is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// Where a transaction was found.
#[derive(Debug)]
pub(crate) struct Located {
	pub block: Head,
	/// Its index in the block.
	pub index: u32,
	pub hash: Hash,
}

/// A transaction that somebody waits for.
pub(crate) struct Watched {
	bytes: Vec<u8>,
	account: AccountId,
	nonce: u64,
	/// The first block that it cannot be in any more.
	until: BlockNumber,
	/// The finalized head when it was last looked after.
	checked: BlockNumber,
	/// True if it may be in a block that could not be searched.
	doubtful: bool,
	reply: oneshot::Sender<Result<Located>>,
}

impl Watched {
	pub fn new(
		bytes: Vec<u8>,
		account: AccountId,
		nonce: u64,
		until: BlockNumber,
		finalized: BlockNumber,
	) -> (Self, oneshot::Receiver<Result<Located>>) {
		let (reply, receiver) = oneshot::channel();
		(
			Self {
				bytes,
				account,
				nonce,
				until,
				checked: finalized,
				doubtful: false,
				reply,
			},
			receiver,
		)
	}
}

type Waiting = Arc<Mutex<HashMap<Hash, Watched>>>;

/// The task that follows finalized heads for all transactions of a connection.
#[derive(Default)]
pub(crate) struct Tracker {
	waiting: Waiting,
	task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Tracker {
	fn drop(&mut self) {
		if let Some(task) = self.task.get_mut() {
			task.abort();
		}
	}
}

/// Forgets a transaction when it is dropped, unless it was kept.
pub(crate) struct Guard {
	waiting: Waiting,
	hash: Option<Hash>,
}

impl Guard {
	pub fn keep(mut self) {
		self.hash = None;
	}
}

impl Drop for Guard {
	fn drop(&mut self) {
		if let Some(hash) = self.hash {
			lock(&self.waiting).remove(&hash);
		}
	}
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<Hash, Watched>> {
	waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tracker {
	/// Makes sure that the task runs and has seen a finalized head: every transaction submitted from now on can only be
	/// in blocks that it will look at.
	pub async fn start(&self, chain: &Chain) -> Result<()> {
		let mut task = self.task.lock().await;
		if task.as_ref().is_some_and(|task| !task.is_finished()) {
			return Ok(());
		}
		let mut heads = chain.finalized_heads();
		let first = heads.next().await;
		first.ok_or_else(|| Error::decode("finalized heads", "the stream ended"))??;
		*task = Some(tokio::spawn(run(self.waiting.clone(), heads, Arc::downgrade(&chain.0))));
		Ok(())
	}

	pub fn watch(&self, hash: Hash, watched: Watched) -> Guard {
		lock(&self.waiting).insert(hash, watched);
		Guard {
			waiting: self.waiting.clone(),
			hash: Some(hash),
		}
	}
}

async fn run(waiting: Waiting, mut heads: Heads, chain: Weak<Inner>) {
	while let Some(head) = heads.next().await {
		let Some(inner) = chain.upgrade() else { return };
		let rpc = inner.rpc.clone();
		drop(inner);
		let head = match head {
			Ok(head) => head,
			Err(error) => {
				for (_, watched) in lock(&waiting).drain() {
					let error = Error::WrongNetwork {
						url: rpc.url.clone(),
						found: error.to_string(),
					};
					// Nobody may be waiting any more.
					drop(watched.reply.send(Err(error)));
				}
				return;
			}
		};
		lock(&waiting).retain(|_, watched| !watched.reply.is_closed());
		if lock(&waiting).is_empty() {
			continue;
		}
		find(&waiting, &rpc, head).await;
		look_after(&waiting, &rpc, head).await;
	}
}

/// Answers for the transactions that are in a block.
async fn find(waiting: &Waiting, rpc: &Rpc, head: Head) {
	let body = loop {
		match rpc.body(head.hash).await {
			Ok(Some(body)) => break body,
			Ok(None) => {
				tracing::warn!(number = head.number, "the node lacks the body of a finalized block");
				lock(waiting).values_mut().for_each(|watched| watched.doubtful = true);
				return;
			}
			Err(error) => tracing::warn!(number = head.number, %error, "cannot read a finalized block, trying again"),
		}
		tokio::time::sleep(PAUSE).await;
	};
	for (index, transaction) in body.iter().enumerate() {
		let hash = merkle::hash(transaction);
		if let Some(watched) = lock(waiting).remove(&hash) {
			drop(watched.reply.send(Ok(Located {
				block: head,
				index: index as u32,
				hash,
			})));
		}
	}
}

/// Gives up the transactions that can no longer be included, and sends again those that take long.
async fn look_after(waiting: &Waiting, rpc: &Rpc, head: Head) {
	let late: Vec<_> = lock(waiting)
		.iter_mut()
		.filter(|(_, watched)| head.number >= watched.until || head.number.saturating_sub(watched.checked) >= PATIENCE)
		.map(|(hash, watched)| {
			watched.checked = head.number;
			let Watched {
				account,
				nonce,
				until,
				doubtful,
				bytes,
				..
			} = watched;
			(*hash, account.clone(), *nonce, *until, *doubtful, bytes.clone())
		})
		.collect();
	for (hash, account, nonce, until, doubtful, bytes) in late {
		let expired = head.number >= until;
		let next = account_nonce(rpc, &account, head.hash).await.ok();
		let used = next.is_some_and(|next| next > nonce);
		if expired || used {
			if let Some(watched) = lock(waiting).remove(&hash) {
				// Every block was searched, or the nonce proves that it is in none.
				let lost = !doubtful || next.is_some_and(|next| next <= nonce);
				let reason = "it may be in a block that the node no longer has".to_string();
				let unknown = Error::OutcomeUnknown {
					hash,
					block: head.hash,
					reason,
				};
				drop(
					watched
						.reply
						.send(Err(if lost { Error::Dropped { hash } } else { unknown })),
				);
			}
			continue;
		}
		match rpc.submit(&bytes).await {
			Ok(Ok(_)) => tracing::info!(?hash, nonce, "a transaction was lost and is submitted again"),
			// Usually: it is still there.
			Ok(Err(refusal)) => tracing::debug!(?hash, nonce, %refusal, "not submitted again"),
			Err(error) => tracing::debug!(?hash, nonce, %error, "not submitted again"),
		}
	}
}

/// The nonce of the next transaction of an account after a block.
async fn account_nonce(rpc: &Rpc, account: &AccountId, block: Hash) -> Result<u64> {
	let bytes = rpc
		.state_call("AccountNonceApi_account_nonce", &account.encode(), Some(block))
		.await?;
	u32::decode(&mut &bytes[..])
		.map(u64::from)
		.map_err(|error| Error::decode("nonce", error))
}
