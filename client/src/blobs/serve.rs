//! Serving blobs.

use super::parse_root;
use axum::{
	body::Body,
	extract::{Path, State},
	http::{header, HeaderMap, HeaderValue, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Router,
};
use codec::Encode;
use futures::StreamExt;
use millrace_primitives::{job::MAX_SHARD_TASKS, merkle, Hash, JobId, ShardId};
use std::{
	io::{self, SeekFrom},
	net::SocketAddr,
	path::PathBuf,
	sync::Arc,
	time::Duration,
};
use tokio::{
	io::{AsyncReadExt, AsyncSeekExt},
	net::TcpListener,
	sync::{oneshot, OwnedSemaphorePermit, Semaphore},
	task::JoinHandle,
};
use tokio_util::io::ReaderStream;

/// So many answers are under way at once; more requests wait.
const MAX_CONCURRENT: usize = 128;
/// For so long a request waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(15);
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
	/// SCALE of the `Vec<Outcome>` of a shard.
	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		let _ = shard;
		None
	}
}

#[derive(Clone)]
struct Shared {
	store: Arc<dyn BlobStore>,
	turns: Arc<Semaphore>,
}

/// The routes of the protocol, to be served or merged with others.
pub fn router(store: Arc<dyn BlobStore>) -> Router {
	Router::new()
		.route("/blobs/{root}", get(blob))
		.route("/lists/{root}/{first}/{count}", get(list))
		.route("/outcomes/{job}/{shard}", get(outcomes))
		.with_state(Shared {
			store,
			turns: Arc::new(Semaphore::new(MAX_CONCURRENT)),
		})
}

/// A server under way. Dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
	address: SocketAddr,
	stop: Option<oneshot::Sender<()>>,
	task: JoinHandle<io::Result<()>>,
}

/// Serves a store on a listener.
///
/// # Errors
/// If the listener has no address.
pub fn serve(listener: TcpListener, store: Arc<dyn BlobStore>) -> io::Result<Server> {
	let address = listener.local_addr()?;
	let (stop, stopped) = oneshot::channel::<()>();
	let router = router(store);
	let task = tokio::spawn(async move {
		axum::serve(listener, router)
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

fn octets(bytes: Vec<u8>) -> Response {
	([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

impl Shared {
	async fn turn(&self) -> Result<OwnedSemaphorePermit, Response> {
		match tokio::time::timeout(MAX_WAIT, self.turns.clone().acquire_owned()).await {
			Ok(Ok(permit)) => Ok(permit),
			_ => Err(refuse(
				StatusCode::SERVICE_UNAVAILABLE,
				"too many requests at once, try again later",
			)),
		}
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

async fn blob(State(shared): State<Shared>, Path(root): Path<String>, headers: HeaderMap) -> Response {
	let Some(root) = parse_root(&root) else {
		return refuse(StatusCode::BAD_REQUEST, "not a root");
	};
	let permit = match shared.turn().await {
		Ok(permit) => permit,
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
				let part = range.and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default();
				Ok(Body::from(part.to_vec()))
			})
			.await
		}
		Some(Blob::File(path)) => file(path, &headers, permit).await,
	};
	answer.unwrap_or_else(|error: io::Error| {
		if error.kind() == io::ErrorKind::NotFound {
			return refuse(StatusCode::NOT_FOUND, "no such blob");
		}
		tracing::warn!(%error, "cannot read a blob");
		refuse(StatusCode::INTERNAL_SERVER_ERROR, "cannot read the blob")
	})
}

async fn file(path: PathBuf, headers: &HeaderMap, permit: OwnedSemaphorePermit) -> io::Result<Response> {
	let mut file = tokio::fs::File::open(path).await?;
	let len = file.metadata().await?.len();
	partial(len, headers, |start, count| async move {
		file.seek(SeekFrom::Start(start)).await?;
		let stream = ReaderStream::with_capacity(file.take(count), CHUNK);
		// The turn ends with the last piece.
		Ok(Body::from_stream(stream.map(move |piece| {
			let _turn = &permit;
			piece
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

async fn list(State(shared): State<Shared>, Path((root, first, count)): Path<(String, u32, u32)>) -> Response {
	let Some(root) = parse_root(&root) else {
		return refuse(StatusCode::BAD_REQUEST, "not a root");
	};
	if count == 0 || count > MAX_SHARD_TASKS {
		return refuse(StatusCode::BAD_REQUEST, "the count must be 1 to 4096");
	}
	let _permit = match shared.turn().await {
		Ok(permit) => permit,
		Err(refusal) => return refusal,
	};
	let found = shared.look(move |store| {
		let values = store.list(root)?;
		let proof = merkle::prove_range(&values, first, count);
		let end = (first as usize).checked_add(count as usize)?;
		Some(
			proof
				.zip(values.get(first as usize..end))
				.map(|(proof, range)| (range, proof).encode()),
		)
	});
	match found.await {
		Ok(Some(Some(answer))) => octets(answer),
		Ok(Some(None)) | Ok(None) => refuse(StatusCode::NOT_FOUND, "no such list or range"),
		Err(refusal) => refusal,
	}
}

async fn outcomes(State(shared): State<Shared>, Path((job, index)): Path<(u64, u32)>) -> Response {
	let _permit = match shared.turn().await {
		Ok(permit) => permit,
		Err(refusal) => return refusal,
	};
	match shared
		.look(move |store| store.outcomes(ShardId { job: JobId(job), index }))
		.await
	{
		Ok(Some(answer)) => octets(answer),
		Ok(None) => refuse(StatusCode::NOT_FOUND, "no such shard"),
		Err(refusal) => refusal,
	}
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
