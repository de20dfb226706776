//! The runtime's metadata as the bytes that clients read.

use crate::Runtime;

/// The newest version of the metadata format that this runtime can produce.
pub const LATEST_VERSION: u32 = 16;

/// The metadata in the given version of its format, beginning with the magic bytes `meta`; none for a version that is
/// not supported.
///
/// No chain is involved, so constants that a chain fixes at genesis have their production values
/// (see [`crate::chain_constants`]).
pub fn encoded(version: u32) -> Option<Vec<u8>> {
	// Evaluating the constants reads storage, and natively that needs a place to read from.
	sp_io::TestExternalities::new_empty()
		.execute_with(|| Runtime::metadata_at_version(version))
		.map(|opaque| (*opaque).clone())
}
