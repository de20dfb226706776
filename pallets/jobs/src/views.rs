//! What the runtime API shows. Run off chain only: some of it iterates, each within a bound.

use crate::{
	keeping::Promise, AssignmentsOf, Config, Demands, Holder, JobRecord, Jobs, Pallet, Programs, Seeds, ShardRecord,
	Shards, NEVER,
};
use alloc::{string::String, vec::Vec};
use frame_support::traits::Get;
use millrace_court::demand::{Part, Wanted};
use millrace_primitives::{
	api::{
		AssignmentView, DemandView, Explanation, JobView, ProgramView, Quote, Reason, SeatSummary, ShardView, MAX_PAGE,
		SHARD_WINDOW,
	},
	job::{Endpoint, JobStatus, SeatEvent, SeatState, ShardState},
	machine, money,
	provider::Census,
	traits::{Called, DrawnSeat, Pace, ProviderRegistry, Verifier},
	window::windows,
	AccountId, Balance, JobId, JobSpec, MarketBlock, ProgramId, ShardId,
};

fn urls(endpoints: &[Endpoint]) -> Vec<String> {
	endpoints
		.iter()
		.map(|endpoint| String::from_utf8_lossy(endpoint).into_owned())
		.collect()
}

/// The market block by which this pallet wants the seat to leave its state, if it does.
fn due_of(holder: &Holder) -> Option<MarketBlock> {
	let counted = matches!(holder.state, SeatState::Assigned | SeatState::Accepted) && !holder.waits();
	counted.then_some(holder.due)
}

impl<T: Config> Pallet<T> {
	/// A published program.
	pub fn program_view(id: ProgramId) -> Option<ProgramView> {
		let program = Programs::<T>::get(id)?;
		Some(ProgramView {
			id,
			engine: program.engine,
			roots: program.roots,
			module: program.module,
			address: machine::address(&program.module),
			publisher: program.publisher,
			deposit: program.deposit,
			open_jobs: program.open_jobs,
		})
	}

	/// A job; none once all its state is gone.
	pub fn job_view(id: JobId) -> Option<JobView> {
		let job = Jobs::<T>::get(id)?;
		let spec = job.spec.clone();
		let pace = Self::pace_of(id);
		Some(JobView {
			id,
			client: job.client.clone(),
			status: job.status,
			program: spec.program,
			image: spec.image,
			setup: spec.setup,
			input_root: spec.input_root,
			tasks: spec.tasks,
			shard_size: spec.shard_size,
			limits: spec.limits,
			input_limit: spec.input_limit,
			price_cap: job.price_cap,
			verification: spec.verification,
			constraints: spec.constraints,
			preferences: spec.preferences,
			endpoints: urls(&spec.endpoints),
			submitted_at: pace.market(job.submitted_at),
			expires_at: pace.market(job.expires_at),
			escrow: job.escrow,
			paid: job.paid,
			fees: job.fees,
			shards: job.shards,
			waiting: job.waiting(),
			running: job.running,
			accepted: job.accepted,
			failed: job.failed,
		})
	}

	/// The shards of a job under way or in custody among the [`SHARD_WINDOW`] indices from `first` on, in order, at most
	/// `count` and at most [`MAX_PAGE`].
	pub fn shard_views(id: JobId, first: u32, count: u32) -> Vec<ShardView> {
		let Some(job) = Jobs::<T>::get(id) else {
			return Vec::new();
		};
		let spec = &job.spec;
		let pace = Self::pace_of(id);
		(first..first.saturating_add(SHARD_WINDOW).min(job.cursor))
			.filter_map(|index| {
				let shard = Shards::<T>::get(id, index)?;
				let shard_id = ShardId { job: id, index };
				Some(ShardView {
					id: shard_id,
					first_task: spec.first_task(index),
					tasks: spec.tasks_in(index),
					state: Self::state_of(shard_id, &shard),
					engine: shard.terms.engine,
					seats: Self::seat_summaries(shard_id, &shard, pace),
					report: shard.custody.as_ref().map(|custody| custody.report),
					custody_until: shard.custody.as_ref().map(|custody| pace.market(custody.until)),
				})
			})
			.take(count.min(MAX_PAGE) as usize)
			.collect()
	}

	/// How far a seat's holder is, once the verifier has said whether it has revealed.
	fn seat_state(holder: &Holder, called: &Called) -> SeatState {
		match called.revealed {
			true => holder.state.on(SeatEvent::Reveal).ok().flatten(),
			false => None,
		}
		.unwrap_or(holder.state)
	}

	/// The same of a seat of which nothing else is asked.
	fn state_of_seat(id: ShardId, holder: &Holder) -> SeatState {
		match holder.state {
			SeatState::Sealed => Self::seat_state(holder, &T::Verifier::called(id, &holder.provider)),
			state => state,
		}
	}

	/// A shard's state is that of its least advanced seat. Seats that are not filled any more do not count.
	fn state_of(id: ShardId, shard: &ShardRecord) -> ShardState {
		if shard.custody.is_some() {
			return ShardState::Custody;
		}
		let least = shard
			.seats
			.iter()
			.filter(|seat| seat.holder.is_some() || shard.closed.is_none())
			.map(|seat| seat.holder.as_ref().map(|holder| Self::state_of_seat(id, holder)))
			.min()
			.flatten();
		match least {
			None => ShardState::Queued,
			Some(SeatState::Assigned) => ShardState::Assigned,
			Some(SeatState::Accepted) => ShardState::Accepted,
			Some(SeatState::Sealed) => ShardState::Sealed,
			Some(SeatState::Revealed) => ShardState::Reported,
		}
	}

	fn seat_summaries(id: ShardId, shard: &ShardRecord, pace: Pace) -> Vec<SeatSummary> {
		let endpoint = |provider: &AccountId| {
			T::Providers::endpoint(provider).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
		};
		shard
			.seats
			.iter()
			.zip(0u8..)
			.map(|(seat, index)| {
				let holder = seat.holder.as_ref();
				SeatSummary {
					index,
					provider: holder.map(|holder| holder.provider.clone()),
					endpoint: holder.and_then(|holder| endpoint(&holder.provider)),
					state: holder.map(|holder| Self::state_of_seat(id, holder)),
					round: seat.round,
					ask: holder.map_or(0, |holder| holder.ask),
					due: holder.and_then(due_of).map(|due| pace.market(due)),
				}
			})
			.collect()
	}

	/// What a provider, named by its account or its operator's, has to do or waits for, at most [`MAX_PAGE`]: first what
	/// it must act on, then what waits for others; each the oldest first. The seats that the verifier drew are among them.
	pub fn assignments_of(who: &AccountId) -> Vec<AssignmentView> {
		let provider = Self::provider_named(who);
		let mut held: Vec<(ShardId, u8)> = AssignmentsOf::<T>::iter_prefix(&provider)
			.filter(|(_, place)| !place.kept)
			.map(|(id, place)| (id, place.seat))
			.collect();
		held.sort_unstable();
		let mut views: Vec<AssignmentView> = held
			.into_iter()
			.filter_map(|(id, seat)| Self::assignment_view(id, seat))
			.collect();
		let mut drawn = T::Verifier::drawn_seats(&provider);
		drawn.sort_unstable_by_key(|seat| (seat.shard, seat.index));
		views.extend(drawn.iter().filter_map(|seat| Self::drawn_view(&provider, seat)));
		// What waits for others must not hide what waits for this provider.
		views.sort_by_cached_key(|view| {
			let acts = match view.state {
				Some(SeatState::Assigned) => true,
				Some(SeatState::Accepted) => view.held,
				Some(SeatState::Revealed) => T::Verifier::called(view.shard, &provider).disputed,
				_ => view.reveal_open,
			};
			(!acts, view.state)
		});
		views.truncate(MAX_PAGE as usize);
		views
	}

	/// The shards whose outputs a provider, named by its account or its operator's, keeps, in the order of storage after
	/// the shard `after`; at most `count` and at most [`MAX_PAGE`].
	pub fn custody_of(who: &AccountId, after: Option<ShardId>, count: u32) -> Vec<AssignmentView> {
		let provider = Self::provider_named(who);
		match after {
			Some(after) => {
				AssignmentsOf::<T>::iter_prefix_from(&provider, AssignmentsOf::<T>::hashed_key_for(&provider, after))
			}
			None => AssignmentsOf::<T>::iter_prefix(&provider),
		}
		.filter(|(_, place)| place.kept)
		.filter_map(|(id, place)| Self::assignment_view(id, place.seat))
		.take(count.min(MAX_PAGE) as usize)
		.collect()
	}

	/// The parts of outputs that are demanded of a provider, named by its account or its operator's, or by a client; those that
	/// are due first before others, at most [`MAX_PAGE`]. Looks at all demands there are.
	pub fn demands_of(who: &AccountId) -> Vec<DemandView> {
		let provider = Self::provider_named(who);
		// Those of a shard follow each other.
		let mut last = None;
		let mut is_of = move |id: ShardId| match last {
			Some((known, of)) if known == id => of,
			_ => {
				let of = Self::keeps(&provider, id) || Jobs::<T>::get(id.job).is_some_and(|job| job.client == *who);
				last = Some((id, of));
				of
			}
		};
		let mut found: Vec<DemandView> = Demands::<T>::iter()
			.filter(|(id, _, _)| is_of(*id))
			.map(|(shard, Wanted { task, part }, demand)| DemandView {
				shard,
				task,
				chunk: match part {
					Part::Outcome => None,
					Part::Chunk(chunk) => Some(chunk),
				},
				due: Self::pace_of(shard.job).market(demand.due),
				deposit: demand.deposit,
			})
			.collect();
		found.sort_unstable_by_key(|view| (view.due, view.shard, view.task, view.chunk));
		found.truncate(MAX_PAGE as usize);
		found
	}

	/// Whoever left may still be owed what was withheld, so an account that is no provider stands for itself.
	fn provider_named(who: &AccountId) -> AccountId {
		T::Providers::provider_named(who).unwrap_or_else(|| who.clone())
	}

	/// A seat that the client bought, of a shard under way or in custody.
	fn assignment_view(id: ShardId, seat: u8) -> Option<AssignmentView> {
		let shard = Shards::<T>::get(id.job, id.index)?;
		let slot = shard.seats.get(usize::from(seat))?;
		let holder = slot.holder.as_ref()?;
		let mut view = Self::work_view(id, seat, &shard)?;
		view.round = slot.round;
		let pace = Self::pace_of(id.job);
		if let Some(custody) = &shard.custody {
			view.due = pace.market(custody.until);
			return Some(view);
		}
		view.state = Some(holder.state);
		view.held = shard.closed.is_some() || holder.may_compute();
		view.due = pace.market(holder.due);
		view.decline_by = pace.market(shard.leaves_in_time_until(holder));
		view.leave_from = match shard.leaves_in_time_from(holder) {
			NEVER => NEVER,
			from => pace.market(from),
		};
		if holder.state >= SeatState::Sealed {
			let called = T::Verifier::called(id, &holder.provider);
			let state = Self::seat_state(holder, &called);
			view.state = Some(state);
			view.reveal_open = state == SeatState::Sealed && called.reveal_by.is_some();
			view.due = called.reveal_by.filter(|_| view.reveal_open).unwrap_or(NEVER);
			view.shown = called.shown;
		}
		Some(view)
	}

	/// A seat that the verifier drew. It is drawn once, so it has one round.
	fn drawn_view(provider: &AccountId, seat: &DrawnSeat) -> Option<AssignmentView> {
		let shard = Self::running(seat.shard)?;
		let called = T::Verifier::called(seat.shard, provider);
		Some(AssignmentView {
			state: Some(seat.state),
			reveal_open: seat.state == SeatState::Sealed && called.reveal_by.is_some(),
			due: called.reveal_by.unwrap_or(seat.due),
			decline_by: seat.due,
			sample: called.tasks,
			shown: called.shown,
			..Self::work_view(seat.shard, seat.index, &shard)?
		})
	}

	/// What there is to compute for a seat; where the seat is, is left open.
	fn work_view(id: ShardId, seat: u8, shard: &ShardRecord) -> Option<AssignmentView> {
		let spec = Jobs::<T>::get(id.job)?.spec;
		let program = Programs::<T>::get(spec.program)?;
		Some(AssignmentView {
			shard: id,
			seat,
			round: 0,
			state: None,
			held: true,
			reveal_open: false,
			due: NEVER,
			decline_by: NEVER,
			leave_from: NEVER,
			sample: None,
			shown: Vec::new(),
			engine: shard.terms.engine,
			program: spec.program,
			roots: program.roots,
			module: program.module,
			image: spec.image,
			setup: spec.setup,
			input_root: spec.input_root,
			job_tasks: spec.tasks,
			first_task: spec.first_task(id.index),
			tasks: spec.tasks_in(id.index),
			limits: spec.limits,
			input_limit: spec.input_limit,
			endpoints: urls(&spec.endpoints),
		})
	}

	/// What a job would cost under the present parameters; none if it would not be accepted, as its specification is not
	/// valid, its price below the least one, its deadline too far away, its window too short, a shard too long, or its memory limit below what its program starts with. A
	/// program that is not published yet counts as an empty one. The liability is that of a newcomer, an account that nothing is
	/// known of: the more a provider has worked, the more it has at stake, since it is audited less often.
	pub fn quote(spec: &JobSpec) -> Option<Quote> {
		spec.validate().ok()?;
		let params = T::Parameters::get();
		let late = spec.deadline > params.max_deadline;
		if late || spec.price_cap < params.min_price || !Self::is_long_enough(spec) {
			return None;
		}
		let promise = Promise::new(spec, &params);
		let shards = spec.shards();
		let last_tasks = spec.tasks_in(shards.checked_sub(1)?);
		let (reserve, last_reserve) = Self::reserves(spec, spec.price_cap, promise).ok()?;
		let escrow = crate::reserve_for(reserve, last_reserve, shards)?;
		let cap = money::seat_cap(spec.price_cap, spec.limits.gas, spec.shard_size)?;
		let last_cap = money::seat_cap(spec.price_cap, spec.limits.gas, last_tasks)?;
		let seats = Balance::from(spec.verification.seats());
		let payments = crate::reserve_for(cap, last_cap, shards)?.checked_mul(seats)?;
		let keeping = |tasks| Self::storage_cap(spec.price_cap, promise.storage_gas, tasks);
		let storage =
			crate::reserve_for(keeping(spec.shard_size)?, keeping(last_tasks)?, shards)?.checked_mul(seats)?;
		let fee = |cap| money::fee(cap, params.fee_share);
		let fees = crate::reserve_for(fee(cap), fee(last_cap), shards)?.checked_mul(seats)?;
		let program = Programs::<T>::get(spec.program);
		if let Some(program) = &program {
			Self::check_fit(spec, program).ok()?;
		}
		let module_len = program.map_or(0, |program| program.module.len);
		if !Self::is_short_enough(spec, module_len, &params) {
			return None;
		}
		let longest = spec.shard_size.min(spec.tasks);
		Some(Quote {
			escrow,
			payments,
			storage,
			fees,
			submission_fee: Self::submission_fee(spec, module_len, &params)?,
			liability: T::Verifier::stake(
				&AccountId::new([0; 32]),
				Self::whole_cap(spec, spec.price_cap, promise.storage_gas, longest)?,
			)?
			.liability,
			execution_window: windows(spec, module_len, longest, &params).execution,
			census: T::Providers::census(&Self::draw_request(spec, spec.price_cap)),
		})
	}

	/// Why a job's waiting work is where it is.
	pub fn explain(id: JobId) -> Option<Explanation> {
		let job = Jobs::<T>::get(id)?;
		// Vacant seats of shards under way keep the price of their start; the job's own is never lower.
		let census = T::Providers::census(&Self::draw_request(&job.spec, job.price_cap));
		let next_try = Self::next_try(&job);
		let failed = job.fresh.tries > 0 || job.vacancies.iter().any(|vacancy| vacancy.readiness.tries > 0);
		let reason = match job.status {
			JobStatus::Suspended(_) => Reason::Suspended,
			_ if job.next_ready().is_some() && Self::pace_of(id).frozen => Reason::Frozen,
			_ if job.next_ready().is_none() => Reason::NothingWaits,
			_ if !failed => Reason::DrawPending,
			_ => reason_of(&census),
		};
		Some(Explanation {
			reason,
			census,
			next_try,
		})
	}

	fn next_try(job: &JobRecord) -> Option<MarketBlock> {
		if job.retry.is_some() {
			return job.retry;
		}
		let ready = job.next_ready()?;
		let wait = ready.saturating_sub(Seeds::<T>::get().count).max(1);
		Some(Self::now_block().saturating_add(wait))
	}
}

fn reason_of(census: &Census) -> Reason {
	match census {
		Census { in_class: 0, .. } => Reason::NoneInClass,
		Census { in_region: 0, .. } => Reason::NoneInRegion,
		Census { affordable: 0, .. } => Reason::PriceTooLow,
		_ => Reason::NoneEligible,
	}
}
