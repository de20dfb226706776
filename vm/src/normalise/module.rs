//! Reads a module, checks what is around its functions, and keeps what the emitter needs.

use super::{
	body::{self, Callee, Layout},
	constant::{fold, Number},
	features,
	inline::{self, Inline},
	limits,
	lower::Lowered,
	refused::{feature, Reasons},
	shims::{self, Linked},
	types::Types,
	Reason, HALT, INTRINSICS,
};
use wasm_encoder::ValType;
use wasmparser::{
	CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncValidatorAllocations,
	Operator, Parser, Payload, RefType, TableInit, TypeRef, ValidPayload, Validator, WasmFeatures,
};

/// A function's type, in numbers only.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Signature {
	pub params: Vec<ValType>,
	pub results: Vec<ValType>,
}

impl Signature {
	/// Cells of the parameters.
	pub fn param_cells(&self) -> u64 {
		cells(&self.params)
	}

	/// Cells of the results.
	pub fn result_cells(&self) -> u64 {
		cells(&self.results)
	}
}

/// Cells that values of these types take: one each, two for a vector.
pub(super) fn cells(types: &[ValType]) -> u64 {
	let vectors = types.iter().filter(|ty| **ty == ValType::V128).count();
	(types.len() + vectors) as u64
}

impl std::fmt::Display for Signature {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		let list = |types: &[ValType]| {
			let names: Vec<_> = types.iter().map(|ty| format!("{ty:?}").to_lowercase()).collect();
			names.join(", ")
		};
		write!(f, "({})", list(&self.params))?;
		match self.results.as_slice() {
			[] => Ok(()),
			results => write!(f, " -> {}", list(results)),
		}
	}
}

/// Who made a module, which decides about its imports and exports.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Origin<'l> {
	/// A program.
	User,
	/// A test suite.
	Tests,
	/// This project: the shims, of which those that are linked are rewritten.
	Shims(&'l Linked),
}

/// A global.
pub(super) struct Global {
	pub ty: ValType,
	pub mutable: bool,
	pub init: wasm_encoder::ConstExpr,
}

/// An active element segment; `None` is null.
pub(super) struct Elements {
	pub table: u32,
	pub offset: u32,
	pub functions: Vec<Option<u32>>,
}

/// An active data segment.
pub(super) struct Data<'a> {
	/// The memory that it fills.
	pub memory: u32,
	pub offset: u32,
	pub bytes: &'a [u8],
	/// Where the segment is in the module.
	pub place: u64,
}

/// What is exported under a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Export<'a> {
	pub name: &'a str,
	pub kind: ExternalKind,
	pub index: u32,
}

impl Export<'_> {
	/// Whether it is the memory under the name that WASI wants.
	pub fn is_memory(&self) -> bool {
		self.kind == ExternalKind::Memory && self.name == "memory"
	}
}

/// A module that was read.
#[derive(Default)]
pub(super) struct Module<'a> {
	/// How much work its functions are for a compiler.
	pub work: super::Work,
	pub types: Vec<Signature>,
	/// The shim, by its function index in the shims' module, that each imported function of WASI becomes.
	pub imports: Vec<u32>,
	/// What each function that the shims import becomes.
	host: Vec<Callee>,
	/// How many functions are imported.
	imported: usize,
	/// The type of each function, imported ones first.
	pub functions: Vec<u32>,
	pub tables: Vec<u32>,
	/// Initial pages and maximum.
	pub memory: Option<(u32, u32)>,
	/// Pages that it wants of the system functions' memory, theirs included.
	pub system_pages: u32,
	/// The function that stands for the intrinsic `halt`, in a module that was lowered.
	halt: Option<u32>,
	pub globals: Vec<Global>,
	pub exports: Vec<Export<'a>>,
	pub start: Option<u32>,
	pub elements: Vec<Elements>,
	pub data: Vec<Data<'a>>,
	/// Rewritten bodies.
	pub bodies: Vec<Vec<u8>>,
}

/// What else a module's functions need to be rewritten.
#[derive(Default)]
pub(super) struct Target {
	/// New index of the module's first global.
	pub first_global: u32,
	/// New index of the module's first own function.
	pub first_function: u32,
}

/// What may be there. The rest was refused before, by its name.
pub(super) fn features() -> WasmFeatures {
	WasmFeatures::MUTABLE_GLOBAL
		| WasmFeatures::SATURATING_FLOAT_TO_INT
		| WasmFeatures::SIGN_EXTENSION
		| WasmFeatures::REFERENCE_TYPES
		| WasmFeatures::MULTI_VALUE
		| WasmFeatures::BULK_MEMORY
		| WasmFeatures::SIMD
		| WasmFeatures::FLOATS
		| WasmFeatures::EXTENDED_CONST
}

/// The type of a number or vector; references are refused.
pub(super) fn numeric(ty: wasmparser::ValType, offset: u64) -> Result<ValType, Reason> {
	Ok(match ty {
		wasmparser::ValType::I32 => ValType::I32,
		wasmparser::ValType::I64 => ValType::I64,
		wasmparser::ValType::F32 => ValType::F32,
		wasmparser::ValType::F64 => ValType::F64,
		wasmparser::ValType::V128 => ValType::V128,
		ty => return Err(feature(features::value(ty), offset)),
	})
}

impl<'a> Module<'a> {
	/// Reads, validates and rewrites. `target` tells, from the part before the code, where the module's functions and
	/// globals go; `types` is made from the module's types unless it is given; a module that was
	/// `lowered` may have a second memory. Functions that are too large are added to
	/// the reasons; if there are others already, that is all that is looked for.
	pub fn read(
		wasm: &'a [u8],
		origin: Origin<'_>,
		lowered: Option<&Lowered>,
		types: &mut Option<Types>,
		reasons: &mut Reasons,
		target: impl Fn(&Module<'a>) -> Target,
	) -> Result<Self, Reason> {
		let refused = !reasons.is_empty();
		let mut module = Module {
			halt: lowered.map(|lowered| lowered.halt),
			..Module::default()
		};
		let features = match lowered {
			Some(_) => features() | WasmFeatures::MULTI_MEMORY,
			None => features(),
		};
		let mut validator = Validator::new_with_features(features);
		let mut parser = Parser::new(0);
		parser.set_features(features);
		let mut allocations = FuncValidatorAllocations::default();
		let mut layout = None;
		let mut own = 0;
		for payload in parser.parse_all(wasm) {
			let payload = payload?;
			module.precheck(&payload)?;
			match validator.payload(&payload)? {
				ValidPayload::Func(function, body) => {
					own += 1;
					if matches!(origin, Origin::Shims(linked) if linked.own(own - 1).is_none()) {
						continue;
					}
					let types = types.get_or_insert_with(|| Types::new(&module.types));
					let (first_global, callees, globals, vectors) = layout.get_or_insert_with(|| {
						let target = target(&module);
						let globals: Vec<_> = module.globals.iter().map(|global| global.ty).collect();
						let signatures = module.types.iter().flat_map(|ty| ty.params.iter().chain(&ty.results));
						let vectors = signatures.chain(&globals).any(|ty| *ty == ValType::V128);
						(
							target.first_global,
							module.callees(origin, target.first_function),
							globals,
							vectors,
						)
					});
					let layout = Layout {
						wasm,
						types: &module.types,
						function_types: &module.functions,
						callees,
						globals,
						first_global: *first_global,
						memory: match origin {
							Origin::Shims(_) => inline::SYSTEM,
							_ => 0,
						},
						vectors: *vectors,
					};
					let mut checker = function.into_validator(allocations);
					let rewritten = body::rewrite(&mut checker, &body, &layout, types);
					allocations = checker.into_allocations();
					match rewritten {
						Ok((rewritten, more)) => {
							module.work.add(more);
							if reasons.is_empty() {
								module.bodies.push(rewritten);
							}
						}
						Err(reason @ Reason::Limit { .. }) => reasons.add(match lowered {
							Some(lowered) => reason.at(lowered.place(own - 1)),
							None => reason,
						}),
						// Its reason is known.
						Err(_) if refused => {}
						Err(reason) => return Err(reason),
					}
				}
				ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => module.section(payload, origin)?,
			}
		}
		reasons.check(module.work.check());
		types.get_or_insert_with(|| Types::new(&module.types));
		Ok(module)
	}

	/// What a function index is in the normalised module.
	pub fn callees(&self, origin: Origin<'_>, first: u32) -> Vec<Callee> {
		let linked = match origin {
			Origin::Shims(_) => None,
			_ => Some(Linked::new(&self.imports)),
		};
		(0..self.functions.len() as u32)
			.map(|index| match (index.checked_sub(self.imported as u32), origin) {
				_ if self.halt == Some(index) => Callee::Intrinsic(HALT),
				(Some(own), Origin::Shims(linked)) => {
					linked.own(own).map_or(Callee::Nowhere, |own| Callee::Own(first + own))
				}
				(Some(own), _) => Callee::Own(first + own),
				(None, Origin::Shims(_)) => self.host.get(index as usize).copied().unwrap_or(Callee::Nowhere),
				// Shims follow the module's own functions.
				(None, _) => {
					let shim = self.imports.get(index as usize);
					let place = shim.zip(linked.as_ref()).and_then(|(shim, linked)| linked.place(*shim));
					// One that is not there was refused by name already.
					place.map_or(Callee::Own(u32::MAX), |place| {
						Callee::Own(first + self.own_functions() as u32 + place)
					})
				}
			})
			.collect()
	}

	/// How many types there may be: blocks that catch exceptions may want one more each.
	fn most_types(&self) -> u64 {
		match self.halt {
			Some(_) => 2 * limits::TYPES + limits::LOWERED_MORE,
			None => limits::TYPES,
		}
	}

	/// How many functions are not imported.
	pub fn own_functions(&self) -> usize {
		self.functions.len() - self.imported
	}

	/// Counts that are checked before the validator takes memory for them.
	fn precheck(&self, payload: &Payload<'a>) -> Result<(), Reason> {
		let more = if self.halt.is_some() { limits::LOWERED_MORE } else { 0 };
		let (what, found, limit, offset) = match payload {
			Payload::TypeSection(section) => ("types", section.count(), self.most_types(), section.range().start),
			Payload::ImportSection(section) => ("imports", section.count(), limits::FUNCTIONS, section.range().start),
			Payload::FunctionSection(section) => {
				let all = section.count().saturating_add(self.imported as u32);
				("functions", all, limits::FUNCTIONS + more, section.range().start)
			}
			Payload::TableSection(section) => ("tables", section.count(), limits::TABLES, section.range().start),
			Payload::GlobalSection(section) => ("globals", section.count(), limits::GLOBALS, section.range().start),
			_ => return Ok(()),
		};
		limits::check(what, found.into(), limit, offset)
	}

	/// Takes in a validated section.
	fn section(&mut self, payload: Payload<'a>, origin: Origin<'_>) -> Result<(), Reason> {
		match payload {
			Payload::TypeSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, group) = item?;
					for ty in group.into_types() {
						self.types.push(signature(&ty.composite_type.inner, offset)?);
					}
				}
				limits::check("types", self.types.len() as u64, self.most_types(), 0)
			}
			Payload::ImportSection(section) => {
				for import in section.into_imports_with_offsets() {
					let (offset, import) = import?;
					self.import(import, offset, origin)?;
				}
				limits::check("imports", self.imports.len() as u64, limits::FUNCTIONS, 0)
			}
			Payload::FunctionSection(section) => {
				for ty in section {
					self.functions.push(ty?);
				}
				Ok(())
			}
			Payload::TableSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, table) = item?;
					if table.ty.element_type != RefType::FUNCREF {
						return Err(feature(&format!("a table of {}", table.ty.element_type), offset));
					}
					if !matches!(table.init, TableInit::RefNull) {
						return Err(feature("a table with an initial value", offset));
					}
					let entries = self.tables.iter().map(|entries| u64::from(*entries)).sum::<u64>();
					let all = entries.saturating_add(table.ty.initial);
					limits::check("table entries", all, limits::TABLE_ENTRIES, offset)?;
					self.tables.push(table.ty.initial as u32);
				}
				Ok(())
			}
			Payload::MemorySection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, memory) = item?;
					limits::check("pages of memory at the start", memory.initial, limits::PAGES, offset)?;
					let max = memory.maximum.unwrap_or(limits::PAGES).min(limits::PAGES);
					match self.memory {
						None => self.memory = Some((memory.initial as u32, max as u32)),
						Some(_) => self.system_pages = memory.initial as u32,
					}
				}
				Ok(())
			}
			Payload::GlobalSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, global) = item?;
					let ty = numeric(global.ty.content_type, offset)?;
					self.globals.push(Global {
						ty,
						mutable: global.ty.mutable,
						init: fold(&global.init_expr, offset)?.expression(),
					});
				}
				let types: Vec<_> = self.globals.iter().map(|global| global.ty).collect();
				limits::check("cells of globals", cells(&types), limits::GLOBALS, 0)
			}
			Payload::ExportSection(section) => {
				for export in section {
					let export = export?;
					self.exports.push(Export {
						name: export.name,
						kind: export.kind,
						index: export.index,
					});
				}
				Ok(())
			}
			Payload::StartSection { func, .. } => {
				self.start = Some(func);
				Ok(())
			}
			Payload::ElementSection(section) => {
				for (index, item) in section.into_iter_with_offsets().enumerate() {
					let (offset, element) = item?;
					self.element(element, index as u32, offset)?;
				}
				Ok(())
			}
			Payload::DataSection(section) => {
				for (index, item) in section.into_iter_with_offsets().enumerate() {
					let (offset, data) = item?;
					let DataKind::Active {
						memory_index,
						offset_expr,
					} = data.kind
					else {
						return Err(feature("a passive data segment", offset));
					};
					let at = address(&offset_expr, offset)?;
					let pages = match memory_index {
						0 => self.memory.unwrap_or_default().0,
						_ => self.system_pages,
					};
					let size = u64::from(pages) << 16;
					fits("data", index as u32, at, data.data.len(), size, offset)?;
					self.data.push(Data {
						memory: memory_index,
						offset: at,
						bytes: data.data,
						place: offset,
					});
				}
				Ok(())
			}
			_ => Ok(()),
		}
	}

	fn import(&mut self, import: wasmparser::Import<'a>, offset: u64, origin: Origin<'_>) -> Result<(), Reason> {
		if matches!(origin, Origin::Shims(_)) {
			let intrinsic = INTRINSICS.iter().position(|(name, ..)| *name == import.name);
			let callee = match (intrinsic, Inline::find(import.name), import.ty) {
				(Some(index), _, TypeRef::Func(_)) => Callee::Intrinsic(index as u32),
				(_, Some(inline), TypeRef::Func(_)) => Callee::Inline(inline),
				_ => return Err(Reason::Export("shims over the intrinsics".into())),
			};
			if let TypeRef::Func(ty) = import.ty {
				self.host.push(callee);
				self.functions.push(ty);
				self.imported += 1;
			}
			return Ok(());
		}
		// What is wrong with an import was told already.
		let TypeRef::Func(ty) = import.ty else {
			return Err(feature("an import that is no function", offset));
		};
		let shim = shims::imported(import.module, import.name)
			.filter(|(_, expected)| self.types.get(ty as usize) == Some(expected));
		let shim = shim.map_or(u32::MAX, |(index, _)| index);
		self.imports.push(shim);
		self.functions.push(ty);
		self.imported += 1;
		Ok(())
	}

	fn element(&mut self, element: wasmparser::Element<'a>, index: u32, offset: u64) -> Result<(), Reason> {
		let (table, at) = match element.kind {
			ElementKind::Active {
				table_index,
				offset_expr,
			} => (table_index.unwrap_or(0), address(&offset_expr, offset)?),
			ElementKind::Passive => return Err(feature("a passive element segment", offset)),
			ElementKind::Declared => return Err(feature("a declared element segment", offset)),
		};
		let mut functions = Vec::new();
		match element.items {
			ElementItems::Functions(items) => {
				for function in items {
					functions.push(Some(function?));
				}
			}
			ElementItems::Expressions(_, items) => {
				for item in items {
					let mut ops = item?.get_operators_reader();
					functions.push(match ops.read()? {
						Operator::RefFunc { function_index } => Some(function_index),
						Operator::RefNull { .. } => None,
						_ => return Err(feature("an element that is neither a function nor null", offset)),
					});
				}
			}
		}
		let size = self.tables.get(table as usize).copied().unwrap_or(0);
		fits("element", index, at, functions.len(), size.into(), offset)?;
		self.elements.push(Elements {
			table,
			offset: at,
			functions,
		});
		Ok(())
	}

	/// The type of a function.
	pub fn signature(&self, function: u32) -> Option<&Signature> {
		self.types.get(*self.functions.get(function as usize)? as usize)
	}
}

fn signature(ty: &CompositeInnerType, offset: u64) -> Result<Signature, Reason> {
	let CompositeInnerType::Func(ty) = ty else {
		return Err(feature("garbage collection", offset));
	};
	let numbers = |types: &[wasmparser::ValType]| -> Result<Vec<ValType>, Reason> {
		types.iter().map(|ty| numeric(*ty, offset)).collect()
	};
	let signature = Signature {
		params: numbers(ty.params())?,
		results: numbers(ty.results())?,
	};
	limits::check(
		"parameters of a function",
		signature.param_cells(),
		limits::PARAMS,
		offset,
	)?;
	limits::check(
		"results of a function",
		signature.result_cells(),
		limits::RESULTS,
		offset,
	)?;
	Ok(signature)
}

/// Where a segment starts.
pub(super) fn address(expression: &ConstExpr<'_>, offset: u64) -> Result<u32, Reason> {
	match fold(expression, offset)? {
		Number::I32(value) => Ok(value as u32),
		_ => Err(feature("a segment whose place is no number", offset)),
	}
}

/// Refuses a segment that ends beyond what it fills.
pub(super) fn fits(what: &'static str, index: u32, at: u32, len: usize, size: u64, offset: u64) -> Result<(), Reason> {
	let end = u64::from(at) + len as u64;
	if end <= size {
		return Ok(());
	}
	Err(Reason::Segment {
		what,
		index,
		end,
		size,
		offset,
	})
}
