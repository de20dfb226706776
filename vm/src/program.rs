//! A program as the step machine runs it.

use crate::{
	hash::{Blake2, Hash},
	op::Instr,
	pages::{Page, Pages},
	state::Region,
	task::{Blob, ProgramRoots},
	tree::{page_hash, PageTree, Zeros, PAGE_BYTES},
	VERSION,
};
use std::collections::BTreeMap;

/// A program in flat code. Made only from a normalised module.
#[derive(Debug)]
pub struct Program {
	pub(crate) code: Vec<Instr>,
	pub(crate) table: Vec<u64>,
	pub(crate) globals: Pages,
	/// The pages of the memory that data lies on at the start.
	pub(crate) memory: Pages,
	/// The same of the system functions' memory.
	pub(crate) system: Pages,
	pub(crate) code_tree: PageTree,
	pub(crate) table_tree: PageTree,
	pub(crate) globals_tree: PageTree,
	pub(crate) memory_tree: PageTree,
	pub(crate) system_tree: PageTree,
	pub(crate) zeros: Zeros,
	/// Functions that hosts of tests may call: name, place, parameters, results.
	pub(crate) exports: Vec<Export>,
	roots: ProgramRoots,
}

/// A function that a test suite may call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
	/// Its name.
	pub name: String,
	/// Where it starts.
	pub pc: u32,
	/// How many parameters it takes.
	pub params: u32,
	/// How many results it gives.
	pub results: u32,
}

/// The parts of a program.
#[derive(Default)]
pub(crate) struct Parts {
	pub code: Vec<Instr>,
	pub table: Vec<u64>,
	pub globals: Vec<u64>,
	pub memory: BTreeMap<u32, Box<Page>>,
	pub system: BTreeMap<u32, Box<Page>>,
	pub entry: u32,
	pub pages: u32,
	pub max_pages: u32,
	pub system_pages: u32,
	pub exports: Vec<Export>,
}

impl Program {
	/// Hashes the parts. `None` if one is larger than its region.
	pub(crate) fn new(parts: Parts) -> Option<Self> {
		let Parts {
			code,
			table,
			globals,
			memory,
			system,
			entry,
			pages,
			max_pages,
			system_pages,
			exports,
		} = parts;
		let fits = |cells: usize, region: Region| cells as u64 <= region.cells();
		let inside = |memory: &BTreeMap<u32, Box<Page>>, pages: u32| {
			let last = memory.keys().next_back();
			last.is_none_or(|page| u64::from(*page) * (PAGE_BYTES as u64) < u64::from(pages) * crate::step::PAGE)
		};
		if !fits(code.len() * 2, Region::Code)
			|| !fits(table.len(), Region::Table)
			|| !fits(globals.len(), Region::Globals)
			|| !inside(&memory, pages)
			|| !inside(&system, system_pages)
		{
			return None;
		}
		let zeros = Zeros::new::<Blake2>();
		let pages_of =
			|memory: BTreeMap<u32, Box<Page>>| Pages::uncounted(memory.into_iter().map(|(at, page)| (at, *page)));
		let (memory, system) = (pages_of(memory), pages_of(system));
		let globals = Pages::uncounted((0..).zip(globals.chunks(CELL_PAGE).map(cell_page)));
		let code_tree = tree_of(Region::Code, code.chunks(CODE_PAGE).map(code_page), &zeros);
		let table_tree = tree_of(Region::Table, table.chunks(CELL_PAGE).map(cell_page), &zeros);
		let globals_tree = tree_of_shared(Region::Globals, &globals, &zeros);
		let memory_tree = tree_of_shared(Region::Memory, &memory, &zeros);
		let system_tree = tree_of_shared(Region::System, &system, &zeros);
		let roots = ProgramRoots {
			entry,
			pages,
			max_pages,
			system_pages,
			code: code_tree.root(),
			table: table_tree.root(),
			globals: globals_tree.root(),
			memory: memory_tree.root(),
			system: system_tree.root(),
		};
		Some(Self {
			code,
			table,
			globals,
			memory,
			system,
			code_tree,
			table_tree,
			globals_tree,
			memory_tree,
			system_tree,
			zeros,
			exports,
			roots,
		})
	}

	/// What the chain knows of it.
	pub fn roots(&self) -> &ProgramRoots {
		&self.roots
	}

	/// What the chain calls it by, if it was made from this module.
	pub fn id(&self, module: &Blob) -> Hash {
		self.roots.id::<Blake2>(VERSION, module)
	}

	/// Its instructions.
	pub fn code(&self) -> &[Instr] {
		&self.code
	}

	/// The functions that a test suite may call.
	pub fn exports(&self) -> &[Export] {
		&self.exports
	}
}

/// Cells in a page.
pub(crate) const CELL_PAGE: usize = PAGE_BYTES / 8;
/// Instructions in a page.
const CODE_PAGE: usize = PAGE_BYTES / Instr::SIZE;

fn tree_of(region: Region, pages: impl Iterator<Item = Page>, zeros: &Zeros) -> PageTree {
	let mut tree = PageTree::new(region.depth(), zeros);
	tree.update(pages.map(|page| page_hash(&page, zeros)).enumerate());
	tree
}

fn tree_of_shared(region: Region, pages: &Pages, zeros: &Zeros) -> PageTree {
	let mut tree = PageTree::new(region.depth(), zeros);
	tree.update(pages.iter().map(|(page, shared)| (*page as usize, shared.hash(zeros))));
	tree
}

/// A page of cells.
pub(crate) fn cell_page(cells: &[u64]) -> [u8; PAGE_BYTES] {
	let mut page = [0; PAGE_BYTES];
	for (place, cell) in page.chunks_exact_mut(8).zip(cells) {
		place.copy_from_slice(&cell.to_le_bytes());
	}
	page
}

fn code_page(code: &[Instr]) -> [u8; PAGE_BYTES] {
	let cells: Vec<u64> = code.iter().flat_map(|instr| instr.to_cells()).collect();
	cell_page(&cells)
}

/// The page of code, for proofs.
pub(crate) fn page_of_code(code: &[Instr], page: usize) -> [u8; PAGE_BYTES] {
	let start = (page * CODE_PAGE).min(code.len());
	code_page(&code[start..(start + CODE_PAGE).min(code.len())])
}
