//! `check`.

use super::{task::load, text::hex};
use anyhow::{Context, Result};
use millrace_vm::{data::blob, flatten::flatten, hash::Blake2};
use std::{fs, io::Write, path::Path};

pub fn check(path: &Path, file: Option<&Path>, out: &mut dyn Write) -> Result<()> {
	let normalised = load(path)?;
	let program = flatten(&normalised)?;
	let wasm = fs::read(path).with_context(|| format!("cannot read the program {}", path.display()))?;
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
