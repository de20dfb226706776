//! The vocabulary of Millrace: every word that pallets, node, client, agent and command line share.
//!
//! | module | what it holds |
//! |---|---|
//! | [`job`] | programs, jobs, shards, their states and the one table of transitions |
//! | [`machine`] | what the machine defines and everybody names: blobs, programs, tasks, outcomes |
//! | [`outcome`] | a shard's report, seals |
//! | [`matter`] | what is judged of a shard |
//! | [`provider`] | hardware classes, regions, what a provider declares, draws |
//! | [`lane`] | why pools refuse calls of those whose turn it is not |
//! | [`merkle`] | the trees that commit to inputs, outputs and outcomes |
//! | [`money`] | prices, fees and reserves, with the direction of every rounding |
//! | [`params`] | what governance may change, one packed structure a pallet |
//! | [`window`] | how long a provider has for what, in market blocks |
//! | [`traits`] | the seams through which pallets meet |
//! | [`api`] | the runtime API that the node's RPC reads |
//!
//! It depends on no pallet, on nothing of FRAME, and on nothing of ours but `millrace-judge`, the part of the machine that
//! a runtime links.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod api;
pub mod job;
pub mod lane;
pub mod machine;
pub mod matter;
pub mod merkle;
pub mod money;
pub mod outcome;
pub mod params;
pub mod provider;
pub mod traits;
pub mod window;

pub use job::{JobId, JobSpec, ProgramId, ShardId};
pub use machine::{Blob, Limits, Outcome, ProgramRoots, Status};
pub use matter::Matter;
pub use outcome::Report;

use sp_runtime::{
	generic,
	traits::{BlakeTwo256, IdentifyAccount, Verify},
	MultiAddress, MultiSignature, OpaqueExtrinsic,
};

/// A signature by any of the supported schemes.
pub type Signature = MultiSignature;
/// A 32-byte account.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// How transactions name an account.
pub type Address = MultiAddress<AccountId, ()>;
/// An amount of the token in plancks: 10^-12 MILL.
pub type Balance = u128;
/// A block's height.
pub type BlockNumber = u32;
/// A block's height on the market's clock, which stands still while users cannot call (see [`traits::MarketClock`]).
pub type MarketBlock = u32;
/// An account's transaction counter.
pub type Nonce = u32;
/// A 32-byte hash.
pub type Hash = sp_core::H256;
/// The chain's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block whose transactions are opaque: all that the node needs to know.
pub type OpaqueBlock = generic::Block<Header, OpaqueExtrinsic>;
/// Units of metered computation. Prices are per [`money::GGAS`].
pub type Gas = u64;

/// The token's symbol.
pub const TOKEN_SYMBOL: &str = "MILL";
/// The token's decimals.
pub const TOKEN_DECIMALS: u8 = 12;
/// The address prefix (SS58), the generic one until Millrace is registered.
pub const SS58_PREFIX: u16 = 42;
/// One whole token.
pub const MILL: Balance = 10u128.pow(TOKEN_DECIMALS as u32);
/// A thousandth of a token.
pub const MILLI: Balance = MILL / 1_000;
/// A millionth of a token.
pub const MICRO: Balance = MILL / 1_000_000;

/// The version of the machine that programs are published for, agents run jobs on and report by. A job copies its
/// program's, a shard its job's.
pub const ENGINE_VERSION: u8 = millrace_judge::VERSION;
