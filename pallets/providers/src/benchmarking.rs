//! Every call in the worst state: a provider in the pools of all classes that are admitted, in each followed by another
//! one, which moves when the first leaves. What the jobs pallet calls is part of that pallet's benchmarks.

use crate::{types::Provider, Call, Config, Operators, Pallet, Providers};
use frame_benchmarking::v2::*;
use frame_support::{
	traits::fungible::{Inspect, Mutate},
	weights::WeightMeter,
};
use frame_system::RawOrigin;
use millrace_primitives::{
	job::MAX_ENDPOINT_LEN,
	provider::{ClassSet, HardwareClass, ProviderInfo, ProviderStatus, Region, HIGH_MEMORY_PAGES},
	traits::{BenchmarkStanding, Conduct, MarketClock, ProviderRegistry},
	AccountId, Balance, MILL,
};
use sp_runtime::traits::{BlakeTwo256, Get, Hash};

/// The classes that are admitted.
const CLASSES: [HardwareClass; 3] = [
	HardwareClass::General,
	HardwareClass::HighMemory,
	HardwareClass::HighCompute,
];
/// More than any bond or liability.
const WEALTH: Balance = 1_000_000_000_000 * MILL;

fn info<T: Config>(classes: &[HardwareClass], slots: u16) -> ProviderInfo {
	let mut endpoint = b"http://".to_vec();
	endpoint.resize(MAX_ENDPOINT_LEN as usize, b'a');
	ProviderInfo {
		classes: ClassSet::of(classes),
		region: Region::Europe,
		slots,
		memory_pages: HIGH_MEMORY_PAGES,
		ask: T::Parameters::get().min_ask,
		endpoint: endpoint.try_into().expect("as long as an endpoint may be"),
	}
}

fn bond<T: Config>() -> Balance {
	T::Parameters::get().min_bond.saturating_mul(10)
}

fn funding<T: Config>() -> Balance {
	T::Parameters::get()
		.min_operator_funding
		.max(T::Currency::minimum_balance())
}

fn fund<T: Config>(who: &AccountId) {
	T::Currency::set_balance(who, WEALTH);
}

fn enrol<T: Config>(name: &'static str, n: u32, classes: &[HardwareClass], slots: u16) -> AccountId {
	let (who, operator): (AccountId, AccountId) = (account(name, n, 0), account(name, n, 1));
	fund::<T>(&who);
	Pallet::<T>::do_register(
		who.clone(),
		operator,
		info::<T>(classes, slots),
		bond::<T>(),
		funding::<T>(),
	)
	.expect("a valid registration of a wealthy account");
	who
}

/// A provider that moves three others when it leaves the pools.
fn crowded<T: Config>(slots: u16) -> AccountId {
	let who = enrol::<T>("provider", 0, &CLASSES, slots);
	for (n, class) in CLASSES.into_iter().enumerate() {
		enrol::<T>("follower", n as u32, &[class], 1);
	}
	move_all::<T>();
	who
}

/// Everybody moves who waits for it.
fn move_all<T: Config>() {
	Pallet::<T>::do_move_pools(&mut WeightMeter::new());
}

/// A provider once it was moved.
fn moved<T: Config>(who: &AccountId) -> Provider {
	move_all::<T>();
	record::<T>(who)
}

fn record<T: Config>(who: &AccountId) -> Provider {
	Providers::<T>::get(who).expect("the benchmark registered it")
}

/// Brings a provider into a standing, and registers it if it is new; see [`ProviderRegistry::benchmark_provider`]. In
/// each class it is followed by a provider of this class alone, which moves when it leaves.
pub(crate) fn provider_in<T: Config>(who: &AccountId, operator: &AccountId, standing: BenchmarkStanding) {
	if !Providers::<T>::contains_key(who) {
		let register = |who: &AccountId, operator: &AccountId, classes: &[HardwareClass], bond| {
			fund::<T>(who);
			Pallet::<T>::do_register(
				who.clone(),
				operator.clone(),
				info::<T>(classes, 1),
				bond,
				funding::<T>(),
			)
			.expect("a valid registration of a wealthy account");
		};
		register(who, operator, &CLASSES, WEALTH / 2);
		let account = |seed: &str, class: HardwareClass| AccountId::new(BlakeTwo256::hash_of(&(seed, who, class)).0);
		for class in CLASSES {
			let follower = account("follower", class);
			register(&follower, &account("operator", class), &[class], bond::<T>());
			let mut provider = moved::<T>(&follower);
			provider.drawable_from = 0;
			Pallet::<T>::refresh_pools(&follower, &provider, &T::Parameters::get());
			Providers::<T>::insert(follower, provider);
		}
	}
	let room = match standing {
		BenchmarkStanding::Spare | BenchmarkStanding::Unresponsive => 1_000,
		_ => 1,
	};
	Pallet::<T>::try_change(who, |provider, _| {
		provider.info.slots = provider.used_slots.saturating_add(room);
		provider.status = ProviderStatus::Active;
		provider.last_seen = T::Clock::now();
		Ok(())
	})
	.expect("the provider is registered");
	let mut provider = moved::<T>(who);
	provider.drawable_from = 0;
	let params = T::Parameters::get();
	match standing {
		BenchmarkStanding::Bound => provider.liability = provider.bond.saturating_sub(params.least_liability),
		BenchmarkStanding::Silent => provider.last_seen = 0,
		_ => {}
	}
	Pallet::<T>::refresh_pools(who, &provider, &params);
	Providers::<T>::insert(who, provider);
	if standing == BenchmarkStanding::Unresponsive {
		Pallet::<T>::note(who, Conduct::Late);
		move_all::<T>();
	}
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn register() {
		let who: AccountId = whitelisted_caller();
		fund::<T>(&who);
		let operator: AccountId = account("operator", 0, 0);

		#[extrinsic_call]
		_(
			RawOrigin::Signed(who.clone()),
			operator,
			info::<T>(&CLASSES, 1),
			bond::<T>(),
			funding::<T>(),
		);

		assert!(moved::<T>(&who).pooled());
	}

	/// Leaves three pools and enters three others.
	#[benchmark]
	fn update_info() {
		let who = crowded::<T>(1);
		let changed = ProviderInfo {
			region: Region::Asia,
			..info::<T>(&CLASSES, 2)
		};

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), changed.clone());

		assert_eq!(record::<T>(&who).info, changed);
	}

	/// Since it registered, the least bond was raised above its own: with any change it leaves the pools.
	#[benchmark]
	fn set_operator() {
		let who = crowded::<T>(1);
		Providers::<T>::mutate(&who, |provider| {
			if let Some(provider) = provider {
				provider.bond = T::Parameters::get().min_bond.saturating_sub(1);
			}
		});
		let operator: AccountId = account("new operator", 0, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), operator.clone(), funding::<T>());

		assert!(!moved::<T>(&who).pooled());
		assert_eq!(Operators::<T>::get(&operator), Some(who));
	}

	/// Lifts the bond above the least one, so that the provider enters the pools.
	#[benchmark]
	fn bond_more() {
		let who = crowded::<T>(1);
		Pallet::<T>::take(&who, None, bond::<T>());
		assert!(!moved::<T>(&who).pooled());

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), bond::<T>());

		assert!(moved::<T>(&who).pooled());
	}

	/// Brings an unresponsive provider back into the pools.
	#[benchmark]
	fn heartbeat() {
		let who = crowded::<T>(1);
		Pallet::<T>::note(&who, Conduct::Late);
		let operator = record::<T>(&who).operator;

		#[extrinsic_call]
		_(RawOrigin::Signed(operator));

		assert!(moved::<T>(&who).pooled());
	}

	/// By the operator, which costs a read more.
	#[benchmark]
	fn drain() {
		let who = crowded::<T>(1);
		let operator = record::<T>(&who).operator;

		#[extrinsic_call]
		_(RawOrigin::Signed(operator));

		assert!(!moved::<T>(&who).pooled());
	}

	/// By the operator, which costs a read more.
	#[benchmark]
	fn resume() {
		let who = crowded::<T>(1);
		Pallet::<T>::do_drain(who.clone()).expect("an active provider can drain");
		let operator = record::<T>(&who).operator;

		#[extrinsic_call]
		_(RawOrigin::Signed(operator));

		assert!(moved::<T>(&who).pooled());
	}

	#[benchmark]
	fn unbond() {
		let who = crowded::<T>(1);
		Pallet::<T>::do_unbond(who.clone(), 1).expect("far more than the least bond is there");

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), 1);

		assert_eq!(record::<T>(&who).unbonding.map(|unbonding| unbonding.amount), Some(2));
	}

	/// Withdraws everything, so that the record goes.
	#[benchmark]
	fn withdraw() {
		let who = crowded::<T>(1);
		Pallet::<T>::do_drain(who.clone()).expect("an active provider can drain");
		Pallet::<T>::do_unbond(who.clone(), bond::<T>()).expect("nothing is reserved");
		move_all::<T>();
		Providers::<T>::mutate(&who, |provider| {
			if let Some(unbonding) = provider.as_mut().and_then(|provider| provider.unbonding.as_mut()) {
				unbonding.at = 0;
			}
		});

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Providers::<T>::contains_key(&who));
	}

	/// Leaves three pools, in each of which another moves into the gap, and enters three others.
	#[benchmark]
	fn move_provider() {
		let who = crowded::<T>(1);
		let changed = ProviderInfo {
			region: Region::Asia,
			..info::<T>(&CLASSES, 2)
		};
		Pallet::<T>::do_update_info(who.clone(), changed).expect("it is valid");

		#[block]
		{
			move_all::<T>();
		}

		assert_eq!(record::<T>(&who).stands_in.region, Region::Asia);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
