//! A program as the step machine runs it.

use crate::{
	data::DataTree,
	hash::{tag, Blake2, Hash, Hasher},
	op::Instr,
	state::{Header, Limits, Region, Registers},
	tree::{PageTree, Zeros, PAGE_BYTES},
	MAX_PAGES, VERSION,
};
#[cfg(feature = "std")]
use alloc::collections::BTreeMap;
use alloc::{boxed::Box, vec, vec::Vec};

/// What the chain knows of a program. [`ProgramRoots::root`] is what it is called by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProgramRoots {
	/// Where it starts.
	pub entry: u32,
	/// Pages of memory at the start.
	pub pages: u32,
	/// Pages to which its memory may grow, whatever the job allows.
	pub max_pages: u32,
	/// The root of [`Region::Code`].
	pub code: Hash,
	/// The root of [`Region::Table`].
	pub table: Hash,
	/// The root of [`Region::Globals`] at the start.
	pub globals: Hash,
	/// The root of [`Region::Memory`] at the start.
	pub memory: Hash,
}

impl ProgramRoots {
	/// `H(PROGRAM | version | entry | pages | max pages | code | table | globals | memory)`.
	pub fn root<H: Hasher>(&self) -> Hash {
		let mut bytes = vec![tag::PROGRAM, VERSION];
		for word in [self.entry, self.pages, self.max_pages] {
			bytes.extend_from_slice(&word.to_le_bytes());
		}
		for root in [&self.code, &self.table, &self.globals, &self.memory] {
			bytes.extend_from_slice(root);
		}
		H::hash(&bytes)
	}

	/// The first state of a run. `None` if the program starts with more memory than the task may use, or than there are
	/// addresses for. Nobody needs to have seen the program: whatever roots it claims, every step can be proven.
	pub fn first<H: Hasher>(&self, input: &InputRoot, limits: &Limits) -> Option<Header> {
		let most = limits.memory_pages.min(MAX_PAGES);
		if self.pages > most {
			return None;
		}
		let zeros = Zeros::new::<H>();
		let mut roots = Region::ALL.map(|region| *zeros.of(region.depth()));
		roots[Region::Code as usize] = self.code;
		roots[Region::Table as usize] = self.table;
		roots[Region::Globals as usize] = self.globals;
		roots[Region::Memory as usize] = self.memory;
		roots[Region::Input as usize] = input.tree;
		Some(Header {
			registers: Registers {
				pc: self.entry,
				sp: 0,
				fp: 0,
				depth: 0,
				pages: self.pages,
				max_pages: self.max_pages.min(most),
				input_len: input.len,
				output_words: 0,
				output_max: limits.output,
				gas: i64::try_from(limits.gas).unwrap_or(i64::MAX),
				gas_limit: limits.gas,
				seed: limits.seed,
			},
			roots,
		})
	}
}

/// What the chain knows of a task's input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InputRoot {
	/// Its length in bytes.
	pub len: u32,
	/// The root of its zero-padded tree.
	pub tree: Hash,
}

impl InputRoot {
	/// `H(INPUT | version | length | seed | tree)`: what a task is called by.
	pub fn root<H: Hasher>(&self, seed: &[u8; 32]) -> Hash {
		let mut bytes = vec![tag::INPUT, VERSION];
		bytes.extend_from_slice(&self.len.to_le_bytes());
		bytes.extend_from_slice(seed);
		bytes.extend_from_slice(&self.tree);
		H::hash(&bytes)
	}
}

/// A task's input with its tree.
#[derive(Debug)]
pub struct Input {
	bytes: Vec<u8>,
	tree: DataTree,
}

impl Input {
	/// Hashes the input. `None` if it is longer than [`MAX_INPUT`](crate::MAX_INPUT).
	pub fn new(bytes: Vec<u8>) -> Option<Self> {
		if bytes.len() as u64 > crate::MAX_INPUT.into() {
			return None;
		}
		let tree = DataTree::new(&bytes)?;
		Some(Self { bytes, tree })
	}

	/// The bytes.
	pub fn bytes(&self) -> &[u8] {
		&self.bytes
	}

	/// What the chain knows of it.
	pub fn root(&self) -> InputRoot {
		InputRoot {
			len: self.bytes.len() as u32,
			tree: self.tree().root(),
		}
	}

	pub(crate) fn tree(&self) -> &PageTree {
		self.tree.tree()
	}

	#[inline(always)]
	pub(crate) fn word(&self, word: u32) -> u64 {
		let at = word as usize * 8;
		match self.bytes.get(at..at + 8) {
			Some(bytes) => u64::from_le_bytes(core::array::from_fn(|n| bytes[n])),
			None => u64::from_le_bytes(core::array::from_fn(|n| self.bytes.get(at + n).copied().unwrap_or(0))),
		}
	}

	pub(crate) fn page(&self, page: usize) -> [u8; PAGE_BYTES] {
		let start = (page * PAGE_BYTES).min(self.bytes.len());
		padded(&self.bytes[start..(start + PAGE_BYTES).min(self.bytes.len())])
	}
}

/// A program in flat code. Made only from a normalised module.
#[derive(Debug)]
pub struct Program {
	pub(crate) code: Vec<Instr>,
	pub(crate) table: Vec<u64>,
	pub(crate) globals: Vec<u64>,
	/// The pages of the memory that data lies on at the start, in order.
	pub(crate) memory: Vec<(u32, Box<Page>)>,
	pub(crate) code_tree: PageTree,
	pub(crate) table_tree: PageTree,
	pub(crate) globals_tree: PageTree,
	pub(crate) memory_tree: PageTree,
	pub(crate) zeros: Zeros,
	/// Functions that hosts of tests may call: name, place, parameters, results.
	pub(crate) exports: Vec<Export>,
	roots: ProgramRoots,
}

/// A function that a test suite may call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
	/// Its name.
	pub name: alloc::string::String,
	/// Where it starts.
	pub pc: u32,
	/// How many parameters it takes.
	pub params: u32,
	/// How many results it gives.
	pub results: u32,
}

/// The parts of a program.
#[cfg(feature = "std")]
#[derive(Default)]
pub(crate) struct Parts {
	pub code: Vec<Instr>,
	pub table: Vec<u64>,
	pub globals: Vec<u64>,
	pub memory: BTreeMap<u32, Box<Page>>,
	pub entry: u32,
	pub pages: u32,
	pub max_pages: u32,
	pub exports: Vec<Export>,
}

impl Program {
	/// Hashes the parts. `None` if one is larger than its region.
	#[cfg(feature = "std")]
	pub(crate) fn new(parts: Parts) -> Option<Self> {
		let Parts {
			code,
			table,
			globals,
			memory,
			entry,
			pages,
			max_pages,
			exports,
		} = parts;
		let fits = |cells: usize, region: Region| cells as u64 <= region.cells();
		if !fits(code.len() * 2, Region::Code)
			|| !fits(table.len(), Region::Table)
			|| !fits(globals.len(), Region::Globals)
			|| memory
				.keys()
				.any(|page| u64::from(*page) * PAGE_BYTES as u64 >= u64::from(pages) * crate::step::PAGE)
		{
			return None;
		}
		let memory: Vec<_> = memory.into_iter().collect();
		let zeros = Zeros::new::<Blake2>();
		let code_tree = tree_of(Region::Code, code.chunks(CODE_PAGE).map(code_page).enumerate(), &zeros);
		let table_tree = tree_of(
			Region::Table,
			table.chunks(CELL_PAGE).map(cell_page).enumerate(),
			&zeros,
		);
		let globals_tree = tree_of(
			Region::Globals,
			globals.chunks(CELL_PAGE).map(cell_page).enumerate(),
			&zeros,
		);
		let memory_tree = tree_of(
			Region::Memory,
			memory.iter().map(|(page, bytes)| (*page as usize, **bytes)),
			&zeros,
		);
		let roots = ProgramRoots {
			entry,
			pages,
			max_pages,
			code: code_tree.root(),
			table: table_tree.root(),
			globals: globals_tree.root(),
			memory: memory_tree.root(),
		};
		Some(Self {
			code,
			table,
			globals,
			memory,
			code_tree,
			table_tree,
			globals_tree,
			memory_tree,
			zeros,
			exports,
			roots,
		})
	}

	/// What the chain knows of it.
	pub fn roots(&self) -> &ProgramRoots {
		&self.roots
	}

	/// What the chain calls it by.
	pub fn root(&self) -> Hash {
		self.roots.root::<Blake2>()
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

/// A page of bytes.
pub(crate) type Page = [u8; PAGE_BYTES];
/// Cells in a page.
pub(crate) const CELL_PAGE: usize = PAGE_BYTES / 8;
/// Instructions in a page.
const CODE_PAGE: usize = PAGE_BYTES / Instr::SIZE;

#[cfg(feature = "std")]
fn tree_of(region: Region, pages: impl Iterator<Item = (usize, [u8; PAGE_BYTES])>, zeros: &Zeros) -> PageTree {
	let mut tree = PageTree::new(region.depth(), zeros);
	tree.update(pages.map(|(index, page)| (index, crate::tree::page_hash(&page, zeros))));
	tree
}

/// A page of bytes.
pub(crate) fn padded(bytes: &[u8]) -> [u8; PAGE_BYTES] {
	let mut page = [0; PAGE_BYTES];
	let len = bytes.len().min(PAGE_BYTES);
	page[..len].copy_from_slice(&bytes[..len]);
	page
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
