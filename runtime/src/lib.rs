//! The Millrace runtime: the composition of all pallets, and nothing else.
//!
//! | module | what it holds |
//! |---|---|
//! | [`configs`] | how each pallet is configured, one file a theme |
//! | [`chain_constants`] | slot and epoch length, fixed at genesis, so that one wasm serves every network |
//! | [`apis`] | what nodes ask the runtime |
//! | [`lane`] | the part of each block that belongs to those whose time runs |
//! | [`genesis_config_presets`] | the `development` and `local_testnet` chains |
//! | [`weights`] | weights that the SDK's pallets do not export |
//! | `metadata` | the metadata as bytes, for clients (native builds only) |

#![cfg_attr(not(feature = "std"), no_std)]
// The items that the runtime macro makes and those of the wasm builder have no documentation; the modules below insist.
#![allow(missing_docs)]
// The runtime macro's dispatch over all calls nests deeply.
#![recursion_limit = "512"]

extern crate alloc;

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

pub mod apis;
#[warn(missing_docs)]
pub mod chain_constants;
#[warn(missing_docs)]
pub mod configs;
#[warn(missing_docs)]
pub mod genesis_config_presets;
#[warn(missing_docs)]
pub mod lane;
#[cfg(feature = "std")]
#[warn(missing_docs)]
pub mod metadata;
#[warn(missing_docs)]
pub mod weights;

#[cfg(test)]
mod tests;

use alloc::{borrow::Cow, vec::Vec};
use sp_runtime::{generic, impl_opaque_keys};
use sp_version::RuntimeVersion;

pub use configs::RuntimeParameters;
pub use millrace_primitives::{AccountId, Address, Balance, BlockNumber, Hash, Header, Nonce, Signature};

use pallet_session::historical as pallet_session_historical;

/// Its argument is the release's number; a macro, since what embeds it in the wasm reads the source.
macro_rules! version {
	($release:tt) => {
		/// The runtime's version. `spec_version` grows with every release that changes behaviour,
		/// `transaction_version` whenever the encoding of calls or of extensions changes.
		#[sp_version::runtime_version]
		pub const VERSION: RuntimeVersion = RuntimeVersion {
			spec_name: Cow::Borrowed("millrace"),
			impl_name: Cow::Borrowed("millrace"),
			authoring_version: 1,
			spec_version: $release,
			impl_version: 1,
			apis: apis::RUNTIME_API_VERSIONS,
			transaction_version: 1,
			system_version: 1,
		};
	};
}

#[cfg(not(feature = "next-version"))]
version!(1);
// Later than any release.
#[cfg(feature = "next-version")]
version!(1_000_000);

/// The symbol and the decimals that the build script binds into the metadata hash are the token's.
const _: () = {
	let (built, token) = (
		env!("MILLRACE_BUILD_TOKEN_SYMBOL").as_bytes(),
		millrace_primitives::TOKEN_SYMBOL.as_bytes(),
	);
	assert!(
		built.len() == token.len(),
		"runtime/build.rs names another token symbol"
	);
	let mut i = 0;
	while i < token.len() {
		assert!(built[i] == token[i], "runtime/build.rs names another token symbol");
		i += 1;
	}
	let mut decimals = 0u8;
	let digits = env!("MILLRACE_BUILD_TOKEN_DECIMALS").as_bytes();
	let mut i = 0;
	while i < digits.len() {
		decimals = decimals * 10 + (digits[i] - b'0');
		i += 1;
	}
	assert!(
		decimals == millrace_primitives::TOKEN_DECIMALS,
		"runtime/build.rs names other token decimals"
	);
};

impl_opaque_keys! {
	/// The keys that an authority signs with.
	pub struct SessionKeys {
		/// Makes blocks.
		pub babe: Babe,
		/// Finalizes blocks.
		pub grandpa: Grandpa,
		/// Signs the authority's network addresses.
		pub authority_discovery: AuthorityDiscovery,
	}
}

/// What every transaction carries beside its call: the usual set in the usual order, so that any wallet can sign, and
/// [`lane::CheckLane`], which carries nothing. It comes after the nonce, so that what is done already is called that, and
/// before all that counts room and takes fees.
pub type TxExtension = (
	frame_system::AuthorizeCall<Runtime>,
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckMortality<Runtime>,
	frame_system::CheckNonce<Runtime>,
	lane::CheckLane,
	frame_system::CheckWeight<Runtime>,
	pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	frame_system::WeightReclaim<Runtime>,
);

/// A transaction.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a transaction's signature is over.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// Applies blocks and transactions.
pub type Executive =
	frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

/// The pallets. Their order is that of their hooks and of their genesis: time and authorship come
/// before all that needs to know the author, balances before all that holds them, and sessions after
/// the pallets whose keys they hand over. Indices are part of every call's encoding and stay.
#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type ChainConstants = chain_constants;
	#[runtime::pallet_index(2)]
	pub type Timestamp = pallet_timestamp;
	#[runtime::pallet_index(3)]
	pub type Babe = pallet_babe;
	#[runtime::pallet_index(4)]
	pub type Authorship = pallet_authorship;
	#[runtime::pallet_index(5)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(6)]
	pub type TransactionPayment = pallet_transaction_payment;
	#[runtime::pallet_index(7)]
	pub type Offences = pallet_offences;
	#[runtime::pallet_index(8)]
	pub type Historical = pallet_session_historical;
	#[runtime::pallet_index(9)]
	pub type Session = pallet_session;
	#[runtime::pallet_index(10)]
	pub type Grandpa = pallet_grandpa;
	#[runtime::pallet_index(11)]
	pub type AuthorityDiscovery = pallet_authority_discovery;

	#[runtime::pallet_index(12)]
	pub type Providers = pallet_providers;
	#[runtime::pallet_index(13)]
	pub type Jobs = pallet_jobs;
	#[runtime::pallet_index(14)]
	pub type Attestations = pallet_attestations;
	#[runtime::pallet_index(15)]
	pub type Emission = pallet_emission;

	#[runtime::pallet_index(20)]
	pub type Parameters = pallet_parameters;
	#[runtime::pallet_index(21)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(22)]
	pub type Multisig = pallet_multisig;
	#[runtime::pallet_index(23)]
	pub type Proxy = pallet_proxy;
	#[runtime::pallet_index(24)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(25)]
	pub type Scheduler = pallet_scheduler;
}

#[cfg(feature = "runtime-benchmarks")]
mod benches {
	frame_benchmarking::define_benchmarks!(
		[frame_benchmarking, BaselineBench::<Runtime>]
		[frame_system, SystemBench::<Runtime>]
		[frame_system_extensions, SystemExtensionsBench::<Runtime>]
		[pallet_timestamp, Timestamp]
		[pallet_babe, Babe]
		[pallet_grandpa, Grandpa]
		[pallet_balances, Balances]
		[pallet_transaction_payment, TransactionPayment]
		[pallet_providers, Providers]
		[pallet_jobs, Jobs]
		[pallet_attestations, Attestations]
		[pallet_emission, Emission]
		[pallet_parameters, Parameters]
		[pallet_utility, Utility]
		[pallet_multisig, Multisig]
		[pallet_proxy, Proxy]
		[pallet_preimage, Preimage]
		[pallet_scheduler, Scheduler]
	);
}
