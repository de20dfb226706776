//! What happens by itself: windows end, sides that nobody defends go out, seats are found missing, and the case ends.

use super::{sides::Between, *};
use crate::stakes::largest_claim;
use alloc::vec::Vec;

/// How the seats of a kind are, none of them at work.
struct Staffed {
	/// Whether one has sealed.
	sealed: bool,
	/// Whether as many were drawn as were wanted.
	complete: bool,
	/// Whether no more can be had.
	given_up: bool,
}

impl Case {
	/// P\*: the largest claim that was opened, an audit's for its tasks among them.
	pub fn largest_claim(&self, rules: &Rules) -> Balance {
		largest_claim(self.seats.iter().filter_map(Seat::claim), rules.cap)
	}

	/// What the chain must do next.
	pub fn due(&self, rules: &Rules, now: MarketBlock) -> Due {
		let staff = |kind: Kind, wanted: u8, since: MarketBlock| {
			let missing = wanted.saturating_sub(self.count(kind));
			match missing > 0 && self.streak < MAX_STREAK {
				true => Due::Staff {
					kind,
					seats: missing,
					from: since,
					until: since.saturating_add(rules.times.staffing),
				},
				false => Due::Wait(self.next_change(rules, now)),
			}
		};
		match self.stage {
			Stage::Drawing => Due::Draw,
			Stage::Auditing { wanted, since } => staff(Kind::Audit, wanted, since),
			Stage::Recomputing { wanted, since } => staff(Kind::Fresh, wanted, since),
			Stage::Opening { .. } | Stage::Judging => Due::Wait(self.next_change(rules, now)),
			Stage::Ended(end) => Due::Settle(end),
		}
	}

	/// The first market block after now in which something may happen by itself.
	fn next_change(&self, rules: &Rules, now: MarketBlock) -> MarketBlock {
		let staffing = |since: MarketBlock| since.saturating_add(rules.times.staffing);
		let serving = self.calling_since.saturating_add(rules.times.serving);
		let mut ends: Vec<MarketBlock> = match self.stage {
			Stage::Auditing { since, .. } | Stage::Recomputing { since, .. } => Vec::from([staffing(since), serving]),
			Stage::Opening { until } => Vec::from([until]),
			_ => Vec::new(),
		};
		ends.push(self.served_until(rules));
		ends.push(self.last_to_heal(rules));
		ends.extend(self.seats.iter().map(|seat| seat.window));
		let next = ends.into_iter().filter(|end| *end >= now).min();
		// Else a board or a seat at work is waited for.
		next.map_or(MarketBlock::MAX, |end| end.saturating_add(1))
	}

	/// Lets everything happen that is due before a market block. Every call does so first.
	pub fn advance(&mut self, rules: &Rules, now: MarketBlock) {
		// Each turn ends a stage, puts a seat out, or is the last.
		while self.step(rules, now) {}
	}

	fn step(&mut self, rules: &Rules, now: MarketBlock) -> bool {
		match self.stage {
			Stage::Drawing | Stage::Ended(_) => false,
			Stage::Auditing { wanted, since } => self.audits(rules, wanted, since, now),
			Stage::Opening { until } => {
				// It is over before its time once nobody is left to open.
				let all = !self.seats.iter().any(|seat| seat.is_to_open_by(until));
				if all || now > until {
					self.end_opening(rules, until.min(now));
				}
				all || now > until
			}
			Stage::Judging => self.judge(rules, now),
			Stage::Recomputing { wanted, since } => self.recompute(rules, wanted, since, now),
		}
	}

	/// Whether so many have said that they cannot fetch, and so long ago, that it is believed.
	fn is_without_data(&self, rules: &Rules, now: MarketBlock) -> bool {
		self.streak >= MAX_STREAK && now > self.calling_since.saturating_add(rules.times.serving)
	}

	/// How the seats of a kind are that are wanted; `None` while one is at work.
	fn staffed(
		&self,
		rules: &Rules,
		kind: Kind,
		(wanted, since): (u8, MarketBlock),
		now: MarketBlock,
	) -> Option<Staffed> {
		let is = |state: State| self.seats.iter().any(|seat| seat.kind == kind && seat.state == state);
		if is(State::Working) {
			return None;
		}
		let complete = self.count(kind) >= wanted;
		let unstaffed = now > since.saturating_add(rules.times.staffing) && self.streak < MAX_STREAK;
		Some(Staffed {
			sealed: is(State::Sealed),
			complete,
			given_up: (!complete && unstaffed) || self.is_without_data(rules, now),
		})
	}

	fn audits(&mut self, rules: &Rules, wanted: u8, since: MarketBlock, now: MarketBlock) -> bool {
		let Some(audits) = self.staffed(rules, Kind::Audit, (wanted, since), now) else {
			return false;
		};
		let Staffed {
			sealed,
			complete,
			given_up,
		} = audits;
		if self.is_without_data(rules, now) && !sealed {
			self.stage = Stage::Ended(End::NoData);
			return true;
		}
		if (sealed && complete) || given_up || (complete && wanted >= MAX_AUDITS) {
			// Callers that sealed may attack like others; what only they audited is thin.
			let audited = self.of(Kind::Audit).any(|(_, seat)| seat.state == State::Sealed);
			self.thin = !audited;
			self.open(rules, now);
			return true;
		}
		if complete {
			// None of them has sealed: two more, four in all.
			self.stage = Stage::Auditing {
				wanted: wanted.saturating_add(2).min(MAX_AUDITS),
				since: now,
			};
		}
		complete
	}

	/// The time for opening is over.
	fn end_opening(&mut self, rules: &Rules, until: MarketBlock) {
		for seat in self.seats.iter_mut() {
			if seat.is_to_open_by(until) {
				seat.state = State::Silent;
			}
		}
		let agree = self.sides().agree();
		let several = self.seats.iter().filter(|seat| seat.is_standing()).count() > 1;
		let times = &rules.times;
		let window = if agree && several {
			times.equal_window
		} else {
			// A contradiction must not shorten what the client of a single seat has to attack it.
			times.window.max(times.equal_window)
		};
		let last = until.saturating_add(window);
		for seat in self.seats.iter_mut() {
			if seat.is_standing() && seat.window == 0 {
				seat.window = last;
			}
		}
		// Nobody can be audited any more who was not drawn: less is at stake.
		if !self.drawn && !self.seats.iter().any(|seat| seat.kind == Kind::Fresh) {
			let amount = rules
				.stakes
				.liability_for(self.largest_claim(rules), rules.cap, rules.seat_fee)
				.unwrap_or(Balance::MAX);
			for seat in self.seats.iter_mut().filter(|seat| seat.has_sealed()) {
				seat.reserve.shrink(amount);
			}
		}
		self.stage = Stage::Judging;
	}

	/// Puts out what is undefended; once nothing is open any more, finds the report that stands, or that seats are missing.
	fn judge(&mut self, rules: &Rules, now: MarketBlock) -> bool {
		// Sealed late, and not opened in its time.
		if let Some(seat) = self
			.seats
			.iter_mut()
			.find(|seat| seat.state == State::Sealed && now > seat.window)
		{
			seat.state = State::Silent;
			return true;
		}
		let sides = self.sides();
		let mut open = false;
		let mut undefended: Option<(MarketBlock, Vec<u8>)> = None;
		for one in sides.firsts() {
			for other in sides.firsts().filter(|other| *other > one) {
				let (until, out) = match self.between(one, other, &sides) {
					None => continue,
					Some(Between::Played) => {
						open = true;
						continue;
					}
					Some(Between::Either(until)) => (until, Vec::from([one, other])),
					Some(Between::First(until)) => (until, Vec::from([one])),
					Some(Between::Second(until)) => (until, Vec::from([other])),
				};
				open = true;
				match &mut undefended {
					Some((least, all)) if *least == until => all.extend(out),
					Some((least, _)) if *least < until => {}
					_ => undefended = Some((until, out)),
				}
			}
		}
		if let Some((until, out)) = undefended.filter(|(until, _)| now > *until) {
			for seat in out.into_iter().flat_map(|side| sides.of(side)) {
				if self.get(seat).is_ok_and(Seat::is_standing) {
					// It stands, so that it can be put out.
					let _ = self.put_out(rules, seat, How::Clock, By::Nobody, until);
				}
			}
			return true;
		}
		let silent = self.seats.iter().any(|seat| seat.state == State::Silent);
		let quiet = !silent && !self.contested && self.count(Kind::Fresh) == 0;
		let busy = self.seats.iter().any(|seat| match seat.state {
			State::Standing => now <= seat.window,
			State::Sealed => true,
			State::Calling => self.drawn && !(self.served && quiet) && now <= self.served_until(rules),
			_ => false,
		});
		// Who opens late may still show that nothing is wrong.
		let healing = silent && !self.contested && now <= self.last_to_heal(rules);
		open |= self.is_played();
		if open || busy || healing {
			return false;
		}
		self.conclude(rules, now);
		true
	}

	/// Whether a board is undecided. It runs on when whoever opened it goes out, and ends with its target.
	fn is_played(&self) -> bool {
		self.duels.iter().any(|duel| duel.end.is_none()) || self.seats.iter().any(|seat| seat.attacks > 0)
	}

	/// The last market block in which a seal of before counts as opened, if nobody is attacked.
	fn last_to_heal(&self, rules: &Rules) -> MarketBlock {
		self.opened.saturating_add(rules.times.window)
	}

	fn conclude(&mut self, rules: &Rules, now: MarketBlock) {
		if self.heal(rules, now) {
			return;
		}
		let reports = self.reports();
		let missing = self.is_missing(&reports);
		if let [only] = reports[..] {
			if !missing || self.is_confirmed(only) {
				self.stage = Stage::Ended(End::Accepted(only));
				return;
			}
		}
		let drawn = self.count(Kind::Fresh);
		if !self.spent && drawn < MAX_FRESH {
			let more = if drawn == 0 { 3 } else { 1 };
			// Whoever silenced the last must keep it up.
			let silent = drawn > 0 && self.of(Kind::Fresh).any(|(_, seat)| seat.state == State::Silent);
			let pause = if silent { rules.times.pause } else { 0 };
			self.streak = 0;
			self.stage = Stage::Recomputing {
				wanted: drawn + more,
				since: now.saturating_add(pause),
			};
			return;
		}
		self.end(&reports);
	}

	/// Nobody more can be asked: the report that stands is paid, if no seal that was opened late says otherwise.
	fn end(&mut self, reports: &[u8]) {
		let end = match reports {
			[only] => {
				let doubt = self.numbered().any(|(number, seat)| {
					seat.kind == Kind::Primary && seat.state == State::Silent && self.differs(*only, number)
				});
				if doubt {
					End::Unresolved
				} else {
					End::Thin(*only)
				}
			}
			_ => End::Unresolved,
		};
		self.stage = Stage::Ended(end);
	}

	/// Full reports of standing seats, one of each side.
	fn reports(&self) -> Vec<u8> {
		let full = |side: &u8| self.get(*side).is_ok_and(|seat| seat.report().is_some());
		self.sides().firsts().filter(full).collect()
	}

	/// The last market block in which an honest client may still serve what was called for.
	fn served_until(&self, rules: &Rules) -> MarketBlock {
		self.first_call
			.map_or(0, |call| call.saturating_add(rules.times.serving))
	}

	/// A seal is blind however late it opens: if nobody was attacked and all say the same, all stand, and may be attacked for a
	/// window. Whether that changed anything.
	fn heal(&mut self, rules: &Rules, now: MarketBlock) -> bool {
		let last = self.last_to_heal(rules);
		let sealed = || self.numbered().filter(|(_, seat)| seat.has_sealed());
		let first = sealed().find(|(_, seat)| seat.report().is_some());
		let alike = first.is_some_and(|(first, _)| {
			sealed().all(|(number, seat)| {
				let opened = seat.opened.as_ref();
				opened.is_some_and(|opened| opened.at <= last || !seat.blind) && !self.differs(first, number)
			})
		});
		let mut healed = false;
		if alike && !self.contested && self.count(Kind::Fresh) == 0 {
			for seat in self.seats.iter_mut().filter(|seat| seat.state == State::Silent) {
				seat.state = State::Standing;
				seat.window = now.saturating_add(rules.times.equal_window);
				healed = true;
			}
		}
		healed
	}

	/// Whether what stands must be confirmed: nothing does, somebody was silent or out by its clock, or somebody who said the
	/// same went out.
	fn is_missing(&self, reports: &[u8]) -> bool {
		let mut sealed = self.numbered().filter(|(_, seat)| seat.has_sealed());
		self.count(Kind::Fresh) > 0
			|| reports.is_empty()
			|| sealed.any(|(number, seat)| {
				let held = || reports.iter().any(|report| !self.differs(*report, number));
				seat.is_missing() || (seat.out() == Some(How::Step) && held())
			})
	}

	/// Whether enough seats that were drawn to check say the same: two of the first three fresh ones, three if more were drawn;
	/// audits that differed from a report together are one.
	fn is_confirmed(&self, report: u8) -> bool {
		let fresh = self
			.of(Kind::Fresh)
			.filter(|(number, seat)| seat.is_standing() && !self.differs(report, *number))
			.count();
		let audited = self.of(Kind::Audit).any(|(audit, seat)| {
			seat.is_standing()
				&& !self.differs(report, audit)
				&& self.of(Kind::Primary).any(|(other, _)| self.differs(audit, other))
		});
		let drawn = self.count(Kind::Fresh);
		let needed = if drawn > 3 { 3 } else { 2 };
		drawn > 0 && fresh + usize::from(audited) >= needed
	}

	fn recompute(&mut self, rules: &Rules, wanted: u8, since: MarketBlock, now: MarketBlock) -> bool {
		let Some(fresh) = self.staffed(rules, Kind::Fresh, (wanted, since), now) else {
			return false;
		};
		let Staffed {
			sealed,
			complete,
			given_up,
		} = fresh;
		if self.is_without_data(rules, now) && !sealed {
			// A seat of an earlier round may have opened meanwhile, and is attacked.
			let ends = !self.is_played();
			if ends {
				self.stage = Stage::Ended(End::NoData);
			}
			return ends;
		}
		if !complete && !given_up {
			return false;
		}
		self.spent |= given_up;
		if sealed {
			self.open(rules, now);
		} else {
			self.spent = true;
			self.stage = Stage::Judging;
		}
		true
	}
}
