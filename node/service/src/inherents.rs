//! What the node itself puts into a block: the time and the slot that belongs to it.

use millrace_primitives::OpaqueBlock as Block;
use sp_consensus_babe::{
	inherents::{BabeCreateInherentDataProviders, InherentDataProvider as SlotProvider},
	SlotDuration,
};
use std::sync::Arc;

/// Providers of timestamp and slot, for authoring and for checking the blocks of others.
pub(crate) fn providers(slot_duration: SlotDuration) -> BabeCreateInherentDataProviders<Block> {
	Arc::new(move |_parent, ()| async move {
		let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
		let slot = SlotProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
		Ok((slot, timestamp))
	})
}
