//! The seams through which pallets meet. No pallet of ours knows another; the runtime joins them here.
//!
//! ```text
//!             draw, reserve, slash                         seat, on_sealed, on_verdict
//!  providers ◄───────────────────── jobs ◄──────────────────────────────────── attestations
//!      ▲                            │ │ └── open, close ─────────────────────────────►
//!      └──────── on_settled ────────┘ └── on_settled ──► emission
//! ```

use crate::{
	job::{Preferences, SeatState, Verification},
	outcome::SeatGas,
	provider::{Candidate, Census, DrawRequest},
	AccountId, Balance, Gas, Hash, MarketBlock, Report, ShardId, Verdict,
};
use alloc::vec::Vec;
use sp_runtime::{DispatchError, DispatchResult};

/// The market's clock. It counts blocks in which users could call, so that no deadline passes while they could not.
pub trait MarketClock {
	/// The present market block.
	fn now() -> MarketBlock;
}

/// What a provider did, for its reputation and standing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduct {
	/// It gave a sign of life (accepted, declined, sealed, revealed).
	Alive,
	/// It neither accepted nor declined in time. It gets no work until its next sign of life.
	MissedAccept,
	/// It accepted and did not report in time. It gets no work until its next sign of life.
	Late,
	/// It sealed and did not reveal. It gets no work until its next sign of life.
	MissedReveal,
}

/// Who can work: implemented by `pallet-providers`, called by `pallet-jobs`. Every method has constant cost.
pub trait ProviderRegistry {
	/// The provider that this operator key works for.
	fn provider_of(operator: &AccountId) -> Option<AccountId>;
	/// The provider that an account is, or else works for; for views only.
	fn provider_named(who: &AccountId) -> Option<AccountId> {
		Self::provider_of(who)
	}
	/// Where a provider says it serves outputs; for views only.
	fn endpoint(_provider: &AccountId) -> Option<Vec<u8>> {
		None
	}
	/// Draws at most `draws` (capped by [`crate::provider::MAX_DRAWS`]) times from the pools, uniformly and with the
	/// seed only, and returns those drawn that meet the request, each once, in the order of the draws.
	fn draw(request: &DrawRequest, seed: Hash, draws: u32) -> Vec<Candidate>;
	/// How many providers the pools hold for a request.
	fn census(request: &DrawRequest) -> Census;
	/// Takes a drawn provider out of the pools if it turns out to be silent or below the least bond; true if it was.
	fn drop_stale(provider: &AccountId) -> bool;
	/// Takes a slot and reserves this much of the bond. On an error nothing has changed.
	fn reserve(provider: &AccountId, liability: Balance) -> DispatchResult;
	/// Frees a slot that [`reserve`](Self::reserve) took.
	fn free_slot(provider: &AccountId);
	/// Frees a liability that [`reserve`](Self::reserve) reserved.
	fn free_liability(provider: &AccountId, liability: Balance);
	/// Burns this much of the bond, or what there is; returns what was burned. Liabilities stay reserved.
	fn slash(provider: &AccountId, amount: Balance) -> Balance;
	/// Takes notice of what a provider did.
	fn note(provider: &AccountId, conduct: Conduct);
	/// Registers `provider`, if it is not, with bond enough for any liability, so that entering and leaving the pools
	/// costs it most, and brings it into this standing.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(provider: &AccountId, operator: &AccountId, standing: BenchmarkStanding);
}

/// What a benchmark needs of a provider.
#[cfg(feature = "runtime-benchmarks")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BenchmarkStanding {
	/// Drawable, with exactly one free slot: taking it takes the provider out of the pools.
	OneSlot,
	/// Drawable, with more free slots than a benchmark takes.
	Spare,
	/// Drawable, but all its bond is reserved.
	Bound,
	/// Drawable, although it gave no sign of life for too long.
	Silent,
	/// With free slots and out of the pools until its next sign of life.
	Unresponsive,
}

/// Which candidate gets a seat; pure.
pub trait AssignmentPolicy {
	/// The order in which candidates are tried, as indices into `candidates`; those left out are not tried.
	fn order(
		verification: &Verification,
		preferences: &Preferences,
		price_cap: Balance,
		candidates: &[Candidate],
	) -> Vec<usize>;
}

/// Replicas go to whom the draw found first, so that cheap seats cannot be collected; where the client may choose, the
/// best by its preferences goes first.
pub struct DefaultPolicy;

impl AssignmentPolicy for DefaultPolicy {
	fn order(
		verification: &Verification,
		_preferences: &Preferences,
		_price_cap: Balance,
		candidates: &[Candidate],
	) -> Vec<usize> {
		match verification {
			Verification::Replicated { .. } => (0..candidates.len()).collect(),
		}
	}
}

/// How results are verified: implemented by `pallet-attestations`, called by `pallet-jobs`.
pub trait Verifier {
	/// What must be held for each shard beside payments and fees, given the most that a seat can earn.
	fn budget(verification: &Verification, seat_cap: Balance) -> Balance;
	/// A shard is handed out for the first time.
	fn open(shard: ShardId, verification: &Verification) -> DispatchResult;
	/// A shard ends without a verdict: forgets its evidence and returns what had been revealed.
	fn close(shard: ShardId) -> SeatGas;
}

/// A seat as the verifier sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeatView {
	/// Its index in the shard.
	pub index: u8,
	/// How often this seat fell vacant before.
	pub round: u8,
	/// Its state.
	pub state: SeatState,
	/// The most gas that the shard may use.
	pub gas_limit: Gas,
}

/// Who works on what: implemented by `pallet-jobs`, called by `pallet-attestations`.
pub trait Assignments {
	/// The seat that a provider holds in a shard.
	fn seat(shard: ShardId, provider: &AccountId) -> Option<SeatView>;
	/// A seat's report is sealed: its slot is free, its deadline met.
	fn on_sealed(shard: ShardId, seat: u8) -> DispatchResult;
	/// A seat's report is revealed.
	fn on_revealed(shard: ShardId, seat: u8) -> DispatchResult;
	/// These sealed seats were not revealed in time: each provider is penalised, also if the shard ends by it; the seats
	/// fall vacant. Cannot fail.
	fn on_missed_reveals(shard: ShardId, seats: &[u8]);
	/// The verifier has decided. Cannot fail. The verifier has already forgotten the shard.
	fn on_verdict(shard: ShardId, verdict: Verdict);
	/// Makes a shard whose seats are all `Accepted`, held by these providers, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(providers: &[AccountId]) -> ShardId;
	/// Brings a shard and its job into the state in which all that follows costs most, with room for so many more
	/// failures, of which the last ends the shard.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_exhaust(_: ShardId, _failures: u32) {}
}

/// One provider's part in a settled shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
	/// The provider.
	pub provider: AccountId,
	/// What it earns, the withheld part included.
	pub amount: Balance,
	/// The gas it is paid for.
	pub gas: Gas,
	/// The part of the protocol's fee on this payment that was burned.
	pub burned: Balance,
}

/// A shard whose report was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
	/// The shard.
	pub shard: ShardId,
	/// The accepted report.
	pub report: Report,
	/// Who earned what, at most [`crate::job::MAX_REPLICAS`].
	pub payments: Vec<Payment>,
}

/// Told of every accepted shard. Implementations have constant cost and cannot fail.
pub trait OnSettled {
	/// A shard was settled.
	fn on_settled(settlement: &Settlement);
}

impl<A: OnSettled, B: OnSettled> OnSettled for (A, B) {
	fn on_settled(settlement: &Settlement) {
		A::on_settled(settlement);
		B::on_settled(settlement);
	}
}

impl OnSettled for () {
	fn on_settled(_: &Settlement) {}
}

impl MarketClock for () {
	fn now() -> MarketBlock {
		0
	}
}

/// A registry without providers.
impl ProviderRegistry for () {
	fn provider_of(_: &AccountId) -> Option<AccountId> {
		None
	}
	fn draw(_: &DrawRequest, _: Hash, _: u32) -> Vec<Candidate> {
		Vec::new()
	}
	fn census(_: &DrawRequest) -> Census {
		Census::default()
	}
	fn drop_stale(_: &AccountId) -> bool {
		false
	}
	fn reserve(_: &AccountId, _: Balance) -> DispatchResult {
		Err(DispatchError::Unavailable)
	}
	fn free_slot(_: &AccountId) {}
	fn free_liability(_: &AccountId, _: Balance) {}
	fn slash(_: &AccountId, _: Balance) -> Balance {
		0
	}
	fn note(_: &AccountId, _: Conduct) {}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(_: &AccountId, _: &AccountId, _: BenchmarkStanding) {}
}

/// Verifies nothing and holds no evidence.
impl Verifier for () {
	fn budget(_: &Verification, _: Balance) -> Balance {
		0
	}
	fn open(_: ShardId, _: &Verification) -> DispatchResult {
		Ok(())
	}
	fn close(_: ShardId) -> SeatGas {
		SeatGas::default()
	}
}

/// Nobody works on anything.
impl Assignments for () {
	fn seat(_: ShardId, _: &AccountId) -> Option<SeatView> {
		None
	}
	fn on_sealed(_: ShardId, _: u8) -> DispatchResult {
		Err(DispatchError::CannotLookup)
	}
	fn on_revealed(_: ShardId, _: u8) -> DispatchResult {
		Err(DispatchError::CannotLookup)
	}
	fn on_missed_reveals(_: ShardId, _: &[u8]) {}
	fn on_verdict(_: ShardId, _: Verdict) {}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(_: &[AccountId]) -> ShardId {
		ShardId {
			job: crate::JobId(0),
			index: 0,
		}
	}
}
