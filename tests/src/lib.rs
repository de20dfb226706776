//! A harness for whole-system tests: real nodes, real agents and the real command line, each with its own directory and
//! ports on loopback. Everything started is stopped when it is dropped; a failing test prints the ends of the logs.
//!
//! Conditions are waited for with deadlines, never for fixed times.
//!
//! | module | what it holds |
//! |---|---|
//! | this one | processes, and a node with its JSON-RPC and command line |
//! | [`network`] | a chain of three validators |
//! | [`provider`] | providers: agents as processes, and those that do not work |
//! | [`liar`] | providers that forge what they report, and defend it or do not |
//! | [`accuser`] | whoever has no seat and says that a report is wrong |
//! | [`programs`] | small job programs and their inputs |
//! | [`published`] | programs as their authors published them, and what they must give |
//! | [`served`] | a job's data, served for as long as a test likes |
//! | [`ledger`] | who has what at a block, and what happened in a range of blocks |
//! | [`court`] | what the court did about a job's shards, and what that costs whom |

pub mod accuser;
pub mod court;
pub mod ledger;
pub mod liar;
pub mod network;
pub mod programs;
pub mod provider;
pub mod published;
pub mod served;

use millrace_client::{Chain, Keypair};
use serde_json::{json, Value};
use sp_maybe_compressed_blob::{compress_strongly, CODE_BLOB_BOMB_LIMIT};
use std::{
	fs::{self, File},
	future::Future,
	io::Read,
	net::TcpListener,
	path::{Path, PathBuf},
	process::{Child, Command, Output, Stdio},
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc, LazyLock,
	},
	time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many chains run at the same time in one process of tests: more would only make each other late.
const CHAINS: usize = 4;
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(CHAINS)));

/// How long a condition may take before the test fails: generous, since machines are slow and shared.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until another chain may run.
async fn turn() -> OwnedSemaphorePermit {
	let turns = TURNS.clone();
	turns.acquire_owned().await.expect("the semaphore is never closed")
}

/// The directory of the built binaries: that of the test's own executable, less `deps`.
pub fn bin_dir() -> PathBuf {
	let exe = std::env::current_exe().expect("a running test has an executable");
	exe.parent()
		.and_then(Path::parent)
		.expect("tests run from target/<profile>/deps")
		.to_path_buf()
}

/// A built binary; panics with the mend if it is missing.
pub fn bin(name: &str) -> PathBuf {
	let path = bin_dir().join(name);
	assert!(
		path.exists(),
		"{} is missing: run scripts/build.sh first",
		path.display()
	);
	path
}

/// The target directory, where scripts leave what they build and fetch.
fn target_dir() -> PathBuf {
	bin_dir()
		.parent()
		.expect("the profile's directory is in the target directory")
		.to_path_buf()
}

/// The runtime under a later version, as scripts/build-next-runtime.sh leaves it, and compressed as it would be published.
pub fn next_runtime() -> Vec<u8> {
	let path = target_dir().join("next-runtime/runtime.wasm");
	let wasm = fs::read(&path)
		.unwrap_or_else(|error| panic!("{}: {error}; run scripts/build-next-runtime.sh first", path.display()));
	compress_strongly(&wasm, CODE_BLOB_BOMB_LIMIT).expect("it is not too large")
}

/// An example program's directory with its `.wasm` and inputs, as scripts/build-examples.sh leaves it.
pub fn examples_dir() -> PathBuf {
	target_dir().join("examples")
}

/// A new directory for whatever is started.
fn folder() -> TempDir {
	TempDir::new().expect("a temporary directory can be made")
}

/// Bytes as nodes are told them.
pub fn hex0x(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

/// A port that was free a moment ago, and that nobody gets by chance: it is none of those from which connections are made, and no
/// other test of this process has it.
pub fn free_port() -> u16 {
	const FIRST: u32 = 10_000;
	const COUNT: u32 = 20_000;
	static NEXT: AtomicU32 = AtomicU32::new(0);
	let start = std::process::id().wrapping_mul(67);
	(0..COUNT)
		.map(|_| start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
		.map(|place| (FIRST + place) as u16)
		.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
		.expect("loopback has a free port")
}

/// Polls until `check` yields a value; panics with `what` after [`DEADLINE`].
pub async fn wait_for<T, F, Fut>(what: &str, check: F) -> T
where
	F: FnMut() -> Fut,
	Fut: Future<Output = Option<T>>,
{
	wait_within(DEADLINE, what, check).await
}

/// Polls until `check` yields a value; panics with `what` after `deadline`.
pub async fn wait_within<T, F, Fut>(deadline: Duration, what: &str, mut check: F) -> T
where
	F: FnMut() -> Fut,
	Fut: Future<Output = Option<T>>,
{
	let start = Instant::now();
	loop {
		if let Some(value) = check().await {
			return value;
		}
		assert!(
			start.elapsed() < deadline,
			"gave up after {deadline:?} waiting for: {what}"
		);
		tokio::time::sleep(Duration::from_millis(100)).await;
	}
}

/// A child process with its log; killed when dropped.
pub struct Process {
	name: String,
	child: Child,
	log: PathBuf,
}

impl Process {
	/// Starts a command whose output goes to `log`.
	pub fn start(name: &str, command: &mut Command, log: PathBuf) -> Self {
		let file = File::options()
			.create(true)
			.append(true)
			.open(&log)
			.expect("the log can be written");
		let copy = file.try_clone().expect("a file handle can be cloned");
		let child = command
			.stdin(Stdio::null())
			.stdout(file)
			.stderr(copy)
			.spawn()
			.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
		Self {
			name: name.into(),
			child,
			log,
		}
	}

	/// The process id.
	pub fn id(&self) -> u32 {
		self.child.id()
	}

	/// kill -9, and waits for the end.
	pub fn kill(&mut self) {
		self.child.kill().ok();
		self.child.wait().ok();
	}

	/// True while it runs.
	pub fn is_running(&mut self) -> bool {
		matches!(self.child.try_wait(), Ok(None))
	}

	/// All it printed.
	pub fn output(&self) -> String {
		let mut text = String::new();
		if let Ok(mut file) = File::open(&self.log) {
			file.read_to_string(&mut text).ok();
		}
		text
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		self.kill();
		if std::thread::panicking() {
			let output = self.output();
			let lines: Vec<_> = output.lines().collect();
			eprintln!("--- the end of {}'s log", self.name);
			lines[lines.len().saturating_sub(40)..]
				.iter()
				.for_each(|line| eprintln!("{line}"));
		}
	}
}

/// What every node here is started with: tests look back at the state of old blocks.
const OPTIONS: [&str; 7] = [
	"--no-prometheus",
	"--no-telemetry",
	"--no-mdns",
	"--state-pruning",
	"archive",
	"--blocks-pruning",
	"archive",
];

/// A node of a development chain, the only one if nothing else is said.
pub struct Node {
	/// The process.
	pub process: Process,
	/// Its directory; removed at the end.
	pub dir: TempDir,
	/// The port of JSON-RPC, over HTTP and WebSocket.
	pub rpc_port: u16,
	/// Which chain it is started for, and as whom.
	role: Vec<String>,
	/// Given back last. Nodes of one chain have one turn.
	_turn: Option<OwnedSemaphorePermit>,
}

impl Node {
	/// Starts a node of the preset `development` and waits until it answers. Waits for its turn before.
	pub async fn start() -> Self {
		let role = ["--dev", "--listen-addr", "/ip4/127.0.0.1/tcp/0"].map(String::from);
		Self::begin(folder(), role.into(), Some(turn().await)).await
	}

	/// The same, of a chain that has this item in its genesis, too.
	pub async fn start_with(key: &[u8], value: &[u8]) -> Self {
		let turn = turn().await;
		let dir = folder();
		let mut spec = network::exported(&["--chain", "dev", "--raw"]);
		spec["genesis"]["raw"]["top"][hex0x(key)] = json!(hex0x(value));
		let path = dir.path().join("spec.json");
		fs::write(&path, spec.to_string()).expect("the specification can be written");
		let (path, key) = (path.to_str().expect("temporary paths are text"), format!("{:064x}", 1));
		let mut role = vec!["--chain", path, "--alice", "--force-authoring", "--node-key", &key];
		role.extend(["--listen-addr", "/ip4/127.0.0.1/tcp/0"]);
		let role = role.into_iter().map(String::from).collect();
		Self::begin(dir, role, Some(turn)).await
	}

	async fn begin(dir: TempDir, role: Vec<String>, turn: Option<OwnedSemaphorePermit>) -> Self {
		let rpc_port = free_port();
		let process = Self::spawn(dir.path(), rpc_port, &role);
		let mut node = Self {
			process,
			dir,
			rpc_port,
			role,
			_turn: turn,
		};
		node.answers().await;
		node
	}

	fn spawn(dir: &Path, rpc_port: u16, role: &[String]) -> Process {
		let mut command = Command::new(bin("millrace-node"));
		command
			.arg("--base-path")
			.arg(dir.join("node"))
			.args(["--rpc-port", &rpc_port.to_string()])
			.args(OPTIONS)
			.args(role);
		Process::start("node", &mut command, dir.join("node.log"))
	}

	/// kill -9.
	pub fn kill(&mut self) {
		self.process.kill();
	}

	/// Starts it again on the same database and port.
	pub async fn restart(&mut self) {
		self.process.kill();
		self.process = Self::spawn(self.dir.path(), self.rpc_port, &self.role);
		self.answers().await;
	}

	async fn answers(&mut self) {
		let (process, port) = (&mut self.process, self.rpc_port);
		wait_for("the node to answer", || {
			assert!(process.is_running(), "the node ended: {}", process.output());
			async move { call(port, "system_health", json!([])).await.ok() }
		})
		.await;
	}

	/// Its WebSocket URL.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.rpc_port)
	}

	/// Calls a JSON-RPC method over HTTP.
	pub async fn rpc(&self, method: &str, params: Value) -> anyhow::Result<Value> {
		call(self.rpc_port, method, params).await
	}

	/// The number of the last finalized block.
	pub async fn finalized(&self) -> Option<u64> {
		let hash = self.rpc("chain_getFinalizedHead", json!([])).await.ok()?;
		self.number(json!([hash])).await
	}

	/// The number of the last block.
	pub async fn best(&self) -> Option<u64> {
		self.number(json!([])).await
	}

	async fn number(&self, hash: Value) -> Option<u64> {
		let header = self.rpc("chain_getHeader", hash).await.ok()?;
		u64::from_str_radix(header["number"].as_str()?.trim_start_matches("0x"), 16).ok()
	}

	/// Waits until this block is finalized.
	pub async fn finalizes(&self, number: u64) {
		wait_for(&format!("block {number} to be finalized"), || async {
			self.finalized().await.filter(|last| *last >= number)
		})
		.await;
	}

	/// A job, at the best block; none once all its state is gone.
	pub async fn job(&self, id: u64) -> Option<Value> {
		self.rpc("market_job", json!([id]))
			.await
			.ok()
			.filter(|job| !job.is_null())
	}

	/// A job's shards that are under way or in custody.
	pub async fn shards(&self, id: u64) -> Vec<Value> {
		let shards = self
			.rpc("market_shards", json!([id]))
			.await
			.expect("market_shards answers");
		shards.as_array().expect("market_shards returns a list").clone()
	}

	/// Waits until a job is in this state; returns it.
	pub async fn job_is(&self, id: u64, what: &str, test: impl Fn(&Value) -> bool) -> Value {
		wait_for(&format!("job {id} to be {what}"), || async {
			self.job(id).await.filter(|job| test(job))
		})
		.await
	}

	/// Waits until nothing of a job is left in the last finalized block.
	pub async fn finalized_without(&self, id: u64) {
		wait_for(&format!("the end of job {id} to be finalized"), || async {
			let head = self.rpc("chain_getFinalizedHead", json!([])).await.ok()?;
			self.rpc("market_job", json!([id, head]))
				.await
				.ok()?
				.is_null()
				.then_some(())
		})
		.await;
	}

	/// Connects with the client library.
	pub async fn chain(&self) -> Chain {
		Chain::connect(&self.url())
			.await
			.unwrap_or_else(|error| panic!("cannot connect: {error}"))
	}

	/// Runs the command line against this node. It is killed if it is not awaited to its end.
	pub async fn cli(&self, key: &str, args: &[&str]) -> Output {
		run_cli(&["--url", &self.url(), "--key", key], args).await
	}

	/// Runs the command line with `--json`; panics unless it succeeds.
	pub async fn cli_json(&self, key: &str, args: &[&str]) -> Value {
		let args: Vec<_> = ["--json"].iter().chain(args).copied().collect();
		let output = self.cli(key, &args).await;
		assert!(output.status.success(), "millrace {args:?} failed: {}", text(&output));
		document(&output)
	}
}

/// Calls a JSON-RPC method of the node at this port over HTTP.
async fn call(port: u16, method: &str, params: Value) -> anyhow::Result<Value> {
	let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
	let answer = reqwest::Client::new()
		.post(format!("http://127.0.0.1:{port}"))
		.header("content-type", "application/json")
		.body(body)
		.send()
		.await?
		.text()
		.await?;
	let mut answer: Value = serde_json::from_str(&answer)?;
	match answer.get("error") {
		Some(error) => anyhow::bail!("{method}: {error}"),
		None => Ok(answer["result"].take()),
	}
}

/// Runs the command line with these options and arguments. It is killed if it is not awaited to its end.
pub async fn run_cli(options: &[&str], args: &[&str]) -> Output {
	tokio::process::Command::new(bin("millrace"))
		.args(options)
		.args(args)
		.env_remove("MILLRACE_URL")
		.env_remove("MILLRACE_KEY")
		.stdin(Stdio::null())
		.kill_on_drop(true)
		.output()
		.await
		.expect("the command line can be started")
}

/// The JSON document that a command printed to standard output.
pub fn document(output: &Output) -> Value {
	serde_json::from_slice(&output.stdout)
		.unwrap_or_else(|error| panic!("no JSON document was printed ({error}): {}", text(output)))
}

/// All that a command printed.
pub fn text(output: &Output) -> String {
	format!(
		"{}{}",
		String::from_utf8_lossy(&output.stdout),
		String::from_utf8_lossy(&output.stderr)
	)
}

/// An amount in plancks, which JSON holds as a decimal string.
pub fn amount(value: &Value) -> u128 {
	value
		.as_str()
		.and_then(|text| text.parse().ok())
		.unwrap_or_else(|| panic!("{value} is no amount"))
}

/// The sum of the transaction fees in a document, wherever they are.
pub fn fees_in(document: &Value) -> u128 {
	match document {
		Value::Object(map) => map
			.iter()
			.map(|(name, value)| if name == "fee" { amount(value) } else { fees_in(value) })
			.sum(),
		Value::Array(list) => list.iter().map(fees_in).sum(),
		_ => 0,
	}
}

/// What `submit --json` noted about the submission.
pub fn submission(output: &Output) -> Value {
	let notes = String::from_utf8_lossy(&output.stderr).into_owned();
	let submitted = notes.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
	submitted.unwrap_or_else(|| panic!("nothing about the submission in: {notes}"))
}

/// The key of a development account such as `//Alice`.
pub fn key(uri: &str) -> Keypair {
	Keypair::from_uri(uri).unwrap_or_else(|error| panic!("{uri}: {error}"))
}
