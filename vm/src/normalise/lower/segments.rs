//! Passive data: it lies in the second memory, and a global says how long it is, 0 once it is dropped.

use super::{
	broken,
	code::Body,
	layout::{Kept, MEMORY},
	Reason,
};
use wasm_encoder::ValType;

impl Body<'_, '_> {
	/// Copies from a segment. What reaches outside of it becomes a copy from the end of the address space, which traps.
	pub fn memory_init(&mut self, segment: u32) -> Result<(), Reason> {
		let (from, length) = (self.temporary(ValType::I32, 0), self.temporary(ValType::I32, 1));
		let Kept { at, left } = *self.writer.layout.data.get(&segment).ok_or_else(broken)?;
		self.sink()
			.local_set(length)
			.local_set(from)
			.local_get(from)
			.i32_const(at as i32)
			.i32_add()
			.i32_const(-1);
		self.ends_before(from, length, left);
		self.sink().select().local_get(length).memory_copy(0, MEMORY);
		Ok(())
	}

	/// Whether a part, whose place and length are in locals, ends no later than a global says.
	pub fn ends_before(&mut self, from: u32, length: u32, left: u32) {
		self.sink()
			.local_get(from)
			.i64_extend_i32_u()
			.local_get(length)
			.i64_extend_i32_u()
			.i64_add()
			.global_get(left)
			.i64_extend_i32_u()
			.i64_le_u();
	}

	pub fn data_drop(&mut self, segment: u32) -> Result<(), Reason> {
		let Kept { left, .. } = *self.writer.layout.data.get(&segment).ok_or_else(broken)?;
		self.sink().i32_const(0).global_set(left);
		Ok(())
	}
}
