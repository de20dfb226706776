//! `millrace dispute`: what the court knows of a job's shards, and how to say that a report is wrong.

mod desk;
mod list;
mod open;
mod party;
mod play;
mod reader;
mod seen;
mod show;
mod words;

use crate::{
	context,
	failure::{Failure, Result},
	options::{DisputeCommand, Global},
	output::Output,
};
use millrace_client::{At, Chain, Market};
use millrace_primitives::{
	api::{BoardView, CaseSeat, CaseSeatState, CaseStage, CaseView, JobView, ShardView},
	job::ShardState,
	Hash, JobId, ShardId,
};
use std::collections::BTreeSet;

/// Runs the command.
pub async fn run(global: &Global, command: DisputeCommand, output: &mut Output) -> Result<()> {
	match command {
		DisputeCommand::List { job, all } => list::run(global, job, all, output).await,
		DisputeCommand::Show { job, shard } => show::run(global, job, shard, output).await,
		DisputeCommand::Open(options) => open::run(global, options, output).await,
		DisputeCommand::Play(options) => play::run(global, options, output).await,
	}
}

/// The shard of a job with this number, as far as it has state, and its case.
async fn find(market: &Market<'_>, job: &JobView, index: u32) -> Result<(Option<ShardView>, Option<CaseView>)> {
	if index >= job.shards {
		return Err(Failure::Input(format!(
			"job {} has the shards 0 to {}",
			job.id.0,
			job.shards.saturating_sub(1)
		)));
	}
	let shards = market.shards(job.id, index, 1).await?;
	let shard = shards.into_iter().find(|shard| shard.id.index == index);
	let id = ShardId { job: job.id, index };
	Ok((shard, market.case(id).await?))
}

/// Why nothing of a shard can be disputed; none if it may be.
fn closed(job: &JobView, index: u32, shard: Option<&ShardView>, case: Option<&CaseView>) -> Option<String> {
	let name = format!("shard {index} of job {}", job.id.0);
	let started = job.shards.saturating_sub(job.waiting);
	match (shard, case) {
		(None, None) if index >= started => Some(format!("{name} was not handed out yet")),
		(Some(shard), _) if shard.state == ShardState::Custody => Some(format!(
			"{name} is accepted, and nothing about it can be disputed any more"
		)),
		(None, _) => Some(format!("{name} is over, and nothing about it can be disputed any more")),
		(Some(_), None) => Some(format!("{name} has no case yet: its seats have not sealed")),
		(Some(_), Some(case)) if case.stage == CaseStage::Ended => Some(format!(
			"{name} is decided, and nothing about it can be disputed any more"
		)),
		(Some(_), Some(_)) => None,
	}
}

/// Whether anybody disagrees about a shard, or it is looked at again.
fn is_disputed(case: &CaseView) -> bool {
	let reports: BTreeSet<Hash> = case.seats.iter().filter_map(|seat| Some(seat.report?.root)).collect();
	let put_out = |seat: &CaseSeat| matches!(seat.state, CaseSeatState::OutByClock | CaseSeatState::OutByStep);
	reports.len() > 1
		|| case.seats.iter().any(put_out)
		|| !case.boards.is_empty()
		|| !case.attacks.is_empty()
		|| case.stage == CaseStage::Recomputing
}

/// Whether a board is being played.
fn is_open(case: &CaseView, board: &BoardView) -> bool {
	let stands = |seat: &CaseSeat| seat.number == board.target && seat.state == CaseSeatState::Standing;
	board.targets_turn.is_some() && case.stage != CaseStage::Ended && case.seats.iter().any(stands)
}

/// A shard as it is named in commands.
fn name(job: JobId, shard: u32) -> String {
	format!("{} {shard}", job.0)
}

/// A job and where it is looked at.
async fn job_now(chain: &Chain, id: JobId) -> Result<(JobView, At)> {
	let at = At::Hash(chain.best_head().await?.hash);
	Ok((context::job(chain, id, at).await?, at))
}

#[cfg(test)]
pub mod tests;
