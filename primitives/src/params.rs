//! What governance may change: one packed structure a pallet, since every read is a storage read. Terms that bear on
//! running work are copied into the shard's record when it is assigned, so a change never touches it.

use crate::{Balance, Gas, MarketBlock, MICRO, MILL, MILLI};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::{Perbill, Permill};

/// Market blocks in an hour of 3-second blocks.
const HOUR: MarketBlock = 1_200;

/// The parameters of `pallet-providers`.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct ProvidersParams {
	/// The least bond with which a provider is drawn, in plancks.
	pub min_bond: Balance,
	/// The least that work reserves of a bond: who has less of it free is not drawn, in plancks. No more than the court's
	/// [`CourtParams::floor`].
	pub least_liability: Balance,
	/// The least that a provider must send its operator at registration, for transaction fees.
	pub min_operator_funding: Balance,
	/// The least ask, in plancks per Ggas.
	pub min_ask: Balance,
	/// After so many market blocks without a sign of life a provider is not drawn.
	pub heartbeat_period: MarketBlock,
	/// So many market blocks after registration or a change of what a draw filters on, a provider is drawn.
	pub membership_delay: MarketBlock,
	/// So many market blocks lie between unbonding and withdrawing.
	pub unbonding_period: MarketBlock,
	/// Burned fees whose reputation weight is one unit, in plancks.
	pub reputation_unit: Balance,
	/// What is kept of the old reputation with each recorded event.
	pub reputation_memory: Permill,
}

impl Default for ProvidersParams {
	fn default() -> Self {
		Self {
			min_bond: 100 * MILL,
			least_liability: 2 * MILL,
			min_operator_funding: MILL,
			min_ask: 100 * MICRO,
			heartbeat_period: 2 * HOUR,
			// Two epochs: so far ahead authors know the outputs of their own blocks.
			membership_delay: 2 * HOUR,
			unbonding_period: 7 * 24 * HOUR,
			reputation_unit: MILLI,
			reputation_memory: Permill::from_parts(990_000),
		}
	}
}

impl ProvidersParams {
	/// Short periods, for development chains and tests.
	pub fn fast() -> Self {
		Self {
			heartbeat_period: 600,
			membership_delay: 2,
			unbonding_period: 20,
			..Self::default()
		}
	}
}

/// The parameters of `pallet-jobs`.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct JobsParams {
	/// The protocol's fee, on top of every payment.
	pub fee_share: Permill,
	/// The part of the fee that is burned; the rest goes to the block's author.
	pub burn_share: Permill,
	/// Price of a second of a block's compute, in plancks. Burned at submission for what the chain ordinarily does for each
	/// seat of every shard, by measured weights: three hundred nodes execute it, each on a core of which a second of work has
	/// a price of 0.001 MILL.
	pub second_price: Balance,
	/// The least price cap, in plancks per Ggas.
	pub min_price: Balance,
	/// Held for a published program, whose record has one size whatever the program's.
	pub program_deposit: Balance,
	/// The longest deadline that a job may ask for.
	pub max_deadline: MarketBlock,
	/// Within so many market blocks an assignment must be accepted, beside what it takes to fetch, check and compile; see
	/// [`crate::window`].
	pub accept_window: MarketBlock,
	/// What every shard may take at least, from its acceptance to its sealed report.
	pub execution_base: MarketBlock,
	/// Gas that the slowest acceptable machine executes in one market block of whatever program, by the memory that the job
	/// gives a task: up to 1 MiB, 32 MiB, 1 GiB, and above. Sets how much longer a shard may take. A load that misses all
	/// caches takes a hundred times as long as one that does not, and no program says before which ones will.
	pub run_rate: [Gas; 4],
	/// Bytes that the slowest acceptable line carries in one market block.
	pub bytes_per_block: u32,
	/// Price of a slot for a market block, in plancks. Burned at submission for each seat and all the time for which the job's data
	/// may take it beyond what passes anyway; see [`crate::window::held`].
	pub slot_price: Balance,
	/// The longest that fetching, checking and compiling count. A shard with more data than the slowest line carries by then
	/// is for faster ones; who has none declines.
	pub max_preparation: MarketBlock,
	/// The longest that a shard may take from its acceptance to its sealed report. A job that may take longer is refused.
	pub max_execution: MarketBlock,
	/// For so long outputs are kept after acceptance, unless the client acknowledges earlier.
	pub custody_period: MarketBlock,
	/// What keeping a MiB of declared output for a market block counts as, in gas. Each seat is paid for it at its own ask.
	pub storage_rate: Gas,
	/// The part of each payment that is withheld until custody ends.
	pub custody_share: Permill,
	/// Who keeps outputs has so long to show a part of them that is demanded.
	pub demand_window: MarketBlock,
	/// So many blocks' randomness, all after a shard was queued, decide its draw; 1 to 8.
	pub seed_blocks: u8,
	/// How many candidates a draw looks at; at most [`crate::provider::MAX_DRAWS`].
	pub draws: u8,
	/// A shard whose draw could find fewer providers gives nobody points or reputation: they might all be one owner's.
	pub least_crowd: u8,
	/// So many providers that decline for reasons that may be the job's, while nobody accepts, suspend it; 2 to 8.
	pub decline_limit: u8,
}

impl Default for JobsParams {
	fn default() -> Self {
		Self {
			fee_share: Permill::from_percent(5),
			burn_share: Permill::from_percent(80),
			second_price: 300 * MILLI,
			min_price: 100 * MICRO,
			program_deposit: MILL,
			max_deadline: 30 * 24 * HOUR,
			accept_window: 100,
			execution_base: 100,
			run_rate: [250_000_000, 60_000_000, 24_000_000, 18_000_000],
			bytes_per_block: 3_000_000,
			slot_price: 250 * MICRO,
			max_preparation: 4 * HOUR,
			max_execution: 14 * 24 * HOUR,
			custody_period: 7 * 24 * HOUR,
			// A MiB for a week counts as a Ggas, a GiB for a month as 4,400: an hour and a quarter of a core. That is what both cost
			// where they are let by the month.
			storage_rate: 5_000,
			custody_share: Permill::from_percent(10),
			demand_window: HOUR,
			seed_blocks: 3,
			draws: 8,
			least_crowd: 8,
			decline_limit: 5,
		}
	}
}

impl JobsParams {
	/// Short periods and few providers, for development chains and tests. Their blocks come 7.5 times as fast as others, machines
	/// do not: what is fetched and compiled takes as long.
	pub fn fast() -> Self {
		Self {
			accept_window: 150,
			execution_base: 50,
			custody_period: 600,
			demand_window: 150,
			max_deadline: 24 * HOUR,
			least_crowd: 1,
			decline_limit: 2,
			..Self::default()
		}
	}
}

/// The parameters of the court, of `pallet-attestations`. Amounts of stakes are explained and checked together in
/// `millrace_court::stakes`.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct CourtParams {
	/// m: what a seat has at stake at its seal is so many caps, divided by the probability of an audit.
	pub multiple: u32,
	/// The least probability of an audit, for who has a history.
	pub least: Perbill,
	/// The largest, for who has none.
	pub most: Perbill,
	/// What must have been burned for a provider until it is audited half as often as a newcomer, in plancks.
	pub history: Balance,
	/// What replaying a task costs at most, in what the task pays.
	pub replay: u32,
	/// The least liability of a seat and bond of a board, in plancks.
	pub floor: Balance,
	/// The part of its liability that a seat loses that does not seal in time.
	pub late: Perbill,
	/// Burned for each seat that sealed, in plancks.
	pub seat_fee: Balance,
	/// So many VRF outputs after sealing closed decide whether a shard is audited; at least 1.
	pub draw_outputs: u8,
	/// For so long seats open what they sealed.
	pub opening: MarketBlock,
	/// For so long equal reports can be attacked, and the time of three native runs of a task.
	pub equal_window: MarketBlock,
	/// For so long others can be attacked, and the time of a run by a slow machine; also what a side has to name a player.
	pub window: MarketBlock,
	/// Each party's time on a board, before it is known what is to be replayed.
	pub clock: MarketBlock,
	/// After so long, audits and recomputations that nobody can be found for are given up.
	pub staffing: MarketBlock,
	/// What is waited after a fresh seat was silent.
	pub pause: MarketBlock,
	/// How long a client may take to serve what seats cannot fetch.
	pub serving: MarketBlock,
	/// For so long what the guilty lose is held before it is shared out: time to see that the chain itself was wrong.
	pub enactment: MarketBlock,
}

impl Default for CourtParams {
	fn default() -> Self {
		Self {
			multiple: 8,
			least: Perbill::from_parts(31_250_000),
			most: Perbill::from_percent(25),
			history: MILL,
			replay: 6,
			floor: 2 * MILL,
			late: Perbill::from_percent(5),
			seat_fee: MILLI,
			draw_outputs: 10,
			opening: HOUR / 2,
			equal_window: HOUR / 12,
			window: HOUR / 2,
			clock: HOUR / 2,
			staffing: 8 * HOUR,
			pause: 24 * HOUR,
			serving: 7 * 24 * HOUR,
			enactment: 7 * 24 * HOUR,
		}
	}
}

impl CourtParams {
	/// Short periods, for development chains and tests.
	pub fn fast() -> Self {
		Self {
			draw_outputs: 2,
			opening: 60,
			equal_window: 6,
			window: 40,
			clock: 100,
			staffing: 120,
			pause: 20,
			serving: 200,
			enactment: 30,
			..Self::default()
		}
	}
}

/// The parameters of `pallet-emission`: `min(initial * 2^(-emitted / halving), brake * burned)` an era.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct EmissionParams {
	/// The ceiling of the first era, in plancks.
	pub initial: Balance,
	/// The ceiling halves each time this much has been emitted, in plancks. A constant of the runtime caps the sum over
	/// all eras, whatever is set here.
	pub halving: Balance,
	/// What is minted for each burned planck of protocol fees, at most 90 %: below one, so that nobody gains by paying
	/// itself.
	pub brake: Permill,
	/// Market blocks in an era.
	pub era: MarketBlock,
	/// Rewards are claimable for so many eras after their own.
	pub claim_eras: u32,
}

impl Default for EmissionParams {
	fn default() -> Self {
		Self {
			initial: 50_000 * MILL,
			halving: 100_000_000 * MILL,
			brake: Permill::from_percent(80),
			era: 24 * HOUR,
			claim_eras: 84,
		}
	}
}

impl EmissionParams {
	/// Short periods, for development chains and tests.
	pub fn fast() -> Self {
		Self {
			era: 50,
			..Self::default()
		}
	}
}
