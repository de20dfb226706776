//! What to do next: a pure function of what the chain says and what the agent has.
//!
//! ```text
//!  chain     Assigned ─────────► Accepted ──────── held ───────► Sealed ───────────────► Revealed ─► custody ─► gone
//!  local     New ─ fetch ─► Fetched                └ execute ─► Executed
//!  submits        └ decline    └ accept                └ seal        └ reveal, once reveal_open is finalized
//!  beside                                                                       court, show ┘  serve ┘  forget ┘
//! ```
//!
//! Nobody computes before all seats of the shard are accepted: it would be for nothing if one never is. A seat that the court
//! drew is accepted from the start; what cannot be computed is given back, and what cannot be fetched is called for, once. What
//! [`court`](crate::court) does about a revealed report is decided there; what it needs of the work is decided here: who has
//! lost its data computes it again, as long as the chain lists the seat.
//!
//! Nothing here looks at a clock or a disk, so everything it must never do is a property test: submit a call twice while
//! the first may still be included (unless finality stalls), reveal before the seals are finalized (unless the deadline is near), decline what is
//! held, compute or seal what is not, drop a secret that the chain still asks for.

use crate::seat::{SeatKey, TxKind};
use codec::Encode;
use millrace_primitives::{
	api::AssignmentView,
	job::{DeclineReason, SeatState},
	merkle,
	provider::ProviderStatus,
	BlockNumber, Hash, MarketBlock, ENGINE_VERSION,
};
use std::collections::{BTreeMap, BTreeSet};

/// A seat whose time to decline freely is shorter than this, in market blocks, is declined if it cannot be accepted now: a
/// missed accept costs the provider its standing, declining is free. So is one that the court drew, and that cannot begin.
pub const DECLINE_MARGIN: MarketBlock = 5;
/// A report whose time to reveal is shorter than this, in market blocks, is revealed even if finality lags: a
/// reorganisation might give the salt away, but a missed reveal costs the whole reserved bond for certain.
pub const REVEAL_MARGIN: MarketBlock = 10;
/// While finality stalls, a call that the best chain does not show so many blocks after the last that should include it is
/// submitted again: doing it twice costs a fee, doing it never costs bond.
pub const STALLED: BlockNumber = 8;
/// A seat is forgotten so many finalized blocks after the chain last listed it.
pub const GRACE: BlockNumber = 32;
/// The list of what is in custody is read again after so many finalized blocks, even if nothing seems to have changed: it
/// has no bound, and what clients acknowledge can wait.
pub const CUSTODY_INTERVAL: BlockNumber = 50;
/// And not before so many finalized blocks.
pub const CUSTODY_PAUSE: BlockNumber = 3;

/// What the chain says at one block.
#[derive(Clone, Default, Debug)]
pub struct Snapshot {
	/// The block's number.
	pub number: BlockNumber,
	/// The market's clock in it.
	pub now: MarketBlock,
	/// The provider's seats that are under way.
	pub seats: BTreeMap<SeatKey, AssignmentView>,
	/// True if `seats` is all of them. The chain returns a page only: beyond it, absence tells nothing.
	pub complete: bool,
}

/// The shards whose outputs the provider keeps, as a finalized block lists them.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Custody {
	/// The block's number.
	pub number: BlockNumber,
	/// All of them, with what work they are, see [`terms`].
	pub seats: BTreeMap<SeatKey, Hash>,
}

/// What the chain says about the provider itself.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
	/// Whether it gets work.
	pub status: ProviderStatus,
	/// The market block of its last sign of life.
	pub last_seen: MarketBlock,
}

/// All that the chain says.
#[derive(Clone, Default, Debug)]
pub struct View {
	/// At the best block.
	pub best: Snapshot,
	/// At the last finalized block.
	pub finalized: Snapshot,
	/// What is in custody, read seldom; none before it was read first.
	pub custody: Option<Custody>,
	/// About the provider, at the best block; none if it is not registered.
	pub standing: Option<Standing>,
}

/// How far the work on a seat has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
	/// Nothing is done, and nothing is under way.
	New,
	/// Program and inputs are being fetched.
	Fetching,
	/// They could not be had; tried again from this market block on.
	FetchFailed {
		/// Why, in the chain's words.
		reason: DeclineReason,
		/// True if trying again is useless.
		hopeless: bool,
		/// When to try again.
		retry_at: MarketBlock,
	},
	/// Program and inputs are there.
	Fetched,
	/// Tasks are being executed.
	Executing,
	/// The machine was in trouble; tried again from this market block on.
	Troubled {
		/// When to try again.
		retry_at: MarketBlock,
	},
	/// The report is there, with its salt.
	Executed,
}

/// What the agent has of a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
	/// How far it is.
	pub progress: Progress,
	/// True if its outputs are being served, and nothing else of it matters any more.
	pub serving: bool,
	/// True if its outputs can be had already, before its report is accepted.
	pub shown: bool,
	/// The last finalized block in which the chain listed it.
	pub listed_at: BlockNumber,
	/// What work it is, see [`terms`].
	pub terms: Hash,
	/// True once the chain was told that what it needs cannot be fetched.
	pub called: bool,
}

/// What was submitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TxId {
	/// A call about a seat.
	Seat(SeatKey, TxKind),
	/// A sign of life.
	Heartbeat,
}

/// What became of a submission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
	/// It may still be included up to this block. It is submitted again once that is finalized, or [`STALLED`] blocks later.
	InFlight {
		/// The last block that may include it.
		until: BlockNumber,
	},
	/// It took effect in this block; a view of an older one is out of date.
	Included {
		/// The block.
		at: BlockNumber,
	},
	/// It failed; not again before this block.
	Backoff {
		/// The block.
		until: BlockNumber,
	},
}

/// All that the agent has.
#[derive(Clone, Default, Debug)]
pub struct Local {
	/// Its seats, and the shards that it watches.
	pub seats: BTreeMap<SeatKey, Work>,
	/// Submissions that still matter.
	pub attempts: BTreeMap<TxId, Attempt>,
	/// Revealed seats that the court has a board of, or an attack for: what they were computed from is needed.
	pub disputed: BTreeSet<SeatKey>,
	/// Drawn seats of which the chain refused to hear that what they need cannot be fetched: they are given back.
	pub unheard: BTreeSet<SeatKey>,
	/// True until the first sign of life after a start.
	pub fresh: bool,
}

/// What the provider's operator set.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
	/// A heartbeat is sent after so many market blocks without a sign of life.
	pub heartbeat_blocks: MarketBlock,
	/// The memory of a slot in pages of 64 KiB.
	pub memory_pages: u32,
	/// How many seats it works on at the same time.
	pub slots: u16,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
	/// Take up a seat: from now on it is remembered.
	Adopt(SeatKey),
	/// Fetch program and inputs.
	Fetch(SeatKey),
	/// Compute the shard's tasks.
	Execute(SeatKey),
	/// Stop what is under way: the seat is no longer ours, or no longer worth it.
	Cancel(SeatKey),
	/// Submit `accept`.
	Accept(SeatKey),
	/// Submit `decline`: the job's, or the court's of a seat that it drew.
	Decline(SeatKey, DeclineReason),
	/// Submit `unavailable`.
	Call(SeatKey),
	/// Submit `seal` for the stored report and salt.
	Seal(SeatKey),
	/// Submit `reveal` of the stored report and salt.
	Reveal(SeatKey),
	/// Let the outputs be had that a report is about which is open and may still be attacked.
	Show(SeatKey),
	/// Serve the outputs.
	Serve(SeatKey),
	/// Stop serving and forget the seat.
	Forget(SeatKey),
	/// Submit `heartbeat`.
	Heartbeat,
}

/// Decides what to do. Actions come in the order of their urgency.
pub fn decide(view: &View, local: &Local, policy: &Policy) -> Vec<Action> {
	let mut actions = Vec::new();
	if heartbeat_is_due(view, local, policy) && may_submit(view, local, TxId::Heartbeat) {
		actions.push(Action::Heartbeat);
	}
	let mut seats: Vec<_> = view.best.seats.iter().collect();
	seats.sort_by_key(|(key, seat)| (seat.due, **key));
	for (key, seat) in seats {
		let work = match local.seats.get(key) {
			Some(work) if work.terms != terms(seat) => {
				// The node's chain was replaced, by a long reorganisation or by a fresh start: other work, same name.
				if matches!(work.progress, Progress::Fetching | Progress::Executing) {
					actions.push(Action::Cancel(*key));
				}
				actions.push(Action::Forget(*key));
				continue;
			}
			Some(work) => *work,
			None => {
				actions.push(Action::Adopt(*key));
				Work {
					progress: Progress::New,
					serving: false,
					shown: false,
					listed_at: 0,
					terms: terms(seat),
					called: false,
				}
			}
		};
		let decision = Decision {
			key: *key,
			seat,
			work,
			view,
			local,
			policy,
		};
		match seat.state {
			Some(SeatState::Assigned) => decision.assigned(&mut actions),
			Some(SeatState::Accepted) if key.is_drawn() => decision.drawn(&mut actions),
			Some(SeatState::Accepted) => decision.accepted(&mut actions),
			Some(SeatState::Sealed) => decision.sealed(&mut actions),
			Some(SeatState::Revealed) => decision.revealed(&mut actions),
			// What is in custody has a list of its own.
			None => {}
		}
	}
	// What is watched is no seat: see `watching`.
	for (key, work) in local.seats.iter().filter(|(key, _)| !key.is_watched()) {
		match view.custody.as_ref().and_then(|custody| custody.seats.get(key)) {
			Some(terms) => in_custody(*key, work, terms, &mut actions),
			None => gone(*key, work, view, &mut actions),
		}
	}
	actions
}

/// True if what is in custody must be read at the last finalized block: a seat that was under way is not any more, or it
/// was not read for long.
pub fn custody_is_due(view: &View, local: &Local) -> bool {
	let Some(custody) = &view.custody else { return true };
	let finalized = &view.finalized;
	if finalized.number < custody.number {
		// The node lost its place, or has another chain.
		return true;
	}
	let left = |(key, work): (&SeatKey, &Work)| {
		work.listed_at >= custody.number
			&& !key.is_watched()
			&& !custody.seats.contains_key(key)
			&& !finalized.seats.contains_key(key)
			&& !view.best.seats.contains_key(key)
	};
	match finalized.number.saturating_sub(custody.number) {
		0..CUSTODY_PAUSE => false,
		CUSTODY_PAUSE..CUSTODY_INTERVAL => local.seats.iter().any(left),
		CUSTODY_INTERVAL.. => true,
	}
}

/// What identifies the work on a seat: all that its outcomes depend on.
pub fn terms(seat: &AssignmentView) -> Hash {
	let data = (
		seat.engine,
		seat.program,
		seat.image,
		seat.setup,
		seat.input_root,
		seat.job_tasks,
		seat.first_task,
		seat.tasks,
	);
	merkle::hash(&(data, seat.limits, seat.input_limit, &seat.sample).encode())
}

/// True if the submission may be made (again) without the risk of doing it twice, or too often.
pub fn may_submit(view: &View, local: &Local, id: TxId) -> bool {
	match local.attempts.get(&id) {
		None => true,
		Some(Attempt::InFlight { until }) => {
			view.finalized.number > *until || view.best.number.saturating_sub(STALLED) > *until
		}
		Some(Attempt::Included { at }) => view.best.number >= *at,
		Some(Attempt::Backoff { until }) => view.best.number >= *until,
	}
}

fn heartbeat_is_due(view: &View, local: &Local, policy: &Policy) -> bool {
	let Some(standing) = view.standing else { return false };
	let silent = view.best.now.saturating_sub(standing.last_seen);
	match standing.status {
		ProviderStatus::Unresponsive => true,
		ProviderStatus::Active => {
			silent >= policy.heartbeat_blocks || (local.fresh && silent >= policy.heartbeat_blocks / 10)
		}
		ProviderStatus::Draining => false,
	}
}

/// A seat whose shard was accepted, in a finalized block.
fn in_custody(key: SeatKey, work: &Work, listed: &Hash, actions: &mut Vec<Action>) {
	if work.terms != *listed {
		// As above: other work of the same name.
		actions.push(Action::Forget(key));
	} else if !work.serving && work.progress == Progress::Executed {
		actions.push(Action::Serve(key));
	}
}

/// A seat that is not in custody, as far as is known.
fn gone(key: SeatKey, work: &Work, view: &View, actions: &mut Vec<Action>) {
	if view.best.seats.contains_key(&key) || !view.best.complete {
		return;
	}
	if matches!(work.progress, Progress::Fetching | Progress::Executing) {
		actions.push(Action::Cancel(key));
	}
	let listed = view.finalized.seats.contains_key(&key) || !view.finalized.complete;
	// Both lists must be younger than the last that had it, and not at once: a node that has just lost or restored its
	// state knows of nothing for a while.
	let over = |number: BlockNumber| number > work.listed_at.saturating_add(GRACE);
	let read = view.custody.as_ref().is_some_and(|custody| over(custody.number));
	if !listed && over(view.finalized.number) && read {
		actions.push(Action::Forget(key));
	}
}

struct Decision<'a> {
	key: SeatKey,
	seat: &'a AssignmentView,
	work: Work,
	view: &'a View,
	local: &'a Local,
	policy: &'a Policy,
}

impl Decision<'_> {
	fn may_submit(&self, kind: TxKind) -> bool {
		may_submit(self.view, self.local, TxId::Seat(self.key, kind))
	}

	/// Market blocks until the present state must be left.
	fn left(&self) -> MarketBlock {
		self.seat.due.saturating_sub(self.view.best.now)
	}

	/// Whether this is about the last moment to decline without a loss, or, if that has passed, to decline at all. A client that
	/// serves slowly, or not at all, must not cost a provider its reputation.
	fn must_choose(&self) -> bool {
		let free = self.seat.decline_by.checked_sub(self.view.best.now);
		free.map_or(self.left(), |free| free.min(self.left())) <= DECLINE_MARGIN
	}

	fn assigned(&self, actions: &mut Vec<Action>) {
		// While it is on its way the seat is as good as in its next state.
		let busy = !self.may_submit(TxKind::Accept);
		let declining = !self.may_submit(TxKind::Decline);
		let decline = |reason, actions: &mut Vec<Action>| {
			if matches!(self.work.progress, Progress::Fetching | Progress::Executing) {
				actions.push(Action::Cancel(self.key));
			}
			if !busy && !declining {
				actions.push(Action::Decline(self.key, reason));
			}
		};
		let late = self.must_choose();
		if declining || self.left() == 0 {
			return;
		}
		if !self.fits() {
			return decline(DeclineReason::NoCapacity, actions);
		}
		match self.work.progress {
			Progress::New if late => decline(DeclineReason::NoCapacity, actions),
			Progress::New => actions.push(Action::Fetch(self.key)),
			Progress::Fetching if late => decline(DeclineReason::InputsUnavailable, actions),
			Progress::Fetching => {}
			Progress::FetchFailed {
				reason,
				hopeless,
				retry_at,
			} => {
				if hopeless || late {
					decline(reason, actions)
				} else if self.view.best.now >= retry_at {
					actions.push(Action::Fetch(self.key));
				}
			}
			Progress::Fetched | Progress::Executing | Progress::Troubled { .. } | Progress::Executed => {
				if !busy {
					actions.push(Action::Accept(self.key));
				}
			}
		}
	}

	/// Whether this machine can compute it at all.
	fn fits(&self) -> bool {
		self.seat.engine == ENGINE_VERSION && self.seat.limits.memory_pages <= self.policy.memory_pages
	}

	/// A seat that the court drew: it may be given back until it is computed, or called for. It is if it will not be computed in
	/// time: who never seals loses a part of its reserve, who gives back a fee.
	fn drawn(&self, actions: &mut Vec<Action>) {
		if !self.may_submit(TxKind::Decline) || !self.may_submit(TxKind::Unavailable) {
			return;
		}
		let late = self.left() <= DECLINE_MARGIN;
		let reason = match self.work.progress {
			// What was called for is waited for, however long it takes.
			_ if self.work.called => None,
			Progress::Executed => None,
			_ if !self.fits() => Some(DeclineReason::NoCapacity),
			Progress::New | Progress::Executing | Progress::Troubled { .. } if late => Some(DeclineReason::NoCapacity),
			Progress::Fetching if late => Some(DeclineReason::InputsUnavailable),
			Progress::FetchFailed { reason, hopeless, .. } if hopeless || late => Some(reason),
			_ => None,
		};
		let Some(reason) = reason else {
			return self.accepted(actions);
		};
		if self.left() == 0 {
			return;
		}
		if matches!(self.work.progress, Progress::Fetching | Progress::Executing) {
			actions.push(Action::Cancel(self.key));
		}
		actions.push(match reason {
			reason if self.local.unheard.contains(&self.key) => Action::Decline(self.key, reason),
			DeclineReason::NoCapacity | DeclineReason::TooLarge | DeclineReason::ProgramRefused => {
				Action::Decline(self.key, reason)
			}
			DeclineReason::ProgramUnavailable | DeclineReason::InputsUnavailable | DeclineReason::ImageUnavailable => {
				Action::Call(self.key)
			}
		});
	}

	fn accepted(&self, actions: &mut Vec<Action>) {
		match self.work.progress {
			Progress::Executed => {
				if self.is_held() && self.may_submit(TxKind::Seal) {
					actions.push(Action::Seal(self.key));
				}
			}
			// While others are awaited, leaving is free at the beginning, and after long.
			Progress::FetchFailed {
				reason, hopeless: true, ..
			} if !self.is_held() => {
				if self.is_free_to_leave() && self.may_submit(TxKind::Decline) {
					actions.push(Action::Decline(self.key, reason));
				}
			}
			// A slot that others' work may want does not wait without end for seats that nobody takes.
			_ if !self.is_held()
				&& self.view.best.now >= self.seat.leave_from
				&& self.has_no_slot()
				&& self.may_submit(TxKind::Decline) =>
			{
				actions.push(Action::Decline(self.key, DeclineReason::NoCapacity))
			}
			_ if self.left() == 0 && !self.work.called => {}
			_ => self.go_on(actions),
		}
	}

	/// Whether it loses nothing by giving an accepted seat back that waits for others.
	fn is_free_to_leave(&self) -> bool {
		let now = self.view.best.now;
		now <= self.seat.decline_by || now >= self.seat.leave_from
	}

	/// Whether all slots are taken.
	fn has_no_slot(&self) -> bool {
		let seats = self.view.best.seats.iter().filter(|(key, _)| !key.is_drawn());
		let working = |state| matches!(state, Some(SeatState::Assigned | SeatState::Accepted));
		seats.filter(|(_, seat)| working(seat.state)).count() >= usize::from(self.policy.slots)
	}

	/// Nobody computes before: it may be for nothing. Of drawn seats none waits for another, and what was sealed was held.
	fn is_held(&self) -> bool {
		let sealed = matches!(self.seat.state, Some(SeatState::Sealed | SeatState::Revealed));
		self.seat.held || self.key.is_drawn() || sealed
	}

	/// Does what leads to a report, in its order.
	fn go_on(&self, actions: &mut Vec<Action>) {
		match self.work.progress {
			Progress::New => actions.push(Action::Fetch(self.key)),
			// No time helps a program that all refuse. Anything else is tried to the end: what is accepted and not
			// reported costs bond.
			Progress::FetchFailed {
				reason: DeclineReason::ProgramRefused,
				hopeless: true,
				..
			} => {}
			Progress::FetchFailed { retry_at, .. } if self.view.best.now >= retry_at => {
				actions.push(Action::Fetch(self.key))
			}
			_ if self.is_held() => self.execute(actions),
			_ => {}
		}
	}

	fn execute(&self, actions: &mut Vec<Action>) {
		match self.work.progress {
			Progress::Fetched => actions.push(Action::Execute(self.key)),
			Progress::Troubled { retry_at } if self.view.best.now >= retry_at => {
				actions.push(Action::Execute(self.key))
			}
			_ => {}
		}
	}

	fn sealed(&self, actions: &mut Vec<Action>) {
		if self.work.progress != Progress::Executed {
			// It was lost with the disk, and comes to the same again.
			return self.go_on(actions);
		}
		// The salt leaves the machine only once no reorganisation can undo any of the shard's seals, or at the last chance.
		let open = self
			.view
			.finalized
			.seats
			.get(&self.key)
			.is_some_and(|seat| seat.state == Some(SeatState::Sealed) && seat.reveal_open);
		let last_chance = self.left() <= REVEAL_MARGIN;
		if (open || last_chance) && self.seat.reveal_open && self.may_submit(TxKind::Reveal) {
			actions.push(Action::Reveal(self.key));
		}
	}

	fn revealed(&self, actions: &mut Vec<Action>) {
		if self.work.progress != Progress::Executed && self.local.disputed.contains(&self.key) {
			// As above: what is to be defended was lost.
			self.go_on(actions);
		}
		// Once it is open for good nobody can seal what it has: it may be had, so that it can be checked while it can be attacked.
		let finalized = self.view.finalized.seats.get(&self.key);
		let open = finalized.is_some_and(|seat| seat.state == Some(SeatState::Revealed));
		let known = self.work.shown || self.work.serving;
		if open && !known && self.work.progress == Progress::Executed && !self.key.is_drawn() {
			actions.push(Action::Show(self.key));
		}
	}
}
