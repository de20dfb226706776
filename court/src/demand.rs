//! What whoever keeps outputs can be made to show: a task's outcome, and 32 KiB of its output at a time.
//!
//! ```text
//!  report ◄── path ── outcome ── output: root and length ◄── proof ── chunk
//!     on chain      an answer, or brought with a demand             an answer
//! ```
//!
//! Whoever demands a chunk brings the outcome that names the output. Where that is withheld, too, it is demanded first.

use crate::sums::{ShownLeaf, MAX_PATH};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::{
	machine::{address, verify_range, Blake2, DataTree},
	merkle::SumNode,
	Blob, Gas, Outcome, Report,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec};

/// Bytes of a chunk; the last one of an output may be shorter.
pub const CHUNK: u32 = 32 * 1_024;
/// Leaves of a chunk.
const LEAVES: u32 = CHUNK / 32;
/// The most hashes that prove a chunk: as many as the tree over an output has levels.
pub const MAX_PROOF: u32 = 27;

/// What is demanded of a task.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Part {
	/// Its outcome.
	Outcome,
	/// A chunk of its output, counted from 0.
	Chunk(u32),
}

/// What is demanded of a shard.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Wanted {
	/// The task, counted from the shard's first.
	pub task: u32,
	/// What of it.
	pub part: Part,
}

/// A task's outcome, and what closes it to the report.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ShownOutcome {
	/// The outcome.
	pub outcome: Outcome,
	/// The nodes beside the way from its leaf to the top, from the leaf up.
	pub path: BoundedVec<SumNode, ConstU32<MAX_PATH>>,
}

impl ShownOutcome {
	/// That of a task, counted from 0, by whoever has the outcomes of all tasks of the report. `None` as [`ShownLeaf::of`].
	pub fn of(outcomes: &[Outcome], task: u32) -> Option<Self> {
		let path = ShownLeaf::of(outcomes, task)?.path;
		let outcome = *outcomes.get(task as usize)?;
		Some(Self { outcome, path })
	}

	/// Whether it is that of this task of a report over so many, with no more gas than a task may use.
	pub fn is_of(&self, report: &Report, tasks: u32, task: u32, gas_of_task: Gas) -> bool {
		let leaf = ShownLeaf {
			node: SumNode::leaf(&self.outcome),
			path: self.path.clone(),
		};
		leaf.is_of(report, tasks, task, gas_of_task)
	}
}

/// A chunk of an output, and what closes it to the output's root.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ShownChunk {
	/// Which, counted from 0.
	pub chunk: u32,
	/// Its bytes.
	pub bytes: BoundedVec<u8, ConstU32<CHUNK>>,
	/// What [`DataTree`] proves them with.
	pub proof: BoundedVec<[u8; 32], ConstU32<MAX_PROOF>>,
}

impl ShownChunk {
	/// A chunk by whoever has the output's bytes from that chunk's first on, at most [`CHUNK`], and what proves them. `None`
	/// if these are too many.
	pub fn new(chunk: u32, bytes: Vec<u8>, proof: Vec<[u8; 32]>) -> Option<Self> {
		Some(Self {
			chunk,
			bytes: bytes.try_into().ok()?,
			proof: proof.try_into().ok()?,
		})
	}

	/// A chunk of an output that is in memory. `None` if it has no such chunk.
	pub fn of(output: &[u8], chunk: u32) -> Option<Self> {
		let tree = DataTree::new(output)?;
		let len = chunk_len(tree.blob().len, chunk)?;
		let (first, leaves) = leaves(len, chunk);
		let start = first as usize * 32;
		let bytes = output.get(start..start.checked_add(len as usize)?)?.to_vec();
		Self::new(chunk, bytes, tree.prove_range(output, first, leaves)?)
	}

	/// Whether it is a chunk of this output, and whole.
	pub fn is_of(&self, output: &Blob) -> bool {
		chunk_len(output.len, self.chunk).is_some_and(|len| {
			self.bytes.len() == len as usize
				&& verify_range::<Blake2>(
					&address(output).0,
					output.len.into(),
					self.chunk.saturating_mul(LEAVES),
					&self.bytes,
					&self.proof,
				)
		})
	}
}

/// What a demand is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Answer {
	/// A task's outcome.
	Outcome(ShownOutcome),
	/// A chunk of its output.
	Chunk(ShownChunk),
}

impl Answer {
	/// What it answers.
	pub fn part(&self) -> Part {
		match self {
			Self::Outcome(_) => Part::Outcome,
			Self::Chunk(shown) => Part::Chunk(shown.chunk),
		}
	}
}

/// How many chunks an output of so many bytes has.
pub fn chunks(len: u32) -> u32 {
	len.div_ceil(CHUNK)
}

/// How many bytes a chunk of an output of so many bytes has. `None` if there is no such chunk.
pub fn chunk_len(len: u32, chunk: u32) -> Option<u32> {
	let start = chunk.checked_mul(CHUNK).filter(|start| *start < len)?;
	Some((len - start).min(CHUNK))
}

/// The first leaf of a chunk of so many bytes, and how many leaves it has.
pub fn leaves(len: u32, chunk: u32) -> (u32, u32) {
	(chunk.saturating_mul(LEAVES), len.div_ceil(32))
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::{machine::EMPTY_BLOB, outcome::report, Status};
	use proptest::prelude::*;

	fn outcome(gas_used: Gas, output: Blob) -> Outcome {
		Outcome {
			status: Status::Success,
			code: 0,
			output,
			errors: [0; 32],
			gas_used,
		}
	}

	fn bytes(len: usize) -> Vec<u8> {
		(0..len as u32)
			.map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8)
			.collect()
	}

	fn blob(bytes: &[u8]) -> Blob {
		millrace_primitives::machine::blob(bytes).unwrap()
	}

	proptest! {
		#[test]
		fn an_outcome_is_shown_and_nothing_else(
			gas in proptest::collection::vec(1_u64..100, 1..100),
			task in any::<prop::sample::Index>(),
		) {
			let outcomes: Vec<_> = gas.iter().map(|gas| outcome(*gas, EMPTY_BLOB)).collect();
			let (report, tasks) = (report(&outcomes).unwrap(), gas.len() as u32);
			let task = task.index(gas.len()) as u32;
			let shown = ShownOutcome::of(&outcomes, task).unwrap();
			prop_assert!(shown.is_of(&report, tasks, task, 100));
			prop_assert!(!shown.is_of(&report, tasks, task, shown.outcome.gas_used - 1));
			prop_assert!(!shown.is_of(&report, tasks + 1, task, 100));
			let mut forged = shown.clone();
			forged.outcome.code ^= 1;
			prop_assert!(!forged.is_of(&report, tasks, task, 100));
			let mut forged = shown;
			forged.outcome.output.len ^= 1;
			prop_assert!(!forged.is_of(&report, tasks, task, 100));
			prop_assert_eq!(ShownOutcome::of(&outcomes, tasks), None);
		}

		#[test]
		fn a_chunk_is_shown_and_nothing_else(
			len in 1_usize..100_000,
			chunk in any::<prop::sample::Index>(),
			flip in any::<prop::sample::Index>(),
		) {
			let output = bytes(len);
			let of = blob(&output);
			let chunk = chunk.index(chunks(of.len) as usize) as u32;
			let shown = ShownChunk::of(&output, chunk).unwrap();
			prop_assert!(shown.is_of(&of));
			let mut forged = shown.clone();
			let at = flip.index(forged.bytes.len());
			forged.bytes[at] ^= 1;
			prop_assert!(!forged.is_of(&of));
			let mut forged = shown.clone();
			let at = flip.index(forged.proof.len());
			forged.proof[at][7] ^= 1;
			prop_assert!(!forged.is_of(&of));
			let mut forged = shown.clone();
			forged.bytes.pop();
			prop_assert!(!forged.is_of(&of));
			let mut forged = shown.clone();
			forged.proof.pop();
			prop_assert!(!forged.is_of(&of));
			let other = ShownChunk { chunk: chunk + 1, ..shown };
			prop_assert!(!other.is_of(&of));
			prop_assert_eq!(ShownChunk::of(&output, chunks(of.len)), None);
		}
	}

	#[test]
	fn every_length_has_its_chunks_and_no_more() {
		for len in [0, 1, 31, 32, 33, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
			let output = bytes(len as usize);
			let of = blob(&output);
			let mut whole = Vec::new();
			for chunk in 0..chunks(len) {
				let shown = ShownChunk::of(&output, chunk).unwrap();
				assert!(shown.is_of(&of), "chunk {chunk} of {len}");
				whole.extend_from_slice(&shown.bytes);
			}
			assert_eq!(whole, output);
			assert_eq!(chunk_len(len, chunks(len)), None);
		}
		assert_eq!(chunks(u32::MAX), 131_072);
		assert_eq!(chunk_len(u32::MAX, 131_071), Some(CHUNK - 1));
		assert_eq!(chunk_len(u32::MAX, 131_072), None);
		assert_eq!(chunk_len(u32::MAX, u32::MAX), None);
		assert!(Answer::max_encoded_len() <= CHUNK as usize + 1_024);
	}
}
