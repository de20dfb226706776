//! Who may call what, and what is refused.

use super::*;
use frame_support::{assert_noop, assert_ok};

#[test]
fn only_operators_of_seats_seal_and_only_once() {
	new_test_ext().execute_with(|| {
		let shard = shard(0);
		assert_noop!(
			call(
				operator(1),
				Call::seal {
					shard,
					seal: Hash::zero()
				}
			),
			Error::<Test>::UnknownShard
		);
		Jobs::start(shard, &[1, 2]);
		let seal = |who| {
			call(
				who,
				Call::seal {
					shard,
					seal: Hash::zero(),
				},
			)
		};
		assert_eq!(seal(account(1)), Err(Error::<Test>::NotAnOperator.into()));
		assert_eq!(seal(operator(3)), Err(Error::<Test>::NotAssigned.into()));
		assert_ok!(seal(operator(1)));
		assert_eq!(seal(operator(1)), Err(Error::<Test>::AlreadySealed.into()));
		assert_noop!(call(operator(1), Call::decline { shard }), Error::<Test>::NotNow);
		assert_noop!(
			call(operator(2), Call::unavailable { shard }),
			Error::<Test>::NotAssigned
		);
		assert_noop!(
			call(operator(1), Call::attack { shard, target: 0 }),
			Error::<Test>::NotNow
		);
		assert_noop!(call(account(1), Call::poke { shard }), Error::<Test>::UnknownShard);
	});
}

#[test]
fn nothing_but_what_was_sealed_can_be_opened() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 1)], false);
		let refused = |change: &dyn Fn(&mut RevealItem), error: Error<Test>| {
			let mut item = reveal_item(shard, 1, &outcomes(0));
			change(&mut item);
			assert_eq!(call(operator(1), Call::reveal { item }), Err(error.into()));
		};
		refused(&|item| item.salt[0] ^= 1, Error::SealMismatch);
		refused(&|item| item.report.gas_used += 1, Error::SealMismatch);
		refused(&|item| item.report.root.0[0] ^= 1, Error::SealMismatch);
		// Of a shard that was not drawn nothing is shown.
		let leaf = ShownLeaf::of(&outcomes(0), 0).unwrap();
		refused(
			&|item| item.shown = Shown::truncate_from(vec![leaf.clone()]),
			Error::NotShown,
		);
		// Another's seal is another's.
		let item = reveal_item(shard, 1, &outcomes(0));
		assert_eq!(
			call(operator(2), Call::reveal { item }),
			Err(Error::<Test>::SealMismatch.into())
		);
		assert_eq!(reveal(shard, 3, 0).unwrap_err(), Error::<Test>::NotAssigned.into());
		assert_ok!(reveal(shard, 1, 0));
		assert_eq!(reveal(shard, 1, 0), Err(Error::<Test>::WrongSeat.into()));
	});
}

#[test]
fn in_a_drawn_shard_the_sampled_outcomes_are_shown_and_no_others() {
	new_test_ext().execute_with(|| {
		Work::set(matter(9));
		let shard = sealed(&[(1, 0), (2, 0)], true);
		run_until(10, || !drawn(shard).is_empty());
		for audit in drawn(shard) {
			assert_ok!(seal(shard, audit, 0));
		}
		run_until(10, || drawn(shard).is_empty());
		let called = Attestations::called_view(shard, &account(1)).unwrap();
		assert_eq!((called.shown.len(), called.tasks), (4, None));
		let item = reveal_item(shard, 1, &outcomes(0));
		let refused = |item: RevealItem| {
			assert_eq!(
				call(operator(1), Call::reveal { item }),
				Err(Error::<Test>::NotShown.into())
			);
		};
		let mut missing = item.clone();
		missing.shown.pop();
		refused(missing);
		let mut swapped = item.clone();
		swapped.shown = Shown::truncate_from(item.shown.iter().rev().cloned().collect());
		refused(swapped);
		let mut other = item.clone();
		other.shown[2].node.gas += 1;
		refused(other);
		assert_ok!(call(operator(1), Call::reveal { item }));
	});
}

#[test]
fn a_report_beyond_the_limits_is_not_opened() {
	new_test_ext().execute_with(|| {
		let mut greedy = outcomes(0);
		greedy[0].gas_used = 3_000_000_000;
		let shard = shard(0);
		Jobs::start(shard, &[1, 2]);
		assert_ok!(call(operator(1), seal_call(shard, 1, &greedy)));
		assert_ok!(seal(shard, 2, 0));
		run_until(10, || !matches!(judged(shard).case.stage(), Stage::Drawing));
		run_until(30, || {
			drawn(shard).into_iter().for_each(|id| seal(shard, id, 0).unwrap());
			Attestations::called_view(shard, &account(2))
				.unwrap()
				.reveal_by
				.is_some()
		});
		let refused = call(operator(1), reveal_call(shard, 1, &greedy)).unwrap_err();
		// As a report, or as one of the outcomes that are shown.
		assert!([Error::<Test>::GasAboveLimit.into(), Error::<Test>::NotShown.into()].contains(&refused));
	});
}

#[test]
fn a_batch_does_what_it_can_and_costs_a_fee_unless_all_of_it() {
	new_test_ext().execute_with(|| {
		let (one, two) = (shard(0), shard(1));
		Jobs::start(one, &[1, 2]);
		Jobs::start(two, &[1, 3]);
		let item = |shard| SealItem {
			shard,
			seal: Hash::zero(),
		};
		let seal_many = |items: Vec<SealItem>| {
			let items = BoundedVec::truncate_from(items);
			Attestations::seal_many(RuntimeOrigin::signed(operator(1)), items)
		};
		assert_eq!(
			seal_many(Vec::new()).unwrap_err().error,
			Error::<Test>::EmptyBatch.into()
		);
		assert_eq!(seal_many(vec![item(one), item(two)]).unwrap().pays_fee, Pays::No);
		assert_eq!(seal_many(vec![item(one)]).unwrap().pays_fee, Pays::Yes);
		System::assert_last_event(
			Event::<Test>::ItemFailed {
				index: 0,
				error: Error::<Test>::AlreadySealed.into(),
			}
			.into(),
		);
		check();
	});
}

#[test]
fn boards_that_are_not_there_are_refused_by_name() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 0)], false);
		let action = || Box::new(Move::Divide(0, Default::default()));
		assert_noop!(
			call(
				operator(1),
				Call::play {
					shard,
					board: 0,
					action: action()
				}
			),
			Error::<Test>::UnknownBoard
		);
		assert_noop!(
			call(operator(1), Call::time { shard, board: 0 }),
			Error::<Test>::UnknownBoard
		);
		assert_noop!(
			call(operator(1), Call::pull { shard, board: 0 }),
			Error::<Test>::UnknownBoard
		);
	});
}

#[test]
fn outputs_are_kept_for_a_while_and_accumulate() {
	new_test_ext().execute_with(|| {
		use crate::draws::{Output, KEPT};
		assert_eq!(Attestations::output(1), Output::Pending(1));
		Attestations::on_output(Hash::repeat_byte(1));
		let first = accumulate(&Hash::zero(), &[1; 32]);
		assert_eq!(Attestations::output(1), Output::Known(first));
		for _ in 1..KEPT {
			Attestations::on_output(Hash::repeat_byte(2));
		}
		assert_eq!(Attestations::output(1), Output::Known(first));
		Attestations::on_output(Hash::repeat_byte(3));
		assert_eq!(Attestations::output(1), Output::Gone);
		assert!(matches!(Attestations::output(2), Output::Known(_)));
		assert_eq!(Draws::<Test>::iter().count() as u32, KEPT);
	});
}
