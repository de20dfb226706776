//! Data as the machine sees it: inputs and outputs as Merkle trees over leaves of 32 bytes.
//!
//! ```text
//!  root = H(DATA | length u64 | tree)        tree = binary, 2^27 leaves, padded with zeros
//! ```
//!
//! The tree is that of the machine's own regions, so that the root of an output needs no other look at it, and a
//! dispute can point at a single leaf of an input. A proof of a range is a handful of hashes, whatever the length: data
//! can be checked while it arrives, and asked for in parts.

use crate::{
	hash::{Blake2, Hash, Hasher},
	tree::{data_root_of, fold, leaf_hash, node_hash, page_hash, Leaf, PageTree, Zeros, DATA_DEPTH, LEAF, PAGE_BYTES},
};
use alloc::vec::Vec;

/// The most bytes of data: 4 GiB.
pub const MAX_DATA: u64 = (LEAF as u64) << DATA_DEPTH;

/// The root of some bytes.
pub fn data_root(bytes: &[u8]) -> Hash {
	let mut hasher = DataHasher::new();
	hasher.update(bytes);
	hasher.finish()
}

/// Computes a [`data_root`] from bytes that arrive in pieces.
#[derive(Clone, Debug, Default)]
pub struct DataHasher {
	/// Complete subtrees, from the left: height and root; heights strictly fall.
	stack: Vec<(u32, Hash)>,
	pending: Vec<u8>,
	len: u64,
}

impl DataHasher {
	/// A hasher that has seen nothing.
	pub fn new() -> Self {
		Self::default()
	}

	/// Takes the next bytes.
	pub fn update(&mut self, mut bytes: &[u8]) {
		self.len = self.len.saturating_add(bytes.len() as u64);
		if !self.pending.is_empty() {
			let (head, rest) = bytes.split_at((LEAF - self.pending.len()).min(bytes.len()));
			self.pending.extend_from_slice(head);
			bytes = rest;
			if self.pending.len() == LEAF {
				let pending = core::mem::take(&mut self.pending);
				self.push(&pending);
			}
		}
		if self.pending.is_empty() {
			let leaves = bytes.chunks_exact(LEAF);
			self.pending.extend_from_slice(leaves.remainder());
			leaves.for_each(|leaf| self.push(leaf));
		}
	}

	fn push(&mut self, bytes: &[u8]) {
		let mut leaf = [0; LEAF];
		leaf[..bytes.len()].copy_from_slice(bytes);
		let mut top = (0, leaf_hash::<Blake2>(&leaf));
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
	pub fn finish(mut self) -> Hash {
		let pending = core::mem::take(&mut self.pending);
		if !pending.is_empty() {
			self.push(&pending);
		}
		let zeros = Zeros::new::<Blake2>();
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
		data_root_of::<Blake2>(self.len, &root)
	}
}

/// The tree of some bytes, kept to prove ranges of them. It takes a hundredth of their space.
#[derive(Clone, Debug)]
pub struct DataTree {
	len: u64,
	tree: PageTree,
}

impl DataTree {
	/// Hashes the bytes. `None` if they are more than [`MAX_DATA`].
	pub fn new(bytes: &[u8]) -> Option<Self> {
		let len = bytes.len() as u64;
		if len > MAX_DATA {
			return None;
		}
		let zeros = Zeros::new::<Blake2>();
		let mut tree = PageTree::new(DATA_DEPTH, &zeros);
		let pages = bytes.chunks(PAGE_BYTES).enumerate();
		tree.update(pages.map(|(index, page)| (index, page_hash(&crate::program::padded(page), &zeros))));
		Some(Self { len, tree })
	}

	/// The root of the bytes.
	pub fn root(&self) -> Hash {
		data_root_of::<Blake2>(self.len, &self.tree.root())
	}

	/// The root of the zero-padded tree alone.
	pub(crate) fn tree(&self) -> &PageTree {
		&self.tree
	}

	/// Proves the leaves `first..first + count` of the bytes that the tree was made of: what [`verify_range`] checks.
	/// `None` if there are none or some are beyond the last byte.
	pub fn prove_range(&self, bytes: &[u8], first: u32, count: u32) -> Option<Vec<Hash>> {
		let last = first.checked_add(count.checked_sub(1)?)?;
		if u64::from(last) * LEAF as u64 >= self.len || bytes.len() as u64 != self.len {
			return None;
		}
		let leaves: Vec<u32> = (first..=last).collect();
		let page = |page: usize| {
			let start = (page * PAGE_BYTES).min(bytes.len());
			crate::program::padded(&bytes[start..(start + PAGE_BYTES).min(bytes.len())])
		};
		Some(self.tree.prove(&leaves, page))
	}
}

/// Checks that `bytes` are those from leaf `first` on of the data with this length and root: whole leaves, the last one
/// shorter if the data ends there. Time and memory are bounded by `bytes`, whatever the proof holds.
pub fn verify_range<H: Hasher>(root: &Hash, len: u64, first: u32, bytes: &[u8], proof: &[Hash]) -> bool {
	let start = u64::from(first) * LEAF as u64;
	let Some(end) = start
		.checked_add(bytes.len() as u64)
		.filter(|end| *end <= len && len <= MAX_DATA)
	else {
		return false;
	};
	if bytes.is_empty() || (bytes.len() % LEAF != 0 && end != len) {
		return false;
	}
	let leaves: Vec<(u32, Leaf)> = bytes
		.chunks(LEAF)
		.zip(first..)
		.map(|(bytes, at)| {
			let mut leaf = [0; LEAF];
			leaf[..bytes.len()].copy_from_slice(bytes);
			(at, leaf)
		})
		.collect();
	let mut rest = proof;
	fold::<H>(DATA_DEPTH, &leaves, &mut rest)
		.is_some_and(|tree| rest.is_empty() && data_root_of::<H>(len, &tree) == *root)
}

#[cfg(test)]
mod tests {
	use super::*;
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
		fn a_range_proves_and_nothing_else_does(
			bytes in proptest::collection::vec(any::<u8>(), 1..9000),
			at in any::<prop::sample::Index>(), len in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(),
		) {
			let tree = DataTree::new(&bytes).unwrap();
			let (root, total) = (tree.root(), bytes.len() as u64);
			let leaves = bytes.len().div_ceil(32);
			let first = at.index(leaves);
			let count = 1 + len.index(leaves - first);
			let range = &bytes[first * 32..((first + count) * 32).min(bytes.len())];
			let first = first as u32;
			let proof = tree.prove_range(&bytes, first, count as u32).unwrap();
			prop_assert!(proof.len() <= 2 * DATA_DEPTH as usize);
			prop_assert!(verify_range::<Blake2>(&root, total, first, range, &proof));
			prop_assert!(!verify_range::<Blake2>(&root, total + 1, first, range, &proof));
			prop_assert!(!verify_range::<Blake2>(&root, total, first + 1, range, &proof));
			prop_assert!(!verify_range::<Blake2>(&root, total, first, &range[1..], &proof));
			let mut wrong = range.to_vec();
			let flip = flip.index(wrong.len());
			wrong[flip] ^= 1;
			prop_assert!(!verify_range::<Blake2>(&root, total, first, &wrong, &proof));
			prop_assert!(!verify_range::<Blake2>(&root, total, first, range, &proof[1..]));
			prop_assert_eq!(tree.prove_range(&bytes, leaves as u32, 1), None);
			prop_assert_eq!(tree.prove_range(&bytes, 0, 0), None);
		}
	}
}
