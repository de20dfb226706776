//! `millrace program`: publishes programs and withdraws them.

use crate::{
	context,
	failure::{Failure, Result},
	options::{Global, ProgramCommand},
	output::Output,
	program::Program,
	units::mill,
};
use millrace_client::{blobs::hex_root, calls, At};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, command: ProgramCommand, output: &mut Output) -> Result<()> {
	match command {
		ProgramCommand::Publish { file } => {
			let program = Program::read(&file)?;
			let root = hex_root(&program.id);
			let signer = global.signer()?;
			let chain = global.connect().await?;
			if chain.program(program.id, At::Best).await?.is_some() {
				let document = json!({ "program": root, "size": program.size(), "published": false });
				return output.result(&document, format!("{root}\nThe program is published already."));
			}
			let (finalized, transaction) =
				context::submit(&chain, &signer, calls::publish_program(program.id, program.size())).await?;
			let published = chain.program(program.id, At::Hash(finalized.block.hash)).await?;
			let deposit = published.map(|program| program.deposit).unwrap_or_default();
			let document = json!({
				"program": root,
				"size": program.size(),
				"published": true,
				"deposit": deposit.to_string(),
				"transaction": transaction,
			});
			let text = format!(
				"{root}\nPublished in block {}: {} bytes, {} on hold until it is withdrawn.{}",
				finalized.block.number,
				program.size(),
				mill(deposit),
				context::fee(&finalized),
			);
			output.result(&document, text)
		}
		ProgramCommand::Withdraw { program } => {
			let (id, _) = crate::job::program(&program)?;
			let signer = global.signer()?;
			let chain = global.connect().await?;
			let root = hex_root(&id);
			let published = chain.program(id, At::Best).await?;
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
