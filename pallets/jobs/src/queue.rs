//! The ready queue: jobs with work to hand out, served in turn. A job has at most one entry; the entry of a job that
//! ended meanwhile is dropped when it is reached.

use crate::{
	timers::TimerAction, Backlog, Config, JobRecord, Pallet, Readiness, Ready, ReadyFirst, Seeds, Shards, Vacancy,
	Waiting, WeightInfo, SOON,
};
use frame_support::{traits::Get, weights::Weight};
use millrace_primitives::{params::JobsParams, JobId};

impl<T: Config> Pallet<T> {
	/// The count of VRF outputs from which on what is queued now may be drawn.
	pub(crate) fn seed_ready(params: &JobsParams) -> u32 {
		Seeds::<T>::get().count.saturating_add(Self::seed_blocks(params))
	}

	/// How many outputs a seed needs.
	pub(crate) fn seed_blocks(params: &JobsParams) -> u32 {
		u32::from(params.seed_blocks).clamp(1, crate::MAX_SEED_BLOCKS)
	}

	/// Puts a job at the queue's end, to be visited from a count of outputs on. False if that is not now, and the queue too long to
	/// wait in it.
	pub(crate) fn push_ready(waiting: Waiting, count: u32) -> bool {
		let mut queue = ReadyFirst::<T>::get();
		// Nobody overtakes the rest.
		let is_first = queue.is_short() && queue.first.try_push(waiting).is_ok();
		if !is_first {
			if waiting.from > count {
				return false;
			}
			Ready::<T>::insert(queue.tail, waiting.job);
			queue.tail = queue.tail.saturating_add(1);
		}
		ReadyFirst::<T>::put(queue);
		true
	}

	/// Takes the job at the queue's head of those that may be visited at this count of outputs.
	pub(crate) fn pop_ready(count: u32) -> Option<JobId> {
		let mut queue = ReadyFirst::<T>::get();
		let popped = queue.pop(count);
		if popped.is_none() && queue.is_short() {
			return None;
		}
		let job = popped.or_else(|| {
			let head = queue.head;
			queue.head = head.saturating_add(1);
			Ready::<T>::take(head)
		});
		ReadyFirst::<T>::put(queue);
		job
	}

	/// A job in the queue is to be visited from this count of outputs on, if that is sooner than it was.
	fn hasten(job: JobId, ready: u32) {
		let mut queue = ReadyFirst::<T>::get();
		let waiting = queue
			.first
			.iter_mut()
			.find(|waiting| waiting.job == job && waiting.from > ready);
		if let Some(waiting) = waiting {
			waiting.from = ready;
			ReadyFirst::<T>::put(queue);
		}
	}

	/// Sees to it that the job is visited when it next has something to do: by the queue if that is now or soon, else by a
	/// timer that puts it there. The caller stores the record.
	pub(crate) fn schedule(id: JobId, job: &mut JobRecord) {
		let ready = job.next_ready();
		if job.queued {
			if let Some(ready) = ready {
				Self::hasten(id, ready);
			}
			return;
		}
		let Some(ready) = ready else {
			job.retry = None;
			return;
		};
		let count = Seeds::<T>::get().count;
		let delay = ready.saturating_sub(count);
		let waiting = Waiting {
			job: id,
			from: ready.max(count),
		};
		if delay <= SOON && Self::push_ready(waiting, count) {
			job.queued = true;
			job.retry = None;
			return;
		}
		let at = Self::now_block().saturating_add(delay);
		if job.retry.is_none_or(|retry| retry > at) {
			job.retry = Some(at);
			Self::arm(TimerAction::BackOff { job: id }, at);
		}
	}

	/// Lets the next shard and so many vacancies that failed to find somebody be drawn once from `ready` on, those first
	/// that have waited for longest; returns how many draws this allows.
	pub(crate) fn wake(job: &mut JobRecord, ready: u32, vacancies: u32) -> u32 {
		let mut woken = 0;
		for vacancy in job.vacancies.iter_mut() {
			if woken == vacancies {
				break;
			}
			woken += u32::from(vacancy.readiness.wake(ready));
		}
		woken + u32::from(job.fresh.wake(ready))
	}

	/// What so many draws weigh that find nobody.
	pub(crate) fn wake_weight(draws: u32) -> Weight {
		T::WeightInfo::draw_nobody().saturating_mul(draws.into())
	}

	/// Queues a vacant seat of a shard under way.
	pub(crate) fn add_vacancy(id: JobId, job: &mut JobRecord, shard: u32, seat: u8) {
		let readiness = Readiness {
			ready: Self::seed_ready(&T::Parameters::get()),
			tries: 0,
		};
		let vacancy = Vacancy { shard, seat, readiness };
		if let Err(vacancy) = job.vacancies.try_push(vacancy) {
			Backlog::<T>::insert(id, job.backlog_tail, vacancy);
			job.backlog_tail = job.backlog_tail.wrapping_add(1);
		}
	}

	/// Moves one vacancy from the backlog into the record, if there is room. True if there was one.
	pub(crate) fn pull_backlog(id: JobId, job: &mut JobRecord) -> bool {
		if !job.has_backlog() || job.vacancies.is_full() {
			return false;
		}
		let vacancy = Backlog::<T>::take(id, job.backlog_head);
		job.backlog_head = job.backlog_head.wrapping_add(1);
		let Some(vacancy) = vacancy else { return true };
		// The shard may have ended or closed meanwhile.
		let vacant = Shards::<T>::get(id, vacancy.shard)
			.filter(|shard| shard.custody.is_none() && shard.closed.is_none())
			.is_some_and(|shard| {
				shard
					.seats
					.get(usize::from(vacancy.seat))
					.is_some_and(|seat| seat.holder.is_none())
			});
		if vacant
			&& !job
				.vacancies
				.iter()
				.any(|v| (v.shard, v.seat) == (vacancy.shard, vacancy.seat))
		{
			let pushed = job.vacancies.try_push(vacancy);
			debug_assert!(pushed.is_ok(), "there is room: it was checked above");
		}
		true
	}
}
