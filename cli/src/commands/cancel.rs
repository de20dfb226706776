//! `millrace cancel`.

use crate::{
	context,
	failure::Result,
	options::{Global, JobArgument},
	output::Output,
	units::mill,
};
use millrace_client::{calls, At};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: JobArgument, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let chain = global.connect().await?;
	context::job(&chain, options.job, At::Best).await?;
	let (finalized, transaction) = context::submit(&chain, &signer, calls::cancel(options.job)).await?;
	// Job, status, what came back.
	type Closed = (
		millrace_primitives::JobId,
		millrace_primitives::job::JobStatus,
		millrace_primitives::Balance,
	);
	let closed = finalized
		.find("Jobs", "JobClosed")
		.map(|event| event.decode::<Closed>())
		.transpose()?;
	let refunded = closed.map(|(_, _, refunded)| refunded).unwrap_or_default();
	let running = chain
		.market(At::Hash(finalized.block.hash))
		.job(options.job)
		.await?
		.map_or(0, |job| job.running);
	let document = json!({
		"job": options.job.0,
		"refunded": refunded.to_string(),
		"stillRunning": running,
		"transaction": transaction,
	});
	let text = format!(
		"Job {} was cancelled in block {}: {} came back, {running} shards go on to their end.{}",
		options.job.0,
		finalized.block.number,
		mill(refunded),
		context::fee(&finalized),
	);
	output.result(&document, text)
}
