//! Starts a full node: network, RPC, and for an authority block production and voting.

use crate::{
	components::{
		self, BabeImport, Components, FullBackend, FullClient, GrandpaLink, SelectChain, TransactionPool,
		JUSTIFICATION_PERIOD,
	},
	inherents, network, ports, rpc,
	storage::{self, StorageLimits},
};
use futures::StreamExt;
use millrace_primitives::{BlockNumber, OpaqueBlock as Block};
use sc_client_api::Backend;
use sc_consensus_babe::{BabeLink, BabeParams, SlotProportion};
use sc_consensus_grandpa::{
	warp_proof::NetworkProvider, FinalityProofProvider, GrandpaParams, SharedVoterState, VotingRulesBuilder,
};
use sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging;
use sc_network::{
	event::Event,
	service::traits::{NetworkService, NotificationService},
	Multiaddr, NetworkEventStream,
};
use sc_network_sync::SyncingService;
use sc_service::{BuildNetworkParams, Configuration, Error, SpawnTasksParams, TaskManager, WarpSyncConfig};
use sc_telemetry::{Telemetry, TelemetryHandle};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_keystore::KeystorePtr;
use std::{path::PathBuf, sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry;

/// Longest time a vote is given to reach everybody; GRANDPA's rounds are timed in multiples of it.
const MAX_GOSSIP_DURATION: Duration = Duration::from_millis(333);

/// Part of a slot for building a block. The rest is for the others to receive and execute it.
const PROPOSAL_SLOT_PORTION: f32 = 2.0 / 3.0;

/// What the consensus tasks share, kept when the configuration is handed to the RPC.
struct Shared {
	client: Arc<FullClient>,
	backend: Arc<FullBackend>,
	transaction_pool: Arc<TransactionPool>,
	keystore: KeystorePtr,
	network: Arc<dyn NetworkService>,
	sync: Arc<SyncingService<Block>>,
	registry: Option<Registry>,
	telemetry: Option<TelemetryHandle>,
}

/// Starts a node and returns its tasks; the node ends when the task manager is dropped, and the task manager's future
/// ends when an essential task does.
///
/// # Errors
/// A port is in use, the disk has too little room, the database or keystore cannot be opened or fits another chain, or
/// the network cannot be set up.
pub fn run(mut config: Configuration, storage: StorageLimits) -> Result<TaskManager, Error> {
	network::check_backend(&config)?;
	ports::claim(&mut config).map_err(std::io::Error::from)?;

	let Components {
		client,
		backend,
		mut task_manager,
		keystore,
		select_chain,
		import_queue,
		transaction_pool,
		block_import,
		babe_link,
		babe_worker,
		grandpa_link,
		mut telemetry,
	} = components::build(&config)?;
	if let Some(path) = config.database.path() {
		storage::watch(storage, path, &task_manager)?;
	}
	let prepared = network::prepare(&config, &client);
	let warp_sync = Arc::new(NetworkProvider::new(
		backend.clone(),
		grandpa_link.shared_authority_set().clone(),
		Vec::new(),
	));
	let (network, system_rpc_tx, tx_handler_controller, sync_service, _bitswap) =
		sc_service::build_network(BuildNetworkParams {
			config: &config,
			net_config: prepared.config,
			client: client.clone(),
			transaction_pool: transaction_pool.clone(),
			spawn_handle: task_manager.spawn_handle(),
			spawn_essential_handle: task_manager.spawn_essential_handle(),
			import_queue,
			block_announce_validator_builder: None,
			warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
			block_relay: None,
			metrics: prepared.metrics,
			gap_sync_body_policy: None,
		})?;

	// `spawn_tasks` takes the configuration away.
	let role = config.role;
	let force_authoring = config.force_authoring;
	let voting = !config.disable_grandpa;
	let offchain_worker = config.offchain_worker.enabled;
	let name = config.network.node_name.clone();
	let discovery = Discovery {
		publish_non_global_ips: config.network.allow_non_globals_in_dht,
		public_addresses: config.network.public_addresses.clone(),
		cache_directory: config.network.net_config_path.clone(),
	};
	let registry = config.prometheus_registry().cloned();

	let voter_state = SharedVoterState::empty();
	let authority_set = grandpa_link.shared_authority_set().clone();
	let rpc_deps = rpc::Deps {
		client: client.clone(),
		transaction_pool: transaction_pool.clone(),
		select_chain: select_chain.clone(),
		chain_spec: config.chain_spec.cloned_box(),
		keystore: keystore.keystore(),
		babe_worker,
		authority_set: authority_set.clone(),
		voter_state: voter_state.clone(),
		justifications: grandpa_link.justification_stream(),
		finality_proofs: FinalityProofProvider::new_for_service(backend.clone(), Some(authority_set)),
	};
	sc_service::spawn_tasks(SpawnTasksParams {
		config,
		client: client.clone(),
		backend: backend.clone(),
		task_manager: &mut task_manager,
		keystore: keystore.keystore(),
		transaction_pool: transaction_pool.clone(),
		rpc_builder: Box::new(move |executor| rpc::module(&rpc_deps, executor).map_err(Error::Application)),
		network: network.clone(),
		system_rpc_tx,
		tx_handler_controller,
		sync_service: sync_service.clone(),
		telemetry: telemetry.as_mut(),
		tracing_execute_block: None,
	})?;

	let shared = Shared {
		client,
		backend,
		transaction_pool: transaction_pool.clone(),
		keystore: keystore.keystore(),
		network,
		sync: sync_service,
		registry,
		telemetry: telemetry.as_ref().map(Telemetry::handle),
	};
	let slot_duration = babe_link.config().slot_duration().as_duration();
	if role.is_authority() {
		author_blocks(
			&shared,
			&task_manager,
			select_chain,
			block_import,
			babe_link,
			force_authoring,
		)?;
		discover_authorities(&shared, &task_manager, discovery);
	}
	if offchain_worker {
		run_offchain_workers(&shared, &task_manager, role.is_authority())?;
	}
	if voting {
		let config = sc_consensus_grandpa::Config {
			gossip_duration: gossip_duration(slot_duration),
			justification_generation_period: JUSTIFICATION_PERIOD,
			observer_enabled: false,
			local_role: role,
			name: Some(name),
			// Others follow the votes without keys.
			keystore: role.is_authority().then(|| shared.keystore.clone()),
			telemetry: shared.telemetry.clone(),
			protocol_name: prepared.grandpa_protocol,
		};
		let notifications = prepared.grandpa_notifications;
		follow_finality(shared, &task_manager, grandpa_link, voter_state, notifications, config)?;
	}
	// Dropping the handle to the telemetry worker would end it; the pool's tasks fail without the pool.
	task_manager.keep_alive((telemetry, transaction_pool));
	Ok(task_manager)
}

/// Chains with short slots would wait for GRANDPA's rounds, which are timed for the internet; a
/// quarter of a slot is what such a chain allows a message to take anyway.
fn gossip_duration(slot_duration: Duration) -> Duration {
	MAX_GOSSIP_DURATION.min(slot_duration / 4)
}

fn author_blocks(
	shared: &Shared,
	task_manager: &TaskManager,
	select_chain: SelectChain,
	block_import: BabeImport,
	babe_link: BabeLink<Block>,
	force_authoring: bool,
) -> Result<(), Error> {
	let proposer = sc_basic_authorship::ProposerFactory::new(
		task_manager.spawn_handle(),
		shared.client.clone(),
		shared.transaction_pool.clone(),
		shared.registry.as_ref(),
		shared.telemetry.clone(),
	);
	let slot_duration = babe_link.config().slot_duration();
	let worker = sc_consensus_babe::start_babe(BabeParams {
		keystore: shared.keystore.clone(),
		client: shared.client.clone(),
		select_chain,
		env: proposer,
		block_import,
		sync_oracle: shared.sync.clone(),
		justification_sync_link: shared.sync.clone(),
		create_inherent_data_providers: inherents::providers(slot_duration),
		force_authoring,
		backoff_authoring_blocks: Some(BackoffAuthoringOnFinalizedHeadLagging::<BlockNumber>::default()),
		babe_link,
		block_proposal_slot_portion: SlotProportion::new(PROPOSAL_SLOT_PORTION),
		max_block_proposal_slot_portion: None,
		telemetry: shared.telemetry.clone(),
	})?;
	task_manager
		.spawn_essential_handle()
		.spawn_blocking("babe-proposer", Some("block-authoring"), worker);
	Ok(())
}

/// What authority discovery takes from the network's configuration.
struct Discovery {
	publish_non_global_ips: bool,
	public_addresses: Vec<Multiaddr>,
	cache_directory: Option<PathBuf>,
}

fn discover_authorities(shared: &Shared, task_manager: &TaskManager, discovery: Discovery) {
	let role = sc_authority_discovery::Role::PublishAndDiscover(shared.keystore.clone());
	let dht_events = shared
		.network
		.event_stream("authority-discovery")
		.filter_map(|event| async move {
			match event {
				Event::Dht(event) => Some(event),
				_ => None,
			}
		});
	let (worker, _service) = sc_authority_discovery::new_worker_and_service_with_config(
		sc_authority_discovery::WorkerConfig {
			publish_non_global_ips: discovery.publish_non_global_ips,
			public_addresses: discovery.public_addresses,
			// A chain that starts now has no nodes that sign records the old way.
			strict_record_validation: true,
			persisted_cache_directory: discovery.cache_directory,
			..Default::default()
		},
		shared.client.clone(),
		Arc::new(shared.network.clone()),
		Box::pin(dht_events),
		role,
		shared.registry.clone(),
		task_manager.spawn_handle(),
	);
	task_manager
		.spawn_handle()
		.spawn("authority-discovery-worker", Some("networking"), worker.run());
}

fn run_offchain_workers(shared: &Shared, task_manager: &TaskManager, is_validator: bool) -> Result<(), Error> {
	let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
		runtime_api_provider: shared.client.clone(),
		keystore: Some(shared.keystore.clone()),
		offchain_db: shared.backend.offchain_storage(),
		transaction_pool: Some(OffchainTransactionPoolFactory::new(shared.transaction_pool.clone())),
		network_provider: Arc::new(shared.network.clone()),
		is_validator,
		enable_http_requests: true,
		custom_extensions: |_| Vec::new(),
	})?;
	task_manager.spawn_handle().spawn(
		"offchain-workers-runner",
		Some("offchain-worker"),
		workers.run(shared.client.clone(), task_manager.spawn_handle()),
	);
	Ok(())
}

fn follow_finality(
	shared: Shared,
	task_manager: &TaskManager,
	link: GrandpaLink,
	shared_voter_state: SharedVoterState,
	notification_service: Box<dyn NotificationService>,
	config: sc_consensus_grandpa::Config,
) -> Result<(), Error> {
	let voter = sc_consensus_grandpa::run_grandpa_voter(GrandpaParams {
		config,
		link,
		network: shared.network,
		sync: Arc::new(shared.sync),
		notification_service,
		voting_rule: VotingRulesBuilder::default().build(),
		prometheus_registry: shared.registry,
		shared_voter_state,
		telemetry: shared.telemetry,
		offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(shared.transaction_pool),
	})?;
	// Without a voter the node would go on without ever finalizing: better to end it.
	task_manager
		.spawn_essential_handle()
		.spawn_blocking("grandpa-voter", None, voter);
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn votes_are_timed_for_the_internet_unless_slots_are_shorter() {
		let millis = |slot| gossip_duration(Duration::from_millis(slot)).as_millis();
		assert_eq!(millis(6000), 333);
		assert_eq!(millis(3000), 333);
		assert_eq!(millis(400), 100);
	}
}
