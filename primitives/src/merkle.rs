//! The trees that commit to data.
//!
//! | tree | leaves | used for |
//! |---|---|---|
//! | [`data_root`] | the data in chunks of 32 bytes, its length mixed into the root; see [`millrace_judge::data`] | modules, images, setups, one input, one output |
//! | [`list_root`] | 32-byte values, usually data roots | the inputs of a job, with range proofs |
//! | [`outcomes_report`] | outcomes, each node carrying the sum of gas below it | a shard's report |
//!
//! The latter two are binary trees after RFC 6962, section 2.1: a tree of `n > 1` leaves splits at the largest power of two
//! below `n`; no leaf is ever duplicated. Leaves, nodes and roots are hashed with different first bytes, so that none can be
//! taken for another. The hash is BLAKE2b-256.

pub use millrace_judge::data::DataHasher;

use crate::{outcome::Report, Gas, Hash, Outcome};
use alloc::vec::Vec;
use codec::Encode;
use sp_crypto_hashing::blake2_256;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const LIST: u8 = 3;
const SUM_LEAF: u8 = 4;
const SUM_NODE: u8 = 5;
const SUM_ROOT: u8 = 6;

/// BLAKE2b-256.
pub fn hash(bytes: &[u8]) -> Hash {
	blake2_256(bytes).into()
}

fn leaf(value: &Hash) -> Hash {
	let mut buffer = [LEAF; 33];
	buffer[1..].copy_from_slice(value.as_bytes());
	hash(&buffer)
}

fn node(left: &Hash, right: &Hash) -> Hash {
	let mut buffer = [NODE; 65];
	buffer[1..33].copy_from_slice(left.as_bytes());
	buffer[33..].copy_from_slice(right.as_bytes());
	hash(&buffer)
}

/// Folds leaf hashes that arrive in order into an RFC 6962 root with a logarithmic stack.
#[derive(Clone, Debug, Default)]
struct Folder {
	/// Complete subtrees: (height, hash), heights strictly falling.
	stack: Vec<(u32, Hash)>,
}

impl Folder {
	fn push(&mut self, leaf: Hash) {
		let mut top = (0, leaf);
		while let Some(&(height, left)) = self.stack.last() {
			if height != top.0 {
				break;
			}
			self.stack.pop();
			top = (height + 1, node(&left, &top.1));
		}
		self.stack.push(top);
	}

	fn root(&self) -> Hash {
		let mut subtrees = self.stack.iter().rev().map(|(_, hash)| *hash);
		let Some(last) = subtrees.next() else {
			return Hash::zero();
		};
		subtrees.fold(last, |right, left| node(&left, &right))
	}
}

/// The root of some bytes, as the machine sees them: [`millrace_judge::data`].
pub fn data_root(bytes: &[u8]) -> Hash {
	millrace_judge::data::data_root(bytes).into()
}

/// The root of a list of values: `H(3 | count as u32 | tree)`.
pub fn list_root(values: &[Hash]) -> Hash {
	let mut folder = Folder::default();
	values.iter().for_each(|value| folder.push(leaf(value)));
	close_list(values.len() as u32, folder.root())
}

fn close_list(count: u32, tree: Hash) -> Hash {
	hash(&(LIST, count, tree).encode())
}

/// The largest power of two below `n`, for `n > 1`.
fn split(n: u32) -> u32 {
	1 << (n - 1).ilog2()
}

/// Proves that `values[first..first + count]` are where they are: the hashes of the largest subtrees outside the range,
/// from left to right. `None` if the range is empty or outside the list.
pub fn prove_range(values: &[Hash], first: u32, count: u32) -> Option<Vec<Hash>> {
	let end = first
		.checked_add(count)
		.filter(|end| count > 0 && *end as usize <= values.len())?;
	fn tree(values: &[Hash]) -> Hash {
		let mut folder = Folder::default();
		values.iter().for_each(|value| folder.push(leaf(value)));
		folder.root()
	}
	fn walk(values: &[Hash], offset: u32, first: u32, end: u32, proof: &mut Vec<Hash>) {
		let len = values.len() as u32;
		if offset >= end || offset + len <= first {
			proof.push(tree(values));
		} else if len > 1 {
			let (left, right) = values.split_at(split(len) as usize);
			walk(left, offset, first, end, proof);
			walk(right, offset + left.len() as u32, first, end, proof);
		}
	}
	let mut proof = Vec::new();
	walk(values, 0, first, end, &mut proof);
	Some(proof)
}

/// Proves that one value is where it is, from a range that it is in and that range's own proof, which must be right: as
/// [`prove_range`] of it alone, by who has not the whole list. `None` if it is not in the range.
pub fn prove_within(total: u32, first: u32, values: &[Hash], proof: &[Hash], index: u32) -> Option<Vec<Hash>> {
	let end = first
		.checked_add(u32::try_from(values.len()).ok()?)
		.filter(|end| *end <= total && (first..*end).contains(&index))?;
	struct Walk<'a> {
		first: u32,
		end: u32,
		index: u32,
		values: core::slice::Iter<'a, Hash>,
		proof: core::slice::Iter<'a, Hash>,
		found: Vec<Hash>,
	}
	impl Walk<'_> {
		/// The hash over a subtree, or nothing of one that the value is in; what is beside it is found on the way.
		fn tree(&mut self, offset: u32, len: u32) -> Option<Option<Hash>> {
			if offset >= self.end || offset + len <= self.first {
				return Some(Some(*self.proof.next()?));
			}
			if len == 1 {
				let value = self.values.next()?;
				return Some((offset != self.index).then(|| leaf(value)));
			}
			let left = split(len);
			let both = (self.tree(offset, left)?, self.tree(offset + left, len - left)?);
			Some(match both {
				(Some(left), Some(right)) => Some(node(&left, &right)),
				(Some(beside), None) => {
					// What is left of the value comes before all that is nearer to it.
					self.found.insert(0, beside);
					None
				}
				(None, beside) => {
					self.found.extend(beside);
					None
				}
			})
		}
	}
	let mut walk = Walk {
		first,
		end,
		index,
		values: values.iter(),
		proof: proof.iter(),
		found: Vec::new(),
	};
	walk.tree(0, total)?;
	walk.proof.next().is_none().then_some(walk.found)
}

/// Checks a proof of [`prove_range`] against the [`list_root`] of a list of `total` values. Bounded by the range and
/// the depth of the tree, whatever the proof holds.
pub fn verify_range(root: &Hash, total: u32, first: u32, values: &[Hash], proof: &[Hash]) -> bool {
	let Ok(count) = u32::try_from(values.len()) else {
		return false;
	};
	let Some(end) = first.checked_add(count).filter(|end| count > 0 && *end <= total) else {
		return false;
	};
	struct Walk<'a> {
		first: u32,
		end: u32,
		values: core::slice::Iter<'a, Hash>,
		proof: core::slice::Iter<'a, Hash>,
	}
	impl Walk<'_> {
		fn tree(&mut self, offset: u32, len: u32) -> Option<Hash> {
			if offset >= self.end || offset + len <= self.first {
				self.proof.next().copied()
			} else if len == 1 {
				self.values.next().map(|value| leaf(value))
			} else {
				let left = split(len);
				Some(node(&self.tree(offset, left)?, &self.tree(offset + left, len - left)?))
			}
		}
	}
	let mut walk = Walk {
		first,
		end,
		values: values.iter(),
		proof: proof.iter(),
	};
	walk.tree(0, total)
		.is_some_and(|tree| walk.proof.next().is_none() && close_list(total, tree) == *root)
}

/// A node of the tree over a shard's outcomes: its hash, and the gas of all outcomes below it.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	codec::Encode,
	codec::Decode,
	codec::DecodeWithMemTracking,
	codec::MaxEncodedLen,
	scale_info::TypeInfo,
)]
pub struct SumNode {
	/// Its hash.
	pub hash: Hash,
	/// The gas below it.
	pub gas: Gas,
}

impl SumNode {
	/// A leaf: `H(4 | outcome)`, 81 bytes of it.
	pub fn leaf(outcome: &Outcome) -> Self {
		Self {
			hash: hash(&(SUM_LEAF, outcome.encoded()).encode()),
			gas: outcome.gas_used,
		}
	}

	/// The node above two: `H(5 | left | left gas | right | right gas)`. `None` if their gas does not add up to a number.
	pub fn above(left: &Self, right: &Self) -> Option<Self> {
		Some(Self {
			hash: hash(&(SUM_NODE, left, right).encode()),
			gas: left.gas.checked_add(right.gas)?,
		})
	}

	/// The report that this node is the top of: `H(6 | count as u32 | tree | gas)`.
	pub fn close(&self, count: u32) -> Report {
		Report {
			root: hash(&(SUM_ROOT, count, self).encode()),
			gas_used: self.gas,
		}
	}
}

/// How many leaves are left of the middle of a tree of `n > 1`: the largest power of two below `n`. 0 if there is no middle.
pub fn left_of(n: u32) -> u32 {
	match n {
		0 | 1 => 0,
		_ => split(n),
	}
}

/// The report over a shard's outcomes: [`SumNode`]s up to the top, closed with their number. `None` if their gas does not
/// add up to a number, which no outcomes within the limits of tasks do.
pub fn outcomes_report(outcomes: &[Outcome]) -> Option<Report> {
	fn tree(outcomes: &[Outcome]) -> Option<SumNode> {
		match outcomes {
			[] => Some(SumNode {
				hash: Hash::zero(),
				gas: 0,
			}),
			[outcome] => Some(SumNode::leaf(outcome)),
			_ => {
				let (left, right) = outcomes.split_at(split(outcomes.len() as u32) as usize);
				SumNode::above(&tree(left)?, &tree(right)?)
			}
		}
	}
	Some(tree(outcomes)?.close(outcomes.len() as u32))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{Blob, Status};
	use proptest::prelude::*;

	fn values(n: usize) -> Vec<Hash> {
		(0..n as u32).map(|i| hash(&i.encode())).collect()
	}

	#[test]
	fn data_roots_differ_by_content_length_and_kind() {
		let roots = [&b""[..], b"\0", b"\0\0", &[0; 32], &[0; 33], &[0; 64], &[1; 64]].map(data_root);
		for (i, a) in roots.iter().enumerate() {
			assert!(roots[i + 1..].iter().all(|b| a != b), "root {i} repeats");
		}
		let one = hash(b"x");
		assert_ne!(data_root(one.as_bytes()), list_root(&[one]));
	}

	fn outcome(gas_used: Gas) -> Outcome {
		Outcome {
			status: Status::Success,
			code: 0,
			output: Blob { tree: [0; 32], len: 0 },
			errors: [0; 32],
			gas_used,
		}
	}

	#[test]
	fn the_root_of_a_known_report_stays_what_it_is() {
		// H(6 | 3u32 | H(5 | H(5 | H(4 | a) | 1 | H(4 | b) | 2) | 3 | H(4 | c) | 4) | 7), numbers with 8 bytes.
		let leaf = |gas| hash(&[&[4][..], &outcome(gas).encoded()].concat());
		let above = |left: Hash, one: u64, right: Hash, other: u64| {
			hash(
				&[
					&[5][..],
					left.as_bytes(),
					&one.to_le_bytes(),
					right.as_bytes(),
					&other.to_le_bytes(),
				]
				.concat(),
			)
		};
		let top = above(above(leaf(1), 1, leaf(2), 2), 3, leaf(4), 4);
		let root = hash(&[&[6][..], &3u32.to_le_bytes(), top.as_bytes(), &7u64.to_le_bytes()].concat());
		let report = outcomes_report(&[1, 2, 4].map(outcome));
		assert_eq!(report, Some(Report { root, gas_used: 7 }));
	}

	#[test]
	fn gas_that_is_no_number_has_no_report() {
		assert_eq!(outcomes_report(&[1, u64::MAX].map(outcome)), None);
		assert!(outcomes_report(&[0, u64::MAX].map(outcome)).is_some());
	}

	#[test]
	fn the_root_of_a_known_list_stays_what_it_is() {
		// H(3 | 2u32 | H(1 | H(0 | a) | H(0 | b))).
		let [a, b] = [b"a", b"b"].map(|text| hash(text));
		let leaf = |value: &Hash| hash(&[&[0][..], value.as_bytes()].concat());
		let top = hash(&[&[1][..], leaf(&a).as_bytes(), leaf(&b).as_bytes()].concat());
		let expected = hash(&[&[3][..], &2u32.to_le_bytes(), top.as_bytes()].concat());
		assert_eq!(list_root(&[a, b]), expected);
	}

	proptest! {
		#[test]
		fn every_range_proves_and_nothing_else(total in 1u32..70, a in 0u32..70, b in 1u32..70, flip in any::<prop::sample::Index>()) {
			let list = values(total as usize);
			let root = list_root(&list);
			let first = a % total;
			let count = 1 + b % (total - first);
			let range = &list[first as usize..(first + count) as usize];
			let proof = prove_range(&list, first, count).unwrap();
			prop_assert!(verify_range(&root, total, first, range, &proof));
			prop_assert!(proof.len() <= 2 * 7);
			let mut wrong = range.to_vec();
			let at = flip.index(wrong.len());
			wrong[at].0[7] ^= 1;
			prop_assert!(!verify_range(&root, total, first, &wrong, &proof));
			prop_assert!(!verify_range(&root, total + 1, first, range, &proof));
			if !proof.is_empty() {
				let mut forged = proof.clone();
				let at = flip.index(forged.len());
				forged[at].0[3] ^= 1;
				prop_assert!(!verify_range(&root, total, first, range, &forged));
				prop_assert!(!verify_range(&root, total, first, range, &proof[1..]));
			}
			let longer: Vec<_> = proof.iter().copied().chain([Hash::zero()]).collect();
			prop_assert!(!verify_range(&root, total, first, range, &longer));
			for index in first..first + count {
				let one = prove_within(total, first, range, &proof, index);
				prop_assert_eq!(one, prove_range(&list, index, 1));
			}
			prop_assert_eq!(prove_within(total, first, range, &proof, first + count), None);
			prop_assert_eq!(prove_within(total, first, range, &longer, first), None);
			prop_assert_eq!(prove_within(first, first, range, &proof, first), None);
		}

		#[test]
		fn a_report_commits_to_every_outcome_and_the_sum(gas in proptest::collection::vec(0u64..1 << 40, 1..40), at in any::<prop::sample::Index>()) {
			let outcomes: Vec<_> = gas.iter().copied().map(outcome).collect();
			let report = outcomes_report(&outcomes).unwrap();
			prop_assert_eq!(report.gas_used, gas.iter().sum::<u64>());
			let mut changed = outcomes.clone();
			changed[at.index(gas.len())].gas_used += 1;
			prop_assert_ne!(outcomes_report(&changed).unwrap().root, report.root);
			prop_assert_ne!(outcomes_report(&outcomes[1..]).unwrap().root, report.root);
		}
	}
}
