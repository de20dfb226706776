//! How what the machine yields is attested: reports over a shard's outcomes, and seals.

pub use crate::machine::{Outcome, Status};

use crate::{merkle, AccountId, Gas, Hash, ShardId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// A provider's claim about a shard: the root of the Merkle-sum tree over its tasks' outcomes, and the sum.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Report {
	/// [`merkle::outcomes_report`]'s root. It commits to the sum: a wrong total is a wrong root.
	pub root: Hash,
	/// The gas of all tasks together.
	pub gas_used: Gas,
}

/// What a seal is of, beside the report and its salt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode)]
pub struct SealContext<'a> {
	/// The chain's first block: a seal of another chain, or of a fresh start, is none.
	pub genesis: &'a Hash,
	/// The shard.
	pub shard: ShardId,
	/// The seat's index.
	pub seat: u8,
	/// The seat's round: an old seal is none.
	pub round: u32,
	/// Who holds the seat: a copied seal cannot be opened.
	pub account: &'a AccountId,
}

/// What a provider commits to before anybody reveals: `H("millrace:seal" | context | report | salt)`.
pub fn seal(context: SealContext, report: &Report, salt: &[u8; 32]) -> Hash {
	merkle::hash(&(b"millrace:seal", context, report, salt).encode())
}

/// The report over a shard's outcomes in the order of its tasks. `None` if their gas does not add up to a number, which no
/// outcomes within the limits of tasks do.
pub fn report(outcomes: &[Outcome]) -> Option<Report> {
	merkle::outcomes_report(outcomes)
}
