//! The functions as the reference engine has them, over a real folder: a process that is asked for each call.

use super::decode::Module;
use std::{
	io::{Read, Write},
	path::PathBuf,
	process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What is called there.
const CALLED: [&str; 22] = [
	"fd_close",
	"fd_fdstat_get",
	"fd_fdstat_set_flags",
	"fd_filestat_get",
	"fd_filestat_set_size",
	"fd_pread",
	"fd_pwrite",
	"fd_read",
	"fd_readdir",
	"fd_renumber",
	"fd_seek",
	"fd_tell",
	"fd_write",
	"path_create_directory",
	"path_filestat_get",
	"path_link",
	"path_open",
	"path_readlink",
	"path_remove_directory",
	"path_rename",
	"path_symlink",
	"path_unlink_file",
];

/// The process.
pub struct Reference {
	child: Child,
	calls: ChildStdin,
	answers: ChildStdout,
	/// Places of the program's memory that were written since the last call.
	written: Vec<(u32, Vec<u8>)>,
}

impl Drop for Reference {
	fn drop(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}

impl Reference {
	/// Starts it; the engine is fetched if it is not there yet.
	pub fn start() -> Self {
		// Where it is now, not where it was compiled.
		let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
		let fetched = Command::new(here.join("../../scripts/published.sh"))
			.arg("engine")
			.stderr(Stdio::inherit())
			.output()
			.expect("scripts/published.sh can be run");
		assert!(fetched.status.success(), "scripts/published.sh engine");
		let engine = String::from_utf8(fetched.stdout).unwrap();
		let mut child = Command::new(std::env::var_os("PYTHON").unwrap_or("python3".into()))
			.arg("-B")
			.arg(here.join("tests/reference/engine.py"))
			.arg(engine.trim())
			.stdin(Stdio::piped())
			.stdout(Stdio::piped())
			.spawn()
			.expect("python3 can be run");
		let (calls, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
		let mut reference = Self {
			child,
			calls,
			answers,
			written: Vec::new(),
		};
		reference.send(module().as_bytes());
		reference
	}

	/// A new program over an empty folder.
	pub fn restart(&mut self) {
		self.written.clear();
		self.send(&[]);
	}

	/// Remembers what the program stores.
	pub fn put(&mut self, at: u64, bytes: &[u8]) {
		self.written.push((at as u32, bytes.to_vec()));
	}

	/// Calls a function; what it stores is stored in `memory`.
	pub fn call(&mut self, memory: &mut [u8], name: &str, parameters: &[u64]) -> u32 {
		let mut frame = [name.as_bytes(), &[0, parameters.len() as u8]].concat();
		parameters
			.iter()
			.for_each(|parameter| frame.extend(parameter.to_le_bytes()));
		frame.extend((self.written.len() as u32).to_le_bytes());
		for (at, bytes) in self.written.drain(..) {
			frame.extend(at.to_le_bytes());
			frame.extend((bytes.len() as u32).to_le_bytes());
			frame.extend(bytes);
		}
		self.send(&frame);
		let answer = self.receive();
		let word = |at: usize| u32::from_le_bytes(answer[at..at + 4].try_into().unwrap());
		let mut at = 8;
		for _ in 0..word(4) {
			let (to, len) = (word(at) as usize, word(at + 4) as usize);
			memory[to..to + len].copy_from_slice(&answer[at + 8..at + 8 + len]);
			at += 8 + len;
		}
		word(0)
	}

	fn send(&mut self, frame: &[u8]) {
		let whole = [&(frame.len() as u32).to_le_bytes(), frame].concat();
		self.calls.write_all(&whole).expect("the reference engine runs");
		self.calls.flush().expect("the reference engine runs");
	}

	fn receive(&mut self) -> Vec<u8> {
		let mut len = [0; 4];
		self.answers.read_exact(&mut len).expect("the reference engine answers");
		let mut answer = vec![0; u32::from_le_bytes(len) as usize];
		self.answers
			.read_exact(&mut answer)
			.expect("the reference engine answers");
		answer
	}
}

/// A module that calls the functions, over a memory like that of programs in tests.
fn module() -> String {
	let built = Module::built();
	let (mut imports, mut functions) = (String::new(), String::new());
	for name in CALLED {
		let ty = built.type_of(built.exports[name].1);
		let params: Vec<&str> = ty
			.params
			.iter()
			.map(|ty| if *ty == 0x7f { "i32" } else { "i64" })
			.collect();
		let params = params.join(" ");
		imports +=
			&format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) (result i32)))\n");
		let passed: String = (0..ty.params.len()).map(|n| format!("local.get {n} ")).collect();
		functions += &format!("(func (export \"{name}\") (param {params}) (result i32) {passed}call ${name})\n");
	}
	format!("(module\n{imports}{functions}(memory (export \"memory\") 4))")
}
