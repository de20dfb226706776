//! The game that finds the one step at which two parties part. Pure: no clocks, no money, no storage.
//!
//! ```text
//!  both start from root(0), which is computed from the task; they differ on root(end)
//!  one:   its roots at 15 points between          other: the first part at whose end it has another root,
//!  └─ and its own roots at 15 points of that part, and so on, in turns, until the part is one step: prove, verify
//! ```
//!
//! A halted machine stays where it is, so the end is a number of steps that surely suffices, [`max_steps`] of the gas
//! limit; nobody has to claim how many there were. That many steps are at most [`MAX_ROUNDS`] rounds.
//!
//! A party never says what it claims of a part's end if the other party named that root: that it goes on means that it
//! has another one. Who plays what it computed is never wrong: the start of every part is right, and so is the end if the
//! party claims it, and wrong if it does not.

use crate::{
	hash::{Hash, Hasher},
	max_steps,
	outcome::Outcome,
	task::Limits,
	witness::{verify, WitnessError},
};
use alloc::vec::Vec;

/// Into how many parts a round divides a range.
pub const ARITY: u64 = 16;
/// The most points inside a range.
pub const MAX_POINTS: usize = ARITY as usize - 1;
/// The most rounds until a whole run is one step.
pub const MAX_ROUNDS: u32 = 10;

const _: () = assert!(ARITY.pow(MAX_ROUNDS) == max_steps(crate::MAX_GAS));

/// The steps from one state to a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
	feature = "codec",
	derive(
		codec::Encode,
		codec::Decode,
		codec::DecodeWithMemTracking,
		codec::MaxEncodedLen,
		scale_info::TypeInfo
	)
)]
#[cfg_attr(
	feature = "serde",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "camelCase")
)]
pub struct Range {
	/// The steps before it.
	pub from: u64,
	/// The steps to its end.
	pub to: u64,
}

impl Range {
	/// A whole run within these limits: after its end every run of a program that a normaliser made has halted.
	pub const fn whole(limits: &Limits) -> Self {
		Self {
			from: 0,
			to: max_steps(limits.gas),
		}
	}

	/// How many steps it has. None if its end is before its start.
	pub const fn len(&self) -> u64 {
		self.to.saturating_sub(self.from)
	}

	/// Whether it has no step.
	pub const fn is_empty(&self) -> bool {
		self.len() == 0
	}

	/// Whether it is one step: nothing is left to find.
	pub const fn is_step(&self) -> bool {
		self.len() == 1
	}

	/// The number of its parts: [`ARITY`], fewer if it is shorter.
	pub fn parts(&self) -> u8 {
		self.len().min(ARITY) as u8
	}

	/// The end of its part `n`, for `n` below [`Range::parts`].
	fn end(&self, n: u8) -> u64 {
		let parts = u128::from(self.parts().max(1));
		self.from + (u128::from(self.len()) * (u128::from(n) + 1) / parts) as u64
	}

	/// The points inside it that divide it into its parts, none of which is empty and none longer than a sixteenth,
	/// rounded up.
	pub fn points(&self) -> impl Iterator<Item = u64> {
		let range = *self;
		(1..range.parts()).map(move |n| range.end(n - 1))
	}

	/// Its part `n`; `None` if it has not so many.
	pub fn part(&self, n: u8) -> Option<Self> {
		(n < self.parts()).then(|| Self {
			from: match n {
				0 => self.from,
				_ => self.end(n - 1),
			},
			to: self.end(n),
		})
	}
}

/// Why a move is none that may be made. It changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Illegal {
	/// So many roots are claimed, and the range has another number of points.
	Claims {
		/// How many there are.
		found: usize,
		/// How many there must be.
		expected: usize,
	},
	/// The range has no such part.
	Part,
	/// The part is one step, which is to be proven, or it is not and is to be divided.
	Step,
	/// The proof is none.
	Witness(WitnessError),
}

impl core::fmt::Display for Illegal {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Claims { found, expected } => write!(f, "{found} roots where {expected} belong"),
			Self::Part => f.write_str("the range has no such part"),
			Self::Step => f.write_str("one step is proven, several are divided"),
			Self::Witness(error) => error.fmt(f),
		}
	}
}

impl core::error::Error for Illegal {}

impl From<WitnessError> for Illegal {
	fn from(error: WitnessError) -> Self {
		Self::Witness(error)
	}
}

/// The first part of a range at whose end another party has another root than `mine`, a function of the step. `claims`
/// are its roots at the points, in order, and nothing else. The last part, if all of them are right: then it must be the
/// range's end of which the two say different things.
///
/// # Errors
/// [`Illegal::Claims`] if they are too few or too many; or what `mine` failed with.
pub fn narrow<E: From<Illegal>>(
	range: &Range,
	claims: &[Hash],
	mut mine: impl FnMut(u64) -> Result<Hash, E>,
) -> Result<u8, E> {
	expect(range, claims)?;
	for ((step, claim), part) in range.points().zip(claims).zip(0..) {
		if mine(step)? != *claim {
			return Ok(part);
		}
	}
	Ok(range.parts().saturating_sub(1))
}

fn expect(range: &Range, claims: &[Hash]) -> Result<(), Illegal> {
	let (found, expected) = (claims.len(), usize::from(range.parts().saturating_sub(1)));
	match found == expected {
		true => Ok(()),
		false => Err(Illegal::Claims { found, expected }),
	}
}

/// What two parties say of the end of a whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
	/// Both have the same outcome: there is nothing to play for.
	Same,
	/// Both have an outcome, and not the same: the game decides.
	Different,
	/// Only this one has an outcome; the other says that the run has not halted. The game decides, as between outcomes.
	Only(Side),
	/// Both say that it has not halted. No code that a normaliser made runs so long, so nobody can have promised anything
	/// about it: the task is void, and who published the program pays.
	Endless,
}

impl Ends {
	/// Compares what two parties say; `None` of a run that has not halted.
	pub fn of(first: Option<&Outcome>, second: Option<&Outcome>) -> Self {
		match (first, second) {
			(Some(first), Some(second)) if first == second => Self::Same,
			(Some(_), Some(_)) => Self::Different,
			(Some(_), None) => Self::Only(Side::First),
			(None, Some(_)) => Self::Only(Side::Second),
			(None, None) => Self::Endless,
		}
	}
}

/// One of two parties.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(
	feature = "codec",
	derive(
		codec::Encode,
		codec::Decode,
		codec::DecodeWithMemTracking,
		codec::MaxEncodedLen,
		scale_info::TypeInfo
	)
)]
#[cfg_attr(
	feature = "serde",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "camelCase")
)]
pub enum Side {
	/// The one whose outcome is attacked, which moves first.
	First,
	/// The one that attacks.
	Second,
}

impl Side {
	/// The other party.
	pub const fn other(self) -> Self {
		match self {
			Self::First => Self::Second,
			Self::Second => Self::First,
		}
	}
}

/// A game: the range in which the two part, and what was claimed of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(
	feature = "codec",
	derive(
		codec::Encode,
		codec::Decode,
		codec::DecodeWithMemTracking,
		codec::MaxEncodedLen,
		scale_info::TypeInfo
	)
)]
pub struct Game {
	/// The machine's version.
	engine: u8,
	/// Where they part.
	range: Range,
	/// The root of the state at its start, on which both agree.
	start: Hash,
	/// A root of the state at its end, on which they do not.
	end: Hash,
	/// Who claims that root.
	claimant: Side,
	/// Whose turn it is.
	turn: Side,
	/// Roots at the points of the range, claimed by the party whose turn it is not; zeros behind them.
	points: [Hash; MAX_POINTS],
	/// Whether there are points: not before the first move.
	divided: bool,
}

impl Game {
	/// A game about a whole run: from its first state, which the task decides, to an outcome or another state that the
	/// first party claims and the second denies.
	pub fn new(engine: u8, range: Range, start: Hash, end: Hash) -> Self {
		Self {
			engine,
			range,
			start,
			end,
			claimant: Side::First,
			turn: Side::First,
			points: [[0; 32]; MAX_POINTS],
			divided: false,
		}
	}

	/// Who moves next.
	pub const fn turn(&self) -> Side {
		self.turn
	}

	/// Where the two part, as far as that is known.
	pub const fn range(&self) -> Range {
		self.range
	}

	/// The roots that the other party claimed at the points of the range; none before the first move.
	pub fn claims(&self) -> &[Hash] {
		match self.divided {
			true => &self.points[..usize::from(self.range.parts().saturating_sub(1))],
			false => &[],
		}
	}

	/// The range that a move is about: the part that it picks, or before the first move all of it, which has number 0.
	///
	/// # Errors
	/// [`Illegal::Part`].
	pub fn picked(&self, part: u8) -> Result<Range, Illegal> {
		let picked = match self.divided {
			true => self.range.part(part),
			false => (part == 0).then_some(self.range),
		};
		picked.filter(|range| !range.is_empty()).ok_or(Illegal::Part)
	}

	/// The roots that are claimed at the start and the end of a part, and by whom the latter.
	fn bounds(&self, part: u8) -> Result<(Hash, Hash, Side), Illegal> {
		let claims = self.claims();
		let start = match part.checked_sub(1) {
			Some(before) => *claims.get(usize::from(before)).ok_or(Illegal::Part)?,
			None => self.start,
		};
		Ok(match claims.get(usize::from(part)) {
			Some(end) => (start, *end, self.turn.other()),
			None => (start, self.end, self.claimant),
		})
	}

	/// The move of the party whose turn it is: the first part at whose end it says something else than the other, and its
	/// own roots at the points of that part.
	///
	/// # Errors
	/// Everything but [`Illegal::Witness`]; the game stays as it was.
	pub fn divide(&self, part: u8, claims: &[Hash]) -> Result<Self, Illegal> {
		let range = self.picked(part)?;
		if range.is_step() {
			return Err(Illegal::Step);
		}
		expect(&range, claims)?;
		let (start, end, claimant) = self.bounds(part)?;
		let mut points = [[0; 32]; MAX_POINTS];
		points.iter_mut().zip(claims).for_each(|(point, claim)| *point = *claim);
		Ok(Self {
			engine: self.engine,
			range,
			start,
			end,
			claimant,
			turn: self.turn.other(),
			points,
			divided: true,
		})
	}

	/// The last move: the part that it picks is one step, and this is the proof of it. Who is right, whoever moved.
	///
	/// # Errors
	/// [`Illegal::Part`], [`Illegal::Step`], [`Illegal::Witness`]; the game stays as it was.
	pub fn prove<H: Hasher>(&self, part: u8, witness: &[u8]) -> Result<Side, Illegal> {
		if !self.picked(part)?.is_step() {
			return Err(Illegal::Step);
		}
		let (start, end, claimant) = self.bounds(part)?;
		let next = verify::<H>(self.engine, &start, witness)?;
		Ok(match next.root::<H>() == end {
			true => claimant,
			false => claimant.other(),
		})
	}

	/// The roots that a party has to claim for its next move, and the part that it picks, if `mine` are its roots.
	///
	/// # Errors
	/// What `mine` failed with.
	pub fn answer<E: From<Illegal>>(&self, mut mine: impl FnMut(u64) -> Result<Hash, E>) -> Result<(u8, Vec<Hash>), E> {
		let part = match self.divided {
			true => narrow(&self.range, self.claims(), &mut mine)?,
			false => 0,
		};
		let range = self.picked(part)?;
		let claims: Result<Vec<Hash>, E> = range.points().map(mine).collect();
		Ok((part, claims?))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{outcome::Status, task::Blob};
	use proptest::prelude::*;

	fn range() -> impl Strategy<Value = Range> {
		let number = || (0_u32..64, any::<u64>()).prop_map(|(shift, number)| number >> shift);
		(number(), number()).prop_map(|(from, len)| Range {
			from,
			to: from.saturating_add(len),
		})
	}

	proptest! {
		#[test]
		fn points_divide_a_range_into_parts_that_shrink(range in range()) {
			let points: Vec<u64> = range.points().collect();
			prop_assert_eq!(points.len() as u64, range.len().min(ARITY).saturating_sub(1));
			let parts: Vec<Range> = (0..=255).map_while(|n| range.part(n)).collect();
			prop_assert_eq!(parts.len(), usize::from(range.parts()));
			let ends: Vec<u64> = parts.iter().map(|part| part.to).collect();
			let starts: Vec<u64> = parts.iter().map(|part| part.from).collect();
			if !range.is_empty() {
				prop_assert_eq!(ends, [&points[..], &[range.to]].concat());
				prop_assert_eq!(starts, [&[range.from], &points[..]].concat());
			}
			for part in parts {
				prop_assert!(!part.is_empty() && part.len() <= range.len().div_ceil(ARITY));
			}
		}

		#[test]
		fn only_as_many_claims_as_points_are_looked_at(range in range(), wrong in 0_usize..20, count in 0_usize..20) {
			let mine = |step: u64| Ok::<_, Illegal>([step as u8; 32]);
			let mut claims: Vec<Hash> = range.points().map(|step| [step as u8; 32]).collect();
			let last = range.parts().saturating_sub(1);
			prop_assert_eq!(narrow(&range, &claims, mine), Ok(last));
			if let Some(claim) = claims.get_mut(wrong) {
				claim[9] ^= 1;
				prop_assert_eq!(narrow(&range, &claims, mine), Ok(wrong as u8));
			}
			let expected = claims.len();
			claims.resize(count, [0; 32]);
			if count != expected {
				prop_assert_eq!(narrow(&range, &claims, mine), Err(Illegal::Claims { found: count, expected }));
			}
		}
	}

	#[test]
	fn the_longest_run_is_one_step_after_the_last_round() {
		let limits = |gas| Limits {
			gas,
			memory_pages: 0,
			output: 0,
		};
		for (gas, n) in [(crate::MAX_GAS, 0), (crate::MAX_GAS, 15), (1, 0), (1 << 33, 7)] {
			let mut range = Range::whole(&limits(gas));
			let mut rounds = 0;
			while !range.is_step() {
				range = range.part(n % range.parts()).expect("it has such a part");
				rounds += 1;
			}
			assert!(rounds <= MAX_ROUNDS, "{rounds} rounds");
		}
	}

	#[test]
	fn ends_are_compared() {
		let outcome = |gas_used| Outcome {
			status: Status::Success,
			code: 0,
			output: Blob { tree: [1; 32], len: 2 },
			errors: [0; 32],
			gas_used,
		};
		let (one, other) = (outcome(1), outcome(2));
		assert_eq!(Ends::of(Some(&one), Some(&one)), Ends::Same);
		assert_eq!(Ends::of(Some(&one), Some(&other)), Ends::Different);
		assert_eq!(Ends::of(Some(&one), None), Ends::Only(Side::First));
		assert_eq!(Ends::of(None, Some(&other)), Ends::Only(Side::Second));
		assert_eq!(Ends::of(None, None), Ends::Endless);
	}

	#[test]
	fn a_range_that_goes_backwards_has_no_parts() {
		let range = Range { from: 9, to: 3 };
		assert_eq!((range.len(), range.parts(), range.points().count()), (0, 0, 0));
		assert_eq!(range.part(0), None);
		let game = Game::new(crate::VERSION, range, [0; 32], [1; 32]);
		assert_eq!(game.divide(0, &[]), Err(Illegal::Part));
	}

	#[cfg(feature = "codec")]
	#[test]
	fn a_game_is_small_and_survives_its_encoding() {
		use codec::{Decode, Encode, MaxEncodedLen};
		let range = Range { from: 5, to: 1000 };
		let game = Game::new(crate::VERSION, range, [2; 32], [3; 32]);
		let game = game.divide(0, &[[4; 32]; MAX_POINTS]).expect("it is the first move");
		assert!(Game::max_encoded_len() <= 600, "{}", Game::max_encoded_len());
		assert_eq!(Game::decode(&mut &game.encode()[..]), Ok(game));
	}
}
