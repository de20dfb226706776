//! References as numbers, and tables as arrays of them.
//!
//! Null is 0. A function is its place in a table that holds all functions which there are references to, and that nothing
//! changes, in the lower half, and the number of its type, from 1 on, in the upper: types that differ in references alone
//! become one, so an indirect call compares the old ones. External references are numbers whose meaning only those
//! outside know.

use super::{
	broken,
	code::Body,
	feature,
	layout::{place, Array, Kept, ENTRY, MEMORY},
	Reason, Value,
};
use crate::outcome::Trap;
use wasm_encoder::{InstructionSink, MemArg, ValType};
use wasmparser::{ConstExpr, Element, ElementItems, Operator};

/// log2 of the bytes of an entry.
const SHIFT: i32 = ENTRY.trailing_zeros() as i32;

/// The reference that a constant is.
pub(super) fn value(expression: &ConstExpr<'_>, offset: u64) -> Result<Value, Reason> {
	match expression.get_operators_reader().read()? {
		Operator::RefNull { .. } => Ok(Value::Null),
		Operator::RefFunc { function_index } => Ok(Value::Function(function_index)),
		_ => Err(feature("a reference that is neither a function nor null", offset)),
	}
}

/// The references of an element segment.
pub(super) fn values(element: &Element<'_>, offset: u64) -> Result<Vec<Value>, Reason> {
	let mut values = Vec::new();
	match &element.items {
		ElementItems::Functions(items) => {
			for function in items.clone() {
				values.push(Value::Function(function?));
			}
		}
		ElementItems::Expressions(_, items) => {
			for item in items.clone() {
				values.push(value(&item?, offset)?);
			}
		}
	}
	Ok(values)
}

/// A function that fills entries: from where, how many, with what.
pub(super) const FILL: ([ValType; 3], fn() -> Vec<u8>) = ([ValType::I32, ValType::I32, ValType::I64], || {
	let mut body = vec![0];
	InstructionSink::new(&mut body)
		.block(wasm_encoder::BlockType::Empty)
		.loop_(wasm_encoder::BlockType::Empty)
		.local_get(1)
		.i32_eqz()
		.br_if(1)
		.local_get(0)
		.local_get(2)
		.i64_store(entry(0))
		.local_get(0)
		.i32_const(ENTRY as i32)
		.i32_add()
		.local_set(0)
		.local_get(1)
		.i32_const(1)
		.i32_sub()
		.local_set(1)
		.br(0)
		.end()
		.end()
		.end();
	body
});

fn entry(at: u32) -> MemArg {
	place(MEMORY, at.into(), ENTRY)
}

impl Body<'_, '_> {
	/// Takes out an instruction on references or tables; whether it was one.
	pub fn reference(&mut self, op: &Operator<'_>) -> Result<bool, Reason> {
		use Operator as O;
		match op {
			O::RefNull { .. } => _ = self.sink().i64_const(0),
			O::RefIsNull => _ = self.sink().i64_eqz(),
			O::RefFunc { function_index } => {
				let number = self.writer.layout.value(Value::Function(*function_index))?;
				self.sink().i64_const(number);
			}
			O::TypedSelect {
				ty: wasmparser::ValType::Ref(_),
			} => _ = self.sink().select(),
			O::TableSize { table } => {
				let size = self.array(*table)?.size;
				self.sink().global_get(size);
			}
			O::TableGet { table } => {
				let array = self.array(*table)?;
				let at = self.temporary(ValType::I32, 0);
				self.sink().local_set(at);
				self.inside(at, array);
				self.sink()
					.local_get(at)
					.i32_const(SHIFT)
					.i32_shl()
					.i64_load(entry(array.at));
			}
			O::TableSet { table } => {
				let array = self.array(*table)?;
				let (at, new) = (self.temporary(ValType::I32, 0), self.temporary(ValType::I64, 0));
				self.sink().local_set(new).local_set(at);
				self.inside(at, array);
				self.sink()
					.local_get(at)
					.i32_const(SHIFT)
					.i32_shl()
					.local_get(new)
					.i64_store(entry(array.at));
			}
			O::TableGrow { table } => self.table_grow(*table)?,
			O::TableFill { table } => self.table_fill(*table)?,
			O::TableCopy { dst_table, src_table } => {
				let from = self.array(*src_table)?;
				self.table_copy(*dst_table, from.at, from.size)?;
			}
			O::TableInit { elem_index, table } => {
				let Kept { at, left } = *self.writer.layout.elements.get(elem_index).ok_or_else(broken)?;
				self.table_copy(*table, at, left)?;
			}
			O::ElemDrop { elem_index } => {
				let Kept { left, .. } = *self.writer.layout.elements.get(elem_index).ok_or_else(broken)?;
				self.sink().i32_const(0).global_set(left);
			}
			_ => return Ok(false),
		}
		Ok(true)
	}

	/// Calls what a table has at the operand: beyond its end is what leads outside of the table of functions.
	pub fn call_indirect(&mut self, ty: u32, table: u32) -> Result<(), Reason> {
		let array = self.array(table)?;
		let (at, found) = (self.temporary(ValType::I32, 0), self.temporary(ValType::I64, 0));
		let wanted = self.writer.layout.ty(ty);
		self.sink()
			.local_tee(at)
			.i32_const(array.capacity as i32)
			.local_get(at)
			.global_get(array.size)
			.i32_lt_u()
			.select()
			.i32_const(SHIFT)
			.i32_shl()
			.i64_load(entry(array.at))
			.local_tee(found)
			// Neither null nor beyond the end, and of another type.
			.i64_const(0)
			.i64_gt_s()
			.local_get(found)
			.i64_const(32)
			.i64_shr_u()
			.i64_const(wanted)
			.i64_ne()
			.i32_and();
		self.trap_if(Trap::Signature);
		self.sink().local_get(found).i32_wrap_i64().call_indirect(0, ty);
		Ok(())
	}

	fn array(&self, table: u32) -> Result<Array, Reason> {
		self.writer
			.layout
			.tables
			.get(table as usize)
			.copied()
			.ok_or_else(broken)
	}

	/// Traps if a table has no entry with the number in a local.
	fn inside(&mut self, at: u32, array: Array) {
		self.sink().local_get(at).global_get(array.size).i32_ge_u();
		self.trap_if(Trap::Table);
	}

	/// The address of the entry with the number in a local.
	fn address(&mut self, base: u32, at: u32) {
		self.sink()
			.local_get(at)
			.i32_const(SHIFT)
			.i32_shl()
			.i32_const(base as i32)
			.i32_add();
	}

	fn table_grow(&mut self, table: u32) -> Result<(), Reason> {
		let Array { at, capacity, size } = self.array(table)?;
		let (more, value) = (self.temporary(ValType::I32, 0), self.temporary(ValType::I64, 0));
		let fill = self.writer.fill();
		self.sink()
			.local_set(more)
			.local_set(value)
			.global_get(size)
			.i64_extend_i32_u()
			.local_get(more)
			.i64_extend_i32_u()
			.i64_add()
			.i64_const(capacity.into())
			.i64_le_u()
			.if_(wasm_encoder::BlockType::Result(ValType::I32))
			.global_get(size)
			.i32_const(SHIFT)
			.i32_shl()
			.i32_const(at as i32)
			.i32_add()
			.local_get(more)
			.local_get(value)
			.call(fill)
			.global_get(size)
			.global_get(size)
			.local_get(more)
			.i32_add()
			.global_set(size)
			.else_()
			.i32_const(-1)
			.end();
		Ok(())
	}

	fn table_fill(&mut self, table: u32) -> Result<(), Reason> {
		let array = self.array(table)?;
		let [at, count] = [0, 1].map(|n| self.temporary(ValType::I32, n));
		let value = self.temporary(ValType::I64, 0);
		let fill = self.writer.fill();
		self.sink().local_set(count).local_set(value).local_set(at);
		self.ends_before(at, count, array.size);
		self.sink().i32_eqz();
		self.trap_if(Trap::Table);
		self.address(array.at, at);
		self.sink().local_get(count).local_get(value).call(fill);
		Ok(())
	}

	/// Copies entries from an array, whose length a global has, to a table.
	fn table_copy(&mut self, table: u32, source: u32, left: u32) -> Result<(), Reason> {
		let array = self.array(table)?;
		let [to, from, count] = [0, 1, 2].map(|n| self.temporary(ValType::I32, n));
		self.sink().local_set(count).local_set(from).local_set(to);
		self.ends_before(from, count, left);
		self.ends_before(to, count, array.size);
		self.sink().i32_and().i32_eqz();
		self.trap_if(Trap::Table);
		self.address(array.at, to);
		self.address(source, from);
		self.sink()
			.local_get(count)
			.i32_const(SHIFT)
			.i32_shl()
			.memory_copy(MEMORY, MEMORY);
		Ok(())
	}
}
