//! Evidence that a shard was computed, and the verdict on it.
//!
//! # Replicated verification
//! Several providers compute the same shard. Each first *seals* its report (commits to its hash with a salt); when every
//! seat is sealed, each *reveals* it:
//!
//! ```text
//! open ──► seals arrive ──last seat seals──► reveals open, until due ──last seat reveals──► verdict, evidence gone
//!            ▲                                  │ due passed
//!            └── the seats that did not reveal ◄┘ fall vacant; those that did stay revealed
//! ```
//! - All reports equal, gas included: [`Verdict::Accepted`].
//! - Any difference: [`Verdict::Unresolved`] with the gas that each seat itself claims. It is never put to a vote: a
//!   majority proves nothing, since seats can be bought.
//!
//! # What each protection is for
//! - *Lazy copier*: nothing can be copied before every seat is bound; a copied seal cannot be opened, because the account
//!   is part of the hash.
//! - *Replay*: the shard and the seat's round are part of the hash, so neither another shard's seal nor one from before
//!   the seat fell vacant can be opened.
//! - *Last revealer*: it sees the other reports but is bound by its own. It can only stay silent, and
//!   [`Assignments::on_missed_reveals`] makes that cost what the terms of the shard say.
//! - *Inflated gas*: no report above the shard's gas limit can be revealed, and differing gas is a difference.
//! - *Reorganisation*: a reveal gives its salt and report away, so agents reveal only after the block with the last seal
//!   is finalized; the reveal window must be long enough for that.
//!
//! One gap is known: the provider drawn after a missed reveal can read the reports that were revealed before. It is not
//! blind, and its agreement proves less. Disputes will close this; until then the price of a missed reveal keeps it rare.
//!
//! # Deadlines
//! Reveal deadlines stand in one queue in the order in which they were set. An entry is served in `on_poll` within
//! [`Config::PollWeight`], or by anybody's [`poke`](Pallet::poke), once its block has passed: never earlier, later if the
//! blocks are full or if the window was shortened while longer ones stand before it. A reveal counts until its deadline
//! is served. Entries whose shard has been decided meanwhile stay in the queue until their turn and are dropped then.
//!
//! # Who may call what
//! A provider's operator key seals and reveals for the seats that its provider holds; anybody may poke. Seals and reveals
//! that succeed are free.
//!
//! # What cannot happen
//! A verdict without the report of every seat; two reports of one seat in a verdict; a queue walk longer than the weight
//! allows; evidence of a shard that was decided or closed.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod deadlines;
mod evidence;
mod verifier;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

pub use deadlines::{Deadline, QueueRange};
pub use evidence::{RevealItem, SealItem, SeatEvidence, ShardEvidence};
pub use pallet::*;
pub use weights::WeightInfo;

use alloc::vec::Vec;
use frame_support::{pallet_prelude::*, storage::with_storage_layer, traits::Get, weights::WeightMeter};
use frame_system::pallet_prelude::*;
use millrace_primitives::{
	job::{SeatEvent, MAX_REPLICAS},
	outcome,
	params::AttestationsParams,
	traits::{Assignments, Conduct, MarketClock, ProviderRegistry},
	AccountId, Hash, MarketBlock, Report, ShardId, Verdict,
};

/// The most items of a batch, and the most deadlines that one poke serves.
pub const MAX_BATCH: u32 = 32;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<AccountId = AccountId> {
		/// Who works on what, and who is told of seals, reveals and verdicts.
		type Assignments: Assignments;
		/// Which provider an operator key works for.
		type Registry: ProviderRegistry;
		/// Counts the blocks of the reveal window.
		type Clock: MarketClock;
		/// What governance may change.
		type Parameters: Get<AttestationsParams>;
		/// The most weight that serving deadlines may take in a block.
		#[pallet::constant]
		type PollWeight: Get<Weight>;
		/// Measured weights.
		type WeightInfo: WeightInfo;
	}

	/// The evidence on every shard that is under way.
	#[pallet::storage]
	pub type Evidence<T> = StorageMap<_, Twox64Concat, ShardId, ShardEvidence>;

	/// Reveal deadlines in the order in which they were set, by consecutive numbers.
	#[pallet::storage]
	pub type Deadlines<T> = StorageMap<_, Twox64Concat, u64, Deadline>;

	/// Which numbers of [`Deadlines`] are in use.
	#[pallet::storage]
	pub type Queue<T> = StorageValue<_, QueueRange, ValueQuery>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A seat's report was sealed.
		Sealed {
			/// The shard.
			shard: ShardId,
			/// The seat's index.
			seat: u8,
			/// Who holds the seat.
			provider: AccountId,
			/// If it was the last seat: all are to be revealed by the end of this market block.
			reveal_due: Option<MarketBlock>,
		},
		/// A seat's report was revealed.
		Revealed {
			/// The shard.
			shard: ShardId,
			/// The seat's index.
			seat: u8,
			/// Who holds the seat.
			provider: AccountId,
			/// Its report.
			report: Report,
		},
		/// A sealed seat was not revealed in time; it falls vacant.
		RevealMissed {
			/// The shard.
			shard: ShardId,
			/// The seat's index.
			seat: u8,
			/// Who held the seat.
			provider: AccountId,
		},
		/// Every seat is revealed and the shard decided.
		Decided {
			/// The shard.
			shard: ShardId,
			/// The verdict.
			verdict: Verdict,
		},
		/// An item of a batch failed; the others are unaffected.
		ItemFailed {
			/// The item's place in the batch, from 0.
			index: u32,
			/// Why.
			error: DispatchError,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The signer is no provider's operator key.
		NotAnOperator,
		/// No evidence is collected on this shard: it was never handed out, or it is decided or closed.
		UnknownShard,
		/// The provider holds no seat in the shard.
		NotAssigned,
		/// The seat's report is sealed.
		AlreadySealed,
		/// The seat's report is not sealed.
		NotSealed,
		/// The seat's report is revealed.
		AlreadyRevealed,
		/// Not every seat is sealed.
		RevealNotOpen,
		/// Report, salt, account and round do not hash to the seal.
		SealMismatch,
		/// The report claims more gas than the shard may use.
		GasAboveLimit,
		/// The batch has no items.
		EmptyBatch,
		/// No deadline has passed, or none was asked to be served.
		NothingDue,
		/// Evidence on the shard is being collected already.
		AlreadyOpen,
		/// The verification asks for fewer or more seats than are supported.
		UnsupportedSeats,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Serves reveal deadlines within [`Config::PollWeight`].
		fn on_poll(_: BlockNumberFor<T>, weight: &mut WeightMeter) {
			let mut meter = WeightMeter::with_limit(weight.remaining().min(T::PollWeight::get()));
			Self::serve(T::Clock::now(), u32::MAX, &mut meter);
			weight.consume(meter.consumed());
		}

		fn integrity_test() {
			assert!(
				T::PollWeight::get().all_gte(T::WeightInfo::serve_base().saturating_add(Self::dearest_deadline())),
				"not a single deadline could ever be served"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Seals the report on a shard: `seal` is [`outcome::seal`] of it. Signed by the operator of a provider with an
		/// assigned or accepted seat. Free if it succeeds.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator), [`UnknownShard`](Error::UnknownShard),
		/// [`NotAssigned`](Error::NotAssigned) or [`AlreadySealed`](Error::AlreadySealed).
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::seal())]
		pub fn seal(origin: OriginFor<T>, shard: ShardId, seal: Hash) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			Self::do_seal(&provider, shard, seal)?;
			T::Registry::note(&provider, Conduct::Alive);
			Ok(Pays::No.into())
		}

		/// Reveals the sealed report on a shard. Signed by the provider's operator, once every seat is sealed. Free if it
		/// succeeds.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator), [`UnknownShard`](Error::UnknownShard),
		/// [`NotAssigned`](Error::NotAssigned), [`NotSealed`](Error::NotSealed),
		/// [`AlreadyRevealed`](Error::AlreadyRevealed), [`RevealNotOpen`](Error::RevealNotOpen),
		/// [`GasAboveLimit`](Error::GasAboveLimit) or [`SealMismatch`](Error::SealMismatch).
		#[pallet::call_index(1)]
		#[pallet::weight(Pallet::<T>::dearest_reveal())]
		pub fn reveal(
			origin: OriginFor<T>,
			shard: ShardId,
			report: Report,
			salt: [u8; 32],
		) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			let decided = Self::do_reveal(&provider, RevealItem { shard, report, salt })?;
			T::Registry::note(&provider, Conduct::Alive);
			Ok((Some(Self::reveal_weight(decided)), Pays::No).into())
		}

		/// Seals reports on several shards. An item that fails is reported as [`Event::ItemFailed`] and changes nothing.
		/// Free if all succeed.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator) or [`EmptyBatch`](Error::EmptyBatch).
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::seal_many(items.len() as u32))]
		pub fn seal_many(
			origin: OriginFor<T>,
			items: BoundedVec<SealItem, ConstU32<MAX_BATCH>>,
		) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			let pays = Self::batch(&provider, items.into_iter(), |item| {
				Self::do_seal(&provider, item.shard, item.seal)
			})?;
			Ok(pays.into())
		}

		/// Reveals sealed reports on several shards. An item that fails is reported as [`Event::ItemFailed`] and changes
		/// nothing. Free if all succeed.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator) or [`EmptyBatch`](Error::EmptyBatch).
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::reveal_many(items.len() as u32))]
		pub fn reveal_many(
			origin: OriginFor<T>,
			items: BoundedVec<RevealItem, ConstU32<MAX_BATCH>>,
		) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			let limit = T::WeightInfo::reveal_many(items.len() as u32);
			let mut weight = Weight::zero();
			let pays = Self::batch(&provider, items.into_iter(), |item| {
				let decided = Self::do_reveal(&provider, item);
				weight.saturating_accrue(Self::reveal_weight(decided.unwrap_or(None)));
				decided.map(|_| ())
			})?;
			Ok((Some(weight.min(limit)), pays).into())
		}

		/// Serves at most `max` reveal deadlines that have passed, at most [`MAX_BATCH`]. Anybody may do so; needed only
		/// if the blocks had no room for it. Charged for what was done.
		///
		/// Fails with [`NothingDue`](Error::NothingDue).
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::poke((*max).min(MAX_BATCH)))]
		pub fn poke(origin: OriginFor<T>, max: u32) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let max = max.min(MAX_BATCH);
			let mut meter = WeightMeter::new();
			ensure!(
				Self::serve(T::Clock::now(), max, &mut meter) > 0,
				Error::<T>::NothingDue
			);
			Ok(Some(meter.consumed().min(T::WeightInfo::poke(max))).into())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// What is known about a shard that is under way.
		pub fn evidence(shard: ShardId) -> Option<ShardEvidence> {
			Evidence::<T>::get(shard)
		}

		/// Until the end of which market block the shard's seats are to be revealed; none while not all are sealed.
		pub fn reveal_due(shard: ShardId) -> Option<MarketBlock> {
			Evidence::<T>::get(shard).and_then(|evidence| evidence.reveal_due)
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The weight of a reveal that completed a shard of so many seats, or none.
	fn reveal_weight(decided: Option<u8>) -> Weight {
		decided.map_or_else(T::WeightInfo::reveal, |seats| T::WeightInfo::reveal_last(seats.into()))
	}

	/// The weight of the reveal that costs most.
	fn dearest_reveal() -> Weight {
		T::WeightInfo::reveal_last(MAX_REPLICAS.into()).max(T::WeightInfo::reveal())
	}
}
