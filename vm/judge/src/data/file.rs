//! Data in files, which are larger than memory, and trees in files beside them.
//!
//! ```text
//!  a kept tree:  "MRTREE1\n" | length u64 | hashes of all pages of 4 KiB
//! ```
//!
//! 8 MiB for each GiB. Reading it makes the root again, so that a tree that does not belong to the data is found out; the
//! data itself is not read.

use super::{tree::pages_of, DataTree};
use crate::{
	hash::{Blake2, Hash},
	task::Blob,
	tree::{padded, page_hash, Zeros, PAGE_BYTES},
};
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

/// What a kept tree starts with.
const MAGIC: &[u8; 8] = b"MRTREE1\n";

fn wrong(why: &'static str) -> Error {
	Error::new(ErrorKind::InvalidData, why)
}

impl DataTree {
	/// Hashes what a file holds, to its end.
	///
	/// # Errors
	/// The file's; or that it is longer than data may be.
	pub fn read(file: &mut impl Read) -> Result<Self> {
		let zeros = Zeros::new::<Blake2>();
		let (mut pages, mut len) = (Vec::new(), 0);
		loop {
			let mut page = Vec::with_capacity(PAGE_BYTES);
			file.take(PAGE_BYTES as u64).read_to_end(&mut page)?;
			if page.is_empty() {
				break;
			}
			len += page.len() as u64;
			pages.push(page_hash(&padded(&page), &zeros));
			if pages.len() > pages_of(super::MAX_DATA) {
				break;
			}
		}
		Self::of_pages(len, pages.into_iter()).ok_or_else(|| wrong("it is longer than data may be"))
	}

	/// Keeps the tree.
	///
	/// # Errors
	/// The file's.
	pub fn write_tree(&self, file: &mut impl Write) -> Result<()> {
		file.write_all(MAGIC)?;
		file.write_all(&self.len().to_le_bytes())?;
		self.pages().try_for_each(|hash| file.write_all(hash))
	}

	/// A tree that was kept, if it is that of a blob. Hashes a sixty-fourth of what the data would take.
	///
	/// # Errors
	/// The file's; or that it is no kept tree or that of other data.
	pub fn read_tree(file: &mut impl Read, blob: &Blob) -> Result<Self> {
		let mut magic = [0; 8];
		let mut len = [0; 8];
		file.read_exact(&mut magic)?;
		file.read_exact(&mut len)?;
		if magic != *MAGIC || u64::from_le_bytes(len) != blob.len.into() {
			return Err(wrong("it is no tree of data of this length"));
		}
		let count = pages_of(blob.len.into());
		let mut pages: Vec<Hash> = Vec::with_capacity(count);
		for _ in 0..count {
			let mut hash = [0; 32];
			file.read_exact(&mut hash)?;
			pages.push(hash);
		}
		let tree = Self::of_pages(blob.len.into(), pages.into_iter());
		tree.filter(|tree| tree.blob() == *blob)
			.ok_or_else(|| wrong("it is the tree of other data"))
	}

	/// [`DataTree::prove_range`] with the bytes in a file, of which the first and the last page are read. `None` if there
	/// are no such leaves.
	///
	/// # Errors
	/// The file's; or that it does not hold the bytes that the tree was made of.
	pub fn prove_range_from(&self, file: &mut (impl Read + Seek), first: u32, count: u32) -> Result<Option<Vec<Hash>>> {
		let Some(leaves) = self.leaves(first, count) else {
			return Ok(None);
		};
		let zeros = Zeros::new::<Blake2>();
		let page = |at: usize| {
			let start = at as u64 * PAGE_BYTES as u64;
			file.seek(SeekFrom::Start(start))?;
			let mut page = [0; PAGE_BYTES];
			let len = (self.len() - start).min(PAGE_BYTES as u64) as usize;
			file.read_exact(&mut page[..len])?;
			match page_hash(&page, &zeros) == *self.tree().page(at) {
				true => Ok(page),
				false => Err(wrong("the file has changed")),
			}
		};
		self.tree().try_prove(&leaves, page).map(Some)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::data::verify_range;
	use std::io::Cursor;

	fn bytes(len: u32) -> Vec<u8> {
		(0..len).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect()
	}

	#[test]
	fn a_range_of_a_file_is_proven_by_two_pages_of_it() {
		for len in [1, 31, 4_096, 4_097, 100_001] {
			let bytes = bytes(len);
			let tree = DataTree::read(&mut &bytes[..]).unwrap();
			assert_eq!(tree.root(), DataTree::new(&bytes).unwrap().root());
			let leaves = len.div_ceil(32);
			for (first, count) in [(0, 1), (0, leaves), (leaves - 1, 1), (leaves / 3, leaves / 2 + 1)] {
				let proof = tree.prove_range_from(&mut Cursor::new(&bytes), first, count).unwrap();
				assert_eq!(proof, tree.prove_range(&bytes, first, count));
				let range = first as usize * 32..((first + count) as usize * 32).min(bytes.len());
				let proof = proof.unwrap();
				assert!(verify_range::<Blake2>(
					&tree.root(),
					len.into(),
					first,
					&bytes[range],
					&proof
				));
			}
			for (first, count) in [(0, 0), (leaves, 1), (0, leaves + 1), (u32::MAX, 2)] {
				assert_eq!(
					tree.prove_range_from(&mut Cursor::new(&bytes), first, count).unwrap(),
					None
				);
			}
		}
	}

	#[test]
	fn a_file_that_changed_proves_nothing() {
		let mut bytes = bytes(50_000);
		let tree = DataTree::new(&bytes).unwrap();
		assert!(tree
			.prove_range_from(&mut Cursor::new(&bytes[..40_000]), 1_400, 9)
			.is_err());
		bytes[41_000] ^= 1;
		let error = tree.prove_range_from(&mut Cursor::new(&bytes), 1_281, 9).unwrap_err();
		assert_eq!(error.kind(), ErrorKind::InvalidData);
	}

	#[test]
	fn a_kept_tree_is_the_tree_or_none() {
		for len in [0, 1, 4_096, 300_000] {
			let tree = DataTree::new(&bytes(len)).unwrap();
			let mut kept = Vec::new();
			tree.write_tree(&mut kept).unwrap();
			assert_eq!(kept.len(), 16 + 32 * (len as usize).div_ceil(4_096));
			let read = |kept: &[u8]| DataTree::read_tree(&mut &kept[..], &tree.blob());
			assert_eq!(read(&kept).unwrap().root(), tree.root());
			for at in (0..kept.len()).step_by(13) {
				assert!(read(&kept[..at]).is_err());
				let mut wrong = kept.clone();
				wrong[at] ^= 1;
				assert!(read(&wrong).is_err(), "byte {at} of {len}");
			}
		}
	}
}
