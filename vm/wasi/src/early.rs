//! What an early form of WASI, the module `wasi_unstable` (snapshot 0), does in another way than preview 1: the other
//! functions are the same in both.

use crate::{errno::Result, host::Host, poll::Layout, stat::Form, wasi::Wasi};

impl<H: Host> Wasi<H> {
	/// Sets the position of a file: from where it is, from the end, from the start.
	pub fn early_fd_seek(&mut self, fd: u32, offset: u64, whence: u32, at: u32) -> Result<()> {
		// In preview 1: from the start, from where it is, from the end.
		let whence = match whence {
			0 => 1,
			1 => 2,
			2 => 0,
			other => other,
		};
		self.fd_seek(fd, offset, whence, at)
	}

	/// Stores what is known of an open file, eight bytes shorter.
	pub fn early_fd_filestat_get(&mut self, fd: u32, at: u32) -> Result<()> {
		self.open_stat(fd, at, Form::Early)
	}

	/// Stores what is known of what is at a path, eight bytes shorter.
	pub fn early_path_filestat_get(&mut self, fd: u32, follow: u32, path: u32, len: u32, at: u32) -> Result<()> {
		self.path_stat(fd, follow, path, len, at, Form::Early)
	}

	/// Stores events for subscriptions, whose clocks have a number of the program's before them.
	pub fn early_poll_oneoff(&mut self, from: u32, to: u32, count: u32, done_at: u32) -> Result<()> {
		self.poll(from, to, count, done_at, Layout::EARLY)
	}
}
