//! Who contradicts whom, and the boards between them.
//!
//! Equal reports are one side. Between two sides that differ one board is enough as long as it is undecided or the side whose
//! player lost has not named another; if it does not within the window, all who hold its report are out. An audit, which has
//! computed a sample, is on the side of every standing report that is equal to it there, and leaves the board to its holder.
//!
//! With 26 different reports there are 325 pairs of sides and as many boards. So reports are compared and boards looked through
//! once, into [`Sides`], of which each pair is then asked: some ten thousand steps in all.

use super::*;

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

/// Seats, one bit each.
type Set = u32;

const _: () = assert!(MAX_SEATS <= Set::BITS);

fn bit(seat: u8) -> Set {
	1_u32.checked_shl(seat.into()).unwrap_or(0)
}

fn numbers(set: Set) -> impl Iterator<Item = u8> {
	(0..MAX_SEATS as u8).filter(move |seat| set & bit(*seat) != 0)
}

/// For each seat, others.
#[derive(Clone, Default)]
struct Relation([Set; MAX_SEATS as usize]);

impl Relation {
	fn of(&self, seat: u8) -> Set {
		self.0.get(usize::from(seat)).copied().unwrap_or(0)
	}

	fn has(&self, one: u8, other: u8) -> bool {
		self.of(one) & bit(other) != 0
	}

	fn set(&mut self, one: u8, other: u8, holds: bool) {
		if let Some(set) = self.0.get_mut(usize::from(one)) {
			*set = if holds { *set | bit(other) } else { *set & !bit(other) };
		}
	}

	/// In both directions.
	fn add(&mut self, one: u8, other: u8) {
		self.set(one, other, true);
		self.set(other, one, true);
	}
}

/// The sides of a case as it is now.
#[derive(Clone, Default)]
pub(super) struct Sides {
	/// The first standing seat of each side.
	firsts: Set,
	/// Seats that stand or went out.
	stood: Set,
	/// Who opened a report.
	full: Set,
	/// Who opened the same.
	same: Relation,
	/// Who contradicts whom.
	differ: Relation,
	/// Who says the same as far as an audit says anything.
	like: Relation,
	/// Undecided boards.
	playing: Relation,
	/// Of the first seats that opened the same: whose board with whom was lost, and none since.
	owes: Relation,
}

impl Sides {
	/// The first standing seats of all sides.
	pub(super) fn firsts(&self) -> impl Iterator<Item = u8> {
		numbers(self.firsts)
	}

	/// The seats of a side.
	pub(super) fn of(&self, side: u8) -> impl Iterator<Item = u8> {
		numbers(self.same.of(side))
	}

	/// Whether no two sides contradict each other.
	pub(super) fn agree(&self) -> bool {
		!self.firsts().any(|one| self.differ.of(one) & self.firsts != 0)
	}

	/// The standing seat by which a seat's side is known.
	fn known(&self, seat: u8) -> Option<u8> {
		numbers(self.same.of(seat) & self.firsts).next()
	}

	/// The first seat of all that opened the same, whether it stands or not.
	fn first_of(&self, seat: u8) -> u8 {
		numbers(self.same.of(seat)).next().unwrap_or(seat)
	}

	/// Whether an audit's board with another side is somebody else's: of a standing report equal to the audit on its tasks.
	fn is_spoken_for(&self, audit: u8, other: u8) -> bool {
		let full = |seat: u8| self.full & bit(seat) != 0;
		let differ = if full(other) { self.differ.of(other) } else { Set::MAX };
		!full(audit) && self.firsts & self.full & !bit(other) & !self.differ.of(audit) & differ != 0
	}
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

	/// Who says what, and who plays whom.
	pub(super) fn sides(&self) -> Sides {
		let mut sides = Sides::default();
		let opened = || {
			self.numbered()
				.filter_map(|(number, seat)| Some((number, seat.opened.as_ref()?)))
		};
		for (one, found) in opened() {
			if found.report.is_some() {
				sides.full |= bit(one);
			}
			for (other, against) in opened().take_while(|(other, _)| *other <= one) {
				let differ = differ(found, against);
				if differ {
					sides.differ.add(one, other);
				}
				if same(found, against) {
					sides.same.add(one, other);
				}
				if same(found, against) || (found.report.is_some() != against.report.is_some() && !differ) {
					sides.like.add(one, other);
				}
			}
		}
		for (number, seat) in self.numbered() {
			if seat.is_standing() && sides.same.of(number) & sides.firsts == 0 {
				sides.firsts |= bit(number);
			}
			if seat.is_standing() || seat.out().is_some() {
				sides.stood |= bit(number);
			}
		}
		for duel in &self.duels {
			match duel.end {
				None => sides.playing.add(duel.by, duel.target),
				Some(lost) => {
					let (loser, winner) = match lost.by {
						true => (duel.by, duel.target),
						false => (duel.target, duel.by),
					};
					// The last one counts.
					let (loser, winner) = (sides.first_of(loser), sides.first_of(winner));
					sides.owes.set(loser, winner, true);
					sides.owes.set(winner, loser, false);
				}
			}
		}
		sides
	}

	/// What two sides owe each other; `None` if they do not differ, or leave it to another side.
	pub(super) fn between(&self, one: u8, other: u8, sides: &Sides) -> Option<Between> {
		if !sides.differ.has(one, other) || sides.is_spoken_for(one, other) || sides.is_spoken_for(other, one) {
			return None;
		}
		// An audit's board with one of them, too, is enough as long as it is undecided.
		let against = sides.like.of(other);
		if numbers(sides.like.of(one)).any(|seat| sides.playing.of(seat) & against != 0) {
			return Some(Between::Played);
		}
		let until = self.time_of(one, sides).max(self.time_of(other, sides));
		let (one, other) = (sides.first_of(one), sides.first_of(other));
		Some(if sides.owes.has(one, other) {
			Between::First(until)
		} else if sides.owes.has(other, one) {
			Between::Second(until)
		} else {
			Between::Either(until)
		})
	}

	/// The last market block in which a side may name a player: whoever opened lately has its window, and all have one after a
	/// seat went out that held the same, or that spoke for it.
	fn time_of(&self, side: u8, sides: &Sides) -> MarketBlock {
		let stood = numbers(sides.like.of(side) & sides.stood);
		let windows = stood.filter_map(|seat| Some(self.get(seat).ok()?.window));
		windows.max().unwrap_or(0)
	}

	/// Whether what was opened differs, or is attacked.
	pub fn is_disputed(&self) -> bool {
		let opened = || self.numbered().filter(|(_, seat)| seat.opened.is_some());
		self.contested || opened().any(|(one, _)| opened().any(|(other, _)| self.differs(one, other)))
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
					.liability_for(self.largest_claim(rules), rules.cap, rules.seat_fee)
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
				let (one, other) = sides.known(by).zip(sides.known(target)).ok_or(Error::Seat)?;
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
