//! The rules against their model: recorded histories (see `histories/record.py`) come to the same end, and everybody wins or
//! loses the same amounts.

mod common;

use common::{hash, rules, Books};
use millrace_court::case::{Attacker, Due, End, How, Kind, Stage};
use millrace_primitives::{merkle::SumNode, Report};
use std::collections::BTreeMap;

/// What somebody computed: an outcome for each task, and what is claimed for all of them.
#[derive(Clone)]
struct Seal {
	outcomes: String,
	claim: u64,
}

impl Seal {
	fn report(&self) -> Report {
		Report {
			root: hash(&self.outcomes),
			gas_used: self.claim,
		}
	}

	/// What it says of some tasks. A planck is paid for a unit of gas here.
	fn leaves(&self, tasks: &[usize], history: &History) -> Vec<SumNode> {
		let gas = |outcome: &str| {
			let whole = match outcome {
				"T" => history.honest,
				_ => history.cap,
			};
			whole / self.outcomes.len() as u64
		};
		let outcome = |task: &usize| &self.outcomes[*task..*task + 1];
		tasks
			.iter()
			.map(|task| SumNode {
				hash: hash(outcome(task)),
				gas: gas(outcome(task)),
			})
			.collect()
	}
}

struct History {
	honest: u64,
	cap: u64,
	sample: Vec<usize>,
	seals: BTreeMap<String, Seal>,
	numbers: BTreeMap<String, u8>,
	books: Books,
	text: String,
}

impl Drop for History {
	fn drop(&mut self) {
		if std::thread::panicking() {
			println!("history {}{:#?}", self.text, self.books.case);
		}
	}
}

impl History {
	fn account(&self, name: &str) -> String {
		self.numbers
			.get(name)
			.map_or_else(|| name.into(), |number| format!("seat {number}"))
	}

	/// Lets time pass until something has happened.
	fn wait(&mut self, happened: impl Fn(&Books) -> bool) {
		for _ in 0..200 {
			if happened(&self.books) {
				return;
			}
			self.books.pass();
		}
		panic!("nothing happens: {:?}", self.books.case.stage());
	}

	fn play(&mut self, words: &[&str]) -> bool {
		match words {
			["drawn", name, kind, state, seal @ ..] => {
				let expected = if *kind == "Audit" { Kind::Audit } else { Kind::Fresh };
				self.wait(|books| matches!(books.due(), Due::Staff { kind, .. } if kind == expected));
				let seat = self.books.seat();
				self.numbers.insert(name.to_string(), seat);
				match *state {
					"silent" => self.books.miss(seat),
					"unavailable" => self.books.call(seat),
					_ => {
						let [outcomes, claim] = seal else { panic!("{words:?}") };
						self.seal_of(name, outcomes, claim);
						self.books.seal(seat);
					}
				}
			}
			["reveal", name, when] => {
				let seat = self.numbers[*name];
				self.wait(|books| !matches!(books.case.stage(), Stage::Drawing | Stage::Auditing { .. }));
				match *when {
					"early" => self.wait(|books| matches!(books.case.stage(), Stage::Opening { .. })),
					"late" => self.wait(|books| *books.case.stage() == Stage::Judging),
					_ => {}
				}
				if *when != "never" {
					let seal = self.seals[*name].clone();
					let audit = self.books.case.seats()[usize::from(seat)].kind == Kind::Audit;
					let leaves = seal.leaves(&self.sample, self);
					self.books.reveal(seat, (!audit).then(|| seal.report()), leaves);
				}
			}
			["dead", name] => {
				let seat = usize::from(self.numbers[*name]);
				self.wait(|books| !books.case.seats()[seat].is_standing());
			}
			_ => panic!("{words:?}"),
		}
		true
	}

	fn seal_of(&mut self, name: &str, outcomes: &str, claim: &str) {
		let seal = Seal {
			outcomes: outcomes.into(),
			claim: claim.parse().unwrap(),
		};
		self.seals.insert(name.into(), seal);
	}

	/// Boards that are opened together and decided one after the other.
	fn boards(&mut self, boards: &[Vec<&str>]) {
		if boards.is_empty() {
			return;
		}
		// What opened late stands a window later.
		let targets: Vec<u8> = boards.iter().map(|board| self.numbers[board[2]]).collect();
		self.wait(|books| {
			let seats = books.case.seats();
			*books.case.stage() == Stage::Judging && targets.iter().all(|seat| seats[usize::from(*seat)].is_standing())
		});
		let mut opened = Vec::new();
		for board in boards {
			let [_, by, target, loser, how] = board[..] else {
				panic!("{board:?}")
			};
			let target = self.numbers[target];
			let how = if how == "step" { How::Step } else { How::Clock };
			match self.numbers.get(by) {
				Some(by) => {
					self.books.attack(Attacker::Seat(*by), target, by.to_string());
					opened.push((Attacker::Seat(*by), by.to_string(), 0, target, loser, how));
				}
				None => {
					let bond = self.books.attack(Attacker::Outsider, target, by.into());
					opened.push((Attacker::Outsider, by.to_string(), bond, target, loser, how));
				}
			}
		}
		for (attacker, by, bond, target, loser, how) in opened {
			match (attacker, loser) {
				(Attacker::Seat(_), "-") => {}
				(Attacker::Seat(seat), _) => self.books.decide(seat, target, loser == "by", how),
				(Attacker::Outsider, _) => self.books.decide_outside(
					&by,
					bond,
					target,
					match loser {
						"target" => Ok(how),
						"by" => Err(Some(how)),
						_ => Err(None),
					},
				),
			}
		}
	}
}

fn number(word: &str) -> u64 {
	word.parse().unwrap()
}

#[test]
fn recorded_histories_come_to_the_end_that_the_model_found() {
	// Another recording, with more histories, if one is named.
	let recorded = match std::env::var_os("MILLRACE_HISTORIES") {
		Some(file) => std::fs::read_to_string(file).unwrap(),
		None => include_str!("histories/recorded.txt").into(),
	};
	let (mut histories, mut amounts) = (0, 0);
	for text in recorded.split("history ").skip(1) {
		let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
		let [tasks, inverse, cap, honest, replicas, drawn, pair, sample] = lines[0][..] else {
			panic!("{text}")
		};
		let sample = sample.split(',').filter_map(|task| task.parse().ok()).collect();
		let sealed: Vec<_> = lines.iter().filter(|line| line[0] == "sealed").collect();
		let rules = rules(number(cap).into(), tasks.parse().unwrap(), inverse.parse().unwrap());
		let books = Books::new(rules, replicas.parse().unwrap(), sealed.len());
		let mut history = History {
			honest: number(honest),
			cap: number(cap),
			sample,
			seals: BTreeMap::new(),
			numbers: BTreeMap::new(),
			books,
			text: text.into(),
		};
		for (n, line) in sealed.iter().enumerate() {
			history.numbers.insert(line[1].into(), n as u8);
			history.seal_of(line[1], line[2], line[3]);
		}
		history.books.draw(drawn == "1", pair == "1");
		let mut boards = Vec::new();
		let mut end = None;
		let mut net = BTreeMap::new();
		for line in &lines[1..] {
			match line[0] {
				"sealed" => {}
				"board" => boards.push(line.clone()),
				"round" => history.boards(&std::mem::take(&mut boards)),
				"end" => end = Some(line.clone()),
				"net" => _ = net.insert(history.account(line[1]), line[2].parse::<i128>().unwrap()),
				_ => _ = history.play(line),
			}
		}
		let end = end.unwrap();
		history.wait(|books| matches!(books.case.stage(), Stage::Ended(_)));
		let Stage::Ended(found) = *history.books.case.stage() else {
			unreachable!()
		};
		let expected = match found {
			End::Accepted(_) => "accepted",
			End::Thin(_) => "paid-thin",
			End::Unresolved => "Unresolved",
			End::NoData => "no-data",
		};
		assert_eq!(expected, end[1]);
		if let End::Accepted(seat) | End::Thin(seat) = found {
			let report = history.books.case.seats()[usize::from(seat)].report().unwrap();
			assert_eq!(report.root, hash(end[2]));
		}
		let settlement = history.books.settle();
		let guilty: Vec<String> = settlement.guilty.iter().map(|seat| format!("seat {seat}")).collect();
		let mut expected: Vec<String> = end[4]
			.split(',')
			.filter(|name| *name != "-")
			.map(|name| history.account(name))
			.collect();
		expected.sort();
		let mut guilty = guilty;
		guilty.sort();
		assert_eq!(guilty, expected);
		histories += 1;
		if end[3] == "1" {
			let away: Vec<_> = net
				.keys()
				.filter(|name| name.ends_with('s') && name.len() == 3)
				.cloned()
				.collect();
			away.iter().for_each(|name| _ = net.remove(name));
			let found: BTreeMap<String, i128> = history
				.books
				.net()
				.into_iter()
				.filter(|(_, amount)| *amount != 0)
				.collect();
			assert_eq!(found, net, "{:#?}", settlement.flows);
			amounts += 1;
		}
	}
	println!("{histories} histories, {amounts} with all amounts");
	assert!(histories >= 400 && 2 * amounts > histories, "{histories}, {amounts}");
}
