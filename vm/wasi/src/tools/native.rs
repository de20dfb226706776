//! A world of vectors, for tests and fuzzing.
//!
//! The end of a run is an unwinding panic with [`Halted`] as its payload, so that no function needs to know of it;
//! [`call`] turns it into a value. Addresses outside a memory are a panic with a message: a fault of these
//! functions, which a machine would call a trap.

use crate::{early_functions, functions, scratch, Host, Memory, Region, Status, Wasi};
use std::{
	cell::Cell,
	format,
	panic::{catch_unwind, panic_any, resume_unwind, AssertUnwindSafe},
	string::String,
	sync::Arc,
	vec,
	vec::Vec,
};

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Halted {
	/// Its status.
	pub status: Status,
	/// The exit code.
	pub code: u32,
}

/// Where the functions' own memory begins to be used; what lies below is the stack of the machine.
const SCRATCH: u32 = 16_384;
/// Bytes of errors that are kept.
const TAIL: usize = 4_096;
/// Bytes of a page.
const PAGE: usize = 65_536;

/// A world.
pub struct Native {
	/// The program's memory.
	pub program: Vec<u8>,
	/// The functions' own memory.
	pub own: Vec<u8>,
	/// Pages that both memories may have together.
	pub pages: u32,
	/// The task's input.
	pub input: Arc<[u8]>,
	/// The job's image.
	pub image: Arc<[u8]>,
	/// The job's setup.
	pub setup: Arc<[u8]>,
	/// Bytes that the output may have.
	pub limit: u64,
	/// The output.
	pub output: Vec<u8>,
	/// The tail of errors: the last 4,096 bytes.
	pub errors: Vec<u8>,
	/// The task's seed.
	pub seed: [u64; 4],
	/// Gas that was used: about what the machine counts for the host's part of it.
	pub gas: Cell<u64>,
}

impl Native {
	/// A world with nothing in it: a program of so many pages.
	pub fn new(pages: u32) -> Self {
		Self {
			program: vec![0; pages as usize * PAGE],
			own: vec![0; PAGE],
			pages: 65_535,
			input: [].into(),
			image: [].into(),
			setup: [].into(),
			limit: u32::MAX.into(),
			output: Vec::new(),
			errors: Vec::new(),
			seed: [1, 2, 3, 4],
			gas: Cell::new(0),
		}
	}

	fn pay(&self, gas: u64) {
		self.gas.set(self.gas.get() + gas);
	}

	fn append(&mut self, errors: &[u8]) {
		self.errors.extend(errors);
		self.errors.drain(..self.errors.len().saturating_sub(TAIL));
	}

	fn region(&self, region: Region) -> &Arc<[u8]> {
		match region {
			Region::Input => &self.input,
			Region::Image => &self.image,
			Region::Setup => &self.setup,
		}
	}

	fn memory(&self, memory: Memory) -> &[u8] {
		match memory {
			Memory::Program => &self.program,
			Memory::Own => &self.own,
		}
	}

	fn word<const N: usize>(memory: &[u8], at: u32, offset: u32) -> [u8; N] {
		let at = at as usize + offset as usize;
		memory[at..at + N].try_into().expect("N bytes")
	}

	fn set_word<const N: usize>(memory: &mut [u8], at: u32, offset: u32, word: [u8; N]) {
		let at = at as usize + offset as usize;
		memory[at..at + N].copy_from_slice(&word);
	}
}

fn range(at: u32, n: u32) -> core::ops::Range<usize> {
	at as usize..at as usize + n as usize
}

impl Host for Native {
	const FILES: bool = true;

	fn program_load8(&self, at: u32) -> u32 {
		self.pay(2);
		self.program[at as usize].into()
	}
	fn program_load32(&self, at: u32) -> u32 {
		self.pay(2);
		u32::from_le_bytes(Self::word(&self.program, at, 0))
	}
	fn program_load64(&self, at: u32) -> u64 {
		self.pay(2);
		u64::from_le_bytes(Self::word(&self.program, at, 0))
	}
	fn program_store8(&mut self, at: u32, value: u32) {
		self.pay(2);
		self.program[at as usize] = value as u8;
	}
	fn program_store32(&mut self, at: u32, value: u32) {
		self.pay(2);
		Self::set_word(&mut self.program, at, 0, value.to_le_bytes());
	}
	fn program_store64(&mut self, at: u32, value: u64) {
		self.pay(2);
		Self::set_word(&mut self.program, at, 0, value.to_le_bytes());
	}
	fn program_size(&self) -> u32 {
		(self.program.len() / PAGE) as u32
	}
	fn copy_in(&mut self, to: u32, from: u32, n: u32) {
		self.pay(164 + u64::from(n) / 4);
		self.own[range(to, n)].copy_from_slice(&self.program[range(from, n)]);
	}
	fn copy_out(&mut self, to: u32, from: u32, n: u32) {
		self.pay(164 + u64::from(n) / 4);
		self.program[range(to, n)].copy_from_slice(&self.own[range(from, n)]);
	}
	fn gas_left(&self) -> u64 {
		self.pay(1);
		self.gas_limit() - self.gas.get()
	}
	fn gas_limit(&self) -> u64 {
		1 << 50
	}
	fn size(&self, region: Region) -> u64 {
		self.pay(2);
		self.region(region).len() as u64
	}
	fn output_limit(&self) -> u64 {
		self.limit
	}
	fn read(&mut self, region: Region, memory: Memory, at: u32, to: u32, n: u32) {
		self.pay(164 + u64::from(n) / 4);
		let data = self.region(region).clone();
		let memory = match memory {
			Memory::Program => &mut self.program,
			Memory::Own => &mut self.own,
		};
		memory[range(to, n)].copy_from_slice(&data[range(at, n)]);
	}
	fn output(&mut self, memory: Memory, from: u32, n: u32) {
		self.pay(164 + 32 * u64::from(n));
		let bytes = self.memory(memory)[range(from, n)].to_vec();
		self.output.extend(bytes);
		assert!(self.output.len() as u64 <= self.limit, "output beyond its limit");
	}
	fn error(&mut self, memory: Memory, from: u32, n: u32) {
		self.pay(164 + u64::from(n) / 4);
		let bytes = &self.memory(memory)[range(from, n)];
		let bytes = bytes[bytes.len().saturating_sub(TAIL)..].to_vec();
		self.append(&bytes);
	}
	fn reason(&mut self, text: &'static str) {
		self.append(text.as_bytes());
	}
	fn seed(&self, i: u32) -> u64 {
		self.seed[i as usize]
	}
	fn halt(&mut self, status: Status, code: u32) -> ! {
		resume_unwind(std::boxed::Box::new(Halted { status, code }))
	}
	fn load8(&self, at: u32, offset: u32) -> u32 {
		self.pay(5);
		self.own[at as usize + offset as usize].into()
	}
	fn load16(&self, at: u32, offset: u32) -> u32 {
		self.pay(5);
		u16::from_le_bytes(Self::word(&self.own, at, offset)).into()
	}
	fn load32(&self, at: u32, offset: u32) -> u32 {
		self.pay(5);
		u32::from_le_bytes(Self::word(&self.own, at, offset))
	}
	fn load64(&self, at: u32, offset: u32) -> u64 {
		self.pay(5);
		u64::from_le_bytes(Self::word(&self.own, at, offset))
	}
	fn store8(&mut self, at: u32, offset: u32, value: u32) {
		self.pay(5);
		self.own[at as usize + offset as usize] = value as u8;
	}
	fn store16(&mut self, at: u32, offset: u32, value: u32) {
		self.pay(5);
		Self::set_word(&mut self.own, at, offset, (value as u16).to_le_bytes());
	}
	fn store32(&mut self, at: u32, offset: u32, value: u32) {
		self.pay(5);
		Self::set_word(&mut self.own, at, offset, value.to_le_bytes());
	}
	fn store64(&mut self, at: u32, offset: u32, value: u64) {
		self.pay(5);
		Self::set_word(&mut self.own, at, offset, value.to_le_bytes());
	}
	fn copy(&mut self, to: u32, from: u32, n: u32) {
		self.pay(32 + u64::from(n) / 4);
		self.own.copy_within(range(from, n), to as usize);
	}
	fn clear(&mut self, at: u32, n: u32) {
		self.pay(32 + u64::from(n) / 4);
		self.own[range(at, n)].fill(0);
	}
	fn pages(&self) -> u32 {
		(self.own.len() / PAGE) as u32
	}
	fn grow(&mut self, pages: u32) -> bool {
		self.pay(1_048 + 65_536 * u64::from(pages));
		if self.pages() + self.program_size() + pages > self.pages {
			return false;
		}
		self.own.resize(self.own.len() + pages as usize * PAGE, 0);
		true
	}
	fn heap(&self) -> u32 {
		// Not a multiple of 32, as the linker's may be.
		SCRATCH + scratch::LEN + 4_400
	}
	fn scratch(&self) -> u32 {
		SCRATCH
	}
}

/// Calls a function by its name as a program does: an error number, 0 for success, or the end of the run.
///
/// # Panics
///
/// If the function panics, which none may, or if there is none of this name with so many parameters.
pub fn call(wasi: &mut Wasi<Native>, name: &str, parameters: &[u64]) -> Result<u32, Halted> {
	ended(|| {
		wasi.start();
		dispatch(wasi, name, parameters)
	})
}

/// What something returns, or the end of the run.
pub fn ended<T>(run: impl FnOnce() -> T) -> Result<T, Halted> {
	catch_unwind(AssertUnwindSafe(run)).or_else(|payload| match payload.downcast::<Halted>() {
		Ok(halted) => Err(*halted),
		Err(other) => resume_unwind(other),
	})
}

macro_rules! dispatch {
	($($name:ident($($arg:ident: $ty:ty),*);)*) => {
		fn dispatch(wasi: &mut Wasi<Native>, name: &str, parameters: &[u64]) -> u32 {
			let mut parameters = parameters.iter();
			let mut next = || match parameters.next() {
				Some(parameter) => *parameter,
				None => panic_any(String::from("too few parameters")),
			};
			match name {
				$(stringify!($name) => {
					$(let $arg = next() as $ty;)*
					wasi.$name($($arg),*).map_or_else(|error| error as u32, |()| 0)
				})*
				"proc_exit" => wasi.proc_exit(next() as u32),
				_ => dispatch_early(wasi, name, &mut next),
			}
		}

		/// All functions, with the number of their parameters and the bits of those that have 64.
		pub const FUNCTIONS: &[(&str, u32, u32)] = &[
			$((stringify!($name), count(&[$(size_of::<$ty>()),*]).0, count(&[$(size_of::<$ty>()),*]).1),)*
			("proc_exit", 1, 0),
		];
	};
}
functions!(dispatch);

macro_rules! dispatch_early {
	($($export:literal $name:ident($($arg:ident: $ty:ty),*);)*) => {
		fn dispatch_early(wasi: &mut Wasi<Native>, name: &str, next: &mut dyn FnMut() -> u64) -> u32 {
			match name {
				$($export => {
					$(let $arg = next() as $ty;)*
					wasi.$name($($arg),*).map_or_else(|error| error as u32, |()| 0)
				})*
				_ => panic_any(format!("no function {name}")),
			}
		}

		/// Those of `wasi_unstable` that differ, in the same way.
		pub const EARLY: &[(&str, u32, u32)] = &[
			$(($export, count(&[$(size_of::<$ty>()),*]).0, count(&[$(size_of::<$ty>()),*]).1),)*
		];
	};
}
early_functions!(dispatch_early);

const fn count(sizes: &[usize]) -> (u32, u32) {
	let (mut i, mut wide) = (0, 0);
	while i < sizes.len() {
		if sizes[i] == 8 {
			wide |= 1 << i;
		}
		i += 1;
	}
	(i as u32, wide)
}
