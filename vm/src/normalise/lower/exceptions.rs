//! Exceptions as a global and branches.
//!
//! An exception is a number of 64 bits: its tag's, from 1 on, in the lower half, what it carries in the upper; 0 is
//! none. What was thrown lies in a global. After each call the function looks at it, and if there is something branches
//! to where the innermost `try` around the call dispatches, or out of the function, returning anything:
//!
//! ```text
//! (block $out                     ;; of a function
//!   (block $body (result R..)
//!     .. (call $f) (br_if $dispatch (i32.wrap_i64 (global.get $thrown))) ..)
//!   (return))
//! (const 0)..
//!
//! (block $done (result R..)       ;; a try_table
//!   (block $dispatch
//!     .. (br $done))
//!   (if (i32.eq (i32.wrap_i64 (global.get $thrown)) (i32.const tag)) (then
//!     what it carries, itself, (global.set $thrown (i64.const 0)) (br $label))) ..
//!   (br $outer))
//! ```
//!
//! What is called from outside looks last, and traps. Whatever throws is a function of the program's own.

use super::{
	broken,
	code::{Body, Frame, What},
	feature, Reason, ValType,
};
use crate::outcome::{Status, Trap};
use wasm_encoder::InstructionSink;
use wasmparser::{BlockType, Catch, FuncType, TryTable};

/// Temporaries from here on hold what handlers inside each other handle.
const HANDLED: u32 = 8;

/// Whether exceptions of a tag carry a number. More than one of 32 bits is not accepted.
pub(in crate::normalise) fn carries(ty: Option<&FuncType>, offset: u64) -> Result<bool, Reason> {
	match ty.map(|ty| ty.params()) {
		Some([]) => Ok(false),
		Some([wasmparser::ValType::I32]) => Ok(true),
		_ => Err(feature("exceptions that carry more than one i32", offset)),
	}
}

/// The body of a function that calls another one for whoever is outside, and traps if that throws.
pub(super) fn outermost(function: u32, params: u32, thrown: u32, halt: u32) -> Vec<u8> {
	let mut body = vec![0];
	let mut code = InstructionSink::new(&mut body);
	for param in 0..params {
		code.local_get(param);
	}
	code.call(function)
		.global_get(thrown)
		.i32_wrap_i64()
		.if_(wasm_encoder::BlockType::Empty);
	trap(&mut code, halt, Trap::Uncaught);
	code.end().end();
	body
}

/// Ends the run.
pub(super) fn trap(code: &mut InstructionSink<'_>, halt: u32, trap: Trap) {
	code.i32_const(Status::Trap as i32)
		.i32_const(trap as i32)
		.call(halt)
		.unreachable();
}

impl Body<'_, '_> {
	fn thrown(&self) -> Result<u32, Reason> {
		self.writer.layout.thrown.ok_or_else(broken)
	}

	/// Ends the run if the operand is not zero.
	pub fn trap_if(&mut self, kind: Trap) {
		let halt = self.writer.halt();
		let mut code = self.sink();
		code.if_(wasm_encoder::BlockType::Empty);
		trap(&mut code, halt, kind);
		code.end();
	}

	/// Branches to the innermost handler.
	fn unwind(&mut self) {
		let label = self.to(self.handler());
		self.sink().br(label);
	}

	/// Looks, after a call, whether something was thrown.
	pub fn look(&mut self) -> Result<(), Reason> {
		if self.throws {
			let (thrown, label) = (self.thrown()?, self.to(self.handler()));
			self.sink().global_get(thrown).i32_wrap_i64().br_if(label);
		}
		Ok(())
	}

	pub fn throw(&mut self, tag: u32) -> Result<(), Reason> {
		let thrown = self.thrown()?;
		let number = i64::from(tag) + 1;
		match self.writer.plan.tags.get(tag as usize) {
			Some(true) => self
				.sink()
				.i64_extend_i32_u()
				.i64_const(32)
				.i64_shl()
				.i64_const(number)
				.i64_or()
				.global_set(thrown),
			_ => self.sink().i64_const(number).global_set(thrown),
		};
		self.unwind();
		self.die();
		Ok(())
	}

	pub fn throw_ref(&mut self) -> Result<(), Reason> {
		let thrown = self.thrown()?;
		self.sink()
			.global_set(thrown)
			.global_get(thrown)
			.i32_wrap_i64()
			.i32_eqz();
		self.trap_if(Trap::Null);
		self.unwind();
		self.die();
		Ok(())
	}

	/// Opens the two blocks of a `try`. The label of its dispatch.
	fn open_try(&mut self, ty: BlockType) -> Result<u32, Reason> {
		let params = match ty {
			BlockType::FuncType(index) => self.writer.types.get(index as usize).map(|ty| ty.params.clone()),
			_ => None,
		};
		let inner = match params.unwrap_or_default() {
			params if params.is_empty() => wasm_encoder::BlockType::Empty,
			params => wasm_encoder::BlockType::FunctionType(self.writer.ty(&params, &[])),
		};
		let outer = self.block(ty)?;
		self.sink().block(outer).block(inner);
		self.open += 2;
		Ok(self.open - 1)
	}

	pub fn try_table(&mut self, table: &TryTable) -> Result<(), Reason> {
		let dispatch = self.open_try(table.ty)?;
		self.frames.push(Frame {
			label: dispatch - 1,
			handler: dispatch,
			handled: self.handled(),
			what: What::Table {
				catches: table.catches.clone(),
			},
		});
		Ok(())
	}

	/// Closes the inner block of a `try` whose body is at its end.
	fn close_body(&mut self) {
		// To the end of it all.
		self.sink().br(1).end();
		self.open -= 1;
	}

	pub fn end_of_table(&mut self, catches: &[Catch]) -> Result<(), Reason> {
		self.close_body();
		let thrown = self.thrown()?;
		for catch in catches {
			let (tag, label, reference) = match *catch {
				Catch::One { tag, label } => (Some(tag), label, false),
				Catch::OneRef { tag, label } => (Some(tag), label, true),
				Catch::All { label } => (None, label, false),
				Catch::AllRef { label } => (None, label, true),
			};
			// Labels are those around the `try_table`.
			let label = self.frame(label)?.label;
			if let Some(tag) = tag {
				self.is(tag, thrown);
				self.sink().if_(wasm_encoder::BlockType::Empty);
				self.open += 1;
			}
			self.carried(tag, thrown);
			let label = self.to(label);
			if reference {
				self.sink().global_get(thrown);
			}
			self.sink().i64_const(0).global_set(thrown).br(label);
			if tag.is_some() {
				self.sink().end();
				self.open -= 1;
			}
		}
		self.unwind();
		self.sink().end();
		self.open -= 1;
		Ok(())
	}

	/// Whether what was thrown is of a tag.
	fn is(&mut self, tag: u32, thrown: u32) {
		self.sink()
			.global_get(thrown)
			.i32_wrap_i64()
			.i32_const(tag.wrapping_add(1) as i32)
			.i32_eq();
	}

	/// What it carries, if exceptions of its tag carry anything.
	fn carried(&mut self, tag: Option<u32>, thrown: u32) {
		if tag.and_then(|tag| self.writer.plan.tags.get(tag as usize)) == Some(&true) {
			self.sink().global_get(thrown).i64_const(32).i64_shr_u().i32_wrap_i64();
		}
	}

	pub fn try_(&mut self, ty: BlockType) -> Result<(), Reason> {
		let dispatch = self.open_try(ty)?;
		self.frames.push(Frame {
			label: dispatch - 1,
			handler: dispatch,
			handled: self.handled(),
			what: What::Try,
		});
		Ok(())
	}

	/// A handler of a `try`: the body, or the handler before it, ends, and this one is a block that is left if the tag is
	/// another one.
	pub fn catch(&mut self, tag: Option<u32>) -> Result<(), Reason> {
		let thrown = self.thrown()?;
		let Frame { label, .. } = self.frames.pop().ok_or_else(broken)?;
		// The end of the `try` is around the body's block as around that of each handler.
		self.close_body();
		let handled = self.handled();
		let exception = self.temporary(ValType::I64, HANDLED + handled);
		self.sink().block(wasm_encoder::BlockType::Empty);
		self.open += 1;
		if let Some(tag) = tag {
			self.is(tag, thrown);
			self.sink().i32_eqz().br_if(0);
		}
		self.sink().global_get(thrown).local_set(exception);
		self.carried(tag, thrown);
		self.sink().i64_const(0).global_set(thrown);
		self.frames.push(Frame {
			label,
			handler: self.handler(),
			handled: handled + 1,
			what: What::Caught {
				exception,
				all: tag.is_none(),
			},
		});
		Ok(())
	}

	/// The end of the last handler: what none of them took goes on.
	pub fn end_of_catch(&mut self, all: bool) {
		self.close_body();
		match all {
			true => _ = self.sink().unreachable(),
			false => self.unwind(),
		}
		self.sink().end();
		self.open -= 1;
	}

	/// The end of a `try` without handlers.
	pub fn end_of_try(&mut self) {
		self.close_body();
		self.unwind();
		self.sink().end();
		self.open -= 1;
	}

	/// The end of a `try` whose exceptions are those of another construct around it.
	pub fn delegate(&mut self, depth: u32) -> Result<(), Reason> {
		self.frames.pop();
		self.close_body();
		let label = self.to(self.frame(depth)?.handler);
		self.sink().br(label).end();
		self.open -= 1;
		Ok(())
	}

	pub fn rethrow(&mut self, depth: u32) -> Result<(), Reason> {
		let What::Caught { exception, .. } = self.frame(depth)?.what else {
			return Err(broken());
		};
		let thrown = self.thrown()?;
		self.sink().local_get(exception).global_set(thrown);
		self.unwind();
		self.die();
		Ok(())
	}
}
