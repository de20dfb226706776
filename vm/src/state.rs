//! The state of the machine and its root.
//!
//! ```text
//!  root of a running state = H(STATE | version | registers | limits | seed | roots of the eight regions)
//!  root of a halted state  = H(HALT | version | status | root of the output as data | gas used)
//! ```
//!
//! A halted state's root covers the outcome alone and stays the same with further steps: an engine that cannot trace
//! computes it too, and two parties need not agree on the number of steps.

use crate::{
	hash::{tag, Hash, Hasher},
	tree::data_root_of,
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
	/// The memory.
	Memory = 5,
	/// The task's input.
	Input = 6,
	/// What was written so far.
	Output = 7,
}

impl Region {
	/// How many there are.
	pub const COUNT: usize = 8;
	/// All, in the order of their numbers.
	pub const ALL: [Region; Self::COUNT] = [
		Region::Code,
		Region::Table,
		Region::Globals,
		Region::Stack,
		Region::Frames,
		Region::Memory,
		Region::Input,
		Region::Output,
	];

	/// The height of the region's tree: it has `2^depth` leaves.
	pub const fn depth(self) -> u32 {
		match self {
			Region::Code => 21,
			Region::Table => 14,
			Region::Globals => 11,
			Region::Stack => 18,
			Region::Frames => 16,
			Region::Memory | Region::Input | Region::Output => 27,
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

/// What a task may use and what makes its random numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
	/// Gas; above 0 and at most [`crate::MAX_GAS`].
	pub gas: u64,
	/// Pages of 64 KiB to which the memory may grow.
	pub memory_pages: u32,
	/// Bytes of output.
	pub output: u32,
	/// The seed of `random_get`.
	pub seed: [u8; 32],
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Status {
	/// The program exited with code 0.
	Success = 0,
	/// Everything else that is the program's doing.
	Failed = 1,
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
	/// How it ended.
	pub status: Status,
	/// The root of the output as data; that of no bytes if it failed.
	pub output_root: Hash,
	/// The output's length in bytes; 0 if it failed.
	pub output_len: u32,
	/// What it cost.
	pub gas_used: u64,
}

impl Outcome {
	/// The root of the halted state.
	pub fn root<H: Hasher>(&self) -> Hash {
		let mut bytes = [0; 47];
		bytes[..3].copy_from_slice(&[tag::HALT, VERSION, self.status as u8]);
		bytes[3..35].copy_from_slice(&self.output_root);
		bytes[35..39].copy_from_slice(&self.output_len.to_le_bytes());
		bytes[39..].copy_from_slice(&self.gas_used.to_le_bytes());
		H::hash(&bytes)
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
	/// The memory's size in pages.
	pub pages: u32,
	/// The pages to which it may grow.
	pub max_pages: u32,
	/// The input's length in bytes.
	pub input_len: u32,
	/// How many words of output were written.
	pub output_words: u32,
	/// How many bytes of output may be written.
	pub output_max: u32,
	/// What is left of the gas.
	pub gas: i64,
	/// What it was at the start.
	pub gas_limit: u64,
	/// The seed of random numbers.
	pub seed: [u8; 32],
}

impl Registers {
	/// The size of the encoded registers in bytes.
	pub const SIZE: usize = 9 * 4 + 2 * 8 + 32;

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
			self.input_len,
			self.output_words,
			self.output_max,
		];
		for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
			place.copy_from_slice(&word.to_le_bytes());
		}
		bytes[36..44].copy_from_slice(&self.gas.to_le_bytes());
		bytes[44..52].copy_from_slice(&self.gas_limit.to_le_bytes());
		bytes[52..].copy_from_slice(&self.seed);
		bytes
	}

	/// The registers from their fixed layout.
	pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
		let word = |n: usize| u32::from_le_bytes([bytes[4 * n], bytes[4 * n + 1], bytes[4 * n + 2], bytes[4 * n + 3]]);
		let long = |at: usize| core::array::from_fn(|n| bytes[at + n]);
		Self {
			pc: word(0),
			sp: word(1),
			fp: word(2),
			depth: word(3),
			pages: word(4),
			max_pages: word(5),
			input_len: word(6),
			output_words: word(7),
			output_max: word(8),
			gas: i64::from_le_bytes(long(36)),
			gas_limit: u64::from_le_bytes(long(44)),
			seed: core::array::from_fn(|n| bytes[52 + n]),
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
	/// With an output of so many bytes.
	Success(u32),
	/// By the program's explicit doing: the gas is what the counter says.
	Failed,
	/// By a trap in the middle of code, where the counter is not current: the gas is the whole limit.
	Trapped,
}

impl Halt {
	/// The outcome, from the registers at the end and the root of the output's region.
	pub fn outcome<H: Hasher>(self, registers: &Registers, output: &Hash, no_output: &Hash) -> Outcome {
		let (status, output_len, gas_used) = match self {
			Halt::Success(len) => (Status::Success, len, registers.gas_used()),
			Halt::Failed => (Status::Failed, 0, registers.gas_used()),
			Halt::Trapped => (Status::Failed, 0, registers.gas_limit),
		};
		let tree = match status {
			Status::Success => output,
			Status::Failed => no_output,
		};
		Outcome {
			status,
			output_root: data_root_of::<H>(output_len.into(), tree),
			output_len,
			gas_used,
		}
	}
}
