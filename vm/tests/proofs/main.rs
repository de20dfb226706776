//! Whatever a machine does in a step, the proof of it convinces; nothing else does.

#[path = "../common/mod.rs"]
mod common;

mod bisection;
mod cost;
mod mutations;
mod programs;
mod snapshots;
mod steps;
mod trace;
