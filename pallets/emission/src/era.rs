//! An era's life: closing, claiming, pruning.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::MarketBlock;
use scale_info::TypeInfo;

/// An era's number, counted up from 0. Eras without burned fees are counted too.
pub type EraIndex = u32;

/// The open era.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct EraInfo {
	/// Its number.
	pub index: EraIndex,
	/// Its first market block.
	pub start: MarketBlock,
	/// The fees burned by the work accepted in it, in plancks: the sum of its points.
	pub burned: Balance,
}

/// A closed era of which something can be claimed or pruned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct EraBudget {
	/// What providers can claim in all, in plancks.
	pub budget: Balance,
	/// The fees burned by the era's work; never 0.
	pub burned: Balance,
	/// The points that were neither claimed nor pruned; the entry goes when none are left.
	pub left: Balance,
	/// What was minted.
	pub claimed: Balance,
}

/// Sums over all eras: `emitted` = `minted` + `forfeited` + what can still be claimed or pruned.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Totals {
	/// All budgets ever fixed. The schedule and the cap count this, so late claims cannot stretch them.
	pub emitted: Balance,
	/// What was minted.
	pub minted: Balance,
	/// Rounding losses and expired rewards of eras that are gone.
	pub forfeited: Balance,
}

/// What closing the open era would do.
struct Closing {
	next: EraInfo,
	ended: EraIndex,
	budget: EraBudget,
}

impl<T: Config> Pallet<T> {
	/// What is to be closed at `now`, if the era is over. Eras that passed since without any event are skipped.
	fn closing(now: MarketBlock, params: &EmissionParams) -> Option<Closing> {
		let era = Era::<T>::get();
		let length = params.era.max(1);
		let passed = now.saturating_sub(era.start) / length;
		if passed == 0 {
			return None;
		}
		let emitted = Emitted::<T>::get().emitted;
		let budget = schedule::budget(
			schedule::ceiling(params.initial, params.halving, emitted),
			params.brake.min(MAX_BRAKE).mul_floor(era.burned),
			T::Cap::get().saturating_sub(emitted),
		);
		Some(Closing {
			next: EraInfo {
				index: era.index.saturating_add(passed),
				// At most `now`.
				start: era.start.saturating_add(passed.saturating_mul(length)),
				burned: 0,
			},
			ended: era.index,
			budget: EraBudget {
				budget,
				burned: era.burned,
				left: era.burned,
				claimed: 0,
			},
		})
	}

	/// Closes the open era if it is over at `now`; true if it was.
	pub(crate) fn close(now: MarketBlock, params: &EmissionParams) -> bool {
		let Some(Closing { next, ended, budget }) = Self::closing(now, params) else {
			return false;
		};
		if budget.burned > 0 {
			Budgets::<T>::insert(ended, budget);
			Emitted::<T>::mutate(|totals| totals.emitted = totals.emitted.saturating_add(budget.budget));
		}
		Era::<T>::put(next);
		Self::deposit_event(Event::EraClosed {
			era: ended,
			burned: budget.burned,
			budget: budget.budget,
		});
		true
	}

	/// True if rewards of `era` can no longer be claimed while era `now` is open.
	fn expired(era: EraIndex, now: EraIndex, params: &EmissionParams) -> bool {
		now > era.saturating_add(params.claim_eras)
	}

	pub(crate) fn do_claim(provider: AccountId, era: EraIndex) -> Result<bool, DispatchError> {
		let params = T::Parameters::get();
		let closed = Self::close(T::Clock::now(), &params);
		let open = Era::<T>::get().index;
		ensure!(era < open, Error::<T>::EraNotOver);
		ensure!(!Self::expired(era, open, &params), Error::<T>::Expired);
		let budget = Budgets::<T>::get(era).ok_or(Error::<T>::NothingToClaim)?;
		let amount = schedule::share(budget.budget, Self::points_of(&provider, era), budget.burned);
		ensure!(amount > 0, Error::<T>::NothingToClaim);
		T::Currency::mint_into(&provider, amount)?;
		Self::release(era, &provider, budget, amount);
		Self::deposit_event(Event::RewardClaimed { era, provider, amount });
		Ok(closed)
	}

	pub(crate) fn do_prune(era: EraIndex, provider: AccountId) -> Result<bool, DispatchError> {
		let params = T::Parameters::get();
		let closed = Self::close(T::Clock::now(), &params);
		let open = Era::<T>::get().index;
		ensure!(era < open, Error::<T>::EraNotOver);
		ensure!(Self::expired(era, open, &params), Error::<T>::NotExpired);
		let budget = Budgets::<T>::get(era).ok_or(Error::<T>::NothingToPrune)?;
		ensure!(Self::points_of(&provider, era) > 0, Error::<T>::NothingToPrune);
		Self::release(era, &provider, budget, 0);
		Self::deposit_event(Event::Pruned { era, provider });
		Ok(closed)
	}

	/// Removes a provider's points of a closed era and books what was minted for them; forgets the era with its last
	/// point.
	fn release(era: EraIndex, provider: &AccountId, mut budget: EraBudget, minted: Balance) {
		let points = Points::<T>::take(era, provider).saturating_add(T::Open::take_points(provider, era));
		budget.left = budget.left.saturating_sub(points);
		budget.claimed = budget.claimed.saturating_add(minted);
		let forfeited = if budget.left == 0 {
			Budgets::<T>::remove(era);
			budget.budget.saturating_sub(budget.claimed)
		} else {
			Budgets::<T>::insert(era, budget);
			0
		};
		if minted > 0 || forfeited > 0 {
			Emitted::<T>::mutate(|totals| {
				totals.minted = totals.minted.saturating_add(minted);
				totals.forfeited = totals.forfeited.saturating_add(forfeited);
			});
		}
	}

	/// A provider's points of an era, wherever they are kept.
	pub(crate) fn points_of(provider: &AccountId, era: EraIndex) -> Balance {
		Points::<T>::get(era, provider).saturating_add(T::Open::points(provider, era))
	}

	/// What a claim would mint now; 0 if it would fail.
	pub(crate) fn worth(provider: &AccountId, era: EraIndex) -> Balance {
		let params = T::Parameters::get();
		let closing = Self::closing(T::Clock::now(), &params);
		let open = closing
			.as_ref()
			.map_or_else(|| Era::<T>::get().index, |closing| closing.next.index);
		if era >= open || Self::expired(era, open, &params) {
			return 0;
		}
		let budget = Budgets::<T>::get(era).or_else(|| {
			closing
				.filter(|closing| closing.ended == era)
				.map(|closing| closing.budget)
		});
		budget.map_or(0, |budget| {
			schedule::share(budget.budget, Self::points_of(provider, era), budget.burned)
		})
	}
}
