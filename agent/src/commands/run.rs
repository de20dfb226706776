//! `millrace-agent run`.

use super::{connect, operator_key, Common};
use crate::{
	config::Watch,
	exec::{
		cache::Cache,
		trial::{Trial, EMPTY_PROGRAM},
		Execute, Named, Stop, Supply,
	},
	hardware::Hardware,
	Agent, Config, Connection, Wasm, WasmLimits,
};
use anyhow::Context;
use clap::Args;
use millrace_primitives::Limits;
use std::{future::Future, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tokio::signal::unix::{signal, SignalKind};

/// The longest pause between attempts to connect for the first time.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Programs that are kept compiled beside one for each slot.
const SPARE_COMPILED: usize = 8;
/// What compiled programs may take on disk, in bytes.
const COMPILED_BYTES: u64 = 4 << 30;

/// Options of `run`.
#[derive(Args, Debug)]
pub struct Options {
	#[command(flatten)]
	common: Common,
	/// Write the log as JSON, one object a line.
	#[arg(long)]
	pub log_json: bool,
	/// Serve `/metrics` and `/health` here, instead of where the configuration says.
	#[arg(long, value_name = "ADDRESS")]
	metrics_addr: Option<std::net::SocketAddr>,
	/// Whose reports to compute again, instead of what the configuration says: `own` or `all`.
	#[arg(long, value_name = "own|all")]
	watch: Option<Watch>,
}

/// Works until it is told to stop.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
	let common = &options.common;
	let mut config = Config::load(&common.data_dir)?;
	config.metrics = options.metrics_addr.or(config.metrics);
	config.watch = options.watch.unwrap_or(config.watch);
	let operator = operator_key(common)?;
	let shutdown = shutdown_signal()?;
	futures::pin_mut!(shutdown);
	let chain = tokio::select! {
		signal = &mut shutdown => {
			tracing::info!(signal, "stopped before the node answered");
			return Ok(ExitCode::SUCCESS)
		},
		chain = connect_patiently(common, &mut config) => chain?,
	};
	let stored = Config::load(&common.data_dir)?;
	if stored.genesis.is_none() {
		Config {
			genesis: config.genesis.clone(),
			..stored
		}
		.save(&common.data_dir)?;
	}
	if !config.allow_private_addresses && !chain.is_live().await.unwrap_or(true) {
		tracing::info!("a development or local chain: clients may be at addresses that are not public");
		config.allow_private_addresses = true;
	}
	tracing::info!(
		node = config.node,
		operator = operator.address(),
		slots = config.slots,
		"starting"
	);
	let memory = Hardware::detect(&common.data_dir).compile_memory(config.slots, config.memory_pages);
	let trial = tokio::task::spawn_blocking(move || working_trial(memory)).await??;
	let defaults = WasmLimits::default();
	let limits = WasmLimits {
		cached_programs: defaults
			.cached_programs
			.max(usize::from(config.slots).saturating_add(SPARE_COMPILED)),
		trial: Some(trial),
		disk: Some(
			Cache::open(&common.data_dir.join("compiled"), COMPILED_BYTES).context("cannot keep compiled programs")?,
		),
		..defaults
	};
	let executor = Arc::new(Wasm::new(limits).context("this machine cannot execute programs")?);
	let tried = executor.clone();
	tokio::task::spawn_blocking(move || runs_tasks(&*tried)).await??;
	let connection = Connection::new(chain, operator);
	let agent = Agent::new(&common.data_dir, config, connection, executor)?;
	let stopping = async {
		let signal = shutdown.await;
		tracing::info!(signal, "stopping; waiting for what was submitted");
		notify(sd_notify::NotifyState::Stopping);
	};
	agent.run(stopping, || notify(sd_notify::NotifyState::Ready)).await?;
	Ok(ExitCode::SUCCESS)
}

/// Runs a task that does nothing, so that a machine that cannot run any says so before it accepts one.
fn runs_tasks(executor: &dyn Execute) -> anyhow::Result<()> {
	let limits = Limits {
		gas: 1_000_000,
		memory_pages: 1,
		output: 0,
	};
	executor
		.load(&Named::of(EMPTY_PROGRAM)?, EMPTY_PROGRAM, limits.memory_pages)?
		.run(&limits, Supply::of_input(Vec::new(), [0; 32]), &Stop::new())
		.context(
			"no task can be run here: each takes some 5 GiB of address space, though hardly any memory; look at \
			 `ulimit -v`, LimitAS= and vm.overcommit_memory",
		)?;
	Ok(())
}

/// Trials that work here. The kernel lets no process with file capabilities use its own link to its binary, hence the
/// second try.
fn working_trial(memory: u64) -> anyhow::Result<Trial> {
	let with = |binary| Trial {
		memory,
		..Trial::new(binary)
	};
	let trial = with(own_binary()?);
	let roots = Named::of(EMPTY_PROGRAM)?.roots;
	let Err(error) = trial.run(&roots, EMPTY_PROGRAM) else {
		return Ok(trial);
	};
	let path = std::env::current_exe().context("cannot find the agent's own binary")?;
	tracing::warn!(%error, path = %path.display(), "no trial with this process's binary, trying its path");
	let trial = with(path);
	trial.run(&roots, EMPTY_PROGRAM).with_context(|| {
		format!(
			"programs cannot be tried: /bin/sh must be able to start {} as this user, with {} MiB of memory",
			trial.binary.display(),
			memory >> 20
		)
	})?;
	Ok(trial)
}

/// This process's binary, even if another has taken its place since.
fn own_binary() -> anyhow::Result<PathBuf> {
	let running = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
	match running.exists() {
		true => Ok(running),
		false => std::env::current_exe().context("cannot find the agent's own binary"),
	}
}

/// Waits for the node as long as it takes, but not for one of another chain.
async fn connect_patiently(common: &Common, config: &mut Config) -> anyhow::Result<millrace_client::Chain> {
	let mut pause = Duration::from_secs(1);
	loop {
		match connect(common, config).await {
			Err(error) if error.downcast_ref().is_some_and(millrace_client::Error::is_connection) => {
				tracing::warn!(%error, "no node yet, trying again");
				tokio::time::sleep(pause).await;
				pause = (pause * 2).min(LONGEST_PAUSE);
			}
			result => return result,
		}
	}
}

/// The name of the signal that asks the process to end, once it comes.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = &'static str>> {
	let mut interrupt = signal(SignalKind::interrupt())?;
	let mut terminate = signal(SignalKind::terminate())?;
	Ok(async move {
		tokio::select! {
			_ = interrupt.recv() => "SIGINT",
			_ = terminate.recv() => "SIGTERM",
		}
	})
}

/// Tells systemd, if it wants to know.
fn notify(state: sd_notify::NotifyState<'_>) {
	if let Err(error) = sd_notify::notify(false, &[state]) {
		tracing::debug!(%error, "the service manager was not told");
	}
}
