//! How what the machine yields is attested: reports over a shard's outcomes, seals, verdicts.

pub use crate::machine::{Outcome, Status};

use crate::{merkle, AccountId, Gas, Hash, ShardId};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

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

/// What a provider commits to before anybody reveals: `H("millrace:seal" | shard | round | report | salt | account)`.
/// The account keeps a copied seal from being opened by another; the round keeps an old one from being used again.
pub fn seal(shard: ShardId, round: u8, report: &Report, salt: &[u8; 32], account: &AccountId) -> Hash {
	merkle::hash(&(b"millrace:seal", shard, round, report, salt, account).encode())
}

/// The report over a shard's outcomes in the order of its tasks. `None` if their gas does not add up to a number, which no
/// outcomes within the limits of tasks do.
pub fn report(outcomes: &[Outcome]) -> Option<Report> {
	merkle::outcomes_report(outcomes)
}

/// The gas that each seat claims, for payment where no outcome was accepted.
pub type SeatGas = BoundedVec<(u8, Gas), ConstU32<{ crate::job::MAX_REPLICAS as u32 }>>;

/// What verification concluded about a shard.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum Verdict {
	/// The report holds; every seat that revealed it is paid.
	Accepted {
		/// The accepted report.
		report: Report,
	},
	/// The seats at fault are slashed and the shard is computed again.
	Rejected {
		/// Indices of the seats proven wrong.
		at_fault: Vec<u8>,
	},
	/// Reports differ and nothing can decide between them. Nobody is called guilty; those who revealed get half of
	/// their price, the client the rest.
	Unresolved {
		/// The seats that revealed and the gas each claims.
		revealed: SeatGas,
	},
}
