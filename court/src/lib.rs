//! # The rules of the court
//!
//! Pure functions: what a party does, and what comes of it. Nothing here stores, counts blocks by itself or moves money, so
//! that every rule can be tried without a chain, and an agent knows what a move will come to before it sends it.
//!
//! | module | what |
//! |---|---|
//! | [`sums`] | opening the tree of outcomes that a report commits to |
//! | [`board`] | a game between two accounts about a shard: down the trees to a task, then to one step of it |
//! | [`case`] | all that is said about a shard, and what it comes to: the rules, and everybody's money |
//! | [`clock`] | how long each of the two may think |
//! | [`demand`] | what whoever keeps outputs can be made to show of them |
//! | [`draw`] | which shards are audited, and which of their tasks |
//! | [`stakes`] | how often, and what is at stake |
//!
//! What a step means and how two parties find the one at which they part is the machine's: `millrace-judge`.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod board;
pub mod case;
pub mod clock;
pub mod demand;
pub mod draw;
pub mod stakes;
pub mod sums;
