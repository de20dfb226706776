//! A program that is really run, what its tasks come to, and the moves of whoever says something about them.

use super::*;
use millrace_court::{
	board::{Board, Claims, InputProof, Nodes, Opening, Witness},
	sums::show,
};
use millrace_primitives::{
	machine::{address, blob, task_seed},
	merkle::{list_root, prove_range},
	Limits, Matter, ENGINE_VERSION,
};
use millrace_vm::{
	bisect::{Budget, Trace},
	flatten::flatten,
	game::Illegal,
	normalise::normalise,
	program::Program,
	stop::Stop,
	supply::{Hashed, Supply},
};
use std::{
	cell::RefCell,
	collections::BTreeMap,
	sync::{Arc, OnceLock},
};

/// Reads a byte, turns around as often as it says, and writes it.
const PROGRAM: &str = include_str!("../../../../court/tests/common/turns.wat");

/// The job has tasks before the shard's first.
pub const FIRST: u32 = 2;
pub const TASKS: u32 = 3;

fn program() -> Arc<Program> {
	static ONCE: OnceLock<Arc<Program>> = OnceLock::new();
	ONCE.get_or_init(|| {
		let wasm = wat::parse_str(PROGRAM).unwrap();
		Arc::new(flatten(&normalise(&wasm).unwrap()).unwrap())
	})
	.clone()
}

pub fn input(index: u32) -> Vec<u8> {
	vec![10 + 7 * index as u8]
}

pub fn inputs() -> Vec<Hash> {
	(0..FIRST + TASKS)
		.map(|index| address(&blob(&input(index)).unwrap()))
		.collect()
}

pub fn real_matter() -> Matter {
	let limits = Limits {
		gas: 2_000_000,
		memory_pages: 40,
		output: 100,
	};
	Matter {
		engine: ENGINE_VERSION,
		roots: *program().roots(),
		input_root: list_root(&inputs()),
		job_tasks: FIRST + TASKS,
		first_task: FIRST,
		limits,
		..matter(TASKS)
	}
}

/// What is done with the run of a task, which is kept for whoever looks at it next.
fn with_trace<R>(task: u32, look: impl FnOnce(&mut Trace) -> R) -> R {
	thread_local! {
		static TRACES: RefCell<BTreeMap<u32, Trace>> = const { RefCell::new(BTreeMap::new()) };
	}
	TRACES.with_borrow_mut(|traces| look(traces.entry(task).or_insert_with(|| trace(task))))
}

fn trace(task: u32) -> Trace {
	let seed = task_seed(&list_root(&inputs()), FIRST + task);
	let supply = Hashed::new(Supply::of_input(input(FIRST + task), seed)).unwrap();
	let budget = Budget {
		bytes: 1 << 20,
		threads: 1,
	};
	Trace::new(program(), Arc::new(supply), &real_matter().limits, budget, Stop::new()).unwrap()
}

pub fn truth() -> Vec<Outcome> {
	(0..TASKS)
		.map(|task| with_trace(task, |run| run.finish().unwrap().0))
		.collect()
}

/// The same, but that one task used less gas.
pub fn lie(task: usize) -> Vec<Outcome> {
	let mut outcomes = truth();
	outcomes[task].gas_used -= 1;
	outcomes
}

/// The move of whoever says this, whose states are right up to a step.
pub fn answer(board: &Board, outcomes: &[Outcome], right_up_to: u64) -> Move {
	if let Some(span) = board.to_open() {
		return Move::Open(Nodes::try_from(show(outcomes, span).unwrap()).unwrap());
	}
	let task = board.task().unwrap();
	with_trace(task, |run| step(board, outcomes, right_up_to, run))
}

/// The same once the task is known.
fn step(board: &Board, outcomes: &[Outcome], right_up_to: u64, run: &mut Trace) -> Move {
	let task = board.task().unwrap();
	let end = outcomes[task as usize].root::<Blake2>();
	let mut root = |step: u64| {
		let mut root = run.root(step).unwrap();
		if step > right_up_to {
			root[5] ^= 1;
			if run.halt().is_some() {
				root = end;
			}
		}
		root
	};
	let Some(game) = board.game() else {
		let claims: Vec<Hash> = board.run().points().map(|step| root(step).into()).collect();
		return Move::Leaf(Opening {
			outcome: outcomes[task as usize],
			claims: Claims::try_from(claims).unwrap(),
			input: blob(&input(FIRST + task)).unwrap(),
			proof: InputProof::try_from(prove_range(&inputs(), FIRST + task, 1).unwrap()).unwrap(),
		});
	};
	let (part, claims) = game.answer(|step| Ok::<_, Illegal>(root(step))).unwrap();
	let range = game.picked(part).unwrap();
	if range.is_step() {
		let witness = run.prove(range.from).unwrap();
		return Move::Prove(part, Witness::try_from(witness).unwrap());
	}
	let claims: Vec<Hash> = claims.into_iter().map(Hash::from).collect();
	Move::Divide(part, Claims::try_from(claims).unwrap())
}

pub fn board(shard: ShardId, number: u32) -> Option<(Board, bool)> {
	let record = Boards::<Test>::get(shard, number)?;
	let BoardState::Played { board, .. } = &record.state else {
		return None;
	};
	Some((board.clone(), record.is_target(board.turn())))
}

pub fn play(who: AccountId, shard: ShardId, number: u32, action: Move) -> DispatchResult {
	call(
		who,
		Call::play {
			shard,
			board: number,
			action: Box::new(action),
		},
	)
}
