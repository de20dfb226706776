//! What is judged of a shard: all that its outcomes follow from.

use crate::{
	machine::{address, first_root, task_seed, Blake2, Task},
	merkle, Blob, Hash, Limits, ProgramId, ProgramRoots,
};
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

/// The most hashes that prove an input's place in a job's list: one for each level above it.
pub const MAX_INPUT_PROOF: u32 = 20;

const _: () = assert!(crate::job::MAX_TASKS <= 1 << MAX_INPUT_PROOF);

/// What the outcomes of a shard's tasks follow from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Matter {
	/// The machine's version.
	pub engine: u8,
	/// The program's name.
	pub program: ProgramId,
	/// The roots of its code and first memory.
	pub roots: ProgramRoots,
	/// Files that all tasks see.
	pub image: Option<Blob>,
	/// Arguments, environment, what is input and output.
	pub setup: Blob,
	/// The root over the job's inputs.
	pub input_root: Hash,
	/// Tasks of the whole job.
	pub job_tasks: u32,
	/// The shard's first task.
	pub first_task: u32,
	/// The shard's number of tasks.
	pub tasks: u32,
	/// What each task may use.
	pub limits: Limits,
}

impl Matter {
	/// The root of the first state of a task of the shard, counted from 0, whose input is this one, as the proof shows.
	/// `None` if it does not show that, there is no such task, or the task cannot start.
	pub fn start(&self, task: u32, input: &Blob, proof: &[Hash]) -> Option<Hash> {
		let index = self.first_task.checked_add(task).filter(|_| task < self.tasks)?;
		if !merkle::verify_range(&self.input_root, self.job_tasks, index, &[address(input)], proof) {
			return None;
		}
		let task = Task {
			engine: self.engine,
			program: self.program.0,
			image: self.image,
			setup: self.setup,
			input: *input,
			seed: task_seed(&self.input_root, index),
			limits: self.limits,
		};
		first_root::<Blake2>(&self.roots, &task).ok().map(Hash::from)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		machine::{blob, EMPTY_BLOB},
		merkle::{list_root, prove_range},
	};
	use proptest::prelude::*;

	fn input(index: u32) -> Blob {
		blob(&index.to_le_bytes()).expect("it is short")
	}

	/// A job of so many tasks, of which the shard has `tasks` from `first` on; and the addresses of its inputs.
	fn matter(job_tasks: u32, first_task: u32, tasks: u32) -> (Matter, Vec<Hash>) {
		let list: Vec<Hash> = (0..job_tasks).map(|index| address(&input(index))).collect();
		let matter = Matter {
			engine: crate::ENGINE_VERSION,
			program: Hash::repeat_byte(1),
			roots: ProgramRoots {
				entry: 0,
				pages: 1,
				max_pages: 2,
				system_pages: 1,
				code: [2; 32],
				table: [3; 32],
				globals: [4; 32],
				memory: [5; 32],
				system: [6; 32],
			},
			image: None,
			setup: EMPTY_BLOB,
			input_root: list_root(&list),
			job_tasks,
			first_task,
			tasks,
			limits: Limits {
				gas: 1_000_000,
				memory_pages: 2,
				output: 10,
			},
		};
		(matter, list)
	}

	proptest! {
		#[test]
		fn a_task_starts_with_its_own_input_only(
			job_tasks in 1_u32..80,
			first in any::<prop::sample::Index>(),
			count in any::<prop::sample::Index>(),
			task in any::<prop::sample::Index>(),
			other in any::<prop::sample::Index>(),
		) {
			let first = first.index(job_tasks as usize) as u32;
			let tasks = 1 + count.index((job_tasks - first) as usize) as u32;
			let task = task.index(tasks as usize) as u32;
			let (matter, list) = matter(job_tasks, first, tasks);
			let proof = prove_range(&list, first + task, 1).unwrap();
			prop_assert!(proof.len() <= MAX_INPUT_PROOF as usize);
			let input = |index| input(index);
			let root = matter.start(task, &input(first + task), &proof).unwrap();
			// The root is that of the machine's first state, and differs from task to task.
			let expected = Task {
				engine: matter.engine,
				program: matter.program.0,
				image: None,
				setup: EMPTY_BLOB,
				input: input(first + task),
				seed: task_seed(&matter.input_root, first + task),
				limits: matter.limits,
			};
			prop_assert_eq!(Ok(root.0), first_root::<Blake2>(&matter.roots, &expected));
			let other = other.index(job_tasks as usize) as u32;
			let others = prove_range(&list, other, 1).unwrap();
			if other != first + task {
				prop_assert_eq!(matter.start(task, &input(other), &proof), None);
				prop_assert_eq!(matter.start(task, &input(other), &others), None);
				prop_assert!(proof == others || matter.start(task, &input(first + task), &others).is_none());
			}
			let longer: Vec<Hash> = proof.iter().copied().chain([Hash::zero()]).collect();
			prop_assert_eq!(matter.start(task, &input(first + task), &longer), None);
			if let Some((_, shorter)) = proof.split_last() {
				prop_assert_eq!(matter.start(task, &input(first + task), shorter), None);
			}
			// A blob of the same bytes and another length is another one.
			let longer = Blob { len: 5, ..input(first + task) };
			prop_assert_eq!(matter.start(task, &longer, &proof), None);
		}
	}

	#[test]
	fn the_longest_job_s_inputs_are_proven() {
		let list = vec![Hash::zero(); crate::job::MAX_TASKS as usize];
		let proof = prove_range(&list, 1, 1).expect("it is there");
		assert_eq!(proof.len(), MAX_INPUT_PROOF as usize);
	}

	#[test]
	fn of_no_task_and_of_none_that_fits_there_is_a_start() {
		let (matter, list) = matter(5, 3, 2);
		let proof = |index| prove_range(&list, index, 1).expect("it is there");
		assert!(matter.start(1, &input(4), &proof(4)).is_some());
		assert_eq!(matter.start(2, &input(4), &proof(4)), None);
		assert_eq!(matter.start(u32::MAX, &input(2), &proof(2)), None);
		let overflow = Matter {
			first_task: u32::MAX,
			..matter.clone()
		};
		assert_eq!(overflow.start(1, &input(0), &proof(0)), None);
		// Its program starts with more memory than the task may have.
		let mut tight = matter;
		tight.limits.memory_pages = 1;
		assert_eq!(tight.start(1, &input(4), &proof(4)), None);
	}
}
