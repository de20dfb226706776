//! Fetching and executing: what takes long, in tasks of their own.

use super::{admit::admit, give::with_peers, Seat, Secret, Shared, WorkEnd};
use crate::{
	db::Sealed,
	decide::{terms, DECLINE_MARGIN},
	exec::{Execution, HostError, LoadError, Named, Program, Stop, Supply},
	fetch::Unavailable,
	market::Market,
	metrics::Kind,
	seat::{task_count, tasks, SeatKey},
};
use codec::Encode;
use millrace_primitives::{
	api::AssignmentView,
	job::{DeclineReason, SeatState},
	machine::task_seed,
	outcome, MarketBlock, Outcome, Status,
};
use std::{
	collections::BTreeMap,
	future::Future,
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc,
	},
};
use tokio::time::Instant;

/// Work on a seat.
pub(super) struct Job {
	pub key: SeatKey,
	pub seat: Seat,
	/// The market's clock when it began.
	pub now: MarketBlock,
	/// Whether it goes on however late it is: nothing else depends on it any more.
	pub patient: bool,
	pub stop: Stop,
	/// Counts tasks as they are done.
	pub done: Arc<AtomicU32>,
}

impl Job {
	/// Whether giving it up would cost more than to try: it cannot be declined any more.
	pub fn is_promised(&self) -> bool {
		match self.seat.state {
			Some(SeatState::Assigned) => false,
			Some(SeatState::Accepted) => !self.key.is_drawn() || self.patient,
			_ => true,
		}
	}
}

/// Why execution did not end in a report.
#[derive(Debug, thiserror::Error)]
enum Trouble {
	#[error(transparent)]
	Store(#[from] crate::outputs::StoreError),
	#[error(transparent)]
	Database(#[from] crate::db::DbError),
	#[error("input or program on disk: {0}")]
	Disk(#[from] std::io::Error),
	#[error(transparent)]
	Host(#[from] HostError),
	#[error(transparent)]
	Load(#[from] LoadError),
	#[error("the stored program is damaged")]
	Program,
	#[error("{0} of {1} outcomes are stored")]
	Incomplete(usize, u32),
	#[error("the gas of the stored outcomes adds up to no number")]
	Sum,
	#[error("the work was cut off: {0}")]
	Cut(String),
}

/// The seat's program by what the chain knows of it.
fn named(seat: &AssignmentView) -> Named {
	Named {
		id: seat.program,
		roots: seat.roots,
		module: seat.module,
	}
}

/// Makes program, image, setup and inputs available and checks that the program can run.
pub(super) async fn fetch<M: Market>(shared: Arc<Shared<M>>, job: Job) -> WorkEnd {
	let result = match admit(&shared, &job).await {
		Ok(()) => bring(&shared, &job).await,
		Err(error) => Err(error),
	};
	let Err(error) = result else {
		tracing::debug!(seat = %job.key, "program and inputs are here");
		return WorkEnd::Fetched;
	};
	shared.metrics.fetch_failures.inc();
	tracing::warn!(seat = %job.key, reason = ?error.reason, %error, "cannot begin");
	WorkEnd::FetchFailed {
		reason: error.reason,
		hopeless: error.hopeless,
	}
}

async fn bring<M: Market>(shared: &Arc<Shared<M>>, job: &Job) -> Result<(), Unavailable> {
	let key = &job.key;
	let seat = &with_peers(shared, job).await?;
	let deadline = until(shared, job, 0).await.filter(|_| !job.patient);
	let wasm = in_turn(shared, job, deadline, DeclineReason::ProgramUnavailable, || {
		shared.fetcher.program(seat)
	})
	.await?;
	let loading = shared.clone();
	let (program, pages) = (named(seat), seat.limits.memory_pages);
	let promised = job.is_promised();
	let load = move || match promised {
		true => loading.executor.load_promised(&program, &wasm, pages).map(drop),
		false => loading.executor.load(&program, &wasm, pages).map(drop),
	};
	let loading = tokio::task::spawn_blocking(load);
	// That others are compiled before it is this machine's affair, and must not look as if the job's data had not come.
	let given_up = until(shared, job, DECLINE_MARGIN + 2).await.filter(|_| !promised);
	let loaded = match given_up {
		None => loading.await,
		Some(given_up) => match tokio::time::timeout_at(given_up, loading).await {
			Ok(loaded) => loaded,
			Err(_) => {
				return Err(Unavailable {
					hopeless: true,
					..no_capacity("it was not compiled in time".into())
				})
			}
		},
	};
	match loaded {
		Ok(Ok(())) => {}
		Ok(Err(LoadError::Refused(refused))) => {
			return Err(Unavailable {
				reason: DeclineReason::ProgramRefused,
				hopeless: true,
				text: refused.to_string(),
			})
		}
		Ok(Err(LoadError::Host(error))) => {
			let too_large = matches!(error, HostError::Compile(_));
			return Err(Unavailable {
				reason: match too_large {
					true => DeclineReason::TooLarge,
					false => DeclineReason::NoCapacity,
				},
				// This machine will not compile it faster before the time is over; what is promised is tried nevertheless.
				hopeless: too_large && !promised,
				text: error.to_string(),
			});
		}
		Err(error) => return Err(no_capacity(error.to_string())),
	}
	in_turn(shared, job, deadline, DeclineReason::ImageUnavailable, || {
		shared.fetcher.image_and_setup(seat)
	})
	.await?;
	in_turn(shared, job, deadline, DeclineReason::InputsUnavailable, || {
		shared.fetcher.inputs(*key, seat)
	})
	.await
}

/// So many blocks before the seat must have left its present state; none if the chain does not tell how long its blocks
/// take.
async fn until<M: Market>(shared: &Shared<M>, job: &Job, before: MarketBlock) -> Option<Instant> {
	let block = shared.market.nature().await.ok()?.block_time;
	let left = job.seat.due.saturating_sub(job.now).saturating_sub(before);
	Instant::now().checked_add(block.saturating_mul(left))
}

/// Fetches when it is this job's turn, until the seat's deadline.
async fn in_turn<M: Market, T, F>(
	shared: &Shared<M>,
	job: &Job,
	deadline: Option<Instant>,
	reason: DeclineReason,
	fetch: impl FnOnce() -> F,
) -> Result<T, Unavailable>
where
	F: Future<Output = Result<T, Unavailable>>,
{
	let work = async {
		let _turn = shared.turns.take(&job.seat.endpoints).await;
		fetch().await
	};
	let Some(deadline) = deadline else { return work.await };
	tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| {
		Err(Unavailable {
			reason,
			hopeless: true,
			text: "it did not come in time".into(),
		})
	})
}

fn no_capacity(text: String) -> Unavailable {
	Unavailable {
		reason: DeclineReason::NoCapacity,
		hopeless: false,
		text,
	}
}

/// Runs the tasks that are not done yet and stores the report with its salt.
pub(super) async fn execute<M: Market>(shared: Arc<Shared<M>>, job: Job) -> WorkEnd {
	let key = job.key;
	// Where all is done and only the report is missing, nothing waits for others to compute: a dispute might.
	let computed = shared.outputs.done_tasks(key);
	let complete = computed.is_ok_and(|done| tasks(&job.seat).iter().all(|task| done.contains(task)));
	let _slot = match complete {
		true => None,
		false => match shared.slots.acquire().await {
			Ok(slot) => Some(slot),
			Err(_) => return WorkEnd::Troubled,
		},
	};
	let worker = shared.clone();
	let result = tokio::task::spawn_blocking(move || run(&worker, &job)).await;
	match result.unwrap_or_else(|error| Err(Trouble::Cut(error.to_string()))) {
		Ok(secret) => {
			tracing::info!(seat = %key, gas = secret.sealed.report.gas_used, "computed");
			WorkEnd::Executed(secret)
		}
		Err(Trouble::Host(HostError::Stopped)) => WorkEnd::Troubled,
		Err(error) => {
			shared.metrics.trouble.inc();
			tracing::error!(seat = %key, %error, "the machine is in trouble");
			// The inputs may be what is damaged or missing: fetching finds out, and does not fetch twice.
			match error {
				Trouble::Disk(_) | Trouble::Program => WorkEnd::FetchFailed {
					reason: DeclineReason::NoCapacity,
					hopeless: false,
				},
				_ => WorkEnd::Troubled,
			}
		}
	}
}

fn run<M: Market>(shared: &Shared<M>, job: &Job) -> Result<Secret, Trouble> {
	let Job { key, seat, .. } = job;
	let done = shared.outputs.done_tasks(*key)?;
	job.done
		.store(u32::try_from(done.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
	let tasks = tasks(seat);
	let mut ready: Option<(Arc<dyn Program>, Supply)> = None;
	for task in tasks.iter().copied().filter(|task| !done.contains(task)) {
		if job.stop.is_requested() {
			return Err(HostError::Stopped.into());
		}
		let (program, common) = match ready.take() {
			Some(ready) => ready,
			None => {
				let wasm = shared.fetcher.read_program(seat)?.ok_or(Trouble::Program)?;
				// By now it is accepted, or about to be.
				let program = shared
					.executor
					.load_promised(&named(seat), &wasm, seat.limits.memory_pages)?;
				let (image, setup) = shared.fetcher.read_image_and_setup(seat)?;
				let input = Arc::new([0; 0]);
				let seed = [0; 32];
				(
					program,
					Supply {
						input,
						image,
						setup,
						seed,
					},
				)
			}
		};
		let supply = Supply {
			input: Arc::new(shared.fetcher.read_input(*key, task)?),
			seed: task_seed(&seat.input_root, task),
			..common.clone()
		};
		let execution = program.run(&seat.limits, supply, &job.stop)?;
		ready = Some((program, common));
		note(shared, *key, task, &execution);
		let last = tasks.last() == Some(&task);
		shared.outputs.store(*key, task, &execution, last)?;
		job.done.fetch_add(1, Ordering::Relaxed);
	}
	let done = shared.outputs.done(*key)?;
	let outcomes = in_order(seat, &done);
	if outcomes.len() as u64 != u64::from(task_count(seat)) {
		return Err(Trouble::Incomplete(outcomes.len(), task_count(seat)));
	}
	let sealed = Sealed {
		report: outcome::report(&outcomes).ok_or(Trouble::Sum)?,
		salt: salt(&shared.market, *key, seat),
	};
	Ok(Secret {
		sealed: shared.db.seal(*key, sealed)?,
		outcomes: done.into(),
	})
}

/// The outcomes of a seat's tasks in the order of its report, as far as they are there.
pub(super) fn in_order(seat: &AssignmentView, outcomes: &[(u32, Outcome)]) -> Vec<Outcome> {
	let outcomes: BTreeMap<u32, Outcome> = outcomes.iter().copied().collect();
	tasks(seat)
		.iter()
		.filter_map(|task| outcomes.get(task).copied())
		.collect()
}

/// What hides a seat's report until it is revealed. It follows from the operator's key and what is sealed, so that whoever
/// has lost all but that key can still open what it sealed; and nobody else can know it.
fn salt<M: Market>(market: &M, key: SeatKey, seat: &AssignmentView) -> [u8; 32] {
	market.secret(&(b"millrace:salt", market.genesis(), key, terms(seat)).encode())
}

fn note<M: Market>(shared: &Shared<M>, key: SeatKey, task: u32, execution: &Execution) {
	let kind = match execution.outcome.status {
		Status::Success => "success",
		Status::Exit => "exit",
		Status::Trap => "trap",
		Status::OutOfGas | Status::OutOfStack => "exhausted",
		Status::OutputTooLong | Status::NoOutput | Status::Malformed => "failed",
	};
	shared.metrics.tasks.get_or_create(&Kind { kind }).inc();
	shared.metrics.gas.inc_by(execution.outcome.gas_used);
	match &execution.fault {
		Some(fault) => tracing::info!(seat = %key, task, fault, "the task did not succeed"),
		None => tracing::debug!(seat = %key, task, gas = execution.outcome.gas_used, "done"),
	}
}
