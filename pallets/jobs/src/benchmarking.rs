//! Every call and every step of the tick in its worst state: jobs with full lists of vacancies in back-off and a
//! backlog, shards of seven seats with full lists of those who failed them, providers that enter or leave the pools of
//! all classes. What a seat that falls vacant costs more if that ends its shard is a step of its own, `end_shard`, as is
//! each stale candidate that a draw drops, `drop_stale`.

mod setup;

pub(crate) use setup::accepted_shard;

use crate::{
	timers::TimerAction, Backlog, Call, Config, Demands, Failure, Jobs, Owed, Pallet, Programs, Shards,
	MAX_ACKNOWLEDGED, MAX_DEMANDS, MAX_VACANCIES, MAX_VACATED, NEVER,
};
use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::weights::WeightMeter;
use frame_system::RawOrigin;
use millrace_court::demand::{Answer, Part, ShownChunk, ShownOutcome, Wanted, CHUNK};
use millrace_primitives::{
	job::{DeclineReason, JobStatus, SeatState},
	machine::{blob, EMPTY_BLOB},
	traits::{
		BenchmarkStanding::{OneSlot, Silent, Spare, Unresponsive},
		ProviderRegistry,
	},
	AccountId, Hash, JobId, ShardId, MILL,
};
use setup::*;

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn publish_program() {
		let client = client::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(client), ROOTS, MODULE);

		assert!(Programs::<T>::contains_key(program()));
	}

	#[benchmark]
	fn withdraw_program() -> Result<(), BenchmarkError> {
		let client = client::<T>();
		let id = Pallet::<T>::do_publish(client.clone(), ROOTS, MODULE)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(client), id);

		assert!(!Programs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn submit() {
		let (client, _) = submitted::<T>(1, SEATS);

		#[extrinsic_call]
		_(RawOrigin::Signed(client), spec::<T>(1_000, SEATS));

		assert!(Jobs::<T>::contains_key(JobId(1)));
	}

	#[benchmark]
	fn top_up() {
		let (client, job) = submitted::<T>(1_000, SEATS);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		change::<T>(job, |job| job.status = JobStatus::Suspended(DeclineReason::NoCapacity));
		let price_cap = 2 * spec::<T>(1, SEATS).price_cap;

		#[extrinsic_call]
		_(RawOrigin::Signed(client), job, price_cap, 0);

		assert_eq!(
			Jobs::<T>::get(job).map(|job| (job.status, job.price_cap)),
			Some((JobStatus::Open, price_cap))
		);
	}

	#[benchmark]
	fn cancel() {
		let (client, job) = submitted::<T>(1_000, SEATS);
		started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);

		#[extrinsic_call]
		_(RawOrigin::Signed(client), job);

		assert_eq!(Jobs::<T>::get(job).map(|job| job.status), Some(JobStatus::Cancelled));
	}

	/// The last of the shard's seats, so that the time of all begins; by a provider that was unresponsive and comes back into
	/// the pools.
	#[benchmark]
	fn accept() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let providers = team::<T>(SEATS.into(), OneSlot);
		let id = started::<T>(job, &providers, SeatState::Assigned);
		exclude::<T>(id, MAX_VACATED);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		change_shard::<T>(id, |shard| {
			for holder in shard
				.seats
				.iter_mut()
				.rev()
				.skip(1)
				.filter_map(|seat| seat.holder.as_mut())
			{
				(holder.state, holder.due) = (SeatState::Accepted, NEVER);
			}
		});
		let last = u32::from(SEATS) - 1;
		T::Providers::benchmark_provider(&providers[last as usize], &operator(last), Unresponsive);

		#[extrinsic_call]
		_(RawOrigin::Signed(operator(last)), id);

		let shard = Shards::<T>::get(job, 0).expect("the shard is under way");
		assert!((0..SEATS).all(|seat| shard.holder(seat).is_some_and(|holder| holder.may_compute())));
	}

	/// By a provider that was unresponsive and comes back into the pools.
	#[benchmark]
	fn decline() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let providers = team::<T>(SEATS.into(), OneSlot);
		let id = started::<T>(job, &providers, SeatState::Assigned);
		exclude::<T>(id, MAX_VACATED - 1);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		let last = u32::from(SEATS) - 1;
		T::Providers::benchmark_provider(&providers[last as usize], &operator(last), Unresponsive);

		#[extrinsic_call]
		_(RawOrigin::Signed(operator(last)), id, DeclineReason::NoCapacity);

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	/// Each payment of what was withheld opens an account.
	#[benchmark]
	fn acknowledge(n: Linear<1, MAX_ACKNOWLEDGED>) -> Result<(), BenchmarkError> {
		let (client, job) = submitted::<T>(1_000, SEATS);
		for _ in 0..n {
			kept::<T>(job);
		}
		crowd::<T>(job, MAX_VACANCIES);

		#[block]
		{
			let ended = Pallet::<T>::do_acknowledge(client.clone(), job, 0, n);
			assert_eq!(ended.unwrap_or_default(), n);
		}

		assert_eq!(Shards::<T>::iter_prefix(job).count(), 0);
		assert_eq!(Owed::<T>::iter_prefix(client).count(), 0);
		Ok(())
	}

	#[benchmark]
	fn claim_owed() {
		let (client, job) = submitted::<T>(1_000, SEATS);
		let payee: AccountId = account("payee", 0, 0);
		let amount = MILL;
		change::<T>(job, |job| job.escrow -= amount);
		Owed::<T>::insert(&client, &payee, amount);

		#[extrinsic_call]
		_(RawOrigin::Signed(payee.clone()), client.clone());

		assert!(!Owed::<T>::contains_key(client, payee));
	}

	#[benchmark]
	fn tick() {
		start_clock::<T>();

		#[block]
		{
			Pallet::<T>::tick(&mut WeightMeter::new());
			// Where the benchmark's block has no VRF output, the ring is written and the queue looked at all the same.
			Pallet::<T>::collect(Hash::repeat_byte(3));
			Pallet::<T>::serve_queue(&mut WeightMeter::new());
		}

		assert_eq!(Pallet::<T>::now_block(), NOW + 1);
	}

	/// A vacancy comes in from the backlog, and the job goes on a timer.
	#[benchmark]
	fn visit_nothing() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		vacate_seat::<T>(id, 1);
		exclude::<T>(id, MAX_VACATED);
		crowd_and_backlog::<T>(id, 1, MAX_VACANCIES - 1);
		annoy::<T>(job);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready(COUNT);
			Pallet::<T>::visit(job, &round::<T>());
		}

		assert!(!Backlog::<T>::contains_key(job, 0));
		assert!(Jobs::<T>::get(job).is_some_and(|job| job.retry.is_some()));
	}

	/// The last candidate takes the seat, with its last slot; a vacancy comes in from the backlog.
	#[benchmark]
	fn draw_seat() {
		let id = with_vacancy::<T>();
		bind_candidates::<T>(id, 0, true);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready(COUNT);
			Pallet::<T>::visit(id.job, &round::<T>());
		}

		assert!(Shards::<T>::get(id.job, id.index).is_some_and(|shard| shard.holder(0).is_some()));
		assert!(!Backlog::<T>::contains_key(id.job, 0));
	}

	/// The same for the first seat of a new shard.
	#[benchmark]
	fn start_shard() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		vacate_seat::<T>(id, 1);
		exclude::<T>(id, MAX_VACATED);
		team::<T>(CROWD, OneSlot);
		crowd_and_backlog::<T>(id, 1, MAX_VACANCIES - u32::from(SEATS));
		annoy::<T>(job);
		change::<T>(job, |job| {
			job.fresh.ready = COUNT;
			// Shards that are complete, so that another one may be started.
			job.running += 1_000;
		});
		let next = ShardId { job, index: 1 };
		tail::<T>(1);
		bind_candidates::<T>(next, 0, true);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready(COUNT);
			Pallet::<T>::visit(job, &round::<T>());
		}

		assert!(Shards::<T>::contains_key(job, next.index));
	}

	/// Candidates of whom none can take the seat; the job goes on a timer.
	#[benchmark]
	fn draw_nobody() {
		let id = with_vacancy::<T>();
		bind_candidates::<T>(id, 0, false);
		change::<T>(id.job, |job| {
			for vacancy in job.vacancies.iter_mut() {
				vacancy.readiness.tries = 5;
			}
		});

		#[block]
		{
			let _ = Pallet::<T>::pop_ready(COUNT);
			Pallet::<T>::visit(id.job, &round::<T>());
		}

		assert!(Shards::<T>::get(id.job, id.index).is_some_and(|shard| shard.holder(0).is_none()));
		assert!(Jobs::<T>::get(id.job).is_some_and(|job| job.retry.is_some()));
	}

	/// A silent candidate leaves the pools of all classes.
	#[benchmark]
	fn drop_stale() {
		start_clock::<T>();
		let silent = team::<T>(2, Silent).remove(0);
		let dropped;

		#[block]
		{
			dropped = T::Providers::drop_stale(&silent);
		}

		assert!(dropped);
	}

	/// Nobody has sealed, and all leave. One that goes on with those who have has fewer to let go, and its escrow stays.
	#[benchmark]
	fn end_shard() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		exclude::<T>(id, MAX_VACATED);
		crowd_and_backlog::<T>(id, 0, MAX_VACANCIES - 1);
		annoy::<T>(job);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready(COUNT);
			if let (Some(mut record), Some(shard)) = (Jobs::<T>::get(job), Shards::<T>::get(job, 0)) {
				Pallet::<T>::pull_backlog(job, &mut record);
				Pallet::<T>::close_sealing(id, &mut record, shard, Failure::Closed);
				Pallet::<T>::conclude(job, record);
			}
		}

		assert!(!Shards::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn timer_stale() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Sealed);
		exclude::<T>(id, MAX_VACATED);
		only_timer::<T>(TimerAction::Shard { shard: id }, NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert_eq!(crate::Timers::<T>::iter().count(), 1);
	}

	/// All seats were taken in time, and are to be sealed.
	#[benchmark]
	fn timer_again() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		exclude::<T>(id, MAX_VACATED);
		only_timer_of::<T>(id, |_| {});

		#[block]
		{
			serve_one::<T>();
		}

		assert!(Shards::<T>::get(job, 0).is_some_and(|shard| shard.alarm > NOW + 1));
	}

	/// Of a provider with more slots, which leaves the pools.
	#[benchmark]
	fn timer_accept() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), Spare), SeatState::Assigned);
		exclude::<T>(id, MAX_VACATED - 1);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		only_timer_of::<T>(id, hurry);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	/// Of a provider with more slots, which is slashed and leaves the pools.
	#[benchmark]
	fn timer_execute() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), Spare), SeatState::Accepted);
		exclude::<T>(id, MAX_VACATED - 1);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		only_timer_of::<T>(id, hurry);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	/// All leave, as if nobody had sealed: more than in a shard that has this timer.
	#[benchmark]
	fn timer_fill() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		exclude::<T>(id, MAX_VACATED);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		only_timer_of::<T>(id, |shard| shard.fill = NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(!Shards::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn timer_back_off() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		change::<T>(job, |job| job.retry = Some(NOW + 1));
		only_timer::<T>(TimerAction::BackOff { job }, NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert_eq!(Jobs::<T>::get(job).and_then(|job| job.retry), Some(NOW + 501));
	}

	#[benchmark]
	fn timer_expire() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		change::<T>(job, |job| job.expires_at = NOW + 1);
		only_timer::<T>(TimerAction::Expire { job }, NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert_eq!(Jobs::<T>::get(job).map(|job| job.status), Some(JobStatus::Expired));
	}

	/// Each payment of what was withheld opens an account, and nothing is left of the job.
	#[benchmark]
	fn timer_custody() {
		let (_, job) = submitted::<T>(1, SEATS);
		let id = kept::<T>(job);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		change::<T>(job, |job| job.vacancies = Default::default());
		only_timer_of::<T>(id, |_| {});

		#[block]
		{
			serve_one::<T>();
		}

		assert!(!Jobs::<T>::contains_key(job));
	}

	/// The last task of the largest shard.
	#[benchmark]
	fn demand() -> Result<(), BenchmarkError> {
		let (client, job) = submitted::<T>(1, SEATS);
		let outcomes = outcomes(blob(&[1; CHUNK as usize]).expect("it is short"));
		let id = kept_with::<T>(job, &outcomes);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		let task = outcomes.len() as u32 - 1;
		let shown = ShownOutcome::of(&outcomes, task).expect("there is such a task");

		#[block]
		{
			Pallet::<T>::do_demand_chunk(client, id, task, 0, shown)?;
		}

		assert_eq!(Demands::<T>::iter_prefix(id).count(), 1);
		Ok(())
	}

	/// By an operator without an account, of a chunk of so many bytes; of none, of an outcome.
	#[benchmark]
	fn answer(n: Linear<0, CHUNK>) -> Result<(), BenchmarkError> {
		let (client, job) = submitted::<T>(1, SEATS);
		let bytes = vec![1; n as usize];
		let outcomes = outcomes(blob(&bytes).expect("it is short"));
		let id = kept_with::<T>(job, &outcomes);
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		let shown = ShownOutcome::of(&outcomes, 0).expect("there is such a task");
		let given = match ShownChunk::of(&bytes, 0) {
			Some(chunk) => {
				Pallet::<T>::do_demand_chunk(client, id, 0, 0, shown)?;
				Answer::Chunk(chunk)
			}
			None => {
				Pallet::<T>::do_demand_outcome(client, id, 0)?;
				Answer::Outcome(shown)
			}
		};

		#[block]
		{
			Pallet::<T>::do_answer(operator(0), id, 0, given)?;
		}

		assert_eq!(Demands::<T>::iter_prefix(id).count(), 0);
		Ok(())
	}

	/// As many demands as there may be, and nothing is left of the job.
	#[benchmark]
	fn timer_demand() -> Result<(), BenchmarkError> {
		let (client, job) = submitted::<T>(1, SEATS);
		let id = kept_with::<T>(job, &outcomes(EMPTY_BLOB));
		for task in 0..MAX_DEMANDS.into() {
			Pallet::<T>::do_demand_outcome(client.clone(), id, task)?;
		}
		crowd::<T>(job, MAX_VACANCIES);
		annoy::<T>(job);
		change::<T>(job, |job| job.vacancies = Default::default());
		let wanted = Wanted {
			task: 0,
			part: Part::Outcome,
		};
		Demands::<T>::mutate(id, wanted, |open| open.as_mut().expect("it is open").due = NOW);
		only_timer::<T>(TimerAction::Demand { shard: id, wanted }, NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(!Jobs::<T>::contains_key(job));
		assert_eq!(Demands::<T>::iter_prefix(id).count(), 0);
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
