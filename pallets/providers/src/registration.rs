//! Registration, what a provider declares, its operator, and whether it wants work.

use crate::{
	reputation::Reputation,
	types::{Provider, Shelf},
	Config, Error, Event, HoldReason, Operators, Pallet, Providers,
};
use frame_support::{
	ensure,
	traits::{
		fungible::{Mutate, MutateHold},
		tokens::Preservation,
	},
};
use millrace_primitives::{
	job::is_url,
	params::ProvidersParams,
	provider::{HardwareClass, ProviderInfo, ProviderStatus, HIGH_MEMORY_PAGES},
	traits::MarketClock,
	AccountId, Balance,
};
use sp_runtime::{traits::Get, DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// See [`register`](Pallet::register).
	pub(crate) fn do_register(
		who: AccountId,
		operator: AccountId,
		info: ProviderInfo,
		bond: Balance,
		operator_funding: Balance,
	) -> DispatchResult {
		let params = T::Parameters::get();
		ensure!(!Providers::<T>::contains_key(&who), Error::<T>::AlreadyRegistered);
		Self::ensure_vacant(&who, &operator)?;
		Self::ensure_valid(&info, &params)?;
		ensure!(bond >= params.min_bond, Error::<T>::BondTooSmall);
		ensure!(
			operator_funding >= params.min_operator_funding,
			Error::<T>::FundingTooSmall
		);

		T::Currency::hold(&HoldReason::Bond.into(), &who, bond)?;
		Self::fund(&who, &operator, operator_funding)?;

		let now = T::Clock::now();
		let stands_in = Shelf::of(&info);
		let mut provider = Provider {
			operator: operator.clone(),
			info,
			status: ProviderStatus::Active,
			bond,
			unbonding: None,
			liability: 0,
			burned: 0,
			used_slots: 0,
			reputation: Reputation::default(),
			points: None,
			last_seen: now,
			drawable_from: now,
			places: Default::default(),
			stands_in,
			moving: false,
		};
		Self::place(&who, &mut provider, None, &params);
		Providers::<T>::insert(&who, provider);
		Operators::<T>::insert(&operator, &who);
		Self::deposit_event(Event::Registered {
			provider: who,
			operator,
			bond,
		});
		Ok(())
	}

	/// See [`update_info`](Pallet::update_info).
	pub(crate) fn do_update_info(who: AccountId, info: ProviderInfo) -> DispatchResult {
		Self::try_change(&who, |provider, params| {
			Self::ensure_valid(&info, params)?;
			provider.info = info;
			Ok(())
		})?;
		Self::deposit_event(Event::InfoUpdated { provider: who });
		Ok(())
	}

	/// See [`set_operator`](Pallet::set_operator).
	pub(crate) fn do_set_operator(who: AccountId, operator: AccountId, funding: Balance) -> DispatchResult {
		Self::try_change(&who, |provider, _| {
			Self::ensure_vacant(&who, &operator)?;
			Self::fund(&who, &operator, funding)?;
			Operators::<T>::remove(&provider.operator);
			Operators::<T>::insert(&operator, &who);
			provider.operator = operator.clone();
			Ok(())
		})?;
		Self::deposit_event(Event::OperatorChanged {
			provider: who,
			operator,
		});
		Ok(())
	}

	/// See [`heartbeat`](Pallet::heartbeat).
	pub(crate) fn do_heartbeat(operator: AccountId) -> DispatchResult {
		let who = Operators::<T>::get(&operator).ok_or(Error::<T>::UnknownOperator)?;
		Self::try_change(&who, |provider, params| {
			Self::see(&who, provider);
			// What settlements added to the reputation since the entries were last written counts from now on.
			Self::refresh_pools(&who, provider, params);
			Ok(())
		})?;
		Self::deposit_event(Event::HeartbeatReceived { provider: who });
		Ok(())
	}

	/// See [`drain`](Pallet::drain).
	pub(crate) fn do_drain(who: AccountId) -> DispatchResult {
		Self::try_change(&who, |provider, _| {
			ensure!(provider.status != ProviderStatus::Draining, Error::<T>::AlreadyDraining);
			provider.status = ProviderStatus::Draining;
			Ok(())
		})?;
		Self::deposit_event(Event::DrainStarted { provider: who });
		Ok(())
	}

	/// See [`resume`](Pallet::resume).
	pub(crate) fn do_resume(who: AccountId) -> DispatchResult {
		Self::try_change(&who, |provider, params| {
			ensure!(provider.status == ProviderStatus::Draining, Error::<T>::NotDraining);
			ensure!(provider.bond >= params.min_bond, Error::<T>::BondTooSmall);
			provider.status = match provider.silent(T::Clock::now(), params.heartbeat_period) {
				true => ProviderStatus::Unresponsive,
				false => ProviderStatus::Active,
			};
			Ok(())
		})?;
		Self::deposit_event(Event::Resumed { provider: who });
		Ok(())
	}

	/// The provider that an account is, or else serves.
	pub(crate) fn provider_or_served(who: AccountId) -> Result<AccountId, DispatchError> {
		match Providers::<T>::contains_key(&who) {
			true => Ok(who),
			false => Operators::<T>::get(&who).ok_or(Error::<T>::UnknownProvider.into()),
		}
	}

	/// Takes notice of a sign of life.
	pub(crate) fn see(who: &AccountId, provider: &mut Provider) {
		provider.last_seen = T::Clock::now();
		if provider.status == ProviderStatus::Unresponsive {
			provider.status = ProviderStatus::Active;
			Self::deposit_event(Event::Revived { provider: who.clone() });
		}
	}

	/// Takes an active provider for unresponsive.
	pub(crate) fn lose(who: &AccountId, provider: &mut Provider) {
		if provider.status == ProviderStatus::Active {
			provider.status = ProviderStatus::Unresponsive;
			Self::deposit_event(Event::BecameUnresponsive { provider: who.clone() });
		}
	}

	/// Checks that an account may become this provider's operator.
	fn ensure_vacant(who: &AccountId, operator: &AccountId) -> DispatchResult {
		ensure!(
			operator != who && !Providers::<T>::contains_key(operator),
			Error::<T>::OperatorIsProvider
		);
		ensure!(!Operators::<T>::contains_key(operator), Error::<T>::OperatorInUse);
		Ok(())
	}

	/// Sends an operator what it needs for fees. The sender's account survives.
	fn fund(who: &AccountId, operator: &AccountId, funding: Balance) -> DispatchResult {
		if funding > 0 {
			T::Currency::transfer(who, operator, funding, Preservation::Preserve)?;
		}
		Ok(())
	}

	/// Checks what a provider declares.
	fn ensure_valid(info: &ProviderInfo, params: &ProvidersParams) -> DispatchResult {
		ensure!(!info.classes.has_unknown(), Error::<T>::UnknownClass);
		ensure!(!info.classes.is_empty(), Error::<T>::NoClass);
		ensure!(
			!info.classes.contains(HardwareClass::Tee),
			Error::<T>::TeeNotYetSupported
		);
		ensure!(info.slots > 0, Error::<T>::NoSlots);
		let least = if info.classes.contains(HardwareClass::HighMemory) {
			HIGH_MEMORY_PAGES
		} else {
			1
		};
		ensure!(info.memory_pages >= least, Error::<T>::TooLittleMemory);
		ensure!(info.ask >= params.min_ask, Error::<T>::AskTooLow);
		ensure!(is_url(&info.endpoint), Error::<T>::BadEndpoint);
		Ok(())
	}
}
