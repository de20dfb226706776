//! The provider's agent: finds the work that the chain assigned to it, computes it, reports, and keeps the outputs.
//!
//! ```text
//!            chain                                          client's HTTP server
//!              │ views                                              │ program, inputs
//!   market ────┴──► decide (pure) ──► run ──► fetch ◄───────────────┘
//!                                      │  └─► exec (wasmtime) ──► outputs ──► HTTP, once in custody
//!                                      ├─► submit: accept, decline, seal, reveal, heartbeat
//!                                      ├─► court: attack, play, time
//!                                      db: what must survive a crash, written before it takes effect
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`decide`] | what to do next, a pure function of the chain's view and the local state |
//! | [`run`] | doing it |
//! | [`court`] | defending what was revealed, and attacking what contradicts it |
//! | [`watching`] | computing what others reported, and accusing those who are wrong |
//! | [`fetch`], [`outputs`], [`store`] | programs and inputs in, outcomes and outputs out |
//! | [`budget`] | what a seat needs of disk and time, and whether there is as much |
//! | [`tip`] | when time is short, and what is then paid to be in time |
//! | [`db`] | the embedded database |
//! | [`market`] | the chain as the agent uses it |
//! | [`config`], [`hardware`], [`commands`] | the command line |

#![forbid(unsafe_code)]

pub mod budget;
pub mod commands;
pub mod config;
pub mod court;
pub mod db;
pub mod decide;
pub mod fetch;
pub mod hardware;
pub mod market;
pub mod metrics;
pub mod outputs;
pub mod run;
pub mod seat;
pub mod store;
pub mod tip;
pub mod units;
pub mod watching;

pub use config::Config;
pub use market::{Connection, Market};
pub use millrace_exec as exec;
pub use millrace_exec::{Execute, Wasm, WasmLimits};
pub use run::{Agent, AgentError};
