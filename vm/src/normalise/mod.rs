//! The normaliser: from a program as compilers make it to the module that both engines execute.
//!
//! ```text
//! bytes ─► validate ─► refuse what is not accepted ─► rewrite each function ─► link the shims ─► emit
//!          wasmparser   module.rs, body.rs             body.rs gas.rs nan.rs  shims.wat         emit.rs
//! ```
//!
//! # What is accepted
//!
//! WebAssembly 2.0 without SIMD, without passive and declared segments, without references as values and changes of
//! tables; later features are refused too. [`limits`] bounds the sizes. Imports are functions of WASI preview 1
//! ([`wasi_functions`]). What is refused is named, with its place: [`Refused`].
//!
//! # What comes out
//!
//! A module that imports four functions, the *intrinsics*, from the module [`MODULE`], in this order:
//!
//! | function | type | meaning |
//! |---|---|---|
//! | `in_len` | `() -> i32` | the input's length in bytes |
//! | `in_load64` | `(i32) -> i64` | bytes 8w..8w+8 of the input, zeros beyond its end; the last four words there are, from `0xffff_fffc` on, are the task's seed |
//! | `out_store64` | `(i64)` | appends 8 bytes to the output; traps if the output would pass its limit, rounded up to 8 |
//! | `exit` | `(i32 code, i32 length)` | ends the run; success if the code is 0 and the length is that of what was stored, up to the padding of the last word, and within the limit |
//!
//! and exports a function [`ENTRY`] and the mutable global [`GAS_EXPORT`]. The host sets the global to the gas limit and
//! calls the function. At its start the function takes the gas over into a local and stores -1 in the global; only before
//! `exit`, and before an `unreachable` of the program, does the global get the counter's value. So whenever a run ends,
//! the gas used is the limit less the global if that is not negative, else the whole limit: a trap costs everything, be
//! it a division by zero, too much output or the end of gas or stack; giving up by `unreachable` costs what was used.
//!
//! Everything else is internal: one memory with a maximum, no start function, no other exports, no custom sections.
//! `body.rs` shows what functions become, `nan.rs` how NaNs are kept the same everywhere, `gas.rs` where charges go, [`cost`] how much they take and why gas bounds steps.
//!
//! The same bytes in give the same bytes out, always; the version of all this is [`crate::VERSION`].

mod body;
pub mod cost;
mod emit;
mod gas;
pub mod limits;
mod module;
mod nan;
mod refused;
mod shims;
mod splice;
mod types;

pub use refused::Refused;
pub use shims::functions as wasi_functions;

use crate::flatten::{self, FlattenError};
use module::{Module, Origin, Target};
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

/// Index of the gas counter among the globals.
const GAS: u32 = 0;
/// Index of the last intrinsic.
const EXIT: u32 = 3;
/// Names, parameters and results of the intrinsics; their indices are their places.
const INTRINSICS: [(&str, &[ValType], &[ValType]); 4] = [
	("in_len", &[], &[ValType::I32]),
	("in_load64", &[ValType::I32], &[ValType::I64]),
	("out_store64", &[ValType::I64], &[]),
	("exit", &[ValType::I32, ValType::I32], &[]),
];

/// A module that the normaliser made; there is no other way to get one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Normalised {
	bytes: Vec<u8>,
	initial_pages: u32,
	max_pages: u32,
	start_cost: u64,
	origin: Origin,
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

	/// The gas that the first charge takes, for the memory and what is laid into it and the tables. A task with less fails
	/// there, so an engine need not make an instance for it.
	pub fn start_cost(&self) -> u64 {
		self.start_cost
	}

	/// The name of its entry. Only modules for test suites may have none.
	pub fn entry(&self) -> Option<&'static str> {
		self.has_entry.then_some(emit::names(self.origin).0)
	}

	/// The name of its gas counter.
	pub fn gas_export(&self) -> &'static str {
		emit::names(self.origin).1
	}
}

/// Normalises a program. Takes time and memory in proportion to the module's length, whatever it holds.
pub fn normalise(wasm: &[u8]) -> Result<Normalised, Refused> {
	build(wasm, Origin::User)
}

/// Normalises a module for a test suite, which is no program: it needs no `_start`, imports nothing, and keeps its
/// exports. An exported function has its own type; it takes its gas from the counter and leaves there what is left, or
/// -1 if it trapped. The entry, if there is a start function, calls that and returns.
pub fn instrument_for_tests(wasm: &[u8]) -> Result<Normalised, Refused> {
	build(wasm, Origin::Tests)
}

fn build(wasm: &[u8], origin: Origin) -> Result<Normalised, Refused> {
	if wasm.len() > limits::MODULE_BYTES {
		return Err(Refused::TooLong {
			found: wasm.len(),
			limit: limits::MODULE_BYTES,
		});
	}
	// The validator also says so, in many words.
	if !wasm.starts_with(b"\0asm") {
		return Err(Refused::Invalid {
			message: "it does not start with \"\\0asm\"".into(),
			offset: 0,
		});
	}
	let mut types = None;
	let first_function = INTRINSICS.len() as u32;
	let target = |_: &Module<'_>| Target {
		first_global: 1,
		first_function,
	};
	let module = Module::read(wasm, origin, &mut types, target).map_err(|refused| refused::classify(wasm, refused))?;
	if !module.imports.is_empty() {
		let exported = module.exports.iter().any(|export| export.is_memory());
		if !exported {
			return Err(Refused::Export("a memory named `memory`"));
		}
	}
	let shims = match module.imports.is_empty() {
		true => None,
		false => Some(Module::read(shims::wasm(), Origin::Shims, &mut types, |_| Target {
			first_global: 1 + module.globals.len() as u32,
			first_function: first_function + module.own_functions() as u32,
		})?),
	};
	let Some(types) = types else {
		return Err(Refused::Export("anything"));
	};
	let (initial_pages, max_pages) = module.memory.unwrap_or_default();
	let normalised = Normalised {
		bytes: emit::emit(&module, shims.as_ref(), types, origin)?,
		initial_pages,
		max_pages,
		start_cost: emit::start_cost(&module),
		has_entry: origin == Origin::User || module.start.is_some(),
		origin,
	};
	match flatten::check_size(&normalised) {
		Ok(()) => Ok(normalised),
		Err(FlattenError::TooLarge) => Err(Refused::Code(flatten::MAX_INSTRUCTIONS)),
		Err(error) => Err(Refused::Invalid {
			message: error.to_string(),
			offset: 0,
		}),
	}
}
