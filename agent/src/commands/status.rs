//! `millrace-agent status`.

use super::{connect, init::class_names, operator_key, Common};
use crate::{
	config::status_file,
	metrics::now,
	run::{SeatStatus, Status, WatchedStatus},
	units::format_amount,
	Config,
};
use clap::Args;
use millrace_client::{keys::address, At};
use millrace_primitives::{
	api::ProviderView,
	money::as_decimal,
	provider::{HardwareClass, ProviderStatus},
	Balance, MarketBlock,
};
use serde::Serialize;
use std::{io::Write, path::Path, process::ExitCode};

/// An agent whose status file is older than this, in seconds, does not run, whatever its process does.
const STALE: u64 = 60;

/// The exit code for a provider that is not registered.
const NOT_REGISTERED: u8 = 3;
/// The exit code for a provider that gets no work, or whose agent does not run.
const NO_WORK: u8 = 4;

/// Options of `status`.
#[derive(Args, Debug)]
pub struct Options {
	#[command(flatten)]
	common: Common,
	/// Print one JSON object.
	#[arg(long)]
	json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
	operator: String,
	#[serde(with = "as_decimal")]
	operator_balance: Balance,
	now: MarketBlock,
	registered: bool,
	provider: Option<ProviderView>,
	/// Market blocks since the provider's last sign of life.
	heartbeat_age: Option<MarketBlock>,
	agent_running: bool,
	agent: Option<Status>,
}

/// Says how the provider and its agent are.
pub async fn run(options: Options, output: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
	let mut config = Config::load(&options.common.data_dir)?;
	let operator = operator_key(&options.common)?;
	let chain = connect(&options.common, &mut config).await?;
	let market = chain.market(At::Best);
	let at = market.now().await?;
	let provider = market.provider(&operator.account()).await?;
	let agent = Status::load(&status_file(&options.common.data_dir))?;
	let answer = Answer {
		operator: operator.address(),
		operator_balance: chain.balances(&operator.account(), At::Best).await?.free,
		now: at,
		registered: provider.is_some(),
		heartbeat_age: provider.as_ref().map(|provider| at.saturating_sub(provider.last_seen)),
		agent_running: agent
			.as_ref()
			.is_some_and(|agent| now().saturating_sub(agent.updated) < STALE && is_alive(agent.pid)),
		provider,
		agent,
	};
	match options.json {
		true => writeln!(output, "{}", serde_json::to_string_pretty(&answer)?)?,
		false => print(&answer, output)?,
	}
	Ok(match &answer.provider {
		None => ExitCode::from(NOT_REGISTERED),
		Some(provider) if answer.agent_running && is_at_work(provider) => ExitCode::SUCCESS,
		Some(_) => ExitCode::from(NO_WORK),
	})
}

/// False if the system says that there is no such process.
fn is_alive(pid: u32) -> bool {
	let processes = Path::new("/proc");
	!processes.join("self").exists() || processes.join(pid.to_string()).exists()
}

/// True if it may be drawn, or is not only because all its slots are in use.
fn is_at_work(provider: &ProviderView) -> bool {
	let busy = provider.status == ProviderStatus::Active && provider.used_slots >= provider.slots;
	provider.drawable || busy
}

fn print(answer: &Answer, output: &mut (dyn Write + Send)) -> anyhow::Result<()> {
	writeln!(
		output,
		"operator     {} ({})",
		answer.operator,
		format_amount(answer.operator_balance)
	)?;
	match &answer.provider {
		None => writeln!(
			output,
			"provider     not registered; run `millrace-agent init --owner-key ...`"
		)?,
		Some(provider) => {
			let age = answer.heartbeat_age.unwrap_or_default();
			let classes: Vec<HardwareClass> = class_names(provider.classes);
			let used = provider.used_slots;
			writeln!(output, "provider     {}", address(&provider.id))?;
			writeln!(
				output,
				"status       {:?}, last sign of life {age} market blocks ago",
				provider.status
			)?;
			writeln!(
				output,
				"slots        {used} of {} in use, {} MiB each",
				provider.slots,
				provider.memory_pages / 16
			)?;
			writeln!(
				output,
				"offer        {classes:?} in {:?} at {} per Ggas",
				provider.region,
				format_amount(provider.ask)
			)?;
			writeln!(
				output,
				"bond         {}, of which work reserves {}",
				format_amount(provider.bond),
				format_amount(provider.liability)
			)?;
			writeln!(
				output,
				"reputation   {:.1} %",
				f64::from(provider.reputation.deconstruct()) / 10_000.0
			)?;
			match (&provider.reason, provider.drawable) {
				(_, true) => writeln!(output, "work         may be drawn with the next blocks")?,
				(Some(reason), false) => writeln!(output, "work         not drawn: {reason}")?,
				(None, false) => writeln!(output, "work         not drawn")?,
			}
		}
	}
	match &answer.agent {
		None => writeln!(output, "agent        never ran on this data directory")?,
		Some(agent) => {
			let state = match answer.agent_running {
				true => format!("runs as process {}", agent.pid),
				false => format!("does not run, last seen {} s ago", now().saturating_sub(agent.updated)),
			};
			writeln!(
				output,
				"agent        {state}, at block {} (finalized {})",
				agent.best, agent.finalized
			)?;
			writeln!(
				output,
				"running      {} shards; {} in custody, {} MiB on disk",
				agent.running,
				agent.custody,
				agent.stored_bytes >> 20
			)?;
			if agent.boards > 0 {
				writeln!(
					output,
					"court        plays {} boards: keep the agent running and its node reachable",
					agent.boards
				)?;
			}
			for seat in &agent.seats {
				let state = seat
					.state
					.map_or_else(|| "custody".into(), |state| format!("{state:?}"));
				let SeatStatus {
					seat: name,
					work,
					done,
					tasks,
					due,
					..
				} = seat;
				let due = match *due {
					MarketBlock::MAX => "waiting for the other seats".into(),
					due => format!("due at {due} (now {})", answer.now),
				};
				writeln!(output, "  {name}  {state}, {work}, {done} of {tasks} tasks, {due}")?;
			}
			for watched in &agent.watched {
				let WatchedStatus {
					shard,
					work,
					done,
					tasks,
					bond,
				} = watched;
				let bond = match bond {
					0 => String::new(),
					bond => format!(", accused for {}", format_amount(*bond)),
				};
				writeln!(output, "  {shard}  watched, {work}, {done} of {tasks} tasks{bond}")?;
			}
			if let Some(last) = &agent.last_transaction {
				let ago = now().saturating_sub(last.at);
				let end = match (&last.block, &last.error) {
					(Some(block), _) => format!("in block {block}"),
					(None, Some(error)) => format!("failed: {error}"),
					(None, None) => "unknown".into(),
				};
				let seat = last.seat.as_deref().unwrap_or("");
				writeln!(output, "last call    {} {seat} {end}, {ago} s ago", last.call)?;
			}
		}
	}
	Ok(())
}
