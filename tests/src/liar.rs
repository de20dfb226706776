//! Providers that forge what they report, run by a real agent.
//!
//! ```text
//!  agent ─ Lying executor ─► forged outcomes ─► sealed and opened as if they were right
//!    └── Veil before the chain: it is shown no case, since it would not defend what its machine did not compute
//!  beside it, with the operator's key: Lie, a run that is wrong from some step on ─► boards are played to the end
//! ```
//!
//! What the executor was given and said of it is noted, by the seeds of tasks; from that a [`Lie`] is played.

use crate::{
	key,
	ledger::operator_of,
	provider::{config, drawable, register, Inside},
	Node,
};
use codec::DecodeAll;
use futures::stream::BoxStream;
use millrace_agent::{
	court::view::{is_standing, parts, seat_of, Party},
	decide::{Custody, View},
	exec::{
		play::{Player, Trouble},
		replay::{matter_of_seat, Begun, Input, NoRun, Replay, Replayer},
		Budget, Execution, HostError, LoadError, Named, Program, Side, Stop, Supply,
	},
	market::{Heads, Nature, Purse, SubmitError, Tx},
	seat::tasks,
	Agent, Connection, Execute, Market, Wasm, WasmLimits,
};
use millrace_client::{
	blobs::{self, Client},
	calls, At, Chain, Error, Head, Keypair,
};
use millrace_court::board::{Board, Move};
use millrace_exec::lying::LyingRun;
use millrace_primitives::{
	api::{AssignmentView, CaseView, DemandView, ProviderView},
	job::SeatState,
	machine::{blob, task_seed},
	merkle,
	traits::Freezable,
	AccountId, Balance, BlockNumber, Hash, Limits, MarketBlock, Matter, Outcome, ProgramId, ShardId,
};
use std::{
	collections::{HashMap, HashSet},
	future::Future,
	path::Path,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};
use tempfile::TempDir;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};

/// The output of a forged task.
const FORGED: &[u8] = b"a lie";

/// How an outcome is forged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forgery {
	/// Another output.
	Output,
	/// The right output for nothing.
	NoGas,
	/// The right output for all the gas that the task may use.
	AllGas,
	/// The right output, and a hundredth more gas.
	MoreGas,
}

impl Forgery {
	/// What is said instead of what is right.
	pub fn of(self, right: &Outcome, limits: &Limits) -> Outcome {
		let gas = right.gas_used;
		match self {
			Self::Output => Outcome {
				output: blob(FORGED).expect("it is short"),
				..*right
			},
			Self::NoGas => Outcome { gas_used: 0, ..*right },
			Self::AllGas => Outcome {
				gas_used: limits.gas,
				..*right
			},
			Self::MoreGas => Outcome {
				gas_used: (gas + gas / 100 + 1).min(limits.gas),
				..*right
			},
		}
	}
}

/// What a liar does.
#[derive(Clone, Debug)]
pub struct Plan {
	/// How it forges shards, in turn by their index; none where it is honest.
	pub forgeries: Vec<Option<Forgery>>,
	/// The tasks that it forges, counted from the shard's first.
	pub tasks: std::ops::Range<u32>,
	/// What part of a run it shows as it is, in thousandths: the next step is wrong, and all after it.
	pub truth: u64,
	/// Whether it plays its boards, or is silent on them.
	pub plays: bool,
	/// Whether it attacks who contradicts it, and does not wait to be attacked.
	pub attacks: bool,
	/// How long it waits before it looks again: how slowly it plays.
	pub pace: Duration,
}

impl Default for Plan {
	/// Another output of all tasks, defended by a step that is wrong late in the run.
	fn default() -> Self {
		Self {
			forgeries: vec![Some(Forgery::Output)],
			tasks: 0..u32::MAX,
			truth: 900,
			plays: true,
			attacks: false,
			pace: Duration::from_millis(200),
		}
	}
}

/// A lying provider inside the test.
pub async fn start(node: &Node, owner: &str, plan: Plan) -> Inside {
	let dir = TempDir::new().expect("a temporary directory can be made");
	let (agent, player) = begin(&node.url(), owner, dir.path(), plan).await;
	let tasks = vec![tokio::spawn(agent), tokio::spawn(player)];
	drawable(&node.chain().await, owner).await;
	Inside { tasks, _dir: dir }
}

/// Registers a lying provider and works as it for ever, with this data directory. Calls `ready` when it can be drawn.
pub async fn run(url: &str, owner: &str, data: &Path, plan: Plan, ready: impl FnOnce()) {
	let (agent, player) = begin(url, owner, data, plan).await;
	let announce = async {
		let chain = Chain::connect(url).await.expect("the node was reached before");
		drawable(&chain, owner).await;
		ready();
	};
	tokio::join!(agent, player, announce);
}

/// Registers a lying provider. What its agent does, and what plays for it.
async fn begin(
	url: &str,
	owner: &str,
	data: &Path,
	plan: Plan,
) -> (impl Future<Output = ()>, impl Future<Output = ()>) {
	let chain = Chain::connect(url)
		.await
		.unwrap_or_else(|error| panic!("cannot connect: {error}"));
	let config = config(url, data);
	register(&chain, owner, &config).await;
	let lies = Arc::new(Lies {
		plan,
		known: Mutex::default(),
	});
	let operator = key(&operator_of(owner));
	let executor = Lying {
		honest: Wasm::new(WasmLimits::default()).expect("this machine executes programs"),
		lies: lies.clone(),
	};
	let market = Veil {
		chain: Connection::new(chain.clone(), operator.clone()),
		lies: lies.clone(),
	};
	let endpoint = config.endpoint.clone();
	let agent = Agent::new(data, config, market, Arc::new(executor)).expect("the agent has its data");
	let agent = async move {
		let ended = agent.run(std::future::pending(), || {}).await;
		panic!("the lying agent ended: {ended:?}");
	};
	let table = Table {
		chain,
		account: key(owner).account(),
		endpoint,
		operator,
		lies,
		players: HashMap::new(),
		done: HashSet::new(),
		lost: unbounded_channel(),
	};
	(agent, table.play())
}

/// What a liar says, and of what.
struct Lies {
	plan: Plan,
	known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
	/// Which task of which shard, counted from the shard's first, has a seed.
	seeds: HashMap<[u8; 32], (ShardId, u32)>,
	modules: HashMap<ProgramId, Vec<u8>>,
	/// By seeds: what a task was given, and what is said of it.
	ran: HashMap<[u8; 32], (Supply, Outcome)>,
}

impl Lies {
	fn known(&self) -> MutexGuard<'_, Known> {
		self.known.lock().unwrap_or_else(PoisonError::into_inner)
	}

	fn note(&self, seat: &AssignmentView) {
		let mut known = self.known();
		for task in 0..seat.tasks {
			let seed = task_seed(&seat.input_root, seat.first_task + task);
			known.seeds.insert(seed, (seat.shard, task));
		}
	}

	/// How a task is forged, if it is.
	fn forgery(&self, seed: &[u8; 32]) -> Option<Forgery> {
		let (shard, task) = *self.known().seeds.get(seed)?;
		let plan = &self.plan;
		let forgery = plan.forgeries[shard.index as usize % plan.forgeries.len()];
		forgery.filter(|_| plan.tasks.contains(&task))
	}
}

/// The chain as a liar's agent sees it: without cases.
struct Veil {
	chain: Connection,
	lies: Arc<Lies>,
}

impl Market for Veil {
	fn genesis(&self) -> Hash {
		self.chain.genesis()
	}

	fn secret(&self, what: &[u8]) -> [u8; 32] {
		self.chain.secret(what)
	}

	async fn heads(&self) -> Result<Heads, Error> {
		self.chain.heads().await
	}

	async fn nature(&self) -> Result<Nature, Error> {
		self.chain.nature().await
	}

	async fn execution_window(&self, seat: &AssignmentView) -> Result<Option<MarketBlock>, Error> {
		self.chain.execution_window(seat).await
	}

	async fn case(&self, _: Head, _: ShardId) -> Result<Option<CaseView>, Error> {
		Ok(None)
	}

	fn account(&self) -> AccountId {
		self.chain.account()
	}

	async fn frozen(&self, head: Head) -> Result<Vec<Freezable>, Error> {
		self.chain.frozen(head).await
	}

	async fn purse(&self, head: Head) -> Result<Purse, Error> {
		self.chain.purse(head).await
	}

	async fn revealed(&self, number: BlockNumber) -> Result<Vec<ShardId>, Error> {
		self.chain.revealed(number).await
	}

	async fn single(&self, head: Head, shard: ShardId) -> Result<Option<AssignmentView>, Error> {
		self.chain.single(head, shard).await
	}

	async fn custody(&self, head: Head) -> Result<Custody, Error> {
		self.chain.custody(head).await
	}

	async fn demands(&self, head: Head) -> Result<Vec<DemandView>, Error> {
		self.chain.demands(head).await
	}

	async fn view(&self, heads: Heads) -> Result<(View, Option<ProviderView>), Error> {
		let (view, provider) = self.chain.view(heads).await?;
		view.best.seats.values().for_each(|seat| self.lies.note(seat));
		Ok((view, provider))
	}

	async fn submit(&self, tx: Tx, tip: Balance) -> Result<BlockNumber, SubmitError> {
		self.chain.submit(tx, tip).await
	}

	fn finalized(&self) -> BoxStream<'static, Result<Head, Error>> {
		self.chain.finalized()
	}
}

/// An executor that computes and says something else.
struct Lying {
	honest: Wasm,
	lies: Arc<Lies>,
}

impl Execute for Lying {
	fn load(&self, program: &Named, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		let honest = self.honest.load(program, wasm, memory_pages)?;
		self.lies.known().modules.insert(program.id, wasm.to_vec());
		let lies = self.lies.clone();
		Ok(Arc::new(LyingProgram { honest, lies }))
	}
}

struct LyingProgram {
	honest: Arc<dyn Program>,
	lies: Arc<Lies>,
}

impl Program for LyingProgram {
	fn run(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Execution, HostError> {
		let mut execution = self.honest.run(limits, supply.clone(), stop)?;
		if let Some(forgery) = self.lies.forgery(&supply.seed) {
			execution.outcome = forgery.of(&execution.outcome, limits);
			if forgery == Forgery::Output {
				execution.output = FORGED.to_vec();
			}
		}
		let ran = (supply.clone(), execution.outcome);
		self.lies.known().ran.insert(supply.seed, ran);
		Ok(execution)
	}
}

/// Where a liar plays its boards.
struct Table {
	chain: Chain,
	account: AccountId,
	/// Where its own agent serves what it computed from.
	endpoint: String,
	operator: Keypair,
	lies: Arc<Lies>,
	/// By shards and boards.
	players: HashMap<(ShardId, u32), Player<Lie>>,
	/// What was submitted: attacks by how many stand and their targets, and moves by boards and the positions before them.
	done: HashSet<Turn>,
	/// What was submitted and is in no block, as when a new runtime came between.
	lost: (UnboundedSender<Turn>, UnboundedReceiver<Turn>),
}

/// What is submitted once: an attack or a move.
type Turn = (ShardId, u32, Hash);

impl Table {
	async fn play(mut self) {
		while self.lies.plan.plays || self.lies.plan.attacks {
			tokio::time::sleep(self.lies.plan.pace).await;
			while let Ok(what) = self.lost.1.try_recv() {
				self.done.remove(&what);
			}
			// What could not be seen now is seen the next time.
			let seats = self.chain.market(At::Best).assignments(&self.operator.account()).await;
			for seat in seats.into_iter().flatten() {
				if seat.state == Some(SeatState::Revealed) {
					if let Ok(Some(case)) = self.chain.market(At::Best).case(seat.shard).await {
						self.look(&seat, &case).await;
					}
				}
			}
		}
	}

	async fn look(&mut self, seat: &AssignmentView, case: &CaseView) {
		let Some(mine) = seat_of(case, &self.account) else {
			return;
		};
		let targets = case.attacks.iter().filter(|(by, _)| *by == mine.number);
		if let Some((_, target)) = targets.last().filter(|_| self.lies.plan.attacks) {
			// Refused while a friend plays; tried again when that one is out.
			let standing = case.seats.iter().filter(|seat| is_standing(case, seat.number)).count();
			let turn = (seat.shard, u32::MAX - standing as u32, Hash::repeat_byte(*target));
			self.submit(turn, calls::attack(seat.shard, *target));
		}
		if !self.lies.plan.plays {
			return;
		}
		for part in parts(case, Party::Seat(mine.number)).filter(|part| part.moves) {
			let (number, position) = (part.board.number, part.turn().position);
			let turn = (seat.shard, number, position);
			if self.done.contains(&turn) {
				continue;
			}
			let player = match self.players.remove(&(seat.shard, number)) {
				Some(player) => player,
				None => player(&self.lies, seat, &self.endpoint).await,
			};
			let board = Board::decode_all(&mut &part.board.board[..]).expect("boards are understood");
			let side = part.side;
			let thought = tokio::task::spawn_blocking(move || {
				let mut player = player;
				let action = say(&mut player, &board, side);
				(player, action)
			});
			let (player, action) = thought.await.expect("a liar has something to say");
			self.players.insert((seat.shard, number), player);
			self.submit(turn, calls::play(seat.shard, number, &action));
		}
	}

	/// Submits a call once, and again if it was never included. It may come too late.
	fn submit(&mut self, what: Turn, call: calls::Call) {
		if self.done.insert(what) {
			let (chain, operator, lost) = (self.chain.clone(), self.operator.clone(), self.lost.0.clone());
			tokio::spawn(async move {
				if let Err(Error::Dropped { .. }) = chain.submit(&operator, call).await {
					// Nobody listens any more once it is stopped.
					let _ = lost.send(what);
				}
			});
		}
	}
}

/// Who plays for a seat, from what the executor noted. Its own agent is asked for the list of inputs where the client is gone.
async fn player(lies: &Lies, seat: &AssignmentView, own: &str) -> Player<Lie> {
	let limits = blobs::Limits {
		allow_private: true,
		..blobs::Limits::default()
	};
	let client = Client::new(limits).expect("a client can be made");
	let (root, total) = (seat.input_root, seat.job_tasks);
	let endpoints: Vec<_> = seat.endpoints.iter().cloned().chain([own.into()]).collect();
	let (roots, proof) = blobs::fetch_range(&client, &endpoints, root, total, seat.first_task, seat.tasks)
		.await
		.expect("the client or its agent serves the list");
	let known = lies.known();
	let of = |task: u32| known.ran[&task_seed(&root, task)].clone();
	let ran: HashMap<u32, (Supply, Outcome)> = tasks(seat).into_iter().map(|task| (task, of(task))).collect();
	let outcomes = ran
		.iter()
		.map(|(task, (_, outcome))| (task - seat.first_task, *outcome))
		.collect();
	let first = seat.first_task;
	let any = ran.values().next().expect("a seat has tasks").0.clone();
	let inputs = move |task: u32| Input {
		bytes: ran[&(first + task)].0.input.clone(),
		proof: merkle::prove_within(total, first, &roots, &proof, first + task).expect("it is one of the shard's"),
	};
	let replayer = Replayer::new(
		matter_of_seat(seat),
		&known.modules[&seat.program],
		any.image,
		any.setup,
		Box::new(move |task| Ok(inputs(task))),
		Budget::default(),
	);
	let replayer = replayer.expect("what ran can be run again");
	Lie::player(replayer, outcomes, lies.plan.truth)
}

/// A replay that tells the truth up to a step, and of the end that it is another one.
pub struct Lie {
	replayer: Replayer,
	/// In thousandths of each run.
	truth: u64,
	/// By tasks counted from the shard's first.
	outcomes: HashMap<u32, Outcome>,
}

impl Lie {
	/// Plays for these outcomes, by tasks counted from the shard's first, and shows this part of each run as it is, in
	/// thousandths.
	pub fn player(replayer: Replayer, outcomes: HashMap<u32, Outcome>, truth: u64) -> Player<Self> {
		let said: Vec<_> = outcomes.iter().map(|(task, outcome)| (*task, *outcome)).collect();
		let lie = Self {
			replayer,
			truth,
			outcomes,
		};
		Player::new(lie, said)
	}
}

/// A liar's move: one that loses as well, for it has none else. Blocks as long as a task is replayed.
pub fn say(player: &mut Player<Lie>, board: &Board, side: Side) -> Move {
	match player.answer(board, side, &Stop::new()) {
		Ok(action) => action.expect("it is its turn"),
		Err(Trouble::Losing(action)) => *action,
		Err(error) => panic!("{error}"),
	}
}

impl Replay for Lie {
	type Run = LyingRun;

	fn matter(&self) -> &Matter {
		self.replayer.matter()
	}

	fn begin(&mut self, task: u32, stop: &Stop) -> Result<Begun<LyingRun>, NoRun> {
		let Begun { run, input, proof } = self.replayer.begin(task, stop)?;
		let (mut trace, end) = (run, self.outcomes[&task]);
		let (right, steps) = trace.finish()?;
		// Of what it did not forge there is nothing to hide.
		let fault = if right == end {
			u64::MAX
		} else {
			steps * self.truth / 1_000
		};
		let run = LyingRun::new(trace, fault, end);
		Ok(Begun { run, input, proof })
	}
}
