//! Balances, deposits and transaction fees.
//!
//! A transaction costs `multiplier * weight * FEE_PER_WEIGHT + length * FEE_PER_BYTE`, to which the
//! base weight of every transaction belongs: about 0.003 MILL for a transfer. The multiplier is 1
//! as long as blocks are less than a quarter full and grows while they are fuller, so the base price
//! is a floor and congestion costs. Half of a fee goes to the block's author, half is burned; tips
//! go to the author entirely.

use crate::{
	AccountId, Authorship, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, System,
};
use frame_support::{
	parameter_types,
	traits::{
		fungible::{Balanced, Credit},
		ConstU32, ConstU8, Imbalance, OnUnbalanced, VariantCountOf,
	},
	weights::ConstantMultiplier,
};
use millrace_primitives::{MILL, MILLI};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{traits::Bounded, FixedPointNumber, Perquintill};

/// What an account must hold to exist: 0.001 MILL.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI;

/// Price of one picosecond of a block's compute, in the token's smallest unit: 10 MILL a second.
pub const FEE_PER_WEIGHT: Balance = 10 * MILL / 1_000_000_000_000;

/// Price of one byte of a block, in the token's smallest unit: 0.000005 MILL.
pub const FEE_PER_BYTE: Balance = MILL / 200_000;

/// Deposit for keeping `items` entries with `bytes` bytes altogether in the state: 0.01 MILL an
/// entry, 0.0001 MILL a byte.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
	items as Balance * (MILL / 100) + bytes as Balance * (MILL / 10_000)
}

parameter_types! {
	/// See [`EXISTENTIAL_DEPOSIT`].
	pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
}

impl pallet_balances::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
	type Balance = Balance;
	/// Dust is burned.
	type DustRemoval = ();
	type ExistentialDeposit = ExistentialDeposit;
	type AccountStore = System;
	type ReserveIdentifier = [u8; 8];
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxLocks = ConstU32<50>;
	type MaxReserves = ConstU32<50>;
	type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
	type DoneSlashHandler = ();
}

parameter_types! {
	/// See [`FEE_PER_WEIGHT`].
	pub const FeePerWeight: Balance = FEE_PER_WEIGHT;
	/// See [`FEE_PER_BYTE`].
	pub const FeePerByte: Balance = FEE_PER_BYTE;
	/// Fullness of blocks (of their normal share) above which prices rise.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast they rise: a day of full blocks nearly doubles them.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(3, 100_000);
	/// The base price is a floor.
	pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_integer(1);
	/// No ceiling: whoever fills blocks pays ever more.
	pub MaximumMultiplier: Multiplier = Multiplier::max_value();
}

/// Price of compute.
pub type WeightToFee = ConstantMultiplier<Balance, FeePerWeight>;
/// Price of bytes.
pub type LengthToFee = ConstantMultiplier<Balance, FeePerByte>;

impl pallet_transaction_payment::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type OnChargeTransaction = FungibleAdapter<Balances, FeesToAuthor>;
	type WeightToFee = WeightToFee;
	type LengthToFee = LengthToFee;
	type FeeMultiplierUpdate =
		TargetedFeeAdjustment<Runtime, TargetBlockFullness, AdjustmentVariable, MinimumMultiplier, MaximumMultiplier>;
	type OperationalFeeMultiplier = ConstU8<5>;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

/// Gives half of each fee and the whole tip to the block's author and burns the rest.
pub struct FeesToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for FeesToAuthor {
	fn on_unbalanceds(mut fee_then_tip: impl Iterator<Item = Credit<AccountId, Balances>>) {
		let Some(fee) = fee_then_tip.next() else {
			return;
		};
		// Integer division rounds the first part down: the odd unit is burned.
		let (mut to_author, burned) = fee.ration(1, 1);
		drop(burned);
		if let Some(tip) = fee_then_tip.next() {
			to_author.subsume(tip);
		}
		let Some(author) = Authorship::author() else {
			// Only a block without a BABE digest has no author; its fees are burned.
			drop(to_author);
			return;
		};
		if let Err(too_little) = Balances::resolve(&author, to_author) {
			// The author's account does not exist and this is less than it takes to create it.
			drop(too_little);
		}
	}
}
