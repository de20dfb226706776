//! `millrace-vm`: the verifiable machine for people who write programs.

mod cli;

use clap::Parser;
use std::{
	io::{self, ErrorKind},
	process::ExitCode,
};

fn main() -> ExitCode {
	let error = match cli::execute(cli::Options::parse(), &mut io::stdout().lock()) {
		Ok(code) => return code,
		Err(error) => error,
	};
	let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
	if io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
		// Whoever read has enough.
		return ExitCode::SUCCESS;
	}
	cli::say(format_args!("millrace-vm: {error:#}"));
	ExitCode::FAILURE
}
