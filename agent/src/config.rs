//! The agent's configuration, `config.toml` in its data directory.

use millrace_primitives::{
	job::is_url,
	provider::{ClassSet, HardwareClass, ProviderInfo, Region},
	Balance, MILL,
};
use serde::{Deserialize, Serialize};
use std::{
	fs, io,
	net::SocketAddr,
	path::{Path, PathBuf},
	str::FromStr,
};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
	/// There is none.
	#[error("{0} does not exist; run `millrace-agent init` first")]
	Missing(PathBuf),
	/// The file cannot be read or written.
	#[error("{path}: {source}")]
	File {
		/// The file.
		path: PathBuf,
		/// What failed.
		source: io::Error,
	},
	/// The file is no such configuration.
	#[error("{path}: {reason}")]
	Syntax {
		/// The file.
		path: PathBuf,
		/// What is wrong.
		reason: String,
	},
	/// A value cannot be.
	#[error("{name} = {value}: {reason}")]
	Value {
		/// The setting.
		name: &'static str,
		/// Its value.
		value: String,
		/// What is wrong.
		reason: &'static str,
	},
}

/// What the operator set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
	/// The node's WebSocket address.
	pub node: String,
	/// The chain that the agent works on: the hash of its first block. Set when it first connects.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub genesis: Option<String>,
	/// Where outputs are served.
	pub listen: SocketAddr,
	/// The same as clients reach it: an `http://` or `https://` URL.
	pub endpoint: String,
	/// Where metrics are served, if they are.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub metrics: Option<SocketAddr>,
	/// How many shards are computed at the same time.
	pub slots: u16,
	/// The memory of each slot, in pages of 64 KiB.
	pub memory_pages: u32,
	/// The price in plancks per Ggas, in decimal digits.
	#[serde(with = "millrace_primitives::money::as_decimal")]
	pub ask: Balance,
	/// Where the machine is.
	pub region: Region,
	/// What it is good for.
	pub classes: Vec<HardwareClass>,
	/// The most that programs, inputs and outputs may take on disk, in MiB.
	pub disk_mib: u64,
	/// A heartbeat is sent after so many market blocks without a sign of life.
	pub heartbeat_blocks: u32,
	/// What is offered to be in the next block, in plancks for each call, when the last tenth of the time for it has begun or its
	/// last ten blocks: the most that one call costs beside its fee.
	#[serde(default = "tip", with = "millrace_primitives::money::as_decimal")]
	pub tip: Balance,
	/// Whose reports the agent computes again beside its own seats' shards.
	#[serde(default)]
	pub watch: Watch,
	/// The most that it puts up at once to accuse others of its own accord, in MILL in the file, in plancks here.
	#[serde(default = "watch_budget", with = "crate::units::as_amount")]
	pub watch_budget: Balance,
	/// True if programs and inputs may come from addresses that are not public. Endpoints are named by strangers, so
	/// otherwise they could reach what is behind this machine's firewall. Development and local chains need no leave.
	#[serde(default)]
	pub allow_private_addresses: bool,
	/// What `init` measured, in millions of gas a second and slot.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub benchmark_mgas: Option<u64>,
}

/// A hundredth of a MILL: three times what the smallest job costs its client for a seat.
pub const fn tip() -> Balance {
	MILL / 100
}

/// A hundred MILL: the bond of a board about a shard that pays up to three and a half.
pub const fn watch_budget() -> Balance {
	100 * MILL
}

/// Whose reports an agent computes again.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Watch {
	/// Those that contradict its own seats, and those that the court draws it for.
	#[default]
	Own,
	/// Also those of others' shards that nobody else was bought for.
	All,
}

/// The name of a [`Watch`] that there is not, or that there is none of.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoWatch {
	/// A seat that attacks nobody does not win.
	#[error(
		"a seat that does not attack what contradicts it goes out with it and is not paid; `own` attacks nobody else"
	)]
	None,
	/// There is none of this name.
	#[error("{0:?} is neither `own` nor `all`")]
	Unknown(String),
}

impl FromStr for Watch {
	type Err = NoWatch;

	fn from_str(text: &str) -> Result<Self, NoWatch> {
		match text {
			"own" => Ok(Self::Own),
			"all" => Ok(Self::All),
			"none" => Err(NoWatch::None),
			other => Err(NoWatch::Unknown(other.into())),
		}
	}
}

impl TryFrom<String> for Watch {
	type Error = NoWatch;

	fn try_from(text: String) -> Result<Self, NoWatch> {
		text.parse()
	}
}

impl From<Watch> for String {
	fn from(watch: Watch) -> Self {
		match watch {
			Watch::Own => "own".into(),
			Watch::All => "all".into(),
		}
	}
}

impl Config {
	/// Reads and checks the configuration of a data directory.
	pub fn load(data: &Path) -> Result<Self, ConfigError> {
		let path = file(data);
		let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
			io::ErrorKind::NotFound => ConfigError::Missing(path.clone()),
			_ => ConfigError::File {
				path: path.clone(),
				source,
			},
		})?;
		let config: Self = toml::from_str(&text).map_err(|error| ConfigError::Syntax {
			path: path.clone(),
			reason: error.to_string(),
		})?;
		config.info()?;
		Ok(config)
	}

	/// Writes the configuration to a data directory.
	pub fn save(&self, data: &Path) -> Result<(), ConfigError> {
		self.info()?;
		let path = file(data);
		let text = toml::to_string(self).map_err(|error| ConfigError::Syntax {
			path: path.clone(),
			reason: error.to_string(),
		})?;
		crate::store::replace(&path, text.as_bytes()).map_err(|source| ConfigError::File { path, source })
	}

	/// What the provider declares on chain.
	pub fn info(&self) -> Result<ProviderInfo, ConfigError> {
		let refuse = |name, value: &dyn ToString, reason| ConfigError::Value {
			name,
			value: value.to_string(),
			reason,
		};
		if self.slots == 0 {
			return Err(refuse("slots", &self.slots, "at least one is needed"));
		}
		if self.memory_pages == 0 {
			return Err(refuse("memory_pages", &self.memory_pages, "at least one is needed"));
		}
		if self.classes.is_empty() {
			return Err(refuse("classes", &"[]", "at least one is needed"));
		}
		if !is_url(self.endpoint.as_bytes()) {
			return Err(refuse(
				"endpoint",
				&self.endpoint,
				"an http:// or https:// URL is needed",
			));
		}
		let endpoint = self.endpoint.as_bytes().to_vec().try_into();
		Ok(ProviderInfo {
			classes: ClassSet::of(&self.classes),
			region: self.region,
			slots: self.slots,
			memory_pages: self.memory_pages,
			ask: self.ask,
			endpoint: endpoint.map_err(|_| refuse("endpoint", &self.endpoint, "it has more than 128 bytes"))?,
		})
	}
}

/// The configuration's file.
pub fn file(data: &Path) -> PathBuf {
	data.join("config.toml")
}

/// The operator's secret key.
pub fn key_file(data: &Path) -> PathBuf {
	data.join("operator.key")
}

/// The agent's database.
pub fn database_file(data: &Path) -> PathBuf {
	data.join("agent.redb")
}

/// What a running agent says of itself.
pub fn status_file(data: &Path) -> PathBuf {
	data.join("status.json")
}

#[cfg(test)]
mod tests {
	use super::*;

	fn config() -> Config {
		Config {
			node: "ws://127.0.0.1:9944".into(),
			genesis: None,
			listen: "127.0.0.1:9700".parse().unwrap(),
			endpoint: "http://127.0.0.1:9700".into(),
			metrics: None,
			slots: 2,
			memory_pages: 4096,
			ask: 340_282_366_920_938_463_463_374_607_431_768_211_455,
			region: Region::MiddleEast,
			classes: vec![HardwareClass::General, HardwareClass::HighCompute],
			disk_mib: 1000,
			heartbeat_blocks: 500,
			tip: 7,
			watch: Watch::All,
			watch_budget: 5 * MILL / 2,
			allow_private_addresses: true,
			benchmark_mgas: Some(812),
		}
	}

	#[test]
	fn what_is_saved_is_loaded() {
		let folder = tempfile::tempdir().unwrap();
		config().save(folder.path()).unwrap();
		assert_eq!(Config::load(folder.path()).unwrap(), config());
	}

	#[test]
	fn what_cannot_be_is_named() {
		let folder = tempfile::tempdir().unwrap();
		let text = Config::load(folder.path()).unwrap_err().to_string();
		assert!(
			text.contains("config.toml does not exist") && text.contains("init"),
			"{text}"
		);
		let text = Config { slots: 0, ..config() }
			.save(folder.path())
			.unwrap_err()
			.to_string();
		assert!(text.starts_with("slots = 0"), "{text}");
		let text = Config {
			endpoint: "ftp://x".into(),
			..config()
		}
		.info()
		.unwrap_err()
		.to_string();
		assert!(text.starts_with("endpoint = ftp://x"), "{text}");
		let text = toml::to_string(&config()).unwrap();
		let of_now = ["tip = \"7\"\n", "watch = \"all\"\n", "watch_budget = \"2.5\"\n"];
		let older = of_now.iter().fold(text.clone(), |text, line| text.replace(line, ""));
		assert_eq!(older.lines().count() + of_now.len(), text.lines().count());
		fs::write(file(folder.path()), older).unwrap();
		let Config {
			tip: default,
			watch,
			watch_budget: budget,
			..
		} = Config::load(folder.path()).unwrap();
		assert_eq!(
			(default, watch, budget),
			(tip(), Watch::Own, watch_budget()),
			"older files have none"
		);
		for (watch, expected) in [("none", "goes out with it"), ("some", "\"some\" is neither")] {
			let text = text.replace("watch = \"all\"", &format!("watch = \"{watch}\""));
			fs::write(file(folder.path()), text).unwrap();
			let error = Config::load(folder.path()).unwrap_err().to_string();
			assert!(error.contains(expected), "{error}");
		}
		fs::write(file(folder.path()), "node = 3").unwrap();
		assert!(Config::load(folder.path())
			.unwrap_err()
			.to_string()
			.contains("config.toml"));
		fs::write(
			file(folder.path()),
			format!("{}\nsurplus = 1\n", toml::to_string(&config()).unwrap()),
		)
		.unwrap();
		assert!(Config::load(folder.path()).unwrap_err().to_string().contains("surplus"));
	}
}
