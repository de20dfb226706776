//! Disputes down to one step of a real run, which the chain decides.

use super::{
	disputes::with_honest_help,
	real::{answer, board, input, inputs, lie, play, real_matter, truth, FIRST},
	*,
};
use frame_support::{assert_noop, assert_ok};
use millrace_court::board::{InputProof, Opening};
use millrace_primitives::{machine::blob, merkle::prove_range};

fn sealed_for_real(liar: &[Outcome], audited: bool) -> ShardId {
	Work::set(real_matter());
	let shard = (0..100)
		.map(shard)
		.find(|shard| will_be_drawn(*shard) == audited)
		.expect("one in four is audited");
	Jobs::start(shard, &[1, 2]);
	assert_ok!(call(operator(1), seal_call(shard, 1, &truth())));
	assert_ok!(call(operator(2), seal_call(shard, 2, liar)));
	run_until(10, || !matches!(judged(shard).case.stage(), Stage::Drawing));
	shard
}

/// All seats from this number on say the truth, until the case has ended.
fn recomputed(shard: ShardId, first: u8) {
	run_until(3_000, || {
		if Endings::get(shard).is_some() {
			return true;
		}
		for id in drawn(shard) {
			assert_ok!(call(operator(id), seal_call(shard, id, &truth())));
		}
		for seat in view(shard).seats.iter().filter(|seat| seat.number >= first) {
			let id = AsRef::<[u8; 32]>::as_ref(&seat.provider)[0];
			// Not before its round opens.
			let _ = call(operator(id), reveal_call(shard, id, &truth()));
		}
		false
	});
}

/// Plays an outsider's board to its end; each party says what it says, and its states are right up to a step.
fn play_out(shard: ShardId, target: (&[Outcome], u64), watcher: (&[Outcome], u64)) {
	let number = boards::FIRST_ACCUSATION;
	while let Some((board, targets)) = board(shard, number) {
		let (who, (outcomes, right_up_to)) = match targets {
			true => (operator(1), target),
			false => (account(WATCHER), watcher),
		};
		if play(who, shard, number, answer(&board, outcomes, right_up_to)).is_err() {
			run_to(view(shard).boards[0].due + 1);
		}
	}
}

fn how_it_ended() -> (bool, How) {
	let decided = System::events()
		.into_iter()
		.rev()
		.find_map(|record| match record.event {
			RuntimeEvent::Attestations(Event::BoardDecided { target_lost, how, .. }) => Some((target_lost, how)),
			_ => None,
		});
	decided.expect("a board is decided")
}

/// A shard of one seat that opened this.
fn alone(outcomes: &[Outcome]) -> ShardId {
	Work::set(real_matter());
	let shard = (0..100).map(shard).find(|shard| !will_be_drawn(*shard)).unwrap();
	Jobs::start(shard, &[1]);
	assert_ok!(call(operator(1), seal_call(shard, 1, outcomes)));
	run_until(10, || !matches!(judged(shard).case.stage(), Stage::Drawing));
	assert_ok!(call(operator(1), reveal_call(shard, 1, outcomes)));
	shard
}

/// What a drawn seat is paid for the truth.
fn worth() -> Balance {
	millrace_primitives::money::payment(ASK, outcome::report(&truth()).unwrap().gas_used).unwrap()
}

#[test]
fn a_single_liar_is_proven_wrong_by_an_outsider_who_names_a_task_or_none() {
	let whole = || Box::new(Accusation::Report(outcome::report(&truth()).unwrap()));
	for (named, accusation) in [(true, accusation(1, truth()[1])), (false, whole())] {
		new_test_ext().execute_with(|| {
			let before = all_money();
			let wrong = lie(1);
			let shard = alone(&wrong);
			let bond = least_stake();
			assert_eq!(Providers::get(1).liability, bond);
			let accuse = |max_bond| Call::accuse {
				shard,
				target: 0,
				accusation: accusation.clone(),
				max_bond,
			};
			assert_noop!(call(account(WATCHER), accuse(bond - 1)), Error::<Test>::BondAboveLimit);
			assert_ok!(call(account(WATCHER), accuse(bond)));
			play_out(shard, (&wrong, 3), (&truth(), u64::MAX));
			assert_eq!(how_it_ended(), (true, How::Step), "named: {named}");
			// Nobody stands any more, so the client has what it asked for from others.
			recomputed(shard, 1);
			assert_eq!(decided_for(shard), outcome::report(&truth()));
			assert_eq!(
				Endings::get(shard),
				Some((None, true, vec![])),
				"nobody who was bought keeps it"
			);
			assert_eq!(Providers::get(1).bond, BOND - bond);
			assert!(Providers::get(1).conduct.contains(&(Conduct::Guilty as u8)));
			run_to(Now::get() + params().enactment);
			// Seven of the largest claim, which is an eighth of the cap at least, for the replay; the fresh seats are paid out of
			// what the liar lost, and a quarter of the rest goes to the client.
			assert_eq!(Balances::free_balance(account(WATCHER)), RICH + 7 * CAP / 8);
			let left = bond - 3 * (worth() + params().seat_fee);
			let client = RICH - params().seat_fee + left / 4;
			assert_eq!(Balances::free_balance(account(CLIENT)), client);
			assert_eq!(all_money(), before);
			assert_eq!(Attestations::accused_with(&account(WATCHER)), 0);
		});
	}
}

#[test]
fn who_accuses_a_single_seat_falsely_loses_its_bond() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = alone(&truth());
		let same = Box::new(Accusation::Report(outcome::report(&truth()).unwrap()));
		let accuse = |accusation| Call::accuse {
			shard,
			target: 0,
			accusation,
			max_bond: RICH,
		};
		let endless = Box::new(Accusation::Report(millrace_primitives::Report {
			gas_used: u64::MAX,
			..outcome::report(&lie(1)).unwrap()
		}));
		for refused in [same, accusation(5, truth()[1]), endless] {
			assert_noop!(call(account(WATCHER), accuse(refused)), Error::<Test>::NotDifferent);
		}
		let wrong = lie(1);
		let forged = Box::new(Accusation::Report(outcome::report(&wrong).unwrap()));
		assert_ok!(call(account(WATCHER), accuse(forged)));
		let bond = least_stake();
		play_out(shard, (&truth(), u64::MAX), (&wrong, 3));
		assert_eq!(how_it_ended(), (false, How::Step));
		// It can be attacked to the end of its window all the same, and is paid then. Nobody but itself said it.
		run_until(100, || Endings::get(shard).is_some());
		let stakes = millrace_court::stakes::Params::from(&params());
		let premium = stakes.premium(params().most, worth(), params().seat_fee).unwrap();
		let (pay, fee) = (worth() - premium, millrace_primitives::money::fee(worth(), FEE));
		let report = outcome::report(&truth());
		assert_eq!(Endings::get(shard), Some((report, false, vec![(0, pay, fee)])));
		let board = boards::FIRST_ACCUSATION;
		assert_ok!(call(account(CLIENT), Call::pull { shard, board }));
		run_to(Now::get() + params().enactment);
		assert_eq!(Providers::wealth(1), BOND + pay + bond / 4);
		assert_eq!(
			Balances::free_balance(account(CLIENT)),
			RICH - pay - fee - params().seat_fee + bond / 4
		);
		assert_eq!(Balances::free_balance(account(WATCHER)), RICH - bond);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_wrong_step_is_found_and_its_author_loses() {
	for (fault, attacker) in [(0, 1), (3, 2), (40, 1), (u64::MAX, 2)] {
		new_test_ext().execute_with(|| {
			let before = all_money();
			let wrong = lie(1);
			let shard = sealed_for_real(&wrong, false);
			assert_ok!(call(operator(1), reveal_call(shard, 1, &truth())));
			assert_ok!(call(operator(2), reveal_call(shard, 2, &wrong)));
			// Whoever attacks, the honest one wins.
			let target = 2 - attacker;
			assert_ok!(call(operator(attacker), Call::attack { shard, target }));
			let mut moves = 0;
			while let Some((board, targets)) = board(shard, 0) {
				let mover = if targets { 3 - attacker } else { attacker };
				let action = match mover {
					1 => answer(&board, &truth(), u64::MAX),
					_ => answer(&board, &wrong, fault),
				};
				let of_another = play(operator(3 - mover), shard, 0, action.clone());
				assert_eq!(of_another, Err(Error::<Test>::NotYourTurn.into()));
				let made = play(operator(mover), shard, 0, action);
				if mover == 1 {
					assert_ok!(made);
				} else if made.is_err() {
					// It has nothing to prove and waits for the end of its clock.
					assert_eq!(made, Err(Error::<Test>::WrongStep.into()));
					let due = view(shard).boards[0].due;
					run_to(due + 1);
				}
				moves += 1;
				assert!(moves < 20);
			}
			with_honest_help(shard);
			let (report, ..) = Endings::get(shard).unwrap();
			assert_eq!(report, outcome::report(&truth()));
			let stake = least_stake();
			assert_eq!(Providers::get(2).bond, BOND - stake, "fault {fault}");
			assert!(Providers::wealth(1) > BOND);
			assert_eq!(all_money(), before);
		});
	}
}

#[test]
fn an_audit_s_board_ends_with_a_step_too() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let wrong = lie(2);
		Work::set(real_matter());
		let shard = (0..100).map(shard).find(|shard| will_be_drawn(*shard)).unwrap();
		Jobs::start(shard, &[1, 2]);
		for id in [1, 2] {
			assert_ok!(call(operator(id), seal_call(shard, id, &wrong)));
		}
		run_until(20, || judged(shard).case.is_drawn() && !drawn(shard).is_empty());
		let audits = drawn(shard);
		for audit in &audits {
			assert_ok!(call(operator(*audit), seal_call(shard, *audit, &truth())));
		}
		run_until(10, || drawn(shard).is_empty());
		for id in [1, 2] {
			assert_ok!(call(operator(id), reveal_call(shard, id, &wrong)));
		}
		for audit in &audits {
			assert_ok!(call(operator(*audit), reveal_call(shard, *audit, &truth())));
		}
		// The liar attacks the audit, and has the tree: it moves first although it is no target.
		assert_ok!(call(operator(1), Call::attack { shard, target: 2 }));
		assert_eq!(view(shard).boards[0].targets_turn, Some(false));
		while let Some((board, targets)) = board(shard, 0) {
			let (mover, outcomes, fault) = match targets {
				true => (audits[0], truth(), u64::MAX),
				false => (1, wrong.clone(), 5),
			};
			if play(operator(mover), shard, 0, answer(&board, &outcomes, fault)).is_err() {
				assert_eq!(mover, 1);
				run_to(view(shard).boards[0].due + 1);
			}
		}
		assert_ne!(
			view(shard).seats[0].state,
			millrace_primitives::api::CaseSeatState::Standing
		);
		// The other liar's side has its window, and names nobody.
		recomputed(shard, 2);
		assert_eq!(decided_for(shard), outcome::report(&truth()));
		run_to(Now::get() + params().enactment);
		for id in [1, 2] {
			assert_eq!(Providers::get(id).bond, BOND - 32 * CAP);
		}
		assert!(Providers::wealth(audits[0]) > BOND);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn another_task_s_input_starts_nothing() {
	new_test_ext().execute_with(|| {
		let wrong = lie(1);
		let shard = sealed_for_real(&wrong, false);
		assert_ok!(call(operator(1), reveal_call(shard, 1, &truth())));
		assert_ok!(call(operator(2), reveal_call(shard, 2, &wrong)));
		assert_ok!(call(operator(2), Call::attack { shard, target: 0 }));
		for mover in [1, 2] {
			let (board, _) = board(shard, 0).unwrap();
			let outcomes = if mover == 1 { truth() } else { wrong.clone() };
			assert_ok!(play(operator(mover), shard, 0, answer(&board, &outcomes, 0)));
		}
		let (board, _) = board(shard, 0).unwrap();
		let Move::Leaf(right) = answer(&board, &truth(), u64::MAX) else {
			panic!("the task is known")
		};
		let refused = |opening: Opening, error: Error<Test>| {
			assert_noop!(play(operator(1), shard, 0, Move::Leaf(opening)), error);
		};
		let mut other = right.clone();
		other.input = blob(&input(FIRST)).unwrap();
		refused(other, Error::WrongInput);
		let mut other = right.clone();
		other.proof = InputProof::try_from(prove_range(&inputs(), FIRST, 1).unwrap()).unwrap();
		refused(other, Error::WrongInput);
		let mut other = right.clone();
		other.outcome.gas_used += 1;
		refused(other, Error::WrongOutcome);
		assert_ok!(play(operator(1), shard, 0, Move::Leaf(right)));
	});
}
