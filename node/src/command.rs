//! Does what the command line asks for.

use crate::cli::{Cli, Subcommand};
use millrace_node_service::chain_ops;
use sc_cli::{Result, SubstrateCli};

/// Runs the node or a subcommand until it ends or a signal arrives.
pub fn run(cli: &Cli) -> Result<()> {
	let Some(subcommand) = &cli.subcommand else {
		let runner = cli.create_runner(&cli.run)?;
		return runner.run_node_until_exit(|config| async move {
			millrace_node_service::run(config, cli.storage.into()).map_err(sc_cli::Error::Service)
		});
	};
	match subcommand {
		Subcommand::Key(cmd) => cmd.run(cli),
		Subcommand::ExportChainSpec(cmd) => cmd.run(cli.load_spec(&cmd.chain)?),
		Subcommand::CheckBlock(cmd) => cli
			.create_runner(cmd)?
			.async_run(|config| chain_ops::check_block(cmd, config)),
		Subcommand::ImportBlocks(cmd) => cli
			.create_runner(cmd)?
			.async_run(|config| chain_ops::import_blocks(cmd, config)),
		Subcommand::ExportBlocks(cmd) => cli
			.create_runner(cmd)?
			.async_run(|config| chain_ops::export_blocks(cmd, config)),
		Subcommand::PurgeChain(cmd) => cli.create_runner(cmd)?.sync_run(|config| cmd.run(config.database)),
		Subcommand::Revert(cmd) => cli
			.create_runner(cmd)?
			.async_run(|config| chain_ops::revert(cmd, config)),
		Subcommand::ChainInfo(cmd) => cli
			.create_runner(cmd)?
			.sync_run(|config| chain_ops::chain_info(cmd, &config)),
	}
}
