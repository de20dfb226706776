//! Writes the runtime's metadata to standard output; `scripts/metadata.sh` makes the client library's copy of it.

use std::io::{self, Write};

fn main() -> io::Result<()> {
	let metadata = millrace_runtime::metadata::encoded(millrace_runtime::metadata::LATEST_VERSION)
		.ok_or_else(|| io::Error::other("the runtime does not support its own newest metadata version"))?;
	io::stdout().write_all(&metadata)
}
