//! The one hash function, behind a trait, and what each of its uses starts with.

/// A BLAKE2b-256 hash.
pub type Hash = [u8; 32];

/// BLAKE2b-256. A runtime implements it by its host function; [`Blake2`] is the library's own.
pub trait Hasher {
	/// The hash of some bytes.
	fn hash(bytes: &[u8]) -> Hash;
}

/// BLAKE2b-256 in this process.
#[derive(Clone, Copy, Debug)]
pub struct Blake2;

impl Hasher for Blake2 {
	fn hash(bytes: &[u8]) -> Hash {
		let digest = blake2b_simd::Params::new().hash_length(32).hash(bytes);
		let mut hash = [0; 32];
		hash.copy_from_slice(digest.as_bytes());
		hash
	}
}

/// The first byte of everything that is hashed, so that nothing can be taken for something else.
pub mod tag {
	/// 32 bytes of data.
	pub const LEAF: u8 = 0;
	/// Two hashes of the level below.
	pub const NODE: u8 = 1;
	/// Data: its length, the root of its tree.
	pub const DATA: u8 = 2;
	/// A running state.
	pub const STATE: u8 = 16;
	/// An outcome, which is a halted state.
	pub const HALT: u8 = 17;
	/// A program.
	pub const PROGRAM: u8 = 18;
	/// The last of what was written to standard error.
	pub const ERRORS: u8 = 19;
}
