//! What the functions of WASI are built upon: the program's memory, their own, the task's data, gas and the end.
//!
//! In a program most of it is single instructions, since the normaliser replaces the imports of this name; see
//! `wasm.rs`. Natively it is vectors; see `tools/native.rs`.

/// Data that a task comes with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Region {
	/// The task's input.
	Input = 0,
	/// The job's image of files.
	Image = 1,
	/// The job's setup.
	Setup = 2,
}

/// A memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Memory {
	/// The program's.
	Program = 0,
	/// The one of these functions.
	Own = 1,
}

/// How a run ends, as far as these functions end it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Status {
	/// The exit code is 0.
	Success = 0,
	/// The exit code is another.
	Exit = 1,
	/// More output than the task may have.
	OutputTooLong = 5,
	/// The program succeeded and left no output.
	NoOutput = 6,
	/// The setup or an archive of the task is not what it should be.
	Malformed = 7,
}

/// Where the machine keeps things apart that belong to the functions and not to the heap; offsets from
/// [`Host::scratch`].
pub mod scratch {
	/// The text of a path.
	pub const PATH: u32 = 0;
	/// The last component of a first path, while a second one is walked.
	pub const NAME: u32 = 4_096;
	/// An entry of a directory as a program gets it: 24 bytes and the name.
	pub const LISTED: u32 = 4_352;
	/// A record of an index or an archive; in an index, the name comes 32 bytes later.
	pub const RECORD: u32 = 4_640;
	/// Bytes of [`RECORD`].
	pub const RECORD_LEN: u32 = 512;
	/// Zeros, which are never written to.
	pub const ZEROS: u32 = 5_152;
	/// Bytes of [`ZEROS`].
	pub const ZEROS_LEN: u32 = 1_024;
	/// Bytes of it all.
	pub const LEN: u32 = 6_176;
}

/// The world of the functions. Addresses outside a memory end the run with a trap, so whoever takes one from a program
/// checks it first.
pub trait Host {
	/// Whether the program can open files. One that imports no function for it has standard streams alone: what is
	/// linked into it is a fraction, and an output that is a file is not there.
	const FILES: bool;

	/// A byte of the program's memory.
	fn program_load8(&self, at: u32) -> u32;
	/// Four bytes of the program's memory.
	fn program_load32(&self, at: u32) -> u32;
	/// Eight bytes of the program's memory.
	fn program_load64(&self, at: u32) -> u64;
	/// Stores a byte in the program's memory.
	fn program_store8(&mut self, at: u32, value: u32);
	/// Stores four bytes in the program's memory.
	fn program_store32(&mut self, at: u32, value: u32);
	/// Stores eight bytes in the program's memory.
	fn program_store64(&mut self, at: u32, value: u64);
	/// Pages of 64 KiB of the program's memory.
	fn program_size(&self) -> u32;
	/// Copies from the program's memory to our own.
	fn copy_in(&mut self, to: u32, from: u32, n: u32);
	/// Copies from our own memory to the program's.
	fn copy_out(&mut self, to: u32, from: u32, n: u32);

	/// Gas that is left.
	fn gas_left(&self) -> u64;
	/// Gas that the run had at its start.
	fn gas_limit(&self) -> u64;
	/// Bytes of a region.
	fn size(&self, region: Region) -> u64;
	/// Bytes that the output may have.
	fn output_limit(&self) -> u64;
	/// Copies `n` bytes of a region, from the `at`th on, to a memory.
	fn read(&mut self, region: Region, memory: Memory, at: u32, to: u32, n: u32);
	/// Appends to the output, which must have room for it.
	fn output(&mut self, memory: Memory, from: u32, n: u32);
	/// Appends to the tail of errors.
	fn error(&mut self, memory: Memory, from: u32, n: u32);
	/// Appends a text of these functions to the tail of errors.
	fn reason(&mut self, text: &'static str);
	/// A word of the task's seed; `i` is below 4.
	fn seed(&self, i: u32) -> u64;
	/// Ends the run.
	fn halt(&mut self, status: Status, code: u32) -> !;

	/// A byte of our own memory.
	fn load8(&self, at: u32, offset: u32) -> u32;
	/// Two bytes of our own memory.
	fn load16(&self, at: u32, offset: u32) -> u32;
	/// Four bytes of our own memory.
	fn load32(&self, at: u32, offset: u32) -> u32;
	/// Eight bytes of our own memory.
	fn load64(&self, at: u32, offset: u32) -> u64;
	/// Stores a byte in our own memory.
	fn store8(&mut self, at: u32, offset: u32, value: u32);
	/// Stores two bytes in our own memory.
	fn store16(&mut self, at: u32, offset: u32, value: u32);
	/// Stores four bytes in our own memory.
	fn store32(&mut self, at: u32, offset: u32, value: u32);
	/// Stores eight bytes in our own memory.
	fn store64(&mut self, at: u32, offset: u32, value: u64);
	/// Copies within our own memory; the places may overlap.
	fn copy(&mut self, to: u32, from: u32, n: u32);
	/// Sets bytes of our own memory to zero.
	fn clear(&mut self, at: u32, n: u32);
	/// Pages of 64 KiB of our own memory.
	fn pages(&self) -> u32;
	/// Adds pages, which are zero, to our own memory, if the budget has as many.
	fn grow(&mut self, pages: u32) -> bool;
	/// The first address that is free for a heap.
	fn heap(&self) -> u32;
	/// The address of the room that [`scratch`] divides.
	fn scratch(&self) -> u32;
}
