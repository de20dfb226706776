//! A job's beginning and end as its client sees them: submit, top up, cancel, expire, conclude.

use crate::{
	keeping::Promise, reserve_for, Config, Error, Event, JobRecord, Jobs, NextJob, Pallet, Program, Programs,
	Readiness, MAX_VACANCIES,
};
use frame_support::{
	ensure,
	traits::{
		fungible::Mutate,
		tokens::{Fortitude, Precision, Preservation},
		Get,
	},
};
use millrace_primitives::{
	job::{JobStatus, Verification},
	money,
	params::JobsParams,
	traits::Verifier,
	window::{held, windows},
	AccountId, Balance, JobId, JobSpec, MarketBlock, ENGINE_VERSION,
};
use sp_runtime::{traits::Convert, DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// Checks that a program can run within a job's limits.
	pub(crate) fn check_fit(spec: &JobSpec, program: &Program) -> Result<(), Error<T>> {
		ensure!(program.engine == ENGINE_VERSION, Error::<T>::ProgramOutdated);
		spec.limits.check(&program.roots).map_err(Error::<T>::from)
	}

	/// Whether a single seat's report can be attacked for as long as the court demands at present.
	pub(crate) fn is_long_enough(spec: &JobSpec) -> bool {
		match spec.verification {
			Verification::Replicated { .. } => true,
			Verification::Optimistic { window } => window >= T::Verifier::least_window(),
		}
	}

	/// What is held for a shard of so many tasks: for what the verifier may pay, and for keeping the outputs. `None` on overflow.
	pub(crate) fn reserve_needed(spec: &JobSpec, price_cap: Balance, promise: Promise, tasks: u32) -> Option<Balance> {
		let Promise { fee_share, storage_gas } = promise;
		let seats = spec.verification.seats();
		let cap = Self::whole_cap(spec, price_cap, storage_gas, tasks)?;
		money::shard_reserve(cap, seats, fee_share)?
			.checked_add(T::Verifier::budget(&spec.verification, cap, fee_share)?)?
			.checked_add(Self::storage_cap(price_cap, storage_gas, tasks)?.checked_mul(seats.into())?)
	}

	/// What is held for each full shard and for the last one.
	pub(crate) fn reserves(
		spec: &JobSpec,
		price_cap: Balance,
		promise: Promise,
	) -> Result<(Balance, Balance), DispatchError> {
		let of = |tasks| {
			Self::reserve_needed(spec, price_cap, promise, tasks).ok_or(DispatchError::from(Error::<T>::TooExpensive))
		};
		Ok((
			of(spec.shard_size)?,
			of(spec.tasks_in(spec.shards().saturating_sub(1)))?,
		))
	}

	/// What is burned for a seat of a shard of so many tasks: what the chain does for it, and its slot for as long as the data that
	/// the client declares may take it. `None` on overflow.
	pub(crate) fn seat_fee(spec: &JobSpec, module_len: u32, tasks: u32, params: &JobsParams) -> Option<Balance> {
		let held = Balance::from(held(spec, module_len, tasks, params));
		T::SeatFee::convert(spec.verification.seats()).checked_add(params.slot_price.checked_mul(held)?)
	}

	/// What submission burns: the fee of each seat of each shard. `None` on overflow.
	pub(crate) fn submission_fee(spec: &JobSpec, module_len: u32, params: &JobsParams) -> Option<Balance> {
		let of = |tasks| Self::seat_fee(spec, module_len, tasks, params);
		let last = spec.tasks_in(spec.shards().saturating_sub(1));
		reserve_for(of(spec.shard_size)?, of(last)?, spec.shards())?.checked_mul(spec.verification.seats().into())
	}

	/// Burns a fee of the client's.
	fn burn_fee(client: &AccountId, fee: Balance) -> DispatchResult {
		if fee > 0 {
			T::Currency::burn_from(client, fee, Preservation::Preserve, Precision::Exact, Fortitude::Polite)
				.map_err(|_| Error::<T>::InsufficientFunds)?;
		}
		Ok(())
	}

	/// Whether a shard's execution window, which is fixed when it starts, is within what a job may ask for.
	pub(crate) fn is_short_enough(spec: &JobSpec, module_len: u32, params: &JobsParams) -> bool {
		let longest = spec.shard_size.min(spec.tasks);
		windows(spec, module_len, longest, params).execution <= params.max_execution
	}

	pub(crate) fn do_submit(client: AccountId, spec: JobSpec) -> Result<JobId, DispatchError> {
		spec.validate().map_err(Error::<T>::from)?;
		let params = T::Parameters::get();
		ensure!(spec.price_cap >= params.min_price, Error::<T>::PriceTooLow);
		ensure!(spec.deadline <= params.max_deadline, Error::<T>::DeadlineTooLong);
		ensure!(Self::is_long_enough(&spec), Error::<T>::BadWindow);
		let mut program = Programs::<T>::get(spec.program).ok_or(Error::<T>::UnknownProgram)?;
		Self::check_fit(&spec, &program)?;
		ensure!(
			Self::is_short_enough(&spec, program.module.len, &params),
			Error::<T>::ShardTooLong
		);
		let pace = T::Verifier::pace(&spec.program, program.engine);
		ensure!(!pace.frozen, Error::<T>::Frozen);

		let shards = spec.shards();
		let promise = Promise::new(&spec, &params);
		let (reserve, last_reserve) = Self::reserves(&spec, spec.price_cap, promise)?;
		let escrow = reserve_for(reserve, last_reserve, shards).ok_or(Error::<T>::TooExpensive)?;
		let fee = Self::submission_fee(&spec, program.module.len, &params).ok_or(Error::<T>::TooExpensive)?;
		Self::burn_fee(&client, fee)?;
		Self::hold_escrow(&client, escrow)?;

		let job = NextJob::<T>::mutate(|next| {
			let job = *next;
			next.0 = next.0.saturating_add(1);
			job
		});
		let now = pace.at(Self::now_block());
		let (program_id, deadline, price_cap) = (spec.program, spec.deadline, spec.price_cap);
		let mut record = JobRecord {
			client: client.clone(),
			spec,
			status: JobStatus::Open,
			price_cap,
			fee_share: promise.fee_share,
			custody_period: params.custody_period,
			storage_gas: promise.storage_gas,
			reserve,
			last_reserve,
			escrow,
			paid: 0,
			fees: 0,
			submitted_at: now,
			expires_at: now.saturating_add(deadline),
			engine: program.engine,
			module_len: program.module.len,
			shards,
			cursor: 0,
			running: 0,
			accepted: 0,
			failed: 0,
			custody: 0,
			decliners: Default::default(),
			taken: None,
			fresh: Readiness {
				ready: Self::seed_ready(&params),
				tries: 0,
			},
			vacancies: Default::default(),
			backlog_head: 0,
			backlog_tail: 0,
			queued: false,
			retry: None,
			settled: false,
			top_ups: 0,
		};
		program.open_jobs = program.open_jobs.saturating_add(1);
		Programs::<T>::insert(program_id, program);
		Self::arm_by(crate::timers::TimerAction::Expire { job }, record.expires_at, pace);
		Self::schedule(job, &mut record);
		Jobs::<T>::insert(job, record);
		Self::deposit_event(Event::JobSubmitted {
			job,
			client,
			program: program_id,
			shards,
			escrow,
			burned: fee,
		});
		Ok(job)
	}

	/// The job, if it is this client's.
	pub(crate) fn job_of(client: &AccountId, job: JobId) -> Result<JobRecord, DispatchError> {
		let record = Jobs::<T>::get(job).ok_or(Error::<T>::UnknownJob)?;
		ensure!(record.client == *client, Error::<T>::NotClient);
		Ok(record)
	}

	/// How many draws it allows before their time.
	pub(crate) fn do_top_up(
		client: AccountId,
		id: JobId,
		price_cap: Balance,
		extra_deadline: MarketBlock,
	) -> Result<u32, DispatchError> {
		let mut job = Self::job_of(&client, id)?;
		ensure!(job.is_open(), Error::<T>::NotOpen);
		ensure!(price_cap >= job.price_cap, Error::<T>::PriceLowered);
		let params = T::Parameters::get();
		let expires_at = job.expires_at.saturating_add(extra_deadline);
		ensure!(
			extra_deadline == 0 || expires_at.saturating_sub(job.submitted_at) <= params.max_deadline,
			Error::<T>::DeadlineTooLong
		);
		let mut spec = job.spec.clone();
		// Who declined may be drawn again, and hold a slot as long.
		let burned = Self::seat_fee(&spec, job.module_len, spec.shard_size.min(spec.tasks), &params)
			.and_then(|fee| fee.checked_mul(job.vacant().into()))
			.ok_or(Error::<T>::TooExpensive)?;
		Self::burn_fee(&client, burned)?;
		let mut added = 0;
		if price_cap > job.price_cap {
			spec.price_cap = price_cap;
			spec.validate().map_err(Error::<T>::from)?;
			let (reserve, last_reserve) = Self::reserves(&spec, price_cap, Promise::of(&job))?;
			let held = job.waiting_reserve();
			job.reserve = job.reserve.max(reserve);
			job.last_reserve = job.last_reserve.max(last_reserve);
			let needed = reserve_for(job.reserve, job.last_reserve, job.waiting()).ok_or(Error::<T>::TooExpensive)?;
			added = needed.saturating_sub(held);
			Self::hold_escrow(&client, added)?;
			job.escrow = job.escrow.checked_add(added).ok_or(Error::<T>::TooExpensive)?;
			job.price_cap = price_cap;
			// A higher price admits other providers, so the client must not know the outputs that choose among them.
			job.fresh = Readiness {
				ready: job.fresh.ready.max(Self::seed_ready(&params)),
				tries: job.fresh.tries,
			};
		}
		job.expires_at = expires_at;
		Self::reopen(id, &mut job);
		job.top_ups = job.top_ups.saturating_add(1);
		let woken = Self::wake(&mut job, Self::seed_ready(&params), MAX_VACANCIES);
		Self::schedule(id, &mut job);
		Jobs::<T>::insert(id, job);
		Self::deposit_event(Event::JobToppedUp {
			job: id,
			price_cap,
			expires_at,
			added,
			burned,
		});
		Ok(woken)
	}

	pub(crate) fn do_cancel(client: AccountId, id: JobId) -> DispatchResult {
		let job = Self::job_of(&client, id)?;
		ensure!(job.is_open(), Error::<T>::NotOpen);
		Self::close_job(id, job, JobStatus::Cancelled);
		Ok(())
	}

	/// Refunds what has not started. Shards under way go on for as long as their execution may take.
	pub(crate) fn close_job(id: JobId, mut job: JobRecord, status: JobStatus) {
		let refunded = job.waiting_reserve();
		Self::refund(&mut job, refunded);
		job.status = status;
		job.expires_at = job.expires_at.min(Self::pace_of(id).at(Self::now_block()));
		// Vacant seats are looked at soon: their shards may have nobody left.
		Self::wake(&mut job, Self::seed_ready(&T::Parameters::get()), MAX_VACANCIES);
		Self::deposit_event(Event::JobClosed {
			job: id,
			status,
			refunded,
		});
		Self::conclude(id, job);
	}

	/// Stores a job after something happened to it: announces its end, schedules its next visit, removes it when
	/// nothing is left.
	pub(crate) fn conclude(id: JobId, mut job: JobRecord) {
		if job.is_open() && job.waiting() == 0 && job.running == 0 {
			job.status = JobStatus::Done;
		}
		let over = !job.is_open() && job.running == 0;
		if over && !job.settled {
			job.settled = true;
			Self::deposit_event(Event::JobSettled {
				job: id,
				status: job.status,
				accepted: job.accepted,
				failed: job.failed,
				paid: job.paid,
				fees: job.fees,
			});
		}
		if over && job.custody == 0 && !job.has_backlog() {
			// Nothing is left of the escrow unless a reserve was rounded up.
			let rest = job.escrow;
			Self::refund(&mut job, rest);
			Programs::<T>::mutate(job.spec.program, |program| {
				if let Some(program) = program {
					program.open_jobs = program.open_jobs.saturating_sub(1);
				}
			});
			Jobs::<T>::remove(id);
		} else {
			Self::schedule(id, &mut job);
			Jobs::<T>::insert(id, job);
		}
	}
}
