//! The server for a job's program and inputs.

use crate::{
	failure::{Failure, Result},
	inputs::Inputs,
	program::Program,
};
use millrace_client::blobs::{serve, Blob, BlobStore, Server};
use millrace_primitives::{job::is_url, Hash};
use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// A program, if it is known, and inputs by their roots.
pub struct JobStore {
	program: Option<Program>,
	inputs: Inputs,
	list_root: Hash,
	/// Where an input with this root stands in the list.
	places: HashMap<Hash, usize>,
}

impl JobStore {
	/// A store of these.
	pub fn new(program: Option<Program>, inputs: Inputs) -> Self {
		let places = inputs
			.roots
			.iter()
			.enumerate()
			.map(|(place, root)| (*root, place))
			.collect();
		Self {
			program,
			list_root: inputs.root(),
			places,
			inputs,
		}
	}
}

impl BlobStore for JobStore {
	fn open(&self, root: Hash) -> Option<Blob> {
		if let Some(program) = self.program.as_ref().filter(|program| program.id == root) {
			return Some(Blob::Bytes(program.bytes.clone()));
		}
		let piece = self.inputs.pieces.get(*self.places.get(&root)?)?;
		if piece.whole {
			return Some(Blob::File(piece.path.to_path_buf()));
		}
		match piece.read() {
			Ok(bytes) => Some(Blob::Bytes(bytes.into())),
			Err(error) => {
				crate::output::note(format!("warning: cannot serve {}: {error}", piece.path.display()));
				None
			}
		}
	}

	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		(root == self.list_root).then(|| self.inputs.roots.clone())
	}
}

/// Reads `ADDR` or `ADDR:PORT`; without a port any free one is taken.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
	if let Ok(address) = text.parse() {
		return Ok(address);
	}
	let address: std::net::IpAddr = text
		.parse()
		.map_err(|_| "expected an IP address, with or without a port, such as 127.0.0.1:8000".to_string())?;
	Ok(SocketAddr::new(address, 0))
}

/// Reads an endpoint's URL.
pub fn parse_endpoint(text: &str) -> Result<String, String> {
	if is_url(text.as_bytes()) {
		Ok(text.trim_end_matches('/').into())
	} else {
		Err("expected an http:// or https:// URL without spaces".into())
	}
}

/// A server under way, and the URL that providers are told.
pub struct Serving {
	/// The server.
	pub server: Server,
	/// The URL.
	pub endpoint: String,
}

/// Serves a store; tells providers the URL `advertise` if it is given, else the address.
pub async fn start(store: JobStore, address: SocketAddr, advertise: Option<&str>) -> Result<Serving> {
	if address.ip().is_unspecified() && advertise.is_none() {
		return Err(Failure::Input(format!(
			"{address} is every address of this machine: say with --advertise which URL providers reach it by"
		)));
	}
	let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
		io::ErrorKind::AddrInUse => Failure::Other(format!(
			"port {} of {} is in use by another program; name another one, or none for any free one",
			address.port(),
			address.ip()
		)),
		_ => Failure::Other(format!("cannot serve on {address}: {error}")),
	})?;
	let server = serve(listener, Arc::new(store)).map_err(|error| Failure::Other(format!("cannot serve: {error}")))?;
	let endpoint = advertise.map_or_else(|| format!("http://{}", server.local_addr()), Into::into);
	Ok(Serving { server, endpoint })
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{inputs::Cut, program::tests::accepted};
	use millrace_client::blobs::{fetch_blob, fetch_list, Client, Limits};

	#[test]
	fn addresses_and_endpoints_are_checked() {
		assert_eq!(parse_address("127.0.0.1").unwrap().to_string(), "127.0.0.1:0");
		assert_eq!(parse_address("[::1]:80").unwrap().to_string(), "[::1]:80");
		assert_eq!(parse_address("::1").unwrap().to_string(), "[::1]:0");
		assert!(parse_address("localhost:80").is_err());
		assert_eq!(parse_endpoint("https://a.example/x/").unwrap(), "https://a.example/x");
		for wrong in ["a.example", "ftp://a", "http://", "http://a b"] {
			assert!(parse_endpoint(wrong).is_err(), "{wrong}");
		}
	}

	#[tokio::test]
	async fn a_job_is_served_to_whoever_knows_its_roots() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("lines");
		std::fs::write(&path, "one\ntwo\ntwo\n").unwrap();
		let wasm = folder.path().join("program.wasm");
		std::fs::write(&wasm, accepted()).unwrap();
		let program = Program::read(&wasm).unwrap();
		let inputs = Inputs::read(&path, Cut::Lines).unwrap();
		let store = JobStore::new(Some(program.clone()), inputs.clone());
		let serving = start(store, parse_address("127.0.0.1").unwrap(), None).await.unwrap();
		let endpoints = [serving.endpoint.clone()];
		let client = Client::new(Limits::default()).unwrap();
		let list = fetch_list(&client, &endpoints, inputs.root(), 3, 1, 2).await.unwrap();
		assert_eq!(list, inputs.roots[1..]);
		let to = folder.path().join("out");
		fetch_blob(&client, &endpoints, list[1], 10, &to).await.unwrap();
		assert_eq!(std::fs::read(&to).unwrap(), b"two");
		let len = fetch_blob(&client, &endpoints, program.id, 1_000, &to).await.unwrap();
		assert_eq!(len, u64::from(program.size()));
	}

	#[tokio::test]
	async fn a_port_in_use_is_named_and_an_open_address_needs_a_url() {
		let folder = tempfile::tempdir().unwrap();
		std::fs::write(folder.path().join("a"), "x").unwrap();
		let store = || JobStore::new(None, Inputs::read(folder.path(), Cut::Whole).unwrap());
		let taken = std::net::TcpListener::bind("127.0.0.1:0")
			.unwrap()
			.local_addr()
			.unwrap();
		let held = std::net::TcpListener::bind(taken).unwrap();
		let error = start(store(), taken, None).await.err().unwrap();
		assert!(error.to_string().contains(&taken.port().to_string()), "{error}");
		drop(held);
		let open = "0.0.0.0:0".parse().unwrap();
		assert_eq!(start(store(), open, None).await.err().unwrap().exit_code(), 2);
	}
}
