//! Parts of outputs that a client demands of those who keep them.
//!
//! ```text
//!  demand ──► answered by one of them ──► its fee is paid out of the deposit
//!     └─────► nobody answers in time ───► custody is over: what was withheld and what is bound burns
//! ```
//!
//! Only the client demands, since nobody else may hold up its shard: whoever withholds outputs could else fill all places
//! with demands of its own. What those lose who kept the outputs burns, since a client that gained by it could have an honest
//! provider flooded, or wait until it is down. Who answers is paid its fee and no more, since else it would rather answer
//! than serve. What custody binds is bound no longer than was promised, but for the time of one answer.

use crate::{
	timers::TimerAction, AssignmentsOf, Config, Demand, Demands, Error, Event, Forfeit, JobRecord, Jobs, OpenDemands,
	Pallet, ShardRecord, Shards, WeightInfo, ALL_DEMANDS, FEW_DEMANDS, MAX_DEMANDS,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{ensure, traits::Get};
use millrace_court::demand::{chunk_len, Answer, Part, ShownOutcome, Wanted};
use millrace_primitives::{
	traits::{Conduct, Pace, ProviderRegistry},
	AccountId, Balance, MarketBlock, ShardId,
};
use sp_runtime::{traits::Convert, DispatchResult};

/// Bytes of a transaction around its call: the sender, its signature and what else is signed, at most.
const ENVELOPE: u32 = 160;
/// Bytes of a call before the answer itself: the call's number, the shard and the task.
const BEFORE: u32 = 2 + 12 + 4;
/// Bytes of an answer beside those of a chunk, at most: hashes that prove it, or an outcome and its path.
const AROUND: u32 = 1_024;

impl<T: Config> Pallet<T> {
	/// What is held of the client for the demand of a chunk of so many bytes, or, of none, of an outcome: five quarters of what
	/// answering it costs at most at present, rounded up.
	pub fn demand_deposit(bytes: u32) -> Balance {
		let len = bytes.saturating_add(AROUND).saturating_add(ENVELOPE);
		let fee = Self::fee_of_answer(bytes, len);
		fee.saturating_add(fee.div_ceil(4))
	}

	/// What an answer costs its sender at present, at most.
	pub fn answer_fee(answer: &Answer) -> Balance {
		let len = (answer.encoded_size() as u32)
			.saturating_add(BEFORE)
			.saturating_add(ENVELOPE);
		Self::fee_of_answer(weighed(answer), len)
	}

	fn fee_of_answer(bytes: u32, len: u32) -> Balance {
		let weight = T::WeightInfo::answer(bytes).saturating_add(Self::lane_of_answer());
		T::CallFee::convert((weight, len))
	}

	pub(crate) fn do_demand_outcome(client: AccountId, id: ShardId, task: u32) -> DispatchResult {
		let wanted = Wanted {
			task,
			part: Part::Outcome,
		};
		Self::demand(client, id, wanted, None)
	}

	pub(crate) fn do_demand_chunk(
		client: AccountId,
		id: ShardId,
		task: u32,
		chunk: u32,
		shown: ShownOutcome,
	) -> DispatchResult {
		let wanted = Wanted {
			task,
			part: Part::Chunk(chunk),
		};
		Self::demand(client, id, wanted, Some(shown))
	}

	fn demand(client: AccountId, id: ShardId, wanted: Wanted, shown: Option<ShownOutcome>) -> DispatchResult {
		let mut job = Self::job_of(&client, id.job)?;
		let mut shard = Self::kept(id).ok_or(Error::<T>::NothingInCustody)?;
		let custody = shard.custody.as_mut().ok_or(Error::<T>::NothingInCustody)?;
		let (now, pace) = Self::time_of_work(id)?;
		// Its end is due, even if the tick had no room for it yet, or it waits for an answer.
		ensure!(now < custody.ends, Error::<T>::NothingInCustody);
		let tasks = job.spec.tasks_in(id.index);
		ensure!(wanted.task < tasks, Error::<T>::NoSuchPart);
		if let Some(shown) = &shown {
			let is_shown = shown.is_of(&custody.report, tasks, wanted.task, job.spec.limits.gas);
			ensure!(is_shown, Error::<T>::NotShown);
		}
		ensure!(!Demands::<T>::contains_key(id, wanted), Error::<T>::DemandedAlready);
		let open = OpenDemands::<T>::get();
		// Whoever wants to take others' places must have many shards for it.
		let most = if open < ALL_DEMANDS / 2 {
			MAX_DEMANDS
		} else {
			FEW_DEMANDS
		};
		ensure!(open < ALL_DEMANDS && custody.demands < most, Error::<T>::TooManyDemands);
		let output = shown.map(|shown| shown.outcome.output);
		let bytes = match (&output, wanted.part) {
			(Some(output), Part::Chunk(chunk)) => chunk_len(output.len, chunk).ok_or(Error::<T>::NoSuchPart)?,
			_ => 0,
		};
		let deposit = Self::demand_deposit(bytes);
		job.escrow = job.escrow.checked_add(deposit).ok_or(Error::<T>::TooExpensive)?;
		shard.reserve = shard.reserve.checked_add(deposit).ok_or(Error::<T>::TooExpensive)?;
		Self::hold_escrow(&client, deposit)?;
		let due = now.saturating_add(T::Parameters::get().demand_window);
		let over = due.saturating_add(1);
		custody.demands = custody.demands.saturating_add(1);
		custody.until = custody.until.max(over);
		OpenDemands::<T>::put(open.saturating_add(1));
		Demands::<T>::insert(id, wanted, Demand { due, deposit, output });
		Jobs::<T>::insert(id.job, job);
		Shards::<T>::insert(id.job, id.index, shard);
		Self::arm_by(TimerAction::Demand { shard: id, wanted }, over, pace);
		Self::deposit_event(Event::Demanded {
			shard: id,
			wanted,
			due,
			deposit,
		});
		Ok(())
	}

	pub(crate) fn do_answer(operator: AccountId, id: ShardId, task: u32, answer: Answer) -> DispatchResult {
		let provider = T::Providers::provider_of(&operator).ok_or(Error::<T>::NotProvider)?;
		let wanted = Wanted {
			task,
			part: answer.part(),
		};
		let demand = Demands::<T>::get(id, wanted).ok_or(Error::<T>::NotDemanded)?;
		let (now, _) = Self::time_of_work(id)?;
		ensure!(now <= demand.due, Error::<T>::AnswerLate);
		let mut shard = Self::kept(id).ok_or(Error::<T>::NotDemanded)?;
		ensure!(shard.seat_of(&provider).is_some(), Error::<T>::NotAssigned);
		let mut job = Jobs::<T>::get(id.job).ok_or(Error::<T>::UnknownJob)?;
		let custody = shard.custody.as_mut().ok_or(Error::<T>::NotDemanded)?;
		let is_shown = match (&answer, &demand.output) {
			(Answer::Chunk(chunk), Some(output)) => chunk.is_of(output),
			(Answer::Outcome(shown), None) => {
				shown.is_of(&custody.report, job.spec.tasks_in(id.index), task, job.spec.limits.gas)
			}
			_ => false,
		};
		ensure!(is_shown, Error::<T>::NotShown);
		custody.demands = custody.demands.saturating_sub(1);
		shard.reserve = shard.reserve.saturating_sub(demand.deposit);
		Demands::<T>::remove(id, wanted);
		OpenDemands::<T>::mutate(|open| *open = open.saturating_sub(1));
		Shards::<T>::insert(id.job, id.index, shard);
		let paid = Self::answer_fee(&answer).min(demand.deposit);
		Self::pay(&mut job, &operator, paid);
		Self::refund(&mut job, demand.deposit.saturating_sub(paid));
		Jobs::<T>::insert(id.job, job);
		Self::deposit_event(Event::Answered {
			shard: id,
			wanted,
			provider,
			paid,
		});
		Ok(())
	}

	/// What the clock of a job's work shows, for who wants to do something about its outputs: nothing is done while it stands.
	fn time_of_work(id: ShardId) -> Result<(MarketBlock, Pace), Error<T>> {
		ensure!(!Self::stands(), Error::<T>::ClockStands);
		let pace = Self::pace_of(id.job);
		ensure!(!pace.frozen, Error::<T>::Frozen);
		Ok((pace.at(Self::now_block()), pace))
	}

	/// Whether an operator's provider keeps what is demanded, and may show it now.
	pub(crate) fn may_answer(operator: &AccountId, id: ShardId, wanted: Wanted) -> bool {
		let Some(provider) = T::Providers::provider_of(operator) else {
			return false;
		};
		let in_time = Demands::<T>::get(id, wanted)
			.is_some_and(|demand| Self::time_of_work(id).is_ok_and(|(now, _)| now <= demand.due));
		in_time && Self::keeps(&provider, id)
	}

	/// Whether a provider keeps a shard's outputs.
	pub(crate) fn keeps(provider: &AccountId, id: ShardId) -> bool {
		AssignmentsOf::<T>::get(provider, id).is_some_and(|place| place.kept)
	}

	/// True while a demand waits for an answer until the block before this one.
	pub(crate) fn is_demanded(id: ShardId, wanted: Wanted, over: u32) -> bool {
		Demands::<T>::get(id, wanted).is_some_and(|demand| demand.due.saturating_add(1) == over)
	}

	/// Nobody has answered in time: all who keep the outputs lose what is withheld and bound and what they had earned by keeping
	/// them, which burns, and custody is over.
	pub(crate) fn forfeit(id: ShardId, job: &mut JobRecord, mut shard: ShardRecord, now: MarketBlock) {
		let Some(custody) = shard.custody.take() else { return };
		let mut lost = Vec::new();
		let mut earned: Balance = 0;
		for (seat, withheld) in shard.seats.iter().zip(&custody.withheld) {
			let Some(holder) = seat.holder.clone() else { continue };
			let kept = shard
				.storage_earned(holder.ask, now)
				.min(shard.storage.saturating_sub(earned));
			earned = earned.saturating_add(kept);
			let (provider, bound) = (holder.provider, holder.stake.liability);
			AssignmentsOf::<T>::remove(&provider, id);
			let bound_lost = T::Providers::take(&provider, None, bound);
			Self::release_bound(&provider, bound);
			// Whom nothing binds may have left.
			if bound > 0 {
				T::Providers::note(&provider, Conduct::NotShown);
			}
			lost.push(Forfeit {
				provider,
				withheld: *withheld,
				storage: kept,
				bound: bound_lost,
			});
		}
		let withheld: Balance = custody.withheld.iter().sum();
		job.paid = job.paid.saturating_sub(withheld);
		let burned = withheld.saturating_add(earned);
		Self::pay_fee(job, burned, burned);
		let deposits = shard.reserve.saturating_sub(withheld);
		let refunded = shard.storage.saturating_sub(earned);
		Self::refund(job, deposits.saturating_add(refunded));
		if Demands::<T>::clear_prefix(id, MAX_DEMANDS.into(), None)
			.maybe_cursor
			.is_some()
		{
			frame_support::defensive!("a shard has no more demands than it may have");
		}
		OpenDemands::<T>::mutate(|open| *open = open.saturating_sub(custody.demands.into()));
		job.custody = job.custody.saturating_sub(1);
		Shards::<T>::remove(id.job, id.index);
		Self::deposit_event(Event::CustodyFailed {
			shard: id,
			deposits,
			refunded,
			lost,
		});
	}

	/// Frees what a provider reserved while it kept outputs.
	pub(crate) fn release_bound(provider: &AccountId, bound: Balance) {
		if bound > 0 {
			T::Providers::free_liability(provider, bound);
		}
	}
}

/// Bytes of an answer that are weighed.
pub(crate) fn weighed(answer: &Answer) -> u32 {
	match answer {
		Answer::Outcome(_) => 0,
		Answer::Chunk(shown) => shown.bytes.len() as u32,
	}
}

/// The longest answer as a transaction, in bytes.
pub fn longest_answer() -> u32 {
	millrace_court::demand::CHUNK
		.saturating_add(AROUND)
		.saturating_add(ENVELOPE)
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::MaxEncodedLen;

	#[test]
	fn an_answer_is_no_longer_than_its_fee_is_for() {
		let around = BEFORE as usize;
		assert_eq!(around, 2 + ShardId::max_encoded_len() + 4);
		let chunk = millrace_court::demand::CHUNK as usize;
		assert!(Answer::max_encoded_len() + around <= chunk + AROUND as usize);
		assert!(ShownOutcome::max_encoded_len() + 1 + around <= AROUND as usize);
	}
}
