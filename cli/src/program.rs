//! Programs: WebAssembly modules, checked before anybody pays for them.
//!
//! Providers check a module in full when they compile it. What is checked here are the mistakes that users make: a file
//! that is no module, and imports that no provider offers.

use crate::failure::{Failure, Result};
use millrace_primitives::{job::MAX_PROGRAM_SIZE, merkle, ProgramId};
use std::{fs, path::Path, sync::Arc};

/// The only module that a program may import from.
pub const WASI: &str = "wasi_snapshot_preview1";
/// What it may import.
pub const FUNCTIONS: [&str; 16] = [
	"fd_read",
	"fd_write",
	"fd_close",
	"fd_fdstat_get",
	"fd_seek",
	"fd_prestat_get",
	"fd_prestat_dir_name",
	"environ_get",
	"environ_sizes_get",
	"args_get",
	"args_sizes_get",
	"clock_time_get",
	"clock_res_get",
	"random_get",
	"proc_exit",
	"sched_yield",
];

/// A program that providers would accept as far as can be seen.
#[derive(Clone, Debug)]
pub struct Program {
	/// Its root.
	pub id: ProgramId,
	/// The module.
	pub bytes: Arc<[u8]>,
}

impl Program {
	/// Reads and checks a module.
	pub fn read(path: &Path) -> Result<Self> {
		let failed = |reason: String| Failure::Input(format!("{}: {reason}", path.display()));
		crate::job::exists(path)?;
		let metadata = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
		if metadata.is_dir() {
			return Err(failed("a folder; name the file of a WebAssembly module".into()));
		}
		let size = metadata.len();
		if size > u64::from(MAX_PROGRAM_SIZE) {
			return Err(failed(format!("{size} bytes, the limit is {MAX_PROGRAM_SIZE}")));
		}
		let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
		if bytes.len() as u64 > u64::from(MAX_PROGRAM_SIZE) {
			return Err(failed("it grew while it was read".into()));
		}
		check(&bytes).map_err(failed)?;
		Ok(Self {
			id: merkle::data_root(&bytes),
			bytes: bytes.into(),
		})
	}

	/// Its length in bytes.
	pub fn size(&self) -> u32 {
		// At most `MAX_PROGRAM_SIZE`, as checked when it was read.
		self.bytes.len() as u32
	}
}

/// Checks a module's imports and exports.
fn check(bytes: &[u8]) -> Result<(), String> {
	let mut reader = match bytes.strip_prefix(b"\0asm\x01\0\0\0") {
		Some(rest) => Reader(rest),
		None if bytes.starts_with(b"\0asm\x0d\0\x01\0") => {
			return Err("a WebAssembly component; build a core module (for example target wasm32-wasip1)".into())
		}
		None if bytes.starts_with(b"\0asm") => return Err("a WebAssembly module of another version than 1".into()),
		None => return Err("not a WebAssembly module".into()),
	};
	let damaged = || "a damaged WebAssembly module".to_string();
	let mut starts = false;
	while !reader.0.is_empty() {
		let id = reader.byte().ok_or_else(damaged)?;
		let mut section = reader.bytes().map(Reader).ok_or_else(damaged)?;
		match id {
			2 => section.imports()?,
			7 => starts = section.exports_start().ok_or_else(damaged)?,
			_ => {}
		}
	}
	if starts {
		Ok(())
	} else {
		Err("it has no function `_start`; build a program (WASI command), not a library".into())
	}
}

/// Reads the binary format (WebAssembly core specification, section 5).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
	fn byte(&mut self) -> Option<u8> {
		let (first, rest) = self.0.split_first()?;
		self.0 = rest;
		Some(*first)
	}

	/// An unsigned LEB128 number below 2^`bits`.
	fn number(&mut self, bits: u32) -> Option<u64> {
		let mut value = 0u64;
		for shift in (0..bits).step_by(7) {
			let byte = self.byte()?;
			value |= u64::from(byte & 0x7f).checked_shl(shift)?;
			if byte & 0x80 == 0 {
				return Some(value);
			}
		}
		None
	}

	fn size(&mut self) -> Option<usize> {
		self.number(32)?.try_into().ok()
	}

	fn bytes(&mut self) -> Option<&'a [u8]> {
		let len = self.size()?;
		let (bytes, rest) = self.0.split_at_checked(len)?;
		self.0 = rest;
		Some(bytes)
	}

	fn name(&mut self) -> Option<String> {
		self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
	}

	fn limits(&mut self) -> Option<()> {
		let flags = self.byte()?;
		self.number(64)?;
		if flags & 1 != 0 {
			self.number(64)?;
		}
		Some(())
	}

	fn imports(&mut self) -> Result<(), String> {
		let damaged = || "a damaged WebAssembly module".to_string();
		let refused = |module: &str, name: &str, why: &str| {
			Err(format!(
				"it imports `{module}`.`{name}`, {why}; programs may import only these functions of {WASI}: {}",
				FUNCTIONS.join(" ")
			))
		};
		for _ in 0..self.size().ok_or_else(damaged)? {
			let (module, name) = self.name().zip(self.name()).ok_or_else(damaged)?;
			let kind = self.byte().ok_or_else(damaged)?;
			let skipped = match kind {
				0 => self.number(32).map(|_| ()),
				1 => self.byte().and_then(|_| self.limits()),
				2 => self.limits(),
				3 => self.byte().and_then(|_| self.byte()).map(|_| ()),
				4 => self.byte().and_then(|_| self.number(32)).map(|_| ()),
				_ => None,
			};
			skipped.ok_or_else(damaged)?;
			if kind != 0 {
				return refused(&module, &name, "which is no function");
			}
			if module != WASI || !FUNCTIONS.contains(&name.as_str()) {
				return refused(&module, &name, "which no provider offers");
			}
		}
		Ok(())
	}

	/// True if a function is exported as `_start`.
	fn exports_start(&mut self) -> Option<bool> {
		let mut found = false;
		for _ in 0..self.size()? {
			let name = self.bytes()?;
			let kind = self.byte()?;
			self.number(32)?;
			found |= name == b"_start" && kind == 0;
		}
		Some(found)
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;

	fn section(id: u8, body: &[u8]) -> Vec<u8> {
		[&[id, body.len() as u8][..], body].concat()
	}

	fn text(name: &str) -> Vec<u8> {
		[&[name.len() as u8][..], name.as_bytes()].concat()
	}

	/// A module with one imported function and an exported `_start`.
	pub fn module(import: (&str, &str)) -> Vec<u8> {
		let imports = [&[1][..], &text(import.0), &text(import.1), &[0, 0]].concat();
		let exports = [&[1][..], &text("_start"), &[0, 1]].concat();
		[
			&b"\0asm\x01\0\0\0"[..],
			&section(1, &[1, 0x60, 0, 0]),
			&section(2, &imports),
			&section(3, &[1, 0]),
			&section(7, &exports),
			&section(10, &[1, 2, 0, 0x0b]),
		]
		.concat()
	}

	#[test]
	fn every_allowed_function_may_be_imported() {
		for function in FUNCTIONS {
			assert_eq!(check(&module((WASI, function))), Ok(()), "{function}");
		}
	}

	#[test]
	fn the_offending_import_is_named() {
		for (module_name, function) in [(WASI, "path_open"), (WASI, "sock_send"), ("env", "fd_read"), ("", "")] {
			let error = check(&module((module_name, function))).unwrap_err();
			assert!(error.contains(&format!("`{module_name}`.`{function}`")), "{error}");
		}
		let memory = [&[1][..], &text("env"), &text("memory"), &[2, 0, 1]].concat();
		let bytes = [&b"\0asm\x01\0\0\0"[..], &section(2, &memory)].concat();
		assert!(check(&bytes).unwrap_err().contains("`env`.`memory`"));
	}

	#[test]
	fn what_is_no_program_is_refused() {
		assert!(check(b"").unwrap_err().contains("not a WebAssembly module"));
		assert!(check(b"#!/bin/sh\n").unwrap_err().contains("not a WebAssembly module"));
		assert!(check(b"\0asm\x0d\0\x01\0").unwrap_err().contains("component"));
		assert!(check(b"\0asm\x02\0\0\0").unwrap_err().contains("another version"));
		assert!(check(b"\0asm\x01\0\0\0").unwrap_err().contains("_start"));
	}

	#[test]
	fn damage_anywhere_never_panics() {
		let good = module((WASI, "fd_write"));
		for len in 0..good.len() {
			assert!(check(&good[..len]).is_err() || good[..len].ends_with(&[0, 1]), "{len}");
			for bit in 0..8 {
				let mut bad = good.clone();
				bad[len] ^= 1 << bit;
				// Any verdict will do; a panic would not.
				drop(check(&bad));
			}
		}
	}

	#[test]
	fn files_are_read_and_named_in_errors() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("program.wasm");
		fs::write(&path, module((WASI, "fd_read"))).unwrap();
		let program = Program::read(&path).unwrap();
		assert_eq!(program.id, merkle::data_root(&fs::read(&path).unwrap()));
		assert_eq!(program.size() as usize, program.bytes.len());
		fs::write(&path, "text").unwrap();
		assert!(Program::read(&path).unwrap_err().to_string().contains("program.wasm"));
		let large = fs::File::create(&path).unwrap();
		large.set_len(u64::from(MAX_PROGRAM_SIZE) + 1).unwrap();
		assert!(Program::read(&path).unwrap_err().to_string().contains("the limit is"));
	}
}
