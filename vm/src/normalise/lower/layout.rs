//! Where in the second memory things lie, and which globals say what of them is left.

use super::{broken, references, shims, Kind, Plan, Reason, Value};
use crate::normalise::limits;
use std::collections::HashMap;
use wasm_encoder::{MemArg, MemArgTarget, ValType};

/// The second memory's number.
pub(super) const MEMORY: u32 = 1;
/// Entries that a table which grows may have beyond those at the start, if it does not say itself and there is room.
const GROWTH: u64 = 16_384;
/// Bytes of an entry.
pub(super) const ENTRY: u32 = 8;
/// What is behind the entries of a table: no function is there.
const BEHIND: i64 = -1;

/// The operand of an aligned access of a memory, of so many bytes.
pub(super) fn place(memory: u32, offset: u64, bytes: u32) -> MemArg {
	MemArg {
		offset,
		align: bytes.trailing_zeros(),
		target: MemArgTarget::Memory(memory),
		ordering: None,
	}
}

/// A segment that instructions name: where it lies, and the global that says how long it is, 0 once it is dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
	pub at: u32,
	pub left: u32,
}

/// A table as an array of numbers; one more entry than there can be is -1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
	pub at: u32,
	/// Entries that there can be.
	pub capacity: u32,
	/// The global that says how many there are.
	pub size: u32,
}

#[derive(Default, Debug)]
pub(super) struct Layout {
	/// Pages of the second memory; 0 if there is nothing in it.
	pub pages: u32,
	/// The global with the exception that is on its way, if there are any.
	pub thrown: Option<u32>,
	/// Types and first values of the globals that are added.
	pub globals: Vec<(ValType, i64)>,
	/// Data segments that instructions name.
	pub data: HashMap<u32, Kept>,
	/// Element segments that instructions name.
	pub elements: HashMap<u32, Kept>,
	pub tables: Vec<Array>,
	/// The functions that there are references to; their numbers are their places, from 1 on.
	pub functions: Vec<u32>,
	/// The number that stands for each of them.
	numbers: HashMap<u32, i64>,
	/// The number of each type: that of the first equal one, from 1 on.
	types: Vec<i64>,
}

impl Layout {
	pub fn new(plan: &Plan<'_>) -> Result<Self, Reason> {
		let mut layout = Self::default();
		let first = plan.globals.len() as u32;
		let global = |layout: &mut Self, ty, value| {
			layout.globals.push((ty, value));
			first + layout.globals.len() as u32 - 1
		};
		if plan.uses.exceptions {
			layout.thrown = Some(global(&mut layout, ValType::I64, 0));
		}
		// Behind what the system functions have, if there are any.
		let base = match plan.imported {
			0 => 0,
			_ => u64::from(shims::pages()) << 16,
		};
		let mut end = base;
		let mut take = |bytes: u64| {
			let at = end;
			end += bytes.next_multiple_of(ENTRY.into());
			at as u32
		};
		for number in &plan.named {
			let passive = plan.data.get(*number as usize).filter(|data| is_passive(data));
			let length = passive.map_or(0, |data| data.data.len());
			let at = take(length as u64);
			let left = global(&mut layout, ValType::I32, length as i64);
			layout.data.insert(*number, Kept { at, left });
		}
		if plan.uses.references {
			let initial: u64 = plan.tables.iter().map(|table| u64::from(table.initial)).sum();
			let mut room = limits::TABLE_ENTRIES.saturating_sub(initial);
			for table in &plan.tables {
				let initial = u64::from(table.initial);
				let wanted = match (table.grows, table.maximum) {
					(false, _) => 0,
					(true, Some(most)) => most.saturating_sub(initial),
					(true, None) => GROWTH,
				};
				let more = wanted.min(room);
				room -= more;
				let capacity = initial + more;
				let at = take((capacity + 1) * u64::from(ENTRY));
				let size = global(&mut layout, ValType::I32, table.initial.into());
				layout.tables.push(Array {
					at,
					capacity: capacity as u32,
					size,
				});
			}
			for number in &plan.initialisers {
				let passive = plan.segments.get(*number as usize);
				let length = passive
					.filter(|segment| segment.kind == Kind::Passive)
					.map_or(0, |segment| segment.values.len());
				let at = take(length as u64 * u64::from(ENTRY));
				let left = global(&mut layout, ValType::I32, length as i64);
				layout.elements.insert(*number, Kept { at, left });
			}
			layout.number(plan)?;
		}
		if plan.uses.references || !plan.named.is_empty() {
			let pages = end.div_ceil(1 << 16).max(1);
			limits::check("pages of memory for segments and tables", pages, limits::PAGES, 0)?;
			layout.pages = pages as u32;
		}
		Ok(layout)
	}

	/// The number of a type, which equal ones share.
	pub fn ty(&self, ty: u32) -> i64 {
		self.types.get(ty as usize).copied().unwrap_or(0)
	}

	/// Numbers types, and the functions that there are references to.
	fn number(&mut self, plan: &Plan<'_>) -> Result<(), Reason> {
		let mut first: HashMap<&wasmparser::FuncType, i64> = HashMap::new();
		for (ty, number) in plan.types.iter().zip(1..) {
			self.types.push(*first.entry(ty).or_insert(number));
		}
		let mut all = Vec::new();
		for (ty, expression) in &plan.globals {
			if let wasmparser::ValType::Ref(_) = ty.content_type {
				all.push(references::value(expression, 0)?);
			}
		}
		all.extend(plan.segments.iter().flat_map(|segment| segment.values.iter().copied()));
		all.extend(plan.referenced.iter().map(|function| Value::Function(*function)));
		for value in all {
			if let Value::Function(function) = value {
				if !self.numbers.contains_key(&function) {
					self.functions.push(function);
					let ty = plan.functions.get(function as usize).map_or(0, |ty| self.ty(*ty));
					self.numbers.insert(function, ty << 32 | self.functions.len() as i64);
				}
			}
		}
		Ok(())
	}

	/// The number that stands for a reference; that of null is 0.
	pub fn value(&self, value: Value) -> Result<i64, Reason> {
		match value {
			Value::Null => Ok(0),
			Value::Function(function) => self.numbers.get(&function).copied().ok_or_else(broken),
		}
	}

	/// What lies in the second memory at the start.
	pub fn contents(&self, plan: &Plan<'_>) -> Result<Vec<(u32, Vec<u8>)>, Reason> {
		let bytes = |values: &mut dyn Iterator<Item = i64>| values.flat_map(i64::to_le_bytes).collect::<Vec<u8>>();
		let mut contents = Vec::new();
		for (number, kept) in &self.data {
			if let Some(data) = plan.data.get(*number as usize).filter(|data| is_passive(data)) {
				contents.push((kept.at, data.data.to_vec()));
			}
		}
		let mut tables = Vec::new();
		for (table, array) in plan.tables.iter().zip(&self.tables) {
			let mut entries = vec![0; table.initial as usize];
			entries.resize(array.capacity as usize, 0);
			entries.push(BEHIND);
			tables.push(entries);
		}
		// Without references tables are what they were, and their segments go to them.
		let segments = plan.segments.iter().enumerate();
		for (index, segment) in segments.filter(|_| plan.uses.references) {
			let kept = self.elements.get(&(index as u32));
			if segment.kind == Kind::Declared || (segment.kind == Kind::Passive && kept.is_none()) {
				continue;
			}
			let numbers: Result<Vec<i64>, Reason> = segment.values.iter().map(|value| self.value(*value)).collect();
			let numbers = numbers?;
			match segment.kind {
				Kind::Active { table, at } => {
					let to = tables.get_mut(table as usize).and_then(|entries: &mut Vec<i64>| {
						let at = at as usize;
						entries.get_mut(at..at.checked_add(numbers.len())?)
					});
					to.ok_or_else(broken)?.copy_from_slice(&numbers);
				}
				_ => contents.extend(kept.map(|kept| (kept.at, bytes(&mut numbers.into_iter())))),
			}
		}
		for (entries, array) in tables.into_iter().zip(&self.tables) {
			contents.push((array.at, bytes(&mut entries.into_iter())));
		}
		contents.sort_unstable();
		Ok(contents)
	}
}

fn is_passive(data: &wasmparser::Data<'_>) -> bool {
	matches!(data.kind, wasmparser::DataKind::Passive)
}
