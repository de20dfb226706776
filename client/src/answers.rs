//! What providers showed on chain of outputs that were demanded of them.

use crate::{Chain, Error, Result};
use codec::{Decode, Encode};
use millrace_court::demand::{Answer, Wanted};
use millrace_primitives::{Hash, ShardId};

impl Chain {
	/// What a block's transaction shows of what was demanded of a shard, by the place of the event that says so. Not proven
	/// here: whatever reads like an answer to it, of which one is right.
	///
	/// # Errors
	/// Those of every request; [`Error::Decode`] if the node does not have the block's transactions any more.
	pub async fn shown(&self, block: Hash, extrinsic: u32, shard: ShardId, wanted: Wanted) -> Result<Vec<Answer>> {
		let body = self.rpc().body(block).await?;
		let bytes = body.as_ref().and_then(|body| body.get(extrinsic as usize));
		let bytes = bytes.ok_or_else(|| {
			Error::decode(
				format!("transaction {extrinsic} of block {block:?}"),
				"the node does not have it; ask one that keeps all blocks",
			)
		})?;
		Ok(answers(bytes, shard, wanted))
	}
}

/// Answers to a demand in a transaction, however deep they are in it.
fn answers(transaction: &[u8], shard: ShardId, wanted: Wanted) -> Vec<Answer> {
	let before = (shard, wanted.task).encode();
	transaction
		.windows(before.len())
		.zip(before.len()..)
		.filter(|(bytes, _)| **bytes == before[..])
		.filter_map(|(_, at)| Answer::decode(&mut transaction.get(at..)?).ok())
		.filter(|answer| answer.part() == wanted.part)
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_court::demand::{Part, ShownChunk};
	use millrace_primitives::JobId;

	#[test]
	fn answers_are_found_wherever_they_are() {
		let shard = ShardId {
			job: JobId(3),
			index: 4,
		};
		let output = vec![5; 40_000];
		let answer = Answer::Chunk(ShownChunk::of(&output, 1).unwrap());
		let wanted = |task, part| Wanted { task, part };
		let transaction = ([7u8; 33], shard, 2u32, [9u8; 5], shard, 2u32, answer.clone(), [8u8; 3]).encode();
		assert_eq!(answers(&transaction, shard, wanted(2, Part::Chunk(1))), [answer]);
		assert_eq!(answers(&transaction, shard, wanted(2, Part::Chunk(0))), []);
		assert_eq!(answers(&transaction, shard, wanted(1, Part::Chunk(1))), []);
		assert_eq!(answers(&transaction[..400], shard, wanted(2, Part::Chunk(1))), []);
		assert_eq!(answers(&[], shard, wanted(2, Part::Outcome)), []);
	}
}
