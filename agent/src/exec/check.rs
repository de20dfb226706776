//! What a module must and may be, beyond being valid.

use super::{wasi, Refused};
use millrace_primitives::job::MAX_PROGRAM_SIZE;
use wasmtime::{ExternType, Module};

/// The most elements that a table may start with; tables cannot grow.
const MAX_TABLE: u64 = 65_536;

/// Cheap checks before anything is compiled.
pub fn size(wasm: &[u8]) -> Result<(), Refused> {
	let limit = MAX_PROGRAM_SIZE as usize;
	if wasm.len() > limit {
		return Err(Refused::TooLarge(wasm.len(), limit));
	}
	// wasmtime would also take the text format where that is compiled in.
	if !wasm.starts_with(b"\0asm") {
		return Err(Refused::Invalid(
			"it does not start with the magic number \"\\0asm\"".into(),
		));
	}
	Ok(())
}

/// Checks a compiled module's imports, exports and sizes.
pub fn module(module: &Module) -> Result<(), Refused> {
	for import in module.imports() {
		let refused = |hint: String| Refused::Import {
			module: import.module().into(),
			name: import.name().into(),
			hint,
		};
		let ExternType::Func(found) = import.ty() else {
			return Err(refused(
				", which is not a function: only functions of WASI can be imported".into(),
			));
		};
		if import.module() != wasi::MODULE {
			return Err(refused(format!(
				": only functions of `{}` can be imported",
				wasi::MODULE
			)));
		}
		let Some((_, expected)) = wasi::FUNCTIONS.iter().find(|(name, _)| *name == import.name()) else {
			return Err(refused(", which a job cannot use".into()));
		};
		let found = signature(&found);
		if found != *expected {
			return Err(refused(format!(" as {found}, but it is {expected}")));
		}
	}
	match module.get_export("memory") {
		Some(ExternType::Memory(_)) => {}
		_ => return Err(Refused::Export("a memory named `memory`")),
	}
	match module.get_export("_start") {
		Some(ExternType::Func(start)) if signature(&start) == "()" => {}
		_ => {
			return Err(Refused::Export(
				"a function named `_start` without parameters and results",
			))
		}
	}
	let needs = module.resources_required();
	let table = needs.max_initial_table_size.unwrap_or(0);
	if table > MAX_TABLE {
		return Err(Refused::Limit {
			what: "table elements",
			found: table,
			limit: MAX_TABLE,
		});
	}
	if needs.num_tables > 16 {
		return Err(Refused::Limit {
			what: "tables",
			found: needs.num_tables.into(),
			limit: 16,
		});
	}
	Ok(())
}

/// Refuses a module whose memory starts above the job's limit.
pub fn memory(module: &Module, limit: u32) -> Result<(), Refused> {
	let needs = module.resources_required().max_initial_memory_size.unwrap_or(0);
	if needs > limit.into() {
		return Err(Refused::Memory { needs, limit });
	}
	Ok(())
}

/// A function's type in words: `(i32, i64) -> i32`.
fn signature(function: &wasmtime::FuncType) -> String {
	let list = |types: Vec<String>| types.join(", ");
	let params = list(function.params().map(|ty| ty.to_string()).collect());
	let results = list(function.results().map(|ty| ty.to_string()).collect());
	if results.is_empty() {
		format!("({params})")
	} else {
		format!("({params}) -> {results}")
	}
}
