//! Another seat that reported something else, and the court that both stand before.

use crate::chain::{input, operator, provider};
use codec::Encode;
use millrace_agent::exec::Side;
use millrace_court::{
	board::{Board, Claims, Move, Next, Nodes, Opening, Subject},
	sums::{show, Claim},
};
use millrace_primitives::{
	api::{AssignmentView, BoardView, CaseSeat, CaseSeatKind, CaseSeatState, CaseStage, CaseView},
	machine::blob,
	merkle::{self, SumNode},
	outcome, AccountId, BlockNumber, Hash, MarketBlock, Matter, Outcome, Report,
};

/// The agent's seat and the other's, by their numbers in the case.
pub const AGENT: u8 = 0;
pub const RIVAL: u8 = 1;
/// The number of the board.
pub const BOARD: u32 = 5;
/// What either has at stake.
pub const STAKE: u128 = 7_500_000_000_000;

/// A shard's case between the agent and another seat.
#[derive(Clone)]
pub struct Court {
	/// The addresses of all inputs of the job.
	list: Vec<Hash>,
	/// What the tasks come to.
	truth: Vec<Outcome>,
	/// What the other says that they come to.
	rival: Vec<Outcome>,
	/// Who of the two is an audit, and of which task, counted from the shard's first.
	pub audit: Option<(u8, u32)>,
	/// Whether the other attacks.
	pub attacker: bool,
	/// So many moves the other makes.
	pub patience: u32,
	/// Market blocks for each move.
	pub clock: MarketBlock,
	/// The boards that there were, each before a move.
	history: Vec<Board>,
	pub board: Option<(Board, MarketBlock)>,
	/// Who is out, and whether by a step.
	pub end: Option<(u8, bool)>,
	/// The moves that both made.
	pub moves: u32,
	/// The blocks whose case somebody looked at.
	pub reads: Vec<BlockNumber>,
	/// The last market block in which the agent may accuse the other, without a seat of its own.
	pub until: MarketBlock,
	/// What it put up for that, until it is settled.
	pub bond: Option<u128>,
	/// The block in which a watched case is settled, and the one in which it is gone.
	pub settled: Option<(BlockNumber, BlockNumber)>,
	/// A board of somebody else against the other.
	pub stranger: bool,
}

impl Court {
	pub fn new(list: Vec<Hash>, truth: Vec<Outcome>, rival: Vec<Outcome>) -> Self {
		Self {
			list,
			truth,
			rival,
			audit: None,
			attacker: false,
			patience: u32::MAX,
			clock: 12,
			history: Vec::new(),
			board: None,
			end: None,
			moves: 0,
			reads: Vec::new(),
			until: 100_000,
			bond: None,
			settled: None,
			stranger: false,
		}
	}

	/// What the other reported.
	pub fn claimed(&self) -> Report {
		outcome::report(&self.rival).unwrap()
	}

	fn target(&self) -> u8 {
		match self.attacker {
			true => AGENT,
			false => RIVAL,
		}
	}

	/// Who is the first party: the target, or whoever has a whole tree.
	fn first(&self) -> u8 {
		match self.audit {
			Some((audit, _)) => AGENT + RIVAL - audit,
			None => self.target(),
		}
	}

	fn party(&self, side: Side) -> u8 {
		match side {
			Side::First => self.first(),
			Side::Second => AGENT + RIVAL - self.first(),
		}
	}

	fn open(&mut self, seat: &AssignmentView, agent: &Report, now: MarketBlock) {
		let subject = Subject {
			engine: seat.engine,
			tasks: seat.tasks,
			limits: seat.limits,
		};
		let rival = outcome::report(&self.rival).unwrap();
		let board = match self.audit {
			None if self.attacker => Board::between(subject, *agent, rival),
			None => Board::between(subject, rival, *agent),
			Some((audit, task)) => {
				let leaves = [&self.truth, &self.rival].map(|outcomes| SumNode::leaf(&outcomes[task as usize]));
				let whole = if audit == AGENT { rival } else { *agent };
				Board::at_task(subject, Claim::Report(whole), task, leaves[usize::from(audit)])
			}
		};
		self.board = Some((board.unwrap(), now + self.clock));
	}

	/// The agent attacks.
	pub fn attack(
		&mut self,
		seat: &AssignmentView,
		agent: &Report,
		target: u8,
		now: MarketBlock,
	) -> Result<(), String> {
		if target != RIVAL || self.attacker || self.board.is_some() || self.end.is_some() {
			return Err("Enough".into());
		}
		self.open(seat, agent, now);
		Ok(())
	}

	/// The agent accuses the other without a seat of its own; the bond.
	pub fn accuse(
		&mut self,
		seat: &AssignmentView,
		report: &Report,
		(target, bond): (u8, u128),
		now: MarketBlock,
	) -> Result<u128, String> {
		if target != RIVAL || self.board.is_some() || self.end.is_some() || now > self.until {
			return Err("TooLate".into());
		}
		if bond < STAKE {
			return Err("BondAboveLimit".into());
		}
		self.open(seat, report, now);
		self.bond = Some(STAKE);
		Ok(STAKE)
	}

	/// The agent takes its bond back.
	pub fn pull(&mut self, board: u32) -> Result<(), String> {
		if board != BOARD || self.settled.is_none() || self.bond.take().is_none() {
			return Err("UnknownBoard".into());
		}
		Ok(())
	}

	/// A block of a case that the agent watches. It is settled some blocks after its board has ended, and gone when nothing is
	/// left of it.
	pub fn pass_by(&mut self, seat: &AssignmentView, matter: &Matter, number: BlockNumber, now: MarketBlock) {
		let claimed = self.claimed();
		self.pass(seat, &claimed, matter, now);
		let ended = self.end.is_some() || (self.board.is_none() && now > self.until);
		if ended && self.settled.is_none() {
			self.settled = Some((number + 5, number + 10));
		}
	}

	/// The same as the chain shows it: the agent has no seat.
	pub fn seen_by_watchers(&self, seat: &AssignmentView, number: BlockNumber) -> Option<CaseView> {
		let is_stub = self.bond.is_some() && self.end.is_none_or(|(out, _)| out != RIVAL);
		let settled = self.settled.is_some_and(|(at, _)| number >= at);
		if self.settled.is_some_and(|(_, gone)| number >= gone) && !is_stub {
			return None;
		}
		let mut case = self.view(seat, &self.claimed());
		case.seats.retain(|seat| seat.number == RIVAL);
		case.attacks.clear();
		case.next = self.until + 1;
		for board in &mut case.boards {
			(board.by, board.by_seat, board.bond) = (operator(), None, STAKE);
		}
		if case.boards.is_empty() && is_stub {
			case.boards.push(BoardView {
				number: BOARD,
				by: operator(),
				by_seat: None,
				target: RIVAL,
				provider: AccountId::from([9; 32]),
				targets_turn: None,
				target_first: true,
				due: 0,
				bond: STAKE,
				task: None,
				board: Vec::new(),
			});
		}
		if self.stranger {
			case.boards.push(BoardView {
				number: BOARD + 1,
				by: AccountId::from([3; 32]),
				by_seat: None,
				target: RIVAL,
				provider: AccountId::from([9; 32]),
				targets_turn: Some(true),
				target_first: true,
				due: 100_000,
				bond: STAKE,
				task: None,
				board: Vec::new(),
			});
		}
		if settled {
			case.stage = CaseStage::Ended;
		}
		Some(case)
	}

	/// The agent moves.
	pub fn play(&mut self, matter: &Matter, number: u32, action: &Move, now: MarketBlock) -> Result<(), String> {
		let (board, due) = self.board.clone().ok_or("BoardOver")?;
		if number != BOARD || self.party(board.turn()) != AGENT || now > due {
			return Err(format!("NotYourTurn, or late: {now} of {due}"));
		}
		self.make(matter, &board, action, now)
	}

	/// A move of either.
	fn make(&mut self, matter: &Matter, board: &Board, action: &Move, now: MarketBlock) -> Result<(), String> {
		let start = |task, input: &_, proof: &[Hash]| matter.start(task, input, proof);
		match board
			.play(action, start)
			.map_err(|error| format!("{error:?}: {action:?}"))?
		{
			Next::Goes(next) => self.board = Some((next, now + self.clock)),
			Next::Out(side) => {
				self.end = Some((self.party(side), true));
				self.board = None;
			}
		}
		self.history.push(board.clone());
		self.moves += 1;
		Ok(())
	}

	/// The blocks with all moves but the first ones are replaced by others without them.
	pub fn back_to(&mut self, count: usize, now: MarketBlock) {
		self.board = Some((self.history[count].clone(), now + self.clock));
		self.history.truncate(count);
	}

	/// Somebody says that a time is over.
	pub fn time(&mut self, number: u32, now: MarketBlock) -> Result<(), String> {
		let (board, due) = self.board.as_ref().ok_or("BoardOver")?;
		if number != BOARD || now <= *due {
			return Err("NotYet".into());
		}
		self.end = Some((self.party(board.turn()), false));
		self.board = None;
		Ok(())
	}

	/// A block after the agent's report is open. True once it stands alone.
	pub fn pass(&mut self, seat: &AssignmentView, agent: &Report, matter: &Matter, now: MarketBlock) -> bool {
		if self.attacker && self.board.is_none() && self.end.is_none() {
			self.open(seat, agent, now);
		}
		if let Some((board, due)) = self.board.clone() {
			let agents = self.party(board.turn()) == AGENT;
			if agents && now > due {
				// The chain's own alarm. Of the other it waits for the agent's call.
				let _ = self.time(BOARD, now);
			} else if !agents && now <= due && self.patience > 0 {
				self.patience -= 1;
				// It has no move in the end.
				if let Some(action) = self.rivals(matter, &board) {
					let _ = self.make(matter, &board, &action, now);
				}
			}
		}
		self.end.is_some_and(|(out, _)| out == RIVAL)
	}

	/// What the other says: its own tree, and of states whatever comes to its mind.
	fn rivals(&self, matter: &Matter, board: &Board) -> Option<Move> {
		if let Some(span) = board.to_open() {
			return Some(Move::Open(Nodes::try_from(show(&self.rival, span)?).unwrap()));
		}
		let claims = |points: usize| -> Claims {
			let claims: Vec<Hash> = (0..points as u64).map(Hash::from_low_u64_be).collect();
			claims.try_into().unwrap()
		};
		let task = board.task()?;
		let Some(game) = board.game() else {
			let index = matter.first_task + task;
			return Some(Move::Leaf(Opening {
				outcome: self.rival[task as usize],
				claims: claims(board.run().points().count()),
				input: blob(&input(index)).unwrap(),
				proof: merkle::prove_range(&self.list, index, 1).unwrap().try_into().unwrap(),
			}));
		};
		let picked = game.picked(1).ok()?;
		(!picked.is_step()).then(|| Move::Divide(1, claims(picked.points().count())))
	}

	/// What the chain shows.
	pub fn view(&self, seat: &AssignmentView, agent: &Report) -> CaseView {
		let rival = AccountId::from([9; 32]);
		let party = |number: u8, account: &AccountId, report: Report| {
			let audit = self.audit.is_some_and(|(audit, _)| audit == number);
			CaseSeat {
				number,
				kind: match audit {
					true => CaseSeatKind::Audit,
					false => CaseSeatKind::Primary,
				},
				provider: account.clone(),
				endpoint: None,
				state: match self.end {
					Some((out, true)) if out == number => CaseSeatState::OutByStep,
					Some((out, false)) if out == number => CaseSeatState::OutByClock,
					_ => CaseSeatState::Standing,
				},
				report: (!audit).then_some(report),
				stake: STAKE,
			}
		};
		let board = self.board.as_ref().map(|(board, due)| BoardView {
			number: BOARD,
			by: if self.attacker { rival.clone() } else { provider() },
			by_seat: Some(AGENT + RIVAL - self.target()),
			target: self.target(),
			provider: if self.attacker { provider() } else { rival.clone() },
			targets_turn: Some(self.party(board.turn()) == self.target()),
			target_first: self.first() == self.target(),
			due: *due,
			bond: 0,
			task: board.task(),
			board: board.encode(),
		});
		let free = !self.attacker && self.board.is_none() && self.end.is_none();
		CaseView {
			shard: seat.shard,
			stage: CaseStage::Judging,
			next: 0,
			drawn: Some(self.audit.is_some()),
			seats: vec![
				party(AGENT, &provider(), *agent),
				party(RIVAL, &rival, outcome::report(&self.rival).unwrap()),
			],
			attacks: free.then_some((AGENT, RIVAL)).into_iter().collect(),
			bond: STAKE,
			boards: board.into_iter().collect(),
		}
	}
}
