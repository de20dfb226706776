//! What keeping outputs costs. So many bytes for so many market blocks count as gas, at a rate that the protocol sets, and each seat
//! is paid for that at its own ask, as for computing: one price a provider, and no draw that finds those who ask too much for one of
//! two things. What counts is what the job declares, since no report says how long its outputs are, and the time from when nobody
//! could seal any more until custody ends, up to the custody period: who has its outputs and acknowledges pays for no more than that.

use crate::{Config, JobRecord, Pallet, ShardRecord, Terms};
use millrace_primitives::{money, params::JobsParams, Balance, Gas, JobSpec, MarketBlock};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Permill, Rounding};

/// What a job is promised at its submission, whatever governance changes later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Promise {
	/// The protocol's fee.
	pub fee_share: Permill,
	/// What keeping the outputs of one task for the whole custody period counts as, in gas.
	pub storage_gas: Gas,
}

impl Promise {
	/// By the present parameters.
	pub(crate) fn new(spec: &JobSpec, params: &JobsParams) -> Self {
		Self {
			fee_share: params.fee_share,
			storage_gas: money::storage_gas(spec.limits.output, params.custody_period, params.storage_rate),
		}
	}

	/// What a job was promised.
	pub(crate) const fn of(job: &JobRecord) -> Self {
		Self {
			fee_share: job.fee_share,
			storage_gas: job.storage_gas,
		}
	}
}

impl Terms {
	/// What a seat with this ask is paid for keeping the outputs for the whole custody period, rounded down.
	pub fn storage_pay(&self, ask: Balance) -> Balance {
		// No more than is held for it, so it does not overflow.
		money::payment(ask, self.storage_gas).unwrap_or(0)
	}
}

impl ShardRecord {
	/// What a seat with this ask has earned by keeping the outputs until now, by the clock of the job's work, rounded down.
	pub fn storage_earned(&self, ask: Balance, now: MarketBlock) -> Balance {
		let period = self.terms.custody_period.max(1);
		let kept = now.saturating_sub(self.closed.unwrap_or(now)).min(period);
		let whole = self.terms.storage_pay(ask);
		multiply_by_rational_with_rounding(whole, kept.into(), period.into(), Rounding::Down).unwrap_or(0)
	}
}

impl<T: Config> Pallet<T> {
	/// The most that a seat of a shard of so many tasks earns by keeping the outputs, rounded up. `None` on overflow.
	pub(crate) fn storage_cap(price_cap: Balance, storage_gas: Gas, tasks: u32) -> Option<Balance> {
		money::seat_cap(price_cap, storage_gas, tasks)
	}

	/// The most that a seat of a shard of so many tasks can earn, by computing and by keeping the outputs: what it could gain by
	/// lying, so what it has at stake follows it. `None` on overflow.
	pub(crate) fn whole_cap(spec: &JobSpec, price_cap: Balance, storage_gas: Gas, tasks: u32) -> Option<Balance> {
		money::seat_cap(price_cap, spec.limits.gas, tasks)?.checked_add(Self::storage_cap(
			price_cap,
			storage_gas,
			tasks,
		)?)
	}
}
