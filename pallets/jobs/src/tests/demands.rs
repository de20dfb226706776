//! What a client demands of outputs in custody: who gets what, whoever answers, and where the bounds are.

use super::*;
use crate::{
	timers::TimerAction, AssignmentsOf, Call, Demands, Event, Forfeit, Jobs as JobsMap, OpenDemands, Owed, ALL_DEMANDS,
	MAX_DEMANDS,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, weights::Weight};
use millrace_court::demand::{chunk_len, chunks, Answer, Part, ShownChunk, ShownOutcome, Wanted, CHUNK};
use millrace_primitives::{
	machine::blob,
	merkle, outcome,
	traits::{Conduct, Pace, Stop},
	Blob, Outcome, Status, MILL,
};

type E = crate::Error<Test>;

/// What the demand of a whole chunk, and of an outcome, holds: five quarters of a fee by bytes.
const CHUNK_DEPOSIT: u128 = (32_768 + 1_024 + 160) * FEE_PER_BYTE * 5 / 4;
const OUTCOME_DEPOSIT: u128 = (1_024 + 160) * FEE_PER_BYTE * 5 / 4;
/// What an answer costs, by its bytes and those around it.
fn fee(answer: &Answer) -> u128 {
	(answer.encoded_size() as u128 + 18 + 160) * FEE_PER_BYTE
}

/// What a seat earns for a task of 1 Ggas, and the part of it that is withheld.
const PAY: u128 = ASK;
const KEPT: u128 = ASK / 10;

pub(super) fn bytes(len: usize) -> Vec<u8> {
	(0..len as u32)
		.map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8)
		.collect()
}

fn outcome(output: Blob, gas_used: u64) -> Outcome {
	Outcome {
		status: Status::Success,
		code: 0,
		output,
		errors: [0; 32],
		gas_used,
	}
}

/// A shard of two seats in custody, whose tasks have these outcomes; together they are paid for 1 Ggas.
fn kept_with(outcomes: &[Outcome]) -> ShardId {
	let tasks = outcomes.len() as u32;
	let mut spec = spec(tasks, 2);
	spec.shard_size = tasks;
	let id = shard(submit(spec), 0);
	blocks(4);
	accept_all(id);
	seal_all(id);
	reveal_all(id);
	let ending = Ending {
		report: outcome::report(outcomes),
		..accepted(id, 1_000_000_000)
	};
	Evidence::end(id, ending);
	Jobs::do_try_state().unwrap();
	id
}

/// The same of one task with this output.
fn kept(output: &[u8]) -> (ShardId, ShownOutcome) {
	let outcomes = [outcome(blob(output).unwrap(), 1_000_000_000)];
	(kept_with(&outcomes), ShownOutcome::of(&outcomes, 0).unwrap())
}

fn demand_chunk(id: ShardId, chunk: u32, shown: &ShownOutcome) {
	assert_ok!(Jobs::demand_chunk(alice(), id, 0, chunk, shown.clone()));
	Jobs::do_try_state().unwrap();
}

fn chunk(output: &[u8], chunk: u32) -> Answer {
	Answer::Chunk(ShownChunk::of(output, chunk).unwrap())
}

fn wanted(task: u32, part: Part) -> Wanted {
	Wanted { task, part }
}

fn custody(id: ShardId) -> crate::Custody {
	Jobs::kept(id).unwrap().custody.unwrap()
}

fn bound(provider: u8) -> (u128, u128) {
	let provider = Registry::get(provider);
	(provider.liability, provider.slashed)
}

#[test]
fn custody_binds_what_was_paid_and_an_end_frees_it() {
	run(2, || {
		for acknowledged in [true, false] {
			let (id, _) = kept(b"output");
			assert_eq!((bound(PROVIDER), bound(PROVIDER + 1)), ((PAY, 0), (PAY, 0)));
			if acknowledged {
				assert_ok!(Jobs::acknowledge(alice(), id.job, 0, 1));
			} else {
				blocks(50);
			}
			assert!(!exists(id) && Registry::idle());
		}
	});
}

#[test]
fn who_answers_has_its_fee_once_and_the_client_the_rest() {
	run(2, || {
		let output = bytes(CHUNK as usize + 5);
		let (id, shown) = kept(&output);
		let (one, other) = (holder(id, 0), holder(id, 1));
		let (before, on_hold) = (free(ALICE), held(ALICE));
		demand_chunk(id, 0, &shown);
		assert_eq!(
			(free(ALICE), held(ALICE)),
			(before - CHUNK_DEPOSIT, on_hold + CHUNK_DEPOSIT)
		);
		let what = wanted(0, Part::Chunk(0));
		let due = Jobs::now_block() + 20;
		assert!(seen(Event::Demanded {
			shard: id,
			wanted: what,
			due,
			deposit: CHUNK_DEPOSIT,
		}));
		assert_noop!(Jobs::demand_chunk(alice(), id, 0, 0, shown.clone()), E::DemandedAlready);
		let operator_of = |provider| signed(&operator(provider));
		assert_ok!(Jobs::answer(operator_of(other), id, 0, chunk(&output, 0)));
		let paid = fee(&chunk(&output, 0));
		assert!(seen(Event::Answered {
			shard: id,
			wanted: what,
			provider: account(other),
			paid,
		}));
		Jobs::do_try_state().unwrap();
		assert_eq!((free(other + 100), free(one + 100)), (paid, 0));
		assert_eq!((free(ALICE), held(ALICE)), (before - paid, on_hold));
		// The other one comes too late for it, and loses nothing.
		assert_noop!(Jobs::answer(operator_of(one), id, 0, chunk(&output, 0)), E::NotDemanded);
		// The same chunk can be demanded again, and is paid for again.
		demand_chunk(id, 0, &shown);
		assert_ok!(Jobs::answer(operator_of(one), id, 0, chunk(&output, 0)));
		assert_eq!(free(one + 100), paid);
		// Custody ends when it would have, and everybody has what is withheld.
		blocks(25);
		assert_ok!(Jobs::acknowledge(alice(), id.job, 0, 1));
		assert_eq!((free(one), free(other)), (MILL + PAY, MILL + PAY));
		assert!(Registry::idle() && JobsMap::<Test>::iter().count() == 0);
		assert_eq!((free(ALICE), held(ALICE)), (before + on_hold - 2 * KEPT - 2 * paid, 0));
	});
}

#[test]
fn an_outcome_and_all_chunks_are_shown() {
	run(2, || {
		let output = bytes(2 * CHUNK as usize + 33);
		let outcomes = [
			outcome(blob(b"").unwrap(), 1),
			outcome(blob(&output).unwrap(), 2),
			outcome(blob(b"x").unwrap(), 3),
		];
		let id = kept_with(&outcomes);
		let one = holder(id, 0);
		let from = || signed(&operator(one));
		assert_ok!(Jobs::demand_outcome(alice(), id, 1));
		assert_noop!(Jobs::demand_outcome(alice(), id, 1), E::DemandedAlready);
		assert_noop!(Jobs::demand_outcome(alice(), id, 3), E::NoSuchPart);
		assert_noop!(Jobs::demand_outcome(alice(), id, u32::MAX), E::NoSuchPart);
		let shown = ShownOutcome::of(&outcomes, 1).unwrap();
		// Another task's outcome is another answer.
		let other = Answer::Outcome(ShownOutcome::of(&outcomes, 2).unwrap());
		assert_noop!(Jobs::answer(from(), id, 1, other.clone()), E::NotShown);
		assert_noop!(Jobs::answer(from(), id, 2, other), E::NotDemanded);
		let mut paid = fee(&Answer::Outcome(shown.clone()));
		assert!(ED < paid && paid < OUTCOME_DEPOSIT);
		assert_ok!(Jobs::answer(from(), id, 1, Answer::Outcome(shown.clone())));
		assert_eq!(free(one + 100), paid);
		for n in 0..chunks(shown.outcome.output.len) {
			assert_ok!(Jobs::demand_chunk(alice(), id, 1, n, shown.clone()));
		}
		Jobs::do_try_state().unwrap();
		assert_eq!(custody(id).demands, 3);
		let mut read = Vec::new();
		for n in 0..3 {
			let Answer::Chunk(shown) = chunk(&output, n) else {
				unreachable!()
			};
			read.extend_from_slice(&shown.bytes);
			paid += fee(&Answer::Chunk(shown.clone()));
			assert_ok!(Jobs::answer(from(), id, 1, Answer::Chunk(shown)));
		}
		assert_eq!((read, custody(id).demands), (output, 0));
		assert_eq!(free(one + 100), paid);
		assert!(paid < OUTCOME_DEPOSIT + 2 * CHUNK_DEPOSIT + Jobs::demand_deposit(33));
		// An output of nothing has an outcome and no chunk.
		let nothing = ShownOutcome::of(&outcomes, 0).unwrap();
		assert_noop!(Jobs::demand_chunk(alice(), id, 0, 0, nothing), E::NoSuchPart);
		assert_ok!(Jobs::demand_outcome(alice(), id, 0));
	});
}

#[test]
fn silence_costs_all_who_keep_it_what_is_withheld_and_bound() {
	run(2, || {
		let output = bytes(3 * CHUNK as usize);
		let (id, shown) = kept(&output);
		let keepers = [holder(id, 0), holder(id, 1)];
		let [one, other] = keepers;
		let (before, supply) = (free(ALICE) + held(ALICE), issuance());
		(0..3).for_each(|n| demand_chunk(id, n, &shown));
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0)));
		// Two of three are answered by nobody.
		blocks(20);
		assert!(exists(id));
		assert_eq!(JobsMap::<Test>::get(id.job).unwrap().paid, 2 * PAY);
		next_block();
		assert!(!exists(id) && JobsMap::<Test>::get(id.job).is_none());
		assert!(seen(Event::CustodyFailed {
			shard: id,
			deposits: 2 * CHUNK_DEPOSIT,
			refunded: 0,
			lost: [0, 1]
				.map(|seat| Forfeit {
					provider: account(keepers[seat]),
					withheld: KEPT,
					storage: 0,
					bound: PAY,
				})
				.to_vec(),
		}));
		for provider in [one, other] {
			assert_eq!(bound(provider), (0, PAY));
			assert_eq!(Registry::get(provider).conduct.last(), Some(&Conduct::NotShown));
			assert_eq!(free(provider), MILL + PAY - KEPT);
		}
		// The client has what it held for answers, and nothing of what they lose: it burns.
		let paid = fee(&chunk(&output, 0));
		assert_eq!((free(ALICE), held(ALICE)), (before - paid - 2 * KEPT, 0));
		assert_eq!(issuance(), supply - 2 * KEPT);
		assert_eq!((Demands::<Test>::iter().count(), OpenDemands::<Test>::get()), (0, 0));
		assert_eq!(AssignmentsOf::<Test>::iter().count(), 0);
		assert_noop!(
			Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 1)),
			E::NotDemanded
		);
		// Timers of the other demand and of custody find nothing.
		blocks(60);
	});
}

#[test]
fn only_the_client_demands_and_only_of_what_is_kept() {
	run(2, || {
		let (id, shown) = kept(b"output");
		let bob = || signed(&account(BOB));
		assert_noop!(Jobs::demand_outcome(bob(), id, 0), E::NotClient);
		assert_noop!(Jobs::demand_chunk(bob(), id, 0, 0, shown.clone()), E::NotClient);
		let elsewhere = shard(JobId(77), 0);
		assert_noop!(Jobs::demand_outcome(alice(), elsewhere, 0), E::UnknownJob);
		assert_noop!(Jobs::demand_outcome(alice(), shard(id.job, 1), 0), E::NothingInCustody);
		let running = assigned(1, 2);
		assert_noop!(Jobs::demand_outcome(alice(), running, 0), E::NothingInCustody);
		for past in [1, 2, u32::MAX] {
			assert_noop!(Jobs::demand_chunk(alice(), id, 0, past, shown.clone()), E::NoSuchPart);
		}
		assert_noop!(Jobs::demand_chunk(alice(), id, 1, 0, shown.clone()), E::NoSuchPart);
		let mut forged = shown.clone();
		forged.outcome.output.len += 1;
		assert_noop!(Jobs::demand_chunk(alice(), id, 0, 0, forged), E::NotShown);
		let mut forged = shown;
		forged.path.try_push(merkle::SumNode::leaf(&forged.outcome)).unwrap();
		assert_noop!(Jobs::demand_chunk(alice(), id, 0, 0, forged), E::NotShown);
		// Nor whoever cannot pay.
		use frame_support::traits::{fungible::Mutate, tokens::Preservation::Expendable};
		let rest = free(ALICE) - OUTCOME_DEPOSIT + 1;
		Balances::transfer(&account(ALICE), &account(BOB), rest, Expendable).unwrap();
		assert_noop!(Jobs::demand_outcome(alice(), id, 0), E::InsufficientFunds);
	});
}

#[test]
fn only_who_keeps_it_answers_and_only_with_what_it_is() {
	run(3, || {
		let output = bytes(2 * CHUNK as usize);
		let (id, shown) = kept(&output);
		let one = holder(id, 0);
		let from = || signed(&operator(one));
		let other = (PROVIDER..PROVIDER + 3).find(|p| seats(id).iter().flatten().all(|(held, _)| held != p));
		demand_chunk(id, 1, &shown);
		let right = chunk(&output, 1);
		assert_noop!(Jobs::answer(alice(), id, 0, right.clone()), E::NotProvider);
		let stranger = signed(&operator(other.unwrap()));
		assert_noop!(Jobs::answer(stranger, id, 0, right.clone()), E::NotAssigned);
		assert_noop!(Jobs::answer(from(), id, 0, chunk(&output, 0)), E::NotDemanded);
		assert_noop!(Jobs::answer(from(), id, 0, Answer::Outcome(shown)), E::NotDemanded);
		assert_noop!(Jobs::answer(from(), id, 1, right.clone()), E::NotDemanded);
		assert_noop!(Jobs::answer(from(), shard(id.job, 1), 0, right.clone()), E::NotDemanded);
		let forge = |change: fn(&mut ShownChunk)| {
			let mut shown = ShownChunk::of(&output, 1).unwrap();
			change(&mut shown);
			assert_noop!(Jobs::answer(from(), id, 0, Answer::Chunk(shown)), E::NotShown);
		};
		forge(|shown| shown.bytes[77] ^= 1);
		forge(|shown| shown.proof[0][3] ^= 1);
		forge(|shown| shown.bytes.truncate(32 * 1_024 - 1));
		forge(|shown| shown.bytes.truncate(0));
		forge(|shown| shown.proof.truncate(16));
		forge(|shown| shown.proof.try_push([0; 32]).unwrap());
		assert_ok!(Jobs::answer(from(), id, 0, right));
	});
}

#[test]
fn the_last_block_counts_and_none_after_it() {
	run(2, || {
		let output = bytes(10);
		let (id, shown) = kept(&output);
		let one = holder(id, 0);
		let end = custody(id).until;
		demand_chunk(id, 0, &shown);
		// It ends well before custody.
		assert_eq!(custody(id).until, end);
		blocks(20);
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0)));
		// The last block in which something can be demanded; custody waits for the answer.
		blocks(end - Jobs::now_block() - 1);
		demand_chunk(id, 0, &shown);
		assert_eq!(custody(id).until, end + 20);
		blocks(20);
		assert!(exists(id));
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0)));
		// It is not made longer for ever.
		assert_noop!(Jobs::demand_chunk(alice(), id, 0, 0, shown), E::NothingInCustody);
		assert!(exists(id));
		next_block();
		assert!(!exists(id) && Registry::idle());
		assert_eq!((free(one), bound(one)), (MILL + PAY, (0, 0)));
	});
	run(2, || {
		// Where the tick has no room: what is over is over all the same.
		let output = bytes(10);
		let (id, shown) = kept(&output);
		let one = holder(id, 0);
		demand_chunk(id, 0, &shown);
		TickWeight::set(<W as crate::WeightInfo>::tick());
		blocks(21);
		assert_noop!(
			Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0)),
			E::AnswerLate
		);
		assert_noop!(Jobs::acknowledge(alice(), id.job, 0, 1), E::StillDemanded);
		TickWeight::set(Weight::MAX);
		next_block();
		assert!(!exists(id));
		assert_eq!(bound(one), (0, PAY));
	});
	run(2, || {
		let (id, shown) = kept(&bytes(10));
		let end = custody(id).until;
		TickWeight::set(<W as crate::WeightInfo>::tick());
		blocks(end - Jobs::now_block());
		assert!(exists(id));
		assert_noop!(Jobs::demand_chunk(alice(), id, 0, 0, shown), E::NothingInCustody);
		assert_noop!(Jobs::demand_outcome(alice(), id, 0), E::NothingInCustody);
	});
}

#[test]
fn while_work_is_frozen_nothing_is_demanded_or_answered_and_no_time_for_it_runs() {
	run(2, || {
		let set = |behind, frozen| PACES.with_borrow_mut(|all| _ = all.insert(program(), Pace { behind, frozen }));
		let output = bytes(10);
		let (id, shown) = kept(&output);
		let one = holder(id, 0);
		demand_chunk(id, 0, &shown);
		let call = Call::answer {
			shard: id,
			task: 0,
			answer: chunk(&output, 0),
		};
		let due = || Jobs::demands_of(&account(one))[0].due;
		let (first, until) = (due(), custody(id).until);
		blocks(5);
		for behind in 1..=100 {
			set(behind, true);
			next_block();
		}
		assert_eq!(due(), first + 100, "who looks sees when it is due if it goes on now");
		assert!(!Jobs::is_due(&operator(one), &call));
		let answer = || Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0));
		assert_noop!(answer(), E::Frozen);
		assert_noop!(Jobs::demand_outcome(alice(), id, 0), E::Frozen);
		set(100, false);
		assert!(Jobs::is_due(&operator(one), &call));
		// The last block of what was left.
		blocks(15);
		assert_eq!(due(), Jobs::now_block());
		assert_ok!(answer());
		// What is demanded now has its own time, and custody the time that was promised.
		demand_chunk(id, 0, &shown);
		assert_eq!(due(), Jobs::now_block() + 20);
		blocks(20);
		assert!(exists(id));
		next_block();
		assert!(!exists(id) && until + 100 > Jobs::now_block());
		assert_eq!(bound(one), (0, PAY));
		assert_eq!((Demands::<Test>::iter().count(), OpenDemands::<Test>::get()), (0, 0));
		blocks(200);
	});
}

#[test]
fn while_the_clock_stands_nothing_is_demanded_or_answered_and_no_time_for_it_runs() {
	run(2, || {
		let output = bytes(10);
		let (id, shown) = kept(&output);
		let one = holder(id, 0);
		demand_chunk(id, 0, &shown);
		let now = Jobs::now_block();
		StopAfter::set(Stop::Rationed);
		blocks(50);
		assert_eq!(Jobs::now_block(), now);
		let answer = || Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0));
		assert_noop!(answer(), E::ClockStands);
		assert_noop!(Jobs::demand_outcome(alice(), id, 0), E::ClockStands);
		StopAfter::set(Stop::None);
		blocks(20);
		assert_ok!(answer());
		blocks(60);
		assert!(!exists(id));
		assert_eq!((free(one), bound(one)), (MILL + PAY, (0, 0)));
	});
}

#[test]
fn an_answer_is_due_for_who_keeps_what_is_demanded_and_nobody_else() {
	run(3, || {
		let output = bytes(10);
		let (id, shown) = kept(&output);
		let (one, other) = (holder(id, 0), holder(id, 1));
		let stranger = (PROVIDER..PROVIDER + 3).find(|id| ![one, other].contains(id)).unwrap();
		let call = |task, answer| Call::answer {
			shard: id,
			task,
			answer,
		};
		let right = || call(0, chunk(&output, 0));
		assert!(!Jobs::is_due(&operator(one), &right()), "it is not demanded");
		demand_chunk(id, 0, &shown);
		for keeper in [one, other] {
			assert!(Jobs::is_due(&operator(keeper), &right()));
			assert!(
				!Jobs::is_due(&account(keeper), &right()),
				"its own key is not its operator's"
			);
		}
		for nobody in [operator(stranger), account(ALICE)] {
			assert!(!Jobs::is_due(&nobody, &right()));
		}
		assert!(!Jobs::is_due(&operator(one), &call(1, chunk(&output, 0))));
		assert!(!Jobs::is_due(&operator(one), &call(0, Answer::Outcome(shown))));
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 0)));
		assert!(!Jobs::is_due(&operator(other), &right()), "it was shown");
	});
}

#[test]
fn what_is_demanded_is_not_acknowledged() {
	run(4, || {
		for id in PROVIDER..PROVIDER + 4 {
			Registry::edit(id, |p| p.slots = 10);
		}
		let job = submit(spec(2, 2));
		blocks(8);
		let outcomes = [outcome(blob(b"output").unwrap(), 7)];
		for index in 0..2 {
			let id = shard(job, index);
			accept_all(id);
			seal_all(id);
			let report = outcome::report(&outcomes);
			Evidence::end(
				id,
				Ending {
					report,
					..accepted(id, 7)
				},
			);
		}
		assert_ok!(Jobs::demand_outcome(alice(), shard(job, 0), 0));
		assert_noop!(Jobs::acknowledge(alice(), job, 0, 1), E::StillDemanded);
		// Others are.
		assert_ok!(Jobs::acknowledge(alice(), job, 0, 64));
		assert!(exists(shard(job, 0)) && !exists(shard(job, 1)));
		assert_noop!(Jobs::acknowledge(alice(), job, 0, 64), E::StillDemanded);
		let one = holder(shard(job, 0), 0);
		let answer = Answer::Outcome(ShownOutcome::of(&outcomes, 0).unwrap());
		assert_ok!(Jobs::answer(signed(&operator(one)), shard(job, 0), 0, answer));
		assert_ok!(Jobs::acknowledge(alice(), job, 0, 64));
		assert!(JobsMap::<Test>::get(job).is_none() && Registry::idle());
	});
}

#[test]
fn so_many_and_no_more() {
	run(2, || {
		let output = bytes(65 * CHUNK as usize);
		let (id, shown) = kept(&output);
		let one = holder(id, 0);
		(0..64).for_each(|n| demand_chunk(id, n, &shown));
		assert_eq!(custody(id).demands, MAX_DEMANDS);
		let more = || Jobs::demand_chunk(alice(), id, 0, 64, shown.clone());
		assert_noop!(more(), E::TooManyDemands);
		assert_noop!(Jobs::demand_outcome(alice(), id, 0), E::TooManyDemands);
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, chunk(&output, 9)));
		// Of one shard fewer, once half of all places are taken.
		OpenDemands::<Test>::put(ALL_DEMANDS / 2);
		assert_noop!(more(), E::TooManyDemands);
		OpenDemands::<Test>::put(ALL_DEMANDS / 2 - 1);
		assert_ok!(more());
		OpenDemands::<Test>::put(64);
		let (second, shown) = kept(&output);
		let of_second = |n| Jobs::demand_chunk(alice(), second, 0, n, shown.clone());
		OpenDemands::<Test>::put(ALL_DEMANDS - 5);
		for n in 0..4 {
			assert_ok!(of_second(n));
		}
		assert_noop!(of_second(4), E::TooManyDemands);
		let right = chunk(&output, 3);
		assert_ok!(Jobs::answer(signed(&operator(holder(second, 0))), second, 0, right));
		// Nor more of all shards together.
		OpenDemands::<Test>::put(ALL_DEMANDS);
		assert_noop!(of_second(4), E::TooManyDemands);
		OpenDemands::<Test>::put(ALL_DEMANDS - 1);
		assert_ok!(of_second(4));
		OpenDemands::<Test>::put(64 + 4);
		Jobs::do_try_state().unwrap();
		// All of them are over at once.
		let before = free(ALICE);
		blocks(21);
		assert!(!exists(id) && !exists(second));
		assert_eq!(free(ALICE), before + (64 + 4) * CHUNK_DEPOSIT);
	});
}

#[test]
fn the_largest_output_has_a_last_chunk() {
	run(2, || {
		// 4 GiB of zeros, but for a byte: whatever the length, a chunk is proven by seventeen hashes.
		let mut zeros = vec![merkle::hash(&[0; 33])];
		for height in 0..27 {
			let below: [u8; 32] = zeros[height].into();
			zeros.push(merkle::hash(&[&[1][..], &below, &below].concat()));
		}
		let largest = Blob {
			tree: zeros[27].into(),
			len: u32::MAX,
		};
		let outcomes = [outcome(largest, 1_000_000_000)];
		let id = kept_with(&outcomes);
		let shown = ShownOutcome::of(&outcomes, 0).unwrap();
		let last = chunks(u32::MAX) - 1;
		assert_noop!(
			Jobs::demand_chunk(alice(), id, 0, last + 1, shown.clone()),
			E::NoSuchPart
		);
		demand_chunk(id, last, &shown);
		let len = chunk_len(u32::MAX, last).unwrap() as usize;
		let proof: Vec<[u8; 32]> = zeros[10..27].iter().map(|hash| hash.0).collect();
		let answer = ShownChunk::new(last, vec![0; len], proof).unwrap();
		let one = holder(id, 0);
		let answer = Answer::Chunk(answer);
		let paid = fee(&answer);
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, answer));
		assert_eq!(free(one + 100), paid);
	});
}

#[test]
fn what_an_operator_cannot_receive_is_owed_to_it() {
	run(2, || {
		let outcomes = [outcome(blob(b"output").unwrap(), 1)];
		let id = kept_with(&outcomes);
		assert!(OUTCOME_DEPOSIT > ED);
		assert_ok!(Jobs::demand_outcome(alice(), id, 0));
		// Less than an account needs to exist.
		let (what, small) = (wanted(0, Part::Outcome), ED - 1);
		Demands::<Test>::mutate(id, what, |demand| demand.as_mut().unwrap().deposit = small);
		crate::Shards::<Test>::mutate(id.job, id.index, |shard| {
			shard.as_mut().unwrap().reserve -= OUTCOME_DEPOSIT - small;
		});
		let one = holder(id, 0);
		let answer = Answer::Outcome(ShownOutcome::of(&outcomes, 0).unwrap());
		assert_ok!(Jobs::answer(signed(&operator(one)), id, 0, answer));
		assert_eq!(Owed::<Test>::get(account(ALICE), operator(one)), small);
		JobsMap::<Test>::mutate(id.job, |job| {
			let job = job.as_mut().unwrap();
			Jobs::refund(job, OUTCOME_DEPOSIT - small);
		});
	});
}

#[test]
fn whichever_timer_comes_first_ends_custody() {
	run(2, || {
		let (id, shown) = kept(&bytes(10));
		let (one, end) = (holder(id, 0), custody(id).until);
		blocks(end - Jobs::now_block() - 1);
		demand_chunk(id, 0, &shown);
		let fire = |now| {
			let entry = crate::TimerEntry {
				target: crate::Shards::<Test>::get(id.job, id.index).unwrap().alarm,
				action: TimerAction::Shard { shard: id },
			};
			Jobs::fire(entry, now, now, true, true);
			Jobs::do_try_state().unwrap();
		};
		// That of custody, as it was before the demand, is armed again; at the end it does not wait for that of the demand.
		fire(end);
		assert!(exists(id));
		fire(end + 20);
		assert!(!exists(id));
		assert_eq!(bound(one), (0, PAY));
		blocks(30);
	});
}
