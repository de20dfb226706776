//! Running programs.
//!
//! [`Execute`] is what the agent asks of an executor; [`Wasm`] is the one that providers run: the verifiable machine of
//! `millrace-vm` (`millrace_primitives::ENGINE_VERSION` is its version), whose module is what both a provider runs and a
//! dispute replays. What programs may be, what gas is and what a task can see is described there.

mod engine;
pub mod trial;

pub use engine::{compile_only, Wasm, WasmLimits};
pub use millrace_vm::fast::Stop;

use millrace_primitives::{merkle, outcome::Status, Gas, Hash, Outcome, ProgramId};
use std::sync::Arc;

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
}

impl Execution {
	/// A task that exited with code 0.
	pub fn success(output: Vec<u8>, gas_used: Gas) -> Self {
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
		}
	}

	/// A task that failed by its own fault.
	pub fn failure(fault: String, gas_used: Gas) -> Self {
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
	Module(#[from] millrace_vm::normalise::Refused),
	/// It is beyond what the compiler can do, on any machine.
	#[error("the program cannot be compiled: {0}")]
	Compiler(String),
	/// Its memory starts above the job's limit.
	#[error("the program starts with {needs} pages of memory, the job allows {limit}")]
	Memory {
		/// What the module declares.
		needs: u32,
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
