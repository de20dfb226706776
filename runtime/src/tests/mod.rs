//! Tests of the composed runtime: real blocks, applied by the real executive.

mod chain;
mod cost;
mod counting;
mod genesis;
mod lane;
mod life;
mod market;
mod metadata;
mod sessions;
mod transactions;
mod trouble;
mod weights;
