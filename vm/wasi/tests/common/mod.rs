//! A program that calls functions by hand, natively or, if `MILLRACE_WASI_MODULE` is set, in the module that is linked into
//! programs: `1` for the functions of programs with files, `plain` for those without.
#![allow(dead_code)]

pub mod archive;
pub mod decode;
pub mod explore;
pub mod machine;
pub mod reference;

use machine::Machine;
use millrace_wasi::{
	tools::native::{self, ended, Halted, Native},
	Status, Wasi,
};
use reference::Reference;
use std::sync::Arc;

pub const BADF: u32 = 8;
pub const BUSY: u32 = 10;
pub const EXIST: u32 = 20;
pub const FAULT: u32 = 21;
pub const FBIG: u32 = 22;
pub const ILSEQ: u32 = 25;
pub const INVAL: u32 = 28;
pub const IO: u32 = 29;
pub const ISDIR: u32 = 31;
pub const LOOP: u32 = 32;
pub const MFILE: u32 = 33;
pub const NAMETOOLONG: u32 = 37;
pub const NOENT: u32 = 44;
pub const NOSPC: u32 = 51;
pub const NOTDIR: u32 = 54;
pub const NOTEMPTY: u32 = 55;
pub const NOTSOCK: u32 = 57;
pub const PERM: u32 = 63;
pub const SPIPE: u32 = 70;

/// What `path_open` is asked for.
pub const CREATE: u64 = 1;
pub const DIRECTORY: u64 = 2;
pub const EXCLUSIVE: u64 = 4;
pub const TRUNCATE: u64 = 8;
/// Rights.
pub const READ: u64 = 2;
pub const WRITE: u64 = 64;
/// The root's file descriptor.
pub const ROOT: u32 = 3;
/// A flag of file descriptors.
pub const APPEND: u64 = 1;

/// Where lists, results, paths and data are in the program's memory.
const LIST: u64 = 16;
const RESULT: u64 = 64;
const PATH: u64 = 4_096;
const OTHER: u64 = 12_288;
pub const DATA: u64 = 65_536;

/// A program with so many pages of memory.
const PAGES: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stat {
	pub inode: u64,
	pub kind: u8,
	pub links: u64,
	pub size: u64,
	pub atime: u64,
	pub mtime: u64,
	pub ctime: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
	pub next: u64,
	pub inode: u64,
	pub kind: u8,
	pub name: String,
}

pub struct Program {
	/// The world, and the functions if they run natively.
	pub wasi: Wasi<Native>,
	pub machine: Option<Machine>,
	/// The reference engine, if it is asked in their place.
	pub reference: Option<Reference>,
}

/// A setup.
#[derive(Default)]
pub struct Setup<'a> {
	pub input: u8,
	pub output: u8,
	pub argv: &'a [&'a str],
	pub env: &'a [&'a str],
	pub output_path: &'a str,
	pub input_path: &'a str,
}

impl Setup<'_> {
	pub fn bytes(&self) -> Vec<u8> {
		let strings = |all: &[&str]| {
			all.iter()
				.flat_map(|one| [one.as_bytes(), b"\0"].concat())
				.collect::<Vec<u8>>()
		};
		let (argv, env) = (strings(self.argv), strings(self.env));
		let mut bytes = b"MRS1".to_vec();
		bytes.extend([self.input, self.output, 0, 0]);
		for word in [
			self.argv.len(),
			argv.len(),
			self.env.len(),
			env.len(),
			self.output_path.len(),
			self.input_path.len(),
		] {
			bytes.extend((word as u32).to_le_bytes());
		}
		[
			&bytes[..],
			&argv,
			&env,
			self.output_path.as_bytes(),
			self.input_path.as_bytes(),
		]
		.concat()
	}
}

impl Program {
	pub fn new() -> Self {
		Self::with_pages(PAGES)
	}

	pub fn with_pages(pages: u32) -> Self {
		let mut program = Self {
			wasi: Wasi::new(Native::new(pages)),
			machine: None,
			reference: None,
		};
		match std::env::var("MILLRACE_WASI_MODULE").as_deref() {
			Ok("plain") => program.use_module(true),
			Ok("1") => program.use_module(false),
			_ => {}
		}
		program
	}

	/// Calls the functions of the module from now on, which is the start.
	pub fn use_module(&mut self, plain: bool) {
		self.machine = Some(Machine::new(&mut self.wasi.host, plain));
	}

	/// Asks the reference engine from now on, which is the start.
	pub fn use_reference(&mut self, mut reference: Reference) {
		reference.restart();
		self.reference = Some(reference);
	}

	/// Calls a function: an error number, or the end of the run.
	pub fn try_call(&mut self, name: &str, parameters: &[u64]) -> Result<u32, Halted> {
		if let Some(reference) = &mut self.reference {
			return Ok(reference.call(&mut self.wasi.host.program, name, parameters));
		}
		match &mut self.machine {
			None => native::call(&mut self.wasi, name, parameters),
			Some(machine) => ended(|| machine.call(&mut self.wasi.host, name, parameters)),
		}
	}

	pub fn with(setup: &Setup, input: &[u8], image: &[u8]) -> Self {
		let mut program = Self::new();
		program.wasi.host.setup = setup.bytes().into();
		program.wasi.host.input = input.into();
		program.wasi.host.image = image.into();
		program
	}

	pub fn with_image(image: Arc<[u8]>) -> Self {
		let mut program = Self::new();
		program.wasi.host.image = image;
		program
	}

	/// Calls a function that does not end the run.
	#[track_caller]
	pub fn call(&mut self, name: &str, parameters: &[u64]) -> u32 {
		match self.try_call(name, parameters) {
			Ok(errno) => errno,
			Err(halted) => panic!(
				"{name} ended the run: {halted:?}: {}",
				String::from_utf8_lossy(&self.wasi.host.errors)
			),
		}
	}

	#[track_caller]
	pub fn result(&mut self, name: &str, parameters: &[u64]) -> Result<(), u32> {
		match self.call(name, parameters) {
			0 => Ok(()),
			errno => Err(errno),
		}
	}

	/// Calls a function that ends the run.
	#[track_caller]
	pub fn ends(&mut self, name: &str, parameters: &[u64]) -> (Status, u32) {
		match self.try_call(name, parameters) {
			Ok(errno) => panic!("{name} returned {errno}"),
			Err(Halted { status, code }) => (status, code),
		}
	}

	#[track_caller]
	pub fn exit(&mut self, code: u32) -> (Status, u32) {
		self.ends("proc_exit", &[code.into()])
	}

	pub fn put(&mut self, at: u64, bytes: &[u8]) {
		if let Some(reference) = &mut self.reference {
			reference.put(at, bytes);
		}
		self.wasi.host.program[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
	}

	pub fn get(&self, at: u64, len: usize) -> Vec<u8> {
		self.wasi.host.program[at as usize..at as usize + len].to_vec()
	}

	pub fn word(&self, at: u64) -> u32 {
		u32::from_le_bytes(self.get(at, 4).try_into().unwrap())
	}

	pub fn long(&self, at: u64) -> u64 {
		u64::from_le_bytes(self.get(at, 8).try_into().unwrap())
	}

	/// Stores a list of buffers one after another from `DATA` on.
	fn list(&mut self, lens: &[usize]) -> (u64, u64) {
		let mut at = DATA as u32;
		for (i, len) in lens.iter().enumerate() {
			self.put(LIST + 8 * i as u64, &at.to_le_bytes());
			self.put(LIST + 8 * i as u64 + 4, &(*len as u32).to_le_bytes());
			at += *len as u32;
		}
		(LIST, lens.len() as u64)
	}

	fn path(&mut self, path: &[u8]) -> (u64, u64) {
		self.put(PATH, path);
		(PATH, path.len() as u64)
	}

	fn other(&mut self, path: &[u8]) -> (u64, u64) {
		self.put(OTHER, path);
		(OTHER, path.len() as u64)
	}

	#[track_caller]
	pub fn open_at(&mut self, fd: u32, path: &str, follow: u64, ask: u64, rights: u64, flags: u64) -> Result<u32, u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result(
			"path_open",
			&[fd.into(), follow, at, len, ask, rights, 0, flags, RESULT],
		)?;
		Ok(self.word(RESULT))
	}

	#[track_caller]
	pub fn open(&mut self, path: &str, ask: u64, rights: u64) -> Result<u32, u32> {
		self.open_at(ROOT, path, 1, ask, rights, 0)
	}

	/// Makes a file with this content and closes it.
	#[track_caller]
	pub fn file(&mut self, path: &str, content: &[u8]) {
		let fd = self.open(path, CREATE | TRUNCATE, READ | WRITE).expect(path);
		assert_eq!(self.write(fd, content), Ok(content.len() as u32), "{path}");
		self.close(fd).unwrap();
	}

	/// What a file contains.
	#[track_caller]
	pub fn content(&mut self, path: &str) -> Result<Vec<u8>, u32> {
		let fd = self.open(path, 0, READ)?;
		let mut all = Vec::new();
		loop {
			let some = self.read(fd, 50_000)?;
			if some.is_empty() {
				break;
			}
			all.extend(some);
		}
		self.close(fd)?;
		Ok(all)
	}

	#[track_caller]
	pub fn close(&mut self, fd: u32) -> Result<(), u32> {
		self.result("fd_close", &[fd.into()])
	}

	#[track_caller]
	pub fn write(&mut self, fd: u32, bytes: &[u8]) -> Result<u32, u32> {
		self.put(DATA, bytes);
		let (list, count) = self.list(&[bytes.len()]);
		self.result("fd_write", &[fd.into(), list, count, RESULT])?;
		Ok(self.word(RESULT))
	}

	#[track_caller]
	pub fn pwrite(&mut self, fd: u32, bytes: &[u8], offset: u64) -> Result<u32, u32> {
		self.put(DATA, bytes);
		let (list, count) = self.list(&[bytes.len()]);
		self.result("fd_pwrite", &[fd.into(), list, count, offset, RESULT])?;
		Ok(self.word(RESULT))
	}

	#[track_caller]
	pub fn read(&mut self, fd: u32, len: usize) -> Result<Vec<u8>, u32> {
		let (list, count) = self.list(&[len]);
		self.result("fd_read", &[fd.into(), list, count, RESULT])?;
		Ok(self.get(DATA, self.word(RESULT) as usize))
	}

	#[track_caller]
	pub fn pread(&mut self, fd: u32, len: usize, offset: u64) -> Result<Vec<u8>, u32> {
		let (list, count) = self.list(&[len]);
		self.result("fd_pread", &[fd.into(), list, count, offset, RESULT])?;
		Ok(self.get(DATA, self.word(RESULT) as usize))
	}

	#[track_caller]
	pub fn seek(&mut self, fd: u32, offset: i64, whence: u64) -> Result<u64, u32> {
		self.result("fd_seek", &[fd.into(), offset as u64, whence, RESULT])?;
		Ok(self.long(RESULT))
	}

	#[track_caller]
	pub fn tell(&mut self, fd: u32) -> Result<u64, u32> {
		self.result("fd_tell", &[fd.into(), RESULT])?;
		Ok(self.long(RESULT))
	}

	#[track_caller]
	pub fn set_size(&mut self, fd: u32, size: u64) -> Result<(), u32> {
		self.result("fd_filestat_set_size", &[fd.into(), size])
	}

	fn stored_stat(&self) -> Stat {
		let long = |i: u64| self.long(RESULT + 8 * i);
		assert!(long(0) <= 1 || self.reference.is_some(), "the device");
		Stat {
			inode: long(1),
			kind: long(2) as u8,
			links: long(3),
			size: long(4),
			atime: long(5),
			mtime: long(6),
			ctime: long(7),
		}
	}

	#[track_caller]
	pub fn stat_at(&mut self, fd: u32, path: &str, follow: u64) -> Result<Stat, u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result("path_filestat_get", &[fd.into(), follow, at, len, RESULT])?;
		Ok(self.stored_stat())
	}

	#[track_caller]
	pub fn stat(&mut self, path: &str) -> Result<Stat, u32> {
		self.stat_at(ROOT, path, 1)
	}

	#[track_caller]
	pub fn lstat(&mut self, path: &str) -> Result<Stat, u32> {
		self.stat_at(ROOT, path, 0)
	}

	#[track_caller]
	pub fn fstat(&mut self, fd: u32) -> Result<Stat, u32> {
		self.result("fd_filestat_get", &[fd.into(), RESULT])?;
		Ok(self.stored_stat())
	}

	/// Type, flags, rights, rights of what is opened in it.
	#[track_caller]
	pub fn fdstat(&mut self, fd: u32) -> Result<(u8, u16, u64, u64), u32> {
		self.result("fd_fdstat_get", &[fd.into(), RESULT])?;
		let first = self.long(RESULT);
		Ok((
			first as u8,
			(first >> 16) as u16,
			self.long(RESULT + 8),
			self.long(RESULT + 16),
		))
	}

	#[track_caller]
	pub fn mkdir(&mut self, path: &str) -> Result<(), u32> {
		self.mkdir_at(ROOT, path)
	}

	#[track_caller]
	pub fn mkdir_at(&mut self, fd: u32, path: &str) -> Result<(), u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result("path_create_directory", &[fd.into(), at, len])
	}

	#[track_caller]
	pub fn rmdir(&mut self, path: &str) -> Result<(), u32> {
		self.rmdir_at(ROOT, path)
	}

	#[track_caller]
	pub fn rmdir_at(&mut self, fd: u32, path: &str) -> Result<(), u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result("path_remove_directory", &[fd.into(), at, len])
	}

	#[track_caller]
	pub fn unlink(&mut self, path: &str) -> Result<(), u32> {
		self.unlink_at(ROOT, path)
	}

	#[track_caller]
	pub fn unlink_at(&mut self, fd: u32, path: &str) -> Result<(), u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result("path_unlink_file", &[fd.into(), at, len])
	}

	#[track_caller]
	pub fn rename(&mut self, old: &str, new: &str) -> Result<(), u32> {
		self.rename_at(ROOT, old, ROOT, new)
	}

	#[track_caller]
	pub fn rename_at(&mut self, fd: u32, old: &str, new_fd: u32, new: &str) -> Result<(), u32> {
		let (at, len) = self.path(old.as_bytes());
		let (new, new_len) = self.other(new.as_bytes());
		self.result("path_rename", &[fd.into(), at, len, new_fd.into(), new, new_len])
	}

	#[track_caller]
	pub fn link(&mut self, old: &str, new: &str, follow: u64) -> Result<(), u32> {
		self.link_at(ROOT, old, ROOT, new, follow)
	}

	#[track_caller]
	pub fn link_at(&mut self, fd: u32, old: &str, new_fd: u32, new: &str, follow: u64) -> Result<(), u32> {
		let (at, len) = self.path(old.as_bytes());
		let (new, new_len) = self.other(new.as_bytes());
		self.result("path_link", &[fd.into(), follow, at, len, new_fd.into(), new, new_len])
	}

	#[track_caller]
	pub fn symlink(&mut self, text: &str, path: &str) -> Result<(), u32> {
		self.symlink_at(text, ROOT, path)
	}

	#[track_caller]
	pub fn symlink_at(&mut self, text: &str, fd: u32, path: &str) -> Result<(), u32> {
		let (text, text_len) = self.other(text.as_bytes());
		let (at, len) = self.path(path.as_bytes());
		self.result("path_symlink", &[text, text_len, fd.into(), at, len])
	}

	#[track_caller]
	pub fn readlink(&mut self, path: &str, room: u64) -> Result<Vec<u8>, u32> {
		self.readlink_at(ROOT, path, room)
	}

	#[track_caller]
	pub fn readlink_at(&mut self, fd: u32, path: &str, room: u64) -> Result<Vec<u8>, u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result("path_readlink", &[fd.into(), at, len, DATA, room, RESULT])?;
		Ok(self.get(DATA, self.word(RESULT) as usize))
	}

	#[track_caller]
	pub fn set_times(&mut self, path: &str, follow: u64, atim: u64, mtim: u64, flags: u64) -> Result<(), u32> {
		let (at, len) = self.path(path.as_bytes());
		self.result(
			"path_filestat_set_times",
			&[ROOT.into(), follow, at, len, atim, mtim, flags],
		)
	}

	/// One call of `fd_readdir`: whole entries, and whether the buffer was filled.
	#[track_caller]
	pub fn readdir(&mut self, fd: u32, room: usize, cookie: u64) -> Result<(Vec<Listed>, bool), u32> {
		self.put(DATA, &vec![0xaa; room + 8]);
		self.result("fd_readdir", &[fd.into(), DATA, room as u64, cookie, RESULT])?;
		let len = self.word(RESULT) as usize;
		assert!(len <= room);
		assert_eq!(self.get(DATA + len as u64, 8), [0xaa; 8], "beyond the buffer");
		let bytes = self.get(DATA, len);
		let mut entries = Vec::new();
		let mut at = 0;
		while at + 24 <= len {
			let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
			let name_len = long(at + 16) as u32 as usize;
			let Some(name) = bytes.get(at + 24..at + 24 + name_len) else {
				break;
			};
			assert!(bytes[at + 21..at + 24] == [0; 3] || self.reference.is_some());
			entries.push(Listed {
				next: long(at),
				inode: long(at + 8),
				kind: bytes[at + 20],
				name: String::from_utf8(name.to_vec()).unwrap(),
			});
			at += 24 + name_len;
		}
		Ok((entries, len == room))
	}

	/// All entries of a directory by its file descriptor, read with a buffer of so many bytes, as C libraries do.
	#[track_caller]
	pub fn list_fd(&mut self, fd: u32, room: usize) -> Result<Vec<Listed>, u32> {
		let mut room = room;
		let mut all: Vec<Listed> = Vec::new();
		loop {
			let cookie = all.last().map_or(0, |last| last.next);
			let (some, full) = self.readdir(fd, room, cookie)?;
			if some.is_empty() && full {
				room *= 2;
				continue;
			}
			all.extend(some);
			if !full {
				return Ok(all);
			}
		}
	}

	/// Names in a directory, without `.` and `..`, in their order.
	#[track_caller]
	pub fn names(&mut self, path: &str) -> Result<Vec<String>, u32> {
		let fd = self.open(path, DIRECTORY, 0)?;
		let all = self.list_fd(fd, 4_096)?;
		self.close(fd)?;
		assert_eq!((&*all[0].name, &*all[1].name), (".", ".."));
		Ok(all[2..].iter().map(|entry| entry.name.clone()).collect())
	}

	/// Pages of the functions' own memory.
	pub fn own_pages(&self) -> usize {
		self.wasi.host.own.len() / 65_536
	}

	pub fn gas(&self) -> u64 {
		self.wasi.host.gas.get()
	}

	pub fn output(&self) -> &[u8] {
		&self.wasi.host.output
	}

	pub fn errors(&self) -> String {
		String::from_utf8_lossy(&self.wasi.host.errors).into()
	}
}

/// So many rounds, times what `MILLRACE_WASI_FUZZ` says: `10` for ten times as many, `0.1` for a tenth.
pub fn rounds(default: u64) -> u64 {
	let times = std::env::var("MILLRACE_WASI_FUZZ")
		.ok()
		.and_then(|times| times.parse().ok());
	(default as f64 * times.unwrap_or(1.0)) as u64
}

/// Choices: splitmix64, or what a fuzzer wants as long as its bytes last.
pub struct Random {
	state: u64,
	script: std::vec::IntoIter<u8>,
}

impl Random {
	pub fn new(seed: u64) -> Self {
		Self {
			state: seed,
			script: Vec::new().into_iter(),
		}
	}

	/// A byte decides one of up to 256 choices, two one of up to 65,536.
	pub fn scripted(script: &[u8]) -> Self {
		Self {
			state: 0,
			script: script.to_vec().into_iter(),
		}
	}

	/// Whether there are bytes left that decide.
	pub fn has_script(&self) -> bool {
		self.script.len() > 0
	}

	pub fn next(&mut self) -> u64 {
		self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut z = self.state;
		z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
		z ^ z >> 31
	}

	pub fn below(&mut self, n: u64) -> u64 {
		let mut byte = || self.script.next().map(u64::from);
		match byte() {
			None => self.next() % n,
			Some(low) if n <= 256 => low % n,
			Some(low) => (low | byte().unwrap_or(0) << 8) % n,
		}
	}

	pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
		&of[self.below(of.len() as u64) as usize]
	}

	pub fn bytes(&mut self, len: usize) -> Vec<u8> {
		(0..len).map(|_| self.next() as u8).collect()
	}
}
