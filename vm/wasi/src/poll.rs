//! Waiting. Files are always ready, and time passes at once.

use crate::{
	errno::{Errno, Result},
	fd::{open, Use},
	host::Host,
	node::{field, kind},
	wasi::{slot, Wasi},
};

/// Bytes of an event.
const EVENT: u32 = 32;

/// How subscriptions are laid out.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
	/// Bytes of one.
	len: u32,
	/// Where its clock, time and flags are.
	clock: u32,
	time: u32,
	flags: u32,
}

impl Layout {
	/// As preview 1 has them.
	const PREVIEW1: Self = Self {
		len: 48,
		clock: 16,
		time: 24,
		flags: 40,
	};
	/// As the form before had them: a number of the program's stands before a clock.
	pub const EARLY: Self = Self {
		len: 56,
		clock: 24,
		time: 32,
		flags: 48,
	};
}

/// The bit of a subscription that its time is a point of time.
const ABSOLUTE: u32 = 1;
/// The bit of an event that nothing more will come.
const HANGUP: u32 = 1;

/// What a subscription waits for.
#[derive(Clone, Copy)]
enum For {
	/// So many nanoseconds from now on.
	Time(u64),
	/// Nothing: it is answered at once.
	Now {
		error: u32,
		/// Bytes that are there at least.
		bytes: u64,
		flags: u32,
	},
}

impl<H: Host> Wasi<H> {
	/// Stores events for subscriptions. If one of them is for a file, nothing is waited for; else time passes until the
	/// earliest of them.
	pub fn poll_oneoff(&mut self, from: u32, to: u32, count: u32, done_at: u32) -> Result<()> {
		self.poll(from, to, count, done_at, Layout::PREVIEW1)
	}

	pub(crate) fn poll(&mut self, from: u32, to: u32, count: u32, done_at: u32, layout: Layout) -> Result<()> {
		if count == 0 {
			return Err(Errno::Inval);
		}
		self.inside(from, u64::from(layout.len) * u64::from(count))?;
		self.inside(to, u64::from(EVENT) * u64::from(count))?;
		self.inside(done_at, 4)?;
		let mut wait = u64::MAX;
		for i in 0..count {
			wait = wait.min(match self.subscription(from + layout.len * i, layout)? {
				For::Time(time) => time,
				For::Now { .. } => 0,
			});
		}
		let mut done = 0;
		for i in 0..count {
			let at = from + layout.len * i;
			// A program that lays its events over its subscriptions gets what comes of it, and no more events than fit.
			let (error, bytes, flags) = match self.subscription(at, layout) {
				Ok(For::Time(time)) if time > wait => continue,
				Ok(For::Time(_)) => (0, 0, 0),
				Ok(For::Now { error, bytes, flags }) => (error, bytes, flags),
				Err(error) => (error as u32, 0, 0),
			};
			let event = to + EVENT * done;
			let userdata = self.host.program_load64(at);
			let kind = self.host.program_load8(at + 8);
			self.host.program_store64(event, userdata);
			self.host
				.program_store64(event + 8, u64::from(error) | u64::from(kind) << 16);
			self.host.program_store64(event + 16, bytes);
			self.host.program_store64(event + 24, flags.into());
			done += 1;
		}
		self.wait(wait);
		self.host.program_store32(done_at, done);
		Ok(())
	}

	/// What a subscription of the program's waits for. Fails if it is of no kind.
	fn subscription(&mut self, at: u32, layout: Layout) -> Result<For> {
		let error = |error: Errno| For::Now {
			error: error as u32,
			bytes: 0,
			flags: 0,
		};
		Ok(match self.host.program_load8(at + 8) {
			0 => {
				let clock = self.host.program_load32(at + layout.clock);
				let time = self.host.program_load64(at + layout.time);
				let absolute = self.host.program_load32(at + layout.flags) & ABSOLUTE != 0;
				match self.time(clock) {
					Ok(now) if absolute => For::Time(time.saturating_sub(now)),
					Ok(_) => For::Time(time),
					Err(bad) => error(bad),
				}
			}
			kind @ 1..=2 => {
				let fd = self.host.program_load32(at + 16);
				match self.ready(fd, kind == 1) {
					Ok(ended) => For::Now {
						error: 0,
						bytes: 1,
						flags: if ended { HANGUP } else { 0 },
					},
					Err(bad) => error(bad),
				}
			}
			_ => return Err(Errno::Inval),
		})
	}

	/// Whether a file that may be read, or written, is at its end.
	fn ready(&self, fd: u32, reads: bool) -> Result<bool> {
		match (self.slot(fd)?, reads) {
			(slot::STDIN, true) => Ok(self.read == self.stdin_len()),
			(slot::STDOUT | slot::STDERR, false) => Ok(false),
			(slot::STDIN..=slot::ROOT, _) => Err(Errno::BadF),
			(_, true) => {
				let (record, node) = self.file(fd, Use::Read, Errno::BadF)?;
				let end = self.get(node, field::SIZE);
				Ok(self.kind(node) == kind::DEVICE || self.host.load64(record, open::AT) >= end.into())
			}
			(_, false) => self.file(fd, Use::Write, Errno::BadF).map(|_| false),
		}
	}
}
