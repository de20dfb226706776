//! What jobs and the court ask of providers, and what they tell about them.

use crate::{Config, Error, Operators, Pallet, Providers};
use alloc::vec::Vec;
use frame_support::{
	defensive, ensure,
	weights::{Weight, WeightMeter},
};
use millrace_primitives::{
	job::MAX_REPLICAS,
	provider::{Census, DrawRequest, Drawn, ProviderStatus},
	traits::{Conduct, MarketClock, OnSettled, OpenPoints, ProviderRecord, ProviderRegistry, Settlement},
	AccountId, Balance, Hash,
};
use sp_runtime::{traits::Get, ArithmeticError, DispatchResult};

/// A sign of life is written down if the last one is more than this part of the heartbeat period ago: each seal and
/// reveal would otherwise cost a write.
const SEEN_PER_PERIOD: u32 = 16;

impl<T: Config> ProviderRegistry for Pallet<T> {
	fn provider_of(operator: &AccountId) -> Option<AccountId> {
		Operators::<T>::get(operator)
	}

	fn provider_named(who: &AccountId) -> Option<AccountId> {
		Self::provider_or_served(who.clone()).ok()
	}

	fn operator_of(provider: &AccountId) -> Option<AccountId> {
		Providers::<T>::get(provider).map(|provider| provider.operator)
	}

	fn endpoint(provider: &AccountId) -> Option<Vec<u8>> {
		Providers::<T>::get(provider).map(|provider| provider.info.endpoint.into_inner())
	}

	fn draw(request: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Drawn {
		Self::do_draw(request, seed, draws, enough)
	}

	fn census(request: &DrawRequest) -> Census {
		Self::do_census(request)
	}

	fn drop_stale(provider: &AccountId) -> bool {
		let who = provider;
		let (params, now) = (T::Parameters::get(), T::Clock::now());
		let stale = Providers::<T>::get(who).is_some_and(|provider| {
			let is_bonded = provider.bond >= params.min_bond && provider.free_bond() >= params.least_liability;
			provider.pooled() && (provider.silent(now, params.heartbeat_period) || !is_bonded)
		});
		stale
			&& Self::try_change(who, |provider, params| {
				if provider.silent(now, params.heartbeat_period) {
					Self::lose(who, provider);
				}
				// Whoever has less bond than the least, or of it free, leaves with any change.
				Ok(())
			})
			.is_ok()
	}

	fn reserve(provider: &AccountId, liability: Balance) -> DispatchResult {
		Self::try_change(provider, |provider, params| {
			ensure!(provider.status == ProviderStatus::Active, Error::<T>::NotActive);
			ensure!(
				!provider.silent(T::Clock::now(), params.heartbeat_period),
				Error::<T>::Silent
			);
			ensure!(provider.bond >= params.min_bond, Error::<T>::BondTooSmall);
			ensure!(provider.free_slots() > 0, Error::<T>::NoFreeSlot);
			let liability = provider
				.liability
				.checked_add(liability)
				.ok_or(ArithmeticError::Overflow)?;
			ensure!(liability <= provider.bond, Error::<T>::BondReserved);
			// Below `slots`, since one of them is free.
			provider.used_slots = provider.used_slots.saturating_add(1);
			provider.liability = liability;
			Ok(())
		})
	}

	fn free_slot(provider: &AccountId) {
		let freed = Self::try_change(provider, |provider, _| {
			provider.used_slots = provider.used_slots.checked_sub(1).ok_or(ArithmeticError::Underflow)?;
			Ok(())
		});
		if let Err(error) = freed {
			defensive!("a slot is freed once, while its provider is registered", error);
		}
	}

	fn free_liability(provider: &AccountId, liability: Balance) {
		let freed = Self::try_change(provider, |provider, _| {
			provider.liability = provider
				.liability
				.checked_sub(liability)
				.ok_or(ArithmeticError::Underflow)?;
			Ok(())
		});
		if let Err(error) = freed {
			defensive!("a liability is freed once, while its provider is registered", error);
		}
	}

	fn cede(provider: &AccountId, amount: Balance, hold: impl FnOnce(Balance) -> DispatchResult) -> Balance {
		Self::do_cede(provider, amount, hold)
	}

	fn take(provider: &AccountId, to: Option<&AccountId>, amount: Balance) -> Balance {
		Self::do_take(provider, to, amount)
	}

	fn move_pools(limit: Weight) -> Weight {
		let mut meter = WeightMeter::with_limit(limit);
		Self::do_move_pools(&mut meter);
		meter.consumed()
	}

	fn record(provider: &AccountId) -> ProviderRecord {
		Providers::<T>::get(provider).map_or_else(ProviderRecord::default, |provider| ProviderRecord {
			burned: provider.burned,
			free_bond: provider.bond.saturating_sub(provider.liability),
		})
	}

	fn note(provider: &AccountId, conduct: Conduct) {
		let who = provider;
		if conduct == Conduct::Alive {
			let Some(provider) = Providers::<T>::get(who) else {
				return;
			};
			let exact = T::Parameters::get().heartbeat_period / SEEN_PER_PERIOD;
			if provider.status != ProviderStatus::Unresponsive && !provider.silent(T::Clock::now(), exact) {
				return;
			}
		}
		let noted = Self::try_change(who, |provider, params| {
			if conduct == Conduct::Alive {
				Self::see(who, provider);
			} else {
				provider.reputation.failed(conduct, params.reputation_memory);
				Self::lose(who, provider);
			}
			Ok(())
		});
		if let Err(error) = noted {
			defensive!("whoever has work is registered", error);
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_provider(
		provider: &AccountId,
		operator: &AccountId,
		standing: millrace_primitives::traits::BenchmarkStanding,
	) {
		crate::benchmarking::provider_in::<T>(provider, operator, standing);
	}
}

impl<T: Config> OnSettled for Pallet<T> {
	/// Adds to the history and the reputation of those who are paid, by the fees that were burned for it; nothing if the
	/// report was not verified. Entries in the pools learn of it when they are written next: a better reputation is never
	/// urgent.
	fn on_settled(settlement: &Settlement) {
		if !settlement.counted {
			return;
		}
		for payment in settlement.payments.iter().take(MAX_REPLICAS.into()) {
			let settled = Self::try_change(&payment.provider, |provider, params| {
				provider.burned = provider.burned.saturating_add(payment.burned);
				provider
					.reputation
					.settled(payment.burned, params.reputation_unit, params.reputation_memory);
				Ok(())
			});
			if let Err(error) = settled {
				defensive!("whoever is paid is registered", error);
			}
		}
	}
}

impl<T: Config> OpenPoints for Pallet<T> {
	fn add_points(provider: &AccountId, era: u32, points: Balance) -> Option<(u32, Balance)> {
		let displaced = Self::try_change(provider, |provider, _| {
			let before = provider.points.filter(|(before, _)| *before != era);
			let sum = Self::points_in(provider.points, era).saturating_add(points);
			provider.points = Some((era, sum)).filter(|_| sum > 0);
			Ok(before)
		});
		displaced.unwrap_or(Some((era, points)))
	}

	fn points(provider: &AccountId, era: u32) -> Balance {
		Providers::<T>::get(provider).map_or(0, |provider| Self::points_in(provider.points, era))
	}

	fn take_points(provider: &AccountId, era: u32) -> Balance {
		let taken = Self::points(provider, era);
		if taken > 0 {
			let cleared = Self::try_change(provider, |provider, _| {
				provider.points = None;
				Ok(())
			});
			if let Err(error) = cleared {
				defensive!("whoever has points here is registered", error);
			}
		}
		taken
	}

	fn all_points() -> Vec<(AccountId, u32, Balance)> {
		Providers::<T>::iter()
			.filter_map(|(who, provider)| provider.points.map(|(era, points)| (who, era, points)))
			.collect()
	}
}

impl<T: Config> Pallet<T> {
	/// What of a record's points is of an era.
	fn points_in(points: Option<(u32, Balance)>, era: u32) -> Balance {
		points.filter(|(of, _)| *of == era).map_or(0, |(_, points)| points)
	}
}
