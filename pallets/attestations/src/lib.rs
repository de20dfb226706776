//! The court of the market: who computed a shard says what it came to, and whoever is wrong loses.
//!
//! The rules are `millrace_court`'s, as pure functions; `docs/court.md` explains them. This pallet keeps each shard's case
//! and its boards, draws the seats that check others, lets time pass, and moves the money.
//!
//! | room | what is in it |
//! |---|---|
//! | `evidence` | what is known of a shard; seals and reveals |
//! | `draws` | random numbers from the chain's VRF |
//! | `lane` | which calls have room in every block, and whose |
//! | `judging` | a case's way: draws, audits, recomputation, alarms |
//! | `boards` | the game between two who contradict each other |
//! | `settle` | the end: everybody's money |
//! | `verdicts` | what the guilty have lost: held, then enacted or voided |
//! | `freezes` | programs and versions of the machine whose clocks stand |
//! | `verifier` | what the jobs pallet asks |
//!
//! ```text
//! open ─► bought seats seal ─ all, or the fill timer ─► a case: drawn? ─► audits seal ─► all open ─► attacks ─► settled
//!                                                                                          ▲     │ somebody missing
//!                                                                     fresh seats seal ────┘ ◄───┘
//! ```
//!
//! # What each protection is for
//! - *Lazy copier*: nothing can be copied before every seat is bound; a copied seal cannot be opened, because the account
//!   is part of the hash.
//! - *Replay*: chain, shard, seat and round are part of the hash, so no other seal can be opened.
//! - *Two seats of one owner*: a random number that nobody knows when they seal decides whether somebody else computes it, too.
//! - *Whoever stays away* changes no draw, holds up nobody for longer than a window, and pays for what it causes.
//! - *Reorganisation*: a reveal gives its salt and report away, so agents reveal only once the chain cannot go back.
//!
//! # Alarms
//! What is due at some market block is done by an alarm that the assignments ring at that block or later, each in constant
//! time; anybody may do it with [`poke`](Pallet::poke). The rules never depend on when it is done, but that a stage that
//! gives parties time begins when it is found.
//!
//! # Who may call what
//! A provider's operator key seals, reveals, declines and plays for the seats that its provider holds; these calls have room of
//! their own in every block. Anybody may accuse for a bond, end what is over, enact what is due, and poke. What the market
//! waits for is free if it succeeds. Whoever governs freezes a program or a version of the machine for a while, and voids
//! verdicts that are not enacted.
//!
//! # What cannot happen
//! A result is accepted while somebody who contradicts it stands; a seat or a bond pays more than it reserved; money appears
//! or vanishes: `try_state` compares every reserve, every bond and every verdict with what is on hold; a case is left with nobody to move
//! it.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod boards;
mod draws;
pub mod evidence;
pub mod freezes;
mod judging;
mod lane;
mod settle;
pub mod verdicts;
mod verifier;
mod views;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

pub use boards::{Author, BoardRecord, BoardState};
pub use draws::OutputsSoFar;
pub use evidence::{RevealItem, SealItem, SeatEntry, ShardEvidence};
pub use freezes::{Freeze, KEPT_FOR_ENGINES, MAX_FREEZES};
pub use pallet::*;
pub use verdicts::{Share, Verdict, MAX_SHARES};
pub use weights::WeightInfo;

use alloc::{boxed::Box, vec::Vec};
use frame_support::{
	pallet_prelude::*,
	storage::with_storage_layer,
	traits::{
		fungible::{Inspect, InspectHold, MutateHold},
		Get,
	},
};
use frame_system::pallet_prelude::*;
use millrace_court::{
	board::{Accusation, Move},
	case::{End, How, Kind},
};
use millrace_primitives::{
	job::MAX_REPLICAS,
	outcome,
	params::CourtParams,
	traits::{Assignments, Conduct, Freezable, MarketClock, ProviderRegistry},
	AccountId, Balance, Hash, MarketBlock, Report, ShardId,
};

/// The most items of a batch.
pub const MAX_BATCH: u32 = 32;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// Why this pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// What somebody without a seat puts up to say that a report is wrong.
		Accusation,
		/// What somebody lost that is guilty, until the verdict is enacted.
		Guilty,
	}

	#[pallet::config]
	pub trait Config: frame_system::Config<AccountId = AccountId> {
		/// The token.
		type Currency: Inspect<AccountId, Balance = Balance>
			+ InspectHold<AccountId, Reason = Self::RuntimeHoldReason>
			+ MutateHold<AccountId>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Who works on what, and who is told of seals, reveals and ends.
		type Assignments: Assignments;
		/// Who can work, and whose bonds answer for it.
		type Registry: ProviderRegistry;
		/// Counts the blocks of all windows.
		type Clock: MarketClock;
		/// What governance may change.
		type Parameters: Get<CourtParams>;
		/// Who may freeze, thaw and void.
		type GovernOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// For so long a program or a version of the machine may be frozen.
		type LongestFreeze: Get<MarketBlock>;
		/// What calls and hooks weigh.
		type WeightInfo: WeightInfo;
	}

	/// What is known of every shard that is under way, and of those with outsiders' bonds that are not settled.
	#[pallet::storage]
	pub type Evidence<T> = StorageMap<_, Twox64Concat, ShardId, ShardEvidence>;

	/// The boards of each shard. Nothing iterates over them on chain.
	#[pallet::storage]
	pub type Boards<T> = StorageDoubleMap<_, Twox64Concat, ShardId, Twox64Concat, u32, BoardRecord>;

	/// The number of each provider's seat in the shards for whose cases it was drawn. Iterated off chain only.
	#[pallet::storage]
	pub type DrawnSeats<T> = StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, ShardId, u8>;

	/// What was lost by guilty accounts, by the shard about which. Touched only where somebody is.
	#[pallet::storage]
	pub type Verdicts<T> = StorageDoubleMap<_, Twox64Concat, ShardId, Blake2_128Concat, AccountId, Verdict>;

	/// What is frozen, or was.
	#[pallet::storage]
	pub type Freezes<T> = StorageValue<_, BoundedVec<Freeze, ConstU32<MAX_FREEZES>>, ValueQuery>;

	/// How many outputs of the VRF there were, and what they accumulate to.
	#[pallet::storage]
	pub type Outputs<T> = StorageValue<_, OutputsSoFar, ValueQuery>;

	/// The last accumulated outputs, by their number modulo how many are kept.
	#[pallet::storage]
	pub type Draws<T> = StorageMap<_, Twox64Concat, u32, Hash>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A seat's report was sealed.
		Sealed {
			/// The shard.
			shard: ShardId,
			/// The seat's index.
			seat: u8,
			/// Who holds the seat.
			provider: AccountId,
		},
		/// Nobody may seal any more who was bought: the case begins.
		SealingClosed {
			/// The shard.
			shard: ShardId,
			/// How many sealed.
			seats: u8,
		},
		/// The random numbers said whether a shard is audited.
		Drawn {
			/// The shard.
			shard: ShardId,
			/// Whether it is.
			audited: bool,
		},
		/// A provider was drawn to check a shard.
		SeatDrawn {
			/// The shard.
			shard: ShardId,
			/// By a sample, or whole.
			kind: Kind,
			/// The seat's index.
			seat: u8,
			/// Who.
			provider: AccountId,
		},
		/// A drawn seat left before it sealed.
		SeatLeft {
			/// The shard.
			shard: ShardId,
			/// The seat's index.
			seat: u8,
			/// Who held it.
			provider: AccountId,
			/// What was burned of its bond.
			lost: Balance,
		},
		/// A drawn seat says that it cannot fetch what it needs.
		Unavailable {
			/// The shard.
			shard: ShardId,
			/// Who.
			provider: AccountId,
		},
		/// A seat's report was revealed.
		Revealed {
			/// The shard.
			shard: ShardId,
			/// The seat's index.
			seat: u8,
			/// Who holds the seat.
			provider: AccountId,
			/// Its report; of an audit that over its sample.
			report: Report,
		},
		/// A report is attacked.
		BoardOpened {
			/// The shard.
			shard: ShardId,
			/// The board's number.
			board: u32,
			/// By whom.
			by: Author,
			/// The number of the seat whose report it is.
			target: u8,
		},
		/// A move was made.
		Moved {
			/// The shard.
			shard: ShardId,
			/// The board's number.
			board: u32,
			/// The last market block in which the next move counts.
			due: MarketBlock,
		},
		/// A board is decided.
		BoardDecided {
			/// The shard.
			shard: ShardId,
			/// The board's number.
			board: u32,
			/// Whether its target is out, and not its author.
			target_lost: bool,
			/// By a step, or by its clock.
			how: How,
		},
		/// A case is decided and settled.
		Decided {
			/// The shard.
			shard: ShardId,
			/// How.
			end: End,
			/// The report that is paid, if one is.
			report: Option<Report>,
			/// Who is guilty.
			guilty: Vec<AccountId>,
		},
		/// What an outsider put up was settled.
		BondSettled {
			/// The shard.
			shard: ShardId,
			/// The board's number.
			board: u32,
			/// Who had put it up.
			by: AccountId,
			/// What it lost of it.
			lost: Balance,
		},
		/// What somebody guilty lost is held.
		VerdictHeld {
			/// The shard.
			shard: ShardId,
			/// Who lost it.
			account: AccountId,
			/// How much more is held for it.
			amount: Balance,
			/// The market block in which it is enacted, unless it is frozen.
			due: MarketBlock,
		},
		/// A verdict was enacted, or what had been left of it.
		Enacted {
			/// The shard.
			shard: ShardId,
			/// Who lost it.
			account: AccountId,
			/// Who has it now; nobody if it burned.
			paid: Vec<Share>,
		},
		/// A verdict is undone: what was held is the account's again.
		Voided {
			/// The shard.
			shard: ShardId,
			/// Whose.
			account: AccountId,
			/// How much.
			amount: Balance,
		},
		/// The clocks of a program's or a version's work stand.
		Frozen {
			/// Of what.
			subject: Freezable,
			/// The market block in which they go on, unless it is thawed before.
			until: MarketBlock,
		},
		/// The clocks of a program's or a version's work go on with what was left.
		Thawed {
			/// Of what.
			subject: Freezable,
		},
		/// An item of a batch failed; the others are unaffected.
		ItemFailed {
			/// The item's place in the batch, from 0.
			index: u32,
			/// Why.
			error: DispatchError,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The signer is no provider's operator key.
		NotAnOperator,
		/// Nothing is known of this shard: it was never handed out, or it is settled or closed.
		UnknownShard,
		/// The provider holds no seat in the shard.
		NotAssigned,
		/// The seat's report is sealed.
		AlreadySealed,
		/// The seat's report is not sealed.
		NotSealed,
		/// Genesis, shard, seat, round, account, report and salt do not hash to the seal.
		SealMismatch,
		/// The report claims more gas than the shard may use.
		GasAboveLimit,
		/// The outcomes that are to be shown with the report are missing, or are not the report's.
		NotShown,
		/// The batch has no items.
		EmptyBatch,
		/// Evidence on the shard is being collected already.
		AlreadyOpen,
		/// The verification asks for fewer or more seats than are supported.
		UnsupportedSeats,
		/// The case is not at the stage for this.
		NotNow,
		/// There is no such seat, or it is not in the state for this.
		WrongSeat,
		/// The two sides have a board that is enough, or it is the other's turn to open one.
		EnoughBoards,
		/// The window in which it could be attacked is over, or the verdict is enacted.
		TooLate,
		/// There is no room for more.
		NoRoom,
		/// An amount is too large.
		NoNumber,
		/// What is said is what was reported.
		NotDifferent,
		/// The bond is higher than the signer means.
		BondAboveLimit,
		/// The free balance does not cover the bond.
		CannotPay,
		/// There is no such board.
		UnknownBoard,
		/// The board is over.
		BoardOver,
		/// It is the other party's turn, or the signer is no party.
		NotYourTurn,
		/// The time of whoever is to move is over; end the board with `time`.
		TimeOver,
		/// The time of whoever is to move is not over.
		TimeLeft,
		/// Another kind of move is to be made.
		WrongMove,
		/// The nodes are not those below what was claimed.
		WrongNodes,
		/// The outcome is not the one that was claimed, or is beyond the task's limits.
		WrongOutcome,
		/// The input is not the task's, or the task cannot start.
		WrongInput,
		/// The roots or the proof are no move between the states that were claimed.
		WrongStep,
		/// Only the shard's client may do this.
		NotClient,
		/// The program or its version of the machine is frozen: try again when `market_freezes` does not name it any more.
		Frozen,
		/// It is not frozen.
		NotFrozen,
		/// It has been frozen for as long as it may be; it can be again once it has run for as long.
		FrozenTooLong,
		/// No such program is published.
		UnknownSubject,
		/// The account has lost nothing by this shard that is still held.
		UnknownVerdict,
		/// Nobody can receive what is left: the account of each payee must have the existential deposit first.
		CannotReceive,
		/// The chain does not judge this version of the machine.
		UnknownEngine,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Seals the report on a shard: `seal` is [`outcome::seal`] of it. Signed by the operator of a provider with an
		/// accepted or a drawn seat. Free if it succeeds.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator), [`UnknownShard`](Error::UnknownShard),
		/// [`NotAssigned`](Error::NotAssigned), [`AlreadySealed`](Error::AlreadySealed) or [`WrongSeat`](Error::WrongSeat).
		#[pallet::call_index(0)]
		#[pallet::weight((T::WeightInfo::seal(), DispatchClass::Operational))]
		pub fn seal(origin: OriginFor<T>, shard: ShardId, seal: Hash) -> DispatchResultWithPostInfo {
			let provider = Self::sealer(&ensure_signed(origin)?, shard)?;
			Self::do_seal(&provider, shard, seal)?;
			T::Registry::note(&provider, Conduct::Alive);
			Ok(Pays::No.into())
		}

		/// Reveals the sealed report on a shard, with the outcomes of the tasks that audits compute. Signed by the provider's
		/// operator, once reports are to be opened. Free if it succeeds.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator), [`UnknownShard`](Error::UnknownShard),
		/// [`NotAssigned`](Error::NotAssigned), [`NotSealed`](Error::NotSealed), [`NotNow`](Error::NotNow),
		/// [`SealMismatch`](Error::SealMismatch), [`NotShown`](Error::NotShown), [`GasAboveLimit`](Error::GasAboveLimit).
		#[pallet::call_index(1)]
		#[pallet::weight((T::WeightInfo::reveal(), DispatchClass::Operational))]
		pub fn reveal(origin: OriginFor<T>, item: RevealItem) -> DispatchResultWithPostInfo {
			let provider = Self::opener(&ensure_signed(origin)?, item.shard)?;
			Self::do_reveal(&provider, &item)?;
			T::Registry::note(&provider, Conduct::Alive);
			Ok(Pays::No.into())
		}

		/// Seals several reports. An item that fails leaves an event and no trace otherwise; where the lane is checked, all of them must
		/// be due. Free if all succeed.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator) or [`EmptyBatch`](Error::EmptyBatch).
		#[pallet::call_index(2)]
		#[pallet::weight((T::WeightInfo::seal().saturating_mul(items.len() as u64), DispatchClass::Operational))]
		pub fn seal_many(
			origin: OriginFor<T>,
			items: BoundedVec<SealItem, ConstU32<MAX_BATCH>>,
		) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			let pays = Self::batch(&provider, items.into_iter(), |item| {
				Self::do_seal(&provider, item.shard, item.seal)
			})?;
			Ok(pays.into())
		}

		/// Reveals several reports. An item that fails leaves an event and no trace otherwise; where the lane is checked, all of them
		/// must be due. Free if all succeed.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator) or [`EmptyBatch`](Error::EmptyBatch).
		#[pallet::call_index(3)]
		#[pallet::weight((T::WeightInfo::reveal().saturating_mul(items.len() as u64), DispatchClass::Operational))]
		pub fn reveal_many(
			origin: OriginFor<T>,
			items: BoundedVec<RevealItem, ConstU32<MAX_BATCH>>,
		) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			let pays = Self::batch(&provider, items.into_iter(), |item| Self::do_reveal(&provider, &item))?;
			Ok(pays.into())
		}

		/// Does what is due of a shard's case now, but for drawing seats. Anybody may; needed only if an alarm could not be served.
		///
		/// Fails with [`UnknownShard`](Error::UnknownShard) if there is no case, and with [`Frozen`](Error::Frozen).
		#[pallet::call_index(4)]
		#[pallet::weight(Pallet::<T>::dearest_alarm())]
		pub fn poke(origin: OriginFor<T>, shard: ShardId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let weight = Self::serve_shard(shard, false)?;
			Ok(Some(weight).into())
		}

		/// A standing seat attacks the report of another that contradicts its own: a board is opened. What the seat has at
		/// stake is its bond. Signed by its provider's operator; `target` is the other's number in the case. Free if it succeeds.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator), [`UnknownShard`](Error::UnknownShard),
		/// [`NotAssigned`](Error::NotAssigned), [`NotNow`](Error::NotNow), [`WrongSeat`](Error::WrongSeat),
		/// [`EnoughBoards`](Error::EnoughBoards), [`NotDifferent`](Error::NotDifferent), [`NoRoom`](Error::NoRoom).
		#[pallet::call_index(5)]
		#[pallet::weight((T::WeightInfo::attack(), DispatchClass::Operational))]
		pub fn attack(origin: OriginFor<T>, shard: ShardId, target: u8) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			Self::do_attack(&provider, shard, target)?;
			Ok(Pays::No.into())
		}

		/// Somebody without a seat says that the outcome of a task, or the whole report, is this one and not what a seat reported:
		/// a board is opened. Holds a bond, which is lost if the report stands; it grows with the largest claim that was
		/// opened, so the signer says how much it means at most.
		///
		/// Fails with [`UnknownShard`](Error::UnknownShard), [`NotNow`](Error::NotNow), [`WrongSeat`](Error::WrongSeat),
		/// [`TooLate`](Error::TooLate), [`NotDifferent`](Error::NotDifferent), [`BondAboveLimit`](Error::BondAboveLimit),
		/// [`CannotPay`](Error::CannotPay).
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::accuse())]
		pub fn accuse(
			origin: OriginFor<T>,
			shard: ShardId,
			target: u8,
			accusation: Box<Accusation>,
			max_bond: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_accuse(who, shard, target, &accusation, max_bond)
		}

		/// Makes a move on a board. Signed by the party whose turn it is: a seat's operator, or the outsider. A move that is
		/// none changes nothing. Free if it is one.
		///
		/// Fails with [`UnknownShard`](Error::UnknownShard), [`UnknownBoard`](Error::UnknownBoard),
		/// [`BoardOver`](Error::BoardOver), [`NotYourTurn`](Error::NotYourTurn), [`TimeOver`](Error::TimeOver), or why it is
		/// none: [`WrongMove`](Error::WrongMove), [`WrongNodes`](Error::WrongNodes), [`WrongOutcome`](Error::WrongOutcome),
		/// [`WrongInput`](Error::WrongInput), [`WrongStep`](Error::WrongStep).
		#[pallet::call_index(7)]
		#[pallet::weight((
			match **action {
				Move::Prove(..) => T::WeightInfo::play().saturating_add(T::WeightInfo::prove()),
				_ => T::WeightInfo::play(),
			},
			DispatchClass::Operational,
		))]
		pub fn play(origin: OriginFor<T>, shard: ShardId, board: u32, action: Box<Move>) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_play(&who, shard, board, &action)?;
			Ok(Pays::No.into())
		}

		/// Ends a board whose next move did not come in time, or whose target is out. Anybody may. Free if it succeeds.
		///
		/// Fails with [`UnknownShard`](Error::UnknownShard), [`UnknownBoard`](Error::UnknownBoard),
		/// [`BoardOver`](Error::BoardOver), [`TimeLeft`](Error::TimeLeft).
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::time())]
		pub fn time(origin: OriginFor<T>, shard: ShardId, board: u32) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			ensure!(Self::expire(shard, board)?, Error::<T>::TimeLeft);
			Ok(Pays::No.into())
		}

		/// A drawn seat gives its place back; costs its provider a seat's fee. Signed by its operator.
		///
		/// Fails with [`NotAnOperator`](Error::NotAnOperator), [`UnknownShard`](Error::UnknownShard),
		/// [`NotAssigned`](Error::NotAssigned), [`WrongSeat`](Error::WrongSeat).
		#[pallet::call_index(9)]
		#[pallet::weight((T::WeightInfo::decline(), DispatchClass::Operational))]
		pub fn decline(origin: OriginFor<T>, shard: ShardId) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			Self::do_leave(&provider, shard, false)?;
			T::Registry::note(&provider, Conduct::Alive);
			Ok(Pays::No.into())
		}

		/// A drawn seat says that neither the client nor others serve what it needs; it may still seal later. Signed by its
		/// operator.
		///
		/// Fails as [`decline`](Self::decline), and with [`NoRoom`](Error::NoRoom).
		#[pallet::call_index(10)]
		#[pallet::weight((T::WeightInfo::decline(), DispatchClass::Operational))]
		pub fn unavailable(origin: OriginFor<T>, shard: ShardId) -> DispatchResultWithPostInfo {
			let provider = Self::ensure_operator(origin)?;
			Self::do_leave(&provider, shard, true)?;
			T::Registry::note(&provider, Conduct::Alive);
			Ok(Pays::No.into())
		}

		/// Settles the bond of an outsider whose board did not put its target out, once the case is settled. Anybody may.
		///
		/// Fails with [`UnknownShard`](Error::UnknownShard), [`UnknownBoard`](Error::UnknownBoard), [`NotNow`](Error::NotNow),
		/// [`Frozen`](Error::Frozen).
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::pull().saturating_add(T::WeightInfo::verdict()))]
		pub fn pull(origin: OriginFor<T>, shard: ShardId, board: u32) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_pull(shard, board)
		}

		/// The client says that those who called for data could have fetched it by now, or need not be waited for: the case
		/// goes on without them, if nobody is silent or contradicted.
		///
		/// Fails with [`UnknownShard`](Error::UnknownShard), [`NotClient`](Error::NotClient), [`NotNow`](Error::NotNow).
		#[pallet::call_index(12)]
		#[pallet::weight((T::WeightInfo::decline(), DispatchClass::Operational))]
		pub fn served(origin: OriginFor<T>, shard: ShardId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_served(&who, shard)
		}

		/// Shares out what somebody guilty lost by a shard, once its time has come, or what could not be received then. Anybody
		/// may; needed only for the latter, and if an alarm could not be served. Free if it succeeds.
		///
		/// Fails with [`UnknownVerdict`](Error::UnknownVerdict), [`NotNow`](Error::NotNow), [`Frozen`](Error::Frozen),
		/// [`CannotReceive`](Error::CannotReceive).
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::enact(MAX_SHARES))]
		pub fn enact(origin: OriginFor<T>, shard: ShardId, account: AccountId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let shares = Self::do_enact(shard, &account)?;
			Ok((Some(T::WeightInfo::enact(shares)), Pays::No).into())
		}

		/// Freezes a program or a version of the machine, for at most [`LongestFreeze`](Config::LongestFreeze): its work's
		/// clocks stand, nobody is drawn for it, no case of it changes, no verdict about it is enacted, no job for it is
		/// taken. Holds stay.
		///
		/// Fails with [`UnknownSubject`](Error::UnknownSubject), [`Frozen`](Error::Frozen),
		/// [`FrozenTooLong`](Error::FrozenTooLong), [`NoRoom`](Error::NoRoom).
		#[pallet::call_index(14)]
		#[pallet::weight(T::WeightInfo::freeze())]
		pub fn freeze(origin: OriginFor<T>, subject: Freezable) -> DispatchResult {
			T::GovernOrigin::ensure_origin(origin)?;
			Self::do_freeze(subject).map(|_| ())
		}

		/// Lets it go on, with what was left of all times. Verdicts that were not voided are enacted when their time comes.
		///
		/// Fails with [`NotFrozen`](Error::NotFrozen).
		#[pallet::call_index(15)]
		#[pallet::weight(T::WeightInfo::freeze())]
		pub fn thaw(origin: OriginFor<T>, subject: Freezable) -> DispatchResult {
			T::GovernOrigin::ensure_origin(origin)?;
			Self::do_thaw(subject)
		}

		/// Undoes the verdict on an account about a shard that is not enacted: what is held goes back to the account. Who was paid
		/// for computing again keeps that.
		///
		/// Fails with [`UnknownVerdict`](Error::UnknownVerdict), [`TooLate`](Error::TooLate).
		#[pallet::call_index(16)]
		#[pallet::weight(T::WeightInfo::void())]
		pub fn void(origin: OriginFor<T>, shard: ShardId, account: AccountId) -> DispatchResult {
			T::GovernOrigin::ensure_origin(origin)?;
			Self::do_void(shard, &account)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// What is known of a shard.
		pub fn evidence(shard: ShardId) -> Option<ShardEvidence> {
			Evidence::<T>::get(shard)
		}
	}
}
