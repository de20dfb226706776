//! What system functions import and what becomes an instruction: accesses to the program's memory, and the counter.

use super::{cost, LIMIT};
use wasm_encoder::{InstructionSink, MemArg, MemArgTarget};

/// The memory of the system functions.
pub(super) const SYSTEM: u32 = 1;

/// An import of the shims that becomes an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inline {
	Load8,
	Load32,
	Load64,
	Store8,
	Store32,
	Store64,
	Size,
	CopyIn,
	CopyOut,
	GasLeft,
	GasLimit,
}

impl Inline {
	/// The import with a name.
	pub fn find(name: &str) -> Option<Self> {
		Some(match name {
			"program_load8" => Self::Load8,
			"program_load32" => Self::Load32,
			"program_load64" => Self::Load64,
			"program_store8" => Self::Store8,
			"program_store32" => Self::Store32,
			"program_store64" => Self::Store64,
			"program_size" => Self::Size,
			"copy_in" => Self::CopyIn,
			"copy_out" => Self::CopyOut,
			"gas_left" => Self::GasLeft,
			"gas_limit" => Self::GasLimit,
			_ => return None,
		})
	}

	/// Whether it copies as many bytes as its last operand says, which are charged apart.
	pub fn is_bulk(self) -> bool {
		matches!(self, Self::CopyIn | Self::CopyOut)
	}

	/// What it costs.
	pub fn cost(self) -> u64 {
		match self {
			Self::Size | Self::GasLeft | Self::GasLimit => 1,
			Self::CopyIn | Self::CopyOut => cost::BULK,
			_ => 2,
		}
	}

	/// Writes the instruction; the counter is in a local.
	pub fn emit(self, out: &mut Vec<u8>, gas: u32) {
		let mut code = InstructionSink::new(out);
		// Of memory 0, not aligned.
		let at = MemArg {
			offset: 0,
			align: 0,
			target: MemArgTarget::Memory(0),
			ordering: None,
		};
		match self {
			Self::Load8 => code.i32_load8_u(at),
			Self::Load32 => code.i32_load(at),
			Self::Load64 => code.i64_load(at),
			Self::Store8 => code.i32_store8(at),
			Self::Store32 => code.i32_store(at),
			Self::Store64 => code.i64_store(at),
			Self::Size => code.memory_size(0),
			// To, from.
			Self::CopyIn => code.memory_copy(SYSTEM, 0),
			Self::CopyOut => code.memory_copy(0, SYSTEM),
			Self::GasLeft => code.local_get(gas),
			Self::GasLimit => code.global_get(LIMIT),
		};
	}
}
