//! Data in chunks of 1 MiB, each of which is checked as it comes.
//!
//! A root is over a binary tree ([`millrace_judge::data`]), and the subtrees over a MiB are nodes of it. Their hashes come
//! to 32 KiB for a GiB and are themselves checked against the root; whoever has them needs nobody's whole answer to know
//! a wrong one.

use codec::{DecodeAll, Encode};
use millrace_judge::{
	hash::Blake2,
	tree::{data_root_of, node_hash, padded, page_hash, Zeros, DATA_DEPTH, LEAF, PAGE_BYTES, PAGE_HEIGHT},
};
use millrace_primitives::{machine::Blob, Hash};
use std::io::{self, Read};

/// The size of a chunk in bytes.
pub const CHUNK: u64 = 1 << 20;
/// The height of a chunk's tree.
const HEIGHT: u32 = (CHUNK / LEAF as u64).trailing_zeros();
/// Pages in a chunk.
const PAGES: usize = CHUNK as usize / PAGE_BYTES;

/// The hashes of the chunks of some data, and its length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunks {
	len: u64,
	hashes: Vec<[u8; 32]>,
}

impl Chunks {
	/// The data's length in bytes.
	pub fn len(&self) -> u64 {
		self.len
	}

	/// True if there is no data.
	pub fn is_empty(&self) -> bool {
		self.len == 0
	}

	/// The chunks' hashes.
	pub(super) fn hashes(&self) -> &[[u8; 32]] {
		&self.hashes
	}

	/// The data's root.
	pub fn root(&self) -> Hash {
		data_root_of::<Blake2>(self.len, &self.tree()).into()
	}

	/// The data as a blob. `None` if it is longer than blobs are.
	pub fn blob(&self) -> Option<Blob> {
		let len = self.len.try_into().ok()?;
		Some(Blob { tree: self.tree(), len })
	}

	fn tree(&self) -> [u8; 32] {
		fold(self.hashes.clone(), HEIGHT, DATA_DEPTH, &Zeros::new::<Blake2>())
	}

	/// As it is sent: SCALE of the length and the hashes.
	pub fn encode(&self) -> Vec<u8> {
		(self.len, &self.hashes).encode()
	}

	/// The longest encoding for so many bytes of data.
	pub(super) fn longest(len: u64) -> u64 {
		16 + 32 * len.div_ceil(CHUNK)
	}

	/// Reads what was sent; `None` if it is not that of the data with this root, or of more than so many bytes.
	pub(super) fn decode(bytes: &[u8], root: &Hash, max_len: u64) -> Option<Self> {
		let (len, hashes) = <(u64, Vec<[u8; 32]>)>::decode_all(&mut &bytes[..]).ok()?;
		let chunks = Self { len, hashes };
		let fits = len <= max_len && chunks.hashes.len() as u64 == len.div_ceil(CHUNK);
		(fits && chunks.root() == *root).then_some(chunks)
	}
}

/// Computes [`Chunks`] of data that arrives in pieces.
#[derive(Clone)]
pub struct ChunkHasher {
	len: u64,
	/// Of the present page.
	pending: Vec<u8>,
	/// Of the present chunk.
	pages: Vec<[u8; 32]>,
	chunks: Vec<[u8; 32]>,
	zeros: Zeros,
}

impl Default for ChunkHasher {
	fn default() -> Self {
		Self {
			len: 0,
			pending: Vec::with_capacity(PAGE_BYTES),
			pages: Vec::with_capacity(PAGES),
			chunks: Vec::new(),
			zeros: Zeros::new::<Blake2>(),
		}
	}
}

impl ChunkHasher {
	/// Takes the next bytes.
	pub fn update(&mut self, mut bytes: &[u8]) {
		self.len = self.len.saturating_add(bytes.len() as u64);
		if !self.pending.is_empty() {
			let (head, rest) = bytes.split_at((PAGE_BYTES - self.pending.len()).min(bytes.len()));
			self.pending.extend_from_slice(head);
			bytes = rest;
			if self.pending.len() == PAGE_BYTES {
				let page = padded(&self.pending);
				self.pending.clear();
				self.page(&page);
			}
		}
		if self.pending.is_empty() {
			let pages = bytes.chunks_exact(PAGE_BYTES);
			self.pending.extend_from_slice(pages.remainder());
			pages.for_each(|page| self.page(&padded(page)));
		}
	}

	fn page(&mut self, page: &[u8; PAGE_BYTES]) {
		self.pages.push(page_hash(page, &self.zeros));
		if self.pages.len() == PAGES {
			self.end_chunk();
		}
	}

	fn end_chunk(&mut self) {
		let pages = std::mem::take(&mut self.pages);
		self.chunks.push(fold(pages, PAGE_HEIGHT, HEIGHT, &self.zeros));
	}

	/// The number of bytes seen.
	pub fn len(&self) -> u64 {
		self.len
	}

	/// True if nothing was seen.
	pub fn is_empty(&self) -> bool {
		self.len == 0
	}

	/// The hashes of the chunks that are complete.
	pub(super) fn complete(&self) -> &[[u8; 32]] {
		&self.chunks
	}

	/// Forgets all but so many chunks.
	pub(super) fn keep(&mut self, chunks: usize) {
		self.chunks.truncate(chunks);
		self.pages.clear();
		self.pending.clear();
		self.len = self.chunks.len() as u64 * CHUNK;
	}

	/// All bytes seen.
	pub fn finish(mut self) -> Chunks {
		if !self.pending.is_empty() {
			let page = padded(&self.pending);
			self.page(&page);
		}
		if !self.pages.is_empty() {
			self.end_chunk();
		}
		Chunks {
			len: self.len,
			hashes: self.chunks,
		}
	}
}

/// The root at `to` of subtrees at `from`, after which there are only zeros.
fn fold(mut level: Vec<[u8; 32]>, from: u32, to: u32, zeros: &Zeros) -> [u8; 32] {
	for height in from..to {
		let pair = |pair: &[[u8; 32]]| match pair {
			[left, right] => node_hash::<Blake2>(left, right),
			[left] => node_hash::<Blake2>(left, zeros.of(height)),
			_ => *zeros.of(height + 1),
		};
		level = level.chunks(2).map(pair).collect();
	}
	level.first().copied().unwrap_or(*zeros.of(to))
}

/// Hashes what can be read.
///
/// # Errors
/// Those of reading.
pub fn hash(mut reader: impl Read) -> io::Result<Chunks> {
	let mut hasher = ChunkHasher::default();
	let mut buffer = vec![0; 256 * 1024];
	loop {
		match reader.read(&mut buffer) {
			Ok(0) => return Ok(hasher.finish()),
			Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
			Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
			Err(error) => return Err(error),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::{machine, merkle};

	#[test]
	fn chunks_come_to_the_data_s_root_however_it_arrives() {
		let data: Vec<u8> = (0..3 * CHUNK + 5_000).map(|at| (at * at >> 7) as u8).collect();
		for len in [0, 1, 31, 4_096, 4_097, 1 << 20, (1 << 20) + 1, 3 << 20, data.len()] {
			let bytes = &data[..len];
			let chunks = hash(bytes).unwrap();
			assert_eq!(chunks.root(), merkle::data_root(bytes), "{len}");
			assert_eq!(chunks.blob(), machine::blob(bytes));
			assert_eq!(chunks.hashes.len() as u64, (len as u64).div_ceil(CHUNK));
			for piece in [333, 65_536] {
				let mut hasher = ChunkHasher::default();
				bytes.chunks(piece).for_each(|bytes| hasher.update(bytes));
				assert_eq!(hasher.finish(), chunks, "{len} by {piece}");
			}
		}
		assert_eq!(machine::blob(b""), hash(&b""[..]).unwrap().blob());
	}

	#[test]
	fn only_the_hashes_of_the_data_are_taken_for_its() {
		let data = vec![7; 2 * CHUNK as usize + 9];
		let chunks = hash(&data[..]).unwrap();
		let (root, len) = (chunks.root(), chunks.len());
		let bytes = chunks.encode();
		assert_eq!(Chunks::decode(&bytes, &root, len), Some(chunks.clone()));
		assert!(bytes.len() as u64 <= Chunks::longest(len));
		assert_eq!(Chunks::decode(&bytes, &root, len - 1), None);
		assert_eq!(Chunks::decode(&bytes, &Hash::zero(), len), None);
		assert_eq!(Chunks::decode(&bytes[..bytes.len() - 1], &root, len), None);
		for at in [0, 9, bytes.len() - 1] {
			let mut wrong = bytes.clone();
			wrong[at] ^= 1;
			assert_eq!(Chunks::decode(&wrong, &root, u64::MAX), None, "{at}");
		}
		// The tree of fewer chunks has the same root where the rest is zeros; the length is in the root.
		let short = Chunks {
			len: len + CHUNK,
			..chunks
		};
		assert_eq!(Chunks::decode(&short.encode(), &short.root(), u64::MAX), None);
	}
}
