//! A chain with this pallet, and assignments and a registry that keep just enough state (in storage, so that failed
//! calls are rolled back) to be wrong about nothing. All money is counted: free, on hold, bonds, escrows, and burned.

use crate as pallet_attestations;
use crate::*;
use frame_support::{
	derive_impl, parameter_types, storage_alias,
	traits::fungible::{Mutate, Unbalanced},
};
use millrace_court::case::escrow;
use millrace_primitives::{
	job::{SeatEvent, SeatState, Verification},
	machine::EMPTY_BLOB,
	merkle,
	provider::{Candidate, Census, DrawRequest, Drawn, HardwareClass, RegionSet},
	traits::{Agreed, Alarm, Ending, Payee, ProviderRecord, SeatView, Verifier},
	Limits, Matter, ProgramId, ProgramRoots, ENGINE_VERSION, MILL,
};
use sp_runtime::{
	traits::{Dispatchable, IdentityLookup},
	BuildStorage, Permill,
};
use std::collections::BTreeMap;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Attestations: pallet_attestations,
	}
);

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
	type ExistentialDeposit = frame_support::traits::ConstU128<1_000>;
	type AccountStore = System;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type FreezeIdentifier = [u8; 8];
	type MaxFreezes = ConstU32<4>;
}

parameter_types! {
	pub static Now: MarketBlock = 10;
	pub static Parameters: CourtParams = params();
	/// What everybody works on.
	pub static Work: Matter = matter(3);
	/// How long the report of a shard of one seat can be attacked, beside a run of a task.
	pub static Window: MarketBlock = 30;
	/// What everybody takes for 10^9 gas.
	pub static Price: Balance = ASK;
}

/// Short periods, each another one.
pub fn params() -> CourtParams {
	CourtParams {
		draw_outputs: 2,
		opening: 10,
		equal_window: 5,
		window: 12,
		clock: 20,
		staffing: 60,
		pause: 7,
		serving: 50,
		enactment: 15,
		..CourtParams::default()
	}
}

/// A program that nobody has.
pub fn matter(tasks: u32) -> Matter {
	Matter {
		engine: ENGINE_VERSION,
		program: Hash::repeat_byte(1),
		roots: ProgramRoots {
			entry: 0,
			pages: 0,
			max_pages: 0,
			system_pages: 0,
			code: [1; 32],
			table: [2; 32],
			globals: [3; 32],
			memory: [4; 32],
			system: [5; 32],
		},
		image: None,
		setup: EMPTY_BLOB,
		input_root: Hash::repeat_byte(2),
		job_tasks: tasks,
		first_task: 0,
		tasks,
		limits: Limits {
			gas: 1_000_000_000,
			memory_pages: 40,
			output: 100,
		},
	}
}

/// What each seat can earn: the ask for the gas of all tasks.
pub const CAP: Balance = MILL;
pub const FEE: Permill = Permill::from_percent(5);
/// Providers `1 ..= 20` are registered; their operators are a hundred higher.
pub const PROVIDERS: u8 = 20;
pub const BOND: Balance = 10_000 * MILL;
pub const CLIENT: u8 = 50;
pub const WATCHER: u8 = 60;
/// Another one that is rich and has no seat.
pub const SABOTEUR: u8 = 61;
pub const RICH: Balance = 1_000_000 * MILL;

pub fn account(seed: u8) -> AccountId {
	AccountId::new([seed; 32])
}

pub fn operator(provider: u8) -> AccountId {
	account(provider + 100)
}

/// What a provider takes for 10^9 gas, if nothing else is said: its cap for a shard of three tasks.
pub const ASK: Balance = CAP / 3;

#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct MockProvider {
	pub bond: Balance,
	pub liability: Balance,
	pub used: u32,
	pub conduct: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct MockSeat {
	pub provider: AccountId,
	pub state: SeatState,
}

#[storage_alias]
pub type Registered = StorageMap<Mock, Twox64Concat, AccountId, MockProvider, OptionQuery>;
/// Operators of benchmarks, who are not told by their numbers.
#[storage_alias]
pub type Operators = StorageMap<Mock, Twox64Concat, AccountId, AccountId, OptionQuery>;
#[storage_alias]
pub type Bought = StorageMap<Mock, Twox64Concat, ShardId, Vec<MockSeat>, OptionQuery>;
#[storage_alias]
pub type Escrows = StorageMap<Mock, Twox64Concat, ShardId, Balance, ValueQuery>;
#[storage_alias]
pub type Alarms = StorageMap<Mock, Twox64Concat, MarketBlock, Vec<Alarm>, ValueQuery>;
#[storage_alias]
pub type Burned = StorageValue<Mock, Balance, ValueQuery>;
/// How shards ended: their reports, whether they count, and what bought seats earned.
#[storage_alias]
pub type Endings =
	StorageMap<Mock, Twox64Concat, ShardId, (Option<Report>, bool, Vec<(u8, Balance, Balance)>), OptionQuery>;

fn receive(who: &AccountId, amount: Balance) {
	if amount == 0 {
		return;
	}
	if Balances::mint_into(who, amount).is_err() {
		// Less than an account must have: the market owes it, which nobody looks at here.
		burn(amount);
	}
}

fn burn(amount: Balance) {
	Burned::mutate(|burned| *burned += amount);
}

/// All money there ever was.
pub fn all_money() -> Balance {
	let bonds: Balance = Registered::iter_values().map(|provider| provider.bond).sum();
	let escrows: Balance = Escrows::iter_values().sum();
	let burned = System::events().into_iter().map(|record| match record.event {
		RuntimeEvent::Balances(pallet_balances::Event::BurnedHeld { amount, .. }) => amount,
		_ => 0,
	});
	Balances::total_issuance() + bonds + escrows + Burned::get() + burned.sum::<Balance>()
}

pub struct Providers;

impl Providers {
	pub fn get(id: u8) -> MockProvider {
		Registered::get(account(id)).expect("it is registered")
	}

	/// What a provider has, bonded and received.
	pub fn wealth(id: u8) -> Balance {
		Self::get(id).bond + Balances::free_balance(account(id))
	}

	fn change<R>(who: &AccountId, change: impl FnOnce(&mut MockProvider) -> R) -> R {
		Registered::mutate(who, |provider| change(provider.as_mut().expect("it is registered")))
	}
}

impl ProviderRegistry for Providers {
	fn provider_of(operator: &AccountId) -> Option<AccountId> {
		if let Some(provider) = Operators::get(operator) {
			return Some(provider);
		}
		let bytes: &[u8; 32] = operator.as_ref();
		let provider = account(bytes[0].checked_sub(100)?);
		Registered::contains_key(&provider).then_some(provider)
	}
	fn operator_of(provider: &AccountId) -> Option<AccountId> {
		let named = Operators::iter().find(|(_, of)| of == provider).map(|(who, _)| who);
		let bytes: &[u8; 32] = provider.as_ref();
		named.or_else(|| Some(account(bytes[0].checked_add(100)?)))
	}
	fn draw(_: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Drawn {
		let first = usize::from(seed.as_bytes()[0]);
		let candidates: Vec<_> = (0..usize::from(PROVIDERS).min(draws as usize))
			.map(|n| Candidate {
				provider: account(((first + n) % usize::from(PROVIDERS)) as u8 + 1),
				ask: Price::get(),
				reputation: Permill::one(),
			})
			.take(enough)
			.collect();
		Drawn {
			looked: candidates.len() as u32,
			among: PROVIDERS.into(),
			candidates,
		}
	}
	fn census(_: &DrawRequest) -> Census {
		Census::default()
	}
	fn drop_stale(_: &AccountId) -> bool {
		false
	}
	fn reserve(provider: &AccountId, liability: Balance) -> DispatchResult {
		Self::change(provider, |provider| {
			ensure!(
				provider.liability + liability <= provider.bond,
				DispatchError::Exhausted
			);
			provider.used += 1;
			provider.liability += liability;
			Ok(())
		})
	}
	fn free_slot(provider: &AccountId) {
		Self::change(provider, |provider| {
			provider.used = provider.used.checked_sub(1).expect("a slot is freed once");
		});
	}
	fn free_liability(provider: &AccountId, liability: Balance) {
		Self::change(provider, |provider| {
			provider.liability = provider
				.liability
				.checked_sub(liability)
				.expect("a liability is freed once");
		});
	}
	fn cede(provider: &AccountId, amount: Balance, hold: impl FnOnce(Balance) -> DispatchResult) -> Balance {
		Self::change(provider, |provider| {
			assert!(amount <= provider.liability, "more is ceded than was reserved");
			provider.bond = provider.bond.checked_sub(amount).expect("a bond covers its liability");
		});
		// Bonds are no balances here, what is held for a verdict is.
		Balances::set_total_issuance(Balances::total_issuance() + amount);
		hold(amount).expect("it can be held");
		amount
	}
	fn take(provider: &AccountId, to: Option<&AccountId>, amount: Balance) -> Balance {
		Self::change(provider, |provider| {
			assert!(amount <= provider.liability, "more is taken than was reserved");
			provider.bond = provider.bond.checked_sub(amount).expect("a bond covers its liability");
		});
		match to {
			Some(to) => receive(to, amount),
			None => burn(amount),
		}
		amount
	}
	fn record(provider: &AccountId) -> ProviderRecord {
		let provider = Registered::get(provider).unwrap_or_default();
		ProviderRecord {
			burned: 0,
			free_bond: provider.bond - provider.liability,
		}
	}
	fn note(provider: &AccountId, conduct: Conduct) {
		Self::change(provider, |provider| provider.conduct.push(conduct as u8));
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(
		provider: &AccountId,
		operator: &AccountId,
		_: millrace_primitives::traits::BenchmarkStanding,
	) {
		Operators::insert(operator, provider);
		let bonded = MockProvider {
			bond: BOND,
			..Default::default()
		};
		Registered::insert(provider, bonded);
	}
}

pub struct Jobs;

impl Jobs {
	fn advance(shard: ShardId, index: u8, event: SeatEvent) -> DispatchResult {
		Bought::try_mutate(shard, |seats| {
			let seat = seats
				.as_mut()
				.and_then(|seats| seats.get_mut(usize::from(index)))
				.ok_or(DispatchError::CannotLookup)?;
			let next = seat.state.on(event).map_err(|_| DispatchError::Other("not allowed"))?;
			seat.state = next.ok_or(DispatchError::Other("it falls vacant"))?;
			Ok(())
		})
	}

	/// Starts a shard whose seats these providers have accepted.
	pub fn start(shard: ShardId, providers: &[u8]) {
		let providers: Vec<_> = providers.iter().map(|id| account(*id)).collect();
		Self::start_with(shard, &providers);
	}

	fn start_with(shard: ShardId, providers: &[AccountId]) {
		let seats = providers.iter().map(|provider| {
			let stake = Attestations::stake(provider, CAP).expect("it is a number");
			Providers::reserve(provider, stake.liability).expect("it has bond enough");
			MockSeat {
				provider: provider.clone(),
				state: SeatState::Accepted,
			}
		});
		Bought::insert(shard, seats.collect::<Vec<_>>());
		let verification = match providers.len() as u8 {
			1 => Verification::Optimistic { window: Window::get() },
			replicas => Verification::Replicated { replicas },
		};
		let held = millrace_primitives::money::shard_reserve(CAP, providers.len() as u8, FEE)
			.and_then(|reserve| reserve.checked_add(Attestations::budget(&verification, CAP, FEE)?))
			.expect("it is a number");
		Balances::burn_from(
			&account(CLIENT),
			held,
			frame_support::traits::tokens::Preservation::Preserve,
			frame_support::traits::tokens::Precision::Exact,
			frame_support::traits::tokens::Fortitude::Polite,
		)
		.expect("the client is rich");
		Escrows::insert(shard, held);
		let matter = Work::get();
		let agreed = Agreed {
			client: account(CLIENT),
			program: matter.program,
			engine: matter.engine,
			tasks: matter.tasks,
			limits: matter.limits,
			verification,
			cap: CAP,
			fee_share: FEE,
			request: DrawRequest {
				class: HardwareClass::General,
				regions: RegionSet::ANY,
				price_cap: 2 * ASK,
				memory_pages: 40,
				min_reputation: Permill::zero(),
			},
			working: 15,
			run_rate: matter.limits.gas,
			reserve: held,
		};
		Attestations::open(shard, &agreed).expect("it is new");
		let evidence = Evidence::<Test>::get(shard).expect("it is open");
		assert_eq!(Some(held), escrow(&evidence.agreed.rules, providers.len() as u8));
	}

	/// The stake of a seat as it was at its draw: the same for all, since none has a history.
	fn stake() -> millrace_primitives::traits::Stake {
		Attestations::stake(&account(1), CAP).expect("it is a number")
	}
}

impl Assignments for Jobs {
	fn seat(shard: ShardId, provider: &AccountId) -> Option<SeatView> {
		let seats = Bought::get(shard)?;
		let index = seats.iter().position(|seat| seat.provider == *provider)?;
		Some(SeatView {
			index: index as u8,
			operator: Providers::operator_of(provider).expect("it has one"),
			round: 3,
			state: seats[index].state,
			held: true,
			ask: Price::get(),
			stake: Self::stake(),
		})
	}
	fn worker(shard: ShardId, operator: &AccountId) -> Option<AccountId> {
		let mut seats = Bought::get(shard)?.into_iter().map(|seat| seat.provider);
		seats.find(|provider| Providers::operator_of(provider).as_ref() == Some(operator))
	}
	fn matter(_: ShardId) -> Option<Matter> {
		Some(Work::get())
	}
	fn engine_of(program: &ProgramId) -> Option<u8> {
		let matter = Work::get();
		(matter.program == *program).then_some(matter.engine)
	}
	fn client(shard: ShardId) -> Option<AccountId> {
		Bought::contains_key(shard).then(|| account(CLIENT))
	}
	fn escrow(shard: ShardId) -> Balance {
		Escrows::get(shard)
	}
	fn on_sealed(shard: ShardId, seat: u8) -> DispatchResult {
		Self::advance(shard, seat, SeatEvent::Seal)?;
		let provider = Bought::get(shard).expect("it is there")[usize::from(seat)]
			.provider
			.clone();
		Providers::free_slot(&provider);
		Ok(())
	}
	fn remind(alarm: Alarm, at: MarketBlock) {
		Alarms::append(at.max(Now::get() + 1), alarm);
	}
	fn on_ended(shard: ShardId, ending: Ending) {
		let mut left = Escrows::take(shard);
		let seats = Bought::take(shard).expect("a shard ends once");
		for seat in &seats {
			if !matches!(seat.state, SeatState::Sealed | SeatState::Revealed) {
				Providers::free_slot(&seat.provider);
				Providers::free_liability(&seat.provider, Self::stake().liability);
			}
		}
		let mut spend = |amount: Balance| left = left.checked_sub(amount).expect("the escrow covers all");
		for (payee, amount) in ending.transfers {
			spend(amount);
			match payee {
				Payee::Client => receive(&account(CLIENT), amount),
				Payee::Provider(provider) => receive(&provider, amount),
				Payee::Fee | Payee::Burn => burn(amount),
			}
		}
		let mut earned = Vec::new();
		for part in ending.earned {
			spend(part.amount + part.fee);
			receive(&seats[usize::from(part.seat)].provider, part.amount);
			burn(part.fee);
			assert!(
				ending.report.is_some() || part.bound == 0,
				"outputs are kept of a report"
			);
			Providers::free_liability(&seats[usize::from(part.seat)].provider, part.bound);
			earned.push((part.seat, part.amount, part.fee));
		}
		assert_eq!(left, 0, "the transfers empty the escrow");
		Endings::insert(shard, (ending.report, ending.counted, earned));
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(providers: &[AccountId]) -> ShardId {
		let shard = self::shard(Bought::iter().count() as u32);
		Self::start_with(shard, providers);
		shard
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_pass(blocks: MarketBlock) {
		Now::mutate(|now| *now += blocks);
	}
}

/// See [`Config::LongestFreeze`].
pub const LONGEST_FREEZE: MarketBlock = 400;

pub struct Clock;

impl MarketClock for Clock {
	fn now() -> MarketBlock {
		Now::get()
	}
}

impl Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Assignments = Jobs;
	type Registry = Providers;
	type Clock = Clock;
	type Parameters = Parameters;
	type GovernOrigin = frame_system::EnsureRoot<AccountId>;
	type LongestFreeze = ConstU32<LONGEST_FREEZE>;
	type WeightInfo = weights::SubstrateWeight<Test>;
}

pub fn shard(index: u32) -> ShardId {
	ShardId {
		job: millrace_primitives::JobId(7),
		index,
	}
}

/// Lets a market block pass: an output comes, alarms ring, and everything holds.
pub fn next_block() {
	Now::mutate(|now| *now += 1);
	let now = Now::get();
	Attestations::on_output(merkle::hash(&now.encode()));
	for alarm in Alarms::take(now) {
		let weight = Attestations::serve(alarm, true);
		assert!(weight.all_lte(Attestations::serve_weight()));
	}
	check();
}

/// Everything that must hold.
pub fn check() {
	Attestations::do_try_state().expect("it holds");
	let mut reserved: BTreeMap<AccountId, Balance> = BTreeMap::new();
	for evidence in Evidence::<Test>::iter_values() {
		for entry in &evidence.entries {
			*reserved.entry(entry.provider.clone()).or_default() += entry.stake.liability;
		}
	}
	for (shard, seats) in Bought::iter() {
		for seat in seats {
			if seat.state == SeatState::Accepted {
				assert!(Evidence::<Test>::contains_key(shard));
				*reserved.entry(seat.provider).or_default() += Jobs::stake().liability;
			}
		}
	}
	for (who, provider) in Registered::iter() {
		assert_eq!(provider.liability, reserved.remove(&who).unwrap_or(0), "{who:?}");
		assert!(provider.liability <= provider.bond);
	}
}

pub fn run_to(block: MarketBlock) {
	while Now::get() < block {
		next_block();
	}
}

/// Lets blocks pass until something is so; how many did.
pub fn run_until(most: u32, is: impl Fn() -> bool) -> u32 {
	for passed in 0..=most {
		if is() {
			return passed;
		}
		next_block();
	}
	panic!("it is not so after {most} blocks");
}

/// Makes a call. Whatever succeeds was due before, so that the lane refuses nothing that would; and what is due fails by its
/// move alone.
pub fn call(who: AccountId, call: Call<Test>) -> DispatchResult {
	let in_lane = Attestations::lane(&call).is_some();
	let due = Attestations::is_due(&who, &call);
	let is_move = matches!(call, Call::play { .. });
	let outcome = frame_support::storage::with_storage_layer(|| {
		RuntimeCall::from(call)
			.dispatch(RuntimeOrigin::signed(who))
			.map(|_| ())
			.map_err(|error| error.error)
	});
	if in_lane {
		assert!(due || outcome.is_err(), "it was not due and succeeded");
		assert!(!due || outcome.is_ok() || is_move, "it was due and failed: {outcome:?}");
	}
	check();
	outcome
}

pub fn new_test_ext() -> sp_io::TestExternalities {
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	pallet_balances::GenesisConfig::<Test> {
		balances: [CLIENT, WATCHER, SABOTEUR].map(|id| (account(id), RICH)).to_vec(),
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| {
		System::set_block_number(1);
		Now::set(10);
		Parameters::set(params());
		Work::set(matter(3));
		Window::set(30);
		Price::set(ASK);
		for id in 1..=PROVIDERS {
			let provider = MockProvider {
				bond: BOND,
				..Default::default()
			};
			Registered::insert(account(id), provider);
			// Its account exists, though nothing is on it: its bond is elsewhere.
			System::inc_providers(&account(id));
		}
	});
	ext
}
