//! Running programs.
//!
//! [`Execute`] is what the agent asks of an executor; [`Wasm`] is the one that providers run. Version 1 of the machine
//! (`millrace_primitives::ENGINE_VERSION`) is plain WebAssembly under wasmtime:
//!
//! - *Gas* is wasmtime's fuel, plus [`wasi::CALL_GAS`] for every call of the host and one gas for every byte that it
//!   moves, [`wasi::OUTPUT_GAS`] for a byte of output, which must be hashed and stored, and [`wasi::RANDOM_GAS`] for a
//!   random one. A task that exits by itself, or writes more than it may, is charged what it used. A task that traps is
//!   charged its whole limit: wasmtime does not know the exact count at a trap, and where a stack ends depends on the
//!   processor's frames, so that anything else would neither agree between machines nor stop free loops.
//!   Bulk operations are made to pay for what they touch, see [`bulk`], as are new pages of memory, [`engine::PAGE_GAS`]
//!   each. So no gas takes much more than ten times as long as that of plain code, but for memory that is read all over:
//!   an access that misses every cache costs what one that hits does.
//! - *Memory* grows up to the job's limit; beyond it `memory.grow` returns -1. A module whose memory starts above the
//!   limit is refused. A host that cannot give what the limit allows fails with [`HostError`] and does not report.
//! - *Numbers*: every NaN is canonical; there is no SIMD.
//! - *The world* is standard input, standard output, a clock that stands still and random bytes seeded by the task.

mod binary;
mod bulk;
mod check;
mod engine;
mod limits;
pub mod trial;
mod wasi;

pub use engine::{compile_only, Wasm, WasmLimits};
pub use wasi::FUNCTIONS;

use millrace_primitives::{merkle, outcome::Status, Gas, Hash, Outcome, ProgramId};
use std::sync::{
	atomic::{AtomicBool, Ordering},
	Arc,
};

/// Runs programs. Both methods block and may take long.
pub trait Execute: Send + Sync + 'static {
	/// Checks and compiles a program, or finds it compiled. Its bytes have been checked against `id`.
	fn load(&self, id: ProgramId, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError>;

	/// As [`Self::load`], for a program whose tasks are promised: with more patience, whatever came of it before.
	fn load_promised(&self, id: ProgramId, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		self.load(id, wasm, memory_pages)
	}
}

/// A program that is ready to run.
pub trait Program: Send + Sync {
	/// Runs one task. An `Err` is the host's trouble and says nothing about the program.
	fn run(&self, task: &Task, input: Vec<u8>, stop: &Stop) -> Result<Execution, HostError>;
}

/// The terms of one task.
#[derive(Clone, Copy, Debug)]
pub struct Task {
	/// The root over the job's inputs; seeds the random numbers.
	pub input_root: Hash,
	/// The task's number in the job; seeds the random numbers.
	pub index: u32,
	/// The most gas that it may use.
	pub gas_limit: Gas,
	/// The most memory that it may use, in pages of 64 KiB.
	pub memory_pages: u32,
	/// The most bytes that it may write to standard output.
	pub output_limit: u32,
}

/// What a task yielded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Execution {
	/// What is reported.
	pub outcome: Outcome,
	/// What was written to standard output; empty if the task failed.
	pub output: Vec<u8>,
	/// How a failed task ended, for the provider's log. No part of the outcome: others may word it differently.
	pub fault: Option<String>,
	/// The last of what was written to standard error.
	pub stderr: Vec<u8>,
}

impl Execution {
	/// A task that exited with code 0.
	pub fn success(output: Vec<u8>, gas_used: Gas, stderr: Vec<u8>) -> Self {
		let outcome = Outcome {
			status: Status::Success,
			output_root: merkle::data_root(&output),
			output_len: output.len() as u64,
			gas_used,
		};
		Self {
			outcome,
			output,
			fault: None,
			stderr,
		}
	}

	/// A task that failed by its own fault.
	pub fn failure(fault: String, gas_used: Gas, stderr: Vec<u8>) -> Self {
		let outcome = Outcome {
			status: Status::Failed,
			output_root: merkle::data_root(&[]),
			output_len: 0,
			gas_used,
		};
		Self {
			outcome,
			output: Vec::new(),
			fault: Some(fault),
			stderr,
		}
	}
}

/// Asks a running task to end at its next loop or call.
#[derive(Clone, Default, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
	/// A request that was not made yet.
	pub fn new() -> Self {
		Self::default()
	}
	/// Makes the request.
	pub fn request(&self) {
		self.0.store(true, Ordering::Relaxed);
	}
	/// True once it was made.
	pub fn is_requested(&self) -> bool {
		self.0.load(Ordering::Relaxed)
	}
}

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
	/// The program is at fault; every provider would refuse it.
	#[error(transparent)]
	Refused(#[from] Refused),
	/// This machine is in trouble.
	#[error(transparent)]
	Host(#[from] HostError),
}

/// Why a program is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
	/// It is longer than programs may be.
	#[error("the program has {0} bytes, more than the {1} that are allowed")]
	TooLarge(usize, usize),
	/// It is no valid module of the accepted kind.
	#[error("the program is not an accepted WebAssembly module: {0}")]
	Invalid(String),
	/// It imports what there is not.
	#[error("the program imports `{module}` `{name}`{hint}")]
	Import {
		/// The import's module.
		module: String,
		/// The import's name.
		name: String,
		/// What is wrong with it.
		hint: String,
	},
	/// It does not export what it must.
	#[error("the program does not export {0}")]
	Export(&'static str),
	/// Its memory starts above the job's limit.
	#[error("the program starts with {needs} pages of memory, the job allows {limit}")]
	Memory {
		/// What the module declares.
		needs: u64,
		/// The job's limit.
		limit: u32,
	},
	/// One of its parts is larger than the engine accepts.
	#[error("the program has {what}: {found}, at most {limit} are accepted")]
	Limit {
		/// Which part.
		what: &'static str,
		/// How much there is.
		found: u64,
		/// How much there may be.
		limit: u64,
	},
}

/// Trouble of the provider's own machine: the task has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
	/// The agent asked for it.
	#[error("stopped before it ended")]
	Stopped,
	/// The host could not give the memory that the job's limit allows.
	#[error("the machine cannot give a task the memory that its job allows: {0}")]
	Memory(String),
	/// Compiling a program takes this machine too long or too much memory.
	#[error("compiling the program takes too long or too much memory here: {0}")]
	Compile(String),
	/// Anything else.
	#[error("the execution engine failed: {0}")]
	Engine(String),
}
