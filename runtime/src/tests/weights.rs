//! What measured weights mean: how much of the market a block has room for, and what a seat costs the chain.

use crate::{
	configs::{BlockWeights, WeightToFee},
	Runtime,
};
use frame_support::weights::{Weight, WeightToFee as _};
use millrace_primitives::{
	job::{MAX_WINDOW, MIN_REPLICAS},
	params::{CourtParams, JobsParams},
	MarketBlock, MILL,
};
use pallet_attestations::WeightInfo as _;
use pallet_balances::WeightInfo as _;
use pallet_emission::WeightInfo as _;
use pallet_jobs::{timers::fires, WeightInfo as _, MAX_ACKNOWLEDGED, MAX_DROPPED};
use pallet_providers::WeightInfo as _;

type Jobs = <Runtime as pallet_jobs::Config>::WeightInfo;
type Attestations = <Runtime as pallet_attestations::Config>::WeightInfo;
type Providers = <Runtime as pallet_providers::Config>::WeightInfo;
type Emission = <Runtime as pallet_emission::Config>::WeightInfo;
type Balances = <Runtime as pallet_balances::Config>::WeightInfo;
type TickWeight = <Runtime as pallet_jobs::Config>::TickWeight;

/// A timer's way to its end, for a delay that is not longer.
fn timer(longest: MarketBlock, end: Weight) -> Weight {
	Jobs::timer_again() * u64::from(fires(longest) - 1) + end
}

/// Draws in vain that the fee of a seat pays for.
const DRAWS_IN_VAIN: u64 = 1;

/// Alarms of a case about which nobody argues: its draw, the end of its openings, its settlement, for which a single seat waits
/// as long as its client wants; and one that rings for nothing.
fn alarms(seats: u8) -> Weight {
	let waiting = match seats {
		1 => Jobs::timer_again() * u64::from(fires(2 * MAX_WINDOW) - 1),
		_ => Weight::zero(),
	};
	waiting + (Jobs::timer_again() + Attestations::advance()) * 3 + Attestations::settle(seats.into())
}

/// What the hooks do for one seat whose work is done, from submission until its shard and its job, which has no other
/// shard and so many seats, are gone. What calls do themselves, settlement among it, has its own fee.
///
/// A seat that nobody takes is drawn again and again, which no fee at submission could cover without being a toll on
/// all others. Its waits double, and the tick's own weight bounds what all of them take of a block.
fn life_of_a_seat(params: &JobsParams, seats: u8) -> Weight {
	let waiting = (Jobs::draw_nobody() + Jobs::timer_back_off()) * DRAWS_IN_VAIN;
	let taken = Jobs::draw_seat().max(Jobs::start_shard());
	let accepting = timer(params.accept_window, Jobs::timer_stale());
	let executing = timer(params.execution_base + params.accept_window, Jobs::timer_stale());
	let custody = timer(params.custody_period, Jobs::timer_custody());
	let shard = alarms(seats) + Jobs::visit_nothing() + custody;
	let job = timer(params.max_deadline, Jobs::timer_expire());
	waiting + taken + accepting + executing + (shard + job) / u64::from(seats)
}

#[test]
fn the_fee_of_a_seat_covers_what_the_hooks_do_for_it() {
	let params = JobsParams::default();
	// At submission, and for its place in a case.
	let fee = params.shard_fee + CourtParams::default().seat_fee;
	for seats in [1, MIN_REPLICAS] {
		let cost = WeightToFee::weight_to_fee(&life_of_a_seat(&params, seats));
		assert!(
			cost <= fee,
			"one of {seats} seats costs the chain {cost} plancks and pays {fee}"
		);
		assert!(fee < 3 * cost, "and not far more: {cost}");
	}
	assert_eq!(JobsParams::fast().shard_fee, params.shard_fee);
}

#[test]
fn a_block_has_room_for_many_draws_and_timers() {
	let tick = TickWeight::get().ref_time();
	let queue = tick / 2;
	let times = |weight: Weight, room: u64| room / weight.ref_time();
	let dearest_draw = Jobs::start_shard().max(Jobs::draw_seat()) + Jobs::drop_stale() * u64::from(MAX_DROPPED);
	let dearest_timer = Jobs::timer_execute().max(Jobs::timer_accept()) + Jobs::end_shard();
	println!(
		"a block: {} draws, {} in vain, {} starts, {} of the dearest; {} timers again, {} late seats, {} of the dearest",
		times(Jobs::draw_seat(), tick),
		times(Jobs::draw_nobody(), tick),
		times(Jobs::start_shard(), tick),
		times(dearest_draw, queue),
		times(Jobs::timer_again(), queue),
		times(Jobs::timer_execute(), queue),
		times(dearest_timer, queue),
	);
	assert!(times(Jobs::start_shard(), tick) >= 50);
	assert!(times(dearest_draw, queue) >= 10 && times(dearest_timer, queue) >= 10);
	let dearest_case = Attestations::settle(millrace_court::case::MAX_SEATS);
	assert!(times(dearest_case, queue) >= 5);
}

#[test]
fn what_providers_and_clients_send_compares_with_a_transfer() {
	let transfer = Balances::transfer_allow_death().ref_time();
	let calls = [
		("submit", Jobs::submit()),
		("top_up", Jobs::top_up()),
		("accept", Jobs::accept()),
		("decline", Jobs::decline()),
		("seal", Attestations::seal()),
		("reveal", Attestations::reveal()),
		("attack", Attestations::attack()),
		("accuse", Attestations::accuse()),
		("play", Attestations::play()),
		("play, with a proof", Attestations::play() + Attestations::prove()),
		("time", Attestations::time()),
		("acknowledge(1)", Jobs::acknowledge(1)),
		("heartbeat", Providers::heartbeat()),
		("register", Providers::register()),
		("claim", Emission::claim()),
	];
	for (name, weight) in calls {
		let tenths = weight.ref_time() * 10 / transfer;
		println!("{name}: {}.{} transfers", tenths / 10, tenths % 10);
		assert!(weight.ref_time() > transfer / 2, "{name} is measured");
		assert!(weight.ref_time() < 50 * transfer, "{name} is bearable");
	}
}

#[test]
fn the_dearest_calls_fit_into_a_block() {
	let limit = BlockWeights::get()
		.get(frame_support::dispatch::DispatchClass::Normal)
		.max_extrinsic
		.expect("calls are limited")
		.ref_time();
	for weight in [
		Jobs::acknowledge(MAX_ACKNOWLEDGED),
		Jobs::decline() + Jobs::end_shard(),
		Jobs::top_up() + Jobs::draw_nobody() * 65,
		Attestations::seal() * u64::from(pallet_attestations::MAX_BATCH),
		Attestations::reveal() * u64::from(pallet_attestations::MAX_BATCH),
		Attestations::settle(millrace_court::case::MAX_SEATS),
		TickWeight::get(),
	] {
		assert!(weight.ref_time() < limit, "{} of {limit}", weight.ref_time());
	}
	assert!(WeightToFee::weight_to_fee(&Balances::transfer_allow_death()) < MILL);
}
