//! What is stored: a provider's record, and its entries in the pools.

use crate::reputation::Reputation;
use codec::{Decode, Encode, MaxEncodedLen};
use millrace_primitives::{
	provider::{price_bucket, Candidate, HardwareClass, ProviderInfo, ProviderStatus, Region, PRICE_BUCKETS, REGIONS},
	AccountId, Balance, MarketBlock,
};
use scale_info::TypeInfo;
use sp_runtime::Permill;

/// The number of hardware classes.
pub const CLASSES: usize = HardwareClass::ALL.len();

/// How many members each pool of one hardware class has, by region and price bucket.
pub type Sizes = [[u32; PRICE_BUCKETS]; REGIONS];

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
	/// Slots in use. More than there are after it offered fewer while it worked.
	pub used_slots: u16,
	/// What it did so far.
	pub reputation: Reputation,
	/// The market block of its last sign of life, exact to a sixteenth of the heartbeat period.
	pub last_seen: MarketBlock,
	/// The market block from which draws may return it.
	pub drawable_from: MarketBlock,
	/// Its index in the pool of each class in which it stands.
	pub places: [Option<u32>; CLASSES],
}

impl Provider {
	/// Slots that are free.
	pub fn free_slots(&self) -> u16 {
		self.info.slots.saturating_sub(self.used_slots)
	}

	/// True if nothing but a free slot is missing for the pools.
	pub fn in_standing(&self, min_bond: Balance) -> bool {
		self.status == ProviderStatus::Active && self.bond >= min_bond
	}

	/// True if it belongs in the pools.
	pub fn belongs_in_pools(&self, min_bond: Balance) -> bool {
		self.in_standing(min_bond) && self.free_slots() > 0
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

	/// Which of a class's pools it belongs to.
	pub fn pool(&self, class: HardwareClass) -> PoolKey {
		PoolKey {
			class,
			region: self.info.region,
			bucket: price_bucket(self.info.ask) as u8,
		}
	}

	/// Its entry in the pools.
	pub fn entry(&self, who: &AccountId) -> PoolEntry {
		PoolEntry {
			provider: who.clone(),
			ask: self.info.ask,
			free_slots: self.free_slots(),
			memory_pages: self.info.memory_pages,
			reputation: self.reputation.score(),
			drawable_from: self.drawable_from,
		}
	}
}

/// A pool: the providers of one hardware class and region whose asks lie in one price bucket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PoolKey {
	/// The hardware class.
	pub class: HardwareClass,
	/// The region.
	pub region: Region,
	/// The price bucket, below [`PRICE_BUCKETS`].
	pub bucket: u8,
}

/// A provider's entry in a pool, with all that a draw filters on, so that a draw is one read.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PoolEntry {
	/// Whose entry it is.
	pub provider: AccountId,
	/// Its price in plancks per Ggas.
	pub ask: Balance,
	/// Its free slots, at least 1.
	pub free_slots: u16,
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
			free_slots: entry.free_slots,
			reputation: entry.reputation,
		}
	}
}
