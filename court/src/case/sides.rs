//! Who contradicts whom, and the boards between them.
//!
//! Equal reports are one side. Between two sides that differ one board is enough as long as it is undecided or the side whose
//! player lost has not named another; if it does not within the window, all who hold its report are out. An audit, which has
//! computed a sample, is on the side of every standing report that is equal to it there, and leaves the board to its holder.

use super::*;
use alloc::vec::Vec;

/// Who attacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attacker {
	/// A seat, by its number. Its reserve is its bond.
	Seat(u8),
	/// Anybody, for the bond that [`Case::attack`] returns.
	Outsider,
}

/// Where an outsider's bond is once its board is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bond {
	/// With the seat that it put out: [`Case::settle`] pays it.
	Inside,
	/// For [`Case::settle_bond`] with this: how the outsider lost, or that the board ended with its target.
	Apart(Option<How>),
}

/// What two sides owe each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Between {
	/// A board is being played.
	Played,
	/// Either is to open one, to the end of this block.
	Either(MarketBlock),
	/// The side of the first, or of the second, is to open one.
	First(MarketBlock),
	Second(MarketBlock),
}

/// Whether two that have opened contradict each other.
pub(super) fn differ(one: &Opened, other: &Opened) -> bool {
	match (one.report, other.report) {
		(Some(one), Some(other)) => one != other,
		_ => one.leaves != other.leaves,
	}
}

fn same(one: &Opened, other: &Opened) -> bool {
	one.report == other.report && one.leaves == other.leaves
}

impl Case {
	/// What two seats have opened, if both have.
	fn both(&self, one: u8, other: u8) -> Option<(&Opened, &Opened)> {
		let opened = |seat: u8| self.seats.get(usize::from(seat))?.opened.as_ref();
		opened(one).zip(opened(other))
	}

	pub(super) fn differs(&self, one: u8, other: u8) -> bool {
		self.both(one, other).is_some_and(|(one, other)| differ(one, other))
	}

	pub(super) fn is_one_side(&self, one: u8, other: u8) -> bool {
		self.both(one, other).is_some_and(|(one, other)| same(one, other))
	}

	/// Whether a seat says what a side says, as far as an audit says anything.
	fn is_on_side(&self, seat: u8, side: u8) -> bool {
		let report = |seat: u8| self.get(seat).ok().and_then(Seat::report);
		self.is_one_side(seat, side)
			|| (report(seat).is_some() != report(side).is_some()
				&& self.both(seat, side).is_some_and(|(seat, side)| !differ(seat, side)))
	}

	/// The first standing seat of each side.
	pub(super) fn sides(&self) -> Vec<u8> {
		let mut found: Vec<u8> = Vec::new();
		for (number, seat) in self.numbered() {
			if seat.is_standing() && !found.iter().any(|known| self.is_one_side(*known, number)) {
				found.push(number);
			}
		}
		found
	}

	/// Whether an audit's board with another side is somebody else's: of a standing report equal to the audit on its tasks.
	fn is_spoken_for(&self, audit: u8, other: u8, sides: &[u8]) -> bool {
		let report = |side: u8| self.seats.get(usize::from(side)).and_then(Seat::report);
		report(audit).is_none()
			&& sides.iter().any(|third| {
				*third != other
					&& report(*third).is_some()
					&& !self.differs(*third, audit)
					&& (report(other).is_none() || self.differs(*third, other))
			})
	}

	/// What two sides owe each other; `None` if they do not differ, or leave it to another side.
	pub(super) fn between(&self, one: u8, other: u8, sides: &[u8]) -> Option<Between> {
		if !self.differs(one, other) || self.is_spoken_for(one, other, sides) || self.is_spoken_for(other, one, sides) {
			return None;
		}
		let are = |is: &dyn Fn(u8, u8) -> bool, duel: &Duel| {
			let ordered = is(duel.by, one) && is(duel.target, other);
			let turned = is(duel.by, other) && is(duel.target, one);
			(ordered || turned).then_some(ordered)
		};
		// An audit's board with one of them, too, is enough as long as it is undecided.
		let mut open = self.duels.iter().filter(|duel| duel.end.is_none());
		if open.any(|duel| are(&|seat, side| self.is_on_side(seat, side), duel).is_some()) {
			return Some(Between::Played);
		}
		let last = self.duels.iter().rev().find_map(|duel| {
			let ordered = are(&|seat, side| self.is_one_side(seat, side), duel)?;
			Some((duel.end?, ordered))
		});
		let until = self.time_of(one).max(self.time_of(other));
		Some(match last {
			None => Between::Either(until),
			Some((lost, ordered)) if lost.by == ordered => Between::First(until),
			Some(_) => Between::Second(until),
		})
	}

	/// The last market block in which a side may name a player: whoever opened lately has its window, and all have one after a
	/// seat went out that held the same, or that spoke for it.
	fn time_of(&self, side: u8) -> MarketBlock {
		self.numbered()
			.filter(|(number, seat)| {
				let stood = seat.is_standing() || seat.out().is_some();
				stood && self.is_on_side(*number, side)
			})
			.map(|(_, seat)| seat.window)
			.max()
			.unwrap_or(0)
	}

	/// Opens a board against a seat's report. Returns the bond of an outsider.
	///
	/// # Errors
	/// [`Error::Stage`] while nothing is attacked, [`Error::Seat`] if the target or the attacker does not stand,
	/// [`Error::Enough`], [`Error::Late`], [`Error::Full`].
	pub fn attack(&mut self, rules: &Rules, by: Attacker, target: u8, now: MarketBlock) -> Result<Balance, Error> {
		self.advance(rules, now);
		if matches!(self.stage, Stage::Drawing | Stage::Auditing { .. } | Stage::Ended(_)) {
			return Err(Error::Stage);
		}
		let found = self.get(target)?;
		if !found.is_standing() {
			return Err(Error::Seat);
		}
		match by {
			Attacker::Outsider => {
				// While seats open, the window is not set yet, and it is open.
				if now > found.window && found.window > 0 {
					return Err(Error::Late);
				}
				let bond = rules
					.stakes
					.liability_for(self.largest_claim(rules), rules.cap)
					.ok_or(Error::Amount)?;
				let attacks = found.attacks.checked_add(1).ok_or(Error::Full)?;
				self.seat_mut(target)?.attacks = attacks;
				self.contested = true;
				Ok(bond)
			}
			Attacker::Seat(by) => {
				if !self.get(by)?.is_standing() {
					return Err(Error::Seat);
				}
				let sides = self.sides();
				let side = |seat: u8| sides.iter().copied().find(|side| self.is_one_side(*side, seat));
				let (one, other) = side(by).zip(side(target)).ok_or(Error::Seat)?;
				match self.between(one, other, &sides) {
					Some(Between::Either(_) | Between::First(_)) => {}
					_ => return Err(Error::Enough),
				}
				self.duels
					.try_push(Duel { by, target, end: None })
					.map_err(|_| Error::Full)?;
				self.contested = true;
				Ok(0)
			}
		}
	}

	/// A board between two seats is decided.
	///
	/// # Errors
	/// [`Error::Seat`] if there is no such board; [`Error::Stage`] if the case has ended.
	pub fn decide(
		&mut self,
		rules: &Rules,
		by: u8,
		target: u8,
		loser_is_by: bool,
		how: How,
		now: MarketBlock,
	) -> Result<(), Error> {
		self.advance(rules, now);
		if matches!(self.stage, Stage::Ended(_)) {
			return Err(Error::Stage);
		}
		let duel = self
			.duels
			.iter_mut()
			.find(|duel| (duel.by, duel.target) == (by, target) && duel.end.is_none())
			.ok_or(Error::Seat)?;
		duel.end = Some(Lost {
			by: loser_is_by,
			how: Some(how),
		});
		for seat in [by, target] {
			self.seat_mut(seat)?.played = true;
		}
		let (loser, winner) = if loser_is_by { (by, target) } else { (target, by) };
		self.put_out(rules, loser, how, By::Seat(winner), now)?;
		self.advance(rules, now);
		Ok(())
	}

	/// A board of an outsider against a seat is decided: the target lost, or the outsider did. Returns where the bond is.
	///
	/// # Errors
	/// [`Error::Seat`] if there is no such board, [`Error::Stage`] if the case has ended.
	pub fn decide_outside(
		&mut self,
		rules: &Rules,
		by: (AccountId, Balance),
		target: u8,
		target_lost: bool,
		how: How,
		now: MarketBlock,
	) -> Result<Bond, Error> {
		self.advance(rules, now);
		if matches!(self.stage, Stage::Ended(_)) {
			return Err(Error::Stage);
		}
		let found = self.seat_mut(target)?;
		if !found.is_standing() {
			return Ok(Bond::Apart(None));
		}
		found.attacks = found.attacks.checked_sub(1).ok_or(Error::Seat)?;
		found.played = true;
		if !target_lost {
			self.advance(rules, now);
			return Ok(Bond::Apart(Some(how)));
		}
		let (account, bond) = by;
		self.put_out(rules, target, how, By::Outsider { account, bond }, now)?;
		self.advance(rules, now);
		Ok(Bond::Inside)
	}

	/// Puts a standing seat out and ends the boards against it; those that it opened run on.
	pub(super) fn put_out(&mut self, rules: &Rules, seat: u8, how: How, by: By, now: MarketBlock) -> Result<(), Error> {
		let found = self.seat_mut(seat)?;
		if !found.is_standing() {
			// Out already, and its side was waiting for it. A step is worse than the clock.
			if let State::Out { how: known, .. } = &mut found.state {
				if how == How::Step {
					*known = How::Step;
				}
				found.window = found.window.max(now.saturating_add(rules.times.window));
			}
			return Ok(());
		}
		found.state = State::Out { how, first: how, by };
		found.attacks = 0;
		found.window = now.saturating_add(rules.times.window);
		let ended = self
			.duels
			.iter_mut()
			.filter(|duel| duel.target == seat && duel.end.is_none());
		let mut played = false;
		for duel in ended {
			duel.end = Some(Lost { by: false, how: None });
			played = true;
		}
		self.seat_mut(seat)?.played |= played;
		Ok(())
	}
}
