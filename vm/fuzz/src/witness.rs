//! Any bytes as a witness. With a hash that says zero to everything, every root is right, so that what is behind the
//! roots is reached as well: a step over any registers and any leaves.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_vm::{
	hash::{Blake2, Hash, Hasher},
	state::{Header, Registers},
	witness::verify,
	VERSION,
};

struct Zero;

impl Hasher for Zero {
	fn hash(_: &[u8]) -> Hash {
		[0; 32]
	}
}

/// Where the roots are in the witness of a running state.
const ROOTS: std::ops::Range<usize> = 2 + Registers::SIZE..2 + Header::SIZE;

fuzz_target!(|bytes: &[u8]| {
	// Nobody knows bytes with such a root.
	assert!(verify::<Blake2>(VERSION, &[0; 32], bytes).is_err());
	let mut witness = bytes.to_vec();
	if let Some(roots) = witness.get_mut(ROOTS) {
		roots.fill(0);
	}
	if let Ok(next) = verify::<Zero>(VERSION, &[0; 32], &witness) {
		assert_eq!(next.root::<Zero>(), [0; 32]);
		witness.push(0);
		assert!(
			verify::<Zero>(VERSION, &[0; 32], &witness).is_err(),
			"bytes behind the end are refused"
		);
	}
});
