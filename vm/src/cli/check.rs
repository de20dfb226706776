//! `check`.

use super::{
	task::{normalised, read},
	text::hex,
};
use anyhow::{Context, Result};
use millrace_vm::{data::blob, flatten::flatten, hash::Blake2, normalise::with_entry};
use std::{fs, io::Write, path::Path};

pub fn check(path: &Path, entry: Option<&str>, file: Option<&Path>, out: &mut dyn Write) -> Result<()> {
	let mut wasm = read(path)?;
	// Nothing needs to say what is the case anyway.
	if let Some(name) = entry.filter(|name| *name != "_start") {
		wasm = with_entry(&wasm, name);
	}
	let normalised = normalised(path, &wasm)?;
	let program = flatten(&normalised)?;
	let module = blob(&wasm).context("the program is longer than 4 GiB")?;
	writeln!(out, "program         0x{}", hex(&program.id(&module)))?;
	writeln!(out, "module          0x{}", hex(&module.root::<Blake2>()))?;
	writeln!(out, "instructions    {}", program.code().len())?;
	writeln!(out, "normalised      {} bytes", normalised.bytes().len())?;
	writeln!(
		out,
		"memory          {} pages of 64 KiB at the start, at most {}",
		normalised.initial_pages(),
		normalised.max_pages()
	)?;
	if let Some(file) = file {
		fs::write(file, normalised.bytes()).with_context(|| format!("cannot write {}", file.display()))?;
	}
	Ok(())
}
