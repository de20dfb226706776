//! One-step proofs.
//!
//! [`prove`] notes which leaves the next step touches and proves them against the roots of the state. [`verify`] checks
//! the proof, executes the step on these leaves alone, and computes the root of the next state with the same siblings.
//!
//! ```text
//!  witness of a running state          witness of a halted state
//!  0        u8   version               0     u8   version
//!  1        u8   0                     1     u8   1
//!  2        ...  header                2     u8   status
//!  +0       u8   number of leaves      3     32   output root
//!           ...  leaves: region u8,    35    u32  output length
//!                place u32, 32 bytes   39    u64  gas used
//!  +0       u16  number of hashes
//!           ...  hashes
//! ```
//!
//! Leaves are in rising order of region and place; hashes in the order in which [`tree::fold`](crate::tree::fold) asks
//! for them, region after region. Everything is little endian. There is one witness of a state, and nothing else is
//! accepted: a leaf that the step does not read is refused like one that is missing.

use crate::{
	hash::{Hash, Hasher},
	machine::{Machine, Reader},
	op::Instr,
	state::{Halt, Header, Outcome, Region, Registers, Status},
	step::{inside, step, Env, Fault},
	tree::{fold, Leaf, Zeros},
	VERSION,
};
use alloc::{collections::BTreeSet, vec, vec::Vec};

/// The most leaves that a step touches.
pub const MAX_LEAVES: usize = 8;
/// The most hashes that a proof of so many leaves can have.
const MAX_HASHES: usize = MAX_LEAVES * crate::tree::MAX_DEPTH as usize;
/// The most bytes of a witness.
pub const MAX_WITNESS: usize = 2 + Header::SIZE + 1 + MAX_LEAVES * LEAF_ENTRY + 2 + MAX_HASHES * 32;
const LEAF_ENTRY: usize = 37;
const RUNNING: u8 = 0;
const HALTED: u8 = 1;

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

/// The witness of the machine's next step. The machine does not move.
pub fn prove(machine: &mut Machine) -> Vec<u8> {
	if let Some(outcome) = machine.outcome() {
		return halted(&outcome);
	}
	let header = machine.header();
	let reader = machine.reader();
	let mut recorder = Recorder {
		reader: &reader,
		touched: BTreeSet::new(),
	};
	// How it ends is for the verifier to find out.
	let _ = step(&mut header.registers.clone(), &mut recorder);
	let touched = recorder.touched;

	let mut bytes = vec![VERSION, RUNNING];
	bytes.extend_from_slice(&header.encode());
	bytes.push(touched.len() as u8);
	for (region, leaf) in &touched {
		bytes.push(*region as u8);
		bytes.extend_from_slice(&leaf.to_le_bytes());
		bytes.extend_from_slice(&reader.leaf(*region, *leaf));
	}
	let mut hashes = Vec::new();
	for region in Region::ALL {
		let leaves: Vec<u32> = touched
			.iter()
			.filter(|(of, _)| *of == region)
			.map(|(_, leaf)| *leaf)
			.collect();
		if !leaves.is_empty() {
			hashes.extend(reader.tree(region).prove(&leaves, |page| reader.page(region, page)));
		}
	}
	bytes.extend_from_slice(&(hashes.len() as u16).to_le_bytes());
	hashes.iter().for_each(|hash| bytes.extend_from_slice(hash));
	bytes
}

fn halted(outcome: &Outcome) -> Vec<u8> {
	let mut bytes = vec![VERSION, HALTED, outcome.status as u8];
	bytes.extend_from_slice(&outcome.output_root);
	bytes.extend_from_slice(&outcome.output_len.to_le_bytes());
	bytes.extend_from_slice(&outcome.gas_used.to_le_bytes());
	bytes
}

/// The root of the state after the one with this root, which the witness must be of. Bounded time and memory for any
/// bytes: at most [`MAX_WITNESS`] are read, and the step hashes at most twice what they hold.
pub fn verify<H: Hasher>(root: &Hash, witness: &[u8]) -> Result<Hash, WitnessError> {
	let mut bytes = Bytes(witness);
	if bytes.u8()? != VERSION {
		return Err(WitnessError::Version);
	}
	match bytes.u8()? {
		HALTED => verify_halted::<H>(root, bytes),
		RUNNING => verify_running::<H>(root, bytes),
		_ => Err(WitnessError::Malformed),
	}
}

fn verify_halted<H: Hasher>(root: &Hash, mut bytes: Bytes) -> Result<Hash, WitnessError> {
	let status = match bytes.u8()? {
		0 => Status::Success,
		1 => Status::Failed,
		_ => return Err(WitnessError::Malformed),
	};
	let outcome = Outcome {
		status,
		output_root: bytes.array()?,
		output_len: bytes.u32()?,
		gas_used: u64::from_le_bytes(bytes.array()?),
	};
	bytes.end()?;
	if outcome.root::<H>() != *root {
		return Err(WitnessError::OtherState);
	}
	Ok(*root)
}

fn verify_running<H: Hasher>(root: &Hash, mut bytes: Bytes) -> Result<Hash, WitnessError> {
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
		Ok(None) => return Ok(header.root::<H>()),
		Ok(Some(halt)) => halt,
		Err(_) => Halt::Trapped,
	};
	let zeros = Zeros::new::<H>();
	let output = &header.roots[Region::Output as usize];
	let outcome = halt.outcome::<H>(&header.registers, output, zeros.of(Region::Output.depth()));
	Ok(outcome.root::<H>())
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
trait Leaves {
	fn read(&mut self, region: Region, leaf: u32) -> Result<Leaf, Fault>;
	fn write(&mut self, region: Region, leaf: u32, at: usize, bytes: &[u8]) -> Result<(), Fault>;
}

fn get<L: Leaves>(leaves: &mut L, region: Region, cell: u64) -> Result<u64, Fault> {
	let (leaf, at) = leaf_of(inside(region, cell)?);
	let leaf = leaves.read(region, leaf)?;
	Ok(u64::from_le_bytes(core::array::from_fn(|n| leaf[at + n])))
}

fn set<L: Leaves>(leaves: &mut L, region: Region, cell: u64, value: u64) -> Result<(), Fault> {
	let (leaf, at) = leaf_of(inside(region, cell)?);
	leaves.write(region, leaf, at, &value.to_le_bytes())
}

/// The parts of a range of memory that are in one leaf each: leaf, place inside it, length.
fn parts(at: u64, len: usize) -> impl Iterator<Item = (u32, usize, usize)> {
	let end = at.saturating_add(len as u64);
	let mut at = at;
	core::iter::from_fn(move || {
		(at < end).then(|| {
			let start = (at % 32) as usize;
			let len = (32 - start).min((end - at) as usize);
			let part = ((at / 32) as u32, start, len);
			at += len as u64;
			part
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

	fn load<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault> {
		let mut bytes = [0; N];
		self.load_bytes(at, &mut bytes)?;
		Ok(bytes)
	}

	fn store<const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Fault> {
		self.store_bytes(at, &bytes)
	}

	fn load_bytes(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
		let mut rest = bytes;
		for (leaf, start, len) in parts(at, rest.len()) {
			let leaf = self.read(Region::Memory, leaf)?;
			let (part, after) = rest.split_at_mut(len);
			part.copy_from_slice(&leaf[start..start + len]);
			rest = after;
		}
		Ok(())
	}

	fn store_bytes(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
		let mut rest = bytes;
		for (leaf, start, len) in parts(at, bytes.len()) {
			let (part, after) = rest.split_at(len);
			self.write(Region::Memory, leaf, start, part)?;
			rest = after;
		}
		Ok(())
	}

	fn input(&mut self, word: u32) -> Result<u64, Fault> {
		get(self, Region::Input, word.into())
	}

	fn output(&mut self, word: u32) -> Result<u64, Fault> {
		get(self, Region::Output, word.into())
	}

	fn set_output(&mut self, word: u32, value: u64) -> Result<(), Fault> {
		set(self, Region::Output, word.into(), value)
	}
}

/// Notes what a step touches and changes nothing. That is enough, because a step reads before it writes.
struct Recorder<'a> {
	reader: &'a Reader<'a>,
	touched: BTreeSet<(Region, u32)>,
}

impl Leaves for Recorder<'_> {
	fn read(&mut self, region: Region, leaf: u32) -> Result<Leaf, Fault> {
		self.touched.insert((region, leaf));
		Ok(self.reader.leaf(region, leaf))
	}

	fn write(&mut self, region: Region, leaf: u32, _: usize, _: &[u8]) -> Result<(), Fault> {
		self.touched.insert((region, leaf));
		Ok(())
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
	fn read(&mut self, region: Region, leaf: u32) -> Result<Leaf, Fault> {
		self.find(region, leaf).map(|known| known.leaf)
	}

	fn write(&mut self, region: Region, leaf: u32, at: usize, bytes: &[u8]) -> Result<(), Fault> {
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
