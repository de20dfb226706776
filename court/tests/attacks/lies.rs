//! Whoever says what is not so, alone or together, and when.

use super::*;

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
