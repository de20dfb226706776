//! The rule behind every rule, over random histories of honest parties, liars and saboteurs. In every history
//!
//! - an honest seat is never out, silent or guilty, and has no less than before but for a caller's fee (and, if five in a row say
//!   that they cannot fetch what it was drawn for, C / p); a result that is accepted or paid pays it for all that it computed and
//!   replayed;
//! - an honest outsider that accuses whoever lies has no less than before, and is paid for a replay of the largest claim for each
//!   seat that it alone proves wrong by a step;
//! - beside an honest seat that was sold, or such an outsider, no lie is accepted or paid, and all who are dishonest together (of one
//!   owner: seats that were sold, audits, fresh seats, outsiders; or a single one) have no more than what those of them earn who
//!   computed what the machine does, a cap less if a report is accepted and one of them is guilty, and no more than if all their
//!   sold seats had said the truth and nobody had computed it again;
//! - with the client among them they have nothing of anybody else's, but what a recomputation of theirs is paid if five in a row say
//!   that they cannot fetch;
//! - money is conserved, and every case ends.

#[path = "../common/mod.rs"]
mod common;
mod play;

use common::{rules, Books};
use millrace_court::case::{Account, By, End, How, Kind, Rules, Settlement, State};
use millrace_primitives::{AccountId, Balance};
use play::{watcher, Choices, Play, Who};
use proptest::prelude::*;
use std::collections::BTreeMap;

const CAP: Balance = 1_200_000;

/// What a history is made of, beside what is chosen in it.
#[derive(Debug)]
struct World {
	rules: Rules,
	replicas: u8,
	/// What an honest run costs.
	honest: u64,
	drawn: bool,
	/// So many of a hundred seats are bad.
	bad: u32,
	/// Whether the client serves all who check.
	serves: bool,
	/// Honest outsiders.
	watchers: u8,
}

/// A history that has ended, and everybody's money.
struct Ended {
	play: Play,
	world: World,
	end: End,
	settlement: Settlement,
	net: BTreeMap<String, i128>,
}

fn play(list: Vec<u16>, world: World) -> Ended {
	let World {
		rules,
		replicas,
		honest,
		drawn,
		bad,
		serves,
		watchers,
	} = world;
	let mut choices = Choices { list: list.into_iter() };
	let mut books = Books::backed(rules, replicas, replicas.into());
	books.draw(drawn, choices.chance(30));
	let mut play = Play::new(books, honest, watchers, serves);
	for seat in 0..replicas {
		let bad = choices.chance(bad);
		play.who.push(if bad { Who::Bad } else { Who::Honest });
		let said = if bad {
			choices.pick(&['a', 'a', 'b', '0', 'T', 'x']).unwrap_or('a')
		} else {
			'T'
		};
		play.said.insert(seat, said);
		if !bad {
			play.works(format!("seat {seat}"), honest.into());
		}
	}
	play.choices = choices;
	let end = play.run(bad);
	let settlement = play.books.settle();
	let net = play.books.net();
	Ended {
		play,
		world,
		end,
		settlement,
		net,
	}
}

impl Ended {
	fn has(&self, name: &str) -> i128 {
		self.net.get(name).copied().unwrap_or(0)
	}

	fn holds(&self) -> bool {
		let sold = self.play.who.iter().take(self.world.replicas.into());
		sold.into_iter().any(|who| *who == Who::Honest)
	}

	/// Whether somebody honest is there from the start to the end who contradicts every lie.
	fn is_guarded(&self) -> bool {
		self.holds() || self.world.watchers > 0
	}

	fn nothing_is_open(&self) {
		let play = &self.play;
		let open = play.books.case.duels().iter().any(|duel| duel.end.is_none());
		let attacked = play.numbers(|seat| play.seat(seat).is_standing() && play.seat(seat).attacks > 0);
		assert!(!open && attacked.is_empty(), "it has ended while boards were played");
	}

	fn data_is_missing_only_for_five_liars(&self) {
		let play = &self.play;
		if self.end == End::NoData && (self.world.serves || self.holds()) {
			let callers = play.numbers(|seat| !play.is_honest(seat) && play.seat(seat).caller);
			assert!(callers.len() >= 5, "{callers:?} call, though the honest can fetch");
		}
	}

	fn what_counts_is_said_by_two(&self) {
		let play = &self.play;
		if !play.books.case.is_counted() {
			return;
		}
		let End::Accepted(report) = self.end else {
			panic!("{:?} counts", self.end)
		};
		let said = play.said[&report];
		let say = play.numbers(|seat| play.seat(seat).is_standing() && play.said[&seat] == said);
		let sampled = play.numbers(|seat| play.seat(seat).is_standing() && play.seat(seat).kind == Kind::Audit);
		assert!(say.len() + sampled.len() > 1, "what one seat says counts");
	}

	fn no_lie_is_paid(&self) {
		if let End::Accepted(seat) | End::Thin(seat) = self.end {
			assert!(
				!self.play.lies(seat) || !self.is_guarded(),
				"a lie is accepted beside somebody honest"
			);
		}
	}

	fn honest_seats_end_no_worse(&self) {
		let (play, rules) = (&self.play, &self.world.rules);
		for seat in play.numbers(|seat| play.is_honest(seat)) {
			let state = &play.seat(seat).state;
			assert!(
				!matches!(state, State::Silent | State::Out { .. }),
				"seat {seat} is honest and {state:?}"
			);
			assert!(
				!self.settlement.guilty.contains(&seat),
				"seat {seat} is honest and guilty"
			);
			let name = format!("seat {seat}");
			let won = self.has(&name);
			let fee = if play.seat(seat).caller || *state == State::Away {
				rules.seat_fee as i128
			} else {
				0
			};
			let inverse = rules.p.saturating_reciprocal_mul_ceil(1_u32);
			let least = match (self.end, seat < self.world.replicas) {
				// Five in a row said that they cannot fetch.
				(End::NoData, true) if self.world.drawn => -((CAP * Balance::from(inverse)) as i128),
				_ => -fee,
			};
			assert!(won >= least, "seat {seat} is honest and has {won}");
			let audit = play.seat(seat).kind == Kind::Audit;
			let decided = match self.end {
				End::Accepted(_) | End::Thin(_) => true,
				End::Unresolved => audit,
				End::NoData => false,
			};
			if play.seat(seat).is_standing() && decided {
				// Who said that it could not fetch computes for nothing, and is paid for what it replays.
				let of = |spent: &BTreeMap<String, Balance>| spent.get(&name).copied().unwrap_or(0) as i128;
				let work = of(&play.replays) + if play.seat(seat).caller { -fee } else { of(&play.work) };
				assert!(won >= work, "seat {seat} worked for {work} and has {won}");
			}
		}
	}

	fn honest_outsiders_end_no_worse(&self) {
		let case = &self.play.books.case;
		let replay = 7 * case.largest_claim(&self.world.rules);
		for name in (0..self.world.watchers).map(watcher) {
			let won = self.has(&name);
			assert!(won >= 0, "{name} is honest and has {won}");
			let account = AccountId::new([name.as_bytes()[1]; 32]);
			for (number, seat) in (0_u8..).zip(case.seats()) {
				let State::Out {
					first,
					by: By::Outsider { account: by, .. },
					..
				} = &seat.state
				else {
					continue;
				};
				let played = case.duels().iter().any(|duel| [duel.by, duel.target].contains(&number));
				if *by != account || *first != How::Step || played {
					continue;
				}
				let flows = self.settlement.flows.iter();
				let paid: Balance = flows
					.filter(|flow| flow.to == Account::Outsider(number))
					.map(|flow| flow.amount)
					.sum();
				assert!(
					paid >= replay,
					"{name} proved seat {number} wrong and has {paid} of {replay}"
				);
				let is_true = matches!(self.end, End::Accepted(_) | End::Thin(_)) && self.is_guarded();
				assert!(
					!is_true || paid >= 6 * Balance::from(self.play.honest),
					"{name} replayed for more than {paid}"
				);
			}
		}
	}

	fn the_dishonest_gain_nothing_together(&self) {
		let play = &self.play;
		let bad = play.numbers(|seat| !play.is_honest(seat));
		let seats: i128 = bad.iter().map(|seat| self.has(&format!("seat {seat}"))).sum();
		let saboteurs = self.net.iter().filter(|(name, _)| name.starts_with('x'));
		let together = seats + saboteurs.map(|(_, won)| won).sum::<i128>();
		let right = bad.iter().filter(|seat| !play.lies(**seat));
		let earned: Balance = right.map(|seat| self.settlement.paid[usize::from(*seat)]).sum();
		let earned = earned as i128;
		// The honest lose nothing to them and their client, but if nobody can fetch what a shard was drawn for.
		let most = if self.end == End::NoData { earned } else { 0 };
		let with_client = together + self.has("client");
		assert!(
			with_client <= most,
			"the dishonest and their client have {with_client} together"
		);
		if !self.is_guarded() {
			return;
		}
		// Who is found to be wrong costs them a cap, whatever its friends have of it.
		let caught =
			matches!(self.end, End::Accepted(_)) && bad.iter().any(|seat| self.settlement.guilty.contains(seat));
		let lost = if caught { CAP as i128 } else { 0 };
		assert!(
			together + lost <= earned,
			"the dishonest have {together} together, earned {earned} and lost {lost}"
		);
		// Nothing is gained by being drawn to compute again what friends have spoilt.
		let (sold, drawn): (Vec<u8>, Vec<u8>) = bad.iter().partition(|seat| **seat < self.world.replicas);
		let audits = drawn
			.iter()
			.filter(|seat| !play.lies(**seat) && play.seat(**seat).kind == Kind::Audit);
		let paid: Balance = audits.map(|seat| self.settlement.paid[usize::from(*seat)]).sum();
		let truth = sold.len() as i128 * i128::from(self.world.honest) + paid as i128;
		assert!(
			together <= truth,
			"the dishonest have {together} together and would have had {truth}"
		);
	}
}

/// As many as half a minute is enough for, or as it is said.
fn cases() -> u32 {
	match std::env::var("MILLRACE_FUZZ_CASES") {
		Ok(number) => number.parse().expect("MILLRACE_FUZZ_CASES is a number"),
		Err(_) => 100_000,
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
	#[test]
	fn who_is_honest_never_ends_worse_and_who_is_not_never_better(
		list in prop::collection::vec(any::<u16>(), 0..400),
		replicas in 1_u8..=4,
		tasks in prop_oneof![Just(1_u32), Just(6)],
		inverse in prop_oneof![Just(4_u32), Just(6), Just(32)],
		honest in prop_oneof![Just(CAP as u64), Just(600_000), Just(150_000), 6..=CAP as u64],
		drawn in any::<bool>(),
		bad in 0_u32..=100,
		serves in any::<bool>(),
		watchers in prop_oneof![3 => Just(0_u8), 1 => Just(1), 1 => Just(2)],
		(seat_fee, single) in (
			prop_oneof![Just(10_000_u128), Just(2 * CAP), Just(10 * CAP)],
			prop_oneof![Just(600_u32), Just(28_800), 600_u32..=28_800],
		),
	) {
		let mut rules = Rules {
			seat_fee,
			..rules(CAP, tasks, inverse)
		};
		if replicas == 1 {
			// What its client wants to check it in.
			rules.times.equal_window = single;
		}
		let ended = play(list, World { rules, replicas, honest, drawn, bad, serves, watchers });
		ended.nothing_is_open();
		ended.data_is_missing_only_for_five_liars();
		ended.what_counts_is_said_by_two();
		ended.no_lie_is_paid();
		ended.honest_seats_end_no_worse();
		ended.honest_outsiders_end_no_worse();
		ended.the_dishonest_gain_nothing_together();
	}
}
