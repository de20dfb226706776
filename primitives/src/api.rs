//! The runtime API that the node's `market_*` RPC reads, and the views it returns. Amounts are plancks; in JSON they
//! are decimal strings.

use crate::{
	job::{Constraints, JobStatus, Preferences, SeatState, ShardState, Verification},
	money::as_decimal,
	provider::{Census, ClassSet, ProviderStatus, Region},
	traits::Freezable,
	AccountId, Balance, Blob, Hash, JobId, JobSpec, Limits, MarketBlock, ProgramId, ProgramRoots, Report, ShardId,
};
use alloc::{string::String, vec::Vec};
use codec::{Decode, Encode};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Permill;

/// The most rows that a paged method returns.
pub const MAX_PAGE: u32 = 256;

/// So many indices are looked at for a page of `MarketApi::shards`.
pub const SHARD_WINDOW: u32 = 4_096;

/// A published program.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgramView {
	/// What it is called by: [`crate::machine::program_id`] of `engine`, `roots` and `module`.
	pub id: ProgramId,
	/// The machine's version that it was published for.
	pub engine: u8,
	/// The roots of its code and first memory.
	pub roots: ProgramRoots,
	/// Its module.
	pub module: Blob,
	/// The address under which the module's bytes are served.
	pub address: Hash,
	/// Who published it and may withdraw it.
	pub publisher: AccountId,
	/// What is held of the publisher for it.
	#[serde(with = "as_decimal")]
	pub deposit: Balance,
	/// Jobs that use it.
	pub open_jobs: u32,
}

/// A job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
	/// Its number.
	pub id: JobId,
	/// Who pays.
	pub client: AccountId,
	/// Where it stands.
	pub status: JobStatus,
	/// The program.
	pub program: ProgramId,
	/// Files that all tasks see.
	pub image: Option<Blob>,
	/// Arguments, environment, what is input and output; of length 0: standard input and output.
	pub setup: Blob,
	/// The root over its inputs.
	pub input_root: Hash,
	/// The number of tasks.
	pub tasks: u32,
	/// Tasks per shard.
	pub shard_size: u32,
	/// What each task may use.
	pub limits: Limits,
	/// Input limit of each task in bytes.
	pub input_limit: u32,
	/// Highest price in plancks per Ggas and replica.
	#[serde(with = "as_decimal")]
	pub price_cap: Balance,
	/// How it is verified.
	pub verification: Verification,
	/// Which providers may be drawn.
	pub constraints: Constraints,
	/// What matters among those.
	pub preferences: Preferences,
	/// Where program, image, setup and inputs are served.
	pub endpoints: Vec<String>,
	/// The market block of submission.
	pub submitted_at: MarketBlock,
	/// The market block after which no work is handed out.
	pub expires_at: MarketBlock,
	/// What is still held for it.
	#[serde(with = "as_decimal")]
	pub escrow: Balance,
	/// Paid to providers so far.
	#[serde(with = "as_decimal")]
	pub paid: Balance,
	/// Protocol fees so far, burned and shared.
	#[serde(with = "as_decimal")]
	pub fees: Balance,
	/// Shards in all.
	pub shards: u32,
	/// Shards never handed out.
	pub waiting: u32,
	/// Shards under way.
	pub running: u32,
	/// Shards accepted.
	pub accepted: u32,
	/// Shards that ended without an accepted result.
	pub failed: u32,
}

/// A shard that is under way or in custody.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardView {
	/// Which.
	pub id: ShardId,
	/// Its first task.
	pub first_task: u32,
	/// Its number of tasks.
	pub tasks: u32,
	/// Where it stands.
	pub state: ShardState,
	/// The machine's version that it is computed by.
	pub engine: u8,
	/// Its seats.
	pub seats: Vec<SeatSummary>,
	/// The accepted report.
	pub report: Option<Report>,
	/// While in custody: when custody ends by itself.
	pub custody_until: Option<MarketBlock>,
}

/// A seat of a shard.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatSummary {
	/// Its index.
	pub index: u8,
	/// Who holds it; none while it is vacant.
	pub provider: Option<AccountId>,
	/// Where that provider serves outputs.
	pub endpoint: Option<String>,
	/// Its state; none while it is vacant.
	pub state: Option<SeatState>,
	/// How often it fell vacant.
	pub round: u32,
	/// The price agreed at assignment, in plancks per Ggas.
	#[serde(with = "as_decimal")]
	pub ask: Balance,
	/// The market block by which the present state must be left, if the jobs pallet counts it.
	pub due: Option<MarketBlock>,
}

/// A seat that a provider holds, with all it needs to do the work.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentView {
	/// The shard.
	pub shard: ShardId,
	/// The seat's index.
	pub seat: u8,
	/// The seat's round, part of the seal.
	pub round: u32,
	/// The seat's state; `None` while the provider keeps the shard's outputs in custody.
	pub state: Option<SeatState>,
	/// True once all seats of its shard are accepted, or no more are drawn for it: nobody computes before.
	pub held: bool,
	/// True once it may reveal: as soon as that block is finalized.
	pub reveal_open: bool,
	/// The market block by which the present state must be left.
	pub due: MarketBlock,
	/// The last market block in which declining it before it is accepted is no missed acceptance.
	pub decline_by: MarketBlock,
	/// The market block from which it can be declined again without loss: it was accepted and waits for the shard's other seats. The
	/// largest number for any other seat.
	pub leave_from: MarketBlock,
	/// The tasks that it computes, counted from the shard's first, if they are not all: an audit's.
	pub sample: Option<Vec<u32>>,
	/// The tasks whose outcomes it shows with its reveal.
	pub shown: Vec<u32>,
	/// The machine's version to compute by.
	pub engine: u8,
	/// The program.
	pub program: ProgramId,
	/// What its module must come to.
	pub roots: ProgramRoots,
	/// Its module.
	pub module: Blob,
	/// Files that all tasks see.
	pub image: Option<Blob>,
	/// Arguments, environment, what is input and output; of length 0: standard input and output, nothing to fetch.
	pub setup: Blob,
	/// The root over the job's inputs.
	pub input_root: Hash,
	/// Tasks in the whole job.
	pub job_tasks: u32,
	/// The shard's first task.
	pub first_task: u32,
	/// The shard's number of tasks.
	pub tasks: u32,
	/// What each task may use.
	pub limits: Limits,
	/// Input limit of each task in bytes.
	pub input_limit: u32,
	/// Where program, image, setup and inputs are served.
	pub endpoints: Vec<String>,
}

/// A part of a shard's outputs that its client demands of those who keep them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemandView {
	/// The shard.
	pub shard: ShardId,
	/// The task, counted from the shard's first.
	pub task: u32,
	/// The chunk of 32 KiB of the task's output, counted from 0; none if the task's outcome is demanded.
	pub chunk: Option<u32>,
	/// The last market block in which an answer counts.
	pub due: MarketBlock,
	/// What the operator gets whose answer it is.
	#[serde(with = "as_decimal")]
	pub deposit: Balance,
}

/// What a shard's case is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CaseStage {
	/// Seats still work; no case has begun.
	Sealing,
	/// Random numbers are awaited that say whether it is audited.
	Drawing,
	/// Audits are wanted or at work.
	Auditing,
	/// Seats open what they sealed.
	Opening,
	/// What was opened may be attacked, or is being played about.
	Judging,
	/// Fresh seats are wanted or compute it again.
	Recomputing,
	/// It is decided.
	Ended,
}

/// What a seat of a case is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CaseSeatKind {
	/// The client bought it.
	Primary,
	/// It computes a sample.
	Audit,
	/// It computes the shard again.
	Fresh,
}

/// Where a seat of a case is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CaseSeatState {
	/// It has not sealed yet.
	Working,
	/// It cannot fetch what it needs.
	Calling,
	/// It never sealed.
	Away,
	/// It has sealed and not opened.
	Sealed,
	/// It has opened, and nobody put it out.
	Standing,
	/// It has not opened in time.
	Silent,
	/// Its time was over on a board.
	OutByClock,
	/// It claimed a step that the machine does not make.
	OutByStep,
}

/// A seat of a case.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseSeat {
	/// Its number in the case.
	pub number: u8,
	/// What it is for.
	pub kind: CaseSeatKind,
	/// Who holds it.
	pub provider: AccountId,
	/// Where that provider serves outputs.
	pub endpoint: Option<String>,
	/// Where it is.
	pub state: CaseSeatState,
	/// What it reported, once it has opened; audits report a sample and have none.
	pub report: Option<Report>,
	/// What it has at stake.
	#[serde(with = "as_decimal")]
	pub stake: Balance,
}

/// A board.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardView {
	/// Its number among the shard's.
	pub number: u32,
	/// Who attacks.
	pub by: AccountId,
	/// The attacker's seat in the case, if it has one.
	pub by_seat: Option<u8>,
	/// The seat that is attacked.
	pub target: u8,
	/// Who holds that seat.
	pub provider: AccountId,
	/// Whether the target is to move; none once it is over.
	pub targets_turn: Option<bool>,
	/// Whether the target is the board's first party.
	pub target_first: bool,
	/// The last market block in which the next move counts.
	pub due: MarketBlock,
	/// What is at stake of an attacker without a seat.
	#[serde(with = "as_decimal")]
	pub bond: Balance,
	/// The task at which the two part, once it is known, counted from the shard's first.
	pub task: Option<u32>,
	/// The board itself, encoded with SCALE (`millrace_court::board::Board`), while it is played.
	#[serde(with = "sp_core::bytes")]
	pub board: Vec<u8>,
}

/// A shard's case: what the court knows of it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseView {
	/// The shard.
	pub shard: ShardId,
	/// Where it is.
	pub stage: CaseStage,
	/// The market block at which something happens next if nobody acts.
	pub next: MarketBlock,
	/// Whether it was drawn to be audited; none while nobody knows.
	pub drawn: Option<bool>,
	/// Seats of the case; none before sealing is closed.
	pub seats: Vec<CaseSeat>,
	/// Pairs of seats of which the first may attack the second now.
	pub attacks: Vec<(u8, u8)>,
	/// What an attacker without a seat puts up.
	#[serde(with = "as_decimal")]
	pub bond: Balance,
	/// Boards, at most [`MAX_PAGE`].
	pub boards: Vec<BoardView>,
}

/// What a verdict gives to whom.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareView {
	/// To whom; none if it burns.
	pub to: Option<AccountId>,
	/// How much, in plancks.
	#[serde(with = "as_decimal")]
	pub amount: Balance,
}

/// A verdict that is held: what somebody guilty has lost, and what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictView {
	/// The shard.
	pub shard: ShardId,
	/// Who has lost it; it is on hold on that account.
	pub account: AccountId,
	/// What is held, in plancks: the sum of the shares.
	#[serde(with = "as_decimal")]
	pub amount: Balance,
	/// Who gets how much of it.
	pub shares: Vec<ShareView>,
	/// The market block in which it is enacted; later if its program or version is frozen, by as long as that lasts.
	pub due: MarketBlock,
	/// Whether its program or version of the machine is frozen now.
	pub frozen: bool,
	/// Whether it was enacted or voided, and what is left could not be received; anybody may try again.
	pub owed: bool,
}

/// Something that is frozen.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreezeView {
	/// What.
	pub subject: Freezable,
	/// Since which market block.
	pub since: MarketBlock,
	/// The market block in which it goes on, if nobody thaws it before.
	pub until: MarketBlock,
}

/// A provider.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
	/// Its account.
	pub id: AccountId,
	/// The key that works for it.
	pub operator: AccountId,
	/// Whether it gets work.
	pub status: ProviderStatus,
	/// Hardware classes, a bit set by [`crate::provider::HardwareClass`].
	pub classes: ClassSet,
	/// Where it says it is.
	pub region: Region,
	/// Slots in all.
	pub slots: u16,
	/// Slots in use.
	pub used_slots: u16,
	/// Memory of each slot in pages of 64 KiB.
	pub memory_pages: u32,
	/// Price in plancks per Ggas.
	#[serde(with = "as_decimal")]
	pub ask: Balance,
	/// Where it serves outputs.
	pub endpoint: String,
	/// Its bond.
	#[serde(with = "as_decimal")]
	pub bond: Balance,
	/// The part of the bond that open work reserves.
	#[serde(with = "as_decimal")]
	pub liability: Balance,
	/// Its reputation as a part of the best possible.
	pub reputation: Permill,
	/// The market block of its last sign of life.
	pub last_seen: MarketBlock,
	/// True if the next draw may find it.
	pub drawable: bool,
	/// If not: why, in words.
	pub reason: Option<String>,
}

/// What a job would cost.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
	/// Held at submission; what is not used is refunded.
	#[serde(with = "as_decimal")]
	pub escrow: Balance,
	/// Of that the most that providers can earn by computing.
	#[serde(with = "as_decimal")]
	pub payments: Balance,
	/// Of that the most that they can earn by keeping the outputs, for as long as custody lasts.
	#[serde(with = "as_decimal")]
	pub storage: Balance,
	/// Of that the most that the protocol's fee can be.
	#[serde(with = "as_decimal")]
	pub fees: Balance,
	/// Burned at submission.
	#[serde(with = "as_decimal")]
	pub submission_fee: Balance,
	/// The bond that each seat reserves of its provider.
	#[serde(with = "as_decimal")]
	pub liability: Balance,
	/// The longest time from acceptance to the sealed report, in market blocks.
	pub execution_window: MarketBlock,
	/// Who could do it.
	pub census: Census,
}

/// Why a job's waiting work is where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
	/// Nothing waits.
	NothingWaits,
	/// The next blocks' randomness decides; nothing is amiss.
	DrawPending,
	/// No provider of the class has a free slot.
	NoneInClass,
	/// None of them is in the allowed regions.
	NoneInRegion,
	/// None of these asks as little as the job pays; top it up.
	PriceTooLow,
	/// Those that could be paid lack memory, reputation or free bond, or failed this work before.
	NoneEligible,
	/// Several providers in a row declined; see the job's status.
	Suspended,
	/// Its program or its version of the machine is frozen, because verdicts about it may be wrong.
	Frozen,
}

/// The answer to "why does my job not run?".
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
	/// The reason.
	pub reason: Reason,
	/// Who could do it.
	pub census: Census,
	/// The market block of the next try, if the job waits for one.
	pub next_try: Option<MarketBlock>,
}

sp_api::decl_runtime_apis! {
	/// What wallets, dApps, agents and the command line ask of the market.
	pub trait MarketApi {
		/// The present market block.
		fn now() -> MarketBlock;
		/// A published program.
		fn program(id: ProgramId) -> Option<ProgramView>;
		/// A job; none once all its state is gone.
		fn job(id: JobId) -> Option<JobView>;
		/// A shard's case, while the shard is under way.
		fn case(shard: ShardId) -> Option<CaseView>;
		/// Verdicts that are held, in the order of storage, after the one on an account in a shard; at most `count` and at most
		/// [`MAX_PAGE`]. An empty page is the end.
		fn verdicts(after: Option<(ShardId, AccountId)>, count: u32) -> Vec<VerdictView>;
		/// Those about one shard, at most [`MAX_PAGE`].
		fn verdicts_of(shard: ShardId) -> Vec<VerdictView>;
		/// What is frozen.
		fn freezes() -> Vec<FreezeView>;
		/// The shards of a job that are under way or in custody among the [`SHARD_WINDOW`] indices from `first` on, in
		/// order, at most `count` and at most [`MAX_PAGE`]. After a full page go on after its last index, after any other
		/// one at `first + SHARD_WINDOW`, until that is the number of shards that were started.
		fn shards(id: JobId, first: u32, count: u32) -> Vec<ShardView>;
		/// What a provider, named by its account or its operator's, has to do or waits for; at most [`MAX_PAGE`], what it
		/// must act on first.
		fn assignments(who: AccountId) -> Vec<AssignmentView>;
		/// The shards whose outputs a provider, named by its account or its operator's, keeps, in the order of storage,
		/// after the shard `after`; at most `count` and at most [`MAX_PAGE`]. An empty page is the end.
		fn custody(who: AccountId, after: Option<ShardId>, count: u32) -> Vec<AssignmentView>;
		/// The parts of outputs that are demanded of a provider, named by its account or its operator's, or by a client; those
		/// that are due first before others, at most [`MAX_PAGE`].
		fn demands(who: AccountId) -> Vec<DemandView>;
		/// What is held of a client for the demand of a chunk of so many bytes, or, of none, of an outcome.
		fn demand_deposit(bytes: u32) -> Balance;
		/// A provider, named by its account or its operator's.
		fn provider(who: AccountId) -> Option<ProviderView>;
		/// Providers in the order of storage, after `after`, at most `count` and at most [`MAX_PAGE`].
		fn providers(after: Option<AccountId>, count: u32) -> Vec<ProviderView>;
		/// What a job would cost; none if the specification is not valid.
		fn quote(spec: JobSpec) -> Option<Quote>;
		/// Why a job's waiting work is where it is.
		fn explain(id: JobId) -> Option<Explanation>;
		/// What a provider, named by its account, could claim from emission for an era.
		fn claimable(provider: AccountId, era: u32) -> Balance;
	}
}
