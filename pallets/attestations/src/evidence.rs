//! Seals and reveals.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::outcome::SeatGas;
use scale_info::TypeInfo;

/// What a provider has said about a shard.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SeatEvidence {
	/// The seat's index.
	pub seat: u8,
	/// Who holds it.
	pub provider: AccountId,
	/// The seat's round when the report was sealed.
	pub round: u8,
	/// The commitment, [`outcome::seal`].
	pub seal: Hash,
	/// The report, once revealed.
	pub report: Option<Report>,
}

/// All that was said about a shard.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ShardEvidence {
	/// How many seats the shard has.
	pub seats: u8,
	/// The seats that sealed, in the order in which they did; no seat twice.
	pub entries: BoundedVec<SeatEvidence, ConstU32<{ MAX_REPLICAS as u32 }>>,
	/// Reveals are open and due by the end of this market block; none while a seat is not sealed.
	pub reveal_due: Option<MarketBlock>,
}

impl ShardEvidence {
	/// No seat has sealed yet.
	pub fn new(seats: u8) -> Self {
		Self {
			seats,
			entries: BoundedVec::new(),
			reveal_due: None,
		}
	}

	/// True once each seat is sealed or revealed.
	pub fn all_sealed(&self) -> bool {
		self.entries.len() == usize::from(self.seats)
	}

	/// True once each seat is revealed.
	pub fn all_revealed(&self) -> bool {
		self.all_sealed() && self.entries.iter().all(|entry| entry.report.is_some())
	}

	/// The gas that each revealed seat claims.
	pub fn revealed(&self) -> SeatGas {
		let gas = self
			.entries
			.iter()
			.filter_map(|entry| entry.report.map(|report| (entry.seat, report.gas_used)));
		SeatGas::truncate_from(gas.collect())
	}

	/// What the reports of all seats prove: they are one, or nothing.
	pub fn verdict(&self) -> Option<Verdict> {
		if !self.all_revealed() {
			return None;
		}
		let mut reports = self.entries.iter().filter_map(|entry| entry.report);
		let report = reports.next()?;
		Some(if reports.all(|other| other == report) {
			Verdict::Accepted { report }
		} else {
			Verdict::Unresolved {
				revealed: self.revealed(),
			}
		})
	}
}

/// A report to be sealed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SealItem {
	/// The shard.
	pub shard: ShardId,
	/// The commitment, [`outcome::seal`].
	pub seal: Hash,
}

/// A sealed report to be revealed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RevealItem {
	/// The shard.
	pub shard: ShardId,
	/// The report.
	pub report: Report,
	/// The salt of the seal.
	pub salt: [u8; 32],
}

impl<T: Config> Pallet<T> {
	/// The provider that the signer works for.
	pub(crate) fn ensure_operator(origin: OriginFor<T>) -> Result<AccountId, DispatchError> {
		let operator = ensure_signed(origin)?;
		T::Registry::provider_of(&operator).ok_or_else(|| Error::<T>::NotAnOperator.into())
	}

	/// Seals a report and opens the reveals if it is the last seat's.
	pub(crate) fn do_seal(provider: &AccountId, shard: ShardId, seal: Hash) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let seat = T::Assignments::seat(shard, provider).ok_or(Error::<T>::NotAssigned)?;
		ensure!(seat.index < evidence.seats, Error::<T>::NotAssigned);
		ensure!(seat.state.on(SeatEvent::Seal).is_ok(), Error::<T>::AlreadySealed);
		ensure!(
			evidence.entries.iter().all(|entry| entry.seat != seat.index),
			Error::<T>::AlreadySealed
		);
		let entry = SeatEvidence {
			seat: seat.index,
			provider: provider.clone(),
			round: seat.round,
			seal,
			report: None,
		};
		// Indices are below the number of seats and none repeats, so there is room.
		evidence
			.entries
			.try_push(entry)
			.map_err(|_| Error::<T>::UnsupportedSeats)?;
		if evidence.all_sealed() {
			evidence.reveal_due = Some(Self::enqueue(shard));
		}
		let reveal_due = evidence.reveal_due;
		Evidence::<T>::insert(shard, evidence);
		T::Assignments::on_sealed(shard, seat.index)?;
		Self::deposit_event(Event::Sealed {
			shard,
			seat: seat.index,
			provider: provider.clone(),
			reveal_due,
		});
		Ok(())
	}

	/// Reveals a report and decides if it is the last seat's; returns the number of seats if it decided.
	pub(crate) fn do_reveal(provider: &AccountId, item: RevealItem) -> Result<Option<u8>, DispatchError> {
		let RevealItem { shard, report, salt } = item;
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let seat = T::Assignments::seat(shard, provider).ok_or(Error::<T>::NotAssigned)?;
		let open = evidence.reveal_due.is_some();
		let entry = evidence
			.entries
			.iter_mut()
			.find(|entry| entry.seat == seat.index && entry.provider == *provider)
			.ok_or(Error::<T>::NotSealed)?;
		ensure!(entry.report.is_none(), Error::<T>::AlreadyRevealed);
		ensure!(open, Error::<T>::RevealNotOpen);
		ensure!(report.gas_used <= seat.gas_limit, Error::<T>::GasAboveLimit);
		let seal = outcome::seal(shard, entry.round, &report, &salt, provider);
		ensure!(seal == entry.seal, Error::<T>::SealMismatch);
		entry.report = Some(report);

		let verdict = evidence.verdict();
		let seats = evidence.seats;
		match verdict {
			Some(_) => Evidence::<T>::remove(shard),
			None => Evidence::<T>::insert(shard, evidence),
		}
		T::Assignments::on_revealed(shard, seat.index)?;
		Self::deposit_event(Event::Revealed {
			shard,
			seat: seat.index,
			provider: provider.clone(),
			report,
		});
		let Some(verdict) = verdict else { return Ok(None) };
		Self::deposit_event(Event::Decided {
			shard,
			verdict: verdict.clone(),
		});
		T::Assignments::on_verdict(shard, verdict);
		Ok(Some(seats))
	}

	/// Does each item in a storage layer of its own. A fee is due unless all succeed.
	pub(crate) fn batch<I>(
		provider: &AccountId,
		items: impl ExactSizeIterator<Item = I>,
		mut act: impl FnMut(I) -> DispatchResult,
	) -> Result<Pays, DispatchError> {
		ensure!(items.len() > 0, Error::<T>::EmptyBatch);
		let (mut succeeded, mut pays) = (false, Pays::No);
		for (index, item) in items.enumerate() {
			match with_storage_layer(|| act(item)) {
				Ok(()) => succeeded = true,
				Err(error) => {
					pays = Pays::Yes;
					Self::deposit_event(Event::ItemFailed {
						index: index as u32,
						error,
					});
				}
			}
		}
		if succeeded {
			T::Registry::note(provider, Conduct::Alive);
		}
		Ok(pays)
	}
}
