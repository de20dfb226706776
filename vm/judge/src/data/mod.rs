//! Data as the machine sees it: inputs and outputs as Merkle trees over leaves of 32 bytes.
//!
//! ```text
//!  root = H(DATA | length u64 | tree)        tree = binary, 2^27 leaves, padded with zeros
//! ```
//!
//! The tree is that of the machine's own regions, so that the root of an output needs no other look at it, and a
//! dispute can point at a single leaf of an input. A proof of a range is a handful of hashes, whatever the length: data
//! can be checked while it arrives, and asked for in parts.

#[cfg(feature = "std")]
mod file;
mod tree;

pub use tree::{verify_range, DataTree};

use crate::{
	hash::{Blake2, Hash},
	task::Blob,
	tree::{data_root_of, node_hash, page_hash, small_root, Zeros, DATA_DEPTH, LEAF, PAGE_BYTES, PAGE_HEIGHT},
};
use alloc::vec::Vec;

/// The most bytes of data: 4 GiB.
pub const MAX_DATA: u64 = (LEAF as u64) << DATA_DEPTH;

/// Some bytes as a blob. `None` if they are more than a blob has.
pub fn blob(bytes: &[u8]) -> Option<Blob> {
	let mut hasher = DataHasher::new();
	hasher.update(bytes);
	hasher.finish_blob()
}

/// The root of some bytes.
pub fn data_root(bytes: &[u8]) -> Hash {
	let mut hasher = DataHasher::new();
	hasher.update(bytes);
	hasher.finish()
}

/// Computes a [`data_root`] from bytes that arrive in pieces.
#[derive(Clone, Debug)]
pub struct DataHasher {
	/// Complete subtrees, from the left: height and root; heights strictly fall.
	stack: Vec<(u32, Hash)>,
	/// Less than a page.
	pending: Vec<u8>,
	len: u64,
	zeros: Zeros,
}

impl Default for DataHasher {
	fn default() -> Self {
		Self::new()
	}
}

impl DataHasher {
	/// A hasher that has seen nothing.
	pub fn new() -> Self {
		Self {
			stack: Vec::new(),
			pending: Vec::new(),
			len: 0,
			zeros: Zeros::new::<Blake2>(),
		}
	}

	/// Takes the next bytes.
	pub fn update(&mut self, mut bytes: &[u8]) {
		self.len = self.len.saturating_add(bytes.len() as u64);
		if !self.pending.is_empty() {
			let (head, rest) = bytes.split_at((PAGE_BYTES - self.pending.len()).min(bytes.len()));
			self.pending.extend_from_slice(head);
			bytes = rest;
			if self.pending.len() < PAGE_BYTES {
				return;
			}
			let pending = core::mem::take(&mut self.pending);
			self.push_pages(&pending);
		}
		let rest = self.push_pages(bytes);
		self.pending.extend_from_slice(rest);
	}

	/// Takes whole pages, and gives back what is left.
	fn push_pages<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
		while let Some((page, rest)) = bytes.split_first_chunk() {
			let hash = page_hash(page, &self.zeros);
			self.push(hash);
			bytes = rest;
		}
		bytes
	}

	fn push(&mut self, page: Hash) {
		let mut top = (PAGE_HEIGHT, page);
		while let Some((height, left)) = self.stack.last().copied() {
			if height != top.0 {
				break;
			}
			self.stack.pop();
			top = (height + 1, node_hash::<Blake2>(&left, &top.1));
		}
		self.stack.push(top);
	}

	/// The number of bytes seen.
	pub fn len(&self) -> u64 {
		self.len
	}

	/// True if nothing was seen.
	pub fn is_empty(&self) -> bool {
		self.len == 0
	}

	/// The root of all bytes seen. Beyond [`MAX_DATA`] it is the root of no data: nothing has it.
	pub fn finish(self) -> Hash {
		let len = self.len;
		data_root_of::<Blake2>(len, &self.finish_tree())
	}

	/// The same as a blob. `None` if there were more bytes than a blob has.
	pub fn finish_blob(self) -> Option<Blob> {
		let len = u32::try_from(self.len).ok()?;
		Some(Blob {
			tree: self.finish_tree(),
			len,
		})
	}

	fn finish_tree(mut self) -> Hash {
		let pending = core::mem::take(&mut self.pending);
		if !pending.is_empty() {
			self.push(small_root::<Blake2>(PAGE_HEIGHT, &pending));
		}
		let zeros = &self.zeros;
		let (mut height, mut root) = self.stack.pop().unwrap_or((0, *zeros.of(0)));
		while let Some((left_height, left)) = self.stack.pop() {
			while height < left_height {
				root = node_hash::<Blake2>(&root, zeros.of(height));
				height += 1;
			}
			root = node_hash::<Blake2>(&left, &root);
			height += 1;
		}
		while height < DATA_DEPTH {
			root = node_hash::<Blake2>(&root, zeros.of(height));
			height += 1;
		}
		root
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::tree::leaf_hash;
	use proptest::prelude::*;

	#[test]
	fn roots_differ_by_content_and_length() {
		let roots = [&b""[..], b"\0", b"\0\0", &[0; 32], &[0; 33], &[0; 64], &[1; 64]].map(data_root);
		for (n, root) in roots.iter().enumerate() {
			assert!(roots[n + 1..].iter().all(|other| other != root), "root {n} repeats");
		}
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(48))]

		#[test]
		fn pieces_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..9000), cuts in proptest::collection::vec(0usize..9000, 0..6)) {
			let mut hasher = DataHasher::new();
			let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
			cuts.extend([0, bytes.len()]);
			cuts.sort_unstable();
			cuts.windows(2).for_each(|pair| hasher.update(&bytes[pair[0]..pair[1]]));
			prop_assert_eq!(hasher.len(), bytes.len() as u64);
			let root = hasher.finish();
			prop_assert_eq!(root, data_root(&bytes));
			prop_assert_eq!(root, DataTree::new(&bytes).unwrap().root());
		}

		#[test]
		fn a_root_is_that_of_the_leaves(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
			let mut level: Vec<Hash> = bytes
				.chunks(LEAF)
				.map(|bytes| {
					let mut leaf = [0; LEAF];
					leaf[..bytes.len()].copy_from_slice(bytes);
					leaf_hash::<Blake2>(&leaf)
				})
				.collect();
			let zeros = Zeros::new::<Blake2>();
			for height in 0..DATA_DEPTH {
				level = level
					.chunks(2)
					.map(|pair| node_hash::<Blake2>(&pair[0], pair.get(1).unwrap_or_else(|| zeros.of(height))))
					.collect();
			}
			let tree = level.first().unwrap_or_else(|| zeros.of(DATA_DEPTH));
			prop_assert_eq!(data_root(&bytes), data_root_of::<Blake2>(bytes.len() as u64, tree));
		}
	}
}
