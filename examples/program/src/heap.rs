//! The allocator of a program that runs once: new blocks are cut from the end of memory, which grows by whole
//! pages; freed blocks wait in lists by size and are handed out again. Nothing is merged, split or given back,
//! and the same requests always lead to the same addresses.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

/// Bytes by which memory grows.
const PAGE: usize = 65_536;
/// Every block starts at and is sized in multiples of this; a freed block has room for a list link.
const UNIT: usize = 16;
/// One list for each power of two.
const CLASSES: usize = usize::BITS as usize;

/// Where memory comes from.
trait Pages {
	/// The first byte that may be handed out, and the first past the memory that is there already.
	fn range(&self) -> (usize, usize);
	/// Adds so many pages at the end; `false` if the host refuses.
	fn grow(&mut self, pages: usize) -> bool;
}

struct State<P> {
	pages: P,
	/// First byte not handed out yet; 0 before the first request.
	next: usize,
	/// First byte past the memory the host gave us.
	end: usize,
	/// Freed blocks of at least `1 << class` bytes, linked through their first word; 0 ends a list.
	free: [usize; CLASSES],
}

/// What became of a request to change a block's size.
#[derive(Debug, PartialEq, Eq)]
enum Resized {
	/// The block has the new size where it is.
	InPlace,
	/// It would have to be copied to a new block.
	Elsewhere,
	/// There is no memory for it.
	Impossible,
}

/// The size of the block for a layout of `size` bytes.
fn rounded(size: usize) -> Option<usize> {
	round_up(size.max(1), UNIT)
}

fn round_up(value: usize, unit: usize) -> Option<usize> {
	Some(value.checked_add(unit - 1)? & !(unit - 1))
}

/// The list in which every block is large enough for `size`, a rounded size.
fn class_to_take(size: usize) -> usize {
	(usize::BITS - (size - 1).leading_zeros()) as usize
}

/// The list that may hold a block of `size`, a rounded size.
fn class_to_put(size: usize) -> usize {
	(usize::BITS - 1 - size.leading_zeros()) as usize
}

impl<P: Pages> State<P> {
	const fn new(pages: P) -> Self {
		Self {
			pages,
			next: 0,
			end: 0,
			free: [0; CLASSES],
		}
	}

	/// Makes sure memory reaches to `end`.
	fn reach(&mut self, end: usize) -> bool {
		if end <= self.end {
			return true;
		}
		let pages = (end - self.end).div_ceil(PAGE);
		if !self.pages.grow(pages) {
			return false;
		}
		self.end += pages * PAGE;
		true
	}

	fn cut(&mut self, size: usize, align: usize) -> Option<usize> {
		if self.next == 0 {
			(self.next, self.end) = self.pages.range();
		}
		let start = round_up(self.next, align.max(UNIT))?;
		let end = start.checked_add(size)?;
		if !self.reach(end) {
			return None;
		}
		self.next = end;
		Some(start)
	}

	/// A block of `size`, a rounded size.
	fn take(&mut self, size: usize, align: usize) -> Option<usize> {
		let class = class_to_take(size);
		if align <= UNIT && class < CLASSES && self.free[class] != 0 {
			let block = self.free[class];
			// SAFETY: blocks in the lists are ours, at least UNIT bytes long, and start with a link.
			self.free[class] = unsafe { *(block as *const usize) };
			return Some(block);
		}
		self.cut(size, align)
	}

	/// Takes a block back.
	///
	/// # Safety
	/// `block` came from [`Self::take`] with this size, or was resized to it, and nobody uses it any more.
	unsafe fn put(&mut self, block: usize, size: usize) {
		if block + size == self.next {
			self.next = block;
			return;
		}
		let class = class_to_put(size);
		// SAFETY: the block is ours now, at least UNIT bytes long and aligned to UNIT.
		unsafe { *(block as *mut usize) = self.free[class] };
		self.free[class] = block;
	}

	/// The last block grows and shrinks where it is, so that a buffer that fills is not copied.
	fn resize(&mut self, block: usize, old: usize, new: usize) -> Resized {
		if old == new {
			return Resized::InPlace;
		}
		if block + old != self.next {
			return Resized::Elsewhere;
		}
		match block.checked_add(new) {
			Some(end) if self.reach(end) => {
				self.next = end;
				Resized::InPlace
			}
			_ => Resized::Impossible,
		}
	}
}

#[cfg(target_arch = "wasm32")]
mod global {
	use super::*;
	use core::{
		alloc::{GlobalAlloc, Layout},
		arch::wasm32::{memory_grow, memory_size},
		cell::UnsafeCell,
		ptr,
	};

	extern "C" {
		/// Where the linker ends the module's own data. Only its address means something.
		static __heap_base: u8;
	}

	struct Linear;

	impl Pages for Linear {
		fn range(&self) -> (usize, usize) {
			let base = ptr::addr_of!(__heap_base) as usize;
			(base.next_multiple_of(UNIT), memory_size::<0>() * PAGE)
		}

		fn grow(&mut self, pages: usize) -> bool {
			memory_grow::<0>(pages) != usize::MAX
		}
	}

	struct Heap(UnsafeCell<State<Linear>>);

	// SAFETY: modules have no threads, and no allocation happens inside an allocation.
	unsafe impl Sync for Heap {}

	#[global_allocator]
	static HEAP: Heap = Heap(UnsafeCell::new(State::new(Linear)));

	// SAFETY: `take` returns blocks of at least the rounded size that overlap no block in use, aligned to at
	// least the layout; the layout of a block that comes back rounds to the size it was taken with. References
	// to the state end before another call can make one.
	unsafe impl GlobalAlloc for Heap {
		unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
			// SAFETY: no other reference exists, see above.
			let state = unsafe { &mut *self.0.get() };
			rounded(layout.size())
				.and_then(|size| state.take(size, layout.align()))
				.map_or(ptr::null_mut(), |block| block as *mut u8)
		}

		unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
			// It was rounded when the block was taken, so it can be rounded again.
			if let Some(size) = rounded(layout.size()) {
				// SAFETY: no other reference exists; the caller gives back what `alloc` or `realloc` returned.
				unsafe { (*self.0.get()).put(block as usize, size) }
			}
		}

		unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
			let (Some(old), Some(new)) = (rounded(layout.size()), rounded(new_size)) else {
				return ptr::null_mut();
			};
			// SAFETY: no other reference exists, see above.
			match unsafe { (*self.0.get()).resize(block as usize, old, new) } {
				Resized::InPlace => block,
				Resized::Impossible => ptr::null_mut(),
				// SAFETY: the caller's promises for `realloc` are those of these calls; the blocks differ.
				Resized::Elsewhere => unsafe {
					let target = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
					if !target.is_null() {
						ptr::copy_nonoverlapping(block, target, layout.size().min(new_size));
						self.dealloc(block, layout);
					}
					target
				},
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A piece of the host's memory that is given out page by page.
	struct Arena {
		memory: Vec<u8>,
		pages: usize,
	}

	impl Pages for Arena {
		fn range(&self) -> (usize, usize) {
			let base = (self.memory.as_ptr() as usize).next_multiple_of(UNIT);
			(base, base + self.pages * PAGE)
		}

		fn grow(&mut self, pages: usize) -> bool {
			let fits = (self.pages + pages) * PAGE + UNIT <= self.memory.len();
			self.pages += if fits { pages } else { 0 };
			fits
		}
	}

	fn state(pages: usize) -> State<Arena> {
		State::new(Arena {
			memory: vec![0; pages * PAGE + UNIT],
			pages: 1,
		})
	}

	#[test]
	fn blocks_in_use_never_overlap_and_keep_their_bytes() {
		let mut state = state(64);
		let mut blocks: Vec<(usize, usize, u8)> = Vec::new();
		let mut seed = 1u64;
		let mut random = |bound: usize| {
			seed = seed
				.wrapping_mul(6_364_136_223_846_793_005)
				.wrapping_add(1_442_695_040_888_963_407);
			(seed >> 33) as usize % bound
		};
		let check = |&(block, size, mark): &(usize, usize, u8)| {
			// SAFETY: the block is in use by this test.
			let bytes = unsafe { std::slice::from_raw_parts(block as *const u8, size) };
			assert!(bytes.iter().all(|byte| *byte == mark));
		};
		for round in 0..20_000 {
			let mark = round as u8;
			match random(4) {
				0 | 1 if blocks.len() < 200 => {
					let size = rounded(1 << random(14)).unwrap();
					let align = 1 << random(8);
					let block = state.take(size, align).unwrap();
					assert_eq!((block % align, block % UNIT), (0, 0));
					// SAFETY: fresh and of this size.
					unsafe { std::slice::from_raw_parts_mut(block as *mut u8, size) }.fill(mark);
					blocks.push((block, size, mark));
				}
				2 if !blocks.is_empty() => {
					let index = random(blocks.len());
					let (block, size, old_mark) = blocks[index];
					let new = rounded(random(20_000)).unwrap();
					if state.resize(block, size, new) == Resized::InPlace {
						check(&(block, size.min(new), old_mark));
						// SAFETY: the block has the new size now.
						unsafe { std::slice::from_raw_parts_mut(block as *mut u8, new) }.fill(old_mark);
						blocks[index].1 = new;
					}
				}
				_ if !blocks.is_empty() => {
					let gone = blocks.swap_remove(random(blocks.len()));
					check(&gone);
					// SAFETY: taken above, used no more.
					unsafe { state.put(gone.0, gone.1) };
				}
				_ => {}
			}
		}
		blocks.iter().for_each(check);
	}

	#[test]
	fn freed_blocks_are_used_again_and_the_last_one_grows_in_place() {
		let mut state = state(4);
		let first = state.take(64, 8).unwrap();
		let second = state.take(48, 8).unwrap();
		// SAFETY: taken above.
		unsafe { state.put(first, 64) };
		assert_eq!(state.take(64, 8), Some(first));
		assert_eq!(state.resize(first, 64, 128), Resized::Elsewhere);
		assert_eq!(state.resize(second, 48, 2 * PAGE), Resized::InPlace);
		assert_eq!(state.take(16, 8), Some(second + 2 * PAGE));
	}

	#[test]
	fn memory_that_the_host_refuses_is_an_error_and_not_a_crash() {
		let mut state = state(2);
		assert_eq!(state.take(rounded(3 * PAGE).unwrap(), 8), None);
		assert_eq!(rounded(usize::MAX), None);
		let block = state.take(PAGE, 8).unwrap();
		assert_eq!(state.resize(block, PAGE, usize::MAX - 15), Resized::Impossible);
		assert_eq!(state.resize(block, PAGE, 4 * PAGE), Resized::Impossible);
		assert_eq!(state.resize(block, PAGE, 2 * PAGE), Resized::InPlace);
	}
}
