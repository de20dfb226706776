//! Decisions: single ones by example, and by property what must never happen on a chain that reorganises, a node that
//! restarts and transactions that get lost.

use millrace_agent::{
	decide::*,
	seat::{task_count, tasks, SeatKey, TxKind, FIRST_DRAWN},
};
use millrace_primitives::{
	api::AssignmentView,
	job::{DeclineReason, SeatState},
	provider::ProviderStatus,
	Blob, BlockNumber, Hash, JobId, Limits, ProgramRoots, ShardId, ENGINE_VERSION,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const POLICY: Policy = Policy {
	heartbeat_blocks: 200,
	memory_pages: 1024,
	slots: 2,
};

const BLOB: Blob = Blob { tree: [3; 32], len: 4 };
const ROOTS: ProgramRoots = ProgramRoots {
	entry: 1,
	pages: 2,
	max_pages: 3,
	system_pages: 1,
	code: [1; 32],
	table: [2; 32],
	globals: [3; 32],
	memory: [4; 32],
	system: [5; 32],
};

fn seat(state: Option<SeatState>) -> AssignmentView {
	AssignmentView {
		shard: ShardId {
			job: JobId(1),
			index: 2,
		},
		seat: 0,
		round: 0,
		state,
		held: true,
		reveal_open: false,
		due: 125,
		decline_by: 125,
		leave_from: u32::MAX,
		sample: None,
		shown: vec![],
		engine: ENGINE_VERSION,
		program: Hash::repeat_byte(1),
		roots: ROOTS,
		module: BLOB,
		image: None,
		setup: BLOB,
		input_root: Hash::repeat_byte(2),
		job_tasks: 10,
		first_task: 4,
		tasks: 2,
		limits: Limits {
			gas: 1_000,
			memory_pages: 16,
			output: 10,
		},
		input_limit: 10,
		endpoints: vec![],
	}
}

fn key() -> SeatKey {
	(&seat(None)).into()
}

fn snapshot(number: BlockNumber, seats: &[AssignmentView]) -> Snapshot {
	let under_way = seats.iter().filter(|seat| seat.state.is_some());
	Snapshot {
		number,
		now: number,
		seats: under_way.map(|seat| (seat.into(), seat.clone())).collect(),
		complete: true,
	}
}

/// What a finalized block lists as kept: the seats without a state.
fn custody(number: BlockNumber, seats: &[AssignmentView]) -> Option<Custody> {
	let kept = seats.iter().filter(|seat| seat.state.is_none());
	Some(Custody {
		number,
		seats: kept.map(|seat| (seat.into(), terms(seat))).collect(),
	})
}

/// The chain at best block 100 and finalized block 98, both with the same seats.
fn view(seats: &[AssignmentView]) -> View {
	View {
		best: snapshot(100, seats),
		finalized: snapshot(98, seats),
		custody: custody(98, seats),
		standing: None,
	}
}

fn local(progress: Progress) -> Local {
	let work = Work {
		progress,
		serving: false,
		shown: false,
		listed_at: 98,
		terms: terms(&seat(None)),
		called: false,
	};
	Local {
		seats: BTreeMap::from([(key(), work)]),
		..Local::default()
	}
}

fn decided(seat: AssignmentView, progress: Progress) -> Vec<Action> {
	decide(&view(&[seat]), &local(progress), &POLICY)
}

fn failed(reason: DeclineReason, hopeless: bool, retry_at: u32) -> Progress {
	Progress::FetchFailed {
		reason,
		hopeless,
		retry_at,
	}
}

#[test]
fn a_new_seat_is_taken_up_and_fetched() {
	let actions = decide(&view(&[seat(Some(SeatState::Assigned))]), &Local::default(), &POLICY);
	assert_eq!(actions, [Action::Adopt(key()), Action::Fetch(key())]);
}

#[test]
fn what_was_fetched_is_accepted_and_computed_once_all_are_and_then_sealed_at_once() {
	let assigned = || seat(Some(SeatState::Assigned));
	for progress in [Progress::Fetched, Progress::Executing, Progress::Executed] {
		assert_eq!(decided(assigned(), progress), [Action::Accept(key())]);
	}
	let waiting = || AssignmentView {
		held: false,
		..seat(Some(SeatState::Accepted))
	};
	assert_eq!(decided(waiting(), Progress::New), [Action::Fetch(key())]);
	assert_eq!(decided(waiting(), Progress::Fetched), []);
	assert_eq!(decided(waiting(), Progress::Executed), [], "after a reorganisation");
	let accepted = || seat(Some(SeatState::Accepted));
	assert_eq!(decided(accepted(), Progress::New), [Action::Fetch(key())]);
	assert_eq!(decided(accepted(), Progress::Fetched), [Action::Execute(key())]);
	assert_eq!(decided(accepted(), Progress::Executing), []);
	assert_eq!(decided(accepted(), Progress::Executed), [Action::Seal(key())]);
}

#[test]
fn while_an_accept_is_on_its_way_nothing_is_sealed_before_it_is_there() {
	let mut local = local(Progress::Executed);
	local
		.attempts
		.insert(TxId::Seat(key(), TxKind::Accept), Attempt::InFlight { until: u32::MAX });
	assert_eq!(decide(&view(&[seat(Some(SeatState::Assigned))]), &local, &POLICY), []);
	assert_eq!(
		decide(&view(&[seat(Some(SeatState::Accepted))]), &local, &POLICY),
		[Action::Seal(key())]
	);
}

#[test]
fn what_cannot_be_had_is_tried_again_and_declined_before_it_is_late() {
	let inputs = DeclineReason::InputsUnavailable;
	// Freely until 105; after that it is late only where nothing else can be done.
	let due = |due| AssignmentView {
		due,
		decline_by: due,
		..seat(Some(SeatState::Assigned))
	};
	let free = |decline_by| AssignmentView {
		due: 150,
		..due(decline_by)
	};
	assert_eq!(decided(free(106), Progress::Fetching), []);
	assert_eq!(
		decided(free(105), Progress::Fetching),
		[Action::Cancel(key()), Action::Decline(key(), inputs)]
	);
	assert_eq!(decided(free(105), Progress::Fetched), [Action::Accept(key())]);
	assert_eq!(decided(free(99), Progress::Fetching), [], "it has lost nothing yet");
	let gone = AssignmentView { due: 105, ..free(99) };
	assert_eq!(
		decided(gone, Progress::Fetching),
		[Action::Cancel(key()), Action::Decline(key(), inputs)]
	);
	assert_eq!(decided(due(125), failed(inputs, false, 101)), []);
	assert_eq!(decided(due(125), failed(inputs, false, 100)), [Action::Fetch(key())]);
	assert_eq!(
		decided(due(105), failed(inputs, false, 101)),
		[Action::Decline(key(), inputs)]
	);
	assert_eq!(
		decided(due(105), Progress::Fetching),
		[Action::Cancel(key()), Action::Decline(key(), inputs)]
	);
	assert_eq!(
		decided(due(105), Progress::New),
		[Action::Decline(key(), DeclineReason::NoCapacity)]
	);
	assert_eq!(decided(due(100), Progress::New), [], "too late for anything");
	let refused = DeclineReason::ProgramRefused;
	assert_eq!(
		decided(due(125), failed(refused, true, 0)),
		[Action::Decline(key(), refused)]
	);
}

#[test]
fn what_is_accepted_is_never_declined_but_tried_until_it_is_due() {
	let inputs = DeclineReason::InputsUnavailable;
	let due = |due| AssignmentView {
		due,
		..seat(Some(SeatState::Accepted))
	};
	assert_eq!(decided(due(101), failed(inputs, false, 100)), [Action::Fetch(key())]);
	assert_eq!(decided(due(101), failed(inputs, true, 101)), []);
	assert_eq!(decided(due(102), failed(inputs, true, 100)), [Action::Fetch(key())]);
	assert_eq!(decided(due(101), failed(DeclineReason::ProgramRefused, true, 0)), []);
	assert_eq!(decided(due(100), Progress::Fetched), [], "nobody pays for it any more");
	assert_eq!(
		decided(due(100), Progress::Executed),
		[Action::Seal(key())],
		"the chain may still take it"
	);
}

#[test]
fn who_waits_for_the_other_seats_may_still_leave() {
	let (refused, inputs) = (DeclineReason::ProgramRefused, DeclineReason::InputsUnavailable);
	let waiting = || AssignmentView {
		held: false,
		..seat(Some(SeatState::Accepted))
	};
	assert_eq!(
		decided(waiting(), failed(refused, true, 0)),
		[Action::Decline(key(), refused)]
	);
	assert_eq!(decided(waiting(), failed(inputs, false, 100)), [Action::Fetch(key())]);
	// Not where that would count as a missed acceptance.
	let between = |decline_by, leave_from| AssignmentView {
		decline_by,
		leave_from,
		..waiting()
	};
	assert_eq!(decided(between(99, 101), failed(refused, true, 0)), []);
	for free in [between(100, 101), between(99, 100)] {
		assert_eq!(
			decided(free, failed(refused, true, 0)),
			[Action::Decline(key(), refused)]
		);
	}
}

#[test]
fn the_last_slot_does_not_wait_without_end() {
	let seats = |leave_from, other: Option<SeatState>| {
		let waiting = AssignmentView {
			held: false,
			due: u32::MAX,
			leave_from,
			..seat(Some(SeatState::Accepted))
		};
		let mut of_other = seat(other);
		of_other.shard.index = 3;
		of_other.held = true;
		(view(&[waiting, of_other]), local(Progress::Fetched))
	};
	let leaves = |leave_from, other| {
		let (view, local) = seats(leave_from, other);
		decide(&view, &local, &POLICY).contains(&Action::Decline(key(), DeclineReason::NoCapacity))
	};
	// Two slots: the other seat takes one until it is sealed.
	for other in [SeatState::Assigned, SeatState::Accepted] {
		assert!(leaves(100, Some(other)) && !leaves(101, Some(other)), "{other:?}");
	}
	for other in [Some(SeatState::Sealed), Some(SeatState::Revealed), None] {
		assert!(!leaves(100, other), "{other:?}: a slot is free");
	}
}

/// A seat that the court drew.
fn drawn(state: Option<SeatState>) -> AssignmentView {
	AssignmentView {
		seat: FIRST_DRAWN,
		held: false,
		sample: Some(vec![1]),
		..seat(state)
	}
}

fn drawn_decided(due: u32, progress: Progress, called: bool) -> Vec<Action> {
	let view_of = AssignmentView {
		due,
		..drawn(Some(SeatState::Accepted))
	};
	let work = Work {
		terms: terms(&view_of),
		called,
		..local(progress).seats[&key()]
	};
	let local = Local {
		seats: BTreeMap::from([((&view_of).into(), work)]),
		..Local::default()
	};
	decide(&view(&[view_of]), &local, &POLICY)
}

#[test]
fn a_drawn_seat_is_computed_from_the_start_given_back_or_called_for_once() {
	let key: SeatKey = (&drawn(None)).into();
	let decided = |progress| drawn_decided(125, progress, false);
	assert_eq!(decided(Progress::New), [Action::Fetch(key)]);
	assert_eq!(decided(Progress::Fetched), [Action::Execute(key)]);
	assert_eq!(decided(Progress::Executed), [Action::Seal(key)]);
	let inputs = DeclineReason::InputsUnavailable;
	assert_eq!(decided(failed(inputs, false, 101)), []);
	for unavailable in [
		inputs,
		DeclineReason::ImageUnavailable,
		DeclineReason::ProgramUnavailable,
	] {
		assert_eq!(decided(failed(unavailable, true, 0)), [Action::Call(key)]);
		assert_eq!(
			drawn_decided(105, failed(unavailable, false, 200), false),
			[Action::Call(key)]
		);
	}
	for reason in [
		DeclineReason::NoCapacity,
		DeclineReason::TooLarge,
		DeclineReason::ProgramRefused,
	] {
		assert_eq!(decided(failed(reason, true, 0)), [Action::Decline(key, reason)]);
	}
	let late = |progress| drawn_decided(105, progress, false);
	assert_eq!(late(Progress::Fetching), [Action::Cancel(key), Action::Call(key)]);
	assert_eq!(late(Progress::New), [Action::Decline(key, DeclineReason::NoCapacity)]);
	assert_eq!(
		late(Progress::Fetched),
		[Action::Execute(key)],
		"it may take less than a block"
	);
	assert_eq!(late(Progress::Executed), [Action::Seal(key)]);
	let no_capacity = Action::Decline(key, DeclineReason::NoCapacity);
	assert_eq!(late(Progress::Executing), [Action::Cancel(key), no_capacity]);
	assert_eq!(late(Progress::Troubled { retry_at: 90 }), [no_capacity]);
	assert_eq!(decided(Progress::Executing), []);
	assert_eq!(
		drawn_decided(105, Progress::Executing, true),
		[],
		"it was called for, and may take as long as it takes"
	);
	assert_eq!(drawn_decided(100, failed(inputs, true, 0), false), [], "too late");
	// Once the chain knows, it is tried for as long as it takes, also after its time.
	for due in [125, 100, 50] {
		assert_eq!(drawn_decided(due, failed(inputs, true, 101), true), []);
		assert_eq!(
			drawn_decided(due, failed(inputs, true, 100), true),
			[Action::Fetch(key)]
		);
		assert_eq!(drawn_decided(due, Progress::Fetched, true), [Action::Execute(key)]);
		assert_eq!(drawn_decided(due, Progress::Executed, true), [Action::Seal(key)]);
	}
}

#[test]
fn a_drawn_seat_whose_call_the_chain_refuses_is_given_back() {
	let view_of = drawn(Some(SeatState::Accepted));
	let key: SeatKey = (&view_of).into();
	let inputs = DeclineReason::InputsUnavailable;
	let work = Work {
		terms: terms(&view_of),
		..local(failed(inputs, true, 0)).seats[&crate::key()]
	};
	let local = Local {
		seats: BTreeMap::from([(key, work)]),
		unheard: [key].into(),
		..Local::default()
	};
	assert_eq!(
		decide(&view(&[view_of]), &local, &POLICY),
		[Action::Decline(key, inputs)]
	);
}

#[test]
fn another_sample_is_other_work() {
	assert_ne!(terms(&drawn(None)), terms(&seat(None)));
	let other = AssignmentView {
		sample: Some(vec![0]),
		..drawn(None)
	};
	assert_ne!(terms(&other), terms(&drawn(None)));
	assert_eq!(tasks(&other), [4]);
	assert_eq!(tasks(&drawn(None)), [5]);
	assert_eq!(tasks(&seat(None)), [4, 5]);
	let wild = AssignmentView {
		sample: Some(vec![1, u32::MAX, 0]),
		..drawn(None)
	};
	assert_eq!((tasks(&wild), task_count(&wild)), (vec![5, 4], 2));
}

#[test]
fn work_for_another_machine_is_declined() {
	let other = AssignmentView {
		engine: ENGINE_VERSION + 1,
		..seat(Some(SeatState::Assigned))
	};
	let mut known = local(Progress::New);
	known.seats.insert(
		key(),
		Work {
			progress: Progress::New,
			serving: false,
			shown: false,
			listed_at: 0,
			terms: terms(&other),
			called: false,
		},
	);
	let decline = Action::Decline(key(), DeclineReason::NoCapacity);
	assert_eq!(decide(&view(&[other]), &known, &POLICY), [decline]);
	let mut large = seat(Some(SeatState::Assigned));
	large.limits.memory_pages = 2000;
	assert_eq!(
		decide(&view(&[large]), &Local::default(), &POLICY),
		[Action::Adopt(key()), decline]
	);
}

#[test]
fn what_was_submitted_is_not_given_up_while_finality_stalls() {
	let sealing = |until| Local {
		attempts: [(TxId::Seat(key(), TxKind::Seal), Attempt::InFlight { until })].into(),
		..local(Progress::Executed)
	};
	let mut view = view(&[seat(Some(SeatState::Accepted))]);
	view.finalized.number = 20;
	let best = view.best.number;
	assert_eq!(decide(&view, &sealing(best - STALLED), &POLICY), []);
	assert_eq!(
		decide(&view, &sealing(best - STALLED - 1), &POLICY),
		[Action::Seal(key())]
	);
	assert_eq!(decide(&view, &sealing(u32::MAX), &POLICY), [], "under way");
}

#[test]
fn reveals_wait_until_the_last_seal_is_finalized() {
	let closed = seat(Some(SeatState::Sealed));
	let open = AssignmentView {
		reveal_open: true,
		..closed.clone()
	};
	let both = |best: &AssignmentView, finalized: &AssignmentView| {
		let view = View {
			best: snapshot(100, std::slice::from_ref(best)),
			finalized: snapshot(98, std::slice::from_ref(finalized)),
			custody: custody(98, &[]),
			standing: None,
		};
		decide(&view, &local(Progress::Executed), &POLICY)
	};
	assert_eq!(both(&closed, &closed), []);
	assert_eq!(both(&open, &closed), []);
	assert_eq!(both(&open, &open), [Action::Reveal(key())]);
	let last_chance = AssignmentView {
		due: 100 + REVEAL_MARGIN,
		..open.clone()
	};
	assert_eq!(both(&last_chance, &closed), [Action::Reveal(key())]);
	let still_time = AssignmentView {
		due: 101 + REVEAL_MARGIN,
		..open.clone()
	};
	assert_eq!(both(&still_time, &closed), []);
	assert_eq!(both(&open, &seat(Some(SeatState::Accepted))), []);
	let revealed = seat(Some(SeatState::Revealed));
	assert_eq!(both(&revealed, &open), []);
}

#[test]
fn what_was_sealed_and_lost_is_computed_again_before_it_is_revealed() {
	let open = |due| AssignmentView {
		reveal_open: true,
		due,
		..seat(Some(SeatState::Sealed))
	};
	for due in [0, 125] {
		assert_eq!(decided(open(due), Progress::New), [Action::Fetch(key())]);
		assert_eq!(decided(open(due), Progress::Fetched), [Action::Execute(key())]);
		assert_eq!(decided(open(due), Progress::Executing), []);
	}
}

#[test]
fn what_was_revealed_and_lost_is_computed_again_if_the_court_asks_for_it() {
	let revealed = || seat(Some(SeatState::Revealed));
	for (progress, expected) in [
		(Progress::New, vec![Action::Fetch(key())]),
		(Progress::Fetched, vec![Action::Execute(key())]),
		(Progress::Executed, vec![Action::Show(key())]),
	] {
		let undisputed = decided(revealed(), progress);
		assert!(undisputed.iter().all(|action| *action == Action::Show(key())));
		let mut local = local(progress);
		local.disputed.insert(key());
		assert_eq!(decide(&view(&[revealed()]), &local, &POLICY), expected);
	}
}

#[test]
fn outputs_can_be_had_once_the_reveal_is_finalized() {
	let side = |number, state| snapshot(number, &[seat(Some(state))]);
	let of = |finalized| View {
		best: side(100, SeatState::Revealed),
		finalized: side(98, finalized),
		custody: custody(98, &[]),
		standing: None,
	};
	let (open, early) = (of(SeatState::Revealed), of(SeatState::Sealed));
	let executed = local(Progress::Executed);
	assert_eq!(decide(&open, &executed, &POLICY), [Action::Show(key())]);
	assert_eq!(decide(&early, &executed, &POLICY), []);
	let mut shown = executed;
	shown.seats.entry(key()).and_modify(|work| work.shown = true);
	assert_eq!(decide(&open, &shown, &POLICY), []);
	// What is accepted is served for good, whether it was shown or not.
	assert_eq!(decide(&view(&[seat(None)]), &shown, &POLICY), [Action::Serve(key())]);
}

#[test]
fn outputs_are_served_once_custody_is_finalized() {
	let kept = seat(None);
	assert_eq!(decided(kept.clone(), Progress::Executed), [Action::Serve(key())]);
	let mut early = View {
		best: snapshot(100, &[]),
		finalized: snapshot(98, &[seat(Some(SeatState::Revealed))]),
		custody: custody(97, &[]),
		standing: None,
	};
	assert_eq!(decide(&early, &local(Progress::Executed), &POLICY), []);
	early.custody = None;
	assert_eq!(decide(&early, &local(Progress::Executed), &POLICY), []);
	let mut served = local(Progress::Executed);
	served.seats.entry(key()).and_modify(|work| work.serving = true);
	assert_eq!(decide(&view(&[kept]), &served, &POLICY), []);
	let other = AssignmentView {
		input_root: Hash::repeat_byte(9),
		..seat(None)
	};
	assert_eq!(decided(other, Progress::Executed), [Action::Forget(key())]);
}

#[test]
fn a_seat_that_was_taken_away_is_stopped_at_once_and_forgotten_later() {
	let gone = |finalized| View {
		best: snapshot(finalized + 2, &[]),
		finalized: snapshot(finalized, &[]),
		custody: custody(finalized, &[]),
		standing: None,
	};
	assert_eq!(
		decide(&gone(99), &local(Progress::Executing), &POLICY),
		[Action::Cancel(key())]
	);
	assert_eq!(decide(&gone(98 + GRACE), &local(Progress::Executed), &POLICY), []);
	assert_eq!(
		decide(&gone(99 + GRACE), &local(Progress::Executed), &POLICY),
		[Action::Forget(key())]
	);
	// A page that is not complete tells nothing of what it lacks.
	let mut page = gone(200);
	page.best.complete = false;
	assert_eq!(decide(&page, &local(Progress::Executed), &POLICY), []);
	// Neither does a list of what is kept that is not there, or older than the seat's last sign.
	for custody in [None, custody(98 + GRACE, &[])] {
		let view = View { custody, ..gone(200) };
		assert_eq!(decide(&view, &local(Progress::Executed), &POLICY), []);
	}
}

#[test]
fn what_is_kept_is_never_forgotten_however_much_it_is() {
	let kept: Vec<_> = (0..1_000)
		.map(|index| AssignmentView {
			shard: ShardId { job: JobId(1), index },
			..seat(None)
		})
		.collect();
	let mut local = Local::default();
	for seat in &kept {
		let work = Work {
			progress: Progress::Executed,
			serving: true,
			shown: false,
			listed_at: 3,
			terms: terms(seat),
			called: false,
		};
		local.seats.insert(seat.into(), work);
	}
	let mut view = view(&kept);
	assert_eq!(decide(&view, &local, &POLICY), []);
	// The client acknowledges one of them.
	view.custody = custody(98, &kept[1..]);
	assert_eq!(decide(&view, &local, &POLICY), [Action::Forget((&kept[0]).into())]);
}

#[test]
fn what_is_in_custody_is_read_when_a_seat_ends_and_now_and_then() {
	let at = |finalized, read, seats: &[AssignmentView]| View {
		best: snapshot(finalized + 2, seats),
		finalized: snapshot(finalized, seats),
		custody: custody(read, seats),
		standing: None,
	};
	let listed = |listed_at| {
		let mut local = local(Progress::Executed);
		local.seats.entry(key()).and_modify(|work| work.listed_at = listed_at);
		local
	};
	let (idle, revealed) = (Local::default(), seat(Some(SeatState::Revealed)));
	assert!(
		custody_is_due(
			&View {
				custody: None,
				..at(98, 98, &[])
			},
			&idle
		),
		"the first time"
	);
	assert!(!custody_is_due(&at(98 + CUSTODY_INTERVAL - 1, 98, &[]), &idle));
	assert!(custody_is_due(&at(98 + CUSTODY_INTERVAL, 98, &[]), &idle));
	assert!(custody_is_due(&at(97, 98, &[]), &idle), "another chain");
	// Nothing to be learned while the seat is under way, or is known to be kept.
	assert!(!custody_is_due(&at(120, 98, &[revealed]), &listed(120)));
	assert!(!custody_is_due(&at(120, 98, &[seat(None)]), &listed(98)));
	// It ended: once, and not at once.
	assert!(!custody_is_due(&at(98 + CUSTODY_PAUSE - 1, 98, &[]), &listed(98)));
	assert!(custody_is_due(&at(98 + CUSTODY_PAUSE, 98, &[]), &listed(98)));
	assert!(!custody_is_due(&at(120, 101, &[]), &listed(98)));
	// New, and not finalized yet.
	let mut new = at(120, 98, &[]);
	new.best = snapshot(122, &[seat(Some(SeatState::Assigned))]);
	assert!(!custody_is_due(&new, &listed(110)));
}

#[test]
fn another_round_of_a_seat_is_other_work() {
	let again = AssignmentView {
		round: 1,
		..seat(Some(SeatState::Assigned))
	};
	let new: SeatKey = (&again).into();
	let actions = decide(&view(&[again]), &local(Progress::Executing), &POLICY);
	assert_eq!(actions, [Action::Adopt(new), Action::Fetch(new), Action::Cancel(key())]);
}

#[test]
fn other_work_of_the_same_name_is_never_reported_with_the_old_result() {
	for state in [SeatState::Assigned, SeatState::Accepted, SeatState::Sealed] {
		let other = AssignmentView {
			input_root: Hash::repeat_byte(9),
			reveal_open: true,
			..seat(Some(state))
		};
		assert_eq!(decided(other, Progress::Executed), [Action::Forget(key())]);
	}
}

#[test]
fn a_heartbeat_is_sent_when_it_is_due() {
	let standing = |status, last_seen| Some(Standing { status, last_seen });
	let with = |standing, fresh| {
		decide(
			&View { standing, ..view(&[]) },
			&Local {
				fresh,
				..Local::default()
			},
			&POLICY,
		)
	};
	let mut late = View {
		standing: standing(ProviderStatus::Active, 50),
		..view(&[])
	};
	late.best.now = 250;
	assert_eq!(decide(&late, &Local::default(), &POLICY), [Action::Heartbeat]);
	assert_eq!(with(standing(ProviderStatus::Active, 99), true), []);
	assert_eq!(with(standing(ProviderStatus::Active, 50), false), []);
	assert_eq!(
		with(standing(ProviderStatus::Active, 50), true),
		[Action::Heartbeat],
		"a start says so"
	);
	assert_eq!(
		with(standing(ProviderStatus::Unresponsive, 99), false),
		[Action::Heartbeat]
	);
	assert_eq!(with(standing(ProviderStatus::Draining, 0), true), []);
	assert_eq!(with(None, true), []);
	let mut waiting = Local::default();
	waiting
		.attempts
		.insert(TxId::Heartbeat, Attempt::InFlight { until: u32::MAX });
	assert_eq!(decide(&late, &waiting, &POLICY), []);
}

#[test]
fn urgent_work_comes_first() {
	let early = AssignmentView {
		shard: ShardId {
			job: JobId(9),
			index: 0,
		},
		due: 110,
		..seat(Some(SeatState::Assigned))
	};
	let late = AssignmentView {
		due: 120,
		..seat(Some(SeatState::Assigned))
	};
	let actions = decide(&view(&[late, early.clone()]), &Local::default(), &POLICY);
	assert_eq!(actions.first(), Some(&Action::Adopt((&early).into())));
}

fn any_state() -> impl Strategy<Value = Option<SeatState>> {
	prop_oneof![
		Just(None),
		Just(Some(SeatState::Assigned)),
		Just(Some(SeatState::Accepted)),
		Just(Some(SeatState::Sealed)),
		Just(Some(SeatState::Revealed)),
	]
}

fn any_progress() -> impl Strategy<Value = Progress> {
	prop_oneof![
		Just(Progress::New),
		Just(Progress::Fetching),
		(any::<bool>(), any::<bool>(), 90u32..110).prop_map(|(refused, hopeless, retry_at)| failed(
			if refused {
				DeclineReason::ProgramRefused
			} else {
				DeclineReason::InputsUnavailable
			},
			hopeless,
			retry_at
		)),
		Just(Progress::Fetched),
		Just(Progress::Executing),
		(90u32..110).prop_map(|retry_at| Progress::Troubled { retry_at }),
		Just(Progress::Executed),
	]
}

fn any_attempt() -> impl Strategy<Value = Option<Attempt>> {
	prop_oneof![
		Just(None),
		prop_oneof![Just(u32::MAX), 90u32..110].prop_map(|until| Some(Attempt::InFlight { until })),
		(90u32..110).prop_map(|at| Some(Attempt::Included { at })),
		(90u32..110).prop_map(|until| Some(Attempt::Backoff { until })),
	]
}

/// What is as it is in both blocks.
fn any_seat() -> impl Strategy<Value = AssignmentView> {
	prop_oneof![Just(seat(None)), Just(drawn(None))]
}

prop_compose! {
	fn any_side(number: u32, of: AssignmentView)(
		state in any_state(),
		open: bool,
		held: bool,
		due in 90u32..130,
		decline_by in 90u32..110,
		leave_from in 90u32..110,
		there in prop::bool::weighted(0.8),
		complete in prop::bool::weighted(0.9),
	) -> Snapshot {
		let seat = AssignmentView { state, held, reveal_open: open, due, decline_by, leave_from, ..of.clone() };
		Snapshot { complete, ..snapshot(number, if there { std::slice::from_ref(&seat) } else { &[] }) }
	}
}

fn any_custody(of: AssignmentView) -> impl Strategy<Value = Option<Custody>> {
	prop_oneof![
		Just(None),
		(0u32..99).prop_map(|number| custody(number, &[])),
		(0u32..99).prop_map(move |number| custody(number, &[of.clone()])),
	]
}

fn any_sides() -> impl Strategy<Value = (AssignmentView, Snapshot, Snapshot, Option<Custody>)> {
	any_seat().prop_flat_map(|seat| {
		let sides = (any_side(100, seat.clone()), any_side(98, seat.clone()));
		(Just(seat.clone()), sides.0, sides.1, any_custody(seat))
	})
}

const KINDS: [TxKind; 5] = [
	TxKind::Accept,
	TxKind::Decline,
	TxKind::Seal,
	TxKind::Reveal,
	TxKind::Unavailable,
];

proptest! {
	#![proptest_config(ProptestConfig::with_cases(20_000))]

	/// Whatever both sides of the chain say and whatever is known of earlier submissions.
	#[test]
	fn what_must_never_happen_never_does(
		(seat, best, finalized, kept) in any_sides(),
		progress in any_progress(),
		serving: bool,
		shown: bool,
		called: bool,
		disputed: bool,
		listed_at in 0u32..99,
		attempts in prop::array::uniform5(any_attempt()),
	) {
		let key: SeatKey = (&seat).into();
		let view = View { best, finalized, custody: kept, standing: None };
		let work = Work { progress, serving, shown, listed_at, terms: terms(&seat), called };
		let mut local = Local { seats: BTreeMap::from([(key, work)]), ..Local::default() };
		local.disputed.extend(disputed.then_some(key));
		for (kind, attempt) in KINDS.into_iter().zip(attempts) {
			if let Some(attempt) = attempt {
				local.attempts.insert(TxId::Seat(key, kind), attempt);
			}
		}
		let actions = decide(&view, &local, &POLICY);
		let at_best = view.best.seats.get(&key);
		let at_finalized = view.finalized.seats.get(&key);
		let is_kept = view.custody.as_ref().is_some_and(|custody| custody.seats.contains_key(&key));
		let state = at_best.map(|seat| seat.state);
		let drawn = key.is_drawn();
		let held = drawn || at_best.is_some_and(|seat| seat.held);
		let mut submissions = 0;
		for action in &actions {
			let (kind, fine) = match action {
				Action::Accept(_) => (TxKind::Accept, state == Some(Some(SeatState::Assigned))),
				Action::Decline(..) => (
					TxKind::Decline,
					progress != Progress::Executed
						&& match state {
							Some(Some(SeatState::Assigned)) => true,
							Some(Some(SeatState::Accepted)) if drawn => !called,
							Some(Some(SeatState::Accepted)) => !held && at_best.is_some_and(|seat| {
								view.best.now <= seat.decline_by || view.best.now >= seat.leave_from
							}),
							_ => false,
						},
				),
				Action::Call(_) => (
					TxKind::Unavailable,
					drawn && !called && state == Some(Some(SeatState::Accepted)) && progress != Progress::Executed,
				),
				Action::Seal(_) => (
					TxKind::Seal,
					progress == Progress::Executed && state == Some(Some(SeatState::Accepted)) && held,
				),
				Action::Reveal(_) => (
					TxKind::Reveal,
					progress == Progress::Executed
						&& at_best.is_some_and(|seat| seat.state == Some(SeatState::Sealed) && seat.reveal_open)
						&& (at_finalized.is_some_and(|seat| seat.state == Some(SeatState::Sealed) && seat.reveal_open)
							|| at_best.is_some_and(|seat| seat.due <= view.best.now + REVEAL_MARGIN)),
				),
				Action::Show(_) => {
					let is_open = |seat: &&AssignmentView| seat.state == Some(SeatState::Revealed);
					prop_assert!(at_best.as_ref().is_some_and(is_open) && at_finalized.as_ref().is_some_and(is_open), "shown too early");
					prop_assert!(!shown && !serving && !drawn && progress == Progress::Executed);
					continue
				},
				Action::Serve(_) => {
					prop_assert!(is_kept, "served before custody is final");
					continue
				},
				Action::Forget(_) => {
					prop_assert!(at_best.is_none() && at_finalized.is_none() && !is_kept, "forgotten while listed");
					prop_assert!(view.best.complete && view.finalized.complete && view.finalized.number > listed_at + GRACE);
					prop_assert!(view.custody.as_ref().is_some_and(|custody| custody.number > listed_at + GRACE));
					continue
				},
				Action::Fetch(_) => {
					prop_assert!(!matches!(progress, Progress::Fetching | Progress::Fetched | Progress::Executing | Progress::Executed));
					continue
				},
				Action::Execute(_) => {
					let begun = matches!(state, Some(Some(SeatState::Sealed | SeatState::Revealed)));
					prop_assert!(begun || (held && state == Some(Some(SeatState::Accepted))), "computed for nothing");
					prop_assert!(matches!(progress, Progress::Fetched | Progress::Troubled { .. }), "executed twice");
					continue
				},
				Action::Cancel(_) => {
					prop_assert!(matches!(progress, Progress::Fetching | Progress::Executing));
					continue
				},
				Action::Adopt(_) | Action::Heartbeat => return Err(TestCaseError::fail("known seat, no provider")),
			};
			prop_assert!(fine, "{action:?} in {state:?} with {progress:?}");
			submissions += 1;
			match local.attempts.get(&TxId::Seat(key, kind)) {
				None => {},
				Some(Attempt::InFlight { until }) => prop_assert!(view.finalized.number > *until, "may still be included"),
				Some(Attempt::Included { at }) => prop_assert!(view.best.number >= *at, "the view is older than its effect"),
				Some(Attempt::Backoff { until }) => prop_assert!(view.best.number >= *until, "too early"),
			}
		}
		prop_assert!(submissions <= 1, "two calls about one seat at once: {actions:?}");
	}

	/// Work that can go on does: with nothing in the way some action or something under way leads on.
	#[test]
	fn nothing_gets_stuck(of in any_seat(), state in any_state(), progress in any_progress(), due in 110u32..130, called: bool) {
		let seat = AssignmentView { due, reveal_open: true, held: true, state, ..of };
		let work = Work { progress, serving: false, shown: false, listed_at: 98, terms: terms(&seat), called };
		let local = Local { seats: BTreeMap::from([((&seat).into(), work)]), ..Local::default() };
		let actions = decide(&view(&[seat]), &local, &POLICY);
		let waits = matches!(progress, Progress::Fetching | Progress::Executing)
			|| matches!(progress, Progress::Troubled { retry_at } | Progress::FetchFailed { retry_at, .. } if retry_at > 100);
		let lost = matches!(progress, Progress::FetchFailed { reason: DeclineReason::ProgramRefused, hopeless: true, .. })
			&& matches!(state, Some(SeatState::Accepted | SeatState::Sealed));
		let no_outputs = state.is_none() && progress != Progress::Executed;
		prop_assert!(!actions.is_empty() || waits || lost || no_outputs || state == Some(SeatState::Revealed));
	}
}
