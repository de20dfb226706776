//! Reads a module, checks what is around its functions, and keeps what the emitter needs.

use super::{
	body::{self, Callee, Layout},
	limits,
	refused::shortened,
	shims,
	types::Types,
	Refused, INTRINSICS,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
	/// A program.
	User,
	/// A test suite.
	Tests,
	/// This crate: the shims.
	Shims,
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
	pub offset: u32,
	pub bytes: &'a [u8],
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
	pub types: Vec<Signature>,
	/// The shim, by its function index in the shims' module, that each imported function of WASI becomes.
	pub imports: Vec<u32>,
	/// How many functions are imported.
	imported: usize,
	/// The type of each function, imported ones first.
	pub functions: Vec<u32>,
	pub tables: Vec<u32>,
	/// Initial pages and maximum.
	pub memory: Option<(u32, u32)>,
	pub globals: Vec<Global>,
	pub exports: Vec<Export<'a>>,
	pub start: Option<u32>,
	pub elements: Vec<Elements>,
	pub data: Vec<Data<'a>>,
	/// Rewritten bodies.
	pub bodies: Vec<Vec<u8>>,
}

/// What else a module's functions need to be rewritten.
pub(super) struct Target {
	/// New index of the module's first global.
	pub first_global: u32,
	/// New index of the module's first own function.
	pub first_function: u32,
}

/// WebAssembly 2.0 without SIMD and without `externref`.
fn features() -> WasmFeatures {
	WasmFeatures::MUTABLE_GLOBAL
		| WasmFeatures::SATURATING_FLOAT_TO_INT
		| WasmFeatures::SIGN_EXTENSION
		| WasmFeatures::REFERENCE_TYPES
		| WasmFeatures::MULTI_VALUE
		| WasmFeatures::BULK_MEMORY
		| WasmFeatures::FLOATS
}

/// A number's type; references are refused.
pub(super) fn numeric(ty: wasmparser::ValType, offset: u64) -> Result<ValType, Refused> {
	Ok(match ty {
		wasmparser::ValType::I32 => ValType::I32,
		wasmparser::ValType::I64 => ValType::I64,
		wasmparser::ValType::F32 => ValType::F32,
		wasmparser::ValType::F64 => ValType::F64,
		wasmparser::ValType::V128 => return Err(feature("SIMD", offset)),
		wasmparser::ValType::Ref(ty) => return Err(feature(&format!("{ty} as a value (references)"), offset)),
	})
}

fn feature(feature: &str, offset: u64) -> Refused {
	Refused::Feature {
		feature: feature.into(),
		offset,
	}
}

impl<'a> Module<'a> {
	/// Reads, validates and rewrites. `target` tells, from the part before the code, where the module's functions and
	/// globals go; `types` is made from the module's types unless it is given.
	pub fn read(
		wasm: &'a [u8],
		origin: Origin,
		types: &mut Option<Types>,
		target: impl Fn(&Module<'a>) -> Target,
	) -> Result<Self, Refused> {
		let mut module = Module::default();
		let mut validator = Validator::new_with_features(features());
		let mut parser = Parser::new(0);
		parser.set_features(features());
		let mut allocations = FuncValidatorAllocations::default();
		let mut layout = None;
		let mut work = 0;
		for payload in parser.parse_all(wasm) {
			let payload = payload?;
			module.precheck(&payload)?;
			match validator.payload(&payload)? {
				ValidPayload::Func(function, body) => {
					let types = types.get_or_insert_with(|| Types::new(&module.types));
					let (first_global, callees, globals) = layout.get_or_insert_with(|| {
						let target = target(&module);
						let globals: Vec<_> = module.globals.iter().map(|global| global.ty).collect();
						(
							target.first_global,
							module.callees(origin, target.first_function),
							globals,
						)
					});
					let layout = Layout {
						wasm,
						types: &module.types,
						function_types: &module.functions,
						callees,
						globals,
						first_global: *first_global,
					};
					let mut checker = function.into_validator(allocations);
					let (rewritten, more) = body::rewrite(&mut checker, &body, &layout, types)?;
					work += more;
					limits::check(
						"blocks times values in all functions",
						work,
						limits::TOTAL_WORK,
						body.range().start,
					)?;
					allocations = checker.into_allocations();
					module.bodies.push(rewritten);
				}
				ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => module.section(payload, origin)?,
			}
		}
		types.get_or_insert_with(|| Types::new(&module.types));
		Ok(module)
	}

	/// What a function index is in the normalised module.
	pub fn callees(&self, origin: Origin, first: u32) -> Vec<Callee> {
		(0..self.functions.len() as u32)
			.map(|index| match index.checked_sub(self.imported as u32) {
				Some(own) => Callee::Own(first + own),
				None if origin == Origin::Shims => Callee::Intrinsic(index),
				// Shims follow the module's own functions; the first indices of their module are the intrinsics.
				None => Callee::Own(
					first + self.own_functions() as u32 + self.imports[index as usize] - INTRINSICS.len() as u32,
				),
			})
			.collect()
	}

	/// How many functions are not imported.
	pub fn own_functions(&self) -> usize {
		self.functions.len() - self.imported
	}

	/// Counts that are checked before the validator takes memory for them.
	fn precheck(&self, payload: &Payload<'a>) -> Result<(), Refused> {
		let (what, found, limit, offset) = match payload {
			Payload::TypeSection(section) => ("types", section.count(), limits::TYPES, section.range().start),
			Payload::ImportSection(section) => ("imports", section.count(), limits::FUNCTIONS, section.range().start),
			Payload::FunctionSection(section) => {
				let all = section.count().saturating_add(self.imported as u32);
				("functions", all, limits::FUNCTIONS, section.range().start)
			}
			Payload::TableSection(section) => ("tables", section.count(), limits::TABLES, section.range().start),
			Payload::GlobalSection(section) => ("globals", section.count(), limits::GLOBALS, section.range().start),
			_ => return Ok(()),
		};
		limits::check(what, found.into(), limit, offset)
	}

	/// Takes in a validated section.
	fn section(&mut self, payload: Payload<'a>, origin: Origin) -> Result<(), Refused> {
		match payload {
			Payload::TypeSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, group) = item?;
					for ty in group.into_types() {
						self.types.push(signature(&ty.composite_type.inner, offset)?);
					}
				}
				limits::check("types", self.types.len() as u64, limits::TYPES, 0)
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
					self.memory = Some((memory.initial as u32, max as u32));
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
						init: constant(&global.init_expr)?,
					});
				}
				Ok(())
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
					let DataKind::Active { offset_expr, .. } = data.kind else {
						return Err(feature("a passive data segment", offset));
					};
					let at = address(&offset_expr, offset)?;
					let size = u64::from(self.memory.unwrap_or_default().0) << 16;
					fits("data", index as u32, at, data.data.len(), size, offset)?;
					self.data.push(Data {
						offset: at,
						bytes: data.data,
					});
				}
				Ok(())
			}
			_ => Ok(()),
		}
	}

	fn import(&mut self, import: wasmparser::Import<'a>, offset: u64, origin: Origin) -> Result<(), Refused> {
		if origin == Origin::Shims {
			// The shims import the intrinsics, in their order, and the memory.
			if let TypeRef::Func(ty) = import.ty {
				self.functions.push(ty);
				self.imported += 1;
			}
			return Ok(());
		}
		let refused = |hint: String| Refused::Import {
			module: shortened(import.module),
			name: shortened(import.name),
			hint,
			offset,
		};
		let TypeRef::Func(ty) = import.ty else {
			return Err(refused(
				", which is not a function: only functions of WASI can be imported".into(),
			));
		};
		if origin == Origin::Tests || import.module != shims::MODULE {
			return Err(refused(format!(
				": only functions of `{}` can be imported",
				shims::MODULE
			)));
		}
		let Some((shim, expected)) = shims::find(import.name) else {
			return Err(refused(", which programs cannot use".into()));
		};
		let found = self.types.get(ty as usize).cloned().unwrap_or_default();
		if found != *expected {
			return Err(refused(format!(" as {found}, but it is {expected}")));
		}
		self.imports.push(shim);
		self.functions.push(ty);
		self.imported += 1;
		Ok(())
	}

	fn element(&mut self, element: wasmparser::Element<'a>, index: u32, offset: u64) -> Result<(), Refused> {
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

	/// The index of the function exported under a name.
	pub fn exported_function(&self, name: &str) -> Option<u32> {
		let found = self.exports.iter().find(|export| export.name == name)?;
		(found.kind == ExternalKind::Func).then_some(found.index)
	}

	/// The type of a function.
	pub fn signature(&self, function: u32) -> Option<&Signature> {
		self.types.get(*self.functions.get(function as usize)? as usize)
	}
}

fn signature(ty: &CompositeInnerType, offset: u64) -> Result<Signature, Refused> {
	let CompositeInnerType::Func(ty) = ty else {
		return Err(feature("garbage collection", offset));
	};
	limits::check(
		"parameters of a function",
		ty.params().len() as u64,
		limits::PARAMS,
		offset,
	)?;
	limits::check(
		"results of a function",
		ty.results().len() as u64,
		limits::RESULTS,
		offset,
	)?;
	let numbers = |types: &[wasmparser::ValType]| -> Result<Vec<ValType>, Refused> {
		types.iter().map(|ty| numeric(*ty, offset)).collect()
	};
	Ok(Signature {
		params: numbers(ty.params())?,
		results: numbers(ty.results())?,
	})
}

/// A global's first value.
fn constant(expression: &ConstExpr<'_>) -> Result<wasm_encoder::ConstExpr, Refused> {
	let mut ops = expression.get_operators_reader();
	let (op, offset) = ops.read_with_offset()?;
	Ok(match op {
		Operator::I32Const { value } => wasm_encoder::ConstExpr::i32_const(value),
		Operator::I64Const { value } => wasm_encoder::ConstExpr::i64_const(value),
		Operator::F32Const { value } => wasm_encoder::ConstExpr::f32_const(wasm_encoder::Ieee32::new(value.bits())),
		Operator::F64Const { value } => wasm_encoder::ConstExpr::f64_const(wasm_encoder::Ieee64::new(value.bits())),
		_ => return Err(feature("a global whose first value is not a number", offset)),
	})
}

/// Where a segment starts.
fn address(expression: &ConstExpr<'_>, offset: u64) -> Result<u32, Refused> {
	match expression.get_operators_reader().read()? {
		Operator::I32Const { value } => Ok(value as u32),
		_ => Err(feature("a segment whose place is not a number", offset)),
	}
}

fn fits(what: &'static str, index: u32, at: u32, len: usize, size: u64, offset: u64) -> Result<(), Refused> {
	let end = u64::from(at) + len as u64;
	if end <= size {
		return Ok(());
	}
	Err(Refused::Segment {
		what,
		index,
		end,
		size,
		offset,
	})
}
