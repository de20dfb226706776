//! `millrace estimate`: what a job would cost, and who could do it.

use crate::{
	context,
	failure::{Failure, Result},
	job::{PreparedJob, PLACEHOLDER},
	options::{EstimateOptions, Global},
	output::Output,
	units::{blocks_and_time, mill},
};
use millrace_client::{blobs::hex_root, words, At, Chain};
use millrace_primitives::{
	api::Quote,
	job::Verification,
	provider::{counted_price, Census},
	JobSpec,
};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: EstimateOptions, output: &mut Output) -> Result<()> {
	let checked = options.job.resolve()?.check()?;
	let chain = global.connect().await?;
	let prepared = checked.prepare(&chain).await?;
	// A quote does not depend on who serves the data.
	let spec = prepared.spec_with(&[PLACEHOLDER.into()])?;
	let quote = quote(&chain, &spec).await?;
	let block_ms = context::block_ms(&chain).await?;
	let document = json!({
		"program": hex_root(&prepared.program_id()),
		"image": spec.image,
		"setup": spec.setup,
		"limits": spec.limits,
		"inputRoot": hex_root(&spec.input_root),
		"tasks": spec.tasks,
		"shards": spec.shards(),
		"replicas": spec.verification.seats(),
		"verification": spec.verification,
		"quote": quote,
		"blockMilliseconds": block_ms,
	});
	output.result(&document, text(&prepared, &spec, &quote, block_ms))
}

/// The chain's quote.
pub async fn quote(chain: &Chain, spec: &JobSpec) -> Result<Quote> {
	let quote = chain.market(At::Best).quote(spec).await?;
	quote.ok_or_else(|| {
		Failure::Input(
			"the chain does not accept such a job at present: --max-price is below the least price, --deadline too far away, \
			 --window shorter than its least, or a shard may take longer than 14 days on a slow machine: a smaller --shard-size or \
			 --gas-limit mends that"
				.into(),
		)
	})
}

fn text(prepared: &PreparedJob, spec: &JobSpec, quote: &Quote, block_ms: u64) -> String {
	let mut text = format!(
		"{} tasks in {} shards, {} each, program {}\n",
		spec.tasks,
		spec.shards(),
		words::verification(&spec.verification),
		hex_root(&prepared.program_id()),
	);
	let mut row = |name: &str, value: String| text += &format!("{name:<22}{value}\n");
	if let Some(image) = &spec.image {
		row("image", format!("{} bytes, fetched once by each provider", image.len));
	}
	row(
		"on hold",
		format!("{} (what is not used comes back)", mill(quote.escrow)),
	);
	row("  for providers", format!("at most {}", mill(quote.payments)));
	row("  for keeping outputs", format!("at most {}", mill(quote.storage)));
	row("  protocol fee", format!("at most {}", mill(quote.fees)));
	row("burned at submission", mill(quote.submission_fee));
	row("a shard may take", blocks_and_time(quote.execution_window, block_ms));
	if let Verification::Optimistic { window } = spec.verification {
		row(
			"backed by",
			format!("one provider's bond, {} of a newcomer", mill(quote.liability)),
		);
		row(
			"",
			"audited by chance: one shard in 4 of newcomers, fewer of others, never below one in 32".into(),
		);
		row(
			"can be attacked for",
			format!("{}, and a task's time", blocks_and_time(window, block_ms)),
		);
	}
	let census = quote.census;
	row(
		"providers",
		format!("{} with such hardware and a free slot", census.in_class),
	);
	row("", format!("{} of them in the allowed regions", census.in_region));
	row("", format!("{} of these at this price or below", census.affordable));
	if let Some(step) = counted_price(spec.price_cap).filter(|step| *step < spec.price_cap) {
		row(
			"",
			format!(
				"prices count by steps: {} finds who asks {} or less",
				mill(spec.price_cap),
				mill(step)
			),
		);
	}
	let seats = u32::from(spec.verification.seats());
	if let Some(remedy) = remedy(&census, seats) {
		row(
			"",
			format!(
				"too few at present for {}: {remedy}",
				words::verification(&spec.verification)
			),
		);
	}
	text
}

/// What is to be said before a job is submitted that too few providers could take; nothing if there are enough.
pub fn warning(quote: &Quote, spec: &JobSpec) -> Option<String> {
	let seats = u32::from(spec.verification.seats());
	let remedy = remedy(&quote.census, seats)?;
	let Census {
		in_class,
		in_region,
		affordable,
	} = quote.census;
	let enough = affordable.min(in_region).min(in_class);
	Some(format!(
		"warning: each shard needs {seats} of the providers, and {enough} would take this job at present: {remedy}. Shards that are \
		 begun keep their price."
	))
}

/// What helps if there are too few providers for so many seats.
fn remedy(census: &Census, seats: u32) -> Option<&'static str> {
	if census.in_class < seats {
		Some("wait, or choose another --class (see `millrace provider list`)")
	} else if census.in_region < seats {
		Some("wait, or allow more regions with --region")
	} else if census.affordable < seats {
		Some("raise --max-price, or wait")
	} else {
		None
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_remedy_is_for_what_is_lacking() {
		let remedy = |in_class, in_region, affordable| {
			let census = Census {
				in_class,
				in_region,
				affordable,
			};
			remedy(&census, 2).unwrap_or_default()
		};
		assert!(remedy(1, 1, 1).contains("--class"));
		assert!(remedy(2, 1, 1).contains("--region"));
		assert!(remedy(2, 2, 0).contains("--max-price"));
		assert_eq!(remedy(2, 2, 2), "");
	}
}
