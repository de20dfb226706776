//! Many boards about one task, under clocks that leave time for one replay of it: all are answered in time, and so is a board
//! that asks for a part of the tree while the task is replayed.

use codec::Encode;
use millrace_agent::{
	court::{
		decide::{decide, Room, Step},
		runs::Runs,
		think::{answer, Question},
		view::{parts, Party, Turn},
	},
	exec::{
		play::{open, Player},
		replay::{
			terms::{Game, Move as Claimed, NoAnswer, Range, Stopped},
			Begun, NoRun, Replay, Run,
		},
		Side, Stop,
	},
};
use millrace_court::{
	board::{Board, Claims, Move, Next, Nodes, Opening, Subject},
	sums::show,
};
use millrace_primitives::{
	api::{BoardView, CaseSeat, CaseSeatKind, CaseSeatState, CaseStage, CaseView},
	machine::{Limits, ProgramRoots, EMPTY_BLOB},
	outcome, AccountId, Hash, JobId, Matter, Outcome, ProgramId, ShardId, Status, ENGINE_VERSION,
};
use std::{
	cell::Cell,
	collections::{BTreeMap, BTreeSet},
	rc::Rc,
};

const TASKS: u32 = 40;
/// Blocks that a replay takes, and a move out of a run that is there.
const REPLAY: u32 = 100;
const QUICK: u32 = 2;
/// Blocks that a party has for all its moves on a board, and what each adds.
const BANK: u32 = 130;
const INCREMENT: u32 = 2;

fn matter() -> Matter {
	Matter {
		engine: ENGINE_VERSION,
		program: ProgramId::default(),
		roots: ProgramRoots {
			entry: 0,
			pages: 1,
			max_pages: 4,
			system_pages: 0,
			code: [1; 32],
			table: [2; 32],
			globals: [3; 32],
			memory: [4; 32],
			system: [5; 32],
		},
		image: None,
		setup: EMPTY_BLOB,
		input_root: Hash::zero(),
		job_tasks: TASKS,
		first_task: 0,
		tasks: TASKS,
		limits: Limits {
			gas: 2_000_000,
			memory_pages: 4,
			output: 100,
		},
	}
}

fn truth() -> Vec<Outcome> {
	let outcome = |task| Outcome {
		status: Status::Success,
		code: 0,
		output: EMPTY_BLOB,
		errors: [0; 32],
		gas_used: 1_000 + u64::from(task),
	};
	(0..TASKS).map(outcome).collect()
}

/// Replays that take long, and say what they took.
struct Slow {
	matter: Matter,
	took: Rc<Cell<u32>>,
	begun: Rc<Cell<u32>>,
}

struct SlowRun {
	end: Outcome,
	is_new: bool,
	took: Rc<Cell<u32>>,
}

impl SlowRun {
	fn root(&mut self, step: u64) -> [u8; 32] {
		if std::mem::take(&mut self.is_new) {
			self.took.set(self.took.get() + REPLAY);
		}
		Hash::from_low_u64_be(1 << 40 | step).0
	}
}

impl Run for SlowRun {
	fn roots(&mut self, range: &Range, _: &Stop) -> Result<Vec<[u8; 32]>, Stopped> {
		Ok(range.points().map(|step| self.root(step)).collect())
	}

	fn answer(&mut self, game: &Game, _: &Stop) -> Result<Claimed, NoAnswer> {
		self.took.set(self.took.get() + QUICK);
		let (part, claims) = game.answer(|step| Ok::<_, NoAnswer>(self.root(step)))?;
		Ok(Claimed::Divide { part, claims })
	}

	fn outcome(&mut self, _: &Stop) -> Result<Outcome, Stopped> {
		Ok(self.end)
	}
}

impl Replay for Slow {
	type Run = SlowRun;

	fn matter(&self) -> &Matter {
		&self.matter
	}

	fn begin(&mut self, task: u32, _: &Stop) -> Result<Begun<SlowRun>, NoRun> {
		self.begun.set(self.begun.get() + 1);
		let run = SlowRun {
			end: truth()[task as usize],
			is_new: true,
			took: self.took.clone(),
		};
		Ok(Begun {
			run,
			input: EMPTY_BLOB,
			proof: Vec::new(),
		})
	}
}

/// A board on which the agent, who has seat 1, attacks a seat.
struct Table {
	number: u32,
	rival: Vec<Outcome>,
	/// When it is opened.
	from: u32,
	board: Board,
	bank: u32,
	/// Since when the agent is to move.
	since: u32,
	over: bool,
}

impl Table {
	/// Against somebody who has another outcome of a task.
	fn against(number: u32, task: u32, more: u64, from: u32, bank: u32) -> Self {
		let mut rival = truth();
		rival[task as usize].gas_used += more;
		let matter = matter();
		let subject = Subject {
			engine: matter.engine,
			tasks: matter.tasks,
			limits: matter.limits,
		};
		let [target, mine] = [&rival, &truth()].map(|outcomes| outcome::report(outcomes).unwrap());
		Self {
			number,
			board: Board::between(subject, target, mine).unwrap(),
			rival,
			from,
			bank,
			since: from,
			over: false,
		}
	}

	fn is_agents(&self, now: u32) -> bool {
		now >= self.from && !self.over && self.board.turn() == Side::Second
	}

	fn due(&self) -> u32 {
		self.since + self.bank
	}

	fn make(&mut self, action: &Move) {
		match self.board.play(action, |_, _, _| Some(Hash::repeat_byte(9))).unwrap() {
			Next::Goes(board) => self.board = board,
			Next::Out(side) => panic!("{side:?} is out"),
		}
	}

	/// The other answers at once, with states that it makes up. The last step is for other tests.
	fn rivals(&mut self, now: u32) {
		if now < self.from || self.over || self.board.turn() != Side::First {
			return;
		}
		let claims = |range: Range| -> Claims {
			let claims: Vec<Hash> = range.points().map(Hash::from_low_u64_be).collect();
			claims.try_into().unwrap()
		};
		let action = match (self.board.to_open(), self.board.game()) {
			(Some(span), _) => Move::Open(Nodes::try_from(show(&self.rival, span).unwrap()).unwrap()),
			(_, None) => Move::Leaf(Opening {
				outcome: self.rival[self.board.task().unwrap() as usize],
				claims: claims(self.board.run()),
				input: EMPTY_BLOB,
				proof: Default::default(),
			}),
			(_, Some(game)) => match game.picked(1) {
				Ok(range) if !range.is_step() => Move::Divide(1, claims(range)),
				_ => {
					self.over = true;
					return;
				}
			},
		};
		self.make(&action);
		self.since = now;
		self.over = self.board.game().is_some_and(|game| game.picked(0).unwrap().is_step());
	}

	fn moved(&mut self, action: &Move, now: u32) {
		assert!(
			now <= self.due(),
			"board {}: {now} is after {}",
			self.number,
			self.due()
		);
		self.bank = self.due() - now + INCREMENT;
		self.make(action);
	}

	fn view(&self) -> BoardView {
		BoardView {
			number: self.number,
			by: account(1),
			by_seat: Some(1),
			target: 2 + self.number as u8,
			provider: account(2 + self.number as u8),
			targets_turn: Some(self.board.turn() == Side::First),
			target_first: true,
			due: self.due(),
			bond: 0,
			task: self.board.task(),
			board: self.board.encode(),
		}
	}
}

fn account(number: u8) -> AccountId {
	AccountId::from([number; 32])
}

fn case(tables: &[Table], now: u32) -> CaseView {
	let seat = |number| CaseSeat {
		number,
		kind: CaseSeatKind::Primary,
		provider: account(number),
		endpoint: None,
		state: CaseSeatState::Standing,
		report: None,
		stake: 1,
	};
	let open = tables.iter().filter(|table| table.from <= now && !table.over);
	CaseView {
		shard: ShardId {
			job: JobId(1),
			index: 2,
		},
		stage: CaseStage::Judging,
		next: 0,
		drawn: Some(false),
		seats: (1..8).map(seat).collect(),
		attacks: Vec::new(),
		bond: 0,
		boards: open.map(Table::view).collect(),
	}
}

/// Something that is looked for until a block.
struct Thought {
	task: u32,
	until: u32,
	is_quick: bool,
	player: Player<Slow>,
	action: Move,
}

/// Plays tables as an agent does that has memory for one replay at a time, and for runs of so many bytes, where each has ten.
/// How often a task was begun to be replayed.
fn played(tables: &mut [Table], allowance: u64) -> u32 {
	let (took, begun) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
	let outcomes: BTreeMap<u32, Outcome> = (0..).zip(truth()).collect();
	let mut runs = Runs::new(allowance);
	let mut thoughts: BTreeMap<Turn, Thought> = BTreeMap::new();
	let mut answers: BTreeMap<Turn, Move> = BTreeMap::new();
	for now in 0..2_000 {
		tables.iter_mut().for_each(|table| table.rivals(now));
		if tables.iter().all(|table| table.over) {
			return begun.get();
		}
		let done: Vec<Turn> = thoughts
			.iter()
			.filter(|(_, thought)| thought.until <= now)
			.map(|(turn, _)| *turn)
			.collect();
		for turn in done {
			let Thought {
				task, player, action, ..
			} = thoughts.remove(&turn).unwrap();
			runs.put(task, 10, player);
			answers.insert(turn, action);
		}
		let case = case(tables, now);
		let steps = decide(
			&Room {
				case: &case,
				party: Some(Party::Seat(1)),
				now,
				best: now,
				ready: true,
				thinking: &thoughts.iter().map(|(turn, thought)| (*turn, thought.task)).collect(),
				answers: &answers.keys().copied().collect::<BTreeSet<_>>(),
				stuck: &BTreeMap::new(),
			},
			|_| true,
		);
		for step in steps {
			let table = |turn: Turn| tables.iter().position(|table| table.number == turn.board).unwrap();
			match step {
				Step::Play(turn) => tables[table(turn)].moved(&answers[&turn], now),
				Step::Open(turn) => {
					let table = &mut tables[table(turn)];
					assert_eq!(table.since, now, "in the block in which it is asked for");
					let action = open(&matter(), &outcomes, &table.board, Side::Second).unwrap().unwrap();
					table.moved(&action, now);
				}
				Step::Think(turn) => {
					let part = parts(&case, Party::Seat(1)).find(|part| part.turn() == turn).unwrap();
					let task = part.board.task.unwrap();
					let is_quick = runs.get(task).is_some();
					if !is_quick && thoughts.values().any(|thought| !thought.is_quick) {
						continue;
					}
					let new = || {
						let (matter, took, begun) = (matter(), took.clone(), begun.clone());
						Player::new(Slow { matter, took, begun }, outcomes.clone())
					};
					let mut player = runs.take(task).unwrap_or_else(new);
					let question = Question {
						turn,
						board: part.board.board.clone(),
						side: part.side,
					};
					took.set(0);
					let action = answer(&mut player, &question, &Stop::new()).unwrap();
					let until = now + took.get();
					let thought = Thought {
						task,
						until,
						is_quick,
						player,
						action,
					};
					thoughts.insert(turn, thought);
				}
				Step::Stop(turn) => panic!("nothing went away: {turn:?}"),
				step => panic!("{step:?}"),
			}
		}
		for table in tables.iter().filter(|table| table.is_agents(now)) {
			assert!(now < table.due(), "board {} is lost", table.number);
		}
	}
	panic!("it never ends")
}

#[test]
fn boards_about_one_task_share_its_replay_and_trees_are_opened_beside_it() {
	let mut tables: Vec<Table> = (0..3)
		.map(|number| Table::against(number, 4, 1 + u64::from(number), 0, BANK))
		.collect();
	// This one comes while the task is replayed, and leaves no time to wait for that.
	tables.push(Table::against(3, 4, 9, 50, REPLAY - 40));
	assert_eq!(played(&mut tables, 10), 1);
}

#[test]
fn what_is_due_first_is_replayed_first() {
	// The later one has the lower number, and could wait for both.
	let mut tables = [
		Table::against(0, 4, 1, 0, 2 * BANK + 40),
		Table::against(1, 30, 1, 0, BANK),
	];
	assert_eq!(played(&mut tables, 20), 2);
}
