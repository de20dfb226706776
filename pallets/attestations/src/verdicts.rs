//! Verdicts: what the guilty have lost, held on their own accounts until it is enacted. So a mistake of the chain itself (a
//! wrong step of its judge, a wrong rule) can be seen and undone before anybody has the money.
//!
//! ```text
//! bond ─────────┐                        ┌─ enacted: to whom the rules give it, or burned
//!               ├─ the case's end ─ held ┤
//! accusation ───┘      (a verdict)       └─ voided: back to the account
//! ```
//!
//! A verdict is all that an account lost by one case, and is kept apart from the case, which may be long gone. Who cannot receive
//! its share has it waiting there; anybody may try again.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::{
	fungible::UnbalancedHold,
	tokens::{Fortitude, Precision, Restriction},
};
use millrace_court::case::MAX_SEATS;
use millrace_primitives::{
	api::{ShareView, VerdictView, MAX_PAGE},
	traits::{Alarm, FROZEN_LOOK},
	ProgramId,
};
use scale_info::TypeInfo;

/// The most shares of a verdict: a seat's or an outsider's for each seat of the case, the client's, and what burns.
pub const MAX_SHARES: u32 = 2 * MAX_SEATS + 2;

/// To whom a part goes, nobody if it burns, and how much.
pub type Share = (Option<AccountId>, Balance);

/// What an account has lost by a case, while it is held. What is held is the sum of the shares.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Verdict {
	/// The program that the case is about.
	pub program: ProgramId,
	/// The version of the machine by which it was judged.
	pub engine: u8,
	/// Who gets what, each above 0, nobody twice.
	pub shares: BoundedVec<Share, ConstU32<MAX_SHARES>>,
	/// From when on it may be enacted, by the clock of its program and version.
	pub due: MarketBlock,
	/// Whether it was enacted or voided and this is what could not be received.
	pub owed: bool,
}

impl Verdict {
	/// What is held.
	pub fn amount(&self) -> Balance {
		self.shares
			.iter()
			.fold(0, |sum: Balance, (_, amount)| sum.saturating_add(*amount))
	}

	/// Adds a part. False if there is no room for it, which there is for all that can be paid by a case.
	fn add(&mut self, to: Option<&AccountId>, amount: Balance) -> bool {
		if amount == 0 {
			return true;
		}
		match self.shares.iter_mut().find(|(payee, _)| payee.as_ref() == to) {
			Some((_, share)) => {
				*share = share.saturating_add(amount);
				true
			}
			None => self.shares.try_push((to.cloned(), amount)).is_ok(),
		}
	}
}

impl<T: Config> Pallet<T> {
	/// Holds what somebody has lost by a case, of which `held` was put on hold for it already: to be shared out in this order,
	/// as far as it goes. What comes later joins what is held of the account already.
	pub(crate) fn hold_verdict(
		shard: ShardId,
		agreed: (ProgramId, u8),
		who: &AccountId,
		held: Balance,
		shares: impl IntoIterator<Item = Share>,
	) {
		if held == 0 {
			return;
		}
		let (program, engine) = agreed;
		let pace = Self::pace_of(&program, engine);
		let due = pace.at(T::Clock::now()).saturating_add(T::Parameters::get().enactment);
		let before = Verdicts::<T>::get(shard, who);
		if before.is_none() {
			Self::remind_of(shard, who, pace.market(due));
		}
		let mut verdict = before.unwrap_or(Verdict {
			program,
			engine,
			shares: BoundedVec::new(),
			due,
			owed: false,
		});
		let mut left = held;
		for (to, amount) in shares {
			let amount = amount.min(left);
			if verdict.add(to.as_ref(), amount) {
				left -= amount;
			}
		}
		// Nothing, unless there is a share that nobody has room for.
		let burns = verdict.add(None, left);
		frame_support::defensive_assert!(burns, "a verdict has room for all whom a case can pay");
		Self::deposit_event(Event::VerdictHeld {
			shard,
			account: who.clone(),
			amount: held,
			due: pace.market(verdict.due),
		});
		if verdict.owed {
			// Its time is over, and somebody could not receive its share: that must not be held again.
			Self::share_out(shard, who, verdict);
			return;
		}
		Verdicts::<T>::insert(shard, who, verdict);
	}

	/// Puts an amount on hold for a verdict that comes out of another hold of the same account.
	pub(crate) fn hold_guilty(who: &AccountId, amount: Balance) -> DispatchResult {
		T::Currency::increase_balance_on_hold(&HoldReason::Guilty.into(), who, amount, Precision::Exact).map(|_| ())
	}

	/// Moves a part of an outsider's bond into the hold for its verdict; how much.
	pub(crate) fn cede_bond(who: &AccountId, amount: Balance) -> Balance {
		let moved = with_storage_layer(|| {
			Self::hold_guilty(who, amount)?;
			let reason = HoldReason::Accusation.into();
			T::Currency::decrease_balance_on_hold(&reason, who, amount, Precision::Exact)
		});
		frame_support::defensive_assert!(moved.is_ok(), "a bond is on hold until it is settled");
		moved.unwrap_or(0)
	}

	fn remind_of(shard: ShardId, who: &AccountId, at: MarketBlock) {
		T::Assignments::remind(Alarm::Verdict(shard, (*who).clone().into()), at);
	}

	/// Shares out a verdict whose time has come, or what is left of one.
	pub(crate) fn do_enact(shard: ShardId, who: &AccountId) -> Result<u32, DispatchError> {
		let verdict = Verdicts::<T>::get(shard, who).ok_or(Error::<T>::UnknownVerdict)?;
		if !verdict.owed {
			let pace = Self::pace_of(&verdict.program, verdict.engine);
			ensure!(!pace.frozen, Error::<T>::Frozen);
			ensure!(verdict.due <= pace.at(T::Clock::now()), Error::<T>::NotNow);
		}
		let shares = verdict.shares.len() as u32;
		let left = Self::share_out(shard, who, verdict);
		ensure!(left < shares, Error::<T>::CannotReceive);
		Ok(shares)
	}

	/// Pays the shares that can be received, and keeps the others; how many these are.
	fn share_out(shard: ShardId, who: &AccountId, mut verdict: Verdict) -> u32 {
		let mut paid = Vec::new();
		verdict.shares.retain(|(to, amount)| {
			let is_paid = Self::pay_held(who, to.as_ref(), *amount);
			if is_paid {
				paid.push((to.clone(), *amount));
			}
			!is_paid
		});
		verdict.owed = true;
		let left = verdict.shares.len() as u32;
		match left {
			0 => Verdicts::<T>::remove(shard, who),
			_ => Verdicts::<T>::insert(shard, who, verdict),
		}
		if !paid.is_empty() {
			Self::deposit_event(Event::Enacted {
				shard,
				account: who.clone(),
				paid,
			});
		}
		left
	}

	/// Pays out of what is held of the guilty, all of it or nothing.
	fn pay_held(who: &AccountId, to: Option<&AccountId>, amount: Balance) -> bool {
		let reason = HoldReason::Guilty.into();
		let done = with_storage_layer(|| match to {
			Some(to) if to == who => T::Currency::release(&reason, who, amount, Precision::Exact),
			Some(to) => T::Currency::transfer_on_hold(
				&reason,
				who,
				to,
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			),
			None => T::Currency::burn_held(&reason, who, amount, Precision::Exact, Fortitude::Force),
		});
		done.is_ok()
	}

	/// An alarm of a verdict.
	pub(crate) fn serve_verdict(shard: ShardId, who: [u8; 32]) -> Weight {
		let who = AccountId::new(who);
		let Some(verdict) = Verdicts::<T>::get(shard, &who).filter(|verdict| !verdict.owed) else {
			return T::DbWeight::get().reads(1);
		};
		let (now, pace) = (T::Clock::now(), Self::pace_of(&verdict.program, verdict.engine));
		let left = verdict.due.saturating_sub(pace.at(now));
		if pace.frozen || left > 0 {
			let wait = if pace.frozen { left.max(FROZEN_LOOK) } else { left };
			Self::remind_of(shard, &who, now.saturating_add(wait));
			return T::DbWeight::get().reads_writes(4, 2);
		}
		let shares = verdict.shares.len() as u32;
		Self::share_out(shard, &who, verdict);
		T::WeightInfo::enact(shares)
	}

	/// Undoes a verdict: what was taken goes back.
	pub(crate) fn do_void(shard: ShardId, who: &AccountId) -> DispatchResult {
		let mut verdict = Verdicts::<T>::get(shard, who).ok_or(Error::<T>::UnknownVerdict)?;
		ensure!(!verdict.owed, Error::<T>::TooLate);
		let amount = verdict.amount();
		if Self::pay_held(who, Some(who), amount) {
			Verdicts::<T>::remove(shard, who);
		} else {
			// Less than an account must have: it can have it once it has more.
			verdict.shares = BoundedVec::truncate_from([(Some(who.clone()), amount)].into());
			verdict.owed = true;
			Verdicts::<T>::insert(shard, who, verdict);
		}
		Self::deposit_event(Event::Voided {
			shard,
			account: who.clone(),
			amount,
		});
		Ok(())
	}

	/// Verdicts that are held, in the order of storage, after one; at most `count` and at most [`MAX_PAGE`].
	pub fn verdict_views(after: Option<(ShardId, AccountId)>, count: u32) -> Vec<VerdictView> {
		let verdicts = match after {
			Some((shard, who)) => Verdicts::<T>::iter_from(Verdicts::<T>::hashed_key_for(shard, who)),
			None => Verdicts::<T>::iter(),
		};
		verdicts
			.take(count.min(MAX_PAGE) as usize)
			.map(|(shard, account, verdict)| Self::verdict_view(shard, account, verdict))
			.collect()
	}

	/// Those about one shard, for views.
	pub fn verdict_views_of(shard: ShardId) -> Vec<VerdictView> {
		Verdicts::<T>::iter_prefix(shard)
			.take(MAX_PAGE as usize)
			.map(|(account, verdict)| Self::verdict_view(shard, account, verdict))
			.collect()
	}

	fn verdict_view(shard: ShardId, account: AccountId, verdict: Verdict) -> VerdictView {
		let pace = Self::pace_of(&verdict.program, verdict.engine);
		let due = if verdict.owed {
			T::Clock::now()
		} else {
			pace.market(verdict.due)
		};
		VerdictView {
			shard,
			account,
			amount: verdict.amount(),
			shares: verdict
				.shares
				.into_iter()
				.map(|(to, amount)| ShareView { to, amount })
				.collect(),
			due,
			frozen: !verdict.owed && pace.frozen,
			owed: verdict.owed,
		}
	}
}
