//! The JSON-RPC methods that `sc-service` does not build by itself.
//!
//! It brings `system_*`, `author_*`, `chain_*`, `state_*`, `childstate_*`, `offchain_*` and the new
//! `chainHead_v1`, `chainSpec_v1`, `transaction_v1`, `transactionWatch_v1` and (on archive nodes)
//! `archive_v1`. Added here: account nonces and dry runs (`system_*`), fees (`payment_*`), the
//! consensus' state (`babe_*`, `grandpa_*`), checkpoints for light clients (`sync_state_*`) and the
//! market.

mod address;
pub mod market;

use self::{
	address::Bounded,
	market::{Market, MarketApiServer},
};
use crate::components::{FullBackend, FullClient, SelectChain, TransactionPool};
use jsonrpsee::RpcModule;
use millrace_primitives::{BlockNumber, Hash, OpaqueBlock as Block};
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
use sp_keystore::KeystorePtr;
use std::{error::Error, sync::Arc};
use substrate_frame_rpc_system::{System, SystemApiServer};

/// What the methods read from.
pub(crate) struct Deps {
	pub client: Arc<FullClient>,
	pub transaction_pool: Arc<TransactionPool>,
	pub select_chain: SelectChain,
	pub chain_spec: Box<dyn sc_service::ChainSpec>,
	pub keystore: KeystorePtr,
	pub babe_worker: BabeWorkerHandle<Block>,
	pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
	pub voter_state: SharedVoterState,
	pub justifications: GrandpaJustificationStream<Block>,
	pub finality_proofs: Arc<FinalityProofProvider<FullBackend, Block>>,
}

/// Builds one RPC module; the node asks for one for the network and one for itself.
pub(crate) fn module(
	deps: &Deps,
	executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn Error + Send + Sync>> {
	let client = || deps.client.clone();
	let mut module = RpcModule::new(());

	module.merge(Bounded(System::new(client(), deps.transaction_pool.clone())).into_rpc())?;
	module.merge(TransactionPayment::new(client()).into_rpc())?;
	module.merge(
		Babe::new(
			client(),
			deps.babe_worker.clone(),
			deps.keystore.clone(),
			deps.select_chain.clone(),
		)
		.into_rpc(),
	)?;
	module.merge(
		Grandpa::new(
			executor.clone(),
			deps.authority_set.clone(),
			deps.voter_state.clone(),
			deps.justifications.clone(),
			deps.finality_proofs.clone(),
		)
		.into_rpc(),
	)?;
	module.merge(
		SyncState::new(
			deps.chain_spec.cloned_box(),
			client(),
			deps.authority_set.clone(),
			deps.babe_worker.clone(),
		)?
		.into_rpc(),
	)?;
	module.merge(Market::new(client(), client(), executor).into_rpc())?;
	Ok(module)
}
