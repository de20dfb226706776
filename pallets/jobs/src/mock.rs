//! A chain with this pallet, a registry and a verifier that remember what they were told.

use crate::{self as pallet_jobs, Config};
use core::cell::RefCell;
use frame_support::{
	derive_impl, parameter_types,
	traits::{fungible::Inspect, ConstU128, OnFinalize, OnPoll, Randomness},
	weights::{Weight, WeightMeter},
};
use millrace_primitives::{
	job::{Constraints, Endpoint, Preferences, Verification},
	machine, merkle,
	params::JobsParams,
	provider::{Candidate, Census, DrawRequest, Drawn, HardwareClass, RegionSet},
	traits::{
		Agreed, Alarm, Assignments, Called, ClockStops, Conduct, DefaultPolicy, DrawnSeat, Ending, OnSettled, Pace,
		ProviderRecord, ProviderRegistry, Settlement, Stake, Stop, Verifier,
	},
	AccountId, Balance, Blob, Hash, JobId, JobSpec, Limits, MarketBlock, ProgramId, ProgramRoots, ShardId,
	ENGINE_VERSION, MILL,
};
use sp_runtime::{
	traits::{Convert, IdentityLookup},
	BuildStorage, DispatchError, DispatchResult, Perbill, Permill,
};
use std::collections::{BTreeMap, BTreeSet};

pub type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Jobs: pallet_jobs,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountId = AccountId;
	type Lookup = IdentityLookup<AccountId>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

pub const ED: Balance = 1_000_000_000;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<ED>;
	type AccountStore = System;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type FreezeIdentifier = [u8; 8];
	type MaxFreezes = frame_support::traits::ConstU32<4>;
}

parameter_types! {
	pub static Params: JobsParams = params();
	pub static BlockAuthor: Option<AccountId> = Some(account(VALIDATOR));
	pub static TickWeight: Weight = Weight::from_parts(u64::MAX / 2, u64::MAX / 2);
	/// False: blocks have no VRF output.
	pub static Vrf: bool = true;
	/// What the verifier asks for beside the reserve; it cannot say beyond the largest balance.
	pub static Budget: Option<Balance> = Some(0);
	/// The most that serving an alarm weighs, and what it weighs.
	pub static ServeWeight: (Weight, Weight) = (Weight::zero(), Weight::zero());
	/// What the end of a block says about the clock.
	pub static StopAfter: Stop = Stop::None;
	/// False: the verifier refuses to open.
	pub static MayOpen: bool = true;
}

/// Short periods and a round number here and there.
pub fn params() -> JobsParams {
	JobsParams {
		accept_window: 10,
		execution_base: 20,
		custody_period: 50,
		max_deadline: 1_000,
		custody_share: Permill::from_percent(10),
		// What keeping outputs costs has tests of its own.
		storage_rate: 0,
		demand_window: 20,
		least_crowd: 1,
		..JobsParams::default()
	}
}

/// What submission burns for each seat.
pub const SEAT_FEE: Balance = MILL / 1_000;

pub struct Fees;
impl Convert<u8, Balance> for Fees {
	fn convert(_: u8) -> Balance {
		SEAT_FEE
	}
}

pub const VALIDATOR: u8 = 99;
pub const ALICE: u8 = 1;
pub const BOB: u8 = 2;
/// Providers are `PROVIDER..PROVIDER + n`, their operators 100 higher.
pub const PROVIDER: u8 = 10;

pub fn account(seed: u8) -> AccountId {
	AccountId::new([seed; 32])
}

pub fn operator(provider: u8) -> AccountId {
	account(provider + 100)
}

pub struct VrfPerBlock;
impl Randomness<Option<Hash>, u64> for VrfPerBlock {
	fn random(subject: &[u8]) -> (Option<Hash>, u64) {
		let block = System::block_number();
		(
			Vrf::get().then(|| merkle::hash(&[subject, &block.to_le_bytes()[..]].concat())),
			block.saturating_sub(1),
		)
	}
}

/// A provider as the mock registry knows it.
#[derive(Clone, Debug)]
pub struct Provider {
	pub ask: Balance,
	pub slots: u16,
	pub used: u16,
	pub bond: Balance,
	pub liability: Balance,
	pub slashed: Balance,
	pub conduct: Vec<Conduct>,
}

thread_local! {
	/// What each tick leaves for providers that move in the pools, and how many slots were in use then.
	pub static MOVED: RefCell<Vec<(Weight, u16)>> = const { RefCell::new(Vec::new()) };
	/// Providers that a draw finds to be stale.
	pub static STALE: RefCell<BTreeSet<AccountId>> = const { RefCell::new(BTreeSet::new()) };
	pub static REGISTRY: RefCell<BTreeMap<AccountId, Provider>> = const { RefCell::new(BTreeMap::new()) };
	/// Operators that are not told by their number.
	pub static OPERATORS: RefCell<BTreeMap<AccountId, AccountId>> = const { RefCell::new(BTreeMap::new()) };
	/// What the verifier was told of the shards that it knows.
	pub static OPENED: RefCell<BTreeMap<ShardId, Agreed>> = const { RefCell::new(BTreeMap::new()) };
	/// The seats that have sealed of shards that the verifier knows.
	pub static SEALED: RefCell<BTreeSet<(ShardId, u8)>> = const { RefCell::new(BTreeSet::new()) };
	/// Shards for which the verifier was told that nobody is drawn any more, in order.
	pub static CLOSED: RefCell<Vec<ShardId>> = const { RefCell::new(Vec::new()) };
	/// What providers have at stake, whatever the cap; none: it cannot be said.
	pub static STAKES: RefCell<BTreeMap<AccountId, Option<Stake>>> = const { RefCell::new(BTreeMap::new()) };
	/// The clocks of programs' work that are not the market's.
	pub static PACES: RefCell<BTreeMap<ProgramId, Pace>> = const { RefCell::new(BTreeMap::new()) };
	/// Alarms that were served, and when.
	pub static SERVED: RefCell<Vec<(Alarm, u32)>> = const { RefCell::new(Vec::new()) };
	/// Shards by whose timers it was woken, and when.
	pub static WOKEN: RefCell<Vec<(ShardId, u32)>> = const { RefCell::new(Vec::new()) };
	/// Outputs that the verifier was told of.
	pub static OUTPUTS: RefCell<Vec<Hash>> = const { RefCell::new(Vec::new()) };
	/// What the verifier says of seats.
	pub static CALLED: RefCell<BTreeMap<(ShardId, AccountId), Called>> = const { RefCell::new(BTreeMap::new()) };
	/// The seats that the verifier drew.
	pub static DRAWN: RefCell<BTreeMap<AccountId, Vec<DrawnSeat>>> = const { RefCell::new(BTreeMap::new()) };
	pub static SETTLED: RefCell<Vec<Settlement>> = const { RefCell::new(Vec::new()) };
}

pub struct Registry;
impl Registry {
	pub fn add(id: u8, ask: Balance, slots: u16) {
		let provider = Provider {
			ask,
			slots,
			used: 0,
			bond: 1_000_000 * MILL,
			liability: 0,
			slashed: 0,
			conduct: Vec::new(),
		};
		REGISTRY.with_borrow_mut(|all| all.insert(account(id), provider));
	}
	pub fn get(id: u8) -> Provider {
		REGISTRY.with_borrow(|all| all[&account(id)].clone())
	}
	pub fn edit(id: u8, change: impl FnOnce(&mut Provider)) {
		REGISTRY.with_borrow_mut(|all| change(all.get_mut(&account(id)).unwrap()));
	}
	/// Nobody works or has anything at stake, but for outputs that it keeps.
	pub fn idle() -> bool {
		let mut bound: BTreeMap<AccountId, Balance> = BTreeMap::new();
		for shard in pallet_jobs::Shards::<Test>::iter_values().filter(|shard| shard.custody.is_some()) {
			for holder in shard.seats.into_iter().filter_map(|seat| seat.holder) {
				*bound.entry(holder.provider).or_default() += holder.stake.liability;
			}
		}
		let is_idle = |(id, p): (&AccountId, &Provider)| (p.used, p.liability) == (0, bound.remove(id).unwrap_or(0));
		REGISTRY.with_borrow(|all| all.iter().all(is_idle))
	}
}

impl ProviderRegistry for Registry {
	fn provider_of(operator: &AccountId) -> Option<AccountId> {
		if let Some(provider) = OPERATORS.with_borrow(|all| all.get(operator).cloned()) {
			return Some(provider);
		}
		let bytes: &[u8; 32] = operator.as_ref();
		let provider = account(bytes[0].checked_sub(100)?);
		REGISTRY
			.with_borrow(|all| all.contains_key(&provider))
			.then_some(provider)
	}
	fn provider_named(who: &AccountId) -> Option<AccountId> {
		match REGISTRY.with_borrow(|all| all.contains_key(who)) {
			true => Some(who.clone()),
			false => Self::provider_of(who),
		}
	}
	fn operator_of(provider: &AccountId) -> Option<AccountId> {
		let named = OPERATORS.with_borrow(|all| all.iter().find(|(_, of)| *of == provider).map(|(who, _)| who.clone()));
		let bytes: &[u8; 32] = provider.as_ref();
		named.or_else(|| Some(account(bytes[0].checked_add(100)?)))
	}
	fn endpoint(_: &AccountId) -> Option<Vec<u8>> {
		Some(b"http://127.0.0.1:1".to_vec())
	}
	fn draw(request: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Drawn {
		REGISTRY.with_borrow(|all| {
			let pool: Vec<_> = all.iter().filter(|(_, p)| p.used < p.slots).collect();
			let mut found: Vec<Candidate> = Vec::new();
			let mut looked = BTreeSet::new();
			for draw in 0..draws {
				if pool.is_empty() || found.len() >= enough {
					break;
				}
				let hash = merkle::hash(&[seed.as_bytes(), &draw.to_le_bytes()[..]].concat());
				let (id, p) = pool[usize::from(hash.as_bytes()[0]) % pool.len()];
				looked.insert(id);
				if p.ask <= request.price_cap && !found.iter().any(|c| c.provider == *id) {
					found.push(Candidate {
						provider: id.clone(),
						ask: p.ask,
						reputation: Permill::one(),
					});
				}
			}
			Drawn {
				candidates: found,
				looked: looked.len() as u32,
				among: pool.len() as u64,
			}
		})
	}
	fn move_pools(limit: Weight) -> Weight {
		MOVED.with_borrow_mut(|moved| {
			moved.push((limit, REGISTRY.with_borrow(|all| all.values().map(|p| p.used).sum())))
		});
		Weight::zero()
	}
	fn census(request: &DrawRequest) -> Census {
		REGISTRY.with_borrow(|all| {
			let free = all.values().filter(|p| p.used < p.slots);
			let in_class = if request.class == HardwareClass::General {
				free.clone().count() as u32
			} else {
				0
			};
			let in_region = if request.regions == RegionSet::ANY { in_class } else { 0 };
			let affordable = free.filter(|p| p.ask <= request.price_cap).count() as u32;
			Census {
				in_class,
				in_region,
				affordable: affordable.min(in_region),
			}
		})
	}
	fn drop_stale(provider: &AccountId) -> bool {
		let stale = STALE.with_borrow_mut(|all| all.remove(provider));
		if stale {
			REGISTRY.with_borrow_mut(|all| all.get_mut(provider).unwrap().slots = 0);
		}
		stale
	}
	fn reserve(provider: &AccountId, liability: Balance) -> DispatchResult {
		REGISTRY.with_borrow_mut(|all| {
			let p = all.get_mut(provider).ok_or(DispatchError::CannotLookup)?;
			if p.used >= p.slots || p.liability.saturating_add(liability) > p.bond {
				return Err(DispatchError::Exhausted);
			}
			p.used += 1;
			p.liability += liability;
			Ok(())
		})
	}
	fn free_slot(provider: &AccountId) {
		REGISTRY.with_borrow_mut(|all| all.get_mut(provider).unwrap().used -= 1);
	}
	fn free_liability(provider: &AccountId, liability: Balance) {
		REGISTRY.with_borrow_mut(|all| all.get_mut(provider).unwrap().liability -= liability);
	}
	fn cede(_: &AccountId, _: Balance, _: impl FnOnce(Balance) -> DispatchResult) -> Balance {
		unreachable!("this pallet holds nobody's bond for a verdict")
	}
	fn take(provider: &AccountId, to: Option<&AccountId>, amount: Balance) -> Balance {
		assert_eq!(to, None, "this pallet takes for nobody");
		REGISTRY.with_borrow_mut(|all| {
			let p = all.get_mut(provider).unwrap();
			let taken = amount.min(p.bond);
			p.bond -= taken;
			p.slashed += taken;
			taken
		})
	}
	fn record(_: &AccountId) -> ProviderRecord {
		ProviderRecord::default()
	}
	fn note(provider: &AccountId, conduct: Conduct) {
		REGISTRY.with_borrow_mut(|all| all.get_mut(provider).unwrap().conduct.push(conduct));
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(
		provider: &AccountId,
		operator: &AccountId,
		standing: millrace_primitives::traits::BenchmarkStanding,
	) {
		use millrace_primitives::traits::BenchmarkStanding;
		if standing == BenchmarkStanding::Silent {
			STALE.with_borrow_mut(|all| all.insert(provider.clone()));
		}
		OPERATORS.with_borrow_mut(|all| all.insert(operator.clone(), provider.clone()));
		// Who is registered already keeps its work.
		let (used, liability) = REGISTRY.with_borrow(|all| all.get(provider).map_or((0, 0), |p| (p.used, p.liability)));
		let new = Provider {
			ask: 1,
			slots: 1_000,
			used,
			bond: if standing == BenchmarkStanding::Bound {
				0
			} else {
				Balance::MAX / 2
			},
			liability,
			slashed: 0,
			conduct: Vec::new(),
		};
		REGISTRY.with_borrow_mut(|all| all.insert(provider.clone(), new));
	}
}

pub struct Evidence;
impl Evidence {
	/// A seat seals.
	pub fn seal(id: ShardId, seat: u8) -> DispatchResult {
		Jobs::on_sealed(id, seat)?;
		SEALED.with_borrow_mut(|all| all.insert((id, seat)));
		Ok(())
	}

	/// A seat that has sealed reveals.
	pub fn reveal(id: ShardId, seat: u8) {
		assert!(
			SEALED.with_borrow(|all| all.contains(&(id, seat))),
			"only what is sealed is revealed"
		);
		let shard = Jobs::running(id).expect("the shard is under way");
		let provider = shard
			.holder(seat)
			.expect("a sealed seat keeps its holder")
			.provider
			.clone();
		CALLED.with_borrow_mut(|all| all.entry((id, provider)).or_default().revealed = true);
	}

	/// The shard ends: what the verifier was to free is free.
	pub fn end(id: ShardId, ending: Ending) {
		if let Some(shard) = Jobs::running(id) {
			for (slot, seat) in shard.seats.iter().zip(0u8..) {
				if SEALED.with_borrow_mut(|all| all.remove(&(id, seat))) {
					let holder = slot.holder.as_ref().expect("a sealed seat keeps its holder");
					let earned = ending.earned.iter().find(|earned| earned.seat == seat);
					let bound = earned.map_or(0, |earned| earned.bound);
					Registry::free_liability(&holder.provider, holder.stake.liability - bound);
				}
			}
		}
		OPENED.with_borrow_mut(|all| all.remove(&id));
		Jobs::on_ended(id, ending);
	}
}

impl Verifier for Evidence {
	fn budget(_: &Verification, _: Balance, _: Permill) -> Option<Balance> {
		Budget::get()
	}
	fn least_window() -> MarketBlock {
		LEAST_WINDOW
	}
	fn stake(provider: &AccountId, seat_cap: Balance) -> Option<Stake> {
		if let Some(stake) = STAKES.with_borrow(|all| all.get(provider).copied()) {
			return stake;
		}
		Some(Stake {
			p: Perbill::from_percent(25),
			liability: seat_cap.checked_mul(3)?,
			// A number that nothing else comes to.
			late: seat_cap / 7 + 1,
		})
	}
	fn open(shard: ShardId, agreed: &Agreed) -> DispatchResult {
		if !MayOpen::get() {
			return Err(DispatchError::Unavailable);
		}
		let known = OPENED.with_borrow_mut(|all| all.insert(shard, agreed.clone()));
		assert_eq!(known, None, "a shard is opened once");
		Ok(())
	}
	fn close(shard: ShardId) -> bool {
		CLOSED.with_borrow_mut(|all| all.push(shard));
		let goes_on = SEALED.with_borrow(|all| all.iter().any(|(id, _)| *id == shard));
		if !goes_on {
			OPENED.with_borrow_mut(|all| all.remove(&shard));
		}
		goes_on
	}
	fn on_output(output: Hash) {
		OUTPUTS.with_borrow_mut(|all| all.push(output));
	}
	fn serve(alarm: Alarm, _: bool) -> Weight {
		let now = pallet_jobs::Clock::<Test>::get().now;
		SERVED.with_borrow_mut(|all| all.push((alarm, now)));
		ServeWeight::get().1
	}
	fn wake(shard: ShardId, _: bool) -> Weight {
		let now = pallet_jobs::Clock::<Test>::get().now;
		WOKEN.with_borrow_mut(|all| all.push((shard, now)));
		ServeWeight::get().1
	}
	fn serve_weight() -> Weight {
		ServeWeight::get().0
	}
	fn in_step() -> bool {
		PACES.with_borrow(|all| all.is_empty())
	}
	fn pace(program: &ProgramId, _: u8) -> Pace {
		PACES.with_borrow(|all| all.get(program).copied().unwrap_or_default())
	}
	fn called(shard: ShardId, provider: &AccountId) -> Called {
		CALLED.with_borrow(|all| all.get(&(shard, provider.clone())).cloned().unwrap_or_default())
	}
	fn drawn_seats(provider: &AccountId) -> Vec<DrawnSeat> {
		DRAWN.with_borrow(|all| all.get(provider).cloned().unwrap_or_default())
	}
}

/// So much for each byte, whatever it weighs.
pub struct CallFee;
impl Convert<(Weight, u32), Balance> for CallFee {
	fn convert((_, len): (Weight, u32)) -> Balance {
		Balance::from(len) * FEE_PER_BYTE
	}
}

pub struct StopNow;
impl ClockStops for StopNow {
	fn stop() -> Stop {
		StopAfter::get()
	}
}

pub struct Books;
impl OnSettled for Books {
	fn on_settled(settlement: &Settlement) {
		SETTLED.with_borrow_mut(|all| all.push(settlement.clone()));
	}
}

impl Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Providers = Registry;
	type Policy = DefaultPolicy;
	type Verifier = Evidence;
	type OnSettled = Books;
	type Parameters = Params;
	type Randomness = VrfPerBlock;
	type BlockAuthor = BlockAuthor;
	type ClockStops = StopNow;
	type TickWeight = TickWeight;
	type SeatFee = Fees;
	type CallFee = CallFee;
	type WeightInfo = crate::weights::SubstrateWeight<Test>;
}

pub fn new_test_ext() -> sp_io::TestExternalities {
	REGISTRY.with_borrow_mut(|all| all.clear());
	STALE.with_borrow_mut(|all| all.clear());
	OPERATORS.with_borrow_mut(|all| all.clear());
	OPENED.with_borrow_mut(|all| all.clear());
	SEALED.with_borrow_mut(|all| all.clear());
	CLOSED.with_borrow_mut(|all| all.clear());
	STAKES.with_borrow_mut(|all| all.clear());
	SERVED.with_borrow_mut(|all| all.clear());
	WOKEN.with_borrow_mut(|all| all.clear());
	PACES.with_borrow_mut(|all| all.clear());
	OUTPUTS.with_borrow_mut(|all| all.clear());
	CALLED.with_borrow_mut(|all| all.clear());
	DRAWN.with_borrow_mut(|all| all.clear());
	SETTLED.with_borrow_mut(|all| all.clear());
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	pallet_balances::GenesisConfig::<Test> {
		balances: vec![
			(account(ALICE), 1_000_000 * MILL),
			(account(BOB), 1_000_000 * MILL),
			(account(VALIDATOR), MILL),
		],
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| {
		Params::set(params());
		BlockAuthor::set(Some(account(VALIDATOR)));
		Vrf::set(true);
		Budget::set(Some(0));
		ServeWeight::set((Weight::zero(), Weight::zero()));
		TickWeight::set(Weight::from_parts(u64::MAX / 2, u64::MAX / 2));
		MayOpen::set(true);
		StopAfter::set(Stop::None);
		System::set_block_number(1);
	});
	ext
}

/// Runs a test on a fresh chain with `providers` providers of two slots, each asking 2 mMILL per Ggas, with their
/// accounts funded; checks all invariants at its end.
pub fn run(providers: u8, test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		for id in PROVIDER..PROVIDER + providers {
			Registry::add(id, ASK, 2);
			fund(&account(id), MILL);
		}
		test();
		Jobs::do_try_state().unwrap();
	});
}

pub fn fund(who: &AccountId, amount: Balance) {
	use frame_support::traits::fungible::Mutate;
	Balances::mint_into(who, amount).unwrap();
}

/// What a byte of a transaction costs.
pub const FEE_PER_BYTE: Balance = 10_000_000;
/// What providers ask: 2 mMILL per Ggas.
pub const ASK: Balance = 2 * MILL / 1_000;
/// What clients pay at most: 3 mMILL per Ggas.
pub const CAP: Balance = 3 * MILL / 1_000;

/// The next block, up to and including its tick. The one before it ends first.
pub fn next_block() {
	<Jobs as OnFinalize<u64>>::on_finalize(System::block_number());
	System::set_block_number(System::block_number() + 1);
	let mut meter = WeightMeter::new();
	<Jobs as OnPoll<u64>>::on_poll(System::block_number(), &mut meter);
	Jobs::do_try_state().unwrap();
}

pub fn blocks(count: u32) {
	(0..count).for_each(|_| next_block());
}

/// The roots of a program that starts with two pages of its own and two of its system functions.
pub fn roots() -> ProgramRoots {
	ProgramRoots {
		entry: 0,
		pages: 2,
		max_pages: 10,
		system_pages: 2,
		code: [1; 32],
		table: [2; 32],
		globals: [3; 32],
		memory: [4; 32],
		system: [5; 32],
	}
}

/// Its module.
pub fn module() -> Blob {
	Blob {
		tree: [6; 32],
		len: 1_000,
	}
}

/// Its id.
pub fn program() -> ProgramId {
	machine::program_id(ENGINE_VERSION, &roots(), &module())
}

/// Publishes the program in Bob's name, once.
pub fn publish() {
	if pallet_jobs::Programs::<Test>::get(program()).is_none() {
		Jobs::publish_program(RuntimeOrigin::signed(account(BOB)), roots(), module()).unwrap();
	}
}

/// The least window of a single seat.
pub const LEAST_WINDOW: MarketBlock = 12;

/// How a job is verified that so many compute.
pub fn by(seats: u8) -> Verification {
	match seats {
		1 => Verification::Optimistic { window: LEAST_WINDOW },
		replicas => Verification::Replicated { replicas },
	}
}

/// A job of so many tasks, one a shard, of at most 1 Ggas each, each computed by so many.
pub fn spec(tasks: u32, seats: u8) -> JobSpec {
	JobSpec {
		program: program(),
		image: None,
		setup: machine::EMPTY_BLOB,
		input_root: Hash::repeat_byte(8),
		tasks,
		shard_size: 1,
		limits: Limits {
			gas: 1_000_000_000,
			memory_pages: 16,
			output: 1_000,
		},
		input_limit: 1_000,
		price_cap: CAP,
		verification: by(seats),
		constraints: Constraints {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			min_reputation: Permill::zero(),
		},
		preferences: Preferences::default(),
		deadline: 500,
		endpoints: vec![Endpoint::truncate_from(b"http://127.0.0.1:9000".to_vec())]
			.try_into()
			.unwrap(),
	}
}

/// Alice submits.
pub fn submit(spec: JobSpec) -> JobId {
	publish();
	let id = pallet_jobs::NextJob::<Test>::get();
	Jobs::submit(RuntimeOrigin::signed(account(ALICE)), spec).unwrap();
	id
}

pub fn free(who: u8) -> Balance {
	Balances::balance(&account(who))
}

pub fn held(who: u8) -> Balance {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&pallet_jobs::HoldReason::Escrow.into(), &account(who))
}

pub fn issuance() -> Balance {
	Balances::total_issuance()
}
