//! Networking: litep2p with the sync protocols, warp sync and GRANDPA's gossip.

use crate::components::FullClient;
use millrace_primitives::{Hash, OpaqueBlock as Block};
use sc_client_api::HeaderBackend;
use sc_network::{
	config::{FullNetworkConfiguration, NetworkBackendType},
	service::{traits::NotificationService, NotificationMetrics},
	Litep2pNetworkBackend, NetworkBackend, ProtocolName,
};
use sc_service::Configuration;
use std::io;

/// The network's configuration with GRANDPA's protocol added, not yet running.
pub(crate) struct Prepared {
	pub config: FullNetworkConfiguration<Block, Hash, Litep2pNetworkBackend>,
	pub metrics: NotificationMetrics,
	pub grandpa_protocol: ProtocolName,
	pub grandpa_notifications: Box<dyn NotificationService>,
}

/// Refuses the older network backend. It is compiled into `sc-network`, but instantiating it here as well would cost
/// every build for something nobody needs on a new chain.
pub(crate) fn check_backend(config: &Configuration) -> io::Result<()> {
	match config.network.network_backend {
		NetworkBackendType::Litep2p => Ok(()),
		NetworkBackendType::Libp2p => Err(io::Error::new(
			io::ErrorKind::Unsupported,
			"this node speaks litep2p only; leave out --network-backend",
		)),
	}
}

/// Prepares the network for the chain that `client` holds.
pub(crate) fn prepare(config: &Configuration, client: &FullClient) -> Prepared {
	let registry = config.prometheus_registry();
	let metrics = <Litep2pNetworkBackend as NetworkBackend<Block, Hash>>::register_notification_metrics(registry);
	let mut net_config = FullNetworkConfiguration::new(&config.network, registry.cloned());
	let genesis_hash = client.info().genesis_hash;
	let grandpa_protocol = sc_consensus_grandpa::protocol_standard_name(&genesis_hash, &config.chain_spec);
	let (grandpa_config, grandpa_notifications) =
		sc_consensus_grandpa::grandpa_peers_set_config::<Block, Litep2pNetworkBackend>(
			grandpa_protocol.clone(),
			metrics.clone(),
			net_config.peer_store_handle(),
		);
	net_config.add_notification_protocol(grandpa_config);

	Prepared {
		config: net_config,
		metrics,
		grandpa_protocol,
		grandpa_notifications,
	}
}
