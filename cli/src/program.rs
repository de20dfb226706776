//! Programs: WebAssembly modules, checked before anybody pays for them. The check is the one that providers make.

use crate::{
	failure::{Failure, Result},
	stored::Stored,
};
use clap::Args;
use millrace_client::blobs::parse_root;
use millrace_primitives::{
	job::MAX_PROGRAM_SIZE,
	machine::{check_program, program_id, Blob},
	ProgramId, ProgramRoots, ENGINE_VERSION,
};
use millrace_vm::{
	flatten::flatten,
	normalise::{normalise, strip, wasi_functions, with_entry, Reason},
};
use std::{
	fs::{self, File},
	io::Read,
	path::Path,
};

/// What is longer is not looked at, whatever of it are custom sections.
const MAX_FILE: u64 = 512 << 20;

/// What is done to a module before it is published or served.
#[derive(Clone, Debug, Default, Args)]
pub struct Prepare {
	/// Publish and serve the program's module as it is, with its custom sections (names, information for debuggers).
	/// Without them it is another program, by its id, with the same behaviour.
	#[arg(long)]
	pub keep_custom_sections: bool,
	/// The exported function that is run, of a module that is no command: without parameters, with no result or one i32,
	/// which is the exit code. `_initialize` is run before it. With another entry it is another program, by its id.
	#[arg(long, value_name = "NAME")]
	pub entry: Option<String>,
}

/// A program that providers accept.
#[derive(Clone, Debug)]
pub struct Program {
	/// What it is called by.
	pub id: ProgramId,
	/// The roots of its code and first memory.
	pub roots: ProgramRoots,
	/// Its module.
	pub module: Stored,
	/// The file's name, by which a program knows itself.
	pub name: String,
	/// Bytes of custom sections that were left out.
	pub left_out: u64,
}

impl Program {
	/// Reads and checks a module.
	pub fn read(path: &Path, prepare: &Prepare) -> Result<Self> {
		let failed = |reason: String| Failure::Input(format!("{}: {reason}", path.display()));
		crate::job::exists(path)?;
		let metadata = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
		if metadata.is_dir() {
			return Err(failed("a folder; name the file of a WebAssembly module".into()));
		}
		let most = u64::from(MAX_PROGRAM_SIZE);
		let mut bytes = Vec::new();
		File::open(path)
			.and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
			.map_err(|error| failed(error.to_string()))?;
		let mut left_out = 0;
		if !prepare.keep_custom_sections {
			let stripped = strip(&bytes);
			left_out = (bytes.len() - stripped.len()) as u64;
			bytes = stripped;
		}
		// Nothing needs to say what is the case anyway.
		if let Some(name) = prepare.entry.as_deref().filter(|name| *name != "_start") {
			bytes = with_entry(&bytes, name);
		}
		if bytes.len() as u64 > most {
			return Err(failed(format!(
				"more than the limit of {most} bytes; give as image or input what is data"
			)));
		}
		let roots = check(&bytes).map_err(failed)?;
		let what = path.display().to_string();
		let module = Stored::write(&what, MAX_PROGRAM_SIZE, |out| {
			out.write_all(&bytes).map_err(|error| failed(error.to_string()))
		})?;
		let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
		Ok(Self {
			id: program_id(ENGINE_VERSION, &roots, &module.blob()),
			roots,
			module,
			name,
			left_out,
		})
	}

	/// What the chain calls its module.
	pub fn blob(&self) -> Blob {
		self.module.blob()
	}

	/// What was left out of the module, in words; none if nothing was.
	pub fn note(&self) -> Option<String> {
		(self.left_out > 0).then(|| {
			format!(
				"{} bytes of custom sections (names, information for debuggers) are left out; --keep-custom-sections keeps them.",
				self.left_out
			)
		})
	}
}

/// A program by its id or its module.
pub fn find(text: &str, prepare: &Prepare) -> Result<(ProgramId, Option<Program>)> {
	match parse_root(text) {
		Some(_) if prepare.entry.is_some() => Err(Failure::Input(
			"--entry is part of a program: name its module, or the id that it was published under with that entry"
				.into(),
		)),
		Some(id) => Ok((id, None)),
		None if text.starts_with("0x") && !Path::new(text).exists() => Err(Failure::Input(format!(
			"{text} is no program: expected the file of a module, or an id, which is 0x and 64 lower-case hexadecimal digits"
		))),
		None => {
			let program = Program::read(Path::new(text), prepare)?;
			Ok((program.id, Some(program)))
		}
	}
}

/// What providers say to a module, and what helps.
fn check(bytes: &[u8]) -> Result<ProgramRoots, String> {
	let module = normalise(bytes).map_err(|refused| match refused.reasons() {
		[Reason::Import { .. }, ..] => {
			let functions: Vec<_> = wasi_functions().map(|(name, _)| name).collect();
			format!(
				"{refused}\nprograms may import from wasi_snapshot_preview1: {}",
				functions.join(" ")
			)
		}
		[Reason::Export(_), ..] => {
			format!("{refused}\nbuild a program (a WASI command, target wasm32-wasip1), not a library")
		}
		[Reason::Feature { .. }, ..] => format!("{refused}\nbuild it without that feature"),
		_ => refused.to_string(),
	})?;
	let program = flatten(&module).map_err(|error| error.to_string())?;
	check_program(program.roots()).map_err(|unfit| unfit.to_string())?;
	Ok(*program.roots())
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use millrace_primitives::machine;

	/// A module that imports this function.
	pub fn module(import: (&str, &str), ty: &str) -> Vec<u8> {
		let (module, name) = import;
		wat::parse_str(format!(
			r#"(module (import "{module}" "{name}" (func {ty})) (memory (export "memory") 3) (func (export "_start")))"#
		))
		.unwrap()
	}

	/// A program that is accepted. It starts with three pages of its own.
	pub fn accepted() -> Vec<u8> {
		module(("wasi_snapshot_preview1", "proc_exit"), "(param i32)")
	}

	fn refusal(bytes: &[u8]) -> String {
		check(bytes).unwrap_err()
	}

	#[test]
	fn the_offending_import_and_the_allowed_ones_are_named() {
		for (from, function) in [
			("wasi_snapshot_preview1", "path_close"),
			("wasi_unstable", "fd_read"),
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
		let threads = r#"(module (memory (export "memory") 1 1 shared) (func (export "_start")))"#;
		assert!(text(threads).contains("without that feature"), "{}", text(threads));
		let good = accepted();
		assert!(check(&good).is_ok());
		assert!(check(&good[..good.len() - 1]).is_err());
	}

	#[test]
	fn files_are_read_and_named_in_errors() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("program.wasm");
		fs::write(&path, accepted()).unwrap();
		let read = |path: &Path| Program::read(path, &Prepare::default());
		let program = read(&path).unwrap();
		let served = fs::read(program.module.path()).unwrap();
		assert_eq!(Some(program.blob()), machine::blob(&served));
		assert_eq!(program.id, program_id(ENGINE_VERSION, &program.roots, &program.blob()));
		assert_eq!((program.roots.pages, program.name.as_str()), (3, "program.wasm"));
		fs::write(&path, "text").unwrap();
		assert!(read(&path).unwrap_err().to_string().contains("program.wasm"));
		let large = File::create(&path).unwrap();
		large.set_len(u64::from(MAX_PROGRAM_SIZE) + 1).unwrap();
		assert!(read(&path).unwrap_err().to_string().contains("the limit of"));
	}

	#[test]
	fn custom_sections_are_left_out_unless_they_are_wanted() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("a.wasm");
		let named = wat::parse_str(
			r#"(module (@custom "note" "some words") (memory (export "memory") 1) (func (export "_start")))"#,
		)
		.unwrap();
		fs::write(&path, &named).unwrap();
		let plain = Program::read(&path, &Prepare::default()).unwrap();
		let prepare = Prepare {
			keep_custom_sections: true,
			..Prepare::default()
		};
		let whole = Program::read(&path, &prepare).unwrap();
		assert_eq!(whole.blob().len as usize, named.len());
		assert_eq!(u64::from(plain.blob().len) + plain.left_out, named.len() as u64);
		assert!(plain.note().is_some() && whole.note().is_none());
		assert_eq!(plain.roots, whole.roots);
		assert_ne!(plain.id, whole.id);
	}
	#[test]
	fn an_entry_is_part_of_a_program() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("a.wasm");
		let module = r#"(module (memory (export "memory") 1) (func (export "main") (result i32) (i32.const 3)) (func (export "f")))"#;
		fs::write(&path, wat::parse_str(module).unwrap()).unwrap();
		let read = |entry: Option<&str>| {
			let entry = entry.map(str::to_string);
			Program::read(
				&path,
				&Prepare {
					entry,
					..Prepare::default()
				},
			)
		};
		let refused = read(None).unwrap_err().to_string();
		assert!(
			refused.contains("--entry") && refused.contains("`main`, `f`"),
			"{refused}"
		);
		let (main, other) = (read(Some("main")).unwrap(), read(Some("f")).unwrap());
		assert_ne!(main.id, other.id);
		let wrong = read(Some("g")).unwrap_err().to_string();
		assert!(wrong.contains("`g`"), "{wrong}");
		let id = format!("0x{}", "1".repeat(64));
		let prepare = Prepare {
			entry: Some("main".into()),
			..Prepare::default()
		};
		assert!(find(&id, &prepare).is_err());
	}
}
