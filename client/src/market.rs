//! The market as the runtime API `MarketApi` shows it.

use crate::{
	chain::{At, Chain},
	Error, Result,
};
use codec::{DecodeAll, Encode};
use millrace_primitives::{
	api::{AssignmentView, Explanation, JobView, ProviderView, Quote, ShardView, MAX_PAGE},
	AccountId, Balance, JobId, JobSpec, MarketBlock,
};

/// Views of the market on the state after one block. With [`At::Best`] and [`At::Finalized`] each request looks at the
/// block that is the best or finalized one at that moment.
#[derive(Clone, Copy)]
pub struct Market<'a> {
	chain: &'a Chain,
	at: At,
}

impl<'a> Market<'a> {
	pub(crate) fn new(chain: &'a Chain, at: At) -> Self {
		Self { chain, at }
	}

	async fn ask<T: DecodeAll>(&self, method: &str, args: impl Encode) -> Result<T> {
		let hash = self.chain.resolve(self.at).await?;
		let function = format!("MarketApi_{method}");
		let bytes = self.chain.rpc().state_call(&function, &args.encode(), hash).await?;
		T::decode_all(&mut &bytes[..]).map_err(|error| Error::decode(function, error))
	}

	/// The present market block.
	pub async fn now(&self) -> Result<MarketBlock> {
		self.ask("now", ()).await
	}

	/// A job; none if there never was one or all its state is gone.
	pub async fn job(&self, id: JobId) -> Result<Option<JobView>> {
		self.ask("job", id).await
	}

	/// The shards of a job that are under way or in custody, with index `first` or above, at most `count` and at most
	/// [`MAX_PAGE`].
	pub async fn shards(&self, id: JobId, first: u32, count: u32) -> Result<Vec<ShardView>> {
		self.ask("shards", (id, first, count)).await
	}

	/// All shards of a job that are under way or in custody, on the state of one block.
	pub async fn all_shards(&self, id: JobId) -> Result<Vec<ShardView>> {
		let pinned = match self.chain.resolve(self.at).await? {
			Some(hash) => hash,
			None => self.chain.best_head().await?.hash,
		};
		let market = Market {
			at: At::Hash(pinned),
			..*self
		};
		let mut shards = Vec::new();
		let mut first = 0;
		loop {
			let page = market.shards(id, first, MAX_PAGE).await?;
			let Some(last) = page.last() else { return Ok(shards) };
			let next = last.id.index.checked_add(1);
			let full = page.len() as u64 >= u64::from(MAX_PAGE);
			// A page must make progress, whatever the node answers.
			let Some(next) = next.filter(|next| *next > first && full) else {
				shards.extend(page);
				return Ok(shards);
			};
			first = next;
			shards.extend(page);
		}
	}

	/// What a provider, named by its account or its operator's, has to do or to keep; at most [`MAX_PAGE`].
	pub async fn assignments(&self, who: &AccountId) -> Result<Vec<AssignmentView>> {
		self.ask("assignments", who).await
	}

	/// A provider, named by its account or its operator's.
	pub async fn provider(&self, who: &AccountId) -> Result<Option<ProviderView>> {
		self.ask("provider", who).await
	}

	/// Providers in the order of storage, after `after`, at most `count` and at most [`MAX_PAGE`].
	pub async fn providers(&self, after: Option<&AccountId>, count: u32) -> Result<Vec<ProviderView>> {
		self.ask("providers", (after, count)).await
	}

	/// What a job would cost; none if the specification is not valid.
	pub async fn quote(&self, spec: &JobSpec) -> Result<Option<Quote>> {
		self.ask("quote", spec).await
	}

	/// Why a job's waiting work is where it is.
	pub async fn explain(&self, id: JobId) -> Result<Option<Explanation>> {
		self.ask("explain", id).await
	}

	/// What a provider, named by its account, could claim from emission for an era, in plancks.
	pub async fn claimable(&self, provider: &AccountId, era: u32) -> Result<Balance> {
		self.ask("claimable", (provider, era)).await
	}
}
