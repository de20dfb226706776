//! The Millrace full node as a library.
//!
//! It knows the block type and the runtime *APIs*, never the runtime: every call goes to the
//! WebAssembly on chain. A change in a pallet therefore rebuilds the runtime and the thin binary
//! around this crate, but not the networking, consensus and RPC code instantiated here.
//!
//! ```text
//!   chain spec (wasm, genesis) ──► components ──► client, pool, import queue, BABE and GRANDPA links
//!                                      │
//!              ┌───────────────────────┼─────────────────────────┐
//!              ▼                       ▼                         ▼
//!          chain_ops                 node ──► network ──► peers   rpc ──► wallets, agents, dApps
//!   (check, import, export,           │
//!    revert, chain info)              └─► authoring (BABE), finality (GRANDPA), discovery, offchain
//! ```
//!
//! * [`run`] starts a node, the rest of the crate serves it and the binary's subcommands;
//! * [`chain_spec`] the chain specification type with its client extensions;
//! * [`chain_ops`] what the subcommands need from a database at rest;
//! * [`rpc`] the JSON-RPC that `sc-service` does not bring by itself, `market_*` above all.

pub mod chain_ops;
pub mod chain_spec;
pub mod components;
mod fake_runtime;
mod inherents;
mod network;
mod node;
mod ports;
pub mod rpc;
mod storage;

pub use node::run;
pub use storage::StorageLimits;
