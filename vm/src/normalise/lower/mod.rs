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

pub(super) use exceptions::carries;

use super::{
	entry::Found,
	lay::Laid,
	module::Signature,
	refused::{feature, Reason},
	shims,
};
use layout::Layout;
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::{
	CodeSection, ConstExpr, DataSection, ElementSection, ExportKind, ExportSection, FunctionSection, GlobalSection,
	GlobalType, InstructionSink, MemorySection, MemoryType, RawSection, RefType, StartSection, TableSection, TableType,
	TypeSection, ValType,
};
use wasmparser::{
	CompositeInnerType, Data, DataKind, Element, ElementKind, ExternalKind, FuncType, FunctionBody, Operator, Parser,
	Payload, Validator, WasmFeatures,
};

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

/// The new module in the making.
struct Writer<'a> {
	wasm: &'a [u8],
	plan: Plan<'a>,
	layout: Layout,
	/// The types: the old ones, and those that are added.
	types: Vec<Signature>,
	/// The first of equal types.
	known: HashMap<Signature, u32>,
	/// The types of functions that are added.
	functions: Vec<u32>,
	/// Their bodies.
	bodies: Vec<Vec<u8>>,
}

impl<'a> Writer<'a> {
	fn new(wasm: &'a [u8], plan: Plan<'a>, layout: Layout) -> Self {
		Self {
			wasm,
			plan,
			layout,
			types: Vec::new(),
			known: HashMap::new(),
			functions: Vec::new(),
			bodies: Vec::new(),
		}
	}

	/// The number of a type.
	fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
		let ty = Signature {
			params: params.to_vec(),
			results: results.to_vec(),
		};
		match self.known.get(&ty) {
			Some(known) => *known,
			None => self.add_type(ty),
		}
	}

	fn add_type(&mut self, ty: Signature) -> u32 {
		let index = self.types.len() as u32;
		self.types.push(ty.clone());
		*self.known.entry(ty).or_insert(index)
	}

	/// Adds a function. Its number.
	fn add(&mut self, ty: u32, body: Vec<u8>) -> u32 {
		self.functions.push(ty);
		self.bodies.push(body);
		(self.plan.functions.len() + self.functions.len() - 1) as u32
	}

	/// The function that stands for the intrinsic `halt`: the first one that is added.
	fn halt(&self) -> u32 {
		self.plan.functions.len() as u32
	}

	/// The function that fills entries of tables, if there are references: the second one.
	fn fill(&self) -> u32 {
		self.halt() + 1
	}

	fn module(mut self, sections: &[Payload<'a>], bodies: &[FunctionBody<'a>]) -> Result<Lowered, Reason> {
		for ty in std::mem::take(&mut self.plan.types) {
			let list = |types: &[wasmparser::ValType]| types.iter().map(|ty| lowered(*ty, 0)).collect::<Result<_, _>>();
			self.add_type(Signature {
				params: list(ty.params())?,
				results: list(ty.results())?,
			});
		}
		let ty = self.ty(&[ValType::I32; 2], &[]);
		self.add(ty, trap_body());
		if self.plan.uses.references {
			let (params, body) = references::FILL;
			let ty = self.ty(&params, &[]);
			self.add(ty, body());
		}
		let mut code = CodeSection::new();
		for body in bodies {
			let index = self.plan.imported + code.len();
			let body = code::body(&mut self, index, body)?;
			code.raw(&body);
		}
		let outside = self.outside();
		for body in &self.bodies {
			code.raw(body);
		}

		let mut new = wasm_encoder::Module::new();
		new.section(&self.type_section());
		for section in sections {
			if let (Payload::ImportSection(_), Some((id, range))) = (section, section.as_section()) {
				let range = range.start as usize..range.end as usize;
				let data = self.wasm.get(range).unwrap_or_default();
				new.section(&RawSection { id, data });
			}
		}
		let mut functions = FunctionSection::new();
		let own = self.plan.functions.iter().skip(self.plan.imported as usize);
		for ty in own.chain(&self.functions) {
			functions.function(*ty);
		}
		new.section(&functions);
		let tables = self.table_section();
		if !tables.is_empty() {
			new.section(&tables);
		}
		new.section(&self.memory_section());
		new.section(&self.global_section()?);
		new.section(&self.export_section(&outside));
		if let Some(start) = self.plan.start {
			let function_index = outside.get(&start).copied().unwrap_or(start);
			new.section(&StartSection { function_index });
		}
		let elements = self.element_section();
		if !elements.is_empty() {
			new.section(&elements);
		}
		new.section(&code);
		let data = self.data_section()?;
		if !data.is_empty() {
			new.section(&data);
		}
		Ok(Lowered {
			wasm: new.finish(),
			halt: self.halt(),
			outside,
			places: bodies.iter().map(|body| body.range().start).collect(),
		})
	}

	/// Functions to be called from outside instead of those that may throw.
	fn outside(&mut self) -> HashMap<u32, u32> {
		let mut outside = HashMap::new();
		let Some(thrown) = self.layout.thrown else {
			return outside;
		};
		let exported = self.plan.exports.iter().filter(|export| is_function(export.kind));
		let called: Vec<u32> = match self.plan.entry {
			Some(Found { before, main, .. }) => before.into_iter().chain([main]).collect(),
			None => exported.map(|export| export.index).collect(),
		};
		let all: Vec<u32> = called.into_iter().chain(self.plan.start).collect();
		for function in all {
			if function >= self.plan.imported && !outside.contains_key(&function) {
				let Some(ty) = self.plan.functions.get(function as usize).copied() else {
					continue;
				};
				let params = self.types.get(ty as usize).map_or(0, |ty| ty.params.len());
				let body = exceptions::outermost(function, params as u32, thrown, self.halt());
				let wrapper = self.add(ty, body);
				outside.insert(function, wrapper);
			}
		}
		outside
	}

	fn type_section(&self) -> TypeSection {
		let mut section = TypeSection::new();
		for ty in &self.types {
			section
				.ty()
				.function(ty.params.iter().copied(), ty.results.iter().copied());
		}
		section
	}

	fn table_section(&self) -> TableSection {
		let mut section = TableSection::new();
		let table = |entries: u32| TableType {
			element_type: RefType::FUNCREF,
			table64: false,
			minimum: entries.into(),
			maximum: Some(entries.into()),
			shared: false,
		};
		match self.plan.uses.references {
			true => _ = section.table(table(self.layout.functions.len() as u32 + 1)),
			false => self
				.plan
				.tables
				.iter()
				.for_each(|old| _ = section.table(table(old.initial))),
		}
		section
	}

	fn memory_section(&self) -> MemorySection {
		let none = MemoryType {
			minimum: 0,
			maximum: Some(0),
			memory64: false,
			shared: false,
			page_size_log2: None,
		};
		let mut section = MemorySection::new();
		section.memory(self.plan.memory.unwrap_or(none));
		if self.layout.pages > 0 {
			section.memory(MemoryType {
				minimum: self.layout.pages.into(),
				maximum: Some(self.layout.pages.into()),
				..none
			});
		}
		section
	}

	fn global_section(&self) -> Result<GlobalSection, Reason> {
		let mut section = GlobalSection::new();
		for (ty, expression) in &self.plan.globals {
			let new = GlobalType {
				val_type: lowered(ty.content_type, 0)?,
				mutable: ty.mutable,
				shared: false,
			};
			match ty.content_type {
				wasmparser::ValType::Ref(_) => {
					let value = references::value(expression, 0)?;
					section.global(new, &ConstExpr::i64_const(self.layout.value(value)?));
				}
				_ => {
					section.global(new, &super::constant::fold(expression, 0)?.expression());
				}
			}
		}
		for (ty, value) in &self.layout.globals {
			let new = GlobalType {
				val_type: *ty,
				mutable: true,
				shared: false,
			};
			match ty {
				ValType::I64 => section.global(new, &ConstExpr::i64_const(*value)),
				_ => section.global(new, &ConstExpr::i32_const(*value as i32)),
			};
		}
		Ok(section)
	}

	fn export_section(&self, outside: &HashMap<u32, u32>) -> ExportSection {
		let mut section = ExportSection::new();
		for export in &self.plan.exports {
			let kind = match export.kind {
				kind if is_function(kind) => ExportKind::Func,
				ExternalKind::Memory => ExportKind::Memory,
				ExternalKind::Global => ExportKind::Global,
				// Nobody outside looks at what else there is.
				_ => continue,
			};
			let index = match kind {
				ExportKind::Func => outside.get(&export.index).copied().unwrap_or(export.index),
				_ => export.index,
			};
			section.export(export.name, kind, index);
		}
		section
	}

	fn element_section(&self) -> ElementSection {
		let mut section = ElementSection::new();
		if self.plan.uses.references {
			if !self.layout.functions.is_empty() {
				let functions = wasm_encoder::Elements::Functions(self.layout.functions.as_slice().into());
				section.active(None, &ConstExpr::i32_const(1), functions);
			}
			return section;
		}
		for segment in &self.plan.segments {
			let Kind::Active { table, at } = segment.kind else {
				continue;
			};
			let values: Vec<ConstExpr> = segment
				.values
				.iter()
				.map(|value| match value {
					Value::Null => ConstExpr::ref_null(wasm_encoder::HeapType::FUNC),
					Value::Function(function) => ConstExpr::ref_func(*function),
				})
				.collect();
			let items = wasm_encoder::Elements::Expressions(RefType::FUNCREF, values.into());
			section.active((table != 0).then_some(table), &ConstExpr::i32_const(at as i32), items);
		}
		section
	}

	fn data_section(&self) -> Result<DataSection, Reason> {
		let mut section = DataSection::new();
		let size = self.plan.memory.map_or(0, |memory| memory.minimum << 16);
		let mut active = Vec::new();
		for (index, data) in self.plan.data.iter().enumerate() {
			if let DataKind::Active { offset_expr, .. } = &data.kind {
				let place = data.range.start;
				let offset = super::module::address(offset_expr, place)?;
				super::module::fits("data", index as u32, offset, data.data.len(), size, place)?;
				active.push(super::module::Data {
					memory: 0,
					offset,
					bytes: data.data,
					place,
				});
			}
		}
		// There may be as many already as a module may have.
		for (at, bytes) in Laid::new(&active)?.runs() {
			section.active(0, &ConstExpr::i32_const(at as i32), bytes);
		}
		for (at, bytes) in self.layout.contents(&self.plan)? {
			section.active(layout::MEMORY, &ConstExpr::i32_const(at as i32), bytes);
		}
		Ok(section)
	}
}

/// What cannot happen in a validated module.
fn broken() -> Reason {
	Reason::Invalid {
		message: "an index points nowhere".into(),
		offset: 0,
	}
}

fn is_function(kind: ExternalKind) -> bool {
	matches!(kind, ExternalKind::Func | ExternalKind::FuncExact)
}

/// The body of a function that is never called: calls of it become the intrinsic.
fn trap_body() -> Vec<u8> {
	let mut body = vec![0];
	InstructionSink::new(&mut body).unreachable().end();
	body
}
