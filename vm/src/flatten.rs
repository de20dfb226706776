//! From a normalised module to flat code.
//!
//! Blocks become jumps, results of branches are moved to where they belong, types disappear: reinterpretations of bits
//! are no instructions, and all loads of 32 bits are one. A function's parameters, locals and operands are adjacent
//! cells, two for a vector; `fp` is the place of its first parameter. Dead code is left out.

use crate::{
	normalise::Normalised,
	op::{Instr, Op},
	program::{Export, Parts, Program},
	simd::op::VectorOp,
	state::Region,
	tree::PAGE_BYTES,
	vector::{self, gives, Gives},
};
use std::collections::{BTreeMap, HashMap};
use wasmparser::{
	BlockType, BrTable, CompositeInnerType, ConstExpr, Data, DataKind, Element, ElementItems, ElementKind,
	ExternalKind, FuncType, FuncValidator, FuncValidatorAllocations, FunctionBody, MemArg, MemArgTarget, Operator,
	OperatorsReader, Parser, Payload, TypeRef, ValType, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// Why a module has no flat code. The normaliser refuses such modules, so this is a defect of the library.
#[derive(Debug, thiserror::Error)]
pub enum FlattenError {
	/// The module is not valid.
	#[error("the normalised module is not valid: {0}")]
	Invalid(#[from] wasmparser::BinaryReaderError),
	/// Something that the normaliser does not emit.
	#[error("the normalised module contains {0}")]
	Unexpected(String),
	/// A region is too small.
	#[error("the program has more code, table entries or globals than the machine has room for")]
	TooLarge,
}

/// Globals before all others that are registers: the gas.
const GAS_GLOBAL: u32 = 0;
/// The intrinsics, by their places among the imports.
const INTRINSICS: [Op; 7] = [
	Op::Size,
	Op::Read,
	Op::Output,
	Op::Error,
	Op::Seed,
	Op::Halt,
	Op::Exhausted,
];

/// The most instructions of flat code.
pub const MAX_INSTRUCTIONS: usize = 1 << 25;
const _: () = assert!(MAX_INSTRUCTIONS as u64 * 2 <= Region::Code.cells());

/// The flat code of a module.
pub fn flatten(module: &Normalised) -> Result<Program, FlattenError> {
	let mut flattener = Flattener::new(module);
	flattener.module(module.bytes(), false)?;
	flattener.link()?;
	Program::new(flattener.parts).ok_or(FlattenError::TooLarge)
}

/// Refuses a module whose flat code has no room. Neither its memory nor its tables are made.
pub(crate) fn check_size(module: &Normalised) -> Result<(), FlattenError> {
	Flattener::new(module).module(module.bytes(), true)
}

#[derive(Default)]
struct Flattener {
	parts: Parts,
	types: Vec<FuncType>,
	/// The number that stands for a type in indirect calls: that of the first equal one.
	canonical: Vec<u32>,
	/// The first of equal types.
	first: HashMap<FuncType, u32>,
	/// The first cell of each global.
	globals: Vec<u32>,
	/// The type of each function, imports first.
	functions: Vec<u32>,
	imported: u32,
	/// The place of each function of the module's own.
	starts: Vec<u32>,
	/// Instructions whose long operand is a function to be replaced by its place.
	calls: Vec<usize>,
	/// How many memories there are.
	memories: u32,
	/// The first cell and the size of each table.
	tables: Vec<(u32, u32)>,
	/// Entries of tables: the function of each cell.
	entries: BTreeMap<u32, u32>,
	exported: Vec<(String, u32)>,
	entry: Option<&'static str>,
}

fn unexpected<T>(what: impl core::fmt::Debug) -> Result<T, FlattenError> {
	Err(FlattenError::Unexpected(format!("{what:?}")))
}

/// The bits of a constant expression: a number's, or a vector's.
fn bits(expr: &ConstExpr) -> Result<Bits, FlattenError> {
	let mut reader = expr.get_operators_reader();
	Ok(Bits::Cell(match reader.read()? {
		Operator::I32Const { value } => u64::from(value as u32),
		Operator::I64Const { value } => value as u64,
		Operator::F32Const { value } => value.bits().into(),
		Operator::F64Const { value } => value.bits(),
		Operator::V128Const { value } => return Ok(Bits::Vector(halves(value.i128() as u128))),
		other => return unexpected(other),
	}))
}

enum Bits {
	Cell(u64),
	Vector([u64; 2]),
}

/// The cells of a vector.
fn halves(value: u128) -> [u64; 2] {
	[value as u64, (value >> 64) as u64]
}

/// The bits of a constant expression that is a number.
fn constant(expr: &ConstExpr) -> Result<u64, FlattenError> {
	match bits(expr)? {
		Bits::Cell(cell) => Ok(cell),
		Bits::Vector(_) => unexpected("a vector"),
	}
}

/// The cells of a value.
fn width(ty: ValType) -> u32 {
	match ty {
		ValType::V128 => 2,
		_ => 1,
	}
}

/// The cells of values.
fn cells(types: &[ValType]) -> u32 {
	types.iter().map(|ty| width(*ty)).sum()
}

impl Flattener {
	fn new(module: &Normalised) -> Self {
		let mut new = Self {
			entry: module.entry(),
			..Self::default()
		};
		// No function starts at place 0, so that 0 is no entry of a table.
		new.parts.code.push(Instr::new(Op::Trap, 0, 0));
		new
	}

	fn module(&mut self, wasm: &[u8], only_code: bool) -> Result<(), FlattenError> {
		let mut validator = Validator::new_with_features(WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY);
		let mut allocations = FuncValidatorAllocations::default();
		for payload in Parser::new(0).parse_all(wasm) {
			let payload = payload?;
			if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
				let mut function = function.into_validator(allocations);
				self.function(&mut function, &body)?;
				allocations = function.into_allocations();
				if self.parts.code.len() > MAX_INSTRUCTIONS {
					return Err(FlattenError::TooLarge);
				}
				continue;
			}
			match payload {
				Payload::TypeSection(section) => {
					for group in section {
						for ty in group?.into_types() {
							let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
								return unexpected(ty);
							};
							let index = self.types.len() as u32;
							self.canonical.push(*self.first.entry(ty.clone()).or_insert(index));
							self.types.push(ty);
						}
					}
				}
				Payload::ImportSection(section) => {
					for import in section.into_imports() {
						let TypeRef::Func(ty) = import?.ty else {
							return unexpected("an import that is no function");
						};
						self.functions.push(ty);
						self.imported += 1;
					}
				}
				Payload::FunctionSection(section) => {
					for ty in section {
						self.functions.push(ty?);
					}
				}
				Payload::TableSection(section) => {
					for table in section {
						let size = u32::try_from(table?.ty.initial).map_err(|_| FlattenError::TooLarge)?;
						let first = self.parts.table.len() as u32;
						let end = first.checked_add(size).filter(|end| *end <= crate::MAX_TABLE_ENTRIES);
						self.parts.table.resize(end.ok_or(FlattenError::TooLarge)? as usize, 0);
						self.tables.push((first, size));
					}
				}
				Payload::MemorySection(section) => {
					for memory in section {
						let memory = memory?;
						let pages = u32::try_from(memory.initial).map_err(|_| FlattenError::TooLarge)?;
						let maximum = memory.maximum.and_then(|pages| u32::try_from(pages).ok());
						match self.memories {
							0 => {
								(self.parts.pages, self.parts.max_pages) = (pages, maximum.unwrap_or(crate::MAX_PAGES))
							}
							1 => self.parts.system_pages = pages,
							_ => return unexpected("a third memory"),
						}
						self.memories += 1;
					}
				}
				Payload::GlobalSection(section) => {
					for global in section {
						self.globals.push(self.parts.globals.len() as u32);
						match bits(&global?.init_expr)? {
							Bits::Cell(cell) => self.parts.globals.push(cell),
							Bits::Vector(cells) => self.parts.globals.extend(cells),
						}
					}
				}
				Payload::ExportSection(section) => {
					for export in section {
						let export = export?;
						if export.kind == ExternalKind::Func {
							self.exported.push((export.name.into(), export.index));
						}
					}
				}
				Payload::ElementSection(section) if !only_code => {
					for element in section {
						self.element(element?)?;
					}
				}
				Payload::DataSection(section) if !only_code => {
					for data in section {
						self.data(&data?)?;
					}
				}
				Payload::StartSection { .. } => return unexpected("a start section"),
				_ => {}
			}
		}
		Ok(())
	}

	fn element(&mut self, element: Element) -> Result<(), FlattenError> {
		let ElementKind::Active {
			table_index,
			offset_expr,
		} = element.kind
		else {
			// Declarations of functions change nothing.
			return Ok(());
		};
		let Some(&(first, size)) = self.tables.get(table_index.unwrap_or(0) as usize) else {
			return unexpected("an element of no table");
		};
		let offset = constant(&offset_expr)? as u32;
		let functions: Vec<Option<u32>> = match element.items {
			ElementItems::Functions(items) => items.into_iter().map(|item| item.map(Some)).collect::<Result<_, _>>()?,
			ElementItems::Expressions(_, items) => items
				.into_iter()
				.map(|item| match item?.get_operators_reader().read()? {
					Operator::RefFunc { function_index } => Ok(Some(function_index)),
					Operator::RefNull { .. } => Ok(None),
					other => unexpected(other),
				})
				.collect::<Result<_, _>>()?,
		};
		for (at, function) in functions.into_iter().enumerate() {
			let at = u32::try_from(at).ok().and_then(|at| at.checked_add(offset));
			let Some(at) = at.filter(|at| *at < size) else {
				return unexpected("an element outside its table");
			};
			// A later segment may write over an earlier one.
			match function {
				Some(function) => self.entries.insert(first + at, function),
				None => self.entries.remove(&(first + at)),
			};
		}
		Ok(())
	}

	fn data(&mut self, data: &Data) -> Result<(), FlattenError> {
		let DataKind::Active {
			memory_index,
			offset_expr,
		} = &data.kind
		else {
			return unexpected("a passive data segment");
		};
		let (memory, pages) = match memory_index {
			0 => (&mut self.parts.memory, self.parts.pages),
			_ => (&mut self.parts.system, self.parts.system_pages),
		};
		let start = constant(offset_expr)? as usize;
		let end = start.saturating_add(data.data.len());
		if end as u64 > u64::from(pages) * crate::step::PAGE {
			return unexpected("a data segment outside the memory");
		}
		let (mut at, mut rest) = (start, data.data);
		while !rest.is_empty() {
			let (page, offset) = (at / PAGE_BYTES, at % PAGE_BYTES);
			let (here, later) = rest.split_at(rest.len().min(PAGE_BYTES - offset));
			let bytes = memory.entry(page as u32);
			bytes.or_insert_with(|| Box::new([0; PAGE_BYTES]))[offset..offset + here.len()].copy_from_slice(here);
			(at, rest) = (at + here.len(), later);
		}
		Ok(())
	}

	/// Puts the places of functions where they are named.
	fn link(&mut self) -> Result<(), FlattenError> {
		for at in &self.calls {
			let instr = self.parts.code[*at];
			let place = self.starts.get(instr.imm as usize).copied();
			self.parts.code[*at] = instr.with_imm(place.ok_or(FlattenError::TooLarge)?.into());
		}
		for (cell, function) in &self.entries {
			// An intrinsic cannot be in a table: the normaliser makes all calls of it.
			let own = function
				.checked_sub(self.imported)
				.and_then(|own| self.starts.get(own as usize));
			let (Some(place), Some(ty)) = (own, self.functions.get(*function as usize)) else {
				return unexpected("an import in a table");
			};
			self.parts.table[*cell as usize] = u64::from(*place) << 32 | u64::from(self.canonical[*ty as usize] + 1);
		}
		for (name, function) in &self.exported {
			let own = function
				.checked_sub(self.imported)
				.and_then(|own| self.starts.get(own as usize));
			let Some(pc) = own.copied() else { continue };
			let ty = &self.types[self.functions[*function as usize] as usize];
			if Some(name.as_str()) == self.entry {
				self.parts.entry = pc;
			}
			self.parts.exports.push(Export {
				name: name.clone(),
				pc,
				params: cells(ty.params()),
				results: cells(ty.results()),
			});
		}
		Ok(())
	}

	fn function(
		&mut self,
		validator: &mut FuncValidator<ValidatorResources>,
		body: &FunctionBody,
	) -> Result<(), FlattenError> {
		self.starts.push(self.parts.code.len() as u32);
		let mut locals = body.get_locals_reader()?;
		let ty = self.functions.get(validator.index() as usize).copied();
		let Some(ty) = ty.and_then(|ty| self.types.get(ty as usize)) else {
			return unexpected("a function without a type");
		};
		let results = ty.results().to_vec();
		let mut places = Vec::new();
		let mut end = 0;
		for ty in ty.params() {
			places.push(end);
			end += width(*ty);
		}
		let params = end;
		for _ in 0..locals.get_count() {
			let at = locals.original_position();
			let (count, ty) = locals.read()?;
			validator.define_locals(at, count, ty)?;
			for _ in 0..count {
				places.push(end);
				end += width(ty);
			}
		}
		places.push(end);
		let mut body = Body {
			locals: end,
			places,
			blocks: vec![Block::new(0, 0, &[], &results, None)],
			module: self,
			widths: Vec::new(),
			height: 0,
			dead: 0,
		};
		let mut zeros = end - params;
		while zeros > 0 {
			let some = zeros.min(8);
			body.emit(Op::Zeros, some.into(), 0);
			zeros -= some;
		}
		let mut operators = OperatorsReader::new(locals.get_binary_reader());
		while !operators.eof() {
			let at = operators.original_position();
			let operator = operators.read()?;
			validator.op(at, &operator)?;
			body.operator(&operator)?;
			body.follow(&operator, validator.operand_stack_height() as usize)?;
		}
		operators.finish()?;
		Ok(())
	}
}

/// An open block.
struct Block {
	/// Operands below it.
	depth: usize,
	/// Their cells.
	base: u32,
	/// The types of what comes in.
	params: Vec<ValType>,
	/// The types of what it leaves.
	results: Vec<ValType>,
	/// How many cells a branch to it carries.
	carries: u32,
	/// Where a loop starts.
	start: Option<u32>,
	/// Branches to its end, to be pointed there.
	ends: Vec<usize>,
	/// The branch over its first arm.
	otherwise: Option<usize>,
}

impl Block {
	fn new(depth: usize, base: u32, params: &[ValType], results: &[ValType], start: Option<u32>) -> Self {
		Self {
			depth,
			base,
			carries: cells(if start.is_some() { params } else { results }),
			params: params.to_vec(),
			results: results.to_vec(),
			start,
			ends: Vec::new(),
			otherwise: None,
		}
	}
}

/// A function in the making.
struct Body<'a> {
	module: &'a mut Flattener,
	/// Cells of parameters and locals.
	locals: u32,
	/// The first cell of each local, and the cell after the last.
	places: Vec<u32>,
	/// The open blocks, the function's own first.
	blocks: Vec<Block>,
	/// Whether each operand before the present instruction is a vector.
	widths: Vec<bool>,
	/// Cells of the operands before the present instruction.
	height: u32,
	/// How many open blocks began in dead code, plus one; 0 if control gets here.
	dead: u32,
}

impl Body<'_> {
	fn emit(&mut self, op: impl Into<u16>, a: u64, imm: u64) -> usize {
		self.module.parts.code.push(Instr::new(op, a, imm));
		self.module.parts.code.len() - 1
	}

	fn here(&self) -> u32 {
		self.module.parts.code.len() as u32
	}

	fn point(&mut self, at: usize, target: u32) {
		let instr = self.module.parts.code[at];
		self.module.parts.code[at] = instr.with_imm(target.into());
	}

	/// Takes operands off, so that so many stay.
	fn keep(&mut self, operands: usize) {
		let gone = self.widths.drain(operands.min(self.widths.len())..);
		self.height -= gone.map(|wide| 1 + u32::from(wide)).sum::<u32>();
	}

	/// Puts an operand on.
	fn put(&mut self, ty: ValType) {
		self.widths.push(ty == ValType::V128);
		self.height += width(ty);
	}

	/// Whether the operand so far below the top is a vector.
	fn is_wide(&self, below: usize) -> bool {
		let at = self.widths.len().checked_sub(1 + below);
		at.is_some_and(|at| self.widths[at])
	}

	/// The first cell and the cells of a local.
	fn local(&self, index: u32) -> Result<(u64, u32), FlattenError> {
		let at = index as usize;
		match (self.places.get(at), self.places.get(at + 1)) {
			(Some(first), Some(end)) => Ok(((*first).into(), end - first)),
			_ => unexpected("a local that is not there"),
		}
	}

	/// The first cell of a global, and its cells.
	fn global(&self, index: u32) -> Result<(u64, u32), FlattenError> {
		let globals = &self.module.globals;
		let last = self.module.parts.globals.len() as u32;
		let Some(first) = globals.get(index as usize) else {
			return unexpected("a global that is not there");
		};
		let end = globals.get(index as usize + 1).copied().unwrap_or(last);
		Ok(((*first).into(), end - first))
	}

	fn types(&self, ty: BlockType) -> Result<(Vec<ValType>, Vec<ValType>), FlattenError> {
		match ty {
			BlockType::Empty => Ok((Vec::new(), Vec::new())),
			BlockType::Type(ty) => Ok((Vec::new(), vec![ty])),
			BlockType::FuncType(ty) => match self.module.types.get(ty as usize) {
				Some(ty) => Ok((ty.params().to_vec(), ty.results().to_vec())),
				None => unexpected("a block without a type"),
			},
		}
	}

	/// Follows the operands over an instruction, after which there are so many. What is not named here neither takes nor
	/// gives a vector.
	fn follow(&mut self, operator: &Operator, operands: usize) -> Result<(), FlattenError> {
		use Operator as O;
		let value = |cells| match cells {
			2 => vec![ValType::V128],
			_ => vec![ValType::I64],
		};
		let given: Vec<ValType> = match operator {
			// Blocks put their own operands on.
			O::Else | O::End => return Ok(()),
			_ if self.dead > 0 => return Ok(()),
			// What they give is what they took, in its place.
			O::Select
			| O::TypedSelect { .. }
			| O::LocalTee { .. }
			| O::Block { .. }
			| O::Loop { .. }
			| O::If { .. }
			| O::BrIf { .. } => {
				self.keep(operands);
				return Ok(());
			}
			O::LocalGet { local_index } => value(self.local(*local_index)?.1),
			O::GlobalGet { global_index } => value(self.global(*global_index)?.1),
			O::Call { function_index } => self.results(self.module.functions.get(*function_index as usize))?,
			O::CallIndirect { type_index, .. } => self.results(Some(type_index))?,
			O::V128Const { .. } => vec![ValType::V128],
			operator => match vector::operation(operator).map(gives) {
				Some(Gives::Vector) => vec![ValType::V128],
				Some(Gives::Scalar) => vec![ValType::I64],
				Some(Gives::Nothing) => Vec::new(),
				None => {
					self.keep(operands);
					while self.widths.len() < operands {
						self.put(ValType::I64);
					}
					return Ok(());
				}
			},
		};
		self.keep(operands.saturating_sub(given.len()));
		given.into_iter().for_each(|ty| self.put(ty));
		Ok(())
	}

	fn results(&self, ty: Option<&u32>) -> Result<Vec<ValType>, FlattenError> {
		match ty.and_then(|ty| self.module.types.get(*ty as usize)) {
			Some(ty) => Ok(ty.results().to_vec()),
			None => unexpected("a call of no function"),
		}
	}

	/// Moves the top `keep` cells of `height` down to `base`. Only needed for more than one; a single value goes with
	/// its jump.
	fn shift(&mut self, height: u32, base: u32, keep: u32) {
		// From the lowest on: a place is never above the value that goes there.
		for n in 0..keep {
			let (from, to) = (keep - n, height - base - n);
			self.emit(Op::Move, to.into(), from.into());
		}
	}

	/// A branch to a block with `height` cells of operands on the stack.
	fn branch(&mut self, depth: u32, height: u32) -> Result<(), FlattenError> {
		let Some(index) = self.blocks.len().checked_sub(1 + depth as usize) else {
			return unexpected("a branch to no block");
		};
		let Block {
			base, carries, start, ..
		} = self.blocks[index];
		if index == 0 {
			self.leave(height);
			return Ok(());
		}
		let Some(surplus) = height.checked_sub(base + carries) else {
			return unexpected("a branch without its values");
		};
		let at = match (surplus, carries) {
			(0, _) => self.emit(Op::Br, 0, 0),
			(_, 0) => self.emit(Op::BrDrop, surplus.into(), 0),
			(_, 1) => self.emit(Op::BrKeep, surplus.into(), 0),
			_ => {
				self.shift(height, base, carries);
				self.emit(Op::BrDrop, surplus.into(), 0)
			}
		};
		match start {
			Some(start) => self.point(at, start),
			None => self.blocks[index].ends.push(at),
		}
		Ok(())
	}

	/// Whether a branch is one instruction without changing the operands.
	fn plain(&self, depth: u32, height: u32) -> bool {
		let index = self.blocks.len().checked_sub(1 + depth as usize);
		let block = index.filter(|index| *index > 0).map(|index| &self.blocks[index]);
		block.is_some_and(|block| height == block.base + block.carries)
	}

	/// Returns from the function with `height` cells of operands on the stack.
	fn leave(&mut self, height: u32) {
		match self.blocks[0].carries {
			0 => self.emit(Op::Return0, 0, 0),
			1 => self.emit(Op::Return1, 0, 0),
			results => {
				let top = self.locals + height;
				for n in 0..results {
					self.emit(Op::Move, (top - n).into(), (results - n).into());
				}
				self.emit(Op::ReturnN, results.into(), 0)
			}
		};
	}

	/// Opens a block whose parameters are the top operands, below so many others.
	fn open(&mut self, ty: BlockType, above: usize, looping: bool) -> Result<(), FlattenError> {
		let (params, results) = self.types(ty)?;
		let depth = self.widths.len().checked_sub(above + params.len());
		let base = self.height.checked_sub(above as u32 + cells(&params));
		let (Some(depth), Some(base)) = (depth, base) else {
			return unexpected("a block without its parameters");
		};
		let start = looping.then(|| self.here());
		self.blocks.push(Block::new(depth, base, &params, &results, start));
		Ok(())
	}

	/// What follows cannot be reached.
	fn die(&mut self) {
		self.dead = 1;
	}

	fn operator(&mut self, operator: &Operator) -> Result<(), FlattenError> {
		use Operator as O;
		if self.dead > 0 {
			match operator {
				O::Block { .. } | O::Loop { .. } | O::If { .. } => self.dead += 1,
				O::Else if self.dead == 1 => self.otherwise()?,
				O::End if self.dead == 1 => self.end()?,
				O::End => self.dead -= 1,
				_ => {}
			}
			return Ok(());
		}
		let height = self.height;
		match operator {
			O::Nop
			| O::I32ReinterpretF32
			| O::I64ReinterpretF64
			| O::F32ReinterpretI32
			| O::F64ReinterpretI64
			// Cells of 32 bits are zero-extended already.
			| O::I64ExtendI32U => {}
			O::Unreachable => {
				self.emit(Op::Unreachable, 0, 0);
				self.die();
			}
			O::Block { blockty } => self.open(*blockty, 0, false)?,
			O::Loop { blockty } => self.open(*blockty, 0, true)?,
			O::If { blockty } => {
				let over = self.emit(Op::BrIfZ, 0, 0);
				self.open(*blockty, 1, false)?;
				if let Some(block) = self.blocks.last_mut() {
					block.otherwise = Some(over);
				}
			}
			O::Else => {
				let at = self.emit(Op::Br, 0, 0);
				if let Some(block) = self.blocks.last_mut() {
					block.ends.push(at);
				}
				self.otherwise()?;
			}
			O::End => {
				if self.blocks.len() == 1 {
					self.leave(height);
				}
				self.end()?;
			}
			O::Br { relative_depth } => {
				self.branch(*relative_depth, height)?;
				self.die();
			}
			O::BrIf { relative_depth } => {
				let height = height.saturating_sub(1);
				if self.plain(*relative_depth, height) {
					self.branch(*relative_depth, height)?;
					// The jump of a plain branch is its only and last instruction.
					if let Some(jump) = self.module.parts.code.last_mut() {
						*jump = Instr::new(Op::BrIf, 0, jump.imm);
					}
				} else {
					let over = self.emit(Op::BrIfZ, 0, 0);
					self.branch(*relative_depth, height)?;
					let here = self.here();
					self.point(over, here);
				}
			}
			O::BrTable { targets } => self.br_table(targets, height.saturating_sub(1))?,
			O::Return => {
				self.leave(height);
				self.die();
			}
			O::Call { function_index } => self.call(*function_index)?,
			O::CallIndirect {
				type_index,
				table_index,
			} => {
				let ty = self.module.types.get(*type_index as usize);
				let (Some(ty), Some((first, size))) = (ty, self.module.tables.get(*table_index as usize)) else {
					return unexpected(operator);
				};
				let params = u64::from(cells(ty.params()));
				let a = u64::from(self.module.canonical[*type_index as usize]) | params << 32;
				let imm = u64::from(*first) << 32 | u64::from(*size);
				self.emit(Op::CallIndirect, a, imm);
			}
			O::Drop => {
				self.emit(Op::Drop, 1 + u64::from(self.is_wide(0)), 0);
			}
			O::Select | O::TypedSelect { .. } => {
				match self.is_wide(1) {
					true => self.emit(VectorOp::Select, 0, 0),
					false => self.emit(Op::Select, 0, 0),
				};
			}
			O::LocalGet { local_index } => {
				let (first, cells) = self.local(*local_index)?;
				for cell in 0..cells {
					self.emit(Op::LocalGet, first + u64::from(cell), 0);
				}
			}
			O::LocalSet { local_index } => {
				let (first, cells) = self.local(*local_index)?;
				for cell in (0..cells).rev() {
					self.emit(Op::LocalSet, first + u64::from(cell), 0);
				}
			}
			O::LocalTee { local_index } => match self.local(*local_index)? {
				(first, 2) => {
					self.emit(Op::LocalSet, first + 1, 0);
					self.emit(Op::LocalTee, first, 0);
					self.emit(Op::LocalGet, first + 1, 0);
				}
				(first, _) => {
					self.emit(Op::LocalTee, first, 0);
				}
			},
			O::GlobalGet { global_index } => match *global_index {
				GAS_GLOBAL => {
					self.emit(Op::GasGet, 0, 0);
				}
				index => {
					let (first, cells) = self.global(index)?;
					for cell in 0..cells {
						self.emit(Op::GlobalGet, first + u64::from(cell), 0);
					}
				}
			},
			O::GlobalSet { global_index } => match *global_index {
				GAS_GLOBAL => {
					self.emit(Op::GasSet, 0, 0);
				}
				index => {
					let (first, cells) = self.global(index)?;
					for cell in (0..cells).rev() {
						self.emit(Op::GlobalSet, first + u64::from(cell), 0);
					}
				}
			},
			O::V128Const { value } => {
				for cell in halves(value.i128() as u128) {
					self.emit(Op::Const, 0, cell);
				}
			}
			O::I32Const { value } => {
				self.emit(Op::Const, 0, u64::from(*value as u32));
			}
			O::I64Const { value } => {
				self.emit(Op::Const, 0, *value as u64);
			}
			O::F32Const { value } => {
				self.emit(Op::Const, 0, value.bits().into());
			}
			O::F64Const { value } => {
				self.emit(Op::Const, 0, value.bits());
			}
			O::MemorySize { mem } => {
				self.emit(Op::MemorySize, (*mem).into(), 0);
			}
			O::MemoryGrow { mem } => {
				self.emit(Op::MemoryGrow, (*mem).into(), 0);
			}
			O::MemoryCopy { dst_mem, src_mem } => {
				self.emit(Op::MemoryCopy, u64::from(*dst_mem | *src_mem << 1), 0);
			}
			O::MemoryFill { mem } => {
				self.emit(Op::MemoryFill, (*mem).into(), 0);
			}
			other => match (simple(other), vector::instruction(other)) {
				(Some((op, imm)), _) => {
					self.emit(op, 0, imm);
				}
				(None, Some(instr)) => self.module.parts.code.push(instr),
				(None, None) => return unexpected(other),
			},
		}
		Ok(())
	}

	fn call(&mut self, function: u32) -> Result<(), FlattenError> {
		let Some(own) = function.checked_sub(self.module.imported) else {
			match INTRINSICS.get(function as usize) {
				Some(op) => self.emit(*op, 0, 0),
				None => return unexpected("a call of an unknown import"),
			};
			return Ok(());
		};
		let ty = self.module.functions.get(function as usize);
		let Some(ty) = ty.and_then(|ty| self.module.types.get(*ty as usize)) else {
			return unexpected("a call of no function");
		};
		let params = cells(ty.params());
		let at = self.emit(Op::Call, params.into(), own.into());
		self.module.calls.push(at);
		Ok(())
	}

	/// A table of jumps; those that move operands jump to where that is done.
	fn br_table(&mut self, targets: &BrTable, height: u32) -> Result<(), FlattenError> {
		let mut depths = targets.targets().collect::<Result<Vec<_>, _>>()?;
		depths.push(targets.default());
		self.emit(Op::BrTable, targets.len().into(), 0);
		let first = self.module.parts.code.len();
		depths.iter().for_each(|_| {
			self.emit(Op::Br, 0, 0);
		});
		let mut stubs: HashMap<u32, u32> = HashMap::new();
		for (n, depth) in depths.iter().enumerate() {
			let target = match stubs.get(depth) {
				Some(stub) => *stub,
				None => {
					let stub = self.here();
					self.branch(*depth, height)?;
					stubs.insert(*depth, stub);
					stub
				}
			};
			self.point(first + n, target);
		}
		self.die();
		Ok(())
	}

	/// The start of an `if`'s second arm.
	fn otherwise(&mut self) -> Result<(), FlattenError> {
		let here = self.here();
		let Some(over) = self.blocks.last_mut().and_then(|block| block.otherwise.take()) else {
			return unexpected("an else without an if");
		};
		self.point(over, here);
		self.dead = 0;
		if let Some(block) = self.blocks.last() {
			let (depth, params) = (block.depth, block.params.clone());
			self.keep(depth);
			params.into_iter().for_each(|ty| self.put(ty));
		}
		Ok(())
	}

	fn end(&mut self) -> Result<(), FlattenError> {
		let Some(block) = self.blocks.pop() else {
			return unexpected("an end of no block");
		};
		let here = self.here();
		for at in block.ends.into_iter().chain(block.otherwise) {
			self.point(at, here);
		}
		self.keep(block.depth);
		block.results.into_iter().for_each(|ty| self.put(ty));
		self.dead = 0;
		Ok(())
	}
}

/// The instructions that stay what they are.
fn simple(operator: &Operator) -> Option<(Op, u64)> {
	macro_rules! same {
		($($name:ident)*) => {
			match operator {
				$(Operator::$name => return Some((Op::$name, 0)),)*
				_ => {}
			}
		};
	}
	macro_rules! memory {
		($($op:ident $system:ident: $($name:ident)*;)*) => {
			match operator {
				$($(Operator::$name { memarg: MemArg { offset, target, .. } } => {
					let program = *target == MemArgTarget::Memory(0);
					return Some((if program { Op::$op } else { Op::$system }, *offset));
				})*)*
				_ => {}
			}
		};
	}
	memory! {
		Load8U SystemLoad8U: I32Load8U I64Load8U;
		Load8S32 SystemLoad8S32: I32Load8S;
		Load8S64 SystemLoad8S64: I64Load8S;
		Load16U SystemLoad16U: I32Load16U I64Load16U;
		Load16S32 SystemLoad16S32: I32Load16S;
		Load16S64 SystemLoad16S64: I64Load16S;
		Load32U SystemLoad32U: I32Load F32Load I64Load32U;
		Load32S64 SystemLoad32S64: I64Load32S;
		Load64 SystemLoad64: I64Load F64Load;
		Store8 SystemStore8: I32Store8 I64Store8;
		Store16 SystemStore16: I32Store16 I64Store16;
		Store32 SystemStore32: I32Store F32Store I64Store32;
		Store64 SystemStore64: I64Store F64Store;
	}
	same! {
		I32Eqz I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU
		I64Eqz I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU
		F32Eq F32Ne F32Lt F32Gt F32Le F32Ge F64Eq F64Ne F64Lt F64Gt F64Le F64Ge
		I32Clz I32Ctz I32Popcnt I32Add I32Sub I32Mul I32DivS I32DivU I32RemS I32RemU
		I32And I32Or I32Xor I32Shl I32ShrS I32ShrU I32Rotl I32Rotr
		I64Clz I64Ctz I64Popcnt I64Add I64Sub I64Mul I64DivS I64DivU I64RemS I64RemU
		I64And I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr
		F32Abs F32Neg F32Ceil F32Floor F32Trunc F32Nearest F32Sqrt F32Add F32Sub F32Mul F32Div F32Min F32Max F32Copysign
		F64Abs F64Neg F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign
		I32WrapI64 I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U
		I64TruncF32S I64TruncF32U I64TruncF64S I64TruncF64U
		F32ConvertI32S F32ConvertI32U F32ConvertI64S F32ConvertI64U F32DemoteF64
		F64ConvertI32S F64ConvertI32U F64ConvertI64S F64ConvertI64U F64PromoteF32
		I32Extend8S I32Extend16S I64Extend8S I64Extend16S I64Extend32S
		I32TruncSatF32S I32TruncSatF32U I32TruncSatF64S I32TruncSatF64U
		I64TruncSatF32S I64TruncSatF32U I64TruncSatF64S I64TruncSatF64U
	}
	match operator {
		Operator::I64ExtendI32S => Some((Op::I64Extend32S, 0)),
		_ => None,
	}
}
