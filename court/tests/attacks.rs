//! Attacks that were thought of, one test each, with the amounts that everybody wins or loses.
//!
//! A cap is 1.2 (million plancks here), an honest run costs half of it. A shard drawn one time in four has 38.4 at stake until
//! the draw, and 16.8 afterwards if all claim half the cap; drawn seats and boards have 33.6 and 16.8.

mod common;

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

#[test]
fn equal_reports_are_accepted_after_the_short_window() {
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "true", HONEST);
	assert_eq!(books.ends(), End::Accepted(0));
	// All have opened, so that nobody is waited for but who may attack: a hundred blocks.
	assert_eq!(books.now, 1_000 + 100 + 1);
	books.settle();
	assert_eq!(
		(books.has("seat 0"), books.has("seat 1")),
		(HONEST as i128, HONEST as i128)
	);
	assert_eq!(books.has("client"), -2 * PRICE);
}

#[test]
fn two_seats_of_one_owner_that_agree_on_nonsense_lose_all_to_the_audit() {
	let mut books = shard(2, true);
	// Nobody opens before the audit has sealed.
	let early = books
		.case
		.clone()
		.reveal(&books.rules, 0, Some(report("lie", CAP)), leaves("lie", CAP), 1_000);
	assert_eq!(early, Err(Error::Stage));
	let audit = books.drawn();
	books.opens(0, "lie", CAP);
	books.opens(1, "lie", CAP);
	books.opens(audit, "true", HONEST);
	let bond = books.attack(Attacker::Seat(audit), 0, "seat 2".into());
	assert_eq!(bond, 0);
	// One board against both; who else attacks the same side is told so.
	let more = books
		.case
		.clone()
		.attack(&books.rules, Attacker::Seat(audit), 1, books.now);
	assert_eq!(more, Err(Error::Enough));
	books.decide(audit, 0, false, How::Clock);
	// The other has its window to name another player, and nobody does.
	books.recomputed(3);
	assert_eq!(books.ends(), End::Accepted(3));
	let settlement = books.settle();
	assert_eq!(settlement.guilty, [0, 1]);
	assert_eq!((books.has("seat 0"), books.has("seat 1")), (-L1, -L1));
	// The recomputation out of the first, then a quarter of each, and its work.
	let recomputation = 3 * (HONEST as i128 + SEAT_FEE);
	let quarters = (L1 - recomputation) / 4 + L1 / 4;
	assert_eq!(books.has("seat 2"), quarters + HONEST as i128);
	assert_eq!(books.has("seat 3"), HONEST as i128);
	// Without a step the client gains nothing; it pays the audit and the seats' fees, and has the right result.
	assert_eq!(books.has("client"), -(HONEST as i128 + SEAT_FEE) - 2 * SEAT_FEE);
}

#[test]
fn who_accuses_itself_first_saves_nothing() {
	let mut books = shard(1, true);
	let audit = books.drawn();
	books.opens(0, "lie", CAP);
	books.opens(audit, "true", HONEST);
	// Its own outsider proves the step before the audit does.
	let bond = books.attack(Attacker::Outsider, 0, "xa".into());
	books.attack(Attacker::Seat(audit), 0, "seat 1".into());
	books.decide_outside("xa", bond, 0, Ok(How::Step));
	books.recomputed(2);
	assert_eq!(books.ends(), End::Accepted(2));
	books.settle();
	let left = L1 - 3 * (HONEST as i128 + SEAT_FEE);
	assert_eq!(books.has("seat 1"), left / 4 + HONEST as i128);
	// A replay is paid to whoever proves a step, for the largest claim, its own; it saves no quarter of what is at stake.
	assert_eq!(books.has("xa"), 7 * CAP as i128);
	assert_eq!(books.has("seat 0"), -L1);
}

#[test]
fn a_liar_with_gas_0_has_as_much_at_stake() {
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "lie", 0);
	books.attack(Attacker::Seat(0), 1, "seat 0".into());
	books.decide(0, 1, false, How::Step);
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	assert_eq!(books.has("seat 1"), -L2);
	assert_eq!(books.has("seat 0"), HONEST as i128 + L2 / 4);
	assert_eq!(books.has("client"), L2 / 4 - PRICE - SEAT_FEE);
}

#[test]
fn liars_who_claim_nothing_pay_for_a_recomputation_and_a_replay() {
	let mut books = shard(2, false);
	books.opens(0, "lie", 0);
	books.recomputed(2);
	books.attack(Attacker::Seat(2), 0, "seat 2".into());
	books.decide(2, 0, false, How::Clock);
	assert_eq!(books.ends(), End::Accepted(2));
	books.settle();
	// 28 claims of 3/8 of the cap, and three seats' fees.
	assert_eq!(books.has("seat 0"), -12_630_000);
	assert_eq!(books.has("seat 2"), HONEST as i128 + REPLAY);
	assert_eq!(books.has("client"), -2 * SEAT_FEE);
}

#[test]
fn a_right_output_with_inflated_gas_is_another_report() {
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "true", CAP);
	books.attack(Attacker::Seat(0), 1, "seat 0".into());
	books.decide(0, 1, false, How::Step);
	assert_eq!(books.ends(), End::Accepted(0));
	let settlement = books.settle();
	assert_eq!(settlement.guilty, [1]);
	// The liability follows the largest claim, its own.
	assert_eq!(books.has("seat 1"), -L2_OF_CAP);
	// More gas than the tasks may use is not even opened.
	let mut books = shard(1, false);
	let result = books
		.case
		.reveal(&books.rules, 0, Some(report("true", CAP + 1)), Vec::new(), 1_000);
	assert_eq!(result, Err(Error::Form));
}

#[test]
fn a_saboteur_on_the_right_side_removes_only_itself() {
	let mut books = shard(3, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "true", HONEST);
	books.opens(2, "lie", CAP);
	// It plays for its side and shows a false step.
	books.attack(Attacker::Seat(0), 2, "seat 0".into());
	books.decide(0, 2, true, How::Step);
	assert!(matches!(books.state(0), State::Out { how: How::Step, .. }));
	// Its side has the window for another player, to the last block of it.
	books.now += 600;
	books.case.advance(&books.rules, books.now);
	books.attack(Attacker::Seat(1), 2, "seat 1".into());
	books.decide(1, 2, false, How::Step);
	books.recomputed(3);
	assert_eq!(books.ends(), End::Accepted(1));
	let settlement = books.settle();
	assert_eq!(settlement.guilty, [0, 2]);
	assert_eq!(books.has("seat 0"), -L2_OF_CAP);
	assert_eq!(books.has("seat 1"), HONEST as i128 + L2_OF_CAP / 4);
}

#[test]
fn a_side_that_nobody_defends_goes_out_one_block_after_its_window() {
	let mut books = shard(3, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "true", HONEST);
	books.opens(2, "lie", CAP);
	books.attack(Attacker::Seat(2), 0, "seat 2".into());
	let decided = 5_000;
	books.now = decided;
	books.decide(2, 0, false, How::Clock);
	books.now = decided + 600;
	books.case.advance(&books.rules, books.now);
	assert!(books.case.seats()[1].is_standing());
	books.now += 1;
	books.case.advance(&books.rules, books.now);
	assert!(matches!(books.state(1), State::Out { how: How::Clock, .. }));
	// Silence convicts nobody: fresh seats say who is right, and whoever won by the clock loses all the same.
	books.recomputed(3);
	books.attack(Attacker::Seat(3), 2, "seat 3".into());
	books.decide(3, 2, false, How::Clock);
	assert_eq!(books.ends(), End::Accepted(3));
	let settlement = books.settle();
	assert_eq!(settlement.guilty, [2]);
	assert_eq!(books.has("seat 2"), -L2_OF_CAP);
	// Right but out by the clock: unpaid, and nobody gains by it.
	assert_eq!((books.has("seat 0"), books.has("seat 1")), (0, 0));
}

#[test]
fn ten_challengers_of_whom_nine_are_saboteurs() {
	let mut books = shard(1, false);
	books.opens(0, "lie", CAP);
	books.until_judging();
	let names: Vec<String> = ('a'..='j').map(|name| format!("x{name}")).collect();
	let bonds: Vec<u128> = names
		.iter()
		.map(|name| books.attack(Attacker::Outsider, 0, name.clone()))
		.collect();
	assert!(bonds.iter().all(|bond| *bond as i128 == L2_OF_CAP));
	for (name, bond) in names.iter().zip(&bonds).take(9) {
		books.decide_outside(name, *bond, 0, Err(Some(How::Step)));
	}
	assert!(books.case.seats()[0].is_standing());
	books.decide_outside(&names[9], bonds[9], 0, Ok(How::Step));
	books.recomputed(1);
	assert_eq!(books.ends(), End::Accepted(1));
	books.settle();
	for name in &names[..9] {
		assert_eq!(books.has(name), -L2_OF_CAP, "{name}");
	}
	// The right fresh seat that opened first is the prover; who proved the step is paid for the replay.
	assert_eq!(books.has(&names[9]), 7 * CAP as i128);
	assert_eq!(books.has("seat 0"), -L2_OF_CAP);
}

#[test]
fn attacks_are_counted_to_the_last_block_of_the_window() {
	for (late, expected) in [(0, Ok(16_800_000)), (1, Err(Error::Stage))] {
		let mut books = shard(2, false);
		books.opens(0, "true", HONEST);
		books.opens(1, "true", HONEST);
		books.now = 1_000 + 100 + late;
		let result = books.case.attack(&books.rules, Attacker::Outsider, 0, books.now);
		assert_eq!(result, expected);
	}
	// An undecided board keeps the case open however long it lasts.
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "true", HONEST);
	let bond = books.attack(Attacker::Outsider, 0, "xa".into());
	books.now = 50_000;
	books.case.advance(&books.rules, books.now);
	assert_eq!(*books.case.stage(), Stage::Judging);
	let late = books
		.case
		.clone()
		.attack(&books.rules, Attacker::Outsider, 1, books.now);
	assert_eq!(late, Err(Error::Late));
	books.decide_outside("xa", bond, 0, Err(Some(How::Clock)));
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	// The target has a quarter, and so has the client.
	assert_eq!(books.has("seat 0"), HONEST as i128 + REPLAY);
	assert_eq!(books.has("client"), REPLAY - 2 * PRICE);
	assert_eq!(books.has("xa"), -L2);
}

#[test]
fn opening_counts_to_the_last_block_and_heals_for_a_window_more() {
	for (at, stands, accepted) in [
		(1_600, true, true),
		(1_601, false, true),
		(2_200, false, true),
		(2_201, false, false),
	] {
		let mut books = shard(2, false);
		books.opens(0, "true", HONEST);
		books.now = at;
		let _ = books
			.case
			.reveal(&books.rules, 1, Some(report("true", HONEST)), Vec::new(), at);
		assert_eq!(books.case.seats()[1].is_standing(), stands, "{at}");
		if accepted {
			assert_eq!(books.ends(), End::Accepted(0));
			books.settle();
			assert_eq!(
				books.has("seat 1"),
				HONEST as i128,
				"{at}: a seal is blind however late it opens"
			);
		} else {
			assert!(matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
		}
	}
}

#[test]
fn a_drawn_seat_that_never_opens_loses_all() {
	let mut books = shard(1, true);
	let audit = books.drawn();
	books.opens(audit, "true", HONEST);
	books.recomputed(2);
	assert_eq!(books.ends(), End::Accepted(2));
	books.settle();
	assert_eq!(books.has("seat 0"), -L1);
	let left = L1 - 3 * (HONEST as i128 + SEAT_FEE);
	assert_eq!(books.has("seat 1"), left / 4 + HONEST as i128);
}

#[test]
fn audits_that_stay_away_are_replaced_by_two_and_are_four_at_most() {
	let mut books = shard(1, true);
	for expected in [1, 2, 1] {
		for left in (1..=expected).rev() {
			assert_eq!(
				books.due(),
				Due::Staff {
					kind: Kind::Audit,
					seats: left,
					from: 1_000,
					until: 10_600
				}
			);
			books.seat();
		}
		let last = books.case.seats().len() as u8;
		for seat in last - expected..last {
			books.miss(seat);
		}
	}
	// The reveals open, and nothing but money follows from the case.
	assert!(matches!(books.case.stage(), Stage::Opening { .. }) && books.case.is_thin());
	books.opens(0, "true", HONEST);
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	let late = L2_OF_CAP / 20;
	assert_eq!(books.has("seat 1"), -late);
	assert_eq!(books.has("seat 4"), -late);
}

#[test]
fn a_pair_of_audits_is_blind_to_each_other() {
	let mut books = Books::new(rules(CAP.into(), 1, 4), 1, 1);
	books.draw(true, true);
	let (first, second) = (books.seat(), books.seat());
	books.seal(first);
	let early = books.case.clone().reveal(
		&books.rules,
		0,
		Some(report("true", HONEST)),
		leaves("true", HONEST),
		books.now,
	);
	assert_eq!(early, Err(Error::Stage));
	books.seal(second);
	assert!(matches!(books.case.stage(), Stage::Opening { .. }));
}

#[test]
fn withheld_data_costs_every_seat_that_sealed_once_the_week_is_over() {
	let mut books = shard(2, true);
	for _ in 0..5 {
		let seat = books.seat();
		books.call(seat);
	}
	// No sixth is drawn, and an honest client has a week.
	assert!(matches!(books.due(), Due::Wait(_)));
	books.now = 1_000 + 201_600;
	books.case.advance(&books.rules, books.now);
	assert!(matches!(books.case.stage(), Stage::Auditing { .. }));
	assert_eq!(books.ends(), End::NoData);
	books.settle();
	// The cap, divided by the probability of an audit: as much as lying brings.
	assert_eq!((books.has("seat 0"), books.has("seat 1")), (-4_800_000, -4_800_000));
	assert_eq!(books.has("seat 2"), 0);
	assert_eq!(books.has("client"), -2 * SEAT_FEE);
}

#[test]
fn a_caller_that_can_fetch_after_all_is_an_audit() {
	let mut books = shard(1, true);
	for _ in 0..5 {
		let seat = books.seat();
		books.call(seat);
	}
	books.now += 100_000;
	books.seal(3);
	// Another is drawn and seals; then all open.
	let audit = books.drawn();
	books.opens(0, "lie", CAP);
	books.opens(3, "true", HONEST);
	books.opens(audit, "true", HONEST);
	books.attack(Attacker::Seat(3), 0, "seat 3".into());
	books.decide(3, 0, false, How::Step);
	books.recomputed(7);
	assert_eq!(books.ends(), End::Accepted(7));
	books.settle();
	// Sealed before anybody opened, it shares the quarter with the other, and it replayed, which is more; callers are not paid for
	// their work.
	let left = L1 - 3 * (HONEST as i128 + SEAT_FEE);
	assert_eq!(books.has("seat 3"), 7 * CAP as i128 - SEAT_FEE);
	assert_eq!(books.has("seat 6"), left / 8 + HONEST as i128);
	assert_eq!(books.has("seat 1"), -SEAT_FEE);
}

#[test]
fn what_cannot_be_staffed_ends() {
	// Nobody audits: thin. Nobody recomputes: the one that stands is paid, and proves nothing.
	let mut books = shard(2, true);
	books.now = 1_000 + 9_600;
	books.case.advance(&books.rules, books.now);
	assert!(matches!(books.case.stage(), Stage::Auditing { .. }));
	books.now += 1;
	books.case.advance(&books.rules, books.now);
	assert!(matches!(books.case.stage(), Stage::Opening { .. }) && books.case.is_thin());
	books.opens(0, "true", HONEST);
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	assert_eq!(books.ends(), End::Thin(0));
	books.settle();
	assert_eq!(books.has("seat 0"), HONEST as i128);
	assert_eq!(
		books.has("seat 1"),
		-L1,
		"a seal that is never opened, in a shard that was drawn"
	);
	// If somebody who opened late says otherwise, nobody is paid and nobody is guilty.
	let mut books = shard(2, false);
	books.opens(0, "lie", CAP);
	books.until_judging();
	books.opens(1, "true", HONEST);
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	assert_eq!(books.ends(), End::Unresolved);
	books.settle();
	assert_eq!((books.has("seat 0"), books.has("seat 1")), (0, 0));
	assert_eq!(books.has("client"), -2 * SEAT_FEE);
}

#[test]
fn a_fresh_seat_that_stays_away_is_replaced_a_day_later() {
	let mut books = shard(1, false);
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	let seat = books.seat();
	let now = books.now;
	books.miss(seat);
	assert_eq!(
		books.due(),
		Due::Staff {
			kind: Kind::Fresh,
			seats: 3,
			from: now + 28_800,
			until: now + 38_400
		}
	);
	let early = books.case.clone();
	let party = Party {
		provider: AccountId::new([9; 32]),
		ask: 0,
		p: sp_runtime::Perbill::zero(),
		reserve: Default::default(),
	};
	let mut early = early;
	assert_eq!(early.seat(&books.rules, party, now + 28_799), Err(Error::Stage));
}

#[test]
fn nobody_has_two_seats_and_no_case_has_none() {
	assert_eq!(Case::new(Vec::new()), Err(Error::Seat));
	let party = |n: u8| Party {
		provider: AccountId::new([n; 32]),
		ask: 1,
		p: sp_runtime::Perbill::zero(),
		reserve: Default::default(),
	};
	assert!(Case::new((0..7).map(party).collect()).is_ok());
	assert_eq!(Case::new((0..8).map(party).collect()), Err(Error::Full));
	let mut books = shard(1, true);
	assert_eq!(books.case.seat(&books.rules, party(0), 1_000), Err(Error::Seat));
}

#[test]
fn a_case_is_small_where_nothing_happens_and_bounded_where_all_does() {
	use codec::{Encode, MaxEncodedLen};
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "true", HONEST);
	let small = books.case.encode().len();
	let large = millrace_court::case::Case::max_encoded_len();
	println!("{small} bytes, at most {large}");
	assert!(small <= 320 && large <= 16 * 1024);
}

#[test]
fn a_saboteur_that_is_out_already_gives_its_side_a_window_when_its_board_ends() {
	let mut books = shard(3, false);
	books.opens(0, "lie", CAP);
	books.opens(1, "true", HONEST);
	books.opens(2, "true", HONEST);
	// The saboteur is put out by its own outsider, and its board against the liar runs on.
	let bond = books.attack(Attacker::Outsider, 1, "xa".into());
	books.attack(Attacker::Seat(1), 0, "seat 1".into());
	let enough = books.case.clone().attack(&books.rules, Attacker::Seat(2), 0, books.now);
	assert_eq!(enough, Err(Error::Enough));
	books.now = 1_610;
	books.decide_outside("xa", bond, 1, Ok(How::Clock));
	books.now = 3_000;
	books.decide(1, 0, true, How::Clock);
	assert!(books.case.seats()[2].is_standing());
	books.now += 600;
	books.attack(Attacker::Seat(2), 0, "seat 2".into());
	books.decide(2, 0, false, How::Clock);
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	assert!(books.case.seats()[2].is_standing());
}

#[test]
fn a_board_whose_author_is_out_is_played_to_its_end() {
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "lie", CAP);
	books.attack(Attacker::Seat(1), 0, "seat 1".into());
	let bond = books.attack(Attacker::Outsider, 1, "xa".into());
	books.decide_outside("xa", bond, 1, Ok(How::Step));
	books.now = 50_000;
	books.case.advance(&books.rules, books.now);
	assert_eq!(*books.case.stage(), Stage::Judging);
	books.decide(1, 0, true, How::Clock);
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	assert_eq!(books.has("seat 0"), HONEST as i128 + L2_OF_CAP / 4);
	assert_eq!(books.has("xa"), 7 * CAP as i128);
}

#[test]
fn who_was_put_out_by_the_clock_and_errs_later_enriches_no_accomplice() {
	let mut books = shard(2, false);
	books.opens(0, "true", HONEST);
	books.opens(1, "lie", CAP);
	books.attack(Attacker::Seat(1), 0, "seat 1".into());
	let bond = books.attack(Attacker::Outsider, 1, "xa".into());
	books.decide_outside("xa", bond, 1, Ok(How::Clock));
	books.decide(1, 0, true, How::Step);
	assert!(matches!(
		books.state(1),
		State::Out {
			how: How::Step,
			first: How::Clock,
			..
		}
	));
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	assert_eq!(books.has("xa"), 0);
}

#[test]
fn late_opening_frees_no_liar_that_was_drawn() {
	// Fresh seats fail one after the other, so that nothing is proven.
	let mut books = shard(1, true);
	let audit = books.drawn();
	books.opens(audit, "true", HONEST);
	books.until_judging();
	books.opens(0, "lie", CAP);
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	assert_eq!(books.ends(), End::Unresolved);
	books.settle();
	assert_eq!(books.has("seat 0"), -L1);
	assert_eq!(books.has("seat 1"), HONEST as i128);
}

#[test]
fn what_opens_late_can_be_attacked_before_it_is_accepted() {
	let mut books = shard(2, false);
	books.until_judging();
	books.opens(0, "lie", CAP);
	books.opens(1, "lie", CAP);
	let early = books
		.case
		.clone()
		.attack(&books.rules, Attacker::Outsider, 0, books.now);
	assert_eq!(early, Err(Error::Seat));
	books.now = 2_201;
	books.case.advance(&books.rules, books.now);
	assert!(books.case.seats()[0].is_standing());
	books.now += 100;
	let bond = books.attack(Attacker::Outsider, 0, "xa".into());
	books.decide_outside("xa", bond, 0, Ok(How::Step));
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
}

#[test]
fn who_sealed_blind_opens_when_all_do() {
	let mut books = shard(1, false);
	let fresh = books.drawn();
	let other = books.seat();
	let early = books
		.case
		.clone()
		.reveal(&books.rules, fresh, Some(report("true", HONEST)), Vec::new(), books.now);
	assert_eq!(early, Err(Error::Stage));
	books.seal(other);
	let last = books.drawn();
	for fresh in fresh..=last {
		books.opens(fresh, "true", HONEST);
	}
	assert!(books.case.seats()[1..].iter().all(|seat| seat.is_standing()));
}

#[test]
fn an_audit_claims_no_more_gas_than_its_tasks_may_use() {
	let mut books = shard(1, true);
	let audit = books.drawn();
	for (gas, expected) in [(CAP + 1, Err(Error::Form)), (CAP, Ok(()))] {
		let result = books
			.case
			.reveal(&books.rules, audit, None, leaves("true", gas), books.now);
		assert_eq!(result, expected);
	}
}

#[test]
fn the_escrow_pays_all_where_a_seats_fee_is_five_times_its_cap() {
	let rules = Rules {
		seat_fee: 5 * u128::from(CAP),
		..rules(CAP.into(), 1, 4)
	};
	let mut books = Books::new(rules, 1, 1);
	books.draw(true, true);
	let (first, second) = (books.seat(), books.seat());
	books.seal(first);
	books.seal(second);
	books.opens(0, "true", HONEST);
	books.opens(first, "true", HONEST);
	books.opens(second, "true", HONEST);
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	for seat in ["seat 0", "seat 1", "seat 2"] {
		assert_eq!(books.has(seat), HONEST as i128, "{seat}");
	}
}

#[test]
fn who_works_long_is_not_missing() {
	let mut books = shard(1, false);
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	let seats = [books.seat(), books.seat(), books.seat()];
	books.now += 9_601;
	seats.iter().for_each(|seat| books.seal(*seat));
	// One opens; the two others are silent, and are replaced one by one, a day later.
	books.opens(seats[0], "true", HONEST);
	let opened = books.now + 600;
	books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
	let Due::Staff { seats, from, .. } = books.due() else {
		unreachable!()
	};
	assert_eq!(seats, 1);
	assert!(from > opened + 28_800);
}

/// The rules with another fee of a seat.
fn with_fee(seat_fee: u128) -> Rules {
	Rules {
		seat_fee,
		..rules(CAP.into(), 1, 4)
	}
}

#[test]
fn two_audits_share_a_quarter_and_who_replayed_has_its_replay_beside_it() {
	let cap = CAP as i128;
	for outsider in [false, true] {
		let mut books = Books::new(with_fee(10_000), 1, 1);
		books.draw(true, true);
		let (first, second) = (books.seat(), books.seat());
		books.seal(first);
		books.seal(second);
		books.opens(0, "lie", CAP);
		books.opens(first, "true", CAP);
		books.opens(second, "true", CAP);
		books.attack(Attacker::Seat(first), 0, "seat 1".into());
		if outsider {
			// The audit was playing when another proved the step.
			let bond = books.attack(Attacker::Outsider, 0, "xa".into());
			books.decide_outside("xa", bond, 0, Ok(How::Step));
		} else {
			books.decide(first, 0, false, How::Step);
		}
		for fresh in 3..6 {
			assert_eq!(books.drawn(), fresh);
		}
		(3..6).for_each(|fresh| books.opens(fresh, "true", CAP));
		assert_eq!(books.ends(), End::Accepted(3));
		books.settle();
		let left = L1 - 3 * (cap + SEAT_FEE);
		assert!(left / 8 < 6 * cap && 7 * cap < left);
		// Each is paid for its sample as well.
		assert_eq!(books.has("seat 1"), 7 * cap + cap);
		assert_eq!(books.has("seat 2"), left / 8 + cap);
		assert_eq!(books.has("xa"), if outsider { 7 * cap } else { 0 });
		assert_eq!(books.has("client"), left / 4 - 2 * (cap + SEAT_FEE) - SEAT_FEE);
	}
}

#[test]
fn a_replay_is_paid_before_a_recomputation_that_costs_all_that_is_left() {
	// What is at stake, but for a replay, is just what three fresh seats cost; and three plancks less.
	for (fee, short) in [(8_800_000, 0), (8_800_001, 3)] {
		let mut books = Books::new(with_fee(fee), 1, 1);
		books.draw(true, false);
		let audit = books.drawn();
		books.opens(0, "lie", CAP);
		books.opens(audit, "true", CAP);
		books.attack(Attacker::Seat(audit), 0, "seat 1".into());
		books.decide(audit, 0, false, How::Clock);
		(2..5).for_each(|fresh| assert_eq!(books.drawn(), fresh));
		(2..5).for_each(|fresh| books.opens(fresh, "true", CAP));
		assert_eq!(books.ends(), End::Accepted(2));
		books.settle();
		let cap = CAP as i128;
		assert_eq!(books.has("seat 0"), -L1);
		assert_eq!(books.has("seat 1"), 7 * cap + cap);
		assert_eq!(books.has("seat 2"), cap);
		assert_eq!(books.has("client"), -(cap + fee as i128) - fee as i128 - short);
	}
}

#[test]
fn liars_who_claim_nothing_pay_for_seats_fees_above_their_cap() {
	let fee = 2 * u128::from(CAP);
	let mut books = Books::new(with_fee(fee), 2, 2);
	books.draw(false, false);
	books.opens(0, "lie", 0);
	(2..5).for_each(|fresh| assert_eq!(books.drawn(), fresh));
	(2..5).for_each(|fresh| books.opens(fresh, "true", CAP));
	books.attack(Attacker::Seat(2), 0, "seat 2".into());
	books.decide(2, 0, false, How::Step);
	assert_eq!(books.ends(), End::Accepted(2));
	books.settle();
	let (cap, fee) = (CAP as i128, fee as i128);
	// 10.5 caps and three fees: three caps and three fees, seven caps, and the client's part of the half that is left.
	assert_eq!(books.has("seat 0"), -(cap * 21 / 2 + 3 * fee));
	assert_eq!(books.has("seat 2"), 7 * cap + cap);
	assert_eq!(books.has("client"), cap / 2 - 2 * fee);
}

#[test]
fn what_burns_in_an_end_without_proof_pays_for_the_recomputation_first() {
	// The liar of a drawn shard opens late, and four of five fresh seats stay away.
	let mut books = shard(1, true);
	let audit = books.drawn();
	books.opens(audit, "true", HONEST);
	books.until_judging();
	books.opens(0, "lie", CAP);
	let fresh = books.drawn();
	for _ in 0..4 {
		let away = books.seat();
		books.miss(away);
	}
	books.opens(fresh, "true", HONEST);
	assert_eq!(books.ends(), End::Unresolved);
	books.settle();
	assert_eq!(books.has("seat 0"), -L1);
	assert_eq!(books.has("seat 2"), HONEST as i128);
	// The client pays the audit, and the seat that it bought.
	assert_eq!(books.has("client"), -(HONEST as i128 + SEAT_FEE) - SEAT_FEE);
}

#[test]
fn without_data_the_seats_pay_for_what_was_recomputed_and_who_never_opened_loses_as_who_never_sealed() {
	let mut books = shard(2, true);
	let audit = books.drawn();
	books.opens(0, "true", HONEST);
	books.opens(audit, "true", HONEST);
	let fresh = [books.drawn(), books.drawn(), books.drawn()];
	books.opens(fresh[0], "true", HONEST);
	books.until(|books| matches!(books.due(), Due::Staff { .. }));
	for _ in 0..5 {
		let seat = books.seat();
		books.call(seat);
	}
	books.now += 201_601;
	assert_eq!(books.ends(), End::NoData);
	books.settle();
	let late = L2_OF_CAP / 20;
	assert_eq!((books.has("seat 0"), books.has("seat 1")), (-4_800_000, -4_800_000));
	assert_eq!(books.has("seat 3"), HONEST as i128);
	assert_eq!((books.has("seat 4"), books.has("seat 5")), (-late, -late));
	assert_eq!(books.has("client"), -(HONEST as i128 + SEAT_FEE) - 2 * SEAT_FEE);
}

#[test]
fn a_fresh_seat_that_never_opens_loses_as_one_that_never_seals_though_nothing_is_proven() {
	let mut books = shard(1, false);
	let fresh = [books.drawn(), books.drawn(), books.drawn()];
	books.opens(fresh[0], "true", HONEST);
	assert_eq!(books.ends(), End::Thin(1));
	books.settle();
	let late = L2_OF_CAP / 20;
	assert_eq!(books.has("seat 1"), HONEST as i128);
	assert_eq!((books.has("seat 2"), books.has("seat 3")), (-late, -late));
	// The recomputation is paid out of that, and nothing is left of it for who was silent and for the client.
	assert_eq!((books.has("seat 0"), books.has("client")), (0, -SEAT_FEE));
}

#[test]
fn what_an_empty_purse_owes_for_the_recomputation_the_others_pay_up_to_four_claims() {
	// Four claims of one and all of the other are just enough, and two plancks short.
	for (fee, short) in [(233_333, 0), (233_334, 2)] {
		let mut books = Books::new(with_fee(fee), 2, 2);
		let party = |n: u8, own: u128| Party {
			provider: AccountId::new([n; 32]),
			ask: 1_000_000_000,
			p: books.rules.stakes.least,
			reserve: Reserve { own, backing: 0 },
		};
		books.case = Case::new(Vec::from([party(0, L1 as u128), party(1, 100_000)])).unwrap();
		books.draw(false, false);
		books.until(|books| matches!(books.due(), Due::Staff { .. }));
		books.opens(0, "true", HONEST);
		books.opens(1, "true", HONEST);
		books.recomputed(2);
		assert_eq!(books.ends(), End::Accepted(2));
		books.settle();
		let (work, fee) = (3 * (HONEST as i128 + fee as i128), fee as i128);
		assert_eq!(books.has("seat 1"), -100_000);
		assert_eq!(books.has("seat 0"), -(work - 100_000 - short));
		assert!(work - 100_000 - short <= 4 * HONEST as i128);
		// What the two are not paid burns.
		let unpaid = 2 * (HONEST + HONEST / 20) as i128;
		assert_eq!(books.has("client"), -unpaid - 2 * fee - short);
	}
}

#[test]
fn a_friends_board_does_not_save_a_liar_the_replay_of_who_was_playing_it() {
	for playing in [true, false] {
		let mut books = shard(2, false);
		books.opens(0, "true", HONEST);
		books.opens(1, "lie", CAP);
		if playing {
			books.attack(Attacker::Seat(0), 1, "seat 0".into());
		}
		let bond = books.attack(Attacker::Outsider, 1, "xa".into());
		books.decide_outside("xa", bond, 1, Ok(How::Clock));
		// Nobody recomputes.
		books.until(|books| matches!(books.due(), Due::Staff { .. }));
		assert_eq!(books.ends(), End::Thin(0));
		books.settle();
		let paid = if playing { 7 * CAP as i128 } else { 0 };
		assert_eq!(books.has("seat 0"), HONEST as i128 + paid);
		assert_eq!(books.has("seat 1"), -paid);
		assert_eq!(books.has("xa"), 0);
	}
}

#[test]
fn audits_come_before_callers_where_two_share() {
	let mut books = Books::new(with_fee(10_000), 1, 1);
	books.draw(true, true);
	let caller = books.seat();
	books.call(caller);
	let first = books.drawn();
	books.seal(caller);
	let second = books.drawn();
	books.opens(0, "lie", CAP);
	(1..4).for_each(|audit| books.opens(audit, "true", HONEST));
	books.attack(Attacker::Seat(second), 0, "seat 3".into());
	books.decide(second, 0, false, How::Step);
	books.recomputed(4);
	assert_eq!(books.ends(), End::Accepted(4));
	books.settle();
	assert_eq!((caller, first, second), (1, 2, 3));
	let left = L1 - 3 * (HONEST as i128 + SEAT_FEE);
	assert_eq!(books.has("seat 1"), -SEAT_FEE);
	assert_eq!(books.has("seat 2"), left / 8 + HONEST as i128);
	assert_eq!(books.has("seat 3"), 7 * CAP as i128 + HONEST as i128);
}

#[test]
fn a_claim_that_is_opened_after_a_bond_was_paid_makes_it_no_dearer() {
	for (how, end) in [(How::Clock, End::Thin(0)), (How::Step, End::Accepted(0))] {
		let mut books = shard(2, false);
		books.opens(0, "true", HONEST / 4);
		// 28 claims of 3/8 of the cap, and three seats' fees.
		let bond = books.attack(Attacker::Outsider, 0, "xa".into());
		assert_eq!(bond, 12_630_000);
		books.opens(1, "lie", CAP);
		books.decide_outside("xa", bond, 0, Err(Some(How::Clock)));
		books.attack(Attacker::Seat(0), 1, "seat 0".into());
		books.decide(0, 1, false, how);
		assert_eq!(books.ends(), end);
		books.settle();
		let quarter = bond as i128 / 4;
		let whole = if how == How::Step { 4 * quarter } else { quarter };
		assert_eq!(books.has("xa"), -whole);
		// It replayed twice, of which the second is at the liar's cost.
		let second = 7 * CAP as i128;
		assert_eq!(books.has("seat 0"), (HONEST / 4) as i128 + quarter + second);
	}
}

#[test]
fn an_audit_attacked_before_anybody_else_opens_is_paid_by_its_own_claim() {
	let mut books = shard(1, true);
	let audit = books.drawn();
	books.opens(audit, "true", CAP);
	let bond = books.attack(Attacker::Outsider, audit, "xa".into());
	assert_eq!(bond as i128, L2_OF_CAP);
	books.decide_outside("xa", bond, audit, Err(Some(How::Step)));
	books.opens(0, "true", CAP);
	assert_eq!(books.ends(), End::Accepted(0));
	books.settle();
	assert_eq!(books.has("seat 1"), 7 * CAP as i128 + CAP as i128);
}

#[test]
fn a_client_that_has_served_need_not_wait_a_week_for_who_called() {
	let called = |attacked: bool| {
		let mut books = shard(1, true);
		assert_eq!(books.case.clone().served(&books.rules, books.now), Err(Error::Stage));
		let caller = books.seat();
		books.call(caller);
		let audit = books.drawn();
		books.opens(0, "true", HONEST);
		books.opens(audit, "true", HONEST);
		if attacked {
			let bond = books.attack(Attacker::Outsider, 0, "xa".into());
			books.decide_outside("xa", bond, 0, Err(Some(How::Step)));
		}
		books
	};
	let week = 1_000 + 201_600;
	// Nobody says so, or somebody was contradicted: the week is waited for.
	for (attacked, served) in [(false, false), (true, true)] {
		let mut books = called(attacked);
		if served {
			assert_eq!(books.case.served(&books.rules, books.now), Ok(()));
		}
		books.now = week;
		books.case.advance(&books.rules, books.now);
		assert_eq!(*books.case.stage(), Stage::Judging);
		assert_eq!(books.ends(), End::Accepted(0));
	}
	let mut books = called(false);
	books.now = 5_000;
	books.case.advance(&books.rules, books.now);
	assert_eq!(*books.case.stage(), Stage::Judging);
	assert_eq!(books.case.served(&books.rules, books.now), Ok(()));
	assert_eq!(books.due(), Due::Settle(End::Accepted(0)));
	assert_eq!(books.case.served(&books.rules, books.now), Err(Error::Stage));
	books.settle();
	assert_eq!(books.has("seat 1"), -SEAT_FEE);
	// Who calls after its word is waited for again.
	let mut books = shard(1, true);
	let first = books.seat();
	books.call(first);
	books.case.served(&books.rules, books.now).unwrap();
	let second = books.seat();
	books.call(second);
	let audit = books.drawn();
	books.opens(0, "true", HONEST);
	books.opens(audit, "true", HONEST);
	books.now = week;
	books.case.advance(&books.rules, books.now);
	assert_eq!(*books.case.stage(), Stage::Judging);
}

#[test]
fn many_sides_that_all_play_each_other_are_soon_gone_through() {
	// Seven that were sold, four that could not fetch at first, and an audit; all say something else.
	let mut books = shard(7, true);
	let calls = [(); 4].map(|()| {
		let seat = books.seat();
		books.call(seat);
		seat
	});
	let audit = books.drawn();
	calls.iter().for_each(|seat| books.seal(*seat));
	let opening: Vec<u8> = (0..7).chain(calls).chain([audit]).collect();
	for seat in &opening {
		books.opens(*seat, &seat.to_string(), CAP);
	}
	let mut boards = 0;
	for by in &opening {
		for target in &opening {
			let attacked = books.case.attack(&books.rules, Attacker::Seat(*by), *target, books.now);
			boards += u32::from(attacked.is_ok());
		}
	}
	assert_eq!((opening.len(), boards), (12, 66));
	books.until_judging();
	let since = std::time::Instant::now();
	for _ in 0..1_000 {
		books.case.advance(&books.rules, books.now);
	}
	println!("{:?} for {boards} boards", since.elapsed() / 1_000);
	assert!(since.elapsed() < std::time::Duration::from_millis(500));
}
