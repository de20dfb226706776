//! The states that benchmarks start from.

use crate::{
	assign::Round,
	timers::TimerAction,
	types::{
		Custody, Exclusion, Holder, JobRecord, NextRecord, Readiness, SeedRing, TimerEntry, Vacancy, DECLINERS,
		MAX_SEED_BLOCKS, MAX_TRIED, MAX_VACANCIES, MAX_VACATED, NEVER,
	},
	AssignmentsOf, Backlog, Clock, Config, Jobs, Pallet, Place, Programs, Seeds, ShardRecord, Shards,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::account;
use frame_support::{
	traits::{
		fungible::{Inspect, Mutate},
		Get,
	},
	weights::WeightMeter,
	BoundedVec,
};
use millrace_primitives::{
	job::{
		Constraints, Endpoint, Preferences, SeatState, Verification, MAX_ENDPOINTS, MAX_ENDPOINT_LEN, MAX_IMAGE,
		MAX_PROGRAM_SIZE, MAX_REPLICAS, MAX_SETUP, MAX_SHARD_TASKS, MIN_REPLICAS,
	},
	machine,
	money::GGAS,
	provider::{HardwareClass, RegionSet, MAX_DRAWS},
	traits::{
		BenchmarkStanding::{self, Bound, OneSlot, Spare, Unresponsive},
		Conduct, OnSettled, Pace, Payment, ProviderRegistry, Settlement, Stake, Verifier,
	},
	AccountId, Balance, Blob, Hash, JobId, JobSpec, Limits, MarketBlock, Outcome, ProgramId, ProgramRoots, Report,
	ShardId, Status, ENGINE_VERSION, MILL,
};
use sp_runtime::Permill;

/// More than any job costs.
pub(super) const WEALTH: Balance = 1_000_000_000 * MILL;
/// VRF outputs collected before a benchmark.
pub(super) const COUNT: u32 = 1_000;
/// The market block of a benchmark.
pub(super) const NOW: MarketBlock = 10_000;
pub(super) const SEATS: u8 = MAX_REPLICAS;
/// Enough for all looks of a draw to find different ones, most of the time.
pub(super) const CROWD: u32 = 64;
/// What failed to find somebody and waits longer than a job stays in the queue.
const BACKED_OFF: Readiness = Readiness {
	ready: COUNT + 500,
	tries: 5,
};
pub(super) const REPORT: Report = Report {
	root: Hash::repeat_byte(9),
	gas_used: GGAS,
};

/// A program's roots.
pub(super) const ROOTS: ProgramRoots = ProgramRoots {
	entry: 0,
	pages: 1,
	max_pages: 1,
	system_pages: 1,
	code: [1; 32],
	table: [2; 32],
	globals: [3; 32],
	memory: [4; 32],
	system: [5; 32],
};
/// Its module.
pub(super) const MODULE: Blob = Blob {
	tree: [6; 32],
	len: MAX_PROGRAM_SIZE,
};

/// Its id.
pub(super) fn program() -> ProgramId {
	machine::program_id(ENGINE_VERSION, &ROOTS, &MODULE)
}

pub(super) fn client<T: Config>() -> AccountId {
	let who: AccountId = account("client", 0, 0);
	T::Currency::set_balance(&who, WEALTH);
	who
}

pub(super) fn operator(n: u32) -> AccountId {
	account("operator", n, 0)
}

/// So many providers in a standing; the first ones are the same each time.
pub(super) fn team<T: Config>(count: u32, standing: BenchmarkStanding) -> Vec<AccountId> {
	(0..count)
		.map(|n| {
			let provider: AccountId = account("provider", n, 0);
			T::Providers::benchmark_provider(&provider, &operator(n), standing);
			provider
		})
		.collect()
}

/// Providers of one class each behind all others in the pools: so many that leave move three different ones each.
pub(super) fn tail<T: Config>(count: u32) {
	for n in 0..count {
		T::Providers::benchmark_provider(&account("tail", n, 0), &account("tail operator", n, 0), Unresponsive);
	}
}

/// A price at which the author's part of the fees is enough to open its account.
pub(super) fn spec<T: Config>(tasks: u32, replicas: u8) -> JobSpec {
	let mut endpoint = b"http://".to_vec();
	endpoint.resize(MAX_ENDPOINT_LEN as usize, b'a');
	let endpoints: Vec<Endpoint> = vec![Endpoint::truncate_from(endpoint); MAX_ENDPOINTS as usize];
	JobSpec {
		program: program(),
		image: Some(Blob {
			tree: [7; 32],
			len: MAX_IMAGE,
		}),
		setup: Blob {
			tree: [8; 32],
			len: MAX_SETUP,
		},
		input_root: Hash::repeat_byte(2),
		tasks,
		shard_size: 1,
		limits: Limits {
			gas: GGAS,
			memory_pages: 2,
			// Enough for keeping it to have a price.
			output: 1 << 20,
		},
		input_limit: 1,
		price_cap: T::Parameters::get().min_price.max(MILL),
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

/// A block in which the seeds are complete. Whoever is told of settlements was told of one at the beginning of time.
pub(super) fn start_clock<T: Config>() {
	if Pallet::<T>::now_block() != 0 {
		return;
	}
	T::OnSettled::on_settled(&Settlement {
		shard: ShardId {
			job: JobId(u64::MAX),
			index: 0,
		},
		report: REPORT,
		payments: vec![Payment {
			provider: team::<T>(1, OneSlot).remove(0),
			amount: MILL,
			gas: 1,
			burned: MILL,
		}],
		counted: true,
	});
	Clock::<T>::mutate(|clock| clock.now = NOW);
	let outputs = (0..MAX_SEED_BLOCKS)
		.map(|n| Hash::repeat_byte(n as u8))
		.collect::<Vec<_>>();
	Seeds::<T>::put(SeedRing {
		count: COUNT,
		outputs: BoundedVec::truncate_from(outputs),
	});
}

/// A job of the client.
pub(super) fn submitted<T: Config>(tasks: u32, replicas: u8) -> (AccountId, JobId) {
	start_clock::<T>();
	let client = client::<T>();
	let spec = spec::<T>(tasks, replicas);
	if !Programs::<T>::contains_key(spec.program) {
		Pallet::<T>::do_publish(client.clone(), ROOTS, MODULE).expect("the client is wealthy");
	}
	let job = Pallet::<T>::do_submit(client.clone(), spec).expect("the specification is valid");
	(client, job)
}

/// Starts the job's next shard with all seats held by these providers, in this state.
pub(super) fn started<T: Config>(id: JobId, providers: &[AccountId], state: SeatState) -> ShardId {
	let params = T::Parameters::get();
	let mut job = Jobs::<T>::get(id).expect("the job was submitted");
	let spec = job.spec.clone();
	let shard_id = ShardId {
		job: id,
		index: job.cursor,
	};
	let mut shard = Pallet::<T>::new_shard(&job, &spec, job.cursor, &params).expect("the price is small");
	let agreed = Pallet::<T>::agreed(&job.client, &spec, &shard, job.cursor, &params);
	T::Verifier::open(shard_id, &agreed).expect("the shard is new");
	shard.closed = (state >= SeatState::Sealed).then_some(0);
	let due = Pallet::<T>::now_block() + shard.terms.execution_window;
	for (index, provider) in providers.iter().enumerate() {
		// Benchmarks of other pallets made it before the clock was set.
		T::Providers::note(provider, Conduct::Alive);
		let stake = T::Verifier::stake(provider, shard.terms.seat_cap).expect("the price is small");
		T::Providers::reserve(provider, stake.liability).expect("the provider has room");
		let slot = matches!(state, SeatState::Assigned | SeatState::Accepted);
		if !slot {
			T::Providers::free_slot(provider);
		}
		let (provider, seat) = (provider.clone(), index as u8);
		AssignmentsOf::<T>::insert(&provider, shard_id, Place { seat, kept: false });
		shard.seats[index].holder = Some(Holder {
			provider,
			operator: operator(index as u32),
			ask: spec.price_cap,
			state,
			due: if slot { due } else { NEVER },
			drawn: NOW,
			slot,
			stake,
		});
	}
	job.cursor += 1;
	job.running += 1;
	Pallet::<T>::keep_time(shard_id, &mut shard, Pace::default());
	Shards::<T>::insert(id, shard_id.index, shard);
	Jobs::<T>::insert(id, job);
	shard_id
}

/// A shard whose seats are all accepted, and which nobody failed before.
pub(crate) fn accepted_shard<T: Config>(providers: &[AccountId]) -> ShardId {
	let replicas = (providers.len() as u8).clamp(MIN_REPLICAS, MAX_REPLICAS);
	let (_, job) = submitted::<T>(1_000, replicas);
	let id = started::<T>(job, providers, SeatState::Accepted);
	exclude::<T>(id, MAX_VACATED);
	crowd::<T>(job, MAX_VACANCIES);
	id
}

/// Fills the job's list with vacancies in back-off, of shards that are not looked at.
pub(super) fn crowd<T: Config>(id: JobId, vacancies: u32) {
	change::<T>(id, |job| {
		while (job.vacancies.len() as u32) < vacancies {
			let vacancy = Vacancy {
				shard: u32::MAX - job.vacancies.len() as u32,
				seat: 0,
				readiness: BACKED_OFF,
			};
			job.vacancies.try_push(vacancy).expect("within the bound");
		}
		job.fresh = BACKED_OFF;
		job.queued = false;
	});
}

/// The same with room for one, which waits in the backlog and is one of this shard.
pub(super) fn crowd_and_backlog<T: Config>(id: ShardId, seat: u8, vacancies: u32) {
	crowd::<T>(id.job, vacancies);
	Backlog::<T>::insert(
		id.job,
		0,
		Vacancy {
			shard: id.index,
			seat,
			readiness: BACKED_OFF,
		},
	);
	change::<T>(id.job, |job| job.backlog_tail = 1);
}

pub(super) fn change<T: Config>(id: JobId, change: impl FnOnce(&mut JobRecord)) {
	let mut job = Jobs::<T>::get(id).expect("the job exists");
	change(&mut job);
	Jobs::<T>::insert(id, job);
}

pub(super) fn change_shard<T: Config>(id: ShardId, change: impl FnOnce(&mut ShardRecord)) {
	let mut shard = Shards::<T>::get(id.job, id.index).expect("the shard exists");
	change(&mut shard);
	Shards::<T>::insert(id.job, id.index, shard);
}

/// Two providers declined.
pub(super) fn annoy<T: Config>(id: JobId) {
	change::<T>(id, |job| {
		let decliners = (1..DECLINERS)
			.map(|n| account("decliner", n, 0))
			.collect::<Vec<AccountId>>();
		job.decliners = BoundedVec::truncate_from(decliners);
	});
}

/// Who declined since the last top-up, so that nobody is forgotten.
fn exclusion(n: u32) -> Exclusion {
	Exclusion {
		provider: account("excluded", n, 0),
		declined: Some(0),
	}
}

pub(super) fn exclude<T: Config>(id: ShardId, count: u32) {
	change_shard::<T>(id, |shard| {
		shard.excluded = BoundedVec::truncate_from((0..count).map(exclusion).collect());
	});
}

/// Takes a seat of the shard from its holder.
pub(super) fn vacate_seat<T: Config>(id: ShardId, seat: u8) {
	change_shard::<T>(id, |shard| {
		let holder = shard.seats[usize::from(seat)].holder.take().expect("it was held");
		if holder.slot {
			T::Providers::free_slot(&holder.provider);
		}
		T::Providers::free_liability(&holder.provider, holder.stake.liability);
		AssignmentsOf::<T>::remove(&holder.provider, id);
	});
}

/// A job one of whose shards has two vacant seats: the first is ready to be drawn, the second in the backlog.
pub(super) fn with_vacancy<T: Config>() -> ShardId {
	let (_, job) = submitted::<T>(1_000, SEATS);
	let id = started::<T>(job, &team::<T>(SEATS.into(), OneSlot), SeatState::Accepted);
	vacate_seat::<T>(id, 0);
	vacate_seat::<T>(id, 1);
	team::<T>(CROWD, OneSlot);
	for (n, holder) in Shards::<T>::get(job, id.index)
		.expect("it was started")
		.seats
		.into_iter()
		.enumerate()
		.filter_map(|(n, seat)| Some((n, seat.holder?)))
	{
		// Who holds a seat need not be drawable.
		T::Providers::benchmark_provider(&holder.provider, &operator(n as u32), Unresponsive);
	}
	change::<T>(job, |job| {
		let vacancy = Vacancy {
			shard: id.index,
			seat: 0,
			readiness: Readiness { ready: COUNT, tries: 0 },
		};
		job.vacancies.try_push(vacancy).expect("the list is empty");
	});
	exclude::<T>(id, MAX_VACATED);
	crowd_and_backlog::<T>(id, 1, MAX_VACANCIES - 1);
	annoy::<T>(job);
	tail::<T>(1);
	id
}

/// What the visits of a block share, with as many looks a draw as governance may ask for.
pub(super) fn round<T: Config>() -> Round {
	let mut round = Pallet::<T>::round();
	round.params.draws = MAX_DRAWS as u8;
	round
}

/// Makes all candidates for a seat fail to be reserved, but for the last of those whom leaving the pools costs most, if
/// one is to be found.
pub(super) fn bind_candidates<T: Config>(id: ShardId, seat: u8, found: bool) {
	let spec = Jobs::<T>::get(id.job).expect("the job exists").spec;
	let shard = Shards::<T>::get(id.job, id.index).unwrap_or_else(|| {
		let job = Jobs::<T>::get(id.job).expect("the job exists");
		Pallet::<T>::new_shard(&job, &spec, id.index, &T::Parameters::get()).expect("the price is small")
	});
	let (mut candidates, _) = Pallet::<T>::candidates(id, &spec, &shard, seat, (MAX_DRAWS, usize::MAX), &round::<T>());
	candidates.truncate(MAX_TRIED);
	assert!(candidates.len() > MAX_TRIED / 2, "a draw of a crowd finds many");
	let crowd: Vec<AccountId> = (0..CROWD).map(|n| account("provider", n, 0)).collect();
	let last = candidates
		.iter()
		.rposition(|candidate| crowd.contains(&candidate.provider))
		.expect("some of them are of the crowd");
	for (place, candidate) in candidates.iter().enumerate() {
		if !found || place != last {
			T::Providers::benchmark_provider(&candidate.provider, &operator(0), Bound);
		}
	}
}

/// A shard in custody, its payees' accounts gone and as much withheld for each as opens an account.
pub(super) fn kept<T: Config>(job: JobId) -> ShardId {
	let mut record = Jobs::<T>::get(job).expect("the job was submitted");
	let mut spec = record.spec.clone();
	spec.verification = Verification::Replicated { replicas: SEATS };
	let id = ShardId {
		job,
		index: record.cursor,
	};
	let mut shard =
		Pallet::<T>::new_shard(&record, &spec, id.index, &T::Parameters::get()).expect("the price is small");
	let part = T::Currency::minimum_balance().max(1);
	for (seat, slot) in shard.seats.iter_mut().enumerate() {
		let provider: AccountId = account("gone", seat as u32, id.index);
		let place = Place {
			seat: seat as u8,
			kept: true,
		};
		AssignmentsOf::<T>::insert(&provider, id, place);
		slot.holder = Some(Holder {
			provider,
			operator: operator(seat as u32),
			ask: spec.price_cap,
			state: SeatState::Revealed,
			due: NEVER,
			drawn: NOW,
			slot: false,
			stake: Stake::default(),
		});
	}
	shard.reserve = part * Balance::from(SEATS);
	shard.closed = Some(0);
	shard.custody = Some(Custody {
		report: REPORT,
		ends: NOW + 1,
		until: NOW + 1,
		withheld: BoundedVec::truncate_from(vec![part; SEATS.into()]),
		demands: 0,
	});
	shard.excluded = BoundedVec::truncate_from((0..MAX_VACATED).map(exclusion).collect());
	Shards::<T>::insert(job, id.index, shard);
	record.cursor += 1;
	record.accepted += 1;
	record.custody += 1;
	Jobs::<T>::insert(job, record);
	id
}

/// The outcomes of the most tasks that a shard has, all with this output.
pub(super) fn outcomes(output: Blob) -> Vec<Outcome> {
	let outcome = Outcome {
		status: Status::Success,
		code: 0,
		output,
		errors: [0; 32],
		gas_used: 1,
	};
	vec![outcome; MAX_SHARD_TASKS as usize]
}

/// A shard in custody with these outcomes, whose keepers have as much at stake as they may lose.
pub(super) fn kept_with<T: Config>(job: JobId, outcomes: &[Outcome]) -> ShardId {
	change::<T>(job, |job| {
		(job.spec.tasks, job.spec.shard_size) = (outcomes.len() as u32, outcomes.len() as u32);
	});
	let id = kept::<T>(job);
	let providers = team::<T>(SEATS.into(), Spare);
	change_shard::<T>(id, |shard| {
		for (slot, provider) in shard.seats.iter_mut().zip(providers) {
			let holder = slot.holder.as_mut().expect("it was filled");
			T::Providers::reserve(&provider, MILL).expect("it has bond and slots to spare");
			T::Providers::free_slot(&provider);
			let place = AssignmentsOf::<T>::take(&holder.provider, id).expect("it is listed");
			AssignmentsOf::<T>::insert(&provider, id, place);
			(holder.provider, holder.stake.liability) = (provider, MILL);
		}
		let custody = shard.custody.as_mut().expect("it is kept");
		custody.report = millrace_primitives::outcome::report(outcomes).expect("the gas is a number");
	});
	id
}

/// Serves the one timer that is due next.
pub(super) fn serve_one<T: Config>() {
	Pallet::<T>::serve_timers(&mut WeightMeter::with_limit(Pallet::<T>::timer_weight()), true);
}

/// Drops the timers of the preparations, arms this one for the next market block, another one before it, and moves the
/// clock there.
pub(super) fn only_timer<T: Config>(action: TimerAction, target: MarketBlock) {
	crate::NextTimers::<T>::put(NextRecord {
		served: NOW,
		..Default::default()
	});
	let _ = crate::Timers::<T>::clear(u32::MAX, None);
	// The last one is served first.
	for action in [TimerAction::BackOff { job: JobId(u64::MAX) }, action] {
		Pallet::<T>::list_on_page(target, TimerEntry { target, action });
	}
	Clock::<T>::mutate(|clock| clock.now = NOW + 1);
}

/// The same with the timer of a shard that has these deadlines, one of which is over then and others are not.
pub(super) fn only_timer_of<T: Config>(id: ShardId, change: impl FnOnce(&mut ShardRecord)) {
	change_shard::<T>(id, |shard| {
		change(shard);
		shard.alarm = NOW + 1;
	});
	only_timer::<T>(TimerAction::Shard { shard: id }, NOW + 1);
}

/// The time of a shard's first seat is over in the next market block.
pub(super) fn hurry(shard: &mut ShardRecord) {
	if let Some(holder) = shard.seats.first_mut().and_then(|seat| seat.holder.as_mut()) {
		holder.due = NOW + 1;
	}
}
