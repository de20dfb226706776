//! Work on several threads.

use std::thread::{scope, Builder};

/// Fewer pieces are not worth a thread.
const LEAST: usize = 32;

/// The results of the pieces in their order, on up to so many threads. A thread that cannot be had is done without.
pub(crate) fn map<I: Sync, O: Send>(pieces: &[I], threads: usize, work: impl Fn(&I) -> O + Sync) -> Vec<O> {
	let work = &work;
	let share = pieces.len().div_ceil(threads.max(1)).max(LEAST);
	let (mine, others) = pieces.split_at(share.min(pieces.len()));
	scope(|scope| {
		let others: Vec<_> = others
			.chunks(share)
			.map(|part| {
				let all = move || part.iter().map(work).collect::<Vec<O>>();
				(part, Builder::new().name("hash".into()).spawn_scoped(scope, all))
			})
			.collect();
		let mut all: Vec<O> = mine.iter().map(work).collect();
		for (part, thread) in others {
			match thread.ok().and_then(|thread| thread.join().ok()) {
				Some(done) => all.extend(done),
				None => all.extend(part.iter().map(work)),
			}
		}
		all
	})
}

#[cfg(test)]
mod tests {
	use super::map;

	#[test]
	fn results_are_in_order_whatever_the_threads() {
		for len in [0, 1, 31, 32, 33, 64, 65, 1_000] {
			let pieces: Vec<usize> = (0..len).collect();
			for threads in [0, 1, 2, 3, 64] {
				assert_eq!(
					map(&pieces, threads, |n| n * 3),
					pieces.iter().map(|n| n * 3).collect::<Vec<_>>()
				);
			}
		}
	}
}
