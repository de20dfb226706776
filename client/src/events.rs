//! What happened in a block.

use crate::{Error, Result};
use codec::{Compact, Decode};
use millrace_court::case::{End, How, Kind};
use millrace_primitives::{AccountId, Balance, Hash, MarketBlock, Report, ShardId};
use sp_runtime::DispatchError;
use subxt::{
	ext::scale_decode::visitor::{decode_with_visitor, IgnoreVisitor},
	Metadata,
};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
	/// The pallet that emitted it.
	pub pallet: String,
	/// Its name.
	pub name: String,
	/// The index of the transaction that caused it; none for the block's own work.
	pub extrinsic: Option<u32>,
	/// Its fields, SCALE encoded one after the other.
	pub fields: Vec<u8>,
}

impl Event {
	/// True if it is this pallet's event of this name.
	pub fn is(&self, pallet: &str, name: &str) -> bool {
		self.pallet == pallet && self.name == name
	}

	/// Its leading fields: one type, or a tuple for several.
	///
	/// # Errors
	/// [`Error::Decode`] if the fields have other types.
	pub fn decode<T: Decode>(&self) -> Result<T> {
		T::decode(&mut &self.fields[..])
			.map_err(|error| Error::decode(format!("event {}.{}", self.pallet, self.name), error))
	}
}

/// Who opened a board.
#[derive(Clone, Debug, PartialEq, Eq, Decode)]
pub enum Author {
	/// A seat, by its number in the case.
	#[codec(index = 0)]
	Seat(u8),
	/// Anybody, for a bond.
	#[codec(index = 1)]
	Outsider(AccountId),
}

/// What happened to a shard in the court.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Court {
	/// The case began, with so many seats.
	Begun(u8),
	/// Random numbers said whether it is audited.
	Drawn(bool),
	/// A provider was drawn to check it: how, and who.
	SeatDrawn(Kind, AccountId),
	/// A drawn seat left before it sealed; what it lost.
	SeatLeft(AccountId, Balance),
	/// A drawn seat cannot fetch what it needs.
	Unavailable(AccountId),
	/// A report is attacked.
	BoardOpened {
		/// The board's number.
		board: u32,
		/// By whom.
		by: Author,
		/// The number of the seat that is attacked.
		target: u8,
	},
	/// A board is decided.
	BoardDecided {
		/// The board's number.
		board: u32,
		/// Whether its target is out, and not its author.
		target_lost: bool,
		/// How.
		how: How,
	},
	/// The case is decided and settled.
	Decided {
		/// How.
		end: End,
		/// The report that is paid, if one is.
		report: Option<Report>,
		/// Who is guilty.
		guilty: Vec<AccountId>,
	},
	/// What an outsider put up was settled.
	BondSettled {
		/// The board's number.
		board: u32,
		/// Who had put it up.
		by: AccountId,
		/// What it lost of it.
		lost: Balance,
	},
	/// What somebody guilty lost is held.
	VerdictHeld {
		/// Who lost it.
		account: AccountId,
		/// How much.
		amount: Balance,
		/// The market block in which it is shared out, unless it is frozen.
		due: MarketBlock,
	},
	/// What somebody lost is shared out: to whom, nobody if it burned, and how much.
	Enacted(AccountId, Vec<(Option<AccountId>, Balance)>),
	/// What somebody lost is its own again, so much.
	Voided(AccountId, Balance),
}

impl Event {
	/// What the event says of a shard in the court; none of seals, reveals, moves, and of events of other pallets.
	///
	/// # Errors
	/// [`Error::Decode`] if the fields have other types.
	pub fn court(&self) -> Result<Option<(ShardId, Court)>> {
		if self.pallet != "Attestations" {
			return Ok(None);
		}
		Ok(Some(match self.name.as_str() {
			"SealingClosed" => {
				let (shard, seats) = self.decode()?;
				(shard, Court::Begun(seats))
			}
			"Drawn" => {
				let (shard, audited) = self.decode()?;
				(shard, Court::Drawn(audited))
			}
			"SeatDrawn" => {
				let (shard, kind, _, provider) = self.decode::<(_, _, u8, _)>()?;
				(shard, Court::SeatDrawn(kind, provider))
			}
			"SeatLeft" => {
				let (shard, _, provider, lost) = self.decode::<(_, u8, _, _)>()?;
				(shard, Court::SeatLeft(provider, lost))
			}
			"Unavailable" => {
				let (shard, provider) = self.decode()?;
				(shard, Court::Unavailable(provider))
			}
			"BoardOpened" => {
				let (shard, board, by, target) = self.decode()?;
				(shard, Court::BoardOpened { board, by, target })
			}
			"BoardDecided" => {
				let (shard, board, target_lost, how) = self.decode()?;
				let decided = Court::BoardDecided {
					board,
					target_lost,
					how,
				};
				(shard, decided)
			}
			"Decided" => {
				let (shard, end, report, guilty) = self.decode()?;
				(shard, Court::Decided { end, report, guilty })
			}
			"BondSettled" => {
				let (shard, board, by, lost) = self.decode()?;
				(shard, Court::BondSettled { board, by, lost })
			}
			"VerdictHeld" => {
				let (shard, account, amount, due) = self.decode()?;
				(shard, Court::VerdictHeld { account, amount, due })
			}
			"Enacted" => {
				let (shard, account, paid) = self.decode()?;
				(shard, Court::Enacted(account, paid))
			}
			"Voided" => {
				let (shard, account, amount) = self.decode()?;
				(shard, Court::Voided(account, amount))
			}
			_ => return Ok(None),
		}))
	}
}

/// When in a block an event happened, as `frame_system::Phase` is encoded.
#[derive(Decode)]
enum Phase {
	ApplyExtrinsic(u32),
	Finalization,
	Initialization,
}

/// Decodes the storage item `System.Events`.
pub(crate) fn decode_events(metadata: &Metadata, bytes: &[u8]) -> Result<Vec<Event>> {
	let failed = |reason: String| Error::decode("events", reason);
	let input = &mut &bytes[..];
	let count = Compact::<u32>::decode(input)
		.map_err(|error| failed(error.to_string()))?
		.0;
	let mut events = Vec::new();
	for _ in 0..count {
		let phase = Phase::decode(input).map_err(|error| failed(error.to_string()))?;
		let (pallet, variant) = <(u8, u8)>::decode(input).map_err(|error| failed(error.to_string()))?;
		let pallet = metadata
			.pallet_by_event_index(pallet)
			.ok_or_else(|| failed(format!("no pallet has index {pallet}")))?;
		let variant = pallet
			.event_variant_by_index(variant)
			.ok_or_else(|| failed(format!("{} has no event {variant}", pallet.name())))?;
		let start = *input;
		for field in &variant.fields {
			decode_with_visitor(input, field.ty.id, metadata.types(), IgnoreVisitor::new())
				.map_err(|error| failed(format!("{}.{}: {error}", pallet.name(), variant.name)))?;
		}
		let fields = start.get(..start.len() - input.len()).unwrap_or_default().to_vec();
		Vec::<Hash>::decode(input).map_err(|error| failed(error.to_string()))?;
		events.push(Event {
			pallet: pallet.name().into(),
			name: variant.name.clone(),
			extrinsic: match phase {
				Phase::ApplyExtrinsic(index) => Some(index),
				Phase::Finalization | Phase::Initialization => None,
			},
			fields,
		});
	}
	Ok(events)
}

/// Names a dispatch error.
pub(crate) fn dispatch_error(metadata: &Metadata, error: DispatchError) -> Error {
	let named = |pallet: &str, error: String, docs: &str| Error::Dispatch {
		pallet: pallet.into(),
		error,
		docs: docs.trim().into(),
	};
	match error {
		DispatchError::Module(module) => {
			let pallet = metadata.pallet_by_error_index(module.index);
			let variant = pallet
				.as_ref()
				.and_then(|pallet| pallet.error_variant_by_index(module.error[0]));
			match (pallet, variant) {
				(Some(pallet), Some(variant)) => named(pallet.name(), variant.name.clone(), &variant.docs.join(" ")),
				_ => named(
					&format!("pallet {}", module.index),
					format!("error {:?}", module.error),
					"",
				),
			}
		}
		DispatchError::Token(error) => named("Token", format!("{error:?}"), error.into()),
		DispatchError::Arithmetic(error) => named("Arithmetic", format!("{error:?}"), error.into()),
		DispatchError::Transactional(error) => named("Transactional", format!("{error:?}"), error.into()),
		DispatchError::BadOrigin => named("System", "BadOrigin".into(), "this account may not do that"),
		other => named("System", format!("{other:?}"), ""),
	}
}

/// The error of `System.ExtrinsicFailed`, or of a failed call within a batch.
pub(crate) fn failure(metadata: &Metadata, events: &[Event]) -> Result<Option<Error>> {
	for event in events {
		if event.is("System", "ExtrinsicFailed") {
			return Ok(Some(dispatch_error(metadata, event.decode()?)));
		}
	}
	Ok(None)
}
