//! One-step proofs.
//!
//! A prover notes which leaves the next step touches and proves them against the roots of the state. [`verify`] checks
//! the proof, executes the step on these leaves alone, and computes the root of the next state with the same siblings.
//!
//! ```text
//!  witness of a running state          witness of a halted state
//!  0        u8   version               0     u8   version
//!  1        u8   0                     1     u8   1
//!  2        ...  header                2     ...  outcome
//!  +0       u8   number of leaves
//!           ...  leaves: region u8,
//!                place u32, 32 bytes
//!  +0       u16  number of hashes
//!           ...  hashes
//! ```
//!
//! Leaves are in rising order of region and place; hashes in the order in which [`tree::fold`](crate::tree::fold) asks
//! for them, region after region. Everything is little endian. There is one witness of a state, and nothing else is
//! accepted: a leaf that the step does not read is refused like one that is missing.

use crate::{
	hash::{Hash, Hasher},
	op::Instr,
	outcome::Outcome,
	state::{Halt, Header, Region, Registers},
	step::{inside, step, Env, Fault, BROKEN},
	tree::{fold, Leaf},
	VERSION,
};
use alloc::vec::Vec;

/// The most leaves that a step touches.
pub const MAX_LEAVES: usize = 8;
/// The most hashes that a proof of so many leaves can have.
pub const MAX_HASHES: usize = MAX_LEAVES * crate::tree::MAX_DEPTH as usize;
/// The fewest bytes of a witness: an outcome.
pub const MIN_WITNESS: usize = 2 + Outcome::SIZE;
/// The most bytes of a witness.
pub const MAX_WITNESS: usize = BARE + MAX_LEAVES * LEAF_ENTRY + MAX_HASHES * 32;
/// A running state's witness without leaves and hashes.
const BARE: usize = 2 + Header::SIZE + 1 + 2;
const LEAF_ENTRY: usize = 37;

/// The most hashes that [`verify`] computes for a witness of so many bytes: for weights. All are of one block of 128
/// bytes but two, which are of a header.
///
/// A leaf and the nodes above it are hashed before the step and after it; a node takes two hashes for one, so that there
/// are fewer of them than leaves and hashes together. The rest are the roots of both states, and if the machine halts
/// what an outcome holds.
pub const fn verify_hashes(witness: usize) -> u32 {
	let parts = witness.saturating_sub(BARE);
	let leaves = min(parts / LEAF_ENTRY, MAX_LEAVES);
	let hashes = min((parts - leaves * LEAF_ENTRY) / 32, MAX_HASHES);
	(2 * (2 * leaves + hashes) + 2 + OUTCOME_HASHES) as u32
}

/// The most hashes that [`verify`] computes for any witness.
pub const MAX_VERIFY_HASHES: u32 = verify_hashes(MAX_WITNESS);
/// The roots of no output and of the errors.
const OUTCOME_HASHES: usize = crate::tree::DATA_DEPTH as usize + 2;

const fn min(a: usize, b: usize) -> usize {
	if a < b {
		a
	} else {
		b
	}
}
/// The second byte of a running state's witness.
pub const RUNNING: u8 = 0;
/// The second byte of a halted state's witness.
pub const HALTED: u8 = 1;

/// Why a witness is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WitnessError {
	/// It is of another version.
	Version,
	/// The bytes have no meaning as a witness.
	Malformed,
	/// It is not of the state with the given root.
	OtherState,
	/// The leaves are not in the state's regions.
	WrongLeaves,
	/// The step needs a leaf that is not there.
	MissingLeaf,
	/// There is a leaf or a hash that the step does not need.
	Surplus,
}

impl core::fmt::Display for WitnessError {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(match self {
			Self::Version => "the witness is of another version of the machine",
			Self::Malformed => "the bytes are no witness",
			Self::OtherState => "the witness is of another state than the one with the given root",
			Self::WrongLeaves => "the witness' leaves are not in the state",
			Self::MissingLeaf => "the witness lacks a leaf that the step reads",
			Self::Surplus => "the witness holds what the step does not need",
		})
	}
}

impl core::error::Error for WitnessError {}

/// The state after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
	/// It runs on, and has this root.
	Running(Hash),
	/// It has halted with this outcome, which it also has after every further step.
	Halted(Outcome),
}

impl Next {
	/// The root of the state.
	pub fn root<H: Hasher>(&self) -> Hash {
		match self {
			Self::Running(root) => *root,
			Self::Halted(outcome) => outcome.root::<H>(),
		}
	}
}

/// The state after the one with this root, which the witness must be of, by the rules of a version of the machine.
/// Bounded time and memory for any bytes: at most [`MAX_WITNESS`] are read and [`verify_hashes`] computed.
///
/// # Errors
/// See [`WitnessError`]. A version that this is not has no witnesses.
pub fn verify<H: Hasher>(engine: u8, root: &Hash, witness: &[u8]) -> Result<Next, WitnessError> {
	let mut bytes = Bytes(witness);
	if engine != VERSION || bytes.u8()? != engine {
		return Err(WitnessError::Version);
	}
	match bytes.u8()? {
		HALTED => verify_halted::<H>(root, bytes),
		RUNNING => verify_running::<H>(root, bytes),
		_ => Err(WitnessError::Malformed),
	}
}

fn verify_halted<H: Hasher>(root: &Hash, mut bytes: Bytes) -> Result<Next, WitnessError> {
	let outcome = Outcome::decoded(&bytes.array()?).ok_or(WitnessError::Malformed)?;
	bytes.end()?;
	if outcome.root::<H>() != *root {
		return Err(WitnessError::OtherState);
	}
	Ok(Next::Halted(outcome))
}

fn verify_running<H: Hasher>(root: &Hash, mut bytes: Bytes) -> Result<Next, WitnessError> {
	let mut header = Header::decode(&bytes.array()?);
	if header.root::<H>() != *root {
		return Err(WitnessError::OtherState);
	}
	let count = bytes.u8()? as usize;
	if count > MAX_LEAVES {
		return Err(WitnessError::Malformed);
	}
	let mut leaves = Vec::with_capacity(count);
	for _ in 0..count {
		let region = Region::from_u8(bytes.u8()?).ok_or(WitnessError::Malformed)?;
		leaves.push(Known {
			region,
			place: bytes.u32()?,
			leaf: bytes.array()?,
			read: false,
			written: false,
		});
	}
	if leaves
		.windows(2)
		.any(|pair| (pair[0].region, pair[0].place) >= (pair[1].region, pair[1].place))
	{
		return Err(WitnessError::Malformed);
	}
	let count = bytes.u16()? as usize;
	if count > MAX_HASHES {
		return Err(WitnessError::Malformed);
	}
	let mut hashes = Vec::with_capacity(count);
	for _ in 0..count {
		hashes.push(bytes.array()?);
	}
	bytes.end()?;
	if roots_of::<H>(&leaves, &hashes, &mut |region| header.roots[region as usize])? != header.roots {
		return Err(WitnessError::WrongLeaves);
	}

	let mut verifier = Verifier { leaves };
	let result = step(&mut header.registers, &mut verifier);
	if result == Err(Fault::Missing) {
		return Err(WitnessError::MissingLeaf);
	}
	let leaves = verifier.leaves;
	if leaves.iter().any(|known| !known.read) {
		return Err(WitnessError::Surplus);
	}
	if leaves.iter().any(|known| known.written) {
		header.roots = roots_of::<H>(&leaves, &hashes, &mut |region| header.roots[region as usize])?;
	}
	let halt = match result {
		Ok(None) => return Ok(Next::Running(header.root::<H>())),
		Ok(Some(halt)) => halt,
		Err(Fault::Trap(trap)) => Halt::Trapped(trap),
		Err(Fault::Missing) => return Err(WitnessError::MissingLeaf),
	};
	let [output, errors] = [Region::Output, Region::Errors].map(|region| &header.roots[region as usize]);
	Ok(Next::Halted(halt.outcome::<H>(&header.registers, output, errors)))
}

/// The roots of all regions: of those with leaves by these leaves, of the others as they were.
fn roots_of<H: Hasher>(
	leaves: &[Known],
	mut hashes: &[Hash],
	other: &mut dyn FnMut(Region) -> Hash,
) -> Result<[Hash; Region::COUNT], WitnessError> {
	let mut roots = [[0; 32]; Region::COUNT];
	for region in Region::ALL {
		let of_region: Vec<(u32, Leaf)> = leaves
			.iter()
			.filter(|known| known.region == region)
			.map(|known| (known.place, known.leaf))
			.collect();
		roots[region as usize] = match of_region.is_empty() {
			true => other(region),
			false => fold::<H>(region.depth(), &of_region, &mut hashes).ok_or(WitnessError::WrongLeaves)?,
		};
	}
	if !hashes.is_empty() {
		return Err(WitnessError::Surplus);
	}
	Ok(roots)
}

/// The rest of a witness.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
	fn array<const N: usize>(&mut self) -> Result<[u8; N], WitnessError> {
		let (head, rest) = self.0.split_first_chunk::<N>().ok_or(WitnessError::Malformed)?;
		self.0 = rest;
		Ok(*head)
	}

	fn u8(&mut self) -> Result<u8, WitnessError> {
		self.array().map(|[byte]| byte)
	}

	fn u16(&mut self) -> Result<u16, WitnessError> {
		self.array().map(u16::from_le_bytes)
	}

	fn u32(&mut self) -> Result<u32, WitnessError> {
		self.array().map(u32::from_le_bytes)
	}

	fn end(&self) -> Result<(), WitnessError> {
		match self.0.is_empty() {
			true => Ok(()),
			false => Err(WitnessError::Malformed),
		}
	}
}

/// The leaf and the place inside it of a cell.
fn leaf_of(cell: u64) -> (u32, usize) {
	((cell / 4) as u32, (cell % 4) as usize * 8)
}

/// Regions by their leaves: what the recorder and the verifier have in common.
pub trait Leaves {
	/// A leaf.
	fn leaf(&mut self, region: Region, leaf: u32) -> Result<Leaf, Fault>;
	/// Changes bytes of a leaf.
	fn change(&mut self, region: Region, leaf: u32, at: usize, bytes: &[u8]) -> Result<(), Fault>;
}

fn get<L: Leaves>(leaves: &mut L, region: Region, cell: u64) -> Result<u64, Fault> {
	let (leaf, at) = leaf_of(inside(region, cell)?);
	let leaf = leaves.leaf(region, leaf)?;
	Ok(u64::from_le_bytes(core::array::from_fn(|n| leaf[at + n])))
}

fn set<L: Leaves>(leaves: &mut L, region: Region, cell: u64, value: u64) -> Result<(), Fault> {
	let (leaf, at) = leaf_of(inside(region, cell)?);
	leaves.change(region, leaf, at, &value.to_le_bytes())
}

/// The parts of a range of bytes that are in one leaf each: leaf, place inside it, length.
fn parts(region: Region, at: u64, len: usize) -> impl Iterator<Item = Result<(u32, usize, usize), Fault>> {
	let end = at.saturating_add(len as u64);
	let mut at = at;
	core::iter::from_fn(move || {
		(at < end).then(|| {
			inside(region, at / 8)?;
			let start = (at % 32) as usize;
			let len = (32 - start).min((end - at) as usize);
			// What is inside has a place of 32 bits.
			let leaf = u32::try_from(at / 32).map_err(|_| BROKEN)?;
			at += len as u64;
			Ok((leaf, start, len))
		})
	})
}

impl<L: Leaves> Env for L {
	fn code(&mut self, pc: u32) -> Result<Instr, Fault> {
		let first = u64::from(pc) * 2;
		Ok(Instr::from_cells([
			get(self, Region::Code, first)?,
			get(self, Region::Code, first + 1)?,
		]))
	}

	fn stack(&mut self, at: u32) -> Result<u64, Fault> {
		get(self, Region::Stack, at.into())
	}

	fn set_stack(&mut self, at: u32, value: u64) -> Result<(), Fault> {
		set(self, Region::Stack, at.into(), value)
	}

	fn frame(&mut self, at: u32) -> Result<u64, Fault> {
		get(self, Region::Frames, at.into())
	}

	fn set_frame(&mut self, at: u32, value: u64) -> Result<(), Fault> {
		set(self, Region::Frames, at.into(), value)
	}

	fn global(&mut self, at: u64) -> Result<u64, Fault> {
		get(self, Region::Globals, at)
	}

	fn set_global(&mut self, at: u64, value: u64) -> Result<(), Fault> {
		set(self, Region::Globals, at, value)
	}

	fn table(&mut self, at: u64) -> Result<u64, Fault> {
		get(self, Region::Table, at)
	}

	fn load<const SYSTEM: bool, const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault> {
		let mut bytes = [0; N];
		self.read(memory::<SYSTEM>(), at, &mut bytes)?;
		Ok(bytes)
	}

	fn store<const SYSTEM: bool, const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Fault> {
		self.write(memory::<SYSTEM>(), at, &bytes)
	}

	fn read(&mut self, region: Region, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
		let mut rest = bytes;
		for part in parts(region, at, rest.len()) {
			let (leaf, start, len) = part?;
			let leaf = self.leaf(region, leaf)?;
			let (part, after) = rest.split_at_mut(len);
			part.copy_from_slice(&leaf[start..start + len]);
			rest = after;
		}
		Ok(())
	}

	fn write(&mut self, region: Region, at: u64, bytes: &[u8]) -> Result<(), Fault> {
		let mut rest = bytes;
		for part in parts(region, at, bytes.len()) {
			let (leaf, start, len) = part?;
			let (part, after) = rest.split_at(len);
			self.change(region, leaf, start, part)?;
			rest = after;
		}
		Ok(())
	}
}

const fn memory<const SYSTEM: bool>() -> Region {
	if SYSTEM {
		Region::System
	} else {
		Region::Memory
	}
}

struct Known {
	region: Region,
	place: u32,
	leaf: Leaf,
	read: bool,
	written: bool,
}

/// Knows the leaves of a witness and nothing else.
struct Verifier {
	leaves: Vec<Known>,
}

impl Verifier {
	fn find(&mut self, region: Region, place: u32) -> Result<&mut Known, Fault> {
		let known = self
			.leaves
			.iter_mut()
			.find(|known| (known.region, known.place) == (region, place));
		let known = known.ok_or(Fault::Missing)?;
		known.read = true;
		Ok(known)
	}
}

impl Leaves for Verifier {
	fn leaf(&mut self, region: Region, leaf: u32) -> Result<Leaf, Fault> {
		self.find(region, leaf).map(|known| known.leaf)
	}

	fn change(&mut self, region: Region, leaf: u32, at: usize, bytes: &[u8]) -> Result<(), Fault> {
		let known = self.find(region, leaf)?;
		known.leaf[at..at + bytes.len()].copy_from_slice(bytes);
		known.written = true;
		Ok(())
	}
}

/// The registers that a witness of a running state claims. For displays only: nothing is checked.
pub fn registers(witness: &[u8]) -> Option<Registers> {
	let mut bytes = Bytes(witness);
	let running = bytes.u8() == Ok(VERSION) && bytes.u8() == Ok(RUNNING);
	running
		.then(|| bytes.array().ok())
		.flatten()
		.map(|bytes| Header::decode(&bytes).registers)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_most_hashes_follow_from_the_bytes() {
		assert_eq!(verify_hashes(0), 31);
		assert_eq!(verify_hashes(MIN_WITNESS), 31);
		// Of the same length is a witness of eight leaves.
		assert_eq!(verify_hashes(BARE + LEAF_ENTRY + 25 * 32), 31 + 2 * (2 * 8 + 16));
		assert_eq!((MAX_VERIFY_HASHES, verify_hashes(usize::MAX)), (495, 495));
		assert_eq!(MAX_WITNESS, 7_705);
	}
}
