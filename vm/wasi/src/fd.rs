//! File descriptors: opened, closed, moved, and what they may do.

use crate::{
	alloc::class,
	errno::{Errno, Result},
	host::Host,
	node::{field, kind, Node},
	wasi::{slot, Wasi, FDS},
};

/// Rights, as bits.
pub(crate) mod right {
	/// Reading.
	pub const READ: u64 = 1 << 1;
	/// Writing.
	pub const WRITE: u64 = 1 << 6;
	/// All thirty.
	pub const ALL: u64 = (1 << 30) - 1;
	/// What can be done with a directory: 0 datasync, 3 set flags, 4 sync, 9 to 20 paths and the list of entries, 21 and
	/// 23 its own times, 24 to 26 symbolic links and removal.
	pub const DIRECTORY: u64 = 0x07bf_fe19;
	/// What can be done with any file: 0 datasync, 2 seek, 3 set flags, 4 sync, 5 tell, 7 advise, 8 allocate, 21 to 23
	/// size and times, 27 poll.
	pub const FILE: u64 = 0x08e0_01bd;
}

/// Flags of a file descriptor: append 1, dsync 2, nonblock 4, rsync 8, sync 16.
pub(crate) mod flags {
	/// Every write goes to the end.
	pub const APPEND: u32 = 1;
	/// Those that a file descriptor keeps when they are set later.
	pub const KEPT: u32 = 5;
	/// All.
	pub const ALL: u32 = 31;
}

/// Where the record of an open file keeps what.
pub(crate) mod open {
	/// Its node.
	pub const NODE: u32 = 0;
	/// Two bytes: flags.
	pub const FLAGS: u32 = 4;
	/// A byte: the bits below.
	pub const ACCESS: u32 = 6;
	/// Eight bytes: the position.
	pub const AT: u32 = 8;
	/// It may be read.
	pub const READ: u32 = 1;
	/// It may be written.
	pub const WRITE: u32 = 2;
}

/// What is to be done with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
	/// Nothing that needs a right.
	Any,
	/// Reading.
	Read,
	/// Writing.
	Write,
}

impl<H: Host> Wasi<H> {
	/// The node that a slot has, which is not a standard stream's.
	pub(crate) fn slot_node(&self, slot: u32) -> Node {
		match slot {
			slot::ROOT => self.root,
			record => Node(self.host.load32(record, open::NODE)),
		}
	}

	/// The record and the node of an open file that may be used so. Standard streams are `stream`.
	#[inline(always)]
	pub(crate) fn file(&self, fd: u32, what: Use, stream: Errno) -> Result<(u32, Node)> {
		let slot = self.slot(fd)?;
		if slot < slot::ROOT {
			return Err(stream);
		}
		if slot == slot::ROOT || !H::FILES {
			return Err(Errno::BadF);
		}
		self.opened(slot, what)
	}

	fn opened(&self, slot: u32, what: Use) -> Result<(u32, Node)> {
		let node = self.slot_node(slot);
		let access = self.host.load8(slot, open::ACCESS);
		let allowed = match what {
			Use::Any => true,
			Use::Read => access & open::READ != 0,
			Use::Write => access & open::WRITE != 0,
		};
		if self.kind(node) == kind::DIRECTORY || !allowed {
			return Err(Errno::BadF);
		}
		Ok((slot, node))
	}

	/// The lowest file descriptor that is free.
	pub(crate) fn free_fd(&mut self) -> Result<u32> {
		while let Some(slot) = self.fds.get(self.lowest as usize) {
			if *slot == slot::CLOSED {
				return Ok(self.lowest);
			}
			self.lowest += 1;
		}
		Err(Errno::MFile)
	}

	pub(crate) fn set_slot_of(&mut self, fd: u32, value: u32) {
		if let Some(slot) = self.fds.get_mut(fd as usize) {
			*slot = value;
		}
		if value == slot::CLOSED {
			self.lowest = self.lowest.min(fd);
		}
	}

	/// Opens a node under a file descriptor that is free. `record` has 32 bytes of zeros.
	pub(crate) fn open_node(&mut self, fd: u32, record: u32, node: Node, access: u32, flags: u32) {
		let opens = self.host.load16(node.0, field::OPENS);
		self.host.store16(node.0, field::OPENS, opens + 1);
		self.host.store32(record, open::NODE, node.0);
		self.host.store16(record, open::FLAGS, flags);
		self.host.store8(record, open::ACCESS, access);
		self.set_slot_of(fd, record);
	}

	/// Ends what a slot stands for.
	fn close(&mut self, slot: u32) {
		if H::FILES && slot > slot::ROOT {
			let node = self.slot_node(slot);
			self.free(slot, class(32));
			let opens = self.host.load16(node.0, field::OPENS);
			self.host.store16(node.0, field::OPENS, opens - 1);
			self.release(node);
		}
	}

	/// Closes a file descriptor.
	pub fn fd_close(&mut self, fd: u32) -> Result<()> {
		let slot = self.slot(fd)?;
		self.set_slot_of(fd, slot::CLOSED);
		self.close(slot);
		Ok(())
	}

	/// Moves a file descriptor to the number of another, which is closed. Both must be open.
	pub fn fd_renumber(&mut self, fd: u32, to: u32) -> Result<()> {
		let (from, over) = (self.slot(fd)?, self.slot(to)?);
		if fd != to {
			self.set_slot_of(fd, slot::CLOSED);
			self.set_slot_of(to, from);
			self.close(over);
		}
		Ok(())
	}

	/// Stores type, flags and rights. Standard streams are of unknown type, since C libraries buffer what is no terminal.
	pub fn fd_fdstat_get(&mut self, fd: u32, at: u32) -> Result<()> {
		let slot = self.slot(fd)?;
		self.inside(at, 24)?;
		let mut flags = self.flags.get(slot as usize).copied().unwrap_or(0).into();
		let (kind, base, inheriting) = match slot {
			slot::STDIN => (0, right::READ, 0),
			slot::STDOUT | slot::STDERR => (0, right::WRITE, 0),
			slot::ROOT => (kind::DIRECTORY, right::DIRECTORY, right::ALL),
			_ if !H::FILES => return Err(Errno::BadF),
			record => {
				flags = self.host.load16(record, open::FLAGS);
				let access = self.host.load8(record, open::ACCESS);
				let read = if access & open::READ != 0 { right::READ } else { 0 };
				let write = if access & open::WRITE != 0 { right::WRITE } else { 0 };
				match self.kind(self.slot_node(record)) {
					kind::DIRECTORY => (kind::DIRECTORY, right::DIRECTORY, right::ALL),
					kind => (kind, right::FILE | read | write, 0),
				}
			}
		};
		self.host.program_store64(at, u64::from(kind) | u64::from(flags) << 16);
		self.host.program_store64(at + 8, base);
		self.host.program_store64(at + 16, inheriting);
		Ok(())
	}

	/// Sets flags: append and nonblock are kept, others mean nothing here.
	pub fn fd_fdstat_set_flags(&mut self, fd: u32, flags: u32) -> Result<()> {
		let slot = self.slot(fd)?;
		let flags = flags & flags::KEPT;
		match self.flags.get_mut(slot as usize) {
			Some(kept) => *kept = flags as u8,
			None if H::FILES => self.host.store16(slot, open::FLAGS, flags),
			None => return Err(Errno::BadF),
		}
		Ok(())
	}

	/// Changes nothing, since rights here only follow from how a file was opened.
	pub fn fd_fdstat_set_rights(&mut self, fd: u32, _base: u64, _inheriting: u64) -> Result<()> {
		self.slot(fd).map(|_| ())
	}

	/// Stores that a file descriptor is a directory that is open from the start, and the length of its name.
	pub fn fd_prestat_get(&mut self, fd: u32, at: u32) -> Result<()> {
		if self.slot(fd)? != slot::ROOT {
			return Err(Errno::BadF);
		}
		self.inside(at, 8)?;
		self.host.program_store64(at, 1 << 32);
		Ok(())
	}

	/// Stores the name of a directory that is open from the start: `/`.
	pub fn fd_prestat_dir_name(&mut self, fd: u32, at: u32, len: u32) -> Result<()> {
		if self.slot(fd)? != slot::ROOT {
			return Err(Errno::NotDir);
		}
		if len < 1 {
			return Err(Errno::NameTooLong);
		}
		self.inside(at, 1)?;
		self.host.program_store8(at, u32::from(b'/'));
		Ok(())
	}

	/// Does nothing: what is written lasts as long as the run.
	pub fn fd_sync(&mut self, fd: u32) -> Result<()> {
		self.slot(fd).map(|_| ())
	}

	/// Does nothing: what is written lasts as long as the run.
	pub fn fd_datasync(&mut self, fd: u32) -> Result<()> {
		self.slot(fd).map(|_| ())
	}
}

const _: () = assert!(FDS <= u16::MAX as usize);
