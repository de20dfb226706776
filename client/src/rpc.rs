//! JSON-RPC over a connection that comes back by itself.

use crate::{Error, Result};
use millrace_primitives::{BlockNumber, Hash};
use serde::{de::DeserializeOwned, Deserialize};
use std::{
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	time::{Duration, Instant},
};
use subxt::rpcs::{
	client::{reconnecting_rpc_client, RpcParams, RpcSubscription},
	rpc_params, Error as RpcError, RpcClient,
};

/// The pause before a request that a lost connection swallowed is sent again, and the first one before a reconnect.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between attempts to reconnect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A node's JSON-RPC. Requests are repeated over lost connections until `patience` is over, so only those go through
/// here that may be repeated: reads, and transactions, which a chain includes once.
pub(crate) struct Rpc {
	client: RpcClient,
	pub url: String,
	pub patience: Duration,
}

/// A node's refusal.
#[derive(Debug)]
pub(crate) struct Refusal {
	pub code: i32,
	pub message: String,
	pub data: String,
}

impl std::fmt::Display for Refusal {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.write_str(&self.message)?;
		if !self.data.is_empty() {
			write!(f, ": {}", self.data)?;
		}
		Ok(())
	}
}

/// What became of a transaction that was handed in.
#[derive(Debug)]
pub(crate) enum Answer {
	/// It is in the pool.
	Taken,
	/// It is not in the pool, and never was.
	Refused(Refusal),
	/// It may be in the pool, or in a block already: an answer got lost. What was said since, if anything.
	Unknown(String),
}

/// Pauses between attempts to connect. The first connection must come about before a deadline; later ones are awaited
/// for ever.
#[derive(Clone)]
struct Backoff {
	established: Arc<AtomicBool>,
	deadline: Instant,
	pause: Duration,
}

impl Iterator for Backoff {
	type Item = Duration;

	fn next(&mut self) -> Option<Duration> {
		let pause = self.pause;
		self.pause = (pause * 2).min(LONGEST_PAUSE);
		let late = Instant::now() + pause >= self.deadline;
		(self.established.load(Ordering::Relaxed) || !late).then_some(pause)
	}
}

impl Rpc {
	pub async fn connect(url: &str, connect_timeout: Duration, patience: Duration) -> Result<Self> {
		let failed = |reason: String| Error::Connection {
			url: url.into(),
			reason,
		};
		if !(url.starts_with("ws://") || url.starts_with("wss://")) {
			return Err(failed("the address must begin with ws:// or wss://".into()));
		}
		let established = Arc::new(AtomicBool::new(false));
		let backoff = Backoff {
			established: established.clone(),
			deadline: Instant::now() + connect_timeout,
			pause: FIRST_PAUSE,
		};
		let connecting = reconnecting_rpc_client::RpcClient::builder()
			.retry_policy(backoff)
			.connection_timeout(connect_timeout)
			.request_timeout(patience)
			.build(url);
		let client = tokio::time::timeout(connect_timeout, connecting)
			.await
			.map_err(|_| failed("nobody answered in time".into()))?
			.map_err(|error| failed(error.to_string()))?;
		established.store(true, Ordering::Relaxed);
		Ok(Self {
			client: RpcClient::new(client),
			url: url.into(),
			patience,
		})
	}

	/// A connection that is there already.
	#[cfg(test)]
	pub fn over(client: RpcClient, patience: Duration) -> Self {
		Self {
			client,
			url: "ws://test".into(),
			patience,
		}
	}

	/// Sends a request whose refusal concerns the caller.
	pub async fn ask<T: DeserializeOwned>(&self, method: &str, params: RpcParams) -> Result<Result<T, Refusal>> {
		self.ask_and_count(method, params).await.0
	}

	/// Sends a request, and says whether the node may have received it without the caller having its answer: the
	/// connection was lost meanwhile, or no answer came.
	async fn ask_and_count<T: DeserializeOwned>(
		&self,
		method: &str,
		params: RpcParams,
	) -> (Result<Result<T, Refusal>>, bool) {
		let mut lost = false;
		let attempts = async {
			loop {
				match self.client.request::<T>(method, params.clone()).await {
					Ok(answer) => return Ok(Ok(answer)),
					Err(RpcError::DisconnectedWillReconnect(reason)) => {
						tracing::debug!(method, reason, "connection lost, asking again");
						lost = true;
						tokio::time::sleep(FIRST_PAUSE).await;
					}
					Err(RpcError::User(error)) => {
						let data = error.data.map(|raw| {
							serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_string())
						});
						return Ok(Err(Refusal {
							code: error.code,
							message: error.message,
							data: data.unwrap_or_default(),
						}));
					}
					Err(RpcError::Deserialization(error)) => return Err(Error::decode(method, error)),
					Err(error) => {
						return Err(Error::Connection {
							url: self.url.clone(),
							reason: format!("{method}: {error}"),
						})
					}
				}
			}
		};
		let result = match tokio::time::timeout(self.patience, attempts).await {
			Ok(result) => result,
			Err(_) => Err(Error::Connection {
				url: self.url.clone(),
				reason: format!("no answer to {method} within {} s", self.patience.as_secs()),
			}),
		};
		let unanswered = lost || result.is_err();
		(result, unanswered)
	}

	/// Sends a request.
	pub async fn request<T: DeserializeOwned>(&self, method: &str, params: RpcParams) -> Result<T> {
		self.ask(method, params).await?.map_err(|refusal| Error::Rpc {
			method: method.into(),
			reason: refusal.to_string(),
		})
	}

	pub async fn subscribe_finalized_heads(&self) -> Result<RpcSubscription<HeaderJson>, RpcError> {
		self.client
			.subscribe(
				"chain_subscribeFinalizedHeads",
				rpc_params![],
				"chain_unsubscribeFinalizedHeads",
			)
			.await
	}

	/// Calls a function of the runtime API on the state after a block, of the best one without a hash.
	pub async fn state_call(&self, function: &str, args: &[u8], at: Option<Hash>) -> Result<Vec<u8>> {
		let answer = self
			.ask::<HexBytes>("state_call", rpc_params![function, to_hex(args), at])
			.await?;
		match answer {
			Ok(bytes) => Ok(bytes.0),
			Err(refusal) => Err(Error::Rpc {
				method: function.into(),
				reason: refusal.to_string(),
			}),
		}
	}

	pub async fn storage(&self, key: &[u8], at: Option<Hash>) -> Result<Option<Vec<u8>>> {
		let value: Option<HexBytes> = self.request("state_getStorage", rpc_params![to_hex(key), at]).await?;
		Ok(value.map(|bytes| bytes.0))
	}

	pub async fn block_hash(&self, number: BlockNumber) -> Result<Option<Hash>> {
		self.request("chain_getBlockHash", rpc_params![number]).await
	}

	pub async fn finalized_hash(&self) -> Result<Hash> {
		self.request("chain_getFinalizedHead", rpc_params![]).await
	}

	/// The header of a block, of the best one without a hash; none if the node does not know it.
	pub async fn header(&self, hash: Option<Hash>) -> Result<Option<HeaderJson>> {
		self.request("chain_getHeader", rpc_params![hash]).await
	}

	/// The encoded transactions of a block; none if the node does not know it.
	pub async fn body(&self, hash: Hash) -> Result<Option<Vec<Vec<u8>>>> {
		let block: Option<SignedBlockJson> = self.request("chain_getBlock", rpc_params![hash]).await?;
		Ok(block.map(|block| block.block.extrinsics.into_iter().map(|bytes| bytes.0).collect()))
	}

	pub async fn runtime_version(&self, at: Option<Hash>) -> Result<VersionJson> {
		self.request("state_getRuntimeVersion", rpc_params![at]).await
	}

	/// Hands a transaction to the node's pool.
	pub async fn submit(&self, transaction: &[u8]) -> Answer {
		let params = rpc_params![to_hex(transaction)];
		match self.ask_and_count::<Hash>("author_submitExtrinsic", params).await {
			(Ok(Ok(_)), _) => Answer::Taken,
			(Ok(Err(refusal)), false) => Answer::Refused(refusal),
			(Ok(Err(refusal)), true) => Answer::Unknown(refusal.to_string()),
			(Err(error), _) => Answer::Unknown(error.to_string()),
		}
	}

	pub async fn next_nonce(&self, address: &str) -> Result<u64> {
		self.request("system_accountNextIndex", rpc_params![address]).await
	}
}

/// A header as the node writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeaderJson {
	#[serde(deserialize_with = "hex_number")]
	pub number: BlockNumber,
	pub parent_hash: Hash,
}

#[derive(Deserialize)]
struct SignedBlockJson {
	block: BlockJson,
}

#[derive(Deserialize)]
struct BlockJson {
	extrinsics: Vec<HexBytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionJson {
	pub spec_name: String,
	pub spec_version: u32,
	pub transaction_version: u32,
}

/// Bytes that are a `0x` string in JSON.
pub(crate) struct HexBytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for HexBytes {
	fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		use serde::de::Error as _;
		let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
		let digits = text
			.strip_prefix("0x")
			.ok_or_else(|| D::Error::custom("expected a 0x string"))?;
		hex::decode(digits).map(Self).map_err(D::Error::custom)
	}
}

fn hex_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BlockNumber, D::Error> {
	use serde::de::Error as _;
	let text = String::deserialize(deserializer)?;
	BlockNumber::from_str_radix(text.trim_start_matches("0x"), 16).map_err(D::Error::custom)
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_first_connection_is_given_up_at_its_deadline_and_later_ones_never() {
		let established = Arc::new(AtomicBool::new(false));
		let mut pauses = Backoff {
			established: established.clone(),
			deadline: Instant::now(),
			pause: FIRST_PAUSE,
		};
		assert_eq!(pauses.next(), None);
		established.store(true, Ordering::Relaxed);
		let pauses: Vec<_> = pauses.take(20).collect();
		assert_eq!(pauses.len(), 20);
		assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
	}

	#[test]
	fn headers_and_bytes_are_read_as_the_node_writes_them() {
		let header: HeaderJson = serde_json::from_str(&format!(
			r#"{{"parentHash":"0x{}","number":"0x1a","stateRoot":"0x00","digest":{{"logs":[]}}}}"#,
			"11".repeat(32)
		))
		.unwrap();
		assert_eq!((header.number, header.parent_hash), (26, Hash::repeat_byte(0x11)));
		assert_eq!(serde_json::from_str::<HexBytes>("\"0x0102\"").unwrap().0, [1, 2]);
		assert!(serde_json::from_str::<HexBytes>("\"0102\"").is_err());
		assert!(serde_json::from_str::<HexBytes>("\"0x012\"").is_err());
	}

	#[tokio::test]
	async fn an_unreachable_node_is_named_with_the_reason() {
		let port = std::net::TcpListener::bind("127.0.0.1:0")
			.unwrap()
			.local_addr()
			.unwrap()
			.port();
		let url = format!("ws://127.0.0.1:{port}");
		let error = Rpc::connect(&url, Duration::from_millis(300), Duration::from_secs(1))
			.await
			.err()
			.unwrap();
		assert!(error.is_connection());
		assert!(error.to_string().contains(&url), "{error}");
		let error = Rpc::connect("http://127.0.0.1", Duration::from_secs(9), Duration::from_secs(9))
			.await
			.err()
			.unwrap();
		assert!(error.to_string().contains("ws://"), "{error}");
	}
}
