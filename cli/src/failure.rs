//! How a command ends when it does not succeed.

use crate::units::mill;
use millrace_client::{
	blobs::FetchError,
	keys::{address, KeyError},
	Error,
};

/// The exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  wrong usage, or an error that is none of the others
  2  bad input: a file, key, amount or specification
  3  the chain refused a transaction, or never took it
  4  no connection: node or endpoints unreachable, or the wrong network
  5  the job ended, or stands, without all its results, or tasks did not succeed
  6  data did not match what the chain says
  7  a task comes to something else here than a provider reported, or a dispute was lost";

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
	/// None of the others.
	#[error("{0}")]
	Other(String),
	/// The command line is not understood.
	#[error("{}", text.trim().trim_start_matches("error: "))]
	Usage {
		/// What the parser says.
		text: String,
		/// True if it is about a value.
		value: bool,
	},
	/// What the user gave cannot be used.
	#[error("{0}")]
	Input(String),
	/// The chain, or the way to it.
	#[error(transparent)]
	Chain(Error),
	/// The chain refuses what has not even been sent.
	#[error("{0}")]
	Refused(String),
	/// Downloads.
	#[error(transparent)]
	Fetch(#[from] FetchError),
	/// The job has no result for some tasks.
	#[error("{0}")]
	Incomplete(String),
	/// Data that does not match the chain.
	#[error("{0}")]
	Unverified(String),
	/// What was computed here is not what was reported.
	#[error("{0}")]
	Differs(String),
	/// Endpoints that cannot be reached.
	#[error("{0}")]
	Unreachable(String),
}

/// The result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl From<Error> for Failure {
	fn from(error: Error) -> Self {
		match error {
			// The reason alone tells what to do.
			Error::NotSent(reason) => Self::Chain(*reason),
			other => Self::Chain(other),
		}
	}
}

impl From<KeyError> for Failure {
	fn from(error: KeyError) -> Self {
		Self::Input(error.to_string())
	}
}

impl Failure {
	/// The process's exit code.
	pub fn exit_code(&self) -> u8 {
		match self {
			Self::Other(_) | Self::Usage { value: false, .. } => 1,
			Self::Usage { value: true, .. } | Self::Input(_) | Self::Chain(Error::Key(_)) => 2,
			Self::Refused(_)
			| Self::Chain(
				Error::Dispatch { .. }
				| Error::CannotPay { .. }
				| Error::Refused { .. }
				| Error::NotDue { .. }
				| Error::Dropped { .. },
			) => 3,
			Self::Fetch(error) if error.is_mismatch() => 6,
			Self::Fetch(FetchError::Disk { .. } | FetchError::Client(_)) => 1,
			Self::Chain(Error::Connection { .. } | Error::WrongNetwork { .. } | Error::IncompatibleChain { .. }) => 4,
			Self::Fetch(_) | Self::Unreachable(_) => 4,
			Self::Chain(_) => 1,
			Self::Incomplete(_) => 5,
			Self::Unverified(_) => 6,
			Self::Differs(_) => 7,
		}
	}

	/// What happened, with amounts as people write them.
	pub fn text(&self) -> String {
		match self {
			Self::Chain(Error::CannotPay { account, free, fee }) => format!(
				"{} cannot pay the transaction fee: it takes about {}, and {} are free",
				address(account),
				mill(*fee),
				mill(*free),
			),
			other => other.to_string(),
		}
	}

	/// The chain's error as `Pallet.Name`, if a call failed with one.
	pub fn dispatch(&self) -> Option<String> {
		match self {
			Self::Chain(error) => error.dispatch().map(|(pallet, name)| format!("{pallet}.{name}")),
			_ => None,
		}
	}

	/// What the user can do about it.
	pub fn advice(&self) -> Option<String> {
		let advice = match self {
			Self::Chain(Error::Connection { .. }) => {
				"is the node running, and is --url (or MILLRACE_URL) its WebSocket address?".into()
			}
			Self::Chain(Error::WrongNetwork { .. }) => "name a Millrace node with --url (or MILLRACE_URL)".into(),
			Self::Chain(Error::IncompatibleChain { .. }) => "use the release of millrace that fits the chain".into(),
			Self::Chain(Error::CannotPay { fee, free, .. }) => {
				let missing = fee.saturating_sub(*free);
				if missing > 0 {
					format!(
						"send at least {} to the account, and a little more for it to keep existing",
						mill(missing)
					)
				} else {
					"the account must keep the existential deposit; send it some more".into()
				}
			}
			Self::Chain(Error::Rpc { reason, .. }) if reason.contains("discarded") => {
				"the node no longer has the state of that block: ask one that runs with --state-pruning archive".into()
			}
			Self::Chain(Error::Dropped { .. }) => "run the command again".into(),
			Self::Chain(Error::OutcomeUnknown { .. }) => "look at the chain before you run the command again".into(),
			Self::Chain(Error::Dispatch { pallet, error, .. }) => return dispatch_advice(pallet, error),
			Self::Fetch(error) if error.is_disk_full() => "the disk is full: make room, then run it again".into(),
			_ => return None,
		};
		Some(advice)
	}
}

fn dispatch_advice(pallet: &str, error: &str) -> Option<String> {
	let advice = match (pallet, error) {
		("Jobs", "InsufficientFunds") => {
			"see what a job holds with `millrace estimate`, and what you have with `millrace balance`"
		}
		("Jobs", "UnknownProgram") => "publish it: `millrace program publish FILE.wasm`, or submit with --publish",
		("Jobs", "PriceTooLow") => "raise --max-price",
		("Jobs", "DeadlineTooLong") => "shorten --deadline",
		("Jobs", "NotClient") | ("Jobs", "NotPublisher") => {
			"sign with the account that began it: --key (or MILLRACE_KEY)"
		}
		("Jobs", "ProgramInUse") => "jobs use the program; acknowledge them, or wait for the end of their custody",
		("Jobs", "NothingInCustody") => "nothing waits for acknowledgement: not settled yet, or over already",
		("Jobs", "StillDemanded") => "you demanded parts of the outputs: wait until they are shown",
		("Jobs", "TooManyDemands") => "as many parts are demanded as may be at once: wait until some are shown",
		("Jobs", "DemandedAlready") => "wait until it is shown: run `millrace fetch` with --demand again",
		("Providers", "BondTooSmall") => "raise --bond",
		("Providers", "BondReserved") => "open work reserves the bond: drain, and wait until it has settled",
		("Providers", "StillUnbonding") => "wait until the unbonding period is over",
		("Providers", "UnknownOperator") => "sign with the operator's key: --key (or MILLRACE_KEY)",
		("Providers", "UnknownProvider") => "sign with the provider's own key: --key (or MILLRACE_KEY)",
		("Attestations", "CannotPay") => {
			"the bond must be free: see `millrace balance`, and `millrace dispute show` for the bond"
		}
		("Attestations", "TooLate") => "the time in which that seat can be attacked is over",
		("Attestations", "NotDifferent") => {
			"the seat reported just that; or it is an audit, and the task is none of the few that it computed"
		}
		("Attestations", "NotNow" | "WrongSeat" | "EnoughBoards") => {
			"see with `millrace dispute show` who can be attacked, and when"
		}
		("Attestations", "UnknownShard") => "nobody has it, or it is settled: nothing can be disputed",
		("Token", "FundsUnavailable") => "the account has too little: see `millrace balance`",
		_ => return None,
	};
	Some(advice.into())
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_client::blobs::{Reason, Refusal};

	fn refused(reason: Reason) -> Failure {
		let reasons = vec![Refusal {
			endpoint: "http://a".into(),
			reason,
		}];
		FetchError::Refused {
			what: "blob".into(),
			reasons,
		}
		.into()
	}

	#[test]
	fn exit_codes_are_those_of_the_help() {
		let dispatch = Error::Dispatch {
			pallet: "Jobs".into(),
			error: "PriceTooLow".into(),
			docs: String::new(),
		};
		let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
		let cases: Vec<(Failure, u8)> = vec![
			(Failure::Other(String::new()), 1),
			(
				FetchError::Disk {
					path: "x".into(),
					source: full,
				}
				.into(),
				1,
			),
			(Failure::Input(String::new()), 2),
			(KeyError::Secret.into(), 2),
			(Error::Key(KeyError::Secret).into(), 2),
			(dispatch.into(), 3),
			(Failure::Refused(String::new()), 3),
			(Error::Refused { reason: String::new() }.into(), 3),
			(
				Error::Connection {
					url: String::new(),
					reason: String::new(),
				}
				.into(),
				4,
			),
			(
				Error::NotSent(Box::new(Error::WrongNetwork {
					url: String::new(),
					found: String::new(),
				}))
				.into(),
				4,
			),
			(
				Error::Rpc {
					method: String::new(),
					reason: String::new(),
				}
				.into(),
				1,
			),
			(refused(Reason::Status(404)), 4),
			(Failure::Incomplete(String::new()), 5),
			(Failure::Unverified(String::new()), 6),
			(Failure::Differs(String::new()), 7),
			(refused(Reason::Mismatch), 6),
		];
		for (failure, code) in cases {
			assert_eq!(failure.exit_code(), code, "{failure:?}");
			assert!(EXIT_CODES.contains(&format!("\n  {code}  ")), "{code}");
		}
	}

	#[test]
	fn what_an_audit_never_computed_is_not_said_to_be_the_same() {
		let advice = dispatch_advice("Attestations", "NotDifferent").unwrap();
		assert!(advice.contains("just that; or it is an audit"), "{advice}");
	}

	#[test]
	fn errors_say_what_to_do() {
		let advice = |error: Failure| error.advice().unwrap_or_default();
		assert!(advice(
			Error::Connection {
				url: String::new(),
				reason: String::new()
			}
			.into()
		)
		.contains("--url"));
		let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
		assert!(advice(
			FetchError::Disk {
				path: "x".into(),
				source: full
			}
			.into()
		)
		.contains("disk is full"));
		let account = millrace_primitives::AccountId::from([1; 32]);
		let poor = Error::CannotPay {
			account,
			free: 1,
			fee: 3 * millrace_primitives::MILL,
		};
		let poor = Failure::from(poor);
		assert!(poor.text().contains("about 3 MILL"));
		assert!(advice(poor).contains("2.999999999999 MILL"));
	}
}
