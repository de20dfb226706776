//! Puts the normalised module together.

use super::{
	body::Callee,
	cost, limits,
	module::{Elements, Module, Origin, Signature},
	shims,
	splice::charge,
	types::{own, Types},
	Refused, EXIT, GAS, INTRINSICS,
};
use std::borrow::Cow;
use wasm_encoder::{
	BlockType, CodeSection, ConstExpr, DataSection, ElementSection, EntityType, ExportKind, ExportSection, Function,
	FunctionSection, GlobalSection, GlobalType, HeapType, ImportSection, InstructionSink, MemorySection, MemoryType,
	RefType, TableSection, TableType, ValType,
};
use wasmparser::ExternalKind;

/// The names of the entry and of the counter.
pub(super) fn names(origin: Origin) -> (&'static str, &'static str) {
	match origin {
		Origin::Tests => (super::TEST_ENTRY, super::TEST_GAS),
		_ => (super::ENTRY, super::GAS_EXPORT),
	}
}

/// A function of the new module that is made here: its type and its body.
struct Made {
	ty: u32,
	body: Vec<u8>,
}

/// Emits a module; `shims` are there if it imports any.
pub(super) fn emit(
	module: &Module<'_>,
	shims: Option<&Module<'_>>,
	mut types: Types,
	origin: Origin,
) -> Result<Vec<u8>, Refused> {
	let first = INTRINSICS.len() as u32;
	let callees = module.callees(origin, first);
	let callee = |function: u32| match callees.get(function as usize) {
		Some(Callee::Own(index)) => Ok(*index),
		_ => Err(Refused::Export("what it names")),
	};

	let mut imports = ImportSection::new();
	for (name, params, results) in INTRINSICS {
		let ty = types.index(Signature {
			params: params.to_vec(),
			results: results.to_vec(),
		});
		imports.import(super::MODULE, name, EntityType::Function(ty));
	}
	let mut functions = FunctionSection::new();
	let mut code = CodeSection::new();
	let imported = module.functions.len() - module.own_functions();
	for (ty, body) in module.functions.iter().skip(imported).zip(&module.bodies) {
		functions.function(own(*ty, module.types.len()));
		code.raw(body);
	}
	if let Some(shims) = shims {
		for (ty, body) in shims::own_types(shims).into_iter().zip(&shims.bodies) {
			functions.function(types.index(ty));
			code.raw(body);
		}
	}

	let (entry_name, gas_name) = names(origin);
	let mut exports = ExportSection::new();
	exports.export(gas_name, ExportKind::Global, GAS);
	let start = module.start.map(callee).transpose()?;
	let run = match origin {
		Origin::Tests => start.map(|start| entry(module, &[start], End::Return)),
		_ => {
			let main = module
				.exported_function("_start")
				.filter(|index| module.signature(*index).is_some_and(|ty| *ty == Signature::default()))
				.ok_or(Refused::Export("a function `_start` without parameters and results"))?;
			let calls: Vec<u32> = start.into_iter().chain([callee(main)?]).collect();
			let end = match (shims, shims::find(shims::EXIT)) {
				// In their own module, too, the intrinsics come before the shims.
				(Some(_), Some((shim, _))) => End::Shim(module.own_functions() as u32 + shim),
				_ => End::Intrinsic,
			};
			Some(entry(module, &calls, end))
		}
	};
	let mut made = Vec::new();
	if let Some(body) = run {
		made.push((
			entry_name,
			Made {
				ty: types.index(Signature::default()),
				body,
			},
		));
	}
	if origin == Origin::Tests {
		for export in &module.exports {
			if [entry_name, gas_name].contains(&export.name) {
				continue;
			}
			match export.kind {
				ExternalKind::Func => {
					let signature = module.signature(export.index).cloned().unwrap_or_default();
					let params = signature.params.len() as u32;
					let body = wrapper(params, callee(export.index)?);
					let ty = types.index(signature);
					made.push((export.name, Made { ty, body }));
				}
				ExternalKind::Global => {
					exports.export(export.name, ExportKind::Global, 1 + export.index);
				}
				ExternalKind::Memory => {
					exports.export(export.name, ExportKind::Memory, export.index);
				}
				ExternalKind::Table => {
					exports.export(export.name, ExportKind::Table, export.index);
				}
				_ => {}
			}
		}
	}
	for (name, Made { ty, body }) in made {
		exports.export(name, ExportKind::Func, first + functions.len());
		functions.function(ty);
		code.raw(&body);
	}

	let mut new = wasm_encoder::Module::new();
	new.section(&types.section()).section(&imports).section(&functions);
	if !module.tables.is_empty() {
		new.section(&tables(module));
	}
	new.section(&memories(module)).section(&globals(module, shims));
	new.section(&exports);
	if !module.elements.is_empty() {
		let mut section = ElementSection::new();
		for elements in &module.elements {
			element(&mut section, elements, &callee)?;
		}
		new.section(&section);
	}
	new.section(&code);
	if !module.data.is_empty() {
		let mut section = DataSection::new();
		for data in &module.data {
			let offset = ConstExpr::i32_const(data.offset as i32);
			section.active(0, &offset, data.bytes.iter().copied());
		}
		new.section(&section);
	}
	Ok(new.finish())
}

fn tables(module: &Module<'_>) -> TableSection {
	let mut section = TableSection::new();
	for entries in &module.tables {
		section.table(TableType {
			element_type: RefType::FUNCREF,
			table64: false,
			minimum: (*entries).into(),
			maximum: Some((*entries).into()),
			shared: false,
		});
	}
	section
}

fn memories(module: &Module<'_>) -> MemorySection {
	let (minimum, maximum) = module.memory.unwrap_or_default();
	let mut section = MemorySection::new();
	section.memory(MemoryType {
		minimum: minimum.into(),
		maximum: Some(maximum.into()),
		memory64: false,
		shared: false,
		page_size_log2: None,
	});
	section
}

fn globals(module: &Module<'_>, shims: Option<&Module<'_>>) -> GlobalSection {
	let ty = |val_type, mutable| GlobalType {
		val_type,
		mutable,
		shared: false,
	};
	let mut section = GlobalSection::new();
	section.global(ty(ValType::I64, true), &ConstExpr::i64_const(0));
	for global in module
		.globals
		.iter()
		.chain(shims.iter().flat_map(|shims| &shims.globals))
	{
		section.global(ty(global.ty, global.mutable), &global.init);
	}
	section
}

fn element(
	section: &mut ElementSection,
	elements: &Elements,
	callee: &impl Fn(u32) -> Result<u32, Refused>,
) -> Result<(), Refused> {
	let mut functions = Vec::with_capacity(elements.functions.len());
	for function in &elements.functions {
		functions.push(function.map(callee).transpose()?);
	}
	let all: Option<Vec<u32>> = functions.iter().copied().collect();
	let items = match all {
		Some(functions) => wasm_encoder::Elements::Functions(functions.into()),
		None => {
			let items: Vec<ConstExpr> = functions
				.into_iter()
				.map(|function| match function {
					Some(function) => ConstExpr::ref_func(function),
					None => ConstExpr::ref_null(HeapType::FUNC),
				})
				.collect();
			wasm_encoder::Elements::Expressions(RefType::FUNCREF, Cow::Owned(items))
		}
	};
	let table = (elements.table != 0).then_some(elements.table);
	section.active(table, &ConstExpr::i32_const(elements.offset as i32), items);
	Ok(())
}

/// How the entry ends.
enum End {
	/// It calls this shim, which writes the rest of the output.
	Shim(u32),
	/// Nothing was written.
	Intrinsic,
	/// It returns, for test suites.
	Return,
}

/// What is charged before anything runs: the memory and what is laid into it and the tables.
pub(super) fn start_cost(module: &Module<'_>) -> u64 {
	let pages = u64::from(module.memory.unwrap_or_default().0) << cost::PAGE_SHIFT;
	let data: u64 = module.data.iter().map(|data| data.bytes.len() as u64).sum();
	let entries: u64 = module
		.elements
		.iter()
		.map(|elements| elements.functions.len() as u64)
		.sum();
	let laid = (entries + module.data.len() as u64) * cost::LAID;
	cost::RUN + pages + (data >> cost::BULK_SHIFT) + laid
}

/// The function that the host calls: takes over the gas, leaves -1 for whoever traps, calls, ends.
fn entry(module: &Module<'_>, calls: &[u32], end: End) -> Vec<u8> {
	const LOCAL: u32 = 0;
	let mut body = Function::new([(1, ValType::I64)]).into_raw_body();
	let mut code = InstructionSink::new(&mut body);
	code.block(BlockType::Empty)
		.global_get(GAS)
		.local_set(LOCAL)
		.i64_const(-1)
		.global_set(GAS);
	charge(&mut body, LOCAL, 0, start_cost(module));
	for function in calls {
		InstructionSink::new(&mut body)
			.local_get(LOCAL)
			.i64_const(i64::from(limits::STACK))
			.call(*function)
			.local_set(LOCAL);
	}
	let mut code = InstructionSink::new(&mut body);
	match end {
		End::Shim(exit) => code
			.i32_const(0)
			.local_get(LOCAL)
			.i64_const(i64::from(limits::STACK))
			.call(exit)
			.drop(),
		End::Intrinsic => code
			.local_get(LOCAL)
			.global_set(GAS)
			.i32_const(0)
			.i32_const(0)
			.call(EXIT),
		End::Return => code.local_get(LOCAL).global_set(GAS).return_(),
	};
	code.end().unreachable().end();
	body
}

/// An exported function as test suites know it.
fn wrapper(params: u32, function: u32) -> Vec<u8> {
	let mut body = Function::new([]).into_raw_body();
	let mut code = InstructionSink::new(&mut body);
	for param in 0..params {
		code.local_get(param);
	}
	code.global_get(GAS)
		.i64_const(-1)
		.global_set(GAS)
		.i64_const(i64::from(limits::STACK))
		.call(function)
		.global_set(GAS)
		.end();
	body
}
