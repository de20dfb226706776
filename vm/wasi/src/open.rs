//! Opening files and directories.

use crate::{
	alloc::class,
	errno::{Errno, Result},
	fd::{flags, open, right},
	host::Host,
	node::{kind, Node},
	path::{Last, Place},
	wasi::Wasi,
};

/// What a program may ask for.
mod ask {
	/// Make it if it is not there.
	pub const CREATE: u32 = 1;
	/// Fail if it is no directory.
	pub const DIRECTORY: u32 = 2;
	/// Fail if it is there.
	pub const EXCLUSIVE: u32 = 4;
	/// Cut it to no bytes.
	pub const TRUNCATE: u32 = 8;
	/// All.
	pub const ALL: u32 = 15;
}

/// How something is to be opened.
#[derive(Clone, Copy)]
struct How {
	ask: u32,
	access: u32,
}

impl How {
	fn asks(self, what: u32) -> bool {
		self.ask & what != 0
	}

	/// Whether nothing may be there yet, not even a symbolic link to nothing.
	fn is_new(self) -> bool {
		self.asks(ask::CREATE) && self.asks(ask::EXCLUSIVE)
	}

	fn writes(self) -> bool {
		self.access & open::WRITE != 0
	}
}

impl<H: Host> Wasi<H> {
	/// Opens what is at a path, or makes a file there, and stores its file descriptor, the lowest that is free.
	#[allow(clippy::too_many_arguments)]
	pub fn path_open(
		&mut self,
		fd: u32,
		follow: u32,
		path: u32,
		len: u32,
		ask: u32,
		base: u64,
		_inheriting: u64,
		flags: u32,
		at: u32,
	) -> Result<()> {
		let read = if base & right::READ != 0 { open::READ } else { 0 };
		let write = if base & right::WRITE != 0 { open::WRITE } else { 0 };
		let how = How {
			ask,
			access: read | write,
		};
		if ask > ask::ALL
			|| (how.asks(ask::CREATE) && how.asks(ask::DIRECTORY))
			|| (how.asks(ask::TRUNCATE) && !how.writes())
		{
			return Err(Errno::Inval);
		}
		let last = if how.is_new() { Last::Name } else { Last::of(follow) };
		let place = self.walk(fd, path, len, last)?;
		self.inside(at, 4)?;
		let new = self.free_fd()?;
		let record = self.allocate(class(32))?;
		match self.node_to_open(place, how) {
			Ok(node) => {
				self.open_node(new, record, node, how.access, flags & flags::ALL);
				self.host.program_store32(at, new);
				Ok(())
			}
			Err(error) => {
				self.free(record, class(32));
				Err(error)
			}
		}
	}

	fn node_to_open(&mut self, place: Place, how: How) -> Result<Node> {
		let Some(found) = place.found else {
			if !how.asks(ask::CREATE) {
				return Err(Errno::NoEnt);
			}
			if place.slash {
				return Err(Errno::IsDir);
			}
			return self.make(place.directory, place.name, kind::FILE);
		};
		if how.is_new() {
			return Err(Errno::Exist);
		}
		match found.kind {
			kind::DIRECTORY if how.writes() || how.asks(ask::CREATE) => return Err(Errno::IsDir),
			kind::DIRECTORY => {}
			// It is the last one and is not to be followed.
			kind::LINK => return Err(Errno::Loop),
			_ if place.slash || how.asks(ask::DIRECTORY) => return Err(Errno::NotDir),
			_ => {}
		}
		let node = self.node(place.directory, place.name, found)?;
		if how.asks(ask::TRUNCATE) && found.kind == kind::FILE {
			if let Err(error) = self.resize(node, 0) {
				self.release(node);
				return Err(error);
			}
		}
		Ok(node)
	}
}
