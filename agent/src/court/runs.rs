//! The runs that are kept between moves: what was replayed for one move makes the next one quick.
//!
//! One allowance of memory is for all cases together, and who was looked at longest ago gives way. So whoever opens many
//! boards costs time, and not the memory that is sold.

/// Runs by their keys, the last looked at last. What is played with right now keeps its place and cannot give way.
#[derive(Debug)]
pub struct Runs<K, R> {
	/// Bytes that all together may take, unless a single one takes more.
	allowance: u64,
	kept: Vec<Kept<K, R>>,
}

#[derive(Debug)]
struct Kept<K, R> {
	key: K,
	bytes: u64,
	/// None while it is played with.
	run: Option<R>,
}

impl<K: Copy + Eq, R> Runs<K, R> {
	/// None, of which at least one and at most so many bytes are kept.
	pub const fn new(allowance: u64) -> Self {
		Self {
			allowance,
			kept: Vec::new(),
		}
	}

	/// What is kept under a key, to be looked at.
	pub fn get(&self, key: K) -> Option<&R> {
		self.kept.iter().find(|kept| kept.key == key)?.run.as_ref()
	}

	/// Gives a run to play with, until it is [put back](Self::put) or [dropped](Self::remove).
	pub fn take(&mut self, key: K) -> Option<R> {
		self.kept.iter_mut().find(|kept| kept.key == key)?.run.take()
	}

	/// Keeps a run that takes so many bytes, as far as there is room: others give way to it, and it does to those that are
	/// played with.
	pub fn put(&mut self, key: K, bytes: u64, run: R) {
		self.remove(key);
		let run = Some(run);
		self.kept.push(Kept { key, bytes, run });
		while self.kept.len() > 1 && self.bytes() > self.allowance {
			let Some(idle) = self.kept.iter().position(|kept| kept.run.is_some()) else {
				return;
			};
			self.kept.remove(idle);
		}
	}

	/// Drops a run, or what is remembered of one that is played with.
	pub fn remove(&mut self, key: K) {
		self.kept.retain(|kept| kept.key != key);
	}

	/// Drops those that nobody plays with and that are of no use any more.
	pub fn retain(&mut self, is_used: impl Fn(K) -> bool) {
		self.kept.retain(|kept| kept.run.is_none() || is_used(kept.key));
	}

	/// Drops all.
	pub fn clear(&mut self) {
		self.kept.clear();
	}

	/// Bytes that they take, those that are played with among them.
	pub fn bytes(&self) -> u64 {
		self.kept.iter().fold(0, |sum, kept| sum.saturating_add(kept.bytes))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn all_together_keep_to_the_allowance_and_the_last_looked_at_stay() {
		let mut runs = Runs::new(10);
		for key in [1, 2, 3] {
			runs.put(key, 4, key);
		}
		assert_eq!(
			(runs.get(1), runs.get(2), runs.get(3), runs.bytes()),
			(None, Some(&2), Some(&3), 8)
		);
		assert_eq!(runs.take(2), Some(2));
		assert_eq!((runs.take(2), runs.bytes()), (None, 8), "it is played with");
		runs.put(2, 4, 2);
		runs.put(4, 4, 4);
		assert_eq!((runs.get(3), runs.get(2), runs.get(4)), (None, Some(&2), Some(&4)));
		runs.retain(|key| key != 4);
		assert_eq!((runs.get(4), runs.bytes()), (None, 4));
	}

	#[test]
	fn one_is_kept_whatever_it_takes_and_none_beside_what_is_played_with() {
		let mut runs = Runs::new(10);
		runs.put(1, 4, 1);
		runs.put(2, 50, 2);
		assert_eq!((runs.get(1), runs.get(2)), (None, Some(&2)));
		assert_eq!(runs.take(2), Some(2));
		runs.put(3, 4, 3);
		assert_eq!((runs.get(3), runs.bytes()), (None, 50));
		runs.retain(|_| false);
		assert_eq!(runs.bytes(), 50);
		runs.remove(2);
		assert_eq!(runs.bytes(), 0);
	}
}
