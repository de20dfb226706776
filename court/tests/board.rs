//! Boards over real runs: whoever plays what it computed always has a move and is never out by a step, whatever the other
//! reports and does.

use codec::{Encode, MaxEncodedLen};
use millrace_court::{
	board::{Board, Claims, Illegal, InputProof, Move, Next, Nodes, Opening, Subject, Witness},
	sums::{show, Claim},
};
use millrace_primitives::{
	machine::{blob, errors_root, Blake2, Limits, EMPTY_BLOB},
	merkle::SumNode,
	outcome, Blob, Hash, Outcome, Report, Status,
};
use millrace_vm::{
	bisect::{Budget, Trace},
	flatten::flatten,
	game::{Game, Illegal as NoStep, Side},
	normalise::normalise,
	program::Program,
	stop::Stop,
	supply::{Hashed, Supply},
	VERSION,
};
use proptest::prelude::*;
use std::sync::{Arc, OnceLock};

/// Reads a byte, turns around as often as it says, and writes it.
const PROGRAM: &str = include_str!("common/turns.wat");

const LIMITS: Limits = Limits {
	gas: 2_000_000,
	memory_pages: 40,
	output: 100,
};
/// How many tasks differ.
const KINDS: u32 = 7;

fn program() -> Arc<Program> {
	static PROGRAM_ONCE: OnceLock<Arc<Program>> = OnceLock::new();
	PROGRAM_ONCE
		.get_or_init(|| {
			let wasm = wat::parse_str(PROGRAM).unwrap();
			Arc::new(flatten(&normalise(&wasm).unwrap()).unwrap())
		})
		.clone()
}

fn trace(task: u32) -> Trace {
	let supply = Hashed::new(Supply::of_input(input(task), [0; 32])).unwrap();
	let budget = Budget {
		bytes: 1 << 20,
		threads: 1,
	};
	Trace::new(program(), Arc::new(supply), &LIMITS, budget, Stop::new()).unwrap()
}

/// What the tasks come to.
fn truth(task: u32) -> Outcome {
	static ALL: OnceLock<Vec<Outcome>> = OnceLock::new();
	ALL.get_or_init(|| (0..KINDS).map(|task| trace(task).finish().unwrap().0).collect())[(task % KINDS) as usize]
}

fn subject(tasks: u32) -> Subject {
	Subject {
		engine: VERSION,
		tasks,
		limits: LIMITS,
	}
}

fn input(task: u32) -> Vec<u8> {
	vec![1 + (task % KINDS) as u8 * 9]
}

/// What the chain computes, if the input is the task's and the proof is what stands for one here.
fn start(task: u32, given: &Blob, proof: &[Hash]) -> Option<Hash> {
	let right = blob(&input(task)) == Some(*given) && proof == [Hash::repeat_byte(task as u8)];
	right.then(|| trace(task).root(0).unwrap().into())
}

/// How the target opens a task's outcome.
fn opening(task: u32, outcome: Outcome, claims: Claims) -> Opening {
	Opening {
		outcome,
		claims,
		input: blob(&input(task)).unwrap(),
		proof: InputProof::try_from(vec![Hash::repeat_byte(task as u8)]).unwrap(),
	}
}

/// Who plays: what it says that the outcomes are, and what the states of runs.
struct Player {
	outcomes: Vec<Outcome>,
	/// Up to which step of a task it is right; `None`: always.
	fault: Option<u64>,
	trace: Option<(u32, Trace)>,
}

impl Player {
	fn honest(tasks: u32) -> Self {
		Self {
			outcomes: (0..tasks).map(truth).collect(),
			fault: None,
			trace: None,
		}
	}

	fn report(&self) -> Report {
		outcome::report(&self.outcomes).unwrap()
	}

	fn trace(&mut self, task: u32) -> &mut Trace {
		if self.trace.as_ref().is_none_or(|(of, _)| *of != task) {
			self.trace = Some((task, trace(task)));
		}
		&mut self.trace.as_mut().unwrap().1
	}

	fn root(&mut self, task: u32, step: u64) -> [u8; 32] {
		let fault = self.fault;
		let end = self.outcomes.get(task as usize).map(Outcome::root::<Blake2>);
		let trace = self.trace(task);
		let mut root = trace.root(step).unwrap();
		if fault.is_some_and(|fault| step > fault) {
			root[7] ^= 0x55;
			if trace.halt().is_some() {
				root = end.unwrap_or(root);
			}
		}
		root
	}

	/// The move of whoever is to move; none of a liar that has nothing to prove.
	fn answer(&mut self, board: &Board) -> Option<Move> {
		if let Some(span) = board.to_open() {
			return Some(Move::Open(Nodes::try_from(show(&self.outcomes, span)?).unwrap()));
		}
		let task = board.task()?;
		let Some(game) = board.game().cloned() else {
			let claims = board
				.run()
				.points()
				.map(|step| self.root(task, step).into())
				.collect::<Vec<_>>();
			let claims = Claims::try_from(claims).unwrap();
			return Some(Move::Leaf(opening(task, self.outcomes[task as usize], claims)));
		};
		let (part, claims) = self.steps(task, &game);
		let range = game.picked(part).unwrap();
		if range.is_step() {
			let witness = self.trace(task).prove(range.from).unwrap();
			return Some(Move::Prove(part, Witness::try_from(witness).unwrap()));
		}
		let claims: Vec<Hash> = claims.into_iter().map(Hash::from).collect();
		Some(Move::Divide(part, Claims::try_from(claims).unwrap()))
	}

	fn steps(&mut self, task: u32, game: &Game) -> (u8, Vec<[u8; 32]>) {
		game.answer(|step| Ok::<_, NoStep>(self.root(task, step))).unwrap()
	}
}

/// How a board ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
	Out(Side),
	/// This party had no move.
	Stuck(Side),
}

/// Plays a board; how it ended and after how many moves.
fn play(mut board: Board, mut answer: impl FnMut(&Board) -> Option<Move>) -> (End, u32) {
	for moves in 1.. {
		let turn = board.turn();
		let Some(action) = answer(&board) else {
			return (End::Stuck(turn), moves - 1);
		};
		assert!(board.encoded_size() <= Board::max_encoded_len());
		match board.play(&action, start) {
			Ok(Next::Goes(next)) => board = next,
			Ok(Next::Out(side)) => return (End::Out(side), moves),
			Err(_) => return (End::Stuck(turn), moves - 1),
		}
	}
	unreachable!()
}

/// Another outcome than the right one.
fn forged(right: Outcome, how: u32) -> Outcome {
	match how % 5 {
		0 => Outcome {
			gas_used: right.gas_used - 1,
			..right
		},
		1 => Outcome {
			gas_used: LIMITS.gas,
			..right
		},
		2 => Outcome {
			output: EMPTY_BLOB,
			..right
		},
		3 => Outcome {
			status: Status::Exit,
			code: 1,
			errors: errors_root::<Blake2>(0, &[0; 32]),
			..right
		},
		_ => Outcome {
			status: Status::OutOfGas,
			gas_used: LIMITS.gas,
			output: EMPTY_BLOB,
			..right
		},
	}
}

/// An adversary: forged tasks, the step up to which it tells the truth, and whether it ends by stopping.
#[derive(Clone, Debug)]
struct Lie {
	tasks: Vec<(prop::sample::Index, u32)>,
	fault: u64,
	patience: u32,
}

fn lie() -> impl Strategy<Value = Lie> {
	let tasks = proptest::collection::vec((any::<prop::sample::Index>(), 0_u32..5), 1..4);
	(tasks, 0_u64..9_000, prop_oneof![4 => Just(u32::MAX), 1 => 0_u32..12]).prop_map(|(tasks, fault, patience)| Lie {
		tasks,
		fault,
		patience,
	})
}

impl Lie {
	fn player(&self, tasks: u32) -> Player {
		let mut player = Player::honest(tasks);
		for (at, how) in &self.tasks {
			let at = at.index(tasks as usize);
			player.outcomes[at] = forged(truth(at as u32), *how);
		}
		player.fault = Some(self.fault);
		player
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(60))]

	#[test]
	fn of_two_seats_the_honest_one_wins(tasks in prop_oneof![Just(1_u32), 2_u32..40, 200_u32..700], lie in lie(), first in any::<bool>()) {
		let (mut honest, mut liar) = (Player::honest(tasks), lie.player(tasks));
		let role = if first { Side::First } else { Side::Second };
		let (target, other) = match role {
			Side::First => (honest.report(), liar.report()),
			Side::Second => (liar.report(), honest.report()),
		};
		let board = Board::between(subject(tasks), target, other).unwrap();
		let mut made = 0;
		let (end, moves) = play(board, |board| match board.turn() == role {
			true => honest.answer(board),
			false => {
				made += 1;
				(made <= lie.patience).then(|| liar.answer(board)).flatten()
			}
		});
		let loser = role.other();
		prop_assert!(end == End::Out(loser) || end == End::Stuck(loser), "{end:?}");
		prop_assert!(moves <= 6 + 11, "{moves}");
	}

	#[test]
	fn an_outsider_wins_if_the_task_it_names_is_wrong(tasks in prop_oneof![Just(1_u32), 2_u32..40, 200_u32..700], lie in lie()) {
		let (task, how) = (lie.tasks[0].0.index(tasks as usize) as u32, lie.tasks[0].1);
		let (mut liar, mut honest) = (lie.player(tasks), Player::honest(tasks));
		// The last of equal places counts.
		let right = truth(task);
		if liar.outcomes[task as usize] == right {
			liar.outcomes[task as usize] = forged(right, how);
		}
		let board = Board::against(subject(tasks), liar.report(), task, &right).unwrap();
		let (end, _) = play(board, |board| match board.turn() {
			Side::First => liar.answer(board),
			Side::Second => honest.answer(board),
		});
		prop_assert!(matches!(end, End::Out(Side::First) | End::Stuck(Side::First)), "{end:?}");
		// The other way round: an outsider that lies about a right task.
		let wrong = forged(right, how);
		let board = Board::against(subject(tasks), honest.report(), task, &wrong).unwrap();
		let (end, _) = play(board, |board| match board.turn() {
			Side::First => honest.answer(board),
			Side::Second => liar.answer(board),
		});
		prop_assert!(matches!(end, End::Out(Side::Second) | End::Stuck(Side::Second)), "{end:?}");
	}

	#[test]
	fn an_outsider_that_names_what_is_there_is_out(tasks in 2_u32..300, at in any::<prop::sample::Index>()) {
		let mut honest = Player::honest(tasks);
		let task = at.index(tasks as usize) as u32;
		let board = Board::against(subject(tasks), honest.report(), task, &truth(task)).unwrap();
		let (end, moves) = play(board, |board| honest.answer(board));
		prop_assert_eq!(end, End::Out(Side::Second));
		prop_assert!(moves <= 3);
	}

	#[test]
	fn whatever_else_is_sent_changes_nothing_or_hurts_its_sender(
		tasks in prop_oneof![Just(1_u32), 2_u32..40],
		lie in lie(),
		garbage in proptest::collection::vec((0_u8..4, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..64), 0_usize..17), 1..40),
	) {
		let (mut honest, mut liar) = (Player::honest(tasks), lie.player(tasks));
		let mut board = Board::between(subject(tasks), liar.report(), honest.report()).unwrap();
		for (kind, part, bytes, count) in garbage {
			let hash = |n: usize| Hash::from_slice(&[&bytes[..], &[n as u8; 32]].concat()[..32]);
			let claims = || Claims::truncate_from((0..count).map(hash).collect());
			let action = match kind {
				0 => Move::Open(Nodes::truncate_from((0..count).map(|n| SumNode { hash: hash(n), gas: n as u64 }).collect())),
				1 => Move::Leaf(opening(0, forged(truth(0), u32::from(part)), claims())),
				2 => Move::Divide(part, claims()),
				_ => Move::Prove(part, Witness::truncate_from(bytes.clone())),
			};
			match board.play(&action, start) {
				Err(_) => {
					// What honest or clever players do is legal still.
					let next = match board.turn() {
						Side::First => liar.answer(&board),
						Side::Second => honest.answer(&board),
					};
					match next.map(|next| board.play(&next, start)) {
						Some(Ok(Next::Goes(next))) => board = next,
						Some(Ok(Next::Out(side))) => {
							prop_assert_eq!(side, Side::First);
							return Ok(());
						}
						Some(Err(error)) => {
							prop_assert_eq!(board.turn(), Side::First, "{:?}", error);
							return Ok(());
						}
						None => return Ok(()),
					}
				}
				// Roots that nobody computed: from here on the honest party need not move for the other.
				Ok(Next::Goes(next)) if board.turn() == Side::First => board = next,
				Ok(Next::Goes(_)) => {}
				Ok(Next::Out(side)) => prop_assert!(board.turn() == side, "garbage wins"),
			}
		}
	}
}

#[test]
fn the_tasks_succeed_and_differ() {
	let all: Vec<Outcome> = (0..KINDS).map(truth).collect();
	for (n, outcome) in all.iter().enumerate() {
		assert_eq!(
			(outcome.status, outcome.output.len),
			(Status::Success, 1),
			"{outcome:?}"
		);
		assert!(!all[..n].contains(outcome));
		assert!((0..5).all(|how| forged(*outcome, how) != *outcome));
	}
}

#[test]
fn a_board_is_small() {
	assert!(Board::max_encoded_len() <= 750, "{}", Board::max_encoded_len());
}

#[test]
fn the_largest_board_is_seventeen_moves() {
	let tasks = 4_096;
	let (mut honest, mut liar) = (Player::honest(tasks), Player::honest(tasks));
	liar.outcomes[4_095] = forged(truth(4_095), 2);
	liar.fault = Some(100);
	let subject = Subject {
		limits: Limits {
			gas: millrace_primitives::machine::MAX_GAS,
			..LIMITS
		},
		..subject(tasks)
	};
	let board = Board::between(subject, liar.report(), honest.report()).unwrap();
	let mut bytes = [0; 2];
	let (end, moves) = play(board, |board| {
		let action = match board.turn() {
			Side::First => liar.answer(board),
			Side::Second => honest.answer(board),
		};
		bytes[board.turn() as usize] += action.as_ref().map_or(0, Encode::encoded_size);
		action
	});
	// The state's root has the limit in it, which the players here do not know: only the number of moves is of interest.
	assert!(matches!(end, End::Out(_) | End::Stuck(_)));
	assert_eq!(moves, 17);
	assert!(bytes.iter().sum::<usize>() <= 16_000, "{bytes:?}");
	println!("{moves} moves, {bytes:?} bytes of the two");
}

#[test]
fn there_is_no_board_about_nothing() {
	let (honest, mut liar) = (Player::honest(3), Player::honest(3));
	assert_eq!(Board::between(subject(3), honest.report(), honest.report()), None);
	assert_eq!(Board::against(subject(3), honest.report(), 3, &truth(0)), None);
	assert_eq!(Board::against(subject(0), honest.report(), 0, &truth(0)), None);
	liar.outcomes[1] = forged(truth(1), 0);
	assert_eq!(Board::between(subject(0), honest.report(), liar.report()), None);
	let other = Subject {
		engine: VERSION + 1,
		..subject(3)
	};
	assert_eq!(Board::between(other, honest.report(), liar.report()), None);
	assert_eq!(Board::against(other, liar.report(), 1, &truth(1)), None);
	let one = Player::honest(1);
	assert_eq!(Board::against(subject(1), one.report(), 0, &truth(0)), None);
	// What claims more gas than there is would have for ever to replay it.
	for tasks in [1, 3] {
		let honest = Player::honest(tasks).report();
		let most = subject(tasks).limits.gas * u64::from(tasks);
		let claiming = |gas_used| Report {
			root: Hash::repeat_byte(9),
			gas_used,
		};
		for greedy in [most + 1, u64::MAX].map(claiming) {
			assert_eq!(Board::between(subject(tasks), honest, greedy), None);
			assert_eq!(Board::between(subject(tasks), greedy, honest), None);
		}
		assert!(Board::between(subject(tasks), honest, claiming(most)).is_some());
	}
}

#[test]
fn beyond_its_limits_no_outcome_is_opened() {
	let mut liar = Player::honest(1);
	liar.outcomes[0].output.len = LIMITS.output + 1;
	let board = Board::against(subject(1), liar.report(), 0, &truth(0)).unwrap();
	let action = liar.answer(&board).unwrap();
	assert_eq!(board.play(&action, start), Err(Illegal::Outcome));
	let mut liar = Player::honest(1);
	liar.outcomes[0].gas_used = LIMITS.gas + 1;
	let board = Board::against(subject(1), liar.report(), 0, &truth(0)).unwrap();
	let action = liar.answer(&board).unwrap();
	assert_eq!(board.play(&action, start), Err(Illegal::Outcome));
	// A task that cannot start is nobody's to play.
	let honest = Player::honest(1);
	let board = Board::against(subject(1), honest.report(), 0, &forged(truth(0), 0)).unwrap();
	let action = Player::honest(1).answer(&board).unwrap();
	assert_eq!(board.play(&action, |_, _, _| None), Err(Illegal::Start));
}

#[test]
fn only_with_its_own_input_a_task_is_opened() {
	let mut honest = Player::honest(3);
	let board = Board::against(subject(3), honest.report(), 2, &forged(truth(2), 0)).unwrap();
	let Ok(Next::Goes(board)) = board.play(&honest.answer(&board).unwrap(), start) else {
		panic!("it is legal")
	};
	let Some(Move::Leaf(right)) = honest.answer(&board) else {
		panic!("the leaf is to be opened")
	};
	let wrong = [
		Opening {
			input: blob(&input(1)).unwrap(),
			..right.clone()
		},
		Opening {
			proof: InputProof::default(),
			..right.clone()
		},
	];
	for wrong in wrong {
		assert_eq!(board.play(&Move::Leaf(wrong), start), Err(Illegal::Start));
	}
	// What is asked for is the task's and what was said of it.
	let asked = |task: u32, given: &Blob, proof: &[Hash]| {
		assert_eq!((task, given, proof), (2, &right.input, &right.proof[..]));
		start(task, given, proof)
	};
	assert!(matches!(
		board.play(&Move::Leaf(right.clone()), asked),
		Ok(Next::Goes(_))
	));
}

#[test]
fn a_leaf_that_was_shown_is_opened_at_once() {
	let (mut honest, mut liar) = (Player::honest(40), Player::honest(40));
	liar.outcomes[29] = forged(truth(29), 0);
	liar.fault = Some(100);
	let [right, wrong] = [truth(29), liar.outcomes[29]].map(|outcome| SumNode::leaf(&outcome));
	for (target, other) in [(right, wrong), (wrong, right)] {
		let board = Board::at_task(subject(40), Claim::Node(target), 29, other).unwrap();
		assert_eq!(
			(board.turn(), board.to_open(), board.task()),
			(Side::First, None, Some(29))
		);
		assert_eq!(board.gas(), Some(truth(29).gas_used));
		let loser = if target == wrong { Side::First } else { Side::Second };
		let (end, _) = play(board, |board| match board.turn() == loser {
			true => liar.answer(board),
			false => honest.answer(board),
		});
		assert!(end == End::Out(loser) || end == End::Stuck(loser), "{end:?}");
	}
	let at = |subject, target, task, other| Board::at_task(subject, target, task, other);
	assert_eq!(at(subject(40), Claim::Node(right), 29, right), None);
	assert_eq!(at(subject(29), Claim::Node(right), 29, wrong), None);
	assert_eq!(at(subject(0), Claim::Node(right), 0, wrong), None);
	// Nobody says that a task used more than it may, which would be time that nobody needs.
	let beyond = SumNode {
		gas: LIMITS.gas + 1,
		..wrong
	};
	assert_eq!(at(subject(40), Claim::Node(right), 29, beyond), None);
	assert_eq!(at(subject(40), Claim::Report(honest.report()), 29, beyond), None);
	assert_eq!(
		at(subject(40), Claim::Report(honest.report()), 29, wrong),
		Board::against(subject(40), honest.report(), 29, &liar.outcomes[29])
	);
}

#[test]
fn a_move_of_another_kind_is_none() {
	let (mut honest, mut liar) = (Player::honest(2), Player::honest(2));
	liar.outcomes[1] = forged(truth(1), 0);
	let board = Board::between(subject(2), honest.report(), liar.report()).unwrap();
	let open = honest.answer(&board).unwrap();
	let divide = Move::Divide(0, Claims::default());
	let prove = Move::Prove(0, Witness::default());
	let leaf = Move::Leaf(opening(1, truth(1), Claims::default()));
	for action in [&divide, &prove, &leaf] {
		assert_eq!(board.play(action, start), Err(Illegal::Kind));
	}
	let Ok(Next::Goes(board)) = board.play(&open, start) else {
		panic!("it is legal")
	};
	assert_eq!(board.turn(), Side::Second);
	// The other's tree is not the target's.
	assert_eq!(board.play(&open, start), Err(Illegal::Nodes));
	let Ok(Next::Goes(board)) = board.play(&liar.answer(&board).unwrap(), start) else {
		panic!("it is legal")
	};
	assert_eq!((board.turn(), board.task()), (Side::First, Some(1)));
	// The honest claim is the larger one.
	assert_eq!(board.gas(), Some(truth(1).gas_used));
	assert_eq!(board.play(&open, start), Err(Illegal::Kind));
}
