//! Finds occupied ports before anything starts.
//!
//! Left alone, the RPC server would retreat to a random port, the metrics endpoint would be missing
//! and the P2P port would be shared with another process: a node that runs but cannot be reached.

use sc_network::{multiaddr::Protocol, Multiaddr};
use sc_service::Configuration;
use std::{
	io::{self, ErrorKind},
	net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
};

/// A port that the configuration asks for cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortError {
	#[error(
		"{purpose} address {address} is already in use by another process; \
         stop that process or choose another port with {option}"
	)]
	InUse {
		purpose: &'static str,
		address: SocketAddr,
		option: &'static str,
	},
	#[error("{purpose} address {address} cannot be listened on: {source}; see {option}")]
	Unusable {
		purpose: &'static str,
		address: SocketAddr,
		option: &'static str,
		source: io::Error,
	},
}

impl From<PortError> for io::Error {
	fn from(error: PortError) -> Self {
		let kind = match &error {
			PortError::InUse { .. } => ErrorKind::AddrInUse,
			PortError::Unusable { source, .. } => source.kind(),
		};
		io::Error::new(kind, error)
	}
}

#[derive(Clone, Copy)]
enum Transport {
	Tcp,
	Udp,
}

/// Tries every address that the node will listen on, and makes the RPC server insist on its port.
pub(crate) fn claim(config: &mut Configuration) -> Result<(), PortError> {
	for endpoint in config.rpc.addr.iter_mut().flatten() {
		endpoint.retry_random_port = false;
		try_bind(
			"RPC",
			"--rpc-port",
			Transport::Tcp,
			endpoint.listen_addr,
			!endpoint.is_optional,
		)?;
	}
	if let Some(prometheus) = &config.prometheus_config {
		let option = "--prometheus-port (or --no-prometheus)";
		try_bind("Prometheus", option, Transport::Tcp, prometheus.port, true)?;
	}
	for (transport, address) in config.network.listen_addresses.iter().filter_map(socket_address) {
		// Whether IPv6 or WebRTC work at all here is for the network backend to find out.
		try_bind("P2P", "--port or --listen-addr", transport, address, false)?;
	}
	Ok(())
}

fn try_bind(
	purpose: &'static str,
	option: &'static str,
	transport: Transport,
	address: SocketAddr,
	required: bool,
) -> Result<(), PortError> {
	let bound = match transport {
		Transport::Tcp => TcpListener::bind(address).map(drop),
		Transport::Udp => UdpSocket::bind(address).map(drop),
	};
	match bound {
		Err(error) if error.kind() == ErrorKind::AddrInUse => Err(PortError::InUse {
			purpose,
			address,
			option,
		}),
		Err(source) if required => Err(PortError::Unusable {
			purpose,
			address,
			option,
			source,
		}),
		_ => Ok(()),
	}
}

/// The socket behind a P2P address, if it has a literal IP and a port.
fn socket_address(address: &Multiaddr) -> Option<(Transport, SocketAddr)> {
	let mut parts = address.iter();
	let ip = match parts.next()? {
		Protocol::Ip4(ip) => IpAddr::V4(ip),
		Protocol::Ip6(ip) => IpAddr::V6(ip),
		_ => return None,
	};
	match parts.next()? {
		Protocol::Tcp(port) => Some((Transport::Tcp, SocketAddr::new(ip, port))),
		Protocol::Udp(port) => Some((Transport::Udp, SocketAddr::new(ip, port))),
		_ => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn bind(address: SocketAddr, required: bool) -> Result<(), PortError> {
		try_bind("RPC", "--rpc-port", Transport::Tcp, address, required)
	}

	#[test]
	fn an_occupied_port_is_named_with_its_option() {
		let holder = TcpListener::bind("127.0.0.1:0").unwrap();
		let address = holder.local_addr().unwrap();
		let error = bind(address, false).unwrap_err().to_string();
		assert!(error.contains(&address.to_string()), "{error}");
		assert!(error.contains("already in use"), "{error}");
		assert!(error.contains("--rpc-port"), "{error}");
	}

	#[test]
	fn a_free_port_stays_free_after_the_check() {
		let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
		bind(address, true).unwrap();
		TcpListener::bind(address).unwrap();
	}

	#[test]
	fn an_address_of_another_machine_is_refused_only_where_required() {
		// TEST-NET-1 (RFC 5737) belongs to nobody, least of all to this host.
		let address = "192.0.2.1:9944".parse().unwrap();
		assert!(matches!(bind(address, true), Err(PortError::Unusable { .. })));
		assert!(bind(address, false).is_ok());
	}

	#[test]
	fn sockets_are_read_from_multiaddresses() {
		let socket = |text: &str| {
			let address: Multiaddr = text.parse().unwrap();
			socket_address(&address).map(|(_, socket)| socket.to_string())
		};
		assert_eq!(
			socket("/ip4/127.0.0.1/tcp/30333/ws").as_deref(),
			Some("127.0.0.1:30333")
		);
		assert_eq!(socket("/ip6/::/udp/30333/webrtc-direct").as_deref(), Some("[::]:30333"));
		assert_eq!(socket("/dns4/localhost/tcp/30333"), None);
	}
}
