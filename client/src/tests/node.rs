//! A node in memory: it makes a block when it is told to.

use crate::{
	chain::Chain,
	metadata::{embedded, EMBEDDED},
	rpc::{to_hex, Rpc},
};
use codec::{Compact, Decode, Encode};
use futures::{channel::mpsc, FutureExt, StreamExt};
use millrace_primitives::{merkle, Hash};
use serde_json::{json, value::RawValue, Value};
use sp_runtime::transaction_validity::{TransactionValidity, ValidTransaction};
use std::{
	collections::{BTreeMap, VecDeque},
	sync::{Arc, Mutex},
	time::Duration,
};
use subxt::rpcs::{
	client::{RawRpcFuture, RawRpcSubscription},
	Error as RpcError, RpcClient, RpcClientT, UserError,
};
use tokio::sync::watch;

/// How the calls of a block end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
	/// Well.
	Success,
	/// With `Jobs.UnknownJob`.
	UnknownJob,
}

/// What happens to a transaction whose answer gets lost with the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Loss {
	/// It never arrives.
	Before,
	/// It is in the pool.
	InPool,
	/// It is in a block, and its nonce is used.
	InBlock,
	/// It is in a block, and the pool bans it.
	Banned,
}

struct State {
	/// Told apart from other chains of the same heights.
	name: u8,
	/// The transactions of each block and how they ended.
	blocks: Vec<(Vec<Vec<u8>>, Ending)>,
	/// The last finalized block while finality lags; else all are.
	finalized: Option<usize>,
	/// The block that upgrades the runtime.
	upgrade: Option<usize>,
	/// True while it answers nothing.
	away: bool,
	/// The pool by nonce.
	pool: BTreeMap<u32, Vec<u8>>,
	/// The nonce of the one account that signs.
	nonce: u32,
	/// True while nothing enters the pool, though the node says it did.
	forgetful: bool,
	/// True if it has headers only.
	bodiless: bool,
	/// What becomes of the next transactions, whose answers get lost.
	losses: VecDeque<Loss>,
	/// Transactions that are refused for the time being.
	banned: Vec<Hash>,
	chain_type: Value,
	subscribers: Vec<mpsc::UnboundedSender<Result<Box<RawValue>, RpcError>>>,
}

/// The node. Clones are the same.
#[derive(Clone)]
pub struct Node {
	state: Arc<Mutex<State>>,
	/// All transactions that were ever handed in.
	handed_in: watch::Sender<Vec<Vec<u8>>>,
}

/// The nonce that a signed transaction carries: after length, version, address, signature and mortality.
pub fn nonce_of(transaction: &[u8]) -> u32 {
	let input = &mut &transaction[..];
	Compact::<u32>::decode(input).unwrap();
	let mut after = &input[1 + 33 + 65 + 2..];
	Compact::<u32>::decode(&mut after).unwrap().0
}

impl Node {
	pub fn new() -> Self {
		let state = State {
			name: 0,
			blocks: vec![(Vec::new(), Ending::Success)],
			finalized: None,
			upgrade: None,
			away: false,
			pool: BTreeMap::new(),
			nonce: 0,
			forgetful: false,
			bodiless: false,
			losses: VecDeque::new(),
			banned: Vec::new(),
			chain_type: json!("Development"),
			subscribers: Vec::new(),
		};
		Self {
			state: Arc::new(Mutex::new(state)),
			handed_in: watch::Sender::default(),
		}
	}

	pub async fn connect(&self) -> Chain {
		self.connect_with(Duration::from_secs(10)).await
	}

	pub async fn connect_with(&self, patience: Duration) -> Chain {
		Chain::over(Rpc::over(RpcClient::new(self.clone()), patience))
			.await
			.unwrap()
	}

	/// Loses the answers to the next transactions.
	pub fn lose(&self, losses: impl IntoIterator<Item = Loss>) {
		self.state.lock().unwrap().losses.extend(losses);
	}

	/// Is of another kind of chain.
	pub fn set_chain_type(&self, chain_type: Value) {
		self.state.lock().unwrap().chain_type = chain_type;
	}

	/// The transactions in blocks.
	pub fn included(&self) -> Vec<Vec<u8>> {
		let state = self.state.lock().unwrap();
		state.blocks.iter().flat_map(|(block, _)| block.clone()).collect()
	}

	/// Makes a block of what is in the pool.
	pub fn advance(&self) {
		self.advance_with(Ending::Success);
	}

	pub fn advance_with(&self, ending: Ending) {
		self.state.lock().unwrap().make_block(ending);
	}

	/// Makes blocks without announcing them, as if the connection were down meanwhile.
	pub fn advance_unheard(&self, count: usize) {
		let mut state = self.state.lock().unwrap();
		for _ in 0..count {
			state.blocks.push((Vec::new(), Ending::Success));
		}
	}

	/// Finalizes blocks up to this one, and no more until it is told so; with none, all blocks.
	pub fn finalize(&self, number: Option<usize>) {
		let mut state = self.state.lock().unwrap();
		state.finalized = number;
		state.announce();
	}

	/// Runs a new version from the next block's end on.
	pub fn upgrade(&self) {
		let mut state = self.state.lock().unwrap();
		state.upgrade = Some(state.blocks.len());
	}

	/// Answers nothing, or comes back.
	pub fn stay_away(&self, away: bool) {
		self.state.lock().unwrap().away = away;
	}

	/// Cuts all subscriptions.
	pub fn disconnect(&self) {
		for subscriber in self.state.lock().unwrap().subscribers.drain(..) {
			drop(subscriber.unbounded_send(Err(RpcError::DisconnectedWillReconnect("test".into()))));
		}
	}

	/// Forgets the pool; with `for_ever` all that is handed in later, too.
	pub fn forget(&self, for_ever: bool) {
		let mut state = self.state.lock().unwrap();
		state.pool.clear();
		state.forgetful = for_ever;
	}

	/// Forgets the bodies of its blocks.
	pub fn lose_bodies(&self) {
		self.state.lock().unwrap().bodiless = true;
	}

	/// Somebody else signs with the same key: its nonce is used.
	pub fn use_nonce(&self) {
		self.state.lock().unwrap().nonce += 1;
	}

	/// Becomes another chain, from the first block on or from the second.
	pub fn restart(&self, same_genesis: bool) {
		self.state.lock().unwrap().name += if same_genesis { 100 } else { 1 };
		self.disconnect();
	}

	/// Waits until so many transactions were handed in; all of them.
	pub async fn handed_in(&self, count: usize) -> Vec<Vec<u8>> {
		let mut receiver = self.handed_in.subscribe();
		let all = receiver.wait_for(|all| all.len() >= count).await.unwrap();
		all.clone()
	}

	fn answer(&self, method: &str, params: &[Value]) -> Result<Value, RpcError> {
		let mut state = self.state.lock().unwrap();
		if state.away {
			return Err(RpcError::DisconnectedWillReconnect("test".into()));
		}
		let text = |index: usize| {
			params
				.get(index)
				.and_then(Value::as_str)
				.unwrap_or_default()
				.to_string()
		};
		let bytes = |index: usize| hex::decode(text(index).trim_start_matches("0x")).unwrap();
		let number_at = |index: usize, state: &State| match params.get(index).and_then(Value::as_str) {
			Some(hash) => (0..state.blocks.len()).find(|number| format!("{:?}", state.hash(*number)) == hash),
			None => Some(state.blocks.len() - 1),
		};
		Ok(match method {
			"chain_getBlockHash" => {
				let number = params[0].as_u64().unwrap() as usize;
				if number < state.blocks.len() {
					json!(state.hash(number))
				} else {
					Value::Null
				}
			}
			"chain_getFinalizedHead" => json!(state.hash(state.last_finalized())),
			"chain_getHeader" => number_at(0, &state).map_or(Value::Null, |number| state.header(number)),
			"chain_getBlock" if state.bodiless => Value::Null,
			"chain_getBlock" => number_at(0, &state).map_or(Value::Null, |number| {
				let extrinsics: Vec<_> = state.blocks[number].0.iter().map(|bytes| to_hex(bytes)).collect();
				json!({ "block": { "header": state.header(number), "extrinsics": extrinsics }, "justifications": null })
			}),
			"system_chainType" => state.chain_type.clone(),
			"state_getRuntimeVersion" => {
				let number = number_at(0, &state).unwrap();
				let version = if state.upgrade.is_some_and(|upgrade| number >= upgrade) {
					2
				} else {
					1
				};
				json!({ "specName": "millrace", "specVersion": version, "transactionVersion": 1 })
			}
			"state_call" => match text(0).as_str() {
				"Metadata_metadata_versions" => json!(to_hex(&vec![14u32, 15, 16, u32::MAX].encode())),
				"Metadata_metadata_at_version" => json!(to_hex(&Some(EMBEDDED.to_vec()).encode())),
				"AccountNonceApi_account_nonce" => {
					let number = number_at(2, &state).unwrap();
					let later: usize = state.blocks[number + 1..].iter().map(|(block, _)| block.len()).sum();
					json!(to_hex(&(state.nonce - later as u32).encode()))
				}
				"TaggedTransactionQueue_validate_transaction" => {
					let valid: TransactionValidity = Ok(ValidTransaction::default());
					json!(to_hex(&valid.encode()))
				}
				other => panic!("{other}"),
			},
			"state_getStorage" => {
				let number = number_at(1, &state).unwrap();
				json!(to_hex(&events(&state.blocks[number])))
			}
			"system_accountNextIndex" => {
				let next = (state.nonce..).find(|nonce| !state.pool.contains_key(nonce));
				json!(next)
			}
			"author_submitExtrinsic" => {
				let transaction = bytes(0);
				let hash = merkle::hash(&transaction);
				let nonce = nonce_of(&transaction);
				self.handed_in.send_modify(|all| all.push(transaction.clone()));
				if let Some(loss) = state.losses.pop_front() {
					if loss != Loss::Before && nonce >= state.nonce {
						state.pool.insert(nonce, transaction);
					}
					if matches!(loss, Loss::InBlock | Loss::Banned) {
						state.make_block(Ending::Success);
					}
					if loss == Loss::Banned {
						state.banned.push(hash);
					}
					return Err(RpcError::DisconnectedWillReconnect("test".into()));
				}
				if state.banned.contains(&hash) {
					return Err(refusal(1012, ""));
				}
				if nonce < state.nonce {
					return Err(refusal(1010, "Transaction is outdated"));
				}
				if state.pool.get(&nonce) == Some(&transaction) {
					return Err(refusal(1013, "Already imported"));
				}
				if state.pool.contains_key(&nonce) {
					return Err(refusal(1014, "Too low priority"));
				}
				if !state.forgetful {
					state.pool.insert(nonce, transaction);
				}
				json!(hash)
			}
			other => panic!("{other}"),
		})
	}
}

fn refusal(code: i32, data: &str) -> RpcError {
	let data = RawValue::from_string(json!(data).to_string()).unwrap();
	RpcError::User(UserError {
		code,
		message: "Invalid Transaction".into(),
		data: Some(data),
	})
}

impl State {
	fn hash(&self, number: usize) -> Hash {
		let name = if number == 0 { self.name % 100 } else { self.name };
		merkle::hash(&(name, number as u64).encode())
	}

	fn header(&self, number: usize) -> Value {
		let parent = number.checked_sub(1).map_or(Hash::zero(), |parent| self.hash(parent));
		json!({ "number": format!("{number:#x}"), "parentHash": parent })
	}

	fn make_block(&mut self, ending: Ending) {
		let mut included = Vec::new();
		while let Some(transaction) = self.pool.remove(&self.nonce) {
			self.nonce += 1;
			included.push(transaction);
		}
		self.blocks.push((included, ending));
		if self.finalized.is_none() {
			self.announce();
		}
	}

	fn last_finalized(&self) -> usize {
		self.finalized.unwrap_or(self.blocks.len() - 1)
	}

	fn announce(&mut self) {
		let header = self.header(self.last_finalized());
		let header = RawValue::from_string(header.to_string()).unwrap();
		self.subscribers
			.retain(|subscriber| subscriber.unbounded_send(Ok(header.clone())).is_ok());
	}
}

/// `System.Events` of a block: how each transaction ended.
fn events((transactions, ending): &(Vec<Vec<u8>>, Ending)) -> Vec<u8> {
	let metadata = embedded().unwrap();
	let system = metadata.pallet_by_name("System").unwrap();
	let variant = |name: &str| {
		system
			.event_variants()
			.unwrap()
			.iter()
			.find(|variant| variant.name == name)
			.unwrap()
			.index
	};
	let mut bytes = Compact(transactions.len() as u32).encode();
	for index in 0..transactions.len() as u32 {
		(0u8, index).encode_to(&mut bytes);
		// Weight, class, whether it pays; no topics.
		let info = (Compact(1u64), Compact(1u64), 0u8, 0u8);
		match ending {
			Ending::Success => (system.event_index(), variant("ExtrinsicSuccess"), info, 0u8).encode_to(&mut bytes),
			Ending::UnknownJob => {
				let jobs = metadata.pallet_by_name("Jobs").unwrap();
				let errors = jobs.error_variants().unwrap();
				let error = errors.iter().find(|error| error.name == "UnknownJob").unwrap().index;
				let error = (3u8, jobs.error_index(), [error, 0, 0, 0]);
				(system.event_index(), variant("ExtrinsicFailed"), error, info, 0u8).encode_to(&mut bytes);
			}
		}
	}
	bytes
}

impl RpcClientT for Node {
	fn request_raw<'a>(&'a self, method: &'a str, params: Option<Box<RawValue>>) -> RawRpcFuture<'a, Box<RawValue>> {
		let params: Vec<Value> = params
			.map(|params| serde_json::from_str(params.get()).unwrap())
			.unwrap_or_default();
		let answer = self.answer(method, &params);
		async move { answer.map(|value| RawValue::from_string(value.to_string()).unwrap()) }.boxed()
	}

	fn subscribe_raw<'a>(
		&'a self,
		_: &'a str,
		_: Option<Box<RawValue>>,
		_: &'a str,
	) -> RawRpcFuture<'a, RawRpcSubscription> {
		let (sender, receiver) = mpsc::unbounded();
		let mut state = self.state.lock().unwrap();
		let away = state.away;
		state.subscribers.push(sender);
		// A node begins with its present head, for everybody here: hearing of a head twice does no harm.
		state.announce();
		async move {
			if away {
				return Err(RpcError::DisconnectedWillReconnect("test".into()));
			}
			Ok(RawRpcSubscription {
				stream: receiver.boxed(),
				id: None,
			})
		}
		.boxed()
	}
}
