//! `millrace-agent`: computes for Millrace on this machine.

#![forbid(unsafe_code)]

use clap::Parser;
use millrace_agent::commands::Cli;
use std::{io::IsTerminal, process::ExitCode, time::Duration};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
	let cli = Cli::parse();
	let (json, level) = cli.logging();
	let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
	let log = tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(std::io::stderr().is_terminal());
	match json {
		true => log.json().init(),
		false => log.init(),
	}
	let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
		Ok(runtime) => runtime,
		Err(error) => {
			eprintln!("error: cannot start: {error}");
			return ExitCode::FAILURE;
		}
	};
	let result = runtime.block_on(cli.execute(&mut std::io::stdout()));
	// A program that is being compiled does not hold the process back.
	runtime.shutdown_timeout(Duration::from_secs(2));
	result.unwrap_or_else(|error| {
		eprintln!("error: {error:#}");
		ExitCode::FAILURE
	})
}
