//! `millrace dispute list`.

use super::{is_disputed, is_open, words};
use crate::{context, failure::Result, options::Global, output::Output};
use comfy_table::{presets::UTF8_HORIZONTAL_ONLY, Table};
use futures::{stream, StreamExt, TryStreamExt};
use millrace_client::{words::stage, At};
use millrace_primitives::{api::CaseView, job::ShardState, JobId};
use serde_json::json;

/// So many shards are asked for at once.
const CONCURRENT: usize = 16;

/// Runs the command.
pub async fn run(global: &Global, id: JobId, all: bool, output: &mut Output) -> Result<()> {
	let chain = global.connect().await?;
	let at = At::Hash(chain.best_head().await?.hash);
	let market = chain.market(at);
	let verdicts = market.all_verdicts().await?;
	let verdicts: Vec<_> = verdicts.into_iter().filter(|verdict| verdict.shard.job == id).collect();
	let running = match context::job(&chain, id, at).await {
		Ok(job) => job.running,
		// What is held may outlive the job.
		Err(_) if !verdicts.is_empty() => 0,
		Err(error) => return Err(error),
	};
	let shards = market.all_shards(id).await?;
	// What is in custody was decided; a bond may still be left of it.
	let shards = shards
		.into_iter()
		.filter(|shard| all || shard.state != ShardState::Custody)
		.map(|shard| shard.id);
	let cases: Vec<CaseView> = stream::iter(shards)
		.map(|shard| async move { market.case(shard).await })
		.buffered(CONCURRENT)
		.try_filter_map(|case| async move { Ok(case) })
		.try_collect()
		.await?;
	let (now, block_ms) = (market.now().await?, context::block_ms(&chain).await?);
	let held = verdicts
		.iter()
		.map(|verdict| words::verdict(verdict, now, block_ms) + "\n");
	let held: String = held.collect();
	let known = cases.len();
	let shown: Vec<_> = cases.into_iter().filter(|case| all || is_disputed(case)).collect();
	let rows: Vec<_> = shown.iter().map(row).collect();
	let document = json!({
		"job": id,
		"cases": known,
		"shards": shown.iter().map(document).collect::<Vec<_>>(),
		"verdicts": verdicts,
	});
	let text = text(id, known, running, &rows);
	let parts = [text.as_str(), held.trim_end()];
	let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
	output.result(&document, parts.join("\n"))
}

fn document(case: &CaseView) -> serde_json::Value {
	let seats = case
		.seats
		.iter()
		.map(|seat| json!({ "seat": seat.number, "kind": seat.kind, "state": seat.state }));
	json!({
		"shard": case.shard.index,
		"stage": case.stage,
		"drawn": case.drawn,
		"next": case.next,
		"disputed": is_disputed(case),
		"seats": seats.collect::<Vec<_>>(),
		"boards": open(case),
	})
}

fn open(case: &CaseView) -> Vec<u32> {
	let open = case.boards.iter().filter(|board| is_open(case, board));
	open.map(|board| board.number).collect()
}

fn row(case: &CaseView) -> [String; 4] {
	let boards: Vec<_> = open(case).iter().map(u32::to_string).collect();
	[
		case.shard.index.to_string(),
		stage(case.stage).into(),
		words::seats_by_state(case),
		boards.join(", "),
	]
}

fn text(id: JobId, known: usize, running: u32, rows: &[[String; 4]]) -> String {
	if rows.is_empty() {
		return match known {
			0 => format!("Job {}: the court has no shard of it ({running} are under way).", id.0),
			_ => format!(
				"Job {}: nobody disagrees about any of the {known} shards that the court has; --all shows them.",
				id.0
			),
		};
	}
	let mut table = Table::new();
	table.load_preset(UTF8_HORIZONTAL_ONLY);
	table.set_header(["shard", "stage", "seats", "open boards"]);
	rows.iter().for_each(|row| {
		table.add_row(row);
	});
	format!("{table}\nMore of one: `millrace dispute show {} SHARD`.", id.0)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::commands::dispute::tests::{case, disputed};

	#[test]
	fn a_row_says_who_stands_and_what_is_played() {
		let [shard, stage, seats, boards] = row(&disputed());
		assert_eq!((shard.as_str(), boards.as_str()), ("3", "0, 1000"));
		assert!(stage.contains("attacked"), "{stage}");
		assert!(
			seats.contains("2 stand") && seats.contains("1 out: proven wrong"),
			"{seats}"
		);
		let quiet = row(&case());
		assert_eq!((quiet[2].as_str(), quiet[3].as_str()), ("2 stand", ""));
		assert_eq!(document(&disputed())["boards"], json!([0, 1_000]));
	}

	#[test]
	fn a_job_without_disputes_says_so() {
		assert!(text(JobId(7), 4, 4, &[]).contains("any of the 4 shards"));
		assert!(text(JobId(7), 0, 4, &[]).contains("4 are under way"));
		let rows = [row(&disputed())];
		let text = text(JobId(7), 4, 4, &rows);
		assert!(text.contains("dispute show 7 SHARD"), "{text}");
	}
}
