//! How large the parts of a module may be. All of it is part of the version.
//!
//! Besides keeping sizes fit for the step machine's regions, the limits keep the time that the fast engine's compiler
//! needs in proportion to the module. That time grows with squares of a function's sizes ([`super::Work`]), so each of
//! these products is bounded for a function, and for a module by a share for each of its instructions. The limits are
//! half as much again, at least, as the largest published programs that are accepted need (`docs/benchmarks.md`).
//!
//! They do not make all programs equally fast to compile: an instruction of the worst shapes that are accepted takes
//! hundreds of times as long as one of a usual program, and some take more than a minute for a single function. Who compiles needs
//! bounds on time and memory as well.

/// Bytes of a module, custom sections not counted.
pub const MODULE_BYTES: usize = 64 * 1024 * 1024;
/// Types.
pub const TYPES: u64 = 4_096;
/// Cells of a function type's parameters: one each, two for a vector.
pub const PARAMS: u64 = 128;
/// Cells of a function type's results, and of the operands of a branch or block.
pub const RESULTS: u64 = 16;
/// Functions, imported ones included. The engine's own limit is a million, of which the system functions take some.
pub const FUNCTIONS: u64 = 990_000;
/// Bytes of a function's body.
pub const BODY_BYTES: u64 = 1024 * 1024;
/// Bytes of what becomes of it before it is normalised.
pub const LOWERED_BYTES: u64 = 4 * 1024 * 1024;
/// How many more types, functions and locals of a function there may be then.
pub const LOWERED_MORE: u64 = 64;
/// Entries of all element segments together.
pub const ELEMENTS: u64 = 2 * TABLE_ENTRIES;
/// Cells of a function's locals, its parameters included.
pub const LOCALS: u64 = 2_048;
/// Cells of the operands that are on a function's stack at once.
pub const OPERANDS: u64 = 1_024;
/// Targets of a `br_table`, without the default.
pub const BR_TABLE: u64 = 16_384;
/// Loops in a function.
pub const LOOPS: u64 = 2_048;
/// Loops inside each other. Compilers take time by the third power of it.
pub const LOOP_DEPTH: u64 = 128;
/// By how many more instructions one on vectors counts: of some, compilers make 17 registers, and no function may take more than
/// 2^21 registers before they are allocated.
pub const VECTOR_MORE: u64 = 6;
/// Instructions of a normalised function.
pub const INSTRUCTIONS: u64 = 750_000;
/// Calls in a function.
pub const CALLS: u64 = 24_576;
/// Of a function: branches, blocks and calls, times values, see [`super::Work`].
pub const WORK: u64 = 32 * 1024 * 1024;
/// The same of vectors alone: what the normaliser keeps of them grows with it.
pub const VECTOR_WORK: u64 = 16 * 1024 * 1024;
/// How much more of it a module may be for each of its instructions.
pub const WORK_SHARE: u64 = 24;
/// Of a function: branches, blocks and calls, times instructions.
pub const SQUARE: u64 = 64 * 1024 * 1024 * 1024;
/// How much more of it a module may be for each of its instructions.
pub const SQUARE_SHARE: u64 = 5_632;
/// Of a function: instructions times values.
pub const PRESSURE: u64 = 128 * 1024 * 1024;
/// How much more of it a module may be for each of its instructions.
pub const PRESSURE_SHARE: u64 = 128;
/// Of a function: squares of branches to a label, times values.
pub const MEETINGS: u64 = 320 * 1024 * 1024;
/// How much more of it a module may be for each of its instructions.
pub const MEETINGS_SHARE: u64 = 128;
/// Tables.
pub const TABLES: u64 = 64;
/// Entries of all tables together.
pub const TABLE_ENTRIES: u64 = crate::MAX_TABLE_ENTRIES as u64;
/// Cells of globals.
pub const GLOBALS: u64 = 16_384;
/// Pages of 4 KiB that data lies on.
pub const DATA_PAGES: u64 = 32_768;
/// Pages of 64 KiB that a memory may have, and has as its maximum if the module names none. One less than 32 bits
/// address, so that the end of the address space is outside.
pub const PAGES: u64 = crate::MAX_PAGES as u64;

/// Cells of stack that calls may use: see [`frame`].
pub const STACK: u32 = 2 * 1024 * 1024;

/// The cells of stack that a call of a function counts for: at least what its frame takes in the step machine, where
/// `locals` are all that it declares, those of the normaliser too; and an eighth of what it may take of the native stack
/// of a compiler that keeps one intermediate value for every 16 instructions beyond that.
pub fn frame(locals: u64, operands: u64, instructions: u64) -> u64 {
	FRAME + locals + operands + instructions / 16
}

/// What a frame counts for beyond its locals and operands: the call's own, and the most operands that charges and calls
/// put on top of the program's.
const FRAME: u64 = 16;
/// The most temporaries of the normaliser's in a function, in cells.
const TEMPORARIES: u64 = 2 * (PARAMS + 2);

// What is counted is never more than there is, with one call of a function that calls nothing, which is not counted.
const _: () = assert!(
	STACK as u64 + 5 * TEMPORARIES + LOCALS + OPERANDS + FRAME <= crate::state::Region::Stack.cells()
		&& STACK as u64 / FRAME + 2 <= crate::state::Region::Frames.cells()
);

/// Refuses what is too much.
pub(super) fn check(what: &'static str, found: u64, limit: u64, offset: u64) -> Result<(), super::Reason> {
	if found <= limit {
		return Ok(());
	}
	Err(super::Reason::Limit {
		what,
		found,
		limit,
		count: 1,
		offset,
	})
}
