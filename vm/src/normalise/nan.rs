//! NaNs with the same bits everywhere.
//!
//! WebAssembly leaves open which NaN an arithmetic instruction gives; its deterministic profile says the canonical one.
//! The step machine gives that, a processor whatever it likes. Making every result canonical (as a compiler's option
//! does) doubles or quadruples the time of numeric code, so the normaliser makes canonical only what can be seen, in the
//! module itself and hence in both engines alike.
//!
//! A float is *clean* if its bits are the same in either engine, *tainted* if they may be others in case it is a NaN. Results of arithmetic, `promote` and `demote` are tainted; constants, loads, conversions from
//! integers and reinterpretations are clean; what only moves (`local.*`, `select`, blocks) or makes the sign positive, as
//! the canonical one is (`abs`), passes its operands' state on. Arithmetic, comparisons and conversions to integers treat
//! all NaNs alike, so nothing that differs gets out of a function except where bits become visible:
//!
//! - the operand of a store or of a reinterpretation to integers, the operands of `neg` and `copysign`;
//! - the operand of `global.set`, arguments of calls, results of functions.
//!
//! There a tainted operand is made canonical if it is a NaN. So memory, globals, parameters and results are always
//! clean, and by induction all integers, traps and branches are the same in both engines.
//!
//! Which operand is tainted is decided once the whole function was read: a local, or a block's result, counts as tainted
//! if something tainted goes into it anywhere. A NaN that is only copied keeps its bits as WebAssembly demands, with one
//! exception: where it shares a local or a block's result with results of arithmetic, it becomes canonical when it is
//! seen. (In programs that hide other things in NaNs, that is done with integers.)
//!
//! Vectors hold floats and integers alike, so what is only copied must stay: `vectors.rs` follows them more closely.

use super::vectors::is_vector;
use wasm_encoder::{InstructionSink, ValType};
use wasmparser::Operator;

/// A node of the flow of floats: [`CLEAN`], [`TAINTED`], a local, or where several flows meet.
pub(super) type Node = u32;
/// What is always clean, integers too.
pub(super) const CLEAN: Node = 0;
/// A result of arithmetic.
pub(super) const TAINTED: Node = 1;

/// The flow of floats through a function.
pub(super) struct Flow {
	nodes: u32,
	edges: Vec<(Node, Node)>,
	/// The operands on the stack.
	stack: Vec<Node>,
	/// How many of them are vectors.
	vectors: usize,
}

impl Flow {
	/// A function with so many locals.
	pub fn new(locals: u64) -> Self {
		Self {
			nodes: 2 + locals as u32,
			edges: Vec::new(),
			stack: Vec::new(),
			vectors: 0,
		}
	}

	/// How many operands on the stack are vectors.
	pub fn vectors(&self) -> usize {
		self.vectors
	}

	/// The operand so far below the top.
	pub fn operand(&self, below: usize) -> Node {
		let at = self.stack.len().checked_sub(1 + below);
		at.and_then(|at| self.stack.get(at)).copied().unwrap_or(CLEAN)
	}

	/// The top operands, the topmost last.
	pub fn top(&self, count: usize) -> &[Node] {
		&self.stack[self.stack.len().saturating_sub(count)..]
	}

	/// Takes operands off and puts some on, so that the stack has this height.
	pub fn replace(&mut self, height: usize, new: &[Node]) {
		let kept = height.saturating_sub(new.len());
		let gone = self.stack.get(kept..).unwrap_or_default();
		self.vectors -= gone.iter().filter(|node| is_vector(**node)).count();
		self.vectors += new.iter().filter(|node| is_vector(**node)).count();
		self.stack.resize(kept, CLEAN);
		self.stack.extend_from_slice(new);
	}

	/// Takes the top operand off.
	pub fn pop(&mut self) {
		self.replace(self.stack.len().saturating_sub(1), &[]);
	}

	/// Lets one number's node flow into another's.
	pub fn flow(&mut self, from: Node, to: Node) {
		if from != CLEAN && from != to && !is_vector(from) && !is_vector(to) {
			self.edges.push((from, to));
		}
	}

	/// A node into which others will flow; integers need none.
	pub fn meeting(&mut self, ty: ValType) -> Node {
		match ty {
			ValType::F32 | ValType::F64 => {
				self.nodes += 1;
				self.nodes - 1
			}
			_ => CLEAN,
		}
	}

	fn join(&mut self, one: Node, other: Node) -> Node {
		match (one, other) {
			(CLEAN, node) | (node, CLEAN) => node,
			(TAINTED, _) | (_, TAINTED) => TAINTED,
			(one, other) if one == other => one,
			(one, other) => {
				let node = self.meeting(ValType::F64);
				self.flow(one, node);
				self.flow(other, node);
				node
			}
		}
	}

	/// The node of a local.
	pub fn local(local: u32) -> Node {
		2 + local
	}

	/// Follows an instruction that names no local, function or label, after which the stack has this height.
	pub fn plain(&mut self, op: &Operator<'_>, height: usize) {
		use Operator as O;
		let result = match op {
			O::F32Abs | O::F64Abs => return,
			O::Select | O::TypedSelect { .. } => self.join(self.operand(1), self.operand(2)),
			op if arithmetic(op) => TAINTED,
			op if without_result(op) => return self.replace(height, &[]),
			_ => CLEAN,
		};
		self.replace(height, &[result]);
	}

	/// Which nodes are tainted at last.
	pub fn tainted(mut self) -> Vec<bool> {
		let mut tainted = vec![false; self.nodes as usize];
		self.edges.sort_unstable();
		let mut found = vec![TAINTED];
		while let Some(node) = found.pop() {
			let Some(known) = tainted.get_mut(node as usize) else {
				continue;
			};
			if std::mem::replace(known, true) {
				continue;
			}
			let first = self.edges.partition_point(|(from, _)| *from < node);
			let next = self.edges[first..].iter().take_while(|(from, _)| *from == node);
			found.extend(next.map(|(_, to)| *to));
		}
		tainted
	}
}

/// Whether the result is a NaN of unknown bits if it is a NaN.
fn arithmetic(op: &Operator<'_>) -> bool {
	use Operator as O;
	matches!(
		op,
		O::F32Ceil
			| O::F32Floor
			| O::F32Trunc
			| O::F32Nearest
			| O::F32Sqrt
			| O::F32Add
			| O::F32Sub
			| O::F32Mul
			| O::F32Div
			| O::F32Min
			| O::F32Max
			| O::F32DemoteF64
			| O::F64Ceil
			| O::F64Floor
			| O::F64Trunc
			| O::F64Nearest
			| O::F64Sqrt
			| O::F64Add
			| O::F64Sub
			| O::F64Mul
			| O::F64Div
			| O::F64Min
			| O::F64Max
			| O::F64PromoteF32
	)
}

fn without_result(op: &Operator<'_>) -> bool {
	use Operator as O;
	matches!(
		op,
		O::Nop
			| O::Drop | O::I32Store { .. }
			| O::I64Store { .. }
			| O::F32Store { .. }
			| O::F64Store { .. }
			| O::I32Store8 { .. }
			| O::I32Store16 { .. }
			| O::I64Store8 { .. }
			| O::I64Store16 { .. }
			| O::I64Store32 { .. }
			| O::MemoryCopy { .. }
			| O::MemoryFill { .. }
	)
}

/// What it costs to make a float canonical, at most.
pub(super) const COST: u64 = 10;

/// Turns the float in a local into its bits, canonical if it is a NaN. An integer `select` is a conditional move, a
/// float one a branch.
pub(super) fn bits(out: &mut Vec<u8>, ty: ValType, local: u32) {
	let mut code = InstructionSink::new(out);
	match ty {
		ValType::F32 => code
			.local_get(local)
			.i32_reinterpret_f32()
			.i32_const(0x7fc0_0000)
			.local_get(local)
			.local_get(local)
			.f32_eq()
			.select(),
		_ => code
			.local_get(local)
			.i64_reinterpret_f64()
			.i64_const(0x7ff8_0000_0000_0000)
			.local_get(local)
			.local_get(local)
			.f64_eq()
			.select(),
	};
}

/// Puts the float in a local on the stack, canonical if it is a NaN.
pub(super) fn canonical(out: &mut Vec<u8>, ty: ValType, local: u32) {
	bits(out, ty, local);
	let mut code = InstructionSink::new(out);
	match ty {
		ValType::F32 => code.f32_reinterpret_i32(),
		_ => code.f64_reinterpret_i64(),
	};
}
