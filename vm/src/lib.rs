//! # A WebAssembly machine whose every step can be proven
//!
//! A program runs at native speed under wasmtime. If two parties disagree about what it did, they find the one step at
//! which they part, and a judge that knows nothing but the root of the state before it executes that step: a few dozen
//! hashes, whatever the program's size and however long it ran.
//!
//! ```text
//!  program.wasm ──normalise──► module ──┬──► fast      wasmtime                      ─► Outcome
//!                                       └──► flatten ─► Program ─► Machine ──run──►  ─► Outcome, roots of states
//!                                                                     │ prove
//!                                                                     ▼
//!                                            root, witness ──verify──► root of the next state   (no_std, in a runtime)
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`normalise`] | makes a program's gas, stack, input and output explicit, and refuses what could differ between machines |
//! | [`fast`] | runs the module under wasmtime |
//! | [`flatten`], [`program`] | the module as flat code |
//! | [`supply`] | what a task is given |
//! | [`machine`] | the step machine: runs, takes snapshots, computes roots |
//! | [`prove`], [`bisect`] | the proof of a step, and finding the step |
//! | [`stop`] | ending what takes long |
//!
//! What a step means, what a state is and how a proof is verified is in `millrace-judge`, which a runtime links; its
//! modules are here as well.
//!
//! ## Why both engines agree
//!
//! They execute the same module. What WebAssembly leaves open is closed: NaNs are canonical; memory grows up to a fixed
//! size and never fails before; gas and stack are counted by code in the module itself; there is no host but eight
//! functions. A trap in the middle of code costs the whole gas limit, because there the counter is in a register.
//!
//! ## Features
//!
//! | feature | adds |
//! |---|---|
//! | none | the normaliser, [`flatten`], [`machine`], [`bisect`] |
//! | `fast` | the engine over wasmtime |
//! | `bin`, the default | `fast` and the program `millrace-vm` |

#[cfg(feature = "fast")]
pub mod bench;
pub mod bisect;
#[cfg(feature = "fast")]
pub mod fast;
pub mod flatten;
#[cfg(test)]
mod garbage;
pub mod machine;
pub mod normalise;
mod pages;
mod parallel;
pub mod program;
pub mod prove;
pub mod stop;
pub mod supply;
mod vector;

pub use millrace_judge::{
	data, float, game, hash, max_steps, op, outcome, simd, state, step, task, tree, witness, MAX_GAS, MAX_IMAGE,
	MAX_PAGES, MAX_SETUP, UNPAID, VERSION,
};

/// The most entries that a program's tables may have together.
pub const MAX_TABLE_ENTRIES: u32 = 1 << 20;
