//! Benchmarks of every call and of what the hooks do, each where it costs most: shards of seven seats, the last of them.

use crate::*;
use alloc::vec;
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use millrace_primitives::{job::Verification, traits::Verifier};

const SEATS: u32 = MAX_REPLICAS as u32;
const REPORT: Report = Report {
	root: Hash::repeat_byte(7),
	gas_used: 1,
};
const SALT: [u8; 32] = [3; 32];

/// A provider and its operator key.
struct Member {
	provider: AccountId,
	operator: AccountId,
}

fn team<T: Config>(seats: u32) -> Vec<Member> {
	(0..seats)
		.map(|n| {
			let member = Member {
				provider: account("provider", n, 0),
				operator: account("operator", n, 0),
			};
			T::Registry::benchmark_provider(&member.provider, &member.operator);
			member
		})
		.collect()
}

/// A shard that the team has accepted.
fn accepted<T: Config>(team: &[Member]) -> Result<ShardId, BenchmarkError> {
	let providers: Vec<_> = team.iter().map(|member| member.provider.clone()).collect();
	let shard = T::Assignments::benchmark_shard(&providers);
	if !Evidence::<T>::contains_key(shard) {
		Pallet::<T>::open(
			shard,
			&Verification::Replicated {
				replicas: team.len() as u8,
			},
		)?;
	}
	Ok(shard)
}

fn seal_item<T: Config>(shard: ShardId, provider: &AccountId) -> Result<SealItem, BenchmarkError> {
	let seat = T::Assignments::seat(shard, provider).ok_or(BenchmarkError::Stop("the provider holds no seat"))?;
	Ok(SealItem {
		shard,
		seal: outcome::seal(shard, seat.round, &REPORT, &SALT, provider),
	})
}

fn seal_all<T: Config>(shard: ShardId, members: &[Member]) -> Result<(), BenchmarkError> {
	for member in members {
		let item = seal_item::<T>(shard, &member.provider)?;
		Pallet::<T>::do_seal(&member.provider, shard, item.seal)?;
	}
	Ok(())
}

fn reveal_item(shard: ShardId) -> RevealItem {
	RevealItem {
		shard,
		report: REPORT,
		salt: SALT,
	}
}

fn reveal_all<T: Config>(shard: ShardId, members: &[Member]) -> Result<(), BenchmarkError> {
	for member in members {
		Pallet::<T>::do_reveal(&member.provider, reveal_item(shard))?;
	}
	Ok(())
}

/// A sealed shard of which the first `missing` seats are not revealed.
fn overdue<T: Config>(team: &[Member], missing: u32) -> Result<ShardId, BenchmarkError> {
	let shard = accepted::<T>(team)?;
	seal_all::<T>(shard, team)?;
	reveal_all::<T>(shard, &team[missing as usize..])?;
	Ok(shard)
}

#[benchmarks]
mod benches {
	use super::*;

	/// The seal that opens the reveals.
	#[benchmark]
	fn seal() -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS);
		let (last, others) = team.split_last().ok_or(BenchmarkError::Stop("no team"))?;
		let shard = accepted::<T>(&team)?;
		seal_all::<T>(shard, others)?;
		let item = seal_item::<T>(shard, &last.provider)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(last.operator.clone()), shard, item.seal);

		assert!(Pallet::<T>::reveal_due(shard).is_some());
		Ok(())
	}

	/// A reveal that decides nothing.
	#[benchmark]
	fn reveal() -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS);
		let (last, others) = team.split_last().ok_or(BenchmarkError::Stop("no team"))?;
		let shard = overdue::<T>(&team, SEATS)?;
		reveal_all::<T>(shard, &others[1..])?;

		#[extrinsic_call]
		_(RawOrigin::Signed(last.operator.clone()), shard, REPORT, SALT);

		assert!(Evidence::<T>::contains_key(shard));
		Ok(())
	}

	/// The reveal that completes a shard of `s` equal reports.
	#[benchmark]
	fn reveal_last(s: Linear<2, SEATS>) -> Result<(), BenchmarkError> {
		let team = team::<T>(s);
		let shard = overdue::<T>(&team, 1)?;

		#[extrinsic_call]
		reveal(RawOrigin::Signed(team[0].operator.clone()), shard, REPORT, SALT);

		assert!(!Evidence::<T>::contains_key(shard));
		Ok(())
	}

	/// `n` seals that each open the reveals of their shard.
	#[benchmark]
	fn seal_many(n: Linear<1, MAX_BATCH>) -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS);
		let (last, others) = team.split_last().ok_or(BenchmarkError::Stop("no team"))?;
		let mut items = vec![];
		for _ in 0..n {
			let shard = accepted::<T>(&team)?;
			seal_all::<T>(shard, others)?;
			items.push(seal_item::<T>(shard, &last.provider)?);
		}
		let shards: Vec<_> = items.iter().map(|item| item.shard).collect();

		#[extrinsic_call]
		_(
			RawOrigin::Signed(last.operator.clone()),
			BoundedVec::truncate_from(items),
		);

		assert!(shards.into_iter().all(|shard| Pallet::<T>::reveal_due(shard).is_some()));
		Ok(())
	}

	/// `n` reveals that each complete a shard of equal reports.
	#[benchmark]
	fn reveal_many(n: Linear<1, MAX_BATCH>) -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS);
		let mut items = vec![];
		for _ in 0..n {
			items.push(reveal_item(overdue::<T>(&team, 1)?));
		}

		#[extrinsic_call]
		_(
			RawOrigin::Signed(team[0].operator.clone()),
			BoundedVec::truncate_from(items),
		);

		assert_eq!(Evidence::<T>::iter().count(), 0);
		Ok(())
	}

	/// `n` deadlines that every seat missed. The clock is not the benchmark's to move, so what the call does is measured.
	#[benchmark]
	fn poke(n: Linear<1, MAX_BATCH>) -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS);
		for _ in 0..n {
			overdue::<T>(&team, SEATS)?;
		}
		let served;

		#[block]
		{
			served = Pallet::<T>::serve(MarketBlock::MAX, n, &mut WeightMeter::new());
		}

		assert_eq!(served, n);
		Ok(())
	}

	/// Looking at the first deadline, which has not passed.
	#[benchmark]
	fn serve_base() -> Result<(), BenchmarkError> {
		overdue::<T>(&team::<T>(2), 2)?;
		let served;

		#[block]
		{
			served = Pallet::<T>::serve(0, 1, &mut WeightMeter::new());
		}

		assert_eq!(served, 0);
		Ok(())
	}

	/// A deadline of a shard that has another one by now.
	#[benchmark]
	fn serve_stale() -> Result<(), BenchmarkError> {
		let shard = overdue::<T>(&team::<T>(SEATS), SEATS)?;
		Evidence::<T>::mutate(shard, |evidence| {
			if let Some(evidence) = evidence {
				evidence.reveal_due = Some(MarketBlock::MAX);
			}
		});
		let served;

		#[block]
		{
			served = Pallet::<T>::serve(MarketBlock::MAX, 1, &mut WeightMeter::new());
		}

		assert_eq!(served, 1);
		assert_eq!(
			Evidence::<T>::get(shard).map(|evidence| evidence.entries.len() as u32),
			Some(SEATS)
		);
		Ok(())
	}

	/// A deadline that `s` seats missed.
	#[benchmark]
	fn serve_missed(s: Linear<1, SEATS>) -> Result<(), BenchmarkError> {
		overdue::<T>(&team::<T>(SEATS), s)?;
		let served;

		#[block]
		{
			served = Pallet::<T>::serve(MarketBlock::MAX, 1, &mut WeightMeter::new());
		}

		assert_eq!(served, 1);
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_ext(), crate::mock::Test);
}
