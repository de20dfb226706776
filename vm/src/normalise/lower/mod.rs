//! Takes features out of a module by saying the same in the language that the rest of the normaliser speaks, so that
//! neither gas and NaNs nor either engine know of them.
//!
//! | feature | becomes |
//! |---|---|
//! | exceptions, in both their forms | a global that says what was thrown, and a branch after each call: `exceptions.rs` |
//! | atomic operations on a memory that is not shared | a check of the alignment, and plain operations: `atomics.rs` |
//! | `memory.init`, `data.drop` | copies from the second memory, where the segments lie: `segments.rs` |
//! | references as values, `table.*`, `elem.drop` | numbers, and arrays of them in the second memory: `references.rs` |
//!
//! Indices of types, functions and globals stay what they are: everything new comes after the old. The second
//! memory is that of the system functions, behind what they have of it at the start; the program cannot name it. A
//! module that uses none of this does not come here.

mod atomics;
mod code;
mod exceptions;
mod layout;
mod references;
mod segments;
mod writer;

pub(super) use exceptions::carries;

use super::{
	entry::Found,
	refused::{feature, Reason},
	shims,
};
use layout::Layout;
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::{MemoryType, ValType};
use wasmparser::{
	CompositeInnerType, Data, Element, ElementKind, FuncType, FunctionBody, Operator, Parser, Payload, Validator,
	WasmFeatures,
};
use writer::Writer;

/// What of this a module uses.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Uses {
	/// Anything.
	pub any: bool,
	/// Tags, or exceptions as values.
	pub exceptions: bool,
	/// Instructions that name segments of data.
	pub segments: bool,
	/// References to functions or from outside as values, and operations on tables.
	pub references: bool,
}

impl Uses {
	/// Notes an instruction; whether it is one that is taken out here.
	pub fn operator(&mut self, op: &Operator<'_>) -> bool {
		use Operator as O;
		match op {
			O::Try { .. }
			| O::TryTable { .. }
			| O::Throw { .. }
			| O::ThrowRef
			| O::Catch { .. }
			| O::CatchAll
			| O::Delegate { .. }
			| O::Rethrow { .. } => self.exceptions = true,
			O::MemoryInit { .. } | O::DataDrop { .. } => self.segments = true,
			O::RefNull { hty } => return self.value(reference(*hty)),
			O::RefFunc { .. }
			| O::TableGet { .. }
			| O::TableSet { .. }
			| O::TableSize { .. }
			| O::TableGrow { .. }
			| O::TableFill { .. }
			| O::TableCopy { .. }
			| O::TableInit { .. }
			| O::ElemDrop { .. } => self.references = true,
			// What it looks at came from somewhere.
			O::RefIsNull => {}
			op if atomics::of(op).is_some() => {}
			_ => return false,
		}
		self.any = true;
		true
	}

	/// Notes a type; whether it is a number, a vector, or one that becomes a number here.
	pub fn value(&mut self, ty: wasmparser::ValType) -> bool {
		use wasmparser::{RefType as R, ValType as V};
		match ty {
			V::Ref(R::FUNCREF | R::EXTERNREF) => (self.any, self.references) = (true, true),
			V::Ref(R::EXNREF) => (self.any, self.exceptions) = (true, true),
			V::Ref(_) => return false,
			_ => {}
		}
		true
	}

	/// Notes a tag.
	pub fn tag(&mut self) {
		(self.any, self.exceptions) = (true, true);
	}

	/// Notes a segment that does not fill anything at the start.
	pub fn passive(&mut self) {
		self.any = true;
	}

	/// Notes the type of a table. One of functions may be one that nothing changes.
	pub fn table(&mut self, ty: wasmparser::RefType) -> bool {
		let functions = ty == wasmparser::RefType::FUNCREF;
		let known = functions || self.value(wasmparser::ValType::Ref(ty));
		self.references |= !functions;
		known
	}
}

/// A module without what is taken out here.
pub(super) struct Lowered {
	pub wasm: Vec<u8>,
	/// The function that stands for the intrinsic `halt`.
	pub halt: u32,
	/// The functions that are to be called from outside instead of these.
	outside: HashMap<u32, u32>,
	/// Where the functions were that are not imported, as long as they are the old ones.
	places: Vec<u64>,
}

impl Lowered {
	/// Where a function was, by its number among those that are not imported.
	pub fn place(&self, own: u32) -> u64 {
		self.places.get(own as usize).copied().unwrap_or(0)
	}

	/// What is to be run, by its new indices.
	pub fn entry(&self, found: Found) -> Found {
		let new = |function| self.outside.get(&function).copied().unwrap_or(function);
		Found {
			before: found.before.map(new),
			main: new(found.main),
			..found
		}
	}
}

/// What a valid module with the features that are taken out here may contain besides what any module may.
fn features() -> WasmFeatures {
	super::module::features()
		| WasmFeatures::EXCEPTIONS
		| WasmFeatures::LEGACY_EXCEPTIONS
		| WasmFeatures::GC_TYPES
		| WasmFeatures::THREADS
}

/// Validates a module of which nothing else is refused, and takes out what it uses.
pub(super) fn lower(wasm: &[u8], uses: Uses, entry: Option<Found>) -> Result<Lowered, Reason> {
	let mut parser = Parser::new(0);
	parser.set_features(features());
	let mut validator = Validator::new_with_features(features());
	let mut allocations = Default::default();
	let mut plan = Plan {
		uses,
		entry,
		..Plan::default()
	};
	let mut bodies = Vec::new();
	let mut sections = Vec::new();
	for payload in parser.parse_all(wasm) {
		let payload = payload?;
		match validator.payload(&payload)? {
			wasmparser::ValidPayload::Func(function, body) => {
				let mut checker = function.into_validator(allocations);
				checker.validate(&body)?;
				allocations = checker.into_allocations();
				plan.scan(&body)?;
				bodies.push(body);
			}
			_ => {
				plan.section(&payload)?;
				sections.push(payload);
			}
		}
	}
	let layout = Layout::new(&plan)?;
	Writer::new(wasm, plan, layout).module(&sections, &bodies)
}

/// The type of references to this, or null.
fn reference(to: wasmparser::HeapType) -> wasmparser::ValType {
	let ty = wasmparser::RefType::new(true, to).unwrap_or(wasmparser::RefType::ANYREF);
	wasmparser::ValType::Ref(ty)
}

/// A table of the old module.
struct Table {
	initial: u32,
	maximum: Option<u64>,
	/// Whether an instruction grows it.
	grows: bool,
}

/// A reference that is known before anything runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
	Null,
	Function(u32),
}

/// What becomes of an element segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
	Active { table: u32, at: u32 },
	Passive,
	Declared,
}

/// An element segment of the old module.
struct Segment {
	kind: Kind,
	values: Vec<Value>,
}

/// What is known of the old module before anything is written.
#[derive(Default)]
struct Plan<'a> {
	uses: Uses,
	/// What is run, unless it is whatever is exported.
	entry: Option<Found>,
	types: Vec<FuncType>,
	/// The type of each function, imported ones first.
	functions: Vec<u32>,
	imported: u32,
	/// Whether an exception of each tag carries a number.
	tags: Vec<bool>,
	tables: Vec<Table>,
	/// Pages and maximum.
	memory: Option<MemoryType>,
	globals: Vec<(wasmparser::GlobalType, wasmparser::ConstExpr<'a>)>,
	exports: Vec<wasmparser::Export<'a>>,
	start: Option<u32>,
	segments: Vec<Segment>,
	data: Vec<Data<'a>>,
	/// Data segments that instructions name.
	named: BTreeSet<u32>,
	/// Element segments that instructions name.
	initialisers: BTreeSet<u32>,
	/// Functions that instructions make references to.
	referenced: BTreeSet<u32>,
}

impl<'a> Plan<'a> {
	fn section(&mut self, payload: &Payload<'a>) -> Result<(), Reason> {
		match payload {
			Payload::TypeSection(section) => {
				for group in section.clone() {
					for ty in group?.into_types() {
						match ty.composite_type.inner {
							CompositeInnerType::Func(ty) => self.types.push(ty),
							_ => return Err(feature("garbage collection", section.range().start)),
						}
					}
				}
			}
			Payload::ImportSection(section) => {
				for import in section.clone().into_imports() {
					if let wasmparser::TypeRef::Func(ty) = import?.ty {
						self.functions.push(ty);
						self.imported += 1;
					}
				}
			}
			Payload::FunctionSection(section) => {
				for ty in section.clone() {
					self.functions.push(ty?);
				}
			}
			Payload::TagSection(section) => {
				for item in section.clone().into_iter_with_offsets() {
					let (offset, tag) = item?;
					self.tags
						.push(exceptions::carries(self.types.get(tag.func_type_idx as usize), offset)?);
				}
			}
			Payload::TableSection(section) => {
				for table in section.clone() {
					let table = table?;
					self.tables.push(Table {
						initial: table.ty.initial as u32,
						maximum: table.ty.maximum,
						grows: false,
					});
				}
			}
			Payload::MemorySection(section) => {
				for memory in section.clone() {
					let memory = memory?;
					self.memory = Some(MemoryType {
						minimum: memory.initial,
						maximum: memory.maximum,
						memory64: false,
						shared: false,
						page_size_log2: None,
					});
				}
			}
			Payload::GlobalSection(section) => {
				for global in section.clone() {
					let global = global?;
					self.globals.push((global.ty, global.init_expr));
				}
			}
			Payload::ExportSection(section) => {
				for export in section.clone() {
					self.exports.push(export?);
				}
			}
			Payload::StartSection { func, .. } => self.start = Some(*func),
			Payload::ElementSection(section) => {
				for item in section.clone().into_iter_with_offsets() {
					let (offset, element) = item?;
					self.element(element, offset)?;
				}
			}
			Payload::DataSection(section) => {
				for data in section.clone() {
					self.data.push(data?);
				}
			}
			_ => {}
		}
		Ok(())
	}

	fn element(&mut self, element: Element<'a>, offset: u64) -> Result<(), Reason> {
		let values = references::values(&element, offset)?;
		let kind = match element.kind {
			ElementKind::Active {
				table_index,
				offset_expr,
			} => {
				let (table, at) = (table_index.unwrap_or(0), super::module::address(&offset_expr, offset)?);
				let size = self.tables.get(table as usize).map_or(0, |table| table.initial);
				let index = self.segments.len() as u32;
				super::module::fits("element", index, at, values.len(), size.into(), offset)?;
				Kind::Active { table, at }
			}
			ElementKind::Passive => Kind::Passive,
			ElementKind::Declared => Kind::Declared,
		};
		self.segments.push(Segment { kind, values });
		Ok(())
	}

	/// Notes what a function names, before anything of it is written.
	fn scan(&mut self, body: &FunctionBody<'_>) -> Result<(), Reason> {
		if !self.uses.segments && !self.uses.references {
			return Ok(());
		}
		for op in body.get_operators_reader()? {
			match op? {
				Operator::MemoryInit { data_index, .. } | Operator::DataDrop { data_index } => {
					self.named.insert(data_index);
				}
				Operator::TableInit { elem_index, .. } | Operator::ElemDrop { elem_index } => {
					self.initialisers.insert(elem_index);
				}
				Operator::RefFunc { function_index } => {
					self.referenced.insert(function_index);
				}
				Operator::TableGrow { table } => {
					if let Some(table) = self.tables.get_mut(table as usize) {
						table.grows = true;
					}
				}
				_ => {}
			}
		}
		Ok(())
	}
}

/// The type that a value has in the new module.
fn lowered(ty: wasmparser::ValType, offset: u64) -> Result<ValType, Reason> {
	match ty {
		wasmparser::ValType::Ref(_) => Ok(ValType::I64),
		ty => super::module::numeric(ty, offset),
	}
}

/// What cannot happen in a validated module.
fn broken() -> Reason {
	Reason::Invalid {
		message: "an index points nowhere".into(),
		offset: 0,
	}
}
