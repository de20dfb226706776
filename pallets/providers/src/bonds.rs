//! A bond's way in and out. Money moves before the record says so; a failed transfer changes nothing.

use crate::{types::Unbonding, Config, Error, Event, HoldReason, Operators, Pallet, Providers};
use frame_support::{
	ensure,
	traits::{
		fungible::{BalancedHold, MutateHold},
		tokens::Precision,
		Imbalance,
	},
};
use millrace_primitives::{provider::ProviderStatus, traits::MarketClock, AccountId, Balance};
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
		// Draining providers stand in no pool, so there is no entry to leave behind.
		let done = provider.status == ProviderStatus::Draining
			&& provider.bond == 0
			&& provider.liability == 0
			&& provider.used_slots == 0;
		ensure!(amount > 0 || done, Error::<T>::NothingToWithdraw);
		if amount > 0 {
			T::Currency::release(&HoldReason::Bond.into(), &who, amount, Precision::Exact)?;
		}
		if done {
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

	/// See [`millrace_primitives::traits::ProviderRegistry::slash`].
	pub(crate) fn do_slash(who: &AccountId, amount: Balance) -> Balance {
		let burned = Self::try_change(who, |provider, _| {
			let due = amount.min(provider.held());
			if due == 0 {
				return Ok(0);
			}
			let (credit, _) = T::Currency::slash(&HoldReason::Bond.into(), who, due);
			let burned = credit.peek();
			// A credit that is dropped leaves the issuance: this burns it.
			drop(credit);
			let of_bond = burned.min(provider.bond);
			provider.bond = provider.bond.saturating_sub(of_bond);
			if let Some(unbonding) = &mut provider.unbonding {
				unbonding.amount = unbonding.amount.saturating_sub(burned.saturating_sub(of_bond));
			}
			provider.unbonding = provider.unbonding.filter(|unbonding| unbonding.amount > 0);
			Ok(burned)
		})
		// There is nothing to burn of an account that is no provider.
		.unwrap_or(0);
		if burned > 0 {
			Self::deposit_event(Event::Slashed {
				provider: who.clone(),
				amount: burned,
			});
		}
		burned
	}
}
