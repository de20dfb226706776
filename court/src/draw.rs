//! Which shards are audited, and which of their tasks: a function of random numbers that nobody knows when a shard is
//! closed, and of nothing that a party does afterwards.
//!
//! `acc[i] = H(acc[i - 1] | output i)` runs over the outputs of the chain's VRF. A shard that was closed when `n` outputs were
//! there is decided by `acc[n + draw_outputs]`. No call decides when: whoever needs the answer computes it, and staying away
//! changes nothing.

use alloc::vec::Vec;
use codec::Encode;
use millrace_primitives::{merkle::hash, Hash, ShardId};
use sp_runtime::{PerThing, Perbill};

/// The most tasks of a shard that an audit computes.
pub const MAX_SAMPLE: u32 = 4;

/// The next of the accumulated outputs.
pub fn accumulate(acc: &Hash, output: &[u8; 32]) -> Hash {
	hash(&(b"millrace:outputs", acc, output).encode())
}

/// What a shard's random numbers come from.
fn number(acc: &Hash, shard: ShardId, what: &[u8], n: u32) -> u64 {
	let bytes = hash(&(b"millrace:draw", acc, shard, what, n).encode()).0;
	let mut low = [0; 8];
	low.copy_from_slice(&bytes[..8]);
	u64::from_le_bytes(low)
}

/// A number below `bound`, which is above 0; none is more likely than another by more than a part in 2^32.
fn below(number: u64, bound: u32) -> u32 {
	(u128::from(number) * u128::from(bound) >> 64) as u32
}

/// Whether a shard is audited that is with probability `p`.
pub fn is_drawn(acc: &Hash, shard: ShardId, p: Perbill) -> bool {
	below(number(acc, shard, b"audit", 0), Perbill::ACCURACY) < p.deconstruct()
}

/// Whether two audit it, blind to each other, which is so one time in eight.
pub fn by_two(acc: &Hash, shard: ShardId) -> bool {
	below(number(acc, shard, b"pair", 0), 8) == 0
}

/// The tasks that an audit computes, in their order: [`MAX_SAMPLE`], or all of a shard that has no more. Every set of them is
/// as likely as any other.
pub fn sample(acc: &Hash, shard: ShardId, tasks: u32) -> Vec<u32> {
	let count = tasks.min(MAX_SAMPLE);
	let mut chosen: Vec<u32> = Vec::new();
	// R. Floyd's: one of the first `n + 1`, and `n` itself if that was chosen before.
	for n in tasks - count..tasks {
		let one = below(number(acc, shard, b"task", n), n.saturating_add(1));
		chosen.push(if chosen.contains(&one) { n } else { one });
	}
	chosen.sort_unstable();
	chosen
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::JobId;
	use proptest::prelude::*;

	fn shard(index: u32) -> ShardId {
		ShardId { job: JobId(7), index }
	}

	#[test]
	fn as_many_are_drawn_as_there_should_be() {
		let acc = accumulate(&Hash::zero(), &[1; 32]);
		for (p, least, most) in [
			(Perbill::from_rational(1_u32, 32), 2_900, 3_350),
			(Perbill::from_percent(25), 24_400, 25_600),
		] {
			let drawn = (0..100_000).filter(|index| is_drawn(&acc, shard(*index), p)).count();
			assert!((least..=most).contains(&drawn), "{drawn} with {p:?}");
		}
		assert!((0..1_000).all(|index| is_drawn(&acc, shard(index), Perbill::one())));
		assert!((0..1_000).all(|index| !is_drawn(&acc, shard(index), Perbill::zero())));
		let pairs = (0..80_000).filter(|index| by_two(&acc, shard(*index))).count();
		assert!((9_600..=10_400).contains(&pairs), "{pairs}");
	}

	#[test]
	fn every_task_is_sampled_as_often_as_any_other() {
		let acc = accumulate(&Hash::zero(), &[2; 32]);
		let mut found = [0_u32; 10];
		for index in 0..50_000 {
			sample(&acc, shard(index), 10)
				.into_iter()
				.for_each(|task| found[task as usize] += 1);
		}
		assert!(found.iter().all(|count| (19_400..=20_600).contains(count)), "{found:?}");
	}

	#[test]
	fn another_output_is_another_draw() {
		let first = accumulate(&Hash::zero(), &[1; 32]);
		let accs: Vec<Hash> = (0..64).map(|n| accumulate(&first, &[n; 32])).collect();
		let drawn = accs
			.iter()
			.filter(|acc| is_drawn(acc, shard(0), Perbill::from_percent(50)))
			.count();
		assert!((16..=48).contains(&drawn), "{drawn}");
	}

	proptest! {
		#[test]
		fn a_sample_is_of_different_tasks(output in any::<[u8; 32]>(), index in any::<u32>(), tasks in prop_oneof![0_u32..20, any::<u32>()]) {
			let acc = accumulate(&Hash::zero(), &output);
			let chosen = sample(&acc, shard(index), tasks);
			prop_assert_eq!(chosen.len() as u32, tasks.min(MAX_SAMPLE));
			prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
			prop_assert!(chosen.iter().all(|task| *task < tasks));
			prop_assert_eq!(chosen, sample(&acc, shard(index), tasks));
		}
	}
}
