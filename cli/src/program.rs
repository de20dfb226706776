//! Programs: WebAssembly modules, checked before anybody pays for them. The check is the one that providers make.

use crate::failure::{Failure, Result};
use millrace_primitives::{job::MAX_PROGRAM_SIZE, merkle, ProgramId};
use millrace_vm::normalise::{normalise, wasi_functions, Normalised, Refused};
use std::{fs, path::Path, sync::Arc};

/// A program that providers accept.
#[derive(Clone, Debug)]
pub struct Program {
	/// Its root.
	pub id: ProgramId,
	/// The module.
	pub bytes: Arc<[u8]>,
	/// The pages of memory that it starts with.
	pub initial_pages: u32,
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
			return Err(failed(format!(
				"{size} bytes, the limit is {MAX_PROGRAM_SIZE}; strip it, and give as input what is data"
			)));
		}
		let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
		if bytes.len() as u64 > u64::from(MAX_PROGRAM_SIZE) {
			return Err(failed("it grew while it was read".into()));
		}
		let module = check(&bytes).map_err(failed)?;
		Ok(Self {
			id: merkle::data_root(&bytes),
			bytes: bytes.into(),
			initial_pages: module.initial_pages(),
		})
	}

	/// Its length in bytes.
	pub fn size(&self) -> u32 {
		// At most `MAX_PROGRAM_SIZE`, as checked when it was read.
		self.bytes.len() as u32
	}
}

/// What providers say to a module, and what helps.
fn check(bytes: &[u8]) -> Result<Normalised, String> {
	normalise(bytes).map_err(|refused| match refused {
		Refused::Import { .. } => {
			let functions: Vec<_> = wasi_functions().map(|(name, _)| name).collect();
			format!(
				"{refused}; programs may import from wasi_snapshot_preview1: {}",
				functions.join(" ")
			)
		}
		Refused::Export(_) => {
			format!("{refused}; build a program (a WASI command, target wasm32-wasip1), not a library")
		}
		Refused::Feature { .. } => format!("{refused}; build it without that feature"),
		_ => refused.to_string(),
	})
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;

	/// A module that imports this function.
	pub fn module(import: (&str, &str), ty: &str) -> Vec<u8> {
		let (module, name) = import;
		wat::parse_str(format!(
			r#"(module (import "{module}" "{name}" (func {ty})) (memory (export "memory") 3) (func (export "_start")))"#
		))
		.unwrap()
	}

	/// A program that is accepted.
	pub fn accepted() -> Vec<u8> {
		module(("wasi_snapshot_preview1", "proc_exit"), "(param i32)")
	}

	fn refusal(bytes: &[u8]) -> String {
		check(bytes).unwrap_err()
	}

	#[test]
	fn the_offending_import_and_the_allowed_ones_are_named() {
		for (from, function) in [
			("wasi_snapshot_preview1", "path_open"),
			("wasi_snapshot_preview1", "sock_send"),
			("env", "fd_read"),
			("", ""),
		] {
			let text = refusal(&module((from, function), ""));
			assert!(text.contains(&format!("`{from}` `{function}`")), "{text}");
			assert!(text.contains("fd_write") && text.contains("random_get"), "{text}");
		}
		let text = refusal(&module(("wasi_snapshot_preview1", "fd_write"), ""));
		assert!(text.contains("(i32, i32, i32, i32) -> i32"), "{text}");
	}

	#[test]
	fn what_is_no_program_is_refused_with_what_helps() {
		let text = |wat: &str| refusal(&wat::parse_str(wat).unwrap());
		assert!(refusal(b"").contains("WebAssembly"));
		assert!(refusal(b"#!/bin/sh\n").contains("WebAssembly"));
		assert!(refusal(b"\0asm\x0d\0\x01\0").contains("component"));
		assert!(text("(module)").contains("not a library"));
		let simd =
			r#"(module (memory (export "memory") 1) (func (export "_start") (drop (i32x4.splat (i32.const 0)))))"#;
		assert!(text(simd).contains("SIMD") && text(simd).contains("without that feature"));
		let good = accepted();
		assert!(check(&good).is_ok());
		assert!(check(&good[..good.len() - 1]).is_err());
	}

	#[test]
	fn files_are_read_and_named_in_errors() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("program.wasm");
		fs::write(&path, accepted()).unwrap();
		let program = Program::read(&path).unwrap();
		assert_eq!(program.id, merkle::data_root(&fs::read(&path).unwrap()));
		assert_eq!(program.size() as usize, program.bytes.len());
		assert_eq!(program.initial_pages, 3);
		fs::write(&path, "text").unwrap();
		assert!(Program::read(&path).unwrap_err().to_string().contains("program.wasm"));
		let large = fs::File::create(&path).unwrap();
		large.set_len(u64::from(MAX_PROGRAM_SIZE) + 1).unwrap();
		assert!(Program::read(&path).unwrap_err().to_string().contains("the limit is"));
	}
}
