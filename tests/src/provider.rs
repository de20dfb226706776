//! Providers: real agents as processes, and agents inside the test that misbehave.

use crate::{bin, free_port, key, ledger, ledger::operator_of, text, wait_for, Node, Process};
use millrace_agent::{
	exec::{Execution, HostError, LoadError, Named, Program, Stop, Supply},
	Agent, Config, Connection, Execute, Wasm, WasmLimits,
};
use millrace_client::{calls, At, Chain};
use millrace_primitives::{
	job::SeatState,
	provider::{HardwareClass, Region},
	Balance, Limits, ShardId, MILL, MILLI,
};
use std::{collections::HashSet, process::Command, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// What every provider here asks, in plancks per Ggas.
pub const ASK: Balance = MILLI;
/// What every provider here has as bond.
pub const BOND: Balance = 2_000 * MILL;
/// How many shards each computes at once.
pub const SLOTS: u16 = 6;

/// A provider with a real agent.
pub struct Provider {
	/// Whose provider it is: a secret URI such as `//Bob`.
	pub owner: String,
	url: String,
	// Before its directory, so that its log can still be read when it is dropped.
	process: Process,
	dir: TempDir,
}

impl Provider {
	/// Registers a provider with `millrace-agent init` and starts its agent; waits until the next draw may find it.
	pub async fn start(node: &Node, owner: &str) -> Self {
		let dir = TempDir::new().expect("a temporary directory can be made");
		let listen = format!("127.0.0.1:{}", free_port());
		let init = tokio::process::Command::new(bin("millrace-agent"))
			.args([
				"init",
				"--node",
				&node.url(),
				"--listen",
				&listen,
				"--owner-key",
				owner,
				"--data-dir",
			])
			.arg(dir.path().join("data"))
			.args([
				"--operator-key",
				&operator_of(owner),
				"--slots",
				&SLOTS.to_string(),
				"--memory-mib",
				"512",
			])
			.args([
				"--ask",
				"0.001",
				"--bond",
				"2000",
				"--operator-funding",
				"10",
				"--region",
				"europe",
			])
			.args(["--disk-mib", "256", "--no-benchmark"])
			.kill_on_drop(true)
			.output()
			.await
			.expect("the agent can be started");
		assert!(
			init.status.success(),
			"millrace-agent init for {owner}: {}",
			text(&init)
		);
		let url = node.url();
		let process = Self::spawn(&dir, owner, &url);
		let provider = Self {
			owner: owner.into(),
			url,
			process,
			dir,
		};
		provider.is_drawable(node).await;
		provider
	}

	/// Starts several at once.
	pub async fn start_all(node: &Node, owners: &[&str]) -> Vec<Self> {
		futures::future::join_all(owners.iter().map(|owner| Self::start(node, owner))).await
	}

	fn spawn(dir: &TempDir, owner: &str, url: &str) -> Process {
		let mut command = Command::new(bin("millrace-agent"));
		command
			.args(["run", "--node", url, "--data-dir"])
			.arg(dir.path().join("data"));
		Process::start(&format!("{owner}'s agent"), &mut command, dir.path().join("agent.log"))
	}

	/// Waits until the next draw may find it.
	pub async fn is_drawable(&self, node: &Node) {
		wait_for(&format!("{} to be drawable", self.owner), || async {
			(ledger::provider(node, &self.owner).await["drawable"] == true).then_some(())
		})
		.await;
	}

	/// kill -9.
	pub fn kill(&mut self) {
		self.process.kill();
	}

	/// kill -9, and starts it again on the same data.
	pub fn restart(&mut self) {
		self.process.kill();
		self.process = Self::spawn(&self.dir, &self.owner, &self.url);
	}

	/// True while its process runs.
	pub fn is_running(&mut self) -> bool {
		self.process.is_running()
	}

	/// All that it logged.
	pub fn log(&self) -> String {
		self.process.output()
	}

	/// Waits until it holds a seat in a job in one of these states.
	pub async fn holds(&self, chain: &Chain, job: u64, states: &[SeatState]) -> ShardId {
		let account = key(&self.owner).account();
		wait_for(
			&format!("{} to hold a seat of job {job} in {states:?}", self.owner),
			|| async {
				let seats = chain.market(At::Best).assignments(&account).await.ok()?;
				let seat = seats
					.into_iter()
					.find(|seat| seat.shard.job.0 == job && seat.state.is_some_and(|state| states.contains(&state)));
				seat.map(|seat| seat.shard)
			},
		)
		.await
	}
}

/// An agent inside the test; ends when it is dropped.
pub struct Inside {
	task: JoinHandle<()>,
	_dir: TempDir,
}

impl Drop for Inside {
	fn drop(&mut self) {
		self.task.abort();
	}
}

fn config(url: &str, dir: &TempDir) -> Config {
	let listen = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
	let config = Config {
		node: url.into(),
		genesis: None,
		listen,
		endpoint: format!("http://{listen}"),
		metrics: None,
		slots: SLOTS,
		memory_pages: 8_192,
		ask: ASK,
		region: Region::Europe,
		classes: vec![HardwareClass::General],
		disk_mib: 4_096,
		heartbeat_blocks: 200,
		benchmark_mgas: None,
		allow_private_addresses: true,
	};
	config.save(dir.path()).expect("the configuration can be written");
	config
}

async fn register(chain: &Chain, owner: &str, config: &Config) {
	let info = config.info().expect("the configuration is sound");
	let call = calls::register(&key(&operator_of(owner)).account(), &info, BOND, 10 * MILL);
	chain
		.submit(&key(owner), call)
		.await
		.unwrap_or_else(|error| panic!("registering {owner}: {error}"));
}

async fn drawable(node: &Node, owner: &str) {
	wait_for(&format!("{owner} to be drawable"), || async {
		(ledger::provider(node, owner).await["drawable"] == true).then_some(())
	})
	.await;
}

/// A provider that accepts whatever it is assigned and never reports.
pub async fn silent(node: &Node, owner: &str) -> Inside {
	let dir = TempDir::new().expect("a temporary directory can be made");
	let chain = node.chain().await;
	register(&chain, owner, &config(&node.url(), &dir)).await;
	let operator = key(&operator_of(owner));
	let task = tokio::spawn(async move {
		let mut accepted = HashSet::new();
		loop {
			let seats = chain
				.market(At::Best)
				.assignments(&operator.account())
				.await
				.unwrap_or_default();
			for seat in seats.into_iter().filter(|seat| seat.state == Some(SeatState::Assigned)) {
				if accepted.insert((seat.shard, seat.round)) {
					let (chain, operator) = (chain.clone(), operator.clone());
					// It may have lost the seat meanwhile.
					tokio::spawn(async move { drop(chain.submit(&operator, calls::accept(seat.shard)).await) });
				}
			}
			tokio::time::sleep(Duration::from_millis(200)).await;
		}
	});
	drawable(node, owner).await;
	Inside { task, _dir: dir }
}

/// A provider whose executor adds a byte to every output.
pub async fn liar(node: &Node, owner: &str) -> Inside {
	let dir = TempDir::new().expect("a temporary directory can be made");
	let chain = node.chain().await;
	let config = config(&node.url(), &dir);
	register(&chain, owner, &config).await;
	let honest = Wasm::new(WasmLimits::default()).expect("this machine executes programs");
	let connection = Connection::new(chain, key(&operator_of(owner)));
	let agent = Agent::new(dir.path(), config, connection, Arc::new(Lying(honest))).expect("the agent has its data");
	let task = tokio::spawn(async move {
		let ended = agent.run(std::future::pending(), || {}).await;
		panic!("the lying agent ended: {ended:?}");
	});
	drawable(node, owner).await;
	Inside { task, _dir: dir }
}

/// An executor that adds a byte to every output.
struct Lying(Wasm);

impl Execute for Lying {
	fn load(&self, program: &Named, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		Ok(Arc::new(LyingProgram(self.0.load(program, wasm, memory_pages)?)))
	}
}

struct LyingProgram(Arc<dyn Program>);

impl Program for LyingProgram {
	fn run(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Execution, HostError> {
		let Execution {
			outcome, mut output, ..
		} = self.0.run(limits, supply, stop)?;
		output.push(b'!');
		Ok(Execution::success(output, outcome.gas_used))
	}
}
