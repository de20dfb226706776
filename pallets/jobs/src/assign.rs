//! The tick: the clock, the seeds, due timers, then one seat after the other for the jobs in the ready queue.
//!
//! A seat may be drawn once all VRF outputs of its seed are newer than the wish to draw it. After a seat of a shard is
//! drawn, the shard's other seats wait for one more output: replicas are drawn in different blocks by different seeds. A
//! shard starts only if there are as many candidates as it has seats, so that nobody is bound to one that cannot fill.

use crate::{
	timers::TimerAction, AssignmentsOf, Config, Event, Failure, Holder, JobRecord, Jobs, Pallet, Place, Readiness,
	ReadyFirst, Seat, SeedRing, Seeds, ShardRecord, Shards, Terms, Vacancy, WeightInfo, MAX_DROPPED, MAX_SEED_BLOCKS,
	MAX_TRIED, NEVER,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
	storage::with_storage_layer,
	traits::{Get, Randomness},
	weights::{Weight, WeightMeter},
};
use millrace_primitives::{
	job::SeatState,
	matter::Matter,
	merkle,
	params::JobsParams,
	provider::{Candidate, DrawRequest, RegionSet, MAX_DRAWS},
	traits::{Agreed, AssignmentPolicy, Pace, ProviderRegistry, Verifier, FROZEN_LOOK},
	window::{run_rate, windows},
	AccountId, Balance, Hash, JobId, JobSpec, MarketBlock, ProgramRoots, ShardId,
};
use sp_runtime::Permill;

/// What a visit of a job came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Visit {
	/// There was nothing to do yet.
	Nothing,
	/// A vacancy came in from the backlog, or turned out to be none; there was nothing else to do yet.
	Pulled,
	/// A vacant seat was drawn.
	Drawn,
	/// The first seat of a new shard was drawn.
	Started,
	/// Nobody could be drawn.
	Nobody,
	/// No more seats of a closed job's shard are filled.
	Ended,
}

/// What all visits of a tick share.
#[derive(Clone)]
pub(crate) struct Round {
	/// By the clock of the work that is visited.
	pub(crate) now: MarketBlock,
	/// Whether that is the market's, whatever is visited.
	pub(crate) in_step: bool,
	pub(crate) pace: Pace,
	pub(crate) seeds: SeedRing,
	pub(crate) params: JobsParams,
}

/// What a draw came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Draw {
	/// True if the seat has a holder.
	pub(crate) found: bool,
	/// Candidates that turned out to be stale and left the pools.
	pub(crate) dropped: u32,
}

impl<T: Config> Pallet<T> {
	/// The clock of a job's work. As a rule that is one read.
	pub(crate) fn pace_of(id: JobId) -> Pace {
		if T::Verifier::in_step() {
			return Pace::default();
		}
		Jobs::<T>::get(id).map_or_else(Pace::default, |job| T::Verifier::pace(&job.spec.program, job.engine))
	}

	/// The most that one visit of a job weighs.
	pub(crate) fn visit_weight() -> Weight {
		let drawing = T::WeightInfo::draw_seat()
			.max(T::WeightInfo::start_shard())
			.max(T::WeightInfo::draw_nobody());
		drawing
			.saturating_add(T::WeightInfo::drop_stale().saturating_mul(MAX_DROPPED.into()))
			.max(T::WeightInfo::visit_nothing())
			.max(T::WeightInfo::end_shard())
			.saturating_add(Self::pace_weight())
	}

	/// What a visit weighed that dropped so many stale candidates.
	fn visited_weight(visit: Visit, dropped: u32) -> Weight {
		let visited = match visit {
			Visit::Nothing | Visit::Pulled => T::WeightInfo::visit_nothing(),
			Visit::Drawn => T::WeightInfo::draw_seat(),
			Visit::Started => T::WeightInfo::start_shard(),
			Visit::Nobody => T::WeightInfo::draw_nobody(),
			Visit::Ended => T::WeightInfo::end_shard(),
		};
		visited.saturating_add(T::WeightInfo::drop_stale().saturating_mul(dropped.into()))
	}

	/// Serves one block.
	pub(crate) fn tick(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::tick()).is_err() {
			return;
		}
		let goes = Self::advance_clock();
		let output = T::Randomness::random(b"millrace:draw").0;
		if !goes {
			output.into_iter().for_each(Self::keep);
			meter.consume(T::Providers::move_pools(meter.remaining()));
			return;
		}
		if let Some(output) = output {
			Self::collect(output);
		}
		// Half for timers, so that many due at once cannot keep the queue from being served.
		let share = (meter.remaining() / 2).max(Self::timer_weight()).min(meter.remaining());
		let mut timers = WeightMeter::with_limit(share);
		Self::serve_timers(&mut timers, true);
		meter.consume(timers.consumed());
		if output.is_some() {
			// An eighth is left for providers that move in the pools: after the draws, see there.
			let mut draws = WeightMeter::with_limit(meter.remaining() - meter.remaining() / 8);
			Self::serve_queue(&mut draws);
			meter.consume(draws.consumed());
		}
		meter.consume(T::Providers::move_pools(meter.remaining()));
	}

	/// Keeps a VRF output and passes it on.
	pub(crate) fn collect(output: Hash) {
		T::Verifier::on_output(output);
		Self::keep(output);
	}

	/// Keeps a VRF output for the draws to come.
	fn keep(output: Hash) {
		Seeds::<T>::mutate(|seeds| {
			seeds.count = seeds.count.saturating_add(1);
			if seeds.outputs.is_full() {
				seeds.outputs.remove(0);
			}
			let pushed = seeds.outputs.try_push(output);
			debug_assert!(pushed.is_ok(), "room was made above");
		});
	}

	/// What the visits of this block share.
	pub(crate) fn round() -> Round {
		Round {
			now: Self::now_block(),
			in_step: T::Verifier::in_step(),
			pace: Pace::default(),
			seeds: Seeds::<T>::get(),
			params: T::Parameters::get(),
		}
	}

	/// Visits the jobs in the ready queue in turn, until the meter is used up or a whole turn brought nothing.
	pub(crate) fn serve_queue(meter: &mut WeightMeter) {
		let round = Self::round();
		let count = round.seeds.count;
		let queued = || ReadyFirst::<T>::get().ready(count);
		// Entries put back since the last one that brought something.
		let mut idle = 0;
		while meter.can_consume(Self::visit_weight()) {
			let length = queued();
			if idle >= length {
				return;
			}
			let Some(job) = Self::pop_ready(count) else { continue };
			let (visit, dropped) = Self::visit(job, &round);
			meter.consume(Self::visited_weight(visit, dropped));
			if !round.in_step {
				meter.consume(Self::pace_weight());
			}
			if matches!(visit, Visit::Drawn | Visit::Started | Visit::Ended | Visit::Pulled) {
				idle = 0;
			} else if queued() == length {
				idle += 1;
			}
		}
	}

	/// One seat, or the end of drawing for one shard, for a job; also how many stale candidates were dropped.
	pub(crate) fn visit(id: JobId, round: &Round) -> (Visit, u32) {
		let Some(mut job) = Jobs::<T>::get(id) else {
			return (Visit::Nothing, 0);
		};
		job.queued = false;
		let paced;
		let round = match round.in_step {
			true => round,
			false => {
				let pace = Self::pace_of(id);
				if pace.frozen {
					// Nobody is drawn, and whatever waits is looked at again later.
					let at = round.now.saturating_add(FROZEN_LOOK);
					job.retry = Some(at);
					Self::arm(TimerAction::BackOff { job: id }, at);
					Jobs::<T>::insert(id, job);
					return (Visit::Nothing, 0);
				}
				paced = Round {
					now: pace.at(round.now),
					pace,
					..round.clone()
				};
				&paced
			}
		};
		let pulled = Self::pull_backlog(id, &mut job);
		let count = round.seeds.count;
		let nothing = job.next_ready().is_none();
		let vacancy = job
			.vacancies
			.iter()
			.position(|vacancy| vacancy.readiness.ready <= count);
		let visit = match vacancy {
			_ if nothing => (Visit::Nothing, 0),
			Some(place) => Self::fill_vacancy(id, &mut job, place, round),
			None if job.may_start() && job.fresh.ready <= count => Self::start_shard(id, &mut job, round),
			None if pulled => (Visit::Pulled, 0),
			None => (Visit::Nothing, 0),
		};
		Self::conclude(id, job);
		visit
	}

	/// Draws a provider for a vacant seat, or gives the vacant seats up if the shard's job is closed and time is up for them.
	fn fill_vacancy(id: JobId, job: &mut JobRecord, place: usize, round: &Round) -> (Visit, u32) {
		let mut vacancy = job.vacancies.remove(place);
		let shard_id = ShardId {
			job: id,
			index: vacancy.shard,
		};
		let Some(mut shard) = Shards::<T>::get(id, vacancy.shard) else {
			return (Visit::Nothing, 0);
		};
		let grace_ends = job.expires_at.saturating_add(shard.terms.execution_window);
		if !job.is_open() {
			let deserted = shard.seats.iter().all(|seat| seat.holder.is_none());
			if deserted || round.now >= grace_ends {
				Self::close_sealing(shard_id, job, shard, Failure::Closed);
				return (Visit::Ended, 0);
			}
		}
		let count = round.seeds.count;
		shard.readmit(job.top_ups);
		let draw = Self::draw_seat(shard_id, &job.spec, &mut shard, vacancy.seat, None, round);
		if !draw.found {
			vacancy.readiness.back_off(count);
			if !job.is_open() {
				// Its end must not wait for a long back-off.
				let left = grace_ends.saturating_sub(round.now).max(1);
				vacancy.readiness.ready = vacancy.readiness.ready.min(count.saturating_add(left));
			}
			let pushed = job.vacancies.try_push(vacancy);
			debug_assert!(pushed.is_ok(), "it was taken out above");
			return (Visit::Nobody, draw.dropped);
		}
		Shards::<T>::insert(id, vacancy.shard, shard);
		for other in job.vacancies.iter_mut().filter(|other| other.shard == vacancy.shard) {
			other.readiness.ready = other.readiness.ready.max(count.saturating_add(1));
		}
		(Visit::Drawn, draw.dropped)
	}

	/// Draws a provider for the first seat of the job's next shard and so starts it, if the draw finds enough for all its
	/// seats.
	fn start_shard(id: JobId, job: &mut JobRecord, round: &Round) -> (Visit, u32) {
		let index = job.cursor;
		let count = round.seeds.count;
		let Some(mut shard) = Self::new_shard(job, &job.spec, index, &round.params) else {
			job.fresh.back_off(count);
			return (Visit::Nobody, 0);
		};
		let shard_id = ShardId { job: id, index };
		let draw = Self::draw_seat(shard_id, &job.spec, &mut shard, 0, Some(&job.client), round);
		if !draw.found {
			job.fresh.back_off(count);
			return (Visit::Nobody, draw.dropped);
		}
		job.cursor = job.cursor.saturating_add(1);
		job.running = job.running.saturating_add(1);
		job.fresh.tries = 0;
		for seat in 1..job.spec.verification.seats() {
			let readiness = Readiness {
				ready: count.saturating_add(1),
				tries: 0,
			};
			let pushed = job.vacancies.try_push(Vacancy {
				shard: index,
				seat,
				readiness,
			});
			debug_assert!(pushed.is_ok(), "`may_start` saw to the room");
		}
		Shards::<T>::insert(id, index, shard);
		(Visit::Started, draw.dropped)
	}

	/// A shard under the present terms, all its seats vacant. `None` if its price overflows.
	pub(crate) fn new_shard(job: &JobRecord, spec: &JobSpec, index: u32, params: &JobsParams) -> Option<ShardRecord> {
		let tasks = spec.tasks_in(index);
		let seat_cap = Self::whole_cap(spec, job.price_cap, job.storage_gas, tasks)?;
		let storage =
			Self::storage_cap(job.price_cap, job.storage_gas, tasks)?.checked_mul(spec.verification.seats().into())?;
		let windows = windows(spec, job.module_len, tasks, params);
		let seats: Vec<Seat> = (0..spec.verification.seats()).map(|_| Seat::default()).collect();
		Some(ShardRecord {
			terms: Terms {
				engine: job.engine,
				gas_limit: spec.limits.gas.saturating_mul(tasks.into()),
				price_cap: job.price_cap,
				seat_cap,
				fee_share: job.fee_share,
				burn_share: params.burn_share,
				accept_window: windows.accept,
				execution_window: windows.execution,
				custody_period: job.custody_period,
				storage_gas: job.storage_gas.saturating_mul(tasks.into()),
				custody_share: params.custody_share,
				crowded: false,
			},
			reserve: job.reserve_of(index).checked_sub(storage)?,
			storage,
			seats: seats.try_into().ok()?,
			excluded: Default::default(),
			closed: None,
			tells: job.shards > 1,
			fill: NEVER,
			alarm: NEVER,
			custody: None,
		})
	}

	/// What is judged of a shard.
	pub(crate) fn matter_of(spec: &JobSpec, roots: ProgramRoots, engine: u8, index: u32) -> Matter {
		Matter {
			engine,
			program: spec.program,
			roots,
			image: spec.image,
			setup: spec.setup,
			input_root: spec.input_root,
			job_tasks: spec.tasks,
			first_task: spec.first_task(index),
			tasks: spec.tasks_in(index),
			limits: spec.limits,
		}
	}

	/// What the verifier is told of a shard that starts. Whom it draws itself may be anywhere, a newcomer, and twice as dear as
	/// the client wants: an audit must not fail because the client knows who could do it.
	pub(crate) fn agreed(
		client: &AccountId,
		spec: &JobSpec,
		shard: &ShardRecord,
		index: u32,
		params: &JobsParams,
	) -> Agreed {
		let terms = &shard.terms;
		Agreed {
			client: client.clone(),
			program: spec.program,
			engine: terms.engine,
			tasks: spec.tasks_in(index),
			limits: spec.limits,
			verification: spec.verification,
			cap: terms.seat_cap,
			fee_share: terms.fee_share,
			request: DrawRequest {
				regions: RegionSet::ANY,
				min_reputation: Permill::zero(),
				..Self::draw_request(spec, terms.price_cap.saturating_mul(2))
			},
			working: terms.accept_window.saturating_add(terms.execution_window),
			run_rate: run_rate(spec.limits.memory_pages, params),
			reserve: shard.reserve,
		}
	}

	/// What a draw asks of providers for this job at this price.
	pub(crate) fn draw_request(spec: &JobSpec, price_cap: Balance) -> DrawRequest {
		DrawRequest {
			class: spec.constraints.class,
			regions: spec.constraints.regions,
			price_cap,
			memory_pages: spec.limits.memory_pages,
			min_reputation: spec.constraints.min_reputation,
		}
	}

	/// The candidates for a seat among so many looks, in the order in which they are tried; of no more than are enough. And whether
	/// it could have found enough others for nobody to be sure of the seat.
	pub(crate) fn candidates(
		id: ShardId,
		spec: &JobSpec,
		shard: &ShardRecord,
		seat: u8,
		(draws, enough): (u32, usize),
		round: &Round,
	) -> (Vec<Candidate>, bool) {
		let request = Self::draw_request(spec, shard.terms.price_cap);
		let seat_round = shard.seats.get(usize::from(seat)).map_or(0, |seat| seat.round);
		let outputs = &round.seeds.outputs;
		let wanted = Self::seed_blocks(&round.params).min(MAX_SEED_BLOCKS) as usize;
		let newest = &outputs[outputs.len().saturating_sub(wanted)..];
		let seed = merkle::hash(&(b"millrace:draw", newest, id, seat, seat_round).encode());
		let drawn = T::Providers::draw(&request, seed, draws, enough);
		let crowded = drawn.could_find(round.params.least_crowd.into());
		let mut drawn = drawn.candidates;
		drawn.retain(|candidate| {
			candidate.ask <= request.price_cap
				&& !shard.excludes(&candidate.provider)
				&& shard.seat_of(&candidate.provider).is_none()
		});
		let ordered = T::Policy::order(&spec.verification, &spec.preferences, request.price_cap, &drawn)
			.into_iter()
			.filter_map(|place| drawn.get(place).cloned())
			.collect();
		(ordered, crowded)
	}

	/// Draws a provider for a seat and hands the seat to it. With a client the shard starts by it: the draw looks at as many as it
	/// may, must find as many candidates as there are seats, and the verifier is told.
	fn draw_seat(
		id: ShardId,
		spec: &JobSpec,
		shard: &mut ShardRecord,
		seat: u8,
		client: Option<&AccountId>,
		round: &Round,
	) -> Draw {
		let mut draw = Draw::default();
		if usize::from(seat) >= shard.seats.len() {
			return draw;
		}
		let (draws, least) = match client {
			Some(_) => (MAX_DRAWS, shard.seats.len()),
			None => (u32::from(round.params.draws).clamp(1, MAX_DRAWS), 1),
		};
		let mut refused = Vec::new();
		// Mostly one of the first who are found can take it, and each look costs a read.
		for enough in [least, usize::MAX] {
			let (candidates, crowded) = Self::candidates(id, spec, shard, seat, (draws, enough), round);
			if candidates.len() < least {
				continue;
			}
			if client.is_some() {
				shard.terms.crowded = crowded;
			}
			for candidate in candidates {
				if refused.len() >= MAX_TRIED {
					return draw;
				}
				let Candidate { provider, ask, .. } = candidate;
				if refused.contains(&provider) {
					continue;
				}
				if draw.dropped < MAX_DROPPED && T::Providers::drop_stale(&provider) {
					draw.dropped = draw.dropped.saturating_add(1);
					refused.push(provider);
					continue;
				}
				let Some(operator) = T::Providers::operator_of(&provider) else {
					refused.push(provider);
					continue;
				};
				let stake = T::Verifier::stake(&provider, shard.terms.seat_cap)
					.filter(|stake| T::Providers::reserve(&provider, stake.liability).is_ok());
				let Some(stake) = stake else {
					refused.push(provider);
					continue;
				};
				if client.is_some_and(|client| !Self::open(id, client, spec, shard, round)) {
					T::Providers::free_slot(&provider);
					T::Providers::free_liability(&provider, stake.liability);
					return draw;
				}
				let due = round.now.saturating_add(shard.terms.accept_window);
				if let Some(seat) = shard.seats.get_mut(usize::from(seat)) {
					seat.holder = Some(Holder {
						provider: provider.clone(),
						operator,
						ask,
						state: SeatState::Assigned,
						due,
						drawn: round.now,
						slot: true,
						stake,
					});
				}
				AssignmentsOf::<T>::insert(&provider, id, Place { seat, kept: false });
				// No deadline that comes with acceptance is before that, and so none takes a timer of its own.
				let executed = round.now.saturating_add(shard.terms.execution_window);
				let first = shard.next_due().min(executed);
				Self::act_by(id, shard, first, round.pace);
				Self::deposit_event(Event::ShardAssigned {
					shard: id,
					seat,
					provider,
					due: round.pace.market(due),
				});
				draw.found = true;
				return draw;
			}
		}
		draw
	}

	/// Tells the verifier that a shard starts. False if it refuses; then nothing has changed.
	fn open(id: ShardId, client: &AccountId, spec: &JobSpec, shard: &ShardRecord, round: &Round) -> bool {
		let agreed = Self::agreed(client, spec, shard, id.index, &round.params);
		with_storage_layer(|| T::Verifier::open(id, &agreed)).is_ok()
	}
}
