//! The server for a job's program, image, setup and inputs.

use crate::{
	failure::{Failure, Result},
	inputs::Inputs,
	job::Loaded,
	stored::Stored,
};
use millrace_client::{
	blobs::{serve, Blob, BlobStore, Chunks, Server},
	words,
};
use millrace_primitives::{job::is_url, Hash};
use std::{
	collections::{BTreeSet, HashMap},
	io,
	net::SocketAddr,
	path::{Path, PathBuf},
	sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpListener;

/// A job's blobs by their addresses, and the list of its inputs.
pub struct JobStore {
	/// Program, image, setup, as far as they are known.
	stored: HashMap<Hash, Stored>,
	inputs: Inputs,
	list_root: Hash,
	/// Where an input with this root stands in the list.
	places: HashMap<Hash, usize>,
	/// The files of inputs of which was said that they cannot be served.
	told: Mutex<BTreeSet<PathBuf>>,
}

impl JobStore {
	/// A store of what was loaded.
	pub fn new(loaded: &Loaded) -> Self {
		let checked = &loaded.checked;
		let program = checked.program.as_ref().map(|program| &program.module);
		let stored = program.into_iter().chain(&loaded.image).chain(&checked.setup);
		let inputs = loaded.inputs.clone();
		let places = inputs.roots.iter().enumerate().map(|(place, root)| (*root, place));
		Self {
			stored: stored.map(|stored| (stored.address(), stored.clone())).collect(),
			list_root: inputs.root(),
			places: places.collect(),
			inputs,
			told: Mutex::default(),
		}
	}
}

impl JobStore {
	/// What is said of a file that cannot be served, once.
	fn warning(&self, path: &Path, error: &io::Error) -> Option<String> {
		let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
		let text = format!(
			"warning: cannot serve {}: {error}. Providers that need it will decline: cancel the job and submit it again, or \
			 serve what it was elsewhere",
			path.display()
		);
		told.insert(path.into()).then(|| words::line(&text))
	}
}

impl BlobStore for JobStore {
	fn open(&self, root: Hash) -> Option<Blob> {
		if let Some(stored) = self.stored.get(&root) {
			return Some(Blob::File(stored.path().into()));
		}
		let piece = self.inputs.pieces.get(*self.places.get(&root)?)?;
		match piece.blob() {
			Ok(blob) => Some(blob),
			Err(error) => {
				if let Some(warning) = self.warning(piece.path(), &error) {
					crate::output::note(warning);
				}
				None
			}
		}
	}

	fn chunks(&self, root: Hash) -> Option<Chunks> {
		self.stored.get(&root).map(|stored| stored.chunks().clone())
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
	use crate::{job::options::WorkOptions, program::tests::accepted};
	use millrace_client::blobs::{fetch_blob, fetch_range, Client, Limits};

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

	fn loaded(folder: &std::path::Path) -> Loaded {
		let at = |name: &str| folder.join(name);
		std::fs::write(at("lines"), "one\ntwo\ntwo\n").unwrap();
		std::fs::write(at("program.wasm"), accepted()).unwrap();
		std::fs::create_dir_all(at("files")).unwrap();
		std::fs::write(at("files/large"), vec![7; 3 << 20]).unwrap();
		let work = WorkOptions {
			program: Some(at("program.wasm").display().to_string()),
			image: Some(at("files")),
			arg: vec!["x".into()],
			inputs: Some(at("lines")),
			lines: true,
			..WorkOptions::default()
		};
		let job = work
			.resolve(crate::job::options::TermOptions::default().resolve())
			.unwrap();
		job.check().unwrap().load().unwrap()
	}

	#[tokio::test]
	async fn a_job_is_served_to_whoever_knows_its_roots() {
		let folder = tempfile::tempdir().unwrap();
		let loaded = loaded(folder.path());
		let store = JobStore::new(&loaded);
		let serving = start(store, parse_address("127.0.0.1").unwrap(), None).await.unwrap();
		let endpoints = [serving.endpoint.clone()];
		let client = Client::new(Limits::default()).unwrap();
		let inputs = &loaded.inputs;
		let (list, _) = fetch_range(&client, &endpoints, inputs.root(), 3, 1, 2).await.unwrap();
		assert_eq!(list, inputs.roots[1..]);
		let to = folder.path().join("out");
		fetch_blob(&client, &endpoints, list[1], 10, &to).await.unwrap();
		assert_eq!(std::fs::read(&to).unwrap(), b"two");
		let checked = &loaded.checked;
		let module = &checked.program.as_ref().unwrap().module;
		for stored in [module, loaded.image.as_ref().unwrap(), checked.setup.as_ref().unwrap()] {
			let len = u64::from(stored.blob().len);
			assert_eq!(
				fetch_blob(&client, &endpoints, stored.address(), len, &to)
					.await
					.unwrap(),
				len
			);
			assert_eq!(std::fs::read(&to).unwrap(), std::fs::read(stored.path()).unwrap());
		}
		// What is served is what was packed, whatever became of the folder.
		std::fs::remove_dir_all(folder.path().join("files")).unwrap();
		let image = loaded.image.as_ref().unwrap();
		fetch_blob(&client, &endpoints, image.address(), image.blob().len.into(), &to)
			.await
			.unwrap();
	}

	#[test]
	fn an_input_that_changed_is_not_served_and_that_is_said_once() {
		let folder = tempfile::tempdir().unwrap();
		let loaded = loaded(folder.path());
		let store = JobStore::new(&loaded);
		let roots = loaded.inputs.roots.clone();
		assert!(roots.iter().all(|root| store.open(*root).is_some()));
		std::fs::write(folder.path().join("lines"), "one\ntwo\ntwo\nthree\n").unwrap();
		assert!(roots.iter().all(|root| store.open(*root).is_none()));
		assert_eq!(store.told.lock().unwrap().len(), 1);
		let error = io::Error::other("it changed");
		assert_eq!(store.warning(&folder.path().join("lines"), &error), None);
		let warning = store.warning(Path::new("other"), &error).unwrap();
		assert!(
			warning.contains("other: it changed") && warning.contains("decline"),
			"{warning}"
		);
	}

	#[tokio::test]
	async fn a_port_in_use_is_named_and_an_open_address_needs_a_url() {
		let folder = tempfile::tempdir().unwrap();
		let loaded = loaded(folder.path());
		let store = || JobStore::new(&loaded);
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
