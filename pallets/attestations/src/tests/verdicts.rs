//! Verdicts: held, enacted, voided, and what cannot be received; all money is counted.

use super::{
	disputes::{with_help, with_honest_help},
	lives::pay,
	*,
};
use frame_support::{
	assert_ok,
	traits::fungible::{Mutate, MutateHold},
};
use millrace_court::case::Kind;
use millrace_primitives::{money::payment, traits::Freezable};
use sp_runtime::traits::BadOrigin;

/// Ends a shard in which provider 2 lied and let its clock run out, and 1 was right; who computed it again.
fn convicted() -> (ShardId, Vec<AccountId>) {
	let shard = attacked();
	with_help(shard);
	let fresh = System::events().into_iter().filter_map(|record| match record.event {
		RuntimeEvent::Attestations(Event::SeatDrawn {
			kind: Kind::Fresh,
			provider,
			..
		}) => Some(provider),
		_ => None,
	});
	(shard, fresh.collect())
}

fn enact(shard: ShardId, account: AccountId) -> DispatchResult {
	call(super::account(WATCHER), Call::enact { shard, account })
}

fn govern(call: Call<Test>) -> DispatchResult {
	use sp_runtime::traits::Dispatchable;
	let done = RuntimeCall::from(call).dispatch(RuntimeOrigin::root());
	check();
	done.map(|_| ()).map_err(|error| error.error)
}

pub fn freeze(subject: Freezable) -> DispatchResult {
	govern(Call::freeze { subject })
}

pub fn thaw(subject: Freezable) -> DispatchResult {
	govern(Call::thaw { subject })
}

pub fn void(shard: ShardId, account: AccountId) -> DispatchResult {
	govern(Call::void { shard, account })
}

pub fn program() -> Freezable {
	Freezable::Program(Work::get().program)
}

const ENGINE: Freezable = Freezable::Engine(millrace_primitives::ENGINE_VERSION);

#[test]
fn what_the_guilty_lost_is_held_and_shared_out_when_its_time_has_come() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let (shard, fresh) = convicted();
		let end = Now::get();
		let stake = least_stake();
		let liar = account(2);
		// It is taken at once, and nobody has it.
		assert_eq!(Providers::get(2).bond, BOND - stake);
		assert!(Providers::get(2).conduct.contains(&(Conduct::Guilty as u8)));
		assert_eq!(Attestations::held_as_guilty(&liar), stake);
		assert_eq!(Balances::free_balance(&liar), 0);
		System::assert_has_event(
			Event::<Test>::VerdictHeld {
				shard,
				account: liar.clone(),
				amount: stake,
				due: end + params().enactment,
			}
			.into(),
		);
		// Who computed it again has its pay already, out of what the client holds; the winner has that for its own work.
		let whole = payment(ASK, outcome::report(&outcomes(0)).unwrap().gas_used).unwrap();
		let (amount, fee) = pay(0);
		assert_eq!(fresh.len(), 3);
		for seat in &fresh {
			assert_eq!(Balances::free_balance(seat), whole);
		}
		assert_eq!(Balances::free_balance(account(1)), amount);
		let spent = amount + fee + 2 * params().seat_fee;
		let advanced = 3 * (whole + params().seat_fee);
		assert_eq!(Balances::free_balance(account(CLIENT)), RICH - spent - advanced);
		assert!(!Evidence::<Test>::contains_key(shard), "a verdict needs no case");
		let views = Attestations::verdict_views(None, 10);
		assert_eq!((views.len(), views[0].amount, views[0].due), (1, stake, end + 15));
		assert_eq!(views[0].shares.iter().map(|share| share.amount).sum::<Balance>(), stake);
		let last = Some((shard, liar.clone()));
		assert_eq!(Attestations::verdict_views(last, 10), vec![]);

		run_to(end + params().enactment - 1);
		assert_eq!(enact(shard, liar.clone()), Err(Error::<Test>::NotNow.into()));
		assert_eq!(Attestations::held_as_guilty(&liar), stake);
		next_block();
		assert_eq!(Attestations::held_as_guilty(&liar), 0);
		assert_eq!(enact(shard, liar.clone()), Err(Error::<Test>::UnknownVerdict.into()));
		// The client has back what it advanced, the winner seven of the largest claims, and the rest burned.
		let largest = payment(ASK, outcome::report(&outcomes(1)).unwrap().gas_used).unwrap();
		assert_eq!(Balances::free_balance(account(CLIENT)), RICH - spent);
		assert_eq!(Balances::free_balance(account(1)), amount + 7 * largest);
		assert_eq!(Balances::free_balance(&liar), 0);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn anybody_enacts_what_no_alarm_did() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let (shard, _) = convicted();
		let due = Verdicts::<Test>::get(shard, account(2)).unwrap().due;
		Alarms::remove(due);
		run_to(due);
		assert!(Verdicts::<Test>::contains_key(shard, account(2)));
		assert_ok!(enact(shard, account(2)));
		assert!(!Verdicts::<Test>::contains_key(shard, account(2)));
		assert_eq!(all_money(), before);
	});
}

#[test]
fn what_is_voided_goes_back_and_who_computed_again_keeps_its_pay() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let (shard, fresh) = convicted();
		let (stake, liar) = (least_stake(), account(2));
		let refused = call(
			account(WATCHER),
			Call::void {
				shard,
				account: liar.clone(),
			},
		);
		assert_eq!(refused, Err(BadOrigin.into()));
		let client = Balances::free_balance(account(CLIENT));
		assert_ok!(void(shard, liar.clone()));
		System::assert_last_event(
			Event::<Test>::Voided {
				shard,
				account: liar.clone(),
				amount: stake,
			}
			.into(),
		);
		assert_eq!(void(shard, liar.clone()), Err(Error::<Test>::UnknownVerdict.into()));
		assert_eq!(Balances::free_balance(&liar), stake);
		assert_eq!(Providers::wealth(2), BOND);
		run_to(Now::get() + 2 * params().enactment);
		for seat in fresh {
			assert!(Balances::free_balance(seat) > 0);
		}
		// It is the client's advance that paid them.
		assert_eq!(Balances::free_balance(account(CLIENT)), client);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_freeze_stops_enactment_and_leaves_what_was_left() {
	for subject in [program(), ENGINE] {
		new_test_ext().execute_with(|| {
			let before = all_money();
			let (shard, _) = convicted();
			let liar = account(2);
			run_to(Now::get() + 5);
			assert_ok!(freeze(subject));
			run_to(Now::get() + 60);
			assert_eq!(enact(shard, liar.clone()), Err(Error::<Test>::Frozen.into()));
			assert!(Attestations::verdict_views(None, 1)[0].frozen);
			assert_ok!(thaw(subject));
			// Ten of fifteen blocks.
			assert_eq!(Attestations::verdict_views(None, 1)[0].due, Now::get() + 10);
			run_to(Now::get() + 9);
			assert_eq!(enact(shard, liar.clone()), Err(Error::<Test>::NotNow.into()));
			next_block();
			assert_ok!(enact(shard, liar.clone()));
			assert_eq!(all_money(), before);
		});
	}
}

#[test]
fn an_alarm_that_rang_during_a_freeze_comes_again() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let (shard, _) = convicted();
		assert_ok!(freeze(ENGINE));
		run_to(Now::get() + 40);
		assert_ok!(thaw(ENGINE));
		let passed = run_until(300, || !Verdicts::<Test>::contains_key(shard, account(2)));
		assert!(passed >= params().enactment, "{passed}");
		assert_eq!(all_money(), before);
	});
}

#[test]
fn what_is_not_voided_when_a_freeze_ends_is_enacted() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let (one, _) = convicted();
		let other = shard(1_000);
		Verdicts::<Test>::mutate_exists(one, account(2), |verdict| {
			// The same, about two shards.
			let whole = verdict.as_mut().unwrap();
			let first = whole.shares.remove(0);
			let apart = Verdict {
				shares: BoundedVec::truncate_from(vec![first]),
				..whole.clone()
			};
			Verdicts::<Test>::insert(other, account(2), apart);
		});
		check();
		let apart = Verdicts::<Test>::get(other, account(2)).unwrap().amount();
		assert_ok!(freeze(ENGINE));
		assert_ok!(void(other, account(2)));
		run_until(LONGEST_FREEZE + 300, || Verdicts::<Test>::iter().next().is_none());
		assert_eq!(Balances::free_balance(account(2)), apart);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_bond_that_is_pulled_later_joins_the_verdict_and_puts_nothing_off() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = opened(&[(1, 0), (2, 0)]);
		for task in [0_u32, 1] {
			let accuse = Call::accuse {
				shard,
				target: 0,
				accusation: accusation(task, outcomes(1)[task as usize]),
				max_bond: u128::MAX,
			};
			assert_ok!(call(account(WATCHER), accuse));
		}
		with_help(shard);
		let (bond, watcher) = (least_stake(), account(WATCHER));
		assert!(Endings::get(shard).unwrap().1, "it is accepted");
		// One put a right seat out by its clock; the other ended with its target, and waits.
		let held = Verdicts::<Test>::get(shard, &watcher).unwrap();
		assert_eq!(held.amount(), bond);
		assert_eq!(Attestations::accused_with(&watcher), bond);
		run_to(Now::get() + 7);
		let board = boards::FIRST_ACCUSATION + 1;
		assert_ok!(call(account(1), Call::pull { shard, board }));
		let joined = Verdicts::<Test>::get(shard, &watcher).unwrap();
		assert_eq!((joined.amount(), joined.due), (2 * bond, held.due));
		assert_eq!(Attestations::accused_with(&watcher), 0);
		run_to(held.due);
		assert_eq!(Attestations::held_as_guilty(&watcher), 0);
		assert!(Balances::free_balance(&watcher) <= RICH - 2 * bond);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn a_share_that_cannot_be_received_waits_for_its_payee() {
	new_test_ext().execute_with(|| {
		let (guilty, payee, id) = (account(WATCHER), account(71), shard(5));
		let small = Balances::minimum_balance() - 1;
		let before = all_money();
		let held = small + 200;
		Balances::hold(&HoldReason::Guilty.into(), &guilty, held).unwrap();
		let agreed = (Work::get().program, Work::get().engine);
		let shares = [(Some(payee.clone()), small), (None, 150), (None, 70)];
		// More than there is: in this order, as far as it goes.
		Attestations::hold_verdict(id, agreed, &guilty, held, shares);
		check();
		run_to(Now::get() + params().enactment);
		assert_eq!(Attestations::held_as_guilty(&guilty), small);
		let left = Verdicts::<Test>::get(id, &guilty).unwrap();
		assert!(left.owed && left.shares[..] == [(Some(payee.clone()), small)]);
		assert_eq!(enact(id, guilty.clone()), Err(Error::<Test>::CannotReceive.into()));
		assert_eq!(void(id, guilty.clone()), Err(Error::<Test>::TooLate.into()));
		// A freeze does not concern what is over.
		assert_ok!(freeze(program()));
		assert_eq!(enact(id, guilty.clone()), Err(Error::<Test>::CannotReceive.into()));
		Balances::mint_into(&payee, small + 1).unwrap();
		assert_ok!(enact(id, guilty.clone()));
		assert_eq!(Balances::free_balance(&payee), 2 * small + 1);
		assert_eq!(Verdicts::<Test>::iter().count(), 0);
		assert_eq!(all_money(), before + small + 1);
	});
}

#[test]
fn what_is_voided_and_is_less_than_an_account_must_have_waits_for_its_owner() {
	new_test_ext().execute_with(|| {
		let (guilty, id) = (account(3), shard(5));
		let small = Balances::minimum_balance() - 1;
		Registered::mutate(&guilty, |provider| provider.as_mut().unwrap().liability = small);
		let held = Providers::cede(&guilty, small, |amount| Attestations::hold_guilty(&guilty, amount));
		Registered::mutate(&guilty, |provider| provider.as_mut().unwrap().liability = 0);
		let before = all_money();
		let agreed = (Work::get().program, Work::get().engine);
		Attestations::hold_verdict(id, agreed, &guilty, held, [(None, held)]);
		assert_ok!(void(id, guilty.clone()));
		assert_eq!(Attestations::held_as_guilty(&guilty), small);
		run_to(Now::get() + 2 * params().enactment);
		assert_eq!(enact(id, guilty.clone()), Err(Error::<Test>::CannotReceive.into()));
		Balances::mint_into(&guilty, small + 1).unwrap();
		assert_ok!(enact(id, guilty.clone()));
		assert_eq!(Balances::free_balance(&guilty), 2 * small + 1);
		assert_eq!(all_money(), before + small + 1);
	});
}

#[test]
fn a_verdict_has_room_for_all_whom_a_case_can_pay() {
	new_test_ext().execute_with(|| {
		let (guilty, id) = (account(WATCHER), shard(5));
		let shares: Vec<Share> = (0..MAX_SHARES - 1)
			.map(|n| (Some(AccountId::new([100 + n as u8; 32])), Balances::minimum_balance()))
			.chain([(None, 1)])
			.collect();
		let held: Balance = shares.iter().map(|(_, amount)| amount).sum();
		Balances::hold(&HoldReason::Guilty.into(), &guilty, held).unwrap();
		let agreed = (Work::get().program, Work::get().engine);
		Attestations::hold_verdict(id, agreed, &guilty, held, shares);
		assert_eq!(
			Verdicts::<Test>::get(id, &guilty).unwrap().shares.len() as u32,
			MAX_SHARES
		);
		let before = all_money();
		run_to(Now::get() + params().enactment);
		assert_eq!(Verdicts::<Test>::iter().count(), 0);
		assert_eq!(all_money(), before);
	});
}

#[test]
fn clocks_and_calls_stand_while_frozen() {
	new_test_ext().execute_with(|| {
		let before = all_money();
		let shard = attacked();
		let due = view(shard).boards[0].due;
		run_to(Now::get() + 8);
		let refused = call(account(WATCHER), Call::freeze { subject: program() });
		assert_eq!(refused, Err(BadOrigin.into()));
		assert_ok!(freeze(program()));
		assert_eq!(freeze(program()), Err(Error::<Test>::Frozen.into()));
		let frozen = Err(Error::<Test>::Frozen.into());
		let action = Box::new(Move::Divide(0, Default::default()));
		let accusation = accusation(0, outcomes(0)[0]);
		let accuse = Call::accuse {
			shard,
			target: 1,
			accusation,
			max_bond: u128::MAX,
		};
		let play = Call::play {
			shard,
			board: 0,
			action,
		};
		assert_eq!(call(operator(2), play), frozen);
		assert_eq!(call(operator(2), Call::attack { shard, target: 0 }), frozen);
		assert_eq!(call(account(WATCHER), accuse), frozen);
		assert_eq!(call(account(WATCHER), Call::time { shard, board: 0 }), frozen);
		assert_eq!(call(account(WATCHER), Call::poke { shard }), frozen);
		assert_eq!(call(operator(1), Call::decline { shard }), frozen);
		run_to(Now::get() + 100);
		assert_eq!(view(shard).boards[0].due, due + 100);
		assert_eq!(call(account(WATCHER), Call::time { shard, board: 0 }), frozen);
		assert_ok!(thaw(program()));
		assert_eq!(thaw(program()), Err(Error::<Test>::NotFrozen.into()));
		run_to(due + 100);
		assert_eq!(
			call(account(WATCHER), Call::time { shard, board: 0 }),
			Err(Error::<Test>::TimeLeft.into())
		);
		next_block();
		// The alarm that rang in vain while all stood came again, a hundred blocks later.
		assert_eq!(
			view(shard).seats[1].state,
			millrace_primitives::api::CaseSeatState::OutByClock
		);
		with_honest_help(shard);
		assert_eq!(decided_for(shard), outcome::report(&outcomes(0)));
		assert_eq!(Providers::get(2).bond, BOND - least_stake());
		assert_eq!(all_money(), before);
	});
}

#[test]
fn no_seat_is_drawn_by_a_number_that_was_known_while_all_stood() {
	new_test_ext().execute_with(|| {
		let shard = sealed(&[(1, 0), (2, 0)], true);
		// The wish is there, its number is not.
		let since = judged(shard).wish.unwrap().since;
		assert_ok!(freeze(ENGINE));
		run_to(Now::get() + 300);
		assert!(drawn(shard).is_empty(), "nobody is drawn while it is frozen");
		assert_ok!(thaw(ENGINE));
		run_until(150, || judged(shard).wish.is_none_or(|wish| wish.since != since));
		let wish = judged(shard)
			.wish
			.expect("it is wished for again, by a number that is to come");
		assert_eq!(wish.since, Outputs::<Test>::get().count);
		run_until(20, || !drawn(shard).is_empty());
	});
}

#[test]
fn a_freeze_ends_by_itself_and_not_more_of_it_is_had_by_freezing_again() {
	new_test_ext().execute_with(|| {
		let frozen = || !Attestations::freeze_views().is_empty();
		assert_eq!(
			freeze(Freezable::Program(Hash::zero())),
			Err(Error::<Test>::UnknownSubject.into())
		);
		assert_ok!(freeze(program()));
		assert_eq!(Attestations::freeze_views()[0].until, Now::get() + LONGEST_FREEZE);
		run_to(Now::get() + 100);
		assert_ok!(thaw(program()));
		assert!(!frozen());
		run_to(Now::get() + 50);
		// A hundred were used.
		assert_ok!(freeze(program()));
		assert_eq!(Attestations::freeze_views()[0].until, Now::get() + 300);
		run_to(Now::get() + 299);
		assert!(frozen());
		next_block();
		assert!(!frozen());
		assert_eq!(freeze(program()), Err(Error::<Test>::FrozenTooLong.into()));
		run_to(Now::get() + LONGEST_FREEZE - 1);
		assert_eq!(freeze(program()), Err(Error::<Test>::FrozenTooLong.into()));
		next_block();
		assert_ok!(freeze(program()));
		assert_eq!(Attestations::freeze_views()[0].until, Now::get() + LONGEST_FREEZE);
		let pace = Attestations::pace_of(&Work::get().program, Work::get().engine);
		assert_eq!((pace.behind, pace.frozen), (400, true));
	});
}

#[test]
fn a_version_that_is_frozen_covers_its_programs_and_counts_once() {
	new_test_ext().execute_with(|| {
		let behind = || Attestations::pace_of(&Work::get().program, Work::get().engine).behind;
		assert_ok!(freeze(program()));
		run_to(Now::get() + 10);
		assert_ok!(freeze(ENGINE));
		assert_eq!(freeze(program()), Err(Error::<Test>::Frozen.into()));
		run_to(Now::get() + 10);
		assert_eq!(behind(), 20);
		assert_ok!(thaw(ENGINE));
		run_to(Now::get() + 10);
		assert_eq!(behind(), 20);
		// Others' clocks have not stood for the program's freeze.
		assert_eq!(Attestations::pace_of(&Hash::zero(), Work::get().engine).behind, 10);
		assert_eq!(Attestations::pace_of(&Hash::zero(), Work::get().engine + 1).behind, 0);
	});
}

#[test]
fn the_list_of_freezes_is_bounded_has_room_for_versions_and_forgets_nothing() {
	new_test_ext().execute_with(|| {
		let programs = MAX_FREEZES - KEPT_FOR_ENGINES;
		let stood = |subject| Freeze {
			subject,
			engine: 200,
			since: 0,
			until: 1,
			before: 0,
			used: 0,
		};
		let all = (0..programs).map(|n| stood(Freezable::Program(Hash::from_low_u64_be(n.into()))));
		Freezes::<Test>::put(BoundedVec::truncate_from(all.collect()));
		assert_eq!(freeze(program()), Err(Error::<Test>::NoRoom.into()));
		for engine in 0..KEPT_FOR_ENGINES as u8 {
			assert_ok!(freeze(Freezable::Engine(100 + engine)));
			assert_ok!(thaw(Freezable::Engine(100 + engine)));
		}
		assert_eq!(freeze(ENGINE), Err(Error::<Test>::NoRoom.into()));
		Now::mutate(|now| *now += 100 * LONGEST_FREEZE);
		assert_eq!(freeze(ENGINE), Err(Error::<Test>::NoRoom.into()));
		assert_eq!(Attestations::pace_of(&Hash::from_low_u64_be(3), 1).behind, 1);
	});
}

#[test]
fn a_program_and_its_version_in_turn_hold_nothing_without_end() {
	new_test_ext().execute_with(|| {
		let over = || run_to(Now::get() + LONGEST_FREEZE);
		assert_ok!(freeze(program()));
		over();
		assert_ok!(freeze(ENGINE));
		over();
		// The program rested meanwhile, but stood.
		assert_eq!(freeze(program()), Err(Error::<Test>::FrozenTooLong.into()));
		assert_eq!(freeze(ENGINE), Err(Error::<Test>::FrozenTooLong.into()));
		run_to(Now::get() + LONGEST_FREEZE - 1);
		assert_eq!(freeze(program()), Err(Error::<Test>::FrozenTooLong.into()));
		next_block();
		assert_ok!(freeze(ENGINE));
	});
}

#[test]
fn a_version_that_is_not_judged_is_refused_by_name() {
	new_test_ext().execute_with(|| {
		let shard = attacked();
		// As after an upgrade that dropped it too early.
		Evidence::<Test>::mutate(shard, |evidence| evidence.as_mut().unwrap().agreed.engine += 1);
		let unknown = Err(Error::<Test>::UnknownEngine.into());
		let action = Box::new(Move::Divide(0, Default::default()));
		let play = Call::play {
			shard,
			board: 0,
			action,
		};
		assert_eq!(call(operator(2), play), unknown);
		assert_eq!(call(operator(2), Call::attack { shard, target: 0 }), unknown);
		let accusation = accusation(0, outcomes(0)[0]);
		let accuse = Call::accuse {
			shard,
			target: 1,
			accusation,
			max_bond: u128::MAX,
		};
		assert_eq!(call(account(WATCHER), accuse), unknown);
		// Nor does anybody's time run out meanwhile.
		run_to(Now::get() + 10 * params().clock);
		assert_eq!(call(account(WATCHER), Call::time { shard, board: 0 }), unknown);
		Evidence::<Test>::mutate(shard, |evidence| evidence.as_mut().unwrap().agreed.engine -= 1);
		assert_ok!(call(account(WATCHER), Call::time { shard, board: 0 }));
	});
}
