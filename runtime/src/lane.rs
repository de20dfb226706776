//! The lane: a part of every block that belongs to those whose time runs, whatever others pay to fill the rest.
//!
//! ```text
//!  pool, author, import ─► class Operational? ─ no ─► as any transaction
//!                               │ yes
//!                 a party's own call, due now? ─ no ─► Invalid: Custom(61), or Custom(62) if it is wrapped or no such call
//!                               │ yes
//!                          before all others
//! ```
//!
//! Calls of the class have room in each block that others cannot take (`BlockWeights`). The class is a call's own, and a batch's
//! or a proxy's is that of what it wraps, so [`CheckLane`] goes by the class: whoever is no party gets nothing of the class
//! into a pool or a block. If parties fill the lane themselves, [`LaneFull`] makes the market's clock stand.

use crate::{configs::BlockWeights, Attestations, Jobs, Runtime, RuntimeCall, RuntimeOrigin, System};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{
	dispatch::{DispatchClass, DispatchInfo},
	pallet_prelude::{TransactionSource, ValidTransaction},
	weights::Weight,
};
use millrace_primitives::{
	lane::{NOT_ALONE, NOT_DUE},
	traits::{ClockStops, Stop},
	AccountId,
};
use scale_info::TypeInfo;
use sp_runtime::{
	impl_tx_ext_default,
	traits::{AsSystemOriginSigner, TransactionExtension},
	transaction_validity::{InvalidTransaction, TransactionPriority, TransactionValidityError},
};

/// What puts the lane's calls before all others in a pool. Others' tips would have to be thousands of MILL to come to as much;
/// among the lane's calls the tip for the room that each takes decides.
pub const PRIORITY: TransactionPriority = 1 << 62;

/// Lets only parties use the lane. It adds nothing to a transaction or to what is signed, so that wallets need not know it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct CheckLane;

/// What it weighs to see whether a call is due; none if it is none of the lane's.
fn check_weight(call: &RuntimeCall) -> Option<Weight> {
	match call {
		RuntimeCall::Jobs(call) => Jobs::lane(call),
		RuntimeCall::Attestations(call) => Attestations::lane(call),
		_ => None,
	}
}

fn is_due(who: &AccountId, call: &RuntimeCall) -> bool {
	match call {
		RuntimeCall::Jobs(call) => Jobs::is_due(who, call),
		RuntimeCall::Attestations(call) => Attestations::is_due(who, call),
		_ => false,
	}
}

impl TransactionExtension<RuntimeCall> for CheckLane {
	const IDENTIFIER: &'static str = "CheckLane";
	type Implicit = ();
	type Val = ();
	type Pre = ();

	fn weight(&self, call: &RuntimeCall) -> Weight {
		check_weight(call).unwrap_or_default()
	}

	fn validate(
		&self,
		origin: RuntimeOrigin,
		call: &RuntimeCall,
		info: &DispatchInfo,
		_len: usize,
		_implicit: (),
		_implication: &impl Encode,
		_source: TransactionSource,
	) -> Result<(ValidTransaction, (), RuntimeOrigin), TransactionValidityError> {
		// What no account signed is authorized by other means, or refused by them: an upgrade that was decided on, for one.
		let signer = origin.as_system_origin_signer().cloned();
		let Some(who) = signer.filter(|_| info.class == DispatchClass::Operational) else {
			return Ok((ValidTransaction::default(), (), origin));
		};
		if check_weight(call).is_none() {
			return Err(InvalidTransaction::Custom(NOT_ALONE).into());
		}
		if !is_due(&who, call) {
			return Err(InvalidTransaction::Custom(NOT_DUE).into());
		}
		let first = ValidTransaction {
			priority: PRIORITY,
			..Default::default()
		};
		Ok((first, (), origin))
	}

	impl_tx_ext_default!(RuntimeCall; prepare);
}

/// The clock stands after a block whose lane was full: nobody can say that there was no room, and still lose by it.
pub struct LaneFull;

/// Of the lane's calls none is longer than this, in bytes.
pub const LONGEST: u32 = 256 * 1024;

/// What other extensions weigh for one transaction, rounded up.
const EXTENSIONS: Weight = Weight::from_parts(1_000_000_000, 0);

impl LaneFull {
	/// The most that one transaction of the lane weighs.
	pub fn dearest() -> Weight {
		let base = BlockWeights::get().get(DispatchClass::Operational).base_extrinsic;
		Jobs::dearest_of_lane()
			.max(Attestations::dearest_of_lane())
			.saturating_add(EXTENSIONS)
			.saturating_add(base)
	}

	/// Whether the dearest and longest transaction of the lane would not have found room at the end of the present block.
	pub fn is_full() -> bool {
		let limits = BlockWeights::get();
		let lane = limits.get(DispatchClass::Operational);
		let used = System::block_weight();
		// As `CheckWeight` does, but for the size, which has a limit of its own.
		let dearest = Self::dearest().ref_time();
		let of_lane = used.get(DispatchClass::Operational).ref_time().saturating_add(dearest);
		let of_block = used.total().ref_time().saturating_add(dearest);
		let above = |limit: Option<Weight>, used: u64| limit.is_some_and(|limit| used > limit.ref_time());
		let heavy = above(lane.max_total, of_lane)
			|| (above(Some(limits.max_block), of_block) && above(lane.reserved, of_lane));
		let lengths = <Runtime as frame_system::Config>::BlockLength::get();
		let longest = *lengths.max.get(DispatchClass::Operational);
		heavy || System::block_size().saturating_add(LONGEST) > longest
	}
}

impl ClockStops for LaneFull {
	fn stop() -> Stop {
		match Self::is_full() {
			true => Stop::Rationed,
			false => Stop::None,
		}
	}
}
