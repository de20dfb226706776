//! Who plays, for whom, and until when.

use super::*;

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

#[test]
fn a_board_is_played_to_its_end_though_nobody_can_fetch() {
	for outsider in [false, true] {
		let mut books = shard(2, true);
		let caller = books.seat();
		books.call(caller);
		let audit = books.drawn();
		books.opens(0, "true", HONEST);
		books.opens(audit, "true", HONEST);
		// The other seat is silent. Its friend calls for a week, seals when fresh seats are wanted, and opens when they have called
		// for as long.
		books.until(|books| matches!(books.due(), Due::Staff { kind: Kind::Fresh, .. }));
		books.seal(caller);
		for _ in 0..5 {
			let seat = books.seat();
			books.call(seat);
		}
		books.now += 201_600;
		books.opens(caller, "lie", CAP);
		assert!(matches!(books.case.stage(), Stage::Recomputing { .. }));
		let mut bond = 0;
		if outsider {
			bond = books.attack(Attacker::Outsider, caller, "xa".into());
		} else {
			books.attack(Attacker::Seat(0), caller, "seat 0".into());
		}
		books.now += 1_500;
		books.case.advance(&books.rules, books.now);
		assert!(matches!(books.case.stage(), Stage::Recomputing { .. }));
		if outsider {
			books.decide_outside("xa", bond, caller, Ok(How::Step));
		} else {
			books.decide(0, caller, false, How::Step);
		}
		assert_eq!(books.ends(), End::NoData);
		let settlement = books.settle();
		assert_eq!(settlement.guilty, [caller]);
		assert_eq!(books.has("seat 2"), -L2_OF_CAP);
	}
}
