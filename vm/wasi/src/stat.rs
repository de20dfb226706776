//! What is known of files: kind, size, times.

use crate::{
	errno::{Errno, Result},
	host::Host,
	layers::Found,
	node::{field, flag, kind, Node},
	path::Last,
	wasi::{slot, Wasi},
};

/// How what is known is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
	/// As preview 1 has it: 64 bytes, the links in 8 of their own.
	Preview1,
	/// As the form before had it: 56 bytes, the links behind the kind.
	Early,
}

impl Form {
	/// Bytes of it.
	const fn len(self) -> u32 {
		match self {
			Self::Preview1 => 64,
			Self::Early => 56,
		}
	}
}

/// The device that all files are on.
const DEVICE: u64 = 1;
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// What is known of a file.
struct Stat {
	inode: u64,
	kind: u32,
	links: u32,
	size: u32,
	atime: u64,
	mtime: u64,
}

impl<H: Host> Wasi<H> {
	fn stat(&self, node: Node) -> Stat {
		let kind = self.kind(node);
		Stat {
			inode: self.node_inode(node),
			kind,
			links: self.get(node, field::LINKS),
			size: if kind == kind::DIRECTORY {
				0
			} else {
				self.get(node, field::SIZE)
			},
			atime: self.host.load64(node.0, field::ATIME),
			mtime: self.host.load64(node.0, field::MTIME),
		}
	}

	fn found_stat(&mut self, found: Found) -> Result<Stat> {
		if let Some(node) = found.node {
			return Ok(self.stat(node));
		}
		let (_, record) = self.found_record(found)?;
		let time = u64::from(record.mtime) * SECOND;
		Ok(Stat {
			inode: self.found_inode(found),
			kind: record.kind,
			links: 1,
			size: if record.kind == kind::DIRECTORY { 0 } else { record.size },
			atime: time,
			mtime: time,
		})
	}

	/// Stores what is known; the change of what is known counts as one of the content.
	fn store_stat(&mut self, mut at: u32, stat: &Stat, form: Form) {
		let (kind, links) = (u64::from(stat.kind), u64::from(stat.links));
		self.host.program_store64(at, DEVICE);
		self.host.program_store64(at + 8, stat.inode);
		if form == Form::Preview1 {
			self.host.program_store64(at + 16, kind);
			self.host.program_store64(at + 24, links);
			at += 8;
		} else {
			self.host.program_store64(at + 16, kind | links << 32);
		}
		for (word, offset) in [stat.size.into(), stat.atime, stat.mtime, stat.mtime]
			.into_iter()
			.zip((24..).step_by(8))
		{
			self.host.program_store64(at + offset, word);
		}
	}

	/// Stores what is known of an open file; of standard streams that is nothing.
	pub fn fd_filestat_get(&mut self, fd: u32, at: u32) -> Result<()> {
		self.open_stat(fd, at, Form::Preview1)
	}

	pub(crate) fn open_stat(&mut self, fd: u32, at: u32, form: Form) -> Result<()> {
		let slot = self.slot(fd)?;
		let len = form.len();
		self.inside(at, len.into())?;
		if slot < slot::ROOT {
			for offset in (0..len).step_by(8) {
				self.host.program_store64(at + offset, 0);
			}
			return Ok(());
		}
		self.files()?;
		let stat = self.stat(self.slot_node(slot));
		self.store_stat(at, &stat, form);
		Ok(())
	}

	/// Stores what is known of what is at a path.
	pub fn path_filestat_get(&mut self, fd: u32, follow: u32, path: u32, len: u32, at: u32) -> Result<()> {
		self.path_stat(fd, follow, path, len, at, Form::Preview1)
	}

	pub(crate) fn path_stat(&mut self, fd: u32, follow: u32, path: u32, len: u32, at: u32, form: Form) -> Result<()> {
		let found = self.walk(fd, path, len, Last::of(follow))?.existing()?;
		self.inside(at, form.len().into())?;
		let stat = self.found_stat(found)?;
		self.store_stat(at, &stat, form);
		Ok(())
	}

	/// Sets when an open file was read and written to.
	pub fn fd_filestat_set_times(&mut self, fd: u32, atim: u64, mtim: u64, flags: u32) -> Result<()> {
		let slot = self.slot(fd)?;
		if slot < slot::ROOT {
			return Err(Errno::BadF);
		}
		self.files()?;
		self.set_times(self.slot_node(slot), atim, mtim, flags)
	}

	/// Sets when what is at a path was read and written to.
	pub fn path_filestat_set_times(
		&mut self,
		fd: u32,
		follow: u32,
		path: u32,
		len: u32,
		atim: u64,
		mtim: u64,
		flags: u32,
	) -> Result<()> {
		let place = self.walk(fd, path, len, Last::of(follow))?;
		let found = place.existing()?;
		let node = self.node(place.directory, place.name, found)?;
		let set = self.set_times(node, atim, mtim, flags);
		self.release(node);
		set
	}

	/// Flags: 1 when it was read, 2 the same by the clock, 4 when it was written to, 8 the same by the clock.
	fn set_times(&mut self, node: Node, atim: u64, mtim: u64, flags: u32) -> Result<()> {
		if flags > 15 || flags & 3 == 3 || flags & 12 == 12 {
			return Err(Errno::Inval);
		}
		let now = self.real_time();
		for (flags, time, field) in [(flags, atim, field::ATIME), (flags >> 2, mtim, field::MTIME)] {
			if flags & 3 != 0 {
				let time = if flags & 1 != 0 { time } else { now };
				self.host.store64(node.0, field, time);
				self.flag(node, flag::KEEP);
			}
		}
		Ok(())
	}
}
