//! The normaliser: from a program as compilers make it to the module that both engines execute.
//!
//! ```text
//! bytes ─► collect what is not accepted ─► take out what others can say ─► validate ─► rewrite each function ─► link the shims ─► emit
//!          survey.rs                       lower/                         wasmparser  body.rs gas.rs nan.rs   shims.rs          emit.rs
//! ```
//!
//! # What is accepted
//!
//! WebAssembly 2.0, exceptions in both their forms if they carry at most one i32, and atomic operations on a memory that
//! is not shared; constant expressions may calculate; other later features are refused. [`limits`] bounds the sizes, in which custom
//! sections do not count. Imports are functions of WASI preview 1 ([`wasi_functions`]). What is run is `_start`, or what [`with_entry`] says. What
//! is refused is named, all of it, with its places: [`Refused`].
//!
//! # What comes out
//!
//! A module that imports seven functions, the *intrinsics*, from the module [`MODULE`], in this order:
//!
//! | function | type | meaning |
//! |---|---|---|
//! | `size` | `(i32 what) -> i64` | a length in bytes: 0 the input's, 1 the image's, 2 the setup's, 3 the output's limit |
//! | `read` | `(i32 what, i32 at, i32 to, i32 n)` | copies n bytes of what the task was given (`what & 255`: 0 input, 1 image, 2 setup) from `at` on to `to` in a memory (`what >> 8`: 0 the program's, 1 the system functions') |
//! | `output` | `(i32 memory, i32 from, i32 n)` | appends n bytes to the output |
//! | `error` | `(i32 memory, i32 from, i32 n)` | appends n bytes to standard error, of which the last 4,096 stay |
//! | `seed` | `(i32 i) -> i64` | 8 bytes of the task's seed |
//! | `halt` | `(i32 status, i32 code)` | ends the run, see [`crate::state::Halt::of_call`] |
//! | `exhausted` | `(i64 gas)` | ends the run: out of gas if that is below zero, else out of stack |
//!
//! A call that reaches outside of anything traps like an access of memory. What else the system functions import
//! (accesses to the program's memory, the counter) becomes instructions.
//!
//! The module exports a function [`ENTRY`], the mutable global [`GAS_EXPORT`] and its memories, [`MEMORY_EXPORT`] and, if
//! there is one, [`SYSTEM_EXPORT`]. The host sets the global to the gas limit and
//! calls the function. At its start the function takes the gas over into a local and stores -1 in the global; only before
//! `halt`, and before an `unreachable` of the program, does the global get the counter's value. So whenever a run ends,
//! the gas used is the limit less the global if that is not negative, else the whole limit: a trap costs everything, be
//! it a division by zero or the end of gas or stack; giving up by `unreachable` costs what was used.
//!
//! Everything else is internal: a memory with a maximum, and a second one for the system functions, which the program
//! cannot name; no start function, no other exports, no custom sections.
//! `body.rs` shows what functions become, `nan.rs` and `vectors.rs` how NaNs are kept the same everywhere, `gas.rs` where charges go, [`cost`] how much they take and why gas bounds steps.
//!
//! The same bytes in give the same bytes out, always; the version of all this is [`crate::VERSION`].

mod body;
mod constant;
pub mod cost;
mod emit;
mod entry;
mod features;
mod gas;
mod inline;
mod lay;
pub mod limits;
mod lower;
mod measure;
mod module;
mod nan;
mod refused;
mod shims;
mod splice;
mod strip;
mod survey;
mod types;
mod vectors;

pub use entry::with_entry;
pub use measure::Work;
pub use refused::{Reason, Refused};
pub use shims::functions as wasi_functions;
pub use strip::strip;

use crate::flatten::{self, FlattenError};
use module::{Module, Origin, Target};
use refused::Reasons;
use shims::Linked;
use wasm_encoder::ValType;

/// The module that the intrinsics are imported from.
pub const MODULE: &str = "millrace";
/// The entry's name.
pub const ENTRY: &str = "run";
/// The gas counter's name.
pub const GAS_EXPORT: &str = "gas";
/// The entry's name in a module for test suites, which may have a `run` of its own.
pub const TEST_ENTRY: &str = "millrace:run";
/// The gas counter's name in a module for test suites.
pub const TEST_GAS: &str = "millrace:gas";

/// The name of the program's memory.
pub const MEMORY_EXPORT: &str = "program";
/// The name of the system functions' memory.
pub const SYSTEM_EXPORT: &str = "system";

/// Index of the gas counter among the globals.
const GAS: u32 = 0;
/// Index of the gas limit among the globals.
const LIMIT: u32 = 1;
/// How many globals come before the program's.
const OWN_GLOBALS: u32 = 2;
/// Indices of intrinsics.
const READ: u32 = 1;
const OUTPUT: u32 = 2;
const ERROR: u32 = 3;
const HALT: u32 = 5;
const EXHAUSTED: u32 = 6;
/// Names, parameters and results of the intrinsics; their indices are their places.
const INTRINSICS: [(&str, &[ValType], &[ValType]); 7] = {
	const I32: ValType = ValType::I32;
	[
		("size", &[I32], &[ValType::I64]),
		("read", &[I32; 4], &[]),
		("output", &[I32; 3], &[]),
		("error", &[I32; 3], &[]),
		("seed", &[I32], &[ValType::I64]),
		("halt", &[I32; 2], &[]),
		("exhausted", &[ValType::I64], &[]),
	]
};

/// A module that the normaliser made; there is no other way to get one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Normalised {
	bytes: Vec<u8>,
	initial_pages: u32,
	max_pages: u32,
	system_pages: u32,
	start_cost: u64,
	work: Work,
	for_tests: bool,
	has_entry: bool,
}

impl Normalised {
	/// The module.
	pub fn bytes(&self) -> &[u8] {
		&self.bytes
	}

	/// Pages of 64 KiB that its memory has at the start.
	pub fn initial_pages(&self) -> u32 {
		self.initial_pages
	}

	/// Pages to which its memory may grow, by its own declaration.
	pub fn max_pages(&self) -> u32 {
		self.max_pages
	}

	/// Pages that the memory of its system functions has at the start.
	pub fn system_pages(&self) -> u32 {
		self.system_pages
	}

	/// The gas that the first charge takes, for the memory and what is laid into it and the tables. A task with less fails
	/// there, so an engine need not make an instance for it.
	pub fn start_cost(&self) -> u64 {
		self.start_cost
	}

	/// How much work its functions, without the system functions, are for a compiler.
	pub fn work(&self) -> Work {
		self.work
	}

	/// The name of its entry. Only modules for test suites may have none.
	pub fn entry(&self) -> Option<&'static str> {
		self.has_entry.then_some(emit::names(self.for_tests).0)
	}

	/// The name of its gas counter.
	pub fn gas_export(&self) -> &'static str {
		emit::names(self.for_tests).1
	}
}

/// Normalises a program. Takes time and memory in proportion to the module's length, whatever it holds.
pub fn normalise(wasm: &[u8]) -> Result<Normalised, Refused> {
	build(wasm, Origin::User)
}

/// Normalises a module for a test suite, which is no program: it needs no entry, imports nothing, and keeps its
/// exports. An exported function has its own type; it takes its gas from the counter and leaves there what is left, or
/// -1 if it trapped. The entry, if there is a start function, calls that and returns.
pub fn instrument_for_tests(wasm: &[u8]) -> Result<Normalised, Refused> {
	build(wasm, Origin::Tests)
}

fn build(wasm: &[u8], origin: Origin<'_>) -> Result<Normalised, Refused> {
	let survey = survey::survey(wasm, origin == Origin::Tests);
	let mut reasons = survey.reasons;
	if survey.stops {
		reasons.refuse()?;
		return Err(Reason::Export("anything".into()).into());
	}
	let mut types = None;
	let first_function = INTRINSICS.len() as u32;
	let target = |_: &Module<'_>| Target {
		first_global: OWN_GLOBALS,
		first_function,
	};
	let lowered = match reasons.is_empty() && survey.uses.any {
		true => match lower::lower(wasm, survey.uses, survey.entry) {
			Ok(lowered) => Some(lowered),
			Err(reason) => return Err(reason.into()),
		},
		false => None,
	};
	let wasm = lowered.as_ref().map_or(wasm, |lowered| lowered.wasm.as_slice());
	let found = match &lowered {
		Some(lowered) => survey.entry.map(|found| lowered.entry(found)),
		None => survey.entry,
	};
	let module = Module::read(wasm, origin, lowered.as_ref(), &mut types, &mut reasons, target);
	let module = match module {
		Ok(module) => module,
		Err(reason) => {
			if reasons.is_empty() {
				reasons.add(reason);
			}
			reasons.refuse()?;
			return Err(Reason::Export("anything".into()).into());
		}
	};
	reasons.refuse()?;
	let linked = Linked::new(&module.imports);
	let mut reasons = Reasons::default();
	let shims = match module.imports.is_empty() {
		true => None,
		false => Some(Module::read(
			shims::wasm(),
			Origin::Shims(&linked),
			None,
			&mut types,
			&mut reasons,
			|_| Target {
				first_global: OWN_GLOBALS + module.globals.len() as u32,
				first_function: first_function + module.own_functions() as u32,
			},
		)?),
	};
	reasons.refuse()?;
	let Some(types) = types else {
		return Err(Reason::Export("anything".into()).into());
	};
	let (initial_pages, max_pages) = module.memory.unwrap_or_default();
	let system = shims.as_ref().map(|shims| (shims, &linked));
	let (bytes, start_cost) = emit::emit(&module, system, types, origin, found)?;
	let normalised = Normalised {
		bytes,
		initial_pages,
		max_pages,
		system_pages: emit::system_pages(&module, shims.as_ref()).unwrap_or_default().0,
		start_cost,
		work: module.work,
		has_entry: origin == Origin::User || module.start.is_some(),
		for_tests: origin == Origin::Tests,
	};
	match flatten::check_size(&normalised) {
		Ok(()) => Ok(normalised),
		Err(FlattenError::TooLarge) => Err(Reason::Code(flatten::MAX_INSTRUCTIONS).into()),
		Err(error) => Err(Reason::Invalid {
			message: error.to_string(),
			offset: 0,
		}
		.into()),
	}
}
