//! Missed reveals and the queue of deadlines.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};

type W = <Test as Config>::WeightInfo;

/// A shard that these providers have sealed.
fn sealed_by(index: u32, providers: &[u8]) -> ShardId {
	let shard = open(index, providers);
	for n in providers {
		assert_ok!(seal(*n, shard, report(1, 5)));
	}
	shard
}

fn poke(max: u32) -> DispatchResultWithPostInfo {
	dispatch(50, Call::poke { max })
}

#[test]
fn seats_that_do_not_reveal_fall_vacant_and_the_others_stay_revealed() {
	run(|| {
		let shard = sealed_by(0, &[1, 2, 3]);
		assert_ok!(reveal(2, shard, report(1, 5)));
		poll_at(10 + WINDOW);
		assert_eq!(Missed::get(), vec![]);

		poll_at(11 + WINDOW);
		assert_eq!(Missed::get(), vec![(shard, 0), (shard, 2)]);
		System::assert_has_event(
			Event::RevealMissed {
				shard,
				seat: 0,
				provider: provider(1),
			}
			.into(),
		);
		System::assert_last_event(
			Event::RevealMissed {
				shard,
				seat: 2,
				provider: provider(3),
			}
			.into(),
		);
		let evidence = Attestations::evidence(shard).expect("still open");
		assert_eq!((evidence.entries.len(), evidence.reveal_due), (1, None));
		assert_noop!(reveal(1, shard, report(1, 5)), Error::<Test>::NotAssigned);

		// Others are drawn; when the last of them has sealed, a new window starts and the old report still counts.
		Jobs::draw(shard, 0, 4);
		Jobs::draw(shard, 2, 5);
		assert_ok!(seal(4, shard, report(1, 5)));
		assert_noop!(reveal(4, shard, report(1, 5)), Error::<Test>::RevealNotOpen);
		assert_ok!(seal(5, shard, report(1, 5)));
		assert_eq!(Attestations::reveal_due(shard), Some(11 + 2 * WINDOW));
		assert_ok!(reveal(4, shard, report(1, 5)));
		assert_ok!(reveal(5, shard, report(1, 5)));
		assert_eq!(
			Verdicts::get(),
			vec![(shard, Verdict::Accepted { report: report(1, 5) })]
		);
	});
}

#[test]
fn a_deadline_of_an_earlier_window_does_not_end_a_later_one() {
	run(|| {
		let shard = sealed_by(0, &[1, 2]);
		poll_at(11 + WINDOW);
		Jobs::draw(shard, 0, 3);
		Jobs::draw(shard, 1, 4);
		assert_ok!(seal(3, shard, report(1, 5)));
		assert_ok!(seal(4, shard, report(1, 5)));
		poll_at(11 + 2 * WINDOW);
		assert_eq!(Missed::get().len(), 2);
		poll_at(12 + 2 * WINDOW);
		assert_eq!(Missed::get().len(), 4);
	});
}

#[test]
fn a_late_reveal_counts_until_its_deadline_is_served() {
	run(|| {
		let shard = sealed_by(0, &[1, 2]);
		Now::set(15 + WINDOW);
		assert_ok!(reveal(1, shard, report(1, 5)));
		assert_ok!(reveal(2, shard, report(1, 5)));
		assert_eq!(Verdicts::get().len(), 1);
		poll_at(16 + WINDOW);
		assert_eq!(Missed::get(), vec![]);
	});
}

#[test]
fn a_shortened_window_waits_for_the_longer_ones_before_it_and_none_is_served_early() {
	run(|| {
		let first = sealed_by(0, &[1, 2]);
		Parameters::set(AttestationsParams { reveal_window: 5 });
		let second = sealed_by(1, &[1, 2]);
		assert_eq!(Attestations::reveal_due(second), Some(15));
		Parameters::set(AttestationsParams {
			reveal_window: 2 * WINDOW,
		});
		let third = sealed_by(2, &[1, 2]);
		poll_at(10 + WINDOW);
		assert_eq!(Missed::get(), vec![]);
		poll_at(11 + WINDOW);
		assert_eq!(Missed::get(), vec![(first, 0), (first, 1), (second, 0), (second, 1)]);
		poll_at(11 + 2 * WINDOW);
		assert_eq!(Missed::get()[4..], [(third, 0), (third, 1)]);
	});
}

#[test]
fn a_poll_stays_within_its_weight_and_goes_on_in_the_next_block() {
	run(|| {
		for index in 0..5 {
			sealed_by(index, &[1, 2]);
		}
		Now::set(11 + WINDOW);
		let dearest = Attestations::dearest_deadline();
		let poll = |limit: Weight| {
			let mut meter = WeightMeter::with_limit(limit);
			Attestations::on_poll(1, &mut meter);
			assert!(meter.consumed().all_lte(limit));
			(meter.consumed(), Missed::get().len())
		};

		// Too little to look, too little to serve anything, enough for one.
		assert_eq!(poll(Weight::zero()), (Weight::zero(), 0));
		assert_eq!(poll(W::serve_base()), (W::serve_base(), 0));
		assert_eq!(
			poll(W::serve_base() + dearest),
			(W::serve_base() + W::serve_missed(2), 2)
		);
		// The pallet's own cap bounds it too.
		PollWeight::set(W::serve_base() + dearest + W::serve_missed(2));
		assert_eq!(poll(Weight::MAX), (W::serve_base() + W::serve_missed(2) * 2, 6));
		PollWeight::set(Weight::MAX);
		assert_eq!(poll(Weight::MAX), (W::serve_base() + W::serve_missed(2) * 2, 10));
		assert_eq!(Queue::<Test>::get(), QueueRange { head: 5, tail: 5 });
	});
}

#[test]
fn stale_deadlines_cost_little() {
	run(|| {
		let shard = sealed_by(0, &[1, 2]);
		assert_ok!(reveal(1, shard, report(1, 5)));
		assert_ok!(reveal(2, shard, report(1, 5)));
		Now::set(11 + WINDOW);
		let mut meter = WeightMeter::new();
		Attestations::on_poll(1, &mut meter);
		assert_eq!(meter.consumed(), W::serve_base() + W::serve_stale());
	});
}

#[test]
fn anybody_may_poke_what_is_due() {
	run(|| {
		for index in 0..3 {
			sealed_by(index, &[1, 2]);
		}
		assert_noop!(poke(5), Error::<Test>::NothingDue);
		Now::set(11 + WINDOW);
		assert_noop!(poke(0), Error::<Test>::NothingDue);
		let info = poke(2).expect("two are due");
		assert_eq!(info.actual_weight, Some(W::serve_base() + W::serve_missed(2) * 2));
		assert_eq!(info.pays_fee, Pays::Yes);
		assert_eq!(Missed::get().len(), 4);
		assert_ok!(poke(u32::MAX));
		assert_eq!(Missed::get().len(), 6);
		assert_noop!(poke(1), Error::<Test>::NothingDue);
	});
}

#[test]
fn a_poke_is_declared_for_no_more_than_it_can_serve() {
	use frame_support::dispatch::GetDispatchInfo;
	let weight = |max| Call::<Test>::poke { max }.get_dispatch_info().call_weight;
	assert_eq!(weight(u32::MAX), W::poke(MAX_BATCH));
	assert_eq!(weight(3), W::poke(3));
}

#[test]
fn every_missed_seat_is_reported_even_if_the_first_report_closes_the_shard() {
	run(|| {
		let shard = sealed_by(0, &[1, 2, 3]);
		assert_ok!(reveal(3, shard, report(1, 5)));
		CloseOnMiss::set(true);
		poll_at(11 + WINDOW);
		assert_eq!(Missed::get(), vec![(shard, 0), (shard, 1)]);
		assert_eq!(Attestations::evidence(shard), None);
	});
}

#[test]
#[should_panic(expected = "not a single deadline could ever be served")]
fn a_poll_weight_that_serves_nothing_is_refused() {
	new_ext().execute_with(|| {
		PollWeight::set(W::serve_base());
		<Attestations as Hooks<u64>>::integrity_test();
	});
}
