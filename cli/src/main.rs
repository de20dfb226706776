//! `millrace`: buy compute, sell it, and look at the market from the command line.
//!
//! | module | what it holds |
//! |---|---|
//! | [`options`] | the command line's grammar |
//! | [`commands`] | one file a subcommand, each with `run(options, output)` |
//! | [`units`] | amounts, sizes, times as people write them |
//! | [`job`], [`inputs`], [`program`] | what a job is made of |
//! | [`pack`], [`stored`] | archives and other blobs as files of our own |
//! | [`compute`] | tasks of a job computed here, to compare them and to play about them |
//! | [`serving`] | the server for a job's data |
//! | [`names`], [`record`] | what outputs are called |
//! | [`output`], [`failure`] | what is printed, and how it ends |

mod commands;
mod compute;
mod context;
mod failure;
mod inputs;
mod job;
mod names;
mod options;
mod output;
mod pack;
mod program;
mod record;
mod serving;
mod stored;
mod units;

use clap::Parser;
use std::process::ExitCode;

/// Ends with what the command line's parser says: help, or what is wrong.
fn misused(error: &clap::Error) -> ExitCode {
	if !error.use_stderr() {
		// Help and version are no errors. If they cannot be printed, nobody is there to be told.
		drop(error.print());
		return ExitCode::SUCCESS;
	}
	let failure = failure::Failure::Usage {
		text: error.to_string(),
		value: error.kind() == clap::error::ErrorKind::ValueValidation,
	};
	if std::env::args_os().any(|argument| argument == "--json") {
		output::Output::new(true).failure(&failure);
	} else {
		drop(error.print());
	}
	ExitCode::from(failure.exit_code())
}

fn main() -> ExitCode {
	let options = match options::Options::try_parse() {
		Ok(options) => options,
		Err(error) => return misused(&error),
	};
	// Standard error holds JSON only if that is wanted.
	let quiet = if options.global.json {
		"error"
	} else {
		"error,millrace_client=warn"
	};
	let filter = tracing_subscriber::EnvFilter::try_from_env("MILLRACE_LOG").unwrap_or_else(|_| quiet.into());
	tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(output::is_interactive())
		.init();
	let mut output = output::Output::new(options.global.json);
	let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
	let result = match runtime {
		Ok(runtime) => {
			let result = runtime.block_on(commands::run(options, &mut output));
			runtime.shutdown_background();
			result
		}
		Err(error) => Err(failure::Failure::Other(format!("cannot start: {error}"))),
	};
	match result.and_then(|()| output.flush()) {
		Ok(()) => ExitCode::SUCCESS,
		Err(failure) => {
			output.failure(&failure);
			ExitCode::from(failure.exit_code())
		}
	}
}
