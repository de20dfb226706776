//! Why a module is refused: all that was found, not only the first.

use std::fmt;
use wasmparser::WasmFeatures;

/// Lines of a message, at most; then how many more there are.
const LINES: usize = 50;
/// Reasons that are kept, at most.
const KEPT: usize = 1_000;

/// Why a module is not accepted: at least one reason, in the order in which a reader wants them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
	reasons: Vec<Reason>,
	/// Reasons that were not kept.
	more: u64,
}

/// One reason. Offsets are bytes from the start of the module.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
	/// It is longer than modules may be.
	#[error("the module has {found} bytes without its custom sections, at most {limit} are accepted")]
	TooLong {
		/// Its length in bytes, custom sections not counted.
		found: u64,
		/// The greatest accepted length.
		limit: u64,
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
	#[error("unsupported: {feature}{}{} (at offset {offset:#x})", first(.example), times(*.count))]
	Feature {
		/// What it uses.
		feature: String,
		/// The first instruction that does, or nothing.
		example: &'static str,
		/// How often.
		count: u64,
		/// Where first.
		offset: u64,
	},
	/// One of its parts is larger than the machine accepts.
	#[error("too many or too large: {what}: {found}, at most {limit} are accepted{} (at offset {offset:#x})", more(*.count))]
	Limit {
		/// Which part.
		what: &'static str,
		/// How much there is, where there is most.
		found: u64,
		/// How much there may be.
		limit: u64,
		/// How many parts of this kind are too large.
		count: u64,
		/// Where there is most.
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
		/// What is wrong with it, and what helps.
		hint: String,
		/// Where.
		offset: u64,
	},
	/// It does not export what it must.
	#[error("it does not export {0}")]
	Export(String),
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

fn first(example: &str) -> String {
	match example {
		"" => String::new(),
		example => format!(": {example}"),
	}
}

fn times(count: u64) -> String {
	match count {
		0 | 1 => String::new(),
		count => format!(", {count} times"),
	}
}

fn more(count: u64) -> String {
	match count {
		0 | 1 => String::new(),
		count => format!(", and {} more", count - 1),
	}
}

impl Refused {
	/// The reasons, or the first thousand of them. There is at least one.
	pub fn reasons(&self) -> &[Reason] {
		&self.reasons
	}

	/// Where in the module the first reason was found, if it is at one place.
	pub fn offset(&self) -> Option<u64> {
		self.reasons.first()?.offset()
	}
}

impl fmt::Display for Refused {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		for (n, reason) in self.reasons.iter().take(LINES).enumerate() {
			if n > 0 {
				f.write_str("\n")?;
			}
			write!(f, "{reason}")?;
		}
		match self.reasons.len().saturating_sub(LINES) as u64 + self.more {
			0 => Ok(()),
			more => write!(f, "\nand {more} more"),
		}
	}
}

impl std::error::Error for Refused {}

impl From<Reason> for Refused {
	fn from(reason: Reason) -> Self {
		Self {
			reasons: vec![reason],
			more: 0,
		}
	}
}

impl Reason {
	/// Where in the module the reason was found, if it is at one place.
	pub fn offset(&self) -> Option<u64> {
		match self {
			Self::TooLong { .. } | Self::Code(_) | Self::Export(_) => None,
			Self::Invalid { offset, .. }
			| Self::Feature { offset, .. }
			| Self::Limit { offset, .. }
			| Self::Import { offset, .. }
			| Self::Segment { offset, .. } => Some(*offset),
		}
	}

	/// The same at another place.
	pub(super) fn at(mut self, place: u64) -> Self {
		if let Self::Invalid { offset, .. }
		| Self::Feature { offset, .. }
		| Self::Limit { offset, .. }
		| Self::Import { offset, .. }
		| Self::Segment { offset, .. } = &mut self
		{
			*offset = place;
		}
		self
	}

	/// The order of reasons in a message.
	fn rank(&self) -> u8 {
		match self {
			Self::Invalid { .. } => 0,
			Self::Import { .. } => 1,
			Self::Feature { .. } => 2,
			Self::Export(_) => 3,
			Self::TooLong { .. } => 4,
			Self::Limit { .. } => 5,
			Self::Segment { .. } => 6,
			Self::Code(_) => 7,
		}
	}

	/// What makes it the same reason as another one.
	fn kind(&self) -> Option<(u8, &str)> {
		match self {
			Self::Feature { feature, .. } => Some((self.rank(), feature)),
			Self::Limit { what, .. } => Some((self.rank(), what)),
			_ => None,
		}
	}
}

/// Reasons as they are found.
#[derive(Default)]
pub(super) struct Reasons {
	list: Vec<Reason>,
	more: u64,
}

impl Reasons {
	/// Takes a reason in. Uses of one feature are counted, and so is what exceeds one limit.
	pub fn add(&mut self, reason: Reason) {
		if let Some(kind) = reason.kind() {
			if let Some(known) = self.list.iter_mut().find(|known| known.kind() == Some(kind)) {
				return merge(known, reason);
			}
		}
		match self.list.len() < KEPT {
			true => self.list.push(reason),
			false => self.more += 1,
		}
	}

	/// Takes in what went wrong, if anything did.
	pub fn check(&mut self, result: Result<(), Reason>) {
		if let Err(reason) = result {
			self.add(reason);
		}
	}

	/// Whether there is none so far.
	pub fn is_empty(&self) -> bool {
		self.list.is_empty()
	}

	/// Whether some reason is like this.
	pub fn any(&self, like: impl Fn(&Reason) -> bool) -> bool {
		self.list.iter().any(like)
	}

	/// Refuses if there are any; imports come sorted by their modules.
	pub fn refuse(mut self) -> Result<(), Refused> {
		if self.list.is_empty() {
			return Ok(());
		}
		self.list.sort_by(|one, other| {
			let key = |reason: &Reason| match reason {
				Reason::Import { module, .. } => module.clone(),
				_ => String::new(),
			};
			(one.rank(), key(one)).cmp(&(other.rank(), key(other)))
		});
		Err(Refused {
			reasons: self.list,
			more: self.more,
		})
	}
}

fn merge(known: &mut Reason, new: Reason) {
	match (known, new) {
		(Reason::Feature { count, .. }, Reason::Feature { count: more, .. }) => *count = count.saturating_add(more),
		(
			Reason::Limit {
				count, found, offset, ..
			},
			Reason::Limit {
				count: more,
				found: new,
				offset: place,
				..
			},
		) => {
			*count = count.saturating_add(more);
			if new > *found {
				(*found, *offset) = (new, place);
			}
		}
		_ => {}
	}
}

/// The use of a feature at one place.
pub(super) fn feature(feature: &str, offset: u64) -> Reason {
	Reason::Feature {
		feature: feature.into(),
		example: "",
		count: 1,
		offset,
	}
}

impl From<wasmparser::Error> for Reason {
	fn from(error: wasmparser::Error) -> Self {
		if let Some(missing) = error.missing_wasm_feature() {
			let known = FEATURES.iter().find(|(feature, _)| missing.contains(*feature));
			let name = known.map_or("a feature that is not accepted", |(_, name)| name);
			return feature(&format!("{name}: {}", shortened(error.message())), error.offset());
		}
		Reason::Invalid {
			message: shortened(error.message()),
			offset: error.offset(),
		}
	}
}

/// Features that the validator may miss, and what they are called. Those of instructions and types are found before.
const FEATURES: &[(WasmFeatures, &str)] = &[
	(WasmFeatures::MULTI_MEMORY, "multiple memories"),
	(WasmFeatures::MEMORY64, "64-bit memory"),
	(WasmFeatures::EXTENDED_CONST, "extended constant expressions"),
	(WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
	(WasmFeatures::FUNCTION_REFERENCES, "typed function references"),
	(WasmFeatures::GC, "garbage collection"),
	(WasmFeatures::COMPONENT_MODEL, "components"),
];

/// A text from outside, short enough for a message and without what a terminal would act on.
pub(super) fn shortened(text: &str) -> String {
	const MOST: usize = 120;
	let mut short: String = text
		.chars()
		.take(MOST)
		.map(|char| if char.is_control() { '\u{fffd}' } else { char })
		.collect();
	if text.chars().nth(MOST).is_some() {
		short.push_str("...");
	}
	short
}

#[cfg(test)]
mod tests {
	use super::*;

	fn import(module: &str, offset: u64) -> Reason {
		Reason::Import {
			module: module.into(),
			name: "f".into(),
			hint: String::new(),
			offset,
		}
	}

	#[test]
	fn reasons_are_sorted_and_what_is_the_same_is_counted() {
		let mut reasons = Reasons::default();
		reasons.add(feature("SIMD", 7));
		reasons.add(import("b", 5));
		reasons.add(feature("SIMD", 9));
		reasons.add(import("a", 6));
		reasons.add(import("b", 4));
		let message = reasons.refuse().unwrap_err().to_string();
		let lines: Vec<_> = message.lines().collect();
		assert_eq!(lines.len(), 4);
		for (line, start) in lines.iter().zip(["it imports `a`", "it imports `b`", "it imports `b`"]) {
			assert!(line.starts_with(start), "{message}");
		}
		assert_eq!(lines[3], "unsupported: SIMD, 2 times (at offset 0x7)");
	}

	#[test]
	fn a_message_has_at_most_fifty_lines_and_a_count() {
		let mut reasons = Reasons::default();
		(0..2_345).for_each(|n| reasons.add(import("m", n)));
		let refused = reasons.refuse().unwrap_err();
		assert_eq!(refused.reasons().len(), KEPT);
		let message = refused.to_string();
		assert_eq!(message.lines().count(), LINES + 1);
		assert!(message.ends_with("\nand 2295 more"), "{message}");
	}

	#[test]
	fn texts_from_outside_are_harmless() {
		assert_eq!(shortened("a\x1b[2J\n"), "a\u{fffd}[2J\u{fffd}");
		assert_eq!(shortened(&"ä".repeat(500)).chars().count(), 123);
	}
}
