//! Seals, reveals, verdicts.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use millrace_primitives::{
	job::{SeatState, Verification},
	traits::Verifier,
	JobId,
};
use sp_runtime::DispatchError;

fn verdicts() -> Vec<(ShardId, Verdict)> {
	Verdicts::get()
}

#[test]
fn equal_reports_are_accepted_and_nothing_remains() {
	run(|| {
		let shard = open(0, &[1, 2, 3]);
		let report = report(1, 500);
		for n in [3, 1, 2] {
			assert_eq!(seal(n, shard, report).map(|info| info.pays_fee), Ok(Pays::No));
		}
		System::assert_last_event(
			Event::Sealed {
				shard,
				seat: 1,
				provider: provider(2),
				reveal_due: Some(10 + WINDOW),
			}
			.into(),
		);
		assert_eq!(Attestations::reveal_due(shard), Some(10 + WINDOW));
		for n in [2, 3] {
			assert_eq!(reveal(n, shard, report).map(|info| info.pays_fee), Ok(Pays::No));
			assert_eq!(verdicts(), vec![]);
		}
		assert_ok!(reveal(1, shard, report));
		assert_eq!(verdicts(), vec![(shard, Verdict::Accepted { report })]);
		System::assert_last_event(
			Event::Decided {
				shard,
				verdict: Verdict::Accepted { report },
			}
			.into(),
		);
		assert_eq!(Attestations::evidence(shard), None);
		assert_eq!(Alive::get(provider(1)), 2);

		// The deadline is stale and goes in its time, noticed by nobody.
		poll_at(11 + WINDOW);
		assert_eq!(Deadlines::<Test>::iter().count(), 0);
		assert_eq!(Missed::get(), vec![]);
	});
}

#[test]
fn a_difference_is_never_voted_on() {
	run(|| {
		let shard = open(0, &[1, 2, 3]);
		let reports = [report(1, 500), report(1, 500), report(2, 400)];
		for (n, report) in (1..).zip(reports) {
			assert_ok!(seal(n, shard, report));
		}
		for (n, report) in (1..).zip(reports) {
			assert_ok!(reveal(n, shard, report));
		}
		let revealed = vec![(0, 500), (1, 500), (2, 400)].try_into().expect("three seats");
		assert_eq!(verdicts(), vec![(shard, Verdict::Unresolved { revealed })]);
		assert_eq!(Attestations::evidence(shard), None);
	});
}

#[test]
fn equal_roots_with_different_gas_are_a_difference_and_each_seat_claims_its_own() {
	run(|| {
		let shard = open(0, &[1, 2]);
		assert_ok!(seal(1, shard, report(1, 500)));
		assert_ok!(seal(2, shard, report(1, 999)));
		assert_ok!(reveal(2, shard, report(1, 999)));
		assert_ok!(reveal(1, shard, report(1, 500)));
		let Some((_, Verdict::Unresolved { revealed })) = verdicts().pop() else {
			panic!("not unresolved")
		};
		let mut revealed = revealed.into_inner();
		revealed.sort();
		assert_eq!(revealed, vec![(0, 500), (1, 999)]);
	});
}

#[test]
fn short_work_is_sealed_without_being_accepted() {
	run(|| {
		let shard = open(0, &[1, 2]);
		Seats::mutate(shard, |seats| {
			for seat in seats.iter_mut().flatten() {
				seat.state = SeatState::Assigned;
			}
		});
		assert_ok!(seal(1, shard, report(1, 1)));
		assert_ok!(seal(2, shard, report(1, 1)));
		assert!(Attestations::reveal_due(shard).is_some());
	});
}

#[test]
fn nobody_seals_twice_or_reveals_twice() {
	run(|| {
		let shard = open(0, &[1, 2]);
		assert_ok!(seal(1, shard, report(1, 1)));
		assert_noop!(seal(1, shard, report(2, 1)), Error::<Test>::AlreadySealed);
		assert_ok!(seal(2, shard, report(1, 1)));
		assert_ok!(reveal(1, shard, report(1, 1)));
		assert_noop!(reveal(1, shard, report(1, 1)), Error::<Test>::AlreadyRevealed);
		assert_noop!(seal(1, shard, report(1, 1)), Error::<Test>::AlreadySealed);
	});
}

#[test]
fn reveals_wait_for_every_seal() {
	run(|| {
		let shard = open(0, &[1, 2, 3]);
		assert_ok!(seal(1, shard, report(1, 1)));
		assert_ok!(seal(2, shard, report(1, 1)));
		assert_noop!(reveal(1, shard, report(1, 1)), Error::<Test>::RevealNotOpen);
		assert_noop!(reveal(3, shard, report(1, 1)), Error::<Test>::NotSealed);
		assert_ok!(seal(3, shard, report(1, 1)));
		assert_ok!(reveal(1, shard, report(1, 1)));
	});
}

#[test]
fn only_what_was_sealed_can_be_revealed() {
	run(|| {
		let shard = open(0, &[1, 2]);
		assert_ok!(seal(1, shard, report(1, 500)));
		assert_ok!(seal(2, shard, report(1, 500)));
		assert_noop!(reveal(1, shard, report(2, 500)), Error::<Test>::SealMismatch);
		assert_noop!(reveal(1, shard, report(1, 501)), Error::<Test>::SealMismatch);
		let wrong_salt = Call::reveal {
			shard,
			report: report(1, 500),
			salt: [8; 32],
		};
		assert_noop!(dispatch(1, wrong_salt), Error::<Test>::SealMismatch);
	});
}

#[test]
fn a_copied_seal_cannot_be_opened_by_the_copier() {
	run(|| {
		let shard = open(0, &[1, 2]);
		let report = report(1, 500);
		assert_ok!(seal(1, shard, report));
		let copy = Evidence::<Test>::get(shard).expect("open").entries[0].seal;
		assert_ok!(dispatch(2, Call::seal { shard, seal: copy }));
		assert_ok!(reveal(1, shard, report));
		assert_noop!(reveal(2, shard, report), Error::<Test>::SealMismatch);
	});
}

#[test]
fn a_seal_of_another_shard_or_an_older_round_cannot_be_opened() {
	run(|| {
		let (first, second) = (open(0, &[1, 2]), open(1, &[1, 2]));
		let report = report(1, 500);
		assert_ok!(dispatch(
			1,
			Call::seal {
				shard: second,
				seal: sealed(first, 0, 1, report)
			}
		));
		assert_ok!(seal(2, second, report));
		assert_noop!(reveal(1, second, report), Error::<Test>::SealMismatch);

		assert_ok!(seal(1, first, report));
		assert_ok!(seal(2, first, report));
		assert_ok!(reveal(2, first, report));
		poll_at(11 + WINDOW);
		Jobs::draw(first, 0, 1);
		assert_ok!(dispatch(
			1,
			Call::seal {
				shard: first,
				seal: sealed(first, 0, 1, report)
			}
		));
		assert_noop!(reveal(1, first, report), Error::<Test>::SealMismatch);
	});
}

#[test]
fn gas_above_the_limit_cannot_be_revealed() {
	run(|| {
		let shard = open(0, &[1, 2]);
		assert_ok!(seal(1, shard, report(1, GAS_LIMIT + 1)));
		assert_ok!(seal(2, shard, report(1, GAS_LIMIT)));
		assert_noop!(reveal(1, shard, report(1, GAS_LIMIT + 1)), Error::<Test>::GasAboveLimit);
		assert_ok!(reveal(2, shard, report(1, GAS_LIMIT)));
	});
}

#[test]
fn strangers_are_refused() {
	run(|| {
		let shard = open(0, &[1, 2]);
		let unknown = ShardId {
			job: JobId(9),
			index: 9,
		};
		assert_noop!(seal(1, unknown, report(1, 1)), Error::<Test>::UnknownShard);
		assert_noop!(reveal(1, unknown, report(1, 1)), Error::<Test>::UnknownShard);
		assert_noop!(seal(3, shard, report(1, 1)), Error::<Test>::NotAssigned);
		assert_noop!(reveal(3, shard, report(1, 1)), Error::<Test>::NotAssigned);
		// The provider's own key is not its operator's.
		for call in [
			Call::seal {
				shard,
				seal: Hash::zero(),
			},
			Call::reveal {
				shard,
				report: report(1, 1),
				salt: SALT,
			},
			Call::seal_many {
				items: Default::default(),
			},
			Call::reveal_many {
				items: Default::default(),
			},
		] {
			let call = RuntimeCall::Attestations(call);
			assert_noop!(
				sp_runtime::traits::Dispatchable::dispatch(call.clone(), RuntimeOrigin::signed(provider(1))),
				Error::<Test>::NotAnOperator
			);
			assert_noop!(
				sp_runtime::traits::Dispatchable::dispatch(call, RuntimeOrigin::none()),
				DispatchError::BadOrigin
			);
		}
	});
}

#[test]
fn a_seat_beyond_the_verification_is_no_seat() {
	run(|| {
		let shard = open(0, &[1, 2]);
		Seats::mutate(shard, |seats| {
			let extra = MockSeat {
				provider: Some(provider(3)),
				round: 0,
				state: SeatState::Accepted,
			};
			seats.as_mut().expect("open").push(extra);
		});
		assert_noop!(seal(3, shard, report(1, 1)), Error::<Test>::NotAssigned);
	});
}

#[test]
fn what_jobs_refuse_changes_nothing() {
	run(|| {
		let shard = open(0, &[1, 2]);
		Refused::set(Some(0));
		assert_noop!(seal(1, shard, report(1, 1)), DispatchError::Other("refused"));
		Refused::set(None);
		assert_ok!(seal(1, shard, report(1, 1)));
		assert_ok!(seal(2, shard, report(1, 1)));
		assert_ok!(reveal(1, shard, report(1, 1)));
		Refused::set(Some(1));
		assert_noop!(reveal(2, shard, report(1, 1)), DispatchError::Other("refused"));
		assert_eq!(verdicts(), vec![]);
	});
}

#[test]
fn a_shard_is_opened_once_and_with_a_supported_number_of_seats() {
	run(|| {
		let first = open(0, &[1, 2]);
		let replicated = |replicas| Verification::Replicated { replicas };
		assert_noop!(Attestations::open(first, &replicated(2)), Error::<Test>::AlreadyOpen);
		for replicas in [0, 1, 8, 255] {
			assert_noop!(
				Attestations::open(shard(1), &replicated(replicas)),
				Error::<Test>::UnsupportedSeats
			);
		}
		assert_ok!(Attestations::open(shard(1), &replicated(7)));
		assert_eq!(Attestations::budget(&replicated(7), 1_000), 0);
	});
}

#[test]
fn a_seat_whose_evidence_outlived_its_assignment_is_not_sealed_again() {
	run(|| {
		let shard = open(0, &[1, 2]);
		assert_ok!(seal(1, shard, report(1, 1)));
		let sealed = Seats::get(shard);
		Seats::mutate(shard, |seats| {
			seats.as_mut().expect("open")[0].state = SeatState::Accepted
		});
		assert_noop!(seal(1, shard, report(1, 1)), Error::<Test>::AlreadySealed);
		Seats::set(shard, sealed);
	});
}

#[test]
fn a_closed_shard_returns_what_was_revealed_and_is_forgotten() {
	run(|| {
		let shard = open(0, &[1, 2, 3]);
		for n in [1, 2, 3] {
			assert_ok!(seal(n, shard, report(1, 500)));
		}
		assert_ok!(reveal(2, shard, report(1, 500)));
		assert_eq!(Jobs::close(shard).into_inner(), vec![(1, 500)]);
		assert_eq!(Attestations::evidence(shard), None);
		assert_noop!(reveal(1, shard, report(1, 500)), Error::<Test>::UnknownShard);
		assert_eq!(Jobs::close(shard).into_inner(), vec![]);
		poll_at(11 + WINDOW);
		assert_eq!(Missed::get(), vec![]);
	});
}

#[test]
fn only_the_deciding_reveal_is_charged_for_a_decision() {
	run(|| {
		let shard = open(0, &[1, 2]);
		assert_ok!(seal(1, shard, report(1, 1)));
		assert_ok!(seal(2, shard, report(1, 1)));
		type W = <Test as Config>::WeightInfo;
		assert_eq!(
			reveal(1, shard, report(1, 1)).map(|info| info.actual_weight),
			Ok(Some(W::reveal()))
		);
		assert_eq!(
			reveal(2, shard, report(1, 1)).map(|info| info.actual_weight),
			Ok(Some(W::reveal_last(2)))
		);
	});
}
