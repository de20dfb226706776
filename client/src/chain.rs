//! The connection to a chain: heads, balances, the runtime it runs.

use crate::{
	events::{decode_events, Event},
	heads::Heads,
	market::Market,
	metadata,
	rpc::Rpc,
	submit::Lanes,
	tracker::Tracker,
	Error, Result,
};
use codec::{Compact, Decode, Encode};
use millrace_primitives::{AccountId, Balance, BlockNumber, Hash};
use scale_info::{form::PortableForm, PortableType, Type, TypeDef};
use sp_crypto_hashing::{blake2_128, twox_128};
use std::{
	sync::{Arc, PoisonError, RwLock},
	time::Duration,
};
use subxt::{ext::frame_metadata::RuntimeMetadataPrefixed, metadata::ArcMetadata, Metadata};

/// The name that every Millrace runtime bears.
pub const SPEC_NAME: &str = "millrace";
/// The newest metadata version that is asked for, and the oldest that holds runtime APIs.
const METADATA_VERSIONS: std::ops::RangeInclusive<u32> = 15..=16;

/// How patient a connection is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
	/// How long the first connection may take. A lost connection is tried again for ever.
	pub connect_timeout: Duration,
	/// How long a request may take, lost connections included, before it ends in [`Error::Connection`].
	pub patience: Duration,
}

impl Default for Options {
	fn default() -> Self {
		Self {
			connect_timeout: Duration::from_secs(10),
			patience: Duration::from_secs(30),
		}
	}
}

/// The block whose state a view shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
	/// The best block. May be undone by a reorganisation.
	Best,
	/// The last finalized block.
	Finalized,
	/// This block. Nodes forget the state of blocks some hundred blocks after they were finalized.
	Hash(Hash),
}

/// A block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
	/// Its height.
	pub number: BlockNumber,
	/// Its hash.
	pub hash: Hash,
}

/// What an account has, in plancks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balances {
	/// What it may spend, but for what `frozen` and the existential deposit keep.
	pub free: Balance,
	/// What is on hold in all: escrow, bonds, deposits.
	pub reserved: Balance,
	/// What cannot be transferred, be it free or on hold.
	pub frozen: Balance,
	/// What is on hold, by reason.
	pub held: Vec<Hold>,
}

/// A part of a balance that is on hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
	/// The pallet that holds it.
	pub pallet: String,
	/// Why.
	pub reason: String,
	/// How much, in plancks.
	pub amount: Balance,
}

/// A connection to a Millrace chain. Clones share it.
#[derive(Clone)]
pub struct Chain(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
	pub rpc: Arc<Rpc>,
	pub genesis: Hash,
	runtime: RwLock<Arc<Runtime>>,
	pub lanes: Lanes,
	pub tracker: Tracker,
}

/// The runtime that a chain runs at some block.
pub(crate) struct Runtime {
	pub spec_version: u32,
	pub transaction_version: u32,
	pub metadata: ArcMetadata,
}

impl Chain {
	/// Connects to a node's WebSocket address (`ws://` or `wss://`).
	///
	/// # Errors
	/// [`Error::Connection`] if the node cannot be reached within [`Options::connect_timeout`],
	/// [`Error::WrongNetwork`] if its chain is not a Millrace chain, [`Error::IncompatibleChain`] if its runtime differs
	/// in what this library uses.
	pub async fn connect(url: &str) -> Result<Self> {
		Self::connect_with(url, Options::default()).await
	}

	/// Like [`connect`](Self::connect), with other patience.
	///
	/// # Errors
	/// As for [`connect`](Self::connect).
	pub async fn connect_with(url: &str, options: Options) -> Result<Self> {
		Self::over(Rpc::connect(url, options.connect_timeout, options.patience).await?).await
	}

	/// The chain at the other end of a connection.
	pub(crate) async fn over(rpc: Rpc) -> Result<Self> {
		let rpc = Arc::new(rpc);
		let runtime = Runtime::fetch(&rpc, None).await?;
		let genesis = rpc.block_hash(0).await?;
		let genesis = genesis.ok_or_else(|| Error::decode("genesis", "the node does not know it"))?;
		Ok(Self(Arc::new(Inner {
			rpc,
			genesis,
			runtime: RwLock::new(Arc::new(runtime)),
			lanes: Lanes::default(),
			tracker: Tracker::default(),
		})))
	}

	/// The node's address.
	pub fn url(&self) -> &str {
		&self.0.rpc.url
	}

	/// The hash of the chain's first block, which tells chains apart.
	pub fn genesis_hash(&self) -> Hash {
		self.0.genesis
	}

	/// False on a development or local chain, as the node's chain specification says; true on any other.
	///
	/// Endpoints on chain are named by strangers if this is true: see
	/// [`Limits::allow_private`](crate::blobs::Limits::allow_private).
	pub async fn is_live(&self) -> Result<bool> {
		let kind: serde_json::Value = self
			.rpc()
			.request("system_chainType", subxt::rpcs::rpc_params![])
			.await?;
		Ok(!matches!(kind.as_str(), Some("Development" | "Local")))
	}

	pub(crate) fn rpc(&self) -> &Rpc {
		&self.0.rpc
	}

	/// Views of the market.
	pub fn market(&self, at: At) -> Market<'_> {
		Market::new(self, at)
	}

	/// The hash to name in a request; none for the best block.
	pub(crate) async fn resolve(&self, at: At) -> Result<Option<Hash>> {
		match at {
			At::Best => Ok(None),
			At::Finalized => self.rpc().finalized_hash().await.map(Some),
			At::Hash(hash) => Ok(Some(hash)),
		}
	}

	/// The best block.
	pub async fn best_head(&self) -> Result<Head> {
		let header = self.rpc().header(None).await?;
		let number = header
			.ok_or_else(|| Error::decode("best header", "the node has none"))?
			.number;
		let hash = self.rpc().block_hash(number).await?;
		let hash = hash.ok_or_else(|| Error::decode("best header", format!("the node lacks block {number}")))?;
		Ok(Head { number, hash })
	}

	/// The last finalized block.
	pub async fn finalized_head(&self) -> Result<Head> {
		let hash = self.rpc().finalized_hash().await?;
		let header = self.rpc().header(Some(hash)).await?;
		let header = header.ok_or_else(|| Error::decode("finalized header", "the node does not know it"))?;
		Ok(Head {
			number: header.number,
			hash,
		})
	}

	/// The hash of the best chain's block of this number; none beyond its head.
	pub async fn block_hash(&self, number: BlockNumber) -> Result<Option<Hash>> {
		self.rpc().block_hash(number).await
	}

	/// The finalized heads from the present one on.
	pub fn finalized_heads(&self) -> Heads {
		Heads::new(self.0.rpc.clone(), self.0.genesis)
	}

	/// The runtime at a block, the best one without a hash. Its metadata is fetched only after an upgrade.
	pub(crate) async fn runtime(&self, at: Option<Hash>) -> Result<Arc<Runtime>> {
		let version = self.rpc().runtime_version(at).await?;
		let known = self.0.runtime.read().unwrap_or_else(PoisonError::into_inner).clone();
		if known.spec_version == version.spec_version && known.transaction_version == version.transaction_version {
			return Ok(known);
		}
		let runtime = Arc::new(Runtime::fetch(self.rpc(), at).await?);
		let mut cached = self.0.runtime.write().unwrap_or_else(PoisonError::into_inner);
		if runtime.spec_version > cached.spec_version {
			*cached = runtime.clone();
		}
		Ok(runtime)
	}

	/// The events of a block, in their order.
	pub async fn events(&self, block: Hash) -> Result<Vec<Event>> {
		// The events of the block that upgrades are encoded by the old runtime, which the state of its parent names.
		let header = self.rpc().header(Some(block)).await?;
		let header =
			header.ok_or_else(|| Error::decode("events", format!("the node does not know block {block:?}")))?;
		if header.number == 0 {
			// Nothing happened in the first block, and it has no parent.
			return Ok(Vec::new());
		}
		let runtime = self.runtime(Some(header.parent_hash)).await?;
		let key = [twox_128(b"System"), twox_128(b"Events")].concat();
		let bytes = self.rpc().storage(&key, Some(block)).await?.unwrap_or_else(|| vec![0]);
		decode_events(&runtime.metadata, &bytes)
	}

	/// What an account has.
	pub async fn balances(&self, account: &AccountId, at: At) -> Result<Balances> {
		let hash = match self.resolve(at).await? {
			Some(hash) => hash,
			None => self.best_head().await?.hash,
		};
		let map_key = |pallet: &[u8], item: &[u8]| {
			let account: &[u8] = account.as_ref();
			[&twox_128(pallet)[..], &twox_128(item), &blake2_128(account), account].concat()
		};
		// Nonce, consumers, providers, sufficients; free, reserved, frozen, flags.
		type AccountInfo = ([u32; 4], [Balance; 4]);
		let info = self.rpc().storage(&map_key(b"System", b"Account"), Some(hash)).await?;
		let Some(info) = info else {
			return Ok(Balances::default());
		};
		let (_, [free, reserved, frozen, _]) =
			AccountInfo::decode(&mut &info[..]).map_err(|error| Error::decode("account", error))?;
		let holds = self.rpc().storage(&map_key(b"Balances", b"Holds"), Some(hash)).await?;
		let held = match holds {
			Some(bytes) => self.runtime(Some(hash)).await?.decode_holds(&bytes)?,
			None => Vec::new(),
		};
		Ok(Balances {
			free,
			reserved,
			frozen,
			held,
		})
	}

	/// A constant of a pallet, as the chain's metadata has it.
	///
	/// # Errors
	/// [`Error::Decode`] if there is no such constant or it is of another type.
	pub async fn constant<T: Decode>(&self, pallet: &str, name: &str) -> Result<T> {
		let runtime = self.runtime(None).await?;
		let constant = runtime
			.metadata
			.pallet_by_name(pallet)
			.and_then(|pallet| pallet.constant_by_name(name));
		let what = || format!("constant {pallet}.{name}");
		let constant = constant.ok_or_else(|| Error::decode(what(), "there is none"))?;
		T::decode(&mut constant.value()).map_err(|error| Error::decode(what(), error))
	}
}

impl Runtime {
	async fn fetch(rpc: &Rpc, at: Option<Hash>) -> Result<Self> {
		let version = rpc.runtime_version(at).await?;
		if version.spec_name != SPEC_NAME {
			return Err(Error::WrongNetwork {
				url: rpc.url.clone(),
				found: format!("a chain of {:?}", version.spec_name),
			});
		}
		let bytes = rpc.state_call("Metadata_metadata_versions", &[], at).await?;
		let versions =
			Vec::<u32>::decode(&mut &bytes[..]).map_err(|error| Error::decode("metadata versions", error))?;
		let newest = versions
			.into_iter()
			.filter(|version| METADATA_VERSIONS.contains(version))
			.max();
		let newest = newest.ok_or_else(|| Error::decode("metadata versions", "the chain offers none that is known"))?;
		let bytes = rpc
			.state_call("Metadata_metadata_at_version", &newest.encode(), at)
			.await?;
		let metadata = decode_metadata(&bytes)?;
		metadata::check(&metadata)?;
		tracing::debug!(
			spec_version = version.spec_version,
			metadata_version = newest,
			"runtime"
		);
		Ok(Self {
			spec_version: version.spec_version,
			transaction_version: version.transaction_version,
			metadata: metadata.arc(),
		})
	}

	/// Decodes the storage item `Balances.Holds`: a list of a reason (pallet index, variant of its `HoldReason`) and an
	/// amount.
	fn decode_holds(&self, bytes: &[u8]) -> Result<Vec<Hold>> {
		let holds =
			Vec::<((u8, u8), Balance)>::decode(&mut &bytes[..]).map_err(|error| Error::decode("holds", error))?;
		Ok(holds
			.into_iter()
			.map(|((pallet, reason), amount)| {
				let (pallet, reason) = self
					.hold_name(pallet, reason)
					.unwrap_or_else(|| (format!("pallet {pallet}"), format!("reason {reason}")));
				Hold { pallet, reason, amount }
			})
			.collect())
	}

	/// The names of a pallet and of a variant of its `HoldReason`.
	fn hold_name(&self, pallet: u8, reason: u8) -> Option<(String, String)> {
		let types = self.metadata.types();
		let variant = |ty: &Type<PortableForm>, index: u8| match &ty.type_def {
			TypeDef::Variant(def) => def.variants.iter().find(|variant| variant.index == index).cloned(),
			_ => None,
		};
		let is_outer = |ty: &&PortableType| {
			ty.ty
				.path
				.segments
				.last()
				.is_some_and(|name| name == "RuntimeHoldReason")
		};
		let outer = types.types.iter().find(is_outer)?;
		let pallet = variant(&outer.ty, pallet)?;
		let reason = variant(types.resolve(pallet.fields.first()?.ty.id)?, reason)?;
		Some((pallet.name, reason.name))
	}
}

/// Decodes the answer of `Metadata_metadata_at_version`: optional, length-prefixed bytes.
fn decode_metadata(bytes: &[u8]) -> Result<Metadata> {
	let failed = |error: String| Error::decode("metadata", error);
	let decoded = Option::<(Compact<u32>, RuntimeMetadataPrefixed)>::decode(&mut &bytes[..])
		.map_err(|error| failed(error.to_string()))?;
	let (_, metadata) = decoded.ok_or_else(|| failed("the chain has none of the version it offered".into()))?;
	Metadata::try_from(metadata).map_err(|error| failed(error.to_string()))
}
