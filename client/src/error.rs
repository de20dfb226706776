//! What can go wrong between a program and the chain.

use crate::keys::KeyError;
use millrace_primitives::{AccountId, Balance, Hash};

/// The result of everything that talks to the chain.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
	/// The node cannot be reached, or stayed away for longer than [`Options::patience`](crate::Options::patience).
	#[error("no connection to {url}: {reason}")]
	Connection {
		/// The node's address.
		url: String,
		/// What failed.
		reason: String,
	},
	/// The node at this address belongs to another chain, or to another Millrace chain than before.
	#[error("{url} is not the expected Millrace chain: {found}")]
	WrongNetwork {
		/// The node's address.
		url: String,
		/// What was found there.
		found: String,
	},
	/// The chain's runtime differs from the one that this library was built for in what the library uses.
	#[error("the chain's runtime does not fit this version of the software; what differs: {}", differs.join(", "))]
	IncompatibleChain {
		/// Pallets' calls, errors and runtime API methods, as `Pallet.name`.
		differs: Vec<String>,
	},
	/// The node answered a request with an error.
	#[error("the node refused {method}: {reason}")]
	Rpc {
		/// The JSON-RPC method.
		method: String,
		/// The node's words.
		reason: String,
	},
	/// The node's answer is not what it must be.
	#[error("cannot decode {what}: {reason}")]
	Decode {
		/// What was to be decoded.
		what: String,
		/// Why it could not.
		reason: String,
	},
	/// The transaction was included and its call failed. Its fee is paid; nothing else has changed.
	#[error("{pallet}.{error}{}{docs}", if docs.is_empty() { "" } else { ": " })]
	Dispatch {
		/// The pallet, or the kind of a general error (`Token`, `Arithmetic`, ...).
		pallet: String,
		/// The error's name.
		error: String,
		/// What it means.
		docs: String,
	},
	/// The submission ended before the transaction was handed to the node, for the reason inside. Nothing was submitted.
	#[error("{0}")]
	NotSent(Box<Error>),
	/// The signer cannot pay the transaction's fee. Nothing was submitted.
	#[error("{account} cannot pay the transaction fee (about {fee} plancks): it has {free} plancks free")]
	CannotPay {
		/// The signer.
		account: AccountId,
		/// Its free balance, in plancks.
		free: Balance,
		/// The fee's estimate, in plancks; 0 if it could not be estimated.
		fee: Balance,
	},
	/// The node's transaction pool refused the transaction. Nothing was submitted.
	#[error("the transaction was refused: {reason}")]
	Refused {
		/// The node's words.
		reason: String,
	},
	/// The chain has room of its own for calls of those whose turn it is, and the call is not the signer's to make now; or it was
	/// wrapped, and must stand alone. Nothing was included; look at the chain before it is submitted again.
	#[error("the call is not the signer's to make now: {reason}")]
	NotDue {
		/// The node's words.
		reason: String,
	},
	/// The transaction was never included and cannot be any more: it is safe to submit the call again.
	#[error("transaction {hash:?} was lost before it was included in a block; it is safe to submit again")]
	Dropped {
		/// The transaction's hash.
		hash: Hash,
	},
	/// The transaction was or may have been included, but the node no longer tells whether its call succeeded.
	#[error("the outcome of transaction {hash:?}, at finalized block {block:?}, cannot be read: {reason}")]
	OutcomeUnknown {
		/// The transaction's hash.
		hash: Hash,
		/// The block it is in, or in which it was given up.
		block: Hash,
		/// Why the outcome cannot be read.
		reason: String,
	},
	/// A key cannot be used.
	#[error(transparent)]
	Key(#[from] KeyError),
}

impl Error {
	/// True if the node could not be reached: trying again later may help.
	pub fn is_connection(&self) -> bool {
		match self {
			Self::Connection { .. } => true,
			Self::NotSent(reason) => reason.is_connection(),
			_ => false,
		}
	}

	/// True if the same call may be submitted again without the risk of doing it twice.
	pub fn is_retryable(&self) -> bool {
		matches!(
			self,
			Self::NotSent(_)
				| Self::Dropped { .. }
				| Self::CannotPay { .. }
				| Self::Refused { .. }
				| Self::NotDue { .. }
		)
	}

	/// The pallet and the name of a dispatch error.
	pub fn dispatch(&self) -> Option<(&str, &str)> {
		match self {
			Self::Dispatch { pallet, error, .. } => Some((pallet, error)),
			_ => None,
		}
	}

	pub(crate) fn decode(what: impl Into<String>, reason: impl ToString) -> Self {
		Self::Decode {
			what: what.into(),
			reason: reason.to_string(),
		}
	}

	/// The reason of a submission that came to nothing, as one that says so.
	pub(crate) fn not_sent(self) -> Self {
		match self {
			said @ (Self::NotSent(_) | Self::CannotPay { .. } | Self::Refused { .. } | Self::NotDue { .. }) => said,
			reason => Self::NotSent(Box::new(reason)),
		}
	}
}
