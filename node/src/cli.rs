//! The command line: what `millrace-node --help` shows.

use crate::chain_spec;
use millrace_node_service::StorageLimits;
use sc_cli::{RunCmd, SubstrateCli};
use std::time::Duration;

/// Arguments of the binary. Without a subcommand it runs a node.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	/// What to do instead of running a node.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// Options of the running node.
	#[command(flatten)]
	pub run: RunCmd,

	/// When the node stops for want of disk space.
	#[command(flatten)]
	pub storage: StorageParams,
}

/// Options that keep the database's disk from filling up.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct StorageParams {
	/// Stop the node when less than this is available for the database; 0 never stops it.
	#[arg(long = "db-storage-threshold", value_name = "MiB", default_value_t = 1024)]
	pub threshold: u64,

	/// How often to look.
	#[arg(
		long = "db-storage-polling-period",
		value_name = "SECONDS",
		default_value_t = 6,
		value_parser = clap::value_parser!(u32).range(1..)
	)]
	pub polling_period: u32,
}

impl From<StorageParams> for StorageLimits {
	fn from(params: StorageParams) -> Self {
		Self {
			threshold: params.threshold,
			polling_period: Duration::from_secs(params.polling_period.into()),
		}
	}
}

/// What the binary does beside running a node.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
	/// Generate, inspect and insert keys.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Write a chain specification as JSON.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Check that a stored block is valid.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Import blocks from a file.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Export blocks to a file.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Remove the whole chain from the database.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Take back blocks that are not finalized.
	Revert(sc_cli::RevertCmd),

	/// Show best and finalized block of the database.
	ChainInfo(sc_cli::ChainInfoCmd),
}

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Millrace Node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn executable_name() -> String {
		// Names the default base path too, so it must not follow the name of the file.
		env!("CARGO_PKG_NAME").into()
	}

	fn description() -> String {
		"Full node of Millrace, the market for verified compute".into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the issue tracker of the repository that this binary was built from".into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
		chain_spec::load(id)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use sc_cli::CliConfiguration;

	fn parse(args: &str) -> Cli {
		Cli::try_from_iter(std::iter::once("millrace-node").chain(args.split_whitespace()))
			.unwrap_or_else(|error| panic!("{args}: {error}"))
	}

	#[test]
	fn the_command_line_has_no_contradictions() {
		<Cli as clap::CommandFactory>::command().debug_assert();
	}

	#[test]
	fn dev_is_one_authority_with_alices_keys() {
		let cli = parse("--dev --tmp");
		assert!(cli.subcommand.is_none());
		assert!(cli.run.role(true).unwrap().is_authority());
		assert!(cli.run.force_authoring().unwrap());
		assert_eq!(cli.run.dev_key_seed(true).unwrap().as_deref(), Some("//Alice"));
		assert_eq!(cli.run.chain_id(true).unwrap(), "dev");
	}

	#[test]
	fn the_rpc_listens_on_loopback_only_unless_asked() {
		let endpoints = parse("--dev --tmp").run.rpc_addr(9944).unwrap().unwrap();
		assert!(!endpoints.is_empty());
		for endpoint in endpoints {
			assert!(endpoint.listen_addr.ip().is_loopback());
			assert_eq!(endpoint.listen_addr.port(), 9944);
		}
	}

	#[test]
	fn disk_space_is_watched_by_default() {
		let limits = |args| StorageLimits::from(parse(args).storage);
		assert_eq!(
			limits("--dev"),
			StorageLimits {
				threshold: 1024,
				polling_period: Duration::from_secs(6)
			}
		);
		assert_eq!(limits("--dev --db-storage-threshold 0").threshold, 0);
		assert!(Cli::try_from_iter(["millrace-node", "--db-storage-polling-period", "0"]).is_err());
	}

	#[test]
	fn every_subcommand_parses() {
		for (args, expected) in [
			("key generate-node-key --file key", "Key"),
			("key insert --key-type babe --scheme sr25519 --suri //Alice", "Key"),
			("export-chain-spec --chain local --raw", "ExportChainSpec"),
			("check-block --dev 1", "CheckBlock"),
			("import-blocks --dev blocks.bin", "ImportBlocks"),
			("export-blocks --dev --from 1 --to 2", "ExportBlocks"),
			("purge-chain --dev -y", "PurgeChain"),
			("revert --dev 10", "Revert"),
			("chain-info --dev", "ChainInfo"),
		] {
			let parsed = format!("{:?}", parse(args).subcommand.unwrap());
			assert!(parsed.starts_with(expected), "{args}: {parsed}");
		}
	}

	#[test]
	fn rocksdb_is_not_on_offer() {
		let args = ["millrace-node", "--dev", "--database", "rocksdb"];
		assert!(Cli::try_from_iter(args).is_err());
		let args = ["millrace-node", "--dev", "--database", "paritydb"];
		assert!(Cli::try_from_iter(args).is_ok());
	}
}
