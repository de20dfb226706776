//! Two parties that agree on the first state and not on the last find the one step at which one of them is wrong.

use crate::{
	common::{cases, hashed, hashed_supply, in_parallel, judged, supply, Rng},
	programs::{self, Case},
};
use millrace_vm::{
	bisect::{Budget, Move, NoAnswer, Trace},
	game::{Game, Illegal, Range, Side, MAX_ROUNDS},
	hash::{Blake2, Hash},
	stop::{Stop, Stopped},
	VERSION,
};

/// A party that is right up to a step and then goes on from another state.
struct Liar {
	right: Trace,
	wrong: Trace,
	fault: u64,
}

impl Liar {
	fn root(&mut self, step: u64) -> Result<Hash, Stopped> {
		if step <= self.fault {
			return self.right.root(step);
		}
		// Different runs may come to the same outcome, of which this one is not.
		let mut root = self.wrong.root(step)?;
		root[31] ^= 1;
		Ok(root)
	}

	/// Plays as well as a liar can: what it cannot prove, it does not claim.
	fn answer(&mut self, game: &Game) -> Result<Move, NoAnswer> {
		let (part, claims) = game.answer(|step| Ok::<_, NoAnswer>(self.root(step)?))?;
		let range = game.picked(part)?;
		Ok(match range.is_step() {
			true => Move::Prove {
				part,
				witness: self.right.prove(range.from)?,
			},
			false => Move::Divide { part, claims },
		})
	}
}

fn budget() -> Budget {
	Budget {
		bytes: 8 << 20,
		threads: 1,
	}
}

fn trace(case: &Case) -> Trace {
	Trace::new(
		case.program.clone(),
		hashed(&case.input),
		&case.limits,
		budget(),
		Stop::new(),
	)
	.unwrap()
}

/// The same task with another seed and a byte of the input changed: no state is the same.
fn other(case: &Case) -> Trace {
	let mut limits = case.limits;
	limits.gas += 1;
	let mut input = case.input.clone();
	input.iter_mut().take(1).for_each(|byte| *byte ^= 0x40);
	let mut supply = supply(&input);
	supply.seed[0] ^= 1;
	Trace::new(
		case.program.clone(),
		hashed_supply(supply),
		&limits,
		budget(),
		Stop::new(),
	)
	.unwrap()
}

/// The longest game there is, whatever the task's gas.
const WHOLE: Range = Range { from: 0, to: 1 << 40 };

/// Who wins, where, and in how many moves.
fn play(mut game: Game, mut answer: impl FnMut(&Game) -> Move) -> (Side, Range, u32) {
	for moves in 1_u32.. {
		match answer(&game) {
			Move::Divide { part, claims } => {
				let next = game
					.divide(part, &claims)
					.expect("an honest move is legal, and a clever one");
				assert_ne!(next.turn(), game.turn());
				assert!(game.range().len() <= WHOLE.to >> (4 * moves.saturating_sub(2)));
				game = next;
			}
			Move::Prove { part, witness } => {
				let range = game.picked(part).unwrap();
				return (
					game.prove::<Blake2>(part, &witness).expect("the proof is one"),
					range,
					moves,
				);
			}
		}
	}
	unreachable!()
}

#[test]
fn a_fault_is_found_in_ten_rounds() {
	let all = programs::all();
	let games = in_parallel(all.len() as u64, |number| {
		let case = &all[number as usize];
		let (_, total) = trace(case).finish().unwrap();
		let mut rng = Rng(number);
		let games = cases(6).min(40);
		for n in 0..games {
			let before = 1 + rng.any_size() % 100_000;
			let fault = rng.below(total.min(before));
			let mut liar = Liar {
				right: trace(case),
				wrong: other(case),
				fault,
			};
			let mut honest = trace(case);
			let role = if n % 2 == 0 { Side::First } else { Side::Second };
			// Nobody needs to know how many steps there were.
			let end = match role {
				Side::First => honest.root(WHOLE.to).unwrap(),
				Side::Second => liar.root(WHOLE.to).unwrap(),
			};
			let game = Game::new(VERSION, WHOLE, honest.root(0).unwrap(), end);
			let (winner, range, moves) = play(game, |game| match game.turn() == role {
				true => honest.answer(game).unwrap(),
				false => liar.answer(game).unwrap(),
			});
			assert_eq!((winner, range.from), (role, fault), "{}", case.name);
			assert!(moves <= MAX_ROUNDS + 1, "{moves} moves");
		}
		games
	});
	println!("{} games", games.iter().sum::<u64>());
}

#[test]
fn who_is_right_wins_against_any_moves() {
	let all = programs::all();
	let games = in_parallel(all.len() as u64, |number| {
		let case = &all[number as usize];
		let mut honest = trace(case);
		let (_, total) = honest.finish().unwrap();
		let (start, right) = (honest.root(0).unwrap(), honest.root(WHOLE.to).unwrap());
		let mut rng = Rng(0x9a3e + number);
		let games = cases(8).min(60);
		for n in 0..games {
			let role = if n % 2 == 0 { Side::First } else { Side::Second };
			// Short runs and long ones, odd and even lengths.
			let to = total + [0, 1, 2, 77, WHOLE.to - total][rng.below(5) as usize];
			let end = if role == Side::First { right } else { [9; 32] };
			let game = Game::new(VERSION, Range { from: 0, to }, start, end);
			let (winner, _, moves) = play(game, |game| {
				if game.turn() == role {
					return honest.answer(game).unwrap();
				}
				// Any part, and roots of which some are right.
				let parts = if game.claims().is_empty() {
					1
				} else {
					game.range().parts()
				};
				let part = rng.below(parts.into()) as u8;
				let range = game.picked(part).unwrap();
				if range.is_step() {
					return Move::Prove {
						part,
						witness: honest.prove(range.from).unwrap(),
					};
				}
				let claims = range.points().map(|step| match rng.below(8) {
					0 => [step as u8; 32],
					_ => honest.root(step).unwrap(),
				});
				let claims: Vec<Hash> = claims.collect();
				illegal_moves_change_nothing(game, part, &claims);
				Move::Divide { part, claims }
			});
			assert_eq!(winner, role, "{} to {to}", case.name);
			assert!(moves <= MAX_ROUNDS + 1, "{moves} moves");
		}
		games
	});
	println!("{} games", games.iter().sum::<u64>());
}

fn illegal_moves_change_nothing(game: &Game, part: u8, claims: &[Hash]) {
	let count = claims.len();
	let wrong = |found: &[Hash]| {
		Err(Illegal::Claims {
			found: found.len(),
			expected: count,
		})
	};
	assert_eq!(game.divide(part, &claims[1..]), wrong(&claims[1..]));
	let more = [claims, &[[0; 32]]].concat();
	assert_eq!(game.divide(part, &more), wrong(&more));
	assert_eq!(game.divide(part, &[]), wrong(&[]));
	assert_eq!(game.divide(game.range().parts().max(1), claims), Err(Illegal::Part));
	assert_eq!(game.divide(255, claims), Err(Illegal::Part));
	assert_eq!(game.prove::<Blake2>(part, &[]), Err(Illegal::Step));
}

#[test]
fn the_step_that_a_game_ends_at_is_not_divided_and_not_proven_by_anything_else() {
	let all = programs::all();
	let case = &all[0];
	let mut honest = trace(case);
	let range = Range { from: 100, to: 116 };
	let (start, end) = (honest.root(100).unwrap(), honest.root(116).unwrap());
	let claims = honest.roots(&range).unwrap();
	let game = Game::new(VERSION, range, start, end).divide(0, &claims).unwrap();
	assert_eq!(game.divide(3, &[]), Err(Illegal::Step));
	let witness = honest.prove(103).unwrap();
	assert_eq!(game.prove::<Blake2>(3, &witness), Ok(Side::First));
	assert!(matches!(game.prove::<Blake2>(2, &witness), Err(Illegal::Witness(_))));
	assert_eq!(game.prove::<Blake2>(16, &witness), Err(Illegal::Part));
	// A version that is none has no proofs.
	let other = Game::new(VERSION + 1, range, start, end).divide(0, &claims).unwrap();
	assert!(matches!(other.prove::<Blake2>(3, &witness), Err(Illegal::Witness(_))));
}

#[test]
fn what_a_judge_says_of_a_step_is_the_next_root() {
	for case in programs::all().iter().take(7) {
		let mut trace = trace(case);
		let (_, total) = trace.finish().unwrap();
		for step in [0, 1, total / 2, total - 1, total, total + 5] {
			let (before, witness) = (trace.root(step).unwrap(), trace.prove(step).unwrap());
			assert_eq!(judged(&before, &witness), Ok(trace.root(step + 1).unwrap()));
		}
	}
}
