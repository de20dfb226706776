//! The state of all functions, and what they share.

use crate::{
	alloc::Heap,
	errno::{Errno, Result},
	host::{scratch, Host, Memory, Region, Status},
	layers::Layer,
	node::Node,
	random::Random,
	setup::Setup,
	table::Table,
};

/// File descriptors that may be open at once.
pub const FDS: usize = 1_024;

/// What a file descriptor is, unless it is the address of an open file's record. No record lies so low.
pub(crate) mod slot {
	/// Closed.
	pub const CLOSED: u32 = 0;
	/// Standard input.
	pub const STDIN: u32 = 1;
	/// Standard output.
	pub const STDOUT: u32 = 2;
	/// Standard error.
	pub const STDERR: u32 = 3;
	/// The root, which is open from the start.
	pub const ROOT: u32 = 4;
}

/// All functions of WASI preview 1, and what they remember between calls. All zero at the start; the first call reads
/// the job's setup.
// One layout for any host without a size, see `wasm.rs`.
#[repr(C)]
pub struct Wasi<H> {
	/// The world.
	pub host: H,
	pub(crate) started: bool,
	pub(crate) setup: Setup,
	/// What each file descriptor is.
	pub(crate) fds: [u32; FDS],
	/// None below is free.
	pub(crate) lowest: u32,
	/// The flags of the four that have no record, by [`slot`].
	pub(crate) flags: [u8; 5],
	/// Bytes of standard input that were read.
	pub(crate) read: u32,
	/// Bytes of output that were written.
	pub(crate) written: u64,
	/// Bytes of output that may be written.
	pub(crate) limit: u64,
	pub(crate) random: Random,
	/// Nanoseconds that the program waited for.
	pub(crate) waited: u64,
	/// The real time at the start in nanoseconds, once it was asked for.
	pub(crate) epoch: u64,
	/// Whether files can be used.
	pub(crate) ready: bool,
	pub(crate) root: Node,
	pub(crate) heap: Heap,
	pub(crate) table: Table,
	/// The archives of the input and of the image.
	pub(crate) layers: [Layer; 2],
}

impl<H: Host> Wasi<H> {
	/// Nothing has happened yet.
	pub const fn new(host: H) -> Self {
		Self {
			host,
			started: false,
			setup: Setup::NONE,
			fds: [slot::CLOSED; FDS],
			lowest: 0,
			flags: [0; 5],
			read: 0,
			written: 0,
			limit: 0,
			random: Random::UNSEEDED,
			waited: 0,
			epoch: 0,
			ready: false,
			root: Node(0),
			heap: Heap::UNUSED,
			table: Table::UNUSED,
			layers: [Layer::NONE; 2],
		}
	}

	/// Comes before every function.
	#[inline]
	pub fn start(&mut self) {
		if !self.started {
			self.begin();
		}
	}

	#[cold]
	#[inline(never)]
	fn begin(&mut self) {
		self.started = true;
		for (fd, slot) in self.fds.iter_mut().zip(slot::STDIN..=slot::ROOT) {
			*fd = slot;
		}
		self.limit = self.host.output_limit();
		self.read_setup();
	}

	/// Ends the run, since what the task came with is not what it should be.
	#[cold]
	pub(crate) fn malformed(&mut self, reason: &'static str) -> ! {
		self.host.reason(reason);
		self.host.halt(Status::Malformed, 0)
	}

	/// An address in the scratch room.
	pub(crate) fn scratch(&self, offset: u32) -> u32 {
		self.host.scratch() + offset
	}

	/// Whether so many bytes are inside the program's memory.
	pub(crate) fn inside(&self, at: u32, len: u64) -> Result<()> {
		if u64::from(at) + len > u64::from(self.host.program_size()) << 16 {
			return Err(Errno::Fault);
		}
		Ok(())
	}

	/// A buffer of a list, which is inside: its address and its length.
	pub(crate) fn buffer(&self, list: u32, i: u32) -> (u32, u32) {
		let pair = self.host.program_load64(list + 8 * i);
		(pair as u32, (pair >> 32) as u32)
	}

	/// The bytes of a list of buffers, all of which are inside the program's memory.
	pub(crate) fn total(&self, list: u32, count: u32) -> Result<u64> {
		self.inside(list, 8 * u64::from(count))?;
		let mut sum = 0;
		for i in 0..count {
			let (at, len) = self.buffer(list, i);
			self.inside(at, len.into())?;
			sum += u64::from(len);
		}
		Ok(sum)
	}

	/// What an open file descriptor is.
	pub(crate) fn slot(&self, fd: u32) -> Result<u32> {
		match self.fds.get(fd as usize) {
			None | Some(&slot::CLOSED) => Err(Errno::BadF),
			Some(slot) => Ok(*slot),
		}
	}

	/// A byte of a region at a time.
	pub(crate) fn bytes(&mut self, region: Region, at: u32, len: u32) -> Bytes {
		Bytes {
			region,
			at,
			end: at + len,
			have: 0,
		}
	}
}

/// Goes through bytes of a region, a piece at a time in the scratch room.
pub(crate) struct Bytes {
	region: Region,
	at: u32,
	end: u32,
	/// Bytes that are there and were not taken; they end where a multiple of the room's length ends, or at the end.
	have: u32,
}

impl Bytes {
	/// The next byte.
	pub fn next<H: Host>(&mut self, wasi: &mut Wasi<H>) -> Option<u32> {
		let room = wasi.scratch(scratch::RECORD);
		let left = self.end - self.at;
		if self.have == 0 {
			if left == 0 {
				return None;
			}
			self.have = left.min(scratch::RECORD_LEN);
			// At the room's end, so that the place of a byte follows from how many come after it.
			let to = room + scratch::RECORD_LEN - self.have;
			wasi.host.read(self.region, Memory::Own, self.at, to, self.have);
		}
		let byte = wasi.host.load8(room + scratch::RECORD_LEN - self.have, 0);
		self.have -= 1;
		self.at += 1;
		Some(byte)
	}
}
