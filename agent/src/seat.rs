//! How the agent names what it works on.

use codec::{Decode, Encode};
use millrace_primitives::{api::AssignmentView, Hash, JobId, ShardId};
use std::fmt;

/// The index of the first seat that the court draws a provider for; below are those that the client buys.
pub const FIRST_DRAWN: u8 = 16;
/// Stands for the seat of a shard in which the provider has none, and which it computes nevertheless: see
/// [`watching`](crate::watching). The chain gives this index to nobody.
pub const WATCHED: u8 = u8::MAX;

/// A seat in one of its rounds. The same seat in another round is other work: another seal, another deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct SeatKey {
	/// The shard.
	pub shard: ShardId,
	/// The seat's index in the shard.
	pub seat: u8,
	/// How often the seat fell vacant before.
	pub round: u32,
}

impl SeatKey {
	/// The length of [`Self::to_bytes`].
	pub const LEN: usize = 17;

	/// What a shard is worked on as in which the provider has no seat.
	pub const fn watching(shard: ShardId) -> Self {
		Self {
			shard,
			seat: WATCHED,
			round: 0,
		}
	}

	/// Bytes that sort as the keys do.
	pub fn to_bytes(self) -> [u8; Self::LEN] {
		let mut bytes = [0; Self::LEN];
		bytes[..8].copy_from_slice(&self.shard.job.0.to_be_bytes());
		bytes[8..12].copy_from_slice(&self.shard.index.to_be_bytes());
		bytes[12] = self.seat;
		bytes[13..].copy_from_slice(&self.round.to_be_bytes());
		bytes
	}

	/// Reads [`Self::to_bytes`].
	pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
		let (job, rest) = bytes.split_first_chunk::<8>()?;
		let (index, rest) = rest.split_first_chunk::<4>()?;
		let (seat, round) = rest.split_first()?;
		let shard = ShardId {
			job: JobId(u64::from_be_bytes(*job)),
			index: u32::from_be_bytes(*index),
		};
		Some(Self {
			shard,
			seat: *seat,
			round: u32::from_be_bytes(round.try_into().ok()?),
		})
	}

	/// Whether the court drew a provider for it, to check the others.
	pub const fn is_drawn(&self) -> bool {
		self.seat >= FIRST_DRAWN && !self.is_watched()
	}

	/// Whether it is no seat of the provider's, but a shard that it watches.
	pub const fn is_watched(&self) -> bool {
		self.seat == WATCHED
	}
}

/// The tasks that a seat computes, by their numbers in the job, in the order of its report.
pub fn tasks(seat: &AssignmentView) -> Vec<u32> {
	let within = |task: &u32| *task < seat.tasks;
	let number = |task: u32| seat.first_task.saturating_add(task);
	match &seat.sample {
		Some(sample) => sample.iter().copied().filter(within).map(number).collect(),
		None => (0..seat.tasks).map(number).collect(),
	}
}

/// How many tasks a seat computes.
pub fn task_count(seat: &AssignmentView) -> u32 {
	match &seat.sample {
		Some(_) => u32::try_from(tasks(seat).len()).unwrap_or(u32::MAX),
		None => seat.tasks,
	}
}

impl From<&AssignmentView> for SeatKey {
	fn from(view: &AssignmentView) -> Self {
		Self {
			shard: view.shard,
			seat: view.seat,
			round: view.round,
		}
	}
}

/// `job.shard.seat.round`, or `job.shard.watched`; also the name of the seat's folder.
impl fmt::Display for SeatKey {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (job, index) = (self.shard.job.0, self.shard.index);
		match self.is_watched() {
			true => write!(f, "{job}.{index}.watched"),
			false => write!(f, "{job}.{index}.{}.{}", self.seat, self.round),
		}
	}
}

/// What can be sent to the chain about a seat, or a watched shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub enum TxKind {
	/// Commits to report in time.
	Accept,
	/// Gives the seat back before that.
	Decline,
	/// Commits to a report.
	Seal,
	/// Opens the report.
	Reveal,
	/// Says that what a drawn seat needs cannot be fetched.
	Unavailable,
	/// Attacks another seat, by its number in the case.
	Attack(u8),
	/// Makes a move on a board in this position: there is one move in each, and after a reorganisation it is the same.
	Play(u32, Hash),
	/// Ends a board on which the other's time is over.
	Time(u32),
	/// Shows what is demanded of a task, counted from the shard's first: a chunk of its output, or its outcome.
	Answer(u32, Option<u32>),
	/// Accuses a seat of a shard in which the provider has none.
	Accuse,
	/// Settles what was put up for a board, once the case is over.
	Pull(u32),
}

impl TxKind {
	/// The call's name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Accept => "accept",
			Self::Decline => "decline",
			Self::Seal => "seal",
			Self::Reveal => "reveal",
			Self::Unavailable => "unavailable",
			Self::Attack(_) => "attack",
			Self::Play(..) => "play",
			Self::Time(_) => "time",
			Self::Answer(..) => "answer",
			Self::Accuse => "accuse",
			Self::Pull(_) => "pull",
		}
	}
}
