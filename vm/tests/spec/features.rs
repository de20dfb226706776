//! What a valid module uses that is not accepted, found out without the normaliser.

use millrace_vm::normalise::limits;
use wasmparser::{
	CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, Operator, Parser, Payload, ValType,
};

/// What a module uses, in the order in which one of several is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unaccepted {
	/// Imports: of the suite's own host module, or of other modules.
	Imports,
	/// More than one memory.
	Memories,
	/// Memories that threads share.
	Shared,
	/// Exceptions that carry more than one i32.
	Exceptions,
	/// Sizes beyond the limits: memories of the whole address space, tables, `br_table`s, lists of parameters and locals.
	Sizes,
	/// Segments that do not fit.
	Segment,
}

/// The modules that a module imports from.
pub fn imported_modules(wasm: &[u8]) -> Vec<String> {
	let mut names = Vec::new();
	for payload in Parser::new(0).parse_all(wasm) {
		if let Payload::ImportSection(section) = payload.expect("the module is valid") {
			names.extend(section.into_imports().map(|import| import.unwrap().module.to_string()));
		}
	}
	names
}

/// The first reason not to accept a module.
pub fn unaccepted(wasm: &[u8]) -> Option<Unaccepted> {
	let mut found = Vec::new();
	let mut pages = 0;
	let mut tables = Vec::new();
	let mut types = Vec::new();
	for payload in Parser::new(0).parse_all(wasm) {
		match payload.expect("the module is valid") {
			Payload::TypeSection(section) => {
				for ty in section.into_iter().flat_map(|group| group.unwrap().into_types()) {
					let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
						continue;
					};
					types.push(ty.params().to_vec());
					if cells(ty.params()) > limits::PARAMS || cells(ty.results()) > limits::RESULTS {
						found.push(Unaccepted::Sizes);
					}
				}
			}
			Payload::ImportSection(section) if section.count() > 0 => found.push(Unaccepted::Imports),
			Payload::TableSection(section) => {
				for table in section {
					tables.push(table.unwrap().ty.initial);
				}
				if tables.iter().sum::<u64>() > limits::TABLE_ENTRIES {
					found.push(Unaccepted::Sizes);
				}
			}
			Payload::MemorySection(section) => {
				if section.count() > 1 {
					found.push(Unaccepted::Memories);
				}
				for memory in section {
					let memory = memory.unwrap();
					pages = memory.initial;
					if memory.shared {
						found.push(Unaccepted::Shared);
					}
				}
				if pages > limits::PAGES {
					found.push(Unaccepted::Sizes);
				}
			}
			Payload::TagSection(section) => {
				for tag in section {
					match types[tag.unwrap().func_type_idx as usize].as_slice() {
						[] | [ValType::I32] => {}
						_ => found.push(Unaccepted::Exceptions),
					}
				}
			}
			Payload::ElementSection(section) => {
				for element in section {
					let element = element.unwrap();
					let len = match element.items {
						ElementItems::Functions(items) => items.count(),
						ElementItems::Expressions(_, items) => items.count(),
					};
					match element.kind {
						ElementKind::Active {
							table_index,
							offset_expr,
						} => {
							let size = tables.get(table_index.unwrap_or(0) as usize).copied().unwrap_or(0);
							if start(&offset_expr) + u64::from(len) > size {
								found.push(Unaccepted::Segment);
							}
						}
						_ => {}
					}
				}
			}
			Payload::DataSection(section) => {
				for data in section {
					let data = data.unwrap();
					match data.kind {
						DataKind::Active { offset_expr, .. } => {
							if start(&offset_expr) + data.data.len() as u64 > pages * 65_536 {
								found.push(Unaccepted::Segment);
							}
						}
						DataKind::Passive => {}
					}
				}
			}
			Payload::CodeSectionEntry(body) => {
				let locals = body.get_locals_reader().unwrap();
				let locals: Vec<_> = locals.into_iter().map(Result::unwrap).collect();
				// Parameters count too, but no function of the suite is that near to the limit.
				if locals.iter().map(|(count, _)| u64::from(*count)).sum::<u64>() > limits::LOCALS {
					found.push(Unaccepted::Sizes);
				}
				let ops = body.get_operators_reader().unwrap();
				found.extend(ops.into_iter().filter_map(|op| operator(&op.unwrap())));
			}
			_ => {}
		}
	}
	found.into_iter().min()
}

/// Vectors count twice.
fn cells(types: &[ValType]) -> u64 {
	(types.len() + types.iter().filter(|ty| **ty == ValType::V128).count()) as u64
}

/// Where a segment starts. Places that are imported do not matter: imports come first.
fn start(expression: &ConstExpr<'_>) -> u64 {
	match expression.get_operators_reader().read() {
		Ok(Operator::I32Const { value }) => u64::from(value as u32),
		_ => 0,
	}
}

fn operator(op: &Operator<'_>) -> Option<Unaccepted> {
	match op {
		Operator::BrTable { targets } if u64::from(targets.len()) > limits::BR_TABLE => Some(Unaccepted::Sizes),
		_ => None,
	}
}
