//! The setup of a job: its arguments, its environment, how a task's input comes and where its output is.
//!
//! ```text
//! "MRS1" | u8 input (0 stdin, 1 arguments, 2 files) | u8 output (0 stdout, 1 file, 2 directory) | u16 0
//! | u32 argc, bytes of argv, envc, bytes of env, bytes of the output path, bytes of the input path
//! | argv (each and NUL) | env (K=V and NUL) | output path | input path
//! ```
//!
//! Of length 0 it means: standard input, standard output, one argument `program`, no environment.

use crate::{
	host::{scratch, Host, Memory, Region},
	wasi::Wasi,
};

/// Bytes of a setup, and of the arguments that a task adds.
const BYTES: u64 = 65_536;
/// Bytes before the texts.
const HEADER: u32 = 32;
/// Bytes of a path.
pub(crate) const PATH: u32 = 4_096;

/// How a task's input comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
	Stdin,
	Arguments,
	Files,
}

/// What the output is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
	Stdout,
	File,
	Directory,
}

/// Places and sizes in the setup, all of them checked.
pub(crate) struct Setup {
	pub input: Input,
	pub output: Output,
	/// The job's arguments.
	pub argc: u32,
	pub argv_len: u32,
	/// The arguments that the input adds.
	pub task_argc: u32,
	pub task_argv_len: u32,
	pub envc: u32,
	pub env_len: u32,
	pub output_path_len: u32,
	pub input_path_len: u32,
}

impl Setup {
	/// What was not read yet.
	pub const NONE: Self = Self {
		input: Input::Stdin,
		output: Output::Stdout,
		argc: 0,
		argv_len: 0,
		task_argc: 0,
		task_argv_len: 0,
		envc: 0,
		env_len: 0,
		output_path_len: 0,
		input_path_len: 0,
	};

	/// Where the arguments are.
	pub const ARGV: u32 = HEADER;

	/// Where the environment is.
	pub fn env(&self) -> u32 {
		HEADER + self.argv_len
	}

	/// Where the output's path is.
	pub fn output_path(&self) -> u32 {
		self.env() + self.env_len
	}

	/// Where the input's path is.
	pub fn input_path(&self) -> u32 {
		self.output_path() + self.output_path_len
	}
}

impl<H: Host> Wasi<H> {
	/// Reads and checks the setup. Ends the run if it is malformed.
	pub(crate) fn read_setup(&mut self) {
		let len = self.host.size(Region::Setup);
		if len == 0 {
			self.setup.argc = 1;
			self.setup.argv_len = 8;
			return;
		}
		if len < HEADER.into() || len > BYTES {
			self.malformed("setup: its size");
		}
		let at = self.scratch(scratch::RECORD);
		self.host.read(Region::Setup, Memory::Own, 0, at, HEADER);
		if self.host.load32(at, 0) != u32::from_le_bytes(*b"MRS1") || self.host.load16(at, 6) != 0 {
			self.malformed("setup: its head");
		}
		self.setup.input = match self.host.load8(at, 4) {
			0 => Input::Stdin,
			1 => Input::Arguments,
			2 => Input::Files,
			_ => self.malformed("setup: the kind of input"),
		};
		self.setup.output = match self.host.load8(at, 5) {
			0 => Output::Stdout,
			1 => Output::File,
			2 => Output::Directory,
			_ => self.malformed("setup: the kind of output"),
		};
		self.setup.argc = self.host.load32(at, 8);
		self.setup.argv_len = self.host.load32(at, 12);
		self.setup.envc = self.host.load32(at, 16);
		self.setup.env_len = self.host.load32(at, 20);
		self.setup.output_path_len = self.host.load32(at, 24);
		self.setup.input_path_len = self.host.load32(at, 28);
		let parts = [
			self.setup.argv_len,
			self.setup.env_len,
			self.setup.output_path_len,
			self.setup.input_path_len,
		];
		// After this all sums of parts are small.
		if u64::from(HEADER) + parts.iter().map(|part| u64::from(*part)).sum::<u64>() != len {
			self.malformed("setup: the sizes of its parts");
		}
		self.check_texts();
	}

	fn check_texts(&mut self) {
		if self.strings(Region::Setup, Setup::ARGV, self.setup.argv_len, false) != Some(self.setup.argc) {
			self.malformed("setup: the arguments");
		}
		if self.strings(Region::Setup, self.setup.env(), self.setup.env_len, true) != Some(self.setup.envc) {
			self.malformed("setup: the environment");
		}
		let (at, len) = (self.setup.output_path(), self.setup.output_path_len);
		if (self.setup.output == Output::Stdout) != (len == 0) || !self.one_path(at, len) {
			self.malformed("setup: the output's path");
		}
		let (at, len) = (self.setup.input_path(), self.setup.input_path_len);
		if (self.setup.input != Input::Stdin && len > 0) || !self.one_path(at, len) {
			self.malformed("setup: the input's path");
		}
		if self.setup.input == Input::Arguments {
			let len = self.host.size(Region::Input);
			if len > BYTES {
				self.malformed("input: more than 65,536 bytes of arguments");
			}
			match self.strings(Region::Input, 0, len as u32, false) {
				Some(argc) => self.setup.task_argc = argc,
				None => self.malformed("input: arguments that do not end"),
			}
			self.setup.task_argv_len = len as u32;
		}
	}

	/// How many texts there are, each with a NUL at its end; with names, each must be `K=V` and K not empty.
	#[inline(never)]
	fn strings(&mut self, region: Region, at: u32, len: u32, names: bool) -> Option<u32> {
		let mut bytes = self.bytes(region, at, len);
		let mut count = 0;
		// Bytes of the present text, and whether its name is complete.
		let (mut length, mut named) = (0, false);
		while let Some(byte) = bytes.next(self) {
			if byte == 0 {
				if names && !named {
					return None;
				}
				count += 1;
				(length, named) = (0, false);
			} else {
				if byte == u32::from(b'=') {
					named |= length > 0;
					// `=` may come first in a value, never in a name.
					if names && length == 0 {
						return None;
					}
				}
				length += 1;
			}
		}
		(length == 0).then_some(count)
	}

	/// Whether a path may be one: no NUL in it, not too long.
	#[inline(never)]
	fn one_path(&mut self, at: u32, len: u32) -> bool {
		if len > PATH {
			return false;
		}
		let mut bytes = self.bytes(Region::Setup, at, len);
		while let Some(byte) = bytes.next(self) {
			if byte == 0 {
				return false;
			}
		}
		true
	}

	/// Bytes of input that are standard input.
	pub(crate) fn stdin_len(&self) -> u32 {
		match self.setup.input {
			Input::Stdin => self.host.size(Region::Input) as u32,
			_ => 0,
		}
	}
}
