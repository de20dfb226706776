//! Why a module is refused.

use wasmparser::WasmFeatures;

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
	/// It becomes more flat code than the step machine has room for.
	#[error("too much code: it becomes more than the {0} instructions that the step machine has room for")]
	Code(usize),
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
			Refused::TooLong { .. } | Refused::Code(_) | Refused::Export(_) => None,
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
		if let Some(missing) = error.missing_wasm_feature() {
			let known = FEATURES.iter().find(|(feature, _)| missing.contains(*feature));
			let name = known.map_or("a feature that is not accepted", |(_, name)| name);
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

/// Tells features that the validator does not mark as such, and instructions of SIMD, which it calls unknown, from what
/// is not valid.
pub(super) fn classify(wasm: &[u8], refused: Refused) -> Refused {
	let Refused::Invalid { message, offset } = refused else {
		return refused;
	};
	let prefix = usize::try_from(offset).ok().and_then(|at| wasm.get(at));
	let simd =
		message.contains("SIMD") || prefix == Some(&0xfd) && (message.contains("0xfd") || message.contains("opcode"));
	if simd {
		return Refused::Feature {
			feature: "SIMD".into(),
			offset,
		};
	}
	match FEATURES.iter().any(|(_, name)| message.contains(name)) {
		true => Refused::Feature {
			feature: message,
			offset,
		},
		false => Refused::Invalid { message, offset },
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
