//! Fetching blobs from endpoints that need not be trusted: what comes is hashed while it is written, and kept only if
//! it has the right root.

use super::{
	get::{reason_of, Client, FetchError, Reason, Refusal},
	hex_root, root_of,
};
use codec::DecodeAll;
use futures::StreamExt;
use millrace_primitives::{merkle, outcome, Hash, Outcome, Report, ShardId};
use reqwest::{header, StatusCode};
use std::{
	fs, io,
	path::{Path, PathBuf},
	time::Duration,
};
use tokio::{io::AsyncWriteExt, time::Instant};

/// The first pause before a broken download is taken up again; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// The largest SCALE encoding of an [`Outcome`] in bytes: status, root, length, gas.
const OUTCOME_SIZE: u64 = 1 + 32 + 8 + 8;
/// The most hashes that prove a range of a list: two for each level of a tree of at most 2^32 leaves.
const MAX_PROOF: u64 = 64;

/// Fetches the data with this root, at most `max_len` bytes, into a file, and returns its length. The file appears only
/// when it is complete and verified; an existing one is replaced. A broken connection is taken up again where it broke;
/// wrong data is thrown away and the next endpoint asked.
///
/// # Errors
/// [`FetchError::Refused`] with each endpoint's failure, [`FetchError::Disk`] if the file cannot be written.
pub async fn fetch_blob(
	client: &Client,
	endpoints: &[String],
	root: Hash,
	max_len: u64,
	to: &Path,
) -> Result<u64, FetchError> {
	let mut download = Download::create(to, root, max_len).await?;
	let mut reasons = Vec::new();
	for endpoint in endpoints {
		match download.from(client, endpoint).await? {
			Ok(()) => return download.finish().await,
			Err(reason) => {
				tracing::debug!(endpoint, %reason, root = %hex_root(&root), "not fetched");
				reasons.push(Refusal {
					endpoint: endpoint.clone(),
					reason,
				});
			}
		}
	}
	Err(FetchError::Refused {
		what: format!("blob {}", hex_root(&root)),
		reasons,
	})
}

/// A file that is being downloaded, under a name of its own, which ends with this.
struct Download {
	file: tokio::fs::File,
	temporary: Temporary,
	target: PathBuf,
	root: Hash,
	max_len: u64,
	hasher: merkle::DataHasher,
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
	async fn create(to: &Path, root: Hash, max_len: u64) -> Result<Self, FetchError> {
		let name = to.file_name().unwrap_or_default().to_string_lossy();
		let path = to.with_file_name(format!(".{name}.{:016x}.part", rand::random::<u64>()));
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
			root,
			max_len,
			hasher: merkle::DataHasher::new(),
			mixed: false,
		})
	}

	/// Tries one endpoint. The outer error is the disk's.
	async fn from(&mut self, client: &Client, endpoint: &str) -> Result<Result<(), Reason>, FetchError> {
		self.mixed = !self.hasher.is_empty();
		let mut pause = PAUSE;
		let mut resumes = 0;
		// One deadline for all attempts, so that an endpoint cannot drip for ever.
		let deadline = Instant::now() + client.limits.total(self.max_len);
		loop {
			let before = self.hasher.len();
			let reason = match tokio::time::timeout_at(deadline, self.attempt(client, endpoint)).await {
				Ok(Ok(())) if self.hasher.clone().finish() == self.root.0 => return Ok(Ok(())),
				Ok(Ok(())) => {
					let mixed = self.mixed;
					self.start_over().await?;
					if mixed {
						// Someone else's beginning may be to blame: this endpoint gets a try of its own.
						continue;
					}
					return Ok(Err(Reason::Mismatch));
				}
				Ok(Err(Failure::Disk(source))) => return Err(self.disk(source)),
				Ok(Err(Failure::Endpoint(reason))) => reason,
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
					self.reset().await?;
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
		let mut pieces = response.bytes_stream();
		while let Some(piece) = pieces.next().await {
			let piece = piece.map_err(|error| reason_of(&error))?;
			if self.hasher.len().saturating_add(piece.len() as u64) > self.max_len {
				return Err(Reason::TooLarge(self.max_len).into());
			}
			self.file.write_all(&piece).await.map_err(Failure::Disk)?;
			self.hasher.update(&piece);
		}
		Ok(())
	}

	async fn reset(&mut self) -> Result<(), Failure> {
		use tokio::io::AsyncSeekExt;
		self.file.flush().await.map_err(Failure::Disk)?;
		self.file.set_len(0).await.map_err(Failure::Disk)?;
		self.file.rewind().await.map_err(Failure::Disk)?;
		self.hasher = merkle::DataHasher::new();
		self.mixed = false;
		Ok(())
	}

	async fn start_over(&mut self) -> Result<(), FetchError> {
		match self.reset().await {
			Err(Failure::Disk(source)) => Err(self.disk(source)),
			_ => Ok(()),
		}
	}

	async fn finish(mut self) -> Result<u64, FetchError> {
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

enum Failure {
	Endpoint(Reason),
	Disk(io::Error),
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

/// Fetches and verifies the values `first .. first + count` of a list of `total` values with this root.
///
/// # Errors
/// [`FetchError::Refused`] with each endpoint's failure.
pub async fn fetch_list(
	client: &Client,
	endpoints: &[String],
	list_root: Hash,
	total: u32,
	first: u32,
	count: u32,
) -> Result<Vec<Hash>, FetchError> {
	let path = format!("lists/{}/{first}/{count}", hex_root(&list_root));
	let limit = 32 * (u64::from(count) + MAX_PROOF) + 16;
	let what = format!(
		"entries {first} to {} of list {}",
		u64::from(first) + u64::from(count),
		hex_root(&list_root)
	);
	first_of(client, endpoints, &path, limit, what, |bytes| {
		let (values, proof) = <(Vec<Hash>, Vec<Hash>)>::decode_all(&mut &bytes[..]).ok()?;
		let fits = values.len() as u64 == u64::from(count);
		(fits && merkle::verify_range(&list_root, total, first, &values, &proof)).then_some(values)
	})
	.await
}

/// Fetches the outcomes of a shard's tasks and verifies them against its report.
///
/// # Errors
/// [`FetchError::Refused`] with each endpoint's failure.
pub async fn fetch_outcomes(
	client: &Client,
	endpoints: &[String],
	shard: ShardId,
	tasks: u32,
	report: &Report,
) -> Result<Vec<Outcome>, FetchError> {
	let path = format!("outcomes/{}/{}", shard.job.0, shard.index);
	let limit = OUTCOME_SIZE * u64::from(tasks) + 16;
	let what = format!("outcomes of job {} shard {}", shard.job.0, shard.index);
	first_of(client, endpoints, &path, limit, what, |bytes| {
		let outcomes = Vec::<Outcome>::decode_all(&mut &bytes[..]).ok()?;
		(outcomes.len() as u64 == u64::from(tasks) && outcome::report(&outcomes) == *report).then_some(outcomes)
	})
	.await
}

/// The first endpoint's answer that `verify` accepts.
async fn first_of<T>(
	client: &Client,
	endpoints: &[String],
	path: &str,
	limit: u64,
	what: String,
	verify: impl Fn(Vec<u8>) -> Option<T>,
) -> Result<T, FetchError> {
	let mut reasons = Vec::new();
	for endpoint in endpoints {
		let reason = match client.get_all(endpoint, path, limit).await {
			Ok(bytes) => match verify(bytes) {
				Some(value) => return Ok(value),
				None => Reason::Mismatch,
			},
			Err(reason) => reason,
		};
		tracing::debug!(endpoint, %reason, what, "not fetched");
		reasons.push(Refusal {
			endpoint: endpoint.clone(),
			reason,
		});
	}
	Err(FetchError::Refused { what, reasons })
}

/// The length of a file if its data has this root; none if there is no such file or it has another root.
///
/// # Errors
/// If the file exists and cannot be read.
pub fn verify_file(path: &Path, root: &Hash) -> io::Result<Option<u64>> {
	let file = match fs::File::open(path) {
		Ok(file) => file,
		Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
		Err(error) => return Err(error),
	};
	let (found, len) = root_of(file)?;
	Ok((found == *root).then_some(len))
}
