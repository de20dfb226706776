//! From the verdict to the last planck. Nothing here can fail: payments come out of the shard's reserve, which covers
//! the most that its terms allow, and what cannot be received is owed.

use crate::{
	timers::TimerAction, AssignmentsOf, Cause, Config, Custody, CustodyOf, Error, Event, Failure, JobRecord, Jobs,
	Pallet, ShardRecord, Shards, Specs, MAX_ACKNOWLEDGED, WOKEN,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::Get, BoundedVec};
use millrace_primitives::{
	job::SeatState,
	money,
	outcome::SeatGas,
	traits::{Assignments, OnSettled, Payment, SeatView, Settlement, Verifier},
	AccountId, Balance, JobId, Report, ShardId, Verdict,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// Pays for an accepted report; the withheld parts and the outputs stay in custody.
	fn accept_report(id: ShardId, job: &mut JobRecord, mut shard: ShardRecord, report: Report) {
		let terms = shard.terms.clone();
		let gas = report.gas_used.min(terms.gas_limit);
		let mut left = shard.reserve;
		let (mut paid, mut fees, mut burns): (Balance, Balance, Balance) = (0, 0, 0);
		let mut payments = Vec::new();
		let mut withheld: BoundedVec<Balance, _> = Default::default();
		for (index, seat) in shard.seats.iter_mut().enumerate() {
			let mut kept = 0;
			if let Some(holder) = seat.holder.take() {
				Self::release_holder(&holder, terms.liability);
				AssignmentsOf::<T>::remove(&holder.provider, id);
				if holder.state == SeatState::Revealed {
					let amount = money::payment(holder.ask, gas)
						.unwrap_or(terms.seat_cap)
						.min(terms.seat_cap)
						.min(left);
					left -= amount;
					let fee = money::fee(amount, terms.fee_share).min(left);
					left -= fee;
					let burned = terms.burn_share.mul_ceil(fee);
					kept = terms.custody_share.mul_ceil(amount);
					Self::pay(job, &holder.provider, amount - kept);
					paid = paid.saturating_add(amount);
					fees = fees.saturating_add(fee);
					burns = burns.saturating_add(burned);
					payments.push(Payment {
						provider: holder.provider.clone(),
						amount,
						gas,
						burned,
					});
					CustodyOf::<T>::insert(&holder.provider, id, index as u8);
					seat.holder = Some(holder);
				}
			}
			let pushed = withheld.try_push(kept);
			debug_assert!(pushed.is_ok(), "as many as there are seats");
		}
		let burned = Self::pay_fee(job, fees, burns);
		Self::refund(job, left);
		job.vacancies.retain(|vacancy| vacancy.shard != id.index);
		job.running = job.running.saturating_sub(1);
		job.accepted = job.accepted.saturating_add(1);
		job.custody = job.custody.saturating_add(1);
		job.paid = job.paid.saturating_add(paid);
		job.fees = job.fees.saturating_add(fees);

		let until = Self::now_block().saturating_add(terms.custody_period.max(1));
		let kept = withheld.iter().sum();
		shard.reserve = kept;
		shard.excluded = Default::default();
		shard.custody = Some(Custody {
			report,
			until,
			withheld,
		});
		Shards::<T>::insert(id.job, id.index, shard);
		Self::arm(TimerAction::Custody { shard: id }, until);
		Self::deposit_event(Event::ShardSettled {
			shard: id,
			report,
			paid,
			fees,
			burned,
			refunded: left,
			withheld: kept,
			payments: payments
				.iter()
				.map(|payment| (payment.provider.clone(), payment.amount))
				.collect(),
		});
		T::OnSettled::on_settled(&Settlement {
			shard: id,
			report,
			payments,
		});
	}

	/// Ends a shard without an accepted report. Those who revealed get half of their price, without a fee, so nothing
	/// is burned and nothing can be earned from emission by it; the others leave unpaid and unpunished; the client gets
	/// the rest.
	pub(crate) fn fail_shard(
		id: ShardId,
		job: &mut JobRecord,
		shard: ShardRecord,
		revealed: SeatGas,
		failure: Failure,
	) {
		// Where claims differ the least one counts for all, so that a claim cannot be raised by lying.
		let gas = revealed
			.iter()
			.map(|(_, gas)| *gas)
			.min()
			.unwrap_or(0)
			.min(shard.terms.gas_limit);
		let mut left = shard.reserve;
		let mut paid: Balance = 0;
		let mut payments = Vec::new();
		for (index, seat) in shard.seats.into_iter().enumerate() {
			let Some(holder) = seat.holder else { continue };
			Self::release_holder(&holder, shard.terms.liability);
			AssignmentsOf::<T>::remove(&holder.provider, id);
			if revealed.iter().any(|(seat, _)| usize::from(*seat) == index) {
				let cap = shard.terms.seat_cap;
				let half = money::payment(holder.ask, gas).unwrap_or(cap).min(cap).min(left) / 2;
				left -= half;
				paid = paid.saturating_add(half);
				Self::pay(job, &holder.provider, half);
				payments.push((holder.provider, half));
			}
		}
		Self::refund(job, left);
		job.vacancies.retain(|vacancy| vacancy.shard != id.index);
		job.running = job.running.saturating_sub(1);
		job.failed = job.failed.saturating_add(1);
		job.paid = job.paid.saturating_add(paid);
		Shards::<T>::remove(id.job, id.index);
		Self::deposit_event(Event::ShardFailed {
			shard: id,
			failure,
			paid,
			refunded: left,
			payments,
		});
	}

	/// Slashes the seats at fault and has the shard computed again. The verifier has forgotten it, so the honest seats
	/// keep their place but have to report once more, in a new round.
	fn reject_seats(id: ShardId, job: &mut JobRecord, mut shard: ShardRecord, at_fault: Vec<u8>) {
		let mut goes_on = true;
		for seat in at_fault {
			goes_on &= Self::vacate(id, job, &mut shard, seat, Cause::Rejected);
		}
		let reopened =
			goes_on && Specs::<T>::get(id.job).is_some_and(|spec| T::Verifier::open(id, &spec.verification).is_ok());
		if !reopened {
			let revealed = T::Verifier::close(id);
			Self::fail_shard(id, job, shard, revealed, Failure::Exhausted);
			return;
		}
		let due = Self::now_block().saturating_add(shard.terms.execution_window.max(1));
		for (index, seat) in shard.seats.iter_mut().enumerate() {
			if let Some(holder) = seat.holder.as_mut() {
				seat.round = seat.round.saturating_add(1);
				holder.state = SeatState::Accepted;
				holder.due = due;
				Self::arm(
					TimerAction::Execute {
						shard: id,
						seat: index as u8,
						round: seat.round,
					},
					due,
				);
			}
		}
		Shards::<T>::insert(id.job, id.index, shard);
	}

	/// Pays the withheld parts and removes the shard.
	pub(crate) fn end_custody(id: ShardId, job: &mut JobRecord, shard: ShardRecord) {
		let withheld = shard.custody.map(|custody| custody.withheld).unwrap_or_default();
		let mut paid: Balance = 0;
		for (seat, amount) in shard.seats.into_iter().zip(withheld) {
			let Some(holder) = seat.holder else { continue };
			CustodyOf::<T>::remove(&holder.provider, id);
			Self::pay(job, &holder.provider, amount);
			paid = paid.saturating_add(amount);
		}
		job.custody = job.custody.saturating_sub(1);
		Shards::<T>::remove(id.job, id.index);
		Self::deposit_event(Event::CustodyEnded { shard: id, paid });
	}

	pub(crate) fn do_acknowledge(client: AccountId, id: JobId, first: u32, count: u32) -> Result<u32, DispatchError> {
		let mut job = Self::job_of(&client, id)?;
		ensure!(count <= MAX_ACKNOWLEDGED, Error::<T>::TooManyShards);
		let mut ended = 0;
		for index in first..first.saturating_add(count).min(job.cursor) {
			if let Some(shard) = Shards::<T>::get(id, index).filter(|shard| shard.custody.is_some()) {
				Self::end_custody(ShardId { job: id, index }, &mut job, shard);
				ended += 1;
			}
		}
		ensure!(ended > 0, Error::<T>::NothingInCustody);
		Self::conclude(id, job);
		Ok(ended)
	}
}

impl<T: Config> Assignments for Pallet<T> {
	fn seat(id: ShardId, provider: &AccountId) -> Option<SeatView> {
		let shard = Shards::<T>::get(id.job, id.index).filter(|shard| shard.custody.is_none())?;
		let index = shard.seat_of(provider)?;
		let seat = shard.seats.get(usize::from(index))?;
		let state = seat.holder.as_ref()?.state;
		Some(SeatView {
			index,
			round: seat.round,
			state,
			gas_limit: shard.terms.gas_limit,
		})
	}

	fn on_sealed(shard: ShardId, seat: u8) -> DispatchResult {
		Self::do_sealed(shard, seat)
	}

	fn on_revealed(shard: ShardId, seat: u8) -> DispatchResult {
		Self::do_revealed(shard, seat)
	}

	fn on_missed_reveals(shard: ShardId, seats: &[u8]) {
		Self::do_missed_reveals(shard, seats)
	}

	fn on_verdict(id: ShardId, verdict: Verdict) {
		let (Some(mut job), Some(shard)) = (Jobs::<T>::get(id.job), Shards::<T>::get(id.job, id.index)) else {
			return;
		};
		if shard.custody.is_some() {
			return;
		}
		match verdict {
			Verdict::Accepted { report } => Self::accept_report(id, &mut job, shard, report),
			Verdict::Rejected { at_fault } => Self::reject_seats(id, &mut job, shard, at_fault),
			Verdict::Unresolved { revealed } => Self::fail_shard(id, &mut job, shard, revealed, Failure::Unresolved),
		}
		// Bonds are free again.
		Self::wake(&mut job, Self::seed_ready(&T::Parameters::get()), WOKEN);
		Self::conclude(id.job, job);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(providers: &[AccountId]) -> ShardId {
		crate::benchmarking::accepted_shard::<T>(providers)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_exhaust(shard: ShardId, failures: u32) {
		crate::benchmarking::exhaust::<T>(shard, failures)
	}
}
