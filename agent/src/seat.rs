//! How the agent names what it works on.

use codec::{Decode, Encode};
use millrace_primitives::{api::AssignmentView, JobId, ShardId};
use std::fmt;

/// A seat in one of its rounds. The same seat in another round is other work: another seal, another deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct SeatKey {
	/// The shard.
	pub shard: ShardId,
	/// The seat's index in the shard.
	pub seat: u8,
	/// How often the seat fell vacant before.
	pub round: u8,
}

impl SeatKey {
	/// The length of [`Self::to_bytes`].
	pub const LEN: usize = 14;

	/// Bytes that sort as the keys do.
	pub fn to_bytes(self) -> [u8; Self::LEN] {
		let mut bytes = [0; Self::LEN];
		bytes[..8].copy_from_slice(&self.shard.job.0.to_be_bytes());
		bytes[8..12].copy_from_slice(&self.shard.index.to_be_bytes());
		bytes[12] = self.seat;
		bytes[13] = self.round;
		bytes
	}

	/// Reads [`Self::to_bytes`].
	pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
		let (job, rest) = bytes.split_first_chunk::<8>()?;
		let (index, rest) = rest.split_first_chunk::<4>()?;
		let [seat, round] = rest else { return None };
		let shard = ShardId {
			job: JobId(u64::from_be_bytes(*job)),
			index: u32::from_be_bytes(*index),
		};
		Some(Self {
			shard,
			seat: *seat,
			round: *round,
		})
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

/// `job.shard.seat.round`, also the name of the seat's folder.
impl fmt::Display for SeatKey {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(
			f,
			"{}.{}.{}.{}",
			self.shard.job.0, self.shard.index, self.seat, self.round
		)
	}
}

/// What a seat's provider can send to the chain.
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
}

impl TxKind {
	/// All kinds.
	pub const ALL: [Self; 4] = [Self::Accept, Self::Decline, Self::Seal, Self::Reveal];

	/// The call's name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Accept => "accept",
			Self::Decline => "decline",
			Self::Seal => "seal",
			Self::Reveal => "reveal",
		}
	}
}
