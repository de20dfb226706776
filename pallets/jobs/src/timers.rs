//! Exact deadlines at constant cost. What is due at a market block is listed on pages of that block, so that arming a timer writes one
//! page, whatever its delay, and a tick looks at one. Entries whose reason is gone are dropped when they are served.
//!
//! A timer that anybody can arm fills a page for others as well; then another one follows. What a tick cannot serve is served by
//! later ones, block by block.
//!
//! The deadlines of a job's work are by its own clock, which stands while its program or its version of the machine is frozen
//! ([`Pace`]): what fires before its time by that clock is armed again for what is left.

use crate::{
	Cause, Config, JobRecord, Jobs, Pallet, ShardRecord, TimerEntry, TimerPage, Timers, TimersServed, WeightInfo,
};
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{
	traits::Get,
	weights::{Weight, WeightMeter},
};
use millrace_court::demand::Wanted;
use millrace_primitives::{
	job::{JobStatus, SeatState},
	traits::{Alarm, Pace, Verifier, FROZEN_LOOK},
	JobId, MarketBlock, ShardId,
};
use scale_info::TypeInfo;

/// What a timer does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum TimerAction {
	/// A seat should have been accepted.
	Accept {
		/// The shard.
		shard: ShardId,
		/// The seat.
		seat: u8,
		/// The seat's round when it was assigned.
		round: u32,
	},
	/// A seat should have been sealed.
	Execute {
		/// The shard.
		shard: ShardId,
		/// The seat.
		seat: u8,
		/// The seat's round when it was accepted.
		round: u32,
	},
	/// All seats of a shard should have been sealed.
	Fill {
		/// The shard.
		shard: ShardId,
	},
	/// A job for which nobody was found is tried again.
	BackOff {
		/// The job.
		job: JobId,
	},
	/// A job's deadline.
	Expire {
		/// The job.
		job: JobId,
	},
	/// Custody of a shard's outputs ends.
	Custody {
		/// The shard.
		shard: ShardId,
	},
	/// The verifier asked to be woken.
	Verify {
		/// Why.
		alarm: Alarm,
	},
	/// A part of a shard's outputs should have been shown.
	Demand {
		/// The shard.
		shard: ShardId,
		/// What.
		wanted: Wanted,
	},
}

impl TimerAction {
	/// The job by the clock of whose work it acts; none if by the market's.
	const fn job(&self) -> Option<JobId> {
		match self {
			Self::Accept { shard, .. }
			| Self::Execute { shard, .. }
			| Self::Fill { shard }
			| Self::Custody { shard }
			| Self::Demand { shard, .. } => Some(shard.job),
			Self::Expire { job } => Some(*job),
			Self::BackOff { .. } | Self::Verify { .. } => None,
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The most that serving one timer weighs.
	pub(crate) fn timer_weight() -> Weight {
		T::WeightInfo::timer_stale()
			.max(T::WeightInfo::timer_accept().saturating_add(Self::end_weight(true)))
			.max(T::WeightInfo::timer_execute().saturating_add(Self::end_weight(true)))
			.max(T::WeightInfo::timer_fill())
			.max(T::WeightInfo::timer_back_off())
			.max(T::WeightInfo::timer_expire())
			.max(T::WeightInfo::timer_custody())
			.max(T::WeightInfo::timer_demand())
			.max(T::WeightInfo::timer_stale().saturating_add(T::Verifier::serve_weight()))
			.saturating_add(Self::pace_weight())
	}

	/// What it weighs to learn the clock of a job's work, where clocks differ.
	pub(crate) fn pace_weight() -> Weight {
		T::DbWeight::get().reads(3)
	}

	/// What it weighs on top if a vacated seat closes its shard.
	pub(crate) fn end_weight(ended: bool) -> Weight {
		if ended {
			T::WeightInfo::end_shard()
		} else {
			Weight::zero()
		}
	}

	/// Arms a timer; it acts at `target` by the market's clock, at the earliest in the next market block.
	pub(crate) fn arm(action: TimerAction, target: MarketBlock) {
		Self::arm_by(action, target, Pace::default());
	}

	/// Arms a timer that acts at `target` by the clock of its job's work. While that stands it fires in vain, now and then.
	pub(crate) fn arm_by(action: TimerAction, target: MarketBlock, pace: Pace) {
		let now = Self::now_block();
		let left = target.saturating_sub(pace.at(now)).max(1);
		let at = now.saturating_add(if pace.frozen { left.max(FROZEN_LOOK) } else { left });
		let entry = TimerEntry { target, action };
		let mut first = Timers::<T>::get(at, 0).unwrap_or_default();
		if first.following == 0 && first.entries.try_push(entry).is_ok() {
			Timers::<T>::insert(at, 0, first);
			return;
		}
		let mut last = match first.following {
			0 => None,
			last => Timers::<T>::get(at, last),
		}
		.unwrap_or_default();
		if first.following == 0 || last.entries.is_full() {
			first.following = first.following.saturating_add(1);
			last = TimerPage::default();
		}
		let pushed = last.entries.try_push(entry);
		debug_assert!(pushed.is_ok(), "the page is not full");
		Timers::<T>::insert(at, first.following, last);
		Timers::<T>::insert(at, 0, first);
	}

	/// Takes a timer of a market block, off its last page.
	fn pop_timer(at: MarketBlock) -> Option<TimerEntry> {
		let mut first = Timers::<T>::get(at, 0)?;
		while first.following > 0 {
			let mut last = Timers::<T>::get(at, first.following).unwrap_or_default();
			if let Some(entry) = last.entries.pop() {
				Timers::<T>::insert(at, first.following, last);
				return Some(entry);
			}
			Timers::<T>::remove(at, first.following);
			first.following = first.following.saturating_sub(1);
			Timers::<T>::insert(at, 0, &first);
		}
		let entry = first.entries.pop();
		if first.entries.is_empty() {
			Timers::<T>::remove(at, 0);
		} else {
			Timers::<T>::insert(at, 0, first);
		}
		entry
	}

	/// Serves due timers while the meter admits one more. Nobody is drawn by it unless it is the tick: who calls it may know
	/// whom a draw would find.
	pub(crate) fn serve_timers(meter: &mut WeightMeter, may_draw: bool) {
		let (now, in_step) = (Self::now_block(), T::Verifier::in_step());
		let mut at = TimersServed::<T>::get();
		while at < now && meter.can_consume(Self::timer_weight()) {
			let next = at.saturating_add(1);
			match Self::pop_timer(next) {
				Some(entry) => {
					meter.consume(Self::fire(entry, now, may_draw, in_step));
					if !in_step {
						meter.consume(Self::pace_weight());
					}
				}
				None => {
					meter.consume(T::DbWeight::get().reads(1));
					at = next;
				}
			}
		}
		TimersServed::<T>::put(at);
	}

	/// Serves one timer and returns its weight.
	pub(crate) fn fire(entry: TimerEntry, market: MarketBlock, may_draw: bool, in_step: bool) -> Weight {
		if !Self::is_live(&entry) {
			return T::WeightInfo::timer_stale();
		}
		let job = entry.action.job().filter(|_| !in_step);
		let pace = job.map(Self::pace_of).unwrap_or_default();
		let now = pace.at(market);
		if entry.target > now || pace.frozen {
			Self::arm_by(entry.action, entry.target, pace);
			let armed = T::DbWeight::get().reads_writes(1, 1);
			return T::WeightInfo::timer_stale()
				.saturating_add(armed)
				.saturating_add(Self::pace_weight());
		}
		match entry.action {
			TimerAction::Accept { shard, seat, .. } => {
				let ended = Self::vacate_seat(shard, seat, Cause::MissedAccept);
				T::WeightInfo::timer_accept().saturating_add(Self::end_weight(ended))
			}
			TimerAction::Execute { shard, seat, .. } => {
				let ended = Self::vacate_seat(shard, seat, Cause::Late);
				T::WeightInfo::timer_execute().saturating_add(Self::end_weight(ended))
			}
			TimerAction::Fill { shard } => {
				Self::end_filling(shard);
				T::WeightInfo::timer_fill()
			}
			TimerAction::BackOff { job: id } => {
				if let Some(mut job) = Jobs::<T>::get(id) {
					job.retry = None;
					Self::schedule(id, &mut job);
					Jobs::<T>::insert(id, job);
				}
				T::WeightInfo::timer_back_off()
			}
			TimerAction::Expire { job: id } => {
				match Jobs::<T>::get(id) {
					// The client extended it.
					Some(job) if job.expires_at > now => Self::arm_by(entry.action, job.expires_at, pace),
					Some(job) => Self::close_job(id, job, JobStatus::Expired),
					None => {}
				}
				T::WeightInfo::timer_expire()
			}
			TimerAction::Custody { shard: id } => Self::custody_is_over(id, now, pace),
			TimerAction::Verify { alarm } => {
				T::WeightInfo::timer_stale().saturating_add(T::Verifier::serve(alarm, may_draw))
			}
			TimerAction::Demand { shard, .. } => {
				Self::end_kept(shard, Self::forfeit, now, T::WeightInfo::timer_demand())
			}
		}
	}

	/// Ends custody when its time is over. It is longer if a part of the outputs was demanded meanwhile.
	fn custody_is_over(id: ShardId, now: MarketBlock, pace: Pace) -> Weight {
		match Self::kept(id).and_then(|shard| shard.custody) {
			Some(custody) if custody.until > now => {
				Self::arm_by(TimerAction::Custody { shard: id }, custody.until, pace);
				T::WeightInfo::timer_stale().saturating_add(T::DbWeight::get().reads_writes(1, 1))
			}
			// The time for an answer was over before, if the demand's own timer has not come yet.
			Some(custody) if custody.demands > 0 => {
				Self::end_kept(id, Self::forfeit, now, T::WeightInfo::timer_demand())
			}
			_ => Self::end_kept(id, Self::end_custody, now, T::WeightInfo::timer_custody()),
		}
	}

	/// Ends a shard in custody in this way, at this time by its clock, which weighs so much.
	fn end_kept(
		id: ShardId,
		end: fn(ShardId, &mut JobRecord, ShardRecord, MarketBlock),
		now: MarketBlock,
		weight: Weight,
	) -> Weight {
		if let (Some(mut job), Some(shard)) = (Jobs::<T>::get(id.job), Self::kept(id)) {
			end(id, &mut job, shard, now);
			Self::conclude(id.job, job);
		}
		weight
	}

	/// True while the timer's reason exists.
	pub(crate) fn is_live(entry: &TimerEntry) -> bool {
		let is_in = |id: ShardId, seat, round, state: SeatState| {
			Self::running(id).is_some_and(|shard| shard.is_in(seat, round, state))
		};
		match entry.action {
			TimerAction::Accept { shard, seat, round } => is_in(shard, seat, round, SeatState::Assigned),
			TimerAction::Execute { shard, seat, round } => is_in(shard, seat, round, SeatState::Accepted),
			TimerAction::Fill { shard } => Self::running(shard).is_some_and(|shard| shard.closed.is_none()),
			TimerAction::BackOff { job } => Jobs::<T>::get(job).is_some_and(|job| job.retry == Some(entry.target)),
			TimerAction::Expire { job } => Jobs::<T>::get(job).is_some_and(|job| job.is_open()),
			TimerAction::Custody { shard } => Self::kept(shard).is_some(),
			TimerAction::Verify { .. } => true,
			TimerAction::Demand { shard, wanted } => Self::is_demanded(shard, wanted, entry.target),
		}
	}
}
