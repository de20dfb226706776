//! A job as the command line describes it.

use crate::{
	context,
	failure::{Failure, Result},
	inputs::{Cut, Inputs},
	program::Program,
	units::{parse_bytes, parse_gas, parse_mill, parse_percent, parse_span, Span},
};
use clap::Args;
use millrace_client::{blobs::parse_root, Chain};
use millrace_primitives::{
	job::{
		Constraints, Endpoint, SpecError, Verification, MAX_ENDPOINTS, MAX_ENDPOINT_LEN, MAX_MEMORY_PAGES,
		MAX_SHARD_TASKS, MAX_TASK_DATA, MAX_TASK_GAS,
	},
	provider::{HardwareClass, Region, RegionSet},
	Balance, Gas, JobSpec, ProgramId,
};
use sp_runtime::Permill;
use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
};

/// The size of a WebAssembly page in bytes.
const PAGE: u64 = 64 * 1024;
/// A job is cut into about so many shards unless the user says otherwise.
const SHARDS: u32 = 16;

/// Stands for an endpoint that is not known yet.
pub const PLACEHOLDER: &str = "http://127.0.0.1";

/// The inputs of a job.
#[derive(Clone, Debug, Args)]
pub struct InputOptions {
	/// The inputs: a folder whose files, in the order of their names, are one task each, or a file.
	#[arg(long = "inputs", value_name = "DIR|FILE")]
	pub path: PathBuf,
	/// Each line of the file is a task, without its end of line.
	#[arg(long)]
	pub lines: bool,
	/// Each piece of so many bytes of the file is a task.
	#[arg(long, value_name = "BYTES", conflicts_with = "lines", value_parser = parse_piece)]
	pub split: Option<u64>,
}

impl InputOptions {
	/// Finds and hashes the inputs.
	pub fn read(&self) -> Result<Inputs> {
		let cut = match (self.lines, self.split) {
			(true, _) => Cut::Lines,
			(false, Some(size)) => Cut::Bytes(size),
			(false, None) => Cut::Whole,
		};
		Inputs::read(&self.path, cut)
	}
}

/// What a job asks for.
#[derive(Clone, Debug, Args)]
pub struct JobOptions {
	/// The program: its module, or the root of a published one (0x...).
	#[arg(long, value_name = "FILE|ROOT")]
	pub program: String,
	/// The inputs.
	#[command(flatten)]
	pub inputs: InputOptions,
	/// How many providers compute each task; their results must be equal.
	#[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=7))]
	pub replicas: u8,
	/// The highest price in MILL per Ggas and replica.
	#[arg(long, value_name = "MILL", default_value = "0.001", value_parser = parse_mill)]
	pub max_price: Balance,
	/// How long work may be handed out: blocks, or a time such as 30m or 2h. What has not started by then is refunded.
	#[arg(long, value_name = "SPAN", default_value = "1h", value_parser = parse_span)]
	pub deadline: Span,
	/// The most gas that one task may use.
	#[arg(long, value_name = "GAS", default_value = "10G", value_parser = parse_gas)]
	pub gas_limit: Gas,
	/// The most memory that one task may use.
	#[arg(long, value_name = "BYTES", default_value = "64M", value_parser = parse_memory)]
	pub memory: u32,
	/// The most output that one task may write.
	#[arg(long, value_name = "BYTES", default_value = "1M", value_parser = parse_bytes)]
	pub output_limit: u64,
	/// Tasks per shard, the unit that is handed out; without it a job is cut into about 16.
	#[arg(long, value_name = "TASKS")]
	pub shard_size: Option<u32>,
	/// Only providers who say that they are there; may be given several times.
	#[arg(long = "region", value_parser = parse_region)]
	pub regions: Vec<Region>,
	/// Only providers with this hardware.
	#[arg(long, default_value = "general", value_parser = parse_class)]
	pub class: HardwareClass,
	/// Only providers with this reputation, in percent of the best possible.
	#[arg(long, value_name = "PERCENT", default_value = "0", value_parser = parse_percent)]
	pub min_reputation: Permill,
}

/// Where a job's data is served.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
	/// The address to serve program and inputs on; without a port any free one.
	#[arg(long, value_name = "ADDR[:PORT]", default_value = "127.0.0.1", value_parser = crate::serving::parse_address)]
	pub serve: SocketAddr,
	/// The URL by which providers reach that address, if it is another.
	#[arg(long, value_name = "URL", value_parser = crate::serving::parse_endpoint)]
	pub advertise: Option<String>,
}

/// A job that is ready but for the endpoints that serve its data.
pub struct PreparedJob {
	/// The program's root.
	pub program_id: ProgramId,
	/// The program, if its module was given.
	pub program: Option<Program>,
	/// The inputs.
	pub inputs: Inputs,
	/// The specification; its endpoints are still empty.
	pub spec: JobSpec,
}

impl JobOptions {
	/// Refuses what is wrong at first sight, before a node is asked.
	pub fn glance(&self) -> Result<()> {
		let (_, program) = program(&self.program)?;
		if let Some(pages) = program
			.map(|program| program.initial_pages)
			.filter(|pages| *pages > self.memory)
		{
			return Err(Failure::Input(format!(
				"--memory: the program starts with {} bytes, give it at least as many",
				u64::from(pages) * 65_536
			)));
		}
		exists(&self.inputs.path)
	}

	/// Reads program and inputs and writes the specification.
	pub async fn prepare(&self, chain: &Chain) -> Result<PreparedJob> {
		let (program_id, program) = program(&self.program)?;
		let options = self.inputs.clone();
		let inputs = tokio::task::spawn_blocking(move || options.read())
			.await
			.map_err(|error| Failure::Other(error.to_string()))??;
		let deadline = match self.deadline {
			Span::Blocks(blocks) => blocks,
			span => span.blocks(context::block_ms(chain).await?).map_err(Failure::Input)?,
		};
		let spec = self.spec(program_id, &inputs, deadline)?;
		Ok(PreparedJob {
			program_id,
			program,
			inputs,
			spec,
		})
	}

	fn spec(&self, program: ProgramId, inputs: &Inputs, deadline: u32) -> Result<JobSpec> {
		let regions = if self.regions.is_empty() {
			RegionSet::ANY
		} else {
			RegionSet::of(&self.regions)
		};
		let output_limit = u32::try_from(self.output_limit)
			.ok()
			.filter(|limit| *limit <= MAX_TASK_DATA);
		let output_limit = output_limit
			.ok_or_else(|| Failure::Input(format!("--output-limit: at most {MAX_TASK_DATA} bytes are allowed")))?;
		let default_size = inputs.tasks().div_ceil(SHARDS).clamp(1, MAX_SHARD_TASKS);
		let spec = JobSpec {
			program,
			input_root: inputs.root(),
			tasks: inputs.tasks(),
			shard_size: self.shard_size.unwrap_or(default_size),
			gas_limit: self.gas_limit,
			memory_pages: self.memory,
			input_limit: inputs.largest(),
			output_limit,
			price_cap: self.max_price,
			verification: Verification::Replicated {
				replicas: self.replicas,
			},
			constraints: Constraints {
				class: self.class,
				regions,
				min_reputation: self.min_reputation,
			},
			preferences: Default::default(),
			deadline,
			endpoints: Default::default(),
		};
		// The endpoints come later; whatever else is wrong is said before anything is served.
		let complete = JobSpec {
			endpoints: vec![endpoint(PLACEHOLDER)?].try_into().unwrap_or_default(),
			..spec.clone()
		};
		complete.validate().map_err(|error| Failure::Input(spec_error(error)))?;
		Ok(spec)
	}
}

impl PreparedJob {
	/// The specification with these endpoints.
	pub fn spec_with(&self, endpoints: &[String]) -> Result<JobSpec> {
		let endpoints = endpoints.iter().map(|url| endpoint(url)).collect::<Result<Vec<_>>>()?;
		let endpoints = endpoints
			.try_into()
			.map_err(|_| Failure::Input(format!("a job may name at most {MAX_ENDPOINTS} endpoints")))?;
		let spec = JobSpec {
			endpoints,
			..self.spec.clone()
		};
		spec.validate().map_err(|error| Failure::Input(spec_error(error)))?;
		Ok(spec)
	}
}

/// A URL as the chain stores it.
pub fn endpoint(url: &str) -> Result<Endpoint> {
	let bytes = url.as_bytes().to_vec();
	bytes
		.try_into()
		.map_err(|_| Failure::Input(format!("{url}: a URL may have at most {MAX_ENDPOINT_LEN} bytes")))
}

/// A program by its root or its module.
pub fn program(text: &str) -> Result<(ProgramId, Option<Program>)> {
	match parse_root(text) {
		Some(root) => Ok((root, None)),
		None if text.starts_with("0x") && !Path::new(text).exists() => Err(Failure::Input(format!(
			"{text} is no program: expected the file of a module, or a root, which is 0x and 64 lower-case hexadecimal digits"
		))),
		None => {
			let program = Program::read(Path::new(text))?;
			Ok((program.id, Some(program)))
		}
	}
}

/// Refuses a path where nothing is.
pub fn exists(path: &Path) -> Result<()> {
	match std::fs::metadata(path) {
		Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::Input(format!(
			"{}: there is no such file or folder",
			path.display()
		))),
		_ => Ok(()),
	}
}

fn spec_error(error: SpecError) -> String {
	match error {
		SpecError::Tasks => "a job has 1 to 1,000,000 tasks".into(),
		SpecError::ShardSize => format!("--shard-size: 1 to {MAX_SHARD_TASKS} tasks are allowed"),
		SpecError::GasLimit => format!("--gas-limit: 1 to {MAX_TASK_GAS} are allowed"),
		SpecError::Memory => format!(
			"--memory: 1 to {} bytes are allowed",
			u64::from(MAX_MEMORY_PAGES) * PAGE
		),
		SpecError::DataLimit => format!("inputs and outputs may have at most {MAX_TASK_DATA} bytes a task"),
		SpecError::Replicas => "--replicas: 2 to 7 are allowed".into(),
		SpecError::Regions => "--region: at least one region must be allowed".into(),
		SpecError::Deadline => "--deadline: it must be later than now".into(),
		SpecError::Endpoints => "at least one http:// or https:// URL must serve program and inputs".into(),
		SpecError::TooExpensive => {
			"--max-price and --gas-limit: the job's cost would exceed the largest balance".into()
		}
	}
}

fn parse_piece(text: &str) -> Result<u64, String> {
	match parse_bytes(text)? {
		0 => Err("a piece has at least one byte".into()),
		size => Ok(size),
	}
}

/// Reads an amount of memory as WebAssembly pages, rounded up.
pub fn parse_memory(text: &str) -> Result<u32, String> {
	let pages = parse_bytes(text)?.div_ceil(PAGE);
	let pages = u32::try_from(pages)
		.ok()
		.filter(|pages| (1..=MAX_MEMORY_PAGES).contains(pages));
	pages.ok_or_else(|| format!("1 to {} bytes are allowed", u64::from(MAX_MEMORY_PAGES) * PAGE))
}

/// The name of a value that is one word in JSON.
pub fn name(value: &impl serde::Serialize) -> String {
	match serde_json::to_value(value) {
		Ok(serde_json::Value::String(name)) => name,
		Ok(other) => other.to_string(),
		Err(_) => String::new(),
	}
}

fn one_of<T: serde::Serialize + Copy>(text: &str, all: &[T]) -> Result<T, String> {
	let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
	let found = all.iter().find(|value| plain(&name(*value)) == plain(text));
	found.copied().ok_or_else(|| {
		format!(
			"expected one of: {}",
			all.iter().map(name).collect::<Vec<_>>().join(", ")
		)
	})
}

/// Reads a region's name.
pub fn parse_region(text: &str) -> Result<Region, String> {
	one_of(text, &Region::ALL)
}

/// Reads a hardware class's name.
pub fn parse_class(text: &str) -> Result<HardwareClass, String> {
	one_of(text, &HardwareClass::ALL)
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::Parser;

	#[derive(Parser)]
	struct Line {
		#[command(flatten)]
		job: JobOptions,
	}

	fn spec(arguments: &str, tasks: usize) -> Result<JobSpec> {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("inputs");
		std::fs::write(&path, "x\n".repeat(tasks)).unwrap();
		let line = format!("x --program p --inputs {} --lines {arguments}", path.display());
		let options = Line::try_parse_from(line.split_whitespace()).unwrap().job;
		options.spec(ProgramId::zero(), &options.inputs.read().unwrap(), 100)
	}

	#[test]
	fn defaults_make_a_valid_job_of_about_16_shards() {
		for (tasks, size) in [(1, 1), (16, 1), (64, 4), (65, 5), (100_000, 4_096)] {
			let spec = spec("", tasks).unwrap();
			assert_eq!((spec.tasks as usize, spec.shard_size), (tasks, size));
			assert_eq!(spec.constraints.regions, RegionSet::ANY);
		}
	}

	#[test]
	fn what_the_chain_would_refuse_is_refused_before_with_the_option_s_name() {
		for (arguments, option) in [
			("--shard-size 0", "--shard-size"),
			("--shard-size 5000", "--shard-size"),
			("--gas-limit 0", "--gas-limit"),
			("--gas-limit 2T", "--gas-limit"),
			("--output-limit 65M", "--output-limit"),
			("--output-limit 5G", "--output-limit"),
			("--max-price 300000000000000000000000000", "--max-price"),
		] {
			let error = spec(arguments, 2).unwrap_err();
			assert!(error.to_string().contains(option), "{arguments}: {error}");
			assert_eq!(error.exit_code(), 2);
		}
	}

	#[test]
	fn memory_below_what_the_program_starts_with_is_refused() {
		let folder = tempfile::tempdir().unwrap();
		let path = |name: &str| folder.path().join(name).display().to_string();
		std::fs::write(path("program"), crate::program::tests::accepted()).unwrap();
		std::fs::write(path("inputs"), "x").unwrap();
		let glance = |memory: &str| {
			let line = format!(
				"x --program {} --inputs {} --memory {memory}",
				path("program"),
				path("inputs")
			);
			Line::try_parse_from(line.split_whitespace()).unwrap().job.glance()
		};
		assert!(glance("192K").is_ok(), "three pages");
		let error = glance("128K").unwrap_err().to_string();
		assert!(error.contains("--memory") && error.contains("196608"), "{error}");
	}

	#[test]
	fn names_are_read_however_they_are_written() {
		assert_eq!(parse_region("north-america"), Ok(Region::NorthAmerica));
		assert_eq!(parse_region("NorthAmerica"), Ok(Region::NorthAmerica));
		assert_eq!(parse_class("high_memory"), Ok(HardwareClass::HighMemory));
		assert!(parse_class("fast").unwrap_err().contains("general"));
		assert_eq!(parse_memory("1"), Ok(1));
		assert_eq!(parse_memory("64M"), Ok(1_024));
		assert!(parse_memory("0").is_err() && parse_memory("5G").is_err());
	}
}
