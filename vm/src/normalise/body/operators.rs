//! What becomes of each instruction.

use super::{broken, Rewriter};
use crate::normalise::{
	cost,
	gas::Kind,
	module::numeric,
	nan::{Flow, CLEAN},
	refused::shortened,
	splice::Splice,
	types, Refused,
};
use wasm_encoder::ValType;
use wasmparser::Operator;

impl Rewriter<'_> {
	/// Takes in the next instruction, which is valid.
	pub(super) fn operator(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Refused> {
		use Operator as O;
		if !self.live {
			match op {
				O::Block { blockty } | O::Loop { blockty } | O::If { blockty } => {
					self.block(*blockty, start)?;
					self.skipped += 1;
				}
				O::End if self.skipped > 0 => self.skipped -= 1,
				O::Else if self.skipped > 0 => {}
				O::End | O::Else => self.live_operator(op, start, end)?,
				_ => self.accepted(op, start)?,
			}
			return Ok(());
		}
		self.instructions += 1;
		self.live_operator(op, start, end)
	}

	/// Refuses what is not accepted even where it is never reached.
	fn accepted(&self, op: &Operator<'_>, offset: u64) -> Result<(), Refused> {
		use Operator as O;
		match op {
			O::Br { .. }
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
			op => Err(Refused::Feature {
				feature: name(op),
				offset,
			}),
		}
	}

	fn live_operator(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Refused> {
		use Operator as O;
		match op {
			O::Block { blockty } => self.enter(Kind::Block, *blockty, start, end)?,
			O::Loop { blockty } => self.enter(Kind::Loop, *blockty, start, end)?,
			O::If { blockty } => {
				self.regions.add(2);
				self.enter(Kind::Then, *blockty, start, end)?;
			}
			O::Else => {
				self.copy(start, end)?;
				if self.live {
					self.fall_through();
				}
				if let Some(frame) = self.frames.last_mut() {
					frame.kind = Kind::Else;
					self.flow.replace(frame.base + frame.entry.len(), &frame.entry);
				}
				let head = self.regions.turn(self.live);
				self.live = true;
				self.head(head);
			}
			O::End => {
				self.copy(start, end)?;
				if self.live {
					self.fall_through();
				}
				if let Some(frame) = self.frames.pop() {
					if frame.kind == Kind::Then {
						// Without an `else`, what comes in goes out.
						for (from, to) in frame.entry.iter().zip(&frame.results) {
							self.flow.flow(*from, *to);
						}
					}
					self.flow.replace(frame.base + frame.results.len(), &frame.results);
					self.results = frame.results;
				}
				let head = self.regions.leave(self.live);
				self.live = true;
				self.head(head);
			}
			O::Br { relative_depth } => {
				self.branch(*relative_depth);
				self.copy(start, end)?;
				self.live = false;
			}
			O::BrIf { relative_depth } => {
				self.flow.replace(self.height, &[]);
				self.branch(*relative_depth);
				self.copy(start, end)?;
				let head = self.regions.candidate();
				self.head(Some(head));
			}
			O::BrTable { targets } => {
				self.regions
					.add(4 + cost::branch(self.regions.operands(targets.default())));
				self.blocks += u64::from(targets.len());
				self.flow.pop();
				for target in targets.targets().chain([Ok(targets.default())]) {
					let target = target?;
					self.regions.branch(target);
					self.flow_to(target);
				}
				self.copy(start, end)?;
				self.live = false;
			}
			O::Return => {
				let label = (self.regions.depth() as u32).saturating_sub(1);
				self.branch(label);
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
				let operands = ty.params.len() as u64;
				self.regions.add(cost::call(operands + 3, true) + 3);
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
				self.flow.replace(self.height, &vec![CLEAN; ty.results.len()]);
			}
			O::LocalGet { local_index } => {
				self.regions.add(1);
				let index = self.local(*local_index);
				self.sink().local_get(index);
				self.flow.replace(self.height, &[Flow::local(*local_index)]);
			}
			O::LocalSet { local_index } => {
				self.regions.add(1);
				let index = self.local(*local_index);
				self.sink().local_set(index);
				self.flow.flow(self.flow.operand(0), Flow::local(*local_index));
				self.flow.replace(self.height, &[]);
			}
			O::LocalTee { local_index } => {
				self.regions.add(1);
				let index = self.local(*local_index);
				self.sink().local_tee(index);
				self.flow.flow(self.flow.operand(0), Flow::local(*local_index));
			}
			O::GlobalGet { global_index } => {
				self.regions.add(1);
				let index = self.layout.first_global + global_index;
				self.sink().global_get(index);
				self.flow.replace(self.height, &[CLEAN]);
			}
			O::GlobalSet { global_index } => {
				self.regions.add(1);
				let index = self.layout.first_global + global_index;
				let ty = self.layout.globals.get(*global_index as usize);
				let (ty, node) = (*ty.ok_or_else(|| broken(start))?, self.flow.operand(0));
				self.visible(node, Splice::Top { ty, node });
				self.sink().global_set(index);
				self.flow.replace(self.height, &[]);
			}
			O::MemoryGrow { .. } => {
				self.memory_grow();
				self.flow.plain(op, self.height);
			}
			O::MemoryCopy { .. } | O::MemoryFill { .. } => {
				self.bulk_charge();
				self.copy(start, end)?;
				self.flow.plain(op, self.height);
			}
			op => {
				self.accepted(op, start)?;
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
				self.copy(start, end)?;
				self.flow.plain(op, self.height);
			}
		}
		Ok(())
	}
}

/// What an instruction that is not accepted is called.
fn name(op: &Operator<'_>) -> String {
	use Operator as O;
	let known = match op {
		O::MemoryInit { .. } => "memory.init (passive data segments)",
		O::DataDrop { .. } => "data.drop (passive data segments)",
		O::TableInit { .. } => "table.init (passive element segments)",
		O::ElemDrop { .. } => "elem.drop (passive element segments)",
		O::TableCopy { .. } => "table.copy (changing tables)",
		O::TableFill { .. } => "table.fill (changing tables)",
		O::TableGet { .. } => "table.get (references as values)",
		O::TableSet { .. } => "table.set (changing tables)",
		O::TableGrow { .. } => "table.grow (changing tables)",
		O::TableSize { .. } => "table.size (changing tables)",
		O::RefNull { .. } => "ref.null (references as values)",
		O::RefIsNull => "ref.is_null (references as values)",
		O::RefFunc { .. } => "ref.func (references as values)",
		_ => "",
	};
	match known {
		"" => format!("the instruction {}", shortened(&format!("{op:?}"))),
		known => known.into(),
	}
}
