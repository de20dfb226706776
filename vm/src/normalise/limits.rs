//! How large the parts of a module may be. All of it is part of the version.
//!
//! Besides keeping sizes fit for the step machine's regions, the limits keep the time that a compiler needs
//! proportional to the module: what grows with the product of two sizes of a function (its blocks and its locals) is
//! bounded by [`WORK`] and [`TOTAL_WORK`].

/// Bytes of a module.
pub const MODULE_BYTES: usize = 4 * 1024 * 1024;
/// Types.
pub const TYPES: u64 = 4_096;
/// Parameters of a function type.
pub const PARAMS: u64 = 64;
/// Results of a function type, and operands of a branch or block.
pub const RESULTS: u64 = 16;
/// Functions, imported ones included.
pub const FUNCTIONS: u64 = 20_000;
/// Bytes of a function's body.
pub const BODY_BYTES: u64 = 256 * 1024;
/// Locals of a function, its parameters included.
pub const LOCALS: u64 = 1_000;
/// Operands that are on a function's stack at once.
pub const OPERANDS: u64 = 1_024;
/// Targets of a `br_table`, without the default.
pub const BR_TABLE: u64 = 4_096;
/// Of a function: branches, blocks and calls, times its locals and greatest number of operands. What a compiler keeps
/// for every block and every value alive in it; a unit takes it up to four microseconds.
pub const WORK: u64 = 2 * 1024 * 1024;
/// The same of all functions together.
pub const TOTAL_WORK: u64 = 24 * 1024 * 1024;
/// Tables.
pub const TABLES: u64 = 64;
/// Entries of all tables together.
pub const TABLE_ENTRIES: u64 = 65_536;
/// Globals.
pub const GLOBALS: u64 = 4_096;
/// Pages of 64 KiB that a memory may have, and has as its maximum if the module names none. One less than 32 bits
/// address, so that the end of the address space is outside.
pub const PAGES: u64 = 65_535;

/// Cells of stack that calls may use: see [`frame`].
pub const STACK: u32 = 262_144;

/// The cells of stack that a call of a function counts for: what its frame takes in either engine, where a compiler may
/// keep intermediate values of one cell for every 16 instructions beyond what the program asks for.
pub fn frame(locals: u64, operands: u64, instructions: u64) -> u64 {
	8 + locals + operands + instructions / 16
}

/// Refuses what is too much.
pub(super) fn check(what: &'static str, found: u64, limit: u64, offset: u64) -> Result<(), super::Refused> {
	if found <= limit {
		return Ok(());
	}
	Err(super::Refused::Limit {
		what,
		found,
		limit,
		offset,
	})
}
