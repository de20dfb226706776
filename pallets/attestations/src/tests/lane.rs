//! Which calls have room in every block, and for whom. That whatever succeeds is due, and that what is due fails by its move
//! alone, is checked with every call of all tests, see the mock.

use super::*;
use frame_support::{
	assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo},
	weights::Weight,
};

fn due(who: AccountId, call: &Call<Test>) -> bool {
	Attestations::is_due(&who, call)
}

#[test]
fn a_seal_is_due_once_and_of_its_seat_alone() {
	new_test_ext().execute_with(|| {
		let shard = shard(0);
		Jobs::start(shard, &[1, 2]);
		let seal = seal_call(shard, 1, &outcomes(0));
		assert!(due(operator(1), &seal));
		for stranger in [operator(3), account(1), account(CLIENT), account(WATCHER)] {
			assert!(!due(stranger, &seal));
		}
		assert_ok!(call(operator(1), seal.clone()));
		assert!(!due(operator(1), &seal), "it has sealed");
		assert!(due(operator(2), &seal), "whose seal it is, is the call's affair");
	});
}

#[test]
fn a_reveal_is_due_when_reports_are_to_be_opened_and_if_it_is_what_was_sealed() {
	new_test_ext().execute_with(|| {
		let early = shard(200);
		Jobs::start(early, &[1, 2]);
		seal(early, 1, 0).unwrap();
		assert!(
			!due(operator(1), &reveal_call(early, 1, &outcomes(0))),
			"others may still seal"
		);

		let shard = sealed(&[(3, 0), (4, 0)], false);
		let right = reveal_item(shard, 3, &outcomes(0));
		assert!(due(operator(3), &Call::reveal { item: right.clone() }));
		assert!(!due(operator(5), &Call::reveal { item: right.clone() }));
		let mut wrong = right.clone();
		wrong.salt[0] ^= 1;
		assert!(!due(operator(3), &Call::reveal { item: wrong }));
		assert_ok!(call(operator(3), Call::reveal { item: right.clone() }));
		assert!(!due(operator(3), &Call::reveal { item: right }), "it has opened");
	});
}

#[test]
fn a_batch_is_due_if_each_of_its_items_is() {
	new_test_ext().execute_with(|| {
		let (one, two) = (shard(200), shard(201));
		Jobs::start(one, &[1, 2]);
		Jobs::start(two, &[1, 3]);
		let item = |shard, provider| match seal_call(shard, provider, &outcomes(0)) {
			Call::seal { shard, seal } => SealItem { shard, seal },
			_ => unreachable!("it makes seals"),
		};
		let batch = |items: Vec<SealItem>| Call::<Test>::seal_many {
			items: items.try_into().unwrap(),
		};
		assert!(due(operator(1), &batch(vec![item(one, 1), item(two, 1)])));
		assert!(!due(operator(1), &batch(vec![])));
		assert!(
			!due(operator(1), &batch(vec![item(one, 1), item(one, 1)])),
			"the same twice"
		);
		assert!(
			!due(operator(2), &batch(vec![item(one, 2), item(two, 1)])),
			"one is another's"
		);
		seal(one, 1, 0).unwrap();
		assert!(
			!due(operator(1), &batch(vec![item(one, 1), item(two, 1)])),
			"one is done"
		);
		assert!(due(operator(1), &batch(vec![item(two, 1)])));

		let opened = sealed(&[(4, 0), (5, 0)], false);
		let also = shard(202);
		Jobs::start(also, &[4, 6]);
		seal(also, 4, 0).unwrap();
		let reveals = |items: Vec<RevealItem>| Call::<Test>::reveal_many {
			items: items.try_into().unwrap(),
		};
		let now = reveal_item(opened, 4, &outcomes(0));
		assert!(due(operator(4), &reveals(vec![now.clone()])));
		assert!(!due(operator(4), &reveals(vec![now.clone(), now.clone()])));
		// In the other shard somebody may still seal.
		assert!(!due(
			operator(4),
			&reveals(vec![now, reveal_item(also, 4, &outcomes(0))])
		));
	});
}

#[test]
fn a_move_is_due_of_the_party_whose_turn_it_is_seat_or_outsider() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 1)], false);
		reveal(shard, 1, 0).unwrap();
		assert!(
			!due(operator(1), &Call::attack { shard, target: 1 }),
			"the other has not opened"
		);
		reveal(shard, 2, 1).unwrap();
		assert!(due(operator(1), &Call::attack { shard, target: 1 }));
		assert!(!due(operator(1), &Call::attack { shard, target: 0 }));
		assert!(!due(operator(3), &Call::attack { shard, target: 1 }));
		assert_ok!(call(operator(1), Call::attack { shard, target: 1 }));

		let board = view(shard).boards[0].clone();
		let (turn, waits) = match board.targets_turn {
			Some(true) => (2, 1),
			_ => (1, 2),
		};
		let play = |board| Call::<Test>::play {
			shard,
			board,
			action: Box::new(Move::Open(Default::default())),
		};
		assert!(due(operator(turn), &play(board.number)));
		assert!(!due(operator(waits), &play(board.number)));
		assert!(!due(operator(3), &play(board.number)));
		assert!(!due(account(WATCHER), &play(board.number)));
		assert!(!due(operator(turn), &play(board.number + 1)), "there is no such board");

		// An outsider's board: it is a party without a seat.
		let mut other = outcomes(0)[0];
		other.gas_used += 1;
		let accuse = Call::accuse {
			shard,
			target: 0,
			accusation: Box::new(Accusation::Outcome {
				task: 0,
				outcome: other,
			}),
			max_bond: u128::MAX,
		};
		assert_eq!(Attestations::lane(&accuse), None);
		assert_ok!(call(account(WATCHER), accuse));
		let accused = view(shard)
			.boards
			.into_iter()
			.find(|board| board.by_seat.is_none())
			.unwrap();
		assert_eq!(
			due(account(WATCHER), &play(accused.number)),
			accused.targets_turn == Some(false)
		);
		assert_eq!(
			due(operator(1), &play(accused.number)),
			accused.targets_turn == Some(true)
		);

		// And nobody's once the time is over.
		run_to(board.due + 1);
		assert!(!due(operator(turn), &play(board.number)));
	});
}

#[test]
fn what_drawn_seats_and_clients_say_is_theirs() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 0)], true);
		run_until(50, || !drawn(shard).is_empty());
		let audit = drawn(shard)[0];
		for call in [Call::decline { shard }, Call::unavailable { shard }] {
			assert!(due(operator(audit), &call));
			assert!(!due(operator(1), &call), "it has sealed");
			assert!(!due(account(audit), &call));
		}
		let served = Call::served { shard };
		assert!(!due(account(CLIENT), &served), "nobody has called");
		assert_ok!(call(operator(audit), Call::unavailable { shard }));
		assert!(due(account(CLIENT), &served));
		assert!(!due(operator(audit), &served));
		assert!(!due(operator(audit), &Call::unavailable { shard }), "it has called");
		assert!(
			due(operator(audit), &seal_call(shard, audit, &outcomes(0))),
			"it may still seal"
		);
	});
}

#[test]
fn calls_of_others_are_ordinary() {
	let shard = shard(0);
	let other: [Call<Test>; 3] = [
		Call::poke { shard },
		Call::time { shard, board: 0 },
		Call::pull { shard, board: 0 },
	];
	for call in other {
		assert_eq!(call.get_dispatch_info().class, DispatchClass::Normal);
		assert_eq!(Attestations::lane(&call), None);
	}
	let seal = SealItem {
		shard,
		seal: Hash::zero(),
	};
	let most = vec![seal; MAX_BATCH as usize].try_into().unwrap();
	let batch = Call::<Test>::seal_many { items: most };
	let check = Attestations::lane(&batch).unwrap();
	assert_eq!(batch.get_dispatch_info().class, DispatchClass::Operational);
	let one = Attestations::lane(&Call::served { shard }).unwrap();
	assert!(one.any_gt(Weight::zero()));
	assert_eq!(check, one * u64::from(MAX_BATCH), "every item is looked at");
	assert!((batch.get_dispatch_info().call_weight + check).all_lte(Attestations::dearest_of_lane()));
}
