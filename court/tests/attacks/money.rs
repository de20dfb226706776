//! Who is paid first where not all can be paid whole.

use super::*;

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
