//! `millrace top-up`.

use crate::{
	context,
	failure::{Failure, Result},
	options::{Global, TopUpOptions},
	output::Output,
	units::{mill, Span},
};
use millrace_client::{calls, At};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: TopUpOptions, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let chain = global.connect().await?;
	let before = context::job(&chain, options.job, At::Best).await?;
	let price_cap = options.max_price.unwrap_or(before.price_cap);
	if price_cap < before.price_cap {
		return Err(Failure::Input(format!(
			"--max-price can only be raised; it is {}",
			mill(before.price_cap)
		)));
	}
	let extra = match options.extend {
		None => 0,
		Some(Span::Blocks(blocks)) => blocks,
		Some(span) => span.blocks(context::block_ms(&chain).await?).map_err(Failure::Input)?,
	};
	let call = calls::top_up(options.job, price_cap, extra);
	let (finalized, transaction) = context::submit(&chain, &signer, call).await?;
	let after = context::job(&chain, options.job, At::Hash(finalized.block.hash)).await?;
	let document = json!({ "job": after, "transaction": transaction });
	let text = format!(
		"Job {}: at most {} per Ggas, until market block {}; {} on hold.{}",
		options.job.0,
		mill(after.price_cap),
		after.expires_at,
		mill(after.escrow),
		context::fee(&finalized),
	);
	output.result(&document, text)
}
