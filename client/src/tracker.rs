//! Finds submitted transactions in finalized blocks, and sends again those that got lost, also while none is finalized.

use crate::{
	chain::{Chain, Head, Inner},
	heads::Heads,
	rpc::{Answer, Rpc},
	Error, Result,
};
use codec::{Decode, Encode};
use futures::StreamExt;
use millrace_primitives::{
	lane::{NOT_ALONE, NOT_DUE},
	merkle, AccountId, BlockNumber, Hash,
};
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError,
};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError, Weak},
	time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// After so many blocks without it, a transaction is looked after.
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

/// A signed transaction.
#[derive(Clone)]
pub(crate) struct Signed {
	pub bytes: Vec<u8>,
	pub account: AccountId,
	pub nonce: u64,
	/// The only version of the runtime that includes it.
	pub spec_version: u32,
	/// The first block that it cannot be in any more.
	pub until: BlockNumber,
}

/// A transaction that somebody waits for.
pub(crate) struct Watched {
	signed: Signed,
	/// The finalized head when it was last looked after.
	checked: BlockNumber,
	/// The best head when it was last handed in.
	offered: BlockNumber,
	/// True if it may be in a block that could not be searched.
	doubtful: bool,
	reply: oneshot::Sender<Result<Located>>,
}

impl Watched {
	pub fn new(
		signed: Signed,
		finalized: BlockNumber,
		best: BlockNumber,
	) -> (Self, oneshot::Receiver<Result<Located>>) {
		let (reply, receiver) = oneshot::channel();
		(
			Self {
				signed,
				checked: finalized,
				offered: best,
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
	///
	/// # Errors
	/// [`Error::Connection`] if the node names no head within the connection's patience.
	pub async fn start(&self, chain: &Chain) -> Result<()> {
		let mut task = self.task.lock().await;
		if task.as_ref().is_some_and(|task| !task.is_finished()) {
			return Ok(());
		}
		let mut heads = chain.finalized_heads();
		let rpc = chain.rpc();
		let first = tokio::time::timeout(rpc.patience, heads.next()).await;
		let first = first.map_err(|_| Error::Connection {
			url: rpc.url.clone(),
			reason: format!("no finalized head within {} s", rpc.patience.as_secs()),
		})?;
		first.ok_or_else(|| Error::decode("finalized heads", "the stream ended"))??;
		let (waiting, inner) = (self.waiting.clone(), Arc::downgrade(&chain.0));
		*task = Some(tokio::spawn(async move {
			tokio::select! {
				() = run(waiting.clone(), heads, inner.clone()) => {}
				() = insist(waiting, inner) => {}
			}
		}));
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
		.filter(|(_, watched)| {
			head.number >= watched.signed.until || head.number.saturating_sub(watched.checked) >= PATIENCE
		})
		.map(|(hash, watched)| {
			watched.checked = head.number;
			watched.offered = watched.offered.max(head.number);
			(*hash, watched.signed.clone(), watched.doubtful)
		})
		.collect();
	if late.is_empty() {
		return;
	}
	// What runs after this block. An older version than a transaction was signed for is yet to be upgraded.
	let version = rpc.runtime_version(Some(head.hash)).await.ok();
	for (hash, signed, doubtful) in late {
		let nonce = signed.nonce;
		let expired = head.number >= signed.until;
		let outdated = version
			.as_ref()
			.is_some_and(|version| version.spec_version > signed.spec_version);
		let next = account_nonce(rpc, &signed.account, head.hash).await.ok();
		let used = next.is_some_and(|next| next > nonce);
		if expired || outdated || used {
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
		see_to(waiting, rpc, hash, &signed).await;
	}
}

/// Sends transactions again that take long, while blocks are made and perhaps none of them becomes final.
async fn insist(waiting: Waiting, chain: Weak<Inner>) {
	loop {
		tokio::time::sleep(PAUSE).await;
		let Some(inner) = chain.upgrade() else { return };
		let rpc = inner.rpc.clone();
		drop(inner);
		if lock(&waiting).is_empty() {
			continue;
		}
		// Without an answer there is nobody to offer anything to.
		let Ok(Some(best)) = rpc.header(None).await else {
			continue;
		};
		let best = best.number;
		let late: Vec<_> = lock(&waiting)
			.iter_mut()
			.filter(|(_, watched)| best < watched.signed.until && best.saturating_sub(watched.offered) >= PATIENCE)
			.map(|(hash, watched)| {
				watched.offered = best;
				(*hash, watched.signed.clone())
			})
			.collect();
		for (hash, signed) in late {
			see_to(&waiting, &rpc, hash, &signed).await;
		}
	}
}

/// Hands a transaction in again, or gives it up if its call is not due any more: no pool keeps it.
async fn see_to(waiting: &Waiting, rpc: &Rpc, hash: Hash, signed: &Signed) {
	let Some(reason) = not_due(rpc, signed).await else {
		return offer_again(rpc, hash, signed).await;
	};
	tracing::info!(?hash, nonce = signed.nonce, reason, "a transaction is given up");
	if let Some(watched) = lock(waiting).remove(&hash) {
		drop(watched.reply.send(Err(Error::NotDue { reason })));
	}
}

/// Why a call is not due in the best block; none if it is, or is done there, or the node does not say. A pool that has
/// dropped it would only say that it knows it.
async fn not_due(rpc: &Rpc, signed: &Signed) -> Option<String> {
	let external = TransactionSource::External.encode();
	let args = [&external[..], &signed.bytes, Hash::zero().as_bytes()].concat();
	let bytes = rpc
		.state_call("TaggedTransactionQueue_validate_transaction", &args, None)
		.await
		.ok()?;
	let custom = |code| TransactionValidityError::Invalid(InvalidTransaction::Custom(code));
	match TransactionValidity::decode(&mut &bytes[..]).ok()? {
		Err(error) if error == custom(NOT_DUE) => Some("it is another's, or not to be made now".into()),
		Err(error) if error == custom(NOT_ALONE) => Some("it must stand alone".into()),
		_ => None,
	}
}

/// Hands a transaction in again: the same bytes, which a chain includes once.
async fn offer_again(rpc: &Rpc, hash: Hash, signed: &Signed) {
	let nonce = signed.nonce;
	match rpc.submit(&signed.bytes).await {
		Answer::Taken => tracing::info!(?hash, nonce, "a transaction was lost and is submitted again"),
		// Usually: it is still there, or in a block that is not final yet.
		Answer::Refused(refusal) => tracing::debug!(?hash, nonce, %refusal, "not submitted again"),
		Answer::Unknown(reason) => tracing::debug!(?hash, nonce, reason, "perhaps submitted again"),
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
