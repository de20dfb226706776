//! Reading and writing by lists of buffers, and positions.

use crate::{
	errno::{Errno, Result},
	fd::{flags, open, Use},
	host::{Host, Memory, Region, Status},
	node::{field, kind, Node},
	setup::Output,
	wasi::{slot, Wasi},
};

/// Offsets are at most this, since they are signed.
const OFFSET: u64 = (1 << 63) - 1;

impl<H: Host> Wasi<H> {
	/// Reads into a list of buffers and stores how many bytes there were.
	pub fn fd_read(&mut self, fd: u32, list: u32, count: u32, done_at: u32) -> Result<()> {
		if self.slot(fd)? == slot::STDIN {
			let (at, end) = (self.read, self.stdin_len());
			self.read = self.read_list(None, at, end, list, count, done_at)?;
			return Ok(());
		}
		let (record, node) = self.file(fd, Use::Read, Errno::BadF)?;
		let at = self.host.load64(record, open::AT);
		let read = self.read_node(node, at, list, count, done_at)?;
		self.host.store64(record, open::AT, at + read);
		Ok(())
	}

	/// Reads from an offset of a file.
	pub fn fd_pread(&mut self, fd: u32, list: u32, count: u32, offset: u64, done_at: u32) -> Result<()> {
		let (_, node) = self.file(fd, Use::Read, Errno::SPipe)?;
		if offset > OFFSET {
			return Err(Errno::Inval);
		}
		self.read_node(node, offset, list, count, done_at).map(|_| ())
	}

	/// Reads from an offset of a file: how many bytes.
	fn read_node(&mut self, node: Node, at: u64, list: u32, count: u32, done_at: u32) -> Result<u64> {
		let end = self.get(node, field::SIZE);
		let at = at.min(end.into()) as u32;
		let after = self.read_list(Some(node), at, end, list, count, done_at)?;
		Ok(u64::from(after - at))
	}

	/// Reads from a place of a file, or of standard input, which ends at `end`: the place after it.
	#[inline(never)]
	fn read_list(&mut self, node: Option<Node>, at: u32, end: u32, list: u32, count: u32, done_at: u32) -> Result<u32> {
		let total = self.total(list, count)?;
		self.inside(done_at, 4)?;
		let mut left = total.min(u64::from(end - at)) as u32;
		let mut after = at;
		for i in 0..count {
			if left == 0 {
				break;
			}
			// Read anew each time, since the program may have laid its buffers over the list.
			let (to, len) = self.buffer(list, i);
			let len = len.min(left);
			self.inside(to, len.into())?;
			if len > 0 {
				match node {
					Some(node) => self.read_file(node, after, to, len),
					None => self.host.read(Region::Input, Memory::Program, after, to, len),
				}
				after += len;
				left -= len;
			}
		}
		self.host.program_store32(done_at, after - at);
		Ok(after)
	}

	/// Writes a list of buffers and stores how many bytes of it were written.
	pub fn fd_write(&mut self, fd: u32, list: u32, count: u32, done_at: u32) -> Result<()> {
		match self.slot(fd)? {
			slot::STDOUT => self.write_stream(self.setup.output == Output::Stdout, list, count, done_at),
			slot::STDERR => self.write_stream(false, list, count, done_at),
			_ => {
				let (record, node) = self.file(fd, Use::Write, Errno::BadF)?;
				let at = match self.host.load16(record, open::FLAGS) & flags::APPEND {
					0 => self.host.load64(record, open::AT),
					_ => self.get(node, field::SIZE).into(),
				};
				let written = self.write_node(node, at, list, count, done_at)?;
				if self.kind(node) == kind::FILE {
					self.host.store64(record, open::AT, at + written);
				}
				Ok(())
			}
		}
	}

	/// Writes at an offset of a file, also of one that is appended to.
	pub fn fd_pwrite(&mut self, fd: u32, list: u32, count: u32, offset: u64, done_at: u32) -> Result<()> {
		let (_, node) = self.file(fd, Use::Write, Errno::SPipe)?;
		if offset > OFFSET {
			return Err(Errno::Inval);
		}
		self.write_node(node, offset, list, count, done_at).map(|_| ())
	}

	/// The bytes of a list that is about to be written.
	fn total_to_write(&self, list: u32, count: u32, done_at: u32) -> Result<u32> {
		let total = self.total(list, count)?;
		self.inside(done_at, 4)?;
		u32::try_from(total).map_err(|_| Errno::Inval)
	}

	/// Writes to the output or to the tail of errors.
	fn write_stream(&mut self, out: bool, list: u32, count: u32, done_at: u32) -> Result<()> {
		let total = self.total_to_write(list, count, done_at)?;
		if out {
			self.reserve(total, 0);
		}
		for i in 0..count {
			let (from, len) = self.buffer(list, i);
			if len == 0 {
				continue;
			}
			if out {
				self.host.output(Memory::Program, from, len);
			} else {
				self.host.error(Memory::Program, from, len);
			}
		}
		self.host.program_store32(done_at, total);
		Ok(())
	}

	/// Writes at an offset of a file: how many bytes. The null device takes all and keeps nothing.
	#[inline(never)]
	fn write_node(&mut self, node: Node, at: u64, list: u32, count: u32, done_at: u32) -> Result<u64> {
		let total = self.total_to_write(list, count, done_at)?;
		let mut done = 0;
		if self.kind(node) == kind::DEVICE {
			done = total;
		} else {
			for i in 0..count {
				let (from, len) = self.buffer(list, i);
				match self.write_file(node, at + u64::from(done), from, len) {
					Ok(some) => {
						done += some;
						if some < len {
							break;
						}
					}
					Err(error) if done == 0 => return Err(error),
					Err(_) => break,
				}
			}
		}
		self.host.program_store32(done_at, done);
		Ok(done.into())
	}

	/// Counts bytes of output that are about to be written. Ends the run if they are too many.
	pub(crate) fn reserve(&mut self, len: u32, code: u32) {
		self.written += u64::from(len);
		if self.written > self.limit {
			self.host.halt(Status::OutputTooLong, code);
		}
	}

	/// Moves the position of a file and stores it.
	pub fn fd_seek(&mut self, fd: u32, offset: u64, whence: u32, at: u32) -> Result<()> {
		let (record, node) = self.file(fd, Use::Any, Errno::SPipe)?;
		let from = match whence {
			0 => 0,
			1 => self.host.load64(record, open::AT),
			2 => self.get(node, field::SIZE).into(),
			_ => return Err(Errno::Inval),
		};
		self.inside(at, 8)?;
		let mut to = from
			.checked_add_signed(offset as i64)
			.filter(|to| *to <= OFFSET)
			.ok_or(Errno::Inval)?;
		if self.kind(node) == kind::DEVICE {
			to = 0;
		}
		self.host.store64(record, open::AT, to);
		self.host.program_store64(at, to);
		Ok(())
	}

	/// Stores the position of a file.
	pub fn fd_tell(&mut self, fd: u32, at: u32) -> Result<()> {
		let (record, _) = self.file(fd, Use::Any, Errno::SPipe)?;
		self.inside(at, 8)?;
		let position = self.host.load64(record, open::AT);
		self.host.program_store64(at, position);
		Ok(())
	}

	/// Takes note of nothing: all of a file is at hand.
	pub fn fd_advise(&mut self, fd: u32, offset: u64, len: u64, advice: u32) -> Result<()> {
		self.file(fd, Use::Any, Errno::SPipe)?;
		if advice > 5 || offset > OFFSET || len > OFFSET {
			return Err(Errno::Inval);
		}
		Ok(())
	}

	/// Has a file grow to so many bytes from an offset on, if it is smaller. Room is only taken by what is written.
	pub fn fd_allocate(&mut self, fd: u32, offset: u64, len: u64) -> Result<()> {
		let (_, node) = self.file(fd, Use::Write, Errno::SPipe)?;
		if len == 0 || offset > OFFSET || len > OFFSET {
			return Err(Errno::Inval);
		}
		if self.kind(node) == kind::FILE && offset + len > self.get(node, field::SIZE).into() {
			self.resize(node, offset + len)?;
		}
		Ok(())
	}

	/// Sets the bytes of a file.
	pub fn fd_filestat_set_size(&mut self, fd: u32, size: u64) -> Result<()> {
		self.file(fd, Use::Any, Errno::Inval)?;
		// As POSIX has it for a file that is not open for writing.
		let (_, node) = self.file(fd, Use::Write, Errno::Inval).map_err(|_| Errno::Inval)?;
		if self.kind(node) != kind::FILE {
			return Err(Errno::Inval);
		}
		self.resize(node, size)
	}
}
