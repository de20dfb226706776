//! What governance may change without a runtime upgrade, and within which limits.
//!
//! `pallet-parameters` cannot judge values: its origin sees only the key, and Root bypasses filters. So the values are
//! [`Checked`]: what is outside the limits below does not decode. A transaction that sets such a value is malformed,
//! and a stored one that a later release no longer allows reads as the default.

use crate::Runtime;
use codec::{Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen};
use core::ops::RangeInclusive;
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	traits::Get,
};
use millrace_court::stakes;
use millrace_primitives::{
	params::{CourtParams, EmissionParams, JobsParams, ProvidersParams},
	provider::MAX_DRAWS,
	Balance, MarketBlock, MILL, MILLI,
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Permill;

/// A year of 3-second blocks.
const YEAR: MarketBlock = 365 * 24 * 1_200;
/// More than the token will ever have: no amount of money that is a parameter needs more.
const MUCH_MONEY: Balance = 1_000_000_000 * MILL;

/// The parameters by pallet.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
#[allow(missing_docs)]
pub mod dynamic_params {
	use super::*;

	/// The market's parameters: one structure a pallet, since each read is a storage read.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod market {
		/// Those of the providers pallet.
		#[codec(index = 0)]
		pub static Providers: Checked<ProvidersParams> = Checked::default();

		/// Those of the jobs pallet.
		#[codec(index = 1)]
		pub static Jobs: Checked<JobsParams> = Checked::default();

		/// Those of the court.
		#[codec(index = 2)]
		pub static Court: Checked<CourtParams> = Checked::default();

		/// Those of the emission pallet.
		#[codec(index = 3)]
		pub static Emission: Checked<EmissionParams> = Checked::default();
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
	fn default() -> Self {
		use dynamic_params::market;
		// The longest value.
		Self::Market(market::Parameters::Jobs(market::Jobs, Some(Checked::default())))
	}
}

/// The parameters that a pallet of the market reads.
macro_rules! getter {
	($name:ident, $key:ident, $params:ty, $doc:literal) => {
		#[doc = $doc]
		pub struct $name;

		impl Get<$params> for $name {
			fn get() -> $params {
				let Checked(params) = <dynamic_params::market::$key as Get<Checked<$params>>>::get();
				params
			}
		}
	};
}

getter!(
	CurrentProvidersParams,
	Providers,
	ProvidersParams,
	"The present parameters of the providers pallet."
);
getter!(
	CurrentJobsParams,
	Jobs,
	JobsParams,
	"The present parameters of the jobs pallet."
);
getter!(
	CurrentCourtParams,
	Court,
	CourtParams,
	"The present parameters of the court."
);
getter!(
	CurrentEmissionParams,
	Emission,
	EmissionParams,
	"The present parameters of the emission pallet."
);

/// The market's parameters at genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisParameters {
	/// Those of the providers pallet.
	pub providers: ProvidersParams,
	/// Those of the jobs pallet.
	pub jobs: JobsParams,
	/// Those of the court.
	pub court: CourtParams,
	/// Those of the emission pallet.
	pub emission: EmissionParams,
}

impl GenesisParameters {
	/// Short periods, for development chains.
	pub fn fast() -> Self {
		Self {
			providers: ProvidersParams::fast(),
			jobs: JobsParams::fast(),
			court: CourtParams::fast(),
			emission: EmissionParams::fast(),
		}
	}

	/// Checks every value against its limits.
	///
	/// # Errors
	/// The pallet whose parameters are refused, and the parameter.
	pub fn validate(&self) -> Result<(), (&'static str, &'static str)> {
		self.providers.check().map_err(|field| ("providers", field))?;
		self.jobs.check().map_err(|field| ("jobs", field))?;
		self.court.check().map_err(|field| ("court", field))?;
		// Who has this much free must be able to take some work, or it stands in others' way.
		within(self.providers.least_liability, 0..=self.court.floor, "leastLiability")
			.map_err(|field| ("providers", field))?;
		self.emission.check().map_err(|field| ("emission", field))
	}

	/// The same as what `pallet-parameters` stores.
	pub fn into_parameters(self) -> [RuntimeParameters; 4] {
		use dynamic_params::market::{Court, Emission, Jobs, Parameters, Providers};
		[
			Parameters::Providers(Providers, Some(Checked(self.providers))),
			Parameters::Jobs(Jobs, Some(Checked(self.jobs))),
			Parameters::Court(Court, Some(Checked(self.court))),
			Parameters::Emission(Emission, Some(Checked(self.emission))),
		]
		.map(RuntimeParameters::Market)
	}
}

/// Parameters within their limits: nothing else decodes. Encoded as the parameters themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, MaxEncodedLen)]
pub struct Checked<P>(pub P);

impl<P: Decode + Limits> Decode for Checked<P> {
	fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
		let params = P::decode(input)?;
		params
			.check()
			.map_err(|field| Error::from(field).chain("parameter outside its limits"))?;
		Ok(Self(params))
	}
}

impl<P: DecodeWithMemTracking + Limits> DecodeWithMemTracking for Checked<P> {}

impl<P: TypeInfo + 'static> TypeInfo for Checked<P> {
	type Identity = P;

	fn type_info() -> scale_info::Type {
		P::type_info()
	}
}

/// What governance cannot get wrong.
///
/// The limits keep the market alive and honest (no division by zero, no window that ends before it can be met, no
/// emission above what was burned); they are not a judgement of what is wise.
pub trait Limits {
	/// The name of the first parameter outside its limits, if any.
	fn check(&self) -> Result<(), &'static str>;
}

fn within<T: PartialOrd>(value: T, range: RangeInclusive<T>, field: &'static str) -> Result<(), &'static str> {
	if range.contains(&value) {
		Ok(())
	} else {
		Err(field)
	}
}

impl Limits for ProvidersParams {
	fn check(&self) -> Result<(), &'static str> {
		within(self.min_bond, 1..=MUCH_MONEY, "minBond")?;
		within(self.least_liability, 0..=MUCH_MONEY, "leastLiability")?;
		within(self.min_operator_funding, 0..=MUCH_MONEY, "minOperatorFunding")?;
		within(self.min_ask, 1..=MUCH_MONEY, "minAsk")?;
		within(self.heartbeat_period, 10..=YEAR, "heartbeatPeriod")?;
		within(self.membership_delay, 1..=YEAR, "membershipDelay")?;
		within(self.unbonding_period, 1..=YEAR, "unbondingPeriod")?;
		within(self.reputation_unit, 1..=MUCH_MONEY, "reputationUnit")
	}
}

impl Limits for JobsParams {
	fn check(&self) -> Result<(), &'static str> {
		within(self.fee_share, Permill::zero()..=Permill::from_percent(50), "feeShare")?;
		// Never free: what is queued for nothing is queued without end.
		within(self.second_price, MILLI..=100 * MILL, "secondPrice")?;
		within(self.min_price, 1..=MUCH_MONEY, "minPrice")?;
		within(self.program_deposit, 0..=MUCH_MONEY, "programDeposit")?;
		within(self.max_deadline, 10..=YEAR, "maxDeadline")?;
		within(self.accept_window, 2..=YEAR, "acceptWindow")?;
		within(self.execution_base, 2..=YEAR, "executionBase")?;
		for rates in self.run_rate.windows(2) {
			// More memory is never faster.
			within(rates[1], 1_000_000..=rates[0], "runRate")?;
		}
		within(self.bytes_per_block, 1_000..=u32::MAX, "bytesPerBlock")?;
		within(self.slot_price, 0..=MILL, "slotPrice")?;
		within(self.max_preparation, 1..=YEAR, "maxPreparation")?;
		within(self.max_execution, 1_000..=YEAR, "maxExecution")?;
		within(self.custody_period, 1..=YEAR, "custodyPeriod")?;
		within(self.storage_rate, 0..=1_000_000, "storageRate")?;
		within(
			self.custody_share,
			Permill::zero()..=Permill::from_percent(50),
			"custodyShare",
		)?;
		// The answers to all demands that may be open at once are a third of what such a time has room for.
		within(self.demand_window, 150..=YEAR, "demandWindow")?;
		within(self.seed_blocks, 1..=8, "seedBlocks")?;
		within(u32::from(self.draws), 1..=MAX_DRAWS, "draws")?;
		within(self.least_crowd, 1..=u8::MAX, "leastCrowd")?;
		within(self.decline_limit, 2..=8, "declineLimit")
	}
}

impl Limits for CourtParams {
	fn check(&self) -> Result<(), &'static str> {
		// What deters is checked together: one vote for one of them must not switch it off.
		stakes::Params::from(self).check()?;
		within(self.multiple, 1..=1_000, "multiple")?;
		within(self.replay, 6..=100, "replay")?;
		within(self.history, 0..=MUCH_MONEY, "history")?;
		within(self.floor, 0..=MUCH_MONEY, "floor")?;
		within(self.seat_fee, 0..=MILL, "seatFee")?;
		within(self.draw_outputs, 1..=100, "drawOutputs")?;
		for (value, least, field) in [
			(self.opening, 4, "opening"),
			(self.equal_window, 2, "equalWindow"),
			(self.window, 4, "window"),
			(self.clock, 10, "clock"),
			(self.staffing, 10, "staffing"),
			(self.pause, 1, "pause"),
			(self.serving, 10, "serving"),
			(self.enactment, 1, "enactment"),
		] {
			within(value, least..=YEAR, field)?;
		}
		Ok(())
	}
}

impl Limits for EmissionParams {
	fn check(&self) -> Result<(), &'static str> {
		within(self.initial, 0..=MUCH_MONEY, "initial")?;
		within(self.halving, MILL..=MUCH_MONEY, "halving")?;
		within(self.brake, Permill::zero()..=Permill::from_percent(90), "brake")?;
		within(self.era, 10..=YEAR, "era")?;
		within(self.claim_eras, 1..=1_000, "claimEras")
	}
}
