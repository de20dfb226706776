//! A job as the command line describes it.
//!
//! ```text
//!  options, job.toml ─► Job ──check──► Checked ──load──► Loaded ──► JobSpec
//!                     what is said   program, setup    image, inputs
//! ```

pub mod file;
pub mod options;
pub mod setup;
pub mod words;

use crate::{
	context,
	failure::{Failure, Result},
	inputs::{Cut, Inputs},
	pack::Package,
	program::{self, Prepare, Program},
	stored::Stored,
	units::{parse_bytes, Span},
};
use clap::Args;
use millrace_client::{At, Chain};
use millrace_primitives::{
	job::{
		Constraints, Endpoint, SpecError, Verification, MAX_ENDPOINTS, MAX_ENDPOINT_LEN, MAX_IMAGE, MAX_MEMORY_PAGES,
		MAX_PROGRAM_SIZE, MAX_REPLICAS, MAX_SETUP, MAX_SHARD_TASKS, MAX_TASK_DATA, MAX_TASK_GAS, MAX_WINDOW,
	},
	machine::{Unfit, EMPTY_BLOB},
	params::JobsParams,
	provider::{HardwareClass, Region, RegionSet},
	window::windows,
	Balance, JobSpec, Limits, ProgramId, ProgramRoots,
};
use setup::Setup;
use sp_runtime::Permill;
use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
};

/// The size of a WebAssembly page in bytes.
const PAGE: u64 = 64 * 1024;
/// A job is cut into about so many shards unless the user says otherwise.
const SHARDS: u32 = 16;
/// How long a single provider's result can be attacked unless the user says otherwise: half an hour, as long as the court of a
/// public chain demands at least.
const DEFAULT_WINDOW: Span = Span::Seconds(1_800);
/// What a program calls itself whose file is not known.
const NAMELESS: &str = "program";

/// Stands for an endpoint that is not known yet.
pub const PLACEHOLDER: &str = "http://127.0.0.1";

/// Where a job's data is served.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
	/// The address to serve program, image and inputs on; without a port any free one.
	#[arg(long, value_name = "ADDR[:PORT]", default_value = "127.0.0.1", value_parser = crate::serving::parse_address)]
	pub serve: SocketAddr,
	/// The URL by which providers reach that address, if it is another.
	#[arg(long, value_name = "URL", value_parser = crate::serving::parse_endpoint)]
	pub advertise: Option<String>,
}

/// For how much, by whom, until when.
#[derive(Clone, Debug)]
pub struct Terms {
	/// Providers a task.
	pub replicas: u8,
	/// How long the report of a single one can be attacked.
	pub window: Option<Span>,
	/// Plancks per Ggas and replica.
	pub price: Balance,
	/// How long work may be handed out.
	pub deadline: Span,
	/// Of one task.
	pub limits: Limits,
	/// Tasks a shard.
	pub shard_size: Option<u32>,
	/// Where providers may be; anywhere if there are none.
	pub regions: Vec<Region>,
	/// Their hardware.
	pub class: HardwareClass,
	/// Their reputation at least.
	pub min_reputation: Permill,
}

/// A job as it was described.
#[derive(Clone, Debug)]
pub struct Job {
	/// The module's file, or an id.
	pub program: String,
	/// What of the module is used.
	pub prepare: Prepare,
	/// A folder or a tar.
	pub image: Option<PathBuf>,
	/// Arguments and the like.
	pub setup: Setup,
	/// A folder or a file.
	pub inputs: PathBuf,
	/// How that becomes tasks.
	pub cut: Cut,
	/// For how much.
	pub terms: Terms,
}

/// A job whose program was read and whose files are there.
pub struct Checked {
	/// The description.
	pub job: Job,
	/// What the program is called by.
	pub program_id: ProgramId,
	/// The program, if its module was given.
	pub program: Option<Program>,
	/// The setup, if it says anything.
	pub setup: Option<Stored>,
}

/// A job with all its data.
pub struct Loaded {
	/// What was checked before.
	pub checked: Checked,
	/// The image.
	pub image: Option<Stored>,
	/// The inputs.
	pub inputs: Inputs,
}

/// A job that is ready but for the endpoints that serve its data.
pub struct PreparedJob {
	/// Its data.
	pub loaded: Loaded,
	/// The specification; its endpoints are still empty.
	spec: JobSpec,
}

impl Job {
	/// Reads program and setup and looks whether the rest is there: what can be refused before a node is asked.
	pub fn check(self) -> Result<Checked> {
		self.terms.ensure_alone()?;
		self.image
			.iter()
			.chain([&self.inputs])
			.try_for_each(|path| exists(path))?;
		let (program_id, program) = program::find(&self.program, &self.prepare)?;
		if let Some(program) = &program {
			self.terms.fits(&program.roots)?;
		}
		let name = program.as_ref().map_or(NAMELESS, |program| &program.name);
		let setup = match self.setup.bytes(name)?.as_slice() {
			[] => None,
			bytes => Some(Stored::write("the setup", MAX_SETUP, |out| {
				out.write_all(bytes).map_err(|error| Failure::Other(error.to_string()))
			})?),
		};
		Ok(Checked {
			job: self,
			program_id,
			program,
			setup,
		})
	}
}

impl Terms {
	/// Refuses a window where there is none.
	fn ensure_alone(&self) -> Result<()> {
		match self.window {
			Some(_) if self.replicas > 1 => Err(Failure::Input(format!(
				"--window: it is for results of one provider; leave it out, or ask for --replicas 1 instead of {}",
				self.replicas
			))),
			_ => Ok(()),
		}
	}

	/// How results are verified, with this window if one provider computes them.
	fn verification(&self, window: u32) -> Verification {
		match self.replicas {
			1 => Verification::Optimistic { window },
			replicas => Verification::Replicated { replicas },
		}
	}

	/// Refuses memory with which a program cannot start, and gas that no task can have.
	fn fits(&self, roots: &ProgramRoots) -> Result<()> {
		self.limits.check(roots).map_err(|unfit| {
			Failure::Input(match unfit {
				Unfit::Memory { needs, .. } => format!(
					"--memory: the program starts with {} bytes, those of its system functions included; give it at least as \
					 many",
					needs * PAGE
				),
				Unfit::Gas => spec_error(SpecError::GasLimit),
				unfit => unfit.to_string(),
			})
		})
	}
}

impl Checked {
	/// Packs the image and finds, packs and hashes the inputs. May take long.
	pub fn load(self) -> Result<Loaded> {
		let image = match &self.job.image {
			Some(path) => Some(Package::new(path, None)?.store(MAX_IMAGE)?),
			None => None,
		};
		let inputs = Inputs::read(&self.job.inputs, self.job.setup.input, self.job.cut)?;
		Ok(Loaded {
			checked: self,
			image,
			inputs,
		})
	}

	/// Loads everything and writes the specification.
	pub async fn prepare(self, chain: &Chain) -> Result<PreparedJob> {
		if self.program.is_none() {
			// Whether it is published at all is looked at where it matters.
			if let Some(published) = chain.market(At::Best).program(self.program_id).await? {
				self.job.terms.fits(&published.roots)?;
			}
		}
		let loaded = tokio::task::spawn_blocking(move || self.load())
			.await
			.map_err(|error| Failure::Other(error.to_string()))??;
		let terms = &loaded.checked.job.terms;
		let deadline = in_blocks(chain, terms.deadline).await?;
		let window = in_blocks(chain, terms.window.unwrap_or(DEFAULT_WINDOW)).await?;
		let spec = loaded.spec(deadline, window)?;
		Ok(PreparedJob { loaded, spec })
	}
}

async fn in_blocks(chain: &Chain, span: Span) -> Result<u32> {
	match span {
		Span::Blocks(blocks) => Ok(blocks),
		span => span.blocks(context::block_ms(chain).await?).map_err(Failure::Input),
	}
}

/// So many tasks a shard, or fewer, that none takes longer than half of what chains ordinarily allow.
fn short_enough(spec: &JobSpec) -> u32 {
	let params = JobsParams::default();
	let longest = params.max_execution / 2;
	let mut size = spec.shard_size;
	while size > 1 && windows(spec, MAX_PROGRAM_SIZE, size, &params).execution > longest {
		size /= 2;
	}
	size
}

impl Loaded {
	fn spec(&self, deadline: u32, window: u32) -> Result<JobSpec> {
		let terms = &self.checked.job.terms;
		let regions = match terms.regions.as_slice() {
			[] => RegionSet::ANY,
			regions => RegionSet::of(regions),
		};
		let default_size = self.inputs.tasks().div_ceil(SHARDS).clamp(1, MAX_SHARD_TASKS);
		let mut spec = JobSpec {
			program: self.checked.program_id,
			image: self.image.as_ref().map(Stored::blob),
			setup: self.checked.setup.as_ref().map_or(EMPTY_BLOB, Stored::blob),
			input_root: self.inputs.root(),
			tasks: self.inputs.tasks(),
			shard_size: terms.shard_size.unwrap_or(default_size),
			limits: terms.limits,
			input_limit: self.inputs.largest(),
			price_cap: terms.price,
			verification: terms.verification(window),
			constraints: Constraints {
				class: terms.class,
				regions,
				min_reputation: terms.min_reputation,
			},
			preferences: Default::default(),
			deadline,
			endpoints: Default::default(),
		};
		if terms.shard_size.is_none() {
			spec.shard_size = short_enough(&spec);
		}
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
	/// What the program is called by.
	pub fn program_id(&self) -> ProgramId {
		self.loaded.checked.program_id
	}

	/// The program, if its module was given.
	pub fn program(&self) -> Option<&Program> {
		self.loaded.checked.program.as_ref()
	}

	/// The description.
	pub fn job(&self) -> &Job {
		&self.loaded.checked.job
	}

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
		SpecError::Image => format!("--image: 1 to {MAX_IMAGE} bytes are allowed"),
		SpecError::Setup => format!("arguments, environment and paths may have at most {MAX_SETUP} bytes together"),
		SpecError::Replicas => format!("--replicas: 1 to {MAX_REPLICAS} are allowed"),
		SpecError::Window => format!("--window: 1 to {MAX_WINDOW} blocks are allowed"),
		SpecError::Regions => "--region: at least one region must be allowed".into(),
		SpecError::Deadline => "--deadline: it must be later than now".into(),
		SpecError::Endpoints => "at least one http:// or https:// URL must serve the job's data".into(),
		SpecError::TooExpensive => {
			"--max-price and --gas-limit: the job's cost would exceed the largest balance".into()
		}
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
	use super::{options::JobOptions, *};
	use clap::Parser;

	#[derive(Parser)]
	struct Line {
		#[command(flatten)]
		job: JobOptions,
	}

	fn job(line: &str) -> Result<Job> {
		let line = format!("x {line}");
		Line::try_parse_from(line.split_whitespace()).unwrap().job.resolve()
	}

	/// A folder with a program, three tasks and files.
	fn folder() -> (tempfile::TempDir, impl Fn(&str) -> String) {
		let folder = tempfile::tempdir().unwrap();
		std::fs::write(folder.path().join("program.wasm"), crate::program::tests::accepted()).unwrap();
		std::fs::write(folder.path().join("inputs"), "x\ny\nz\n").unwrap();
		std::fs::create_dir(folder.path().join("files")).unwrap();
		std::fs::write(folder.path().join("files/a"), "a").unwrap();
		let path = folder.path().to_path_buf();
		(folder, move |name: &str| path.join(name).display().to_string())
	}

	fn spec(arguments: &str) -> Result<JobSpec> {
		let (_folder, path) = folder();
		let base = format!("--program {} --inputs {} --lines", path("program.wasm"), path("inputs"));
		job(&format!("{base} {}", arguments.replace("FILES", &path("files"))))?
			.check()?
			.load()?
			.spec(100, 600)
	}

	#[test]
	fn defaults_make_a_valid_job_of_about_16_shards() {
		let (folder, path) = folder();
		for (tasks, size) in [(1, 1), (16, 1), (64, 4), (65, 5), (100_000, 64)] {
			std::fs::write(folder.path().join("inputs"), "x\n".repeat(tasks)).unwrap();
			let line = format!("--program {} --inputs {} --lines", path("program.wasm"), path("inputs"));
			let spec = job(&line)
				.unwrap()
				.check()
				.unwrap()
				.load()
				.unwrap()
				.spec(100, 600)
				.unwrap();
			assert_eq!((spec.tasks as usize, spec.shard_size), (tasks, size));
			assert_eq!(spec.constraints.regions, RegionSet::ANY);
			assert_eq!((spec.image, spec.setup), (None, EMPTY_BLOB));
			assert_eq!((spec.limits.gas, spec.limits.memory_pages), (64_000_000_000, 4_096));
		}
	}

	#[test]
	fn one_provider_has_a_window_and_several_have_none() {
		let of = |arguments: &str| spec(arguments).unwrap().verification;
		assert_eq!(of(""), Verification::Replicated { replicas: 2 });
		assert_eq!(of("--replicas 7"), Verification::Replicated { replicas: 7 });
		assert_eq!(of("--replicas 1"), Verification::Optimistic { window: 600 });
		assert_eq!(of("--replicas 1 --window 2h"), Verification::Optimistic { window: 600 });
		for arguments in ["--window 2h", "--replicas 3 --window 700"] {
			let refused = spec(arguments).unwrap_err();
			assert_eq!(refused.exit_code(), 2);
			assert!(refused.to_string().contains("--replicas 1"), "{refused}");
		}
	}

	#[test]
	fn image_and_setup_are_in_the_specification() {
		let plain = spec("--image FILES --arg a").unwrap();
		let again = spec("--image FILES --arg a").unwrap();
		assert_eq!(plain.setup, again.setup);
		assert!(plain.image.is_some() && plain.setup != EMPTY_BLOB);
		assert_ne!(spec("--arg b").unwrap().setup, plain.setup);
		assert_eq!(spec("").unwrap().image, None);
	}

	#[test]
	fn what_the_chain_would_refuse_is_refused_before_with_the_option_s_name() {
		for (arguments, option) in [
			("--shard-size 0", "--shard-size"),
			("--shard-size 5000", "--shard-size"),
			("--gas-limit 0", "--gas-limit"),
			("--gas-limit 2T", "--gas-limit"),
			("--max-price 300000000000000000000000000", "--max-price"),
			("--image /nonexistent/x", "/nonexistent/x"),
		] {
			let error = spec(arguments).unwrap_err();
			assert!(error.to_string().contains(option), "{arguments}: {error}");
			assert_eq!(error.exit_code(), 2);
		}
		for (text, ok) in [("64M", true), ("65M", false), ("5G", false)] {
			assert_eq!(options::parse_output(text).is_ok(), ok, "{text}");
		}
	}

	#[test]
	fn memory_below_what_the_program_starts_with_is_refused() {
		let (_folder, path) = folder();
		let check = |memory: u64| {
			let line = format!(
				"--program {} --inputs {} --memory {memory}",
				path("program.wasm"),
				path("inputs")
			);
			job(&line).unwrap().check()
		};
		let roots = check(64 << 20).unwrap().program.unwrap().roots;
		let least = u64::from(roots.pages + roots.system_pages) * PAGE;
		assert!(roots.system_pages > 0 && check(least).is_ok());
		let error = check(least - PAGE).err().unwrap().to_string();
		assert!(
			error.contains("--memory") && error.contains(&least.to_string()),
			"{error}"
		);
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
