//! `market_*`: programs, jobs, shards, providers and prices, read through the runtime's `MarketApi`.
//!
//! All methods read only. Amounts are decimal strings in plancks (10^-12 MILL), since JSON's numbers lose digits above
//! 2^53; accounts are SS58 addresses, hashes and roots are `0x` hexadecimal, blobs `{"tree":"0x…","len":5}`, times are
//! market blocks. The last parameter of a method, `at`, is the hash of the block to look at, by default the best block.
//!
//! ```text
//! > {"id":1,"jsonrpc":"2.0","method":"market_job","params":[7]}
//! < {"id":1,"jsonrpc":"2.0","result":{"id":7,"client":"5Grw…","status":"open","tasks":64,"escrow":"1234000000",…}}
//!
//! > {"id":2,"jsonrpc":"2.0","method":"market_subscribeJob","params":[7]}
//! < {"id":2,"jsonrpc":"2.0","result":"jWqd…"}
//! < {"jsonrpc":"2.0","method":"market_jobUpdate","params":{"subscription":"jWqd…",
//!     "result":{"block":"0x…","job":{"id":7,"status":"open","running":3,…}}}}
//! < {"jsonrpc":"2.0","method":"market_jobUpdate","params":{"subscription":"jWqd…","result":{"block":"0x…","job":null}}}
//! ```

mod follow;
mod spec;
#[cfg(test)]
mod tests;

pub use follow::{CaseNotice, Heads, JobNotice, View};
pub use spec::SpecInput;

use super::address::Address;
use jsonrpsee::{
	core::RpcResult,
	proc_macros::rpc,
	types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned},
	PendingSubscriptionSink,
};
use millrace_primitives::{
	api::{
		AssignmentView, CaseView, DemandView, Explanation, FreezeView, JobView, MarketApi as MarketRuntimeApi,
		ProgramView, ProviderView, Quote, ShardView, VerdictView, MAX_PAGE,
	},
	Hash, JobId, MarketBlock, OpaqueBlock as Block, ProgramId, ShardId,
};
use sc_rpc::{utils::spawn_subscription_task, SubscriptionTaskExecutor};
use sp_api::{ApiError, ProvideRuntimeApi};
use std::sync::Arc;

/// The runtime could not answer: it lacks the API, or the block's state is pruned.
pub const RUNTIME_ERROR: i32 = 10_001;
/// The node does not know the block that `at` names.
pub const UNKNOWN_BLOCK: i32 = 10_002;
/// The job does not exist, or all its state is gone.
pub const UNKNOWN_JOB: i32 = 10_003;

/// What wallets, dApps, agents and the command line ask of the market.
#[rpc(server)]
pub trait MarketApi {
	/// The present market block: the height on the market's clock, which stands still while users cannot call.
	#[method(name = "market_now", blocking)]
	fn now(&self, at: Option<Hash>) -> RpcResult<MarketBlock>;

	/// A published program, or `null`; its `address` is the name under which the module's bytes are served.
	#[method(name = "market_program", blocking)]
	fn program(&self, id: ProgramId, at: Option<Hash>) -> RpcResult<Option<ProgramView>>;

	/// A job, or `null` if it never was or all its state is gone.
	#[method(name = "market_job", blocking)]
	fn job(&self, id: JobId, at: Option<Hash>) -> RpcResult<Option<JobView>>;

	/// What the court knows of a shard that is under way: its stage, its seats, what may be attacked, its boards; `null` if
	/// the shard has not started or is settled.
	#[method(name = "market_case", blocking)]
	fn case(&self, shard: ShardId, at: Option<Hash>) -> RpcResult<Option<CaseView>>;

	/// Verdicts that are held: what the guilty lost, for whom, and when they get it; in the order of storage after the one on
	/// an account in a shard (default: from the start), at most `count` and never more than 256. An empty page is the end.
	#[method(name = "market_verdicts", blocking)]
	fn verdicts(
		&self,
		after: Option<(ShardId, Address)>,
		count: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Vec<VerdictView>>;

	/// Programs and versions of the machine that are frozen.
	#[method(name = "market_freezes", blocking)]
	fn freezes(&self, at: Option<Hash>) -> RpcResult<Vec<FreezeView>>;

	/// The shards of a job that are under way or in custody among the 4,096 indices from `first` (default 0) on, in order,
	/// at most `count` and never more than 256. After a full page ask again from its last index plus one, after any other
	/// page from `first` plus 4,096, until that is the number of shards that were started.
	#[method(name = "market_shards", blocking)]
	fn shards(&self, id: JobId, first: Option<u32>, count: Option<u32>, at: Option<Hash>) -> RpcResult<Vec<ShardView>>;

	/// What a provider, named by its account or its operator's, has to do or waits for; at most 256, what it must act on
	/// first.
	#[method(name = "market_assignments", blocking)]
	fn assignments(&self, provider: Address, at: Option<Hash>) -> RpcResult<Vec<AssignmentView>>;

	/// The shards whose outputs a provider, named by its account or its operator's, keeps, in the order of storage after
	/// the shard `after` (default: from the start), at most `count` and never more than 256. An empty page is the end.
	#[method(name = "market_custody", blocking)]
	fn custody(
		&self,
		provider: Address,
		after: Option<ShardId>,
		count: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Vec<AssignmentView>>;

	/// The parts of outputs that are demanded of a provider, named by its account or its operator's, or by a client; those
	/// that are due first before others, at most 256. `chunk` counts 32 KiB of a task's output; `null`: its outcome.
	#[method(name = "market_demands", blocking)]
	fn demands(&self, who: Address, at: Option<Hash>) -> RpcResult<Vec<DemandView>>;

	/// What is held of a client for the demand of a chunk of so many bytes, or, of 0, of an outcome, as a decimal string.
	#[method(name = "market_demandDeposit", blocking)]
	fn demand_deposit(&self, bytes: u32, at: Option<Hash>) -> RpcResult<String>;

	/// A provider, named by its account or its operator's; `null` if there is none.
	#[method(name = "market_provider", blocking)]
	fn provider(&self, who: Address, at: Option<Hash>) -> RpcResult<Option<ProviderView>>;

	/// Providers in the order of storage after the account `after` (default: from the start), at most `count` and never
	/// more than 256. An empty page is the end.
	#[method(name = "market_providers", blocking)]
	fn providers(&self, after: Option<Address>, count: Option<u32>, at: Option<Hash>) -> RpcResult<Vec<ProviderView>>;

	/// What a job would cost and how many providers could do it.
	///
	/// # Errors
	/// The specification is not valid; the text says what is wrong.
	#[method(name = "market_quote", blocking)]
	fn quote(&self, spec: SpecInput, at: Option<Hash>) -> RpcResult<Quote>;

	/// Why a job's waiting work is where it is.
	///
	/// # Errors
	/// The job does not exist.
	#[method(name = "market_explain", blocking)]
	fn explain(&self, id: JobId, at: Option<Hash>) -> RpcResult<Explanation>;

	/// What a provider, named by its account, could claim from emission for an era; a decimal string.
	#[method(name = "market_claimable", blocking)]
	fn claimable(&self, provider: Address, era: u32, at: Option<Hash>) -> RpcResult<String>;

	/// Follows a job: its state now, then again at every new block of the chosen view (`"best"` by default, or
	/// `"finalized"`) that changed it. When the job is gone for good the last notice has `"job": null`.
	///
	/// The best chain may be reorganised, so a best view can also go back; what must not be taken back is for the
	/// finalized view.
	///
	/// # Errors
	/// The job does not exist in the chosen view.
	#[subscription(
		name = "market_subscribeJob" => "market_jobUpdate",
		unsubscribe = "market_unsubscribeJob",
		item = JobNotice
	)]
	fn subscribe_job(&self, id: JobId, view: Option<View>);

	/// Follows the case of a shard: its audits, reports and disputes, now and again at every new block of the chosen view that
	/// changed it; `"case": null` before the shard starts. Once it is settled the last notice has `"case": null`.
	///
	/// # Errors
	/// The job does not exist in the chosen view.
	#[subscription(
		name = "market_subscribeCase" => "market_caseUpdate",
		unsubscribe = "market_unsubscribeCase",
		item = CaseNotice
	)]
	fn subscribe_case(&self, shard: ShardId, view: Option<View>);
}

/// Serves the `market_*` methods.
pub struct Market<Client, Chain> {
	client: Arc<Client>,
	heads: Arc<Chain>,
	executor: SubscriptionTaskExecutor,
}

impl<Client, Chain> Market<Client, Chain> {
	/// `client` executes runtime calls, `heads` says where the chain is, `executor` runs the subscriptions.
	pub fn new(client: Arc<Client>, heads: Arc<Chain>, executor: SubscriptionTaskExecutor) -> Self {
		Self {
			client,
			heads,
			executor,
		}
	}
}

impl<Client, Chain> Market<Client, Chain>
where
	Client: ProvideRuntimeApi<Block>,
	Chain: Heads,
{
	/// Calls the runtime at a block, by default the best one.
	fn at<R>(&self, at: Option<Hash>, call: impl FnOnce(&Client::Api, Hash) -> Result<R, ApiError>) -> RpcResult<R> {
		let block = at.unwrap_or_else(|| self.heads.head(View::Best));
		call(&self.client.runtime_api(), block).map_err(|error| api_error(block, error))
	}
}

impl<Client, Chain> MarketApiServer for Market<Client, Chain>
where
	Client: ProvideRuntimeApi<Block> + Send + Sync + 'static,
	Client::Api: MarketRuntimeApi<Block>,
	Chain: Heads + Send + Sync + 'static,
{
	fn now(&self, at: Option<Hash>) -> RpcResult<MarketBlock> {
		self.at(at, |api, block| api.now(block))
	}

	fn program(&self, id: ProgramId, at: Option<Hash>) -> RpcResult<Option<ProgramView>> {
		self.at(at, |api, block| api.program(block, id))
	}

	fn job(&self, id: JobId, at: Option<Hash>) -> RpcResult<Option<JobView>> {
		self.at(at, |api, block| api.job(block, id))
	}

	fn case(&self, shard: ShardId, at: Option<Hash>) -> RpcResult<Option<CaseView>> {
		self.at(at, |api, block| api.case(block, shard))
	}

	fn verdicts(
		&self,
		after: Option<(ShardId, Address)>,
		count: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Vec<VerdictView>> {
		self.at(at, |api, block| {
			api.verdicts(block, after.map(|(shard, account)| (shard, account.0)), page(count))
		})
	}

	fn freezes(&self, at: Option<Hash>) -> RpcResult<Vec<FreezeView>> {
		self.at(at, |api, block| api.freezes(block))
	}

	fn shards(&self, id: JobId, first: Option<u32>, count: Option<u32>, at: Option<Hash>) -> RpcResult<Vec<ShardView>> {
		self.at(at, |api, block| api.shards(block, id, first.unwrap_or(0), page(count)))
	}

	fn assignments(&self, provider: Address, at: Option<Hash>) -> RpcResult<Vec<AssignmentView>> {
		self.at(at, |api, block| api.assignments(block, provider.0))
	}

	fn custody(
		&self,
		provider: Address,
		after: Option<ShardId>,
		count: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Vec<AssignmentView>> {
		self.at(at, |api, block| api.custody(block, provider.0, after, page(count)))
	}

	fn demands(&self, who: Address, at: Option<Hash>) -> RpcResult<Vec<DemandView>> {
		self.at(at, |api, block| api.demands(block, who.0))
	}

	fn demand_deposit(&self, bytes: u32, at: Option<Hash>) -> RpcResult<String> {
		self.at(at, |api, block| api.demand_deposit(block, bytes))
			.map(|deposit| deposit.to_string())
	}

	fn provider(&self, who: Address, at: Option<Hash>) -> RpcResult<Option<ProviderView>> {
		self.at(at, |api, block| api.provider(block, who.0))
	}

	fn providers(&self, after: Option<Address>, count: Option<u32>, at: Option<Hash>) -> RpcResult<Vec<ProviderView>> {
		self.at(at, |api, block| {
			api.providers(block, after.map(|after| after.0), page(count))
		})
	}

	fn quote(&self, spec: SpecInput, at: Option<Hash>) -> RpcResult<Quote> {
		let spec = spec.into_spec().map_err(invalid_spec)?;
		self.at(at, |api, block| api.quote(block, spec))?.ok_or_else(|| {
			invalid_spec(
				"the runtime refuses it: price cap or deadline or window or the time of a shard by its parameters, memory or \
				 version by its program"
					.into(),
			)
		})
	}

	fn explain(&self, id: JobId, at: Option<Hash>) -> RpcResult<Explanation> {
		self.at(at, |api, block| api.explain(block, id))?
			.ok_or_else(|| unknown_job(id))
	}

	fn claimable(&self, provider: Address, era: u32, at: Option<Hash>) -> RpcResult<String> {
		self.at(at, |api, block| api.claimable(block, provider.0, era))
			.map(|amount| amount.to_string())
	}

	fn subscribe_job(&self, pending: PendingSubscriptionSink, id: JobId, view: Option<View>) {
		let job = job_at(self.client.clone(), id);
		let follower = follow::Follower {
			chain: self.heads.clone(),
			view: view.unwrap_or_default(),
			look: job.clone(),
			notice: |block, job| JobNotice { block, job },
		};
		let known = move |block| job(block)?.map(|_| ()).ok_or_else(|| unknown_job(id));
		spawn_subscription_task(&self.executor, follower.run(pending, known));
	}

	fn subscribe_case(&self, pending: PendingSubscriptionSink, shard: ShardId, view: Option<View>) {
		let client = self.client.clone();
		let follower = follow::Follower {
			chain: self.heads.clone(),
			view: view.unwrap_or_default(),
			look: move |block| {
				let case = client.runtime_api().case(block, shard);
				case.map_err(|error| api_error(block, error))
			},
			notice: |block, case| CaseNotice { block, case },
		};
		let job = job_at(self.client.clone(), shard.job);
		let known = move |block| job(block)?.map(|_| ()).ok_or_else(|| unknown_job(shard.job));
		spawn_subscription_task(&self.executor, follower.run(pending, known));
	}
}

/// A job at a block.
fn job_at<Client>(client: Arc<Client>, id: JobId) -> impl Fn(Hash) -> RpcResult<Option<JobView>> + Clone
where
	Client: ProvideRuntimeApi<Block>,
	Client::Api: MarketRuntimeApi<Block>,
{
	move |block| {
		let job = client.runtime_api().job(block, id);
		job.map_err(|error| api_error(block, error))
	}
}

fn page(count: Option<u32>) -> u32 {
	count.unwrap_or(MAX_PAGE).min(MAX_PAGE)
}

fn api_error(block: Hash, error: ApiError) -> ErrorObjectOwned {
	match error {
		ApiError::UnknownBlock(_) => {
			ErrorObjectOwned::owned(UNKNOWN_BLOCK, format!("unknown block {block:?}"), None::<()>)
		}
		error => ErrorObjectOwned::owned(
			RUNTIME_ERROR,
			format!("the runtime cannot answer at block {block:?}: {error}"),
			None::<()>,
		),
	}
}

fn unknown_job(id: JobId) -> ErrorObjectOwned {
	ErrorObjectOwned::owned(
		UNKNOWN_JOB,
		format!("job {} does not exist, or all its state is gone", id.0),
		None::<()>,
	)
}

fn invalid_spec(what: String) -> ErrorObjectOwned {
	ErrorObjectOwned::owned(
		INVALID_PARAMS_CODE,
		format!("the job's specification is not valid: {what}"),
		None::<()>,
	)
}
