//! `millrace program`: publishes programs and withdraws them.

use crate::{
	context,
	failure::{Failure, Result},
	options::{Global, ProgramCommand},
	output::Output,
	program::{self, Program},
	units::mill,
};
use millrace_client::{blobs::hex_root, calls, At};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, command: ProgramCommand, output: &mut Output) -> Result<()> {
	match command {
		ProgramCommand::Publish { file, prepare } => {
			let program = Program::read(&file, &prepare)?;
			let (id, size) = (hex_root(&program.id), program.blob().len);
			if let Some(note) = program.note() {
				output.note(note);
			}
			let signer = global.signer()?;
			let chain = global.connect().await?;
			let mut document = json!({
				"program": id,
				"address": hex_root(&program.module.address()),
				"size": size,
				"leftOut": program.left_out,
				"roots": program.roots,
				"published": false,
			});
			if chain.market(At::Best).program(program.id).await?.is_some() {
				return output.result(&document, format!("{id}\nThe program is published already."));
			}
			let call = calls::publish_program(&program.roots, &program.blob());
			let (finalized, transaction) = context::submit(&chain, &signer, call).await?;
			let market = chain.market(At::Hash(finalized.block.hash));
			let published = market.program(program.id).await?;
			let deposit = published.map(|program| program.deposit).unwrap_or_default();
			document["published"] = json!(true);
			document["deposit"] = json!(deposit.to_string());
			document["transaction"] = transaction;
			let text = format!(
				"{id}\nPublished in block {}: {size} bytes, {} on hold until it is withdrawn.{}",
				finalized.block.number,
				mill(deposit),
				context::fee(&finalized),
			);
			output.result(&document, text)
		}
		ProgramCommand::Withdraw { program, prepare } => {
			let (id, _) = program::find(&program, &prepare)?;
			let signer = global.signer()?;
			let chain = global.connect().await?;
			let root = hex_root(&id);
			let published = chain.market(At::Best).program(id).await?;
			let published = published.ok_or_else(|| Failure::Input(format!("program {root} is not published")))?;
			let (finalized, transaction) = context::submit(&chain, &signer, calls::withdraw_program(id)).await?;
			let document =
				json!({ "program": root, "released": published.deposit.to_string(), "transaction": transaction });
			let text = format!(
				"Withdrawn in block {}; {} are free again.{}",
				finalized.block.number,
				mill(published.deposit),
				context::fee(&finalized),
			);
			output.result(&document, text)
		}
	}
}
