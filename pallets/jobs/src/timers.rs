//! Exact deadlines at constant cost. A class is a queue of entries that all fire the same number of market blocks after
//! they were put there, so each queue is in order by itself. There is a class for each digit, 1 to 7, at each place of an
//! octal number. A delay is served digit by digit, the highest first: an entry that fires before its target is armed again
//! for the rest. Entries whose reason is gone are dropped when they fire.
//!
//! The deadlines of a job's work are by its own clock, which stands while its program or its version of the machine is frozen
//! ([`Pace`]): what fires before its time by that clock is armed again for what is left.

use crate::{Cause, Config, Jobs, Pallet, TimerClasses, TimerEntry, TimerTable, Timers, WeightInfo};
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{
	traits::Get,
	weights::{Weight, WeightMeter},
};
use millrace_primitives::{
	job::{JobStatus, SeatState},
	traits::{Alarm, Pace, Verifier, FROZEN_LOOK},
	JobId, MarketBlock, ShardId,
};
use scale_info::TypeInfo;

/// The number of octal places; a longer delay takes several rounds of the last class.
const PLACES: usize = 8;
/// The number of classes.
pub const CLASSES: usize = 7 * PLACES;

/// The class of a delay's highest digit, and after how many market blocks it fires.
fn class_of(delay: MarketBlock) -> (usize, MarketBlock) {
	let place = (delay.max(1).ilog2() as usize / 3).min(PLACES - 1);
	let digit = (delay.max(1) >> (3 * place)).min(7);
	(7 * place + digit as usize - 1, digit << (3 * place))
}

/// How often a timer fires at most, until it acts, for a delay that is not longer.
pub fn fires(longest: MarketBlock) -> u32 {
	longest.max(1).ilog2() / 3 + 1
}

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
}

impl TimerAction {
	/// The job by the clock of whose work it acts; none if by the market's.
	const fn job(&self) -> Option<JobId> {
		match self {
			Self::Accept { shard, .. }
			| Self::Execute { shard, .. }
			| Self::Fill { shard }
			| Self::Custody { shard } => Some(shard.job),
			Self::Expire { job } => Some(*job),
			Self::BackOff { .. } | Self::Verify { .. } => None,
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The most that serving one timer weighs.
	pub(crate) fn timer_weight() -> Weight {
		T::WeightInfo::timer_stale()
			.max(T::WeightInfo::timer_again())
			.max(T::WeightInfo::timer_accept().saturating_add(Self::end_weight(true)))
			.max(T::WeightInfo::timer_execute().saturating_add(Self::end_weight(true)))
			.max(T::WeightInfo::timer_fill())
			.max(T::WeightInfo::timer_back_off())
			.max(T::WeightInfo::timer_expire())
			.max(T::WeightInfo::timer_custody())
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
		let left = target.saturating_sub(pace.at(now));
		let (class, delay) = class_of(if pace.frozen { left.max(FROZEN_LOOK) } else { left });
		let fires = now.saturating_add(delay);
		TimerClasses::<T>::mutate(|TimerTable(classes)| {
			let bounds = &mut classes[class];
			if bounds.head == bounds.tail {
				bounds.next = fires;
			}
			Timers::<T>::insert((class as u8, bounds.tail), TimerEntry { fires, target, action });
			bounds.tail = bounds.tail.wrapping_add(1);
		});
	}

	/// Takes the timer that has been due for longest.
	fn pop_timer(now: MarketBlock) -> Option<TimerEntry> {
		let TimerTable(mut classes) = TimerClasses::<T>::get();
		let (class, bounds) = classes
			.iter_mut()
			.enumerate()
			.filter(|(_, bounds)| bounds.head != bounds.tail && bounds.next <= now)
			.min_by_key(|(_, bounds)| bounds.next)?;
		let entry = Timers::<T>::take((class as u8, bounds.head));
		bounds.head = bounds.head.wrapping_add(1);
		if bounds.head != bounds.tail {
			bounds.next = Timers::<T>::get((class as u8, bounds.head)).map_or(now, |next| next.fires);
		}
		TimerClasses::<T>::put(TimerTable(classes));
		entry
	}

	/// Serves due timers while the meter admits one more. Nobody is drawn by it unless it is the tick: who calls it may know
	/// whom a draw would find.
	pub(crate) fn serve_timers(meter: &mut WeightMeter, may_draw: bool) {
		let (now, in_step) = (Self::now_block(), T::Verifier::in_step());
		while meter.can_consume(Self::timer_weight()) {
			let Some(entry) = Self::pop_timer(now) else { return };
			meter.consume(Self::fire(entry, now, may_draw, in_step));
		}
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
			return T::WeightInfo::timer_again().saturating_add(Self::pace_weight());
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
			TimerAction::Custody { shard: id } => {
				if let (Some(mut job), Some(shard)) = (Jobs::<T>::get(id.job), Self::kept(id)) {
					Self::end_custody(id, &mut job, shard);
					Self::conclude(id.job, job);
				}
				T::WeightInfo::timer_custody()
			}
			TimerAction::Verify { alarm } => {
				T::WeightInfo::timer_stale().saturating_add(T::Verifier::serve(alarm, may_draw))
			}
		}
	}

	/// True while the timer's reason exists.
	pub(crate) fn is_live(entry: &TimerEntry) -> bool {
		let is_in = |id: ShardId, seat, round, state: SeatState| {
			Self::running(id).is_some_and(|shard| shard.is_in(seat, round, state))
		};
		match entry.action {
			TimerAction::Accept { shard, seat, round } => is_in(shard, seat, round, SeatState::Assigned),
			TimerAction::Execute { shard, seat, round } => is_in(shard, seat, round, SeatState::Accepted),
			TimerAction::Fill { shard } => Self::running(shard).is_some_and(|shard| !shard.closed),
			TimerAction::BackOff { job } => Jobs::<T>::get(job).is_some_and(|job| job.retry == Some(entry.target)),
			TimerAction::Expire { job } => Jobs::<T>::get(job).is_some_and(|job| job.is_open()),
			TimerAction::Custody { shard } => Self::kept(shard).is_some(),
			TimerAction::Verify { .. } => true,
		}
	}
}
