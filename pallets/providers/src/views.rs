//! Providers as users see them.

use crate::{types::Provider, Config, Pallet, Providers};
use alloc::{
	format,
	string::{String, ToString},
	vec::Vec,
};
use millrace_primitives::{
	api::{ProviderView, MAX_PAGE},
	params::ProvidersParams,
	provider::ProviderStatus,
	traits::MarketClock,
	AccountId, MarketBlock,
};
use sp_runtime::traits::Get;

impl<T: Config> Pallet<T> {
	/// See [`provider_view`](Pallet::provider_view).
	pub(crate) fn view_of(who: AccountId) -> Option<ProviderView> {
		let id = Self::provider_or_served(who).ok()?;
		let provider = Providers::<T>::get(&id)?;
		Some(view(id, provider, &T::Parameters::get(), T::Clock::now()))
	}

	/// See [`providers_page`](Pallet::providers_page).
	pub(crate) fn page_of_views(after: Option<AccountId>, count: u32) -> Vec<ProviderView> {
		let (params, now) = (T::Parameters::get(), T::Clock::now());
		match after {
			Some(after) => Providers::<T>::iter_from(Providers::<T>::hashed_key_for(after)),
			None => Providers::<T>::iter(),
		}
		.take(count.min(MAX_PAGE) as usize)
		.map(|(id, provider)| view(id, provider, &params, now))
		.collect()
	}
}

fn view(id: AccountId, provider: Provider, params: &ProvidersParams, now: MarketBlock) -> ProviderView {
	let reason = why_not_drawable(&provider, params, now);
	let info = provider.info;
	ProviderView {
		id,
		operator: provider.operator,
		status: provider.status,
		classes: info.classes,
		region: info.region,
		slots: info.slots,
		used_slots: provider.used_slots,
		memory_pages: info.memory_pages,
		ask: info.ask,
		endpoint: String::from_utf8_lossy(&info.endpoint).into_owned(),
		bond: provider.bond,
		liability: provider.liability,
		reputation: provider.reputation.score(),
		last_seen: provider.last_seen,
		drawable: reason.is_none(),
		reason,
	}
}

/// In plain words, why no draw leads to work for this provider; none if one may.
fn why_not_drawable(provider: &Provider, params: &ProvidersParams, now: MarketBlock) -> Option<String> {
	match provider.status {
		ProviderStatus::Draining => return Some("it asked for no more work".to_string()),
		ProviderStatus::Unresponsive => {
			return Some("it missed a deadline or its heartbeats; its next sign of life makes it active".to_string())
		}
		ProviderStatus::Active => {}
	}
	if provider.silent(now, params.heartbeat_period) {
		return Some(format!(
			"its last sign of life was in market block {}, more than {} blocks ago",
			provider.last_seen, params.heartbeat_period
		));
	}
	if provider.bond < params.min_bond {
		return Some(format!(
			"its bond of {} is below the least one of {} plancks",
			provider.bond, params.min_bond
		));
	}
	if provider.free_slots() == 0 {
		return Some("all its slots are in use".to_string());
	}
	if provider.free_bond() < params.least_liability {
		return Some(format!(
			"open work reserves all of its bond but {} plancks, and the least work takes {}",
			provider.free_bond(),
			params.least_liability
		));
	}
	if provider.drawable_from > now {
		return Some(format!(
			"it is new or changed, and can be drawn from market block {}",
			provider.drawable_from
		));
	}
	None
}
