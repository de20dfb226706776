//! What the pallet stores.

use crate::timers::TimerAction;
use alloc::collections::BTreeMap;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use millrace_primitives::{
	job::{DeclineReason, JobStatus, SeatEvent, SeatState, MAX_REPLICAS},
	traits::Stake,
	AccountId, Balance, Blob, Gas, Hash, JobId, JobSpec, MarketBlock, ProgramRoots, Report,
};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::Permill;

/// The most vacant seats that a job's record lists; further ones wait in the backlog.
pub const MAX_VACANCIES: u32 = 64;
/// So often the seats of a shard fall vacant, all together and whatever the client does, before nobody is drawn for it any more.
pub const MAX_VACATED: u32 = 16;
/// How many VRF outputs are kept for seeds.
pub const MAX_SEED_BLOCKS: u32 = 8;
/// The most shards that one `acknowledge` looks at.
pub const MAX_ACKNOWLEDGED: u32 = 64;
/// The longest back-off is two to this power, in blocks: some nine days of 3-second blocks. It bounds how often a seat that nobody takes is
/// drawn in vain, so that its fee can cover it; nothing waits longer than it has waited before.
pub const MAX_BACK_OFF: u8 = 18;
/// So many vacancies in back-off are tried at once when a slot or bond of one of the job's providers is free again; the
/// others are tried with the next ones.
pub const WOKEN: u32 = 2;
/// So many of those who declined a job are remembered, each once: a suspension takes no more.
pub const DECLINERS: u32 = 8;
/// A suspension takes so many at least.
pub const LEAST_DECLINERS: u8 = 2;
/// A shard counts as stuck after so many failed draws of one of its seats.
pub const STUCK_TRIES: u8 = 3;
/// So many stuck shards do not keep a job from starting others.
pub const MAX_STUCK: u32 = 8;
/// The deadline of a seat that waits for others: to be accepted, or for the verifier.
pub const NEVER: MarketBlock = MarketBlock::MAX;
/// So many candidates are tried for a seat before the draw counts as failed.
pub const MAX_TRIED: usize = 8;
/// So many parts of a shard's outputs are demanded at once.
pub const MAX_DEMANDS: u8 = 64;
/// So many parts of all outputs are demanded at once: blocks have room for the answers to all of them in time.
pub const ALL_DEMANDS: u32 = 4_096;
/// So many of one shard, while half of all places or more are taken.
pub const FEW_DEMANDS: u8 = 4;
/// So many stale candidates are taken out of the pools by one draw; further ones are passed over.
pub const MAX_DROPPED: u32 = 2;

/// A published program.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Program {
	/// Who published it and may withdraw it.
	pub publisher: AccountId,
	/// The machine's version that it is for.
	pub engine: u8,
	/// The roots of its code and first memory: what is judged.
	pub roots: ProgramRoots,
	/// Its module: what is downloaded.
	pub module: Blob,
	/// What is held of the publisher for it.
	pub deposit: Balance,
	/// Jobs whose state still exists.
	pub open_jobs: u32,
}

/// When work may be drawn, counted in VRF outputs, and how often that failed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Readiness {
	/// The number of collected VRF outputs from which a draw is allowed: all outputs of its seed are then newer than
	/// the wish to be drawn.
	pub ready: u32,
	/// Draws in a row that found nobody.
	pub tries: u8,
}

impl Readiness {
	/// Nobody was found: waits twice as long as the last time.
	pub(crate) fn back_off(&mut self, count: u32) {
		self.tries = self.tries.saturating_add(1).min(MAX_BACK_OFF);
		self.ready = count.saturating_add(1 << self.tries);
	}

	/// Ends the wait after failed draws: one draw is allowed from `ready` on; if it fails too, the wait goes on doubling.
	/// True if it was waiting longer. What never failed keeps its place, its outputs are not all there yet.
	pub(crate) fn wake(&mut self, ready: u32) -> bool {
		if self.tries == 0 || self.ready <= ready {
			return false;
		}
		self.ready = ready;
		true
	}
}

/// A seat of a shard under way that waits for a draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Vacancy {
	/// The shard's index.
	pub shard: u32,
	/// The seat's index.
	pub seat: u8,
	/// When it may be drawn.
	pub readiness: Readiness,
}

/// A job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct JobRecord {
	/// Who pays.
	pub client: AccountId,
	/// What the client asked for.
	pub spec: JobSpec,
	/// Where it stands.
	pub status: JobStatus,
	/// The highest price for shards that have not started, in plancks per Ggas.
	pub price_cap: Balance,
	/// The protocol's fee, as promised at submission.
	pub fee_share: Permill,
	/// How long outputs are kept after acceptance, as promised at submission.
	pub custody_period: MarketBlock,
	/// What keeping the outputs of one task for so long counts as, in gas, as promised at submission.
	pub storage_gas: Gas,
	/// What is held for each shard that has not started.
	pub reserve: Balance,
	/// What is held for the last one, which may be shorter.
	pub last_reserve: Balance,
	/// What is held in all: the reserves of waiting shards and what is left of those of started ones.
	pub escrow: Balance,
	/// Earned by providers so far, withheld parts included.
	pub paid: Balance,
	/// The protocol's fees so far.
	pub fees: Balance,
	/// The market block of submission.
	pub submitted_at: MarketBlock,
	/// The market block from which no shard is started; the present one when the client cancels.
	pub expires_at: MarketBlock,
	/// The machine's version that its program is for.
	pub engine: u8,
	/// The length of its program's module in bytes, for deadlines.
	pub module_len: u32,
	/// Shards in all.
	pub shards: u32,
	/// Shards started: those below this index.
	pub cursor: u32,
	/// Shards under way.
	pub running: u32,
	/// Shards whose report was accepted.
	pub accepted: u32,
	/// Shards that ended without an accepted report.
	pub failed: u32,
	/// Shards in custody.
	pub custody: u32,
	/// Who declined since the last acceptance, for reasons that may be the job's, while nobody worked on it.
	pub decliners: BoundedVec<AccountId, ConstU32<DECLINERS>>,
	/// When a seat of it was last accepted, exact to half an accept window, if it has several shards; or a report was. By the clock
	/// of its work.
	pub taken: Option<MarketBlock>,
	/// When the next shard may be started.
	pub fresh: Readiness,
	/// Vacant seats of shards under way, in the order in which they are tried.
	pub vacancies: BoundedVec<Vacancy, ConstU32<MAX_VACANCIES>>,
	/// The backlog's first index.
	pub backlog_head: u32,
	/// One past the backlog's last index.
	pub backlog_tail: u32,
	/// Whether the ready queue has an entry for it.
	pub queued: bool,
	/// The market block of the next try, while it waits on a timer.
	pub retry: Option<MarketBlock>,
	/// True once the end of its last shard was announced.
	pub settled: bool,
	/// How often the client topped it up.
	pub top_ups: u32,
}

impl JobRecord {
	/// True while shards may be started, now or after a top-up.
	pub fn is_open(&self) -> bool {
		matches!(self.status, JobStatus::Open | JobStatus::Suspended(_))
	}

	/// True if it was suspended and nothing ended that.
	pub fn is_suspended(&self) -> bool {
		matches!(self.status, JobStatus::Suspended(_))
	}

	/// True if somebody took work of it lately. That its data could be had then says little of later: whoever declines after that
	/// may be right, and a job that is suspended in time loses no shards.
	pub fn is_taken(&self, terms: &Terms, now: MarketBlock) -> bool {
		let lately = terms.accept_window;
		self.taken.is_some_and(|taken| now.saturating_sub(taken) <= lately)
	}

	/// Seats of shards under way that wait for a draw; those in the backlog of shards that ended meanwhile among them.
	pub fn vacant(&self) -> u32 {
		let backlog = self.backlog_tail.wrapping_sub(self.backlog_head);
		backlog.saturating_add(self.vacancies.len() as u32)
	}

	/// The number of shards that were never started.
	pub fn waiting(&self) -> u32 {
		self.shards.saturating_sub(self.cursor)
	}

	/// What is held for the shard with this index before it starts.
	pub fn reserve_of(&self, index: u32) -> Balance {
		if index.saturating_add(1) >= self.shards {
			self.last_reserve
		} else {
			self.reserve
		}
	}

	/// What is held for all shards that have not started; nothing once the job is closed.
	pub fn waiting_reserve(&self) -> Balance {
		if !self.is_open() {
			return 0;
		}
		reserve_for(self.reserve, self.last_reserve, self.waiting()).unwrap_or(Balance::MAX)
	}

	/// True if vacancies wait outside the record.
	pub fn has_backlog(&self) -> bool {
		self.backlog_head != self.backlog_tail
	}

	/// True if the vacancies of one more shard, whose first seat is drawn at once, fit.
	pub fn has_room(&self) -> bool {
		self.vacancies.len() + usize::from(MAX_REPLICAS) - 1 <= MAX_VACANCIES as usize
	}

	/// True if a new shard may be started. No more shards may lack a provider than have all of theirs, so that a job
	/// grows as fast as its shards fill, and never binds all bonds with shards of which none can be completed. A few
	/// shards that cannot be filled at all do not count: they must not stop the others.
	pub fn may_start(&self) -> bool {
		if self.status != JobStatus::Open || self.waiting() == 0 || !self.has_room() {
			return false;
		}
		let shards: BTreeMap<u32, bool> = self.vacancies.iter().fold(BTreeMap::new(), |mut shards, vacancy| {
			*shards.entry(vacancy.shard).or_default() |= vacancy.readiness.tries >= STUCK_TRIES;
			shards
		});
		let backlog = self.backlog_tail.wrapping_sub(self.backlog_head);
		let incomplete = (shards.len() as u32).saturating_add(backlog);
		let complete = self.running.saturating_sub(incomplete);
		let stuck = shards.values().filter(|stuck| **stuck).count() as u32;
		incomplete - stuck.min(MAX_STUCK) <= complete
	}

	/// From which count of VRF outputs on a visit finds something to do; none if there is nothing.
	pub fn next_ready(&self) -> Option<u32> {
		if self.is_suspended() {
			return None;
		}
		if self.has_backlog() && !self.vacancies.is_full() {
			return Some(0);
		}
		let fresh = self.may_start().then_some(self.fresh.ready);
		self.vacancies
			.iter()
			.map(|vacancy| vacancy.readiness.ready)
			.chain(fresh)
			.min()
	}
}

/// What `shards` shards need of which the last may be shorter. `None` on overflow.
pub fn reserve_for(reserve: Balance, last: Balance, shards: u32) -> Option<Balance> {
	match shards.checked_sub(1) {
		None => Some(0),
		Some(full) => reserve.checked_mul(full.into())?.checked_add(last),
	}
}

/// What nobody changes while a shard is under way, copied when it starts.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Terms {
	/// The machine's version that it is computed by.
	pub engine: u8,
	/// The most gas that all its tasks may use.
	pub gas_limit: Gas,
	/// The highest ask of a seat, in plancks per Ggas.
	pub price_cap: Balance,
	/// The most that a seat can earn, by computing and by keeping the outputs.
	pub seat_cap: Balance,
	/// The protocol's fee.
	pub fee_share: Permill,
	/// The part of it that is burned.
	pub burn_share: Permill,
	/// The longest time from assignment to acceptance.
	pub accept_window: MarketBlock,
	/// The longest time from the acceptance of the shard's last seat to the sealed report.
	pub execution_window: MarketBlock,
	/// How long outputs are kept after acceptance.
	pub custody_period: MarketBlock,
	/// What keeping the outputs of all its tasks for so long counts as, in gas.
	pub storage_gas: Gas,
	/// The part of each payment that is withheld until then.
	pub custody_share: Permill,
	/// Whether the draw that started it could find so many that points and reputation may follow from it.
	pub crowded: bool,
}

/// Who holds a seat.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Holder {
	/// The provider.
	pub provider: AccountId,
	/// Whose key worked for it when it was drawn.
	pub operator: AccountId,
	/// Its price, in plancks per Ggas.
	pub ask: Balance,
	/// How far it is.
	pub state: SeatState,
	/// The market block by which it must leave `Assigned` or `Accepted`; [`NEVER`] while it waits for others.
	pub due: MarketBlock,
	/// The market block in which it was drawn.
	pub drawn: MarketBlock,
	/// True while the seat takes a slot of its provider.
	pub slot: bool,
	/// What it has at stake. Until its seal this pallet frees the liability, then the verifier, and this pallet what is still
	/// bound when custody ends.
	pub stake: Stake,
}

impl Holder {
	/// True if it waits for the shard's other seats to be accepted.
	pub fn waits(&self) -> bool {
		self.state == SeatState::Accepted && self.due == NEVER
	}

	/// True from when all seats of the shard were accepted: before, nobody computes.
	pub fn may_compute(&self) -> bool {
		self.state >= SeatState::Accepted && !self.waits()
	}
}

/// Where a provider's seat in a shard is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Place {
	/// The seat.
	pub seat: u8,
	/// Whether its work is done, and it keeps the outputs.
	pub kept: bool,
}

/// A seat of a shard.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Seat {
	/// How often it fell vacant.
	pub round: u32,
	/// Who holds it; none while it is vacant.
	pub holder: Option<Holder>,
}

/// What remains of an accepted shard.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Custody {
	/// The accepted report.
	pub report: Report,
	/// The market block at which custody was to end by itself when it began: nothing is demanded from then on.
	pub ends: MarketBlock,
	/// At which it does: later, if what was demanded last may still be shown.
	pub until: MarketBlock,
	/// What each seat is paid then.
	pub withheld: BoundedVec<Balance, ConstU32<{ MAX_REPLICAS as u32 }>>,
	/// How many parts of the outputs are demanded and not shown yet; it does not end before they are none.
	pub demands: u8,
}

/// A part of a shard's outputs that is to be shown.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Demand {
	/// When an answer counts at last, by the clock of the job's work.
	pub due: MarketBlock,
	/// What is held of the client for it, out of which who answers is paid; a part of the shard's reserve.
	pub deposit: Balance,
	/// The output of which a chunk is demanded; none if an outcome is.
	pub output: Option<Blob>,
}

/// What a provider loses that kept outputs and did not show them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Forfeit {
	/// Who.
	pub provider: AccountId,
	/// Of its pay, what had been withheld.
	pub withheld: Balance,
	/// What it had earned by keeping the outputs.
	pub storage: Balance,
	/// Of its bond.
	pub bound: Balance,
}

/// A provider that is not drawn for a shard again.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Exclusion {
	/// The provider.
	pub provider: AccountId,
	/// If it declined: how often the job had been topped up by then. After the next time it may be drawn again, since what
	/// was amiss may be mended. Who failed the shard stays excluded.
	pub declined: Option<u32>,
}

/// A shard that has started.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ShardRecord {
	/// What was agreed.
	pub terms: Terms,
	/// What of the job's escrow belongs to it, beside `storage`.
	pub reserve: Balance,
	/// What of the job's escrow is for keeping its outputs.
	pub storage: Balance,
	/// Its seats.
	pub seats: BoundedVec<Seat, ConstU32<{ MAX_REPLICAS as u32 }>>,
	/// Providers that declined or failed it.
	pub excluded: BoundedVec<Exclusion, ConstU32<MAX_VACATED>>,
	/// When nobody could seal any more: all seats had, or time was up for the others, which are gone.
	/// None before.
	pub closed: Option<MarketBlock>,
	/// The market block by which all seats must be sealed, from the first seal on; [`NEVER`] before.
	pub fill: MarketBlock,
	/// Whether its job is to be told when one of its seats is accepted or sealed: it has other shards, or somebody has declined
	/// this one since the last acceptance. Vacant seats are the job's affair anyway.
	pub tells: bool,
	/// When its timer acts, by the clock of its work: at its next deadline or before. [`NEVER`] if it has none.
	pub alarm: MarketBlock,
	/// Set once its report is accepted.
	pub custody: Option<Custody>,
}

impl ShardRecord {
	/// Whether a provider declined or failed it.
	pub fn excludes(&self, provider: &AccountId) -> bool {
		self.excluded.iter().any(|exclusion| exclusion.provider == *provider)
	}

	/// Forgets who declined before the latest of so many top-ups.
	pub fn readmit(&mut self, top_ups: u32) {
		self.excluded
			.retain(|exclusion| exclusion.declined.is_none_or(|before| before == top_ups));
	}

	/// The next of its deadlines; [`NEVER`] if it has none.
	pub fn next_due(&self) -> MarketBlock {
		match &self.custody {
			Some(custody) => custody.until,
			None if self.closed.is_some() => NEVER,
			None => self
				.seats
				.iter()
				.filter_map(|seat| seat.holder.as_ref())
				.fold(self.fill, |next, holder| next.min(holder.due)),
		}
	}

	/// The seat whose time was over first, if that was before the time of all, and the state in which it is. Of those with the
	/// same time the last.
	pub(crate) fn first_late(&self, now: MarketBlock) -> Option<(u8, SeatState)> {
		(0u8..)
			.zip(&self.seats)
			.filter_map(|(seat, slot)| slot.holder.as_ref().map(|holder| (seat, holder)))
			.filter(|(_, holder)| holder.due <= now.min(self.fill))
			.min_by_key(|(seat, holder)| (holder.due, u8::MAX - seat))
			.map(|(seat, holder)| (seat, holder.state))
	}

	/// The seat's holder.
	pub fn holder(&self, seat: u8) -> Option<&Holder> {
		self.seats.get(usize::from(seat))?.holder.as_ref()
	}

	/// The seat that a provider holds.
	pub fn seat_of(&self, provider: &AccountId) -> Option<u8> {
		let seat = self
			.seats
			.iter()
			.position(|s| s.holder.as_ref().is_some_and(|h| h.provider == *provider))?;
		Some(seat as u8)
	}

	/// True if the seat's holder may give it back: whose time has begun is bound.
	pub fn may_decline(&self, seat: u8) -> bool {
		self.holder(seat)
			.is_some_and(|holder| !holder.may_compute() && holder.state.on(SeatEvent::Decline) == Ok(None))
	}

	/// True if the seat's holder, which may decline it, does so early enough for that to be nobody's loss: within half of the time
	/// to accept; or once it has waited for the others for as long as they may take after the last moment to accept.
	pub fn leaves_in_time(&self, seat: u8, now: MarketBlock) -> bool {
		self.holder(seat)
			.is_some_and(|holder| now <= self.leaves_in_time_until(holder) || now >= self.leaves_in_time_from(holder))
	}

	/// When a holder has waited for the others for long enough; [`NEVER`] if it does not wait.
	pub fn leaves_in_time_from(&self, holder: &Holder) -> MarketBlock {
		match holder.waits() {
			true => holder.drawn.saturating_add(self.terms.accept_window.saturating_mul(2)),
			false => NEVER,
		}
	}

	/// When the first half of a holder's time to accept ends.
	pub fn leaves_in_time_until(&self, holder: &Holder) -> MarketBlock {
		holder.drawn.saturating_add(self.terms.accept_window / 2)
	}

	/// True if its seats fell vacant too often for anybody to be drawn for it again.
	pub fn is_spent(&self) -> bool {
		self.seats.iter().fold(0u32, |sum, seat| sum.saturating_add(seat.round)) > MAX_VACATED
	}

	/// True if a seat's holder came as far as this.
	pub fn any_reached(&self, state: SeatState) -> bool {
		self.seats
			.iter()
			.filter_map(|seat| seat.holder.as_ref())
			.any(|holder| holder.state >= state)
	}

	/// True if every seat has a holder that came as far as this.
	pub fn all_reached(&self, state: SeatState) -> bool {
		self.seats
			.iter()
			.all(|seat| seat.holder.as_ref().is_some_and(|holder| holder.state >= state))
	}
}

/// The last VRF outputs.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SeedRing {
	/// How many outputs were ever collected.
	pub count: u32,
	/// The outputs, the newest last.
	pub outputs: BoundedVec<Hash, ConstU32<MAX_SEED_BLOCKS>>,
}

/// So many jobs stand in the ready queue's own record; those after them each have an entry beside it.
pub const QUEUE_FIRST: u32 = 32;
/// A job that is to be visited in so many VRF outputs at most waits for it in the queue, and not on a timer.
pub const SOON: u32 = MAX_SEED_BLOCKS;

/// A job in the ready queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Waiting {
	/// The job.
	pub job: JobId,
	/// The count of VRF outputs from which on it is visited.
	pub from: u32,
}

/// The ready queue: its beginning, which each tick reads, and where the rest of it is.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ReadyRecord {
	/// Those that came while there was no rest.
	pub first: BoundedVec<Waiting, ConstU32<QUEUE_FIRST>>,
	/// The rest's first entry.
	pub head: u64,
	/// One past the rest's last entry.
	pub tail: u64,
}

impl ReadyRecord {
	/// True if all of it is here.
	pub fn is_short(&self) -> bool {
		self.head == self.tail
	}

	/// How many jobs may be visited at this count of outputs.
	pub fn ready(&self, count: u32) -> u64 {
		let first = self.first.iter().filter(|waiting| waiting.from <= count).count() as u64;
		first.saturating_add(self.tail.saturating_sub(self.head))
	}

	/// Takes the one of those at the beginning that may be visited for longest.
	pub(crate) fn pop(&mut self, count: u32) -> Option<JobId> {
		let ready = self
			.first
			.iter()
			.enumerate()
			.filter(|(_, waiting)| waiting.from <= count);
		let (place, _) = ready.min_by_key(|(place, waiting)| (waiting.from, *place))?;
		Some(self.first.remove(place).job)
	}
}

/// The most timers on a page.
pub const MAX_TIMERS: u32 = 32;

/// Timers of one market block.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct TimerPage {
	/// How many pages follow; of the first page only.
	pub following: u32,
	/// Which.
	pub entries: BoundedVec<TimerEntry, ConstU32<MAX_TIMERS>>,
}

/// A timer that is due in so many market blocks at most has no page of its own, if there is room for it in the record that each tick
/// reads and writes.
pub const NEAR: MarketBlock = 16;
/// So much.
pub const MAX_NEAR: u32 = 32;

/// How far timers are served, and which are next.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct NextRecord {
	/// The market block up to which all timers are served.
	pub served: MarketBlock,
	/// Timers that are due soon, each with the market block at which it is; others stand on pages.
	pub near: BoundedVec<(MarketBlock, TimerEntry), ConstU32<MAX_NEAR>>,
}

impl NextRecord {
	/// Takes the timer of a market block that was listed here last.
	pub(crate) fn pop(&mut self, at: MarketBlock) -> Option<TimerEntry> {
		let place = self.near.iter().rposition(|(listed, _)| *listed == at)?;
		Some(self.near.remove(place).1)
	}
}

/// A pending timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct TimerEntry {
	/// When it acts, by the clock of its job's work; if that is later, it is armed again for the rest.
	pub target: MarketBlock,
	/// What it does.
	pub action: TimerAction,
}

/// Why a seat fell vacant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Cause {
	/// Its provider declined in time; free.
	Declined(DeclineReason),
	/// Its provider neither accepted nor declined in time.
	MissedAccept,
	/// Its provider accepted and did not report in time.
	Late,
	/// The shard goes on with those who have sealed; free.
	Closed,
}

/// Why a shard ended without an accepted report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Failure {
	/// The verifier could not decide which report is right.
	Unresolved,
	/// Its seats fell vacant more than [`MAX_VACATED`] times, and nobody had sealed.
	Exhausted,
	/// Its seats were not filled in time after the job was cancelled or expired, and nobody had sealed.
	Closed,
}
