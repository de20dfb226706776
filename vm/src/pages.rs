//! Pages that a program, its machines and their snapshots share.

use crate::{
	hash::Hash,
	tree::{page_hash, Zeros, PAGE_BYTES},
};
use std::{
	mem::size_of,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, OnceLock,
	},
};

/// A page of bytes.
pub(crate) type Page = [u8; PAGE_BYTES];

/// Counts the bytes of what is kept. Clones are one account.
#[derive(Clone, Default, Debug)]
pub(crate) struct Ledger(Arc<AtomicU64>);

impl Ledger {
	pub fn total(&self) -> u64 {
		self.0.load(Ordering::Relaxed)
	}

	fn enter(&self, bytes: u64) -> Entry {
		self.0.fetch_add(bytes, Ordering::Relaxed);
		Entry {
			ledger: self.clone(),
			bytes,
		}
	}
}

/// Counts as long as it is there.
#[derive(Debug)]
struct Entry {
	ledger: Ledger,
	bytes: u64,
}

impl Drop for Entry {
	fn drop(&mut self) {
		self.ledger.0.fetch_sub(self.bytes, Ordering::Relaxed);
	}
}

/// A page that does not change any more, and its hash once somebody wanted it.
#[derive(Debug)]
pub(crate) struct Shared {
	bytes: Page,
	hash: OnceLock<Hash>,
	_entry: Option<Entry>,
}

impl Shared {
	/// What one takes, with its place in one list.
	pub const COST: u64 = (size_of::<Self>() + 2 * size_of::<usize>()) as u64 + Pages::PLACE;

	pub fn new(bytes: Page, hash: Option<Hash>, ledger: &Ledger) -> Self {
		Self {
			bytes,
			hash: hash.map_or_else(OnceLock::new, OnceLock::from),
			_entry: Some(ledger.enter(Self::COST - Pages::PLACE)),
		}
	}

	pub fn bytes(&self) -> &Page {
		&self.bytes
	}

	pub fn hash(&self, zeros: &Zeros) -> Hash {
		*self.hash.get_or_init(|| page_hash(&self.bytes, zeros))
	}
}

/// The pages of a region that are not zeros, by their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Pages(Arc<List>);

#[derive(Debug)]
struct List {
	pages: Vec<(u32, Arc<Shared>)>,
	_entry: Option<Entry>,
}

impl Pages {
	/// What a place in a list takes.
	pub const PLACE: u64 = size_of::<(u32, Arc<Shared>)>() as u64;

	/// Pages in rising order that no ledger counts.
	pub fn uncounted(pages: impl Iterator<Item = (u32, Page)>) -> Self {
		let pages = pages.filter(|(_, bytes)| *bytes != [0; PAGE_BYTES]);
		let shared = |bytes| Shared {
			bytes,
			hash: OnceLock::new(),
			_entry: None,
		};
		Self(Arc::new(List {
			pages: pages.map(|(page, bytes)| (page, Arc::new(shared(bytes)))).collect(),
			_entry: None,
		}))
	}

	pub fn iter(&self) -> impl Iterator<Item = &(u32, Arc<Shared>)> {
		self.0.pages.iter()
	}

	pub fn len(&self) -> usize {
		self.0.pages.len()
	}

	pub fn get(&self, page: u32) -> Option<&Arc<Shared>> {
		let at = self.0.pages.binary_search_by_key(&page, |(page, _)| *page).ok()?;
		self.0.pages.get(at).map(|(_, shared)| shared)
	}

	/// The list with other pages in the place of some; `None` for zeros. Both are in rising order.
	pub fn with(&self, changed: Vec<(u32, Option<Arc<Shared>>)>, ledger: &Ledger) -> Self {
		if changed.is_empty() {
			return self.clone();
		}
		let mut pages = Vec::with_capacity(self.len() + changed.len());
		let mut old = self.iter().peekable();
		for (page, shared) in changed {
			while let Some(kept) = old.next_if(|(at, _)| *at < page) {
				pages.push(kept.clone());
			}
			old.next_if(|(at, _)| *at == page);
			pages.extend(shared.map(|shared| (page, shared)));
		}
		pages.extend(old.cloned());
		pages.shrink_to_fit();
		let entry = ledger.enter(pages.len() as u64 * Self::PLACE);
		Self(Arc::new(List {
			pages,
			_entry: Some(entry),
		}))
	}

	/// The numbers of the pages that are not the same page in both lists.
	pub fn different(&self, other: &Self) -> Vec<u32> {
		if Arc::ptr_eq(&self.0, &other.0) {
			return Vec::new();
		}
		let mut different = Vec::new();
		let (mut ours, mut theirs) = (self.iter().peekable(), other.iter().peekable());
		loop {
			let page = match (ours.peek(), theirs.peek()) {
				(None, None) => return different,
				(Some((page, _)), None) | (None, Some((page, _))) => *page,
				(Some((our, _)), Some((their, _))) => *our.min(their),
			};
			let (our, their) = (
				ours.next_if(|(at, _)| *at == page),
				theirs.next_if(|(at, _)| *at == page),
			);
			let same = our
				.zip(their)
				.is_some_and(|((_, our), (_, their))| Arc::ptr_eq(our, their));
			if !same {
				different.push(page);
			}
		}
	}
}
