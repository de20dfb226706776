//! Doing what [`decide`](crate::decide) says.
//!
//! ```text
//!  heads ─► view ─► decide ─► perform ─┬─► work (fetch, execute: a task each, bounded) ─┐
//!    ▲                                 ├─► submit (a task each, until finalized) ───────┤
//!    └── the next head, or ◄───────────┴──────────── events ◄──────────────────────────┘
//! ```
//!
//! What it watches of others ([`watching`](crate::watching)) is fetched, computed and submitted like a seat, with the room that
//! seats leave.
//!
//! Beside it, [`court`](crate::court) decides about revealed reports: its cases are read with the view, its moves looked for in
//! tasks of their own, its calls submitted like all others.
//!
//! One loop owns all that decisions depend on; tasks only tell it how they ended. Whatever must survive is in the
//! database before it has an effect outside. A database that fails costs no deadline that can be met without it: a report,
//! its salt and its outcomes stay in memory too, and calls are submitted even if that cannot be noted.

mod admit;
mod court;
mod demands;
mod give;
mod status;
mod submit;
mod turns;
mod watching;
mod work;

pub use status::{LastTransaction, SeatStatus, Status, WatchedStatus};

use crate::{
	config::{database_file, status_file, Config},
	court::runs::Runs,
	db::{Database, DbError, Record, Sealed},
	decide::{
		custody_is_due, decide, terms, Action, Attempt, Local, Policy, Progress, Snapshot, TxId, View, Work,
		CUSTODY_PAUSE,
	},
	exec::{Execute, Stop},
	fetch::{addresses, Fetcher, SPARE_BLOBS},
	market::{Heads, Market, SubmitError, Tx},
	metrics::{self, Kind, Metrics},
	outputs::{Outputs, StoreError},
	seat::{task_count, SeatKey, TxKind},
	tip::Times,
};
use futures::{FutureExt, StreamExt};
use millrace_client::{blobs, calls::RevealItem};
use millrace_court::{
	demand::{Answer, Wanted},
	sums::ShownLeaf,
};
use millrace_primitives::{
	api::{AssignmentView, ProviderView},
	job::{DeclineReason, SeatState},
	outcome::{seal, SealContext},
	AccountId, Balance, BlockNumber, Outcome,
};
use std::{
	collections::{BTreeMap, BTreeSet, HashMap, HashSet},
	future::Future,
	io,
	net::SocketAddr,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc, Mutex,
	},
	time::Duration,
};
use tokio::{
	sync::{mpsc, Semaphore},
	task::JoinHandle,
};

/// How often the best head is asked for.
const POLL: Duration = Duration::from_millis(400);
/// The longest pause after the chain could not be seen.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Why an agent cannot run, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
	/// The database failed, or another agent has it.
	#[error(transparent)]
	Database(#[from] DbError),
	/// Outputs cannot be kept.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// The data directory cannot be used.
	#[error("{path}: {source}")]
	Data {
		/// Which part of it.
		path: PathBuf,
		/// What failed.
		source: io::Error,
	},
	/// An address cannot be listened on.
	#[error("cannot listen on {address}: {source}")]
	Listen {
		/// The address.
		address: SocketAddr,
		/// What failed.
		source: io::Error,
	},
	/// The node serves another chain than before.
	#[error(transparent)]
	Chain(#[from] millrace_client::Error),
}

/// A provider's agent.
pub struct Agent<M: Market> {
	shared: Arc<Shared<M>>,
	events: mpsc::UnboundedReceiver<Event>,
	local: Local,
	view: View,
	/// The operator's.
	account: AccountId,
	provider: Option<ProviderView>,
	/// The finalized block at which what is in custody was last asked for.
	custody_asked: BlockNumber,
	/// What is under way, by seat.
	running: HashMap<SeatKey, Running>,
	/// What is demanded of outputs in custody.
	demanded: demands::Demanded,
	/// What is watched of others.
	watching: watching::Watching,
	/// The cases of revealed seats, and of what is watched.
	rooms: BTreeMap<SeatKey, court::Room>,
	/// The runs that are kept for their boards, by seats and tasks counted from the shard's first.
	runs: Runs<(SeatKey, u32), court::Kept>,
	/// Tells events of work that was cancelled from those of work under way.
	next_run: u64,
	/// How often work on a seat, or a submission, failed in a row.
	failures: HashMap<SeatKey, u32>,
	rejections: BTreeMap<TxId, u32>,
	/// What was submitted and is not finalized, by number.
	pending: BTreeMap<u64, submit::Pending>,
	next_pending: u64,
	/// What is to be submitted at the end of the round, with others of its kind.
	batches: submit::Batches,
	times: Times,
	/// Until which block no tips are offered, since the operator could not pay one.
	poor_until: Option<BlockNumber>,
	/// What the database holds of seals whose shard has not ended, in case that it cannot be read when they are needed.
	secrets: HashMap<SeatKey, Secret>,
	last_transaction: Option<LastTransaction>,
	started: u64,
	status_file: PathBuf,
}

/// What a report is opened and defended with.
#[derive(Clone)]
struct Secret {
	sealed: Sealed,
	/// By tasks, counted from the job's first.
	outcomes: Arc<[(u32, Outcome)]>,
}

/// What work and submissions need.
struct Shared<M: Market> {
	config: Config,
	market: M,
	executor: Arc<dyn Execute>,
	db: Arc<Database>,
	outputs: Arc<Outputs>,
	fetcher: Fetcher,
	metrics: Arc<Metrics>,
	slots: Semaphore,
	/// Who may run a task again for a move, each with all cores and a slot's memory beside those that are sold.
	thinkers: Arc<Semaphore>,
	/// The same for boards about what is watched, so that no seat waits for them.
	onlookers: Arc<Semaphore>,
	turns: turns::Turns,
	/// Held while room on disk is looked for and reserved.
	admission: Mutex<()>,
	sender: mpsc::UnboundedSender<Event>,
}

struct Running {
	run: u64,
	stop: Stop,
	task: JoinHandle<()>,
	/// Tasks done.
	done: Arc<AtomicU32>,
}

/// Work that nobody waits for any more ends by itself.
impl Drop for Running {
	fn drop(&mut self) {
		self.stop.request();
		self.task.abort();
	}
}

/// How something ended.
enum Event {
	Work(SeatKey, u64, WorkEnd),
	Thought(Box<court::Thought>),
	Shown(SeatKey, Wanted, Result<Box<Answer>, String>),
	Submitted(u64, Balance, Result<BlockNumber, SubmitError>),
}

enum WorkEnd {
	Fetched,
	FetchFailed { reason: DeclineReason, hopeless: bool },
	Executed(Secret),
	Troubled,
}

impl<M: Market> Agent<M> {
	/// An agent on this data directory. Fails if another one uses it.
	pub fn new(data: &Path, config: Config, market: M, executor: Arc<dyn Execute>) -> Result<Self, AgentError> {
		let disk = |path: &Path| {
			let path = path.to_path_buf();
			move |source| AgentError::Data { path, source }
		};
		std::fs::create_dir_all(data).map_err(disk(data))?;
		let db = Arc::new(Database::open(&database_file(data))?);
		let outputs = Arc::new(Outputs::open(db.clone(), &data.join("blobs"))?);
		let seats = db.seats()?;
		// What a report is defended with is kept until its shard has ended.
		let unfinished: HashSet<_> = seats
			.iter()
			.filter(|(_, seat)| !seat.serving)
			.map(|(key, _)| key.to_string())
			.collect();
		let allow_private = config.allow_private_addresses;
		let fetcher = Fetcher::open(data, allow_private, |name| unfinished.contains(name)).map_err(disk(data))?;
		let mut secrets = HashMap::new();
		for (key, seat) in seats.iter().filter(|(_, seat)| !seat.serving) {
			if let Some(sealed) = seat.sealed {
				let outcomes = db.outcomes(*key)?.into();
				secrets.insert(*key, Secret { sealed, outcomes });
			}
		}
		let seats = seats.into_iter().map(|(key, record)| (key, work_of(&record))).collect();
		let watching = watching::Watching::new(db.watched()?);
		let attempts = db.unsettled()?.into_iter();
		let attempts = attempts.map(|(key, kind, until)| (TxId::Seat(key, kind), Attempt::InFlight { until }));
		let local = Local {
			seats,
			attempts: attempts.collect(),
			disputed: BTreeSet::new(),
			unheard: BTreeSet::new(),
			fresh: true,
		};
		let (sender, events) = mpsc::unbounded_channel();
		let metrics = Arc::new(Metrics::default());
		metrics.slots.set(config.slots.into());
		let allowance = court::allowance(&config);
		let account = market.account();
		let shared = Shared {
			slots: Semaphore::new(config.slots.into()),
			thinkers: Arc::new(Semaphore::new(config.slots.max(1).into())),
			onlookers: Arc::new(Semaphore::new(1)),
			turns: Default::default(),
			admission: Mutex::default(),
			config,
			market,
			executor,
			db,
			outputs,
			fetcher,
			metrics,
			sender,
		};
		Ok(Self {
			shared: Arc::new(shared),
			events,
			local,
			view: View::default(),
			account,
			provider: None,
			custody_asked: 0,
			demanded: Default::default(),
			watching,
			running: HashMap::new(),
			rooms: BTreeMap::new(),
			runs: Runs::new(allowance),
			next_run: 0,
			failures: HashMap::new(),
			rejections: BTreeMap::new(),
			pending: BTreeMap::new(),
			next_pending: 0,
			batches: Default::default(),
			times: Times::default(),
			poor_until: None,
			secrets,
			last_transaction: None,
			started: metrics::now(),
			status_file: status_file(data),
		})
	}

	/// Works until `shutdown` is done. Calls `ready` once, when the agent serves and has seen the chain.
	pub async fn run(
		mut self,
		shutdown: impl Future<Output = ()> + Send,
		ready: impl FnOnce() + Send,
	) -> Result<(), AgentError> {
		let address = self.shared.config.listen;
		let listen = |source| AgentError::Listen { address, source };
		let listener = tokio::net::TcpListener::bind(address).await.map_err(listen)?;
		let server = blobs::serve(listener, Arc::new(give::Store(self.shared.clone()))).map_err(listen)?;
		let (stop_metrics, stopped) = tokio::sync::oneshot::channel::<()>();
		if let Some(address) = self.shared.config.metrics {
			let stopped = stopped.map(|_| ());
			metrics::serve(address, self.shared.metrics.clone(), stopped)
				.await
				.map_err(|source| AgentError::Listen { address, source })?;
			tracing::info!(%address, "serving metrics");
		}
		tracing::info!(%address, endpoint = self.shared.config.endpoint, "serving outputs");
		let shutdown = shutdown.fuse();
		futures::pin_mut!(shutdown);
		let result = tokio::select! {
			() = &mut shutdown => Ok(()),
			result = self.follow(ready) => result,
		};
		self.farewell().await;
		drop(stop_metrics);
		server.shutdown().await;
		result
	}

	/// Looks and acts, for ever.
	async fn follow(&mut self, ready: impl FnOnce() + Send) -> Result<(), AgentError> {
		let mut ready = Some(ready);
		let mut finalized = self.shared.market.finalized();
		let mut seen = None;
		let mut pause = POLL;
		loop {
			match self.shared.market.heads().await {
				Ok(heads) if seen != Some(heads) => match self.look(heads).await {
					Ok(()) => {
						seen = Some(heads);
						pause = POLL;
						self.act();
						if let Some(ready) = ready.take() {
							ready();
						}
					}
					Err(error) => pause = lost(&error, pause),
				},
				Ok(_) => pause = POLL,
				Err(error) => pause = lost(&error, pause),
			}
			tokio::select! {
				() = tokio::time::sleep(pause) => {},
				event = self.events.recv() => {
					event.into_iter().for_each(|event| self.on_event(event));
					while let Ok(event) = self.events.try_recv() {
						self.on_event(event);
					}
					// Views are cheap against a block's time: look again with what has just ended.
					seen = None;
				},
				head = finalized.next() => match head {
					Some(Err(error)) => return Err(error.into()),
					Some(Ok(_)) => {},
					// The stream ended after an error that was reported already.
					None => finalized = futures::stream::pending().boxed(),
				},
			}
		}
	}

	async fn look(&mut self, heads: Heads) -> Result<(), millrace_client::Error> {
		let (mut view, provider) = self.shared.market.view(heads).await?;
		view.custody = self.view.custody.take();
		self.look_at_custody(&mut view, heads).await;
		self.look_at_demands(&view, heads).await;
		let metrics = &self.shared.metrics;
		metrics.seen();
		metrics.best_block.set(view.best.number.into());
		metrics.finalized_block.set(view.finalized.number.into());
		if provider.is_none() && (self.provider.is_some() || self.view.best.number == 0) {
			tracing::warn!("this operator works for no registered provider; run `millrace-agent init` to register");
		}
		self.provider = provider;
		self.look_at_cases(&view, heads).await;
		self.look_around(&view, heads).await;
		self.view = view;
		self.note_times();
		Ok(())
	}

	/// Reads what is in custody, if that is due. Without it work goes on.
	async fn look_at_custody(&mut self, view: &mut View, heads: Heads) {
		let number = heads.finalized.number;
		let soon = number >= self.custody_asked && number - self.custody_asked < CUSTODY_PAUSE;
		if !custody_is_due(view, &self.local) || (soon && self.custody_asked > 0) {
			return;
		}
		self.custody_asked = number;
		match self.shared.market.custody(heads.finalized).await {
			Ok(custody) => view.custody = Some(custody),
			Err(error) => tracing::warn!(%error, "cannot see what is in custody, trying again"),
		}
	}

	fn act(&mut self) {
		self.note_listed();
		self.local.disputed = self.disputed();
		let config = &self.shared.config;
		let policy = Policy {
			heartbeat_blocks: config.heartbeat_blocks,
			memory_pages: config.memory_pages,
			slots: config.slots,
		};
		for action in decide(&self.view, &self.local, &policy) {
			if let Err(error) = self.perform(action) {
				self.shared.metrics.trouble.inc();
				tracing::error!(?action, %error, "the machine is in trouble; trying again with the next block");
			}
		}
		self.give();
		self.submit_batches();
		self.answer_demands();
		self.attend();
		self.watch();
		self.hurry();
		self.local.attempts.retain(|_, attempt| match attempt {
			Attempt::Included { at } => self.view.best.number < *at,
			_ => true,
		});
		self.write_status();
	}

	/// Keeps when the finalized chain listed each seat last.
	fn note_listed(&mut self) {
		let Snapshot { number, seats, .. } = &self.view.finalized;
		let mut listed = Vec::new();
		for (key, work) in &mut self.local.seats {
			let custody = self
				.view
				.custody
				.as_ref()
				.filter(|custody| custody.seats.contains_key(key));
			let at = match seats.contains_key(key) {
				true => Some(*number),
				false => custody.map(|custody| custody.number),
			};
			if let Some(at) = at.filter(|at| work.listed_at < *at) {
				work.listed_at = at;
				listed.push((*key, at));
			}
		}
		if listed.is_empty() {
			return;
		}
		if let Err(error) = self.shared.db.listed(listed) {
			tracing::error!(%error, "cannot note which seats are listed");
		}
	}

	fn perform(&mut self, action: Action) -> Result<(), AgentError> {
		match action {
			Action::Adopt(key) => self.adopt(key).inspect_err(|_| self.refuse(key))?,
			Action::Fetch(key) => self.start(key, Progress::Fetching, work::fetch),
			Action::Execute(key) => self.start(key, Progress::Executing, work::execute),
			Action::Cancel(key) => self.cancel(key),
			Action::Accept(key) => self.submit(TxId::Seat(key, TxKind::Accept), Tx::Accept(key.shard)),
			Action::Decline(key, reason) => {
				tracing::warn!(seat = %key, ?reason, "declining");
				// Should it come to nothing, fetching starts over with asking for room.
				if let Err(error) = self.shared.db.release(key) {
					tracing::error!(seat = %key, %error, "cannot give its reserved room back yet");
				}
				self.submit(TxId::Seat(key, TxKind::Decline), decline(key, reason));
			}
			Action::Call(key) => {
				tracing::warn!(seat = %key, "what the seat needs cannot be fetched: telling the chain");
				self.submit(TxId::Seat(key, TxKind::Unavailable), Tx::Unavailable(key.shard));
			}
			Action::Seal(key) => {
				let provider = self.provider.as_ref().map(|provider| provider.id.clone());
				if let Some((Secret { sealed, .. }, provider)) = self.secret(key)?.zip(provider) {
					let context = SealContext {
						genesis: &self.shared.market.genesis(),
						shard: key.shard,
						seat: key.seat,
						round: key.round,
						account: &provider,
					};
					let seal = seal(context, &sealed.report, &sealed.salt);
					self.batches.seals.push((key, seal));
				}
			}
			Action::Reveal(key) => self.reveal(key)?,
			Action::Show(key) => {
				self.shared.outputs.show(key)?;
				if let Some(work) = self.local.seats.get_mut(&key) {
					work.shown = true;
				}
			}
			Action::Serve(key) => {
				self.shared.outputs.serve(key)?;
				if let Some(work) = self.local.seats.get_mut(&key) {
					work.serving = true;
				}
				self.secrets.remove(&key);
				// From here on only outputs matter. What stays behind is removed with the next start.
				if let Err(error) = self.shared.fetcher.clear(key) {
					tracing::warn!(seat = %key, %error, "cannot remove its inputs yet");
				}
				tracing::info!(seat = %key, "accepted; serving its outputs");
			}
			Action::Forget(key) => self.forget(key)?,
			Action::Heartbeat => self.submit(TxId::Heartbeat, Tx::Heartbeat),
		}
		Ok(())
	}

	fn adopt(&mut self, key: SeatKey) -> Result<(), AgentError> {
		let Some(seat) = self.view.best.seats.get(&key) else {
			return Ok(());
		};
		let record = Record {
			first_task: seat.first_task,
			tasks: seat.tasks,
			terms: terms(seat),
			listed_at: self.view.finalized.number,
			..Record::default()
		};
		self.shared.db.adopt(key, &record)?;
		self.local.seats.insert(key, work_of(&record));
		tracing::info!(seat = %key, tasks = seat.tasks, state = ?seat.state, "assigned");
		Ok(())
	}

	/// Declines a seat that could not be taken up: nothing could be computed for it.
	fn refuse(&mut self, key: SeatKey) {
		let Snapshot { now, seats, .. } = &self.view.best;
		let open = |seat: &AssignmentView| {
			let free = match seat.state {
				Some(SeatState::Assigned) => true,
				Some(SeatState::Accepted) => key.is_drawn(),
				_ => false,
			};
			free && seat.due > *now
		};
		if seats.get(&key).is_some_and(open) {
			tracing::warn!(seat = %key, "declining, since it cannot be kept");
			let tx = decline(key, DeclineReason::NoCapacity);
			self.submit(TxId::Seat(key, TxKind::Decline), tx);
		}
	}

	/// Opens the report, with the leaves that the chain wants to see.
	fn reveal(&mut self, key: SeatKey) -> Result<(), AgentError> {
		let (Some(secret), Some(seat)) = (self.secret(key)?, self.view.best.seats.get(&key)) else {
			return Ok(());
		};
		let wanted = match &seat.sample {
			// All of an audit's.
			Some(_) => (0..task_count(seat)).collect(),
			None => seat.shown.clone(),
		};
		let outcomes = match wanted.is_empty() {
			true => Vec::new(),
			false => work::in_order(seat, &secret.outcomes),
		};
		let complete = wanted.is_empty() || outcomes.len() as u64 == u64::from(task_count(seat));
		let shown: Option<Vec<_>> = wanted.iter().map(|task| ShownLeaf::of(&outcomes, *task)).collect();
		let Some(shown) = shown.filter(|_| complete) else {
			tracing::error!(seat = %key, "outcomes that are to be shown are not here any more; computing them again");
			self.start_over(key);
			return Ok(());
		};
		let item = RevealItem {
			shard: key.shard,
			report: secret.sealed.report,
			salt: secret.sealed.salt,
			shown,
		};
		self.batches.reveals.push((key, item));
		Ok(())
	}

	fn forget(&mut self, key: SeatKey) -> Result<(), AgentError> {
		self.cancel(key);
		self.shared.outputs.forget(key)?;
		let disk = |source| AgentError::Data {
			path: PathBuf::from("work"),
			source,
		};
		self.shared.fetcher.clear(key).map_err(disk)?;
		self.local.seats.remove(&key);
		self.local
			.attempts
			.retain(|id, _| !matches!(id, TxId::Seat(seat, _) if *seat == key));
		self.rejections
			.retain(|id, _| !matches!(id, TxId::Seat(seat, _) if *seat == key));
		self.failures.remove(&key);
		self.secrets.remove(&key);
		self.rooms.remove(&key);
		self.watching.forget(key);
		self.local.unheard.remove(&key);
		let seats = self.view.best.seats.values().chain(self.watching.seats());
		let used = seats.flat_map(addresses).collect();
		self.shared.fetcher.prune(&used, SPARE_BLOBS).map_err(disk)?;
		tracing::debug!(seat = %key, "forgotten");
		Ok(())
	}

	/// The seal with its outcomes.
	fn secret(&self, key: SeatKey) -> Result<Option<Secret>, AgentError> {
		Ok(match self.secrets.get(&key) {
			Some(secret) => Some(secret.clone()),
			None => match self.shared.db.seat(key)?.and_then(|record| record.sealed) {
				Some(sealed) => Some(Secret {
					sealed,
					outcomes: self.shared.db.outcomes(key)?.into(),
				}),
				None => None,
			},
		})
	}

	fn start<F>(&mut self, key: SeatKey, progress: Progress, work: fn(Arc<Shared<M>>, work::Job) -> F)
	where
		F: Future<Output = WorkEnd> + Send + 'static,
	{
		let seat = match key.is_watched() {
			true => self.watching.seat(key),
			false => self.view.best.seats.get(&key).cloned(),
		};
		let Some(seat) = seat else { return };
		let Some(entry) = self.local.seats.get_mut(&key) else {
			return;
		};
		entry.progress = progress;
		self.next_run += 1;
		let (run, stop, done) = (self.next_run, Stop::new(), Arc::new(AtomicU32::new(0)));
		let job = work::Job {
			key,
			patient: entry.called || matches!(seat.state, Some(SeatState::Sealed | SeatState::Revealed)),
			seat,
			now: self.view.best.now,
			stop: stop.clone(),
			done: done.clone(),
		};
		let shared = self.shared.clone();
		let task = tokio::spawn(async move {
			let end = work(shared.clone(), job).await;
			// Nobody listens any more while the agent shuts down.
			let _ = shared.sender.send(Event::Work(key, run, end));
		});
		self.running.insert(key, Running { run, stop, task, done });
	}

	fn cancel(&mut self, key: SeatKey) {
		if self.running.remove(&key).is_some() {
			tracing::info!(seat = %key, "stopped working on it");
		}
		if let Some(work) = self.local.seats.get_mut(&key) {
			if matches!(work.progress, Progress::Fetching | Progress::Executing) {
				work.progress = Progress::New;
			}
		}
	}

	fn on_event(&mut self, event: Event) {
		match event {
			Event::Work(key, run, end) => {
				if self.running.get(&key).is_some_and(|running| running.run == run) {
					self.running.remove(&key);
					self.on_work_end(key, end);
				}
			}
			Event::Thought(thought) => self.on_thought(*thought),
			Event::Shown(key, wanted, shown) => self.on_shown(key, wanted, shown),
			Event::Submitted(number, tip, result) => self.on_submitted(number, tip, result),
		}
	}

	fn on_work_end(&mut self, key: SeatKey, end: WorkEnd) {
		let now = self.view.best.now;
		let failures = self.failures.entry(key).or_default();
		let retry_at = now.saturating_add(2u32.saturating_pow((*failures).min(5)));
		match end {
			WorkEnd::Fetched | WorkEnd::Executed(_) => *failures = 0,
			WorkEnd::FetchFailed { .. } | WorkEnd::Troubled => *failures = failures.saturating_add(1),
		}
		if let Some(work) = self.local.seats.get_mut(&key) {
			work.progress = match end {
				WorkEnd::Fetched => Progress::Fetched,
				WorkEnd::FetchFailed { reason, hopeless } => Progress::FetchFailed {
					reason,
					hopeless,
					retry_at,
				},
				WorkEnd::Executed(secret) => {
					self.secrets.insert(key, secret);
					Progress::Executed
				}
				WorkEnd::Troubled => Progress::Troubled { retry_at },
			};
		}
	}

	fn write_status(&self) {
		let status = Status::new(self);
		let metrics = &self.shared.metrics;
		metrics.running.set(status.running.into());
		let stored = self.shared.outputs.bytes().saturating_add(self.shared.fetcher.bytes());
		metrics.stored_bytes.set(i64::try_from(stored).unwrap_or(i64::MAX));
		for (kind, state) in [
			("assigned", Some(SeatState::Assigned)),
			("accepted", Some(SeatState::Accepted)),
			("sealed", Some(SeatState::Sealed)),
			("revealed", Some(SeatState::Revealed)),
			("custody", None),
		] {
			let count = match state {
				None => self.view.custody.as_ref().map_or(0, |custody| custody.seats.len()),
				state => self.view.best.seats.values().filter(|seat| seat.state == state).count(),
			};
			metrics
				.seats
				.get_or_create(&Kind { kind })
				.set(i64::try_from(count).unwrap_or(i64::MAX));
		}
		if let Err(error) = status.save(&self.status_file) {
			tracing::warn!(%error, "cannot write the status file");
		}
	}

	fn tasks_done(&self, key: &SeatKey) -> Option<u32> {
		self.running
			.get(key)
			.map(|running| running.done.load(Ordering::Relaxed))
	}
}

/// Where a stored seat stands after a start.
fn work_of(record: &Record) -> Work {
	let progress = match record.sealed {
		Some(_) => Progress::Executed,
		None => Progress::New,
	};
	Work {
		progress,
		serving: record.serving,
		shown: false,
		listed_at: record.listed_at,
		terms: record.terms,
		called: record.called,
	}
}

/// The call that gives a seat back: the court's if it drew it.
fn decline(key: SeatKey, reason: DeclineReason) -> Tx {
	match key.is_drawn() {
		true => Tx::DeclineDrawn(key.shard),
		false => Tx::Decline(key.shard, reason),
	}
}

/// Notes that the chain cannot be seen; how long to wait.
fn lost(error: &millrace_client::Error, pause: Duration) -> Duration {
	tracing::warn!(%error, "cannot see the chain, trying again");
	(pause * 2).min(LONGEST_PAUSE)
}

/// A seat as the chain describes it.
type Seat = AssignmentView;
