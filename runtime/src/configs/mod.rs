//! How each pallet is configured, by theme.

mod consensus;
mod governance;
mod market;
mod money;
mod parameters;
mod seats;
mod system;

pub use consensus::{GenesisAuthorities, HISTORY_SESSIONS, MAX_AUTHORITIES};
pub use governance::SchedulerWeight;
pub use market::{CurrentAuthor, EMISSION_CAP};
pub use money::{deposit, FeesToAuthor, LengthToFee, WeightToFee, EXISTENTIAL_DEPOSIT, FEE_PER_BYTE, FEE_PER_WEIGHT};
pub use parameters::{
	dynamic_params, Checked, CurrentCourtParams, CurrentEmissionParams, CurrentJobsParams, CurrentProvidersParams,
	GenesisParameters, Limits, RuntimeParameters, RuntimeParametersKey, RuntimeParametersValue,
};
pub use seats::{life_of_a_seat, price_of, SeatFee};
pub use system::{BlockLength, BlockWeights, ProxyType, MAX_BLOCK_BYTES, MAX_BLOCK_REF_TIME};
