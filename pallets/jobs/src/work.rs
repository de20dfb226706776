//! What providers do with their seats: accept, decline, seal, reveal, or miss a deadline; and when nobody may seal a shard
//! any more. Every change of a seat's state goes through the one table, [`SeatState::on`]. That a seat has revealed the verifier
//! alone knows until the shard ends: nothing here depends on it.
//!
//! ```text
//!  accepted ─ the last of all ─► due of each ─ seal ─ the last of all ───────► closed
//!     └ waits: may decline        └ late: vacant    └ the first: time to fill ─┘ with those who have sealed
//! ```

use crate::{
	AssignmentsOf, Cause, Config, Error, Event, Exclusion, Failure, Holder, JobRecord, Jobs, Pallet, ShardRecord,
	Shards, DECLINERS, LEAST_DECLINERS, NEVER, WOKEN,
};
use frame_support::{ensure, traits::Get};
use millrace_primitives::{
	job::{DeclineReason, JobStatus, SeatEvent, SeatState},
	traits::{Conduct, Pace, ProviderRegistry, Verifier},
	AccountId, Balance, JobId, MarketBlock, ShardId,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The shard and the seat that an operator's provider holds in it.
	pub(crate) fn seat_of_operator(operator: &AccountId, id: ShardId) -> Result<(ShardRecord, u8), DispatchError> {
		let shard = Shards::<T>::get(id.job, id.index);
		let known = shard.as_ref().and_then(|shard| Self::seat_known(operator, shard));
		if let (Some(shard), Some(seat)) = (&shard, known) {
			return Ok((shard.clone(), seat));
		}
		let provider = T::Providers::provider_of(operator).ok_or(Error::<T>::NotProvider)?;
		let shard = shard.ok_or(Error::<T>::UnknownShard)?;
		let seat = shard.seat_of(&provider).ok_or(Error::<T>::NotAssigned)?;
		Ok((shard, seat))
	}

	/// The seat whose holder an operator has worked for since it was drawn: the holder's record says so, which calls look at anyway.
	/// None if a provider changed its operator; then the operator is to be looked up.
	pub(crate) fn seat_known(operator: &AccountId, shard: &ShardRecord) -> Option<u8> {
		let (seat, holder) = (0u8..)
			.zip(&shard.seats)
			.filter_map(|(seat, slot)| Some((seat, slot.holder.as_ref()?)))
			.find(|(_, holder)| holder.operator == *operator)?;
		(T::Providers::operator_of(&holder.provider).as_ref() == Some(operator)).then_some(seat)
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
		let holder = Self::advance(&mut shard, seat, SeatEvent::Accept)?;
		let pace = Self::pace_of(id.job);
		let now = pace.at(Self::now_block());
		holder.due = NEVER;
		let provider = holder.provider.clone();
		if shard.all_reached(SeatState::Accepted) {
			Self::start_windows(id, &mut shard, pace);
		}
		let due = shard.holder(seat).map_or(NEVER, |holder| holder.due);
		let exact = shard.terms.accept_window / 2;
		if shard.tells {
			shard.tells = Self::take_up(id.job, now, exact);
		}
		Shards::<T>::insert(id.job, id.index, shard);
		T::Providers::note(&provider, Conduct::Alive);
		Self::deposit_event(Event::ShardAccepted {
			shard: id,
			seat,
			provider,
			due,
		});
		Ok(())
	}

	/// All seats are accepted: the time of those who waited for it begins. Others have theirs from before a seat fell vacant.
	fn start_windows(id: ShardId, shard: &mut ShardRecord, pace: Pace) {
		let window = shard.terms.execution_window.max(1);
		let due = pace.at(Self::now_block()).saturating_add(window).min(NEVER - 1);
		for slot in shard.seats.iter_mut() {
			if let Some(holder) = slot.holder.as_mut().filter(|holder| holder.waits()) {
				holder.due = due;
			}
		}
		Self::keep_time(id, shard, pace);
	}

	/// Somebody accepted work of a job: who declined it is forgotten, a suspension is over. When is written down only to so
	/// many blocks, and not where the only shard tells: each acceptance would otherwise cost a write. Whether the job has more
	/// shards, and is to be told of the next one, too.
	fn take_up(id: JobId, now: MarketBlock, exact: MarketBlock) -> bool {
		let Some(mut job) = Jobs::<T>::get(id) else {
			return false;
		};
		let tells = job.shards > 1;
		let is_known = job.shards == 1 || job.taken.is_some_and(|taken| now.saturating_sub(taken) <= exact);
		if is_known && job.decliners.is_empty() && !job.is_suspended() {
			return tells;
		}
		job.taken = Some(now);
		if Self::reopen(id, &mut job) {
			Self::schedule(id, &mut job);
		}
		Jobs::<T>::insert(id, job);
		tells
	}

	/// Forgets who declined. True if the job was suspended, and is not any more.
	pub(crate) fn reopen(id: JobId, job: &mut JobRecord) -> bool {
		job.decliners = Default::default();
		let suspended = job.is_suspended();
		if suspended {
			job.status = JobStatus::Open;
			Self::deposit_event(Event::JobResumed { job: id });
		}
		suspended
	}

	/// True if it was one vacancy too many for the shard.
	pub(crate) fn do_decline(operator: AccountId, id: ShardId, reason: DeclineReason) -> Result<bool, DispatchError> {
		let (shard, seat) = Self::seat_of_operator(&operator, id)?;
		ensure!(shard.may_decline(seat), Error::<T>::WrongState);
		let now = Self::pace_of(id.job).at(Self::now_block());
		let cause = match shard.leaves_in_time(seat, now) {
			true => Cause::Declined(reason),
			false => Cause::MissedAccept,
		};
		Ok(Self::vacate_seat(id, seat, cause))
	}

	/// Takes a seat from its holder, with the consequences that the cause has, and queues it again; or, if that happened too
	/// often, closes the shard: true then.
	pub(crate) fn vacate_seat(id: ShardId, seat: u8, cause: Cause) -> bool {
		let (Some(mut job), Some(mut shard)) = (Jobs::<T>::get(id.job), Shards::<T>::get(id.job, id.index)) else {
			return false;
		};
		let goes_on = Self::vacate(id, &mut job, &mut shard, seat, cause);
		if goes_on {
			Shards::<T>::insert(id.job, id.index, shard);
		} else {
			Self::close_sealing(id, &mut job, shard, Failure::Exhausted);
		}
		Self::conclude(id.job, job);
		!goes_on
	}

	/// False if seats of the shard fell vacant too often for this one to be drawn again. Nobody computes in vain by that: the time
	/// of all who have not sealed ends in the same block.
	fn vacate(id: ShardId, job: &mut JobRecord, shard: &mut ShardRecord, seat: u8, cause: Cause) -> bool {
		let Some(slot) = shard.seats.get_mut(usize::from(seat)) else {
			return true;
		};
		let Some(holder) = slot.holder.take() else { return true };
		slot.round = slot.round.saturating_add(1);
		Self::leave(id, seat, &holder, cause);
		if let Cause::Declined(reason) = cause {
			Self::count_decline(id.job, job, shard, &holder.provider, reason);
		}
		if shard.is_spent() {
			return false;
		}
		shard.readmit(job.top_ups);
		let exclusion = Exclusion {
			provider: holder.provider,
			declined: matches!(cause, Cause::Declined(_)).then_some(job.top_ups),
		};
		let pushed = shard.excluded.try_push(exclusion);
		debug_assert!(pushed.is_ok(), "no more than fell vacant");
		Self::add_vacancy(id.job, job, id.index, seat);
		true
	}

	/// What it has for the holder of a seat that it leaves it in this way.
	fn leave(id: ShardId, seat: u8, holder: &Holder, cause: Cause) {
		let (lost, conduct): (Balance, _) = match cause {
			Cause::Declined(_) => (0, Some(Conduct::Alive)),
			Cause::MissedAccept => (0, Some(Conduct::MissedAccept)),
			Cause::Late => (holder.stake.late, Some(Conduct::Late)),
			Cause::Closed => (0, None),
		};
		let slashed = match lost {
			0 => 0,
			lost => T::Providers::take(&holder.provider, None, lost),
		};
		Self::release_holder(holder);
		AssignmentsOf::<T>::remove(&holder.provider, id);
		if let Some(conduct) = conduct {
			T::Providers::note(&holder.provider, conduct);
		}
		Self::deposit_event(Event::SeatVacated {
			shard: id,
			seat,
			provider: holder.provider.clone(),
			cause,
			slashed,
		});
	}

	/// Frees what a seat takes of its holder and this pallet is to free.
	pub(crate) fn release_holder(holder: &Holder) {
		if holder.slot {
			T::Providers::free_slot(&holder.provider);
		}
		if holder.state < SeatState::Sealed {
			T::Providers::free_liability(&holder.provider, holder.stake.liability);
		}
	}

	/// Nobody is drawn for the shard any more. It goes on with those who have sealed, and the others leave; if nobody has, it
	/// ends.
	pub(crate) fn close_sealing(id: ShardId, job: &mut JobRecord, mut shard: ShardRecord, failure: Failure) {
		if !T::Verifier::close(id) {
			Self::fail_shard(id, job, shard, failure);
			return;
		}
		shard.closed = Some(Self::pace_of(id.job).at(Self::now_block()));
		job.vacancies.retain(|vacancy| vacancy.shard != id.index);
		for (slot, seat) in shard.seats.iter_mut().zip(0u8..) {
			if let Some(holder) = slot.holder.take_if(|holder| holder.state < SeatState::Sealed) {
				slot.round = slot.round.saturating_add(1);
				Self::leave(id, seat, &holder, Cause::Closed);
			}
		}
		Shards::<T>::insert(id.job, id.index, shard);
	}

	/// Time is up for the seats of a shard that have not sealed, long after the first one has.
	pub(crate) fn end_filling(id: ShardId) {
		if let (Some(mut job), Some(shard)) = (Jobs::<T>::get(id.job), Self::running(id)) {
			Self::close_sealing(id, &mut job, shard, Failure::Closed);
			Self::conclude(id.job, job);
		}
	}

	/// Suspends an open job after so many providers declined and nobody took it: the trouble is then likely the job's. Each
	/// counts once, since a decline costs nothing; who has no room says nothing about the job; and none counts where somebody
	/// else is at work on the same shard, or was lately on another one.
	fn count_decline(
		id: JobId,
		job: &mut JobRecord,
		shard: &mut ShardRecord,
		provider: &AccountId,
		reason: DeclineReason,
	) {
		let now = Self::pace_of(id).at(Self::now_block());
		if reason == DeclineReason::NoCapacity
			|| shard.any_reached(SeatState::Accepted)
			|| job.is_taken(&shard.terms, now)
			|| job.decliners.contains(provider)
			|| job.decliners.try_push(provider.clone()).is_err()
		{
			return;
		}
		shard.tells = true;
		let limit = T::Parameters::get().decline_limit.max(LEAST_DECLINERS);
		let many = job.decliners.len() as u32 >= u32::from(limit).min(DECLINERS);
		if job.status == JobStatus::Open && many {
			job.status = JobStatus::Suspended(reason);
			Self::deposit_event(Event::JobSuspended { job: id, reason });
		}
	}

	pub(crate) fn do_sealed(id: ShardId, seat: u8) -> DispatchResult {
		let mut shard = Self::running(id).ok_or(Error::<T>::UnknownShard)?;
		ensure!(
			!shard.holder(seat).is_some_and(|holder| holder.waits()),
			Error::<T>::WrongState
		);
		let first = !shard.any_reached(SeatState::Sealed);
		let holder = Self::advance(&mut shard, seat, SeatEvent::Seal)?;
		// The verifier counts from here.
		holder.due = NEVER;
		let freed = core::mem::take(&mut holder.slot);
		let provider = holder.provider.clone();
		let pace = Self::pace_of(id.job);
		let now = pace.at(Self::now_block());
		shard.closed = shard.all_reached(SeatState::Sealed).then_some(now);
		if first && shard.closed.is_none() {
			let terms = &shard.terms;
			shard.fill = now
				.saturating_add(terms.accept_window)
				.saturating_add(terms.execution_window)
				.min(NEVER - 1);
			Self::keep_time(id, &mut shard, pace);
		}
		// The next of the job's shards may want this slot, and who is drawn for a vacant seat the draw that comes with it.
		let tells = shard.tells || shard.seats.iter().any(|seat| seat.holder.is_none());
		Shards::<T>::insert(id.job, id.index, shard);
		T::Providers::note(&provider, Conduct::Alive);
		if freed {
			T::Providers::free_slot(&provider);
			if !tells {
				return Ok(());
			}
			if let Some(mut job) = Jobs::<T>::get(id.job) {
				let resumed = job.is_suspended() && Self::reopen(id.job, &mut job);
				if Self::wake(&mut job, Self::seed_ready(&T::Parameters::get()), WOKEN) > 0 || resumed {
					Self::schedule(id.job, &mut job);
					Jobs::<T>::insert(id.job, job);
				}
			}
		}
		Ok(())
	}
}
