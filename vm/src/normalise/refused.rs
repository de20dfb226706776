//! Why a module is refused.

use wasmparser::{Validator, WasmFeatures};

/// Why a module is not accepted. Offsets are bytes from the start of the module.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
	/// It is longer than modules may be.
	#[error("the module has {found} bytes, at most {limit} are accepted")]
	TooLong {
		/// Its length in bytes.
		found: usize,
		/// The greatest accepted length.
		limit: usize,
	},
	/// It is no WebAssembly module at all, or not a valid one.
	#[error("not a valid WebAssembly module: {message} (at offset {offset:#x})")]
	Invalid {
		/// What is wrong.
		message: String,
		/// Where.
		offset: u64,
	},
	/// It is valid, but uses what the machine does not have.
	#[error("not accepted: {feature} (at offset {offset:#x})")]
	Feature {
		/// What it uses.
		feature: String,
		/// Where.
		offset: u64,
	},
	/// One of its parts is larger than the machine accepts.
	#[error("too many or too large: {what}: {found}, at most {limit} are accepted (at offset {offset:#x})")]
	Limit {
		/// Which part.
		what: &'static str,
		/// How much there is.
		found: u64,
		/// How much there may be.
		limit: u64,
		/// Where.
		offset: u64,
	},
	/// It imports what there is not.
	#[error("it imports `{module}` `{name}`{hint} (at offset {offset:#x})")]
	Import {
		/// The import's module, shortened.
		module: String,
		/// The import's name, shortened.
		name: String,
		/// What is wrong with it.
		hint: String,
		/// Where.
		offset: u64,
	},
	/// It does not export what it must.
	#[error("it does not export {0}")]
	Export(&'static str),
	/// A segment does not fit into the memory or table that it fills.
	#[error(
		"{what} segment {index} ends at {end}, beyond the {size} that are there at the start (at offset {offset:#x})"
	)]
	Segment {
		/// `data` or `element`.
		what: &'static str,
		/// The segment's number.
		index: u32,
		/// Its end, in bytes or entries.
		end: u64,
		/// The size of what it fills, in the same unit.
		size: u64,
		/// Where.
		offset: u64,
	},
}

impl Refused {
	/// Where in the module the reason was found, if it is at one place.
	pub fn offset(&self) -> Option<u64> {
		match self {
			Refused::TooLong { .. } | Refused::Export(_) => None,
			Refused::Invalid { offset, .. }
			| Refused::Feature { offset, .. }
			| Refused::Limit { offset, .. }
			| Refused::Import { offset, .. }
			| Refused::Segment { offset, .. } => Some(*offset),
		}
	}
}

impl From<wasmparser::Error> for Refused {
	fn from(error: wasmparser::Error) -> Self {
		let missing = error.missing_wasm_feature();
		let named = missing.and_then(|missing| FEATURES.iter().find(|(feature, _)| missing.contains(*feature)));
		if let Some((_, name)) = named {
			return Refused::Feature {
				feature: format!("{name}: {}", shortened(error.message())),
				offset: error.offset(),
			};
		}
		Refused::Invalid {
			message: shortened(error.message()),
			offset: error.offset(),
		}
	}
}

/// What the error messages of the validator call features, and what they are.
const FEATURES: &[(WasmFeatures, &str)] = &[
	(WasmFeatures::SIMD, "SIMD"),
	(WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
	(WasmFeatures::THREADS, "threads"),
	(WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything threads"),
	(WasmFeatures::TAIL_CALL, "tail calls"),
	(WasmFeatures::MULTI_MEMORY, "multiple memories"),
	(WasmFeatures::EXCEPTIONS, "exceptions"),
	(WasmFeatures::LEGACY_EXCEPTIONS, "exceptions"),
	(WasmFeatures::MEMORY64, "64-bit memory"),
	(WasmFeatures::EXTENDED_CONST, "extended constant expressions"),
	(WasmFeatures::FUNCTION_REFERENCES, "typed function references"),
	(WasmFeatures::GC, "garbage collection"),
	(WasmFeatures::GC_TYPES, "external references"),
	(WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
	(WasmFeatures::MEMORY_CONTROL, "memory control"),
	(WasmFeatures::COMPONENT_MODEL, "components"),
	(WasmFeatures::STACK_SWITCHING, "stack switching"),
	(WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
];

/// Tells what is valid WebAssembly beyond the accepted features from what is not valid: the former validates once its
/// features are allowed, and the first one whose absence matters is what it is called by.
pub(super) fn classify(wasm: &[u8], refused: Refused) -> Refused {
	let Refused::Invalid { message, offset } = refused else {
		return refused;
	};
	let valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
	let prefix = usize::try_from(offset).ok().and_then(|at| wasm.get(at));
	let named = match prefix {
		_ if message.contains("SIMD") => Some("SIMD"),
		Some(0xfd) if message.contains("0xfd") || message.contains("opcode") => Some("SIMD"),
		_ => None,
	};
	if let Some(feature) = named {
		return Refused::Feature {
			feature: feature.into(),
			offset,
		};
	}
	if !valid(WasmFeatures::all()) {
		return Refused::Invalid { message, offset };
	}
	let needed = FEATURES
		.iter()
		.find(|(feature, _)| !valid(WasmFeatures::all() & !*feature))
		.map(|(_, name)| *name);
	Refused::Feature {
		feature: match needed {
			Some(name) => format!("{name}: {message}"),
			None => message,
		},
		offset,
	}
}

/// A text from outside, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
	const MOST: usize = 120;
	match text.char_indices().nth(MOST) {
		Some((at, _)) => format!("{}...", &text[..at]),
		None => text.into(),
	}
}
