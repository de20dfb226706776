//! `millrace-node`: the full node. Command line, chain specifications and the runtime's WebAssembly;
//! everything else is in `millrace-node-service`.

mod chain_spec;
mod cli;
mod command;

use sc_cli::SubstrateCli;
use std::{process::ExitCode, thread, time::Duration};

fn main() -> ExitCode {
	match command::run(&cli::Cli::from_args()) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			// The log is written by another thread, twenty times a second; the error belongs below it.
			thread::sleep(Duration::from_millis(100));
			eprintln!("Error: {error}");
			ExitCode::FAILURE
		}
	}
}
