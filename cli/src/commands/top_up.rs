//! `millrace top-up`.

use crate::{
	context,
	failure::{Failure, Result},
	options::{Global, TopUpOptions},
	output::Output,
	units::{mill, Span},
};
use millrace_client::{calls, At, Event};
use millrace_primitives::{Balance, JobId, MarketBlock};
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
	let burned = burned(&finalized.events)?;
	let document = json!({ "job": after, "burned": burned.to_string(), "transaction": transaction });
	let text = format!(
		"Job {}: at most {} per Ggas, until market block {}; {} on hold.{}{}",
		options.job.0,
		mill(after.price_cap),
		after.expires_at,
		mill(after.escrow),
		match burned {
			0 => String::new(),
			burned => format!(" {} were burned for seats that are drawn again.", mill(burned)),
		},
		context::fee(&finalized),
	);
	output.result(&document, text)
}

/// What was burned for seats that wait: who declined them may be drawn again.
fn burned(events: &[Event]) -> Result<Balance> {
	let Some(event) = events.iter().find(|event| event.is("Jobs", "JobToppedUp")) else {
		return Ok(0);
	};
	let (.., burned) = event.decode::<(JobId, Balance, MarketBlock, Balance, Balance)>()?;
	Ok(burned)
}
