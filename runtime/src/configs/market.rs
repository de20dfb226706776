//! The market: who can work, who wants work, what proves it, and what it earns.
//!
//! The four pallets do not know each other; the traits of `millrace_primitives::traits` join them here. Signs of life
//! and reputation go to the providers, evidence and disputes to the attestations, and every accepted shard is told to both the
//! providers and the emission.

use super::{
	parameters::{CurrentCourtParams, CurrentEmissionParams, CurrentJobsParams, CurrentProvidersParams},
	seats::SeatFee,
	system::BlockWeights,
};
use crate::{
	lane::{CheckLane, LaneFull},
	AccountId, Attestations, Authorship, Balance, Balances, Emission, Jobs, Providers, Runtime, RuntimeHoldReason,
	TransactionPayment, TxExtension,
};
use alloc::vec::Vec;
use frame_support::{dispatch::DispatchInfo, parameter_types, traits::Get, weights::Weight};
use millrace_primitives::{traits::DefaultPolicy, MarketBlock, MILL};
use sp_runtime::{
	generic::Era,
	traits::{Convert, TransactionExtension},
	Perbill,
};

/// The most that is ever emitted to providers: a thousand million MILL. With the parameters that chains start with, the
/// ceiling of an era has halved ten times by then and is a thousandth of the first, so the cap is no cliff.
pub const EMISSION_CAP: Balance = 1_000_000_000 * MILL;

parameter_types! {
	/// What the jobs' tick (timers, draws) may take of a block.
	pub TickWeight: Weight = Perbill::from_percent(25) * BlockWeights::get().max_block;
	/// Fourteen days of 3-second blocks: a mistake is found, mended and voted upon in that time, and nobody's honest money is
	/// kept for longer.
	pub const LongestFreeze: MarketBlock = 14 * 24 * 1_200;
	/// See [`EMISSION_CAP`].
	pub const EmissionCap: Balance = EMISSION_CAP;
}

/// The author of the block being executed, who gets the part of protocol fees that is not burned.
pub struct CurrentAuthor;

impl Get<Option<AccountId>> for CurrentAuthor {
	fn get() -> Option<AccountId> {
		let author = Authorship::author();
		// Blocks of benchmarks have none, but paying one is part of what is measured.
		#[cfg(feature = "runtime-benchmarks")]
		let author = author.or(Some(AccountId::new([0xa; 32])));
		author
	}
}

/// What a transaction with a call of a weight costs at present, in so many bytes, with what every transaction carries beside its
/// call.
pub struct CallFee;

impl Convert<(Weight, u32), Balance> for CallFee {
	fn convert((weight, len): (Weight, u32)) -> Balance {
		let info = DispatchInfo {
			call_weight: weight,
			extension_weight: extensions().weight(&frame_system::Call::remark { remark: Vec::new() }.into()),
			..Default::default()
		};
		TransactionPayment::compute_fee(len, &info, 0)
	}
}

fn extensions() -> TxExtension {
	(
		frame_system::AuthorizeCall::new(),
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckMortality::from(Era::Immortal),
		frame_system::CheckNonce::from(0),
		CheckLane,
		frame_system::CheckWeight::new(),
		pallet_transaction_payment::ChargeTransactionPayment::from(0),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	)
}

impl pallet_providers::Config for Runtime {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Clock = Jobs;
	type Parameters = CurrentProvidersParams;
	type Points = Emission;
	type WeightInfo = pallet_providers::weights::SubstrateWeight<Runtime>;
}

impl pallet_jobs::Config for Runtime {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Providers = Providers;
	type Policy = DefaultPolicy;
	type Verifier = Attestations;
	type OnSettled = (Providers, Emission);
	type Parameters = CurrentJobsParams;
	/// The output of the parent block's VRF is known to its author alone before it is published, and two epochs ahead
	/// at that; what it can do with it is withhold blocks. A draw's seed is hashed from several blocks' outputs, so
	/// with `k` of `n` seed blocks an author chooses among at most `2^k` seeds, at the price of the blocks it withholds.
	type Randomness = pallet_babe::ParentBlockRandomness<Runtime>;
	type BlockAuthor = CurrentAuthor;
	type ClockStops = (LaneFull,);
	type TickWeight = TickWeight;
	type SeatFee = SeatFee;
	type CallFee = CallFee;
	type WeightInfo = pallet_jobs::weights::SubstrateWeight<Runtime>;
}

impl pallet_attestations::Config for Runtime {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Assignments = Jobs;
	type Registry = Providers;
	type Clock = Jobs;
	type Parameters = CurrentCourtParams;
	/// Root, until there is a body that can be asked within hours.
	type GovernOrigin = frame_system::EnsureRoot<AccountId>;
	type LongestFreeze = LongestFreeze;
	type WeightInfo = pallet_attestations::weights::SubstrateWeight<Runtime>;
}

impl pallet_emission::Config for Runtime {
	type Currency = Balances;
	type Clock = Jobs;
	type Open = Providers;
	type Parameters = CurrentEmissionParams;
	type Cap = EmissionCap;
	type WeightInfo = pallet_emission::weights::SubstrateWeight<Runtime>;
}
