//! What a run came to.

use crate::{
	hash::{tag, Hash, Hasher},
	task::Blob,
	VERSION,
};
use alloc::vec::Vec;

/// How a run ended. The one set of words for machine, chain and command line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(
	feature = "codec",
	derive(
		codec::Encode,
		codec::Decode,
		codec::DecodeWithMemTracking,
		codec::MaxEncodedLen,
		scale_info::TypeInfo
	)
)]
#[cfg_attr(
	feature = "serde",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "camelCase")
)]
#[repr(u8)]
pub enum Status {
	/// The program exited with code 0. The output is kept.
	Success = 0,
	/// It exited with another code, which is the outcome's. The output is kept.
	Exit = 1,
	/// It trapped; the outcome's code is a [`Trap`]. Costs the whole gas limit, but for `unreachable`, which a program
	/// executes on purpose to give up.
	Trap = 2,
	/// It used up its gas.
	OutOfGas = 3,
	/// Its calls went deeper than the stack that every task has.
	OutOfStack = 4,
	/// Its output is longer than the task's limit. The code is that of the exit, 0 if it had not exited yet.
	OutputTooLong = 5,
	/// It exited with code 0, and there is no output where the job says that there is one.
	NoOutput = 6,
	/// What it was given is not what the job says: the setup or an archive is malformed.
	Malformed = 7,
}

impl Status {
	/// All, in the order of their numbers.
	pub const ALL: [Status; 8] = [
		Status::Success,
		Status::Exit,
		Status::Trap,
		Status::OutOfGas,
		Status::OutOfStack,
		Status::OutputTooLong,
		Status::NoOutput,
		Status::Malformed,
	];

	/// The status with a number.
	pub fn from_u8(number: u8) -> Option<Self> {
		Self::ALL.get(usize::from(number)).copied()
	}

	/// Whether the output is part of the outcome.
	pub const fn keeps_output(self) -> bool {
		matches!(self, Self::Success | Self::Exit)
	}
}

/// Why a program trapped: the code of an outcome with [`Status::Trap`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub enum Trap {
	/// The state is none that a program reaches.
	Broken = 0,
	/// It executed `unreachable`.
	Unreachable = 1,
	/// It accessed memory that is not there.
	Memory = 2,
	/// It called or accessed an entry outside a table.
	Table = 3,
	/// It called an entry of a table that is null.
	Null = 4,
	/// It called a function of another type than it said.
	Signature = 5,
	/// It divided an integer by zero.
	Division = 6,
	/// The result of an integer operation does not fit.
	Overflow = 7,
	/// It converted a NaN to an integer.
	Conversion = 8,
	/// An atomic operation was not aligned.
	Unaligned = 9,
	/// It threw an exception that nothing caught.
	Uncaught = 10,
}

impl Trap {
	/// All, in the order of their numbers.
	pub const ALL: [Trap; 11] = [
		Trap::Broken,
		Trap::Unreachable,
		Trap::Memory,
		Trap::Table,
		Trap::Null,
		Trap::Signature,
		Trap::Division,
		Trap::Overflow,
		Trap::Conversion,
		Trap::Unaligned,
		Trap::Uncaught,
	];

	/// The trap with a number.
	pub fn from_u32(number: u32) -> Option<Self> {
		Self::ALL.get(number as usize).copied()
	}
}

impl core::fmt::Display for Trap {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(match self {
			Self::Broken => "the machine's state is broken",
			Self::Unreachable => "it gave up (`unreachable`)",
			Self::Memory => "memory access out of bounds",
			Self::Table => "table access out of bounds",
			Self::Null => "call of a null function",
			Self::Signature => "indirect call of a function of another type",
			Self::Division => "integer division by zero",
			Self::Overflow => "integer overflow",
			Self::Conversion => "conversion of NaN to an integer",
			Self::Unaligned => "atomic access that is not aligned",
			Self::Uncaught => "an exception that nothing caught",
		})
	}
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
	feature = "codec",
	derive(
		codec::Encode,
		codec::Decode,
		codec::DecodeWithMemTracking,
		codec::MaxEncodedLen,
		scale_info::TypeInfo
	)
)]
#[cfg_attr(
	feature = "serde",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "camelCase")
)]
pub struct Outcome {
	/// How it ended.
	pub status: Status,
	/// The exit code, or the number of the [`Trap`]; 0 where there is none.
	pub code: u32,
	/// The output; empty unless the status keeps it.
	pub output: Blob,
	/// [`errors_root`] of what it wrote to standard error; zero if it succeeded.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub errors: Hash,
	/// What it cost; at most the limit.
	pub gas_used: u64,
}

impl Outcome {
	/// The root of the halted state: `H(HALT | version | status | code | output tree | output length | errors | gas)`.
	pub fn root<H: Hasher>(&self) -> Hash {
		let mut bytes = [0; 2 + Self::SIZE];
		bytes[..2].copy_from_slice(&[tag::HALT, VERSION]);
		bytes[2..].copy_from_slice(&self.encoded());
		H::hash(&bytes)
	}

	/// The size of an outcome in bytes, as hashed and in witnesses.
	pub const SIZE: usize = 1 + 4 + 32 + 4 + 32 + 8;

	/// The outcome in its fixed layout: little endian, in the order of declaration.
	pub fn encoded(&self) -> [u8; Self::SIZE] {
		let mut bytes = [0; Self::SIZE];
		bytes[0] = self.status as u8;
		bytes[1..5].copy_from_slice(&self.code.to_le_bytes());
		bytes[5..37].copy_from_slice(&self.output.tree);
		bytes[37..41].copy_from_slice(&self.output.len.to_le_bytes());
		bytes[41..73].copy_from_slice(&self.errors);
		bytes[73..].copy_from_slice(&self.gas_used.to_le_bytes());
		bytes
	}

	/// The outcome from its fixed layout; `None` if there is no such status.
	pub fn decoded(bytes: &[u8; Self::SIZE]) -> Option<Self> {
		let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|n| bytes[at + n]));
		Some(Self {
			status: Status::from_u8(bytes[0])?,
			code: word(1),
			output: Blob {
				tree: core::array::from_fn(|n| bytes[5 + n]),
				len: word(37),
			},
			errors: core::array::from_fn(|n| bytes[41 + n]),
			gas_used: u64::from_le_bytes(core::array::from_fn(|n| bytes[73 + n])),
		})
	}
}

/// The most bytes of standard error that an outcome commits to: the last ones.
pub const TAIL: usize = 4096;

/// `H(ERRORS | bytes written u64 | root of the ring)`: what an outcome says of standard error.
pub fn errors_root<H: Hasher>(count: u64, ring: &Hash) -> Hash {
	let mut bytes = [tag::ERRORS; 41];
	bytes[1..9].copy_from_slice(&count.to_le_bytes());
	bytes[9..].copy_from_slice(ring);
	H::hash(&bytes)
}

/// What was written to standard error last: how many bytes there were in all, and the last [`TAIL`] of them in a ring,
/// byte n at place n mod `TAIL`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "codec", derive(codec::Encode, codec::Decode))]
pub struct Tail {
	/// Bytes written in all.
	pub count: u64,
	/// The ring, as far as it was ever written: the lesser of `count` and [`TAIL`] bytes.
	pub ring: Vec<u8>,
}

impl Tail {
	/// Nothing was written.
	pub const fn new() -> Self {
		Self {
			count: 0,
			ring: Vec::new(),
		}
	}

	/// Takes the next bytes.
	pub fn push(&mut self, bytes: &[u8]) {
		let skipped = bytes.len().saturating_sub(TAIL);
		self.count = self.count.wrapping_add(skipped as u64);
		for byte in &bytes[skipped..] {
			let place = (self.count % TAIL as u64) as usize;
			if place >= self.ring.len() {
				self.ring.resize(place + 1, 0);
			}
			self.ring[place] = *byte;
			self.count = self.count.wrapping_add(1);
		}
	}

	/// The root of the ring's tree.
	pub fn ring_root<H: Hasher>(&self) -> Hash {
		crate::tree::small_root::<H>(crate::state::Region::Errors.depth(), &self.ring)
	}

	/// What an outcome says of it.
	pub fn root<H: Hasher>(&self) -> Hash {
		errors_root::<H>(self.count, &self.ring_root::<H>())
	}

	/// The bytes in the order in which they were written. Any ring is read, whatever its length.
	pub fn bytes(&self) -> Vec<u8> {
		let len = self.ring.len().min(TAIL);
		let ring = &self.ring[..len];
		match self.count > TAIL as u64 && len == TAIL {
			true => {
				let start = (self.count % TAIL as u64) as usize;
				[&ring[start..], &ring[..start]].concat()
			}
			false => ring.to_vec(),
		}
	}
}

impl Default for Tail {
	fn default() -> Self {
		Self::new()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::hash::Blake2;

	#[test]
	fn numbers_are_places() {
		for (number, status) in Status::ALL.into_iter().enumerate() {
			assert_eq!(Status::from_u8(number as u8), Some(status));
			assert_eq!(status as usize, number);
		}
		assert_eq!(Status::from_u8(8), None);
		for (number, trap) in Trap::ALL.into_iter().enumerate() {
			assert_eq!(Trap::from_u32(number as u32), Some(trap));
			assert_eq!(trap as usize, number);
		}
		assert_eq!(Trap::from_u32(11), None);
	}

	#[test]
	fn every_part_of_an_outcome_is_in_its_root() {
		let outcome = Outcome {
			status: Status::Exit,
			code: 2,
			output: Blob { tree: [3; 32], len: 4 },
			errors: [5; 32],
			gas_used: 6,
		};
		let bytes = outcome.encoded();
		assert_eq!(Outcome::decoded(&bytes), Some(outcome));
		let mut roots = alloc::collections::BTreeSet::from([outcome.root::<Blake2>()]);
		for at in 0..Outcome::SIZE {
			let mut other = bytes;
			other[at] ^= 1;
			let other = Outcome::decoded(&other).expect("both statuses are there");
			assert!(roots.insert(other.root::<Blake2>()), "byte {at}");
		}
		let mut none = bytes;
		none[0] = 8;
		assert_eq!(Outcome::decoded(&none), None);
	}

	#[test]
	fn the_tail_is_what_was_written_last_however_it_came() {
		let all: Vec<u8> = (0..20_000_u32).map(|n| (n * n >> 3) as u8).collect();
		for len in [0, 1, 4_095, 4_096, 4_097, 8_192, 20_000] {
			let mut whole = Tail::new();
			whole.push(&all[..len]);
			for piece in [1, 7, 4_096, 5_000] {
				let mut pieces = Tail::new();
				all[..len].chunks(piece).for_each(|part| pieces.push(part));
				assert_eq!(pieces, whole, "{len} by {piece}");
			}
			assert_eq!(whole.bytes(), &all[len.saturating_sub(TAIL)..len]);
			assert_eq!(whole.count, len as u64);
		}
	}
}
