//! Providers: hardware, regions, and how they are drawn.

use crate::{job::Endpoint, AccountId, Balance};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Permill;

/// The most candidates that one draw looks at.
pub const MAX_DRAWS: u32 = 16;
/// The number of regions.
pub const REGIONS: usize = 8;
/// The number of price buckets. Each holds the asks up to its price and above that of the one before, the last one all above; see
/// [`bucket_price`].
pub const PRICE_BUCKETS: usize = 32;
/// The price of the first bucket, in plancks per Ggas.
pub const BUCKET_BASE: Balance = 100_000_000;
/// The prices of ten buckets, in tenths of that of the first of them; then the same times ten.
const BUCKET_STEPS: [Balance; 10] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];

/// The number of levels of memory.
pub const MEMORY_LEVELS: usize = 9;
/// From how many pages of 64 KiB each level starts: none, 1 MiB, 32 MiB, 128 MiB, then each twice the one before, and at last as many
/// as a task may have. Machines and tasks come in these sizes: what lies between two is found by the lower one only.
pub const MEMORY_PAGES: [u32; MEMORY_LEVELS] = [0, 16, 512, 2_048, 4_096, 8_192, 16_384, 32_768, 65_535];

/// The memory of a slot that [`HardwareClass::HighMemory`] stands for: 16 GiB in pages of 64 KiB.
pub const HIGH_MEMORY_PAGES: u32 = 16 * 1024 * 1024 / 64;

/// What a provider's machine is good for. A provider may offer several. Claims, except where a class says otherwise.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum HardwareClass {
	/// Any machine.
	General,
	/// At least 16 GiB of memory for each slot.
	HighMemory,
	/// A recent server or desktop processor, one core for each slot.
	HighCompute,
	/// A trusted execution environment. Nobody is admitted until quotes are verified on chain.
	Tee,
}

impl HardwareClass {
	/// All classes, in the order of their indices.
	pub const ALL: [Self; 4] = [Self::General, Self::HighMemory, Self::HighCompute, Self::Tee];
}

/// A set of hardware classes.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Default,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(transparent)]
pub struct ClassSet(pub u8);

impl ClassSet {
	/// The set of these classes.
	pub fn of(classes: &[HardwareClass]) -> Self {
		Self(classes.iter().fold(0, |set, class| set | 1 << *class as u8))
	}
	/// True if the class is in the set.
	pub fn contains(self, class: HardwareClass) -> bool {
		self.0 & (1 << class as u8) != 0
	}
	/// True if no known class is in the set.
	pub fn is_empty(self) -> bool {
		self.iter().next().is_none()
	}
	/// The classes in the set.
	pub fn iter(self) -> impl Iterator<Item = HardwareClass> {
		HardwareClass::ALL
			.into_iter()
			.filter(move |class| self.contains(*class))
	}
	/// True if a bit outside the known classes is set.
	pub fn has_unknown(self) -> bool {
		self.0 >> HardwareClass::ALL.len() != 0
	}
}

/// Where a provider says it is.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Region {
	/// Not said.
	Unspecified,
	/// Africa.
	Africa,
	/// Asia without the Middle East.
	Asia,
	/// Europe.
	Europe,
	/// The Middle East.
	MiddleEast,
	/// North America.
	NorthAmerica,
	/// Oceania.
	Oceania,
	/// South America.
	SouthAmerica,
}

impl Region {
	/// All regions, in the order of their indices.
	pub const ALL: [Self; REGIONS] = [
		Self::Unspecified,
		Self::Africa,
		Self::Asia,
		Self::Europe,
		Self::MiddleEast,
		Self::NorthAmerica,
		Self::Oceania,
		Self::SouthAmerica,
	];
}

/// A set of regions; [`RegionSet::ANY`] admits every provider.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(transparent)]
pub struct RegionSet(pub u8);

impl RegionSet {
	/// Every region.
	pub const ANY: Self = Self(u8::MAX);
	/// The set of these regions.
	pub fn of(regions: &[Region]) -> Self {
		Self(regions.iter().fold(0, |set, region| set | 1 << *region as u8))
	}
	/// True if the region is in the set.
	pub fn contains(self, region: Region) -> bool {
		self.0 & (1 << region as u8) != 0
	}
	/// True if no region is in the set.
	pub fn is_empty(self) -> bool {
		self.0 == 0
	}
}

/// The highest ask of a price bucket, in plancks per Ggas: 100, 120, 150, 200, 250, 300, 400, 500, 600, 800 and 1,000 times
/// 10^-6 MILL, and so on. Of the last one there is none.
pub fn bucket_price(bucket: usize) -> Option<Balance> {
	let step = BUCKET_STEPS[bucket % BUCKET_STEPS.len()];
	(bucket < PRICE_BUCKETS - 1).then(|| BUCKET_BASE / 10 * step * 10u128.pow((bucket / BUCKET_STEPS.len()) as u32))
}

/// The price bucket of an ask.
pub fn price_bucket(ask: Balance) -> usize {
	(0..PRICE_BUCKETS)
		.find(|bucket| bucket_price(*bucket).is_none_or(|price| ask <= price))
		.unwrap_or(PRICE_BUCKETS - 1)
}

/// How many price buckets, from the first on, a draw at this price looks at: those of which nobody asks more. Of the first
/// and the last one somebody may, where prices are as extreme.
pub fn affordable_buckets(price_cap: Balance) -> usize {
	(0..PRICE_BUCKETS - 1)
		.position(|bucket| bucket_price(bucket).is_none_or(|price| price > price_cap))
		.map_or(PRICE_BUCKETS, |above| above.max(1))
}

/// What an ask counts as: the next higher step, if it is none itself. `None` above the last one.
pub fn counted_ask(ask: Balance) -> Option<Balance> {
	bucket_price(price_bucket(ask))
}

/// The highest step that a draw at this price looks at: who asks more is not found. `None` if it looks at all.
pub fn counted_price(price_cap: Balance) -> Option<Balance> {
	bucket_price(affordable_buckets(price_cap) - 1)
}

/// The level of a slot's memory.
pub fn memory_level(pages: u32) -> usize {
	MEMORY_PAGES.iter().rposition(|least| *least <= pages).unwrap_or(0)
}

/// The first level at which a slot has enough memory for a task. A task never needs more than the last one has.
pub fn level_for_task(pages: u32) -> usize {
	MEMORY_PAGES
		.iter()
		.position(|least| *least >= pages)
		.unwrap_or(MEMORY_LEVELS - 1)
}

/// What a provider declares about itself; it may change everything but the account at any time.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ProviderInfo {
	/// The hardware classes it offers, at least one.
	pub classes: ClassSet,
	/// Where it says it is.
	pub region: Region,
	/// How many shards it computes at the same time, at least 1.
	pub slots: u16,
	/// The memory of each slot, in pages of 64 KiB.
	pub memory_pages: u32,
	/// Its price in plancks per Ggas, at least the protocol's minimum.
	pub ask: Balance,
	/// Where it serves outputs.
	pub endpoint: Endpoint,
}

/// Whether a provider gets work.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum ProviderStatus {
	/// It is drawn while it has a free slot and enough free bond.
	Active,
	/// It missed a deadline or its heartbeats; it is drawn again after its next heartbeat.
	Unresponsive,
	/// It asked for no more work.
	Draining,
}

/// What a draw asks of its candidates.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct DrawRequest {
	/// The hardware class.
	pub class: HardwareClass,
	/// The allowed regions.
	pub regions: RegionSet,
	/// The highest ask, in plancks per Ggas.
	pub price_cap: Balance,
	/// The memory that a task needs, in pages of 64 KiB.
	pub memory_pages: u32,
	/// The least reputation.
	pub min_reputation: Permill,
}

/// A provider that a draw found, with what a policy may weigh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
	/// The provider's account.
	pub provider: AccountId,
	/// Its price in plancks per Ggas.
	pub ask: Balance,
	/// Its reputation.
	pub reputation: Permill,
}

/// What a draw found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Drawn {
	/// Those who meet the request, each once, in the order of the draw.
	pub candidates: Vec<Candidate>,
	/// How many entries it looked at, each once.
	pub looked: u32,
	/// How many there are in the pools from which it draws.
	pub among: u64,
}

impl Drawn {
	/// Whether as far as its looks tell at least so many could have been found: nobody can be sure to be drawn then. The last
	/// look is left out if there were others before it, since looking ends with one that finds somebody.
	pub fn could_find(&self, least: u32) -> bool {
		let (found, looked) = match self.candidates.len() as u128 {
			0 => return false,
			1 => (1, u128::from(self.looked)),
			found => (found - 1, u128::from(self.looked.saturating_sub(1))),
		};
		u128::from(self.among) * found >= u128::from(least) * looked
	}
}

/// How many providers in the pools meet how much of a request; counted without looking at single providers.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Census {
	/// Those of the class that have a free slot.
	pub in_class: u32,
	/// Of these, those in the allowed regions.
	pub in_region: u32,
	/// Of these, those who do not ask more, as far as price buckets tell.
	pub affordable: u32,
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{MICRO, MILL};
	use proptest::prelude::*;

	#[test]
	fn prices_that_people_choose_are_those_of_buckets() {
		for price in [
			100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1_000, 2_000, 3_000, 10_000, 100_000,
		] {
			let bucket = price_bucket(price * MICRO);
			assert_eq!(bucket_price(bucket), Some(price * MICRO));
			assert!(bucket < affordable_buckets(price * MICRO));
			assert_eq!(price_bucket(price * MICRO + 1), bucket + 1);
			assert!(bucket >= affordable_buckets(price * MICRO - 1) || bucket == 0);
		}
		assert_eq!((price_bucket(0), affordable_buckets(0)), (0, 1));
		assert_eq!(price_bucket(Balance::MAX), PRICE_BUCKETS - 1);
		assert_eq!(affordable_buckets(Balance::MAX), PRICE_BUCKETS);
		assert_eq!(bucket_price(PRICE_BUCKETS - 1), None);
		assert_eq!((price_bucket(MILL), affordable_buckets(MILL)), (31, 32));
	}

	#[test]
	fn memory_counts_by_levels() {
		for (pages, level) in [
			(0, 0),
			(15, 0),
			(16, 1),
			(511, 1),
			(512, 2),
			(8_191, 4),
			(8_192, 5),
			(65_534, 7),
			(65_535, 8),
			(u32::MAX, 8),
		] {
			assert_eq!(memory_level(pages), level, "{pages}");
		}
		for (pages, level) in [
			(0, 0),
			(1, 1),
			(16, 1),
			(17, 2),
			(8_192, 5),
			(8_193, 6),
			(32_769, 8),
			(65_535, 8),
			(u32::MAX, 8),
		] {
			assert_eq!(level_for_task(pages), level, "{pages}");
		}
	}

	#[test]
	fn what_could_be_found_is_told_by_the_looks() {
		let drawn = |found: usize, looked, among| Drawn {
			candidates: vec![
				Candidate {
					provider: AccountId::new([0; 32]),
					ask: 0,
					reputation: Permill::zero()
				};
				found
			],
			looked,
			among,
		};
		assert!(!Drawn::default().could_find(0));
		assert!(!drawn(2, 2, 2).could_find(3) && drawn(2, 2, 2).could_find(2));
		assert!(drawn(2, 2, 8).could_find(8) && !drawn(2, 2, 7).could_find(8));
		assert!(!drawn(2, 16, 119).could_find(8) && drawn(2, 16, 120).could_find(8));
		assert!(!drawn(1, 16, 127).could_find(8) && drawn(1, 16, 128).could_find(8));
		assert!(drawn(1, 1, 8).could_find(8) && !drawn(1, 1, 7).could_find(8));
		assert!(drawn(1, 16, u64::MAX).could_find(u32::MAX));
	}

	proptest! {
		#[test]
		fn a_bucket_holds_what_it_says(ask in 0..MILL / 5, cap in 100 * MICRO..MILL / 5) {
			let bucket = price_bucket(ask);
			prop_assert!(bucket_price(bucket).is_none_or(|price| ask <= price));
			prop_assert!(bucket == 0 || bucket_price(bucket - 1).unwrap() < ask);
			let found = counted_price(cap).is_none_or(|most| counted_ask(ask).is_some_and(|counted| counted <= most));
			prop_assert_eq!(found, bucket < affordable_buckets(cap));
			if bucket < affordable_buckets(cap) && bucket < PRICE_BUCKETS - 1 {
				prop_assert!(ask <= cap);
			}
			// Whoever asks no more than five sixths, or three quarters at the widest steps, is looked at.
			if ask <= cap / 4 * 3 {
				prop_assert!(bucket < affordable_buckets(cap));
			}
		}

		#[test]
		fn who_is_looked_at_has_the_memory(has: u32, needs in 0u32..=65_535) {
			if memory_level(has) >= level_for_task(needs) {
				prop_assert!(has >= needs);
			}
		}
	}
}
