//! Benchmarks of every call and of what alarms do, each where it costs most: shards of up to seven seats whose reports all
//! differ, the last of their seals, the end of a case.

use crate::{evidence::Shown, *};
use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::traits::fungible::Mutate;
use frame_system::RawOrigin;
use millrace_court::{
	board::Nodes,
	sums::{show, Span},
};
use millrace_primitives::{
	machine::{errors_root, Blake2, EMPTY_BLOB},
	outcome::SealContext,
	traits::{Alarm, BenchmarkStanding, Verifier},
	Outcome, Status, MILL,
};

const SEATS: u32 = MAX_REPLICAS as u32;
const SALT: [u8; 32] = [3; 32];
/// What the proof of a step consists of at most, twice over: hashes of two nodes.
const HASHES: u32 = 1_000;

/// A provider and its operator key.
#[derive(Clone)]
struct Member {
	provider: AccountId,
	operator: AccountId,
}

fn team<T: Config>(seats: u32) -> Vec<Member> {
	(0..seats)
		.map(|n| {
			let member = Member {
				provider: account("member", n, 0),
				operator: account("member", n, 1),
			};
			T::Registry::benchmark_provider(&member.provider, &member.operator, BenchmarkStanding::Spare);
			member
		})
		.collect()
}

/// A shard that the team has accepted.
fn accepted<T: Config>(team: &[Member]) -> ShardId {
	let providers: Vec<_> = team.iter().map(|member| member.provider.clone()).collect();
	T::Assignments::benchmark_shard(&providers)
}

/// What a seat says: nobody says the same.
fn outcomes<T: Config>(shard: ShardId, n: u32) -> Vec<Outcome> {
	let tasks = T::Assignments::matter(shard).map_or(1, |matter| matter.tasks);
	let outcome = Outcome {
		status: Status::Success,
		code: 0,
		output: EMPTY_BLOB,
		errors: errors_root::<Blake2>(0, &[n as u8; 32]),
		gas_used: 1,
	};
	vec![outcome; tasks as usize]
}

fn report<T: Config>(shard: ShardId, n: u32) -> Report {
	outcome::report(&outcomes::<T>(shard, n)).unwrap_or(Report {
		root: Hash::zero(),
		gas_used: 0,
	})
}

fn seal_of<T: Config>(shard: ShardId, n: u32, member: &Member) -> Result<Hash, BenchmarkError> {
	let seat = T::Assignments::seat(shard, &member.provider).ok_or(BenchmarkError::Stop("it has a seat"))?;
	let genesis = Pallet::<T>::genesis();
	let context = SealContext {
		genesis: &genesis,
		shard,
		seat: seat.index,
		round: seat.round,
		account: &member.provider,
	};
	Ok(outcome::seal(context, &report::<T>(shard, n), &SALT))
}

fn seal_all<T: Config>(shard: ShardId, team: &[Member]) -> DispatchResult {
	for (member, n) in team.iter().zip(0..) {
		let seal = seal_of::<T>(shard, n, member).map_err(|_| DispatchError::CannotLookup)?;
		Pallet::<T>::do_seal(&member.provider, shard, seal)?;
	}
	Ok(())
}

/// A case whose seats are to open, none of whose tasks is audited.
fn opening<T: Config>(seats: u32) -> Result<(ShardId, Vec<Member>), BenchmarkError> {
	let team = team::<T>(seats);
	let shard = accepted::<T>(&team);
	seal_all::<T>(shard, &team)?;
	// Nobody is audited in the benchmark: p is what it is, the case is told so.
	Evidence::<T>::mutate(shard, |evidence| {
		if let Some(evidence) = evidence {
			let rules = evidence.agreed.rules;
			if let Some(judged) = evidence.judged.as_mut() {
				let drawn = judged.case.draw(&rules, false, false, T::Clock::now());
				debug_assert!(drawn.is_ok(), "it is the first draw");
			}
		}
	});
	Ok((shard, team))
}

fn item<T: Config>(shard: ShardId, n: u32) -> RevealItem {
	RevealItem {
		shard,
		report: report::<T>(shard, n),
		salt: SALT,
		shown: Shown::default(),
	}
}

/// A case whose seats have opened, and said other things.
fn opened<T: Config>(seats: u32) -> Result<(ShardId, Vec<Member>), BenchmarkError> {
	let (shard, team) = opening::<T>(seats)?;
	for (member, n) in team.iter().zip(0..) {
		Pallet::<T>::do_reveal(&member.provider, &item::<T>(shard, n))?;
	}
	Ok((shard, team))
}

/// The first seat has attacked the second.
fn attacked<T: Config>(seats: u32) -> Result<(ShardId, Vec<Member>), BenchmarkError> {
	let (shard, team) = opened::<T>(seats)?;
	Pallet::<T>::do_attack(&team[0].provider, shard, 1)?;
	Ok((shard, team))
}

/// What is due of a case happens, and it is not settled yet.
fn let_pass<T: Config>(shard: ShardId) {
	Evidence::<T>::mutate(shard, |evidence| {
		let Some(evidence) = evidence else { return };
		let rules = evidence.agreed.rules;
		if let Some(judged) = evidence.judged.as_mut() {
			judged.case.advance(&rules, T::Clock::now());
		}
	});
}

/// An account that can put up any bond.
fn rich<T: Config>() -> Result<AccountId, BenchmarkError>
where
	T::Currency: Mutate<AccountId>,
{
	let who = account("watcher", 0, 0);
	T::Currency::mint_into(&who, 1_000_000_000 * MILL)?;
	Ok(who)
}

/// Another outcome of the first task than anybody says.
fn another<T: Config>(shard: ShardId) -> Box<Accusation> {
	Box::new(Accusation::Outcome {
		task: 0,
		outcome: outcomes::<T>(shard, 99)[0],
	})
}

/// A verdict on who is rich, of so many shares.
fn benchmark_verdict<T: Config>(shares: u32) -> Result<ShardId, BenchmarkError>
where
	T::Currency: Mutate<AccountId>,
{
	let (team, who) = (team::<T>(2), rich::<T>()?);
	let shard = accepted::<T>(&team);
	let matter = T::Assignments::matter(shard).ok_or(BenchmarkError::Stop("it is under way"))?;
	let each = <T::Currency as Inspect<AccountId>>::minimum_balance();
	let held = each.saturating_mul(shares.into());
	T::Currency::hold(&HoldReason::Guilty.into(), &who, held)?;
	let payees = (1..shares).map(|n| (Some(account("payee", n, 0)), each));
	let agreed = (matter.program, matter.engine);
	Pallet::<T>::hold_verdict(shard, agreed, &who, held, payees.chain([(None, each)]));
	Ok(shard)
}

#[benchmarks(where T::Currency: Mutate<AccountId>)]
mod benches {
	use super::*;

	/// The last seal: the case begins.
	#[benchmark]
	fn seal() -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS);
		let shard = accepted::<T>(&team);
		let (last, others) = team.split_last().ok_or(BenchmarkError::Stop("seven seats"))?;
		seal_all::<T>(shard, others)?;
		let sealed = seal_of::<T>(shard, SEATS - 1, last)?;
		#[extrinsic_call]
		_(RawOrigin::Signed(last.operator.clone()), shard, sealed);
		assert!(Evidence::<T>::get(shard).is_some_and(|evidence| evidence.judged.is_some()));
		Ok(())
	}

	#[benchmark]
	fn reveal() -> Result<(), BenchmarkError> {
		let (shard, team) = opening::<T>(SEATS)?;
		for (member, n) in team.iter().zip(0..SEATS - 1) {
			Pallet::<T>::do_reveal(&member.provider, &item::<T>(shard, n))?;
		}
		let item = item::<T>(shard, SEATS - 1);
		let operator = team[SEATS as usize - 1].operator.clone();
		#[extrinsic_call]
		_(RawOrigin::Signed(operator), item);
		Ok(())
	}

	/// The time for opening ends, and less is at stake of each of seven seats.
	#[benchmark]
	fn advance() -> Result<(), BenchmarkError> {
		let (shard, _) = opened::<T>(SEATS)?;
		let opening = Evidence::<T>::get(shard).map_or(0, |evidence| evidence.agreed.rules.times.opening);
		T::Assignments::benchmark_pass(opening.saturating_add(1));
		#[block]
		{
			let _ = Pallet::<T>::serve_shard(shard, false);
		}
		Ok(())
	}

	/// A seat is drawn for a check.
	#[benchmark]
	fn staff() -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS + 16);
		let shard = accepted::<T>(&team[..SEATS as usize]);
		seal_all::<T>(shard, &team[..SEATS as usize])?;
		let mut evidence = Evidence::<T>::get(shard).ok_or(BenchmarkError::Stop("it is there"))?;
		let rules = evidence.agreed.rules;
		let judged = evidence.judged.as_mut().ok_or(BenchmarkError::Stop("it has begun"))?;
		let drawn = judged.case.draw(&rules, true, false, T::Clock::now());
		assert!(drawn.is_ok());
		// The first time it only notes that a seat is wanted.
		Pallet::<T>::staff(shard, &mut evidence, Kind::Audit);
		for n in 0..=evidence.agreed.draw_outputs {
			Pallet::<T>::collect(Hash::repeat_byte(n));
		}
		#[block]
		{
			Pallet::<T>::staff(shard, &mut evidence, Kind::Audit);
			Pallet::<T>::store(shard, evidence);
		}
		Ok(())
	}

	/// The end of a case of so many seats: all are silent, nobody is found to compute it again.
	#[benchmark]
	fn settle(s: Linear<2, 7>) -> Result<(), BenchmarkError> {
		let (shard, _) = opening::<T>(s)?;
		// Their time is over, and that to find others: an alarm that rings late finds all of it due.
		T::Assignments::benchmark_pass(1_000_000);
		let_pass::<T>(shard);
		T::Assignments::benchmark_pass(1_000_000);
		#[block]
		{
			Pallet::<T>::serve(Alarm::Shard(shard), true);
		}
		assert!(!Evidence::<T>::contains_key(shard), "it is settled");
		Ok(())
	}

	#[benchmark]
	fn attack() -> Result<(), BenchmarkError> {
		let (shard, team) = opened::<T>(SEATS)?;
		#[extrinsic_call]
		_(RawOrigin::Signed(team[0].operator.clone()), shard, 1);
		assert!(Boards::<T>::contains_key(shard, 0));
		Ok(())
	}

	#[benchmark]
	fn accuse() -> Result<(), BenchmarkError> {
		let (shard, _) = opened::<T>(SEATS)?;
		let (who, accusation) = (rich::<T>()?, another::<T>(shard));
		#[extrinsic_call]
		_(RawOrigin::Signed(who), shard, 1, accusation, Balance::MAX);
		assert!(Boards::<T>::contains_key(shard, boards::FIRST_ACCUSATION));
		Ok(())
	}

	/// A move that opens nodes of a tree, or the first move of a shard of one task.
	#[benchmark]
	fn play() -> Result<(), BenchmarkError> {
		let (shard, team) = attacked::<T>(SEATS)?;
		let outcomes = outcomes::<T>(shard, 1);
		let whole = Span {
			first: 0,
			len: outcomes.len() as u32,
		};
		let nodes = show(&outcomes, whole).ok_or(BenchmarkError::Stop("they add up"))?;
		let action = Box::new(Move::Open(Nodes::truncate_from(nodes)));
		#[block]
		{
			// Of a shard of one task it is refused at the end, by the rules of boards.
			let _ = Pallet::<T>::do_play(&team[1].operator, shard, 0, &action);
		}
		Ok(())
	}

	/// What a proof costs beside a move: its bytes are read, and hashed.
	#[benchmark]
	fn prove() {
		let mut bytes = [7_u8; 65];
		#[block]
		{
			for _ in 0..HASHES {
				let hash = sp_io::hashing::blake2_256(&bytes);
				bytes[..32].copy_from_slice(&hash);
			}
		}
		assert!(bytes[..32] != [7; 32]);
	}

	/// The target's time is over.
	#[benchmark]
	fn time() -> Result<(), BenchmarkError> {
		let (shard, team) = attacked::<T>(SEATS)?;
		let Some(BoardState::Played { clocks, .. }) = Boards::<T>::get(shard, 0).map(|record| record.state) else {
			return Err(BenchmarkError::Stop("it is played"));
		};
		T::Assignments::benchmark_pass(clocks.due().saturating_sub(T::Clock::now()).saturating_add(1));
		#[extrinsic_call]
		_(RawOrigin::Signed(team[0].operator.clone()), shard, 0);
		assert!(!Boards::<T>::contains_key(shard, 0));
		Ok(())
	}

	/// A drawn seat leaves.
	#[benchmark]
	fn decline() -> Result<(), BenchmarkError> {
		let team = team::<T>(SEATS + 1);
		let (drawn, others) = team.split_last().ok_or(BenchmarkError::Stop("eight"))?;
		let shard = accepted::<T>(others);
		seal_all::<T>(shard, others)?;
		let mut evidence = Evidence::<T>::get(shard).ok_or(BenchmarkError::Stop("it is there"))?;
		let rules = evidence.agreed.rules;
		let judged = evidence.judged.as_mut().ok_or(BenchmarkError::Stop("it has begun"))?;
		judged
			.case
			.draw(&rules, true, false, T::Clock::now())
			.map_err(|_| BenchmarkError::Stop("the first draw"))?;
		let liability = rules
			.stakes
			.liability(rules.cap)
			.ok_or(BenchmarkError::Stop("a number"))?;
		T::Registry::reserve(&drawn.provider, liability)?;
		let provider = drawn.provider.clone();
		assert!(Pallet::<T>::seat(
			shard,
			&mut evidence,
			Kind::Audit,
			provider,
			1,
			liability
		));
		Pallet::<T>::store(shard, evidence);
		#[extrinsic_call]
		_(RawOrigin::Signed(drawn.operator.clone()), shard);
		assert!(!DrawnSeats::<T>::contains_key(&drawn.provider, shard));
		Ok(())
	}

	/// An accusation that ended with its target, which another board had put out.
	#[benchmark]
	fn pull() -> Result<(), BenchmarkError> {
		let (shard, team) = opened::<T>(2)?;
		let (who, accusation) = (rich::<T>()?, another::<T>(shard));
		Pallet::<T>::do_attack(&team[0].provider, shard, 1)?;
		Pallet::<T>::do_accuse(who.clone(), shard, 1, &accusation, Balance::MAX)?;
		T::Assignments::benchmark_pass(1_000_000);
		Pallet::<T>::expire(shard, 0)?;
		for _ in 0..3 {
			let _ = Pallet::<T>::serve_shard(shard, true);
			T::Assignments::benchmark_pass(1_000_000);
		}
		#[extrinsic_call]
		_(RawOrigin::Signed(who), shard, boards::FIRST_ACCUSATION);
		assert!(!Evidence::<T>::contains_key(shard), "nothing is left");
		Ok(())
	}

	/// A verdict of so many shares, whose payees are new accounts.
	#[benchmark]
	fn enact(s: Linear<1, MAX_SHARES>) -> Result<(), BenchmarkError> {
		let (shard, who) = (benchmark_verdict::<T>(s)?, rich::<T>()?);
		T::Assignments::benchmark_pass(1_000_000);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), shard, who.clone());
		assert!(!Verdicts::<T>::contains_key(shard, &who), "all is shared out");
		Ok(())
	}

	/// What a bond of which there is a verdict already loses more.
	#[benchmark]
	fn verdict() -> Result<(), BenchmarkError> {
		let (shard, who) = (benchmark_verdict::<T>(MAX_SHARES - 1)?, rich::<T>()?);
		let amount = <T::Currency as Inspect<AccountId>>::minimum_balance();
		let agreed = Verdicts::<T>::get(shard, &who).map(|held| (held.program, held.engine));
		let agreed = agreed.ok_or(BenchmarkError::Stop("it is held"))?;
		T::Currency::hold(&HoldReason::Accusation.into(), &who, amount)?;
		#[block]
		{
			let held = Pallet::<T>::cede_bond(&who, amount);
			Pallet::<T>::hold_verdict(shard, agreed, &who, held, [(Some(account("payee", 0, 0)), amount)]);
		}
		assert_eq!(
			Verdicts::<T>::get(shard, &who).map(|held| held.shares.len() as u32),
			Some(MAX_SHARES)
		);
		Ok(())
	}

	#[benchmark]
	fn void() -> Result<(), BenchmarkError> {
		let (shard, who) = (benchmark_verdict::<T>(MAX_SHARES)?, rich::<T>()?);
		let origin = T::GovernOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, shard, who.clone());
		assert!(!Verdicts::<T>::contains_key(shard, &who), "it is undone");
		Ok(())
	}

	/// A version of the machine, while as much is remembered as may be.
	#[benchmark]
	fn freeze() -> Result<(), BenchmarkError> {
		for engine in 0..MAX_FREEZES as u8 {
			Pallet::<T>::do_freeze(Freezable::Engine(engine))?;
		}
		T::Assignments::benchmark_pass(T::LongestFreeze::get().saturating_mul(10));
		let origin = T::GovernOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let subject = Freezable::Engine(u8::MAX);
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, subject);
		assert_eq!(Pallet::<T>::freeze_views().len(), 1);
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
