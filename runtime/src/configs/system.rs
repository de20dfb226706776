//! The block's limits, accounts, time, and the tools that wrap other calls.

use super::money::deposit;
use crate::{
	chain_constants, AccountId, Babe, Balance, Balances, Block, BlockNumber, Hash, Nonce, OriginCaller, PalletInfo,
	Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, RuntimeTask, System, VERSION,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	derive_impl,
	dispatch::DispatchClass,
	parameter_types,
	traits::{ConstU32, InstanceFilter},
	weights::{
		constants::{ParityDbWeight, WEIGHT_REF_TIME_PER_SECOND},
		Weight,
	},
};
use frame_system::limits;
use millrace_primitives::SS58_PREFIX;
use scale_info::TypeInfo;
use sp_runtime::{traits::BlakeTwo256, Perbill};
use sp_version::RuntimeVersion;

/// Share of a block that ordinary transactions may fill. The rest is the lane's, see [`crate::lane`]: so much is reserved for
/// it even where the tick has filled what ordinary transactions left, and it may use what they leave.
const NORMAL_RATIO: Perbill = Perbill::from_percent(75);

/// Compute of one block in picoseconds: one second of a production slot of three, so that a block is
/// executed twice (author, importer) and travels within its slot. Development chains with their
/// shorter slots have the same limit: a full block there comes late and empties the next slots,
/// which a test chain can bear, and results stay comparable.
pub const MAX_BLOCK_REF_TIME: u64 = WEIGHT_REF_TIME_PER_SECOND;

/// Largest encoded block body in bytes.
pub const MAX_BLOCK_BYTES: u32 = 5 * 1024 * 1024;

parameter_types! {
	/// Hashes of this many blocks stay readable on chain: the longest mortality of a transaction.
	pub const BlockHashCount: BlockNumber = 4096;
	/// The runtime's version.
	pub const Version: RuntimeVersion = VERSION;
	/// What a block may compute. A chain of its own has no proof size to limit. What the lane has reserved comes on top of a
	/// block that is full of others' transactions and of the tick: a quarter of a second more at worst.
	pub BlockWeights: limits::BlockWeights = limits::BlockWeights::with_sensible_defaults(
		Weight::from_parts(MAX_BLOCK_REF_TIME, u64::MAX),
		NORMAL_RATIO,
	);
	/// What a block may weigh in bytes.
	pub BlockLength: limits::BlockLength = limits::BlockLength::builder()
		.max_length(MAX_BLOCK_BYTES)
		.modify_max_length_for_class(DispatchClass::Normal, |max| *max = NORMAL_RATIO * *max)
		.build();
	/// The network's address prefix.
	pub const SS58Prefix: u16 = SS58_PREFIX;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
	type Block = Block;
	type BlockWeights = BlockWeights;
	type BlockLength = BlockLength;
	type BlockHashCount = BlockHashCount;
	type AccountId = AccountId;
	type Nonce = Nonce;
	type Hash = Hash;
	type DbWeight = ParityDbWeight;
	type Version = Version;
	type AccountData = pallet_balances::AccountData<Balance>;
	type SS58Prefix = SS58Prefix;
	type MaxConsumers = ConstU32<64>;
	type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
	type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
}

impl chain_constants::Config for Runtime {}

impl pallet_timestamp::Config for Runtime {
	type Moment = u64;
	type OnTimestampSet = Babe;
	type MinimumPeriod = chain_constants::MinimumPeriod<Runtime>;
	type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PalletsOrigin = OriginCaller;
	type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	/// Deposit of an open multisig operation: one item with a hash and a timepoint.
	pub const MultisigDepositBase: Balance = deposit(1, 88);
	/// Deposit for each signatory of it.
	pub const MultisigDepositFactor: Balance = deposit(0, 32);
}

impl pallet_multisig::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type DepositBase = MultisigDepositBase;
	type DepositFactor = MultisigDepositFactor;
	type MaxSignatories = ConstU32<100>;
	type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
	type BlockNumberProvider = System;
}

/// What a proxy may do in its principal's name.
#[derive(
	Copy,
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum ProxyType {
	/// Everything.
	#[default]
	#[codec(index = 0)]
	Any,
	/// Everything that does not send the principal's money to someone else.
	#[codec(index = 1)]
	NonTransfer,
	/// Only veto announced calls of other proxies.
	#[codec(index = 2)]
	CancelProxy,
	/// Buy and sell compute: all calls of the market's pallets, those that spend money included.
	#[codec(index = 3)]
	Market,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	fn filter(&self, call: &RuntimeCall) -> bool {
		match self {
			Self::Any => true,
			Self::NonTransfer => !matches!(
				call,
				RuntimeCall::Balances(..)
					| RuntimeCall::Jobs(
						pallet_jobs::Call::submit { .. }
							| pallet_jobs::Call::top_up { .. }
							| pallet_jobs::Call::demand_outcome { .. }
							| pallet_jobs::Call::demand_chunk { .. }
					) | RuntimeCall::Attestations(pallet_attestations::Call::accuse { .. })
					| RuntimeCall::Providers(
						pallet_providers::Call::register { .. } | pallet_providers::Call::set_operator { .. }
					)
			),
			Self::Market => matches!(
				call,
				RuntimeCall::Providers(..)
					| RuntimeCall::Jobs(..)
					| RuntimeCall::Attestations(..)
					| RuntimeCall::Emission(..)
			),
			Self::CancelProxy => matches!(call, RuntimeCall::Proxy(pallet_proxy::Call::reject_announcement { .. })),
		}
	}

	fn is_superset(&self, other: &Self) -> bool {
		match (self, other) {
			(a, b) if a == b => true,
			(Self::Any, _) => true,
			(_, Self::Any) => false,
			(Self::NonTransfer, Self::CancelProxy) => true,
			_ => false,
		}
	}
}

parameter_types! {
	/// Deposit of an account with proxies.
	pub const ProxyDepositBase: Balance = deposit(1, 8);
	/// Deposit for each proxy: an account, a type and a delay.
	pub const ProxyDepositFactor: Balance = deposit(0, 37);
	/// Deposit of a proxy with announcements.
	pub const AnnouncementDepositBase: Balance = deposit(1, 8);
	/// Deposit for each announcement: an account, a hash and a block number.
	pub const AnnouncementDepositFactor: Balance = deposit(0, 68);
}

impl pallet_proxy::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type ProxyType = ProxyType;
	type ProxyDepositBase = ProxyDepositBase;
	type ProxyDepositFactor = ProxyDepositFactor;
	type MaxProxies = ConstU32<32>;
	type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
	type MaxPending = ConstU32<32>;
	type CallHasher = BlakeTwo256;
	type AnnouncementDepositBase = AnnouncementDepositBase;
	type AnnouncementDepositFactor = AnnouncementDepositFactor;
	type BlockNumberProvider = System;
}
