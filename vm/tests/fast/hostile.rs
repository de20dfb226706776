//! Modules that are made to keep a compiler busy, in any size.
//!
//! Each shape is a function whose size is a number; a module holds copies of it.

use wasm_encoder::{
	BlockType, CodeSection, ConstExpr, ElementSection, Elements, Encode, ExportKind, ExportSection, FunctionSection,
	InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, Module, RefType, TableSection, TableType,
	TypeSection, ValType,
};

const I64: ValType = ValType::I64;
const V128: ValType = ValType::V128;

/// A function.
pub struct Function {
	params: Vec<ValType>,
	results: Vec<ValType>,
	locals: Vec<ValType>,
	code: Vec<u8>,
}

impl Function {
	fn new(locals: &[(usize, ValType)]) -> Self {
		Self {
			params: Vec::new(),
			results: Vec::new(),
			locals: locals.iter().flat_map(|(count, ty)| vec![*ty; *count]).collect(),
			code: Vec::new(),
		}
	}

	fn sink(&mut self) -> InstructionSink<'_> {
		InstructionSink::new(&mut self.code)
	}

	/// Something that a compiler cannot know, as an i32.
	fn unknown(&mut self, n: usize) {
		self.sink().i32_const(0).i32_load(at(4 * n, 2));
	}

	/// Sets a local to something that a compiler cannot know.
	fn set(&mut self, local: usize) {
		let ty = self.locals[local];
		let mut sink = self.sink();
		sink.i32_const(0);
		match ty {
			ValType::I32 => sink.i32_load(at(16 * local, 2)),
			ValType::I64 => sink.i64_load(at(16 * local, 3)),
			ValType::F32 => sink.f32_load(at(16 * local, 2)),
			ValType::F64 => sink.f64_load(at(16 * local, 3)),
			_ => sink.v128_load(at(16 * local, 4)),
		};
		sink.local_set(local as u32);
	}

	/// Stores a local, so that it is needed up to here.
	fn show(&mut self, local: usize) {
		let ty = self.locals[local];
		let mut sink = self.sink();
		sink.i32_const(0).local_get(local as u32);
		match ty {
			ValType::I32 => sink.i32_store(at(16 * local, 2)),
			ValType::I64 => sink.i64_store(at(16 * local, 3)),
			ValType::F32 => sink.f32_store(at(16 * local, 2)),
			ValType::F64 => sink.f64_store(at(16 * local, 3)),
			_ => sink.v128_store(at(16 * local, 4)),
		};
	}

	fn set_all(&mut self) {
		(0..self.locals.len()).for_each(|local| self.set(local));
	}

	fn show_all(&mut self) {
		(0..self.locals.len()).for_each(|local| self.show(local));
	}

	fn body(&self) -> Vec<u8> {
		let mut body = Vec::new();
		let mut runs: Vec<(u32, ValType)> = Vec::new();
		for ty in &self.locals {
			match runs.last_mut() {
				Some((count, last)) if last == ty => *count += 1,
				_ => runs.push((1, *ty)),
			}
		}
		runs.len().encode(&mut body);
		for (count, ty) in runs {
			count.encode(&mut body);
			ty.encode(&mut body);
		}
		body.extend_from_slice(&self.code);
		body.push(0x0b);
		body
	}
}

fn at(offset: usize, align: u32) -> MemArg {
	MemArg {
		offset: offset as u64,
		align,
		target: MemArgTarget::Memory(0),
		ordering: None,
	}
}

/// A shape: what it is, and a function of it in a size.
#[derive(Clone, Copy)]
pub struct Shape {
	pub name: &'static str,
	pub function: fn(usize) -> Function,
}

/// Functions that others call: type and function index are the same.
const HELPERS: [(usize, usize, ValType); 5] =
	[(0, 0, I64), (16, 16, I64), (128, 16, I64), (64, 8, V128), (128, 0, I64)];
const NOTHING: u32 = 0;
const SIXTEEN: u32 = 1;
const WIDE: u32 = 2;
const VECTORS: u32 = 3;
const MANY: u32 = 4;
/// Types of blocks come after them: this many i64 to as many.
const BLOCKS: u32 = HELPERS.len() as u32;

fn helper((params, results, ty): (usize, usize, ValType), vectors: bool) -> Function {
	let mut function = Function::new(&[]);
	let ty = if vectors { ty } else { I64 };
	function.params = vec![ty; params];
	function.results = vec![ty; results];
	for n in 0..results {
		function.sink().local_get(n as u32);
	}
	function
}

/// A module of so many copies of a function, with a table of all entries that there may be if it is asked for.
pub fn module(function: &Function, copies: usize, entries: u32) -> Vec<u8> {
	let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
	// A module with vectors anywhere has narrower limits.
	let vectors = function.locals.contains(&V128) || function.code.contains(&0xfd);
	for (n, helper) in HELPERS.into_iter().map(|kind| helper(kind, vectors)).enumerate() {
		types.ty().function(helper.params.clone(), helper.results.clone());
		functions.function(n as u32);
		code.raw(&helper.body());
	}
	for n in 0..=16 {
		types.ty().function([], vec![I64; n]);
	}
	types.ty().function(function.params.clone(), function.results.clone());
	let body = function.body();
	for _ in 0..copies {
		functions.function(BLOCKS + 17);
		code.raw(&body);
	}
	functions.function(NOTHING);
	code.raw(&[0, 0x0b]);
	let mut tables = TableSection::new();
	tables.table(TableType {
		element_type: RefType::FUNCREF,
		table64: false,
		minimum: u64::from(entries.max(1)),
		maximum: None,
		shared: false,
	});
	let mut memories = MemorySection::new();
	memories.memory(MemoryType {
		minimum: 1,
		maximum: None,
		memory64: false,
		shared: false,
		page_size_log2: None,
	});
	let mut exports = ExportSection::new();
	exports.export("_start", ExportKind::Func, (HELPERS.len() + copies) as u32);
	let mut elements = ElementSection::new();
	let all: Vec<u32> = (0..entries).map(|n| n % (HELPERS.len() + copies) as u32).collect();
	elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(all.into()));
	let mut module = Module::new();
	module
		.section(&types)
		.section(&functions)
		.section(&tables)
		.section(&memories)
		.section(&exports)
		.section(&elements)
		.section(&code);
	module.finish()
}

/// An instruction that makes a vector of one, so many times in a row.
#[allow(dead_code)]
pub fn chain(instruction: &[u8], n: usize) -> Function {
	let mut made = Function::new(&[(1, V128)]);
	made.set(0);
	made.sink().local_get(0);
	made.code.extend(instruction.repeat(n));
	made.sink().local_set(0);
	made.show(0);
	made
}

macro_rules! shapes {
	($($name:literal => |$f:ident, $n:ident| $locals:expr => $body:block)*) => {
		/// All shapes.
		pub const SHAPES: &[Shape] = &[$(Shape {
			name: $name,
			function: |$n| {
				let mut made = Function::new(&$locals);
				let $f = &mut made;
				$body
				made
			},
		}),*];
	};
}

shapes! {
	"nothing" => |_f, _n| [] => {}
	// Values alive over many blocks.
	"ifs, 16 locals" => |f, n| [(16, I64)] => { ifs(f, n) }
	"ifs, 100 locals" => |f, n| [(100, I64)] => { ifs(f, n) }
	"ifs, 500 locals" => |f, n| [(500, I64)] => { ifs(f, n) }
	"ifs, 2000 locals" => |f, n| [(2000, I64)] => { ifs(f, n) }
	"ifs, 500 vectors" => |f, n| [(500, V128)] => { ifs(f, n) }
	"arms that set all, 16 locals" => |f, n| [(16, I64)] => { arms(f, n) }
	"arms that set all, 200 locals" => |f, n| [(200, I64)] => { arms(f, n) }
	"arms that set all, 2000 locals" => |f, n| [(2000, I64)] => { arms(f, n) }
	"arms that rotate, 100 locals" => |f, n| [(100, I64)] => { rotations(f, n) }
	"arms that rotate, 1000 locals" => |f, n| [(1000, I64)] => { rotations(f, n) }
	// Loops.
	"empty loops in a row" => |f, n| [] => {
		for _ in 0..n {
			f.sink().loop_(BlockType::Empty).end();
		}
	}
	"loops in a row, 16 locals" => |f, n| [(16, I64)] => { loops(f, n) }
	"loops in a row, 500 locals" => |f, n| [(500, I64)] => { loops(f, n) }
	"nests of 128 loops, 16 locals" => |f, n| [(16, I64)] => { nests(f, n, 128) }
	"nests of 128 loops, 100 locals" => |f, n| [(100, I64)] => { nests(f, n, 128) }
	"nests of 128 loops, 1000 locals" => |f, n| [(1000, I64)] => { nests(f, n, 128) }
	"nests of 16 loops, 100 locals" => |f, n| [(100, I64)] => { nests(f, n, 16) }
	"nests of 128 loops that set all, 60 locals" => |f, n| [(60, I64)] => { full_nests(f, n, 128) }
	"a loop around a switch, 16 locals" => |f, n| [(16, I64)] => { switch(f, n) }
	"a loop around a switch, 200 locals" => |f, n| [(200, I64)] => { switch(f, n) }
	"a loop around a switch, 1000 locals" => |f, n| [(1000, I64)] => { switch(f, n) }
	// Branches.
	"blocks in blocks" => |f, n| [] => { deep(f, n, 0) }
	"blocks in blocks, 16 operands" => |f, n| [] => { deep(f, n, 16) }
	"br_tables to one label" => |f, n| [] => {
		f.sink().block(BlockType::Empty);
		for _ in 0..n {
			f.sink().block(BlockType::Empty);
			f.unknown(0);
			f.sink().br_table(vec![1; 8000], 0).end();
		}
		f.sink().end();
	}
	"br_tables to 8192 labels" => |f, n| [] => { tables(f, n, 8192, 0) }
	"br_tables to 8192 labels, 16 operands" => |f, n| [] => { tables(f, n, 8192, 16) }
	"br_tables to 500 labels, 16 operands" => |f, n| [] => { tables(f, n, 500, 16) }
	"br_tables to 64 labels, 16 operands" => |f, n| [] => { tables(f, n, 64, 16) }
	"br_ifs with 16 operands" => |f, n| [] => {
		f.sink().block(BlockType::FunctionType(BLOCKS + 16));
		for k in 0..16 {
			f.sink().i64_const(k);
		}
		for k in 0..n {
			f.unknown(k % 1000);
			f.sink().br_if(0);
		}
		f.sink().end();
		for _ in 0..16 {
			f.sink().drop();
		}
	}
	"br_ifs to many labels, 100 locals" => |f, n| [(100, I64)] => {
		f.set_all();
		for _ in 0..n {
			f.sink().block(BlockType::Empty);
		}
		for k in 0..n {
			f.unknown(k % 1000);
			f.sink().br_if((n - 1 - k) as u32);
			f.set(k % 100);
		}
		for k in 0..n {
			f.sink().end();
			f.set(k % 100);
		}
		f.show_all();
	}
	// Straight.
	"one expression of products" => |f, n| [] => {
		f.unknown(0);
		for k in 0..n {
			f.unknown(k % 8000);
			f.sink().i32_mul();
		}
		f.sink().drop();
	}
	"products, all needed" => |f, n| [] => {
		f.sink().i32_const(8);
		f.unknown(0);
		for _ in 0..n {
			f.unknown(1);
			f.sink().i32_mul();
		}
		f.sink().i32_store(at(0, 2));
	}
	"sums of constants" => |f, n| [(1, I64)] => {
		f.set(0);
		for k in 0..n {
			f.sink().local_get(0).i64_const((k as i64 * 0x9e37_79b9) | 1).i64_add().local_set(0);
		}
		f.show(0);
	}
	"xors and shifts" => |f, n| [(2, I64)] => {
		f.set(0);
		f.set(1);
		for k in 0..n {
			f.sink().local_get(0).local_get(0).i64_const(1 + (k as i64 * 7) % 60).i64_shl().i64_xor().local_set(0);
			f.sink().local_get(0).local_get(1).i64_shr_u().local_get(1).i64_rotl().local_set(1);
		}
		f.show(0);
		f.show(1);
	}
	"selects" => |f, n| [(4, I64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(k % 4).local_get((k + 1) % 4).local_get((k + 2) % 4).local_get((k + 3) % 4).i64_lt_s().select().local_set(k % 4);
		}
		f.show_all();
	}
	"selects on one condition" => |f, n| [(3, I64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(k % 2).local_get((k + 1) % 2).local_get(2).i64_eqz().select().local_set(k % 2);
		}
		f.show_all();
	}
	"quotients" => |f, n| [(2, I64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(k % 2).local_get((k + 1) % 2);
			match k % 4 {
				0 => f.sink().i64_div_s(),
				1 => f.sink().i64_rem_u(),
				2 => f.sink().i64_rem_s(),
				_ => f.sink().i64_div_u(),
			};
			f.sink().local_set(k % 2);
		}
		f.show_all();
	}
	"quotients, 1000 locals" => |f, n| [(1000, I64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(k % 1000).local_get((k + 1) % 1000).i64_div_s().local_set(k % 1000);
		}
		f.show_all();
	}
	"shifts, 1000 locals" => |f, n| [(1000, I64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(k % 1000).local_get((k + 1) % 1000).i64_shl().local_set(k % 1000);
		}
		f.show_all();
	}
	"constants" => |f, n| [] => {
		for k in 0..n {
			f.sink().i32_const(0).i64_const((k as i64) << 40 | 0x1234_5678).i64_store(at(0, 3));
		}
	}
	"constants of vectors" => |f, n| [] => {
		for k in 0..n {
			f.sink().i32_const(0).v128_const((k as i128) << 90 | 0x1234_5678).v128_store(at(0, 4));
		}
	}
	"constants of floats" => |f, n| [] => {
		for k in 0..n {
			f.sink().i32_const(0).f64_const((1.0 + k as f64 / 3.0).into()).f64_store(at(0, 3));
		}
	}
	"constants, dropped" => |f, n| [] => {
		for k in 0..n {
			f.sink().i32_const((k % 60) as i32).drop();
		}
	}
	"nops" => |f, n| [] => {
		for _ in 0..n {
			f.sink().nop();
		}
	}
	"copies of memory words" => |f, n| [] => {
		for k in 0..n {
			f.sink().i32_const(0).i32_const(0).i64_load(at(8 * (k % 4000), 3)).i64_store(at(8 * (k % 4001), 3));
		}
	}
	"accesses at far offsets" => |f, n| [(1, ValType::I32)] => {
		f.set(0);
		for k in 0..n {
			f.sink().local_get(0).local_get(0).i64_load(at(0xf000_0000 + k, 0)).i64_store(at(0xf100_0000 + k, 0));
		}
	}
	"chains of loads" => |f, n| [] => {
		f.sink().i32_const(8).i32_const(0);
		for _ in 0..n {
			f.sink().i32_load(at(0, 2));
		}
		f.sink().i32_store(at(0, 2));
	}
	"tees that overlap, 2000 locals" => |f, n| [(2000, I64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(k % 2000).local_get((k * 7 + 1) % 2000).i64_add().local_tee((k * 3) % 2000).local_tee((k * 5 + 1) % 2000).drop();
		}
		f.show_all();
	}
	"all operands alive" => |f, n| [] => {
		for k in 0..1000 {
			f.unknown(k);
		}
		for k in 0..n {
			f.unknown(k % 4000);
			f.sink().i32_add();
			f.unknown(k % 4001);
			f.sink().i32_xor();
		}
		for _ in 0..999 {
			f.sink().i32_add();
		}
		f.sink().drop();
	}
	"values used late" => |f, n| [(2000, I64)] => {
		for round in 0..n.div_ceil(4000) {
			for k in 0..2000.min(n - round * 2000) {
				f.set(k);
			}
			for k in 0..2000.min(n - round * 2000) {
				f.show(2000 - 1 - k);
			}
		}
	}
	"expressions shared late" => |f, n| [(1, I64)] => {
		f.set(0);
		for half in 0..2 {
			for k in 0..n / 2 {
				f.sink().i32_const(0).local_get(0).i64_const(2 * k as i64 + 3).i64_mul().i64_store(at(half * 8, 3));
			}
		}
	}
	// Calls.
	"calls of nothing" => |f, n| [] => {
		for _ in 0..n {
			f.sink().call(NOTHING);
		}
	}
	"calls, 16 to 16" => |f, n| [] => {
		for k in 0..16 {
			f.sink().i64_const(k);
		}
		for _ in 0..n {
			f.sink().call(SIXTEEN);
		}
		for _ in 0..16 {
			f.sink().drop();
		}
	}
	"calls, 128 to 16" => |f, n| [] => { calls(f, n, 128, 16, WIDE) }
	"calls, 128 to nothing" => |f, n| [] => { calls(f, n, 128, 0, MANY) }
	"calls of nothing, 100 locals" => |f, n| [(100, I64)] => { alive(f, n, false) }
	"calls of nothing, 2000 locals" => |f, n| [(2000, I64)] => { alive(f, n, false) }
	"calls of nothing, 1000 vectors" => |f, n| [(1000, V128)] => { alive(f, n, true) }
	"calls of nothing, 50 vectors" => |f, n| [(50, V128)] => { alive(f, n, true) }
	"indirect calls" => |f, n| [] => {
		for _ in 0..n {
			f.unknown(0);
			f.sink().call_indirect(0, NOTHING);
		}
	}
	"indirect calls, 200 locals" => |f, n| [(200, I64)] => {
		f.set_all();
		for k in 0..n {
			f.unknown(0);
			f.sink().call_indirect(0, NOTHING).local_get((k % 200) as u32).i64_const(1).i64_add().local_set((k % 200) as u32);
		}
		f.show_all();
	}
	"indirect calls, 16 to 16" => |f, n| [] => {
		for k in 0..16 {
			f.sink().i64_const(k);
		}
		for _ in 0..n {
			f.unknown(0);
			f.sink().call_indirect(0, SIXTEEN);
		}
		for _ in 0..16 {
			f.sink().drop();
		}
	}
	"vectors passed on" => |f, n| [] => {
		for k in 0..64 {
			f.sink().v128_const(k);
		}
		for _ in 0..n {
			f.sink().call(VECTORS);
			for k in 0..56 {
				f.sink().v128_const(k);
			}
		}
		for _ in 0..64 {
			f.sink().drop();
		}
	}
	"memory.grow" => |f, n| [] => {
		for _ in 0..n {
			f.sink().i32_const(0).memory_grow(0).drop();
		}
	}
	"memory.copy" => |f, n| [] => {
		for _ in 0..n {
			f.sink().i32_const(0).i32_const(0).i32_const(0).memory_copy(0, 0);
		}
	}
	"memory.size" => |f, n| [] => {
		for _ in 0..n {
			f.sink().memory_size(0).drop();
		}
	}
	// Instructions that take many of the processor's.
	"conversions" => |f, n| [(1, ValType::F64)] => {
		f.set(0);
		for _ in 0..n {
			f.sink().local_get(0).i64_trunc_sat_f64_u().f64_convert_i64_u().local_set(0);
		}
		f.show(0);
	}
	"conversions that trap" => |f, n| [(1, ValType::F64)] => {
		f.set(0);
		for _ in 0..n {
			f.sink().local_get(0).i64_trunc_f64_u().f64_convert_i64_u().local_set(0);
		}
		f.show(0);
	}
	"roundings" => |f, n| [(1, ValType::F64)] => {
		f.set(0);
		for _ in 0..n {
			f.sink().local_get(0).f64_ceil().f64_nearest().f64_floor().local_get(0).f64_min().local_set(0);
		}
		f.show(0);
	}
	"sums of floats, stored" => |f, n| [(1, ValType::F64)] => {
		f.set(0);
		for k in 0..n {
			f.sink().i32_const(0).local_get(0).local_get(0).f64_add().f64_store(at(k % 4000, 0));
		}
	}
	"copysigns" => |f, n| [(2, ValType::F64)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(0).local_get(1).f64_add().local_get(0).local_get(1).f64_mul().f64_copysign().local_set(k % 2);
		}
		f.show_all();
	}
	"global floats" => |f, n| [(2, ValType::F32)] => {
		f.set_all();
		for _ in 0..n {
			f.sink().local_get(0).local_get(1).f32_add().i32_reinterpret_f32().f32_reinterpret_i32().local_set(0);
		}
		f.show_all();
	}
	"sums of vectors, stored" => |f, n| [(2, V128)] => {
		f.set_all();
		for k in 0..n {
			f.sink().i32_const(0).local_get(0).local_get(1).f64x2_add().v128_store(at(k % 4000, 0));
		}
	}
	"vectors across blocks" => |f, n| [(4, V128)] => {
		f.set_all();
		for k in 0..n {
			f.unknown(0);
			f.sink().if_(BlockType::Empty).local_get(0).local_get(1).f32x4_add().local_set((k % 4) as u32).end();
			f.sink().i32_const(0).local_get((k % 4) as u32).local_get(2).i32x4_add().v128_store(at(0, 0));
		}
		f.show_all();
	}
	"products of vectors" => |f, n| [(2, V128)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(0).local_get(1).i64x2_mul().local_set(k % 2);
		}
		f.show_all();
	}
	"shuffles" => |f, n| [(2, V128)] => {
		f.set_all();
		for k in 0..n as u32 {
			let lanes = std::array::from_fn(|lane| ((lane as u32 * 7 + k) % 32) as u8);
			f.sink().local_get(0).local_get(1).i8x16_shuffle(lanes).local_set(k % 2);
		}
		f.show_all();
	}
	"shifts of vectors" => |f, n| [(2, V128)] => {
		f.set_all();
		for k in 0..n as u32 {
			f.sink().local_get(0);
			f.unknown(0);
			f.sink().i8x16_shr_s().i8x16_popcnt().local_set(k % 2);
		}
		f.show_all();
	}
	"conversions of vectors" => |f, n| [(1, V128)] => {
		f.set_all();
		for _ in 0..n {
			f.sink().local_get(0).i32x4_trunc_sat_f32x4_u().f32x4_convert_i32x4_u().local_set(0);
		}
		f.show_all();
	}
	"unsigned truncations of vectors" => |f, n| [(1, V128)] => {
		f.set_all();
		for _ in 0..n {
			f.sink().local_get(0).i32x4_trunc_sat_f64x2_u_zero().i8x16_popcnt().local_set(0);
		}
		f.show_all();
	}
	"counts of bits" => |f, n| [(1, I64)] => {
		f.set(0);
		for _ in 0..n {
			f.sink().local_get(0).i64_popcnt().i64_clz().i64_ctz().local_set(0);
		}
		f.show(0);
	}
	"dead code" => |f, n| [] => {
		f.sink().return_();
		for _ in 0..n {
			f.sink().i32_const(0).drop();
		}
	}
}

fn ifs(f: &mut Function, n: usize) {
	let locals = f.locals.len();
	f.set_all();
	for k in 0..n {
		f.unknown(k % 1000);
		f.sink().if_(BlockType::Empty);
		f.set(k % locals);
		f.sink().end();
	}
	f.show_all();
}

fn arms(f: &mut Function, n: usize) {
	f.set_all();
	for k in 0..n {
		f.unknown(k % 1000);
		f.sink().if_(BlockType::Empty);
		f.set_all();
		f.sink().end();
	}
	f.show_all();
}

fn rotations(f: &mut Function, n: usize) {
	let locals = f.locals.len() as u32;
	f.set_all();
	for k in 0..n {
		f.unknown(k % 1000);
		f.sink().if_(BlockType::Empty).local_get(0);
		for local in 1..locals {
			f.sink().local_get(local).local_set(local - 1);
		}
		f.sink().local_set(locals - 1).end();
	}
	f.show_all();
}

fn loops(f: &mut Function, n: usize) {
	let locals = f.locals.len();
	f.set_all();
	for k in 0..n {
		f.sink().loop_(BlockType::Empty);
		f.set(k % locals);
		f.unknown(k % 1000);
		f.sink().br_if(0).end();
	}
	f.show_all();
}

fn nests(f: &mut Function, n: usize, depth: usize) {
	let locals = f.locals.len();
	f.set_all();
	let mut left = n;
	while left > 0 {
		let depth = depth.min(left);
		left -= depth;
		for k in 0..depth {
			f.sink().loop_(BlockType::Empty);
			f.set((left + k) % locals);
		}
		for k in 0..depth {
			f.unknown(k);
			f.sink().br_if(0).end();
		}
	}
	f.show_all();
}

fn full_nests(f: &mut Function, n: usize, depth: usize) {
	f.set_all();
	let mut left = n;
	while left > 0 {
		let depth = depth.min(left);
		left -= depth;
		for _ in 0..depth {
			f.sink().loop_(BlockType::Empty);
			f.set_all();
		}
		for k in 0..depth {
			f.unknown(k);
			f.sink().br_if(0).end();
		}
	}
	f.show_all();
}

fn switch(f: &mut Function, n: usize) {
	let locals = f.locals.len();
	let cases = n.clamp(1, 8000);
	f.set_all();
	f.sink().loop_(BlockType::Empty);
	for _ in 0..cases {
		f.sink().block(BlockType::Empty);
	}
	f.unknown(0);
	f.sink().br_table((0..cases as u32).collect::<Vec<_>>(), 0);
	for k in 0..cases {
		f.sink().end();
		f.set(k % locals);
		f.unknown(k % 1000);
		f.sink().br_if((cases - 1 - k) as u32);
	}
	f.sink().end();
	f.show_all();
}

fn deep(f: &mut Function, n: usize, operands: usize) {
	for _ in 0..n {
		f.sink().block(BlockType::FunctionType(BLOCKS + operands as u32));
	}
	for k in 0..operands {
		f.sink().i64_const(k as i64);
	}
	for k in 0..n {
		f.unknown(k % 1000);
		f.sink().br_if(0).end();
	}
	for _ in 0..operands {
		f.sink().drop();
	}
}

fn tables(f: &mut Function, n: usize, labels: usize, operands: usize) {
	for _ in 0..labels {
		f.sink().block(BlockType::FunctionType(BLOCKS + operands as u32));
	}
	for k in 0..n {
		f.sink().block(BlockType::Empty);
		for k in 0..operands {
			f.sink().i64_const(k as i64);
		}
		f.unknown(k % 1000);
		f.sink()
			.br_table((1..labels as u32).collect::<Vec<_>>(), labels as u32)
			.end();
	}
	for k in 0..operands {
		f.sink().i64_const(k as i64);
	}
	for _ in 0..labels {
		f.sink().end();
	}
	for _ in 0..operands {
		f.sink().drop();
	}
}

fn calls(f: &mut Function, n: usize, params: usize, results: usize, callee: u32) {
	for k in 0..n {
		for n in 0..params {
			f.sink().i32_const((n + k) as i32 % 60).i64_extend_i32_u();
		}
		f.sink().call(callee);
		for _ in 0..results {
			f.sink().drop();
		}
	}
}

fn alive(f: &mut Function, n: usize, vectors: bool) {
	let locals = f.locals.len() as u32;
	f.set_all();
	for k in 0..n as u32 {
		f.sink().call(NOTHING).local_get(k % locals).local_get((k + 1) % locals);
		match vectors {
			true => f.sink().i32x4_add(),
			false => f.sink().i64_add(),
		};
		f.sink().local_set(k % locals);
	}
	f.show_all();
}
