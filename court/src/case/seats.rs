//! Who takes part: seats that are drawn, seal, stay away, cannot fetch, and open.

use super::*;
use alloc::vec::Vec;

/// A seat that takes part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
	/// Who.
	pub provider: AccountId,
	/// What it takes for 10^9 gas.
	pub ask: Balance,
	/// The probability with which its own work is audited; of primary seats.
	pub p: Perbill,
	/// What it reserves: L1 of the shard's p for a primary seat, L2 of C for others.
	pub reserve: Reserve,
}

impl Party {
	fn seat(self, kind: Kind, state: State) -> Seat {
		Seat {
			kind,
			provider: self.provider,
			ask: self.ask,
			p: self.p,
			reserve: self.reserve,
			state,
			opened: None,
			caller: false,
			blind: true,
			window: 0,
			attacks: 0,
			played: false,
		}
	}
}

impl Case {
	/// The case of a shard that nobody may seal any more, with those who have.
	///
	/// # Errors
	/// [`Error::Seat`] if there is none, or one twice; [`Error::Full`] if there are too many.
	pub fn new(sealed: Vec<Party>) -> Result<Self, Error> {
		let twice = (1..).zip(&sealed).any(|(next, party)| {
			let mut rest = sealed.iter().skip(next);
			rest.any(|other| other.provider == party.provider)
		});
		if sealed.is_empty() || twice {
			return Err(Error::Seat);
		}
		let seats: Vec<Seat> = sealed
			.into_iter()
			.map(|party| party.seat(Kind::Primary, State::Sealed))
			.collect();
		let room = MAX_SEATS as usize - usize::from(MAX_AUDITS + MAX_FRESH + MAX_CALLS);
		if seats.len() > room {
			return Err(Error::Full);
		}
		Ok(Self {
			stage: Stage::Drawing,
			drawn: false,
			thin: false,
			sample: 0,
			seats: BoundedVec::truncate_from(seats),
			duels: BoundedVec::new(),
			contested: false,
			opened: 0,
			streak: 0,
			calling_since: 0,
			first_call: None,
			served: false,
			spent: false,
		})
	}

	/// Says whether the shard is drawn, and then whether two audit it.
	///
	/// # Errors
	/// [`Error::Stage`] if that was said before.
	pub fn draw(&mut self, rules: &Rules, drawn: bool, pair: bool, now: MarketBlock) -> Result<(), Error> {
		if self.stage != Stage::Drawing {
			return Err(Error::Stage);
		}
		self.drawn = drawn;
		if drawn {
			self.sample = rules.tasks.min(MAX_SAMPLE) as u8;
			self.stage = Stage::Auditing {
				wanted: 1 + u8::from(pair),
				since: now,
			};
		} else {
			self.open(rules, now);
		}
		Ok(())
	}

	pub(super) fn open(&mut self, rules: &Rules, now: MarketBlock) {
		let until = now.saturating_add(rules.times.opening);
		if self.opened == 0 {
			self.opened = until;
		}
		self.streak = 0;
		self.stage = Stage::Opening { until };
	}

	/// Seats somebody whom [`Case::due`] asked for and who has accepted: who declines before that never enters the case.
	///
	/// # Errors
	/// [`Error::Stage`] if nobody is wanted now, [`Error::Seat`] if this provider has a seat.
	pub fn seat(&mut self, rules: &Rules, party: Party, now: MarketBlock) -> Result<u8, Error> {
		self.advance(rules, now);
		let Due::Staff { kind, from, .. } = self.due(rules, now) else {
			return Err(Error::Stage);
		};
		if now < from {
			return Err(Error::Stage);
		}
		if self.seats.iter().any(|seat| seat.provider == party.provider) {
			return Err(Error::Seat);
		}
		let number = self.seats.len() as u8;
		self.seats
			.try_push(party.seat(kind, State::Working))
			.map_err(|_| Error::Full)?;
		self.missing_since(now);
		Ok(number)
	}

	/// From now on, or from a later block, another seat is missing.
	fn missing_since(&mut self, at: MarketBlock) {
		if let Stage::Auditing { since, .. } | Stage::Recomputing { since, .. } = &mut self.stage {
			*since = (*since).max(at);
		}
	}

	/// A drawn seat has sealed.
	///
	/// # Errors
	/// [`Error::Seat`] if it is not at work, [`Error::Stage`] if the case has ended.
	pub fn seal(&mut self, rules: &Rules, seat: u8, now: MarketBlock) -> Result<(), Error> {
		self.advance(rules, now);
		if matches!(self.stage, Stage::Ended(_)) {
			return Err(Error::Stage);
		}
		let kind = self.get(seat)?.kind;
		let blind = match self.stage {
			Stage::Auditing { .. } => kind == Kind::Audit,
			Stage::Recomputing { .. } => kind == Kind::Fresh,
			_ => false,
		};
		let found = self.seat_mut(seat)?;
		if !matches!(found.state, State::Working | State::Calling) {
			return Err(Error::Seat);
		}
		found.state = State::Sealed;
		found.blind = blind;
		if !blind {
			// Others have opened: it is to do so at once.
			found.window = now.saturating_add(rules.times.opening);
		}
		if self.streak > 0 {
			// It can be fetched: whoever is missing is missing from now on.
			self.streak = 0;
			self.missing_since(now);
		}
		self.advance(rules, now);
		Ok(())
	}

	/// A drawn seat has not sealed in its time. Returns what it loses.
	///
	/// # Errors
	/// [`Error::Seat`] if it is not at work.
	pub fn miss(&mut self, rules: &Rules, seat: u8, now: MarketBlock) -> Result<Reserve, Error> {
		let slash = rules.stakes.late_slash(rules.cap).ok_or(Error::Amount)?;
		self.leave(rules, seat, slash, rules.times.pause, now)
	}

	/// A drawn seat gives its place back, which counts as one of those that are drawn. Returns the fee that it pays.
	///
	/// # Errors
	/// [`Error::Seat`] if it is not at work.
	pub fn decline(&mut self, rules: &Rules, seat: u8, now: MarketBlock) -> Result<Reserve, Error> {
		self.leave(rules, seat, rules.seat_fee, 0, now)
	}

	fn leave(
		&mut self,
		rules: &Rules,
		seat: u8,
		amount: Balance,
		pause: MarketBlock,
		now: MarketBlock,
	) -> Result<Reserve, Error> {
		self.advance(rules, now);
		let found = self.seat_mut(seat)?;
		if found.state != State::Working {
			return Err(Error::Seat);
		}
		found.state = State::Away;
		let lost = found.reserve.take(amount);
		let mut missing = now;
		if let Stage::Recomputing { wanted, .. } = &mut self.stage {
			*wanted = wanted.saturating_add(1).min(MAX_FRESH);
			missing = now.saturating_add(pause);
		}
		self.missing_since(missing);
		self.advance(rules, now);
		Ok(lost)
	}

	/// A drawn seat cannot fetch what it needs. Another is drawn beside it; its own time stands still until it can. It pays a
	/// seat's fee in the end if another could.
	///
	/// # Errors
	/// [`Error::Seat`] if it is not at work, [`Error::Full`] if too many have said so.
	pub fn call(&mut self, rules: &Rules, seat: u8, now: MarketBlock) -> Result<(), Error> {
		self.advance(rules, now);
		let calls = self.seats.iter().filter(|seat| seat.caller).count();
		let found = self.seat_mut(seat)?;
		if found.state != State::Working {
			return Err(Error::Seat);
		}
		if calls >= usize::from(MAX_CALLS) {
			return Err(Error::Full);
		}
		found.state = State::Calling;
		found.caller = true;
		if self.streak == 0 {
			self.calling_since = now;
		}
		self.first_call.get_or_insert(now);
		self.served = false;
		self.streak = self.streak.saturating_add(1);
		self.missing_since(now);
		self.advance(rules, now);
		Ok(())
	}

	/// The client says that it has served whoever called, or waits no longer for them. A shard that was drawn waits a week for
	/// callers so that an honest client can serve them. Where nobody is missing or contradicted, only the client can have what
	/// they lack, so that nobody else loses by its word. Who calls later is waited for again.
	///
	/// # Errors
	/// [`Error::Stage`] if nobody has called, or the case has ended.
	pub fn served(&mut self, rules: &Rules, now: MarketBlock) -> Result<(), Error> {
		self.advance(rules, now);
		if self.first_call.is_none() || matches!(self.stage, Stage::Ended(_)) {
			return Err(Error::Stage);
		}
		self.served = true;
		self.advance(rules, now);
		Ok(())
	}

	/// A seat opens what it sealed; the caller has compared that with the seal, and the leaves with the report.
	///
	/// # Errors
	/// [`Error::Stage`] while nothing is to be opened, [`Error::Seat`] if it has nothing to open, [`Error::Form`].
	pub fn reveal(
		&mut self,
		rules: &Rules,
		seat: u8,
		report: Option<Report>,
		leaves: Vec<SumNode>,
		now: MarketBlock,
	) -> Result<(), Error> {
		self.advance(rules, now);
		let (sample, window) = (usize::from(self.sample), now.saturating_add(rules.times.window));
		let opening = match self.stage {
			Stage::Opening { .. } => true,
			Stage::Judging | Stage::Recomputing { .. } => false,
			Stage::Drawing | Stage::Auditing { .. } | Stage::Ended(_) => return Err(Error::Stage),
		};
		let found = self.seat_mut(seat)?;
		if found.opened.is_some() || !matches!(found.state, State::Sealed | State::Silent) {
			return Err(Error::Seat);
		}
		if found.state == State::Sealed && found.blind && !opening {
			// Others of its round are still computing.
			return Err(Error::Stage);
		}
		let whole = found.kind != Kind::Audit;
		let task = rules.gas / u64::from(rules.tasks.max(1));
		let within =
			report.is_none_or(|report| report.gas_used <= rules.gas) && leaves.iter().all(|leaf| leaf.gas <= task);
		if whole != report.is_some() || leaves.len() != sample || !within {
			return Err(Error::Form);
		}
		if found.state == State::Sealed {
			found.state = State::Standing;
			// Of others it is set when all have opened.
			found.window = if found.blind { 0 } else { window };
		} else {
			found.state = State::Silent;
		}
		found.opened = Some(Opened {
			report,
			leaves: BoundedVec::truncate_from(leaves),
			at: now,
		});
		self.advance(rules, now);
		Ok(())
	}
}
