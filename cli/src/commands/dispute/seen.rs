//! What became of a board, and of the bond that was put up for it.

use crate::{
	failure::{Failure, Result},
	units::mill,
};
use millrace_client::{events::Court, words, Event};
use millrace_court::case::{End, How};
use millrace_primitives::{
	api::{CaseSeatState, CaseView},
	Balance, BlockNumber, Report, ShardId,
};

/// What is known of a board from finalized blocks and from views.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
	/// Whether the target is out, and how whoever lost did.
	pub(super) decided: Option<(bool, How)>,
	/// How the case ended, and the report that was accepted.
	end: Option<(End, Option<Report>)>,
	/// What was lost of the bond that was settled apart.
	lost: Option<Balance>,
	/// What the target reported, once it is known; audits have no whole report.
	report: Option<Report>,
	/// Whether a step has proven the target wrong, by any board.
	proven: bool,
	/// True once the chain says that it has no such board.
	pub(super) gone: bool,
	/// All that the account had before and after the block in which the case ended, but for what is held of it as lost.
	pub(super) around: Option<(Balance, Balance)>,
	/// What is held for it of what others lost; none while the node has not said.
	pub(super) won: Option<Balance>,
	/// All that it had when this began, and at the end.
	pub(super) held: (Option<Balance>, Option<Balance>),
	/// The last finalized block that was looked at.
	pub(super) read: BlockNumber,
}

/// What became of a bond.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
	/// All of it is back.
	Back,
	/// So much of it is lost.
	Lost(Balance),
	/// Nobody told.
	Unknown,
}

impl Seen {
	/// Takes notice of a block's events: what of it is news, and whether the case ended in it.
	pub(super) fn take(
		&mut self,
		shard: ShardId,
		number: u32,
		target: u8,
		events: &[Event],
	) -> Result<(Vec<String>, bool)> {
		let (mut news, mut ended) = (Vec::new(), false);
		for event in events {
			let Some((_, court)) = event.court()?.filter(|(of, _)| *of == shard) else {
				continue;
			};
			match court {
				Court::BoardDecided {
					board,
					target_lost,
					how,
				} if board == number => {
					self.decided = Some((target_lost, how));
					let loser = match target_lost {
						true => format!("seat {target} is out"),
						false => "this board is lost".into(),
					};
					news.push(format!(
						"{loser}: {}. What was put up is settled when the case ends.",
						words::how(how)
					));
				}
				Court::Decided { end, report, .. } => {
					self.end = Some((end, report));
					ended = true;
				}
				Court::BondSettled { board, lost, .. } if board == number => self.lost = Some(lost),
				_ => {}
			}
		}
		Ok((news, ended))
	}

	/// Takes notice of what a case shows of the target.
	pub(super) fn look(&mut self, case: &CaseView, target: u8) {
		if let Some(seat) = case.seats.iter().find(|seat| seat.number == target) {
			self.report = seat.report.or(self.report);
			self.proven = seat.state == CaseSeatState::OutByStep;
		}
	}

	/// True if nothing is to be done about the board any more, whether the chain shows it or not.
	pub(super) fn is_settled(&self) -> bool {
		self.gone || self.lost.is_some() || self.decided.is_some_and(|(target_lost, _)| target_lost)
	}

	/// True once the case has ended, as far as that was told.
	pub(super) fn is_over(&self) -> bool {
		self.end.is_some()
	}

	/// What became of the bond, at the end.
	pub(super) fn fate(&self, bond: Balance) -> Fate {
		match (self.lost, self.decided, self.end) {
			(Some(0), ..) => Fate::Back,
			(Some(lost), ..) => Fate::Lost(lost),
			// Only whoever put a right report out by its clock loses the bond, all of it.
			(None, Some((true, How::Clock)), Some((End::Accepted(_), accepted))) if !self.proven => {
				let right = match (self.report, accepted) {
					(Some(report), Some(accepted)) => Some(report == accepted),
					// Of an audit only the account tells.
					_ => self.around.map(|(before, after)| before.saturating_sub(after) >= bond),
				};
				match right {
					Some(true) => Fate::Lost(bond),
					Some(false) => Fate::Back,
					None => Fate::Unknown,
				}
			}
			(None, Some((true, _)), Some(_)) => Fate::Back,
			_ => Fate::Unknown,
		}
	}

	/// What is lost of the bond for certain; none if that is not known.
	pub(super) fn lost(&self, bond: Balance) -> Option<Balance> {
		match self.fate(bond) {
			Fate::Back => Some(0),
			Fate::Lost(lost) => Some(lost),
			Fate::Unknown => None,
		}
	}

	/// How it ended, in words.
	pub(super) fn text(&self, target: u8, bond: Balance) -> String {
		let mut text = match self.decided {
			Some((true, how)) => format!("Seat {target} is out: {}. ", words::how(how)),
			Some((false, how)) => format!("The board is lost: {}. ", words::how(how)),
			None => String::new(),
		};
		text += match self.end {
			Some((End::Accepted(_), _)) => "A report of the shard was accepted. ",
			Some((End::Thin(_), _)) => "A report of the shard was accepted, unverified (thin). ",
			Some((End::Unresolved | End::NoData, _)) => "The shard has no result. ",
			None => "",
		};
		text += &match (self.fate(bond), self.decided) {
			(Fate::Back, _) => format!("The bond of {} is back.", mill(bond)),
			(Fate::Lost(lost), Some((true, _))) => format!(
				"It says what seat {target} had said: the seat was right, and of the bond of {} you lost {}.",
				mill(bond),
				mill(lost)
			),
			(Fate::Lost(lost), _) if lost < bond => format!(
				"Of the bond of {} you lost {}; the rest is back.",
				mill(bond),
				mill(lost)
			),
			(Fate::Lost(_), _) => format!("The bond of {} is lost.", mill(bond)),
			(Fate::Unknown, _) => format!(
				"It is over, but what became of the bond of {} is not known from here: the node does not tell what happened in some \
				 blocks. {}",
				mill(bond),
				match self.held {
					(Some(then), Some(now)) => format!(
						"You had {} in all when this began, what was on hold included, and have {} now.",
						mill(then),
						mill(now)
					),
					_ => "`millrace balance` shows what you have.".into(),
				}
			),
		};
		match self.won {
			Some(0) => {}
			Some(won) => {
				text += &format!(
					" You won {} of what others lost; it is held until the verdict is enacted.",
					mill(won)
				)
			}
			None if self.end.is_none() => {}
			None => {
				text +=
					" The node did not say what you won of others' bonds: `millrace dispute list` shows what is held."
			}
		}
		text
	}

	/// An error unless the bond is back for certain.
	pub(super) fn verdict(&self, bond: Balance) -> Result<()> {
		let less = match self.held {
			(Some(then), Some(now)) => then.saturating_sub(now),
			_ => 0,
		};
		match self.fate(bond) {
			Fate::Back | Fate::Lost(0) => Ok(()),
			Fate::Lost(lost) => Err(Failure::Differs(format!(
				"the dispute was lost, and {} with it",
				mill(lost)
			))),
			Fate::Unknown if less >= bond => Err(Failure::Differs(format!(
				"there are {} less than when this began: the bond seems to be lost",
				mill(less)
			))),
			Fate::Unknown => Err(Failure::Other(
				"the board is over, and what became of the bond is not known: see `millrace balance`".into(),
			)),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::commands::dispute::tests::{case, disputed};
	use codec::Encode;
	use millrace_primitives::{AccountId, Hash, MILL};

	const BOARD: u32 = 1_000;
	const BOND: Balance = 20 * MILL;

	fn event(name: &str, fields: impl Encode) -> Event {
		Event {
			pallet: "Attestations".into(),
			name: name.into(),
			extrinsic: None,
			fields: fields.encode(),
		}
	}

	fn decided(shard: ShardId, board: u32, target: bool, how: How) -> Event {
		event("BoardDecided", (shard, board, target, how))
	}

	/// The case ends with this seat's report, of the kind that [`disputed`] has.
	fn end(shard: ShardId, end: End, root: u8) -> Event {
		let report = Report {
			root: Hash::repeat_byte(root),
			gas_used: 9,
		};
		event("Decided", (shard, end, Some(report), Vec::<AccountId>::new()))
	}

	fn settled(lost: Balance) -> Event {
		event("BondSettled", (case().shard, BOARD, [9_u8; 32], lost))
	}

	fn after(events: &[Event]) -> Seen {
		let mut seen = Seen::default();
		seen.look(&disputed(), 1);
		seen.take(case().shard, BOARD, 1, events).unwrap();
		seen
	}

	#[test]
	fn what_was_won_and_lost_is_said() {
		let shard = case().shard;
		let other = ShardId { index: 9, ..shard };
		let mut seen = Seen::default();
		let others = [
			decided(other, BOARD, false, How::Step),
			decided(shard, 0, false, How::Step),
			end(other, End::Accepted(0), 1),
		];
		let (news, ended) = seen.take(shard, BOARD, 1, &others).unwrap();
		assert!(news.is_empty() && !ended && seen == Seen::default());
		let won = [decided(shard, BOARD, true, How::Step)];
		let (news, ended) = seen.take(shard, BOARD, 1, &won).unwrap();
		assert!(news[0].contains("seat 1 is out") && !ended, "{news:?}");
		let (_, ended) = seen.take(shard, BOARD, 1, &[end(shard, End::Accepted(0), 1)]).unwrap();
		assert!(ended);
		seen.won = Some(7 * MILL);
		assert_eq!(
			seen.text(1, BOND),
			"Seat 1 is out: it claimed a step that the machine does not make. A report of the shard was accepted. The bond of 20 \
			 MILL is back. You won 7 MILL of what others lost; it is held until the verdict is enacted."
		);
		assert!(seen.verdict(BOND).is_ok());

		let lost = after(&[
			decided(shard, BOARD, false, How::Step),
			end(shard, End::Accepted(0), 1),
			settled(BOND),
		]);
		assert!(
			lost.text(1, BOND).contains("The bond of 20 MILL is lost"),
			"{}",
			lost.text(1, BOND)
		);
		assert_eq!(lost.verdict(BOND).unwrap_err().exit_code(), 7);
		let part = after(&[decided(shard, BOARD, false, How::Clock), settled(MILL)]);
		assert!(part.text(1, BOND).contains("you lost 1 MILL; the rest is back"));
		let back = after(&[settled(0)]);
		assert!(back.text(1, MILL).contains("1 MILL is back") && back.verdict(MILL).is_ok());
	}

	#[test]
	fn a_right_seat_that_went_out_by_its_clock_takes_the_bond() {
		let shard = case().shard;
		let clock = || decided(shard, BOARD, true, How::Clock);
		// Seat 1's report is of kind 2.
		let lost = after(&[clock(), end(shard, End::Accepted(3), 2)]);
		assert_eq!(lost.fate(BOND), Fate::Lost(BOND));
		assert_eq!(lost.verdict(BOND).unwrap_err().exit_code(), 7);
		let text = lost.text(1, BOND);
		assert!(
			text.contains("the seat was right") && text.contains("you lost 20 MILL"),
			"{text}"
		);
		assert!(!text.contains("is back"), "{text}");
		for events in [
			[clock(), end(shard, End::Accepted(3), 1)],
			[clock(), end(shard, End::Thin(3), 2)],
			[decided(shard, BOARD, true, How::Step), end(shard, End::Accepted(3), 2)],
		] {
			let back = after(&events);
			assert_eq!(back.fate(BOND), Fate::Back);
			assert!(back.verdict(BOND).is_ok());
		}
		// A step proved it wrong later, on another board.
		let mut proven = after(&[clock(), end(shard, End::Accepted(3), 2)]);
		let mut case = disputed();
		case.seats[1].state = CaseSeatState::OutByStep;
		proven.look(&case, 1);
		assert_eq!(proven.fate(BOND), Fate::Back);
	}

	#[test]
	fn of_an_audit_the_account_tells() {
		let shard = case().shard;
		let mut seen = Seen::default();
		let events = [decided(shard, BOARD, true, How::Clock), end(shard, End::Accepted(3), 1)];
		seen.take(shard, BOARD, 1, &events).unwrap();
		assert_eq!(seen.fate(BOND), Fate::Unknown);
		seen.around = Some((100 * MILL, 80 * MILL));
		assert_eq!(seen.fate(BOND), Fate::Lost(BOND));
		seen.around = Some((100 * MILL, 99 * MILL));
		assert_eq!(seen.fate(BOND), Fate::Back);
	}

	#[test]
	fn what_nobody_told_is_not_said_to_be_back() {
		let mut seen = Seen::default();
		assert!(seen.text(1, BOND).contains("not known") && seen.text(1, BOND).contains("millrace balance"));
		assert_eq!(seen.verdict(BOND).unwrap_err().exit_code(), 1);
		seen.held = (Some(100 * MILL), Some(79 * MILL));
		assert!(seen.text(1, BOND).contains("100 MILL in all when this began"));
		assert_eq!(seen.verdict(BOND).unwrap_err().exit_code(), 7);
	}
}
