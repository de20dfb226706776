//! Who takes part, and what they do: the honest what they ought to, as soon as they look; the others whatever they choose to.

use crate::{
	common::{hash, Books},
	CAP,
};
use millrace_court::case::{Attacker, Case, Due, End, Error, How, Kind, Rules, Stage, State};
use millrace_primitives::{merkle::SumNode, Balance, MarketBlock, Report};
use std::collections::BTreeMap;

/// What decides: one choice after the other, then always the first. Shrinks to short and plain histories.
pub struct Choices {
	pub list: std::vec::IntoIter<u16>,
}

impl Choices {
	pub fn below(&mut self, n: u32) -> u32 {
		u32::from(self.list.next().unwrap_or(0)) % n.max(1)
	}

	pub fn chance(&mut self, percent: u32) -> bool {
		self.below(100) >= 100 - percent
	}

	pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
		let at = self.below(from.len() as u32) as usize;
		from.get(at).copied()
	}
}

/// What a seat's holder does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Who {
	Honest,
	Bad,
}

/// Who opens a board.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Author {
	Seat(u8),
	/// Without a seat, and honest: it has computed the whole shard, accuses whoever says something else, and wins.
	Watcher(u8),
	/// Without a seat, and a friend of the liars: it loses against who is right and honest, and else by chance.
	Saboteur(u8),
}

impl Author {
	/// By which name its money is kept. What comes second is its account.
	fn name(self) -> String {
		match self {
			Self::Seat(seat) => format!("seat {seat}"),
			Self::Watcher(number) => watcher(number),
			Self::Saboteur(number) => format!("x{}", char::from(b'a' + number)),
		}
	}

	fn attacker(self) -> Attacker {
		match self {
			Self::Seat(seat) => Attacker::Seat(seat),
			_ => Attacker::Outsider,
		}
	}
}

pub fn watcher(number: u8) -> String {
	format!("w{}", char::from(b'A' + number))
}

/// A board that is being played.
struct Playing {
	by: Author,
	bond: Balance,
	target: u8,
	/// When it is decided, and for whom.
	at: MarketBlock,
	loser_is_by: bool,
	how: How,
}

pub struct Play {
	pub books: Books,
	/// What an honest run costs, and claims: a unit of gas is worth a planck.
	pub honest: u64,
	pub choices: Choices,
	pub who: Vec<Who>,
	/// What each seat sealed; `T` is what the machine computes.
	pub said: BTreeMap<u8, char>,
	boards: Vec<Playing>,
	served: bool,
	/// Honest outsiders that are there from the start to the end.
	pub watchers: u8,
	saboteurs: u32,
	/// What honest parties spent on computing.
	pub work: BTreeMap<String, Balance>,
	/// And on replaying.
	pub replays: BTreeMap<String, Balance>,
	log: Vec<String>,
}

fn report(said: char, honest: u64) -> Report {
	Report {
		root: hash(&said.to_string()),
		gas_used: match said {
			'T' => honest,
			'0' => 0,
			_ => CAP as u64,
		},
	}
}

/// The leaves that go with it: a task that is right in every report but some.
fn leaves(said: char, honest: u64, sample: usize, tasks: u32) -> Vec<SumNode> {
	let leaf = |task| SumNode {
		hash: match said {
			'x' if task > 0 => hash("T"),
			said => hash(&said.to_string()),
		},
		gas: report(said, honest).gas_used / u64::from(tasks),
	};
	(0..sample).map(leaf).collect()
}

impl Drop for Play {
	fn drop(&mut self) {
		if std::thread::panicking() {
			println!("{} {:?} {:?}", self.log.join("\n"), self.who, self.said);
			println!(
				"{:?} at {}, {:?}",
				self.books.case.stage(),
				self.books.now,
				self.books.case.duels()
			);
			for seat in self.books.case.seats() {
				println!(
					"{:?} {:?} {:?} {:?}",
					seat.kind,
					seat.state,
					seat.opened.as_ref().map(|opened| opened.at),
					seat.reserve
				);
			}
		}
	}
}

impl Play {
	/// A shard of which nothing has happened yet, but that it is drawn or not.
	pub fn new(books: Books, honest: u64, watchers: u8, served: bool) -> Self {
		Self {
			books,
			honest,
			choices: Choices {
				list: Vec::new().into_iter(),
			},
			who: Vec::new(),
			said: BTreeMap::new(),
			boards: Vec::new(),
			served,
			watchers,
			saboteurs: 0,
			work: BTreeMap::new(),
			replays: BTreeMap::new(),
			log: Vec::new(),
		}
	}

	fn say(&mut self, what: String) {
		self.log.push(format!("{} {what}", self.books.now));
	}

	pub fn seat(&self, seat: u8) -> &millrace_court::case::Seat {
		&self.books.case.seats()[usize::from(seat)]
	}

	pub fn is_honest(&self, seat: u8) -> bool {
		self.who[usize::from(seat)] == Who::Honest
	}

	/// Whether a seat sealed what the machine does not compute.
	pub fn lies(&self, seat: u8) -> bool {
		self.said.get(&seat).is_some_and(|said| *said != 'T')
	}

	pub fn numbers(&self, which: impl Fn(u8) -> bool) -> Vec<u8> {
		(0..self.who.len() as u8).filter(|seat| which(*seat)).collect()
	}

	pub fn works(&mut self, name: String, amount: Balance) {
		*self.work.entry(name).or_default() += amount;
	}

	/// Whether an honest seat can fetch: from the client, or from an honest seat that sealed.
	fn can_fetch(&self) -> bool {
		let holder = |seat: &u8| !matches!(self.seat(*seat).state, State::Working | State::Calling | State::Away);
		self.served || self.numbers(|seat| self.is_honest(seat)).iter().any(holder)
	}

	/// What a seat computes: an audit its tasks.
	fn computes(&self, seat: u8) -> u64 {
		match self.seat(seat).kind {
			Kind::Audit => self.honest / u64::from(self.books.rules.tasks) * self.sample() as u64,
			_ => self.honest,
		}
	}

	fn sample(&self) -> usize {
		match self.books.case.is_drawn() {
			true => (self.books.rules.tasks as usize).min(4),
			false => 0,
		}
	}

	fn reveal(&mut self, seat: u8) -> Result<(), Error> {
		let (said, sample) = (self.said[&seat], self.sample());
		let report = (self.seat(seat).kind != Kind::Audit).then(|| report(said, self.honest));
		let (rules, now) = (self.books.rules, self.books.now);
		let leaves = leaves(said, self.honest, sample, rules.tasks);
		let result = self.books.case.reveal(&rules, seat, report, leaves, now);
		self.say(format!("{seat} reveals {said}: {result:?}"));
		result
	}

	/// What the honest do, as soon as they can.
	fn honest(&mut self) {
		loop {
			let before = self.books.case.clone();
			self.honest_once();
			if before == self.books.case {
				return;
			}
		}
	}

	fn honest_once(&mut self) {
		let (rules, now) = (self.books.rules, self.books.now);
		self.books.case.advance(&rules, now);
		for seat in self.numbers(|seat| self.is_honest(seat)) {
			let name = format!("seat {seat}");
			self.books.case.advance(&rules, now);
			if matches!(self.books.case.stage(), Stage::Ended(_)) {
				return;
			}
			match self.seat(seat).state {
				State::Working | State::Calling if self.can_fetch() => {
					self.said.insert(seat, 'T');
					self.works(name, self.computes(seat).into());
					self.say(format!("{seat} seals"));
					self.books.seal(seat);
				}
				State::Working => {
					if self.books.case.call(&rules, seat, now) == Err(Error::Full) {
						self.books.decline(seat);
					}
				}
				State::Sealed => {
					let open = match self.books.case.stage() {
						Stage::Opening { .. } => true,
						Stage::Judging | Stage::Recomputing { .. } => !self.seat(seat).blind,
						_ => false,
					};
					if open {
						self.reveal(seat).unwrap();
					}
				}
				_ => {}
			}
		}
		for seat in self.numbers(|seat| self.is_honest(seat)) {
			for target in self.numbers(|seat| self.lies(seat)) {
				if self.seat(seat).is_standing() && self.seat(target).is_standing() {
					self.attack(Author::Seat(seat), target);
				}
			}
		}
		for watcher in (0..self.watchers).map(Author::Watcher) {
			for target in self.numbers(|seat| self.lies(seat) && self.seat(seat).is_standing()) {
				let plays = |board: &Playing| (board.by, board.target) == (watcher, target);
				if !self.boards.iter().any(plays) {
					// It is never too late for who looks as often as the honest do.
					assert!(self.attack(watcher, target), "{watcher:?} cannot accuse seat {target}");
				}
			}
		}
	}

	/// Whether there is a board now that was not there before.
	fn attack(&mut self, by: Author, target: u8) -> bool {
		let (rules, now) = (self.books.rules, self.books.now);
		let (name, attacker) = (by.name(), by.attacker());
		let tries = match by {
			Author::Seat(_) => tried(&mut self.books.case, &rules, now, |case| {
				case.attack(&rules, attacker, target, now)
			}),
			_ => self.books.case.clone().attack(&rules, attacker, target, now),
		};
		let Ok(mut bond) = tries else { return false };
		if attacker == Attacker::Outsider {
			bond = self.books.attack(attacker, target, name.clone());
		}
		let honest_by = match by {
			Author::Seat(seat) => self.is_honest(seat),
			Author::Watcher(_) => true,
			Author::Saboteur(_) => false,
		};
		let honest_target = self.is_honest(target);
		let loser_is_by = match (honest_by, honest_target) {
			(true, true) => panic!("the honest attack each other"),
			(true, false) => false,
			(false, true) => true,
			(false, false) => self.choices.chance(50),
		};
		let how = if self.choices.chance(50) { How::Step } else { How::Clock };
		// The honest replay, unless the other stops at once.
		if how == How::Step || self.choices.chance(50) {
			let player = match by {
				Author::Watcher(_) => Some((name.clone(), self.honest)),
				Author::Seat(seat) if honest_by => Some((name.clone(), self.computes(seat))),
				_ => honest_target.then(|| (format!("seat {target}"), self.computes(target))),
			};
			if let Some((player, computed)) = player {
				*self.replays.entry(player).or_default() += 6 * Balance::from(computed);
			}
		}
		let at = now + self.choices.below(1_500);
		self.say(format!(
			"{name} attacks {target} until {at}, loses {loser_is_by}, {how:?}"
		));
		self.boards.push(Playing {
			by,
			bond,
			target,
			at,
			loser_is_by,
			how,
		});
		true
	}

	/// A saboteur that plays no other board at the moment.
	fn sabotage(&mut self, target: u8) {
		self.saboteurs += 1;
		let saboteur = Author::Saboteur((self.saboteurs % 26) as u8);
		if !self.boards.iter().any(|board| board.by == saboteur) {
			self.attack(saboteur, target);
		}
	}

	/// Decides the boards that are over.
	fn decide(&mut self) {
		let (over, rest) = std::mem::take(&mut self.boards)
			.into_iter()
			.partition::<Vec<_>, _>(|board| board.at <= self.books.now);
		self.boards = rest;
		for board in over {
			match board.by {
				Author::Seat(by) => {
					let (rules, now) = (self.books.rules, self.books.now);
					let Playing {
						target,
						loser_is_by,
						how,
						..
					} = board;
					// It may have ended with its target.
					let _ = tried(&mut self.books.case, &rules, now, |case| {
						case.decide(&rules, by, target, loser_is_by, how, now)
					});
				}
				Author::Watcher(_) | Author::Saboteur(_) => {
					let how = if board.loser_is_by {
						Err(Some(board.how))
					} else {
						Ok(board.how)
					};
					self.books
						.decide_outside(&board.by.name(), board.bond, board.target, how);
				}
			}
		}
	}

	/// Something that the others do, allowed or not.
	fn bad(&mut self) {
		let (rules, now) = (self.books.rules, self.books.now);
		let all = self.numbers(|_| true);
		let bad = self.numbers(|seat| !self.is_honest(seat));
		let target = self.choices.pick(&all).unwrap_or(0);
		match self.choices.below(8) {
			0 => {}
			1 => self.sabotage(target),
			2 => {
				self.served = true;
				// The client may say so.
				if self.choices.chance(50) {
					let _ = tried(&mut self.books.case, &rules, now, |case| case.served(&rules, now));
				}
			}
			_ => {
				let Some(seat) = self.choices.pick(&bad) else { return };
				let working = matches!(self.seat(seat).state, State::Working | State::Calling);
				match self.choices.below(7) {
					0 if working => {
						let said = self.choices.pick(&['a', 'T', 'b', '0', 'x']).unwrap_or('a');
						let sealed = tried(&mut self.books.case, &rules, now, |case| case.seal(&rules, seat, now));
						if sealed.is_ok() {
							self.said.insert(seat, said);
							self.say(format!("{seat} seals {said}"));
						}
					}
					1 if self.said.contains_key(&seat) => {
						let before = self.books.case.clone();
						if self.reveal(seat).is_err() {
							let mut after = before;
							after.advance(&rules, now);
							assert_eq!(after, self.books.case);
						}
					}
					2 | 3 => {
						if !self.is_honest(target) || self.said.get(&seat) != Some(&'T') {
							self.attack(Author::Seat(seat), target);
						}
					}
					4 if self.seat(seat).state == State::Working => self.books.miss(seat),
					5 if self.seat(seat).state == State::Working => {
						let _ = tried(&mut self.books.case, &rules, now, |case| case.call(&rules, seat, now));
					}
					6 if self.seat(seat).state == State::Working => self.books.decline(seat),
					_ => {}
				}
			}
		}
	}

	/// Seats whom the chain draws.
	fn staff(&mut self, bad: u32) {
		while let Due::Staff { from, .. } = self.books.due() {
			if from > self.books.now || self.choices.chance(5) {
				return;
			}
			self.books.seat();
			let who = if self.choices.chance(bad) {
				Who::Bad
			} else {
				Who::Honest
			};
			self.who.push(who);
			self.say(format!("{} is seated", self.who.len() - 1));
		}
	}

	/// Plays it to its end, with so many bad ones of a hundred among those who are drawn.
	pub fn run(&mut self, bad: u32) -> End {
		// Blocks since the honest have looked.
		let mut slept = 0;
		for _ in 0..20_000 {
			if let Stage::Ended(end) = *self.books.case.stage() {
				self.give_up();
				return end;
			}
			self.staff(bad);
			self.decide();
			for _ in 0..self.choices.below(4) {
				self.bad();
			}
			// Seats that are held and do nothing run out of time.
			if !self.choices.chance(70) {
				for seat in self.numbers(|seat| !self.is_honest(seat)) {
					if self.seat(seat).state == State::Working {
						self.books.miss(seat);
					}
				}
			}
			// They look at least every minute or two, whatever the others have done by then.
			let awake = slept >= 30 || !self.choices.chance(50);
			let mut next = self.books.now + 1 + self.choices.below(30);
			if awake {
				self.honest();
				slept = 0;
				if !self.choices.chance(50) {
					next = self.next_change();
				} else if self.choices.chance(20) {
					next = self.next_change().min(self.books.now + 1 + self.choices.below(20_000));
				}
			}
			slept += next - self.books.now;
			self.books.now = next;
			let (rules, now) = (self.books.rules, self.books.now);
			self.decide();
			self.books.case.advance(&rules, now);
		}
		panic!("no end: {:#?}", self.books.case);
	}

	/// Outsiders whose boards were played when the case ended.
	fn give_up(&mut self) {
		for board in std::mem::take(&mut self.boards) {
			if board.by.attacker() == Attacker::Outsider {
				self.books
					.decide_outside(&board.by.name(), board.bond, board.target, Err(None));
			}
		}
	}

	/// When something changes though nobody acts.
	fn next_change(&self) -> MarketBlock {
		let now = self.books.now;
		let due = match self.books.due() {
			Due::Wait(MarketBlock::MAX) => self.books.now + 1,
			Due::Wait(due) | Due::Staff { from: due, .. } => due,
			Due::Draw | Due::Settle(_) => now,
		};
		let boards = self.boards.iter().map(|board| board.at).min();
		let next = boards.map_or(due, |board| due.min(board));
		next.max(now + 1)
	}
}

/// A call that may fail, and then changes nothing but what time does.
fn tried<T>(
	case: &mut Case,
	rules: &Rules,
	now: MarketBlock,
	call: impl FnOnce(&mut Case) -> Result<T, Error>,
) -> Result<T, Error> {
	let mut before = case.clone();
	let result = call(case);
	if result.is_err() {
		before.advance(rules, now);
		assert_eq!(before, *case);
	}
	result
}
