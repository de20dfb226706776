//! Random histories: whatever anybody does, money is conserved, every case ends, nobody who is honest and there ends worse,
//! and no lie is accepted beside an honest seat that was sold. Whoever governs freezes, thaws and voids in between.

use super::*;
use millrace_primitives::{api::CaseSeatState, traits::Freezable};
use proptest::prelude::*;

/// What a provider is like. All that are drawn are honest, or do not care.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
	Honest,
	/// Reports this version, opens if the number is even, and attacks nobody.
	Liar(u8),
	/// Seals and is never seen again.
	Silent,
}

fn kind() -> impl Strategy<Value = Kind> {
	prop_oneof![
		3 => Just(Kind::Honest),
		3 => (1_u8..4).prop_map(Kind::Liar),
		1 => Just(Kind::Silent),
	]
}

fn version(kind: Kind) -> u8 {
	match kind {
		Kind::Liar(version) => version,
		_ => 0,
	}
}

#[derive(Clone, Debug)]
struct Story {
	kinds: Vec<Kind>,
	/// One in so many of the drawn ones stays away.
	lazy: u8,
	/// Liars attack, accuse and waste time by these.
	mischief: Vec<(u8, u8, u8)>,
	index: u32,
}

fn story() -> impl Strategy<Value = Story> {
	(
		prop::collection::vec(kind(), 1..5),
		prop_oneof![2 => Just(u8::MAX), 1 => 3_u8..8],
		prop::collection::vec((any::<u8>(), any::<u8>(), 0_u8..7), 0..12),
		0_u32..50,
	)
		.prop_map(|(kinds, lazy, mischief, index)| Story {
			kinds,
			lazy,
			mischief,
			index,
		})
}

fn id_of(who: &AccountId) -> u8 {
	AsRef::<[u8; 32]>::as_ref(who)[0]
}

/// What whoever governs does.
fn govern(shard: ShardId, who: u8, what: u8) -> DispatchResult {
	use super::verdicts::{freeze, program, thaw, void};
	let engine = Freezable::Engine(Work::get().engine);
	let subject = if who % 2 == 0 { program() } else { engine };
	match what {
		0 => freeze(subject),
		1 => thaw(subject),
		_ => {
			let found = Verdicts::<Test>::iter_prefix(shard).next();
			void(shard, found.map_or(account(who), |(account, _)| account))
		}
	}
}

/// Plays a story to its end.
fn play(story: &Story) {
	let before = all_money();
	let shard = shard(story.index);
	let ids: Vec<u8> = (1..=story.kinds.len() as u8).collect();
	let kind_of = |id: u8| match story.kinds.get(usize::from(id) - 1) {
		Some(kind) => *kind,
		None if id % story.lazy == 0 => Kind::Silent,
		None => Kind::Honest,
	};
	Jobs::start(shard, &ids);
	for id in &ids {
		seal(shard, *id, version(kind_of(*id))).unwrap();
	}
	let mut mischief = story.mischief.iter();
	let mut blocks = 0;
	while Endings::get(shard).is_none() {
		assert!(blocks < 3_000, "every case ends: {:?}", view(shard));
		blocks += 1;
		for seat in view(shard).seats {
			let id = id_of(&seat.provider);
			let kind = kind_of(id);
			// While its work is frozen nothing can be done.
			if kind == Kind::Silent || !Attestations::freeze_views().is_empty() {
				continue;
			}
			match seat.state {
				CaseSeatState::Working => seal(shard, id, version(kind)).unwrap(),
				CaseSeatState::Sealed => {
					let called = Attestations::called_view(shard, &seat.provider).unwrap();
					if called.reveal_by.is_some() {
						reveal(shard, id, version(kind)).unwrap();
					}
				}
				_ => {}
			}
		}
		// Who is honest attacks whom it may; it has no run to show here, so boards end by clocks.
		for (by, target) in view(shard).attacks {
			let by = id_of(&view(shard).seats[usize::from(by)].provider);
			if kind_of(by) == Kind::Honest {
				let _ = call(operator(by), Call::attack { shard, target });
			}
		}
		if let Some((who, target, what)) = mischief.next() {
			let action = Box::new(Move::Divide(*who, Default::default()));
			let target = target % 8;
			let _ = match what {
				0 => call(
					account(WATCHER),
					Call::accuse {
						shard,
						target,
						accusation: match who % 4 {
							3 => Box::new(Accusation::Report(outcome::report(&outcomes(7)).unwrap())),
							task => accusation(task.into(), outcomes(7)[usize::from(task)]),
						},
						max_bond: RICH,
					},
				),
				1 => call(operator(1 + who % 8), Call::attack { shard, target }),
				2 => call(
					operator(1 + who % 8),
					Call::play {
						shard,
						board: u32::from(target),
						action,
					},
				),
				3 => call(account(WATCHER), Call::poke { shard }),
				_ => govern(shard, *who, what - 4),
			};
		}
		next_block();
	}
	// While verdicts are held, too.
	for (who, _, what) in mischief {
		let _ = govern(shard, *who, *what % 3);
		next_block();
	}
	run_until(2 * LONGEST_FREEZE, || Attestations::freeze_views().is_empty());
	// What outsiders have at stake comes back, or goes where it belongs.
	for (_, board) in Boards::<Test>::iter_keys().collect::<Vec<_>>() {
		call(account(WATCHER), Call::pull { shard, board }).unwrap();
	}
	assert!(!Evidence::<Test>::contains_key(shard));
	run_until(2_000, || Verdicts::<Test>::iter().next().is_none());
	for id in (1..=PROVIDERS).chain([WATCHER]) {
		assert_eq!(Attestations::held_as_guilty(&account(id)), 0);
	}
	assert_eq!(Attestations::accused_with(&account(WATCHER)), 0);
	assert_eq!(all_money(), before);
	assert!(
		Balances::free_balance(account(WATCHER)) <= RICH,
		"a false accusation pays nobody"
	);
	for id in 1..=PROVIDERS {
		let provider = Providers::get(id);
		assert_eq!((provider.liability, provider.used), (0, 0), "{id}");
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(200))]

	#[test]
	fn every_history_ends_and_conserves_all_money(story in story()) {
		new_test_ext().execute_with(|| play(&story));
	}
}
