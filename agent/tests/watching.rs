//! What is done about others' shards: single decisions by example, and by property what must never happen.

use millrace_agent::{
	court::view::Party,
	decide::Progress,
	market::Purse,
	seat::{SeatKey, TxKind, WATCHED},
	watching::{
		choose::{fits, look, watched, Look, Machine, Mark, Unfit},
		decide::{decide, Refusal, Seen, Sight, Step, Why, KEPT, LAST_CALL},
		Accused, Watched,
	},
};
use millrace_primitives::{
	api::{AssignmentView, BoardView, CaseSeat, CaseSeatKind, CaseSeatState, CaseStage, CaseView, MAX_PAGE},
	job::{DeclineReason, SeatState},
	machine::{blob, ProgramRoots, EMPTY_BLOB},
	AccountId, Balance, Hash, JobId, Limits, MarketBlock, Report, ShardId, ENGINE_VERSION, MILL,
};
use proptest::prelude::*;
use std::time::Duration;

const NOW: MarketBlock = 1_000;
const UNTIL: MarketBlock = 1_500;
const BOND: Balance = 20 * MILL;
/// The seat that is watched.
const TARGET: u8 = 0;

fn account(number: u8) -> AccountId {
	AccountId::from([number; 32])
}

/// The liar, perhaps.
fn other() -> AccountId {
	account(3)
}

fn operator() -> AccountId {
	account(8)
}

fn provider() -> AccountId {
	account(7)
}

fn report(byte: u8) -> Report {
	Report {
		root: Hash::repeat_byte(byte),
		gas_used: 1_000,
	}
}

fn seat(number: u8, kind: CaseSeatKind, provider: AccountId, said: Option<u8>) -> CaseSeat {
	CaseSeat {
		number,
		kind,
		provider,
		endpoint: None,
		state: CaseSeatState::Standing,
		report: said.map(report),
		stake: BOND,
	}
}

/// One seat, which says 1.
fn case() -> CaseView {
	CaseView {
		shard: ShardId {
			job: JobId(1),
			index: 2,
		},
		stage: CaseStage::Judging,
		next: UNTIL + 1,
		drawn: Some(false),
		seats: vec![seat(TARGET, CaseSeatKind::Primary, other(), Some(1))],
		attacks: Vec::new(),
		bond: BOND,
		boards: Vec::new(),
	}
}

fn board(number: u32, by: AccountId, over: bool) -> BoardView {
	BoardView {
		number,
		by,
		by_seat: None,
		target: TARGET,
		provider: other(),
		targets_turn: (!over).then_some(true),
		target_first: true,
		due: NOW + 10,
		bond: BOND,
		task: None,
		board: vec![1],
	}
}

fn with_boards(boards: Vec<BoardView>) -> CaseView {
	CaseView { boards, ..case() }
}

fn shard() -> AssignmentView {
	AssignmentView {
		shard: case().shard,
		seat: WATCHED,
		round: 0,
		state: Some(SeatState::Assigned),
		held: true,
		reveal_open: false,
		due: MarketBlock::MAX,
		decline_by: MarketBlock::MAX,
		leave_from: MarketBlock::MAX,
		sample: None,
		shown: Vec::new(),
		engine: ENGINE_VERSION,
		program: Hash::zero(),
		roots: ProgramRoots {
			entry: 0,
			pages: 1,
			max_pages: 1,
			system_pages: 0,
			code: [1; 32],
			table: [2; 32],
			globals: [3; 32],
			memory: [4; 32],
			system: [5; 32],
		},
		module: blob(b"a module").unwrap(),
		image: None,
		setup: EMPTY_BLOB,
		input_root: Hash::zero(),
		job_tasks: 8,
		first_task: 4,
		tasks: 4,
		limits: Limits {
			gas: 1_000_000,
			memory_pages: 16,
			output: 10,
		},
		input_limit: 10,
		endpoints: Vec::new(),
	}
}

fn mark() -> Mark {
	Mark {
		target: TARGET,
		provider: other(),
		claimed: report(1),
		until: UNTIL,
	}
}

fn fresh() -> Watched {
	watched(shard(), mark())
}

fn said(included: bool) -> Watched {
	Watched {
		accused: Some(Accused {
			bond: BOND,
			until: NOW + 64,
			included,
		}),
		..fresh()
	}
}

/// What is decided with everything there that it takes, where the best block shows this case.
struct Scene {
	watched: Watched,
	best: Option<CaseView>,
	finalized: Option<Option<CaseView>>,
	number: u32,
	now: MarketBlock,
	progress: Progress,
	computed: Option<Report>,
	is_free: bool,
	watches: bool,
	is_frozen: bool,
	purse: Option<Purse>,
	budget: Balance,
	committed: Balance,
}

impl Scene {
	fn new(watched: Watched, best: CaseView) -> Self {
		Self {
			watched,
			best: Some(best),
			finalized: None,
			number: NOW,
			now: NOW,
			progress: Progress::Executed,
			computed: Some(report(2)),
			is_free: true,
			watches: true,
			is_frozen: false,
			purse: Some(Purse {
				free: 10 * BOND,
				accused: 0,
			}),
			budget: 5 * BOND,
			committed: 0,
		}
	}

	fn decide(&self, may: impl Fn(TxKind) -> bool) -> Option<Step> {
		let (operator, provider) = (operator(), provider());
		let seen = |case| Seen {
			case,
			number: self.number,
			now: self.now,
		};
		let sight = Sight {
			watched: &self.watched,
			best: seen(self.best.as_ref()),
			finalized: self.finalized.as_ref().map(|case| seen(case.as_ref())),
			progress: self.progress,
			computed: self.computed,
			is_free: self.is_free,
			watches: self.watches,
			account: &operator,
			provider: Some(&provider),
			is_frozen: self.is_frozen,
			purse: self.purse,
			budget: self.budget,
			committed: self.committed,
		};
		decide(&sight, may)
	}

	fn step(&self) -> Option<Step> {
		self.decide(|_| true)
	}
}

#[test]
fn one_standing_report_with_a_window_can_be_watched() {
	let me = provider();
	let seen = |case: &CaseView| look(Some(case), Some(&me), NOW);
	assert_eq!(seen(&case()), Look::Watch(mark()));
	let last = CaseView {
		next: NOW + 1,
		..case()
	};
	assert_eq!(seen(&last), Look::Watch(Mark { until: NOW, ..mark() }));
	for next in [0, NOW, NOW + 1_000_002, MarketBlock::MAX] {
		let gone = CaseView { next, ..case() };
		assert_eq!(seen(&gone), Look::Never, "{next}: nobody knows its window");
	}
	assert_eq!(look(None, Some(&me), NOW), Look::Never);
	for (stage, expected) in [
		(CaseStage::Sealing, Look::Later),
		(CaseStage::Drawing, Look::Later),
		(CaseStage::Auditing, Look::Later),
		(CaseStage::Opening, Look::Later),
		(CaseStage::Recomputing, Look::Never),
		(CaseStage::Ended, Look::Never),
	] {
		assert_eq!(seen(&CaseView { stage, ..case() }), expected, "{stage:?}");
	}
	// Audits are no reason not to: they compute a part.
	let mut audited = case();
	audited.seats.push(seat(1, CaseSeatKind::Audit, account(4), None));
	assert_eq!(seen(&audited), Look::Watch(mark()));
	audited.seats[1].provider = provider();
	assert_eq!(seen(&audited), Look::Never, "its own seat says it");
	let mut two = case();
	two.seats.push(seat(1, CaseSeatKind::Primary, account(4), Some(1)));
	assert_eq!(seen(&two), Look::Never, "they watch each other");
	let mut silent = case();
	(silent.seats[0].state, silent.seats[0].report) = (CaseSeatState::Silent, None);
	assert_eq!(seen(&silent), Look::Never);
}

#[test]
fn what_the_machine_has_bounds_what_it_watches() {
	let machine = Machine {
		memory_pages: 16,
		mgas: Some(50),
		block_time: Duration::from_secs(3),
	};
	// 21 s at 50 Mgas/s, in half of 14 blocks.
	let gas = 1_050_000_000;
	assert_eq!(fits(&shard(), gas, 14, &machine), Ok(()));
	let (needed, left) = (Duration::from_millis(21_001), Duration::from_secs(42));
	assert_eq!(fits(&shard(), gas + 1, 14, &machine), Err(Unfit::Time { needed, left }));
	let stalled = Machine {
		mgas: Some(0),
		..machine
	};
	assert!(fits(&shard(), gas, 14, &stalled).is_err());
	let patient = Machine { mgas: None, ..machine };
	assert_eq!(fits(&shard(), gas, 0, &patient), Ok(()));
	let mut large = shard();
	large.limits.memory_pages = 17;
	assert_eq!(fits(&large, 1, 100, &machine), Err(Unfit::Memory(17)));
	let engine = ENGINE_VERSION + 1;
	assert_eq!(
		fits(&AssignmentView { engine, ..shard() }, 1, 100, &machine),
		Err(Unfit::Engine(engine))
	);
	assert_eq!(fresh().seat.due, UNTIL);
}

#[test]
fn a_shard_is_fetched_and_computed_while_a_slot_is_free() {
	let at = |progress, is_free| {
		let scene = Scene {
			progress,
			is_free,
			computed: None,
			..Scene::new(fresh(), case())
		};
		scene.step()
	};
	let failed = |hopeless, retry_at| Progress::FetchFailed {
		reason: DeclineReason::InputsUnavailable,
		hopeless,
		retry_at,
	};
	assert_eq!(at(Progress::New, true), Some(Step::Fetch));
	assert_eq!(at(Progress::Fetched, true), Some(Step::Execute));
	assert_eq!(at(failed(false, NOW), true), Some(Step::Fetch));
	assert_eq!(at(failed(false, NOW + 1), true), None);
	assert_eq!(at(failed(true, NOW), true), Some(Step::Forget(Why::Unfit)));
	assert_eq!(at(Progress::Troubled { retry_at: NOW }, true), Some(Step::Execute));
	assert_eq!(at(Progress::Troubled { retry_at: NOW + 1 }, true), None);
	for progress in [Progress::Fetching, Progress::Executing] {
		assert_eq!(at(progress, true), None);
		assert_eq!(at(progress, false), Some(Step::Yield), "a seat needs the slot");
	}
	for progress in [Progress::New, Progress::Fetched] {
		assert_eq!(at(progress, false), None);
	}
}

#[test]
fn what_is_right_is_forgotten_and_what_is_wrong_accused() {
	let mut scene = Scene::new(fresh(), case());
	assert_eq!(scene.step(), Some(Step::Accuse(BOND)));
	assert_eq!(scene.decide(|kind| kind != TxKind::Accuse), None, "it is on its way");
	scene.is_free = false;
	assert_eq!(scene.step(), Some(Step::Accuse(BOND)), "that needs no slot");
	scene.computed = Some(report(1));
	assert_eq!(scene.step(), Some(Step::Forget(Why::Same)));
	// The same outcomes for other gas are another report.
	scene.computed = Some(Report {
		gas_used: 999,
		..report(1)
	});
	assert_eq!(scene.step(), Some(Step::Accuse(BOND)));
	scene.is_frozen = true;
	assert_eq!(scene.step(), None, "it would not be heard");
	scene.watches = false;
	assert_eq!(scene.step(), Some(Step::Forget(Why::Off)));
}

#[test]
fn no_more_is_put_up_than_the_budget_and_the_money_allow() {
	let with = |budget, committed, free, accused| {
		let scene = Scene {
			budget,
			committed,
			purse: Some(Purse { free, accused }),
			..Scene::new(fresh(), case())
		};
		scene.step()
	};
	let refused = |refusal| Some(Step::Refuse(refusal));
	let (bond, much) = (BOND, 100 * BOND);
	assert_eq!(with(BOND, 0, much, 0), Some(Step::Accuse(BOND)));
	assert_eq!(
		with(BOND - 1, 0, much, 0),
		refused(Refusal::Budget { bond, left: BOND - 1 })
	);
	assert_eq!(with(0, 0, much, 0), refused(Refusal::Budget { bond, left: 0 }));
	assert_eq!(with(3 * BOND, 2 * BOND, much, 0), Some(Step::Accuse(BOND)));
	let left = BOND - 1;
	assert_eq!(
		with(3 * BOND, 2 * BOND + 1, much, 0),
		refused(Refusal::Budget { bond, left })
	);
	// What the chain holds counts as well, whoever put it up, and not twice.
	assert_eq!(
		with(3 * BOND, BOND, much, 2 * BOND + 1),
		refused(Refusal::Budget { bond, left })
	);
	assert_eq!(with(3 * BOND, 2 * BOND, much, 2 * BOND), Some(Step::Accuse(BOND)));
	assert_eq!(
		with(BOND, 2 * BOND, much, 0),
		refused(Refusal::Budget { bond, left: 0 })
	);
	assert_eq!(with(much, 0, BOND + KEPT, 0), Some(Step::Accuse(BOND)));
	let free = BOND - 1;
	assert_eq!(
		with(much, 0, BOND + KEPT - 1, 0),
		refused(Refusal::Money { bond, free })
	);
	assert_eq!(with(much, 0, 0, 0), refused(Refusal::Money { bond, free: 0 }));
	let unknown = Scene {
		purse: None,
		..Scene::new(fresh(), case())
	};
	assert_eq!(unknown.step(), None);
}

#[test]
fn who_is_played_already_is_accused_only_when_the_time_is_short() {
	let played = with_boards(vec![board(1_000, account(4), false)]);
	let at = |case: &CaseView, now| {
		let scene = Scene {
			now,
			..Scene::new(fresh(), case.clone())
		};
		scene.step()
	};
	assert_eq!(at(&played, UNTIL - LAST_CALL - 1), Some(Step::Refuse(Refusal::Played)));
	for now in [UNTIL - LAST_CALL, UNTIL] {
		assert_eq!(at(&played, now), Some(Step::Accuse(BOND)), "{now}");
	}
	assert_eq!(at(&played, UNTIL + 1), None);
	// It came to nothing.
	let over = with_boards(vec![board(1_000, account(4), true)]);
	assert_eq!(at(&over, NOW), Some(Step::Accuse(BOND)));
}

#[test]
fn what_cannot_be_attacked_any_more_is_forgotten_once_that_is_final() {
	let mut out = case();
	out.seats[0].state = CaseSeatState::OutByStep;
	let mut another = case();
	another.seats[0].report = Some(report(5));
	let mut own = case();
	own.seats.push(seat(1, CaseSeatKind::Audit, provider(), None));
	let ended = CaseView {
		stage: CaseStage::Ended,
		..case()
	};
	for closed in [None, Some(out), Some(another), Some(own), Some(ended)] {
		let mut scene = Scene {
			best: closed.clone(),
			..Scene::new(fresh(), case())
		};
		assert_eq!(scene.step(), None, "{closed:?}");
		scene.progress = Progress::Executing;
		assert_eq!(scene.step(), Some(Step::Yield));
		scene.finalized = Some(Some(case()));
		assert_eq!(scene.step(), Some(Step::Yield), "it may come back");
		scene.finalized = Some(closed);
		assert_eq!(scene.step(), Some(Step::Forget(Why::Closed)));
	}
}

#[test]
fn an_accusation_is_followed_until_it_is_settled() {
	let ended = |boards| CaseView {
		stage: CaseStage::Ended,
		..with_boards(boards)
	};
	let mine = || board(1_003, operator(), false);
	let over = || board(1_003, operator(), true);
	let mut scene = Scene::new(said(true), with_boards(vec![mine()]));
	assert_eq!(scene.step(), None, "the court room plays");
	// It is not accused again, whatever its board came to, and whether the agent watches still.
	scene.best = Some(with_boards(vec![over()]));
	assert_eq!(scene.step(), None);
	scene.watches = false;
	assert_eq!(scene.step(), None);
	scene.best = Some(case());
	scene.finalized = Some(Some(case()));
	scene.number = NOW + 100;
	assert_eq!(scene.step(), None, "who was accused is out, or the board is over");
	// What is left of it is settled.
	scene.best = Some(ended(vec![over()]));
	scene.finalized = Some(Some(ended(vec![over()])));
	assert_eq!(scene.step(), Some(Step::Pull(1_003)));
	assert_eq!(scene.decide(|_| false), None);
	scene.is_frozen = true;
	assert_eq!(scene.step(), None);
	scene.best = Some(ended(Vec::new()));
	assert_eq!(scene.step(), None);
	for gone in [
		None,
		Some(ended(Vec::new())),
		Some(ended(vec![board(1_004, account(4), true)])),
	] {
		scene.finalized = Some(gone);
		assert_eq!(scene.step(), Some(Step::Forget(Why::Over)));
	}
}

#[test]
fn what_was_never_included_may_be_said_again() {
	let mut scene = Scene::new(said(false), case());
	scene.finalized = Some(Some(case()));
	scene.number = NOW + 64;
	assert_eq!(scene.step(), None, "it may still be");
	scene.number = NOW + 65;
	assert_eq!(scene.step(), Some(Step::Retract));
	scene.finalized = Some(Some(with_boards(vec![board(1_000, operator(), true)])));
	assert_eq!(scene.step(), Some(Step::Confirm), "it was");
	let many = (0..MAX_PAGE).map(|number| board(2_000 + number, account(4), false));
	scene.finalized = Some(Some(with_boards(many.collect())));
	assert_eq!(scene.step(), None, "nobody knows");
}

#[test]
fn what_was_lost_of_an_accused_shard_is_had_again_whatever_else_is_at_work() {
	let mut scene = Scene {
		is_free: false,
		progress: Progress::New,
		..Scene::new(said(true), with_boards(vec![board(1_000, operator(), false)]))
	};
	assert_eq!(scene.step(), Some(Step::Fetch));
	scene.progress = Progress::Fetched;
	assert_eq!(scene.step(), Some(Step::Execute));
	scene.best = Some(with_boards(vec![board(1_000, operator(), true)]));
	assert_eq!(scene.step(), None, "nothing is played any more");
}

#[test]
fn watched_shards_are_no_seats() {
	let key = SeatKey::watching(case().shard);
	assert!(key.is_watched() && !key.is_drawn());
	assert_eq!(SeatKey::from_bytes(&key.to_bytes()), Some(key));
	assert_eq!(key, SeatKey::from(&shard()));
	let mut mine = board(1_000, operator(), false);
	let operator = operator();
	let me = Party::Outsider(&operator);
	assert!(me.is_author(&mine) && !me.is_target(&mine));
	mine.by_seat = Some(1);
	assert!(
		!me.is_author(&mine),
		"a seat's, though its provider has the same account"
	);
}

fn any_case() -> impl Strategy<Value = Option<CaseView>> {
	let stage = prop_oneof![
		4 => Just(CaseStage::Judging),
		1 => Just(CaseStage::Recomputing),
		1 => Just(CaseStage::Ended),
	];
	let state = prop_oneof![
		4 => Just(CaseSeatState::Standing),
		1 => Just(CaseSeatState::OutByClock),
		1 => Just(CaseSeatState::OutByStep),
	];
	let boards = proptest::collection::vec((prop_oneof![Just(8u8), Just(4)], any::<bool>()), 0..3);
	let case = (stage, state, 1u8..3, any::<bool>(), boards, 1..5u128).prop_map(
		|(stage, state, reported, own, boards, bond)| {
			let mut case = case();
			(case.stage, case.bond) = (stage, bond * BOND);
			case.seats[0].state = state;
			case.seats[0].report = Some(report(reported));
			if own {
				case.seats.push(seat(1, CaseSeatKind::Fresh, provider(), None));
			}
			let boards = (1_000..).zip(boards);
			case.boards = boards
				.map(|(number, (by, over))| board(number, account(by), over))
				.collect();
			case
		},
	);
	prop::option::weighted(0.9, case)
}

fn any_progress() -> impl Strategy<Value = Progress> {
	prop_oneof![
		1 => Just(Progress::New),
		1 => Just(Progress::Fetching),
		1 => any::<bool>().prop_map(|hopeless| Progress::FetchFailed {
			reason: DeclineReason::InputsUnavailable,
			hopeless,
			retry_at: NOW,
		}),
		1 => Just(Progress::Fetched),
		1 => Just(Progress::Executing),
		1 => Just(Progress::Troubled { retry_at: NOW }),
		3 => Just(Progress::Executed),
	]
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(20_000))]

	/// Whatever the chain shows and whatever is under way.
	#[test]
	fn what_must_never_happen_never_does(
		best in any_case(),
		finalized in prop::option::of(any_case()),
		accused in prop::option::weighted(0.4, any::<bool>()),
		progress in any_progress(),
		computed in prop::option::of(1u8..4),
		(is_free, watches, is_frozen, may) in any::<(bool, bool, bool, bool)>(),
		(free, held) in (0..5u128, 0..3u128),
		(budget, committed) in (0..5u128, 0..3u128),
		number in NOW..NOW + 130,
		now in UNTIL - 100..UNTIL + 10,
	) {
		let watched = accused.map_or_else(fresh, said);
		let purse = Some(Purse { free: free * BOND + KEPT, accused: held * BOND });
		let scene = Scene {
			watched,
			best,
			finalized,
			number,
			now,
			progress,
			computed: computed.map(report),
			is_free,
			watches,
			is_frozen,
			purse,
			budget: budget * BOND,
			committed: committed * BOND,
		};
		let open = |case: &Option<CaseView>| {
			case.as_ref().is_some_and(|case| {
				let target = &case.seats[0];
				let same = target.report == Some(report(1)) && target.state == CaseSeatState::Standing;
				same && case.stage == CaseStage::Judging && now <= UNTIL && case.seats.len() == 1
			})
		};
		let own = |case: &CaseView| case.boards.iter().any(|board| board.by == operator());
		match scene.decide(|_| may) {
			None => {}
			Some(Step::Accuse(bond)) => {
				prop_assert!(accused.is_none() && watches && may && !is_frozen && open(&scene.best));
				prop_assert!(progress == Progress::Executed && computed.is_some_and(|it| it != 1));
				prop_assert_eq!(Some(bond), scene.best.as_ref().map(|case| case.bond));
				prop_assert!(bond + committed * BOND <= budget * BOND && bond + held * BOND <= budget * BOND);
				prop_assert!(bond <= free * BOND);
			}
			Some(Step::Refuse(_)) => prop_assert!(accused.is_none() && open(&scene.best) && computed.is_some_and(|it| it != 1)),
			Some(Step::Fetch | Step::Execute) => {
				prop_assert!(progress != Progress::Executed);
				prop_assert!(is_free && watches || scene.best.as_ref().is_some_and(own));
			}
			Some(Step::Yield) => {
				prop_assert!(accused.is_none() && matches!(progress, Progress::Fetching | Progress::Executing));
			}
			Some(Step::Confirm) => {
				prop_assert_eq!(accused, Some(false));
				prop_assert!(scene.finalized.clone().flatten().as_ref().is_some_and(own));
			}
			Some(Step::Retract) => {
				prop_assert_eq!(accused, Some(false));
				prop_assert!(number > NOW + 64 && !scene.finalized.clone().flatten().as_ref().is_some_and(own));
			}
			Some(Step::Pull(board)) => {
				let case = scene.best.as_ref().expect("there is a case");
				prop_assert!(accused.is_some() && may && !is_frozen && case.stage == CaseStage::Ended);
				prop_assert!(case.boards.iter().any(|known| known.number == board && known.by == operator()));
			}
			Some(Step::Forget(why)) => {
				let finalized = scene.finalized.clone();
				match why {
					Why::Same => prop_assert!(computed == Some(1) && accused.is_none()),
					Why::Unfit | Why::Off => prop_assert!(accused.is_none()),
					Why::Closed => prop_assert!(accused.is_none() && finalized.is_some_and(|case| !open(&case))),
					Why::Over => {
						let case = finalized.expect("it is final");
						prop_assert!(accused.is_some());
						prop_assert!(case.is_none_or(|case| case.stage == CaseStage::Ended && !own(&case)));
					}
				}
			}
		}
	}
}
