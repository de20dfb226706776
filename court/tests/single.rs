//! Shards of one seat: how long its report can be attacked, what binds it, and what may follow from what it says.

mod common;

use common::{hash, rules, Books};
use millrace_court::case::{Attacker, End, Error, How, Rules, Stage};
use millrace_primitives::{merkle::SumNode, Balance, MarketBlock, Report};

const CAP: u64 = 1_200_000;
const HONEST: u64 = 600_000;
const SEAT_FEE: i128 = 10_000;
/// Longer than what the court has for others.
const WINDOW: MarketBlock = 5_000;

fn alone(drawn: bool) -> Books {
	let mut rules: Rules = rules(CAP.into(), 1, 4);
	rules.times.equal_window = WINDOW;
	let mut books = Books::new(rules, 1, 1);
	books.draw(drawn, false);
	books
}

impl Books {
	fn says(&mut self, seat: u8, said: &str) {
		let report = Report {
			root: hash(said),
			gas_used: HONEST,
		};
		let leaf = SumNode {
			hash: hash(said),
			gas: HONEST,
		};
		let leaves = if self.case.is_drawn() { vec![leaf] } else { Vec::new() };
		let audit = self.case.seats()[usize::from(seat)].kind == millrace_court::case::Kind::Audit;
		self.reveal(seat, (!audit).then_some(report), leaves);
	}

	/// An audit that seals.
	fn audited(&mut self) -> u8 {
		let audit = self.seat();
		self.seal(audit);
		audit
	}

	fn at_stake(&self, seat: usize) -> Balance {
		self.case.seats()[seat].reserve.total()
	}

	/// The end and the market block at which it comes, if nobody acts.
	fn ends(&mut self) -> (End, MarketBlock) {
		loop {
			if let Stage::Ended(end) = *self.case.stage() {
				return (end, self.now);
			}
			self.pass();
		}
	}
}

#[test]
fn its_report_can_be_attacked_to_the_last_block_of_its_window_and_no_longer() {
	let mut books = alone(false);
	books.says(0, "true");
	let opened = books.now;
	for (at, expected) in [(opened + WINDOW, true), (opened + WINDOW + 1, false)] {
		let attacked = books.case.clone().attack(&books.rules, Attacker::Outsider, 0, at);
		assert_eq!(attacked.is_ok(), expected);
		assert!(expected || attacked == Err(Error::Stage));
	}
	assert_eq!(books.ends(), (End::Accepted(0), opened + WINDOW + 1));
	assert!(!books.case.is_counted(), "nobody else said it");
	books.settle();
	assert_eq!(books.net()["seat 0"], HONEST as i128);
}

#[test]
fn it_is_bound_by_what_forging_it_is_worth_until_nobody_can_audit_it_any_more() {
	// L1: 8 C / p and 28 C at least, and the least of all.
	for (inverse, caps) in [(4, 32), (32, 256)] {
		let rules = rules(CAP.into(), 1, inverse);
		let books = Books::new(rules, 1, 1);
		assert_eq!(books.at_stake(0), caps * Balance::from(CAP));
	}
	let least = rules(1, 1, 4);
	assert_eq!(Books::new(least, 1, 1).at_stake(0), least.stakes.floor);
	// Not drawn: L2, 28 claims. Drawn: all of it, to the end.
	let mut books = alone(false);
	books.says(0, "true");
	books.now += 1;
	books.case.advance(&books.rules, books.now);
	assert_eq!(books.at_stake(0), 28 * Balance::from(HONEST));
	let mut books = alone(true);
	let audit = books.audited();
	books.says(0, "true");
	books.says(audit, "true");
	books.case.advance(&books.rules, books.now);
	assert_eq!(books.at_stake(0), 32 * Balance::from(CAP));
	assert_eq!(books.ends().0, End::Accepted(0));
	assert!(books.case.is_counted(), "an audit said the same");
}

#[test]
fn who_contradicts_it_cannot_shorten_the_time_in_which_others_can() {
	// A friend's audit says something else, and shows that it is wrong as soon as it may.
	let mut books = alone(true);
	let audit = books.audited();
	books.says(0, "lie");
	books.says(audit, "nonsense");
	let opened = books.now;
	books.attack(Attacker::Seat(audit), 0, format!("seat {audit}"));
	books.decide(audit, 0, true, How::Step);
	// Without its window it would be accepted now.
	books.now = opened + WINDOW;
	let bond = books.attack(Attacker::Outsider, 0, "a watcher".into());
	books.decide_outside("a watcher", bond, 0, Ok(How::Step));
	for fresh in 2..5 {
		assert_eq!(books.seat(), fresh);
		books.seal(fresh);
	}
	for fresh in 2..5 {
		books.says(fresh, "true");
	}
	assert_eq!(books.ends().0, End::Accepted(2));
	assert!(books.case.is_counted(), "three said it who were drawn for it");
	let settlement = books.settle();
	assert_eq!(settlement.guilty, vec![0, audit]);
	// It replayed the task: seven of the largest claim.
	assert_eq!(books.net()["a watcher"], 7 * HONEST as i128);
}

#[test]
fn who_opens_late_can_be_attacked_as_long() {
	let mut books = alone(false);
	books.now += 601;
	books.case.advance(&books.rules, books.now);
	assert_eq!(*books.case.stage(), Stage::Judging);
	books.says(0, "true");
	let (end, at) = books.ends();
	assert_eq!(end, End::Accepted(0));
	assert!(at > books.rules.times.opening + WINDOW, "{at}");
	books.settle();
	assert_eq!(books.net()["client"], -(HONEST as i128 + 30_000 + SEAT_FEE));
}

#[test]
fn one_that_never_opens_is_replaced_and_pays_for_it() {
	let mut books = alone(false);
	for fresh in 1..4 {
		while !matches!(books.due(), millrace_court::case::Due::Staff { .. }) {
			books.pass();
		}
		assert_eq!(books.seat(), fresh);
		books.seal(fresh);
	}
	for fresh in 1..4 {
		books.says(fresh, "true");
	}
	assert_eq!(books.ends().0, End::Accepted(1));
	let settlement = books.settle();
	assert_eq!(settlement.guilty, vec![0]);
	assert!(books.net()["seat 0"] < -(10 * CAP as i128));
	assert_eq!(books.net()["client"], -SEAT_FEE, "others computed it for nothing");
}
