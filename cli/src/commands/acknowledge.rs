//! `millrace acknowledge`.

use super::fetch::acknowledge_shards;
use crate::{
	context,
	failure::{Failure, Result},
	options::{Global, JobArgument},
	output::Output,
};
use millrace_client::At;
use millrace_primitives::job::ShardState;
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: JobArgument, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let chain = global.connect().await?;
	context::job(&chain, options.job, At::Finalized).await?;
	let shards = chain.market(At::Finalized).all_shards(options.job).await?;
	let in_custody: Vec<_> = shards
		.iter()
		.filter(|shard| shard.state == ShardState::Custody)
		.map(|shard| shard.id.index)
		.collect();
	if in_custody.is_empty() {
		return Err(Failure::Refused(format!(
			"no outputs of job {} are in custody",
			options.job.0
		)));
	}
	let transactions = acknowledge_shards(&chain, &signer, options.job, &in_custody).await?;
	let document = json!({ "job": options.job.0, "shards": in_custody, "transactions": transactions });
	output.result(
		&document,
		format!(
			"The custody of {} shards of job {} is over.",
			in_custody.len(),
			options.job.0
		),
	)
}
