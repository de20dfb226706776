//! The end of a program, and what gives way to others of which there are none.

use crate::{
	errno::{Errno, Result},
	host::{Host, Status},
	setup::Output,
	wasi::Wasi,
};

/// Signals are below.
const SIGNALS: u32 = 31;

impl<H: Host> Wasi<H> {
	/// Ends the program, and writes the output first if it is a file or a directory.
	pub fn proc_exit(&mut self, code: u32) -> ! {
		let there = match self.setup.output {
			Output::Stdout => true,
			_ if !H::FILES => false,
			Output::File => self.output_file(code),
			Output::Directory => self.output_directory(code),
		};
		let status = match (code, there) {
			(0, true) => Status::Success,
			(0, false) => Status::NoOutput,
			_ => Status::Exit,
		};
		self.host.halt(status, code)
	}

	/// Ends the program as a shell reports a signal, by the exit code 128 and its number.
	pub fn proc_raise(&mut self, signal: u32) -> Result<()> {
		match signal {
			0 => Ok(()),
			1..SIGNALS => self.proc_exit(128 + signal),
			_ => Err(Errno::Inval),
		}
	}

	/// Does nothing.
	pub fn sched_yield(&mut self) -> Result<()> {
		Ok(())
	}

	/// Fails: there are no sockets.
	pub fn sock_accept(&mut self, fd: u32, _flags: u32, _at: u32) -> Result<()> {
		self.no_socket(fd)
	}

	/// Fails: there are no sockets.
	pub fn sock_recv(&mut self, fd: u32, _list: u32, _count: u32, _flags: u32, _at: u32, _flags_at: u32) -> Result<()> {
		self.no_socket(fd)
	}

	/// Fails: there are no sockets.
	pub fn sock_send(&mut self, fd: u32, _list: u32, _count: u32, _flags: u32, _at: u32) -> Result<()> {
		self.no_socket(fd)
	}

	/// Fails: there are no sockets.
	pub fn sock_shutdown(&mut self, fd: u32, _how: u32) -> Result<()> {
		self.no_socket(fd)
	}

	fn no_socket(&self, fd: u32) -> Result<()> {
		self.slot(fd)?;
		Err(Errno::NotSock)
	}
}
