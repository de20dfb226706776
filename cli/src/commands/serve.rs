//! `millrace serve`: serves a job's program, image, setup and inputs until it is interrupted.

use crate::{
	context,
	failure::{Failure, Result},
	job::options::JobOptions,
	options::ServeCommand,
	output::Output,
	serving::{self, JobStore},
	stored::Stored,
};
use millrace_client::blobs::hex_root;
use serde_json::json;

/// Runs the command.
pub async fn run(options: ServeCommand, output: &mut Output) -> Result<()> {
	let listen = options.listen;
	let job = JobOptions {
		file: options.file,
		work: options.work,
		terms: Default::default(),
	};
	let checked = job.resolve()?.check()?;
	if checked.program.is_none() {
		return Err(Failure::Input(
			"to serve the program, its module is needed: name the file with --program".into(),
		));
	}
	let loaded = tokio::task::spawn_blocking(move || checked.load())
		.await
		.map_err(|error| Failure::Other(error.to_string()))??;
	let store = JobStore::new(&loaded);
	// Whoever submits the job names the URL, so any address will do here.
	let serving = serving::start(store, listen, Some("http://unused")).await?;
	let address = serving.server.local_addr();
	let id = hex_root(&loaded.checked.program_id);
	let address_of = |stored: &Option<Stored>| stored.as_ref().map(|stored| hex_root(&stored.address()));
	let (image, setup) = (address_of(&loaded.image), address_of(&loaded.checked.setup));
	let (inputs, tasks) = (hex_root(&loaded.inputs.root()), loaded.inputs.tasks());
	let document = json!({
		"address": address.to_string(),
		"program": id,
		"image": image,
		"setup": setup,
		"inputRoot": inputs,
		"tasks": tasks,
	});
	let mut text = format!("Serving on {address}; interrupt to stop.\nprogram  {id}\n");
	for (name, address) in [("image", image), ("setup", setup)] {
		if let Some(address) = address {
			text += &format!("{name:<9}{address}\n");
		}
	}
	text += &format!("inputs   {inputs} ({tasks} tasks)");
	output.result(&document, text)?;
	context::interrupted().await;
	serving.server.shutdown().await;
	Ok(())
}
