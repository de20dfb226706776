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
//! | [`flatten`], [`program`], [`op`] | the module as flat code |
//! | [`step`] | the meaning of every instruction, written once |
//! | [`machine`], [`state`], [`tree`] | the state, its root, snapshots |
//! | [`witness`] | the proof of a step and its verification |
//! | [`bisect`] | finding the step |
//! | [`data`] | inputs and outputs as trees |
//! | [`float`] | floating point without freedom |
//!
//! ## Why both engines agree
//!
//! They execute the same module. What WebAssembly leaves open is closed: NaNs are canonical; memory grows up to a fixed
//! size and never fails before; gas and stack are counted by code in the module itself; there is no host but four
//! functions. A trap in the middle of code costs the whole gas limit, because there the counter is in a register.
//!
//! ## Why a proof convinces
//!
//! A state's root commits to the registers and, by Merkle trees, to code, tables, globals, stack, calls, memory, input
//! and output. A witness opens the leaves that the step touches, at most eight. With a collision-free hash there is one
//! set of leaves for a root, and the step is a function of them: the next root follows. The same function, [`step::step`],
//! runs the whole program off chain, so that a step cannot mean one thing there and another here.
//!
//! ## Features
//!
//! | feature | adds |
//! |---|---|
//! | none | [`step`], [`machine`], [`witness`], [`data`] and what they need, over `alloc`; the verifier hashes through [`hash::Hasher`] |
//! | `std` | the normaliser, [`flatten`], [`bisect`] |
//! | `fast` | `std` and the engine over wasmtime |
//! | `bin`, the default | `fast` and the program `millrace-vm` |

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "fast")]
pub mod bench;
#[cfg(feature = "std")]
pub mod bisect;
pub mod data;
#[cfg(feature = "fast")]
pub mod fast;
#[cfg(feature = "std")]
pub mod flatten;
pub mod float;
#[cfg(all(test, feature = "std"))]
mod garbage;
pub mod hash;
pub mod machine;
#[cfg(feature = "std")]
pub mod normalise;
pub mod op;
pub mod program;
pub mod state;
pub mod step;
pub mod tree;
pub mod witness;

/// The version of everything that two parties must agree on: what the normaliser makes, what it charges, the machine,
/// its formats.
pub const VERSION: u8 = 2;

/// The most gas that a task may have: so many steps are ten rounds of a bisection by sixteen, and an hour of the step
/// machine.
pub const MAX_GAS: u64 = 1 << 40;

/// The most bytes of a task's input: 4 GiB less 64 KiB, so that no word of it is one of the seed's.
pub const MAX_INPUT: u32 = u32::MAX - 65_535;

/// The most pages of memory: all but the last of the address space, so that no address wraps.
pub const MAX_PAGES: u32 = 65_535;

/// The most entries that a program's tables may have together.
pub const MAX_TABLE_ENTRIES: u32 = 65_536;
