//! Serving blobs.

use super::{
	chunks::Chunks,
	fetch::encode_tail,
	guard::{Guarded, Peer, ServeLimits, Turn as Permit, Turns},
	parse_root,
};
use axum::{
	body::{Body, Bytes},
	extract::{ConnectInfo, Path, State},
	http::{header, HeaderMap, HeaderValue, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Extension, Router,
};
use codec::Encode;
use futures::StreamExt;
use millrace_primitives::{job::MAX_SHARD_TASKS, machine::Tail, merkle, Hash, JobId, ShardId};
use std::{
	io::{self, SeekFrom},
	net::SocketAddr,
	ops::Range,
	path::PathBuf,
	sync::Arc,
	time::Duration,
};
use tokio::{
	io::{AsyncReadExt, AsyncSeekExt},
	net::TcpListener,
	sync::oneshot,
	task::JoinHandle,
};
use tokio_util::io::ReaderStream;

/// For so long a shutdown waits for answers under way.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// The size of the pieces in which files are read, in bytes.
const CHUNK: usize = 64 * 1024;

/// Data that is served.
#[derive(Clone, Debug)]
pub enum Blob {
	/// From memory.
	Bytes(Arc<[u8]>),
	/// From a file, which must not change.
	File(PathBuf),
}

/// What a server has. The methods are called on threads that may block.
pub trait BlobStore: Send + Sync + 'static {
	/// The data whose [`merkle::data_root`] this is.
	fn open(&self, root: Hash) -> Option<Blob>;
	/// The values whose [`merkle::list_root`] this is.
	fn list(&self, root: Hash) -> Option<Arc<Vec<Hash>>> {
		let _ = root;
		None
	}
	/// These values of the list with this root, and the proof of their place, `(Vec<Hash>, Vec<Hash>)` in SCALE, where no more of
	/// the list is known.
	fn range(&self, root: Hash, first: u32, count: u32) -> Option<Vec<u8>> {
		let _ = (root, first, count);
		None
	}
	/// The hashes of the chunks of the data with this root. Worth having for what is large.
	fn chunks(&self, root: Hash) -> Option<Chunks> {
		let _ = root;
		None
	}
	/// SCALE of the `Vec<Outcome>` of a shard.
	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		let _ = shard;
		None
	}
	/// The last of what a task of a job wrote to standard error; of one that succeeded nobody needs to keep it.
	fn errors(&self, job: JobId, task: u32) -> Option<Tail> {
		let _ = (job, task);
		None
	}
}

#[derive(Clone)]
struct Shared {
	store: Arc<dyn BlobStore>,
	turns: Arc<Turns>,
}

/// The right to send an answer. It lasts until the last piece of the answer was handed to the system.
type Turn = Arc<Permit>;

/// Whose connection a request came by, if the server under the routes is [`serve`]'s.
type Origin = Option<Extension<ConnectInfo<Peer>>>;

/// A piece of an answer and its turn.
struct Piece<T> {
	bytes: T,
	range: Range<usize>,
	_turn: Turn,
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Piece<T> {
	fn as_ref(&self) -> &[u8] {
		self.bytes.as_ref().get(self.range.clone()).unwrap_or_default()
	}
}

/// A part of some bytes, without copying them.
fn piece<T: AsRef<[u8]> + Send + 'static>(bytes: T, range: Range<usize>, turn: &Turn) -> Bytes {
	Bytes::from_owner(Piece {
		bytes,
		range,
		_turn: turn.clone(),
	})
}

/// The routes of the protocol, to be merged with others. Whoever serves them has to bound connections, their time and
/// what one address takes; [`serve`] does.
pub fn router(store: Arc<dyn BlobStore>) -> Router {
	router_with(store, &ServeLimits::default())
}

fn router_with(store: Arc<dyn BlobStore>, limits: &ServeLimits) -> Router {
	Router::new()
		.route("/blobs/{root}", get(blob))
		.route("/lists/{root}/{first}/{count}", get(list))
		.route("/trees/{root}", get(tree))
		.route("/outcomes/{job}/{shard}", get(outcomes))
		.route("/errors/{job}/{task}", get(errors))
		.with_state(Shared {
			store,
			turns: Arc::new(Turns::new(limits)),
		})
}

/// A server under way. Dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
	address: SocketAddr,
	stop: Option<oneshot::Sender<()>>,
	task: JoinHandle<io::Result<()>>,
}

/// Serves a store on a listener, within the default limits.
///
/// # Errors
/// If the listener has no address.
pub fn serve(listener: TcpListener, store: Arc<dyn BlobStore>) -> io::Result<Server> {
	serve_with(listener, store, ServeLimits::default())
}

/// Serves a store on a listener within these limits.
///
/// # Errors
/// If the listener has no address.
pub fn serve_with(listener: TcpListener, store: Arc<dyn BlobStore>, limits: ServeLimits) -> io::Result<Server> {
	let address = listener.local_addr()?;
	let (stop, stopped) = oneshot::channel::<()>();
	let router = router_with(store, &limits).into_make_service_with_connect_info::<Peer>();
	let task = tokio::spawn(async move {
		axum::serve(Guarded::new(listener, limits), router)
			.with_graceful_shutdown(async move {
				// Either a message or a dropped sender ends it.
				drop(stopped.await);
			})
			.await
	});
	Ok(Server {
		address,
		stop: Some(stop),
		task,
	})
}

impl Server {
	/// Where it listens.
	pub fn local_addr(&self) -> SocketAddr {
		self.address
	}

	/// Takes no more requests and waits a while for the answers under way.
	pub async fn shutdown(mut self) {
		drop(self.stop.take());
		if tokio::time::timeout(SHUTDOWN, &mut self.task).await.is_err() {
			tracing::debug!("answers under way are cut off");
		}
	}
}

impl Drop for Server {
	fn drop(&mut self) {
		self.task.abort();
	}
}

fn refuse(status: StatusCode, reason: &str) -> Response {
	let body = serde_json::json!({ "error": reason }).to_string();
	(status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn octets(bytes: Vec<u8>, turn: &Turn) -> Response {
	let whole = 0..bytes.len();
	(
		[(header::CONTENT_TYPE, "application/octet-stream")],
		piece(bytes, whole, turn),
	)
		.into_response()
}

impl Shared {
	async fn turn(&self, from: Origin) -> Result<Turn, Response> {
		let address = from.and_then(|Extension(ConnectInfo(Peer(address)))| address);
		let turn = self.turns.take(address).await;
		turn.map(Arc::new).ok_or_else(|| {
			refuse(
				StatusCode::SERVICE_UNAVAILABLE,
				"too many requests at once, try again later",
			)
		})
	}

	async fn look<T: Send + 'static>(
		&self,
		look: impl FnOnce(&dyn BlobStore) -> T + Send + 'static,
	) -> Result<T, Response> {
		let store = self.store.clone();
		tokio::task::spawn_blocking(move || look(&*store))
			.await
			.map_err(|error| {
				tracing::error!(%error, "the store failed");
				refuse(StatusCode::INTERNAL_SERVER_ERROR, "the store failed")
			})
	}
}

async fn blob(State(shared): State<Shared>, from: Origin, Path(root): Path<String>, headers: HeaderMap) -> Response {
	let Some(root) = parse_root(&root) else {
		return refuse(StatusCode::BAD_REQUEST, "not a root");
	};
	let turn = match shared.turn(from).await {
		Ok(turn) => turn,
		Err(refusal) => return refusal,
	};
	let found = match shared.look(move |store| store.open(root)).await {
		Ok(found) => found,
		Err(refusal) => return refusal,
	};
	let answer = match found {
		None => Ok(refuse(StatusCode::NOT_FOUND, "no such blob")),
		Some(Blob::Bytes(bytes)) => {
			let len = bytes.len() as u64;
			partial(len, &headers, |start, count| async move {
				let range = usize::try_from(start).ok().zip(usize::try_from(start + count).ok());
				let (start, end) = range.ok_or(io::ErrorKind::InvalidInput)?;
				Ok(Body::from(piece(bytes, start..end, &turn)))
			})
			.await
		}
		Some(Blob::File(path)) => file(path, &headers, turn).await,
	};
	answer.unwrap_or_else(|error: io::Error| {
		if error.kind() == io::ErrorKind::NotFound {
			return refuse(StatusCode::NOT_FOUND, "no such blob");
		}
		tracing::warn!(%error, "cannot read a blob");
		refuse(StatusCode::INTERNAL_SERVER_ERROR, "cannot read the blob")
	})
}

async fn file(path: PathBuf, headers: &HeaderMap, turn: Turn) -> io::Result<Response> {
	let mut file = tokio::fs::File::open(path).await?;
	let len = file.metadata().await?.len();
	partial(len, headers, |start, count| async move {
		file.seek(SeekFrom::Start(start)).await?;
		let stream = ReaderStream::with_capacity(file.take(count), CHUNK);
		Ok(Body::from_stream(stream.map(move |read| {
			read.map(|bytes| {
				let whole = 0..bytes.len();
				piece(bytes, whole, &turn)
			})
		})))
	})
	.await
}

/// Answers with all of `len` bytes or with the range that the request names.
async fn partial<F>(len: u64, headers: &HeaderMap, body: impl FnOnce(u64, u64) -> F) -> io::Result<Response>
where
	F: std::future::Future<Output = io::Result<Body>>,
{
	let number = |text: String| HeaderValue::try_from(text).map_err(io::Error::other);
	let range = headers
		.get(header::RANGE)
		.and_then(|value| value.to_str().ok())
		.map(|value| parse_range(value, len));
	let (status, start, count) = match range {
		Some(Some(Some((start, count)))) => (StatusCode::PARTIAL_CONTENT, start, count),
		Some(Some(None)) => {
			let mut response = refuse(StatusCode::RANGE_NOT_SATISFIABLE, "no such range");
			response
				.headers_mut()
				.insert(header::CONTENT_RANGE, number(format!("bytes */{len}"))?);
			return Ok(response);
		}
		// No range, or one that is not understood and therefore ignored (RFC 9110, section 14.2).
		None | Some(None) => (StatusCode::OK, 0, len),
	};
	let mut response = Response::new(body(start, count).await?);
	*response.status_mut() = status;
	let headers = response.headers_mut();
	headers.insert(
		header::CONTENT_TYPE,
		HeaderValue::from_static("application/octet-stream"),
	);
	headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
	headers.insert(header::CONTENT_LENGTH, number(count.to_string())?);
	if status == StatusCode::PARTIAL_CONTENT {
		let last = start.saturating_add(count).saturating_sub(1);
		headers.insert(header::CONTENT_RANGE, number(format!("bytes {start}-{last}/{len}"))?);
	}
	Ok(response)
}

/// Reads `bytes=a-b`, `bytes=a-` or `bytes=-n`. `None` for anything else, `Some(None)` if no byte of it exists, else
/// the first byte and their number, at least one.
fn parse_range(value: &str, len: u64) -> Option<Option<(u64, u64)>> {
	let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
	let parse = |text: &str| {
		text.parse::<u64>()
			.ok()
			.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
	};
	let (start, end) = match (first, last) {
		("", last) => (len.saturating_sub(parse(last)?), len),
		(first, "") => (parse(first)?, len),
		(first, last) => {
			let (first, last) = (parse(first)?, parse(last)?);
			if first > last {
				return None;
			}
			(first, last.saturating_add(1).min(len))
		}
	};
	Some((start < end).then(|| (start, end - start)))
}

async fn list(
	State(shared): State<Shared>,
	from: Origin,
	Path((root, first, count)): Path<(String, u32, u32)>,
) -> Response {
	let Some(root) = parse_root(&root) else {
		return refuse(StatusCode::BAD_REQUEST, "not a root");
	};
	if count == 0 || count > MAX_SHARD_TASKS {
		return refuse(StatusCode::BAD_REQUEST, "the count must be 1 to 4096");
	}
	let turn = match shared.turn(from).await {
		Ok(turn) => turn,
		Err(refusal) => return refusal,
	};
	let found = shared.look(move |store| {
		let Some(values) = store.list(root) else {
			return store.range(root, first, count);
		};
		let proof = merkle::prove_range(&values, first, count)?;
		let end = (first as usize).checked_add(count as usize)?;
		let range = values.get(first as usize..end)?;
		Some((range, proof).encode())
	});
	match found.await {
		Ok(Some(answer)) => octets(answer, &turn),
		Ok(None) => refuse(StatusCode::NOT_FOUND, "no such list or range"),
		Err(refusal) => refusal,
	}
}

/// Answers with what the store has.
async fn answer(
	shared: &Shared,
	from: Origin,
	absent: &str,
	look: impl FnOnce(&dyn BlobStore) -> Option<Vec<u8>> + Send + 'static,
) -> Response {
	let turn = match shared.turn(from).await {
		Ok(turn) => turn,
		Err(refusal) => return refusal,
	};
	match shared.look(look).await {
		Ok(Some(answer)) => octets(answer, &turn),
		Ok(None) => refuse(StatusCode::NOT_FOUND, absent),
		Err(refusal) => refusal,
	}
}

async fn tree(State(shared): State<Shared>, from: Origin, Path(root): Path<String>) -> Response {
	let Some(root) = parse_root(&root) else {
		return refuse(StatusCode::BAD_REQUEST, "not a root");
	};
	answer(&shared, from, "no such blob, or its tree is not known", move |store| {
		store.chunks(root).map(|chunks| chunks.encode())
	})
	.await
}

async fn outcomes(State(shared): State<Shared>, from: Origin, Path((job, index)): Path<(u64, u32)>) -> Response {
	let shard = ShardId { job: JobId(job), index };
	answer(&shared, from, "no such shard", move |store| store.outcomes(shard)).await
}

async fn errors(State(shared): State<Shared>, from: Origin, Path((job, task)): Path<(u64, u32)>) -> Response {
	answer(&shared, from, "no such task, or it succeeded", move |store| {
		store.errors(JobId(job), task).map(|tail| encode_tail(&tail))
	})
	.await
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn ranges_are_read_as_the_standard_says() {
		assert_eq!(parse_range("bytes=0-3", 10), Some(Some((0, 4))));
		assert_eq!(parse_range("bytes=4-", 10), Some(Some((4, 6))));
		assert_eq!(parse_range("bytes=-3", 10), Some(Some((7, 3))));
		assert_eq!(parse_range("bytes=-30", 10), Some(Some((0, 10))));
		assert_eq!(parse_range("bytes=8-100", 10), Some(Some((8, 2))));
		assert_eq!(parse_range("bytes=10-", 10), Some(None));
		assert_eq!(parse_range("bytes=0-0", 0), Some(None));
		for ignored in [
			"bytes=5-4",
			"bytes=1-2,4-5",
			"bytes=+1-2",
			"items=0-1",
			"bytes=",
			"bytes=-",
			"bytes=a-b",
		] {
			assert_eq!(parse_range(ignored, 10), None, "{ignored}");
		}
	}
}
