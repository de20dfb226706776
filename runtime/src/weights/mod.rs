//! Weights of SDK pallets that do not export any of their own: measured by `scripts/weights.sh`, or composed by hand where
//! the pallet benchmarks its calls in part only.
//!
//! Every other SDK pallet is configured with its own `weights::SubstrateWeight`.

pub mod pallet_babe;
pub mod pallet_grandpa;
pub mod pallet_parameters;
