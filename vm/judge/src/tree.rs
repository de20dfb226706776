//! Binary Merkle trees over leaves of 32 bytes, of a fixed height, padded with zeros.
//!
//! A leaf's hash is `H(0 | 32 bytes)`, a node's `H(1 | left | right)`. Regions of the machine, inputs and outputs have
//! the same trees, so that what a program wrote has its root without another look.

use crate::hash::{tag, Hash, Hasher};
use alloc::{
	collections::{btree_map::Entry, BTreeMap},
	sync::Arc,
	vec,
	vec::Vec,
};
use blake2b_simd::{
	many::{hash_many, HashManyJob},
	Params,
};

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
pub const PAGE_LEAVES: usize = 128;
/// The height of a page's tree.
pub const PAGE_HEIGHT: u32 = PAGE_LEAVES.trailing_zeros();
/// Bytes in a page.
pub const PAGE_BYTES: usize = PAGE_LEAVES * LEAF;

/// Hashes that are kept together.
const CHUNK: usize = 256;

/// A level of hashes. What was never set is a tree of zeros and takes no memory, wherever the rest is.
#[derive(Clone, Debug)]
struct Level {
	chunks: Vec<Option<Arc<[Hash; CHUNK]>>>,
	zero: Hash,
}

impl Level {
	fn get(&self, index: usize) -> &Hash {
		match self.chunks.get(index / CHUNK) {
			Some(Some(chunk)) => &chunk[index % CHUNK],
			_ => &self.zero,
		}
	}

	fn set(&mut self, index: usize, hash: Hash) {
		let at = index / CHUNK;
		if at >= self.chunks.len() {
			self.chunks.resize(at + 1, None);
		}
		let chunk = self.chunks[at].get_or_insert_with(|| Arc::new([self.zero; CHUNK]));
		Arc::make_mut(chunk)[index % CHUNK] = hash;
	}
}

/// The hashes of a region from its pages upwards, kept so that a root costs what changed. Contents are elsewhere. A clone
/// shares what neither changes.
#[derive(Clone, Debug)]
pub struct PageTree {
	depth: u32,
	/// Hashes of pages, of pairs of pages, and so on.
	levels: Vec<Level>,
}

impl PageTree {
	/// The tree of a region of zeros.
	pub fn new(depth: u32, zeros: &Zeros) -> Self {
		let level = |height| Level {
			chunks: Vec::new(),
			zero: *zeros.of(height),
		};
		Self {
			depth,
			levels: (PAGE_HEIGHT..=depth.max(PAGE_HEIGHT)).map(level).collect(),
		}
	}

	/// Takes new hashes of pages, in rising order.
	pub fn update(&mut self, pages: impl Iterator<Item = (usize, Hash)>) {
		let mut changed = Vec::new();
		for (index, hash) in pages {
			self.levels[0].set(index, hash);
			changed.push(index);
		}
		for level in 1..self.levels.len() {
			changed.iter_mut().for_each(|index| *index /= 2);
			changed.dedup();
			let (below, above) = self.levels.split_at_mut(level);
			let (Some(below), Some(above)) = (below.last(), above.first_mut()) else {
				return;
			};
			for part in changed.chunks(BATCH) {
				let mut nodes = [[tag::NODE; NODE]; BATCH];
				for (node, index) in nodes.iter_mut().zip(part) {
					set_node(node, below.get(2 * index), below.get(2 * index + 1));
				}
				let mut hashes = [[0; 32]; BATCH];
				hash_all(&nodes[..part.len()], &mut hashes);
				part.iter()
					.zip(hashes)
					.for_each(|(index, hash)| above.set(*index, hash));
			}
		}
	}

	/// The root.
	pub fn root(&self) -> Hash {
		*self.levels[self.levels.len() - 1].get(0)
	}

	/// The hash of a page.
	pub fn page(&self, page: usize) -> &Hash {
		self.levels[0].get(page)
	}

	/// What proves these leaves, which are in rising order, together: the hashes that [`fold`] asks for. `page` gives a
	/// page's contents; it is asked only for pages of which some leaves are proven and others are not.
	pub fn prove(&self, leaves: &[u32], mut page: impl FnMut(usize) -> [u8; PAGE_BYTES]) -> Vec<Hash> {
		match self.try_prove(leaves, |at| Ok::<_, core::convert::Infallible>(page(at))) {
			Ok(proof) => proof,
			Err(never) => match never {},
		}
	}

	/// The same where contents may be out of reach.
	///
	/// # Errors
	/// What `page` failed with.
	pub fn try_prove<E>(
		&self,
		leaves: &[u32],
		mut page: impl FnMut(usize) -> Result<[u8; PAGE_BYTES], E>,
	) -> Result<Vec<Hash>, E> {
		let mut proof = Vec::new();
		let mut known: Vec<u32> = leaves.to_vec();
		let mut pages: BTreeMap<usize, Vec<Vec<Hash>>> = BTreeMap::new();
		for height in 0..self.depth {
			let mut next: Vec<u32> = Vec::with_capacity(known.len());
			for (at, index) in known.iter().enumerate() {
				let sibling = index ^ 1;
				let before = at.checked_sub(1).is_some_and(|at| known[at] == sibling);
				let after = known.get(at + 1) == Some(&sibling);
				if !before && !after {
					proof.push(match height.checked_sub(PAGE_HEIGHT) {
						Some(level) => *self.levels[level as usize].get(sibling as usize),
						None => {
							let per_page = PAGE_LEAVES >> height;
							let (of, place) = (sibling as usize / per_page, sibling as usize % per_page);
							let levels = match pages.entry(of) {
								Entry::Occupied(levels) => levels.into_mut(),
								Entry::Vacant(none) => none.insert(page_levels(&page(of)?)),
							};
							levels[height as usize][place]
						}
					});
				}
				if !before {
					next.push(index / 2);
				}
			}
			known = next;
		}
		Ok(proof)
	}
}

/// What a node is hashed from.
const NODE: usize = 65;
/// How many hashes are made together.
const BATCH: usize = 8;

fn set_node(node: &mut [u8; NODE], left: &Hash, right: &Hash) {
	node[1..33].copy_from_slice(left);
	node[33..].copy_from_slice(right);
}

/// Hashes inputs side by side, as many as there is room for: several times the speed of one after the other.
fn hash_all<const N: usize>(inputs: &[[u8; N]], hashes: &mut [Hash]) {
	let mut params = Params::new();
	params.hash_length(32);
	for (inputs, hashes) in inputs.chunks(BATCH).zip(hashes.chunks_mut(BATCH)) {
		let none: &[u8] = &[];
		let mut jobs: [HashManyJob<'_>; BATCH] =
			core::array::from_fn(|n| HashManyJob::new(&params, inputs.get(n).map_or(none, |input| input)));
		let jobs = &mut jobs[..inputs.len()];
		hash_many(jobs.iter_mut());
		for (hash, job) in hashes.iter_mut().zip(jobs) {
			hash.copy_from_slice(job.to_hash().as_bytes());
		}
	}
}

fn leaves_of(page: &[u8; PAGE_BYTES]) -> [Hash; PAGE_LEAVES] {
	let mut inputs = [[tag::LEAF; LEAF + 1]; PAGE_LEAVES];
	for (input, leaf) in inputs.iter_mut().zip(page.chunks_exact(LEAF)) {
		input[1..].copy_from_slice(leaf);
	}
	let mut hashes = [[0; 32]; PAGE_LEAVES];
	hash_all(&inputs, &mut hashes);
	hashes
}

/// The level above one, at the start of the same place; the number of its nodes.
fn climb(level: &mut [Hash], width: usize) -> usize {
	let mut nodes = [[tag::NODE; NODE]; PAGE_LEAVES / 2];
	let nodes = &mut nodes[..width / 2];
	for (node, pair) in nodes.iter_mut().zip(level.chunks_exact(2)) {
		set_node(node, &pair[0], &pair[1]);
	}
	hash_all(nodes, level);
	width / 2
}

fn page_levels(page: &[u8; PAGE_BYTES]) -> Vec<Vec<Hash>> {
	let mut level = leaves_of(page);
	let mut levels = vec![level.to_vec()];
	let mut width = PAGE_LEAVES;
	while width > 1 {
		width = climb(&mut level, width);
		levels.push(level[..width].to_vec());
	}
	levels
}

/// The hash of a page of leaves.
pub fn page_hash(page: &[u8; PAGE_BYTES], zeros: &Zeros) -> Hash {
	if *page == [0; PAGE_BYTES] {
		return *zeros.of(PAGE_HEIGHT);
	}
	let mut level = leaves_of(page);
	let mut width = PAGE_LEAVES;
	while width > 1 {
		width = climb(&mut level, width);
	}
	level[0]
}

/// A page of bytes, padded with zeros.
pub fn padded(bytes: &[u8]) -> [u8; PAGE_BYTES] {
	let mut page = [0; PAGE_BYTES];
	let len = bytes.len().min(PAGE_BYTES);
	page[..len].copy_from_slice(&bytes[..len]);
	page
}

/// The root of a tree of a height over a few bytes, padded with zeros; what is beyond its leaves is not looked at.
pub fn small_root<H: Hasher>(depth: u32, bytes: &[u8]) -> Hash {
	let zeros = Zeros::new::<H>();
	let mut level: Vec<Hash> = bytes
		.chunks(LEAF)
		.map(|bytes| {
			let mut leaf = [0; LEAF];
			leaf[..bytes.len()].copy_from_slice(bytes);
			leaf_hash::<H>(&leaf)
		})
		.take(1 << depth.min(MAX_DEPTH))
		.collect();
	for height in 0..depth {
		level = level
			.chunks(2)
			.map(|pair| node_hash::<H>(&pair[0], pair.get(1).unwrap_or_else(|| zeros.of(height))))
			.collect();
	}
	level.first().copied().unwrap_or(*zeros.of(depth))
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
	use crate::hash::Blake2;
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
