//! What every use of the database needs: client, pool, import queue and the consensus links.

use crate::{fake_runtime::RuntimeApi, inherents};
use millrace_primitives::OpaqueBlock as Block;
use sc_consensus_babe::{BabeBlockImport, BabeLink, BabeWorkerHandle, ImportQueueParams};
use sc_consensus_grandpa::{GrandpaBlockImport, GrandpaPruningFilter, LinkHalf};
use sc_service::{Configuration, Error, KeystoreContainer, TFullBackend, TFullClient, TaskManager};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool::TransactionPoolHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::inherents::BabeCreateInherentDataProviders;
use std::sync::Arc;

/// Only the standard host functions: others would break light clients and forking tools.
pub type HostFunctions = sp_io::SubstrateHostFunctions;
/// Executes the runtime's WebAssembly.
pub type RuntimeExecutor = sc_executor::WasmExecutor<HostFunctions>;
/// The node's database.
pub type FullBackend = TFullBackend<Block>;
/// The node's view of the chain.
pub type FullClient = TFullClient<Block, RuntimeApi, RuntimeExecutor>;
/// Chooses the chain to build on among the forks that are not finalized.
pub type SelectChain = sc_consensus::LongestChain<FullBackend, Block>;
/// Transactions that wait for a block.
pub type TransactionPool = TransactionPoolHandle<Block, FullClient>;
/// Imports blocks with their justifications.
pub type GrandpaImport = GrandpaBlockImport<FullBackend, Block, FullClient, SelectChain>;
/// Checks slots, epochs and inherents and reports equivocations, then hands on to GRANDPA's import.
pub type BabeImport =
	BabeBlockImport<Block, FullClient, GrandpaImport, BabeCreateInherentDataProviders<Block>, SelectChain>;
/// Ties GRANDPA's voter to its block import.
pub type GrandpaLink = LinkHalf<Block, FullClient, SelectChain>;

/// GRANDPA keeps a justification at least every so many blocks, for light clients and warp sync.
pub(crate) const JUSTIFICATION_PERIOD: u32 = 512;

/// Messages that the telemetry worker buffers before it drops some.
const TELEMETRY_BUFFER: usize = 16;

/// The parts of a node that exist before it talks to anybody.
pub struct Components {
	/// View of the chain.
	pub client: Arc<FullClient>,
	/// Database.
	pub backend: Arc<FullBackend>,
	/// Owns the tasks; dropping it ends them.
	pub task_manager: TaskManager,
	/// Session keys of this node.
	pub keystore: KeystoreContainer,
	/// Fork choice.
	pub select_chain: SelectChain,
	/// Verifies and imports blocks that come from elsewhere.
	pub import_queue: sc_consensus::DefaultImportQueue<Block>,
	/// Transaction pool.
	pub transaction_pool: Arc<TransactionPool>,
	/// Import of blocks built here.
	pub block_import: BabeImport,
	/// BABE's epochs and configuration.
	pub babe_link: BabeLink<Block>,
	/// Answers questions about epochs for the RPC.
	pub babe_worker: BabeWorkerHandle<Block>,
	/// GRANDPA's half of the link.
	pub grandpa_link: GrandpaLink,
	/// Connection to telemetry servers, when there are any.
	pub telemetry: Option<Telemetry>,
}

/// Opens (or creates) the database and builds what works on it. Nothing listens or dials yet.
///
/// # Errors
/// The database or the keystore cannot be opened, belongs to another chain, is locked by another
/// process, or the stored runtime lacks an API that consensus needs.
pub fn build(config: &Configuration) -> Result<Components, Error> {
	let telemetry = config
		.telemetry_endpoints
		.clone()
		.filter(|endpoints| !endpoints.is_empty())
		.map(|endpoints| -> Result<_, sc_telemetry::Error> {
			let worker = TelemetryWorker::new(TELEMETRY_BUFFER)?;
			let telemetry = worker.handle().new_telemetry(endpoints);
			Ok((worker, telemetry))
		})
		.transpose()?;

	let executor = sc_service::new_wasm_executor::<HostFunctions>(&config.executor);
	// Blocks with justifications survive block pruning: without them nobody could warp sync from us.
	let (client, backend, keystore, task_manager) = sc_service::new_full_parts::<Block, RuntimeApi, _>(
		config,
		telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
		executor,
		vec![Arc::new(GrandpaPruningFilter)],
	)?;
	let client = Arc::new(client);
	let telemetry = telemetry.map(|(worker, telemetry)| {
		task_manager.spawn_handle().spawn("telemetry", None, worker.run());
		telemetry
	});

	let select_chain = sc_consensus::LongestChain::new(backend.clone());
	let transaction_pool = Arc::new(
		sc_transaction_pool::Builder::new(
			task_manager.spawn_essential_handle(),
			client.clone(),
			config.role.is_authority().into(),
		)
		.with_options(config.transaction_pool.clone())
		.with_prometheus(config.prometheus_registry())
		.build(),
	);

	let (grandpa_import, grandpa_link) = sc_consensus_grandpa::block_import(
		client.clone(),
		JUSTIFICATION_PERIOD,
		&client,
		select_chain.clone(),
		telemetry.as_ref().map(Telemetry::handle),
	)?;
	let justification_import = grandpa_import.clone();

	let babe_config = sc_consensus_babe::configuration(&*client)?;
	let slot_duration = babe_config.slot_duration();
	let (block_import, babe_link) = sc_consensus_babe::block_import(
		babe_config,
		grandpa_import,
		client.clone(),
		inherents::providers(slot_duration),
		select_chain.clone(),
		OffchainTransactionPoolFactory::new(transaction_pool.clone()),
	)?;
	let (import_queue, babe_worker) = sc_consensus_babe::import_queue(ImportQueueParams {
		link: babe_link.clone(),
		block_import: block_import.clone(),
		justification_import: Some(Box::new(justification_import)),
		client: client.clone(),
		slot_duration,
		spawner: &task_manager.spawn_essential_handle(),
		registry: config.prometheus_registry(),
		telemetry: telemetry.as_ref().map(Telemetry::handle),
	})?;

	Ok(Components {
		client,
		backend,
		task_manager,
		keystore,
		select_chain,
		import_queue,
		transaction_pool,
		block_import,
		babe_link,
		babe_worker,
		grandpa_link,
		telemetry,
	})
}
