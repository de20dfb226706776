//! In a program: the imports that the normaliser replaces, the functions' own memory, and the exports.

#![allow(unsafe_code)]

use crate::{
	early_functions, functions,
	host::{scratch, Host, Memory, Region, Status},
	wasi::Wasi,
};
use core::{
	cell::UnsafeCell,
	ptr::{self, addr_of},
};

mod imports {
	#[link(wasm_import_module = "millrace")]
	extern "C" {
		pub fn program_load8(at: u32) -> u32;
		pub fn program_load32(at: u32) -> u32;
		pub fn program_load64(at: u32) -> u64;
		pub fn program_store8(at: u32, value: u32);
		pub fn program_store32(at: u32, value: u32);
		pub fn program_store64(at: u32, value: u64);
		pub fn program_size() -> u32;
		pub fn copy_in(to: u32, from: u32, n: u32);
		pub fn copy_out(to: u32, from: u32, n: u32);
		pub fn gas_left() -> u64;
		pub fn gas_limit() -> u64;
		pub fn size(what: u32) -> u64;
		pub fn read(what: u32, at: u32, to: u32, n: u32);
		pub fn output(memory: u32, from: u32, n: u32);
		pub fn error(memory: u32, from: u32, n: u32);
		pub fn seed(i: u32) -> u64;
		pub fn halt(status: u32, code: u32) -> !;
		/// Not an import of the machine: if the module names it, a panic can be reached.
		pub fn panic() -> !;
	}
}

extern "C" {
	/// Its address is where the linker's own data ends.
	static __heap_base: u8;
}

/// What [`size`](imports::size) calls the limit of the output.
const OUTPUT_LIMIT: u32 = 3;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
	// SAFETY: it does not return; see its declaration.
	unsafe { imports::panic() }
}

/// A place of memory that Rust knows nothing about.
struct Room<T>(UnsafeCell<T>);

// SAFETY: there are no threads.
unsafe impl<T> Sync for Room<T> {}

static SCRATCH: Room<[u64; scratch::LEN as usize / 8]> = Room(UnsafeCell::new([0; scratch::LEN as usize / 8]));
static WASI: Room<Wasi<Wasm<true>>> = Room(UnsafeCell::new(Wasi::new(Wasm)));

/// The state of the functions, of programs with files or without.
fn wasi<const FILES: bool>() -> &'static mut Wasi<Wasm<FILES>> {
	// SAFETY: there are no threads, no export calls another, and each takes it for one call at a time. The layout is that
	// of C, in which a field without a size changes nothing.
	unsafe { &mut *WASI.0.get().cast() }
}

/// A place in our own memory. Offsets are within one record, so that they may be part of the instruction.
fn place<T>(at: u32, offset: u32) -> *mut T {
	// SAFETY: only addresses that `alloc.rs` gave, and the scratch room, get here.
	unsafe {
		ptr::with_exposed_provenance_mut::<u8>(at as usize)
			.add(offset as usize)
			.cast()
	}
}

/// The machine.
struct Wasm<const FILES: bool>;

// SAFETY of all below: the imports are total, they trap for what is outside a memory. Loads, stores and copies of our own
// memory are at addresses of the heap and the scratch room, which no Rust object covers; a wrong one traps or reads what
// is there.
impl<const FILES: bool> Host for Wasm<FILES> {
	const FILES: bool = FILES;

	fn program_load8(&self, at: u32) -> u32 {
		unsafe { imports::program_load8(at) }
	}
	fn program_load32(&self, at: u32) -> u32 {
		unsafe { imports::program_load32(at) }
	}
	fn program_load64(&self, at: u32) -> u64 {
		unsafe { imports::program_load64(at) }
	}
	fn program_store8(&mut self, at: u32, value: u32) {
		unsafe { imports::program_store8(at, value) }
	}
	fn program_store32(&mut self, at: u32, value: u32) {
		unsafe { imports::program_store32(at, value) }
	}
	fn program_store64(&mut self, at: u32, value: u64) {
		unsafe { imports::program_store64(at, value) }
	}
	fn program_size(&self) -> u32 {
		unsafe { imports::program_size() }
	}
	fn copy_in(&mut self, to: u32, from: u32, n: u32) {
		unsafe { imports::copy_in(to, from, n) }
	}
	fn copy_out(&mut self, to: u32, from: u32, n: u32) {
		unsafe { imports::copy_out(to, from, n) }
	}
	fn gas_left(&self) -> u64 {
		unsafe { imports::gas_left() }
	}
	fn gas_limit(&self) -> u64 {
		unsafe { imports::gas_limit() }
	}
	fn size(&self, region: Region) -> u64 {
		unsafe { imports::size(region as u32) }
	}
	fn output_limit(&self) -> u64 {
		unsafe { imports::size(OUTPUT_LIMIT) }
	}
	fn read(&mut self, region: Region, memory: Memory, at: u32, to: u32, n: u32) {
		unsafe { imports::read(region as u32 | (memory as u32) << 8, at, to, n) }
	}
	fn output(&mut self, memory: Memory, from: u32, n: u32) {
		unsafe { imports::output(memory as u32, from, n) }
	}
	fn error(&mut self, memory: Memory, from: u32, n: u32) {
		unsafe { imports::error(memory as u32, from, n) }
	}
	fn reason(&mut self, text: &'static str) {
		self.error(Memory::Own, text.as_ptr() as u32, text.len() as u32);
	}
	fn seed(&self, i: u32) -> u64 {
		unsafe { imports::seed(i) }
	}
	fn halt(&mut self, status: Status, code: u32) -> ! {
		unsafe { imports::halt(status as u32, code) }
	}
	fn load8(&self, at: u32, offset: u32) -> u32 {
		unsafe { place::<u8>(at, offset).read().into() }
	}
	fn load16(&self, at: u32, offset: u32) -> u32 {
		unsafe { place::<u16>(at, offset).read_unaligned().into() }
	}
	fn load32(&self, at: u32, offset: u32) -> u32 {
		unsafe { place::<u32>(at, offset).read_unaligned() }
	}
	fn load64(&self, at: u32, offset: u32) -> u64 {
		unsafe { place::<u64>(at, offset).read_unaligned() }
	}
	fn store8(&mut self, at: u32, offset: u32, value: u32) {
		unsafe { place::<u8>(at, offset).write(value as u8) }
	}
	fn store16(&mut self, at: u32, offset: u32, value: u32) {
		unsafe { place::<u16>(at, offset).write_unaligned(value as u16) }
	}
	fn store32(&mut self, at: u32, offset: u32, value: u32) {
		unsafe { place::<u32>(at, offset).write_unaligned(value) }
	}
	fn store64(&mut self, at: u32, offset: u32, value: u64) {
		unsafe { place::<u64>(at, offset).write_unaligned(value) }
	}
	fn copy(&mut self, to: u32, from: u32, n: u32) {
		unsafe { ptr::copy(place::<u8>(from, 0), place(to, 0), n as usize) }
	}
	fn clear(&mut self, at: u32, n: u32) {
		unsafe { ptr::write_bytes(place::<u8>(at, 0), 0, n as usize) }
	}
	fn pages(&self) -> u32 {
		core::arch::wasm32::memory_size(0) as u32
	}
	fn grow(&mut self, pages: u32) -> bool {
		core::arch::wasm32::memory_grow(0, pages as usize) != usize::MAX
	}
	fn heap(&self) -> u32 {
		addr_of!(__heap_base) as u32
	}
	fn scratch(&self) -> u32 {
		SCRATCH.0.get() as u32
	}
}

macro_rules! exports {
	($($name:ident($($arg:ident: $ty:ty),*);)*) => {$(
		#[no_mangle]
		extern "C" fn $name($($arg: $ty),*) -> u32 {
			wasi::<true>().start();
			wasi::<true>().$name($($arg),*).map_or_else(|error| error as u32, |()| 0)
		}
	)*};
}
functions!(exports);

macro_rules! early {
	($($export:literal $name:ident($($arg:ident: $ty:ty),*);)*) => {$(
		#[export_name = $export]
		extern "C" fn $name($($arg: $ty),*) -> u32 {
			wasi::<true>().start();
			wasi::<true>().$name($($arg),*).map_or_else(|error| error as u32, |()| 0)
		}
	)*};
}
early_functions!(early);

#[no_mangle]
extern "C" fn proc_exit(code: u32) {
	wasi::<true>().start();
	wasi::<true>().proc_exit(code)
}

/// Functions of programs without files, which the normaliser takes instead of those above for a program that imports none
/// of `path_*`, `fd_readdir`, `fd_filestat_get` and `fd_filestat_set_times`. All others are the same for both.
macro_rules! plain {
	($($export:literal $name:ident($($arg:ident: $ty:ty),*);)*) => {$(
		#[export_name = $export]
		extern "C" fn $name($($arg: $ty),*) -> u32 {
			wasi::<true>().start();
			wasi::<false>().$name($($arg),*).map_or_else(|error| error as u32, |()| 0)
		}
	)*};
}

mod plain {
	use super::wasi;

	plain! {
		"plain.fd_advise" fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
		"plain.fd_allocate" fd_allocate(fd: u32, offset: u64, len: u64);
		"plain.fd_close" fd_close(fd: u32);
		"plain.fd_fdstat_get" fd_fdstat_get(fd: u32, at: u32);
		"plain.fd_fdstat_set_flags" fd_fdstat_set_flags(fd: u32, flags: u32);
		"plain.fd_filestat_set_size" fd_filestat_set_size(fd: u32, size: u64);
		"plain.fd_pread" fd_pread(fd: u32, list: u32, count: u32, offset: u64, done_at: u32);
		"plain.fd_pwrite" fd_pwrite(fd: u32, list: u32, count: u32, offset: u64, done_at: u32);
		"plain.fd_read" fd_read(fd: u32, list: u32, count: u32, done_at: u32);
		"plain.fd_renumber" fd_renumber(fd: u32, to: u32);
		"plain.fd_seek" fd_seek(fd: u32, offset: u64, whence: u32, at: u32);
		"plain.fd_tell" fd_tell(fd: u32, at: u32);
		"plain.fd_write" fd_write(fd: u32, list: u32, count: u32, done_at: u32);
		"plain.poll_oneoff" poll_oneoff(from: u32, to: u32, count: u32, done_at: u32);
		"plain.proc_raise" proc_raise(signal: u32);
	}

	#[export_name = "plain.proc_exit"]
	extern "C" fn proc_exit(code: u32) {
		wasi::<true>().start();
		wasi::<false>().proc_exit(code)
	}
}
