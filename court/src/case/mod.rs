//! A case: all that is said about one shard from the moment at which nobody may seal it any more, and what comes of it.
//!
//! ```text
//!  Drawing ─ not drawn ───────────────► Opening ─► Judging ─ one stands, confirmed ─► Ended: Accepted
//!     └──── drawn ─► Auditing ─ sealed ───┘ ▲         │ └── nobody can confirm it ──► Ended: Thin, Unresolved
//!                        └ nobody can fetch │         └ somebody is missing
//!                          ► Ended: NoData  └─ sealed ─ Recomputing ─ nobody can fetch ─► Ended: NoData
//! ```
//!
//! *Primary* seats were sold to the client; *audit* seats compute a sample, drawn by chance and before anybody opens; *fresh*
//! seats compute all of it again, drawn because something is wrong. All of them seal blind and open together. A board (see
//! [`crate::board`]) puts one account out; it never makes a report right. A report is accepted if it is the only one that
//! stands and, where somebody was silent or put out, if fresh seats sealed the same.
//!
//! Time decides as an event does: each call first lets everything happen that was due by then. Who goes out undefended does so
//! at the block at which it was due; what gives parties time begins when a call finds it, so that calling late takes nobody's.
//! [`Case::due`] says what the chain must do next, and [`Case::advance`] is anybody's to call.
//!
//! Whoever keeps a case gives it the same [`Rules`] from its first call to its last, whatever the chain's parameters become, and
//! compares reserves before and after each call: what is not reserved any more is free.

mod decide;
mod money;
mod seats;
mod sides;

pub use money::{escrow, Account, Flow, Purse, Settlement};
pub use seats::Party;
pub use sides::{Attacker, Bond};

use crate::{draw::MAX_SAMPLE, stakes};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::{merkle::SumNode, money::payment, AccountId, Balance, Gas, MarketBlock, Report};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec, Perbill, Permill};

/// The most seats of a case: 7 that were sold, 4 audits, 5 fresh ones, and [`MAX_CALLS`] that could not fetch.
pub const MAX_SEATS: u32 = 26;
/// The most audit seats that are drawn.
pub const MAX_AUDITS: u8 = 4;
/// The most fresh seats that are drawn.
pub const MAX_FRESH: u8 = 5;
/// The most seats that may say that they cannot fetch.
pub const MAX_CALLS: u8 = 10;
/// So many of them in a row, and nobody who seals, are believed.
pub const MAX_STREAK: u8 = 5;
/// The most boards between seats: one for each two, since one of them is out after it.
pub const MAX_DUELS: u32 = MAX_SEATS * (MAX_SEATS - 1) / 2;

/// What is known of a shard's case from the start and never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Rules {
	/// C: the most that a primary seat can earn, above 0.
	pub cap: Balance,
	/// The most gas that a report may claim: a task's limit times the tasks.
	pub gas: Gas,
	/// Tasks of the shard, above 0.
	pub tasks: u32,
	/// The share that is burned on top of what a primary seat earns.
	pub fee: Permill,
	/// What is burned for each seat.
	pub seat_fee: Balance,
	/// The probability with which this shard is drawn.
	pub p: Perbill,
	/// What is at stake.
	pub stakes: stakes::Params,
	/// How long things take.
	pub times: Times,
}

/// How long things take, in market blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Times {
	/// Opening what was sealed.
	pub opening: MarketBlock,
	/// Attacking what was opened, if several opened and all the same; else it takes so long at least.
	pub equal_window: MarketBlock,
	/// Attacking what was opened, else, at least. Also what a side has to name another player.
	pub window: MarketBlock,
	/// After so long, seats that cannot be filled are given up.
	pub staffing: MarketBlock,
	/// What is waited after a fresh seat was silent, so that silencing all of them must last.
	pub pause: MarketBlock,
	/// How long an honest client may take to serve what seats cannot fetch.
	pub serving: MarketBlock,
}

impl Default for Times {
	/// Of blocks of three seconds: half an hour, five minutes, half an hour, eight hours, a day, a week.
	fn default() -> Self {
		Self {
			opening: 600,
			equal_window: 100,
			window: 600,
			staffing: 9_600,
			pause: 28_800,
			serving: 201_600,
		}
	}
}

/// What a seat is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Kind {
	/// The client buys it.
	Primary,
	/// It computes a sample, because the shard was drawn.
	Audit,
	/// It computes the shard again, because something is wrong.
	Fresh,
}

/// What a seat has reserved for this case. A slash takes from these two amounts and nothing else.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Reserve {
	/// Of its own bond. Taken first.
	pub own: Balance,
	/// Of its backers'. What is taken burns.
	pub backing: Balance,
}

impl Reserve {
	/// Both.
	pub fn total(&self) -> Balance {
		self.own.saturating_add(self.backing)
	}

	/// Takes an amount, or what there is, own first.
	fn take(&mut self, amount: Balance) -> Self {
		let own = amount.min(self.own);
		let backing = (amount - own).min(self.backing);
		self.own -= own;
		self.backing -= backing;
		Self { own, backing }
	}

	/// Keeps no more than an amount, own first.
	fn shrink(&mut self, amount: Balance) {
		self.own = self.own.min(amount);
		self.backing = self.backing.min(amount - self.own);
	}
}

/// How somebody went out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum How {
	/// Its time ended. It may be right all the same.
	Clock,
	/// It claimed a step that the machine does not make. It is guilty, whatever is accepted.
	Step,
}

/// Who put a seat out.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum By {
	/// Nobody of its side played in time.
	Nobody,
	/// Another seat, by its number.
	Seat(u8),
	/// Somebody with a bond.
	Outsider {
		/// Who.
		account: AccountId,
		/// The bond.
		bond: Balance,
	},
}

/// Where a seat is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum State {
	/// It has not sealed yet.
	Working,
	/// It said that it cannot fetch what it needs; it may still seal.
	Calling,
	/// It never sealed.
	Away,
	/// It has sealed and not opened.
	Sealed,
	/// It has opened in time.
	Standing,
	/// It has not opened in time.
	Silent,
	/// It was put out.
	Out {
		/// How; a step that it shows later counts more than the clock by which it went out.
		how: How,
		/// How it went out at first.
		first: How,
		/// By whom at first.
		by: By,
	},
}

/// What a seat has opened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Opened {
	/// Its report; audits have none.
	pub report: Option<Report>,
	/// Its outcomes of the sampled tasks, in their order; none if the shard was not drawn.
	pub leaves: BoundedVec<SumNode, ConstU32<MAX_SAMPLE>>,
	/// When.
	pub at: MarketBlock,
}

/// A seat.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Seat {
	/// What it is for.
	pub kind: Kind,
	/// Who holds it; holds no other of the case.
	pub provider: AccountId,
	/// What it takes for 10^9 gas.
	pub ask: Balance,
	/// The probability with which its own work is audited, for which its pay is lowered; primary seats only.
	pub p: Perbill,
	/// What it has at stake.
	pub reserve: Reserve,
	/// Where it is.
	pub state: State,
	/// What it has opened.
	pub opened: Option<Opened>,
	/// Whether it called for what it could not fetch: it is neither counted nor paid.
	pub caller: bool,
	/// Whether it sealed in its own round, before anybody of that round opened.
	pub blind: bool,
	/// The last market block in which others may attack what it opened; once it is out, in which its side may name another
	/// player.
	pub window: MarketBlock,
	/// Undecided boards of outsiders against it.
	pub attacks: u32,
	/// Whether it was a party of a board that was decided, or another seat's target when it went out.
	pub played: bool,
}

impl Seat {
	/// Whether its report can become the accepted one.
	pub fn is_standing(&self) -> bool {
		self.state == State::Standing
	}

	/// The report that it has opened.
	pub fn report(&self) -> Option<Report> {
		self.opened.as_ref().and_then(|opened| opened.report)
	}

	/// What it claims, once it has opened: its ask for the gas that it found; an audit's for the gas of its tasks.
	fn claim(&self) -> Option<Balance> {
		let opened = self.opened.as_ref()?;
		let sample = || {
			opened
				.leaves
				.iter()
				.fold(0, |sum: Gas, leaf| sum.saturating_add(leaf.gas))
		};
		let gas = opened.report.map_or_else(sample, |report| report.gas_used);
		Some(payment(self.ask, gas).unwrap_or(Balance::MAX))
	}

	fn out(&self) -> Option<How> {
		match self.state {
			State::Out { how, .. } => Some(how),
			_ => None,
		}
	}

	/// Whether it was silent, or is out by its clock.
	fn is_missing(&self) -> bool {
		self.state == State::Silent || self.out() == Some(How::Clock)
	}

	/// Whether it is to open what it sealed to the end of a market block at which openings end.
	fn is_to_open_by(&self, until: MarketBlock) -> bool {
		self.state == State::Sealed && self.window <= until
	}

	/// Whether it sealed, whatever became of it.
	fn has_sealed(&self) -> bool {
		!matches!(self.state, State::Working | State::Calling | State::Away)
	}
}

/// A board between two seats.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Duel {
	/// Who attacked.
	pub by: u8,
	/// Whom.
	pub target: u8,
	/// How it ended.
	pub end: Option<Lost>,
}

/// How a board between two seats ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Lost {
	/// Whether the attacker lost and not the target.
	pub by: bool,
	/// How; `None` if the target was out by another board.
	pub how: Option<How>,
}

/// How far a case is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Stage {
	/// Nobody knows yet whether it is drawn.
	Drawing,
	/// Audits are wanted, or at work.
	Auditing {
		/// How many are to be drawn in all, callers aside.
		wanted: u8,
		/// Since when one is missing.
		since: MarketBlock,
	},
	/// Seats open what they sealed, to the end of this market block.
	Opening {
		/// That block.
		until: MarketBlock,
	},
	/// Reports are attacked.
	Judging,
	/// Fresh seats are wanted, or at work.
	Recomputing {
		/// How many are to be drawn in all, callers aside.
		wanted: u8,
		/// From when on the next may be drawn, and since when it is missing.
		since: MarketBlock,
	},
	/// Nothing changes any more.
	Ended(End),
}

/// How a case ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum End {
	/// This seat's report is what the tasks yield.
	Accepted(u8),
	/// This seat's report is paid, as nobody is left who says otherwise; it proves nothing.
	Thin(u8),
	/// No machine could decide.
	Unresolved,
	/// Nobody who was to check could fetch what it needed.
	NoData,
}

/// What the chain must do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
	/// [`Case::draw`], once the number is there.
	Draw,
	/// Draw seats and [`Case::seat`] them, from this market block on.
	Staff {
		/// Of this kind.
		kind: Kind,
		/// So many.
		seats: u8,
		/// Not before this market block.
		from: MarketBlock,
		/// It is given up after this one.
		until: MarketBlock,
	},
	/// Nothing before this market block, unless somebody acts; the largest one if nothing happens by itself.
	Wait(MarketBlock),
	/// [`Case::settle`].
	Settle(End),
}

/// Why something cannot be done now. It changes nothing but what was due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
	/// It is another stage's.
	Stage,
	/// There is no such seat, or it is in another state.
	Seat,
	/// What is opened has not the form that it must have here, or claims more gas than the tasks may use.
	Form,
	/// The two do not differ, or their sides have a board already that is enough, or it is the other's turn to open one.
	Enough,
	/// It may not be attacked any more.
	Late,
	/// There is no room for more.
	Full,
	/// An amount is no number.
	Amount,
}

/// A case.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Case {
	stage: Stage,
	drawn: bool,
	/// Whether no audit could be had: no points and no reputation follow from the case.
	thin: bool,
	/// How many outcomes are compared with audits.
	sample: u8,
	seats: BoundedVec<Seat, ConstU32<MAX_SEATS>>,
	duels: BoundedVec<Duel, ConstU32<MAX_DUELS>>,
	/// Whether there was any board.
	contested: bool,
	/// When the reports of primary seats were due.
	opened: MarketBlock,
	/// Seats of this round that could not fetch, in a row, and the first one's market block.
	streak: u8,
	calling_since: MarketBlock,
	/// The market block of the first call of all.
	first_call: Option<MarketBlock>,
	/// Whether the client has said since the last call that nobody is to wait for it.
	served: bool,
	/// Whether no more fresh seats are drawn.
	spent: bool,
}

impl Case {
	/// Where it is.
	pub const fn stage(&self) -> &Stage {
		&self.stage
	}

	/// Whether it was drawn to be audited.
	pub const fn is_drawn(&self) -> bool {
		self.drawn
	}

	/// Whether nothing but money may follow from it: it was drawn and nobody audited it.
	pub const fn is_thin(&self) -> bool {
		self.thin
	}

	/// Whether points and reputation may follow from it: two seats at least that did not know of each other say what is
	/// accepted, and an audit that was drawn is not missing. What a single seat says that nobody audited is paid and no more.
	pub fn is_counted(&self) -> bool {
		let Stage::Ended(End::Accepted(report)) = self.stage else {
			return false;
		};
		let say = self
			.numbered()
			.filter(|(number, seat)| seat.is_standing() && !seat.caller && !self.differs(report, *number));
		!self.thin && say.count() > 1
	}

	/// Its seats. Their numbers never change.
	pub fn seats(&self) -> &[Seat] {
		&self.seats
	}

	/// Boards between seats.
	pub fn duels(&self) -> &[Duel] {
		&self.duels
	}

	fn numbered(&self) -> impl Iterator<Item = (u8, &Seat)> {
		(0..).zip(self.seats.iter())
	}

	fn seat_mut(&mut self, seat: u8) -> Result<&mut Seat, Error> {
		self.seats.get_mut(usize::from(seat)).ok_or(Error::Seat)
	}

	fn get(&self, seat: u8) -> Result<&Seat, Error> {
		self.seats.get(usize::from(seat)).ok_or(Error::Seat)
	}

	/// Seats of a kind that count: callers do not.
	fn of(&self, kind: Kind) -> impl Iterator<Item = (u8, &Seat)> {
		self.numbered()
			.filter(move |(_, seat)| seat.kind == kind && !seat.caller)
	}

	fn count(&self, kind: Kind) -> u8 {
		self.of(kind).count() as u8
	}
}
