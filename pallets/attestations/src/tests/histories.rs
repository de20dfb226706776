//! Random sequences of calls by honest, wrong and silent providers.

use crate::{mock::*, *};
use frame_support::traits::Hooks;
use millrace_primitives::job::SeatState;
use proptest::prelude::*;

const SHARDS: u32 = 3;
const PROVIDERS: u8 = 6;

#[derive(Clone, Debug)]
enum Step {
	Open { shard: u32, seats: u8, first: u8 },
	Seal { shard: u32, n: u8, root: u8 },
	Reveal { shard: u32, n: u8, root: u8 },
	SealMany { n: u8, root: u8 },
	RevealMany { n: u8, root: u8 },
	Draw { shard: u32, n: u8 },
	Close { shard: u32 },
	Wait { blocks: MarketBlock, deadlines: u64 },
	Poke { max: u32 },
	Window(MarketBlock),
}

fn step() -> impl Strategy<Value = Step> {
	let (shard, n, root) = (
		|| 0..SHARDS,
		|| 1..=PROVIDERS,
		|| prop_oneof![8 => Just(1u8), 1 => Just(2u8)],
	);
	prop_oneof![
		2 => (shard(), 2u8..=4, n()).prop_map(|(shard, seats, first)| Step::Open { shard, seats, first }),
		8 => (shard(), n(), root()).prop_map(|(shard, n, root)| Step::Seal { shard, n, root }),
		8 => (shard(), n(), root()).prop_map(|(shard, n, root)| Step::Reveal { shard, n, root }),
		3 => (n(), root()).prop_map(|(n, root)| Step::SealMany { n, root }),
		3 => (n(), root()).prop_map(|(n, root)| Step::RevealMany { n, root }),
		3 => (shard(), n()).prop_map(|(shard, n)| Step::Draw { shard, n }),
		1 => shard().prop_map(|shard| Step::Close { shard }),
		3 => (0u32..30, 0u64..4).prop_map(|(blocks, deadlines)| Step::Wait { blocks, deadlines }),
		1 => (0u32..4).prop_map(|max| Step::Poke { max }),
		1 => (0u32..40).prop_map(Step::Window),
	]
}

fn round(shard: ShardId, n: u8) -> u8 {
	Jobs::seat(shard, &provider(n)).map_or(0, |seat| seat.round)
}

fn play(step: Step) {
	// Calls may fail in any state; what counts is what holds afterwards.
	let _: DispatchResultWithPostInfo = match step {
		Step::Open {
			shard: index,
			seats,
			first,
		} => {
			if Seats::get(shard(index)).is_none() {
				let team: Vec<_> = (0..seats).map(|i| (first + i - 1) % PROVIDERS + 1).collect();
				open(index, &team);
			}
			return;
		}
		Step::Seal { shard: index, n, root } => seal(n, shard(index), report(root, 5)),
		Step::Reveal { shard: index, n, root } => reveal(n, shard(index), report(root, 5)),
		Step::SealMany { n, root } => {
			let item = |i| SealItem {
				shard: shard(i),
				seal: sealed(shard(i), round(shard(i), n), n, report(root, 5)),
			};
			dispatch(
				n,
				Call::seal_many {
					items: BoundedVec::truncate_from((0..SHARDS).map(item).collect()),
				},
			)
		}
		Step::RevealMany { n, root } => {
			let item = |i| RevealItem {
				shard: shard(i),
				report: report(root, 5),
				salt: SALT,
			};
			dispatch(
				n,
				Call::reveal_many {
					items: BoundedVec::truncate_from((0..SHARDS).map(item).collect()),
				},
			)
		}
		Step::Draw { shard: index, n } => {
			let seats = Seats::get(shard(index)).unwrap_or_default();
			let vacant = seats.iter().position(|seat| seat.provider.is_none());
			if let (Some(seat), None) = (vacant, Jobs::seat(shard(index), &provider(n))) {
				Jobs::draw(shard(index), seat as u8, n);
			}
			return;
		}
		Step::Close { shard: index } => {
			let revealed = |seat: &MockSeat| seat.provider.is_some() && seat.state == SeatState::Revealed;
			let expected = Seats::get(shard(index))
				.unwrap_or_default()
				.iter()
				.filter(|seat| revealed(seat))
				.count();
			assert_eq!(Jobs::close(shard(index)).len(), expected);
			return;
		}
		Step::Wait { blocks, deadlines } => {
			Now::set(Now::get() + blocks);
			let limit = Attestations::dearest_deadline() * deadlines;
			let mut meter = WeightMeter::with_limit(limit);
			Attestations::on_poll(1, &mut meter);
			assert!(meter.consumed().all_lte(limit));
			return;
		}
		Step::Poke { max } => dispatch(99, Call::poke { max }),
		Step::Window(reveal_window) => return Parameters::set(AttestationsParams { reveal_window }),
	};
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(300))]

	#[test]
	fn whatever_happens_the_invariants_hold_and_nothing_stays_for_ever(steps in proptest::collection::vec(step(), 1..150)) {
		new_ext().execute_with(|| {
			for step in steps {
				play(step);
				Attestations::do_try_state().expect("invariants hold");
			}
			for (_, verdict) in Verdicts::get() {
				if let Verdict::Unresolved { revealed } = verdict {
					assert!(revealed.len() >= 2 && revealed.iter().all(|(_, gas)| *gas == 5));
				}
			}
			// Once all shards are closed and all deadlines have passed, no state is left.
			(0..SHARDS).for_each(|index| { Jobs::close(shard(index)); });
			poll_at(Now::get() + 1_000);
			assert_eq!(Evidence::<Test>::iter().count() + Deadlines::<Test>::iter().count(), 0);
			Attestations::do_try_state().expect("invariants hold");
		});
	}
}
