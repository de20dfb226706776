//! Binary Merkle trees over leaves of 32 bytes, of a fixed height, padded with zeros.
//!
//! A leaf's hash is `H(0 | 32 bytes)`, a node's `H(1 | left | right)`. Regions of the machine, inputs and outputs have
//! the same trees, so that what a program wrote has its root without another look.

use crate::hash::{tag, Blake2, Hash, Hasher};
use alloc::{vec, vec::Vec};

/// The size of a leaf in bytes.
pub const LEAF: usize = 32;
/// A leaf.
pub type Leaf = [u8; LEAF];
/// The height of the highest tree: 4 GiB of leaves.
pub const MAX_DEPTH: u32 = 27;
/// The height of the tree of data, whatever its length.
pub const DATA_DEPTH: u32 = 27;

/// The hash of a leaf.
pub fn leaf_hash<H: Hasher>(leaf: &Leaf) -> Hash {
	let mut bytes = [tag::LEAF; LEAF + 1];
	bytes[1..].copy_from_slice(leaf);
	H::hash(&bytes)
}

/// The hash of a node.
pub fn node_hash<H: Hasher>(left: &Hash, right: &Hash) -> Hash {
	let mut bytes = [tag::NODE; 65];
	bytes[1..33].copy_from_slice(left);
	bytes[33..].copy_from_slice(right);
	H::hash(&bytes)
}

/// The root of data of a length whose zero-padded tree has this root.
pub fn data_root_of<H: Hasher>(len: u64, tree: &Hash) -> Hash {
	let mut bytes = [tag::DATA; 41];
	bytes[1..9].copy_from_slice(&len.to_le_bytes());
	bytes[9..].copy_from_slice(tree);
	H::hash(&bytes)
}

/// The roots of trees of zeros, by their heights.
#[derive(Clone, Copy, Debug)]
pub struct Zeros([Hash; MAX_DEPTH as usize + 1]);

impl Zeros {
	/// Computes them: 28 hashes.
	pub fn new<H: Hasher>() -> Self {
		let mut zeros = [leaf_hash::<H>(&[0; LEAF]); MAX_DEPTH as usize + 1];
		for height in 1..zeros.len() {
			zeros[height] = node_hash::<H>(&zeros[height - 1], &zeros[height - 1]);
		}
		Self(zeros)
	}

	/// The root of a tree of zeros; of the highest one if it is higher.
	pub fn of(&self, height: u32) -> &Hash {
		&self.0[height.min(MAX_DEPTH) as usize]
	}
}

/// Leaves in a page.
pub(crate) const PAGE_LEAVES: usize = 128;
/// The height of a page's tree.
const PAGE_HEIGHT: u32 = PAGE_LEAVES.trailing_zeros();
/// Bytes in a page.
pub(crate) const PAGE_BYTES: usize = PAGE_LEAVES * LEAF;

/// The hashes of a region from its pages upwards, kept so that a root costs what changed. Contents are elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct PageTree {
	depth: u32,
	/// Hashes of pages, of pairs of pages, and so on, without zeros at the right.
	levels: Vec<Vec<Hash>>,
	zeros: Zeros,
}

impl PageTree {
	/// The tree of a region of zeros.
	pub fn new(depth: u32, zeros: &Zeros) -> Self {
		Self {
			depth,
			levels: vec![Vec::new(); (depth.saturating_sub(PAGE_HEIGHT) + 1) as usize],
			zeros: *zeros,
		}
	}

	fn get(&self, level: usize, index: usize) -> &Hash {
		self.levels[level]
			.get(index)
			.unwrap_or_else(|| self.zeros.of(PAGE_HEIGHT + level as u32))
	}

	/// Takes new contents of pages, in rising order.
	pub fn update(&mut self, pages: impl Iterator<Item = (usize, Hash)>) {
		let mut changed = Vec::new();
		for (index, hash) in pages {
			Self::set(&mut self.levels[0], index, hash, self.zeros.of(PAGE_HEIGHT));
			changed.push(index);
		}
		for level in 1..self.levels.len() {
			changed.iter_mut().for_each(|index| *index /= 2);
			changed.dedup();
			for index in &changed {
				let hash = node_hash::<Blake2>(self.get(level - 1, 2 * index), self.get(level - 1, 2 * index + 1));
				let zero = *self.zeros.of(PAGE_HEIGHT + level as u32);
				Self::set(&mut self.levels[level], *index, hash, &zero);
			}
		}
	}

	fn set(level: &mut Vec<Hash>, index: usize, hash: Hash, zero: &Hash) {
		if index >= level.len() {
			level.resize(index + 1, *zero);
		}
		level[index] = hash;
	}

	/// The root.
	pub fn root(&self) -> Hash {
		*self.get(self.levels.len() - 1, 0)
	}

	/// What proves these leaves, which are in rising order, together: the hashes that [`fold`] asks for. `page` gives a
	/// page's contents.
	pub fn prove(&self, leaves: &[u32], page: impl Fn(usize) -> [u8; PAGE_BYTES]) -> Vec<Hash> {
		let mut proof = Vec::new();
		let mut known: Vec<u32> = leaves.to_vec();
		// Siblings inside pages are wanted level by level, so the trees of all touched pages are made first.
		let mut pages: Vec<(usize, Vec<Vec<Hash>>)> = Vec::new();
		for leaf in leaves {
			let index = *leaf as usize / PAGE_LEAVES;
			if pages.last().is_none_or(|(last, _)| *last != index) {
				pages.push((index, page_levels(&page(index))));
			}
		}
		for height in 0..self.depth {
			let mut next: Vec<u32> = Vec::with_capacity(known.len());
			for (at, index) in known.iter().enumerate() {
				let sibling = index ^ 1;
				let before = at.checked_sub(1).is_some_and(|at| known[at] == sibling);
				let after = known.get(at + 1) == Some(&sibling);
				if !before && !after {
					proof.push(self.hash_at(height, sibling, &pages));
				}
				if !before {
					next.push(index / 2);
				}
			}
			known = next;
		}
		proof
	}

	fn hash_at(&self, height: u32, index: u32, pages: &[(usize, Vec<Vec<Hash>>)]) -> Hash {
		if height >= PAGE_HEIGHT {
			return *self.get((height - PAGE_HEIGHT) as usize, index as usize);
		}
		let per_page = PAGE_LEAVES >> height;
		let page = index as usize / per_page;
		match pages.binary_search_by_key(&page, |(at, _)| *at) {
			Ok(at) => pages[at].1[height as usize][index as usize % per_page],
			Err(_) => *self.zeros.of(height),
		}
	}
}

fn page_levels(page: &[u8; PAGE_BYTES]) -> Vec<Vec<Hash>> {
	let mut levels: Vec<Vec<Hash>> = Vec::with_capacity(PAGE_HEIGHT as usize);
	let mut level: Vec<Hash> = page
		.chunks_exact(LEAF)
		.map(|leaf| {
			let mut bytes = [0; LEAF];
			bytes.copy_from_slice(leaf);
			leaf_hash::<Blake2>(&bytes)
		})
		.collect();
	while level.len() > 1 {
		let above = level
			.chunks_exact(2)
			.map(|pair| node_hash::<Blake2>(&pair[0], &pair[1]))
			.collect();
		levels.push(core::mem::replace(&mut level, above));
	}
	levels.push(level);
	levels
}

/// The hash of a page of leaves.
pub(crate) fn page_hash(page: &[u8; PAGE_BYTES], zeros: &Zeros) -> Hash {
	if page.iter().all(|byte| *byte == 0) {
		return *zeros.of(PAGE_HEIGHT);
	}
	let mut level = [[0; 32]; PAGE_LEAVES];
	for (hash, leaf) in level.iter_mut().zip(page.chunks_exact(LEAF)) {
		let mut bytes = [0; LEAF];
		bytes.copy_from_slice(leaf);
		*hash = leaf_hash::<Blake2>(&bytes);
	}
	let mut width = PAGE_LEAVES;
	while width > 1 {
		width /= 2;
		for n in 0..width {
			level[n] = node_hash::<Blake2>(&level[2 * n], &level[2 * n + 1]);
		}
	}
	level[0]
}

/// The root of a tree of a height from some of its leaves, in rising order of their places, and what [`PageTree::prove`]
/// gave for them. `None` if they do not fit together: places out of order or outside, too few or too many hashes.
/// No recursion; work and memory are bounded by `leaves * depth`.
pub fn fold<H: Hasher>(depth: u32, leaves: &[(u32, Leaf)], proof: &mut &[Hash]) -> Option<Hash> {
	let mut known: Vec<(u32, Hash)> = leaves.iter().map(|(at, leaf)| (*at, leaf_hash::<H>(leaf))).collect();
	if known.is_empty() || known.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
		return None;
	}
	for _ in 0..depth {
		let mut filled = 0;
		let mut at = 0;
		while at < known.len() {
			let (index, hash) = known[at];
			let pair = known.get(at + 1).filter(|(other, _)| *other == index ^ 1).copied();
			let above = match pair {
				// In rising order the sibling is the right one.
				Some((_, right)) => node_hash::<H>(&hash, &right),
				None => {
					let (sibling, rest) = proof.split_first()?;
					*proof = rest;
					match index % 2 {
						0 => node_hash::<H>(&hash, sibling),
						_ => node_hash::<H>(sibling, &hash),
					}
				}
			};
			at += if pair.is_some() { 2 } else { 1 };
			known[filled] = (index / 2, above);
			filled += 1;
		}
		known.truncate(filled);
	}
	match known[..] {
		[(0, root)] => Some(root),
		_ => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn naive(depth: u32, leaves: &[Leaf]) -> Hash {
		let mut level: Vec<Hash> = (0..1usize << depth)
			.map(|n| leaf_hash::<Blake2>(leaves.get(n).unwrap_or(&[0; LEAF])))
			.collect();
		while level.len() > 1 {
			level = level
				.chunks(2)
				.map(|pair| node_hash::<Blake2>(&pair[0], &pair[1]))
				.collect();
		}
		level[0]
	}

	fn page_of(leaves: &[Leaf], page: usize) -> [u8; PAGE_BYTES] {
		let mut bytes = [0; PAGE_BYTES];
		for (place, leaf) in bytes.chunks_exact_mut(LEAF).zip(leaves.iter().skip(page * PAGE_LEAVES)) {
			place.copy_from_slice(leaf);
		}
		bytes
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(64))]

		#[test]
		fn a_region_has_the_root_of_its_leaves_and_proves_them(
			contents in proptest::collection::vec(any::<[u8; 32]>(), 1..500),
			places in proptest::collection::btree_set(0u32..512, 1..8),
			flip in any::<prop::sample::Index>(),
		) {
			let zeros = Zeros::new::<Blake2>();
			let mut tree = PageTree::new(9, &zeros);
			prop_assert_eq!(tree.root(), naive(9, &[]));
			tree.update((0..4).map(|page| (page, page_hash(&page_of(&contents, page), &zeros))));
			prop_assert_eq!(tree.root(), naive(9, &contents));

			let places: Vec<u32> = places.into_iter().collect();
			let proof = tree.prove(&places, |page| page_of(&contents, page));
			let leaves: Vec<(u32, Leaf)> = places.iter().map(|at| (*at, contents.get(*at as usize).copied().unwrap_or_default())).collect();
			let mut rest = &proof[..];
			prop_assert_eq!(fold::<Blake2>(9, &leaves, &mut rest), Some(tree.root()));
			prop_assert!(rest.is_empty());

			let mut forged = leaves.clone();
			let at = flip.index(forged.len());
			forged[at].1[5] ^= 1;
			prop_assert_ne!(fold::<Blake2>(9, &forged, &mut &proof[..]), Some(tree.root()));
			if !proof.is_empty() {
				let mut wrong = proof.clone();
				let at = flip.index(wrong.len());
				wrong[at][31] ^= 128;
				prop_assert_ne!(fold::<Blake2>(9, &leaves, &mut &wrong[..]), Some(tree.root()));
				prop_assert_eq!(fold::<Blake2>(9, &leaves, &mut &proof[1..]), None);
			}
		}
	}

	#[test]
	fn a_changed_page_changes_the_root_as_a_new_tree_has_it() {
		let zeros = Zeros::new::<Blake2>();
		let mut contents = vec![[7; LEAF]; 300];
		let mut tree = PageTree::new(10, &zeros);
		tree.update((0..3).map(|page| (page, page_hash(&page_of(&contents, page), &zeros))));
		contents[200] = [9; LEAF];
		tree.update([(1, page_hash(&page_of(&contents, 1), &zeros))].into_iter());
		assert_eq!(tree.root(), naive(10, &contents));
	}

	#[test]
	fn leaves_out_of_order_or_outside_are_refused() {
		let leaf = [1; LEAF];
		let proof = [[0; 32]; 40];
		assert_eq!(fold::<Blake2>(3, &[], &mut &proof[..]), None);
		assert_eq!(fold::<Blake2>(3, &[(2, leaf), (1, leaf)], &mut &proof[..]), None);
		assert_eq!(fold::<Blake2>(3, &[(1, leaf), (1, leaf)], &mut &proof[..]), None);
		assert_eq!(fold::<Blake2>(3, &[(8, leaf)], &mut &proof[..]), None);
	}
}
