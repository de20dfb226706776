//! Seats that are drawn, seal, stay away, cannot fetch, and open.

use super::*;

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
