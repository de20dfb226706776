//! Every call, and what the jobs pallet calls, in the worst state: a provider in the pools of all classes that are
//! admitted, in each followed by another one, which moves when the first leaves.

use crate::{
	types::{PoolEntry, PoolKey, Provider},
	Call, Config, Operators, Pallet, PoolMembers, PoolSizes, Providers,
};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::fungible::{Inspect, Mutate};
use frame_system::RawOrigin;
use millrace_primitives::{
	job::{MAX_ENDPOINT_LEN, MAX_REPLICAS},
	provider::{
		ClassSet, DrawRequest, HardwareClass, ProviderInfo, ProviderStatus, Region, RegionSet, HIGH_MEMORY_PAGES,
		MAX_DRAWS, PRICE_BUCKETS,
	},
	traits::{Conduct, MarketClock, OnSettled, Payment, ProviderRegistry, Settlement},
	AccountId, Balance, Hash, JobId, Report, ShardId, MILL,
};
use sp_runtime::{traits::Get, Permill};

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
	who
}

fn record<T: Config>(who: &AccountId) -> Provider {
	Providers::<T>::get(who).expect("the benchmark registered it")
}

/// Makes a provider drawable at once and for any work; see [`ProviderRegistry::benchmark_provider`]. It has exactly one
/// free slot: taking it and freeing it cost most.
pub(crate) fn drawable_provider<T: Config>(who: &AccountId, operator: &AccountId) {
	if !Providers::<T>::contains_key(who) {
		fund::<T>(who);
		Pallet::<T>::do_register(
			who.clone(),
			operator.clone(),
			info::<T>(&CLASSES, 1),
			WEALTH / 2,
			funding::<T>(),
		)
		.expect("a valid registration of a wealthy account");
	}
	Pallet::<T>::try_change(who, |provider, _| {
		provider.info.slots = provider.used_slots.saturating_add(1);
		provider.status = ProviderStatus::Active;
		provider.last_seen = T::Clock::now();
		Ok(())
	})
	.expect("the provider is registered");
	let mut provider = record::<T>(who);
	provider.drawable_from = 0;
	Pallet::<T>::refresh_pools(who, &provider);
	Providers::<T>::insert(who, provider);
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

		assert!(record::<T>(&who).pooled());
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

	#[benchmark]
	fn set_operator() {
		let who = crowded::<T>(1);
		let operator: AccountId = account("new operator", 0, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), operator.clone(), funding::<T>());

		assert_eq!(Operators::<T>::get(&operator), Some(who));
	}

	/// Lifts the bond above the least one, so that the provider enters the pools.
	#[benchmark]
	fn bond_more() {
		let who = crowded::<T>(1);
		Pallet::<T>::slash(&who, bond::<T>());
		assert!(!record::<T>(&who).pooled());

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), bond::<T>());

		assert!(record::<T>(&who).pooled());
	}

	/// Brings an unresponsive provider back into the pools.
	#[benchmark]
	fn heartbeat() {
		let who = crowded::<T>(1);
		Pallet::<T>::note(&who, Conduct::Late);
		let operator = record::<T>(&who).operator;

		#[extrinsic_call]
		_(RawOrigin::Signed(operator));

		assert!(record::<T>(&who).pooled());
	}

	/// By the operator, which costs a read more.
	#[benchmark]
	fn drain() {
		let who = crowded::<T>(1);
		let operator = record::<T>(&who).operator;

		#[extrinsic_call]
		_(RawOrigin::Signed(operator));

		assert!(!record::<T>(&who).pooled());
	}

	/// By the operator, which costs a read more.
	#[benchmark]
	fn resume() {
		let who = crowded::<T>(1);
		Pallet::<T>::do_drain(who.clone()).expect("an active provider can drain");
		let operator = record::<T>(&who).operator;

		#[extrinsic_call]
		_(RawOrigin::Signed(operator));

		assert!(record::<T>(&who).pooled());
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
		Providers::<T>::mutate(&who, |provider| {
			if let Some(unbonding) = provider.as_mut().and_then(|provider| provider.unbonding.as_mut()) {
				unbonding.at = 0;
			}
		});

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Providers::<T>::contains_key(&who));
	}

	/// Each draw finds another member, in pools spread over all regions and price buckets.
	#[benchmark]
	fn draw(d: Linear<1, MAX_DRAWS>) {
		let who: AccountId = account("member", 0, 0);
		for region in Region::ALL {
			for bucket in 0..PRICE_BUCKETS {
				for index in 0..8 {
					let entry = PoolEntry {
						provider: who.clone(),
						ask: 1,
						free_slots: 1,
						memory_pages: 1,
						reputation: Permill::one(),
						drawable_from: 0,
					};
					let pool = PoolKey {
						class: HardwareClass::General,
						region,
						bucket: bucket as u8,
					};
					PoolMembers::<T>::insert(pool, index, entry);
				}
			}
		}
		PoolSizes::<T>::insert(HardwareClass::General, [[8; PRICE_BUCKETS]; Region::ALL.len()]);
		let request = DrawRequest {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			price_cap: Balance::MAX,
			memory_pages: 1,
			min_reputation: Permill::zero(),
		};
		let found;

		#[block]
		{
			found = Pallet::<T>::draw(&request, Hash::repeat_byte(1), d);
		}

		assert!(!found.is_empty());
	}

	/// The last slot: the provider leaves the pools.
	#[benchmark]
	fn reserve() {
		let who = crowded::<T>(1);
		let reserved;

		#[block]
		{
			reserved = Pallet::<T>::reserve(&who, bond::<T>());
		}

		assert_eq!(reserved, Ok(()));
		assert!(!record::<T>(&who).pooled());
	}

	/// The first free slot: the provider enters the pools.
	#[benchmark]
	fn free_slot() {
		let who = crowded::<T>(1);
		Pallet::<T>::reserve(&who, 1).expect("a slot is free");

		#[block]
		{
			Pallet::<T>::free_slot(&who);
		}

		assert!(record::<T>(&who).pooled());
	}

	#[benchmark]
	fn free_liability() {
		let who = crowded::<T>(2);
		Pallet::<T>::reserve(&who, 1).expect("a slot is free");

		#[block]
		{
			Pallet::<T>::free_liability(&who, 1);
		}

		assert_eq!(record::<T>(&who).liability, 0);
	}

	/// Nothing of the bond remains: the provider leaves the pools.
	#[benchmark]
	fn slash() {
		let who = crowded::<T>(1);
		let burned;

		#[block]
		{
			burned = Pallet::<T>::slash(&who, bond::<T>());
		}

		assert_eq!(burned, bond::<T>());
		assert!(!record::<T>(&who).pooled());
	}

	/// A failure: the provider leaves the pools.
	#[benchmark]
	fn note() {
		let who = crowded::<T>(1);

		#[block]
		{
			Pallet::<T>::note(&who, Conduct::MissedReveal);
		}

		assert_eq!(record::<T>(&who).status, ProviderStatus::Unresponsive);
	}

	#[benchmark]
	fn on_settled(p: Linear<1, { MAX_REPLICAS as u32 }>) {
		let payments: Vec<_> = (0..p)
			.map(|n| Payment {
				provider: enrol::<T>("paid", n, &CLASSES, 1),
				amount: MILL,
				gas: 1,
				burned: MILL,
			})
			.collect();
		let settlement = Settlement {
			shard: ShardId {
				job: JobId(0),
				index: 0,
			},
			report: Report {
				root: Hash::zero(),
				gas_used: p.into(),
			},
			payments,
		};

		#[block]
		{
			Pallet::<T>::on_settled(&settlement);
		}

		assert!(record::<T>(&settlement.payments[0].provider).reputation.good > 0);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
