//! A job's specification as JSON.

use millrace_primitives::{
	job::{Constraints, Endpoint, Preferences, SpecError, Verification},
	job::{
		MAX_ENDPOINTS, MAX_ENDPOINT_LEN, MAX_IMAGE, MAX_MEMORY_PAGES, MAX_REPLICAS, MAX_SETUP, MAX_SHARD_TASKS,
		MAX_TASKS, MAX_TASK_DATA, MAX_TASK_GAS, MAX_WINDOW, MIN_REPLICAS,
	},
	machine::EMPTY_BLOB,
	money::as_decimal,
	Balance, Blob, Hash, JobSpec, Limits, MarketBlock, ProgramId,
};
use serde::Deserialize;

/// Stands where a price is asked for before the program is served anywhere; it does not bear on the price.
const NO_ENDPOINT: &str = "http://client.invalid/";

/// A [`JobSpec`] as JSON. What does not bear on the price may be left out of a quote.
///
/// ```json
/// { "tasks": 64, "shardSize": 8, "limits": { "gas": 1000000000, "memoryPages": 256, "output": 65536 },
///   "inputLimit": 65536, "priceCap": "1000000000", "verification": { "replicated": { "replicas": 2 } },
///   "constraints": { "class": "general", "regions": 255, "minReputation": 0 }, "deadline": 1200 }
/// ```
/// For one provider and a window to attack its report, `verification` is `{ "optimistic": { "window": 600 } }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecInput {
	/// The program's id; zero if left out.
	#[serde(default)]
	pub program: ProgramId,
	/// Files that all tasks see, as tree and length; none if left out.
	#[serde(default)]
	pub image: Option<Blob>,
	/// Arguments, environment, what is input and output, as tree and length; standard input and output if left out.
	#[serde(default)]
	pub setup: Option<Blob>,
	/// The root over the inputs; zero if left out.
	#[serde(default)]
	pub input_root: Hash,
	/// The number of tasks.
	pub tasks: u32,
	/// Tasks per shard.
	pub shard_size: u32,
	/// What each task may use: gas, memory in pages of 64 KiB, output in bytes.
	pub limits: Limits,
	/// Input limit of each task in bytes.
	pub input_limit: u32,
	/// Highest price in plancks per Ggas and replica, a decimal string.
	#[serde(with = "as_decimal")]
	pub price_cap: Balance,
	/// How results are verified.
	pub verification: Verification,
	/// Which providers may be drawn.
	pub constraints: Constraints,
	/// What matters among those; nothing if left out.
	#[serde(default)]
	pub preferences: Preferences,
	/// For how many market blocks work may be handed out.
	pub deadline: MarketBlock,
	/// Where program, image, setup and inputs are served; may be left out.
	#[serde(default)]
	pub endpoints: Vec<String>,
}

impl SpecInput {
	/// The specification, if it is valid.
	///
	/// # Errors
	/// What is wrong, in words.
	pub fn into_spec(mut self) -> Result<JobSpec, String> {
		if self.endpoints.is_empty() {
			self.endpoints.push(NO_ENDPOINT.into());
		}
		let endpoints = self
			.endpoints
			.into_iter()
			.map(|url| Endpoint::try_from(url.into_bytes()))
			.collect::<Result<Vec<_>, _>>()
			.map_err(|_| format!("an endpoint is longer than {MAX_ENDPOINT_LEN} bytes"))?;
		let spec = JobSpec {
			program: self.program,
			image: self.image,
			setup: self.setup.unwrap_or(EMPTY_BLOB),
			input_root: self.input_root,
			tasks: self.tasks,
			shard_size: self.shard_size,
			limits: self.limits,
			input_limit: self.input_limit,
			price_cap: self.price_cap,
			verification: self.verification,
			constraints: self.constraints,
			preferences: self.preferences,
			deadline: self.deadline,
			endpoints: endpoints
				.try_into()
				.map_err(|_| format!("more than {MAX_ENDPOINTS} endpoints"))?,
		};
		spec.validate().map_err(in_words)?;
		Ok(spec)
	}
}

fn in_words(error: SpecError) -> String {
	match error {
		SpecError::Tasks => format!("tasks must be 1 to {MAX_TASKS}"),
		SpecError::ShardSize => format!("shardSize must be 1 to {MAX_SHARD_TASKS}"),
		SpecError::GasLimit => format!("limits.gas must be 1 to {MAX_TASK_GAS}"),
		SpecError::Memory => format!("limits.memoryPages must be 1 to {MAX_MEMORY_PAGES}"),
		SpecError::DataLimit => format!("inputLimit and limits.output must be at most {MAX_TASK_DATA} bytes"),
		SpecError::Image => format!("image.len must be 1 to {MAX_IMAGE} bytes; leave out an image without any"),
		SpecError::Setup => format!("setup.len must be 1 to {MAX_SETUP} bytes; leave out a setup without any"),
		SpecError::Replicas => {
			format!("replicas must be {MIN_REPLICAS} to {MAX_REPLICAS}; for one ask for {{\"optimistic\":{{\"window\":600}}}}")
		}
		SpecError::Window => format!("optimistic.window must be 1 to {MAX_WINDOW} market blocks"),
		SpecError::Regions => "constraints.regions allows no region; 255 allows all".into(),
		SpecError::Deadline => "deadline must be above 0".into(),
		SpecError::Endpoints => "endpoints must be http:// or https:// URLs of printable ASCII".into(),
		SpecError::TooExpensive => "price cap times gas exceeds the largest balance".into(),
	}
}
