//! A chain with this pallet, and assignments and a registry that keep just enough state (in storage, so that failed
//! calls are rolled back) to be wrong about nothing.

use crate as pallet_attestations;
use crate::*;
use frame_support::{derive_impl, parameter_types, storage_alias};
use millrace_primitives::{
	job::{SeatState, Verification},
	outcome::Verdict,
	provider::{Candidate, Census, DrawRequest},
	traits::{SeatView, Verifier},
	Balance, Gas, JobId,
};
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
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Attestations = pallet_attestations;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountId = AccountId;
	type Lookup = IdentityLookup<AccountId>;
}

parameter_types! {
	pub static Now: MarketBlock = 10;
	pub static Parameters: AttestationsParams = AttestationsParams { reveal_window: WINDOW };
	pub static PollWeight: Weight = Weight::MAX;
	/// Seats of this index refuse seals and reveals, as a failing jobs pallet would.
	pub static Refused: Option<u8> = None;
	/// The first missed reveal closes the shard, as that of a cancelled job would.
	pub static CloseOnMiss: bool = false;
}

/// The reveal window of most tests.
pub const WINDOW: MarketBlock = 20;
/// The most gas of every shard.
pub const GAS_LIMIT: Gas = 1_000;

pub struct Clock;

impl MarketClock for Clock {
	fn now() -> MarketBlock {
		Now::get()
	}
}

impl Config for Test {
	type Assignments = Jobs;
	type Registry = Providers;
	type Clock = Clock;
	type Parameters = Parameters;
	type PollWeight = PollWeight;
	type WeightInfo = weights::SubstrateWeight<Test>;
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct MockSeat {
	pub provider: Option<AccountId>,
	pub round: u8,
	pub state: SeatState,
}

/// The seats of every open shard.
#[storage_alias]
pub type Seats = StorageMap<Mock, Twox64Concat, ShardId, Vec<MockSeat>, OptionQuery>;
/// The verdicts in their order.
#[storage_alias]
pub type Verdicts = StorageValue<Mock, Vec<(ShardId, Verdict)>, ValueQuery>;
/// The missed reveals in their order.
#[storage_alias]
pub type Missed = StorageValue<Mock, Vec<(ShardId, u8)>, ValueQuery>;
/// Signs of life of each provider.
#[storage_alias]
pub type Alive = StorageMap<Mock, Twox64Concat, AccountId, u32, ValueQuery>;
/// Shards made by benchmarks.
#[storage_alias]
pub type Made = StorageValue<Mock, u32, ValueQuery>;

pub struct Jobs;

impl Jobs {
	fn advance(shard: ShardId, index: u8, event: SeatEvent) -> DispatchResult {
		if Refused::get() == Some(index) {
			return Err(DispatchError::Other("refused"));
		}
		Seats::try_mutate(shard, |seats| {
			let seat = seats.as_mut().and_then(|seats| seats.get_mut(usize::from(index)));
			let seat = seat
				.filter(|seat| seat.provider.is_some())
				.ok_or(DispatchError::CannotLookup)?;
			match seat.state.on(event).map_err(|_| DispatchError::Other("not allowed"))? {
				Some(state) => seat.state = state,
				None => {
					seat.provider = None;
					seat.round += 1;
				}
			}
			Ok(())
		})
	}

	/// Hands a vacant seat to a provider.
	pub fn draw(shard: ShardId, index: u8, n: u8) {
		Seats::mutate(shard, |seats| {
			let seat = &mut seats.as_mut().expect("the shard is open")[usize::from(index)];
			assert!(seat.provider.is_none(), "the seat is taken");
			seat.provider = Some(provider(n));
			seat.state = SeatState::Accepted;
		});
	}

	/// Ends a shard without a verdict.
	pub fn close(shard: ShardId) -> outcome::SeatGas {
		Seats::remove(shard);
		Attestations::close(shard)
	}
}

impl Assignments for Jobs {
	fn seat(shard: ShardId, provider: &AccountId) -> Option<SeatView> {
		let seats = Seats::get(shard)?;
		let index = seats.iter().position(|seat| seat.provider.as_ref() == Some(provider))?;
		let MockSeat { round, state, .. } = seats[index];
		Some(SeatView {
			index: index as u8,
			round,
			state,
			gas_limit: GAS_LIMIT,
		})
	}
	fn on_sealed(shard: ShardId, seat: u8) -> DispatchResult {
		Self::advance(shard, seat, SeatEvent::Seal)
	}
	fn on_revealed(shard: ShardId, seat: u8) -> DispatchResult {
		Self::advance(shard, seat, SeatEvent::Reveal)
	}
	fn on_missed_reveals(shard: ShardId, seats: &[u8]) {
		Missed::mutate(|missed| missed.extend(seats.iter().map(|seat| (shard, *seat))));
		if CloseOnMiss::get() {
			Self::close(shard);
			return;
		}
		for seat in seats {
			Self::advance(shard, *seat, SeatEvent::Timeout).expect("only sealed seats miss their reveal");
		}
	}
	fn on_verdict(shard: ShardId, verdict: Verdict) {
		assert!(
			!Evidence::<Test>::contains_key(shard),
			"the verifier has not forgotten the shard"
		);
		let seats = Seats::take(shard).expect("a verdict on a shard that is open");
		assert!(
			seats.iter().all(|seat| seat.state == SeatState::Revealed),
			"a verdict before all reveals"
		);
		Verdicts::append((shard, verdict));
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_exhaust(_: ShardId, _: u32) {
		CloseOnMiss::set(true);
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(providers: &[AccountId]) -> ShardId {
		let index = Made::mutate(|made| {
			*made += 1;
			*made
		});
		let shard = ShardId {
			job: JobId(u64::MAX),
			index,
		};
		let seat = |provider: &AccountId| MockSeat {
			provider: Some(provider.clone()),
			round: 0,
			state: SeatState::Accepted,
		};
		Seats::insert(shard, providers.iter().map(seat).collect::<Vec<_>>());
		shard
	}
}

pub struct Providers;

/// The operator of `provider(n)` is `operator(n)`.
impl ProviderRegistry for Providers {
	fn provider_of(operator: &AccountId) -> Option<AccountId> {
		#[cfg(feature = "runtime-benchmarks")]
		if let Some(provider) = Operators::get(operator) {
			return Some(provider);
		}
		(1..100).find(|n| self::operator(*n) == *operator).map(provider)
	}
	fn draw(request: &DrawRequest, seed: Hash, draws: u32) -> Vec<Candidate> {
		<()>::draw(request, seed, draws)
	}
	fn census(request: &DrawRequest) -> Census {
		<()>::census(request)
	}
	fn drop_stale(provider: &AccountId) -> bool {
		<()>::drop_stale(provider)
	}
	fn reserve(provider: &AccountId, liability: Balance) -> DispatchResult {
		<()>::reserve(provider, liability)
	}
	fn free_slot(_: &AccountId) {}
	fn free_liability(_: &AccountId, _: Balance) {}
	fn slash(_: &AccountId, _: Balance) -> Balance {
		0
	}
	fn note(provider: &AccountId, conduct: Conduct) {
		assert_eq!(conduct, Conduct::Alive);
		Alive::mutate(provider, |alive| *alive += 1);
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(
		provider: &AccountId,
		operator: &AccountId,
		_: millrace_primitives::traits::BenchmarkStanding,
	) {
		Operators::insert(operator, provider);
	}
}

/// Operators made by benchmarks.
#[cfg(feature = "runtime-benchmarks")]
#[storage_alias]
pub type Operators = StorageMap<Mock, Twox64Concat, AccountId, AccountId, OptionQuery>;

pub fn provider(n: u8) -> AccountId {
	[n; 32].into()
}

pub fn operator(n: u8) -> AccountId {
	[n + 100; 32].into()
}

pub fn shard(index: u32) -> ShardId {
	ShardId { job: JobId(1), index }
}

pub fn report(root: u8, gas_used: Gas) -> Report {
	Report {
		root: Hash::repeat_byte(root),
		gas_used,
	}
}

/// The salt of every honest seal.
pub const SALT: [u8; 32] = [7; 32];

/// Hands a shard to these providers, in the order of seats, all accepted.
pub fn open(index: u32, providers: &[u8]) -> ShardId {
	let shard = shard(index);
	let seat = |n: &u8| MockSeat {
		provider: Some(provider(*n)),
		round: 0,
		state: SeatState::Accepted,
	};
	Seats::insert(shard, providers.iter().map(seat).collect::<Vec<_>>());
	Attestations::open(
		shard,
		&Verification::Replicated {
			replicas: providers.len() as u8,
		},
	)
	.expect("not open yet");
	shard
}

/// The seal of provider `n`'s report in a round.
pub fn sealed(shard: ShardId, round: u8, n: u8, report: Report) -> Hash {
	outcome::seal(shard, round, &report, &SALT, &provider(n))
}

pub fn dispatch(n: u8, call: Call<Test>) -> DispatchResultWithPostInfo {
	RuntimeCall::Attestations(call).dispatch(RuntimeOrigin::signed(operator(n)))
}

/// Provider `n` seals a report, honestly and in its seat's round.
pub fn seal(n: u8, shard: ShardId, report: Report) -> DispatchResultWithPostInfo {
	let round = Jobs::seat(shard, &provider(n)).map_or(0, |seat| seat.round);
	dispatch(
		n,
		Call::seal {
			shard,
			seal: sealed(shard, round, n, report),
		},
	)
}

/// Provider `n` reveals a report with the usual salt.
pub fn reveal(n: u8, shard: ShardId, report: Report) -> DispatchResultWithPostInfo {
	dispatch(
		n,
		Call::reveal {
			shard,
			report,
			salt: SALT,
		},
	)
}

/// Moves the clock on and lets the pallet poll with all the weight it could want.
pub fn poll_at(now: MarketBlock) {
	Now::set(now);
	Attestations::on_poll(1, &mut WeightMeter::new());
}

pub fn new_ext() -> sp_io::TestExternalities {
	Now::set(10);
	Parameters::set(AttestationsParams { reveal_window: WINDOW });
	PollWeight::set(Weight::MAX);
	Refused::set(None);
	CloseOnMiss::set(false);
	let storage = frame_system::GenesisConfig::<Test>::default()
		.build_storage()
		.expect("genesis is valid");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test and checks the invariants after it.
pub fn run(test: impl FnOnce()) {
	new_ext().execute_with(|| {
		test();
		Attestations::do_try_state().expect("invariants hold");
	});
}
