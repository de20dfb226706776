//! Doing what [`watching`](crate::watching) decides: finding shards, reading their cases, accusing.

use super::{work, Agent};
use crate::{
	config::Watch,
	db::Record,
	decide::{may_submit, terms, Progress, TxId, View},
	market::{Heads, Market, Purse, SubmitError, Tx},
	metrics::Kind,
	seat::{SeatKey, TxKind},
	units::format_amount,
	watching::{
		boards_of,
		choose::{fits, look, watched, window, Look, Machine, Mark},
		decide::{decide, Refusal, Seen, Sight, Step, Why},
		found::{blocks, Found},
		Accused, Watched, MAX_ACCUSED,
	},
};
use codec::Encode;
use millrace_primitives::{
	api::{AssignmentView, CaseStage, CaseView},
	job::SeatState,
	traits::Freezable,
	Balance, BlockNumber, MarketBlock,
};
use std::collections::BTreeMap;

/// So many of the shards that were found are looked at in one look.
const LOOKS: usize = 4;
/// So often a block is asked for that the node does not tell.
const TRIES: u32 = 3;
/// An accusation may be included for as long as its transaction is valid: for this many blocks at least.
const LEAST_VALID: BlockNumber = 64;
/// And for at most so many.
const MOST_VALID: BlockNumber = 1_024;

/// What is watched.
pub(super) struct Watching {
	found: Found,
	/// The last finalized block whose reveals are known.
	read: Option<BlockNumber>,
	/// How often the next one was asked for in vain.
	tries: u32,
	shards: BTreeMap<SeatKey, Watched>,
	/// Cases at a finalized block, where the best one shows nothing that is to be done.
	finalized: BTreeMap<SeatKey, Finalized>,
	/// The operator's money, when it was needed.
	purse: Option<Purse>,
	/// What is frozen, when it was needed.
	frozen: Vec<Freezable>,
	/// What was said of a wrong report that is not accused.
	refused: BTreeMap<SeatKey, Refusal>,
}

/// A shard's case at a finalized block.
struct Finalized {
	case: Option<CaseView>,
	number: BlockNumber,
	now: MarketBlock,
}

impl Watching {
	/// What was watched before.
	pub fn new(shards: Vec<(SeatKey, Watched)>) -> Self {
		Self {
			found: Found::default(),
			read: None,
			tries: 0,
			shards: shards.into_iter().collect(),
			finalized: BTreeMap::new(),
			purse: None,
			frozen: Vec::new(),
			refused: BTreeMap::new(),
		}
	}

	/// What is worked on, with the time that there is for it: for what was accused, any.
	pub fn seat(&self, key: SeatKey) -> Option<AssignmentView> {
		let watched = self.shards.get(&key)?;
		Some(AssignmentView {
			due: match watched.accused {
				Some(_) => MarketBlock::MAX,
				None => watched.until,
			},
			..watched.seat.clone()
		})
	}

	/// All that is watched.
	pub fn shards(&self) -> impl Iterator<Item = (&SeatKey, &Watched)> {
		self.shards.iter()
	}

	/// All that is worked on.
	pub fn seats(&self) -> impl Iterator<Item = &AssignmentView> {
		self.shards.values().map(|watched| &watched.seat)
	}

	/// The keys of what is watched.
	pub fn keys(&self) -> impl Iterator<Item = SeatKey> + '_ {
		self.shards.keys().copied()
	}

	pub fn forget(&mut self, key: SeatKey) {
		self.shards.remove(&key);
		self.finalized.remove(&key);
		self.refused.remove(&key);
	}

	fn is_frozen(&self, seat: &AssignmentView) -> bool {
		let covers = |subject: &Freezable| match subject {
			Freezable::Program(program) => *program == seat.program,
			Freezable::Engine(engine) => *engine == seat.engine,
		};
		self.frozen.iter().any(covers)
	}

	/// What was put up, or is about to be.
	fn committed(&self) -> Balance {
		let accused = self.shards.values().filter_map(|watched| watched.accused);
		accused.fold(0, |sum, accused| sum.saturating_add(accused.bond))
	}
}

impl<M: Market> Agent<M> {
	fn watches(&self) -> bool {
		self.shared.config.watch == Watch::All
	}

	/// Finds out what else there is to watch, and what has become of what is watched. Without it work goes on.
	pub(super) async fn look_around(&mut self, view: &View, heads: Heads) {
		if self.watches() {
			self.read_reveals(heads.finalized.number).await;
			if let Err(error) = self.choose(view, heads).await {
				tracing::debug!(%error, "cannot see whom to watch, trying again");
			}
		}
		if let Err(error) = self.look_at_watched(view, heads).await {
			tracing::warn!(%error, "cannot see what becomes of what is watched, trying again");
		}
	}

	/// Takes notice of reports that were opened in finalized blocks.
	async fn read_reveals(&mut self, finalized: BlockNumber) {
		for number in blocks(self.watching.read, finalized) {
			match self.shared.market.revealed(number).await {
				Ok(shards) => {
					for shard in shards {
						let rank = self.shared.market.secret(&(b"millrace:watch", shard).encode());
						self.watching.found.add(rank, shard);
					}
				}
				Err(error) => {
					self.watching.tries = self.watching.tries.saturating_add(1);
					tracing::debug!(number, %error, "cannot see what was opened in a block");
					if self.watching.tries < TRIES {
						return;
					}
				}
			}
			self.watching.tries = 0;
			self.watching.read = Some(number);
		}
	}

	/// Takes up a shard, if there is room for one.
	async fn choose(&mut self, view: &View, heads: Heads) -> Result<(), millrace_client::Error> {
		let undecided = |watched: &Watched| watched.accused.is_none();
		let busy = self.watching.shards.values().any(undecided) || self.watching.shards.len() >= MAX_ACCUSED;
		if busy || !self.has_free_slot(view) {
			return Ok(());
		}
		let provider = self.provider.as_ref().map(|provider| provider.id.clone());
		for _ in 0..LOOKS.min(self.watching.found.len()) {
			let Some((rank, shard)) = self.watching.found.next_up() else {
				break;
			};
			let key = SeatKey::watching(shard);
			let case = self.shared.market.case(heads.finalized, shard).await?;
			match look(case.as_ref(), provider.as_ref(), view.finalized.now) {
				Look::Later => continue,
				Look::Watch(mark) if !self.watching.shards.contains_key(&key) => {
					let seat = self.shared.market.single(heads.finalized, shard).await?;
					self.watching.found.remove(rank);
					let Some(seat) = seat else { continue };
					if self.take_up(key, seat, mark, view).await? {
						break;
					}
				}
				_ => self.watching.found.remove(rank),
			}
		}
		Ok(())
	}

	/// Watches a shard from now on, if this machine can.
	async fn take_up(
		&mut self,
		key: SeatKey,
		seat: AssignmentView,
		mark: Mark,
		view: &View,
	) -> Result<bool, millrace_client::Error> {
		let config = &self.shared.config;
		let nature = self.shared.market.nature().await?;
		let machine = Machine {
			memory_pages: config.memory_pages,
			mgas: config.benchmark_mgas.filter(|_| nature.live),
			block_time: nature.block_time,
		};
		let left = mark.until.saturating_sub(view.best.now);
		if let Err(unfit) = fits(&seat, mark.claimed.gas_used, left, &machine) {
			tracing::debug!(shard = %key, %unfit, "not watched");
			return Ok(false);
		}
		let record = Record {
			first_task: seat.first_task,
			tasks: seat.tasks,
			terms: terms(&seat),
			..Record::default()
		};
		let watched = watched(seat, mark);
		if let Err(error) = self.shared.db.watch(key, &record, &watched) {
			self.shared.metrics.trouble.inc();
			tracing::error!(shard = %key, %error, "cannot keep what is to be watched");
			return Ok(false);
		}
		tracing::info!(
			shard = %key,
			seat = watched.target,
			tasks = watched.seat.tasks,
			until = watched.until,
			"one provider says what this shard comes to: watching it"
		);
		self.local.seats.insert(key, super::work_of(&record));
		self.watching.shards.insert(key, watched);
		Ok(true)
	}

	/// Whether a slot is left beside those of seats that are not sealed yet, and of what is computed again for a dispute.
	fn has_free_slot(&self, view: &View) -> bool {
		let computing = |key: &SeatKey| {
			let work = self.local.seats.get(key);
			work.is_some_and(|work| work.progress == Progress::Executing)
		};
		let seats = view.best.seats.iter();
		let used = seats.filter(|(key, seat)| {
			matches!(seat.state, Some(SeatState::Assigned | SeatState::Accepted)) || computing(key)
		});
		used.count() < usize::from(self.shared.config.slots)
	}

	/// Reads what is needed of what is watched, beside its cases at the best block.
	async fn look_at_watched(&mut self, view: &View, heads: Heads) -> Result<(), millrace_client::Error> {
		let account = self.account.clone();
		let (mut ended, mut wrong, mut over) = (Vec::new(), false, false);
		for (key, watched) in &mut self.watching.shards {
			let Some(room) = self.rooms.get(key).filter(|room| room.is_read()) else {
				continue;
			};
			let now = view.best.now;
			if let Some(until) = room.case().and_then(|case| window(case, now)) {
				watched.until = until;
			}
			let goes_on = |case: &CaseView| match watched.accused {
				// A board of its own that the best block shows is enough to go by, once it is final.
				Some(accused) => accused.included && boards_of(case, &account).next().is_some(),
				None => watched.is_open(case, now),
			};
			if !room.case().is_some_and(goes_on) {
				ended.push(*key);
			}
			over |= room.case().is_some_and(|case| case.stage == CaseStage::Ended);
			let executed = |work: &crate::decide::Work| work.progress == Progress::Executed;
			wrong |= watched.accused.is_none() && self.local.seats.get(key).is_some_and(executed);
		}
		self.watching.finalized.clear();
		for key in ended {
			let case = self.shared.market.case(heads.finalized, key.shard).await?;
			let finalized = Finalized {
				case,
				number: view.finalized.number,
				now: view.finalized.now,
			};
			self.watching.finalized.insert(key, finalized);
		}
		self.watching.purse = match wrong {
			true => Some(self.shared.market.purse(heads.best).await?),
			false => None,
		};
		self.watching.frozen = match wrong || over {
			true => self.shared.market.frozen(heads.best).await?,
			false => Vec::new(),
		};
		Ok(())
	}

	/// Does what is to be done about what is watched.
	pub(super) fn watch(&mut self) {
		let keys: Vec<SeatKey> = self.watching.keys().collect();
		for key in keys {
			if let Some(step) = self.next_step(key) {
				self.do_step(key, step);
			}
		}
	}

	fn next_step(&self, key: SeatKey) -> Option<Step> {
		let watched = self.watching.shards.get(&key)?;
		let room = self.rooms.get(&key).filter(|room| room.is_read())?;
		let work = self.local.seats.get(&key)?;
		let computed = self.secret(key).ok().flatten().map(|secret| secret.sealed.report);
		let finalized = self.watching.finalized.get(&key);
		let best = &self.view.best;
		let sight = Sight {
			watched,
			best: Seen {
				case: room.case(),
				number: best.number,
				now: best.now,
			},
			finalized: finalized.map(|seen| Seen {
				case: seen.case.as_ref(),
				number: seen.number,
				now: seen.now,
			}),
			progress: work.progress,
			computed,
			is_free: self.has_free_slot(&self.view),
			watches: self.watches(),
			account: &self.account,
			provider: self.provider.as_ref().map(|provider| &provider.id),
			is_frozen: self.watching.is_frozen(&watched.seat),
			purse: self.watching.purse,
			budget: self.shared.config.watch_budget,
			committed: self.watching.committed(),
		};
		decide(&sight, |kind| {
			may_submit(&self.view, &self.local, TxId::Seat(key, kind))
		})
	}

	fn do_step(&mut self, key: SeatKey, step: Step) {
		match step {
			Step::Fetch => self.start(key, Progress::Fetching, work::fetch),
			Step::Execute => self.start(key, Progress::Executing, work::execute),
			Step::Yield => self.cancel(key),
			Step::Accuse(bond) => self.accuse(key, bond),
			Step::Refuse(refusal) => self.refuse_to_accuse(key, refusal),
			Step::Confirm => self.confirm(key),
			Step::Retract => self.note_accused(key, None),
			Step::Pull(board) => self.submit(TxId::Seat(key, TxKind::Pull(board)), Tx::Pull(key.shard, board)),
			Step::Forget(why) => self.stop_watching(key, why),
		}
	}

	/// Accuses a seat, once that is noted: what is not noted might be said twice.
	fn accuse(&mut self, key: SeatKey, bond: Balance) {
		let Some(watched) = self.watching.shards.get(&key) else {
			return;
		};
		let Some(secret) = self.secret(key).ok().flatten() else {
			return;
		};
		let (target, claimed, computed) = (watched.target, watched.claimed, secret.sealed.report);
		if let Err(error) = self.shared.fetcher.check(key, &watched.seat) {
			// Who accuses and does not play has lost its bond.
			tracing::error!(shard = %key, %error, "a report is wrong, and is not accused before its data is here again");
			return self.start_over(key);
		}
		let (best, finalized) = (self.view.best.number, self.view.finalized.number);
		let valid = best.saturating_sub(finalized).saturating_mul(8);
		let accused = Accused {
			bond,
			until: best.saturating_add(valid.clamp(LEAST_VALID, MOST_VALID)),
			included: false,
		};
		self.note_accused(key, Some(accused));
		let noted = |watched: &Watched| watched.accused == Some(accused);
		if !self.watching.shards.get(&key).is_some_and(noted) {
			return;
		}
		tracing::warn!(
			shard = %key,
			seat = target,
			bond = format_amount(bond),
			reported = ?claimed,
			computed = ?computed,
			"a report is wrong: accusing it"
		);
		self.count("accused");
		let tx = Tx::Accuse(key.shard, target, computed, bond);
		self.submit(TxId::Seat(key, TxKind::Accuse), tx);
	}

	/// Keeps what is said about a shard, or that it was not. If it cannot be kept, nothing changes.
	fn note_accused(&mut self, key: SeatKey, accused: Option<Accused>) {
		match self.shared.db.accused(key, accused) {
			Ok(_) => {
				if let Some(watched) = self.watching.shards.get_mut(&key) {
					watched.accused = accused;
				}
			}
			Err(error) => {
				self.shared.metrics.trouble.inc();
				tracing::error!(shard = %key, %error, "cannot note what is said about a report");
			}
		}
	}

	/// Takes notice of what became of an accusation.
	pub(super) fn on_accused(&mut self, key: SeatKey, result: &Result<BlockNumber, SubmitError>) {
		match result {
			Ok(_) => self.confirm(key),
			// It may be there: the finalized chain shows its board, or that it cannot be any more.
			Err(SubmitError::Unknown(_)) => {}
			Err(_) => self.note_accused(key, None),
		}
	}

	/// Keeps that an accusation is final.
	fn confirm(&mut self, key: SeatKey) {
		let accused = self.watching.shards.get(&key).and_then(|watched| watched.accused);
		let included = accused.map(|accused| Accused {
			included: true,
			..accused
		});
		if included.is_some() {
			self.note_accused(key, included);
		}
	}

	fn refuse_to_accuse(&mut self, key: SeatKey, refusal: Refusal) {
		if self.watching.refused.insert(key, refusal) == Some(refusal) {
			return;
		}
		match refusal {
			Refusal::Budget { bond, left } => {
				self.count("refused");
				tracing::warn!(
					shard = %key,
					bond = format_amount(bond),
					left = format_amount(left),
					"a report is wrong, and is not accused: watch_budget leaves less than its bond"
				);
			}
			Refusal::Money { bond, free } => {
				self.count("refused");
				tracing::warn!(
					shard = %key,
					bond = format_amount(bond),
					free = format_amount(free),
					"a report is wrong, and is not accused: the operator has less than its bond"
				);
			}
			Refusal::Played => {
				tracing::info!(shard = %key, "a report is wrong, and somebody plays about it already: waiting for what comes of it");
			}
		}
	}

	fn stop_watching(&mut self, key: SeatKey, why: Why) {
		let kind = match why {
			Why::Same => "same",
			Why::Unfit => "unfit",
			Why::Closed => "closed",
			Why::Over => "over",
			Why::Off => "off",
		};
		if let Err(error) = self.forget(key) {
			self.shared.metrics.trouble.inc();
			tracing::error!(shard = %key, %error, "cannot forget what was watched; trying again with the next block");
			return;
		}
		self.count(kind);
		match why {
			Why::Same => tracing::info!(shard = %key, "it comes to what was reported"),
			Why::Unfit => {
				tracing::info!(shard = %key, "it cannot be watched: its data is not to be had, or does not run here")
			}
			Why::Closed => tracing::info!(shard = %key, "it cannot be attacked any more"),
			Why::Over => tracing::info!(shard = %key, "what it was accused of is settled"),
			Why::Off => tracing::info!(shard = %key, "not watched any more"),
		}
	}

	fn count(&self, kind: &'static str) {
		self.shared.metrics.watched.get_or_create(&Kind { kind }).inc();
	}
}
