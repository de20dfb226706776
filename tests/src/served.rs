//! A job's program and inputs, served from inside the test for as long as it likes.

use millrace_client::{
	blobs::{serve, Blob, BlobStore, Server},
	primitives::merkle,
};
use millrace_primitives::Hash;
use std::sync::Arc;

struct Served {
	program: Arc<[u8]>,
	inputs: Vec<Vec<u8>>,
	roots: Arc<Vec<Hash>>,
	spoil: fn(&[u8]) -> Vec<u8>,
}

impl BlobStore for Served {
	fn open(&self, root: Hash) -> Option<Blob> {
		if merkle::data_root(&self.program) == root {
			return Some(Blob::Bytes(self.program.clone()));
		}
		let index = self.roots.iter().position(|known| *known == root)?;
		Some(Blob::Bytes((self.spoil)(&self.inputs[index]).into()))
	}

	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		(merkle::list_root(&self.roots) == root).then(|| self.roots.clone())
	}
}

/// Serves a program and the list of its inputs as they are, and the inputs as this makes them, until the server is dropped. The
/// address is beside it.
pub async fn serve_job(program: &[u8], inputs: &[Vec<u8>], spoil: fn(&[u8]) -> Vec<u8>) -> (Server, String) {
	let roots = inputs.iter().map(|input| merkle::data_root(input)).collect();
	let store = Served {
		program: program.into(),
		inputs: inputs.to_vec(),
		roots: Arc::new(roots),
		spoil,
	};
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
		.await
		.expect("loopback has a free port");
	let server = serve(listener, Arc::new(store)).expect("it listens");
	let address = format!("http://{}", server.local_addr());
	(server, address)
}
