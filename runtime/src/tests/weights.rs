//! What the weights mean: how much of the market a block has room for, and what a seat costs the chain.

use crate::{
	configs::{life_of_a_seat, price_of, BlockWeights, SeatFee, WeightToFee},
	Runtime,
};
use frame_support::weights::{Weight, WeightToFee as _};
use millrace_primitives::{job::MAX_REPLICAS, params::JobsParams, MILL};
use pallet_attestations::WeightInfo as _;
use pallet_balances::WeightInfo as _;
use pallet_emission::WeightInfo as _;
use pallet_jobs::{WeightInfo as _, MAX_ACKNOWLEDGED, MAX_DROPPED};
use pallet_providers::WeightInfo as _;
use sp_runtime::traits::Convert;

type Jobs = <Runtime as pallet_jobs::Config>::WeightInfo;
type Attestations = <Runtime as pallet_attestations::Config>::WeightInfo;
type Providers = <Runtime as pallet_providers::Config>::WeightInfo;
type Emission = <Runtime as pallet_emission::Config>::WeightInfo;
type Balances = <Runtime as pallet_balances::Config>::WeightInfo;
type TickWeight = <Runtime as pallet_jobs::Config>::TickWeight;

#[test]
fn the_fee_of_a_seat_is_what_its_life_weighs_and_is_small() {
	sp_io::TestExternalities::default().execute_with(|| {
		for seats in 1..=MAX_REPLICAS {
			let weight = life_of_a_seat(seats);
			let fee = SeatFee::convert(seats);
			println!(
				"one of {seats} seats: {} us, {fee} plancks",
				weight.ref_time() / 1_000_000
			);
			assert_eq!(fee, price_of(weight, JobsParams::default().second_price));
			assert!(fee <= MILL / 100);
		}
		// Rounded up, and nothing for nothing.
		assert_eq!(price_of(Weight::from_parts(1, 0), 1), 1);
		assert_eq!(price_of(Weight::zero(), MILL), 0);
	});
	assert_eq!(JobsParams::fast().second_price, JobsParams::default().second_price);
}

#[test]
fn a_block_has_room_for_many_draws_and_timers() {
	let tick = TickWeight::get().ref_time();
	let queue = tick / 2;
	let times = |weight: Weight, room: u64| room / weight.ref_time();
	let dearest_draw = Jobs::start_shard().max(Jobs::draw_seat()) + Jobs::drop_stale() * u64::from(MAX_DROPPED);
	let dearest_timer = Jobs::timer_execute().max(Jobs::timer_accept()) + Jobs::end_shard();
	println!(
		"a block: {} draws, {} in vain, {} starts, {} of the dearest; {} late seats, {} of the dearest",
		times(Jobs::draw_seat(), tick),
		times(Jobs::draw_nobody(), tick),
		times(Jobs::start_shard(), tick),
		times(dearest_draw, queue),
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
		("demand", Jobs::demand()),
		("answer(32 KiB)", Jobs::answer(32_768)),
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

/// A job of one task that one provider computes: what its client sends, what is free, and what hooks do, from the submission to the end
/// of custody, in transactions of their own, while nobody argues.
#[test]
fn the_life_of_a_single_seat_compares_with_a_transfer() {
	let transfer = Balances::transfer_allow_death().ref_time();
	let life = (Jobs::submit() + life_of_a_seat(1) + Jobs::acknowledge(1)).ref_time();
	println!("{} transfers", life / transfer);
	assert!(life < 170 * transfer);
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
