//! A case with everybody's money beside it, as a chain would keep it.

#![allow(dead_code)]

use millrace_court::{
	case::{
		escrow, Account, Attacker, Bond, Case, Due, Error, Flow, How, Party, Purse, Reserve, Rules, Settlement, Stage,
		Times,
	},
	stakes::Params,
};
use millrace_primitives::{merkle::SumNode, AccountId, Balance, Hash, MarketBlock, Report};
use sp_runtime::{Perbill, Permill};
use std::collections::BTreeMap;

/// A hash of a text.
pub fn hash(text: &str) -> Hash {
	millrace_primitives::merkle::hash(text.as_bytes())
}

/// The rules of a shard with a cap of so many plancks, drawn one time in `inverse`. A unit of gas is worth a planck.
pub fn rules(cap: Balance, tasks: u32, inverse: u32) -> Rules {
	Rules {
		cap,
		gas: cap as u64,
		tasks,
		fee: Permill::from_percent(5),
		seat_fee: 10_000,
		p: Perbill::from_rational(1, inverse),
		stakes: Params {
			floor: 2_000_000,
			..Params::default()
		},
		times: Times::default(),
	}
}

/// A case and the money of all who take part.
pub struct Books {
	pub rules: Rules,
	pub case: Case,
	pub now: MarketBlock,
	escrow: Balance,
	net: BTreeMap<String, i128>,
	/// Boards of outsiders: who, the bond, the target, and how it was lost; those that put the target out are not kept.
	bonds: Vec<(String, Balance, u8, Option<How>)>,
	open: Vec<(String, Balance, u8)>,
	/// Who put a seat out, with its bond.
	removed: BTreeMap<u8, (String, Balance)>,
}

impl Books {
	/// A case of so many seats that sealed, of so many that were sold, all by their own bonds.
	pub fn new(rules: Rules, sold: u8, sealed: usize) -> Self {
		let own = rules.stakes.liability_at_seal(rules.cap, rules.p).unwrap();
		Self::with(rules, sold, sealed, own)
	}

	/// The same with as little of their own as they may.
	pub fn backed(rules: Rules, sold: u8, sealed: usize) -> Self {
		let own = rules.stakes.own_part(rules.cap, rules.p, rules.seat_fee).unwrap();
		Self::with(rules, sold, sealed, own)
	}

	fn with(rules: Rules, sold: u8, sealed: usize, own: Balance) -> Self {
		let party = |n: usize| Party {
			provider: AccountId::new([n as u8; 32]),
			ask: 1_000_000_000,
			p: rules.stakes.least,
			reserve: Reserve {
				own,
				backing: rules.stakes.liability_at_seal(rules.cap, rules.p).unwrap() - own,
			},
		};
		let escrow = escrow(&rules, sold).unwrap();
		Self {
			rules,
			case: Case::new((0..sealed).map(party).collect()).unwrap(),
			now: 1_000,
			escrow,
			net: BTreeMap::from([("client".to_string(), -(escrow as i128))]),
			bonds: Vec::new(),
			open: Vec::new(),
			removed: BTreeMap::new(),
		}
	}

	fn add(&mut self, name: &str, amount: i128) {
		*self.net.entry(name.into()).or_default() += amount;
	}

	pub fn due(&self) -> Due {
		self.case.due(&self.rules, self.now)
	}

	/// Lets time pass until something may happen by itself.
	pub fn pass(&mut self) {
		let next = match self.due() {
			Due::Wait(MarketBlock::MAX) => self.now + 1,
			Due::Wait(next) => next,
			Due::Staff { from, .. } if from > self.now => from,
			Due::Staff { .. } | Due::Draw | Due::Settle(_) => self.now + 1,
		};
		self.now = next.max(self.now + 1);
		self.case.advance(&self.rules, self.now);
	}

	pub fn draw(&mut self, drawn: bool, pair: bool) {
		self.case.draw(&self.rules, drawn, pair, self.now).unwrap();
	}

	/// Seats whoever is wanted.
	pub fn seat(&mut self) -> u8 {
		if let Due::Staff { from, .. } = self.due() {
			self.now = self.now.max(from);
		}
		let n = self.case.seats().len() as u8;
		let party = Party {
			provider: AccountId::new([n; 32]),
			ask: 1_000_000_000,
			p: Perbill::zero(),
			reserve: Reserve {
				own: self.rules.stakes.liability(self.rules.cap).unwrap(),
				backing: 0,
			},
		};
		self.case.seat(&self.rules, party, self.now).unwrap()
	}

	fn burn(&mut self, seat: u8, lost: Reserve) {
		self.add(&format!("seat {seat}"), -(lost.own as i128));
		self.add("burn", lost.own as i128);
	}

	pub fn miss(&mut self, seat: u8) {
		let lost = self.case.miss(&self.rules, seat, self.now).unwrap();
		self.burn(seat, lost);
	}

	pub fn decline(&mut self, seat: u8) {
		let lost = self.case.decline(&self.rules, seat, self.now).unwrap();
		self.burn(seat, lost);
	}

	pub fn call(&mut self, seat: u8) {
		self.case.call(&self.rules, seat, self.now).unwrap();
	}

	pub fn seal(&mut self, seat: u8) {
		self.case.seal(&self.rules, seat, self.now).unwrap();
	}

	pub fn reveal(&mut self, seat: u8, report: Option<Report>, leaves: Vec<SumNode>) {
		self.case.reveal(&self.rules, seat, report, leaves, self.now).unwrap();
	}

	/// Opens a board; returns the bond, which an outsider pays.
	pub fn attack(&mut self, by: Attacker, target: u8, name: String) -> Balance {
		let bond = self.case.attack(&self.rules, by, target, self.now).unwrap();
		if by == Attacker::Outsider {
			self.add(&name, -(bond as i128));
			self.open.push((name, bond, target));
		}
		bond
	}

	pub fn decide(&mut self, by: u8, target: u8, loser_is_by: bool, how: How) {
		self.case
			.decide(&self.rules, by, target, loser_is_by, how, self.now)
			.unwrap();
	}

	/// The target is out, or the outsider has lost, or the board has ended with the target.
	pub fn decide_outside(&mut self, name: &str, bond: Balance, target: u8, how: Result<How, Option<How>>) {
		let at = self.open.iter().position(|open| *open == (name.into(), bond, target));
		self.open.remove(at.expect("the board is open"));
		let account = AccountId::new([name.as_bytes()[1]; 32]);
		let (lost, how) = match how {
			Ok(how) => (true, how),
			Err(how) => (false, how.unwrap_or(How::Clock)),
		};
		let by = (account, bond);
		match self.case.decide_outside(&self.rules, by, target, lost, how, self.now) {
			Ok(Bond::Inside) => _ = self.removed.insert(target, (name.into(), bond)),
			Ok(Bond::Apart(how)) => self.bonds.push((name.into(), bond, target, how)),
			// The case has ended with the board's target.
			Err(error) => {
				assert_eq!(error, Error::Stage);
				self.bonds.push((name.into(), bond, target, None));
			}
		}
	}

	/// Settles, and gives back all that is left.
	pub fn settle(&mut self) -> Settlement {
		assert!(matches!(self.case.stage(), Stage::Ended(_)));
		let settlement = self.case.settle(&self.rules, self.escrow).expect("all are numbers");
		check_apart(&settlement);
		let mut reserves: Vec<Reserve> = self.case.seats().iter().map(|seat| seat.reserve).collect();
		let mut removed = self.removed.clone();
		for (name, bond, target, lost) in std::mem::take(&mut self.bonds) {
			let flows = self.case.settle_bond(&self.rules, target, lost, bond).unwrap();
			let mut left = bond;
			for (to, amount) in flows {
				left -= amount;
				let to = name_of(&to, &removed);
				self.add(&to, amount as i128);
			}
			self.add(&name, left as i128);
		}
		for flow in &settlement.flows {
			assert!(flow.amount > 0);
			match flow.from {
				Purse::Escrow => self.escrow -= flow.amount,
				Purse::Own(seat) => {
					reserves[usize::from(seat)].own -= flow.amount;
					self.add(&format!("seat {seat}"), -(flow.amount as i128));
				}
				Purse::Backing(seat) => {
					reserves[usize::from(seat)].backing -= flow.amount;
					self.add("backers", -(flow.amount as i128));
				}
				Purse::Bond(seat) => removed.get_mut(&seat).unwrap().1 -= flow.amount,
			}
			let to = name_of(&flow.to, &removed);
			self.add(&to, flow.amount as i128);
		}
		for (name, left) in removed.into_values() {
			self.add(&name, left as i128);
		}
		assert_eq!(self.escrow, 0);
		for (seat, paid) in settlement.paid.iter().enumerate() {
			let to = Account::Seat(seat as u8);
			let whole: Balance = settlement
				.flows
				.iter()
				.filter(|flow| flow.to == to)
				.map(|flow| flow.amount)
				.sum();
			assert!(whole >= *paid, "seat {seat} earned {paid} and has {whole}");
		}
		assert_eq!(self.net.values().sum::<i128>(), 0, "money is conserved");
		settlement
	}

	/// What each has won or lost, but for what burned.
	pub fn net(&self) -> BTreeMap<String, i128> {
		self.net
			.iter()
			.filter(|(name, _)| *name != "burn")
			.map(|(name, amount)| (name.clone(), *amount))
			.collect()
	}
}

fn name_of(account: &Account, removed: &BTreeMap<u8, (String, Balance)>) -> String {
	match account {
		Account::Client => "client".into(),
		Account::Seat(seat) => format!("seat {seat}"),
		Account::Outsider(seat) => removed[seat].0.clone(),
		Account::Fee | Account::Burn => "burn".into(),
	}
}

/// What waits for the enactment of verdicts and what does not are the same amounts out of each purse and to each account in the
/// end, the escrow is emptied at once, nobody's verdict pays anything before, and who computed again waits only for what the client
/// has not.
fn check_apart(settlement: &Settlement) {
	let (now, held) = settlement.apart();
	let sums = |flows: &[Flow]| {
		let mut sums: BTreeMap<String, Balance> = BTreeMap::new();
		for flow in flows {
			assert!(flow.amount > 0);
			*sums.entry(format!("from {:?}", flow.from)).or_default() += flow.amount;
			*sums.entry(format!("to {:?}", flow.to)).or_default() += flow.amount;
		}
		sums
	};
	let all: Vec<Flow> = now.iter().chain(&held).copied().collect();
	let whole = sums(&settlement.flows);
	let lent: Balance = now
		.iter()
		.filter(|flow| flow.from == Purse::Escrow && flow.work)
		.map(|flow| flow.amount)
		.sum();
	let works = settlement
		.flows
		.iter()
		.filter(|flow| flow.from == Purse::Escrow && flow.work);
	let lent = lent - works.map(|flow| flow.amount).sum::<Balance>();
	// What the client lends it has back out of the verdicts.
	let refund = |flows: &[Flow]| {
		let refunds = flows
			.iter()
			.filter(|flow| flow.from == Purse::Escrow && flow.to == Account::Client);
		refunds.map(|flow| flow.amount).sum::<Balance>()
	};
	assert_eq!(refund(&now) + lent, refund(&settlement.flows));
	assert_eq!(sums(&all), whole);
	for flow in &held {
		match flow.from {
			Purse::Own(seat) | Purse::Backing(seat) => assert!(settlement.guilty.contains(&seat)),
			Purse::Bond(_) => {}
			Purse::Escrow => panic!("the escrow waits for nobody"),
		}
		let waits = flow.work && flow.to != Account::Client;
		assert!(
			!waits || refund(&now) == 0,
			"who computed again waits though the client has more"
		);
	}
	for flow in &now {
		let of_guilty =
			matches!(flow.from, Purse::Own(seat) | Purse::Backing(seat) if settlement.guilty.contains(&seat));
		assert!(!of_guilty && !matches!(flow.from, Purse::Bond(_)));
	}
}
