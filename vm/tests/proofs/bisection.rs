//! Two parties that agree on the first state and not on the last find the one step at which one of them is wrong.

use crate::{
	common::{cases, in_parallel, input_of, Rng},
	programs::{self, Case},
};
use millrace_vm::{
	bisect::{first_difference, points, Trace, ARITY},
	hash::{Blake2, Hash},
	witness::verify,
};
use std::sync::Arc;

/// A party that is right up to a step and then goes on from another state.
struct Party {
	right: Trace,
	wrong: Trace,
	fault: u64,
}

impl Party {
	fn root(&mut self, step: u64) -> Hash {
		if step <= self.fault {
			return self.right.root(step);
		}
		// Different runs may come to the same outcome, of which this one is not.
		let mut root = self.wrong.root(step);
		root[31] ^= 1;
		root
	}

	/// What it claims of a range: the roots at its points and at its end.
	fn claims(&mut self, from: u64, to: u64) -> Vec<Hash> {
		points(from, to)
			.into_iter()
			.chain([to])
			.map(|step| self.root(step))
			.collect()
	}
}

fn trace(case: &Case) -> Trace {
	Trace::new(case.program.clone(), input_of(&case.input), &case.limits).unwrap()
}

/// The same task with another seed and a byte of the input changed: no state is the same.
fn other(case: &Case) -> Trace {
	let mut limits = case.limits;
	limits.seed[0] ^= 1;
	limits.gas += 1;
	let mut input = case.input.clone();
	input.iter_mut().take(1).for_each(|byte| *byte ^= 0x40);
	Trace::new(
		case.program.clone(),
		Arc::new(millrace_vm::program::Input::new(input).unwrap()),
		&limits,
	)
	.unwrap()
}

/// Plays the game. The step, what the defender says follows it, and what the judge says.
fn play(defender: &mut Party, challenger: &mut Trace, end: u64) -> (u64, Hash, Hash, usize) {
	let (mut from, mut to) = (0, end);
	let mut rounds = 0;
	let mut claim = defender.root(end);
	while to - from > 1 {
		let claims = defender.claims(from, to);
		assert!(claims.len() as u64 <= ARITY);
		assert_eq!(claims.last(), Some(&claim), "it contradicts itself");
		let (start, stop) = challenger.narrow(from, to, &claims).expect("they differ at the end");
		claim = defender.root(stop);
		(from, to) = (start, stop);
		rounds += 1;
	}
	// Both agree on this one, so anyone's witness will do.
	let before = defender.root(from);
	assert_eq!(before, challenger.root(from));
	let judged = verify::<Blake2>(&before, &challenger.witness(from)).unwrap();
	(from, claim, judged, rounds)
}

#[test]
fn a_fault_is_found_in_ten_rounds() {
	let all = programs::all();
	let games = in_parallel(all.len() as u64, |number| {
		let case = &all[number as usize];
		let (_, total) = trace(case).finish();
		let mut rng = Rng(number);
		let mut games = 0;
		for _ in 0..cases(6).min(40) {
			let before = 1 + rng.any_size() % 100_000;
			let fault = rng.below(total.min(before));
			let mut liar = Party {
				right: trace(case),
				wrong: other(case),
				fault,
			};
			let mut honest = trace(case);
			// Nobody needs to know how many steps there were.
			let (step, claim, judged, rounds) = play(&mut liar, &mut honest, 1 << 40);
			assert_eq!(step, fault, "{}", case.name);
			assert_ne!(judged, claim, "{}", case.name);
			assert_eq!(judged, honest.root(fault + 1), "{}", case.name);
			assert!(rounds <= 10, "{rounds} rounds");
			games += 1;
		}
		games
	});
	println!("{} games", games.iter().sum::<u32>());
}

#[test]
fn who_is_right_cannot_be_proven_wrong() {
	for case in programs::all().iter().take(7) {
		let (_, total) = trace(case).finish();
		let mut defender = Party {
			right: trace(case),
			wrong: other(case),
			fault: u64::MAX,
		};
		let mut challenger = trace(case);
		let claims = defender.claims(0, 1 << 40);
		assert_eq!(challenger.narrow(0, 1 << 40, &claims), None);
		// A challenger that picks any step at all gets the answer that the defender gave.
		for step in [0, 1, total / 2, total - 1, total, total + 5] {
			let before = defender.root(step);
			assert_eq!(
				verify::<Blake2>(&before, &defender.right.witness(step)),
				Ok(defender.root(step + 1))
			);
		}
	}
}

#[test]
fn points_divide_a_range_into_parts_that_shrink() {
	let mut rng = Rng(5);
	for _ in 0..10_000 {
		let from = rng.any_size() >> 1;
		let to = from.saturating_add(rng.any_size());
		let points = points(from, to);
		assert!(points.len() < ARITY as usize);
		let all: Vec<u64> = [from].into_iter().chain(points).chain([to]).collect();
		assert!(
			to <= from + 1 || all.windows(2).all(|pair| pair[0] < pair[1]),
			"{all:?}"
		);
		let longest = all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
		assert!(longest <= (to - from).div_ceil(ARITY).max(1), "{all:?}");
	}
	assert_eq!(ARITY.pow(10), 1 << 40);
}

#[test]
fn the_first_difference_is_found() {
	let hash = |n: u8| [n; 32];
	assert_eq!(first_difference(&[hash(1), hash(2)], &[hash(1), hash(2)]), None);
	assert_eq!(first_difference(&[hash(1), hash(2)], &[hash(1), hash(3)]), Some(1));
	assert_eq!(first_difference(&[hash(1)], &[hash(1), hash(3)]), Some(1));
	assert_eq!(first_difference(&[], &[]), None);
}
