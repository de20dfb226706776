//! The tree of data, and proofs of its parts.

use super::MAX_DATA;
use crate::{
	hash::{Blake2, Hash, Hasher},
	task::Blob,
	tree::{data_root_of, fold, padded, page_hash, Leaf, PageTree, Zeros, DATA_DEPTH, LEAF, PAGE_BYTES},
};
use alloc::vec::Vec;

/// The tree of some bytes, kept to prove ranges of them. It takes a sixty-fourth of their space.
#[derive(Clone, Debug)]
pub struct DataTree {
	len: u64,
	tree: PageTree,
}

impl DataTree {
	/// Hashes the bytes. `None` if they are more than [`MAX_DATA`].
	pub fn new(bytes: &[u8]) -> Option<Self> {
		let zeros = Zeros::new::<Blake2>();
		let pages = bytes.chunks(PAGE_BYTES).map(|page| page_hash(&padded(page), &zeros));
		Self::of_pages(bytes.len() as u64, pages)
	}

	/// A tree from the hashes of all pages, the last one padded with zeros: of [`page_hash`]. `None` if
	/// they are not as many as so many bytes have, or the bytes more than [`MAX_DATA`].
	pub fn of_pages(len: u64, pages: impl Iterator<Item = Hash>) -> Option<Self> {
		if len > MAX_DATA {
			return None;
		}
		let mut tree = PageTree::new(DATA_DEPTH, &Zeros::new::<Blake2>());
		let mut count = 0;
		// One more than there may be is seen and refused, however many come.
		let most = pages_of(len) + 1;
		tree.update(pages.take(most).enumerate().inspect(|_| count += 1));
		(count == pages_of(len)).then_some(Self { len, tree })
	}

	/// The number of bytes.
	pub fn len(&self) -> u64 {
		self.len
	}

	/// True of no bytes.
	pub fn is_empty(&self) -> bool {
		self.len == 0
	}

	/// The hashes of the pages.
	pub fn pages(&self) -> impl Iterator<Item = &Hash> {
		(0..pages_of(self.len)).map(|page| self.tree.page(page))
	}

	/// The root of the bytes.
	pub fn root(&self) -> Hash {
		data_root_of::<Blake2>(self.len, &self.tree.root())
	}

	/// The bytes as a blob. Lengths of 4 GiB, which no blob has, count as the most there is.
	pub fn blob(&self) -> Blob {
		Blob {
			tree: self.tree.root(),
			len: u32::try_from(self.len).unwrap_or(u32::MAX),
		}
	}

	/// The zero-padded tree alone.
	pub fn tree(&self) -> &PageTree {
		&self.tree
	}

	/// Proves the leaves `first..first + count` of the bytes that the tree was made of: what [`verify_range`] checks.
	/// `None` if there are none or some are beyond the last byte.
	pub fn prove_range(&self, bytes: &[u8], first: u32, count: u32) -> Option<Vec<Hash>> {
		if bytes.len() as u64 != self.len {
			return None;
		}
		let page = |page: usize| {
			let start = (page * PAGE_BYTES).min(bytes.len());
			padded(&bytes[start..(start + PAGE_BYTES).min(bytes.len())])
		};
		Some(self.tree.prove(&self.leaves(first, count)?, page))
	}

	/// The places of so many leaves. `None` if there are none or some are beyond the last byte.
	pub(super) fn leaves(&self, first: u32, count: u32) -> Option<Vec<u32>> {
		let last = first.checked_add(count.checked_sub(1)?)?;
		(u64::from(last) * (LEAF as u64) < self.len).then(|| (first..=last).collect())
	}
}

/// How many pages so many bytes have.
pub(super) fn pages_of(len: u64) -> usize {
	len.div_ceil(PAGE_BYTES as u64) as usize
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

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(48))]

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

		#[test]
		fn pages_that_are_too_few_or_too_many_make_no_tree(bytes in proptest::collection::vec(any::<u8>(), 0..20_000)) {
			let tree = DataTree::new(&bytes).unwrap();
			let pages: Vec<Hash> = tree.pages().copied().collect();
			let (len, count) = (bytes.len() as u64, pages.len());
			let of = |count: usize| DataTree::of_pages(len, pages.iter().copied().cycle().take(count)).map(|tree| tree.root());
			prop_assert_eq!(of(count), Some(tree.root()));
			prop_assert_eq!(of(count + 1), (count == 0).then(|| tree.root()));
			prop_assert_eq!(of(count.saturating_sub(1)), (count == 0).then(|| tree.root()));
			prop_assert!(DataTree::of_pages(MAX_DATA + 1, core::iter::repeat([0; 32])).is_none());
		}
	}
}
