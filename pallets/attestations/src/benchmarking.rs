//! Benchmarks of every call and of what the hooks do, each where it costs most: shards of seven seats, the last of them,
//! whose provider was unresponsive and comes back into the pools of all classes; shards that end with the last seat that
//! missed its reveal; batches of shards that have no other provider in common.

use crate::*;
use alloc::vec;
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use millrace_primitives::{
	job::Verification,
	traits::{
		BenchmarkStanding::{self, OneSlot, Spare, Unresponsive},
		Verifier,
	},
};

const SEATS: u32 = MAX_REPLICAS as u32;
const REPORT: Report = Report {
	root: Hash::repeat_byte(7),
	gas_used: 1,
};
const SALT: [u8; 32] = [3; 32];

/// A provider and its operator key.
#[derive(Clone)]
struct Member {
	provider: AccountId,
	operator: AccountId,
}

fn member<T: Config>(name: &'static str, n: u32, standing: BenchmarkStanding) -> Member {
	let member = Member {
		provider: account(name, n, 0),
		operator: account(name, n, 1),
	};
	bring::<T>(&member, standing);
	member
}

fn bring<T: Config>(member: &Member, standing: BenchmarkStanding) {
	T::Registry::benchmark_provider(&member.provider, &member.operator, standing);
}

fn team<T: Config>(seats: u32, standing: BenchmarkStanding) -> Vec<Member> {
	(0..seats).map(|n| member::<T>("member", n, standing)).collect()
}

/// So many teams of seven that share their last member alone, who has room for a seat in each.
fn teams<T: Config>(count: u32) -> Vec<Vec<Member>> {
	let shared = member::<T>("shared", 0, Spare);
	let others = SEATS - 1;
	(0..count)
		.map(|n| {
			let mut team: Vec<_> = (0..others)
				.map(|seat| member::<T>("member", n * others + seat, OneSlot))
				.collect();
			team.push(shared.clone());
			team
		})
		.collect()
}

/// Lets so many providers leave the pools, each of which moves others in all of them.
fn tail<T: Config>(count: u32) {
	for n in 0..count {
		member::<T>("tail", n, Unresponsive);
	}
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

/// Who is a member of all teams.
fn shared(teams: &[Vec<Member>]) -> Result<Member, BenchmarkError> {
	teams
		.first()
		.and_then(|team| team.last())
		.cloned()
		.ok_or(BenchmarkError::Stop("no team"))
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
		let team = team::<T>(SEATS, OneSlot);
		let (last, others) = team.split_last().ok_or(BenchmarkError::Stop("no team"))?;
		let shard = accepted::<T>(&team)?;
		seal_all::<T>(shard, others)?;
		let item = seal_item::<T>(shard, &last.provider)?;
		bring::<T>(last, Unresponsive);
		T::Assignments::benchmark_exhaust(shard, 1);

		#[extrinsic_call]
		_(RawOrigin::Signed(last.operator.clone()), shard, item.seal);

		assert!(Pallet::<T>::reveal_due(shard).is_some());
		Ok(())
	}

	/// A reveal that decides nothing.
	#[benchmark]
	fn reveal() -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS, OneSlot);
		let (last, others) = team.split_last().ok_or(BenchmarkError::Stop("no team"))?;
		let shard = overdue::<T>(&team, SEATS)?;
		reveal_all::<T>(shard, &others[1..])?;
		bring::<T>(last, Unresponsive);

		#[extrinsic_call]
		_(RawOrigin::Signed(last.operator.clone()), shard, REPORT, SALT);

		assert!(Evidence::<T>::contains_key(shard));
		Ok(())
	}

	/// The reveal that completes a shard of `s` equal reports.
	#[benchmark]
	fn reveal_last(s: Linear<2, SEATS>) -> Result<(), BenchmarkError> {
		let team = team::<T>(s, OneSlot);
		let shard = overdue::<T>(&team, 1)?;
		bring::<T>(&team[0], Unresponsive);
		T::Assignments::benchmark_exhaust(shard, 1);

		#[extrinsic_call]
		reveal(RawOrigin::Signed(team[0].operator.clone()), shard, REPORT, SALT);

		assert!(!Evidence::<T>::contains_key(shard));
		Ok(())
	}

	/// `n` seals that each open the reveals of their shard.
	#[benchmark]
	fn seal_many(n: Linear<1, MAX_BATCH>) -> Result<(), BenchmarkError> {
		let mut items = vec![];
		let teams = teams::<T>(n);
		let last = shared(&teams)?;
		for team in &teams {
			let shard = accepted::<T>(team)?;
			seal_all::<T>(shard, &team[..team.len() - 1])?;
			T::Assignments::benchmark_exhaust(shard, 1);
			items.push(seal_item::<T>(shard, &last.provider)?);
		}
		let shards: Vec<_> = items.iter().map(|item| item.shard).collect();
		bring::<T>(&last, Unresponsive);

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
		let mut items = vec![];
		let teams = teams::<T>(n);
		let last = shared(&teams)?;
		for team in &teams {
			let shard = overdue::<T>(team, SEATS)?;
			reveal_all::<T>(shard, &team[..team.len() - 1])?;
			T::Assignments::benchmark_exhaust(shard, 1);
			items.push(reveal_item(shard));
		}
		bring::<T>(&last, Unresponsive);

		#[extrinsic_call]
		_(
			RawOrigin::Signed(last.operator.clone()),
			BoundedVec::truncate_from(items),
		);

		assert_eq!(Evidence::<T>::iter().count(), 0);
		Ok(())
	}

	/// `n` deadlines that every seat missed, so that the shard ends. The clock is not the benchmark's to move, so what the
	/// call does is measured.
	#[benchmark]
	fn poke(n: Linear<1, MAX_BATCH>) -> Result<(), BenchmarkError> {
		for first in (0..n).map(|shard| shard * SEATS) {
			let team: Vec<_> = (first..first + SEATS)
				.map(|n| member::<T>("member", n, Spare))
				.collect();
			let shard = overdue::<T>(&team, SEATS)?;
			T::Assignments::benchmark_exhaust(shard, SEATS);
		}
		tail::<T>(n * SEATS);
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
		overdue::<T>(&team::<T>(2, OneSlot), 2)?;
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
		let shard = overdue::<T>(&team::<T>(SEATS, OneSlot), SEATS)?;
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

	/// A deadline that `s` seats missed, of which the last ends the shard: the others get half of their price.
	#[benchmark]
	fn serve_missed(s: Linear<1, SEATS>) -> Result<(), BenchmarkError> {
		let shard = overdue::<T>(&team::<T>(SEATS, Spare), s)?;
		T::Assignments::benchmark_exhaust(shard, s);
		tail::<T>(s);
		let served;

		#[block]
		{
			served = Pallet::<T>::serve(MarketBlock::MAX, 1, &mut WeightMeter::new());
		}

		assert_eq!(served, 1);
		assert!(T::Assignments::seat(shard, &account("member", SEATS - 1, 0)).is_none());
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_ext(), crate::mock::Test);
}
