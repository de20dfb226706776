//! Blocks of 4 KiB: what a file contains, the list of a directory's entries, the hash table.
//!
//! A block table has no level (the only block, which may be smaller than others), one (1,024 blocks) or two (2^20).
//! What has no block is zero, or what the base of a file says. Within a block, everything beyond a file's end is zero.

use crate::{
	alloc::{class, size, BLOCK},
	errno::Result,
	host::Host,
	node::{field, Node},
	wasi::Wasi,
};

/// log2 of the bytes of a block.
pub(crate) const SHIFT: u32 = 12;
/// Bytes of a block.
pub(crate) const LEN: u32 = 1 << SHIFT;
/// log2 of the entries of a block table.
const FAN: u32 = 10;
/// Entries of a block table.
const ENTRIES: u32 = 1 << FAN;

impl<H: Host> Wasi<H> {
	/// A block's address and its bytes; 0 and the bytes of any other if there is none.
	pub(crate) fn block(&self, node: Node, index: u32) -> (u32, u32) {
		let table = self.get(node, field::TABLE);
		if table == 0 {
			return (0, LEN);
		}
		let block = match self.host.load8(node.0, field::LEVELS) {
			0 if index == 0 => return (table, size(self.host.load8(node.0, field::CLASS))),
			1 if index < ENTRIES => self.host.load32(table + 4 * index, 0),
			2 => match self.host.load32(table + 4 * (index >> FAN), 0) {
				0 => 0,
				table => self.host.load32(table + 4 * (index % ENTRIES), 0),
			},
			_ => 0,
		};
		(block, LEN)
	}

	/// Where the address of a block is or will be, in tables that are made for it.
	fn block_place(&mut self, node: Node, index: u32) -> Result<u32> {
		let mut levels = self.host.load8(node.0, field::LEVELS);
		while index >> (FAN * levels) > 0 {
			let old = self.get(node, field::TABLE);
			if levels == 0 && old != 0 {
				self.widen(node, BLOCK)?;
			}
			let table = self.allocate(BLOCK)?;
			let old = self.get(node, field::TABLE);
			self.host.store32(table, 0, old);
			self.set(node, field::TABLE, table);
			levels += 1;
			self.host.store8(node.0, field::LEVELS, levels);
		}
		let table = self.get(node, field::TABLE);
		match levels {
			0 => Ok(node.0 + field::TABLE),
			1 => Ok(table + 4 * index),
			_ => {
				let place = table + 4 * (index >> FAN);
				let table = match self.host.load32(place, 0) {
					0 => {
						let table = self.allocate(BLOCK)?;
						self.host.store32(place, 0, table);
						table
					}
					table => table,
				};
				Ok(table + 4 * (index % ENTRIES))
			}
		}
	}

	/// Gives the only block a larger class.
	fn widen(&mut self, node: Node, class: u32) -> Result<()> {
		let (old, old_class) = (self.get(node, field::TABLE), self.host.load8(node.0, field::CLASS));
		if old_class >= class {
			return Ok(());
		}
		let new = self.allocate(class)?;
		self.host.copy(new, old, size(old_class));
		self.free(old, old_class);
		self.set(node, field::TABLE, new);
		self.host.store8(node.0, field::CLASS, class);
		Ok(())
	}

	/// A block with room for so many bytes, and whether it is new. New ones are zero, unless they are whole and need not
	/// be `clear`. All of a node that needs only whole blocks are.
	#[inline(never)]
	pub(crate) fn block_for(
		&mut self,
		node: Node,
		index: u32,
		bytes: u32,
		whole: bool,
		clear: bool,
	) -> Result<(u32, bool)> {
		if index == 0 && self.host.load8(node.0, field::LEVELS) == 0 {
			let class = if whole { BLOCK } else { class(bytes) };
			let table = self.get(node, field::TABLE);
			if table != 0 {
				self.widen(node, class)?;
				return Ok((self.get(node, field::TABLE), false));
			}
			let new = self.piece(class, clear || class < BLOCK)?;
			self.set(node, field::TABLE, new);
			self.host.store8(node.0, field::CLASS, class);
			return Ok((new, true));
		}
		let place = self.block_place(node, index)?;
		match self.host.load32(place, 0) {
			0 => {
				let new = self.piece(BLOCK, clear)?;
				self.host.store32(place, 0, new);
				Ok((new, true))
			}
			block => Ok((block, false)),
		}
	}

	/// Frees the blocks from the `from`th to the `end`th, after which there are none.
	#[inline(never)]
	pub(crate) fn free_blocks(&mut self, node: Node, from: u32, end: u32) {
		let table = self.get(node, field::TABLE);
		if table == 0 {
			return;
		}
		match self.host.load8(node.0, field::LEVELS) {
			0 => {
				if from > 0 {
					return;
				}
				let class = self.host.load8(node.0, field::CLASS);
				self.free(table, class);
			}
			1 => {
				self.free_table(table, from, end);
				if from > 0 {
					return;
				}
			}
			_ => {
				for i in from >> FAN..ENTRIES {
					let inner = self.host.load32(table + 4 * i, 0);
					if inner != 0 {
						let first = from.saturating_sub(i << FAN);
						self.free_table(inner, first, end.saturating_sub(i << FAN));
						if first == 0 {
							self.host.store32(table + 4 * i, 0, 0);
						}
					}
				}
				if from > 0 {
					return;
				}
				self.free(table, BLOCK);
			}
		}
		self.set(node, field::TABLE, 0);
		self.host.store8(node.0, field::LEVELS, 0);
	}

	/// Frees the blocks of a table of the last level from the `from`th to the `end`th, and the table if that is all.
	fn free_table(&mut self, table: u32, from: u32, end: u32) {
		for i in from..end.min(ENTRIES) {
			let block = self.host.load32(table + 4 * i, 0);
			if block != 0 {
				self.free(block, BLOCK);
				self.host.store32(table + 4 * i, 0, 0);
			}
		}
		if from == 0 {
			self.free(table, BLOCK);
		}
	}
}
