//! A chain with balances and providers. Every test runs through [`build_and_execute`], which checks the invariants at
//! its end.

use crate as pallet_providers;
use frame_support::{derive_impl, parameter_types, traits::ConstU128};
use millrace_primitives::{
	params::ProvidersParams,
	provider::{Candidate, ClassSet, DrawRequest, HardwareClass, ProviderInfo, Region, RegionSet},
	traits::{KeepPoints, MarketClock, ProviderRegistry},
	AccountId, Balance, Hash, MarketBlock, MICRO, MILL,
};
use sp_runtime::{traits::IdentityLookup, BuildStorage, Permill};

pub type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type Providers = pallet_providers;
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
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<1_000>;
	type AccountStore = System;
}

/// Points that were kept for who left.
pub struct Left;

parameter_types! {
	pub static Kept: Vec<(AccountId, u32, Balance)> = Vec::new();
}

impl KeepPoints for Left {
	fn keep(provider: &AccountId, era: u32, points: Balance) {
		Kept::mutate(|kept| kept.push((provider.clone(), era, points)));
	}
}

/// Market blocks are blocks.
pub struct Clock;

impl MarketClock for Clock {
	fn now() -> MarketBlock {
		System::block_number() as MarketBlock
	}
}

parameter_types! {
	pub static Parameters: ProvidersParams = default_params();
}

impl pallet_providers::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Clock = Clock;
	type Points = Left;
	type Parameters = Parameters;
	type WeightInfo = pallet_providers::weights::SubstrateWeight<Test>;
}

pub type Error = pallet_providers::Error<Test>;
pub type Event = pallet_providers::Event<Test>;

/// The parameters of every test that does not set others.
pub fn default_params() -> ProvidersParams {
	ProvidersParams {
		min_bond: 100 * MILL,
		least_liability: 2 * MILL,
		min_operator_funding: MILL,
		min_ask: 100 * MICRO,
		heartbeat_period: 160,
		membership_delay: 10,
		unbonding_period: 50,
		reputation_unit: 1_000,
		reputation_memory: Permill::from_percent(99),
	}
}

/// The bond that [`register`] registers with.
pub const BOND: Balance = 300 * MILL;
/// What each provider account of the tests is given.
pub const WEALTH: Balance = 1_000 * MILL;

/// The `n`-th provider's account, with [`WEALTH`] at genesis for the first ten.
pub fn provider(n: u32) -> AccountId {
	account(b'p', n)
}

/// The `n`-th operator's account.
pub fn operator(n: u32) -> AccountId {
	account(b'o', n)
}

fn account(kind: u8, n: u32) -> AccountId {
	let mut bytes = [kind; 32];
	bytes[28..].copy_from_slice(&n.to_be_bytes());
	AccountId::new(bytes)
}

/// What a provider declares in tests that do not care.
pub fn info() -> ProviderInfo {
	ProviderInfo {
		classes: ClassSet::of(&[HardwareClass::General]),
		region: Region::Europe,
		slots: 2,
		memory_pages: 1_024,
		ask: MILL / 100,
		endpoint: b"http://provider.example:8080".to_vec().try_into().unwrap(),
	}
}

/// A request that every provider with [`info`] meets.
pub fn request() -> DrawRequest {
	DrawRequest {
		class: HardwareClass::General,
		regions: RegionSet::ANY,
		price_cap: MILL,
		memory_pages: 1,
		min_reputation: Permill::zero(),
	}
}

/// Whom a draw finds.
pub fn draw(request: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Vec<Candidate> {
	<Providers as ProviderRegistry>::draw(request, seed, draws, enough).candidates
}

/// Registers the `n`-th provider with its operator.
pub fn register(n: u32, info: ProviderInfo) {
	let funding = Parameters::get().min_operator_funding;
	let origin = RuntimeOrigin::signed(provider(n));
	frame_support::assert_ok!(Providers::register(origin, operator(n), info, BOND, funding));
}

/// Lets everybody move in the pools who waits for it, as the next tick does.
pub fn move_pools() {
	Providers::do_move_pools(&mut frame_support::weights::WeightMeter::new());
}

/// The `n`-th provider's record after the next tick.
pub fn record(n: u32) -> pallet_providers::types::Provider {
	move_pools();
	pallet_providers::Providers::<Test>::get(provider(n)).expect("the test registered it")
}

/// Lets so many market blocks pass.
pub fn pass(blocks: MarketBlock) {
	move_pools();
	System::set_block_number(System::block_number() + u64::from(blocks));
}

/// The events of this pallet since the last time, in their order.
pub fn events() -> Vec<Event> {
	let events = System::read_events_for_pallet::<Event>();
	System::reset_events();
	events
}

/// Externalities with ten wealthy accounts, at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Parameters::set(default_params());
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	pallet_balances::GenesisConfig::<Test> {
		balances: (0..10).map(|n| (provider(n), WEALTH)).collect(),
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test and checks the invariants after it.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		check();
	});
}

/// Checks the invariants, and that those and only those are drawable who should be.
pub fn check() {
	Providers::do_try_state().unwrap();
	move_pools();
	Providers::do_try_state().unwrap();
	let params = Parameters::get();
	for (who, provider) in pallet_providers::Providers::<Test>::iter() {
		assert_eq!(
			provider.pooled(),
			provider.belongs_in_pools(&params),
			"{who:?}: {provider:?}"
		);
	}
}

/// Registers so many providers of one slot each, from the 0th on, and gives the 20,000th account enough to follow.
pub fn populate(count: u32) {
	use frame_support::traits::fungible::Mutate;
	for n in (0..count).chain([20_000]) {
		Balances::set_balance(&provider(n), WEALTH);
	}
	for n in 0..count {
		register(n, ProviderInfo { slots: 1, ..info() });
	}
}
