//! `millrace pack`: makes an image of a folder or a tar. Needs no node.

use crate::{
	failure::{Failure, Result},
	options::PackOptions,
	output::Output,
	pack::Package,
};
use millrace_client::blobs::hex_root;
use millrace_primitives::job::MAX_IMAGE;
use serde_json::json;
use std::{fs, io, path::Path};

/// Runs the command.
pub fn run(options: PackOptions, output: &mut Output) -> Result<()> {
	let out = &options.out;
	if out.is_dir() {
		return Err(Failure::Input(format!(
			"{}: a folder; name the new file",
			out.display()
		)));
	}
	let package = Package::new(&options.source, options.mtime)?;
	let stored = package.store(MAX_IMAGE)?;
	replace(stored.path(), out).map_err(|error| Failure::Other(format!("cannot write {}: {error}", out.display())))?;
	let address = hex_root(&stored.address());
	let document = json!({
		"file": out.display().to_string(),
		"address": address,
		"bytes": stored.blob().len,
		"entries": package.entries(),
	});
	let text = format!(
		"{address}\n{} entries, {} bytes, in {}",
		package.entries(),
		stored.blob().len,
		out.display()
	);
	output.result(&document, text)
}

/// Copies a file over another one, whole or not at all.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
	let folder = match to.parent() {
		Some(folder) if folder != Path::new("") => folder,
		_ => Path::new("."),
	};
	let mut new = tempfile::Builder::new().prefix(".millrace-").tempfile_in(folder)?;
	io::copy(&mut fs::File::open(from)?, &mut new)?;
	set_readable(&new)?;
	new.persist(to).map_err(|error| error.error)?;
	Ok(())
}

/// As other new files: temporary ones are their owner's alone.
fn set_readable(file: &tempfile::NamedTempFile) -> io::Result<()> {
	use std::os::unix::fs::PermissionsExt;
	fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644))
}
