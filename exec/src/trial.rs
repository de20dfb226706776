//! Compiling in a process of its own.
//!
//! A compiler cannot be stopped from within, and when memory runs out it takes the whole process with it. So an agent has
//! a program compiled by another process of its own binary, with a bound on time and on memory, and takes over the
//! machine code that it made. That a module is not the program that it is said to be is found out before it is compiled,
//! so that one module under many names costs little. Who could subvert the compiler there could do so here; the code is
//! checked to be of this compiler and this processor, as any other.
//!
//! What the bounds cut off says nothing about the program: another machine may be faster. It is the host's trouble.

use crate::{cache::Artifact, HostError, LoadError, Refused};
use millrace_primitives::ProgramRoots;
use std::{
	ffi::OsStr,
	io::{Read, Write},
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

/// The subcommand that compiles standard input.
pub const SUBCOMMAND: &str = "compile";
/// `(module (func (export "_start")))`, for a trial of trials.
pub const EMPTY_PROGRAM: &[u8] =
	b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\x0a\x04\x01\x02\0\x0b";
/// The exit code for a program that is refused; the reason is on standard output.
pub const REFUSED: u8 = 3;
/// The longest reason that is read, in bytes.
const MAX_REASON: usize = 16 * 1024;
/// How often the end of the process is looked for.
const POLL: Duration = Duration::from_millis(5);
/// Address space for the binary, its few threads and their heaps, beside what the compiler takes.
const OVERHEAD: u64 = 256 << 20;

/// How trials are made.
#[derive(Clone, Debug)]
pub struct Trial {
	/// The agent's binary.
	pub binary: PathBuf,
	/// The most time.
	pub time: Duration,
	/// The most memory in bytes, beside a fixed part for the process itself.
	pub memory: u64,
}

impl Trial {
	/// The usual bounds: far above what programs of the largest size need.
	pub fn new(binary: PathBuf) -> Self {
		Self {
			binary,
			time: Duration::from_secs(120),
			memory: 2 << 30,
		}
	}

	/// Compiles a module elsewhere, if its code has these roots.
	///
	/// # Errors
	/// [`LoadError::Refused`] if it has not or the compiler refuses it, [`HostError::Compile`] if it takes too long or too much,
	/// [`HostError::Engine`] if there can be no trial.
	pub fn run(&self, roots: &ProgramRoots, wasm: &[u8]) -> Result<Artifact, LoadError> {
		let failed = |error: std::io::Error| HostError::Engine(format!("no trial of a program: {error}"));
		let kib = self.memory.saturating_add(OVERHEAD) / 1024;
		// Beyond what is waited for, in case that nobody waits any more.
		let cpu = self.time.as_secs().saturating_add(1);
		// If the machine's memory runs out all the same, it is this process that goes.
		let script = r#"echo 1000 > /proc/self/oom_score_adj
			ulimit -c 0; ulimit -v "$1"; ulimit -t "$2"; exec "$0" "$3""#;
		let mut child = Command::new("/bin/sh")
			.args(["-c", script])
			.args([
				self.binary.as_os_str(),
				OsStr::new(&kib.to_string()),
				OsStr::new(&cpu.to_string()),
			])
			.arg(SUBCOMMAND)
			// The environment may hold secrets, and what is compiled is a stranger's.
			.env_clear()
			.env("MALLOC_ARENA_MAX", "2")
			.env("TOKIO_WORKER_THREADS", "1")
			// Two threads take little more memory than one.
			.env("RAYON_NUM_THREADS", "2")
			.current_dir(Path::new("/"))
			.stdin(Stdio::piped())
			.stdout(Stdio::piped())
			.stderr(Stdio::null())
			.spawn()
			.map_err(failed)?;
		let stdin = child.stdin.take();
		let stdout = child.stdout.take();
		let mut child = Reaped(child);
		let deadline = Instant::now() + self.time;
		let (status, written) = std::thread::scope(|scope| {
			// It may end without reading to the end, which then is an error of no interest.
			scope.spawn(|| {
				stdin.map(|mut stdin| stdin.write_all(&roots.encoded()).and_then(|()| stdin.write_all(wasm)))
			});
			let written = scope.spawn(|| {
				let mut bytes = Vec::new();
				let most = self.memory.saturating_add(OVERHEAD);
				let read = stdout.map(|stdout| stdout.take(most).read_to_end(&mut bytes));
				read.unwrap_or(Ok(0)).map(|_| bytes)
			});
			let status = loop {
				match child.0.try_wait() {
					Ok(None) if Instant::now() < deadline => std::thread::sleep(POLL),
					done => break done,
				}
			};
			// Its end also ends the writing and the reading.
			child.end();
			let written = written
				.join()
				.map_err(|_| HostError::Engine("the trial's reader panicked".into()))?;
			Ok::<_, HostError>((status.map_err(failed)?, written.map_err(failed)?))
		})?;
		let Some(status) = status else {
			return Err(HostError::Compile(format!("not done after {} s", self.time.as_secs_f32())).into());
		};
		match status.code() {
			Some(0) => Artifact::from_bytes(written)
				.ok_or_else(|| HostError::Engine("a trial of a program gave no code".into()).into()),
			Some(code) if code == i32::from(REFUSED) => Err(refusal(&written).into()),
			// The shell did not find the binary, or the binary does not know what to do.
			Some(2 | 126 | 127) => Err(HostError::Engine(format!("a trial of a program ended with {status}")).into()),
			// Out of memory ends in an abort, a panic or an error, out of processor time in a signal.
			_ => Err(HostError::Compile(format!("the compiler ended with {status}")).into()),
		}
	}
}

/// A refusal is written as a letter for its kind and its reason.
fn refusal(bytes: &[u8]) -> Refused {
	let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_REASON)]);
	match text.split_at_checked(1) {
		Some(("m", reason)) => Refused::Module(reason.into()),
		Some(("r", _)) => Refused::Roots,
		Some(("c", reason)) => Refused::Compiler(reason.into()),
		_ => Refused::Compiler(text.into()),
	}
}

/// Compiles what is read, and writes what came of it: the other side of [`Trial::run`]. The exit code.
///
/// # Errors
/// Reading or writing failed, or this machine is in trouble.
pub fn answer(input: &mut dyn Read, output: &mut dyn Write) -> Result<u8, HostError> {
	let failed = |error: std::io::Error| HostError::Engine(format!("cannot read or write: {error}"));
	let (mut roots, mut wasm) = ([0; ProgramRoots::SIZE], Vec::new());
	input.read_exact(&mut roots).map_err(failed)?;
	let most = u64::from(millrace_primitives::job::MAX_PROGRAM_SIZE) + 1;
	input.take(most).read_to_end(&mut wasm).map_err(failed)?;
	let (code, bytes) = match crate::engine::compile(&roots, &wasm) {
		Ok(artifact) => (0, artifact.bytes().to_vec()),
		Err(LoadError::Refused(Refused::Roots)) => (REFUSED, b"r".to_vec()),
		Err(LoadError::Refused(Refused::Module(reason))) => (REFUSED, format!("m{reason}").into_bytes()),
		Err(LoadError::Refused(Refused::Compiler(reason))) => (REFUSED, format!("c{reason}").into_bytes()),
		Err(LoadError::Refused(refused)) => (REFUSED, format!("m{refused}").into_bytes()),
		Err(LoadError::Host(error)) => return Err(error),
	};
	output.write_all(&bytes).and_then(|()| output.flush()).map_err(failed)?;
	Ok(code)
}

/// A process that does not outlive what waits for it.
struct Reaped(Child);

impl Reaped {
	fn end(&mut self) {
		// An error means that it ended already.
		let _ = self.0.kill();
		let _ = self.0.wait();
	}
}

impl Drop for Reaped {
	fn drop(&mut self) {
		self.end();
	}
}
