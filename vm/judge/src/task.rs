//! What is judged: programs, tasks, their limits and the first state of a run.

use crate::{
	hash::{tag, Hash, Hasher},
	state::{Header, Region, Registers},
	tree::{data_root_of, Zeros},
	MAX_GAS, MAX_IMAGE, MAX_PAGES, MAX_SETUP, VERSION,
};
use alloc::vec::Vec;

/// Bytes by their length and the root of their zero-padded tree: what a state must start from. [`Blob::root`] is the
/// address under which the bytes are served, which alone does not open.
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
pub struct Blob {
	/// The root of the tree.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub tree: Hash,
	/// The length in bytes.
	pub len: u32,
}

impl Blob {
	/// No bytes.
	pub fn empty<H: Hasher>() -> Self {
		Self {
			tree: *Zeros::new::<H>().of(crate::tree::DATA_DEPTH),
			len: 0,
		}
	}

	/// The address: `H(DATA | length u64 | tree)`.
	pub fn root<H: Hasher>(&self) -> Hash {
		data_root_of::<H>(self.len.into(), &self.tree)
	}
}

/// What a task may use.
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
pub struct Limits {
	/// Gas; above 0 and at most [`MAX_GAS`].
	pub gas: u64,
	/// Pages of 64 KiB to which the program's memory and that of its system functions may grow together.
	pub memory_pages: u32,
	/// Bytes of output.
	pub output: u32,
}

/// What the chain knows of a program's code and first memory.
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
pub struct ProgramRoots {
	/// Where it starts.
	pub entry: u32,
	/// Pages of memory at the start.
	pub pages: u32,
	/// Pages to which its memory may grow, whatever the job allows.
	pub max_pages: u32,
	/// Pages of the memory of its system functions at the start.
	pub system_pages: u32,
	/// The root of [`Region::Code`].
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub code: Hash,
	/// The root of [`Region::Table`] at the start.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub table: Hash,
	/// The root of [`Region::Globals`] at the start.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub globals: Hash,
	/// The root of [`Region::Memory`] at the start.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub memory: Hash,
	/// The root of [`Region::System`] at the start.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub system: Hash,
}

impl ProgramRoots {
	/// The size of encoded roots in bytes.
	pub const SIZE: usize = 4 * 4 + 5 * 32;

	/// The roots in their fixed layout: little endian, in the order of declaration.
	pub fn encoded(&self) -> [u8; Self::SIZE] {
		let mut bytes = [0; Self::SIZE];
		let words = [self.entry, self.pages, self.max_pages, self.system_pages];
		for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
			place.copy_from_slice(&word.to_le_bytes());
		}
		let roots = [&self.code, &self.table, &self.globals, &self.memory, &self.system];
		for (place, root) in bytes[16..].chunks_exact_mut(32).zip(roots) {
			place.copy_from_slice(root);
		}
		bytes
	}

	/// What a program is called by: `H(PROGRAM | engine | roots | module tree | module length)`. What is judged (the
	/// roots) is what is named, and so is what is downloaded (the module). Nobody checks on chain that the two belong
	/// together: who runs a program makes the roots from the module and compares before promising anything.
	pub fn id<H: Hasher>(&self, engine: u8, module: &Blob) -> Hash {
		let mut bytes = Vec::with_capacity(2 + Self::SIZE + 36);
		bytes.extend_from_slice(&[tag::PROGRAM, engine]);
		bytes.extend_from_slice(&self.encoded());
		bytes.extend_from_slice(&module.tree);
		bytes.extend_from_slice(&module.len.to_le_bytes());
		H::hash(&bytes)
	}
}

/// What is run: everything that decides a task's outcome but the program's roots, which its id commits to.
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
pub struct Task {
	/// The machine's version.
	pub engine: u8,
	/// The program's id.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub program: Hash,
	/// Files that all tasks of a job see, at most [`MAX_IMAGE`] bytes.
	pub image: Option<Blob>,
	/// Arguments, environment, what is input and output; at most [`MAX_SETUP`] bytes. None: standard input and output.
	pub setup: Blob,
	/// The task's own input.
	pub input: Blob,
	/// What its random numbers come from.
	#[cfg_attr(feature = "serde", serde(with = "crate::hex"))]
	pub seed: [u8; 32],
	/// What it may use.
	pub limits: Limits,
}

/// Why a program and a task have no first state. Such a task is refused where it is made; it never fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
	/// It is of a version that this is not.
	Engine,
	/// The gas limit is 0 or above [`MAX_GAS`].
	Gas,
	/// The program starts with more memory than the task may use, or than there are addresses for.
	Memory {
		/// Pages that it starts with.
		needs: u64,
		/// Pages that it may have.
		limit: u32,
	},
	/// The setup is longer than [`MAX_SETUP`].
	Setup,
	/// The image is larger than [`MAX_IMAGE`].
	Image,
}

impl core::fmt::Display for Unfit {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Engine => write!(f, "the task is of another version of the machine than {VERSION}"),
			Self::Gas => write!(f, "the gas limit is not between 1 and {MAX_GAS}"),
			Self::Memory { needs, limit } => write!(
				f,
				"the program starts with {needs} pages of memory, the task may use {limit}"
			),
			Self::Setup => write!(f, "the setup is longer than {MAX_SETUP} bytes"),
			Self::Image => write!(f, "the image is larger than {MAX_IMAGE} bytes"),
		}
	}
}

impl core::error::Error for Unfit {}

impl Task {
	/// The first state of a run, with every check of a range; the only way to one. Nobody needs to have seen the program:
	/// whatever roots it claims, every step can be proven.
	///
	/// # Errors
	/// See [`Unfit`].
	pub fn first<H: Hasher>(&self, program: &ProgramRoots) -> Result<Header, Unfit> {
		if self.engine != VERSION {
			return Err(Unfit::Engine);
		}
		self.limits.check(program)?;
		if self.setup.len > MAX_SETUP {
			return Err(Unfit::Setup);
		}
		let image = self.image.unwrap_or_else(Blob::empty::<H>);
		if image.len > MAX_IMAGE {
			return Err(Unfit::Image);
		}
		let zeros = Zeros::new::<H>();
		let mut roots = Region::ALL.map(|region| *zeros.of(region.depth()));
		for (region, root) in [
			(Region::Code, program.code),
			(Region::Table, program.table),
			(Region::Globals, program.globals),
			(Region::Memory, program.memory),
			(Region::System, program.system),
			(Region::Input, self.input.tree),
			(Region::Image, image.tree),
			(Region::Setup, self.setup.tree),
		] {
			roots[region as usize] = root;
		}
		Ok(Header {
			registers: Registers {
				pc: program.entry,
				sp: 0,
				fp: 0,
				depth: 0,
				pages: program.pages,
				max_pages: program.max_pages,
				system_pages: program.system_pages,
				memory_pages: self.limits.memory_pages.min(MAX_PAGES),
				input_len: self.input.len,
				image_len: image.len,
				setup_len: self.setup.len,
				output_len: 0,
				output_max: self.limits.output,
				error_count: 0,
				gas_limit: self.limits.gas,
				gas: i64::try_from(self.limits.gas).unwrap_or(i64::MAX),
				seed: self.seed,
			},
			roots,
		})
	}
}

impl Limits {
	/// Checks that a program can start within these limits: for whoever makes jobs of it.
	///
	/// # Errors
	/// [`Unfit::Gas`], [`Unfit::Memory`].
	pub fn check(&self, program: &ProgramRoots) -> Result<(), Unfit> {
		if self.gas == 0 || self.gas > MAX_GAS {
			return Err(Unfit::Gas);
		}
		let needs = u64::from(program.pages) + u64::from(program.system_pages);
		let limit = self.memory_pages.min(MAX_PAGES);
		if needs > limit.into() {
			return Err(Unfit::Memory { needs, limit });
		}
		Ok(())
	}
}

/// The root of the first state of a run of a program with these roots.
///
/// # Errors
/// See [`Unfit`].
pub fn first_root<H: Hasher>(program: &ProgramRoots, task: &Task) -> Result<Hash, Unfit> {
	Ok(task.first::<H>(program)?.root::<H>())
}
