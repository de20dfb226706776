//! The chain that the tests play, a client's server, and agents on them.

use crate::rival::Court;
use codec::Encode;
use futures::{stream::BoxStream, StreamExt};
use millrace_agent::{
	config::Watch,
	db::DbError,
	decide::{terms, Custody, Snapshot, Standing, View},
	exec::{replay::matter_of_seat, Execute, Named},
	market::{Heads, Market, Nature, Purse, SubmitError, Tx},
	seat::{task_count, FIRST_DRAWN},
	Agent, AgentError, Config, Wasm, WasmLimits,
};
use millrace_client::{
	blobs::{self, Blob, BlobStore},
	Error, Head,
};
use millrace_court::{
	demand::{Answer, Part},
	sums::ShownLeaf,
};
use millrace_primitives::{
	api::{AssignmentView, CaseSeat, CaseStage, CaseView, DemandView, ProviderView},
	job::SeatState,
	machine::{address as blob_address, blob, EMPTY_BLOB},
	merkle,
	outcome::{self, SealContext},
	provider::{ClassSet, HardwareClass, ProviderStatus, Region},
	traits::Freezable,
	AccountId, Balance, BlockNumber, Hash, JobId, Limits, MarketBlock, Report, ShardId, ENGINE_VERSION, MILL,
};
use std::{
	collections::{HashMap, VecDeque},
	net::SocketAddr,
	path::Path,
	sync::{Arc, Mutex, MutexGuard},
	time::Duration,
};

pub const BLOCK: Duration = Duration::from_millis(60);
pub const TASKS: u32 = 6;

pub fn shard(index: u32) -> ShardId {
	ShardId { job: JobId(1), index }
}

pub fn provider() -> AccountId {
	AccountId::from([7; 32])
}

pub fn operator() -> AccountId {
	AccountId::from([8; 32])
}

/// What the client of the job serves.
pub struct Client {
	pub blobs: HashMap<Hash, Vec<u8>>,
	pub list: Vec<Hash>,
	pub server: Option<blobs::Server>,
	pub url: String,
	pub program: Named,
}

pub struct Served(HashMap<Hash, Vec<u8>>, Vec<Hash>);

impl BlobStore for Served {
	fn open(&self, root: Hash) -> Option<Blob> {
		self.0.get(&root).map(|bytes| Blob::Bytes(bytes.clone().into()))
	}
	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		(merkle::list_root(&self.1) == root).then(|| Arc::new(self.1.clone()))
	}
}

pub fn input(task: u32) -> Vec<u8> {
	format!("input {task} ").repeat(task as usize).into_bytes()
}

/// Writes its input to its output.
pub const ECHO: &str = r#"(module
	(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1)
	(data (i32.const 0) "\40\00\00\00\00\40\00\00")
	(func (export "_start")
		(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
		(i32.store (i32.const 4) (i32.load (i32.const 8)))
		(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// What the chain knows of a module; of one that is none, what its publisher claims.
fn named(wasm: &[u8]) -> Named {
	Named::of(wasm).unwrap_or_else(|_| Named {
		id: merkle::data_root(wasm),
		module: blob(wasm).unwrap(),
		..Named::of(&echo()).unwrap()
	})
}

impl Client {
	pub async fn new(program: Vec<u8>) -> Self {
		let mut blobs = HashMap::new();
		let inputs: Vec<_> = (0..2 * TASKS).map(input).collect();
		let list = inputs.iter().map(|input| merkle::data_root(input)).collect();
		let program_named = named(&program);
		for bytes in inputs.into_iter().chain([program]) {
			blobs.insert(merkle::data_root(&bytes), bytes);
		}
		let mut client = Self {
			blobs,
			list,
			server: None,
			url: String::new(),
			program: program_named,
		};
		client.start().await;
		client
	}

	pub async fn start(&mut self) {
		let address = self.url.strip_prefix("http://").unwrap_or("127.0.0.1:0").to_string();
		let listener = tokio::net::TcpListener::bind(address).await.unwrap();
		let store = Arc::new(Served(self.blobs.clone(), self.list.clone()));
		let server = blobs::serve(listener, store).unwrap();
		self.url = format!("http://{}", server.local_addr());
		self.server = Some(server);
	}

	pub fn seat(&self, index: u32) -> AssignmentView {
		AssignmentView {
			shard: shard(index),
			seat: 1,
			round: 3,
			state: Some(SeatState::Assigned),
			held: false,
			reveal_open: false,
			due: 100_000,
			decline_by: 100_000,
			leave_from: u32::MAX,
			sample: None,
			shown: vec![1, 4],
			engine: ENGINE_VERSION,
			program: self.program.id,
			roots: self.program.roots,
			module: self.program.module,
			image: None,
			setup: EMPTY_BLOB,
			input_root: merkle::list_root(&self.list),
			job_tasks: 2 * TASKS,
			first_task: index * TASKS,
			tasks: TASKS,
			limits: Limits {
				gas: 1_000_000,
				memory_pages: 16,
				output: 4096,
			},
			input_limit: 4096,
			endpoints: vec![self.url.clone()],
		}
	}
}

impl Client {
	/// A seat that the court drew to compute a part of a shard.
	pub fn audit(&self, index: u32, sample: &[u32]) -> AssignmentView {
		AssignmentView {
			seat: FIRST_DRAWN + 2,
			round: 0,
			state: Some(SeatState::Accepted),
			sample: Some(sample.to_vec()),
			shown: sample.to_vec(),
			..self.seat(index)
		}
	}
}

/// The chain: blocks at a steady pace, finality two blocks behind.
#[derive(Clone)]
pub struct Chain(pub Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
	pub snapshots: VecDeque<Snapshot>,
	/// What is in custody in the same blocks.
	pub kept: VecDeque<Custody>,
	/// How often that was asked for.
	pub custody_reads: u32,
	/// Seals stay closed.
	pub hold: bool,
	/// The other seats of shards are not accepted.
	pub waits: bool,
	/// The chain is for development.
	pub is_local: bool,
	pub number: BlockNumber,
	pub seats: HashMap<ShardId, AssignmentView>,
	pub seals: HashMap<ShardId, (BlockNumber, Hash)>,
	pub reports: HashMap<ShardId, (BlockNumber, Report)>,
	/// Shards in which others alone have seats, as who watches them computes them.
	pub singles: HashMap<ShardId, AssignmentView>,
	/// Of which of these reports were opened in which blocks.
	pub opened: Vec<(BlockNumber, ShardId)>,
	/// What the operator has to accuse others with.
	pub purse: Purse,
	/// What is frozen.
	pub frozen: Vec<Freezable>,
	/// What is demanded of outputs in custody.
	pub demands: Vec<DemandView>,
	/// What is played about shards.
	pub courts: HashMap<ShardId, Court>,
	/// Whom seats are drawn to check, where nothing is played.
	pub peers: Vec<CaseSeat>,
	/// Whose data cannot be had, as their providers said.
	pub called: Vec<ShardId>,
	/// Whether no more of them are heard.
	pub full: bool,
	pub calls: Vec<Tx>,
	/// What was included, with what it offered.
	pub tips: Vec<(Tx, Balance)>,
	/// Blocks have room for those only who offer so much.
	pub least_tip: Balance,
	/// The operator can pay fees, and no tips.
	pub poor: bool,
	/// How often a tip was refused: it could not be paid, or what it was offered for was in a block.
	pub refused_tips: u32,
	/// Finality does not go on.
	pub stalled: bool,
	/// So many submissions get lost.
	pub lose: u32,
	/// So many submissions are included, but nobody hears of it.
	pub deafen: u32,
	/// So many requests fail.
	pub outage: u32,
	pub wrong: Vec<String>,
	pub last_seen: BlockNumber,
	pub status: Option<ProviderStatus>,
}

impl Chain {
	pub fn new(seats: Vec<AssignmentView>) -> Self {
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

	pub fn state(&self) -> MutexGuard<'_, State> {
		self.0.lock().unwrap()
	}

	pub async fn until(&self, what: &str, reached: impl Fn(&State) -> bool) {
		for _ in 0..600 {
			if reached(&self.state()) {
				return;
			}
			tokio::time::sleep(Duration::from_millis(50)).await;
		}
		let state = self.state();
		panic!("not reached: {what}; calls {:?}; seats {:?}", state.calls, state.seats);
	}

	pub fn in_state(&self, index: u32) -> Option<SeatState> {
		self.state().seats[&shard(index)].state
	}

	/// How often a call of this kind was included.
	pub fn count(&self, matches: impl Fn(&Tx) -> bool) -> usize {
		self.state().calls.iter().filter(|tx| matches(tx)).count()
	}
}

impl State {
	/// The market's clock: slow, since blocks here are much faster than any agent looks.
	pub fn now(&self) -> BlockNumber {
		self.number / 5
	}

	pub fn grow(&mut self) {
		self.number += 1;
		for (shard, (at, _)) in &self.seals {
			if let Some(seat) = self.seats.get_mut(shard) {
				seat.reveal_open |= seat.state == Some(SeatState::Sealed) && self.number >= at + 2 && !self.hold;
			}
		}
		let (number, now) = (self.number, self.now());
		for (shard, (at, report)) in &self.reports {
			let Some(seat) = self.seats.get_mut(shard) else {
				continue;
			};
			let over = match self.courts.get_mut(shard) {
				Some(court) => court.pass(seat, report, &matter_of_seat(seat), now),
				None => number == at + 2,
			};
			if over && seat.seat < FIRST_DRAWN {
				seat.state = None;
			} else if over {
				self.seats.remove(shard);
			}
		}
		for (shard, seat) in &self.singles {
			if let Some(court) = self.courts.get_mut(shard) {
				court.pass_by(seat, &matter_of_seat(seat), number, now);
			}
		}
		for seat in self.seats.values_mut() {
			// The other seats are accepted a little later.
			let accepted = seat.state == Some(SeatState::Accepted) && seat.seat < FIRST_DRAWN;
			seat.held |= accepted && self.number % 3 == 0 && !self.waits;
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

	pub fn apply(&mut self, tx: &Tx) -> Result<(), String> {
		self.calls.push(tx.clone());
		let (number, now, finalized) = (self.number, self.now(), self.snapshots[0].clone());
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
			Tx::SealMany(items) => {
				for (shard, seal) in items {
					self.apply(&Tx::Seal(*shard, *seal))?;
				}
			}
			Tx::RevealMany(items) => {
				for item in items {
					self.apply(&Tx::Reveal(item.clone()))?;
				}
			}
			Tx::Seal(shard, seal) => {
				let seat = self.seats.get_mut(shard).ok_or("no such seat")?;
				let drawn = seat.seat >= FIRST_DRAWN;
				if seat.state != Some(SeatState::Accepted) || !(seat.held || drawn) {
					self.wrong
						.push(format!("sealed in {:?}, held: {}", seat.state, seat.held));
					return Err("NotNow".into());
				}
				seat.state = Some(SeatState::Sealed);
				self.seals.insert(*shard, (number, *seal));
			}
			Tx::Reveal(item) => {
				let (shard, report) = (&item.shard, &item.report);
				let seat = self.seats.get_mut(shard).unwrap();
				let context = SealContext {
					genesis: &GENESIS,
					shard: *shard,
					seat: seat.seat,
					round: seat.round,
					account: &provider(),
				};
				let seal = outcome::seal(context, report, &item.salt);
				if seat.state != Some(SeatState::Sealed) || self.seals[shard].1 != seal {
					self.wrong
						.push(format!("revealed in {:?}, or another seal", seat.state));
					return Err("SealMismatch".into());
				}
				let count = task_count(seat);
				let shown: Vec<u32> = match &seat.sample {
					Some(_) => (0..count).collect(),
					None => seat.shown.clone(),
				};
				let fits = |(leaf, task): (&ShownLeaf, &u32)| leaf.is_of(report, count, *task, seat.limits.gas);
				if shown.len() != item.shown.len() || !item.shown.iter().zip(&shown).all(fits) {
					self.wrong.push("other leaves are shown".into());
					return Err("WrongLeaves".into());
				}
				if !finalized.seats[&(&*seat).into()].reveal_open {
					self.wrong.push("revealed before the seals were finalized".into());
				}
				seat.state = Some(SeatState::Revealed);
				self.reports.insert(*shard, (number, *report));
			}
			Tx::DeclineDrawn(shard) | Tx::Unavailable(shard) if self.called.contains(shard) => {
				return Err("WrongSeat".into());
			}
			Tx::DeclineDrawn(shard) => {
				self.seats.remove(shard);
			}
			Tx::Unavailable(_) if self.full => return Err("NoRoom".into()),
			Tx::Unavailable(shard) => self.called.push(*shard),
			Tx::Attack(shard, target) => {
				let (seat, (_, report)) = (self.seats[shard].clone(), self.reports[shard]);
				self.court(shard)?.attack(&seat, &report, *target, now)?;
			}
			Tx::Play(shard, board, action) => {
				let seat = self
					.seats
					.get(shard)
					.or(self.singles.get(shard))
					.ok_or("no such seat")?;
				let matter = matter_of_seat(seat);
				let played = self.court(shard)?.play(&matter, *board, action, now);
				if let Err(error) = &played {
					self.wrong.push(error.clone());
				}
				played?;
			}
			Tx::Time(shard, board) => self.court(shard)?.time(*board, now)?,
			Tx::Answer(shard, task, answer) => {
				let chunk = match answer.part() {
					Part::Outcome => None,
					Part::Chunk(chunk) => Some(chunk),
				};
				let open = self
					.demands
					.iter()
					.position(|demand| (demand.shard, demand.task, demand.chunk) == (*shard, *task, chunk));
				let Some(open) = open else {
					self.wrong
						.push(format!("answered what nobody demands: {task} {chunk:?}"));
					return Err("NotDemanded".into());
				};
				let seat = &self.seats[shard];
				let is_shown = match &**answer {
					Answer::Outcome(shown) => shown.is_of(&self.reports[shard].1, seat.tasks, *task, seat.limits.gas),
					Answer::Chunk(shown) => shown.is_of(&blob(&input(seat.first_task + task)).unwrap()),
				};
				if !is_shown {
					self.wrong.push("showed something else".into());
					return Err("NotShown".into());
				}
				self.demands.remove(open);
			}
			Tx::Accuse(shard, target, report, bond) => {
				let seat = self.singles.get(shard).cloned().ok_or("no such shard")?;
				let held = self.court(shard)?.accuse(&seat, report, (*target, *bond), now)?;
				self.purse.free = self.purse.free.checked_sub(held).ok_or("CannotPay")?;
				self.purse.accused += held;
			}
			Tx::Pull(shard, board) => self.court(shard)?.pull(*board)?,
			Tx::Heartbeat => self.status = None,
		}
		self.last_seen = self.now();
		Ok(())
	}
}

impl State {
	fn court(&mut self, shard: &ShardId) -> Result<&mut Court, String> {
		self.courts.get_mut(shard).ok_or("no case".into())
	}
}

pub const GENESIS: Hash = Hash::repeat_byte(0x99);

pub fn head(number: BlockNumber) -> Head {
	Head {
		number,
		hash: Hash::from_low_u64_be(number.into()),
	}
}

impl Market for Chain {
	fn genesis(&self) -> Hash {
		GENESIS
	}

	fn secret(&self, what: &[u8]) -> [u8; 32] {
		merkle::hash(&(b"the operator's key", what).encode()).0
	}

	async fn case(&self, at: Head, shard: ShardId) -> Result<Option<CaseView>, Error> {
		let mut state = self.state();
		let report = state.reports.get(&shard).map(|(_, report)| *report);
		let seat = state.seats.get(&shard).cloned();
		let peers = state.peers.clone();
		let Some(court) = state.courts.get_mut(&shard) else {
			return Ok((!peers.is_empty()).then(|| CaseView {
				shard,
				stage: CaseStage::Auditing,
				next: 100_000,
				drawn: Some(true),
				seats: peers,
				attacks: Vec::new(),
				bond: 0,
				boards: Vec::new(),
			}));
		};
		court.reads.push(at.number);
		if let Some(seat) = state.singles.get(&shard).cloned() {
			return Ok(state.courts[&shard].seen_by_watchers(&seat, at.number));
		}
		let court = &state.courts[&shard];
		Ok(seat.zip(report).map(|(seat, report)| court.view(&seat, &report)))
	}

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

	fn account(&self) -> AccountId {
		operator()
	}

	async fn frozen(&self, _: Head) -> Result<Vec<Freezable>, Error> {
		Ok(self.state().frozen.clone())
	}

	async fn purse(&self, _: Head) -> Result<Purse, Error> {
		Ok(self.state().purse)
	}

	async fn revealed(&self, number: BlockNumber) -> Result<Vec<ShardId>, Error> {
		let state = self.state();
		let opened = state.opened.iter().filter(|(at, _)| *at == number);
		Ok(opened.map(|(_, shard)| *shard).collect())
	}

	async fn single(&self, _: Head, shard: ShardId) -> Result<Option<AssignmentView>, Error> {
		Ok(self.state().singles.get(&shard).cloned())
	}

	async fn custody(&self, _: Head) -> Result<Custody, Error> {
		let mut state = self.state();
		state.custody_reads += 1;
		Ok(state.kept[0].clone())
	}

	async fn demands(&self, _: Head) -> Result<Vec<DemandView>, Error> {
		Ok(self.state().demands.clone())
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
			operator: operator(),
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

	async fn submit(&self, tx: Tx, tip: Balance) -> Result<BlockNumber, SubmitError> {
		if tip > 0 && self.state().tips.iter().any(|(same, _)| *same == tx) {
			self.state().refused_tips += 1;
			return Err(SubmitError::NotDue("it is done".into()));
		}
		tokio::time::sleep(BLOCK).await;
		if tip > 0 && self.state().poor {
			self.state().refused_tips += 1;
			return Err(SubmitError::CannotPay("a tip".into()));
		}
		while tip < self.state().least_tip {
			tokio::time::sleep(BLOCK).await;
		}
		if self.state().tips.iter().any(|(same, more)| *same == tx && tip < *more) {
			return Err(SubmitError::NotIncluded("another took its place".into()));
		}
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
			state.tips.push((tx, tip));
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
	pub async fn until_finalized(&self, number: BlockNumber) {
		while self.state().stalled || self.state().number < number + 2 {
			tokio::time::sleep(BLOCK / 4).await;
		}
	}
}

/// What the agent offers when time is short.
pub const TIP: Balance = 17;

pub fn config(listen: SocketAddr) -> Config {
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
		tip: TIP,
		watch: Watch::Own,
		watch_budget: 100 * MILL,
		allow_private_addresses: true,
		benchmark_mgas: None,
	}
}

pub fn free_address() -> SocketAddr {
	std::net::TcpListener::bind("127.0.0.1:0")
		.unwrap()
		.local_addr()
		.unwrap()
}

pub struct Running {
	pub task: tokio::task::JoinHandle<Result<(), AgentError>>,
	pub stop: tokio::sync::oneshot::Sender<()>,
	pub address: SocketAddr,
}

pub fn start(data: &Path, chain: &Chain) -> Running {
	start_with(data, chain, Arc::new(Wasm::new(WasmLimits::default()).unwrap()))
}

pub fn start_with(data: &Path, chain: &Chain, executor: Arc<dyn Execute>) -> Running {
	start_as(data, chain, executor, config(free_address()))
}

pub fn start_as(data: &Path, chain: &Chain, executor: Arc<dyn Execute>, config: Config) -> Running {
	let address = config.listen;
	// What a crash left under way in this process has the database open until it ends.
	let mut tries = 0;
	let agent = loop {
		match Agent::new(data, config.clone(), chain.clone(), executor.clone()) {
			Err(AgentError::Database(DbError::InUse(_))) if tries < 100 => std::thread::sleep(BLOCK),
			agent => break agent.unwrap(),
		}
		tries += 1;
	};
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
	pub async fn stop(self) {
		self.stop.send(()).unwrap();
		self.task.await.unwrap().unwrap();
	}

	/// Ends it at once, as a crash would. What was submitted goes on.
	pub async fn crash(self) {
		self.task.abort();
		assert!(self.task.await.unwrap_err().is_cancelled());
	}
}

/// Fetches what a shard's provider serves, as its client does, and compares it with the inputs.
pub async fn check_outputs(chain: &Chain, address: SocketAddr, index: u32) {
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
		blobs::fetch_blob(&client, &endpoints, blob_address(&outcome.output), 4096, &path)
			.await
			.unwrap();
		assert_eq!(std::fs::read(&path).unwrap(), input(task));
	}
}

pub fn echo() -> Vec<u8> {
	wat::parse_str(ECHO).unwrap()
}
pub fn wasm() -> Arc<Wasm> {
	Arc::new(Wasm::new(WasmLimits::default()).unwrap())
}
