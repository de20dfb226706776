//! A case in words.

use super::is_open;
use crate::units::{blocks_and_time, mill};
use millrace_client::{keys::address, words::seat_state};
use millrace_primitives::{
	api::{CaseSeatState, CaseStage, CaseView, VerdictView},
	MarketBlock,
};
use std::collections::BTreeMap;

/// How many seats are in which state: `2 stand, 1 computing`.
pub fn seats_by_state(case: &CaseView) -> String {
	let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
	for seat in &case.seats {
		let state = match seat.state {
			CaseSeatState::Standing => "stand",
			state => seat_state(state),
		};
		*counts.entry(state).or_default() += 1;
	}
	let parts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
	parts.join(", ")
}

/// What somebody guilty lost, for whom, and when they get it.
pub fn verdict(verdict: &VerdictView, now: MarketBlock, block_ms: u64) -> String {
	let head = format!(
		"shard {}: {} lost {}",
		verdict.shard.index,
		address(&verdict.account),
		mill(verdict.amount)
	);
	let when = match (verdict.owed, verdict.frozen) {
		(true, _) => "over; whoever it is for could not receive it, and can once it has an account".into(),
		(false, true) => "held, and frozen: it is shared out after that, unless it is voided".into(),
		(false, false) if verdict.due <= now => "held; it is shared out in the next blocks".into(),
		(false, false) => format!(
			"held; it is shared out in {}, unless it is voided",
			blocks_and_time(verdict.due - now, block_ms)
		),
	};
	let shares: Vec<_> = verdict
		.shares
		.iter()
		.map(|share| match &share.to {
			Some(to) => format!("{} to {}", mill(share.amount), address(to)),
			None => format!("{} burns", mill(share.amount)),
		})
		.collect();
	format!("{head}, {when}: {}", shares.join(", "))
}

/// Whether the shard is audited.
pub fn drawn(case: &CaseView) -> &'static str {
	match case.drawn {
		Some(true) => "drawn by chance: seats that nobody foresaw compute some of its tasks, too",
		Some(false) => "not drawn",
		None => "not known yet",
	}
}

/// Whether somebody without a seat can attack a report now.
pub fn can_be_attacked(case: &CaseView) -> bool {
	let attacked = matches!(
		case.stage,
		CaseStage::Opening | CaseStage::Judging | CaseStage::Recomputing
	);
	attacked && case.seats.iter().any(|seat| seat.state == CaseSeatState::Standing)
}

/// What happens next.
pub fn next(case: &CaseView) -> String {
	let open = case.boards.iter().filter(|board| is_open(case, board)).count();
	match case.stage {
		CaseStage::Sealing => "its seats compute and seal; before that nothing can be disputed".into(),
		CaseStage::Drawing => "random numbers that nobody knows decide whether it is audited".into(),
		CaseStage::Auditing => "a drawn seat computes a sample of it and seals, before anybody opens".into(),
		CaseStage::Opening => "all seats open what they sealed; who does not is silent".into(),
		CaseStage::Judging if open > 0 => {
			let boards = match open {
				1 => "one board is played to its end".into(),
				open => format!("{open} boards are played to their end"),
			};
			format!("{boards}: who claims a step that the machine does not make, or lets its time run out, is out")
		}
		CaseStage::Judging if !case.attacks.is_empty() => {
			"reports differ, and a board must be opened: a side that nobody defends is out".into()
		}
		CaseStage::Judging if is_anybody_missing(case) => {
			"somebody was silent or put out: what stands must be confirmed by fresh seats".into()
		}
		CaseStage::Judging => "all reports are the same: unless somebody attacks them, they are accepted".into(),
		CaseStage::Recomputing => {
			"fresh seats are drawn and compute the whole shard again; what two of them say is accepted, if it stands"
				.into()
		}
		CaseStage::Ended => {
			"it is decided and paid; bonds of boards that are still here are settled by `millrace dispute play`".into()
		}
	}
}

fn is_anybody_missing(case: &CaseView) -> bool {
	case.seats.iter().any(|seat| {
		matches!(
			seat.state,
			CaseSeatState::Silent | CaseSeatState::OutByClock | CaseSeatState::OutByStep
		)
	})
}
