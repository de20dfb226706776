//! What a task is given: its input, the job's image and setup, and the seed of its random numbers.

use crate::{
	data::DataTree,
	hash::Blake2,
	parallel,
	state::Region,
	stop::{Stop, Stopped},
	task::Blob,
	tree::{padded, page_hash, PageTree, Zeros, PAGE_BYTES},
};
use std::sync::Arc;

/// Bytes that many tasks may share: a vector, or a file that is mapped.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// What a task is given.
#[derive(Clone)]
pub struct Supply {
	/// The task's own input.
	pub input: Bytes,
	/// The job's image; no bytes if it has none.
	pub image: Bytes,
	/// The job's setup; no bytes for standard input and output.
	pub setup: Bytes,
	/// What random numbers come from.
	pub seed: [u8; 32],
}

impl Supply {
	/// An input, and nothing else.
	pub fn of_input(input: Vec<u8>, seed: [u8; 32]) -> Self {
		Self {
			input: Arc::new(input),
			image: Arc::new([0; 0]),
			setup: Arc::new([0; 0]),
			seed,
		}
	}

	/// The bytes of a region; those of a region that is none of the supply's are none.
	pub fn region(&self, region: Region) -> &[u8] {
		match region {
			Region::Input => (*self.input).as_ref(),
			Region::Image => (*self.image).as_ref(),
			Region::Setup => (*self.setup).as_ref(),
			_ => &[],
		}
	}

	/// Whether everything has a length of 32 bits.
	pub fn fits(&self) -> bool {
		Self::REGIONS
			.iter()
			.all(|region| u32::try_from(self.region(*region).len()).is_ok())
	}

	const REGIONS: [Region; 3] = [Region::Input, Region::Image, Region::Setup];
}

impl std::fmt::Debug for Supply {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		let lengths = Self::REGIONS.map(|region| self.region(region).len());
		write!(f, "Supply {{ input, image, setup of {lengths:?} bytes }}")
	}
}

/// A supply with its trees.
#[derive(Debug)]
pub struct Hashed {
	supply: Supply,
	trees: [Arc<DataTree>; 3],
}

/// Trees that are known already, because tasks share what they are of, or somebody kept them in a file. Whoever gives one
/// has seen that it is that of the bytes.
#[derive(Clone, Default, Debug)]
pub struct Known {
	/// The tree of the input.
	pub input: Option<Arc<DataTree>>,
	/// The tree of the image.
	pub image: Option<Arc<DataTree>>,
	/// The tree of the setup.
	pub setup: Option<Arc<DataTree>>,
}

/// Why a supply has no trees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unhashed {
	/// It was stopped.
	#[error(transparent)]
	Stopped(#[from] Stopped),
	/// Something is longer than a blob may be.
	#[error("something that the task is given is 4 GiB or longer")]
	TooLong,
	/// A tree that is known is of another length than the bytes.
	#[error("the tree is not that of what the task is given")]
	Other,
}

/// Pages that are hashed before somebody looks whether to stop.
const BATCH: usize = 4096;

/// The tree of some bytes, made on up to so many threads.
///
/// # Errors
/// If it was stopped, or the bytes are more than data may be.
pub fn tree_of(bytes: &[u8], threads: usize, stop: &Stop) -> Result<DataTree, Unhashed> {
	let zeros = Zeros::new::<Blake2>();
	let mut hashes = Vec::with_capacity(bytes.len().div_ceil(PAGE_BYTES));
	for bytes in bytes.chunks(BATCH * PAGE_BYTES) {
		stop.check()?;
		let pages: Vec<&[u8]> = bytes.chunks(PAGE_BYTES).collect();
		hashes.extend(parallel::map(&pages, threads, |page| page_hash(&padded(page), &zeros)));
	}
	DataTree::of_pages(bytes.len() as u64, hashes.into_iter()).ok_or(Unhashed::TooLong)
}

impl Hashed {
	/// Hashes what a task is given. `None` if something is longer than a blob may be.
	pub fn new(supply: Supply) -> Option<Self> {
		Self::with(supply, Known::default(), 1, &Stop::new()).ok()
	}

	/// Hashes what is not known, on up to so many threads.
	///
	/// # Errors
	/// See [`Unhashed`].
	pub fn with(supply: Supply, known: Known, threads: usize, stop: &Stop) -> Result<Self, Unhashed> {
		if !supply.fits() {
			return Err(Unhashed::TooLong);
		}
		let tree = |region: Region, known: Option<Arc<DataTree>>| {
			let bytes = supply.region(region);
			match known {
				None => tree_of(bytes, threads, stop).map(Arc::new),
				Some(tree) if tree.len() == bytes.len() as u64 => Ok(tree),
				Some(_) => Err(Unhashed::Other),
			}
		};
		Ok(Self {
			trees: [
				tree(Region::Input, known.input)?,
				tree(Region::Image, known.image)?,
				tree(Region::Setup, known.setup)?,
			],
			supply,
		})
	}

	/// What was hashed.
	pub fn supply(&self) -> &Supply {
		&self.supply
	}

	/// The input, the image and the setup as blobs.
	pub fn blobs(&self) -> [Blob; 3] {
		[0, 1, 2].map(|n| self.trees[n].blob())
	}

	pub(crate) fn tree(&self, region: Region) -> &PageTree {
		let place = Supply::REGIONS.iter().position(|known| *known == region);
		self.trees[place.unwrap_or(0)].tree()
	}

	pub(crate) fn page(&self, region: Region, page: usize) -> [u8; PAGE_BYTES] {
		let bytes = self.supply.region(region);
		let start = (page * PAGE_BYTES).min(bytes.len());
		padded(&bytes[start..(start + PAGE_BYTES).min(bytes.len())])
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn supply() -> Supply {
		Supply {
			input: Arc::new(vec![1; 100_000]),
			image: Arc::new((0..1_000_001).map(|n: u32| (n >> 3) as u8).collect::<Vec<_>>()),
			setup: Arc::new([0; 0]),
			seed: [3; 32],
		}
	}

	#[test]
	fn a_known_tree_and_threads_change_nothing() {
		let plain = Hashed::new(supply()).expect("it is short");
		let tree = tree_of(supply().region(Region::Image), 3, &Stop::new()).expect("it is short");
		let known = Known {
			image: Some(Arc::new(tree)),
			..Known::default()
		};
		let other = Hashed::with(supply(), known.clone(), 2, &Stop::new()).expect("it is short");
		assert_eq!(plain.blobs(), other.blobs());
		let mut shorter = supply();
		shorter.image = Arc::new([0; 9]);
		assert_eq!(
			Hashed::with(shorter, known, 1, &Stop::new()).err(),
			Some(Unhashed::Other)
		);
	}

	#[test]
	fn hashing_can_be_stopped() {
		let stop = Stop::new();
		stop.request();
		let stopped = Hashed::with(supply(), Known::default(), 1, &stop);
		assert_eq!(stopped.err(), Some(Unhashed::Stopped(Stopped)));
	}
}
