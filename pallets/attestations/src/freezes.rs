//! What is frozen because the chain's own judgement of it is in doubt: a program, or a version of the machine.
//!
//! The clock of frozen work stands and goes on with what was left. Times that are stored of such work are those of its own
//! clock, which is behind the market's by as long as it ever stood ([`Pace`]), so nothing needs to be moved when it goes on.
//! All that is needed for it is one short list, empty unless something goes wrong.
//!
//! A freeze ends by itself: it holds the money of honest people, and whoever may freeze must not be able to keep it. What is
//! frozen again soon has only what was left of that time.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::{
	api::FreezeView,
	traits::{Freezable, Pace},
	ProgramId,
};
use scale_info::TypeInfo;

/// So many subjects can ever be frozen. None is forgotten: the clock of all its work is behind by it, also of work that began later.
pub const MAX_FREEZES: u32 = 128;
/// So many of them are kept for versions of the machine.
pub const KEPT_FOR_ENGINES: u32 = 16;

/// A subject that is or was frozen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Freeze {
	/// What.
	pub subject: Freezable,
	/// The version of the machine that it is, or is for.
	pub engine: u8,
	/// Since which market block, the last time.
	pub since: MarketBlock,
	/// The market block in which it goes on, or went on.
	pub until: MarketBlock,
	/// So many market blocks it stood before.
	pub before: MarketBlock,
	/// Of the time that it may stand, so much was used before and was not given back since.
	pub used: MarketBlock,
}

impl Freeze {
	/// Whether it stands.
	pub const fn is_on(&self, now: MarketBlock) -> bool {
		now < self.until
	}

	/// How long it stood the last time, so far.
	fn lasted(&self, now: MarketBlock) -> MarketBlock {
		self.until.min(now).saturating_sub(self.since)
	}

	/// Whether it is of this work.
	fn is_of(&self, program: &ProgramId, engine: u8) -> bool {
		match &self.subject {
			Freezable::Program(frozen) => frozen == program,
			Freezable::Engine(frozen) => *frozen == engine,
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The clock of work by a program on a version of the machine. Of a program and its version never both stand.
	pub(crate) fn pace_of(program: &ProgramId, engine: u8) -> Pace {
		let freezes = Freezes::<T>::get();
		if freezes.is_empty() {
			return Pace::default();
		}
		let now = T::Clock::now();
		let of_it = freezes.iter().filter(|freeze| freeze.is_of(program, engine));
		of_it.fold(Pace::default(), |pace, freeze| Pace {
			behind: pace
				.behind
				.saturating_add(freeze.before)
				.saturating_add(freeze.lasted(now)),
			frozen: pace.frozen || freeze.is_on(now),
		})
	}

	/// Freezes a subject for as long as it may be, and returns until when.
	pub(crate) fn do_freeze(subject: Freezable) -> Result<MarketBlock, DispatchError> {
		let (now, longest) = (T::Clock::now(), T::LongestFreeze::get());
		let engine = match &subject {
			Freezable::Engine(engine) => *engine,
			Freezable::Program(program) => T::Assignments::engine_of(program).ok_or(Error::<T>::UnknownSubject)?,
		};
		let mut freezes = Freezes::<T>::get();
		let stands =
			|freeze: &Freeze| freeze.is_on(now) && [subject, Freezable::Engine(engine)].contains(&freeze.subject);
		ensure!(!freezes.iter().any(stands), Error::<T>::Frozen);
		if matches!(subject, Freezable::Engine(_)) {
			// Those of its programs would count twice.
			for freeze in freezes
				.iter_mut()
				.filter(|freeze| freeze.engine == engine && freeze.is_on(now))
			{
				freeze.until = now;
				Self::deposit_event(Event::Thawed {
					subject: freeze.subject,
				});
			}
		}
		// What stood with its version has not rested: else the two in turn would hold it without end.
		let stood = |freeze: &&Freeze| [subject, Freezable::Engine(engine)].contains(&freeze.subject);
		let rests_since = freezes.iter().filter(stood).map(|freeze| freeze.until).max();
		let used = match rests_since {
			Some(since) if now.saturating_sub(since) < longest => freezes
				.iter()
				.filter(stood)
				.map(|freeze| freeze.used.saturating_add(freeze.lasted(now)))
				.max()
				.unwrap_or(0),
			_ => 0,
		};
		ensure!(used < longest, Error::<T>::FrozenTooLong);
		let known = freezes.iter().position(|freeze| freeze.subject == subject);
		let last = known.map(|place| freezes.remove(place));
		let until = now.saturating_add(longest - used);
		let freeze = Freeze {
			subject,
			engine,
			since: now,
			until,
			before: last.map_or(0, |last| last.before.saturating_add(last.lasted(now))),
			used,
		};
		let kept = match subject {
			Freezable::Engine(_) => 0,
			Freezable::Program(_) => KEPT_FOR_ENGINES,
		};
		ensure!((freezes.len() as u32) < MAX_FREEZES - kept, Error::<T>::NoRoom);
		freezes.try_push(freeze).map_err(|_| Error::<T>::NoRoom)?;
		Freezes::<T>::put(freezes);
		Self::deposit_event(Event::Frozen { subject, until });
		Ok(until)
	}

	/// Lets a frozen subject go on.
	pub(crate) fn do_thaw(subject: Freezable) -> DispatchResult {
		let now = T::Clock::now();
		Freezes::<T>::try_mutate(|freezes| {
			let found = freezes
				.iter_mut()
				.find(|freeze| freeze.subject == subject && freeze.is_on(now));
			found.ok_or(Error::<T>::NotFrozen)?.until = now;
			Self::deposit_event(Event::Thawed { subject });
			Ok(())
		})
	}

	/// What is frozen.
	pub fn freeze_views() -> Vec<FreezeView> {
		let now = T::Clock::now();
		let freezes = Freezes::<T>::get();
		let on = freezes.iter().filter(|freeze| freeze.is_on(now));
		on.map(|freeze| FreezeView {
			subject: freeze.subject,
			since: freeze.since,
			until: freeze.until,
		})
		.collect()
	}
}
