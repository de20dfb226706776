//! Writes the runtime's metadata to standard output, for the client library's committed copy:
//! `cargo run --release -p millrace-runtime --example metadata > client/metadata.scale`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
	let metadata = millrace_runtime::metadata::encoded(millrace_runtime::metadata::LATEST_VERSION)
		.ok_or_else(|| io::Error::other("the runtime does not support its own newest metadata version"))?;
	io::stdout().write_all(&metadata)
}
