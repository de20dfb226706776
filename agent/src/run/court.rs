//! Doing what [`court`](crate::court) decides: reading cases, thinking in tasks of their own, submitting.

use super::{Agent, Event, Secret, Shared};
use crate::{
	config::Config,
	court::{
		decide::{decide, Room as Seen, Step},
		news::{news, News},
		think::{answer, opening, player, NoMove, Question, Room as Memory, Sources, PAGE},
		view::{is_disputed, parts, seat_of, Party, Turn},
		watch::{is_due, Read},
	},
	decide::{may_submit, Attempt, Local, Progress, TxId, View},
	exec::{play::Player, replay::Input, Stop},
	market::{Heads, Market, Tx},
	metrics::Kind,
	seat::{SeatKey, TxKind},
	units::format_amount,
};
use millrace_court::board::Move;
use millrace_primitives::{
	api::{AssignmentView, CaseView},
	job::SeatState,
	AccountId, BlockNumber, MarketBlock, ENGINE_VERSION,
};
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::Arc,
};

/// After so many blocks a move that could not be found is looked for again; longer each time.
const RETRY: BlockNumber = 8;
/// So many times longer each time where what was computed cannot be defended: it hardly comes to something else.
const PATIENCE: BlockNumber = 8;

/// What the agent has of a case that it is a party of.
#[derive(Default)]
pub(super) struct Room {
	read: Option<Read>,
	case: Option<CaseView>,
	/// As the chain listed it last: its list may be cut off.
	seat: Option<AssignmentView>,
	thinking: BTreeMap<Turn, Thinking>,
	/// The moves that were found, for positions that the chain still shows.
	answers: BTreeMap<Turn, Move>,
	stuck: BTreeMap<Turn, Stuck>,
	/// Whether it was said that the chain has another report.
	mistrusted: bool,
}

impl Room {
	/// Whether it is known if there is a case.
	pub fn is_read(&self) -> bool {
		self.read.is_some()
	}

	/// The case, as it was last seen.
	pub fn case(&self) -> Option<&CaseView> {
		self.case.as_ref()
	}
}

/// A move that is being looked for. Whoever gives it up need not wait for it.
struct Thinking {
	/// Which task is replayed for it, counted from the shard's first.
	task: u32,
	run: u64,
	stop: Stop,
}

impl Drop for Thinking {
	fn drop(&mut self) {
		self.stop.request();
	}
}

/// A move that was not found.
#[derive(Clone, Copy)]
struct Stuck {
	until: BlockNumber,
	/// The pause before that.
	pause: BlockNumber,
}

/// A run between two moves.
pub(super) struct Kept {
	player: Player,
	/// Whether a move came out of it: the next ones need no long replay.
	quick: bool,
}

/// How looking for a move ended.
pub(super) struct Thought {
	pub key: SeatKey,
	run: u64,
	turn: Turn,
	task: u32,
	/// Who played, to go on with.
	player: Option<Player>,
	result: Result<Move, NoMove>,
}

/// A move that is to be looked for; what is looked for first is less. What came to nothing before is looked for last, and what is
/// watched after seats.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
	tried: bool,
	watched: bool,
	due: MarketBlock,
	key: SeatKey,
	turn: Turn,
}

/// Bytes that the runs that are kept may take: a quarter of the memory that is sold.
pub(super) fn allowance(config: &Config) -> u64 {
	let slot = u64::from(config.memory_pages).saturating_mul(PAGE);
	slot.saturating_mul(config.slots.into()) / 4
}

/// Who the agent is to the court.
#[derive(Clone)]
struct Me {
	/// Its operator, who accuses.
	account: AccountId,
	provider: Option<AccountId>,
}

impl Me {
	/// As whom it takes part in a case; none if its provider has no seat there.
	fn party<'a>(&'a self, key: SeatKey, case: &CaseView) -> Option<Party<'a>> {
		if key.is_watched() {
			return Some(Party::Outsider(&self.account));
		}
		let seat = seat_of(case, self.provider.as_ref()?)?;
		Some(Party::Seat(seat.number))
	}
}

impl<M: Market> Agent<M> {
	fn me(&self) -> Me {
		Me {
			account: self.account.clone(),
			provider: self.provider.as_ref().map(|provider| provider.id.clone()),
		}
	}

	/// Reads the cases of revealed seats and of what is watched, as far as that is due. Without them work goes on.
	pub(super) async fn look_at_cases(&mut self, view: &View, heads: Heads) {
		let revealed =
			|key: &SeatKey| view.best.seats.get(key).map(|seat| seat.state) == Some(Some(SeatState::Revealed));
		if view.best.complete {
			self.rooms.retain(|key, _| key.is_watched() || revealed(key));
		}
		let me = self.me();
		// A page that is not complete says nothing of those that it does not list: their cases go on.
		let unlisted = |key: &SeatKey| !view.best.seats.contains_key(key);
		let mut keys: BTreeSet<SeatKey> = self.rooms.keys().copied().filter(unlisted).collect();
		keys.extend(view.best.seats.keys().copied().filter(revealed));
		keys.extend(self.watching.keys());
		for key in keys {
			let room = self.rooms.entry(key).or_default();
			if !is_due(heads.best, room.read) {
				continue;
			}
			let watched = self.watching.seat(key);
			if let Some(seat) = view.best.seats.get(&key).cloned().or(watched) {
				room.seat = Some(seat);
			}
			match self.shared.market.case(heads.best, key.shard).await {
				Ok(case) => {
					let party = case.as_ref().and_then(|case| me.party(key, case));
					if let (Some(case), Some(party)) = (&case, party) {
						for news in news(room.case.as_ref(), case, party) {
							tell(&self.shared, key, case, news);
						}
					}
					let disputed = case.as_ref().zip(party).map(|(case, party)| is_disputed(case, party));
					room.read = Some(Read {
						head: heads.best,
						disputed: disputed.unwrap_or(false),
					});
					room.case = case;
				}
				Err(error) => tracing::warn!(seat = %key, %error, "cannot see its case, trying again"),
			}
		}
		let open = self.rooms.iter().filter_map(|(key, room)| {
			let case = room.case.as_ref()?;
			Some(parts(case, me.party(*key, case)?).count())
		});
		let open: usize = open.sum();
		self.shared.metrics.boards.set(i64::try_from(open).unwrap_or(i64::MAX));
	}

	/// The revealed seats of which what they were computed from is needed.
	pub(super) fn disputed(&self) -> BTreeSet<SeatKey> {
		let disputed = |room: &Room| room.read.is_some_and(|read| read.disputed);
		let rooms = self.rooms.iter().filter(|(_, room)| disputed(room));
		rooms.map(|(key, _)| *key).collect()
	}

	/// Does what is to be done about each case.
	pub(super) fn attend(&mut self) {
		let me = self.me();
		let keys: Vec<SeatKey> = self.rooms.keys().copied().collect();
		let mut wanted = BTreeSet::new();
		for key in keys {
			for step in self.steps(key, &me) {
				match step {
					Step::Think(turn) => wanted.extend(self.wanted(key, turn)),
					step => self.take(key, step),
				}
			}
		}
		let played: BTreeSet<(SeatKey, u32)> = self
			.rooms
			.iter()
			.flat_map(|(key, room)| {
				let boards = room.case.iter().flat_map(|case| &case.boards);
				boards.filter_map(|board| Some((*key, board.task?)))
			})
			.collect();
		self.runs.retain(|run| played.contains(&run));
		for Wanted { key, turn, .. } in wanted {
			self.think(key, turn);
		}
	}

	fn wanted(&self, key: SeatKey, turn: Turn) -> Option<Wanted> {
		let room = self.rooms.get(&key)?;
		let board = room
			.case
			.as_ref()?
			.boards
			.iter()
			.find(|board| board.number == turn.board)?;
		Some(Wanted {
			tried: room.stuck.contains_key(&turn),
			watched: key.is_watched(),
			due: board.due,
			key,
			turn,
		})
	}

	fn steps(&mut self, key: SeatKey, me: &Me) -> Vec<Step> {
		let secret = self.secret(key).ok().flatten();
		let sealed = secret.map(|secret| secret.sealed.report);
		let work = self.local.seats.get(&key);
		let computed = work.is_some_and(|work| work.progress == Progress::Executed);
		let Some(room) = self.rooms.get_mut(&key) else {
			return Vec::new();
		};
		let Some(case) = &room.case else {
			return Vec::new();
		};
		let party = me.party(key, case);
		let theirs = match party {
			Some(Party::Seat(number)) => case.seats.iter().find(|seat| seat.number == number),
			_ => None,
		};
		let theirs = theirs.and_then(|seat| seat.report);
		let same = theirs.is_none() || theirs == sealed;
		if computed && !same && !room.mistrusted {
			room.mistrusted = true;
			tracing::error!(
				seat = %key,
				"the chain has another report of this seat than this agent computed; it is not defended"
			);
		}
		// What the chain does not show any more will not come back, but after a reorganisation: then it is found again.
		let shown: BTreeSet<Turn> = party
			.map(|party| parts(case, party).map(|part| part.turn()).collect())
			.unwrap_or_default();
		room.answers.retain(|turn, _| shown.contains(turn));
		room.stuck.retain(|turn, _| shown.contains(turn));
		let answers = room.answers.keys().copied().collect();
		let thinking = room
			.thinking
			.iter()
			.map(|(turn, thinking)| (*turn, thinking.task))
			.collect();
		let stuck = room.stuck.iter().map(|(turn, stuck)| (*turn, stuck.until)).collect();
		let seen = Seen {
			case,
			party,
			now: self.view.best.now,
			best: self.view.best.number,
			ready: computed && same,
			thinking: &thinking,
			answers: &answers,
			stuck: &stuck,
		};
		let (view, local): (&View, &Local) = (&self.view, &self.local);
		decide(&seen, |kind| may_submit(view, local, TxId::Seat(key, kind)))
	}

	fn take(&mut self, key: SeatKey, step: Step) {
		let shard = key.shard;
		match step {
			Step::Play(turn) => {
				let found = self.rooms.get(&key).and_then(|room| room.answers.get(&turn));
				if let Some(action) = found.cloned() {
					let id = TxId::Seat(key, TxKind::Play(turn.board, turn.position));
					self.submit(id, Tx::Play(shard, turn.board, Box::new(action)));
				}
			}
			Step::Time(board) => self.submit(TxId::Seat(key, TxKind::Time(board)), Tx::Time(shard, board)),
			Step::Attack(target) => {
				let id = TxId::Seat(key, TxKind::Attack(target));
				if !may_submit(&self.view, &self.local, id) {
					return;
				}
				if let Err(error) = self.can_play(key) {
					self.shared.metrics.trouble.inc();
					tracing::error!(seat = %key, target, %error, "another report contradicts this one, and it is not attacked yet");
					let until = self.view.best.number.saturating_add(RETRY);
					self.local.attempts.insert(id, Attempt::Backoff { until });
					if matches!(error, NoMove::Lost(_)) {
						self.start_over(key);
					}
					return;
				}
				tracing::warn!(seat = %key, target, "another report contradicts this one: attacking it");
				self.submit(id, Tx::Attack(shard, target));
			}
			Step::Stop(turn) => {
				let room = self.rooms.get(&key);
				if let Some(thinking) = room.and_then(|room| room.thinking.get(&turn)) {
					// It comes back with the player.
					thinking.stop.request();
				}
			}
			Step::Open(turn) => self.open(key, turn),
			Step::Think(turn) => self.think(key, turn),
		}
	}

	/// Whether a seat could play what an attack leads to: who attacks and does not answer has lost its stake.
	fn can_play(&self, key: SeatKey) -> Result<(), NoMove> {
		let seat = self.rooms.get(&key).and_then(|room| room.seat.as_ref());
		let seat = seat.ok_or_else(|| NoMove::Wrong("the chain does not list it".into()))?;
		if seat.engine != ENGINE_VERSION {
			return Err(NoMove::Wrong(format!(
				"version {} of the machine is not known here",
				seat.engine
			)));
		}
		let lost = |error: std::io::Error| NoMove::Lost(error.to_string());
		self.shared.fetcher.check(key, seat).map_err(lost)
	}

	/// What is to be found for a turn that the chain shows.
	fn question(&self, key: SeatKey, turn: Turn) -> Option<(Question, Option<u32>)> {
		let me = self.me();
		let case = self.rooms.get(&key)?.case.as_ref()?;
		let part = parts(case, me.party(key, case)?).find(|part| part.turn() == turn)?;
		let question = Question {
			turn,
			board: part.board.board.clone(),
			side: part.side,
		};
		Some((question, part.board.task))
	}

	/// Opens a node of a tree, at once: nothing is replayed for it.
	fn open(&mut self, key: SeatKey, turn: Turn) {
		let Some(secret) = self.secret(key).ok().flatten() else {
			return;
		};
		let Some((question, _)) = self.question(key, turn) else {
			return;
		};
		let seat = self.rooms.get(&key).and_then(|room| room.seat.as_ref());
		let Some(found) = seat.map(|seat| opening(seat, &secret.outcomes, &question)) else {
			return;
		};
		let is_found = found.is_ok();
		self.found(key, turn, found);
		if is_found {
			self.take(key, Step::Play(turn));
		}
	}

	/// Looks for a move in a task of its own, if there is room for its run: quick ones have their room already.
	fn think(&mut self, key: SeatKey, turn: Turn) {
		let Some(secret) = self.secret(key).ok().flatten() else {
			return;
		};
		let Some((question, Some(task))) = self.question(key, turn) else {
			return;
		};
		let Some(room) = self.rooms.get_mut(&key) else { return };
		let Some(seat) = room.seat.clone() else { return };
		if room.stuck.contains_key(&turn) {
			// What came to nothing before begins anew.
			self.runs.remove((key, task));
		}
		let quick = self.runs.get((key, task)).is_some_and(|kept| kept.quick);
		let thinkers = match key.is_watched() {
			true => &self.shared.onlookers,
			false => &self.shared.thinkers,
		};
		let permit = match quick {
			true => None,
			// Whoever waits is asked for again as soon as one is done, the most urgent first.
			false => match thinkers.clone().try_acquire_owned() {
				Ok(permit) => Some(permit),
				Err(_) => return,
			},
		};
		let player = self.runs.take((key, task)).map(|kept| kept.player);
		self.next_run += 1;
		let (run, stop) = (self.next_run, Stop::new());
		let thinking = Thinking {
			task,
			run,
			stop: stop.clone(),
		};
		room.thinking.insert(turn, thinking);
		tracing::debug!(seat = %key, board = turn.board, task, quick, "looking for a move");
		let shared = self.shared.clone();
		tokio::spawn(async move {
			let worker = shared.clone();
			let looked = tokio::task::spawn_blocking(move || {
				// As long as its run takes memory.
				let _permit = permit;
				let mut player = match player {
					Some(player) => player,
					None => match new_player(&worker, key, &seat, &secret) {
						Ok(player) => player,
						Err(error) => return (None, Err(error)),
					},
				};
				let result = answer(&mut player, &question, &stop);
				(Some(player), result)
			});
			let (player, result) = match looked.await {
				Ok(looked) => looked,
				Err(error) => (None, Err(NoMove::Wrong(format!("it was cut off: {error}")))),
			};
			// Nobody listens any more while the agent shuts down.
			let _ = shared.sender.send(Event::Thought(Box::new(Thought {
				key,
				run,
				turn,
				task,
				player,
				result,
			})));
		});
	}

	pub(super) fn on_thought(&mut self, thought: Thought) {
		let Thought {
			key,
			run,
			turn,
			task,
			player,
			result,
		} = thought;
		let room = self.rooms.get_mut(&key);
		let Some(room) = room.filter(|room| room.thinking.get(&turn).is_some_and(|thinking| thinking.run == run))
		else {
			self.runs.remove((key, task));
			return;
		};
		room.thinking.remove(&turn);
		let is_kept = !matches!(result, Err(NoMove::Lost(_) | NoMove::Spoiled(_)));
		match (player.filter(|_| is_kept), &room.seat) {
			(Some(player), Some(seat)) => {
				let bytes = Memory::of(seat, allowance(&self.shared.config)).bytes();
				// What cannot be defended was replayed too, and its other boards need not replay it.
				let quick = !matches!(result, Err(NoMove::Stopped));
				self.runs.put((key, task), bytes, Kept { player, quick });
			}
			_ => self.runs.remove((key, task)),
		}
		self.found(key, turn, result);
	}

	/// Keeps a move, or does something about there being none.
	fn found(&mut self, key: SeatKey, turn: Turn, result: Result<Move, NoMove>) {
		let Some(room) = self.rooms.get_mut(&key) else { return };
		let error = match result {
			Ok(action) => {
				room.stuck.remove(&turn);
				room.answers.insert(turn, action);
				return;
			}
			Err(NoMove::Stopped) => return,
			Err(error) => error,
		};
		self.shared.metrics.trouble.inc();
		tracing::error!(seat = %key, board = turn.board, %error, "no move was found");
		let wrong = matches!(error, NoMove::Wrong(_));
		let growth = if wrong { PATIENCE } else { 2 };
		let pause = match room.stuck.get(&turn) {
			Some(stuck) => stuck.pause.saturating_mul(growth),
			None if wrong => RETRY.saturating_mul(PATIENCE),
			None => RETRY,
		};
		let until = self.view.best.number.saturating_add(pause);
		room.stuck.insert(turn, Stuck { until, pause });
		if wrong {
			return;
		}
		if matches!(error, NoMove::Spoiled(_)) {
			if let Some(seat) = &room.seat {
				self.shared.fetcher.doubt(seat);
			}
			if let Err(error) = self.shared.fetcher.clear(key) {
				tracing::error!(seat = %key, %error, "cannot remove what is spoiled");
			}
		}
		// What is missing is fetched and computed again, and then defended.
		self.start_over(key);
	}

	/// Has the work on a seat begin anew, with what there is of it.
	pub(super) fn start_over(&mut self, key: SeatKey) {
		let work = self.local.seats.get_mut(&key);
		if let Some(work) = work.filter(|work| work.progress == Progress::Executed) {
			work.progress = Progress::New;
		}
	}
}

/// Who plays for a seat, from what there is of its work.
fn new_player<M: Market>(
	shared: &Arc<Shared<M>>,
	key: SeatKey,
	seat: &AssignmentView,
	secret: &Secret,
) -> Result<Player, NoMove> {
	let lost = |error: std::io::Error| NoMove::Lost(error.to_string());
	let module = shared.fetcher.read_program(seat).map_err(lost)?;
	let module = module.ok_or_else(|| NoMove::Lost("the stored program is damaged".into()))?;
	let (image, setup) = shared.fetcher.read_image_and_setup(seat).map_err(lost)?;
	let sources = Sources {
		module,
		image,
		setup,
		outcomes: secret.outcomes.to_vec(),
	};
	let (fetcher, of) = (shared.clone(), seat.clone());
	let Memory { snapshots, .. } = Memory::of(seat, allowance(&shared.config));
	player(seat, sources, snapshots, move |task| {
		Ok(Input {
			bytes: Arc::new(fetcher.fetcher.read_input(key, task)?),
			proof: fetcher.fetcher.read_proof(key, &of, task)?,
		})
	})
}

/// Tells the operator, and counts.
fn tell<M: Market>(shared: &Shared<M>, key: SeatKey, case: &CaseView, news: News) {
	let count = |kind| {
		shared.metrics.verdicts.get_or_create(&Kind { kind }).inc();
	};
	match news {
		News::Opened {
			board,
			attacked,
			stake,
			first,
		} => {
			let role = match (key.is_watched(), attacked) {
				(true, _) => "was accused by this agent",
				(false, true) => "is attacked",
				(false, false) => "attacks",
			};
			let stake = format_amount(stake);
			match first {
				true => tracing::warn!(
					seat = %key,
					board,
					stake,
					next = case.next,
					"the court plays about this shard: the seat {role}. Keep this agent running and its node reachable: who \
					 does not move in time is out"
				),
				false => tracing::info!(seat = %key, board, stake, "another board: the seat {role}"),
			}
		}
		News::Won(board) => {
			count("won");
			match key.is_watched() {
				true => tracing::info!(seat = %key, board, "a board is over, and who was accused is out"),
				false => tracing::info!(seat = %key, board, "a board is over, and the seat stands"),
			}
		}
		News::Lost(board) => {
			count("lost");
			match key.is_watched() {
				true => tracing::error!(
					seat = %key,
					board,
					"a board is over, and who was accused stands; if it is confirmed, this machine computes wrongly and the bond is lost"
				),
				false => tracing::warn!(seat = %key, board, "a board is over, and the seat is out"),
			}
		}
		News::Out { by_step, stake } => {
			let stake = format_amount(stake);
			match by_step {
				true => tracing::error!(
					seat = %key,
					stake,
					"the court found that this report is wrong; this machine computes wrongly, take it out of service"
				),
				false => tracing::error!(seat = %key, stake, "the seat was put out: its time on a board was over"),
			}
		}
	}
}
