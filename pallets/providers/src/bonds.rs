//! A bond's way in and out. Money moves before the record says so; a failed transfer changes nothing.

use crate::{
	types::{Provider, Unbonding},
	Config, Error, Event, HoldReason, Operators, Pallet, Providers,
};
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{
		fungible::{MutateHold, UnbalancedHold},
		tokens::{Fortitude, Precision, Restriction},
	},
};
use millrace_primitives::{
	provider::ProviderStatus,
	traits::{KeepPoints, MarketClock},
	AccountId, Balance,
};
use sp_runtime::{ArithmeticError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// See [`bond_more`](Pallet::bond_more).
	pub(crate) fn do_bond_more(who: AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		Self::try_change(&who, |provider, _| {
			T::Currency::hold(&HoldReason::Bond.into(), &who, amount)?;
			provider.bond = provider.bond.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
			Ok(())
		})?;
		Self::deposit_event(Event::Bonded { provider: who, amount });
		Ok(())
	}

	/// See [`unbond`](Pallet::unbond).
	pub(crate) fn do_unbond(who: AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		let at = Self::try_change(&who, |provider, params| {
			let free = provider.bond.saturating_sub(provider.liability);
			ensure!(amount <= free, Error::<T>::BondReserved);
			let rest = provider.bond.checked_sub(amount).ok_or(ArithmeticError::Underflow)?;
			let draining = provider.status == ProviderStatus::Draining;
			ensure!(draining || rest >= params.min_bond, Error::<T>::BondTooSmall);
			let before = provider.unbonding.map_or(0, |unbonding| unbonding.amount);
			let amount = before.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
			let at = T::Clock::now().saturating_add(params.unbonding_period);
			provider.bond = rest;
			provider.unbonding = Some(Unbonding { amount, at });
			Ok(at)
		})?;
		Self::deposit_event(Event::Unbonded {
			provider: who,
			amount,
			at,
		});
		Ok(())
	}

	/// See [`withdraw`](Pallet::withdraw).
	pub(crate) fn do_withdraw(who: AccountId) -> DispatchResult {
		let mut provider = Providers::<T>::get(&who).ok_or(Error::<T>::UnknownProvider)?;
		let amount = match provider.unbonding.take() {
			Some(unbonding) => {
				ensure!(T::Clock::now() >= unbonding.at, Error::<T>::StillUnbonding);
				unbonding.amount
			}
			None => 0,
		};
		// Who stands in a pool still leaves it after the next draws, so there is no entry to leave behind.
		let done = provider.status == ProviderStatus::Draining
			&& !provider.pooled()
			&& provider.bond == 0
			&& provider.liability == 0
			&& provider.used_slots == 0;
		ensure!(amount > 0 || done, Error::<T>::NothingToWithdraw);
		if amount > 0 {
			T::Currency::release(&HoldReason::Bond.into(), &who, amount, Precision::Exact)?;
		}
		if done {
			if let Some((era, points)) = provider.points {
				T::Points::keep(&who, era, points);
			}
			Operators::<T>::remove(&provider.operator);
			Providers::<T>::remove(&who);
		} else {
			Providers::<T>::insert(&who, provider);
		}
		if amount > 0 {
			Self::deposit_event(Event::Withdrawn {
				provider: who.clone(),
				amount,
			});
		}
		if done {
			Self::deposit_event(Event::Removed { provider: who });
		}
		Ok(())
	}

	/// See [`millrace_primitives::traits::ProviderRegistry::take`].
	pub(crate) fn do_take(who: &AccountId, to: Option<&AccountId>, amount: Balance) -> Balance {
		let taken = Self::try_change(who, |provider, _| {
			let due = amount.min(provider.held());
			if due == 0 {
				return Ok((0, None));
			}
			let to = to.filter(|to| Self::move_held(who, to, due).is_ok());
			if to.is_none() {
				T::Currency::burn_held(&HoldReason::Bond.into(), who, due, Precision::Exact, Fortitude::Force)?;
			}
			Self::lower(provider, due);
			Ok((due, to.cloned()))
		});
		// There is nothing to take of an account that is no provider.
		let (amount, to) = taken.unwrap_or((0, None));
		if amount > 0 {
			Self::deposit_event(Event::Slashed {
				provider: who.clone(),
				to,
				amount,
			});
		}
		amount
	}

	/// See [`millrace_primitives::traits::ProviderRegistry::cede`].
	pub(crate) fn do_cede(who: &AccountId, amount: Balance, hold: impl FnOnce(Balance) -> DispatchResult) -> Balance {
		let ceded = Self::try_change(who, |provider, _| {
			let due = amount.min(provider.held());
			if due > 0 {
				// In this order, so that the account never has less than it had, and lives.
				with_storage_layer(|| {
					hold(due)?;
					T::Currency::decrease_balance_on_hold(&HoldReason::Bond.into(), who, due, Precision::Exact)
				})?;
				Self::lower(provider, due);
			}
			Ok(due)
		});
		// There is nothing to cede of an account that is no provider.
		let amount = ceded.unwrap_or(0);
		if amount > 0 {
			Self::deposit_event(Event::Ceded {
				provider: who.clone(),
				amount,
			});
		}
		amount
	}

	/// What is on hold for a provider has become less: the bond, and what is unbonding if that is not enough.
	fn lower(provider: &mut Provider, by: Balance) {
		let of_bond = by.min(provider.bond);
		provider.bond = provider.bond.saturating_sub(of_bond);
		if let Some(unbonding) = &mut provider.unbonding {
			unbonding.amount = unbonding.amount.saturating_sub(by.saturating_sub(of_bond));
		}
		provider.unbonding = provider.unbonding.filter(|unbonding| unbonding.amount > 0);
	}

	/// Moves what is on hold to somebody's free balance, all of it or nothing.
	fn move_held(who: &AccountId, to: &AccountId, amount: Balance) -> DispatchResult {
		with_storage_layer(|| {
			T::Currency::transfer_on_hold(
				&HoldReason::Bond.into(),
				who,
				to,
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			)
			.map(|_| ())
		})
	}
}
