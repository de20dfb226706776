//! Random histories of a shard whose tasks are really run, with boards that are played down to a step of them. The honest open
//! what they sealed, attack whoever says something else, and play; everybody else does what is chosen, with any board, at any
//! time. Whoever governs freezes, thaws and voids in between. In every history
//!
//! - money is conserved, every case ends, and nothing stays reserved or on hold;
//! - who is honest is never guilty, silent, out or late, and has no less than before (but for C / p if five in a row say that they
//!   cannot fetch what a shard was drawn for); if a report is accepted or paid, it is paid for what it computed;
//! - an honest outsider that accuses whoever lies has no less than before;
//! - beside an honest seat that was bought, or such an outsider, no lie is accepted or paid, and all who are dishonest have together
//!   no more than those of them earn who computed what the machine does.

use super::{
	real::{answer, board, play, real_matter, truth, TASKS},
	*,
};
use frame_support::{assert_ok, traits::fungible::Mutate};
use millrace_court::case::{Case, Kind, Seat, State};
use millrace_primitives::{money::payment, traits::Freezable};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::OnceLock};

/// What decides: one choice after the other, then always the first.
struct Choices(std::vec::IntoIter<u16>);

impl Choices {
	fn below(&mut self, n: usize) -> usize {
		usize::from(self.0.next().unwrap_or(0)) % n.max(1)
	}

	fn chance(&mut self, percent: usize) -> bool {
		self.below(100) >= 100 - percent
	}

	fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
		let at = self.below(from.len());
		from.get(at).cloned()
	}
}

/// All that anybody says of the shard, the truth first.
fn reports() -> &'static [Vec<Outcome>] {
	static ONCE: OnceLock<Vec<Vec<Outcome>>> = OnceLock::new();
	ONCE.get_or_init(|| {
		let truth = truth();
		let but = |which: &[usize], change: &dyn Fn(&mut Outcome)| {
			let mut outcomes = truth.clone();
			which.iter().for_each(|task| change(&mut outcomes[*task]));
			outcomes
		};
		let most = real_matter().limits.gas;
		vec![
			truth.clone(),
			but(&[0], &|outcome| outcome.gas_used -= 1),
			but(&[1], &|outcome| outcome.code ^= 1),
			but(&[2], &|outcome| outcome.errors[0] ^= 1),
			// As much as may be claimed, and nothing.
			but(&[0, 1, 2], &|outcome| outcome.gas_used = most),
			but(&[0, 1, 2], &|outcome| outcome.gas_used = 0),
		]
	})
}

/// What somebody says, and up to which step the states are right that it claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Says {
	report: usize,
	right_up_to: u64,
}

const HONEST: Says = Says {
	report: 0,
	right_up_to: u64::MAX,
};

impl Says {
	fn outcomes(self) -> &'static [Outcome] {
		&reports()[self.report]
	}

	fn is_true(self) -> bool {
		self.report == 0
	}
}

/// Who holds a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
	Honest,
	Bad(Says),
}

impl Who {
	fn says(self) -> Says {
		match self {
			Self::Honest => HONEST,
			Self::Bad(says) => says,
		}
	}
}

#[derive(Clone, Debug)]
struct Story {
	choices: Vec<u16>,
	bought: u8,
	/// So many of a hundred are bad.
	bad: usize,
	/// So many of a hundred of these say that they cannot fetch, if they are drawn.
	calls: usize,
	/// Whether the watcher accuses whoever lies.
	watched: bool,
	index: u32,
}

fn story(watched: bool) -> impl Strategy<Value = Story> {
	let choices = prop::collection::vec(any::<u16>(), 0..600);
	let calls = prop_oneof![3 => Just(5_usize), 1 => Just(95)];
	(choices, 1_u8..5, 0_usize..=100, calls, 0_u32..50).prop_map(move |(choices, bought, bad, calls, index)| Story {
		choices,
		bought,
		bad,
		calls,
		watched,
		index,
	})
}

struct History {
	story: Story,
	choices: Choices,
	shard: ShardId,
	who: BTreeMap<u8, Who>,
	/// What saboteurs say on the boards that they opened.
	accused: BTreeMap<u32, Says>,
	/// Boards on which a bad party makes no move any more, and which.
	left: BTreeMap<u32, bool>,
	/// The case as it was seen last.
	last: Option<Case>,
}

fn id_of(who: &AccountId) -> u8 {
	AsRef::<[u8; 32]>::as_ref(who)[0]
}

fn is_frozen() -> bool {
	!Attestations::freeze_views().is_empty()
}

impl History {
	fn new(story: Story) -> Self {
		Self {
			choices: Choices(story.choices.clone().into_iter()),
			shard: shard(story.index),
			who: BTreeMap::new(),
			accused: BTreeMap::new(),
			left: BTreeMap::new(),
			last: None,
			story,
		}
	}

	/// Who somebody is, which is chosen when it is asked for at first.
	fn who(&mut self, id: u8) -> Who {
		if let Some(who) = self.who.get(&id) {
			return *who;
		}
		let who = match self.choices.chance(self.story.bad) {
			false => Who::Honest,
			true => Who::Bad(self.says()),
		};
		self.who.insert(id, who);
		who
	}

	fn says(&mut self) -> Says {
		Says {
			report: self.choices.below(reports().len()),
			right_up_to: self.choices.pick(&[0, 3, 40, u64::MAX]).unwrap_or(0),
		}
	}

	/// What a provider sealed, or will; the truth of whoever has not been seen yet.
	fn said_by(&self, provider: &AccountId) -> Says {
		self.who.get(&id_of(provider)).map_or(HONEST, |who| who.says())
	}

	/// The case as it is now, once there is one.
	fn case(&self) -> Option<Case> {
		let evidence = Evidence::<Test>::get(self.shard)?;
		let now = Attestations::clock_of(&evidence);
		let mut case = evidence.judged.filter(|judged| !judged.settled)?.case;
		case.advance(&evidence.agreed.rules, now);
		Some(case)
	}

	fn seats(&self) -> Vec<(u8, Seat)> {
		let seats = self.case().map_or(Vec::new(), |case| case.seats().to_vec());
		(0..).zip(seats).collect()
	}

	fn run(&mut self) {
		let ids: Vec<u8> = (1..=self.story.bought).collect();
		Jobs::start(self.shard, &ids);
		for id in ids {
			let says = self.who(id).says();
			assert_ok!(call(operator(id), seal_call(self.shard, id, says.outcomes())));
		}
		let mut blocks = 0;
		while Endings::get(self.shard).is_none() {
			assert!(blocks < 3_000, "every case ends: {:?}", view(self.shard));
			blocks += 1;
			self.mischief();
			self.act();
			self.last = self.case().or(self.last.take());
			next_block();
		}
		// While verdicts are held, too.
		for _ in 0..self.choices.below(20) {
			self.govern();
			next_block();
		}
	}

	/// What all do who hold a seat or play on a board. While their work is frozen nothing can be done.
	fn act(&mut self) {
		if is_frozen() {
			return;
		}
		for (_, seat) in self.seats() {
			let id = id_of(&seat.provider);
			match self.who(id) {
				Who::Honest => self.works(id, &seat),
				Who::Bad(says) => self.idles(id, &seat, says),
			}
		}
		if self.case().is_some_and(|case| case.is_disputed()) {
			self.contradict();
		}
		if self.story.watched {
			self.watch();
		}
		while self.moves() {}
	}

	/// Who is honest attacks whom it may, until a board is open against each side that lies.
	fn contradict(&self) {
		let next = || {
			let mut attacks = view(self.shard).attacks.into_iter();
			attacks.find(|(by, _)| self.holder(*by) == Who::Honest)
		};
		while let Some((by, target)) = next() {
			assert_ne!(self.holder(target), Who::Honest);
			assert_ok!(self.attack(by, target));
		}
	}

	fn holder(&self, number: u8) -> Who {
		let provider = &self.seats()[usize::from(number)].1.provider;
		self.who[&id_of(provider)]
	}

	fn attack(&self, by: u8, target: u8) -> DispatchResult {
		let id = id_of(&self.seats()[usize::from(by)].1.provider);
		let shard = self.shard;
		call(operator(id), Call::attack { shard, target })
	}

	/// Whether a seat may open what it sealed.
	fn may_open(&self, id: u8) -> bool {
		Attestations::called_view(self.shard, &account(id)).is_some_and(|called| called.reveal_by.is_some())
	}

	fn works(&mut self, id: u8, seat: &Seat) {
		let shard = self.shard;
		match seat.state {
			State::Working => call(operator(id), seal_call(shard, id, HONEST.outcomes())).unwrap(),
			State::Sealed if self.may_open(id) => {
				assert_ok!(call(operator(id), reveal_call(shard, id, HONEST.outcomes())));
			}
			_ => {}
		}
	}

	fn idles(&mut self, id: u8, seat: &Seat, says: Says) {
		let (shard, who) = (self.shard, operator(id));
		match seat.state {
			// No more than some may say so.
			State::Working if self.choices.chance(self.story.calls) => {
				_ = call(who, Call::unavailable { shard });
			}
			State::Working => match self.choices.below(8) {
				0 => {}
				1 => call(who, Call::decline { shard }).unwrap(),
				_ => call(who, seal_call(shard, id, says.outcomes())).unwrap(),
			},
			// Who calls on purpose does not stop.
			State::Calling if self.story.calls < 50 && self.choices.chance(10) => {
				_ = call(who, seal_call(shard, id, says.outcomes()));
			}
			// It may be too late.
			State::Sealed | State::Silent if self.may_open(id) && self.choices.chance(50) => {
				_ = call(who, reveal_call(shard, id, says.outcomes()));
			}
			_ => {}
		}
	}

	/// An honest outsider accuses every report that is wrong, once.
	fn watch(&mut self) {
		for (target, seat) in self.seats() {
			let lies = seat.is_standing() && !self.said_by(&seat.provider).is_true();
			let plays = Boards::<Test>::iter_prefix_values(self.shard).any(|record| {
				(record.by, record.target) == (Author::Outsider(account(WATCHER)), target)
					&& matches!(record.state, BoardState::Played { .. })
			});
			if lies && !plays {
				let audits = seat.kind == Kind::Audit;
				assert_ok!(self.accuse(WATCHER, target, HONEST, audits));
			}
		}
	}

	/// Accuses a seat of not saying this: by a task, of which an audit has only some, or by the whole report.
	fn accuse(&mut self, who: u8, target: u8, says: Says, by_task: bool) -> DispatchResult {
		let judged = judged(self.shard);
		let mut tasks = 0..TASKS;
		let sampled = |task: &u32| judged.sample.is_empty() || judged.sample.contains(task);
		let task = match judged.case.seats().get(usize::from(target)) {
			Some(seat) if seat.kind == Kind::Audit => tasks.find(|task| {
				let said = self.said_by(&seat.provider).outcomes();
				sampled(task) && said[*task as usize] != says.outcomes()[*task as usize]
			}),
			_ => Some(self.choices.below(TASKS as usize) as u32),
		};
		let accusation = match by_task {
			true => {
				let task = task.unwrap_or(0);
				accusation(task, says.outcomes()[task as usize])
			}
			false => Box::new(Accusation::Report(outcome::report(says.outcomes()).unwrap())),
		};
		let (shard, max_bond) = (self.shard, RICH);
		call(
			account(who),
			Call::accuse {
				shard,
				target,
				accusation,
				max_bond,
			},
		)
	}

	/// One move on each board. Whether there was any.
	fn moves(&mut self) -> bool {
		let mut moved = false;
		for number in Boards::<Test>::iter_key_prefix(self.shard).collect::<Vec<_>>() {
			moved |= self.moves_on(number);
		}
		moved
	}

	fn moves_on(&mut self, number: u32) -> bool {
		let Some((board, targets)) = board(self.shard, number) else {
			return false;
		};
		let record = Boards::<Test>::get(self.shard, number).unwrap();
		let seats = self.seats();
		let seat_of = |seat: u8| id_of(&seats[usize::from(seat)].1.provider);
		if !seats
			.get(usize::from(record.target))
			.is_some_and(|(_, seat)| seat.is_standing())
		{
			// It has ended with its target, or with the case.
			return false;
		}
		let (mover, who) = match (&record.by, targets) {
			(_, true) => (operator(seat_of(record.target)), self.who[&seat_of(record.target)]),
			(Author::Seat(by), false) => (operator(seat_of(*by)), self.who[&seat_of(*by)]),
			(Author::Outsider(by), false) if *by == account(WATCHER) => (by.clone(), Who::Honest),
			(Author::Outsider(by), false) => (by.clone(), Who::Bad(self.accused[&number])),
		};
		let says = who.says();
		if who == Who::Honest {
			assert_ok!(play(
				mover,
				self.shard,
				number,
				answer(&board, says.outcomes(), says.right_up_to)
			));
			return true;
		}
		if self.left.get(&number) == Some(&targets) {
			return false;
		}
		match self.choices.below(10) {
			// It takes its time.
			0 | 1 => false,
			2 => {
				self.left.insert(number, targets);
				false
			}
			_ => {
				let made = play(
					mover,
					self.shard,
					number,
					answer(&board, says.outcomes(), says.right_up_to),
				);
				if made.is_err() {
					self.left.insert(number, targets);
				}
				made.is_ok()
			}
		}
	}

	/// What anybody does who may not, or should not.
	fn mischief(&mut self) {
		let (shard, watcher) = (self.shard, account(WATCHER));
		if is_frozen() && self.choices.chance(20) {
			for subject in [super::verdicts::program(), Freezable::Engine(Work::get().engine)] {
				_ = super::verdicts::thaw(subject);
			}
		}
		let Some(case) = self.case().filter(|_| self.choices.chance(40)) else {
			return;
		};
		let seats = case.seats();
		let target = self.choices.below(seats.len()) as u8;
		match self.choices.below(10) {
			0..3 => {
				let (says, by_task) = (self.says(), self.choices.chance(50));
				let number = boards::FIRST_ACCUSATION + judged(shard).accusations;
				if self.accuse(SABOTEUR, target, says, by_task).is_ok() {
					self.accused.insert(number, says);
				}
			}
			3..6 if case.is_disputed() => {
				let bad = |by: &u8| self.who.get(&id_of(&seats[usize::from(*by)].provider)) != Some(&Who::Honest);
				let attacks: Vec<_> = view(shard).attacks.into_iter().filter(|(by, _)| bad(by)).collect();
				if let Some((by, target)) = self.choices.pick(&attacks).filter(|_| !is_frozen()) {
					assert_ok!(self.attack(by, target));
				}
			}
			6 => {
				let board = self.choices.pick(&[0, 1, 2, boards::FIRST_ACCUSATION]).unwrap_or(0);
				let action = Box::new(Move::Divide(target, Default::default()));
				let who = self
					.choices
					.pick(&[operator(1 + target), account(SABOTEUR)])
					.unwrap_or(watcher);
				_ = call(who, Call::play { shard, board, action });
			}
			7 => _ = call(watcher, Call::poke { shard }),
			8 => _ = call(account(CLIENT), Call::served { shard }),
			_ => self.govern(),
		}
	}

	/// What whoever governs does, now and then.
	fn govern(&mut self) {
		use super::verdicts::{freeze, program, thaw, void};
		let engine = Freezable::Engine(Work::get().engine);
		let subject = self.choices.pick(&[program(), engine]).unwrap_or(engine);
		_ = match self.choices.below(6) {
			0 => freeze(subject),
			1..4 => thaw(subject),
			_ => {
				let held: Vec<_> = Verdicts::<Test>::iter_key_prefix(self.shard).collect();
				let guilty = self.choices.pick(&held).unwrap_or(account(1));
				void(self.shard, guilty)
			}
		};
	}

	/// Nothing is left to be done of it.
	fn settles(&self) {
		run_until(2 * LONGEST_FREEZE, || !is_frozen());
		// What outsiders have at stake comes back, or goes where it belongs.
		for (_, board) in Boards::<Test>::iter_keys().collect::<Vec<_>>() {
			let shard = self.shard;
			assert_ok!(call(account(WATCHER), Call::pull { shard, board }));
		}
		assert!(!Evidence::<Test>::contains_key(self.shard));
		run_until(2_000, || Verdicts::<Test>::iter().next().is_none());
		for id in (1..=PROVIDERS).chain([WATCHER, SABOTEUR]) {
			assert_eq!(Attestations::held_as_guilty(&account(id)), 0);
			assert_eq!(Attestations::accused_with(&account(id)), 0);
		}
		for id in 1..=PROVIDERS {
			let provider = Providers::get(id);
			assert_eq!((provider.liability, provider.used), (0, 0), "{id}");
		}
	}
}

/// What somebody has won or lost who had this.
fn won(has: Balance, had: Balance) -> i128 {
	has as i128 - had as i128
}

/// A history that has ended, and been enacted.
struct Ended {
	who: BTreeMap<u8, Who>,
	seats: BTreeMap<u8, Seat>,
	drawn: bool,
	watched: bool,
	end: End,
	report: Option<Report>,
	guilty: Vec<AccountId>,
}

impl Ended {
	fn of(history: History) -> Self {
		let (end, report, guilty) = System::events()
			.into_iter()
			.find_map(|record| match record.event {
				RuntimeEvent::Attestations(Event::Decided {
					end, report, guilty, ..
				}) => Some((end, report, guilty)),
				_ => None,
			})
			.expect("it is decided");
		let last = history.last.expect("there was a case");
		let seats = last.seats().iter().map(|seat| (id_of(&seat.provider), seat.clone()));
		Self {
			who: history.who,
			seats: seats.collect(),
			drawn: last.is_drawn(),
			watched: history.story.watched,
			end,
			report,
			guilty,
		}
	}

	fn honest(&self) -> impl Iterator<Item = (u8, &Seat)> {
		let honest = |id: &u8| self.who[id] == Who::Honest;
		self.seats
			.iter()
			.filter(move |(id, _)| honest(id))
			.map(|(id, seat)| (*id, seat))
	}

	/// Whether somebody honest is there from the start to the end who contradicts every lie.
	fn is_guarded(&self) -> bool {
		self.watched || self.honest().any(|(_, seat)| seat.kind == Kind::Primary)
	}

	/// What a seat earns that computed what the machine does: in the end of a case nothing is taken of it.
	fn earns(&self, seat: &Seat) -> Balance {
		let decided = matches!(self.end, End::Accepted(_) | End::Thin(_));
		if !seat.is_standing() || seat.caller || (seat.kind == Kind::Primary && !decided) {
			return 0;
		}
		let gas = match &seat.opened {
			None => 0,
			Some(opened) => match opened.report {
				Some(report) => report.gas_used,
				None => opened.leaves.iter().map(|leaf| leaf.gas).sum(),
			},
		};
		let whole = payment(Price::get(), gas).unwrap().min(CAP);
		match seat.kind {
			Kind::Primary => {
				let stakes = millrace_court::stakes::Params::from(&params());
				whole - stakes.premium(params().most, whole, params().seat_fee).unwrap()
			}
			_ => whole,
		}
	}

	fn no_lie_is_paid(&self) {
		let truth = outcome::report(&reports()[0]);
		let is_true = self.report.is_none() || self.report == truth;
		assert!(
			is_true || !self.is_guarded(),
			"a lie is accepted beside somebody honest"
		);
	}

	fn the_honest_end_no_worse(&self) {
		for (id, seat) in self.honest() {
			let (state, won) = (&seat.state, won(Providers::wealth(id), BOND + PURSE));
			assert!(
				!matches!(state, State::Silent | State::Away | State::Out { .. }),
				"{id} is honest and {state:?}"
			);
			assert!(!self.guilty.contains(&account(id)), "{id} is honest and guilty");
			let conduct = Providers::get(id).conduct;
			for bad in [Conduct::Guilty, Conduct::Late, Conduct::MissedReveal] {
				assert!(!conduct.contains(&(bad as u8)), "{id} is honest and {bad:?}");
			}
			let least = match (self.end, seat.kind) {
				(End::NoData, Kind::Primary) if self.drawn => -((4 * CAP) as i128),
				_ if self.is_guarded() => self.earns(seat) as i128,
				_ => 0,
			};
			assert!(won >= least, "{id} is honest and has {won} and not {least}");
		}
		if self.watched {
			let won = won(Balances::free_balance(account(WATCHER)), RICH);
			assert!(won >= 0, "the watcher is honest and has {won}");
		}
	}

	fn the_dishonest_gain_nothing_together(&self) {
		if !self.is_guarded() {
			return;
		}
		let (mut together, mut earned) = (won(Balances::free_balance(account(SABOTEUR)), RICH), 0);
		for (id, seat) in &self.seats {
			let Who::Bad(says) = self.who[id] else { continue };
			together += won(Providers::wealth(*id), BOND + PURSE);
			if says.is_true() {
				earned += self.earns(seat) as i128;
			}
		}
		assert!(
			together <= earned,
			"the dishonest have {together} together and earned {earned}"
		);
	}
}

/// What is on each provider's account before, so that it can receive a planck.
const PURSE: Balance = 1_000;

fn tell(story: Story) {
	for id in 1..=PROVIDERS {
		Balances::mint_into(&account(id), PURSE).unwrap();
	}
	let before = all_money();
	Work::set(real_matter());
	// The truth is worth half a cap.
	let gas = outcome::report(&reports()[0]).unwrap().gas_used;
	Price::set(CAP / 2 * 1_000_000_000 / Balance::from(gas));
	let mut history = History::new(story);
	history.run();
	history.settles();
	assert_eq!(all_money(), before);
	let ended = Ended::of(history);
	ended.no_lie_is_paid();
	ended.the_honest_end_no_worse();
	ended.the_dishonest_gain_nothing_together();
}

/// As many as half a minute is enough for, or as it is said.
fn cases() -> u32 {
	match std::env::var("MILLRACE_FUZZ_CASES") {
		Ok(number) => number.parse().expect("MILLRACE_FUZZ_CASES is a number"),
		Err(_) => 600,
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

	#[test]
	fn who_is_honest_never_ends_worse_and_who_is_not_never_better(story in story(false)) {
		new_test_ext().execute_with(|| tell(story));
	}

	#[test]
	fn nor_where_an_honest_outsider_accuses_whoever_lies(story in story(true)) {
		new_test_ext().execute_with(|| tell(story));
	}
}
