//! Where charges go and how much they take.
//!
//! A charge costs three native instructions, so few and large ones are wanted. An instruction's cost belongs to the
//! innermost open *region*. A region begins at a *head*, where its charge is taken, and lasts to the end of the
//! innermost construct around the head. Heads are
//!
//! - the function's entry and the start of each loop's body: *fixed*, charged whenever the head is passed;
//! - the start of an `if`'s arm, the point after a `br_if`, and the point after a construct's `end` that control may
//!   miss (because the construct's last instruction never falls through or something in it branches further out):
//!   *candidates*, merged into the region around them if they cost at most [`cost::MERGE`]. Of two arms that are both
//!   merged, the more expensive one counts; so it does of the code before and after the end of a block, if control
//!   gets past the end only by branches from before both (the cases of a `switch`).
//!
//! A loop that calls something and that only one `br_if` repeats *turns at its end*: its first pass is paid with the
//! region around it, which cannot miss it, and the charge stands between the `br_if`'s condition and its jump.
//!
//! A head comes before each instruction of its region on every path (of a loop that turns at its end: the head around
//! it on the first pass, its own on the others): control enters a sequence of instructions only at
//! its start, and regions are runs of such a sequence (with everything nested in it that is no region itself). A head
//! also lies on every cycle through its region's instructions: a cycle goes through a loop's start; if that loop lies
//! inside the region its body is a region of its own, else it contains the head. Merging keeps both, since the parent's
//! head stands in the same relation to the child's head.

use super::cost;

/// The function body as a stack of constructs, and the regions found so far.
pub(super) struct Regions {
	regions: Vec<Region>,
	open: Vec<usize>,
	constructs: Vec<Construct>,
	/// What was told since the start, if costs are still to come.
	told: Option<Vec<Told>>,
}

/// What the regions are told, one after the other.
enum Told {
	Cost(u64),
	/// A cost that is known only at the end, by its number.
	Later(usize),
	Enter(Kind, u64),
	Branch(u32),
	Repeat(u32),
	Call,
	Candidate,
	Turn(bool),
	Leave(bool),
}

struct Region {
	cost: u64,
	fixed: bool,
	/// What the region around it pays already for code that never runs together with this one.
	credit: u64,
	/// It is merged if it costs no more than this, or than the credit.
	most: u64,
	/// Of a loop: its charge is taken where it is repeated.
	turns_at_end: bool,
}

impl Region {
	fn charge(&self) -> u64 {
		match self.cost {
			0 => 0,
			cost => cost.saturating_add(cost::CHARGE),
		}
	}
}

/// What opened a construct.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
	Block,
	Loop,
	/// An `if` before its `else`.
	Then,
	Else,
}

struct Construct {
	kind: Kind,
	/// How many regions are open around it.
	around: usize,
	/// The outermost construct that something in it branches to, by its number from the function inwards.
	reach: usize,
	/// Whether its then-arm does not fall through.
	dead_arm: bool,
	/// The cost of its then-arm if that is merged.
	merged_arm: u64,
	/// Whether something branches to its end from a candidate that began in it.
	rejoined: bool,
	/// Operands that a branch to it takes along.
	operands: u64,
	/// The region that began with it.
	head: Option<Head>,
	/// How many branches go to its label, and how many of them may carry its charge.
	branches: u32,
	repeats: u32,
	/// Whether something in it is called.
	calls: bool,
}

/// A region's number.
pub(super) type Head = usize;

impl Regions {
	/// A function's body, with its results; it has one construct, of which branches leave the function.
	pub fn new(results: u64) -> (Self, Head) {
		let mut regions = Self {
			regions: Vec::new(),
			open: Vec::new(),
			constructs: Vec::new(),
			told: None,
		};
		let head = regions.begin(true, 0);
		regions.push(Kind::Block, results, None);
		(regions, head)
	}

	/// Keeps what is told from here on, so that costs can be told [`Regions::later`]. Comes first.
	pub fn keep(&mut self) {
		self.told = Some(Vec::new());
	}

	fn tell(&mut self, what: Told) {
		if let Some(told) = &mut self.told {
			match (told.last_mut(), &what) {
				(Some(Told::Cost(all)), Told::Cost(more)) => *all = all.saturating_add(*more),
				_ => told.push(what),
			}
		}
	}

	/// Adds a cost that is known only at the end.
	pub fn later(&mut self, number: usize) {
		self.tell(Told::Later(number));
	}

	/// Adds the costs that are known by now. The heads stay.
	pub fn settle(&mut self, results: u64, cost: impl Fn(usize) -> u64) {
		let Some(told) = self.told.take() else { return };
		(*self, _) = Self::new(results);
		for what in told {
			match what {
				Told::Cost(cost) => self.add(cost),
				Told::Later(number) => self.add(cost(number)),
				Told::Enter(kind, operands) => _ = self.enter(kind, operands),
				Told::Branch(label) => self.branch(label),
				Told::Repeat(label) => _ = self.repeat(label),
				Told::Call => self.call(),
				Told::Candidate => _ = self.candidate(),
				Told::Turn(falls_through) => _ = self.turn(falls_through),
				Told::Leave(falls_through) => _ = self.leave(falls_through),
			}
		}
	}

	fn begin(&mut self, fixed: bool, credit: u64) -> Head {
		self.open.push(self.regions.len());
		self.regions.push(Region {
			cost: 0,
			fixed,
			credit,
			most: cost::MERGE,
			turns_at_end: false,
		});
		self.regions.len() - 1
	}

	fn push(&mut self, kind: Kind, operands: u64, head: Option<Head>) {
		self.constructs.push(Construct {
			kind,
			around: self.open.len() - usize::from(head.is_some()),
			reach: self.constructs.len(),
			dead_arm: false,
			merged_arm: 0,
			rejoined: false,
			operands,
			head,
			branches: 0,
			repeats: 0,
			calls: false,
		});
	}

	/// Open constructs.
	pub fn depth(&self) -> usize {
		self.constructs.len()
	}

	/// Adds a cost to the innermost region.
	pub fn add(&mut self, cost: u64) {
		self.tell(Told::Cost(cost));
		self.pay(cost);
	}

	fn pay(&mut self, cost: u64) {
		if let Some(region) = self.open.last().and_then(|open| self.regions.get_mut(*open)) {
			region.cost = region.cost.saturating_add(cost);
		}
	}

	/// Enters a block, loop or `if`. Loops and arms begin a region.
	pub fn enter(&mut self, kind: Kind, operands: u64) -> Option<Head> {
		self.tell(Told::Enter(kind, operands));
		let head = match kind {
			Kind::Block => None,
			Kind::Loop => Some(self.begin(true, 0)),
			Kind::Then | Kind::Else => Some(self.begin(false, 0)),
		};
		self.push(kind, operands, head);
		head
	}

	/// Notes a call of a function of the module.
	pub fn call(&mut self) {
		self.tell(Told::Call);
		if let Some(construct) = self.constructs.last_mut() {
			construct.calls = true;
		}
	}

	/// Asks, before a `br_if` is told, whether it may carry the charge of the loop that it repeats.
	pub fn repeat(&mut self, label: u32) -> Option<Head> {
		self.tell(Told::Repeat(label));
		let number = self.constructs.len().checked_sub(1 + label as usize)?;
		let construct = self.constructs.get_mut(number)?;
		if construct.kind != Kind::Loop || construct.operands > 0 {
			return None;
		}
		construct.repeats += 1;
		construct.head
	}

	/// The operands that a branch to this label takes along.
	pub fn operands(&self, label: u32) -> u64 {
		self.construct(label).map_or(0, |construct| construct.operands)
	}

	fn construct(&self, label: u32) -> Option<&Construct> {
		let number = self.constructs.len().checked_sub(1 + label as usize)?;
		self.constructs.get(number)
	}

	/// Notes a branch to a label.
	pub fn branch(&mut self, label: u32) {
		self.tell(Told::Branch(label));
		let target = self.constructs.len().saturating_sub(1 + label as usize);
		if let Some(construct) = self.constructs.get_mut(target) {
			construct.branches += 1;
			construct.rejoined |= self.open.len() > construct.around;
		}
		if let Some(construct) = self.constructs.last_mut() {
			construct.reach = construct.reach.min(target);
		}
	}

	/// Begins a candidate at this point of the innermost construct.
	pub fn candidate(&mut self) -> Head {
		self.tell(Told::Candidate);
		self.begin(false, 0)
	}

	/// Ends the innermost region. What the region around it pays for it then, what it paid already included, and how
	/// much of that is new.
	fn finish(&mut self) -> (u64, u64) {
		let Some(region) = self.open.pop().and_then(|open| self.regions.get_mut(open)) else {
			return (0, 0);
		};
		if region.turns_at_end {
			return (region.cost, region.cost);
		}
		if region.fixed || region.cost > region.credit.max(region.most) {
			return (region.credit, 0);
		}
		let cost = std::mem::take(&mut region.cost);
		(cost.max(region.credit), cost.saturating_sub(region.credit))
	}

	/// Ends regions until so many are open. What the last one pays for those that it opened.
	fn finish_to(&mut self, open: usize) -> u64 {
		let mut paid = 0;
		while self.open.len() > open {
			let (all, new) = self.finish();
			self.pay(new);
			paid = all;
		}
		paid
	}

	/// Passes the `else` of the innermost construct, after an arm that falls through or not.
	pub fn turn(&mut self, falls_through: bool) -> Option<Head> {
		self.tell(Told::Turn(falls_through));
		if falls_through {
			// The jump over the other arm.
			self.pay(cost::branch(0));
		}
		let around = self.constructs.last()?.around;
		self.finish_to(around + 1);
		let (merged, _) = self.finish();
		let construct = self.constructs.last_mut()?;
		construct.kind = Kind::Else;
		construct.dead_arm = !falls_through;
		construct.merged_arm = merged;
		Some(self.begin(false, 0))
	}

	/// Leaves the innermost construct; a candidate begins after it if control may miss that point.
	pub fn leave(&mut self, falls_through: bool) -> Option<Head> {
		self.tell(Told::Leave(falls_through));
		let construct = self.constructs.pop()?;
		let mut credit = 0;
		match construct.kind {
			Kind::Then | Kind::Else => {
				self.finish_to(construct.around + 1);
				let (merged, _) = self.finish();
				self.pay(merged.max(construct.merged_arm));
			}
			Kind::Block => {
				let paid = self.finish_to(construct.around);
				// Control comes here only by branches from before those candidates, or not after them.
				if !falls_through && !construct.rejoined {
					credit = paid;
				}
			}
			Kind::Loop => {
				let once = construct.branches == 1 && construct.repeats == 1;
				if once && construct.calls {
					self.turn_at_end(construct.head, construct.around);
				}
				self.finish_to(construct.around);
			}
		}
		let number = self.constructs.len();
		let outer = self.constructs.last_mut()?;
		outer.reach = outer.reach.min(construct.reach);
		outer.calls |= construct.calls;
		let missed = construct.reach < number || construct.dead_arm || !falls_through;
		missed.then(|| self.begin(false, credit))
	}

	/// Lets a loop's charge stand where it is repeated; the region around it takes its first pass.
	fn turn_at_end(&mut self, head: Option<Head>, around: usize) {
		if let Some(region) = head.and_then(|head| self.regions.get_mut(head)) {
			region.turns_at_end = true;
		}
		let outer = around.checked_sub(1).and_then(|at| self.open.get(at));
		if let Some(region) = outer.and_then(|outer| self.regions.get_mut(*outer)) {
			region.most = 2 * cost::MERGE;
		}
	}

	/// What to charge at a head, once everything is closed; 0 is no charge.
	pub fn charge(&self, head: Head) -> u64 {
		match self.regions.get(head) {
			Some(region) if !region.turns_at_end => region.charge(),
			_ => 0,
		}
	}

	/// What to charge where a loop is repeated; 0 is no charge.
	pub fn charge_at_end(&self, head: Head) -> u64 {
		match self.regions.get(head) {
			Some(region) if region.turns_at_end => region.charge(),
			_ => 0,
		}
	}

	/// Closes the function's own region.
	pub fn close(&mut self) {
		self.finish_to(0);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn arms_that_are_cheap_are_paid_by_their_more_expensive_one() {
		let (mut regions, entry) = Regions::new(0);
		regions.add(10);
		let then = regions.enter(Kind::Then, 0).unwrap();
		regions.add(5);
		let other = regions.turn(false).unwrap();
		regions.add(7);
		assert!(regions.leave(true).is_some(), "the first arm does not reach this point");
		regions.leave(true);
		regions.close();
		assert_eq!(regions.charge(entry), 10 + 7 + cost::CHARGE);
		assert_eq!((regions.charge(then), regions.charge(other)), (0, 0));
	}

	#[test]
	fn expensive_arms_pay_for_themselves() {
		let (mut regions, entry) = Regions::new(0);
		let then = regions.enter(Kind::Then, 0).unwrap();
		regions.add(cost::MERGE + 1);
		regions.leave(true);
		regions.close();
		assert_eq!(regions.charge(entry), 0);
		assert_eq!(regions.charge(then), cost::MERGE + 1 + cost::CHARGE);
	}

	#[test]
	fn costs_that_come_later_count_where_they_were_told() {
		for (later, merges) in [(4, true), (40, false)] {
			let (mut regions, entry) = Regions::new(0);
			regions.keep();
			let body = regions.enter(Kind::Loop, 0).unwrap();
			regions.add(2);
			let then = regions.enter(Kind::Then, 0).unwrap();
			regions.add(1);
			regions.later(7);
			regions.leave(true);
			regions.branch(0);
			regions.leave(true);
			regions.leave(true);
			regions.settle(0, |number| if number == 7 { later } else { 0 });
			regions.add(5);
			regions.close();
			assert_eq!(regions.charge(entry), 5 + cost::CHARGE);
			let all = if merges { 2 + 1 + later } else { 2 };
			assert_eq!(regions.charge(body), all + cost::CHARGE);
			assert_eq!(regions.charge(then) == 0, merges);
		}
	}

	#[test]
	fn loops_are_never_merged() {
		let (mut regions, entry) = Regions::new(0);
		let body = regions.enter(Kind::Loop, 0).unwrap();
		regions.add(3);
		regions.branch(0);
		assert_eq!(regions.leave(true), None);
		regions.add(2);
		regions.leave(true);
		regions.close();
		assert_eq!(regions.charge(body), 3 + cost::CHARGE);
		assert_eq!(regions.charge(entry), 2 + cost::CHARGE);
	}

	/// `br_if` to a label that may carry a charge, as the rewriter tells it.
	fn repeat(regions: &mut Regions, label: u32) -> Option<Head> {
		let head = regions.repeat(label);
		regions.branch(label);
		regions.candidate();
		head
	}

	#[test]
	fn a_loop_that_calls_and_has_one_repeat_turns_at_its_end() {
		for (calls, repeats, plain, operands) in [
			(true, 1, 0, 0),
			(false, 1, 0, 0),
			(true, 2, 0, 0),
			(true, 0, 1, 0),
			(true, 1, 1, 0),
			(true, 1, 0, 1),
		] {
			let (mut regions, entry) = Regions::new(0);
			regions.add(10);
			let body = regions.enter(Kind::Loop, operands).unwrap();
			regions.add(100);
			regions.enter(Kind::Block, 0);
			if calls {
				regions.call();
			}
			regions.leave(true);
			(0..plain).for_each(|_| regions.branch(0));
			let mut turn = None;
			(0..repeats).for_each(|_| turn = repeat(&mut regions, 0));
			regions.leave(true);
			regions.leave(true);
			regions.close();
			let turns = calls && (repeats, plain, operands) == (1, 0, 0);
			assert_eq!(turn.is_some(), repeats > 0 && operands == 0);
			let first = if turns { 100 } else { 0 };
			assert_eq!(regions.charge(entry), 10 + first + cost::CHARGE);
			assert_eq!(regions.charge(body), if turns { 0 } else { 100 + cost::CHARGE });
			assert_eq!(regions.charge_at_end(body), if turns { 100 + cost::CHARGE } else { 0 });
		}
	}

	#[test]
	fn loops_inside_each_other_are_paid_once_by_every_pass_around_them() {
		let (mut regions, entry) = Regions::new(0);
		let then = regions.enter(Kind::Then, 0).unwrap();
		let outer = regions.enter(Kind::Loop, 0).unwrap();
		regions.add(1);
		let inner = regions.enter(Kind::Loop, 0).unwrap();
		regions.add(cost::MERGE);
		regions.call();
		repeat(&mut regions, 0);
		regions.leave(true);
		regions.add(2);
		repeat(&mut regions, 0);
		regions.leave(true);
		regions.leave(true);
		regions.leave(true);
		regions.close();
		// The arm is merged although it costs more than others may.
		assert_eq!(
			(regions.charge(then), regions.charge(outer), regions.charge(inner)),
			(0, 0, 0)
		);
		assert_eq!(regions.charge(entry), cost::MERGE + 3 + cost::CHARGE);
		assert_eq!(regions.charge_at_end(outer), cost::MERGE + 3 + cost::CHARGE);
		assert_eq!(regions.charge_at_end(inner), cost::MERGE + cost::CHARGE);
	}

	#[test]
	fn what_a_branch_may_skip_is_charged_apart_or_merged() {
		for (rest, merges) in [(cost::MERGE, true), (cost::MERGE + 1, false)] {
			let (mut regions, entry) = Regions::new(0);
			regions.enter(Kind::Block, 0);
			regions.enter(Kind::Block, 0);
			regions.add(1);
			regions.branch(1);
			let after_branch = regions.candidate();
			let after_block = regions
				.leave(true)
				.expect("the branch misses the point after the inner block");
			regions.add(rest);
			assert_eq!(
				regions.leave(true),
				None,
				"all paths reach the point after the outer block"
			);
			regions.leave(true);
			regions.close();
			assert_eq!(regions.charge(after_branch), 0);
			assert_eq!(regions.charge(after_block) == 0, merges);
			assert_eq!(regions.charge(entry) == 1 + rest + cost::CHARGE, merges);
		}
	}
}
