//! Providers: real agents as processes, and those inside the test that do not work.

use crate::{bin, free_port, key, ledger, ledger::operator_of, text, wait_for, Node, Process};
use millrace_agent::{config::Watch, Config};
use millrace_client::{calls, At, Call, Chain};
use millrace_primitives::{
	api::AssignmentView,
	job::SeatState,
	provider::{HardwareClass, Region},
	Balance, ShardId, MILL, MILLI,
};
use std::{collections::HashSet, path::Path, process::Command, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// What a provider here asks if nothing else is said, in plancks per Ggas.
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
	/// As [`Self::asking`] what most providers ask.
	pub async fn start(node: &Node, owner: &str) -> Self {
		Self::asking(node, owner, ASK).await
	}

	/// Registers a provider with `millrace-agent init` and starts its agent; waits until the next draw may find it. The court
	/// draws who asks up to twice what a job pays at most: whoever asks more than that price checks others, and nothing else.
	pub async fn asking(node: &Node, owner: &str, ask: Balance) -> Self {
		Self::with(node, owner, ask, &[]).await
	}

	/// A provider that watches others' shards, and puts up at most so much for that, in whole MILL. What it asks is
	/// more than any job here pays for checking.
	pub async fn watching(node: &Node, owner: &str, budget: u32) -> Self {
		let budget = budget.to_string();
		let more = ["--watch", "all", "--watch-budget", &budget];
		Self::with(node, owner, 100 * MILL, &more).await
	}

	async fn with(node: &Node, owner: &str, ask: Balance, more: &[&str]) -> Self {
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
				&format!("{}.{:012}", ask / MILL, ask % MILL),
				"--bond",
				"2000",
				"--operator-funding",
				"10",
				"--region",
				"europe",
			])
			.args(["--disk-mib", "256", "--no-benchmark"])
			.args(more)
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
		Self::all_asking(node, owners, ASK).await
	}

	/// Starts several at once that ask the same.
	pub async fn all_asking(node: &Node, owners: &[&str], ask: Balance) -> Vec<Self> {
		futures::future::join_all(owners.iter().map(|owner| Self::asking(node, owner, ask))).await
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
}

/// Waits until one of these holds a seat in a job in one of these states; its place among them. Which is drawn is chance: a given one
/// of five is drawn for none of eight shards in one run of sixty.
pub async fn first_to_hold(providers: &[Provider], chain: &Chain, job: u64, states: &[SeatState]) -> usize {
	wait_for(
		&format!("a provider to hold a seat of job {job} in {states:?}"),
		|| async {
			for (place, provider) in providers.iter().enumerate() {
				let account = key(&provider.owner).account();
				let seats = chain.market(At::Best).assignments(&account).await;
				let holds = |seat: &AssignmentView| {
					seat.shard.job.0 == job && seat.state.is_some_and(|state| states.contains(&state))
				};
				if seats.ok()?.iter().any(holds) {
					return Some(place);
				}
			}
			None
		},
	)
	.await
}

/// An agent inside the test; ends when it is dropped.
pub struct Inside {
	pub(crate) tasks: Vec<JoinHandle<()>>,
	pub(crate) _dir: TempDir,
}

impl Drop for Inside {
	fn drop(&mut self) {
		self.tasks.iter().for_each(JoinHandle::abort);
	}
}

/// The configuration of an agent that is no process of its own, kept in its data directory.
pub(crate) fn config(url: &str, data: &Path) -> Config {
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
		tip: millrace_agent::config::tip(),
		watch: Watch::Own,
		watch_budget: millrace_agent::config::watch_budget(),
		benchmark_mgas: None,
		allow_private_addresses: true,
	};
	config.save(data).expect("the configuration can be written");
	config
}

/// Registers a provider of this configuration.
pub(crate) async fn register(chain: &Chain, owner: &str, config: &Config) {
	let info = config.info().expect("the configuration is sound");
	let call = calls::register(&key(&operator_of(owner)).account(), &info, BOND, 10 * MILL);
	chain
		.submit(&key(owner), call)
		.await
		.unwrap_or_else(|error| panic!("registering {owner}: {error}"));
}

/// Waits until the next draw may find a provider.
pub(crate) async fn drawable(chain: &Chain, owner: &str) {
	let account = key(owner).account();
	wait_for(&format!("{owner} to be drawable"), || async {
		let provider = chain.market(At::Best).provider(&account).await.ok()??;
		provider.drawable.then_some(())
	})
	.await;
}

/// A provider that accepts whatever it is assigned and never reports.
pub async fn silent(node: &Node, owner: &str) -> Inside {
	puppet(node, owner, calls::accept).await
}

/// A provider that says this of whatever it is assigned, once, and does nothing else.
pub async fn puppet(node: &Node, owner: &str, answer: fn(ShardId) -> Call) -> Inside {
	let dir = TempDir::new().expect("a temporary directory can be made");
	let chain = node.chain().await;
	register(&chain, owner, &config(&node.url(), dir.path())).await;
	let (operator, caller) = (key(&operator_of(owner)), chain.clone());
	let task = tokio::spawn(async move {
		let mut answered = HashSet::new();
		loop {
			let seats = caller
				.market(At::Best)
				.assignments(&operator.account())
				.await
				.unwrap_or_default();
			for seat in seats.into_iter().filter(|seat| seat.state == Some(SeatState::Assigned)) {
				if answered.insert((seat.shard, seat.round)) {
					let (chain, operator) = (caller.clone(), operator.clone());
					// It may have lost the seat meanwhile.
					tokio::spawn(async move { drop(chain.submit(&operator, answer(seat.shard)).await) });
				}
			}
			tokio::time::sleep(Duration::from_millis(200)).await;
		}
	});
	drawable(&chain, owner).await;
	Inside {
		tasks: vec![task],
		_dir: dir,
	}
}
