//! The chain specification type: what a JSON file given to `--chain` may contain beside genesis.

use millrace_primitives::OpaqueBlock as Block;
use sc_chain_spec::ChainSpecExtension;
use serde::{Deserialize, Serialize};

/// Specification of a Millrace chain.
pub type ChainSpec = sc_service::GenericChainSpec<Extensions>;

/// Optional fields of the specification that the client, not the runtime, interprets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
	/// Blocks whose hash is known in advance; a fork that contradicts them is refused.
	pub fork_blocks: sc_client_api::ForkBlocks<Block>,
	/// Hashes of blocks that must never be imported.
	pub bad_blocks: sc_client_api::BadBlocks<Block>,
	/// Checkpoint for light clients, filled in by the RPC `sync_state_genSyncSpec`.
	pub light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}
