//! `millrace dispute show`.

use super::{closed, find, is_open, job_now, name, words};
use crate::{
	context,
	failure::{Failure, Result},
	options::Global,
	output::Output,
	units::{blocks_and_time, mill},
};
use comfy_table::{presets::UTF8_HORIZONTAL_ONLY, Table};
use millrace_client::{keys::address, words as said};
use millrace_primitives::{
	api::{BoardView, CaseSeat, CaseStage, CaseView},
	JobId, MarketBlock, ShardId,
};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, id: JobId, index: u32, output: &mut Output) -> Result<()> {
	let chain = global.connect().await?;
	let (job, at) = job_now(&chain, id).await?;
	let market = chain.market(at);
	let (shard, case) = find(&market, &job, index).await?;
	let verdicts = market.verdicts_of(ShardId { job: id, index }).await?;
	let (now, block_ms) = (market.now().await?, context::block_ms(&chain).await?);
	let held: Vec<_> = verdicts
		.iter()
		.map(|verdict| words::verdict(verdict, now, block_ms))
		.collect();
	let Some(case) = case else {
		if !verdicts.is_empty() {
			let document = json!({ "marketBlock": now, "case": null, "verdicts": verdicts });
			return output.result(&document, held.join("\n"));
		}
		let why = closed(&job, index, shard.as_ref(), None);
		return Err(Failure::Input(
			why.unwrap_or_else(|| "the court has no case of it".into()),
		));
	};
	let look = Look {
		case: &case,
		first: index.saturating_mul(job.shard_size),
		now,
		block_ms,
	};
	let document = json!({
		"marketBlock": look.now,
		"firstTask": look.first,
		"case": case,
		"whatNext": words::next(&case),
		"verdicts": verdicts,
	});
	let parts: Vec<_> = [vec![look.text()], held].concat();
	output.result(&document, parts.join("\n"))
}

/// A case at some moment.
struct Look<'a> {
	case: &'a CaseView,
	/// The shard's first task in the job.
	first: u32,
	now: MarketBlock,
	block_ms: u64,
}

impl Look<'_> {
	/// All of it in words.
	fn text(&self) -> String {
		let case = self.case;
		let (job, index) = (case.shard.job, case.shard.index);
		let mut text = format!("Shard {index} of job {}: {}.\n", job.0, said::stage(case.stage));
		let mut row = |name: &str, value: String| text += &format!("{name:<12}{value}\n");
		row("audit", words::drawn(case).into());
		row("next", words::next(case));
		let waits = !matches!(case.stage, CaseStage::Sealing | CaseStage::Ended);
		if waits && case.next > self.now && case.next < MarketBlock::MAX {
			row("", format!("if nobody acts, in {}", self.span(case.next - self.now)));
		}
		for board in &case.boards {
			row(&format!("board {}", board.number), self.board(board));
		}
		for (by, target) in &case.attacks {
			row("", format!("seat {by} can attack seat {target} now"));
		}
		if words::can_be_attacked(case) {
			row(
				"attack",
				format!(
					"anybody can, for a bond of {}: `millrace dispute open {} --seat N`",
					mill(case.bond),
					name(job, index)
				),
			);
		}
		if case.seats.is_empty() {
			return text;
		}
		let mut table = Table::new();
		table.load_preset(UTF8_HORIZONTAL_ONLY);
		table.set_header(["seat", "", "provider", "state", "reported", "at stake"]);
		case.seats.iter().for_each(|seat| {
			table.add_row(self::seat(seat));
		});
		format!("{text}{table}")
	}

	fn span(&self, blocks: MarketBlock) -> String {
		blocks_and_time(blocks, self.block_ms)
	}

	fn board(&self, board: &BoardView) -> String {
		let author = match board.by_seat {
			Some(seat) => format!("seat {seat}"),
			None => format!("{} (without a seat, for {})", address(&board.by), mill(board.bond)),
		};
		let about = match board.task {
			Some(task) => format!(" about task {}", self.first.saturating_add(task)),
			None => String::new(),
		};
		let head = format!("{author} attacks seat {}{about}", board.target);
		if !is_open(self.case, board) {
			return format!("{head}; it is over, and what was put up waits for the end of the case");
		}
		let mover = match (board.targets_turn, board.by_seat) {
			(Some(true), _) => format!("seat {}", board.target),
			(_, Some(seat)) => format!("seat {seat}"),
			(_, None) => "the attacker".into(),
		};
		match board.due.checked_sub(self.now) {
			Some(left) => format!("{head}; {mover} is to move, within {}", self.span(left)),
			None => format!("{head}; {mover} is to move, and its time is over"),
		}
	}
}

fn seat(seat: &CaseSeat) -> [String; 6] {
	let reported = seat.report.as_ref().map(|report| {
		let root: String = format!("{:?}", report.root).chars().take(14).collect();
		format!("{} gas, root {root}…", report.gas_used)
	});
	[
		seat.number.to_string(),
		said::seat_kind(seat.kind).into(),
		address(&seat.provider),
		said::seat_state(seat.state).into(),
		reported.unwrap_or_default(),
		mill(seat.stake),
	]
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::commands::dispute::tests::{case, disputed};

	fn text(case: &CaseView) -> String {
		let look = Look {
			case,
			first: 30,
			now: 100,
			block_ms: 3_000,
		};
		look.text()
	}

	#[test]
	fn who_said_what_and_whose_turn_it_is() {
		let text = text(&disputed());
		for part in [
			"Shard 3 of job 7: what was opened can be attacked.",
			"seat 0 attacks seat 1 about task 37; seat 1 is to move, within 40 blocks (about 2 min)",
			"(without a seat, for 20 MILL) attacks seat 1; the attacker is to move, and its time is over",
			"2 boards are played",
			"seat 2 can attack seat 1 now",
			"for a bond of 21 MILL: `millrace dispute open 7 3 --seat N`",
			"drawn by chance",
			"out: proven wrong",
			"28 MILL",
			"9 gas, root 0x010101010101…",
			"in 600 blocks",
		] {
			assert!(text.contains(part), "{part} is missing in {text}");
		}
	}

	#[test]
	fn what_agrees_is_accepted_if_nobody_attacks() {
		let agreed = text(&case());
		assert!(
			agreed.contains("all reports are the same") && agreed.contains("accepted"),
			"{agreed}"
		);
		let sealing = CaseView {
			stage: CaseStage::Sealing,
			drawn: None,
			seats: Vec::new(),
			..case()
		};
		let text = text(&sealing);
		assert!(
			text.contains("seats still work") && !text.contains("dispute open"),
			"{text}"
		);
	}

	#[test]
	fn a_board_that_is_over_says_what_its_bond_waits_for() {
		let over = CaseView {
			stage: CaseStage::Ended,
			..disputed()
		};
		assert!(text(&over).contains("waits for the end"), "{}", text(&over));
	}
}
