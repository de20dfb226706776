//! The binary's subcommands that work on a database at rest.
//!
//! Each function opens the database, so no node may be running on it. The futures are boxed here
//! to instantiate the import pipeline once, in this crate.

use crate::components::{self, FullClient};
use futures::future::{FutureExt, LocalBoxFuture};
use millrace_primitives::OpaqueBlock as Block;
use sc_cli::{ChainInfoCmd, CheckBlockCmd, Error, ExportBlocksCmd, ImportBlocksCmd, RevertCmd};
use sc_service::{Configuration, TaskManager};
use std::sync::Arc;

/// A subcommand's work and the tasks that must live as long as it runs. The tasks keep what they serve alive: gone
/// earlier, its absence would be logged as their failure.
pub type Operation<'a> = (LocalBoxFuture<'a, Result<(), Error>>, TaskManager);

/// Imports one stored block again and reports whether it is valid.
///
/// # Errors
/// The database cannot be opened; the future fails if the block is unknown or invalid.
pub fn check_block(cmd: &CheckBlockCmd, config: Configuration) -> Result<Operation<'_>, Error> {
	let mut parts = components::build(&config)?;
	parts
		.task_manager
		.keep_alive((parts.transaction_pool, parts.babe_worker));
	let work = cmd.run(parts.client, parts.import_queue).boxed_local();
	Ok((work, parts.task_manager))
}

/// Reads blocks from a file or standard input into the database.
///
/// # Errors
/// The database cannot be opened; the future fails on unreadable input or an invalid block.
pub fn import_blocks(cmd: &ImportBlocksCmd, config: Configuration) -> Result<Operation<'_>, Error> {
	let mut parts = components::build(&config)?;
	parts
		.task_manager
		.keep_alive((parts.transaction_pool, parts.babe_worker));
	let work = cmd.run(parts.client, parts.import_queue).boxed_local();
	Ok((work, parts.task_manager))
}

/// Writes blocks from the database to a file or standard output.
///
/// # Errors
/// The database cannot be opened; the future fails if a block in the range is missing.
pub fn export_blocks(cmd: &ExportBlocksCmd, config: Configuration) -> Result<Operation<'_>, Error> {
	let mut parts = components::build(&config)?;
	parts
		.task_manager
		.keep_alive((parts.transaction_pool, parts.import_queue, parts.babe_worker));
	let work = cmd.run(parts.client, config.database).boxed_local();
	Ok((work, parts.task_manager))
}

/// Takes back blocks that are not finalized, together with what BABE and GRANDPA stored about them.
///
/// # Errors
/// The database cannot be opened; the future fails if the consensus data cannot be rewound.
pub fn revert(cmd: &RevertCmd, config: Configuration) -> Result<Operation<'_>, Error> {
	let mut parts = components::build(&config)?;
	parts
		.task_manager
		.keep_alive((parts.transaction_pool, parts.import_queue, parts.babe_worker));
	let consensus = Box::new(|client: Arc<FullClient>, backend, blocks| {
		sc_consensus_babe::revert(client.clone(), backend, blocks)?;
		sc_consensus_grandpa::revert(client, blocks)?;
		Ok(())
	});
	let work = cmd.run(parts.client, parts.backend, Some(consensus)).boxed_local();
	Ok((work, parts.task_manager))
}

/// Prints best and finalized block of the database as JSON.
///
/// # Errors
/// The database cannot be opened.
pub fn chain_info(cmd: &ChainInfoCmd, config: &Configuration) -> Result<(), Error> {
	cmd.run::<Block>(config)?;
	// The command leaves the cursor behind the closing brace.
	println!();
	Ok(())
}
