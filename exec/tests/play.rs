//! Boards that are played by what an agent has: outcomes from the fast engine, and replays of one task.

use millrace_court::{
	board::{Board, Illegal, Move, Next, Subject},
	sums::Claim,
};
use millrace_exec::{
	lying::LyingRun,
	play::{Player, Trouble},
	replay::{Begun, Input, Inputs, NoRun, Replay, Replayer},
	Budget, Bytes, Execute, Named, Refused, Side, Stop, Supply, Wasm, WasmLimits,
};
use millrace_primitives::{
	machine::{address, blob, errors_root, task_seed, Blake2, EMPTY_BLOB},
	merkle::{list_root, prove_range, prove_within, SumNode},
	outcome, Hash, Limits, Matter, Outcome, Status, ENGINE_VERSION,
};
use std::{
	io,
	sync::{Arc, OnceLock},
	time::{Duration, Instant},
};

/// Reads a byte, turns around as often as it says, and writes it.
const PROGRAM: &str = include_str!("../../court/tests/common/turns.wat");

/// Runs until its gas is gone.
const ENDLESS: &str = r#"(module (memory (export "memory") 1)
	(func (export "_start") (loop $again (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1))) (br $again))))"#;

const LIMITS: Limits = Limits {
	gas: 2_000_000,
	memory_pages: 40,
	output: 100,
};
/// Tasks of the whole job, and the shard's first.
const JOB_TASKS: u32 = 100;
const FIRST: u32 = 37;
const BUDGET: Budget = Budget {
	bytes: 1 << 20,
	threads: 1,
};

fn input(index: u32) -> Vec<u8> {
	vec![1 + (index % 7) as u8 * 9, index as u8]
}

fn list() -> Vec<Hash> {
	(0..JOB_TASKS)
		.map(|index| address(&blob(&input(index)).unwrap()))
		.collect()
}

fn matter_of(wasm: &[u8], tasks: u32) -> Matter {
	let named = Named::of(wasm).unwrap();
	Matter {
		engine: ENGINE_VERSION,
		program: named.id,
		roots: named.roots,
		image: None,
		setup: EMPTY_BLOB,
		input_root: list_root(&list()),
		job_tasks: JOB_TASKS,
		first_task: FIRST,
		tasks,
		limits: LIMITS,
	}
}

fn wasm() -> Vec<u8> {
	wat::parse_str(PROGRAM).unwrap()
}

fn matter(tasks: u32) -> Matter {
	static KNOWN: OnceLock<Matter> = OnceLock::new();
	Matter {
		tasks,
		..KNOWN.get_or_init(|| matter_of(&wasm(), 1)).clone()
	}
}

fn nothing() -> Bytes {
	Arc::new([0; 0])
}

/// Inputs from what an agent keeps of its shard: the addresses and the proof of the range.
fn inputs(tasks: u32) -> Inputs {
	let values = list()[FIRST as usize..(FIRST + tasks) as usize].to_vec();
	let proof = prove_range(&list(), FIRST, tasks).unwrap();
	Box::new(move |task| {
		let index = FIRST + task;
		Ok(Input {
			bytes: Arc::new(input(index)),
			proof: prove_within(JOB_TASKS, FIRST, &values, &proof, index).unwrap(),
		})
	})
}

fn replayer(tasks: u32) -> Replayer {
	Replayer::new(matter(tasks), &wasm(), nothing(), nothing(), inputs(tasks), BUDGET).unwrap()
}

/// What the shard's tasks come to, as agents compute it.
fn truth(tasks: u32) -> Vec<Outcome> {
	static ALL: OnceLock<Vec<Outcome>> = OnceLock::new();
	let all = ALL.get_or_init(|| {
		let executor = Wasm::new(WasmLimits::default()).unwrap();
		let program = executor
			.load(&Named::of(&wasm()).unwrap(), &wasm(), LIMITS.memory_pages)
			.unwrap();
		let outcome = |index: u32| {
			let supply = Supply::of_input(input(index), task_seed(&matter(1).input_root, index));
			program.run(&LIMITS, supply, &Stop::new()).unwrap().outcome
		};
		(FIRST..FIRST + 40).map(outcome).collect()
	});
	assert!(all.iter().all(|outcome| outcome.status == Status::Success));
	all[..tasks as usize].to_vec()
}

fn numbered(outcomes: &[Outcome]) -> Vec<(u32, Outcome)> {
	(0..).zip(outcomes.iter().copied()).collect()
}

fn honest(tasks: u32) -> Player {
	Player::new(replayer(tasks), numbered(&truth(tasks)))
}

/// A replay that tells the truth up to a step, and of the end that it is another one: what a liar would have to write.
struct Lie {
	replayer: Replayer,
	fault: u64,
	outcomes: Vec<Outcome>,
}

impl Replay for Lie {
	type Run = LyingRun;

	fn matter(&self) -> &Matter {
		self.replayer.matter()
	}

	fn begin(&mut self, task: u32, stop: &Stop) -> Result<Begun<LyingRun>, NoRun> {
		let Begun { run, input, proof } = self.replayer.begin(task, stop)?;
		let run = LyingRun::new(run, self.fault, self.outcomes[task as usize]);
		Ok(Begun { run, input, proof })
	}
}

fn forged(right: Outcome, how: u32) -> Outcome {
	match how % 4 {
		0 => Outcome {
			gas_used: right.gas_used - 1,
			..right
		},
		1 => Outcome {
			output: EMPTY_BLOB,
			..right
		},
		2 => Outcome {
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

/// Somebody who forged one task.
fn liar(tasks: u32, task: u32, how: u32, fault: u64) -> Player<Lie> {
	let mut outcomes = truth(tasks);
	outcomes[task as usize] = forged(outcomes[task as usize], how);
	let replay = Lie {
		replayer: replayer(tasks),
		fault,
		outcomes: outcomes.clone(),
	};
	Player::new(replay, numbered(&outcomes))
}

fn subject(tasks: u32) -> Subject {
	Subject {
		engine: ENGINE_VERSION,
		tasks,
		limits: LIMITS,
	}
}

/// A liar's move: one that loses as well, for it has none else.
fn lie<R: Replay>(player: &mut Player<R>, board: &Board, side: Side) -> Move {
	match player.answer(board, side, &Stop::new()) {
		Ok(action) => action.expect("it is its turn"),
		Err(Trouble::Losing(action)) => *action,
		Err(error) => panic!("{error}"),
	}
}

/// Plays a board to its step: who is out, and after how many moves. `honest` is asked for the moves of one side.
fn play(mut board: Board, side: Side, mut honest: impl FnMut(&Board) -> Move, liar: &mut Player<Lie>) -> (Side, u32) {
	let matter = matter(board.subject().tasks);
	for moves in 1.. {
		let action = match board.turn() == side {
			true => honest(&board),
			false => lie(liar, &board, side.other()),
		};
		match board.play(&action, |task, input, proof| matter.start(task, input, proof)) {
			Ok(Next::Goes(next)) => board = next,
			Ok(Next::Out(out)) => return (out, moves),
			Err(error) => panic!("{action:?} is none: {error:?}"),
		}
	}
	unreachable!()
}

fn said(player: &mut Player, board: &Board, side: Side) -> Move {
	assert!(matches!(player.answer(board, side.other(), &Stop::new()), Ok(None)));
	player
		.answer(board, side, &Stop::new())
		.unwrap_or_else(|error| panic!("{error}"))
		.expect("it is its turn")
}

/// A board between an honest report and one that has a task forged.
fn between(tasks: u32, honest: &Player, liar: &Player<Lie>, side: Side) -> Board {
	let (right, wrong) = (honest.report().unwrap(), liar.report().unwrap());
	let (target, other) = match side {
		Side::First => (right, wrong),
		Side::Second => (wrong, right),
	};
	Board::between(subject(tasks), target, other).unwrap()
}

#[test]
fn an_honest_report_wins_as_target_and_as_attacker() {
	for (tasks, task) in [(1, 0), (40, 0), (40, 31), (40, 39)] {
		for (how, fault) in [(0, 0), (1, 77), (2, 150), (3, 1_000_000)] {
			for side in [Side::First, Side::Second] {
				let (mut honest, mut liar) = (honest(tasks), liar(tasks, task, how, fault));
				assert_eq!(honest.report().unwrap(), outcome::report(&truth(tasks)).unwrap());
				let board = between(tasks, &honest, &liar, side);
				let (out, moves) = play(board, side, |board| said(&mut honest, board, side), &mut liar);
				assert_eq!(
					out,
					side.other(),
					"{tasks} tasks, {task} forged in way {how} from {fault} on"
				);
				assert!(moves <= 4 + 7, "{moves}");
			}
		}
	}
}

#[test]
fn who_computed_one_task_wins_about_it() {
	let (tasks, task) = (40, 23);
	let right = truth(tasks)[task as usize];
	let one = || Player::new(replayer(tasks), [(task, right)]);
	assert!(matches!(one().report(), Err(Trouble::NotComputed(0))));
	// It accuses a report, or an audit's leaf.
	let accused = |liar: &Player<Lie>| Board::against(subject(tasks), liar.report().unwrap(), task, &right);
	let leaf = |outcome: &Outcome| SumNode::leaf(outcome);
	for by_leaf in [false, true] {
		let (mut outsider, mut liar) = (one(), liar(tasks, task, 1, 60));
		let board = match by_leaf {
			false => accused(&liar),
			true => Board::at_task(subject(tasks), Claim::Node(leaf(&forged(right, 1))), task, leaf(&right)),
		};
		let side = Side::Second;
		let (out, _) = play(
			board.unwrap(),
			side,
			|board| said(&mut outsider, board, side),
			&mut liar,
		);
		assert_eq!(out, Side::First);
	}
	// An audit defends its leaf.
	let (mut audit, mut liar) = (one(), liar(tasks, task, 1, 60));
	let board = Board::at_task(subject(tasks), Claim::Node(leaf(&right)), task, leaf(&forged(right, 1))).unwrap();
	let (out, _) = play(
		board,
		Side::First,
		|board| said(&mut audit, board, Side::First),
		&mut liar,
	);
	assert_eq!(out, Side::Second);
	// It cannot open a tree that it has not.
	let report = outcome::report(&truth(tasks)).unwrap();
	let board = Board::against(subject(tasks), report, task, &forged(right, 1)).unwrap();
	let none = audit.answer(&board, Side::First, &Stop::new());
	assert!(matches!(none, Err(Trouble::NotComputed(0))));
}

#[test]
fn a_new_player_goes_on_where_another_one_stopped() {
	for side in [Side::First, Side::Second] {
		let (mut steady, mut liar) = (honest(40), liar(40, 12, 0, 50));
		let board = between(40, &steady, &liar, side);
		let restarted = |board: &Board| {
			let action = said(&mut honest(40), board, side);
			assert_eq!(action, said(&mut steady, board, side));
			action
		};
		assert_eq!(play(board, side, restarted, &mut liar).0, side.other());
	}
}

#[test]
fn one_player_looks_at_one_task_after_another() {
	let mut player = honest(40);
	let right = truth(40);
	let report = player.report().unwrap();
	for task in [3, 30, 3] {
		let mut liar = liar(40, task, 0, 40);
		let board = Board::against(subject(40), report, task, &forged(right[task as usize], 0)).unwrap();
		let honest = |board: &Board| said(&mut player, board, Side::First);
		assert_eq!(play(board, Side::First, honest, &mut liar).0, Side::Second);
	}
}

#[test]
fn nothing_is_said_of_what_was_not_computed() {
	let right = truth(2);
	let stop = Stop::new();
	// Its own replay denies its outcome: whoever forges needs more than a forged outcome.
	let forgery = [right[0], forged(right[1], 0)];
	let mut forger = Player::new(replayer(2), numbered(&forgery));
	let (mut other, matter) = (honest(2), matter(2));
	let differs = |found: Result<Option<Move>, Trouble>| match found {
		Err(Trouble::Differs {
			task: 1,
			computed,
			replayed,
		}) => assert_eq!((*computed, *replayed), (forgery[1], right[1])),
		found => panic!("{found:?}"),
	};
	let go = |board: &Board, action: Move| match board
		.play(&action, |task, input, proof| matter.start(task, input, proof))
	{
		Ok(Next::Goes(next)) => next,
		other => panic!("{other:?}"),
	};
	let (forged_report, report) = (forger.report().unwrap(), other.report().unwrap());
	let board = Board::between(subject(2), forged_report, report).unwrap();
	let board = go(&board, said(&mut forger, &board, Side::First));
	let board = go(&board, said(&mut other, &board, Side::Second));
	differs(forger.answer(&board, Side::First, &stop));
	let board = Board::between(subject(2), report, forged_report).unwrap();
	let board = go(&board, said(&mut other, &board, Side::First));
	let board = go(&board, said(&mut forger, &board, Side::Second));
	let board = go(&board, said(&mut other, &board, Side::First));
	differs(forger.answer(&board, Side::Second, &stop));

	// What was reported was something else.
	let board = Board::between(subject(2), forged_report, report).unwrap();
	let none = other.answer(&board, Side::First, &stop);
	assert!(matches!(none, Err(Trouble::Illegal(Illegal::Nodes))), "{none:?}");
	// The board is another shard's.
	let one = |outcomes: &[Outcome]| outcome::report(&outcomes[..1]).unwrap();
	let other_gas = Subject {
		limits: Limits {
			gas: 1_000_000,
			..LIMITS
		},
		..subject(2)
	};
	for board in [
		Board::between(subject(1), one(&right), one(&[forged(right[0], 1)])).unwrap(),
		Board::between(other_gas, report, forged_report).unwrap(),
	] {
		let none = other.answer(&board, Side::First, &stop);
		assert!(matches!(none, Err(Trouble::Subject)), "{none:?}");
	}
	let too_much = [
		(
			0,
			Outcome {
				gas_used: u64::MAX,
				..right[0]
			},
		),
		(1, right[1]),
	];
	let none = Player::new(replayer(2), too_much).report();
	assert!(matches!(none, Err(Trouble::Sum)));
}

#[test]
fn a_move_that_loses_is_not_given_out() {
	// Both play the truth, one of them for an outcome that it has no right to deny.
	let right = truth(1)[0];
	let (mut target, mut other) = (honest(1), honest(1));
	let matter = matter(1);
	let mut board = Board::against(subject(1), target.report().unwrap(), 0, &forged(right, 0)).unwrap();
	loop {
		let side = board.turn();
		let player = match side {
			Side::First => &mut target,
			Side::Second => &mut other,
		};
		let action = match player.answer(&board, side, &Stop::new()) {
			Ok(action) => action.unwrap(),
			Err(Trouble::Losing(action)) => {
				assert_eq!(side, Side::Second);
				let next = board.play(&action, |_, _, _| None);
				assert_eq!(next, Ok(Next::Out(Side::Second)));
				break;
			}
			Err(error) => panic!("{error}"),
		};
		match board.play(&action, |task, input, proof| matter.start(task, input, proof)) {
			Ok(Next::Goes(next)) => board = next,
			Ok(Next::Out(out)) => {
				assert_eq!((side, out), (Side::First, Side::Second));
				break;
			}
			Err(error) => panic!("{error:?}"),
		}
	}
}

#[test]
fn spoiled_data_is_not_played() {
	let right = truth(2);
	let board = Board::at_task(
		subject(2),
		Claim::Node(SumNode::leaf(&right[1])),
		1,
		SumNode::leaf(&forged(right[1], 0)),
	)
	.unwrap();
	let answer = |replayer: Replayer| {
		let mut player = Player::new(replayer, numbered(&right));
		player.answer(&board, Side::First, &Stop::new())
	};
	let with = |matter: Matter, image: Bytes, setup: Bytes, inputs: Inputs| {
		answer(Replayer::new(matter, &wasm(), image, setup, inputs, BUDGET).unwrap())
	};
	assert!(matches!(
		with(matter(2), nothing(), nothing(), inputs(2)),
		Ok(Some(Move::Leaf(_)))
	));
	let other: Bytes = Arc::new([7; 9]);
	for (image, setup) in [(other.clone(), nothing()), (nothing(), other.clone())] {
		let found = with(matter(2), image, setup, inputs(2));
		assert!(matches!(found, Err(Trouble::NoRun(NoRun::Start))), "{found:?}");
	}
	let mut right_inputs = inputs(2);
	let found = with(
		matter(2),
		nothing(),
		nothing(),
		Box::new(move |task| {
			let bytes = Arc::new([9; 2]);
			Ok(Input {
				bytes,
				..right_inputs(task)?
			})
		}),
	);
	assert!(matches!(found, Err(Trouble::NoRun(NoRun::Input(1)))), "{found:?}");
	let mut right_inputs = inputs(2);
	let found = with(matter(2), nothing(), nothing(), Box::new(move |_| right_inputs(0)));
	assert!(matches!(found, Err(Trouble::NoRun(NoRun::Input(1)))), "{found:?}");
	let found = with(
		matter(2),
		nothing(),
		nothing(),
		Box::new(|_| Err(io::ErrorKind::NotFound.into())),
	);
	assert!(
		matches!(found, Err(Trouble::NoRun(NoRun::Disk { task: 1, .. }))),
		"{found:?}"
	);

	let new = |matter: Matter, wasm: &[u8]| Replayer::new(matter, wasm, nothing(), nothing(), inputs(2), BUDGET).err();
	let endless = wat::parse_str(ENDLESS).unwrap();
	assert!(matches!(new(matter(2), &endless), Some(NoRun::Refused(Refused::Roots))));
	assert!(matches!(
		new(matter(2), b"\0asm"),
		Some(NoRun::Refused(Refused::Module(_)))
	));
	let engine = ENGINE_VERSION + 1;
	assert!(matches!(
		new(Matter { engine, ..matter(2) }, &wasm()),
		Some(NoRun::Engine(found)) if found == engine
	));
	let begin = |matter: Matter, task| {
		let mut replayer = Replayer::new(matter, &wasm(), nothing(), nothing(), inputs(2), BUDGET).unwrap();
		replayer.begin(task, &Stop::new()).err()
	};
	assert!(matches!(begin(matter(2), 2), Some(NoRun::Task(2))));
	let mut tight = matter(2);
	tight.limits.memory_pages = 1;
	assert!(matches!(begin(tight, 0), Some(NoRun::Unfit(_))));
}

#[test]
fn a_task_with_image_and_setup_starts_where_the_chain_says() {
	let (image, setup): (Vec<u8>, Vec<u8>) = ((0..100_000).map(|n: u32| (n >> 3) as u8).collect(), vec![3; 70]);
	let matter = Matter {
		image: blob(&image),
		setup: blob(&setup).unwrap(),
		..matter(3)
	};
	let mut replayer = Replayer::new(
		matter.clone(),
		&wasm(),
		Arc::new(image),
		Arc::new(setup),
		inputs(3),
		BUDGET,
	)
	.unwrap();
	for task in 0..3 {
		let Begun { mut run, input, proof } = replayer.begin(task, &Stop::new()).unwrap();
		assert_eq!(blob(&self::input(FIRST + task)), Some(input));
		assert_eq!(proof, prove_range(&list(), FIRST + task, 1).unwrap());
		assert_eq!(
			Some(Hash::from(run.root(0).unwrap())),
			matter.start(task, &input, &proof)
		);
	}
}

#[test]
fn a_replay_is_stopped_and_asked_for_again() {
	let endless = wat::parse_str(ENDLESS).unwrap();
	let limits = Limits { gas: 1 << 36, ..LIMITS };
	let matter = Matter {
		limits,
		..matter_of(&endless, 1)
	};
	let subject = Subject { limits, ..subject(1) };
	let out_of_gas = Outcome {
		status: Status::OutOfGas,
		code: 0,
		output: EMPTY_BLOB,
		errors: [0; 32],
		gas_used: limits.gas,
	};
	let board = Board::at_task(
		subject,
		Claim::Node(SumNode::leaf(&out_of_gas)),
		0,
		SumNode::leaf(&forged(out_of_gas, 0)),
	)
	.unwrap();
	let replayer = Replayer::new(matter, &endless, nothing(), nothing(), inputs(1), BUDGET).unwrap();
	let mut player = Player::new(replayer, [(0, out_of_gas)]);
	let requested = Stop::new();
	requested.request();
	let found = player.answer(&board, Side::First, &requested);
	assert!(matches!(found, Err(Trouble::Stopped(_))), "{found:?}");
	// Some minutes of work, which end when somebody says so.
	for _ in 0..2 {
		let stop = Stop::new();
		let started = Instant::now();
		let found = std::thread::scope(|scope| {
			let (player, board, stop) = (&mut player, &board, &stop);
			let working = scope.spawn(move || player.answer(board, Side::First, stop));
			std::thread::sleep(Duration::from_millis(200));
			stop.request();
			working.join().unwrap()
		});
		assert!(matches!(found, Err(Trouble::Stopped(_))), "{found:?}");
		assert!(started.elapsed() < Duration::from_secs(20));
	}

	// After it was stopped a player says what it would have said.
	let (mut player, mut other) = (honest(1), honest(1));
	let board = Board::against(self::subject(1), player.report().unwrap(), 0, &forged(truth(1)[0], 0)).unwrap();
	assert!(player.answer(&board, Side::First, &requested).is_err());
	assert_eq!(
		said(&mut player, &board, Side::First),
		said(&mut other, &board, Side::First)
	);
}

#[test]
fn a_player_can_be_sent_to_a_thread() {
	fn is_send<T: Send>(_: T) {}
	is_send(honest(1));
}
