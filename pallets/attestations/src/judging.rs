//! A case's way from the moment at which sealing closes: what is due of it is done when its alarm rings or by whoever pokes it.
//! Stages end before every call about it, too; seats are drawn by the tick alone, so that nobody chooses when.
//!
//! An alarm that rings for nothing costs a read; there is at most one more of them for each time that something became due
//! earlier than was thought.

use crate::{
	draws::Output,
	evidence::{Agreement, Judged, SeatEntry, ShardEvidence, Wish, FIRST_DRAWN},
	*,
};
use millrace_court::{
	case::{self, Case, Due, Kind, Party, Reserve, State, MAX_SEATS},
	draw,
};
use millrace_primitives::{
	merkle,
	provider::Candidate,
	traits::{Alarm, Stake, FROZEN_LOOK},
};
use sp_runtime::Perbill;

/// So many candidates are looked at in a draw.
const DRAWS: u32 = 16;
/// Failed draws of a seat are at most two to this power outputs apart.
const MAX_BACK_OFF: u8 = 7;
/// A seat is not drawn by a random number that was known for more outputs than these.
const RIPE: u32 = 100;
/// What is due of a case is looked at so often in one go: a missed seat, a draw, a stage's end, the settlement.
const TURNS: u32 = 8;

impl<T: Config> Pallet<T> {
	/// What an error of the rules is to callers.
	pub(crate) fn refused(error: case::Error) -> Error<T> {
		match error {
			case::Error::Stage => Error::NotNow,
			case::Error::Seat => Error::WrongSeat,
			case::Error::Form => Error::NotShown,
			case::Error::Enough => Error::EnoughBoards,
			case::Error::Late => Error::TooLate,
			case::Error::Full => Error::NoRoom,
			case::Error::Amount => Error::NoNumber,
		}
	}

	/// Nobody may seal any more who was bought: the case begins with those who have.
	pub(crate) fn begin(shard: ShardId, evidence: &mut ShardEvidence) -> DispatchResult {
		let rules = &mut evidence.agreed.rules;
		rules.p = evidence
			.entries
			.iter()
			.map(|entry| entry.stake.p)
			.max()
			.unwrap_or(Perbill::one());
		let most = rules
			.stakes
			.liability_at_seal(rules.cap, rules.p)
			.ok_or(Error::<T>::NoNumber)?;
		let parties = evidence.entries.iter().map(|entry| Party {
			provider: entry.provider.clone(),
			ask: entry.ask,
			p: entry.stake.p,
			reserve: Reserve {
				own: entry.stake.liability.min(most),
				backing: 0,
			},
		});
		let case = Case::new(parties.collect()).map_err(Self::refused)?;
		evidence.judged = Some(Judged {
			case,
			closed: Outputs::<T>::get().count,
			sample: BoundedVec::new(),
			wish: None,
			alarm: 0,
			accusations: 0,
			stubs: 0,
			settled: false,
		});
		Self::deposit_event(Event::SealingClosed {
			shard,
			seats: evidence.entries.len() as u8,
		});
		Ok(())
	}

	/// Does what is due of a shard and returns what it weighed.
	///
	/// # Errors
	/// There is no case, or it is frozen.
	pub(crate) fn serve_shard(shard: ShardId, may_draw: bool) -> Result<Weight, Error<T>> {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let judged = evidence.judged.as_ref().filter(|judged| !judged.settled);
		ensure!(judged.is_some(), Error::<T>::UnknownShard);
		Self::time_of(&evidence)?;
		let mut weight = T::WeightInfo::advance();
		for _ in 0..TURNS {
			let Some(turn) = Self::turn(shard, &mut evidence, may_draw) else {
				break;
			};
			weight.saturating_accrue(turn);
		}
		Self::store(shard, evidence);
		Ok(weight)
	}

	/// An alarm of a shard. It may be one that was set before something was due earlier, or later.
	pub(crate) fn alarm(shard: ShardId, may_draw: bool) -> Weight {
		Self::ring(shard, may_draw, false)
	}

	/// The timer of a shard rang, to which its alarm may have been left.
	pub(crate) fn wake_shard(shard: ShardId, may_draw: bool) -> Weight {
		Self::ring(shard, may_draw, true)
	}

	/// Does what is due of a shard. If that is nothing yet, its alarm is set again where there may be none.
	fn ring(shard: ShardId, may_draw: bool, is_left: bool) -> Weight {
		let looked = T::DbWeight::get().reads(3);
		let Some(evidence) = Evidence::<T>::get(shard) else {
			return looked;
		};
		let (now, pace) = (T::Clock::now(), Self::pace(&evidence));
		let Some(judged) = evidence.judged.filter(|judged| !judged.settled) else {
			return looked;
		};
		let left = judged.alarm.saturating_sub(pace.at(now));
		if left == 0 && !pace.frozen {
			return Self::serve_shard(shard, may_draw).unwrap_or(looked);
		}
		// It may have been set before the clock stood, for a time that is now later.
		if (is_left || pace.behind > 0) && judged.alarm < MarketBlock::MAX {
			let wait = if pace.frozen { left.max(FROZEN_LOOK) } else { left };
			T::Assignments::remind(Alarm::Shard(shard), now.saturating_add(wait));
			return looked.saturating_add(T::DbWeight::get().reads_writes(2, 2));
		}
		looked
	}

	/// The most that serving a shard weighs.
	pub(crate) fn dearest_alarm() -> Weight {
		let turns = T::WeightInfo::staff().saturating_mul((TURNS - 1).into());
		T::WeightInfo::advance()
			.saturating_add(turns)
			.saturating_add(T::WeightInfo::settle(MAX_SEATS))
			// One for each seat, and for an outsider who put it out.
			.saturating_add(T::WeightInfo::verdict().saturating_mul(u64::from(MAX_SEATS).saturating_mul(2)))
	}

	/// Does one thing that is due and returns what it weighed; none if there was nothing, or nothing comes after it.
	fn turn(shard: ShardId, evidence: &mut ShardEvidence, may_draw: bool) -> Option<Weight> {
		let (now, rules) = (Self::clock_of(evidence), evidence.agreed.rules);
		let late = (0..evidence.entries.len() as u8).find(|number| {
			let due = evidence.entry(*number).map_or(MarketBlock::MAX, |entry| entry.due);
			due < now && evidence.state_of(*number) == Some(&State::Working)
		});
		let judged = evidence.judged.as_mut().filter(|judged| !judged.settled)?;
		if let Some(number) = late {
			let lost = judged.case.miss(&rules, number, now).ok()?;
			if let Some(entry) = evidence.entry(number) {
				T::Registry::note(&entry.provider, Conduct::Late);
			}
			Self::depart(shard, evidence, number, lost.total());
			return Some(T::WeightInfo::staff());
		}
		judged.case.advance(&rules, now);
		let due = judged.case.due(&rules, now);
		let wanted = match due {
			Due::Staff { kind, from, .. } if now >= from => Some(kind),
			_ => None,
		};
		if judged.wish.is_some_and(|wish| Some(wish.kind) != wanted) {
			// What is wished for later must not be drawn by a number that is known by then.
			judged.wish = None;
		}
		match due {
			Due::Draw => {
				let number = judged.closed.saturating_add(evidence.agreed.draw_outputs.max(1).into());
				let acc = match Self::output(number) {
					Output::Pending(_) => return None,
					Output::Known(acc) => acc,
					Output::Gone => {
						// It was frozen for long. A number that is known by now would be chosen by who pokes.
						judged.closed = Outputs::<T>::get().count;
						return None;
					}
				};
				let drawn = draw::is_drawn(&acc, shard, rules.p);
				if drawn {
					judged.sample = BoundedVec::truncate_from(draw::sample(&acc, shard, rules.tasks));
				}
				Self::deposit_event(Event::Drawn { shard, audited: drawn });
				judged.case.draw(&rules, drawn, draw::by_two(&acc, shard), now).ok()?;
				Some(Weight::zero())
			}
			Due::Staff { kind, .. } if wanted.is_some() && may_draw => {
				Self::staff(shard, evidence, kind).then(T::WeightInfo::staff)
			}
			Due::Settle(_) => {
				let verdicts = Self::settle(shard, evidence);
				let held = T::WeightInfo::verdict().saturating_mul(verdicts.into());
				Some(T::WeightInfo::settle(evidence.entries.len() as u32).saturating_add(held))
			}
			Due::Staff { .. } | Due::Wait(_) => None,
		}
	}

	/// Draws a seat that is wanted, once its random number is there. Whether it found somebody.
	pub(crate) fn staff(shard: ShardId, evidence: &mut ShardEvidence, kind: Kind) -> bool {
		let Some(judged) = evidence.judged.as_mut() else {
			return false;
		};
		let count = Outputs::<T>::get().count;
		let wish = *judged.wish.get_or_insert(Wish {
			kind,
			since: count,
			tries: 0,
		});
		let wait = Self::wait(&evidence.agreed, wish);
		let seed = wish.since.saturating_add(wait);
		let known = match Self::output(seed) {
			Output::Known(acc) if count.saturating_sub(seed) <= RIPE => Some(acc),
			_ => None,
		};
		let Some(acc) = known else {
			// Nobody has looked for long, or the case was frozen: whoever knows the number could have arranged who is found.
			if count.saturating_sub(wish.since) > wait {
				judged.wish = Some(Wish { since: count, ..wish });
			}
			return false;
		};
		let seed = merkle::hash(&(b"millrace:staff", acc, shard, judged.case.seats().len() as u8).encode());
		let rules = evidence.agreed.rules;
		let Some(liability) = rules.stakes.liability(rules.cap) else {
			return false;
		};
		for candidate in T::Registry::draw(&evidence.agreed.request, seed, DRAWS, usize::MAX).candidates {
			let Candidate { provider, ask, .. } = candidate;
			if provider == evidence.agreed.client
				|| evidence.number_of(&provider).is_some()
				|| T::Registry::reserve(&provider, liability).is_err()
			{
				continue;
			}
			if Self::seat(shard, evidence, kind, provider, ask, liability) {
				return true;
			}
		}
		if let Some(judged) = evidence.judged.as_mut() {
			judged.wish = Some(Wish {
				kind,
				since: count,
				tries: wish.tries.saturating_add(1).min(MAX_BACK_OFF),
			});
		}
		false
	}

	/// So many outputs after a wish its seed is there: as many as decide about an audit, more after draws that found nobody, but
	/// never so many that there are not some more draws in the time for them.
	fn wait(agreed: &Agreement, wish: Wish) -> u32 {
		let longer = (1 << wish.tries.min(MAX_BACK_OFF)).min(agreed.rules.times.staffing / 16);
		u32::from(agreed.draw_outputs.max(1)).max(longer)
	}

	/// Gives a drawn seat to a provider that has reserved for it.
	pub(crate) fn seat(
		shard: ShardId,
		evidence: &mut ShardEvidence,
		kind: Kind,
		provider: AccountId,
		ask: Balance,
		liability: Balance,
	) -> bool {
		let (rules, now) = (evidence.agreed.rules, Self::clock_of(evidence));
		let party = Party {
			provider: provider.clone(),
			ask,
			p: Perbill::zero(),
			reserve: Reserve {
				own: liability,
				backing: 0,
			},
		};
		let seated = evidence
			.judged
			.as_mut()
			.and_then(|judged| {
				judged.wish = None;
				judged.case.seat(&rules, party, now).ok()
			})
			.and_then(|number| {
				let entry = SeatEntry {
					index: FIRST_DRAWN.saturating_add(number),
					round: 0,
					provider: provider.clone(),
					operator: T::Registry::operator_of(&provider)?,
					ask,
					stake: Stake {
						p: Perbill::zero(),
						liability,
						late: 0,
					},
					seal: None,
					due: now.saturating_add(evidence.agreed.working),
				};
				evidence.entries.try_push(entry).ok().map(|()| number)
			});
		let Some(number) = seated else {
			T::Registry::free_slot(&provider);
			T::Registry::free_liability(&provider, liability);
			return false;
		};
		DrawnSeats::<T>::insert(&provider, shard, number);
		Self::deposit_event(Event::SeatDrawn {
			shard,
			kind,
			seat: FIRST_DRAWN.saturating_add(number),
			provider,
		});
		true
	}

	/// A drawn seat has left the case unsealed: what it loses burns, the rest is free.
	pub(crate) fn depart(shard: ShardId, evidence: &mut ShardEvidence, number: u8, lost: Balance) {
		let Some(entry) = evidence.entries.get_mut(usize::from(number)) else {
			return;
		};
		if lost > 0 {
			T::Registry::take(&entry.provider, None, lost);
		}
		T::Registry::free_slot(&entry.provider);
		T::Registry::free_liability(&entry.provider, core::mem::take(&mut entry.stake.liability));
		DrawnSeats::<T>::remove(&entry.provider, shard);
		Self::deposit_event(Event::SeatLeft {
			shard,
			seat: entry.index,
			provider: entry.provider.clone(),
			lost,
		});
	}

	/// Stores a shard's evidence after something happened to it: frees what is not reserved any more, and sees to the next
	/// alarm.
	pub(crate) fn store(shard: ShardId, mut evidence: ShardEvidence) {
		let pace = Self::pace(&evidence);
		let now = pace.at(T::Clock::now());
		let next = Self::next(&evidence, now);
		if let Some(judged) = evidence.judged.as_mut() {
			if judged.settled && judged.stubs == 0 {
				Evidence::<T>::remove(shard);
				return;
			}
			if !judged.settled {
				for (entry, seat) in evidence.entries.iter_mut().zip(judged.case.seats()) {
					let freed = entry.stake.liability.saturating_sub(seat.reserve.total());
					if freed > 0 {
						T::Registry::free_liability(&entry.provider, freed);
						entry.stake.liability -= freed;
					}
				}
				if judged.alarm <= now || next < judged.alarm {
					judged.alarm = next;
					// Else a board's alarm will find what is next.
					if next < MarketBlock::MAX {
						T::Assignments::remind(Alarm::Shard(shard), pace.market(next));
					}
				}
			}
		}
		Evidence::<T>::insert(shard, evidence);
	}

	/// The next market block in which something may be due of a case, if nobody acts.
	pub(crate) fn next(evidence: &ShardEvidence, now: MarketBlock) -> MarketBlock {
		let Some(judged) = &evidence.judged else { return now };
		let soon = now.saturating_add(1);
		// As many outputs as market blocks, if all goes well.
		let until = |number: u32| match Self::output(number) {
			Output::Pending(missing) => now.saturating_add(missing),
			_ => soon,
		};
		let next = match judged.case.due(&evidence.agreed.rules, now) {
			Due::Draw => until(judged.closed.saturating_add(evidence.agreed.draw_outputs.max(1).into())),
			Due::Staff { from, until: last, .. } => {
				let drawn = judged.wish.map_or(soon, |wish| {
					until(wish.since.saturating_add(Self::wait(&evidence.agreed, wish)))
				});
				from.max(drawn).min(last.saturating_add(1))
			}
			Due::Wait(at) => at,
			Due::Settle(_) => soon,
		};
		let working = evidence
			.entries
			.iter()
			.zip(judged.case.seats())
			.filter(|(_, seat)| seat.state == State::Working)
			.map(|(entry, _)| entry.due.saturating_add(1));
		working.fold(next, MarketBlock::min).max(soon)
	}
}
