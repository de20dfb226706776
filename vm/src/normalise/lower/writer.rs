//! Puts the new module together: the old one's parts, and what is added behind them.

use super::{
	super::{
		constant,
		entry::Found,
		lay::Laid,
		module::{self, Signature},
	},
	code, exceptions,
	layout::{self, Layout},
	lowered, references, Kind, Lowered, Plan, Reason, Value,
};
use std::collections::HashMap;
use wasm_encoder::{
	CodeSection, ConstExpr, DataSection, ElementSection, ExportKind, ExportSection, FunctionSection, GlobalSection,
	GlobalType, InstructionSink, MemorySection, MemoryType, RawSection, RefType, StartSection, TableSection, TableType,
	TypeSection, ValType,
};
use wasmparser::{DataKind, ExternalKind, FunctionBody, Payload};
/// The new module in the making.
pub(super) struct Writer<'a> {
	pub wasm: &'a [u8],
	pub plan: Plan<'a>,
	pub layout: Layout,
	/// The types: the old ones, and those that are added.
	pub types: Vec<Signature>,
	/// The first of equal types.
	known: HashMap<Signature, u32>,
	/// The types of functions that are added.
	functions: Vec<u32>,
	/// Their bodies.
	bodies: Vec<Vec<u8>>,
}

impl<'a> Writer<'a> {
	pub fn new(wasm: &'a [u8], plan: Plan<'a>, layout: Layout) -> Self {
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
	pub fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
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
	pub fn halt(&self) -> u32 {
		self.plan.functions.len() as u32
	}

	/// The function that fills entries of tables, if there are references: the second one.
	pub fn fill(&self) -> u32 {
		self.halt() + 1
	}

	pub fn module(mut self, sections: &[Payload<'a>], bodies: &[FunctionBody<'a>]) -> Result<Lowered, Reason> {
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
					section.global(new, &constant::fold(expression, 0)?.expression());
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
				let offset = module::address(offset_expr, place)?;
				module::fits("data", index as u32, offset, data.data.len(), size, place)?;
				active.push(module::Data {
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

fn is_function(kind: ExternalKind) -> bool {
	matches!(kind, ExternalKind::Func | ExternalKind::FuncExact)
}

/// The body of a function that is never called: calls of it become the intrinsic.
fn trap_body() -> Vec<u8> {
	let mut body = vec![0];
	InstructionSink::new(&mut body).unreachable().end();
	body
}
