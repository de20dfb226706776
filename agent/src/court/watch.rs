//! When a case is read: each block while there is a dispute, else now and then.

use millrace_client::Head;
use millrace_primitives::BlockNumber;

/// A case without a dispute is read once in so many blocks. Windows are a hundred blocks and more.
pub const QUIET_INTERVAL: BlockNumber = 3;

/// When a case was read last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
	/// On the state after this block.
	pub head: Head,
	/// Whether there was a dispute that the provider is a party of.
	pub disputed: bool,
}

/// Whether a case is to be read at the best block; `last` is none if it never was.
pub fn is_due(best: Head, last: Option<Read>) -> bool {
	let Some(last) = last else { return true };
	if last.head == best {
		return false;
	}
	// The best chain got shorter, or nobody knows what happened on it.
	let replaced = best.number <= last.head.number;
	last.disputed || replaced || best.number - last.head.number >= QUIET_INTERVAL
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::Hash;

	#[test]
	fn disputes_are_looked_at_in_every_block_and_nothing_twice() {
		let head = |number: u32, fork: u8| Head {
			number,
			hash: Hash::repeat_byte(fork),
		};
		let read = |disputed| {
			Some(Read {
				head: head(10, 0),
				disputed,
			})
		};
		assert!(is_due(head(10, 0), None));
		for disputed in [false, true] {
			assert!(!is_due(head(10, 0), read(disputed)));
			assert_eq!(is_due(head(11, 1), read(disputed)), disputed);
			assert_eq!(is_due(head(12, 1), read(disputed)), disputed);
			assert!(is_due(head(10 + QUIET_INTERVAL, 1), read(disputed)));
			// After a reorganisation.
			assert!(is_due(head(10, 1), read(disputed)) && is_due(head(9, 1), read(disputed)));
		}
	}
}
