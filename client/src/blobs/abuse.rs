//! Servers under abuse and clients that are led astray, all on loopback.

use super::*;
use millrace_primitives::{merkle, ShardId};
use std::{
	net::SocketAddr,
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpSocket, TcpStream},
};

/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than the buffers of two sockets hold.
const LARGE: usize = 48 << 20;

struct Store {
	small: Vec<u8>,
	large: Arc<[u8]>,
}

impl BlobStore for Store {
	fn open(&self, root: Hash) -> Option<Blob> {
		if root == Hash::zero() {
			// Nobody checks it here.
			return Some(Blob::Bytes(self.large.clone()));
		}
		(root == merkle::data_root(&self.small)).then(|| Blob::Bytes(self.small.as_slice().into()))
	}

	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		(shard.index == 0).then(|| vec![0])
	}
}

const LIMITS: ServeLimits = ServeLimits {
	connections: 100,
	per_address: 100,
	exempt_loopback: false,
	transfers: 10,
	transfers_per_address: 10,
	wait: Duration::from_millis(50),
	idle: Duration::from_millis(400),
	slowest: 1_000_000_000,
};

async fn serving(limits: ServeLimits) -> (Server, SocketAddr) {
	let store = Store {
		small: b"small".to_vec(),
		large: vec![7; LARGE].into(),
	};
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let server = serve_with(listener, Arc::new(store), limits).unwrap();
	let address = server.local_addr();
	(server, address)
}

/// The status of an answer over a connection of its own, from a loopback address; none if it was closed.
async fn status(server: SocketAddr, from: &str, path: &str) -> Option<u16> {
	let http = reqwest::Client::builder()
		.local_address(Some(from.parse().unwrap()))
		.no_proxy()
		.build()
		.unwrap();
	let answer = http.get(format!("http://{server}/{path}")).send().await.ok()?;
	let status = answer.status().as_u16();
	drop(answer.bytes().await);
	Some(status)
}

fn small() -> String {
	format!("blobs/{}", hex_root(&merkle::data_root(b"small")))
}

async fn assert_served(server: SocketAddr) {
	assert_eq!(status(server, "127.0.0.1", &small()).await, Some(200));
}

/// Waits until the other side ends the connection; what it sent until then.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
	let mut bytes = Vec::new();
	// An end and a reset are both an end.
	let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
	drop(read.expect("the connection stays open"));
	bytes
}

/// Waits until this status comes.
async fn until_status(server: SocketAddr, from: &str, path: &str, expected: u16) {
	let deadline = Instant::now() + PATIENCE;
	while status(server, from, path).await != Some(expected) {
		assert!(Instant::now() < deadline, "no {expected} in time");
		tokio::time::sleep(Duration::from_millis(20)).await;
	}
}

/// A connection from a loopback address.
async fn connect(server: SocketAddr, from: &str) -> TcpStream {
	let socket = TcpSocket::new_v4().unwrap();
	socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
	socket.connect(server).await.unwrap()
}

/// A connection that asked for the large blob and got its first byte.
async fn greedy(server: SocketAddr) -> TcpStream {
	let mut stream = connect(server, "127.0.0.1").await;
	let request = format!("GET /blobs/{} HTTP/1.1\r\nHost: x\r\n\r\n", hex_root(&Hash::zero()));
	stream.write_all(request.as_bytes()).await.unwrap();
	assert_eq!(stream.read_u8().await.unwrap(), b'H');
	stream
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_others_are_served_meanwhile() {
	let (_server, address) = serving(LIMITS).await;
	let mut silent: Vec<_> = Vec::new();
	for _ in 0..20 {
		silent.push(connect(address, "127.0.0.1").await);
	}
	assert_served(address).await;
	for stream in &mut silent {
		assert_eq!(until_closed(stream).await, b"");
	}
	assert_served(address).await;
}

#[tokio::test]
async fn a_request_that_drips_in_is_not_awaited_for_ever() {
	let (_server, address) = serving(LIMITS).await;
	let stream = connect(address, "127.0.0.1").await;
	let (mut reader, mut writer) = stream.into_split();
	let drip = tokio::spawn(async move {
		for byte in b"GET /".iter().chain(std::iter::repeat(&b'x')) {
			if writer.write_all(&[*byte]).await.is_err() {
				return;
			}
			tokio::time::sleep(Duration::from_millis(20)).await;
		}
	});
	let mut bytes = Vec::new();
	let closed = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut bytes)).await;
	drop(closed.expect("the connection stays open"));
	assert_eq!(bytes, b"");
	assert_served(address).await;
	drip.abort();
}

#[tokio::test]
async fn requests_in_a_row_keep_a_connection_open() {
	let (_server, address) = serving(LIMITS).await;
	let mut stream = connect(address, "127.0.0.1").await;
	let begun = Instant::now();
	let mut buffer = [0; 4_096];
	while begun.elapsed() < LIMITS.idle * 3 {
		stream
			.write_all(b"GET /outcomes/1/0 HTTP/1.1\r\nHost: x\r\n\r\n")
			.await
			.unwrap();
		let count = stream.read(&mut buffer).await.unwrap();
		assert!(buffer[..count].starts_with(b"HTTP/1.1 200"));
		tokio::time::sleep(LIMITS.idle / 8).await;
	}
	until_closed(&mut stream).await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_holds_its_turn_until_it_is_cut_off() {
	let limits = ServeLimits { transfers: 1, ..LIMITS };
	let (_server, address) = serving(limits).await;
	let stream = greedy(address).await;
	// The handler returned long ago, the answer is still under way.
	assert_eq!(status(address, "127.0.0.1", &small()).await, Some(503));
	until_status(address, "127.0.0.1", &small(), 200).await;
	drop(stream);
}

#[tokio::test]
async fn an_answer_that_is_taken_too_slowly_is_cut_off() {
	let limits = ServeLimits { transfers: 1, ..LIMITS };
	let (_server, address) = serving(limits).await;
	let mut stream = greedy(address).await;
	let drip = tokio::spawn(async move {
		let mut buffer = [0; 1_024];
		while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
			tokio::time::sleep(Duration::from_millis(10)).await;
		}
	});
	until_status(address, "127.0.0.1", &small(), 200).await;
	drip.abort();
}

#[tokio::test]
async fn an_answer_that_is_taken_arrives_whole() {
	let limits = ServeLimits {
		transfers: 1,
		slowest: 1_000,
		..LIMITS
	};
	let (_server, address) = serving(limits).await;
	let url = format!("http://{address}/blobs/{}", hex_root(&Hash::zero()));
	let body = reqwest::get(url).await.unwrap().bytes().await.unwrap();
	assert!(body.len() == LARGE && body.iter().all(|byte| *byte == 7));
	assert_served(address).await;
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_others_are_served() {
	let limits = ServeLimits {
		per_address: 2,
		idle: PATIENCE * 2,
		..LIMITS
	};
	let (_server, address) = serving(limits).await;
	let first = connect(address, "127.0.0.1").await;
	let _second = connect(address, "127.0.0.1").await;
	let mut third = connect(address, "127.0.0.1").await;
	assert_eq!(until_closed(&mut third).await, b"");
	assert_eq!(status(address, "127.0.0.2", &small()).await, Some(200));
	drop(first);
	until_status(address, "127.0.0.1", &small(), 200).await;
}

#[tokio::test]
async fn one_address_has_so_many_answers_and_others_are_served() {
	let limits = ServeLimits {
		transfers_per_address: 2,
		idle: PATIENCE * 2,
		..LIMITS
	};
	let (_server, address) = serving(limits).await;
	let first = greedy(address).await;
	let _second = greedy(address).await;
	assert_eq!(status(address, "127.0.0.1", &small()).await, Some(503));
	assert_eq!(status(address, "127.0.0.2", &small()).await, Some(200));
	drop(first);
	until_status(address, "127.0.0.1", &small(), 200).await;
}

#[tokio::test]
async fn this_machine_may_have_all_answers() {
	let limits = ServeLimits {
		exempt_loopback: true,
		transfers_per_address: 1,
		idle: PATIENCE * 2,
		..LIMITS
	};
	let (_server, address) = serving(limits).await;
	let _first = greedy(address).await;
	assert_served(address).await;
}

#[tokio::test]
async fn there_are_so_many_connections_in_all() {
	let limits = ServeLimits {
		connections: 2,
		idle: PATIENCE * 2,
		..LIMITS
	};
	let (_server, address) = serving(limits).await;
	let first = connect(address, "127.0.0.1").await;
	let _second = connect(address, "127.0.0.2").await;
	let mut third = connect(address, "127.0.0.3").await;
	assert_eq!(until_closed(&mut third).await, b"");
	drop(first);
	until_status(address, "127.0.0.3", &small(), 200).await;
}

#[tokio::test]
async fn what_is_no_short_request_of_http_1_is_refused() {
	let limits = ServeLimits {
		idle: PATIENCE * 2,
		..LIMITS
	};
	let (_server, address) = serving(limits).await;
	let long = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 32 << 10]].concat();
	for bytes in [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), long] {
		let mut stream = connect(address, "127.0.0.1").await;
		// It may be refused before all is sent.
		drop(stream.write_all(&bytes).await);
		until_closed(&mut stream).await;
	}
	assert_served(address).await;
}

#[tokio::test]
async fn strangers_cannot_have_private_addresses_asked() {
	let (_server, address) = serving(LIMITS).await;
	let port = address.port();
	let folder = tempfile::tempdir().unwrap();
	let root = merkle::data_root(b"small");
	for (allow_private, host) in [
		(true, "127.0.0.1"),
		(true, "localhost"),
		(false, "127.0.0.1"),
		(false, "localhost"),
		(false, "127.1"),
		(false, "2130706433"),
		(false, "[::ffff:127.0.0.1]"),
	] {
		let client = Client::new(Limits {
			allow_private,
			resumes: 0,
			..Limits::default()
		});
		let endpoints = [format!("http://{host}:{port}")];
		let fetched = fetch_blob(&client.unwrap(), &endpoints, root, 10, &folder.path().join("x")).await;
		if allow_private {
			assert_eq!(fetched.unwrap(), 5, "{host}");
			continue;
		}
		let error = fetched.unwrap_err();
		assert!(error.is_private(), "{host}: {error}");
		assert!(error.to_string().contains("not a public address"), "{error}");
	}
}
