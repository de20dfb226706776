//! What everybody wins and loses, as a list of transfers that empties the escrow and touches nothing else than what the parties
//! of the case have reserved for it.
//!
//! Guilty is who opened something else than what is accepted, who opened nothing, who attacked a right report, and who claimed
//! a step that the machine does not make. Of each such reserve a replay is paid first, to who played it, and then the
//! recomputation; of the rest a quarter goes to who proved it (what a replay costs, if that is more), a quarter to the client if a
//! step proved it, and what is left burns. Who is right and was silent is not paid, and pays for the recomputation that it caused,
//! up to four claims.

use super::*;
use crate::stakes;
use alloc::vec::Vec;
use millrace_primitives::money::{fee, payment};

/// From where an amount is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purse {
	/// What the client holds for the shard.
	Escrow,
	/// What a seat reserved of its own bond.
	Own(u8),
	/// What a seat reserved of its backers'.
	Backing(u8),
	/// The bond of the outsider who put a seat out.
	Bond(u8),
}

/// Where an amount goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
	/// To the client, free of the case.
	Client,
	/// To a seat's provider.
	Seat(u8),
	/// To the outsider who put a seat out.
	Outsider(u8),
	/// To nobody, but for what the protocol keeps of its fee on what a primary seat earns.
	Fee,
	/// To nobody.
	Burn,
}

/// A transfer of an amount above 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow {
	/// From where.
	pub from: Purse,
	/// Where to.
	pub to: Account,
	/// How much.
	pub amount: Balance,
	/// Whether it pays for a recomputation.
	pub work: bool,
}

/// What a case comes to. What is left in reserves and bonds goes back to whose they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
	/// The transfers. They leave nothing in the escrow.
	pub flows: Vec<Flow>,
	/// The seats that are guilty.
	pub guilty: Vec<u8>,
	/// What each seat earns for its work, by its number; for points and reputation.
	pub paid: Vec<Balance>,
	/// The fee on what each primary seat earns, by its number.
	pub fees: Vec<Balance>,
}

impl Settlement {
	/// The transfers that are due at once, and those that wait until verdicts are enacted: what the guilty lose, and what those
	/// who put a right seat out do. Who computed again does not wait and depends on no verdict: what the escrow would give
	/// back to the client pays for that, and the client has it back out of the verdict. What the escrow lacks waits.
	pub fn apart(&self) -> (Vec<Flow>, Vec<Flow>) {
		let is_refund = |flow: &&Flow| flow.from == Purse::Escrow && flow.to == Account::Client;
		let refunds = self.flows.iter().filter(is_refund);
		let mut left = refunds.fold(0, |sum: Balance, flow| sum.saturating_add(flow.amount));
		let (mut now, mut held) = (Vec::new(), Vec::new());
		for flow in self.flows.iter().filter(|flow| !is_refund(flow)) {
			let waits = match flow.from {
				Purse::Own(seat) | Purse::Backing(seat) => self.guilty.contains(&seat),
				Purse::Bond(_) => true,
				Purse::Escrow => false,
			};
			if !waits {
				now.push(*flow);
				continue;
			}
			let lent = if flow.work { flow.amount.min(left) } else { 0 };
			left -= lent;
			let parts = [
				(&mut now, Purse::Escrow, flow.to, lent),
				(&mut held, flow.from, Account::Client, lent),
			];
			for (flows, from, to, amount) in parts {
				if amount > 0 {
					flows.push(Flow {
						from,
						to,
						amount,
						work: true,
					});
				}
			}
			if flow.amount > lent {
				held.push(Flow {
					amount: flow.amount - lent,
					..*flow
				});
			}
		}
		if left > 0 {
			now.push(Flow {
				from: Purse::Escrow,
				to: Account::Client,
				amount: left,
				work: false,
			});
		}
		(now, held)
	}
}

/// Purses that are being emptied.
struct Book {
	flows: Vec<Flow>,
	escrow: Balance,
	reserves: Vec<Reserve>,
	bonds: Vec<Balance>,
}

impl Book {
	fn purse(&mut self, purse: Purse) -> Option<&mut Balance> {
		match purse {
			Purse::Escrow => Some(&mut self.escrow),
			Purse::Own(seat) => self.reserves.get_mut(usize::from(seat)).map(|reserve| &mut reserve.own),
			Purse::Backing(seat) => self
				.reserves
				.get_mut(usize::from(seat))
				.map(|reserve| &mut reserve.backing),
			Purse::Bond(seat) => self.bonds.get_mut(usize::from(seat)),
		}
	}

	fn left(&mut self, purse: Purse) -> Balance {
		self.purse(purse).map_or(0, |left| *left)
	}

	/// Pays an amount, or what there is; returns how much.
	fn pay(&mut self, from: Purse, to: Account, amount: Balance) -> Balance {
		self.flow(from, to, amount, false)
	}

	fn flow(&mut self, from: Purse, to: Account, amount: Balance, work: bool) -> Balance {
		let Some(left) = self.purse(from) else { return 0 };
		let amount = amount.min(*left);
		*left -= amount;
		if amount > 0 {
			self.flows.push(Flow { from, to, amount, work });
		}
		amount
	}
}

/// Who proved a guilty seat wrong.
struct Provers {
	/// Who shares the quarter.
	first: Vec<Account>,
	/// Whether they are audits.
	by_audit: bool,
	/// Who replayed it and was not in vain, in the order in which they are paid.
	replayed: Vec<Account>,
}

/// The work of fresh seats that is still to be paid: out of what the guilty lose first, then of who was missing, and at last
/// of the escrow.
struct Work {
	due: Vec<(u8, Balance, Balance)>,
}

impl Work {
	fn left(&self) -> Balance {
		self.due.iter().fold(0, |sum: Balance, (_, pay, fee)| {
			sum.saturating_add(*pay).saturating_add(*fee)
		})
	}

	/// Pays for it out of a purse, no more than an amount; returns how much.
	fn pay(&mut self, book: &mut Book, from: Purse, most: Balance) -> Balance {
		let mut left = most;
		for (seat, pay, fee) in &mut self.due {
			for (amount, to) in [(pay, Account::Seat(*seat)), (fee, Account::Burn)] {
				let part = book.flow(from, to, (*amount).min(left), true);
				*amount -= part;
				left -= part;
			}
		}
		most - left
	}
}

impl Case {
	/// What the case comes to, out of what the client holds for the shard. `None` if it has not ended, or an amount is no
	/// number.
	pub fn settle(&self, rules: &Rules, escrow: Balance) -> Option<Settlement> {
		let Stage::Ended(end) = self.stage else { return None };
		let ends = Ends {
			case: self,
			rules,
			accepted: match end {
				End::Accepted(seat) => Some(seat),
				_ => None,
			},
			paid: match end {
				End::Accepted(seat) | End::Thin(seat) => Some(seat),
				_ => None,
			},
			largest: self.largest_claim(rules),
			end,
		};
		ends.settle(escrow)
	}

	/// What becomes of an outsider's bond whose board against a seat did not put that seat out: it was lost, or ended with the
	/// seat. What is not in a flow goes back. `None` if the case has not ended.
	pub fn settle_bond(
		&self,
		rules: &Rules,
		target: u8,
		lost: Option<How>,
		bond: Balance,
	) -> Option<Vec<(Account, Balance)>> {
		let Stage::Ended(end) = self.stage else { return None };
		let (proven, paid) = match end {
			End::Accepted(seat) => (true, Some(seat)),
			End::Thin(seat) => (false, Some(seat)),
			_ => (false, None),
		};
		let found = self.get(target).ok()?;
		let right = paid.is_some_and(|paid| self.is_right(paid, target));
		let guilty = self.is_guilty(end, target);
		// The largest claim may have grown since the bond was sized by it, to four replays at least.
		let claims = self.largest_claim(rules).saturating_mul(7).min(bond / 4);
		let mut flows = Vec::new();
		if lost == Some(How::Step) || (proven && right && found.out() != Some(How::Step)) {
			let (to_target, to_client) = shares(bond, claims, lost == Some(How::Step), guilty);
			flows.push((Account::Seat(target), to_target));
			flows.push((Account::Client, to_client));
			flows.push((Account::Burn, bond - to_target - to_client));
		} else if lost == Some(How::Clock)
			&& !proven
			&& found.is_standing()
			&& (paid.is_some() || found.kind == Kind::Audit)
		{
			flows.push((Account::Seat(target), claims));
		}
		flows.retain(|(_, amount)| *amount > 0);
		Some(flows)
	}

	/// Whether a seat says what this one says; of an audit, on its tasks.
	fn is_right(&self, report: u8, seat: u8) -> bool {
		let opened = self.get(seat).is_ok_and(|seat| seat.opened.is_some());
		opened && !self.differs(report, seat)
	}

	fn is_guilty(&self, end: End, number: u8) -> bool {
		let Ok(seat) = self.get(number) else { return false };
		if !seat.has_sealed() {
			return false;
		}
		let step = seat.out() == Some(How::Step);
		match end {
			End::Accepted(report) => step || !self.is_right(report, number),
			End::NoData => step,
			End::Thin(_) | End::Unresolved => step || (self.drawn && seat.opened.is_none()),
		}
	}
}

/// What the target of a false attack has of the bond, and the client: a quarter each, the target at least a replay, and without
/// a step no more than that.
fn shares(bond: Balance, replay: Balance, step: bool, target_is_guilty: bool) -> (Balance, Balance) {
	let quarter = if step { bond / 4 } else { (bond / 4).min(replay) };
	let target = if target_is_guilty {
		0
	} else {
		quarter.max(replay).min(bond)
	};
	(target, quarter.min(bond - target))
}

struct Ends<'a> {
	case: &'a Case,
	rules: &'a Rules,
	end: End,
	/// The seat whose report is accepted.
	accepted: Option<u8>,
	/// The seat whose report is paid.
	paid: Option<u8>,
	largest: Balance,
}

impl Ends<'_> {
	fn is_right(&self, seat: u8) -> bool {
		self.paid.is_some_and(|paid| self.case.is_right(paid, seat))
	}

	/// What a seat loses that is guilty.
	fn slash(&self, seat: &Seat) -> Option<Balance> {
		let (rules, stakes) = (self.rules, &self.rules.stakes);
		match seat.kind {
			Kind::Primary if self.case.drawn => stakes.liability_at_seal(rules.cap, rules.p),
			Kind::Primary => stakes.liability_for(self.largest, rules.cap, rules.seat_fee),
			Kind::Audit | Kind::Fresh => stakes.liability(rules.cap),
		}
	}

	/// What a replay and its fees cost at most: seven claims.
	fn replay(&self) -> Balance {
		self.largest.saturating_mul(7)
	}

	/// What a drawn seat earns: its claim, no more than C.
	fn earned(&self, seat: &Seat) -> Balance {
		seat.claim().unwrap_or(0).min(self.rules.cap)
	}

	fn settle(&self, escrow: Balance) -> Option<Settlement> {
		let case = self.case;
		let mut book = Book {
			flows: Vec::new(),
			escrow,
			reserves: case.seats.iter().map(|seat| seat.reserve).collect(),
			bonds: case
				.seats
				.iter()
				.map(|seat| match &seat.state {
					State::Out {
						by: By::Outsider { bond, .. },
						..
					} => *bond,
					_ => 0,
				})
				.collect(),
		};
		let guilty: Vec<u8> = case
			.numbered()
			.map(|(number, _)| number)
			.filter(|number| case.is_guilty(self.end, *number))
			.collect();
		let mut paid = Vec::from_iter(case.seats.iter().map(|_| 0));
		let mut fees = paid.clone();
		let drawn = case.numbered().filter(|(number, seat)| {
			seat.kind != Kind::Primary
				&& !seat.caller
				&& seat.is_standing()
				&& !guilty.contains(number)
				&& (self.accepted.is_none() || self.is_right(*number))
		});
		let (fresh, audits): (Vec<_>, Vec<_>) = drawn
			.map(|(number, seat)| (number, self.earned(seat), self.rules.seat_fee))
			.partition(|(number, ..)| case.get(*number).is_ok_and(|seat| seat.kind == Kind::Fresh));
		for (number, pay, _) in fresh.iter().chain(&audits) {
			if let Some(paid) = paid.get_mut(usize::from(*number)) {
				*paid = *pay;
			}
		}
		for (number, seat) in case.numbered().filter(|(_, seat)| seat.caller) {
			// Others of its round could fetch, or later ones.
			let fetched = case
				.numbered()
				.any(|(other, sealed)| sealed.has_sealed() && (other >= number || sealed.kind == seat.kind));
			if fetched && !guilty.contains(&number) {
				self.burn(number, self.rules.seat_fee.min(seat.reserve.own), &mut book);
			}
		}
		let mut work = Work { due: fresh };
		for number in &guilty {
			self.punish(*number, &guilty, &mut work, &mut book)?;
		}
		if self.accepted.is_none() {
			self.undecided(&guilty, &mut work, &mut book)?;
		}
		self.bonds(&guilty, &mut work, &mut book);
		self.missing(&guilty, &mut work, &mut book);
		let rest = work.left();
		work.pay(&mut book, Purse::Escrow, rest);
		for (number, pay, fee) in audits {
			book.pay(Purse::Escrow, Account::Seat(number), pay);
			book.pay(Purse::Escrow, Account::Burn, fee);
		}
		self.primaries(&guilty, (&mut paid, &mut fees), &mut book)?;
		let rest = book.escrow;
		book.pay(Purse::Escrow, Account::Client, rest);
		Some(Settlement {
			flows: book.flows,
			guilty,
			paid,
			fees,
		})
	}

	/// Takes what a guilty seat loses and shares it out.
	fn punish(&self, number: u8, guilty: &[u8], work: &mut Work, book: &mut Book) -> Option<()> {
		let seat = self.case.get(number).ok()?;
		let mut reserve = Reserve {
			own: book.left(Purse::Own(number)),
			backing: book.left(Purse::Backing(number)),
		};
		let taken = reserve.take(self.slash(seat)?);
		book.pay(Purse::Backing(number), Account::Burn, taken.backing);
		let provers = self.provers(number, guilty)?;
		let claims = self.replay();
		// A replay is paid whole, whatever the recomputation costs.
		let kept = match provers.replayed[..] {
			[] => 0,
			_ => claims.min(taken.own),
		};
		let purse = Purse::Own(number);
		let own = taken.own - work.pay(book, purse, taken.own - kept);
		let step = seat.out() == Some(How::Step);
		// Who was never on a board enriches nobody but the audit that caught it.
		let most = match (step, seat.played) {
			(true, _) => own,
			(false, true) => claims,
			(false, false) => 0,
		};
		let quarter = match provers.by_audit {
			// Of the whole slash, so that bribing the audit each time costs more than a lie brings.
			true => ((own + taken.backing) / 4).min(own),
			false => (own / 4).max(claims).min(most).min(own),
		};
		let each = quarter / (provers.first.len() as Balance).max(1);
		let mut owed: Vec<(Account, Balance)> = provers.replayed.iter().map(|account| (*account, claims)).collect();
		for first in provers.first {
			// Who replayed it and proved it has what is more.
			match owed.iter_mut().find(|(account, _)| *account == first) {
				Some((_, share)) => *share = each.max(*share),
				None => owed.push((first, each)),
			}
		}
		if step {
			owed.push((Account::Client, own / 4));
		}
		let mut left = own;
		for (to, share) in owed {
			left -= book.pay(purse, to, share.min(left));
		}
		book.pay(purse, Account::Burn, left);
		Some(())
	}

	/// Who proved a guilty seat wrong: the right audits (two share, callers last), else the right seat that won its board with it
	/// or was playing it when it went out, else the right fresh seat that opened first, else the outsider who put it out. And
	/// who replayed it: that seat, and the outsider who proved a step.
	fn provers(&self, number: u8, guilty: &[u8]) -> Option<Provers> {
		let case = self.case;
		let seat = case.get(number).ok()?;
		let innocent = |other: u8| other != number && !guilty.contains(&other) && self.is_right(other);
		let standing = |(other, seat): &(u8, &Seat)| seat.is_standing() && innocent(*other);
		let mut audits: Vec<(u8, &Seat)> = case
			.numbered()
			.filter(|(_, found)| seat.kind == Kind::Primary && found.kind == Kind::Audit && found.blind)
			.filter(standing)
			.filter(|(audit, _)| seat.opened.is_none() || case.differs(*audit, number))
			.collect();
		audits.sort_by_key(|(_, audit)| audit.caller);
		audits.truncate(2);
		let played = self.players(number, guilty).map(Account::Seat);
		let fresh = case
			.of(Kind::Fresh)
			.filter(standing)
			.min_by_key(|(_, seat)| seat.opened.as_ref().map(|opened| opened.at))
			.map(|(fresh, _)| Account::Seat(fresh));
		// Never somebody who is guilty itself.
		let is_guilty = |account: &AccountId| {
			let mut its = case.numbered().filter(|(_, seat)| seat.provider == *account);
			its.any(|(number, _)| guilty.contains(&number))
		};
		let (outsider, how) = match &seat.state {
			State::Out {
				by: By::Outsider { account, .. },
				first,
				..
			} if !is_guilty(account) => (Some(Account::Outsider(number)), Some(*first)),
			_ => (None, None),
		};
		let by_audit = !audits.is_empty();
		let first: Vec<Account> = match by_audit {
			true => audits.into_iter().map(|(audit, _)| Account::Seat(audit)).collect(),
			false => played.or(fresh).or(outsider).into_iter().collect(),
		};
		let by_step = outsider.filter(|_| how == Some(How::Step));
		Some(Provers {
			first,
			by_audit,
			replayed: played.into_iter().chain(by_step).collect(),
		})
	}

	/// The seat that won its board with a guilty one, or else was playing it when it went out. A step needs no accepted report.
	fn players(&self, number: u8, guilty: &[u8]) -> Option<u8> {
		let case = self.case;
		let stands = |seat: &u8| case.get(*seat).is_ok_and(Seat::is_standing) && !guilty.contains(seat);
		let won = || {
			case.duels.iter().filter_map(|duel| {
				let lost = duel.end.filter(|lost| lost.how.is_some())?;
				let (loser, winner) = if lost.by {
					(duel.by, duel.target)
				} else {
					(duel.target, duel.by)
				};
				(loser == number).then_some(winner).filter(stands)
			})
		};
		let step = case.get(number).is_ok_and(|seat| seat.out() == Some(How::Step));
		let ended = || {
			let ended = |duel: &&Duel| duel.target == number && duel.end.is_some_and(|lost| lost.how.is_none());
			case.duels.iter().filter(ended).map(|duel| duel.by).filter(stands)
		};
		won()
			.find(|winner| self.is_right(*winner))
			.or_else(|| won().next().filter(|_| step))
			.or_else(|| ended().find(|by| self.is_right(*by)))
			.or_else(|| ended().next().filter(|_| step))
	}

	/// Where nothing is proven: who lost a board by its clock to a seat that stands, or was out by another clock while that seat
	/// played it, pays it for a replay. In a shard that was drawn, who contradicts an audit that stands and was silent or out by
	/// its clock loses all that is at stake. A drawn seat that never opened loses what one that never sealed does.
	fn undecided(&self, guilty: &[u8], work: &mut Work, book: &mut Book) -> Option<()> {
		let (case, rules) = (self.case, self.rules);
		for duel in &case.duels {
			let Some(Lost { by, how }) = duel.end else { continue };
			let (loser, winner) = if by {
				(duel.by, duel.target)
			} else {
				(duel.target, duel.by)
			};
			let winning = case.get(winner).ok()?;
			// Its friend's board must not save it the price.
			let by_clock = how.or(case.get(loser).ok()?.out()) == Some(How::Clock);
			let trusted = winning.is_standing() && (self.paid.is_some() || winning.kind == Kind::Audit);
			if by_clock && trusted && !guilty.contains(&loser) {
				book.pay(Purse::Own(loser), Account::Seat(winner), self.replay());
			}
		}
		for (number, seat) in case.numbered().filter(|(number, _)| !guilty.contains(number)) {
			let primary = seat.kind == Kind::Primary;
			let against = || {
				case.numbered()
					.any(|(audit, seat)| seat.kind == Kind::Audit && seat.is_standing() && case.differs(audit, number))
			};
			let amount = match self.end {
				// Nobody but those who lie about fetching can bring this about for who serves: five owners in a row.
				End::NoData if primary && case.drawn && seat.has_sealed() => {
					let p = Balance::from(rules.p.deconstruct().max(1));
					rules.cap.checked_mul(1_000_000_000)?.div_ceil(p)
				}
				End::Thin(_) | End::Unresolved if primary && case.drawn && seat.is_missing() && against() => {
					self.slash(seat)?
				}
				_ if !primary && seat.state == State::Silent && seat.opened.is_none() => {
					rules.stakes.late_slash(rules.cap)?
				}
				_ => continue,
			};
			// What burns pays for the recomputation first.
			let paid = work.pay(book, Purse::Own(number), amount);
			self.burn(number, amount - paid, book);
		}
		Some(())
	}

	fn burn(&self, seat: u8, amount: Balance, book: &mut Book) {
		let own = book.pay(Purse::Own(seat), Account::Burn, amount);
		book.pay(Purse::Backing(seat), Account::Burn, amount - own);
	}

	/// The bonds of outsiders who put a right seat out by its clock: they pay for the recomputation that this caused.
	fn bonds(&self, guilty: &[u8], work: &mut Work, book: &mut Book) {
		for (number, seat) in self.case.numbered() {
			let State::Out {
				how: How::Clock,
				by: By::Outsider { bond, .. },
				..
			} = &seat.state
			else {
				continue;
			};
			if self.accepted.is_none() || !self.is_right(number) {
				continue;
			}
			let rest = *bond - work.pay(book, Purse::Bond(number), *bond);
			let replay = self.replay().min(*bond / 4);
			let (to_target, to_client) = shares(rest, replay, false, guilty.contains(&number));
			book.pay(Purse::Bond(number), Account::Seat(number), to_target);
			book.pay(Purse::Bond(number), Account::Client, to_client);
			book.pay(Purse::Bond(number), Account::Burn, rest - to_target - to_client);
		}
	}

	/// Who was silent or out by its clock pays for the recomputation, at most four claims, in equal parts but for what a purse
	/// lacks, which the others pay.
	fn missing(&self, guilty: &[u8], work: &mut Work, book: &mut Book) {
		let owing = self.case.numbered();
		let owing = owing.filter(|(number, seat)| !guilty.contains(number) && seat.is_missing());
		let most = self.largest.saturating_mul(4);
		let mut owing: Vec<(Balance, u8)> = owing
			.map(|(number, _)| (book.left(Purse::Own(number)).min(most), number))
			.collect();
		owing.sort();
		let mut others = owing.len() as Balance;
		for (most, number) in owing {
			work.pay(book, Purse::Own(number), work.left().div_ceil(others).min(most));
			others -= 1;
		}
	}

	/// Pays those who were sold to the client and are right.
	fn primaries(&self, guilty: &[u8], (paid, fees): (&mut [Balance], &mut [Balance]), book: &mut Book) -> Option<()> {
		let rules = self.rules;
		for (number, seat) in self.case.of(Kind::Primary) {
			if self.is_right(number) && !guilty.contains(&number) {
				let gas = seat.report()?.gas_used;
				let whole = payment(seat.ask, gas)?.min(rules.cap);
				let pay = whole.checked_sub(rules.stakes.premium(seat.p, whole, rules.seat_fee)?)?;
				let burned = fee(whole, rules.fee);
				if seat.is_standing() {
					let at = usize::from(number);
					let parts = [
						(Account::Seat(number), pay, &mut *paid),
						(Account::Fee, burned, &mut *fees),
					];
					for (to, amount, kept) in parts {
						let amount = book.pay(Purse::Escrow, to, amount);
						if let Some(kept) = kept.get_mut(at) {
							*kept = amount;
						}
					}
				} else {
					// Nobody gains by its silence.
					book.pay(Purse::Escrow, Account::Burn, whole.checked_add(burned)?);
				}
			}
			if seat.has_sealed() {
				book.pay(Purse::Escrow, Account::Burn, rules.seat_fee);
			}
		}
		Some(())
	}
}

/// What a client holds for a shard: for each primary seat the most that it can earn, the fee on that and the seat's fee, and the
/// advance. `None` if it is no number.
pub fn escrow(rules: &Rules, seats: u8) -> Option<Balance> {
	let seat = rules
		.cap
		.checked_add(fee(rules.cap, rules.fee))?
		.checked_add(rules.seat_fee)?;
	seat.checked_mul(seats.into())?
		.checked_add(stakes::advance(rules.cap, rules.fee, rules.seat_fee)?)
}
