//! The ready queue: jobs with work to hand out, served in turn. A job has at most one entry; the entry of a job that
//! ended meanwhile is dropped when it is reached.

use crate::{
	timers::TimerAction, Backlog, Config, JobRecord, Pallet, QueueBounds, Readiness, Ready, ReadyBounds, Seeds, Shards,
	Vacancy, WeightInfo,
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

	/// Puts a job at the queue's end.
	pub(crate) fn push_ready(job: JobId) {
		ReadyBounds::<T>::mutate(|bounds| {
			Ready::<T>::insert(bounds.tail, job);
			bounds.tail = bounds.tail.saturating_add(1);
		});
	}

	/// Takes the job at the queue's head.
	pub(crate) fn pop_ready() -> Option<JobId> {
		let QueueBounds { head, tail } = ReadyBounds::<T>::get();
		if head == tail {
			return None;
		}
		ReadyBounds::<T>::put(QueueBounds {
			head: head.saturating_add(1),
			tail,
		});
		Ready::<T>::take(head)
	}

	/// Sees to it that the job is visited when it next has something to do: by the queue if that is now, else by a
	/// timer that puts it there. The caller stores the record.
	pub(crate) fn schedule(id: JobId, job: &mut JobRecord) {
		if job.queued {
			return;
		}
		let Some(ready) = job.next_ready() else {
			job.retry = None;
			return;
		};
		let delay = ready.saturating_sub(Seeds::<T>::get().count);
		if delay == 0 {
			job.queued = true;
			job.retry = None;
			Self::push_ready(id);
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
