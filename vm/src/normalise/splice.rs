//! Puts a function together: its code, and between it what could be decided only at the end.

use super::{
	gas::{Head, Regions},
	module::cells,
	nan::{self, Node},
	vectors::{Mark, Solved},
	EXHAUSTED,
};
use wasm_encoder::{BlockType, Encode, InstructionSink, ValType};

/// What may have to be put between two instructions.
pub(super) enum Splice {
	/// A charge, if the region is not merged.
	Charge {
		/// The region.
		head: Head,
		/// How many constructs are open here.
		depth: u32,
	},
	/// The next instruction is the `br_if` that repeats a loop, which may carry the loop's charge.
	Repeat {
		/// The loop's region.
		head: Head,
		/// How many constructs are open here.
		depth: u32,
		/// The loop's label.
		label: u32,
		/// Where the instruction ends.
		end: usize,
	},
	/// The next instruction stores this float.
	Store { ty: ValType, node: Node },
	/// The next instruction makes an integer of this float.
	Reinterpret { ty: ValType, node: Node },
	/// The next instruction shows the top operand's bits.
	Top { ty: ValType, node: Node },
	/// The next instruction shows the bits of the top operands.
	Operands(Vec<(ValType, Mark)>),
	/// Something is made canonical, by the point's number.
	Point(usize),
}

/// A function that is being put together.
pub(super) struct Function {
	/// Its locals, without the parameters and counters.
	pub locals: Vec<(u32, ValType)>,
	/// The index of the next local.
	pub next: u32,
	/// Cells of all locals so far.
	pub cells: u64,
	/// Locals for intermediate values, by type and use.
	pub temporaries: Vec<(ValType, Vec<u32>)>,
	/// Which nodes of the flow of floats are tainted.
	pub tainted: Vec<bool>,
	/// What is known of vectors.
	pub vectors: Solved,
	/// The local with the gas.
	pub gas: u32,
	/// The code inside `$return`.
	pub code: Vec<u8>,
}

impl Function {
	/// Declares more locals.
	pub fn declare(&mut self, count: u32, ty: ValType) {
		self.locals.push((count, ty));
		self.next += count;
		self.cells += u64::from(count) * cells(&[ty]);
	}

	/// Whether an operand must be made canonical.
	pub fn is_needed(&self, mark: Mark) -> bool {
		match mark {
			Mark::Clean => false,
			Mark::Float(node) => self.is_tainted(node),
			Mark::Vector(node, rule) => self.vectors.needs(node, rule).is_some(),
		}
	}

	fn is_tainted(&self, node: Node) -> bool {
		self.tainted.get(node as usize).copied().unwrap_or(true)
	}

	/// A local for the n-th intermediate value of a type.
	fn temporary(&mut self, ty: ValType, n: usize) -> u32 {
		let known = self.temporaries.iter().find(|(known, _)| *known == ty);
		if let Some(index) = known.and_then(|(_, known)| known.get(n)) {
			return *index;
		}
		let index = self.next;
		self.declare(1, ty);
		match self.temporaries.iter_mut().find(|(known, _)| *known == ty) {
			Some((_, known)) => known.push(index),
			None => self.temporaries.push((ty, vec![index])),
		}
		index
	}

	/// Takes over code with everything that goes between it.
	pub fn splice(&mut self, code: &[u8], splices: &[(usize, Splice)], regions: &Regions) {
		let mut from = 0;
		for (at, splice) in splices {
			self.code.extend_from_slice(code.get(from..*at).unwrap_or_default());
			from = *at;
			match splice {
				Splice::Charge { head, depth } => charge(&mut self.code, self.gas, *depth, regions.charge(*head)),
				Splice::Repeat {
					head,
					depth,
					label,
					end,
				} => {
					let amount = regions.charge_at_end(*head);
					if amount > 0 {
						InstructionSink::new(&mut self.code).if_(BlockType::Empty);
						charge(&mut self.code, self.gas, depth + 1, amount);
						InstructionSink::new(&mut self.code).br(label + 1).end();
						from = *end;
					}
				}
				Splice::Store { ty, node } if self.is_tainted(*node) => {
					self.bits(*ty);
					// The integer's store, with the same offset and alignment.
					self.code.push(if *ty == ValType::F32 { 0x36 } else { 0x37 });
					from += 1;
				}
				Splice::Reinterpret { ty, node } if self.is_tainted(*node) => {
					self.bits(*ty);
					from += 1;
				}
				Splice::Top { ty, node } => self.operands(&[(*ty, Mark::Float(*node))]),
				Splice::Operands(operands) => self.operands(operands),
				Splice::Point(point) => self.point(*point),
				Splice::Store { .. } | Splice::Reinterpret { .. } => {}
			}
		}
		self.code.extend_from_slice(code.get(from..).unwrap_or_default());
	}

	/// Replaces the top operand by its canonical bits.
	fn bits(&mut self, ty: ValType) {
		let local = self.temporary(ty, 0);
		InstructionSink::new(&mut self.code).local_set(local);
		nan::bits(&mut self.code, ty, local);
	}

	/// Makes those of the top operands canonical that must be.
	pub fn operands(&mut self, operands: &[(ValType, Mark)]) {
		let Some(first) = operands.iter().position(|(_, mark)| self.is_needed(*mark)) else {
			return;
		};
		let mut places: Vec<(ValType, Mark, u32)> = Vec::new();
		for (ty, mark) in &operands[first..] {
			let n = places.iter().filter(|(known, ..)| known == ty).count();
			places.push((*ty, *mark, self.temporary(*ty, n)));
		}
		for (_, _, local) in places.iter().rev() {
			InstructionSink::new(&mut self.code).local_set(*local);
		}
		for (ty, mark, local) in places {
			self.put(ty, mark, local);
		}
	}

	/// The whole body: declarations, the first charge, with the check of the stack (in a local, for so many cells) if it
	/// calls anything, the code.
	pub fn finish(self, block: BlockType, stack: Option<(u32, u64)>, entry: u64) -> Vec<u8> {
		let mut out = Vec::with_capacity(self.code.len() + 64);
		self.locals.len().encode(&mut out);
		for (count, ty) in &self.locals {
			count.encode(&mut out);
			ty.encode(&mut out);
		}
		InstructionSink::new(&mut out).block(BlockType::Empty);
		match stack {
			Some((stack, need)) => check(&mut out, (self.gas, entry), (stack, need)),
			None => charge(&mut out, self.gas, 0, entry),
		}
		InstructionSink::new(&mut out).block(block);
		out.extend_from_slice(&self.code);
		InstructionSink::new(&mut out)
			.local_get(self.gas)
			.return_()
			.end()
			.local_get(self.gas)
			.call(EXHAUSTED)
			.unreachable()
			.end();
		out
	}
}

/// Takes amounts off both counters and branches out if one of them was too much: both are not negative before, so the
/// sign of the two together tells.
fn check(out: &mut Vec<u8>, (gas, amount): (u32, u64), (stack, need): (u32, u64)) {
	InstructionSink::new(out)
		.local_get(gas)
		.i64_const(i64::try_from(amount).unwrap_or(i64::MAX))
		.i64_sub()
		.local_tee(gas)
		.local_get(stack)
		.i64_const(i64::try_from(need).unwrap_or(i64::MAX))
		.i64_sub()
		.local_tee(stack)
		.i64_or()
		.i64_const(0)
		.i64_lt_s()
		.br_if(0);
}

/// Takes so much off the counter and branches to `$out` if that was too much.
pub(super) fn charge(out: &mut Vec<u8>, gas: u32, out_label: u32, amount: u64) {
	if amount == 0 {
		return;
	}
	InstructionSink::new(out)
		.local_get(gas)
		.i64_const(i64::try_from(amount).unwrap_or(i64::MAX))
		.i64_sub()
		.local_tee(gas)
		.i64_const(0)
		.i64_lt_s()
		.br_if(out_label);
}
