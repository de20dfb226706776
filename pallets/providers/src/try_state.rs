//! What holds between any two calls.

use crate::{Config, HoldReason, Moves, MovesBounds, Operators, Pallet, PoolMembers, PoolSizes, Providers};
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use millrace_primitives::{job::is_url, provider::HardwareClass};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the stored state. It iterates over everything and belongs in tests and `try-runtime`.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_providers()?;
		Self::try_state_operators()?;
		Self::try_state_pools()
	}

	/// Records agree with what is on hold and with their entries in the pools.
	fn try_state_providers() -> Result<(), TryRuntimeError> {
		let params = T::Parameters::get();
		let (head, tail) = MovesBounds::<T>::get();
		let mut waiting = (0..tail.wrapping_sub(head)).map(|n| Moves::<T>::get(head.wrapping_add(n)));
		ensure!(waiting.all(|who| who.is_some()), "the queue of moves has a gap");
		for (who, provider) in Providers::<T>::iter() {
			let held = T::Currency::balance_on_hold(&HoldReason::Bond.into(), &who);
			ensure!(
				held == provider.held(),
				"what is on hold is the bond and what is unbonding"
			);
			ensure!(
				provider.unbonding.is_none_or(|unbonding| unbonding.amount > 0),
				"what is unbonding is more than nothing"
			);
			ensure!(
				provider.points.is_none_or(|(_, points)| points > 0),
				"points are more than nothing"
			);
			ensure!(is_url(&provider.info.endpoint), "an endpoint is a URL");
			ensure!(provider.info.slots > 0, "a provider has slots");
			ensure!(
				Operators::<T>::get(&provider.operator).as_ref() == Some(&who),
				"a provider's operator serves it"
			);
			let is_bonded = provider.bond >= params.min_bond && provider.free_bond() >= params.least_liability;
			ensure!(
				provider.moving || Self::is_right(&provider, &params) || !is_bonded,
				"whoever stands where it does not belong waits to be moved"
			);
			for class in HardwareClass::ALL {
				let Some(index) = provider.places[class as usize] else {
					continue;
				};
				let entry = PoolMembers::<T>::get(provider.stands_in.pool(class), index);
				let entry = entry.ok_or("a provider's place in a pool exists")?;
				let mut expected = provider.entry(&who, &params);
				ensure!(
					!entry.is_free || entry.reputation <= expected.reputation,
					"an entry's reputation is never too good"
				);
				expected.reputation = entry.reputation;
				if !is_bonded {
					// The least bond was raised, or what must be free of it: it is found to be stale when it is drawn.
					expected.is_free = entry.is_free;
				}
				ensure!(entry == expected, "an entry says what the record says");
			}
		}
		Ok(())
	}

	/// Operators and providers correspond one to one.
	fn try_state_operators() -> Result<(), TryRuntimeError> {
		for (operator, who) in Operators::<T>::iter() {
			let provider = Providers::<T>::get(&who).ok_or("an operator's provider exists")?;
			ensure!(provider.operator == operator, "an operator is its provider's only one");
			ensure!(operator != who, "nobody operates itself");
		}
		Ok(())
	}

	/// Pools hold exactly the members below their sizes, and these know it.
	fn try_state_pools() -> Result<(), TryRuntimeError> {
		for (pool, index, entry) in PoolMembers::<T>::iter() {
			ensure!(
				index < *pool.shelf.size(&mut PoolSizes::<T>::get(pool.class)),
				"no member lies beyond its pool's size"
			);
			let provider = Providers::<T>::get(&entry.provider).ok_or("a member has a record")?;
			ensure!(
				provider.stands_in == pool.shelf,
				"a member stands in the pool that its record names"
			);
			ensure!(
				provider.places[pool.class as usize] == Some(index),
				"a member's record knows its index"
			);
		}
		let counted: u64 = HardwareClass::ALL
			.into_iter()
			.flat_map(|class| PoolSizes::<T>::get(class).into_iter().flatten().flatten())
			.map(u64::from)
			.sum();
		ensure!(
			counted == PoolMembers::<T>::iter_keys().count() as u64,
			"sizes count the members"
		);
		Ok(())
	}
}
