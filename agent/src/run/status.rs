//! What a running agent says of itself, in a file that `millrace-agent status` reads.

use super::Agent;
use crate::{
	decide::Progress,
	market::{Market, SubmitError},
	metrics::now,
	seat::{task_count, SeatKey},
};
use millrace_primitives::{api::AssignmentView, job::SeatState, money::as_decimal, Balance, BlockNumber, MarketBlock};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

/// A running agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
	/// The agent's version.
	pub version: String,
	/// Its process.
	pub pid: u32,
	/// When it was started, in seconds since 1970.
	pub started: u64,
	/// When it wrote this.
	pub updated: u64,
	/// The best block that it knows.
	pub best: BlockNumber,
	/// The last finalized block that it knows.
	pub finalized: BlockNumber,
	/// Shards being computed.
	pub running: u32,
	/// Bytes of inputs and outputs on disk.
	pub stored_bytes: u64,
	/// The last transaction whose fate is known.
	pub last_transaction: Option<LastTransaction>,
	/// The seats that it works on; those in custody are only counted.
	pub seats: Vec<SeatStatus>,
	/// Others' shards that it watches.
	#[serde(default)]
	pub watched: Vec<WatchedStatus>,
	/// Seats in custody.
	pub custody: u32,
	/// Boards of the court that the provider is a party of.
	#[serde(default)]
	pub boards: u32,
}

/// A transaction whose fate is known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastTransaction {
	/// The call.
	pub call: String,
	/// The seat, as `job.shard.seat.round`.
	pub seat: Option<String>,
	/// The block that it is in, if it succeeded.
	pub block: Option<BlockNumber>,
	/// Why it did not.
	pub error: Option<String>,
	/// When this was known, in seconds since 1970.
	pub at: u64,
}

/// A seat that the agent works on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatStatus {
	/// `job.shard.seat.round`.
	pub seat: String,
	/// What the chain says of it.
	pub state: Option<SeatState>,
	/// What the agent does about it.
	pub work: String,
	/// Tasks that are done.
	pub done: u32,
	/// Tasks in all.
	pub tasks: u32,
	/// The market block by which the chain's state must be left.
	pub due: MarketBlock,
}

/// A shard in which others alone have seats, and that the agent watches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchedStatus {
	/// `job.shard`.
	pub shard: String,
	/// What the agent does about it.
	pub work: String,
	/// Tasks that are done.
	pub done: u32,
	/// Tasks in all.
	pub tasks: u32,
	/// What it puts up to accuse who reported on it, in plancks; none if it does not.
	#[serde(with = "as_decimal")]
	pub bond: Balance,
}

impl LastTransaction {
	pub(super) fn new(call: &str, seat: Option<SeatKey>, result: &Result<BlockNumber, SubmitError>) -> Self {
		Self {
			call: call.into(),
			seat: seat.map(|seat| seat.to_string()),
			block: result.as_ref().ok().copied(),
			error: result.as_ref().err().map(ToString::to_string),
			at: now(),
		}
	}
}

/// How far the work on a seat is, in words, and how many tasks are done.
fn work_on<M: Market>(agent: &Agent<M>, key: &SeatKey, seat: &AssignmentView) -> (String, u32) {
	let progress = agent.local.seats.get(key).map_or(Progress::New, |work| work.progress);
	match progress {
		Progress::New => ("waiting".into(), 0),
		Progress::Fetching => ("fetching".into(), 0),
		Progress::FetchFailed { reason, .. } => (format!("cannot begin: {reason:?}"), 0),
		Progress::Fetched => ("ready".into(), 0),
		Progress::Executing => ("executing".into(), agent.tasks_done(key).unwrap_or(0)),
		Progress::Troubled { .. } => ("in trouble, see the log".into(), 0),
		Progress::Executed => ("computed".into(), task_count(seat)),
	}
}

impl Status {
	pub(super) fn new<M: Market>(agent: &Agent<M>) -> Self {
		let best = &agent.view.best;
		let mut seats = Vec::new();
		for (key, seat) in best.seats.iter().filter(|(_, seat)| seat.state.is_some()) {
			let (work, done) = work_on(agent, key, seat);
			seats.push(SeatStatus {
				seat: key.to_string(),
				state: seat.state,
				work,
				done,
				tasks: task_count(seat),
				due: seat.due,
			});
		}
		let watched = agent.watching.shards().map(|(key, watched)| {
			let (work, done) = work_on(agent, key, &watched.seat);
			WatchedStatus {
				shard: format!("{}.{}", key.shard.job.0, key.shard.index),
				work,
				done,
				tasks: watched.seat.tasks,
				bond: watched.accused.map_or(0, |accused| accused.bond),
			}
		});
		let executing = agent
			.local
			.seats
			.values()
			.filter(|work| work.progress == Progress::Executing)
			.count();
		let custody = agent.view.custody.as_ref().map_or(0, |custody| custody.seats.len());
		Self {
			version: env!("CARGO_PKG_VERSION").into(),
			pid: std::process::id(),
			started: agent.started,
			updated: now(),
			best: best.number,
			finalized: agent.view.finalized.number,
			running: u32::try_from(executing).unwrap_or(u32::MAX),
			stored_bytes: agent
				.shared
				.outputs
				.bytes()
				.saturating_add(agent.shared.fetcher.bytes()),
			last_transaction: agent.last_transaction.clone(),
			seats,
			watched: watched.collect(),
			custody: u32::try_from(custody).unwrap_or(u32::MAX),
			boards: u32::try_from(agent.shared.metrics.boards.get()).unwrap_or(0),
		}
	}

	/// Replaces the file. It need not outlast a crash, so nothing waits for the disk.
	pub(super) fn save(&self, path: &Path) -> io::Result<()> {
		let text = serde_json::to_vec(self).map_err(io::Error::other)?;
		let temporary = path.with_extension("json.new");
		fs::write(&temporary, text)?;
		fs::rename(&temporary, path)
	}

	/// Reads what the last agent on a data directory wrote; none if there was none.
	pub fn load(path: &Path) -> io::Result<Option<Self>> {
		match fs::read(path) {
			Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
			Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
			Err(error) => Err(error),
		}
	}
}
