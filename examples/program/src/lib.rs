//! A program of this crate maps the bytes of one input to the bytes of one output, and needs nothing else: no arguments,
//! no files, no clock. What does need them is an ordinary program for `wasm32-wasip1` (docs/programs.md).
//!
//! ```no_run
//! #![cfg_attr(target_arch = "wasm32", no_std, no_main)]
//! use millrace_program::{Result, Vec};
//!
//! fn shout(input: &[u8], output: &mut Vec<u8>) -> Result<()> {
//!     output.extend(input.iter().map(u8::to_ascii_uppercase));
//!     Ok(())
//! }
//! millrace_program::main!(shout);
//! ```
//!
//! Built for `wasm32v1-none` the module exports `memory` and `_start` and imports `fd_read`, `fd_write` and
//! `proc_exit` of WASI preview 1. Built for the host the same source is an ordinary filter from standard input
//! to standard output, which is how to try and debug it.
//!
//! How a run ends: `Ok` is exit code 0; an [`Error`] is exit code 1 with its text on standard error; a panic is
//! exit code 101 with its text on standard error. An exit code other than 0 is a result like any other; its output is
//! empty here, and the text is part of it.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod bytes;
pub mod text;

#[cfg(any(target_arch = "wasm32", test))]
mod heap;
#[cfg_attr(target_arch = "wasm32", path = "host_wasi.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "host_std.rs")]
mod host;

pub use alloc::{borrow::Cow, format, string::String, vec, vec::Vec};

/// Why an input cannot be computed, in words for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Cow<'static, str>);

impl Error {
	/// The words.
	pub fn as_str(&self) -> &str {
		&self.0
	}
}

impl From<&'static str> for Error {
	fn from(text: &'static str) -> Self {
		Self(Cow::Borrowed(text))
	}
}

impl From<String> for Error {
	fn from(text: String) -> Self {
		Self(Cow::Owned(text))
	}
}

/// What a program and the helpers in this crate return.
pub type Result<T> = core::result::Result<T, Error>;

/// Makes `function` the program: `fn(&[u8], &mut Vec<u8>) -> Result<()>`, the whole input to the whole output.
#[macro_export]
macro_rules! main {
	($function:path) => {
		/// The entry that the host calls once.
		#[cfg(target_arch = "wasm32")]
		#[allow(
			unsafe_code,
			reason = "an entry needs a fixed symbol name; nothing else is called `_start`"
		)]
		#[no_mangle]
		pub extern "C" fn _start() {
			$crate::run($function)
		}

		#[cfg(not(target_arch = "wasm32"))]
		fn main() {
			$crate::run($function)
		}
	};
}

/// Reads the input, calls `program`, writes the output, and ends the process. [`main!`] calls it.
pub fn run(program: fn(&[u8], &mut Vec<u8>) -> Result<()>) {
	let mut output = Vec::new();
	let result = host::read_input()
		.and_then(|input| program(&input, &mut output))
		.and_then(|()| host::write_output(&output));
	if let Err(error) = result {
		host::complain(error.as_str());
		host::exit(1);
	}
}
