//! The seams through which pallets meet. No pallet of ours knows another; the runtime joins them here.
//!
//! ```text
//!             draw, reserve                                seat, matter, remind, on_ended
//!  providers ◄─────────────── jobs ◄───────────────────────────────────────── attestations
//!    ▲   ▲                    │ │ └── stake, open, close, serve, on_output ────────►  │
//!    │   └──── on_settled ────┘ └── on_settled ──► emission ── points ──► providers    │
//!    └─────────────────── draw, reserve, take, cede: audits, recomputations, slashes ───────┘
//! ```

use crate::{
	job::{Preferences, SeatState, Verification},
	matter::Matter,
	provider::{Candidate, Census, DrawRequest, Drawn},
	AccountId, Balance, Gas, Hash, Limits, MarketBlock, ProgramId, Report, ShardId,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::{DispatchError, DispatchResult, Perbill, Permill, Weight};

/// The market's clock. It counts blocks in which users could call, so that no deadline passes while they could not.
pub trait MarketClock {
	/// The present market block.
	fn now() -> MarketBlock;
}

/// Whether the market's clock goes on after a block, by one reason that there may be for it to stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Stop {
	/// It goes on.
	#[default]
	None,
	/// It stands in the next block, unless it did so too often of late for reasons that somebody may cause.
	Rationed,
	/// It stands in the next block.
	Firm,
}

/// Why the market's clock may stand: asked at the end of every block, after all transactions. Of several the strongest counts.
pub trait ClockStops {
	/// Whether the block that ends may not count.
	fn stop() -> Stop;
}

impl ClockStops for () {
	fn stop() -> Stop {
		Stop::None
	}
}

impl<A: ClockStops> ClockStops for (A,) {
	fn stop() -> Stop {
		A::stop()
	}
}

impl<A: ClockStops, B: ClockStops> ClockStops for (A, B) {
	fn stop() -> Stop {
		A::stop().max(B::stop())
	}
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
	/// It sealed and did not reveal in time. It gets no work until its next sign of life.
	MissedReveal,
	/// Its report was proven wrong, or stood against what was accepted. It gets no work until its next sign of life.
	Guilty,
	/// It did not show what it was paid to keep. It gets no work until its next sign of life.
	NotShown,
}

/// Who can work: implemented by `pallet-providers`, called by `pallet-jobs`. Every method has constant cost.
pub trait ProviderRegistry {
	/// The provider that this operator key works for.
	fn provider_of(operator: &AccountId) -> Option<AccountId>;
	/// The provider that an account is, or else works for; for views only.
	fn provider_named(who: &AccountId) -> Option<AccountId> {
		Self::provider_of(who)
	}
	/// The operator key that works for a provider.
	fn operator_of(provider: &AccountId) -> Option<AccountId>;
	/// Where a provider says it serves outputs; for views only.
	fn endpoint(_provider: &AccountId) -> Option<Vec<u8>> {
		None
	}
	/// Draws at most `draws` (capped by [`crate::provider::MAX_DRAWS`]) times from the pools, uniformly and with the
	/// seed only, and returns those drawn that meet the request, each once, in the order of the draws; no more than
	/// `enough` of them, since each look costs a read.
	fn draw(request: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Drawn;
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
	/// Lets go of this much of the bond, or of what there is, for another hold on the provider's account: `hold` puts the
	/// amount there, before it leaves the bond. Returns how much that was, nothing if `hold` fails. Liabilities stay
	/// reserved.
	fn cede(provider: &AccountId, amount: Balance, hold: impl FnOnce(Balance) -> DispatchResult) -> Balance;
	/// Takes this much of the bond, or what there is: to somebody else's free balance, or out of existence if there is
	/// nobody or it cannot be received. Returns what was taken. Liabilities stay reserved.
	fn take(provider: &AccountId, to: Option<&AccountId>, amount: Balance) -> Balance;
	/// Lets providers that came, left or changed move in the pools, within a weight; returns what it weighed. Called after the
	/// draws of a block, so that nobody who knows a draw's seed changes what it finds.
	fn move_pools(_limit: Weight) -> Weight {
		Weight::zero()
	}
	/// What is known of a provider by which its work is audited.
	fn record(provider: &AccountId) -> ProviderRecord;
	/// Takes notice of what a provider did.
	fn note(provider: &AccountId, conduct: Conduct);
	/// Registers `provider`, if it is not, with bond enough for any liability, so that entering and leaving the pools
	/// costs it most, and brings it into this standing.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(provider: &AccountId, operator: &AccountId, standing: BenchmarkStanding);
}

/// What is known of a provider by which its work is audited.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ProviderRecord {
	/// What was burned of fees for its accepted work, ever.
	pub burned: Balance,
	/// The part of its bond that nothing reserves.
	pub free_bond: Balance,
}

/// What a benchmark needs of a provider.
#[cfg(feature = "runtime-benchmarks")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BenchmarkStanding {
	/// Drawable, with exactly one free slot: taking it takes the provider out of the pools.
	OneSlot,
	/// Drawable, with more free slots than a benchmark takes.
	Spare,
	/// Drawable, but all its bond is reserved that the least work leaves.
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
			Verification::Replicated { .. } | Verification::Optimistic { .. } => (0..candidates.len()).collect(),
		}
	}
}

/// What a seat has at stake, by what the verifier knows of its provider when it is drawn.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Stake {
	/// The probability with which its work is audited.
	pub p: Perbill,
	/// What it reserves of its bond until the shard ends or the verifier frees some of it.
	pub liability: Balance,
	/// What it loses if it does not seal in time.
	pub late: Balance,
}

/// Why the verifier is to be woken.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Alarm {
	/// Something may be due of a shard.
	Shard(ShardId),
	/// Somebody's time may be over on one of its boards.
	Board(ShardId, u32),
	/// The verdict on an account may be enacted.
	Verdict(ShardId, [u8; 32]),
}

/// What can be frozen because verdicts about it may be wrong.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
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
pub enum Freezable {
	/// A program.
	Program(ProgramId),
	/// A version of the machine, and so all programs for it.
	Engine(u8),
}

/// How the clock of some work runs: it stands while its program or its version of the machine is frozen.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Pace {
	/// So many market blocks it is behind the market's.
	pub behind: MarketBlock,
	/// Whether it stands now.
	pub frozen: bool,
}

impl Pace {
	/// What it shows when the market's shows this.
	pub const fn at(&self, market: MarketBlock) -> MarketBlock {
		market.saturating_sub(self.behind)
	}

	/// When the market's clock will show what this one shows then, if it stands no longer. What never comes stays so.
	pub const fn market(&self, at: MarketBlock) -> MarketBlock {
		at.saturating_add(self.behind)
	}
}

/// While a clock stands, what waits for it is looked at so often, in market blocks.
pub const FROZEN_LOOK: MarketBlock = 100;

/// What is agreed about a shard, for its judges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
	/// Whose shard it is.
	pub client: AccountId,
	/// The program.
	pub program: ProgramId,
	/// The machine's version.
	pub engine: u8,
	/// The shard's tasks.
	pub tasks: u32,
	/// What each of them may use.
	pub limits: Limits,
	/// How it is verified, and so how many seats the client buys.
	pub verification: Verification,
	/// The most that each of them can earn.
	pub cap: Balance,
	/// The protocol's fee on what they earn.
	pub fee_share: Permill,
	/// Who may be drawn for it, beside the price and the region.
	pub request: DrawRequest,
	/// What a seat has from its draw to its seal, in market blocks.
	pub working: MarketBlock,
	/// Gas that the slowest machine runs in a market block of such work.
	pub run_rate: Gas,
	/// What the client holds for the shard.
	pub reserve: Balance,
}

/// A seat that the verifier drew, beside those that the client bought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DrawnSeat {
	/// The shard.
	pub shard: ShardId,
	/// Its index, above those of bought seats.
	pub index: u8,
	/// Its state.
	pub state: SeatState,
	/// The market block by which it must leave its state.
	pub due: MarketBlock,
}

/// What the verifier says of a seat, whoever drew it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Called {
	/// It is to reveal now, by the end of this market block.
	pub reveal_by: Option<MarketBlock>,
	/// The tasks that an audit computes, counted from the shard's first; none of a seat that computes all.
	pub tasks: Option<Vec<u32>>,
	/// The tasks whose outcomes are to be shown with a reveal.
	pub shown: Vec<u32>,
	/// Whether reports of the shard differ, or one is attacked.
	pub disputed: bool,
	/// Whether it has revealed.
	pub revealed: bool,
}

/// How results are verified: implemented by `pallet-attestations`, called by `pallet-jobs`.
pub trait Verifier {
	/// What must be held for each shard beside its seats' payments and the fee on them, given the most that a seat can earn.
	/// `None` on overflow.
	fn budget(verification: &Verification, seat_cap: Balance, fee_share: Permill) -> Option<Balance>;
	/// The least window, in market blocks, for which a single seat's report must be open to attack.
	fn least_window() -> MarketBlock;
	/// What a seat puts at stake that a provider is drawn for, given the most that it can earn. `None` on overflow.
	fn stake(provider: &AccountId, seat_cap: Balance) -> Option<Stake>;
	/// A shard is handed out for the first time.
	fn open(shard: ShardId, agreed: &Agreed) -> DispatchResult;
	/// Nobody is drawn for the shard any more. True if somebody has sealed: the verifier goes on with those who have, and says
	/// when the shard ends. Else it forgets the shard.
	fn close(shard: ShardId) -> bool;
	/// A VRF output, in the order in which they come.
	fn on_output(output: Hash);
	/// An alarm's time has come. Seats are drawn only if they may be: by the tick, and never when somebody chose the moment.
	/// Returns what it weighed.
	fn serve(alarm: Alarm, may_draw: bool) -> Weight;
	/// The most that serving an alarm weighs.
	fn serve_weight() -> Weight;
	/// The timer rang by which a shard's alarm may have been left to come ([`Assignments::remind`]): what is due is done, or the
	/// verifier asks to be reminded again. Returns what it weighed, no more than an alarm.
	fn wake(_shard: ShardId, _may_draw: bool) -> Weight {
		Weight::zero()
	}
	/// Whether nothing is frozen, nor was lately, so that all clocks are the market's. One read, of one small value.
	fn in_step() -> bool {
		true
	}
	/// The clock of work by a program on a version of the machine. The same read.
	fn pace(_program: &ProgramId, _engine: u8) -> Pace {
		Pace::default()
	}
	/// What it says of a provider's seat in a shard; for views only.
	fn called(_shard: ShardId, _provider: &AccountId) -> Called {
		Called::default()
	}
	/// The seats that it drew a provider for; for views only.
	fn drawn_seats(_provider: &AccountId) -> Vec<DrawnSeat> {
		Vec::new()
	}
}

/// A seat as the verifier sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeatView {
	/// Its index in the shard.
	pub index: u8,
	/// Whose key worked for its provider when it was drawn.
	pub operator: AccountId,
	/// How often this seat fell vacant before.
	pub round: u32,
	/// Its state.
	pub state: SeatState,
	/// True from when all seats of the shard were accepted: before, nobody computes or seals.
	pub held: bool,
	/// What it takes for 10^9 gas.
	pub ask: Balance,
	/// What it has at stake. From its seal on the verifier's to free.
	pub stake: Stake,
}

/// To whom something goes of what the client holds for a shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payee {
	/// Back to the client.
	Client,
	/// To a provider, for its work.
	Provider(AccountId),
	/// The protocol's fee.
	Fee,
	/// To nobody.
	Burn,
}

/// What a seat that the client bought has earned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Earned {
	/// The seat's index.
	pub seat: u8,
	/// What for its work, the withheld part included.
	pub amount: Balance,
	/// The fee on it.
	pub fee: Balance,
	/// What its provider still reserves, while it keeps the outputs: `pallet-jobs` frees it.
	pub bound: Balance,
}

/// How a shard ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
	/// The report that is paid, if one is of a bought seat: whoever is paid for it keeps its outputs.
	pub report: Option<Report>,
	/// Whether points and reputation follow from it: it was verified, and not merely left.
	pub counted: bool,
	/// The transfers that empty what the client holds for the shard, but what the bought seats [`Earned`].
	pub transfers: Vec<(Payee, Balance)>,
	/// What bought seats earned.
	pub earned: Vec<Earned>,
}

/// Who works on what: implemented by `pallet-jobs`, called by `pallet-attestations`.
pub trait Assignments {
	/// The seat that a provider holds in a shard.
	fn seat(shard: ShardId, provider: &AccountId) -> Option<SeatView>;
	/// The provider by whose seat in a shard an operator works on it, if it has been its operator since the seat was drawn: that is
	/// known without looking the operator up.
	fn worker(shard: ShardId, operator: &AccountId) -> Option<AccountId>;
	/// What is judged of a shard that is under way.
	fn matter(shard: ShardId) -> Option<Matter>;
	/// The version of the machine that a program is for, if it is published.
	fn engine_of(program: &ProgramId) -> Option<u8>;
	/// Whose shard it is.
	fn client(shard: ShardId) -> Option<AccountId>;
	/// What the client holds for a shard that is under way.
	fn escrow(shard: ShardId) -> Balance;
	/// A seat's report is sealed: its slot is free, its deadline met.
	fn on_sealed(shard: ShardId, seat: u8) -> DispatchResult;
	/// Wake the verifier at this market block, at the earliest in the next one. Where a shard that is under way has a timer that rings
	/// before that, it is [woken](Verifier::wake) by that one, and may ask again.
	fn remind(alarm: Alarm, at: MarketBlock);
	/// The shard has ended. Cannot fail. The verifier has freed what its seats reserved, but for what is
	/// [`bound`](Earned::bound) of those that keep outputs.
	fn on_ended(shard: ShardId, ending: Ending);
	/// Makes a shard whose seats are all `Accepted`, held by these providers, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(providers: &[AccountId]) -> ShardId;
	/// Lets so many market blocks pass in which nothing happens, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_pass(_blocks: MarketBlock) {}
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
	/// Whether points and reputation follow from it.
	pub counted: bool,
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

/// Keeps a provider's points of one era in a record that its settlements write anyway: implemented by `pallet-providers`, called by
/// `pallet-emission`.
pub trait OpenPoints {
	/// Adds points of an era. Returns what has no place there, with its era, and is the caller's to keep: the points of another
	/// era that were there before, or these if the account is no provider.
	fn add_points(provider: &AccountId, era: u32, points: Balance) -> Option<(u32, Balance)>;
	/// The points of an era that are there.
	fn points(provider: &AccountId, era: u32) -> Balance;
	/// Takes them away.
	fn take_points(provider: &AccountId, era: u32) -> Balance;
	/// All that are there; for checks only.
	fn all_points() -> Vec<(AccountId, u32, Balance)>;
}

impl OpenPoints for () {
	fn add_points(_: &AccountId, era: u32, points: Balance) -> Option<(u32, Balance)> {
		Some((era, points))
	}
	fn points(_: &AccountId, _: u32) -> Balance {
		0
	}
	fn take_points(_: &AccountId, _: u32) -> Balance {
		0
	}
	fn all_points() -> Vec<(AccountId, u32, Balance)> {
		Vec::new()
	}
}

/// Keeps the points of an era of a provider whose record goes: implemented by `pallet-emission`, called by `pallet-providers`.
pub trait KeepPoints {
	/// From now on they are kept here.
	fn keep(provider: &AccountId, era: u32, points: Balance);
}

impl KeepPoints for () {
	fn keep(_: &AccountId, _: u32, _: Balance) {}
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
	fn operator_of(_: &AccountId) -> Option<AccountId> {
		None
	}
	fn draw(_: &DrawRequest, _: Hash, _: u32, _: usize) -> Drawn {
		Drawn::default()
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
	fn cede(_: &AccountId, _: Balance, _: impl FnOnce(Balance) -> DispatchResult) -> Balance {
		0
	}
	fn take(_: &AccountId, _: Option<&AccountId>, _: Balance) -> Balance {
		0
	}
	fn record(_: &AccountId) -> ProviderRecord {
		ProviderRecord::default()
	}
	fn note(_: &AccountId, _: Conduct) {}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(_: &AccountId, _: &AccountId, _: BenchmarkStanding) {}
}

/// Verifies nothing and holds no evidence.
impl Verifier for () {
	fn budget(_: &Verification, _: Balance, _: Permill) -> Option<Balance> {
		Some(0)
	}
	fn least_window() -> MarketBlock {
		0
	}
	fn stake(_: &AccountId, _: Balance) -> Option<Stake> {
		Some(Stake::default())
	}
	fn open(_: ShardId, _: &Agreed) -> DispatchResult {
		Ok(())
	}
	fn close(_: ShardId) -> bool {
		false
	}
	fn on_output(_: Hash) {}
	fn serve(_: Alarm, _: bool) -> Weight {
		Weight::zero()
	}
	fn serve_weight() -> Weight {
		Weight::zero()
	}
}

/// Nobody works on anything.
impl Assignments for () {
	fn seat(_: ShardId, _: &AccountId) -> Option<SeatView> {
		None
	}
	fn worker(_: ShardId, _: &AccountId) -> Option<AccountId> {
		None
	}
	fn matter(_: ShardId) -> Option<Matter> {
		None
	}
	fn engine_of(_: &ProgramId) -> Option<u8> {
		None
	}
	fn client(_: ShardId) -> Option<AccountId> {
		None
	}
	fn escrow(_: ShardId) -> Balance {
		0
	}
	fn on_sealed(_: ShardId, _: u8) -> DispatchResult {
		Err(DispatchError::CannotLookup)
	}
	fn remind(_: Alarm, _: MarketBlock) {}
	fn on_ended(_: ShardId, _: Ending) {}
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(_: &[AccountId]) -> ShardId {
		ShardId {
			job: crate::JobId(0),
			index: 0,
		}
	}
}
