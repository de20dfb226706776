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
	/// What was burned of fees for its accepted work, ever, in plancks: how much it has invested in being known, by which
	/// its work is audited less often.
	pub burned: Balance,
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
	/// The region and the price bucket of the pools in which it stands.
	pub stands_in: (Region, u8),
	/// Whether it waits to be moved.
	pub moving: bool,
}

/// The region and the price bucket of the pools to which a provider that declares this belongs.
pub(crate) fn pools_of(info: &ProviderInfo) -> (Region, u8) {
	(info.region, price_bucket(info.ask) as u8)
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

	/// The region and the price bucket of the pools to which it belongs.
	pub fn pools(&self) -> (Region, u8) {
		pools_of(&self.info)
	}

	/// In which of a class's pools it stands.
	pub fn pool(&self, class: HardwareClass) -> PoolKey {
		let (region, bucket) = self.stands_in;
		PoolKey { class, region, bucket }
	}

	/// True if it stands in the pools of all its classes and in no others, of its region and price.
	pub fn is_in_place(&self) -> bool {
		self.stands_in == self.pools()
			&& HardwareClass::ALL
				.into_iter()
				.all(|class| self.places[class as usize].is_some() == self.info.classes.contains(class))
	}

	/// Its entry in the pools: not free, so that no draw returns it, while it is to leave them.
	pub fn entry(&self, who: &AccountId, min_bond: Balance) -> PoolEntry {
		let counts = self.belongs_in_pools(min_bond) && self.is_in_place();
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
	/// Whether it has a free slot and is not to leave.
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
