//! Attacks that were thought of, one test each, with the amounts that everybody wins or loses.
//!
//! A cap is 1.2 (million plancks here), an honest run costs half of it. A shard drawn one time in four has 38.4 at stake until
//! the draw, and 16.8 afterwards if all claim half the cap; drawn seats and boards have 33.6 and 16.8.

mod boards;
#[path = "../common/mod.rs"]
mod common;
mod lies;
mod money;
mod seats;

use common::{hash, rules, Books};
use millrace_court::case::{Attacker, Case, Due, End, Error, How, Kind, Party, Reserve, Rules, Stage, State};
use millrace_primitives::{merkle::SumNode, AccountId, Report};

const CAP: u64 = 1_200_000;
const HONEST: u64 = 600_000;
const SEAT_FEE: i128 = 10_000;
const L1: i128 = 38_400_000;
const L2_OF_CAP: i128 = 33_600_000;
const L2: i128 = 16_800_000;
const REPLAY: i128 = 7 * HONEST as i128;

fn report(said: &str, gas: u64) -> Report {
	Report {
		root: hash(said),
		gas_used: gas,
	}
}

fn leaves(said: &str, gas: u64) -> Vec<SumNode> {
	Vec::from([SumNode { hash: hash(said), gas }])
}

/// A shard of one task, drawn or not, with so many seats that sealed.
fn shard(seats: usize, drawn: bool) -> Books {
	let mut books = Books::new(rules(CAP.into(), 1, 4), seats as u8, seats);
	books.draw(drawn, false);
	books
}

impl Books {
	fn opens(&mut self, seat: u8, said: &str, gas: u64) {
		let audit = self.case.seats()[usize::from(seat)].kind == Kind::Audit;
		let leaves = if self.case.is_drawn() {
			leaves(said, gas)
		} else {
			Vec::new()
		};
		self.reveal(seat, (!audit).then(|| report(said, gas)), leaves);
	}

	/// Draws a seat that seals.
	fn drawn(&mut self) -> u8 {
		self.until(|books| matches!(books.due(), Due::Staff { .. }));
		let seat = self.seat();
		self.seal(seat);
		seat
	}

	/// Three fresh seats, from this number on, say what is true.
	fn recomputed(&mut self, first: u8) {
		for fresh in first..first + 3 {
			assert_eq!(self.drawn(), fresh);
		}
		for fresh in first..first + 3 {
			self.opens(fresh, "true", HONEST);
		}
	}

	fn until(&mut self, happened: impl Fn(&Books) -> bool) {
		for _ in 0..100 {
			if happened(self) {
				return;
			}
			self.pass();
		}
		panic!("nothing happens: {:#?}", self.case);
	}

	fn until_judging(&mut self) {
		self.until(|books| *books.case.stage() == Stage::Judging);
	}

	/// Waits for the end; nobody is staffed on the way.
	fn ends(&mut self) -> End {
		for _ in 0..100 {
			if let Stage::Ended(end) = self.case.stage() {
				return *end;
			}
			if let Due::Staff { from, .. } = self.due() {
				self.now = self.now.max(from) + 9_601;
				self.case.advance(&self.rules, self.now);
			} else {
				self.pass();
			}
		}
		panic!("no end: {:#?}", self.case);
	}

	fn has(&self, name: &str) -> i128 {
		self.net().get(name).copied().unwrap_or(0)
	}

	fn state(&self, seat: u8) -> &State {
		&self.case.seats()[usize::from(seat)].state
	}
}

/// What a client pays for a seat that is right: its claim, a twentieth of it, the seat's fee.
const PRICE: i128 = HONEST as i128 + HONEST as i128 / 20 + SEAT_FEE;
