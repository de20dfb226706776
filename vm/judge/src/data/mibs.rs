//! Data in parts of 1 MiB, checked as they come.
//!
//! Whoever has only the root of 1 GiB learns whether it is right when all of it is there. With the roots of its 1,024
//! parts, 32 KiB that the root itself confirms, it learns that of each part by itself, from whomever it comes.

use super::tree::pages_of;
use crate::{
	hash::{Blake2, Hash, Hasher},
	tree::{data_root_of, node_hash, padded, page_hash, PageTree, Zeros, DATA_DEPTH, PAGE_BYTES, PAGE_HEIGHT},
};
use alloc::vec::Vec;

/// The size of a part in bytes.
pub const MIB: usize = 1 << 20;
/// The height of a part's tree.
const MIB_HEIGHT: u32 = PAGE_HEIGHT + (MIB / PAGE_BYTES).trailing_zeros();

/// The roots of all parts of some data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mibs {
	len: u64,
	roots: Vec<Hash>,
}

impl Mibs {
	pub(super) fn of_tree(len: u64, tree: &PageTree) -> Self {
		Self {
			len,
			roots: tree.subtrees(MIB_HEIGHT, parts_of(len)),
		}
	}

	/// The roots from their bytes, one after the other. `None` if they are not those of data of this length and root.
	pub fn from_bytes<H: Hasher>(root: &Hash, len: u64, bytes: &[u8]) -> Option<Self> {
		if len > super::MAX_DATA || bytes.len() != parts_of(len).checked_mul(32)? {
			return None;
		}
		let roots: Vec<Hash> = bytes
			.chunks_exact(32)
			.map(|bytes| core::array::from_fn(|n| bytes[n]))
			.collect();
		let zeros = Zeros::new::<H>();
		let tree = climb::<H>(roots.clone(), MIB_HEIGHT, DATA_DEPTH, &zeros);
		(data_root_of::<H>(len, &tree) == *root).then_some(Self { len, roots })
	}

	/// The roots one after the other.
	pub fn to_bytes(&self) -> Vec<u8> {
		self.roots.concat()
	}

	/// The number of parts.
	pub fn count(&self) -> usize {
		self.roots.len()
	}

	/// Where part `n` lies in the data; `None` if there are not so many.
	pub fn place(&self, n: usize) -> Option<core::ops::Range<u64>> {
		let start = n as u64 * MIB as u64;
		(n < self.roots.len()).then(|| start..(start + MIB as u64).min(self.len))
	}

	/// The hashes of the pages of part `n`, if these are its bytes; with those of all parts
	/// [`DataTree::of_pages`](super::DataTree::of_pages) makes the tree without another look.
	pub fn pages(&self, n: usize, bytes: &[u8]) -> Option<Vec<Hash>> {
		let place = self.place(n)?;
		if bytes.len() as u64 != place.end - place.start {
			return None;
		}
		let zeros = Zeros::new::<Blake2>();
		let pages: Vec<Hash> = bytes
			.chunks(PAGE_BYTES)
			.map(|page| page_hash(&padded(page), &zeros))
			.collect();
		let root = climb::<Blake2>(pages.clone(), PAGE_HEIGHT, MIB_HEIGHT, &zeros);
		(root == *self.roots.get(n)?).then_some(pages)
	}

	/// Whether these are the bytes of part `n`.
	pub fn is_part(&self, n: usize, bytes: &[u8]) -> bool {
		self.pages(n, bytes).is_some()
	}
}

fn parts_of(len: u64) -> usize {
	pages_of(len).div_ceil(MIB / PAGE_BYTES)
}

/// The root of a tree of a height from its nodes at a height below, padded with zeros.
fn climb<H: Hasher>(mut level: Vec<Hash>, from: u32, to: u32, zeros: &Zeros) -> Hash {
	for height in from..to {
		level = level
			.chunks(2)
			.map(|pair| node_hash::<H>(&pair[0], pair.get(1).unwrap_or_else(|| zeros.of(height))))
			.collect();
	}
	level.first().copied().unwrap_or(*zeros.of(to))
}

#[cfg(test)]
mod tests {
	use super::{super::DataTree, *};

	#[test]
	fn parts_are_checked_one_by_one_and_make_the_tree() {
		let bytes: Vec<u8> = (0..3 * MIB as u32 + 70_001)
			.map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8)
			.collect();
		for len in [0, 1, 4_096, MIB - 1, MIB, MIB + 1, 2 * MIB, bytes.len()] {
			let bytes = &bytes[..len];
			let tree = DataTree::new(bytes).unwrap();
			let (root, len) = (tree.root(), len as u64);
			let sent = tree.mibs().to_bytes();
			let mibs = Mibs::from_bytes::<Blake2>(&root, len, &sent).expect("they are right");
			assert_eq!(mibs, tree.mibs());
			assert_eq!(mibs.count(), bytes.len().div_ceil(MIB));
			let mut pages = Vec::new();
			for (n, part) in bytes.chunks(MIB).enumerate() {
				let place = mibs.place(n).unwrap();
				assert_eq!(&bytes[place.start as usize..place.end as usize], part);
				pages.extend(mibs.pages(n, part).expect("it is right"));
				let mut wrong = part.to_vec();
				wrong[part.len() / 2] ^= 1;
				assert!(!mibs.is_part(n, &wrong) && !mibs.is_part(n + 1, part) && !mibs.is_part(n, &part[1..]));
			}
			assert_eq!(DataTree::of_pages(len, pages.into_iter()).unwrap().root(), root);
			// Other lengths, other roots, cut and longer lists.
			assert_eq!(Mibs::from_bytes::<Blake2>(&root, len + 1, &sent), None);
			assert_eq!(Mibs::from_bytes::<Blake2>(&[7; 32], len, &sent), None);
			assert_eq!(
				Mibs::from_bytes::<Blake2>(&root, len, &[&sent[..], &[0; 32]].concat()),
				None
			);
			for at in (0..sent.len()).step_by(17) {
				let mut wrong = sent.clone();
				wrong[at] ^= 4;
				assert_eq!(Mibs::from_bytes::<Blake2>(&root, len, &wrong), None);
				assert_eq!(Mibs::from_bytes::<Blake2>(&root, len, &sent[..at]), None);
			}
		}
		assert_eq!(Mibs::from_bytes::<Blake2>(&[0; 32], u64::MAX, &[]), None);
	}
}
