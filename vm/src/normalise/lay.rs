//! Data laid into pages.
//!
//! Compilers write data in up to 100,000 segments. A module's segments are laid over each other in their order into pages
//! of 4 KiB, and what comes out is one segment for each run of pages. So it is pages that cost, not segments.

use super::{limits, module::Data, Reason};
use std::collections::BTreeMap;

/// Bytes in a page of data.
const PAGE: usize = 4096;

/// Pages that hold something but zeros, by their numbers.
pub(super) struct Laid(BTreeMap<u32, Box<[u8; PAGE]>>);

impl Laid {
	/// Lays the segments, which are inside the memory.
	pub fn new<'d>(data: impl IntoIterator<Item = &'d Data<'d>>) -> Result<Self, Reason> {
		let mut pages: BTreeMap<u32, Box<[u8; PAGE]>> = BTreeMap::new();
		for segment in data {
			let (mut at, mut rest) = (segment.offset as usize, segment.bytes);
			while !rest.is_empty() {
				let (page, offset) = ((at / PAGE) as u32, at % PAGE);
				let (here, later) = rest.split_at(rest.len().min(PAGE - offset));
				let zeros = here.iter().all(|byte| *byte == 0);
				// Zeros matter only where something was laid before.
				if !zeros || pages.contains_key(&page) {
					let bytes = pages.entry(page).or_insert_with(|| Box::new([0; PAGE]));
					bytes[offset..offset + here.len()].copy_from_slice(here);
				}
				(at, rest) = (at + here.len(), later);
			}
			limits::check(
				"pages of 4 KiB with data",
				pages.len() as u64,
				limits::DATA_PAGES,
				segment.place,
			)?;
		}
		pages.retain(|_, bytes| bytes.iter().any(|byte| *byte != 0));
		Ok(Self(pages))
	}

	/// How many pages there are.
	pub fn len(&self) -> usize {
		self.0.len()
	}

	/// Runs of pages that follow each other, without the zeros at both ends: where each starts, and its bytes.
	pub fn runs(&self) -> impl Iterator<Item = (u32, Vec<u8>)> + '_ {
		let mut pages = self.0.iter().peekable();
		std::iter::from_fn(move || {
			let (first, bytes) = pages.next()?;
			let mut run = bytes.to_vec();
			let mut last = *first;
			while let Some((page, bytes)) = pages.next_if(|(page, _)| **page == last + 1) {
				run.extend_from_slice(&bytes[..]);
				last = *page;
			}
			let end = run.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
			let start = run.iter().position(|byte| *byte != 0).unwrap_or(0);
			Some((first * PAGE as u32 + start as u32, run[start..end].to_vec()))
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn laid(data: &[(u32, &[u8])]) -> Vec<(u32, Vec<u8>)> {
		let data: Vec<_> = data
			.iter()
			.map(|(offset, bytes)| Data {
				memory: 0,
				offset: *offset,
				bytes,
				place: 0,
			})
			.collect();
		Laid::new(&data).unwrap().runs().collect()
	}

	#[test]
	fn segments_become_runs_of_pages() {
		assert_eq!(laid(&[]), []);
		assert_eq!(laid(&[(70, b""), (80, &[0; 9000])]), []);
		// Later segments lie over earlier ones, zeros too.
		assert_eq!(laid(&[(10, b"abcd"), (11, b"x\0")]), [(10, b"ax\0d".to_vec())]);
		// Neighbours join, what is apart stays apart.
		assert_eq!(
			laid(&[(4095, b"ab"), (20_000, b"c")]),
			[(4095, b"ab".to_vec()), (20_000, b"c".to_vec())]
		);
		let long = vec![7; 10_000];
		assert_eq!(laid(&[(4000, &long)]), [(4000, long)]);
	}
}
