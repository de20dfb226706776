//! Fetching from endpoints that need not be trusted: what does not match is not kept.

use super::{
	download::Download,
	get::{Client, FetchError, Reason, Refusal},
	hex_root, root_of,
};
use codec::DecodeAll;
use millrace_primitives::{
	machine::{Blake2, Tail, TAIL},
	merkle, outcome, Hash, JobId, Outcome, Report, ShardId,
};
use std::{fs, io, path::Path};

/// The most hashes that prove a range of a list: two for each level of a tree of at most 2^32 leaves.
const MAX_PROOF: u64 = 64;

/// Fetches the data with this root, at most `max_len` bytes, into a file, and returns its length. The file appears only
/// when it is complete and verified; an existing one is replaced. A broken connection is taken up again where it broke;
/// wrong data is thrown away and the next endpoint asked. Of what is large, chunks are checked as they come if an endpoint
/// has their hashes, so that nobody can make a download wait for all of it to be wrong, and what is right stays.
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
	let mut download = Download::create(to, endpoints, root, max_len).await?;
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

/// Fetches and verifies the values `first .. first + count` of a list of `total` values with this root, with the proof:
/// whoever has both can prove the place of each value to others, see [`merkle::prove_within`].
///
/// # Errors
/// [`FetchError::Refused`] with each endpoint's failure.
pub async fn fetch_range(
	client: &Client,
	endpoints: &[String],
	list_root: Hash,
	total: u32,
	first: u32,
	count: u32,
) -> Result<(Vec<Hash>, Vec<Hash>), FetchError> {
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
		(fits && merkle::verify_range(&list_root, total, first, &values, &proof)).then_some((values, proof))
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
	let limit = Outcome::SIZE as u64 * u64::from(tasks) + 16;
	let what = format!("outcomes of job {} shard {}", shard.job.0, shard.index);
	first_of(client, endpoints, &path, limit, what, |bytes| {
		let outcomes = Vec::<Outcome>::decode_all(&mut &bytes[..]).ok()?;
		(outcomes.len() as u64 == u64::from(tasks) && outcome::report(&outcomes) == Some(*report)).then_some(outcomes)
	})
	.await
}

/// Fetches the last that a task wrote to standard error, and verifies it against its outcome's `errors`.
///
/// # Errors
/// [`FetchError::Refused`] with each endpoint's failure.
pub async fn fetch_errors(
	client: &Client,
	endpoints: &[String],
	job: JobId,
	task: u32,
	errors: &[u8; 32],
) -> Result<Tail, FetchError> {
	let path = format!("errors/{}/{task}", job.0);
	let what = format!("standard error of job {} task {task}", job.0);
	first_of(client, endpoints, &path, 8 + TAIL as u64, what, |bytes| {
		let tail = decode_tail(&bytes)?;
		(tail.root::<Blake2>() == *errors).then_some(tail)
	})
	.await
}

/// A tail as it is sent: the number of bytes written as u64, little endian, and the ring.
pub(super) fn encode_tail(tail: &Tail) -> Vec<u8> {
	[&tail.count.to_le_bytes()[..], &tail.ring].concat()
}

fn decode_tail(bytes: &[u8]) -> Option<Tail> {
	let (count, ring) = bytes.split_first_chunk()?;
	let count = u64::from_le_bytes(*count);
	let fits = ring.len() as u64 == count.min(TAIL as u64);
	let ring = ring.to_vec();
	fits.then_some(Tail { count, ring })
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
