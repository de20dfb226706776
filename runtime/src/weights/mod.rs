//! Weights of SDK pallets that do not export any of their own.
//!
//! Every other SDK pallet is configured with its own `weights::SubstrateWeight`.

pub mod pallet_babe;
pub mod pallet_grandpa;
pub mod pallet_parameters;
