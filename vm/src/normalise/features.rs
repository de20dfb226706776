//! What parts of WebAssembly are called in messages, and what helps against them.

use super::refused::Reason;
use wasmparser::{AbstractHeapType, HeapType, Operator, RefType, ValType};

macro_rules! proposals {
	($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
		/// The proposal that an instruction came with, and the instruction's name.
		fn origin(op: &Operator<'_>) -> (&'static str, &'static str) {
			match op {
				$(Operator::$op { .. } => (stringify!($proposal), stringify!($op)),)*
				_ => ("", "an unknown instruction"),
			}
		}
	};
}
wasmparser::for_each_operator!(proposals);

/// An instruction that is not accepted.
pub(super) fn instruction(op: &Operator<'_>, offset: u64) -> Reason {
	let (proposal, example) = origin(op);
	let name = match proposal {
		"relaxed_simd" => "relaxed SIMD (compile without -mrelaxed-simd)",
		"shared_everything_threads" | "acquire_release_atomics" => "shared-everything threads",
		"tail_call" => "tail calls (compile without -mtail-call)",
		"gc" | "custom_descriptors" => "garbage collection",
		"function_references" => "typed function references",
		"memory_control" => "memory control",
		"stack_switching" => "stack switching",
		"wide_arithmetic" => "wide arithmetic (compile without -mwide-arithmetic)",
		_ => "an instruction",
	};
	Reason::Feature {
		feature: name.into(),
		example,
		count: 1,
		offset,
	}
}

/// A type of values that are no numbers.
pub(super) fn value(ty: ValType) -> &'static str {
	match ty {
		ValType::Ref(ty) => reference(ty),
		_ => "a number",
	}
}

/// A type of references.
pub(super) fn reference(ty: RefType) -> &'static str {
	match ty.heap_type() {
		HeapType::Abstract { ty, .. } => match ty {
			AbstractHeapType::Func => "typed function references",
			AbstractHeapType::Extern | AbstractHeapType::NoExtern => "typed external references",
			AbstractHeapType::Exn | AbstractHeapType::NoExn => "typed exceptions",
			AbstractHeapType::Cont | AbstractHeapType::NoCont => "stack switching",
			_ => "garbage collection",
		},
		_ => "typed function references",
	}
}

/// What helps against imports from a module.
pub(super) fn advice(module: &str) -> &'static str {
	match module {
		"wasi" => ": that starts threads; compile without them",
		"go" | "gojs" => ": that is for JavaScript; compile with GOOS=wasip1",
		"env" => {
			": only functions of `wasi_snapshot_preview1` can be imported; link what is missing, or compile for a target \
			without a host of its own (wasm32-wasip1; `--use abort=` for AssemblyScript; `-sSTANDALONE_WASM` for Emscripten)"
		}
		module if module.starts_with("wasi:") => ": that is a later form of WASI; compile for wasm32-wasip1",
		module if module.starts_with("wbg") || module.contains("wbindgen") => {
			": that is for JavaScript; compile for wasm32-wasip1 without wasm-bindgen"
		}
		_ => ": only functions of `wasi_snapshot_preview1` can be imported",
	}
}
