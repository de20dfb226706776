//! The same four calls for a program that is built for the host, to try it there.
use crate::{Error, Result};
use std::io::{Read, Write};

pub(crate) fn read_input() -> Result<Vec<u8>> {
	let mut input = Vec::new();
	std::io::stdin()
		.lock()
		.read_to_end(&mut input)
		.map_err(|error| Error::from(format!("cannot read standard input: {error}")))?;
	Ok(input)
}

pub(crate) fn write_output(output: &[u8]) -> Result<()> {
	let mut stdout = std::io::stdout().lock();
	stdout
		.write_all(output)
		.and_then(|()| stdout.flush())
		.map_err(|error| Error::from(format!("cannot write standard output: {error}")))
}

pub(crate) fn complain(text: &str) {
	eprintln!("{text}");
}

pub(crate) fn exit(code: u32) -> ! {
	std::process::exit(code as i32)
}
