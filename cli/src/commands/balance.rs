//! `millrace balance`.

use crate::{
	failure::Result,
	options::{BalanceOptions, Global},
	output::Output,
	units::mill,
};
use millrace_client::{keys::address, At};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: BalanceOptions, output: &mut Output) -> Result<()> {
	let account = global.account(options.account)?;
	let chain = global.connect().await?;
	let balances = chain.balances(&account, At::Finalized).await?;
	let held: Vec<_> = balances
		.held
		.iter()
		.map(|hold| json!({ "pallet": hold.pallet, "reason": hold.reason, "amount": hold.amount.to_string() }))
		.collect();
	let document = json!({
		"address": address(&account),
		"free": balances.free.to_string(),
		"held": held,
		"frozen": balances.frozen.to_string(),
	});
	let mut text = format!("{}\n{:<28}{}\n", address(&account), "free", mill(balances.free));
	for hold in &balances.held {
		let reason = format!("held: {} {}", hold.pallet, hold.reason);
		text += &format!("{reason:<28}{}\n", mill(hold.amount));
	}
	if balances.frozen > 0 {
		text += &format!("{:<28}{}\n", "frozen", mill(balances.frozen));
	}
	output.result(&document, text)
}
