//! `millrace-agent init`.

use super::{connect, operator_key, Common};
use crate::{
	config::{key_file, ConfigError, Watch},
	hardware::{benchmark, Hardware},
	units::{format_amount, parse_amount},
	Config, Wasm, WasmLimits,
};
use anyhow::{bail, Context};
use clap::Args;
use millrace_client::{calls, keys::address, At, Chain, Keypair};
use millrace_primitives::{
	provider::{counted_ask, ClassSet, HardwareClass, ProviderInfo, Region, HIGH_MEMORY_PAGES},
	AccountId, Balance,
};
use serde::{de::value::StrDeserializer, de::IntoDeserializer, Deserialize, Serialize};
use std::{fs, io::Write, net::SocketAddr, path::Path, process::ExitCode};

/// Options of `init`. What is not given stays as it was configured, or is found out the first time.
#[derive(Args, Debug)]
pub struct Options {
	#[command(flatten)]
	common: Common,
	/// The account that owns the provider: a secret URI, or a file that only you can read. With it the provider is
	/// registered on chain, or its registration is brought up to date.
	#[arg(long, env = "MILLRACE_OWNER_KEY", hide_env_values = true, value_name = "URI|FILE")]
	owner_key: Option<String>,
	/// The operator's key as a secret URI, for development; otherwise a new one is made.
	#[arg(long, env = "MILLRACE_OPERATOR_KEY", hide_env_values = true, value_name = "URI")]
	operator_key: Option<String>,
	/// Where to serve outputs.
	#[arg(long, value_name = "ADDRESS")]
	listen: Option<SocketAddr>,
	/// The URL at which clients reach that address.
	#[arg(long, value_name = "URL")]
	endpoint: Option<String>,
	/// Where to serve metrics; better not for the world.
	#[arg(long, value_name = "ADDRESS")]
	metrics_addr: Option<SocketAddr>,
	/// How many shards to compute at the same time; by default one a core.
	#[arg(long)]
	slots: Option<u16>,
	/// The memory of each slot in MiB; by default three quarters of the machine's are shared.
	#[arg(long, value_name = "MIB")]
	memory_mib: Option<u32>,
	/// The price in MILL per Ggas (10^9 gas).
	#[arg(long, value_parser = parse_amount, value_name = "MILL")]
	ask: Option<Balance>,
	/// Where the machine is: unspecified, africa, asia, europe, middleEast, northAmerica, oceania, southAmerica.
	#[arg(long, value_parser = parse_name::<Region>)]
	region: Option<Region>,
	/// What it is good for: general, highMemory, highCompute. May be given several times.
	#[arg(long = "class", value_parser = parse_name::<HardwareClass>)]
	classes: Vec<HardwareClass>,
	/// The most that programs, inputs and outputs may take on disk, in MiB; by default half of what is free.
	#[arg(long, value_name = "MIB")]
	disk_mib: Option<u64>,
	/// Send a heartbeat after so many market blocks without a sign of life.
	#[arg(long, value_name = "BLOCKS")]
	heartbeat_blocks: Option<u32>,
	/// Whose reports to compute again beside those of its own seats' shards: `own` none, `all` those of others that bought no second
	/// seat, as far as slots are free.
	#[arg(long, value_name = "own|all")]
	watch: Option<Watch>,
	/// The most that is put up at once to accuse others whom it watches, in MILL, of what the operator's key has.
	#[arg(long, value_parser = parse_amount, value_name = "MILL")]
	watch_budget: Option<Balance>,
	/// The bond in MILL. A registered provider's is raised to it, never lowered.
	#[arg(long, value_parser = parse_amount, default_value = "100", value_name = "MILL")]
	bond: Balance,
	/// What the operator's key is sent at registration for transaction fees, in MILL.
	#[arg(long, value_parser = parse_amount, default_value = "1", value_name = "MILL")]
	operator_funding: Balance,
	/// Fetch programs and inputs from addresses that are not public, too: on one machine or in a network of one's own. On
	/// development and local chains the agent does so anyway. `--allow-private-addresses=false` takes it back.
	#[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
	allow_private_addresses: Option<bool>,
	/// Do not measure the machine's speed.
	#[arg(long)]
	no_benchmark: bool,
	/// Print one JSON object.
	#[arg(long)]
	json: bool,
}

/// What was done.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Done {
	data_dir: String,
	operator: String,
	owner: Option<String>,
	config: Config,
	actions: Vec<String>,
	registered: bool,
}

/// Sets the machine up.
pub async fn run(options: Options, output: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
	let mut actions = Vec::new();
	make_private(&options.common.data_dir)?;
	let operator = operator(&options, &mut actions)?;
	let mut config = configure(&options, &mut actions)?;
	config.save(&options.common.data_dir)?;
	let mut done = Done {
		data_dir: options.common.data_dir.display().to_string(),
		operator: operator.address(),
		owner: None,
		config: config.clone(),
		actions,
		registered: false,
	};
	if let Some(owner) = &options.owner_key {
		let owner = Keypair::load(owner).context("cannot use the owner's key")?;
		let chain = connect(&options.common, &mut config).await?;
		config.save(&options.common.data_dir)?;
		done.config = config.clone();
		done.owner = Some(owner.address());
		register(&chain, &owner, &operator, &config, &options, &mut done.actions).await?;
		done.registered = true;
	}
	match options.json {
		true => writeln!(output, "{}", serde_json::to_string_pretty(&done)?)?,
		false => print(&done, output)?,
	}
	Ok(ExitCode::SUCCESS)
}

fn print(done: &Done, output: &mut (dyn Write + Send)) -> std::io::Result<()> {
	for action in &done.actions {
		writeln!(output, "{action}")?;
	}
	writeln!(output, "operator {}", done.operator)?;
	match done.registered {
		true => writeln!(output, "ready: millrace-agent run --data-dir {}", done.data_dir),
		false => writeln!(
			output,
			"not registered: call init again with --owner-key, or register this operator from the owner's wallet"
		),
	}
}

/// Creates the data directory so that only its owner can look into it.
fn make_private(data: &Path) -> anyhow::Result<()> {
	use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
	let mut builder = fs::DirBuilder::new();
	builder.recursive(true).mode(0o700);
	builder
		.create(data)
		.with_context(|| format!("cannot create {}", data.display()))?;
	// Reports lie here before they are revealed: nobody else may read them, in an older directory either.
	fs::set_permissions(data, fs::Permissions::from_mode(0o700))
		.with_context(|| format!("{} belongs to somebody else; choose another --data-dir", data.display()))
}

fn operator(options: &Options, actions: &mut Vec<String>) -> anyhow::Result<Keypair> {
	let path = key_file(&options.common.data_dir);
	if path.exists() {
		let key = operator_key(&options.common)?;
		if let Some(uri) = &options.operator_key {
			if Keypair::from_uri(uri)?.account() != key.account() {
				bail!(
					"{} holds another key than the one given; remove the file to replace it",
					path.display()
				)
			}
		}
		return Ok(key);
	}
	let (key, secret) = match &options.operator_key {
		Some(uri) => (Keypair::from_uri(uri)?, uri.clone()),
		None => Keypair::generate()?,
	};
	Keypair::write_new(&path, &secret)?;
	actions.push(format!("wrote the operator's key to {}", path.display()));
	Ok(key)
}

/// The stored configuration, or a new one from what the machine is, with the options over it.
fn configure(options: &Options, actions: &mut Vec<String>) -> anyhow::Result<Config> {
	let data = &options.common.data_dir;
	let stored = match Config::load(data) {
		Ok(config) => Some(config),
		Err(ConfigError::Missing(_)) => None,
		Err(error) => return Err(error.into()),
	};
	let is_new = stored.is_none();
	let machine = Hardware::detect(data);
	let listen: SocketAddr = ([127, 0, 0, 1], 9700).into();
	let mut config = match stored {
		Some(config) => config,
		None => Config {
			node: "ws://127.0.0.1:9944".into(),
			genesis: None,
			listen,
			endpoint: String::new(),
			metrics: None,
			slots: machine.cores,
			memory_pages: 0,
			ask: millrace_primitives::MILLI,
			region: Region::Unspecified,
			classes: Vec::new(),
			disk_mib: machine.disk_mib(),
			heartbeat_blocks: 500,
			tip: crate::config::tip(),
			watch: Watch::default(),
			watch_budget: crate::config::watch_budget(),
			allow_private_addresses: false,
			benchmark_mgas: None,
		},
	};
	let before = config.clone();
	if let Some(node) = &options.common.node {
		config.node.clone_from(node);
	}
	config.listen = options.listen.unwrap_or(config.listen);
	match &options.endpoint {
		Some(endpoint) => config.endpoint.clone_from(endpoint),
		None if is_new || config.endpoint == format!("http://{}", before.listen) => {
			config.endpoint = format!("http://{}", config.listen)
		}
		None => {}
	}
	if config.listen.ip().is_unspecified() && config.endpoint == format!("http://{}", config.listen) {
		bail!(
			"{} is every address of this machine: say with --endpoint by which URL clients reach it",
			config.listen
		);
	}
	config.metrics = options.metrics_addr.or(config.metrics);
	config.slots = options.slots.unwrap_or(config.slots);
	match options.memory_mib {
		Some(mib) => config.memory_pages = mib.saturating_mul(16).max(1),
		None if is_new => config.memory_pages = machine.pages_per_slot(config.slots),
		None => {}
	}
	let offered = u64::from(config.memory_pages) * 65_536 * u64::from(config.slots);
	if offered > machine.memory {
		bail!(
			"{} slots of {} MiB are more memory than this machine's {} MiB: offer fewer --slots or less --memory-mib",
			config.slots,
			config.memory_pages / 16,
			machine.memory >> 20
		);
	}
	config.ask = options.ask.unwrap_or(config.ask);
	config.region = options.region.unwrap_or(config.region);
	if !options.classes.is_empty() {
		config.classes.clone_from(&options.classes);
	} else if is_new {
		config.classes.push(HardwareClass::General);
		if config.memory_pages >= HIGH_MEMORY_PAGES {
			config.classes.push(HardwareClass::HighMemory);
		}
	}
	config.disk_mib = options.disk_mib.unwrap_or(config.disk_mib);
	config.heartbeat_blocks = options.heartbeat_blocks.unwrap_or(config.heartbeat_blocks);
	config.watch = options.watch.unwrap_or(config.watch);
	config.watch_budget = options.watch_budget.unwrap_or(config.watch_budget);
	config.allow_private_addresses = options
		.allow_private_addresses
		.unwrap_or(config.allow_private_addresses);
	if config.benchmark_mgas.is_none() && !options.no_benchmark {
		let executor = Wasm::new(WasmLimits::default()).context("this machine cannot execute programs")?;
		let speed = benchmark(&executor).context("the benchmark failed")?;
		config.benchmark_mgas = Some(speed);
		actions.push(format!("measured {speed} Mgas/s a slot on {} cores", machine.cores));
	}
	if is_new {
		actions.push(format!(
			"offering {} slots of {} MiB at {} per Ggas",
			config.slots,
			config.memory_pages / 16,
			format_amount(config.ask)
		));
		if let Some(counted) = counted_ask(config.ask).filter(|counted| *counted > config.ask) {
			actions.push(format!(
				"prices count by steps: no job that pays less than {} finds this ask",
				format_amount(counted)
			));
		}
	} else if config != before {
		actions.push("changed the configuration".into());
	}
	Ok(config)
}

/// Brings the chain's record in line with the configuration.
async fn register(
	chain: &Chain,
	owner: &Keypair,
	operator: &Keypair,
	config: &Config,
	options: &Options,
	actions: &mut Vec<String>,
) -> anyhow::Result<()> {
	let info = config.info()?;
	let market = chain.market(At::Best);
	let (account, worker) = (owner.account(), operator.account());
	if let Some(provider) = market.provider(&worker).await? {
		if provider.id != account {
			bail!(
				"the operator {} works for another provider, {}",
				operator.address(),
				address(&provider.id)
			)
		}
	}
	let Some(provider) = market.provider(&account).await? else {
		let (bond, funding) = (options.bond, options.operator_funding);
		can_afford(chain, &account, bond.saturating_add(funding)).await?;
		let done = chain
			.submit(owner, calls::register(&worker, &info, bond, funding))
			.await?;
		actions.push(format!(
			"registered {} with a bond of {} in block {}; sent its operator {}",
			owner.address(),
			format_amount(bond),
			done.block.number,
			format_amount(funding)
		));
		return Ok(());
	};
	if provider.operator != worker {
		let done = chain
			.submit(owner, calls::set_operator(&worker, options.operator_funding))
			.await?;
		actions.push(format!(
			"replaced the operator {} in block {}",
			address(&provider.operator),
			done.block.number
		));
	}
	let declared = ProviderInfo {
		classes: provider.classes,
		region: provider.region,
		slots: provider.slots,
		memory_pages: provider.memory_pages,
		ask: provider.ask,
		endpoint: provider.endpoint.into_bytes().try_into().unwrap_or_default(),
	};
	if declared != info {
		let done = chain.submit(owner, calls::update_info(&info)).await?;
		actions.push(format!("updated the registration in block {}", done.block.number));
	}
	let missing = options.bond.saturating_sub(provider.bond);
	if missing > 0 {
		can_afford(chain, &account, missing).await?;
		let done = chain.submit(owner, calls::bond_more(missing)).await?;
		actions.push(format!(
			"raised the bond by {} in block {}",
			format_amount(missing),
			done.block.number
		));
	}
	if actions.is_empty() {
		actions.push("registered already; nothing has changed".into());
	}
	Ok(())
}

async fn can_afford(chain: &Chain, account: &AccountId, amount: Balance) -> anyhow::Result<()> {
	let free = chain.balances(account, At::Best).await?.free;
	if free <= amount {
		bail!(
			"the owner {} has {} free; bond and operator's funds need {} and a transaction fee",
			address(account),
			format_amount(free),
			format_amount(amount)
		)
	}
	Ok(())
}

/// Reads the name of a variant as JSON writes it.
fn parse_name<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, String> {
	let deserializer: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
	T::deserialize(deserializer).map_err(|error| error.to_string())
}

/// The classes of a set as JSON writes them.
pub(super) fn class_names(classes: ClassSet) -> Vec<HardwareClass> {
	classes.iter().collect()
}
