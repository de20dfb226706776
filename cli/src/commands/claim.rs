//! `millrace claim`: a provider's emission of an era.

use crate::{
	context,
	failure::{Failure, Result},
	options::{ClaimOptions, Global},
	output::Output,
	units::mill,
};
use millrace_client::{calls, keys::address, At};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: ClaimOptions, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let chain = global.connect().await?;
	let named = options.provider.unwrap_or_else(|| signer.account());
	let market = chain.market(At::Best);
	// The signer may be the operator, while the provider receives.
	let provider = market.provider(&named).await?.map_or(named, |provider| provider.id);
	let amount = market.claimable(&provider, options.era).await?;
	if amount == 0 {
		return Err(Failure::Refused(format!(
			"nothing can be claimed for {} in era {}: it earned nothing, the era is not over, or it was claimed or expired",
			address(&provider),
			options.era
		)));
	}
	let (finalized, transaction) = context::submit(&chain, &signer, calls::claim(&provider, options.era)).await?;
	let document = json!({
		"provider": address(&provider),
		"era": options.era,
		"amount": amount.to_string(),
		"transaction": transaction,
	});
	let text = format!(
		"{} were minted for {}.{}",
		mill(amount),
		address(&provider),
		context::fee(&finalized)
	);
	output.result(&document, text)
}
