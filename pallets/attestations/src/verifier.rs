//! What the jobs pallet asks of verification.

use crate::{
	evidence::{Agreement, ShardEvidence},
	*,
};
use millrace_court::{
	board::is_judged,
	case::{escrow, Rules, Times},
	clock::windows,
	stakes::{advance, Params},
};
use millrace_primitives::{
	job::{Verification, MIN_REPLICAS},
	traits::{Agreed, Alarm, Called, DrawnSeat, Pace, Stake, Verifier},
	ProgramId,
};
use sp_runtime::{Perbill, Permill};

impl<T: Config> Verifier for Pallet<T> {
	/// The advance for audits and recomputation, and the fee of each seat.
	fn budget(verification: &Verification, seat_cap: Balance, fee_share: Permill) -> Option<Balance> {
		let params = T::Parameters::get();
		let seats = Balance::from(verification.seats());
		advance(seat_cap, fee_share, params.seat_fee)?.checked_add(params.seat_fee.checked_mul(seats)?)
	}

	fn least_window() -> MarketBlock {
		T::Parameters::get().window
	}

	fn stake(provider: &AccountId, seat_cap: Balance) -> Option<Stake> {
		let stakes = Params::from(&T::Parameters::get());
		let record = T::Registry::record(provider);
		let p = stakes.probability(record.burned, seat_cap, record.free_bond);
		Some(Stake {
			p,
			liability: stakes.liability_at_seal(seat_cap, p)?,
			late: stakes.late_slash(seat_cap)?,
		})
	}

	fn open(shard: ShardId, agreed: &Agreed) -> DispatchResult {
		ensure!(!Evidence::<T>::contains_key(shard), Error::<T>::AlreadyOpen);
		let seats = agreed.verification.seats();
		let supported = match agreed.verification {
			Verification::Replicated { replicas } => (MIN_REPLICAS..=MAX_REPLICAS).contains(&replicas),
			Verification::Optimistic { .. } => true,
		};
		ensure!(supported, Error::<T>::UnsupportedSeats);
		let params = T::Parameters::get();
		ensure!(is_judged(agreed.engine), Error::<T>::UnknownEngine);
		let limits = agreed.limits;
		let windows = windows(limits.gas, agreed.run_rate, &agreed.verification, &params);
		let mut rules = Rules {
			cap: agreed.cap.max(1),
			gas: limits.gas.saturating_mul(agreed.tasks.into()),
			tasks: agreed.tasks,
			fee: agreed.fee_share,
			seat_fee: params.seat_fee,
			p: Perbill::one(),
			stakes: Params::from(&params),
			times: Times {
				opening: params.opening,
				equal_window: windows.equal,
				window: windows.other,
				staffing: params.staffing,
				pause: params.pause,
				serving: params.serving,
			},
		};
		// It was held by the parameters of the day on which the job was submitted.
		if escrow(&rules, seats).is_none_or(|needed| needed > agreed.reserve) {
			rules.seat_fee = 0;
		}
		ensure!(
			escrow(&rules, seats).is_some_and(|needed| needed <= agreed.reserve),
			Error::<T>::NoNumber
		);
		let agreement = Agreement {
			rules,
			client: agreed.client.clone(),
			program: agreed.program,
			engine: agreed.engine,
			limits,
			request: agreed.request.clone(),
			working: agreed.working,
			clock: params.clock,
			run_rate: agreed.run_rate,
			draw_outputs: params.draw_outputs,
		};
		Evidence::<T>::insert(
			shard,
			ShardEvidence {
				agreed: agreement,
				seats,
				entries: BoundedVec::new(),
				judged: None,
			},
		);
		Ok(())
	}

	fn close(shard: ShardId) -> bool {
		let Some(mut evidence) = Evidence::<T>::get(shard) else {
			return false;
		};
		if evidence.judged.is_some() {
			return true;
		}
		if evidence.entries.is_empty() || Self::begin(shard, &mut evidence).is_err() {
			for entry in &evidence.entries {
				T::Registry::free_liability(&entry.provider, entry.stake.liability);
			}
			Evidence::<T>::remove(shard);
			return false;
		}
		Self::store(shard, evidence);
		true
	}

	fn on_output(output: Hash) {
		Self::collect(output);
	}

	fn serve(alarm: Alarm, may_draw: bool) -> Weight {
		match alarm {
			Alarm::Shard(shard) => Self::alarm(shard, may_draw),
			Alarm::Board(shard, number) => {
				Self::serve_board(shard, number);
				T::WeightInfo::time()
			}
			Alarm::Verdict(shard, who) => Self::serve_verdict(shard, who),
		}
	}

	fn wake(shard: ShardId, may_draw: bool) -> Weight {
		Self::wake_shard(shard, may_draw)
	}

	fn serve_weight() -> Weight {
		Self::dearest_alarm()
			.max(T::WeightInfo::time())
			.max(T::WeightInfo::enact(MAX_SHARES))
	}

	fn in_step() -> bool {
		Freezes::<T>::get().is_empty()
	}

	fn pace(program: &ProgramId, engine: u8) -> Pace {
		Self::pace_of(program, engine)
	}

	fn called(shard: ShardId, provider: &AccountId) -> Called {
		Self::called_view(shard, provider).unwrap_or_default()
	}

	fn drawn_seats(provider: &AccountId) -> Vec<DrawnSeat> {
		Self::drawn_seats_view(provider)
	}
}
