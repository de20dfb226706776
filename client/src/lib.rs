//! Typed access to a Millrace chain, for agents, the command line and dApps. It never prints.
//!
//! ```text
//!            Keypair ──┐
//!   calls::* ── Call ──┴─► Chain::submit ─► pool ─► finalized block ─► Finalized { events }
//!   Chain::market(At) ──► Market: job, shards, assignments, providers, quote, explain
//!   Chain::finalized_heads() ──► every finalized head once, over lost connections
//!   blobs::serve  ◄── HTTP, content addressed ──►  blobs::fetch_*: verified against roots on chain
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`chain`] | the connection, heads, balances |
//! | [`submit`](mod@submit) | signing, nonces, and confirmation from finalized blocks |
//! | [`calls`] | one constructor for each call of the market's pallets |
//! | [`market`] | views through the runtime API `MarketApi` |
//! | [`events`] | what happened in a block |
//! | [`keys`] | secret keys and addresses |
//! | [`blobs`] | programs, images, inputs and outputs over HTTP |
//! | [`words`] | outcomes in words |
//! | [`metadata`] | the committed metadata and how the chain's is compared with it |
//!
//! A transaction counts as done when it is in a *finalized* block. Whoever loses the connection meanwhile loses
//! nothing: [`Chain::submit`] goes on when the node is back.

mod answers;
pub mod blobs;
pub mod calls;
pub mod chain;
pub mod error;
pub mod events;
mod heads;
pub mod keys;
pub mod market;
pub mod metadata;
mod rpc;
pub mod submit;
mod tracker;
pub mod words;

#[cfg(test)]
mod tests;

pub use calls::Call;
pub use chain::{At, Balances, Chain, Head, Hold, Options};
pub use error::{Error, Result};
pub use events::Event;
pub use heads::Heads;
pub use keys::Keypair;
pub use market::Market;
pub use millrace_primitives as primitives;
pub use submit::Finalized;
