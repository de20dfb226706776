//! Puts the normalised module together.

use super::{
	body::Callee,
	cost,
	entry::Found,
	inline,
	lay::Laid,
	limits,
	module::{Elements, Module, Origin, Signature},
	shims::{self, Linked},
	splice::charge,
	types::{own, Types},
	Reason, EXHAUSTED, GAS, HALT, INTRINSICS, LIMIT, OWN_GLOBALS,
};
use std::borrow::Cow;
use wasm_encoder::{
	BlockType, CodeSection, ConstExpr, DataSection, ElementSection, EntityType, ExportKind, ExportSection, Function,
	FunctionSection, GlobalSection, GlobalType, HeapType, ImportSection, InstructionSink, MemorySection, MemoryType,
	RefType, TableSection, TableType, ValType,
};
use wasmparser::ExternalKind;

/// The names of the entry and of the counter.
pub(super) fn names(for_tests: bool) -> (&'static str, &'static str) {
	match for_tests {
		true => (super::TEST_ENTRY, super::TEST_GAS),
		false => (super::ENTRY, super::GAS_EXPORT),
	}
}

/// A function of the new module that is made here: its type and its body.
struct Made {
	ty: u32,
	body: Vec<u8>,
}

/// Emits a module; `shims` are there if it imports any. Also tells what its first charge takes.
pub(super) fn emit(
	module: &Module<'_>,
	shims: Option<(&Module<'_>, &Linked)>,
	mut types: Types,
	origin: Origin<'_>,
	found: Option<Found>,
) -> Result<(Vec<u8>, u64), Reason> {
	let first = INTRINSICS.len() as u32;
	let callees = module.callees(origin, first);
	let callee = |function: u32| match callees.get(function as usize) {
		Some(Callee::Own(index)) => Ok(*index),
		_ => Err(Reason::Export("what it names".into())),
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
	if let Some((shims, linked)) = shims {
		for (ty, body) in shims::own_types(shims, linked).into_iter().zip(&shims.bodies) {
			functions.function(types.index(ty));
			code.raw(body);
		}
	}

	let of = |memory| module.data.iter().filter(move |data| data.memory == memory);
	let laid = Laid::new(of(0))?;
	let own = shims.iter().flat_map(|(shims, _)| &shims.data);
	let system_laid = Laid::new(own.chain(of(inline::SYSTEM)))?;
	let system = system_pages(module, shims.map(|(shims, _)| shims));
	let start_cost = start_cost(module, system, [&laid, &system_laid]);
	let (entry_name, gas_name) = names(origin == Origin::Tests);
	let mut exports = ExportSection::new();
	exports.export(gas_name, ExportKind::Global, GAS);
	if origin == Origin::User {
		exports.export(super::MEMORY_EXPORT, ExportKind::Memory, 0);
		if system.is_some() {
			exports.export(super::SYSTEM_EXPORT, ExportKind::Memory, inline::SYSTEM);
		}
	}
	let start = module.start.map(callee).transpose()?;
	let run = match found {
		None => start.map(|start| entry(start_cost, &[start], false, End::Return)),
		Some(found) => {
			let before = found.before.map(callee).transpose()?;
			let calls: Vec<u32> = start.into_iter().chain(before).chain([callee(found.main)?]).collect();
			let end = match (shims, shims::find(shims::EXIT)) {
				(Some((_, linked)), Some((shim, _))) => match linked.place(shim) {
					Some(place) => End::Shim(first + module.own_functions() as u32 + place),
					None => return Err(Reason::Export("a shim that ends it".into())),
				},
				_ => End::Intrinsic,
			};
			Some(entry(start_cost, &calls, found.code, end))
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
					exports.export(export.name, ExportKind::Global, OWN_GLOBALS + export.index);
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
	new.section(&memories(module, system));
	new.section(&globals(module, shims.map(|(shims, _)| shims)));
	new.section(&exports);
	if !module.elements.is_empty() {
		let mut section = ElementSection::new();
		for elements in &module.elements {
			element(&mut section, elements, &callee)?;
		}
		new.section(&section);
	}
	new.section(&code);
	let mut section = DataSection::new();
	for (memory, laid) in [(0, &laid), (inline::SYSTEM, &system_laid)] {
		for (at, bytes) in laid.runs() {
			section.active(memory, &ConstExpr::i32_const(at as i32), bytes);
		}
	}
	if !section.is_empty() {
		new.section(&section);
	}
	Ok((new.finish(), start_cost))
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

/// Pages and maximum of the second memory, if there is one: the system functions', and what the program has behind it.
pub(super) fn system_pages(module: &Module<'_>, shims: Option<&Module<'_>>) -> Option<(u32, u32)> {
	let shims = shims.map(|shims| shims.memory.unwrap_or_default());
	match (shims, module.system_pages) {
		(None, 0) => None,
		(None, own) => Some((own, own)),
		(Some((pages, maximum)), own) => Some((pages.max(own), maximum.max(own))),
	}
}

fn memories(module: &Module<'_>, system: Option<(u32, u32)>) -> MemorySection {
	let mut section = MemorySection::new();
	for (minimum, maximum) in [Some(module.memory.unwrap_or_default()), system].into_iter().flatten() {
		section.memory(MemoryType {
			minimum: minimum.into(),
			maximum: Some(maximum.into()),
			memory64: false,
			shared: false,
			page_size_log2: None,
		});
	}
	section
}

fn globals(module: &Module<'_>, shims: Option<&Module<'_>>) -> GlobalSection {
	let ty = |val_type, mutable| GlobalType {
		val_type,
		mutable,
		shared: false,
	};
	let mut section = GlobalSection::new();
	for _ in 0..OWN_GLOBALS {
		section.global(ty(ValType::I64, true), &ConstExpr::i64_const(0));
	}
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
	callee: &impl Fn(u32) -> Result<u32, Reason>,
) -> Result<(), Reason> {
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

/// What is charged before anything runs: the memories and what is laid into them and the tables.
fn start_cost(module: &Module<'_>, system: Option<(u32, u32)>, laid: [&Laid; 2]) -> u64 {
	let pages = [module.memory, system]
		.into_iter()
		.flatten()
		.map(|(pages, _)| u64::from(pages));
	let data: u64 = laid.iter().map(|laid| laid.len() as u64 * cost::DATA_PAGE).sum();
	let entries: u64 = module
		.elements
		.iter()
		.map(|elements| elements.functions.len() as u64)
		.sum();
	cost::RUN + (pages.sum::<u64>() << cost::PAGE_SHIFT) + data + entries * cost::ENTRY
}

/// The function that the host calls: takes over the gas, leaves -1 for whoever traps, calls, ends. The last call may
/// return the exit code.
fn entry(start_cost: u64, calls: &[u32], code_returned: bool, end: End) -> Vec<u8> {
	const GAS_LEFT: u32 = 0;
	const CODE: u32 = 1;
	let mut body = Function::new([(1, ValType::I64), (1, ValType::I32)]).into_raw_body();
	let mut code = InstructionSink::new(&mut body);
	code.block(BlockType::Empty)
		.global_get(GAS)
		.local_tee(GAS_LEFT)
		.global_set(LIMIT)
		.i64_const(-1)
		.global_set(GAS);
	charge(&mut body, GAS_LEFT, 0, start_cost);
	for function in calls {
		InstructionSink::new(&mut body)
			.local_get(GAS_LEFT)
			.i64_const(i64::from(limits::STACK))
			.call(*function)
			.local_set(GAS_LEFT);
	}
	let mut code = InstructionSink::new(&mut body);
	if code_returned {
		code.local_set(CODE);
	}
	match end {
		End::Shim(exit) => code
			.local_get(CODE)
			.local_get(GAS_LEFT)
			.i64_const(i64::from(limits::STACK))
			.call(exit)
			.drop(),
		// Success is 0 with 0, anything else 1 with the code.
		End::Intrinsic => code
			.local_get(GAS_LEFT)
			.global_set(GAS)
			.local_get(CODE)
			.i32_const(0)
			.i32_ne()
			.local_get(CODE)
			.call(HALT),
		End::Return => code.local_get(GAS_LEFT).global_set(GAS).return_(),
	};
	code.end().local_get(GAS_LEFT).call(EXHAUSTED).unreachable().end();
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
