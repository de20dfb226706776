//! What must hold after every block.

use crate::*;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks that points add up to what was burned, and budgets to what was emitted, minted and forfeited.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let era = Era::<T>::get();
		let sum = |index| -> Result<Balance, TryRuntimeError> {
			let open = T::Open::all_points().into_iter().filter(|(_, era, _)| *era == index);
			let open = open.map(|(who, _, points)| (who, points));
			Points::<T>::iter_prefix(index)
				.chain(open)
				.try_fold(0u128, |sum, (_, points)| {
					ensure!(points > 0, "points of 0 are stored");
					sum.checked_add(points).ok_or(TryRuntimeError::Other("points overflow"))
				})
		};
		ensure!(
			sum(era.index)? == era.burned,
			"the open era's points are not what was burned"
		);

		let mut open: Balance = 0;
		for (index, budget) in Budgets::<T>::iter() {
			ensure!(index < era.index, "a budget was fixed for an era that is not over");
			ensure!(
				budget.left > 0 && budget.left <= budget.burned,
				"a budget without points is stored"
			);
			ensure!(
				sum(index)? == budget.left,
				"a closed era's points are not what is left of them"
			);
			ensure!(
				budget.claimed <= schedule::share(budget.budget, budget.burned - budget.left, budget.burned),
				"more was claimed than the claimed points are worth"
			);
			ensure!(
				budget.budget <= MAX_BRAKE.mul_floor(budget.burned),
				"a budget is above the brake"
			);
			open = open.saturating_add(budget.budget - budget.claimed);
		}
		let open_points = T::Open::all_points().into_iter().map(|(_, index, _)| index);
		for index in Points::<T>::iter_keys().map(|(index, _)| index).chain(open_points) {
			ensure!(
				index == era.index || Budgets::<T>::contains_key(index),
				"points without a budget"
			);
		}

		let totals = Emitted::<T>::get();
		let accounted = totals.minted.saturating_add(totals.forfeited).saturating_add(open);
		ensure!(
			totals.emitted == accounted,
			"emitted is not what was minted, forfeited and is still open"
		);
		ensure!(totals.emitted <= T::Cap::get(), "more was emitted than the cap");
		Ok(())
	}
}
