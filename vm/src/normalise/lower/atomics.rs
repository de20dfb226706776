//! Atomic operations of a program with one thread: plain operations behind a check of the alignment.

use super::{code::Body, layout};
use crate::outcome::Trap;
use wasm_encoder::{InstructionSink, ValType};
use wasmparser::Operator;

/// What an atomic operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
	Load,
	Store,
	Add,
	Sub,
	And,
	Or,
	Xor,
	Exchange,
	CompareExchange,
	/// Wakes nobody, since nobody waits.
	Notify,
	/// Would wait for ever, so it traps.
	Wait,
	Fence,
}

/// An atomic operation: what it does with how many bytes as what type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atomic {
	action: Action,
	ty: ValType,
	bytes: u32,
	offset: u64,
}

macro_rules! atomics {
	($($action:ident: $($op:ident $ty:ident $bytes:literal),+;)*) => {
		/// The atomic operation that an instruction is.
		pub(super) fn of(op: &Operator<'_>) -> Option<Atomic> {
			let (action, ty, bytes, offset) = match op {
				$($(Operator::$op { memarg } => (Action::$action, ValType::$ty, $bytes, memarg.offset),)+)*
				Operator::AtomicFence { .. } => (Action::Fence, ValType::I32, 1, 0),
				_ => return None,
			};
			Some(Atomic { action, ty, bytes, offset })
		}
	};
}
atomics! {
	Load: I32AtomicLoad I32 4, I64AtomicLoad I64 8, I32AtomicLoad8U I32 1, I32AtomicLoad16U I32 2, I64AtomicLoad8U I64 1,
		I64AtomicLoad16U I64 2, I64AtomicLoad32U I64 4;
	Store: I32AtomicStore I32 4, I64AtomicStore I64 8, I32AtomicStore8 I32 1, I32AtomicStore16 I32 2,
		I64AtomicStore8 I64 1, I64AtomicStore16 I64 2, I64AtomicStore32 I64 4;
	Add: I32AtomicRmwAdd I32 4, I64AtomicRmwAdd I64 8, I32AtomicRmw8AddU I32 1, I32AtomicRmw16AddU I32 2,
		I64AtomicRmw8AddU I64 1, I64AtomicRmw16AddU I64 2, I64AtomicRmw32AddU I64 4;
	Sub: I32AtomicRmwSub I32 4, I64AtomicRmwSub I64 8, I32AtomicRmw8SubU I32 1, I32AtomicRmw16SubU I32 2,
		I64AtomicRmw8SubU I64 1, I64AtomicRmw16SubU I64 2, I64AtomicRmw32SubU I64 4;
	And: I32AtomicRmwAnd I32 4, I64AtomicRmwAnd I64 8, I32AtomicRmw8AndU I32 1, I32AtomicRmw16AndU I32 2,
		I64AtomicRmw8AndU I64 1, I64AtomicRmw16AndU I64 2, I64AtomicRmw32AndU I64 4;
	Or: I32AtomicRmwOr I32 4, I64AtomicRmwOr I64 8, I32AtomicRmw8OrU I32 1, I32AtomicRmw16OrU I32 2,
		I64AtomicRmw8OrU I64 1, I64AtomicRmw16OrU I64 2, I64AtomicRmw32OrU I64 4;
	Xor: I32AtomicRmwXor I32 4, I64AtomicRmwXor I64 8, I32AtomicRmw8XorU I32 1, I32AtomicRmw16XorU I32 2,
		I64AtomicRmw8XorU I64 1, I64AtomicRmw16XorU I64 2, I64AtomicRmw32XorU I64 4;
	Exchange: I32AtomicRmwXchg I32 4, I64AtomicRmwXchg I64 8, I32AtomicRmw8XchgU I32 1, I32AtomicRmw16XchgU I32 2,
		I64AtomicRmw8XchgU I64 1, I64AtomicRmw16XchgU I64 2, I64AtomicRmw32XchgU I64 4;
	CompareExchange: I32AtomicRmwCmpxchg I32 4, I64AtomicRmwCmpxchg I64 8, I32AtomicRmw8CmpxchgU I32 1,
		I32AtomicRmw16CmpxchgU I32 2, I64AtomicRmw8CmpxchgU I64 1, I64AtomicRmw16CmpxchgU I64 2,
		I64AtomicRmw32CmpxchgU I64 4;
	Notify: MemoryAtomicNotify I32 4;
	Wait: MemoryAtomicWait32 I32 4, MemoryAtomicWait64 I64 8;
}

impl Atomic {
	fn place(&self) -> wasm_encoder::MemArg {
		layout::place(0, self.offset, self.bytes)
	}

	fn load(&self, code: &mut InstructionSink<'_>) {
		let place = self.place();
		match (self.ty, self.bytes) {
			(ValType::I64, 8) => code.i64_load(place),
			(ValType::I64, 4) => code.i64_load32_u(place),
			(ValType::I64, 2) => code.i64_load16_u(place),
			(ValType::I64, _) => code.i64_load8_u(place),
			(_, 4) => code.i32_load(place),
			(_, 2) => code.i32_load16_u(place),
			_ => code.i32_load8_u(place),
		};
	}

	fn store(&self, code: &mut InstructionSink<'_>) {
		let place = self.place();
		match (self.ty, self.bytes) {
			(ValType::I64, 8) => code.i64_store(place),
			(ValType::I64, 4) => code.i64_store32(place),
			(ValType::I64, 2) => code.i64_store16(place),
			(ValType::I64, _) => code.i64_store8(place),
			(_, 4) => code.i32_store(place),
			(_, 2) => code.i32_store16(place),
			_ => code.i32_store8(place),
		};
	}

	/// What becomes of the old value, in a local, and the operand.
	fn combine(&self, code: &mut InstructionSink<'_>, old: u32, operand: u32) {
		let long = self.ty == ValType::I64;
		match self.action {
			Action::Exchange => _ = code.local_get(operand),
			action => {
				code.local_get(old).local_get(operand);
				match (action, long) {
					(Action::Add, true) => code.i64_add(),
					(Action::Add, false) => code.i32_add(),
					(Action::Sub, true) => code.i64_sub(),
					(Action::Sub, false) => code.i32_sub(),
					(Action::And, true) => code.i64_and(),
					(Action::And, false) => code.i32_and(),
					(Action::Or, true) => code.i64_or(),
					(Action::Or, false) => code.i32_or(),
					(_, true) => code.i64_xor(),
					(_, false) => code.i32_xor(),
				};
			}
		}
	}
}

impl Body<'_, '_> {
	pub fn atomic(&mut self, atomic: Atomic) {
		let at = self.temporary(ValType::I32, 0);
		let [operand, other, old] = [0, 1, 2].map(|n| match atomic.ty {
			ValType::I64 => (ValType::I64, n),
			_ => (ValType::I32, n + 1),
		});
		match atomic.action {
			Action::Fence => {}
			Action::Wait => _ = self.sink().unreachable(),
			Action::Load => {
				self.aligned(at, &atomic);
				atomic.load(&mut self.sink());
			}
			Action::Store => {
				let operand = self.temporary(operand.0, operand.1);
				self.sink().local_set(operand);
				self.aligned(at, &atomic);
				self.sink().local_get(operand);
				atomic.store(&mut self.sink());
			}
			Action::Notify => {
				self.sink().drop();
				self.aligned(at, &atomic);
				atomic.load(&mut self.sink());
				self.sink().drop().i32_const(0);
			}
			Action::CompareExchange => {
				let [new, expected, old] = [operand, other, old].map(|(ty, n)| self.temporary(ty, n));
				self.sink().local_set(new).local_set(expected);
				self.aligned(at, &atomic);
				let mut code = self.sink();
				atomic.load(&mut code);
				code.local_tee(old).local_get(expected);
				match atomic.ty {
					ValType::I64 => code.i64_eq(),
					_ => code.i32_eq(),
				};
				code.if_(wasm_encoder::BlockType::Empty).local_get(at).local_get(new);
				atomic.store(&mut code);
				code.end().local_get(old);
			}
			_ => {
				let [operand, old] = [operand, old].map(|(ty, n)| self.temporary(ty, n));
				self.sink().local_set(operand);
				self.aligned(at, &atomic);
				let mut code = self.sink();
				atomic.load(&mut code);
				code.local_set(old).local_get(at);
				atomic.combine(&mut code, old, operand);
				atomic.store(&mut code);
				code.local_get(old);
			}
		}
	}

	/// Keeps the address on the stack in a local too, and traps if it is not a multiple of what is accessed.
	fn aligned(&mut self, at: u32, atomic: &Atomic) {
		self.sink().local_set(at);
		if atomic.bytes > 1 {
			self.sink().local_get(at);
			let odd = (atomic.offset % u64::from(atomic.bytes)) as i32;
			if odd != 0 {
				self.sink().i32_const(odd).i32_add();
			}
			self.sink().i32_const(atomic.bytes as i32 - 1).i32_and();
			self.trap_if(Trap::Unaligned);
		}
		self.sink().local_get(at);
	}
}
