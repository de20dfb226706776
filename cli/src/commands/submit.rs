//! `millrace submit`: submits a job, and if it is wanted serves its data, follows it and fetches its outputs.

use super::{estimate, fetch, watch};
use crate::{
	context,
	failure::{Failure, Result},
	job::PreparedJob,
	options::{Global, SubmitOptions},
	output::Output,
	record::Record,
	serving::{self, JobStore, Serving},
	units::mill,
};
use millrace_client::{blobs::hex_root, calls, At, Call, Chain};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, options: SubmitOptions, output: &mut Output) -> Result<()> {
	let job = options.job.clone().resolve()?;
	let stays = options.watch || options.fetch.is_some();
	if options.endpoints.is_empty() && !stays {
		return Err(Failure::Input(
			"nobody would serve program and inputs once this command ends: add --watch to serve them from here, or run \
			 `millrace serve` and name its URL with --endpoint"
				.into(),
		));
	}
	let signer = global.signer()?;
	let checked = job.check()?;
	if let Some(folder) = &options.fetch {
		fetch::ensure_new(folder)?;
	}
	let chain = global.connect().await?;
	let prepared = checked.prepare(&chain).await?;
	if let Some(note) = prepared.program().and_then(crate::program::Program::note) {
		output.note(note);
	}
	let (serving, endpoints) = serve(&options, &prepared).await?;
	if !options.allow_private {
		context::ensure_public(&chain, &endpoints).await?;
	}
	let spec = prepared.spec_with(&endpoints)?;
	let publication = publication(&chain, &options, &prepared).await?;
	let quote = estimate::quote(&chain, &spec).await?;
	if let Some(warning) = estimate::warning(&quote, &spec) {
		output.note(warning);
	}
	let submission = calls::submit(&spec);
	let call = match publication {
		None => submission,
		Some(publication) => calls::batch_all(vec![publication, submission]),
	};
	let needed = quote.escrow.saturating_add(quote.submission_fee);
	context::ensure_funds(&chain, &signer, &call, needed).await?;
	let (finalized, transaction) = context::submit(&chain, &signer, call).await?;
	let id = finalized
		.job_id()
		.ok_or_else(|| Failure::Other("the chain did not say which job was submitted".into()))?;
	let inputs = &prepared.loaded.inputs;
	let mut record = Record::new(
		spec.input_root,
		&inputs.names(),
		prepared.job().setup.output.is_directory(),
	);
	record.absent = prepared.job().setup.output.absent();
	record.keep(chain.genesis_hash(), id);
	let document = json!({
		"job": id.0,
		"program": hex_root(&spec.program),
		"image": spec.image,
		"setup": spec.setup,
		"tasks": spec.tasks,
		"shards": spec.shards(),
		"escrow": quote.escrow.to_string(),
		"submissionFee": quote.submission_fee.to_string(),
		"endpoints": endpoints,
		"transaction": transaction,
	});
	let text = format!(
		"Job {} was submitted in block {}: {} tasks in {} shards, {} on hold, {} burned for its seats.{}",
		id.0,
		finalized.block.number,
		spec.tasks,
		spec.shards(),
		mill(quote.escrow),
		mill(quote.submission_fee),
		context::fee(&finalized),
	);
	if !stays {
		return output.result(&document, text);
	}
	// The one document on standard output is the job's end.
	output.note(if output.is_json() { document.to_string() } else { text });
	let followed = tokio::select! {
		followed = watch::follow(&chain, id, output) => followed,
		_ = context::interrupted() => Err(Failure::Other("interrupted".into())),
	};
	let ended = match followed {
		Ok(ended) => ended,
		Err(failure) => {
			output.note(format!(
				"Job {0} goes on: follow it with `millrace watch {0}`, or end it with `millrace cancel {0}`.",
				id.0
			));
			if let Some(serving) = &serving {
				output.note(format!(
					"Its program and inputs are no longer served from here. Serve them again soon, before providers give \
					 up: `millrace serve` with the same options or job's file and with --listen {}.",
					serving.server.local_addr()
				));
			}
			return Err(failure);
		}
	};
	let result = match &options.fetch {
		// Without an accepted shard there is nothing to fetch, and nothing is left of the job.
		Some(folder) if ended.job.accepted > 0 => {
			// Of a job that did not end well, what there is is fetched.
			let naming = fetch::Naming {
				names: Some(record),
				unpack: false,
			};
			let mut fetched = fetch::fetch(&chain, id, folder, naming, options.allow_private, output).await?;
			if options.acknowledge && fetched.is_verified() {
				fetch::acknowledge(&chain, &signer, id, &mut fetched, output).await?;
			}
			fetch::report(&fetched, output)?;
			fetched.verdict()
		}
		_ => watch::conclude(&chain, &ended, options.allow_private, output).await,
	};
	if let Some(serving) = serving {
		serving.server.shutdown().await;
	}
	result.and(ended.verdict())
}

/// Serves the job's data unless others do; the URLs that providers are told.
async fn serve(options: &SubmitOptions, prepared: &PreparedJob) -> Result<(Option<Serving>, Vec<String>)> {
	if !options.endpoints.is_empty() {
		return Ok((None, options.endpoints.clone()));
	}
	if prepared.program().is_none() {
		return Err(Failure::Input(
			"to serve the program, its module is needed: name the file with --program, or name who serves it with --endpoint"
				.into(),
		));
	}
	let store = JobStore::new(&prepared.loaded);
	let serving = serving::start(store, options.serve.serve, options.serve.advertise.as_deref()).await?;
	let endpoints = vec![serving.endpoint.clone()];
	Ok((Some(serving), endpoints))
}

/// The call that publishes the program, if that is needed.
async fn publication(chain: &Chain, options: &SubmitOptions, prepared: &PreparedJob) -> Result<Option<Call>> {
	if chain.market(At::Best).program(prepared.program_id()).await?.is_some() {
		return Ok(None);
	}
	let root = hex_root(&prepared.program_id());
	match prepared.program() {
		Some(program) if options.publish => Ok(Some(calls::publish_program(&program.roots, &program.blob()))),
		Some(_) => Err(Failure::Refused(format!(
			"program {root} is not published: run `millrace program publish {}`, or add --publish",
			prepared.job().program
		))),
		None => Err(Failure::Refused(format!(
			"program {root} is not published; to publish it, its module is needed"
		))),
	}
}
