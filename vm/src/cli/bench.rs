//! `bench`.

use anyhow::{bail, Context, Result};
use millrace_vm::{
	bench::{measure, start_time},
	flatten::flatten,
	machine::Machine,
	normalise::normalise,
	supply::{Hashed, Supply},
	task::Limits,
	MAX_GAS, MAX_PAGES,
};
use std::{
	fs,
	io::Write,
	path::{Path, PathBuf},
	sync::Arc,
	time::Instant,
};

/// Steps for which the step machine is timed.
const TIMED_STEPS: u64 = 200_000_000;

pub fn bench(folder: &Path, rounds: usize, out: &mut dyn Write) -> Result<()> {
	let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
	let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
	paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
	paths.sort();
	if paths.is_empty() {
		bail!("there is no .wasm in {}", folder.display());
	}
	writeln!(out, "a task of an empty program takes {:?}", start_time(100)?)?;
	writeln!(
		out,
		"program            ratio  stoppable  A/A    ns/gas  steps/gas  M steps/s"
	)?;
	for path in paths {
		let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
		let wasm = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
		let measured = measure(&name, &wasm, rounds).with_context(|| format!("cannot measure {name}"))?;
		let program = Arc::new(flatten(&normalise(&wasm)?)?);
		let limits = Limits {
			gas: MAX_GAS,
			memory_pages: MAX_PAGES,
			output: 1 << 20,
		};
		let supply = Hashed::new(Supply::of_input(Vec::new(), [0; 32])).context("no input")?;
		let mut machine = Machine::new(program, Arc::new(supply), &limits)?;
		let started = Instant::now();
		let steps = machine.run(TIMED_STEPS);
		let rate = steps as f64 / started.elapsed().as_secs_f64() / 1e6;
		let per_gas = match machine.halt() {
			Some(_) => format!("{:.2}", steps as f64 / measured.gas.max(1) as f64),
			None => "-".into(),
		};
		writeln!(
			out,
			"{name:<18} {:.3}  {:>9.3}  {:.3}  {:.4}  {per_gas:>9}  {rate:>9.0}",
			measured.ratio,
			measured.interruptible,
			measured.control,
			measured.nanoseconds_per_gas(),
		)?;
	}
	Ok(())
}
