//! The subcommands.

mod acknowledge;
mod attempt;
mod balance;
mod cancel;
mod claim;
mod dispute;
mod estimate;
pub mod fetch;
mod job;
mod key;
mod pack;
mod program;
mod provider;
mod receipt;
mod serve;
mod submit;
mod top_up;
mod verify;
mod watch;

use crate::{
	failure::{Failure, Result},
	options::{Command, JobCommand, Options},
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
		Command::Job(options) => match (options.command, options.job) {
			(Some(JobCommand::Verify(options)), _) => verify::run(&global, options, output).await,
			(None, Some(job)) => job::run(&global, job, output).await,
			(None, None) => Err(Failure::Input("name a job by its number".into())),
		},
		Command::Dispute(command) => dispute::run(&global, command, output).await,
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
