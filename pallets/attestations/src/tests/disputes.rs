//! Shards about which somebody is wrong.

use super::{lives::pay, *};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{api::CaseSeatState, money::payment};

fn id_of(who: &AccountId) -> u8 {
	AsRef::<[u8; 32]>::as_ref(who)[0]
}

/// The same, and until the verdicts about it are enacted.
pub fn with_honest_help(shard: ShardId) {
	with_help(shard);
	run_until(params().enactment, || {
		Verdicts::<Test>::iter_prefix(shard).next().is_none()
	});
}

/// Lets everybody who is drawn seal the truth until the case has ended; they open as soon as they can.
pub fn with_help(shard: ShardId) {
	run_until(3_000, || {
		if Endings::get(shard).is_some() {
			return true;
		}
		for id in drawn(shard) {
			assert_ok!(seal(shard, id, 0));
		}
		for seat in view(shard).seats {
			let id = id_of(&seat.provider);
			let drawn_for_it = DrawnSeats::<Test>::contains_key(&seat.provider, shard);
			if drawn_for_it && seat.state == CaseSeatState::Sealed {
				// Not before its round opens.
				let _ = reveal(shard, id, 0);
			}
		}
		for (by, target) in view(shard).attacks {
			let seats = view(shard).seats;
			let by = id_of(&seats[usize::from(by)].provider);
			if DrawnSeats::<Test>::contains_key(account(by), shard) {
				let _ = call(operator(by), Call::attack { shard, target });
			}
		}
		false
	});
}

#[test]
fn a_liar_that_is_attacked_and_says_nothing_loses_and_the_honest_one_is_paid() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0), (2, 1)], false);
		assert_ok!(reveal(shard, 1, 0));
		assert_noop!(
			call(operator(1), Call::attack { shard, target: 1 }),
			Error::<Test>::WrongSeat
		);
		assert_ok!(reveal(shard, 2, 1));
		assert_eq!(view(shard).attacks, vec![(0, 1), (1, 0)]);
		assert_ok!(call(operator(1), Call::attack { shard, target: 1 }));
		assert_eq!(view(shard).attacks, vec![]);
		for (by, target) in [(1, 1), (2, 0)] {
			let again = call(operator(by), Call::attack { shard, target });
			assert_eq!(again, Err(Error::<Test>::EnoughBoards.into()));
		}
		let board = Boards::<Test>::get(shard, 0).unwrap();
		assert_eq!((board.by, board.target, board.bond), (Author::Seat(0), 1, 0));
		// Twenty blocks are the target's. Nobody needs to say that they are over.
		assert_noop!(
			call(account(WATCHER), Call::time { shard, board: 0 }),
			Error::<Test>::TimeLeft
		);
		run_to(Now::get() + 20);
		assert_eq!(view(shard).seats[1].state, CaseSeatState::Standing);
		next_block();
		assert_eq!(view(shard).seats[1].state, CaseSeatState::OutByClock);
		assert_eq!(Boards::<Test>::get(shard, 0), None);
		// Silence proves nothing: three compute it again.
		with_honest_help(shard);
		let (amount, fee) = pay(0);
		let (report, counted, earned) = Endings::get(shard).unwrap();
		assert_eq!((report, counted), (outcome::report(&outcomes(0)), true));
		assert_eq!(earned, vec![(0, amount, fee)]);
		// L2: 28 of 3/8 C.
		let stake = least_stake();
		assert_eq!(Providers::get(2).bond, BOND - stake);
		assert!(Providers::get(2).conduct.contains(&(Conduct::Guilty as u8)));
		assert!(Providers::wealth(1) >= BOND + amount);
		assert_eq!(Balances::free_balance(account(2)), 0);
		// The client paid for one seat, and nothing for the recomputation.
		let spent = amount + fee + 2 * params().seat_fee;
		assert!(Balances::free_balance(account(CLIENT)) >= RICH - spent);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_liar_whom_nobody_answers_and_who_attacks_nobody_is_out_with_its_accuser_s_side() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = opened(&[(1, 0), (2, 1)]);
		// Neither attacks: both sides are out when the window is over, and fresh seats say what is so.
		run_until(60, || {
			view(shard)
				.seats
				.iter()
				.all(|seat| seat.state == CaseSeatState::OutByClock)
		});
		with_honest_help(shard);
		assert_eq!(decided_for(shard), outcome::report(&outcomes(0)));
		// Nobody who was bought is paid for it, so nobody keeps its outputs.
		assert_eq!(Endings::get(shard), Some((None, true, vec![])));
		// Right but out: it is not paid, and keeps its bond but for a part of what it caused.
		assert!(Providers::wealth(1) <= BOND && Providers::wealth(1) >= BOND - 4 * CAP);
		assert!(Providers::wealth(2) < BOND - 10 * CAP);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn an_audit_that_contradicts_two_of_one_owner_takes_what_they_had_at_stake() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 1), (2, 1)], true);
		run_until(10, || !drawn(shard).is_empty());
		let audits = drawn(shard);
		for audit in &audits {
			assert_ok!(seal(shard, *audit, 0));
		}
		run_until(10, || drawn(shard).is_empty());
		for id in [1, 2] {
			assert_ok!(reveal(shard, id, 1));
		}
		for id in &audits {
			assert_ok!(reveal(shard, *id, 0));
		}
		let target = view(shard).attacks.iter().find(|(by, _)| *by == 2).unwrap().1;
		assert_ok!(call(operator(audits[0]), Call::attack { shard, target }));
		// The liars are the ones with a tree, so they move first; they do not.
		assert_eq!(view(shard).boards[0].targets_turn, Some(true));
		with_honest_help(shard);
		assert_eq!(decided_for(shard), outcome::report(&outcomes(0)));
		assert_eq!(Endings::get(shard), Some((None, true, vec![])));
		for id in [1, 2] {
			// L1: 8 caps / (1/4), whole.
			assert_eq!(Providers::get(id).bond, BOND - 32 * CAP);
			assert!(Providers::get(id).conduct.contains(&(Conduct::Guilty as u8)));
		}
		assert!(Providers::wealth(audits[0]) > BOND + 8 * CAP);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn an_outsider_that_is_right_has_its_bond_back_and_one_that_is_wrong_loses_it() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = sealed(&[(1, 0), (2, 0)], false);
		assert_noop!(
			call(
				account(WATCHER),
				Call::accuse {
					shard,
					target: 0,
					accusation: accusation(0, outcomes(1)[0]),
					max_bond: RICH,
				}
			),
			Error::<Test>::NotDifferent
		);
		assert_ok!(reveal(shard, 1, 0));
		assert_ok!(reveal(shard, 2, 0));
		let accuse = |task: u32, version: u8| Call::accuse {
			shard,
			target: 0,
			accusation: accusation(task, outcomes(version)[0]),
			max_bond: RICH,
		};
		assert_noop!(call(account(WATCHER), accuse(3, 1)), Error::<Test>::NotDifferent);
		assert_noop!(call(account(70), accuse(0, 1)), Error::<Test>::CannotPay);
		assert_ok!(call(account(WATCHER), accuse(0, 1)));
		let bond = least_stake();
		assert_eq!(Attestations::accused_with(&account(WATCHER)), bond);
		// The target shows the way to the task; what the outsider says is another thing than what it shows.
		let open = millrace_court::board::Move::Open(
			millrace_court::board::Nodes::try_from(
				millrace_court::sums::show(&outcomes(0), millrace_court::sums::Span { first: 0, len: 3 }).unwrap(),
			)
			.unwrap(),
		);
		let play = |who: AccountId| {
			let action = Box::new(open.clone());
			call(
				who,
				Call::play {
					shard,
					board: boards::FIRST_ACCUSATION,
					action,
				},
			)
		};
		assert_eq!(play(account(WATCHER)), Err(Error::<Test>::NotYourTurn.into()));
		assert_ok!(play(operator(1)));
		// It is to open the leaf next, and does not: out by its clock, so fresh seats compute it.
		with_honest_help(shard);
		let (report, ..) = Endings::get(shard).unwrap();
		assert_eq!(report, outcome::report(&outcomes(0)));
		assert_eq!(Attestations::accused_with(&account(WATCHER)), 0);
		assert!(Balances::free_balance(account(WATCHER)) < RICH);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn an_accusation_is_over_with_its_target_and_settled_when_it_is_pulled() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = attacked();
		next_block();
		let accuse = Call::accuse {
			shard,
			target: 1,
			accusation: accusation(1, outcomes(0)[1]),
			max_bond: RICH,
		};
		assert_ok!(call(account(WATCHER), accuse));
		let board = boards::FIRST_ACCUSATION;
		assert_noop!(call(account(1), Call::pull { shard, board }), Error::<Test>::NotNow);
		with_honest_help(shard);
		// The seat's board came first, so the outsider's ended with its target.
		assert!(Evidence::<Test>::contains_key(shard), "it waits for the bond");
		assert_ok!(call(account(1), Call::pull { shard, board }));
		assert_eq!(Attestations::accused_with(&account(WATCHER)), 0);
		assert_eq!(Balances::free_balance(account(WATCHER)), RICH);
		assert!(!Evidence::<Test>::contains_key(shard));
		assert_noop!(
			call(account(1), Call::pull { shard, board }),
			Error::<Test>::UnknownShard
		);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn where_nobody_can_be_found_the_one_that_stands_is_paid_and_nothing_counts() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = attacked();
		// Nobody has bond enough for a fresh seat.
		for id in 3..=PROVIDERS {
			Registered::mutate(account(id), |provider| {
				let provider = provider.as_mut().unwrap();
				Burned::mutate(|burned| *burned += provider.bond - CAP);
				provider.bond = CAP;
			});
		}
		run_until(200, || Endings::get(shard).is_some());
		let (amount, fee) = pay(0);
		let (report, counted, earned) = Endings::get(shard).unwrap();
		assert_eq!((report, counted), (outcome::report(&outcomes(0)), false));
		assert_eq!(earned, vec![(0, amount, fee)]);
		// Nobody is guilty, but who lost by its clock pays the winner seven of the largest claims.
		let largest = payment(ASK, outcome::report(&outcomes(1)).unwrap().gas_used).unwrap();
		assert_eq!(Providers::get(2).bond, BOND - 7 * largest);
		assert_eq!(Providers::wealth(1), BOND + amount + 7 * largest);
		assert_eq!(all_money(), before);
	});
}
