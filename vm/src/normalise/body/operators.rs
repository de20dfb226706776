//! What becomes of each instruction.

use super::{broken, clean, Bytes, Rewriter, Set};
use crate::normalise::{
	cost, features,
	gas::Kind,
	module::{cells, numeric},
	splice::Splice,
	types,
	vectors::{constant, is_vector, Mark},
	Reason,
};
use wasm_encoder::{Encode, ValType};
use wasmparser::Operator;

impl Rewriter<'_> {
	/// Takes in the next instruction, which is valid.
	pub(super) fn operator(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Reason> {
		use Operator as O;
		if !self.live {
			match op {
				O::Block { blockty } | O::Loop { blockty } | O::If { blockty } => {
					self.block(*blockty, start)?;
					self.constructs += 1;
					self.skipped += 1;
				}
				O::End if self.skipped > 0 => self.skipped -= 1,
				O::Else if self.skipped > 0 => {}
				O::End | O::Else => self.live_operator(op, start, end)?,
				_ => accepted(op, start)?,
			}
			return Ok(());
		}
		self.instructions += 1;
		self.live_operator(op, start, end)
	}

	fn live_operator(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Reason> {
		use Operator as O;
		match op {
			O::Block { blockty } => self.enter(Kind::Block, *blockty, start, end)?,
			O::Loop { blockty } => self.enter(Kind::Loop, *blockty, start, end)?,
			O::If { blockty } => {
				self.regions.add(2);
				self.enter(Kind::Then, *blockty, start, end)?;
			}
			O::Else => {
				if self.live {
					self.fall_through();
				}
				self.copy(start, end)?;
				if let Some(frame) = self.frames.last_mut() {
					frame.kind = Kind::Else;
					self.flow.replace(frame.base + frame.entry.len(), &frame.entry);
					// The other arm begins with what there was before this one.
					for Set { local, entry, .. } in &frame.set {
						if let Some(value) = self.values.get_mut(*local as usize) {
							*value = *entry;
						}
					}
				}
				let head = self.regions.turn(self.live);
				self.live = true;
				self.head(head);
			}
			O::End => {
				if self.live {
					self.fall_through();
				}
				self.copy(start, end)?;
				if let Some(frame) = self.frames.pop() {
					self.results = self.close(frame);
				}
				let head = self.regions.leave(self.live);
				self.live = true;
				self.head(head);
			}
			O::Br { relative_depth } => {
				self.branch(*relative_depth, &[]);
				self.copy(start, end)?;
				self.live = false;
			}
			O::BrIf { relative_depth } => {
				self.flow.replace(self.height, &[]);
				let head = self.regions.repeat(*relative_depth);
				self.branch(*relative_depth, &[ValType::I32]);
				let at = self.code.len();
				self.copy(start, end)?;
				if let Some(head) = head {
					self.blocks += 2;
					let (depth, label) = (self.regions.depth() as u32, *relative_depth);
					let end = self.code.len();
					self.splices.push((
						at,
						Splice::Repeat {
							head,
							depth,
							label,
							end,
						},
					));
				}
				let head = self.regions.candidate();
				self.head(Some(head));
			}
			O::BrTable { targets } => {
				self.regions
					.add(4 + cost::branch(self.regions.operands(targets.default())));
				self.blocks += u64::from(targets.len());
				self.flow.pop();
				let targets = targets.targets().chain([Ok(targets.default())]);
				let mut labels = targets.collect::<Result<Vec<u32>, _>>()?;
				labels.sort_unstable();
				labels.dedup();
				self.flow_to(&labels, &[ValType::I32]);
				labels.iter().for_each(|label| self.regions.branch(*label));
				self.copy(start, end)?;
				self.live = false;
			}
			O::Return => {
				let label = (self.regions.depth() as u32).saturating_sub(1);
				self.branch(label, &[]);
				self.sink().br(label);
				self.live = false;
			}
			O::Unreachable => {
				self.regions.add(1);
				self.store_gas();
				self.sink().unreachable();
				self.live = false;
			}
			O::Call { function_index } => self.call(*function_index, start)?,
			O::CallIndirect {
				type_index,
				table_index,
			} => {
				let ty = self
					.layout
					.types
					.get(*type_index as usize)
					.ok_or_else(|| broken(start))?;
				let operands = ty.param_cells();
				self.regions.add(cost::call(operands + 3, true) + 3);
				self.regions.call();
				self.calls = true;
				self.uses_scratch = true;
				self.blocks += 1;
				let (gas, stack, place) = (self.gas(), self.stack(), self.scratch);
				let new_type = types::own(*type_index, self.layout.types.len());
				self.sink().local_set(place);
				self.flow.pop();
				self.visible_operands(&ty.params);
				self.sink()
					.local_get(gas)
					.local_get(stack)
					.local_get(place)
					.call_indirect(*table_index, new_type)
					.local_set(gas);
				self.flow.replace(self.height, &clean(&ty.results));
			}
			O::LocalGet { local_index } => {
				self.regions.add(self.width(*local_index));
				let index = self.local(*local_index);
				self.sink().local_get(index);
				self.flow.replace(self.height, &[self.value(*local_index)]);
			}
			O::LocalSet { local_index } => {
				self.regions.add(self.width(*local_index));
				let index = self.local(*local_index);
				self.sink().local_set(index);
				self.set_local(*local_index);
				self.flow.replace(self.height, &[]);
			}
			O::LocalTee { local_index } => {
				self.regions.add(2 * self.width(*local_index) - 1);
				let index = self.local(*local_index);
				self.sink().local_tee(index);
				self.set_local(*local_index);
			}
			O::GlobalGet { global_index } => {
				let ty = self.layout.globals.get(*global_index as usize);
				let ty = *ty.ok_or_else(|| broken(start))?;
				self.regions.add(cells(&[ty]));
				let index = self.layout.first_global + global_index;
				self.sink().global_get(index);
				self.flow.replace(self.height, &clean(&[ty]));
			}
			O::GlobalSet { global_index } => {
				let index = self.layout.first_global + global_index;
				let ty = self.layout.globals.get(*global_index as usize);
				let (ty, node) = (*ty.ok_or_else(|| broken(start))?, self.flow.operand(0));
				self.regions.add(cells(&[ty]));
				match ty {
					ValType::V128 => self.visible_operands(&[ty]),
					_ => self.visible(node, Splice::Top { ty, node }),
				}
				self.sink().global_set(index);
				self.flow.replace(self.height, &[]);
			}
			O::MemoryGrow { .. } => {
				self.memory_grow();
				self.flow.plain(op, self.height);
			}
			O::MemoryCopy { .. } | O::MemoryFill { .. } => {
				self.bulk_charge(Bytes::Copied);
				let memory = self.layout.memory;
				match op {
					// A module that was lowered names the second memory.
					O::MemoryCopy { dst_mem, src_mem } if memory == 0 => self.sink().memory_copy(*dst_mem, *src_mem),
					O::MemoryCopy { .. } => self.sink().memory_copy(memory, memory),
					_ => self.sink().memory_fill(memory),
				};
				self.flow.plain(op, self.height);
			}
			O::V128Const { value } => {
				self.regions.add(2);
				self.copy(start, end)?;
				self.flow.replace(self.height, &[constant(value.i128() as u128)]);
			}
			O::Select | O::TypedSelect { .. } if is_vector(self.flow.operand(1)) => {
				accepted(op, start)?;
				self.regions.add(1);
				self.passes(None, &[(ValType::I32, Mark::Clean)]);
				self.copy(start, end)?;
			}
			op if crate::vector::operation(op).is_some() => self.vector(op, start, end)?,
			op => {
				accepted(op, start)?;
				self.regions.add(cost::plain(op).unwrap_or(1));
				let node = self.flow.operand(0);
				match op {
					O::F32Store { .. } => self.visible(node, Splice::Store { ty: ValType::F32, node }),
					O::F64Store { .. } => self.visible(node, Splice::Store { ty: ValType::F64, node }),
					O::I32ReinterpretF32 => self.visible(node, Splice::Reinterpret { ty: ValType::F32, node }),
					O::I64ReinterpretF64 => self.visible(node, Splice::Reinterpret { ty: ValType::F64, node }),
					O::F32Neg => self.visible(node, Splice::Top { ty: ValType::F32, node }),
					O::F64Neg => self.visible(node, Splice::Top { ty: ValType::F64, node }),
					O::F32Copysign => self.visible_operands(&[ValType::F32; 2]),
					O::F64Copysign => self.visible_operands(&[ValType::F64; 2]),
					_ => {}
				}
				self.copy_plain(op, start, end)?;
				self.flow.plain(op, self.height);
			}
		}
		Ok(())
	}

	/// Copies an instruction; one that accesses the memory accesses the memory that the old module's became.
	fn copy_plain(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Reason> {
		let memory = self.layout.memory;
		if memory == 0 || !cost::accesses_memory(op) {
			return self.copy(start, end);
		}
		if let Operator::MemorySize { .. } = op {
			self.sink().memory_size(memory);
			return Ok(());
		}
		// The operation, the alignment with the mark of a memory's number, the number, the offset.
		self.copy(start, start + 2)?;
		if let Some(alignment) = self.code.last_mut() {
			*alignment |= 0x40;
		}
		memory.encode(&mut self.code);
		self.copy(start + 2, end)
	}
}

/// Refuses an instruction that is not accepted, even where it is never reached. What its operands are is not looked at.
pub(in crate::normalise) fn accepted(op: &Operator<'_>, offset: u64) -> Result<(), Reason> {
	use Operator as O;
	match op {
		O::Block { .. }
		| O::Loop { .. }
		| O::If { .. }
		| O::Else
		| O::End
		| O::Br { .. }
		| O::BrIf { .. }
		| O::BrTable { .. }
		| O::Return
		| O::Unreachable
		| O::Call { .. }
		| O::CallIndirect { .. }
		| O::MemoryGrow { .. }
		| O::MemoryCopy { .. }
		| O::MemoryFill { .. } => Ok(()),
		O::TypedSelect { ty } => numeric(*ty, offset).map(|_| ()),
		op if cost::plain(op).is_some() => Ok(()),
		op => Err(features::instruction(op, offset)),
	}
}
