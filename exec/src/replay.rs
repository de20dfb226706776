//! Running a shard's tasks again on the step machine, whose every state has a root: what a dispute asks for.

use crate::{Bytes, Refused, Supply};
use millrace_primitives::{
	api::{AssignmentView, JobView, ProgramView, ShardView},
	machine::task_seed,
	Blob, Hash, Matter, Outcome, ENGINE_VERSION,
};
use millrace_vm::{
	bisect::{Budget, Move, NoAnswer, Trace},
	flatten::flatten,
	game::{Game, Range},
	normalise::normalise,
	program::Program,
	stop::{Stop, Stopped},
	supply::{tree_of, Hashed, Known, Unhashed},
	task::Unfit,
};
use std::{io, sync::Arc};

/// What [`Run`] speaks of.
pub mod terms {
	pub use millrace_vm::{
		bisect::{Move, NoAnswer},
		game::{Game, Range},
		stop::Stopped,
	};
}

/// A run of a task, as a party to a dispute looks at it. What was stopped can be asked for again.
pub trait Run {
	/// The roots of its states at the points of a range.
	///
	/// # Errors
	/// If it was stopped.
	fn roots(&mut self, range: &Range, stop: &Stop) -> Result<Vec<[u8; 32]>, Stopped>;

	/// The move of the party whose turn it is, if this is what it ran.
	///
	/// # Errors
	/// See [`NoAnswer`].
	fn answer(&mut self, game: &Game, stop: &Stop) -> Result<Move, NoAnswer>;

	/// What it comes to.
	///
	/// # Errors
	/// If it was stopped.
	fn outcome(&mut self, stop: &Stop) -> Result<Outcome, Stopped>;
}

impl Run for Trace {
	fn roots(&mut self, range: &Range, stop: &Stop) -> Result<Vec<[u8; 32]>, Stopped> {
		self.stop_by(stop.clone());
		Trace::roots(self, range)
	}

	fn answer(&mut self, game: &Game, stop: &Stop) -> Result<Move, NoAnswer> {
		self.stop_by(stop.clone());
		Trace::answer(self, game)
	}

	fn outcome(&mut self, stop: &Stop) -> Result<Outcome, Stopped> {
		self.stop_by(stop.clone());
		self.finish().map(|(outcome, _)| outcome)
	}
}

/// A task before its first step.
pub struct Begun<R> {
	/// Its run.
	pub run: R,
	/// Its input.
	pub input: Blob,
	/// That it is this task's: [`millrace_primitives::merkle::prove_range`] of it alone.
	pub proof: Vec<Hash>,
}

/// Begins the tasks of a shard.
pub trait Replay {
	/// Their runs.
	type Run: Run;

	/// What is judged of the shard.
	fn matter(&self) -> &Matter;

	/// Begins a task, counted from the shard's first.
	///
	/// # Errors
	/// See [`NoRun`].
	fn begin(&mut self, task: u32, stop: &Stop) -> Result<Begun<Self::Run>, NoRun>;
}

/// What a task is given of its own.
pub struct Input {
	/// Its bytes.
	pub bytes: Bytes,
	/// That it is this task's: [`millrace_primitives::merkle::prove_range`] of it alone, or
	/// [`millrace_primitives::merkle::prove_within`] a shard's.
	pub proof: Vec<Hash>,
}

/// Where inputs come from, by tasks counted from the shard's first.
pub type Inputs = Box<dyn FnMut(u32) -> io::Result<Input> + Send>;

/// Why a task cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum NoRun {
	/// It was stopped.
	#[error(transparent)]
	Stopped(#[from] Stopped),
	/// The shard is of another version of the machine.
	#[error("the shard is computed by version {0} of the machine, which is not known here")]
	Engine(u8),
	/// The program's module is not what it must be.
	#[error(transparent)]
	Refused(#[from] Refused),
	/// The shard has no such task.
	#[error("the shard has no task {0}")]
	Task(u32),
	/// The task's input could not be had.
	#[error("the input of task {task}: {source}")]
	Disk {
		/// Which task's, counted from the shard's first.
		task: u32,
		/// Why.
		source: io::Error,
	},
	/// What is there as its input is not what the job's list has in its place, or the proof of that is wrong.
	#[error("what is there as the input of task {0} is not in its place of the job's list")]
	Input(u32),
	/// The image or the setup is not the job's.
	#[error("what is there as the job's image or setup is another one")]
	Start,
	/// Something that the task is given cannot be hashed.
	#[error(transparent)]
	Supply(Unhashed),
	/// No task of the job can start.
	#[error("the task cannot start: {0}")]
	Unfit(Unfit),
}

impl From<Unhashed> for NoRun {
	fn from(error: Unhashed) -> Self {
		match error {
			Unhashed::Stopped(stopped) => Self::Stopped(stopped),
			error => Self::Supply(error),
		}
	}
}

/// Replays a shard's tasks from what is at hand of them.
pub struct Replayer {
	matter: Matter,
	program: Arc<Program>,
	image: Bytes,
	setup: Bytes,
	/// The trees of image and setup, which all tasks share, once they are made.
	known: Known,
	inputs: Inputs,
	budget: Budget,
}

impl Replayer {
	/// Of a shard's program, image and setup (no bytes for what the job has not), and its inputs. Blocks as long as checking the
	/// module takes: compiling is no part of it.
	///
	/// # Errors
	/// [`NoRun::Engine`], and [`NoRun::Refused`] if the module does not come to the shard's roots.
	pub fn new(
		matter: Matter,
		module: &[u8],
		image: Bytes,
		setup: Bytes,
		inputs: Inputs,
		budget: Budget,
	) -> Result<Self, NoRun> {
		if matter.engine != ENGINE_VERSION {
			return Err(NoRun::Engine(matter.engine));
		}
		let normalised = normalise(module).map_err(|refused| Refused::Module(refused.to_string()))?;
		let program = flatten(&normalised).map_err(|error| Refused::Module(error.to_string()))?;
		if *program.roots() != matter.roots {
			return Err(Refused::Roots.into());
		}
		Ok(Self {
			matter,
			program: Arc::new(program),
			image,
			setup,
			known: Known::default(),
			inputs,
			budget,
		})
	}

	fn known(&mut self, stop: &Stop) -> Result<Known, Unhashed> {
		let threads = self.budget.threads;
		for (tree, bytes) in [
			(&mut self.known.image, &self.image),
			(&mut self.known.setup, &self.setup),
		] {
			if tree.is_none() {
				*tree = Some(Arc::new(tree_of((**bytes).as_ref(), threads, stop)?));
			}
		}
		Ok(self.known.clone())
	}
}

impl Replay for Replayer {
	type Run = Trace;

	fn matter(&self) -> &Matter {
		&self.matter
	}

	fn begin(&mut self, task: u32, stop: &Stop) -> Result<Begun<Trace>, NoRun> {
		let index = self.matter.first_task.checked_add(task);
		let index = index.filter(|_| task < self.matter.tasks).ok_or(NoRun::Task(task))?;
		let known = self.known(stop)?;
		let Input { bytes, proof } = (self.inputs)(task).map_err(|source| NoRun::Disk { task, source })?;
		let supply = Supply {
			input: bytes,
			image: self.image.clone(),
			setup: self.setup.clone(),
			seed: task_seed(&self.matter.input_root, index),
		};
		let supply = Hashed::with(supply, known, self.budget.threads, stop)?;
		let [input, ..] = supply.blobs();
		let (program, limits) = (self.program.clone(), &self.matter.limits);
		let mut run = Trace::new(program, Arc::new(supply), limits, self.budget, stop.clone()).map_err(NoRun::Unfit)?;
		// What the chain computes: data that was spoiled on disk must not be played.
		let start = self.matter.start(task, &input, &proof).ok_or(NoRun::Input(task))?;
		match Hash::from(run.root(0)?) == start {
			true => Ok(Begun { run, input, proof }),
			false => Err(NoRun::Start),
		}
	}
}

/// What is judged of the shard that a seat is for.
pub fn matter_of_seat(seat: &AssignmentView) -> Matter {
	Matter {
		engine: seat.engine,
		program: seat.program,
		roots: seat.roots,
		image: seat.image,
		setup: seat.setup,
		input_root: seat.input_root,
		job_tasks: seat.job_tasks,
		first_task: seat.first_task,
		tasks: seat.tasks,
		limits: seat.limits,
	}
}

/// What is judged of a shard of a job, for those who have no seat in it.
pub fn matter_of_shard(shard: &ShardView, job: &JobView, program: &ProgramView) -> Matter {
	Matter {
		engine: shard.engine,
		program: program.id,
		roots: program.roots,
		image: job.image,
		setup: job.setup,
		input_root: job.input_root,
		job_tasks: job.tasks,
		first_task: shard.first_task,
		tasks: shard.tasks,
		limits: job.limits,
	}
}
