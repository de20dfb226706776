//! `millrace serve`: serves a job's program and inputs until it is interrupted.

use crate::{
	failure::{Failure, Result},
	options::ServeCommand,
	output::Output,
	program::Program,
	serving::{self, JobStore},
};
use millrace_client::blobs::hex_root;
use serde_json::json;

/// Runs the command.
pub async fn run(options: ServeCommand, output: &mut Output) -> Result<()> {
	let program = Program::read(&options.program)?;
	let inputs = options.inputs.clone();
	let inputs = tokio::task::spawn_blocking(move || inputs.read())
		.await
		.map_err(|error| Failure::Other(error.to_string()))??;
	let document = |address: std::net::SocketAddr| {
		json!({
			"address": address.to_string(),
			"program": hex_root(&program.id),
			"inputRoot": hex_root(&inputs.root()),
			"tasks": inputs.tasks(),
		})
	};
	let store = JobStore::new(Some(program.clone()), inputs.clone());
	// Whoever submits the job names the URL, so any address will do here.
	let serving = serving::start(store, options.listen, Some("http://unused")).await?;
	let address = serving.server.local_addr();
	let text = format!(
		"Serving on {address}; interrupt to stop.\nprogram  {}\ninputs   {} ({} tasks)",
		hex_root(&program.id),
		hex_root(&inputs.root()),
		inputs.tasks(),
	);
	output.result(&document(address), text)?;
	tokio::signal::ctrl_c()
		.await
		.map_err(|error| Failure::Other(format!("cannot wait for an interrupt: {error}")))?;
	serving.server.shutdown().await;
	Ok(())
}
