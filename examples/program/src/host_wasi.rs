//! The host's side as seen from WebAssembly: three functions of WASI preview 1, and the panic handler.
#![allow(
	unsafe_code,
	reason = "foreign functions are unsafe by definition; every call is wrapped here"
)]

use crate::{Error, Result, Vec};
use core::{
	fmt::{self, Write},
	panic::PanicInfo,
};

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// How much is asked for at a time at the least; the buffer doubles as it fills.
const READ_AT_LEAST: usize = 16 * 1024;

/// `ciovec` and `iovec` of WASI preview 1: same layout, const or mut.
#[repr(C)]
struct Slice {
	start: *const u8,
	length: usize,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
	fn fd_read(fd: u32, slices: *const Slice, count: usize, done: *mut usize) -> u32;
	fn fd_write(fd: u32, slices: *const Slice, count: usize, done: *mut usize) -> u32;
	fn proc_exit(code: u32) -> !;
}

/// Reads into `buffer`; the number of bytes, 0 at the end, or the host's error number.
fn read(buffer: &mut [u8]) -> core::result::Result<usize, u32> {
	let slice = Slice {
		start: buffer.as_mut_ptr(),
		length: buffer.len(),
	};
	let mut done = 0;
	// SAFETY: one slice, which is exclusively borrowed and stays in place during the call.
	match unsafe { fd_read(STDIN, &slice, 1, &mut done) } {
		0 => Ok(done.min(buffer.len())),
		number => Err(number),
	}
}

/// Writes a part of `data`; the number of bytes or the host's error number.
fn write(fd: u32, data: &[u8]) -> core::result::Result<usize, u32> {
	let slice = Slice {
		start: data.as_ptr(),
		length: data.len(),
	};
	let mut done = 0;
	// SAFETY: one slice, which is borrowed during the call; the host only reads it.
	match unsafe { fd_write(fd, &slice, 1, &mut done) } {
		0 => Ok(done.min(data.len())),
		number => Err(number),
	}
}

pub(crate) fn read_input() -> Result<Vec<u8>> {
	let mut input: Vec<u8> = Vec::new();
	let mut length = 0;
	loop {
		if input.len() - length < READ_AT_LEAST {
			input.resize((2 * input.len()).max(2 * READ_AT_LEAST), 0);
		}
		match read(&mut input[length..]) {
			Ok(0) => break,
			Ok(count) => length += count,
			Err(_) => return Err(Error::from("cannot read the input")),
		}
	}
	input.truncate(length);
	Ok(input)
}

pub(crate) fn write_output(mut output: &[u8]) -> Result<()> {
	while !output.is_empty() {
		match write(STDOUT, output) {
			Ok(count) if count > 0 => output = &output[count..],
			_ => return Err(Error::from("cannot write the output")),
		}
	}
	Ok(())
}

struct Stderr;

impl Write for Stderr {
	fn write_str(&mut self, text: &str) -> fmt::Result {
		let mut rest = text.as_bytes();
		while !rest.is_empty() {
			match write(STDERR, rest) {
				Ok(count) if count > 0 => rest = &rest[count..],
				_ => return Err(fmt::Error),
			}
		}
		Ok(())
	}
}

/// A line on standard error. A host that does not take it changes nothing: the exit code tells the rest.
pub(crate) fn complain(text: &str) {
	let _ = writeln!(Stderr, "{text}");
}

pub(crate) fn exit(code: u32) -> ! {
	// SAFETY: takes a number and does not return.
	unsafe { proc_exit(code) }
}

#[panic_handler]
fn on_panic(info: &PanicInfo) -> ! {
	let _ = writeln!(Stderr, "{info}");
	exit(101)
}
