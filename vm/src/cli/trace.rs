//! `trace` and `prove`.

use super::{task::Task, text::hex};
use anyhow::{bail, Context, Result};
use std::{fs, io::Write, path::Path};

pub fn trace(task: &Task, from: u64, count: u64, every: u64, out: &mut dyn Write) -> Result<()> {
	let mut trace = task.trace()?;
	let mut last = None;
	for n in 0..count {
		let step = from.saturating_add(n.saturating_mul(every));
		let root = trace.root(step)?;
		if last == Some(root) {
			writeln!(out, "the program has ended")?;
			break;
		}
		writeln!(out, "{step:>16} {}", hex(&root))?;
		last = Some(root);
	}
	Ok(())
}

pub fn prove(task: &Task, step: u64, file: &Path, out: &mut dyn Write) -> Result<()> {
	let mut trace = task.trace()?;
	let (before, witness) = (trace.root(step)?, trace.prove(step)?);
	let after = trace.root(step.saturating_add(1))?;
	if before == after {
		bail!("the program ends before step {step}");
	}
	fs::write(file, &witness).with_context(|| format!("cannot write {}", file.display()))?;
	writeln!(out, "before {}", hex(&before))?;
	writeln!(out, "after  {}", hex(&after))?;
	writeln!(out, "{} bytes", witness.len())?;
	Ok(())
}
