//! Time: what the clock showed at the start, plus what the program waited for, plus the gas it used, 1 ns each.
//!
//! So clocks rise from call to call, which programs rely on, and are the same in every run.

use crate::{
	errno::{Errno, Result},
	host::{Host, Region},
	wasi::Wasi,
};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;
/// 2000-01-01, where the real time starts if the environment says nothing.
const MILLENNIUM: u64 = 946_684_800;
/// The real time in nanoseconds stays below 2^63.
const LAST: u64 = (1 << 63) / SECOND;
/// The variable of the environment that names the real time at the start, in seconds.
const EPOCH: &[u8] = b"SOURCE_DATE_EPOCH=";
/// The real time's clock. The others are the monotonic one and two of the processor's.
pub(crate) const REALTIME: u32 = 0;
/// Clocks.
const CLOCKS: u32 = 4;
/// The longest that a program waits in all.
const LONGEST: u64 = (1 << 63) - 1;

impl<H: Host> Wasi<H> {
	/// Stores a clock's resolution, 1 ns.
	pub fn clock_res_get(&mut self, clock: u32, at: u32) -> Result<()> {
		if clock >= CLOCKS {
			return Err(Errno::Inval);
		}
		self.inside(at, 8)?;
		self.host.program_store64(at, 1);
		Ok(())
	}

	/// Stores a clock's time in nanoseconds.
	pub fn clock_time_get(&mut self, clock: u32, _precision: u64, at: u32) -> Result<()> {
		let time = self.time(clock)?;
		self.inside(at, 8)?;
		self.host.program_store64(at, time);
		Ok(())
	}

	/// A clock's time in nanoseconds.
	pub(crate) fn time(&mut self, clock: u32) -> Result<u64> {
		match clock {
			REALTIME => Ok(self.real_time()),
			1..CLOCKS => Ok(self.since(SECOND)),
			_ => Err(Errno::Inval),
		}
	}

	/// The real time in nanoseconds.
	#[inline(never)]
	pub(crate) fn real_time(&mut self) -> u64 {
		let start = self.epoch();
		self.since(start)
	}

	/// A time of the start and what has passed since.
	fn since(&self, start: u64) -> u64 {
		let used = self.host.gas_limit() - self.host.gas_left();
		start.saturating_add(self.waited).saturating_add(used)
	}

	/// Lets time pass.
	pub(crate) fn wait(&mut self, time: u64) {
		self.waited = self.waited.saturating_add(time).min(LONGEST);
	}

	/// The real time at the start in nanoseconds.
	fn epoch(&mut self) -> u64 {
		// Not zero once it is known, since zero is as good as one.
		if self.epoch == 0 {
			self.epoch = (self.epoch_of_environment().unwrap_or(MILLENNIUM) * SECOND).max(1);
		}
		self.epoch
	}

	/// Seconds that the environment names, if it does and they are a number.
	#[inline(never)]
	fn epoch_of_environment(&mut self) -> Option<u64> {
		let mut bytes = self.bytes(Region::Setup, self.setup.env(), self.setup.env_len);
		// Bytes of the present variable that are the name's, none if another has come; then the number.
		let (mut same, mut number, mut good) = (Some(0), None, true);
		while let Some(byte) = bytes.next(self) {
			if byte == 0 {
				if same == Some(EPOCH.len()) {
					return number.filter(|_| good);
				}
				(same, number, good) = (Some(0), None, true);
				continue;
			}
			let Some(len) = same else { continue };
			if let Some(expected) = EPOCH.get(len) {
				same = (byte == u32::from(*expected)).then_some(len + 1);
				continue;
			}
			let digit = u64::from(byte.wrapping_sub(u32::from(b'0')));
			let longer = number.unwrap_or(0) * 10 + digit;
			good &= digit <= 9 && longer < LAST;
			number = Some(if good { longer } else { 0 });
		}
		None
	}
}
