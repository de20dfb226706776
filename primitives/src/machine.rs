//! What the machine defines: blobs, programs, tasks, limits, outcomes. These are `millrace-judge`'s own types, so that
//! what the chain stores is what is judged; nothing of them is defined a second time. What only the chain means by them is
//! added here.

pub use millrace_judge::{
	data::{blob, verify_range, DataHasher, DataTree, MAX_DATA},
	hash::{Blake2, Hasher},
	outcome::{errors_root, Outcome, Status, Tail, Trap, TAIL},
	task::{first_root, Blob, Limits, ProgramRoots, Task, Unfit},
	MAX_GAS, MAX_IMAGE, MAX_PAGES, MAX_SETUP,
};

use crate::{merkle, Hash, ProgramId};
use codec::Encode;

/// No bytes: the setup of a job that reads standard input and writes standard output.
pub const EMPTY_BLOB: Blob = Blob {
	tree: [
		0xeb, 0x5b, 0x0b, 0x2c, 0xf5, 0x6a, 0xb8, 0xd4, 0x53, 0xbb, 0xeb, 0x18, 0xee, 0x48, 0xdc, 0x08, 0x26, 0x38,
		0xf6, 0xee, 0x30, 0x41, 0x77, 0x91, 0xe3, 0x33, 0xa8, 0xe7, 0x4f, 0x02, 0xcc, 0x7b,
	],
	len: 0,
};

/// What a program is called by: `H(PROGRAM | engine | roots | module)`, see [`ProgramRoots::id`].
pub fn program_id(engine: u8, roots: &ProgramRoots, module: &Blob) -> ProgramId {
	roots.id::<Blake2>(engine, module).into()
}

/// The address under which a blob's bytes are served: [`merkle::data_root`] of them.
pub fn address(blob: &Blob) -> Hash {
	blob.root::<Blake2>().into()
}

/// What the random numbers of a job's task come from: `H("millrace:random" | input root | index as u32)`.
pub fn task_seed(input_root: &Hash, index: u32) -> [u8; 32] {
	merkle::hash(&(b"millrace:random", input_root, index).encode()).0
}

/// Checks that a program starts within the memory that a task may ever have.
///
/// # Errors
/// [`Unfit::Memory`].
pub fn check_program(roots: &ProgramRoots) -> Result<(), Unfit> {
	let most = Limits {
		gas: MAX_GAS,
		memory_pages: MAX_PAGES,
		output: 0,
	};
	most.check(roots)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_empty_blob_is_that_of_no_bytes() {
		assert_eq!(EMPTY_BLOB, Blob::empty::<Blake2>());
		assert_eq!(Some(EMPTY_BLOB), blob(b""));
		assert_eq!(address(&EMPTY_BLOB), merkle::data_root(b""));
	}

	#[test]
	fn a_program_s_id_names_its_version_its_roots_and_its_module() {
		let roots = ProgramRoots {
			entry: 1,
			pages: 2,
			max_pages: 3,
			system_pages: 4,
			code: [5; 32],
			table: [6; 32],
			globals: [7; 32],
			memory: [8; 32],
			system: [9; 32],
		};
		let module = Blob {
			tree: [10; 32],
			len: 11,
		};
		let id = program_id(3, &roots, &module);
		// H(18 | engine | roots | tree | length), and the roots as SCALE has them.
		assert_eq!(id, merkle::hash(&(18u8, 3u8, roots, module).encode()));
		assert_ne!(id, program_id(4, &roots, &module));
		assert_ne!(id, program_id(3, &ProgramRoots { entry: 2, ..roots }, &module));
		assert_ne!(id, program_id(3, &roots, &Blob { len: 12, ..module }));
	}

	#[test]
	fn tasks_differ_in_their_seeds() {
		let [a, b] = [Hash::repeat_byte(1), Hash::repeat_byte(2)];
		let mut bytes = b"millrace:random".to_vec();
		bytes.extend_from_slice(a.as_bytes());
		bytes.extend_from_slice(&7u32.to_le_bytes());
		assert_eq!(task_seed(&a, 7), merkle::hash(&bytes).0);
		assert_ne!(task_seed(&a, 7), task_seed(&a, 8));
		assert_ne!(task_seed(&a, 7), task_seed(&b, 7));
	}

	#[test]
	fn a_program_fits_the_address_space_or_not() {
		let roots = |pages, system_pages| ProgramRoots {
			entry: 0,
			pages,
			max_pages: MAX_PAGES,
			system_pages,
			code: [0; 32],
			table: [0; 32],
			globals: [0; 32],
			memory: [0; 32],
			system: [0; 32],
		};
		assert_eq!(check_program(&roots(MAX_PAGES - 1, 1)), Ok(()));
		for (pages, system_pages) in [(MAX_PAGES, 1), (1, MAX_PAGES), (u32::MAX, u32::MAX)] {
			assert!(matches!(
				check_program(&roots(pages, system_pages)),
				Err(Unfit::Memory { .. })
			));
		}
	}

	#[test]
	fn an_outcome_is_encoded_as_it_is_hashed() {
		for status in Status::ALL {
			let outcome = Outcome {
				status,
				code: 1,
				output: Blob { tree: [2; 32], len: 3 },
				errors: [4; 32],
				gas_used: 5,
			};
			assert_eq!(outcome.encode(), outcome.encoded());
			assert_eq!(outcome.encode().len(), Outcome::SIZE);
		}
	}
}
