//! What providers do with their seats: accept, decline, seal, reveal, or miss a deadline. Every change of a seat's
//! state goes through the one table, [`SeatState::on`].

use crate::{
	timers::TimerAction, AssignmentsOf, Cause, Config, Error, Event, Exclusion, Failure, Holder, JobRecord, Jobs,
	Pallet, ShardRecord, Shards, WOKEN,
};
use frame_support::traits::Get;
use millrace_primitives::{
	job::{DeclineReason, JobStatus, SeatEvent, SeatState},
	traits::{Conduct, ProviderRegistry, Verifier},
	AccountId, Balance, JobId, MarketBlock, ShardId,
};
use sp_runtime::{DispatchError, DispatchResult, Permill};

impl<T: Config> Pallet<T> {
	/// The shard and the seat that an operator's provider holds in it.
	fn seat_of_operator(operator: &AccountId, id: ShardId) -> Result<(ShardRecord, u8), DispatchError> {
		let provider = T::Providers::provider_of(operator).ok_or(Error::<T>::NotProvider)?;
		let shard = Shards::<T>::get(id.job, id.index).ok_or(Error::<T>::UnknownShard)?;
		let seat = shard.seat_of(&provider).ok_or(Error::<T>::NotAssigned)?;
		Ok((shard, seat))
	}

	/// The seat's holder after an event that leaves it in place.
	fn advance(shard: &mut ShardRecord, seat: u8, event: SeatEvent) -> Result<&mut Holder, DispatchError> {
		let holder = shard
			.seats
			.get_mut(usize::from(seat))
			.and_then(|seat| seat.holder.as_mut())
			.ok_or(Error::<T>::NotAssigned)?;
		match holder.state.on(event) {
			Ok(Some(state)) => holder.state = state,
			_ => return Err(Error::<T>::WrongState.into()),
		}
		Ok(holder)
	}

	pub(crate) fn do_accept(operator: AccountId, id: ShardId) -> DispatchResult {
		let (mut shard, seat) = Self::seat_of_operator(&operator, id)?;
		let due = Self::now_block().saturating_add(shard.terms.execution_window.max(1));
		let holder = Self::advance(&mut shard, seat, SeatEvent::Accept)?;
		holder.due = due;
		let provider = holder.provider.clone();
		let round = shard.seats.get(usize::from(seat)).map_or(0, |seat| seat.round);
		Shards::<T>::insert(id.job, id.index, shard);
		Self::arm(TimerAction::Execute { shard: id, seat, round }, due);
		T::Providers::note(&provider, Conduct::Alive);
		if let Some(mut job) = Jobs::<T>::get(id.job).filter(|job| job.declines > 0) {
			job.forget_declines();
			Jobs::<T>::insert(id.job, job);
		}
		Self::deposit_event(Event::ShardAccepted {
			shard: id,
			seat,
			provider,
			due,
		});
		Ok(())
	}

	/// True if it was one decline too many for the shard.
	pub(crate) fn do_decline(operator: AccountId, id: ShardId, reason: DeclineReason) -> Result<bool, DispatchError> {
		let (shard, seat) = Self::seat_of_operator(&operator, id)?;
		let allowed = shard
			.holder(seat)
			.is_some_and(|holder| holder.state.on(SeatEvent::Decline) == Ok(None));
		frame_support::ensure!(allowed, Error::<T>::WrongState);
		Ok(Self::vacate_seat(id, seat, Cause::Declined(reason)))
	}

	/// Takes a seat from its holder and queues it again, or ends the shard if too many failed it; true if it ended.
	pub(crate) fn vacate_seat(id: ShardId, seat: u8, cause: Cause) -> bool {
		let (Some(mut job), Some(mut shard)) = (Jobs::<T>::get(id.job), Shards::<T>::get(id.job, id.index)) else {
			return false;
		};
		let goes_on = Self::vacate(id, &mut job, &mut shard, seat, cause);
		Self::conclude_vacated(id, job, shard, goes_on);
		!goes_on
	}

	/// Stores a shard of which seats were taken, or ends it if it cannot go on, and its job.
	fn conclude_vacated(id: ShardId, mut job: JobRecord, shard: ShardRecord, goes_on: bool) {
		if goes_on {
			Shards::<T>::insert(id.job, id.index, shard);
		} else {
			let revealed = T::Verifier::close(id);
			Self::fail_shard(id, &mut job, shard, revealed, Failure::Exhausted);
		}
		Self::conclude(id.job, job);
	}

	/// Takes a seat from its holder, with the consequences that the cause has. False if the shard cannot go on.
	pub(crate) fn vacate(id: ShardId, job: &mut JobRecord, shard: &mut ShardRecord, seat: u8, cause: Cause) -> bool {
		let Some(slot) = shard.seats.get_mut(usize::from(seat)) else {
			return true;
		};
		let Some(holder) = slot.holder.take() else { return true };
		slot.round = slot.round.saturating_add(1);

		let (share, conduct) = match cause {
			Cause::Declined(_) => (Permill::zero(), Some(Conduct::Alive)),
			Cause::MissedAccept => (Permill::zero(), Some(Conduct::MissedAccept)),
			Cause::Late => (shard.terms.late_slash, Some(Conduct::Late)),
			Cause::MissedReveal => (shard.terms.missed_reveal_slash, Some(Conduct::MissedReveal)),
			Cause::Rejected => (Permill::one(), None),
		};
		let amount = share.mul_ceil(shard.terms.liability);
		let slashed = if amount > 0 {
			T::Providers::slash(&holder.provider, amount)
		} else {
			0
		};
		Self::release_holder(&holder, shard.terms.liability);
		AssignmentsOf::<T>::remove(&holder.provider, id);
		if let Some(conduct) = conduct {
			T::Providers::note(&holder.provider, conduct);
		}
		let provider = holder.provider.clone();
		Self::deposit_event(Event::SeatVacated {
			shard: id,
			seat,
			provider,
			cause,
			slashed,
		});
		if let Cause::Declined(reason) = cause {
			Self::count_decline(id.job, job, &holder.provider, reason);
		}
		shard.readmit(job.top_ups);
		let exclusion = Exclusion {
			provider: holder.provider,
			declined: matches!(cause, Cause::Declined(_)).then_some(job.top_ups),
		};
		if shard.excluded.try_push(exclusion).is_err() {
			return false;
		}
		Self::add_vacancy(id.job, job, id.index, seat);
		true
	}

	/// Frees what a seat takes of its holder.
	pub(crate) fn release_holder(holder: &Holder, liability: Balance) {
		if holder.slot {
			T::Providers::free_slot(&holder.provider);
		}
		T::Providers::free_liability(&holder.provider, liability);
	}

	/// Suspends an open job after too many declines by several providers, none of whom accepted: the trouble is then
	/// likely the job's. A provider without room says nothing about the job, and no provider can suspend one alone.
	fn count_decline(id: JobId, job: &mut JobRecord, provider: &AccountId, reason: DeclineReason) {
		if reason == DeclineReason::NoCapacity {
			return;
		}
		job.declines = job.declines.saturating_add(1);
		if !job.decliners.is_full() && !job.decliners.contains(provider) {
			let pushed = job.decliners.try_push(provider.clone());
			debug_assert!(pushed.is_ok(), "there is room: it was checked above");
		}
		let many = job.declines >= T::Parameters::get().decline_limit.max(1);
		if job.status == JobStatus::Open && many && job.decliners.is_full() {
			job.status = JobStatus::Suspended(reason);
			Self::deposit_event(Event::JobSuspended { job: id, reason });
		}
	}

	pub(crate) fn do_sealed(id: ShardId, seat: u8) -> DispatchResult {
		let mut shard = Shards::<T>::get(id.job, id.index).ok_or(Error::<T>::UnknownShard)?;
		let holder = Self::advance(&mut shard, seat, SeatEvent::Seal)?;
		// The verifier counts from here.
		holder.due = MarketBlock::MAX;
		let freed = core::mem::take(&mut holder.slot);
		let provider = holder.provider.clone();
		Shards::<T>::insert(id.job, id.index, shard);
		T::Providers::note(&provider, Conduct::Alive);
		if freed {
			T::Providers::free_slot(&provider);
			// The next of the job's shards may want this slot.
			if let Some(mut job) = Jobs::<T>::get(id.job) {
				if Self::wake(&mut job, Self::seed_ready(&T::Parameters::get()), WOKEN) > 0 {
					Self::schedule(id.job, &mut job);
					Jobs::<T>::insert(id.job, job);
				}
			}
		}
		Ok(())
	}

	pub(crate) fn do_revealed(id: ShardId, seat: u8) -> DispatchResult {
		let mut shard = Shards::<T>::get(id.job, id.index).ok_or(Error::<T>::UnknownShard)?;
		let provider = Self::advance(&mut shard, seat, SeatEvent::Reveal)?.provider.clone();
		Shards::<T>::insert(id.job, id.index, shard);
		T::Providers::note(&provider, Conduct::Alive);
		Ok(())
	}

	/// Sealed seats were not revealed. The others keep their reveals, so whoever is drawn next can know them: its seal is
	/// no longer blind. The full slash, of each of them, is what keeps providers from making room for others in this way.
	pub(crate) fn do_missed_reveals(id: ShardId, seats: &[u8]) {
		let (Some(mut job), Some(mut shard)) = (Jobs::<T>::get(id.job), Shards::<T>::get(id.job, id.index)) else {
			return;
		};
		if shard.custody.is_some() {
			return;
		}
		let (mut missed, mut goes_on) = (false, true);
		for seat in seats {
			let sealed = shard.holder(*seat).is_some_and(|holder| {
				holder.state == SeatState::Sealed && holder.state.on(SeatEvent::Timeout) == Ok(None)
			});
			if sealed {
				missed = true;
				goes_on &= Self::vacate(id, &mut job, &mut shard, *seat, Cause::MissedReveal);
			}
		}
		if missed {
			Self::conclude_vacated(id, job, shard, goes_on);
		}
	}
}
