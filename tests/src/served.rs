//! A job's program and inputs, served from inside the test for as long as it likes.

use millrace_client::{
	blobs::{self, Blob, BlobStore, Server},
	primitives::merkle,
};
use millrace_primitives::Hash;
use std::sync::{
	atomic::{AtomicUsize, Ordering::Relaxed},
	Arc,
};

struct Served {
	program: Arc<[u8]>,
	inputs: Vec<Vec<u8>>,
	roots: Arc<Vec<Hash>>,
	spoil: fn(&[u8]) -> Vec<u8>,
	/// How often each input is still given, at most.
	left: Vec<AtomicUsize>,
}

impl BlobStore for Served {
	fn open(&self, root: Hash) -> Option<Blob> {
		if merkle::data_root(&self.program) == root {
			return Some(Blob::Bytes(self.program.clone()));
		}
		let index = self.roots.iter().position(|known| *known == root)?;
		let less = |left: usize| left.checked_sub(1);
		self.left[index].fetch_update(Relaxed, Relaxed, less).ok()?;
		Some(Blob::Bytes((self.spoil)(&self.inputs[index]).into()))
	}

	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		(merkle::list_root(&self.roots) == root).then(|| self.roots.clone())
	}
}

/// Serves a program and the list of its inputs as they are, and the inputs as this makes them, until the server is dropped. The
/// address is beside it.
pub async fn serve_job(program: &[u8], inputs: &[Vec<u8>], spoil: fn(&[u8]) -> Vec<u8>) -> (Server, String) {
	serve(program, inputs, spoil, usize::MAX).await
}

/// The same, but each input so often and never again: to those who are bought, and to nobody who checks them.
pub async fn serve_job_to(seats: usize, program: &[u8], inputs: &[Vec<u8>]) -> (Server, String) {
	serve(program, inputs, <[u8]>::to_vec, seats).await
}

async fn serve(program: &[u8], inputs: &[Vec<u8>], spoil: fn(&[u8]) -> Vec<u8>, times: usize) -> (Server, String) {
	let roots = inputs.iter().map(|input| merkle::data_root(input)).collect();
	let store = Served {
		program: program.into(),
		inputs: inputs.to_vec(),
		roots: Arc::new(roots),
		spoil,
		left: inputs.iter().map(|_| AtomicUsize::new(times)).collect(),
	};
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
		.await
		.expect("loopback has a free port");
	let server = blobs::serve(listener, Arc::new(store)).expect("it listens");
	let address = format!("http://{}", server.local_addr());
	(server, address)
}
