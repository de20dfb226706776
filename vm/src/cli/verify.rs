//! `verify`.

use super::text::{hex, unhex};
use anyhow::{Context, Result};
use millrace_vm::{
	hash::Blake2,
	witness::{self, Next},
	VERSION,
};
use std::{fs, io::Write, path::Path};

pub fn verify(root: &str, path: &Path, out: &mut dyn Write) -> Result<()> {
	let root = unhex(root).context("the root is not 64 hexadecimal digits")?;
	let witness = fs::read(path).with_context(|| format!("cannot read the witness {}", path.display()))?;
	let next = witness::verify::<Blake2>(VERSION, &root, &witness)?;
	writeln!(out, "{}", hex(&next.root::<Blake2>()))?;
	if let Next::Halted(outcome) = next {
		writeln!(out, "halted: {:?}, code {}", outcome.status, outcome.code)?;
		writeln!(out, "gas used        {}", outcome.gas_used)?;
		let output = outcome.output;
		writeln!(
			out,
			"output          {} bytes, root {}",
			output.len,
			hex(&output.root::<Blake2>())
		)?;
	}
	Ok(())
}
