//! What finalized blocks say of a board, read as they come.

use super::{
	desk::{pause, PAUSE},
	seen::Seen,
};
use crate::{
	failure::{Failure, Result},
	output::note,
};
use futures::StreamExt;
use millrace_client::{At, Chain, Error, Head, Heads};
use millrace_primitives::{AccountId, Balance, ShardId};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::sleep;

/// So often a block's events are asked for that the node refuses.
const READ_TRIES: u32 = 3;

/// Reads finalized blocks as they come.
pub(super) struct Reader<'a> {
	pub(super) chain: &'a Chain,
	pub(super) account: AccountId,
	pub(super) shard: ShardId,
	pub(super) board: u32,
	pub(super) target: u8,
	pub(super) seen: &'a Mutex<Seen>,
}

impl Reader<'_> {
	/// Reads for ever, unless the node is another chain's.
	pub(super) async fn run(self, heads: &mut Heads) -> Failure {
		while let Some(head) = heads.next().await {
			let head = match head {
				Ok(head) => head,
				Err(error) => return error.into(),
			};
			let mut tries = 0;
			let events = loop {
				match self.chain.events(head.hash).await {
					Ok(events) => break events,
					Err(error @ (Error::WrongNetwork { .. } | Error::IncompatibleChain { .. })) => return error.into(),
					Err(error) if error.is_connection() => sleep(pause(tries)).await,
					// What the node does not know any more is not known.
					Err(_) if tries >= READ_TRIES => break Vec::new(),
					Err(_) => sleep(PAUSE).await,
				}
				tries += 1;
			};
			let taken = lock(self.seen).take(self.shard, self.board, self.target, &events);
			let (news, ended) = taken.unwrap_or_default();
			news.into_iter().for_each(note);
			if ended {
				let around = self.around(head).await.ok().flatten();
				let won = self.won(head).await.ok();
				let mut seen = lock(self.seen);
				(seen.around, seen.won) = (around, won);
			}
			lock(self.seen).read = head.number;
		}
		Failure::Other("the node sends no blocks any more".into())
	}

	/// What the account gets of what others lost, once that is shared out.
	async fn won(&self, head: Head) -> Result<Balance> {
		let verdicts = self.chain.market(At::Hash(head.hash)).verdicts_of(self.shard).await?;
		let shares = verdicts.into_iter().flat_map(|verdict| verdict.shares);
		Ok(shares
			.filter(|share| share.to.as_ref() == Some(&self.account))
			.fold(0, |sum: Balance, share| sum.saturating_add(share.amount)))
	}

	/// All that the account had before a block and after it.
	async fn around(&self, head: Head) -> Result<Option<(Balance, Balance)>> {
		let Some(before) = self.chain.block_hash(head.number.saturating_sub(1)).await? else {
			return Ok(None);
		};
		let then = total(self.chain, &self.account, At::Hash(before)).await?;
		Ok(Some((
			then,
			total(self.chain, &self.account, At::Hash(head.hash)).await?,
		)))
	}
}

/// What an account has in all, but for what it lost and is only held on it until it is shared out.
pub(super) async fn total(chain: &Chain, account: &AccountId, at: At) -> Result<Balance> {
	let balances = chain.balances(account, at).await?;
	let held = balances.held.iter();
	let lost = held.filter(|hold| hold.pallet == "Attestations" && hold.reason == "Guilty");
	let lost = lost.map(|hold| hold.amount);
	let has = balances.free.saturating_add(balances.reserved);
	Ok(lost.fold(has, Balance::saturating_sub))
}

/// What is known so far.
pub(super) fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
	seen.lock().unwrap_or_else(PoisonError::into_inner)
}
