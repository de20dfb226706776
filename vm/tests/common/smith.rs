//! Random programs: modules of `wasm-smith`, made to do something that can be seen.
//!
//! What `wasm-smith` makes imports nothing and exports what it likes. The linker here puts imports of WASI before its
//! functions, lets some functions call them, and adds a `_start` that calls others with random arguments and writes
//! their results, all globals, and a hash of the memory to standard output.

use super::Rng;
use arbitrary::Unstructured;
use wasm_encoder::{
	BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
	InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, RawSection, StartSection, TypeSection, ValType,
};
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices};
use wasmparser::{CompositeInnerType, ElementItems, ElementKind, Operator, Parser, Payload};

/// Functions of WASI with their parameters; all return an i32, but for the last one.
const WASI: [(&str, &[ValType]); 6] = [
	("fd_write", &[ValType::I32; 4]),
	("fd_read", &[ValType::I32; 4]),
	("random_get", &[ValType::I32; 2]),
	("clock_time_get", &[ValType::I32, ValType::I64, ValType::I32]),
	("fd_fdstat_get", &[ValType::I32; 2]),
	("proc_exit", &[ValType::I32]),
];
const FD_WRITE: u32 = 0;
const TYPES: [ValType; 5] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];
/// Where `_start` puts what it writes.
const RESULTS: u64 = 1024;
/// Pages of memory at most, to keep hashing of states short.
const PAGES: u64 = 4;

/// A random program.
pub fn program(rng: &mut Rng) -> Vec<u8> {
	loop {
		let seed = rng.bytes(2048);
		if let Ok(module) = wasm_smith::Module::new(config(rng), &mut Unstructured::new(&seed)) {
			return link(&module.to_bytes(), rng);
		}
	}
}

/// What is accepted, and of that sometimes more and sometimes less.
fn config(rng: &mut Rng) -> Config {
	use InstructionKind as Kind;
	let mut kinds = vec![
		Kind::Numeric,
		Kind::Parametric,
		Kind::Variable,
		Kind::Memory,
		Kind::Control,
	];
	if rng.chance(30) {
		kinds.remove(rng.below(5) as usize);
	}
	let simd = rng.chance(50);
	if simd {
		kinds.push(Kind::Vector);
	}
	// Bulk operations would bring passive segments along, so segments and they are in different programs.
	let bulk = rng.chance(50);
	Config {
		allow_start_export: rng.chance(20),
		allowed_instructions: InstructionKinds::new(&kinds),
		allow_floats: rng.chance(85),
		bulk_memory_enabled: bulk,
		disallow_traps: rng.chance(60),
		min_funcs: 2,
		max_funcs: 12,
		max_instructions: 40 + rng.below(300) as usize,
		min_types: 2,
		max_types: 12,
		max_type_size: 14,
		max_globals: 12,
		max_imports: 0,
		min_memories: 1,
		max_memories: 1,
		max_memory32_bytes: PAGES * 65_536,
		max_tables: if bulk { 0 } else { 1 },
		max_table_elements: 50,
		max_data_segments: if bulk { 0 } else { 4 },
		max_element_segments: if bulk { 0 } else { 4 },
		max_elements: 20,
		memory_offset_choices: MemoryOffsetChoices(90, 8, 2),
		multi_value_enabled: rng.chance(85),
		saturating_float_to_int_enabled: true,
		sign_extension_ops_enabled: true,
		compact_imports_enabled: false,
		custom_descriptors_enabled: false,
		exceptions_enabled: false,
		extended_const_enabled: false,
		gc_enabled: false,
		memory64_enabled: false,
		reference_types_enabled: false,
		relaxed_simd_enabled: false,
		simd_enabled: simd,
		tail_call_enabled: false,
		threads_enabled: false,
		wide_arithmetic_enabled: false,
		..Config::default()
	}
}

fn number(ty: wasmparser::ValType) -> ValType {
	match ty {
		wasmparser::ValType::I32 => ValType::I32,
		wasmparser::ValType::I64 => ValType::I64,
		wasmparser::ValType::F32 => ValType::F32,
		wasmparser::ValType::F64 => ValType::F64,
		wasmparser::ValType::V128 => ValType::V128,
		other => panic!("wasm-smith was told to make no {other}"),
	}
}

type Signature = (Vec<ValType>, Vec<ValType>);

/// A module as far as the linker must know it.
#[derive(Default)]
struct Parts<'a> {
	types: Vec<Signature>,
	functions: Vec<u32>,
	tables: Option<&'a [u8]>,
	pages: u64,
	max_pages: Option<u64>,
	globals: Vec<ValType>,
	global_section: Option<&'a [u8]>,
	start: Option<u32>,
	elements: Vec<(u32, i32, Vec<u32>)>,
	bodies: Vec<Vec<u8>>,
	data: Option<&'a [u8]>,
}

fn read(wasm: &[u8]) -> Parts<'_> {
	let mut parts = Parts::default();
	let shift = WASI.len() as u32;
	let bytes = |range: std::ops::Range<u64>| &wasm[range.start as usize..range.end as usize];
	for payload in Parser::new(0).parse_all(wasm) {
		match payload.unwrap() {
			Payload::TypeSection(section) => {
				for group in section {
					for ty in group.unwrap().into_types() {
						let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
							panic!("wasm-smith was told to make functions only");
						};
						let list = |types: &[wasmparser::ValType]| types.iter().map(|ty| number(*ty)).collect();
						parts.types.push((list(ty.params()), list(ty.results())));
					}
				}
			}
			Payload::FunctionSection(section) => parts.functions = section.into_iter().map(Result::unwrap).collect(),
			Payload::TableSection(section) => parts.tables = Some(bytes(section.range())),
			Payload::MemorySection(section) => {
				let memory = section.into_iter().next().unwrap().unwrap();
				(parts.pages, parts.max_pages) = (memory.initial, memory.maximum);
			}
			Payload::GlobalSection(section) => {
				parts.global_section = Some(bytes(section.range()));
				parts.globals = section
					.into_iter()
					.map(|global| number(global.unwrap().ty.content_type))
					.collect();
			}
			Payload::StartSection { func, .. } => parts.start = Some(func + shift),
			Payload::ElementSection(section) => {
				for element in section {
					let element = element.unwrap();
					let ElementKind::Active {
						table_index,
						offset_expr,
					} = element.kind
					else {
						panic!("wasm-smith was told to make no passive segments");
					};
					let Operator::I32Const { value } = offset_expr.get_operators_reader().read().unwrap() else {
						panic!("wasm-smith was told to import no globals");
					};
					let ElementItems::Functions(items) = element.items else {
						panic!("wasm-smith was told to make no references");
					};
					let functions = items.into_iter().map(|function| function.unwrap() + shift).collect();
					parts.elements.push((table_index.unwrap_or(0), value, functions));
				}
			}
			Payload::CodeSectionEntry(body) => {
				let mut moved = Vec::new();
				let mut from = body.range().start;
				let mut ops = body.get_operators_reader().unwrap();
				while !ops.eof() {
					let start = ops.original_position();
					if let Operator::Call { function_index } = ops.read().unwrap() {
						moved.extend_from_slice(bytes(from..start));
						InstructionSink::new(&mut moved).call(function_index + shift);
						from = ops.original_position();
					}
				}
				moved.extend_from_slice(bytes(from..body.range().end));
				parts.bodies.push(moved);
			}
			Payload::DataSection(section) => parts.data = Some(bytes(section.range())),
			_ => {}
		}
	}
	parts
}

fn link(wasm: &[u8], rng: &mut Rng) -> Vec<u8> {
	let mut parts = read(wasm);
	let mut types = parts.types.clone();
	let mut type_of = |signature: Signature| {
		types.push(signature);
		types.len() as u32 - 1
	};
	let mut imports = ImportSection::new();
	for (name, params) in WASI {
		let results = if name == "proc_exit" {
			vec![]
		} else {
			vec![ValType::I32]
		};
		let ty = EntityType::Function(type_of((params.to_vec(), results)));
		imports.import("wasi_snapshot_preview1", name, ty);
	}
	let start_type = type_of((vec![], vec![]));
	for (ty, body) in parts.functions.iter().zip(&mut parts.bodies) {
		if rng.chance(25) {
			*body = host_call(&parts.types[*ty as usize], rng);
		}
	}
	parts.bodies.push(start(&parts, rng));
	parts.functions.push(start_type);

	let mut module = wasm_encoder::Module::new();
	let mut section = TypeSection::new();
	for (params, results) in &types {
		section.ty().function(params.iter().copied(), results.iter().copied());
	}
	module.section(&section).section(&imports);
	let mut section = FunctionSection::new();
	parts.functions.iter().for_each(|ty| {
		section.function(*ty);
	});
	module.section(&section);
	if let Some(data) = parts.tables {
		module.section(&RawSection { id: 4, data });
	}
	let mut section = MemorySection::new();
	section.memory(MemoryType {
		minimum: parts.pages.max(1),
		maximum: parts.max_pages.map(|pages| pages.max(1)).or(Some(PAGES)),
		memory64: false,
		shared: false,
		page_size_log2: None,
	});
	module.section(&section);
	if let Some(data) = parts.global_section {
		module.section(&RawSection { id: 6, data });
	}
	let mut section = ExportSection::new();
	let last = (WASI.len() + parts.functions.len() - 1) as u32;
	section
		.export("memory", ExportKind::Memory, 0)
		.export("_start", ExportKind::Func, last);
	module.section(&section);
	if let Some(function_index) = parts.start {
		module.section(&StartSection { function_index });
	}
	if !parts.elements.is_empty() {
		let mut section = wasm_encoder::ElementSection::new();
		for (table, offset, functions) in &parts.elements {
			let offset = wasm_encoder::ConstExpr::i32_const(*offset);
			let table = (*table != 0).then_some(*table);
			section.active(
				table,
				&offset,
				wasm_encoder::Elements::Functions(functions.as_slice().into()),
			);
		}
		module.section(&section);
	}
	let mut section = CodeSection::new();
	parts.bodies.iter().for_each(|body| {
		section.raw(body);
	});
	module.section(&section);
	if let Some(data) = parts.data {
		module.section(&RawSection { id: 11, data });
	}
	module.finish()
}

fn at(offset: u64) -> MemArg {
	MemArg {
		offset,
		align: 0,
		target: MemArgTarget::Memory(0),
		ordering: None,
	}
}

/// A function that calls one of WASI with what it was given, or with something that makes sense.
fn host_call((params, results): &Signature, rng: &mut Rng) -> Vec<u8> {
	let mut function = Function::new([(1, ValType::I32)]);
	let place = params.len() as u32;
	let mut code = function.instructions();
	// The last one ends the program, which makes the rest of it pointless.
	let last = u64::from(rng.chance(80));
	let index = rng.below(WASI.len() as u64 - last) as u32;
	let (name, wanted) = WASI[index as usize];
	if name == "fd_write" || name == "fd_read" {
		// A list of one buffer at 16.
		let (from, len) = (rng.below(3000) as i32, rng.below(70) as i32);
		code.i32_const(16).i32_const(from).i32_store(at(0));
		code.i32_const(16).i32_const(len).i32_store(at(4));
	}
	let sensible: &[i32] = match name {
		"fd_write" => &[1, 16, 1, 24],
		"fd_read" => &[0, 16, 1, 24],
		"random_get" => &[2000, 29],
		"clock_time_get" => &[0, 0, 48],
		"fd_fdstat_get" => &[1, 48],
		_ => &[0],
	};
	let wild = rng.chance(20);
	for (n, ty) in wanted.iter().enumerate() {
		let own: Vec<u32> = (0..place).filter(|param| params[*param as usize] == *ty).collect();
		match (own.is_empty() || !wild, ty) {
			(false, _) => code.local_get(*rng.pick(&own)),
			(true, ValType::I64) => code.i64_const(rng.next() as i64),
			(true, _) => code.i32_const(sensible[n]),
		};
	}
	code.call(index);
	if name != "proc_exit" {
		code.local_set(place);
	}
	for ty in results {
		code.local_get(place);
		match ty {
			ValType::I64 => code.i64_extend_i32_s(),
			ValType::F32 => code.f32_convert_i32_s(),
			ValType::F64 => code.f64_convert_i32_s(),
			ValType::V128 => code.i32x4_splat(),
			_ => &mut code,
		};
	}
	code.end();
	function.into_raw_body()
}

fn constant(code: &mut InstructionSink<'_>, ty: ValType, rng: &mut Rng) {
	let bits = match rng.below(4) {
		0 => rng.below(8),
		1 => rng.below(3000),
		2 => rng.any_size(),
		_ => *rng.pick(&[
			1 << 31,
			1 << 63,
			0x7fc0_0000,
			0x7ff8 << 48,
			0xff80_0001,
			0x3ff0 << 48,
			u64::MAX,
		]),
	};
	match ty {
		ValType::I64 => code.i64_const(bits as i64),
		ValType::F32 => code.f32_const(wasm_encoder::Ieee32::new(bits as u32)),
		ValType::F64 => code.f64_const(wasm_encoder::Ieee64::new(bits)),
		ValType::V128 => code.v128_const((u128::from(bits) << 64 | u128::from(rng.next())) as i128),
		_ => code.i32_const(bits as i32),
	};
}

fn store(code: &mut InstructionSink<'_>, ty: ValType, offset: u64) {
	match ty {
		ValType::I64 => code.i64_store(at(offset)),
		ValType::F32 => code.f32_store(at(offset)),
		ValType::F64 => code.f64_store(at(offset)),
		ValType::V128 => code.v128_store(at(offset)),
		_ => code.i32_store(at(offset)),
	};
}

fn start(parts: &Parts<'_>, rng: &mut Rng) -> Vec<u8> {
	const LOCALS: u32 = 16;
	// Locals by type, to hold results; then the hash and an address.
	let [a, b, c, d, e] = TYPES.map(|ty| (LOCALS, ty));
	let mut function = Function::new([a, b, c, d, e, (1, ValType::I64), (1, ValType::I32)]);
	let local =
		|ty: ValType, n: usize| TYPES.iter().position(|other| *other == ty).unwrap_or(0) as u32 * LOCALS + n as u32;
	let (hash, address) = (TYPES.len() as u32 * LOCALS, TYPES.len() as u32 * LOCALS + 1);
	let mut code = function.instructions();
	let mut offset = RESULTS;
	for _ in 0..1 + rng.below(4) {
		let function = rng.below(parts.functions.len() as u64);
		let (params, results) = &parts.types[parts.functions[function as usize] as usize];
		params.iter().for_each(|ty| constant(&mut code, *ty, rng));
		code.call(WASI.len() as u32 + function as u32);
		for (n, ty) in results.iter().enumerate().rev() {
			code.local_set(local(*ty, n));
		}
		for (n, ty) in results.iter().enumerate() {
			code.i32_const(0).local_get(local(*ty, n));
			store(&mut code, *ty, offset);
			offset += 16;
		}
	}
	for (n, ty) in parts.globals.iter().enumerate() {
		code.i32_const(0).global_get(n as u32);
		store(&mut code, *ty, offset);
		offset += 16;
	}
	if rng.chance(50) {
		code.loop_(BlockType::Empty)
			.local_get(hash)
			.local_get(address)
			.i64_load(at(0))
			.i64_xor()
			.i64_const(0x9e37_79b9_7f4a_7c15_u64 as i64)
			.i64_mul()
			.i64_const(31)
			.i64_rotl()
			.local_set(hash)
			.local_get(address)
			.i32_const(8)
			.i32_add()
			.local_tee(address)
			.i32_const(65_536)
			.i32_lt_u()
			.br_if(0)
			.end();
	}
	let len = offset + 8 - RESULTS + rng.below(8);
	code.i32_const(0).local_get(hash).i64_store(at(offset));
	code.i32_const(0).i32_const(RESULTS as i32).i32_store(at(0));
	code.i32_const(0).i32_const(len as i32).i32_store(at(4));
	code.i32_const(1)
		.i32_const(0)
		.i32_const(1)
		.i32_const(8)
		.call(FD_WRITE)
		.drop();
	code.end();
	function.into_raw_body()
}
