//! Publishing and withdrawing programs.

use crate::{Config, Error, Event, HoldReason, Pallet, Program, Programs};
use frame_support::{
	ensure,
	traits::{fungible::MutateHold, tokens::Precision, Get},
};
use millrace_primitives::{job::MAX_PROGRAM_SIZE, machine, AccountId, Blob, ProgramId, ProgramRoots, ENGINE_VERSION};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The program's id.
	pub(crate) fn do_publish(
		publisher: AccountId,
		roots: ProgramRoots,
		module: Blob,
	) -> Result<ProgramId, DispatchError> {
		ensure!((1..=MAX_PROGRAM_SIZE).contains(&module.len), Error::<T>::ProgramSize);
		machine::check_program(&roots).map_err(|_| Error::<T>::ProgramMemory)?;
		let engine = ENGINE_VERSION;
		let id = machine::program_id(engine, &roots, &module);
		ensure!(!Programs::<T>::contains_key(id), Error::<T>::ProgramExists);
		let deposit = T::Parameters::get().program_deposit;
		T::Currency::hold(&HoldReason::ProgramDeposit.into(), &publisher, deposit)
			.map_err(|_| Error::<T>::InsufficientFunds)?;
		Programs::<T>::insert(
			id,
			Program {
				publisher: publisher.clone(),
				engine,
				roots,
				module,
				deposit,
				open_jobs: 0,
			},
		);
		Self::deposit_event(Event::ProgramPublished {
			program: id,
			publisher,
			module,
		});
		Ok(id)
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
