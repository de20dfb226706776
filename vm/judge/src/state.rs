//! The state of the machine and its root.
//!
//! ```text
//!  root of a running state = H(STATE | version | registers and limits | roots of the twelve regions)
//!  root of a halted state  = the outcome's: see [`crate::outcome::Outcome::root`]
//! ```
//!
//! A halted state's root covers the outcome alone and stays the same with further steps: an engine that cannot trace
//! computes it too, and two parties need not agree on the number of steps.

use crate::{
	hash::{tag, Hash, Hasher},
	outcome::{errors_root, Outcome, Status, Trap},
	task::Blob,
	VERSION,
};
use alloc::vec::Vec;

/// The parts of the state that are too large for registers, each a binary Merkle tree over leaves of 32 bytes, which are
/// four cells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Region {
	/// Instructions; two in a leaf.
	Code = 0,
	/// Entries of tables: `pc << 32 | type + 1`, 0 for none.
	Table = 1,
	/// Globals.
	Globals = 2,
	/// Parameters, locals and operands.
	Stack = 3,
	/// Calls under way: `pc << 32 | fp` of the caller.
	Frames = 4,
	/// The program's memory.
	Memory = 5,
	/// The task's input.
	Input = 6,
	/// The job's image.
	Image = 7,
	/// The job's setup.
	Setup = 8,
	/// What was written so far.
	Output = 9,
	/// The memory of the system functions, which the program cannot reach.
	System = 10,
	/// The last bytes of standard error, in a ring.
	Errors = 11,
}

impl Region {
	/// How many there are.
	pub const COUNT: usize = 12;
	/// All, in the order of their numbers.
	pub const ALL: [Region; Self::COUNT] = [
		Region::Code,
		Region::Table,
		Region::Globals,
		Region::Stack,
		Region::Frames,
		Region::Memory,
		Region::Input,
		Region::Image,
		Region::Setup,
		Region::Output,
		Region::System,
		Region::Errors,
	];

	/// The height of the region's tree: it has `2^depth` leaves.
	pub const fn depth(self) -> u32 {
		match self {
			Region::Code => 25,
			Region::Table => 18,
			Region::Globals => 13,
			Region::Stack => 20,
			Region::Frames => 18,
			Region::Memory | Region::Input | Region::Image | Region::Setup | Region::Output | Region::System => 27,
			Region::Errors => 7,
		}
	}

	/// How many cells it has.
	pub const fn cells(self) -> u64 {
		4 << self.depth()
	}

	/// The region with a number.
	pub const fn from_u8(number: u8) -> Option<Self> {
		if (number as usize) < Self::COUNT {
			Some(Self::ALL[number as usize])
		} else {
			None
		}
	}
}

/// The registers and limits of a running machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
	/// The place of the next instruction.
	pub pc: u32,
	/// The place above the stack's top.
	pub sp: u32,
	/// The place of the present function's first local.
	pub fp: u32,
	/// How many calls are under way.
	pub depth: u32,
	/// The size of the program's memory in pages.
	pub pages: u32,
	/// The pages to which it may grow by its own declaration.
	pub max_pages: u32,
	/// The size of the system functions' memory in pages.
	pub system_pages: u32,
	/// The pages to which both may grow together.
	pub memory_pages: u32,
	/// The input's length in bytes.
	pub input_len: u32,
	/// The image's length in bytes.
	pub image_len: u32,
	/// The setup's length in bytes.
	pub setup_len: u32,
	/// How many bytes of output were written.
	pub output_len: u32,
	/// How many bytes of output may be written.
	pub output_max: u32,
	/// How many bytes of errors were written.
	pub error_count: u64,
	/// What the gas was at the start.
	pub gas_limit: u64,
	/// What is left of it.
	pub gas: i64,
	/// The seed of random numbers.
	pub seed: [u8; 32],
}

impl Registers {
	/// How many registers have 32 bits.
	const WORDS: usize = 13;
	/// The size of the encoded registers in bytes.
	pub const SIZE: usize = Self::WORDS * 4 + 3 * 8 + 32;

	/// The registers in their fixed layout: little endian, in the order of declaration.
	pub fn encode(&self) -> [u8; Self::SIZE] {
		let mut bytes = [0; Self::SIZE];
		let words = [
			self.pc,
			self.sp,
			self.fp,
			self.depth,
			self.pages,
			self.max_pages,
			self.system_pages,
			self.memory_pages,
			self.input_len,
			self.image_len,
			self.setup_len,
			self.output_len,
			self.output_max,
		];
		let (short, rest) = bytes.split_at_mut(4 * Self::WORDS);
		for (place, word) in short.chunks_exact_mut(4).zip(words) {
			place.copy_from_slice(&word.to_le_bytes());
		}
		rest[..8].copy_from_slice(&self.error_count.to_le_bytes());
		rest[8..16].copy_from_slice(&self.gas_limit.to_le_bytes());
		rest[16..24].copy_from_slice(&self.gas.to_le_bytes());
		rest[24..].copy_from_slice(&self.seed);
		bytes
	}

	/// The registers from their fixed layout.
	pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
		let word = |n: usize| u32::from_le_bytes(core::array::from_fn(|at| bytes[4 * n + at]));
		let long = |n: usize| core::array::from_fn(|at| bytes[4 * Self::WORDS + 8 * n + at]);
		Self {
			pc: word(0),
			sp: word(1),
			fp: word(2),
			depth: word(3),
			pages: word(4),
			max_pages: word(5),
			system_pages: word(6),
			memory_pages: word(7),
			input_len: word(8),
			image_len: word(9),
			setup_len: word(10),
			output_len: word(11),
			output_max: word(12),
			error_count: u64::from_le_bytes(long(0)),
			gas_limit: u64::from_le_bytes(long(1)),
			gas: i64::from_le_bytes(long(2)),
			seed: core::array::from_fn(|n| bytes[4 * Self::WORDS + 24 + n]),
		}
	}

	/// The gas that was used. What goes below zero used all of it.
	pub fn gas_used(&self) -> u64 {
		match u64::try_from(self.gas) {
			Ok(left) => self.gas_limit.saturating_sub(left),
			Err(_) => self.gas_limit,
		}
	}
}

/// A running state without the contents of its regions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
	/// The registers.
	pub registers: Registers,
	/// The roots of the regions, by their numbers.
	pub roots: [Hash; Region::COUNT],
}

impl Header {
	/// The size of an encoded header in bytes.
	pub const SIZE: usize = Registers::SIZE + 32 * Region::COUNT;

	/// The header in its fixed layout.
	pub fn encode(&self) -> Vec<u8> {
		let mut bytes = Vec::with_capacity(Self::SIZE);
		bytes.extend_from_slice(&self.registers.encode());
		self.roots.iter().for_each(|root| bytes.extend_from_slice(root));
		bytes
	}

	/// The header from its fixed layout.
	pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
		let registers = core::array::from_fn(|n| bytes[n]);
		Self {
			registers: Registers::decode(&registers),
			roots: core::array::from_fn(|root| core::array::from_fn(|n| bytes[Registers::SIZE + 32 * root + n])),
		}
	}

	/// The root of the state.
	pub fn root<H: Hasher>(&self) -> Hash {
		let mut bytes = Vec::with_capacity(Self::SIZE + 2);
		bytes.extend_from_slice(&[tag::STATE, VERSION]);
		bytes.extend_from_slice(&self.encode());
		H::hash(&bytes)
	}
}

/// How a step ended the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
	/// The program's system functions ended it, with a status and a code: the gas is what the counter says.
	Ended(Status, u32),
	/// The program executed `unreachable`: the gas is what the counter says.
	GaveUp,
	/// A trap in the middle of code, where the counter is not current: the gas is the whole limit.
	Trapped(Trap),
	/// The gas was used up, all of it.
	OutOfGas,
	/// The stack was used up: the gas is the whole limit.
	OutOfStack,
}

impl Halt {
	/// What a call of the intrinsic `halt` comes to. What is no end that it may make is a broken state.
	pub fn of_call(status: u32, code: u32) -> Self {
		let status = u8::try_from(status).ok().and_then(Status::from_u8);
		match (status, code) {
			(Some(Status::Success), 0) => Self::Ended(Status::Success, 0),
			(Some(Status::Exit), 1..) => Self::Ended(Status::Exit, code),
			(Some(status @ (Status::OutputTooLong | Status::NoOutput | Status::Malformed)), _) => {
				Self::Ended(status, code)
			}
			(Some(Status::Trap), _) => Self::Trapped(Trap::from_u32(code).unwrap_or(Trap::Broken)),
			_ => Self::Trapped(Trap::Broken),
		}
	}

	/// What a call of the intrinsic `exhausted` comes to: if the gas is not below zero, it was the stack.
	pub fn of_exhaustion(gas: i64) -> Self {
		match gas < 0 {
			true => Self::OutOfGas,
			false => Self::OutOfStack,
		}
	}

	/// The status and the code.
	pub fn status(self) -> (Status, u32) {
		match self {
			Self::Ended(status, code) => (status, code),
			Self::GaveUp => (Status::Trap, Trap::Unreachable as u32),
			Self::Trapped(trap) => (Status::Trap, trap as u32),
			Self::OutOfGas => (Status::OutOfGas, 0),
			Self::OutOfStack => (Status::OutOfStack, 0),
		}
	}

	/// Whether the gas is what the counter says, and not the whole limit.
	pub fn counts_gas(self) -> bool {
		matches!(self, Self::Ended(..) | Self::GaveUp)
	}

	/// The outcome, from the registers at the end and the roots of the output's and the errors' regions.
	pub fn outcome<H: Hasher>(self, registers: &Registers, output: &Hash, errors: &Hash) -> Outcome {
		let (status, code) = self.status();
		Outcome {
			status,
			code,
			output: match status.keeps_output() {
				true => Blob {
					tree: *output,
					len: registers.output_len,
				},
				false => Blob::empty::<H>(),
			},
			errors: match status {
				Status::Success => [0; 32],
				_ => errors_root::<H>(registers.error_count, errors),
			},
			gas_used: match self.counts_gas() {
				true => registers.gas_used(),
				false => registers.gas_limit,
			},
		}
	}
}

impl core::fmt::Display for Halt {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Ended(Status::Success, _) => f.write_str("it succeeded"),
			Self::Ended(Status::OutputTooLong, _) => f.write_str("it wrote more output than the task may have"),
			Self::Ended(Status::NoOutput, _) => f.write_str("it ended without the output that the job names"),
			Self::Ended(Status::Malformed, _) => f.write_str("what it was given is malformed"),
			Self::Ended(_, code) => write!(f, "it exited with code {code}"),
			Self::GaveUp => Trap::Unreachable.fmt(f),
			Self::Trapped(trap) => trap.fmt(f),
			Self::OutOfGas => f.write_str("it ran out of gas"),
			Self::OutOfStack => f.write_str("it ran out of stack: its calls go too deep"),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn registers_survive_their_layout() {
		let bytes: [u8; Registers::SIZE] = core::array::from_fn(|n| n as u8 + 1);
		assert_eq!(Registers::decode(&bytes).encode(), bytes);
		assert_eq!((Registers::SIZE, Header::SIZE), (108, 492));
	}

	#[test]
	fn no_call_ends_with_a_status_that_is_not_its_own() {
		for status in 0..300 {
			for code in [0, 1, 6, 10, 11, 255, u32::MAX] {
				let halt = Halt::of_call(status, code);
				let (found, _) = halt.status();
				match status {
					0 if code > 0 => assert_eq!(halt, Halt::Trapped(Trap::Broken)),
					1 if code == 0 => assert_eq!(halt, Halt::Trapped(Trap::Broken)),
					0 | 1 | 5 | 6 | 7 => assert_eq!((u32::from(found as u8), halt.counts_gas()), (status, true)),
					_ => assert_eq!((found, halt.counts_gas()), (Status::Trap, false)),
				}
			}
		}
	}
}
