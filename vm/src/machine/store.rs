//! A region that changes.

use crate::{
	hash::Hash,
	pages::{Ledger, Pages, Shared},
	parallel,
	program::{cell_page, CELL_PAGE},
	stop::{Stop, Stopped},
	tree::{padded, page_hash, PageTree, Zeros, PAGE_BYTES},
};
use std::sync::Arc;

/// Set by writes, cleared by roots.
const SINCE_ROOT: u8 = 1;
/// Set by writes, cleared by snapshots.
const SINCE_SNAPSHOT: u8 = 2;
/// Set by the first write.
const THERE: u8 = 4;
/// What a write sets.
pub(super) const WRITTEN: u8 = SINCE_ROOT | SINCE_SNAPSHOT | THERE;

/// Pages that are hashed before somebody looks whether to stop.
const BATCH: usize = 2048;

/// What regions are made of.
pub(crate) trait Cell: Copy + Default + Sync {
	/// How many make a page.
	const PAGE: usize;
	/// A page of them, padded with zeros.
	fn page(cells: &[Self]) -> [u8; PAGE_BYTES];
	/// Sets them from a page.
	fn set(cells: &mut [Self], page: &[u8; PAGE_BYTES]);
}

impl Cell for u8 {
	const PAGE: usize = PAGE_BYTES;

	fn page(cells: &[Self]) -> [u8; PAGE_BYTES] {
		padded(cells)
	}

	fn set(cells: &mut [Self], page: &[u8; PAGE_BYTES]) {
		let len = cells.len().min(PAGE_BYTES);
		cells[..len].copy_from_slice(&page[..len]);
	}
}

impl Cell for u64 {
	const PAGE: usize = CELL_PAGE;

	fn page(cells: &[Self]) -> [u8; PAGE_BYTES] {
		cell_page(cells)
	}

	fn set(cells: &mut [Self], page: &[u8; PAGE_BYTES]) {
		for (cell, bytes) in cells.iter_mut().zip(page.chunks_exact(8)) {
			*cell = u64::from_le_bytes(core::array::from_fn(|n| bytes[n]));
		}
	}
}

/// A region that changes. Its cells are one vector, of which the system gives only the pages that are touched.
pub(super) struct Store<T> {
	/// Up to the last page that was written, and some that were not.
	pub(super) cells: Vec<T>,
	/// One mark a page.
	pub(super) marks: Vec<u8>,
	/// The most cells there may be.
	most: usize,
	/// What the region held at the start of the run.
	start: Pages,
	/// The pages of the last snapshot; those without [`SINCE_SNAPSHOT`] are the same as here.
	base: Pages,
	/// The hashes of all pages without [`SINCE_ROOT`].
	pub(super) tree: PageTree,
}

impl<T: Cell> Store<T> {
	/// A region that starts with some pages, whose hashes the tree has. It has at least `cells` cells at once, at most
	/// `most` ever.
	pub fn new(start: &Pages, tree: &PageTree, cells: usize, most: usize) -> Self {
		let pages = start.iter().last().map_or(0, |(page, _)| *page as usize + 1);
		let cells = cells.max(pages * T::PAGE).min(most);
		let mut store = Self {
			cells: vec![T::default(); cells],
			marks: vec![0; cells.div_ceil(T::PAGE)],
			most,
			start: start.clone(),
			base: start.clone(),
			tree: tree.clone(),
		};
		for (page, shared) in start.iter() {
			store.set_page(*page as usize, Some(shared));
			store.marks[*page as usize] = THERE;
		}
		store
	}

	/// Makes room for so many cells.
	#[cold]
	pub fn reach(&mut self, len: usize) {
		if len <= self.cells.len() {
			return;
		}
		let pages = len
			.max(self.cells.len().saturating_mul(2).min(self.most))
			.div_ceil(T::PAGE);
		// Zeros that nobody touched take no memory, so only what is there is moved.
		let mut cells = vec![T::default(); pages * T::PAGE];
		let moved = cells
			.chunks_mut(T::PAGE)
			.zip(self.cells.chunks(T::PAGE))
			.zip(&self.marks);
		for ((to, from), _) in moved.filter(|(_, mark)| **mark & THERE != 0) {
			to[..from.len()].copy_from_slice(from);
		}
		self.cells = cells;
		self.marks.resize(pages, 0);
	}

	#[inline(always)]
	pub fn mark(&mut self, at: usize) {
		if let Some(mark) = self.marks.get_mut(at / T::PAGE) {
			*mark = WRITTEN;
		}
	}

	#[cfg(test)]
	pub fn poke(&mut self, at: usize, value: T) {
		self.reach(at + 1);
		self.cells[at] = value;
		self.mark(at);
	}

	/// A page's bytes.
	pub fn page(&self, page: usize) -> [u8; PAGE_BYTES] {
		let start = (page * T::PAGE).min(self.cells.len());
		T::page(&self.cells[start..(start + T::PAGE).min(self.cells.len())])
	}

	fn set_page(&mut self, page: usize, shared: Option<&Arc<Shared>>) {
		let end = ((page + 1) * T::PAGE).min(self.cells.len());
		let cells = &mut self.cells[page * T::PAGE..end];
		match shared {
			Some(shared) => T::set(cells, shared.bytes()),
			None => cells.fill(T::default()),
		}
	}

	/// The pages with a mark.
	fn marked(&self, mark: u8) -> Vec<u32> {
		/// Looked at together, because most have none.
		const TOGETHER: usize = 64;
		let mut marked = Vec::new();
		for (marks, start) in self.marks.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
			if marks.iter().fold(0, |all, one| all | one) & mark != 0 {
				let pages = marks.iter().zip(start..).filter(|(found, _)| **found & mark != 0);
				marked.extend(pages.map(|(_, page)| page));
			}
		}
		marked
	}

	/// The root. Costs what changed since the last one.
	///
	/// # Errors
	/// If it was stopped; what is hashed already stays so.
	pub fn root(&mut self, zeros: &Zeros, threads: usize, stop: &Stop) -> Result<Hash, Stopped> {
		for pages in self.marked(SINCE_ROOT).chunks(BATCH) {
			stop.check()?;
			let hashes = parallel::map(pages, threads, |page| self.page_hash(*page, zeros));
			self.tree.update(pages.iter().map(|page| *page as usize).zip(hashes));
			pages.iter().for_each(|page| self.marks[*page as usize] &= !SINCE_ROOT);
		}
		Ok(self.tree.root())
	}

	fn page_hash(&self, page: u32, zeros: &Zeros) -> Hash {
		if self.marks[page as usize] & SINCE_SNAPSHOT == 0 {
			if let Some(shared) = self.base.get(page) {
				return shared.hash(zeros);
			}
		}
		page_hash(&self.page(page as usize), zeros)
	}

	/// What the next snapshot would take, and how many pages it would copy.
	pub fn cost(&self) -> (u64, u64) {
		let pages = self.marks.iter().filter(|mark| **mark & SINCE_SNAPSHOT != 0).count() as u64;
		match pages {
			0 => (0, 0),
			_ => (pages * Shared::COST + self.base.len() as u64 * Pages::PLACE, pages),
		}
	}

	/// The pages as they are now.
	pub fn save(&mut self, ledger: &Ledger) -> Pages {
		let mut changed = Vec::new();
		for page in self.marked(SINCE_SNAPSHOT) {
			let bytes = self.page(page as usize);
			let mark = &mut self.marks[page as usize];
			*mark &= !SINCE_SNAPSHOT;
			let hash = (*mark & SINCE_ROOT == 0).then(|| *self.tree.page(page as usize));
			let shared = (bytes != [0; PAGE_BYTES]).then(|| Arc::new(Shared::new(bytes, hash, ledger)));
			changed.push((page, shared));
		}
		self.base = self.base.with(changed, ledger);
		self.base.clone()
	}

	/// Makes the pages what they were at a snapshot. Costs what is different.
	pub fn go_to(&mut self, pages: &Pages) {
		let mut different = self.base.different(pages);
		different.extend(self.marked(SINCE_SNAPSHOT));
		different.sort_unstable();
		different.dedup();
		for page in different {
			let shared = pages.get(page);
			self.reach((page as usize + 1) * T::PAGE);
			self.set_page(page as usize, shared);
			let mark = &mut self.marks[page as usize];
			*mark = (*mark | SINCE_ROOT | THERE) & !SINCE_SNAPSHOT;
		}
		self.base = pages.clone();
	}

	/// Lets go of what was kept for snapshots.
	pub fn forget(&mut self) {
		self.base = self.start.clone();
		let there = self.marks.iter_mut().filter(|mark| **mark & THERE != 0);
		there.for_each(|mark| *mark |= SINCE_SNAPSHOT);
	}
}

impl Store<u8> {
	/// Pages that were never written are not there, and read as zeros.
	pub fn read_beyond(&self, at: usize, bytes: &mut [u8]) {
		copy_padded(&self.cells, at, bytes);
	}

	/// Writes at least one byte, and makes the pages that are not there.
	pub fn write_beyond(&mut self, at: usize, bytes: &[u8]) {
		let end = at + bytes.len();
		if end > self.cells.len() {
			self.reach(end);
		}
		self.cells[at..end].copy_from_slice(bytes);
		self.mark(at);
		self.mark(end - 1);
	}
}

/// Copies from a place, zeros where there is nothing.
pub(super) fn copy_padded(from: &[u8], at: usize, bytes: &mut [u8]) {
	let start = at.min(from.len());
	let end = start.saturating_add(bytes.len()).min(from.len());
	bytes[..end - start].copy_from_slice(&from[start..end]);
	bytes[end - start..].fill(0);
}
