//! The market as the runtime API `MarketApi` shows it.

use crate::{
	chain::{At, Chain},
	Error, Result,
};
use codec::{DecodeAll, Encode};
use millrace_primitives::{
	api::{
		AssignmentView, CaseView, DemandView, Explanation, FreezeView, JobView, ProgramView, ProviderView, Quote,
		ShardView, VerdictView, MAX_PAGE, SHARD_WINDOW,
	},
	AccountId, Balance, JobId, JobSpec, MarketBlock, ProgramId, ShardId,
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

	/// A published program; none if it is not published.
	pub async fn program(&self, id: ProgramId) -> Result<Option<ProgramView>> {
		self.ask("program", id).await
	}

	/// A job; none if there never was one or all its state is gone.
	pub async fn job(&self, id: JobId) -> Result<Option<JobView>> {
		self.ask("job", id).await
	}

	/// The shards of a job that are under way or in custody among the [`SHARD_WINDOW`] indices from `first` on, in order,
	/// at most `count` and at most [`MAX_PAGE`]. See [`all_shards`](Self::all_shards) for how to go on.
	pub async fn shards(&self, id: JobId, first: u32, count: u32) -> Result<Vec<ShardView>> {
		self.ask("shards", (id, first, count)).await
	}

	/// All shards of a job that are under way or in custody, in order, on the state of one block; none if there is no such
	/// job.
	pub async fn all_shards(&self, id: JobId) -> Result<Vec<ShardView>> {
		let market = self.pinned().await?;
		let Some(job) = market.job(id).await? else {
			return Ok(Vec::new());
		};
		let started = job.shards.saturating_sub(job.waiting);
		let mut shards = Vec::new();
		let mut first = 0u32;
		while first < started {
			let page = market.shards(id, first, MAX_PAGE).await?;
			let full = page.len() as u64 >= u64::from(MAX_PAGE);
			let next = match page.last() {
				Some(last) if full => last.id.index.saturating_add(1),
				_ => first.saturating_add(SHARD_WINDOW),
			};
			shards.extend(page);
			// A page must make progress, whatever the node answers.
			if next <= first {
				break;
			}
			first = next;
		}
		Ok(shards)
	}

	/// A shard's case; none while none is under way for it.
	pub async fn case(&self, shard: ShardId) -> Result<Option<CaseView>> {
		self.ask("case", shard).await
	}

	/// Verdicts that are held, in the order of storage, after the one on an account in a shard; at most `count` and at most
	/// [`MAX_PAGE`]. An empty page is the end.
	pub async fn verdicts(&self, after: Option<&(ShardId, AccountId)>, count: u32) -> Result<Vec<VerdictView>> {
		self.ask("verdicts", (after, count)).await
	}

	/// Those about one shard.
	pub async fn verdicts_of(&self, shard: ShardId) -> Result<Vec<VerdictView>> {
		self.ask("verdicts_of", shard).await
	}

	/// All verdicts that are held, on the state of one block.
	///
	/// # Errors
	/// Those of every request, and a page that ends where it was asked to start.
	pub async fn all_verdicts(&self) -> Result<Vec<VerdictView>> {
		let market = self.pinned().await?;
		let mut all = Vec::new();
		let mut after = None;
		loop {
			let page = market.verdicts(after.as_ref(), MAX_PAGE).await?;
			let Some(last) = page.last().map(|view| (view.shard, view.account.clone())) else {
				return Ok(all);
			};
			if after.as_ref() == Some(&last) {
				return Err(Error::decode("MarketApi_verdicts", "a page repeats the one before"));
			}
			after = Some(last);
			all.extend(page);
		}
	}

	/// What is frozen.
	pub async fn freezes(&self) -> Result<Vec<FreezeView>> {
		self.ask("freezes", ()).await
	}

	/// The same views on the state after one block: that of now, if none is named.
	async fn pinned(&self) -> Result<Self> {
		let hash = match self.chain.resolve(self.at).await? {
			Some(hash) => hash,
			None => self.chain.best_head().await?.hash,
		};
		Ok(Self {
			at: At::Hash(hash),
			..*self
		})
	}

	/// What a provider, named by its account or its operator's, has to do or waits for; at most [`MAX_PAGE`], what it must
	/// act on first.
	pub async fn assignments(&self, who: &AccountId) -> Result<Vec<AssignmentView>> {
		self.ask("assignments", who).await
	}

	/// The shards whose outputs a provider, named by its account or its operator's, keeps, in the order of storage after
	/// the shard `after`; at most `count` and at most [`MAX_PAGE`]. An empty page is the end.
	pub async fn custody(&self, who: &AccountId, after: Option<ShardId>, count: u32) -> Result<Vec<AssignmentView>> {
		self.ask("custody", (who, after, count)).await
	}

	/// All shards whose outputs a provider keeps, on the state of one block.
	///
	/// # Errors
	/// Those of every request, and a page that ends where it was asked to start.
	pub async fn all_custody(&self, who: &AccountId) -> Result<Vec<AssignmentView>> {
		let market = self.pinned().await?;
		let mut kept = Vec::new();
		let mut after = None;
		loop {
			let page = market.custody(who, after, MAX_PAGE).await?;
			let Some(last) = page.last().map(|view| view.shard) else {
				return Ok(kept);
			};
			if after == Some(last) {
				return Err(Error::decode("MarketApi_custody", "a page repeats the one before"));
			}
			after = Some(last);
			kept.extend(page);
		}
	}

	/// The parts of outputs that are demanded of a provider, named by its account or its operator's, or by a client; those
	/// that are due first before others, at most [`MAX_PAGE`].
	pub async fn demands(&self, who: &AccountId) -> Result<Vec<DemandView>> {
		self.ask("demands", who).await
	}

	/// What is held of a client for the demand of a chunk of so many bytes, or, of none, of an outcome, in plancks.
	pub async fn demand_deposit(&self, bytes: u32) -> Result<Balance> {
		self.ask("demand_deposit", bytes).await
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
