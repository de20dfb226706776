//! The rule behind every rule, over random histories of honest parties, liars and saboteurs: who is honest and there never ends
//! worse than if it had not taken part, no lie is accepted beside it, money is conserved, and every case comes to its end.

mod common;

use common::{hash, rules, Books};
use millrace_court::case::{Attacker, Case, Due, End, Error, How, Kind, Rules, Stage, State};
use millrace_primitives::{merkle::SumNode, Balance, MarketBlock, Report};
use proptest::prelude::*;
use std::collections::BTreeMap;

const CAP: Balance = 1_200_000;

/// What decides: one choice after the other, then always the first. Shrinks to short and plain histories.
struct Choices {
	list: std::vec::IntoIter<u16>,
}

impl Choices {
	fn below(&mut self, n: u32) -> u32 {
		u32::from(self.list.next().unwrap_or(0)) % n.max(1)
	}

	fn chance(&mut self, percent: u32) -> bool {
		self.below(100) >= 100 - percent
	}

	fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
		let at = self.below(from.len() as u32) as usize;
		from.get(at).copied()
	}
}

/// What a seat's holder does.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Who {
	Honest,
	Bad,
}

/// A board that is being played.
struct Playing {
	by: Attacker,
	name: String,
	bond: Balance,
	target: u8,
	/// When it is decided, and for whom.
	at: MarketBlock,
	loser_is_by: bool,
	how: How,
}

struct Play {
	books: Books,
	/// What an honest run costs, and claims: a unit of gas is worth a planck.
	honest: u64,
	choices: Choices,
	who: Vec<Who>,
	said: BTreeMap<u8, char>,
	boards: Vec<Playing>,
	served: bool,
	outsiders: u32,
	/// What honest parties spent on computing.
	work: BTreeMap<String, Balance>,
	/// And on replaying.
	replays: BTreeMap<String, Balance>,
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
	fn say(&mut self, what: String) {
		self.log.push(format!("{} {what}", self.books.now));
	}

	fn seat(&self, seat: u8) -> &millrace_court::case::Seat {
		&self.books.case.seats()[usize::from(seat)]
	}

	fn is_honest(&self, seat: u8) -> bool {
		self.who[usize::from(seat)] == Who::Honest
	}

	fn numbers(&self, which: impl Fn(u8) -> bool) -> Vec<u8> {
		(0..self.who.len() as u8).filter(|seat| which(*seat)).collect()
	}

	fn works(&mut self, name: String, amount: Balance) {
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
		for seat in self.numbers(|seat| self.is_honest(seat)) {
			let name = format!("seat {seat}");
			let (rules, now) = (self.books.rules, self.books.now);
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
			for target in self.numbers(|seat| self.said.get(&seat).is_some_and(|said| *said != 'T')) {
				if self.seat(seat).is_standing() && self.seat(target).is_standing() {
					self.attack(Attacker::Seat(seat), target);
				}
			}
		}
	}

	fn attack(&mut self, by: Attacker, target: u8) {
		let (rules, now) = (self.books.rules, self.books.now);
		let name = match by {
			Attacker::Seat(seat) => format!("seat {seat}"),
			Attacker::Outsider => {
				self.outsiders += 1;
				format!("x{}", char::from(b'a' + (self.outsiders % 26) as u8))
			}
		};
		let bond = match by {
			Attacker::Seat(_) => match tried(&mut self.books.case, &rules, now, |case| {
				case.attack(&rules, by, target, now)
			}) {
				Ok(bond) => bond,
				Err(_) => return,
			},
			Attacker::Outsider => {
				if self.boards.iter().any(|board| board.name == name)
					|| self.books.case.clone().attack(&rules, by, target, now).is_err()
				{
					return;
				}
				self.books.attack(by, target, name.clone())
			}
		};
		let honest_by = matches!(by, Attacker::Seat(seat) if self.is_honest(seat));
		let honest_target = self.is_honest(target);
		let loser_is_by = match (honest_by, honest_target) {
			(true, true) => panic!("honest seats attack each other"),
			(true, false) => false,
			(false, true) => true,
			(false, false) => self.choices.chance(50),
		};
		let how = if self.choices.chance(50) { How::Step } else { How::Clock };
		// The honest replay, unless the other stops at once.
		if how == How::Step || self.choices.chance(50) {
			let player = match by {
				Attacker::Seat(by) if honest_by => Some(by),
				_ => honest_target.then_some(target),
			};
			if let Some(player) = player {
				let replay = 6 * Balance::from(self.computes(player));
				*self.replays.entry(format!("seat {player}")).or_default() += replay;
			}
		}
		let at = now + self.choices.below(1_500);
		self.say(format!(
			"{name} attacks {target} until {at}, loses {loser_is_by}, {how:?}"
		));
		self.boards.push(Playing {
			by,
			name,
			bond,
			target,
			at,
			loser_is_by,
			how,
		});
	}

	/// Decides the boards that are over.
	fn decide(&mut self) {
		let (over, rest) = std::mem::take(&mut self.boards)
			.into_iter()
			.partition::<Vec<_>, _>(|board| board.at <= self.books.now);
		self.boards = rest;
		for board in over {
			match board.by {
				Attacker::Seat(by) => {
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
				Attacker::Outsider => {
					let how = if board.loser_is_by {
						Err(Some(board.how))
					} else {
						Ok(board.how)
					};
					self.books.decide_outside(&board.name, board.bond, board.target, how);
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
			1 => self.attack(Attacker::Outsider, target),
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
							self.attack(Attacker::Seat(seat), target);
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

	fn run(&mut self, bad: u32) -> End {
		// Blocks since the honest have looked.
		let mut slept = 0;
		for _ in 0..20_000 {
			if let Stage::Ended(end) = *self.books.case.stage() {
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

fn play(list: Vec<u16>, replicas: u8, rules: Rules, honest: u64, drawn: bool, bad: u32, serves: bool) {
	let mut choices = Choices { list: list.into_iter() };
	let mut books = Books::backed(rules, replicas, replicas.into());
	let inverse = rules.p.saturating_reciprocal_mul_ceil(1_u32);
	let mut play = Play {
		who: Vec::new(),
		said: BTreeMap::new(),
		boards: Vec::new(),
		served: serves,
		outsiders: 0,
		work: BTreeMap::new(),
		replays: BTreeMap::new(),
		honest,
		log: Vec::new(),
		choices: Choices {
			list: Vec::new().into_iter(),
		},
		books: {
			books.draw(drawn, choices.chance(30));
			books
		},
	};
	for seat in 0..replicas {
		let bad = choices.chance(bad);
		play.who.push(if bad { Who::Bad } else { Who::Honest });
		let said = if bad {
			choices.pick(&['a', 'a', 'b', '0', 'T', 'x']).unwrap_or('a')
		} else {
			'T'
		};
		play.said.insert(seat, said);
		if !bad {
			play.works(format!("seat {seat}"), honest.into());
		}
	}
	play.choices = choices;
	let end = play.run(bad);
	let open = play.books.case.duels().iter().any(|duel| duel.end.is_none());
	let attacked = play.numbers(|seat| play.seat(seat).is_standing() && play.seat(seat).attacks > 0);
	assert!(!open && attacked.is_empty(), "it has ended while boards were played");
	let holds = play.who.iter().take(replicas.into()).any(|who| *who == Who::Honest);
	if end == End::NoData && (serves || holds) {
		let callers = play.numbers(|seat| !play.is_honest(seat) && play.seat(seat).caller);
		assert!(callers.len() >= 5, "{callers:?} call, though the honest can fetch");
	}
	for board in std::mem::take(&mut play.boards) {
		if board.by == Attacker::Outsider {
			play.books
				.decide_outside(&board.name, board.bond, board.target, Err(None));
		}
	}
	if play.books.case.is_counted() {
		let End::Accepted(report) = end else {
			panic!("{end:?} counts")
		};
		let said = play.said[&report];
		let say = play.numbers(|seat| play.seat(seat).is_standing() && play.said[&seat] == said);
		let sampled = play.numbers(|seat| play.seat(seat).is_standing() && play.seat(seat).kind == Kind::Audit);
		assert!(say.len() + sampled.len() > 1, "what one seat says counts");
	}
	let settlement = play.books.settle();
	let net = play.books.net();
	let honest_primaries = play.numbers(|seat| seat < replicas && play.is_honest(seat));
	if let End::Accepted(seat) | End::Thin(seat) = end {
		assert!(
			play.said[&seat] == 'T' || honest_primaries.is_empty(),
			"a lie is accepted beside an honest seat"
		);
	}
	for seat in play.numbers(|seat| play.is_honest(seat)) {
		let state = &play.seat(seat).state;
		assert!(
			!matches!(state, State::Silent | State::Out { .. }),
			"seat {seat} is honest and {state:?}"
		);
		assert!(!settlement.guilty.contains(&seat), "seat {seat} is honest and guilty");
		let name = format!("seat {seat}");
		let won = net.get(&name).copied().unwrap_or(0);
		let fee = if play.seat(seat).caller || *state == State::Away {
			rules.seat_fee as i128
		} else {
			0
		};
		let least = match (end, seat < replicas) {
			// Five in a row said that they cannot fetch.
			(End::NoData, true) if drawn => -((CAP * Balance::from(inverse)) as i128),
			_ => -fee,
		};
		assert!(won >= least, "seat {seat} is honest and has {won}");
		let audit = play.seat(seat).kind == Kind::Audit;
		let decided = match end {
			End::Accepted(_) | End::Thin(_) => true,
			End::Unresolved => audit,
			End::NoData => false,
		};
		if play.seat(seat).is_standing() && decided {
			// Who said that it could not fetch computes for nothing, and is paid for what it replays.
			let of = |spent: &BTreeMap<String, Balance>| spent.get(&name).copied().unwrap_or(0) as i128;
			let work = of(&play.replays) + if play.seat(seat).caller { -fee } else { of(&play.work) };
			assert!(won >= work, "seat {seat} worked for {work} and has {won}");
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]
	#[test]
	fn who_is_honest_never_ends_worse(
		list in prop::collection::vec(any::<u16>(), 0..400),
		replicas in 1_u8..=4,
		tasks in prop_oneof![Just(1_u32), Just(6)],
		inverse in prop_oneof![Just(4_u32), Just(6), Just(32)],
		honest in prop_oneof![Just(CAP as u64), Just(600_000), Just(150_000), 6..=CAP as u64],
		drawn in any::<bool>(),
		bad in 0_u32..=100,
		serves in any::<bool>(),
		seat_fee in prop_oneof![Just(10_000_u128), Just(2 * CAP), Just(10 * CAP)],
		single in prop_oneof![Just(600_u32), Just(28_800), 600_u32..=28_800],
	) {
		let mut rules = Rules {
			seat_fee,
			..rules(CAP, tasks, inverse)
		};
		if replicas == 1 {
			// What its client wants to check it in.
			rules.times.equal_window = single;
		}
		play(list, replicas, rules, honest, drawn, bad, serves);
	}
}
