//! What a job is, as the command line says it and its file does; what neither says has a default.

use super::{
	file,
	setup::{InputAs, OutputFrom, Placed, Setup},
	words::split,
	Job, Terms,
};
use crate::{
	failure::{Failure, Result},
	inputs::Cut,
	program::Prepare,
	units::{parse_bytes, parse_gas, parse_mill, parse_percent, parse_span, Span},
};
use clap::Args;
use millrace_primitives::{
	job::{MAX_REPLICAS, MAX_TASK_DATA, MIN_REPLICAS},
	provider::{HardwareClass, Region},
	Balance, Gas, Limits, MILLI,
};
use sp_runtime::Permill;
use std::path::PathBuf;

/// Gas of a task unless the user says otherwise.
pub const DEFAULT_GAS: Gas = 64_000_000_000;
/// Pages of a task's memory unless the user says otherwise: 256 MiB.
pub const DEFAULT_PAGES: u32 = 4_096;
/// Bytes of a task's output unless the user says otherwise.
const DEFAULT_OUTPUT: u32 = 1 << 20;

/// What runs on what.
#[derive(Clone, Debug, Default, Args)]
pub struct WorkOptions {
	/// The program: its module, or the id of a published one (0x...).
	#[arg(long, value_name = "FILE|ID")]
	pub program: Option<String>,
	/// What of the module is used.
	#[command(flatten)]
	pub prepare: Prepare,
	/// Files that all tasks see: a folder or a tar, mounted at `/`, at most 1 GiB.
	#[arg(long, value_name = "DIR|TAR")]
	pub image: Option<PathBuf>,
	/// Arguments of the program, of every task, as words with quotes; nothing is expanded.
	#[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
	pub args: Option<String>,
	/// One argument, after those of --args; may be given several times.
	#[arg(long = "arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
	pub arg: Vec<String>,
	/// A variable of the program's environment; may be given several times.
	#[arg(long = "env", value_name = "NAME=VALUE", allow_hyphen_values = true)]
	pub env: Vec<String>,
	/// What a task's input is to the program: stdin (the default); args: each line of a file has the arguments of a task,
	/// after the job's; files: each folder or tar is a task's files, over those of the image.
	#[arg(long, value_name = "stdin|args|files", value_parser = InputAs::parse)]
	pub input_as: Option<InputAs>,
	/// The task's standard input is also a file of this path.
	#[arg(long, value_name = "PATH")]
	pub input_file: Option<String>,
	/// The inputs: a folder whose files, in the order of their paths, are one task each, or a file.
	#[arg(long = "inputs", value_name = "DIR|FILE")]
	pub inputs: Option<PathBuf>,
	/// Each line of the file is a task, without its end of line.
	#[arg(long)]
	pub lines: bool,
	/// Each piece of so many bytes of the file is a task.
	#[arg(long, value_name = "BYTES", conflicts_with = "lines", value_parser = parse_piece)]
	pub split: Option<u64>,
	/// What a task's output is: a file that the program writes, a directory of its (`DIR/`), or its standard output (`-`,
	/// the default).
	#[arg(long, value_name = "FILE|DIR/|-", allow_hyphen_values = true)]
	pub output: Option<String>,
	/// Arguments of a job's file, each with its place.
	#[arg(skip)]
	pub placed_args: Option<Vec<Placed>>,
	/// Variables of a job's file.
	#[arg(skip)]
	pub placed_env: Vec<Placed>,
	/// Where a job's file says what the output is, and where standard input is a file.
	#[arg(skip)]
	pub placed_output: Option<Placed>,
	/// See above.
	#[arg(skip)]
	pub placed_input_file: Option<Placed>,
}

/// For how much, by whom, until when.
#[derive(Clone, Debug, Default, Args)]
pub struct TermOptions {
	/// How many providers compute each task; the results of several must be equal. With 1 a result rests on one provider's
	/// bond, on audits by chance, and on your own check of it, see --window [default: 2].
	#[arg(long, value_parser = parse_replicas)]
	pub replicas: Option<u8>,
	/// With --replicas 1: how long the result can be attacked before it is accepted, beside the time that a slow machine takes
	/// for one task; blocks, or a time such as 2h, at most 28800 blocks [default: 30m].
	#[arg(long, value_name = "SPAN", value_parser = parse_span)]
	pub window: Option<Span>,
	/// The highest price in MILL per Ggas and replica [default: 0.001].
	#[arg(long, alias = "price", value_name = "MILL", value_parser = parse_mill)]
	pub max_price: Option<Balance>,
	/// How long work may be handed out: blocks, or a time such as 30m or 2h. What has not started by then is refunded
	/// [default: 1h].
	#[arg(long, value_name = "SPAN", value_parser = parse_span)]
	pub deadline: Option<Span>,
	/// The most gas that one task may use [default: 64G].
	#[arg(long, value_name = "GAS", value_parser = parse_gas)]
	pub gas_limit: Option<Gas>,
	/// The most memory that one task may use [default: 256M].
	#[arg(long, value_name = "BYTES", value_parser = super::parse_memory)]
	pub memory: Option<u32>,
	/// The most output that one task may write [default: 1M].
	#[arg(long, value_name = "BYTES", value_parser = parse_output)]
	pub output_limit: Option<u32>,
	/// Tasks per shard, the unit that is handed out; without it a job is cut into about 16.
	#[arg(long, value_name = "TASKS")]
	pub shard_size: Option<u32>,
	/// Only providers who say that they are there; may be given several times.
	#[arg(long = "region", value_parser = super::parse_region)]
	pub regions: Vec<Region>,
	/// Only providers with this hardware [default: general].
	#[arg(long, value_parser = super::parse_class)]
	pub class: Option<HardwareClass>,
	/// Only providers with this reputation, in percent of the best possible [default: 0].
	#[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
	pub min_reputation: Option<Permill>,
}

/// A job.
#[derive(Clone, Debug, Default, Args)]
pub struct JobOptions {
	/// A file that describes the job (see docs/programs.md); options count before what it says.
	#[arg(value_name = "JOB.toml")]
	pub file: Option<PathBuf>,
	/// What runs on what.
	#[command(flatten, next_help_heading = "What runs")]
	pub work: WorkOptions,
	/// For how much, by whom, until when.
	#[command(flatten, next_help_heading = "Terms")]
	pub terms: TermOptions,
}

impl JobOptions {
	/// The job that options and file describe.
	pub fn resolve(self) -> Result<Job> {
		let (mut work, mut terms) = (self.work, self.terms);
		if let Some(path) = &self.file {
			let (file_work, file_terms) = file::read(path)?;
			work = work.over(file_work);
			terms = terms.over(file_terms);
		}
		work.resolve(terms.resolve())
	}
}

impl WorkOptions {
	/// These, and what a job's file says where they say nothing.
	fn over(self, file: Self) -> Self {
		let cut_here = self.lines || self.split.is_some();
		let has_args = self.args.is_some() || !self.arg.is_empty();
		let named: Vec<_> = self
			.env
			.iter()
			.filter_map(|env| env.split_once('='))
			.map(|(name, _)| name)
			.collect();
		let kept = |env: &Placed| match env.value.split_once('=') {
			Some((name, _)) => !named.contains(&name),
			None => true,
		};
		Self {
			program: self.program.or(file.program),
			prepare: Prepare {
				keep_custom_sections: self.prepare.keep_custom_sections || file.prepare.keep_custom_sections,
				entry: self.prepare.entry.or(file.prepare.entry),
			},
			image: self.image.or(file.image),
			placed_args: if has_args { None } else { file.placed_args },
			placed_env: file.placed_env.into_iter().filter(kept).collect(),
			input_as: self.input_as.or(file.input_as),
			placed_input_file: match &self.input_file {
				Some(_) => None,
				None => file.placed_input_file,
			},
			inputs: self.inputs.or(file.inputs),
			lines: if cut_here { self.lines } else { file.lines },
			split: if cut_here { self.split } else { file.split },
			placed_output: match &self.output {
				Some(_) => None,
				None => file.placed_output,
			},
			args: self.args,
			arg: self.arg,
			env: self.env,
			input_file: self.input_file,
			output: self.output,
		}
	}

	/// What a job runs, with everything checked that needs no look at files.
	pub fn resolve(self, terms: Terms) -> Result<Job> {
		let missing = |option: &str, key: &str| {
			Failure::Input(format!(
				"name the {key} with {option}, or with `{key}` in the job's file"
			))
		};
		let mut arguments = self.placed_args.unwrap_or_default();
		if let Some(args) = &self.args {
			arguments.extend(words(args, "--args")?);
		}
		arguments.extend(self.arg.into_iter().map(|argument| Placed::option("--arg", argument)));
		let mut environment = self.placed_env;
		environment.extend(self.env.into_iter().map(|variable| Placed::option("--env", variable)));
		let output = self
			.output
			.map(|output| Placed::option("--output", output))
			.or(self.placed_output);
		let input_file = self.input_file.map(|path| Placed::option("--input-file", path));
		let job = Job {
			program: self.program.ok_or_else(|| missing("--program", "program"))?,
			prepare: self.prepare,
			image: self.image,
			setup: Setup {
				arguments,
				environment,
				input: self.input_as.unwrap_or_default(),
				output: output.map_or(Ok(OutputFrom::Stdout), OutputFrom::parse)?,
				input_file: input_file.or(self.placed_input_file),
			},
			inputs: self.inputs.ok_or_else(|| missing("--inputs", "inputs"))?,
			cut: match (self.lines, self.split) {
				(true, _) => Cut::Lines,
				(false, Some(size)) => Cut::Bytes(size),
				(false, None) => Cut::Whole,
			},
			terms,
		};
		// The name does not matter here.
		job.setup.bytes("program").map(|_| job)
	}
}

impl TermOptions {
	fn over(self, file: Self) -> Self {
		Self {
			replicas: self.replicas.or(file.replicas),
			window: self.window.or(file.window),
			max_price: self.max_price.or(file.max_price),
			deadline: self.deadline.or(file.deadline),
			gas_limit: self.gas_limit.or(file.gas_limit),
			memory: self.memory.or(file.memory),
			output_limit: self.output_limit.or(file.output_limit),
			shard_size: self.shard_size.or(file.shard_size),
			regions: match self.regions.is_empty() {
				true => file.regions,
				false => self.regions,
			},
			class: self.class.or(file.class),
			min_reputation: self.min_reputation.or(file.min_reputation),
		}
	}

	/// With defaults where nothing was said.
	pub fn resolve(self) -> Terms {
		Terms {
			replicas: self.replicas.unwrap_or(MIN_REPLICAS),
			window: self.window,
			price: self.max_price.unwrap_or(MILLI),
			deadline: self.deadline.unwrap_or(Span::Seconds(3_600)),
			limits: Limits {
				gas: self.gas_limit.unwrap_or(DEFAULT_GAS),
				memory_pages: self.memory.unwrap_or(DEFAULT_PAGES),
				output: self.output_limit.unwrap_or(DEFAULT_OUTPUT),
			},
			shard_size: self.shard_size,
			regions: self.regions,
			class: self.class.unwrap_or(HardwareClass::General),
			min_reputation: self.min_reputation.unwrap_or(Permill::zero()),
		}
	}
}

/// The words of a text as arguments.
pub fn words(text: &str, place: &str) -> Result<Vec<Placed>> {
	let wrong = |why: &str| Placed::option(place, text).wrong(why);
	let words = split(text.as_bytes()).map_err(wrong)?;
	words
		.into_iter()
		.map(|word| match String::from_utf8(word) {
			Ok(word) => Ok(Placed::option(place, word)),
			Err(_) => Err(wrong("not UTF-8")),
		})
		.collect()
}

/// Reads the size of pieces.
pub fn parse_piece(text: &str) -> Result<u64, String> {
	match parse_bytes(text)? {
		0 => Err("a piece has at least one byte".into()),
		size => Ok(size),
	}
}

/// Reads a limit of output.
pub fn parse_output(text: &str) -> Result<u32, String> {
	let limit = u32::try_from(parse_bytes(text)?).ok();
	limit
		.filter(|limit| *limit <= MAX_TASK_DATA)
		.ok_or_else(|| format!("at most {MAX_TASK_DATA} bytes are allowed"))
}

/// Reads a number of replicas, or 1.
pub fn parse_replicas(text: &str) -> Result<u8, String> {
	let replicas = text.parse().ok();
	replicas
		.filter(|replicas| (1..=MAX_REPLICAS).contains(replicas))
		.ok_or_else(|| format!("1 to {MAX_REPLICAS} are allowed"))
}
