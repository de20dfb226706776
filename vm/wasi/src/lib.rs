//! WASI preview 1 for the verifiable machine.
//!
//! All 46 functions, over a file system that lives in memory and a world that is the task's data alone. The crate is
//! compiled to a small WebAssembly module (`scripts/wasi.sh`); the normaliser links what a program imports of it into the
//! program and meters it like the program's own code. So nothing here may panic, recurse, use floats or need a table.
//!
//! ```text
//!  exports (wasm.rs) ── Wasi ──┬── setup, args, clock, random, process, poll
//!                              ├── fd, io, open, stat, change, dir       what programs call
//!                              ├── path, files, out                      what paths mean, the start and the end
//!                              ├── layers, index, tree, tar, sort        archives under what is made
//!                              ├── entry, node, file, table, blocks      what is made, in memory
//!                              └── alloc, text, ustar
//!                                         │
//!                                   Host: wasm.rs in a program, tools/native.rs in tests
//! ```
//!
//! What is made of files is records at addresses of the functions' own memory, which only `Host` touches: the same in
//! tests, where every access is checked, as in a program. The root has two archives under it, the input's over the
//! image's; they are read in place (`layers.rs`). A file that is changed keeps its base there and holds other blocks of
//! 4 KiB over it (`file.rs`); a name that is removed is an entry without a node (`entry.rs`).

#![no_std]

#[cfg(any(feature = "std", test))]
extern crate std;

mod alloc;
mod args;
mod blocks;
mod change;
mod clock;
mod dir;
mod early;
mod entry;
mod errno;
mod fd;
mod file;
mod files;
mod host;
mod index;
mod io;
mod layers;
mod node;
mod open;
mod out;
mod path;
mod poll;
mod process;
mod random;
mod setup;
mod sort;
mod stat;
mod table;
mod tar;
mod text;
#[cfg(any(feature = "std", test))]
pub mod tools;
mod tree;
mod ustar;
mod wasi;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use errno::{Errno, Result};
pub use host::{scratch, Host, Memory, Region, Status};
pub use wasi::{Wasi, FDS};

/// Applies a macro to every function that returns an error number: 45 of the 46, all but `proc_exit`. `u32` is `i32` in
/// the functions' types, `u64` is `i64`.
macro_rules! functions {
	($apply:ident) => {
		$apply! {
			args_get(pointers: u32, texts: u32);
			args_sizes_get(count_at: u32, len_at: u32);
			clock_res_get(clock: u32, at: u32);
			clock_time_get(clock: u32, precision: u64, at: u32);
			environ_get(pointers: u32, texts: u32);
			environ_sizes_get(count_at: u32, len_at: u32);
			fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
			fd_allocate(fd: u32, offset: u64, len: u64);
			fd_close(fd: u32);
			fd_datasync(fd: u32);
			fd_fdstat_get(fd: u32, at: u32);
			fd_fdstat_set_flags(fd: u32, flags: u32);
			fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
			fd_filestat_get(fd: u32, at: u32);
			fd_filestat_set_size(fd: u32, size: u64);
			fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
			fd_pread(fd: u32, list: u32, count: u32, offset: u64, done_at: u32);
			fd_prestat_dir_name(fd: u32, at: u32, len: u32);
			fd_prestat_get(fd: u32, at: u32);
			fd_pwrite(fd: u32, list: u32, count: u32, offset: u64, done_at: u32);
			fd_read(fd: u32, list: u32, count: u32, done_at: u32);
			fd_readdir(fd: u32, at: u32, len: u32, cookie: u64, done_at: u32);
			fd_renumber(fd: u32, to: u32);
			fd_seek(fd: u32, offset: u64, whence: u32, at: u32);
			fd_sync(fd: u32);
			fd_tell(fd: u32, at: u32);
			fd_write(fd: u32, list: u32, count: u32, done_at: u32);
			path_create_directory(fd: u32, path: u32, len: u32);
			path_filestat_get(fd: u32, follow: u32, path: u32, len: u32, at: u32);
			path_filestat_set_times(fd: u32, follow: u32, path: u32, len: u32, atim: u64, mtim: u64, flags: u32);
			path_link(fd: u32, follow: u32, path: u32, len: u32, new_fd: u32, new_path: u32, new_len: u32);
			path_open(fd: u32, follow: u32, path: u32, len: u32, open: u32, base: u64, inheriting: u64, flags: u32, at: u32);
			path_readlink(fd: u32, path: u32, len: u32, at: u32, room: u32, done_at: u32);
			path_remove_directory(fd: u32, path: u32, len: u32);
			path_rename(fd: u32, path: u32, len: u32, new_fd: u32, new_path: u32, new_len: u32);
			path_symlink(text: u32, text_len: u32, fd: u32, path: u32, len: u32);
			path_unlink_file(fd: u32, path: u32, len: u32);
			poll_oneoff(from: u32, to: u32, count: u32, done_at: u32);
			proc_raise(signal: u32);
			random_get(at: u32, len: u32);
			sched_yield();
			sock_accept(fd: u32, flags: u32, at: u32);
			sock_recv(fd: u32, list: u32, count: u32, flags: u32, done_at: u32, flags_at: u32);
			sock_send(fd: u32, list: u32, count: u32, flags: u32, done_at: u32);
			sock_shutdown(fd: u32, how: u32);
		}
	};
}
pub(crate) use functions;

/// The same for the functions of `wasi_unstable` that differ from those of preview 1, by the names that they are exported
/// under.
macro_rules! early_functions {
	($apply:ident) => {
		$apply! {
			"early.fd_seek" early_fd_seek(fd: u32, offset: u64, whence: u32, at: u32);
			"early.fd_filestat_get" early_fd_filestat_get(fd: u32, at: u32);
			"early.path_filestat_get" early_path_filestat_get(fd: u32, follow: u32, path: u32, len: u32, at: u32);
			"early.poll_oneoff" early_poll_oneoff(from: u32, to: u32, count: u32, done_at: u32);
		}
	};
}
pub(crate) use early_functions;
