//! What is at stake: how often a shard is audited, and what a seat, a claim and a board put up.
//!
//! | symbol | what | here |
//! |---|---|---|
//! | C | a seat's cap: the most that it can earn | a parameter |
//! | p | the probability that a shard is audited | [`Params::probability`] |
//! | L1 | a seat's liability from its seal to the draw | [`Params::liability_at_seal`] |
//! | P\* | the largest claim | [`largest_claim`] |
//! | L2 | a seat's liability from then on, and the bond of a board | [`Params::liability_for`] |
//! | A | the advance for audits and recomputation | [`advance`] |
//!
//! ## Why lying loses
//!
//! Who holds all seats of a shard and forges it earns C if nobody looks and loses L1 if an honest auditor does, which happens
//! with d = p (1 - f) η: f is the owner's share of those who may be drawn, η the part of the others who compute, can fetch and
//! cannot be bought. The expected gain of a seat, in caps, is (1 - d) - d m, since L1 = m C / p; see [`expected_gain`]. With
//! m = 8 it is below nothing for every f up to a half and η down to a quarter, however rare audits are: who is audited less
//! often puts up more.
//!
//! Amounts are rounded against whoever puts them up or is paid; `None` where they are no number.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::{money::fee, params::CourtParams, Balance, MILL};
use scale_info::TypeInfo;
use sp_runtime::{PerThing, Perbill, Permill, Rounding, Saturating};

/// The court's parameters of money. They are checked together: a vote for one of them must not switch deterrence off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Params {
	/// m: L1 is so many caps, divided by the probability of an audit.
	pub multiple: u32,
	/// The least probability of an audit, for who has a history.
	pub least: Perbill,
	/// The largest, for who has none.
	pub most: Perbill,
	/// What must have been burned for a provider until it is audited half as often as a newcomer, but for [`Params::most`].
	pub history: Balance,
	/// ρ: what replaying a task costs at most, in what the task pays.
	pub replay: u32,
	/// The least liability and bond.
	pub floor: Balance,
	/// The part of a seat's liability for its cap that it loses if it was drawn and never sealed.
	pub late: Perbill,
}

impl Default for Params {
	fn default() -> Self {
		Self {
			multiple: 8,
			least: Perbill::from_rational(1_u32, 32),
			most: Perbill::from_percent(25),
			history: MILL,
			replay: 6,
			floor: 2 * MILL,
			late: Perbill::from_percent(5),
		}
	}
}

impl From<&CourtParams> for Params {
	fn from(params: &CourtParams) -> Self {
		Self {
			multiple: params.multiple,
			least: params.least,
			most: params.most,
			history: params.history,
			replay: params.replay,
			floor: params.floor,
			late: params.late,
		}
	}
}

impl Params {
	/// Checks what must hold together.
	///
	/// # Errors
	/// The name of a parameter that breaks it.
	pub fn check(&self) -> Result<(), &'static str> {
		if self.least.is_zero() || self.least > self.most {
			return Err("least");
		}
		// A right prover is paid for its replay, and neither bonds nor staying away are free.
		if self.replay < 6 {
			return Err("replay");
		}
		if self.floor < MILL / 10 {
			return Err("floor");
		}
		if self.late < Perbill::from_percent(1) || self.history < MILL / 10 {
			return Err("late, history");
		}
		// Forging loses with half of all seats and a quarter of the other auditors honest: (1/2)(1/4)(p + m) >= 1.
		let parts = u64::from(Perbill::ACCURACY);
		if u64::from(self.least.deconstruct()) + u64::from(self.multiple) * parts < 8 * parts {
			return Err("multiple");
		}
		// What is left after the draw was reserved before it: 4 (1 + rho) caps are at most m / p.
		let most = u64::from(self.most.deconstruct());
		if u64::from(self.claims()) * most > u64::from(self.multiple) * parts {
			return Err("most");
		}
		Ok(())
	}

	/// How many claims make L2: its quarter pays who proved it for a replay and its fees.
	fn claims(&self) -> u32 {
		self.replay.saturating_add(1).saturating_mul(4)
	}

	/// p of a seat: less with what was burned for its provider, more if its free bond could not bear the liability otherwise.
	pub fn probability(&self, burned: Balance, cap: Balance, free_bond: Balance) -> Perbill {
		let ratio = |part: Balance, whole: Balance| match whole {
			0 => Perbill::one(),
			_ => Perbill::from_rational_with_rounding(part.min(whole), whole, Rounding::Up).unwrap_or(Perbill::one()),
		};
		let by_history = ratio(self.history, self.history.saturating_add(burned));
		let by_bond = ratio(cap.saturating_mul(self.multiple.into()), free_bond);
		by_history.max(by_bond).clamp(self.least, self.most)
	}

	/// L1: m C / p, at least what L2 can become.
	pub fn liability_at_seal(&self, cap: Balance, p: Perbill) -> Option<Balance> {
		let p = Balance::from(p.deconstruct().max(1));
		let audited = cap
			.checked_mul(self.multiple.into())?
			.checked_mul(Perbill::ACCURACY.into())?
			.div_ceil(p);
		Some(audited.max(self.liability(cap)?))
	}

	/// L2 for the largest claim, and the bond of a board: 4 (1 + ρ) claims, at least the floor.
	pub fn liability(&self, largest_claim: Balance) -> Option<Balance> {
		Some(largest_claim.checked_mul(self.claims().into())?.max(self.floor))
	}

	/// L2 where the largest claim that was opened may be a liar's, or grow: never below that of 3/8 of the cap and three seats'
	/// fees, of which a recomputation and a replay can be paid though it claims nothing.
	pub fn liability_for(&self, largest_claim: Balance, cap: Balance, seat_fee: Balance) -> Option<Balance> {
		let least = self.liability(cap.checked_mul(3)?.div_ceil(8))?;
		Some(
			least
				.checked_add(seat_fee.checked_mul(3)?)?
				.max(self.liability(largest_claim)?),
		)
	}

	/// The part of a seat's reserve that must be its own bond, since backing that is slashed burns: L2 of the cap, or a quarter of L1
	/// for the audit that catches it, and besides what is paid before (a recomputation by three) and beside it (two replays).
	pub fn own_part(&self, cap: Balance, p: Perbill, seat_fee: Balance) -> Option<Balance> {
		let whole = self.liability_at_seal(cap, p)?;
		let replays = Balance::from(self.replay).checked_add(1)?.checked_mul(2)?;
		let besides = cap
			.checked_mul(replays.checked_add(3)?)?
			.checked_add(seat_fee.checked_mul(3)?)?;
		Some(
			self.liability(cap)?
				.max(whole.div_ceil(4).checked_add(besides)?)
				.min(whole),
		)
	}

	/// What a drawn seat loses that never seals.
	pub fn late_slash(&self, cap: Balance) -> Option<Balance> {
		Some(self.late.mul_ceil(self.liability(cap)?))
	}

	/// By how much a seat's pay is lowered for being audited more often than others, whether it is or not; never by more than
	/// there is.
	pub fn premium(&self, p: Perbill, pay: Balance, seat_fee: Balance) -> Option<Balance> {
		let premium = p.saturating_sub(self.least).mul_ceil(pay.checked_add(seat_fee)?);
		Some(premium.min(pay))
	}
}

/// P\*: the largest of the claims, at least an eighth of the cap (a claim of nothing must not cost nothing), at most the cap.
pub fn largest_claim(claims: impl IntoIterator<Item = Balance>, cap: Balance) -> Balance {
	claims.into_iter().fold(cap.div_ceil(8), Balance::max).min(cap)
}

/// A: four caps with the fee on them and the fees of five drawn seats (two audits, three fresh ones), held beside what the
/// seats may earn.
pub fn advance(cap: Balance, fee_share: Permill, seat_fee: Balance) -> Option<Balance> {
	let caps = cap.checked_add(fee(cap, fee_share))?.checked_mul(4)?;
	caps.checked_add(seat_fee.checked_mul(5)?)
}

/// What a seat gains on average, in caps, by forging a shard of which one owner holds all seats.
///
/// `f` is that owner's part of those who may be drawn, `eta` the part of the others who audit honestly, `lost` the part of
/// the liability that is really lost (1, since nobody guilty shares in it).
#[cfg(feature = "std")]
pub fn expected_gain(multiple: f64, p: f64, f: f64, eta: f64, lost: f64) -> f64 {
	let caught = p * (1.0 - f) * eta;
	(1.0 - caught) - caught * lost * multiple / p
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn the_usual_parameters_hold_together_and_no_weaker_ones() {
		let params = Params::default();
		assert_eq!(params.check(), Ok(()));
		let with = |change: fn(&mut Params)| {
			let mut changed = params;
			change(&mut changed);
			changed.check()
		};
		assert_eq!(with(|params| params.multiple = 7), Err("multiple"));
		assert_eq!(with(|params| params.most = Perbill::from_percent(29)), Err("most"));
		assert_eq!(with(|params| params.most = Perbill::from_percent(28)), Ok(()));
		assert_eq!(with(|params| params.replay = 8), Err("most"));
		assert_eq!(with(|params| params.replay = 7), Ok(()));
		assert_eq!(with(|params| params.replay = u32::MAX), Err("most"));
		assert_eq!(with(|params| params.replay = 5), Err("replay"));
		assert_eq!(with(|params| params.floor = MILL / 10 - 1), Err("floor"));
		assert_eq!(with(|params| params.late = Perbill::zero()), Err("late, history"));
		assert_eq!(with(|params| params.history = 0), Err("late, history"));
		assert_eq!(with(|params| params.least = Perbill::zero()), Err("least"));
		assert_eq!(with(|params| params.least = Perbill::from_percent(26)), Err("least"));
	}

	#[test]
	fn forging_loses_for_every_share_up_to_a_half() {
		let params = Params::default();
		for p in [params.least, params.most].map(|p| f64::from(p.deconstruct()) / 1e9) {
			for f in 0..=50 {
				for eta in 25..=100 {
					let gain = expected_gain(
						params.multiple.into(),
						p,
						f64::from(f) / 100.0,
						f64::from(eta) / 100.0,
						1.0,
					);
					assert!(gain <= 0.0, "p {p}, f {f} %, eta {eta} %: {gain}");
				}
			}
		}
		// The table of docs/court.md, in caps: f = 0, 0.1 .. 0.6.
		let table = [
			(3.0, 1.0, 1.0, [-2.03, -1.73, -1.43, -1.12, -0.82, -0.52, -0.21]),
			(8.0, 0.6, 1.0, [-3.82, -3.34, -2.85, -2.37, -1.89, -1.41, -0.93]),
			(8.0, 0.4, 1.0, [-2.21, -1.89, -1.57, -1.25, -0.93, -0.61, -0.29]),
			(8.0, 0.25, 1.0, [-1.01, -0.81, -0.61, -0.41, -0.20, 0.00, 0.20]),
		];
		for (m, eta, lost, row) in table {
			for (n, expected) in row.into_iter().enumerate() {
				let gain = expected_gain(m, 1.0 / 32.0, n as f64 / 10.0, eta, lost);
				assert!((gain - expected).abs() < 0.011, "{m} {eta} {n}: {gain}");
			}
		}
	}

	#[test]
	fn amounts_of_a_job_of_ten_minutes() {
		let (params, cap) = (Params::default(), 1_200 * MILL / 1_000);
		// Without a history, with one, and with a bond that is short.
		assert_eq!(params.probability(0, cap, 10_000 * MILL), params.most);
		assert_eq!(params.probability(1_000 * MILL, cap, 10_000 * MILL), params.least);
		assert_eq!(
			params.probability(7 * MILL, cap, 10_000 * MILL),
			Perbill::from_rational(1_u32, 8)
		);
		assert_eq!(
			params.probability(1_000 * MILL, cap, 96 * MILL),
			Perbill::from_percent(10)
		);
		assert_eq!(params.probability(1_000 * MILL, cap, 0), params.most);
		// 8 * 1.2 * 32, 28 * 1.2, 28 * 0.6.
		assert_eq!(params.liability_at_seal(cap, params.least), Some(3_072 * MILL / 10));
		assert_eq!(params.liability(cap), Some(336 * MILL / 10));
		assert_eq!(params.liability(cap / 2), Some(168 * MILL / 10));
		// 76.8, and 17 caps beside it; 33.6 where audits are frequent.
		assert_eq!(params.own_part(cap, params.least, 0), Some(972 * MILL / 10));
		assert_eq!(params.own_part(cap, params.most, 0), Some(336 * MILL / 10));
		assert_eq!(
			params.own_part(cap, params.most, 1_000 * MILL),
			params.liability_at_seal(cap, params.most)
		);
		assert_eq!(params.late_slash(cap), Some(168 * MILL / 100));
		assert_eq!(params.premium(params.least, cap, 0), Some(0));
		assert_eq!(
			advance(cap, Permill::from_percent(5), MILL / 100),
			Some(509 * MILL / 100)
		);
		// Small jobs are held by the floor.
		assert_eq!(params.liability_at_seal(1, params.most), Some(2 * MILL));
	}

	#[test]
	fn what_is_left_after_the_draw_pays_a_recomputation_and_a_replay_whatever_is_claimed() {
		let params = Params::default();
		for (claim, fee) in [(0, 0), (0, MILL), (3 * MILL, 5 * MILL), (8 * MILL, 0)] {
			let least = params.liability_for(claim, 8 * MILL, fee).unwrap();
			// Three of them and their fees, and seven claims of the cap for one of them.
			assert!(least >= 8 * MILL * (3 + 7) + 3 * fee, "{claim} {fee}");
		}
		assert_eq!(params.liability_for(0, 8 * MILL, MILL), Some(87 * MILL));
		assert_eq!(params.liability_for(3 * MILL, 8 * MILL, MILL), Some(87 * MILL));
		// With the claim in it, it is more from here on.
		assert_eq!(
			params.liability_for(87 * MILL / 28 + 1, 8 * MILL, MILL),
			Some((87 * MILL / 28 + 1) * 28)
		);
		assert_eq!(params.liability_for(0, 8 * MILL, Balance::MAX / 3), None);
	}

	#[test]
	fn what_is_no_number_is_none() {
		let params = Params::default();
		assert_eq!(params.liability_at_seal(Balance::MAX / 8, params.least), None);
		assert_eq!(params.liability(Balance::MAX / 8), None);
		assert_eq!(params.premium(params.most, Balance::MAX, 1), None);
		assert_eq!(advance(Balance::MAX, Permill::zero(), 0), None);
		assert_eq!(advance(1, Permill::zero(), Balance::MAX / 5 + 1), None);
		assert_eq!(
			params.probability(Balance::MAX, Balance::MAX, Balance::MAX),
			params.most
		);
	}

	#[test]
	fn a_claim_of_nothing_is_an_eighth() {
		assert_eq!(largest_claim([0, 0], 80), 10);
		assert_eq!(largest_claim([], 81), 11);
		assert_eq!(largest_claim([5, 30, 2], 80), 30);
		assert_eq!(largest_claim([500], 80), 80);
		assert_eq!(largest_claim([0], 0), 0);
	}

	proptest! {
		#[test]
		fn what_is_reserved_at_the_seal_covers_all_that_can_follow(
			cap in 0_u128..1_000_000 * MILL, burned in 0_u128..100 * MILL, bond in 0_u128..1_000_000 * MILL, claim in 0_u128..2_000_000 * MILL,
		) {
			let params = Params::default();
			let p = params.probability(burned, cap, bond);
			prop_assert!(p >= params.least && p <= params.most);
			let first = params.liability_at_seal(cap, p).unwrap();
			let later = params.liability(largest_claim([claim], cap)).unwrap();
			prop_assert!(first >= later && later >= params.floor);
			prop_assert!(first >= params.own_part(cap, p, MILL).unwrap());
			prop_assert!(params.premium(p, claim, MILL).unwrap() <= claim);
			prop_assert!(params.late_slash(cap).unwrap() <= later.max(params.liability(cap).unwrap()));
			// More history and more bond never mean more audits; a larger cap never fewer.
			prop_assert!(params.probability(burned + MILL, cap, bond) <= p);
			prop_assert!(params.probability(burned, cap, bond + MILL) <= p);
			prop_assert!(params.probability(burned, cap + MILL, bond) >= p);
			// The expected slash of an audit that catches is m caps, however often there is one: p L1 >= m C.
			prop_assert!(p.mul_ceil(first) >= cap * 8);
		}
	}
}
