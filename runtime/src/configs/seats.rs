//! What the chain does for a seat, and what that costs: the fee of a seat is made of measured weights by one formula.

use super::parameters::CurrentJobsParams;
use crate::{Balance, Runtime};
use frame_support::{traits::Get, weights::Weight};
use pallet_attestations::WeightInfo as _;
use pallet_jobs::WeightInfo as _;
use sp_runtime::traits::Convert;

type Jobs = <Runtime as pallet_jobs::Config>::WeightInfo;
type Attestations = <Runtime as pallet_attestations::Config>::WeightInfo;

/// Draws in vain that the fee of a seat pays for. What nobody takes is drawn again and again, which no fee at submission could
/// cover without being a toll on all others: its waits double, and the tick's own weight bounds what all of them take of a block.
const DRAWS_IN_VAIN: u64 = 1;

/// What hooks do, and calls that are free, for one seat whose work is done and about which nobody argues, from submission until its
/// shard and its job, which has no other shard and so many seats, are gone. What the client sends has its own fee.
pub fn life_of_a_seat(seats: u8) -> Weight {
	// Who finds nobody waits on a timer; for the outputs of a draw's seed a job waits in the queue.
	let vain = (Jobs::draw_nobody() + Jobs::timer_back_off()) * DRAWS_IN_VAIN;
	let drawn = Jobs::draw_seat().max(Jobs::start_shard());
	let free_calls = Jobs::accept() + Attestations::seal() + Attestations::reveal();
	// The one that a shard has acts in vain when its seats should have been accepted, and sealed.
	let deadlines = Jobs::timer_again() * 2;
	// The court's: its draw, the end of its openings in vain, its settlement.
	let alarms = Jobs::timer_stale() * 3 + Attestations::advance() * 3 + Attestations::settle(seats.into());
	let shard = deadlines + alarms + Jobs::visit_nothing() + Jobs::timer_custody();
	vain + drawn + free_calls + (shard + Jobs::timer_expire()) / u64::from(seats.max(1))
}

/// What so much of a block's compute costs at a price of a second, rounded up.
pub fn price_of(weight: Weight, second: Balance) -> Balance {
	second
		.saturating_mul(weight.ref_time().into())
		.div_ceil(1_000_000_000_000)
}

/// The fee of each of so many seats: [`life_of_a_seat`] at the price that governance sets.
pub struct SeatFee;

impl Convert<u8, Balance> for SeatFee {
	fn convert(seats: u8) -> Balance {
		price_of(life_of_a_seat(seats), CurrentJobsParams::get().second_price)
	}
}
