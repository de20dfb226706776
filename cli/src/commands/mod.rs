//! The subcommands.

mod acknowledge;
mod attempt;
mod balance;
mod cancel;
mod claim;
mod estimate;
mod fetch;
mod job;
mod key;
mod pack;
mod program;
mod provider;
mod receipt;
mod serve;
mod submit;
mod top_up;
mod watch;

use crate::{
	failure::Result,
	options::{Command, Options},
	output::Output,
};

/// Runs the command that the options name.
pub async fn run(options: Options, output: &mut Output) -> Result<()> {
	let global = options.global;
	match options.command {
		Command::Key(command) => key::run(&global, command, output),
		Command::Program(command) => program::run(&global, command, output).await,
		Command::Try(options) => attempt::run(options, output).await,
		Command::Estimate(options) => estimate::run(&global, options, output).await,
		Command::Submit(options) => submit::run(&global, options, output).await,
		Command::Serve(options) => serve::run(options, output).await,
		Command::Pack(options) => pack::run(options, output),
		Command::Job(options) => job::run(&global, options, output).await,
		Command::Watch(options) => watch::run(&global, options, output).await,
		Command::Fetch(options) => fetch::run(&global, options, output).await,
		Command::Receipt(options) => receipt::run(&global, options, output).await,
		Command::Acknowledge(options) => acknowledge::run(&global, options, output).await,
		Command::Cancel(options) => cancel::run(&global, options, output).await,
		Command::TopUp(options) => top_up::run(&global, options, output).await,
		Command::Provider(command) => provider::run(&global, command, output).await,
		Command::Balance(options) => balance::run(&global, options, output).await,
		Command::Claim(options) => claim::run(&global, options, output).await,
	}
}
