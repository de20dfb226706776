//! Running programs as providers do.
//!
//! [`Execute`] is what an agent asks of an executor; [`Wasm`] is the one that providers run, and that the command line
//! runs to try a job: the verifiable machine of `millrace-vm` (`millrace_primitives::ENGINE_VERSION` is its version),
//! whose module is what both a provider runs and a dispute replays. What programs may be, what gas is and what a task can
//! see is described there.
//!
//! | module | what it holds |
//! |---|---|
//! | [`engine`] | the executor: programs in memory, one compiled at a time |
//! | [`trial`] | compiling in a process of its own, within bounds of time and memory |
//! | [`cache`] | compiled code on disk, read only as this machine wrote it |
//! | [`image`] | images of files, shared by all tasks and never copied |
//! | [`replay`] | running tasks again on the step machine, for disputes |
//! | [`play`] | a party's moves on the boards of the court |

pub mod cache;
pub mod engine;
pub mod image;
#[cfg(feature = "lying")]
pub mod lying;
pub mod play;
pub mod replay;
pub mod trial;

pub use engine::{Wasm, WasmLimits};
pub use millrace_vm::{
	bisect::Budget,
	fast::Stop,
	game::Side,
	state::Halt,
	supply::{Bytes, Supply},
};

use millrace_primitives::{
	machine::{blob, program_id, Blob, Limits, Outcome, ProgramRoots, Tail, EMPTY_BLOB},
	Gas, ProgramId, Status, ENGINE_VERSION,
};
use millrace_vm::{flatten::flatten, normalise::normalise};
use std::sync::Arc;

/// A program by what the chain knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named {
	/// What it is called by.
	pub id: ProgramId,
	/// What its module must come to.
	pub roots: ProgramRoots,
	/// Its module.
	pub module: Blob,
}

impl Named {
	/// What the chain will know of a module once it is published.
	///
	/// # Errors
	/// See [`Refused`].
	pub fn of(wasm: &[u8]) -> Result<Self, Refused> {
		let normalised = normalise(wasm).map_err(|refused| Refused::Module(refused.to_string()))?;
		let flat = flatten(&normalised).map_err(|error| Refused::Module(error.to_string()))?;
		let module = blob(wasm).ok_or_else(|| Refused::Module("it is longer than 4 GiB".into()))?;
		Ok(Self {
			id: program_id(ENGINE_VERSION, flat.roots(), &module),
			roots: *flat.roots(),
			module,
		})
	}
}

/// Runs programs. All methods block and may take long.
pub trait Execute: Send + Sync + 'static {
	/// Checks and compiles a program, or finds it compiled. The module's bytes have been checked against its blob.
	fn load(&self, program: &Named, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError>;

	/// As [`Self::load`], for a program whose tasks are promised: with more patience, whatever came of it before.
	fn load_promised(&self, program: &Named, wasm: &[u8], memory_pages: u32) -> Result<Arc<dyn Program>, LoadError> {
		self.load(program, wasm, memory_pages)
	}
}

/// A program that is ready to run.
pub trait Program: Send + Sync {
	/// Runs one task. An `Err` is the host's trouble and says nothing about the program.
	fn run(&self, limits: &Limits, supply: Supply, stop: &Stop) -> Result<Execution, HostError>;
}

/// What a task yielded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Execution {
	/// What is reported.
	pub outcome: Outcome,
	/// The output, if the outcome keeps it; else nothing.
	pub output: Vec<u8>,
	/// The last of what it wrote to standard error.
	pub tail: Tail,
	/// How a task ended that did not succeed, in words.
	pub fault: Option<String>,
}

impl Execution {
	/// A task that exited with code 0 and wrote nothing to standard error.
	pub fn success(output: Vec<u8>, gas_used: Gas) -> Self {
		Self {
			outcome: Outcome {
				status: Status::Success,
				code: 0,
				// An output is below its limit, which has 32 bits.
				output: blob(&output).unwrap_or(EMPTY_BLOB),
				errors: [0; 32],
				gas_used,
			},
			output,
			tail: Tail::new(),
			fault: None,
		}
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
	/// It is no module that the machine accepts.
	#[error("the program is refused: {0}")]
	Module(String),
	/// It is beyond what the compiler can do, on any machine.
	#[error("the program cannot be compiled: {0}")]
	Compiler(String),
	/// Its module does not come to the roots that it was published with: a court would judge another program.
	#[error("the program's module is not what its publisher said that it is: its code has other roots")]
	Roots,
	/// Its memory starts above the job's limit.
	#[error("the program starts with {needs} pages of memory, the job allows {limit}")]
	Memory {
		/// What it starts with.
		needs: u64,
		/// The job's limit.
		limit: u32,
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
	#[error("{0}")]
	Engine(String),
}

impl From<millrace_vm::fast::HostError> for HostError {
	fn from(error: millrace_vm::fast::HostError) -> Self {
		use millrace_vm::fast::HostError as Fast;
		match error {
			Fast::Stopped => Self::Stopped,
			Fast::Memory(why) => Self::Memory(why),
			Fast::Stack | Fast::Task(_) | Fast::Engine(_) => Self::Engine(error.to_string()),
		}
	}
}
