//! Providers: hardware, regions, and how they are drawn.

use crate::{job::Endpoint, AccountId, Balance};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Permill;

/// The most candidates that one draw looks at.
pub const MAX_DRAWS: u32 = 16;
/// The number of regions.
pub const REGIONS: usize = 8;
/// The number of price buckets: bucket 0 holds asks below [`BUCKET_BASE`], bucket `b` those below `2^b` times it, the last
/// one all above.
pub const PRICE_BUCKETS: usize = 16;
/// The price, in plancks per Ggas, at which bucket 1 starts.
pub const BUCKET_BASE: Balance = 1_000_000;

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

/// The price bucket of an ask.
pub fn price_bucket(ask: Balance) -> usize {
	(ask / BUCKET_BASE)
		.checked_ilog2()
		.map_or(0, |bits| bits as usize + 1)
		.min(PRICE_BUCKETS - 1)
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
	/// Of these, those whose price bucket is within the cap; at the cap's own bucket some may ask more.
	pub affordable: u32,
}
