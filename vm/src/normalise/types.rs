//! The types of the normalised module: the old module's as they were, so that block types keep their numbers; then the
//! same with gas and stack; then what else is needed, each once.

use super::module::Signature;
use std::collections::HashMap;
use wasm_encoder::{TypeSection, ValType};

/// The number of an old module's function type with gas and stack.
pub(super) fn own(old: u32, old_types: usize) -> u32 {
	old_types as u32 + old
}

/// `P -> R` with both counters.
pub(super) fn carried(old: &Signature) -> Signature {
	let mut new = old.clone();
	new.params.extend([ValType::I64, ValType::I64]);
	new.results.push(ValType::I64);
	new
}

/// A growing list of types.
pub(super) struct Types {
	list: Vec<Signature>,
	known: HashMap<Signature, u32>,
}

impl Types {
	/// The types that an old module needs.
	pub fn new(old: &[Signature]) -> Self {
		let list: Vec<_> = old.iter().cloned().chain(old.iter().map(carried)).collect();
		let known = list
			.iter()
			.enumerate()
			.rev()
			.map(|(index, ty)| (ty.clone(), index as u32))
			.collect();
		Self { list, known }
	}

	/// The number of a type, which is added if it is new.
	pub fn index(&mut self, ty: Signature) -> u32 {
		if let Some(index) = self.known.get(&ty) {
			return *index;
		}
		let index = self.list.len() as u32;
		self.list.push(ty.clone());
		self.known.insert(ty, index);
		index
	}

	/// The section.
	pub fn section(&self) -> TypeSection {
		let mut section = TypeSection::new();
		for ty in &self.list {
			section
				.ty()
				.function(ty.params.iter().copied(), ty.results.iter().copied());
		}
		section
	}
}
