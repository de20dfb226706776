//! What is stored: a provider's record, and its entries in the pools.

use crate::reputation::Reputation;
use codec::{Decode, Encode, MaxEncodedLen};
use millrace_primitives::{
	params::ProvidersParams,
	provider::{
		memory_level, price_bucket, Candidate, HardwareClass, ProviderInfo, ProviderStatus, Region, MEMORY_LEVELS,
		PRICE_BUCKETS, REGIONS,
	},
	AccountId, Balance, MarketBlock,
};
use scale_info::TypeInfo;
use sp_runtime::Permill;

/// The number of hardware classes.
pub const CLASSES: usize = HardwareClass::ALL.len();

/// How many members each pool of one hardware class has, by region, price bucket and level of memory.
pub type Sizes = [[[u32; MEMORY_LEVELS]; PRICE_BUCKETS]; REGIONS];

/// Bond on its way back to its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Unbonding {
	/// How much, in plancks. It is no longer part of the bond, but still on hold.
	pub amount: Balance,
	/// The market block from which it can be withdrawn.
	pub at: MarketBlock,
}

/// A provider's record.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Provider {
	/// The hot key that works for it; it serves nobody else.
	pub operator: AccountId,
	/// What it declares about itself.
	pub info: ProviderInfo,
	/// Whether it gets work.
	pub status: ProviderStatus,
	/// What answers for its work, in plancks; all of it is on hold.
	pub bond: Balance,
	/// What it takes out of the bond; on hold as well, until withdrawn.
	pub unbonding: Option<Unbonding>,
	/// The part of the bond that open work reserves.
	pub liability: Balance,
	/// What was burned of fees for its accepted work, ever, in plancks: how much it has invested in being known, by which
	/// its work is audited less often.
	pub burned: Balance,
	/// Slots in use. More than there are after it offered fewer while it worked.
	pub used_slots: u16,
	/// What it did so far.
	pub reputation: Reputation,
	/// Its points of one era, with that; more than 0. Of the era in which it was paid last: those of others are kept elsewhere.
	pub points: Option<(u32, Balance)>,
	/// The market block of its last sign of life, exact to a sixteenth of the heartbeat period.
	pub last_seen: MarketBlock,
	/// The market block from which draws may return it.
	pub drawable_from: MarketBlock,
	/// Its index in the pool of each class in which it stands.
	pub places: [Option<u32>; CLASSES],
	/// Which of each class's pools it stands in.
	pub stands_in: Shelf,
	/// Whether it waits to be moved.
	pub moving: bool,
}

/// Which of a class's pools.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Shelf {
	/// The region.
	pub region: Region,
	/// The price bucket, below [`PRICE_BUCKETS`].
	pub bucket: u8,
	/// The level of memory, below [`MEMORY_LEVELS`].
	pub memory: u8,
}

impl Shelf {
	/// Where a provider that declares this belongs.
	pub fn of(info: &ProviderInfo) -> Self {
		Self {
			region: info.region,
			bucket: price_bucket(info.ask) as u8,
			memory: memory_level(info.memory_pages) as u8,
		}
	}

	/// Its pool of a class.
	pub const fn pool(self, class: HardwareClass) -> PoolKey {
		PoolKey { class, shelf: self }
	}

	/// Its place among a class's sizes.
	pub fn size(self, sizes: &mut Sizes) -> &mut u32 {
		// All three lie within by the way in which they are made.
		&mut sizes[self.region as usize][usize::from(self.bucket)][usize::from(self.memory)]
	}
}

impl Provider {
	/// Slots that are free.
	pub fn free_slots(&self) -> u16 {
		self.info.slots.saturating_sub(self.used_slots)
	}

	/// The part of its bond that no open work reserves.
	pub fn free_bond(&self) -> Balance {
		self.bond.saturating_sub(self.liability)
	}

	/// True if nothing but a free slot and free bond is missing for the pools.
	pub fn in_standing(&self, params: &ProvidersParams) -> bool {
		self.status == ProviderStatus::Active && self.bond >= params.min_bond
	}

	/// True if it has a slot and enough of its bond free for the least work.
	pub fn is_free(&self, params: &ProvidersParams) -> bool {
		self.free_slots() > 0 && self.free_bond() >= params.least_liability
	}

	/// True if it belongs in the pools: no entry of which it is certain that it can take no work is in the way of others.
	pub fn belongs_in_pools(&self, params: &ProvidersParams) -> bool {
		self.in_standing(params) && self.is_free(params)
	}

	/// True if it stands in the pools.
	pub fn pooled(&self) -> bool {
		self.places.iter().any(Option::is_some)
	}

	/// Everything that is on hold for it.
	pub fn held(&self) -> Balance {
		self.bond
			.saturating_add(self.unbonding.map_or(0, |unbonding| unbonding.amount))
	}

	/// True if its last sign of life is longer ago than the period.
	pub fn silent(&self, now: MarketBlock, period: MarketBlock) -> bool {
		now.saturating_sub(self.last_seen) > period
	}

	/// True if it stands in the pools of all its classes and in no others, of its region, price and memory.
	pub fn is_in_place(&self) -> bool {
		self.stands_in == Shelf::of(&self.info)
			&& HardwareClass::ALL
				.into_iter()
				.all(|class| self.places[class as usize].is_some() == self.info.classes.contains(class))
	}

	/// Its entry in the pools: not free, so that no draw returns it, while it is to leave them.
	pub fn entry(&self, who: &AccountId, params: &ProvidersParams) -> PoolEntry {
		let counts = self.belongs_in_pools(params) && self.is_in_place();
		PoolEntry {
			provider: who.clone(),
			ask: self.info.ask,
			is_free: counts,
			memory_pages: self.info.memory_pages,
			reputation: self.reputation.score(),
			drawable_from: self.drawable_from,
		}
	}
}

/// A pool: the providers of one hardware class and region whose asks lie in one price bucket and whose memory on one level, so that
/// a request is met by all of a pool in these, or not looked for there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PoolKey {
	/// The hardware class.
	pub class: HardwareClass,
	/// Which of the class's pools.
	pub shelf: Shelf,
}

/// A provider's entry in a pool, with all that a draw filters on, so that a draw is one read.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PoolEntry {
	/// Whose entry it is.
	pub provider: AccountId,
	/// Its price in plancks per Ggas.
	pub ask: Balance,
	/// Whether it has a slot and bond free and is not to leave.
	pub is_free: bool,
	/// The memory of each slot in pages of 64 KiB.
	pub memory_pages: u32,
	/// Its reputation when the entry was last written: never better than it is, since whoever fails leaves the pools.
	pub reputation: Permill,
	/// The market block from which draws may return it.
	pub drawable_from: MarketBlock,
}

impl From<PoolEntry> for Candidate {
	fn from(entry: PoolEntry) -> Self {
		Self {
			provider: entry.provider,
			ask: entry.ask,
			reputation: entry.reputation,
		}
	}
}
