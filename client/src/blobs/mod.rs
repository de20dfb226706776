//! Programs, images, setups, inputs and outputs over HTTP. Everything is named by its root and verified against it, so it does not
//! matter who serves it.
//!
//! | request | answer |
//! |---|---|
//! | `GET {endpoint}/blobs/{root}` | the bytes whose [`data_root`](merkle::data_root) is `root`; `HEAD` and a single `Range` as well |
//! | `GET {endpoint}/lists/{root}/{first}/{count}` | SCALE of `(Vec<Hash>, Vec<Hash>)`: a range of a list and its proof |
//! | `GET {endpoint}/trees/{root}` | SCALE of `(u64, Vec<Hash>)`: the data's length and the hashes of its chunks, see [`Chunks`] |
//! | `GET {endpoint}/outcomes/{job}/{shard}` | SCALE of `Vec<Outcome>`: the outcomes behind a shard's report |
//! | `GET {endpoint}/errors/{job}/{task}` | the last of a task's standard error: bytes written as u64, little endian, and the ring |
//!
//! Roots are `0x` and 64 lower-case hexadecimal digits. What is not there is 404 with `{"error": ...}`.
//!
//! A blob is served under [its address](millrace_primitives::machine::address), which is its data's root. Nothing of it is
//! held in memory: it is sent from its file, and hashed while it is written to one.
//!
//! A client serves its program, image, setup and inputs for as long as its job runs, a provider its outputs until custody ends.

mod address;
mod chunks;
mod download;
mod fetch;
mod get;
mod guard;
mod serve;

pub use address::{is_public, private_literal};
pub use chunks::{hash, ChunkHasher, Chunks, CHUNK};
pub use fetch::{fetch_blob, fetch_errors, fetch_outcomes, fetch_range, verify_file};
pub use get::{Client, FetchError, Limits, Reason, Refusal};
pub use guard::ServeLimits;
pub use serve::{router, serve, serve_with, Blob, BlobStore, Server};

#[cfg(doc)]
use millrace_primitives::merkle;
use millrace_primitives::Hash;
use std::io::{self, Read};

/// A root as it stands in URLs.
pub fn hex_root(root: &Hash) -> String {
	format!("0x{}", hex::encode(root))
}

/// The root that such a text names.
pub fn parse_root(text: &str) -> Option<Hash> {
	let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64)?;
	let mut root = Hash::zero();
	hex::decode_to_slice(digits, root.as_bytes_mut()).ok()?;
	Some(root)
}

/// Root and length of what can be read.
///
/// # Errors
/// Those of reading.
pub fn root_of(reader: impl Read) -> io::Result<(Hash, u64)> {
	let chunks = hash(reader)?;
	Ok((chunks.root(), chunks.len()))
}

#[cfg(test)]
mod abuse;
#[cfg(test)]
mod tests;
