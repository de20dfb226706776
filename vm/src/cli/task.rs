//! A program, what it is given, its limits.

use super::text::{parse_gas, unhex};
use anyhow::{ensure, Context, Result};
use clap::Args;
use millrace_vm::{
	bisect::{Budget, Trace},
	flatten::flatten,
	normalise::{normalise, Normalised},
	stop::Stop,
	supply::{Bytes, Hashed, Known, Supply},
	task::Limits,
};
use std::{
	fs,
	io::Read,
	path::{Path, PathBuf},
	sync::Arc,
};

/// A program, what it is given, its limits.
#[derive(Args)]
pub struct Task {
	/// The program, a WebAssembly module.
	program: PathBuf,
	/// The task's input; `-` for standard input, nothing for none.
	#[arg(long)]
	input: Option<PathBuf>,
	/// The job's setup: arguments, environment, what is input and output. Nothing for standard input and output.
	#[arg(long)]
	setup: Option<PathBuf>,
	/// The job's image: an archive of files that all tasks see.
	#[arg(long)]
	image: Option<PathBuf>,
	/// Gas limit, such as 500000, 200M or 10G.
	#[arg(long, default_value = "10G", value_parser = parse_gas)]
	gas: u64,
	/// Memory limit in pages of 64 KiB.
	#[arg(long, default_value_t = 1024)]
	pub pages: u32,
	/// Output limit in bytes.
	#[arg(long, default_value_t = 1024 * 1024)]
	output_limit: u32,
	/// Seed of random numbers, 64 hexadecimal digits.
	#[arg(long)]
	seed: Option<String>,
}

impl Task {
	pub fn normalised(&self) -> Result<Normalised> {
		load(&self.program)
	}

	pub fn limits(&self) -> Limits {
		Limits {
			gas: self.gas,
			memory_pages: self.pages,
			output: self.output_limit,
		}
	}

	pub fn supply(&self) -> Result<Supply> {
		let seed = match &self.seed {
			Some(seed) => unhex(seed).context("the seed is not 64 hexadecimal digits")?,
			None => [0; 32],
		};
		Ok(Supply {
			input: bytes("input", self.input.as_deref())?,
			image: bytes("image", self.image.as_deref())?,
			setup: bytes("setup", self.setup.as_deref())?,
			seed,
		})
	}

	pub fn trace(&self) -> Result<Trace> {
		let (budget, stop) = (Budget::default(), Stop::new());
		let supply = Hashed::with(self.supply()?, Known::default(), budget.threads, &stop)?;
		let program = Arc::new(flatten(&self.normalised()?)?);
		Ok(Trace::new(program, Arc::new(supply), &self.limits(), budget, stop)?)
	}
}

fn bytes(what: &str, path: Option<&Path>) -> Result<Bytes> {
	Ok(match path {
		None => Arc::new([0; 0]),
		Some(path) if path.as_os_str() == "-" => {
			let mut bytes = Vec::new();
			let read = std::io::stdin().read_to_end(&mut bytes);
			read.with_context(|| format!("cannot read the {what} from standard input"))?;
			Arc::new(bytes)
		}
		Some(path) => Arc::new(fs::read(path).with_context(|| format!("cannot read the {what} {}", path.display()))?),
	})
}

/// The longest file of a module that is looked at, custom sections included.
const MAX_FILE: u64 = 512 << 20;

/// The bytes of a program's module.
pub fn read(path: &Path) -> Result<Vec<u8>> {
	let cannot = || format!("cannot read the program {}", path.display());
	let metadata = fs::metadata(path).with_context(cannot)?;
	ensure!(
		metadata.is_file(),
		"{} is no file; name one that holds a WebAssembly module",
		path.display()
	);
	ensure!(
		metadata.len() <= MAX_FILE,
		"{} is longer than {MAX_FILE} bytes, which no program is",
		path.display()
	);
	fs::read(path).with_context(cannot)
}

/// A program's module, normalised.
pub fn load(path: &Path) -> Result<Normalised> {
	normalised(path, &read(path)?)
}

/// The normalised module of a file with these bytes.
pub fn normalised(path: &Path, wasm: &[u8]) -> Result<Normalised> {
	normalise(wasm).with_context(|| format!("{} is not accepted", path.display()))
}
