//! The part of WASI preview 1 that jobs may use: standard input and output, a clock that stands still, random bytes
//! seeded by the task. Nothing here depends on the machine, and every call is paid for.
//!
//! A pointer outside the memory gives `EFAULT`, an unknown file `EBADF`, as in any WASI; neither touches the host.

use super::{engine::Memory, Task};
use codec::Encode;
use millrace_primitives::merkle;
use std::ops::Range;
use wasmtime::{Caller, Extern, Linker, Trap};

/// The module that programs import from.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// What every call costs beside the bytes that it moves.
pub const CALL_GAS: u64 = 100;
/// What a byte of standard output costs: beside being moved it is hashed, written to disk and kept.
pub const OUTPUT_GAS: u64 = 32;
/// What a random byte costs: 32 of them are a hash.
pub const RANDOM_GAS: u64 = 16;
/// What every `iovec` costs beside its bytes.
const SLICE_GAS: u64 = 8;
/// How much of standard error is kept.
const STDERR_TAIL: usize = 4 * 1024;

/// Every function that a program may import, with its type.
pub const FUNCTIONS: &[(&str, &str)] = &[
	("args_get", "(i32, i32) -> i32"),
	("args_sizes_get", "(i32, i32) -> i32"),
	("clock_res_get", "(i32, i32) -> i32"),
	("clock_time_get", "(i32, i64, i32) -> i32"),
	("environ_get", "(i32, i32) -> i32"),
	("environ_sizes_get", "(i32, i32) -> i32"),
	("fd_close", "(i32) -> i32"),
	("fd_fdstat_get", "(i32, i32) -> i32"),
	("fd_prestat_dir_name", "(i32, i32, i32) -> i32"),
	("fd_prestat_get", "(i32, i32) -> i32"),
	("fd_read", "(i32, i32, i32, i32) -> i32"),
	("fd_seek", "(i32, i64, i32, i32) -> i32"),
	("fd_write", "(i32, i32, i32, i32) -> i32"),
	("proc_exit", "(i32)"),
	("random_get", "(i32, i32) -> i32"),
	("sched_yield", "() -> i32"),
];

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// Error numbers of WASI preview 1.
mod errno {
	pub const SUCCESS: u32 = 0;
	pub const BADF: u32 = 8;
	pub const FAULT: u32 = 21;
	pub const INVAL: u32 = 28;
	pub const SPIPE: u32 = 70;
}

/// Why a call ended the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum End {
	/// The program called `proc_exit`.
	#[error("the program exited with code {0}")]
	Exit(u32),
	/// The program wrote more than its output limit.
	#[error("the program wrote more than the {0} bytes that the job allows")]
	OutputLimit(usize),
}

/// All that a task can see and change.
pub struct World {
	/// Bounds its memory.
	pub memory: Memory,
	/// The program's memory, once it was looked up.
	exported: Option<wasmtime::Memory>,
	input: Vec<u8>,
	read: usize,
	output: Vec<u8>,
	output_limit: usize,
	stderr: Vec<u8>,
	random: Random,
}

impl World {
	/// The world of a task before it starts.
	pub fn new(task: &Task, input: Vec<u8>) -> Self {
		Self {
			memory: Memory::new(task),
			exported: None,
			input,
			read: 0,
			output: Vec::new(),
			output_limit: task.output_limit as usize,
			stderr: Vec::new(),
			random: Random::new(task),
		}
	}

	/// What was written to standard output, the last of what was written to standard error, and the host's trouble.
	pub fn into_parts(mut self) -> (Vec<u8>, Vec<u8>, Option<String>) {
		let excess = self.stderr.len().saturating_sub(STDERR_TAIL);
		self.stderr.drain(..excess);
		(self.output, self.stderr, self.memory.trouble)
	}

	fn write(&mut self, fd: u32, bytes: &[u8]) {
		if fd == STDOUT {
			self.output.extend_from_slice(bytes);
			return;
		}
		let tail = &bytes[bytes.len().saturating_sub(STDERR_TAIL)..];
		self.stderr.extend_from_slice(tail);
		if self.stderr.len() > 4 * STDERR_TAIL {
			let excess = self.stderr.len() - STDERR_TAIL;
			self.stderr.drain(..excess);
		}
	}
}

/// Random bytes: `H("millrace:random" | input root | task | n)` for n = 0, 1, ...
struct Random {
	/// What is hashed, with `n` in its last eight bytes.
	preimage: Vec<u8>,
	block: u64,
	bytes: [u8; 32],
	/// How many of `bytes` are used.
	used: usize,
}

impl Random {
	fn new(task: &Task) -> Self {
		Self {
			preimage: (b"millrace:random", task.input_root, task.index, 0u64).encode(),
			block: 0,
			bytes: [0; 32],
			used: 32,
		}
	}

	fn fill(&mut self, mut buffer: &mut [u8]) {
		while !buffer.is_empty() {
			if self.used >= self.bytes.len() {
				let n = self.preimage.len() - 8;
				self.preimage[n..].copy_from_slice(&self.block.to_le_bytes());
				self.block = self.block.wrapping_add(1);
				self.bytes = merkle::hash(&self.preimage).0;
				self.used = 0;
			}
			let count = buffer.len().min(self.bytes.len() - self.used);
			let (now, later) = buffer.split_at_mut(count);
			now.copy_from_slice(&self.bytes[self.used..self.used + count]);
			self.used += count;
			buffer = later;
		}
	}
}

type Host<'a> = Caller<'a, World>;
type Answer = wasmtime::Result<u32>;

/// Defines [`FUNCTIONS`].
pub fn link(linker: &mut Linker<World>) -> wasmtime::Result<()> {
	linker
		.func_wrap(MODULE, "args_get", |host: Host, _: u32, _: u32| done(host))?
		.func_wrap(MODULE, "args_sizes_get", nothing)?
		.func_wrap(MODULE, "clock_res_get", |host: Host, id: u32, at: u32| {
			clock(host, id, at, 1)
		})?
		.func_wrap(MODULE, "clock_time_get", |host: Host, id: u32, _: u64, at: u32| {
			clock(host, id, at, 0)
		})?
		.func_wrap(MODULE, "environ_get", |host: Host, _: u32, _: u32| done(host))?
		.func_wrap(MODULE, "environ_sizes_get", nothing)?
		.func_wrap(MODULE, "fd_close", |host: Host, fd: u32| {
			known(host, fd, errno::SUCCESS)
		})?
		.func_wrap(MODULE, "fd_fdstat_get", fd_fdstat_get)?
		.func_wrap(MODULE, "fd_prestat_dir_name", |host: Host, _: u32, _: u32, _: u32| {
			no_directory(host)
		})?
		.func_wrap(MODULE, "fd_prestat_get", |host: Host, _: u32, _: u32| {
			no_directory(host)
		})?
		.func_wrap(MODULE, "fd_read", fd_read)?
		.func_wrap(MODULE, "fd_seek", |host: Host, fd: u32, _: u64, _: u32, _: u32| {
			known(host, fd, errno::SPIPE)
		})?
		.func_wrap(MODULE, "fd_write", fd_write)?
		.func_wrap(MODULE, "proc_exit", proc_exit)?
		.func_wrap(MODULE, "random_get", random_get)?
		.func_wrap(MODULE, "sched_yield", done)?;
	Ok(())
}

/// Takes gas, and what is owed for memory; out of gas is a trap like any other.
fn charge(host: &mut Host, gas: u64) -> wasmtime::Result<()> {
	let gas = gas.saturating_add(std::mem::take(&mut host.data_mut().memory.owed));
	match host.get_fuel()?.checked_sub(gas) {
		Some(rest) => host.set_fuel(rest),
		None => {
			host.set_fuel(0)?;
			Err(Trap::OutOfFuel.into())
		}
	}
}

/// The program's memory and its world.
fn parts<'a>(host: &'a mut Host) -> wasmtime::Result<(&'a mut [u8], &'a mut World)> {
	if host.data().exported.is_none() {
		// A lookup by name takes longer than most calls.
		host.data_mut().exported = host.get_export("memory").and_then(Extern::into_memory);
	}
	match host.data().exported {
		Some(memory) => Ok(memory.data_and_store_mut(host)),
		// Modules without it are refused before they run.
		None => Err(Trap::MemoryOutOfBounds.into()),
	}
}

/// The bytes from `at` on, if they are inside the memory.
fn slice(memory: &[u8], at: u32, len: u64) -> Option<Range<usize>> {
	let end = u64::from(at)
		.checked_add(len)
		.filter(|end| *end <= memory.len() as u64)?;
	Some(at as usize..usize::try_from(end).ok()?)
}

fn load(memory: &[u8], at: u32) -> Option<u32> {
	let bytes = memory.get(slice(memory, at, 4)?)?;
	Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Writes a result; the error number of doing so.
fn store(host: &mut Host, at: u32, bytes: &[u8]) -> Answer {
	let (memory, _) = parts(host)?;
	match slice(memory, at, bytes.len() as u64) {
		Some(range) => memory[range].copy_from_slice(bytes),
		None => return Ok(errno::FAULT),
	}
	Ok(errno::SUCCESS)
}

fn done(mut host: Host) -> Answer {
	charge(&mut host, CALL_GAS)?;
	Ok(errno::SUCCESS)
}

fn no_directory(mut host: Host) -> Answer {
	charge(&mut host, CALL_GAS)?;
	Ok(errno::BADF)
}

/// The answer for one of the three files that there are.
fn known(mut host: Host, fd: u32, answer: u32) -> Answer {
	charge(&mut host, CALL_GAS)?;
	Ok(if fd <= STDERR { answer } else { errno::BADF })
}

/// No arguments and no environment: zero entries, zero bytes.
fn nothing(mut host: Host, count_at: u32, size_at: u32) -> Answer {
	charge(&mut host, CALL_GAS)?;
	match store(&mut host, count_at, &[0; 4])? {
		errno::SUCCESS => store(&mut host, size_at, &[0; 4]),
		error => Ok(error),
	}
}

fn clock(mut host: Host, id: u32, at: u32, nanoseconds: u64) -> Answer {
	charge(&mut host, CALL_GAS)?;
	if id > 3 {
		return Ok(errno::INVAL);
	}
	store(&mut host, at, &nanoseconds.to_le_bytes())
}

fn fd_fdstat_get(mut host: Host, fd: u32, at: u32) -> Answer {
	charge(&mut host, CALL_GAS)?;
	let rights: u64 = match fd {
		STDIN => 1 << 1,
		STDOUT | STDERR => 1 << 6,
		_ => return Ok(errno::BADF),
	};
	// File type 0, unknown: what is no terminal is buffered by C libraries.
	let mut stat = [0; 24];
	stat[8..16].copy_from_slice(&rights.to_le_bytes());
	store(&mut host, at, &stat)
}

/// The total length of a list of `iovec`s; `None` if the list or what it points to is outside the memory.
fn total(memory: &[u8], list: u32, count: u32) -> Option<u64> {
	let list = slice(memory, list, u64::from(count) * 8)?;
	let mut total = 0u64;
	for entry in memory[list].chunks_exact(8) {
		let (at, len) = entry_of(entry);
		slice(memory, at, len.into())?;
		// At most 2^29 entries of at most 2^32 bytes each.
		total = total.checked_add(len.into())?;
	}
	Some(total)
}

fn entry_of(entry: &[u8]) -> (u32, u32) {
	let word = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
	(word(0), word(4))
}

fn fd_read(mut host: Host, fd: u32, list: u32, count: u32, done_at: u32) -> Answer {
	charge(&mut host, CALL_GAS + u64::from(count) * SLICE_GAS)?;
	if fd != STDIN {
		return Ok(errno::BADF);
	}
	let (memory, world) = parts(&mut host)?;
	let Some(room) = total(memory, list, count) else {
		return Ok(errno::FAULT);
	};
	let bytes = room.min((world.input.len() - world.read) as u64);
	charge(&mut host, bytes)?;
	let (memory, world) = parts(&mut host)?;
	let mut left = bytes as usize;
	for index in 0..count {
		// Read anew each time, since the program may have laid its buffers over the list.
		let (Some(at), Some(len)) = (load(memory, list + index * 8), load(memory, list + index * 8 + 4)) else {
			return Ok(errno::FAULT);
		};
		let len = (len as usize).min(left);
		let Some(range) = slice(memory, at, len as u64) else {
			return Ok(errno::FAULT);
		};
		memory[range].copy_from_slice(&world.input[world.read..world.read + len]);
		world.read += len;
		left -= len;
		if left == 0 {
			break;
		}
	}
	let moved = (bytes as usize - left) as u32;
	store(&mut host, done_at, &moved.to_le_bytes())
}

fn fd_write(mut host: Host, fd: u32, list: u32, count: u32, done_at: u32) -> Answer {
	charge(&mut host, CALL_GAS + u64::from(count) * SLICE_GAS)?;
	if fd != STDOUT && fd != STDERR {
		return Ok(errno::BADF);
	}
	let (memory, world) = parts(&mut host)?;
	let Some(bytes) = total(memory, list, count) else {
		return Ok(errno::FAULT);
	};
	let Ok(moved) = u32::try_from(bytes) else {
		return Ok(errno::INVAL);
	};
	if fd == STDOUT && bytes > (world.output_limit - world.output.len()) as u64 {
		return Err(End::OutputLimit(world.output_limit).into());
	}
	let price = if fd == STDOUT { OUTPUT_GAS } else { 1 };
	charge(&mut host, bytes.saturating_mul(price))?;
	let (memory, world) = parts(&mut host)?;
	for index in 0..count {
		let (Some(at), Some(len)) = (load(memory, list + index * 8), load(memory, list + index * 8 + 4)) else {
			return Ok(errno::FAULT);
		};
		let Some(range) = slice(memory, at, len.into()) else {
			return Ok(errno::FAULT);
		};
		world.write(fd, &memory[range]);
	}
	store(&mut host, done_at, &moved.to_le_bytes())
}

fn proc_exit(mut host: Host, code: u32) -> wasmtime::Result<()> {
	charge(&mut host, CALL_GAS)?;
	Err(End::Exit(code).into())
}

fn random_get(mut host: Host, at: u32, len: u32) -> Answer {
	charge(&mut host, CALL_GAS)?;
	let (memory, _) = parts(&mut host)?;
	let Some(range) = slice(memory, at, len.into()) else {
		return Ok(errno::FAULT);
	};
	charge(&mut host, u64::from(len).saturating_mul(RANDOM_GAS))?;
	let (memory, world) = parts(&mut host)?;
	world.random.fill(&mut memory[range]);
	Ok(errno::SUCCESS)
}
