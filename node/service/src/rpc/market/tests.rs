use super::*;
use futures::{channel::mpsc, stream::BoxStream, StreamExt};
use jsonrpsee::RpcModule;
use millrace_primitives::{
	api::CaseStage,
	job::{Constraints, JobStatus, Preferences, Verification},
	machine::EMPTY_BLOB,
	provider::{Census, HardwareClass, RegionSet},
	AccountId, Balance, Blob, JobSpec, Limits, ProgramRoots,
};
use serde_json::{json, Value};
use sp_api::ApiRef;
use std::{collections::HashMap, sync::Mutex};

const JOB: JobId = JobId(7);
const PROGRAM: ProgramId = Hash::repeat_byte(17);
const CLIENT: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

fn block(number: u8) -> Hash {
	Hash::repeat_byte(number)
}

fn job(running: u32) -> JobView {
	JobView {
		id: JOB,
		client: CLIENT.parse().unwrap(),
		status: JobStatus::Open,
		program: Hash::zero(),
		image: Some(Blob {
			tree: [0xab; 32],
			len: 1 << 30,
		}),
		setup: EMPTY_BLOB,
		input_root: Hash::zero(),
		tasks: 64,
		shard_size: 8,
		limits: Limits {
			gas: 1,
			memory_pages: 2,
			output: 3,
		},
		input_limit: 1,
		price_cap: u128::MAX,
		verification: Verification::Replicated { replicas: 2 },
		constraints: Constraints {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			min_reputation: Default::default(),
		},
		preferences: Preferences::default(),
		endpoints: vec!["http://127.0.0.1:8080/".into()],
		submitted_at: 1,
		expires_at: 2,
		escrow: 1 << 100,
		paid: 0,
		fees: 0,
		shards: 8,
		waiting: 8 - running,
		running,
		accepted: 0,
		failed: 0,
	}
}

const SHARD: ShardId = ShardId { job: JOB, index: 0 };

fn case(next: MarketBlock) -> CaseView {
	CaseView {
		shard: SHARD,
		stage: CaseStage::Opening,
		next,
		drawn: None,
		seats: Vec::new(),
		attacks: Vec::new(),
		bond: 0,
		boards: Vec::new(),
	}
}

/// A chain whose blocks hold at most one job each.
#[derive(Default)]
struct TestChain {
	jobs: Mutex<HashMap<Hash, JobView>>,
	/// When something happens next in the case of the job's first shard.
	cases: Mutex<HashMap<Hash, MarketBlock>>,
	heads: Mutex<HashMap<bool, Hash>>,
	listeners: Mutex<Vec<(View, mpsc::UnboundedSender<Hash>)>>,
	pages: Mutex<Vec<u32>>,
}

impl TestChain {
	fn set_head(&self, view: View, head: Hash, job: Option<JobView>) {
		if let Some(job) = job {
			self.jobs.lock().unwrap().insert(head, job);
		}
		self.heads.lock().unwrap().insert(view == View::Best, head);
		for (listening_to, listener) in &*self.listeners.lock().unwrap() {
			if *listening_to == view {
				// A subscription that ended does not listen any more.
				let _ = listener.unbounded_send(head);
			}
		}
	}
}

impl Heads for TestChain {
	fn head(&self, view: View) -> Hash {
		self.heads.lock().unwrap()[&(view == View::Best)]
	}

	fn heads(&self, view: View) -> BoxStream<'static, Hash> {
		let (sender, receiver) = mpsc::unbounded();
		self.listeners.lock().unwrap().push((view, sender));
		receiver.boxed()
	}
}

#[derive(Clone)]
struct TestApi(Arc<TestChain>);

impl ProvideRuntimeApi<Block> for TestApi {
	type Api = Self;

	fn runtime_api(&self) -> ApiRef<'_, Self> {
		self.clone().into()
	}
}

sp_api::mock_impl_runtime_apis! {
	impl MarketRuntimeApi<Block> for TestApi {
		fn now() -> MarketBlock {
			42
		}

		fn program(id: ProgramId) -> Option<ProgramView> {
			(id == PROGRAM).then(|| ProgramView {
				id,
				engine: 3,
				roots: ProgramRoots {
					entry: 1,
					pages: 2,
					max_pages: 3,
					system_pages: 4,
					code: [5; 32],
					table: [6; 32],
					globals: [7; 32],
					memory: [8; 32],
					system: [9; 32],
				},
				module: Blob {
					tree: [10; 32],
					len: 11,
				},
				address: Hash::repeat_byte(12),
				publisher: CLIENT.parse().unwrap(),
				deposit: 1 << 64,
				open_jobs: 1,
			})
		}

		#[advanced]
		fn job(&self, at: Hash, id: JobId) -> Result<Option<JobView>, ApiError> {
			if at == block(255) {
				return Err(ApiError::UnknownBlock(format!("{at:?}")));
			}
			let jobs = self.0.jobs.lock().unwrap();
			Ok(jobs.get(&at).filter(|job| job.id == id).cloned())
		}

		#[advanced]
		fn case(&self, at: Hash, shard: ShardId) -> Result<Option<CaseView>, ApiError> {
			let cases = self.0.cases.lock().unwrap();
			Ok(cases.get(&at).filter(|_| shard == SHARD).map(|next| case(*next)))
		}

		fn shards(&self, _: JobId, _: u32, count: u32) -> Vec<ShardView> {
			self.0.pages.lock().unwrap().push(count);
			Vec::new()
		}

		fn assignments(_: AccountId) -> Vec<AssignmentView> {
			Vec::new()
		}

		fn custody(&self, _: AccountId, after: Option<ShardId>, count: u32) -> Vec<AssignmentView> {
			self.0.pages.lock().unwrap().push(count + after.map_or(0, |shard| shard.index));
			Vec::new()
		}

		fn demands(_: AccountId) -> Vec<DemandView> {
			vec![DemandView {
				shard: ShardId { job: JobId(7), index: 1 },
				task: 2,
				chunk: Some(3),
				due: 4,
				deposit: 1 << 60,
			}]
		}

		fn demand_deposit(bytes: u32) -> Balance {
			u128::from(bytes) << 60
		}

		fn provider(_: AccountId) -> Option<ProviderView> {
			None
		}

		fn providers(&self, _: Option<AccountId>, count: u32) -> Vec<ProviderView> {
			self.0.pages.lock().unwrap().push(count);
			Vec::new()
		}

		fn verdicts(&self, _: Option<(ShardId, AccountId)>, count: u32) -> Vec<VerdictView> {
			self.0.pages.lock().unwrap().push(count);
			Vec::new()
		}

		fn verdicts_of(_: ShardId) -> Vec<VerdictView> {
			Vec::new()
		}
		fn freezes() -> Vec<FreezeView> {
			Vec::new()
		}

		fn quote(spec: JobSpec) -> Option<Quote> {
			(spec.deadline < 1_000).then(|| Quote {
				escrow: spec.price_cap,
				payments: 0,
				storage: 0,
				fees: 0,
				submission_fee: 0,
				liability: 0,
				execution_window: 100,
				census: Census::default(),
			})
		}

		fn explain(_: JobId) -> Option<Explanation> {
			None
		}

		fn claimable(_: AccountId, era: u32) -> Balance {
			Balance::from(era) << 64
		}
	}
}

fn market() -> (Arc<TestChain>, RpcModule<Market<TestApi, TestChain>>) {
	let chain = Arc::new(TestChain::default());
	chain.set_head(View::Best, block(1), Some(job(0)));
	chain.set_head(View::Finalized, block(1), None);
	let executor = Arc::new(sp_core::testing::TaskExecutor::new());
	(
		chain.clone(),
		Market::new(Arc::new(TestApi(chain.clone())), chain, executor).into_rpc(),
	)
}

/// The response as a client sees it.
async fn ask(module: &RpcModule<Market<TestApi, TestChain>>, method: &str, params: Value) -> Value {
	let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
	let (response, _) = module.raw_json_request(&request.to_string(), 1).await.unwrap();
	serde_json::from_str(&response).unwrap()
}

fn spec() -> Value {
	json!({
		"tasks": 64, "shardSize": 8, "limits": { "gas": 1_000_000_000, "memoryPages": 256, "output": 65536 },
		"inputLimit": 65536, "priceCap": "20000000000000000", "verification": { "replicated": { "replicas": 2 } },
		"constraints": { "class": "general", "regions": 255, "minReputation": 0 }, "deadline": 999
	})
}

#[tokio::test]
async fn amounts_are_decimal_strings_and_names_are_camel_case() {
	let (_, module) = market();
	let answer = ask(&module, "market_job", json!([7])).await;
	let job = &answer["result"];
	assert_eq!(job["priceCap"], u128::MAX.to_string());
	assert_eq!(job["escrow"], (1u128 << 100).to_string());
	assert_eq!(job["client"], CLIENT);
	assert_eq!(job["verification"], json!({ "replicated": { "replicas": 2 } }));
	assert_eq!(job["limits"], json!({ "gas": 1, "memoryPages": 2, "output": 3 }));
	assert_eq!(
		job["image"],
		json!({ "tree": format!("0x{}", "ab".repeat(32)), "len": 1 << 30 })
	);
	assert_eq!(job["setup"]["len"], 0);
	let answer = ask(&module, "market_program", json!([PROGRAM])).await;
	let program = &answer["result"];
	assert_eq!(program["roots"]["systemPages"], 4);
	assert_eq!(program["roots"]["code"], format!("0x{}", "05".repeat(32)));
	assert_eq!(
		program["module"],
		json!({ "tree": format!("0x{}", "0a".repeat(32)), "len": 11 })
	);
	assert_eq!(program["address"], format!("0x{}", "0c".repeat(32)));
	assert_eq!(program["deposit"], (1u128 << 64).to_string());
	let answer = ask(&module, "market_claimable", json!([CLIENT, 3])).await;
	assert_eq!(answer["result"], (3u128 << 64).to_string());
}

#[tokio::test]
async fn what_does_not_exist_is_null() {
	let (_, module) = market();
	for (method, params) in [
		("market_program", json!([Hash::zero()])),
		("market_job", json!([8])),
		("market_provider", json!([CLIENT])),
		("market_case", json!([{ "job": 7, "index": 0 }])),
	] {
		let answer = ask(&module, method, params).await;
		assert_eq!(
			(&answer["result"], &answer["error"]),
			(&Value::Null, &Value::Null),
			"{method}"
		);
	}
	for method in ["market_verdicts", "market_freezes"] {
		assert_eq!(ask(&module, method, json!([])).await["result"], json!([]), "{method}");
	}
}

#[tokio::test]
async fn a_block_can_be_named_and_an_unknown_one_is_an_error() {
	let (chain, module) = market();
	chain.set_head(View::Best, block(2), Some(job(5)));
	assert_eq!(ask(&module, "market_job", json!([7])).await["result"]["running"], 5);
	assert_eq!(
		ask(&module, "market_job", json!([7, block(1)])).await["result"]["running"],
		0
	);
	let error = &ask(&module, "market_job", json!([7, block(255)])).await["error"];
	assert_eq!(error["code"], UNKNOWN_BLOCK);
	assert!(
		error["message"].as_str().unwrap().starts_with("unknown block 0xffff"),
		"{error}"
	);
}

#[tokio::test]
async fn pages_are_bounded() {
	let (chain, module) = market();
	ask(&module, "market_providers", json!([])).await;
	ask(&module, "market_providers", json!([CLIENT, 4_000_000_000u32])).await;
	ask(&module, "market_shards", json!([7, 3, 2])).await;
	ask(&module, "market_custody", json!([CLIENT])).await;
	let after = json!({ "job": 7, "index": 1_000 });
	ask(&module, "market_custody", json!([CLIENT, after, 5])).await;
	ask(&module, "market_verdicts", json!([])).await;
	ask(
		&module,
		"market_verdicts",
		json!([[{ "job": 7, "index": 1 }, CLIENT], 3]),
	)
	.await;
	assert_eq!(
		*chain.pages.lock().unwrap(),
		[MAX_PAGE, MAX_PAGE, 2, MAX_PAGE, 1_005, MAX_PAGE, 3]
	);
}

#[tokio::test]
async fn demands_and_what_they_cost_are_told() {
	let (_, module) = market();
	let demands = ask(&module, "market_demands", json!([CLIENT])).await;
	let expected = json!([{
		"shard": { "job": 7, "index": 1 },
		"task": 2,
		"chunk": 3,
		"due": 4,
		"deposit": "1152921504606846976",
	}]);
	assert_eq!(demands["result"], expected);
	let deposit = ask(&module, "market_demandDeposit", json!([2])).await;
	assert_eq!(deposit["result"], "2305843009213693952");
}

#[tokio::test]
async fn a_quote_needs_a_valid_specification_and_says_what_is_wrong() {
	let (_, module) = market();
	assert_eq!(
		ask(&module, "market_quote", json!([spec()])).await["result"]["escrow"],
		"20000000000000000"
	);
	for (field, value, complaint) in [
		("tasks", json!(0), "tasks must be 1 to 1000000"),
		("shardSize", json!(0), "shardSize must be"),
		(
			"limits",
			json!({ "gas": 0, "memoryPages": 1, "output": 1 }),
			"limits.gas must be",
		),
		("image", json!({ "tree": Hash::zero(), "len": 0 }), "image.len must be"),
		("setup", json!({ "tree": Hash::zero(), "len": 0 }), "setup.len must be"),
		("setup", json!({ "tree": "0x12", "len": 1 }), "64 hexadecimal digits"),
		(
			"verification",
			json!({ "replicated": { "replicas": 9 } }),
			"replicas must be 2 to 7",
		),
		("endpoints", json!(["ftp://example.org"]), "http://"),
		("endpoints", json!(vec!["http://a/"; 5]), "more than 4 endpoints"),
		(
			"endpoints",
			json!(["http://".to_owned() + &"a".repeat(200)]),
			"longer than 128 bytes",
		),
		("deadline", json!(1_000), "price cap or deadline"),
		("priceCap", json!("minus one"), "decimal string"),
		("surprise", json!(1), "surprise"),
	] {
		let mut bad = spec();
		bad[field] = value;
		let error = ask(&module, "market_quote", json!([bad])).await["error"].to_string();
		assert!(error.contains(complaint), "{field}: {error}");
		assert!(error.contains(&INVALID_PARAMS_CODE.to_string()), "{field}: {error}");
	}
}

#[tokio::test]
async fn explaining_an_unknown_job_is_an_error() {
	let (_, module) = market();
	let error = &ask(&module, "market_explain", json!([8])).await["error"];
	assert_eq!(
		(&error["code"], &error["message"]),
		(
			&json!(UNKNOWN_JOB),
			&json!("job 8 does not exist, or all its state is gone"),
		)
	);
}

#[tokio::test]
async fn a_subscription_tells_changes_only_and_ends_with_the_job() {
	let (chain, module) = market();
	let mut notices = module.subscribe_unbounded("market_subscribeJob", [JOB]).await.unwrap();
	let mut next = async || notices.next::<JobNotice>().await.map(|notice| notice.unwrap().0);

	assert_eq!(
		next().await,
		Some(JobNotice {
			block: block(1),
			job: Some(job(0))
		})
	);
	chain.set_head(View::Best, block(2), Some(job(0)));
	chain.set_head(View::Best, block(3), Some(job(1)));
	assert_eq!(
		next().await,
		Some(JobNotice {
			block: block(3),
			job: Some(job(1))
		})
	);

	// A fork without the job: gone, but the finalized chain has it, so it may come back.
	chain.set_head(View::Finalized, block(3), None);
	chain.set_head(View::Best, block(4), None);
	assert_eq!(
		next().await,
		Some(JobNotice {
			block: block(4),
			job: None
		})
	);
	chain.set_head(View::Best, block(5), Some(job(2)));
	assert_eq!(
		next().await,
		Some(JobNotice {
			block: block(5),
			job: Some(job(2))
		})
	);

	chain.set_head(View::Finalized, block(6), None);
	chain.set_head(View::Best, block(6), None);
	assert_eq!(
		next().await,
		Some(JobNotice {
			block: block(6),
			job: None
		})
	);
	assert_eq!(next().await, None);
}

#[tokio::test]
async fn the_finalized_view_ignores_the_best_chain() {
	let (chain, module) = market();
	let mut notices = module
		.subscribe_unbounded("market_subscribeJob", (JOB, View::Finalized))
		.await
		.unwrap();
	let mut next = async || notices.next::<JobNotice>().await.map(|notice| notice.unwrap().0);
	assert_eq!(next().await.unwrap().block, block(1));
	chain.set_head(View::Best, block(2), Some(job(3)));
	chain.set_head(View::Finalized, block(3), Some(job(4)));
	assert_eq!(
		next().await,
		Some(JobNotice {
			block: block(3),
			job: Some(job(4))
		})
	);
}

#[tokio::test]
async fn subscribing_to_an_unknown_job_is_refused() {
	let (_, module) = market();
	let answer = ask(&module, "market_subscribeJob", json!([8])).await;
	assert_eq!(answer["error"]["code"], UNKNOWN_JOB);
}

#[tokio::test]
async fn a_case_is_followed_from_before_its_beginning_to_its_end() {
	let (chain, module) = market();
	let mut notices = module
		.subscribe_unbounded("market_subscribeCase", [SHARD])
		.await
		.unwrap();
	let mut next = async || notices.next::<CaseNotice>().await.map(|notice| notice.unwrap().0);
	let notice = |at, due: Option<MarketBlock>| {
		Some(CaseNotice {
			block: block(at),
			case: due.map(case),
		})
	};
	let begin = |at: u8, due| _ = chain.cases.lock().unwrap().insert(block(at), due);
	assert_eq!(next().await, notice(1, None));
	chain.set_head(View::Best, block(2), Some(job(1)));
	begin(3, 9);
	chain.set_head(View::Best, block(3), Some(job(1)));
	assert_eq!(next().await, notice(3, Some(9)));
	begin(4, 9);
	chain.set_head(View::Best, block(4), Some(job(2)));
	begin(5, 11);
	chain.set_head(View::Best, block(5), Some(job(2)));
	assert_eq!(next().await, notice(5, Some(11)));
	// Over, but the finalized chain has it: it may come back.
	chain.set_head(View::Finalized, block(5), None);
	chain.set_head(View::Best, block(6), Some(job(2)));
	assert_eq!(next().await, notice(6, None));
	begin(7, 12);
	chain.set_head(View::Best, block(7), Some(job(2)));
	assert_eq!(next().await, notice(7, Some(12)));
	chain.set_head(View::Finalized, block(8), None);
	chain.set_head(View::Best, block(8), Some(job(2)));
	assert_eq!(next().await, notice(8, None));
	assert_eq!(next().await, None);
	let unknown = ShardId {
		job: JobId(8),
		index: 0,
	};
	let answer = ask(&module, "market_subscribeCase", json!([unknown])).await;
	assert_eq!(answer["error"]["code"], UNKNOWN_JOB);
}
