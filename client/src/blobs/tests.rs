//! Downloads from honest and from hostile servers, all on loopback.

use super::*;
use codec::Encode;
use millrace_primitives::{
	job::JobId,
	machine::{Blake2, Tail, EMPTY_BLOB},
	merkle,
	outcome::{report, Status},
	Outcome, ShardId,
};
use std::{
	collections::HashMap,
	io::Write as _,
	net::SocketAddr,
	path::Path,
	sync::{Arc, Mutex},
	time::Duration,
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpStream},
};

const LIMITS: Limits = Limits {
	connect: Duration::from_secs(2),
	stall: Duration::from_millis(400),
	slowest: 1024 * 1024,
	resumes: 3,
	allow_private: true,
};

#[derive(Default)]
struct Store {
	blobs: HashMap<Hash, Blob>,
	lists: HashMap<Hash, Arc<Vec<Hash>>>,
	outcomes: HashMap<ShardId, Vec<Outcome>>,
	tail: Option<Tail>,
}

impl Store {
	fn with(blobs: &[&[u8]]) -> Self {
		let entry = |bytes: &&[u8]| (merkle::data_root(bytes), Blob::Bytes((*bytes).into()));
		Self {
			blobs: blobs.iter().map(entry).collect(),
			..Self::default()
		}
	}
}

impl BlobStore for Store {
	fn open(&self, root: Hash) -> Option<Blob> {
		self.blobs.get(&root).cloned()
	}
	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		self.lists.get(&root).cloned()
	}
	fn chunks(&self, root: Hash) -> Option<Chunks> {
		match self.blobs.get(&root)? {
			Blob::Bytes(bytes) => hash(&bytes[..]).ok(),
			Blob::File(_) => None,
		}
	}
	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		self.outcomes.get(&shard).map(Encode::encode)
	}
	fn errors(&self, job: JobId, task: u32) -> Option<Tail> {
		(job == JobId(7) && task == 3).then(|| self.tail.clone())?
	}
}

async fn serving(store: Store) -> (Server, String) {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let server = serve(listener, Arc::new(store)).unwrap();
	let url = url(server.local_addr());
	(server, url)
}

fn url(address: SocketAddr) -> String {
	format!("http://{address}")
}

/// A server that answers each connection with what `answer` makes of the request's head, then closes it; a `None`
/// keeps the connection open without a word.
async fn misbehaving(
	answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	let requests = Arc::new(Mutex::new(Vec::new()));
	let seen = requests.clone();
	let answer = Arc::new(answer);
	tokio::spawn(async move {
		while let Ok((stream, _)) = listener.accept().await {
			tokio::spawn(converse(stream, answer.clone(), seen.clone()));
		}
	});
	(url(address), requests)
}

async fn converse(mut stream: TcpStream, answer: Arc<impl Fn(&str) -> Option<Vec<u8>>>, seen: Arc<Mutex<Vec<String>>>) {
	let mut head = Vec::new();
	let mut byte = [0];
	while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
		head.push(byte[0]);
	}
	let head = String::from_utf8(head).unwrap();
	let reply = answer(&head);
	seen.lock().unwrap().push(head);
	match reply {
		Some(bytes) => {
			stream.write_all(&bytes).await.unwrap();
			stream.shutdown().await.unwrap();
		}
		// Until the other side gives up.
		None => drop(stream.read(&mut byte).await),
	}
}

/// A complete HTTP answer head for a body of `len` bytes.
fn head(status: &str, len: usize) -> Vec<u8> {
	format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n").into_bytes()
}

fn whole(body: &[u8]) -> Vec<u8> {
	[head("200 OK", body.len()), body.to_vec()].concat()
}

fn offset(request: &str) -> usize {
	let line = request.lines().find_map(|line| {
		line.to_ascii_lowercase()
			.strip_prefix("range: bytes=")
			.map(String::from)
	});
	line.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
}

fn data(len: usize) -> Vec<u8> {
	(0..len).map(|index| (index * 31 % 251) as u8).collect()
}

/// Fetches from these endpoints; checks that nothing but the complete file is left behind.
async fn fetch(endpoints: &[String], bytes: &[u8], max_len: u64) -> Result<u64, FetchError> {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("blob");
	let client = Client::new(LIMITS).unwrap();
	let result = fetch_blob(&client, endpoints, merkle::data_root(bytes), max_len, &path).await;
	let files: Vec<_> = std::fs::read_dir(folder.path())
		.unwrap()
		.map(|entry| entry.unwrap().path())
		.collect();
	if result.is_ok() {
		assert_eq!(files, [path.clone()]);
		assert_eq!(std::fs::read(&path).unwrap(), bytes);
		assert_eq!(
			verify_file(&path, &merkle::data_root(bytes)).unwrap(),
			Some(bytes.len() as u64)
		);
	} else {
		assert_eq!(files, Vec::<std::path::PathBuf>::new());
	}
	result
}

fn only_reason(result: Result<u64, FetchError>) -> Reason {
	match result {
		Err(FetchError::Refused { reasons, .. }) if reasons.len() == 1 => reasons[0].reason.clone(),
		other => panic!("{other:?}"),
	}
}

#[tokio::test]
async fn blobs_of_all_sizes_arrive_from_memory_and_from_files() {
	let folder = tempfile::tempdir().unwrap();
	for len in [0, 1, 31, 32, 33, 200_000] {
		let bytes = data(len);
		let (server, url) = serving(Store::with(&[&bytes])).await;
		assert_eq!(fetch(&[url], &bytes, len as u64).await.unwrap(), len as u64);
		server.shutdown().await;
		let path = folder.path().join(len.to_string());
		std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
		let blobs = [(merkle::data_root(&bytes), Blob::File(path))].into();
		let (_server, url) = serving(Store {
			blobs,
			..Store::default()
		})
		.await;
		assert_eq!(fetch(&[url], &bytes, len as u64).await.unwrap(), len as u64);
	}
}

#[tokio::test]
async fn ranges_and_heads_are_answered_and_unknown_roots_are_404_in_json() {
	let bytes = data(1_000);
	let (_server, url) = serving(Store::with(&[&bytes])).await;
	let http = reqwest::Client::new();
	let blob = format!("{url}/blobs/{}", hex_root(&merkle::data_root(&bytes)));
	let part = http.get(&blob).header("range", "bytes=990-").send().await.unwrap();
	assert_eq!(part.status(), 206);
	assert_eq!(part.headers()["content-range"], "bytes 990-999/1000");
	assert_eq!(part.bytes().await.unwrap(), bytes[990..]);
	let head = http.head(&blob).send().await.unwrap();
	assert_eq!(
		(
			head.status().as_u16(),
			head.headers()["content-length"].to_str().unwrap()
		),
		(200, "1000")
	);
	let beyond = http.get(&blob).header("range", "bytes=1000-").send().await.unwrap();
	assert_eq!(
		(
			beyond.status().as_u16(),
			beyond.headers()["content-range"].to_str().unwrap()
		),
		(416, "bytes */1000")
	);
	for (path, status) in [
		(format!("blobs/{}", hex_root(&Hash::zero())), 404),
		("blobs/0x12".into(), 400),
		("blobs/..%2f..%2fetc%2fpasswd".into(), 400),
		(format!("lists/{}/0/1", hex_root(&Hash::zero())), 404),
		(format!("lists/{}/0/5000", hex_root(&Hash::zero())), 400),
		(format!("trees/{}", hex_root(&Hash::zero())), 404),
		("trees/0x12".into(), 400),
		("outcomes/1/1".into(), 404),
		("errors/1/1".into(), 404),
	] {
		let answer = http.get(format!("{url}/{path}")).send().await.unwrap();
		assert_eq!(answer.status(), status, "{path}");
		let body: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
		assert!(body["error"].is_string(), "{path}");
	}
}

#[tokio::test]
async fn altered_data_is_refused_and_the_next_endpoint_is_asked() {
	let bytes = data(5_000);
	let mut wrong = bytes.clone();
	wrong[4_321] ^= 1;
	let (liar, _) = misbehaving(move |_| Some(whole(&wrong))).await;
	assert_eq!(
		only_reason(fetch(&[liar.clone()], &bytes, 10_000).await),
		Reason::Mismatch
	);
	let (_server, honest) = serving(Store::with(&[&bytes])).await;
	assert_eq!(fetch(&[liar, honest], &bytes, 10_000).await.unwrap(), 5_000);
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
	let bytes = data(9_000);
	let body = bytes.clone();
	let (flaky, requests) = misbehaving(move |request| {
		let offset = offset(request);
		let end = (offset + 3_000).min(body.len());
		let status = if offset == 0 {
			"200 OK".to_string()
		} else {
			format!(
				"206 Partial Content\r\nContent-Range: bytes {offset}-{}/{}",
				body.len() - 1,
				body.len()
			)
		};
		Some([head(&status, body.len() - offset), body[offset..end].to_vec()].concat())
	})
	.await;
	assert_eq!(fetch(&[flaky], &bytes, 9_000).await.unwrap(), 9_000);
	let offsets: Vec<_> = requests.lock().unwrap().iter().map(|request| offset(request)).collect();
	assert_eq!(offsets, [0, 3_000, 6_000]);
}

#[tokio::test]
async fn a_truncated_blob_is_given_up_after_some_tries() {
	let bytes = data(9_000);
	let body = bytes.clone();
	// It always breaks at the same place and ignores ranges.
	let (truncated, requests) =
		misbehaving(move |_| Some([head("200 OK", body.len()), body[..4_000].to_vec()].concat())).await;
	assert!(matches!(
		only_reason(fetch(&[truncated], &bytes, 9_000).await),
		Reason::Broken(_)
	));
	assert!(requests.lock().unwrap().len() <= 1 + LIMITS.resumes as usize);
	// Shorter than it should be, but complete by its own account.
	let short = bytes[..8_000].to_vec();
	let (short, _) = misbehaving(move |_| Some(whole(&short))).await;
	assert_eq!(only_reason(fetch(&[short], &bytes, 9_000).await), Reason::Mismatch);
}

#[tokio::test]
async fn a_good_end_after_a_bad_beginning_is_fetched_afresh() {
	let bytes = data(6_000);
	let mut wrong = bytes.clone();
	wrong[0] ^= 1;
	// The first endpoint sends an altered beginning and dies.
	let (liar, _) = misbehaving(move |_| Some([head("200 OK", wrong.len()), wrong[..3_000].to_vec()].concat())).await;
	let (_server, honest) = serving(Store::with(&[&bytes])).await;
	assert_eq!(fetch(&[liar, honest], &bytes, 6_000).await.unwrap(), 6_000);
}

#[tokio::test]
async fn oversized_blobs_are_not_downloaded() {
	let bytes = data(5_000);
	let body = bytes.clone();
	let (declared, _) = misbehaving(move |_| Some(whole(&body))).await;
	assert_eq!(
		only_reason(fetch(&[declared], &bytes, 4_999).await),
		Reason::TooLarge(4_999)
	);
	// Without a declared length, until the connection ends.
	let body = bytes.clone();
	let (endless, _) =
		misbehaving(move |_| Some([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), body.clone()].concat()))
			.await;
	assert_eq!(
		only_reason(fetch(&[endless], &bytes, 4_999).await),
		Reason::TooLarge(4_999)
	);
}

#[tokio::test]
async fn a_stalling_server_is_given_up() {
	let bytes = data(5_000);
	let (silent, _) = misbehaving(|_| None).await;
	let (_server, honest) = serving(Store::with(&[&bytes])).await;
	assert_eq!(
		only_reason(fetch(&[silent.clone()], &bytes, 5_000).await),
		Reason::Stalled
	);
	assert_eq!(fetch(&[silent, honest], &bytes, 5_000).await.unwrap(), 5_000);
}

#[tokio::test]
async fn redirects_are_not_followed_and_every_failure_is_named() {
	let bytes = data(10);
	let (_server, honest) = serving(Store::with(&[&bytes])).await;
	let target = honest.clone();
	let (redirect, _) = misbehaving(move |_| {
		Some(
			format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				.into_bytes(),
		)
	})
	.await;
	let closed = std::net::TcpListener::bind("127.0.0.1:0")
		.unwrap()
		.local_addr()
		.unwrap();
	let endpoints = [redirect.clone(), url(closed), "file:///etc/passwd".into()];
	let error = fetch(&endpoints, &bytes, 10).await.unwrap_err();
	assert!(!error.is_mismatch());
	let text = error.to_string();
	for part in [redirect.as_str(), "302", "unreachable", "not an http(s) URL"] {
		assert!(text.contains(part), "{part} is missing in {text}");
	}
	assert!(fetch(&[], &bytes, 10)
		.await
		.unwrap_err()
		.to_string()
		.contains("nobody serves it"));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error_of_the_disk() {
	let bytes = data(10);
	let (_server, honest) = serving(Store::with(&[&bytes])).await;
	let client = Client::new(LIMITS).unwrap();
	let path = Path::new("/nonexistent/folder/blob");
	let error = fetch_blob(&client, &[honest], merkle::data_root(&bytes), 10, path)
		.await
		.unwrap_err();
	assert!(matches!(error, FetchError::Disk { .. }), "{error}");
}

#[tokio::test]
async fn lists_and_outcomes_are_verified() {
	let values: Vec<_> = (0u32..100).map(|index| merkle::hash(&index.encode())).collect();
	let root = merkle::list_root(&values);
	let shard = ShardId {
		job: JobId(7),
		index: 3,
	};
	let outcome = |gas_used| Outcome {
		status: Status::Success,
		code: 0,
		output: EMPTY_BLOB,
		errors: [0; 32],
		gas_used,
	};
	let outcomes: Vec<_> = (0..5).map(outcome).collect();
	let good = report(&outcomes).unwrap();
	let store = Store {
		lists: [(root, Arc::new(values.clone()))].into(),
		outcomes: [(shard, outcomes.clone())].into(),
		..Store::default()
	};
	let (_server, url) = serving(store).await;
	let client = Client::new(LIMITS).unwrap();
	let endpoints = [url];
	for (first, count) in [(0, 100), (0, 1), (99, 1), (40, 25)] {
		let (range, _) = fetch_range(&client, &endpoints, root, 100, first, count).await.unwrap();
		assert_eq!(range, values[first as usize..(first + count) as usize]);
	}
	assert!(fetch_range(&client, &endpoints, root, 101, 0, 5)
		.await
		.unwrap_err()
		.is_mismatch());
	assert!(fetch_range(&client, &endpoints, root, 100, 90, 20).await.is_err());
	assert_eq!(
		fetch_outcomes(&client, &endpoints, shard, 5, &good).await.unwrap(),
		outcomes
	);
	let other = report(&outcomes[1..]).unwrap();
	assert!(fetch_outcomes(&client, &endpoints, shard, 5, &other)
		.await
		.unwrap_err()
		.is_mismatch());
	assert!(fetch_outcomes(&client, &endpoints, shard, 4, &good).await.is_err());
}

/// More than two chunks, so that their hashes are asked for.
fn large() -> Vec<u8> {
	data(3 * CHUNK as usize + 77)
}

#[tokio::test]
async fn large_blobs_are_checked_chunk_by_chunk_and_what_is_right_stays() {
	let bytes = large();
	let mut wrong = bytes.clone();
	let spoiled = CHUNK as usize + 5;
	wrong[spoiled] ^= 1;
	let (liar, asked) = misbehaving(move |request| {
		if request.contains("/trees/") {
			return Some(head("404 Not Found", 0));
		}
		Some(whole(&wrong))
	})
	.await;
	let body = bytes.clone();
	let (honest, requests) = misbehaving(move |request| {
		if request.contains("/trees/") {
			return Some(whole(&hash(&body[..]).unwrap().encode()));
		}
		let rest = &body[offset(request)..];
		let status = match body.len() - rest.len() {
			0 => "200 OK".into(),
			from => format!(
				"206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
				body.len() - 1,
				body.len()
			),
		};
		Some([head(&status, rest.len()), rest.to_vec()].concat())
	})
	.await;
	let len = bytes.len() as u64;
	assert_eq!(fetch(&[liar, honest], &bytes, 2 * len).await.unwrap(), len);
	// The first chunk of the liar was right.
	let offsets: Vec<_> = requests.lock().unwrap().iter().map(|request| offset(request)).collect();
	assert_eq!(offsets, [0, CHUNK as usize], "the hashes, then the rest");
	assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn large_blobs_arrive_with_and_without_the_hashes_of_chunks() {
	let bytes = large();
	let (_server, url) = serving(Store::with(&[&bytes])).await;
	let len = bytes.len() as u64;
	assert_eq!(fetch(&[url], &bytes, len).await.unwrap(), len);
	// Hashes of something else are as good as none.
	let body = bytes.clone();
	let (odd, _) = misbehaving(move |request| {
		if request.contains("/trees/") {
			return Some(whole(&hash(&body[1..]).unwrap().encode()));
		}
		Some(whole(&body))
	})
	.await;
	assert_eq!(fetch(&[odd], &bytes, len).await.unwrap(), len);
}

#[tokio::test]
async fn a_longer_blob_with_a_right_beginning_is_a_mismatch() {
	let bytes = large();
	let longer = [bytes.clone(), vec![0; 9]].concat();
	let body = bytes.clone();
	let (liar, _) = misbehaving(move |request| {
		if request.contains("/trees/") {
			return Some(whole(&hash(&body[..]).unwrap().encode()));
		}
		Some(whole(&longer))
	})
	.await;
	assert_eq!(
		only_reason(fetch(&[liar], &bytes, 2 * bytes.len() as u64).await),
		Reason::Mismatch
	);
}

#[tokio::test]
async fn the_tail_of_standard_error_is_verified() {
	let mut tail = Tail::new();
	tail.push(&data(5_000));
	let store = |tail| Store {
		tail: Some(tail),
		..Store::default()
	};
	let errors = tail.root::<Blake2>();
	let client = Client::new(LIMITS).unwrap();
	let (_server, honest) = serving(store(tail.clone())).await;
	let got = fetch_errors(&client, &[honest.clone()], JobId(7), 3, &errors)
		.await
		.unwrap();
	assert_eq!(got, tail);
	assert!(fetch_errors(&client, &[honest.clone()], JobId(7), 4, &errors)
		.await
		.is_err());
	let mut other = tail.clone();
	other.ring[9] ^= 1;
	let (_server, liar) = serving(store(other)).await;
	let refused = fetch_errors(&client, &[liar.clone()], JobId(7), 3, &errors)
		.await
		.unwrap_err();
	assert!(refused.is_mismatch(), "{refused}");
	let got = fetch_errors(&client, &[liar, honest], JobId(7), 3, &errors)
		.await
		.unwrap();
	assert_eq!(got, tail);
	// One that claims to have written more than it sends.
	let (_server, short) = serving(store(Tail {
		count: 9,
		ring: vec![1],
	}))
	.await;
	let errors = Tail {
		count: 9,
		ring: vec![1],
	}
	.root::<Blake2>();
	assert!(fetch_errors(&client, &[short], JobId(7), 3, &errors).await.is_err());
}
