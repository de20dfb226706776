//! The client's escrow: paying, burning and refunding out of it. Nothing here can fail: what cannot be moved stays on
//! the client's hold and is recorded as [`Owed`].

use crate::{Config, Error, Event, HoldReason, JobRecord, Owed, Pallet};
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
		Get,
	},
};
use millrace_primitives::{AccountId, Balance};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// Holds an amount for a job.
	pub(crate) fn hold_escrow(client: &AccountId, amount: Balance) -> DispatchResult {
		if amount == 0 {
			return Ok(());
		}
		T::Currency::hold(&HoldReason::Escrow.into(), client, amount).map_err(|_| Error::<T>::InsufficientFunds.into())
	}

	/// Takes an amount out of a job's escrow; less only if the books were wrong, which `try_state` would have shown.
	fn take(job: &mut JobRecord, amount: Balance) -> Balance {
		let taken = amount.min(job.escrow);
		if taken < amount {
			frame_support::defensive!("an escrow was asked for more than it holds");
		}
		job.escrow -= taken;
		taken
	}

	/// Pays out of the escrow, whatever locks the client has on its balance.
	pub(crate) fn pay(job: &mut JobRecord, payee: &AccountId, amount: Balance) {
		let amount = Self::take(job, amount);
		if amount > 0 && Self::transfer(&job.client, payee, amount).is_err() {
			Self::owe(&job.client, payee, amount);
		}
	}

	/// Gives back to the client out of the escrow.
	pub(crate) fn refund(job: &mut JobRecord, amount: Balance) {
		let amount = Self::take(job, amount);
		if amount == 0 {
			return;
		}
		let released = with_storage_layer(|| {
			T::Currency::release(&HoldReason::Escrow.into(), &job.client, amount, Precision::Exact)
		});
		if released.is_err() {
			Self::owe(&job.client, &job.client, amount);
		}
	}

	/// Pays the protocol's fee out of the escrow: this much is burned, the rest is the block author's, if it can
	/// receive it.
	pub(crate) fn pay_fee(job: &mut JobRecord, fee: Balance, burned: Balance) -> Balance {
		let fee = Self::take(job, fee);
		let share = fee.saturating_sub(burned);
		let paid = share > 0
			&& T::BlockAuthor::get().is_some_and(|author| Self::transfer(&job.client, &author, share).is_ok());
		let burn = if paid { fee - share } else { fee };
		if burn == 0 {
			return 0;
		}
		let done = with_storage_layer(|| {
			T::Currency::burn_held(
				&HoldReason::Escrow.into(),
				&job.client,
				burn,
				Precision::Exact,
				Fortitude::Force,
			)
		});
		if done.is_err() {
			Self::owe(&job.client, &job.client, burn);
			return 0;
		}
		burn
	}

	fn transfer(client: &AccountId, payee: &AccountId, amount: Balance) -> Result<Balance, DispatchError> {
		with_storage_layer(|| {
			T::Currency::transfer_on_hold(
				&HoldReason::Escrow.into(),
				client,
				payee,
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			)
		})
	}

	fn owe(client: &AccountId, payee: &AccountId, amount: Balance) {
		Owed::<T>::mutate(client, payee, |owed| *owed = owed.saturating_add(amount));
		Self::deposit_event(Event::PaymentOwed {
			client: client.clone(),
			payee: payee.clone(),
			amount,
		});
	}

	pub(crate) fn do_claim_owed(payee: AccountId, client: AccountId) -> DispatchResult {
		let amount = Owed::<T>::take(&client, &payee);
		ensure!(amount > 0, Error::<T>::NothingOwed);
		Self::transfer(&client, &payee, amount)?;
		Self::deposit_event(Event::OwedClaimed { client, payee, amount });
		Ok(())
	}
}
