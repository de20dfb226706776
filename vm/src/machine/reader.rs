//! The regions for proofs.

use super::Machine;
use crate::{
	program::{cell_page, CELL_PAGE},
	state::Region,
	tree::{PageTree, PAGE_BYTES},
};

/// The regions for those who only look.
pub(crate) struct Reader<'a>(pub(super) &'a Machine);

impl Reader<'_> {
	/// A leaf of a region.
	pub fn leaf(&self, region: Region, leaf: u32) -> [u8; 32] {
		let page = self.page(region, leaf as usize / crate::tree::PAGE_LEAVES);
		let at = leaf as usize % crate::tree::PAGE_LEAVES * 32;
		core::array::from_fn(|n| page[at + n])
	}

	/// A page of a region.
	pub fn page(&self, region: Region, page: usize) -> [u8; PAGE_BYTES] {
		let machine = self.0;
		match region {
			Region::Code => crate::program::page_of_code(&machine.program.code, page),
			Region::Table => {
				let table = &machine.program.table;
				let start = (page * CELL_PAGE).min(table.len());
				cell_page(&table[start..(start + CELL_PAGE).min(table.len())])
			}
			Region::Globals => machine.globals.page(page),
			Region::Stack => machine.stack.page(page),
			Region::Frames => machine.frames.page(page),
			Region::Memory => machine.memory.page(page),
			Region::System => machine.system.page(page),
			Region::Input | Region::Image | Region::Setup => machine.supply.page(region, page),
			Region::Output => machine.output.page(page),
			Region::Errors => machine.errors.page(page),
		}
	}

	/// The tree of a region, current as of the last root.
	pub fn tree(&self, region: Region) -> &PageTree {
		let machine = self.0;
		match region {
			Region::Code => &machine.program.code_tree,
			Region::Table => &machine.program.table_tree,
			Region::Globals => &machine.globals.tree,
			Region::Stack => &machine.stack.tree,
			Region::Frames => &machine.frames.tree,
			Region::Memory => &machine.memory.tree,
			Region::System => &machine.system.tree,
			Region::Input | Region::Image | Region::Setup => machine.supply.tree(region),
			Region::Output => &machine.output.tree,
			Region::Errors => &machine.errors.tree,
		}
	}
}
