//! The command line: one file a subcommand.

pub mod compile;
pub mod init;
pub mod run;
pub mod status;

use crate::{config, Config};
use clap::{Args, Parser, Subcommand};
use millrace_client::{
	keys::{KeyError, Keypair},
	Chain,
};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Computes for Millrace on this machine.
#[derive(Parser, Debug)]
#[command(name = "millrace-agent", version, about)]
pub struct Cli {
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
}

/// What the agent can do.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// Set this machine up: key, hardware, price; and register it on chain.
	Init(init::Options),
	/// Work: find assignments, compute them, report, serve outputs. Ends on Ctrl-C or SIGTERM.
	Run(run::Options),
	/// Say how the provider and its agent are.
	///
	/// Exit codes: 0 it is drawn for work and its agent runs; 1 an error; 3 it is not registered; 4 it is registered,
	/// but gets no work or its agent does not run.
	Status(status::Options),
	/// Compile the module on standard input and throw the code away. A running agent does so with other limits than its
	/// own before it trusts a program.
	#[command(hide = true)]
	Compile,
}

/// What all subcommands take.
#[derive(Args, Clone, Debug)]
pub struct Common {
	/// The agent's data directory: configuration, key, database, outputs.
	#[arg(
		long,
		short = 'd',
		env = "MILLRACE_AGENT_DATA",
		default_value = "millrace-agent-data",
		value_name = "DIR"
	)]
	pub data_dir: PathBuf,
	/// The node's WebSocket address, instead of the configured one.
	#[arg(long, env = "MILLRACE_NODE", value_name = "URL")]
	pub node: Option<String>,
}

impl Cli {
	/// Does what was asked.
	pub async fn execute(self, output: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
		match self.command {
			Command::Init(options) => init::run(options, output).await,
			Command::Run(options) => run::run(options).await,
			Command::Status(options) => status::run(options, output).await,
			Command::Compile => compile::run(output),
		}
	}

	/// Whether logs are to be written as JSON, and what is logged unless the environment says otherwise.
	pub fn logging(&self) -> (bool, &'static str) {
		match &self.command {
			Command::Run(options) => (options.log_json, "info"),
			_ => (false, "warn"),
		}
	}
}

/// Connects, and makes sure that it is the chain that the data directory belongs to.
async fn connect(common: &Common, config: &mut Config) -> anyhow::Result<Chain> {
	if let Some(node) = &common.node {
		config.node.clone_from(node);
	}
	let chain = Chain::connect(&config.node).await?;
	let genesis = format!("{:?}", chain.genesis_hash());
	match &config.genesis {
		Some(known) if *known != genesis => anyhow::bail!(
			"{} serves another chain (genesis {genesis}) than the one that {} belongs to (genesis {known})",
			config.node,
			common.data_dir.display()
		),
		_ => config.genesis = Some(genesis),
	}
	Ok(chain)
}

/// The operator's key of a data directory.
fn operator_key(common: &Common) -> anyhow::Result<Keypair> {
	Keypair::from_file(&config::key_file(&common.data_dir)).map_err(|error| match error {
		KeyError::Missing { path } => anyhow::anyhow!(
			"there is no operator's key at {}; make one with: millrace-agent init --data-dir {}",
			path.display(),
			common.data_dir.display()
		),
		error => anyhow::Error::new(error).context("cannot use the operator's key"),
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn an_operators_key_that_is_not_there_is_named_with_what_makes_one() {
		let folder = tempfile::tempdir().unwrap();
		let common = Common {
			data_dir: folder.path().join("data"),
			node: None,
		};
		let text = format!("{:#}", operator_key(&common).unwrap_err());
		assert!(
			text.contains("data/operator.key") && text.contains("millrace-agent init --data-dir"),
			"{text}"
		);
	}
}
