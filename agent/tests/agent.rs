//! A whole agent against a chain that the test plays: real HTTP, real execution, real database, and everything that can
//! go wrong between them.

use codec::DecodeAll;
use futures::{stream::BoxStream, StreamExt};
use millrace_agent::{
	decide::{terms, Custody, Snapshot, Standing, View, CUSTODY_PAUSE},
	exec::{Execute, HostError, LoadError, Program, Stop, Task},
	market::{Heads, Market, Nature, SubmitError, Tx},
	Agent, AgentError, Config, Wasm, WasmLimits,
};
use millrace_client::{
	blobs::{self, Blob, BlobStore},
	Error, Head,
};
use millrace_primitives::{
	api::{AssignmentView, ProviderView},
	job::{DeclineReason, SeatState},
	merkle, outcome,
	provider::{ClassSet, HardwareClass, ProviderStatus, Region},
	AccountId, BlockNumber, Hash, JobId, MarketBlock, Outcome, ProgramId, Report, ShardId, ENGINE_VERSION,
};
use std::{
	collections::{HashMap, VecDeque},
	net::SocketAddr,
	path::Path,
	sync::{
		atomic::{AtomicBool, AtomicU32, Ordering},
		Arc, Mutex, MutexGuard,
	},
	time::Duration,
};

const BLOCK: Duration = Duration::from_millis(60);
const TASKS: u32 = 6;

fn shard(index: u32) -> ShardId {
	ShardId { job: JobId(1), index }
}

fn provider() -> AccountId {
	AccountId::from([7; 32])
}

/// What the client of the job serves.
struct Client {
	blobs: HashMap<Hash, Vec<u8>>,
	list: Vec<Hash>,
	server: Option<blobs::Server>,
	url: String,
	program: ProgramId,
}

struct Served(HashMap<Hash, Vec<u8>>, Vec<Hash>);

impl BlobStore for Served {
	fn open(&self, root: Hash) -> Option<Blob> {
		self.0.get(&root).map(|bytes| Blob::Bytes(bytes.clone().into()))
	}
	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		(merkle::list_root(&self.1) == root).then(|| Arc::new(self.1.clone()))
	}
}

fn input(task: u32) -> Vec<u8> {
	format!("input {task} ").repeat(task as usize).into_bytes()
}

/// Writes its input to its output.
const ECHO: &str = r#"(module
	(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1)
	(data (i32.const 0) "\40\00\00\00\00\40\00\00")
	(func (export "_start")
		(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
		(i32.store (i32.const 4) (i32.load (i32.const 8)))
		(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

impl Client {
	async fn new(program: Vec<u8>) -> Self {
		let mut blobs = HashMap::new();
		let inputs: Vec<_> = (0..2 * TASKS).map(input).collect();
		let list = inputs.iter().map(|input| merkle::data_root(input)).collect();
		let id = merkle::data_root(&program);
		for bytes in inputs.into_iter().chain([program]) {
			blobs.insert(merkle::data_root(&bytes), bytes);
		}
		let mut client = Self {
			blobs,
			list,
			server: None,
			url: String::new(),
			program: id,
		};
		client.start().await;
		client
	}

	async fn start(&mut self) {
		let address = self.url.strip_prefix("http://").unwrap_or("127.0.0.1:0").to_string();
		let listener = tokio::net::TcpListener::bind(address).await.unwrap();
		let store = Arc::new(Served(self.blobs.clone(), self.list.clone()));
		let server = blobs::serve(listener, store).unwrap();
		self.url = format!("http://{}", server.local_addr());
		self.server = Some(server);
	}

	fn seat(&self, index: u32) -> AssignmentView {
		AssignmentView {
			shard: shard(index),
			seat: 1,
			round: 3,
			state: Some(SeatState::Assigned),
			reveal_open: false,
			due: 100_000,
			engine: ENGINE_VERSION,
			program: self.program,
			input_root: merkle::list_root(&self.list),
			job_tasks: 2 * TASKS,
			first_task: index * TASKS,
			tasks: TASKS,
			gas_limit: 1_000_000,
			memory_pages: 16,
			input_limit: 4096,
			output_limit: 4096,
			endpoints: vec![self.url.clone()],
		}
	}
}

/// The chain: blocks at a steady pace, finality two blocks behind.
#[derive(Clone)]
struct Chain(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
	snapshots: VecDeque<Snapshot>,
	/// What is in custody in the same blocks.
	kept: VecDeque<Custody>,
	/// How often that was asked for.
	custody_reads: u32,
	/// Seals stay closed.
	hold: bool,
	/// The chain is for development.
	is_local: bool,
	number: BlockNumber,
	seats: HashMap<ShardId, AssignmentView>,
	seals: HashMap<ShardId, (BlockNumber, Hash)>,
	reports: HashMap<ShardId, (BlockNumber, Report)>,
	calls: Vec<Tx>,
	/// So many submissions get lost.
	lose: u32,
	/// So many submissions are included, but nobody hears of it.
	deafen: u32,
	/// So many requests fail.
	outage: u32,
	wrong: Vec<String>,
	last_seen: BlockNumber,
	status: Option<ProviderStatus>,
}

impl Chain {
	fn new(seats: Vec<AssignmentView>) -> Self {
		let seats = seats.into_iter().map(|seat| (seat.shard, seat)).collect();
		let chain = Self(Arc::new(Mutex::new(State {
			number: 10,
			seats,
			last_seen: 2,
			..State::default()
		})));
		for _ in 0..3 {
			chain.state().grow();
		}
		let growing = Arc::downgrade(&chain.0);
		tokio::spawn(async move {
			loop {
				tokio::time::sleep(BLOCK).await;
				let Some(state) = growing.upgrade() else { break };
				state.lock().unwrap().grow();
			}
		});
		chain
	}

	fn state(&self) -> MutexGuard<'_, State> {
		self.0.lock().unwrap()
	}

	async fn until(&self, what: &str, reached: impl Fn(&State) -> bool) {
		for _ in 0..600 {
			if reached(&self.state()) {
				return;
			}
			tokio::time::sleep(Duration::from_millis(50)).await;
		}
		let state = self.state();
		panic!("not reached: {what}; calls {:?}; seats {:?}", state.calls, state.seats);
	}

	fn in_state(&self, index: u32) -> Option<SeatState> {
		self.state().seats[&shard(index)].state
	}

	/// How often a call of this kind was included.
	fn count(&self, matches: impl Fn(&Tx) -> bool) -> usize {
		self.state().calls.iter().filter(|tx| matches(tx)).count()
	}
}

impl State {
	/// The market's clock: slow, since blocks here are much faster than any agent looks.
	fn now(&self) -> BlockNumber {
		self.number / 5
	}

	fn grow(&mut self) {
		self.number += 1;
		for (shard, (at, _)) in &self.seals {
			if let Some(seat) = self.seats.get_mut(shard) {
				seat.reveal_open |= seat.state == Some(SeatState::Sealed) && self.number >= at + 2 && !self.hold;
			}
		}
		for (shard, (at, _)) in &self.reports {
			if let Some(seat) = self.seats.get_mut(shard).filter(|_| self.number == at + 2) {
				seat.state = None;
			}
		}
		let (under_way, kept): (Vec<_>, Vec<_>) = self.seats.values().partition(|seat| seat.state.is_some());
		let seats = under_way.into_iter().map(|seat| (seat.into(), seat.clone())).collect();
		let kept = kept.into_iter().map(|seat| (seat.into(), terms(seat))).collect();
		self.snapshots.push_back(Snapshot {
			number: self.number,
			now: self.now(),
			seats,
			complete: true,
		});
		self.kept.push_back(Custody {
			number: self.number,
			seats: kept,
		});
		while self.snapshots.len() > 3 {
			self.snapshots.pop_front();
			self.kept.pop_front();
		}
	}

	fn apply(&mut self, tx: &Tx) -> Result<(), String> {
		self.calls.push(tx.clone());
		let (number, finalized) = (self.number, self.snapshots[0].clone());
		match tx {
			Tx::Accept(shard) => {
				let seat = self.seats.get_mut(shard).ok_or("no such seat")?;
				if seat.state != Some(SeatState::Assigned) {
					self.wrong.push(format!("accepted in {:?}", seat.state));
					return Err("NotAssigned".into());
				}
				seat.state = Some(SeatState::Accepted);
			}
			Tx::Decline(shard, _) => {
				self.seats.remove(shard);
			}
			Tx::Seal(shard, seal) => {
				let seat = self.seats.get_mut(shard).ok_or("no such seat")?;
				if !matches!(seat.state, Some(SeatState::Assigned | SeatState::Accepted)) {
					self.wrong.push(format!("sealed in {:?}", seat.state));
					return Err("AlreadySealed".into());
				}
				seat.state = Some(SeatState::Sealed);
				self.seals.insert(*shard, (number, *seal));
			}
			Tx::Reveal(shard, report, salt) => {
				let seat = self.seats.get_mut(shard).unwrap();
				let seal = outcome::seal(*shard, seat.round, report, salt, &provider());
				if seat.state != Some(SeatState::Sealed) || self.seals[shard].1 != seal {
					self.wrong
						.push(format!("revealed in {:?}, or another seal", seat.state));
					return Err("SealMismatch".into());
				}
				if !finalized.seats[&(&*seat).into()].reveal_open {
					self.wrong.push("revealed before the seals were finalized".into());
				}
				seat.state = Some(SeatState::Revealed);
				self.reports.insert(*shard, (number, *report));
			}
			Tx::Heartbeat => self.status = None,
		}
		self.last_seen = self.now();
		Ok(())
	}
}

fn head(number: BlockNumber) -> Head {
	Head {
		number,
		hash: Hash::from_low_u64_be(number.into()),
	}
}

impl Market for Chain {
	async fn heads(&self) -> Result<Heads, Error> {
		let mut state = self.state();
		if state.outage > 0 {
			state.outage -= 1;
			return Err(Error::Connection {
				url: "ws://test".into(),
				reason: "outage".into(),
			});
		}
		Ok(Heads {
			best: head(state.number),
			finalized: head(state.number - 2),
		})
	}

	async fn nature(&self) -> Result<Nature, Error> {
		Ok(Nature {
			live: !self.state().is_local,
			block_time: BLOCK * 5,
		})
	}

	async fn execution_window(&self, _: &AssignmentView) -> Result<Option<MarketBlock>, Error> {
		Ok(Some(20))
	}

	async fn custody(&self, _: Head) -> Result<Custody, Error> {
		let mut state = self.state();
		state.custody_reads += 1;
		Ok(state.kept[0].clone())
	}

	async fn view(&self, _: Heads) -> Result<(View, Option<ProviderView>), Error> {
		let state = self.state();
		let status = state.status.unwrap_or(ProviderStatus::Active);
		let view = View {
			best: state.snapshots.back().unwrap().clone(),
			finalized: state.snapshots[0].clone(),
			custody: None,
			standing: Some(Standing {
				status,
				last_seen: state.last_seen,
			}),
		};
		let provider = ProviderView {
			id: provider(),
			operator: AccountId::from([8; 32]),
			status,
			classes: ClassSet::of(&[HardwareClass::General]),
			region: Region::Unspecified,
			slots: 2,
			used_slots: 0,
			memory_pages: 1000,
			ask: 1,
			endpoint: String::new(),
			bond: 0,
			liability: 0,
			reputation: Default::default(),
			last_seen: state.last_seen,
			drawable: true,
			reason: None,
		};
		Ok((view, Some(provider)))
	}

	async fn submit(&self, tx: Tx) -> Result<BlockNumber, SubmitError> {
		tokio::time::sleep(BLOCK).await;
		let (at, result, deaf) = {
			let mut state = self.state();
			if state.lose > 0 {
				state.lose -= 1;
				return Err(SubmitError::NotIncluded("lost".into()));
			}
			let deaf = state.deafen > 0;
			state.deafen = state.deafen.saturating_sub(1);
			// It is part of the next block.
			let result = state.apply(&tx);
			(state.number + 1, result, deaf)
		};
		self.until_finalized(at).await;
		match (result, deaf) {
			(_, true) => Err(SubmitError::Unknown("the connection was lost".into())),
			(Ok(()), false) => Ok(at),
			(Err(error), false) => Err(SubmitError::Failed(error)),
		}
	}

	fn finalized(&self) -> BoxStream<'static, Result<Head, Error>> {
		futures::stream::pending().boxed()
	}
}

impl Chain {
	async fn until_finalized(&self, number: BlockNumber) {
		while self.state().number < number + 2 {
			tokio::time::sleep(BLOCK / 4).await;
		}
	}
}

fn config(listen: SocketAddr) -> Config {
	Config {
		node: "ws://127.0.0.1:1".into(),
		genesis: None,
		listen,
		endpoint: format!("http://{listen}"),
		metrics: None,
		slots: 2,
		memory_pages: 1024,
		ask: 1,
		region: Region::Unspecified,
		classes: vec![HardwareClass::General],
		disk_mib: 100,
		heartbeat_blocks: 1_000,
		allow_private_addresses: true,
		benchmark_mgas: None,
	}
}

fn free_address() -> SocketAddr {
	std::net::TcpListener::bind("127.0.0.1:0")
		.unwrap()
		.local_addr()
		.unwrap()
}

struct Running {
	task: tokio::task::JoinHandle<Result<(), AgentError>>,
	stop: tokio::sync::oneshot::Sender<()>,
	address: SocketAddr,
}

fn start(data: &Path, chain: &Chain) -> Running {
	start_with(data, chain, Arc::new(Wasm::new(WasmLimits::default()).unwrap()))
}

fn start_with(data: &Path, chain: &Chain, executor: Arc<dyn Execute>) -> Running {
	start_as(data, chain, executor, config(free_address()))
}

fn start_as(data: &Path, chain: &Chain, executor: Arc<dyn Execute>, config: Config) -> Running {
	let address = config.listen;
	let agent = Agent::new(data, config, chain.clone(), executor).unwrap();
	let (stop, stopped) = tokio::sync::oneshot::channel();
	let stopped = async move {
		let _ = stopped.await;
	};
	Running {
		task: tokio::spawn(agent.run(stopped, || {})),
		stop,
		address,
	}
}

impl Running {
	async fn stop(self) {
		self.stop.send(()).unwrap();
		self.task.await.unwrap().unwrap();
	}

	/// Ends it at once, as a crash would. What was submitted goes on.
	async fn crash(self) {
		self.task.abort();
		assert!(self.task.await.unwrap_err().is_cancelled());
	}
}

/// Fetches what a shard's provider serves, as its client does, and compares it with the inputs.
async fn check_outputs(chain: &Chain, address: SocketAddr, index: u32) {
	let report = chain.state().reports[&shard(index)].1;
	let client = blobs::Client::new(Default::default()).unwrap();
	let endpoints = [format!("http://{address}")];
	let mut fetched = None;
	for _ in 0..100 {
		match blobs::fetch_outcomes(&client, &endpoints, shard(index), TASKS, &report).await {
			Ok(outcomes) => {
				fetched = Some(outcomes);
				break;
			}
			Err(_) => tokio::time::sleep(BLOCK).await,
		}
	}
	let folder = tempfile::tempdir().unwrap();
	for (task, outcome) in (index * TASKS..).zip(fetched.expect("outcomes are served")) {
		let path = folder.path().join(task.to_string());
		blobs::fetch_blob(&client, &endpoints, outcome.output_root, 4096, &path)
			.await
			.unwrap();
		assert_eq!(std::fs::read(&path).unwrap(), input(task));
	}
}

fn echo() -> Vec<u8> {
	wat::parse_str(ECHO).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_goes_its_way_and_its_outputs_are_served_in_custody_only() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0), client.seat(1)]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| state.seals.len() == 2).await;
	let response = reqwest::get(format!("http://{}/outcomes/1/0", agent.address))
		.await
		.unwrap();
	assert_eq!(response.status(), 404, "nothing is given out before custody");
	chain
		.until("custody", |state| state.seats.values().all(|seat| seat.state.is_none()))
		.await;
	for index in 0..2 {
		check_outputs(&chain, agent.address, index).await;
		assert!(chain.count(|tx| *tx == Tx::Accept(shard(index))) <= 1);
	}
	let left = std::fs::read_dir(folder.path().join("work")).unwrap().count();
	assert_eq!(left, 0, "inputs are removed once they were used");
	// The client acknowledges one shard: after a while its outputs are gone, the other's are not.
	chain.state().seats.remove(&shard(0));
	let served = || async {
		let bytes = reqwest::get(format!("http://{}/outcomes/1/0", agent.address))
			.await
			.unwrap();
		bytes.status() == 200
	};
	for _ in 0..200 {
		if !served().await {
			break;
		}
		tokio::time::sleep(BLOCK).await;
	}
	assert!(!served().await);
	check_outputs(&chain, agent.address, 1).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_reports_once_and_computes_no_task_twice() {
	/// Counts what it runs, slowly.
	struct Counting(Wasm, Arc<AtomicU32>);
	struct CountingProgram(Arc<dyn Program>, Arc<AtomicU32>);
	impl Execute for Counting {
		fn load(&self, id: ProgramId, wasm: &[u8], pages: u32) -> Result<Arc<dyn Program>, LoadError> {
			Ok(Arc::new(CountingProgram(self.0.load(id, wasm, pages)?, self.1.clone())))
		}
	}
	impl Program for CountingProgram {
		fn run(&self, task: &Task, input: Vec<u8>, stop: &Stop) -> Result<millrace_agent::exec::Execution, HostError> {
			std::thread::sleep(Duration::from_millis(120));
			if stop.is_requested() {
				return Err(HostError::Stopped);
			}
			self.1.fetch_add(1, Ordering::Relaxed);
			self.0.run(task, input, stop)
		}
	}
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let runs = Arc::new(AtomicU32::new(0));
	let executor = || Arc::new(Counting(Wasm::new(WasmLimits::default()).unwrap(), runs.clone()));
	let moments: [(&str, fn(&State) -> bool); 4] = [
		("accepted", |state| {
			state.seats.values().any(|seat| seat.state == Some(SeatState::Accepted))
		}),
		("sealed", |state| !state.seals.is_empty()),
		("open", |state| state.seats.values().any(|seat| seat.reveal_open)),
		("revealed", |state| !state.reports.is_empty()),
	];
	for (what, moment) in moments {
		let agent = start_with(folder.path(), &chain, executor());
		chain.until(what, moment).await;
		agent.crash().await;
		// Blocking work of this process goes on for a moment, which a real crash would end.
		tokio::time::sleep(Duration::from_millis(1_200)).await;
	}
	let agent = start_with(folder.path(), &chain, executor());
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	check_outputs(&chain, agent.address, 0).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Seal(..))), 1);
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Reveal(..))), 1);
	assert_eq!(runs.load(Ordering::Relaxed), TASKS, "every task ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_transactions_and_lost_connections_are_made_up_for() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	chain.state().lose = 2;
	chain.state().outage = 3;
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| !state.seals.is_empty()).await;
	chain.state().deafen = 1;
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	check_outputs(&chain, agent.address, 0).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Reveal(..))), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_declined_with_the_reason() {
	for (program, expected) in [
		(b"not wasm".to_vec(), DeclineReason::ProgramRefused),
		(
			wat::parse_str(
				r#"(module (import "env" "x" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
			)
			.unwrap(),
			DeclineReason::ProgramRefused,
		),
	] {
		let client = Client::new(program).await;
		let chain = Chain::new(vec![client.seat(0)]);
		let folder = tempfile::tempdir().unwrap();
		let agent = start(folder.path(), &chain);
		chain.until("declined", |state| state.seats.is_empty()).await;
		assert_eq!(chain.state().calls, [Tx::Decline(shard(0), expected)]);
		agent.stop().await;
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_and_altered_data_is_declined_before_the_time_is_over() {
	let mut client = Client::new(echo()).await;
	// One input is not what its root says.
	let root = merkle::data_root(&input(2));
	client.blobs.insert(root, b"altered".to_vec());
	client.server.take().unwrap().shutdown().await;
	client.start().await;
	let soon = AssignmentView {
		due: 14,
		..client.seat(0)
	};
	let unreachable = AssignmentView {
		due: 14,
		endpoints: vec![format!("http://{}", free_address())],
		program: Hash::zero(),
		..client.seat(1)
	};
	let chain = Chain::new(vec![soon, unreachable]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("declined", |state| state.seats.is_empty()).await;
	let calls = chain.state().calls.clone();
	assert!(
		calls.contains(&Tx::Decline(shard(0), DeclineReason::InputsUnavailable)),
		"{calls:?}"
	);
	assert!(
		calls.contains(&Tx::Decline(shard(1), DeclineReason::ProgramUnavailable)),
		"{calls:?}"
	);
	assert_eq!(calls.len(), 2);
	assert!(chain.state().number <= 80);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_in_time_is_served() {
	let mut client = Client::new(echo()).await;
	client.server.take().unwrap().shutdown().await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	tokio::time::sleep(BLOCK * 10).await;
	client.start().await;
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_tasks_are_outcomes_and_a_silent_provider_comes_back() {
	let client = Client::new(echo()).await;
	let poor = AssignmentView {
		gas_limit: 200,
		..client.seat(0)
	};
	let chain = Chain::new(vec![poor]);
	chain.state().status = Some(ProviderStatus::Unresponsive);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	assert_eq!(chain.count(|tx| *tx == Tx::Heartbeat), 1);
	assert_eq!(chain.in_state(0), None);
	let report = chain.state().reports[&shard(0)].1;
	let mut served = None;
	for _ in 0..50 {
		let response = reqwest::get(format!("http://{}/outcomes/1/0", agent.address))
			.await
			.unwrap();
		if response.status() == 200 {
			served = Some(response.bytes().await.unwrap());
			break;
		}
		tokio::time::sleep(BLOCK).await;
	}
	let outcomes = Vec::<Outcome>::decode_all(&mut &served.unwrap()[..]).unwrap();
	assert_eq!(outcome::report(&outcomes), report);
	assert!(outcomes
		.iter()
		.all(|outcome| outcome.status == outcome::Status::Failed && outcome.gas_used == 200));
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_and_a_data_directory_in_use_are_named() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	let executor = || Arc::new(Wasm::new(WasmLimits::default()).unwrap());
	let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	let address = taken.local_addr().unwrap();
	let agent = Agent::new(folder.path(), config(address), chain.clone(), executor()).unwrap();
	let second = Agent::new(folder.path(), config(free_address()), chain.clone(), executor())
		.err()
		.unwrap();
	assert!(second.to_string().contains("another agent"), "{second}");
	let error = agent.run(std::future::pending(), || {}).await.unwrap_err();
	assert!(error.to_string().contains(&address.to_string()), "{error}");
	let file = other.path().join("file");
	std::fs::write(&file, b"").unwrap();
	assert!(Agent::new(&file, config(address), chain, executor()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_are_served_when_asked_for() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let metrics = free_address();
	let config = Config {
		metrics: Some(metrics),
		..config(free_address())
	};
	let executor = Arc::new(Wasm::new(WasmLimits::default()).unwrap());
	let agent = Agent::new(folder.path(), config, chain.clone(), executor).unwrap();
	let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
	let running = tokio::spawn(agent.run(
		async move {
			let _ = stopped.await;
		},
		|| {},
	));
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	let text = reqwest::get(format!("http://{metrics}/metrics"))
		.await
		.unwrap()
		.text()
		.await
		.unwrap();
	assert!(
		text.contains("millrace_agent_tasks_total{kind=\"success\"} 6"),
		"{text}"
	);
	assert!(
		text.contains("millrace_agent_transactions_total{kind=\"seal\"} 1"),
		"{text}"
	);
	assert_eq!(
		reqwest::get(format!("http://{metrics}/health")).await.unwrap().status(),
		200
	);
	stop.send(()).unwrap();
	running.await.unwrap().unwrap();
}

fn wasm() -> Arc<Wasm> {
	Arc::new(Wasm::new(WasmLimits::default()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_disk_is_declined_before_anything_is_fetched() {
	let client = Client::new(echo()).await;
	let large = AssignmentView {
		output_limit: 64 << 20,
		// Nobody is there, which nobody must find out.
		endpoints: vec![format!("http://{}", free_address())],
		..client.seat(1)
	};
	let chain = Chain::new(vec![client.seat(0), large]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| {
			state.seats[&shard(0)].state.is_none() && state.seats.len() == 1
		})
		.await;
	let declines = chain.count(|tx| *tx == Tx::Decline(shard(1), DeclineReason::NoCapacity));
	assert_eq!(declines, 1);
	agent.stop().await;
}

/// What the next test does in a process that soon cannot write to any file.
async fn reveal_on_a_full_disk(folder: &Path) {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	chain.state().hold = true;
	let agent = start(folder, &chain);
	chain.until("sealed", |state| !state.seals.is_empty()).await;
	let lowered = std::process::Command::new("prlimit")
		.args(["--fsize=0:", "--pid", &std::process::id().to_string()])
		.status();
	assert!(lowered.unwrap().success());
	assert!(std::fs::write(folder.join("full"), b"?").is_err());
	chain.state().hold = false;
	chain.state().seats.insert(shard(1), client.seat(1));
	chain.until("revealed", |state| !state.reports.is_empty()).await;
	chain
		.until("declined", |state| !state.seats.contains_key(&shard(1)))
		.await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Reveal(..))), 1);
	let declined = Tx::Decline(shard(1), DeclineReason::NoCapacity);
	assert_eq!(chain.count(|tx| *tx == declined), 1);
	println!("survived");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_reveal_and_new_work_is_declined() {
	// The test starts itself, so that the limit on the size of files is its own.
	if let Ok(folder) = std::env::var("MILLRACE_TEST_FULL") {
		return reveal_on_a_full_disk(Path::new(&folder)).await;
	}
	let folder = tempfile::tempdir().unwrap();
	let output = std::process::Command::new("sh")
		.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
		.arg(std::env::current_exe().unwrap())
		.args([
			"--exact",
			"a_full_disk_costs_no_reveal_and_new_work_is_declined",
			"--nocapture",
		])
		.env("MILLRACE_TEST_FULL", folder.path())
		.output()
		.unwrap();
	let text = String::from_utf8_lossy(&output.stdout);
	let errors = String::from_utf8_lossy(&output.stderr);
	assert!(output.status.success() && text.contains("survived"), "{text}{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_room_counts_until_the_work_is_done_also_over_a_restart() {
	/// Computes once it is allowed to.
	struct Waiting(Arc<Wasm>, Arc<AtomicBool>);
	struct WaitingProgram(Arc<dyn Program>, Arc<AtomicBool>);
	impl Execute for Waiting {
		fn load(&self, id: ProgramId, wasm: &[u8], pages: u32) -> Result<Arc<dyn Program>, LoadError> {
			Ok(Arc::new(WaitingProgram(self.0.load(id, wasm, pages)?, self.1.clone())))
		}
	}
	impl Program for WaitingProgram {
		fn run(&self, task: &Task, input: Vec<u8>, stop: &Stop) -> Result<millrace_agent::exec::Execution, HostError> {
			while !self.1.load(Ordering::Relaxed) {
				if stop.is_requested() {
					return Err(HostError::Stopped);
				}
				std::thread::sleep(Duration::from_millis(10));
			}
			self.0.run(task, input, stop)
		}
	}
	let client = Client::new(echo()).await;
	// Two of these do not fit into 100 MiB, whatever they really write.
	let seat = |index| AssignmentView {
		output_limit: 9 << 20,
		..client.seat(index)
	};
	let chain = Chain::new(vec![seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let go = Arc::new(AtomicBool::new(false));
	let executor = || Arc::new(Waiting(wasm(), go.clone()));
	let agent = start_with(folder.path(), &chain, executor());
	chain
		.until("accepted", |state| {
			state.seats[&shard(0)].state == Some(SeatState::Accepted)
		})
		.await;
	let declined = || async {
		let before = chain.count(|tx| *tx == Tx::Decline(shard(1), DeclineReason::NoCapacity));
		let round = u8::try_from(before).unwrap();
		chain
			.state()
			.seats
			.insert(shard(1), AssignmentView { round, ..seat(1) });
		chain
			.until("declined", |state| !state.seats.contains_key(&shard(1)))
			.await;
		assert_eq!(
			chain.count(|tx| *tx == Tx::Decline(shard(1), DeclineReason::NoCapacity)),
			before + 1
		);
	};
	declined().await;
	agent.crash().await;
	tokio::time::sleep(Duration::from_millis(300)).await;
	let agent = start_with(folder.path(), &chain, executor());
	declined().await;
	go.store(true, Ordering::Relaxed);
	chain.until("sealed", |state| state.seals.contains_key(&shard(0))).await;
	chain
		.state()
		.seats
		.insert(shard(1), AssignmentView { round: 7, ..seat(1) });
	chain
		.until("custody", |state| {
			let seat = state.seats.get(&shard(1));
			seat.is_some_and(|seat| seat.state.is_none())
		})
		.await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_holds_up_its_own_job_only() {
	let client = Client::new(echo()).await;
	// Takes connections and never answers.
	let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = silent.local_addr().unwrap();
	tokio::spawn(async move {
		let mut connections = Vec::new();
		while let Ok(connection) = silent.accept().await {
			connections.push(connection);
		}
	});
	let stuck = (2..14).map(|index| AssignmentView {
		program: Hash::repeat_byte(9),
		endpoints: vec![format!("http://{address}")],
		..client.seat(index)
	});
	let chain = Chain::new(stuck.collect());
	let folder = tempfile::tempdir().unwrap();
	let agent = start_as(
		folder.path(),
		&chain,
		wasm(),
		Config {
			disk_mib: 1_000,
			..config(free_address())
		},
	);
	tokio::time::sleep(BLOCK * 10).await;
	let before = chain.state().number;
	chain.state().seats.insert(shard(0), client.seat(0));
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	// Long before the silent server's fetches are given up.
	assert!(Duration::from_secs(12) > BLOCK * (chain.state().number - before));
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Decline(..))), 0);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_ends_with_the_seats_deadline() {
	let client = Client::new(echo()).await;
	let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let stuck = AssignmentView {
		due: 9,
		endpoints: vec![format!("http://{}", silent.local_addr().unwrap())],
		..client.seat(0)
	};
	let chain = Chain::new(vec![stuck]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("declined", |state| state.seats.is_empty()).await;
	assert!(matches!(chain.state().calls[..], [Tx::Decline(..)]));
	assert!(chain.state().now() <= 9);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_public_are_not_asked_unless_the_operator_says_so() {
	let client = Client::new(echo()).await;
	// Counts who comes, and answers nobody.
	let inside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let port = inside.local_addr().unwrap().port();
	let visits = Arc::new(AtomicU32::new(0));
	let counted = visits.clone();
	tokio::spawn(async move {
		while inside.accept().await.is_ok() {
			counted.fetch_add(1, Ordering::Relaxed);
		}
	});
	let seat = AssignmentView {
		endpoints: vec![
			format!("http://127.0.0.1:{port}"),
			format!("http://localhost:{port}"),
			format!("http://[::ffff:127.0.0.1]:{port}"),
		],
		..client.seat(0)
	};
	let chain = Chain::new(vec![seat]);
	let folder = tempfile::tempdir().unwrap();
	let careful = Config {
		allow_private_addresses: false,
		..config(free_address())
	};
	let agent = start_as(folder.path(), &chain, wasm(), careful);
	chain.until("declined", |state| state.seats.is_empty()).await;
	assert_eq!(
		chain.state().calls,
		[Tx::Decline(shard(0), DeclineReason::ProgramUnavailable)]
	);
	assert_eq!(visits.load(Ordering::Relaxed), 0);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_machine_is_too_slow_for_is_declined_but_on_a_development_chain() {
	let client = Client::new(echo()).await;
	// The chain allows 20 blocks, or 6 s: 30 million gas at a twentieth of 100 Mgas/s just fit, twice as much does not.
	let (fits, slow) = (4_900_000, 9_800_000);
	let run = |gas_limit, is_local| {
		let seat = AssignmentView {
			gas_limit,
			..client.seat(0)
		};
		async move {
			let chain = Chain::new(vec![seat]);
			chain.state().is_local = is_local;
			let folder = tempfile::tempdir().unwrap();
			let measured = Config {
				benchmark_mgas: Some(100),
				slots: 1,
				..config(free_address())
			};
			let agent = start_as(folder.path(), &chain, wasm(), measured);
			chain.until("decided", |state| !state.calls.is_empty()).await;
			agent.stop().await;
			let first = chain.state().calls[0].clone();
			first
		}
	};
	let declined = Tx::Decline(shard(0), DeclineReason::NoCapacity);
	assert_ne!(run(fits, false).await, declined);
	assert_eq!(run(slow, false).await, declined);
	assert_ne!(run(slow, true).await, declined);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_served_and_forgotten_among_many_in_custody_which_are_read_seldom() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0), client.seat(1)]);
	let others = (100..700).map(|index| AssignmentView {
		state: None,
		..client.seat(index)
	});
	let others: Vec<_> = others.map(|seat| (seat.shard, seat)).collect();
	chain.state().seats.extend(others);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| state.seats.values().all(|seat| seat.state.is_none()))
		.await;
	for index in 0..2 {
		check_outputs(&chain, agent.address, index).await;
	}
	chain.state().seats.remove(&shard(0));
	let kept = |index| {
		let url = format!("http://{}/outcomes/1/{index}", agent.address);
		async move { reqwest::get(url).await.unwrap().status() == 200 }
	};
	for _ in 0..200 {
		if !kept(0).await {
			break;
		}
		tokio::time::sleep(BLOCK).await;
	}
	assert!(!kept(0).await && kept(1).await);
	let (reads, blocks) = {
		let state = chain.state();
		(state.custody_reads, state.number - 10)
	};
	assert!(
		reads >= 3 && reads * CUSTODY_PAUSE * 3 < blocks,
		"{reads} reads in {blocks} blocks"
	);
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}
