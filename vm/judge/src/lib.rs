//! # What judges a step of the verifiable machine
//!
//! The half of the machine that a runtime links: the state and its root, the meaning of one step, the verification of a
//! step's witness, the game that finds the step. It knows nothing of WebAssembly modules, of engines or of a chain; what
//! makes programs and runs them is the crate `millrace-vm` above it.
//!
//! | module | what |
//! |---|---|
//! | [`task`] | what is judged: programs, tasks, limits, the first state |
//! | [`outcome`] | what a run came to |
//! | [`state`], [`tree`], [`data`] | the state, its root, inputs and outputs as trees |
//! | [`op`], [`step`], [`float`], [`simd`] | the instruction set and the meaning of every instruction, written once |
//! | [`witness`] | the proof of a step and its verification |
//! | [`game`] | how two parties find the step |
//!
//! Everything here is part of the version: [`VERSION`] is raised with any change that two parties could notice.
//!
//! ## Why a proof convinces
//!
//! A state's root commits to the registers and, by Merkle trees, to all regions: code, tables, globals, stack, calls, the
//! two memories, what the task was given and what it wrote. A witness opens the leaves that the step touches, at most
//! eight. With a collision-free hash there is one set of leaves for a root, and the step is a function of them: the next
//! root follows. The same function, [`step::step`], runs the whole program off chain, so that a step cannot mean one
//! thing there and another here.
//!
//! ## Features
//!
//! None are needed: `alloc` is, and a [`hash::Hasher`]. `codec` and `serde` add encodings, `std` makes roots of floats
//! faster.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod data;
pub mod float;
pub mod game;
pub mod hash;
#[cfg(feature = "serde")]
mod hex;
pub mod op;
pub mod outcome;
pub mod simd;
pub mod state;
pub mod step;
pub mod task;
pub mod tree;
pub mod witness;

/// The version of everything that two parties must agree on: what the normaliser makes, what it charges, the machine,
/// its formats.
pub const VERSION: u8 = 3;

/// Steps that a run may take beyond its gas: its own first and last ones, and those of the charge that finds the gas
/// used up.
pub const UNPAID: u64 = 64;

/// The most gas that a task may have: with [`UNPAID`] steps that are ten rounds of a bisection by sixteen.
pub const MAX_GAS: u64 = (1 << 40) - UNPAID;

/// After so many steps a run with this gas limit has ended.
pub const fn max_steps(gas: u64) -> u64 {
	gas.saturating_add(UNPAID)
}

const _: () = assert!(max_steps(MAX_GAS) == 1 << 40);

/// The most pages of 64 KiB that a task's two memories have together, and each of them: all but the last of the address
/// space, so that no address wraps.
pub const MAX_PAGES: u32 = 65_535;

/// The longest setup of a job, in bytes.
pub const MAX_SETUP: u32 = 64 * 1024;

/// The largest image of a job, in bytes.
pub const MAX_IMAGE: u32 = 1 << 30;
