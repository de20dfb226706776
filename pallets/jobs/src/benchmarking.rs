//! Every call and every step of the tick in its worst state: jobs with full lists of vacancies in back-off, shards of
//! seven seats.

use crate::{
	submit::execution_window,
	timers::TimerAction,
	types::{
		AssignmentRef, Custody, Holder, JobRecord, QueueEntry, Readiness, SeedRing, Vacancy, MAX_ACKNOWLEDGED,
		MAX_EXCLUDED, MAX_SEED_BLOCKS, MAX_VACANCIES,
	},
	AssignmentsOf, Backlog, Call, Clock, Config, Failure, Jobs, Owed, Pallet, Programs, Seeds, ShardRecord, Shards,
	Specs,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{fungible::Mutate, Get},
	weights::WeightMeter,
	BoundedVec,
};
use frame_system::RawOrigin;
use millrace_primitives::{
	job::{
		Constraints, DeclineReason, Endpoint, JobStatus, Preferences, SeatState, Verification, MAX_ENDPOINTS,
		MAX_ENDPOINT_LEN, MAX_PROGRAM_SIZE, MAX_REPLICAS, MIN_REPLICAS,
	},
	money::GGAS,
	outcome::SeatGas,
	provider::{HardwareClass, RegionSet},
	traits::{Assignments, ProviderRegistry, Verifier},
	AccountId, Balance, Hash, JobId, JobSpec, MarketBlock, Report, ShardId, Verdict, MILL,
};
use sp_runtime::Permill;

/// More than any job costs.
const WEALTH: Balance = 1_000_000_000 * MILL;
/// VRF outputs collected before a benchmark.
const COUNT: u32 = 1_000;
/// The market block of a benchmark.
const NOW: MarketBlock = 10_000;
const SEATS: u8 = MAX_REPLICAS;
const REPORT: Report = Report {
	root: Hash::repeat_byte(9),
	gas_used: GGAS,
};

fn client<T: Config>() -> AccountId {
	let who: AccountId = account("client", 0, 0);
	T::Currency::set_balance(&who, WEALTH);
	who
}

fn operator(n: u32) -> AccountId {
	account("operator", n, 0)
}

/// Registers so many providers.
fn team<T: Config>(count: u32) -> Vec<AccountId> {
	(0..count)
		.map(|n| {
			let provider: AccountId = account("provider", n, 0);
			T::Currency::set_balance(&provider, WEALTH);
			T::Providers::benchmark_provider(&provider, &operator(n));
			provider
		})
		.collect()
}

fn spec<T: Config>(tasks: u32, replicas: u8) -> JobSpec {
	let mut endpoint = b"http://".to_vec();
	endpoint.resize(MAX_ENDPOINT_LEN as usize, b'a');
	let endpoints: Vec<Endpoint> = vec![Endpoint::truncate_from(endpoint); MAX_ENDPOINTS as usize];
	JobSpec {
		program: Hash::repeat_byte(1),
		input_root: Hash::repeat_byte(2),
		tasks,
		shard_size: 1,
		gas_limit: GGAS,
		memory_pages: 1,
		input_limit: 1,
		output_limit: 1,
		price_cap: T::Parameters::get().min_price.max(MILL / 1_000),
		verification: Verification::Replicated { replicas },
		constraints: Constraints {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			min_reputation: Permill::zero(),
		},
		preferences: Preferences::default(),
		deadline: T::Parameters::get().max_deadline,
		endpoints: BoundedVec::truncate_from(endpoints),
	}
}

/// A block in which the seeds are complete.
fn start_clock<T: Config>() {
	Clock::<T>::put(NOW);
	let outputs = (0..MAX_SEED_BLOCKS)
		.map(|n| Hash::repeat_byte(n as u8))
		.collect::<Vec<_>>();
	Seeds::<T>::put(SeedRing {
		count: COUNT,
		outputs: BoundedVec::truncate_from(outputs),
	});
}

/// A job of the client.
fn submitted<T: Config>(tasks: u32, replicas: u8) -> (AccountId, JobId) {
	start_clock::<T>();
	let client = client::<T>();
	let spec = spec::<T>(tasks, replicas);
	if !Programs::<T>::contains_key(spec.program) {
		Pallet::<T>::do_publish(client.clone(), spec.program, MAX_PROGRAM_SIZE).expect("the client is wealthy");
	}
	let job = Pallet::<T>::do_submit(client.clone(), spec).expect("the specification is valid");
	(client, job)
}

/// Starts the job's next shard with all seats held by these providers, in this state.
fn started<T: Config>(id: JobId, providers: &[AccountId], state: SeatState) -> ShardId {
	let params = T::Parameters::get();
	let spec = Specs::<T>::get(id).expect("the job was submitted");
	let mut job = Jobs::<T>::get(id).expect("the job was submitted");
	let shard_id = ShardId {
		job: id,
		index: job.cursor,
	};
	let mut shard = Pallet::<T>::new_shard(&job, &spec, job.cursor, &params).expect("the price is small");
	T::Verifier::open(shard_id, &spec.verification).expect("the shard is new");
	let due = Clock::<T>::get() + execution_window(&spec, job.program_size, 1, &params);
	for (index, provider) in providers.iter().enumerate() {
		T::Providers::reserve(provider, shard.terms.liability).expect("the provider has room");
		let slot = matches!(state, SeatState::Assigned | SeatState::Accepted);
		if !slot {
			T::Providers::free_slot(provider);
		}
		let (provider, seat) = (provider.clone(), index as u8);
		AssignmentsOf::<T>::insert(&provider, shard_id, AssignmentRef { seat, kept: false });
		let timer = match state {
			SeatState::Assigned => Some(TimerAction::Accept {
				shard: shard_id,
				seat,
				round: 0,
			}),
			SeatState::Accepted => Some(TimerAction::Execute {
				shard: shard_id,
				seat,
				round: 0,
			}),
			_ => None,
		};
		if let Some(action) = timer {
			Pallet::<T>::arm(action, due);
		}
		shard.seats[index].holder = Some(Holder {
			provider,
			ask: spec.price_cap,
			state,
			due,
			slot,
		});
	}
	job.cursor += 1;
	job.running += 1;
	Shards::<T>::insert(id, shard_id.index, shard);
	Jobs::<T>::insert(id, job);
	shard_id
}

/// A shard whose seats are all accepted.
pub(crate) fn accepted_shard<T: Config>(providers: &[AccountId]) -> ShardId {
	let replicas = (providers.len() as u8).clamp(MIN_REPLICAS, MAX_REPLICAS);
	let (_, job) = submitted::<T>(1, replicas);
	started::<T>(job, providers, SeatState::Accepted)
}

/// Fills the job's list with vacancies in back-off, of a shard that is not looked at, and the backlog with one more.
fn crowd<T: Config>(id: JobId, vacancies: u32) {
	change::<T>(id, |job| {
		let readiness = Readiness {
			ready: COUNT + 500,
			tries: 5,
		};
		while (job.vacancies.len() as u32) < vacancies {
			let vacancy = Vacancy {
				shard: u32::MAX,
				seat: job.vacancies.len() as u8,
				readiness,
			};
			job.vacancies.try_push(vacancy).expect("within the bound");
		}
		job.queued = false;
	});
}

fn change<T: Config>(id: JobId, change: impl FnOnce(&mut JobRecord)) {
	let mut job = Jobs::<T>::get(id).expect("the job exists");
	change(&mut job);
	Jobs::<T>::insert(id, job);
}

fn change_shard<T: Config>(id: ShardId, change: impl FnOnce(&mut ShardRecord)) {
	let mut shard = Shards::<T>::get(id.job, id.index).expect("the shard exists");
	change(&mut shard);
	Shards::<T>::insert(id.job, id.index, shard);
}

fn exclude<T: Config>(id: ShardId, count: u32) {
	change_shard::<T>(id, |shard| {
		let excluded = (0..count)
			.map(|n| account("excluded", n, 0))
			.collect::<Vec<AccountId>>();
		shard.excluded = BoundedVec::truncate_from(excluded);
	});
}

/// Leaves one seat of the shard vacant and first in the job's list, ready.
fn vacate_first<T: Config>(id: ShardId) {
	change_shard::<T>(id, |shard| {
		let holder = shard.seats[0].holder.take().expect("it was held");
		T::Providers::free_slot(&holder.provider);
		T::Providers::free_liability(&holder.provider, shard.terms.liability);
		AssignmentsOf::<T>::remove(&holder.provider, id);
	});
	change::<T>(id.job, |job| {
		let vacancy = Vacancy {
			shard: id.index,
			seat: 0,
			readiness: Readiness { ready: COUNT, tries: 0 },
		};
		job.vacancies.try_push(vacancy).expect("the list is empty");
	});
}

/// A shard in custody.
fn kept<T: Config>(job: JobId, providers: &[AccountId]) -> ShardId {
	let id = started::<T>(job, providers, SeatState::Revealed);
	change_shard::<T>(id, |shard| {
		let part = shard.reserve / Balance::from(SEATS);
		let withheld = BoundedVec::truncate_from(vec![part; SEATS.into()]);
		shard.reserve = part * Balance::from(SEATS);
		for holder in shard.seats.iter().filter_map(|seat| seat.holder.as_ref()) {
			T::Providers::free_liability(&holder.provider, shard.terms.liability);
		}
		shard.custody = Some(Custody {
			report: REPORT,
			until: NOW + 1,
			withheld,
		});
	});
	change::<T>(job, |job| {
		job.running -= 1;
		job.accepted += 1;
		job.custody += 1;
	});
	id
}

/// Serves the one timer that is due next.
fn serve_one<T: Config>() {
	Pallet::<T>::serve_timers(&mut WeightMeter::with_limit(Pallet::<T>::timer_weight()));
}

/// Drops the timers of the preparations, arms this one for the next market block and moves the clock there.
fn only_timer<T: Config>(action: TimerAction, target: MarketBlock) {
	crate::TimerClasses::<T>::kill();
	let _ = crate::Timers::<T>::clear(u32::MAX, None);
	Pallet::<T>::arm(action, target);
	Clock::<T>::put(NOW + 1);
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn publish_program() {
		let client = client::<T>();
		let root = Hash::repeat_byte(1);

		#[extrinsic_call]
		_(RawOrigin::Signed(client), root, MAX_PROGRAM_SIZE);

		assert!(Programs::<T>::contains_key(root));
	}

	#[benchmark]
	fn withdraw_program() -> Result<(), BenchmarkError> {
		let client = client::<T>();
		let root = Hash::repeat_byte(1);
		Pallet::<T>::do_publish(client.clone(), root, MAX_PROGRAM_SIZE)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(client), root);

		assert!(!Programs::<T>::contains_key(root));
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
		started::<T>(job, &team::<T>(SEATS.into()), SeatState::Accepted);
		crowd::<T>(job, MAX_VACANCIES);

		#[extrinsic_call]
		_(RawOrigin::Signed(client), job);

		assert_eq!(Jobs::<T>::get(job).map(|job| job.status), Some(JobStatus::Cancelled));
	}

	#[benchmark]
	fn accept() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Assigned);
		exclude::<T>(id, MAX_EXCLUDED);
		crowd::<T>(job, MAX_VACANCIES);
		change::<T>(job, |job| job.declines = 1);

		#[extrinsic_call]
		_(RawOrigin::Signed(operator(u32::from(SEATS) - 1)), id);

		let shard = Shards::<T>::get(job, 0).expect("the shard is under way");
		assert_eq!(
			shard.holder(SEATS - 1).map(|holder| holder.state),
			Some(SeatState::Accepted)
		);
	}

	#[benchmark]
	fn decline() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Assigned);
		exclude::<T>(id, MAX_EXCLUDED - 1);
		crowd::<T>(job, MAX_VACANCIES);

		#[extrinsic_call]
		_(
			RawOrigin::Signed(operator(u32::from(SEATS) - 1)),
			id,
			DeclineReason::NoCapacity,
		);

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn acknowledge(n: Linear<0, MAX_ACKNOWLEDGED>) -> Result<(), BenchmarkError> {
		let (client, job) = submitted::<T>(1_000, SEATS);
		for _ in 0..n {
			let providers = team::<T>(SEATS.into());
			kept::<T>(job, &providers);
		}

		#[block]
		{
			// Without a shard in custody it is an error, which the least cost is of.
			let ended = Pallet::<T>::do_acknowledge(client, job, 0, n);
			assert_eq!(ended.unwrap_or_default(), n);
		}

		assert_eq!(Shards::<T>::iter_prefix(job).count(), 0);
		Ok(())
	}

	#[benchmark]
	fn claim_owed() {
		let (client, job) = submitted::<T>(1_000, SEATS);
		let payee: AccountId = whitelisted_caller();
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
			// Where the benchmark's block has no VRF output, the ring is written all the same.
			Pallet::<T>::collect(Hash::repeat_byte(3));
		}

		assert_eq!(Clock::<T>::get(), NOW + 1);
	}

	#[benchmark]
	fn skip_entry() {
		start_clock::<T>();
		Pallet::<T>::push_ready(QueueEntry {
			job: JobId(0),
			ready: u32::MAX,
		});

		#[block]
		{
			Pallet::<T>::serve_queue(&mut WeightMeter::new());
		}

		assert!(Pallet::<T>::pop_ready().is_some());
	}

	#[benchmark]
	fn visit_nothing() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		started::<T>(job, &team::<T>(SEATS.into()), SeatState::Accepted);
		crowd::<T>(job, MAX_VACANCIES - 1);
		let readiness = Readiness {
			ready: COUNT + 500,
			tries: 5,
		};
		Backlog::<T>::insert(
			job,
			0,
			Vacancy {
				shard: 0,
				seat: 0,
				readiness,
			},
		);
		change::<T>(job, |job| job.backlog_tail = 1);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready();
			Pallet::<T>::visit(job, &Pallet::<T>::round());
		}

		assert!(!Backlog::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn draw_seat() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(
			job,
			&team::<T>(4 * u32::from(SEATS))[..SEATS.into()],
			SeatState::Accepted,
		);
		vacate_first::<T>(id);
		exclude::<T>(id, MAX_EXCLUDED);
		crowd::<T>(job, MAX_VACANCIES);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready();
			Pallet::<T>::visit(job, &Pallet::<T>::round());
		}

		assert!(Shards::<T>::get(job, 0).is_some_and(|shard| shard.holder(0).is_some()));
	}

	#[benchmark]
	fn start_shard() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		team::<T>(4 * u32::from(SEATS));
		crowd::<T>(job, MAX_VACANCIES - u32::from(SEATS) + 1);
		change::<T>(job, |job| job.fresh.ready = COUNT);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready();
			Pallet::<T>::visit(job, &Pallet::<T>::round());
		}

		assert!(Shards::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn draw_nobody() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(
			job,
			&team::<T>(4 * u32::from(SEATS))[..SEATS.into()],
			SeatState::Accepted,
		);
		vacate_first::<T>(id);
		exclude::<T>(id, MAX_EXCLUDED);
		// Whoever is drawn cannot be reserved.
		change_shard::<T>(id, |shard| shard.terms.liability = Balance::MAX);
		crowd::<T>(job, MAX_VACANCIES);

		#[block]
		{
			let _ = Pallet::<T>::pop_ready();
			Pallet::<T>::visit(job, &Pallet::<T>::round());
		}

		assert!(Shards::<T>::get(job, 0).is_some_and(|shard| shard.holder(0).is_none()));
	}

	#[benchmark]
	fn end_shard() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Revealed);
		exclude::<T>(id, MAX_EXCLUDED);
		crowd::<T>(job, MAX_VACANCIES);
		change::<T>(job, |job| job.expires_at = NOW);
		let claims = (0..SEATS).map(|seat| (seat, GGAS)).collect::<Vec<_>>();

		#[block]
		{
			let _ = Pallet::<T>::pop_ready();
			let _ = T::Verifier::close(id);
			if let (Some(mut record), Some(shard)) = (Jobs::<T>::get(job), Shards::<T>::get(job, 0)) {
				let revealed = SeatGas::truncate_from(claims);
				Pallet::<T>::fail_shard(id, &mut record, shard, revealed, Failure::Closed);
				Pallet::<T>::conclude(job, record);
			}
		}

		assert!(!Shards::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn timer_stale() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Sealed);
		exclude::<T>(id, MAX_EXCLUDED);
		only_timer::<T>(
			TimerAction::Execute {
				shard: id,
				seat: 0,
				round: 0,
			},
			NOW + 1,
		);

		#[block]
		{
			serve_one::<T>();
		}

		assert_eq!(crate::Timers::<T>::iter().count(), 0);
	}

	#[benchmark]
	fn timer_again() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Accepted);
		exclude::<T>(id, MAX_EXCLUDED);
		only_timer::<T>(
			TimerAction::Execute {
				shard: id,
				seat: 0,
				round: 0,
			},
			NOW + 3,
		);
		Clock::<T>::put(NOW + 2);

		#[block]
		{
			serve_one::<T>();
		}

		assert_eq!(crate::Timers::<T>::iter().count(), 1);
	}

	#[benchmark]
	fn timer_accept() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Assigned);
		exclude::<T>(id, MAX_EXCLUDED - 1);
		crowd::<T>(job, MAX_VACANCIES);
		only_timer::<T>(
			TimerAction::Accept {
				shard: id,
				seat: 0,
				round: 0,
			},
			NOW + 1,
		);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn timer_execute() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Accepted);
		exclude::<T>(id, MAX_EXCLUDED - 1);
		crowd::<T>(job, MAX_VACANCIES);
		only_timer::<T>(
			TimerAction::Execute {
				shard: id,
				seat: 0,
				round: 0,
			},
			NOW + 1,
		);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn timer_back_off() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		crowd::<T>(job, MAX_VACANCIES);
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
		started::<T>(job, &team::<T>(SEATS.into()), SeatState::Accepted);
		crowd::<T>(job, MAX_VACANCIES);
		change::<T>(job, |job| job.expires_at = NOW + 1);
		only_timer::<T>(TimerAction::Expire { job }, NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert_eq!(Jobs::<T>::get(job).map(|job| job.status), Some(JobStatus::Expired));
	}

	#[benchmark]
	fn timer_custody() {
		let (_, job) = submitted::<T>(1, SEATS);
		let id = kept::<T>(job, &team::<T>(SEATS.into()));
		only_timer::<T>(TimerAction::Custody { shard: id }, NOW + 1);

		#[block]
		{
			serve_one::<T>();
		}

		assert!(!Jobs::<T>::contains_key(job));
	}

	#[benchmark]
	fn on_sealed() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Accepted);
		exclude::<T>(id, MAX_EXCLUDED);
		crowd::<T>(job, MAX_VACANCIES);

		#[block]
		{
			let _ = Pallet::<T>::on_sealed(id, SEATS - 1);
		}

		assert!(Jobs::<T>::get(job).is_some_and(|job| job.queued));
	}

	#[benchmark]
	fn on_missed_reveal() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Sealed);
		exclude::<T>(id, MAX_EXCLUDED - 1);
		crowd::<T>(job, MAX_VACANCIES);

		#[block]
		{
			Pallet::<T>::on_missed_reveal(id, SEATS - 1);
		}

		assert!(Backlog::<T>::contains_key(job, 0));
	}

	#[benchmark]
	fn on_verdict() {
		let (_, job) = submitted::<T>(1_000, SEATS);
		let id = started::<T>(job, &team::<T>(SEATS.into()), SeatState::Revealed);
		exclude::<T>(id, MAX_EXCLUDED);
		crowd::<T>(job, MAX_VACANCIES);
		let _ = T::Verifier::close(id);

		#[block]
		{
			Pallet::<T>::on_verdict(id, Verdict::Accepted { report: REPORT });
		}

		assert!(Shards::<T>::get(job, 0).is_some_and(|shard| shard.custody.is_some()));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
