//! `millrace-agent compile`: what a running agent calls to have a program compiled.

use crate::exec::trial;
use std::{io::Write, process::ExitCode};

/// Compiles the module on standard input and writes what came of it.
pub fn run(output: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
	Ok(ExitCode::from(trial::answer(&mut std::io::stdin().lock(), output)?))
}
