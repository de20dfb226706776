//! A file that is being downloaded: hashed while it is written, kept only if it has the right root.
//!
//! ```text
//!  endpoint ─► chunk of 1 MiB ─► its hash is right? ─► stays, whoever sends the next one
//!                                     └── no ─► cut off; the next endpoint
//! ```
//!
//! Without the chunks' hashes all of it is one chunk.

use super::{
	chunks::{ChunkHasher, Chunks, CHUNK},
	get::{reason_of, Client, FetchError, Reason},
	hex_root,
};
use futures::StreamExt;
use millrace_primitives::Hash;
use reqwest::{header, StatusCode};
use std::{
	fs,
	io::{self, SeekFrom},
	path::{Path, PathBuf},
	time::Duration,
};
use tokio::{
	io::{AsyncSeekExt, AsyncWriteExt},
	time::Instant,
};

/// The first pause before a broken download is taken up again; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// Of what is larger, the hashes of its chunks are asked for.
const LARGE: u64 = 2 * CHUNK;

/// A download, under a name of its own, which ends with this.
pub(super) struct Download {
	file: tokio::fs::File,
	temporary: Temporary,
	target: PathBuf,
	endpoints: Vec<String>,
	root: Hash,
	max_len: u64,
	hasher: ChunkHasher,
	/// What the chunks must be; none if it is not known.
	expected: Option<Chunks>,
	/// True if the endpoints were asked for that.
	asked: bool,
	/// True if what was written so far came from other endpoints than the present one.
	mixed: bool,
}

/// Removes the file unless it was renamed.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
	fn drop(&mut self) {
		if let Some(path) = &self.0 {
			if let Err(error) = fs::remove_file(path) {
				tracing::debug!(path = %path.display(), %error, "a temporary file stays behind");
			}
		}
	}
}

impl Download {
	pub(super) async fn create(to: &Path, endpoints: &[String], root: Hash, max_len: u64) -> Result<Self, FetchError> {
		// Without the name of the target, which may be as long as names may be.
		let path = to.with_file_name(format!(".{}-{:016x}.part", std::process::id(), rand::random::<u64>()));
		let file = tokio::fs::OpenOptions::new()
			.write(true)
			.create_new(true)
			.open(&path)
			.await;
		let file = file.map_err(|source| FetchError::disk(&path, source))?;
		Ok(Self {
			file,
			temporary: Temporary(Some(path)),
			target: to.into(),
			endpoints: endpoints.to_vec(),
			root,
			max_len,
			hasher: ChunkHasher::default(),
			expected: None,
			asked: false,
			mixed: false,
		})
	}

	/// Tries one endpoint. The outer error is the disk's.
	pub(super) async fn from(&mut self, client: &Client, endpoint: &str) -> Result<Result<(), Reason>, FetchError> {
		self.mixed = !self.hasher.is_empty();
		let mut pause = PAUSE;
		let mut resumes = 0;
		// One deadline for all attempts, so that an endpoint cannot drip for ever.
		let deadline = Instant::now() + client.limits.total(self.max_len);
		loop {
			let before = self.hasher.len();
			let reason = match tokio::time::timeout_at(deadline, self.attempt(client, endpoint)).await {
				Ok(Ok(())) if self.hasher.clone().finish().root() == self.root => return Ok(Ok(())),
				// Too short or too long; the chunks that are right stay.
				Ok(Ok(())) => {
					let mixed = self.mixed && self.expected.is_none();
					self.start_over().await?;
					if mixed {
						// Someone else's beginning may be to blame: this endpoint gets a try of its own.
						continue;
					}
					return Ok(Err(Reason::Mismatch));
				}
				Ok(Err(Failure::Disk(source))) => return Err(self.disk(source)),
				Ok(Err(Failure::Endpoint(reason))) => reason,
				Ok(Err(Failure::Again)) => continue,
				Err(_) => {
					// The attempt was cut off anywhere: file and hash may differ.
					self.start_over().await?;
					return Ok(Err(Reason::Stalled));
				}
			};
			let resumable = matches!(reason, Reason::Broken(_) | Reason::Stalled) && self.hasher.len() > before;
			if !resumable || resumes >= client.limits.resumes {
				return Ok(Err(reason));
			}
			resumes += 1;
			tokio::time::sleep(pause).await;
			pause *= 2;
		}
	}

	/// One request: appends what comes.
	async fn attempt(&mut self, client: &Client, endpoint: &str) -> Result<(), Failure> {
		let path = format!("blobs/{}", hex_root(&self.root));
		let response = client.get(endpoint, &path, self.hasher.len()).await?;
		match response.status() {
			StatusCode::PARTIAL_CONTENT if starts_at(&response, self.hasher.len()) => {}
			// All of it, though a part was asked for.
			StatusCode::OK => {
				if !self.hasher.is_empty() {
					self.keep(0).await?;
					self.mixed = false;
				}
			}
			// Nothing more than what is here already: the length decides nothing, the root does.
			StatusCode::RANGE_NOT_SATISFIABLE if !self.hasher.is_empty() => return Ok(()),
			status => return Err(Reason::Status(status.as_u16()).into()),
		}
		let room = self.max_len.saturating_sub(self.hasher.len());
		if response.content_length().is_some_and(|len| len > room) {
			return Err(Reason::TooLarge(self.max_len).into());
		}
		if !self.asked && response.content_length().is_none_or(|len| len > LARGE) && room > LARGE {
			self.asked = true;
			if self.ask(client).await? {
				// From where the right chunks end.
				return Err(Failure::Again);
			}
		}
		let mut pieces = response.bytes_stream();
		while let Some(piece) = pieces.next().await {
			let piece = piece.map_err(|error| reason_of(&error))?;
			if self.hasher.len().saturating_add(piece.len() as u64) > self.max_len {
				return Err(Reason::TooLarge(self.max_len).into());
			}
			self.file.write_all(&piece).await.map_err(Failure::Disk)?;
			self.hasher.update(&piece);
			if let Some(expected) = &self.expected {
				let last = self.hasher.complete().len();
				let wrong = first_wrong(&self.hasher, expected);
				if wrong < last || self.hasher.len() > expected.len() {
					self.keep(wrong).await?;
					return Err(Reason::Mismatch.into());
				}
			}
		}
		Ok(())
	}

	/// Asks for the chunks' hashes. True if some of what is here is wrong by them.
	async fn ask(&mut self, client: &Client) -> Result<bool, Failure> {
		let path = format!("trees/{}", hex_root(&self.root));
		for endpoint in &self.endpoints {
			let answer = client.get_all(endpoint, &path, Chunks::longest(self.max_len)).await;
			let chunks = answer
				.ok()
				.and_then(|bytes| Chunks::decode(&bytes, &self.root, self.max_len));
			if let Some(expected) = chunks {
				let right = first_wrong(&self.hasher, &expected);
				let wrong = right < self.hasher.complete().len() || self.hasher.len() > expected.len();
				self.expected = Some(expected);
				if wrong {
					self.keep(right).await?;
				}
				return Ok(wrong);
			}
		}
		Ok(false)
	}

	/// Forgets all but so many chunks.
	async fn keep(&mut self, chunks: usize) -> Result<(), Failure> {
		self.hasher.keep(chunks);
		let len = self.hasher.len();
		self.file.flush().await.map_err(Failure::Disk)?;
		self.file.set_len(len).await.map_err(Failure::Disk)?;
		self.file.seek(SeekFrom::Start(len)).await.map_err(Failure::Disk)?;
		Ok(())
	}

	/// Forgets what is not known to be right.
	async fn reset(&mut self) -> Result<(), Failure> {
		let right = match &self.expected {
			Some(expected) => first_wrong(&self.hasher, expected),
			None => 0,
		};
		self.keep(right).await?;
		self.mixed = false;
		Ok(())
	}

	async fn start_over(&mut self) -> Result<(), FetchError> {
		match self.reset().await {
			Err(Failure::Disk(source)) => Err(self.disk(source)),
			_ => Ok(()),
		}
	}

	pub(super) async fn finish(mut self) -> Result<u64, FetchError> {
		let len = self.hasher.len();
		let written = async {
			self.file.flush().await?;
			self.file.sync_all().await
		};
		if let Err(source) = written.await {
			return Err(self.disk(source));
		}
		if let Some(path) = &self.temporary.0 {
			tokio::fs::rename(path, &self.target)
				.await
				.map_err(|source| FetchError::disk(&self.target, source))?;
		}
		self.temporary.0 = None;
		Ok(len)
	}

	fn disk(&self, source: io::Error) -> FetchError {
		FetchError::disk(&self.target, source)
	}
}

/// How many chunks are here and right, from the first on.
fn first_wrong(hasher: &ChunkHasher, expected: &Chunks) -> usize {
	let pairs = hasher.complete().iter().zip(expected.hashes());
	pairs.take_while(|(here, right)| here == right).count()
}

enum Failure {
	Endpoint(Reason),
	Disk(io::Error),
	/// The same endpoint must be asked for another range.
	Again,
}

impl From<Reason> for Failure {
	fn from(reason: Reason) -> Self {
		Self::Endpoint(reason)
	}
}

/// True if a partial answer begins with this byte.
fn starts_at(response: &reqwest::Response, offset: u64) -> bool {
	let range = response
		.headers()
		.get(header::CONTENT_RANGE)
		.and_then(|value| value.to_str().ok());
	let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
	first == Some(offset)
}
