//! The step machine with its whole state: runs, takes snapshots, computes roots.

use crate::{
	hash::{Blake2, Hash},
	op::Instr,
	program::{cell_page, padded, Input, Page, Program, CELL_PAGE},
	state::{Halt, Header, Limits, Outcome, Region, Registers},
	step::{inside, step, Env, Fault},
	tree::{page_hash, PageTree, Zeros, PAGE_BYTES},
};
use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

/// Set by writes, cleared by roots.
const SINCE_ROOT: u8 = 1;
/// Set by writes, cleared by snapshots.
const SINCE_SNAPSHOT: u8 = 2;
const DIRTY: u8 = SINCE_ROOT | SINCE_SNAPSHOT;

/// What regions are made of.
pub(crate) trait Cell: Copy + Default {
	/// How many make a page.
	const PAGE: usize;
	/// A page of them, padded with zeros.
	fn page(cells: &[Self]) -> [u8; PAGE_BYTES];
}

impl Cell for u8 {
	const PAGE: usize = PAGE_BYTES;
	fn page(cells: &[Self]) -> [u8; PAGE_BYTES] {
		padded(cells)
	}
}

impl Cell for u64 {
	const PAGE: usize = CELL_PAGE;
	fn page(cells: &[Self]) -> [u8; PAGE_BYTES] {
		cell_page(cells)
	}
}

/// A page that snapshots share; none is zeros.
type Saved<T> = Option<Arc<[T]>>;

/// A region that changes.
struct Store<T> {
	cells: Vec<T>,
	/// One mark a page.
	dirty: Vec<u8>,
	/// The pages of the last snapshot.
	saved: Vec<Saved<T>>,
	tree: PageTree,
}

impl Store<u8> {
	/// A region of zeros but for some pages. What is zero takes no memory until it is touched.
	fn of_pages(pages: &[(u32, Box<Page>)], tree: PageTree) -> Self {
		let count = pages.last().map_or(0, |(page, _)| *page as usize + 1);
		let mut store = Self {
			cells: vec![0; count * PAGE_BYTES],
			// The tree has the start; a snapshot has nothing yet.
			dirty: vec![0; count],
			saved: Vec::new(),
			tree,
		};
		for (page, bytes) in pages {
			let page = *page as usize;
			store.cells[page * PAGE_BYTES..][..PAGE_BYTES].copy_from_slice(&**bytes);
			store.dirty[page] = SINCE_SNAPSHOT;
		}
		store
	}
}

impl<T: Cell> Store<T> {
	fn new(cells: Vec<T>, tree: PageTree) -> Self {
		let pages = cells.len().div_ceil(T::PAGE);
		Self {
			cells,
			// The tree has the start; a snapshot has nothing yet.
			dirty: vec![SINCE_SNAPSHOT; pages],
			saved: Vec::new(),
			tree,
		}
	}

	/// A region of zeros.
	fn zeros(region: Region, cells: usize, zeros: &Zeros) -> Self {
		Self {
			cells: vec![T::default(); cells],
			dirty: vec![0; cells.div_ceil(T::PAGE)],
			saved: Vec::new(),
			tree: PageTree::new(region.depth(), zeros),
		}
	}

	#[cold]
	fn reach(&mut self, len: usize) {
		if len > self.cells.len() {
			let pages = len.div_ceil(T::PAGE);
			self.cells.resize(pages * T::PAGE, T::default());
			self.dirty.resize(pages, 0);
		}
	}

	#[inline(always)]
	fn mark(&mut self, at: usize) {
		if let Some(mark) = self.dirty.get_mut(at / T::PAGE) {
			*mark = DIRTY;
		}
	}

	#[cfg(test)]
	fn poke(&mut self, at: usize, value: T) {
		self.reach(at + 1);
		self.cells[at] = value;
		self.mark(at);
	}

	fn page(&self, page: usize) -> [u8; PAGE_BYTES] {
		let start = (page * T::PAGE).min(self.cells.len());
		T::page(&self.cells[start..(start + T::PAGE).min(self.cells.len())])
	}

	fn root(&mut self, zeros: &Zeros) -> Hash {
		let Self { cells, dirty, tree, .. } = self;
		let changed = dirty
			.iter_mut()
			.enumerate()
			.filter(|(_, mark)| **mark & SINCE_ROOT != 0);
		tree.update(changed.map(|(page, mark)| {
			*mark &= !SINCE_ROOT;
			let end = ((page + 1) * T::PAGE).min(cells.len());
			(page, page_hash(&T::page(&cells[page * T::PAGE..end]), zeros))
		}));
		tree.root()
	}

	fn save(&mut self) -> Vec<Saved<T>> {
		self.saved.resize(self.dirty.len(), None);
		for ((mark, saved), cells) in self
			.dirty
			.iter_mut()
			.zip(&mut self.saved)
			.zip(self.cells.chunks(T::PAGE))
		{
			if *mark & SINCE_SNAPSHOT != 0 {
				*mark &= !SINCE_SNAPSHOT;
				*saved = Some(cells.into());
			}
		}
		self.saved.clone()
	}

	/// A region from a snapshot; at least so many cells.
	fn load(saved: &[Saved<T>], cells: usize, tree: PageTree) -> Self {
		let mut store = Self {
			cells: vec![T::default(); cells.max(saved.len() * T::PAGE)],
			dirty: vec![0; cells.div_ceil(T::PAGE).max(saved.len())],
			saved: saved.to_vec(),
			tree,
		};
		for (place, page) in store.cells.chunks_mut(T::PAGE).zip(saved) {
			if let Some(page) = page {
				place[..page.len()].copy_from_slice(page);
			}
		}
		store
	}
}

/// A state between two steps, kept to go on from. Unchanged pages are shared with the snapshots before it.
#[derive(Clone)]
pub struct Snapshot {
	registers: Registers,
	halt: Option<Halt>,
	steps: u64,
	roots: [PageTree; 5],
	stack: Vec<Saved<u64>>,
	frames: Vec<Saved<u64>>,
	globals: Vec<Saved<u64>>,
	memory: Vec<Saved<u8>>,
	output: Vec<Saved<u64>>,
}

impl Snapshot {
	/// How many steps led to it.
	pub fn steps(&self) -> u64 {
		self.steps
	}
}

/// A machine with its whole state.
pub struct Machine {
	program: Arc<Program>,
	input: Arc<Input>,
	pub(crate) registers: Registers,
	halt: Option<Halt>,
	steps: u64,
	stack: Store<u64>,
	frames: Store<u64>,
	globals: Store<u64>,
	memory: Store<u8>,
	output: Store<u64>,
}

/// The program starts with more memory than the task may use, or the limits are out of range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unfit;

impl core::fmt::Display for Unfit {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str("the program starts with more memory than the task may use, or the gas limit is out of range")
	}
}

impl core::error::Error for Unfit {}

fn cells_of(region: Region) -> usize {
	region.cells() as usize
}

impl Machine {
	/// A machine before its first step.
	pub fn new(program: Arc<Program>, input: Arc<Input>, limits: &Limits) -> Result<Self, Unfit> {
		if limits.gas == 0 || limits.gas > crate::MAX_GAS {
			return Err(Unfit);
		}
		let header = program.roots().first::<Blake2>(&input.root(), limits).ok_or(Unfit)?;
		let mut globals = vec![0; cells_of(Region::Globals)];
		globals[..program.globals.len()].copy_from_slice(&program.globals);
		let zeros = &program.zeros;
		Ok(Self {
			registers: header.registers,
			halt: None,
			steps: 0,
			stack: Store::zeros(Region::Stack, cells_of(Region::Stack), zeros),
			frames: Store::zeros(Region::Frames, cells_of(Region::Frames), zeros),
			globals: Store::new(globals, program.globals_tree.clone()),
			memory: Store::of_pages(&program.memory, program.memory_tree.clone()),
			output: Store::zeros(Region::Output, 0, zeros),
			program,
			input,
		})
	}

	/// The program.
	pub fn program(&self) -> &Arc<Program> {
		&self.program
	}

	/// How many steps were executed.
	pub fn steps(&self) -> u64 {
		self.steps
	}

	/// The registers.
	pub fn registers(&self) -> &Registers {
		&self.registers
	}

	/// How it ended, if it did.
	pub fn halt(&self) -> Option<Halt> {
		self.halt
	}

	/// A global's bits; those of place 0 are the gas counter's only in [`Machine::registers`].
	pub fn global(&self, at: u32) -> Option<u64> {
		self.globals.cells.get(at as usize).copied()
	}

	/// Executes up to so many steps. Returns how many there were: fewer only if the machine halted. A halted machine
	/// takes no steps.
	pub fn run(&mut self, steps: u64) -> u64 {
		if self.halt.is_some() {
			return 0;
		}
		let program = &*self.program;
		let mut live = Live {
			code: &program.code,
			table: &program.table,
			input: &self.input,
			stack: &mut self.stack.cells,
			stack_dirty: &mut self.stack.dirty,
			frames: &mut self.frames,
			globals: &mut self.globals,
			memory: &mut self.memory,
			output: &mut self.output,
		};
		let mut registers = self.registers;
		let mut left = steps;
		while left > 0 {
			left -= 1;
			match step(&mut registers, &mut live) {
				Ok(None) => {}
				Ok(halt) => {
					self.halt = halt;
					break;
				}
				// A live machine misses nothing.
				Err(Fault::Trap | Fault::Missing) => {
					self.halt = Some(Halt::Trapped);
					break;
				}
			}
		}
		self.registers = registers;
		let done = steps - left;
		self.steps = self.steps.saturating_add(done);
		done
	}

	/// The state's root. Costs what changed since the last one.
	pub fn state_root(&mut self) -> Hash {
		match self.outcome() {
			Some(outcome) => outcome.root::<Blake2>(),
			None => self.header().root::<Blake2>(),
		}
	}

	/// Registers and roots.
	pub fn header(&mut self) -> Header {
		let zeros = &self.program.zeros;
		Header {
			registers: self.registers,
			roots: [
				self.program.code_tree.root(),
				self.program.table_tree.root(),
				self.globals.root(zeros),
				self.stack.root(zeros),
				self.frames.root(zeros),
				self.memory.root(zeros),
				self.input.tree().root(),
				self.output.root(zeros),
			],
		}
	}

	/// What the run came to, if it ended.
	pub fn outcome(&mut self) -> Option<Outcome> {
		let halt = self.halt?;
		let zeros = &self.program.zeros;
		let output = self.output.root(zeros);
		Some(halt.outcome::<Blake2>(&self.registers, &output, zeros.of(Region::Output.depth())))
	}

	/// The output of a run that succeeded; nothing of one that did not.
	pub fn output(&self) -> Vec<u8> {
		let Some(Halt::Success(len)) = self.halt else {
			return Vec::new();
		};
		let words = &self.output.cells[..(self.registers.output_words as usize).min(self.output.cells.len())];
		let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
		bytes.truncate(len as usize);
		bytes
	}

	/// Keeps the state, to go on from later.
	pub fn snapshot(&mut self) -> Snapshot {
		self.header();
		Snapshot {
			registers: self.registers,
			halt: self.halt,
			steps: self.steps,
			roots: [
				self.stack.tree.clone(),
				self.frames.tree.clone(),
				self.globals.tree.clone(),
				self.memory.tree.clone(),
				self.output.tree.clone(),
			],
			stack: self.stack.save(),
			frames: self.frames.save(),
			globals: self.globals.save(),
			memory: self.memory.save(),
			output: self.output.save(),
		}
	}

	/// A machine that goes on from a snapshot of a run of the same program over the same input.
	pub fn restore(program: Arc<Program>, input: Arc<Input>, snapshot: &Snapshot) -> Self {
		let [stack, frames, globals, memory, output] = snapshot.roots.clone();
		Self {
			program,
			input,
			registers: snapshot.registers,
			halt: snapshot.halt,
			steps: snapshot.steps,
			stack: Store::load(&snapshot.stack, cells_of(Region::Stack), stack),
			frames: Store::load(&snapshot.frames, cells_of(Region::Frames), frames),
			globals: Store::load(&snapshot.globals, cells_of(Region::Globals), globals),
			memory: Store::load(&snapshot.memory, 0, memory),
			output: Store::load(&snapshot.output, 0, output),
		}
	}

	/// Calls an exported function, for test suites. The memory and the globals stay as the last call left them, the gas
	/// is set anew. What it gives, or how it ended.
	pub fn invoke(&mut self, export: &crate::program::Export, arguments: &[u64], gas: u64) -> Result<Vec<u64>, Halt> {
		let r = &mut self.registers;
		(r.pc, r.fp, r.sp, r.depth) = (export.pc, 0, arguments.len() as u32, 1);
		(r.gas, r.gas_limit) = (i64::try_from(gas).unwrap_or(i64::MAX), gas);
		self.halt = None;
		self.stack.cells[..arguments.len()].copy_from_slice(arguments);
		(0..arguments.len()).for_each(|at| self.stack.mark(at));
		// The caller is place 0, where no function starts and every program traps.
		self.frames.cells[0] = 0;
		self.frames.mark(0);
		self.run(u64::MAX);
		match self.halt {
			Some(Halt::Trapped) if self.registers.pc == 0 && self.registers.depth == 0 => {
				Ok(self.stack.cells[..export.results as usize].to_vec())
			}
			Some(halt) => Err(halt),
			None => Err(Halt::Failed),
		}
	}

	/// Changes a cell, as no program could.
	#[cfg(test)]
	pub(crate) fn poke(&mut self, region: Region, cell: u64, value: u64) {
		let at = cell as usize;
		match region {
			Region::Stack => self.stack.poke(at, value),
			Region::Frames => self.frames.poke(at, value),
			Region::Globals => self.globals.poke(at, value),
			Region::Output => self.output.poke(at, value),
			Region::Memory => {
				for (n, byte) in value.to_le_bytes().into_iter().enumerate() {
					self.memory.poke(8 * at + n, byte);
				}
			}
			Region::Code | Region::Table | Region::Input => {}
		}
	}

	pub(crate) fn reader(&self) -> Reader<'_> {
		Reader(self)
	}
}

/// The regions as the running machine sees them.
struct Live<'a> {
	code: &'a [Instr],
	table: &'a [u64],
	input: &'a Input,
	stack: &'a mut [u64],
	stack_dirty: &'a mut [u8],
	frames: &'a mut Store<u64>,
	globals: &'a mut Store<u64>,
	memory: &'a mut Store<u8>,
	output: &'a mut Store<u64>,
}

impl Env for Live<'_> {
	#[inline(always)]
	fn code(&mut self, pc: u32) -> Result<Instr, Fault> {
		// What is not code reads as zeros, which trap: inside the region and outside alike.
		self.code.get(pc as usize).copied().ok_or(Fault::Trap)
	}

	#[inline(always)]
	fn stack(&mut self, at: u32) -> Result<u64, Fault> {
		self.stack.get(at as usize).copied().ok_or(Fault::Trap)
	}

	#[inline(always)]
	fn set_stack(&mut self, at: u32, value: u64) -> Result<(), Fault> {
		*self.stack.get_mut(at as usize).ok_or(Fault::Trap)? = value;
		if let Some(mark) = self.stack_dirty.get_mut(at as usize / CELL_PAGE) {
			*mark = DIRTY;
		}
		Ok(())
	}

	#[inline(always)]
	fn frame(&mut self, at: u32) -> Result<u64, Fault> {
		self.frames.cells.get(at as usize).copied().ok_or(Fault::Trap)
	}

	#[inline(always)]
	fn set_frame(&mut self, at: u32, value: u64) -> Result<(), Fault> {
		*self.frames.cells.get_mut(at as usize).ok_or(Fault::Trap)? = value;
		self.frames.mark(at as usize);
		Ok(())
	}

	#[inline(always)]
	fn global(&mut self, at: u64) -> Result<u64, Fault> {
		self.globals.cells.get(at as usize).copied().ok_or(Fault::Trap)
	}

	#[inline(always)]
	fn set_global(&mut self, at: u64, value: u64) -> Result<(), Fault> {
		*self.globals.cells.get_mut(at as usize).ok_or(Fault::Trap)? = value;
		self.globals.mark(at as usize);
		Ok(())
	}

	#[inline(always)]
	fn table(&mut self, at: u64) -> Result<u64, Fault> {
		let at = inside(Region::Table, at)?;
		Ok(self.table.get(at as usize).copied().unwrap_or(0))
	}

	#[inline(always)]
	fn load<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault> {
		let at = at as usize;
		match self
			.memory
			.cells
			.get(at..at.wrapping_add(N))
			.and_then(|bytes| bytes.try_into().ok())
		{
			Some(bytes) => Ok(bytes),
			None => {
				let mut bytes = [0; N];
				self.load_bytes(at as u64, &mut bytes)?;
				Ok(bytes)
			}
		}
	}

	#[inline(always)]
	fn store<const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Fault> {
		let at = at as usize;
		match self.memory.cells.get_mut(at..at.wrapping_add(N)) {
			Some(place) => place.copy_from_slice(&bytes),
			None => return self.store_bytes(at as u64, &bytes),
		}
		self.memory.mark(at);
		self.memory.mark(at.wrapping_add(N - 1));
		Ok(())
	}

	/// Pages of memory that were never written are not there, and read as zeros.
	#[cold]
	fn load_bytes(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
		let cells = &self.memory.cells;
		let start = (at as usize).min(cells.len());
		let end = start.saturating_add(bytes.len()).min(cells.len());
		bytes.fill(0);
		bytes[..end - start].copy_from_slice(&cells[start..end]);
		Ok(())
	}

	#[cold]
	fn store_bytes(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
		let Some(last) = bytes.len().checked_sub(1) else {
			return Ok(());
		};
		let at = at as usize;
		self.memory.reach(at + bytes.len());
		self.memory.cells[at..at + bytes.len()].copy_from_slice(bytes);
		self.memory.mark(at);
		self.memory.mark(at + last);
		Ok(())
	}

	fn input(&mut self, word: u32) -> Result<u64, Fault> {
		Ok(self.input.word(word))
	}

	fn output(&mut self, word: u32) -> Result<u64, Fault> {
		Ok(self.output.cells.get(word as usize).copied().unwrap_or(0))
	}

	fn set_output(&mut self, word: u32, value: u64) -> Result<(), Fault> {
		let at = inside(Region::Output, word.into())? as usize;
		self.output.reach(at + 1);
		self.output.cells[at] = value;
		self.output.mark(at);
		Ok(())
	}
}

/// The regions for those who only look.
pub(crate) struct Reader<'a>(&'a Machine);

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
			Region::Input => machine.input.page(page),
			Region::Output => machine.output.page(page),
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
			Region::Input => machine.input.tree(),
			Region::Output => &machine.output.tree,
		}
	}
}
