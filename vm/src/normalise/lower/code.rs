//! Rewrites a function. What is not taken out is copied.

use super::{atomics, broken, lowered, Reason, Writer};
use crate::normalise::limits;
use std::collections::HashMap;
use wasm_encoder::{Encode, InstructionSink, ValType};
use wasmparser::{BlockType, Catch, FunctionBody, Operator};

/// Rewrites the function with this index.
pub(super) fn body(writer: &mut Writer<'_>, index: u32, body: &FunctionBody<'_>) -> Result<Vec<u8>, Reason> {
	let offset = body.range().start;
	let ty = writer.plan.functions.get(index as usize).copied().unwrap_or_default();
	let signature = writer.types.get(ty as usize).ok_or_else(broken)?;
	let mut count = signature.params.len() as u32;
	let results = signature.results.clone();
	let mut locals = Vec::new();
	for item in body.get_locals_reader()? {
		let (more, ty) = item?;
		locals.push((more, lowered(ty, offset)?));
		count = count.saturating_add(more);
	}
	let throws = writer.plan.uses.exceptions && may_throw(writer.plan.imported, body)?;
	let mut new = Body {
		writer,
		code: Vec::with_capacity(body.as_bytes().len()),
		frames: Vec::new(),
		open: 0,
		throws,
		next: count,
		dead: 0,
		temporaries: HashMap::new(),
		locals,
	};
	new.begin(&results);
	let mut ops = body.get_operators_reader()?;
	while !ops.eof() {
		let start = ops.original_position();
		let op = ops.read()?;
		let end = ops.original_position();
		new.operator(&op, start, end)?;
		limits::check(
			"bytes in a function, said with plain instructions",
			new.code.len() as u64,
			limits::LOWERED_BYTES,
			offset,
		)?;
	}
	if throws {
		new.finish(&results);
	}
	let mut out = Vec::with_capacity(new.code.len() + 16);
	new.locals.len().encode(&mut out);
	for (count, ty) in &new.locals {
		count.encode(&mut out);
		ty.encode(&mut out);
	}
	out.extend_from_slice(&new.code);
	Ok(out)
}

/// Whether something in a function may throw, or looks at what was thrown.
fn may_throw(imported: u32, body: &FunctionBody<'_>) -> Result<bool, Reason> {
	use Operator as O;
	for op in body.get_operators_reader()? {
		match op? {
			O::Call { function_index } if function_index >= imported => return Ok(true),
			O::CallIndirect { .. }
			| O::Throw { .. }
			| O::ThrowRef
			| O::TryTable { .. }
			| O::Try { .. }
			| O::Rethrow { .. } => return Ok(true),
			_ => {}
		}
	}
	Ok(false)
}

/// An open construct of the old function.
pub(super) struct Frame {
	/// The label that stands for its own: how many are open around it.
	pub label: u32,
	/// The label where what is thrown in it is looked at.
	pub handler: u32,
	/// How many handlers it is in.
	pub handled: u32,
	pub what: What,
}

/// What it is.
pub(super) enum What {
	/// A block, a loop, an `if`.
	Plain,
	/// A `try_table`, and what it catches.
	Table { catches: Vec<Catch> },
	/// A `try` before its first `catch`.
	Try,
	/// A `try` after that: the local with what is being handled, and whether it handles all there is.
	Caught { exception: u32, all: bool },
}

/// A function in the making.
pub(super) struct Body<'w, 'a> {
	pub writer: &'w mut Writer<'a>,
	pub code: Vec<u8>,
	pub frames: Vec<Frame>,
	/// Labels that are open in the new function, but for that of its body.
	pub open: u32,
	/// Whether it is wrapped for exceptions.
	pub throws: bool,
	/// The next local that is added.
	next: u32,
	/// Constructs that were opened since control no longer gets here, with the one that it is in; 0 if it does.
	dead: u32,
	temporaries: HashMap<(ValType, u32), u32>,
	locals: Vec<(u32, ValType)>,
}

impl Body<'_, '_> {
	pub fn sink(&mut self) -> InstructionSink<'_> {
		InstructionSink::new(&mut self.code)
	}

	/// The n-th local of a type for what lives within one instruction.
	pub fn temporary(&mut self, ty: ValType, n: u32) -> u32 {
		if let Some(index) = self.temporaries.get(&(ty, n)) {
			return *index;
		}
		let index = self.local(ty);
		self.temporaries.insert((ty, n), index);
		index
	}

	/// A local of its own.
	pub fn local(&mut self, ty: ValType) -> u32 {
		self.locals.push((1, ty));
		self.next += 1;
		self.next - 1
	}

	pub fn copy(&mut self, start: u64, end: u64) {
		let bytes = self.writer.wasm.get(start as usize..end as usize);
		self.code.extend_from_slice(bytes.unwrap_or_default());
	}

	/// The type of a block in the new function.
	pub fn block(&self, ty: BlockType) -> Result<wasm_encoder::BlockType, Reason> {
		Ok(match ty {
			BlockType::Empty => wasm_encoder::BlockType::Empty,
			BlockType::Type(ty) => wasm_encoder::BlockType::Result(lowered(ty, 0)?),
			BlockType::FuncType(index) => wasm_encoder::BlockType::FunctionType(index),
		})
	}

	/// What a branch names to get to the label with so many around it.
	pub fn to(&self, label: u32) -> u32 {
		self.open.saturating_sub(1 + label)
	}

	/// What a branch names that named this.
	fn relative(&self, depth: u32) -> Result<u32, Reason> {
		Ok(self.to(self.frame(depth)?.label))
	}

	pub fn frame(&self, depth: u32) -> Result<&Frame, Reason> {
		let at = self.frames.len().checked_sub(1 + depth as usize);
		at.and_then(|at| self.frames.get(at)).ok_or_else(broken)
	}

	/// The label where what is thrown here is looked at; the outermost is the block around the body.
	pub fn handler(&self) -> u32 {
		self.frames.last().map_or(0, |frame| frame.handler)
	}

	/// How many handlers control is in here.
	pub fn handled(&self) -> u32 {
		self.frames.last().map_or(0, |frame| frame.handled)
	}

	/// Control does not get further.
	pub fn die(&mut self) {
		self.dead = 1;
	}

	/// Opens a construct that stays one.
	fn enter(&mut self) {
		self.frames.push(Frame {
			label: self.open,
			handler: self.handler(),
			handled: self.handled(),
			what: What::Plain,
		});
		self.open += 1;
	}

	/// The frame around everything; with exceptions, in a block where they end up.
	fn begin(&mut self, results: &[ValType]) {
		if !self.throws {
			// The function's own label is no block.
			self.enter();
			return;
		}
		let ty = match results {
			[] => wasm_encoder::BlockType::Empty,
			[one] => wasm_encoder::BlockType::Result(*one),
			many => wasm_encoder::BlockType::FunctionType(self.writer.ty(&[], many)),
		};
		self.sink().block(wasm_encoder::BlockType::Empty).block(ty);
		self.open = 1;
		self.enter();
	}

	/// After the body: returns, or returns something for an exception to be looked at.
	fn finish(&mut self, results: &[ValType]) {
		self.sink().return_().end();
		for ty in results {
			match ty {
				ValType::I32 => self.sink().i32_const(0),
				ValType::F32 => self.sink().f32_const(0.0.into()),
				ValType::F64 => self.sink().f64_const(0.0.into()),
				ValType::V128 => self.sink().v128_const(0),
				_ => self.sink().i64_const(0),
			};
		}
		self.sink().end();
	}

	fn operator(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Reason> {
		use Operator as O;
		if self.dead > 0 {
			match op {
				O::Block { .. } | O::Loop { .. } | O::If { .. } | O::Try { .. } | O::TryTable { .. } => self.dead += 1,
				O::End | O::Delegate { .. } => self.dead -= 1,
				O::Else | O::Catch { .. } | O::CatchAll if self.dead == 1 => self.dead = 0,
				_ => {}
			}
			// What nobody gets to is left out, but for the end of it.
			if self.dead > 0 {
				return Ok(());
			}
		}
		match op {
			O::Block { blockty } | O::Loop { blockty } | O::If { blockty } => {
				let ty = self.block(*blockty)?;
				match op {
					O::Block { .. } => self.sink().block(ty),
					O::Loop { .. } => self.sink().loop_(ty),
					_ => self.sink().if_(ty),
				};
				self.enter();
			}
			O::End => match self.frames.pop() {
				Some(frame) => self.end(frame)?,
				None => self.copy(start, end),
			},
			O::Br { relative_depth } => {
				let label = self.relative(*relative_depth)?;
				self.sink().br(label);
				self.die();
			}
			O::BrIf { relative_depth } => {
				let label = self.relative(*relative_depth)?;
				self.sink().br_if(label);
			}
			O::BrTable { targets } => {
				let mut labels = Vec::new();
				for target in targets.targets() {
					labels.push(self.relative(target?)?);
				}
				let default = self.relative(targets.default())?;
				self.sink().br_table(labels, default);
				self.die();
			}
			O::Return | O::Unreachable => {
				self.copy(start, end);
				self.die();
			}
			O::Call { function_index } => {
				self.copy(start, end);
				if *function_index >= self.writer.plan.imported {
					self.look()?;
				}
			}
			O::CallIndirect {
				type_index,
				table_index,
			} => {
				match self.writer.plan.uses.references {
					true => self.call_indirect(*type_index, *table_index)?,
					false => self.copy(start, end),
				}
				self.look()?;
			}
			O::Try { blockty } => self.try_(*blockty)?,
			O::TryTable { try_table } => self.try_table(try_table)?,
			O::Throw { tag_index } => self.throw(*tag_index)?,
			O::ThrowRef => self.throw_ref()?,
			O::Rethrow { relative_depth } => self.rethrow(*relative_depth)?,
			O::Catch { tag_index } => self.catch(Some(*tag_index))?,
			O::CatchAll => self.catch(None)?,
			O::Delegate { relative_depth } => self.delegate(*relative_depth)?,
			O::MemoryInit { data_index, .. } => self.memory_init(*data_index)?,
			O::DataDrop { data_index } => self.data_drop(*data_index)?,
			op if self.reference(op)? => {}
			op => match atomics::of(op) {
				Some(atomic) => self.atomic(atomic),
				None => self.copy(start, end),
			},
		}
		Ok(())
	}

	fn end(&mut self, frame: Frame) -> Result<(), Reason> {
		match frame.what {
			What::Plain => {
				self.open -= 1;
				self.sink().end();
			}
			What::Table { catches } => self.end_of_table(&catches)?,
			What::Try => self.end_of_try(),
			What::Caught { all, .. } => self.end_of_catch(all),
		}
		Ok(())
	}
}
