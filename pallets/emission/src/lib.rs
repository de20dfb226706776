//! What is minted for providers, when, and for whom.
//!
//! # Terms
//! - **era**: a fixed number of market blocks.
//! - **burned**: the part of the protocol's fees of accepted work that was burned, in plancks. The burned fees that a
//!   provider's work caused in an era are its **points** of that era.
//! - **ceiling**: `initial * 2^(-emitted / halving)`, the most that an era may be worth ([`schedule`]).
//! - **brake**: what is minted for each burned planck; governed, and at most [`MAX_BRAKE`] wherever it is read.
//! - **budget** of an era, fixed when it closes: `min(ceiling, brake * burned, Cap - emitted)`, rounded down.
//! - **emitted**: the sum of all budgets ever fixed, claimed or not. What is never claimed is not minted later either.
//!
//! # An era's life
//! ```text
//! open ──first settlement, claim or poll after its end──► closed: budget fixed ──┬─► every part claimed or pruned: gone
//!   on_settled adds points                                claim mints             └─► expired: prune removes points
//! ```
//! Closing costs the same however many providers there are and however many eras passed since; eras without burned fees
//! leave nothing behind. Nothing iterates over providers: a part is computed when it is claimed,
//! `budget * points / burned`, rounded down.
//!
//! # Who may call what
//! Anybody may call [`claim`](Pallet::claim) for any provider (the provider's account is paid) and
//! [`prune`](Pallet::prune) for expired points. Points come only through [`OnSettled`].
//!
//! # What cannot happen
//! - Gain by paying oneself. Each planck burned earns at most the brake, below one: points are worth
//!   `budget / burned <= brake`, and adding points by jobs given to oneself adds at most `brake` times what they burn,
//!   whatever others do.
//! - Emission without bound. All budgets together never exceed [`Config::Cap`], whatever parameters are voted; while
//!   they stay the same the schedule ends by itself at [`schedule::limit`].
//! - A payout above the budget: parts are rounded down, and points leave when they are claimed.

#![cfg_attr(not(feature = "std"), no_std)]

mod era;
pub mod schedule;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

pub use era::{EraBudget, EraIndex, EraInfo, Totals};
pub use pallet::*;
pub use weights::WeightInfo;

use frame_support::{
	pallet_prelude::*,
	traits::{fungible::Mutate, Get},
	weights::WeightMeter,
};
use frame_system::pallet_prelude::*;
use millrace_primitives::{
	params::EmissionParams,
	traits::{KeepPoints, MarketClock, OnSettled, OpenPoints, Settlement},
	AccountId, Balance,
};
use sp_runtime::Permill;

/// The most that is minted for a burned planck, whatever the parameters say.
pub const MAX_BRAKE: Permill = Permill::from_percent(90);

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<AccountId = AccountId> {
		/// Where rewards are minted.
		type Currency: Mutate<AccountId, Balance = Balance>;
		/// Counts the blocks of eras.
		type Clock: MarketClock;
		/// Keeps the points of the era in which a provider was paid last.
		type Open: OpenPoints;
		/// What governance may change.
		type Parameters: Get<EmissionParams>;
		/// The most that is ever emitted, in plancks. With the genesis issuance it bounds the supply.
		#[pallet::constant]
		type Cap: Get<Balance>;
		/// What calls and hooks weigh.
		type WeightInfo: WeightInfo;
	}

	/// The open era.
	#[pallet::storage]
	pub type Era<T> = StorageValue<_, EraInfo, ValueQuery>;

	/// The burned fees that a provider's work caused in an era, in plancks; never 0. Removed when claimed or pruned. Those of the era
	/// in which it was paid last stand in its own record, while it has one.
	#[pallet::storage]
	pub type Points<T> = StorageDoubleMap<_, Twox64Concat, EraIndex, Blake2_128Concat, AccountId, Balance, ValueQuery>;

	/// Closed eras of which not every point was claimed or pruned.
	#[pallet::storage]
	pub type Budgets<T> = StorageMap<_, Twox64Concat, EraIndex, EraBudget>;

	/// Sums over all eras.
	#[pallet::storage]
	pub type Emitted<T> = StorageValue<_, Totals, ValueQuery>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An era ended; its budget is fixed.
		EraClosed {
			/// Which.
			era: EraIndex,
			/// The fees burned by its accepted work.
			burned: Balance,
			/// What providers can claim.
			budget: Balance,
		},
		/// A provider's part of an era was minted.
		RewardClaimed {
			/// The era.
			era: EraIndex,
			/// Who received it.
			provider: AccountId,
			/// How much.
			amount: Balance,
		},
		/// Expired points were removed.
		Pruned {
			/// The era.
			era: EraIndex,
			/// Whose.
			provider: AccountId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The era is not over.
		EraNotOver,
		/// The provider has no points left in the era, or they are worth less than a planck.
		NothingToClaim,
		/// The era's rewards could be claimed for a limited time only, which has passed.
		Expired,
		/// The era's rewards can still be claimed.
		NotExpired,
		/// The provider has no points left in the era.
		NothingToPrune,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Closes the era in time if the block has room; otherwise the next settlement or claim does.
		fn on_poll(_: BlockNumberFor<T>, weight: &mut WeightMeter) {
			let dearest = T::WeightInfo::poll_idle().saturating_add(T::WeightInfo::close_era());
			if !weight.can_consume(dearest) {
				return;
			}
			let closed = Self::close(T::Clock::now(), &T::Parameters::get());
			weight.consume(if closed { dearest } else { T::WeightInfo::poll_idle() });
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Mints `provider`'s part of a closed era to `provider`. Anybody may ask for it.
		///
		/// Fails with [`EraNotOver`](Error::EraNotOver), [`Expired`](Error::Expired),
		/// [`NothingToClaim`](Error::NothingToClaim), or as the currency does if the account cannot receive the amount
		/// (nothing is lost then).
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::claim().saturating_add(T::WeightInfo::close_era()))]
		pub fn claim(origin: OriginFor<T>, provider: AccountId, era: EraIndex) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let closed = Self::do_claim(provider, era)?;
			Ok(Some(Self::actual(T::WeightInfo::claim(), closed)).into())
		}

		/// Removes a provider's points of an expired era. Anybody may do so; the fee is returned.
		///
		/// Fails with [`EraNotOver`](Error::EraNotOver), [`NotExpired`](Error::NotExpired) or
		/// [`NothingToPrune`](Error::NothingToPrune).
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::prune().saturating_add(T::WeightInfo::close_era()))]
		pub fn prune(origin: OriginFor<T>, era: EraIndex, provider: AccountId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let closed = Self::do_prune(era, provider)?;
			Ok((Some(Self::actual(T::WeightInfo::prune(), closed)), Pays::No).into())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// What [`claim`](Pallet::claim) would mint now for a provider and an era; 0 if it would fail.
		pub fn claimable(provider: AccountId, era: EraIndex) -> Balance {
			Self::worth(&provider, era)
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The weight of a call that did or did not close an era on its way.
	fn actual(call: Weight, closed: bool) -> Weight {
		if closed {
			call.saturating_add(T::WeightInfo::close_era())
		} else {
			call
		}
	}
}

/// Reads the clock, the parameters and the open era, writes the era, and reads and writes the record of each payee
/// ([`millrace_primitives::job::MAX_REPLICAS`] at most), which settlements write anyway; once an era it also writes the points that a
/// payee had in the one before, reads and writes the totals and writes a budget. What was paid without having been verified earns
/// nothing.
impl<T: Config> OnSettled for Pallet<T> {
	fn on_settled(settlement: &Settlement) {
		Self::close(T::Clock::now(), &T::Parameters::get());
		if !settlement.counted {
			return;
		}
		let mut era = Era::<T>::get();
		let before = era.burned;
		for payment in settlement.payments.iter().filter(|payment| payment.burned > 0) {
			// More than all balances can hold is not counted at all, so that points always add up to the total.
			let Some(burned) = era.burned.checked_add(payment.burned) else {
				continue;
			};
			era.burned = burned;
			if let Some((before, points)) = T::Open::add_points(&payment.provider, era.index, payment.burned) {
				Self::keep(&payment.provider, before, points);
			}
		}
		if era.burned != before {
			Era::<T>::put(era);
		}
	}
}

impl<T: Config> KeepPoints for Pallet<T> {
	fn keep(provider: &AccountId, era: EraIndex, kept: Balance) {
		Points::<T>::mutate(era, provider, |points| *points = points.saturating_add(kept));
	}
}
