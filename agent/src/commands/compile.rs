//! `millrace-agent compile`: what a running agent calls to try a program.

use crate::exec::{compile_only, trial, LoadError, Refused};
use anyhow::Context;
use millrace_primitives::job::MAX_PROGRAM_SIZE;
use std::{
	io::{Read, Write},
	process::ExitCode,
};

/// Compiles the module on standard input and throws the code away.
pub fn run(output: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
	let mut wasm = Vec::new();
	std::io::stdin()
		.take(u64::from(MAX_PROGRAM_SIZE) + 1)
		.read_to_end(&mut wasm)
		.context("cannot read the module")?;
	match compile_only(&wasm) {
		Ok(()) => Ok(ExitCode::SUCCESS),
		Err(LoadError::Refused(refused)) => {
			match refused {
				Refused::Compiler(reason) => write!(output, "{reason}")?,
				refused => write!(output, "{refused}")?,
			}
			Ok(ExitCode::from(trial::REFUSED))
		}
		Err(LoadError::Host(error)) => Err(error.into()),
	}
}
