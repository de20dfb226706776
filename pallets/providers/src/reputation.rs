//! Reputation: a Beta distribution's evidence, weighted and with forgetting (after A. Jøsang, R. Ismail, "The Beta
//! Reputation System", 2002).
//!
//! Two weights are kept, `r` of good and `s` of bad evidence. The score is the mean `(r + 1) / (r + s + 2)`: a newcomer
//! starts at one half, and neither end is ever reached.
//!
//! | event | good evidence | bad evidence |
//! |---|---|---|
//! | a settled shard of weight `w` | `+ w`, at most [`EVIDENCE_CAP`] | loses the part `(1 - memory) * min(w, 1)` |
//! | a failure of weight `f` | loses the part `1 - memory` | `+ f`, at most [`EVIDENCE_CAP`] |
//!
//! `w` is the protocol fee *burned* for the provider's part, in units that governance sets, and at most [`WEIGHT_CAP`].
//! Burned fees are the one thing that costs whoever wants a reputation more than it costs others; a settlement of no
//! fee neither adds good evidence nor lets bad evidence fade. Each event makes the *other* evidence fade, so the score
//! never falls by a settlement and never rises by a failure; the cap keeps a long good life from outweighing whatever
//! comes later.

use codec::{Decode, Encode, MaxEncodedLen};
use millrace_primitives::{traits::Conduct, Balance};
use scale_info::TypeInfo;
use sp_runtime::Permill;

/// One unit of evidence in the fixed-point numbers of [`Reputation`].
pub const UNIT: u64 = 1_000_000;
/// The most evidence of either kind that counts.
pub const EVIDENCE_CAP: u64 = 128 * UNIT;
/// The most that a single settlement weighs.
pub const WEIGHT_CAP: u64 = 8 * UNIT;

/// The evidence about a provider, in millionths of a unit; each at most [`EVIDENCE_CAP`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Reputation {
	/// Good evidence.
	pub good: u64,
	/// Bad evidence.
	pub bad: u64,
}

impl Reputation {
	/// The mean of the distribution, rounded down; one half for a newcomer.
	pub fn score(&self) -> Permill {
		let good = u128::from(self.good) + u128::from(UNIT);
		let all = u128::from(self.good) + u128::from(self.bad) + 2 * u128::from(UNIT);
		// Below 10^6, since `good < all`.
		Permill::from_parts((good * u128::from(Permill::one().deconstruct()) / all) as u32)
	}

	/// A shard was settled for which `burned` plancks of fees were burned, `unit` of them being one unit of evidence.
	/// Good evidence is rounded down; what remains of bad evidence up.
	pub fn settled(&mut self, burned: Balance, unit: Balance, memory: Permill) {
		let weight = burned.saturating_mul(UNIT.into()) / unit.max(1);
		let weight = weight.min(WEIGHT_CAP.into()) as u64;
		self.good = self.good.saturating_add(weight).min(EVIDENCE_CAP);
		let faded = forgotten(self.bad, memory);
		// At most `faded`, since the factor is at most one.
		let faded = u128::from(faded) * u128::from(weight.min(UNIT)) / u128::from(UNIT);
		self.bad = self.bad.saturating_sub(faded as u64);
	}

	/// The provider failed in this way. What remains of good evidence is rounded up by less than a millionth of a unit;
	/// bad evidence is exact.
	pub fn failed(&mut self, conduct: Conduct, memory: Permill) {
		let Some(weight) = failure_weight(conduct) else { return };
		self.good = self.good.saturating_sub(forgotten(self.good, memory));
		self.bad = self.bad.saturating_add(weight).min(EVIDENCE_CAP);
	}
}

/// What a failure weighs, in millionths of a unit: 1 unit for a missed acceptance, which costs the client a little
/// time; 4 for work that was accepted and not delivered; 8 for a report that was sealed, or an output that was kept, and is
/// withheld, which no accident explains well; 16 for a report that was proven wrong, which none explains. None for what is no failure.
pub const fn failure_weight(conduct: Conduct) -> Option<u64> {
	match conduct {
		Conduct::Alive => None,
		Conduct::MissedAccept => Some(UNIT),
		Conduct::Late => Some(4 * UNIT),
		Conduct::MissedReveal | Conduct::NotShown => Some(8 * UNIT),
		Conduct::Guilty => Some(16 * UNIT),
	}
}

/// The part of some evidence that one event makes fade, rounded down.
fn forgotten(evidence: u64, memory: Permill) -> u64 {
	let lost = Permill::one().deconstruct().saturating_sub(memory.deconstruct());
	(u128::from(evidence) * u128::from(lost) / u128::from(Permill::one().deconstruct())) as u64
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const MEMORY: Permill = Permill::from_percent(99);

	#[test]
	fn a_newcomer_starts_at_one_half() {
		assert_eq!(Reputation::default().score(), Permill::from_percent(50));
	}

	#[test]
	fn each_failure_weighs_what_is_stated() {
		let after = |conduct| {
			let mut reputation = Reputation {
				good: 100 * UNIT,
				bad: 0,
			};
			reputation.failed(conduct, MEMORY);
			reputation
		};
		assert_eq!(
			after(Conduct::Alive),
			Reputation {
				good: 100 * UNIT,
				bad: 0
			}
		);
		assert_eq!(
			after(Conduct::MissedAccept),
			Reputation {
				good: 99 * UNIT,
				bad: UNIT
			}
		);
		assert_eq!(
			after(Conduct::Late),
			Reputation {
				good: 99 * UNIT,
				bad: 4 * UNIT
			}
		);
		assert_eq!(
			after(Conduct::MissedReveal),
			Reputation {
				good: 99 * UNIT,
				bad: 8 * UNIT
			}
		);
		assert_eq!(
			after(Conduct::Guilty),
			Reputation {
				good: 99 * UNIT,
				bad: 16 * UNIT
			}
		);
	}

	#[test]
	fn a_settlement_without_burned_fees_changes_nothing() {
		let mut reputation = Reputation {
			good: 5 * UNIT,
			bad: 5 * UNIT,
		};
		reputation.settled(0, 1_000, MEMORY);
		assert_eq!(
			reputation,
			Reputation {
				good: 5 * UNIT,
				bad: 5 * UNIT
			}
		);
	}

	#[test]
	fn bad_evidence_fades_by_what_was_burned() {
		let mut reputation = Reputation {
			good: 0,
			bad: 100 * UNIT,
		};
		reputation.settled(500, 1_000, MEMORY);
		assert_eq!(
			reputation,
			Reputation {
				good: UNIT / 2,
				bad: 99 * UNIT + UNIT / 2
			}
		);
		reputation.settled(u128::MAX, 0, MEMORY);
		assert_eq!(reputation.good, UNIT / 2 + WEIGHT_CAP);
	}

	fn any_reputation() -> impl Strategy<Value = Reputation> {
		(0..=EVIDENCE_CAP, 0..=EVIDENCE_CAP).prop_map(|(good, bad)| Reputation { good, bad })
	}

	fn any_failure() -> impl Strategy<Value = Conduct> {
		prop_oneof![
			Just(Conduct::MissedAccept),
			Just(Conduct::Late),
			Just(Conduct::MissedReveal),
			Just(Conduct::NotShown),
			Just(Conduct::Guilty)
		]
	}

	proptest! {
		#[test]
		fn a_settlement_never_lowers_the_score(mut reputation in any_reputation(), burned: u128, unit: u128, memory in 0u32..=1_000_000) {
			let before = reputation.score();
			reputation.settled(burned, unit, Permill::from_parts(memory));
			prop_assert!(reputation.score() >= before);
			prop_assert!(reputation.good <= EVIDENCE_CAP && reputation.bad <= EVIDENCE_CAP);
		}

		#[test]
		fn a_failure_never_raises_the_score(mut reputation in any_reputation(), conduct in any_failure(), memory in 0u32..=1_000_000) {
			let before = reputation.score();
			reputation.failed(conduct, Permill::from_parts(memory));
			prop_assert!(reputation.score() <= before);
			prop_assert!(reputation.good <= EVIDENCE_CAP && reputation.bad <= EVIDENCE_CAP);
		}

		#[test]
		fn the_score_never_reaches_its_ends(events in prop::collection::vec((any::<u128>(), prop::option::of(any_failure())), 0..200)) {
			let mut reputation = Reputation::default();
			for (burned, failure) in events {
				match failure {
					Some(conduct) => reputation.failed(conduct, MEMORY),
					None => reputation.settled(burned, 1_000, MEMORY),
				}
				prop_assert!(reputation.score() > Permill::zero() && reputation.score() < Permill::one());
			}
		}

		#[test]
		fn more_burned_is_never_worth_less(reputation in any_reputation(), less in 0u128..1 << 64, more in 0u128..1 << 64) {
			let (mut small, mut large) = (reputation, reputation);
			small.settled(less, 1_000, MEMORY);
			large.settled(less + more, 1_000, MEMORY);
			prop_assert!(large.score() >= small.score());
		}
	}
}
