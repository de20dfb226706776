//! Who sells compute: registration, hardware, bonds, capacity, the pools that draws are made from, and reputation.
//!
//! # Terms
//! - **provider**: an account that sells compute. It is the *cold* key: it owns the bond and decides on the terms.
//! - **operator**: the *hot* key on the provider's machine, which accepts, seals and reveals. It serves one provider. No
//!   provider becomes an operator; should an operator register for itself, its account means the provider it is.
//! - **bond**: what answers for a provider's work, on hold in its account. Open work reserves a part of it, the
//!   **liability**; a slash takes it: for who proved a lie, for whom it harmed, or out of existence.
//! - **slot**: room for one shard at a time, freed when its report is sealed; the liability stays until the court frees it.
//! - **pool**: the drawable providers of one hardware class, region, price bucket and level of memory ([`types::PoolKey`]).
//! - **sign of life**: a heartbeat, or anything that the operator does in the market.
//!
//! # A bond's life
//! ```text
//! free balance ──register, bond_more──► bond ──unbond──► unbonding ──withdraw──► free balance
//!                                         │                  │
//!                                         ├──── slash ───────┤ (the bond first)  burned, or somebody's free balance
//!                                         └──── verdict ─────┘ the same, held by the court until it is enacted or voided
//! ```
//! Only bond that no open work reserves can be unbonded. Work reserves bond only, never what is unbonding, and a slash
//! takes no more than the work reserved: so what is unbonding answers for nothing that started later. Below the least
//! bond a provider must be draining to unbond. Once it withdrew everything, its record is gone: 0 bytes remain.
//!
//! # A provider's standing
//! ```text
//! register ─► Active ──missed a deadline, lied, silent too long──► Unresponsive
//!               │  ◄──────────── sign of life ────────────────────────┘  │
//!               └─ drain ─► Draining ─ resume ─► Active    ◄─ drain ───────┘
//! ```
//! An active provider with the least bond, a free slot and bond free for the least work stands in the pools of its classes.
//! Whoever comes into standing, or changes what a draw filters on, is drawn after the membership delay: nobody enters for a
//! draw whose randomness it foresees. Leaving is immediate. Running out of slots or bond and having some again restarts nothing.
//!
//! # Who may call what
//! | call | who |
//! |---|---|
//! | `register`, `update_info`, `set_operator`, `bond_more`, `unbond`, `withdraw` | the provider |
//! | `drain`, `resume` | the provider or its operator |
//! | `heartbeat` | the operator |
//! | [`ProviderRegistry`](millrace_primitives::traits::ProviderRegistry) | jobs, and the court for the seats that it draws |
//!
//! # Costs
//! Nothing iterates over providers: entering and leaving write one entry and one counter a class, a draw reads one
//! entry (`pools.rs`). The number of classes is at most four.
//!
//! # Limits
//! Regions and hardware are claims. A provider that leaves and registers again starts as a newcomer; that takes it the
//! unbonding period. Different operators may be one person: replicas are drawn uniformly, so seats cost bond. Whoever
//! names another's operator key first keeps it busy, at the price of a bond and of funding it; a fresh key costs nothing.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod bonds;
mod pools;
mod registration;
mod registry;
pub mod reputation;
pub mod types;
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

pub use pallet::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
	use crate::{
		types::{PoolEntry, PoolKey, Provider, Sizes},
		WeightInfo,
	};
	use alloc::vec::Vec;
	use frame_support::{
		pallet_prelude::*,
		traits::fungible::{Mutate, MutateHold},
	};
	use frame_system::pallet_prelude::*;
	use millrace_primitives::{
		api::ProviderView,
		params::ProvidersParams,
		provider::{HardwareClass, ProviderInfo},
		traits::{KeepPoints, MarketClock},
		AccountId, Balance, MarketBlock,
	};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why this pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// A provider's bond, the part on its way back included.
		Bond,
	}

	#[pallet::config]
	pub trait Config: frame_system::Config<AccountId = AccountId> {
		/// The token that bonds are in.
		type Currency: Mutate<AccountId, Balance = Balance> + MutateHold<AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// The market's clock.
		type Clock: MarketClock;
		/// What governance may change.
		type Parameters: Get<ProvidersParams>;
		/// Keeps the points of who leaves.
		type Points: KeepPoints;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The providers.
	#[pallet::storage]
	pub type Providers<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Provider>;

	/// Whom each operator serves.
	#[pallet::storage]
	pub type Operators<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, AccountId>;

	/// How many members each pool of a class has.
	#[pallet::storage]
	pub type PoolSizes<T: Config> = StorageMap<_, Twox64Concat, HardwareClass, Sizes, ValueQuery>;

	/// Providers that stand in pools where they do not belong, or the other way round, in the order in which they are moved.
	#[pallet::storage]
	pub type Moves<T: Config> = StorageMap<_, Twox64Concat, u32, AccountId>;

	/// The first number of [`Moves`], and one past the last.
	#[pallet::storage]
	pub type MovesBounds<T: Config> = StorageValue<_, (u32, u32), ValueQuery>;

	/// The members of each pool, at the indices below its size.
	#[pallet::storage]
	pub type PoolMembers<T: Config> = StorageDoubleMap<_, Twox64Concat, PoolKey, Twox64Concat, u32, PoolEntry>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A provider registered.
		Registered {
			/// The provider.
			provider: AccountId,
			/// Its operator.
			operator: AccountId,
			/// Its bond in plancks.
			bond: Balance,
		},
		/// A provider declared something else about itself.
		InfoUpdated {
			/// The provider.
			provider: AccountId,
		},
		/// A provider has another operator.
		OperatorChanged {
			/// The provider.
			provider: AccountId,
			/// Its operator from now on.
			operator: AccountId,
		},
		/// A provider raised its bond.
		Bonded {
			/// The provider.
			provider: AccountId,
			/// By how much, in plancks.
			amount: Balance,
		},
		/// A provider's operator gave a sign of life.
		HeartbeatReceived {
			/// The provider.
			provider: AccountId,
		},
		/// A provider asked for no more work.
		DrainStarted {
			/// The provider.
			provider: AccountId,
		},
		/// A provider asked for work again.
		Resumed {
			/// The provider.
			provider: AccountId,
		},
		/// A provider took out a part of its bond.
		Unbonded {
			/// The provider.
			provider: AccountId,
			/// How much, in plancks.
			amount: Balance,
			/// The market block from which it, and what was unbonded before, can be withdrawn.
			at: MarketBlock,
		},
		/// A provider has unbonded money back.
		Withdrawn {
			/// The provider.
			provider: AccountId,
			/// How much, in plancks.
			amount: Balance,
		},
		/// A provider is gone.
		Removed {
			/// The provider.
			provider: AccountId,
		},
		/// A part of a provider's bond was taken.
		Slashed {
			/// The provider.
			provider: AccountId,
			/// Who has it now; nobody if it was burned.
			to: Option<AccountId>,
			/// How much, in plancks.
			amount: Balance,
		},
		/// A part of a provider's bond is held for a verdict.
		Ceded {
			/// The provider.
			provider: AccountId,
			/// How much, in plancks.
			amount: Balance,
		},
		/// A provider missed a deadline or its heartbeats, or lied, and gets no work until its next sign of life.
		BecameUnresponsive {
			/// The provider.
			provider: AccountId,
		},
		/// An unresponsive provider gave a sign of life.
		Revived {
			/// The provider.
			provider: AccountId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The account is a provider already.
		AlreadyRegistered,
		/// The account is no provider.
		UnknownProvider,
		/// The account is no provider's operator.
		UnknownOperator,
		/// The operator serves a provider already.
		OperatorInUse,
		/// The operator is the provider itself or another one.
		OperatorIsProvider,
		/// The operator would get less than it needs for its first fees.
		FundingTooSmall,
		/// No hardware class is offered.
		NoClass,
		/// A hardware class is offered that this chain does not know.
		UnknownClass,
		/// Trusted execution environments are not admitted until quotes are verified on chain.
		TeeNotYetSupported,
		/// No slot is offered.
		NoSlots,
		/// A slot has no memory, or less than its hardware class says.
		TooLittleMemory,
		/// The ask is below the least one.
		AskTooLow,
		/// The endpoint is no `http://` or `https://` URL of printable ASCII.
		BadEndpoint,
		/// The bond is, or would be, below the least one.
		BondTooSmall,
		/// The amount is zero.
		ZeroAmount,
		/// The bond is smaller than that, or open work reserves it.
		BondReserved,
		/// Nothing is unbonding, and the provider is not done.
		NothingToWithdraw,
		/// The unbonding period is not over.
		StillUnbonding,
		/// The provider asked for no more work already.
		AlreadyDraining,
		/// The provider did not ask for no more work.
		NotDraining,
		/// The provider asked for no more work, or is unresponsive.
		NotActive,
		/// The provider gave no sign of life for too long.
		Silent,
		/// The provider has no free slot.
		NoFreeSlot,
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
		/// Registers the caller as a provider: holds `bond`, at least the least one, and sends `operator_funding` to
		/// `operator`, which must serve nobody else. It can be drawn after the membership delay.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register())]
		pub fn register(
			origin: OriginFor<T>,
			operator: AccountId,
			info: ProviderInfo,
			#[pallet::compact] bond: Balance,
			#[pallet::compact] operator_funding: Balance,
		) -> DispatchResult {
			Self::do_register(ensure_signed(origin)?, operator, info, bond, operator_funding)
		}

		/// Declares something else. Work that is under way keeps the terms that it was assigned by. A change of classes,
		/// region, ask or memory starts the membership delay anew.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::update_info())]
		pub fn update_info(origin: OriginFor<T>, info: ProviderInfo) -> DispatchResult {
			Self::do_update_info(ensure_signed(origin)?, info)
		}

		/// Replaces the operator, with effect at once also for work under way, and sends `funding` to the new one; zero
		/// sends nothing.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::set_operator())]
		pub fn set_operator(
			origin: OriginFor<T>,
			operator: AccountId,
			#[pallet::compact] funding: Balance,
		) -> DispatchResult {
			Self::do_set_operator(ensure_signed(origin)?, operator, funding)
		}

		/// Raises the bond.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::bond_more())]
		pub fn bond_more(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
			Self::do_bond_more(ensure_signed(origin)?, amount)
		}

		/// Gives a sign of life, by the operator. An unresponsive provider is active again.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::heartbeat())]
		pub fn heartbeat(origin: OriginFor<T>) -> DispatchResult {
			Self::do_heartbeat(ensure_signed(origin)?)
		}

		/// Asks for no more work, by the provider or its operator. What is under way goes on.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::drain())]
		pub fn drain(origin: OriginFor<T>) -> DispatchResult {
			Self::do_drain(Self::provider_or_served(ensure_signed(origin)?)?)
		}

		/// Asks for work again, by the provider or its operator, which must have given a sign of life within the
		/// heartbeat period, or the provider is unresponsive until it does.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::resume())]
		pub fn resume(origin: OriginFor<T>) -> DispatchResult {
			Self::do_resume(Self::provider_or_served(ensure_signed(origin)?)?)
		}

		/// Takes a part of the bond out that no open work reserves. The least bond must remain unless the provider is
		/// draining. It can be withdrawn after the unbonding period, which starts anew for what was unbonding already.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::unbond())]
		pub fn unbond(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
			Self::do_unbond(ensure_signed(origin)?, amount)
		}

		/// Returns what was unbonded. A draining provider without bond and open work is removed altogether.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
			Self::do_withdraw(ensure_signed(origin)?)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A provider, named by its account or its operator's.
		pub fn provider_view(who: AccountId) -> Option<ProviderView> {
			Self::view_of(who)
		}

		/// Providers in the order of storage, after `after`, at most `count` and at most
		/// [`MAX_PAGE`](millrace_primitives::api::MAX_PAGE).
		pub fn providers_page(after: Option<AccountId>, count: u32) -> Vec<ProviderView> {
			Self::page_of_views(after, count)
		}
	}
}
