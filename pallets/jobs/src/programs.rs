//! Publishing and withdrawing programs.

use crate::{Config, Error, Event, HoldReason, Pallet, Program, Programs};
use frame_support::{
	ensure,
	traits::{fungible::MutateHold, tokens::Precision, Get},
};
use millrace_primitives::{job::MAX_PROGRAM_SIZE, AccountId, ProgramId};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_publish(publisher: AccountId, root: ProgramId, size: u32) -> DispatchResult {
		ensure!((1..=MAX_PROGRAM_SIZE).contains(&size), Error::<T>::ProgramSize);
		ensure!(!Programs::<T>::contains_key(root), Error::<T>::ProgramExists);
		let deposit = T::Parameters::get().program_deposit;
		T::Currency::hold(&HoldReason::ProgramDeposit.into(), &publisher, deposit)
			.map_err(|_| Error::<T>::InsufficientFunds)?;
		Programs::<T>::insert(
			root,
			Program {
				publisher: publisher.clone(),
				size,
				deposit,
				open_jobs: 0,
			},
		);
		Self::deposit_event(Event::ProgramPublished {
			program: root,
			publisher,
			size,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw(who: AccountId, program: ProgramId) -> DispatchResult {
		let record = Programs::<T>::get(program).ok_or(Error::<T>::UnknownProgram)?;
		ensure!(record.publisher == who, Error::<T>::NotPublisher);
		ensure!(record.open_jobs == 0, Error::<T>::ProgramInUse);
		// If the free balance is below the existential deposit and so is the deposit, the publisher must first add to it.
		T::Currency::release(
			&HoldReason::ProgramDeposit.into(),
			&who,
			record.deposit,
			Precision::Exact,
		)?;
		Programs::<T>::remove(program);
		Self::deposit_event(Event::ProgramWithdrawn { program });
		Ok(())
	}
}
