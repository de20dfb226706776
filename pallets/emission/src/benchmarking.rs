//! Benchmarks of every call and of what the hooks do, each where it costs most. A call that finds the era over closes it
//! first: `close_era` is added then. What a settlement costs here is part of the benchmarks of reveals.

use crate::*;
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use millrace_primitives::MILL;

const POINTS: Balance = 1_000 * MILL;

fn provider(n: u32) -> AccountId {
	account("provider", n, 0)
}

/// Era 0 is closed and `provider(0)` has all its points; `open` is the open era.
fn closed_era<T: Config>(open: EraIndex) {
	Era::<T>::put(EraInfo {
		index: open,
		start: T::Clock::now(),
		burned: 0,
	});
	Points::<T>::insert(0, provider(0), POINTS);
	Budgets::<T>::insert(
		0,
		EraBudget {
			budget: POINTS / 2 + 1,
			burned: POINTS,
			left: POINTS,
			claimed: 0,
		},
	);
	Emitted::<T>::put(Totals {
		emitted: POINTS / 2 + 1,
		..Totals::default()
	});
}

#[benchmarks]
mod benches {
	use super::*;

	/// The last part of an era, to an account that does not exist.
	#[benchmark]
	fn claim() {
		closed_era::<T>(1);
		let caller: AccountId = whitelisted_caller();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), provider(0), 0);

		assert!(!Budgets::<T>::contains_key(0));
	}

	/// The last points of an era.
	#[benchmark]
	fn prune() {
		closed_era::<T>(T::Parameters::get().claim_eras.saturating_add(1));
		let caller: AccountId = whitelisted_caller();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), 0, provider(0));

		assert!(!Budgets::<T>::contains_key(0));
	}

	/// A poll in which no era ends.
	#[benchmark]
	fn poll_idle() {
		closed_era::<T>(1);
		let closed;

		#[block]
		{
			closed = Pallet::<T>::close(T::Clock::now(), &T::Parameters::get());
		}

		assert!(!closed);
	}

	/// An era with burned fees ends.
	#[benchmark]
	fn close_era() {
		let params = T::Parameters::get();
		let start = T::Clock::now();
		Era::<T>::put(EraInfo {
			index: 0,
			start,
			burned: POINTS,
		});
		Emitted::<T>::put(Totals {
			emitted: params.halving / 3,
			..Totals::default()
		});

		#[block]
		{
			Pallet::<T>::close(start.saturating_add(params.era.max(1)), &params);
		}

		assert!(Budgets::<T>::contains_key(0));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_ext(), crate::mock::Test);
}
