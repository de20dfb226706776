//! Boards: who may open one, whose move it is, and what comes of it. What a move is, is [`millrace_court::board`]'s affair.
//!
//! A board between two seats has the number of its duel in the case; those of outsiders are counted from
//! [`FIRST_ACCUSATION`] on. Whoever has a whole tree of outcomes is the first party, so that an audit, which has a sample,
//! only ever answers for a leaf.

use crate::{evidence::ShardEvidence, *};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::fungible::MutateHold;
use millrace_court::{
	board::{is_judged, Accusation, Board, Illegal, Move, Next, Side, Subject},
	case::{Attacker, Bond, How, Opened, Stage, MAX_DUELS},
	clock::{at_leaf, Clocks},
	sums::Claim,
};
use millrace_primitives::{
	merkle::SumNode,
	traits::{Alarm, Pace, FROZEN_LOOK},
};
use scale_info::TypeInfo;

/// The numbers of outsiders' boards begin here.
pub const FIRST_ACCUSATION: u32 = 1_000;

const _: () = assert!(MAX_DUELS < FIRST_ACCUSATION);

/// Who opened a board.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Author {
	/// A seat, by its number.
	Seat(u8),
	/// Anybody, for a bond.
	Outsider(AccountId),
}

/// How far a board is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum BoardState {
	/// It is being played.
	Played {
		/// The game.
		board: Board,
		/// The parties' clocks.
		clocks: Clocks,
	},
	/// An outsider's that is over and did not put its target out: how the outsider lost, or that the board ended with its
	/// target. Its bond waits for the end of the case.
	Over(Option<How>),
}

/// A board.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BoardRecord {
	/// Who opened it.
	pub by: Author,
	/// The number of the seat that is attacked.
	pub target: u8,
	/// What an outsider put up.
	pub bond: Balance,
	/// Whether its author is the first party, and not the target.
	pub turned: bool,
	/// The market block of its next alarm.
	pub alarm: MarketBlock,
	/// How far it is.
	pub state: BoardState,
}

impl BoardRecord {
	/// Whether a party is the target.
	pub(crate) fn is_target(&self, side: Side) -> bool {
		(side == Side::First) != self.turned
	}
}

impl ShardEvidence {
	fn subject(&self, tasks: u32) -> Subject {
		Subject {
			engine: self.agreed.engine,
			tasks,
			limits: self.agreed.limits,
		}
	}

	fn opened(&self, number: u8) -> Option<&Opened> {
		let case = &self.judged.as_ref()?.case;
		case.seats().get(usize::from(number))?.opened.as_ref()
	}

	/// The board between two seats that contradict each other, and whether its author is the first party.
	fn between(&self, by: u8, target: u8) -> Option<(Board, bool)> {
		let (author, attacked) = (self.opened(by)?, self.opened(target)?);
		let subject = self.subject(self.agreed.rules.tasks);
		if let (Some(one), Some(other)) = (attacked.report, author.report) {
			return Board::between(subject, one, other).map(|board| (board, false));
		}
		let sample = &self.judged.as_ref()?.sample;
		let mut pairs = sample.iter().zip(attacked.leaves.iter().zip(&author.leaves));
		let (task, (its, others)) = pairs.find(|(_, (its, others))| its != others)?;
		let (first, other, turned) = match (attacked.report, author.report) {
			(Some(report), _) => (Claim::Report(report), others, false),
			(None, Some(report)) => (Claim::Report(report), its, true),
			(None, None) => (Claim::Node(*its), others, false),
		};
		Board::at_task(subject, first, *task, *other).map(|board| (board, turned))
	}

	/// The board of an outsider who says that a task's outcome, or the shard's report, is another one. Only a whole report can
	/// be told from another.
	fn accused(&self, target: u8, accusation: &Accusation) -> Option<Board> {
		let opened = self.opened(target)?;
		let subject = self.subject(self.agreed.rules.tasks);
		let (task, outcome) = match accusation {
			Accusation::Outcome { task, outcome } => (*task, outcome),
			Accusation::Report(report) => return Board::between(subject, opened.report?, *report),
		};
		let claim = match opened.report {
			Some(report) => Claim::Report(report),
			None => {
				let sample = &self.judged.as_ref()?.sample;
				let at = sample.iter().position(|sampled| *sampled == task)?;
				Claim::Node(*opened.leaves.get(at)?)
			}
		};
		Board::at_task(subject, claim, task, SumNode::leaf(outcome))
	}

	/// Whether a board's target has gone out by another one: then it is over.
	fn is_over(&self, record: &BoardRecord) -> bool {
		self.judged.as_ref().is_none_or(|judged| {
			let seat = judged.case.seats().get(usize::from(record.target));
			let ended = matches!(judged.case.stage(), Stage::Ended(_));
			ended || seat.is_none_or(|seat| !seat.is_standing())
		})
	}
}

impl<T: Config> Pallet<T> {
	/// A standing seat attacks another's report; what it has reserved is its bond.
	pub(crate) fn do_attack(provider: &AccountId, shard: ShardId, target: u8) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let by = evidence.number_of(provider).ok_or(Error::<T>::NotAssigned)?;
		let now = Self::time_of(&evidence)?;
		ensure!(is_judged(evidence.agreed.engine), Error::<T>::UnknownEngine);
		let rules = evidence.agreed.rules;
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::NotNow)?;
		judged
			.case
			.attack(&rules, Attacker::Seat(by), target, now)
			.map_err(Self::refused)?;
		let number = (judged.case.duels().len() as u32).saturating_sub(1);
		let (board, turned) = evidence.between(by, target).ok_or(Error::<T>::NotDifferent)?;
		Self::set_up(shard, number, Author::Seat(by), target, 0, turned, board, &evidence);
		Self::store(shard, evidence);
		Ok(())
	}

	/// Somebody without a seat says that an outcome or a report is another one, and puts up a bond, if it is no higher than this.
	pub(crate) fn do_accuse(
		who: AccountId,
		shard: ShardId,
		target: u8,
		accusation: &Accusation,
		max_bond: Balance,
	) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let now = Self::time_of(&evidence)?;
		ensure!(is_judged(evidence.agreed.engine), Error::<T>::UnknownEngine);
		let rules = evidence.agreed.rules;
		let board = evidence.accused(target, accusation).ok_or(Error::<T>::NotDifferent)?;
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::NotNow)?;
		let bond = judged
			.case
			.attack(&rules, Attacker::Outsider, target, now)
			.map_err(Self::refused)?;
		ensure!(bond <= max_bond, Error::<T>::BondAboveLimit);
		T::Currency::hold(&HoldReason::Accusation.into(), &who, bond).map_err(|_| Error::<T>::CannotPay)?;
		let number = FIRST_ACCUSATION
			.checked_add(judged.accusations)
			.ok_or(Error::<T>::NoRoom)?;
		judged.accusations = judged.accusations.saturating_add(1);
		judged.stubs = judged.stubs.checked_add(1).ok_or(Error::<T>::NoRoom)?;
		Self::set_up(
			shard,
			number,
			Author::Outsider(who),
			target,
			bond,
			false,
			board,
			&evidence,
		);
		Self::store(shard, evidence);
		Ok(())
	}

	#[allow(clippy::too_many_arguments)]
	fn set_up(
		shard: ShardId,
		number: u32,
		by: Author,
		target: u8,
		bond: Balance,
		turned: bool,
		board: Board,
		evidence: &ShardEvidence,
	) {
		let pace = Self::pace(evidence);
		let clocks = Clocks::new(evidence.agreed.clock, pace.at(T::Clock::now()));
		let clocks = Self::with_replay(clocks, &board, evidence);
		let mut record = BoardRecord {
			by: by.clone(),
			target,
			bond,
			turned,
			alarm: 0,
			state: BoardState::Played { board, clocks },
		};
		Self::arm(shard, number, &mut record, pace);
		Boards::<T>::insert(shard, number, record);
		Self::deposit_event(Event::BoardOpened {
			shard,
			board: number,
			by,
			target,
		});
	}

	/// More time once it is known which task is to be replayed.
	fn with_replay(clocks: Clocks, board: &Board, evidence: &ShardEvidence) -> Clocks {
		match board.gas() {
			Some(gas) => {
				let agreed = &evidence.agreed;
				clocks.extended(at_leaf(gas, agreed.limits.memory_pages, agreed.run_rate))
			}
			None => clocks,
		}
	}

	/// Makes a move.
	pub(crate) fn do_play(who: &AccountId, shard: ShardId, number: u32, action: &Move) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let mut record = Boards::<T>::get(shard, number).ok_or(Error::<T>::UnknownBoard)?;
		let (now, pace) = (Self::time_of(&evidence)?, Self::pace(&evidence));
		let (board, clocks) = Self::turn_of(who, &mut evidence, &record, now)?;
		let next = board
			.play(action, |task, input, proof| {
				T::Assignments::matter(shard)?.start(task, input, proof)
			})
			.map_err(Self::illegal)?;
		match next {
			Next::Goes(next) => {
				let known = board.task().is_none() && next.task().is_some();
				let mut clocks = clocks.moved(next.turn(), now).ok_or(Error::<T>::TimeOver)?;
				if known {
					clocks = Self::with_replay(clocks, &next, &evidence);
				}
				record.state = BoardState::Played { board: next, clocks };
				Self::arm(shard, number, &mut record, pace);
				Boards::<T>::insert(shard, number, record);
				Self::deposit_event(Event::Moved {
					shard,
					board: number,
					due: pace.market(clocks.due()),
				});
			}
			Next::Out(side) => Self::decide(shard, &mut evidence, number, record, side, How::Step)?,
		}
		Self::store(shard, evidence);
		Ok(())
	}

	/// The game, if it is played on and somebody's turn.
	pub(crate) fn turn_of<'a>(
		who: &AccountId,
		evidence: &mut ShardEvidence,
		record: &'a BoardRecord,
		now: MarketBlock,
	) -> Result<(&'a Board, Clocks), DispatchError> {
		ensure!(is_judged(evidence.agreed.engine), Error::<T>::UnknownEngine);
		let rules = evidence.agreed.rules;
		if let Some(judged) = evidence.judged.as_mut() {
			judged.case.advance(&rules, now);
		}
		ensure!(!evidence.is_over(record), Error::<T>::BoardOver);
		let BoardState::Played { board, clocks } = &record.state else {
			return Err(Error::<T>::BoardOver.into());
		};
		ensure!(
			Self::is_party(who, evidence, record, board.turn()),
			Error::<T>::NotYourTurn
		);
		ensure!(!clocks.is_over(now), Error::<T>::TimeOver);
		Ok((board, *clocks))
	}

	/// Whether somebody may move for a party.
	fn is_party(who: &AccountId, evidence: &ShardEvidence, record: &BoardRecord, side: Side) -> bool {
		let works_for = |number: u8| {
			let entry = evidence.entry(number);
			entry.is_some_and(|entry| T::Registry::provider_of(who).as_ref() == Some(&entry.provider))
		};
		match (record.is_target(side), &record.by) {
			(true, _) => works_for(record.target),
			(false, Author::Seat(by)) => works_for(*by),
			(false, Author::Outsider(account)) => account == who,
		}
	}

	/// A party of a board is out.
	fn decide(
		shard: ShardId,
		evidence: &mut ShardEvidence,
		number: u32,
		mut record: BoardRecord,
		loser: Side,
		how: How,
	) -> DispatchResult {
		let (rules, now) = (evidence.agreed.rules, Self::clock_of(evidence));
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::UnknownBoard)?;
		let target_lost = record.is_target(loser);
		match record.by.clone() {
			Author::Seat(by) => {
				judged
					.case
					.decide(&rules, by, record.target, !target_lost, how, now)
					.map_err(Self::refused)?;
				Boards::<T>::remove(shard, number);
			}
			Author::Outsider(account) => {
				let bond = judged
					.case
					.decide_outside(&rules, (account, record.bond), record.target, target_lost, how, now)
					.map_err(Self::refused)?;
				match bond {
					Bond::Inside => {
						judged.stubs = judged.stubs.saturating_sub(1);
						Boards::<T>::remove(shard, number);
					}
					Bond::Apart(lost) => {
						record.state = BoardState::Over(lost);
						Boards::<T>::insert(shard, number, &record);
					}
				}
			}
		}
		Self::deposit_event(Event::BoardDecided {
			shard,
			board: number,
			target_lost,
			how,
		});
		Ok(())
	}

	/// Ends a board whose next move did not come in time, or whose target is out. False if it goes on.
	pub(crate) fn expire(shard: ShardId, number: u32) -> Result<bool, DispatchError> {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let mut record = Boards::<T>::get(shard, number).ok_or(Error::<T>::UnknownBoard)?;
		let BoardState::Played { clocks, .. } = &record.state else {
			return Err(Error::<T>::BoardOver.into());
		};
		let clocks = *clocks;
		let (rules, now) = (evidence.agreed.rules, Self::time_of(&evidence)?);
		if let Some(judged) = evidence.judged.as_mut() {
			judged.case.advance(&rules, now);
		}
		if evidence.is_over(&record) {
			match record.by {
				Author::Seat(_) => Boards::<T>::remove(shard, number),
				Author::Outsider(_) => {
					record.state = BoardState::Over(None);
					Boards::<T>::insert(shard, number, &record);
				}
			}
		} else if clocks.is_over(now) {
			// Who could not move goes not out.
			ensure!(is_judged(evidence.agreed.engine), Error::<T>::UnknownEngine);
			Self::decide(shard, &mut evidence, number, record, clocks.turn(), How::Clock)?;
		} else {
			return Ok(false);
		}
		Self::store(shard, evidence);
		Ok(true)
	}

	/// An alarm of a board.
	pub(crate) fn serve_board(shard: ShardId, number: u32) {
		let ended = with_storage_layer(|| Self::expire(shard, number));
		// It is over, or rings again when the present clock ends.
		if ended != Ok(false) && ended != Err(Error::<T>::Frozen.into()) {
			return;
		}
		let Some(pace) = Evidence::<T>::get(shard).map(|evidence| Self::pace(&evidence)) else {
			return;
		};
		Boards::<T>::mutate(shard, number, |record| {
			if let Some(record) = record {
				// Who was told of another time than the one that it is now, by as long as the clock stood.
				if pace.behind > 0 {
					record.alarm = 0;
				}
				Self::arm(shard, number, record, pace);
			}
		});
	}

	/// Sees to an alarm at the end of the running clock: the next one, unless one rings before.
	fn arm(shard: ShardId, number: u32, record: &mut BoardRecord, pace: Pace) {
		if let BoardState::Played { clocks, .. } = &record.state {
			let (now, end) = (T::Clock::now(), clocks.due().saturating_add(1));
			if record.alarm <= pace.at(now) || end < record.alarm {
				record.alarm = end;
				let at = match pace.frozen {
					true => now.saturating_add(FROZEN_LOOK),
					false => pace.market(end),
				};
				T::Assignments::remind(Alarm::Board(shard, number), at);
			}
		}
	}

	/// Why a move is none.
	fn illegal(illegal: Illegal) -> Error<T> {
		match illegal {
			Illegal::Kind => Error::WrongMove,
			Illegal::Nodes | Illegal::Same => Error::WrongNodes,
			Illegal::Outcome => Error::WrongOutcome,
			Illegal::Start => Error::WrongInput,
			Illegal::Step(_) => Error::WrongStep,
		}
	}
}
