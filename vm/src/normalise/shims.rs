//! The functions of WASI that programs may import, as WebAssembly: `shims.wat` is their text, `shims.hex` its bytes, and
//! a test compares the two. They are linked into the module and rewritten like the program's own functions, so that they
//! pay for what they do, in both engines alike.

use super::{
	module::{Module, Origin, Signature, Target},
	types::carried,
};
use std::sync::LazyLock;
use wasmparser::ExternalKind;

/// The module that programs import from.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";
/// The shim that ends a program.
pub(super) const EXIT: &str = "proc_exit";

static WASM: LazyLock<Vec<u8>> = LazyLock::new(|| decode(include_str!("shims.hex")));

/// A shim: its name, its function index in the shims' module, its type before it carries gas and stack.
type Shim = (String, u32, Signature);

static SHIMS: LazyLock<Vec<Shim>> = LazyLock::new(|| {
	let nowhere = |_: &Module<'_>| Target {
		first_global: 0,
		first_function: 0,
	};
	let Ok(module) = Module::read(&WASM, Origin::Shims, &mut None, nowhere) else {
		return Vec::new();
	};
	let functions = module.exports.iter().filter(|export| export.kind == ExternalKind::Func);
	functions
		.filter_map(|export| {
			Some((
				export.name.into(),
				export.index,
				module.signature(export.index)?.clone(),
			))
		})
		.collect()
});

/// The shims' module.
pub(super) fn wasm() -> &'static [u8] {
	&WASM
}

/// A function's index in the shims' module and its type.
pub(super) fn find(name: &str) -> Option<(u32, &'static Signature)> {
	let (_, index, signature) = SHIMS.iter().find(|(known, ..)| known == name)?;
	Some((*index, signature))
}

/// The names and types of all functions that programs may import.
pub fn functions() -> impl Iterator<Item = (&'static str, String)> {
	SHIMS
		.iter()
		.map(|(name, _, signature)| (name.as_str(), signature.to_string()))
}

/// The types of the shims' own functions, in their order, with gas and stack.
pub(super) fn own_types(shims: &Module<'_>) -> Vec<Signature> {
	let own = shims.functions.len() - shims.own_functions();
	(own..shims.functions.len())
		.filter_map(|index| shims.signature(index as u32).map(carried))
		.collect()
}

fn decode(hex: &str) -> Vec<u8> {
	let digits: Vec<u8> = hex
		.chars()
		.filter_map(|digit| digit.to_digit(16).map(|digit| digit as u8))
		.collect();
	digits
		.chunks_exact(2)
		.filter_map(|pair| match pair {
			[high, low] => Some(high << 4 | low),
			_ => None,
		})
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_bytes_are_what_the_text_says() {
		let expected = wat::parse_str(include_str!("shims.wat")).unwrap();
		// Names are for readers of the text.
		let stripped: Vec<u8> = {
			let mut module = wasm_encoder::Module::new();
			for payload in wasmparser::Parser::new(0).parse_all(&expected) {
				let payload = payload.unwrap();
				if let Some((id, range)) = payload.as_section() {
					if id != 0 {
						let data = &expected[range.start as usize..range.end as usize];
						module.section(&wasm_encoder::RawSection { id, data });
					}
				}
			}
			module.finish()
		};
		let hex: Vec<String> = stripped
			.chunks(59)
			.map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
			.collect();
		assert!(stripped == wasm(), "shims.hex should be:\n{}\n", hex.join("\n"));
	}

	#[test]
	fn the_usual_functions_are_there_with_their_types() {
		let all: Vec<_> = functions().collect();
		assert_eq!(all.len(), 16);
		for (name, ty) in [
			("fd_read", "(i32, i32, i32, i32) -> i32"),
			("fd_seek", "(i32, i64, i32, i32) -> i32"),
			("proc_exit", "(i32)"),
			("sched_yield", "() -> i32"),
		] {
			assert!(all.contains(&(name, ty.into())), "{name} in {all:?}");
		}
	}
}
