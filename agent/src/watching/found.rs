//! The shards whose reports were opened lately.
//!
//! Each agent looks at them in an order that only its key yields. So many agents that watch do not all compute the same, and nobody
//! knows which of them computes what.

use millrace_primitives::{BlockNumber, ShardId};
use std::{
	collections::BTreeMap,
	ops::{Bound, RangeInclusive},
};

/// So many are kept. Of more, those go that are last in the agent's order.
pub const MOST: usize = 256;
/// So many finalized blocks are read in one look.
pub const BLOCKS: BlockNumber = 16;
/// Blocks that are older than so many are not read: after a start, or while the node was away. What is missed is what others
/// watch.
pub const BACK: BlockNumber = 64;

/// A shard's place in an agent's order.
pub type Rank = [u8; 32];

/// Shards in an agent's order.
#[derive(Clone, Default, Debug)]
pub struct Found {
	shards: BTreeMap<Rank, ShardId>,
	/// The place that was looked at last.
	last: Option<Rank>,
}

impl Found {
	/// Adds a shard.
	pub fn add(&mut self, rank: Rank, shard: ShardId) {
		self.shards.insert(rank, shard);
		while self.shards.len() > MOST {
			self.shards.pop_last();
		}
	}

	/// The next one to look at; after the last the first again.
	pub fn next_up(&mut self) -> Option<(Rank, ShardId)> {
		let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
		let next = self.shards.range((after, Bound::Unbounded)).next();
		let (rank, shard) = next.or_else(|| self.shards.first_key_value())?;
		self.last = Some(*rank);
		Some((*rank, *shard))
	}

	/// Removes one, wherever it is.
	pub fn remove(&mut self, rank: Rank) {
		self.shards.remove(&rank);
	}

	/// How many there are.
	pub fn len(&self) -> usize {
		self.shards.len()
	}

	/// Whether there is none.
	pub fn is_empty(&self) -> bool {
		self.shards.is_empty()
	}
}

/// The finalized blocks to read now, if `read` was read last.
pub fn blocks(read: Option<BlockNumber>, finalized: BlockNumber) -> RangeInclusive<BlockNumber> {
	let oldest = finalized.saturating_sub(BACK).saturating_add(1);
	let first = read.map_or(oldest, |read| read.saturating_add(1).max(oldest));
	first..=finalized.min(first.saturating_add(BLOCKS - 1))
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::JobId;

	fn shard(index: u32) -> ShardId {
		ShardId { job: JobId(1), index }
	}

	fn rank(place: u32) -> Rank {
		let mut rank = [0; 32];
		rank[..4].copy_from_slice(&place.to_be_bytes());
		rank
	}

	#[test]
	fn shards_are_looked_at_in_turn_by_their_ranks() {
		let mut found = Found::default();
		assert_eq!(found.next_up(), None);
		for place in [30, 10, 20] {
			found.add(rank(place), shard(place));
		}
		let next = |found: &mut Found| found.next_up().map(|(_, shard)| shard.index);
		assert_eq!([next(&mut found), next(&mut found)], [Some(10), Some(20)]);
		found.remove(rank(20));
		found.add(rank(25), shard(25));
		assert_eq!([next(&mut found), next(&mut found)], [Some(25), Some(30)]);
		assert_eq!(next(&mut found), Some(10), "from the first again");
		found.add(rank(10), shard(10));
		assert_eq!(found.len(), 3, "the same is there once");
	}

	#[test]
	fn no_more_are_kept_than_that() {
		let mut found = Found::default();
		for place in (0..=MOST as u32).rev() {
			found.add(rank(place), shard(place));
		}
		assert_eq!(found.len(), MOST);
		found.remove(rank(MOST as u32));
		assert_eq!(found.len(), MOST, "the last went");
	}

	#[test]
	fn blocks_are_read_once_and_old_ones_never() {
		assert_eq!(blocks(None, 200), 137..=152);
		assert_eq!(blocks(Some(152), 200), 153..=168);
		assert_eq!(blocks(Some(199), 200), 200..=200);
		assert!(blocks(Some(200), 200).is_empty());
		assert!(blocks(Some(300), 200).is_empty(), "the node lost its place");
		assert_eq!(blocks(Some(10), 1_000), 937..=952, "the node was away");
		assert!(blocks(None, 0).is_empty(), "nothing happened in the first");
		assert_eq!(blocks(None, 3), 1..=3);
	}
}
