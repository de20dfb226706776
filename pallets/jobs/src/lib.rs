//! # Jobs: the heart of the market
//!
//! Clients publish programs and submit jobs; the chain finds providers for their shards, watches the deadlines, and pays as
//! the verifier decided. This pallet owns a job's life, its escrow and nothing else: bonds are the registry's, evidence
//! and what is at stake are the verifier's.
//!
//! ```text
//!  submit ──► escrow held, fee burned ──► ready queue ──tick──► draw ──► ShardAssigned
//!                                             ▲                           │ accept (or decline: free)
//!                            vacant again ────┼── missed ◄────────────────┤ all are accepted: their time begins
//!                                             └── late ◄──────────────────┤ seal (the verifier's call)
//!                                                                         ▼
//!                                            all have sealed, or time is up for the others: closed, the verifier decides
//!                                                                         ▼
//!  refund, custody ends, state removed ◄── acknowledge or timer ◄── ended: pay, burn, refund
//!                    └── or fails ◄── what is demanded of outputs is not shown in time
//! ```
//!
//! ## Terms
//! *Seat*: a place for one provider in a shard; a shard has as many as its verification needs. Those that the verifier draws
//! beside are not counted here. *Round*: how often a seat fell vacant. *Reserve*: what of a job's escrow belongs to one
//! shard. *Closed*: nobody may seal a shard any more. *Market block*: the unit of all periods, counted by the tick only in
//! blocks in which those concerned can call, see [`clock`]. *Lane*: the room in every block that is theirs.
//!
//! ## What cannot happen
//! * A settlement fails: what a payee cannot receive stays on the client's hold as `Owed`, claimable by the payee.
//! * Money appears or vanishes: the client's hold equals the sum of its jobs' escrow and what it owes; `try_state`.
//! * Terms change while work runs: price cap, fee, windows and engine are copied when a shard starts, what a seat has at
//!   stake when it is drawn.
//! * A seat computes for nothing because another one is never filled: nobody computes before all are accepted, who waits
//!   may decline, and from the first seal on the others have one accept and one execution window.
//! * Work goes on that is frozen, since the verifier may be wrong about it: no deadline of it passes, nobody is drawn, no job
//!   for it is taken, and it has all its time left when it goes on.
//! * A draw is known before its shard was queued: its seed needs VRF outputs that are all newer. There is no draw in a
//!   block without one. (An author may withhold its block, at the cost of it, to spoil one draw.)
//! * Work grows with the number of jobs, tasks or providers: shards are lazy, every step is metered.
//!
//! ## Who may call what
//! Anyone publishes, submits, pokes. The publisher withdraws a program. The client tops up, cancels, acknowledges its
//! job and demands parts of its outputs. The operator key of a provider accepts, declines and answers demands. A payee claims what it is owed.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::vec::Vec;

pub use pallet::*;

mod assign;
pub mod clock;
pub mod demands;
mod escrow;
mod keeping;
mod lane;
mod programs;
mod queue;
mod settle;
mod submit;
pub mod timers;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
mod views;
pub mod weights;
mod work;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use clock::ClockRecord;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{
		pallet_prelude::*,
		traits::{
			fungible::{Inspect, InspectHold, Mutate, MutateHold},
			Randomness,
		},
		weights::WeightMeter,
	};
	use frame_system::pallet_prelude::*;
	use millrace_court::demand::{Answer, ShownOutcome, Wanted, CHUNK};
	use millrace_primitives::{
		job::{DeclineReason, JobStatus, SpecError},
		machine::Unfit,
		params::JobsParams,
		traits::{AssignmentPolicy, ClockStops, OnSettled, ProviderRegistry, Verifier},
		AccountId, Balance, Blob, Hash, JobId, JobSpec, MarketBlock, ProgramId, ProgramRoots, Report, ShardId,
	};
	use sp_runtime::{traits::Convert, Saturating};

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// Why this pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The publisher's deposit for a program.
		ProgramDeposit,
		/// The client's escrow for its jobs, and what it owes to payees that could not receive it.
		Escrow,
	}

	#[pallet::config]
	pub trait Config: frame_system::Config<AccountId = AccountId> {
		/// The token.
		type Currency: Inspect<AccountId, Balance = Balance>
			+ InspectHold<AccountId, Reason = Self::RuntimeHoldReason>
			+ Mutate<AccountId>
			+ MutateHold<AccountId>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Who can work.
		type Providers: ProviderRegistry;
		/// Which candidate gets a seat.
		type Policy: AssignmentPolicy;
		/// How results are verified.
		type Verifier: Verifier;
		/// Told of every accepted shard.
		type OnSettled: OnSettled;
		/// What governance may change.
		type Parameters: Get<JobsParams>;
		/// The parent block's VRF output; none where it has none.
		type Randomness: Randomness<Option<Hash>, BlockNumberFor<Self>>;
		/// Who gets the part of fees that is not burned. Without an author it is burned too.
		type BlockAuthor: Get<Option<AccountId>>;
		/// Why the clock may stand, beside a new runtime.
		type ClockStops: ClockStops;
		/// The most weight that the tick takes of a block.
		type TickWeight: Get<Weight>;
		/// Burned at submission for each seat of every shard, by how many seats a shard has: what it ordinarily costs the chain, so
		/// that the queue cannot be filled for free.
		type SeatFee: Convert<u8, Balance>;
		/// The fee of a call of this weight, in a transaction of so many bytes, at present.
		type CallFee: Convert<(Weight, u32), Balance>;
		/// What calls and hooks weigh.
		type WeightInfo: WeightInfo;
	}

	/// The market's clock.
	#[pallet::storage]
	pub type Clock<T: Config> = StorageValue<_, ClockRecord<BlockNumberFor<T>>, ValueQuery>;

	/// The last blocks in which the clock stood for a reason that somebody may cause, in a ring of
	/// [`MOST_STOPS`](clock::MOST_STOPS). Only blocks that do not count touch it.
	#[pallet::storage]
	pub type Stops<T: Config> = StorageMap<_, Twox64Concat, u32, BlockNumberFor<T>>;

	/// The ring's next place.
	#[pallet::storage]
	pub type NextStop<T> = StorageValue<_, u32, ValueQuery>;

	/// Published programs.
	#[pallet::storage]
	pub type Programs<T> = StorageMap<_, Blake2_128Concat, ProgramId, Program>;

	/// The next job's number.
	#[pallet::storage]
	pub type NextJob<T> = StorageValue<_, JobId, ValueQuery>;

	/// Each job, until its last custody ends.
	#[pallet::storage]
	pub type Jobs<T> = StorageMap<_, Twox64Concat, JobId, JobRecord>;

	/// Shards under way or in custody.
	#[pallet::storage]
	pub type Shards<T> = StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, u32, ShardRecord>;

	/// Vacancies that did not fit into their job's record. Bounded by the seats of running shards; entries of shards
	/// that ended meanwhile are dropped when they are reached.
	#[pallet::storage]
	pub type Backlog<T> = StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, u32, Vacancy>;

	/// The seats of each provider in shards under way and in those whose outputs it keeps, by shard. Bounded by the provider's bond,
	/// of which each takes some, iterated off chain only.
	#[pallet::storage]
	pub type AssignmentsOf<T> = StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, ShardId, Place>;

	/// Parts of outputs in custody that are demanded and not shown yet, at most [`MAX_DEMANDS`] a shard and [`ALL_DEMANDS`].
	#[pallet::storage]
	pub type Demands<T> = StorageDoubleMap<_, Twox64Concat, ShardId, Twox64Concat, Wanted, Demand>;

	/// How many these are.
	#[pallet::storage]
	pub type OpenDemands<T> = StorageValue<_, u32, ValueQuery>;

	/// What a client (first key) owes a payee that could not receive it. It is part of the client's escrow hold.
	#[pallet::storage]
	pub type Owed<T> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Blake2_128Concat, AccountId, Balance, ValueQuery>;

	/// The last VRF outputs.
	#[pallet::storage]
	pub type Seeds<T> = StorageValue<_, SeedRing, ValueQuery>;

	/// Jobs with work to hand out now or soon, served in turn: the ready queue's beginning, and the bounds of its rest.
	#[pallet::storage]
	pub type ReadyFirst<T> = StorageValue<_, ReadyRecord, ValueQuery>;

	/// The rest of the ready queue: jobs with work to hand out now.
	#[pallet::storage]
	pub type Ready<T> = StorageMap<_, Twox64Concat, u64, JobId>;

	/// The market block up to which all timers are served, and those that are due soon.
	#[pallet::storage]
	pub type NextTimers<T> = StorageValue<_, NextRecord, ValueQuery>;

	/// Pending timers that have no place there, in pages by the market block at which they are due. The first page stays while others follow.
	#[pallet::storage]
	pub type Timers<T> = StorageDoubleMap<_, Twox64Concat, MarketBlock, Twox64Concat, u32, TimerPage>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A program was published.
		ProgramPublished {
			/// Its id.
			program: ProgramId,
			/// Who published it.
			publisher: AccountId,
			/// Its module.
			module: Blob,
		},
		/// A program was withdrawn and its deposit released.
		ProgramWithdrawn {
			/// Its id.
			program: ProgramId,
		},
		/// A job was submitted.
		JobSubmitted {
			/// Its number.
			job: JobId,
			/// Who pays.
			client: AccountId,
			/// Its program.
			program: ProgramId,
			/// Its number of shards.
			shards: u32,
			/// What is held for it.
			escrow: Balance,
			/// The fee for its shards' seats, burned.
			burned: Balance,
		},
		/// A job pays more, runs longer, or goes on after a suspension.
		JobToppedUp {
			/// The job.
			job: JobId,
			/// The price cap of shards that have not started.
			price_cap: Balance,
			/// The market block from which no shard is started.
			expires_at: MarketBlock,
			/// What is held in addition.
			added: Balance,
			/// What was burned: the fee of each vacant seat once more.
			burned: Balance,
		},
		/// A job is not suspended any more: the client topped it up, or somebody took work of it after all.
		JobResumed {
			/// The job.
			job: JobId,
		},
		/// Several providers declined, none accepted: nothing is handed out until the client tops up or cancels, or somebody
		/// who holds a seat accepts.
		JobSuspended {
			/// The job.
			job: JobId,
			/// The last of their reasons.
			reason: DeclineReason,
		},
		/// A job was cancelled or expired; what had not started is refunded.
		JobClosed {
			/// The job.
			job: JobId,
			/// `Cancelled` or `Expired`.
			status: JobStatus,
			/// What was refunded.
			refunded: Balance,
		},
		/// No shard of the job waits or runs any more. Outputs may still be in custody.
		JobSettled {
			/// The job.
			job: JobId,
			/// Where it ended.
			status: JobStatus,
			/// Shards with an accepted report.
			accepted: u32,
			/// Shards that ended without one.
			failed: u32,
			/// What providers earned, withheld parts included.
			paid: Balance,
			/// The protocol's fees.
			fees: Balance,
		},
		/// A provider was drawn.
		ShardAssigned {
			/// The shard.
			shard: ShardId,
			/// The seat.
			seat: u8,
			/// Who.
			provider: AccountId,
			/// The market block by which it must accept or decline.
			due: MarketBlock,
		},
		/// A provider accepted its assignment.
		ShardAccepted {
			/// The shard.
			shard: ShardId,
			/// The seat.
			seat: u8,
			/// Who.
			provider: AccountId,
			/// The market block by which it must seal its report; [`NEVER`] while other seats are not accepted. All of them get
			/// the same when the last one is.
			due: MarketBlock,
		},
		/// A seat fell vacant.
		SeatVacated {
			/// The shard.
			shard: ShardId,
			/// The seat.
			seat: u8,
			/// Who held it.
			provider: AccountId,
			/// Why.
			cause: Cause,
			/// What was burned of its bond.
			slashed: Balance,
		},
		/// A shard's report was accepted and paid for.
		ShardSettled {
			/// The shard.
			shard: ShardId,
			/// The report.
			report: Report,
			/// Whether it was verified, so that reputation and rewards follow from it, and not merely left.
			counted: bool,
			/// What providers earned, those that the verifier drew and withheld parts included.
			paid: Balance,
			/// The protocol's fees, and what the verifier burned of the client's money.
			fees: Balance,
			/// The part of `fees` that was burned: all of it in a block without an author to pay.
			burned: Balance,
			/// What the client got back.
			refunded: Balance,
			/// The part of `paid` that is withheld until custody ends.
			withheld: Balance,
			/// The most that keeping the outputs will cost: what is still held for it.
			storage: Balance,
			/// Who earned how much: the seats in their order, then those that the verifier paid.
			payments: Vec<(AccountId, Balance)>,
		},
		/// A shard ended without an accepted report.
		ShardFailed {
			/// The shard.
			shard: ShardId,
			/// Why.
			failure: Failure,
			/// What providers got all the same.
			paid: Balance,
			/// What the client got back.
			refunded: Balance,
			/// Who got how much: the seats in their order, then those that the verifier paid.
			payments: Vec<(AccountId, Balance)>,
		},
		/// Custody of a shard's outputs ended, withheld parts and keeping are paid, the shard's state is gone.
		CustodyEnded {
			/// The shard.
			shard: ShardId,
			/// What was paid of what had been withheld.
			paid: Balance,
			/// Who was paid how much for keeping the outputs so long.
			storage: Vec<(AccountId, Balance)>,
			/// What the client got back: held for keeping them longer.
			refunded: Balance,
		},
		/// A client demands that a part of a shard's outputs is shown.
		Demanded {
			/// The shard.
			shard: ShardId,
			/// What of it.
			wanted: Wanted,
			/// When an answer counts at last, by the clock of the job's work.
			due: MarketBlock,
			/// What is held of the client for whoever answers.
			deposit: Balance,
		},
		/// It was shown: it stands in the transaction of this event.
		Answered {
			/// The shard.
			shard: ShardId,
			/// What of it.
			wanted: Wanted,
			/// Who keeps it.
			provider: AccountId,
			/// What its operator got: the fee of the answer. The rest of what was held for it is the client's again.
			paid: Balance,
		},
		/// It was not shown in time: custody is over, what all who kept the outputs lose is burned, the shard's state is gone.
		CustodyFailed {
			/// The shard.
			shard: ShardId,
			/// What was held for parts that were not shown, and is the client's again.
			deposits: Balance,
			/// What was held for keeping the outputs longer, likewise.
			refunded: Balance,
			/// Who lost what.
			lost: Vec<Forfeit>,
		},
		/// An amount could not be received and became claimable.
		PaymentOwed {
			/// Who owes it.
			client: AccountId,
			/// To whom.
			payee: AccountId,
			/// How much.
			amount: Balance,
		},
		/// An owed amount was claimed.
		OwedClaimed {
			/// Who owed it.
			client: AccountId,
			/// To whom.
			payee: AccountId,
			/// How much.
			amount: Balance,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The program is published already.
		ProgramExists,
		/// No such program is published.
		UnknownProgram,
		/// The module's length is 0 or above the limit.
		ProgramSize,
		/// The program starts with more memory than there are addresses for.
		ProgramMemory,
		/// The program is for a version of the machine that takes no new jobs.
		ProgramOutdated,
		/// Only the publisher may withdraw a program.
		NotPublisher,
		/// A job that still has state uses the program.
		ProgramInUse,
		/// The number of tasks is 0 or above the limit.
		BadTasks,
		/// The shard size is 0 or above the limit.
		BadShardSize,
		/// The gas limit is 0 or above the limit.
		BadGasLimit,
		/// The memory limit is 0 or above what WebAssembly has.
		BadMemory,
		/// The memory limit is below what the program starts with.
		MemoryBelowProgram,
		/// The input or output limit is too high.
		BadDataLimit,
		/// The image is empty or larger than the limit.
		BadImage,
		/// The setup is longer than the limit, or empty and not the blob of no bytes.
		BadSetup,
		/// The number of replicas is out of range.
		BadReplicas,
		/// The window of a single seat is shorter than the court's least one, or longer than the longest.
		BadWindow,
		/// No region is allowed.
		NoRegion,
		/// The deadline is 0.
		BadDeadline,
		/// No endpoint is given, or one is no http(s) URL.
		BadEndpoints,
		/// The job's reserve exceeds the largest balance.
		TooExpensive,
		/// The price cap is below the protocol's minimum.
		PriceTooLow,
		/// The deadline is further away than allowed.
		DeadlineTooLong,
		/// A shard could take longer than any may: give its tasks less gas, or a shard fewer of them.
		ShardTooLong,
		/// The free balance does not cover the deposit, or escrow and fee.
		InsufficientFunds,
		/// No such job, or all its state is gone.
		UnknownJob,
		/// Only the job's client may do this.
		NotClient,
		/// The job is done, cancelled or expired.
		NotOpen,
		/// The price cap can only be raised.
		PriceLowered,
		/// No such shard is under way.
		UnknownShard,
		/// The key is no provider's operator.
		NotProvider,
		/// The provider holds no seat in the shard.
		NotAssigned,
		/// The seat's state does not allow this.
		WrongState,
		/// More shards than one call may acknowledge.
		TooManyShards,
		/// None of the shards is in custody.
		NothingInCustody,
		/// Nothing is owed.
		NothingOwed,
		/// The shard has no such task, or the task's output no such chunk.
		NoSuchPart,
		/// What is shown is not what the accepted report says.
		NotShown,
		/// It is demanded already.
		DemandedAlready,
		/// As many parts are demanded as may be at once, of this shard or of all.
		TooManyDemands,
		/// Nobody demands it, or it was shown already.
		NotDemanded,
		/// The time for the answer is over.
		AnswerLate,
		/// Parts of the outputs are demanded: custody goes on until they are shown.
		StillDemanded,
		/// The program or its version of the machine is frozen, as verdicts about it may be wrong: try again once
		/// `market_freezes` does not name it any more. No time of its work runs until then.
		Frozen,
		/// The market's clock stands, and no timer fires; try again in a later block.
		ClockStands,
	}

	impl<T> From<SpecError> for Error<T> {
		fn from(error: SpecError) -> Self {
			match error {
				SpecError::Tasks => Self::BadTasks,
				SpecError::ShardSize => Self::BadShardSize,
				SpecError::GasLimit => Self::BadGasLimit,
				SpecError::Memory => Self::BadMemory,
				SpecError::DataLimit => Self::BadDataLimit,
				SpecError::Image => Self::BadImage,
				SpecError::Setup => Self::BadSetup,
				SpecError::Replicas => Self::BadReplicas,
				SpecError::Window => Self::BadWindow,
				SpecError::Regions => Self::NoRegion,
				SpecError::Deadline => Self::BadDeadline,
				SpecError::Endpoints => Self::BadEndpoints,
				SpecError::TooExpensive => Self::TooExpensive,
			}
		}
	}

	impl<T> From<Unfit> for Error<T> {
		fn from(unfit: Unfit) -> Self {
			match unfit {
				Unfit::Engine => Self::ProgramOutdated,
				Unfit::Gas => Self::BadGasLimit,
				Unfit::Memory { .. } => Self::MemoryBelowProgram,
				Unfit::Setup => Self::BadSetup,
				Unfit::Image => Self::BadImage,
			}
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			clock::LOOK
		}

		fn on_finalize(block: BlockNumberFor<T>) {
			Self::end_of_block(block);
		}

		fn on_runtime_upgrade() -> Weight {
			// The block that the new runtime begins with has no number yet.
			let before = frame_system::Pallet::<T>::block_number();
			Self::stand_until(before.saturating_add((clock::AFTER_UPGRADE + 1).into()));
			T::DbWeight::get().reads_writes(1, 1)
		}

		fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
			let cap = T::TickWeight::get().min(meter.remaining());
			let mut own = WeightMeter::with_limit(cap);
			Self::tick(&mut own);
			meter.consume(own.consumed());
		}

		#[cfg(feature = "std")]
		fn integrity_test() {
			let least = T::WeightInfo::tick()
				.saturating_add(Self::timer_weight())
				.saturating_add(Self::visit_weight());
			assert!(
				T::TickWeight::get().all_gte(least),
				"the tick's weight cap must admit one timer and one draw"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Publishes a program: the roots of its code and first memory, and its module, whose bytes travel off chain. Its
		/// id names both. Holds a deposit. That the roots are the module's is nobody's word here: whoever runs the program
		/// makes the roots from the module, and declines where they differ.
		///
		/// Errors: `ProgramSize`, `ProgramMemory`, `ProgramExists`, `InsufficientFunds`.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::publish_program())]
		pub fn publish_program(origin: OriginFor<T>, roots: ProgramRoots, module: Blob) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_publish(who, roots, module).map(|_| ())
		}

		/// Withdraws a program that no job uses and releases its deposit.
		///
		/// Errors: `UnknownProgram`, `NotPublisher`, `ProgramInUse`.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::withdraw_program())]
		pub fn withdraw_program(origin: OriginFor<T>, program: ProgramId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(who, program)
		}

		/// Submits a job: holds the most it can cost and burns the submission fee of each seat of its shards.
		///
		/// Errors: one for each rule of the specification, `UnknownProgram`, `ProgramOutdated`, `Frozen`, `MemoryBelowProgram`,
		/// `PriceTooLow`, `DeadlineTooLong`, `ShardTooLong`, `InsufficientFunds`.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::submit())]
		pub fn submit(origin: OriginFor<T>, spec: JobSpec) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_submit(who, spec).map(|_| ())
		}

		/// Raises the price cap of shards that have not started, or extends the deadline by so many market blocks, or
		/// both. Resumes a suspended job; who declined may be drawn again, for which the fee of each vacant seat is burned once more;
		/// what waits because nobody was found is tried once soon, and the transaction's fee covers these draws.
		///
		/// Errors: `UnknownJob`, `NotClient`, `NotOpen`, `PriceLowered`, `DeadlineTooLong`, `TooExpensive`,
		/// `InsufficientFunds`.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::top_up().saturating_add(Pallet::<T>::wake_weight(MAX_VACANCIES + 1)))]
		pub fn top_up(
			origin: OriginFor<T>,
			job: JobId,
			price_cap: Balance,
			extra_deadline: MarketBlock,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let woken = Self::do_top_up(who, job, price_cap, extra_deadline)?;
			Ok(Some(T::WeightInfo::top_up().saturating_add(Self::wake_weight(woken))).into())
		}

		/// Cancels a job: what has not started is refunded at once, what runs goes on to its settlement.
		///
		/// Errors: `UnknownJob`, `NotClient`, `NotOpen`.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::cancel())]
		pub fn cancel(origin: OriginFor<T>, job: JobId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_cancel(who, job)
		}

		/// The operator commits its provider to report the shard in time, counted from the acceptance of the shard's last seat.
		/// Free of charge.
		///
		/// Errors: `NotProvider`, `UnknownShard`, `NotAssigned`, `WrongState`.
		#[pallet::call_index(5)]
		#[pallet::weight((T::WeightInfo::accept(), DispatchClass::Operational))]
		pub fn accept(origin: OriginFor<T>, shard: ShardId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_accept(who, shard)?;
			Ok(Pays::No.into())
		}

		/// The operator declines an assignment that it has not accepted, or for which it waits for the shard's other seats to be.
		/// Free of charge. Within half of the time to accept, and once the others had theirs, it is free of consequence, but the
		/// provider is not drawn for this shard again before a top-up; else it counts as a missed acceptance.
		///
		/// Errors: `NotProvider`, `UnknownShard`, `NotAssigned`, `WrongState`.
		#[pallet::call_index(6)]
		#[pallet::weight((
			T::WeightInfo::decline().saturating_add(T::WeightInfo::end_shard()),
			DispatchClass::Operational,
		))]
		pub fn decline(origin: OriginFor<T>, shard: ShardId, reason: DeclineReason) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let ended = Self::do_decline(who, shard, reason)?;
			let weight = T::WeightInfo::decline().saturating_add(Self::end_weight(ended));
			Ok((Some(weight), Pays::No).into())
		}

		/// The client has fetched the outputs of those of the shards `first .. first + count` that are in custody:
		/// pays the withheld parts and removes their state. At most [`MAX_ACKNOWLEDGED`] at once; the weight of those
		/// not in custody is given back.
		///
		/// Errors: `UnknownJob`, `NotClient`, `TooManyShards`, `NothingInCustody`, `StillDemanded` if none of them can end because
		/// parts of their outputs are demanded.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::acknowledge((*count).min(MAX_ACKNOWLEDGED)))]
		pub fn acknowledge(origin: OriginFor<T>, job: JobId, first: u32, count: u32) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let ended = Self::do_acknowledge(who, job, first, count)?;
			let looked = T::DbWeight::get().reads(count.saturating_sub(ended).into());
			Ok(Some(T::WeightInfo::acknowledge(ended).saturating_add(looked)).into())
		}

		/// The payee claims what a client owes it because it could not be received before.
		///
		/// Errors: `NothingOwed`, or the token's own if it still cannot be received.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::claim_owed())]
		pub fn claim_owed(origin: OriginFor<T>, client: AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim_owed(who, client)
		}

		/// The client of a shard in custody demands that the outcome of one of its tasks, counted from the shard's first, is
		/// shown on chain. Holds five quarters of what an answer costs, for whoever answers; if nobody does in time, all who
		/// keep the outputs lose what is withheld of their pay and what is bound of their bonds.
		///
		/// Errors: `UnknownJob`, `NotClient`, `NothingInCustody`, `ClockStands`, `Frozen`, `NoSuchPart`, `DemandedAlready`,
		/// `TooManyDemands`, `InsufficientFunds`.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::demand())]
		pub fn demand_outcome(origin: OriginFor<T>, shard: ShardId, task: u32) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_demand_outcome(who, shard, task)
		}

		/// The same for a chunk of a task's output, counted from 0: 32 KiB of it, or what is left. The outcome that names the
		/// output is brought with it.
		///
		/// Errors: as [`Pallet::demand_outcome`], and `NotShown`.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::demand())]
		pub fn demand_chunk(
			origin: OriginFor<T>,
			shard: ShardId,
			task: u32,
			chunk: u32,
			shown: ShownOutcome,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_demand_chunk(who, shard, task, chunk, shown)
		}

		/// The operator of a provider that keeps a shard's outputs shows what is demanded of them, and gets what is held for
		/// it.
		///
		/// Errors: `NotProvider`, `NotDemanded`, `ClockStands`, `Frozen`, `AnswerLate`, `NotAssigned`, `NotShown`.
		#[pallet::call_index(12)]
		#[pallet::weight((T::WeightInfo::answer(demands::weighed(answer).min(CHUNK)), DispatchClass::Operational))]
		pub fn answer(origin: OriginFor<T>, shard: ShardId, task: u32, answer: Answer) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_answer(who, shard, task, answer)
		}

		/// Anyone may serve due timers if blocks were too full for the tick to do so. It draws nobody: the caller
		/// knows the block's seed and could choose.
		///
		/// Errors: `ClockStands`.
		#[pallet::call_index(9)]
		#[pallet::weight(T::TickWeight::get())]
		pub fn poke(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			ensure!(!Self::stands(), Error::<T>::ClockStands);
			let mut meter = WeightMeter::with_limit(T::TickWeight::get());
			meter.consume(T::WeightInfo::tick());
			Self::serve_timers(&mut meter, false);
			Ok(Some(meter.consumed()).into())
		}
	}
}
