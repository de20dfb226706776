//! Computing tasks of a job here, from what the chain says of it and what is served: to compare with what was reported, and
//! to play about it.
//!
//! ```text
//!  the job's endpoints, --endpoint, --from ─► program, image, setup, inputs: checked against the chain ─► outcomes
//!                                                                                                  └────► a player
//! ```

use crate::{
	commands::fetch::client,
	failure::{Failure, Result},
	job::options::JobOptions,
	serving::{self, JobStore, Serving},
};
use clap::Args;
use millrace_client::{
	blobs::{fetch_blob, fetch_range, Client, FetchError, Limits},
	At, Chain,
};
use millrace_exec::{
	image::{map, Identity},
	play::Player,
	replay::{matter_of_shard, Input, NoRun, Replayer},
	Budget, Bytes, Execute, LoadError, Named, Program, Stop, Supply, Wasm, WasmLimits,
};
use millrace_primitives::{
	api::{JobView, ProgramView, ShardView},
	machine::{address, task_seed, Blob, Outcome},
	merkle, Hash, Matter, ENGINE_VERSION,
};
use std::{
	fs::{self, File},
	io,
	path::{Path, PathBuf},
	sync::Arc,
};
use tempfile::TempDir;

/// Where a job's data is had from.
#[derive(Clone, Debug, Default, Args)]
pub struct DataOptions {
	/// Where the job's program, image and inputs are served, if it is not where the job says; may be given several times.
	/// `millrace serve` serves them from the files that the job was submitted with.
	#[arg(long = "endpoint", value_name = "URL", value_parser = serving::parse_endpoint)]
	pub endpoints: Vec<String>,
	/// The file that describes the job, if it is here: its data is read from where that says.
	#[arg(long = "from", value_name = "JOB.toml")]
	pub from: Option<PathBuf>,
	/// On a public chain, ask private addresses too: for a network of one's own.
	#[arg(long)]
	pub allow_private: bool,
}

/// A job that tasks can be computed of. Its files are gone with it.
pub struct Workshop {
	job: JobView,
	program: ProgramView,
	/// Who asks whom: what the user named may be anywhere.
	sources: Vec<(Client, Vec<String>)>,
	folder: TempDir,
	/// Serves what is here, as long as it is needed.
	_serving: Option<Serving>,
	wasm: Arc<Vec<u8>>,
	image: Bytes,
	setup: Bytes,
	ready: Arc<dyn Program>,
}

/// The inputs of a shard by their addresses, and that they are in their places of the job's list.
#[derive(Clone)]
pub struct Places {
	first: u32,
	total: u32,
	roots: Vec<Hash>,
	proof: Vec<Hash>,
}

/// Stops what runs when nobody waits for it any more.
struct Abandoned(Stop);

impl Drop for Abandoned {
	fn drop(&mut self) {
		self.0.request();
	}
}

impl Workshop {
	/// Fetches program, image and setup of a job, and compiles the program. `others` are asked last.
	pub async fn open(
		chain: &Chain,
		job: &JobView,
		at: At,
		options: &DataOptions,
		others: impl IntoIterator<Item = String>,
	) -> Result<Self> {
		let program = chain.market(at).program(job.program).await?;
		let program = program
			.ok_or_else(|| Failure::Other(format!("the chain has no program of job {}, which uses one", job.id.0)))?;
		let serving = match &options.from {
			Some(file) => Some(local(file).await?),
			None => None,
		};
		let own: Vec<_> = serving
			.iter()
			.map(|serving| serving.endpoint.clone())
			.chain(options.endpoints.iter().cloned())
			.collect();
		let named = job.endpoints.iter().cloned().chain(others).collect();
		let sources = vec![
			(Client::new(Limits::default())?, own),
			(client(chain, options.allow_private).await?, named),
		];
		Self::of(job, program, sources, serving).await
	}

	async fn of(
		job: &JobView,
		program: ProgramView,
		sources: Vec<(Client, Vec<String>)>,
		serving: Option<Serving>,
	) -> Result<Self> {
		if program.engine != ENGINE_VERSION {
			return Err(Failure::Refused(format!(
				"job {} is computed by version {} of the machine, and this release knows version {ENGINE_VERSION} only",
				job.id.0, program.engine
			)));
		}
		let folder = tempfile::Builder::new().prefix("millrace-").tempdir().map_err(disk)?;
		let fetch = Fetch {
			sources: &sources,
			folder: folder.path(),
			job,
		};
		let module = fetch
			.blob("program", program.address, program.module.len.into())
			.await?;
		let wasm = Arc::new(fs::read(module).map_err(disk)?);
		let image = fetch.mapped("image", job.image).await?;
		let setup = fetch
			.mapped("setup", Some(job.setup).filter(|setup| setup.len > 0))
			.await?;
		let named = Named {
			id: program.id,
			roots: program.roots,
			module: program.module,
		};
		let (bytes, pages) = (wasm.clone(), job.limits.memory_pages);
		let loading = move || -> Result<Arc<dyn Program>> {
			let executor = Wasm::new(WasmLimits::default()).map_err(|error| Failure::Other(error.to_string()))?;
			executor.load(&named, &bytes, pages).map_err(|error| match error {
				LoadError::Refused(refused) => Failure::Unverified(refused.to_string()),
				LoadError::Host(host) => Failure::Other(host.to_string()),
			})
		};
		let ready = blocking(loading).await?;
		Ok(Self {
			job: job.clone(),
			program,
			sources,
			folder,
			_serving: serving,
			wasm,
			image,
			setup,
			ready,
		})
	}

	fn fetch(&self) -> Fetch<'_> {
		Fetch {
			sources: &self.sources,
			folder: self.folder.path(),
			job: &self.job,
		}
	}

	/// Finds the inputs of a shard.
	pub async fn places(&self, shard: &ShardView) -> Result<Places> {
		let (first, count, total) = (shard.first_task, shard.tasks, self.job.tasks);
		let mut reasons = Vec::new();
		for (client, endpoints) in &self.sources {
			match fetch_range(client, endpoints, self.job.input_root, total, first, count).await {
				Ok((roots, proof)) => {
					return Ok(Places {
						first,
						total,
						roots,
						proof,
					})
				}
				Err(error) => reasons.push(error),
			}
		}
		Err(self.fetch().missing("list of inputs", reasons))
	}

	/// Computes a task, by its number in the job.
	pub async fn compute(&self, places: &Places, task: u32) -> Result<Outcome> {
		let input = fs::read(self.input(places, task).await?).map_err(disk)?;
		let supply = Supply {
			input: Arc::new(input),
			image: self.image.clone(),
			setup: self.setup.clone(),
			seed: task_seed(&self.job.input_root, task),
		};
		let (ready, limits, stop) = (self.ready.clone(), self.job.limits, Stop::new());
		let _abandoned = Abandoned(stop.clone());
		let run = move || {
			ready
				.run(&limits, supply, &stop)
				.map_err(|error| Failure::Other(format!("task {task} cannot be computed here: {error}")))
		};
		Ok(blocking(run).await?.outcome)
	}

	/// Fetches a task's input, unless it is here.
	async fn input(&self, places: &Places, task: u32) -> Result<PathBuf> {
		let path = input_path(self.folder.path(), task);
		if !path.exists() {
			let root = places
				.root(task)
				.ok_or_else(|| Failure::Input(format!("there is no task {task} in this shard")))?;
			let what = format!("input of task {task}");
			self.fetch().to(&what, root, self.job.input_limit.into(), &path).await?;
		}
		Ok(path)
	}

	/// What is judged of a shard.
	pub fn matter(&self, shard: &ShardView) -> Matter {
		matter_of_shard(shard, &self.job, &self.program)
	}

	/// Plays for who computed this task, by its number in the job.
	pub async fn player(&self, shard: &ShardView, places: &Places, task: u32, outcome: Outcome) -> Result<Player> {
		self.input(places, task).await?;
		let matter = self.matter(shard);
		let (folder, places) = (self.folder.path().to_path_buf(), places.clone());
		let first = places.first;
		let inputs = move |below: u32| {
			let task = first.saturating_add(below);
			let proof = places.proof(task).ok_or(io::ErrorKind::NotFound)?;
			Ok(Input {
				bytes: Arc::new(fs::read(input_path(&folder, task))?),
				proof,
			})
		};
		let (wasm, image, setup) = (self.wasm.clone(), self.image.clone(), self.setup.clone());
		let below = task.saturating_sub(first);
		blocking(move || {
			let replayer = Replayer::new(matter, &wasm, image, setup, Box::new(inputs), Budget::default());
			let replayer = replayer.map_err(|error| match error {
				NoRun::Refused(refused) => Failure::Unverified(refused.to_string()),
				other => Failure::Other(other.to_string()),
			})?;
			Ok(Player::new(replayer, [(below, outcome)]))
		})
		.await
	}
}

impl Places {
	fn root(&self, task: u32) -> Option<Hash> {
		self.roots.get(task.checked_sub(self.first)? as usize).copied()
	}

	/// That a task's input is its own.
	fn proof(&self, task: u32) -> Option<Vec<Hash>> {
		merkle::prove_within(self.total, self.first, &self.roots, &self.proof, task)
	}
}

/// Serves a job's data from here, for this process.
async fn local(file: &Path) -> Result<Serving> {
	let options = JobOptions {
		file: Some(file.into()),
		..JobOptions::default()
	};
	let loaded = blocking(move || options.resolve()?.check()?.load()).await?;
	serving::start(JobStore::new(&loaded), ([127, 0, 0, 1], 0).into(), None).await
}

/// Fetches what a job is computed from.
struct Fetch<'a> {
	sources: &'a [(Client, Vec<String>)],
	folder: &'a Path,
	job: &'a JobView,
}

impl Fetch<'_> {
	async fn blob(&self, what: &str, root: Hash, most: u64) -> Result<PathBuf> {
		let path = self.folder.join(what);
		self.to(what, root, most, &path).await?;
		Ok(path)
	}

	async fn to(&self, what: &str, root: Hash, most: u64, path: &Path) -> Result<()> {
		let mut reasons = Vec::new();
		for (client, endpoints) in self.sources {
			match fetch_blob(client, endpoints, root, most, path).await {
				Ok(_) => return Ok(()),
				Err(error @ FetchError::Disk { .. }) => return Err(error.into()),
				Err(error) => reasons.push(error),
			}
		}
		Err(self.missing(what, reasons))
	}

	/// A blob that is read where it is; no bytes of none. The folder is this process's own, and nobody writes to it again.
	async fn mapped(&self, what: &str, blob: Option<Blob>) -> Result<Bytes> {
		let Some(blob) = blob else { return Ok(Arc::new([0; 0])) };
		let path = self.blob(what, address(&blob), blob.len.into()).await?;
		let opened = File::open(&path).and_then(|file| Identity::of(&file));
		opened.and_then(|identity| map(&path, &identity)).map_err(disk)
	}

	/// What nobody serves.
	fn missing(&self, what: &str, reasons: Vec<FetchError>) -> Failure {
		let asked: Vec<_> = reasons
			.iter()
			.flat_map(|error| match error {
				FetchError::Refused { reasons, .. } => reasons.iter().map(ToString::to_string).collect(),
				other => vec![other.to_string()],
			})
			.collect();
		let asked = match asked.is_empty() {
			true => "the job names nobody who serves it".into(),
			false => asked.join("; "),
		};
		let id = self.job.id.0;
		Failure::Unreachable(format!(
			"job {id}: the {what} is not to be had, and without it nothing can be computed here ({asked}); if you have the \
			 job's files, serve them with `millrace serve` and name its URL with --endpoint, or name the job's file with --from"
		))
	}
}

fn input_path(folder: &Path, task: u32) -> PathBuf {
	folder.join(format!("input-{task}"))
}

fn disk(error: io::Error) -> Failure {
	Failure::Other(format!(
		"the folder for temporary files (TMPDIR names another one) cannot be used: {error}"
	))
}

/// Does what takes long.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
	tokio::task::spawn_blocking(work)
		.await
		.map_err(|error| Failure::Other(error.to_string()))?
}

#[cfg(test)]
pub mod tests {
	use super::*;
	use millrace_court::board::{Board, Move, Subject};
	use millrace_exec::Side;
	use millrace_primitives::{
		job::{Constraints, JobStatus, ShardState, Verification},
		machine::Status,
		outcome,
		provider::{HardwareClass, RegionSet},
		AccountId, JobId, ShardId,
	};
	use sp_runtime::Permill;

	/// Writes its input; exits with the code that is its first byte, less `0`.
	const ECHO: &str = r#"(module
		(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
		(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
		(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "\40\00\00\00\40\00\00\00")
		(func (export "_start")
			(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
			(i32.store (i32.const 4) (i32.load (i32.const 8)))
			(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
			(call $exit (i32.sub (i32.load8_u (i32.const 64)) (i32.const 48)))))"#;

	/// A job as the chain would show it.
	pub fn job_view(tasks: u32, shard_size: u32) -> JobView {
		JobView {
			id: JobId(7),
			client: AccountId::from([0; 32]),
			status: JobStatus::Open,
			program: Hash::zero(),
			image: None,
			setup: millrace_primitives::machine::EMPTY_BLOB,
			input_root: Hash::zero(),
			tasks,
			shard_size,
			limits: millrace_primitives::Limits {
				gas: 1_000_000,
				memory_pages: 16,
				output: 100,
			},
			input_limit: 100,
			price_cap: 1,
			verification: Verification::Replicated { replicas: 2 },
			constraints: Constraints {
				class: HardwareClass::General,
				regions: RegionSet::ANY,
				min_reputation: Permill::zero(),
			},
			preferences: Default::default(),
			endpoints: Vec::new(),
			submitted_at: 0,
			expires_at: 0,
			escrow: 0,
			paid: 0,
			fees: 0,
			shards: tasks.div_ceil(shard_size),
			waiting: 0,
			running: tasks.div_ceil(shard_size),
			accepted: 0,
			failed: 0,
		}
	}

	/// One of its shards.
	pub fn shard_view(job: &JobView, index: u32, state: ShardState) -> ShardView {
		let first_task = index * job.shard_size;
		ShardView {
			id: ShardId { job: job.id, index },
			first_task,
			tasks: (job.tasks - first_task).min(job.shard_size),
			state,
			engine: ENGINE_VERSION,
			seats: Vec::new(),
			report: None,
			custody_until: None,
		}
	}

	async fn workshop(folder: &Path) -> (JobView, Workshop) {
		fs::write(folder.join("echo.wasm"), wat::parse_str(ECHO).unwrap()).unwrap();
		fs::write(folder.join("lines"), "0 a\n3 bc\n0 d\n1 e\n").unwrap();
		fs::write(
			folder.join("job.toml"),
			"program = \"echo.wasm\"\ninputs = \"lines\"\nlines = true\n",
		)
		.unwrap();
		let file = folder.join("job.toml");
		let options = JobOptions {
			file: Some(file.clone()),
			..JobOptions::default()
		};
		let loaded = options.resolve().unwrap().check().unwrap().load().unwrap();
		let program = loaded.checked.program.as_ref().unwrap();
		let view = ProgramView {
			id: program.id,
			engine: ENGINE_VERSION,
			roots: program.roots,
			module: program.blob(),
			address: address(&program.blob()),
			publisher: AccountId::from([0; 32]),
			deposit: 0,
			open_jobs: 1,
		};
		let job = JobView {
			program: program.id,
			setup: loaded
				.checked
				.setup
				.as_ref()
				.map_or(job_view(1, 1).setup, |setup| setup.blob()),
			input_root: loaded.inputs.root(),
			..job_view(4, 2)
		};
		let serving = local(&file).await.unwrap();
		let sources = vec![(Client::new(Limits::default()).unwrap(), vec![serving.endpoint.clone()])];
		let workshop = Workshop::of(&job, view, sources, Some(serving)).await.unwrap();
		(job, workshop)
	}

	#[tokio::test]
	async fn tasks_are_computed_from_what_is_served_and_played_about() {
		let folder = tempfile::tempdir().unwrap();
		let (job, workshop) = workshop(folder.path()).await;
		let shard = shard_view(&job, 1, ShardState::Reported);
		let places = workshop.places(&shard).await.unwrap();
		let right = workshop.compute(&places, 3).await.unwrap();
		assert_eq!((right.status, right.code, right.output.len), (Status::Exit, 1, 3));
		let other = workshop.compute(&places, 2).await.unwrap();
		assert_eq!((other.status, other.output.len), (Status::Success, 3));
		assert_eq!(
			workshop.compute(&places, 1).await.unwrap_err().exit_code(),
			2,
			"another shard's"
		);
		// Somebody reported another length; who computed the task has an answer to its claims.
		let wrong = Outcome {
			gas_used: right.gas_used + 1,
			..right
		};
		let subject = Subject {
			engine: ENGINE_VERSION,
			tasks: 2,
			limits: job.limits,
		};
		let target = outcome::report(&[other, wrong]).unwrap();
		let board = Board::against(subject, target, 1, &right).unwrap();
		let mut player = workshop.player(&shard, &places, 3, right).await.unwrap();
		assert!(matches!(player.answer(&board, Side::Second, &Stop::new()), Ok(None)));
		// As the one who reported what it comes to, it would open its way there, had it computed all.
		assert!(player.answer(&board, Side::First, &Stop::new()).is_err());
		let whole = Board::between(subject, outcome::report(&[other, right]).unwrap(), target).unwrap();
		assert_eq!(whole.turn(), Side::First);
		let leaf = Board::at_task(
			subject,
			millrace_court::sums::Claim::Node(merkle::SumNode::leaf(&right)),
			1,
			merkle::SumNode::leaf(&wrong),
		);
		let action = player.answer(&leaf.unwrap(), Side::First, &Stop::new()).unwrap();
		assert!(matches!(action, Some(Move::Leaf(opening)) if opening.outcome == right));
	}

	#[tokio::test]
	async fn what_nobody_serves_is_named_with_what_helps() {
		let folder = tempfile::tempdir().unwrap();
		let (job, workshop) = workshop(folder.path()).await;
		let gone = vec![
			(Client::new(Limits::default()).unwrap(), Vec::new()),
			(
				Client::new(Limits::default()).unwrap(),
				vec!["http://127.0.0.1:1".to_string()],
			),
		];
		let failed = Workshop::of(&job, workshop.program.clone(), gone, None).await;
		let failure = failed.err().unwrap();
		assert_eq!(failure.exit_code(), 4);
		let text = failure.to_string();
		for part in [
			"job 7: the program is not to be had",
			"http://127.0.0.1:1: unreachable",
			"--endpoint",
			"--from",
		] {
			assert!(text.contains(part), "{part} is missing in {text}");
		}
		let old = ProgramView {
			engine: ENGINE_VERSION + 1,
			..workshop.program.clone()
		};
		let refused = Workshop::of(&job, old, Vec::new(), None).await.err().unwrap();
		assert!(refused.to_string().contains("version"), "{refused}");
	}
}
