//! `millrace-agent compile`: what a running agent calls to try a program.

use crate::exec::{compile_only, trial, LoadError};
use anyhow::Context;
use std::{
	io::{Read, Write},
	process::ExitCode,
};

/// The longest module that is read, in bytes: the largest program after it was rewritten.
const MAX_MODULE: u64 = 4 * millrace_primitives::job::MAX_PROGRAM_SIZE as u64;

/// Compiles the module on standard input and throws the code away.
pub fn run(output: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
	let mut wasm = Vec::new();
	std::io::stdin()
		.take(MAX_MODULE)
		.read_to_end(&mut wasm)
		.context("cannot read the module")?;
	match compile_only(&wasm) {
		Ok(()) => Ok(ExitCode::SUCCESS),
		Err(LoadError::Refused(refused)) => {
			write!(output, "{refused}")?;
			Ok(ExitCode::from(trial::REFUSED))
		}
		Err(LoadError::Host(error)) => Err(error.into()),
	}
}
