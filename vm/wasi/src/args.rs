//! Arguments and environment.

use crate::{
	errno::Result,
	host::{Host, Memory, Region},
	setup::Setup,
	wasi::Wasi,
};

/// The only argument of a job without a setup, as a number: `program` and NUL.
const PROGRAM: u64 = u64::from_le_bytes(*b"program\0");

impl<H: Host> Wasi<H> {
	/// Stores how many arguments there are and their bytes, NULs included.
	pub fn args_sizes_get(&mut self, count_at: u32, len_at: u32) -> Result<()> {
		let count = self.setup.argc + self.setup.task_argc;
		self.sizes(count_at, count, len_at, self.setup.argv_len + self.setup.task_argv_len)
	}

	/// Stores how many variables the environment has and their bytes, NULs included.
	pub fn environ_sizes_get(&mut self, count_at: u32, len_at: u32) -> Result<()> {
		self.sizes(count_at, self.setup.envc, len_at, self.setup.env_len)
	}

	fn sizes(&mut self, count_at: u32, count: u32, len_at: u32, len: u32) -> Result<()> {
		self.inside(count_at, 4)?;
		self.inside(len_at, 4)?;
		self.host.program_store32(count_at, count);
		self.host.program_store32(len_at, len);
		Ok(())
	}

	/// Stores the arguments one after another, the job's before the task's, and a pointer to each.
	pub fn args_get(&mut self, pointers: u32, texts: u32) -> Result<()> {
		let (job, task) = (self.setup.argv_len, self.setup.task_argv_len);
		let count = self.setup.argc + self.setup.task_argc;
		self.inside(pointers, 4 * u64::from(count))?;
		self.inside(texts, u64::from(job + task))?;
		if self.host.size(Region::Setup) == 0 {
			self.host.program_store64(texts, PROGRAM);
		} else {
			self.host.read(Region::Setup, Memory::Program, Setup::ARGV, texts, job);
			if task > 0 {
				self.host.read(Region::Input, Memory::Program, 0, texts + job, task);
			}
		}
		self.point(pointers, count, texts, job + task);
		Ok(())
	}

	/// Stores the environment's variables one after another, and a pointer to each.
	pub fn environ_get(&mut self, pointers: u32, texts: u32) -> Result<()> {
		let (count, len) = (self.setup.envc, self.setup.env_len);
		self.inside(pointers, 4 * u64::from(count))?;
		self.inside(texts, len.into())?;
		if len > 0 {
			self.host
				.read(Region::Setup, Memory::Program, self.setup.env(), texts, len);
		}
		self.point(pointers, count, texts, len);
		Ok(())
	}

	/// Stores where texts in the program's memory begin. Should the program have laid the pointers over the texts, it
	/// gets what it asked for.
	fn point(&mut self, pointers: u32, count: u32, texts: u32, len: u32) {
		let (mut at, end) = (texts, texts + len);
		for i in 0..count {
			let start = at;
			while at < end && self.host.program_load8(at) != 0 {
				at += 1;
			}
			at += 1;
			self.host.program_store32(pointers + 4 * i, start);
		}
	}
}
