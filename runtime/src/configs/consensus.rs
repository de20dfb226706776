//! BABE, GRANDPA, and the sessions that give them their keys.
//!
//! The authorities are those of genesis; they may rotate their keys with `session.set_keys`, which
//! checks that the caller holds them. Equivocations are proved, reported and recorded on chain, but
//! nobody is punished or disabled for them: there is no stake yet from which to take.

use super::money::deposit;
use crate::{
	chain_constants::{EpochDuration, SlotDuration},
	weights, AccountId, Babe, Balance, Balances, Historical, Offences, Runtime, RuntimeCall, RuntimeEvent, Session,
	SessionKeys, UncheckedExtrinsic,
};
use alloc::vec::Vec;
use frame_support::{
	parameter_types,
	traits::{ConstU32, Get},
};
use millrace_primitives::MILL;
use pallet_session::historical;
use sp_runtime::traits::{Convert, ConvertInto, OpaqueKeys};
use sp_staking::SessionIndex;

/// Most authorities that a session may have.
pub const MAX_AUTHORITIES: u32 = 100;

/// For how many sessions an equivocation can be proved and reported: a week with sessions of an hour.
pub const HISTORY_SESSIONS: u32 = 168;

parameter_types! {
	/// Held while an account has session keys registered: 10 MILL and what the entries cost.
	pub const SessionKeyDeposit: Balance = 10 * MILL + deposit(4, 4 * 96);
	/// See [`HISTORY_SESSIONS`].
	pub const MaxSetIdSessionEntries: u64 = HISTORY_SESSIONS as u64;
}

/// For how many blocks a report of an equivocation stays valid in the pool.
pub struct ReportLongevity;

impl Get<u64> for ReportLongevity {
	fn get() -> u64 {
		EpochDuration::<Runtime>::get().saturating_mul(u64::from(HISTORY_SESSIONS))
	}
}

impl pallet_babe::Config for Runtime {
	type EpochDuration = EpochDuration<Runtime>;
	type ExpectedBlockTime = SlotDuration<Runtime>;
	type EpochChangeTrigger = pallet_babe::ExternalTrigger;
	type DisabledValidators = Session;
	type WeightInfo = weights::pallet_babe::WeightInfo<Runtime>;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxNominators = ConstU32<0>;
	type KeyOwnerProof = sp_session::MembershipProof;
	type EquivocationReportSystem = pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
}

impl pallet_grandpa::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = weights::pallet_grandpa::WeightInfo<Runtime>;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxNominators = ConstU32<0>;
	type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
	type KeyOwnerProof = sp_session::MembershipProof;
	type EquivocationReportSystem =
		pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
}

impl pallet_authorship::Config for Runtime {
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
	type EventHandler = ();
}

impl pallet_authority_discovery::Config for Runtime {
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
}

impl pallet_offences::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type IdentificationTuple = historical::IdentificationTuple<Self>;
	/// Punishes nobody: an offence is recorded and shown by an event, and that is all.
	type OnOffenceHandler = ();
}

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = Babe;
	type NextSessionRotation = Babe;
	type SessionManager = historical::NoteHistoricalRoot<Self, GenesisAuthorities>;
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	/// Disables nobody, see the head of this file.
	type DisablingStrategy = ();
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = SessionKeyDeposit;
}

impl historical::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type FullIdentification = ();
	type FullIdentificationOf = UnitIdentification;
}

/// Identifies a validator by its account alone: there is no stake to identify it by.
pub struct UnitIdentification;

impl Convert<AccountId, Option<()>> for UnitIdentification {
	fn convert(_: AccountId) -> Option<()> {
		Some(())
	}
}

/// The session manager: whoever has keys in the genesis configuration validates for ever.
///
/// It names the set for the two sessions planned at genesis, so that the historical root of the
/// first is stored, and answers `None` afterwards, which means "as before": roots are carried on,
/// and GRANDPA keeps its set instead of starting a new one every session.
pub struct GenesisAuthorities;

impl GenesisAuthorities {
	/// Accounts with registered keys. At genesis these are the initial authorities.
	fn with_keys() -> Vec<AccountId> {
		let mut accounts: Vec<_> = pallet_session::NextKeys::<Runtime>::iter_keys()
			.take(MAX_AUTHORITIES as usize)
			.collect();
		accounts.sort();
		accounts
	}
}

impl pallet_session::SessionManager<AccountId> for GenesisAuthorities {
	fn new_session(_: SessionIndex) -> Option<Vec<AccountId>> {
		None
	}

	fn new_session_genesis(_: SessionIndex) -> Option<Vec<AccountId>> {
		Some(Self::with_keys())
	}

	fn start_session(_: SessionIndex) {}

	fn end_session(_: SessionIndex) {}
}

impl historical::SessionManager<AccountId, ()> for GenesisAuthorities {
	fn new_session(_: SessionIndex) -> Option<Vec<(AccountId, ())>> {
		None
	}

	fn new_session_genesis(_: SessionIndex) -> Option<Vec<(AccountId, ())>> {
		Some(Self::with_keys().into_iter().map(|who| (who, ())).collect())
	}

	fn start_session(starting: SessionIndex) {
		// Nothing else removes old roots. One session starts, so at most one root goes.
		if let Some(oldest_kept) = starting.checked_sub(HISTORY_SESSIONS) {
			Historical::prune_up_to(oldest_kept);
		}
	}

	fn end_session(_: SessionIndex) {}
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

/// Equivocation reports are sent without signature, by block authors, to themselves.
impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}
