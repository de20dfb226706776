//! What the court did about a job's shards, read from events, and what that costs whom by the rules of docs/court.md.

use millrace_client::{
	events::{Author, Court},
	Event,
};
use millrace_court::{
	case::{End, How, Kind},
	stakes::{largest_claim, Params},
};
use millrace_primitives::{
	money,
	params::{CourtParams, JobsParams},
	AccountId, Balance, Gas, Report, ShardId,
};
use std::collections::BTreeMap;

/// What is at stake in a shard of a development chain.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
	/// C: the most that a seat can earn by computing and by keeping outputs, in plancks.
	pub cap: Balance,
	params: Params,
	/// What is burned for each seat.
	pub seat_fee: Balance,
}

impl Terms {
	/// Of shards of so many tasks of so much gas and so many bytes of output each, at most at this price for 10^9 gas.
	pub fn new(price_cap: Balance, gas_limit: Gas, output: u32, tasks: u32) -> Self {
		let params = CourtParams::fast();
		let JobsParams {
			custody_period,
			storage_rate,
			..
		} = JobsParams::fast();
		let kept = money::storage_gas(output, custody_period, storage_rate);
		let cap = |gas| money::seat_cap(price_cap, gas, tasks).expect("no overflow");
		Self {
			cap: cap(gas_limit) + cap(kept),
			params: Params::from(&params),
			seat_fee: params.seat_fee,
		}
	}

	/// P\*, by what was claimed.
	pub fn largest(&self, claims: impl IntoIterator<Item = Balance>) -> Balance {
		largest_claim(claims, self.cap)
	}

	/// L1 of who has no history, which a guilty seat loses whose shard was drawn to be audited.
	pub fn at_seal(&self) -> Balance {
		self.params
			.liability_at_seal(self.cap, self.params.most)
			.expect("no overflow")
	}

	/// L2, to which that is lowered else; also the bond of who has no seat.
	pub fn after(&self, largest: Balance) -> Balance {
		self.params
			.liability_for(largest, self.cap, self.seat_fee)
			.expect("no overflow")
	}

	/// What a seat loses that is guilty.
	pub fn slash(&self, kind: Kind, audited: bool, largest: Balance) -> Balance {
		match (kind, audited) {
			(Kind::Primary, true) => self.at_seal(),
			(Kind::Primary, false) => self.after(largest).min(self.at_seal()),
			(Kind::Audit | Kind::Fresh, _) => self.of_drawn(),
		}
	}

	/// What a drawn seat reserves.
	fn of_drawn(&self) -> Balance {
		self.params.liability(self.cap).expect("no overflow")
	}

	/// What a seat loses that never seals.
	pub fn late(&self) -> Balance {
		self.params.late_slash(self.cap).expect("no overflow")
	}

	/// What a bought seat earns that is right and has no history, and the fee on it.
	pub fn pay(&self, ask: Balance, gas: Gas) -> (Balance, Balance) {
		let whole = money::payment(ask, gas).expect("no overflow").min(self.cap);
		let premium = self.params.premium(self.params.most, whole, self.seat_fee);
		let fee = money::fee(whole, JobsParams::fast().fee_share);
		(whole - premium.expect("no overflow"), fee)
	}
}

/// Who gets what of a liar's stake whose step was proven, when nothing had to be computed again.
#[derive(Clone, Debug)]
pub struct Shares {
	/// Who lost it.
	pub loser: AccountId,
	/// What it lost.
	pub slash: Balance,
	/// Who played it, and what that has.
	pub player: (AccountId, Balance),
	/// The audits that caught it.
	pub audits: Vec<AccountId>,
	/// What each of them has.
	pub audit: Balance,
	/// What the client has.
	pub client: Balance,
}

/// How a shard's case went.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
	/// Whether it was drawn to be audited.
	pub audited: bool,
	/// Who holds each seat, by its number.
	pub seats: Vec<(Kind, AccountId)>,
	/// Drawn seats that left unsealed, and what they lost.
	pub left: Vec<(AccountId, Balance)>,
	/// What was opened; of audits over their samples.
	pub opened: BTreeMap<AccountId, Report>,
	/// The decided boards: who lost to whom (nobody, if that has no seat), and how.
	pub lost: Vec<(AccountId, Option<AccountId>, How)>,
	/// How it ended.
	pub end: Option<End>,
	/// The report that was paid.
	pub report: Option<Report>,
	/// Who was guilty.
	pub guilty: Vec<AccountId>,
	/// Who was paid out of what the client holds.
	pub payments: Vec<(AccountId, Balance)>,
	/// Boards that are open: who attacks whom.
	boards: BTreeMap<u32, (Option<AccountId>, AccountId)>,
}

impl Verdict {
	/// Whether a report was accepted.
	pub fn is_accepted(&self) -> bool {
		matches!(self.end, Some(End::Accepted(_)))
	}

	/// Who was drawn to check it in this way.
	pub fn drawn(&self, kind: Kind) -> Vec<&AccountId> {
		let drawn = self.seats.iter().filter(|(of, _)| *of == kind);
		drawn.map(|(_, account)| account).collect()
	}

	/// P\*, if everybody asks this.
	pub fn largest(&self, terms: &Terms, ask: impl Fn(&AccountId) -> Balance) -> Balance {
		let claim =
			|(account, report): (_, &Report)| money::payment(ask(account), report.gas_used).expect("no overflow");
		terms.largest(self.opened.iter().map(claim))
	}

	/// What each bond lost by this case.
	pub fn losses(&self, terms: &Terms, ask: impl Fn(&AccountId) -> Balance) -> BTreeMap<AccountId, Balance> {
		let mut losses: BTreeMap<AccountId, Balance> = BTreeMap::new();
		let largest = self.largest(terms, ask);
		for (kind, account) in self.seats.iter().filter(|(_, account)| self.guilty.contains(account)) {
			*losses.entry(account.clone()).or_default() += terms.slash(*kind, self.audited, largest);
		}
		for (account, lost) in &self.left {
			*losses.entry(account.clone()).or_default() += lost;
		}
		losses
	}

	/// What became of the stakes of those whose step was proven, if the samples of audits had the lie in them or had not.
	pub fn shares(&self, terms: &Terms, ask: impl Fn(&AccountId) -> Balance, sampled: bool) -> Vec<Shares> {
		let largest = self.largest(terms, ask);
		let proven = self.lost.iter().filter(|(.., how)| *how == How::Step);
		let shares = proven.map(|(loser, winner, _)| {
			let seat = self.seats.iter().find(|(_, account)| account == loser);
			let kind = seat.expect("it has a seat").0;
			let slash = terms.slash(kind, self.audited, largest);
			let right = |audit: &&AccountId| self.opened.contains_key(*audit) && !self.guilty.contains(*audit);
			// Audits are for those who were bought.
			let audits: Vec<AccountId> = match kind {
				Kind::Primary if sampled => self.drawn(Kind::Audit).into_iter().filter(right).cloned().collect(),
				_ => Vec::new(),
			};
			let (quarter, replay) = (slash / 4, 7 * largest);
			let audit = quarter / (audits.len() as Balance).max(1);
			// An audit that played has a replay's price or its part of the quarter, whichever is more.
			let player = match winner {
				_ if audits.is_empty() => quarter.max(replay),
				Some(winner) if audits.contains(winner) => audit.max(replay) - audit,
				_ => replay,
			};
			Shares {
				loser: loser.clone(),
				slash,
				player: (winner.clone().expect("seats play here"), player),
				audit,
				audits,
				client: quarter,
			}
		});
		shares.collect()
	}

	/// What each provider gains by the case, and what the client has back of what the guilty lose, where every sample had the lie in
	/// it and whoever opened did so in time. The first of the guilty pays who computed again, which the client did before.
	/// Nobody is paid who is out.
	pub fn gains(&self, terms: &Terms, ask: impl Fn(&AccountId) -> Balance) -> (BTreeMap<AccountId, i128>, Balance) {
		let (largest, earned) = (self.largest(terms, &ask), self.earned(terms, &ask));
		let replay = 7 * largest;
		let lost = |account: &AccountId| self.lost.iter().find(|(loser, ..)| loser == account);
		let mut gains: BTreeMap<AccountId, i128> = BTreeMap::new();
		let mut gain = |account: &AccountId, amount: i128| *gains.entry(account.clone()).or_default() += amount;
		for (account, amount) in &earned {
			if lost(account).is_none() {
				gain(account, *amount as i128);
			}
		}
		for (account, amount) in &self.left {
			gain(account, -(*amount as i128));
		}
		let claims = self
			.drawn(Kind::Fresh)
			.into_iter()
			.filter_map(|account| earned.get(account));
		let mut work: Balance = claims.map(|claim| claim + terms.seat_fee).sum();
		let mut client = if self.guilty.is_empty() { 0 } else { work };
		let right = |audit: &&AccountId| self.opened.contains_key(*audit) && !self.guilty.contains(*audit);
		let audits: Vec<&AccountId> = self.drawn(Kind::Audit).into_iter().filter(right).collect();
		for (kind, account) in self.seats.iter().filter(|(_, account)| self.guilty.contains(account)) {
			let slash = terms.slash(*kind, self.audited, largest);
			gain(account, -(slash as i128));
			let rest = slash - std::mem::take(&mut work);
			let (player, step) = match lost(account) {
				Some((_, Some(winner), how)) if !self.guilty.contains(winner) => (Some(winner), *how == How::Step),
				_ => (None, false),
			};
			// Audits are for those who were bought.
			let audits: &[&AccountId] = if *kind == Kind::Primary { &audits } else { &[] };
			let each = rest / 4 / (audits.len() as Balance).max(1);
			audits.iter().for_each(|audit| gain(audit, each as i128));
			if let Some(player) = player {
				let played = match (audits.is_empty(), step) {
					(false, _) if audits.contains(&player) => each.max(replay) - each,
					(false, _) | (true, false) => replay,
					(true, true) => replay.max(rest / 4),
				};
				gain(player, played as i128);
			}
			if step {
				client += rest / 4;
			}
		}
		(gains, client)
	}

	/// What providers earned for right work, if they have no history: those who were bought that are right, and audits.
	pub fn earned(&self, terms: &Terms, ask: impl Fn(&AccountId) -> Balance) -> BTreeMap<AccountId, Balance> {
		let right = self.seats.iter().filter(|(_, account)| !self.guilty.contains(account));
		let earned = right.filter_map(|(kind, account)| {
			let (ask, gas) = (ask(account), self.opened.get(account)?.gas_used);
			let claim = money::payment(ask, gas).expect("no overflow").min(terms.cap);
			let earned = match kind {
				Kind::Primary => terms.pay(ask, gas).0,
				Kind::Audit | Kind::Fresh => claim,
			};
			Some((account.clone(), earned))
		});
		earned.collect()
	}

	fn account(&self, seat: u8) -> AccountId {
		self.seats[usize::from(seat)].1.clone()
	}

	fn take(&mut self, court: Court) {
		match court {
			Court::Drawn(audited) => self.audited = audited,
			Court::SeatDrawn(kind, account) => self.seats.push((kind, account)),
			Court::SeatLeft(account, lost) => self.left.push((account, lost)),
			Court::BoardOpened { board, by, target } => {
				let by = match by {
					Author::Seat(seat) => Some(self.account(seat)),
					Author::Outsider(_) => None,
				};
				self.boards.insert(board, (by, self.account(target)));
			}
			Court::BoardDecided {
				board,
				target_lost,
				how,
			} => {
				let (by, target) = self.boards.remove(&board).expect("it was opened");
				match (target_lost, by) {
					(true, by) => self.lost.push((target, by, how)),
					(false, Some(by)) => self.lost.push((by, Some(target), how)),
					(false, None) => {}
				}
			}
			Court::Decided { end, report, guilty } => {
				(self.end, self.report, self.guilty) = (Some(end), report, guilty);
			}
			Court::Begun(_)
			| Court::Unavailable(_)
			| Court::BondSettled { .. }
			| Court::VerdictHeld { .. }
			| Court::Enacted(..)
			| Court::Voided(..) => {}
		}
	}
}

/// What became of a job's shards, in their order.
pub fn verdicts(events: &[Event], job: u64) -> BTreeMap<u32, Verdict> {
	type Settled = (ShardId, Report, bool, [Balance; 6], Vec<(AccountId, Balance)>);
	let mut verdicts: BTreeMap<ShardId, Verdict> = BTreeMap::new();
	for event in events {
		if let Some((shard, court)) = event.court().expect("events are understood") {
			verdicts.entry(shard).or_default().take(court);
		} else if event.is("Attestations", "Sealed") {
			let (shard, seat, account): (ShardId, u8, AccountId) = event.decode().expect("Sealed is understood");
			// The first numbers are those of bought seats, as they sealed.
			let verdict = verdicts.entry(shard).or_default();
			if seat < 16 {
				verdict.seats.push((Kind::Primary, account));
			}
		} else if event.is("Attestations", "Revealed") {
			let (shard, _, account, report): (ShardId, u8, AccountId, Report) =
				event.decode().expect("Revealed is understood");
			verdicts.entry(shard).or_default().opened.insert(account, report);
		} else if event.is("Jobs", "ShardSettled") {
			let (shard, .., payments): Settled = event.decode().expect("ShardSettled is understood");
			verdicts.entry(shard).or_default().payments = payments;
		}
	}
	let of_job = verdicts.into_iter().filter(|(shard, _)| shard.job.0 == job);
	of_job.map(|(shard, verdict)| (shard.index, verdict)).collect()
}

/// What everybody's bond lost by a job's shards.
pub fn losses(
	verdicts: &BTreeMap<u32, Verdict>,
	terms: &Terms,
	ask: impl Fn(&AccountId) -> Balance,
) -> BTreeMap<AccountId, Balance> {
	let mut all: BTreeMap<AccountId, Balance> = BTreeMap::new();
	for verdict in verdicts.values() {
		for (account, lost) in verdict.losses(terms, &ask) {
			*all.entry(account).or_default() += lost;
		}
	}
	all
}

/// What each account was paid for keeping a job's outputs.
pub fn kept(events: &[Event], job: u64) -> BTreeMap<AccountId, Balance> {
	type Ended = (ShardId, Balance, Vec<(AccountId, Balance)>);
	let ended = events.iter().filter(|event| event.is("Jobs", "CustodyEnded"));
	let mut kept = BTreeMap::new();
	for (shard, _, storage) in ended.map(|event| event.decode::<Ended>().expect("CustodyEnded is understood")) {
		for (account, amount) in storage.into_iter().filter(|_| shard.job.0 == job) {
			*kept.entry(account).or_default() += amount;
		}
	}
	kept
}
