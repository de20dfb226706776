//! How a shard ends, to the last planck. Nothing here can fail: payments come out of the shard's reserve, never out of
//! another's, and what cannot be received is owed.

use crate::{
	timers::TimerAction, AssignmentsOf, Config, Custody, Error, Event, Failure, Holder, JobRecord, Jobs, Pallet, Place,
	Programs, ShardRecord, Shards, MAX_ACKNOWLEDGED, WOKEN,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::Get, BoundedVec};
use millrace_primitives::{
	job::SeatEvent,
	matter::Matter,
	traits::{Alarm, Assignments, Ending, OnSettled, Payee, Payment, SeatView, Settlement, Stake},
	AccountId, Balance, JobId, MarketBlock, ProgramId, ShardId,
};
use sp_runtime::{DispatchError, DispatchResult};

/// Takes this much of what is left, or all of it.
fn draw_on(left: &mut Balance, amount: Balance) -> Balance {
	let taken = amount.min(*left);
	*left = left.saturating_sub(taken);
	taken
}

impl<T: Config> Pallet<T> {
	/// A shard that is under way.
	pub(crate) fn running(id: ShardId) -> Option<ShardRecord> {
		Shards::<T>::get(id.job, id.index).filter(|shard| shard.custody.is_none())
	}

	/// A shard whose outputs are kept.
	pub(crate) fn kept(id: ShardId) -> Option<ShardRecord> {
		Shards::<T>::get(id.job, id.index).filter(|shard| shard.custody.is_some())
	}

	/// Pays as the verifier says. If a report is paid, those of the bought seats that earned keep its outputs in custody until
	/// the withheld parts are due; else the shard is gone.
	fn end_shard(id: ShardId, job: &mut JobRecord, mut shard: ShardRecord, ending: Ending) {
		let terms = shard.terms.clone();
		let kept_on = ending.report.is_some();
		let counted = ending.counted && terms.crowded;
		let gas = ending.report.map_or(0, |report| report.gas_used.min(terms.gas_limit));
		let mut left = shard.reserve;
		let mut storage: Balance = 0;
		let (mut paid, mut fees, mut burns): (Balance, Balance, Balance) = (0, 0, 0);
		let mut payments = Vec::new();
		let mut got: Vec<(AccountId, Balance)> = Vec::new();
		let mut withheld: BoundedVec<Balance, _> = Default::default();
		for (slot, seat) in shard.seats.iter_mut().zip(0u8..) {
			let mut kept = 0;
			if let Some(holder) = slot.holder.take() {
				Self::release_holder(&holder);
				AssignmentsOf::<T>::remove(&holder.provider, id);
				if let Some(earned) = ending.earned.iter().find(|earned| earned.seat == seat) {
					let provider = holder.provider.clone();
					let amount = draw_on(&mut left, earned.amount);
					let fee = draw_on(&mut left, earned.fee);
					let burned = terms.burn_share.mul_ceil(fee);
					if kept_on {
						kept = terms.custody_share.mul_ceil(amount);
						storage = storage.saturating_add(terms.storage_pay(holder.ask));
						AssignmentsOf::<T>::insert(&provider, id, Place { seat, kept: true });
						let stake = Stake {
							liability: earned.bound,
							..holder.stake
						};
						// Who is paid for a report has revealed it.
						let state = holder.state.on(SeatEvent::Reveal).ok().flatten();
						slot.holder = Some(Holder {
							stake,
							state: state.unwrap_or(holder.state),
							..holder
						});
					} else {
						Self::release_bound(&provider, earned.bound);
					}
					Self::pay(job, &provider, amount.saturating_sub(kept));
					paid = paid.saturating_add(amount);
					fees = fees.saturating_add(fee);
					burns = burns.saturating_add(burned);
					got.push((provider.clone(), amount));
					payments.push(Payment {
						provider,
						amount,
						gas,
						burned,
					});
				}
			}
			let pushed = withheld.try_push(kept);
			debug_assert!(pushed.is_ok(), "as many as there are seats");
		}
		let mut refunded: Balance = 0;
		for (payee, amount) in ending.transfers {
			let amount = draw_on(&mut left, amount);
			match payee {
				Payee::Client => refunded = refunded.saturating_add(amount),
				Payee::Provider(provider) => {
					Self::pay(job, &provider, amount);
					paid = paid.saturating_add(amount);
					got.push((provider, amount));
				}
				Payee::Fee => {
					fees = fees.saturating_add(amount);
					burns = burns.saturating_add(terms.burn_share.mul_ceil(amount));
				}
				// A fee of which nobody has a share.
				Payee::Burn => {
					fees = fees.saturating_add(amount);
					burns = burns.saturating_add(amount);
				}
			}
		}
		let burned = Self::pay_fee(job, fees, burns);
		// What the verifier said nothing of, which should be nothing; and what nobody earns by keeping outputs.
		let storage = storage.min(shard.storage);
		refunded = refunded
			.saturating_add(left)
			.saturating_add(shard.storage.saturating_sub(storage));
		Self::refund(job, refunded);
		job.vacancies.retain(|vacancy| vacancy.shard != id.index);
		job.running = job.running.saturating_sub(1);
		job.paid = job.paid.saturating_add(paid);
		job.fees = job.fees.saturating_add(fees);
		let Some(report) = ending.report else {
			job.failed = job.failed.saturating_add(1);
			Shards::<T>::remove(id.job, id.index);
			Self::deposit_event(Event::ShardFailed {
				shard: id,
				failure: Failure::Unresolved,
				paid,
				refunded,
				payments: got,
			});
			return;
		};
		job.accepted = job.accepted.saturating_add(1);
		job.custody = job.custody.saturating_add(1);
		let pace = Self::pace_of(id.job);
		let now = pace.at(Self::now_block());
		job.taken = Some(now);
		Self::reopen(id.job, job);
		let until = now.saturating_add(terms.custody_period.max(1));
		let kept = withheld.iter().sum();
		shard.reserve = kept;
		shard.storage = storage;
		shard.excluded = Default::default();
		shard.custody = Some(Custody {
			report,
			ends: until,
			until,
			withheld,
			demands: 0,
		});
		Self::keep_time(id, &mut shard, pace);
		Shards::<T>::insert(id.job, id.index, shard);
		Self::deposit_event(Event::ShardSettled {
			shard: id,
			report,
			counted,
			paid,
			fees,
			burned,
			refunded,
			withheld: kept,
			storage,
			payments: got,
		});
		T::OnSettled::on_settled(&Settlement {
			shard: id,
			report,
			payments,
			counted,
		});
	}

	/// Ends a shard of which nobody has sealed: all leave unpaid and unpunished, and the client gets back all that is held for
	/// it.
	pub(crate) fn fail_shard(id: ShardId, job: &mut JobRecord, shard: ShardRecord, failure: Failure) {
		for holder in shard.seats.into_iter().filter_map(|seat| seat.holder) {
			Self::release_holder(&holder);
			AssignmentsOf::<T>::remove(&holder.provider, id);
		}
		let refunded = shard.reserve.saturating_add(shard.storage);
		Self::refund(job, refunded);
		job.vacancies.retain(|vacancy| vacancy.shard != id.index);
		job.running = job.running.saturating_sub(1);
		job.failed = job.failed.saturating_add(1);
		Shards::<T>::remove(id.job, id.index);
		Self::deposit_event(Event::ShardFailed {
			shard: id,
			failure,
			paid: 0,
			refunded,
			payments: Vec::new(),
		});
	}

	/// Pays the withheld parts and for keeping the outputs until now, frees what is bound and removes the shard. Nothing of its
	/// outputs may be demanded.
	pub(crate) fn end_custody(id: ShardId, job: &mut JobRecord, shard: ShardRecord, now: MarketBlock) {
		let withheld = shard.custody.iter().flat_map(|custody| custody.withheld.iter());
		let mut left = shard.storage;
		let mut paid: Balance = 0;
		let mut storage = Vec::new();
		for (seat, amount) in shard.seats.iter().zip(withheld) {
			let Some(holder) = &seat.holder else { continue };
			AssignmentsOf::<T>::remove(&holder.provider, id);
			Self::release_bound(&holder.provider, holder.stake.liability);
			let earned = draw_on(&mut left, shard.storage_earned(holder.ask, now));
			Self::pay(job, &holder.provider, amount.saturating_add(earned));
			paid = paid.saturating_add(*amount);
			storage.push((holder.provider.clone(), earned));
		}
		Self::refund(job, left);
		job.paid = job.paid.saturating_add(shard.storage.saturating_sub(left));
		job.custody = job.custody.saturating_sub(1);
		Shards::<T>::remove(id.job, id.index);
		Self::deposit_event(Event::CustodyEnded {
			shard: id,
			paid,
			storage,
			refunded: left,
		});
	}

	pub(crate) fn do_acknowledge(client: AccountId, id: JobId, first: u32, count: u32) -> Result<u32, DispatchError> {
		let mut job = Self::job_of(&client, id)?;
		ensure!(count <= MAX_ACKNOWLEDGED, Error::<T>::TooManyShards);
		let now = Self::pace_of(id).at(Self::now_block());
		let mut ended = 0;
		let mut refused = Error::<T>::NothingInCustody;
		for index in first..first.saturating_add(count).min(job.cursor) {
			let kept = ShardId { job: id, index };
			let Some(shard) = Self::kept(kept) else { continue };
			if shard.custody.as_ref().is_some_and(|custody| custody.demands > 0) {
				refused = Error::<T>::StillDemanded;
				continue;
			}
			Self::end_custody(kept, &mut job, shard, now);
			ended += 1;
		}
		ensure!(ended > 0, refused);
		Self::conclude(id, job);
		Ok(ended)
	}
}

impl<T: Config> Assignments for Pallet<T> {
	fn seat(id: ShardId, provider: &AccountId) -> Option<SeatView> {
		let shard = Self::running(id)?;
		let index = shard.seat_of(provider)?;
		let seat = shard.seats.get(usize::from(index))?;
		let holder = seat.holder.as_ref()?;
		Some(SeatView {
			index,
			operator: holder.operator.clone(),
			round: seat.round,
			state: holder.state,
			held: holder.may_compute(),
			ask: holder.ask,
			stake: holder.stake,
		})
	}

	fn worker(id: ShardId, operator: &AccountId) -> Option<AccountId> {
		let shard = Self::running(id)?;
		Some(shard.holder(Self::seat_known(operator, &shard)?)?.provider.clone())
	}

	fn matter(id: ShardId) -> Option<Matter> {
		let shard = Self::running(id)?;
		let spec = Jobs::<T>::get(id.job)?.spec;
		let program = Programs::<T>::get(spec.program)?;
		Some(Self::matter_of(&spec, program.roots, shard.terms.engine, id.index))
	}

	fn engine_of(program: &ProgramId) -> Option<u8> {
		Programs::<T>::get(program).map(|program| program.engine)
	}

	fn client(shard: ShardId) -> Option<AccountId> {
		Jobs::<T>::get(shard.job).map(|job| job.client)
	}

	fn escrow(shard: ShardId) -> Balance {
		Self::running(shard).map_or(0, |shard| shard.reserve)
	}

	fn on_sealed(shard: ShardId, seat: u8) -> DispatchResult {
		Self::do_sealed(shard, seat)
	}

	fn remind(alarm: Alarm, at: MarketBlock) {
		if !Self::rings_before(alarm, at) {
			Self::arm(TimerAction::Verify { alarm }, at);
		}
	}

	fn on_ended(id: ShardId, ending: Ending) {
		let (Some(mut job), Some(shard)) = (Jobs::<T>::get(id.job), Self::running(id)) else {
			return;
		};
		Self::end_shard(id, &mut job, shard, ending);
		// Bonds are free again.
		Self::wake(&mut job, Self::seed_ready(&T::Parameters::get()), WOKEN);
		Self::conclude(id.job, job);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_shard(providers: &[AccountId]) -> ShardId {
		crate::benchmarking::accepted_shard::<T>(providers)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_pass(blocks: MarketBlock) {
		crate::Clock::<T>::mutate(|clock| clock.now = clock.now.saturating_add(blocks));
	}
}
