//! A chain with balances, this pallet, and a clock that tests set.

use crate as pallet_emission;
use crate::*;
use frame_support::{
	derive_impl, parameter_types,
	traits::tokens::{Fortitude, Precision, Preservation},
};
use millrace_primitives::{traits::Payment, JobId, MarketBlock, Report, ShardId, MILL};
use sp_runtime::{
	traits::{Dispatchable, IdentityLookup},
	BuildStorage,
};

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeHoldReason,
		RuntimeFreezeReason,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type Emission = pallet_emission;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountId = AccountId;
	type Lookup = IdentityLookup<AccountId>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ExistentialDeposit;
}

parameter_types! {
	pub const ExistentialDeposit: Balance = 1_000;
	pub static Now: MarketBlock = 0;
	pub static Parameters: EmissionParams = params();
	pub static Cap: Balance = 1_000_000 * MILL;
	/// What tests burned as fees, for the supply's equation.
	pub static Burned: Balance = 0;
}

/// Eras of 10 blocks, claimable for 3; a ceiling out of reach of small tests.
pub fn params() -> EmissionParams {
	EmissionParams {
		era: 10,
		claim_eras: 3,
		..EmissionParams::default()
	}
}

pub struct Clock;

impl MarketClock for Clock {
	fn now() -> MarketBlock {
		Now::get()
	}
}

impl Config for Test {
	type Currency = Balances;
	type Clock = Clock;
	type Open = Open;
	type Parameters = Parameters;
	type Cap = Cap;
	type WeightInfo = weights::SubstrateWeight<Test>;
}

/// Records of the providers `1 ..= 5`; others have none.
#[frame_support::storage_alias]
pub type Records = StorageMap<Mock, Twox64Concat, AccountId, (EraIndex, Balance), OptionQuery>;

pub struct Open;

impl OpenPoints for Open {
	fn add_points(provider: &AccountId, era: EraIndex, points: Balance) -> Option<(EraIndex, Balance)> {
		if !(1..=5).any(|n| account(n) == *provider) {
			return Some((era, points));
		}
		let before = Records::take(provider);
		let (same, other): (Vec<_>, Vec<_>) = before.into_iter().partition(|(of, _)| *of == era);
		let sum = points + same.first().map_or(0, |(_, points)| *points);
		Records::insert(provider, (era, sum));
		other.first().copied()
	}
	fn points(provider: &AccountId, era: EraIndex) -> Balance {
		Records::get(provider)
			.filter(|(of, _)| *of == era)
			.map_or(0, |(_, points)| points)
	}
	fn take_points(provider: &AccountId, era: EraIndex) -> Balance {
		let points = Self::points(provider, era);
		if points > 0 {
			Records::remove(provider);
		}
		points
	}
	fn all_points() -> Vec<(AccountId, EraIndex, Balance)> {
		Records::iter().map(|(who, (era, points))| (who, era, points)).collect()
	}
}

/// Where all points are: those of an era and a provider each once.
pub fn all_points() -> Vec<(EraIndex, AccountId)> {
	let open = Open::all_points().into_iter().map(|(who, era, _)| (era, who));
	let mut all: Vec<_> = Points::<Test>::iter_keys().chain(open).collect();
	all.sort();
	all.dedup();
	all
}

pub fn account(n: u8) -> AccountId {
	[n; 32].into()
}

/// The first of eight rich clients.
pub const CLIENT: u8 = 200;

/// Burns each fee from the client and tells the pallet of a shard in which these providers caused them.
pub fn settle(client: u8, fees: &[(u8, Balance)]) {
	for (_, burned) in fees {
		let client = account(client);
		Balances::burn_from(
			&client,
			*burned,
			Preservation::Expendable,
			Precision::Exact,
			Fortitude::Force,
		)
		.expect("clients are rich");
		Burned::mutate(|sum| *sum += burned);
	}
	Emission::on_settled(&settlement(fees));
}

pub fn settlement(fees: &[(u8, Balance)]) -> Settlement {
	let payments = fees
		.iter()
		.map(|(provider, burned)| Payment {
			provider: account(*provider),
			amount: 1,
			gas: 1,
			burned: *burned,
		})
		.collect();
	let report = Report {
		root: Default::default(),
		gas_used: 1,
	};
	Settlement {
		shard: ShardId {
			job: JobId(0),
			index: 0,
		},
		report,
		payments,
		counted: true,
	}
}

/// Moves the clock on and lets the pallet poll with all the weight it could want.
pub fn poll_at(now: MarketBlock) {
	Now::set(now);
	Emission::on_poll(1, &mut WeightMeter::new());
}

/// Somebody claims for a provider.
pub fn claim(provider: u8, era: EraIndex) -> DispatchResultWithPostInfo {
	RuntimeCall::Emission(Call::claim {
		provider: account(provider),
		era,
	})
	.dispatch(RuntimeOrigin::signed(account(99)))
}

/// Somebody prunes a provider's points.
pub fn prune(provider: u8, era: EraIndex) -> DispatchResultWithPostInfo {
	RuntimeCall::Emission(Call::prune {
		provider: account(provider),
		era,
	})
	.dispatch(RuntimeOrigin::signed(account(99)))
}

pub fn totals() -> Totals {
	Emitted::<Test>::get()
}

pub fn new_ext() -> sp_io::TestExternalities {
	Now::set(0);
	Parameters::set(params());
	Cap::set(1_000_000 * MILL);
	Burned::set(0);
	let mut storage = frame_system::GenesisConfig::<Test>::default()
		.build_storage()
		.expect("genesis is valid");
	pallet_balances::GenesisConfig::<Test> {
		balances: (0..8).map(|n| (account(CLIENT + n), 1_000_000_000 * MILL)).collect(),
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.expect("genesis is valid");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test and checks the invariants and the supply after it.
pub fn run(test: impl FnOnce()) {
	new_ext().execute_with(|| {
		test();
		check();
	});
}

/// Invariants, and `issued = genesis + minted - burned`.
pub fn check() {
	Emission::do_try_state().expect("invariants hold");
	assert_eq!(
		Balances::total_issuance(),
		8 * 1_000_000_000 * MILL + totals().minted - Burned::get()
	);
}
